"""Multipart uploads: any parts, in any order, from many threads, through crashes, are the joined bytes."""

from __future__ import annotations

import fcntl
import hashlib
import os
import random
import secrets
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.errors import Changed, Invalid, NotFound, TooLarge, Unavailable, WrongState
from modelyard.store import parts as parts_module
from modelyard.store.blobs import BlobStore, StoredBlob, names_in
from modelyard.store.parts import PartStore, StoredPart

UPLOAD = "0123456789abcdef" * 2


@pytest.fixture
def blobs(tmp_path: Path) -> Iterator[BlobStore]:
    blobs = BlobStore(tmp_path / "blobs").open()
    yield blobs
    blobs.close()


@pytest.fixture
def store(blobs: BlobStore) -> PartStore:
    store = PartStore(blobs)
    store.begin(UPLOAD)
    return store


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "blobs" / "incoming" / UPLOAD


def send(store: PartStore, number: int, data: bytes, *, upload: str = UPLOAD, sized: bool = True) -> StoredPart:
    with store.write_part(upload, number, len(data) if sized else None) as writer:
        for start in range(0, len(data), 1 << 20):
            writer.write([data[start : start + 1000], memoryview(data)[start + 1000 : start + (1 << 20)]])
        return writer.commit()


def made_up(seed: int, size: int) -> bytes:
    return random.Random(seed).randbytes(size)  # noqa: S311  nothing secret


def listed(*parts: StoredPart) -> list[tuple[int, str]]:
    return [(part.number, part.etag) for part in parts]


def digest(data: bytes) -> StoredBlob:
    return StoredBlob(hashlib.sha256(data).hexdigest(), len(data))


def content(blobs: BlobStore, blob: StoredBlob) -> bytes:
    with blobs.open_blob(blob.sha256, blob.size) as found:
        return found.read(0, blob.size)


# -------------------------------------------------------------------------------------------------- joining


def test_parts_of_one_size_are_one_file_from_the_beginning(store: PartStore, blobs: BlobStore, folder: Path) -> None:
    data = made_up(1, 10_500)
    parts = {n: send(store, n, data[(n - 1) * 1000 : n * 1000]) for n in (4, 1, 11, 7, 2, 3, 5, 6, 8, 9, 10)}
    whole = (folder / "whole.1000").stat().st_ino
    blob = store.complete(UPLOAD, listed(*(parts[n] for n in sorted(parts))))
    assert blob == digest(data)
    with blobs.open_blob(blob.sha256) as found:
        assert os.fstat(found.fileno()).st_ino == whole
    store.abort(UPLOAD)
    assert not folder.exists()
    assert content(blobs, blob) == data


SIZES = st.one_of(st.integers(0, 3000), st.sampled_from([1000, 1000, 1000, 700]))


@settings(max_examples=100, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    sends=st.lists(
        st.tuples(st.integers(1, 6), SIZES, st.sampled_from(["whole", "unsized", "cut", "restart"])),
        min_size=1,
        max_size=14,
    ),
    skipped=st.sets(st.integers(1, 6), max_size=2),
    seed=st.integers(0, 1 << 30),
)
def test_any_sizes_orders_replacements_failures_and_restarts(
    blobs: BlobStore, sends: list[tuple[int, int, str]], skipped: set[int], seed: int
) -> None:
    store, upload = PartStore(blobs), secrets.token_hex(16)
    store.begin(upload)
    sent: dict[int, tuple[StoredPart, bytes]] = {}
    for step, (number, size, how) in enumerate(sends):
        data = made_up(seed + step, size)
        if how == "restart":
            store = PartStore(blobs)
        if how == "cut":
            with store.write_part(upload, number, size + 1) as writer:
                writer.write([data])
        else:
            part = send(store, number, data, upload=upload, sized=how != "unsized")
            sent[number] = part, data
    chosen = [sent[number] for number in sorted(sent) if number not in skipped]
    if not chosen:
        store.abort(upload)
        return
    expected = b"".join(data for _, data in chosen)
    blob = store.complete(upload, listed(*(part for part, _ in chosen)))
    assert blob == digest(expected)
    assert content(blobs, blob) == expected
    assert store.complete(upload, listed(*(part for part, _ in chosen))) == blob
    store.abort(upload)
    assert names_in(blobs.incoming) == []


def test_ten_threads(store: PartStore, blobs: BlobStore) -> None:
    size = 1 << 20
    data = made_up(2, 30 * size + 12345)
    pieces = [(n + 1, data[n * size : (n + 1) * size]) for n in range(31)]
    pieces.sort(key=lambda piece: (piece[0] * 7) % 31)
    with ThreadPoolExecutor(10) as pool:
        parts = sorted(pool.map(lambda piece: send(store, *piece), pieces), key=lambda part: part.number)
    blob = store.complete(UPLOAD, listed(*parts))
    assert blob == digest(data)
    assert blobs.verify(blob.sha256)


def test_writers_that_run_far_ahead_wait_for_the_hash(store: PartStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_module, "_LAG", 2000)
    monkeypatch.setattr(parts_module, "_STEP", 1000)
    data = made_up(4, 200_000)
    with ThreadPoolExecutor(8) as pool:
        parts = list(pool.map(lambda n: send(store, n, data[(n - 1) * 1000 : n * 1000]), range(1, 201)))
    assert store.complete(UPLOAD, listed(*parts)) == digest(data)


def test_the_hash_is_nearly_done_when_completion_begins(store: PartStore, monkeypatch: pytest.MonkeyPatch) -> None:
    data = made_up(5, 20_000)
    parts = [send(store, n, data[(n - 1) * 1000 : n * 1000]) for n in range(1, 21)]
    reads: list[int] = []
    real = os.pread
    monkeypatch.setattr(os, "pread", lambda file, count, at: reads.append(count) or real(file, count, at))
    assert store.complete(UPLOAD, listed(*parts)) == digest(data)
    assert reads == []


def test_a_replaced_part_that_was_hashed_is_hashed_anew(store: PartStore, blobs: BlobStore) -> None:
    first, second, third = (send(store, n, b"%d" % n * 500) for n in (1, 2, 3))
    again = send(store, 1, b"new" * 100)
    assert again.etag != first.etag
    expected = b"new" * 100 + b"2" * 500 + b"3" * 500
    blob = store.complete(UPLOAD, listed(again, second, third))
    assert (blob, content(blobs, blob)) == (digest(expected), expected)


def test_a_replaced_part_of_the_same_size_is_put_in_its_place(store: PartStore, blobs: BlobStore, folder: Path) -> None:
    parts = [send(store, n, b"%d" % n * 500) for n in (1, 2, 3)]
    parts[1] = send(store, 2, b"x" * 500)
    whole = (folder / "whole.500").stat().st_ino
    blob = store.complete(UPLOAD, listed(*parts))
    with blobs.open_blob(blob.sha256) as found:
        assert os.fstat(found.fileno()).st_ino == whole
    assert content(blobs, blob) == b"1" * 500 + b"x" * 500 + b"3" * 500


def test_a_disk_that_cannot_copy_in_the_kernel(
    store: PartStore, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def refused(*_: object) -> None:
        raise OSError(18, "Invalid cross-device link")

    monkeypatch.setattr(os, "copy_file_range", refused)
    parts = [send(store, 2, b"b" * 10), send(store, 5, b"e" * (3 << 20))]
    blob = store.complete(UPLOAD, listed(*parts))
    assert content(blobs, blob) == b"b" * 10 + b"e" * (3 << 20)


def test_a_place_beyond_what_disks_can_hold_is_not_used(store: PartStore, folder: Path) -> None:
    store.write_part(UPLOAD, 10_000, 5 << 30).abort()
    assert not list(folder.glob("whole.*"))


def test_another_process_completes_what_this_one_began(store: PartStore, blobs: BlobStore) -> None:
    other = PartStore(blobs)
    parts = [send((store, other)[n % 2], n, b"%d" % n * 100) for n in range(1, 8)]
    expected = b"".join(b"%d" % n * 100 for n in range(1, 8))
    assert other.complete(UPLOAD, listed(*parts)) == digest(expected)
    assert store.complete(UPLOAD, listed(*parts)) == digest(expected)


def test_forgotten_hashes_cost_only_time(store: PartStore, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(parts_module, "_CHASES", 1)
    other = "f" * 32
    store.begin(other)
    parts = []
    for number in (1, 2, 3):
        parts.append(send(store, number, b"%d" % number * 9))
        send(store, number, b"other", upload=other)
    assert store.complete(UPLOAD, listed(*parts)) == digest(b"111111111222222222333333333")


# ------------------------------------------------------------------------------------------------- refusals


@pytest.mark.parametrize("upload", ["", "x" * 32, "../" + "0" * 29, "0" * 32 + "\n"])
def test_an_upload_id_is_checked_everywhere(store: PartStore, upload: str) -> None:
    uses = [
        store.begin,
        store.abort,
        lambda name: store.write_part(name, 1, 1),
        lambda name: store.complete(name, [(1, "")]),
    ]
    for use in uses:
        with pytest.raises(Invalid):
            use(upload)


def test_an_unknown_upload_is_not_found_and_aborting_it_is_nothing(store: PartStore) -> None:
    store.abort("f" * 32)
    with pytest.raises(NotFound):
        store.write_part("f" * 32, 1, 1)
    with pytest.raises(NotFound):
        store.complete("f" * 32, [(1, "")])


@pytest.mark.parametrize(("number", "size"), [(0, 1), (-1, 1), (10_001, 1), (1, -1)])
def test_a_part_has_a_number_and_a_size(store: PartStore, number: int, size: int) -> None:
    with pytest.raises(Invalid):
        store.write_part(UPLOAD, number, size)


def test_a_part_is_bounded(store: PartStore) -> None:
    with pytest.raises(TooLarge):
        store.write_part(UPLOAD, 1, 11, limit=10)
    unsized = store.write_part(UPLOAD, 1, None, limit=10)
    with pytest.raises(TooLarge):
        unsized.write([b"12345678901"])
    announced = store.write_part(UPLOAD, 1, 3)
    with pytest.raises(Invalid):
        announced.write([b"1234"])


def test_the_whole_is_bounded(store: PartStore) -> None:
    parts = listed(send(store, 1, b"123"), send(store, 2, b"456"))
    with pytest.raises(TooLarge):
        store.complete(UPLOAD, parts, limit=5)
    assert store.complete(UPLOAD, parts, limit=6).size == 6


def test_a_truncated_part_is_not_there_and_does_not_harm_the_one_before(store: PartStore) -> None:
    whole = send(store, 1, b"whole")
    cut = store.write_part(UPLOAD, 1, 5)
    cut.write([b"cut"])
    with pytest.raises(Invalid, match="Only 3 of 5"):
        cut.commit()
    absent = store.write_part(UPLOAD, 2, 5)
    absent.write([b"cut"])
    absent.abort()
    with pytest.raises(Invalid, match="Part 2"):
        store.complete(UPLOAD, [*listed(whole), (2, "0" * 32)])
    assert store.complete(UPLOAD, listed(whole)) == digest(b"whole")


def test_the_list_must_be_right(store: PartStore) -> None:
    one, two = send(store, 1, b"1"), send(store, 2, b"2")
    wrong = [
        [],
        listed(two, one),
        listed(one, one),
        [(1, two.etag)],
        listed(one, two, StoredPart(3, 1, one.etag)),
    ]
    for parts in wrong:
        with pytest.raises(Invalid):
            store.complete(UPLOAD, parts)
    again = send(store, 2, b"3")
    with pytest.raises(Invalid, match="Part 2 is missing or was replaced"):
        store.complete(UPLOAD, listed(one, two))
    assert store.complete(UPLOAD, listed(one, again)) == digest(b"13")


def test_completion_is_final(store: PartStore) -> None:
    one, two = send(store, 1, b"1"), send(store, 2, b"2")
    store.complete(UPLOAD, listed(one, two))
    with pytest.raises(WrongState):
        store.complete(UPLOAD, listed(one))


def test_a_part_cannot_be_sent_for_ever(store: PartStore) -> None:
    for _ in range(100):
        store.write_part(UPLOAD, 1, 1).abort()
    with pytest.raises(Invalid, match="begin a new upload"):
        store.write_part(UPLOAD, 1, 1)


# --------------------------------------------------------------------------------------------- contention


@pytest.mark.parametrize("size", [4, None])
def test_of_two_attempts_the_one_begun_later_counts(store: PartStore, size: int | None) -> None:
    early, late = store.write_part(UPLOAD, 1, size), store.write_part(UPLOAD, 1, size)
    late.write([b"late"])
    early.write([b"old!"])
    part = late.commit()
    with pytest.raises(Changed):
        early.commit()
    assert store.complete(UPLOAD, listed(part)) == digest(b"late")


def test_a_late_writer_never_writes_into_an_object(store: PartStore, blobs: BlobStore) -> None:
    """A connection that hangs still has the whole open: completion then makes a file of its own."""
    zombie = store.write_part(UPLOAD, 1, 4)
    zombie.write([b"z"])
    beyond = store.write_part(UPLOAD, 3, 4)
    parts = listed(send(store, 1, b"good"), send(store, 2, b"text"))
    blob = store.complete(UPLOAD, parts)
    zombie.write([b"zzz"])
    beyond.write([b"zzzz"])
    beyond.commit()
    with pytest.raises(Changed):
        zombie.commit()
    assert content(blobs, blob) == b"goodtext"
    assert store.complete(UPLOAD, parts) == blob


def test_a_writer_after_completion_finds_another_file(store: PartStore, blobs: BlobStore) -> None:
    parts = listed(send(store, 1, b"good"), send(store, 2, b"text"))
    blob = store.complete(UPLOAD, parts)
    send(store, 3, b"more")
    send(store, 1, b"evil")
    assert content(blobs, blob) == b"goodtext"
    assert store.complete(UPLOAD, parts) == blob


def test_a_whole_that_became_an_object_before_it_was_locked_is_not_entered(
    store: PartStore, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    parts = listed(send(store, 1, b"good"))
    real = fcntl.flock

    def lock(file: int, kind: int) -> None:
        if kind & fcntl.LOCK_SH and kind & fcntl.LOCK_NB:
            monkeypatch.setattr(fcntl, "flock", real)
            store.complete(UPLOAD, parts)
        real(file, kind)

    monkeypatch.setattr(fcntl, "flock", lock)
    send(store, 2, b"evil")
    assert content(blobs, digest(b"good")) == b"good"


def test_aborting_while_parts_arrive(store: PartStore, blobs: BlobStore) -> None:
    writers = [store.write_part(UPLOAD, 1, 4), store.write_part(UPLOAD, 2, None)]
    store.abort(UPLOAD)
    store.abort(UPLOAD)
    for writer in writers:
        writer.write([b"late"])
        with pytest.raises(Unavailable):
            writer.commit()
    assert names_in(blobs.incoming) == []


def test_completing_twice_at_once(store: PartStore, blobs: BlobStore) -> None:
    parts = [send(store, n, b"%d" % n * 5000) for n in range(1, 9)]
    found: list[StoredBlob] = []
    threads = [threading.Thread(target=lambda: found.append(store.complete(UPLOAD, listed(*parts)))) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert len(found) == 4
    assert len(set(found)) == 1
    assert blobs.verify(found[0].sha256)


def test_everything_is_private(store: PartStore, folder: Path) -> None:
    send(store, 1, b"12")
    send(store, 1, b"12")
    assert folder.stat().st_mode & 0o777 == 0o700
    assert {path.stat().st_mode & 0o777 for path in folder.iterdir()} == {0o600}


def test_no_descriptor_is_left_open(store: PartStore) -> None:
    before = list(Path("/proc/self/fd").iterdir())
    parts = listed(send(store, 1, b"12"), send(store, 2, b"12"), send(store, 2, b"123"))
    with pytest.raises(Invalid):
        store.complete(UPLOAD, parts)
    store.write_part(UPLOAD, 4, 1).abort()
    store.complete(UPLOAD, [parts[0], parts[2]])
    store.abort(UPLOAD)
    assert len(list(Path("/proc/self/fd").iterdir())) == len(before)


# --------------------------------------------------------------------------------------------- real failures

CHILD = """
import os, pathlib, signal, sys
from modelyard.store.blobs import BlobStore
from modelyard.store.parts import PartStore
where, upload, countdown = sys.argv[1:]
blobs = BlobStore(pathlib.Path(where)).open()
store, left = PartStore(blobs), int(countdown)

def dying(real):
    def call(*arguments, **named):
        global left
        left -= 1
        if left == 0:
            os.kill(os.getpid(), signal.SIGKILL)
        return real(*arguments, **named)
    return call

for name in ("pwritev", "fsync", "open", "rename", "unlink", "ftruncate", "copy_file_range", "utime"):
    setattr(os, name, dying(getattr(os, name)))
parts = []
for number, size in ((1, 4000), (2, 4000), (2, 4000), (3, 4000), (4, 100)):
    with store.write_part(upload, number, size) as writer:
        writer.write([bytes([number]) * size])
        part = writer.commit()
    print("part", part.number, part.etag, flush=True)
    parts = [p for p in parts if p[0] != number] + [(number, part.etag)]
print("blob", store.complete(upload, parts).sha256, flush=True)
print("end", flush=True)
"""


def test_killed_at_any_step_it_keeps_its_word(store: PartStore, blobs: BlobStore, tmp_path: Path) -> None:
    """Each third system call in turn is the last one; what was answered before is then still there."""
    source = Path(__file__).parents[2] / "src"
    expected = digest(b"\1" * 4000 + b"\2" * 4000 + b"\3" * 4000 + b"\4" * 100)
    steps = 0
    for countdown in range(1, 200, 3):
        upload = secrets.token_hex(16)
        store.begin(upload)
        command = [sys.executable, "-c", CHILD, str(tmp_path / "blobs"), upload, str(countdown)]
        child = subprocess.run(
            command,
            capture_output=True,
            check=False,
            text=True,
            env={**os.environ, "PYTHONPATH": str(source)},
        )
        said = [line.split() for line in child.stdout.splitlines()]
        if ["end"] in said:
            break
        assert child.returncode == -signal.SIGKILL, child.stderr
        steps += 1
        goes_on_after(PartStore(blobs), upload, said, expected)
        blobs.remove(expected.sha256)
        assert list(blobs.held()) == []
        store.abort(upload)
    assert steps > 12


def goes_on_after(store: PartStore, upload: str, said: list[list[str]], expected: StoredBlob) -> None:
    """Parts that were acknowledged count, unless a later attempt had begun to; the others are sent again."""
    acknowledged = {int(line[1]): line[2] for line in said if line[0] == "part"}
    pieces = {1: b"\1" * 4000, 2: b"\2" * 4000, 3: b"\3" * 4000, 4: b"\4" * 100}
    replacing = sum(line[:2] == ["part", "2"] for line in said) == 1
    for number, data in pieces.items():
        if number not in acknowledged or (number == 2 and replacing):
            acknowledged[number] = send(store, number, data, upload=upload).etag
    assert store.complete(upload, sorted(acknowledged.items())) == expected


@pytest.mark.parametrize("call", ["copy_file_range", "fsync", "rename", "ftruncate"])
def test_a_disk_that_fails_during_completion_loses_no_part(
    store: PartStore, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(28, "No space left on device", UPLOAD)

    parts = [send(store, n, b"%d" % n * 50) for n in (1, 2, 3)]
    parts[2] = send(store, 3, b"x" * 50)
    with monkeypatch.context() as patch:
        patch.setattr(os, call, broken)
        with pytest.raises(Unavailable, match="disk is full"):
            store.complete(UPLOAD, listed(*parts))
    assert list(blobs.held()) == []
    assert store.complete(UPLOAD, listed(*parts)) == digest(b"1" * 50 + b"2" * 50 + b"x" * 50)


def test_a_completion_that_fails_harms_no_part_that_it_left_out(
    store: PartStore, blobs: BlobStore, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken(*_: object, **__: object) -> None:
        raise OSError(5, "Input/output error")

    parts = [send(store, n, b"%d" % n * 50) for n in (1, 2, 3)]
    with monkeypatch.context() as patch:
        patch.setattr(os, "rename", broken)
        with pytest.raises(Unavailable):
            store.complete(UPLOAD, listed(*parts[:2]))
    blob = store.complete(UPLOAD, listed(*parts))
    assert blob == digest(b"1" * 50 + b"2" * 50 + b"3" * 50)
    assert blobs.verify(blob.sha256)


def test_a_part_is_on_disk_before_anybody_hears(
    store: PartStore, folder: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    steps: list[tuple[str, int]] = []
    real = os.fsync

    def synced(file: int) -> None:
        steps.append(("folder" if stat.S_ISDIR(os.fstat(file).st_mode) else "bytes", len(records(folder))))
        real(file)

    monkeypatch.setattr(os, "fsync", synced)
    send(store, 1, b"part")
    assert steps == [("bytes", 0), ("folder", 1)]


def records(folder: Path) -> list[Path]:
    return list(folder.glob("?????.*.*"))


@pytest.mark.parametrize("call", ["pwritev", "fsync"])
def test_a_disk_that_fails_while_a_part_arrives(store: PartStore, monkeypatch: pytest.MonkeyPatch, call: str) -> None:
    def broken(*_: object) -> None:
        raise OSError(5, "Input/output error")

    with monkeypatch.context() as patch:
        patch.setattr(os, call, broken)
        with pytest.raises(Unavailable):
            send(store, 1, b"lost")
    assert store.complete(UPLOAD, listed(send(store, 1, b"kept"))) == digest(b"kept")


def test_a_part_cut_short_behind_our_back_is_noticed(store: PartStore, folder: Path) -> None:
    parts = listed(send(store, 2, b"x" * 100), send(store, 3, b"x" * 100))
    os.truncate(folder / "whole.100", 250)
    with pytest.raises(Unavailable, match="complete the upload again"):
        store.complete(UPLOAD, parts)
