"""Every route of the OpenAPI document, asked by everybody: who is let through, and how the others are refused.

A new route takes part by itself. If no request can be made for it, or if its action is open and does not answer
everybody alike, its test fails and says which table wants an entry.
"""

from __future__ import annotations

import asyncio
import re
import time
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Any
from zlib import crc32

import httpx
import pytest

from modelyard.action import METASTORE, Ref
from modelyard.actions import access, catalogs, endpoints, legacy, subscriptions, tokens, trash
from modelyard.app import ROWS
from modelyard.domain.access import Bearer
from modelyard.domain.experiments import ROOT
from modelyard.domain.privileges import OBJECTS, Privilege
from modelyard.errors import NoSuchRoute
from modelyard.surfaces.reach import Kind as ActionKind
from modelyard.surfaces.routes import Routes
from modelyard.surfaces.wire import Translation
from tests.house.examples import Stage
from tests.house.requests import DOCUMENT, ROUTES, Asked, Route, request
from tests.house.test_actions import SCOPES, SECRETS, needed
from tests.house.world import Person, World, containers
from tests.support import UNITY, stands_again
from tests.surfaces.world import check_no_leak

TABLE = Routes(ROWS)
METHODS = ("GET", "HEAD", "POST", "PUT", "PATCH", "DELETE", "OPTIONS", "TRACE", "PROPFIND")
NAMES = re.compile(r"\b(?:catalog|schema|model|endpoint|volume)\d+\b")
READING = frozenset(
    {Privilege.USE_CATALOG, Privilege.USE_SCHEMA, Privilege.EXECUTE, Privilege.SELECT, Privilege.READ_VOLUME}
)
READABLE = READING | {Privilege.BROWSE}
PERSONAS = ("stranger", "other", "reader", "owner", "admin")

NOT_THEIRS = {"stranger": 404, "other": 404, "reader": 404}
"""The example is about a thing of the owner's, which is not there for anybody else but admins."""

OPEN: dict[ActionKind, dict[str, int]] = {
    tokens.RevokeToken: NOT_THEIRS,
    tokens.UpdateToken: NOT_THEIRS,
    trash.RestoreFromTrash: NOT_THEIRS,
    subscriptions.DeleteSubscription: NOT_THEIRS,
    legacy.FindPlace: dict.fromkeys(("stranger", "other", "reader", "admin"), 403),  # who may not make the model there
    **dict.fromkeys(SCOPES, NOT_THEIRS),
    **{kind: {**NOT_THEIRS, "owner": 404} for kind in SECRETS},
}
"""What open actions answer to those whom they do not answer with success."""

_INVOKED = "POST /serving-endpoints/{name}"
_SERVED = "GET /api/2.0/serving-endpoints/{name}/served-models/{served}"
IDLE = (
    f"{_INVOKED}/invocations",
    f"{_INVOKED}/served-models/{{served}}/invocations",
    f"{_SERVED}/logs",
    f"{_SERVED}/build-logs",
)
"""What asks processes that serve, of which this server has none: who is let through is told to ask again."""

OUTCOMES: dict[str, int] = {
    **dict.fromkeys(IDLE, 503),
    "POST /api/2.0/fs/files/{path}?action=complete-upload": 400,  # no part was sent
    f"POST /api/2.0/fs/files{ROOT}/{{experiment}}/{{path}}?action=complete-upload": 400,  # likewise
    f"DELETE {UNITY}/workspaces/{{workspace_id}}/metastore": 400,  # the one workspace keeps its metastore
}
"""What routes answer to whoever is let through, where what is asked for then fails."""


PREDICTING = (endpoints.Predict, endpoints.ReadServingLogs)


@dataclass
class Matrix:
    """The server's ASGI application on a real database, and everybody who asks."""

    world: World
    runner: asyncio.Runner = field(default_factory=asyncio.Runner)

    @property
    def stranger(self) -> Person:
        """Somebody with a token and nothing else: a new one each time, as some examples leave something behind."""
        return self.world.person()

    @cached_property
    def reader(self) -> Person:
        """Somebody who may read in the catalogs of the example."""
        return self.world.person()

    @cached_property
    def other(self) -> Person:
        """The owner of another catalog, who may do everything there."""
        person = self.world.person()
        self.world.do(catalogs.UpdateCatalog(self.world.catalog(), catalogs.Change(owner=person.name)))
        return person

    @cached_property
    def admin(self) -> Person:
        """A metastore admin."""
        found = self.world.do(access.WhoAmI()).principal
        return Person(found.id, found.name, self.world.inside.admin)

    @property
    def owner(self) -> Person:
        """The owner of everything in the example."""
        return self.world.owner

    @cached_property
    def expired(self) -> Bearer:
        """A token of the owner that has run out: it was made a day ago, to live for an hour."""
        gate = self.world.inside.gate
        gate.clock = lambda: time.time() - 24 * 3600
        made = self.world.do(tokens.CreateToken(seconds=3600), self.owner)
        gate.clock = time.time
        return Bearer(made.secret)

    @cached_property
    def revoked(self) -> Bearer:
        """A token of the owner that was taken back."""
        made = self.world.do(tokens.CreateToken(), self.owner)
        self.world.do(tokens.RevokeToken(made.token.id), self.owner)
        return Bearer(made.secret)

    def ask(self, asked: Asked, credential: Bearer | None) -> httpx.Response:
        """The answer to a request, which is checked for what holds of every answer."""
        headers = {"authorization": f"Bearer {credential.secret}"} if credential else {}
        answer = self.runner.run(self._send(asked, {**asked.headers, **headers}))
        check_every_answer(answer, asked)
        if credential:
            assert credential.secret not in answer.text
        return answer

    async def _send(self, asked: Asked, headers: dict[str, str]) -> httpx.Response:
        endpoint: Any = self.world.inside.built.endpoint
        transport = httpx.ASGITransport(endpoint)
        async with httpx.AsyncClient(transport=transport, base_url="http://127.0.0.1") as client:
            return await client.request(
                asked.method, asked.url, params=asked.query, headers=headers, json=asked.json, content=asked.content
            )

    def recorded(self, answer: httpx.Response) -> set[str]:
        """The actions that the journal has of a request."""
        return {name[0].upper() + name[1:] for _, _, name, *_ in self.world.recorded(answer.headers["x-request-id"])}


def check_every_answer(answer: httpx.Response, asked: Asked) -> None:
    """What holds of every answer: clients do not repeat it, it can be found in the log, and it leaks nothing."""
    if answer.status_code == 503 and isinstance(asked.action, PREDICTING):
        assert re.search(r"does not serve yet|serves no models yet", answer.json()["message"])
        assert int(answer.headers["retry-after"])
    else:
        assert answer.status_code < 500, answer.text
    assert answer.status_code not in {405, 408, 422, 429}, answer.text
    assert uuid.UUID(answer.headers["x-request-id"])
    assert answer.headers["x-content-type-options"] == "nosniff"
    if answer.is_error:
        check_no_leak(answer.text)


def check_refusal(route: Route, answer: httpx.Response, status: int) -> None:
    """A refusal in the envelope of its protocol, as the document describes it."""
    assert answer.status_code == status, f"{answer.status_code} {answer.text}"
    if answer.request.method == "HEAD":
        return
    reference = route.operation["responses"][str(status)]["$ref"].rpartition("/")[2]
    content = DOCUMENT["components"]["responses"][reference]["content"][answer.headers["content-type"]]
    envelope = DOCUMENT["components"]["schemas"][content["schema"]["$ref"].rpartition("/")[2]]
    told = answer.json()
    assert told.keys() >= set(envelope["required"])
    for name, schema in envelope["properties"].items():
        assert schema.get("type") != "string" or (isinstance(told[name], str) and told[name]), told


@pytest.fixture(scope="session")
def matrix(request: pytest.FixtureRequest, make_world: Callable[[str], World]) -> Iterator[Matrix]:
    """One for each database."""
    found = Matrix(make_world(request.param))
    yield found
    found.runner.close()


def is_offered(method: str, url: str) -> bool:
    """Whether a row answers, of this path or of one that it looks like."""
    try:
        TABLE.find(method, url, "")
    except NoSuchRoute:
        return False
    return True


def _twice(route: Route) -> tuple[pytest.MarkDecorator, ...]:
    return (pytest.mark.full,) if stands_again(route.row.path) else ()


def each(routes: list[Route]) -> pytest.MarkDecorator:
    """Every route on SQLite, and on PostgreSQL one in eight; the others in the long sweep."""
    cases = [pytest.param("sqlite", route, id=f"{route} sqlite", marks=_twice(route)) for route in routes]
    for route in routes:
        marks = _twice(route) if crc32(str(route).encode()) % 8 == 0 else (pytest.mark.full,)
        cases.append(pytest.param("postgresql", route, id=f"{route} postgresql", marks=marks))
    return pytest.mark.parametrize(("matrix", "route"), cases, indirect=["matrix"])


@each(ROUTES)
def test_without_a_token_that_counts_nobody_is_let_in(matrix: Matrix, route: Route) -> None:
    asked = request(route, Stage(matrix.world, matrix.owner))
    for credential in (None, matrix.expired, matrix.revoked, Bearer("mypat_" + "0" * 64)):
        check_refusal(route, matrix.ask(asked, credential), 401)


@pytest.mark.parametrize("persona", PERSONAS)
@each(ROUTES)
def test_everybody_is_answered_as_the_needs_in_the_document_say(matrix: Matrix, route: Route, persona: str) -> None:
    who: Person = getattr(matrix, persona)
    asked = request(route, Stage(matrix.world, who))
    if persona == "reader":
        for catalog in {containers(ref)[0] for ref in references(asked) if ref != METASTORE and not is_object(ref)}:
            matrix.world.grant(catalog, who.name, *READING)
    answer = matrix.ask(asked, who.credential)
    assert matrix.recorded(answer) <= set(route.operation["x-action"])
    status = expected(route, asked, persona)
    if status >= 400:
        check_refusal(route, answer, status)
        return
    assert answer.is_success, (
        f"{route} answers {answer.status_code} to the {persona}: {answer.text}. If that is right, say so in "
        f"{'OPEN' if route.kind.open_to else 'OUTCOMES'} of tests/house/test_matrix.py."
    )
    if persona == "stranger" and isinstance(route.row, Translation):
        told_itself = f"{asked.url} {asked.query} {asked.json}"
        assert set(NAMES.findall(answer.text)) <= set(NAMES.findall(told_itself))


def expected(route: Route, asked: Asked, persona: str) -> int:
    """The status for a persona, by rules of its own: nothing of the server's decision is asked here."""
    if route.kind.open_to:
        return OPEN.get(route.kind, {}).get(persona, OUTCOMES.get(route.name, 200))
    needs = [
        (Privilege(need["privilege"]), getattr(asked.action, need["on"]), need["metadata"])
        for need in route.operation["x-needs"][route.kind.__name__]
    ]
    looking = (
        metadata or privilege is Privilege.MANAGE or ref == METASTORE or is_object(ref)
        for privilege, ref, metadata in needs
    )
    may = {
        "stranger": False,
        "other": False,
        "reader": all(privilege in READABLE and ref != METASTORE for privilege, ref, _ in needs),
        "owner": all((privilege, ref) != (Privilege.MANAGE, METASTORE) for privilege, ref, _ in needs),
        "admin": all(looking),
    }
    return OUTCOMES.get(route.name, 200) if may[persona] else refused(needs[0][1])


def is_object(ref: Ref) -> bool:
    """Whether it is an object of the metastore, with levels of permission."""
    return ref.kind in OBJECTS


def refused(ref: Ref) -> int:
    """How whoever holds nothing is refused: an object is not there."""
    return 404 if is_object(ref) else 403


def references(asked: Asked) -> list[Ref]:
    """The securables that are asked about."""
    return [getattr(asked.action, need.on) for need in asked.action.needs]


@each([route for route in ROUTES if route.kind.needs])
def test_each_privilege_is_necessary_and_together_they_suffice(matrix: Matrix, route: Route) -> None:
    world, holder = matrix.world, matrix.world.person()
    asked = request(route, Stage(world, holder))
    wanted = needed(asked.action)
    for privilege, on in wanted:
        world.let(holder, privilege, on)
    for privilege, on in wanted:
        world.forbid(holder, privilege, on)
        check_refusal(route, matrix.ask(asked, holder.credential), refused(on))
        world.let(holder, privilege, on)
    answer = matrix.ask(asked, holder.credential)
    status = OUTCOMES.get(route.name)
    assert answer.status_code == status if status else answer.is_success, answer.text


@pytest.mark.parametrize("path", DOCUMENT["paths"])
@pytest.mark.parametrize("matrix", ["sqlite"], indirect=True)
def test_a_method_that_a_path_does_not_know_is_answered_as_an_address_that_is_not_there(
    matrix: Matrix, path: str
) -> None:
    """Not with 405, which clients would repeat for minutes."""
    url = re.sub(r"\{\w+\}", "it", path)
    for method in METHODS:
        if is_offered(method, url):
            continue
        for credential in (None, matrix.admin.credential):
            answer = matrix.ask(Asked(access.WhoAmI(), method, url), credential)
            assert answer.status_code == 404, f"{method} {path}: {answer.status_code} {answer.text}"
            assert method == "HEAD" or answer.json()["error_code"] == "ENDPOINT_NOT_FOUND"
