"""The ledger of old names: states, what is said to be proven, and what stands in the way of retiring."""

from __future__ import annotations

import json
from typing import Any

import pytest

from modelyard.errors import Failure
from modelyard.upgrade import reports
from modelyard.upgrade.callers import entries, scans
from modelyard.upgrade.callers.entries import DAY, Measure, State
from modelyard.upgrade.callers.page import html
from tests.upgrade.support import PROSE as WITH_PROSE
from tests.upgrade.support import run

NOW = 1_000 * DAY


def name(**more: Any) -> dict[str, Any]:  # noqa: ANN401  JSON values
    return {"name": "fraud", "full_name": "prod.ml.fraud", "state": "open", "created_at": NOW - 50 * DAY, **more}


def caller(at: int, refused: int = 0) -> dict[str, Any]:
    told = {"principal": "nightly", "client": "<b>", "call": "getLatest", "stage": "", "times": 3}
    return {**told, "first_seen_at": at, "last_seen_at": at, "refused": refused}


def scan(*references: dict[str, Any]) -> scans.Scanned:
    code = {"files_read": 9, "references": [{"file": "a.py", "line": 3, "message": "m", **each} for each in references]}
    return scans.read([("scan.json", json.dumps({"code": code}))])


CODE = {"rule": "U09", "name": "fraud"}
PROSE = {"rule": "U43", "name": "fraud"}


@pytest.mark.parametrize(
    ("told", "scanned", "state", "in_the_way"),
    [
        (name(), scan(), State.UNSEEN, 0),
        (name(created_at=NOW - 2 * DAY), scan(), State.UNSEEN, 1),
        (name(last_seen_at=NOW - DAY), scans.Scanned(), State.SEEN, 1),
        (name(last_seen_at=NOW - DAY), scan(CODE), State.SEEN, 2),
        (name(last_seen_at=NOW - DAY), scan(PROSE), State.REWRITTEN, 1),
        (name(last_seen_at=NOW - 30 * DAY), scan(PROSE), State.SILENT, 0),
        (name(last_seen_at=NOW - 30 * DAY), scan(CODE), State.SILENT, 1),
        (name(last_seen_at=NOW - DAY, state="brown-out"), scan(), State.BROWN_OUT, 1),
        (name(last_seen_at=NOW - DAY, state="retired", retired_at=NOW), scan(CODE), State.RETIRED, 0),
    ],
)
def test_states_follow_from_witnesses_and_code(
    told: dict[str, Any], scanned: scans.Scanned, state: State, in_the_way: int
) -> None:
    found = entries.entry(told, [], Measure(NOW, 30, scanned))
    assert (found.state, len(found.blockers)) == (state, in_the_way)


def test_the_report_says_what_it_cannot_know() -> None:
    scanned = scan(
        PROSE, PROSE, {"rule": "U12", "line": 5}, {"rule": "U40"}, {"rule": "U01"}, {"rule": "U41", "name": "fraud"}
    )
    told = name(last_seen_at=NOW - 40 * DAY, refused_from=NOW - 45 * DAY, refused_until=NOW - 41 * DAY)
    found = entries.entry(told, [caller(NOW - 40 * DAY, refused=1)], Measure(NOW, 30, scanned))
    proven, unproven = " ".join(found.proven), " ".join(found.unproven)
    assert "No witness for 40 days; the last was nightly with <b>, getLatest" in proven
    assert "callers that were refused since then: nightly" in proven
    assert "2 references remain in comments" in proven
    assert "direct SQL" in unproven
    assert "1 reference takes the name from elsewhere: a.py:5" in unproven
    assert "1 place with direct access to the registry's own database" in unproven
    assert "every 40 days" in unproven
    page = html([found, entries.absent("churn", "prod.ml.churn", Measure(NOW, 30, scanned))], NOW)
    assert "&lt;b&gt;" in page
    assert "nightly with <b>" not in page
    assert json.loads(json.dumps(found.told()))["state"] == "silent"


def test_reports_of_real_scans_are_read() -> None:
    text = """\
import mlflow, sys
# the model fraud is at models:/fraud/Production
model = mlflow.pyfunc.load_model("models:/fraud/Production")
other = mlflow.pyfunc.load_model(f"models:/{sys.argv[1]}/{sys.argv[2]}")
"""
    outcome = run({"score.py": text, "old.sql": "SELECT * FROM model_versions WHERE current_stage = 'Production'"},
                  options=WITH_PROSE)  # fmt: skip
    found = scans.read([("scan.json", json.dumps(reports.document(outcome)))])
    assert [(each.file, each.line) for each in found.code("fraud")] == [("score.py", 3)]
    assert [(each.file, each.line) for each in found.prose("fraud")] == [("score.py", 2)]
    assert {each.line for each in found.unnamed} == {4}
    assert [each.file for each in found.opaque["U40"]] == ["old.sql"]


def test_a_brown_out_that_is_planned_is_told() -> None:
    told = name(last_seen_at=NOW - DAY, refused_from=NOW + DAY, refused_until=NOW + 2 * DAY)
    found = entries.entry(told, None, Measure(NOW, 30, scan()))
    assert "Calls will be refused from 1972-09-28 00:00 UTC" in " ".join(found.proven)
    assert "takes MANAGE" in " ".join(found.unproven)


@pytest.mark.parametrize("text", ["{", "[]", '{"code": {}}', '{"code": {"references": [{"line": 1}]}}'])
def test_what_is_no_report_is_refused(text: str) -> None:
    with pytest.raises(Failure, match=r"scan\.json"):
        scans.read([("scan.json", text)])
