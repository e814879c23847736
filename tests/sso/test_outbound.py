"""The one client that asks other servers, on real sockets."""

from __future__ import annotations

import contextlib
import gzip
import ipaddress
import socket
import ssl
import threading
import time
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

import pytest

from modelyard import config
from modelyard.errors import Invalid
from modelyard.outbound import Allowed, Outbound, Unreachable, is_public
from tests.surfaces.test_listening import certificate

__all__ = ["certificate"]

HERE = ("127.0.0.1",)
OK = b"HTTP/1.1 200 OK\r\ncontent-length: 2\r\n\r\nok"

Answering = Callable[..., int]


@pytest.fixture
def answering() -> Iterator[Answering]:
    """Starts servers that read a request, and answer with these bytes; `heard` gets what was asked."""
    with contextlib.ExitStack() as stack:

        def start(
            answer: bytes | Callable[[socket.socket], None] = OK,
            heard: list[bytes] | None = None,
            tls: ssl.SSLContext | None = None,
        ) -> int:
            listening = stack.enter_context(socket.create_server(("127.0.0.1", 0)))

            def serve() -> None:
                with contextlib.suppress(OSError):
                    while True:
                        connection, _ = listening.accept()
                        with contextlib.suppress(OSError), _wrapped(connection, tls) as speaking:
                            (heard if heard is not None else []).append(speaking.recv(65_536))
                            answer(speaking) if callable(answer) else speaking.sendall(answer)

            threading.Thread(target=serve, daemon=True).start()
            stack.callback(listening.shutdown, socket.SHUT_RDWR)
            return listening.getsockname()[1]

        yield start


def _wrapped(connection: socket.socket, tls: ssl.SSLContext | None) -> socket.socket:
    return tls.wrap_socket(connection, server_side=True) if tls else connection


def client(*allowed: str, seconds: float = 5, resolve: Callable[[str, int], Sequence[str]] | None = None) -> Outbound:
    bare = Outbound(Allowed.of(allowed), seconds=seconds, most=100_000)
    return Outbound(Allowed.of(allowed), seconds=seconds, most=100_000, resolve=resolve) if resolve else bare


def reason(asking: Callable[[], object]) -> str:
    with pytest.raises(Unreachable) as failure:
        asking()
    assert "127.0.0.1" not in failure.value.message, "whoever calls learns nothing of what is where"
    return failure.value.reason


PRIVATE = (
    "127.0.0.1", "127.255.255.254", "0.0.0.0", "0.1.2.3", "10.0.0.1", "172.16.0.1", "192.168.1.1", "169.254.169.254",  # noqa: S104  not to listen on
    "100.64.0.1", "192.0.0.1", "192.0.2.1", "198.18.0.1", "192.88.99.1", "224.0.0.1", "240.0.0.1", "255.255.255.255",
    "::", "::1", "fe80::1", "fe80::1%lo", "fc00::1", "fd00:ec2::254", "fec0::1", "ff02::1", "2001:db8::1", "3fff::1",
    "::ffff:127.0.0.1", "::ffff:8.8.8.8", "::7f00:1", "::ffff:0:7f00:1", "64:ff9b::7f00:1", "64:ff9b::808:808",
    "64:ff9b:1::a00:1", "2002:7f00:1::", "2002:808:808::", "2001:0:7f00:1::", "100::1", "5f00::1",
)  # fmt: skip


@pytest.mark.parametrize("address", PRIVATE)
def test_what_is_not_the_open_internet_is_refused(address: str) -> None:
    assert not is_public(ipaddress.ip_address(address))
    told = reason(lambda: client(resolve=lambda _host, _port: [address]).get("http://name.example/"))
    assert told.startswith("name.example has no address that may be connected to")


@pytest.mark.parametrize("address", ["8.8.8.8", "1.1.1.1", "192.0.0.9", "2606:4700::1111", "2a00:1450::1"])
def test_the_open_internet_is_admitted(address: str) -> None:
    assert is_public(ipaddress.ip_address(address))


@pytest.mark.parametrize(
    "host",
    ["127.0.0.1", "localhost", "127.1", "2130706433", "0x7f000001", "0177.0.0.1", "0", "[::1]", "[::ffff:127.0.0.1]"],
)
def test_this_machine_is_refused_however_it_is_written(host: str, answering: Answering) -> None:
    heard: list[bytes] = []
    port = answering(heard=heard)
    reason(lambda: client().get(f"http://{host}:{port}/"))
    time.sleep(0.05)
    assert heard == []


@pytest.mark.parametrize("entry", ["127.0.0.1", "127.0.0.0/8", "name.example", "NAME.example"])
def test_what_the_operator_allows_is_asked(entry: str, answering: Answering) -> None:
    heard: list[bytes] = []
    port = answering(heard=heard)
    answer = client(entry, resolve=lambda _host, _port: HERE).get(f"http://name.example:{port}/a?b=c")
    assert (answer.status, answer.body) == (200, b"ok")
    assert heard[0].startswith(b"GET /a?b=c HTTP/1.1\r\n")
    assert f"\r\nHost: name.example:{port}\r\n".encode() in heard[0]
    assert b"\r\naccept-encoding: identity\r\n" in heard[0]


@pytest.mark.parametrize("entry", ["other.example", "128.0.0.0/8", "::1", "10.0.0.0/8", "example"])
def test_another_exception_is_none(entry: str, answering: Answering) -> None:
    port = answering()
    reason(lambda: client(entry, resolve=lambda _host, _port: HERE).get(f"http://name.example:{port}/"))


def test_a_mapped_address_is_no_way_around_a_network_that_is_allowed() -> None:
    allowed = Allowed.of(("127.0.0.0/8",))
    assert not allowed.admits("name.example", ipaddress.ip_address("::ffff:127.0.0.1"))


def test_a_resolver_that_changes_its_answer_is_asked_once(answering: Answering) -> None:
    """DNS rebinding: the second answer would be another address than the one that was checked."""
    port, asked = answering(), list[str]()

    def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return ["127.0.0.1"] if len(asked) == 1 else ["127.0.0.2"]

    outbound = client("127.0.0.1", resolve=resolve)
    assert outbound.get(f"http://name.example:{port}/").status == 200
    assert asked == ["name.example"]
    assert "no address that may be" in reason(lambda: outbound.get(f"http://name.example:{port}/"))


def test_of_several_addresses_only_admitted_ones_are_tried_until_one_answers(answering: Answering) -> None:
    port = answering()
    places = ["10.0.0.1", "127.0.0.2", "::1", "127.0.0.1"]
    outbound = client("127.0.0.0/8", resolve=lambda _host, _port: places)
    assert outbound.get(f"http://name.example:{port}/").status == 200


@pytest.mark.parametrize(
    "url",
    ["file:///etc/passwd", "ftp://a.example/", "gopher://a.example/", "//a.example", "a.example", "", "http://",
     "http:///x", "http://u:p@a.example/", "http://a.example@127.0.0.1/", "http://a.example\\@127.0.0.1/",
     "http://a.example /", "http://a.example/\r\nx: y", "http://ä.example/", "http://a.example:0/",
     "http://a.example:99999/", "http://a.example:x/", "http://[::1/", "http://[v1.a]/", "http://a%2eexample/"],
)  # fmt: skip
def test_nothing_but_plain_urls_is_opened(url: str) -> None:
    asked: list[str] = []

    def resolve(host: str, _port: int) -> Sequence[str]:
        asked.append(host)
        return HERE

    reason(lambda: client("127.0.0.1", resolve=resolve).get(url))
    assert asked == []


def test_a_redirect_is_an_answer_and_not_a_way(answering: Answering) -> None:
    heard: list[bytes] = []
    elsewhere = answering(heard=heard)
    location = f"location: http://127.0.0.1:{elsewhere}/\r\n".encode()
    port = answering(b"HTTP/1.1 302 Found\r\n" + location + b"content-length: 0\r\n\r\n")
    assert client("127.0.0.1").get(f"http://127.0.0.1:{port}/").status == 302
    time.sleep(0.05)
    assert heard == []


def test_proxies_and_passwords_of_the_environment_are_not_used(
    answering: Answering, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    proxied: list[bytes] = []
    heard: list[bytes] = []
    proxy, port = answering(heard=proxied), answering(heard=heard)
    for name in ("HTTP_PROXY", "http_proxy", "ALL_PROXY", "HTTPS_PROXY"):
        monkeypatch.setenv(name, f"http://127.0.0.1:{proxy}")
    (tmp_path / ".netrc").write_text("machine 127.0.0.1 login me password secret\n")
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("NETRC", str(tmp_path / ".netrc"))
    client("127.0.0.1").get(f"http://127.0.0.1:{port}/")
    assert proxied == []
    assert b"authorization" not in heard[0].lower()


def _headers(extra: bytes) -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + extra + b"\r\n"


HUGE: dict[str, bytes] = {
    "a body with its length": _headers(b"content-length: 200000\r\n") + b"x" * 200_000,
    "a body without end": _headers(b"connection: close\r\n") + b"x" * 200_000,
    "a body in chunks": _headers(b"transfer-encoding: chunked\r\n") + b"1\r\nx\r\n" * 200_000 + b"0\r\n\r\n",
    "a bomb": _headers(b"content-encoding: gzip\r\nconnection: close\r\n") + gzip.compress(b"x" * 10_000_000),
    "headers without end": b"HTTP/1.1 200 OK\r\n" + b"x: y\r\n" * 200_000,
    "one header": b"HTTP/1.1 200 OK\r\nx: " + b"y" * 2_000_000,
    "no HTTP": b"220 mail.example ESMTP\r\n" * 10,
    "nothing": b"",
}


@pytest.mark.parametrize("what", HUGE)
def test_answers_that_are_too_much_or_no_answers_are_given_up(what: str, answering: Answering) -> None:
    port = answering(HUGE[what])
    told = reason(lambda: client("127.0.0.1").get(f"http://127.0.0.1:{port}/"))
    if "body" in what:
        assert told == "the answer has more than 100000 bytes"
    if what == "a bomb":
        assert told == "the answer is compressed, which was not asked for"


def _drip(start: bytes) -> Callable[[socket.socket], None]:
    def dripping(connection: socket.socket) -> None:
        connection.sendall(start)
        while True:
            connection.sendall(b"x")
            time.sleep(0.02)

    return dripping


@pytest.mark.parametrize("start", [b"", b"HTTP/1.1 200 OK\r\nx: ", b"HTTP/1.1 200 OK\r\nconnection: close\r\n\r\n"])
def test_the_time_is_bounded_however_steadily_bytes_drip_in(start: bytes, answering: Answering) -> None:
    port, began = answering(_drip(start)), time.monotonic()
    reason(lambda: client("127.0.0.1", seconds=0.4).get(f"http://127.0.0.1:{port}/"))
    assert time.monotonic() - began < 2


def test_the_time_is_bounded_for_a_server_that_takes_nothing(answering: Answering) -> None:
    port, began = answering(lambda _connection: time.sleep(3)), time.monotonic()
    reason(lambda: client("127.0.0.1", seconds=0.4).post(f"http://127.0.0.1:{port}/", b"x" * 30_000_000))
    assert time.monotonic() - began < 2


def test_the_time_is_bounded_for_a_resolver_that_hangs() -> None:
    began = time.monotonic()
    stuck = threading.Event()
    outbound = client(seconds=0.3, resolve=lambda _host, _port: [str(stuck.wait(3))])
    reason(lambda: outbound.get("http://name.example/"))
    assert time.monotonic() - began < 2
    stuck.set()


def test_nobody_listening_is_told_without_saying_where() -> None:
    with socket.create_server(("127.0.0.1", 0)) as free:
        port = free.getsockname()[1]
    assert "refused" in reason(lambda: client("127.0.0.1").get(f"http://127.0.0.1:{port}/"))


class TestTls:
    def test_asks_for_the_name_and_wants_its_certificate(
        self, answering: Answering, certificate: tuple[Path, Path], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        chain, key = certificate
        context, names = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER), list[str | None]()
        context.load_cert_chain(chain, key)
        context.sni_callback = lambda _socket, name, _context: names.append(name)
        port = answering(tls=context)
        assert "CERTIFICATE_VERIFY_FAILED" in reason(lambda: client("127.0.0.1").get(f"https://127.0.0.1:{port}/"))
        monkeypatch.setenv("SSL_CERT_FILE", str(chain))
        assert client("127.0.0.1").get(f"https://127.0.0.1:{port}/").body == b"ok"
        named = client("127.0.0.1", resolve=lambda _host, _port: HERE)
        assert "CERTIFICATE_VERIFY_FAILED" in reason(lambda: named.get(f"https://name.example:{port}/"))
        assert names[-1] == "name.example"

    def test_is_bounded_in_time(self, answering: Answering) -> None:
        port, began = answering(lambda _connection: time.sleep(3)), time.monotonic()
        reason(lambda: client("127.0.0.1", seconds=0.4).get(f"https://127.0.0.1:{port}/"))
        assert time.monotonic() - began < 2


@pytest.mark.parametrize("entry", ["10.0.0.0/33", "10.0.0.1/8", "a b", "http://a.example", "*", "1.2.3", "é.example"])
def test_exceptions_that_make_no_sense_are_refused_at_start(entry: str) -> None:
    with pytest.raises(Invalid, match="outbound_allowed"):
        config.load({"outbound_allowed": [entry]}, {})
