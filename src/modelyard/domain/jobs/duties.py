"""What an attempt at a task is given to do: code, packages, parameters and variables, from the run that it is in."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from modelyard.domain.files import Entry
from modelyard.domain.git_credentials import Login
from modelyard.domain.jobs.git import Git
from modelyard.domain.jobs.reading import Said
from modelyard.domain.jobs.references import resolved
from modelyard.domain.jobs.runs import Run, TaskRun
from modelyard.domain.jobs.tasks import Task
from modelyard.domain.jobs.values import known, named_parameters, positional_parameters
from modelyard.domain.jobs.words import TaskKind
from modelyard.errors import Invalid

_NO_PYTHON: Final = ("jar", "egg", "maven", "cran")
_MOST: Final = 1_000
_MOST_VARIABLES: Final = 100


@dataclass(frozen=True, slots=True)
class Duty:
    """An attempt's work. `source` is git where its path is meant in the repository, at the run's one commit."""

    kind: TaskKind
    path: str
    entry_point: str
    positional: tuple[str, ...]
    named: Mapping[str, str]
    requirements: tuple[str, ...]
    variables: Mapping[str, str] = field(repr=False)
    """Those of the job: values may refer to secrets until they are replaced."""
    context: Mapping[str, str]
    values: Mapping[str, Mapping[str, Any]]
    seconds: int
    git: Git | None = None
    commit: str = ""
    login: Login | None = None
    """What git servers of the repository's provider are shown for the principal that the code runs as."""
    files: Mapping[str, Entry] = field(default_factory=dict[str, Entry])


def duty(run: Run, task: TaskRun, spec: Task, workspace: Mapping[str, str]) -> Duty:
    """What an attempt has to do; `Invalid` where its settings do not say it."""
    context = known(run, task, workspace)
    said = spec.said
    kind = TaskKind(spec.kind)
    path = {
        TaskKind.NOTEBOOK: said.text("notebook_path"),
        TaskKind.SCRIPT: said.text("python_file"),
        TaskKind.WHEEL: said.text("package_name"),
    }[kind]
    is_git = said.text("source").upper() == "GIT" or (not said.has("source") and run.settings.git is not None)
    by_name = kind is TaskKind.NOTEBOOK or (kind is TaskKind.WHEEL and not said.has("parameters"))
    return Duty(
        kind=kind,
        path=resolved(path, context),
        entry_point=said.text("entry_point"),
        positional=() if by_name else positional_parameters(run, spec, context),
        named=named_parameters(run, spec, context) if by_name else {},
        requirements=tuple(_requirements(run, spec)),
        variables=_variables(run, spec),
        context=_context(run, task, spec, workspace),
        values={key: each.values for key, each in run.latest.items() if each.values and each.id != task.id},
        seconds=spec.timeout_seconds,
        git=run.settings.git if is_git and kind is not TaskKind.WHEEL else None,
        commit=run.commit,
    )


def _context(run: Run, task: TaskRun, spec: Task, workspace: Mapping[str, str]) -> dict[str, str]:
    """What code may know of its run, under the names that Databricks' own runtime has for it."""
    told = {
        "jobId": str(run.job),
        "jobRunId": str(run.id),
        "taskRunId": str(task.id),
        "taskKey": task.key,
        "jobName": run.name,
        "jobType": "NORMAL" if run.type.value == "JOB_RUN" else "EPHEMERAL",
        "jobTaskType": {TaskKind.NOTEBOOK: "notebook", TaskKind.SCRIPT: "python"}.get(TaskKind(spec.kind), "wheel"),
        "notebookPath": spec.said.text("notebook_path") if spec.kind == TaskKind.NOTEBOOK else "",
        "workspaceId": workspace.get("id", ""),
        "userName": run.run_as,
    }
    return {name: value for name, value in told.items() if value}


def _requirements(run: Run, spec: Task) -> Iterator[str]:
    """Lines for the environment: of the one that the task names, and of libraries as clusters have them."""
    said = Said(spec.raw, f"tasks[{spec.key}]")
    key = said.text("environment_key")
    for environment in Said(run.settings.raw).each("environments", _MOST):
        if key and environment.text("environment_key") == key:
            yield from environment.within("spec").texts("dependencies", _MOST)
    for library in said.each("libraries", _MOST):
        yield _line(library)


def _line(library: Said) -> str:
    if library.has("pypi"):
        return library.within("pypi").needed("package")
    if library.has("whl"):
        return library.text("whl")
    if library.has("requirements"):
        return f"-r {library.text('requirements')}"
    named = next((name for name in _NO_PYTHON if library.has(name)), "this")
    raise Invalid(f"{library.where}: {named} libraries are not installed here; use pypi, whl or requirements.")


def _variables(run: Run, spec: Task) -> dict[str, str]:
    """Variables of the environment: those that the task names, and those of the cluster that it asks for."""
    said = Said(spec.raw, f"tasks[{spec.key}]")
    found = said.within("new_cluster").pairs("spark_env_vars", _MOST_VARIABLES)
    key = said.text("job_cluster_key")
    for cluster in Said(run.settings.raw).each("job_clusters", _MOST):
        if key and cluster.text("job_cluster_key") == key:
            found |= cluster.within("new_cluster").pairs("spark_env_vars", _MOST_VARIABLES)
    key = said.text("environment_variables_key")
    for each in Said(run.settings.raw).each("environment_variables", _MOST):
        if key and each.text("environment_variables_key") == key:
            found |= each.within("spec").pairs("variables", _MOST_VARIABLES)
    if bad := [name for name in found if "=" in name or "\x00" in name or not name]:
        raise Invalid(f'"{bad[0][:60]}" is not the name of a variable.')
    return found
