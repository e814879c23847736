"""Inference tables: who may make, read and keep them, what becomes of their rows, and what happens around them."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import replace

import pytest

from modelyard.action import METASTORE, Ref
from modelyard.actions import access, catalogs, collection, endpoints, grants, models, permissions, tables
from modelyard.actions.deployments import NoteStandings
from modelyard.domain.access import PrincipalChange, PrincipalKind, Server
from modelyard.domain.capture import LARGEST, Record
from modelyard.domain.endpoints import Capture, Level, path
from modelyard.domain.pages import Window
from modelyard.domain.privileges import GrantChange, Kind, Privilege
from modelyard.domain.tables import Filter, Place, Rows
from modelyard.domain.updates import ConfigChange
from modelyard.errors import AlreadyExists, Denied, Invalid, NotFound, WrongState
from modelyard.packer import parquet
from tests.house.tables import ENTITY, entitle_to_code, keep, logging_to, record, serving
from tests.house.world import Person, World, containers


@pytest.fixture
def maker(world: World) -> Person:
    """Somebody who may run code, and nothing else."""
    who = world.person()
    entitle_to_code(world, who)
    return who


def let(world: World, who: Person, schema: Ref) -> None:
    catalog, _ = containers(schema)
    world.grant(catalog, who.name, Privilege.USE_CATALOG)
    world.grant(schema, who.name, Privilege.USE_SCHEMA, Privilege.CREATE_TABLE)


def read(world: World, asked: tables.ReadRows, who: Person | None = None) -> Rows:
    return world.inside.built.storage.rows(world.do(asked, who))


def test_a_table_is_made_for_the_endpoints_creator_who_may_make_one(world: World, maker: Person) -> None:
    schema = world.schema()
    catalog, _ = containers(schema)
    for missing in (Privilege.USE_CATALOG, Privilege.USE_SCHEMA, Privilege.CREATE_TABLE):
        with pytest.raises(Denied, match=f"does not have {missing.words} on"):
            serving(world, maker, schema)
        world.grant(catalog if missing is Privilege.USE_CATALOG else schema, maker.name, missing)
    made, table = serving(world, maker, schema)
    found = world.do(tables.GetTable(table), maker)
    assert (found.owner, found.rows, found.lost, found.retention_days) == (maker.name, 0, 0, 30)
    config = made.active
    assert config
    assert config.capture
    assert config.capture.id == found.id
    assert config.capture.table == table.name


def test_the_table_is_the_creators_also_where_somebody_else_changes_the_endpoint(world: World, maker: Person) -> None:
    schema, helper = world.schema(), world.person()
    let(world, maker, schema)
    entitle_to_code(world, helper)
    made = world.do(endpoints.CreateEndpoint(path(world.new_name("endpoint"))), maker)
    change = permissions.ChangePermissions(Ref(Kind.ENDPOINT, made.id), ((helper.name, Level.CAN_MANAGE),))
    world.do(change, maker)
    asked = endpoints.UpdateConfig(Ref(Kind.ENDPOINT, path(made.name)), logging_to(schema, "helped"))
    world.do(asked, helper)
    assert world.do(tables.GetTable(Ref(Kind.TABLE, f"{schema.name}.helped_payload"))).owner == maker.name
    with pytest.raises(Denied):
        world.do(tables.GetTable(Ref(Kind.TABLE, f"{schema.name}.helped_payload")), helper)


def test_a_refusal_of_the_creator_says_whom_it_is_about(world: World, maker: Person) -> None:
    schema = world.schema()
    made = world.do(endpoints.CreateEndpoint(path(world.new_name("endpoint"))), maker)
    with pytest.raises(Denied, match=f"{maker.name}, who made the endpoint .* is refused: User does not have USE CAT"):
        world.do(endpoints.UpdateConfig(Ref(Kind.ENDPOINT, path(made.name)), logging_to(schema, "it")))


def test_a_name_that_something_else_has_is_refused_and_ones_own_table_goes_on(world: World, maker: Person) -> None:
    schema, other = world.schema(), world.person()
    let(world, maker, schema)
    let(world, other, schema)
    entitle_to_code(world, other)
    world.do(models.CreateModel(schema, "churn_payload"), world.owner)
    with pytest.raises(AlreadyExists, match="use another prefix"):
        serving(world, maker, schema)
    made, table = serving(world, maker, schema, "mine")
    with pytest.raises(AlreadyExists, match="use another prefix"):
        serving(world, other, schema, "mine")
    world.do(endpoints.DeleteEndpoint(Ref(Kind.ENDPOINT, path(made.name))), maker)
    before = world.do(tables.GetTable(table)).id
    serving(world, maker, schema, "mine")
    assert world.do(tables.GetTable(table)).id == before
    with pytest.raises(AlreadyExists):
        world.do(models.CreateModel(schema, "mine_payload"), world.owner)


def test_the_gateway_names_the_table_too_and_takes_it_back(world: World, maker: Person) -> None:
    schema = world.schema()
    let(world, maker, schema)
    plain = ConfigChange(entities=(ENTITY,))
    made = world.do(endpoints.CreateEndpoint(path(world.new_name("endpoint")), plain), maker)
    world.ask(NoteStandings(made.id, ()), Server())
    endpoint, (catalog, name) = Ref(Kind.ENDPOINT, path(made.name)), schema.name.split(".")
    told = '{"inference_table_config":{}}'
    world.do(endpoints.SetGateway(endpoint, told, (), Capture(catalog, name, "gate")), maker)
    logging = world.do(endpoints.GetEndpoint(endpoint), maker).active.capture
    assert (logging.table, logging.enabled) == (f"{schema.name}.gate_payload", True)
    assert world.do(tables.GetTable(Ref(Kind.TABLE, logging.table)), maker).id == logging.id
    world.do(endpoints.SetGateway(endpoint, "", ()), maker)
    assert not world.do(endpoints.GetEndpoint(endpoint), maker).active.capture.enabled


def test_without_pyarrow_no_table_is_promised(world: World, maker: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    schema = world.schema()
    let(world, maker, schema)
    monkeypatch.setattr(parquet, "is_there", lambda: False)
    with pytest.raises(Invalid, match="need pyarrow"):
        serving(world, maker, schema)
    quiet = ConfigChange(entities=(ENTITY,), capture=Capture("no", "where", "it", enabled=False))
    world.do(endpoints.CreateEndpoint(path(world.new_name("endpoint")), quiet), maker)


def test_rows_are_read_with_select_and_not_by_looking_after_the_metastore(world: World, maker: Person) -> None:
    schema, reader = world.schema(), world.person()
    let(world, maker, schema)
    made, table = serving(world, maker, schema)
    keep(world, table, made.id, record(made.id))
    asked = tables.ReadRows(table, Filter(), 10)
    assert world.do(tables.GetTable(table)).rows == 1
    admin = world.person()
    world.let(admin, Privilege.MANAGE, METASTORE)
    world.do(tables.GetTable(table), admin)
    with pytest.raises(Denied, match="does not have USE CATALOG"):
        world.do(asked, reader)
    catalog, _ = containers(schema)
    world.grant(catalog, reader.name, Privilege.USE_CATALOG, Privilege.USE_SCHEMA)
    with pytest.raises(Denied, match="does not have SELECT on Table"):
        world.do(asked, reader)
    world.grant(table, reader.name, Privilege.SELECT)
    assert len(read(world, asked, reader).rows) == 1
    world.revoke(table, reader.name, Privilege.SELECT)
    world.grant(catalog, reader.name, Privilege.SELECT)  # inherited, as everywhere
    assert len(read(world, asked, reader).rows) == 1
    assert len(read(world, asked, maker).rows) == 1


def test_what_can_be_granted_on_a_table(world: World, maker: Person) -> None:
    schema = world.schema()
    let(world, maker, schema)
    _, table = serving(world, maker, schema)
    for wrong in (Privilege.EXECUTE, Privilege.CREATE_MODEL_VERSION, Privilege.USE_SCHEMA):
        change = GrantChange(world.owner.name, add=frozenset({wrong}))
        with pytest.raises(Invalid, match="not applicable"):
            world.do(grants.ChangeGrants(table, (change,)))
    with pytest.raises(NotFound):
        world.do(models.GetModel(Ref(Kind.MODEL, table.name)))
    with pytest.raises(NotFound):
        world.do(grants.GetGrants(Ref(Kind.ROUTINE, table.name)))


def test_an_endpoint_whose_creator_lost_the_right_logs_no_more(world: World, maker: Person) -> None:
    schema = world.schema()
    let(world, maker, schema)
    made, table = serving(world, maker, schema)
    assert keep(world, table, made.id, record(made.id))
    world.revoke(schema, maker.name, Privilege.CREATE_TABLE)
    assert keep(world, table, made.id, record(made.id)) is None
    world.grant(schema, maker.name, Privilege.CREATE_TABLE)
    assert keep(world, table, made.id, record(made.id))
    world.do(access.UpdatePrincipal(PrincipalKind.USER, maker.id, PrincipalChange(active=False)))
    assert keep(world, table, made.id, record(made.id)) is None
    assert world.do(tables.GetTable(table)).rows == 2


def test_a_schema_with_a_table_is_not_empty_and_its_bytes_are_collected(world: World, maker: Person) -> None:
    schema = world.schema()
    let(world, maker, schema)
    made, table = serving(world, maker, schema)
    file = keep(world, table, made.id, record(made.id))
    assert file
    id_ = world.do(tables.GetTable(table)).id
    with pytest.raises(WrongState, match="is not empty"):
        world.do(catalogs.DeleteSchema(schema), world.owner)
    weight = world.do(collection.WeighGarbage(0))
    world.do(catalogs.DeleteSchema(schema, force=True), world.owner)
    assert world.do(collection.WeighGarbage(0)).objects == weight.objects + 1
    assert world.ask(tables.PlaceRows(id_, ()), Server()) is None
    assert not world.ask(tables.KeepRows(id_, file), Server())


def test_rows_have_databricks_columns_and_ours(world: World, maker: Person) -> None:
    schema = world.schema()
    let(world, maker, schema)
    made, table = serving(world, maker, schema)
    small = record(made.id, client_request_id="c1")
    big = record(made.id, request=b"x" * (LARGEST + 1), response=b"\xff", status=400).clipped()
    keep(world, table, made.id, small, big)
    [newest, first] = read(world, tables.ReadRows(table, Filter(), 10), maker).rows
    assert first["client_request_id"] == "c1"
    assert (first["status_code"], first["execution_duration_ms"], first["sampling_fraction"]) == (200, 1, 0.5)
    assert (first["request"], first["response"]) == ('{"inputs": [1]}', '{"predictions": [0.5]}')
    assert (first["model_name"], first["model_version"], first["is_shadow"]) == ("a.b.c", 3, False)
    assert (first["requester"], first["logging_error_codes"]) == ("alice@example.com", [])
    assert first["request_date"] == first["request_time"].date()
    assert (newest["request"], newest["response"]) == (None, None)
    assert newest["logging_error_codes"] == ["MAX_REQUEST_SIZE_EXCEEDED", "RESPONSE_IS_NO_TEXT"]


def test_pages_go_from_the_newest_to_the_oldest_across_files(world: World, maker: Person) -> None:
    schema = world.schema()
    let(world, maker, schema)
    made, table = serving(world, maker, schema)
    start = time.time() - 1_000
    rows = [record(made.id, at=start + each // 2, status=200 + each % 2) for each in range(30)]
    for some in (rows[::3], rows[1::3], rows[2::3]):  # files overlap, as those of several processes do
        keep(world, table, made.id, *some)
    found: list[str] = []
    after: Place | None = None
    while True:
        page = read(world, tables.ReadRows(table, Filter(), 7, after), maker)
        found += [row["databricks_request_id"] for row in page.rows]
        after = page.after
        if after is None:
            break
        after = Place.parse(str(after))
    assert sorted(found, reverse=True) == [row.request_id for row in reversed(rows)]
    assert found == sorted(found, reverse=True)
    odd = read(world, tables.ReadRows(table, Filter(status=201), 100), maker).rows
    assert len(odd) == 15
    middle = Filter(int((start + 5) * 1000), int((start + 10) * 1000))
    assert {row["databricks_request_id"] for row in read(world, tables.ReadRows(table, middle, 100), maker).rows} == {
        row.request_id for row in rows if start + 5 <= row.at < start + 10
    }
    one = read(world, tables.ReadRows(table, Filter(request_id=rows[4].request_id), 100), maker).rows
    assert [row["status_code"] for row in one] == [200]


def test_pages_of_one_large_file_leave_nothing_out(world: World, maker: Person) -> None:
    schema = world.schema()
    let(world, maker, schema)
    made, table = serving(world, maker, schema)
    start = time.time() - 100
    keep(world, table, made.id, *(record(made.id, at=start + each // 5 / 1000) for each in range(100)))
    found: list[str] = []
    after: Place | None = None
    while len(found) <= 100:
        page = read(world, tables.ReadRows(table, Filter(), 9, after), maker)
        found += [row["databricks_request_id"] for row in page.rows]
        after = page.after
        if after is None:
            break
    assert len(found) == len(set(found)) == 100


def test_a_batch_is_kept_once_and_lost_rows_are_counted(world: World, maker: Person) -> None:
    schema = world.schema()
    let(world, maker, schema)
    made, table = serving(world, maker, schema)
    row = record(made.id)
    keep(world, table, made.id, row, batch="b1")
    keep(world, table, made.id, row, batch="b1")
    id_ = world.do(tables.GetTable(table)).id
    world.ask(tables.NoteLostRows(((id_, 3), ("f" * 32, 1))), Server())
    found = world.do(tables.GetTable(table))
    assert (found.rows, found.files, found.lost) == (1, 1, 3)
    [file] = world.do(tables.ListTableFiles(table, Window(10)), maker).items
    assert world.do(tables.FindTableFile(table), maker) == world.do(tables.FindTableFile(table, file.id), maker) == file
    with pytest.raises(NotFound):
        world.do(tables.FindTableFile(table, "nothing"), maker)


@pytest.fixture
def later(world: World) -> Iterator[Callable[[int], None]]:
    """What sets the clock forward by some days."""
    real = world.inside.gate.clock

    def pass_days(days: int) -> None:
        world.inside.gate.clock = lambda: real() + days * 24 * 3600

    yield pass_days
    world.inside.gate.clock = real


def test_rows_go_when_their_days_are_over(world: World, maker: Person, later: Callable[[int], None]) -> None:
    schema = world.schema()
    let(world, maker, schema)
    made, table = serving(world, maker, schema)
    keep(world, table, made.id, record(made.id))
    with pytest.raises(Invalid, match="from 1 to 3650"):
        world.do(tables.RetainRows(table, 0))
    assert world.do(tables.RetainRows(table, 2), maker).retention_days == 2
    later(1)
    world.ask(tables.ForgetOldRows(), Server())
    assert world.do(tables.GetTable(table)).rows == 1
    later(3)
    before = world.do(collection.WeighGarbage(24)).objects
    world.ask(tables.ForgetOldRows(), Server())
    assert world.do(tables.GetTable(table)).rows == 0
    assert world.do(collection.WeighGarbage(24)).objects >= before + 1


def test_a_shadow_is_compared_with_the_champion_request_by_request(world: World, maker: Person) -> None:
    schema = world.schema()
    let(world, maker, schema)
    made, table = serving(world, maker, schema)
    rows: list[Record] = []
    answers = [(b'{"predictions": [1]}', b'{"predictions": [1.0000000001]}'), (b'{"predictions": [1]}', b"[2]")]
    for one, other in answers:
        champion = record(made.id, response=one, client_request_id="same")
        rows += [champion, replace(champion, response=other, entity="two", shadow=True, milliseconds=3.0)]
    rows += [record(made.id), record(made.id, entity="two", status=500)]
    keep(world, table, made.id, *rows)
    found = world.inside.built.storage.compare(world.do(tables.CompareAnswers(table, "one", "two"), maker))
    assert (found.pairs, found.agreed, found.rate, found.whole) == (2, 1, 0.5, True)
    assert (found.one.rows, found.other.rows, found.other.failed) == (3, 3, 0)
    assert found.other.milliseconds == 3.0
    with pytest.raises(Invalid):
        world.do(tables.CompareAnswers(table, "one", "one"), maker)


def test_challengers_are_compared_by_the_ids_of_their_clients(world: World, maker: Person) -> None:
    schema = world.schema()
    let(world, maker, schema)
    made, table = serving(world, maker, schema)
    one = record(made.id, client_request_id="q1")
    other = record(made.id, client_request_id="q1", entity="two")
    keep(world, table, made.id, one, other, record(made.id, entity="two"))
    found = world.inside.built.storage.compare(world.do(tables.CompareAnswers(table, "one", "two"), maker))
    assert (found.pairs, found.agreed) == (1, 1)
    nobody = world.inside.built.storage.compare(world.do(tables.CompareAnswers(table, "one", "three"), maker))
    assert (nobody.pairs, nobody.rate) == (0, None)


def test_a_deleted_table_is_gone_for_everybody(world: World, maker: Person) -> None:
    schema = world.schema()
    let(world, maker, schema)
    made, table = serving(world, maker, schema)
    keep(world, table, made.id, record(made.id))
    world.do(tables.DeleteTable(table), maker)
    with pytest.raises(NotFound):
        world.do(tables.GetTable(table))
    serving(world, maker, schema)
    assert world.do(tables.GetTable(table)).rows == 0
