"""Searches as flat registries have them: every name that a caller may see, with the old one where a model has one.

The caller's privileges are asked in the database; what MLflow's language compares is compared here, on a few columns of
each row. A search for one model or one run reads the rows of just that.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, func, select

from modelyard.domain.flat_filters import Found, Search
from modelyard.domain.privileges import Kind
from modelyard.domain.stages import Stage
from modelyard.store import schema
from modelyard.store.catalogs import LOCATED, SECURABLE_TAGS, VERSION_TAGS, VISIBLE, seen_by

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import Select
    from sqlalchemy.sql import FromClause

    from modelyard.domain.models import Tag
    from modelyard.store.tx import Look, Row

_securables, _versions = schema.securables, schema.versions
_names, _stages = schema.legacy_names, schema.version_stages

_CALLED: Final = and_(_names.c.securable_id == _securables.c.id, _names.c.retired_at.is_(None))
_NAME: Final = func.coalesce(_names.c.name, _securables.c.full_name)
_FROM: Final = LOCATED.outerjoin(_names, _CALLED)
_MODELS: Final = (
    select(_securables.c.id, _NAME, _securables.c.created_at, _securables.c.updated_at)
    .select_from(_FROM)
    .where(_securables.c.kind == Kind.MODEL.value, VISIBLE)
)


def _versions_in(located: FromClause) -> Select[Row]:
    placed = located.join(_versions, _versions.c.model_id == _securables.c.id).outerjoin(
        _stages, _stages.c.version_id == _versions.c.id
    )
    shown = select(
        _versions.c.id,
        _NAME,
        _versions.c.created_at,
        _versions.c.updated_at,
        _versions.c.number,
        _versions.c.run_id,
        _versions.c.source,
        func.coalesce(_stages.c.stage, Stage.NONE.value),
    )
    return shown.select_from(placed).where(VISIBLE)  # pyright: ignore[reportReturnType]


_VERSIONS: Final = _versions_in(_FROM)
_BY_OLD_NAME: Final = LOCATED.join(_names, _names.c.securable_id == _securables.c.id)
_OF_OLD_NAME: Final = _versions_in(_BY_OLD_NAME).where(_names.c.name == bindparam("called"))
_OF_MODEL: Final = _VERSIONS.where(_securables.c.full_name == bindparam("called"))
_OF_RUN: Final = _VERSIONS.where(_versions.c.run_id == bindparam("run"))


def models(tx: Look, search: Search) -> list[Found]:
    """The models that a search finds, each by every name of it, in order."""
    found = [Found(*row) for row in tx.rows(_MODELS, **seen_by(tx))]
    if search.looks_at_tags:
        found = _with_tags(found, SECURABLE_TAGS.of_many(tx, [each.id for each in found]))
    return search.chosen(found)


def versions(tx: Look, search: Search) -> list[Found]:
    """The versions that a search finds, by every name of their models, in order."""
    found = _found(_rows(tx, search), search.only("name"))
    if search.looks_at_tags:
        found = _with_tags(found, VERSION_TAGS.of_many(tx, [each.id for each in found]))
    return search.chosen(found)


def _rows(tx: Look, search: Search) -> Iterable[Row]:
    name, run = search.only("name"), search.only("run_id")
    if name is not None:
        by_full_name = tx.rows(_OF_MODEL, **seen_by(tx), called=name.lower()) if name.count(".") else ()
        return [*tx.rows(_OF_OLD_NAME, **seen_by(tx), called=name), *by_full_name]
    return tx.rows(_OF_RUN, **seen_by(tx), run=run) if run is not None else tx.rows(_VERSIONS, **seen_by(tx))


def _found(rows: Iterable[Row], name: str | None) -> list[Found]:
    """The rows, each once; those of a model that is asked for by one name are shown by that."""
    told = (Found(id_, name or shown, *rest, stage=Stage(stage)) for id_, shown, *rest, stage in rows)
    return list({(each.id, each.name): each for each in told}.values())


def _with_tags(found: Iterable[Found], tags: dict[str, tuple[Tag, ...]]) -> list[Found]:
    return [
        Found(
            each.id,
            each.name,
            each.created_at,
            each.updated_at,
            each.number,
            each.run_id,
            each.source,
            each.stage,
            {tag.key: tag.value for tag in tags.get(each.id, ())},
        )
        for each in found
    ]
