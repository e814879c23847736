"""Pages that need nothing else: no script, nothing from elsewhere; and what is drawn on them."""

from __future__ import annotations

import math
from collections.abc import Iterable, Sequence
from html import escape
from typing import Final

OLD: Final = "#8a8f98"
NEW: Final = "#3f7cc4"
GOOD: Final = "#2e7d5b"
BAD: Final = "#c0392b"
WARN: Final = "#d08a1d"
NOTHING: Final = "-"
"""What stands where there is no value."""

_WIDE, _HIGH, _ROOM = 360, 220, 34
_STYLE: Final = """
:root{color-scheme:light dark}
body{font:15px/1.5 system-ui,sans-serif;max-width:72rem;margin:2rem auto;padding:0 1rem}
h1{font-size:1.6rem}h2{font-size:1.15rem;margin-top:2rem}
table{border-collapse:collapse;width:100%}th,td{text-align:left;padding:.25rem .6rem;vertical-align:top}
tr+tr>td{border-top:1px solid #8884}code,pre{font:13px/1.45 ui-monospace,monospace}
pre{overflow-x:auto;padding:.6rem;background:#8881;border-radius:6px}
summary{cursor:pointer;padding:.25rem 0}.tag{color:#fff;border-radius:4px;padding:0 .4rem;white-space:nowrap}
.cards{display:flex;gap:1rem;flex-wrap:wrap}.card{background:#8881;border-radius:8px;padding:.6rem 1rem}
.card b{display:block;font-size:1.6rem}.add{color:#2e7d5b}.del{color:#c0392b}svg text{fill:currentColor}
.plots{display:flex;gap:1.5rem;flex-wrap:wrap}figure{margin:.5rem 0;max-width:24rem}
figcaption{font-size:13px}.wide{word-break:break-word}
"""


def page(title: str, heading: str, body: str) -> str:
    """A whole page; what is given is HTML already."""
    return (
        '<!doctype html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta name="viewport" content="width=device-width"><title>{title}</title>'
        f"<style>{_STYLE}</style></head><body><h1>{heading}</h1>{body}</body></html>\n"
    )


def tag(words: str, colour: str) -> str:
    """Words on a colour."""
    return f'<span class="tag" style="background:{colour}">{escape(words)}</span>'


def cards(told: Iterable[tuple[str, str]]) -> str:
    """Large numbers with what they are."""
    said = "".join(f'<div class="card"><b>{escape(value)}</b>{escape(label)}</div>' for value, label in told)
    return f'<div class="cards">{said}</div>'


def table(head: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """A table; cells are HTML already."""
    top = "".join(f"<th>{escape(each)}</th>" for each in head)
    said = "".join(f"<tr>{''.join(f'<td>{cell}</td>' for cell in row)}</tr>" for row in rows)
    return f"<table><tr>{top}</tr>{said}</table>"


def number(value: float | None) -> str:
    """A number as people read it."""
    return NOTHING if value is None else f"{value:.6g}"


def figure(caption: str, drawn: str, wide: int = _WIDE, high: int = _HIGH) -> str:
    """A drawing with its caption."""
    box = f'viewBox="0 0 {wide} {high}" width="100%" role="img" aria-label="{escape(caption)}"'
    return f'<figure><svg {box} font-size="11">{drawn}</svg><figcaption>{escape(caption)}</figcaption></figure>'


def histogram(edges: Sequence[float], series: Sequence[tuple[str, Sequence[float]]]) -> str:
    """Shares in bins, one colour a side, the later ones seen through."""
    most = max((value for _, values in series for value in values), default=0) or 1
    wide = (_WIDE - 2 * _ROOM) / max(1, len(edges) - 1)
    drawn = [
        _box(_ROOM + place * wide, value / most * (_HIGH - 2 * _ROOM), wide, colour)
        for colour, values in series
        for place, value in enumerate(values)
    ]
    return "".join(drawn) + _frame(number(edges[0]), number(edges[-1]), f"{most:.1%}")


def _box(left: float, high: float, wide: float, colour: str) -> str:
    place = f'x="{left:.1f}" y="{_HIGH - _ROOM - high:.1f}" width="{max(0.5, wide - 0.5):.1f}" height="{high:.1f}"'
    return f'<rect {place} fill="{colour}" fill-opacity="0.55"/>'


def curves(series: Sequence[tuple[str, Sequence[tuple[float, float]]]], unit: str = "") -> str:
    """Rising lines from 0 to 1 on the vertical axis."""
    places = [x for _, points in series for x, _ in points if math.isfinite(x)]
    low, high = (min(places), max(places)) if places else (0.0, 1.0)
    reach = (high - low) or 1.0
    drawn: list[str] = []
    for colour, points in series:
        said = " ".join(f"{_across((x - low) / reach):.1f},{_up(y):.1f}" for x, y in points)
        drawn.append(f'<polyline points="{said}" fill="none" stroke="{colour}" stroke-width="2"/>')
    return "".join(drawn) + _frame(f"{number(low)}{unit}", f"{number(high)}{unit}", "100%")


def density(counts: Sequence[Sequence[float]], low: float, high: float) -> str:
    """How often old values (across) go with new ones (upwards); the diagonal is where they are the same."""
    most = max((value for row in counts for value in row), default=0) or 1
    wide, tall = (_WIDE - 2 * _ROOM) / len(counts), (_HIGH - 2 * _ROOM) / len(counts)
    drawn = [
        f'<rect x="{_ROOM + column * wide:.1f}" y="{_HIGH - _ROOM - (row + 1) * tall:.1f}" width="{wide:.1f}" '
        f'height="{tall:.1f}" fill="{NEW}" fill-opacity="{0.15 + 0.85 * math.log1p(value) / math.log1p(most):.2f}"/>'
        for column, values in enumerate(counts)
        for row, value in enumerate(values)
        if value
    ]
    line = f'x1="{_ROOM}" y1="{_HIGH - _ROOM}" x2="{_WIDE - _ROOM}" y2="{_ROOM}"'
    return f'{"".join(drawn)}<line {line} stroke="{BAD}" stroke-dasharray="4"/>{_frame(number(low), number(high))}'


def heat(labels: Sequence[str], counts: Sequence[Sequence[int]]) -> tuple[str, int, int]:
    """A matrix of old labels (rows) and new ones (columns), with its width and height."""
    side, left = 46, 130
    wide, high = left + side * len(labels), side * (len(labels) + 1)
    most = max((value for row in counts for value in row), default=0) or 1
    drawn = [
        f'<text x="{left + side * place + 3}" y="{side - 6}">{escape(_short(label, 6))}</text>'
        f'<text x="0" y="{side * (place + 1) + 27}">{escape(_short(label, 18))}</text>'
        for place, label in enumerate(labels)
    ]
    for row, values in enumerate(counts):
        for column, value in enumerate(values):
            colour, deep = (GOOD if row == column else BAD), 0.1 + 0.8 * value / most if value else 0.03
            x, y = left + side * column, side * (row + 1)
            box = f'x="{x}" y="{y}" width="{side - 1}" height="{side - 1}" fill="{colour}"'
            drawn.append(f'<rect {box} fill-opacity="{deep:.2f}"/><text x="{x + 4}" y="{y + 27}">{value}</text>')
    return "".join(drawn), wide, high


def _short(label: str, most: int) -> str:
    return label if len(label) <= most else f"{label[: most - 1]}…"


def _across(share: float) -> float:
    return _ROOM + share * (_WIDE - 2 * _ROOM)


def _up(share: float) -> float:
    return _HIGH - _ROOM - share * (_HIGH - 2 * _ROOM)


def _frame(low: str, high: str, top: str = "") -> str:
    return (
        f'<rect x="{_ROOM}" y="{_ROOM}" width="{_WIDE - 2 * _ROOM}" height="{_HIGH - 2 * _ROOM}" fill="none" '
        f'stroke="#8888"/><text x="{_ROOM}" y="{_HIGH - 16}">{escape(low)}</text>'
        f'<text x="{_WIDE - _ROOM}" y="{_HIGH - 16}" text-anchor="end">{escape(high)}</text>'
        f'<text x="{_ROOM}" y="{_ROOM - 8}">{escape(top)}</text>'
    )
