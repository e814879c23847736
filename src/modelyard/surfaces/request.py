"""One request as it came, and what all of them share: where the server is reached, its ids and its keys."""

from __future__ import annotations

import re
from collections.abc import Iterable, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast
from urllib.parse import parse_qsl

from modelyard.domain.journal import Origin
from modelyard.errors import Invalid, TooLarge
from modelyard.surfaces import clients
from modelyard.surfaces.wire import Here
from modelyard.surfaces.zerocopy import EXTENSION

Scope: TypeAlias = MutableMapping[str, Any]

_HOST: Final = re.compile(r"([\w.\-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?\Z", re.ASCII)
_MAX_QUERY: Final = 16_384
_MAX_FIELDS: Final = 100


@dataclass(frozen=True, slots=True)
class Site:
    """What every request shares: where the server is reached, its ids and keys, and who may name it in Host."""

    public_url: str
    allowed_hosts: frozenset[str]
    metastore_id: str
    workspace_id: int
    signing_key: bytes
    presigned: bool
    exchange: bool = False
    payload_limit: int = 16 << 20
    """Bytes of a request for predictions."""
    lends: bool = False
    """Whether there is a token service, for clients that insist on credentials of the store."""

    def here(self, request: Request) -> Here:
        """The server as the client of this request sees it; `Invalid` for a Host that it does not have."""
        host = request.headers.get("host", "")
        self.check(host)
        return Here(
            base_url=self.public_url or f"{request.scheme}://{host}",
            metastore_id=self.metastore_id,
            workspace_id=self.workspace_id,
            signing_key=self.signing_key,
            presigned=self.presigned,
            user_agent=request.origin.user_agent,
            address=request.origin.address,
            near=self.exchange and clients.is_near(request.origin, request.headers),
            is_old=self.lends and clients.is_old(request.origin),
        )

    def check(self, host: str) -> None:
        """`Invalid` for a Host that the server does not have."""
        if _host_name(host) not in self.allowed_hosts:
            raise Invalid("this server has another name; an operator can add this one to allowed_hosts.")


def _host_name(host: str) -> str:
    """The name in a Host header (RFC 9110 §7.2), or the empty string for what is none."""
    found = _HOST.match(host)
    return found[1].lower() if found else ""


def path_of(scope: Scope) -> str:
    """The path as it was sent, still encoded."""
    return cast("bytes", scope["raw_path"]).decode("ascii", "replace")


class Request:
    """One request: its headers, its query, and where it came from."""

    __slots__ = ("headers", "method", "origin", "path", "query", "raw_query", "scheme", "zero_copy")

    def __init__(self, scope: Scope, request_id: str) -> None:
        self.method = cast("str", scope["method"])
        self.scheme = cast("str", scope["scheme"])
        self.path = path_of(scope)
        self.zero_copy = EXTENSION in (scope.get("extensions") or ())
        raw = cast("Iterable[tuple[bytes, bytes]]", scope["headers"])
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
        self.raw_query = cast("bytes", scope["query_string"])
        self.query = query_of(self.raw_query)
        client = cast("tuple[str, int] | None", scope.get("client"))
        self.origin = Origin(
            request_id=request_id,
            address=client[0] if client else "",
            user_agent=self.headers.get("user-agent", ""),
        )

    def lists(self, names: tuple[str, ...]) -> dict[str, list[str]]:
        """The parameters of the query that are lists, each with all that is said of it."""
        found: dict[str, list[str]] = {}
        for name, value in pairs_of(self.raw_query) if names else ():
            if name in names:
                found.setdefault(name, []).append(value)
        return found

    @property
    def length(self) -> int | None:
        """The body's size in bytes, where the client says it."""
        told = self.headers.get("content-length", "")
        return int(told) if told.isascii() and told.isdigit() else None


def query_of(raw: bytes, what: str = "query") -> dict[str, str]:
    """The parameters of a query or a form; of one that is there twice, the last."""
    return dict(pairs_of(raw, what))


def pairs_of(raw: bytes, what: str = "query") -> list[tuple[str, str]]:
    """The parameters of a query or a form, in their order."""
    if not raw:
        return []
    if len(raw) > _MAX_QUERY:
        raise TooLarge(f"the {what} has more than {_MAX_QUERY} bytes.")
    try:
        return parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
    except ValueError:
        raise Invalid(f"the {what} cannot be read; percent-encode it as UTF-8, with at most 100 parameters.") from None
