"""Principals, groups, tokens, grants: who calls, and what they hold on the way to a securable."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING, Final

from sqlalchemy import CTE, and_, bindparam, delete, func, literal, select, update

from modelyard.domain.access import ADMINS, EVERYBODY, Caller, Principal, PrincipalKind, Token
from modelyard.domain.privileges import LEAVES, Chain, Kind, Node, Privilege
from modelyard.errors import NoSuchPrincipal
from modelyard.store import schema
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import Contended, inserting

if TYPE_CHECKING:
    from sqlalchemy.sql.expression import Select

    from modelyard.action import Ref
    from modelyard.domain.privileges import GrantChange
    from modelyard.store.tx import Look, Row, Write

_principals, _members, _tokens = schema.principals, schema.members, schema.tokens
_securables, _grants = schema.securables, schema.grants


def identities(start: Select[str]) -> CTE:
    """The ids that a principal acts as: itself, everybody, and its groups up to any depth."""
    mine = start.cte("mine", recursive=True)
    above = select(_members.c.group_id).where(_members.c.member_id == mine.c.id)
    return mine.union(select(literal(EVERYBODY, schema.Name)), above)


_acting = identities(select(bindparam("principal_id", type_=schema.Name).label("id")))
_ACTS_AS: Final = select(_acting.c.id)

_PRINCIPAL: Final = (_principals.c.id, _principals.c.kind, _principals.c.name, _principals.c.display_name,
                     _principals.c.active)  # fmt: skip
_BY_ID: Final = select(*_PRINCIPAL).where(_principals.c.id == bindparam("principal_id"))
_BY_NAME: Final = select(*_PRINCIPAL).where(_principals.c.folded == bindparam("name"))


def _callers() -> Select[Row]:
    token = (
        select(_tokens.c.id.label("token_id"), _tokens.c.principal_id, _tokens.c.expires_at)
        .where(_tokens.c.secret_hash == bindparam("secret_hash"))
        .cte("token")
    )
    mine = identities(select(token.c.principal_id.label("id")))
    shown = select(*_PRINCIPAL, token.c.token_id, token.c.expires_at, mine.c.id)
    return shown.join(token, token.c.principal_id == _principals.c.id).join(mine, literal(1) == 1)  # pyright: ignore[reportReturnType]


_CALLER: Final = _callers()


def caller_by_secret(tx: Look, secret: str, now: int) -> Caller | None:
    """Who shows this token, if it is known, has not expired, and its principal is active."""
    rows = tx.rows(_CALLER, secret_hash=secret_hash(secret))
    if not rows:
        return None
    *told, active, token_id, expires_at, _ = rows[0]
    if not active or (expires_at is not None and expires_at <= now):
        return None
    principal = _principal((*told, active))
    return Caller(principal, frozenset(row[-1] for row in rows), token_id)


def caller_by_id(tx: Look, principal_id: str) -> Caller | None:
    """The active principal of this id."""
    row = tx.row(_BY_ID, principal_id=principal_id)
    if row is None or not row[4]:
        return None
    return Caller(_principal(row), frozenset(ids_acted_as(tx, principal_id)))


def secret_hash(secret: str) -> str:
    """What is kept of a secret of 256 random bits: its SHA-256 (no salt is needed against guessing those)."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def _principal(row: Row) -> Principal:
    id_, kind, name, display_name, active = row
    return Principal(id_, PrincipalKind(kind), name, display_name, bool(active))


# Chains: the securable, its containers, and the caller's grants on them, in one question.

_GRANTED: Final = and_(_grants.c.securable_id == _securables.c.id, is_in(_grants.c.principal_id, "mine"))
_CHAIN: Final = (
    select(
        _securables.c.id,
        _securables.c.kind,
        _securables.c.full_name,
        _securables.c.owner_id,
        _grants.c.privilege,
    )
    .select_from(_securables.join(_grants, _GRANTED, isouter=True))
    .where(is_in(_securables.c.full_name, "levels"))
)
_EXISTS: Final = select(_securables.c.kind).where(_securables.c.full_name == bindparam("full_name"))
_STAYS: Final = (
    select(_securables.c.full_name)
    .where(_securables.c.id == bindparam("securable"))
    .with_for_update(read=True, key_share=True)
)
_CONTAINERS: Final = (Kind.METASTORE, Kind.CATALOG, Kind.SCHEMA)


def chain(tx: Look, caller: Caller, ref: Ref, child: str = "") -> Chain:
    """The chain that a reference names; `child` is the name that something new in it would take.

    With a `child`, nobody renames or deletes the container until this transaction ends: the new full name is right.
    """
    wanted = _levels(ref)
    found = _nodes(tx, caller, wanted)
    nodes: list[Node] = []
    for kind, full_name in zip((*_CONTAINERS, ref.kind), wanted, strict=False):
        node = found.get(full_name)
        if node is None or not _is(node.kind, kind):
            return Chain(tuple(nodes), missing=Node(kind, "", full_name))
        nodes.append(node)
    if child and tx.row(_STAYS, securable=nodes[-1].id) != (nodes[-1].full_name,):
        raise Contended
    return Chain(tuple(nodes), taken=_taken(tx, nodes[-1], child) if child else None)


def _is(found: Kind, wanted: Kind) -> bool:
    return found is wanted or (wanted is Kind.ROUTINE and found in LEAVES)


def _levels(ref: Ref) -> list[str]:
    parts = ref.name.split(".") if ref.name else []
    return ["", *(".".join(parts[: depth + 1]) for depth in range(len(parts)))]


def _nodes(tx: Look, caller: Caller, wanted: list[str]) -> dict[str, Node]:
    rows = tx.rows(_CHAIN, mine=texts(caller.identities), levels=texts(wanted))
    granted: dict[str, set[Privilege]] = {}
    for row in rows:
        held = granted.setdefault(row[0], set())
        if row[4]:
            held.add(Privilege(row[4]))
    return {
        full_name: Node(Kind(kind), id_, full_name, owner in caller.identities, frozenset(granted[id_]))
        for id_, kind, full_name, owner, _ in rows
    }


def _taken(tx: Look, parent: Node, child: str) -> Node | None:
    full_name = f"{parent.full_name}.{child}".lstrip(".")
    row = tx.row(_EXISTS, full_name=full_name)
    return Node(Kind(row[0]), "", full_name) if row else None


# Principals and groups

_LOCK_GROUPS: Final = select(_principals.c.id).where(_principals.c.id == ADMINS).with_for_update(key_share=True)
_INSERT_PRINCIPAL: Final = inserting(_principals)
_INSERT_MEMBER: Final = inserting(_members)
_DELETE_MEMBER: Final = delete(_members).where(
    _members.c.group_id == bindparam("in_group"),
    _members.c.member_id == bindparam("member"),
)
_IS_MEMBER: Final = select(_members.c.group_id).where(
    _members.c.group_id == bindparam("in_group"),
    _members.c.member_id == bindparam("member"),
)
_DELETE_PRINCIPAL: Final = delete(_principals).where(_principals.c.id == bindparam("principal_id"))
_OWNS: Final = select(_securables.c.full_name).where(_securables.c.owner_id == bindparam("principal_id")).limit(1)
_SET_ACTIVE: Final = (
    update(_principals).where(_principals.c.id == bindparam("principal_id")).values(active=bindparam("is_active"))
)
_OF_KIND: Final = (
    select(*_PRINCIPAL)
    .where(_principals.c.kind == bindparam("of_kind"))
    .order_by(_principals.c.folded)
    .limit(bindparam("most"))
    .offset(bindparam("skip"))
)
_COUNT_KIND: Final = select(func.count()).where(_principals.c.kind == bindparam("of_kind"))
_GROUP_MEMBERS: Final = (
    select(*_PRINCIPAL)
    .join(_members, _members.c.member_id == _principals.c.id)
    .where(_members.c.group_id == bindparam("in_group"))
    .order_by(_principals.c.folded)
)
_DIRECT_GROUPS: Final = (
    select(*_PRINCIPAL)
    .join(_members, _members.c.group_id == _principals.c.id)
    .where(_members.c.member_id == bindparam("member"))
    .order_by(_principals.c.folded)
)


def lock_groups(tx: Write) -> None:
    """Let changes of who is in which group, and who may come in, go one after the other.

    Whether groups would hold each other, or no admin would be left, is a question about all of them.
    """
    tx.row(_LOCK_GROUPS)


def principal_by_name(tx: Look, name: str) -> Principal | None:
    """The principal of this name, in any case."""
    row = tx.row(_BY_NAME, name=name.lower())
    return _principal(row) if row else None


def required(tx: Look, name: str) -> Principal:
    """The principal of this name, or `NoSuchPrincipal`."""
    found = principal_by_name(tx, name)
    if found is None:
        raise NoSuchPrincipal(f"Could not find principal with name {name}")
    return found


def principal_by_id(tx: Look, principal_id: str) -> Principal | None:
    """The principal of this id."""
    row = tx.row(_BY_ID, principal_id=principal_id)
    return _principal(row) if row else None


def principals(tx: Look, kind: PrincipalKind, skip: int, most: int) -> list[Principal]:
    """Some principals of one kind, in the order of their names."""
    return [_principal(row) for row in tx.rows(_OF_KIND, of_kind=kind.value, skip=skip, most=most)]


def count_principals(tx: Look, kind: PrincipalKind) -> int:
    """How many principals of one kind there are."""
    row = tx.row(_COUNT_KIND, of_kind=kind.value)
    return int(row[0]) if row else 0


def members(tx: Look, group_id: str) -> list[Principal]:
    """The direct members of a group."""
    return [_principal(row) for row in tx.rows(_GROUP_MEMBERS, in_group=group_id)]


def direct_groups(tx: Look, principal_id: str) -> list[Principal]:
    """The groups that a principal is directly in."""
    return [_principal(row) for row in tx.rows(_DIRECT_GROUPS, member=principal_id)]


def ids_acted_as(tx: Look, principal_id: str) -> set[str]:
    """The ids that a principal acts as."""
    return {id_ for (id_,) in tx.rows(_ACTS_AS, principal_id=principal_id)}


def add_principal(tx: Write, principal: Principal, created_at: int) -> None:
    """Keep a new principal."""
    tx.run(
        _INSERT_PRINCIPAL,
        id=principal.id,
        kind=principal.kind.value,
        name=principal.name,
        folded=principal.name.lower(),
        display_name=principal.display_name,
        active=int(principal.active),
        created_at=created_at,
        external_id="",
        profile="{}",
        entitlements="[]",
    )


def remove_principal(tx: Write, principal_id: str) -> None:
    """Forget a principal with its tokens, grants and memberships."""
    tx.run(_DELETE_PRINCIPAL, principal_id=principal_id)


def owned_by(tx: Look, principal_id: str) -> str | None:
    """The full name of something that the principal owns, if it owns anything."""
    row = tx.row(_OWNS, principal_id=principal_id)
    return row[0] if row else None


def set_active(tx: Write, principal_id: str, *, active: bool) -> None:
    """Let a principal in, or shut it out with everything it has kept as it is."""
    tx.run(_SET_ACTIVE, principal_id=principal_id, is_active=int(active))


def add_member(tx: Write, group_id: str, member_id: str) -> None:
    """Put a principal in a group; it may be there already."""
    if tx.row(_IS_MEMBER, in_group=group_id, member=member_id) is None:
        tx.run(_INSERT_MEMBER, member_id=member_id, group_id=group_id)


def remove_member(tx: Write, group_id: str, member_id: str) -> None:
    """Take a principal out of a group; it may be out already."""
    tx.run(_DELETE_MEMBER, in_group=group_id, member=member_id)


# Tokens

_TOKEN: Final = (_tokens.c.id, _principals.c.name, _tokens.c.comment, _tokens.c.created_at, _tokens.c.expires_at,
                 _tokens.c.created_by)  # fmt: skip
_INSERT_TOKEN: Final = inserting(_tokens)
_TOKENS_OF: Final = (
    select(*_TOKEN)
    .join(_principals, _principals.c.id == _tokens.c.principal_id)
    .where(_tokens.c.principal_id == bindparam("owner"))
    .order_by(_tokens.c.created_at, _tokens.c.id)
)
_TOKEN_OWNER: Final = select(_tokens.c.principal_id).where(_tokens.c.id == bindparam("token_id"))
_DELETE_TOKEN: Final = delete(_tokens).where(_tokens.c.id == bindparam("token_id"))


def add_token(tx: Write, token: Token, principal_id: str, secret: str) -> None:
    """Keep a token, with its secret's hash only."""
    tx.run(
        _INSERT_TOKEN,
        id=token.id,
        secret_hash=secret_hash(secret),
        principal_id=principal_id,
        comment=token.comment,
        created_at=token.created_at,
        created_by=token.created_by,
        expires_at=token.expires_at,
        kind="personal",
        last_used_at=None,
    )


def tokens_of(tx: Look, principal_id: str) -> list[Token]:
    """The tokens of a principal, oldest first."""
    return [Token(*row) for row in tx.rows(_TOKENS_OF, owner=principal_id)]


def token_owner(tx: Look, token_id: str) -> str | None:
    """The id of the principal whom a token speaks for, if there is such a token."""
    row = tx.row(_TOKEN_OWNER, token_id=token_id)
    return row[0] if row else None


def remove_token(tx: Write, token_id: str) -> None:
    """Revoke a token: it is unknown from now on."""
    tx.run(_DELETE_TOKEN, token_id=token_id)


# Grants

_GRANTS_ON: Final = (
    select(_principals.c.name, _grants.c.privilege)
    .join(_principals, _principals.c.id == _grants.c.principal_id)
    .where(_grants.c.securable_id == bindparam("securable"))
    .order_by(_principals.c.folded, _grants.c.privilege)
)
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


def grants_on(tx: Look, securable_id: str) -> dict[str, list[Privilege]]:
    """Who was granted what on this very securable, by the names of principals."""
    found: dict[str, list[Privilege]] = {}
    for name, privilege in tx.rows(_GRANTS_ON, securable=securable_id):
        found.setdefault(name, []).append(Privilege(privilege))
    return found


def change_grants(tx: Write, securable_id: str, principal_id: str, change: GrantChange) -> None:
    """Add and take away privileges of one principal on one securable."""
    held = frozenset(Privilege(row[0]) for row in tx.rows(_GRANTS_TO, securable=securable_id, grantee=principal_id))
    wanted = change.applied(held)
    for privilege in sorted(held - wanted):
        tx.run(_DELETE_GRANT, securable=securable_id, grantee=principal_id, taken=privilege.value)
    for privilege in sorted(wanted - held):
        tx.run(_INSERT_GRANT, securable_id=securable_id, principal_id=principal_id, privilege=privilege.value)
