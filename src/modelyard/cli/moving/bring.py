"""One version on its way: its files are fetched, hashed, announced, sent, and compared with what the server has."""

from __future__ import annotations

import hashlib
import shutil
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final

from modelyard.cli.arriving import PENDING, READY, Place
from modelyard.cli.moving import recover
from modelyard.cli.moving.target import Target
from modelyard.domain.files import Entry, digest
from modelyard.errors import Failure
from modelyard.upgrade.moving.registry import MODEL_FILE, FlatFile, FlatVersion, Source

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterator

    from modelyard.upgrade.moving.ledger import Ledger

_PIECE: Final = 1 << 20


@dataclass
class Coming:
    """A version, and what became of it; `lost` are things of it that could not come along."""

    old: str
    place: Place
    told: FlatVersion
    status: str = ""
    says: str = ""
    was_there: bool = False
    digest: str = ""
    size: int = 0
    lost: list[str] = field(default_factory=list[str])

    def shown(self) -> dict[str, Any]:
        """As it is reported."""
        said = {"old_name": self.old, "model": self.place.model, "version": self.place.number, "status": self.status}
        return {**said, "was_there": self.was_there, "digest": self.digest, "size": self.size, "says": self.says}


@dataclass(frozen=True)
class Fetched:
    """A file of a version that is on this machine."""

    entry: Entry
    path: Path


@dataclass(frozen=True)
class Way:
    """How versions come: so many at once, their files in a folder; with signatures made where they lack one."""

    folder: Path
    jobs: int = 4
    recover_signatures: bool = False


class Carrier:
    """Brings versions from a source to a target."""

    def __init__(
        self, source: Source, target: Target, ledger: Ledger, way: Way, advance: Callable[[int], None]
    ) -> None:
        self._source = source
        self._target = target
        self._ledger = ledger
        self._way = way
        self._advance = advance

    def bring(self, coming: Coming) -> Coming:
        """Bring a version, unless it is there; a failure is told in it, and nothing of it is seen then."""
        try:
            if not self._is_done(coming):
                self._bring(coming)
        except Failure as failure:
            coming.status, coming.says = coming.status or "REFUSED", failure.message
        except OSError as error:
            coming.status, coming.says = "REFUSED", f"this machine: {error.strerror or error}"
        return coming

    def _is_done(self, coming: Coming) -> bool:
        """Whether it was brought before, and is as it was then."""
        known = self._ledger.standing(coming.old, coming.place.model).done.get(coming.place.number)
        there = self._target.version(coming.place) if known else None
        if known is None or there is None or (there["status"], there["digest"]) != (READY, known):
            return False
        coming.status, coming.was_there, coming.digest = READY, True, known
        return True

    def _bring(self, coming: Coming) -> None:
        if coming.told.status != READY:
            raise Failure(f"it is {coming.told.status} there")
        with _folder(self._way.folder / f"{coming.place.model}-{coming.place.number}") as folder:
            files = self._with_signature(coming, list(self._fetched(coming, folder)), folder)
            coming.digest = digest(file.entry for file in files)
            coming.size = sum(file.entry.size for file in files)
            known = self._ledger.standing(coming.old, coming.place.model).begun.get(coming.place.number)
            if known != coming.digest:
                self._note("begun", coming)
            told = self._target.begin(coming.place, coming.digest, coming.old, coming.told)
            coming.status, coming.says, lost = told
            coming.lost += lost
            coming.was_there = coming.status == READY
            if coming.status == PENDING:
                self._send(coming, files, again=known is not None)
                coming.status, coming.says = self._target.finalize(coming.place)
            self._compare(coming, files)
        if coming.status == READY:
            self._note("done", coming)

    def _note(self, step: str, coming: Coming) -> None:
        what = {"version": coming.place.number, "digest": coming.digest}
        self._ledger.note(step, coming.old, coming.place.model, **what)

    def _fetched(self, coming: Coming, folder: Path) -> Iterator[Fetched]:
        """The files of a version, on this machine, with what they hash to."""
        location = self._source.location(coming.old, coming.place.number)
        listed = self._source.files(location)
        if not listed:
            raise Failure(f"there are no files at {location[:200]}")
        if all(file.path != MODEL_FILE for file in listed):
            raise Failure("it has no MLmodel file, so it is no MLflow model")
        for number, file in enumerate(listed):
            at = self._source.fetch(location, file.path, folder / str(number))
            yield Fetched(_hashed(file, at), at)

    def _with_signature(self, coming: Coming, files: list[Fetched], folder: Path) -> list[Fetched]:
        """The files, with an `MLmodel` that has a signature where it had none and that is wanted; marked by a tag."""
        by_path = {file.entry.path: file.path for file in files}
        if not self._way.recover_signatures or not recover.can_be_recovered(by_path):
            return files
        try:
            at = recover.recovered(by_path, folder)
        except Failure as failure:
            coming.lost.append(failure.message)
            return files
        key, value = recover.TAG
        coming.told = replace(coming.told, tags={**coming.told.tags, key: value})
        made = Fetched(_hashed(FlatFile(MODEL_FILE, -1), at), at)
        return [made if file.entry.path == MODEL_FILE else file for file in files]

    def _send(self, coming: Coming, files: list[Fetched], *, again: bool) -> None:
        """Send what the server lacks."""
        there = self._target.files(coming.place) if again else {}
        for path in there.keys() - {file.entry.path for file in files}:
            self._target.forget_file(coming.place, path)
        missing = [file.entry for file in files if there.get(file.entry.path) != file.entry.sha256]
        lacking = {entry.path for entry in missing} - set(self._target.take(coming.place, missing))
        for file in files:
            if file.entry.path in lacking:
                self._target.send(coming.place, file.entry.path, self._pieces(file.path), file.entry.size)
            else:
                self._advance(file.entry.size)

    def _pieces(self, path: Path) -> Iterator[bytes]:
        with path.open("rb") as file:
            while piece := file.read(_PIECE):
                yield piece
                self._advance(len(piece))

    def _compare(self, coming: Coming, files: list[Fetched]) -> None:
        """Compare what came from the source with what the server has hashed by itself, file by file."""
        if coming.status != READY:
            return
        here = {file.entry.path: file.entry.sha256 for file in files}
        there = self._target.files(coming.place)
        if here != there:
            path = next(path for path in sorted(here | there) if here.get(path) != there.get(path))
            coming.status = "DIFFERENT"
            raise Failure(f"its file {path[:200]} is another one there; look at both before anybody uses it")


def _hashed(file: FlatFile, at: Path) -> Entry:
    """A line of the manifest; `Failure` if another number of bytes came than was told."""
    with at.open("rb") as opened:
        sha256 = hashlib.file_digest(opened, "sha256").hexdigest()
    size = at.stat().st_size
    if file.size not in {-1, size}:
        raise Failure(f"its file {file.path[:200]} has {file.size} bytes there, and {size} came")
    return Entry(file.path, is_directory=False, size=size, sha256=sha256)


@contextmanager
def _folder(path: Path) -> Generator[Path]:
    """A folder for files on their way, which a killed process may have left behind."""
    shutil.rmtree(path, ignore_errors=True)
    path.mkdir(parents=True)
    try:
        yield path
    finally:
        shutil.rmtree(path, ignore_errors=True)
