"""The process that looks into files: confined, kept warm, replaced when it fails, and never believed to be well."""

from __future__ import annotations

import os
import pickle
import signal
import sys
import textwrap
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.domain.cards import Card, Contents, Finding, Verdict
from modelyard.domain.files import Entry
from modelyard.errors import NotFound
from modelyard.store.examiner import Examiner
from tests.scan.test_pickles import Calling

MLMODEL = b"""\
flavors:
  sklearn: {pickled_model: model.pkl, serialization_format: cloudpickle}
  python_function: {loader_module: mlflow.sklearn}
mlflow_version: 3.17.2
model_uuid: 0123456789abcdef
signature:
  inputs: '[{"type": "double", "name": "age", "required": true}]'
  outputs: '[{"type": "long"}]'
"""
FILES = {"MLmodel": MLMODEL, "requirements.txt": b"scikit-learn==1.7\n# why\nnumpy\n", "model.pkl": pickle.dumps([1])}


class Held:
    """A file in memory; it counts what is read of it."""

    def __init__(self, content: bytes) -> None:
        self.content = content
        self.read_bytes = 0

    def read(self, offset: int, length: int) -> bytes:
        self.read_bytes += length
        return self.content[offset : offset + length]

    def close(self) -> None:
        pass


def examine(examiner: Examiner, files: dict[str, bytes]) -> Card:
    entries = [Entry(path, is_directory=False, size=len(content)) for path, content in files.items()]
    return examiner.examine(entries, lambda entry: Held(files[entry.path]))


@pytest.fixture
def examiner() -> Iterator[Examiner]:
    made = Examiner(20)
    yield made
    made.close()


def acting(tmp_path: Path, body: str, seconds: float = 20) -> Examiner:
    """An examiner whose child does something else than it should."""
    script = tmp_path / "child.py"
    head = "import json, os, sys, time\nfrom multiprocessing.connection import Connection\n"
    script.write_text(head + "there = Connection(int(sys.argv[1]))\nthere.recv_bytes()\n" + textwrap.dedent(body))
    return Examiner(seconds, (sys.executable, "-I", str(script)))


def test_a_model_is_read_and_judged(examiner: Examiner) -> None:
    card = examine(examiner, FILES)
    assert (card.contents, card.verdict, card.findings) == (Contents.CODE_BEARING, Verdict.CLEAN, ())
    assert card.facts["flavors"]["python_function"] == {"loader_module": "mlflow.sklearn"}
    assert card.facts["signature"]["inputs"] == [{"type": "double", "name": "age", "required": True}]
    assert card.facts["dependencies"] == ["scikit-learn==1.7", "numpy"]
    assert card.facts["mlflow_version"] == "3.17.2"


def test_a_hostile_file_is_told_and_the_next_model_is_looked_at_as_before(examiner: Examiner) -> None:
    card = examine(examiner, {**FILES, "model.pkl": pickle.dumps(Calling(os.system, "true"))})
    assert (card.verdict, card.findings) == (
        Verdict.SUSPICIOUS,
        (Finding("model.pkl", "Loading it would import posix.system."),),
    )
    assert examine(examiner, {"weights.json": b"{}"}).contents is Contents.DATA_ONLY


@pytest.mark.parametrize(
    "content",
    [
        b"flavors: {a: !!python/object/apply:os.system ['true']}",
        b"a: &a [x]\nflavors: {b: *a}",
        b"[" * 100_000,
        b"- a list",
        b"\xff\xfe\x00",
        b"flavors: {s: 1}\nsignature: {inputs: 'no json'}",
    ],
)
def test_a_description_that_is_no_plain_one_is_a_finding(examiner: Examiner, content: bytes) -> None:
    card = examine(examiner, {"MLmodel": content})
    assert card.verdict is Verdict.SUSPICIOUS
    assert "flavors" not in card.facts


def test_large_files_are_not_read_whole(examiner: Examiner) -> None:
    content = pickle.dumps(bytes(40_000_000))
    file = Held(content)
    card = examiner.examine([Entry("big.pkl", is_directory=False, size=len(content))], lambda _entry: file)
    assert card.verdict is Verdict.CLEAN
    assert file.read_bytes < 2_000_000


def test_the_process_is_confined_and_knows_no_secret(examiner: Examiner, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("MODELYARD_SECRET_KEY", "ab" * 32)
    others = children()
    examine(examiner, {"a.json": b"{}"})
    (child,) = children() - others
    status = dict(line.split(":\t", 1) for line in Path(f"/proc/{child}/status").read_text().splitlines())
    if os.geteuid() == 0:
        assert status["Uid"].split() == ["65534"] * 4
        assert status["Groups"].strip() == ""
    limits = Path(f"/proc/{child}/limits").read_text()
    for what in (
        "Max file size             0 ",
        "Max processes             0 ",
        "Max address space         1073741824 ",
    ):
        assert what in limits
    if os.geteuid() == 0:  # nobody else may look
        assert b"SECRET" not in Path(f"/proc/{child}/environ").read_bytes()
        descriptors = {str(link.readlink()).partition(":")[0] for link in Path(f"/proc/{child}/fd").iterdir()}
        assert descriptors == {"/dev/null", "socket"}


def children() -> set[int]:
    """The scanners of this process."""
    found = set[int]()
    for folder in Path("/proc").iterdir():
        if folder.name.isdigit():
            try:
                parent = int((folder / "stat").read_text().rpartition(")")[2].split()[1])
                is_ours = parent == os.getpid() and b"modelyard.scanner" in (folder / "cmdline").read_bytes()
            except (OSError, ValueError):
                continue
            found |= {int(folder.name)} if is_ours else set()
    return found


def test_a_killed_process_is_replaced(examiner: Examiner) -> None:
    others = children()
    examine(examiner, FILES)
    (child,) = children() - others
    os.kill(child, signal.SIGKILL)
    while child in children() and Path(f"/proc/{child}/cmdline").read_bytes():
        time.sleep(0.01)
    card = examine(examiner, FILES)
    assert card.verdict is Verdict.UNSCANNED
    assert "ended" in card.findings[0].problem
    assert examine(examiner, FILES).verdict is Verdict.CLEAN


@pytest.mark.parametrize("before", ["", "os.write(int(sys.argv[1]), b'\\0\\0\\0\\x09{');"])
def test_a_process_that_hangs_is_ended_in_time(tmp_path: Path, before: str) -> None:
    hanging = acting(tmp_path, f"{before} time.sleep(600)", seconds=0.5)
    begun = time.monotonic()
    card = examine(hanging, FILES)
    assert time.monotonic() - begun < 10
    assert (card.contents, card.verdict) == (Contents.UNKNOWN, Verdict.UNSCANNED)
    assert "scan_seconds" in card.findings[0].problem


@pytest.mark.parametrize(
    "body",
    [
        "there.send_bytes(b'nonsense')",
        "there.send_bytes(b'[]')",
        "there.send_bytes(b'{}')",
        "there.send_bytes(json.dumps({'contents': 'holy', 'findings': [], 'facts': {}}).encode())",
        "there.send_bytes(json.dumps({'contents': 'data_only', 'findings': 7, 'facts': {}}).encode())",
        "there.send_bytes(json.dumps({'read': [-5, 'x']}).encode())",
        "there.send_bytes(json.dumps({'read': [0, 1 << 40]}).encode())",
        "there.send_bytes(bytes(17 << 20))",
        "os._exit(3)",
    ],
)
def test_a_process_that_talks_nonsense_leaves_files_unscanned(tmp_path: Path, body: str) -> None:
    card = examine(acting(tmp_path, body + "\ntime.sleep(1)"), FILES)
    assert (card.contents, card.verdict) == (Contents.UNKNOWN, Verdict.UNSCANNED)


def test_a_store_that_fails_is_told_as_it_is(examiner: Examiner) -> None:
    def missing(_entry: Entry) -> Held:
        raise NotFound("the bytes are missing")

    with pytest.raises(NotFound):
        examiner.examine([Entry("a", is_directory=False, size=3)], missing)
    assert examine(examiner, FILES).verdict is Verdict.CLEAN
