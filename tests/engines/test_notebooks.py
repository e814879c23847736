"""Notebooks as attempts: real kernels, with what unmodified notebooks of Databricks need."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any

import nbformat
import pytest

from modelyard.engines.attempts import Outcome, Stage, Trouble
from modelyard.engines.tasks.html import html
from tests.engines.attempts import HOME, Yard

HEAD = "# Databricks notebook source\n"
BREAK = "\n# COMMAND ----------\n"


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    yard = Yard(tmp_path_factory.mktemp("yard") / "d", {"shared_user": False})
    yield yard
    yard.close()


def source(*cells: str) -> str:
    return HEAD + BREAK.join(cells)


def run(yard: Yard, attempt: str, *cells: str, **said: Any) -> Outcome:  # noqa: ANN401  fields of a brief
    yard.notebook(attempt, source(*cells), **said)
    look = yard.ended(attempt, 120)
    assert look.stage is Stage.ENDED
    assert look.outcome
    return look.outcome


def well(yard: Yard, attempt: str, *cells: str, **said: Any) -> str:  # noqa: ANN401  likewise
    """What a notebook prints that ends well."""
    outcome = run(yard, attempt, *cells, **said)
    assert outcome.trouble is None, (outcome, yard.log(attempt))
    return yard.log(attempt)


def test_a_notebook_runs_its_cells_and_is_kept_as_it_was_run(yard: Yard) -> None:
    said = well(
        yard,
        "cells",
        "# MAGIC %md\n# MAGIC # A title\n# MAGIC text",
        "# DBTITLE 1,Count\nx = 6 * 7\nprint('x is', x)",
        "x + 1",
    )
    assert said == "x is 42\n"
    content = yard.executor.notebook("cells")
    assert content
    notebook = nbformat.reads(content.decode(), as_version=4)
    nbformat.validate(notebook)
    kinds = [cell.cell_type for cell in notebook.cells]
    assert kinds == ["markdown", "code", "code"]
    assert notebook.cells[0].source == "# A title\ntext"
    assert notebook.cells[1].outputs[0].text == "x is 42\n"
    assert notebook.cells[2].outputs[0].data["text/plain"] == "43"


def test_widgets_and_values_come_in_and_results_go_out(yard: Yard) -> None:
    outcome = run(
        yard,
        "widgets",
        "dbutils.widgets.text('date', 'never', 'A label')\n"
        "dbutils.widgets.dropdown('env', 'dev', ['dev', 'prod'], label='Env')\n"
        "print(dbutils.widgets.get('date'), dbutils.widgets.get('env'), getArgument('extra'))\n"
        "print(sorted(dbutils.widgets.getAll()))",
        "try:\n    dbutils.widgets.get('none')\nexcept Exception as error:\n    print(type(error).__name__)",
        "uri = dbutils.jobs.taskValues.get('Train', 'model_uri', debugValue='')\n"
        "dbutils.jobs.taskValues.set('seen', [uri, 1])\n"
        "dbutils.jobs.taskValues.set(key='more', value={'a': None})\n"
        "print(dbutils.jobs.taskValues.get('Train', 'other', default='d'))",
        "import json\ndbutils.notebook.exit(json.dumps({'ok': True}))",
        "print('never printed')",
        named={"date": "today", "extra": "x"},
        values={"Train": {"model_uri": "models:/m/1"}},
    )
    assert outcome.trouble is None, yard.log("widgets")
    assert outcome.result == '{"ok": true}'
    assert outcome.values == {"seen": ["models:/m/1", 1], "more": {"a": None}}
    assert yard.log("widgets") == "today dev x\n['date', 'env', 'extra']\nInputWidgetNotDefined\nd\n"
    notebook = json.loads(yard.executor.notebook("widgets") or b"")
    assert [cell["outputs"] for cell in notebook["cells"][3:]] == [[], []], "the exit is no error, and nothing follows"


def test_an_error_is_told_with_its_traceback_and_what_was_left_before_stays(yard: Yard) -> None:
    outcome = run(
        yard,
        "error",
        "dbutils.jobs.taskValues.set('left', 1)",
        "def f():\n    raise KeyError('gone')\nf()",
        "print('no')",
    )
    assert outcome.trouble is Trouble.RAISED
    assert outcome.error == "KeyError: 'gone'"
    assert "raise KeyError('gone')" in outcome.trace
    assert "\x1b" not in outcome.trace
    assert outcome.values == {"left": 1}
    assert "KeyError: 'gone'" in yard.log("error")
    notebook = json.loads(yard.executor.notebook("error") or b"")
    assert notebook["cells"][1]["outputs"][0]["ename"] == "KeyError"


def test_a_kernel_that_dies_ends_the_attempt(yard: Yard) -> None:
    outcome = run(yard, "dies", "print('alive', flush=True)", "import os; os._exit(1)")
    assert outcome.trouble is Trouble.RAISED
    assert "ended" in outcome.error


def test_neighbours_are_found_and_the_workspace_is_a_real_path(yard: Yard) -> None:
    files = {
        **yard.file(f"{HOME}/project/deploy.py", "def deploy(): return 'deployed'"),
        **yard.file(f"{HOME}/project/utils/tools.py", "TOOL = 7"),
        **yard.file(f"{HOME}/shared.txt", "shared"),
    }
    said = well(
        yard,
        "neighbours",
        "from deploy import deploy\nprint(deploy())",
        "import os\n"
        "context = dbutils.notebook.entry_point.getDbutils().notebook().getContext()\n"
        "notebook_path = '/Workspace/' + os.path.dirname(context.notebookPath().get())\n"
        "%cd $notebook_path\n"
        "%cd ../\n"
        "print(open('shared.txt').read(), os.getcwd())",
        f"%cd {HOME}/project/utils\nimport tools\nprint(tools.TOOL)",
        "# MAGIC %load_ext autoreload\n# MAGIC %autoreload 2",
        "open('/Workspace/Users/ann/new', 'w').write('x'); print(os.listdir('/Workspace/Users'))",
        files=files,
        name="project/Main",
    )
    assert "deployed\n" in said
    assert f"shared {HOME}\n" in said
    assert "7\n" in said
    assert said.endswith("['ann']\n")


def test_other_notebooks_run_in_this_one(yard: Yard) -> None:
    files = {
        **yard.file(f"{HOME}/setup/Common", source("shared = dbutils.widgets.get('who')", "# MAGIC %run ./Deeper")),
        **yard.file(f"{HOME}/setup/Deeper.py", source("deeper = shared * 2", "def helper(): return deeper")),
        **yard.file(
            f"{HOME}/Json.ipynb",
            json.dumps({"cells": [{"cell_type": "code", "source": ["j = 1\n", "k = 2"]}], "nbformat": 4}),
        ),
    }
    said = well(
        yard,
        "runs",
        '# MAGIC %run ./setup/Common $who="me"',
        "print(shared, helper())",
        "# MAGIC %run /Users/ann/Json",
        "print(j + k)",
        files=files,
    )
    assert said == "me meme\n3\n"
    outcome = run(yard, "runs-nothing", "# MAGIC %run ./missing")
    assert "there is no notebook ./missing" in outcome.error


def test_magics_do_what_they_do_or_say_why_not(yard: Yard) -> None:
    said = well(
        yard,
        "magics",
        "# MAGIC %sh\n# MAGIC echo from the shell\n# MAGIC false",
        "# MAGIC %python\n# MAGIC print('plain')",
        "%time print('timed')",
        "dbutils.fs.put('/tmp/a/b.txt', 'content', True)\n"
        "print([each.name for each in dbutils.fs.ls('file:/tmp/a')], dbutils.fs.head('/tmp/a/b.txt'))",
        "try:\n    spark.sql('select 1')\nexcept RuntimeError as error:\n    print(error)",
        "from databricks.sdk.runtime import dbutils as other, spark as s\nprint(other is dbutils, s is spark)",
        "displayHTML('<b>bold</b>')\ndisplay({'a': 1})",
    )
    for line in ("from the shell", "plain", "timed", "['b.txt'] content", "There is no Spark", "True True"):
        assert line in said
    notebook = json.loads(yard.executor.notebook("magics") or b"")
    assert notebook["cells"][-1]["outputs"][0]["data"]["text/html"] == ["<b>bold</b>"]
    for number, (cell, error) in enumerate(
        (("# MAGIC %sql\n# MAGIC SELECT 1", "SQL engine"), ("# MAGIC %sh -e\n# MAGIC false", "exit status"))
    ):
        outcome = run(yard, f"magic-{number}", cell)
        assert error in outcome.error


def test_the_process_can_begin_anew(yard: Yard) -> None:
    said = well(
        yard,
        "anew",
        "import os\nkept = 1\nprint(os.path.basename(os.getcwd()))\nopen('/tmp/pid', 'w').write(str(os.getpid()))",
        "dbutils.library.restartPython()",
        "import os\nprint('kept' in globals(), open('/tmp/pid').read() != str(os.getpid()))\n"
        "print(os.path.basename(os.getcwd()), dbutils.widgets.get('w'))",
        named={"w": "there"},
    )
    assert said == "ann\nFalse True\nann there\n"


def test_long_outputs_are_kept_in_part(yard: Yard) -> None:
    said = well(yard, "long", "for number in range(30_000):\n    print(number, 'x' * 50)")
    assert said.count("\n") == 30_000
    assert len(yard.executor.notebook("long") or b"") < 2 << 20


def test_a_notebook_in_another_language_is_refused_clearly(yard: Yard) -> None:
    attempt = yard.notebook("sql", "-- Databricks notebook source\nSELECT 1")
    outcome = yard.ended(attempt).outcome
    assert outcome
    assert outcome.trouble is Trouble.MISCONFIGURED
    assert "SQL" in outcome.error


def test_mlflow_and_the_sdk_know_the_run(yard: Yard) -> None:
    said = well(
        yard,
        "lineage",
        "from mlflow.tracking.context.registry import resolve_tags\n"
        "tags = resolve_tags()\n"
        "print({name: tags[name] for name in sorted(tags) if 'databricks' in name})\n"
        "print(tags['mlflow.source.type'])",
        "import mlflow\nprint(mlflow.get_tracking_uri(), mlflow.get_registry_uri())",
        context={"jobId": "7", "jobRunId": "42", "workspaceId": "5"},
        variables={"DATABRICKS_HOST": "http://127.0.0.1:9", "DATABRICKS_TOKEN": "dapi-not-real"},
    )
    assert "'mlflow.databricks.jobID': '7'" in said
    assert "'mlflow.databricks.jobRunID': '42'" in said
    assert "'mlflow.databricks.notebookPath': '/Users/ann/Main'" in said
    assert "JOB\ndatabricks databricks-uc\n" in said


def test_a_notebook_is_shown_as_a_page_without_scripts(yard: Yard) -> None:
    well(
        yard,
        "page",
        "# MAGIC %md\n# MAGIC # Title <script>alert(1)</script>",
        "displayHTML('<script>alert(2)</script><b>x</b>')",
    )
    page = html(yard.executor.notebook("page") or b"")
    assert "Title" in page
    assert "<b>x</b>" in page
    assert "<script" not in page
