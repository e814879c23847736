"""The one client for everything that the server asks of other servers: sign-in providers now, webhooks and git later.

What it opens may come from a stranger, so it is narrow: http(s) only, no redirects, no proxy, password or certificate
from the environment's proxies and `.netrc`, no compressed answers, and a bound on size and on time from end to end.
A name is resolved once, each address is checked, and the connection goes to that very address, so that a name server
that changes its mind has no effect. TLS and the Host header keep the name. Nothing that is kept open is used twice.
"""

from __future__ import annotations

import ipaddress
import logging
import re
import socket
import ssl
import time
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from functools import cached_property
from typing import TYPE_CHECKING, Final, TypeAlias
from urllib.parse import SplitResult, urlsplit

import httpcore

from modelyard.errors import Unavailable

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

log = logging.getLogger(__name__)

Address: TypeAlias = ipaddress.IPv4Address | ipaddress.IPv6Address
Network: TypeAlias = ipaddress.IPv4Network | ipaddress.IPv6Network
Resolve: TypeAlias = "Callable[[str, int], Sequence[str]]"

SECONDS: Final = 10.0
"""How long a question may take, from the name to the last byte of the answer."""

MAX_ANSWER: Final = 1 << 20
"""The largest answer that is read, in bytes."""

_TROUBLE: Final = (
    OSError,
    ValueError,
    httpcore.NetworkError,
    httpcore.ProtocolError,
    httpcore.TimeoutException,
)
_CONNECT_SECONDS: Final = 4.0
_RESOLVERS: Final = 4
_PORTS: Final = {"http": 80, "https": 443}
_PLAIN_URL: Final = re.compile(r"[!-~]+\Z", re.ASCII)
_HOST: Final = re.compile(r"[A-Za-z0-9_]([A-Za-z0-9_.\-]{0,252})\Z", re.ASCII)

_GLOBAL_V6: Final = ipaddress.IPv6Network("2000::/3")
_NOT_GLOBAL_V6: Final = tuple(
    ipaddress.IPv6Network(each)
    for each in (
        "2001::/32",  # Teredo: an IPv4 address inside (RFC 4380)
        "2001:db8::/32",  # documentation
        "2002::/16",  # 6to4: an IPv4 address inside (RFC 3056)
        "3fff::/20",  # documentation
    )
)
_RELAY_V4: Final = ipaddress.IPv4Network("192.88.99.0/24")  # towards 6to4 (RFC 7526)


class Unreachable(Unavailable):
    """The other server was not asked, or gave no answer that can be used; only the log and an operator learn why."""

    def __init__(self, reason: str) -> None:
        super().__init__("another server did not answer as it should; this server's log says more. Ask again shortly.")
        self.reason = reason


@dataclass(frozen=True, slots=True)
class Answer:
    """What another server said; it is for this server, and is never shown to a caller."""

    status: int
    body: bytes = field(repr=False)
    content_type: str = ""
    retry_after: str = ""
    """How long the other server asks to be left alone, in its own words."""


def is_public(address: Address) -> bool:
    """Whether an address is one of the open internet.

    Loopback, link-local, private, shared (CGNAT), multicast, unspecified and reserved ones are not, nor are IPv6
    addresses with an IPv4 address inside: mapped, compatible, 6to4, Teredo and NAT64.
    """
    if isinstance(address, ipaddress.IPv4Address):
        return address.is_global and not address.is_multicast and address not in _RELAY_V4
    inside = address in _GLOBAL_V6 and address.is_global
    return inside and not any(address in network for network in _NOT_GLOBAL_V6)


@dataclass(frozen=True, slots=True)
class Allowed:
    """What the operator lets through although it is not public: hosts by their names, and networks."""

    hosts: frozenset[str] = frozenset()
    networks: tuple[Network, ...] = ()

    @classmethod
    def of(cls, entries: Sequence[str]) -> Allowed:
        """The operator's list, which `config` has checked."""
        networks = {entry: network for entry in entries if (network := _network(entry))}
        return cls(frozenset(entry.lower() for entry in entries if entry not in networks), tuple(networks.values()))

    def admits(self, host: str, address: Address) -> bool:
        """Whether a connection to this address, for this host, may be made."""
        if is_public(address) or host in self.hosts:
            return True
        return any(address in network for network in self.networks if network.version == address.version)


def _network(entry: str) -> Network | None:
    try:
        return ipaddress.ip_network(entry)
    except ValueError:
        return None


def resolve(host: str, port: int) -> Sequence[str]:
    """The addresses of a host, as the system's resolver gives them."""
    found = socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)
    return [str(place[0]) for *_, place in found]


class Outbound:
    """Asks other servers; shared by all threads of the process."""

    def __init__(
        self,
        allowed: Allowed,
        *,
        seconds: float = SECONDS,
        most: int = MAX_ANSWER,
        resolve: Resolve = resolve,
        resolvers: int = _RESOLVERS,
    ) -> None:
        self._allowed = allowed
        self._seconds = seconds
        self._most = most
        self._resolve = resolve
        self._resolvers = ThreadPoolExecutor(resolvers, thread_name_prefix="resolver")

    @cached_property
    def _trusted(self) -> ssl.SSLContext:
        """The system's certificate authorities, or those that `SSL_CERT_FILE` names; read when first needed."""
        return ssl.create_default_context()

    def get(self, url: str, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        """Ask for what is at a URL; `Unreachable` for whatever goes wrong. A redirect is an answer like any other."""
        return self._ask("GET", url, headers, b"")

    def post(self, url: str, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        """Send a body to a URL."""
        return self._ask("POST", url, headers, body)

    def deliver(self, url: str, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        """Send a body to somebody whose status alone matters: of the answer nothing is read."""
        return self._ask("POST", url, headers, body, reads=False)

    def ask(self, method: str, url: str, body: bytes, headers: Sequence[tuple[str, str]] = ()) -> Answer:
        """Ask in any other way."""
        return self._ask(method, url, headers, body)

    def close(self) -> None:
        """Ask no more."""
        self._resolvers.shutdown(wait=False, cancel_futures=True)

    def _ask(
        self, method: str, url: str, headers: Sequence[tuple[str, str]], body: bytes, *, reads: bool = True
    ) -> Answer:
        try:
            return self._answered(method, _split(url), headers, body, reads=reads)
        except Unreachable as failure:
            _note(failure)
            raise
        except _TROUBLE as error:
            failure = Unreachable(f"{type(error).__name__}: {error}"[:200])
            _note(failure)
            raise failure from error

    def _answered(
        self, method: str, url: SplitResult, headers: Sequence[tuple[str, str]], body: bytes, *, reads: bool
    ) -> Answer:
        until = time.monotonic() + self._seconds
        backend = _Backend(self._allowed, self._addresses, until)
        with (
            httpcore.ConnectionPool(self._trusted, max_connections=1, network_backend=backend) as pool,
            pool.stream(
                method,
                _address(url),
                headers=_headers(headers),
                content=body,
                extensions={"sni_hostname": url.hostname},
            ) as answer,
        ):
            if not reads:
                return Answer(answer.status, b"", retry_after=_header(answer, b"retry-after"))
            _refuse_compressed(answer)
            return Answer(answer.status, self._read(answer), _header(answer, b"content-type"))

    def _read(self, answer: httpcore.Response) -> bytes:
        chunks: list[bytes] = []
        size = 0
        for chunk in answer.iter_stream():
            size += len(chunk)
            if size > self._most:
                raise Unreachable(f"the answer has more than {self._most} bytes")
            chunks.append(chunk)
        return b"".join(chunks)

    def _addresses(self, host: str, port: int, seconds: float) -> Sequence[str]:
        """The addresses of a host; in a thread of its own, as the system's resolver knows no bound on time."""
        return self._resolvers.submit(self._resolve, host, port).result(seconds)


def _note(failure: Unreachable) -> None:
    log.warning("another server could not be asked: %s", failure.reason)


def _split(url: str) -> SplitResult:
    """A URL, if it is one that is opened at all; what is parsed here is what is connected to, in these parts."""
    parts = urlsplit(url) if _PLAIN_URL.match(url) and "\\" not in url else None
    if parts is None or parts.scheme not in _PORTS or "@" in parts.netloc or not _is_host(parts):
        raise Unreachable("the URL is not http(s)://host[:port]/… in plain ASCII and without a user")
    if parts.port == 0:
        raise Unreachable("port 0 is no port")
    return parts


def _is_host(url: SplitResult) -> bool:
    """Whether there is a name, or an IPv6 address in brackets."""
    host = url.hostname or ""
    return _network(host) is not None if "[" in url.netloc else bool(_HOST.match(host))


def _address(url: SplitResult) -> httpcore.URL:
    target = (url.path or "/") + (f"?{url.query}" if url.query else "")
    host = url.hostname or ""
    return httpcore.URL(
        scheme=url.scheme.encode(),
        host=(f"[{host}]" if ":" in host else host).encode(),
        port=url.port,
        target=target.encode(),
    )


def _headers(given: Sequence[tuple[str, str]]) -> list[tuple[str, str]]:
    return [("user-agent", "modelyard"), ("accept-encoding", "identity"), ("connection", "close"), *given]


def _header(answer: httpcore.Response, name: bytes) -> str:
    found = next((value for each, value in answer.headers if each.lower() == name), b"")
    return found.decode("latin-1")[:1024]


def _refuse_compressed(answer: httpcore.Response) -> None:
    """None was asked for, and a small compressed answer may be a huge one."""
    for name, value in answer.headers:
        if name.lower() == b"content-encoding" and value.strip().lower() not in {b"", b"identity"}:
            raise Unreachable("the answer is compressed, which was not asked for")


class _Backend(httpcore.NetworkBackend):
    """Opens connections to checked addresses only, all within one deadline."""

    def __init__(self, allowed: Allowed, find: Callable[[str, int, float], Sequence[str]], until: float) -> None:
        self._allowed = allowed
        self._find = find
        self._until = until

    def connect_tcp(
        self,
        host: str,
        port: int,
        timeout: float | None = None,  # noqa: ARG002  the deadline is for the whole
        local_address: str | None = None,  # noqa: ARG002  never given
        socket_options: Iterable[httpcore.SOCKET_OPTION] | None = None,  # noqa: ARG002  never given
    ) -> httpcore.NetworkStream:
        """A connection to the first address of the host that is admitted and answers."""
        name = host.strip("[]").lower()
        admitted = [each for each in self._find(name, port, _left(self._until)) if self._admits(name, each)]
        if not admitted:
            raise Unreachable(f"{name} has no address that may be connected to; outbound_allowed names exceptions")
        for address in admitted[:-1]:
            try:
                return self._connected(name, address, port)
            except OSError as error:
                log.info("%s did not answer at %s: %s", name, address, error)
        return self._connected(name, admitted[-1], port)

    def _admits(self, host: str, address: str) -> bool:
        return self._allowed.admits(host, ipaddress.ip_address(address))

    def _connected(self, host: str, address: str, port: int) -> _Stream:
        family = socket.AF_INET6 if ":" in address else socket.AF_INET
        connection = socket.socket(family, socket.SOCK_STREAM)
        try:
            connection.settimeout(min(_left(self._until), _CONNECT_SECONDS))
            connection.connect((address, port))
            self._check_peer(host, connection)
        except BaseException:
            connection.close()
            raise
        return _Stream(connection, self._until)

    def _check_peer(self, host: str, connection: socket.socket) -> None:
        """The other end itself is looked at once more, whatever stands between the check and the connection."""
        if not self._admits(host, str(connection.getpeername()[0])):
            raise Unreachable(f"the connection to {host} went elsewhere")


class _Stream(httpcore.NetworkStream):
    """A connection that is over at its deadline, however little at a time the other side sends or takes."""

    def __init__(self, connection: socket.socket, until: float) -> None:
        self._connection = connection
        self._until = until

    def read(self, max_bytes: int, timeout: float | None = None) -> bytes:  # noqa: ARG002  the deadline is for the whole
        """Some bytes; none at the end."""
        self._connection.settimeout(_left(self._until))
        return self._connection.recv(max_bytes)

    def write(self, buffer: bytes, timeout: float | None = None) -> None:  # noqa: ARG002  as above
        """Send all bytes."""
        waiting = memoryview(buffer)
        while waiting:
            self._connection.settimeout(_left(self._until))
            waiting = waiting[self._connection.send(waiting) :]

    def close(self) -> None:
        """No more."""
        self._connection.close()

    def start_tls(
        self,
        ssl_context: ssl.SSLContext,
        server_hostname: str | None = None,
        timeout: float | None = None,  # noqa: ARG002  as above
    ) -> httpcore.NetworkStream:
        """The same connection with TLS, whose certificate must be the host's."""
        self._connection.settimeout(_left(self._until))
        try:
            return _Stream(ssl_context.wrap_socket(self._connection, server_hostname=server_hostname), self._until)
        except BaseException:
            self.close()
            raise

    def get_extra_info(self, info: str) -> None:
        """Nothing: what TLS agreed on matters to HTTP/2 only."""


def _left(until: float) -> float:
    """How many seconds are left; `TimeoutError` when none are."""
    seconds = until - time.monotonic()
    if seconds <= 0:
        raise TimeoutError("it took too long")
    return seconds
