"""Served entities that are elsewhere: questions go to a URL of another server, and its answers come back as they are.

Whom the server may ask is the operator's to say (`outbound`). What proves there who asks is a secret that the
endpoint's creator may read; it is asked for again after a minute, and is in no log, message or `repr`.
"""

from __future__ import annotations

import asyncio
import logging
import threading
import time
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from typing import Final

from modelyard.domain.board import Answer, Question, Target
from modelyard.domain.secrets import Hidden
from modelyard.errors import Exhausted, Failure, Unavailable
from modelyard.outbound import Outbound

log = logging.getLogger(__name__)

Key = Callable[[str], Hidden | None]
"""The secret for a served entity, by its id; None if it has none."""

LARGEST: Final = 16 << 20
"""Bytes of an answer."""
_THREADS: Final = 32
_MOST_WAITING: Final = 256
_KEY_SECONDS: Final = 60.0
_JSON: Final = "application/json"
_REDIRECTS: Final = range(300, 400)


class Outside:
    """Asks other servers, each question in a thread of its own."""

    def __init__(self, outbound: Outbound, key: Key) -> None:
        self._outbound = outbound
        self._key = key
        self._keys: dict[str, tuple[float, Hidden | None]] = {}
        self._lock = threading.Lock()
        self._waiting = 0
        self._pool = ThreadPoolExecutor(_THREADS, thread_name_prefix="outside")

    async def ask(self, target: Target, question: Question) -> Answer:
        """The answer of another server, whatever its status; `Unavailable` if there is none."""
        if self._waiting >= _MOST_WAITING:
            raise Exhausted("too many requests wait for another server; ask again shortly.")
        self._waiting += 1
        try:
            return await asyncio.get_running_loop().run_in_executor(self._pool, self._asked, target, question)
        finally:
            self._waiting -= 1

    def close(self) -> None:
        """Ask no more."""
        self._pool.shutdown(wait=False, cancel_futures=True)
        self._outbound.close()

    def _asked(self, target: Target, question: Question) -> Answer:
        there = target.elsewhere
        if there is None:
            raise Unavailable("this served entity is not elsewhere.")
        headers = [("content-type", question.content_type.decode("latin-1") or _JSON), ("accept", _JSON)]
        if there.secret:
            headers.append((there.header, self._proof(target, there.header)))
        found = self._outbound.post(there.url, question.body, headers)
        if found.status in _REDIRECTS:
            raise Unavailable("the other server answers with a redirect, which is not followed; correct its URL.")
        return Answer(found.status, found.body, found.content_type or _JSON)

    def _proof(self, target: Target, header: str) -> str:
        """What is sent in the header; whatever could not be sent is told without it."""
        try:
            hidden = self._known(target.served_id)
        except Failure as failure:
            log.warning("the key of served entity %s cannot be read: %s", target.name, failure.message)
            hidden = None
        value = hidden.text().strip() if hidden else ""
        if not value or not value.isascii() or not value.isprintable():
            raise Unavailable(f'the key of served entity "{target.name}" cannot be used; ask who made the endpoint.')
        return f"Bearer {value}" if header.lower() == "authorization" else value

    def _known(self, served_id: str) -> Hidden | None:
        until, found = self._keys.get(served_id, (0.0, None))
        if time.monotonic() < until:
            return found
        found = self._key(served_id)
        now = time.monotonic()
        with self._lock:
            self._keys = {each: kept for each, kept in self._keys.items() if kept[0] > now}
            self._keys[served_id] = (now + _KEY_SECONDS, found)
        return found
