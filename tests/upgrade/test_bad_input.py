"""What strangers' folders hold: each item that makes no sense is a line in the report, and the rest goes on."""

from __future__ import annotations

import json
import os
import time
from pathlib import Path

import pytest

from modelyard.errors import Invalid, Malformed, NotFound
from modelyard.upgrade import engine, plan, walk
from modelyard.upgrade.engine import Options, Outcome
from tests.upgrade.support import PLAN, run

GOOD = b"import mlflow\nload('models:/fraud/Production')\n"


def _run(folder: Path) -> Outcome:
    (folder / "good.py").write_bytes(GOOD)
    outcome = engine.run(walk.files([folder]), PLAN, Options())
    assert "good.py" in [change.name for change in outcome.changes]
    return outcome


def _why(outcome: Outcome, name: str) -> str:
    (message,) = [trouble.message for trouble in outcome.troubles if trouble.name == name]
    return message


@pytest.mark.parametrize(
    ("name", "data", "why"),
    [
        ("a.py", b"import mlflow\ndef f(:\n  x = = 1\n", "does not parse at line 2"),
        ("a.py", "import mlflow".encode("utf-16"), "UTF-16"),
        ("a.py", b"import mlflow\0", "NUL"),
        ("a.ipynb", b'{"nbformat": 4, "cells": [{"source": ["mlflow', "not JSON"),
        ("a.ipynb", b'{"mlflow": [1,,]}}', "not JSON"),
        ("a.ipynb", b'{"mlflow": 1}', "no nbformat"),
        ("a.ipynb", b'{"nbformat": 4, "mlflow": "\xff"}', "not written in UTF-8"),
        ("a.json", b'{"mlflow": ' + b"[" * 600 + b"]" * 600 + b"}", "levels deep"),
        ("a.yml", b"mlflow: [\n{{ x }}: }", "does not parse as YAML"),
        ("a.yml", b"mlflow: &a [*a, *b]", "does not parse as YAML"),
    ],
)
def test_files_that_make_no_sense(tmp_path: Path, name: str, data: bytes, why: str) -> None:
    (tmp_path / name).write_bytes(data)
    assert why in _why(_run(tmp_path), name)


def test_links_big_files_and_folders_of_others(tmp_path: Path) -> None:
    (tmp_path / "loop").symlink_to(tmp_path)
    (tmp_path / "link.py").symlink_to(tmp_path / "good.py")
    (tmp_path / "nowhere.py").symlink_to(tmp_path / "missing.py")
    (tmp_path / ".venv").mkdir()
    (tmp_path / ".venv" / "x.py").write_bytes(GOOD)
    with (tmp_path / "big.py").open("wb") as file:
        file.truncate(walk.MOST_BYTES + 1)
    os.mkfifo(tmp_path / "pipe.py")
    outcome = _run(tmp_path)
    assert "not followed" in _why(outcome, "loop")
    assert "a link" in _why(outcome, "link.py")
    assert "a link" in _why(outcome, "nowhere.py")
    assert "more than 20 MB" in _why(outcome, "big.py")
    assert "not a file" in _why(outcome, "pipe.py")
    assert [change.name for change in outcome.changes] == ["good.py"]


def test_a_large_notebook_on_one_line_with_keys_that_come_twice() -> None:
    cell = '{"cell_type":"code","id":1,"id":1,"outputs":["%s"],"source":["m = load(\'models:/fraud/Production\')"]}'
    before = '{"nbformat":4,"nbformat":4,"cells":[' + ",".join([cell % ("x" * 5_000)] * 1_000) + "]}"
    assert len(before) > 5_000_000
    started = time.monotonic()
    (change,) = run({"a.ipynb": before}).changes
    assert change.after.decode() == before.replace("models:/fraud/Production", "models:/prod.ml.fraud@champion")
    assert time.monotonic() - started < 60  # a quadratic way back would take many minutes


def test_yaml_that_unfolds_and_refers_to_itself() -> None:
    bomb = "a: &a [x, x]\n" + "".join(
        f"{b}: &{b} [*{a}, *{a}, *{a}]\n" for a, b in zip("abcdefghi", "bcdefghij", strict=True)
    )
    outcome = run({"a.yml": f"uri: models:/fraud/Production\n{bomb}self: &s\n  self: *s\n"})
    assert [change.after.decode().splitlines()[0] for change in outcome.changes] == [
        "uri: models:/prod.ml.fraud@champion"
    ]


def test_values_that_come_from_themselves() -> None:
    text = "import mlflow\na = b\nb = a\ndef f(n):\n    mlflow.register_model(u, n)\n    f(n)\n"
    outcome = run({"a.py": f"{text}mlflow.register_model(u, a)\n"})
    assert not outcome.changes
    assert len(outcome.references) == 2


def test_plans_that_make_no_sense() -> None:
    with pytest.raises(Invalid, match="write old=new"):
        plan.made(["fraud"], "", [], "")
    with pytest.raises(Invalid, match="three levels"):
        plan.made(["fraud=fraud"], "", [], "")
    with pytest.raises(Invalid, match="not a stage"):
        plan.made([], "", ["Shadow=x"], "")
    with pytest.raises(Invalid, match="not known"):
        plan.made([], "", [], "", "nams: {}")
    with pytest.raises(Invalid, match="not a mapping"):
        plan.made([], "", [], "", "names: [a]")
    with pytest.raises(Malformed, match="not YAML"):
        plan.made([], "", [], "", "names: {")
    with pytest.raises(NotFound):
        walk.files([Path("/nonexistent/x")])


def test_a_plan_from_a_file_gives_way_to_options() -> None:
    text = json.dumps({"names": {"a": "x.y.a", "b": "x.y.b"}, "schema": "x.y", "stages": {"Staging": "next"}})
    made = plan.made(["a=z.z.a"], "", ["Production=live"], "", text)
    assert [made.full_name(name) for name in ("a", "b", "C D", "x.y.z")] == ["z.z.a", "x.y.b", "x.y.c_d", None]
    assert [made.alias(stage) for stage in ("STAGING", "production", "None")] == ["next", "live", None]
