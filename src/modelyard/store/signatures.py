"""Signatures of manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, select

from modelyard.domain.signing import Signature
from modelyard.store import schema
from modelyard.store.tx import inserting, new_id

if TYPE_CHECKING:
    from modelyard.store.tx import Look, Write

_signatures = schema.signatures
_OF_MANIFEST: Final = _signatures.c.manifest_id == bindparam("manifest")
_KEYS: Final = select(_signatures.c.key_id).where(_OF_MANIFEST)
_ALL: Final = (
    select(_signatures.c.key_id, _signatures.c.bundle, _signatures.c.added_at, _signatures.c.added_by)
    .where(_OF_MANIFEST)
    .order_by(_signatures.c.added_at, _signatures.c.key_id)
)
_ADD: Final = inserting(_signatures)


def key_ids(tx: Look, manifest_id: str) -> frozenset[str]:
    """The keys that a manifest is signed with."""
    return frozenset(row[0] for row in tx.rows(_KEYS, manifest=manifest_id))


def listing(tx: Look, manifest_id: str) -> list[Signature]:
    """The signatures of a manifest, oldest first."""
    return [Signature(*row) for row in tx.rows(_ALL, manifest=manifest_id)]


def add(tx: Write, manifest_id: str, key_id: str, bundle: str) -> None:
    """Keep a signature; the first one of a key stays."""
    if key_id in key_ids(tx, manifest_id):
        return
    tx.run(
        _ADD,
        id=new_id(),
        manifest_id=manifest_id,
        key_id=key_id,
        bundle=bundle,
        added_at=tx.now,
        added_by=tx.actor,
    )
