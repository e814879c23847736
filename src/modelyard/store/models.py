"""Registered models, their versions and aliases."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, delete, func, select, update

from modelyard.domain.models import Announced, RegisteredModel, Registration, Status, Version
from modelyard.domain.names import MAX_VERSION
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Kind
from modelyard.domain.stages import Stage
from modelyard.errors import NotFound
from modelyard.store import catalogs, files, imports, schema
from modelyard.store.alias_table import AliasTable
from modelyard.store.catalogs import LOCATED, SECURABLE_TAGS, SHOWN, VERSION_TAGS, VISIBLE, bounds, seen_by, shown
from modelyard.store.lists import is_in, texts
from modelyard.store.reach import reach
from modelyard.store.tx import Contended, inserting, new_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modelyard.domain.filters import VersionFilter
    from modelyard.domain.privileges import Node
    from modelyard.store.tx import Look, Row, Write

_securables, _principals, _stages = schema.securables, schema.principals, schema.version_stages
_models, _versions, _aliases, _moves = schema.models, schema.versions, schema.aliases, schema.alias_moves

ALIASES: Final = AliasTable(_aliases, _models, "model_id", _versions)
_LOCATED: Final = LOCATED.join(_models, _models.c.id == _securables.c.id)
_MODEL: Final = (*shown(_securables, _principals), _models.c.deployment_job_id)
_OWNER: Final = _principals.c.id == _securables.c.owner_id
_ALL: Final = select(*_MODEL).select_from(
    _securables.join(_models, _models.c.id == _securables.c.id).join(_principals, _OWNER)
)
_GET: Final = _ALL.where(_securables.c.id == bindparam("model"))
_THESE_MODELS: Final = _ALL.where(is_in(_securables.c.id, "ids"))
_SEARCH: Final = (
    select(*_MODEL, VISIBLE)
    .select_from(_LOCATED.join(_principals, _OWNER))
    .where(_securables.c.kind == Kind.MODEL.value, _securables.c.full_name > bindparam("after"), SHOWN)
    .where(_securables.c.full_name < bindparam("beyond"))
    .order_by(_securables.c.full_name)
    .limit(bindparam("most"))
)
_SEARCH_THESE: Final = _SEARCH.where(is_in(_securables.c.id, "ids"))
_ADD: Final = inserting(_models)
_SET_JOB: Final = update(_models).where(_models.c.id == bindparam("model")).values(deployment_job_id=bindparam("job"))
_NEXT: Final = (
    update(_models)
    .where(_models.c.id == bindparam("model"))
    .values(last_version=_models.c.last_version + 1)
    .returning(_models.c.last_version)
)


def add(tx: Write, container: Node, full_name: str, comment: str, job: str) -> str:
    """Make a registered model that the caller owns; returns its id."""
    id_ = catalogs.add(tx, Kind.MODEL, container, full_name, comment, {})
    tx.run(_ADD, id=id_, last_version=0, deployment_job_id=job)
    return id_


def get(tx: Look, model_id: str) -> RegisteredModel:
    """A registered model that is there, with its aliases and tags."""
    row = tx.row(_GET, model=model_id)
    if row is None:
        raise Contended
    return _models_of(tx, [row])[0]


def these(tx: Look, ids: Iterable[str]) -> dict[str, RegisteredModel]:
    """Those of some models that are there, by their ids."""
    return {model.id: model for model in _models_of(tx, tx.rows(_THESE_MODELS, ids=texts(ids)))}


def search(tx: Look, window: Window, inside: str = "", *, browse: bool = False) -> Page[RegisteredModel]:
    """The registered models that the caller may see, by full name, in one catalog or schema or in all."""
    rows = _searched(tx, window, inside, browse=browse)
    whole = _models_of(tx, [row[:-1] for row in rows])
    shown = [model if row[-1] else model.browsed() for model, row in zip(whole, rows, strict=True)]
    return window.cut(shown, rows[window.limit - 1][1] if len(rows) > window.limit else None)


def _searched(tx: Look, window: Window, inside: str, *, browse: bool) -> list[Row]:
    """One row more than the window holds, if there are so many, by full name."""
    there = reach(tx, inside, browse=browse)
    most = window.limit + 1
    asked = {**seen_by(tx), "browse": int(browse), "most": most}
    these = tx.rows(_SEARCH_THESE, **asked, **_after(window, inside), ids=texts(there.ids)) if there.ids else ()
    ranges: list[Row] = []
    for container in there.containers:
        if len(ranges) >= most:
            break
        ranges += tx.rows(_SEARCH, **asked, **_after(window, container))
    found = {row[1]: row for row in (*these, *ranges)}
    return [found[name] for name in sorted(found)][:most]


def _after(window: Window, container: str) -> dict[str, str]:
    """One lower bound, not two, of which a database might begin with the wrong one; and where to end."""
    first, beyond = bounds(container).values()
    return {"after": max(window.after, first), "beyond": beyond}


def _models_of(tx: Look, rows: Sequence[Row]) -> list[RegisteredModel]:
    ids = [row[0] for row in rows]
    names, tags = ALIASES.of_owners(tx, ids), SECURABLE_TAGS.of_many(tx, ids)
    return [RegisteredModel(*row, aliases=names.get(row[0], ()), tags=tags.get(row[0], ())) for row in rows]


def set_deployment_job(tx: Write, model_id: str, job: str) -> None:
    """Connect a deployment job, or disconnect it with the empty string."""
    tx.run(_SET_JOB, model=model_id, job=job)


# Versions

_VERSION: Final = (
    _versions.c.id,
    _securables.c.full_name,
    _versions.c.number,
    _versions.c.status,
    _versions.c.status_message,
    _versions.c.source,
    _versions.c.run_id,
    _versions.c.run_tracking_server_id,
    _versions.c.comment,
    _versions.c.logged_model_id,
    _versions.c.created_at,
    _versions.c.created_by,
    _versions.c.updated_at,
    _versions.c.updated_by,
    _versions.c.digest,
    _versions.c.manifest_id,
    _versions.c.store_id,
    func.coalesce(_stages.c.stage, Stage.NONE.value),
    func.coalesce(_stages.c.run_link, ""),
    _versions.c.dependencies,
)
_IN_MODEL: Final = _securables.c.id == _versions.c.model_id
_THIS: Final = and_(_versions.c.model_id == bindparam("model"), _versions.c.number == bindparam("number"))
_STAGED: Final = _stages.c.version_id == _versions.c.id
_PLACED: Final = _versions.join(_securables, _IN_MODEL).outerjoin(_stages, _STAGED)
_LISTED: Final = LOCATED.join(_versions, _IN_MODEL).outerjoin(_stages, _STAGED)
_GET_VERSION: Final = select(*_VERSION).select_from(_PLACED).where(_THIS)
_THESE: Final = select(*_VERSION).select_from(_PLACED).where(is_in(_versions.c.id, "ids")).order_by(_versions.c.number)
_LOCK_VERSION: Final = _GET_VERSION.with_for_update(of=_versions)
_BY_ALIAS: Final = (
    select(*_VERSION)
    .select_from(_PLACED.join(_aliases, _aliases.c.version_id == _versions.c.id))
    .where(_aliases.c.model_id == bindparam("model"), _aliases.c.folded == bindparam("alias"))
)
_OF_MODEL: Final = (
    select(*_VERSION)
    .select_from(_LISTED)
    .where(_securables.c.full_name == bindparam("full_name"), VISIBLE)
    .where(_versions.c.number < bindparam("before"))
    .order_by(_versions.c.number.desc())
    .limit(bindparam("most"))
)
_OF_RUN: Final = (
    select(*_VERSION)
    .select_from(_LISTED)
    .where(_versions.c.run_id == bindparam("run"), _versions.c.id > bindparam("after"), VISIBLE)
    .order_by(_versions.c.id)
    .limit(bindparam("most"))
)
_ADD_VERSION: Final = inserting(_versions)
_CREATOR: Final = select(_versions.c.creator_id).where(_versions.c.id == bindparam("version"))
_DEPENDENCIES: Final = select(_versions.c.dependencies).where(_versions.c.id == bindparam("version"))
_SETTLE: Final = (
    update(_versions)
    .where(_versions.c.id == bindparam("version"))
    .values(
        status=bindparam("new_status"),
        status_message=bindparam("new_message"),
        logged_model_id=bindparam("new_model_id"),
        digest=bindparam("new_digest"),
        updated_at=bindparam("now"),
        updated_by=bindparam("actor"),
    )
)
_COMMENT: Final = (
    update(_versions)
    .where(_versions.c.id == bindparam("version"))
    .values(comment=bindparam("new_comment"), updated_at=bindparam("now"), updated_by=bindparam("actor"))
)
_TOUCH: Final = (
    update(_versions)
    .where(_versions.c.id == bindparam("version"))
    .values(updated_at=bindparam("now"), updated_by=bindparam("actor"))
)
_RECALL: Final = (
    update(_versions)
    .where(_versions.c.id == bindparam("version"))
    .values(created_at=bindparam("made_at"), created_by=bindparam("maker"))
)
_REMOVE: Final = delete(_versions).where(_versions.c.id == bindparam("version"))


def version(tx: Look, model: Node, number: int) -> Version:
    """One version with its aliases and tags, or `NotFound`."""
    return _found(tx, tx.row(_GET_VERSION, model=model.id, number=number), model, f"version {number}")


def locked_version(tx: Write, model: Node, number: int) -> Version:
    """One version, which nobody else changes until this transaction ends."""
    return _found(tx, tx.row(_LOCK_VERSION, model=model.id, number=number), model, f"version {number}")


def versions_of(tx: Look, ids: Iterable[str]) -> list[Version]:
    """Those of some versions that are there, by their ids; the numbers of one model ascend."""
    return _versions_of(tx, tx.rows(_THESE, ids=texts(ids)))


def version_by_alias(tx: Look, model: Node, alias: str) -> Version:
    """The version that an alias points at, or `NotFound`."""
    return _found(tx, tx.row(_BY_ALIAS, model=model.id, alias=alias.lower()), model, f"alias '{alias}'")


def _found(tx: Look, row: Row | None, model: Node, what: str) -> Version:
    if row is None:
        raise NotFound(f"{model.kind.noun} '{model.full_name}' has no {what}.")
    return _versions_of(tx, [row])[0]


def _versions_of(tx: Look, rows: Sequence[Row]) -> list[Version]:
    ids = [row[0] for row in rows]
    names, tags = ALIASES.of_versions(tx, ids), VERSION_TAGS.of_many(tx, ids)
    return [
        _told_apart(
            Version(
                id_,
                full_name,
                number,
                Status(status),
                *rest,
                dependencies=_pairs(depends_on),
                stage=Stage(stage),
                run_link=run_link,
                aliases=names.get(id_, ()),
                tags=tags.get(id_, ()),
            )
        )
        for id_, full_name, number, status, *rest, stage, run_link, depends_on in rows
    ]


def _told_apart(version: Version) -> Version:
    """The version; what an import announced is no digest of its manifest before that is frozen."""
    if version.status is not Status.PENDING_REGISTRATION or not version.digest:
        return version
    return replace(version, digest="", announced=version.digest)


def _pairs(dependencies: str) -> tuple[tuple[str, str], ...]:
    """Dependencies from the JSON list that keeps them."""
    if dependencies == "[]":
        return ()
    return tuple((each["type"], each["name"]) for each in json.loads(dependencies))


def search_versions(tx: Look, asked: VersionFilter, window: Window) -> Page[Version]:
    """The versions that the caller may see: of a model, newest first, or of a run."""
    asked_by = {**seen_by(tx), "most": window.limit + 1}
    if asked.model:
        before = window.number_after or MAX_VERSION + 1
        rows = tx.rows(_OF_MODEL, full_name=asked.model, before=before, **asked_by)
        last = str(rows[window.limit - 1][2]) if len(rows) > window.limit else None
    else:
        rows = tx.rows(_OF_RUN, run=asked.run_id, after=window.after, **asked_by)
        last = rows[window.limit - 1][0] if len(rows) > window.limit else None
    return window.cut(_versions_of(tx, rows), last)


def add_version(
    tx: Write,
    model: Node,
    told: Registration,
    *,
    logged_model: str,
    dependencies: str,
    store_id: str,
    copied: Version | None = None,
    announced: Announced | None = None,
) -> Version:
    """Make the next version, waiting for its files, or READY with those of a READY one that is `copied`.

    `dependencies` is a JSON list. A version that was `announced` keeps its number, or `AlreadyExists`.
    """
    number = imports.claim(tx, model, announced) if announced else _next_number(tx, model)
    by, now = tx.actor, tx.now
    made = Version(
        id=new_id(),
        manifest_id=copied.manifest_id if copied else new_id(),
        store_id=store_id,
        model=model.full_name,
        number=number,
        status=copied.status if copied else Status.PENDING_REGISTRATION,
        digest=copied.digest if copied else "",
        status_message="",
        source=told.source,
        run_id=told.run_id,
        run_tracking_server_id=told.run_tracking_server_id,
        comment=told.comment,
        model_id=logged_model,
        created_at=now,
        created_by=by,
        updated_at=now,
        updated_by=by,
        dependencies=_pairs(dependencies),
        tags=told.tags,
        announced=announced.digest if announced else "",
    )
    if copied is None:
        files.add_manifest(tx, made.manifest_id)
    _keep(tx, model, made, dependencies)
    return made


def _keep(tx: Write, model: Node, made: Version, dependencies: str) -> None:
    """Write the row of a new version."""
    tx.run(
        _ADD_VERSION,
        id=made.id,
        manifest_id=made.manifest_id,
        store_id=made.store_id,
        model_id=model.id,
        number=made.number,
        status=made.status.value,
        status_message=made.status_message,
        source=made.source,
        run_id=made.run_id,
        run_tracking_server_id=made.run_tracking_server_id,
        comment=made.comment,
        logged_model_id=made.model_id,
        dependencies=dependencies,
        creator_id=tx.caller.principal.id,
        created_at=made.created_at,
        created_by=made.created_by,
        updated_at=made.updated_at,
        updated_by=made.updated_by,
        digest=made.digest or made.announced,
    )


def _next_number(tx: Write, model: Node) -> int:
    row = tx.row(_NEXT, model=model.id)
    if row is None:
        raise Contended
    return row[0]


def creator(tx: Look, version_id: str) -> str:
    """The id of the principal who made a version."""
    row = tx.row(_CREATOR, version=version_id)
    return row[0] if row else ""


def dependencies(tx: Look, version_id: str) -> list[object]:
    """What a version depends on, as its client said."""
    row = tx.row(_DEPENDENCIES, version=version_id)
    return list(json.loads(row[0])) if row else []


def settle(tx: Write, version_id: str, status: Status, message: str, *, model_id: str, digest: str) -> None:
    """End the wait of a version: READY with a manifest's digest, or failed with a reason."""
    tx.run(
        _SETTLE,
        version=version_id,
        new_status=status.value,
        new_message=message,
        new_model_id=model_id,
        new_digest=digest,
        now=tx.now,
        actor=tx.actor,
    )


def set_comment(tx: Write, version_id: str, comment: str) -> None:
    """Change a version's comment."""
    tx.run(_COMMENT, version=version_id, new_comment=comment, now=tx.now, actor=tx.actor)


def touch_version(tx: Write, version_id: str) -> None:
    """Note that the caller has changed something about a version now."""
    tx.run(_TOUCH, version=version_id, now=tx.now, actor=tx.actor)


def recall(tx: Write, version_id: str, made_at: int, maker: str) -> None:
    """Say when a version was made, and by whom, where it was before; who brought it here is kept beside that."""
    tx.run(_RECALL, version=version_id, made_at=made_at, maker=maker)


def remove_version(tx: Write, model: Node, gone: Version) -> None:
    """Remove a version and its aliases; its number is not used again."""
    for alias in gone.aliases:
        record_move(tx, model, alias.name, gone.number, None, "")
    tx.run(_REMOVE, version=gone.id)


# Aliases

_MOVES: Final = (
    select(_moves.c.alias, _moves.c.from_version, _moves.c.to_version, _moves.c.moved_at, _moves.c.moved_by)
    .where(_moves.c.model_id == bindparam("model"))
    .order_by(_moves.c.seq)
)
_ADD_MOVE: Final = inserting(_moves)


def points_at(tx: Look, model_id: str, alias: str) -> int | None:
    """The number of the version that an alias points at, if the model has the alias."""
    return ALIASES.points_at(tx, model_id, alias)


def set_alias(tx: Write, model: Node, alias: str, to: Version, reason: str) -> int | None:
    """Point an alias at a version, wherever it pointed before; returns where that was."""
    before = ALIASES.set(tx, model.id, alias, to.id)
    record_move(tx, model, alias, before, to.number, reason)
    return before


def remove_alias(tx: Write, model: Node, alias: str, reason: str) -> int | None:
    """Take an alias away; returns where it pointed, or None when the model did not have it."""
    before = ALIASES.remove(tx, model.id, alias)
    if before is not None:
        record_move(tx, model, alias, before, None, reason)
    return before


def record_farewell(tx: Write, model: Node) -> None:
    """Keep in history that the aliases of a model go with it."""
    for alias in ALIASES.of_owners(tx, [model.id]).get(model.id, ()):
        record_move(tx, model, alias.name, alias.version, None, "")


def record_move(tx: Write, model: Node, alias: str, before: int | None, after: int | None, reason: str) -> None:
    """Keep a move of an alias in its history."""
    tx.run(
        _ADD_MOVE,
        model_id=model.id,
        model=model.full_name,
        alias=alias,
        from_version=before,
        to_version=after,
        moved_at=tx.now,
        moved_by=tx.actor,
        request_id=tx.context.origin.request_id,
        folded=alias.lower(),
        reason=reason,
    )


def alias_moves(tx: Look, model_id: str) -> Sequence[Row]:
    """Every move of a model's aliases, oldest first: alias, from, to, when (ms), by whom."""
    return tx.rows(_MOVES, model=model_id)
