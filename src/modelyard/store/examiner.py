"""What looks into the files of versions: a child process that is kept warm, and replaced when it fails."""

from __future__ import annotations

import contextlib
import json
import logging
import sys
import threading
import time
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

from modelyard.domain.cards import Card, Contents, Finding, Verdict
from modelyard.domain.classify import MOST_FINDINGS, Judged, together
from modelyard.domain.models import MODEL_FILE
from modelyard.scanner.remote import STRETCH
from modelyard.store.children import spawned

if TYPE_CHECKING:
    from modelyard.domain.files import Entry

log = logging.getLogger(__name__)

_MOST_ANSWERED: Final = 16 << 20
_LATE: Final = "it takes longer than the setting scan_seconds allows"
_FIRST: Final = (MODEL_FILE, "requirements.txt")
"""What tells the flavors, which decide what a pickle may import, is looked at before the rest."""
_CODE_ENDINGS: Final = (".pkl", ".pickle", ".joblib", ".pt", ".pth", ".bin", ".py", ".so", ".zip", ".keras", ".h5")


class Reader(Protocol):
    """What gives the bytes of a file out."""

    def read(self, offset: int, length: int) -> bytes:
        """Some bytes from a place on."""
        ...

    def close(self) -> None:
        """No more."""
        ...


class _Lost(Exception):
    """The child is gone, or does not do what it is for; says what happened."""


@dataclass(slots=True)
class _Sheet:
    """What is known so far of the files of a version."""

    judged: list[Judged] = field(default_factory=list[Judged])
    facts: dict[str, Any] = field(default_factory=dict[str, Any])

    @property
    def flavors(self) -> list[str]:
        """The names of the model's flavors."""
        return list(self.facts.get("flavors", ()))

    def add(self, judged: Judged, facts: dict[str, Any]) -> None:
        """Take what the child says of one file."""
        self.judged.append(judged)
        self.facts |= facts

    def card(self) -> Card:
        """The card of all files together."""
        whole = together(self.judged)
        verdict = Verdict.SUSPICIOUS if whole.findings else Verdict.CLEAN
        return Card(whole.contents, verdict, whole.findings, self.facts)

    def unfinished(self, problem: str) -> Card:
        """The card of a version that could not be looked at to its end."""
        found = together(self.judged).findings
        return Card(Contents.UNKNOWN, Verdict.UNSCANNED, (Finding("", problem), *found[1:]), self.facts)


class Examiner:
    """Looks into the files of one version after the other; `seconds` is the longest that one may take."""

    def __init__(
        self, seconds: float, command: Sequence[str] = (sys.executable, "-I", "-m", "modelyard.scanner")
    ) -> None:
        self._seconds = seconds
        self._command = command
        self._turn = threading.Lock()
        self._child: _Child | None = None

    def examine(self, files: Iterable[Entry], open_file: Callable[[Entry], Reader]) -> Card:
        """The card of some files. A child that fails leaves them unscanned; a store that fails is told as it is."""
        with self._turn:
            sheet, until = _Sheet(), time.monotonic() + self._seconds
            # A child that is killed ends whatever its parent waits for, also in the middle of an answer.
            watch = threading.Timer(self._seconds, self._kill)
            watch.start()
            try:
                for entry in sorted((each for each in files if not each.is_directory), key=_urgency):
                    with contextlib.closing(open_file(entry)) as file:
                        sheet.add(*self._ready().ask(entry, sheet.flavors, file))
            except _Lost as lost:
                self._end()
                why = _LATE if time.monotonic() >= until else str(lost)
                log.warning("the scanner failed: %s", why)
                return sheet.unfinished(f"It could not be looked at: {why}.")
            except BaseException:
                self._end()  # it waits for bytes that will not come
                raise
            finally:
                watch.cancel()
            return sheet.card()

    def close(self) -> None:
        """End the child."""
        with self._turn:
            self._end()

    def _ready(self) -> _Child:
        if self._child is None:
            self._child = _Child(self._command)
        return self._child

    def _kill(self) -> None:
        child = self._child
        if child:
            child.kill()

    def _end(self) -> None:
        child, self._child = self._child, None
        if child:
            child.end()


def _urgency(entry: Entry) -> tuple[bool, bool, str]:
    return entry.path not in _FIRST, not entry.path.endswith(_CODE_ENDINGS), entry.path


class _Child:
    """The process, and the connection to it."""

    def __init__(self, command: Sequence[str]) -> None:
        self._process, self._connection = spawned(command)

    def ask(self, entry: Entry, flavors: list[str], file: Reader) -> tuple[Judged, dict[str, Any]]:
        """What the child says of a file, and the facts in it; `_Lost` where it says nothing of use."""
        connection = self._connection
        try:
            connection.send_bytes(json.dumps({"path": entry.path, "size": entry.size, "flavors": flavors}).encode())
            while True:
                answer = json.loads(connection.recv_bytes(_MOST_ANSWERED))
                if "read" not in answer:
                    return _understood(answer)
                offset, length = answer["read"]
                connection.send_bytes(_stretch(file, offset, length))
        except (EOFError, OSError):
            raise _Lost("the process that looks ended, perhaps for want of memory") from None
        except (ValueError, TypeError, KeyError, AttributeError):
            raise _Lost("the process that looks says what nobody understands") from None

    def end(self) -> None:
        """Let it go."""
        self._connection.close()
        self.kill()
        self._process.wait()

    def kill(self) -> None:
        """End the process; whoever waits for it hears so."""
        self._process.kill()


def _understood(answer: dict[str, Any]) -> tuple[Judged, dict[str, Any]]:
    findings = tuple(Finding(str(path), str(problem)) for path, problem in answer["findings"][:MOST_FINDINGS])
    return Judged(Contents(answer["contents"]), findings), dict(cast("dict[str, Any]", answer["facts"]))


def _stretch(file: Reader, offset: int, length: int) -> bytes:
    if offset < 0 or not 0 < length <= STRETCH:
        raise ValueError(length)
    found = b""
    while len(found) < length:
        more = file.read(offset + len(found), length - len(found))
        if not more:
            break
        found += more
    return found
