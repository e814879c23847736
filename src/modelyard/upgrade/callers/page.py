"""The ledger for people: one page."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence
from html import escape
from typing import Any, Final

from modelyard.upgrade import paper
from modelyard.upgrade.callers.entries import Caller, Entry, State, minute
from modelyard.upgrade.callers.scans import Place
from modelyard.upgrade.paper import BAD, GOOD, NEW, OLD, WARN

_COLOURS: Final = {
    State.ABSENT: BAD, State.UNSEEN: OLD, State.SEEN: WARN, State.REWRITTEN: NEW, State.SILENT: GOOD,
    State.BROWN_OUT: WARN, State.RETIRED: GOOD,
}  # fmt: skip
_MOST: Final = 200


def html(entries: Sequence[Entry], made_at: int) -> str:
    """The page of a ledger."""
    counts = Counter(each.state for each in entries)
    cards = [(str(counts[state]), state.value) for state in State if counts[state]]
    head = ("name", "state", "model", "days silent", "callers", "in code", "in texts")
    body = (
        f"<p>{escape(minute(made_at))}</p>{paper.cards(cards)}",
        paper.table(head, (_line(each) for each in entries)),
        *(_section(each) for each in entries),
    )
    return paper.page("Modelyard upgrade: old names", "Who still calls by old names", "".join(body))


def _line(found: Entry) -> tuple[str, ...]:
    callers = "?" if found.callers is None else str(len(found.callers))
    silent = paper.NOTHING if found.days_silent is None else str(found.days_silent)
    counts = (silent, callers, str(len(found.code)), str(len(found.prose)))
    name, model = (f"<code>{escape(each)}</code>" for each in (found.name, found.full_name))
    return (name, paper.tag(found.state.value, _COLOURS[found.state]), model, *counts)


def _section(found: Entry) -> str:
    parts = [
        f"<h2><code>{escape(found.name)}</code> {paper.tag(found.state.value, _COLOURS[found.state])}</h2>",
        _list("What is proven", found.proven),
        _list("What is not, and cannot be", found.unproven),
        _list("Why not to retire it yet", found.blockers),
    ]
    if found.callers:
        head = ("who", "client", "call", "stage", "calls", "refused", "first", "last")
        parts.append("<h3>Callers</h3>" + paper.table(head, (_caller(each) for each in found.callers[:_MOST])))
    if found.code or found.prose:
        places = [*found.code, *found.prose][:_MOST]
        parts.append("<h3>Written</h3>" + paper.table(("where", "rule", "what"), map(_place, places)))
    if found.traffic:
        parts.append(
            "<h3>Where its traffic stands</h3>" + paper.table(("what", "where", "how"), map(_traffic, found.traffic))
        )
    return "".join(parts)


def _list(title: str, lines: Sequence[str]) -> str:
    said = "".join(f"<li>{escape(line)}</li>" for line in lines)
    return f"<h3>{title}</h3><ul>{said}</ul>" if lines else ""


def _caller(each: Caller) -> tuple[str, ...]:
    words = (each.principal, each.client, each.call, each.stage, str(each.times), str(each.refused))
    return tuple(map(escape, (*words, minute(each.first_seen_at), minute(each.last_seen_at))))


def _place(each: Place) -> tuple[str, ...]:
    return f"<code>{escape(each.file)}:{each.line}</code>", escape(each.rule), escape(each.message)


def _traffic(each: dict[str, Any]) -> tuple[str, ...]:
    return escape(str(each["kind"])), f"<code>{escape(str(each['where']))}</code>", escape(str(each["said"]))
