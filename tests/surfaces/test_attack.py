"""Generated requests to every operation of the OpenAPI document, by schemathesis: as an admin and as a stranger.

Some checks of schemathesis are left out, as they refuse what is meant so: unknown fields are passed over and text is
read as a number (`negative_data_rejection`), a well-formed name may be nobody's (`positive_data_acceptance`), and
methods that a path does not know are answered with 404 and not with 405, which clients repeat for minutes
(`unsupported_method`). Who is let in is the matrix's to ask (`ignored_auth`).
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest
import schemathesis
from hypothesis import HealthCheck, Phase, given, settings
from hypothesis import strategies as st
from schemathesis import APIOperation, Case, GenerationMode, Response
from schemathesis.checks import not_a_server_error
from schemathesis.core.result import Ok
from schemathesis.specs.openapi.checks import (
    content_type_conformance,
    response_schema_conformance,
    status_code_conformance,
)

from modelyard import app
from modelyard.surfaces.openapi import document
from tests.support import LEGACY, SCIM, UNITY, Server, stands_again
from tests.surfaces.world import Folder, check_no_leak

OPERATIONS: list[APIOperation] = [
    found.ok()
    for found in schemathesis.openapi.from_dict(document(app.ROWS)).get_all_operations()
    if isinstance(found, Ok)
]
CHECKS = [not_a_server_error, status_code_conformance, content_type_conformance, response_schema_conformance]
MODEL = "Known.known.known"
WORDS: dict[str, list[Any]] = {
    "full_name": ["known", "known.known", MODEL, "known.known.gone", "known..known", "a.b.c.d"],
    "name": ["known", MODEL, "gone", "known.known.new", ""],
    "new_name": ["known", "Known.known.known", "other", "a/b"],
    "catalog_name": ["known"],
    "schema_name": ["known"],
    "securable_type": ["metastore", "catalog", "schema", "function", "registered_model", "table"],
    "path": [f"/Models/known/known/known/{number}/{file}" for number in (1, 2, 0) for file in ("MLmodel", "a/b", "")],
    "version": ["1", 2, "0", -1, 2**31, "1.0", "99999999999999999999"],
    "alias": ["champion", "latest", "v1", "ß"],
    "key": ["stage", "a:b", ""],
    "scope": ["known", "KNOWN", "gone", "a/b"],
    "id": ["admins", "users", "0" * 32],
    "principal": ["admins", "stranger@example.com"],
    "source": ["here", "models:/known.known.known/1", "models:/known.known.known/0", "file:///etc/passwd"],
    "filter": ["name='known.known.known'", "run_id='r'", 'userName eq "stranger@example.com"', "name='"],
    "page_token": ["x", "", "AAAA"],
    "max_results": [0, -1, 2**63, "ten"],
    "operation": ["MODEL_VERSION_OPERATION_READ", "MODEL_VERSION_OPERATION_READ_WRITE"],
    "session_token": ["0" * 32, "../../etc"],
}
"""Words that mean something here, or almost: they are planted into generated requests, which would rarely hit one."""


THERE: list[tuple[str, dict[str, str]]] = [
    ("/api/2.0/secrets/list", {"scope": "known"}),
    (f"{LEGACY}/registered-models/alias", {"name": MODEL, "alias": "champion"}),
    (f"{LEGACY}/model-versions/get", {"name": MODEL, "version": "2"}),
]
"""What is there once everything is."""


@st.composite
def attacks(draw: st.DrawFn, operation: APIOperation, mode: GenerationMode) -> Case:
    """A request of an operation, well-formed or not, in which some words mean something."""
    case = draw(operation.as_strategy(generation_mode=mode))
    for said in (case.path_parameters, case.query, case.body):
        if isinstance(said, dict):
            for name in sorted(said.keys() & WORDS.keys()):
                said[name] = draw(st.sampled_from([said[name], *WORDS[name]]))
    return case


@pytest.fixture(scope="module", params=["sqlite", pytest.param("postgresql", marks=pytest.mark.full)])
def target(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    """A server of its own, as its admin deletes what it likes."""
    database = "" if request.param == "sqlite" else request.getfixturevalue("postgres").make()
    server = Server(tmp_path_factory.mktemp("attacked") / "data", database).start()
    with server.client() as admin:  # MLflow's own server starts when it is first asked, and that takes its time
        admin.post("/api/2.0/mlflow/experiments/search", json={}, timeout=300).raise_for_status()
    yield server
    server.stop()


@pytest.fixture(scope="module")
def stranger(target: Server) -> str:
    return target.make_user("stranger@example.com")


def furnish(target: Server) -> None:
    """Make what the words name, if it is not there (any more): a model with a version, its files, an alias; a scope."""
    with target.client() as admin:
        if all(admin.get(path, params=said).is_success for path, said in THERE):
            return
        admin.post(f"{UNITY}/catalogs", json={"name": "known"})
        admin.post(f"{UNITY}/schemas", json={"name": "known", "catalog_name": "known"})
        admin.post("/api/2.0/secrets/scopes/create", json={"scope": "known", "initial_manage_principal": "users"})
        if admin.post(f"{LEGACY}/registered-models/create", json={"name": MODEL}).is_success:
            admin.post(f"{LEGACY}/model-versions/create", json={"name": MODEL, "source": "here"}).raise_for_status()
            Folder(admin, MODEL.lower(), 1).put("MLmodel", b"flavors: {}\n").raise_for_status()
            admin.post(f"{LEGACY}/model-versions/finalize", json={"name": MODEL, "version": "1"}).raise_for_status()
            admin.post(f"{LEGACY}/registered-models/alias", json={"name": MODEL, "alias": "champion", "version": "1"})
            admin.post(f"{LEGACY}/model-versions/create", json={"name": MODEL, "source": "here"}).raise_for_status()


def check(case: Case, answer: Response) -> None:
    """What holds of every answer, whatever was asked."""
    # A model that does not come up is told with 503, and other operations may have made an endpoint of one.
    down = answer.status_code == 503 and case.operation.label.endswith("/invocations")
    case.validate_response(answer, checks=[each for each in CHECKS if not (down and each is not_a_server_error)])
    assert not down or answer.headers["retry-after"]
    assert answer.status_code not in {405, 408, 422, 429}
    assert answer.headers["x-request-id"]
    if answer.status_code >= 400:
        check_no_leak((answer.content or b"").decode())


def attack(operation: APIOperation, target: Server, tokens: list[str], examples: int) -> None:
    """Send generated requests of somebody, half of them well-formed; the same ones each time, unless there are many."""
    many = examples > 100
    modes = [GenerationMode.POSITIVE, GenerationMode.NEGATIVE]
    if operation.definition.raw.get("security") == []:
        modes = [GenerationMode.POSITIVE]  # what anybody may ask takes nothing that could be wrong
    for mode in modes:

        @settings(
            max_examples=examples // 2,
            derandomize=not many,
            database=None,
            deadline=None,
            phases=[Phase.generate, Phase.shrink] if many else [Phase.generate],
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.filter_too_much, HealthCheck.data_too_large],
        )
        @given(attacks(operation, mode), st.sampled_from(tokens))
        def send(case: Case, token: str) -> None:
            headers = {"Authorization": f"Bearer {token}"}
            check(case, case.call(base_url=target.url, headers=headers, timeout=120))

        send()


def test_there_is_an_operation_for_every_method_of_every_path() -> None:
    assert len(OPERATIONS) == sum(len(at) for at in document(app.ROWS)["paths"].values())


FORMS = {"POST /oidc/v1/token", "POST /api/2.0/modelyard/decisions"}
JSON_OPERATIONS = [
    pytest.param(each, id=each.label, marks=pytest.mark.full if stands_again(each.path) else ())
    for each in OPERATIONS
    if each.label not in FORMS
]
"""All but forms: they take no wrong types, and their words are tried one by one in tests of their own."""


@pytest.mark.parametrize("operation", JSON_OPERATIONS)
@pytest.mark.parametrize("examples", [6, pytest.param(200, marks=pytest.mark.full)])
def test_whatever_is_asked_the_answer_is_one_that_the_document_knows(
    target: Server, stranger: str, operation: APIOperation, examples: int
) -> None:
    furnish(target)
    attack(operation, target, [target.token, stranger], examples)
    with target.client() as admin:
        assert admin.get(f"{SCIM}/Me").is_success, "the admin was locked out"
