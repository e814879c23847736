"""Answers of two endpoints to the same requests: read as rows, with what they took."""

from __future__ import annotations

import json
from array import array
from collections import Counter
from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from typing import Any, Final, cast

from modelyard.errors import Invalid
from modelyard.upgrade.comparing.libraries import hash_array, numpy, pa
from modelyard.upgrade.comparing.limits import Match, Tolerance
from modelyard.upgrade.comparing.measures import Column
from modelyard.upgrade.comparing.pairing import Keys

VALUE: Final = "prediction"
"""What the column is called where an answer is a list of values."""
_CHUNK: Final = 1_000
_MOST_COLUMNS: Final = 200
_FINE: Final = range(200, 300)


@dataclass(frozen=True, slots=True)
class Request:
    """A recorded request: what names it, and the body that is sent."""

    key: str
    body: bytes


@dataclass(frozen=True, slots=True)
class Answer:
    """What came back: the status (0 if nothing did), the body, and the milliseconds that it took."""

    status: int
    body: bytes
    milliseconds: float

    @property
    def is_fine(self) -> bool:
        """Whether it is an answer and no error."""
        return self.status in _FINE


@dataclass(slots=True)
class Replay:
    """What was counted of requests; latencies are in milliseconds, of answers that were no errors."""

    requests: int = 0
    only_old_failed: int = 0
    only_new_failed: int = 0
    both_failed: int = 0
    statuses: Counter[tuple[int, int]] = field(default_factory=Counter[tuple[int, int]])
    latencies: tuple[array[float], array[float]] = field(default_factory=lambda: (array("d"), array("d")))

    @property
    def ratio(self) -> float | None:
        """The new side's 95th percentile as a multiple of the old one's."""
        if not all(self.latencies):
            return None
        old, new = (float(numpy.quantile(each, 0.95)) for each in self.latencies)
        return new / old if old else None

    def told(self) -> dict[str, Any]:
        """For the verdict."""
        return {
            "requests": self.requests,
            "failed": {"old": self.only_old_failed, "new": self.only_new_failed, "both": self.both_failed},
            "statuses": [
                {"old": old, "new": new, "count": count} for (old, new), count in sorted(self.statuses.items())
            ],
            "old": _quantiles(self.latencies[0]),
            "new": _quantiles(self.latencies[1]),
            "p95_ratio": self.ratio,
        }


def _quantiles(values: array[float]) -> dict[str, float | int | None]:
    if not values:
        return {"answers": 0, "p50_ms": None, "p95_ms": None}
    middle, high = (round(float(numpy.quantile(values, at)), 3) for at in (0.5, 0.95))
    return {"answers": len(values), "p50_ms": middle, "p95_ms": high}


def requests(lines: Iterable[bytes]) -> Iterator[Request]:
    """Requests of a file: JSON objects, one a line or in one list; each is a body, or a row of an inference table.

    Rows of an inference table are those of `modelyard tables rows --json`, with the body in `request`.
    """
    coming = enumerate(lines, 1)
    for number, line in coming:
        if line.lstrip().startswith(b"["):
            rest = b"".join(each for _, each in coming)
            listed: list[object] = _read(number, line + rest)
            for place, each in enumerate(listed, 1):
                yield _request(place, each)
        elif line.strip():
            yield _request(number, _read(number, line), line)


def _read(number: int, text: bytes) -> Any:  # noqa: ANN401  whatever JSON holds
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid(f"line {number} of the requests is not JSON; write one request a line.") from None


def _request(number: int, read: object, line: bytes = b"") -> Request:
    if not isinstance(read, dict):
        raise Invalid(f"request {number} is no JSON object.")
    said = cast("dict[str, Any]", read)
    if "request" not in said:
        return Request(str(number), line.strip() or json.dumps(said).encode())
    key = str(said.get("key") or said.get("databricks_request_id") or number)
    body = said["request"]
    if body is None:
        raise Invalid(f"request {number} has no body: it was too large to be kept.")
    return Request(key, body.encode() if isinstance(body, str) else json.dumps(body).encode())


class Gathering:
    """Pairs of answers become rows of columns, some at a time."""

    def __init__(self, tolerance: Tolerance) -> None:
        self.keys = Keys()
        self.replay = Replay()
        self.columns: dict[str, Column] = {}
        self._tolerance = tolerance
        self._rows: list[tuple[str, dict[str, object], dict[str, object]]] = []

    def add(self, request: Request, old: Answer, new: Answer) -> None:
        """Count a pair of answers."""
        replay = self.replay
        replay.requests += 1
        replay.statuses[old.status, new.status] += 1
        for answer, kept in zip((old, new), replay.latencies, strict=True):
            if answer.is_fine:
                kept.append(answer.milliseconds)
        if old.is_fine and new.is_fine:
            self._pair(request, rows_of(old.body), rows_of(new.body))
        elif old.is_fine:
            replay.only_new_failed += 1
        elif new.is_fine:
            replay.only_old_failed += 1
        else:
            replay.both_failed += 1

    def _pair(self, request: Request, old: list[dict[str, object]], new: list[dict[str, object]]) -> None:
        both = min(len(old), len(new))
        self.keys.rows[0] += len(old)
        self.keys.rows[1] += len(new)
        self.keys.both += both
        for side, rows in enumerate((old, new)):
            self.keys.lack(side, pa.array([f"{request.key}/{row}" for row in range(both, len(rows))], pa.string()))
        self._rows += [(f"{request.key}/{row}", old[row], new[row]) for row in range(both)]
        if len(self._rows) >= _CHUNK:
            self.flush()

    def flush(self) -> None:
        """Count the rows that wait."""
        rows, self._rows = self._rows, []
        names = dict.fromkeys(name for _, old, new in rows for name in (*old, *new))
        for name in names:
            if name not in self.columns and len(self.columns) >= _MOST_COLUMNS:
                raise Invalid(f"the answers have more than {_MOST_COLUMNS} columns.")
            column = self.columns.setdefault(name, Column(Match(name, name), self._tolerance))
            there = [each for each in rows if name in each[1] or name in each[2]]
            hashes = hash_array(numpy.array([key for key, _, _ in there], dtype=object), categorize=False)
            sides = (_array([old.get(name) for _, old, _ in there]), _array([new.get(name) for *_, new in there]))
            column.add(*_alike(*sides), hashes)


def rows_of(body: bytes) -> list[dict[str, object]]:
    """The rows of an answer, each with its columns; an answer of another form is one row with its text."""
    try:
        said: Any = json.loads(body)
    except (ValueError, RecursionError):
        return [{VALUE: body.decode(errors="replace")}]
    found: Any = said
    if isinstance(said, dict):
        told = cast("dict[str, Any]", said)
        found = next((told[key] for key in ("predictions", "outputs") if key in told), told)
    if isinstance(found, list):
        return [_row(each) for each in cast("list[object]", found)]
    return [_row(cast("object", found))]


def _row(value: object) -> dict[str, object]:
    return dict(cast("dict[str, object]", value)) if isinstance(value, dict) else {VALUE: value}


def _array(values: list[object]) -> Any:  # noqa: ANN401  Arrow has no types here
    """Values as one array: numbers, lists of numbers, else the text of each."""
    there = [each for each in values if each is not None]
    if all(_is_number(each) for each in there):
        return pa.array([None if each is None else float(cast("float", each)) for each in values], pa.float64())
    if all(isinstance(each, list) and all(map(_is_number, cast("list[object]", each))) for each in there):
        return pa.array(values, pa.list_(pa.float64()))
    texts = [None if each is None else each if isinstance(each, str) else json.dumps(each, sort_keys=True)
             for each in values]  # fmt: skip
    return pa.array(texts, pa.string())


def _alike(old: Any, new: Any) -> tuple[Any, Any]:  # noqa: ANN401  as above
    """Both sides; one that has only missing values is of the other's type."""
    if old.null_count == len(old):
        return pa.nulls(len(old), new.type), new
    return (old, pa.nulls(len(new), old.type)) if new.null_count == len(new) else (old, new)


def _is_number(value: object) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
