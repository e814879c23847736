"""Batch inference as people do it: a registered version scores files, and consumers of a volume see the result."""

from __future__ import annotations

import importlib.metadata
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import httpx
import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied
from databricks.sdk.service.catalog import VolumeType

from tests.serving import SCHEMA, register, save_linear
from tests.stories.conftest import point
from tests.support import Server, clean_environment

VOLUME = f"{SCHEMA}.scores"
ROOT = "/Volumes/main/ml/scores"


@pytest.fixture(scope="module")
def place(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two versions of a model that multiply by their number; the first one is the champion."""
    folder = tmp_path_factory.mktemp("batch")
    server = Server(folder / "data").start()
    server.make_containers(SCHEMA)
    for number in (1, 2):
        save_linear(folder / str(number), number)
        assert register(server, "price", folder / str(number)) == number
    point(server, "Champion", 1)
    yield server
    server.stop()


@pytest.fixture
def worker(place: Server) -> str:
    """The token of a job's principal, which may use the model, and write in the volume."""
    name = "batch@example.com"
    try:
        token = place.make_user(name)
    except httpx.HTTPStatusError:  # an earlier test has made it
        with place.client() as admin:
            made = admin.post("/api/2.0/token-management/on-behalf-of/tokens", json={"principal": name})
            token = made.raise_for_status().json()["token_value"]
    place.grant("catalog", "main", name, "USE_CATALOG")
    place.grant("schema", SCHEMA, name, "USE_SCHEMA", "CREATE_VOLUME", "EXECUTE")
    return token


def batch(server: Server, token: str, *words: str, module: bool = False) -> dict[str, Any]:
    """What `modelyard batch` reports."""
    program = ["-m", "modelyard.batch"] if module else ["-m", "modelyard", "batch"]
    variables = {**server.environment(token), "XDG_CACHE_HOME": str(server.data / "cache")}
    done = subprocess.run(
        [sys.executable, *program, *words, "--json", "--processes", "1"],
        env=clean_environment(**variables),
        capture_output=True,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def sdk(server: Server, token: str) -> Any:  # noqa: ANN401  its answers may all be None, as its types say
    return WorkspaceClient(host=server.url, token=token)


def scores(client: Any) -> pa.Table:  # noqa: ANN401  as above
    """What a consumer reads."""
    found = [each.path for each in client.files.list_directory_contents(f"{ROOT}/current") if each.name[0] != "_"]
    return pa.concat_tables(pq.read_table(io.BytesIO(client.files.download(path).contents.read())) for path in found)


@pytest.mark.client("databricks-sdk 0.156", "published outputs")
def test_consumers_see_the_new_champions_output_at_once_and_the_old_one_again(
    place: Server, worker: str, tmp_path: Path
) -> None:
    pq.write_table(pa.table({"x": [1.0, 2.0, 3.0]}), tmp_path / "rows.parquet")
    words = ("--model", f"models:/{SCHEMA}.price@Champion", "--input", str(tmp_path / "rows.parquet"))
    first = batch(place, worker, *words, "--publish", VOLUME, "--reason", "the first one")
    assert (first["rows"], first["version"], first["model"]) == (3, "1", f"{SCHEMA}.price")
    reader = place.make_user("consumer@example.com")
    with pytest.raises(PermissionDenied, match="USE CATALOG"):
        scores(sdk(place, reader))
    place.grant("catalog", "main", "consumer@example.com", "USE_CATALOG", "USE_SCHEMA")
    place.grant("volume", VOLUME, "consumer@example.com", "READ_VOLUME")
    consumer = sdk(place, reader)
    assert scores(consumer)["prediction"].to_pylist() == [1.0, 2.0, 3.0]

    point(place, "Champion", 2)
    second = batch(place, worker, *words, "--publish", VOLUME, module=True)
    found = scores(consumer)
    assert (found["prediction"].to_pylist(), set(found["model_version"].to_pylist())) == ([2.0, 4.0, 6.0], {2})
    assert second["published"] != first["published"]

    commands = [sys.executable, "-m", "modelyard", "outputs"]
    environment = clean_environment(**place.environment(worker))

    def outputs(*said: str) -> str:
        return subprocess.run([*commands, *said], env=environment, capture_output=True, text=True, check=True).stdout

    outputs("undo", VOLUME, "--reason", "too many alarms")
    assert scores(consumer)["prediction"].to_pylist() == [1.0, 2.0, 3.0]
    moves = json.loads(outputs("history", VOLUME, "--json"))
    assert [move["reason"] for move in moves] == ["too many alarms", "", "the first one"]
    assert all(move["moved_by"] == "batch@example.com" for move in moves)
    [newest, oldest] = json.loads(outputs("list", VOLUME, "--json"))
    assert (newest["is_current"], oldest["is_current"]) == (False, True)
    assert oldest["about"]["version"] == "1"

    outputs("pull", VOLUME, str(tmp_path / "here"))
    here = pq.read_table(tmp_path / "here" / "current" / "part-00000.parquet")
    assert here["prediction"].to_pylist() == [1.0, 2.0, 3.0]
    third = batch(place, worker, "--model", words[1], "--input", f"{ROOT}/current", "--output", str(tmp_path / "out"),
                  "--keep", "x")  # fmt: skip
    assert (third["rows"], third["version"]) == (3, "2")


def test_who_may_not_use_the_model_scores_nothing(place: Server, tmp_path: Path) -> None:
    stranger = place.make_user("stranger@example.com")
    pq.write_table(pa.table({"x": [1.0]}), tmp_path / "rows.parquet")
    command = [sys.executable, "-m", "modelyard", "batch", "--model", f"models:/{SCHEMA}.price/1"]
    done = subprocess.run(
        [*command, "--input", str(tmp_path / "rows.parquet"), "--output", str(tmp_path / "out")],
        env=clean_environment(**place.environment(stranger)),
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr == "error: User does not have USE CATALOG on Catalog 'main'.\n"
    assert not (tmp_path / "out").exists()


def test_jobs_find_the_entry_point_of_the_package() -> None:
    found = [each for each in importlib.metadata.distribution("modelyard").entry_points if each.name == "batch"]
    assert [each.value for each in found] == ["modelyard.cli.batch:main"]
    assert callable(found[0].load())


@pytest.mark.client("databricks-sdk 0.156", "volumes", "files of volumes")
def test_the_sdk_governs_volumes_and_moves_files_small_and_large(place: Server, tmp_path: Path) -> None:
    client = sdk(place, place.token)
    made = client.volumes.create("main", "ml", "raw", VolumeType.MANAGED, comment="what came in")
    assert (made.full_name, made.volume_type, made.comment) == ("main.ml.raw", VolumeType.MANAGED, "what came in")
    assert client.volumes.read("main.ml.raw").volume_id == made.volume_id
    assert "main.ml.raw" in [each.full_name for each in client.volumes.list("main", "ml")]
    root = "/Volumes/main/ml/raw"
    client.files.create_directory(f"{root}/deep/er")
    client.files.upload(f"{root}/deep/er/ü #1.txt", io.BytesIO(b"hello"))
    large = tmp_path / "large.bin"
    large.write_bytes(os.urandom(1 << 20) * 60)
    with large.open("rb") as content:
        client.files.upload(f"{root}/large.bin", content, overwrite=True)
    assert client.files.get_metadata(f"{root}/large.bin").content_length == 60 << 20
    client.files.download_to(f"{root}/large.bin", str(tmp_path / "back.bin"))
    assert (tmp_path / "back.bin").read_bytes() == large.read_bytes()
    assert client.files.download(f"{root}/deep/er/ü #1.txt").contents.read() == b"hello"
    assert [each.name for each in client.files.list_directory_contents(root)] == ["deep", "large.bin"]
    client.files.delete(f"{root}/deep/er/ü #1.txt")
    client.files.delete_directory(f"{root}/deep/er")
    with pytest.raises(NotFound):
        client.files.get_directory_metadata(f"{root}/deep/er")
    renamed = client.volumes.update("main.ml.raw", new_name="rawer", owner="admin")
    assert (renamed.full_name, renamed.owner) == ("main.ml.rawer", "admin")
    client.volumes.delete("main.ml.rawer")
    with pytest.raises(NotFound):
        client.volumes.read("main.ml.rawer")
