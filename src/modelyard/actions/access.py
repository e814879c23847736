"""Who there is and what they hold: principals, groups, tokens and grants."""

from __future__ import annotations

import secrets
from dataclasses import dataclass
from typing import Final

from modelyard.action import METASTORE, Command, Need, Query, Ref
from modelyard.domain.access import (
    ADMINS,
    BUILT_IN,
    MAX_TOKEN_COMMENT,
    NewToken,
    Principal,
    PrincipalKind,
    Token,
    lifetime,
    principal_name,
)
from modelyard.domain.journal import Event
from modelyard.domain.privileges import GrantChange, Privilege
from modelyard.errors import AlreadyExists, Invalid, NotFound, WrongState
from modelyard.store import access, catalogs
from modelyard.store.tx import Look, Write, new_id

TOKEN_PREFIX: Final = "mypat_"  # noqa: S105  what tokens begin with, so that scanners find leaked ones


def new_secret() -> str:
    """A token's secret: a prefix and 256 random bits."""
    return TOKEN_PREFIX + secrets.token_hex(32)


@dataclass(frozen=True)
class PrincipalCard:
    """A principal with the groups it is in, or the members that it has."""

    principal: Principal
    related: tuple[Principal, ...]


def _card(tx: Look, principal: Principal) -> PrincipalCard:
    is_group = principal.kind is PrincipalKind.GROUP
    return PrincipalCard(
        principal,
        tuple(access.members(tx, principal.id) if is_group else access.direct_groups(tx, principal.id)),
    )


def _there(tx: Look, kind: PrincipalKind, id_: str) -> Principal:
    found = access.principal_by_id(tx, id_)
    if found is None or found.kind is not kind:
        raise NotFound(f"there is no {kind.replace('_', ' ')} with id {id_}.")
    return found


# Principals


@dataclass(frozen=True)
class WhoAmI(Query[Look, PrincipalCard]):
    """Show the caller to itself."""

    open_to = "every principal: it shows the caller to itself"

    def run(self, tx: Look) -> PrincipalCard:
        """The caller."""
        return _card(tx, tx.caller.principal)


@dataclass(frozen=True)
class CreatePrincipal(Command[Write, PrincipalCard]):
    """Make a user, a service principal or a group; `members` are ids, for groups only."""

    kind: PrincipalKind
    name: str
    display_name: str = ""
    members: tuple[str, ...] = ()
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> PrincipalCard:
        """Make it; service principals are named by an application id of their own."""
        name = principal_name(self.name)
        if access.principal_by_name(tx, name):
            raise AlreadyExists(f"there is a principal with name {name} already.")
        made = Principal(new_id(), self.kind, name, self.display_name or name)
        access.add_principal(tx, made, tx.now)
        access.lock_groups(tx)
        for member in self.members:
            _join(tx, made.id, member)
        tx.announce(Event.PRINCIPAL_CREATED, "", principal=name, kind=self.kind.value)
        return _card(tx, made)


@dataclass(frozen=True)
class GetPrincipal(Query[Look, PrincipalCard]):
    """Show a principal."""

    kind: PrincipalKind
    id: str

    open_to = "every principal: names of principals are needed to read and make grants"

    def run(self, tx: Look) -> PrincipalCard:
        """The principal, or `NotFound`."""
        return _card(tx, _there(tx, self.kind, self.id))


@dataclass(frozen=True)
class PrincipalList:
    """Some principals, how many there are in all, and how many come before these."""

    cards: tuple[PrincipalCard, ...]
    total: int
    skipped: int = 0


@dataclass(frozen=True)
class ListPrincipals(Query[Look, PrincipalList]):
    """List principals of a kind by name, from a place on, or the one of a name."""

    kind: PrincipalKind
    skip: int = 0
    most: int = 100
    name: str = ""

    open_to = "every principal: names of principals are needed to read and make grants"

    def run(self, tx: Look) -> PrincipalList:
        """List them."""
        if self.name:
            one = access.principal_by_name(tx, self.name)
            found = [one] if one and one.kind is self.kind else []
            found, total = found[self.skip :][: self.most], len(found)
        else:
            found = access.principals(tx, self.kind, self.skip, self.most)
            total = access.count_principals(tx, self.kind)
        return PrincipalList(tuple(_card(tx, each) for each in found), total, self.skip)


@dataclass(frozen=True)
class UpdatePrincipal(Command[Write, PrincipalCard]):
    """Change who is in a group, or whether a principal may come in."""

    kind: PrincipalKind
    id: str
    join: tuple[str, ...] = ()
    leave: tuple[str, ...] = ()
    active: bool | None = None
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> PrincipalCard:
        """Change it."""
        access.lock_groups(tx)
        there = _there(tx, self.kind, self.id)
        if (self.join or self.leave) and self.kind is not PrincipalKind.GROUP:
            raise Invalid("only groups have members.")
        for member in self.leave:
            access.remove_member(tx, there.id, member)
        for member in self.join:
            _join(tx, there.id, member)
        if self.active is not None:
            access.set_active(tx, there.id, active=self.active)
        _keep_an_admin(tx)
        tx.announce(Event.PRINCIPAL_UPDATED, "", principal=there.name)
        return _card(tx, _there(tx, self.kind, self.id))


def _keep_an_admin(tx: Look) -> None:
    if not any(member.active for member in access.members(tx, ADMINS)):
        raise Invalid("the last active admin must stay one; make somebody else an admin first.")


def _join(tx: Write, group_id: str, member_id: str) -> None:
    member = access.principal_by_id(tx, member_id)
    if member is None:
        raise NotFound(f"there is no principal with id {member_id} that could be a member.")
    if group_id in access.ids_acted_as(tx, member_id) and member.kind is PrincipalKind.GROUP:
        return
    if member_id in access.ids_acted_as(tx, group_id):
        raise Invalid(f"group {member.name} holds this group already; groups cannot hold each other.")
    access.add_member(tx, group_id, member_id)


@dataclass(frozen=True)
class DeletePrincipal(Command[Write, None]):
    """Forget a principal with its tokens, grants and memberships; not while it owns anything."""

    kind: PrincipalKind
    id: str
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> None:
        """Forget it."""
        access.lock_groups(tx)
        there = _there(tx, self.kind, self.id)
        if there.id in BUILT_IN or there.id == tx.caller.principal.id:
            raise Invalid(f"{there.name} cannot be deleted: it is built in, or it is you.")
        if (owned := access.owned_by(tx, there.id)) is not None:
            raise WrongState(f"{there.name} owns '{owned}'; give that to somebody else first.")
        access.remove_principal(tx, there.id)
        _keep_an_admin(tx)
        tx.announce(Event.PRINCIPAL_DELETED, "", principal=there.name, kind=there.kind.value)


# Tokens


@dataclass(frozen=True)
class CreateToken(Command[Write, NewToken]):
    """Make a token for the caller."""

    comment: str = ""
    seconds: int | None = None

    open_to = "every principal: the token speaks for the caller"

    def run(self, tx: Write) -> NewToken:
        """The token, with the secret that is shown this once."""
        return _new_token(tx, tx.caller.principal, self.comment, self.seconds)


@dataclass(frozen=True)
class CreateTokenFor(Command[Write, NewToken]):
    """Make a token for another user or service principal, by its name."""

    principal: str
    comment: str = ""
    seconds: int | None = None
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> NewToken:
        """The token, with the secret that is shown this once."""
        principal = access.required(tx, self.principal)
        if principal.kind is PrincipalKind.GROUP:
            raise Invalid("a group has no tokens; make one for a user or a service principal in it.")
        return _new_token(tx, principal, self.comment, self.seconds)


def _new_token(tx: Write, principal: Principal, comment: str, seconds: int | None) -> NewToken:
    if len(comment) > MAX_TOKEN_COMMENT:
        raise Invalid(f"a token's comment has at most {MAX_TOKEN_COMMENT} characters.")
    milliseconds = lifetime(seconds)
    expires_at = tx.now + milliseconds if milliseconds else None
    token = Token(new_id(), principal.name, comment, tx.now, expires_at, tx.actor)
    secret = new_secret()
    access.add_token(tx, token, principal.id, secret)
    tx.announce(Event.TOKEN_CREATED, "", principal=principal.name, token_id=token.id)
    return NewToken(token, secret)


@dataclass(frozen=True)
class ListTokens(Query[Look, list[Token]]):
    """List the caller's tokens, without their secrets."""

    open_to = "every principal: it shows the caller's own"

    def run(self, tx: Look) -> list[Token]:
        """List them, oldest first."""
        return access.tokens_of(tx, tx.caller.principal.id)


@dataclass(frozen=True)
class RevokeToken(Command[Write, None]):
    """Revoke a token of the caller, or as an admin anybody's."""

    id: str

    open_to = "every principal: only its own tokens, or all as an admin; others are answered as unknown"

    def run(self, tx: Write) -> None:
        """Revoke it; it is refused from now on."""
        owner = access.token_owner(tx, self.id)
        if owner is None or (owner != tx.caller.principal.id and not tx.is_admin):
            raise NotFound(f"there is no token with id {self.id}.")
        access.remove_token(tx, self.id)
        tx.announce(Event.TOKEN_REVOKED, "", token_id=self.id)


# Grants


@dataclass(frozen=True)
class GetGrants(Query[Look, dict[str, list[Privilege]]]):
    """Show who was granted what on a securable: everything to those who manage it, else the caller's own."""

    securable: Ref
    principal: str = ""

    needs = (Need(Privilege.BROWSE, on="securable", metadata=True),)

    def run(self, tx: Look) -> dict[str, list[Privilege]]:
        """Privileges by the names of principals."""
        found = access.grants_on(tx, tx.at(self.securable).id)
        if not tx.may(self.securable, Privilege.MANAGE):
            mine = {access.principal_by_id(tx, id_) for id_ in tx.caller.identities}
            names = {principal.name for principal in mine if principal}
            found = {name: privileges for name, privileges in found.items() if name in names}
        if self.principal:
            asked = access.required(tx, self.principal).name
            found = {name: privileges for name, privileges in found.items() if name == asked}
        return found


@dataclass(frozen=True)
class ChangeGrants(Command[Write, dict[str, list[Privilege]]]):
    """Grant and revoke privileges on a securable."""

    securable: Ref
    changes: tuple[GrantChange, ...]

    needs = (Need(Privilege.MANAGE, on="securable"),)

    def run(self, tx: Write) -> dict[str, list[Privilege]]:
        """What everybody holds on it afterwards."""
        node = tx.at(self.securable)
        catalogs.lock(tx, node.id)  # first, so that everybody adds to and takes from what the one before has left
        for change in self.changes:
            principal = access.required(tx, change.principal)
            access.change_grants(tx, node.id, principal.id, change.checked(node.kind))
            tx.announce(
                Event.GRANTS_CHANGED,
                node.full_name,
                principal=principal.name,
                add=sorted(change.add),
                remove=sorted(change.remove),
            )
        return access.grants_on(tx, node.id)
