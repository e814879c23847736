"""Backups at the level of rows: several stores become one, and what PostgreSQL counts goes on."""

from __future__ import annotations

import contextlib
import shutil
from pathlib import Path

from sqlalchemy import text

from modelyard import app
from modelyard.action import Ref
from modelyard.actions import backups, catalogs, files, finalize, models, versions
from modelyard.config import Settings
from modelyard.domain.files import Entry
from modelyard.domain.models import Registration
from modelyard.domain.privileges import Kind
from modelyard.store import holdings
from modelyard.store.disk import Disk
from tests.conftest import Postgres
from tests.support import InProcess, in_process

MLMODEL, WEIGHTS = b"flavors: {}\n", b"w" * 100_000


def second_store(inside: InProcess, folder: Path) -> str:
    """Another folder of bytes, which a schema uses from now on; its id."""
    disk = Disk(folder).open_store()
    with inside.built.database.write() as tx:
        disk.store_id = holdings.enter(tx, disk.url, disk.marker, 0)
    inside.built.storage.add(disk.store_id, disk)
    with inside.built.database.engine.begin() as raw:
        raw.execute(text("UPDATE securables SET store_id = :store WHERE full_name = 'two.s'"), {"store": disk.store_id})
    return disk.store_id


def made(inside: InProcess, schema: str) -> Ref:
    """A model with a READY version in a schema."""
    model = Ref(Kind.MODEL, f"{schema}.m")
    inside.do(models.CreateModel(Ref(Kind.SCHEMA, schema), "m"))
    version = inside.do(versions.RegisterVersion(model, Registration("here")))
    for path, content in (("MLmodel", MLMODEL), ("weights", WEIGHTS), ("own", schema.encode())):
        incoming = inside.built.storage.receive(version.store_id, len(content))
        incoming.write([content])
        inside.do(files.KeepFile(model, 1, path, incoming.commit()))
    draft = inside.do(finalize.PrepareFinalize(model, 1))
    inside.do(finalize.FinalizeVersion(model, 1, inside.built.storage.examine(draft)))
    return model


def read(inside: InProcess, entry: Entry) -> bytes:
    with contextlib.closing(inside.built.storage.open(entry)) as reader:
        return reader.read(0, entry.size)


def keep(inside: InProcess, folder: Path) -> None:
    """A backup with its objects, as the command writes it."""
    dump = inside.do(backups.DumpDatabase())
    folder.mkdir()
    with contextlib.closing(dump.open(dump.entry)) as reader:
        (folder / "database.jsonl").write_bytes(reader.read(0, dump.entry.size))
    with (folder / "database.jsonl").open("rb") as lines:
        for sha256, _ in app.backups.objects(lines):
            place = folder / "objects" / sha256[:2] / sha256
            place.parent.mkdir(parents=True, exist_ok=True)
            place.write_bytes(read(inside, inside.do(backups.FindObject(sha256))))


def test_the_bytes_of_several_stores_are_gathered_in_one(inside: InProcess, postgres: Postgres, tmp_path: Path) -> None:
    for name in ("one", "two"):
        inside.do(catalogs.CreateCatalog(name))
        inside.do(catalogs.CreateSchema(Ref(Kind.CATALOG, name), "s"))
    second = second_store(inside, tmp_path / "second")
    found = [made(inside, "one.s"), made(inside, "two.s")]
    entry = inside.do(files.FindFile(found[1], 1, "weights"))
    assert entry.store_id == second
    keep(inside, tmp_path / "kept")
    for name, database in (("sqlite", ""), ("postgresql", postgres.make(empty=True))):
        data = tmp_path / name
        done = app.restore(
            Settings(data=data, database=database), tmp_path / "kept" / "database.jsonl", tmp_path / "kept" / "objects"
        )
        assert done.objects == 4
        shutil.copy(tmp_path / "data" / "admin-token", data / "admin-token")
        with in_process(data, database) as again:
            for model, own in zip(found, (b"one.s", b"two.s"), strict=True):
                for path, content in (("MLmodel", MLMODEL), ("weights", WEIGHTS), ("own", own)):
                    assert read(again, again.do(files.FindFile(model, 1, path))) == content
            register = versions.RegisterVersion(found[1], Registration("here"))
            assert again.do(register).store_id == again.gate.store_id
            with again.built.database.engine.connect() as raw:
                assert raw.execute(text("SELECT count(*) FROM stores")).scalar() == 1
                assert raw.execute(text("SELECT count(*) FROM blobs")).scalar() == 4


def test_a_table_of_many_pages_is_kept_whole(inside: InProcess) -> None:
    """More rows than are read at once, ordered by a key of several columns."""
    inside.do(catalogs.CreateCatalog("one"))
    inside.do(catalogs.CreateSchema(Ref(Kind.CATALOG, "one"), "s"))
    model = made(inside, "one.s")
    with inside.built.database.engine.begin() as raw:
        manifest, blob = raw.execute(text("SELECT manifest_id, blob_id FROM entries WHERE path = 'own'")).one()
        raw.execute(
            text(
                "INSERT INTO entries (manifest_id, path, parent, is_directory, size, sha256, modified_at, blob_id) "
                "VALUES (:manifest, :path, '', 0, 0, '', 0, :blob)"
            ),
            [{"manifest": manifest, "path": f"many/é{number}", "blob": blob} for number in range(2_500)],
        )
    dump = inside.do(backups.DumpDatabase())
    with contextlib.closing(dump.open(dump.entry)) as reader:
        lines = reader.read(0, dump.entry.size).splitlines(keepends=True)
    assert app.backups.checked(lines).store_id == inside.gate.store_id
    paths = [row["path"] for section, row in app.backups.rows(lines) if section == "entries"]
    assert len(paths) == len(set(paths)) == 2_503
    assert inside.do(versions.GetVersion(model, 1)).number == 1
