"""Inference tables for tests: made as endpoints make them, with rows as the recorder keeps them."""

from __future__ import annotations

import itertools
import time
from dataclasses import replace
from pathlib import Path
from tempfile import NamedTemporaryFile

from modelyard.action import Ref
from modelyard.actions import access, endpoints, tables
from modelyard.domain.access import ListChange, PrincipalChange, PrincipalKind, Server
from modelyard.domain.capture import Record
from modelyard.domain.endpoints import Capture, Elsewhere, Endpoint, Entity, path
from modelyard.domain.privileges import Kind
from modelyard.domain.tables import PayloadFile
from modelyard.domain.updates import ConfigChange
from modelyard.packer.frames import framed
from tests.house.world import Person, World

ENTITY = Entity("there", elsewhere=Elsewhere("https://models.example.com/score"))
_numbers = itertools.count(1)


def entitle_to_code(world: World, who: Person) -> None:
    """Let somebody make endpoints."""
    change = PrincipalChange(entitlements=ListChange(add=("allow-cluster-create",)))
    world.do(access.UpdatePrincipal(PrincipalKind.USER, who.id, change))


def logging_to(schema: Ref, prefix: str) -> ConfigChange:
    """What an endpoint serves that logs to a schema."""
    catalog, name = schema.name.split(".")
    return ConfigChange(entities=(ENTITY,), capture=Capture(catalog, name, prefix))


def serving(world: World, who: Person, schema: Ref, prefix: str = "churn") -> tuple[Endpoint, Ref]:
    """An endpoint that logs, and its table."""
    name = world.new_name("endpoint")
    made = world.do(endpoints.CreateEndpoint(path(name), logging_to(schema, prefix)), who)
    return made, Ref(Kind.TABLE, f"{schema.name}.{prefix}_payload")


def record(endpoint: str = "", **told: object) -> Record:
    """A request and its answer."""
    plain = Record(
        table="t",
        endpoint_id=endpoint,
        request_id=f"r{next(_numbers):05}",
        client_request_id="",
        at=time.time(),
        status=200,
        fraction=50.0,
        milliseconds=1.4,
        request=b'{"inputs": [1]}',
        response=b'{"predictions": [0.5]}',
        entity="one",
        served_id="0" * 32,
        model="a.b.c",
        version=3,
        requester="alice@example.com",
    )
    return replace(plain, **told)


def payload(world: World, *records: Record, store_id: str = "", batch: str = "") -> PayloadFile:
    """A file of rows that is in a store."""
    rows = records or (record(),)
    storage, id_ = world.inside.built.storage, batch or world.new_name("batch")
    with NamedTemporaryFile() as file:
        path = Path(file.name)
        path.write_bytes(framed(rows))
        endpoints = sorted({each.endpoint_id for each in rows})
        return storage.bring_rows(store_id or world.inside.gate.store_id, path, rows[0].table, id_, endpoints)


def keep(world: World, table: Ref, endpoint_id: str, *records: Record, batch: str = "") -> PayloadFile | None:
    """Keep rows as the recorder does; None where the endpoint may not log any more."""
    id_ = world.do(tables.GetTable(table)).id
    placement = world.ask(tables.PlaceRows(id_, (endpoint_id,)), Server())
    if endpoint_id not in placement.endpoints:
        return None
    file = payload(world, *records, store_id=placement.store_id, batch=batch)
    assert world.ask(tables.KeepRows(id_, file), Server())
    return file


def made_table(world: World) -> Ref:
    """A table of the world's owner, with a row."""
    entitle_to_code(world, world.owner)
    made, table = serving(world, world.owner, world.schema(), world.new_name("churn"))
    assert keep(world, table, made.id, record(made.id))
    return table
