"""Distances of two distributions and of two orders, and a sample to compute them on."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final

from modelyard.upgrade.comparing.libraries import numpy, stats

SAMPLE: Final = 500_000
"""Pairs that distances, ranks and plots are computed on; with fewer, they are exact."""
_BINS: Final = 10
_FLOOR: Final = 1e-4
"""A share below it counts as so much in the stability index, which knows no empty bin."""


@dataclass(slots=True)
class Sample:
    """The pairs whose keys have the smallest hashes: chosen evenly, the same in every run, whatever their order."""

    most: int = SAMPLE
    seen: int = 0
    _held: list[tuple[Any, Any, Any]] = field(default_factory=list[tuple[Any, Any, Any]])
    _count: int = 0

    def add(self, hashes: Any, old: Any, new: Any) -> None:  # noqa: ANN401  NumPy has no types here
        """Offer pairs of numbers."""
        self.seen += len(old)
        self._held.append((hashes, old, new))
        self._count += len(old)
        if self._count > 2 * self.most:
            self._shrink()

    def _shrink(self) -> None:
        hashes, old, new = (numpy.concatenate(each) for each in zip(*self._held, strict=True))
        if len(hashes) > self.most:
            kept = numpy.argpartition(hashes, self.most)[: self.most]
            hashes, old, new = hashes[kept], old[kept], new[kept]
        self._held, self._count = [(hashes, old, new)], len(hashes)

    @property
    def pairs(self) -> tuple[Any, Any]:
        """The pairs, as two arrays."""
        if not self._held:
            return numpy.empty(0), numpy.empty(0)
        self._shrink()
        _, old, new = self._held[0]
        return old, new

    @property
    def is_whole(self) -> bool:
        """Whether every pair is in it."""
        return self.seen <= self.most


def ranks(old: Any, new: Any) -> float | None:  # noqa: ANN401  as above
    """Spearman's correlation of ranks; None where one side is constant."""
    if len(old) < 2 or numpy.ptp(old) == 0 or numpy.ptp(new) == 0:  # noqa: PLR2004  one value has no order
        return None
    return float(stats.spearmanr(old, new).statistic)


def distance(old: Any, new: Any) -> float | None:  # noqa: ANN401  as above
    """The statistic of Kolmogorov and Smirnov: the largest distance of the two distribution functions."""
    if not len(old) or not len(new):
        return None
    return float(stats.ks_2samp(old, new, method="asymp").statistic)


def stability(old: Any, new: Any) -> float | None:  # noqa: ANN401  as above
    """The population stability index over the tenths of the old values.

    Values that the old side has often are an edge of their own, so bins may be fewer than ten. One value alone makes
    three bins: below, there, above.
    """
    if not len(old) or not len(new):
        return None
    edges = numpy.unique(numpy.quantile(old, numpy.linspace(0, 1, _BINS + 1)[1:-1]))
    if len(edges) == 1:
        edges = numpy.array([edges[0], numpy.nextafter(edges[0], numpy.inf)])
        counts = [numpy.bincount(numpy.searchsorted(edges, each, side="right"), minlength=3) for each in (old, new)]
    else:
        places = (numpy.searchsorted(edges, each, side="left") for each in (old, new))
        counts = [numpy.bincount(each, minlength=len(edges) + 1) for each in places]
    return _index(counts[0] / len(old), counts[1] / len(new))


def stability_of_labels(old: Mapping[str, int], new: Mapping[str, int]) -> float | None:
    """The population stability index over labels."""
    whole = sum(old.values())
    if not whole:
        return None
    names = sorted({*old, *new})
    shares = [numpy.array([side.get(name, 0) for name in names]) / whole for side in (old, new)]
    return _index(shares[0], shares[1])


def _index(old: Any, new: Any) -> float:  # noqa: ANN401  as above
    some, others = numpy.maximum(old, _FLOOR), numpy.maximum(new, _FLOOR)
    return float(numpy.sum((others - some) * numpy.log(others / some)))
