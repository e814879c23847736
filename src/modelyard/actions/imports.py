"""Versions that come from another server: they keep their numbers, and only bytes that are not here are sent.

Those of a flat registry bring their past along: when they were made, by whom, and in which stage they are.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

from modelyard.action import Command, Need, Ref
from modelyard.actions import versions
from modelyard.actions.aliases import check_moves, hold_aliases
from modelyard.actions.approvals import without_approvals
from modelyard.actions.files import writing
from modelyard.actions.manifests import check_place, put, uploader
from modelyard.actions.models import CreateModel
from modelyard.domain.legacy import ORIGIN, Past, imported
from modelyard.domain.lineage import Direction, End
from modelyard.domain.models import Announced, RegisteredModel, Registration, Status, Tag, Version
from modelyard.domain.privileges import Node, Privilege
from modelyard.domain.stages import Stage, touched_aliases
from modelyard.errors import AlreadyExists, NotFound
from modelyard.store import catalogs, files, imports, legacy, lineage, models, stages
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


# What a flat registry had


@dataclass(frozen=True)
class ImportFlatModel(Command[Write, RegisteredModel]):
    """Make a registered model that was in a flat registry, with the time and the maker that it had there.

    It belongs to the caller: whoever made it there is a word here, and gets no rights by it.
    """

    schema: Ref
    name: str
    past: Past
    comment: str = ""
    tags: tuple[Tag, ...] = ()

    needs = (
        Need(Privilege.CREATE_MODEL, on="schema", naming="name"),
        Need(Privilege.MANAGE, on="schema"),
    )

    def run(self, tx: Write) -> RegisteredModel:
        """Make it, without versions."""
        made = CreateModel(self.schema, self.name, self.comment, self.tags).run(tx)
        catalogs.recall(tx, made.id, min(self.past.created_at, tx.now), self.past.maker())
        return models.get(tx, made.id)


@dataclass(frozen=True)
class ImportFlatVersion(Command[Write, Version]):
    """Make a version with the number, the past and the stage that it has in a flat registry.

    It is as `ImportVersion`. Asked again for the same version of the same registry, it answers with the version as it
    is by then; stages count, and are seen, once it is READY.
    """

    model: Ref
    announced: Announced
    told: Registration
    past: Past

    needs = (
        Need(Privilege.CREATE_MODEL_VERSION, on="model"),
        Need(Privilege.MANAGE, on="model"),
    )

    def run(self, tx: Write) -> Version:
        """Make it PENDING_REGISTRATION, unless it is there from elsewhere, or its stage is not the caller's to fill."""
        model, past = tx.at(self.model), self.past
        guarding = hold_aliases(tx, self.model)
        if past.stage is not Stage.NONE:
            check_moves(tx, guarding, touched_aliases({past.stage}, legacy.mapped(tx, model.id)))
        imports.hold(tx, model)
        is_there = self._is_there(tx, model)
        made = ImportVersion(self.model, self.announced, self.told).run(tx)
        if not is_there:
            self._recall(tx, model, made)
        return models.version(tx, model, made.number)

    def _is_there(self, tx: Write, model: Node) -> bool:
        """Whether it came already; `AlreadyExists` for a version that came by another way."""
        try:
            there = models.locked_version(tx, model, self.announced.number)
        except NotFound:
            return False
        if self._origin not in lineage.upstream(tx, there.id, ORIGIN):
            raise AlreadyExists(
                f"Version {there.number} of '{model.full_name}' is there, and not from '{self._origin}'. "
                "Import into another model.",
            )
        return True

    @property
    def _origin(self) -> str:
        return self.past.origin(self.announced.number)

    def _recall(self, tx: Write, model: Node, made: Version) -> None:
        past = self.past
        models.recall(tx, made.id, min(past.created_at, tx.now), past.maker())
        lineage.note(tx, made.id, Direction.UPSTREAM, [End(ORIGIN, self._origin)])
        if past.stage is not Stage.NONE or self.told.run_link:
            stages.put(tx, made.id, past.stage, self.told.run_link)
        for move in past.moves:
            told = imported(move.moved_by, past.registry)
            stages.recall(tx, model, replace(move, version=made.number, moved_by=told, request_id=""))
