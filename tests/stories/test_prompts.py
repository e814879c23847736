"""Prompts, told by unmodified MLflow: with its usual store and with its native one for Unity Catalog."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import Server

NAME = "prod.support.greeting"
CHAT = [{"role": "system", "content": "Be {{mood}}."}, {"role": "user", "content": "{{question}} é"}]
FORMAT = {"type": "object", "properties": {f"answer_{number}": {"type": "string"} for number in range(60)}}


@pytest.fixture(scope="module")
def tracking(tmp_path_factory: pytest.TempPathFactory) -> str:
    """A tracking store; making its tables takes longer than a story."""
    return f"sqlite:///{tmp_path_factory.mktemp('tracking')}/tracking.db"


@pytest.fixture(
    params=[
        ("legacy", "sqlite"),
        ("native", "sqlite"),
        ("legacy", "postgresql"),
        pytest.param(("native", "postgresql"), marks=pytest.mark.full),
    ],
    ids="-".join,
)
def told(request: pytest.FixtureRequest) -> tuple[str, str]:
    """With which of MLflow's stores, and on which database, a story is told."""
    return request.param


@pytest.fixture
def server(told: tuple[str, str], start_server: Callable[..., Server], request: pytest.FixtureRequest) -> Server:
    return start_server("" if told[1] == "sqlite" else request.getfixturevalue("postgres").make())


@pytest.fixture
def mlflow(
    told: tuple[str, str], server: Server, tracking: str, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> Any:  # noqa: ANN401  the module
    """MLflow in the hands of the admin, with a registry that has a schema."""
    import mlflow  # noqa: PLC0415  only stories need MLflow
    from mlflow.prompt.registry_utils import PromptCache  # noqa: PLC0415  as above

    server.make_containers("prod.support")
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MLFLOW_ENABLE_UC_NATIVE_MODEL_REGISTRY", str(told[0] == "native").lower())
    monkeypatch.setenv("MLFLOW_ALIAS_PROMPT_CACHE_TTL_SECONDS", "0")
    monkeypatch.setenv("MLFLOW_VERSION_PROMPT_CACHE_TTL_SECONDS", "0")
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    mlflow.set_tracking_uri(tracking)
    mlflow.set_registry_uri("databricks-uc")
    PromptCache.get_instance().clear()
    return mlflow


@pytest.mark.client("MLflow 3.17.2, `databricks-uc`", "prompts")
def test_a_prompt_is_registered_loaded_moved_between_versions_and_deleted(mlflow: Any) -> None:  # noqa: ANN401
    from mlflow.exceptions import MlflowException  # noqa: PLC0415  only stories need MLflow

    genai, client = mlflow.genai, mlflow.MlflowClient()
    first = genai.register_prompt(NAME, "Hello {{name}}", commit_message="first", tags={"author": "Ann"})
    assert (first.version, first.template, first.commit_message) == (1, "Hello {{name}}", "first")
    assert first.tags == {"author": "Ann"}
    config = {"model_name": "some-model", "temperature": 0.5}
    second = genai.register_prompt(NAME, CHAT, response_format=FORMAT, model_config=config)
    assert (second.version, second.template, second.response_format) == (2, CHAT, FORMAT)
    assert second.model_config == config

    genai.set_prompt_alias(NAME, "Production", 1)
    assert genai.load_prompt(f"prompts:/{NAME}@production").format(name="Bob") == "Hello Bob"
    assert genai.load_prompt(f"prompts:/{NAME}@Production").aliases == ["Production"]
    assert [genai.load_prompt(f"prompts:/{NAME}{which}").version for which in ("@latest", "/1", "/2")] == [2, 1, 2]
    assert genai.load_prompt(NAME).version == 2
    assert genai.load_prompt(NAME, version=9, allow_missing=True) is None
    genai.set_prompt_alias(NAME, "Production", 2)
    assert genai.load_prompt(f"prompts:/{NAME}@Production").version == 2
    genai.delete_prompt_alias(NAME, "Production")
    assert client.get_prompt_version_by_alias(NAME, "Production") is None

    genai.set_prompt_tag(NAME, "team", "support")
    assert genai.get_prompt_tags(NAME).items() >= {"team": "support", "author": "Ann"}.items()
    genai.delete_prompt_tag(NAME, "team")
    assert "team" not in genai.get_prompt_tags(NAME)
    genai.set_prompt_version_tag(NAME, 2, "checked", "yes")
    genai.set_prompt_model_config(NAME, 2, {"model_name": "another"})
    changed = genai.load_prompt(NAME, version=2)
    assert (changed.tags, changed.model_config) == ({"checked": "yes"}, {"model_name": "another"})
    genai.delete_prompt_version_tag(NAME, 2, "checked")
    genai.delete_prompt_model_config(NAME, 2)
    changed = genai.load_prompt(NAME, version=2)
    assert (changed.tags, changed.model_config) == ({}, None)

    with pytest.raises(MlflowException, match="still has undeleted versions"):
        client.delete_prompt(NAME)
    assert [version.version for version in client.search_prompt_versions(NAME)] == [2, 1]
    for number in ("1", "2"):
        client.delete_prompt_version(NAME, number)
    client.delete_prompt(NAME)
    assert client.get_prompt(NAME) is None


def test_prompts_are_searched(mlflow: Any, server: Server) -> None:  # noqa: ANN401
    server.make_containers("staging.support")
    inside = "catalog = 'prod' AND schema = 'support'"
    for name in ("greeting", "Farewell", "great_deal"):
        mlflow.genai.register_prompt(f"prod.support.{name}", "x", tags={"kind": name[:5]})
    mlflow.genai.register_prompt("staging.support.greeting", "x")

    def found(more: str = "", **asked: Any) -> list[str]:  # noqa: ANN401
        prompts = mlflow.genai.search_prompts(inside + more, **asked)
        return [prompt.name.rpartition(".")[2] for prompt in prompts]

    assert found() == ["farewell", "great_deal", "greeting"]
    assert found(" AND name LIKE 'Gre%'") == ["great_deal", "greeting"]
    assert found(" AND name ILIKE '%ELL' AND tags.kind = 'Farew'") == ["farewell"]
    assert found(" AND tags.kind = 'great'") == ["great_deal"]
    mlflow.MlflowClient().set_prompt_tag("prod.support.farewell", "_mlflow_experiment_ids", ",71,7,")
    assert found(" AND experiment_id = '7'") == ["farewell"]
    assert found(" AND experiment_id = '17'") == []

    client = mlflow.MlflowClient()
    page = client.search_prompts(inside, max_results=2)
    rest = client.search_prompts(inside, max_results=2, page_token=page.token)
    assert [len(page), len(rest), rest.token] == [2, 1, ""]


def test_a_prompt_is_linked_to_a_run_and_to_a_logged_model(mlflow: Any, server: Server) -> None:  # noqa: ANN401
    prompt = mlflow.genai.register_prompt(NAME, "Hello {{name}}")
    client = mlflow.MlflowClient()
    with mlflow.start_run() as run:
        client.link_prompt_version_to_run(run.info.run_id, prompt)
    model = mlflow.create_external_model("assistant")
    client.link_prompt_version_to_model(NAME, "1", model.model_id)
    with server.client() as admin:
        where = f"/api/2.0/modelyard/prompts/{NAME}/versions/1/links"
        for kind, target in (("run", run.info.run_id), ("model", model.model_id)):
            links = admin.get(where, params={"kind": kind}).raise_for_status().json()["links"]
            assert links == [{"kind": kind, "id": target}]


def test_who_may_register_and_load(mlflow: Any, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:  # noqa: ANN401
    """Each privilege is needed, and one after the other they suffice; the words are those of the documentation."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415  only stories need MLflow

    token = server.make_user("alice@example.com")
    mlflow.genai.register_prompt(NAME, "Hello")
    monkeypatch.setenv("DATABRICKS_TOKEN", token)
    for kind, name, privilege in (
        ("catalog", "prod", "USE CATALOG"),
        ("schema", "prod.support", "USE SCHEMA"),
        ("prompt", NAME, "CREATE Prompt"),  # CREATE MODEL VERSION: MLflow says prompt where a message says so
        ("function", NAME, "EXECUTE"),
    ):
        with pytest.raises(MlflowException, match=f"User does not have {privilege} on .*'{name}'"):
            mlflow.genai.register_prompt(NAME, "Hello again")
        server.grant(kind, name, "alice@example.com", privilege.replace("Prompt", "MODEL VERSION"))
    assert mlflow.genai.register_prompt(NAME, "Hello again").version == 3
    assert mlflow.genai.load_prompt(NAME).template == "Hello again"
    with pytest.raises(MlflowException, match="User does not have MANAGE on Routine or Model"):
        mlflow.genai.set_prompt_alias(NAME, "production", 1)
    with pytest.raises(MlflowException, match="User does not have CREATE MODEL on Schema"):
        mlflow.genai.register_prompt("prod.support.mine", "Hello")
