"""A comparison for people: one page with the verdict, what was asked, and plots."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from html import escape
from typing import Any, Final

from modelyard.upgrade import paper
from modelyard.upgrade.comparing.answers import Replay
from modelyard.upgrade.comparing.libraries import numpy
from modelyard.upgrade.comparing.limits import Check
from modelyard.upgrade.comparing.measures import Column
from modelyard.upgrade.comparing.verdict import Comparison
from modelyard.upgrade.paper import BAD, GOOD, NEW, OLD

_COLOURS: Final = {"identical": GOOD, "agrees": GOOD, "differs": BAD}
_BINS: Final = 40
_POINTS: Final = 100
_MOST_LABELS: Final = 12
_MOST_FILES: Final = 50


def html(found: Comparison, said: dict[str, Any]) -> str:
    """The page of a comparison and its verdict."""
    verdict = str(said["verdict"])
    parts = (
        f"<p>{paper.tag(verdict, _COLOURS[verdict])} {escape(str(said['made_at']))}</p>",
        _cards(said),
        "<h2>What was asked</h2>",
        paper.table(("", "what", "of", "found", "limit", "in words"), map(_check, said["checks"])),
        "<h2>Both sides</h2>",
        paper.table(("", "where", "rows", "SHA-256 of all files"), _sides(said)),
        _schema(said["schema"]) if said["schema"] else "",
        *(_column(found, column) for column in found.columns),
        _latency(found.replay) if found.replay else "",
        _files(said),
    )
    return paper.page("Modelyard upgrade: comparison", "Old and new on the same inputs", "".join(parts))


def _cards(said: dict[str, Any]) -> str:
    told: list[tuple[str, str]] = []
    keys = said["keys"]
    if keys:
        told += [(f"{keys['both']:,}", "rows on both sides")]
        told += [(f"{keys['alone'][side]:,}", f"keys only on the {side} side") for side in ("old", "new")]
    shares = [each["agreement"] for each in said["columns"] if each["agreement"] is not None]
    if shares:
        told.append((f"{min(shares):.4%}", "agreement, of the worst column"))
    if said["latency"]:
        told.append((paper.number(said["latency"]["p95_ratio"]), "times the old 95th percentile"))
    return paper.cards(told)


def _check(check: dict[str, Any]) -> tuple[str, ...]:
    asked = Check(**check)
    mark = paper.tag("holds", GOOD) if asked.passed else paper.tag("does not", BAD)
    values = (_value(asked.found), _value(asked.limit))
    return (mark, escape(asked.name), f"<code>{escape(asked.subject)}</code>", *values, escape(asked.said))


def _value(value: float | str | None) -> str:
    return escape(value) if isinstance(value, str) else paper.number(value)


def _sides(said: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    for side in ("old", "new"):
        told = said[side]
        rows = f"{said['keys']['rows'][side]:,}" if said["keys"] else paper.NOTHING
        digest = f'<code class="wide">{escape(str(told.get("digest", "")))}</code>'
        yield side, f"<code>{escape(str(told.get('location', '')))}</code>", rows, digest


def _schema(schema: dict[str, Any]) -> str:
    rows = [(f"<code>{escape(name)}</code>", "there", "missing") for name in schema["only_old"]]
    rows += [(f"<code>{escape(name)}</code>", "missing", "there") for name in schema["only_new"]]
    rows += [
        (f"<code>{escape(each['column'])}</code>", escape(each["old"]), escape(each["new"])) for each in schema["types"]
    ]
    return f"<h2>Columns that differ</h2>{paper.table(('column', 'old', 'new'), rows)}" if rows else ""


def _column(found: Comparison, column: Column) -> str:
    old, new = escape(column.match.old), escape(column.match.new)
    title = f"<code>{old}</code>" if old == new else f"<code>{old}</code> and <code>{new}</code>"
    plots = "".join(_plots(column))
    return f'<h2>{title}</h2>{_facts(found, column)}<div class="plots">{plots}</div>'


def _facts(found: Comparison, column: Column) -> str:
    distances = found.distances(column)
    share = column.agreement
    rows = (
        ("type", f"{escape(column.old_type)} · {escape(column.new_type)}"),
        ("pairs", f"{column.pairs:,}"),
        ("the same to the bit", f"{column.exact:,}"),
        ("within the tolerance", f"{column.within:,} ({share:.4%})" if share is not None else paper.NOTHING),
        (
            "missing on the old side, the new, both",
            f"{column.missing[0]:,} · {column.missing[1]:,} · {column.both_missing:,}",
        ),
        ("largest difference", paper.number(column.most if column.measured else None)),
        ("rank correlation (Spearman)", paper.number(distances["spearman"])),
        ("Kolmogorov-Smirnov statistic", paper.number(distances["ks"])),
        ("population stability index", paper.number(distances["psi"])),
    )
    whole = "" if column.sample.is_whole else f"<p>Distances and plots are of {column.sample.most:,} pairs.</p>"
    return paper.table(("", ""), rows) + whole


def _plots(column: Column) -> Iterator[str]:
    old, new = column.sample.pairs
    if len(old):
        yield from _numbers(old, new)
    if column.confusion:
        yield _confusion(column.confusion)


def _numbers(old: Any, new: Any) -> Iterator[str]:  # noqa: ANN401  NumPy has no types here
    low, high = float(min(old.min(), new.min())), float(max(old.max(), new.max()))
    if not numpy.isfinite(high - low):
        return
    reach = (low, high) if high > low else (low - 0.5, high + 0.5)
    edges = numpy.linspace(*reach, _BINS + 1)
    shares = [numpy.histogram(each, edges)[0] / len(each) for each in (old, new)]
    drawn = paper.histogram(edges.tolist(), [(OLD, shares[0].tolist()), (NEW, shares[1].tolist())])
    yield paper.figure("How values are spread: old grey, new blue", drawn)
    grid = numpy.histogram2d(old, new, bins=(edges, edges))[0]
    yield paper.figure(
        "Old across, new upwards; the line is where they are the same", paper.density(grid.tolist(), *reach)
    )
    apart = numpy.abs(old - new)
    yield paper.figure("The share of pairs that differ by no more", paper.curves([(NEW, _reached(apart))]))
    both = paper.curves([(OLD, _reached(old)), (NEW, _reached(new))])
    yield paper.figure("Distribution functions: old grey, new blue", both)


def _reached(values: Any) -> list[tuple[float, float]]:  # noqa: ANN401  as above
    """Points of a distribution function."""
    shares = numpy.linspace(0, 1, _POINTS + 1)
    return list(zip(numpy.quantile(values, shares).tolist(), shares.tolist(), strict=True))


def _confusion(counted: Counter[tuple[str, str]]) -> str:
    often: Counter[str] = Counter()
    for (one, other), count in counted.items():
        often[one] += count
        often[other] += count
    labels = sorted(label for label, _ in often.most_common(_MOST_LABELS))
    counts = [[counted[one, other] for other in labels] for one in labels]
    drawn, wide, high = paper.heat(labels, counts)
    rest = len(often) - len(labels)
    more = f"; {rest} rarer labels are left out" if rest > 0 else ""
    return paper.figure(f"Labels: old in rows, new in columns{more}", drawn, wide, high)


def _latency(replay: Replay) -> str:
    told = replay.told()
    rows = [
        (side, *(paper.number(told[side][key]) for key in ("answers", "p50_ms", "p95_ms"))) for side in ("old", "new")
    ]
    statuses = [(str(each["old"]), str(each["new"]), str(each["count"])) for each in told["statuses"]]
    series = [(colour, _reached(each)) for colour, each in zip((OLD, NEW), replay.latencies, strict=True) if each]
    drawn = paper.figure("The share of answers that took no longer", paper.curves(series, " ms")) if series else ""
    return (
        "<h2>Latency</h2>" + paper.table(("", "answers", "p50, ms", "p95, ms"), rows)
        + f'<div class="plots">{drawn}</div><h2>Statuses</h2>' + paper.table(("old", "new", "requests"), statuses)
    )  # fmt: skip


def _files(said: dict[str, Any]) -> str:
    rows = [
        (
            side,
            f"<code>{escape(str(each['path']))}</code>",
            f"{each['size']:,}",
            f'<code class="wide">{each["sha256"]}</code>',
        )
        for side in ("old", "new")
        for each in said[side].get("files", [])[:_MOST_FILES]
    ]
    return f"<h2>Files</h2>{paper.table(('', 'file', 'bytes', 'SHA-256'), rows)}" if rows else ""
