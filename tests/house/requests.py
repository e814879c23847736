"""A request for every route, made of the example of the action that it leads to.

The words of a request are guessed from the action's own fields, and the guess is proved by reading it with the row's
own `read`: what comes out must be the example. A route with words that cannot be guessed has an entry in `WORDS`.
"""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass, field
from types import MappingProxyType
from typing import Any, TypeAlias
from urllib.parse import quote

import msgspec
import pytest

from modelyard.action import METASTORE, Action, Ref
from modelyard.actions import (
    access,
    admission,
    aliases,
    artifacts,
    copies,
    credentials,
    destinations,
    endpoints,
    entity_tags,
    explain,
    files,
    flat,
    git_credentials,
    imports,
    legacy,
    metastore,
    models,
    outputs,
    permissions,
    prompts,
    rollouts,
    secrets,
    stages,
    tables,
    tagging,
    tokens,
    uploads,
    versions,
    volumes,
    workspace,
)
from modelyard.app import ROWS
from modelyard.domain.access import ListChange, PrincipalChange, PrincipalKind
from modelyard.domain.conditions import Attribute, Comparison, Operator
from modelyard.domain.destinations import Body
from modelyard.domain.endpoints import PREFIX
from modelyard.domain.experiments import ROOT, Part
from modelyard.domain.legacy import PREFIX as OLD
from modelyard.domain.pages import Window
from modelyard.domain.privileges import GrantChange, Kind
from modelyard.errors import Failure
from modelyard.surfaces.openapi import document, path_of
from modelyard.surfaces.reach import Kind as ActionKind
from modelyard.surfaces.reach import actions_of
from modelyard.surfaces.registry.rows import PREFIXES
from modelyard.surfaces.registry.told import FILES
from modelyard.surfaces.wire import (
    Arrival,
    Consult,
    Departure,
    Entrance,
    Form,
    Joining,
    Prediction,
    Public,
    Relay,
    Row,
    Translation,
)
from tests.house import approvals, jobs
from tests.house.examples import EXAMPLES, Stage
from tests.house.files import shared, written
from tests.support import LEGACY, SCIM, UNITY

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


ASKED = (Translation, Arrival, Joining, Departure, Consult, Prediction)
"""The kinds of rows that are asked with a token, and so by everybody in the matrix."""

PASSED_OVER = {"account_id": "any"}
"""What a path may hold that no row reads: there is one account, whatever it is called."""

ELSEWHERE: tuple[type, ...] = (Public, Form, Relay, Entrance)
"""The other kinds, which let people in by other rules or ask another server, too; each has tests of its own."""


def _beginnings(row: Row) -> tuple[ActionKind, ...]:
    """The actions that a request may begin with: a second one follows by itself, another row serves special clients."""
    assert isinstance(row, ASKED + ELSEWHERE), (
        f"{type(row).__name__} is a new kind of row: add it to ASKED, or to ELSEWHERE, in tests/house/requests.py"
    )
    if isinstance(row, ELSEWHERE):
        return ()
    translated = {name: None for name in ("keep", "near", "old") if hasattr(row, name)}
    return actions_of(dataclasses.replace(row, **translated))


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
    assert isinstance(route.row, ASKED)
    said = PASSED_OVER | _on_wire(route.row.said, words)
    return all(said.get(name) for name in re.findall(r"\{(\w+)\}", path_of(route.row)))


def _reads(route: Route, words: dict[str, Any], example: Action[Any, Any]) -> bool:
    """Whether the row reads these words into the example, in everything that tells one thing from another."""
    row = route.row
    assert isinstance(row, ASKED)
    read = row.ask if isinstance(row, Arrival | Joining) else row.read
    try:
        found = read(msgspec.convert(_on_wire(row.said, words), row.said, strict=False))
    except (Failure, msgspec.ValidationError):
        return False
    return type(found) is type(example) and _identity(found) == _identity(example, _by_old_name(found))


def _by_old_name(action: Action[Any, Any]) -> dict[str, Ref]:
    """What is named by an old name, for which the gate finds the real one."""
    refs = {name: value for name, value in _fields(action).items() if isinstance(value, Ref)}
    return {name: ref for name, ref in refs.items() if ref.name.startswith(OLD)}


def _identity(action: Action[Any, Any], instead: Mapping[str, Ref] = MappingProxyType({})) -> dict[str, object]:
    """Names, ids, numbers; a leaf may be meant without its kind."""
    return {
        name: (value.kind.noun, value.name) if isinstance(value, Ref) else value
        for name, value in {**_fields(action), **instead}.items()
        if isinstance(value, Ref | str | int)
    }


def _on_wire(said: type[msgspec.Struct], words: dict[str, Any]) -> dict[str, Any]:
    """The words that a request understands, under the names of the wire."""
    names = {each.name: each.encode_name for each in msgspec.structs.fields(said)}
    return {names[name]: value for name, value in words.items() if name in names}


def _placed(route: Route, words: dict[str, Any], example: Action[Any, Any]) -> Asked:
    """The words where the document says that they go."""
    row, operation = route.row, route.operation
    assert isinstance(row, ASKED)
    said = PASSED_OVER | _on_wire(row.said, words)
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
    if main.kind is Kind.ENDPOINT:
        served = {"served": words["entity"]} if "entity" in words else {}
        yield {**words, "name": main.name.removeprefix(PREFIX), "id": main.name, **served}
    if main.kind is Kind.EXPERIMENT:
        yield from _of_experiment(words, main.name.rpartition("/")[2])
    named |= {"new_name": words.get("name"), **({"catalog_name": main.name} if main.kind is Kind.CATALOG else {})}
    inside = {**words, "name": f"{parent.name}.{words.get('name')}"} if parent else {}
    last = next((getattr(action, need.on) for need in reversed(action.needs)), METASTORE)
    levels = dict(zip(("catalog_name", "schema_name", "model_name"), (parent or last).name.split("."), strict=False))
    for guess in ({**named, "name": main.name}, inside, {**words, **levels}, {**named, "name": words.get("name")}):
        for choice in CHOICES:
            yield {**guess, **choice}


def _of_experiment(words: dict[str, Any], number: str) -> Iterator[dict[str, Any]]:
    """The same for an experiment: paths are told in several ways."""
    path = words.get("path", "")
    yield {**words, "id": number, "experiment": number, "path": f"Runs/{path}"}
    yield {**words, "path": f"{ROOT}/{number}/Runs/{path}", "count": 2}
    yield {**words, "experiment": number, "path": path}
    yield {**words, "path": f"{number}/{path}"}
    yield {**words, "run_id": number, "path": path.partition("artifacts")[2].strip("/")}
    yield {**words, "model_id": number, "artifact_file_path": path.partition("artifacts")[2].strip("/")}


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
    if {"volume", "path"} <= _fields(thing).keys():
        found["path"] = f"/Volumes/{thing.volume.name.replace('.', '/')}/{found['path']}".rstrip("/")
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
    "level": ("permission",),
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

USER, GROUP, SERVICE = PrincipalKind.USER, PrincipalKind.GROUP, PrincipalKind.SERVICE_PRINCIPAL
ACCOUNT = "/api/2.0/accounts/{account_id}/scim/v2"
UNITY_SCIM = "/api/1.0/unity-control/scim2"
FOLDERS = {
    **{f"{prefix}/Users": USER for prefix in (SCIM, ACCOUNT, UNITY_SCIM)},
    **{f"{prefix}/Groups": GROUP for prefix in (SCIM, ACCOUNT)},
    **{f"{prefix}/ServicePrincipals": SERVICE for prefix in (SCIM, ACCOUNT)},
}
"""Where SCIM keeps each kind of principal."""

OWN_NAMES = {USER: Attribute.USER_NAME, GROUP: Attribute.DISPLAY_NAME, SERVICE: Attribute.APPLICATION_ID}


def _principal(kind: PrincipalKind, at: Stage) -> str:
    """The id of a principal of a kind."""
    return {
        USER: lambda: at.world.person().id,
        GROUP: lambda: at.world.group()[0],
        SERVICE: lambda: at.world.robot().id,
    }[kind]()


def _created(kind: PrincipalKind, at: Stage) -> Action[Any, Any]:
    """A group's name is what it shows."""
    name = at.world.new_name("new")
    return access.CreatePrincipal(kind, name, name if kind is GROUP else "")


def _listed(kind: PrincipalKind, at: Stage) -> Action[Any, Any]:
    own = OWN_NAMES[kind]
    return access.ListPrincipals(kind, condition=Comparison(own, Operator.EQ, at.world.new_name()), by=own)


def _patched(kind: PrincipalKind, at: Stage) -> Action[Any, Any]:
    """Groups get a member, others are switched off."""
    change = (
        PrincipalChange(active=False) if kind is not GROUP else PrincipalChange(members=ListChange(add=(at.who.id,)))
    )
    return access.UpdatePrincipal(kind, _principal(kind, at), change)


def _replaced(kind: PrincipalKind, at: Stage) -> Action[Any, Any]:
    change = PrincipalChange(display_name=at.world.new_name("shown"))
    return access.UpdatePrincipal(kind, _principal(kind, at), change)


def _of_scim(folder: str, kind: PrincipalKind) -> dict[str, Callable[[Stage], Action[Any, Any]]]:
    """The examples for the routes of one kind of principal."""
    one = f"{folder}/{{id}}"
    return {
        f"POST {folder}": lambda at: _created(kind, at),
        f"GET {folder}": lambda at: _listed(kind, at),
        f"GET {one}": lambda at: access.GetPrincipal(kind, _principal(kind, at)),
        f"PUT {one}": lambda at: _replaced(kind, at),
        f"PATCH {one}": lambda at: _patched(kind, at),
        f"DELETE {one}": lambda at: access.DeletePrincipal(kind, _principal(kind, at)),
    }


def _begun(at: Stage) -> Action[Any, Any]:
    """An upload with room for its parts."""
    found = uploads.FindUpload(*at.upload())
    inside = at.world.inside
    inside.built.storage.backend(inside.gate.store_id).begin(found.upload_id)
    return found


def _by_id(kind: ActionKind, **more: object) -> Callable[[Stage], Action[Any, Any]]:
    """The example of an action on an endpoint, which it names by its id."""

    def made(at: Stage) -> Action[Any, Any]:
        example: Any = EXAMPLES[kind](at)
        on = example.needs[0].on
        found = at.world.do(endpoints.GetEndpoint(getattr(example, on)))
        return dataclasses.replace(example, **{on: Ref(Kind.ENDPOINT, found.id)}, **more)

    return made


_PERMISSIONS = "/api/2.0/permissions/serving-endpoints/{id}"
_SERVING = "/api/2.0/serving-endpoints"
_OURS = "/api/2.0/modelyard/serving-endpoints/{name}"
_HOOKS = "/api/2.0/notification-destinations"
_OUR_HOOKS = "/api/2.0/modelyard/notification-destinations/{id}"
_PART = "PUT /api/2.0/fs/files/{path}?action=upload-part"
_COPY = "POST /api/2.0/modelyard/models/{full_name}/versions/{version}/copy"
_RELEASE = "POST /api/2.0/modelyard/models/{full_name}/versions/{version}/release"
_COMPLETE = "POST /api/2.0/fs/files/{path}?action=complete-upload"
_METASTORE = f"{UNITY}/metastores/{{id}}"
_OF_WORKSPACE = f"{UNITY}/workspaces/{{workspace_id}}/metastore"

_OF_EXPERIMENTS = "/api/2.0/permissions/experiments/{id}"
_ARTIFACT = f"/api/2.0/fs/files{ROOT}/{{experiment}}/{{path}}"
_ARTIFACT_PART = f"PUT {_ARTIFACT}?action=upload-part"
_ARTIFACT_COMPLETE = f"POST {_ARTIFACT}?action=complete-upload"
_PROXIED = "/api/2.0/mlflow-artifacts/artifacts/{experiment}/{path}"
_TRACKING = ("/api/2.0/mlflow", "/mlflow/ajax-api/2.0/mlflow")
_OF_TRACKED = {
    "/mlflow/get-artifact": (artifacts.FindArtifact, Part.RUN),
    **{f"{at}/artifacts/list": (artifacts.ListArtifacts, Part.RUN) for at in _TRACKING},
    **{
        f"{at}/logged-models/{{model_id}}/artifacts/directories": (artifacts.ListArtifacts, Part.MODEL)
        for at in _TRACKING
    },
    f"{_TRACKING[1]}/logged-models/{{model_id}}/artifacts/files": (artifacts.FindArtifact, Part.MODEL),
}
"""Routes that name a run or logged model, and not the experiment."""


def _begun_artifact(at: Stage) -> Action[Any, Any]:
    """An upload of an artifact, with room for its parts."""
    found = artifacts.FindArtifactUpload(*at.artifact_upload())
    inside = at.world.inside
    inside.built.storage.backend(inside.gate.store_id).begin(found.upload_id)
    return found


def _of_tracked(kind: Any, part: Part) -> Callable[[Stage], Action[Any, Any]]:  # noqa: ANN401  a type of action
    """An action on the artifacts of a run or logged model."""

    def made(at: Stage) -> Action[Any, Any]:
        experiment = at.world.experiment()
        ref = at.world.inside_of(experiment, part)
        id_ = ref.name.partition("/")[2]
        folder = f"{id_}/artifacts" if part is Part.RUN else f"models/{id_}/artifacts"
        if kind is artifacts.ListArtifacts:
            return kind(ref, folder, Window(1_000), must_be=False)
        at.world.do(artifacts.KeepArtifact(experiment, f"{folder}/it", at.world.blob(b"")), at.world.owner)
        return kind(ref, f"{folder}/it")

    return made


_OLD = "/api/2.0/modelyard/legacy-names/{name}"
_OLD_KINDS = {
    "GET": legacy.GetOldName,
    "PATCH": legacy.UpdateOldName,
    "DELETE": legacy.RemoveOldName,
}
FLAT_WORDS: dict[tuple[str, str, ActionKind], Any] = {
    ("POST", "registered-models/create", legacy.FindPlace): lambda asked: {"name": asked.name},
    ("POST", "model-versions/create", flat.RegisterFromArtifacts): lambda asked: {
        "name": asked.model.name,
        "source": f"mlflow-artifacts:/{asked.experiment.name.rpartition('/')[2]}/{asked.path}",
    },
    ("POST", "registered-models/rename", models.UpdateModel): lambda asked: {
        "name": asked.model.name,
        "new_name": asked.model.name,
    },
    ("POST", "registered-models/rename", models.RenameModel): lambda asked: {
        "name": asked.model.name,
        "new_name": f"{asked.schema.name}.{asked.name}",
    },
    ("GET", "registered-models/alias", stages.GetLatestVersion): lambda asked: {
        "name": asked.model.name,
        "alias": "latest",
    },
    **{
        ("GET", f"model-versions/{path}", kind): lambda asked: {
            "name": asked.model.name,
            "version": str(asked.number),
            "path": asked.path,
        }
        for path, kind in (("list-artifacts", files.ListDirectory), ("get-signed-download-uri", files.LinkToFile))
    },
    ("GET", "model-versions/search", flat.SearchFlatVersions): lambda asked: {
        "filter": f"name='{asked.search.only('name')}'"
    },
    ("POST", "model-versions/transition-stage", stages.TransitionVersion): lambda asked: {
        "name": asked.model.name,
        "version": str(asked.number),
        "stage": asked.stage.value,
    },
    ("POST", "databricks/model-versions/transition-stage", stages.TransitionVersion): lambda asked: {
        "name": asked.model.name,
        "version": str(asked.number),
        "stage": asked.stage.value,
    },
}


ACTIONS_OF_ROUTES: dict[str, Callable[[Stage], Action[Any, Any]]] = {
    **jobs.of_routes(permissions.GetPermissions),
    **{route: made for folder, kind in FOLDERS.items() for route, made in _of_scim(folder, kind).items()},
    f"GET {_METASTORE}": lambda at: metastore.GetMetastore(at.assignment()[1]),
    f"PATCH {_METASTORE}": lambda at: metastore.GetMetastore(at.assignment()[1]),
    f"GET {LEGACY}/registered-models/search": lambda _at: models.SearchModels(Window(100)),
    f"DELETE {_OF_WORKSPACE}": lambda at: metastore.AssignMetastore(at.assignment()[0], ""),
    f"GET {_PERMISSIONS}": _by_id(permissions.GetPermissions),
    f"PUT {_PERMISSIONS}": _by_id(permissions.ChangePermissions, replaces=True),
    f"PATCH {_PERMISSIONS}": _by_id(permissions.ChangePermissions),
    f"GET {_PERMISSIONS}/permissionLevels": _by_id(endpoints.ListLevels),
    **{
        f"PUT /api/2.0/permissions/{kind}/{{id}}": lambda at: workspace.ChangeObjectAccess(
            written(at.world).id, shared(at.world), replaces=True
        )
        for kind in ("notebooks", "files", "directories")
    },
    **{
        f"{method} {_OF_EXPERIMENTS}": lambda at, made=made: made(at.world.experiment())
        for method, made in (
            ("GET", permissions.GetPermissions),
            ("PUT", lambda on: permissions.ChangePermissions(on, (), replaces=True)),
            ("PATCH", lambda on: permissions.ChangePermissions(on, ())),
        )
    },
    "GET /api/2.0/mlflow-artifacts/artifacts": lambda at: artifacts.ListArtifacts(
        at.artifact()[0], "r/artifacts", Window(1_000), must_be=False
    ),
    f"PUT {_PROXIED}": lambda at: artifacts.PrepareArtifact(at.world.experiment(), "r/new", overwrite=True),
    f"DELETE {_PROXIED}": lambda at: artifacts.DeleteArtifactDirectory(*at.artifact(), is_deep=True),
    **{f"GET {at}": _of_tracked(kind, part) for at, (kind, part) in _OF_TRACKED.items()},
    f"PATCH {_OUR_HOOKS}": lambda at: destinations.UpdateDestination(at.destination(), body=Body.EXTENDED),
    **{
        f"GET {path}": lambda at: files.ListDirectory(*at.ready(), "", Window(1_000), must_be=False)
        for path in (FILES, *(f"{at}/model-versions/list-artifacts" for at in PREFIXES))
    },
    _PART: _begun,
    _COMPLETE: _begun,
    _ARTIFACT_PART: _begun_artifact,
    _ARTIFACT_COMPLETE: _begun_artifact,
}
"""Where the example of the action is about another kind of thing than the route is, or lacks what the route needs."""

_PARTS = "POST /api/2.0/fs/create-upload-part-urls"
_PROMPTS = f"{LEGACY}/prompts"
_TAGS = f"{UNITY}/entity-tag-assignments"
_TAGS_OF = f"{_TAGS}/{{entity_type}}/{{entity_name}}/tags"
_SECRETS = tuple(
    f"/api/2.0/accounts{each}/servicePrincipals/{{id}}/credentials/secrets" for each in ("/{account_id}", "")
)
_GIT = "/api/2.0/git-credentials"
_TOKENS = ("/api/2.0/token", "/api/2.0/token-management/tokens")

Words: TypeAlias = Callable[[Any], dict[str, Any]]


def _of_principal(asked: Any) -> dict[str, Any]:  # noqa: ANN401  a CreatePrincipal
    word = {USER: "user_name", GROUP: "display_name", SERVICE: "application_id"}[asked.kind]
    return {word: asked.name}


def _of_filter(asked: Any) -> dict[str, Any]:  # noqa: ANN401  a ListPrincipals
    compared = asked.condition
    told = f'{compared.attribute} {compared.operator} "{compared.value}"'
    return {"filter": told, "start_index": 1, "count": asked.most}


def _of_patch(asked: Any) -> dict[str, Any]:  # noqa: ANN401  an UpdatePrincipal
    if asked.kind is GROUP:
        members = [{"value": each} for each in asked.change.members.add]
        return {"id": asked.id, "operations": [{"op": "add", "path": "members", "value": members}]}
    return {"id": asked.id, "operations": [{"op": "replace", "path": "active", "value": asked.change.active}]}


def _of_put(asked: Any) -> dict[str, Any]:  # noqa: ANN401  an UpdatePrincipal
    return {"id": asked.id, "display_name": asked.change.display_name}


def _of_entity(asked: Any) -> dict[str, Any]:  # noqa: ANN401  an action on tags of any securable
    on: Ref = getattr(asked, asked.needs[0].on)
    words = {"entity_type": TYPES[on.kind] + "s", "entity_name": on.name}
    if tag := getattr(asked, "tag", None):
        return {**words, "tag_key": tag.key, "tag_value": tag.value}
    return {**words, "tag_key": getattr(asked, "key", "")}


def _of_tag_change(asked: Any) -> dict[str, Any]:  # noqa: ANN401  ChangeModelTags, ChangeVersionTags
    added = [{"key": tag.key, "value": tag.value} for tag in asked.change.add]
    changes = {"add_tags": added, "remove": list(asked.change.remove)}
    where = {"securable_type": "function", "full_name": asked.model.name, "changes": changes}
    return {**where, "version": str(asked.number)} if hasattr(asked, "number") else where


def _of_secret(asked: Any) -> dict[str, Any]:  # noqa: ANN401  an action on the secrets of a service principal
    return {"id": asked.principal_id, "secret_id": getattr(asked, "id", "")}


def _of_git(asked: Any) -> dict[str, Any]:  # noqa: ANN401  an action on git credentials
    """The token is asked for only where one is made."""
    about = getattr(asked, "credential", asked)
    token = getattr(asked, "token", None)
    return {
        "principal_id": asked.principal_id,
        "credential_id": getattr(asked, "id", ""),
        "git_provider": getattr(about, "provider", ""),
        "git_username": getattr(about, "username", None),
        "name": getattr(about, "name", None) or None,
        "personal_access_token": token.text() if token else None,
    }


def _of_links(asked: Any) -> dict[str, Any]:  # noqa: ANN401  a LinkPromptVersions
    """Any kind of link is understood, whichever route it comes by."""
    said = [{"name": name, "version": str(number)} for name, number in asked.versions]
    return {"prompt_versions": said, "run_ids": [link.target for link in asked.links]}


def _of_bindings(asked: Any) -> dict[str, Any]:  # noqa: ANN401  a ChangeBindings
    newer = [{"workspace_id": each} for each in asked.add]
    return {"securable_type": "catalog", "name": asked.catalog.name, "add": newer, "assign_workspaces": [*asked.add]}


def _of_copy(asked: Any) -> dict[str, Any]:  # noqa: ANN401  a CopyVersion or PromoteVersion
    where = {"full_name": asked.origin.name, "version": asked.number, "destination": asked.model.name}
    return {**where, "alias": getattr(asked, "alias", "")}


def _of_import(asked: Any) -> dict[str, Any]:  # noqa: ANN401  an ImportVersion
    announced = asked.announced
    return {"full_name": asked.model.name, "version": announced.number, "digest": announced.digest, "source": "there"}


def _of_flat_version(asked: Any) -> dict[str, Any]:  # noqa: ANN401  an ImportFlatVersion
    return {**_of_import(asked), "registry": asked.past.registry, "name": asked.past.name, "created_at": 1}


def _of_flat_model(asked: Any) -> dict[str, Any]:  # noqa: ANN401  an ImportFlatModel
    past = asked.past
    where = {"full_name": f"{asked.schema.name}.{asked.name}"}
    return {**where, "registry": past.registry, "name": past.name, "created_at": past.created_at}


def _of_taking(asked: Any) -> dict[str, Any]:  # noqa: ANN401  a TakeFiles
    wanted = [{"path": file.path, "sha256": file.sha256, "size": file.size} for file in asked.wanted]
    where = {"full_name": asked.model.name, "version": asked.number}
    return {**where, "origin": asked.origin.name, "files": wanted}


def _of_endpoint(asked: Any) -> dict[str, Any]:  # noqa: ANN401  an action on an endpoint
    name = getattr(asked, asked.needs[0].on).name
    return {"name": name.removeprefix(PREFIX), "id": name}


def _of_new_endpoint(asked: Any) -> dict[str, Any]:  # noqa: ANN401  a CreateEndpoint
    return {"name": asked.path.removeprefix(PREFIX)}


def _of_config(asked: Any) -> dict[str, Any]:  # noqa: ANN401  an UpdateConfig
    served = [
        {"name": each.name, "entity_name": each.model, "entity_version": str(each.version)}
        for each in asked.change.entities
    ]
    return {**_of_endpoint(asked), "served_entities": served}


def _of_limits(asked: Any) -> dict[str, Any]:  # noqa: ANN401  a SetRateLimits
    return {**_of_endpoint(asked), "rate_limits": [{"calls": each.calls} for each in asked.limits]}


def _of_levels(asked: Any) -> dict[str, Any]:  # noqa: ANN401  a ChangePermissions
    items = [{"user_name": name, "permission_level": level.value} for name, level in asked.levels]
    return {"id": asked.target.name, "access_control_list": items}


def _of_plan(asked: Any) -> dict[str, Any]:  # noqa: ANN401  a StartRollout
    plan = _plain(asked.plan) | {"steps": list(asked.plan.steps)}
    return {**_of_endpoint(asked), **plan, "served_entity_name": asked.plan.entity}


def _of_table(asked: Any) -> dict[str, Any]:  # noqa: ANN401  what is asked of an inference table
    told = {"full_name": asked.table.name, "retention_days": getattr(asked, "days", None)}
    sides = {"a": getattr(asked, "one", None), "b": getattr(asked, "other", None)}
    return {name: value for name, value in {**told, **sides}.items() if value is not None}


def _of_sharing(asked: Any) -> dict[str, Any]:  # noqa: ANN401  what is asked of who may do what with a file
    given = [{"user_name": name, "permission_level": level.value} for name, level in getattr(asked, "given", ())]
    return {"id": str(asked.number), "access_control_list": given}


def _of_old_name(asked: Any) -> dict[str, Any]:  # noqa: ANN401  an action on an old name
    return {"name": asked.name, "retired": getattr(getattr(asked, "change", None), "retired", None)}


WORDS: dict[tuple[str, ActionKind], Words] = {
    **jobs.words(permissions.GetPermissions),
    **approvals.WORDS,
    # The flat registry, and old names
    **{(f"{method} {at}/{path}", kind): words for at in PREFIXES for (method, path, kind), words in FLAT_WORDS.items()},
    **{(f"{method} {_OLD}", kind): _of_old_name for method, kind in _OLD_KINDS.items()},
    (f"GET {_OLD}/witnesses", legacy.ListSightings): _of_old_name,
    ("POST /api/2.0/modelyard/legacy-names", legacy.AddOldName): lambda asked: {
        "name": asked.name,
        "full_name": asked.target,
        "aliases": {},
    },
    (f"GET {FILES}", files.ListDirectory): lambda asked: {"path": f"{asked.model.name}/{asked.number}"},
    (
        f"GET {FILES}/{{model}}/{{version}}/{{path}}",
        files.FindFile,
    ): lambda asked: {
        "model": asked.model.name,
        "version": str(asked.number),
        "path": asked.path,
    },
    # Volumes
    (f"GET {UNITY}/volumes", volumes.ListVolumes): lambda asked: {
        **dict(zip(("catalog_name", "schema_name"), asked.inside.split("."), strict=True)),
        "include_browse": asked.browse,
    },
    ("POST /api/2.0/modelyard/volumes/{full_name}/outputs", outputs.BeginOutput): lambda asked: {
        "full_name": asked.volume.name,
        "about": {},
    },
    # Inference tables
    ("GET /api/2.0/modelyard/tables/{full_name}/rows", tables.ReadRows): _of_table,
    ("GET /api/2.0/modelyard/tables/{full_name}/compare", tables.CompareAnswers): _of_table,
    ("PATCH /api/2.0/modelyard/tables/{full_name}", tables.RetainRows): _of_table,
    (_PART, uploads.FindUpload): lambda asked: {**_plain(asked), "part_number": 1},
    (_PARTS, uploads.LinkToParts): lambda asked: {**_plain(asked), "start_part_number": 1, "count": 2},
    (f"GET {LEGACY}/model-versions/search", versions.SearchVersions): lambda asked: {
        "filter": f"name='{asked.asked.model}'"
    },
    # Copies
    (_COPY, copies.CopyVersion): _of_copy,
    (_COPY, copies.PromoteVersion): _of_copy,
    (_RELEASE, admission.ReleaseVersion): lambda asked: {
        "full_name": asked.model,
        "version": asked.number,
        "comment": asked.comment,
    },
    # Imports
    ("POST /api/2.0/modelyard/models/{full_name}/versions/import", imports.ImportVersion): _of_import,
    ("POST /api/2.0/modelyard/models/{full_name}/versions/import-flat", imports.ImportFlatVersion): _of_flat_version,
    ("POST /api/2.0/modelyard/flat-models/import", imports.ImportFlatModel): _of_flat_model,
    ("POST /api/2.0/modelyard/models/{full_name}/versions/{version}/take", imports.TakeFiles): _of_taking,
    # Principals, their secrets and tokens
    **{(f"POST {folder}", access.CreatePrincipal): _of_principal for folder in FOLDERS},
    **{(f"GET {folder}", access.ListPrincipals): _of_filter for folder in FOLDERS},
    **{(f"PATCH {folder}/{{id}}", access.UpdatePrincipal): _of_patch for folder in FOLDERS},
    **{(f"PUT {folder}/{{id}}", access.UpdatePrincipal): _of_put for folder in FOLDERS},
    **{(f"POST {path}", credentials.CreateSecret): _of_secret for path in _SECRETS},
    **{(f"GET {path}", credentials.ListSecrets): _of_secret for path in _SECRETS},
    **{(f"DELETE {path}/{{secret_id}}", credentials.DeleteSecret): _of_secret for path in _SECRETS},
    **{
        (f"PATCH {path}/{{token_id}}", tokens.UpdateToken): lambda asked: {
            "token_id": asked.id,
            "token": {"comment": asked.comment},
        }
        for path in _TOKENS
    },
    # Credentials for git servers
    (f"POST {_GIT}", git_credentials.CreateGitCredential): _of_git,
    (f"GET {_GIT}", git_credentials.ListGitCredentials): _of_git,
    (f"GET {_GIT}/{{credential_id}}", git_credentials.GetGitCredential): _of_git,
    (f"PATCH {_GIT}/{{credential_id}}", git_credentials.UpdateGitCredential): _of_git,
    (f"DELETE {_GIT}/{{credential_id}}", git_credentials.DeleteGitCredential): _of_git,
    # Secrets in scopes
    ("POST /api/2.0/secrets/put", secrets.PutSecret): lambda asked: {
        **_plain(asked),
        "string_value": asked.value.text(),
    },
    (f"GET {_TOKENS[1]}", tokens.FindTokens): lambda asked: {"created_by_username": asked.creator},
    # Files of the workspace
    ("POST /api/2.0/workspace/import", workspace.PrepareObject): lambda asked: {
        "path": asked.draft.path,
        "format": "RAW",
        "content": "YQ==",
    },
    ("POST /api/2.0/workspace-files/import-file/{path}", workspace.PrepareObject): lambda asked: {
        "path": asked.draft.path
    },
    **{
        (f"{method} /api/2.0/permissions/{kind}/{{id}}{more}", action): _of_sharing
        for kind in ("notebooks", "files", "directories")
        for method, more, action in (
            ("GET", "", workspace.GetObjectAccess),
            ("GET", "/permissionLevels", workspace.GetObjectAccess),
            ("PUT", "", workspace.ChangeObjectAccess),
            ("PATCH", "", workspace.ChangeObjectAccess),
        )
    },
    # Prompts
    (f"POST {_PROMPTS}/{{name}}/versions", prompts.CreatePromptVersion): lambda asked: {
        "name": asked.prompt.name,
        "prompt_version": {"template": asked.draft.template},
    },
    (f"PATCH {_PROMPTS}/{{name}}/versions/{{version}}", prompts.UpdatePromptVersion): lambda asked: {
        "name": asked.prompt.name,
        "version": str(asked.number),
        "prompt_version": {"description": asked.comment},
    },
    **{
        (f"POST {LEGACY}/prompt-versions/links-to-{what}", prompts.LinkPromptVersions): _of_links
        for what in ("models", "traces", "runs")
    },
    (_ARTIFACT_PART, artifacts.FindArtifactUpload): lambda asked: {
        **next(_of_experiment(_plain(asked), asked.experiment.name.rpartition("/")[2])),
        "part_number": 1,
    },
    ("GET /api/2.0/mlflow-artifacts/artifacts", artifacts.ListArtifacts): lambda asked: {
        "path": f"{asked.experiment.name.rpartition('/')[2]}/{asked.path}"
    },
    # Serving endpoints
    (f"POST {_SERVING}", endpoints.CreateEndpoint): _of_new_endpoint,
    (f"POST {_SERVING}/", endpoints.CreateEndpoint): _of_new_endpoint,
    (f"PUT {_SERVING}/{{name}}/config", endpoints.UpdateConfig): _of_config,
    (f"PATCH {_SERVING}/{{name}}/tags", endpoints.ChangeEndpointTags): lambda asked: {
        **_of_endpoint(asked),
        "add_tags": [{"key": tag.key, "value": tag.value} for tag in asked.change.add],
    },
    (f"PUT {_SERVING}/{{name}}/rate-limits", endpoints.SetRateLimits): _of_limits,
    (f"PUT {_PERMISSIONS}", permissions.ChangePermissions): _of_levels,
    (f"PATCH {_PERMISSIONS}", permissions.ChangePermissions): _of_levels,
    (f"POST {_OURS}/rollout", rollouts.StartRollout): _of_plan,
    (f"DELETE {_OURS}/rollout", rollouts.EndRollout): lambda asked: {**_of_endpoint(asked), "rollback": asked.back},
    ("POST /serving-endpoints/{name}/served-models/{served}/invocations", endpoints.Predict): lambda asked: {
        **_of_endpoint(asked),
        "served": "champion",
    },
    # Notifications
    (f"POST {_HOOKS}", destinations.CreateDestination): lambda asked: {
        "display_name": asked.display_name,
        "config": {"generic_webhook": asked.config.fields},
    },
    (f"PATCH {_OUR_HOOKS}", destinations.UpdateDestination): lambda asked: {"id": asked.id, "body": asked.body},
    # Tags, bindings, protected aliases
    (f"POST {_TAGS}", entity_tags.AssignTag): _of_entity,
    (f"GET {_TAGS_OF}", entity_tags.ListTags): _of_entity,
    (f"GET {_TAGS_OF}/{{tag_key}}", entity_tags.GetTag): _of_entity,
    (f"PATCH {_TAGS_OF}/{{tag_key}}", entity_tags.ChangeTag): _of_entity,
    (f"DELETE {_TAGS_OF}/{{tag_key}}", entity_tags.RemoveTag): _of_entity,
    (f"PATCH {UNITY}/securable-tags/{{securable_type}}/{{full_name}}", tagging.ChangeModelTags): _of_tag_change,
    (
        f"PATCH {UNITY}/subentity-tags/{{securable_type}}/{{full_name}}/{{version}}",
        tagging.ChangeVersionTags,
    ): _of_tag_change,
    (f"PATCH {UNITY}/workspace-bindings/catalogs/{{name}}", metastore.ChangeBindings): _of_bindings,
    (f"PATCH {UNITY}/bindings/{{securable_type}}/{{name}}", metastore.ChangeBindings): _of_bindings,
    ("PUT /api/2.0/modelyard/schemas/{full_name}/protected-aliases", aliases.ProtectAlias): lambda asked: {
        "full_name": asked.schema.name,
        "pattern": asked.pattern,
        "principals": list(asked.movers),
    },
    ("GET /api/2.0/modelyard/explain", explain.Explain): lambda asked: {
        "action": asked.action,
        "securable_type": "function",
        "full_name": asked.name,
        "principal": asked.principal,
    },
}
"""The words of a route for one of its actions, made of the example of that action."""
