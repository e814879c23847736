"""`modelyard upgrade compare`, `status`, `retire` and `shift` as a user types them, on a server with an old scorer."""

from __future__ import annotations

import json
import sqlite3
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pyarrow as pa
import pytest
from pyarrow import parquet

from modelyard.cli import shifts
from tests.cli.conftest import CommandLine
from tests.serving import ENDPOINTS, SCHEMA, ask, numbers, register, save_linear, wait_for
from tests.support import Server

MODEL = f"{SCHEMA}.price"
SECRET = "of-the-old-scorer"
DAY = 86_400_000
FACTOR = [1.0]
"""By what the old scorer multiplies: the last of them."""


@pytest.fixture(scope="module")
def stocked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server with two versions of a model, which multiply by 1 and by 2; it may ask loopback."""
    folder = tmp_path_factory.mktemp("server")
    settings = {"serving_env": "local", "outbound_allowed": "127.0.0.1", "inference_flush_seconds": "1"}
    server = Server(folder / "data", settings=settings).start()
    server.make_containers(SCHEMA)
    for factor in (1, 2):
        save_linear(folder / str(factor), factor)
        register(server, "price", folder / str(factor))
    with server.client() as admin:
        admin.post("/api/2.0/secrets/scopes/create", json={"scope": "old"}).raise_for_status()
        said = {"scope": "old", "key": "token", "string_value": SECRET}
        admin.post("/api/2.0/secrets/put", json=said).raise_for_status()
    yield server
    server.stop()


@pytest.fixture
def modelyard(stocked: Server, monkeypatch: pytest.MonkeyPatch) -> Iterator[CommandLine]:
    """Its command line; endpoints are taken away again."""
    line = CommandLine(stocked, monkeypatch)
    yield line
    for each in line.ask("endpoints", "list"):
        line.do("endpoints", "delete", each["name"], "--yes")


@pytest.fixture(scope="module")
def old_scorer() -> Iterator[str]:
    """The URL of a scorer that multiplies by 1, for whoever knows its token."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            said = json.loads(self.rfile.read(int(self.headers["Content-Length"])))
            known = self.headers["Authorization"] == f"Bearer {SECRET}"
            rows = [row[0] * FACTOR[-1] for row in said["dataframe_split"]["data"]]
            body = json.dumps({"predictions": rows} if known else {"error": "who are you?"}).encode()
            self.send_response(200 if known else 401)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    listening.daemon_threads = True
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    yield f"http://127.0.0.1:{listening.server_address[1]}/score"
    listening.shutdown()
    listening.server_close()
    thread.join()


@contextmanager
def asking(server: Server, name: str) -> Iterator[list[str]]:
    """Somebody who asks an endpoint again and again, gently: who has answered, or the status of an error."""
    over, heard = threading.Event(), list[str]()

    def ask_on() -> None:
        with server.client() as client:
            while not over.wait(0.01):
                answer = ask(client, name, numbers(1.0))
                heard.append(answer.headers["served-model-name"] if answer.is_success else str(answer.status_code))

    thread = threading.Thread(target=ask_on, daemon=True)
    thread.start()
    try:
        yield heard
    finally:
        over.set()
        thread.join(60)


@contextmanager
def factors_when(line: CommandLine, factor: float) -> Iterator[None]:
    """The old scorer multiplies by something else, once the new one has half of the requests."""

    def change() -> None:
        wait_for(lambda: shares(line, "fraud").get("price-1") == 50, 120)
        FACTOR.append(factor)

    thread = threading.Thread(target=change, daemon=True)
    thread.start()
    yield
    thread.join(150)
    FACTOR.pop()


def shares(line: CommandLine, name: str) -> dict[str, int]:
    with line.server.client() as client:
        routes = client.get(f"{ENDPOINTS}/{name}").raise_for_status().json()["config"]["traffic_config"]["routes"]
    return {each["served_entity_name"]: each["traffic_percentage"] for each in routes}


SHIFT = (
    "--from-secret",
    "old/token",
    "--bake",
    "1s",
    "--min-requests",
    "10",
    "--max-p95-ratio",
    "1000",
    "--timeout",
    "150",
)


def test_requests_move_from_a_scorer_elsewhere_and_come_back_where_answers_differ(
    modelyard: CommandLine, old_scorer: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(shifts, "_LOOK", 0.5)
    words = ("upgrade", "shift", "fraud", "--from-url", old_scorer, *SHIFT)
    compared = (*words, "--steps", "50,100", "--max-disagreement", "0.01", "--record", f"{SCHEMA}.fraud")
    assert "write MODEL@VERSION" in modelyard(*words, "--to", "nothing").err
    assert shares(modelyard, "fraud") == {"old": 100}
    with asking(modelyard.server, "fraud") as heard:
        answer = modelyard(*compared, "--to", f"{MODEL}@2")
        assert answer.status == 1
        assert "price-2 was taken back" in answer.err
        assert "answers differ, more than 1.00%" in answer.err
        assert shares(modelyard, "fraud") == {"old": 100}
        slow = modelyard(*words, "--steps", "50,100", "--max-p95-ratio", "0.000001", "--to", f"{MODEL}@1")
        assert (slow.status, "95th percentile" in slow.err) == (1, True)
        assert shares(modelyard, "fraud")["old"] == 100
        with factors_when(modelyard, 2.0):
            later = modelyard(*compared, "--bake", "1h", "--to", f"{MODEL}@1")
        assert (later.status, "price-1 was taken back" in later.err, "answers differ" in later.err) == (1, True, True)
        assert shares(modelyard, "fraud")["old"] == 100
        modelyard.do("endpoints", "traffic", "fraud", "old=100")  # what was answered before a change is no evidence
        done = modelyard.ask(*compared, "--to", f"{MODEL}@1")
        assert (done["state"], done["percentage"]) == ("COMPLETED", 100)
        assert shares(modelyard, "fraud") == {"old": 0, "price-1": 100}
        with modelyard.server.client() as client:
            assert "price-1" not in str(client.get(f"{ENDPOINTS}/fraud").json()["config"].get("shadow_routes"))
        wait_for(lambda: heard[-1] == "price-1")
    assert set(heard) == {"old", "price-1"}, "every answer was one, and price-2 gave none"
    again = modelyard.do(*compared, "--to", f"{MODEL}@1")
    assert "price-1 has 100 % of the requests" in again.err


def test_an_endpoint_is_replayed_and_its_verdict_gates_the_shift(
    modelyard: CommandLine, old_scorer: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    modelyard.do("endpoints", "create", "gated", f"one={MODEL}@1", f"two={MODEL}@2", "--traffic", "one=100",
                 "--traffic", "two=0", "--wait")  # fmt: skip
    sample, verdict = tmp_path / "sample.jsonl", tmp_path / "verdict.json"
    body = {"dataframe_split": {"columns": ["x"], "data": [[1.5], [2.0]]}}
    sample.write_text("".join(json.dumps(body) + "\n" for _ in range(5)))
    monkeypatch.setattr(CommandLine, "alone", _with(old_token=SECRET)(CommandLine.alone))
    asked = ("upgrade", "compare", "--endpoint-old", old_scorer, "--old-token-env", "OLD_TOKEN", "--requests",
             str(sample), "--verdict", str(verdict), "--html", str(tmp_path / "page.html"), "--json")  # fmt: skip
    answer = modelyard(*asked, "--endpoint-new", "gated/two")
    assert (answer.status, answer.json["verdict"]) == (1, "differs"), answer.err
    shift = ("upgrade", "shift", "gated", "--to", "two", "--verdict", str(verdict), "--steps", "100", *SHIFT[2:])
    assert "old and new do not agree" in modelyard.refusal(*shift)
    assert shares(modelyard, "gated") == {"one": 100, "two": 0}
    answer = modelyard(*asked, "--endpoint-new", "gated/one", "--at-once", "3")
    assert answer.status == 0, answer.err
    told = answer.json
    assert (told["columns"][0]["exact"], told["latency"]["requests"]) == (10, 5)
    assert SECRET not in answer.out + answer.err + (tmp_path / "page.html").read_text()
    with asking(modelyard.server, "gated"):
        left = modelyard.ask("upgrade", "shift", "gated", "--to", "two", "--steps", "60,100", *SHIFT[2:], "--no-wait")
        assert (left["state"], left["percentage"]) == ("RUNNING", 60)
        assert "is being rolled out to two" in modelyard("upgrade", "shift", "gated", "--to", f"{MODEL}@3").err
        again = modelyard.do(*shift)
        assert "a roll-out to two is under way" in again.err
    assert shares(modelyard, "gated") == {"one": 0, "two": 100}


def _with(old_token: str) -> Any:  # noqa: ANN401  a decorator
    """The command line with a variable of its own."""

    def wrapped(alone: Any) -> Any:  # noqa: ANN401  as above
        def with_token(line: CommandLine, *words: str, **more: Any) -> Any:  # noqa: ANN401  as above
            with pytest.MonkeyPatch.context() as patch:
                patch.setenv("OLD_TOKEN", old_token)
                return alone(line, *words, **more)

        return with_token

    return wrapped


def test_consumers_of_batches_move_when_the_verdict_is_about_the_same_bytes(
    modelyard: CommandLine, tmp_path: Path
) -> None:
    for name, values in (("old", [1.0, 2.0]), ("new", [1.0, 2.0 + 1e-9]), ("other", [7.0, 8.0])):
        (tmp_path / name).mkdir()
        parquet.write_table(pa.table({"id": [1, 2], "prediction": values}), tmp_path / name / "part-0.parquet")
    volume = f"{SCHEMA}.scores"
    with modelyard.server.client() as admin:
        said = {"catalog_name": "main", "schema_name": "ml", "name": "scores", "volume_type": "MANAGED"}
        admin.post("/api/2.1/unity-catalog/volumes", json=said).raise_for_status()
    modelyard.do("outputs", "publish", volume, str(tmp_path / "old"))
    new = modelyard.ask("outputs", "publish", volume, str(tmp_path / "new"), "--no-move")
    other = modelyard.ask("outputs", "publish", volume, str(tmp_path / "other"), "--no-move")
    verdict = str(tmp_path / "verdict.json")
    told = modelyard.ask(
        "upgrade", "compare", "/Volumes/main/ml/scores/current", new["path"], "--key", "id", "--verdict", verdict
    )
    assert (told["verdict"], told["new"]["digest"]) == ("agrees", new["digest"])
    move = ("upgrade", "shift", "--output", volume, "--verdict", verdict, "--to")
    assert "other bytes" in modelyard.refusal(*move, other["name"])
    assert modelyard.ask(*move, new["name"])["is_current"]
    assert modelyard.ask("outputs", "history", volume)[0]["reason"] == "compared: verdict.json"
    assert "already" in modelyard.do(*move, new["name"]).err


# Who still calls


def test_the_ledger_goes_from_unseen_to_retired(modelyard: CommandLine, tmp_path: Path) -> None:
    modelyard.do("legacy", "add", "old price", MODEL)
    modelyard.do("endpoints", "create", "priced", f"one={MODEL}@1", "--wait")
    plan, scan = tmp_path / "plan.yaml", tmp_path / "scan.json"
    plan.write_text(f"names: {{old price: {MODEL}, forgotten: {SCHEMA}.forgotten}}\n")
    code = {"rule": "U09", "name": "old price", "file": "score.py", "line": 3, "message": "a stage"}

    def status(*words: str) -> dict[str, Any]:
        return {each["name"]: each for each in modelyard.ask("upgrade", "status", *words)["names"]}

    def scanned(*references: dict[str, Any]) -> str:
        scan.write_text(json.dumps({"code": {"files_read": 4, "references": references}}))
        return str(scan)

    found = status("--plan", str(plan))
    assert {name: each["state"] for name, each in found.items()} == {"old price": "unseen", "forgotten": "absent"}
    assert "may still ask the old registry" in " ".join(found["old price"]["unproven"])
    with modelyard.server.client() as admin:
        asked = {"name": "old price"}
        headers = {"user-agent": "nightly-job/7"}
        admin.get("/api/2.0/mlflow/registered-models/get", params=asked, headers=headers).raise_for_status()
    wait_for(lambda: status("--no-traffic")["old price"]["state"] == "seen")
    seen = status("old price", "--scan", scanned(code), "--html", str(tmp_path / "page.html"))["old price"]
    assert (seen["state"], [each["client"] for each in seen["callers"]]) == ("seen", ["nightly-job/7"])
    assert {each["where"]: each["said"] for each in seen["traffic"]}["priced/one"] == "100 % of requests, version 1"
    assert "nightly-job/7" in (tmp_path / "page.html").read_text()
    assert status("--scan", scanned())["old price"]["state"] == "rewritten"

    reader = modelyard.server.make_user("reader@example.com")
    assert modelyard.ask("upgrade", "status", token=reader)["names"] == []
    modelyard.server.grant("catalog", "main", "reader@example.com", "USE CATALOG", "USE SCHEMA", "EXECUTE")
    [read] = modelyard.ask("upgrade", "status", token=reader)["names"]
    assert (read["callers"], read["traffic"]) == (None, []), "who calls takes MANAGE, and the endpoint is not theirs"
    assert "does not have MANAGE" in modelyard.refusal("upgrade", "retire", "old price", "--yes-i-know", token=reader)

    retire = ("upgrade", "retire", "old price", "--scan", str(scan))
    assert "has not been silent for 30 days" in modelyard.refusal(*retire)
    with sqlite3.connect(modelyard.server.data / "modelyard.db", timeout=60) as database:
        database.execute("UPDATE sightings SET last_at = last_at - ? WHERE name = 'old price'", (40 * DAY,))
    database.close()
    assert status()["old price"]["state"] == "silent"
    scanned(code)
    assert "score.py:3" in modelyard.refusal(*retire)
    modelyard.do("legacy", "set", "old price", "--refuse-from", "2020-01-01", "--refuse-until", "2100-01-01")
    assert status()["old price"]["state"] == "brown-out"
    scanned()
    assert modelyard.ask(*retire)["state"] == "retired"
    assert "retired already" in modelyard.do(*retire).err
    assert "does not answer to this name" in modelyard.refusal("upgrade", "retire", "forgotten")
    assert "old price" in modelyard.do("upgrade", "status").out
