"""Volumes: who may do what with their files, and how outputs are published, moved and taken back."""

from __future__ import annotations

import contextlib

import pytest

from modelyard.action import Ref
from modelyard.actions import catalogs, collection, grants, outputs, volume_files, volumes
from modelyard.domain.pages import Window
from modelyard.domain.privileges import GrantChange, Kind, Privilege
from modelyard.domain.volumes import State
from modelyard.errors import AlreadyExists, Changed, Denied, Invalid, NotFound, WrongState
from tests.gate.threads import at_once, persistent
from tests.house.volumes import bring, complete, holding, opened, published, volume
from tests.house.world import Person, World, containers

BIG = Window(1_000)


def let_in(world: World, who: Person, where: Ref, *privileges: Privilege) -> None:
    catalog, schema = containers(where)
    world.grant(catalog, who.name, Privilege.USE_CATALOG)
    world.grant(schema, who.name, Privilege.USE_SCHEMA)
    world.grant(where, who.name, *privileges)


def names(world: World, where: Ref, path: str = "", who: Person | None = None) -> list[str]:
    page = world.do(volume_files.ListVolumeDirectory(where, path, BIG), who or world.owner)
    return [entry.name for entry in page.items]


def read(world: World, where: Ref, path: str, who: Person | None = None) -> bytes:
    entry = world.do(volume_files.FindVolumeFile(where, path), who or world.owner)
    with contextlib.closing(world.inside.built.storage.open(entry)) as file:
        return file.read(0, entry.size)


def test_reading_and_writing_are_privileges_of_their_own(world: World) -> None:
    where, path = holding(world, "data.csv")
    reader, writer = world.person(), world.person()
    let_in(world, reader, where, Privilege.READ_VOLUME)
    let_in(world, writer, where, Privilege.WRITE_VOLUME)
    assert read(world, where, path, reader) == b""
    with pytest.raises(Denied, match="does not have WRITE VOLUME on Volume"):
        world.do(volume_files.PrepareVolumeFile(where, "more.csv"), reader)
    world.do(volume_files.KeepVolumeFile(where, "more.csv", world.blob(b"1")), writer)
    with pytest.raises(Denied, match="does not have READ VOLUME on Volume"):
        read(world, where, "more.csv", writer)
    assert read(world, where, "more.csv", reader) == b"1"


def test_lists_show_what_the_caller_may_read_and_nothing_else(world: World) -> None:
    schema = world.schema()
    shown, hidden = volume(world, schema), volume(world, schema)
    reader = world.person()
    let_in(world, reader, shown, Privilege.READ_VOLUME)
    found = world.do(volumes.ListVolumes(schema.name, BIG), reader).items
    assert [each.full_name for each in found] == [shown.name]
    catalog, _ = containers(shown)
    world.grant(catalog, reader.name, Privilege.BROWSE)
    browsed = world.do(volumes.ListVolumes(schema.name, BIG, browse=True), reader).items
    assert {each.full_name: each.browse_only for each in browsed} == {shown.name: False, hidden.name: True}


def test_volumes_share_their_names_with_models(world: World) -> None:
    model = world.model()
    schema = containers(model)[1]
    with pytest.raises(AlreadyExists):
        world.do(volumes.CreateVolume(schema, model.name.rpartition(".")[2]), world.owner)


def test_a_renamed_volume_keeps_files_and_grants(world: World) -> None:
    where, path = holding(world, "deep/data.csv")
    reader = world.person()
    let_in(world, reader, where, Privilege.READ_VOLUME)
    schema = containers(where)[1]
    world.do(volumes.RenameVolume(where, schema, "renamed", volumes.VolumeChange("better")), world.owner)
    there = Ref(Kind.VOLUME, f"{schema.name}.renamed")
    assert read(world, there, path, reader) == b""
    assert world.do(volumes.GetVolume(there), reader).comment == "better"


def test_files_are_replaced_only_when_asked_and_directories_deleted_only_when_empty(world: World) -> None:
    where, path = holding(world, "deep/data.csv")
    with pytest.raises(AlreadyExists, match="overwrite=true"):
        world.do(volume_files.KeepVolumeFile(where, path, world.blob(b"new")), world.owner)
    bring(world, where, path, b"new")
    assert read(world, where, path) == b"new"
    with pytest.raises(AlreadyExists, match="is a directory"):
        bring(world, where, "deep")
    with pytest.raises(AlreadyExists, match="nothing can be inside it"):
        bring(world, where, f"{path}/inside")
    with pytest.raises(WrongState, match="IS_NOT_EMPTY"):
        world.do(volume_files.DeleteVolumeDirectory(where, "deep"), world.owner)
    world.do(volume_files.DeleteVolumeFile(where, path), world.owner)
    world.do(volume_files.DeleteVolumeDirectory(where, "deep"), world.owner)
    assert names(world, where) == []
    with pytest.raises(Invalid, match="delete the volume instead"):
        world.do(volume_files.DeleteVolumeDirectory(where, ""), world.owner)


def test_bytes_that_nobody_names_any_more_are_collected_and_others_stay(world: World) -> None:
    where, path = holding(world, "data")
    bring(world, where, path, b"replaced soon")
    replaced = world.do(volume_files.FindVolumeFile(where, path), world.owner)
    bring(world, where, path, b"here to stay")
    kept = world.do(volume_files.FindVolumeFile(where, path), world.owner)
    output = published(world)
    current = world.do(volume_files.FindVolumeFile(output[0], "current/part-00000"), world.owner)

    def collected() -> set[str]:
        gone = world.do(collection.CollectGarbage(0))
        world.do(collection.ForgetGarbage(gone, world.inside.built.storage.clear(gone.garbage)))
        return {each.key for each in gone.garbage}

    keys = collected() | collected()
    assert replaced.key in keys
    assert not {kept.key, current.key} & keys
    assert read(world, where, path) == b"here to stay"
    world.do(volumes.DeleteVolume(where), world.owner)
    world.do(volumes.DeleteVolume(output[0]), world.owner)
    assert {kept.key, current.key} <= collected() | collected()


# Outputs


def test_an_output_is_seen_by_readers_once_it_is_complete_and_never_changes_then(world: World) -> None:
    where, name = opened(world)
    reader = world.person()
    let_in(world, reader, where, Privilege.READ_VOLUME)
    part = f"outputs/{name}/part-00000"
    assert names(world, where, "", reader) == ["outputs"]
    assert names(world, where, "outputs", reader) == []
    with pytest.raises(Denied, match="not complete"):
        read(world, where, part, reader)
    done = world.do(outputs.CompleteOutput(where, name), world.owner)
    assert (done.state, done.files, done.size) == (State.COMPLETE, 1, len(name))
    assert names(world, where, "outputs", reader) == [name]
    assert read(world, where, part, reader) == name.encode()
    for change in (
        volume_files.KeepVolumeFile(where, part, world.blob(b"other"), overwrite=True),
        volume_files.DeleteVolumeFile(where, part),
        volume_files.MakeVolumeDirectory(where, f"outputs/{name}/more"),
    ):
        with pytest.raises(WrongState, match="never changes"):
            world.do(change, world.owner)


def test_an_output_is_completed_only_with_the_files_that_its_maker_knows(world: World) -> None:
    where, name = opened(world)
    with pytest.raises(Changed, match="others than were brought"):
        world.do(outputs.CompleteOutput(where, name, "0" * 64), world.owner)
    assert world.do(outputs.GetOutput(where, name), world.owner).state is State.OPEN
    digest = world.do(outputs.CompleteOutput(where, name), world.owner).digest
    assert world.do(outputs.CompleteOutput(where, name, digest), world.owner).digest == digest
    empty = world.do(outputs.BeginOutput(where), world.owner).name
    with pytest.raises(Invalid, match="no files"):
        world.do(outputs.CompleteOutput(where, empty), world.owner)


def test_the_pointer_moves_with_compare_and_set_and_back_and_keeps_its_history(world: World) -> None:
    where, first = published(world)
    _, second = complete(world, where)
    assert read(world, where, "current/part-00000") == first.encode()
    with pytest.raises(Changed, match=f"is at {first}"):
        world.do(outputs.PublishOutput(where, second, expected=""), world.owner)
    world.do(outputs.PublishOutput(where, second, expected=first, reason="a better model"), world.owner)
    assert read(world, where, "current/part-00000") == second.encode()
    assert names(world, where) == ["current", "outputs"]
    world.do(outputs.UndoPublication(where, expected=second, reason="too many alarms"), world.owner)
    assert read(world, where, "current/part-00000") == first.encode()
    moves = world.do(outputs.ListPublications(where, BIG), world.owner).items
    assert [(move.from_output, move.to_output, move.reason) for move in moves] == [
        (second, first, "too many alarms"),
        (first, second, "a better model"),
        ("", first, ""),
    ]
    assert all(move.moved_by == world.owner.name for move in moves)


def test_undoing_the_first_move_leaves_no_current_output(world: World) -> None:
    where, _ = published(world)
    assert world.do(outputs.UndoPublication(where), world.owner).current == ""
    with pytest.raises(NotFound, match="no current output"):
        read(world, where, "current/part-00000")
    assert names(world, where) == ["outputs"]
    with pytest.raises(WrongState, match="never moved"):
        world.do(outputs.UndoPublication(complete(world)[0]), world.owner)


def test_only_complete_outputs_are_published_and_only_others_than_the_current_deleted(world: World) -> None:
    where, first = published(world)
    _, unfinished = opened(world, where)
    with pytest.raises(WrongState, match="not complete"):
        world.do(outputs.PublishOutput(where, unfinished), world.owner)
    with pytest.raises(WrongState, match="is current"):
        world.do(outputs.DeleteOutput(where, first), world.owner)
    writer = world.person()
    let_in(world, writer, where, Privilege.WRITE_VOLUME)
    world.do(outputs.DeleteOutput(where, unfinished), writer)
    _, second = published(world, where)
    with pytest.raises(Denied, match="does not have MANAGE"):
        world.do(outputs.DeleteOutput(where, first), writer)
    world.do(outputs.DeleteOutput(where, first), world.owner)
    with pytest.raises(WrongState, match="was deleted"):
        world.do(outputs.UndoPublication(where), world.owner)
    assert read(world, where, "current/part-00000") == second.encode()


def test_a_volume_with_files_of_these_names_publishes_nothing(world: World) -> None:
    where, _ = holding(world, "current/mine.csv")
    assert read(world, where, "current/mine.csv") == b""
    with pytest.raises(WrongState, match="'current' is a file or directory"):
        world.do(outputs.BeginOutput(where), world.owner)
    ready, _ = published(world)
    for path in ("current/mine.csv", "outputs/mine.csv", "outputs"):
        with pytest.raises((WrongState, NotFound)):
            bring(world, ready, path)


def test_pages_of_the_top_show_the_ways_to_outputs_in_their_place(world: World) -> None:
    where, _ = published(world)
    for name in ("a", "d", "p"):
        bring(world, where, name)
    found: list[str] = []
    window = Window(2)
    while True:
        page = world.do(volume_files.ListVolumeDirectory(where, "", window), world.owner)
        assert len(page.items) <= 2
        found += [entry.name for entry in page.items]
        if page.after is None:
            break
        window = Window(2, page.after)
    assert found == ["a", "current", "d", "outputs", "p"]


def test_of_many_who_move_the_pointer_at_once_one_wins(world: World) -> None:
    where, before = published(world)
    others = [complete(world, where)[1] for _ in range(4)]

    def move(name: str) -> bool:
        try:
            world.do(outputs.PublishOutput(where, name, expected=before), world.owner)
        except Changed:
            return False
        return True

    moved = at_once([persistent(lambda name=name: move(name)) for name in others])
    assert moved.count(True) == 1, moved
    assert len(world.do(outputs.ListPublications(where, BIG), world.owner).items) == 2


def test_a_schema_is_deleted_with_its_volumes_when_forced(world: World) -> None:
    where, _ = published(world)
    schema = containers(where)[1]
    with pytest.raises(WrongState, match="is not empty"):
        world.do(catalogs.DeleteSchema(schema), world.owner)
    world.do(catalogs.DeleteSchema(schema, force=True), world.owner)
    with pytest.raises(NotFound):
        world.do(volumes.GetVolume(where), world.owner)


def test_models_take_no_privileges_of_volumes(world: World) -> None:
    change = GrantChange(world.person().name, add=frozenset({Privilege.READ_VOLUME}))
    with pytest.raises(Invalid, match="not applicable"):
        world.do(grants.ChangeGrants(world.model(), (change,)), world.owner)
