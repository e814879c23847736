"""Tracking on the wire: every route of MLflow's server that is reachable, asked by everybody, with everybody's ids."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from typing import Any

import pytest

from modelyard.app import ROWS
from modelyard.surfaces.wire import Flow, Relay
from tests.support import Server
from tests.surfaces.world import check_no_leak
from tests.tracking import API, Somebody, admin, permit, somebody

RELAYS = [row for row in ROWS if isinstance(row, Relay)]
NEVER = "f" * 32
LOCATION = {"type": "MLFLOW_EXPERIMENT"}


@dataclass(frozen=True)
class Things:
    """What somebody has in an experiment."""

    experiment: str
    run: str
    model: str
    trace: str


class Scene:
    """A server with two owners, each with things of their own, and others who were permitted some of Ann's."""

    def __init__(self, server: Server) -> None:
        self.server = server
        self.everybody = [admin(server), replace(admin(server), client=server.client(""))]
        self.admin, self.stranger = self.everybody
        self.ann, self.bob = self.new("ann"), self.new("bob")
        self.reader, self.editor, self.manager = self.new("reader"), self.new("editor"), self.new("manager")
        self.anns, self.bobs = self.things(self.ann, "ann's"), self.things(self.bob, "bob's")
        levels = {"reader": "CAN_READ", "editor": "CAN_EDIT", "manager": "CAN_MANAGE"}
        permit(server, self.anns.experiment, **levels)

    def new(self, name: str) -> Somebody:
        """A new user."""
        self.everybody.append(somebody(self.server, f"{name}@example.com"))
        return self.everybody[-1]

    def close(self) -> None:
        for each in self.everybody:
            each.client.close()

    def things(self, who: Somebody, name: str) -> Things:
        experiment = who.experiment(name)
        trace = f"tr-{experiment}{'0' * 20}"
        who.trace(experiment, trace).raise_for_status()
        run = who.run(experiment)
        data = {"name": f"data of {run}", "digest": "d", "source_type": "local", "source": "s"}
        who.post("runs/log-inputs", run_id=run, datasets=[{"dataset": data, "tags": []}])
        return Things(experiment, run, who.model(experiment), trace)


@pytest.fixture(scope="module")
def scene(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Scene]:
    server = Server(tmp_path_factory.mktemp("tracking") / "data").start()
    made = Scene(server)
    yield made
    made.close()
    server.stop()


@pytest.fixture(scope="module")
def untouched(scene: Scene) -> tuple[Things, Things]:
    """Things of Ann's and of Bob's that no other test changes or deletes."""
    return scene.things(scene.ann, "ann's untouched"), scene.things(scene.bob, "bob's untouched")


def asked(row: Relay, things: Things, fresh: str) -> tuple[str, dict[str, Any]]:
    """The address of a row, and words that name these things wherever it takes a name."""
    place = {**LOCATION, "mlflow_experiment": {"experiment_id": things.experiment}}
    metric = {"key": "m", "value": 1.0, "timestamp": 1, "step": 0}
    words: dict[str, Any] = {
        "experiment_id": things.experiment,
        "experiment_ids": [things.experiment],
        "run_id": things.run,
        "run_ids": [things.run],
        "model_id": things.model,
        "trace_id": things.trace,
        "trace_ids": [things.trace],
        "request_ids": [things.trace],
        "locations": [place],
        "key": "k",
        "value": "1",
        "tag_key": "k",
        "metric_key": "m",
        "timestamp": 1,
        "step": 0,
        "name": fresh,
        "new_name": fresh,
        "metrics": [metric],
        "models": [{"model_id": things.model}],
        "tags": [{"key": "k", "value": "v"}],
        "params": [{"key": fresh, "value": "1"}],
        "status": "FINISHED" if "runs" in row.path else "LOGGED_MODEL_READY",
        "model_json": json.dumps({"artifact_path": "m", "flavors": {}, "utc_time_created": "x", "run_id": things.run}),
        "trace": {"trace_info": {"trace_id": things.trace, "trace_location": place, "state": "OK"}},
        "assessment_id": "a-1",
        "assessment": {"assessment_name": "x", "trace_id": things.trace, "feedback": {"value": 1}},
        "max_results": 10,
        "path": "static/js/main.js",
    }
    if row.path.endswith("get-history-bulk"):
        words["run_id"] = [things.run]
    fields = set(row.said.__struct_fields__)
    said = {name: value for name, value in words.items() if name in fields and value is not None}
    url = re.sub(r"\{(\w+)(?::rest)?\}", lambda found: str(words[found[1]]), row.path)
    in_path = set(re.findall(r"\{(\w+)", row.path))
    return url, {name: value for name, value in said.items() if name not in in_path}


def send(who: Somebody, row: Relay, things: Things) -> Any:  # noqa: ANN401  an answer
    url, said = asked(row, things, f"fresh {time.time_ns()}")
    answer = who.ask(row.method, url, **said)
    check_no_leak(answer.text)
    return answer


def needs(row: Relay) -> str:
    """The level that a row takes, by a rule of its own."""
    if row.command:
        return "CAN_MANAGE"
    looking = re.search(r"/(get|search|batch\w+|get-history\S*|search-datasets)$", row.path)
    return "CAN_READ" if row.method == "GET" or looking else "CAN_EDIT"


def tag(who: Somebody, things: Things) -> None:
    """Set the tag `k` on everything, so that it can be deleted."""
    said = {"key": "k", "value": "v"}
    who.post("experiments/set-experiment-tag", experiment_id=things.experiment, **said)
    who.post("runs/set-tag", run_id=things.run, **said)
    who.ask("PATCH", f"{API}/logged-models/{things.model}/tags", tags=[said]).raise_for_status()
    who.ask("PATCH", f"{API}/traces/{things.trace}/tags", **said).raise_for_status()


MAY = {"reader": {"CAN_READ"}, "editor": {"CAN_READ", "CAN_EDIT"}}
EVERYTHING = {"CAN_READ", "CAN_EDIT", "CAN_MANAGE"}
PLAIN = [row for row in RELAYS if row.flow is Flow.PLAIN]
OF_CLIENTS = [
    pytest.param(row, marks=pytest.mark.full if row.path.startswith("/mlflow/") else (), id=f"{row.method} {row.path}")
    for row in PLAIN
]
"""Those of MLflow's page are the same ones once more: they are swept in the long run."""


def name_of(row: Relay) -> str:
    return f"{row.method} {row.path}"


@pytest.mark.parametrize("row", RELAYS, ids=name_of)
def test_without_a_token_nobody_is_answered(scene: Scene, row: Relay) -> None:
    answer = send(scene.stranger, row, scene.anns)
    assert (answer.status_code, answer.json()["error_code"]) == (401, "UNAUTHENTICATED")


@pytest.mark.parametrize("row", PLAIN, ids=name_of)
def test_a_stranger_is_told_the_same_of_what_is_hidden_and_what_is_not_there(scene: Scene, row: Relay) -> None:
    answer = send(scene.bob, row, scene.anns)
    assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST"), answer.text
    nowhere = Things("999999", NEVER, f"m-{NEVER}", f"tr-{NEVER}")
    missing = send(scene.bob, row, nowhere)
    assert missing.status_code == 404
    told, expected = answer.json()["message"], missing.json()["message"]
    for one, other in zip(vars_of(scene.anns), vars_of(nowhere), strict=True):
        told, expected = told.replace(one, "it"), expected.replace(other, "it")
    assert told == expected


def vars_of(things: Things) -> tuple[str, ...]:
    return (things.trace, things.model, things.run, f"'{things.experiment}'")


@pytest.mark.parametrize("row", OF_CLIENTS)
def test_each_level_lets_through_what_it_stands_for(scene: Scene, row: Relay) -> None:
    wanted = needs(row)
    things = scene.things(scene.ann, f"levels {name_of(row)} {time.time_ns()}")
    permit(scene.server, things.experiment, reader="CAN_READ", editor="CAN_EDIT", manager="CAN_MANAGE")
    if "tag" in row.path:
        tag(scene.ann, things)
    for who in (scene.reader, scene.editor):
        if wanted not in MAY[who.name.partition("@")[0]]:
            answer = send(who, row, things)
            assert (answer.status_code, answer.json()["error_code"]) == (403, "PERMISSION_DENIED"), answer.text
            assert wanted.replace("_", " ") in answer.json()["message"]
    allowed = {"CAN_READ": scene.reader, "CAN_EDIT": scene.editor, "CAN_MANAGE": scene.manager}[wanted]
    answer = send(allowed, row, things)
    assert answer.status_code not in {401, 403}, answer.text
    assert answer.is_success or "assessments/" in row.path or "/restore" in row.path, answer.text


@pytest.mark.parametrize("row", [row for row in RELAYS if row.flow is Flow.NARROWED], ids=name_of)
def test_searches_pass_over_what_is_hidden(scene: Scene, untouched: tuple[Things, Things], row: Relay) -> None:
    anns, bobs = untouched
    assert send(scene.bob, row, anns).json() == {}
    url, said = asked(row, anns, "x")
    both = scene.bob.ask(row.method, url, **_joined(said, asked(row, bobs, "x")[1])).raise_for_status()
    for hidden in (anns.run, anns.model, anns.trace, f"data of {anns.run}"):
        assert hidden not in both.text
    assert any(own in both.text for own in (bobs.run, bobs.model, bobs.trace, f"data of {bobs.run}")), both.text


def _joined(one: dict[str, Any], other: dict[str, Any]) -> dict[str, Any]:
    names = ("experiment_ids", "locations")
    return {**one, **{name: one[name] + other[name] for name in names if name in one}}


MIXED = [
    ("POST", "runs/log-batch", lambda a, b: {"run_id": a.run, "metrics": [metric(model_id=b.model)]}),
    ("POST", "runs/log-batch", lambda a, b: {"run_id": a.run, "metrics": [metric(run_id=b.run)]}),
    ("POST", "runs/log-metric", lambda a, b: {"run_id": a.run, **metric(model_id=b.model)}),
    ("POST", "runs/outputs", lambda a, b: {"run_id": a.run, "models": [{"model_id": b.model, "step": 1}]}),
    ("POST", "runs/log-inputs", lambda a, b: {"run_id": a.run, "models": [{"model_id": b.model}]}),
    ("POST", "logged-models", lambda a, b: {"experiment_id": a.experiment, "name": "x", "source_run_id": b.run}),
    ("POST", "traces/link-to-run", lambda a, b: {"run_id": a.run, "trace_ids": [a.trace, b.trace]}),
    (
        "POST",
        "traces/delete-traces",
        lambda a, b: {"experiment_id": a.experiment, "request_ids": [a.trace, b.trace]},
    ),
    ("GET", "metrics/get-history-bulk-interval", lambda a, b: {"run_ids": [a.run, b.run], "metric_key": "m"}),
    ("GET", "runs/get", lambda _a, b: {"run_id": b.run, "run_uuid": b.run}),
]


def metric(**more: str) -> dict[str, Any]:
    return {"key": "k", "value": 1.0, "timestamp": 1, "step": 0, **more}


@pytest.mark.parametrize(("method", "path", "words"), MIXED)
def test_one_thing_of_somebody_else_in_a_batch_refuses_it_whole(
    scene: Scene, method: str, path: str, words: Callable[[Things, Things], dict[str, Any]]
) -> None:
    answer = scene.bob.ask(method, f"{API}/{path}", **words(scene.bobs, scene.anns))
    assert (answer.status_code, answer.json()["error_code"]) == (404, "RESOURCE_DOES_NOT_EXIST"), answer.text
    assert scene.bob.ask(method, f"{API}/{path}", **words(scene.bobs, scene.bobs)).status_code in {200, 400}


@pytest.mark.parametrize(
    "body",
    [
        '{"run_id": "%(mine)s", "runId": "%(theirs)s", "key": "k", "value": "stolen"}',
        '{"run_id": "%(theirs)s", "run_id": "%(mine)s", "key": "k", "value": "v"}',
        '{"run_id": "%(mine)s", "run_uuid": "%(theirs)s", "key": "k", "value": "stolen"}',
        '{"run_uuid": "%(theirs)s", "key": "k", "value": "stolen"}',
        '{"runId": "%(theirs)s", "key": "k", "value": "stolen"}',
        '{"run_id": ["%(theirs)s"], "key": "k", "value": "stolen"}',
        '{"run_id": null, "key": "k", "value": "stolen"}',
        '{"run_id": "%(theirs)s\\u0000", "key": "k", "value": "stolen"}',
        '{"run_id": "../%(theirs)s", "key": "k", "value": "stolen"}',
    ],
)
def test_no_second_spelling_of_a_name_reaches_what_is_hidden(scene: Scene, body: str) -> None:
    content = body % {"mine": scene.bobs.run, "theirs": scene.anns.run}
    headers = {"content-type": "application/json"}
    answer = scene.bob.client.post(f"{API}/runs/set-tag", content=content, headers=headers)
    assert answer.status_code in {200, 400, 404}
    query = {"run_id": scene.anns.run}
    scene.bob.client.post(
        f"{API}/runs/set-tag", params=query, json={"run_id": scene.bobs.run, "key": "q", "value": "v"}
    )
    tags = scene.ann.get("runs/get", run_id=scene.anns.run)["run"]["data"].get("tags", [])
    assert not [tag for tag in tags if tag["value"] == "stolen" or tag["key"] == "q"]


def test_a_trace_cannot_be_taken_over_by_its_id(scene: Scene) -> None:
    answer = scene.bob.trace(scene.bobs.experiment, scene.anns.trace)
    assert answer.status_code == 404
    found = scene.ann.ask("GET", f"/api/3.0/mlflow/traces/{scene.anns.trace}").raise_for_status().json()
    place = found["trace"]["trace_info"]["trace_location"]
    assert place["mlflow_experiment"]["experiment_id"] == scene.anns.experiment


@pytest.mark.parametrize(
    "path",
    [
        "/mlflow/ajax-api/2.0/mlflow/registered-models/search",
        "/api/2.0/mlflow/webhooks",
        "/api/3.0/mlflow/gateway/secrets/list",
        "/api/3.0/mlflow/jobs/1",
        "/ajax-api/2.0/mlflow/experiments/search",
        "/mlflow/ajax-api/2.0/mlflow/gateway-proxy",
        "/mlflow/ajax-api/3.0/mlflow/assistant",
        "/graphql",
        "/get-artifact",
        "/v1/traces",
        "/metrics/x",
        "/api/2.0/mlflow/runs/get/",
        "/api/2.0/mlflow/runs/../webhooks",
        "/api/2.0/mlflow/runs%2Fget",
        "/api/2.0/mlflow/../../mlflow/health",
    ],
)
def test_nothing_else_of_the_tracking_server_is_reachable(scene: Scene, path: str) -> None:
    for method in ("GET", "POST"):
        answer = scene.admin.client.request(method, path)
        assert (answer.status_code, answer.json()["error_code"]) == (404, "ENDPOINT_NOT_FOUND"), answer.text


def test_experiments_are_listed_to_those_who_see_them_page_by_page(scene: Scene) -> None:
    eve = scene.new(f"eve{time.time_ns()}")
    mine = [eve.experiment(f"eve's {place} {time.time_ns()}") for place in range(3)]
    found, token = list[str](), None
    while True:
        page = eve.post("experiments/search", max_results=2, **({"page_token": token} if token else {}))
        found += [each["experiment_id"] for each in page["experiments"]]
        assert len(page["experiments"]) <= 2
        token = page.get("next_page_token")
        if not token:
            break
    assert sorted(found) == sorted(mine)
    everything = scene.admin.post("experiments/search", max_results=1_000)["experiments"]
    assert {scene.anns.experiment, scene.bobs.experiment, *mine} <= {each["experiment_id"] for each in everything}
    assert "0" not in {each["experiment_id"] for each in everything}, "that of nobody is not shown"


def test_a_name_is_found_by_those_who_see_it_and_taken_for_the_others(scene: Scene) -> None:
    assert scene.reader.get("experiments/get-by-name", experiment_name="ann's")["experiment"]["name"] == "ann's"
    hidden = scene.bob.ask("GET", f"{API}/experiments/get-by-name", experiment_name="ann's")
    missing = scene.bob.ask("GET", f"{API}/experiments/get-by-name", experiment_name="nobody's")
    assert hidden.status_code == missing.status_code == 404
    assert hidden.json()["message"].replace("ann's", "it") == missing.json()["message"].replace("nobody's", "it")
    taken = scene.bob.ask("POST", f"{API}/experiments/create", name="ann's")
    assert (taken.status_code, taken.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")
    default = scene.bob.ask("POST", f"{API}/experiments/create", name="Default")
    assert (default.status_code, default.json()["error_code"]) == (400, "RESOURCE_ALREADY_EXISTS")


def test_whoever_names_no_experiment_has_one_of_its_own(scene: Scene) -> None:
    first, second = scene.ann.run("0"), scene.bob.run("0")
    one = scene.ann.get("runs/get", run_id=first)["run"]["info"]["experiment_id"]
    other = scene.bob.get("runs/get", run_id=second)["run"]["info"]["experiment_id"]
    assert "0" not in {one, other}
    assert one != other
    assert scene.ann.get("experiments/get", experiment_id="0")["experiment"]["name"] == "/Users/ann@example.com/Default"
    assert scene.ann.ask("GET", f"{API}/runs/get", run_id=second).status_code == 404
    found = scene.ann.post("runs/search", experiment_ids=["0"])["runs"]
    assert [run["info"]["run_id"] for run in found] == [first]


@pytest.mark.parametrize(
    ("path", "said", "status"),
    [
        ("runs/log-batch", {"metrics": [metric()] * 10_000}, 400),
        ("runs/log-batch", {"metrics": "many"}, 400),
        ("runs/log-batch", {"params": [{"key": "p" * 10_000, "value": "x"}]}, 400),
        ("runs/log-metric", {"key": "m", "value": "NaN", "timestamp": 1}, 200),
        ("runs/set-tag", {"key": "ü" * 100, "value": "\U0001f600"}, 200),
        ("runs/set-tag", {}, 400),
    ],
)
def test_bad_input_is_a_bad_request(scene: Scene, path: str, said: dict[str, Any], status: int) -> None:
    answer = scene.bob.ask("POST", f"{API}/{path}", run_id=scene.bobs.run, **said)
    assert answer.status_code == status, answer.text
    check_no_leak(answer.text)


def test_bodies_that_are_no_requests_are_refused(scene: Scene) -> None:
    for content in (b"", b"[]", b"\xff", b"{", b'{"run_id": ' + b"[" * 5_000):
        answer = scene.bob.client.post(f"{API}/runs/log-batch", content=content)
        assert answer.status_code == 400, answer.text
    large = scene.bob.client.post(f"{API}/runs/log-batch", content=b'{"run_id": "' + b"x" * (17 << 20) + b'"}')
    assert large.status_code == 400


def test_places_of_artifacts_and_the_servers_own_tags_are_not_the_clients_to_choose(scene: Scene) -> None:
    said = {"name": "elsewhere", "artifact_location": "s3://mine"}
    assert scene.bob.ask("POST", f"{API}/experiments/create", **said).status_code == 400
    tags = [{"key": "modelyard.experiment", "value": "x"}]
    assert scene.bob.ask("POST", f"{API}/experiments/create", name="tagged", tags=tags).status_code == 400
    tag = {"experiment_id": scene.bobs.experiment, "key": "modelyard.experiment", "value": "x"}
    assert scene.bob.ask("POST", f"{API}/experiments/set-experiment-tag", **tag).status_code == 400


def test_a_deleted_experiment_comes_back_with_its_permissions(scene: Scene) -> None:
    made = scene.ann.experiment("to be deleted")
    permit(scene.server, made, reader="CAN_READ")
    for path in ("experiments/delete", "experiments/restore"):
        assert scene.reader.ask("POST", f"{API}/{path}", experiment_id=made).status_code == 403
        scene.ann.post(path, experiment_id=made)
    scene.ann.post("experiments/update", experiment_id=made, new_name="renamed")
    assert scene.reader.get("experiments/get-by-name", experiment_name="renamed")["experiment"]["experiment_id"] == made
    assert scene.reader.ask("GET", f"{API}/experiments/get-by-name", experiment_name="to be deleted").status_code == 404


def test_a_permission_that_is_taken_away_counts_at_once(scene: Scene) -> None:
    made = scene.ann.experiment("soon closed")
    run = scene.ann.run(made)
    permit(scene.server, made, reader="CAN_READ")
    scene.reader.get("runs/get", run_id=run)
    permit(scene.server, made)
    time.sleep(1.05)  # as long as docs/tracking.md says that it may take
    assert scene.reader.ask("GET", f"{API}/runs/get", run_id=run).status_code == 404


def test_permissions_name_the_experiment_as_clients_do(scene: Scene) -> None:
    path = f"/api/2.0/permissions/experiments/{scene.anns.experiment}"
    told = scene.ann.ask("GET", path).raise_for_status().json()
    assert (told["object_id"], told["object_type"]) == (f"/experiments/{scene.anns.experiment}", "mlflowExperiment")
    levels = {
        each.get("user_name") or each.get("group_name"): each["all_permissions"][0]["permission_level"]
        for each in told["access_control_list"]
    }
    assert levels["reader@example.com"] == "CAN_READ"
    assert scene.bob.ask("GET", path).status_code == 404
    assert scene.reader.ask("GET", path).status_code == 403
    listed = scene.reader.ask("GET", f"{path}/permissionLevels").raise_for_status().json()["permission_levels"]
    assert [each["permission_level"] for each in listed] == ["CAN_READ", "CAN_EDIT", "CAN_MANAGE"]
    wrong = {"access_control_list": [{"user_name": "bob@example.com", "permission_level": "CAN_QUERY"}]}
    assert scene.ann.client.patch(path, json=wrong).status_code == 400


RUN = "query GetRun($data: MlflowGetRunInput!) { mlflowGetRun(input: $data) { run { info { runId } } } }"
SEARCH = "query S($data: MlflowSearchRunsInput!) { mlflowSearchRuns(input: $data) { runs { info { runId } } } }"


def graph(who: Somebody, query: str, **words: Any) -> Any:  # noqa: ANN401  an answer
    return who.ask("POST", "/mlflow/graphql", query=query, operationName=None, variables={"data": words})


def test_the_page_is_for_those_who_are_somebody_and_proves_that_it_asks(scene: Scene) -> None:
    assert scene.stranger.client.get("/mlflow/").status_code == 401
    page = scene.bob.client.get("/mlflow/").raise_for_status()
    assert page.headers["content-type"].startswith("text/html")
    assert "frame-ancestors 'none'" in page.headers["content-security-policy"]
    assert page.text.index("x-modelyard-csrf") < page.text.index("static-files")
    script = re.search(r'src="(static-files/[^"]+)"', page.text)
    assert script
    assert "javascript" in scene.bob.client.get(f"/mlflow/{script[1]}").raise_for_status().headers["content-type"]
    for path in ("static-files/..%2f..%2fserver/handlers.py", "static-files/nothing"):
        assert scene.bob.client.get(f"/mlflow/{path}").status_code in {400, 404}


def test_the_page_asks_as_everybody_else(scene: Scene) -> None:
    mine = graph(scene.ann, RUN, runId=scene.anns.run).raise_for_status().json()
    assert mine["data"]["mlflowGetRun"]["run"]["info"]["runId"] == scene.anns.run
    assert graph(scene.bob, RUN, runId=scene.anns.run).status_code == 404
    found = graph(scene.bob, SEARCH, experimentIds=[scene.anns.experiment, scene.bobs.experiment]).json()
    told = {run["info"]["runId"] for run in found["data"]["mlflowSearchRuns"]["runs"]}
    assert scene.bobs.run in told
    assert scene.anns.run not in told
    assert (
        graph(scene.bob, SEARCH, experimentIds=[scene.anns.experiment]).json()["data"]["mlflowSearchRuns"]["runs"] == []
    )


ASKED = "(input: $data) { run { info { runId } } }"
STOLEN = '(input: {runId: "%s"}) { run { info { runId } } }'


@pytest.mark.parametrize(
    "query",
    [
        f"query {{ mlflowGetRun{STOLEN} }}",
        f"query Q($data: MlflowGetRunInput!) {{ mlflowGetRun{ASKED} other: mlflowGetRun{STOLEN} }}",
        f"query Q($data: MlflowGetRunInput!) {{ ...All }} fragment All on Query {{ mlflowGetRun{STOLEN} }}",
        f"query A($data: MlflowGetRunInput!) {{ mlflowGetRun{ASKED} }} query B {{ mlflowGetRun{STOLEN} }}",
        'query Q($none: MlflowGetRunInput = {runId: "%s"}) { mlflowGetRun(input: $none) { run { info { runId } } } }',
        'mutation { testMutation(inputString: "%s") { output } }',
        'query { test(inputString: "%s") { output } }',
        "query { __schema { types { name } } }",
        "query {",
        "",
    ],
)
def test_the_page_asks_one_question_at_once_in_a_variable(scene: Scene, query: str) -> None:
    asked = query % scene.anns.run if "%s" in query else query
    answer = graph(scene.bob, asked, runId=scene.bobs.run)
    assert (answer.status_code, answer.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE"), answer.text
    assert scene.anns.run not in answer.text
