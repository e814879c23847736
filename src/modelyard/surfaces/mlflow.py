"""MLflow's client with `databricks-uc`: `/api/2.0/mlflow/unity-catalog/*` for models and versions.

The shapes are those of MLflow's `UcModelRegistryService` (protocol notes §1.a): versions are strings, answers are
wrapped, unknown fields are passed over.
"""

from __future__ import annotations

from typing import Any, Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import access, exchange, finalize, lineage, models, versions
from modelyard.domain import filters, names, pages
from modelyard.domain.aliases import reason
from modelyard.domain.files import Lease
from modelyard.domain.lineage import Direction
from modelyard.domain.models import Alias, RegisteredModel, Registration, Version
from modelyard.domain.pages import Page
from modelyard.domain.privileges import Kind
from modelyard.errors import Invalid
from modelyard.surfaces import finalizing, heard
from modelyard.surfaces.wire import (
    AnyAction,
    Bytes,
    Here,
    Joining,
    Nothing,
    Pair,
    Row,
    Translation,
    deployment_dict,
    short,
    stored_by_default,
    tag_dicts,
    tags,
    text,
    with_digest,
)

PREFIX: Final = "/api/2.0/mlflow/unity-catalog"
READ_WRITE: Final = "MODEL_VERSION_OPERATION_READ_WRITE"
READ: Final = "MODEL_VERSION_OPERATION_READ"
_DIRECTIONS: Final = {side.name: side for side in Direction}
_MODELS_DEFAULT, _MODELS_MOST = 100, 1_000
_VERSIONS_MOST = 10_000


# What is said


class Named(msgspec.Struct, frozen=True):
    """A registered model's full name."""

    name: str = ""

    @property
    def ref(self) -> Ref:
        """The model."""
        return model_ref(self.name)


class NamedVersion(Named, frozen=True):
    """A model version."""

    version: str | int = ""

    @property
    def number(self) -> int:
        """Its number."""
        return names.version(self.version)


class NewModel(Named, frozen=True):
    """CreateRegisteredModel."""

    tags: list[Pair] | None = None
    description: str | None = None
    deployment_job_id: str | None = None


class ChangedModel(Named, frozen=True):
    """UpdateRegisteredModel."""

    new_name: str | None = None
    description: str | None = None
    deployment_job_id: str | None = None


class Dependency(msgspec.Struct, frozen=True):
    """What a version depends on."""

    type: str = ""
    name: str = ""


class NewVersion(Named, frozen=True):
    """CreateModelVersion."""

    source: str | None = None
    run_id: str | None = None
    description: str | None = None
    run_tracking_server_id: str | None = None
    tags: list[Pair] | None = None
    model_version_dependencies: list[Dependency] | None = None
    model_id: str | None = None
    lineage_header: str = ""


class ChangedVersion(NamedVersion, frozen=True):
    """UpdateModelVersion."""

    description: str | None = None


class Search(msgspec.Struct, frozen=True):
    """A page of a search."""

    filter: str | None = None
    order_by: Any = None
    max_results: int | None = None
    page_token: str | None = None


class Credentials(NamedVersion, frozen=True):
    """GenerateTemporaryModelVersionCredentials."""

    operation: str = READ


class Lineage(NamedVersion, frozen=True):
    """EmitModelVersionLineage."""

    model_version_lineage_info: heard.Info = heard.Info()
    securable: heard.Securable | None = None


class NamedAlias(NamedVersion, frozen=True):
    """An alias of a model, and the version it will point at."""

    alias: str = ""
    expected_version: int | None = None
    reason: str = ""


class NamedTag(NamedVersion, frozen=True):
    """A tag of a model or of a version."""

    key: str = ""
    value: str | None = None

    @property
    def pair(self) -> Pair:
        """The tag."""
        return Pair(self.key, self.value)


def model_ref(name: str) -> Ref:
    """A model by its full name."""
    return Ref(Kind.MODEL, names.model(name))


# How it is read


def _create_model(said: NewModel) -> AnyAction:
    container, name = names.split(said.ref.name)
    return models.CreateModel(
        Ref(Kind.SCHEMA, container),
        names.new_simple(name),
        text(said.description),
        tags(said.tags),
        short(said.deployment_job_id),
    )


def _update_model(said: ChangedModel) -> AnyAction:
    change = models.ModelChange(
        comment=None if said.description is None else text(said.description),
        deployment_job_id=None if said.deployment_job_id is None else short(said.deployment_job_id),
    )
    return models.update(said.ref, said.new_name, change)


def _create_version(said: NewVersion) -> AnyAction:
    told = Registration(
        source=text(said.source),
        run_id=short(said.run_id),
        run_tracking_server_id=short(said.run_tracking_server_id),
        comment=text(said.description),
        model_id=short(said.model_id),
        tags=tags(said.tags),
        dependencies=tuple((each.type, each.name) for each in said.model_version_dependencies or ()),
        sources=heard.from_header(said.lineage_header),
    )
    return versions.register(said.ref, told)


def _search_models(said: Search) -> AnyAction:
    if said.filter or said.order_by:
        raise Invalid("registered models can be listed only: leave filter and order_by out.")
    window = pages.window(said.max_results, said.page_token, "models", default=_MODELS_DEFAULT, most=_MODELS_MOST)
    return models.SearchModels(window)


def _search_versions(said: Search) -> AnyAction:
    if said.order_by:
        raise Invalid("model versions come newest first: leave order_by out.")
    asked = filters.versions(said.filter or "")
    window = pages.window(
        said.max_results,
        said.page_token,
        f"versions {asked}",
        default=_VERSIONS_MOST,
        most=_VERSIONS_MOST,
    )
    return versions.SearchVersions(asked, window)


def _credentials(said: Credentials) -> AnyAction:
    if said.operation == READ_WRITE:
        return versions.GetUploadLeave(said.ref, said.number)
    if said.operation == READ:
        return versions.GetDownloadUri(said.ref, said.number)
    raise Invalid(f"operation must be {READ} or {READ_WRITE}.")


def _note_lineage(said: Lineage) -> AnyAction:
    info = said.model_version_lineage_info
    direction = _DIRECTIONS.get(info.direction)
    if direction is None:
        raise Invalid(f"direction must be one of {', '.join(_DIRECTIONS)}.")
    ends = heard.ends(info.entities, [said.securable] if said.securable else [])
    return lineage.NoteLineage(said.ref, said.number, direction, ends)


def _set_alias(said: NamedAlias) -> AnyAction:
    return models.SetAlias(said.ref, names.alias(said.alias), said.number, said.expected_version, reason(said.reason))


# How it is written


def aliases(given: tuple[Alias, ...]) -> list[dict[str, str]]:
    """Aliases as this surface writes them."""
    return [{"alias": alias.name, "version": str(alias.version)} for alias in given]


def _model(model: RegisteredModel) -> dict[str, object]:
    return {
        "name": model.full_name,
        "creation_timestamp": model.created_at,
        "last_updated_timestamp": model.updated_at,
        "user_id": model.owner,
        "description": model.comment,
        "aliases": aliases(model.aliases),
        "tags": tag_dicts(model.tags),
        "deployment_job_id": model.deployment_job_id,
        **({"deployment_job_state": model.deployment_job_state} if model.deployment_job_state else {}),
    }


def _version(version: Version, location: str = "") -> dict[str, object]:
    return {
        "name": version.model,
        "version": str(version.number),
        "creation_timestamp": version.created_at,
        "last_updated_timestamp": version.updated_at,
        "user_id": version.created_by,
        "description": version.comment,
        "source": version.source,
        "run_id": version.run_id,
        "run_tracking_server_id": version.run_tracking_server_id,
        "status": version.status.value,
        "status_message": version.status_message,
        "storage_location": location or _location(version),
        "aliases": aliases(version.aliases),
        "tags": tag_dicts(version.tags),
        "model_id": version.model_id,
        **({"digest": version.digest} if version.digest else {}),
        **({"deployment_job_state": deployment_dict(version.deployment)} if version.deployment else {}),
    }


def _location(version: Version) -> str:
    return f"/Models/{version.model.replace('.', '/')}/{version.number}"


def _wrapped_model(model: RegisteredModel, _here: Here) -> object:
    return {"registered_model": _model(model)}


def _wrapped_version(version: Version, _here: Here) -> object:
    return with_digest({"model_version": _version(version)}, version)


def _model_page(page: Page[RegisteredModel], _here: Here) -> object:
    found = [_model(model) for model in page.items]
    return {"registered_models": found, "next_page_token": pages.token(page)}


def _version_page(page: Page[Version], _here: Here) -> object:
    found = [_version(version) for version in page.items]
    return {"model_versions": found, "next_page_token": pages.token(page)}


def _wrapped_credentials(_result: object, _here: Here) -> object:
    return {"credentials": stored_by_default()}


def _files_mode(_result: object, here: Here) -> object:
    return {"is_databricks_sdk_models_artifact_repository_enabled": not here.presigned}


def _at(path: str) -> str:
    return f"{PREFIX}/{path}"


# MLflow before 2.13 knows no Files API: it takes credentials of the store, and opens its folders by itself


def _borrow(said: Credentials) -> AnyAction:
    return exchange.Borrow(said.ref, said.number) if said.operation == READ else _credentials(said)


def _lend(store: Bytes, _said: Credentials, found: Version | exchange.Handover) -> Lease | None:
    if isinstance(found, exchange.Handover):
        return store.lend_in_store(found.version, found.files)
    return store.lend_in_store(found)


def _lease(lease: Lease | None, _here: Here) -> object:
    if lease is None:
        return {"credentials": stored_by_default()}
    secret = {
        "access_key_id": lease.access_key_id,
        "secret_access_key": lease.secret_access_key,
        "session_token": lease.session_token,
    }
    return {"credentials": {"aws_temp_credentials": secret, "expiration_time": lease.expires_at}}


_OLD_CREATE: Final = Joining(
    "POST",
    _at("model-versions/create"),
    NewVersion,
    ask=_create_version,
    move=lambda store, _said, version: (version, store.folder(version, write=True)),
    write=lambda found, _here: {"model_version": _version(*found)},
)
_OLD_CREDENTIALS: Final = Joining(
    "POST",
    _at("model-versions/generate-temporary-credentials"),
    Credentials,
    ask=_borrow,
    move=_lend,
    write=_lease,
)
_OLD_URI: Final = Joining(
    "GET",
    _at("model-versions/get-download-uri"),
    NamedVersion,
    ask=lambda said: exchange.Borrow(said.ref, said.number),
    move=lambda store, _said, found: store.folder(found.version, write=False) or _location(found.version),
    write=lambda uri, _here: {"artifact_uri": uri},
)

ROWS: Final[tuple[Row, ...]] = (
    Translation("POST", _at("registered-models/create"), NewModel, _create_model, _wrapped_model),
    Translation("PATCH", _at("registered-models/update"), ChangedModel, _update_model, _wrapped_model),
    Translation(
        "DELETE",
        _at("registered-models/delete"),
        Named,
        read=lambda said: models.DeleteModel(said.ref),
    ),
    Translation(
        "GET",
        _at("registered-models/get"),
        Named,
        read=lambda said: models.GetModel(said.ref),
        write=_wrapped_model,
    ),
    Translation("GET", _at("registered-models/search"), Search, _search_models, _model_page),
    Translation(
        "POST",
        _at("registered-models/set-tag"),
        NamedTag,
        read=lambda said: models.SetModelTag(said.ref, said.pair.tag()),
    ),
    Translation(
        "DELETE",
        _at("registered-models/delete-tag"),
        NamedTag,
        read=lambda said: models.DeleteModelTag(said.ref, names.tag_key(said.key)),
    ),
    Translation("POST", _at("registered-models/alias"), NamedAlias, _set_alias),
    Translation(
        "DELETE",
        _at("registered-models/alias"),
        NamedAlias,
        read=lambda said: models.DeleteAlias(
            said.ref, names.alias(said.alias), said.expected_version, reason(said.reason)
        ),
    ),
    Translation(
        "GET",
        _at("registered-models/alias"),
        NamedAlias,
        read=lambda said: models.GetVersionByAlias(said.ref, names.alias(said.alias)),
        write=_wrapped_version,
    ),
    Translation(
        "POST",
        _at("model-versions/create"),
        NewVersion,
        _create_version,
        _wrapped_version,
        hears=heard.HEADER,
        old=_OLD_CREATE,
    ),
    Joining(
        "POST",
        _at("model-versions/finalize"),
        NamedVersion,
        ask=lambda said: finalize.PrepareFinalize(said.ref, said.number),
        move=lambda store, _said, draft: store.examine(draft),
        keep=lambda said, examined: finalize.FinalizeVersion(said.ref, said.number, examined),
        after=lambda store, draft, _version: store.tidy(draft),
        once=finalizing.ONCE,
        write=lambda version, here: finalizing.refused(version) or _wrapped_version(version, here),
    ),
    Translation(
        "PATCH",
        _at("model-versions/update"),
        ChangedVersion,
        read=lambda said: versions.UpdateVersion(said.ref, said.number, text(said.description)),
        write=_wrapped_version,
    ),
    Translation(
        "DELETE",
        _at("model-versions/delete"),
        NamedVersion,
        read=lambda said: versions.DeleteVersion(said.ref, said.number),
    ),
    Translation(
        "GET",
        _at("model-versions/get"),
        NamedVersion,
        read=lambda said: versions.GetVersion(said.ref, said.number),
        write=_wrapped_version,
    ),
    Translation("GET", _at("model-versions/search"), Search, _search_versions, _version_page),
    Translation(
        "POST",
        _at("model-versions/set-tag"),
        NamedTag,
        read=lambda said: versions.SetVersionTag(said.ref, said.number, said.pair.tag()),
    ),
    Translation(
        "DELETE",
        _at("model-versions/delete-tag"),
        NamedTag,
        read=lambda said: versions.DeleteVersionTag(said.ref, said.number, names.tag_key(said.key)),
    ),
    Translation(
        "POST",
        _at("model-versions/generate-temporary-credentials"),
        Credentials,
        read=_credentials,
        write=_wrapped_credentials,
        old=_OLD_CREDENTIALS,
    ),
    Translation(
        "GET",
        _at("model-versions/get-download-uri"),
        NamedVersion,
        read=lambda said: versions.GetDownloadUri(said.ref, said.number),
        write=lambda uri, _here: {"artifact_uri": uri},
        old=_OLD_URI,
    ),
    Translation(
        "POST",
        _at("model-versions/emit-lineage"),
        Lineage,
        read=_note_lineage,
    ),
    Translation(
        "GET",
        _at("registered-models:is-databricks-sdk-models-artifact-repository-enabled"),
        Nothing,
        read=lambda _said: access.WhoAmI(),
        write=_files_mode,
    ),
)
