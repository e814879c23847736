"""What holds for every file: other bytes stay, another run changes nothing, and what parsed parses."""

from __future__ import annotations

import ast
import json

import pytest
from hypothesis import HealthCheck, example, given, settings
from hypothesis import strategies as st

from modelyard.errors import Malformed
from modelyard.upgrade import documents, engine, jsons, reports
from modelyard.upgrade.engine import Options
from modelyard.upgrade.findings import Edit, Safety
from modelyard.upgrade.plan import Plan
from tests.upgrade.support import PLAN, PROPOSING, run
from tests.upgrade.test_rules import CASES, SAME, TOLD

SNIPPETS = [
    *(before for before, _ in CASES.values()), *SAME.values(), *(text for text, _ in TOLD.values()),
    "x = 1", "def f(a):\n    return a", "if a:\n    pass\nelse:\n    b = '''\n# models:/fraud/Production\n'''",
    "def g(:", "s = 'é'  # 🚀 models:/fraud/1", "class K:\n    '''Doc.'''\n\n    N = 'fraud'",
]  # fmt: skip
ALL = Options(safeties=frozenset(Safety) - {Safety.REPORT})
quick = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])


def _nested(text: str, depth: int) -> str:
    for level in range(depth):
        text = f"def w{level}():\n" + "".join(f"    {line}\n" for line in text.split("\n"))
    return text


snippets = st.builds(_nested, st.sampled_from(SNIPPETS), st.integers(0, 2))
programs = st.builds(
    lambda parts, newline, end: (newline.join("\n".join(["import mlflow", *parts]).split("\n")) + end),
    st.lists(snippets, min_size=1, max_size=5),
    st.sampled_from(["\n", "\r\n"]),
    st.sampled_from(["", "\n", "\n\n   \n"]),
)  # fmt: skip


def _parses(text: str) -> bool:
    try:
        ast.parse(text)
    except (SyntaxError, ValueError):
        return False
    return True


def _untouched(before: bytes, edits: list[Edit]) -> list[bytes]:
    """The pieces of a file between edits."""
    pieces: list[bytes] = []
    done = 0
    for edit in sorted(edits):
        pieces.append(before[done : edit.start])
        done = edit.end
    return [*pieces, before[done:]]


def _stays(before: bytes, after: bytes, edits: list[Edit]) -> None:
    """What was written is the old pieces, in their order, with the new texts between."""
    pieces, texts = _untouched(before, edits), [edit.text for edit in sorted(edits)]
    assert b"".join(part for pair in zip(pieces, [*texts, b""], strict=True) for part in pair) == after


@quick
@given(programs, st.sampled_from([Options(), Options(comments=False), PROPOSING, ALL]))
@example("import mlflow\r\nif a:\r\n\tv = client.get_latest_versions('fraud')\r\n", Options())
def test_python(text: str, options: Options) -> None:
    outcome = run({"job.py": text}, PLAN, options)
    assert not [
        trouble for trouble in outcome.troubles if "withdrawn" in trouble.message or "report this" in trouble.message
    ]
    for change in outcome.changes:
        _stays(change.before, change.after, [edit for edits in change.edits.values() for edit in edits])
        after = change.after.decode()
        assert _parses(after) or not _parses(text)
        assert not run({"job.py": after}, PLAN, options).changes
    states = {name: after for _, step in outcome.steps() for name, _, after in step}
    assert states == {change.name: change.after for change in outcome.changes}


@quick
@given(programs)
def test_notebooks_of_databricks(text: str) -> None:
    before = "# Databricks notebook source\n%magic x\n" + text.replace(
        "import mlflow", "import mlflow\n# COMMAND ----------\n"
    )
    outcome = run({"nb.py": before}, PLAN, Options())
    for change in outcome.changes:
        _stays(change.before, change.after, [edit for edits in change.edits.values() for edit in edits])
        assert not run({"nb.py": change.after}, PLAN, Options()).changes


sources = st.one_of(
    programs, st.lists(programs, min_size=1, max_size=3).map(lambda parts: [f"{part}\n" for part in parts])
)
cells = st.lists(
    st.fixed_dictionaries(
        {"cell_type": st.sampled_from(["code", "markdown"]), "source": sources},
        optional={"outputs": st.just([{"text": "load('models:/fraud/Production')"}]), "id": st.text(max_size=3)},
    ),
    min_size=1, max_size=3,
)  # fmt: skip


@quick
@given(cells, st.sampled_from([None, 1, "\t"]), st.booleans())
def test_notebooks(made: list[dict[str, object]], indent: int | str | None, ascii_only: object) -> None:
    notebook = {"metadata": {"x": "models:/fraud/Production"}, "cells": made, "nbformat": 4}
    before = json.dumps(notebook, indent=indent, ensure_ascii=bool(ascii_only))
    outcome = run({"a.ipynb": before}, PLAN, Options())
    after = outcome.changes[0].after.decode() if outcome.changes else before
    old, new = json.loads(before), json.loads(after)
    for was, now in zip(old["cells"], new["cells"], strict=True):
        del was["source"], now["source"]
    assert new == old
    skeleton = [_others(text) for text in (before, after)]
    assert skeleton[0] == skeleton[1]
    assert not run({"a.ipynb": after}, PLAN, Options()).changes


def _others(text: str) -> list[bytes]:
    """The bytes of a notebook between the strings of its sources."""
    data = text.encode()
    pieces: list[bytes] = []
    done = 0
    for leaf in jsons.leaves(data):
        if "source" in leaf.path and leaf.is_string:
            pieces.append(data[done : leaf.start])
            done = leaf.end
    return [*pieces, data[done:]]


@quick
@given(
    st.recursive(
        st.none() | st.booleans() | st.integers() | st.text(max_size=8),
        lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
        max_leaves=15,
    ),
    st.booleans(),
)
def test_leaves_of_json_are_what_python_reads(value: object, ascii_only: object) -> None:
    data = json.dumps(value, ensure_ascii=bool(ascii_only)).encode()
    for leaf in jsons.leaves(data):
        assert data[leaf.start : leaf.end] == leaf.raw
        if leaf.raw not in (b"{", b"["):
            found = value
            for key in leaf.path:
                found = found[key]  # type: ignore[index]
            assert json.loads(leaf.raw) == found


@quick
@given(st.binary(max_size=200), st.sampled_from(["a.py", "a.ipynb", "a.yml", "a.json", "a.sh", "a.tf", "a.sql"]))
@example(b"\xef\xbb\xbf# coding: latin-1\nmlflow", "a.py")
def test_any_bytes_are_read_or_told(data: bytes, name: str) -> None:
    outcome = run({name: b"mlflow models:/fraud/Production\n" + data}, PLAN, Options())
    assert not [trouble for trouble in outcome.troubles if "report this" in trouble.message]


def test_latin_1_stays_latin_1() -> None:
    for head in (b"# -*- coding: latin-1 -*-\n", b""):
        before = head + b"# caf\xe9\nimport mlflow\nload('models:/fraud/Production')  # \xe9\n"
        (change,) = run({"a.py": before}).changes
        assert change.after == before.replace(b"fraud/Production", b"prod.ml.fraud@champion")


def test_marks_of_byte_order_and_line_endings_stay() -> None:
    before = b"\xef\xbb\xbfimport mlflow\r\nload('models:/fraud/Production')\nclient.get_latest_versions('fraud')\r\n"
    (change,) = run({"a.py": before}, options=Options()).changes
    comment = change.after.split(b"champion')\n")[1].splitlines(keepends=True)[0]
    assert change.after.replace(comment, b"") == before.replace(b"fraud/Production", b"prod.ml.fraud@champion").replace(
        b"'fraud'", b"'prod.ml.fraud'"
    )
    assert comment.endswith(b"\r\n")


def test_what_cannot_be_changed_in_one_file_is_changed_in_none() -> None:
    files: dict[str, str | bytes] = {
        "names.py": "# -*- coding: latin-1 -*-\n# é\nMODEL = 'fraud'\n".encode("latin-1"),
        "app.py": b"import mlflow\nfrom names import MODEL\nmlflow.pyfunc.load_model(f'models:/{MODEL}/Production')\n",
    }
    outcome = run(files, Plan({"fraud": "prod.ml.模型"}))
    assert [trouble.name for trouble in outcome.troubles] == ["names.py"]
    assert "withdrawn" in outcome.troubles[0].message
    assert outcome.changes == ()
    assert outcome.references
    assert not any(each.is_changed for each in outcome.references)
    assert reports.sarif(outcome)["runs"]


def test_changes_that_would_not_parse_are_withdrawn() -> None:
    document = documents.read("a.py", b"import mlflow\nload('x')\n")
    with pytest.raises(Malformed, match="would not"):
        engine._proved(document, b"import mlflow\nload('x'\n")  # noqa: SLF001  there is no rule that breaks code
