"""The keeper does its duties at their intervals, survives what fails, and stops when it is closed."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import dataclass

import pytest

from modelyard.action import ACTIONS, Chore
from modelyard.actions import catalogs, seals
from modelyard.errors import Unavailable
from modelyard.store.tx import Write
from modelyard.workers.keeper import Duty, Keeper
from tests.support import InProcess


@dataclass(frozen=True)
class Count(Chore[Write, bool]):
    """Counts, asks to be done again until it has counted to three, and fails where it is told to."""

    done: list[float]
    failure: Exception | None = None

    def run(self, tx: Write) -> bool:
        assert tx.actor == "modelyard"
        self.done.append(time.monotonic())
        if self.failure:
            raise self.failure
        return len(self.done) < 3


ACTIONS.remove(Count)  # it is none of the server's


def counting(chore: Count, seconds: float) -> Duty:
    return Duty("Count", lambda desk: desk.do(chore), seconds)


def eventually(true: Callable[[], bool]) -> None:
    until = time.monotonic() + 20
    while not true():
        assert time.monotonic() < until
        time.sleep(0.01)


def test_a_chore_with_more_to_do_is_done_again_at_once_and_then_at_its_interval(inside: InProcess) -> None:
    done: list[float] = []
    keeper = Keeper(inside.gate, inside.built.storage, [counting(Count(done), 0.5)])
    keeper.start()
    eventually(lambda: len(done) == 4)
    keeper.close()
    assert done[2] - done[0] < 0.4
    assert done[3] - done[2] >= 0.4


@pytest.mark.parametrize("failure", [ZeroDivisionError("oh"), Unavailable("not now")])
def test_a_chore_that_fails_is_logged_and_tried_less_and_less_often_and_others_go_on(
    inside: InProcess, failure: Exception, caplog: pytest.LogCaptureFixture
) -> None:
    failed: list[float] = []
    done: list[float] = []
    keeper = Keeper(
        inside.gate, inside.built.storage, [counting(Count(failed, failure), 0.05), counting(Count(done), 0.05)]
    )
    keeper.start()
    eventually(lambda: len(failed) == 4)
    keeper.close()
    assert len(done) > 4
    assert failed[3] - failed[2] > failed[1] - failed[0]
    assert "Count failed 4 times in a row" in caplog.text
    assert str(failure) in caplog.text


def test_a_closed_keeper_does_nothing_more(inside: InProcess) -> None:
    done: list[float] = []
    keeper = Keeper(inside.gate, inside.built.storage, [counting(Count(done), 0.01)])
    keeper.start()
    eventually(lambda: len(done) > 3)
    keeper.close()
    before = len(done)
    time.sleep(0.1)
    assert len(done) == before


def test_a_keeper_that_was_never_started_closes(inside: InProcess) -> None:
    Keeper(inside.gate, inside.built.storage, []).close()


def test_a_running_server_seals_within_some_seconds(inside: InProcess) -> None:
    inside.built.start()
    inside.do(catalogs.CreateCatalog("prod"))
    eventually(lambda: inside.do(seals.VerifyJournal()).newest.number >= 1)
    assert inside.do(seals.VerifyJournal()).stretch.broken is None
