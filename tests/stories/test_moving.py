"""A flat registry of a real MLflow server moves into the catalog, old code goes on, and there is a way back."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pandas as pd
import pytest
import yaml
from databricks.sdk import WorkspaceClient

from tests.cli.conftest import Answer, CommandLine
from tests.object_stores import KEY, SECRET, ObjectStore
from tests.old_registry import HOSTILE, OldRegistry, old_registry
from tests.serving import save_linear
from tests.support import UNITY, Server, clean_environment
from tests.workspace_registry import TOKEN, Workspace, workspace

OURS = "/api/2.0/modelyard"
FLAT = "/api/2.0/mlflow"
ASKED = pd.DataFrame({"x": [1.0]})


@pytest.fixture(scope="module")
def folders(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("models")
    for factor in (1, 2, 3):
        save_linear(folder / str(factor), factor)
    (folder / "none").mkdir()
    (folder / "none" / "notes.txt").write_text("no model")
    return folder


@pytest.fixture(scope="module")
def old(tmp_path_factory: pytest.TempPathFactory, folders: Path) -> Iterator[OldRegistry]:
    """A server with models in stages, and with whatever is wrong with registries."""
    with old_registry(tmp_path_factory.mktemp("old"), MLFLOW_WEBHOOK_ALLOW_PRIVATE_IPS="true") as made:
        made.model("fraud", "Finds fraud", **{"team.name": "risk"})
        for number, stage in ((1, "Production"), (2, "Production"), (3, "Staging"), (4, "Archived")):
            more = {"description": f"No. {number}", "run_link": "http://old/#/runs"}
            made.version("fraud", folders / str(min(number, 3)), stage, **more, tags=[{"key": "a.b", "value": "c"}])
        made.alias("fraud", "best", 1)
        made.model("Iris LR Model")
        made.version("Iris LR Model", folders / "1", "Production")
        made.model("broken", "<script>alert(1)</script>")
        for files in (folders / "none", None, folders / "2"):
            made.version("broken", files)
        made.model("many")
        for number in range(9):
            made.version("many", folders / str(number % 3 + 1), "Production")
        made.plant(*HOSTILE)
        events = [{"entity": "MODEL_VERSION", "action": "CREATED"}, {"entity": "PROMPT", "action": "CREATED"}]
        made.ask("webhooks", name="ci", url="https://127.0.0.1/secret?token=secret", events=events)
        yield made


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("new") / "data").start()
    made.make_containers("prod.a", "prod.b", "prod.c", "prod.d", "prod.e", "prod.w")
    yield made
    made.stop()


@pytest.fixture
def upgrade(server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> CommandLine:
    monkeypatch.chdir(tmp_path)  # where MLflow leaves what nobody asked for
    return CommandLine(server, monkeypatch)


def planned(upgrade: CommandLine, old: OldRegistry, file: Path, schema: str, *models: str) -> dict[str, Any]:
    """A plan for some models, as its file says it."""
    only = [word for name in models for word in ("--model", name)]
    answer = upgrade.alone("upgrade", "plan", old.url, "--schema", schema, "-o", str(file), *only)
    assert answer.status == 0, answer.err
    return yaml.safe_load(file.read_text())


def applied(upgrade: CommandLine, file: Path, status: int = 0) -> dict[str, Any]:
    answer = upgrade("upgrade", "apply", str(file), "--json")
    assert answer.status == status, answer
    return answer.json


def told(server: Server, path: str, **said: str) -> dict[str, Any]:
    with server.client() as admin:
        return admin.get(path, params=said).raise_for_status().json()


def numbers(server: Server, full_name: str) -> list[int]:
    found = told(server, f"{UNITY}/models/{full_name}/versions")["model_versions"]
    return sorted(each["version"] for each in found)


@pytest.mark.filterwarnings("ignore::FutureWarning")  # that stages are deprecated
def test_the_whole_way_and_back(  # noqa: PLR0915  a story is long
    old: OldRegistry, server: Server, upgrade: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow  # noqa: PLC0415  only stories need MLflow

    (tmp_path / "score.py").write_text('import mlflow\nmlflow.pyfunc.load_model("models:/fraud/Production")\n')
    seen = upgrade.alone("upgrade", "scan", str(tmp_path), "--registry", old.url, "--json")
    assert seen.status == 0, seen.err
    assert {each["rule"] for each in seen.json["code"]["references"]} == {"U09"}
    (fraud,) = [each for each in seen.json["registry"]["models"] if each["name"] == "fraud"]
    assert [(each["version"], each["stage"], each["has_signature"]) for each in fraud["versions"]][1] == (
        2, "Production", True,
    )  # fmt: skip
    file = tmp_path / "plan.yaml"
    plan = planned(upgrade, old, file, "prod.a", "fraud", "Iris LR Model")
    assert plan["names"] == {"Iris LR Model": "prod.a.iris_lr_model", "fraud": "prod.a.fraud"}
    assert plan["refused"] == []
    code = upgrade.alone("upgrade", "code", str(tmp_path / "score.py"), "--map-file", str(file), "--diff")
    assert "models:/prod.a.fraud@champion" in code.out
    report = applied(upgrade, file)
    assert {(each["model"], each["version"]) for each in report["versions"]} == {
        ("prod.a.iris_lr_model", 1), *(("prod.a.fraud", number) for number in (1, 2, 3, 4)),
    }  # fmt: skip

    model = told(server, f"{UNITY}/models/prod.a.fraud", include_aliases="true")
    before = old_model(old, "fraud")
    assert (model["comment"], model["created_at"]) == ("Finds fraud", before["creation_timestamp"])
    assert {each["alias_name"]: each["version_num"] for each in model["aliases"]} == {
        "best": 1, "champion": 2, "challenger": 3,
    }  # fmt: skip
    version = told(server, f"{FLAT}/model-versions/get", name="fraud", version="2")["model_version"]
    there = old_version(old, "fraud", 2)
    for key in ("creation_timestamp", "current_stage", "description", "run_id", "run_link", "source", "tags"):
        assert version[key] == there[key], key
    (move,) = told(server, f"{OURS}/models/prod.a.fraud/stage-history", version="2")["moves"]
    assert (move["to_stage"], move["moved_at"]) == ("Production", there["last_updated_timestamp"])

    monkeypatch.setenv("MLFLOW_TRACKING_TOKEN", server.token)
    mlflow.set_tracking_uri(old.url)
    mlflow.set_registry_uri(server.url)
    assert mlflow.pyfunc.load_model("models:/fraud/Production").predict(ASKED) == [2.0]
    assert mlflow.pyfunc.load_model("models:/fraud/1").predict(ASKED) == [1.0]
    client = mlflow.MlflowClient()
    latest = {each.current_stage: each.version for each in client.get_latest_versions("fraud")}
    assert latest == {"Production": "2", "Staging": "3", "Archived": "4"}
    client.transition_model_version_stage("fraud", "3", "Production", archive_existing_versions=True)
    assert mlflow.pyfunc.load_model("models:/fraud@champion").predict(ASKED) == [3.0]
    again = applied(upgrade, file)
    assert all(each["was_there"] for each in again["versions"])
    assert (
        told(server, f"{FLAT}/registered-models/alias", name="fraud", alias="champion")["model_version"]["version"]
        == "3"
    )

    retire(server, "fraud", retired=True)
    assert "retired" in upgrade.refusal("upgrade", "undo", str(file))
    assert numbers(server, "prod.a.fraud") == [1, 2, 3, 4]
    retire(server, "fraud", retired=False)
    undone = upgrade("upgrade", "undo", str(file), "--json")
    assert [each["undone"] for each in undone.json] == [True, True]
    with server.client() as admin:
        assert admin.get(f"{UNITY}/models/prod.a.fraud").status_code == 404
        assert admin.get(f"{FLAT}/registered-models/get", params={"name": "fraud"}).status_code == 404
        trash = admin.get(f"{OURS}/trash").json()["trash"]
    assert {"prod.a.fraud", "prod.a.iris_lr_model"} <= {each["full_name"] for each in trash}
    applied(upgrade, file)
    assert numbers(server, "prod.a.fraud") == [1, 2, 3, 4]
    assert upgrade("upgrade", "undo", str(file)).status == 0


def old_model(old: OldRegistry, name: str) -> dict[str, Any]:
    return json.loads(fetch(old, "registered-models/get", name=name))["registered_model"]


def old_version(old: OldRegistry, name: str, number: int) -> dict[str, Any]:
    return json.loads(fetch(old, "model-versions/get", name=name, version=str(number)))["model_version"]


def fetch(old: OldRegistry, path: str, **said: str) -> str:
    import httpx  # noqa: PLC0415  as elsewhere

    return httpx.get(f"{old.url}{FLAT}/{path}", params=said, trust_env=False).raise_for_status().text


def retire(server: Server, name: str, *, retired: bool) -> None:
    with server.client() as admin:
        admin.patch(f"{OURS}/legacy-names/{name}", json={"retired": retired}).raise_for_status()


def test_a_killed_apply_goes_on_where_it_was(
    old: OldRegistry, server: Server, upgrade: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "plan.yaml"
    planned(upgrade, old, file, "prod.b", "many")
    ledger = tmp_path / "plan.yaml.ledger"
    command = [sys.executable, "-m", "modelyard", "upgrade", "apply", str(file), "--jobs", "2"]
    for lines in (2, 9, 20):  # a model, some versions, the alias
        with subprocess.Popen(
            [*command, "--data", str(server.data)], env=clean_environment(),
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
        ) as process:  # fmt: skip
            until = time.monotonic() + 120
            while time.monotonic() < until and process.poll() is None:
                if ledger.exists() and ledger.read_bytes().count(b"\n") >= lines:
                    break
                time.sleep(0.002)
            process.send_signal(signal.SIGKILL)
        assert ledger.read_bytes().count(b"\n") >= lines
        assert process.returncode == -signal.SIGKILL or lines == 20, "it was killed on its way"
        with server.client() as admin:
            hidden = admin.get(f"{FLAT}/registered-models/get", params={"name": "many"})
        assert lines > 9 or hidden.status_code == 404, "old code sees nothing of a model that is half there"
    with ledger.open("ab") as torn:
        torn.write(b'{"step": "done", "mod')
    report = applied(upgrade, file)
    assert {each["status"] for each in report["versions"]} == {"READY"}
    assert numbers(server, "prod.b.many") == [*range(1, 10)]
    latest = told(server, f"{FLAT}/registered-models/get-latest-versions", name="many")["model_versions"]
    assert [each["version"] for each in latest] == ["9"]
    (alias,) = told(server, f"{UNITY}/models/prod.b.many", include_aliases="true")["aliases"]
    assert (alias["alias_name"], alias["version_num"]) == ("champion", 9)
    for number in (1, 9):
        here = {each["path"] for each in told(server, f"{OURS}/models/prod.b.many/versions/{number}/manifest")["files"]}
        assert "MLmodel" in here
    assert not (tmp_path / "plan.yaml.coming").exists()


def test_what_is_wrong_is_a_line_and_the_rest_goes_on(
    old: OldRegistry, server: Server, upgrade: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "plan.yaml"
    plan = planned(upgrade, old, file, "prod.c")
    refused = {(each["model"][:10], each.get("version")): each["why"] for each in plan["refused"]}
    assert refused.keys() == {
        ("../x", None), ("a/b", None), ("xxxxxxxxxx", None), ("broken", 1), ("broken", 2)
    }  # fmt: skip
    assert "no MLmodel" in refused["broken", 1]
    assert "no files" in refused["broken", 2]
    told_plan = yaml.safe_load(file.read_text())
    told_plan["names"] = {"broken": "prod.c.broken"}
    told_plan["models"]["broken"]["versions"] |= {1: {}, 2: {}, 7: {}}  # somebody wants them all the same
    file.write_text(yaml.safe_dump(told_plan))
    report = applied(upgrade, file, status=1)
    assert {each["version"]: each["status"] for each in report["versions"]} == {1: "REFUSED", 2: "REFUSED", 3: "READY"}
    lines = {(each["model"][:10], each["version"]) for each in report["refused"]}
    assert {("broken", 1), ("broken", 2), ("broken", 7), ("broken", None), ("a/b", None)} <= lines
    assert numbers(server, "prod.c.broken") == [3]
    with server.client() as admin:
        assert admin.get(f"{OURS}/legacy-names/broken").status_code == 404, "not all of it is there"


def test_a_place_on_this_machine_is_read_from_a_database_and_never_for_a_server(
    old: OldRegistry, upgrade: CommandLine, folders: Path, tmp_path: Path
) -> None:
    import mlflow  # noqa: PLC0415  as above

    shutil.copytree(folders / "2", tmp_path / "model")
    client = mlflow.MlflowClient(tracking_uri=old.database, registry_uri=old.database)
    client.create_registered_model("local")
    client.create_model_version("local", str(tmp_path / "model"))
    try:
        by_server = planned(upgrade, old, tmp_path / "a.yaml", "prod.d", "local")
        assert by_server["names"] == {}
        assert [each["why"][:28] for each in by_server["refused"]] == [
            "none of its versions can be ", "its files are at " + str(tmp_path)[:11],
        ]  # fmt: skip
        answer = upgrade.alone(
            "upgrade", "plan", old.database, "--schema", "prod.d", "-o", str(tmp_path / "b.yaml"), "--model", "local"
        )
        assert answer.status == 0, answer.err
        report = applied(upgrade, tmp_path / "b.yaml")
        assert [(each["version"], each["status"]) for each in report["versions"]] == [(1, "READY")]
        (tmp_path / "model" / "link").symlink_to("/etc/hostname")
        for uri in (old.url, old.database):
            page = tmp_path / "page.html"
            table = upgrade.alone("upgrade", "scan", "--registry", uri, "--html", str(page))
            for said in (table.out, shown := page.read_text()):
                assert "https://127.0.0.1" in said
                assert "secret" not in said + table.err
            assert "<script" not in shown
            assert ("iris_lr_model" in shown, "Production 2" in shown, shown.count("not brought") > 2) == (True,) * 3
        seen: Answer = upgrade.alone("upgrade", "scan", "--registry", old.database, "--json")
        (webhook,) = seen.json["registry"]["webhooks"]
        assert webhook["events"] == ["model_version.created", "prompt.created"]
        assert (webhook["new_events"], webhook["unheard"]) == (["model_version.ready"], ["prompt.created"])
        (local,) = [each for each in seen.json["registry"]["models"] if each["name"] == "local"]
        assert "links are not followed" in local["versions"][0]["problem"]
    finally:
        client.delete_registered_model("local")


def test_undo_leaves_what_was_there_before_and_what_came_since(
    old: OldRegistry, server: Server, upgrade: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "plan.yaml"
    planned(upgrade, old, file, "prod.d", "Iris LR Model")
    applied(upgrade, file)
    name = "prod.d.iris_lr_model"
    with server.client() as admin:
        said = {"name": name, "source": "by hand"}
        admin.post(f"{FLAT}/unity-catalog/model-versions/create", json=said).raise_for_status()
    assert numbers(server, name) == [1, 2]
    undone = upgrade("upgrade", "undo", str(file), "--json")
    assert "1 that did not come by the move stay" in undone.json[0]["says"]
    assert numbers(server, name) == [2]


def test_who_could_read_and_who_can_is_told_and_nobody_gains_unseen(
    old: OldRegistry, server: Server, upgrade: CommandLine, tmp_path: Path
) -> None:
    file = tmp_path / "plan.yaml"
    plan = planned(upgrade, old, file, "prod.e", "Iris LR Model")
    server.make_user("reader@example.com")
    people = {"reader": "reader@example.com"}
    model = plan["models"]["Iris LR Model"]
    model |= {"grants": {"reader": ["EXECUTE"], "nobody": ["EXECUTE"]}, "access": {"reader": "READ", "nobody": "READ"}}
    file.write_text(yaml.safe_dump({**plan, "principals": people, "permissions_told": True}))
    first = applied(upgrade, file, status=1)
    changes = {each["principal"]: (each["change"], each["why"]) for each in first["access"]}
    assert changes["reader@example.com"][0] == "lost"
    assert "USE CATALOG" in changes["reader@example.com"][1]
    assert [each["why"] for each in first["refused"]] == [
        "nothing was granted to nobody: Could not find principal with name nobody"
    ]
    server.make_user("other@example.com")
    server.grant("schema", "prod.e", "other@example.com", "EXECUTE")
    del model["grants"]["nobody"], model["access"]["nobody"]
    told_plan = {**plan, "principals": people, "permissions_told": True, "grant_use": True}
    file.write_text(yaml.safe_dump(told_plan))
    second = applied(upgrade, file, status=1)
    changes = {each["principal"]: each["change"] for each in second["access"]}
    assert changes == {"reader@example.com": "kept", "other@example.com": "gained"}
    assert "other@example.com may read it here, and could not there" in second["refused"][0]["why"]
    assert upgrade("upgrade", "undo", str(file)).status == 0


def test_files_in_a_cloud_are_fetched_by_mlflow_itself(
    old: OldRegistry,
    server: Server,
    upgrade: CommandLine,
    folders: Path,
    object_store: ObjectStore,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    import mlflow  # noqa: PLC0415  as above
    from mlflow.store.artifact import s3_artifact_repo  # noqa: PLC0415  as above

    place = object_store.place()
    for file in (folders / "3").iterdir():
        place.put(f"model/{file.name}", file.read_bytes())
    monkeypatch.setenv("AWS_ENDPOINT_URL_S3", object_store.endpoint)
    monkeypatch.setenv("AWS_ACCESS_KEY_ID", KEY)
    monkeypatch.setenv("AWS_SECRET_ACCESS_KEY", SECRET)
    s3_artifact_repo._cached_get_s3_client.cache_clear()  # which may know another test's endpoint  # noqa: SLF001
    client = mlflow.MlflowClient(tracking_uri=old.database, registry_uri=old.database)
    client.create_registered_model("cloudy")
    for path in ("model", "gone"):
        client.create_model_version("cloudy", f"{place.url}/{path}")
    try:
        plan = planned(upgrade, old, tmp_path / "plan.yaml", "prod.e", "cloudy")
        assert plan["models"]["cloudy"]["versions"].keys() == {1}
        assert "no files" in plan["refused"][0]["why"]
        (tmp_path / "plan.yaml").write_text(yaml.safe_dump({**plan, "refused": []}))
        report = applied(upgrade, tmp_path / "plan.yaml")
        assert [(each["version"], each["status"]) for each in report["versions"]] == [(1, "READY")]
    finally:
        client.delete_registered_model("cloudy")
    found = told(server, f"{OURS}/models/prod.e.cloudy/versions/1/manifest")["files"]
    assert {each["path"] for each in found} == {each.name for each in (folders / "3").iterdir()}


@pytest.mark.filterwarnings("ignore:.*filesystem model registry backend:FutureWarning")
def test_a_folder_of_mlflow_is_read_like_a_database(
    server: Server, upgrade: CommandLine, folders: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    import mlflow  # noqa: PLC0415  as above

    monkeypatch.setenv("MLFLOW_ALLOW_FILE_STORE", "true")
    runs = tmp_path / "mlruns"
    client = mlflow.MlflowClient(tracking_uri=runs.as_uri(), registry_uri=runs.as_uri())
    client.create_registered_model("filed")
    client.create_model_version("filed", str(folders / "1"), description="kept")
    client.set_registered_model_alias("filed", "best", "1")
    file = tmp_path / "plan.yaml"
    answer = upgrade.alone("upgrade", "plan", str(runs), "--schema", "prod.e", "-o", str(file))
    assert answer.status == 0, answer.err
    report = applied(upgrade, file)
    assert [(each["version"], each["status"]) for each in report["versions"]] == [(1, "READY")]
    (alias,) = told(server, f"{UNITY}/models/prod.e.filed", include_aliases="true")["aliases"]
    assert (alias["alias_name"], alias["version_num"]) == ("best", 1)
    assert "there is no registry" in upgrade.alone("upgrade", "scan", "--registry", str(tmp_path / "none")).err
    assert not (tmp_path / "none").exists()


@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_a_signature_is_recovered_from_the_input_example_where_that_is_asked_for(
    old: OldRegistry, server: Server, upgrade: CommandLine, tmp_path: Path
) -> None:
    import mlflow  # noqa: PLC0415  as above
    from sklearn.linear_model import LinearRegression  # noqa: PLC0415  as above

    line = LinearRegression().fit(ASKED, [2.0])
    said: dict[str, Any] = {"serialization_format": "cloudpickle", "pip_requirements": [], "signature": False}
    mlflow.sklearn.save_model(line, tmp_path / "bare", input_example=ASKED, **said)
    old.model("bare")
    old.version("bare", tmp_path / "bare")
    file = tmp_path / "plan.yaml"
    plan = planned(upgrade, old, file, "prod.e", "bare")
    assert plan["models"]["bare"]["versions"][1]["signature"] is False
    answer = upgrade("upgrade", "apply", str(file), "--recover-signatures", "--json")
    assert answer.status == 0, answer
    with server.client() as admin:
        written = admin.get("/api/2.0/fs/files/Models/prod/e/bare/1/MLmodel").raise_for_status().text
    signature = yaml.safe_load(written)["signature"]
    assert json.loads(signature["inputs"])[0]["name"] == "x"
    assert signature["outputs"]
    version = told(server, f"{FLAT}/model-versions/get", name="bare", version="1")["model_version"]
    assert version["tags"] == [{"key": "signature", "value": "recovered"}]
    (tmp_path / "plan.yaml.ledger").unlink()
    again = upgrade("upgrade", "apply", str(file), "--recover-signatures", "--json")
    assert again.json["versions"][0]["was_there"], "the same bytes are made again"


@pytest.mark.filterwarnings("ignore::FutureWarning")  # that stages are deprecated
def test_the_registry_of_a_workspace_is_moved(
    old: OldRegistry, server: Server, upgrade: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """MLflow's own client reads the same workspace, and finds the same files."""
    server.make_user("ann@example.com")
    monkeypatch.setenv("HOME", str(tmp_path))
    with workspace(old) as made:
        (tmp_path / ".databrickscfg").write_text(f"[old]\nhost = {made.url}\ntoken = {TOKEN}\n")
        made.holders["fraud"] = [
            {"user_name": "ann@example.com", "all_permissions": [{"permission_level": "CAN_READ"}]},
            {
                "group_name": "stewards",
                "all_permissions": [
                    {"permission_level": "CAN_MANAGE_PRODUCTION_VERSIONS", "inherited": True},
                    {"permission_level": "CAN_READ"},
                ],
            },
        ]
        made.webhooks.append(WEBHOOK)
        as_the_sdk_sees_it(made)
        seen = upgrade.alone("upgrade", "scan", "--registry", "databricks://old", "--json")
        assert seen.status == 0, seen.err
        registry = seen.json["registry"]
        assert (registry["id"], registry["permissions_told"]) == (made.url.removeprefix("http://"), True)
        (webhook,) = registry["webhooks"]
        assert webhook == {
            "model": "fraud",
            "events": WEBHOOK["events"],
            "to": "https://hooks.example.com",
            "status": "ACTIVE",
            "new_events": ["alias.set", "approval.requested"],
            "unheard": ["COMMENT_CREATED"],
        }
        file = tmp_path / "plan.yaml"
        words = ("--schema", "prod.w", "-o", str(file), "--model", "fraud")
        answer = upgrade.alone("upgrade", "plan", "databricks://old", *words)
        assert answer.status == 0, answer.err
        assert TOKEN not in file.read_text()
        plan = yaml.safe_load(file.read_text())
        assert plan["models"]["fraud"]["grants"] == {
            "ann@example.com": ["EXECUTE"], "stewards": ["EXECUTE", "CREATE_MODEL_VERSION", "APPLY_TAG"],
        }  # fmt: skip
        assert ["stewards has CAN_MANAGE_PRODUCTION_VERSIONS" in each["why"] for each in plan["refused"]] == [True]
        plan["names"]["fraud"] = "prod.w.fraud_of_workspace"
        plan["refused"], plan["models"]["fraud"]["grants"] = [], {"ann@example.com": ["EXECUTE"]}
        file.write_text(yaml.safe_dump(plan))
        report = applied(upgrade, file)
        assert sorted(each["version"] for each in report["versions"]) == [1, 2, 3, 4]
        assert {(each["principal"], each["change"]) for each in report["access"]} >= {("ann@example.com", "lost")}
        brought = {word for path, word in made.heard if path.startswith("/cloud/")}
        assert brought == {None}, "the token goes to the workspace alone"
        compare_as_clients_see_them(server, monkeypatch, tmp_path, "fraud", "prod.w.fraud_of_workspace")
        assert upgrade("upgrade", "undo", str(file)).status == 0


WEBHOOK = {
    "id": "1",
    "model_name": "fraud",
    "status": "ACTIVE",
    "events": ["MODEL_VERSION_TRANSITIONED_TO_PRODUCTION", "TRANSITION_REQUEST_CREATED", "COMMENT_CREATED"],
    "http_url_spec": {"url": "https://me:secret@hooks.example.com/services/secret", "enable_ssl_verification": True},
}


def as_the_sdk_sees_it(made: Workspace) -> None:
    """The SDK finds what this workspace was given: it answers as a workspace does, as far as the SDK can tell."""
    registry = WorkspaceClient(host=made.url, token=TOKEN).model_registry
    model = registry.get_model("fraud").registered_model_databricks
    assert model
    held = registry.get_permissions(model.id or "").as_dict()["access_control_list"]
    assert held == made.holders["fraud"]
    assert [each.as_dict() for each in registry.list_webhooks()] == [WEBHOOK]


def compare_as_clients_see_them(
    server: Server, monkeypatch: pytest.MonkeyPatch, folder: Path, old_name: str, new_name: str
) -> None:
    """MLflow's client, first as one of the workspace and then as one of the catalog."""
    from mlflow.artifacts import download_artifacts  # noqa: PLC0415  only stories need MLflow

    for number in (1, 3):
        there = download_artifacts(
            f"models:/{old_name}/{number}", dst_path=str(folder / f"there{number}"), registry_uri="databricks://old"
        )
        for name, value in server.environment().items():
            monkeypatch.setenv(name, value)
        here = download_artifacts(
            f"models:/{new_name}/{number}", dst_path=str(folder / f"here{number}"), registry_uri="databricks-uc"
        )
        assert digests(Path(here)) == digests(Path(there))
        for name in server.environment():
            monkeypatch.delenv(name)


def digests(folder: Path) -> dict[str, bytes]:
    """What is in a folder; MLflow's client adds a file of its own beside what is fetched."""
    return {
        str(each.relative_to(folder)): each.read_bytes()
        for each in folder.rglob("*")
        if each.is_file() and each.name != "registered_model_meta"
    }
