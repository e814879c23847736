"""Runs of the upgrade assistant over files that a test writes out."""

from __future__ import annotations

import textwrap
from pathlib import Path

from modelyard.upgrade import engine, plan
from modelyard.upgrade.analysis import Wanted
from modelyard.upgrade.engine import Options, Outcome
from modelyard.upgrade.findings import Safety
from modelyard.upgrade.plan import Plan
from modelyard.upgrade.walk import Files

PLAN = plan.made(["fraud=prod.ml.fraud", "churn=prod.ml.churn", "Iris LR Model=prod.ml.iris"], "", [], "")
SCHEMA = plan.made([], "prod.ml", [], "")
WITHOUT_COMMENTS = Options(comments=False)
PROPOSING = Options(safeties=frozenset({Safety.AUTOMATIC, Safety.REVIEW, Safety.PROPOSE}))
PROSE = Options(Wanted(extra=frozenset({"U43"})))
HEAD = "import mlflow\nfrom mlflow.tracking import MlflowClient\nclient = MlflowClient()\n"
"""What most snippets begin with."""


def run(files: dict[str, str | bytes], with_plan: Plan = PLAN, options: Options = WITHOUT_COMMENTS) -> Outcome:
    """A run over files by their names."""
    written = {name: text.encode() if isinstance(text, str) else text for name, text in files.items()}
    return engine.run(Files(Path(), written, counted=len(written)), with_plan, options)


def rewritten(text: str, name: str = "job.py", with_plan: Plan = PLAN, options: Options = WITHOUT_COMMENTS) -> str:
    """One file after a run, and proof that another run changes nothing more."""
    outcome = run({name: text}, with_plan, options)
    after = next((change.after.decode() for change in outcome.changes), text)
    again = run({name: after}, with_plan, options)
    assert not again.changes, again.changes[0].after.decode()
    return after


def code(body: str) -> str:
    """A snippet after what most begin with."""
    return HEAD + textwrap.dedent(body).strip() + "\n"


def becomes(before: str, after: str, with_plan: Plan = PLAN, options: Options = WITHOUT_COMMENTS) -> None:
    """A snippet of Python is rewritten to another, and nothing else."""
    assert rewritten(code(before), with_plan=with_plan, options=options) == code(after)


def rules(text: str, name: str = "job.py", with_plan: Plan = PLAN) -> list[tuple[str, str]]:
    """The rules that find something in a file, with their safety, in order, once each."""
    found = run({name: text}, with_plan).references
    return list(dict.fromkeys((each.finding.rule, each.finding.safety.value) for each in found))


def blocks(text: str) -> dict[str, str]:
    """Texts by their names, each below a line `--- name`."""
    found = (block.partition("\n") for block in text.strip("\n").removeprefix("--- ").split("\n--- "))
    return {name: body for name, _, body in found}


def pairs(text: str) -> dict[str, tuple[str, str]]:
    """What there is before and after, by its name, with a line `→` between."""
    split = {name: body.split("\n→\n") for name, body in blocks(text).items()}
    return {name: (before, after) for name, (before, after) in split.items()}
