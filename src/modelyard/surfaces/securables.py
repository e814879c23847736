"""Securables as clients name them: by a type, which has several spellings, and a full name."""

from __future__ import annotations

from typing import Final

from modelyard.action import METASTORE, Ref
from modelyard.domain import names
from modelyard.domain.privileges import Kind
from modelyard.errors import Invalid

_KINDS: Final = {
    "metastore": Kind.METASTORE,
    "catalog": Kind.CATALOG,
    "schema": Kind.SCHEMA,
    "function": Kind.ROUTINE,
    "registered_model": Kind.ROUTINE,
    "model": Kind.ROUTINE,
    "prompt": Kind.PROMPT,
    "table": Kind.TABLE,
    "volume": Kind.VOLUME,
}


_NAMES: Final = {
    Kind.CATALOG: names.simple,
    Kind.SCHEMA: names.schema,
    Kind.ROUTINE: names.model,
    Kind.PROMPT: names.prompt,
    Kind.TABLE: names.table,
    Kind.VOLUME: names.volume,
}
"""How the full name of each kind is read."""


def ref(securable_type: str, full_name: str) -> Ref:
    """The securable of a type, in any of the spellings of clients, and a name."""
    kind = _KINDS.get(securable_type.lower().removeprefix("securabletype."))
    if kind is None:
        raise Invalid(f'"{securable_type[:60]}" is no securable type here; use {", ".join(_KINDS)}.')
    return METASTORE if kind is Kind.METASTORE else Ref(kind, _NAMES[kind](full_name))
