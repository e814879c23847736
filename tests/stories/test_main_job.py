"""The main job, told by unmodified MLflow in the words of the README."""

from __future__ import annotations

import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from tests.support import Server

README = Path(__file__).parents[2] / "README.md"
SOURCE = "staging.ml_team.fraud_detection"
TARGET = "prod.ml_team.fraud_detection"


def python_blocks() -> list[str]:
    """The README's Python: register, promote, load."""
    return re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)


class Person:
    """Somebody at a terminal, with nothing but the two variables set."""

    def __init__(self, server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
        self._server = server
        self._monkeypatch = monkeypatch

    def becomes(self, token: str | None = None) -> None:
        for name, value in self._server.environment(token).items():
            self._monkeypatch.setenv(name, value)


@pytest.fixture
def person_at(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> Callable[[Server], Person]:
    def arrive(server: Server) -> Person:
        monkeypatch.chdir(tmp_path)
        person = Person(server, monkeypatch)
        person.becomes()
        return person

    return arrive


def register(words: dict[str, Any]) -> None:
    exec(python_blocks()[0], words)  # noqa: S102  the README is ours


@pytest.mark.client("MLflow 3.17.2, `databricks-uc`", "register", "promote", "aliases", "load")
@pytest.mark.parametrize("presigned", ["false", "true"], ids=["sdk-files", "presigned"])
def test_the_readme_registers_promotes_and_loads(
    start_server: Callable[..., Server],
    database: str,
    person_at: Callable[[Server], Person],
    presigned: str,
) -> None:
    server = start_server(database, presigned=presigned)
    server.make_containers("staging.ml_team", "prod.ml_team")
    person_at(server)
    words: dict[str, Any] = {}
    for block in python_blocks():
        exec(block, words)  # noqa: S102  the README is ours
    expected = words["model"].predict(words["features"])
    assert (words["champion"].predict(words["features"]) == expected).all()
    assert words["copied"].version == "1"
    assert words["copied"].source == f"models:/{SOURCE}/1"


GRANTS = {
    "staging": ("catalog", "USE_CATALOG"),
    "staging.ml_team": ("schema", "USE_SCHEMA"),
    SOURCE: ("function", "EXECUTE"),
    "prod": ("catalog", "USE_CATALOG"),
    "prod.ml_team": ("schema", "USE_SCHEMA"),
}


def promote() -> dict[str, Any]:
    words: dict[str, Any] = {}
    exec(python_blocks()[1], words)  # noqa: S102  the README is ours
    return words


def test_who_may_promote(server: Server, person_at: Callable[[Server], Person]) -> None:
    """Each documented privilege is needed; ownership through a group suffices; CREATE MODEL VERSION only copies."""
    from mlflow.exceptions import MlflowException  # noqa: PLC0415  only stories need MLflow

    server.make_containers("staging.ml_team", "prod.ml_team")
    person = person_at(server)
    register({})
    alice = server.make_user("alice@example.com")
    person.becomes(alice)
    for name, (kind, privilege) in GRANTS.items():
        with pytest.raises(MlflowException, match=f"does not have {privilege.replace('_', ' ')} on .*'{name}'"):
            promote()
        server.grant(kind, name, "alice@example.com", privilege)
    with pytest.raises(MlflowException, match=r"does not have CREATE MODEL on Schema 'prod.ml_team'"):
        promote()

    person.becomes()
    assert promote()["copied"].version == "1"

    server.grant("function", TARGET, "alice@example.com", "CREATE_MODEL_VERSION")
    person.becomes(alice)
    with pytest.raises(MlflowException, match=f"does not have EXECUTE on Routine or Model '{TARGET}'"):
        promote()
    server.grant("function", TARGET, "alice@example.com", "EXECUTE")
    with pytest.raises(MlflowException, match=f"does not have MANAGE on Routine or Model '{TARGET}'"):
        promote()

    give_to_group(server, "ml-ops", "alice@example.com")
    assert promote()["copied"].version == "4"


def give_to_group(server: Server, group: str, member: str) -> None:
    with server.client() as admin:
        found = admin.get("/api/2.0/preview/scim/v2/Users", params={"filter": f'userName eq "{member}"'}).json()
        said = {"displayName": group, "members": [{"value": found["Resources"][0]["id"]}]}
        admin.post("/api/2.0/preview/scim/v2/Groups", json=said).raise_for_status()
        admin.patch(f"/api/2.1/unity-catalog/models/{TARGET}", json={"owner": group}).raise_for_status()


def apply_advice(server: Server, role: str, model: str, principal: str, source: str = "") -> int:
    """Make the grants that the preflight of a role prints; how many privileges they are."""
    said = {"role": role, "model": model, "principal": principal, "source": source}
    with server.client() as admin:
        advice = admin.get("/api/2.0/modelyard/preflight", params=said).raise_for_status().json()["grants"]
        for grant in advice:
            path = f"permissions/{grant['securable_type']}/{grant['full_name']}"
            admin.patch(f"/api/2.1/unity-catalog/{path}", json={"changes": grant["changes"]}).raise_for_status()
    return sum(len(change["add"]) for grant in advice for change in grant["changes"])


def test_the_grants_that_a_preflight_prints_are_enough_for_mlflow(
    sqlite_server: Server, person_at: Callable[[Server], Person]
) -> None:
    """Four programs with nothing but what their roles take: to train, to promote, to load, to move an alias."""
    from mlflow import MlflowClient  # noqa: PLC0415  only stories need MLflow
    from mlflow.exceptions import MlflowException  # noqa: PLC0415  as above

    server = sqlite_server
    server.make_containers("staging.ml_team", "prod.ml_team")
    person = person_at(server)
    tokens = {name: server.make_user(name) for name in ("trainer", "promoter", "app", "deployer")}

    assert apply_advice(server, "training", SOURCE, "trainer") == 3
    person.becomes(tokens["trainer"])
    words: dict[str, Any] = {}
    register(words)

    person.becomes(tokens["promoter"])
    with pytest.raises(MlflowException, match="User does not have USE CATALOG"):
        promote()
    assert apply_advice(server, "promotion", TARGET, "promoter", SOURCE) == 6
    assert promote()["copied"].version == "1"

    person.becomes(tokens["app"])
    with pytest.raises(MlflowException, match="User does not have USE CATALOG"):
        exec(python_blocks()[2], words)  # noqa: S102  the README is ours
    assert apply_advice(server, "inference", TARGET, "app") == 3
    exec(python_blocks()[2], words)  # noqa: S102  the README is ours
    assert len(words["champion"].predict(words["features"])) == len(words["features"])

    person.becomes(tokens["deployer"])
    assert apply_advice(server, "deployment", TARGET, "deployer") == 4
    MlflowClient().set_registered_model_alias(TARGET, "Challenger", "1")
    assert MlflowClient().get_model_version_by_alias(TARGET, "Challenger").version == "1"
