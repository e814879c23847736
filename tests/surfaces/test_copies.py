"""Copies and model cards over HTTP, and that an unmodified client's own copy stores nothing twice."""

from __future__ import annotations

from pathlib import Path

from tests.support import LEGACY, UNITY
from tests.surfaces.world import MLMODEL, Folder, World, refusal

OURS = "/api/2.0/modelyard/models"


def copy(world: World, model: str, number: int, **said: object) -> dict[str, object]:
    answer = world.admin.post(f"{OURS}/{model}/versions/{number}/copy", json=said)
    assert answer.is_success, answer.text
    assert answer.headers["etag"] == f'"{answer.json()["digest"]}"'
    return answer.json()


def objects(world: World) -> set[str]:
    return {path.name for path in (world.server.data / "blobs" / "objects").glob("*/*")}


def test_a_version_is_promoted_with_its_alias(world: World) -> None:
    model, target = world.model(), world.model()
    number = world.ready(model, {"weights": b"w"})
    made = copy(world, model, number, destination=target, alias="Champion", reason="Best of May", expected_version=0)
    assert (made["version"], made["status"], made["aliases"]) == (1, "READY", ["Champion"])
    found = world.legacy("GET", "registered-models/alias", name=target, alias="champion").json()["model_version"]
    assert (found["version"], found["source"]) == ("1", f"models:/{model}/{number}")
    assert Folder(world.admin, target, 1).get("weights").content == b"w"
    [move] = world.admin.get(f"{OURS}/{target}/alias-history").json()["moves"]
    assert move["reason"] == "Best of May"


def test_the_digest_is_told_by_every_surface_and_is_the_entity_tag(world: World) -> None:
    model = world.model()
    number = world.ready(model)
    asked = [
        (f"{LEGACY}/model-versions/get?name={model}&version={number}", "model_version"),
        (f"{UNITY}/models/{model}/versions/{number}", None),
        (f"{OURS}/{model}/versions/{number}/card", None),
    ]
    told = set()
    for address, wrapping in asked:
        answer = world.admin.get(address).raise_for_status()
        body = answer.json()[wrapping] if wrapping else answer.json()
        told |= {body["digest"], answer.headers["etag"].strip('"')}
    assert len(told) == 1
    assert len(told.pop()) == 64
    pending = world.version(model)
    assert "etag" not in world.admin.get(f"{UNITY}/models/{model}/versions/{pending}").headers


def test_a_card_tells_how_large_a_version_is(world: World) -> None:
    model = world.model()
    number = world.ready(model, {"a/b": b"12345"})
    card = world.admin.get(f"{OURS}/{model}/versions/{number}/card").raise_for_status().json()
    assert (card["files"], card["size"]) == (2, len(MLMODEL) + 5)
    assert card["model_id"] == "m-0123456789abcdef0123456789abcdef"


def test_bad_words_are_told_what_to_do(world: World) -> None:
    model = world.model()
    number = world.ready(model)
    address = f"{OURS}/{model}/versions/{number}/copy"
    refusal(world.admin.post(address, json={}), 400, "INVALID_PARAMETER_VALUE")
    refusal(world.admin.post(address, json={"destination": "a.b.c"}), 404, "RESOURCE_DOES_NOT_EXIST")
    latest = {"destination": model, "alias": "latest"}
    refusal(world.admin.post(address, json=latest), 400, "INVALID_PARAMETER_VALUE")


def test_files_that_a_client_brings_again_are_stored_once(world: World, tmp_path: Path) -> None:
    model, target = world.model(), world.model()
    number = world.ready(model, {"weights": b"w" * 1_000_000})
    before = objects(world)
    source = Folder(world.admin, model, number)
    brought = Folder(world.admin, target, world.version(target, source=f"models:/{model}/{number}"))
    for path in ("MLmodel", "weights"):
        (tmp_path / path).write_bytes(source.get(path).content)
        brought.put(path, (tmp_path / path).read_bytes()).raise_for_status()
    world.legacy("POST", "model-versions/finalize", name=target, version="1").raise_for_status()
    assert objects(world) == before
