"""The trash: deleted models and versions, with everything that is needed to put them back.

A row keeps the rows that went, table by table; as long as it is there, the manifests that it names are not collected.
What is put back has the ids that it had, so that what speaks of it by its id finds it again. A migration that changes
one of these tables has to change what is kept of it here.
"""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any, Final, TypeAlias

from sqlalchemy import and_, bindparam, delete, func, insert, or_, select

from modelyard.domain.models import Alias, Status
from modelyard.domain.privileges import Kind, Node, Privilege
from modelyard.domain.trash import DAY, Discarded, Restored
from modelyard.errors import AlreadyExists
from modelyard.store import holdings, models, principals, schema
from modelyard.store.catalogs import IS_ADMIN, held, passed, seen_by
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import inserting, new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from sqlalchemy import ColumnElement, Table
    from sqlalchemy.sql import FromClause

    from modelyard.domain.models import Version
    from modelyard.domain.pages import Page, Window
    from modelyard.store.tx import Look, Row, Write

Kept: TypeAlias = dict[str, Any]
"""A row that went, by the names of its columns."""

_trash, _trash_manifests, _manifests = schema.trash, schema.trash_manifests, schema.manifests
_securables, _principals = schema.securables, schema.principals
_models, _versions = schema.models, schema.versions


class _Rows:
    """The rows of one table that belong to some models, or to some versions; `owner` is the column that says which."""

    def __init__(self, table: Table, owner: str) -> None:
        columns = [column for column in table.c if column.name != "seq"]  # which the database counts anew
        self.name: Final = table.name
        self._names = [column.name for column in columns]
        self._owner = owner
        self._of = select(*columns).where(is_in(table.c[owner], "ids"))
        self._add = inserting(table)

    def of(self, tx: Look, ids: Iterable[str]) -> dict[str, list[Kept]]:
        """The rows by what they belong to."""
        found: dict[str, list[Kept]] = {}
        for row in tx.rows(self._of, ids=texts(ids)):
            kept = dict(zip(self._names, row, strict=True))
            found.setdefault(kept[self._owner], []).append(kept)
        return found

    def put_back(self, tx: Write, rows: Iterable[Kept]) -> None:
        """Add them again."""
        for row in rows:
            tx.run(self._add, **row)


_OF_MODELS: Final = (
    _Rows(_securables, "id"),
    _Rows(_models, "id"),
    _Rows(schema.gaps, "model_id"),
    _Rows(schema.securable_tags, "owner_id"),
    _Rows(schema.grants, "securable_id"),
)
_OF_VERSIONS: Final = (
    _Rows(_versions, "id"),
    _Rows(schema.version_tags, "owner_id"),
    _Rows(schema.version_stages, "version_id"),
    _Rows(schema.lineage, "version_id"),
    _Rows(schema.quarantines, "version_id"),
)
_ALIASES: Final = _Rows(schema.aliases, "model_id")
KEPT: Final = frozenset(rows.name for rows in (*_OF_MODELS, *_OF_VERSIONS, _ALIASES))
"""The tables whose rows are kept."""


# Into the trash

_AT_ONCE: Final = 50
"""Models of a schema that are read together."""
# In models that are about to go no version becomes READY any more, and no tag or grant is added. The first of these
# also says which of the models nobody else has deleted in the meantime.
_LOCK_MODELS: Final = select(_models.c.id).where(is_in(_models.c.id, "ids")).order_by(_models.c.id).with_for_update()
_LOCK_VERSIONS: Final = (
    select(_versions.c.id).where(is_in(_versions.c.model_id, "ids")).order_by(_versions.c.id).with_for_update()
)
_LOCK_SECURABLES: Final = (
    select(_securables.c.id).where(is_in(_securables.c.id, "ids")).order_by(_securables.c.id).with_for_update()
)
_ready = and_(is_in(_versions.c.model_id, "ids"), _versions.c.status == Status.READY.value)
_READY: Final = select(_versions.c.model_id, _versions.c.id).where(_ready).order_by(_versions.c.number)
_schema = _securables.alias("the_schema")
_around = or_(_schema.c.id == bindparam("container"), _schema.c.parent_id == bindparam("container"))
_LOCK_AROUND: Final = select(_schema.c.id).where(_around).order_by(_schema.c.id).with_for_update()
"""What keeps models from being made, or from returning, in schemas that are about to go."""
_INSIDE: Final = (
    select(_securables.c.id)
    .join(_schema, _schema.c.id == _securables.c.parent_id)
    .where(_securables.c.kind == Kind.MODEL.value, _around)
    .order_by(_securables.c.id)
)
_ABOUT: Final = select(_securables.c.full_name, _securables.c.owner_id, _securables.c.parent_id).where(
    _securables.c.id == bindparam("model")
)
_manifests_of = select(_versions.c.manifest_id).where(is_in(_versions.c.id, "ids"))
_WEIGH: Final = select(func.coalesce(func.sum(_manifests.c.size), 0)).where(_manifests.c.id.in_(_manifests_of))
_ADD: Final = inserting(_trash)
_ADD_MANIFESTS: Final = insert(_trash_manifests).from_select(
    ["trash_id", "manifest_id"],
    select(bindparam("entry", type_=schema.Name), _versions.c.manifest_id)
    .where(is_in(_versions.c.id, "ids"))
    .distinct(),
)


def discard_version(tx: Write, model: Node, version: Version) -> None:
    """Put a READY version into the trash, before its row is removed; what never became READY is just gone."""
    if tx.context.trash_days and version.status is Status.READY:
        content = {rows.name: rows.of(tx, [version.id]).get(version.id, []) for rows in _OF_VERSIONS}
        _discard(tx, model.id, version.number, [version.id], content)


def discard_models(tx: Write, ids: Sequence[str]) -> None:
    """Put models into the trash with their READY versions, before their rows are removed."""
    for start in range(0, len(ids) if tx.context.trash_days else 0, _AT_ONCE):
        _discard_some(tx, ids[start : start + _AT_ONCE])


def discard_inside(tx: Write, container: Node) -> None:
    """Put all models of a schema or catalog into the trash, before their rows are removed."""
    tx.rows(_LOCK_AROUND, container=container.id)
    discard_models(tx, [id_ for (id_,) in tx.rows(_INSIDE, container=container.id)])


def _discard_some(tx: Write, ids: Sequence[str]) -> None:
    ready: dict[str, list[str]] = {id_: [] for (id_,) in tx.rows(_LOCK_MODELS, ids=texts(ids))}
    tx.rows(_LOCK_VERSIONS, ids=texts(ids))
    tx.rows(_LOCK_SECURABLES, ids=texts(ids))
    for model_id, version_id in tx.rows(_READY, ids=texts(ids)):
        ready[model_id].append(version_id)
    of_models = {rows.name: rows.of(tx, ids) for rows in (*_OF_MODELS, _ALIASES)}
    of_versions = {rows.name: rows.of(tx, [each for some in ready.values() for each in some]) for rows in _OF_VERSIONS}
    for id_, versions in ready.items():
        content = {name: found.get(id_, []) for name, found in of_models.items()}
        content |= {name: [row for v in versions for row in found.get(v, [])] for name, found in of_versions.items()}
        _discard(tx, id_, None, versions, content)


def _discard(
    tx: Write, model_id: str, number: int | None, versions: Sequence[str], content: dict[str, list[Kept]]
) -> None:
    [(full_name, owner_id, schema_id)] = tx.rows(_ABOUT, model=model_id)
    [(size,)] = tx.rows(_WEIGH, ids=texts(versions))
    id_ = new_id()
    tx.run(
        _ADD,
        id=id_,
        kind="model" if number is None else "version",
        full_name=full_name,
        number=number,
        model_id=model_id,
        schema_id=schema_id,
        owner_id=owner_id,
        size=int(size),
        deleted_at=tx.now,
        deleted_by=tx.actor,
        content=json.dumps(content),
    )
    tx.run(_ADD_MANIFESTS, entry=id_, ids=texts(versions))


# Looking: by the rules of `domain.privileges.decide`, in the database and before paging.

_model, _catalog = _securables.alias("the_model"), _securables.alias("the_catalog")
_same, _namesake = _securables.alias("the_same"), _securables.alias("the_namesake")
_container = func.rtrim(func.rtrim(_trash.c.full_name, func.replace(_trash.c.full_name, ".", "")), ".")
"""The full name of the schema: all letters of the name are taken from its end, up to a period, and then that."""
_SCHEMA_NOW: Final = func.coalesce(
    _model.c.parent_id,
    select(_same.c.id).where(_same.c.id == _trash.c.schema_id).scalar_subquery(),
    select(_namesake.c.id).where(_namesake.c.full_name == _container).scalar_subquery(),
)
"""The schema in which the model is, or was, whatever it is called now; or else one of the name that it had."""
_PLACED: Final = (
    _trash.outerjoin(_model, _model.c.id == _trash.c.model_id)
    .outerjoin(_schema, _schema.c.id == _SCHEMA_NOW)
    .outerjoin(_catalog, _catalog.c.id == _schema.c.parent_id)
    .outerjoin(_principals, _principals.c.id == _trash.c.owner_id)
)


def _owned(level: FromClause) -> ColumnElement[bool]:
    return is_in(level.c.owner_id, "mine")


_passed_catalog = passed(_catalog, Kind.CATALOG)
_passed_schema = and_(_passed_catalog, passed(_schema, Kind.SCHEMA, _catalog))
_manages_model = or_(
    _owned(_catalog),
    _owned(_schema),
    and_(_passed_schema, or_(_owned(_model), held(_model, Privilege.MANAGE, _schema, _catalog))),
)
_manages_schema = or_(
    _owned(_catalog), and_(_passed_catalog, or_(_owned(_schema), held(_schema, Privilege.MANAGE, _catalog)))
)
_makes_models = and_(_passed_schema, or_(_owned(_schema), held(_schema, Privilege.CREATE_MODEL, _catalog)))
_MAY_RESTORE: Final = or_(
    IS_ADMIN,
    and_(_model.c.id.is_not(None), _manages_model),
    and_(_model.c.id.is_(None), _schema.c.id.is_not(None), or_(_manages_schema, and_(_owned(_trash), _makes_models))),
    and_(_schema.c.id.is_(None), _owned(_trash)),
)
"""A version by whoever manages its model; a model by whoever manages its schema, or owned it and may make models
there. Where the schema is gone, whoever owned the model sees that it is in the trash."""
_ENTRY: Final = (
    _trash.c.id,
    _trash.c.full_name,
    _trash.c.number,
    _trash.c.model_id,
    _trash.c.owner_id,
    func.coalesce(_principals.c.name, ""),
    _trash.c.size,
    _trash.c.deleted_at,
    _trash.c.deleted_by,
    func.coalesce(_model.c.full_name, ""),
    func.coalesce(_schema.c.id, ""),
    func.coalesce(_schema.c.full_name, ""),
)
_before, _at = _trash.c.deleted_at < bindparam("before"), _trash.c.deleted_at == bindparam("before")
_LIST: Final = (
    select(*_ENTRY)
    .select_from(_PLACED)
    .where(_MAY_RESTORE, or_(_before, and_(_at, _trash.c.id > bindparam("after"))))
    .order_by(_trash.c.deleted_at.desc(), _trash.c.id)
    .limit(bindparam("most"))
)
_FIND: Final = select(*_ENTRY).select_from(_PLACED).where(_trash.c.id == bindparam("entry")).with_for_update(of=_trash)
_LATEST: Final = 2**62


def listing(tx: Look, window: Window) -> Page[Discarded]:
    """What the caller may restore, the latest first."""
    before, _, after = window.after.partition(" ")
    latest = replace(window, after=before).number_after
    asked = {"before": _LATEST if latest is None else latest, "after": after, "most": window.limit + 1}
    found = [_discarded(tx, row) for row in tx.rows(_LIST, **seen_by(tx), **asked)]
    last = found[window.limit - 1] if len(found) > window.limit else None
    return window.cut(found, f"{last.deleted_at} {last.id}" if last else None)


def find(tx: Write, id_: str) -> Discarded | None:
    """An entry of the trash, which nobody else restores or removes until this transaction ends."""
    row = tx.row(_FIND, entry=id_)
    return _discarded(tx, row) if row else None


def _discarded(tx: Look, row: Row) -> Discarded:
    entry = Discarded(*row, until=0)
    return replace(entry, until=entry.deleted_at + tx.context.trash_days * DAY)


# Out of the trash

_CONTENT: Final = select(_trash.c.content).where(_trash.c.id == bindparam("entry"))
_REMOVE: Final = delete(_trash).where(_trash.c.id == bindparam("entry"))
_HAS_NUMBER: Final = select(_versions.c.id).where(
    _versions.c.model_id == bindparam("model"), _versions.c.number == bindparam("number")
)


def restore_version(tx: Write, entry: Discarded, model: Node) -> Restored:
    """Put a version back into its model, without the aliases that it had; `AlreadyExists` if it came back already."""
    if tx.row(_HAS_NUMBER, model=model.id, number=entry.number):
        raise AlreadyExists(f"there is a version {entry.number} of '{model.full_name}' again, with the same files.")
    _add_versions(tx, _content(tx, entry), entry.schema_id)
    tx.run(_REMOVE, entry=entry.id)
    return Restored(model.full_name, entry.number)


def restore_model(tx: Write, entry: Discarded, full_name: str, lets: Callable[[str], bool]) -> Restored:
    """Put a model back into a schema with its READY versions; its name must be free.

    Grants return to the principals that are still there, and the model to its owner, or else to the caller; aliases
    do where the caller is let move them.
    """
    content = _content(tx, entry)
    there = principals.ids_there(tx, [entry.owner_id, *(row["principal_id"] for row in content["grants"])])
    content["grants"] = [row for row in content["grants"] if row["principal_id"] in there]
    [model] = content["securables"]
    model |= {"full_name": full_name, "parent_id": entry.schema_id, "updated_at": tx.now, "updated_by": tx.actor}
    if entry.owner_id not in there:
        model["owner_id"] = tx.caller.principal.id
    for rows in _OF_MODELS:
        rows.put_back(tx, content[rows.name])
    _add_versions(tx, content, entry.schema_id)
    aliases = [row for row in content["aliases"] if lets(row["name"])]
    node = Node(Kind.MODEL, entry.model_id, full_name)
    returned = _add_aliases(tx, node, aliases, content["versions"])
    tx.run(_REMOVE, entry=entry.id)
    left_out = tuple(row["name"] for row in content["aliases"] if row not in aliases)
    return Restored(full_name, None, len(content["versions"]), returned, left_out)


def _content(tx: Look, entry: Discarded) -> dict[str, list[Kept]]:
    [(content,)] = tx.rows(_CONTENT, entry=entry.id)
    return json.loads(content)


def _add_versions(tx: Write, content: dict[str, list[Kept]], schema_id: str) -> None:
    store_id = holdings.store_of(tx, schema_id)  # as a restored backup may have brought all bytes into another store
    content["versions"] = [{**row, "store_id": store_id} for row in content["versions"]]
    for rows in _OF_VERSIONS:
        rows.put_back(tx, content.get(rows.name, ()))  # what was deleted before a table was made has no rows of it


def _add_aliases(tx: Write, model: Node, aliases: Sequence[Kept], versions: Iterable[Kept]) -> tuple[Alias, ...]:
    """Set aliases where they were, and keep that in their history."""
    _ALIASES.put_back(tx, aliases)
    numbers = {row["id"]: row["number"] for row in versions}
    returned = tuple(Alias(row["name"], numbers[row["version_id"]]) for row in aliases)
    for alias in returned:
        models.record_move(tx, model, alias.name, None, alias.version, "restored from the trash")
    return returned


# For good

_DUE: Final = (
    select(_trash.c.id)
    .where(_trash.c.deleted_at <= bindparam("before"))
    .order_by(_trash.c.deleted_at, _trash.c.id)
    .limit(bindparam("most"))
)
_REMOVE_WHOLE: Final = delete(_trash).where(_trash.c.model_id == bindparam("model"))


def purge(tx: Write, before: int, most: int) -> int:
    """Forget what was deleted before a time, the oldest first; how much. Its bytes are collected later."""
    due = tx.rows(_DUE, before=before, most=most)
    return sum(tx.run(_REMOVE, entry=id_) for (id_,) in due)


def forget(tx: Write, entry: Discarded) -> None:
    """Forget one thing; with a model also versions that were deleted before it, as they have nowhere to return to."""
    if entry.number is None:
        tx.run(_REMOVE_WHOLE, model=entry.model_id)
    else:
        tx.run(_REMOVE, entry=entry.id)
