"""The files of versions on this machine."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable
from pathlib import Path

import pytest

from modelyard.engines.local.files import Files
from modelyard.engines.local.trouble import Trouble
from tests.engines.support import House, Shelf, all_children, entry, model

SOME = {"MLmodel": b"flavors: {}", "data/a/model.bin": bytes(3_000_000), "empty": b""}


@pytest.fixture
def shelf() -> Shelf:
    return Shelf()


@pytest.fixture
def files(tmp_path: Path, shelf: Shelf) -> Files:
    return Files(tmp_path, shelf.open)


def _bring(files: Files, shelf: Shelf, name: str) -> Path:
    return asyncio.run(files.bring(name, shelf.files[name]))


def test_files_are_brought_once_and_nobody_writes_to_them(files: Files, shelf: Shelf) -> None:
    place = _bring(files, shelf, shelf.add(SOME))
    assert {str(path.relative_to(place)) for path in place.rglob("*") if path.is_file()} == set(SOME)
    assert (place / "data/a/model.bin").read_bytes() == SOME["data/a/model.bin"]
    assert all(path.stat().st_mode & 0o222 == 0 for path in (place, *place.rglob("*")))
    before = (place / "MLmodel").stat().st_ino
    assert (_bring(files, shelf, place.name) / "MLmodel").stat().st_ino == before


def test_a_folder_that_was_there_is_checked_and_brought_anew_if_it_differs(shelf: Shelf, tmp_path: Path) -> None:
    name = shelf.add(SOME)
    place = _bring(Files(tmp_path, shelf.open), shelf, name)
    before = (place / "MLmodel").stat().st_ino
    assert (_bring(Files(tmp_path, shelf.open), shelf, name) / "MLmodel").stat().st_ino == before
    (place / "data/a").chmod(0o755)
    (place / "data/a/model.bin").chmod(0o644)
    (place / "data/a/model.bin").write_bytes(b"x" * 3_000_000)
    place = _bring(Files(tmp_path, shelf.open), shelf, name)
    assert (place / "data/a/model.bin").read_bytes() == SOME["data/a/model.bin"]


def test_a_link_in_place_of_a_file_is_no_file(shelf: Shelf, tmp_path: Path) -> None:
    name = shelf.add(SOME)
    place = _bring(Files(tmp_path, shelf.open), shelf, name)
    place.chmod(0o755)
    (place / "MLmodel").rename(tmp_path / "elsewhere")
    (place / "MLmodel").symlink_to(tmp_path / "elsewhere")
    place = _bring(Files(tmp_path, shelf.open), shelf, name)
    assert not (place / "MLmodel").is_symlink()


@pytest.mark.parametrize("content", [b"flavors: {?", b"flavors: {"])
def test_other_bytes_are_refused_and_leave_nothing(files: Files, shelf: Shelf, tmp_path: Path, content: bytes) -> None:
    name = shelf.add(SOME)
    [each] = [each for each in shelf.files[name] if each.path == "MLmodel"]
    shelf.content[each.sha256] = content
    with pytest.raises(Trouble, match="not those that were registered"):
        _bring(files, shelf, name)
    assert not list(tmp_path.iterdir())


def test_entries_of_another_manifest_are_refused(files: Files, shelf: Shelf) -> None:
    name = shelf.add(SOME)
    shelf.files[name] = [*shelf.files[name], entry("more", b"")]
    with pytest.raises(Trouble, match="not those that were registered"):
        _bring(files, shelf, name)


@pytest.mark.parametrize("path", ["../x", "a/../../x", "/x", "a//b", "a/./b", "", "a\0b", "/".join("x" * 70)])
def test_a_name_that_leads_out_is_refused(files: Files, shelf: Shelf, tmp_path: Path, path: str) -> None:
    with pytest.raises(Trouble, match="leads out"):
        _bring(files, shelf, shelf.add({path: b"x"}))
    assert not list(tmp_path.iterdir())


def test_a_disk_that_fails_is_told_without_its_path(files: Files, shelf: Shelf, tmp_path: Path) -> None:
    with pytest.raises(Trouble) as caught:
        _bring(files, shelf, shelf.add({"a": b"x", "a/b": b"y"}))
    assert str(tmp_path) not in caught.value.message
    assert not list(tmp_path.iterdir())


def test_what_nobody_needs_goes_but_for_the_last_few(files: Files, shelf: Shelf, tmp_path: Path) -> None:
    names = [shelf.add({"x": str(number).encode()}) for number in range(8)]
    with files.needed(names[0]):
        for number, name in enumerate(names):
            os.utime(_bring(files, shelf, name), (number, number))
            with files.needed(name):
                pass
        assert {each.name for each in tmp_path.iterdir()} == {names[0], *names[4:]}
    files.tidy(0)
    assert not list(tmp_path.iterdir())


def test_a_model_whose_byte_differs_is_never_started(make: Callable[..., House], folder: Path) -> None:
    house = make()
    served = house.served(model({"weights": b"123"}))
    [each] = [each for each in house.shelf.files[served.digest] if each.path == "weights"]
    house.shelf.content[each.sha256] = b"124"
    house.keep(served)
    assert "not those that were registered" in house.failed().message
    assert not all_children(folder)
    assert house.engine.logs("one").count("process") == 0
