"""The words of SCIM: what is said of a principal, how one is written, and how failures are told."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from modelyard.actions.access import PrincipalCard, PrincipalList
from modelyard.domain.access import Email, ListChange, Principal, PrincipalChange, PrincipalKind, Profile, Shown
from modelyard.errors import AlreadyExists, Failure, Unauthenticated, Unavailable
from modelyard.surfaces.wire import JSON, STATUS, Here, Reply, encode, told_as

FOLDERS: Final = {
    PrincipalKind.USER: "Users",
    PrincipalKind.GROUP: "Groups",
    PrincipalKind.SERVICE_PRINCIPAL: "ServicePrincipals",
}
_SCHEMAS: Final = {
    PrincipalKind.USER: "urn:ietf:params:scim:schemas:core:2.0:User",
    PrincipalKind.GROUP: "urn:ietf:params:scim:schemas:core:2.0:Group",
    PrincipalKind.SERVICE_PRINCIPAL: "urn:ietf:params:scim:schemas:core:2.0:ServicePrincipal",
}
_LIST_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:ListResponse"
_ERROR_SCHEMA: Final = "urn:ietf:params:scim:api:messages:2.0:Error"


def blame(failure: Failure) -> Reply:
    """Failures as SCIM tells them (RFC 7644 §3.12)."""
    status, code = told_as(failure, {**STATUS, AlreadyExists: (409, "uniqueness")})
    told = {"schemas": [_ERROR_SCHEMA], "detail": failure.message, "status": str(status), "scimType": code}
    headers: tuple[tuple[str, str], ...] = (("content-type", JSON),)
    if isinstance(failure, Unauthenticated):
        headers += (("www-authenticate", "Bearer"),)
    if isinstance(failure, Unavailable):
        headers += (("retry-after", "1"),)
    return Reply(status, encode(told), headers)


# What is said


class Item(msgspec.Struct, frozen=True):
    """An item of a list: a member by its id, an entitlement, a role."""

    value: str = ""


class Address(msgspec.Struct, frozen=True):
    """An e-mail address."""

    value: str = ""
    type: str | None = None
    primary: bool | None = None

    def email(self) -> Email:
        """The address, as we keep it."""
        return Email(self.value, self.type or "work", bool(self.primary))


class Name(msgspec.Struct, frozen=True, rename="camel"):
    """The parts of a person's name."""

    given_name: str | None = None
    family_name: str | None = None


class Resource(msgspec.Struct, frozen=True, rename="camel"):
    """A user, a group or a service principal, as far as clients may say how it is."""

    id: str = ""
    user_name: str | None = None
    display_name: str | None = None
    application_id: str | None = None
    external_id: str | None = None
    active: bool | None = None
    name: Name | None = None
    emails: list[Address] | None = None
    entitlements: list[Item] | None = None
    roles: list[Item] | None = None
    members: list[Item] | None = None

    def name_of(self, kind: PrincipalKind) -> str | None:
        """The name that grants say."""
        return {
            PrincipalKind.USER: self.user_name,
            PrincipalKind.GROUP: self.display_name,
            PrincipalKind.SERVICE_PRINCIPAL: self.application_id,
        }[kind]

    def profile(self) -> Profile:
        """What a directory tells of it; what is left out is empty."""
        name = self.name or Name()
        return Profile(
            external_id=self.external_id or "",
            given_name=name.given_name or "",
            family_name=name.family_name or "",
            emails=tuple(address.email() for address in self.emails or ()),
            roles=values(self.roles),
            entitlements=values(self.entitlements),
        )

    def replacement(self, kind: PrincipalKind) -> PrincipalChange:
        """The change that leaves nothing but what is said here.

        Only names and whether somebody may come in stay as they are where nothing is said of them: a directory that
        never speaks of `active` shall not let anybody in again.
        """
        profile = self.profile()
        return PrincipalChange(
            name=None if kind is PrincipalKind.SERVICE_PRINCIPAL else self.name_of(kind),
            display_name=self.display_name,
            active=self.active,
            external_id=profile.external_id,
            given_name=profile.given_name,
            family_name=profile.family_name,
            emails=profile.emails,
            roles=ListChange(profile.roles),
            entitlements=ListChange(profile.entitlements),
            members=ListChange(values(self.members)),
        )


def values(items: list[Item] | None) -> tuple[str, ...]:
    """The values of a list, each once."""
    return tuple(dict.fromkeys(item.value for item in items or ()))


# How it is written


def _reference(principal: Principal) -> dict[str, object]:
    folder = FOLDERS[principal.kind]
    return {
        "display": principal.display_name,
        "value": principal.id,
        "type": folder.removesuffix("s"),
        "$ref": f"{folder}/{principal.id}",
    }


def _values(items: tuple[str, ...]) -> list[dict[str, str]]:
    return [{"value": item} for item in items]


def _emails(card: PrincipalCard) -> list[dict[str, object]]:
    """Addresses; a user of whom none is known is written to under its name, as Databricks does."""
    emails = card.profile.emails or (Email(card.principal.name, primary=True),)
    return [{"value": email.value, "type": email.type, "primary": email.primary} for email in emails]


def _own(card: PrincipalCard) -> dict[str, object]:
    """What only this kind of principal has."""
    principal, profile = card.principal, card.profile
    match principal.kind:
        case PrincipalKind.GROUP:
            return {"members": [_reference(each) for each in card.members]}
        case PrincipalKind.USER:
            name = {"givenName": profile.given_name, "familyName": profile.family_name}
            told = {key: value for key, value in name.items() if value}
            emails = _emails(card)
            own: dict[str, object] = {"userName": principal.name, "active": principal.active, "emails": emails}
            return {**own, "name": told} if told else own
        case PrincipalKind.SERVICE_PRINCIPAL:
            return {"applicationId": principal.name, "active": principal.active}


def resource(card: PrincipalCard) -> dict[str, object]:
    """A principal, as a resource of SCIM."""
    principal, profile = card.principal, card.profile
    told: dict[str, object] = {
        "schemas": [_SCHEMAS[principal.kind]],
        "id": principal.id,
        "displayName": principal.display_name,
        **_own(card),
        "groups": [_reference(each) for each in card.groups],
        "entitlements": _values(profile.entitlements),
        "roles": _values(profile.roles),
    }
    if profile.external_id:
        told["externalId"] = profile.external_id
    return told


def written(card: PrincipalCard, _here: Here) -> object:
    """A principal."""
    return resource(card)


def created(card: PrincipalCard, _here: Here) -> Reply:
    """A principal that was just made."""
    return Reply(201, encode(resource(card)))


def me(card: PrincipalCard, here: Here) -> Reply:
    """The caller; the header tells the SDK which workspace this is."""
    told = {"userName": card.principal.name, **resource(card)}
    headers = (("content-type", JSON), ("x-databricks-org-id", str(here.workspace_id)))
    return Reply(200, encode(told), headers)


def _shown(card: PrincipalCard, shown: Shown) -> dict[str, Any]:
    return {key: value for key, value in resource(card).items() if shown.shows(key)}


def listed(found: PrincipalList, _here: Here) -> object:
    """A page of principals."""
    return {
        "schemas": [_LIST_SCHEMA],
        "totalResults": found.total,
        "startIndex": found.skipped + 1,
        "itemsPerPage": len(found.cards),
        "Resources": [_shown(card, found.shown) for card in found.cards],
    }
