"""A large, governed catalog: 100,000 models, 200,000 versions, 10,000 principals, a million grants, groups five deep.

Rows are written straight into the database, SQLite or PostgreSQL, as the server's own actions leave them: a million
grants by HTTP would take an hour.
"""

from __future__ import annotations

import random
import time
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final

from modelyard.domain.access import ADMINS
from modelyard.domain.privileges import Kind, Privilege
from modelyard.store import schema

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from sqlalchemy import Connection, Table

CATALOGS: Final = 10
SCHEMAS: Final = 100
"""In each catalog."""
DEPTH: Final = 5
VISIBLE: Final = 100
"""How many models the narrow viewer may see."""
_BATCH: Final = 20_000
_GRANTABLE: Final = (Privilege.EXECUTE, Privilege.APPLY_TAG, Privilege.CREATE_MODEL_VERSION, Privilege.MANAGE)

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Size:
    """How much of everything."""

    models: int = 100_000
    versions: int = 200_000
    principals: int = 10_000
    grants: int = 1_000_000


@dataclass
class Governed:
    """What was made, as far as questions need it: names of models, and ids of those who ask."""

    models: list[str] = field(default_factory=list[str])
    users: list[str] = field(default_factory=list[str])
    viewer: str = ""


def fill(connection: Connection, size: Size, metastore_id: str) -> Governed:
    """Write everything in one transaction; returns what to ask about."""
    if connection.dialect.name == "sqlite":
        connection.exec_driver_sql("PRAGMA cache_size=-1000000")  # kibibytes: keys come in no order
        connection.exec_driver_sql("BEGIN")  # the store's connections commit each statement by themselves
    made, now, chance = Governed(), int(time.time() * 1000), random.Random(7)  # the same world each time
    principals = list(_principals(size, now))
    _write(connection, schema.principals, principals)
    users = [row["id"] for row in principals if row["kind"] == "user"]
    groups = [row["id"] for row in principals if row["kind"] == "group"]
    _write(connection, schema.members, _members(users[1:], groups, chance))
    containers, leaves = _securables(size, metastore_id, now)
    _write(connection, schema.securables, [*containers, *leaves])
    many = size.versions // size.models
    _write(
        connection, schema.models, ({"id": row["id"], "last_version": many, "deployment_job_id": ""} for row in leaves)
    )
    _write(connection, schema.versions, _versions(leaves, many, now))
    made.models, made.users, made.viewer = [row["full_name"] for row in leaves], users[1:], users[0]
    _write(connection, schema.grants, _grants(size, leaves, users[1:], groups, chance))
    _write(connection, schema.grants, _narrow(made.viewer, containers, leaves, chance))
    return made


def _write(connection: Connection, table: Table, rows: Iterable[dict[str, Any]]) -> None:
    batch: Rows = []
    for row in rows:
        batch.append(row)
        if len(batch) == _BATCH:
            connection.execute(table.insert(), batch)
            batch = []
    if batch:
        connection.execute(table.insert(), batch)


def _principals(size: Size, now: int) -> Iterator[dict[str, Any]]:
    for number in range(size.principals):
        kind = "group" if number % DEPTH == DEPTH - 1 else "user"
        name = f"{kind}-{number}@example.com"
        yield {
            "id": uuid.uuid4().hex, "kind": kind, "name": name, "folded": name, "display_name": name,
            "active": 1, "created_at": now, "external_id": "", "profile": "{}", "entitlements": "[]",
        }  # fmt: skip


def _members(users: list[str], groups: list[str], chance: random.Random) -> Iterator[dict[str, str]]:
    """Groups in chains five long, and each user at the bottom of one."""
    for number, group in enumerate(groups):
        if number % DEPTH:
            yield {"member_id": group, "group_id": groups[number - 1]}
    bottoms = [group for number, group in enumerate(groups) if number % DEPTH == DEPTH - 1]
    for user in users:
        yield {"member_id": user, "group_id": chance.choice(bottoms)}


def _securables(size: Size, metastore_id: str, now: int) -> tuple[Rows, Rows]:
    def row(kind: Kind, parent: str, name: str) -> dict[str, Any]:
        return {
            "id": uuid.uuid4().hex, "kind": kind.value, "parent_id": parent, "full_name": name, "owner_id": ADMINS,
            "comment": "", "properties": "{}", "created_at": now, "created_by": "", "updated_at": now, "updated_by": "",
        }  # fmt: skip

    catalogs = [row(Kind.CATALOG, metastore_id, f"catalog{number}") for number in range(CATALOGS)]
    schemas = [
        row(Kind.SCHEMA, catalog["id"], f"{catalog['full_name']}.schema{number}")
        for catalog in catalogs
        for number in range(SCHEMAS)
    ]
    each = size.models // len(schemas)
    leaves = [
        row(Kind.MODEL, parent["id"], f"{parent['full_name']}.model{number}")
        for parent in schemas
        for number in range(each)
    ]
    return [*catalogs, *schemas], leaves


def _versions(leaves: Rows, many: int, now: int) -> Iterator[dict[str, Any]]:
    for leaf in leaves:
        for number in range(1, many + 1):
            yield {
                "id": uuid.uuid4().hex, "model_id": leaf["id"], "number": number, "status": "READY",
                "status_message": "", "source": "here", "run_id": uuid.uuid4().hex, "run_tracking_server_id": "",
                "comment": "", "logged_model_id": "", "dependencies": "[]", "creator_id": ADMINS, "created_at": now,
                "created_by": "", "updated_at": now, "updated_by": "", "digest": "",
            }  # fmt: skip


def _grants(
    size: Size, leaves: Rows, users: list[str], groups: list[str], chance: random.Random
) -> Iterator[dict[str, str]]:
    """On each model some grants, to users and to groups."""
    each = size.grants // len(leaves)
    holders = [*users, *groups]
    for leaf in leaves:
        for holder in chance.sample(holders, each):
            yield {"securable_id": leaf["id"], "principal_id": holder, "privilege": chance.choice(_GRANTABLE).value}


def _narrow(viewer: str, containers: Rows, leaves: Rows, chance: random.Random) -> Iterator[dict[str, str]]:
    """The way everywhere, and EXECUTE on a hundred models here and there, for somebody in groups without EXECUTE."""
    for row in containers:
        if row["kind"] == Kind.CATALOG.value:
            for privilege in (Privilege.USE_CATALOG, Privilege.USE_SCHEMA):
                yield {"securable_id": row["id"], "principal_id": viewer, "privilege": privilege.value}
    for leaf in chance.sample(leaves, VISIBLE):
        yield {"securable_id": leaf["id"], "principal_id": viewer, "privilege": Privilege.EXECUTE.value}
