"""Copies of versions that the server makes by itself: rows, and not one byte of a file."""

from __future__ import annotations

import json
from dataclasses import dataclass

from modelyard.action import Command, Need, Ref
from modelyard.actions.admission import judge, keep_back
from modelyard.actions.approvals import without_approvals
from modelyard.actions.models import SetAlias
from modelyard.domain.journal import Event
from modelyard.domain.lineage import VERSION, Direction, End
from modelyard.domain.models import Registration, Status, Version, ready
from modelyard.domain.names import MAX_TAGS
from modelyard.domain.privileges import Privilege
from modelyard.errors import WrongState
from modelyard.store import holdings, lineage, models
from modelyard.store.catalogs import VERSION_TAGS
from modelyard.store.tx import Write


def _copy(tx: Write, origin: Ref, number: int, model: Ref, comment: str | None) -> Version:
    """Make a version that shares the manifest of a READY one, and says all that the other says of itself."""
    source = ready(models.version(tx, tx.at(origin), number), "be copied")
    told = Registration(
        source=f"models:/{source.model}/{source.number}",
        run_id=source.run_id,
        run_tracking_server_id=source.run_tracking_server_id,
        comment=source.comment if comment is None else comment,
    )
    made = models.add_version(
        tx,
        tx.at(model),
        told,
        logged_model=source.model_id,
        dependencies=json.dumps(models.dependencies(tx, source.id)),
        store_id=holdings.store_of(tx, tx.around(model).id),
        copied=source,
    )
    for tag in without_approvals(tx, tx.at(model), source.tags):
        VERSION_TAGS.set(tx, made.id, tag, MAX_TAGS)
    lineage.note(tx, made.id, Direction.UPSTREAM, told.ends())
    lineage.note(tx, made.id, Direction.UPSTREAM, [End(VERSION, f"{source.model}/{source.number}")], source.id)
    tx.announce(Event.MODEL_VERSION_CREATED, made.model, version=made.number, source=told.source)
    reasons = judge(tx, tx.around(model), made.manifest_id)
    if reasons:
        keep_back(tx, made, reasons)
    else:
        tx.announce(Event.MODEL_VERSION_READY, made.model, version=made.number, digest=made.digest)
    return models.version(tx, tx.at(model), made.number)


@dataclass(frozen=True)
class CopyVersion(Command[Write, Version]):
    """Bring a version of one model into another, whatever its size; `comment` stands in for the origin's own."""

    origin: Ref
    number: int
    model: Ref
    comment: str | None = None

    needs = (
        Need(Privilege.EXECUTE, on="origin"),
        Need(Privilege.CREATE_MODEL_VERSION, on="model"),
    )

    def run(self, tx: Write) -> Version:
        """Make it, READY at once, or kept back if its new schema does not admit it."""
        return _copy(tx, self.origin, self.number, self.model, self.comment)


@dataclass(frozen=True)
class PromoteVersion(Command[Write, Version]):
    """Bring a version of one model into another, and point an alias there at it: both, or neither.

    `expected_version` and `reason` are as in `SetAlias`.
    """

    origin: Ref
    number: int
    model: Ref
    alias: str
    comment: str | None = None
    expected_version: int | None = None
    reason: str = ""

    needs = (
        Need(Privilege.EXECUTE, on="origin"),
        Need(Privilege.CREATE_MODEL_VERSION, on="model"),
        Need(Privilege.MANAGE, on="model"),
    )

    def run(self, tx: Write) -> Version:
        """Make it, READY at once, and move the alias; `WrongState` if its new schema does not admit it."""
        made = _copy(tx, self.origin, self.number, self.model, self.comment)
        if made.status is not Status.READY:
            raise WrongState(f"Nothing was promoted. {made.status_message}")
        SetAlias(self.model, self.alias, made.number, self.expected_version, self.reason).run(tx)
        return models.version(tx, tx.at(self.model), made.number)
