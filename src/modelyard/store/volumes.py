"""Volumes: what they are, where their files are kept, and which output is current."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, or_, select, update

from modelyard.domain.privileges import Kind, Privilege
from modelyard.domain.volumes import Volume
from modelyard.errors import NotFound
from modelyard.store import catalogs, files, holdings, schema
from modelyard.store.catalogs import BROWSED, LOCATED, bounds, seen_by, shown, visible
from modelyard.store.tx import Contended, inserting, new_id

if TYPE_CHECKING:
    from modelyard.domain.pages import Page, Window
    from modelyard.domain.privileges import Node
    from modelyard.store.tx import Look, Row, Write

_securables, _principals, _volumes = schema.securables, schema.principals, schema.volumes

_OWNER: Final = _principals.c.id == _securables.c.owner_id
_THIS: Final = _volumes.c.id == bindparam("volume")
_VOLUME: Final = (
    *shown(_securables, _principals),
    _volumes.c.manifest_id,
    _volumes.c.store_id,
    _volumes.c.publishes,
    _volumes.c.current_output,
)
_READABLE: Final = visible(Privilege.READ_VOLUME)
_GET: Final = (
    select(*_VOLUME)
    .select_from(_volumes.join(_securables, _securables.c.id == _volumes.c.id).join(_principals, _OWNER))
    .where(_THIS)
)
_LIST: Final = (
    select(*_VOLUME, _READABLE)
    .select_from(LOCATED.join(_principals, _OWNER).join(_volumes, _volumes.c.id == _securables.c.id))
    .where(_securables.c.kind == Kind.VOLUME.value, _securables.c.full_name > bindparam("after"))
    .where(_securables.c.full_name >= bindparam("first"), _securables.c.full_name < bindparam("beyond"))
    .where(or_(_READABLE, BROWSED))
    .order_by(_securables.c.full_name)
    .limit(bindparam("most"))
)
_ADD: Final = inserting(_volumes)
_LOCK: Final = select(_volumes.c.id).where(_THIS).with_for_update()
_PUBLISH: Final = update(_volumes).where(_THIS).values(publishes=1)
_POINT: Final = update(_volumes).where(_THIS).values(current_output=bindparam("new_current"))


def add(tx: Write, container: Node, full_name: str, comment: str) -> str:
    """Make an empty volume in a schema, whose files are kept where the schema's are; its id."""
    id_, manifest_id = catalogs.add(tx, Kind.VOLUME, container, full_name, comment, {}), new_id()
    files.add_manifest(tx, manifest_id)
    store_id = holdings.store_of(tx, container.id)
    tx.run(_ADD, id=id_, manifest_id=manifest_id, store_id=store_id, publishes=0, current_output="")
    return id_


def get(tx: Look, volume: Node) -> Volume:
    """A volume that is there."""
    row = tx.row(_GET, volume=volume.id)
    if row is None:
        raise NotFound(f"{volume} does not exist.")
    return _volume(row)


def locked(tx: Write, volume: Node) -> Volume:
    """A volume whose files, outputs and pointer nobody else changes until this transaction ends."""
    if tx.row(_LOCK, volume=volume.id) is None:
        raise Contended
    return get(tx, volume)


def inside(tx: Look, schema_: str, window: Window, *, browse: bool) -> Page[Volume]:
    """The volumes of a schema that the caller may see, by name."""
    asked = {**seen_by(tx), **bounds(schema_), "browse": int(browse)}
    rows = tx.rows(_LIST, **asked, after=window.after, most=window.limit + 1)
    found = [_volume(row[:-1], browse_only=not row[-1]) for row in rows]
    return window.cut(found, found[window.limit - 1].full_name if len(found) > window.limit else None)


def publish(tx: Write, volume_id: str) -> None:
    """Note that a volume has outputs from now on."""
    tx.run(_PUBLISH, volume=volume_id)


def point(tx: Write, volume_id: str, output: str) -> None:
    """Point to an output as the current one; to none, with the empty string."""
    tx.run(_POINT, volume=volume_id, new_current=output)


def _volume(row: Row, *, browse_only: bool = False) -> Volume:
    *told, publishes, current = row
    return Volume(*told, publishes=bool(publishes), current=current, browse_only=browse_only)
