"""Users for attempts: given to one attempt at a time on this machine, whichever process of the server has begun it."""

from __future__ import annotations

import asyncio
import fcntl
import os
from dataclasses import dataclass
from pathlib import Path
from typing import Final

from modelyard.engines.local.trouble import Trouble

_GLANCE: Final = 0.05


@dataclass(frozen=True, slots=True)
class User:
    """A user of its own, for as long as the descriptor, or a copy of it in another process, is open."""

    uid: int
    descriptor: int

    def close(self) -> None:
        """Let it go, as far as this process is concerned."""
        os.close(self.descriptor)


class Users:
    """As many users as attempts may run at once: whoever gets none has to wait.

    Each is a lock, which the kernel lets go when the last process that has it open ends. The first number is that of
    the builder of environments, and a few behind those of attempts are for builders that run code of packages.
    """

    _BUILDERS: Final = 8

    def __init__(self, folder: Path, first: int, count: int) -> None:
        self.builder = first
        self._folder = folder
        self._attempts = range(first + 1 + self._BUILDERS, first + 1 + self._BUILDERS + count)
        self._builders = list(range(first + 1, first + 1 + self._BUILDERS))
        self._turn = asyncio.Lock()
        self._next = 0

    def take(self) -> int:
        """A user for a builder."""
        if not self._builders:
            raise Trouble("too many environments are being built on this machine.")
        return self._builders.pop(0)

    def give(self, uid: int) -> None:
        """A builder is done."""
        self._builders.append(uid)

    async def free(self) -> User:
        """A user for an attempt, as soon as there is one: who came first is served first."""
        async with self._turn:
            while (user := self._found()) is None:  # noqa: ASYNC110  other processes let users go, and tell nobody
                await asyncio.sleep(_GLANCE)
            return user

    def _found(self) -> User | None:
        """Those that were free for longer come first, as far as this process knows."""
        count = len(self._attempts)
        for step in range(count):
            uid = self._attempts[(self._next + step) % count]
            descriptor = os.open(self._folder / str(uid), os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except OSError:
                os.close(descriptor)
                continue
            self._next = (self._next + step + 1) % count
            return User(uid, descriptor)
        return None
