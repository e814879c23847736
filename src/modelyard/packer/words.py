"""What the packer and its parent say to each other, as JSON; files go as they are."""

from __future__ import annotations

import msgspec


class Ask(msgspec.Struct, frozen=True, omit_defaults=True):
    """A question: which rows a spooled file holds.

    With a `table`, it is for a Parquet file of them; with `join`, for one file with the rows of so many that follow,
    none of which has more than `most` bytes.
    """

    path: str = ""
    table: str = ""
    endpoints: tuple[str, ...] = ()
    join: int = 0
    most: int = 0


class Found(msgspec.Struct, frozen=True):
    """Which endpoints have rows in a spooled file, by the ids of their tables."""

    tables: dict[str, tuple[str, ...]]


class Packed(msgspec.Struct, frozen=True):
    """What a Parquet file holds, which follows; times are epoch milliseconds."""

    rows: int
    first_at: int
    last_at: int
