"""A task of a job, as far as it is acted on; what else a client says of it is kept as it came."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any, Final

from modelyard.domain.jobs.reading import Said
from modelyard.domain.jobs.words import CODE_KINDS, RunIf, TaskKind
from modelyard.errors import Invalid

MOST_TASKS: Final = 1_000
MOST_RETRIES: Final = 1_000
_KEY: Final = re.compile(r"[A-Za-z0-9_\-]{1,100}")
_OUTCOMES: Final = ("true", "false")
_MOST_DEPENDENCIES: Final = 1_000
_OPERATORS: Final = frozenset(
    {"EQUAL_TO", "NOT_EQUAL", "GREATER_THAN", "GREATER_THAN_OR_EQUAL", "LESS_THAN", "LESS_THAN_OR_EQUAL"}
)
_MOST_INLINE: Final = 10_000
_MOST_AT_ONCE: Final = 100


@dataclass(frozen=True, slots=True)
class Dependency:
    """A task that another one waits for; of a condition perhaps only one outcome."""

    key: str
    outcome: str = ""


@dataclass(frozen=True, slots=True)
class Task:
    """A task: `spec` is the object of its kind, `raw` all that was said."""

    key: str
    kind: str
    spec: Mapping[str, Any]
    raw: Mapping[str, Any]
    depends_on: tuple[Dependency, ...] = ()
    run_if: RunIf = RunIf.ALL_SUCCESS
    max_retries: int = 0
    retry_milliseconds: int = 0
    retry_on_timeout: bool = False
    timeout_seconds: int = 0
    disabled: bool = False
    nested: Task | None = None
    """What a for-each does with each input."""

    @property
    def is_code(self) -> bool:
        """Whether an executor runs it."""
        return self.kind in CODE_KINDS

    @property
    def is_known(self) -> bool:
        """Whether it can be run here at all."""
        return self.kind in set(TaskKind)

    @property
    def said(self) -> Said:
        """The object of its kind, to be read."""
        return Said(self.spec, f"tasks[{self.key}].{self.kind}")


def read_task(said: Said, *, inside: bool = False) -> Task:
    """A task as a client says it; `inside` for the one that a for-each repeats."""
    key = said.needed("task_key")
    if not _KEY.fullmatch(key):
        raise Invalid(f'task_key "{key[:60]}" is not valid; use 1 to 100 letters, digits, underscores and dashes.')
    said = Said(said.raw, f"tasks[{key}]")
    kind = _kind(said)
    task = Task(
        key=key,
        kind=kind,
        spec=said.within(kind).raw,
        raw=said.raw,
        depends_on=() if inside else _dependencies(said),
        run_if=said.word("run_if", RunIf, RunIf.ALL_SUCCESS),
        max_retries=said.number("max_retries", least=-1, most=MOST_RETRIES),
        retry_milliseconds=said.number("min_retry_interval_millis"),
        retry_on_timeout=said.flag("retry_on_timeout"),
        timeout_seconds=said.number("timeout_seconds"),
        disabled=said.flag("disabled"),
        nested=_nested(said, inside=inside) if kind == TaskKind.FOR_EACH else None,
    )
    _check_spec(task)
    return task


def _kind(said: Said) -> str:
    kinds = [name for name in said.raw if name.endswith("_task") and said.has(name)]
    if len(kinds) != 1:
        told = f"says {' and '.join(sorted(kinds))}" if kinds else "does not say what it does"
        raise Invalid(f"{said.where} {told}; a task has exactly one of notebook_task, spark_python_task, …")
    return kinds[0]


def _dependencies(said: Said) -> tuple[Dependency, ...]:
    found: list[Dependency] = []
    for each in said.each("depends_on", _MOST_DEPENDENCIES):
        outcome = each.text("outcome").lower()
        if outcome and outcome not in _OUTCOMES:
            raise each.wrong("outcome", '"true" or "false"')
        found.append(Dependency(each.needed("task_key"), outcome))
    return tuple(found)


def _nested(said: Said, *, inside: bool) -> Task:
    if inside:
        raise Invalid(f"{said.where}: a for_each_task cannot be inside another one.")
    spec = said.within("for_each_task")
    if not spec.has("task"):
        raise Invalid(f"{spec.where}.task is missing.")
    return read_task(spec.within("task"), inside=True)


def _check_spec(task: Task) -> None:
    said = task.said
    match task.kind:
        case TaskKind.NOTEBOOK:
            said.needed("notebook_path")
            said.pairs("base_parameters")
        case TaskKind.SCRIPT:
            said.needed("python_file")
            said.texts("parameters")
        case TaskKind.WHEEL:
            said.needed("package_name")
            said.needed("entry_point")
            said.texts("parameters")
            said.pairs("named_parameters")
        case TaskKind.RUN_JOB:
            if not said.number("job_id"):
                raise Invalid(f"{said.where}.job_id is missing.")
            said.pairs("job_parameters")
        case TaskKind.CONDITION:
            _check_condition(said)
        case TaskKind.FOR_EACH:
            said.needed("inputs", most=_MOST_INLINE)
            said.number("concurrency", default=1, least=1, most=_MOST_AT_ONCE)
        case _:
            pass  # a kind that nothing here runs is kept, and fails when it is to run


def _check_condition(said: Said) -> None:
    if said.needed("op") not in _OPERATORS:
        raise said.wrong("op", f"one of {', '.join(sorted(_OPERATORS))}")
    said.text("left")
    said.text("right")
