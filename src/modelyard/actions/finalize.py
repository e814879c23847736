"""Finalizing: a version's files are examined outside of any transaction, then frozen in one."""

from __future__ import annotations

import uuid
from collections.abc import Iterable
from dataclasses import dataclass, replace
from typing import Final

from modelyard.action import Chore, Command, Need, Query, Ref
from modelyard.actions.admission import judge, keep_back
from modelyard.actions.manifests import check_place, put, uploader
from modelyard.domain import files as manifest
from modelyard.domain.cards import Draft, Examined
from modelyard.domain.journal import Event
from modelyard.domain.models import MODEL_FILE, Status, Version, pending
from modelyard.domain.privileges import Privilege
from modelyard.errors import WrongState
from modelyard.store import admission, cards, files, models, uploads
from modelyard.store import finalize as leases
from modelyard.store.tx import Look, Write

LEASE_MILLISECONDS: Final = 20_000
"""How long whoever examines a version counts as alive without saying so again."""


@dataclass(frozen=True)
class ClaimFinalization(Chore[Write, bool]):
    """Take the lease on examining a version's files, or hold it for longer, as the holder that is named."""

    version_id: str
    holder: str

    def run(self, tx: Write) -> bool:
        """Whether it could be taken; nobody else has it then."""
        return leases.claim(tx, self.version_id, self.holder, tx.now + LEASE_MILLISECONDS)


@dataclass(frozen=True)
class ReleaseFinalization(Chore[Write, None]):
    """Give that lease back."""

    version_id: str
    holder: str

    def run(self, tx: Write) -> None:
        """Give it back, where it is still held."""
        leases.release(tx, self.version_id, self.holder)


@dataclass(frozen=True)
class PrepareFinalize(Query[Look, Draft]):
    """Ask, before any file is examined, whether the caller may finalize a version, and what is in it."""

    model: Ref
    number: int

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    @property
    def is_brief(self) -> bool:
        """A version may have thousands of files."""
        return False

    def run(self, tx: Look) -> Draft:
        """The version with its files; one that is not PENDING any more is left to `FinalizeVersion`."""
        version = models.version(tx, tx.at(self.model), self.number)
        if version.status is not Status.PENDING_REGISTRATION:
            return Draft(version)
        found = tuple(files.all_files(tx, version.manifest_id))
        return Draft(uploader(tx, self.model, version), found, uploads.staged(tx, version.id))


@dataclass(frozen=True)
class FinalizeVersion(Command[Write, Version]):
    """Make a version READY: from now on its files never change. Asked again, it answers the same.

    A version that its schema does not admit is FAILED_REGISTRATION, and its files do not change either.
    """

    model: Ref
    number: int
    examined: Examined

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Write) -> Version:
        """Freeze the manifest that was examined, once the files make an MLflow model.

        Clients cannot copy a version without the id of a logged model (protocol notes §0.2), so one is made up where
        neither they nor the `MLmodel` file say it; an id that their tracking store does not know does them no harm.
        """
        model = tx.at(self.model)
        version = models.locked_version(tx, model, self.number)
        if version.status is Status.READY or admission.is_kept_back(tx, version.id):
            return version
        uploader(tx, self.model, pending(version))
        digest = self._freeze(tx, version)
        model_id = version.model_id or self.examined.model_id or "m-" + uuid.uuid4().hex
        uploads.remove_all(tx, version.id)
        reasons = judge(tx, tx.around(self.model), version.manifest_id)
        if reasons:
            keep_back(tx, replace(version, model_id=model_id, digest=digest), reasons)
            return models.version(tx, model, self.number)
        models.settle(tx, version.id, Status.READY, "", model_id=model_id, digest=digest)
        tx.announce(Event.MODEL_VERSION_READY, model.full_name, version=self.number, digest=digest)
        return models.version(tx, model, self.number)

    def _freeze(self, tx: Write, version: Version) -> str:
        """Take in the files that came by other ways, and freeze what was examined; its digest."""
        for file in self.examined.taken:
            check_place(tx, version.manifest_id, file.path, overwrite=True)
            put(tx, version, file.path, file.stored)
        entries = files.all_files(tx, version.manifest_id)
        digest = manifest.digest(entries)
        if digest != self.examined.digest:
            raise WrongState("The files changed while they were examined; finalize the version again.")
        if version.announced not in {"", digest}:
            raise WrongState("The files are not those that were announced for this version; import it again.")
        check_is_model(version, entries)
        files.freeze(tx, version.manifest_id, digest, entries)
        cards.keep(tx, version.manifest_id, self.examined.card)
        return digest


def check_is_model(version: Version, entries: Iterable[manifest.Entry]) -> None:
    """`WrongState` unless there is an `MLmodel`."""
    if all(entry.path != MODEL_FILE for entry in entries):
        raise WrongState(
            f"Version {version.number} of '{version.model}' has no `{MODEL_FILE}` file, so is no MLflow model yet. "
            "Upload its files before finalizing it.",
        )
