"""The only way out for git: a proxy on loopback that connects to checked addresses, as the server's own client does.

git resolves no names and follows no redirects; whoever asks needs a password that is made anew each time.
"""

from __future__ import annotations

import base64
import contextlib
import ipaddress
import secrets
import socket
import threading
from collections.abc import Sequence
from typing import Final, Self
from urllib.parse import urlsplit

from modelyard.outbound import Allowed, resolve

_MOST_HEAD: Final = 64 << 10
_PIECE: Final = 64 << 10
_SECONDS: Final = 60.0
_CONNECT_SECONDS: Final = 10.0
_PORTS: Final = {"http": 80, "https": 443}
_HOP: Final = (b"proxy-", b"connection:")


class Gateway:
    """Open for one use of git, as a context."""

    def __init__(self, allowed: Allowed) -> None:
        self._allowed = allowed
        self._password = secrets.token_urlsafe(24)
        self._listening = socket.create_server(("127.0.0.1", 0))
        self._open: set[socket.socket] = set()
        self._closed = False
        threading.Thread(target=self._accept, name="git gateway", daemon=True).start()

    @property
    def url(self) -> str:
        """The proxy's URL, with its password."""
        return f"http://git:{self._password}@127.0.0.1:{self._listening.getsockname()[1]}"

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._closed = True
        with contextlib.suppress(OSError):
            self._listening.shutdown(socket.SHUT_RDWR)
        self._listening.close()
        for each in list(self._open):
            with contextlib.suppress(OSError):
                each.shutdown(socket.SHUT_RDWR)

    def _accept(self) -> None:
        while not self._closed:
            with contextlib.suppress(OSError):
                client, _ = self._listening.accept()
                threading.Thread(target=self._serve, args=(client,), daemon=True).start()

    def _serve(self, client: socket.socket) -> None:
        self._open.add(client)
        client.settimeout(_SECONDS)
        try:
            self._answer(client)
        except (OSError, ValueError):
            with contextlib.suppress(OSError):
                client.sendall(b"HTTP/1.1 502 Bad Gateway\r\ncontent-length: 0\r\nconnection: close\r\n\r\n")
        finally:
            self._open.discard(client)
            client.close()

    def _answer(self, client: socket.socket) -> None:
        head, rest = _head(client)
        first, *lines = head.split(b"\r\n")
        method, target, _ = first.decode("ascii").split(" ", 2)
        if not self._is_known(lines):
            client.sendall(b"HTTP/1.1 407 Proxy Authentication Required\r\ncontent-length: 0\r\n"
                           b'proxy-authenticate: Basic realm="git"\r\nconnection: close\r\n\r\n')  # fmt: skip
            return
        is_tunnel = method == "CONNECT"
        place = urlsplit(f"https://{target}" if is_tunnel else target)
        server = self._connected(place.hostname or "", place.port or _PORTS[place.scheme])
        with contextlib.closing(server):
            if is_tunnel:
                client.sendall(b"HTTP/1.1 200 OK\r\n\r\n")
            else:
                path = (place.path or "/") + (f"?{place.query}" if place.query else "")
                kept = [line for line in lines if not line.lower().startswith(_HOP)]
                new = [f"{method} {path} HTTP/1.1".encode(), *kept, b"Connection: close", b"", rest]
                server.sendall(b"\r\n".join(new))
            _joined(client, server)

    def _is_known(self, lines: Sequence[bytes]) -> bool:
        proof = base64.b64encode(f"git:{self._password}".encode())
        wanted = b"proxy-authorization: basic " + proof
        return any(line.lower()[:27] + line[27:] == wanted for line in lines)

    def _connected(self, host: str, port: int) -> socket.socket:
        """A connection to an address of the host that may be asked; the other end is looked at once more."""
        for address in resolve(host, port):
            if self._allowed.admits(host.lower(), ipaddress.ip_address(address)):
                server = socket.create_connection((address, port), _CONNECT_SECONDS)
                if self._allowed.admits(host.lower(), ipaddress.ip_address(str(server.getpeername()[0]))):
                    server.settimeout(_SECONDS)
                    return server
                server.close()
        raise ValueError("the host has no address that may be connected to")


def _head(client: socket.socket) -> tuple[bytes, bytes]:
    """The head of a request, and what came behind it."""
    read = b""
    while b"\r\n\r\n" not in read:
        more = client.recv(_PIECE)
        if not more or len(read) > _MOST_HEAD:
            raise ValueError("no request")
        read += more
    head, _, rest = read.partition(b"\r\n\r\n")
    return head, rest


def _joined(one: socket.socket, other: socket.socket) -> None:
    """Carry bytes in both directions until one side ends."""
    back = threading.Thread(target=_carried, args=(other, one), daemon=True)
    back.start()
    _carried(one, other)
    back.join()


def _carried(source: socket.socket, target: socket.socket) -> None:
    with contextlib.suppress(OSError):
        while more := source.recv(_PIECE):
            target.sendall(more)
    with contextlib.suppress(OSError):
        target.shutdown(socket.SHUT_WR)
