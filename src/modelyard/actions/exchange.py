"""The exchange: versions for MLflow's `uc:` client, which brings and fetches files through folders of this machine.

Files are moved outside of every transaction, between an action that allows it and, for those that came, one that
keeps them.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import Command, Need, Query, Ref
from modelyard.actions.files import check_place, put, writing
from modelyard.actions.versions import FinalizeVersion, uploader
from modelyard.domain.files import Entry
from modelyard.domain.models import Status, Version
from modelyard.domain.privileges import Privilege
from modelyard.store import files, models
from modelyard.store.tx import Look, Write


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
            return Handover(version, tuple(files.all_files(tx, version.id)))
        return Handover(version)


@dataclass(frozen=True)
class PrepareTaking(Query[Look, Version]):
    """Ask, before any file is taken in, whether the caller may finalize a version."""

    model: Ref
    number: int

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Look) -> Version:
        """The version: one that is not PENDING any more is left to `FinalizeTaken`."""
        version = models.version(tx, tx.at(self.model), self.number)
        return uploader(tx, self.model, version) if version.status is Status.PENDING_REGISTRATION else version


@dataclass(frozen=True)
class FinalizeTaken(Command[Write, Version]):
    """Name files that were taken in in a version's manifest, and make it READY. Asked again, it answers the same."""

    model: Ref
    number: int
    files: tuple[Entry, ...]

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Write) -> Version:
        """Freeze the manifest, once the files make an MLflow model."""
        if self.files:
            version = writing(tx, self.model, self.number)
            for file in self.files:
                check_place(tx, version, file.path, overwrite=True)
                put(tx, version, file.path, file.sha256, file.size)
        return FinalizeVersion(self.model, self.number).run(tx)
