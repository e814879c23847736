"""A store on the disk, as the collector and the check see it."""

from __future__ import annotations

import os
import time
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import pytest

from modelyard.domain.files import Condition, Stored
from modelyard.store.disk import SETTLING_SECONDS, Disk


@pytest.fixture
def disk(tmp_path: Path) -> Iterator[Disk]:
    store = Disk(tmp_path / "store").open_store()
    store.store_id = "the-store"
    yield store
    store.close()


def put(disk: Disk, content: bytes) -> Stored:
    incoming = disk.receive(limit=1 << 20, size=len(content))
    incoming.write([content])
    return incoming.commit()


def place(tmp_path: Path, stored: Stored) -> Path:
    return tmp_path / "store" / "objects" / stored.key[:2] / stored.key


def test_objects_are_listed_with_size_and_age(disk: Disk) -> None:
    before = time.time()
    stored = put(disk, b"four")
    (held,) = disk.held()
    assert (held.key, held.size) == (stored.key, 4)
    assert before - 1 <= held.written_at <= time.time()


def test_a_check_tells_what_is_whole_missing_and_damaged(disk: Disk, tmp_path: Path) -> None:
    stored = put(disk, b"whole")
    assert disk.check(stored, verify=True) is Condition.WHOLE
    assert disk.check(replace(stored, key="ab" * 32), verify=False) is Condition.MISSING
    assert disk.check(replace(stored, size=4), verify=False) is Condition.DAMAGED
    place(tmp_path, stored).write_bytes(b"rotte")
    assert disk.check(stored, verify=False) is Condition.WHOLE
    assert disk.check(stored, verify=True) is Condition.DAMAGED
    place(tmp_path, stored).unlink()
    assert disk.check(stored, verify=True) is Condition.MISSING


def test_only_objects_that_have_settled_are_removed(disk: Disk, tmp_path: Path) -> None:
    stored = put(disk, b"young")
    assert not disk.remove(stored.key, older_than_seconds=0)
    old = time.time() - SETTLING_SECONDS - 1
    os.utime(place(tmp_path, stored), (old, old))
    assert not disk.remove(stored.key, older_than_seconds=2 * SETTLING_SECONDS)
    assert disk.remove(stored.key, older_than_seconds=0)
    assert disk.remove(stored.key, older_than_seconds=0)
    assert list(disk.held()) == []
