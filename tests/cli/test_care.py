from __future__ import annotations

import os
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import pytest

from modelyard.store.disk import SETTLING_SECONDS
from tests.cli.conftest import CommandLine, register
from tests.support import LEGACY, Server

MODEL = "dev.s.churn"
SAME, OWN = b"weights " * 1_000, b"only here"


@pytest.fixture
def yard(modelyard: CommandLine) -> CommandLine:
    """A server with two READY versions that share a file."""
    modelyard.server.make_containers("dev.s")
    modelyard.do("models", "create", MODEL)
    register(modelyard.server, MODEL, MLmodel=b"one", weights=SAME)
    register(modelyard.server, MODEL, MLmodel=b"two", weights=SAME, own=OWN)
    return modelyard


def stored(yard: CommandLine) -> list[Path]:
    return sorted(file for file in (yard.server.data / "blobs" / "objects").rglob("*") if file.is_file())


def settle(yard: CommandLine) -> None:
    """Let time pass for everything stored."""
    for file in stored(yard):
        age(file, hours=(SETTLING_SECONDS + 60) / 3600)


def age(file: Path, *, hours: float) -> None:
    """Let time pass for one file."""
    long_ago = time.time() - hours * 3600
    os.utime(file, (long_ago, long_ago))


def delete(yard: CommandLine, number: int) -> None:
    """Delete a version for good."""
    throw(yard, number)
    [entry] = yard.ask("trash", "list")
    yard.do("trash", "purge", entry["id"])


def throw(yard: CommandLine, number: int) -> None:
    """Delete a version, into the trash."""
    with yard.server.client() as admin:
        told = {"name": MODEL, "version": str(number)}
        admin.request("DELETE", f"{LEGACY}/model-versions/delete", json=told).raise_for_status()


def test_only_bytes_that_nobody_names_are_removed(yard: CommandLine) -> None:
    settle(yard)
    assert yard.ask("gc")["objects"] == 0
    delete(yard, 2)
    weight = yard.ask("gc", "--dry-run", "--grace-hours", "0")
    assert (weight["manifests"], weight["objects"], weight["size"]) == (1, 2, len(b"two") + len(OWN))
    assert len(stored(yard)) == 4
    assert "2 objects of 12 bytes in 1 old lists" in yard.do("gc", "--dry-run").err
    assert yard.ask("gc")["objects"] == 0, "the grace period has only begun"
    done = yard.ask("gc", "--grace-hours", "0")
    assert (done["objects"], done["size"], done["spared"]) == (2, 12, 0)
    assert len(stored(yard)) == 2
    assert yard.ask("fsck", "--verify")["damage"] == []
    delete(yard, 1)
    assert "Removed 2 objects, 7.8 KiB" in yard.do("gc", "--grace-hours", "0").err
    assert stored(yard) == []
    assert yard.ask("fsck", "--verify")["objects"] == 0


def test_bytes_of_what_is_in_the_trash_stay_until_it_is_forgotten(
    start_server: Callable[..., Server], yard: CommandLine, monkeypatch: pytest.MonkeyPatch
) -> None:
    settle(yard)
    throw(yard, 2)
    weight = yard.ask("gc", "--dry-run", "--grace-hours", "0")
    assert (weight["trash"], weight["manifests"], weight["objects"]) == (0, 0, 0)
    done = yard.ask("gc", "--grace-hours", "0")
    assert (done["trash"], done["manifests"], done["objects"], len(stored(yard))) == (0, 0, 0, 4)
    yard.server.stop()
    line = CommandLine(start_server(name="data", trash_days="0"), monkeypatch)
    weight = line.ask("gc", "--dry-run", "--grace-hours", "0")
    assert (weight["trash"], weight["manifests"], weight["objects"], weight["size"]) == (1, 1, 2, 12)
    assert "Due in the trash: 1. 2 objects" in line.do("gc", "--dry-run").err
    done = line.ask("gc", "--grace-hours", "0")
    assert (done["trash"], done["manifests"], done["objects"], len(stored(yard))) == (1, 1, 2, 2)
    assert line.ask("trash", "list") == []


def test_bytes_that_are_missing_in_the_trash_are_told(yard: CommandLine) -> None:
    throw(yard, 2)
    [entry] = yard.ask("trash", "list")
    own = next(file for file in stored(yard) if file.stat().st_size == len(OWN))
    own.unlink()
    [found] = yard("fsck", "--json").json["damage"]
    assert found["files"] == [f"{MODEL}/own in trash {entry['id']}"]
    with sqlite3.connect(yard.server.data / "modelyard.db") as raw:
        raw.execute("UPDATE manifests SET digest = 'other' WHERE id IN (SELECT manifest_id FROM trash_manifests)")
    [wrong] = yard("fsck", "--json").json["wrong"]
    assert (wrong["problem"], wrong["versions"]) == ("another digest", [f"{MODEL} in trash {entry['id']}"])


def test_bytes_that_were_written_just_now_wait(yard: CommandLine) -> None:
    delete(yard, 2)
    done = yard.ask("gc", "--grace-hours", "0")
    assert (done["objects"], done["spared"]) == (0, 2)
    assert yard.ask("gc", "--dry-run", "--grace-hours", "0")["waiting"] == 2
    settle(yard)
    assert yard.ask("gc")["objects"] == 2


def test_bytes_that_come_back_while_they_wait_stay(yard: CommandLine) -> None:
    delete(yard, 2)
    assert yard.ask("gc", "--grace-hours", "0")["spared"] == 2
    register(yard.server, MODEL, MLmodel=b"two", again=OWN)
    settle(yard)
    assert yard.ask("gc", "--grace-hours", "0")["objects"] == 0
    assert yard.ask("fsck", "--verify")["damage"] == []


def test_missing_and_damaged_bytes_are_found_and_healed(yard: CommandLine) -> None:
    clean = yard.do("fsck", "--verify")
    assert "4 objects of 7.8 KiB and 2 lists of files: nothing is missing or damaged." in clean.err
    weights = next(file for file in stored(yard) if file.stat().st_size == len(SAME))
    own = next(file for file in stored(yard) if file.stat().st_size == len(OWN))
    weights.write_bytes(SAME[::-1])
    assert yard("fsck").status == 0, "a size says nothing of the bytes"
    own.unlink()
    told = yard("fsck", "--verify", "--json")
    assert told.status == 1
    found = {each["condition"]: each["files"] for each in told.json["damage"]}
    assert found == {"missing": [f"{MODEL}/2/own"], "damaged": [f"{MODEL}/1/weights", f"{MODEL}/2/weights"]}
    seen = yard("fsck", "--verify")
    assert (seen.status, "2 objects are missing or damaged" in seen.err) == (1, True)
    register(yard.server, MODEL, MLmodel=b"three", weights=SAME, own=OWN)
    assert yard.ask("fsck", "--verify")["damage"] == []


def test_objects_that_the_database_does_not_know_are_told_and_removed(yard: CommandLine) -> None:
    settle(yard)
    content = b"left behind"
    orphan = yard.server.data / "blobs" / "objects" / "ab" / ("ab" * 32)
    orphan.write_bytes(content)
    assert yard.ask("fsck", "--verify")["orphans"] == 0, "it may be on its way"
    assert yard.ask("gc", "--dry-run", "--grace-hours", "0")["orphans"] == 1
    age(orphan, hours=25)
    told = yard.ask("fsck")
    assert (told["orphans"], told["orphans_size"], told["damage"]) == (1, len(content), [])
    assert "the database does not know 1 more objects of 11 bytes" in yard.do("fsck").err
    assert "the database does not know 1 more objects of 11 bytes" in yard.do("gc", "--dry-run").err
    done = yard.ask("gc")
    assert (done["orphans"], done["objects"], done["size"]) == (1, 1, len(content))
    assert not orphan.exists()
    assert len(stored(yard)) == 4
    assert yard.ask("fsck", "--verify")["orphans"] == 0


def test_a_check_without_a_server_says_the_same(yard: CommandLine) -> None:
    asked = yard.ask("fsck", "--verify")
    assert "another Modelyard process" in yard.refusal("fsck", "--offline", "--data", str(yard.server.data))
    yard.server.stop()
    offline = ("fsck", "--offline", "--verify", "--data", str(yard.server.data))
    assert yard.ask(*offline) == asked
    stored(yard)[0].unlink()
    told = yard(*offline, "--json")
    assert (told.status, len(told.json["damage"])) == (1, 1)


def test_only_admins_collect_and_check(yard: CommandLine) -> None:
    token = yard.server.make_user("ada@example.com")
    for words in (("gc",), ("gc", "--dry-run"), ("fsck",)):
        assert "MANAGE" in yard.refusal(*words, token=token)


def test_wrong_hours_are_refused(yard: CommandLine) -> None:
    assert "grace_hours must be from 0 to" in yard.refusal("gc", "--grace-hours", "-1")
