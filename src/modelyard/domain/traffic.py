"""Which served entity gets a request: exact shares in the long run, and for whoever is to stay, always the same one.

A request without a key is drawn at random. With a key, entities compete by weighted rendezvous hashing (Thaler and
Ravishankar, 1998, with weights by exponential variates): each has the score -ln(u)/weight, where u comes from a hash of
the key and the entity's name, and the smallest wins. An entity wins in proportion to its weight, a weight of 0 never,
and an entity whose weight rises while no other's does only gains keys: nobody who has seen it is thrown back.
"""

from __future__ import annotations

import math
from hashlib import blake2b
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

_RANGE: Final = 2.0**64


def drawn(shares: Sequence[tuple[str, int]], point: float) -> str:
    """The entity at a point from 0 up to (not with) 1, where each takes as much room as its share."""
    reached, whole = 0.0, sum(percentage for _, percentage in shares)
    last = ""
    for name, percentage in shares:
        if percentage <= 0:
            continue
        reached += percentage / whole
        last = name
        if point < reached:
            return name
    return last  # rounding left the last one a hair short


def kept(shares: Sequence[tuple[str, int]], key: str, salt: str) -> str:
    """The entity that a key stays with; `salt` makes endpoints differ."""
    told = key.encode("utf-8", "surrogatepass")
    best, winner = math.inf, ""
    for name, percentage in shares:
        if percentage <= 0:
            continue
        score = -math.log(_uniform(told, f"{salt}/{name}")) / percentage
        if score < best:
            best, winner = score, name
    return winner


def _uniform(key: bytes, salt: str) -> float:
    """A number in (0, 1] that depends on both."""
    digest = blake2b(key, digest_size=8, key=blake2b(salt.encode(), digest_size=32).digest()).digest()
    return (int.from_bytes(digest) + 1) / _RANGE


def by_header(routes: Sequence[tuple[str, str, str]], headers: Mapping[str, str]) -> str:
    """The entity that a header asks for, if one does; routes are header (lower case), value, entity."""
    return next((entity for header, value, entity in routes if headers.get(header) == value), "")
