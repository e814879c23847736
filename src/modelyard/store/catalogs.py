"""Securables: catalogs and schemas whole, and what models share with them (names, owners, comments, tags)."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import ColumnElement, and_, bindparam, delete, func, or_, select, update

from modelyard.domain.access import ADMINS
from modelyard.domain.catalogs import Container
from modelyard.domain.models import Tag, TagChange
from modelyard.domain.names import MAX_NAME
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import NOT_IN_ALL, PASSAGE, Kind, Privilege
from modelyard.errors import Invalid
from modelyard.store import schema
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import Contended, inserting, new_id

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from sqlalchemy import Table
    from sqlalchemy.sql import FromClause

    from modelyard.domain.privileges import Node
    from modelyard.store.tx import Look, Row, Write

_securables, _grants, _principals = schema.securables, schema.grants, schema.principals
_stores = schema.stores

TOP: Final = ("id", "full_name", "owner", "comment", "created_at", "created_by", "updated_at", "updated_by")
"""The columns that every kind of securable shows first."""


def shown(table: FromClause, owner: FromClause) -> tuple[ColumnElement[object], ...]:
    """The columns of `TOP`."""
    return tuple(owner.c.name if name == "owner" else table.c[name] for name in TOP)


_CONTAINER: Final = (*shown(_securables, _principals), _securables.c.properties, _stores.c.url)
_OWNER: Final = _principals.c.id == _securables.c.owner_id
_STORE: Final = _stores.c.id == _securables.c.store_id
_CONTAINERS: Final = _securables.join(_principals, _OWNER).outerjoin(_stores, _STORE)
_GET: Final = select(*_CONTAINER).select_from(_CONTAINERS).where(_securables.c.id == bindparam("securable"))
_INSIDE_RENAMED: Final = bindparam("renamed", type_=schema.Name) + func.substr(
    _securables.c.full_name, bindparam("tail")
)
_RENAME_INSIDE: Final = (
    update(_securables)
    .where(_securables.c.full_name >= bindparam("first"), _securables.c.full_name < bindparam("beyond"))
    .values(full_name=_INSIDE_RENAMED)
)
_UPDATE: Final = (
    update(_securables)
    .where(_securables.c.id == bindparam("securable"))
    .values({name: bindparam(f"new_{name}") for name in ("full_name", "owner_id", "comment", "properties")})
    .values(updated_at=bindparam("now"), updated_by=bindparam("actor"))
)
_LOCK: Final = (
    select(_securables.c.full_name, _securables.c.owner_id, _securables.c.comment, _securables.c.properties)
    .where(_securables.c.id == bindparam("securable"))
    .with_for_update()
)
_TOUCH: Final = (
    update(_securables)
    .where(_securables.c.id == bindparam("securable"))
    .values(updated_at=bindparam("now"), updated_by=bindparam("actor"))
)
_RECALL: Final = (
    update(_securables)
    .where(_securables.c.id == bindparam("securable"))
    .values(created_at=bindparam("made_at"), created_by=bindparam("maker"))
)
_ADD: Final = inserting(_securables)
_REMOVE: Final = delete(_securables).where(_securables.c.id == bindparam("securable"))
_NAME: Final = select(_securables.c.full_name).where(_securables.c.id == bindparam("securable"))
_CHILD: Final = select(_securables.c.full_name).where(_securables.c.parent_id == bindparam("securable")).limit(1)


# Lists: filtered by the same rule that decides single requests, in the database and before paging.


def held(level: FromClause, privilege: Privilege, *above: FromClause) -> ColumnElement[bool]:
    """Whether the caller holds a privilege on a row by a grant there or on a container above it."""
    enough = {privilege.value} if privilege in NOT_IN_ALL else {privilege.value, Privilege.ALL_PRIVILEGES.value}
    granted = select(_grants.c.securable_id).where(
        is_in(_grants.c.principal_id, "mine"),
        or_(*(_grants.c.privilege == each for each in sorted(enough))),
    )
    return or_(*(node.c.id.in_(granted) for node in (level, *above)))


def passed(level: FromClause, kind: Kind, *above: FromClause) -> ColumnElement[bool]:
    """Whether the caller passes a container's gate: by owning it, or by USE on it or above."""
    return or_(is_in(level.c.owner_id, "mine"), held(level, PASSAGE[kind], *above))


IS_ADMIN: Final = bindparam("is_admin") == 1
"""Whether the caller is a metastore admin, who sees all metadata."""


def seen_by(tx: Look) -> dict[str, object]:
    """The values by which lists are filtered for the caller."""
    return {"mine": texts(tx.caller.identities), "is_admin": int(tx.is_admin)}


_catalog, _schema = _securables.alias("the_catalog"), _securables.alias("the_schema")
LOCATED: Final = _securables.join(_schema, _schema.c.id == _securables.c.parent_id).join(
    _catalog, _catalog.c.id == _schema.c.parent_id
)
"""The leaves of schemas (models and prompts), with the two containers of each."""


def visible(privilege: Privilege) -> ColumnElement[bool]:
    """The rule of `domain.privileges.decide` for a privilege on a leaf as metadata, for a row of `LOCATED`."""
    return or_(
        IS_ADMIN,
        and_(
            passed(_catalog, Kind.CATALOG),
            passed(_schema, Kind.SCHEMA, _catalog),
            or_(
                is_in(_securables.c.owner_id, "mine"),
                held(_securables, privilege, _schema, _catalog),
            ),
        ),
    )


BROWSED: Final = and_(bindparam("browse") == 1, held(_catalog, Privilege.BROWSE))
"""The rule for BROWSE, where a list is asked for it."""
VISIBLE: Final = visible(Privilege.EXECUTE)
"""The rule for models and prompts."""
SHOWN: Final = or_(VISIBLE, BROWSED)
"""The rule for those, where BROWSE counts too."""
LAST_LEVEL: Final = func.substr(_securables.c.full_name, func.length(_schema.c.full_name) + 2)
"""The name of a leaf inside its schema, for a row of `LOCATED`."""

_top = _securables.alias("top")
_browsing = and_(bindparam("browse") == 1, held(_securables, Privilege.BROWSE))
_passed_catalog = passed(_securables, Kind.CATALOG)
_passed_schema = and_(passed(_top, Kind.CATALOG), passed(_securables, Kind.SCHEMA, _top))
_browsing_schema = and_(bindparam("browse") == 1, held(_top, Privilege.BROWSE))

_CATALOGS: Final = (
    select(*_CONTAINER, or_(IS_ADMIN, _passed_catalog))
    .select_from(_CONTAINERS)
    .where(_securables.c.kind == Kind.CATALOG.value, _securables.c.full_name > bindparam("after"))
    .where(or_(IS_ADMIN, _passed_catalog, _browsing))
    .order_by(_securables.c.full_name)
    .limit(bindparam("most"))
)
_SCHEMAS: Final = (
    select(*_CONTAINER, or_(IS_ADMIN, _passed_schema))
    .select_from(_CONTAINERS.join(_top, _top.c.id == _securables.c.parent_id))
    .where(_top.c.full_name == bindparam("catalog"), _securables.c.full_name > bindparam("after"))
    .where(or_(IS_ADMIN, _passed_schema, _browsing_schema))
    .order_by(_securables.c.full_name)
    .limit(bindparam("most"))
)


def name_of(tx: Look, id_: str) -> str:
    """The full name of a securable that is there."""
    row = tx.row(_NAME, securable=id_)
    if row is None:
        raise Contended
    return row[0]


def get(tx: Look, id_: str, *, browse_only: bool = False) -> Container:
    """A catalog or schema that is there."""
    row = tx.row(_GET, securable=id_)
    if row is None:
        raise Contended
    return _container((*row, not browse_only))


def catalogs(tx: Look, window: Window, *, browse: bool) -> Page[Container]:
    """The catalogs that the caller may see, by name."""
    rows = tx.rows(_CATALOGS, **_asked(tx, window, browse=browse))
    return _page([_container(row) for row in rows], window)


def schemas(tx: Look, catalog: str, window: Window, *, browse: bool) -> Page[Container]:
    """The schemas of a catalog that the caller may see, by name."""
    rows = tx.rows(_SCHEMAS, catalog=catalog, **_asked(tx, window, browse=browse))
    return _page([_container(row) for row in rows], window)


def _asked(tx: Look, window: Window, *, browse: bool) -> dict[str, object]:
    return {
        **seen_by(tx),
        "browse": int(browse),
        "after": window.after,
        "most": window.limit + 1,
    }


def _page(items: list[Container], window: Window) -> Page[Container]:
    return window.cut(items, items[window.limit - 1].full_name if len(items) > window.limit else None)


def _container(row: Row) -> Container:
    *told, properties, root, usable = row
    return Container(*told, properties=json.loads(properties), storage_root=root or "", browse_only=not usable)


def add(
    tx: Write,
    kind: Kind,
    parent: Node | None,
    full_name: str,
    comment: str,
    properties: Mapping[str, str],
    store_id: str | None = None,
    *,
    id_: str = "",
) -> str:
    """Make a securable that the caller owns; returns its id. `store_id` is a container's own store, if it has one."""
    id_ = id_ or new_id()
    tx.run(
        _ADD,
        id=id_,
        kind=kind.value,
        parent_id=parent.id if parent else None,
        full_name=full_name,
        owner_id=tx.caller.principal.id,
        comment=comment,
        properties=json.dumps(dict(properties)),
        created_at=tx.now,
        created_by=tx.actor,
        updated_at=tx.now,
        updated_by=tx.actor,
        store_id=store_id,
    )
    return id_


def recall(tx: Write, id_: str, made_at: int, maker: str) -> None:
    """Say when a securable was made, and by whom, where it was before; its owner stays who brought it here."""
    tx.run(_RECALL, securable=id_, made_at=made_at, maker=maker)


def add_metastore(tx: Write, now: int, by: str) -> str:
    """Make the metastore, owned by the group of admins; returns its id."""
    id_ = new_id()
    told = {"created_at": now, "updated_at": now, "created_by": by, "updated_by": by}
    tx.run(_ADD, id=id_, kind=Kind.METASTORE.value, parent_id=None, full_name="", owner_id=ADMINS, comment="",
           properties="{}", store_id=None, **told)  # fmt: skip
    return id_


def change(
    tx: Write,
    id_: str,
    *,
    full_name: str | None = None,
    owner_id: str | None = None,
    comment: str | None = None,
    properties: Mapping[str, str] | None = None,
) -> None:
    """Change what is given, and carry a new name on to everything inside."""
    kept: dict[str, Any] = dict(zip(("full_name", "owner_id", "comment", "properties"), lock(tx, id_), strict=True))
    given = {
        "full_name": full_name,
        "owner_id": owner_id,
        "comment": comment,
        "properties": None if properties is None else json.dumps(dict(properties)),
    }
    new = {f"new_{name}": kept[name] if value is None else value for name, value in given.items()}
    tx.run(_UPDATE, securable=id_, now=tx.now, actor=tx.actor, **new)
    if full_name and full_name != kept["full_name"]:
        _rename_inside(tx, kept["full_name"], full_name)


_BEYOND_ALL: Final = "\U0010ffff" * MAX_NAME
"""Sorts behind every full name: no level is as long as this, in letters that take four bytes each."""


def bounds(container: str) -> dict[str, str]:
    """The values between which the full names of everything inside sort; without a container, those of all names."""
    if not container:
        return {"first": "", "beyond": _BEYOND_ALL}
    # Everything inside "a.b" sorts from "a.b." up to, not including, "a.b/": a slash follows a period.
    return {"first": container + ".", "beyond": container + "/"}


def lock(tx: Write, id_: str) -> Row:
    """Keep a securable as it is until this transaction ends: nobody changes, renames or deletes it, or adds inside."""
    row = tx.row(_LOCK, securable=id_)
    if row is None:
        raise Contended
    return row


def _rename_inside(tx: Write, old: str, new: str) -> None:
    tx.run(_RENAME_INSIDE, **bounds(old), renamed=new, tail=len(old) + 1)


def touch(tx: Write, securable_id: str) -> None:
    """Note that the caller has changed something about a securable now."""
    tx.run(_TOUCH, securable=securable_id, now=tx.now, actor=tx.actor)


def remove(tx: Write, id_: str) -> None:
    """Remove a securable with everything inside; bytes that no row names are collected later."""
    if not tx.run(_REMOVE, securable=id_):
        raise Contended


def child(tx: Look, id_: str) -> str | None:
    """The full name of something inside, if there is anything."""
    row = tx.row(_CHILD, securable=id_)
    return row[0] if row else None


# Tags, of securables and of versions


class TagTable:
    """The tags of one kind of object."""

    def __init__(self, table: Table) -> None:
        mine = table.c.owner_id == bindparam("owner")
        this = and_(mine, table.c.key == bindparam("tag_key"))
        self._many = select(table).where(is_in(table.c.owner_id, "owners")).order_by(table.c.key)
        self._all = select(table.c.key, table.c.value).where(mine).order_by(table.c.key)
        self._remove = delete(table).where(this)
        self._update = update(table).where(this).values(value=bindparam("new_value"))
        self._add = inserting(table)

    def all(self, tx: Look, owner_id: str) -> tuple[Tag, ...]:
        """All tags of an object, by key."""
        return tuple(Tag(*row) for row in tx.rows(self._all, owner=owner_id))

    def of_many(self, tx: Look, owner_ids: Iterable[str]) -> dict[str, tuple[Tag, ...]]:
        """All tags of several objects, by their ids."""
        found: dict[str, tuple[Tag, ...]] = {}
        for owner_id, key, value in tx.rows(self._many, owners=texts(owner_ids)):
            found[owner_id] = (*found.get(owner_id, ()), Tag(key, value))
        return found

    def set(self, tx: Write, owner_id: str, tag: Tag, most: int) -> None:
        """Set a tag; `Invalid` when it would be one too many."""
        if tx.run(self._update, owner=owner_id, tag_key=tag.key, new_value=tag.value):
            return
        if len(tx.rows(self._all, owner=owner_id)) >= most:
            raise Invalid(f"at most {most} tags are kept here; delete one first.")
        tx.run(self._add, owner_id=owner_id, key=tag.key, value=tag.value)

    def change(self, tx: Write, owner_id: str, change: TagChange, most: int) -> None:
        """Remove some tags, then set others; removal comes first and makes room."""
        for key in change.remove:
            self.remove(tx, owner_id, key)
        for tag in change.add:
            self.set(tx, owner_id, tag, most)

    def remove(self, tx: Write, owner_id: str, key: str) -> None:
        """Remove a tag; it may be gone already."""
        tx.run(self._remove, owner=owner_id, tag_key=key)


SECURABLE_TAGS: Final = TagTable(schema.securable_tags)
VERSION_TAGS: Final = TagTable(schema.version_tags)
PROMPT_VERSION_TAGS: Final = TagTable(schema.prompt_version_tags)
