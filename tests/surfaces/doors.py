"""The ways into one registry: two protocols by hand, and the real clients of both; all of them answer alike.

A door has a method for each operation that it knows, named as in `memory.Memory`. Whether the server has the route
behind it is looked up, so that a door opens wider with each route that is added.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from typing import Any, ClassVar
from urllib.parse import quote

import httpx
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors.base import DatabricksError
from databricks.sdk.service.catalog import PermissionsChange
from databricks.sdk.service.catalog import Privilege as SdkPrivilege
from mlflow.exceptions import MlflowException
from mlflow.tracking import MlflowClient

from modelyard import app
from modelyard.domain.privileges import Privilege
from modelyard.errors import NoSuchRoute
from modelyard.surfaces.routes import Routes
from tests.support import LEGACY, UNITY, Server
from tests.surfaces.memory import Refused, Told, depth, up
from tests.surfaces.world import FILES, MLMODEL

ROUTES = Routes(app.ROWS)
CODES = {"NOT_FOUND": "RESOURCE_DOES_NOT_EXIST", "ALREADY_EXISTS": "RESOURCE_ALREADY_EXISTS"}
PER_PAGE = 2
KINDS = ("catalogs", "schemas", "models")
TYPES = ("catalog", "schema", "function")


def is_offered(method: str, path: str) -> bool:
    """Whether the server has a route."""
    try:
        ROUTES.find(method, path, "")
    except NoSuchRoute:
        return False
    return True


@dataclass
class Call:
    """A request, and how its answer is read."""

    method: str
    path: str
    said: dict[str, Any]
    read: Callable[[Any], Any] = lambda _told: {}
    content: bytes | None = None


class Door:
    """One way in."""

    reads_first: ClassVar[frozenset[str]] = frozenset()
    """The operations before which a client reads the model by itself, so that whoever may not is refused."""

    def knows(self, op: str, name: str, args: tuple[Any, ...]) -> bool:
        """Whether it can be asked for an operation on a securable."""
        raise NotImplementedError

    def ask(self, op: str, who: str, name: str, args: tuple[Any, ...]) -> Any:  # noqa: ANN401  as the operation says
        """The answer, or `Refused`."""
        raise NotImplementedError


# By hand


class Protocol(Door):
    """A protocol, spoken by hand: each operation is one call, and lists are read page by page."""

    def __init__(self, clients: dict[str, httpx.Client]) -> None:
        self._clients = clients

    def _call(self, op: str, name: str, args: tuple[Any, ...]) -> Call | None:
        make = getattr(self, op, None)
        return make(name, *args) if make else None

    def knows(self, op: str, name: str, args: tuple[Any, ...]) -> bool:
        call = self._call(op, name, args)
        return call is not None and is_offered(call.method, call.path)

    def ask(self, op: str, who: str, name: str, args: tuple[Any, ...]) -> Any:  # noqa: ANN401  as of `Door`
        call = self._call(op, name, args)
        assert call
        if not op.startswith("list"):
            return call.read(self._send(self._clients[who], call))
        found: list[Any] = []
        while True:
            told = self._send(self._clients[who], call)
            found += call.read(told)
            if not (token := told.get("next_page_token")):
                return found
            call.said["page_token"] = token

    def _send(self, client: httpx.Client, call: Call) -> Any:  # noqa: ANN401  JSON
        in_query = call.method in {"GET", "DELETE"} or call.content is not None
        words: dict[str, Any] = {"params": call.said} if in_query else {"json": call.said}
        answer = client.request(call.method, call.path, content=call.content, **words)
        assert answer.status_code < 500, answer.text
        told = answer.json() if answer.content else {}
        if answer.is_error:
            code: str = told["error_code"]
            raise Refused(CODES.get(code, code))
        return told


def tags(told: Iterable[dict[str, str]]) -> dict[str, str]:
    return {each["key"]: each["value"] for each in told}


def legacy_model(told: Told) -> Told:
    model = told["registered_model"]
    return {
        "name": model["name"],
        "owner": model["user_id"],
        "comment": model["description"],
        "tags": tags(model["tags"]),
        "aliases": {each["alias"]: int(each["version"]) for each in model["aliases"]},
    }


def legacy_version(told: Told) -> Told:
    version = told["model_version"]
    return {
        "name": version["name"],
        "version": int(version["version"]),
        "status": version["status"],
        "comment": version["description"],
        "tags": tags(version["tags"]),
        "aliases": sorted(each["alias"] for each in version["aliases"]),
    }


class Legacy(Protocol):
    """What MLflow's client speaks with `databricks-uc`, with the files of versions beside it."""

    def create(self, name: str, comment: str) -> Call | None:
        return self._model("POST", "create", name, description=comment)

    def get(self, name: str) -> Call | None:
        return self._model("GET", "get", name)

    def comment(self, name: str, comment: str) -> Call | None:
        return self._model("PATCH", "update", name, description=comment)

    def rename(self, name: str, new: str) -> Call | None:
        return self._model("PATCH", "update", name, new_name=f"{up(name)[0]}.{new}")

    def _model(self, method: str, path: str, name: str, **said: object) -> Call | None:
        if depth(name) != 2:
            return None
        return Call(method, f"{LEGACY}/registered-models/{path}", {"name": name, **said}, legacy_model)

    def delete(self, name: str, _force: str) -> Call | None:
        return self._quiet("DELETE", "registered-models/delete", name) if depth(name) == 2 else None

    def list(self, name: str) -> Call | None:
        """Only of a schema: this protocol has one list, of all models."""
        if depth(name) != 1:
            return None
        inside = name.lower() + "."

        def read(told: Told) -> list[str]:
            names = [each["name"] for each in told.get("registered_models", [])]
            return [each for each in names if each.startswith(inside)]

        return Call("GET", f"{LEGACY}/registered-models/search", {"max_results": PER_PAGE}, read)

    def tag(self, name: str, key: str, value: str) -> Call:
        return self._quiet("POST", "registered-models/set-tag", name, key=key, value=value)

    def untag(self, name: str, key: str) -> Call:
        return self._quiet("DELETE", "registered-models/delete-tag", name, key=key)

    def point(self, name: str, alias: str, number: int) -> Call:
        return self._quiet("POST", "registered-models/alias", name, alias=alias, version=str(number))

    def unpoint(self, name: str, alias: str) -> Call:
        return self._quiet("DELETE", "registered-models/alias", name, alias=alias)

    def by_alias(self, name: str, alias: str) -> Call:
        return Call("GET", f"{LEGACY}/registered-models/alias", {"name": name, "alias": alias}, legacy_version)

    def register(self, name: str) -> Call:
        return self._version("POST", "create", name, source="here")

    def upload(self, name: str, number: int) -> Call:
        path = f"{FILES}/Models/{name.replace('.', '/')}/{number}/MLmodel"
        return Call("PUT", path, {"overwrite": "true"}, content=MLMODEL)

    def finalize(self, name: str, number: int) -> Call:
        return self._version("POST", "finalize", name, version=str(number))

    def get_version(self, name: str, number: int) -> Call:
        return self._version("GET", "get", name, version=str(number))

    def comment_version(self, name: str, number: int, comment: str) -> Call:
        return self._version("PATCH", "update", name, version=str(number), description=comment)

    def _version(self, method: str, path: str, name: str, **said: object) -> Call:
        return Call(method, f"{LEGACY}/model-versions/{path}", {"name": name, **said}, legacy_version)

    def delete_version(self, name: str, number: int) -> Call:
        return self._quiet("DELETE", "model-versions/delete", name, version=str(number))

    def tag_version(self, name: str, number: int, key: str, value: str) -> Call:
        return self._quiet("POST", "model-versions/set-tag", name, version=str(number), key=key, value=value)

    def untag_version(self, name: str, number: int, key: str) -> Call:
        return self._quiet("DELETE", "model-versions/delete-tag", name, version=str(number), key=key)

    def list_versions(self, name: str) -> Call:
        said = {"filter": f"name='{name}'", "max_results": PER_PAGE}
        return Call(
            "GET",
            f"{LEGACY}/model-versions/search",
            said,
            lambda told: [int(each["version"]) for each in told.get("model_versions", [])],
        )

    def _quiet(self, method: str, path: str, name: str, **said: object) -> Call:
        return Call(method, f"{LEGACY}/{path}", {"name": name, **said})


def native(told: Told) -> Told:
    """A catalog, schema or model; what was not asked for is not looked at."""
    found = {"name": told.get("full_name", told["name"]), "owner": told["owner"], "comment": told.get("comment", "")}
    if "aliases" in told:
        found["aliases"] = {each["alias_name"]: each["version_num"] for each in told["aliases"]}
    return found


def native_version(told: Told) -> Told:
    return {
        "name": ".".join(told[level] for level in ("catalog_name", "schema_name", "model_name")),
        "version": told["version"],
        "status": told["status"],
        "comment": told.get("comment", ""),
    }


class Native(Protocol):
    """Unity Catalog's own protocol."""

    def create(self, name: str, comment: str) -> Call:
        levels = name.split(".")
        said = dict(zip(("catalog_name", "schema_name"), levels[:-1], strict=False))
        path = f"{UNITY}/{KINDS[depth(name)]}"
        return Call("POST", path, {"name": levels[-1], "comment": comment, **said}, native)

    def get(self, name: str) -> Call:
        return self._one("GET", name, include_aliases="true")

    def comment(self, name: str, comment: str) -> Call:
        return self._one("PATCH", name, comment=comment)

    def give(self, name: str, owner: str) -> Call:
        return self._one("PATCH", name, owner=owner)

    def rename(self, name: str, new: str) -> Call:
        return self._one("PATCH", name, new_name=new)

    def delete(self, name: str, force: str) -> Call:
        return Call("DELETE", f"{UNITY}/{KINDS[depth(name)]}/{quote(name)}", {"force": force})

    def _one(self, method: str, name: str, **said: object) -> Call:
        return Call(method, f"{UNITY}/{KINDS[depth(name)]}/{quote(name)}", said, native)

    def list(self, name: str) -> Call:
        kind = KINDS[depth(name) + 1 if name else 0]
        said = dict(zip(("catalog_name", "schema_name"), name.split(".") if name else (), strict=False))
        key = "registered_models" if kind == "models" else kind
        words = {**said, "max_results": PER_PAGE}
        return Call("GET", f"{UNITY}/{kind}", words, lambda told: [each["full_name"] for each in told.get(key, [])])

    def grant(self, name: str, to: str, add: frozenset[Privilege], remove: frozenset[Privilege]) -> Call:
        change = {"principal": to, "add": sorted(add), "remove": sorted(remove)}
        return Call("PATCH", f"{UNITY}/permissions/{TYPES[depth(name)]}/{quote(name)}", {"changes": [change]})

    def point(self, name: str, alias: str, number: int) -> Call:
        return Call("PUT", f"{UNITY}/models/{quote(name)}/aliases/{alias}", {"version_num": number})

    def unpoint(self, name: str, alias: str) -> Call:
        return Call("DELETE", f"{UNITY}/models/{quote(name)}/aliases/{alias}", {})

    def by_alias(self, name: str, alias: str) -> Call:
        return Call("GET", f"{UNITY}/models/{quote(name)}/aliases/{alias}", {}, native_version)

    def register(self, name: str) -> Call:
        said = dict(zip(("catalog_name", "schema_name", "model_name"), name.split("."), strict=True))
        return Call("POST", f"{UNITY}/models/versions", {**said, "source": "here"}, native_version)

    def finalize(self, name: str, number: int) -> Call:
        return self._version("PATCH", name, f"/{number}/finalize")

    def get_version(self, name: str, number: int) -> Call:
        return self._version("GET", name, f"/{number}")

    def comment_version(self, name: str, number: int, comment: str) -> Call:
        return self._version("PATCH", name, f"/{number}", comment=comment)

    def _version(self, method: str, name: str, path: str, **said: object) -> Call:
        return Call(method, f"{UNITY}/models/{quote(name)}/versions{path}", said, native_version)

    def delete_version(self, name: str, number: int) -> Call:
        return Call("DELETE", f"{UNITY}/models/{quote(name)}/versions/{number}", {})


# By their real clients


class Clients(Door):
    """A client of somebody else's making, one for each person."""

    def __init__(self, clients: dict[str, Any]) -> None:
        self._clients = clients

    def knows(self, op: str, name: str, args: tuple[Any, ...]) -> bool:
        """Whether the client has a way to say it of such a securable."""
        del args
        return hasattr(self, op) and depth(name) in self.depths.get(op, (2,))

    depths: ClassVar[Mapping[str, tuple[int, ...]]] = {}
    """How deep the securables lie of which it says something, if not only of models."""

    def ask(self, op: str, who: str, name: str, args: tuple[Any, ...]) -> Any:  # noqa: ANN401  as of `Door`
        try:
            return getattr(self, op)(self._clients[who], name, *args)
        except (MlflowException, DatabricksError) as failure:
            raise Refused(str(failure.error_code)) from failure


class Mlflow(Clients):
    """MLflow's client. Before most changes it looks whether the model is not a prompt."""

    depths: ClassVar[Mapping[str, tuple[int, ...]]] = {"list": (1,)}
    reads_first = frozenset({"comment", "rename", "delete", "point", "unpoint", "comment_version", "delete_version"})

    def create(self, client: MlflowClient, name: str, comment: str) -> Told:
        return self._model(client.create_registered_model(name, description=comment))

    def get(self, client: MlflowClient, name: str) -> Told:
        return self._model(client.get_registered_model(name))

    def comment(self, client: MlflowClient, name: str, comment: str) -> Told:
        return self._model(client.update_registered_model(name, description=comment))

    def rename(self, client: MlflowClient, name: str, new: str) -> Told:
        client.rename_registered_model(name, f"{up(name)[0]}.{new}")
        return {}

    def delete(self, client: MlflowClient, name: str, _force: str) -> Told:
        client.delete_registered_model(name)
        return {}

    def list(self, client: MlflowClient, name: str) -> list[str]:
        found: list[str] = []
        token = None
        while True:
            page = client.search_registered_models(max_results=PER_PAGE, page_token=token)
            found += [model.name for model in page]
            if not (token := page.token):
                return [each for each in found if each.startswith(name.lower() + ".")]

    def tag(self, client: MlflowClient, name: str, key: str, value: str) -> Told:
        client.set_registered_model_tag(name, key, value)
        return {}

    def untag(self, client: MlflowClient, name: str, key: str) -> Told:
        client.delete_registered_model_tag(name, key)
        return {}

    def point(self, client: MlflowClient, name: str, alias: str, number: int) -> Told:
        client.set_registered_model_alias(name, alias, str(number))
        return {}

    def unpoint(self, client: MlflowClient, name: str, alias: str) -> Told:
        client.delete_registered_model_alias(name, alias)
        return {}

    def by_alias(self, client: MlflowClient, name: str, alias: str) -> Told:
        return self._version(client.get_model_version_by_alias(name, alias))

    def get_version(self, client: MlflowClient, name: str, number: int) -> Told:
        return self._version(client.get_model_version(name, str(number)))

    def comment_version(self, client: MlflowClient, name: str, number: int, comment: str) -> Told:
        return self._version(client.update_model_version(name, str(number), description=comment))

    def delete_version(self, client: MlflowClient, name: str, number: int) -> Told:
        client.delete_model_version(name, str(number))
        return {}

    def tag_version(self, client: MlflowClient, name: str, number: int, key: str, value: str) -> Told:
        client.set_model_version_tag(name, str(number), key, value)
        return {}

    def _model(self, model: Any) -> Told:  # noqa: ANN401  MLflow's own entity
        return {"name": model.name, "comment": model.description or "", "tags": model.tags}

    def _version(self, version: Any) -> Told:  # noqa: ANN401  as above
        told = {"name": version.name, "version": int(version.version), "status": version.status}
        return {**told, "comment": version.description or "", "tags": version.tags, "aliases": sorted(version.aliases)}


class Databricks(Clients):
    """The Databricks SDK, as far as it knows the privileges."""

    depths: ClassVar[Mapping[str, tuple[int, ...]]] = {
        **dict.fromkeys(("create", "get", "comment", "give", "rename", "delete", "grant"), (0, 1, 2)),
        "list": (0, 1),
    }

    def knows(self, op: str, name: str, args: tuple[Any, ...]) -> bool:
        """As other clients do; a grant only of what its list of privileges holds."""
        words = {str(each) for each in itertools.chain(*args[1:])} if op == "grant" else set()
        return super().knows(op, name, args) and words <= {each.value for each in SdkPrivilege}

    def create(self, client: WorkspaceClient, name: str, comment: str) -> Told:
        levels = dict(zip(("name", "schema_name", "catalog_name"), reversed(name.split(".")), strict=False))
        if depth(name) == 1:
            levels["catalog_name"] = levels.pop("schema_name")
        return native(self._of(client, name).create(comment=comment, **levels).as_dict())

    def get(self, client: WorkspaceClient, name: str) -> Told:
        return native(self._of(client, name).get(name).as_dict())

    def comment(self, client: WorkspaceClient, name: str, comment: str) -> Told:
        return native(self._of(client, name).update(name, comment=comment).as_dict())

    def give(self, client: WorkspaceClient, name: str, owner: str) -> Told:
        return native(self._of(client, name).update(name, owner=owner).as_dict())

    def rename(self, client: WorkspaceClient, name: str, new: str) -> Told:
        return native(self._of(client, name).update(name, new_name=new).as_dict())

    def delete(self, client: WorkspaceClient, name: str, force: str) -> Told:
        words = {"force": force == "true"} if depth(name) < 2 else {}
        self._of(client, name).delete(name, **words)
        return {}

    def list(self, client: WorkspaceClient, name: str) -> list[str]:
        if not name:
            return [str(each.name) for each in client.catalogs.list(max_results=PER_PAGE)]
        if depth(name) == 0:
            return [str(each.full_name) for each in client.schemas.list(name, max_results=PER_PAGE)]
        catalog, schema = name.split(".")
        listed = client.registered_models.list(catalog_name=catalog, schema_name=schema, max_results=PER_PAGE)
        return [str(each.full_name) for each in listed]

    def grant(
        self, client: WorkspaceClient, name: str, to: str, add: frozenset[Privilege], remove: frozenset[Privilege]
    ) -> Told:
        words = {"add": [SdkPrivilege(each) for each in add], "remove": [SdkPrivilege(each) for each in remove]}
        client.grants.update(TYPES[depth(name)], name, changes=[PermissionsChange(principal=to, **words)])
        return {}

    def _of(self, client: WorkspaceClient, name: str) -> Any:  # noqa: ANN401  one of three interfaces
        return (client.catalogs, client.schemas, client.registered_models)[depth(name)]


def mlflow_clients(profiles: dict[str, str]) -> dict[str, MlflowClient]:
    """Clients by person, each with the profile that holds its token, and without a tracking store on this machine."""
    return {
        who: MlflowClient(f"databricks://{profile}", f"databricks-uc://{profile}") for who, profile in profiles.items()
    }


def sdk_clients(server: Server, tokens: dict[str, str]) -> dict[str, WorkspaceClient]:
    """Clients by person."""
    return {who: WorkspaceClient(host=server.url, token=token, auth_type="pat") for who, token in tokens.items()}
