"""What the flat registry answers: things by the name by which they were asked for, with their stages."""

from __future__ import annotations

from typing import Any, Final
from urllib.parse import quote

from modelyard.actions.flat import Named as Found
from modelyard.actions.stages import StagedModel
from modelyard.domain import pages
from modelyard.domain.files import Entry, Link
from modelyard.domain.legacy import is_flat
from modelyard.domain.models import RegisteredModel, Version
from modelyard.domain.pages import Page
from modelyard.surfaces.registry.said import Named
from modelyard.surfaces.wire import JSON, Here, Reply, encode, tag_dicts

FILES: Final = "/api/2.0/modelyard/registry/mlflow-artifacts/artifacts"
"""Where the files of versions are, for MLflow's client of artifacts over HTTP, which knows its paths by their end."""
DEPRECATED: Final = "@1795910400"
"""Since when flat names and stages are deprecated here (RFC 9745): 29 November 2026, when they first were to be had."""

_SUCCESSORS: Final = "/api/2.1/unity-catalog/models"
_OLD_NAMES: Final = "/api/2.0/modelyard/legacy-names"


def reply(said: Named, told: object, here: Here, full_name: str = "", *, staged: bool = False) -> Reply:
    """An answer; by an old name, or about stages, with what comes after it (RFC 8288)."""
    headers: tuple[tuple[str, str], ...] = (("content-type", JSON),)
    if staged or is_flat(said.name):
        known = f"{_SUCCESSORS}/{quote(full_name)}" if full_name else f"{_OLD_NAMES}/{quote(said.name, safe='')}"
        link = f'<{here.base_url}{known}>; rel="successor-version"'
        headers += (("deprecation", DEPRECATED), ("link", link))
    return Reply(200, encode(told), headers)


def shown(said: Named, full_name: str) -> str:
    """The name under which a model is told: the one that was said, as old code goes on with it."""
    return said.name if is_flat(said.name) else full_name


def version_dict(name: str, version: Version) -> dict[str, Any]:
    """A version."""
    return {
        "name": name,
        "version": str(version.number),
        "creation_timestamp": version.created_at,
        "last_updated_timestamp": version.updated_at,
        "user_id": version.created_by,
        "current_stage": version.stage.value,
        "description": version.comment,
        "source": version.source,
        "run_id": version.run_id,
        "run_link": version.run_link,
        "status": version.status.value,
        "status_message": version.status_message,
        "tags": tag_dicts(version.tags),
        "aliases": [alias.name for alias in version.aliases],
        "model_id": version.model_id,
    }


def model_dict(name: str, model: RegisteredModel, latest: tuple[Version, ...] = ()) -> dict[str, Any]:
    """A registered model, with its latest version in each stage."""
    return {
        "name": name,
        "creation_timestamp": model.created_at,
        "last_updated_timestamp": model.updated_at,
        "user_id": model.owner,
        "description": model.comment,
        "latest_versions": [version_dict(name, each) for each in latest],
        "tags": tag_dicts(model.tags),
        "aliases": [{"alias": alias.name, "version": str(alias.version)} for alias in model.aliases],
    }


def version(said: Named, found: Version, here: Here) -> Reply:
    """One version."""
    return reply(said, {"model_version": version_dict(shown(said, found.model), found)}, here, found.model)


def staged_version(said: Named, found: Version, here: Here) -> Reply:
    """One version, whose stage has changed."""
    told = {"model_version": version_dict(shown(said, found.model), found)}
    return reply(said, told, here, found.model, staged=True)


def databricks_version(said: Named, found: Version, here: Here) -> Reply:
    """The same, as Databricks' own SDK reads it."""
    told = {"model_version_databricks": version_dict(shown(said, found.model), found)}
    return reply(said, told, here, found.model, staged=True)


def versions(said: Named, found: list[Version], here: Here) -> Reply:
    """The latest versions in stages."""
    full_name = found[0].model if found else ""
    told = [version_dict(shown(said, full_name), each) for each in found]
    return reply(said, {"model_versions": told}, here, full_name, staged=bool(full_name))


def model(said: Named, found: RegisteredModel, here: Here) -> Reply:
    """A model by itself."""
    told = {"registered_model": model_dict(shown(said, found.full_name), found)}
    return reply(said, told, here, found.full_name)


def staged_model(said: Named, found: StagedModel, here: Here) -> Reply:
    """A model with its latest versions."""
    full_name = found.model.full_name
    told = {"registered_model": model_dict(shown(said, full_name), found.model, found.latest)}
    return reply(said, told, here, full_name)


def databricks_model(said: Named, found: StagedModel, here: Here) -> Reply:
    """The same, as Databricks' own SDK reads it."""
    full_name = found.model.full_name
    told = model_dict(shown(said, full_name), found.model, found.latest)
    return reply(said, {"registered_model_databricks": {**told, "id": found.model.id}}, here, full_name)


def nothing(said: Named, _done: object, here: Here) -> Reply:
    """That it is done."""
    return reply(said, {}, here)


def model_page(page: Page[Found], _here: Here) -> object:
    """A page of models."""
    found = [model_dict(each.name, each.model.model, each.model.latest) for each in page.items if each.model]
    return {"registered_models": found, "next_page_token": pages.token(page)}


def version_page(page: Page[Found], _here: Here) -> object:
    """A page of versions."""
    found = [version_dict(each.name, each.version) for each in page.items if each.version]
    return {"model_versions": found, "next_page_token": pages.token(page)}


def uri(said: Named, place: str, here: Here) -> Reply:
    """Where a version's files are, by the path that the Files API has for them."""
    *levels, number = place.strip("/").split("/")[1:]
    full_name = ".".join(levels)
    return reply(said, {"artifact_uri": f"{here.base_url}{FILES}/{full_name}/{number}"}, here, full_name)


def file_dict(entry: Entry, path: str) -> dict[str, Any]:
    """A file or directory."""
    told: dict[str, Any] = {"path": path, "is_dir": entry.is_directory}
    return told if entry.is_directory else {**told, "file_size": entry.size}


def directory(page: Page[Entry], _here: Here) -> object:
    """A page of a version's directory, with paths inside the version."""
    found = [file_dict(each, each.path) for each in page.items]
    return {"files": found, "next_page_token": pages.token(page)}


def folder(page: Page[Entry], _here: Here) -> object:
    """A directory, with names inside it, as MLflow's client of artifacts reads it."""
    return {"files": [file_dict(each, each.name) for each in page.items]}


def signed(found: tuple[Link, Entry], here: Here) -> object:
    """An address from which a file can be fetched without a token."""
    return {"signed_uri": here.url(found[0]), "headers": []}
