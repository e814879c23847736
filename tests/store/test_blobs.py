"""The byte store: what it refuses, and what it never loses."""

from __future__ import annotations

import errno
import hashlib
import os
import signal
import stat
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.errors import Invalid, NotFound, TooLarge, Unavailable
from modelyard.store import blobs
from modelyard.store.blobs import BlobStore, Incoming, StoredBlob
from modelyard.store.intake import Intake

LIMIT = 1 << 40


@pytest.fixture
def store(tmp_path: Path) -> Iterator[BlobStore]:
    store = BlobStore(tmp_path / "blobs").open()
    yield store
    store.close()


def put(store: BlobStore, data: bytes) -> StoredBlob:
    with store.receive(limit=LIMIT) as incoming:
        incoming.write([data])
        return incoming.commit()


def place(tmp_path: Path, sha256: str) -> Path:
    return tmp_path / "blobs" / "objects" / sha256[:2] / sha256


def left_behind(tmp_path: Path) -> list[str]:
    return sorted(path.name for path in (tmp_path / "blobs" / "incoming").iterdir())


# ---------------------------------------------------------------------------------------------- the folder


def test_everything_is_private(store: BlobStore, tmp_path: Path) -> None:
    put(store, b"private")
    store.receive(limit=LIMIT)
    paths = [tmp_path / "blobs", *(tmp_path / "blobs").rglob("*")]
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_dir()} == {0o700}
    assert {stat.S_IMODE(path.stat().st_mode) for path in paths if path.is_file()} == {0o600}


def test_a_folder_that_was_open_to_others_is_closed_to_them(tmp_path: Path) -> None:
    (tmp_path / "blobs").mkdir(mode=0o755)
    BlobStore(tmp_path / "blobs").open().close()
    assert stat.S_IMODE((tmp_path / "blobs").stat().st_mode) == 0o700


def test_a_store_keeps_its_id(store: BlobStore, tmp_path: Path) -> None:
    again = BlobStore(tmp_path / "blobs").open()
    other = BlobStore(tmp_path / "other").open()
    assert again.store_id == store.store_id != other.store_id
    assert len(store.store_id) == 32
    again.close()
    other.close()


def test_a_new_disk_is_an_empty_folder(tmp_path: Path) -> None:
    (tmp_path / "blobs" / "lost+found").mkdir(parents=True)
    BlobStore(tmp_path / "blobs").open().close()


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("holiday.jpg", "x", "other things"),
        ("store.json", '{"version": 2, "id": "x"}', "another version"),
        ("store.json", '{"version": true', "cannot be read"),
        ("store.json", "[]", "cannot be read"),
        ("store.json", '"\\ud800"', "cannot be read"),
    ],
)
def test_a_folder_that_is_not_ours_is_refused_and_left_alone(
    tmp_path: Path, name: str, content: str, reason: str
) -> None:
    (tmp_path / name).write_text(content)
    with pytest.raises(Invalid, match=reason) as refusal:
        BlobStore(tmp_path).open()
    assert str(tmp_path) not in refusal.value.message
    assert "`data`" in refusal.value.message
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_folder_that_cannot_be_made_is_the_settings_fault(tmp_path: Path) -> None:
    (tmp_path / "file").touch()
    with pytest.raises(Invalid, match="Not a directory"):
        BlobStore(tmp_path / "file" / "blobs").open()


def test_processes_that_start_together_agree_on_one_id(tmp_path: Path) -> None:
    script = """
import pathlib, sys
from modelyard.store.blobs import BlobStore
print(BlobStore(pathlib.Path(sys.argv[1])).open().store_id)
"""
    command = [sys.executable, "-c", script, str(tmp_path / "blobs")]
    started = [subprocess.Popen(command, stdout=subprocess.PIPE, env=environment()) for _ in range(4)]
    assert len({process.communicate()[0] for process in started}) == 1
    assert [process.returncode for process in started] == [0] * 4


# ------------------------------------------------------------------------------------------------- storing


@settings(max_examples=60, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    batches=st.lists(st.lists(st.binary(max_size=300), max_size=5), max_size=5),
    view=st.sampled_from([bytes, bytearray, memoryview]),
)
def test_what_is_read_is_what_was_written(
    store: BlobStore, tmp_path: Path, batches: list[list[bytes]], view: type
) -> None:
    joined = b"".join(chunk for batch in batches for chunk in batch)
    with store.receive(limit=LIMIT, expected_size=len(joined)) as incoming:
        for batch in batches:
            incoming.write([view(chunk) for chunk in batch])
        blob = incoming.commit()
    assert blob == StoredBlob(hashlib.sha256(joined).hexdigest(), len(joined))
    with store.open_blob(blob.sha256, blob.size) as found:
        assert found.size == len(joined)
        assert found.read(0, len(joined) + 10) == joined
        assert found.read(3, 5) == joined[3:8]
        assert found.read(len(joined) + 7, 5) == b""
    assert left_behind(tmp_path) == []


def test_more_buffers_than_the_kernel_takes_at_once(store: BlobStore) -> None:
    chunks = [bytes([number % 251]) for number in range(5000)]
    with store.receive(limit=LIMIT) as incoming:
        incoming.write(chunks)
        blob = incoming.commit()
    assert blob.sha256 == hashlib.sha256(b"".join(chunks)).hexdigest()
    assert store.verify(blob.sha256)


def test_a_kernel_that_writes_a_little_at_a_time(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    real = os.pwrite
    monkeypatch.setattr(os, "pwritev", lambda file, batch, at: real(file, batch[0][:1], at))
    monkeypatch.setattr(os, "pwrite", lambda file, rest, at: real(file, rest[:3], at))
    blob = put(store, b"one byte, then three by three")
    with store.open_blob(blob.sha256) as found:
        assert found.read(0, 99) == b"one byte, then three by three"


def listed(store: BlobStore) -> set[StoredBlob]:
    """Every object."""
    return {StoredBlob(held.key, held.size) for held in store.held()}


def test_equal_bytes_are_stored_once(store: BlobStore, tmp_path: Path) -> None:
    first = put(store, b"same")
    with store.open_blob(first.sha256) as reader:
        assert put(store, b"same") == first
        assert reader.read(0, 4) == b"same"
    assert listed(store) == {first}
    assert left_behind(tmp_path) == []


def test_sending_again_heals(store: BlobStore, tmp_path: Path) -> None:
    blob = put(store, b"whole")
    place(tmp_path, blob.sha256).write_bytes(b"rotte")
    assert not store.verify(blob.sha256)
    put(store, b"whole")
    assert store.verify(blob.sha256)


def test_many_threads_store_the_same_and_different_bytes(store: BlobStore) -> None:
    found: list[StoredBlob] = []
    threads = [threading.Thread(target=lambda n=n: found.append(put(store, b"%d" % (n % 4)))) for n in range(16)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 16
    assert listed(store) == set(found)
    assert len(set(found)) == 4


def test_a_truncated_upload_leaves_nothing(store: BlobStore, tmp_path: Path) -> None:
    incoming = store.receive(limit=LIMIT, expected_size=10)
    incoming.write([b"12345"])
    with pytest.raises(Invalid, match="Only 5 of 10 bytes"):
        incoming.commit()
    assert left_behind(tmp_path) == []
    assert list(store.held()) == []


def test_bytes_beyond_the_bounds_leave_nothing(store: BlobStore, tmp_path: Path) -> None:
    incoming = store.receive(limit=10)
    incoming.write([b"1234567890"])
    with pytest.raises(TooLarge, match="10 bytes"):
        incoming.write([b"1"])
    announced = store.receive(limit=10, expected_size=3)
    with pytest.raises(Invalid, match="announced 3 bytes"):
        announced.write([b"1234"])
    with pytest.raises(TooLarge):
        store.receive(limit=10, expected_size=11)
    assert left_behind(tmp_path) == []


def test_an_aborted_upload_leaves_nothing_and_takes_nothing(store: BlobStore, tmp_path: Path) -> None:
    with store.receive(limit=LIMIT) as incoming:
        incoming.write([b"never"])
    incoming.abort()
    with pytest.raises(Unavailable):
        incoming.write([b"late"])
    with pytest.raises(Unavailable):
        incoming.commit()
    assert left_behind(tmp_path) == []
    assert list(store.held()) == []


def test_aborting_waits_for_the_write_in_another_thread(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    """Else the descriptor's number would be given to the next file, and this write would go there."""
    real, begun, go_on = os.pwritev, threading.Event(), threading.Event()

    def slow(file: int, batch: list[bytes], offset: int) -> int:
        begun.set()
        go_on.wait(5)
        return real(file, batch, offset)

    monkeypatch.setattr(os, "pwritev", slow)
    incoming = store.receive(limit=LIMIT)
    number = incoming.fileno()
    writer = threading.Thread(target=incoming.write, args=([b"late"],))
    writer.start()
    begun.wait(5)
    aborting = threading.Thread(target=incoming.abort)
    aborting.start()
    aborting.join(0.05)
    assert aborting.is_alive()
    assert os.fstat(number).st_nlink == 1
    go_on.set()
    writer.join()
    aborting.join()
    assert incoming.fileno() == -1


# ------------------------------------------------------------------------------------------------- reading


@pytest.mark.parametrize("name", ["", "x", "A" * 64, "0" * 63, "../" + "0" * 61, "0" * 64 + "\n"])
def test_a_name_is_a_digest(store: BlobStore, name: str) -> None:
    for use in (store.open_blob, store.verify, store.remove):
        with pytest.raises(Invalid):
            use(name)


def test_missing_bytes_are_named_as_such(store: BlobStore, tmp_path: Path) -> None:
    blob = put(store, b"there")
    for sha256, size in (("0" * 64, None), (blob.sha256, 4)):
        with pytest.raises(NotFound, match="modelyard fsck") as failure:
            store.open_blob(sha256, size)
        assert str(tmp_path) not in failure.value.message
    assert not store.verify("0" * 64)


def test_links_and_pipes_are_not_objects(store: BlobStore, tmp_path: Path) -> None:
    (tmp_path / "secret").write_bytes(b"secret")
    secret = hashlib.sha256(b"secret").hexdigest()
    place(tmp_path, secret).symlink_to(tmp_path / "secret")
    os.mkfifo(place(tmp_path, "0" * 64))
    place(tmp_path, "1" * 64).mkdir()
    for name in (secret, "0" * 64, "1" * 64):
        with pytest.raises(NotFound):
            store.open_blob(name)
        assert not store.verify(name)
    assert list(store.held()) == []


def test_a_shelf_that_is_a_link_is_not_followed(store: BlobStore, tmp_path: Path) -> None:
    digest = hashlib.sha256(b"elsewhere").hexdigest()
    shelf = place(tmp_path, digest).parent
    shelf.rmdir()
    (tmp_path / "outside").mkdir()
    shelf.symlink_to(tmp_path / "outside")
    with pytest.raises(Unavailable):
        put(store, b"elsewhere")
    with pytest.raises(NotFound):
        store.open_blob(digest)
    assert list((tmp_path / "outside").iterdir()) == []
    assert left_behind(tmp_path) == []


def test_a_link_in_an_objects_place_is_replaced_not_followed(store: BlobStore, tmp_path: Path) -> None:
    (tmp_path / "victim").write_bytes(b"victim")
    digest = hashlib.sha256(b"object").hexdigest()
    place(tmp_path, digest).symlink_to(tmp_path / "victim")
    put(store, b"object")
    assert (tmp_path / "victim").read_bytes() == b"victim"
    assert store.verify(digest)


def test_an_object_that_shrinks_while_it_is_read(store: BlobStore, tmp_path: Path) -> None:
    blob = put(store, b"0123456789")
    with store.open_blob(blob.sha256) as found:
        os.truncate(place(tmp_path, blob.sha256), 4)
        with pytest.raises(NotFound):
            found.read(0, 10)


def test_a_closed_blob_reads_nothing(store: BlobStore) -> None:
    blob = store.open_blob(put(store, b"closed").sha256)
    blob.close()
    blob.close()
    with pytest.raises(Unavailable):
        blob.read(0, 1)


# ------------------------------------------------------------------------------------------- housekeeping


def test_removal_spares_what_was_stored_lately(store: BlobStore, tmp_path: Path) -> None:
    blob = put(store, b"young")
    assert not store.remove(blob.sha256, older_than_seconds=60)
    os.utime(place(tmp_path, blob.sha256), (0, 0))
    assert store.renew(blob)
    assert not store.remove(blob.sha256, older_than_seconds=60)
    os.utime(place(tmp_path, blob.sha256), (0, 0))
    put(store, b"young")
    assert not store.remove(blob.sha256, older_than_seconds=60)
    os.utime(place(tmp_path, blob.sha256), (0, 0))
    assert store.remove(blob.sha256, older_than_seconds=60)
    assert not store.remove(blob.sha256)
    assert not store.renew(blob)


def test_removal_waits_for_whoever_stores_the_same(
    store: BlobStore, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    blob = put(store, b"contended")
    os.utime(place(tmp_path, blob.sha256), (0, 0))
    real = os.rename
    removals: list[bool] = []
    collector = threading.Thread(target=lambda: removals.append(store.remove(blob.sha256, older_than_seconds=60)))

    def rename(*names: str, **folders: int) -> None:
        collector.start()
        collector.join(0.1)
        assert collector.is_alive()
        real(*names, **folders)

    monkeypatch.setattr(os, "rename", rename)
    put(store, b"contended")
    collector.join()
    assert removals == [False]
    assert store.verify(blob.sha256)


def test_sweep_removes_only_what_nobody_writes_to(store: BlobStore, tmp_path: Path) -> None:
    incoming = tmp_path / "blobs" / "incoming"
    active, idle = store.receive(limit=LIMIT), store.receive(limit=LIMIT)
    (incoming / "upload").mkdir()
    (incoming / "upload" / "fresh").touch()
    (incoming / "old").mkdir()
    (incoming / "old" / "part").touch()
    hour_ago = time.time() - 3600
    for path in (incoming / idle._name, incoming / "upload", incoming / "old" / "part", incoming / "old"):  # noqa: SLF001
        os.utime(path, (hour_ago, hour_ago))
    assert store.sweep(600) == 2
    assert left_behind(tmp_path) == sorted(["upload", active._name])  # noqa: SLF001
    idle.write([b"late"])
    with pytest.raises(Unavailable):
        idle.commit()
    active.commit()
    assert store.sweep(-1) == 1
    assert left_behind(tmp_path) == []


# ------------------------------------------------------------------------------------------- real failures


def environment() -> dict[str, str]:
    source = Path(__file__).parents[2] / "src"
    return {**os.environ, "PYTHONPATH": str(source)}


CHILD = """
import os, pathlib, sys
from modelyard.store.blobs import BlobStore
store = BlobStore(pathlib.Path(sys.argv[1])).open()
with store.receive(limit=1 << 40) as incoming:
    for number in range(4):
        incoming.write([b"%d" % number * 100_000])
    if sys.argv[2] == "commit":
        print(incoming.commit().sha256, flush=True)
    else:
        print("written", flush=True)
    sys.stdin.read()
"""


def killed_child(tmp_path: Path, until: str) -> str:
    command = [sys.executable, "-c", CHILD, str(tmp_path / "blobs"), until]
    child = subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, env=environment(), text=True)
    assert child.stdout
    assert child.stdin
    said = child.stdout.readline().strip()
    child.send_signal(signal.SIGKILL)
    assert child.wait() == -signal.SIGKILL
    child.stdout.close()
    child.stdin.close()
    return said


def test_a_process_killed_while_writing_leaves_one_file_for_the_sweep(store: BlobStore, tmp_path: Path) -> None:
    killed_child(tmp_path, "write")
    assert list(store.held()) == []
    assert len(left_behind(tmp_path)) == 1
    assert store.sweep(-1) == 1
    assert left_behind(tmp_path) == []


def test_a_process_killed_after_commit_has_kept_its_word(store: BlobStore, tmp_path: Path) -> None:
    digest = killed_child(tmp_path, "commit")
    assert store.verify(digest)
    assert left_behind(tmp_path) == []


def test_bytes_and_folder_are_on_disk_before_anybody_hears(store: BlobStore, monkeypatch: pytest.MonkeyPatch) -> None:
    steps: list[str] = []
    fsync, rename = os.fsync, os.rename

    def synced(file: int) -> None:
        steps.append("folder" if stat.S_ISDIR(os.fstat(file).st_mode) else "file")
        fsync(file)

    def renamed(*names: str, **folders: int) -> None:
        steps.append("rename")
        rename(*names, **folders)

    monkeypatch.setattr(os, "fsync", synced)
    monkeypatch.setattr(os, "rename", renamed)
    put(store, b"order")
    assert steps == ["file", "rename", "folder"]


@pytest.mark.parametrize("call", ["pwritev", "fsync", "rename", "utime"])
def test_a_disk_that_fails_leaves_nothing(
    store: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error", str(tmp_path))

    with monkeypatch.context() as patch:
        patch.setattr(os, call, broken)
        with pytest.raises(Unavailable) as failure:
            put(store, b"lost")
    assert str(tmp_path) not in failure.value.message
    assert left_behind(tmp_path) == []
    assert list(store.held()) == []


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    """Three megabytes; making it needs root."""
    (tmp_path / "disk").mkdir()
    mount = ["mount", "-t", "tmpfs", "-o", "size=3m", "tmpfs", str(tmp_path / "disk")]
    if os.geteuid() or subprocess.run(mount, capture_output=True, check=False).returncode:
        pytest.skip("mounting a small disk is not permitted here")
    yield tmp_path / "disk"
    subprocess.run(["umount", "--lazy", str(tmp_path / "disk")], check=True)


def test_a_full_disk_refuses_and_serves_on(small_disk: Path) -> None:
    store = BlobStore(small_disk / "blobs").open()
    kept = put(store, b"kept")
    incoming = store.receive(limit=LIMIT)
    with pytest.raises(Unavailable, match="disk is full"):
        fill(incoming)
    assert not any((small_disk / "blobs" / "incoming").iterdir())
    assert store.verify(kept.sha256)
    assert store.verify(put(store, b"y" * (1 << 20)).sha256)
    store.close()


def fill(incoming: Incoming) -> None:
    for _ in range(8):
        incoming.write([b"x" * (1 << 19)])


# ---------------------------------------------------------------------------------------------- two threads

BATCH = os.urandom(1 << 20)


def test_large_batches_are_hashed_in_order_by_threads_that_end_with_the_store(tmp_path: Path) -> None:
    store = BlobStore(tmp_path / "blobs").open()
    chunks = [BATCH, b"small", memoryview(BATCH)[5:], bytearray(BATCH)]
    with store.receive(limit=LIMIT) as incoming:
        for chunk in chunks:
            incoming.write([chunk])
        blob = incoming.commit()
    assert blob.sha256 == hashlib.sha256(b"".join(chunks)).hexdigest()
    assert store.verify(blob.sha256)
    assert any(thread.name.startswith("hash") for thread in threading.enumerate())
    store.close()
    assert not any(thread.name.startswith("hash") for thread in threading.enumerate())


def test_a_failure_of_the_thread_that_hashes_aborts(
    store: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_intake: Intake, _chunks: object) -> None:
        raise MemoryError

    incoming = store.receive(limit=LIMIT)
    monkeypatch.setattr(Intake, "add", fail)
    with pytest.raises(MemoryError):
        incoming.write([BATCH])
    assert (incoming.fileno(), left_behind(tmp_path)) == (-1, [])


def test_a_failure_to_write_waits_for_the_thread_that_hashes(
    store: BlobStore, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    hashed: list[int] = []

    def slowly(_intake: Intake, chunks: list[bytes]) -> None:
        time.sleep(0.2)
        hashed.append(len(chunks))

    def fail(_descriptor: int, _chunks: list[bytes], _offset: int) -> None:
        raise OSError(errno.EIO, "no disk")

    incoming = store.receive(limit=LIMIT)
    monkeypatch.setattr(Intake, "add", slowly)
    monkeypatch.setattr(blobs, "write_at", fail)
    with pytest.raises(Unavailable):
        incoming.write([BATCH])
    assert (hashed, left_behind(tmp_path)) == ([1], [])


def test_large_batches_beyond_the_limit_or_the_size_are_refused(store: BlobStore, tmp_path: Path) -> None:
    for incoming, failure in (
        (store.receive(limit=(2 << 20) - 1), TooLarge),
        (store.receive(limit=LIMIT, expected_size=(2 << 20) - 1), Invalid),
    ):
        incoming.write([BATCH])
        with pytest.raises(failure):
            incoming.write([BATCH])
    assert left_behind(tmp_path) == []
