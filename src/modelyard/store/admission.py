"""The policies of schemas, and the versions that they keep back."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, select, update

from modelyard.domain.admission import Admits, Policy, Quarantined
from modelyard.domain.privileges import Kind, Node
from modelyard.store import schema
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelyard.domain.pages import Page, Window
    from modelyard.store.tx import Look, Write

_policies, _quarantines = schema.policies, schema.quarantines
_versions, _securables = schema.versions, schema.securables

_GET: Final = (
    select(
        _securables.c.full_name,
        _policies.c.admits,
        _policies.c.clean_scan,
        _policies.c.signers,
        _policies.c.updated_at,
        _policies.c.updated_by,
    )
    .join(_securables, _securables.c.id == _policies.c.schema_id)
    .where(_policies.c.schema_id == bindparam("schema"))
)
_MODEL: Final = select(_securables.c.id, _securables.c.full_name).where(
    _securables.c.parent_id == bindparam("schema"),
    _securables.c.full_name == bindparam("name"),
    _securables.c.kind == Kind.MODEL.value,
)
_REMOVE: Final = delete(_policies).where(_policies.c.schema_id == bindparam("schema"))
_ADD: Final = inserting(_policies)
_QUARANTINE: Final = inserting(_quarantines)
_HELD: Final = select(_quarantines.c.reasons).where(
    _quarantines.c.version_id == bindparam("version"), _quarantines.c.released_at.is_(None)
)
_RELEASE: Final = (
    update(_quarantines)
    .where(_quarantines.c.version_id == bindparam("version"), _quarantines.c.released_at.is_(None))
    .values(released_at=bindparam("now"), released_by=bindparam("actor"), comment=bindparam("new_comment"))
)
_LIST: Final = (
    select(
        _securables.c.full_name,
        _versions.c.number,
        _versions.c.created_by,
        _quarantines.c.reasons,
        _quarantines.c.since,
        _versions.c.id,
    )
    .join(_versions, _versions.c.id == _quarantines.c.version_id)
    .join(_securables, _securables.c.id == _versions.c.model_id)
    .where(
        _securables.c.parent_id == bindparam("schema"),
        _quarantines.c.released_at.is_(None),
        _versions.c.id > bindparam("after"),
    )
    .order_by(_versions.c.id)
    .limit(bindparam("most"))
)


def model_in(tx: Look, schema_id: str, full_name: str) -> Node | None:
    """A model of a schema, by its full name."""
    row = tx.row(_MODEL, schema=schema_id, name=full_name)
    return Node(Kind.MODEL, row[0], row[1]) if row else None


def get(tx: Look, schema_id: str) -> Policy | None:
    """What a schema asks, if it asks anything."""
    row = tx.row(_GET, schema=schema_id)
    if row is None:
        return None
    name, admits, clean_scan, signers, updated_at, updated_by = row
    return Policy(name, Admits(admits), bool(clean_scan), tuple(json.loads(signers)), updated_at, updated_by)


def put(tx: Write, schema_id: str, policy: Policy) -> None:
    """Let a schema ask this from now on, of versions that are to become READY."""
    remove(tx, schema_id)
    tx.run(
        _ADD,
        schema_id=schema_id,
        admits=policy.admits.value,
        clean_scan=int(policy.clean_scan),
        signers=json.dumps(policy.signers),
        updated_at=tx.now,
        updated_by=tx.actor,
    )


def remove(tx: Write, schema_id: str) -> bool:
    """Let a schema ask nothing; whether it did ask something."""
    return tx.run(_REMOVE, schema=schema_id) > 0


def keep_back(tx: Write, version_id: str, reasons: Sequence[str]) -> None:
    """Note why a version is kept back."""
    tx.run(
        _QUARANTINE,
        version_id=version_id,
        reasons=json.dumps(reasons),
        since=tx.now,
        released_at=None,
        released_by="",
        comment="",
    )


def is_kept_back(tx: Look, version_id: str) -> bool:
    """Whether a version is in quarantine."""
    return tx.row(_HELD, version=version_id) is not None


def release(tx: Write, version_id: str, comment: str) -> bool:
    """Note that the caller lets a version go, and why; false if it is not in quarantine."""
    return tx.run(_RELEASE, version=version_id, now=tx.now, actor=tx.actor, new_comment=comment) > 0


def listing(tx: Look, schema_id: str, window: Window) -> Page[Quarantined]:
    """The versions of a schema that are in quarantine."""
    rows = tx.rows(_LIST, schema=schema_id, after=window.after, most=window.limit + 1)
    items = [Quarantined(row[0], row[1], row[2], tuple(json.loads(row[3])), row[4]) for row in rows]
    return window.cut(items, rows[window.limit - 1][5] if len(rows) > window.limit else None)
