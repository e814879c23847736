"""Bytes that arrive, whatever they are kept in: how many they may be, how many they are, and their SHA-256."""

from __future__ import annotations

import hashlib
from collections.abc import Generator, Sequence
from concurrent.futures import Executor, wait
from contextlib import contextmanager
from typing import Final

from modelyard.errors import Invalid, TooLarge

Chunk = bytes | bytearray | memoryview
"""Bytes as they come from a socket; a memoryview must be one of single bytes."""

_LARGE: Final = 1 << 18
"""Bytes that are worth another thread: they take longer to hash than it takes to wake one."""


class Intake:
    """At most `limit` bytes, and just `expected` where that is known."""

    def __init__(self, limit: int, expected: int | None) -> None:
        if expected is not None and expected > limit:
            raise TooLarge(f"The file has {expected} bytes, and the limit is {limit}.")
        self.size = 0
        self._limit = limit
        self._expected = expected
        self._digest = hashlib.sha256()

    def admit(self, count: int) -> None:
        """Whether so many more may come: `TooLarge` or `Invalid` when not."""
        size = self.size + count
        if size > self._limit:
            raise TooLarge(f"The file has more than {self._limit} bytes, which is the limit.")
        if self._expected is not None and size > self._expected:
            raise Invalid(f"More than the announced {self._expected} bytes arrived; send the file again.")

    def add(self, chunks: Sequence[Chunk]) -> None:
        """Count and hash bytes that were admitted."""
        for chunk in chunks:
            self._digest.update(chunk)
            self.size += len(chunk)

    @contextmanager
    def adding(self, chunks: Sequence[Chunk], helpers: Executor) -> Generator[None]:
        """Count and hash bytes that were admitted while the context writes them, large batches in another thread.

        The context ends when both are done, also when one failed: nobody touches the chunks or the hash after it.
        """
        if sum(map(len, chunks)) < _LARGE:
            yield
            self.add(chunks)
            return
        hashing = helpers.submit(self.add, chunks)
        try:
            yield
        finally:
            wait([hashing])
        hashing.result()

    def finish(self) -> str:
        """The SHA-256 of all bytes, in hex; `Invalid` when some of the expected ones did not come."""
        if self._expected not in (None, self.size):
            raise Invalid(f"Only {self.size} of {self._expected} bytes arrived; send the file again.")
        return self._digest.hexdigest()
