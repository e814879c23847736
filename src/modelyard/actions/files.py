"""Files of model versions: found, listed, read, and brought in whole.

Bytes are moved outside of every transaction: an action first says whether they may come or go, and for bytes that came
another one writes the row. Both decide anew.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from modelyard.action import Command, Need, Query, Ref
from modelyard.actions.manifests import (
    check_place,
    directory_at,
    file_at,
    make_directory,
    put,
    remove_directory,
    remove_file,
    uploader,
)
from modelyard.domain.files import Entry, Link, Location, Stored
from modelyard.domain.models import Status, Version, pending
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Privilege
from modelyard.errors import Denied, Invalid
from modelyard.store import files, models
from modelyard.store.tx import Look, Write

MAX_LINK_SECONDS: Final = 3_600
"""How long a signed URL of ours lives at most; it is decided again whenever it is used."""


def readable(tx: Look, model: Ref, number: int) -> Version:
    """A version whose files the caller may read: READY, in progress if it may bring files, failed if it manages it."""
    version = models.version(tx, tx.at(model), number)
    if version.status is Status.READY:
        return version
    if version.status is Status.FAILED_REGISTRATION:
        if tx.may(model, Privilege.MANAGE):
            return version
        raise Denied(
            f"Version {number} of '{version.model}' is {version.status}, "
            f"and User does not have MANAGE on Routine or Model '{version.model}'.",
        )
    mine = models.creator(tx, version.id) == tx.caller.principal.id
    if mine or tx.may(model, Privilege.CREATE_MODEL_VERSION):
        return version
    raise Denied(
        f"Version {number} of '{version.model}' is {version.status}, "
        f"and User does not have CREATE MODEL VERSION on Routine or Model '{version.model}'.",
    )


def writable(tx: Look, model: Ref, number: int) -> Version:
    """A version that takes files from the caller."""
    return uploader(tx, model, pending(models.version(tx, tx.at(model), number)))


def writing(tx: Write, model: Ref, number: int) -> Version:
    """A version that takes files from the caller, which nobody finalizes until this transaction ends."""
    return uploader(tx, model, pending(models.locked_version(tx, tx.at(model), number)))


@dataclass(frozen=True)
class FindFile(Query[Look, Entry]):
    """Find a file to be read, or told about."""

    model: Ref
    number: int
    path: str

    needs = (Need(Privilege.EXECUTE, on="model"),)

    def run(self, tx: Look) -> Entry:
        """The file, or `NotFound`."""
        return file_at(tx, readable(tx, self.model, self.number).manifest_id, self.path)


@dataclass(frozen=True)
class FindDirectory(Query[Look, Entry]):
    """Find out whether a path is a directory."""

    model: Ref
    number: int
    path: str

    needs = (Need(Privilege.EXECUTE, on="model"),)

    def run(self, tx: Look) -> Entry:
        """The directory, or `NotFound`."""
        return directory_at(tx, readable(tx, self.model, self.number).manifest_id, self.path)


@dataclass(frozen=True)
class ListDirectory(Query[Look, Page[Entry]]):
    """List what is directly in a directory, by path; in one that is not there is nothing, unless it `must_be`."""

    model: Ref
    number: int
    path: str
    window: Window
    must_be: bool = True

    needs = (Need(Privilege.EXECUTE, on="model"),)

    def run(self, tx: Look) -> Page[Entry]:
        """A page of it, or `NotFound`."""
        version = readable(tx, self.model, self.number)
        if self.must_be:
            directory_at(tx, version.manifest_id, self.path)
        return files.listing(tx, version.manifest_id, self.path, self.window)


@dataclass(frozen=True)
class Listing:
    """A version, and a page of its files."""

    version: Version
    page: Page[Entry]


@dataclass(frozen=True)
class ListFiles(Query[Look, Listing]):
    """List the files of a version in all its directories, by path: its manifest, page by page."""

    model: Ref
    number: int
    window: Window

    needs = (Need(Privilege.EXECUTE, on="model"),)

    @property
    def is_brief(self) -> bool:
        """A version may have thousands of files."""
        return False

    def run(self, tx: Look) -> Listing:
        """The version with a page of them."""
        version = readable(tx, self.model, self.number)
        return Listing(version, files.page(tx, version.manifest_id, self.window))


@dataclass(frozen=True)
class LinkToFile(Query[Look, tuple[Link, Entry]]):
    """Make an address from which one file can be fetched without a token, for a while."""

    model: Ref
    number: int
    path: str
    seconds: int = MAX_LINK_SECONDS

    needs = (Need(Privilege.EXECUTE, on="model"),)

    def run(self, tx: Look) -> tuple[Link, Entry]:
        """Leave for the caller to GET it, and the file."""
        entry = FindFile(self.model, self.number, self.path).run(tx)
        return link(tx, "GET", Location(self.model.name, self.number, self.path), self.seconds), entry


def link(tx: Look, method: str, place: Location, seconds: int, *query: tuple[str, str]) -> Link:
    """Leave for the caller to do one thing with a file, for some seconds, an hour at most."""
    return link_to(tx, method, str(place), seconds, *query)


def link_to(tx: Look, method: str, path: str, seconds: int, *query: tuple[str, str]) -> Link:
    """The same for any path of the Files API."""
    until = tx.now + min(max(1, seconds), MAX_LINK_SECONDS) * 1000
    return Link(tx.caller.principal.id, method, path, until, query)


@dataclass(frozen=True)
class PrepareFile(Query[Look, Version]):
    """Ask, before any byte is read, whether a file may be brought."""

    model: Ref
    number: int
    path: str
    overwrite: bool = False

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Look) -> Version:
        """The version, if it may."""
        version = writable(tx, self.model, self.number)
        check_place(tx, version.manifest_id, self.path, overwrite=self.overwrite)
        return version


@dataclass(frozen=True)
class LinkToUpload(Query[Look, tuple[Link, Version]]):
    """Make an address to which one file can be sent without a token, for a while."""

    model: Ref
    number: int
    path: str
    seconds: int = MAX_LINK_SECONDS

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Look) -> tuple[Link, Version]:
        """Leave for the caller to PUT it, and the version."""
        version = writable(tx, self.model, self.number)
        check_place(tx, version.manifest_id, self.path, overwrite=True)
        place = Location(self.model.name, self.number, self.path)
        return link(tx, "PUT", place, self.seconds, ("overwrite", "true")), version


@dataclass(frozen=True)
class KeepFile(Command[Write, Entry]):
    """Name bytes that came in a version's manifest."""

    model: Ref
    number: int
    path: str
    stored: Stored
    overwrite: bool = False

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Write) -> Entry:
        """The file, unless the version became READY, or the path was taken, in the meantime."""
        version = writing(tx, self.model, self.number)
        check_place(tx, version.manifest_id, self.path, overwrite=self.overwrite)
        return put(tx, version, self.path, self.stored)


@dataclass(frozen=True)
class MakeDirectory(Command[Write, None]):
    """Make a directory, with those above it; it may be there already."""

    model: Ref
    number: int
    path: str

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Write) -> None:
        """Make it."""
        version = writing(tx, self.model, self.number)
        make_directory(tx, version.manifest_id, self.path)


@dataclass(frozen=True)
class DeleteFile(Command[Write, None]):
    """Take a file out of a version that is not READY yet."""

    model: Ref
    number: int
    path: str

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Write) -> None:
        """Take it out, or `NotFound`."""
        remove_file(tx, writing(tx, self.model, self.number).manifest_id, self.path)


@dataclass(frozen=True)
class DeleteDirectory(Command[Write, None]):
    """Take an empty directory out of a version that is not READY yet."""

    model: Ref
    number: int
    path: str

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Write) -> None:
        """Take it out, or say why not."""
        version = writing(tx, self.model, self.number)
        if not self.path:
            raise Invalid("the path names the version itself; delete the version instead.")
        remove_directory(tx, version.manifest_id, self.path)
