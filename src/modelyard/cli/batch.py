"""`modelyard batch`: a version scores files, on all cores of this machine, all or nothing.

The model comes from the server with the rights of whoever calls, and is checked; it is loaded in processes of its own.
"""

from __future__ import annotations

import hashlib
import json
import os
import shutil
import sys
import tempfile
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final, Literal
from urllib.parse import quote

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TaskProgressColumn, TextColumn, TimeRemainingColumn

from modelyard.cli import outputs, versions_here
from modelyard.cli.client import OURS, Client
from modelyard.cli.download import bring, download
from modelyard.cli.options import AsJson, Server
from modelyard.cli.output import err, fail, say, show
from modelyard.cli.server import settings
from modelyard.errors import Failure, Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Generator

    from modelyard.batch.order import Order, Report

Format = Literal["parquet", "csv", "delta"]

_SHOWN: Final = (
    "output", "format", "rows", "rejected", "parts", "resumed", "seconds", "rows_per_second", "model", "version",
    "delta_version", "published",
)  # fmt: skip
_LEVELS: Final = 5
"""Of a path of a volume, with the empty one before the first slash."""


_Publish = Annotated[
    str | None,
    typer.Option(metavar="VOLUME", help="Publish it in this volume: consumers see it under …/current."),
]
_Keep = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN", help="Keep only these columns of the input; may be repeated.")
]
_Features = Annotated[
    list[str] | None,
    typer.Option(metavar="COLUMN", help="Give the model these, if its signature names none; may be repeated."),
]
_Form = Annotated[Format | None, typer.Option("--format", help="What the input is, if names do not say.")]
_Params = Annotated[
    list[str] | None, typer.Option(metavar="KEY=JSON", help="A parameter of the model; may be repeated.")
]
_BadRows = Annotated[Literal["fail", "skip"], typer.Option(help="Rows that cannot be scored: end, or keep them apart.")]
_Env = Annotated[
    Literal["local", "model"], typer.Option(help="Load the model with this Python, or with one of its own.")
]
_Nulls = Annotated[list[str] | None, typer.Option(metavar="TEXT", help="Stands for nothing in CSV; may be repeated.")]
_Input = Annotated[
    str,
    typer.Option("--input", metavar="DATA", help="A file, a folder, s3://…, a Delta table, or /Volumes/…"),
]
_Output = Annotated[
    str | None, typer.Option(metavar="DATA", help="A new folder, s3://…, or a Delta table.", show_default=False)
]
_Model = Annotated[str, typer.Option(metavar="MODEL", help="models:/catalog.schema.model@Alias, or …/3 for a version.")]
_Prefix = Annotated[str, typer.Option(help="Of the columns model_name, model_version, model_run_id, scored_at.")]


def batch(  # noqa: PLR0913, PLR0917  each is an option of the command
    server: Server,
    model: _Model,
    input_: _Input,
    output: _Output = None,
    publish: _Publish = None,
    move: Annotated[
        bool, typer.Option(" /--no-move", help="With --publish: bring the output, and leave the pointer.")
    ] = True,
    reason: Annotated[str | None, typer.Option(metavar="TEXT", help="With --publish: why, for the history.")] = None,
    format_: _Form = None,
    output_format: Annotated[Format, typer.Option(help="What the output is.")] = "parquet",
    keep: _Keep = None,
    feature: _Features = None,
    prediction: Annotated[str, typer.Option(metavar="COLUMN", help="The column of predictions.")] = "prediction",
    prefix: _Prefix = "",
    param: _Params = None,
    bad_rows: _BadRows = "fail",
    overwrite: Annotated[bool, typer.Option("--overwrite", help="Replace an output that is there.")] = False,
    append: Annotated[bool, typer.Option("--append", help="Add to a Delta table that is there.")] = False,
    restart: Annotated[bool, typer.Option("--restart", help="Do not go on where an interrupted run was.")] = False,
    env: _Env = "local",
    processes: Annotated[int, typer.Option(min=0, help="How many score at once; 0 is one for each core.")] = 0,
    batch_rows: Annotated[int, typer.Option(min=1, help="Rows that the model is given at once.")] = 10_000,
    delimiter: Annotated[str, typer.Option(help="Between the values of CSV.")] = ",",
    null: _Nulls = None,
    as_json: AsJson = False,
) -> None:
    """Score files with a version of a model, and write them with predictions beside: all of them, or nothing.

    What was interrupted goes on where it was when the same command is given again.

    Examples: `modelyard batch --model models:/prod.ml_team.fraud@Champion --input rows/ --output scores/` ·
    `modelyard batch --model models:/prod.ml_team.fraud/3 --input rows.csv --publish prod.ml_team.fraud_scores`
    """
    _check(output, publish, output_format, overwrite=overwrite, append=append)
    asked = _Asked(server, model, input_, output, publish, env)
    with asked.prepared() as make_order:
        order = make_order(
            input_form=format_, output_form=output_format, keep=keep, features=feature, prediction=prediction,
            prefix=prefix, params=_params(param), bad_rows=bad_rows, existing=_existing(overwrite, append),
            restart=restart, processes=processes, batch_rows=batch_rows, delimiter=delimiter, nulls=null or ("",),
        )  # fmt: skip
        told = asked.scored(order, move=move, reason=reason)
    show(told, as_json=as_json, columns=_SHOWN)


def _check(output: str | None, publish: str | None, form: str, *, overwrite: bool, append: bool) -> None:
    if not output and not publish:
        raise typer.BadParameter("say where the output goes: --output, --publish, or both.", param_hint="--output")
    if overwrite and append:
        raise typer.BadParameter("an output is either replaced or added to.", param_hint="--append")
    if output and output.startswith("/Volumes/") and not Path(output).parent.is_dir():
        raise Invalid("an output comes into a volume with --publish catalog.schema.volume; leave --output out.")
    if publish and (form == "delta" or "://" in (output or "")):
        raise Invalid("only folders of Parquet or CSV are published; leave --output out, or name a folder.")


def _existing(overwrite: bool, append: bool) -> str:
    return "replace" if overwrite else "append" if append else "refuse"


def _params(said: list[str] | None) -> dict[str, Any]:
    found: dict[str, Any] = {}
    for each in said or ():
        key, equals, value = each.partition("=")
        if not equals:
            raise typer.BadParameter(f"write a parameter as KEY=JSON, not {each!r}.", param_hint="--param")
        try:
            found[key] = json.loads(value)
        except ValueError:
            found[key] = value
    return found


@dataclass(frozen=True, slots=True)
class _Asked:
    """What is asked of the server around the work itself."""

    server: Client
    model: str
    input: str
    output: str | None
    publish: str | None
    env: str

    @contextmanager
    def prepared(self) -> Generator[Callable[..., Order]]:
        """What makes the order, while the model, and an input that is in a volume, are on this machine."""
        order = _library()
        with ExitStack() as rooms, tempfile.TemporaryDirectory(prefix="modelyard-batch-") as room:
            named = versions_here.found(self.server, self.model)
            folder = versions_here.fetch(self.server, named, Path(room) / "model")
            scored = order.Scored(folder, named.digest, named.model, named.version, named.run_id)
            python = self._python(folder)
            source = self._source(Path(room) / "input")
            target = self.output or str(self._kept(named.digest))

            def make(**said: Any) -> Order:  # noqa: ANN401  the options of the command
                known = {
                    "input_form": order.Form(said.pop("input_form")) if said["input_form"] else said.pop("input_form"),
                    "output_form": order.Form(said.pop("output_form")),
                    "bad_rows": order.BadRows(said.pop("bad_rows")),
                    "existing": order.Existing(said.pop("existing")),
                    "nulls": tuple(said.pop("nulls")),
                    "keep": _tuple(said.pop("keep")),
                    "features": _tuple(said.pop("features")),
                }
                return order.Order(scored, source, target, python=python, **known, **said)

            yield make
            rooms.close()

    def _python(self, folder: Path) -> str:
        if self.env == "local":
            return ""
        from modelyard.cli.model_python import built  # noqa: PLC0415  few jobs need it

        return built(folder, settings(), _cache() / "envs")

    def _source(self, room: Path) -> str:
        """The input: what is in a volume is brought first, and `current` names one output from then on."""
        levels = self.input.rstrip("/").split("/")
        if len(levels) < _LEVELS or levels[1] != "Volumes" or Path(self.input).exists():
            return self.input
        if len(levels) > _LEVELS and levels[_LEVELS] == "current":
            volume = quote(".".join(levels[2:_LEVELS]), safe="")
            found = self.server.ask("GET", f"{OURS}/volumes/{volume}/outputs/current")
            levels = [*found["path"].split("/"), *levels[_LEVELS + 1 :]]
        (bring if len(levels) > _LEVELS else download)(self.server, "/".join(levels), room)
        return str(room)

    def _kept(self, digest: str) -> Path:
        """Where an output that is only published is until then: the same place when the command is given again."""
        told = json.dumps([digest, self.input, self.publish])
        return _cache() / "batch" / hashlib.sha256(told.encode()).hexdigest()[:16]

    def scored(self, order: Order, *, move: bool, reason: str | None) -> dict[str, Any]:
        """Do the work, publish it if that is asked for, and tell what was done."""
        from modelyard.batch.run import run  # noqa: PLC0415  needs libraries that other commands do without

        before = outputs.ready(self.server, self.publish) if self.publish else ""
        if not self.output:
            order = replace(order, existing=type(order.existing)("replace"))
            Path(order.output).parent.mkdir(parents=True, exist_ok=True)
        told = _told(order, run(order, _bar))
        if self.publish:
            told["published"] = self._published(order, told, before if move else None, reason)
        if not self.output:
            shutil.rmtree(order.output)
            told["output"] = told["published"]
        return told

    def _published(self, order: Order, told: dict[str, Any], before: str | None, reason: str | None) -> str:
        volume = self.publish or ""
        about = {name: told[name] for name in ("model", "version", "run_id", "rows", "rejected")}
        about |= {"digest": order.model.digest, "input": self.input, **_job()}
        made = outputs.bring(self.server, volume, Path(order.output), about)
        if before is not None:
            outputs.point(self.server, volume, made["name"], before, reason)
        return made["path"]


def _tuple(said: list[str] | None) -> tuple[str, ...] | None:
    return None if said is None else tuple(said)


def _cache() -> Path:
    """Where this command keeps things on this machine."""
    return Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "modelyard"


def _job() -> dict[str, str]:
    """The run of a job that this is a task of, if it is one."""
    known = {"job_id": "MLFLOW_DATABRICKS_JOB_ID", "job_run_id": "MLFLOW_DATABRICKS_JOB_RUN_ID"}
    return {name: os.environ[variable] for name, variable in known.items() if os.environ.get(variable)}


def _library() -> Any:  # noqa: ANN401  a module
    try:
        from modelyard.batch import order, run  # noqa: PLC0415  they need libraries that other commands do without
    except ImportError as missing:
        raise Invalid(
            f'batch inference needs {missing.name}: pip install "modelyard[serving]", and mlflow for --env local.'
        ) from None
    del run
    return order


def _told(order: Order, report: Report) -> dict[str, Any]:
    return {
        "output": report.output,
        "format": report.form.value,
        "rows": report.rows,
        "rejected": report.rejected,
        "parts": len(report.parts),
        "resumed": report.resumed,
        "size": report.size,
        "seconds": round(report.seconds, 3),
        "rows_per_second": round(report.rows / max(report.seconds, 1e-9)),
        "model": order.model.name,
        "version": order.model.version,
        "run_id": order.model.run_id,
        "scored_at": report.started_at,
        "delta_version": report.delta_version,
        "published": None,
    }


@contextmanager
def _bar(total: int, is_rows: bool) -> Generator[Callable[[int], None]]:
    """A bar for rows, or for the bytes of CSV, where somebody looks."""
    count = MofNCompleteColumn() if is_rows else TaskProgressColumn()
    columns = (TextColumn("{task.description}"), BarColumn(), count, TimeRemainingColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        task = progress.add_task("rows" if is_rows else "", total=total)
        yield lambda more: progress.advance(task, more)


def main() -> None:
    """The command by itself: as a wheel task (`entry_point: batch`) and as `python -m modelyard.batch`."""
    app = typer.Typer(add_completion=False, pretty_exceptions_enable=False, rich_markup_mode="markdown")
    app.command()(batch)
    try:
        app(standalone_mode=False)
    except typer.Abort:
        sys.exit(1)
    except Failure as failure:
        fail(failure.message)
        sys.exit(1)
    except Exception as problem:
        message = getattr(problem, "format_message", None)
        if message is None:
            raise
        say(message())
        sys.exit(2)
