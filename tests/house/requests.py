"""A request for every route, made of the example of the action that it leads to.

The words of a request are guessed from the action's own fields, and the guess is proved by reading it with the row's
own `read`: what comes out must be the example. A route with words that cannot be guessed has an entry in `WORDS`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any
from urllib.parse import quote

import msgspec
import pytest

from modelyard.action import METASTORE, Action, Ref
from modelyard.actions import access, uploads, versions
from modelyard.app import ROWS
from modelyard.domain.access import PrincipalKind
from modelyard.domain.privileges import GrantChange, Kind
from modelyard.errors import Failure
from modelyard.store.parts import PartStore
from modelyard.surfaces.openapi import document, path_of
from modelyard.surfaces.reach import Kind as ActionKind
from modelyard.surfaces.reach import actions_of
from modelyard.surfaces.wire import Arrival, Departure, Joining, Public, Row, Translation
from tests.house.examples import EXAMPLES, Stage
from tests.support import SCIM

DOCUMENT = document(ROWS)
TYPES = {Kind.METASTORE: "metastore", Kind.CATALOG: "catalog", Kind.SCHEMA: "schema", Kind.MODEL: "function"}


@dataclass(frozen=True)
class Route:
    """One thing that can be asked: a row, and one of the actions that it may begin with."""

    row: Row
    kind: ActionKind

    @property
    def name(self) -> str:
        """As the tables of tests name it: `PUT /api/2.0/fs/files/{path}?action=upload-part`."""
        return f"{self.row.method} {path_of(self.row)}" + (f"?action={self.row.doing}" if self.row.doing else "")

    def __str__(self) -> str:
        return f"{self.name} {self.kind.__name__}"

    @property
    def operation(self) -> dict[str, Any]:
        return DOCUMENT["paths"][path_of(self.row)][self.row.method.lower()]


ASKED = (Translation, Arrival, Joining, Departure)
"""The kinds of rows that are asked with a token, and so by everybody in the matrix."""

ELSEWHERE: tuple[type, ...] = (Public,)
"""The other kinds, which let people in by other rules; each has tests of its own."""


def _beginnings(row: Row) -> tuple[ActionKind, ...]:
    """The actions that a request may begin with: a second one follows by itself, another row serves special clients."""
    assert isinstance(row, ASKED + ELSEWHERE), (
        f"{type(row).__name__} is a new kind of row: add it to ASKED, or to ELSEWHERE, in tests/house/requests.py"
    )
    if isinstance(row, ELSEWHERE):
        return ()
    return actions_of(dataclasses.replace(row, **{name: None for name in ("keep", "near") if hasattr(row, name)}))


ROUTES = [Route(row, kind) for row in ROWS for kind in _beginnings(row)]


@dataclass(frozen=True)
class Asked:
    """A request, and the action that it asks for."""

    action: Action[Any, Any]
    method: str
    url: str
    query: dict[str, str] = field(default_factory=dict)
    headers: dict[str, str] = field(default_factory=dict)
    json: dict[str, Any] | None = None
    content: bytes | None = None


def request(route: Route, at: Stage) -> Asked:
    """The request of a route, on a stage of its own."""
    example = ACTIONS_OF_ROUTES.get(route.name, EXAMPLES[route.kind])(at)
    told = WORDS.get((route.name, route.kind))
    for words in [told(example)] if told else _guesses(example):
        if _is_addressed(route, words) and _reads(route, words, example):
            return _placed(route, words, example)
    pytest.fail(
        f"no request for {route} could be made of the example of {route.kind.__name__}. Add an entry "
        f'("{route.name}", {route.kind.__name__}) to WORDS in tests/house/requests.py that says its words.'
    )


def _is_addressed(route: Route, words: dict[str, Any]) -> bool:
    """Whether all that stands in the path is said."""
    assert not isinstance(route.row, Public)
    return set(re.findall(r"\{(\w+)\}", path_of(route.row))) <= _on_wire(route.row.said, words).keys()


def _reads(route: Route, words: dict[str, Any], example: Action[Any, Any]) -> bool:
    """Whether the row reads these words into the example, in everything that tells one thing from another."""
    row = route.row
    assert not isinstance(row, Public)
    read = row.ask if isinstance(row, Arrival | Joining) else row.read
    try:
        found = read(msgspec.convert(_on_wire(row.said, words), row.said, strict=False))
    except (Failure, msgspec.ValidationError):
        return False
    return type(found) is type(example) and _identity(found) == _identity(example)


def _identity(action: Action[Any, Any]) -> dict[str, object]:
    """Names, ids, numbers; a leaf may be meant without its kind."""
    return {
        name: (value.kind.noun, value.name) if isinstance(value, Ref) else value
        for name, value in _fields(action).items()
        if isinstance(value, Ref | str | int)
    }


def _on_wire(said: type[msgspec.Struct], words: dict[str, Any]) -> dict[str, Any]:
    """The words that a request understands, under the names of the wire."""
    names = {each.name: each.encode_name for each in msgspec.structs.fields(said)}
    return {names[name]: value for name, value in words.items() if name in names}


def _placed(route: Route, words: dict[str, Any], example: Action[Any, Any]) -> Asked:
    """The words where the document says that they go."""
    row, operation = route.row, route.operation
    assert not isinstance(row, Public)
    said = _on_wire(row.said, words)
    heard = dict(getattr(row, "hears", ()))
    where: dict[str, dict[str, str]] = {"path": {}, "query": {}, "header": {}}
    if row.doing:
        said["action"] = row.doing
    for parameter in operation["parameters"]:
        name = parameter["name"]
        if (word := said.pop(heard.get(name, name), None)) is not None:
            where[parameter["in"]][name] = str(word).lower() if isinstance(word, bool) else str(word)
    path = path_of(row)
    safe = "/" if ":rest}" in row.path else ""
    url = re.sub(r"\{(\w+)\}", lambda found: quote(where["path"][found[1]].lstrip("/"), safe=safe), path)
    takes = operation.get("requestBody", {}).get("content", {})
    properties = takes.get("application/json", {}).get("schema", {}).get("properties", {})
    body = {name: word for name, word in said.items() if name in properties} if properties else None
    content = b"some bytes" if isinstance(row, Arrival) else None
    return Asked(example, row.method, url, where["query"], where["header"], body, content)


# Guesses


def _guesses(action: Action[Any, Any]) -> Iterator[dict[str, Any]]:
    """What the words of a request may be: a full name in one word or level by level, with more asked for or not."""
    words = _plain(action)
    main = next((getattr(action, need.on) for need in action.needs), METASTORE)
    parent = next((getattr(action, need.on) for need in action.needs if need.naming), None)
    named = {**words, "full_name": main.name, "securable_type": TYPES.get(main.kind, "function")}
    named |= {"new_name": words.get("name"), **({"catalog_name": main.name} if main.kind is Kind.CATALOG else {})}
    inside = {**words, "name": f"{parent.name}.{words.get('name')}"} if parent else {}
    last = next((getattr(action, need.on) for need in reversed(action.needs)), METASTORE)
    levels = dict(zip(("catalog_name", "schema_name", "model_name"), (parent or last).name.split("."), strict=False))
    for guess in ({**named, "name": main.name}, inside, {**words, **levels}, {**named, "name": words.get("name")}):
        for choice in CHOICES:
            yield {**guess, **choice}


def _fields(thing: Any) -> dict[str, Any]:  # noqa: ANN401  any dataclass
    return {each.name: getattr(thing, each.name) for each in dataclasses.fields(thing)}


def _plain(thing: Any) -> dict[str, Any]:  # noqa: ANN401  as above
    """The fields of an action and of what they hold, under the names that the wire may give them."""
    found: dict[str, Any] = {}
    for name, value in _fields(thing).items():
        match value:
            case None | Ref():
                continue
            case _ if dataclasses.is_dataclass(value):
                found |= _plain(value)
            case (GrantChange(), *_):
                found[name] = [_granted(each) for each in value]
            case tuple() | dict():
                continue
            case _:
                found |= dict.fromkeys((name, *SYNONYMS.get(name, ())), value)
    if {"model", "number", "path"} <= _fields(thing).keys():
        found["path"] = f"/Models/{thing.model.name.replace('.', '/')}/{thing.number}/{found['path']}".rstrip("/")
    if {"origin", "model", "number"} <= _fields(thing).keys():
        found |= {"name": thing.model.name, "source": f"models:/{thing.origin.name}/{thing.number}"}
    return found


SYNONYMS = {
    "number": ("version", "version_num"),
    "version": ("version_num",),
    "with_aliases": ("include_aliases",),
    "comment": ("description",),
    "id": ("token_id",),
    "key": ("tag_key", "key_in_path"),
    "catalog": ("catalog_name",),
    "browse": ("include_browse",),
    "seconds": ("lifetime_seconds",),
    "upload_id": ("session_token",),
    "name": ("user_name", "application_id"),
}


CHOICES: tuple[dict[str, Any], ...] = (
    {},
    {"include_browse": True},
    {"operation": "MODEL_VERSION_OPERATION_READ"},
    {"operation": "MODEL_VERSION_OPERATION_READ_WRITE"},
    {"operation": "READ_MODEL_VERSION"},
    {"operation": "READ_WRITE_MODEL_VERSION"},
)
"""Words that choose between actions of one route, in either protocol."""


def _granted(change: GrantChange) -> dict[str, Any]:
    return {"principal": change.principal, "add": sorted(change.add), "remove": sorted(change.remove)}


# What cannot be guessed

GROUP, SERVICE = PrincipalKind.GROUP, PrincipalKind.SERVICE_PRINCIPAL


def _named_twice(name: str) -> Action[Any, Any]:
    """A group's name is what it shows."""
    return access.CreatePrincipal(GROUP, name, name)


def _service(at: Stage) -> str:
    return at.world.do(access.CreatePrincipal(SERVICE, at.world.new_name("service"))).principal.id


def _begun(at: Stage) -> Action[Any, Any]:
    """An upload with room for its parts."""
    found = uploads.FindUpload(*at.upload())
    PartStore(at.world.inside.built.blobs).begin(found.upload_id)
    return found


_PART = "PUT /api/2.0/fs/files/{path}?action=upload-part"
_COMPLETE = "POST /api/2.0/fs/files/{path}?action=complete-upload"

ACTIONS_OF_ROUTES: dict[str, Callable[[Stage], Action[Any, Any]]] = {
    f"POST {SCIM}/Groups": lambda at: _named_twice(at.world.new_name("group")),
    f"GET {SCIM}/Groups": lambda at: access.ListPrincipals(GROUP, name=at.world.group()[1]),
    f"GET {SCIM}/Groups/{{id}}": lambda at: access.GetPrincipal(GROUP, at.world.group()[0]),
    f"PATCH {SCIM}/Groups/{{id}}": lambda at: access.UpdatePrincipal(GROUP, at.world.group()[0], join=(at.who.id,)),
    f"DELETE {SCIM}/Groups/{{id}}": lambda at: access.DeletePrincipal(GROUP, at.world.group()[0]),
    f"POST {SCIM}/ServicePrincipals": lambda at: access.CreatePrincipal(SERVICE, at.world.new_name("service")),
    f"GET {SCIM}/ServicePrincipals": lambda _at: access.ListPrincipals(SERVICE, name="nobody"),
    f"GET {SCIM}/ServicePrincipals/{{id}}": lambda at: access.GetPrincipal(SERVICE, _service(at)),
    f"PATCH {SCIM}/ServicePrincipals/{{id}}": lambda at: access.UpdatePrincipal(SERVICE, _service(at), active=False),
    f"DELETE {SCIM}/ServicePrincipals/{{id}}": lambda at: access.DeletePrincipal(SERVICE, _service(at)),
    _PART: _begun,
    _COMPLETE: _begun,
}
"""Where the example of the action is about another kind of thing than the route is, or lacks what the route needs."""

_PARTS = "POST /api/2.0/fs/create-upload-part-urls"


WORDS: dict[tuple[str, ActionKind], Callable[[Any], dict[str, Any]]] = {
    (_PART, uploads.FindUpload): lambda asked: {**_plain(asked), "part_number": 1},
    (_PARTS, uploads.LinkToParts): lambda asked: {**_plain(asked), "start_part_number": 1, "count": 2},
    ("GET /api/2.0/mlflow/unity-catalog/model-versions/search", versions.SearchVersions): lambda asked: {
        "filter": f"name='{asked.asked.model}'"
    },
    **{
        (f"GET {SCIM}/{folder}", access.ListPrincipals): lambda asked: {
            "filter": f'displayName eq "{asked.name}"',
            "start_index": 1,
            "count": asked.most,
        }
        for folder in ("Users", "Groups", "ServicePrincipals")
    },
    **{
        (f"PATCH {SCIM}/{folder}/{{id}}", access.UpdatePrincipal): lambda asked: {
            "id": asked.id,
            "operations": [{"op": "replace", "path": "active", "value": asked.active}]
            if asked.active is not None
            else [{"op": "add", "path": "members", "value": [{"value": each} for each in asked.join]}],
        }
        for folder in ("Users", "Groups", "ServicePrincipals")
    },
}
"""The words of a route for one of its actions, made of the example of that action."""
