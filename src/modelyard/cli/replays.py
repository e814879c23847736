"""Recorded requests sent to two scorers, whose answers are compared: endpoints of a server, or any URL.

A token goes to the place that it was named for, and to no other: redirects are not followed.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import ExitStack
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final
from urllib.parse import quote, urlsplit

import httpx

from modelyard.errors import Invalid

if TYPE_CHECKING:
    from modelyard.upgrade.comparing.answers import Answer, Request

_SECONDS: Final = 120.0
_LARGEST: Final = 64 << 20
_AHEAD: Final = 8
"""Requests that wait for each that is under way."""


@dataclass(frozen=True, slots=True)
class Place:
    """Where requests go, and what proves there who asks."""

    url: str
    token: str = ""

    def __repr__(self) -> str:
        return f"Place({self.url!r})"


def place(said: str, variable: str, host: str, token: str) -> Place:
    """A scorer of `URL`, `ENDPOINT` or `ENDPOINT/SERVED`; the last two are of the server at `host`."""
    if "://" in said:
        parts = urlsplit(said)
        if parts.scheme not in {"http", "https"} or not parts.hostname or "@" in parts.netloc:
            raise Invalid(f"{said} is no http:// or https:// URL without a user.")
        return Place(said, _from_environment(variable) if variable else "")
    if not host or not token:
        raise Invalid(
            f"{said} is an endpoint, and no server is known; name its --data, or set DATABRICKS_HOST and _TOKEN."
        )
    name, _, served = said.partition("/")
    middle = f"/served-models/{quote(served, safe='')}" if served else ""
    return Place(
        f"{host}/serving-endpoints/{quote(name, safe='')}{middle}/invocations",
        _from_environment(variable) if variable else token,
    )


def _from_environment(variable: str) -> str:
    found = os.environ.get(variable, "")
    if not found:
        raise Invalid(f"the variable {variable}, which holds the token, is not set.")
    if not found.isascii() or not found.isprintable():
        raise Invalid(f"the token in {variable} cannot be sent: it has characters that headers do not have.")
    return found


def replay(
    requests: Iterable[Request], old: Place, new: Place, at_once: int, tell: Callable[[int], None]
) -> Iterator[tuple[Request, Answer, Answer]]:
    """Each request with both answers, in order; every other one asks the new side first, so that neither is warmer."""
    with ExitStack() as stack:
        asked = {each: stack.enter_context(_client(each)) for each in {old, new}}
        pool = stack.enter_context(ThreadPoolExecutor(at_once))

        def both(numbered: tuple[int, Request]) -> tuple[Request, Answer, Answer]:
            number, request = numbered
            places = (old, new) if number % 2 else (new, old)
            heard = [_ask(asked[each], each, request.body) for each in places]
            one, other = heard if number % 2 else reversed(heard)
            return request, one, other

        coming = enumerate(requests)
        while some := list(islice(coming, at_once * _AHEAD)):
            for told in pool.map(both, some):
                tell(1)
                yield told


def _client(to: Place) -> httpx.Client:
    return httpx.Client(timeout=_SECONDS, trust_env=to.url.startswith("https"))


def _ask(client: httpx.Client, to: Place, body: bytes) -> Answer:
    from modelyard.upgrade.comparing.answers import Answer  # noqa: PLC0415  it needs libraries that others do without

    headers = {"content-type": "application/json", "accept": "application/json"}
    if to.token:
        headers["authorization"] = f"Bearer {to.token}"
    begun = time.perf_counter()
    heard = bytearray()
    try:
        with client.stream("POST", to.url, content=body, headers=headers) as answer:
            for piece in answer.iter_bytes():
                heard += piece
                if len(heard) > _LARGEST:
                    return Answer(0, b"", (time.perf_counter() - begun) * 1000)
            status = answer.status_code
    except (httpx.HTTPError, httpx.InvalidURL):
        return Answer(0, b"", (time.perf_counter() - begun) * 1000)
    return Answer(status, bytes(heard), (time.perf_counter() - begun) * 1000)
