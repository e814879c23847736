"""The exchange: what a client may leave in its folder, what it gets, and how long either lives."""

from __future__ import annotations

import contextlib
import os
import socket
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from urllib.parse import unquote, urlsplit

import pytest

from modelyard.domain.files import Entry, Stored
from modelyard.domain.models import Status, Version
from modelyard.errors import Invalid, TooLarge, WrongState
from modelyard.store import exchange
from modelyard.store.blobs import BlobStore
from modelyard.store.disk import Disk
from modelyard.store.exchange import BROUGHT_SECONDS, LENT_SECONDS, Exchange
from modelyard.store.stores import Stores

ID = "0123456789abcdef" * 2
OTHER = "f" * 32
STORE = "0" * 32
SECRET = b"of somebody else"


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    store = Disk(tmp_path / "blobs").open_store()
    store.store_id = STORE
    yield store
    store.close()


@pytest.fixture
def blobs(disk: Disk) -> BlobStore:
    return disk.blobs


@pytest.fixture
def stores(disk: Disk) -> Stores:
    made = Stores(limit=100)
    made.add(STORE, disk)
    return made


@pytest.fixture
def folders(tmp_path: Path, stores: Stores) -> Exchange:
    return Exchange(tmp_path / "exchange", stores, room=1_000).open()


def pending(id_: str = ID) -> Version:
    """A version that waits for its files."""
    status = Status.PENDING_REGISTRATION
    return Version(id_, "a.b.c", 1, status, "", "", "", "", "", "", 0, "", 0, "", store_id=STORE)


def local(url: str) -> Path:
    assert url.startswith("file:///")
    return Path(unquote(urlsplit(url).path))


def brought(folders: Exchange) -> Path:
    return local(folders.place(ID))


def aged(folder: Path, seconds: float) -> None:
    then = time.time() - seconds
    os.utime(folder, (then, then))


def stored(blobs: BlobStore, path: str, content: bytes) -> Entry:
    with blobs.receive(limit=1 << 20) as incoming:
        incoming.write([content])
        blob = incoming.commit()
    return Entry.of(path, Stored(STORE, blob.sha256, blob.size, blob.sha256))


def read(blobs: BlobStore, entry: Entry) -> bytes:
    with blobs.open_blob(entry.sha256, entry.size) as blob:
        return blob.read(0, entry.size)


def test_only_the_user_of_the_server_may_enter(tmp_path: Path, stores: Stores) -> None:
    (tmp_path / "exchange").mkdir(0o755)
    folders = Exchange(tmp_path / "exchange", stores, room=1).open()
    made = [tmp_path / "exchange", *(tmp_path / "exchange").iterdir(), brought(folders), local(folders.lend([]))]
    assert {oct(folder.stat().st_mode & 0o777) for folder in made} == {"0o700"}


def test_what_was_brought_is_taken_in_with_its_folders_and_names(folders: Exchange, blobs: BlobStore) -> None:
    folder = brought(folders)
    (folder / "code" / "deep er").mkdir(parents=True)
    written = {"MLmodel": b"flavors: {}\n", "code/deep er/é#%.py": b"x = 1\n", "empty": b""}
    for path, content in written.items():
        (folder / path).write_bytes(content)
    taken = folders.take(pending())
    assert {entry.path: read(blobs, entry) for entry in taken} == written
    assert {path: (folder / path).read_bytes() for path in written} == written, "kept until it is committed"
    folders.forget(ID)
    assert not folder.exists()


def test_nothing_that_was_brought_is_told_with_what_to_do(folders: Exchange) -> None:
    brought(folders)
    for version in (ID, OTHER):
        with pytest.raises(WrongState, match="databricks-uc"):
            folders.take(pending(version))


def _link(at: Path, secret: Path) -> None:
    at.symlink_to(secret)


def _hard_link(at: Path, secret: Path) -> None:
    at.hardlink_to(secret)


def _folder_link(at: Path, secret: Path) -> None:
    at.symlink_to(secret.parent, target_is_directory=True)


def _pipe(at: Path, _secret: Path) -> None:
    os.mkfifo(at)


def _socket(at: Path, _secret: Path) -> None:
    with contextlib.chdir(at.parent), socket.socket(socket.AF_UNIX) as line:
        line.bind(at.name)  # a whole path may be too long for a socket


@pytest.mark.parametrize("make", [_link, _hard_link, _folder_link, _pipe, _socket])
@pytest.mark.parametrize("where", ["thing", "below/thing"])
def test_no_link_pipe_or_socket_is_followed_or_opened(
    folders: Exchange, blobs: BlobStore, tmp_path: Path, make: Callable[[Path, Path], None], where: str
) -> None:
    secret = tmp_path / "secrets" / "key"
    secret.parent.mkdir()
    secret.write_bytes(SECRET)
    folder = brought(folders)
    (folder / "below").mkdir()
    make(folder / where, secret)
    with pytest.raises(Invalid, match=f"'{where}' is not a plain file"):
        folders.take(pending())
    assert list(blobs.held()) == []


def test_a_folder_that_became_a_link_is_not_followed(folders: Exchange, blobs: BlobStore, tmp_path: Path) -> None:
    elsewhere = tmp_path / "elsewhere"
    elsewhere.mkdir()
    (elsewhere / "MLmodel").write_bytes(SECRET)
    folder = brought(folders)
    folder.rmdir()
    folder.symlink_to(elsewhere)
    with pytest.raises(Invalid, match="not a plain file"):
        folders.take(pending())
    folders.forget(ID)
    assert list(blobs.held()) == []
    assert (elsewhere / "MLmodel").read_bytes() == SECRET


def test_a_file_that_becomes_a_link_after_it_was_listed_is_not_followed(
    folders: Exchange, blobs: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The race between looking and opening, won by the attacker: the check is made on what was opened."""
    secret = tmp_path / "key"
    secret.write_bytes(SECRET)
    victim = brought(folders) / "MLmodel"
    victim.write_bytes(b"harmless")
    opened = exchange._opened  # noqa: SLF001  the moment between looking and opening has no other name

    def swap(path: str, folder: int, name: str, how: int) -> int:
        if name == victim.name:
            victim.unlink()
            victim.symlink_to(secret)
        return opened(path, folder, name, how)

    monkeypatch.setattr(exchange, "_opened", swap)
    with pytest.raises(Invalid, match="not a plain file"):
        folders.take(pending())
    assert list(blobs.held()) == []


@pytest.mark.parametrize("name", ["back\\slash", "new\nline", b"\xff".decode("utf-8", "surrogateescape")])
def test_names_that_no_file_of_a_version_may_have_are_refused(folders: Exchange, name: str) -> None:
    (brought(folders) / name).write_bytes(b"")
    with pytest.raises(Invalid):
        folders.take(pending())


def test_bounds_hold(folders: Exchange, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = brought(folders)
    (folder / "big").write_bytes(b"x" * 101)
    with pytest.raises(TooLarge):
        folders.take(pending())
    (folder / "big").unlink()
    monkeypatch.setattr(exchange, "MOST_FILES", 3)
    for number in range(4):
        (folder / str(number)).write_bytes(b"")
    with pytest.raises(TooLarge, match="at most 3 files"):
        folders.take(pending())
    deep = folder / "/".join("d" * 70)
    deep.mkdir(parents=True)
    (deep / "file").write_bytes(b"")
    for number in range(4):
        (folder / str(number)).unlink()
    with pytest.raises(Invalid, match="levels"):
        folders.take(pending())


def test_only_ids_name_folders(folders: Exchange) -> None:
    for name in ("", "..", "../lent", "a/b", ID.upper()):
        with pytest.raises(Invalid):
            folders.place(name)


class TestLending:
    def test_each_client_gets_copies_of_its_own_and_may_destroy_them(self, folders: Exchange, blobs: BlobStore) -> None:
        entries = [stored(blobs, "MLmodel", b"flavors: {}\n"), stored(blobs, "data/model.pkl", b"bytes")]
        one, other = local(folders.lend(entries)), local(folders.lend(entries))
        assert one != other
        (one / "MLmodel").write_bytes(b"overwritten!")
        (one / "data" / "model.pkl").unlink()
        assert (other / "MLmodel").read_bytes() == b"flavors: {}\n"
        assert (other / "data" / "model.pkl").read_bytes() == b"bytes"
        assert all(blobs.verify(entry.sha256) for entry in entries)

    def test_all_copies_together_are_bounded_until_one_goes(self, folders: Exchange, blobs: BlobStore) -> None:
        entry = stored(blobs, "half", b"x" * 600)
        first = local(folders.lend([entry]))
        with pytest.raises(TooLarge, match="exchange_limit"):
            folders.lend([entry])
        assert list(first.parent.iterdir()) == [first], "what was refused leaves nothing"
        aged(first, LENT_SECONDS + 60)
        folders.lend([entry])
        assert not first.exists()

    def test_a_copy_that_fails_leaves_nothing(self, folders: Exchange, blobs: BlobStore, tmp_path: Path) -> None:
        gone = stored(blobs, "gone", b"x")
        blobs.remove(gone.sha256)
        with pytest.raises(Exception, match="missing or damaged"):
            folders.lend([stored(blobs, "there", b"y"), gone])
        assert list((tmp_path / "exchange" / "lent").iterdir()) == []


class TestSweeping:
    def test_old_folders_go_and_young_ones_stay(
        self, folders: Exchange, tmp_path: Path, blobs: BlobStore, stores: Stores
    ) -> None:
        old, young = local(folders.place(ID)), local(folders.place(OTHER))
        copy = local(folders.lend([stored(blobs, "a", b"a")]))
        aged(old, BROUGHT_SECONDS + 60)
        aged(young, BROUGHT_SECONDS - 600)
        aged(copy, LENT_SECONDS - 600)
        folders.sweep()
        assert (old.exists(), young.exists(), copy.exists()) == (False, True, True)
        aged(copy, LENT_SECONDS + 60)
        Exchange(tmp_path / "exchange", stores, room=1).open()
        assert (young.exists(), copy.exists()) == (True, False)

    def test_a_sweep_follows_no_link(self, folders: Exchange, tmp_path: Path) -> None:
        elsewhere = tmp_path / "elsewhere"
        elsewhere.mkdir()
        (elsewhere / "kept").write_bytes(SECRET)
        old = local(folders.place(ID))
        (old / "link").symlink_to(elsewhere)
        aged(old, BROUGHT_SECONDS + 60)
        folders.sweep()
        assert not old.exists()
        assert (elsewhere / "kept").read_bytes() == SECRET
