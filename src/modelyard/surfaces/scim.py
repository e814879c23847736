"""Principals by SCIM, `/api/2.0/preview/scim/v2/*`: who am I, users, groups and service principals (notes §1.d)."""

from __future__ import annotations

import re
import uuid
from typing import Any, Final

import msgspec

from modelyard.actions import access
from modelyard.actions.access import PrincipalCard, PrincipalList
from modelyard.domain.access import Principal, PrincipalKind
from modelyard.errors import AlreadyExists, Failure, Invalid
from modelyard.surfaces.wire import STATUS, AnyAction, Here, Nothing, Reply, Row, Translation, encode, told_as

PREFIX: Final = "/api/2.0/preview/scim/v2"
_KINDS: Final = {
    "Users": PrincipalKind.USER,
    "Groups": PrincipalKind.GROUP,
    "ServicePrincipals": PrincipalKind.SERVICE_PRINCIPAL,
}
_FOLDERS: Final = {kind: folder for folder, kind in _KINDS.items()}
_MOST: Final = 10_000
_FILTER: Final = re.compile(r'\s*(?:userName|displayName|applicationId)\s+eq\s+"([^"]{1,255})"\s*\Z', re.IGNORECASE)
_MEMBER: Final = re.compile(r'members\[value eq "([^"]{1,64})"\]\Z')
_LIST_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_ERROR_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:Error"


def blame(failure: Failure) -> Reply:
    """Failures as SCIM tells them (RFC 7644 §3.12)."""
    status, code = told_as(failure, {**STATUS, AlreadyExists: (409, "uniqueness")})
    told = {"schemas": [_ERROR_SCHEMA], "detail": failure.message, "status": str(status), "scimType": code}
    return Reply(status, encode(told))


# What is said


class Member(msgspec.Struct, frozen=True):
    """A member of a group, by id."""

    value: str = ""


class NewPrincipal(msgspec.Struct, frozen=True, rename="camel"):
    """A new user, group or service principal."""

    user_name: str = ""
    display_name: str | None = None
    application_id: str = ""
    members: list[Member] | None = None


class One(msgspec.Struct, frozen=True):
    """A principal by its id."""

    id: str = ""


class Listing(msgspec.Struct, frozen=True, rename="camel"):
    """A page of principals."""

    filter: str | None = None
    start_index: int = 1
    count: int = _MOST


class Operation(msgspec.Struct, frozen=True):
    """One operation of a PATCH."""

    op: str = ""
    path: str | None = None
    value: Any = None


class Patch(msgspec.Struct, frozen=True):
    """A PATCH (RFC 7644 §3.5.2)."""

    id: str = ""
    operations: list[Operation] = msgspec.field(default_factory=list[Operation], name="Operations")


# How it is read


def _create(kind: PrincipalKind, said: NewPrincipal) -> AnyAction:
    display = said.display_name or ""
    match kind:
        case PrincipalKind.USER:
            name = said.user_name
        case PrincipalKind.GROUP:
            name = display
        case PrincipalKind.SERVICE_PRINCIPAL:
            name = said.application_id or str(uuid.uuid4())
    members = tuple(member.value for member in said.members or ())
    if members and kind is not PrincipalKind.GROUP:
        raise Invalid("only groups have members.")
    return access.CreatePrincipal(kind, name, display, members)


def _list(kind: PrincipalKind, said: Listing) -> AnyAction:
    skip, most = max(0, said.start_index - 1), max(0, min(said.count, _MOST))
    if not said.filter:
        return access.ListPrincipals(kind, skip, most)
    found = _FILTER.match(said.filter)
    if not found:
        raise Invalid('filter must be one comparison such as `userName eq "alice@example.com"`.')
    return access.ListPrincipals(kind, skip, most, found[1])


def _patch(kind: PrincipalKind, said: Patch) -> AnyAction:
    join: list[str] = []
    leave: list[str] = []
    active: bool | None = None
    for operation in said.operations:
        path = operation.path or ""
        if one := _MEMBER.match(path):
            leave.append(one[1])
        elif path == "members" and operation.op.lower() in {"add", "remove"}:
            (join if operation.op.lower() == "add" else leave).extend(_values(operation.value))
        elif path == "active" and isinstance(operation.value, bool):
            active = operation.value
        else:
            raise Invalid("a PATCH here adds or removes `members` (by id), or replaces `active`.")
    return access.UpdatePrincipal(kind, said.id, tuple(join), tuple(leave), active)


def _values(value: object) -> list[str]:
    try:
        return [member.value for member in msgspec.convert(value, list[Member])]
    except msgspec.ValidationError:
        raise Invalid('members are written as [{"value": "<id>"}].') from None


# How it is written


def _reference(principal: Principal) -> dict[str, object]:
    return {
        "display": principal.display_name,
        "value": principal.id,
        "$ref": f"{_FOLDERS[principal.kind]}/{principal.id}",
    }


def _card(card: PrincipalCard, _here: Here) -> dict[str, object]:
    principal = card.principal
    related = [_reference(each) for each in card.related]
    common: dict[str, object] = {"id": principal.id, "displayName": principal.display_name}
    match principal.kind:
        case PrincipalKind.GROUP:
            return {**common, "members": related}
        case PrincipalKind.USER:
            mail = [{"value": principal.name, "type": "work", "primary": True}]
            return {
                **common,
                "userName": principal.name,
                "active": principal.active,
                "emails": mail,
                "groups": related,
            }
        case PrincipalKind.SERVICE_PRINCIPAL:
            return {**common, "applicationId": principal.name, "active": principal.active, "groups": related}


def _me(card: PrincipalCard, here: Here) -> Reply:
    told = {"userName": card.principal.name, **_card(card, here)}
    headers = (("content-type", "application/json"), ("x-databricks-org-id", str(here.workspace_id)))
    return Reply(200, encode(told), headers)


def _cards(listed: PrincipalList, here: Here) -> object:
    return {
        "schemas": [_LIST_SCHEMA],
        "totalResults": listed.total,
        "startIndex": listed.skipped + 1,
        "itemsPerPage": len(listed.cards),
        "Resources": [_card(card, here) for card in listed.cards],
    }


def _rows(folder: str, kind: PrincipalKind) -> tuple[Row, ...]:
    all_, one = f"{PREFIX}/{folder}", f"{PREFIX}/{folder}/{{id}}"
    return (
        Translation(
            "POST",
            all_,
            NewPrincipal,
            read=lambda said: _create(kind, said),
            write=lambda card, here: Reply(201, encode(_card(card, here))),
            blame=blame,
        ),
        Translation("GET", all_, Listing, read=lambda said: _list(kind, said), write=_cards, blame=blame),
        Translation(
            "GET",
            one,
            One,
            read=lambda said: access.GetPrincipal(kind, said.id),
            write=_card,
            blame=blame,
        ),
        Translation("PATCH", one, Patch, read=lambda said: _patch(kind, said), write=_card, blame=blame),
        Translation(
            "DELETE",
            one,
            One,
            read=lambda said: access.DeletePrincipal(kind, said.id),
            write=lambda _nothing, _here: Reply(204, b"", ()),
            blame=blame,
        ),
    )


ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", f"{PREFIX}/Me", Nothing, read=lambda _said: access.WhoAmI(), write=_me, blame=blame),
    *(row for folder, kind in _KINDS.items() for row in _rows(folder, kind)),
)
