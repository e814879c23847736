"""Catalogs and schemas whose bytes are kept in a place of their own."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import InvalidParameterValue, PermissionDenied

from tests.cli.conftest import register
from tests.object_stores import ObjectStore
from tests.support import LEGACY, Server

OURS = "/api/2.0/modelyard"
FILES = "/api/2.0/fs/files"


@pytest.fixture
def yard(tmp_path: Path, object_store: ObjectStore) -> Iterator[Server]:
    """A server with a place for the European catalogs on a disk, and one in an object store."""
    place = object_store.place()
    places = f"{tmp_path / 'eu'},{place.url}"
    settings = {**place.settings, "storage": "", "storage_locations": places, "trash_days": "0"}
    server = Server(tmp_path / "data", settings=settings).start()
    yield server
    server.stop()


def locations(server: Server) -> tuple[str, str]:
    folder, _, bucket = server.settings["storage_locations"].partition(",")
    return Path(folder).as_uri(), bucket


def workspace(server: Server, token: str = "") -> WorkspaceClient:
    return WorkspaceClient(host=server.url, token=token or server.token)


def content(server: Server, path: str) -> bytes:
    with server.client() as admin:
        return admin.get(f"{FILES}{path}").raise_for_status().content


def stored(folder: str) -> int:
    """How many objects a folder holds."""
    return sum(path.is_file() for path in (Path(folder.removeprefix("file://")) / "objects").rglob("*"))


def test_versions_are_kept_where_their_schema_or_catalog_says(yard: Server) -> None:
    folder, bucket = locations(yard)
    own = (yard.data / "blobs").as_uri()
    client = workspace(yard)
    assert client.catalogs.create("eu", storage_root=folder).storage_root == folder
    client.schemas.create("plain", "eu")
    assert client.schemas.create("cloud", "eu", storage_root=bucket + "/").storage_root == bucket
    client.catalogs.create("us")
    client.schemas.create("plain", "us")
    assert client.schemas.get("eu.plain").storage_root is None
    assert [each.storage_root for each in client.schemas.list("eu")] == [bucket, None]
    for schema in ("eu.plain", "eu.cloud", "us.plain"):
        catalog, _, name = schema.partition(".")
        client.registered_models.create(catalog_name=catalog, schema_name=name, name="churn")
        register(yard, f"{schema}.churn", MLmodel=b"one", weights=schema.encode())
    assert (stored(folder), stored(own)) == (2, 2)
    for schema in ("eu.plain", "eu.cloud", "us.plain"):
        path = f"/Models/{schema.replace('.', '/')}/churn/1/weights"
        assert content(yard, path) == schema.encode()
    with yard.client() as admin:
        copied = admin.post(f"{OURS}/models/eu.plain.churn/versions/1/copy", json={"destination": "us.plain.churn"})
        assert copied.json()["version"] == 2
    assert (stored(folder), stored(own)) == (2, 2), "a copy moves no byte"
    assert content(yard, "/Models/us/plain/churn/2/weights") == b"eu.plain"


def test_only_admins_choose_and_only_among_what_the_operator_has_named(yard: Server) -> None:
    folder, _ = locations(yard)
    with pytest.raises(InvalidParameterValue, match=f"storage_locations .{folder}"):
        workspace(yard).catalogs.create("eu", storage_root="file:///etc")
    with pytest.raises(InvalidParameterValue):
        workspace(yard).catalogs.create("eu", storage_root=f"{folder}/below")
    token = yard.make_user("ada@example.com")
    client = workspace(yard)
    client.catalogs.create("eu")
    client.catalogs.update("eu", owner="ada@example.com")
    with pytest.raises(PermissionDenied, match="only metastore admins"):
        workspace(yard, token).schemas.create("s", "eu", storage_root=folder)
    assert workspace(yard, token).schemas.create("s", "eu").name == "s"


def test_bytes_in_every_place_are_checked_and_collected(yard: Server) -> None:
    folder, bucket = locations(yard)
    client = workspace(yard)
    for name, root in (("eu", folder), ("cloud", bucket)):
        client.catalogs.create(name, storage_root=root)
        client.schemas.create("s", name)
        client.registered_models.create(catalog_name=name, schema_name="s", name="m")
        register(yard, f"{name}.s.m", MLmodel=b"one", weights=name.encode())
    with yard.client() as admin:
        looked = admin.post(f"{OURS}/fsck/objects", json={"verify": True}).json()
        assert (looked["objects"], looked["damage"]) == (4, [])
        told = {"name": "cloud.s.m", "version": "1"}
        admin.request("DELETE", f"{LEGACY}/model-versions/delete", json=told).raise_for_status()
        done = admin.post(f"{OURS}/gc", json={"grace_hours": 0}).json()
        assert done["objects"] == 2


def test_a_place_that_is_named_no_more_is_still_read(yard: Server) -> None:
    folder, _ = locations(yard)
    client = workspace(yard)
    client.catalogs.create("eu", storage_root=folder)
    client.schemas.create("s", "eu")
    client.registered_models.create(catalog_name="eu", schema_name="s", name="m")
    register(yard, "eu.s.m", MLmodel=b"one")
    yard.stop()
    yard.settings.pop("storage_locations")
    yard.start()
    client = workspace(yard)
    assert content(yard, "/Models/eu/s/m/1/MLmodel") == b"one"
    with pytest.raises(InvalidParameterValue, match="none yet"):
        client.catalogs.create("other", storage_root=folder)
