"""Turns results into tables: for the terminal, and as Markdown for docs/benchmarks.md."""

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass

from rich.console import Console
from rich.table import Table as RichTable

from benchmarks import bytes as transfers
from benchmarks import registry
from benchmarks.curl import ByCurl
from benchmarks.registry import Kind, Measure, Product

RATE_GOALS = {Kind.READ: 10.0, Kind.WRITE: 8.0}
P99_GOAL = 10.0
GROWTH_GOAL = 1.2
RESIDENT_GOAL = 150e6
UPLOAD_GOAL = 2.0
CURL_UPLOAD_GOAL = 0.6
"""Of the speed of a copy with fsync."""
CURL_DOWNLOAD_GOAL = 0.8
"""Of the speed of a static file server."""
COPY_GOAL = 0.05
DOWNLOAD_GOAL = 3.0
PEAK_GOAL = 200 * 1024**2
BUSY_GENERATOR = 0.8
NONE = "-"


@dataclass(frozen=True)
class Table:
    """A title, its columns, and rows of as many cells."""

    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[str, ...], ...]


def registry_tables(results: registry.Results) -> list[Table]:
    """Return the calls, growth and memory of the registry comparison."""
    tables = [_calls(results), _growth(results), _memory(results)]
    return [table for table in tables if table.rows]


def transfer_tables(results: transfers.Results) -> list[Table]:
    """Return the times and memory of the file comparison."""
    found = {transfer.product: transfer for transfer in results.transfers}
    ours, theirs = found.get(Product.MODELYARD), found.get(Product.MLFLOW)
    rows = (
        ("raw copy with fsync", NONE, NONE, f"{results.copy:.2f} s", NONE, NONE),
        ("SHA-256", NONE, NONE, f"{results.sha256:.2f} s", NONE, NONE),
        _seconds("upload", theirs and theirs.upload, ours and ours.upload, UPLOAD_GOAL),
        _seconds("download", theirs and theirs.download, ours and ours.download, DOWNLOAD_GOAL),
        _seconds(
            "download by the SDK, 2 MiB at a time",
            theirs and theirs.tuned_download,
            ours and ours.tuned_download,
            DOWNLOAD_GOAL,
        ),
        _bytes("server, peak memory", theirs and theirs.peak, ours and ours.peak, PEAK_GOAL),
        _bytes("server, resident before", theirs and theirs.resident_before, ours and ours.resident_before, None),
    )
    columns = ("", "MLflow", "Modelyard", "machine", "ratio", "goal")
    title = f"One file of {results.size / 1024**2:,.0f} MiB by MLflow's client"
    return [Table(title, columns, rows), *_curl_tables(results)]


def _curl_tables(results: transfers.Results) -> list[Table]:
    """The same file by curl, and the copy that the server makes."""
    ours = next((one for one in results.by_curl if one.name == Product.MODELYARD), None)
    static = next((one.download for one in results.by_curl if not one.upload), None)
    rows = [("raw copy with fsync", f"{results.copy:.2f} s", "-", "-", "-")]
    rows += [
        (one.name, *(cell for theirs, own in _pairs(one, ours) for cell in _beside(theirs, own)))
        for one in results.by_curl
    ]
    goals = (
        ("goal: raw copy with fsync", NONE, _share(results.copy, ours and ours.upload, CURL_UPLOAD_GOAL), NONE, NONE),
        ("goal: static files", NONE, NONE, NONE, _share(static, ours and ours.download, CURL_DOWNLOAD_GOAL)),
    )
    columns = ("by curl", "upload", "Modelyard is", "download", "Modelyard is")
    tables = [Table("The same file by curl", columns, (*rows, *goals))]
    if results.server_copy is not None:
        goal = f"< {COPY_GOAL * 1e3:.0f} ms{verdict(results.server_copy < COPY_GOAL)}"
        copy = (("copy into another model", f"{results.server_copy * 1e3:.1f} ms", goal),)
        tables.append(Table("A copy that the server makes", ("", "median", "goal"), copy))
    return tables


def _pairs(one: ByCurl, ours: ByCurl | None) -> tuple[tuple[float, float], tuple[float, float]]:
    """Upload and download of a server, each beside Modelyard's; 0 where there is none."""
    return (one.upload, ours.upload if ours else 0.0), (one.download, ours.download if ours else 0.0)


def _beside(theirs: float, ours: float) -> tuple[str, str]:
    if not theirs:
        return NONE, NONE
    return f"{theirs:.2f} s", times(theirs / ours) if ours else NONE


def _share(theirs: float | None, ours: float | None, goal: float) -> str:
    """How much of another's speed ours is, and whether that is enough."""
    ratio = theirs / ours if theirs and ours else None
    return f"{'' if ratio is None else f'{ratio:.0%}, '}≥ {goal:.0%}{verdict(None if ratio is None else ratio >= goal)}"


def warnings(results: registry.Results) -> list[str]:
    """Return what makes a number doubtful: bad answers, or a generator that was the limit itself."""
    return list(_warnings(results.measures))


def show(console: Console, tables: Sequence[Table]) -> None:
    """Print tables for a person at a terminal."""
    for table in tables:
        drawn = RichTable(title=table.title, title_justify="left")
        for number, column in enumerate(table.columns):
            drawn.add_column(column, justify="right" if number else "left", no_wrap=True)
        for row in table.rows:
            drawn.add_row(*row)
        console.print(drawn)


def markdown(facts: Mapping[str, str], tables: Sequence[Table], notes: Sequence[str]) -> str:
    """Return a block for the documentation: the machine, then every table, then the notes."""
    lines = ["Machine: " + ", ".join(f"{name} {value}" for name, value in facts.items()) + "."]
    for table in tables:
        lines += ["", f"**{table.title}**", "", _row(table.columns)]
        lines.append(_row(["---", *["---:"] * (len(table.columns) - 1)]))
        lines += [_row(row) for row in table.rows]
    if notes:
        lines += ["", *[f"- {note}" for note in notes]]
    return "\n".join(lines)


def _row(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cell.replace("|", "\\|") for cell in cells) + " |"


def _calls(results: registry.Results) -> Table:
    columns = (
        *("call", "models", "conn.", "MLflow /s", "Modelyard /s", "ratio", "goal"),
        *("MLflow p50", "p99", "Modelyard p50", "p99", "p99 ratio", "goal"),
    )
    found = {(one.call, one.models, one.connections, one.product): one for one in results.measures}
    keys = dict.fromkeys((one.call, one.models, one.connections, one.kind) for one in results.measures)
    rows = (
        _call(
            (call, f"{models:,}", str(connections)),
            found.get((call, models, connections, Product.MLFLOW)),
            found.get((call, models, connections, Product.MODELYARD)),
            RATE_GOALS.get(kind),
        )
        for call, models, connections, kind in sorted(keys, key=_reading_order)
    )
    return Table("Registry calls: requests per second and milliseconds", columns, tuple(rows))


def _reading_order(key: tuple[str, int, int, Kind]) -> tuple[int, int, int]:
    call, models, connections, _ = key
    titles = [one.title for one in registry.CALLS]
    return (titles.index(call) if call in titles else len(titles), models, connections)


def _call(
    heading: tuple[str, ...], theirs: Measure | None, ours: Measure | None, goal: float | None
) -> tuple[str, ...]:
    rate = ours.rate / theirs.rate if ours and theirs and theirs.rate else None
    tail = theirs.p99 / ours.p99 if ours and theirs and ours.p99 else None
    return (
        *heading,
        *(f"{one.rate:,.0f}" if one else NONE for one in (theirs, ours)),
        times(rate),
        _at_least(rate, goal),
        *(cell for one in (theirs, ours) for cell in _milliseconds(one)),
        times(tail),
        _at_least(tail, P99_GOAL if goal else None),
    )


def _growth(results: registry.Results) -> Table:
    """How much slower a read is with the most models than with the fewest."""
    sizes = sorted({one.models for one in results.measures})
    small, large = sizes[0], sizes[-1]
    found = {(one.product, one.call, one.connections, one.models): one for one in results.measures}
    rows: list[tuple[str, ...]] = []
    for (product, call, connections, models), one in found.items():
        if models != small or small == large or one.kind is not Kind.READ:
            continue
        slower = one.rate / max(found[product, call, connections, large].rate, 1e-9)
        goal = GROWTH_GOAL if product is Product.MODELYARD else None
        rows.append((call, product, str(connections), times(slower), _at_most(slower, goal)))
    title = f"Reads with {large:,} models: times slower than with {small:,}"
    return Table(title, ("call", "server", "conn.", "slower", "goal"), tuple(sorted(rows, key=lambda row: row[:2])))


def _memory(results: registry.Results) -> Table:
    rows = tuple(
        (
            one.product,
            f"{one.models:,}",
            str(one.processes),
            f"{one.resident / 1e6:,.0f} MB",
            f"{one.peak / 1e6:,.0f} MB",
            _below(one.resident, RESIDENT_GOAL if one.product is Product.MODELYARD else None),
        )
        for one in results.footprints
    )
    columns = ("server", "models", "processes", "resident", "peak", "goal")
    return Table("Memory after all calls, whole process tree", columns, rows)


def _warnings(measures: Sequence[Measure]) -> Iterator[str]:
    for one in measures:
        where = f"{one.product}, {one.models:,} models, {one.call}, {one.connections} connections"
        if one.errors:
            yield f"{where}: {one.errors} bad answers, the first: {one.complaint}"
        if one.own_share > BUSY_GENERATOR:
            yield f"{where}: the load generator was busy {one.own_share:.0%} of the time: a lower bound"


def _seconds(title: str, theirs: float | None, ours: float | None, goal: float) -> tuple[str, ...]:
    ratio = theirs / ours if theirs and ours else None
    cells = (f"{one:.2f} s" if one else NONE for one in (theirs, ours))
    return (title, *cells, NONE, times(ratio), _at_least(ratio, goal))


def _bytes(title: str, theirs: int | None, ours: int | None, goal: float | None) -> tuple[str, ...]:
    ratio = theirs / ours if theirs and ours else None
    cells = (f"{one / 1024**2:,.0f} MiB" if one else NONE for one in (theirs, ours))
    return (title, *cells, NONE, times(ratio), _below(ours, goal, unit=1024**2, name="MiB"))


def _milliseconds(one: Measure | None) -> tuple[str, str]:
    return (f"{one.p50:.2f}", f"{one.p99:.2f}") if one else (NONE, NONE)


def times(ratio: float | None) -> str:
    """Return a ratio as it is quoted."""
    return NONE if ratio is None else f"{ratio:.1f}x" if ratio >= GROWTH_GOAL * 2 else f"{ratio:.2f}x"


def _at_least(ratio: float | None, goal: float | None) -> str:
    return NONE if goal is None else f"≥ {goal:g}x{verdict(None if ratio is None else ratio >= goal)}"


def _at_most(ratio: float | None, goal: float | None) -> str:
    return NONE if goal is None else f"≤ {goal:g}x{verdict(None if ratio is None else ratio <= goal)}"


def _below(found: float | None, goal: float | None, unit: float = 1e6, name: str = "MB") -> str:
    return NONE if goal is None else f"< {goal / unit:.0f} {name}{verdict(None if found is None else found < goal)}"


def verdict(met: bool | None) -> str:  # noqa: FBT001  the verdict is the argument
    """Return what stands behind a goal; nothing where it could not be measured."""
    return "" if met is None else " met" if met else " missed"
