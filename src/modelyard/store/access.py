"""Principals and groups: who calls, and what they hold on the way to a securable."""

from __future__ import annotations

import hashlib
import json
import re
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import CTE, and_, bindparam, literal, or_, select

from modelyard.domain.access import ALSO_CALLED, EVERYBODY, Caller, Principal, PrincipalKind
from modelyard.domain.privileges import (
    ENTITLEMENTS,
    OBJECTS,
    ROUTINES,
    Chain,
    Kind,
    Node,
    Privilege,
    Question,
    decide,
)
from modelyard.domain.sessions import IDLE_MILLISECONDS
from modelyard.errors import NoSuchPrincipal
from modelyard.store import schema
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import Contended

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from sqlalchemy import ColumnElement
    from sqlalchemy.sql.expression import Select

    from modelyard.action import Ref
    from modelyard.store.tx import Look, Row

_principals, _members, _tokens = schema.principals, schema.members, schema.tokens
_securables, _grants = schema.securables, schema.grants


def identities(start: Select[str]) -> CTE:
    """The ids that a principal acts as: itself, everybody, and its groups up to any depth."""
    mine = start.cte("mine", recursive=True)
    above = select(_members.c.group_id).where(_members.c.member_id == mine.c.id)
    return mine.union(select(literal(EVERYBODY, schema.Name)), above)


_acting = identities(select(bindparam("principal_id", type_=schema.Name).label("id")))
_ACTS_AS: Final = select(_acting.c.id)

PRINCIPAL: Final = (_principals.c.id, _principals.c.kind, _principals.c.name, _principals.c.display_name,
                    _principals.c.active)  # fmt: skip
_BY_ID: Final = select(*PRINCIPAL).where(_principals.c.id == bindparam("principal_id"))
_BY_NAME: Final = select(*PRINCIPAL).where(_principals.c.folded == bindparam("name"))


SESSION: Final = "session"
"""The kind of a token that only a browser's cookie may show, and that a cookie may only show."""


def _callers(shown_as: ColumnElement[bool]) -> Select[Row]:
    token = (
        select(_tokens.c.id.label("token_id"), _tokens.c.principal_id, _tokens.c.expires_at)
        .where(_tokens.c.secret_hash == bindparam("secret_hash"), shown_as)
        .cte("token")
    )
    mine = identities(select(token.c.principal_id.label("id")))
    shown = select(*PRINCIPAL, token.c.token_id, token.c.expires_at, mine.c.id)
    return shown.join(token, token.c.principal_id == _principals.c.id).join(mine, literal(1) == 1)  # pyright: ignore[reportReturnType]


_CALLER: Final = _callers(_tokens.c.kind != SESSION)
_CALLER_IN_SESSION: Final = _callers(
    and_(_tokens.c.kind == SESSION, _tokens.c.last_used_at > bindparam("idle_since")),
)


def caller_by_secret(tx: Look, secret: str, now: int) -> Caller | None:
    """Who shows this token, if it is known, has not expired, and its principal is active."""
    return _caller(tx.rows(_CALLER, secret_hash=secret_hash(secret)), now)


def caller_in_session(tx: Look, secret: str, now: int) -> Caller | None:
    """Whose session this is, if it has not ended, was used lately, and its principal is active."""
    idle_since = now - IDLE_MILLISECONDS
    return _caller(tx.rows(_CALLER_IN_SESSION, secret_hash=secret_hash(secret), idle_since=idle_since), now)


def _caller(rows: Sequence[Row], now: int) -> Caller | None:
    if not rows:
        return None
    *told, active, token_id, expires_at, _ = rows[0]
    if not active or (expires_at is not None and expires_at <= now):
        return None
    return Caller(principal((*told, active)), frozenset(row[-1] for row in rows), token_id)


def caller_by_id(tx: Look, principal_id: str) -> Caller | None:
    """The active principal of this id."""
    row = tx.row(_BY_ID, principal_id=principal_id)
    if row is None or not row[4]:
        return None
    return Caller(principal(row), frozenset(ids_acted_as(tx, principal_id)))


def secret_hash(secret: str) -> str:
    """What is kept of a secret of 256 random bits: its SHA-256 (no salt is needed against guessing those)."""
    return hashlib.sha256(secret.encode("utf-8", "surrogateescape")).hexdigest()


def principal(row: Row) -> Principal:
    """A principal of the columns in `PRINCIPAL`."""
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
_IN_IT: Final = select(schema.tracked.c.experiment_id).where(schema.tracked.c.name == bindparam("name"))
"""The experiment that something in it stands for: no full name and no id of anything else looks like such a name."""
_OBJECT: Final = (
    select(
        _securables.c.id,
        _securables.c.kind,
        _securables.c.full_name,
        _securables.c.owner_id,
        _grants.c.privilege,
    )
    .select_from(_securables.join(_grants, _GRANTED, isouter=True))
    .where(
        or_(
            _securables.c.full_name == bindparam("name"),
            _securables.c.id == bindparam("name"),
            _securables.c.id == _IN_IT.scalar_subquery(),
        )
    )
    .where(_securables.c.kind == bindparam("object_kind"))
)
_RUN_ID: Final = re.compile(r"[0-9]{1,16}")
_JOB_OF_RUN: Final = select(schema.job_runs.c.job_id).where(
    or_(
        schema.job_runs.c.id == bindparam("run"),
        schema.job_runs.c.id.in_(select(schema.task_runs.c.run_id).where(schema.task_runs.c.id == bindparam("run"))),
    )
)
_ENTITLEMENTS: Final = select(_principals.c.id, _principals.c.entitlements).where(
    is_in(_principals.c.id, "mine"), _principals.c.entitlements != "[]"
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
    if ref.kind in OBJECTS:
        return _object_chain(tx, caller, ref)
    wanted = _levels(ref)
    found = _nodes(tx, caller, wanted)
    nodes: list[Node] = []
    for kind, full_name in zip((*_CONTAINERS, ref.kind), wanted, strict=False):
        node = found.get(full_name)
        if node is None or not _is(node.kind, kind):
            return Chain(tuple(nodes), missing=Node(kind, "", full_name))
        nodes.append(node)
    if ref.kind is Kind.METASTORE:
        nodes = [_entitled(tx, caller, nodes[0])]
    if child and tx.row(_STAYS, securable=nodes[-1].id) != (nodes[-1].full_name,):
        raise Contended
    return Chain(tuple(nodes), taken=_taken(tx, nodes[-1], child) if child else None)


def _object_chain(tx: Look, caller: Caller, ref: Ref) -> Chain:
    """The chain of an object, which a reference names by its full name, its id or something in it, and is told just so.

    Whoever asks by an id, and may not see it, does not learn the name.
    """
    metastore = _nodes(tx, caller, [""])[""]
    name, kind = (_permitted_on(tx, ref.name), Kind.JOB) if ref.kind is Kind.RUN else (ref.name, ref.kind)
    rows = tx.rows(_OBJECT, mine=texts(caller.identities), name=name, object_kind=kind.value)
    if not rows:
        return Chain((metastore,), missing=Node(ref.kind, "", ref.name))
    id_, _, _, owner, _ = rows[0]
    granted = frozenset(Privilege(row[4]) for row in rows if row[4])
    return Chain((metastore, Node(ref.kind, id_, ref.name, owner in caller.identities, granted)))


def _permitted_on(tx: Look, run: str) -> str:
    """The id of the job on which a run is permitted, or an attempt at a task of one."""
    digits = run.rpartition("/")[2]
    row = tx.row(_JOB_OF_RUN, run=int(digits)) if _RUN_ID.fullmatch(digits) else None
    return row[0] if row else run


def _entitled(tx: Look, caller: Caller, node: Node) -> Node:
    """The metastore with what the caller is entitled to, by itself or through a group."""
    rows = tx.rows(_ENTITLEMENTS, mine=texts(caller.identities))
    return replace(node, granted=node.granted.union(*(_privileges(told) for _, told in rows)))


def entitled(tx: Look, privilege: Privilege, among: Iterable[str]) -> list[str]:
    """The ids, among some, of principals that were given an entitlement themselves."""
    rows = tx.rows(_ENTITLEMENTS, mine=texts(among))
    return [id_ for id_, told in rows if privilege in _privileges(told)]


def _privileges(entitlements: str) -> set[Privilege]:
    """What the entitlements in a JSON list let somebody do here; a directory may keep others, too."""
    return {ENTITLEMENTS[each] for each in json.loads(entitlements) if each in ENTITLEMENTS}


def _is(found: Kind, wanted: Kind) -> bool:
    return found is wanted or (wanted is Kind.ROUTINE and found in ROUTINES)


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


def manages(tx: Look, ref: Ref) -> bool:
    """Whether the caller manages what a reference names, or what is left of the way there where it is gone."""
    found = chain(tx, tx.caller, ref)
    return decide(Question(Privilege.MANAGE), Chain(found.nodes)).allowed


# Principals


def principal_by_name(tx: Look, name: str) -> Principal | None:
    """The principal of this name, in any case."""
    row = tx.row(_BY_NAME, name=name.lower())
    return principal(row) if row else None


def required(tx: Look, name: str) -> Principal:
    """The principal of this name, or of another name of it, or `NoSuchPrincipal`."""
    found = principal_by_name(tx, name) or principal_by_name(tx, ALSO_CALLED.get(name.lower(), ""))
    if found is None:
        raise NoSuchPrincipal(f"Could not find principal with name {name}")
    return found


def principal_by_id(tx: Look, principal_id: str) -> Principal | None:
    """The principal of this id."""
    row = tx.row(_BY_ID, principal_id=principal_id)
    return principal(row) if row else None


def ids_acted_as(tx: Look, principal_id: str) -> set[str]:
    """The ids that a principal acts as."""
    return {id_ for (id_,) in tx.rows(_ACTS_AS, principal_id=principal_id)}


_NAMES: Final = select(_principals.c.name).where(is_in(_principals.c.id, "mine"))


def names(tx: Look, ids: Iterable[str]) -> frozenset[str]:
    """The names of principals."""
    return frozenset(name for (name,) in tx.rows(_NAMES, mine=texts(ids)))
