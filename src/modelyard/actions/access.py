"""Who there is: principals and groups."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.action import METASTORE, Command, Need, Query, Ref
from modelyard.domain.access import (
    ADMINS,
    ALSO_CALLED,
    BUILT_IN,
    EVERYBODY,
    EVERYTHING,
    NO_PROFILE,
    Principal,
    PrincipalChange,
    PrincipalKind,
    Profile,
    Shown,
    label,
    principal_name,
)
from modelyard.domain.conditions import Attribute, Condition
from modelyard.domain.journal import Event
from modelyard.domain.privileges import Privilege
from modelyard.errors import AlreadyExists, Invalid, NotFound, WrongState
from modelyard.store import access, principals
from modelyard.store.tx import Look, Write, new_id


@dataclass(frozen=True)
class PrincipalCard:
    """A principal with what a directory tells of it, the groups it is directly in, and the members that it has."""

    principal: Principal
    profile: Profile
    groups: tuple[Principal, ...]
    members: tuple[Principal, ...]


def _cards(tx: Look, found: Sequence[Principal], shown: Shown = EVERYTHING) -> tuple[PrincipalCard, ...]:
    """Cards of some principals, with as many questions to the database for many as for one."""
    ids = [each.id for each in found]
    holders = [each.id for each in found if each.kind is PrincipalKind.GROUP and shown.shows("members")]
    profiles = principals.profiles(tx, ids)
    groups = principals.groups(tx, ids) if shown.shows("groups") else {}
    members = principals.members(tx, holders) if holders else {}
    return tuple(
        PrincipalCard(each, profiles[each.id], groups.get(each.id, ()), members.get(each.id, ())) for each in found
    )


def _card(tx: Look, kind: PrincipalKind, id_: str) -> PrincipalCard:
    return _cards(tx, [there(tx, kind, id_)])[0]


def there(tx: Look, kind: PrincipalKind, id_: str) -> Principal:
    """The principal of this kind and id, or `NotFound`."""
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
        return _cards(tx, [tx.caller.principal])[0]


@dataclass(frozen=True)
class CreatePrincipal(Command[Write, PrincipalCard]):
    """Make a user, a service principal or a group; `members` are ids, for groups only."""

    kind: PrincipalKind
    name: str
    display_name: str = ""
    members: tuple[str, ...] = ()
    profile: Profile = NO_PROFILE
    active: bool = True
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> PrincipalCard:
        """Make it; what it could do under this name before, if it was there, is forgotten."""
        principals.lock(tx, ADMINS)
        name = _free(tx, self.name)
        shown = label(self.display_name, "display name") or name
        made = Principal(new_id(), self.kind, name, shown, self.active)
        principals.add(tx, made, tx.now, self.profile.checked())
        _set_members(tx, made, self.members)
        tx.announce(Event.PRINCIPAL_CREATED, "", principal=name, kind=self.kind.value)
        return _cards(tx, [made])[0]


def _free(tx: Look, name: str) -> str:
    """A valid name that nobody has."""
    name = principal_name(name)
    if name.lower() in ALSO_CALLED or access.principal_by_name(tx, name):
        raise AlreadyExists(f"there is a principal with name {name} already.")
    return name


@dataclass(frozen=True)
class GetPrincipal(Query[Look, PrincipalCard]):
    """Show a principal."""

    kind: PrincipalKind
    id: str

    open_to = "every principal: names of principals are needed to read and make grants"

    def run(self, tx: Look) -> PrincipalCard:
        """The principal, or `NotFound`."""
        return _card(tx, self.kind, self.id)


@dataclass(frozen=True)
class PrincipalList:
    """Some principals, how many there are in all, how many come before these, and what is shown of them."""

    cards: tuple[PrincipalCard, ...]
    total: int
    skipped: int = 0
    shown: Shown = EVERYTHING


@dataclass(frozen=True)
class ListPrincipals(Query[Look, PrincipalList]):
    """List principals of a kind that meet a condition, from a place on, by name or by another attribute."""

    kind: PrincipalKind
    skip: int = 0
    most: int = 100
    condition: Condition | None = None
    by: Attribute = Attribute.USER_NAME
    descending: bool = False
    shown: Shown = EVERYTHING

    open_to = "every principal: names of principals are needed to read and make grants"

    def run(self, tx: Look) -> PrincipalList:
        """List them."""
        order, window = (self.by, self.descending), (self.skip, self.most)
        found = principals.search(tx, self.kind, self.condition, order, window)
        total = principals.count(tx, self.kind, self.condition)
        return PrincipalList(_cards(tx, found, self.shown), total, self.skip, self.shown)


@dataclass(frozen=True)
class UpdatePrincipal(Command[Write, PrincipalCard]):
    """Change a principal's names and profile, who is in a group, or whether a principal may come in."""

    kind: PrincipalKind
    id: str
    change: PrincipalChange
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> PrincipalCard:
        """Change it; grants and ownership stay with it under its new name."""
        principals.lock(tx, ADMINS)
        held = there(tx, self.kind, self.id)
        changed = self.change.principal(held)
        _check_names(tx, held, changed)
        profile = self.change.profile(principals.profiles(tx, [held.id])[held.id])
        principals.change(tx, changed, profile)
        before = tuple(member.id for member in principals.members(tx, [held.id]).get(held.id, ()))
        _set_members(tx, changed, self.change.members.applied(before), before)
        _keep_an_admin(tx)
        tx.announce(Event.PRINCIPAL_UPDATED, "", principal=changed.name)
        return _card(tx, self.kind, self.id)


def _check_names(tx: Look, held: Principal, changed: Principal) -> None:
    if changed.active != held.active and held.kind is PrincipalKind.GROUP:
        raise Invalid("a group is not switched on or off; take its members out, or delete it.")
    if changed.name == held.name:
        return
    if held.id in BUILT_IN:
        raise Invalid(f"the group {held.name} is built in and keeps its name.")
    if changed.name.lower() != held.name.lower():
        _free(tx, changed.name)


def _set_members(tx: Write, group: Principal, wanted: Sequence[str], before: Sequence[str] = ()) -> None:
    joining = tuple(dict.fromkeys(each for each in wanted if each not in frozenset(before)))
    if joining:
        _check_joining(tx, group, joining)
    for member in frozenset(before).difference(wanted):
        principals.remove_member(tx, group.id, member)
    for member in joining:
        principals.add_member(tx, group.id, member)


def _check_joining(tx: Look, group: Principal, joining: Sequence[str]) -> None:
    if group.kind is not PrincipalKind.GROUP:
        raise Invalid("only groups have members.")
    if group.id == EVERYBODY:
        raise Invalid(f"everybody is in {EVERYBODY} at all times; it has no members of its own.")
    known = principals.ids_there(tx, joining)
    if unknown := [member for member in joining if member not in known]:
        raise NotFound(f"there is no principal with id {unknown[0]} that could be a member.")
    above = access.ids_acted_as(tx, group.id)
    if above.intersection(joining):
        raise Invalid("one of these groups is, or holds, this very group; groups cannot hold each other.")


def _keep_an_admin(tx: Look) -> None:
    if not principals.active_admins(tx):
        raise Invalid("the last active admin must stay one; make somebody else an admin first.")


@dataclass(frozen=True)
class DeletePrincipal(Command[Write, None]):
    """Forget a principal with its tokens, grants and memberships; not while it owns anything."""

    kind: PrincipalKind
    id: str
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> None:
        """Forget it."""
        principals.lock(tx, ADMINS)
        gone = there(tx, self.kind, self.id)
        if gone.id in BUILT_IN or gone.id == tx.caller.principal.id:
            raise Invalid(f"{gone.name} cannot be deleted: it is built in, or it is you.")
        if (owned := principals.owned_by(tx, gone.id)) is not None:
            raise WrongState(f"{gone.name} owns '{owned}'; give that to somebody else first.")
        principals.remove(tx, gone.id)
        _keep_an_admin(tx)
        tx.announce(Event.PRINCIPAL_DELETED, "", principal=gone.name, kind=gone.kind.value)
