"""Registered models."""

from __future__ import annotations

from typing import Final

from modelyard.action import Ref
from modelyard.actions import models
from modelyard.domain import names
from modelyard.domain.models import RegisteredModel
from modelyard.domain.pages import Page
from modelyard.domain.privileges import Kind
from modelyard.errors import Invalid
from modelyard.surfaces.unity.words import MOST, Changed, Listing, New, One, aliases, at, paged
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation, short, tag_dicts, tags, text

_MOST_INSIDE: Final = 10_000


def _create_model(said: New) -> AnyAction:
    if said.storage_location:
        raise Invalid("models are kept where their schema is; leave storage_location out.")
    schema = names.schema(f"{said.catalog_name}.{said.schema_name}")
    return models.CreateModel(
        Ref(Kind.SCHEMA, schema),
        names.new_simple(said.name),
        text(said.comment),
        tags(said.tags),
        short(said.deployment_job_id),
    )


def _list_models(said: Listing) -> AnyAction:
    if bool(said.catalog_name) != bool(said.schema_name):
        raise Invalid("name both catalog_name and schema_name, or neither.")
    inside = names.schema(f"{said.catalog_name}.{said.schema_name}") if said.catalog_name else ""
    window = said.window(f"models {inside}", _MOST_INSIDE if inside else MOST)
    return models.SearchModels(window, inside, said.include_browse)


def _get(said: One) -> AnyAction:
    action = models.BrowseModel if said.include_browse else models.GetModel
    return action(said.model, with_aliases=said.include_aliases)


def _update_model(said: Changed) -> AnyAction:
    change = models.ModelChange(
        None if said.comment is None else text(said.comment),
        said.owner,
        None if said.deployment_job_id is None else short(said.deployment_job_id),
    )
    return models.update(said.model, said.new_name, change)


def _model(model: RegisteredModel, here: Here) -> dict[str, object]:
    catalog, schema, name = model.full_name.split(".")
    return {
        "name": name,
        "catalog_name": catalog,
        "schema_name": schema,
        "full_name": model.full_name,
        "id": model.id,
        "comment": model.comment,
        "owner": model.owner,
        "metastore_id": here.metastore_id,
        "created_at": model.created_at,
        "created_by": model.created_by,
        "updated_at": model.updated_at,
        "updated_by": model.updated_by,
        "browse_only": model.browse_only,
        "tags": tag_dicts(model.tags),
        "deployment_job_id": model.deployment_job_id,
    }


def _whole_model(model: RegisteredModel, here: Here) -> object:
    """A model with its aliases; those were asked for, or there are none."""
    return {**_model(model, here), **aliases(model.full_name, model.aliases)}


def _models(page: Page[RegisteredModel], here: Here) -> object:
    return paged({"registered_models": [_model(model, here) for model in page.items]}, page)


ROWS: Final[tuple[Row, ...]] = (
    Translation("POST", at("models"), New, _create_model, _model),
    Translation("GET", at("models"), Listing, _list_models, _models),
    Translation(
        "GET",
        at("models/{full_name}"),
        One,
        read=_get,
        write=_whole_model,
    ),
    Translation("PATCH", at("models/{full_name}"), Changed, _update_model, _model),
    Translation(
        "DELETE",
        at("models/{full_name}"),
        One,
        read=lambda said: models.DeleteModel(said.model),
    ),
)
