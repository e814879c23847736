"""Tasks that wait for each other: their order, whether one may run, and what becomes of the whole (notes §1.4)."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from enum import Enum
from graphlib import CycleError, TopologicalSorter
from typing import TYPE_CHECKING, Final, cast

from modelyard.domain.jobs.words import BAD, GOOD, Result, RunIf
from modelyard.errors import Invalid

if TYPE_CHECKING:
    from modelyard.domain.jobs.tasks import Task


class Verdict(Enum):
    """Whether a task whose parents have all ended runs, or what becomes of it instead."""

    RUNS = None
    UPSTREAM_FAILED = Result.UPSTREAM_FAILED
    UPSTREAM_CANCELED = Result.UPSTREAM_CANCELED
    EXCLUDED = Result.EXCLUDED
    DISABLED = Result.DISABLED


_ON_FAILURE: Final = frozenset({RunIf.AT_LEAST_ONE_FAILED, RunIf.ALL_FAILED})
_STOPPED: Final = frozenset({Result.CANCELED, Result.UPSTREAM_CANCELED})


def check_order(tasks: Sequence[Task]) -> None:
    """`Invalid` for a dependency on what is not there, on an outcome that there is not, or on itself by any way."""
    by_key = {task.key: task for task in tasks}
    for task in tasks:
        for dependency in task.depends_on:
            parent = by_key.get(dependency.key)
            if parent is None:
                raise Invalid(f'tasks[{task.key}] depends on "{dependency.key[:100]}", which there is no task of.')
            if dependency.outcome and parent.kind != "condition_task":
                raise Invalid(f"tasks[{task.key}]: only a condition_task has an outcome, {parent.key} is none.")
    try:
        TopologicalSorter({task.key: [each.key for each in task.depends_on] for task in tasks}).prepare()
    except CycleError as error:
        around = cast("list[str]", error.args[1])
        raise Invalid(f"tasks depend on each other in a circle: {' → '.join(around[:10])}.") from None


def verdict(run_if: RunIf, parents: Sequence[Result]) -> Verdict:
    """Whether a task runs, by the results of all that it waited for.

    Excluded tasks count as success, those that failed upstream as failure; a disabled one is done, and neither. What
    waited for excluded tasks alone is excluded, too.
    """
    if parents and all(each is Result.EXCLUDED for each in parents):
        return Verdict.EXCLUDED
    if not parents or _holds(run_if, parents):
        return Verdict.RUNS
    if run_if in _ON_FAILURE:
        return Verdict.EXCLUDED
    bad = [each for each in parents if each in BAD]
    if not bad:
        return Verdict.DISABLED if Result.DISABLED in parents else Verdict.EXCLUDED
    return Verdict.UPSTREAM_CANCELED if all(each in _STOPPED for each in bad) else Verdict.UPSTREAM_FAILED


def _holds(run_if: RunIf, parents: Sequence[Result]) -> bool:
    good, bad = (sum(each in kind for each in parents) for kind in (GOOD, BAD))
    match run_if:
        case RunIf.ALL_SUCCESS:
            return good == len(parents)
        case RunIf.AT_LEAST_ONE_SUCCESS:
            return good > 0
        case RunIf.NONE_FAILED:
            return bad == 0 and any(each is Result.SUCCESS for each in parents)
        case RunIf.ALL_DONE:
            return True
        case RunIf.AT_LEAST_ONE_FAILED:
            return bad > 0
        case RunIf.ALL_FAILED:
            return bad == len(parents)


def leaves(tasks: Iterable[Task]) -> frozenset[str]:
    """The keys of tasks that no other one waits for."""
    there = list(tasks)
    return frozenset(task.key for task in there) - {each.key for task in there for each in task.depends_on}


def outcome(last: frozenset[str], results: Mapping[str, Result]) -> Result:
    """What becomes of a run, by the results of its tasks: its leaves decide."""
    if any(results[key] in BAD for key in last):
        return Result.FAILED
    return Result.SUCCESS_WITH_FAILURES if any(each in BAD for each in results.values()) else Result.SUCCESS


def downstream(tasks: Sequence[Task], keys: Iterable[str]) -> frozenset[str]:
    """Some tasks, and all that wait for them by any way."""
    found = set(keys)
    size = -1
    while size != len(found):
        size = len(found)
        found |= {task.key for task in tasks if any(each.key in found for each in task.depends_on)}
    return frozenset(found)
