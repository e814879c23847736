"""Serving, told through the Databricks SDK, MLflow's deployments client and curl: a challenger takes over."""

from __future__ import annotations

import dataclasses
import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import httpx
import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    InvalidParameterValue,
    NotFound,
    PermissionDenied,
    ResourceAlreadyExists,
    ResourceConflict,
)
from databricks.sdk.service.serving import (
    DataframeSplitInput,
    EndpointCoreConfigInput,
    EndpointTag,
    RateLimit,
    RateLimitKey,
    RateLimitRenewalPeriod,
    Route,
    ServedEntityInput,
    ServedModelInput,
    ServingEndpointAccessControlRequest,
    ServingEndpointPermissionLevel,
    TrafficConfig,
)

from tests.serving import (
    ENDPOINTS,
    OURS,
    SCHEMA,
    Load,
    ask,
    change,
    entity,
    invocations,
    numbers,
    scorers,
    settled,
    shares,
)
from tests.support import Server

SDK = "databricks-sdk 0.156"
DEPLOYMENTS = "MLflow 3.17.2, `deployments`"
LONG = 60.0
"""Seconds in which a process comes up, however busy this machine is."""


@pytest.fixture(autouse=True)
def _no_other_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "no-config"))


@pytest.fixture(scope="module")
def server(serving: Server) -> Server:
    return serving


@pytest.fixture
def admin(server: Server) -> WorkspaceClient:
    return WorkspaceClient(host=server.url, token=server.token)


def some(value: Any) -> Any:  # noqa: ANN401  every field of the SDK's answers may be None
    assert value is not None
    return value


def served(model: str, version: str, name: str | None = None) -> ServedEntityInput:
    return ServedEntityInput(
        name=name,
        entity_name=f"{SCHEMA}.{model}",
        entity_version=version,
        workload_size="Small",
        scale_to_zero_enabled=False,
    )


def split(**percentages: int) -> TrafficConfig:
    return TrafficConfig([Route(share, served_entity_name=name) for name, share in percentages.items()])


ONE, TWO, THREE = served("price", "1", "one"), served("price", "2", "two"), served("price", "3", "three")


# The whole of it


@pytest.mark.client(SDK, "serving")
def test_a_challenger_takes_over_and_nobody_notices(server: Server, admin: WorkspaceClient) -> None:
    serving = admin.serving_endpoints
    begins(server, admin)
    serving.update_config_and_wait("shop", served_entities=[ONE, TWO], traffic_config=split(one=90, two=10))
    gets_a_tenth(server)
    keeps_people_on_one_version(server)
    with Load(server, "shop") as load:
        load.go_on()
        for share in (50, 100):
            begun = time.monotonic()
            serving.update_config_and_wait("shop", traffic_config=split(one=100 - share, two=share))
            assert time.monotonic() - begun < 5  # it took effect at once: the SDK did not have to sleep
            load.go_on()
        serving.update_config_and_wait("shop", served_entities=[TWO, THREE], traffic_config=split(two=0, three=100))
        load.go_on()
        serving.update_config_and_wait("shop", served_entities=[THREE], traffic_config=split(three=100))
        load.go_on()
    assert load.bad == []
    assert load.served.keys() == {"one", "two", "three"}
    named = {"one": 1, "two": 2, "three": 3}
    assert all(round(each.factor, 6) == named[each.served] for each in load.heard)
    survives_the_death_of_a_process(server)
    serving.delete("shop")
    with pytest.raises(NotFound):
        serving.get("shop")


def begins(server: Server, admin: WorkspaceClient) -> None:
    """One version, by its alias, which is resolved when the endpoint is made."""
    config = EndpointCoreConfigInput(name="shop", served_entities=[served("price", "@Champion", "one")])
    made = admin.serving_endpoints.create_and_wait("shop", config=config)
    [only] = some(some(made.config).served_entities)
    assert (only.entity_version, only.name) == ("1", "one")
    [old] = some(some(made.config).served_models)
    assert (old.model_name, old.model_version) == (f"{SCHEMA}.price", "1")
    answer = admin.serving_endpoints.query("shop", dataframe_split=DataframeSplitInput(columns=["x"], data=[[7], [8]]))
    assert answer.predictions == pytest.approx([7, 8])
    assert answer.served_model_name == "one"
    with server.client() as client:
        assert client.get(f"{ENDPOINTS}/shop").json()["config"]["served_entities"][0]["entity_alias"] == "Champion"


def gets_a_tenth(server: Server) -> None:
    """Two thousand requests, and a bound that chance passes once in a million times."""
    with Load(server, "shop", most=2_000) as load:
        load.wait()
    assert load.bad == []
    assert len(load.heard) == 2_000
    assert 200 - 66 < load.served["two"] < 200 + 66


def keeps_people_on_one_version(server: Server) -> None:
    """Who was on the challenger at ten per cent is at fifty, and asked twice is asked the same."""
    who = [f"person-{number}" for number in range(200)]

    def seen(client: httpx.Client) -> dict[str, str]:
        return {
            each: ask(client, "shop", numbers(1, client_request_id=each)).headers["served-model-name"] for each in who
        }

    change(server, "shop", sticky_by="client_request_id")
    with server.client() as client:
        first = seen(client)
        assert first == seen(client)
        change(server, "shop", traffic_config=shares(one=50, two=50))
        second = seen(client)
    before, after = ({each for each in who if found[each] == "two"} for found in (first, second))
    assert 2 <= len(before) <= 45
    assert 60 <= len(after) <= 140
    assert before < after
    change(server, "shop", sticky_by="", traffic_config=shares(one=90, two=10))


def survives_the_death_of_a_process(server: Server) -> None:
    """The only process of an entity is killed while it is asked: people wait, and are answered."""
    with Load(server, "shop") as load:
        load.go_on()
        found = scorers(server)
        assert found
        for pid in found:
            os.kill(pid, signal.SIGKILL)
        load.go_on(200, LONG)
    assert load.bad == []
    assert load.slowest < LONG


# The control plane, as the SDK sees it


@pytest.mark.client(SDK, "serving")
def test_what_the_sdk_manages(server: Server, admin: WorkspaceClient) -> None:
    serving = admin.serving_endpoints
    old = ServedModelInput(
        scale_to_zero_enabled=False,
        model_name=f"{SCHEMA}.price",
        model_version="2",
        name="old",
        workload_size="Small",
    )
    serving.create("words", tags=[EndpointTag("team", "pricing")])
    assert str(some(serving.get("words").state).ready).endswith("NOT_READY")
    updated = serving.update_config_and_wait("words", served_models=[old])
    assert some(some(updated.config).served_entities)[0].entity_name == f"{SCHEMA}.price"
    assert "words" in [each.name for each in serving.list()]
    tags = some(serving.patch("words", add_tags=[EndpointTag("tier", "gold")], delete_tags=["team"]).tags)
    assert [(tag.key, tag.value) for tag in tags] == [("tier", "gold")]
    serving.query("words", dataframe_records=[{"x": 1}, {"x": 2}])
    looks_at_what_serves(server, admin)
    is_refused_what_makes_no_sense(admin)
    serving.delete("words")
    assert "words" not in [each.name for each in serving.list()]


def looks_at_what_serves(server: Server, admin: WorkspaceClient) -> None:
    serving = admin.serving_endpoints
    schema = json.loads(some(serving.get_open_api("words").contents).read())
    assert schema["info"]["title"] == "words"
    assert list(schema["paths"]) == ["/served-models/old/invocations"]
    metrics = some(serving.export_metrics("words").contents).read().decode()
    assert 'request_count_total{endpoint_name="words",served_model_name="old"} 1 ' in metrics
    assert "process" in some(serving.logs("words", "old").logs)
    assert serving.build_logs("words", "old").logs is not None
    with server.client() as client:
        told = client.get(f"{OURS}/words/statistics").raise_for_status().json()["served_entities"]
        assert [(each["name"], each["requests"], each["version"]) for each in told] == [("old", 1, f"{SCHEMA}.price/2")]
        whole = client.get("/metrics").raise_for_status().text
    assert 'modelyard_serving_requests_total{endpoint="words",served_entity="old",status="2xx"} 1.0' in whole


def is_refused_what_makes_no_sense(admin: WorkspaceClient) -> None:
    serving = admin.serving_endpoints
    with pytest.raises(ResourceAlreadyExists, match="'words' already exists"):
        serving.create("words")
    with pytest.raises(InvalidParameterValue, match="100"):
        serving.update_config("words", served_entities=[ONE, TWO], traffic_config=split(one=90, two=20))
    with pytest.raises(NotFound):
        serving.update_config("words", served_entities=[served("price", "99", "none")])
    with pytest.raises(NotFound):
        serving.update_config("words", served_entities=[served("nothing", "1", "none")])
    with pytest.raises(InvalidParameterValue):
        serving.query("words", dataframe_records=[{"y": 1}])
    with pytest.raises(NotFound):
        serving.query("nowhere", dataframe_records=[{"x": 1}])
    serving.update_config("words", served_entities=[THREE], traffic_config=split(three=100))
    with pytest.raises(ResourceConflict):
        serving.update_config("words", served_entities=[ONE], traffic_config=split(one=100))


# Who may


@pytest.mark.client(SDK, "serving")
def test_who_may_ask_and_who_may_not(
    server: Server, admin: WorkspaceClient, endpoint: Callable[..., dict[str, Any]]
) -> None:
    made = endpoint("guarded", entity("price", 1, "one"))
    people = {name: server.make_user(f"{name}@example.com") for name in ("viewer", "asker", "stranger")}
    serving = {name: WorkspaceClient(host=server.url, token=token).serving_endpoints for name, token in people.items()}
    levels = some(admin.serving_endpoints.get_permission_levels(made["id"]).permission_levels)
    assert [some(each.permission_level).value for each in levels] == ["CAN_VIEW", "CAN_QUERY", "CAN_MANAGE"]
    permit(admin.serving_endpoints.set_permissions, made["id"], "viewer", ServingEndpointPermissionLevel.CAN_VIEW)
    permit(admin.serving_endpoints.update_permissions, made["id"], "asker", ServingEndpointPermissionLevel.CAN_QUERY)
    listed = some(admin.serving_endpoints.get_permissions(made["id"]).access_control_list)
    assert {each.user_name for each in listed} >= {"viewer@example.com", "asker@example.com"}

    assert serving["asker"].query("guarded", dataframe_records=[{"x": 2}]).predictions == pytest.approx([2])
    assert [each.name for each in serving["viewer"].list()] == ["guarded"]
    with pytest.raises(PermissionDenied):
        serving["viewer"].query("guarded", dataframe_records=[{"x": 2}])
    with pytest.raises(PermissionDenied):
        serving["asker"].update_config("guarded", served_entities=[TWO])
    with pytest.raises(PermissionDenied):
        serving["asker"].get_permissions(made["id"])
    assert list(serving["stranger"].list()) == []
    for look in (serving["stranger"].get, lambda name: serving["stranger"].query(name, dataframe_records=[{"x": 2}])):
        with pytest.raises(NotFound):
            look("guarded")
    config = EndpointCoreConfigInput(name="mine", served_entities=[ONE])
    with pytest.raises(PermissionDenied):  # serving runs code, and that is a privilege of its own
        serving["stranger"].create("mine", config=config)
    revoked_tokens_are_refused_within_a_second(server, people["asker"])


def permit(how: Callable[..., Any], id_: str, name: str, level: ServingEndpointPermissionLevel) -> None:
    request = ServingEndpointAccessControlRequest(permission_level=level, user_name=f"{name}@example.com")
    how(id_, access_control_list=[request])


def revoked_tokens_are_refused_within_a_second(server: Server, token: str) -> None:
    with server.client() as admin, server.client(token) as asker:
        held = asker.get("/api/2.0/token/list").raise_for_status().json()["token_infos"][0]["token_id"]
        assert ask(asker, "guarded", numbers(1)).is_success  # what the gate said is remembered for a second
        admin.delete(f"/api/2.0/token-management/tokens/{held}").raise_for_status()
        time.sleep(1)
        assert ask(asker, "guarded", numbers(1)).status_code == 401


# MLflow's deployments client


@pytest.mark.client(DEPLOYMENTS, "serving")
@pytest.mark.filterwarnings("ignore::UserWarning", "ignore::FutureWarning")
def test_mlflow_deploys_and_asks(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    from mlflow.deployments import get_deploy_client  # noqa: PLC0415  only this story needs it

    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    client: Any = get_deploy_client("databricks")
    assert "deployed" not in [each["name"] for each in client.list_endpoints()]
    config = {"served_entities": [entity("price", 1, "one")], "traffic_config": shares(one=100)}
    assert client.create_endpoint(config={"name": "deployed", "config": config})["name"] == "deployed"
    settled(server, "deployed")
    assert client.get_endpoint("deployed")["state"]["ready"] == "READY"
    assert client.predict(endpoint="deployed", inputs=numbers(3))["predictions"] == pytest.approx([3])
    both = [entity("price", 1, "one"), entity("speaker", 1, "speaker")]
    client.update_endpoint_config("deployed", {"served_entities": both, "traffic_config": shares(one=0, speaker=100)})
    settled(server, "deployed")
    assert client.predict(endpoint="deployed", inputs=numbers(3))["predictions"] == ["whole"]
    pieces = list(client.predict_stream(endpoint="deployed", inputs=numbers(3)))
    assert [piece["n"] for piece in pieces] == [0, 1, 2]
    tagged = client.update_endpoint_tags("deployed", {"add_tags": [{"key": "team", "value": "pricing"}]})
    assert tagged["tags"] == [{"key": "team", "value": "pricing"}]
    limit = {"calls": 1000, "key": "endpoint", "renewal_period": "minute"}
    assert client.update_endpoint_rate_limits("deployed", {"rate_limits": [limit]})["rate_limits"] == [limit]
    assert "deployed" in [each["name"] for each in client.list_endpoints()]
    client.delete_endpoint("deployed")
    assert "deployed" not in [each["name"] for each in client.list_endpoints()]


# curl


@dataclasses.dataclass
class Curl:
    """Debian's curl, as somebody types it."""

    server: Server

    def __call__(self, path: str, said: str, *options: str) -> tuple[int, dict[str, str], Any]:
        """Status, headers and body of an answer to a question."""
        told = ["-H", f"Authorization: Bearer {self.server.token}", "-H", "Content-Type: application/json"]
        command = ["curl", "-sS", "-i", *told, *options, "--data-binary", "@-", self.server.url + path]
        done = subprocess.run(command, input=said.encode(), capture_output=True, check=True, timeout=100)
        head, _, body = done.stdout.decode().replace("HTTP/1.1 100 Continue\r\n\r\n", "").partition("\r\n\r\n")
        status, *lines = head.split("\r\n")
        headers = {name.lower(): value for name, _, value in (line.partition(": ") for line in lines)}
        return int(status.split()[1]), headers, json.loads(body)


@pytest.mark.client("curl", "serving")
@pytest.mark.skipif(not shutil.which("curl"), reason="curl is not installed")
def test_curl_sees_each_refusal(server: Server, endpoint: Callable[..., dict[str, Any]]) -> None:
    endpoint("plain", entity("price", 1, "one"), entity("price", 2, "two"), traffic_config=shares(one=100, two=0))
    curl, question = Curl(server), json.dumps(numbers(5))
    status, headers, body = curl(invocations("plain"), question)
    assert (status, headers["served-model-name"]) == (200, "one")
    assert body["predictions"] == pytest.approx([5])
    assert len(headers["x-request-id"]) == 32
    _, headers, body = curl(invocations("plain", "two"), question)
    assert (headers["served-model-name"], body["predictions"]) == ("two", pytest.approx([10]))
    refused = {
        (invocations("nowhere"), question): (404, "RESOURCE_DOES_NOT_EXIST"),
        (invocations("plain", "three"), question): (404, "RESOURCE_DOES_NOT_EXIST"),
        (invocations("plain"), "{"): (400, "BAD_REQUEST"),
        (invocations("plain"), " " * ((16 << 20) + 1)): (413, "REQUEST_LIMIT_EXCEEDED"),
    }
    for (path, said), expected in refused.items():
        status, _, body = curl(path, said)
        assert (status, body["error_code"]) == expected
    is_limited(server, curl, question)
    is_stopped(server, curl, question)


def is_limited(server: Server, curl: Curl, question: str) -> None:
    client = WorkspaceClient(host=server.url, token=server.token).serving_endpoints
    client.put(
        "plain",
        rate_limits=[RateLimit(calls=1, key=RateLimitKey.ENDPOINT, renewal_period=RateLimitRenewalPeriod.MINUTE)],
    )
    answers = [curl(invocations("plain"), question) for _ in range(3)]  # a minute may begin between two of them
    status, headers, body = next(each for each in answers if each[0] != 200)
    assert (status, body["error_code"]) == (429, "RESOURCE_EXHAUSTED")
    assert 1 <= int(headers["retry-after"]) <= 60
    client.put("plain", rate_limits=[])
    assert curl(invocations("plain"), question)[0] == 200


def is_stopped(server: Server, curl: Curl, question: str) -> None:
    with server.client() as client:
        client.post(f"{ENDPOINTS}/plain/stop").raise_for_status()
        status, _, body = curl(invocations("plain"), question)
        assert status == 400
        assert "stopped" in body["message"]
        client.post(f"{ENDPOINTS}/plain/start").raise_for_status()
    settled(server, "plain")
    assert curl(invocations("plain"), question)[0] == 200
