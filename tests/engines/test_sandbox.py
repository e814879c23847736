"""What a model can reach from inside its process."""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest

from modelyard.engines.base import State
from modelyard.engines.local import sandbox
from modelyard.engines.local.sandbox import Confinement, Slots
from modelyard.engines.local.trouble import Trouble
from tests.engines.support import House, all_children, ask, model, scorers

OWN_VIEW = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("bwrap") or not shutil.which("setpriv"),
    reason="it takes root, bubblewrap and setpriv",
)
PLAIN = Path("/usr/bin/python3")
"""A Python that any user of the machine can run, whoever runs the tests."""


@pytest.fixture
def confined(make: Callable[..., House], folder: Path, monkeypatch: pytest.MonkeyPatch) -> House:
    monkeypatch.setenv("MODELYARD_SECRET_KEY", "0" * 64)
    house = make(shared_user=False)
    for name in ("modelyard.db", "admin-token"):
        (folder / name).write_text("secret")
        (folder / name).chmod(0o644)
    (folder / "keys").mkdir()
    house.keep(house.served(least=2), house.served(model(other=True), "two"))
    house.ready(processes=2)
    house.ready("two")
    return house


def _address(house: House) -> str:
    return house.standing().addresses[0]


@OWN_VIEW
def test_a_model_cannot_see_what_the_server_keeps(confined: House, folder: Path) -> None:
    address = _address(confined)
    assert confined.engine.confinement == Confinement.OWN_VIEW
    assert ask(address, f"__import__('os').listdir({str(folder)!r})") == ["run"]
    assert sorted(ask(address, f"__import__('os').listdir({str(folder / 'run')!r})")) == [
        "launcher.py",
        "models",
        "scorer.pyz",
    ]
    assert len(ask(address, f"__import__('os').listdir({str(folder / 'run' / 'models')!r})")) == 1, "only its own files"
    assert "home" not in ask(address, "__import__('os').listdir('/')")
    assert ask(address, "len(open('/etc/resolv.conf').read()) > 0"), "names can be resolved"


@OWN_VIEW
def test_a_model_is_nobody(confined: House) -> None:
    uids = {ask(address, "__import__('os').getresuid()")[0] for address in confined.standing().addresses}
    uids |= {ask(confined.standing("two").addresses[0], "__import__('os').getuid()")}
    assert len(uids) == 3
    assert all(confined.settings.sandbox_uid < uid < confined.settings.sandbox_uid + sandbox.SLOTS for uid in uids)
    address = _address(confined)
    assert ask(address, "__import__('os').getgroups()") == []
    status = ask(address, "open('/proc/self/status').read()")
    for kind in ("CapInh", "CapPrm", "CapEff", "CapBnd", "CapAmb"):
        assert f"{kind}:\t0000000000000000\n" in status
    assert "NoNewPrivs:\t1\n" in status


@OWN_VIEW
def test_a_model_gets_no_variable_and_no_file_of_the_server(confined: House) -> None:
    variables = ask(_address(confined), "dict(__import__('os').environ)")
    assert not [name for name in variables if name.startswith("MODELYARD")]
    assert set(variables) - {name for name in variables if name.endswith("_NUM_THREADS")} == {
        *("PATH", "HOME", "TMPDIR", "LANG", "USER", "LOGNAME"),
        *("MLFLOW_DISABLE_TELEMETRY", "DO_NOT_TRACK", "MLFLOW_ENABLE_ASYNC_LOGGING"),
        *("MLFLOW_TRACKING_URI", "MLFLOW_CONFIGURE_LOGGING"),
    }
    files = ask(_address(confined), "[__import__('os').readlink('/proc/self/fd/' + n) for n in '012']")
    assert files[0] == "/dev/null"
    assert files[1] == files[2]
    opened = ask(_address(confined), "[o for n in __import__('os').listdir('/proc/self/fd') for o in [n]]")
    assert len(opened) <= 8, "its three, two sockets, its selector, and the listing itself"


@OWN_VIEW
def test_a_model_cannot_signal_the_server(confined: House) -> None:
    with pytest.raises(AssertionError, match=r"ProcessLookupError|PermissionError"):
        ask(_address(confined), f"__import__('os').kill({os.getpid()}, 0)")
    assert len(ask(_address(confined), "[p for p in __import__('os').listdir('/proc') if p.isdigit()]")) < 5


@OWN_VIEW
def test_a_model_writes_nowhere_but_to_its_own_folder(confined: House) -> None:
    address = _address(confined)
    for path in ("{asked.model}/model.json", "/usr/x", "/x", "/etc/x", sys.prefix + "/x"):
        with pytest.raises(AssertionError, match=r"PermissionError|Read-only"):
            ask(address, f"open(f'{path}', 'w')")
    assert ask(address, "open('/tmp/x', 'w').write('fine')") == 4
    assert ask(address, "__import__('os').environ['HOME'] == '/tmp'")
    other = confined.standing("two").addresses[0]
    assert "x" not in ask(other, "__import__('os').listdir('/tmp')")


@OWN_VIEW
def test_the_operator_can_keep_models_from_the_network(make: Callable[..., House]) -> None:
    house = make(serving_network=False, shared_user=False)
    house.keep(house.served())
    house.ready()
    with pytest.raises(AssertionError, match="unreachable"):
        ask(_address(house), "__import__('socket').create_connection(('1.1.1.1', 80), 1)")


def test_memory_has_a_bound(make: Callable[..., House]) -> None:
    house = make(serving_memory=512 << 20)
    house.keep(house.served())
    house.ready()
    with pytest.raises(AssertionError, match="MemoryError"):
        ask(_address(house), "len(bytearray(600 << 20))")
    assert ask(_address(house), "len(bytearray(60 << 20))") == 60 << 20


def test_other_limits(house: House) -> None:
    house.keep(house.served())
    house.ready()
    limits = ask(_address(house), "[__import__('resource').getrlimit(n)[1] for n in (4, 7)]")
    assert limits == [0, 4096]
    assert ask(_address(house), "__import__('os').nice(0)") >= 2


@pytest.fixture
def without_bubblewrap(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    tools = tmp_path / "tools"
    tools.mkdir()
    for name in ("setpriv",):
        (tools / name).symlink_to(shutil.which(name) or "/nowhere")
    monkeypatch.setitem(sandbox.OUTER, "PATH", str(tools))


@pytest.mark.usefixtures("without_bubblewrap")
def test_without_anything_that_confines_nothing_is_served(make: Callable[..., House], folder: Path) -> None:
    """The folders of these tests are closed to other users, so that a user of its own does not help."""
    house = make(shared_user=False)
    house.keep(house.served())
    standing = house.failed()
    assert "install bubblewrap" in standing.message
    assert "shared_user" in standing.message
    assert not all_children(folder)


@pytest.mark.usefixtures("without_bubblewrap")
def test_unless_the_operator_says_so(make: Callable[..., House], folder: Path) -> None:
    house = make(shared_user=True)
    house.keep(house.served())
    assert house.ready().state is State.READY
    assert house.engine.confinement == Confinement.SHARED
    assert ask(_address(house), "__import__('os').getuid()") == os.getuid()
    home = Path(ask(_address(house), "__import__('os').environ['HOME']"))
    assert home.parent == folder / "run" / "homes"
    scorers(folder)[0].kill()
    house.wait(lambda standing: not standing.addresses)
    house.ready()
    assert not home.exists()


@pytest.fixture
def open_folder() -> Iterator[Path]:
    """A folder that every user of the machine may look into."""
    with tempfile.TemporaryDirectory() as folder:
        Path(folder).chmod(0o755)
        yield Path(folder)


_SCRIPT = """
import os, subprocess, sys
from pathlib import Path
from modelyard.engines.local import sandbox
if sys.argv[2] == "plain":
    sandbox.OUTER["PATH"] = sys.argv[3]
box = sandbox.Sandbox(Path(sys.argv[1]), first_uid=64_200, is_shared=False)
look = "import os; print(os.getuid(), os.path.exists(%r), open('/proc/self/status').read())" % sys.argv[1]
job = sandbox.Job([os.path.realpath(sys.executable), "-I", "-S", "-c", look], 64_300, ())
print(box.confinement.name, flush=True)
prepared = box.prepared(job)
subprocess.run(prepared.command, input=prepared.said, env=sandbox.OUTER, check=True)
"""


def _told(open_folder: Path, kind: str, *before: str) -> list[str]:
    """How a child is confined by a server that runs on the machine's own Python."""
    root = Path(__file__).parents[2]
    packages = next(path for path in sys.path if path.endswith("site-packages"))
    tools = open_folder / "tools"
    tools.mkdir()
    (tools / "setpriv").symlink_to(shutil.which("setpriv") or "/nowhere")
    environment = {"PATH": os.defpath, "PYTHONPATH": f"{root / 'src'}:{packages}", "PYTHONDONTWRITEBYTECODE": "1"}
    done = subprocess.run(
        [*before, str(PLAIN), "-c", _SCRIPT, str(open_folder / "run"), kind, str(tools)],
        check=True,
        env=environment,
        capture_output=True,
        text=True,
    )
    return done.stdout.splitlines()


def _plain_version() -> tuple[int, ...]:
    said = subprocess.run([PLAIN, "-c", "import sys; print(*sys.version_info[:2])"], capture_output=True, check=True)
    return tuple(map(int, said.stdout.split()))


AS_ROOT = pytest.mark.skipif(
    os.geteuid() != 0 or not PLAIN.exists() or _plain_version() != sys.version_info[:2],
    reason="it takes root, and a Python of the system of the same version",
)


@AS_ROOT
def test_root_without_bubblewrap_gives_each_child_a_user_of_its_own(open_folder: Path) -> None:
    (open_folder / "run").mkdir()
    confinement, said, *status = _told(open_folder, "plain")
    assert confinement == "OWN_USER"
    assert said.split()[:2] == ["64300", "True"]
    assert "CapEff:\t0000000000000000" in status
    assert "NoNewPrivs:\t1" in status


@AS_ROOT
@pytest.mark.skipif(not shutil.which("bwrap"), reason="it takes bubblewrap")
def test_another_user_with_bubblewrap_gives_each_child_a_view_of_its_own(open_folder: Path) -> None:
    (open_folder / "run").mkdir()
    os.chown(open_folder / "run", 65_534, 65_534)
    try:
        confinement, said, *status = _told(
            open_folder, "bubble", "setpriv", "--reuid", "65534", "--regid", "65534", "--clear-groups"
        )
    except subprocess.CalledProcessError as error:
        if "anything" not in str(error) and "bubblewrap" in error.stderr:
            pytest.skip("this kernel lets only root make views")
        raise
    assert confinement == "VIEW"
    assert said.split()[0] == "65534"
    assert "CapEff:\t0000000000000000" in status


def test_users_are_given_to_one_process_at_a_time() -> None:
    slots = Slots(5_000)
    taken = [slots.take() for _ in range(sandbox.SLOTS - 1)]
    assert sorted(taken) == list(range(5_001, 5_000 + sandbox.SLOTS))
    with pytest.raises(Trouble, match="too many"):
        slots.take()
    slots.give(5_007)
    assert slots.take() == 5_007
