"""Users, service principals and groups: kept, searched by conditions, and put in groups."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final

import msgspec
from sqlalchemy import and_, bindparam, delete, func, literal, not_, or_, select, update

from modelyard.domain.access import ADMINS, Principal, PrincipalKind, Profile
from modelyard.domain.conditions import Attribute, Comparison, Condition, Joined, Not, Operator
from modelyard.store import schema
from modelyard.store.access import PRINCIPAL, principal
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement

    from modelyard.store.tx import Look, Row, Write

_principals, _members, _securables = schema.principals, schema.members, schema.securables
_ELSEWHERE: Final = frozenset({"external_id", "entitlements"})
"""Fields of a profile that have columns of their own."""

_INSERT: Final = inserting(_principals)
_UPDATE: Final = (
    update(_principals)
    .where(_principals.c.id == bindparam("principal_id"))
    .values(
        name=bindparam("new_name"),
        folded=bindparam("new_folded"),
        display_name=bindparam("new_display_name"),
        active=bindparam("new_active"),
        external_id=bindparam("new_external_id"),
        profile=bindparam("new_profile"),
        entitlements=bindparam("new_entitlements"),
    )
)
_DELETE: Final = delete(_principals).where(_principals.c.id == bindparam("principal_id"))
_OWNS: Final = select(_securables.c.full_name).where(_securables.c.owner_id == bindparam("principal_id")).limit(1)
_PROFILES: Final = select(
    _principals.c.id,
    _principals.c.external_id,
    _principals.c.profile,
    _principals.c.entitlements,
).where(is_in(_principals.c.id, "ids"))
_THERE: Final = select(_principals.c.id).where(is_in(_principals.c.id, "ids"))
_LOCK: Final = select(_principals.c.id).where(_principals.c.id == bindparam("principal_id")).with_for_update()


def add(tx: Write, made: Principal, created_at: int, profile: Profile | None = None) -> None:
    """Keep a new principal."""
    kept = profile or Profile()
    tx.run(
        _INSERT,
        id=made.id,
        kind=made.kind.value,
        name=made.name,
        folded=made.name.lower(),
        display_name=made.display_name,
        active=int(made.active),
        created_at=created_at,
        external_id=kept.external_id,
        profile=_written(kept),
        entitlements=texts(kept.entitlements),
    )


def change(tx: Write, changed: Principal, profile: Profile) -> None:
    """Keep a principal as it is now; its id stays, and so does everything that is kept by it."""
    tx.run(
        _UPDATE,
        principal_id=changed.id,
        new_name=changed.name,
        new_folded=changed.name.lower(),
        new_display_name=changed.display_name,
        new_active=int(changed.active),
        new_external_id=profile.external_id,
        new_profile=_written(profile),
        new_entitlements=texts(profile.entitlements),
    )


def remove(tx: Write, principal_id: str) -> None:
    """Forget a principal with its tokens, secrets, grants and memberships."""
    tx.run(_DELETE, principal_id=principal_id)


def owned_by(tx: Look, principal_id: str) -> str | None:
    """The full name of something that the principal owns, if it owns anything."""
    row = tx.row(_OWNS, principal_id=principal_id)
    return row[0] if row else None


def profiles(tx: Look, ids: Iterable[str]) -> dict[str, Profile]:
    """The profiles of some principals, by their ids."""
    return {row[0]: _read(row) for row in tx.rows(_PROFILES, ids=texts(ids))}


def lock(tx: Write, principal_id: str) -> None:
    """Let nobody else who locks the same principal go on before this transaction ends (SQLite has one writer)."""
    tx.row(_LOCK, principal_id=principal_id)


def _written(profile: Profile) -> str:
    told = msgspec.to_builtins(profile)
    return msgspec.json.encode({key: value for key, value in told.items() if key not in _ELSEWHERE}).decode()


def _read(row: Row) -> Profile:
    _, external_id, profile, entitlements = row
    told = msgspec.json.decode(profile) | {
        "external_id": external_id,
        "entitlements": msgspec.json.decode(entitlements),
    }
    return msgspec.convert(told, Profile)


# Groups

_INSERT_MEMBER: Final = inserting(_members)
_DELETE_MEMBER: Final = delete(_members).where(
    _members.c.group_id == bindparam("in_group"),
    _members.c.member_id == bindparam("member"),
)
_MEMBERS_OF: Final = (
    select(_members.c.group_id, *PRINCIPAL)
    .join(_principals, _members.c.member_id == _principals.c.id)
    .where(is_in(_members.c.group_id, "ids"))
    .order_by(_principals.c.folded)
)
_GROUPS_OF: Final = (
    select(_members.c.member_id, *PRINCIPAL)
    .join(_principals, _members.c.group_id == _principals.c.id)
    .where(is_in(_members.c.member_id, "ids"))
    .order_by(_principals.c.folded)
)


def members(tx: Look, groups: Iterable[str]) -> dict[str, tuple[Principal, ...]]:
    """The direct members of some groups, by the ids of the groups."""
    return _gathered(tx.rows(_MEMBERS_OF, ids=texts(groups)))


def groups(tx: Look, ids: Iterable[str]) -> dict[str, tuple[Principal, ...]]:
    """The groups that some principals are directly in, by the ids of the principals."""
    return _gathered(tx.rows(_GROUPS_OF, ids=texts(ids)))


def _gathered(rows: Iterable[Row]) -> dict[str, tuple[Principal, ...]]:
    found: dict[str, list[Principal]] = {}
    for id_, *told in rows:
        found.setdefault(id_, []).append(principal(tuple(told)))
    return {id_: tuple(each) for id_, each in found.items()}


def ids_there(tx: Look, ids: Iterable[str]) -> set[str]:
    """Which of these ids are principals'."""
    return {id_ for (id_,) in tx.rows(_THERE, ids=texts(ids))}


def add_member(tx: Write, group_id: str, member_id: str) -> None:
    """Put a principal in a group that it is not in."""
    tx.run(_INSERT_MEMBER, member_id=member_id, group_id=group_id)


def remove_member(tx: Write, group_id: str, member_id: str) -> None:
    """Take a principal out of a group."""
    tx.run(_DELETE_MEMBER, in_group=group_id, member=member_id)


_inside = select(literal(ADMINS, schema.Name).label("id")).cte("inside", recursive=True)
_within = _inside.union(select(_members.c.member_id).where(_members.c.group_id == _inside.c.id))
_ACTIVE_ADMINS: Final = (
    select(*PRINCIPAL)
    .join(_within, _within.c.id == _principals.c.id)
    .where(_principals.c.kind != PrincipalKind.GROUP.value, _principals.c.active == 1)
    .order_by(_principals.c.kind.desc(), _principals.c.created_at, _principals.c.id)
)


def active_admins(tx: Look) -> list[Principal]:
    """Who may come in and manage the metastore, directly or through groups: users first, the oldest first."""
    return [principal(row) for row in tx.rows(_ACTIVE_ADMINS)]


# Searches. Their statements are built as they are asked for, and forgotten with the search.


def search(
    tx: Look, kind: PrincipalKind, condition: Condition | None, order: tuple[Attribute, bool], window: tuple[int, int]
) -> list[Principal]:
    """Some principals of a kind: those after the first `window[0]`, at most `window[1]`.

    `order` is an attribute, and whether it descends.
    """
    by, descends = order
    sorted_by = _column(by, kind)
    skip, most = window
    found = (
        select(*PRINCIPAL)
        .where(*_conditions(kind, condition))
        .order_by(sorted_by.desc() if descends else sorted_by, _principals.c.folded)
        .limit(most)
        .offset(skip)
    )
    return [principal(row) for row in tx.rows(found)]


def count(tx: Look, kind: PrincipalKind, condition: Condition | None) -> int:
    """How many principals of a kind meet a condition."""
    row = tx.row(select(func.count()).select_from(_principals).where(*_conditions(kind, condition)))
    return int(row[0]) if row else 0


def _conditions(kind: PrincipalKind, condition: Condition | None) -> list[ColumnElement[bool]]:
    of_kind = _principals.c.kind == kind.value
    return [of_kind] if condition is None else [of_kind, _meets(kind, condition)]


def _meets(kind: PrincipalKind, condition: Condition) -> ColumnElement[bool]:
    match condition:
        case Joined(every, parts):
            join = and_ if every else or_
            return join(*(_meets(kind, part) for part in parts))
        case Not(inner):
            return not_(_meets(kind, inner))
        case Comparison(Attribute.MEMBERS | Attribute.GROUPS):
            return _belongs(condition)
        case Comparison(Attribute.ACTIVE, operator, value):
            return _principals.c.active == int(bool(value) is (operator is Operator.EQ))
        case Comparison():
            return _compared(kind, condition)


def _belongs(condition: Comparison) -> ColumnElement[bool]:
    inner, outer = _members.c.member_id, _members.c.group_id
    if condition.attribute is Attribute.MEMBERS:
        inner, outer = outer, inner
    belongs = _principals.c.id.in_(select(inner).where(outer == str(condition.value)))
    return belongs if condition.operator is Operator.EQ else not_(belongs)


def _compared(kind: PrincipalKind, condition: Comparison) -> ColumnElement[bool]:
    """A comparison that takes case as it is in the column, on both databases (`LIKE` does not on SQLite)."""
    column = _column(condition.attribute, kind)
    value = literal(told := _folded(kind, condition.attribute, str(condition.value)), schema.Name)
    match condition.operator:
        case Operator.EQ:
            return column == value
        case Operator.NE:
            return column != value
        case Operator.CO:
            return or_(value == "", func.replace(column, value, "") != column)
        case Operator.SW:
            return func.substr(column, 1, len(told)) == value


_NAMES: Final = {
    Attribute.USER_NAME: PrincipalKind.USER,
    Attribute.APPLICATION_ID: PrincipalKind.SERVICE_PRINCIPAL,
    Attribute.DISPLAY_NAME: PrincipalKind.GROUP,
}
"""What SCIM calls the names of each kind."""


def _folded(kind: PrincipalKind, attribute: Attribute, value: str) -> str:
    """A value as its column has it: names fold as ours do, display names as both databases' `lower` does."""
    if attribute not in _NAMES:
        return value
    if _NAMES[attribute] is kind:
        return value.lower()
    return "".join(letter.lower() if letter.isascii() else letter for letter in value)


_OTHERS: Final = {
    Attribute.ID: _principals.c.id,
    Attribute.EXTERNAL_ID: _principals.c.external_id,
    Attribute.ACTIVE: _principals.c.active,
}


def _column(attribute: Attribute, kind: PrincipalKind) -> ColumnElement[Any]:
    """What an attribute of one value is compared and sorted by; a name that a kind does not have is empty."""
    if attribute in _OTHERS:
        return _OTHERS[attribute]
    if _NAMES[attribute] is kind:
        return _principals.c.folded
    return func.lower(_principals.c.display_name) if attribute is Attribute.DISPLAY_NAME else literal("", schema.Name)
