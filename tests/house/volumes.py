"""Volumes for tests, with files and outputs; and one example of every action on them."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

from modelyard.action import Action, Ref
from modelyard.actions import outputs, volume_files, volumes
from modelyard.domain.pages import Window
from modelyard.domain.privileges import Kind
from tests.house.world import World, containers

if TYPE_CHECKING:
    from tests.house.examples import Stage


def volume(world: World, schema: Ref | None = None) -> Ref:
    """A volume of the owner's, without files."""
    schema = schema or world.schema()
    name = world.new_name("volume")
    world.do(volumes.CreateVolume(schema, name), world.owner)
    return Ref(Kind.VOLUME, f"{schema.name}.{name}")


def bring(world: World, where: Ref, path: str, content: bytes = b"") -> None:
    """Put a file into a volume."""
    kept = volume_files.KeepVolumeFile(where, path, world.blob(content), overwrite=True)
    world.do(kept, world.owner)


def holding(world: World, path: str) -> tuple[Ref, str]:
    """A volume with a file in it."""
    where = volume(world)
    bring(world, where, path)
    return where, path


def opened(world: World, where: Ref | None = None) -> tuple[Ref, str]:
    """An output with a file, which is not complete."""
    where = where or volume(world)
    name = world.do(outputs.BeginOutput(where), world.owner).name
    bring(world, where, f"outputs/{name}/part-00000", name.encode())
    return where, name


def complete(world: World, where: Ref | None = None) -> tuple[Ref, str]:
    """An output that is complete."""
    where, name = opened(world, where)
    world.do(outputs.CompleteOutput(where, name), world.owner)
    return where, name


def published(world: World, where: Ref | None = None) -> tuple[Ref, str]:
    """An output that is current."""
    where, name = complete(world, where)
    world.do(outputs.PublishOutput(where, name), world.owner)
    return where, name


def _rename(at: Stage) -> Action[Any, Any]:
    where = volume(at.world)
    return volumes.RenameVolume(where, containers(where)[1], at.world.new_name(), volumes.VolumeChange())


def _delete_directory(at: Stage) -> Action[Any, Any]:
    where = volume(at.world)
    at.world.do(volume_files.MakeVolumeDirectory(where, "empty"), at.world.owner)
    return volume_files.DeleteVolumeDirectory(where, "empty")


def _list(at: Stage) -> Action[Any, Any]:
    return volumes.ListVolumes(containers(volume(at.world))[1].name, Window(10_000), browse=True)


VOLUMES: dict[type[Action[Any, Any]], Callable[[Stage], Action[Any, Any]]] = {
    volumes.CreateVolume: lambda at: volumes.CreateVolume(at.world.schema(), at.world.new_name()),
    volumes.GetVolume: lambda at: volumes.GetVolume(volume(at.world)),
    volumes.BrowseVolume: lambda at: volumes.BrowseVolume(volume(at.world)),
    volumes.ListVolumes: _list,
    volumes.UpdateVolume: lambda at: volumes.UpdateVolume(volume(at.world), volumes.VolumeChange(owner=at.who.name)),
    volumes.RenameVolume: _rename,
    volumes.DeleteVolume: lambda at: volumes.DeleteVolume(volume(at.world)),
    volume_files.FindVolumeFile: lambda at: volume_files.FindVolumeFile(*holding(at.world, "data.csv")),
    volume_files.FindVolumeDirectory: lambda at: volume_files.FindVolumeDirectory(volume(at.world), ""),
    volume_files.ListVolumeDirectory: lambda at: volume_files.ListVolumeDirectory(volume(at.world), "", Window(10)),
    volume_files.LinkToVolumeFile: lambda at: volume_files.LinkToVolumeFile(*holding(at.world, "data.csv")),
    volume_files.PrepareVolumeFile: lambda at: volume_files.PrepareVolumeFile(volume(at.world), "new"),
    volume_files.KeepVolumeFile: lambda at: volume_files.KeepVolumeFile(volume(at.world), "new", at.world.blob(b"")),
    volume_files.MakeVolumeDirectory: lambda at: volume_files.MakeVolumeDirectory(volume(at.world), "new"),
    volume_files.DeleteVolumeFile: lambda at: volume_files.DeleteVolumeFile(*holding(at.world, "old")),
    volume_files.DeleteVolumeDirectory: _delete_directory,
    outputs.BeginOutput: lambda at: outputs.BeginOutput(volume(at.world)),
    outputs.GetOutput: lambda at: outputs.GetOutput(*published(at.world)),
    outputs.ListOutputs: lambda at: outputs.ListOutputs(published(at.world)[0], Window(100)),
    outputs.CompleteOutput: lambda at: outputs.CompleteOutput(*opened(at.world)),
    outputs.DeleteOutput: lambda at: outputs.DeleteOutput(*opened(at.world)),
    outputs.PublishOutput: lambda at: outputs.PublishOutput(*complete(at.world)),
    outputs.UndoPublication: lambda at: outputs.UndoPublication(published(at.world)[0]),
    outputs.ListPublications: lambda at: outputs.ListPublications(published(at.world)[0], Window(100)),
}
"""They join those of the other actions."""
