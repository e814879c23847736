"""Signatures of manifests."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, select

from modelyard.store import schema

if TYPE_CHECKING:
    from modelyard.store.tx import Look

_signatures = schema.signatures
_KEYS: Final = select(_signatures.c.key_id).where(_signatures.c.manifest_id == bindparam("manifest"))


def key_ids(tx: Look, manifest_id: str) -> frozenset[str]:
    """The keys that a manifest is signed with."""
    return frozenset(row[0] for row in tx.rows(_KEYS, manifest=manifest_id))
