"""Stages of versions, and the history of transitions."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, func, select, tuple_

from modelyard.domain.models import Status
from modelyard.domain.stages import Stage, StageMove
from modelyard.store import models, schema
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelyard.domain.models import Version
    from modelyard.domain.pages import Page, Window
    from modelyard.domain.privileges import Node
    from modelyard.store.tx import Look, Write

_versions, _stages, _moves = schema.versions, schema.version_stages, schema.stage_moves

_LAST_SEQ: Final = 2**62
_PLACED: Final = _versions.outerjoin(_stages, _stages.c.version_id == _versions.c.id)
_OF_MODEL: Final = _versions.c.model_id == bindparam("model")
_STAGE: Final = func.coalesce(_stages.c.stage, Stage.NONE.value)
_READY: Final = _versions.c.status == Status.READY.value
_STAGED: Final = (
    select(_versions.c.number, _stages.c.stage)
    .select_from(_PLACED)
    .where(_OF_MODEL, _READY, _stages.c.stage.is_not(None))
)
_OF_MODELS: Final = is_in(_versions.c.model_id, "models")
_HIGHEST: Final = (
    select(_versions.c.model_id, func.max(_versions.c.number))
    .select_from(_PLACED)
    .where(_OF_MODELS, _READY)
    .group_by(_versions.c.model_id, _STAGE)
)
_LATEST: Final = select(_versions.c.id).where(
    _OF_MODELS, tuple_(_versions.c.model_id, _versions.c.number).in_(_HIGHEST)
)
_IDS: Final = select(_versions.c.number, _versions.c.id).where(_OF_MODEL)
_GET: Final = select(_stages.c.run_link).where(_stages.c.version_id == bindparam("version"))
_ADD: Final = inserting(_stages)
_REMOVE: Final = delete(_stages).where(_stages.c.version_id == bindparam("version"))
_ADD_MOVE: Final = inserting(_moves)
_HISTORY: Final = (
    select(
        _moves.c.seq,
        _moves.c.version,
        _moves.c.from_stage,
        _moves.c.to_stage,
        _moves.c.moved_at,
        _moves.c.moved_by,
        _moves.c.request_id,
    )
    .where(_moves.c.model_id == bindparam("model"), _moves.c.seq < bindparam("before"))
    .order_by(_moves.c.seq.desc())
    .limit(bindparam("most"))
)
_HISTORY_OF_VERSION: Final = _HISTORY.where(_moves.c.version == bindparam("number"))


def of_model(tx: Look, model_id: str) -> dict[int, Stage]:
    """The stages of a model's READY versions, by their numbers; those in none may be left out."""
    return {number: Stage(stage) for number, stage in tx.rows(_STAGED, model=model_id)}


def latest(tx: Look, model_ids: Iterable[str], wanted: Iterable[Stage] = Stage) -> list[Version]:
    """Of each of some models the READY version with the highest number in each of some stages that has any."""
    among = frozenset(wanted)
    ids = [id_ for (id_,) in tx.rows(_LATEST, models=texts(model_ids))]
    return [version for version in models.versions_of(tx, ids) if version.stage in among]


def put(tx: Write, version_id: str, stage: Stage, run_link: str | None = None) -> None:
    """Say in which stage a version is; without a link, it keeps the one that it had."""
    there = tx.row(_GET, version=version_id)
    if there:
        tx.run(_REMOVE, version=version_id)
    kept = run_link if run_link is not None else there[0] if there else ""
    tx.run(_ADD, version_id=version_id, stage=stage.value, run_link=kept)


def ids(tx: Look, model_id: str) -> dict[int, str]:
    """The ids of a model's versions, by their numbers."""
    return dict(tx.rows(_IDS, model=model_id))


def record(tx: Write, model: Node, version: int, was: Stage, becomes: Stage) -> None:
    """Keep a transition in history."""
    recall(tx, model, StageMove(0, version, was, becomes, tx.now, tx.actor, tx.context.origin.request_id))


def recall(tx: Write, model: Node, move: StageMove) -> None:
    """Keep a transition in history that another registry tells."""
    tx.run(
        _ADD_MOVE,
        model_id=model.id,
        model=model.full_name,
        version=move.version,
        from_stage=move.from_stage.value,
        to_stage=move.to_stage.value,
        moved_at=move.moved_at,
        moved_by=move.moved_by,
        request_id=move.request_id,
    )


def history(tx: Look, model_id: str, window: Window, number: int | None) -> Page[StageMove]:
    """The transitions of a model's versions, or of one of them, newest first."""
    asked: dict[str, object] = {"model": model_id, "before": window.number_after or _LAST_SEQ, "most": window.limit + 1}
    rows = tx.rows(_HISTORY, **asked) if number is None else tx.rows(_HISTORY_OF_VERSION, **asked, number=number)
    found = [
        StageMove(seq, version, Stage(was), Stage(becomes), at, by, request)
        for seq, version, was, becomes, at, by, request in rows
    ]
    return window.cut(found, str(found[window.limit - 1].seq) if len(found) > window.limit else None)
