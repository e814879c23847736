"""SCIM's PATCH (RFC 7644 §3.5.2), read into one change: operations in their order, with a path or without."""

from __future__ import annotations

import re
from collections.abc import Callable, Iterable
from dataclasses import replace
from typing import Any, Final, TypeAlias

import msgspec

from modelyard.domain.access import ListChange, PrincipalChange, PrincipalKind
from modelyard.domain.conditions import without_schema
from modelyard.errors import Invalid
from modelyard.surfaces.scim.words import Address, Item, values

MAX_OPERATIONS: Final = 1_000
_ONE_ITEM: Final = re.compile(r'(\w+)\[value eq "([^"]{1,255})"\]\Z', re.IGNORECASE)
_TRUTHS: Final = {"true": True, "false": False}
_READ_ONLY: Final = frozenset({"id", "schemas", "meta", "groups"})
"""What clients send back as they have read it."""


class Operation(msgspec.Struct, frozen=True):
    """One operation of a PATCH."""

    op: str = ""
    path: str | None = None
    value: Any = None


class Patch(msgspec.Struct, frozen=True):
    """A PATCH of one principal."""

    id: str = ""
    operations: list[Operation] = msgspec.field(default_factory=list[Operation], name="Operations")


def change(kind: PrincipalKind, said: Patch) -> PrincipalChange:
    """The change that all operations together make."""
    if len(said.operations) > MAX_OPERATIONS:
        raise Invalid(f"a PATCH has at most {MAX_OPERATIONS} operations.")
    made = PrincipalChange()
    for operation in said.operations:
        made = _after(kind, made, operation)
    return made


def _after(kind: PrincipalKind, made: PrincipalChange, operation: Operation) -> PrincipalChange:
    op = operation.op.lower()
    if op not in {"add", "remove", "replace"}:
        raise Invalid("an operation of a PATCH has the op add, remove or replace.")
    if operation.path:
        return _changed(kind, made, op, operation.path, operation.value)
    if op == "remove":
        raise Invalid("an operation without a path adds or replaces.")
    for path, value in _attributes(operation.value):
        if path.lower() not in _READ_ONLY:
            made = _changed(kind, made, op, path, value)
    return made


def _changed(kind: PrincipalKind, made: PrincipalChange, op: str, path: str, value: object) -> PrincipalChange:
    """The change so far, and then this operation on this path."""
    name = without_schema(path)
    if one := _ONE_ITEM.match(name):
        if op != "remove":
            raise Invalid('a path like `members[value eq "…"]` only removes; add with the path `members`.')
        name, value = one[1], [{"value": one[2]}]
    if name.lower() == "name":
        for part, told in _attributes(value):
            made = _changed(kind, made, op, f"name.{part}", told)
        return made
    write = _WRITERS.get("displayname of a group" if _is_name(kind, name) else name.lower())
    if write is None:
        raise Invalid(f"{path[:100]} cannot be patched; {', '.join(_PATCHED)} can.")
    return write(made, op, value)


def _attributes(value: object) -> Iterable[tuple[str, object]]:
    try:
        return msgspec.convert(value, dict[str, object]).items()
    except msgspec.ValidationError:
        raise Invalid("the value of this operation is an object of attributes.") from None


def _is_name(kind: PrincipalKind, name: str) -> bool:
    return kind is PrincipalKind.GROUP and name.lower() == "displayname"


Write: TypeAlias = Callable[[PrincipalChange, str, object], PrincipalChange]


def _text(field: str, *, removable: bool = True) -> Write:
    def write(made: PrincipalChange, op: str, value: object) -> PrincipalChange:
        told = "" if op == "remove" and removable else value
        if not isinstance(told, str):
            raise Invalid("the value of this attribute is a text.")
        return replace(made, **{field: told})

    return write


def _list(field: str) -> Write:
    def write(made: PrincipalChange, op: str, value: object) -> PrincipalChange:
        so_far: ListChange = getattr(made, field)
        if op == "remove" and value is None:
            return replace(made, **{field: ListChange(())})
        items = values(_items(value, list[Item]))
        match op:
            case "add":
                so_far = so_far.adding(items)
            case "remove":
                so_far = so_far.removing(items)
            case _:
                so_far = ListChange(items)
        return replace(made, **{field: so_far})

    return write


def _items(value: object, kind: type[list[Any]]) -> list[Any]:
    try:
        return msgspec.convert([value] if isinstance(value, dict) else value, kind)
    except msgspec.ValidationError:
        raise Invalid('a list is written as [{"value": "…"}, …].') from None


def _emails(made: PrincipalChange, op: str, value: object) -> PrincipalChange:
    if op == "add":
        raise Invalid("emails are replaced as a whole, or removed.")
    told = [] if op == "remove" else _items(value, list[Address])
    return replace(made, emails=tuple(address.email() for address in told))


def _active(made: PrincipalChange, op: str, value: object) -> PrincipalChange:
    told = _TRUTHS.get(value.lower()) if isinstance(value, str) else value
    if op == "remove" or not isinstance(told, bool):
        raise Invalid("active is replaced by true or false.")
    return replace(made, active=told)


_PATCHED: Final[dict[str, Write]] = {
    "userName": _text("name", removable=False),
    "displayName": _text("display_name"),
    "externalId": _text("external_id"),
    "active": _active,
    "name.givenName": _text("given_name"),
    "name.familyName": _text("family_name"),
    "emails": _emails,
    "entitlements": _list("entitlements"),
    "roles": _list("roles"),
    "members": _list("members"),
}
_WRITERS: Final = {name.lower(): write for name, write in _PATCHED.items()} | {
    "displayname of a group": _text("name", removable=False),
}
