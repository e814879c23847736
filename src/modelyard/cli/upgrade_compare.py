"""`modelyard upgrade compare`: old and new on the same inputs, with a verdict that can gate the next step."""

from __future__ import annotations

import json
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn

from modelyard.cli import replays
from modelyard.cli.client import OURS, Client, known
from modelyard.cli.download import bring
from modelyard.cli.options import AsJson, server_of
from modelyard.cli.output import err, say, show
from modelyard.cli.progress import bytes_bar
from modelyard.cli.server import settings
from modelyard.cli.written import write_text
from modelyard.errors import Invalid, Unavailable

if TYPE_CHECKING:
    from modelyard.upgrade.comparing.limits import Tolerance
    from modelyard.upgrade.comparing.verdict import Comparison

_CHECK: Final = ("holds=passed", "what=name", "of=subject", "found", "limit", "said")
_VOLUMES: Final = "/Volumes/"
_LEVELS: Final = 5
"""Of the path of a volume, with the empty one before the first slash."""
_LIBRARIES: Final = ("numpy", "pyarrow", "scipy", "pandas")

Outputs = Annotated[
    list[str] | None,
    typer.Argument(metavar="[OLD NEW]", help="Outputs of batch jobs: Parquet or CSV, files, folders, or /Volumes/…"),
]
Data = Annotated[
    Path | None, typer.Option("--data", metavar="DIR", help="The server's data folder, where one is asked.")
]


@dataclass(frozen=True, slots=True)
class _Ends:
    """Where recorded requests go."""

    old: str
    new: str
    requests: Path
    old_token: str
    new_token: str
    at_once: int


_Keys = Annotated[
    list[str] | None, typer.Option(metavar="COLUMN", help="By which rows belong together; may be repeated.")
]
_Columns = Annotated[
    list[str] | None,
    typer.Option(metavar="OLD[=NEW]", help="What to compare [default: prediction…, else all that both have]."),
]
_Old = Annotated[
    str, typer.Option(metavar="URL|NAME[/SERVED]", help="Where recorded requests are sent, instead of outputs.")
]
_Requests = Annotated[
    Path | None, typer.Option(metavar="FILE.jsonl", help="A request a line, or a row of an inference table.")
]
_MinRank = Annotated[
    float | None, typer.Option(metavar="CORRELATION", help="Spearman's rank correlation.", show_default="any")
]
_MaxRatio = Annotated[
    float | None, typer.Option(metavar="RATIO", help="New to old 95th percentile.", show_default="any")
]
_VerdictFile = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Also write the verdict, as JSON, to this file.")
]
_HtmlFile = Annotated[Path | None, typer.Option(metavar="FILE", help="Also write a page with plots to this file.")]


def compare(  # noqa: PLR0913, PLR0917  each is an option of the command
    outputs: Outputs = None,
    key: _Keys = None,
    column: _Columns = None,
    tolerance: Annotated[float, typer.Option(metavar="NUMBER", help="How far numbers may lie apart.")] = 1e-9,
    relative: Annotated[float, typer.Option(metavar="SHARE", help="Or in relation to the larger of the two.")] = 1e-6,
    delimiter: Annotated[str, typer.Option(help="Of CSV.")] = ",",
    endpoint_old: _Old = "",
    endpoint_new: Annotated[str, typer.Option(metavar="URL|NAME[/SERVED]", help="As --endpoint-old.")] = "",
    requests: _Requests = None,
    old_token_env: Annotated[str, typer.Option(metavar="VARIABLE", help="Has the token for --endpoint-old.")] = "",
    new_token_env: Annotated[str, typer.Option(metavar="VARIABLE", help="Has the token for --endpoint-new.")] = "",
    at_once: Annotated[int, typer.Option(min=1, max=64, help="Requests under way at once, on either side.")] = 1,
    min_agreement: Annotated[float, typer.Option(metavar="SHARE", help="Of pairs, within the tolerance.")] = 0.99,
    max_psi: Annotated[float, typer.Option(metavar="INDEX", help="Population stability index.")] = 0.1,
    max_ks: Annotated[float, typer.Option(metavar="DISTANCE", help="Kolmogorov-Smirnov statistic.")] = 0.1,
    min_rank: _MinRank = None,
    max_missing: Annotated[float, typer.Option(metavar="SHARE", help="Of keys, that one side lacks.")] = 0.0,
    max_p95_ratio: _MaxRatio = None,
    max_errors: Annotated[float, typer.Option(metavar="SHARE", help="Of requests, failed by the new side only.")] = 0.0,
    verdict: _VerdictFile = None,
    html: _HtmlFile = None,
    data: Data = None,
    as_json: AsJson = False,
) -> None:
    """Compare old and new on the same inputs; exit status 1 where they do not agree well enough.

    Examples: `modelyard upgrade compare old-scores/ new-scores/ --key customer --min-agreement 0.999 --html c.html` ·
    `modelyard upgrade compare --endpoint-old https://old/score --endpoint-new fraud --requests sample.jsonl`
    """
    _ready()
    from modelyard.upgrade.comparing import page  # noqa: PLC0415  they need libraries that others do without
    from modelyard.upgrade.comparing.limits import Limits, Tolerance  # noqa: PLC0415  as above
    from modelyard.upgrade.comparing.verdict import document  # noqa: PLC0415  as above

    limits = Limits(min_agreement, max_psi, max_ks, min_rank, max_missing, max_p95_ratio, max_errors)
    near = Tolerance(tolerance, relative)
    if ends := _ends(endpoint_old, endpoint_new, requests, old_token_env, new_token_env, at_once):
        if outputs:
            raise Invalid("give either two outputs, or two endpoints with --requests.")
        found = _of_answers(ends, near, data)
    else:
        found = _of_outputs(outputs or [], key or [], column or [], near, delimiter, lambda: server_of(data))
    said = document(found, limits)
    if verdict:
        write_text(verdict, json.dumps(said, indent=1) + "\n")
    if html:
        write_text(html, page.html(found, said))
    _tell(said, as_json=as_json)


def judged(outputs: list[str], keys: list[str], server: Client) -> dict[str, Any]:
    """The verdict on two outputs, by the usual limits."""
    _ready()
    from modelyard.upgrade.comparing.limits import Limits, Tolerance  # noqa: PLC0415  as above
    from modelyard.upgrade.comparing.verdict import document  # noqa: PLC0415  as above

    return document(_of_outputs(outputs, keys, [], Tolerance(), ",", lambda: server), Limits())


def _tell(said: dict[str, Any], *, as_json: bool) -> None:
    show(said if as_json else [_brief(each) for each in said["checks"]], as_json=as_json, columns=_CHECK)
    for reason in said["reasons"]:
        say(reason)
    if not as_json:
        say(f"verdict: {said['verdict']}")
    if not said["agrees"]:
        raise typer.Exit(1)


def _brief(check: dict[str, Any]) -> dict[str, Any]:
    return {name: f"{value:.6g}" if isinstance(value, float) else value for name, value in check.items()}


def _ready() -> None:
    if missing := [name for name in _LIBRARIES if find_spec(name) is None]:
        raise Unavailable(f'comparing needs {missing[0]}: pip install "modelyard[serving,tracking]"')


# Outputs


def _of_outputs(
    outputs: list[str],
    keys: list[str],
    columns: list[str],
    near: Tolerance,
    delimiter: str,
    connect: Callable[[], Client],
) -> Comparison:
    from modelyard.upgrade.comparing import run, sources  # noqa: PLC0415  as above
    from modelyard.upgrade.comparing.limits import Match  # noqa: PLC0415  as above

    if len(outputs) != 2:  # noqa: PLR2004  an old and a new one
        raise Invalid("name two outputs, the old one and the new one; or --endpoint-old and --endpoint-new.")
    if len(delimiter) != 1:
        raise Invalid("a delimiter is one character.")
    with ExitStack() as stack:
        room = Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="modelyard-compare-")))
        old, new = (_here(each, room / side, connect) for each, side in zip(outputs, ("old", "new"), strict=True))
        hashed = stack.enter_context(bytes_bar(sources.total(old) + sources.total(new)))
        order = run.Order(old, new, tuple(keys), tuple(map(Match.read, columns)), near, delimiter)
        found = run.files(order, hashed)
    for side, said in ((found.old, outputs[0]), (found.new, outputs[1])):
        side["location"] = said
    return found


def _here(said: str, room: Path, connect: Callable[[], Client]) -> str:
    """An output on this machine; one in a volume is brought, and `current` names one of them from then on."""
    levels = said.rstrip("/").split("/")
    if not said.startswith(_VOLUMES) or len(levels) <= _LEVELS:
        return said
    server = connect()
    if levels[_LEVELS] == "current":
        volume = quote(".".join(levels[2:_LEVELS]), safe="")
        found = server.ask("GET", f"{OURS}/volumes/{volume}/outputs/current")
        levels = [*found["path"].split("/"), *levels[_LEVELS + 1 :]]
    bring(server, "/".join(levels), room)
    return str(room)


# Endpoints


def _ends(old: str, new: str, requests: Path | None, old_token: str, new_token: str, at_once: int) -> _Ends | None:
    if not (old or new or requests):
        return None
    if not (old and new and requests):
        raise Invalid("--endpoint-old, --endpoint-new and --requests go together.")
    return _Ends(old, new, requests, old_token, new_token, at_once)


def _of_answers(ends: _Ends, near: Tolerance, data: Path | None) -> Comparison:
    from modelyard.upgrade.comparing import answers, run  # noqa: PLC0415  as above

    host, token = known(settings(data=data).folder, named=data is not None)
    old = replays.place(ends.old, ends.old_token, host, token)
    new = replays.place(ends.new, ends.new_token, host, token)
    with _lines(ends.requests) as lines, _bar(ends.requests) as tell:
        pairs = replays.replay(answers.requests(lines), old, new, ends.at_once, tell)
        return run.answers(({"location": ends.old}, {"location": ends.new}), pairs, near)


@contextmanager
def _lines(file: Path) -> Generator[Iterator[bytes]]:
    try:
        with file.open("rb") as lines:
            yield iter(lines)
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror or error}.") from None


@contextmanager
def _bar(file: Path) -> Generator[Callable[[int], None]]:
    """A bar for requests, where somebody looks."""
    columns = (TextColumn("requests"), BarColumn(), MofNCompleteColumn())
    with Progress(*columns, console=err, transient=True, disable=not err.is_terminal) as progress:
        count = sum(1 for _ in file.open("rb")) if err.is_terminal else None
        task = progress.add_task("", total=count)
        yield lambda more: progress.advance(task, more)
