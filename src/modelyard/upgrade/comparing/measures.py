"""What is counted of one column while its pairs go by: agreement, differences, labels, and a sample."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Final

from modelyard.upgrade.comparing.libraries import compute, numpy, pa
from modelyard.upgrade.comparing.limits import Match, Tolerance
from modelyard.upgrade.comparing.pairing import as_text
from modelyard.upgrade.comparing.statistics import Sample

MISSING: Final = "(missing)"
_MOST_KINDS: Final = 10_000
"""Pairs of labels that are told apart; the rest is counted together."""
_MOST_NUMBERS: Final = 30
"""Whole numbers with so many values at most are shown as labels, too."""
_LONGEST: Final = 200


@dataclass(slots=True)
class Column:
    """What is known of a pair of columns."""

    match: Match
    tolerance: Tolerance
    old_type: str = ""
    new_type: str = ""
    kinds: set[str] = field(default_factory=set[str])
    pairs: int = 0
    exact: int = 0
    within: int = 0
    missing: list[int] = field(default_factory=lambda: [0, 0])
    """Values that only one side lacks, of either side."""
    both_missing: int = 0
    most: float = 0.0
    """The largest difference."""
    total: float = 0.0
    measured: int = 0
    labels: Counter[tuple[str, str]] = field(default_factory=Counter[tuple[str, str]])
    other_labels: int = 0
    sample: Sample = field(default_factory=Sample)
    _are_whole: bool = True

    @property
    def kind(self) -> str:
        """`numbers`, `vectors` or `labels`; `mixed` where that is not the same on both sides or all along."""
        return next(iter(self.kinds)) if len(self.kinds) == 1 else "mixed" if self.kinds else ""

    @property
    def agreement(self) -> float | None:
        """The share of pairs that are the same, within the tolerance."""
        return self.within / self.pairs if self.pairs else None

    @property
    def confusion(self) -> Counter[tuple[str, str]]:
        """Pairs of labels with their counts; nothing for numbers with many values."""
        return self.labels if self.kind not in {"numbers", "vectors"} or self._are_whole else Counter()

    def add(self, old: Any, new: Any, hashes: Any) -> None:  # noqa: ANN401  Arrow has no types here
        """Count some pairs."""
        old, new = _plain(old), _plain(new)
        self.old_type, self.new_type = str(old.type), str(new.type)
        self.pairs += len(old)
        kinds = kind_of(old.type), kind_of(new.type)
        self.kinds.add(kinds[0] if kinds[0] == kinds[1] else "mixed")
        if kinds == ("numbers", "numbers"):
            self._add_numbers(_doubles(old), _doubles(new), hashes)
        elif kinds == ("vectors", "vectors"):
            self._add_vectors(old, new, hashes)
        else:
            self._add_labels(as_text(old), as_text(new))

    def _add_numbers(self, old: Any, new: Any, hashes: Any) -> None:  # noqa: ANN401  as above
        gone = numpy.isnan(old), numpy.isnan(new)
        self._count_missing(*gone)
        exact, within = self._same(old, new)
        self.exact += int(exact.sum())
        self.within += int(within.sum())
        self._measure(old, new, within, hashes)
        self._count_whole(old, new)

    def _same(self, old: Any, new: Any) -> tuple[Any, Any]:  # noqa: ANN401  as above
        """Which pairs are equal (two missing values are), and which are within the tolerance."""
        with numpy.errstate(invalid="ignore", over="ignore"):
            exact = (old == new) | (numpy.isnan(old) & numpy.isnan(new))
            apart = numpy.abs(old - new)
            larger = numpy.maximum(numpy.abs(old), numpy.abs(new))
            near = apart <= numpy.maximum(self.tolerance.absolute, self.tolerance.relative * larger)
        return exact, exact | (near & numpy.isfinite(apart))

    def _measure(self, old: Any, new: Any, within: Any, hashes: Any) -> None:  # noqa: ANN401  as above
        """Measure differences; in the sample, pairs within the tolerance are equal.

        Else scores that take few values, as those of trees do, would be far apart in distribution by rounding alone.
        """
        there = numpy.isfinite(old) & numpy.isfinite(new)
        some, others = old[there], new[there]
        if len(some):
            with numpy.errstate(over="ignore"):
                apart = numpy.abs(some - others)
            self.most = max(self.most, float(apart.max()))
            self.total += float(apart.sum())
            self.measured += len(some)
            self.sample.add(hashes[there], some, numpy.where(within[there], some, others))

    def _count_whole(self, old: Any, new: Any) -> None:  # noqa: ANN401  as above
        """Count whole numbers as labels, as long as they are few: classes are often numbers."""
        if not self._are_whole:
            return
        both = numpy.stack([old, new], axis=1)
        if numpy.all((both == numpy.floor(both)) | numpy.isnan(both)):
            kinds, counts = numpy.unique(both, axis=0, return_counts=True)
            self._tally(((_whole(one), _whole(other)), int(n)) for (one, other), n in zip(kinds, counts, strict=True))
        else:
            self._are_whole = False
        if len({label for pair in self.labels for label in pair}) > _MOST_NUMBERS:
            self._are_whole = False

    def _add_vectors(self, old: Any, new: Any, hashes: Any) -> None:  # noqa: ANN401  as above
        gone = [each.is_null().to_numpy(zero_copy_only=False) for each in (old, new)]
        self._count_missing(*gone)
        lengths = [
            compute.fill_null(compute.list_value_length(each), -1).to_numpy(zero_copy_only=False) for each in (old, new)
        ]
        self.exact += (alike := int((gone[0] & gone[1]).sum()))
        self.within += alike
        fits = (lengths[0] == lengths[1]) & ~gone[0] & ~gone[1]
        places, sizes = numpy.flatnonzero(fits), lengths[0][fits]
        flat = [_doubles(compute.list_flatten(each.take(pa.array(places)))) for each in (old, new)]
        exact, within = self._same(*flat)
        owner = numpy.repeat(numpy.arange(len(places)), sizes)
        self.exact += len(places) - len(numpy.unique(owner[~exact]))
        self.within += len(places) - len(numpy.unique(owner[~within]))
        mixed = numpy.arange(len(owner)).astype(numpy.uint64) * numpy.uint64(0x9E3779B97F4A7C15)
        self._measure(flat[0], flat[1], within, hashes[places][owner] ^ mixed)

    def _add_labels(self, old: Any, new: Any) -> None:  # noqa: ANN401  as above
        gone = [each.is_null().to_numpy(zero_copy_only=False) for each in (old, new)]
        self._count_missing(*gone)
        told = [compute.fill_null(compute.utf8_slice_codeunits(each, 0, _LONGEST), MISSING) for each in (old, new)]
        same = compute.fill_null(compute.equal(old, new), fill_value=False).to_numpy(zero_copy_only=False)
        count = int((same | (gone[0] & gone[1])).sum())
        self.exact += count
        self.within += count
        counted = pa.table({"old": told[0], "new": told[1]}).group_by(["old", "new"]).aggregate([([], "count_all")])
        self._tally(
            ((one, other), n) for one, other, n in zip(*(column.to_pylist() for column in counted.columns), strict=True)
        )

    def _tally(self, counted: Iterator[tuple[tuple[str, str], int]]) -> None:
        for pair, count in counted:
            if pair in self.labels or len(self.labels) < _MOST_KINDS:
                self.labels[pair] += count
            else:
                self.other_labels += count

    def _count_missing(self, old: Any, new: Any) -> None:  # noqa: ANN401  as above
        both = int((old & new).sum())
        self.both_missing += both
        self.missing[0] += int(old.sum()) - both
        self.missing[1] += int(new.sum()) - both


def kind_of(kind: Any) -> str:  # noqa: ANN401  as above
    """How values of a type are compared."""
    types = pa.types
    if types.is_integer(kind) or types.is_floating(kind) or types.is_decimal(kind):
        return "numbers"
    if types.is_list(kind) or types.is_large_list(kind) or types.is_fixed_size_list(kind):
        return "vectors" if kind_of(kind.value_type) == "numbers" else "labels"
    return "labels"


def _plain(values: Any) -> Any:  # noqa: ANN401  as above
    """One array, not a dictionary's, with lists of any length."""
    if isinstance(values, pa.ChunkedArray):
        values = values.combine_chunks()
    if pa.types.is_dictionary(values.type):
        values = values.dictionary_decode()
    if pa.types.is_fixed_size_list(values.type):
        values = compute.cast(values, pa.list_(values.type.value_type))
    return values


def _doubles(values: Any) -> Any:  # noqa: ANN401  as above
    """Numbers as doubles; what is missing is not a number."""
    cast = compute.cast(values, pa.float64(), safe=False)
    return compute.fill_null(cast, float("nan")).to_numpy(zero_copy_only=False)


def _whole(value: float) -> str:
    return MISSING if value != value else f"{value:.0f}"  # noqa: PLR0124  not a number
