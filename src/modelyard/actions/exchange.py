"""The exchange: versions for clients that bring and fetch files through folders, of this machine or of a store.

Files are moved outside of every transaction: those that came are kept when their version is finalized.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import Need, Query, Ref
from modelyard.actions.files import readable
from modelyard.domain.files import Entry
from modelyard.domain.models import Status, Version
from modelyard.domain.privileges import Privilege
from modelyard.errors import WrongState
from modelyard.store import files, models
from modelyard.store.tx import Look


@dataclass(frozen=True)
class Handover:
    """A version, the files that the caller may have a copy of, and whether it may bring some."""

    version: Version
    files: tuple[Entry, ...] = ()
    may_bring: bool = False


@dataclass(frozen=True)
class HandOver(Query[Look, Handover]):
    """Show a version, with the files of which the caller may have a copy."""

    model: Ref
    number: int
    with_aliases: bool = True

    needs = (Need(Privilege.EXECUTE, on="model", metadata=True),)

    @property
    def is_brief(self) -> bool:
        """A version may have thousands of files."""
        return False

    def run(self, tx: Look) -> Handover:
        """Show it; whoever only sees metadata, and does not hold EXECUTE, gets no files."""
        version = models.version(tx, tx.at(self.model), self.number).shown(aliases=self.with_aliases)
        if version.status is Status.PENDING_REGISTRATION:
            mine = models.creator(tx, version.id) == tx.caller.principal.id
            return Handover(version, may_bring=mine and tx.may(self.model, Privilege.CREATE_MODEL_VERSION))
        if version.status is Status.READY and tx.may(self.model, Privilege.EXECUTE):
            return Handover(version, tuple(files.all_files(tx, version.manifest_id)))
        return Handover(version)


@dataclass(frozen=True)
class Borrow(Query[Look, Handover]):
    """Ask for copies of a version's files."""

    model: Ref
    number: int

    needs = (Need(Privilege.EXECUTE, on="model"),)

    @property
    def is_brief(self) -> bool:
        """A version may have thousands of files."""
        return False

    def run(self, tx: Look) -> Handover:
        """The version, and its files; before it is READY they may still change, so none is copied."""
        version = readable(tx, self.model, self.number)
        if version.status is not Status.READY:
            raise WrongState(f"Version {version.number} of '{version.model}' is {version.status}; finalize it first.")
        return Handover(version, tuple(files.all_files(tx, version.manifest_id)))
