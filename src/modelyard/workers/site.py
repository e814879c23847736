"""The site: what runs attempts on this host, between the foreman's rows and the executor's processes."""

from __future__ import annotations

import fcntl
import logging
import os
import time
import uuid
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelyard.actions.jobs.briefing import BriefAttempt, ReadDuty
from modelyard.actions.jobs.work import FindLogEnd, KeepPrints, LetGo
from modelyard.domain.jobs.runs import MOST_LOG
from modelyard.domain.jobs.sightings import Sighting
from modelyard.domain.jobs.sightings import Stage as Seen
from modelyard.domain.jobs.words import TaskKind
from modelyard.engines.attempts import Brief, Checkout, Executor, Look, Stage, Work
from modelyard.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelyard.domain.git_credentials import Login
    from modelyard.domain.jobs.duties import Duty
    from modelyard.domain.jobs.git import Git
    from modelyard.domain.jobs.work import Held
    from modelyard.domain.jobs.work import Work as ToDo

log = logging.getLogger(__name__)

_WORK: Final = {
    TaskKind.NOTEBOOK: Work.NOTEBOOK,
    TaskKind.SCRIPT: Work.SCRIPT,
    TaskKind.WHEEL: Work.WHEEL,
}
_STAGES: Final = {
    Stage.PREPARING: Seen.PREPARING,
    Stage.RUNNING: Seen.RUNNING,
    Stage.ENDED: Seen.ENDED,
    Stage.LOST: Seen.LOST,
}
_PIECE: Final = 1 << 20
_MOST_PIECES: Final = 64
"""What is read at once of what an attempt prints, so that one that prints without end does not keep others waiting."""
_FLUSH: Final = 1.0
"""Seconds between two times that what a task prints is kept while it runs."""


@dataclass(slots=True)
class _Minded:
    """What is known of an attempt that is minded: its last stage, and how much of its log is dealt with."""

    stage: Stage | None = None
    began_at: int = 0
    logged: int = -1
    flushed: float = 0.0


class Lead:
    """Which process of this host has its executor: the one that holds a lock; its id stays with the folder."""

    def __init__(self, folder: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self._file = folder / "executor"
        self._descriptor = -1
        self._id = ""

    @property
    def id(self) -> str:
        """The executor's id, if this process has it or gets it now; else empty."""
        if self._descriptor < 0:
            self._take()
        return self._id

    def _take(self) -> None:
        descriptor = os.open(self._file, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            os.close(descriptor)
            return
        self._descriptor = descriptor
        known = os.read(descriptor, 64).decode("ascii", "replace").strip()
        if not known:
            known = uuid.uuid4().hex
            os.write(descriptor, known.encode())
            os.fsync(descriptor)
        self._id = known

    def close(self) -> None:
        """Let another process have it."""
        if self._descriptor >= 0:
            os.close(self._descriptor)
            self._descriptor, self._id = -1, ""


class LocalSite:
    """Attempts of this host, by its executor; the executor is made once this process leads."""

    def __init__(
        self,
        lead: Lead,
        make: Callable[[], Executor],
        slots: int,
        do: Callable[[Any], Any],
        url: Callable[[], str],
        commit: Callable[[Git, Login | None], str],
    ) -> None:
        self._lead = lead
        self._make = make
        self._slots = slots
        self._do = do
        self._url = url
        self._commit = commit
        self._executor: Executor | None = None
        self._minded: dict[int, _Minded] = {}

    @property
    def name(self) -> str:
        """The executor's id, if this process has it."""
        found = self._lead.id
        if found and self._executor is None:
            self._executor = self._make()
        return found

    def close(self) -> None:
        """Let another process mind what goes on."""
        if self._executor:
            self._executor.close()
        self._lead.close()

    @property
    def _at_hand(self) -> Executor:
        if self._executor is None:
            raise Unavailable("another process of this host runs its tasks.")
        return self._executor

    # What the executor asks

    def brief(self, attempt_id: str) -> Brief:
        """What an attempt is given; a `Failure` says why it may not start."""
        task_id, url = int(attempt_id), self._url()
        found: Duty = self._do(ReadDuty(task_id, url))
        commit = found.commit or (self._commit(found.git, found.login) if found.git else "")
        briefed: Duty = self._do(BriefAttempt(task_id, url, commit))
        duty = replace(briefed, path=found.path, files=found.files)
        checkout = Checkout(duty.git.url, duty.commit, duty.git.patterns, found.login) if duty.git else None
        return Brief(
            work=_WORK[duty.kind],
            path=duty.path,
            entry_point=duty.entry_point,
            positional=duty.positional,
            named=duty.named,
            files=duty.files,
            checkout=checkout,
            requirements=duty.requirements,
            variables=duty.variables,
            context=duty.context,
            values=duty.values,
            seconds=duty.seconds,
        )

    # What the foreman asks

    def room(self, work: ToDo) -> int:
        """How many more attempts may be taken."""
        return max(0, self._slots - sum(not held.is_ended for held in work.held))

    def begin(self, task_ids: tuple[int, ...]) -> None:
        """Start attempts that were just taken."""
        for task_id in task_ids:
            self._at_hand.start(str(task_id))

    def mind(self, work: ToDo) -> list[tuple[int, tuple[Sighting, ...]]]:
        """Start, end and look at what this executor has; what is new, by run."""
        self._settle([held.task.id for held in work.held if held.is_ended])
        found: dict[int, list[Sighting]] = {}
        for held in work.held:
            if not held.is_ended and (sighting := self._seen(held)):
                found.setdefault(held.run_id, []).append(sighting)
        known = {held.task.id for held in work.held}
        self._minded = {id_: minded for id_, minded in self._minded.items() if id_ in known}
        return [(run_id, tuple(sightings)) for run_id, sightings in found.items()]

    def _settle(self, task_ids: list[int]) -> None:
        """Let go of attempts that have ended, and of which all is kept elsewhere."""
        if task_ids:
            self._at_hand.forget([str(task_id) for task_id in task_ids])
            self._do(LetGo(tuple(task_ids)))

    def _seen(self, held: Held) -> Sighting | None:
        """What is new about an attempt."""
        executor, task, id_ = self._at_hand, held.task, str(held.task.id)
        minded = self._minded.setdefault(task.id, _Minded())
        if task.stopped:
            executor.cancel(id_)
        look = executor.look(id_)
        if look.stage is Stage.ABSENT:
            if not task.stopped:
                executor.start(id_)
            return None
        self._keep(task.id, look, minded)
        if look.stage is minded.stage and look.began_at == minded.began_at and look.stage is not Stage.ENDED:
            return None
        minded.stage, minded.began_at = look.stage, look.began_at
        return _sighting(task.id, look)

    # What attempts print

    def _keep(self, task_id: int, look: Look, minded: _Minded) -> None:
        is_over = look.stage in {Stage.ENDED, Stage.LOST}
        now = time.monotonic()
        if not is_over and now - minded.flushed < _FLUSH:
            return
        minded.flushed = now
        if minded.logged < 0:
            minded.logged = self._do(FindLogEnd(task_id))
        try:
            self._keep_log(task_id, minded)
            notebook = self._at_hand.notebook(str(task_id)) if is_over else None
        except OSError as error:
            log.warning("what run %d has printed cannot be read: %s", task_id, error.strerror or error)
            return
        if notebook is not None:
            self._do(KeepPrints(task_id, minded.logged, b"", notebook))

    def _keep_log(self, task_id: int, minded: _Minded) -> None:
        """Keep what was printed since the last time; of very much the last bytes only."""
        start, kept, skipped = minded.logged, bytearray(), False
        for _ in range(_MOST_PIECES):
            piece = self._at_hand.log(str(task_id), start + len(kept), _PIECE)
            if not piece:
                break
            kept += piece
            if len(kept) > 2 * MOST_LOG:
                gone = len(kept) - MOST_LOG
                start, skipped = start + gone, True
                del kept[:gone]
        if kept:
            minded.logged = self._do(KeepPrints(task_id, start, bytes(kept), skips=skipped))


def _sighting(task_id: int, look: Look) -> Sighting:
    outcome = look.outcome
    if outcome is None:
        return Sighting(task_id, _STAGES[look.stage], began_at=look.began_at, ended_at=look.ended_at)
    return Sighting(
        task_id,
        _STAGES[look.stage],
        trouble=outcome.trouble.value if outcome.trouble else "",
        error=outcome.error,
        trace=outcome.trace,
        exit=outcome.result,
        values=outcome.values,
        began_at=look.began_at,
        ended_at=look.ended_at,
    )
