"""Grants: who was granted what on a securable and its containers, and through which groups it reaches somebody."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, or_, select

from modelyard.domain.access import EVERYBODY
from modelyard.domain.grants import Assignment, Held, bears_on, ways
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Privilege, giving
from modelyard.store import schema
from modelyard.store.access import ids_acted_as
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modelyard.domain.privileges import GrantChange, Node
    from modelyard.store.tx import Look, Row, Write

_grants, _principals, _members = schema.grants, schema.principals, schema.members

_HERE: Final = is_in(_grants.c.securable_id, "levels")
_GRANTEES: Final = (
    select(_principals.c.id, _principals.c.name, _principals.c.folded)
    .where(_principals.c.id.in_(select(_grants.c.principal_id).where(_HERE)))
    .where(or_(bindparam("everybody") == 1, is_in(_principals.c.id, "only")))
    .where(_principals.c.folded > bindparam("after"))
    .order_by(_principals.c.folded)
    .limit(bindparam("most"))
)
_HELD: Final = (
    select(_grants.c.principal_id, _grants.c.securable_id, _grants.c.privilege)
    .where(_HERE, is_in(_grants.c.principal_id, "grantees"))
    .order_by(_grants.c.privilege)
)
_HOLDERS: Final = select(_grants.c.principal_id, _grants.c.privilege).where(
    _grants.c.securable_id == bindparam("securable"),
    is_in(_grants.c.privilege, "privileges"),
    is_in(_grants.c.principal_id, "mine"),
)
_OWNER: Final = select(schema.securables.c.owner_id).where(schema.securables.c.id == bindparam("securable"))
_GRANTS_TO: Final = select(_grants.c.privilege).where(
    _grants.c.securable_id == bindparam("securable"),
    _grants.c.principal_id == bindparam("grantee"),
)
_INSERT_GRANT: Final = inserting(_grants)
_DELETE_GRANT: Final = delete(_grants).where(
    _grants.c.securable_id == bindparam("securable"),
    _grants.c.principal_id == bindparam("grantee"),
    _grants.c.privilege == bindparam("taken"),
)
_MEMBERSHIPS: Final = select(_members.c.member_id, _members.c.group_id).where(
    is_in(_members.c.member_id, "mine"), is_in(_members.c.group_id, "mine")
)
_NAMES: Final = select(_principals.c.id, _principals.c.name).where(is_in(_principals.c.id, "mine"))


def assignments(
    tx: Look, levels: Sequence[Node], window: Window, only: Iterable[str] | None = None
) -> Page[Assignment]:
    """What bears on the last of some levels, by the names of grantees: of all, or of those with these ids."""
    asked = {"levels": texts(node.id for node in levels), "everybody": int(only is None), "only": texts(only or ())}
    rows = tx.rows(_GRANTEES, **asked, after=window.after, most=window.limit + 1)
    held = _held(tx, levels, [row[0] for row in rows])
    page = window.cut(list(rows), rows[window.limit - 1][2] if len(rows) > window.limit else None)
    shown = (Assignment(name, held[id_]) for id_, name, _ in page.items if id_ in held)
    return Page(tuple(shown), page.after, page.query)


def _held(tx: Look, levels: Sequence[Node], grantees: Iterable[str]) -> dict[str, tuple[Held, ...]]:
    """What each grantee holds that bears on the last level: its own first, then what is inherited."""
    target, by_id = levels[-1], {node.id: node for node in levels}
    found: dict[str, tuple[Held, ...]] = {}
    rows = tx.rows(_HELD, levels=texts(by_id), grantees=texts(grantees))
    order = {node.id: -depth for depth, node in enumerate(levels)}
    for grantee, where, privilege in sorted(rows, key=lambda row: (order[row[1]], row[2])):
        if bears_on(Privilege(privilege), by_id[where], target):
            held = Held(Privilege(privilege), by_id[where] if where != target.id else None)
            found[grantee] = (*found.get(grantee, ()), held)
    return found


def owner(tx: Look, node: Node) -> str:
    """The id of who owns a securable."""
    row = tx.row(_OWNER, securable=node.id)
    return row[0] if row else ""


def holders(tx: Look, node: Node, wanted: Privilege, among: Iterable[str]) -> list[tuple[str, Privilege]]:
    """Who, among some ids, was granted a privilege on this very securable, and in which words."""
    including = texts(sorted(giving(wanted, node.kind)))
    rows = tx.rows(_HOLDERS, securable=node.id, privileges=including, mine=texts(among))
    return [(id_, Privilege(privilege)) for id_, privilege in rows]


def memberships(tx: Look, principal_id: str) -> dict[str, tuple[str, ...]]:
    """The names on the shortest way from a principal to each id that it acts as, itself and everybody included."""
    mine = texts(ids_acted_as(tx, principal_id))
    names = dict(row for row in tx.rows(_NAMES, mine=mine))
    edges = [(member, group) for member, group in tx.rows(_MEMBERSHIPS, mine=mine)]
    found = ways(principal_id, [*edges, (principal_id, EVERYBODY)])
    return {id_: tuple(names[step] for step in way) for id_, way in found.items()}


def change(tx: Write, securable_id: str, principal_id: str, wanted: GrantChange) -> None:
    """Add and take away privileges of one principal on one securable."""
    held = frozenset(Privilege(row[0]) for row in tx.rows(_GRANTS_TO, securable=securable_id, grantee=principal_id))
    after = wanted.applied(held)
    for privilege in sorted(held - after):
        tx.run(_DELETE_GRANT, securable=securable_id, grantee=principal_id, taken=privilege.value)
    for privilege in sorted(after - held):
        tx.run(_INSERT_GRANT, securable_id=securable_id, principal_id=principal_id, privilege=privilege.value)


# Objects with levels of permission

_ALL_ON: Final = select(_grants.c.principal_id, _grants.c.privilege).where(
    _grants.c.securable_id == bindparam("securable")
)
_PERMITTED: Final = (
    select(_principals.c.name, _principals.c.kind, _grants.c.privilege)
    .join(_principals, _principals.c.id == _grants.c.principal_id)
    .where(_grants.c.securable_id == bindparam("securable"))
    .order_by(_principals.c.folded)
)
_OWNED_BY: Final = (
    select(_principals.c.name, _principals.c.kind)
    .join(schema.securables, schema.securables.c.owner_id == _principals.c.id)
    .where(schema.securables.c.id == bindparam("securable"))
)


def all_on(tx: Look, securable_id: str) -> Sequence[Row]:
    """Ids of principals, and what each was granted on a securable."""
    return tx.rows(_ALL_ON, securable=securable_id)


def permitted(tx: Look, securable_id: str) -> Sequence[Row]:
    """Names and kinds of principals, and what each was granted on a securable, by name."""
    return tx.rows(_PERMITTED, securable=securable_id)


def owner_of(tx: Look, securable_id: str) -> tuple[str, str]:
    """The name and the kind of who owns a securable."""
    row = tx.row(_OWNED_BY, securable=securable_id)
    return (row[0], row[1]) if row else ("", "")
