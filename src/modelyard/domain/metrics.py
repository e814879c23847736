"""What served entities did: counters and histograms for good, and minute by minute for the last hour.

Latency is counted in buckets (`BOUNDS`, milliseconds), from which percentiles are read with the precision of a bucket.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Iterable
from dataclasses import dataclass, field
from typing import Final

from modelyard.domain.rollouts import Sample

BOUNDS: Final = (
    0.5, 1.0, 1.5, 2.0, 3.0, 4.0, 5.0, 7.5, 10.0, 15.0, 20.0, 30.0, 40.0, 50.0, 75.0, 100.0, 150.0, 200.0, 300.0, 400.0,
    500.0, 750.0, 1_000.0, 1_500.0, 2_000.0, 3_000.0, 5_000.0, 7_500.0, 10_000.0, 15_000.0, 30_000.0, 60_000.0,
    120_000.0, 300_000.0,
)  # fmt: skip
"""Upper bounds of the buckets; a last one takes what is slower."""

MINUTES: Final = 60
"""How many minutes are kept."""

_CLIENT_ERROR: Final = 400
_SERVER_ERROR: Final = 500


@dataclass(slots=True)
class Histogram:
    """How many values fell into each bucket, and their sum."""

    counts: list[int] = field(default_factory=lambda: [0] * (len(BOUNDS) + 1))
    total: float = 0.0

    def note(self, value: float) -> None:
        """Count a value."""
        self.counts[bisect_left(BOUNDS, value)] += 1
        self.total += value

    def add(self, other: Histogram) -> None:
        """Count what another one has counted, too."""
        self.counts = [mine + theirs for mine, theirs in zip(self.counts, other.counts, strict=True)]
        self.total += other.total

    @property
    def count(self) -> int:
        """How many values there were."""
        return sum(self.counts)

    def percentile(self, fraction: float) -> float:
        """The value below which this fraction lies, by straight lines within buckets; 0 without values."""
        wanted, reached = fraction * self.count, 0
        if wanted == 0:
            return 0.0
        for place, count in enumerate(self.counts):
            if reached + count >= wanted:
                low = BOUNDS[place - 1] if place else 0.0
                high = BOUNDS[place] if place < len(BOUNDS) else low
                return low + (high - low) * (wanted - reached) / count
            reached += count
        return BOUNDS[-1]


@dataclass(slots=True)
class Tally:
    """What was done in a stretch of time; errors are split into the caller's and the server's."""

    requests: int = 0
    client_errors: int = 0
    server_errors: int = 0
    latency: Histogram = field(default_factory=Histogram)

    def note(self, status: int, milliseconds: float) -> None:
        """Count an answer."""
        self.requests += 1
        if status >= _SERVER_ERROR:
            self.server_errors += 1
        elif status >= _CLIENT_ERROR:
            self.client_errors += 1
        self.latency.note(milliseconds)

    def add(self, other: Tally) -> None:
        """Count what another one has counted, too."""
        self.requests += other.requests
        self.client_errors += other.client_errors
        self.server_errors += other.server_errors
        self.latency.add(other.latency)

    @property
    def sample(self) -> Sample:
        """What a roll-out looks at; what a model raises is the caller's 400, so both kinds count as errors."""
        return Sample(self.requests, self.client_errors + self.server_errors, self.latency.percentile(0.95))


class Meter:
    """What one served entity did; times are Unix seconds."""

    __slots__ = ("_minutes", "_since", "model", "queue", "under_way", "whole")

    def __init__(self) -> None:
        self.whole = Tally()
        self.model = Histogram()
        """How long the model took, in milliseconds."""
        self.queue = Histogram()
        """How long questions waited for the model, in milliseconds."""
        self.under_way = 0
        self._minutes: dict[int, Tally] = {}
        self._since = Tally()

    def note(self, now: float, status: int, milliseconds: float, model_ms: float, queue_ms: float) -> None:
        """Count an answer."""
        self.whole.note(status, milliseconds)
        self._since.note(status, milliseconds)
        self._minute(int(now) // 60).note(status, milliseconds)
        self.model.note(model_ms)
        self.queue.note(queue_ms)

    def _minute(self, minute: int) -> Tally:
        found = self._minutes.get(minute)
        if found is None:
            self._minutes = {old: kept for old, kept in self._minutes.items() if old > minute - MINUTES}
            found = self._minutes[minute] = Tally()
        return found

    def begin_stretch(self) -> None:
        """Begin anew with what `stretch` tells."""
        self._since = Tally()

    @property
    def stretch(self) -> Tally:
        """What was done since the last `begin_stretch`."""
        return self._since

    def last_minute(self, now: float) -> Tally:
        """What was done in the last whole minute; where there was none, in the one that runs."""
        minute = int(now) // 60
        return self._minutes.get(minute - 1) or self._minutes.get(minute) or Tally()

    def last_hour(self, now: float) -> Tally:
        """What was done in the last hour."""
        return together(kept for old, kept in self._minutes.items() if old > int(now) // 60 - MINUTES)

    def by_minute(self, now: float) -> dict[int, Tally]:
        """What was done in each minute of the last hour, by when it began."""
        return {old * 60: kept for old, kept in sorted(self._minutes.items()) if old > int(now) // 60 - MINUTES}


def together(tallies: Iterable[Tally]) -> Tally:
    """Several tallies as one."""
    whole = Tally()
    for each in tallies:
        whole.add(each)
    return whole


class Meters:
    """The meters of all served entities, by endpoint and entity."""

    def __init__(self) -> None:
        self._meters: dict[tuple[str, str], Meter] = {}

    def of(self, endpoint_id: str, entity: str) -> Meter:
        """The meter of an entity."""
        found = self._meters.get((endpoint_id, entity))
        if found is None:
            found = self._meters[endpoint_id, entity] = Meter()
        return found

    def of_endpoint(self, endpoint_id: str) -> dict[str, Meter]:
        """The meters of an endpoint's entities that were asked anything, by name."""
        return {entity: meter for (where, entity), meter in self._meters.items() if where == endpoint_id}

    def begin_stretch(self, endpoint_id: str) -> None:
        """Begin anew with what roll-outs of an endpoint look at."""
        for meter in self.of_endpoint(endpoint_id).values():
            meter.begin_stretch()

    def keep(self, endpoint_ids: frozenset[str]) -> None:
        """Forget endpoints that are gone."""
        self._meters = {key: meter for key, meter in list(self._meters.items()) if key[0] in endpoint_ids}
