"""What was found, as tables: everything measured in one, the goals in the other."""

from __future__ import annotations

from collections.abc import Iterator

from benchmarks.report import NONE, Table, times
from benchmarks.serving import goals
from benchmarks.serving.measure import Case, Measure, Results
from benchmarks.serving.side import MODELYARD

COLUMNS = ("model", "rows", "conn.", "server", "/s", "Modelyard is", "p50 ms", "p99 ms", "CPU ms", "errors")


def tables(results: Results) -> list[Table]:
    """Everything measured in one table, then the goals where Modelyard was measured."""
    rows = tuple(_row(one, results) for one in sorted(results.measures, key=lambda one: _order(one.case)))
    found = [Table("Serving: requests per second, milliseconds, and processor time of each request", COLUMNS, rows)]
    judged = tuple(goal.cells() for goal in goals.judge(results))
    if judged:
        found.append(Table("Serving: goals", ("what", "beside", "found", "goal"), judged))
    return found


def warnings(results: Results) -> Iterator[str]:
    """What makes a number doubtful."""
    for one in results.measures:
        if one.errors:
            case = one.case
            where = f"{one.title}, {case.flavor}, {case.rows} rows, {case.connections} connections"
            yield f"{where}: {one.errors} requests failed"


def _row(one: Measure, results: Results) -> tuple[str, ...]:
    case = one.case
    ours = next((each for each in results.measures if each.title == MODELYARD and each.case == case), None)
    ratio = times(ours.rate / one.rate) if ours and ours is not one and one.rate else NONE
    heading = (str(case.flavor), str(case.rows), str(case.connections), one.title)
    figures = (f"{one.p50 * 1e3:.2f}", f"{one.p99 * 1e3:.2f}", f"{one.cpu * 1e3:.2f}", str(one.errors))
    return (*heading, f"{one.rate:,.0f}", ratio, *figures)


def _order(case: Case) -> tuple[str, int, int]:
    return (str(case.flavor), case.rows, case.connections)
