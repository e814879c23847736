"""The main job, told by unmodified MLflow while the bytes are in an object store."""

from __future__ import annotations

import json
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.object_stores import KEY, SECRET, ObjectStore
from tests.stories.test_main_job import python_blocks
from tests.support import Server, clean_environment


@pytest.mark.client("MLflow 3.17.2, `databricks-uc`", "register", "promote", "aliases", "load")
def test_the_readme_tells_the_same_story_on_an_object_store(
    start_server: Callable[..., Server], object_store: ObjectStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    place = object_store.place()
    server = start_server(storage=place.url, storage_options=json.dumps({place.url: place.options}))
    server.make_containers("staging.ml_team", "prod.ml_team")
    monkeypatch.chdir(tmp_path)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    words: dict[str, Any] = {}
    for block in python_blocks():
        exec(block, words)  # noqa: S102  the README is ours
    assert (words["champion"].predict(words["features"]) == words["model"].predict(words["features"])).all()
    assert any(key.startswith("blobs/") for key in place.objects)
    assert not (server.data / "blobs").exists()


def test_a_server_whose_object_store_holds_other_things_says_so_and_tells_no_secret(
    object_store: ObjectStore, tmp_path: Path
) -> None:
    place = object_store.place()
    place.put("theirs.txt", b"somebody else's")
    told = {"MODELYARD_STORAGE": place.url, "MODELYARD_STORAGE_OPTIONS": json.dumps({place.url: place.options})}
    command = [sys.executable, "-m", "modelyard", "serve", "--data", str(tmp_path / "data"), "--port", "0"]
    ended = subprocess.run(
        command, env=clean_environment(**told), capture_output=True, text=True, timeout=30, check=False
    )
    assert ended.returncode != 0
    assert "holds other things" in ended.stderr
    assert KEY not in ended.stderr + ended.stdout
    assert SECRET not in ended.stderr + ended.stdout
    assert place.objects == {"theirs.txt"}
