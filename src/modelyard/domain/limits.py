"""Rate limits: how many requests a minute an endpoint takes, in all and from each of those who ask."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Set as AbstractSet

    from modelyard.domain.endpoints import RateLimit

_MINUTE: Final = 60
_MOST: Final = 100_000


class Limiter:
    """Counts requests within minutes of the clock; each process counts by itself."""

    def __init__(self) -> None:
        self._minute = 0
        self._counts: dict[tuple[str, int, str], int] = {}

    def admit(
        self, endpoint_id: str, limits: tuple[RateLimit, ...], who: str, identities: AbstractSet[str], now: float
    ) -> int:
        """Count a request; 0 if every limit lets it through, else the seconds until the next minute.

        `who` is the name of the principal who asks, `identities` are the names of its groups and its own.
        """
        minute, second = divmod(int(now), _MINUTE)
        if minute != self._minute or len(self._counts) > _MOST:
            self._minute, self._counts = minute, {}
        keys = [
            (endpoint_id, place, who if limit.key == "user" else "")
            for place, limit in enumerate(limits)
            if not limit.principal or limit.principal in identities
        ]
        counts = self._counts
        if any(counts.get(key, 0) >= limits[key[1]].calls for key in keys):
            return _MINUTE - second
        for key in keys:
            counts[key] = counts.get(key, 0) + 1
        return 0
