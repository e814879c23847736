"""Imports over HTTP: manifests page by page, announced versions, and bytes that need not be sent."""

from __future__ import annotations

import hashlib
from typing import Any

import pytest

from modelyard.domain.files import Entry, digest
from tests.support import LEGACY
from tests.surfaces.world import MLMODEL, Folder, World, refusal

OURS = "/api/2.0/modelyard/models"
SHA256 = hashlib.sha256(MLMODEL).hexdigest()
DIGEST = digest([Entry("MLmodel", is_directory=False, size=len(MLMODEL), sha256=SHA256)])
MLMODEL_FILE = {"path": "MLmodel", "sha256": SHA256, "size": len(MLMODEL)}


def test_a_manifest_is_listed_page_by_page_through_all_directories(world: World) -> None:
    model = world.model()
    number = world.ready(model, {"a/b/c": b"1", "a/d": b"22", "z": b""})
    found: list[dict[str, Any]] = []
    token: str | None = ""
    while token is not None:
        asked = {"max_results": "2", **({"page_token": token} if token else {})}
        page = world.admin.get(f"{OURS}/{model}/versions/{number}/manifest", params=asked).raise_for_status().json()
        assert len(page["files"]) <= 2
        assert (page["model"], page["version"], page["status"]) == (model, number, "READY")
        found += page["files"]
        token = page["next_page_token"] or None
    assert [(file["path"], file["size"]) for file in found] == [
        ("MLmodel", len(MLMODEL)), ("a/b/c", 1), ("a/d", 2), ("z", 0),
    ]  # fmt: skip
    assert found[0]["sha256"] == SHA256


def test_an_announced_version_has_no_digest_before_it_is_ready(world: World) -> None:
    origin, model = world.model(), world.model()
    world.ready(origin)
    told = {"version": 5, "digest": DIGEST, "source": "there", "tags": [{"key": "a", "value": "b"}]}
    made = world.admin.post(f"{OURS}/{model}/versions/import", json=told).raise_for_status().json()
    assert (made["version"], made["status"], made["digest"]) == (5, "PENDING_REGISTRATION", "")
    shown = world.legacy("GET", "model-versions/get", name=model, version="5").raise_for_status()
    assert "etag" not in shown.headers
    assert "digest" not in shown.json()["model_version"]
    taken = world.admin.post(
        f"{OURS}/{model}/versions/5/take", json={"origin": origin, "files": [MLMODEL_FILE]}
    ).raise_for_status()
    assert taken.json() == {"taken": ["MLmodel"]}
    done = world.legacy("POST", "model-versions/finalize", name=model, version="5").raise_for_status()
    assert done.json()["model_version"]["digest"] == DIGEST
    assert Folder(world.admin, model, 5).get("MLmodel").content == MLMODEL


@pytest.mark.parametrize(
    "said",
    [
        {"version": 1, "digest": "0" * 63},
        {"version": 1, "digest": "A" * 64},
        {"version": 0, "digest": DIGEST},
        {"version": 2**31, "digest": DIGEST},
        {"version": 1},
        {"version": 1, "digest": DIGEST, "tags": [{"key": "a.b"}]},
        {"version": 1, "digest": DIGEST, "dependencies": ["x"]},
    ],
)
def test_a_bad_announcement_is_refused(world: World, said: dict[str, object]) -> None:
    model = world.model()
    refusal(world.admin.post(f"{OURS}/{model}/versions/import", json=said), 400, "INVALID_PARAMETER_VALUE")
    found = world.legacy("GET", "model-versions/search", filter=f"name = '{model}'").raise_for_status().json()
    assert found["model_versions"] == []


@pytest.mark.parametrize(
    "files",
    [
        [{**MLMODEL_FILE, "path": "../MLmodel"}],
        [{**MLMODEL_FILE, "path": ""}],
        [{**MLMODEL_FILE, "path": "/etc/passwd"}],
        [{**MLMODEL_FILE, "sha256": "../../objects"}],
        [MLMODEL_FILE] * 501,
        [{"path": "MLmodel"}],
    ],
)
def test_bad_files_are_not_taken(world: World, files: list[dict[str, object]]) -> None:
    model = world.model()
    world.ready(model)
    number = world.version(model)
    where = f"{OURS}/{model}/versions/{number}/take"
    refusal(world.admin.post(where, json={"files": files}), 400, "INVALID_PARAMETER_VALUE")
    assert Folder(world.admin, model, number).names() == []


def test_nothing_is_taken_into_a_version_that_is_ready(world: World) -> None:
    model = world.model()
    number = world.ready(model)
    where = f"{OURS}/{model}/versions/{number}/take"
    refusal(world.admin.post(where, json={"files": [{**MLMODEL_FILE, "path": "more"}]}), 400, "INVALID_STATE")
    assert Folder(world.admin, model, number).names() == ["MLmodel"]


def test_a_number_that_is_taken_is_told(world: World) -> None:
    model = world.model()
    world.ready(model, {"more": b"1"})
    said = {"version": 1, "digest": DIGEST}
    refusal(world.admin.post(f"{OURS}/{model}/versions/import", json=said), 400, "RESOURCE_ALREADY_EXISTS")
    assert world.admin.get(f"{LEGACY}/model-versions/get", params={"name": model, "version": "1"}).is_success
