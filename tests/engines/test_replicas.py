"""Processes that serve: started, killed, hung, asleep, and ended."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import psutil
import pytest

from modelyard.engines.base import State
from modelyard.engines.local import Follower, replicas, services
from modelyard.errors import Denied, Unavailable
from tests.engines.support import (
    House,
    all_children,
    ask,
    eventually,
    model,
    scorers,
    settings,
    words_of,
)
from tests.support import clean_environment


def _only(folder: Path) -> psutil.Process:
    [process] = scorers(folder)
    return process


def test_a_model_is_served(house: House) -> None:
    house.keep(house.served())
    assert house.standing().state is State.CREATING
    [address] = house.ready().addresses
    assert ask(address) == 42


def test_only_the_servers_user_reaches_a_process(house: House) -> None:
    house.keep(house.served())
    [address] = house.ready().addresses
    assert Path(address).stat().st_mode & 0o777 == 0o600
    assert Path(address).parent.stat().st_mode & 0o777 == 0o700


def test_a_process_that_is_killed_is_started_again(house: House, folder: Path) -> None:
    house.keep(house.served())
    house.ready()
    before = _only(folder)
    before.kill()
    assert house.wait(lambda standing: standing.state is State.RECOVERING).addresses == ()
    [address] = house.ready().addresses
    assert ask(address) == 42
    assert _only(folder).pid != before.pid
    assert house.shelf.loads == 2, "whether it may be started is asked each time"


def test_one_that_ends_again_and_again_is_started_less_and_less_often(house: House, folder: Path) -> None:
    house.keep(house.served())
    pauses: list[float] = []
    for _ in range(4):
        house.ready()
        _only(folder).kill()
        began = time.monotonic()
        house.wait(lambda standing: standing.state is State.RECOVERING)
        house.ready()
        pauses.append(time.monotonic() - began)
    assert pauses[3] > 0.75, "0.1 s, 0.2 s, 0.4 s, 0.8 s"


def test_the_others_serve_on_when_one_ends(house: House, folder: Path) -> None:
    house.keep(house.served(least=2))
    first, second = house.ready(processes=2).addresses
    asked = psutil.Process(_own_pid(folder, first))
    asked.kill()
    standing = house.wait(lambda standing: first not in standing.addresses)
    assert standing.state is State.READY
    assert ask(second) == 42
    house.ready(processes=2)


def _own_pid(folder: Path, address: str) -> int:
    """The process at an address, as this machine counts: its user is known from inside, and is its own."""
    uid = ask(address, "__import__('os').getuid()")
    return next(each.pid for each in scorers(folder) if each.uids().real == uid)


def test_a_model_that_cannot_be_loaded_has_failed_and_says_why(house: House, folder: Path) -> None:
    house.keep(house.served(model(fails=f"no such column: price {folder}/run/models/x")))
    standing = house.failed()
    assert standing.message.startswith("The model could not be loaded. ValueError: no such column: price")
    assert str(folder) not in standing.message
    assert house.shelf.loads == 1
    assert "no such column" in house.engine.logs("one")
    assert not all_children(folder)


def test_a_process_that_ends_at_once_is_tried_three_times(house: House) -> None:
    house.keep(house.served(model(ends=True)))
    assert "ended before it answered (status 9)" in house.failed().message
    time.sleep(0.6)
    assert house.shelf.loads == 3


def test_what_has_failed_is_tried_again_when_it_is_wanted_anew(house: House) -> None:
    served = house.served(model(fails="no"))
    house.keep(served)
    house.failed()
    house.keep()
    house.keep(served)
    eventually(lambda: house.shelf.loads == 2)
    house.failed()


def test_a_model_that_takes_too_long_to_load_is_not_served(make: Callable[..., House], folder: Path) -> None:
    house = make(serving_start_seconds=1)
    house.keep(house.served(model(loads=60)))
    house.wait(lambda standing: "within 1 seconds" in standing.message)
    house.keep()
    eventually(lambda: not all_children(folder))


def test_a_process_that_hangs_is_replaced(
    make: Callable[..., House], folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(replicas, "_MORE_THAN_A_REQUEST", 0.5)
    house = make(serving_request_seconds=1)
    house.keep(house.served())
    house.ready()
    before = _only(folder)
    before.suspend()
    house.wait(lambda standing: "did not answer" in standing.message)
    house.ready()
    assert _only(folder).pid != before.pid


def test_a_process_that_computes_is_left_alone(house: House, folder: Path) -> None:
    house.keep(house.served())
    [address] = house.ready().addresses
    before = _only(folder).pid
    assert ask(address, "__import__('time').sleep(4) or 'done'") == "done"
    assert _only(folder).pid == before
    assert house.standing().addresses == (address,)


def test_a_process_that_somebody_suspects_has_seconds_to_answer(house: House, folder: Path) -> None:
    house.keep(house.served())
    [address] = house.ready().addresses
    house.engine.suspect(address)
    time.sleep(1.5)
    assert house.standing().addresses == (address,), "it is well"
    _only(folder).suspend()
    time.sleep(1.5)
    house.follower.suspect(address)
    house.wait(lambda standing: address not in standing.addresses, seconds=8)


def test_whoever_may_not_start_it_any_more_does_not(house: House) -> None:
    house.shelf.refusal = Denied("ann may not create compute.")
    house.keep(house.served())
    assert house.failed().message == "Ann may not create compute."


def test_a_refusal_leaves_alone_what_serves(house: House, folder: Path) -> None:
    house.keep(house.served(least=2))
    house.ready(processes=2)
    house.shelf.refusal = Denied("ann may not create compute.")
    scorers(folder)[0].kill()
    standing = house.wait(lambda standing: standing.message)
    assert standing.state is State.READY
    standing = house.wait(lambda standing: "may not" in standing.message)
    assert (standing.state, len(standing.addresses)) == (State.READY, 1)


def test_a_store_that_does_not_answer_is_asked_again(house: House, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services, "_UNAVAILABLE_PAUSE", 0.2)
    house.shelf.refusal = Unavailable("the database does not answer.")
    house.keep(house.served())
    house.wait(lambda standing: standing.message == "The database does not answer.")
    house.shelf.refusal = None
    house.ready()


def test_it_sleeps_and_is_woken(make: Callable[..., House], folder: Path) -> None:
    house = make(serving_idle_seconds=1)
    house.keep(house.served(may_sleep=True))
    house.ready()
    asleep = house.wait(lambda standing: standing.is_asleep)
    assert (asleep.state, asleep.addresses) == (State.READY, ())
    eventually(lambda: not all_children(folder))
    for wake in (house.engine.wake, house.follower.wake):
        wake("one")
        [address] = house.ready(seconds=5).addresses
        assert ask(address) == 42
        house.wait(lambda standing: standing.is_asleep)


def test_whoever_is_asked_stays_awake(make: Callable[..., House]) -> None:
    house = make(serving_idle_seconds=1)
    house.keep(house.served(may_sleep=True))
    house.ready()
    for _ in range(10):
        house.engine.report("one", 1)
        time.sleep(0.25)
        assert not house.standing().is_asleep


def test_many_requests_bring_another_process(house: House) -> None:
    house.keep(house.served(most=2))
    house.ready()
    until = time.monotonic() + 20
    while len(house.standing().addresses) < 2:
        assert time.monotonic() < until
        house.follower.report("one", 3)
        house.engine.report("one", 3)
        time.sleep(0.2)


def test_what_is_not_wanted_is_not_offered_and_ends_after_its_last_request(house: House, folder: Path) -> None:
    house.keep(house.served(), house.served(name="two"))
    [address] = house.ready().addresses
    [other] = house.ready("two").addresses
    house.keep(house.served(name="two"))
    assert "one" not in house.engine.standings()
    assert ask(address, "__import__('time').sleep(3) or 'done'") == "done"
    eventually(lambda: len(scorers(folder)) == 1)
    assert ask(other) == 42
    eventually(lambda: not Path(address).exists())


def test_a_process_with_requests_under_way_is_not_ended(house: House, folder: Path) -> None:
    house.keep(house.served())
    [address] = house.ready().addresses
    house.keep()
    for _ in range(5):
        house.engine.linger(address)
        time.sleep(0.8)
        assert len(scorers(folder)) == 1
    eventually(lambda: not all_children(folder))


def test_closing_ends_every_process_at_once(make: Callable[..., House], folder: Path) -> None:
    house = make()
    house.keep(house.served(least=2), house.served(model(loads=60), "two"))
    house.ready(processes=2)
    eventually(lambda: len(scorers(folder)) == 3)
    began = time.monotonic()
    house.engine.close()
    assert time.monotonic() - began < 3
    eventually(lambda: not all_children(folder), 2)  # the kernel ends what is inside a namespace a moment later
    assert house.follower.standings() == {}


_SERVER = """
import sys, time
from pathlib import Path
from tests.engines.support import House, model
house = House(Path(sys.argv[1]))
house.keep(house.served(least=2), house.served(model(loads=60), "two"))
house.ready(processes=2)
print("ready", flush=True)
time.sleep(600)
"""


def test_no_process_survives_a_server_that_is_killed(make: Callable[..., House], folder: Path) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", _SERVER, str(folder)], stdout=subprocess.PIPE, env=clean_environment(), cwd=_ROOT
    ) as server:
        assert server.stdout
        assert server.stdout.readline() == b"ready\n"
        assert len(scorers(folder)) == 3
        with pytest.raises(Unavailable):
            House(folder)
        server.send_signal(signal.SIGKILL)
        server.wait()
        eventually(lambda: not [each for each in all_children(folder) if each.pid != server.pid])
    assert len(list((folder / "run" / "s").iterdir())) == 4
    make()
    assert [each.name for each in (folder / "run" / "s").iterdir()] == ["bell"], "what was left is tidied"


_ROOT = Path(__file__).parents[2]


def test_secrets_are_told_to_the_model_and_to_nobody_else(house: House, folder: Path) -> None:
    secret, key = "hunter2-is-a-secret", "-----BEGIN-----\nline-one-of-it\nline-two-of-it\n-----END-----"
    house.shelf.variables = {"API_TOKEN": secret, "API_KEY": key}
    house.keep(
        house.served(model(print=["API_TOKEN", "API_KEY"])),
        house.served(model(print=["API_TOKEN"], fails="bad", ends=True), "two"),
        house.served(model(fails=f"cannot sign in with {secret}"), "three"),
    )
    [address] = house.ready().addresses
    assert ask(address, "__import__('os').environ['API_TOKEN']") == secret
    assert ask(address, "__import__('os').environ['API_KEY']") == key
    told = [
        house.failed("two").message,
        house.failed("three").message,
        *map(house.engine.logs, ("one", "two", "three")),
    ]
    assert "cannot sign in with ******" in told[1]
    assert "API_KEY" in told[2]
    told += [each.read_text(errors="replace") for each in (folder / "run").rglob("*.log")]
    told += words_of(all_children(folder))
    for each in told:
        assert secret not in each
        assert "line-one-of-it" not in each


def test_a_model_that_prints_without_end_is_kept_within_bounds(house: House, folder: Path) -> None:
    house.keep(house.served())
    [address] = house.ready().addresses
    assert ask(address, "[print('x' * 99) for _ in range(40_000)] and 1", 60) == 1
    kept = [each.stat() for each in (folder / "run" / "logs").iterdir()]
    assert sum(each.st_size for each in kept) < 1.2 * (1 << 20)
    assert all(each.st_mode & 0o777 == 0o600 for each in kept)
    assert 1_000 < len(house.engine.logs("one")) <= 64 << 10


def test_the_loader_changes_nothing_outside_the_sandbox(house: House, folder: Path) -> None:
    """Variables reach the model only: the programs that confine it run with the server's rights."""
    house.shelf.variables = {"LD_PRELOAD": "/nowhere/evil.so", "PATH": "/nowhere"}
    house.keep(house.served())
    [address] = house.ready().addresses
    assert ask(address, "__import__('os').environ['LD_PRELOAD']") == "/nowhere/evil.so"
    for each in all_children(folder):
        if each not in scorers(folder):
            assert "LD_PRELOAD" not in each.environ()


def test_another_process_of_the_server_follows(house: House) -> None:
    house.keep(house.served(), house.served(model(fails="no"), "two"))
    house.ready()
    house.failed("two")
    eventually(lambda: house.follower.standings() == house.engine.standings())
    house.engine.logs("two")
    assert house.follower.logs("two") == house.engine.logs("two")
    assert house.follower.build_logs("two") == ""
    house.keep()
    eventually(lambda: house.follower.standings() == {})


@pytest.mark.usefixtures("house")
def test_there_is_one_engine_in_a_folder(folder: Path) -> None:
    with pytest.raises(Unavailable, match="already"):
        House(folder)
    Follower(settings(folder)).close()


def test_a_folder_with_a_long_path_has_its_sockets_elsewhere(tmp_path: Path) -> None:
    deep = tmp_path / ("x" * 90)
    house = House(deep)
    try:
        house.keep(house.served())
        [address] = house.ready().addresses
        assert len(address) < 100
        assert ask(address) == 42
        house.follower.wake("one")
    finally:
        house.close()
    assert not Path(address).parent.exists()


def _harm() -> None:
    raise ZeroDivisionError


def test_whoever_listens_badly_does_no_harm(folder: Path, caplog: pytest.LogCaptureFixture) -> None:
    house = House(folder)
    house.engine._on_change = _harm  # noqa: SLF001  as if the listener had a bug
    house.keep(house.served())
    house.ready()
    house.close()
    assert "was not heard" in caplog.text
