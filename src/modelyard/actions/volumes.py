"""Volumes: made, shown, listed, changed, renamed and deleted."""

from __future__ import annotations

from dataclasses import dataclass, replace

from modelyard.action import Command, Need, Query, Ref
from modelyard.domain import names
from modelyard.domain.journal import Event
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Kind, Privilege
from modelyard.domain.volumes import Volume
from modelyard.store import access, catalogs, volumes
from modelyard.store.tx import Look, Write


@dataclass(frozen=True)
class VolumeChange:
    """What an update says; None leaves a thing as it is. `owner` is a principal's name."""

    comment: str | None = None
    owner: str | None = None


@dataclass(frozen=True)
class CreateVolume(Command[Write, Volume]):
    """Make a volume in a schema, owned by the caller; its files are kept where the schema's are."""

    schema: Ref
    name: str
    comment: str = ""

    needs = (Need(Privilege.CREATE_VOLUME, on="schema", naming="name"),)

    def run(self, tx: Write) -> Volume:
        """Make it, without files."""
        full_name = f"{self.schema.name}.{self.name}"
        schema = tx.at(self.schema)
        id_ = volumes.add(tx, schema, full_name, self.comment)
        tx.announce(Event.VOLUME_CREATED, full_name)
        return volumes.get(tx, replace(schema, kind=Kind.VOLUME, id=id_, full_name=full_name))


@dataclass(frozen=True)
class GetVolume(Query[Look, Volume]):
    """Show a volume."""

    volume: Ref

    needs = (Need(Privilege.READ_VOLUME, on="volume", metadata=True),)

    def run(self, tx: Look) -> Volume:
        """Show it."""
        return volumes.get(tx, tx.at(self.volume))


@dataclass(frozen=True)
class BrowseVolume(Query[Look, Volume]):
    """Show a volume also to those who may only browse its catalog."""

    volume: Ref

    needs = (Need(Privilege.BROWSE, on="volume", metadata=True),)

    def run(self, tx: Look) -> Volume:
        """Show it, and say whether there is more to it than the caller may read."""
        usable = tx.is_admin or tx.may(self.volume, Privilege.READ_VOLUME)
        return replace(volumes.get(tx, tx.at(self.volume)), browse_only=not usable)


@dataclass(frozen=True)
class ListVolumes(Query[Look, Page[Volume]]):
    """List the volumes of a schema, by its full name, that the caller may read, or browse where that is asked for."""

    inside: str
    window: Window
    browse: bool = False

    open_to = "every principal: rows are filtered by its privileges in the database"

    def run(self, tx: Look) -> Page[Volume]:
        """List them by full name."""
        return volumes.inside(tx, self.inside, self.window, browse=self.browse)


@dataclass(frozen=True)
class UpdateVolume(Command[Write, Volume]):
    """Change a volume's comment or owner."""

    volume: Ref
    change: VolumeChange

    needs = (Need(Privilege.MANAGE, on="volume"),)

    def run(self, tx: Write) -> Volume:
        """Change it."""
        return _change(tx, self.volume, self.change)


@dataclass(frozen=True)
class RenameVolume(Command[Write, Volume]):
    """Give a volume another name in its schema, and so its files other paths; grants and outputs stay."""

    volume: Ref
    schema: Ref
    name: str
    change: VolumeChange

    needs = (
        Need(Privilege.MANAGE, on="volume"),
        Need(Privilege.CREATE_VOLUME, on="schema", naming="name"),
    )

    def run(self, tx: Write) -> Volume:
        """Rename it."""
        names.stays_in(self.volume.name, self.schema.name)
        catalogs.change(tx, tx.at(self.volume).id, full_name=f"{self.schema.name}.{self.name}")
        return _change(tx, self.volume, self.change)


def update(volume: Ref, new_name: str | None, change: VolumeChange) -> UpdateVolume | RenameVolume:
    """The action that changes a volume, and renames it where the new name (short, or in full) is another one."""
    container, name = names.split(volume.name)
    if not new_name:
        return UpdateVolume(volume, change)
    there, wanted = names.split(names.volume(new_name)) if "." in new_name else (container, names.new_simple(new_name))
    names.stays_in(volume.name, there)
    if wanted == name:
        return UpdateVolume(volume, change)
    return RenameVolume(volume, Ref(Kind.SCHEMA, container), wanted, change)


def _change(tx: Write, volume: Ref, change: VolumeChange) -> Volume:
    owner = access.required(tx, change.owner) if change.owner is not None else None
    node = tx.at(volume)
    catalogs.change(tx, node.id, owner_id=owner.id if owner else None, comment=change.comment)
    changed = volumes.get(tx, node)
    tx.announce(Event.VOLUME_UPDATED, changed.full_name, was=volume.name)
    return changed


@dataclass(frozen=True)
class DeleteVolume(Command[Write, None]):
    """Delete a volume with its files, its outputs and its grants; bytes that nothing names are collected later."""

    volume: Ref

    needs = (Need(Privilege.MANAGE, on="volume"),)

    def run(self, tx: Write) -> None:
        """Delete it."""
        catalogs.remove(tx, tx.at(self.volume).id)
        tx.announce(Event.VOLUME_DELETED, self.volume.name)
