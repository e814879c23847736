"""Model versions and aliases.

MLflow's `uc:` client opens the `storage_location` of a version by itself where it is a `file://` URL. Near clients of
that kind are served by rows of their own, which hand out folders of the exchange; nobody else sees one.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import exchange, finalize, models, versions
from modelyard.domain import names, pages
from modelyard.domain.aliases import reason
from modelyard.domain.cards import Draft, Examined, with_taken
from modelyard.domain.files import Location
from modelyard.domain.models import Registration, Status, Version
from modelyard.domain.pages import Page
from modelyard.domain.privileges import Kind
from modelyard.errors import Invalid
from modelyard.surfaces import finalizing, heard
from modelyard.surfaces.unity.words import MOST, alias_info, aliases, at, paged
from modelyard.surfaces.wire import (
    AnyAction,
    Bytes,
    Here,
    Joining,
    Pair,
    Reply,
    Row,
    Translation,
    short,
    stored_by_default,
    tag_dicts,
    tags,
    text,
    with_digest,
)

_DEFAULT: Final = 100
_READ, _READ_WRITE = "READ_MODEL_VERSION", "READ_WRITE_MODEL_VERSION"
_DEPENDENCIES: Final = {
    "DATABRICKS_TABLE": ("table", "table_full_name"),
    "DATABRICKS_VECTOR_INDEX": ("table", "table_full_name"),
    "DATABRICKS_UC_FUNCTION": ("function", "function_full_name"),
    "DATABRICKS_UC_CONNECTION": ("connection", "connection_name"),
}
"""How kinds of dependency are written here; the others have no word on this surface."""


# What is said


class OfModel(msgspec.Struct, frozen=True):
    """A model by the name in the path, and a page of what it has."""

    full_name: str = ""
    max_results: int | None = None
    page_token: str | None = None

    @property
    def model(self) -> Ref:
        """The model."""
        return Ref(Kind.MODEL, names.model(self.full_name))


class OneVersion(OfModel, frozen=True):
    """A version by the number in the path."""

    version: str | int = ""
    include_aliases: bool = False

    @property
    def where(self) -> tuple[Ref, int]:
        """The model, and the version's number."""
        return self.model, names.version(self.version)


class ChangedVersion(OneVersion, frozen=True):
    """UpdateModelVersion."""

    comment: str | None = None


class InPieces(msgspec.Struct, frozen=True):
    """A model by the three levels of its name."""

    catalog_name: str = ""
    schema_name: str = ""
    model_name: str = ""

    @property
    def model(self) -> Ref:
        """The model."""
        levels = (self.catalog_name, self.schema_name, self.model_name)
        return Ref(Kind.MODEL, ".".join(names.simple(level) for level in levels))


class Dependency(msgspec.Struct, frozen=True):
    """ModelVersionDependency: one of three, each with one name."""

    table: dict[str, str] | None = None
    function: dict[str, str] | None = None
    connection: dict[str, str] | None = None

    def pairs(self) -> list[tuple[str, str]]:
        """Types and names, as they are kept."""
        said = (
            ("DATABRICKS_TABLE", self.table),
            ("DATABRICKS_UC_FUNCTION", self.function),
            ("DATABRICKS_UC_CONNECTION", self.connection),
        )
        return [(kind, text(told.get(_DEPENDENCIES[kind][1]))) for kind, told in said if told]


class DependencyList(msgspec.Struct, frozen=True):
    """What a version depends on."""

    dependencies: list[Dependency] | None = None


class NewVersion(InPieces, frozen=True):
    """CreateModelVersion."""

    source: str | None = None
    run_id: str | None = None
    comment: str | None = None
    tags: list[Pair] | None = None
    model_version_dependencies: DependencyList | None = None
    model_id: str | None = None
    run_tracking_server_id: str | None = None
    lineage_header: str = ""

    def dependencies(self) -> tuple[tuple[str, str], ...]:
        """What it depends on, as pairs."""
        told = self.model_version_dependencies
        return tuple(pair for each in (told.dependencies if told else None) or () for pair in each.pairs())


class Credentials(InPieces, frozen=True):
    """GenerateTemporaryModelVersionCredential; `client` is the name and version of who asks."""

    version: str | int = ""
    operation: str = ""
    client: str = ""


class OneAlias(OfModel, frozen=True):
    """An alias by the name in the path, and the version that it is to point at."""

    alias: str = ""
    version_num: int | None = None
    expected_version: int | None = None
    reason: str = ""
    include_aliases: bool = False

    @property
    def where(self) -> tuple[Ref, str]:
        """The model and the alias."""
        return self.model, names.alias(self.alias)


# How it is read


def _create(said: NewVersion) -> AnyAction:
    told = Registration(
        source=text(said.source),
        run_id=short(said.run_id),
        run_tracking_server_id=short(said.run_tracking_server_id),
        comment=text(said.comment),
        model_id=short(said.model_id),
        tags=tags(said.tags),
        dependencies=said.dependencies(),
        sources=heard.from_header(said.lineage_header),
    )
    return versions.register(said.model, told)


def _list(said: OfModel) -> AnyAction:
    query = f"versions of {said.model.name}"
    window = pages.window(said.max_results, said.page_token, query, default=_DEFAULT, most=MOST)
    return versions.ListVersions(said.model, window)


def _update(said: ChangedVersion) -> AnyAction:
    if said.comment is None:
        raise Invalid("comment is what can change about a version; send it.")
    return versions.UpdateVersion(*said.where, text(said.comment))


def _credentials(said: Credentials) -> AnyAction:
    if said.client.startswith("mlflow-python-client/"):
        raise Invalid(
            "MLflow's `uc:` client opens files by itself, so it works only on the server's own machine. "
            'Elsewhere use mlflow.set_registry_uri("databricks-uc") with DATABRICKS_HOST and DATABRICKS_TOKEN.',
        )
    where = said.model, names.version(said.version)
    if said.operation == _READ_WRITE:
        return versions.GetUploadLeave(*where)
    if said.operation == _READ:
        return versions.GetDownloadUri(*where)
    raise Invalid(f"operation must be {_READ} or {_READ_WRITE}.")


def _set_alias(said: OneAlias) -> AnyAction:
    if said.version_num is None:
        raise Invalid("version_num must say which version the alias is to point at.")
    return models.SetAlias(*said.where, names.version(said.version_num), said.expected_version, reason(said.reason))


def _delete_alias(said: OneAlias) -> AnyAction:
    return models.DeleteAlias(*said.where, said.expected_version, reason(said.reason))


# How it is written


def _info(version: Version, here: Here, location: str = "") -> dict[str, object]:
    catalog, schema, name = version.model.split(".")
    told: dict[str, object] = {
        "model_name": name,
        "catalog_name": catalog,
        "schema_name": schema,
        "version": version.number,
        "id": version.id,
        "metastore_id": here.metastore_id,
        "source": version.source,
        "run_id": version.run_id,
        "comment": version.comment,
        "status": version.status.value,
        "storage_location": location or str(Location(version.model, version.number, "")),
        "created_at": version.created_at,
        "created_by": version.created_by,
        "updated_at": version.updated_at,
        "updated_by": version.updated_by,
        "tags": tag_dicts(version.tags),
        "model_id": version.model_id,
    }
    if version.digest:
        told["digest"] = version.digest
    if version.run_tracking_server_id.isdecimal():
        told["run_workspace_id"] = int(version.run_tracking_server_id)
    if written := _written_dependencies(version):
        told["model_version_dependencies"] = {"dependencies": written}
    return told


def _written_dependencies(version: Version) -> list[dict[str, object]]:
    known = [(_DEPENDENCIES[kind], name) for kind, name in version.dependencies if kind in _DEPENDENCIES]
    return [{word: {field: name}} for (word, field), name in known]


def _whole(version: Version, here: Here) -> Reply:
    """A version with its aliases; those were asked for, or there are none."""
    return with_digest({**_info(version, here), **aliases(version.model, version.aliases)}, version)


def _page(page: Page[Version], here: Here) -> object:
    return paged({"model_versions": [_info(version, here) for version in page.items]}, page)


# Near clients


def _placed(store: Bytes, _said: NewVersion, version: Version) -> tuple[Version, str]:
    return version, store.place(version.id)


def _lent(store: Bytes, _said: OneVersion, found: exchange.Handover) -> tuple[Version, str]:
    """The version, and where its files are for this client: nowhere, if it may not read or bring them."""
    if found.may_bring:
        return found.version, store.place(found.version.id)
    return found.version, store.lend(found.files) if found.files else ""


def _taken(store: Bytes, _said: OneVersion, draft: Draft) -> Examined:
    """The files that the client brought; none, if an answer was lost and all is done already."""
    if draft.version.status is not Status.PENDING_REGISTRATION:
        return Examined()
    taken = store.take(draft.version)
    examined = store.examine(replace(draft, files=with_taken(draft.files, taken)))
    return replace(examined, taken=(*taken, *examined.taken))


def _located(found: tuple[Version, str], here: Here) -> dict[str, object]:
    version, location = found
    return {**_info(version, here, location), **aliases(version.model, version.aliases)}


_VERSIONS: Final = at("models/{full_name}/versions")
_VERSION: Final = _VERSIONS + "/{version}"
_ALIAS: Final = at("models/{full_name}/aliases/{alias}")

ROWS: Final[tuple[Row, ...]] = (
    Translation(
        "POST",
        at("models/versions"),
        NewVersion,
        _create,
        _info,
        hears=heard.HEADER,
        near=Joining("POST", at("models/versions"), NewVersion, ask=_create, move=_placed, write=_located),
    ),
    Translation("GET", _VERSIONS, OfModel, _list, _page),
    Translation(
        "GET",
        _VERSION,
        OneVersion,
        read=lambda said: versions.GetVersion(*said.where, with_aliases=said.include_aliases),
        write=_whole,
        near=Joining(
            "GET",
            _VERSION,
            OneVersion,
            ask=lambda said: exchange.HandOver(*said.where, with_aliases=said.include_aliases),
            move=_lent,
            write=_located,
        ),
    ),
    Translation("PATCH", _VERSION, ChangedVersion, _update, _info),
    Translation(
        "DELETE",
        _VERSION,
        OneVersion,
        read=lambda said: versions.DeleteVersion(*said.where),
    ),
    Joining(
        "PATCH",
        _VERSION + "/finalize",
        OneVersion,
        ask=lambda said: finalize.PrepareFinalize(*said.where),
        move=lambda store, _said, draft: store.examine(draft),
        keep=lambda said, examined: finalize.FinalizeVersion(*said.where, examined=examined),
        after=lambda store, draft, _version: store.tidy(draft),
        once=finalizing.ONCE,
        write=_info,
        near=Joining(
            "PATCH",
            _VERSION + "/finalize",
            OneVersion,
            ask=lambda said: finalize.PrepareFinalize(*said.where),
            move=_taken,
            keep=lambda said, examined: finalize.FinalizeVersion(*said.where, examined=examined),
            once=finalizing.ONCE,
            after=lambda store, draft, _version: store.forget(draft.version.id),
            write=_info,
        ),
    ),
    Translation(
        "POST",
        at("temporary-model-version-credentials"),
        Credentials,
        read=_credentials,
        write=lambda _result, _here: stored_by_default(),
        hears=(("user-agent", "client"),),
    ),
    Translation(
        "PUT",
        _ALIAS,
        OneAlias,
        read=_set_alias,
        write=lambda moved, _here: alias_info(moved.model, moved.alias),
    ),
    Translation(
        "DELETE",
        _ALIAS,
        OneAlias,
        read=_delete_alias,
    ),
    Translation(
        "GET",
        _ALIAS,
        OneAlias,
        read=lambda said: models.GetVersionByAlias(*said.where, with_aliases=said.include_aliases),
        write=_whole,
    ),
)
