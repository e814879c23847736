"""Versions that come from another server: they keep their numbers, and only bytes that are not here are sent."""

from __future__ import annotations

from dataclasses import dataclass, replace

from modelyard.action import Command, Need, Ref
from modelyard.actions import versions
from modelyard.actions.approvals import without_approvals
from modelyard.actions.files import writing
from modelyard.actions.manifests import check_place, put, uploader
from modelyard.domain.models import Announced, Registration, Status, Version
from modelyard.domain.privileges import Node, Privilege
from modelyard.errors import AlreadyExists, NotFound
from modelyard.store import files, imports, models
from modelyard.store.tx import Write


@dataclass(frozen=True)
class ImportVersion(Command[Write, Version]):
    """Make a version with the number and the manifest's digest that it has on another server.

    Asked again, it answers with the version as it is by then. Finalizing it takes just the files that were announced.
    """

    model: Ref
    announced: Announced
    told: Registration

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Write) -> Version:
        """Make it PENDING_REGISTRATION; `AlreadyExists` if its number was ever given to other files."""
        model = tx.at(self.model)
        imports.hold(tx, model)
        there = self._there(tx, model)
        if there is None:
            needed = versions.listed(self.told.dependencies)
            told = replace(self.told, tags=without_approvals(tx, model, self.told.tags))
            return versions.enter(tx, self.model, told, self.told.model_id, needed, self.announced)
        if there.status is Status.PENDING_REGISTRATION:
            uploader(tx, self.model, there)
        if self.announced.digest not in {there.digest, there.announced}:
            raise AlreadyExists(
                f"Version {there.number} of '{model.full_name}' is there with other files. "
                "A version never changes: import into another model.",
            )
        return there

    def _there(self, tx: Write, model: Node) -> Version | None:
        """The version with this number; one that was given up before it had its files waits for them again."""
        try:
            there = models.locked_version(tx, model, self.announced.number)
        except NotFound:
            return None
        if there.status is not Status.FAILED_REGISTRATION or files.measure(tx, there.manifest_id) != (0, 0):
            return there
        uploader(tx, self.model, there)
        waiting = {"model_id": self.told.model_id, "digest": self.announced.digest}
        models.settle(tx, there.id, Status.PENDING_REGISTRATION, "", **waiting)
        return models.version(tx, model, there.number)


@dataclass(frozen=True)
class Wanted:
    """A file that a version is to have: its path, and the SHA-256 and the size in bytes of what is in it."""

    path: str
    sha256: str
    size: int


@dataclass(frozen=True)
class TakeFiles(Command[Write, tuple[str, ...]]):
    """Give a version files whose bytes a version of some model has: nobody needs to send them again.

    Those are bytes that the caller may read anyway: of READY versions, and of others that it is filling itself.
    """

    origin: Ref
    model: Ref
    number: int
    wanted: tuple[Wanted, ...]

    needs = (
        Need(Privilege.EXECUTE, on="origin"),
        Need(Privilege.CREATE_MODEL_VERSION, on="model"),
    )

    def run(self, tx: Write) -> tuple[str, ...]:
        """The paths of those that the version has now."""
        version = writing(tx, self.model, self.number)
        known = imports.known(tx, tx.at(self.origin), {file.sha256 for file in self.wanted})
        taken = [file for file in self.wanted if file.sha256 in known and known[file.sha256].size == file.size]
        for file in taken:
            there = files.get(tx, version.manifest_id, file.path)
            if there is None or there.sha256 != file.sha256:
                check_place(tx, version.manifest_id, file.path, overwrite=True)
                put(tx, version, file.path, known[file.sha256])
        return tuple(file.path for file in taken)
