"""Volumes: managed ones, whose files are kept by the server and reached by the Files API."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import volumes
from modelyard.domain import names
from modelyard.domain.pages import Page
from modelyard.domain.privileges import Kind
from modelyard.domain.volumes import Volume, root
from modelyard.errors import Invalid
from modelyard.surfaces.unity.words import Listing, at, paged
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation, text

_MOST: Final = 10_000
_MANAGED: Final = "MANAGED"


class NewVolume(msgspec.Struct, frozen=True):
    """A new volume."""

    name: str = ""
    catalog_name: str = ""
    schema_name: str = ""
    volume_type: str = _MANAGED
    comment: str | None = None
    storage_location: str | None = None


class NamedVolume(msgspec.Struct, frozen=True):
    """A volume, and what changes in it."""

    full_name: str = ""
    include_browse: bool = False
    new_name: str | None = None
    comment: str | None = None
    owner: str | None = None

    @property
    def ref(self) -> Ref:
        """The volume."""
        return Ref(Kind.VOLUME, names.volume(self.full_name))

    @property
    def change(self) -> volumes.VolumeChange:
        """What changes."""
        return volumes.VolumeChange(None if self.comment is None else text(self.comment), self.owner)


def _create(said: NewVolume) -> AnyAction:
    if said.volume_type.upper() != _MANAGED or said.storage_location:
        raise Invalid("volumes here are MANAGED, and kept where their schema is; leave storage_location out.")
    schema = Ref(Kind.SCHEMA, names.schema(f"{said.catalog_name}.{said.schema_name}"))
    return volumes.CreateVolume(schema, names.new_simple(said.name), text(said.comment))


def _list(said: Listing) -> AnyAction:
    inside = names.schema(f"{said.catalog_name or ''}.{said.schema_name or ''}")
    return volumes.ListVolumes(inside, said.window(f"volumes {inside}", _MOST), said.include_browse)


def _volume(volume: Volume, here: Here) -> dict[str, Any]:
    catalog, schema, name = volume.full_name.split(".")
    return {
        "catalog_name": catalog,
        "schema_name": schema,
        "name": name,
        "full_name": volume.full_name,
        "volume_id": volume.id,
        "volume_type": _MANAGED,
        "storage_location": f"dbfs:{root(volume.full_name)}",
        "owner": volume.owner,
        "metastore_id": here.metastore_id,
        "created_at": volume.created_at,
        "created_by": volume.created_by,
        "updated_at": volume.updated_at,
        "updated_by": volume.updated_by,
        "browse_only": volume.browse_only,
        **({"comment": volume.comment} if volume.comment else {}),  # the open-source client takes no empty one
    }


def _volumes(page: Page[Volume], here: Here) -> object:
    return paged({"volumes": [_volume(volume, here) for volume in page.items]}, page)


_ONE: Final = at("volumes/{full_name}")

ROWS: Final[tuple[Row, ...]] = (
    Translation("POST", at("volumes"), NewVolume, _create, _volume),
    Translation("GET", at("volumes"), Listing, _list, _volumes),
    Translation(
        "GET",
        _ONE,
        NamedVolume,
        read=lambda said: (volumes.BrowseVolume if said.include_browse else volumes.GetVolume)(said.ref),
        write=_volume,
    ),
    Translation(
        "PATCH",
        _ONE,
        NamedVolume,
        read=lambda said: volumes.update(said.ref, said.new_name, said.change),
        write=_volume,
    ),
    Translation("DELETE", _ONE, NamedVolume, read=lambda said: volumes.DeleteVolume(said.ref)),
)
