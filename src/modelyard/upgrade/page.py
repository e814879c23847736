"""What a run found in code, for people: a part of a page."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterator
from html import escape
from typing import Final

from modelyard.upgrade import paper, reports
from modelyard.upgrade.catalogue import RULES
from modelyard.upgrade.engine import Change, Outcome, Reference
from modelyard.upgrade.findings import Safety

_WORDS: Final = {
    Safety.AUTOMATIC: "automatic", Safety.REVIEW: "automatic, to be reviewed",
    Safety.PROPOSE: "a person decides", Safety.REPORT: "told only",
}  # fmt: skip
_COLOURS: Final = {
    Safety.AUTOMATIC: "#2e7d5b",
    Safety.REVIEW: "#3f7cc4",
    Safety.PROPOSE: "#d08a1d",
    Safety.REPORT: "#8a8f98",
}
_WIDE: Final = 520
_ROW: Final = 22
_MOST_DIFF: Final = 20_000


def body(outcome: Outcome) -> str:
    """Counts, bars, names, files with what changes in them, and rules."""
    return "".join((
        _cards(outcome), _bars("References by rule", _by_rule(outcome)), _bars("References by file", _by_file(outcome)),
        _names(outcome), _files(outcome), _troubles(outcome), _rules(outcome),
    ))  # fmt: skip


def _cards(outcome: Outcome) -> str:
    counts = Counter(reference.finding.safety for reference in outcome.references)
    said = [(str(counts[safety]), f"{safety.value} · {_WORDS[safety]}") for safety in Safety]
    return paper.cards((
        *said, (str(outcome.counted), "files looked at"), (str(len(outcome.troubles)), "not read, or in part"),
    ))  # fmt: skip


def _tag(safety: Safety) -> str:
    return paper.tag(f"{safety.value} · {_WORDS[safety]}", _COLOURS[safety])


_Bars = list[tuple[str, Counter[Safety]]]


def _by_rule(outcome: Outcome) -> _Bars:
    found: dict[str, Counter[Safety]] = defaultdict(Counter)
    for reference in outcome.references:
        found[reference.finding.rule][reference.finding.safety] += 1
    return [(f"{rule}  {RULES[rule].matches}", found[rule]) for rule in sorted(found)]


def _by_file(outcome: Outcome) -> _Bars:
    found: dict[str, Counter[Safety]] = defaultdict(Counter)
    for reference in outcome.references:
        found[reference.finding.document][reference.finding.safety] += 1
    return sorted(found.items(), key=lambda item: (-item[1].total(), item[0]))[:25]


def _bars(title: str, rows: _Bars) -> str:
    """A bar for each row, in the colours of what may be done."""
    if not rows:
        return ""
    most = max(counts.total() for _, counts in rows)
    drawn = "".join(_bar(index, label, counts, most) for index, (label, counts) in enumerate(rows))
    height = _ROW * len(rows)
    box = f'viewBox="0 0 {_WIDE * 2} {height}" width="100%" role="img" aria-label="{escape(title)}"'
    return f'<h2>{escape(title)}</h2><svg {box} font-size="13">{drawn}</svg>'


def _bar(index: int, label: str, counts: Counter[Safety], most: int) -> str:
    top, left = index * _ROW, float(_WIDE)
    shown = label if len(label) <= 72 else f"…{label[-71:]}"  # noqa: PLR2004  as much as fits beside the bars
    said = [f'<text x="0" y="{top + 15}">{escape(shown)}</text>']
    for safety in Safety:
        wide = counts[safety] / most * (_WIDE - 60)
        said.append(f'<rect x="{left:.1f}" y="{top + 3}" width="{wide:.1f}" height="15" fill="{_COLOURS[safety]}"/>')
        left += wide
    said.append(f'<text x="{left + 6:.1f}" y="{top + 15}">{counts.total()}</text>')
    return "".join(said)


def _names(outcome: Outcome) -> str:
    found = reports.names(outcome)
    rows = [(_code(name), str(told["references"]), str(told["files"])) for name, told in found.items()]
    return (
        f"<h2>Models by their old names</h2>{paper.table(('flat name', 'references', 'files'), rows)}" if rows else ""
    )


def _code(words: str) -> str:
    return f"<code>{escape(words)}</code>"


def _files(outcome: Outcome) -> str:
    by_file: dict[str, list[Reference]] = defaultdict(list)
    for reference in outcome.references:
        by_file[reference.finding.document].append(reference)
    changes = {change.name: change for change in outcome.changes}
    names = sorted({*by_file, *changes})
    return "<h2>Files</h2>" + "".join(_file(name, by_file[name], changes.get(name)) for name in names)


def _file(name: str, references: list[Reference], change: Change | None) -> str:
    rows = "".join(map(_row, references))
    shown = f"<pre>{''.join(_lines(change))}</pre>" if change else ""
    count = f"{len(references)} reference{'' if len(references) == 1 else 's'}"
    return f"<details><summary><code>{escape(name)}</code> · {count}</summary><table>{rows}</table>{shown}</details>"


def _row(reference: Reference) -> str:
    finding, place = reference.finding, reference.place
    where = f"{place.line}" + (f" (cell {place.cell}, line {place.cell_line})" if place.cell else "")
    return (
        f"<tr><td>{where}</td><td>{finding.rule}</td><td>{_tag(finding.safety)}</td>"
        f"<td>{escape(finding.message)}<br><code>{escape(reference.line)}</code></td></tr>"
    )


def _lines(change: Change) -> Iterator[str]:
    text = reports.diff(change.name, change.before, change.after)
    if len(text) > _MOST_DIFF:
        text = f"{text[:_MOST_DIFF]}\n… the rest is in `modelyard upgrade code --diff`\n"
    for line in text.splitlines(keepends=True):
        kind = {"+": "add", "-": "del"}.get(line[:1], "")
        yield f'<span class="{kind}">{escape(line)}</span>' if kind else escape(line)


def _troubles(outcome: Outcome) -> str:
    rows = [(_code(trouble.name), escape(trouble.message)) for trouble in outcome.troubles]
    return f"<h2>Not read, or in part</h2>{paper.table(('file', 'why'), rows)}" if rows else ""


def _rules(outcome: Outcome) -> str:
    used = sorted({reference.finding.rule for reference in outcome.references})
    rows = [(rule, *map(escape, (RULES[rule].matches, RULES[rule].writes, RULES[rule].why))) for rule in used]
    head = ("rule", "what is found", "what it becomes", "why")
    return f"<h2>Rules</h2>{paper.table(head, rows)}" if rows else ""
