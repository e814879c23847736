"""Commands for jobs: made, run, looked at, canceled, repaired and cloned."""

from __future__ import annotations

import base64
import json
import sys
import time
import uuid
from collections.abc import Iterator
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import Annotated, Any, Final, cast

import typer

from modelyard.cli.client import OURS, Client
from modelyard.cli.job_sources import looked_into
from modelyard.cli.options import AsJson, Server, Yes, confirm, group
from modelyard.cli.output import harmless, say, show
from modelyard.errors import Invalid, TooLate, WrongState

_API: Final = "/api/2.2/jobs"
_LISTED: Final = ("job=job_id", "name", "starts", "paused", "runs as=run_as_user_name", "creator=creator_user_name")
_RUNS: Final = ("run=run_id", "job=job_id", "name=run_name", "state", "result", "trigger", "started", "seconds")
_TASKS: Final = ("task", "run=run_id", "attempt", "state", "result", "seconds", "message")
_JOB: Final = (
    "job=job_id", "name", "starts", "paused", "runs as=run_as_user_name", "creator=creator_user_name", "tasks",
    "most runs=max_concurrent_runs", "created=created_time",
)  # fmt: skip
_ENDED: Final = frozenset({"TERMINATED", "SKIPPED", "INTERNAL_ERROR"})

JobId = Annotated[str, typer.Argument(metavar="JOB", help="The job's id, or its name.")]
RunId = Annotated[int, typer.Argument(metavar="RUN", help="The run's id.")]
Parameters = Annotated[
    list[str] | None, typer.Option("--param", metavar="NAME=VALUE", help="A job parameter; may be repeated.")
]
Waits = Annotated[bool, typer.Option("--wait", help="Wait until it has ended; status 1 if it failed.")]
Patience = Annotated[int, typer.Option(metavar="SECONDS", min=1, help="How long to wait at most.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "jobs", "Jobs: code that runs by itself or when asked, as one principal.",
        list=list_jobs, get=get_job, create=create_job, run=run_job, runs=list_runs, show=show_run, logs=logs,
        cancel=cancel, repair=repair, clone=clone, delete=delete_job,
    )  # fmt: skip


# Looking


def list_jobs(server: Server, as_json: AsJson = False) -> None:
    """List the jobs that you may see, the newest first.

    Example: `modelyard jobs list`
    """
    found = server.all(f"{_API}/list", "jobs", expand_tasks=True)
    show(found if as_json else [_flat(each) for each in found], as_json=as_json, columns=_LISTED)


def get_job(job: JobId, server: Server, as_json: AsJson = False) -> None:
    """Show a job; with `--json` all of its settings, as `modelyard jobs create` reads them.

    Examples: `modelyard jobs get nightly` · `modelyard jobs get nightly --json`
    """
    found = server.ask("GET", "/api/2.1/jobs/get", job_id=number_of(server, job))
    show(found if as_json else _flat(found), as_json=as_json, columns=_JOB)


def _flat(found: dict[str, Any]) -> dict[str, Any]:
    settings = found["settings"]
    starts, paused = _starts(settings)
    return {
        **found,
        "name": settings.get("name"),
        "starts": starts,
        "paused": paused,
        "tasks": [each["task_key"] for each in settings.get("tasks", ())],
        "max_concurrent_runs": settings.get("max_concurrent_runs"),
    }


def _starts(settings: dict[str, Any]) -> tuple[str, str]:
    """What starts it by itself, and whether that is paused."""
    if schedule := settings.get("schedule"):
        told = f"{schedule['quartz_cron_expression']} ({schedule.get('timezone_id', 'UTC')})"
        return told, "yes" if schedule.get("pause_status") == "PAUSED" else ""
    trigger: dict[str, Any] = settings.get("trigger") or {}
    paused = "yes" if trigger.get("pause_status") == "PAUSED" else ""
    if periodic := trigger.get("periodic"):
        return f"every {periodic['interval']} {periodic['unit'].lower()}", paused
    if model := trigger.get("model"):
        return f"{model['condition']} {model.get('securable_name', '')}".strip(), paused
    return "", ""


def list_runs(
    server: Server,
    job: Annotated[str | None, typer.Argument(metavar="[JOB]", help="Only those of this job.")] = None,
    active: Annotated[bool, typer.Option("--active", help="Only those that have not ended.")] = False,
    most: Annotated[int, typer.Option(metavar="NUMBER", min=1, max=25, help="How many at most.")] = 20,
    as_json: AsJson = False,
) -> None:
    """List runs, the newest first.

    Examples: `modelyard jobs runs` · `modelyard jobs runs nightly --active`
    """
    asked = {"job_id": number_of(server, job) if job else None, "active_only": active or None, "limit": most}
    found = server.ask("GET", f"{_API}/runs/list", **asked)["runs"]
    show(found if as_json else [_flat_run(each) for each in found], as_json=as_json, columns=_RUNS)


def show_run(run: RunId, server: Server, as_json: AsJson = False) -> None:
    """Show a run with its tasks.

    Example: `modelyard jobs show 1234567890`
    """
    _print_run(_run(server, run), as_json=as_json)


def _run(server: Client, run: int) -> dict[str, Any]:
    return server.ask("GET", "/api/2.1/jobs/runs/get", run_id=run)


def _print_run(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show(found, as_json=True, columns=())
        return
    show(_flat_run(found), as_json=False, columns=(*_RUNS, "message"))
    show([_flat_task(each) for each in found.get("tasks", ())], as_json=False, columns=_TASKS)


def _flat_run(found: dict[str, Any]) -> dict[str, Any]:
    state = found["state"]
    began, end = found["start_time"], found["end_time"]
    return {
        **found,
        "state": state["life_cycle_state"],
        "result": state.get("result_state", ""),
        "message": state["state_message"],
        "started": f"{datetime.fromtimestamp(began / 1000).astimezone():%Y-%m-%d %H:%M:%S}",
        "seconds": f"{(end - began) / 1000:.1f}" if end else "",
    }


def _flat_task(found: dict[str, Any]) -> dict[str, Any]:
    state = found["state"]
    began, end = found["start_time"], found["end_time"]
    return {
        "task": found["task_key"],
        "run_id": found["run_id"],
        "attempt": found["attempt_number"],
        "state": state["life_cycle_state"],
        "result": state.get("result_state", ""),
        "seconds": f"{(end - began) / 1000:.1f}" if end and began else "",
        "message": state["state_message"],
    }


def logs(
    run: RunId,
    server: Server,
    task: Annotated[str | None, typer.Option(metavar="KEY", help="The task, where the run has several.")] = None,
    follow: Annotated[bool, typer.Option("--follow", "-f", help="Go on until the task has ended.")] = False,
) -> None:
    """Print what a task has printed, the last 5 MB of it.

    Examples: `modelyard jobs logs 1234567890` · `modelyard jobs logs 1234567890 --task train --follow`
    """
    task_id = _task(server, run, task)
    offset, is_over = 0, False
    while True:
        found = server.ask("GET", f"{OURS}/jobs/runs/{task_id}/log", from_offset=offset)
        content = base64.b64decode(found["content"])
        sys.stdout.write(_printable(content))
        sys.stdout.flush()
        offset = found["next_offset"]
        if (is_over and not content) or not follow:
            return
        is_over = found["is_over"]
        time.sleep(0 if is_over else 1)


def _printable(content: bytes) -> str:
    text = content.decode("utf-8", "replace")
    return harmless(text) if sys.stdout.isatty() else text


def _task(server: Client, run: int, key: str | None) -> int:
    """The last attempt at a task of a run."""
    tasks = _run(server, run).get("tasks", ())
    named = [each for each in tasks if key in {None, each["task_key"]}]
    if len(named) == 1:
        return int(named[0]["run_id"])
    keys = ", ".join(each["task_key"] for each in tasks)
    raise typer.BadParameter(f"name one of the run's tasks: {keys}.", param_hint="--task")


def number_of(server: Client, job: str) -> int:
    """A job's id, of an id or of a name that only one job has."""
    if job.isascii() and job.isdigit():
        return int(job)
    found = server.all(f"{_API}/list", "jobs", name=job)
    if len(found) != 1:
        told = "no job" if not found else f"{len(found)} jobs"
        raise Invalid(f"{told} that you may see is called {job}; `modelyard jobs list` shows ids.")
    return int(found[0]["job_id"])


# Doing


def create_job(
    file: Annotated[Path, typer.Argument(metavar="FILE", help="The settings, as JSON or YAML; - reads JSON.")],
    server: Server,
    as_json: AsJson = False,
) -> None:
    """Make a job of its settings, as the Jobs API takes them.

    Example: `modelyard jobs create nightly.yaml`
    """
    settings = _settings(file)
    made = server.ask("POST", f"{_API}/create", **settings)
    show(made, as_json=as_json, columns=("job=job_id",))


def _settings(file: Path) -> dict[str, Any]:
    import yaml  # noqa: PLC0415  only this command reads YAML

    try:
        text = sys.stdin.read() if str(file) == "-" else file.read_text()
        found: object = json.loads(text) if str(file).endswith((".json", "-")) else yaml.safe_load(text)
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}.") from None
    except (ValueError, yaml.YAMLError) as error:
        raise Invalid(f"{file} is neither JSON nor YAML: {' '.join(str(error).split())}") from None
    if not isinstance(found, dict):
        raise Invalid(f"{file} must hold the settings of a job, an object.")
    told = cast("dict[str, Any]", found)
    inner = told.get("settings")
    return cast("dict[str, Any]", inner) if isinstance(inner, dict) else told


def run_job(
    job: JobId,
    server: Server,
    param: Parameters = None,
    only: Annotated[list[str] | None, typer.Option(metavar="TASK", help="Only these tasks; may be repeated.")] = None,
    wait: Waits = False,
    timeout: Patience = 3_600,
    as_json: AsJson = False,
) -> None:
    """Start a run of a job.

    Examples: `modelyard jobs run nightly --wait` · `modelyard jobs run nightly --param day=2026-01-31`
    """
    told = dict(_pair(each) for each in param or ())
    token = uuid.uuid4().hex  # so that an answer that is lost, and asked for again, starts nothing twice
    asked = {"job_parameters": told or None, "only": only, "idempotency_token": token}
    made = server.ask("POST", f"{_API}/run-now", job_id=number_of(server, job), **asked)
    _follow(server, made["run_id"], timeout if wait else 0, as_json=as_json)


def ended(server: Client, run: int, seconds: int) -> dict[str, Any]:
    """A run once it has ended, or as it is now where nobody waits; `TooLate` if it takes longer."""
    until = time.monotonic() + seconds
    while (found := _run(server, run))["state"]["life_cycle_state"] not in _ENDED and seconds:
        if time.monotonic() > until:
            raise TooLate(f"run {run} has not ended in {seconds} seconds; `modelyard jobs show {run}` looks.")
        time.sleep(0.5)
    return found


def _follow(server: Client, run: int, seconds: int, *, as_json: bool) -> None:
    found = ended(server, run, seconds)
    _print_run(found, as_json=as_json)
    result = found["state"].get("result_state", "SUCCESS")
    if seconds and result not in {"SUCCESS", "SUCCESS_WITH_FAILURES"}:
        raise WrongState(f"Run {run} ended as {result}: {found['state']['state_message']}")


def cancel(run: RunId, server: Server) -> None:
    """End a run soon.

    Example: `modelyard jobs cancel 1234567890`
    """
    server.ask("POST", f"{_API}/runs/cancel", run_id=run)
    say(f"Run {run} is being ended.")


def repair(
    run: RunId,
    server: Server,
    task: Annotated[list[str] | None, typer.Option(metavar="KEY", help="Run this again; default: what failed.")] = None,
    dependents: Annotated[bool, typer.Option("--dependents", help="And what waits for it.")] = False,
    wait: Waits = False,
    timeout: Patience = 3_600,
    as_json: AsJson = False,
) -> None:
    """Take up a run that has ended: what failed runs again, under the settings that the job has now.

    Examples: `modelyard jobs repair 1234567890 --wait` · `modelyard jobs repair 1234567890 --task score --dependents`
    """
    history = server.ask("GET", f"{_API}/runs/get", run_id=run, include_history=True).get("repair_history", ())
    last = [each["id"] for each in history if "id" in each]
    server.ask(
        "POST",
        f"{_API}/runs/repair",
        run_id=run,
        rerun_tasks=task,
        rerun_all_failed_tasks=True if not task else None,
        rerun_dependent_tasks=dependents or None,
        latest_repair_id=last[-1] if last else None,
    )
    _follow(server, run, timeout if wait else 0, as_json=as_json)


def clone(
    job: JobId,
    server: Server,
    name: Annotated[str, typer.Option(help="The name of the clone.")],
    git_branch: Annotated[
        str | None, typer.Option(metavar="BRANCH", help="The branch that its code comes from.")
    ] = None,
    copy_notebooks: Annotated[
        str | None,
        typer.Option(metavar="DIR", help="Copy its code in the workspace to this folder there, and run that."),
    ] = None,
    map_model: Annotated[
        list[str] | None,
        typer.Option(metavar="OLD=CATALOG.SCHEMA.MODEL", help="Another name for a model; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Make a job like another one, for models in the catalog; it starts nothing by itself.

    The report says what the principal lacks that it runs as, what its settings and its code in the workspace still
    say in the old way, and which of its models lack a signature.

    Examples: `modelyard jobs clone nightly --name nightly-uc --map-model fraud=prod.ml_team.fraud` ·
    `modelyard jobs clone nightly --name nightly-uc --copy-notebooks /Shared/nightly-uc`
    """
    names = dict(_pair(each) for each in map_model or ())
    copied = {"git_branch": git_branch, "copy_notebooks": copy_notebooks}
    said = {"name": name, **copied, "model_names": names or None}
    found = server.ask("POST", f"{OURS}/jobs/{number_of(server, job)}/clone", **said)
    _look_into_sources(server, found, names)
    if as_json:
        show(found, as_json=True, columns=())
        return
    show(found, as_json=False, columns=("job=job_id", "runs as=run_as_user_name"))
    for line in report_lines(found["report"]):
        say(line)


def _look_into_sources(server: Client, found: dict[str, Any], names: dict[str, str]) -> None:
    """Put into a clone's report what its code says."""
    report = found["report"]
    told, notes = looked_into(server, report["sources"], names)
    report["source_findings"] = [asdict(each) for each in told]
    report["notes"] += notes
    settings = server.ask("GET", "/api/2.1/jobs/get", job_id=found["job_id"])["settings"]
    if settings.get("git_source"):
        report["notes"].append("Its code in git was not looked into: `modelyard upgrade scan` does, in a checkout.")


def report_lines(report: dict[str, Any]) -> Iterator[str]:
    """What a clone's report says, a line for each thing."""
    yield from report["notes"]
    for each in report["missing_privileges"]:
        yield f"{each['model']}: {each['reason']}"
    for each in report["models_without_signature"]:
        yield f"{each['model']}: version {each['version']} has no signature: log it anew with one."
    for each in (*report["findings"], *report["source_findings"]):
        yield f"{each['place']}: {each['text']}: {each['advice']}."
    kinds = ("missing_privileges", "models_without_signature", "findings", "source_findings")
    if not any(report[kind] for kind in kinds):
        yield "Nothing else stands in its way: unpause what starts it, or run it."


def delete_job(job: JobId, server: Server, yes: Yes = False) -> None:
    """Delete a job; its active runs are canceled.

    Example: `modelyard jobs delete nightly --yes`
    """
    number = number_of(server, job)
    confirm(f"Delete the job {job}? Its active runs are canceled.", yes=yes)
    server.ask("POST", f"{_API}/delete", job_id=number)
    say(f"Deleted the job {job}.")


def _pair(said: str) -> tuple[str, str]:
    name, equals, value = said.partition("=")
    if not equals or not name:
        raise typer.BadParameter(f"write NAME=VALUE, not {said!r}.")
    return name, value
