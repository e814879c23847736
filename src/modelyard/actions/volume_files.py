"""Files of volumes: found, listed, read, brought in whole, replaced and deleted.

As with the files of versions, bytes are moved outside of every transaction: one action says whether they may come or
go, and for bytes that came another one writes the row. Both decide anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelyard.action import Command, Need, Query, Ref
from modelyard.actions.files import MAX_LINK_SECONDS, link_to
from modelyard.actions.manifests import (
    check_place,
    directory_at,
    file_at,
    make_directory,
    remove_directory,
    remove_file,
)
from modelyard.actions.outputs import current
from modelyard.domain import volumes as rules
from modelyard.domain.files import Entry, Link, Stored
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Privilege
from modelyard.domain.volumes import State, VolumePath
from modelyard.errors import Denied, Invalid, WrongState
from modelyard.store import files, outputs, volumes
from modelyard.store.tx import Look, Write

if TYPE_CHECKING:
    from modelyard.domain.volumes import Output, Volume

_READ: Final = (Need(Privilege.READ_VOLUME, on="volume"),)
_WRITE: Final = (Need(Privilege.WRITE_VOLUME, on="volume"),)


@dataclass(frozen=True, slots=True)
class Spot:
    """A path of a volume, resolved: in which manifest it is, and where in that; the shelf of outputs is in none."""

    manifest_id: str
    path: str
    store_id: str
    """Where bytes for it are brought."""


def _reading(tx: Look, ref: Ref, path: str) -> Spot:
    """Where something is read."""
    volume = volumes.get(tx, tx.at(ref))
    area = rules.area(path, publishes=volume.publishes)
    if area.is_shelf:
        return Spot("", "", volume.store_id)
    if not (area.output or area.is_current):
        return Spot(volume.manifest_id, area.path, volume.store_id)
    found = outputs.get(tx, volume.id, current(volume) if area.is_current else area.output)
    if found.state is State.OPEN and not tx.may(ref, Privilege.WRITE_VOLUME):
        raise Denied(f"The output is not complete, and User does not have WRITE VOLUME on Volume '{volume.full_name}'.")
    return Spot(found.manifest_id, area.path, volume.store_id)


def _writing(tx: Look, volume: Volume, path: str) -> Spot:
    """Where something may be written: among the volume's own files, or in an output that is open."""
    area = rules.area(path, publishes=volume.publishes)
    if area.is_current:
        raise WrongState("current is a pointer; begin an output, bring the files there, and publish it.")
    if area.is_shelf or (area.output and not area.path):
        raise WrongState("outputs are begun, completed and deleted as a whole: see `modelyard outputs --help`.")
    if not area.output:
        return Spot(volume.manifest_id, area.path, volume.store_id)
    return Spot(_open(outputs.get(tx, volume.id, area.output)).manifest_id, area.path, volume.store_id)


def _open(output: Output) -> Output:
    if output.state is not State.OPEN:
        raise WrongState(f"the output {output.name} is complete and never changes; begin a new one.")
    return output


# Reading


@dataclass(frozen=True)
class FindVolumeFile(Query[Look, Entry]):
    """Find a file of a volume, to be read, or told about."""

    volume: Ref
    path: str

    needs = _READ

    def run(self, tx: Look) -> Entry:
        """The file, or `NotFound`."""
        spot = _reading(tx, self.volume, self.path)
        return file_at(tx, spot.manifest_id, spot.path)


@dataclass(frozen=True)
class FindVolumeDirectory(Query[Look, Entry]):
    """Find out whether a path of a volume is a directory."""

    volume: Ref
    path: str

    needs = _READ

    def run(self, tx: Look) -> Entry:
        """The directory, or `NotFound`."""
        spot = _reading(tx, self.volume, self.path)
        return directory_at(tx, spot.manifest_id, spot.path)


@dataclass(frozen=True)
class ListVolumeDirectory(Query[Look, Page[Entry]]):
    """List what is directly in a directory of a volume, by path; at its top also how outputs are reached."""

    volume: Ref
    path: str
    window: Window

    needs = _READ

    @property
    def is_brief(self) -> bool:
        """There may be thousands."""
        return False

    def run(self, tx: Look) -> Page[Entry]:
        """A page of it, or `NotFound`."""
        spot = _reading(tx, self.volume, self.path)
        if not spot.manifest_id:
            return self._shelf(tx)
        directory_at(tx, spot.manifest_id, spot.path)
        page = files.listing(tx, spot.manifest_id, spot.path, self.window)
        return page if self.path else self._with_outputs(tx, page)

    def _shelf(self, tx: Look) -> Page[Entry]:
        page = outputs.complete_after(tx, tx.at(self.volume).id, self.window)
        items = tuple(Entry(output.name, is_directory=True) for output in page.items)
        return Page(items, page.after, page.query)

    def _with_outputs(self, tx: Look, page: Page[Entry]) -> Page[Entry]:
        volume = volumes.get(tx, tx.at(self.volume))
        ways = ((rules.CURRENT, bool(volume.current)), (rules.OUTPUTS, volume.publishes))
        more = [Entry(name, is_directory=True) for name, there in ways if there and name > self.window.after]
        items = sorted((*page.items, *more), key=lambda entry: entry.path.encode())
        if page.after is None:
            return self.window.cut(items, items[self.window.limit - 1].path if len(items) > self.window.limit else None)
        kept = items[: self.window.limit]
        return Page(tuple(kept), kept[-1].path, page.query)


@dataclass(frozen=True)
class LinkToVolumeFile(Query[Look, tuple[Link, Entry]]):
    """Make an address from which one file of a volume can be fetched without a token, for a while."""

    volume: Ref
    path: str
    seconds: int = MAX_LINK_SECONDS

    needs = _READ

    def run(self, tx: Look) -> tuple[Link, Entry]:
        """Leave for the caller to GET it, and the file."""
        spot = _reading(tx, self.volume, self.path)
        entry = file_at(tx, spot.manifest_id, spot.path)
        return link_to(tx, "GET", str(VolumePath(self.volume.name, self.path)), self.seconds), entry


# Writing


@dataclass(frozen=True)
class PrepareVolumeFile(Query[Look, Spot]):
    """Ask, before any byte is read, whether a file may be brought into a volume."""

    volume: Ref
    path: str
    overwrite: bool = False

    needs = _WRITE

    def run(self, tx: Look) -> Spot:
        """Where it goes, if it may."""
        spot = _writing(tx, volumes.get(tx, tx.at(self.volume)), self.path)
        check_place(tx, spot.manifest_id, spot.path, overwrite=self.overwrite)
        return spot


@dataclass(frozen=True)
class KeepVolumeFile(Command[Write, Entry]):
    """Name bytes that came among the files of a volume, in place of those that had the path before."""

    volume: Ref
    path: str
    stored: Stored
    overwrite: bool = False

    needs = _WRITE

    def run(self, tx: Write) -> Entry:
        """The file, unless the output was completed, or the path was taken, in the meantime."""
        spot = _writing(tx, volumes.locked(tx, tx.at(self.volume)), self.path)
        check_place(tx, spot.manifest_id, spot.path, overwrite=self.overwrite)
        return files.put_whole(tx, spot.manifest_id, Entry.of(spot.path, self.stored, tx.now))


@dataclass(frozen=True)
class MakeVolumeDirectory(Command[Write, None]):
    """Make a directory in a volume, with those above it; it may be there already."""

    volume: Ref
    path: str

    needs = _WRITE

    def run(self, tx: Write) -> None:
        """Make it."""
        volume = volumes.locked(tx, tx.at(self.volume))
        area = rules.area(self.path, publishes=volume.publishes)
        if area.output and not area.path:
            outputs.get(tx, volume.id, area.output)
        if not area.path:
            return  # the top of a volume, and that of an output, are there already
        spot = _writing(tx, volume, self.path)
        make_directory(tx, spot.manifest_id, spot.path)


@dataclass(frozen=True)
class DeleteVolumeFile(Command[Write, None]):
    """Delete a file of a volume; its bytes are collected later."""

    volume: Ref
    path: str

    needs = _WRITE

    def run(self, tx: Write) -> None:
        """Delete it, or `NotFound`."""
        spot = _writing(tx, volumes.locked(tx, tx.at(self.volume)), self.path)
        remove_file(tx, spot.manifest_id, spot.path)


@dataclass(frozen=True)
class DeleteVolumeDirectory(Command[Write, None]):
    """Delete an empty directory of a volume."""

    volume: Ref
    path: str

    needs = _WRITE

    def run(self, tx: Write) -> None:
        """Delete it, or say why not."""
        volume = volumes.locked(tx, tx.at(self.volume))
        if not self.path:
            raise Invalid("the path names the volume itself; delete the volume instead.")
        spot = _writing(tx, volume, self.path)
        remove_directory(tx, spot.manifest_id, spot.path)
