"""Rows of two sides, brought together by their key in memory that does not grow with them.

Both sides are dealt into as many parts as make one part small, by a hash of the key; then each part is joined alone.
"""

from __future__ import annotations

import tempfile
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Final

from modelyard.errors import Unavailable
from modelyard.upgrade.comparing.libraries import compute, hash_array, ipc, numpy, pa
from modelyard.upgrade.comparing.sources import Side

_PART_BYTES: Final = 6 << 20
"""Of a part's share of the files, compressed as they are."""
_MOST_PARTS: Final = 256
_EXAMPLES: Final = 5
_KEY, _HASH, _AT = "\x00key", "\x00hash", "\x00at"
_BETWEEN: Final = "\x1f"


@dataclass(slots=True)
class Keys:
    """How the keys of both sides meet; `twice` are rows whose key had come before, `empty` those without one."""

    both: int = 0
    rows: list[int] = field(default_factory=lambda: [0, 0])
    alone: list[int] = field(default_factory=lambda: [0, 0])
    twice: list[int] = field(default_factory=lambda: [0, 0])
    empty: list[int] = field(default_factory=lambda: [0, 0])
    examples: list[list[str]] = field(default_factory=lambda: [[], []])

    @property
    def missing(self) -> float:
        """The share of all keys that one side lacks."""
        alone = sum(self.alone)
        return alone / (self.both + alone) if alone else 0.0

    def lack(self, side: int, keys: Any) -> None:  # noqa: ANN401  Arrow has no types here
        """Count keys that only this side has."""
        self.alone[side] += len(keys)
        wanted = _EXAMPLES - len(self.examples[side])
        if wanted > 0:
            self.examples[side] += [key.replace(_BETWEEN, ", ")[:200] for key in keys[:wanted].to_pylist()]


@dataclass(frozen=True, slots=True)
class Pairs:
    """Rows with the same keys: row by row, and a hash of each key."""

    old: Any
    new: Any
    hashes: Any


Parts = list[list[Any]]


def paired(
    sides: tuple[Side, Side], keys: Sequence[str], columns: tuple[Sequence[str], Sequence[str]], counted: Keys
) -> Iterator[Pairs]:
    """Rows of both sides with the same key, a part at a time."""
    count = max(1, min(_MOST_PARTS, -(-(sides[0].size + sides[1].size) // _PART_BYTES)))
    with ExitStack() as stack:
        room = (
            Path(stack.enter_context(tempfile.TemporaryDirectory(prefix="modelyard-compare-"))) if count > 1 else None
        )
        dealt = [
            _dealt(_read(side, keys, wanted, counted, place), count, room and room / str(place))
            for place, (side, wanted) in enumerate(zip(sides, columns, strict=True))
        ]
        for part in range(count):
            yield from _joined(dealt[0](part), dealt[1](part), counted)


def _read(side: Side, keys: Sequence[str], columns: Sequence[str], counted: Keys, place: int) -> Iterator[Any]:
    """Batches of one side with the key as one text and its hash; rows without a key are counted and left out."""
    for batch in side.batches([*keys, *columns]):
        if not batch.num_rows:
            continue
        counted.rows[place] += batch.num_rows
        key = _key([as_text(batch.column(name)) for name in keys])
        wanted = pa.table({name: batch.column(name) for name in columns}).append_column(_KEY, pa.chunked_array([key]))
        if key.null_count:
            counted.empty[place] += key.null_count
            wanted = wanted.filter(compute.is_valid(key))
        hashes = hash_array(wanted.column(_KEY).to_numpy(zero_copy_only=False), categorize=False)
        yield wanted.append_column(_HASH, pa.array(hashes, pa.uint64()))


def _key(parts: list[Any]) -> Any:  # noqa: ANN401  as above
    return parts[0] if len(parts) == 1 else compute.binary_join_element_wise(*parts, _BETWEEN)


def as_text(values: Any) -> Any:  # noqa: ANN401  as above
    """Values as text by which 7, 7.0 and "7" are the same, and so are a time in seconds and in microseconds."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    kind = values.type
    if pa.types.is_string(kind):
        return values
    if pa.types.is_timestamp(kind):
        values = compute.cast(values, pa.timestamp("us", kind.tz), safe=False)
    if pa.types.is_float16(kind) or pa.types.is_float32(kind):
        values = compute.cast(values, pa.float64())
    if pa.types.is_floating(kind):
        values = compute.if_else(compute.is_nan(values), pa.scalar(None, values.type), values)
    if pa.types.is_nested(kind):
        return pa.array([None if each is None else str(each) for each in values.to_pylist()], pa.string())
    try:
        return compute.cast(values, pa.string())
    except (pa.ArrowInvalid, pa.ArrowNotImplementedError):
        return pa.array([None if each is None else str(each) for each in values.to_pylist()], pa.string())


def _dealt(batches: Iterator[Any], count: int, room: Path | None) -> Callable[[int], list[Any]]:
    """Batches dealt into parts; what gives the tables of one part, and forgets them."""
    if room is None:
        held: Parts = [list(batches)]
        return lambda part: held[part]
    room.mkdir()
    try:
        _spilled(batches, count, room)
    except OSError as problem:
        raise Unavailable(f"there is no room for temporary files ({problem.strerror}); set TMPDIR.") from None
    return lambda part: _taken(room / str(part))


def _spilled(batches: Iterator[Any], count: int, room: Path) -> None:
    with ExitStack() as stack:
        writers: dict[int, Any] = {}
        for table in batches:
            places = table.column(_HASH).to_numpy() % numpy.uint64(count)
            sorted_, ends = table.take(numpy.argsort(places, kind="stable")), numpy.bincount(places.astype(int))
            start = 0
            for part, rows in enumerate(ends.tolist()):
                if rows:
                    if part not in writers:
                        writers[part] = stack.enter_context(ipc.new_stream(str(room / str(part)), table.schema))
                    writers[part].write_table(sorted_.slice(start, rows).combine_chunks())
                start += rows


def _taken(path: Path) -> list[Any]:
    if not path.exists():
        return []
    with ipc.open_stream(str(path)) as stream:
        found = [stream.read_all()]
    path.unlink()
    return found


def _joined(old: list[Any], new: list[Any], counted: Keys) -> Iterator[Pairs]:
    """Pairs of one part."""
    tables = [pa.concat_tables(each).combine_chunks() if each else None for each in (old, new)]
    firsts = [_firsts(table, counted, place) for place, table in enumerate(tables)]
    met = firsts[0].join(firsts[1], _KEY, join_type="full outer", right_suffix="_new")
    left, right = met.column(f"{_AT}_min"), met.column(f"{_AT}_min_new")
    for side, others in ((0, right), (1, left)):
        counted.lack(side, _alone(met, others))
    both = met.filter(compute.and_(compute.is_valid(left), compute.is_valid(right))).sort_by(f"{_AT}_min")
    counted.both += both.num_rows
    if both.num_rows and tables[0] is not None and tables[1] is not None:
        ones = tables[0].take(both.column(f"{_AT}_min"))
        others = tables[1].take(both.column(f"{_AT}_min_new"))
        yield Pairs(ones, others, ones.column(_HASH).to_numpy())


def _alone(met: Any, others: Any) -> Any:  # noqa: ANN401  as above
    keys = met.filter(compute.is_null(others)).column(_KEY).combine_chunks()
    return keys.take(compute.sort_indices(keys))


def _firsts(table: Any, counted: Keys, place: int) -> Any:  # noqa: ANN401  as above
    """Each key with the place of its first row; further rows of it are counted."""
    keys = table.column(_KEY) if table is not None else pa.chunked_array([pa.array([], pa.string())])
    at = pa.table({_KEY: keys, _AT: pa.array(numpy.arange(len(keys)), pa.int64())})
    found = at.group_by(_KEY).aggregate([(_AT, "min")])
    counted.twice[place] += at.num_rows - found.num_rows
    return found
