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
}


def ref(securable_type: str, full_name: str) -> Ref:
    """The securable of a type, in any of the spellings of clients, and a name."""
    kind = _KINDS.get(securable_type.lower().removeprefix("securabletype."))
    match kind:
        case Kind.METASTORE:
            return METASTORE
        case Kind.CATALOG:
            return Ref(kind, names.simple(full_name))
        case Kind.SCHEMA:
            return Ref(kind, names.schema(full_name))
        case Kind.ROUTINE:
            return Ref(kind, names.model(full_name))
        case Kind.PROMPT:
            return Ref(kind, names.prompt(full_name))
        case _:
            raise Invalid(f'"{securable_type[:60]}" is no securable type here; use {", ".join(_KINDS)}.')
