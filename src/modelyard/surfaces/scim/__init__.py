"""Principals by SCIM: who am I, users, groups and service principals (RFC 7644; protocol notes §1.d).

The same principals are found in the workspace, in any account, and where Unity Catalog's clients look for users.
"""

from __future__ import annotations

import uuid
from typing import Final

import msgspec

from modelyard.actions import access
from modelyard.domain import conditions
from modelyard.domain.access import PrincipalKind, Shown
from modelyard.errors import Invalid
from modelyard.surfaces.scim import patch
from modelyard.surfaces.scim.patch import Patch
from modelyard.surfaces.scim.words import FOLDERS, Resource, blame, created, listed, me, values, written
from modelyard.surfaces.wire import EMPTY, AnyAction, Nothing, Row, Translation

PREFIX: Final = "/api/2.0/preview/scim/v2"
ACCOUNT: Final = "/api/2.0/accounts/{account_id}/scim/v2"
UNITY: Final = "/api/1.0/unity-control/scim2"
_MOST: Final = 10_000


class One(msgspec.Struct, frozen=True):
    """A principal by its id."""

    id: str = ""


class Listing(msgspec.Struct, frozen=True, rename="camel"):
    """A page of principals."""

    filter: str | None = None
    start_index: int = 1
    count: int = _MOST
    sort_by: str | None = None
    sort_order: str | None = None
    attributes: str | None = None
    excluded_attributes: str | None = None


def _create(kind: PrincipalKind, said: Resource) -> AnyAction:
    name = said.name_of(kind)
    if kind is PrincipalKind.SERVICE_PRINCIPAL and not name:
        name = str(uuid.uuid4())
    members = values(said.members)
    if members and kind is not PrincipalKind.GROUP:
        raise Invalid("only groups have members.")
    active = said.active is not False
    return access.CreatePrincipal(kind, name or "", said.display_name or "", members, said.profile(), active)


def _list(kind: PrincipalKind, said: Listing) -> AnyAction:
    own_name = {
        PrincipalKind.USER: conditions.Attribute.USER_NAME,
        PrincipalKind.GROUP: conditions.Attribute.DISPLAY_NAME,
        PrincipalKind.SERVICE_PRINCIPAL: conditions.Attribute.APPLICATION_ID,
    }
    return access.ListPrincipals(
        kind,
        skip=min(max(0, said.start_index - 1), 1 << 62),
        most=max(0, min(said.count, _MOST)),
        condition=conditions.read(said.filter) if said.filter else None,
        by=conditions.sortable(said.sort_by) if said.sort_by else own_name[kind],
        descending=(said.sort_order or "").lower() == "descending",
        shown=Shown(_names(said.attributes), _names(said.excluded_attributes)),
    )


def _names(text: str | None) -> frozenset[str]:
    return frozenset(name for each in (text or "").split(",") if (name := each.strip().lower()))


def _rows(prefix: str, kind: PrincipalKind) -> tuple[Row, ...]:
    all_ = f"{prefix}/{FOLDERS[kind]}"
    one = all_ + "/{id}"
    return (
        Translation("POST", all_, Resource, read=lambda said: _create(kind, said), write=created, blame=blame),
        Translation("GET", all_, Listing, read=lambda said: _list(kind, said), write=listed, blame=blame),
        Translation("GET", one, One, read=lambda said: access.GetPrincipal(kind, said.id), write=written, blame=blame),
        Translation(
            "PUT",
            one,
            Resource,
            read=lambda said: access.UpdatePrincipal(kind, said.id, said.replacement(kind)),
            write=written,
            blame=blame,
        ),
        Translation(
            "PATCH",
            one,
            Patch,
            read=lambda said: access.UpdatePrincipal(kind, said.id, patch.change(kind, said)),
            write=written,
            blame=blame,
        ),
        Translation(
            "DELETE",
            one,
            One,
            read=lambda said: access.DeletePrincipal(kind, said.id),
            write=lambda _nothing, _here: EMPTY,
            blame=blame,
        ),
    )


def _me(prefix: str) -> Row:
    return Translation("GET", f"{prefix}/Me", Nothing, read=lambda _said: access.WhoAmI(), write=me, blame=blame)


ROWS: Final[tuple[Row, ...]] = (
    _me(PREFIX),
    *(row for prefix in (PREFIX, ACCOUNT) for kind in FOLDERS for row in _rows(prefix, kind)),
    _me(UNITY),
    *_rows(UNITY, PrincipalKind.USER),
)
