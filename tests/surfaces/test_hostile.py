"""What strangers and broken clients send: always a refusal in the common envelope, in constant memory."""

from __future__ import annotations

import base64
import contextlib
import itertools
import json
import re
import secrets
import socket
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any
from urllib.parse import quote, urlencode
from zlib import crc32

import httpx
import msgspec
import pytest

from modelyard.app import ROWS
from modelyard.surfaces.wire import Arrival, Departure, Entrance, Form, Public, Row
from tests.support import LEGACY, SCIM, UNITY, Server, stands_again
from tests.surfaces.world import FILES, Folder, World, check_no_leak, refusal

INVALID = (400, "INVALID_PARAMETER_VALUE")
MIB = 1 << 20
CREATE = f"{LEGACY}/registered-models/create"


# Every route, with plausible and with impossible values


@dataclass(frozen=True)
class Stage:
    """Things that the routes may be asked about."""

    values: dict[str, Any]

    @classmethod
    def of(cls, world: World) -> Stage:
        model = world.model()
        world.ready(model, {"a": b"text"})
        world.version(model)
        name, _ = world.user()
        (user,) = world.admin.get(f"{SCIM}/Users", params={"filter": f'userName eq "{name}"'}).json()["Resources"]
        catalog, schema, _ = model.split(".")
        prompt = world.prompt()
        return cls(
            {
                "prompt": {"description": "d", "tags": [{"key": "k", "value": "v"}]},
                "prompt_version": {"template": '"Hello"'},
                "prompt_versions": [{"name": prompt, "version": "1"}],
                "prompt name": prompt,
                "catalog_schema": {"catalog_name": catalog, "schema_name": schema},
                "run_ids": ["r1"],
                "name": model,
                "full_name": model,
                "catalog_name": catalog,
                "schema_name": f"{schema}",
                "securable_type": "function",
                "principal": name,
                "application_id": name,
                "owner": name,
                "id": user["id"],
                "version": "1",
                "alias": "champion",
                "key": "k",
                "value": "v",
                "source": "somewhere",
                "path": f"/Models/{model.replace('.', '/')}/2/a",
                "filter": f"name = '{model}'",
                "session_token": "0" * 32,
                "token_id": "x",
                "tags": [{"key": "k", "value": "v"}],
                "members": [{"value": user["id"]}],
                "changes": [{"principal": name, "add": ["EXECUTE"]}],
                "parts": [{"part_number": 1, "etag": "x"}],
                "properties": {"a": "b"},
                "Operations": [{"op": "replace", "path": "active", "value": True}],
                "model_version_dependencies": [{"type": "t", "name": "n"}],
                "operation": "MODEL_VERSION_OPERATION_READ",
                "userName": f"{name}x",
                "displayName": f"group {name}",
                "applicationId": f"app {name}",
                "include_browse": True,
                "lifetime_seconds": 5,
                "start_part_number": 1,
                "grant_type": "client_credentials",
                "scope": "all-apis",
                "update_mask": "comment",
                "token": {"comment": "c"},
                "lifetime": "60s",
                "part_number": 1,
                "expire_time": "2999-01-01T00:00:00Z",
            }
        )

    def plausible(self, row: Row) -> dict[str, Any]:
        if isinstance(row, Public):
            return {}
        names = [field.encode_name for field in msgspec.structs.fields(row.said)]
        said = {name: self.values[name] for name in names if name in self.values}
        if "/catalogs" in row.path:
            said |= {"full_name": said.get("catalog_name", self.values["catalog_name"])}
        elif row.path.endswith(("/Users", "/ServicePrincipals")):
            said.pop("members", None)
        elif "/schemas" in row.path:
            said |= {"full_name": ".".join(self.values["full_name"].split(".")[:2])}
        if row.path.endswith(("/catalogs", "/schemas", "/models")) and "name" in said:
            said["name"] = f"new{secrets.token_hex(4)}"
        elif "/prompts" in row.path and "name" in said:
            said |= {"name": self.values["prompt name"], "filter": "name LIKE 'p%'"}
        return {name: value for name, value in said.items() if name in names}


def percent(value: object) -> str:
    text = value if isinstance(value, str) else json.dumps(value)
    return quote(text.encode("utf-8", "surrogatepass"), safe="")


def send(client: httpx.Client, row: Row, said: dict[str, Any]) -> httpx.Response:
    """A request of this row that says this: in its path, and then in its body or its query."""
    rest = dict(said)

    def filled(found: re.Match[str]) -> str:
        name, _, kind = found[1].partition(":")
        value = percent(rest.pop(name, "x"))
        return value.replace("%2F", "/").lstrip("/") if kind else value

    target = re.sub(r"\{([^}]+)\}", filled, row.path)
    query = [f"{name}={percent(value)}" for name, value in rest.items() if row.method == "GET" or row.doing]
    if row.doing:
        query.append(f"action={row.doing}")
    url = target + ("?" + "&".join(query) if query else "")
    if isinstance(row, Arrival | Departure | Public) or row.method in {"GET", "HEAD"}:
        return client.request(row.method, url, content=b"x" if isinstance(row, Arrival) else None)
    if isinstance(row, Form):
        form = "&".join(f"{name}={percent(value)}" for name, value in rest.items())
        return client.request(row.method, url, content=form)
    return client.request(row.method, url, content=json.dumps(rest).encode())


def check_kind(row: Row, said: object, answer: httpx.Response) -> str:
    """Nothing, or what is wrong about an answer to a bad request."""
    told = f"{row.method} {row.path} {row.doing} {ascii(said)[:150]} → {answer.status_code} {answer.text[:200]}"
    if answer.status_code >= 500 or answer.status_code in {405, 422}:
        return told
    try:
        check_no_leak(answer.text)
    except AssertionError:
        return "leak: " + told
    return ""


def test_nobody_reads_anything_without_a_token_and_no_route_fails(world: World) -> None:
    stage = Stage.of(world)
    _, stranger = world.user()
    wrong: list[str] = []
    with world.server.client("") as anonymous:  # on a server where single sign-on is not set up
        for row in ROWS:
            said = stage.plausible(row)
            wrong.append(check_kind(row, said, send(stranger, row, said)))
            answer = send(anonymous, row, said)
            expected = 200 if isinstance(row, Public) else 404 if isinstance(row, Entrance) else 401
            if answer.status_code != expected:
                wrong.append(f"anonymous: {row.method} {row.path} {row.doing} → {answer.status_code} {answer.text}")
    if found := list(filter(None, wrong)):
        pytest.fail(f"{len(found)} answers:\n" + "\n".join(found), pytrace=False)


HOSTILE: list[Any] = [
    "a\x00b",
    "\ud800",
    "é" * 100_000,
    "' OR 1=1 --",
    -1,
    10**30,
    True,
    None,
    [[["x"]]],
    [{"key": "\x00", "value": "\x00", "name": "\x00", "type": "\x00", "principal": "\x00", "op": "\x00"}],
    {"\x00": "\x00"},
]


def is_asked(world: World, row: Row, field: str) -> bool:
    """Whether a field is asked in a sample: all of them on SQLite, and on PostgreSQL one in six."""
    is_drawn = not world.server.database or crc32(f"{row.method} {row.path} {field}".encode()) % 6 == 0
    return is_drawn and not stands_again(row.path)


@pytest.mark.parametrize("wanted", [is_asked, pytest.param(lambda *_: True, marks=pytest.mark.full, id="all")])
def test_a_hostile_value_in_any_field_of_any_route_is_no_failure(world: World, wanted: Callable[..., bool]) -> None:
    stage = Stage.of(world)
    rows = [row for row in ROWS if not isinstance(row, Public)]
    wrong: list[str] = []
    for row in sorted(rows, key=lambda each: each.method == "DELETE"):
        for field in (each for each in msgspec.structs.fields(row.said) if wanted(world, row, each.encode_name)):
            in_path = "{" + field.encode_name in row.path
            for value in HOSTILE:
                if value == "é" * 100_000 and (in_path or row.doing or row.method in {"GET", "HEAD", "PUT"}):
                    continue  # no URL is that long
                said = {**stage.plausible(row), field.encode_name: value}
                wrong.append(check_kind(row, {field.encode_name: value}, send(world.admin, row, said)))
    found = list(filter(None, wrong))
    if found:
        pytest.fail(f"{len(found)} answers:\n" + "\n".join(found), pytrace=False)


def letters(count: int) -> str:
    """Letters of four bytes each, that nothing can compress."""
    return "".join(chr(0x20000 + secrets.randbelow(0xA000)) for _ in range(count))


def test_the_longest_names_can_be_kept_or_are_refused(world: World) -> None:
    catalog, schema, model = letters(255), letters(255), letters(255)
    made = [
        world.admin.post(f"{UNITY}/catalogs", json={"name": catalog}),
        world.admin.post(f"{UNITY}/schemas", json={"name": schema, "catalog_name": catalog}),
        world.admin.post(f"{UNITY}/models", json={"name": model, "catalog_name": catalog, "schema_name": schema}),
        world.admin.post(f"{UNITY}/catalogs", json={"name": "İ" * 255}),
    ]
    assert all(answer.status_code in {200, 400} for answer in made), [(each.status_code, each.text) for each in made]
    again = world.admin.post(f"{UNITY}/catalogs", json={"name": "İ" * 255})
    refusal(again, 400, "RESOURCE_ALREADY_EXISTS" if made[-1].is_success else "INVALID_PARAMETER_VALUE")


@pytest.mark.parametrize("field", ["run_id", "run_tracking_server_id", "model_id", "description", "source"])
def test_a_long_text_of_a_version_can_be_kept_or_is_refused(world: World, field: str) -> None:
    said = {"name": world.model(), "source": "x", field: secrets.token_hex(30_000)}
    answer = world.admin.post(f"{LEGACY}/model-versions/create", json=said)
    assert answer.status_code in {200, 400}, answer.text


def test_a_forged_page_token_is_refused(world: World) -> None:
    """Tokens are not secret: whoever reads one can write another, and may get a 4xx for it."""
    model = world.model()
    for _ in range(3):
        world.version(model, run_id=f"r{model}")
    lists = [
        (f"{LEGACY}/model-versions/search", {"filter": f"name = '{model}'"}),
        (f"{LEGACY}/model-versions/search", {"filter": f"run_id = 'r{model}'"}),
        (f"{LEGACY}/registered-models/search", {}),
        (f"{UNITY}/catalogs", {}),
    ]
    world.model()
    for path, query in lists:
        first = world.admin.get(path, params={**query, "max_results": 1}).raise_for_status().json()
        raw = base64.urlsafe_b64decode(first["next_page_token"] + "==")
        for tail in (b"abc", b"\x00", b"-5", b"9" * 30, b"9" * 3_000, "²".encode(), b"\xff", b"\xed\xa0\x80", b"\n1"):
            for kept in (16, len(raw) - 1, len(raw)):
                forged = base64.urlsafe_b64encode(raw[:kept] + tail).decode().rstrip("=")
                answer = world.admin.get(path, params={**query, "page_token": forged})
                assert answer.status_code in {200, 400}, (path, query, kept, tail, answer.text)


# Bodies


@pytest.mark.parametrize(
    "body",
    [
        b"{",
        b"}",
        b"[]",
        b'"text"',
        b"1",
        b"null",
        b"\xff\xfe",
        b'{"name": "\xff"}',
        b'{"name": "a.b.c"} more',
        b"{'name': 'a.b.c'}",
        b'{"name": NaN}',
        b'{"name": 1e999}',
        b'{"name": "a\x00b"}',
        b'{"name": "\\ud800"}',
        b'{"name": "\\u0000"}',
        b'{"name": ["a.b.c"]}',
        b'{"name": {"a": 1}}',
        b'{"name": 5}',
        b'{"name": "a.b.c", "tags": {"key": "k"}}',
        b'{"name": "a.b.c", "tags": [1]}',
        b'{"name": "a.b.c", "tags": [{"value": "v"}]}',
        b'{"name": "a.b.c", "description": 7}',
        b'{"x": ' + b"1" * 5_000 + b"}",
        b'{"x": ' + b"[" * 100_000,
        b'{"x": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
        b'{"a":' * 50_000 + b"1" + b"}" * 50_000,
        b'{"name": "' + b"a" * 5_000_000 + b'"}',
        b"\xef\xbb\xbf{}",
    ],
    ids=range(28),
)
def test_a_body_that_makes_no_sense_is_refused(world: World, body: bytes) -> None:
    answer = world.admin.post(CREATE, content=body)
    assert answer.status_code == 400
    assert answer.json()["error_code"] in {"MALFORMED_REQUEST", "INVALID_PARAMETER_VALUE"}
    check_no_leak(answer.text)
    assert len(answer.content) < 1_000


@pytest.mark.parametrize(
    "query",
    [
        "a=%ff",
        "a=%ed%a0%80",
        "&".join(f"a{number}=1" for number in range(1_000)),
        "a=" + "x" * 20_000,
        "max_results=" + "9" * 5_000,
        "max_results=1e3",
        "max_results=",
        "max_results=1&max_results=x",
        "filter=%00",
        "page_token=%00",
        "action=%00",
    ],
)
def test_a_query_that_makes_no_sense_is_refused(world: World, query: str) -> None:
    answer = world.admin.get(f"{LEGACY}/registered-models/search?{query}")
    assert answer.status_code in {200, 400}, answer.text
    check_no_leak(answer.text)


@pytest.mark.parametrize(
    "host",
    [
        "evil.example.com",
        "127.0.0.1.evil.com",
        "127.0.0.1:80@evil.com",
        "127.0.0.1:x/evil.com",
        "[::1].evil.com",
        "[::1]@evil.com",
        "localhost:80:80",
        "[",
        "]",
        "",
        "a" * 5_000,
        "127.0.0.1#",
        "localhost evil",
    ],
)
def test_a_host_that_is_not_ours_is_refused(world: World, host: str) -> None:
    lines = [f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n"]
    answer = exchange(world, *(line.encode() for line in lines))
    assert answer.startswith(b"HTTP/1.1 400"), answer[:100]
    refusal(httpx.Response(400, content=answer.partition(b"\r\n\r\n")[2]), *INVALID)


def test_a_host_that_is_ours_is_served_with_any_port_and_case(world: World) -> None:
    for host in ("localhost", "LOCALHOST:1", "127.0.0.1:65535", "[::1]:8585", "[::1]"):
        answer = exchange(world, f"GET /health HTTP/1.1\r\nHost: {host}\r\nConnection: close\r\n\r\n".encode())
        assert answer.startswith(b"HTTP/1.1 200"), host


# Connections


def exchange(world: World, *chunks: bytes) -> bytes:
    """Whatever comes back for these bytes until the server closes the connection."""
    with world.line() as line:
        with contextlib.suppress(OSError):
            for chunk in chunks:
                line.sendall(chunk)
        return b"".join(received(line))


def received(line: socket.socket) -> Iterator[bytes]:
    with contextlib.suppress(ConnectionError):
        while chunk := line.recv(1 << 16):
            yield chunk


def head(world: World, method: str, target: str, *headers: str) -> bytes:
    lines = [f"{method} {target} HTTP/1.1", "Host: localhost", f"Authorization: Bearer {world.server.token}", *headers]
    return "\r\n".join([*lines, "", ""]).encode()


def incoming(world: World) -> list[Path]:
    """What still arrives in the byte store, besides multipart uploads."""
    return list((world.server.data / "blobs" / "incoming").glob("blob-*"))


def is_settled(world: World) -> bool:
    """Whether nothing is left behind, given a moment."""
    until = time.monotonic() + 10
    while incoming(world) and time.monotonic() < until:
        time.sleep(0.02)
    return not incoming(world)


@pytest.mark.parametrize("sent", [0, 1, 1_000, 3 * MIB])
@pytest.mark.parametrize("chunked", [False, True])
def test_an_upload_that_breaks_off_leaves_nothing(world: World, sent: int, chunked: bool) -> None:  # noqa: FBT001
    folder = world.folder()
    announced = "Transfer-Encoding: chunked" if chunked else f"Content-Length: {4 * MIB}"
    with world.line() as line:
        line.sendall(head(world, "PUT", folder.file("a"), announced))
        content = b"x" * sent
        line.sendall(b"%x\r\n%s\r\n" % (sent, content) if chunked and sent else content)
        time.sleep(0.05)
    assert is_settled(world)
    refusal(folder.get("a"), 404, "NOT_FOUND")
    assert folder.names() == []


def test_a_part_that_breaks_off_leaves_no_part(world: World) -> None:
    folder = world.folder()
    begun = folder.client.post(folder.file("a"), params={"action": "initiate-upload"}).json()
    session = begun["multipart_upload"]["session_token"]
    target = f"{folder.file('a')}?{urlencode({'action': 'upload-part', 'session_token': session, 'part_number': 1})}"
    with world.line() as line:
        line.sendall(head(world, "PUT", target, f"Content-Length: {4 * MIB}") + b"x" * 2 * MIB)
        time.sleep(0.05)
    uploads = world.server.data / "blobs" / "incoming" / session
    until = time.monotonic() + 10
    while any(path.name.startswith("00001") for path in uploads.iterdir()) and time.monotonic() < until:
        time.sleep(0.02)
    assert not [path.name for path in uploads.iterdir() if path.name.startswith("00001.")]


def test_a_broken_chunk_ends_the_connection_and_leaves_nothing(world: World) -> None:
    for body in (b"zz\r\nx", b"5\r\nhelloXX5\r\n", b"-5\r\nhello\r\n", b"ffffffffffffffffff\r\nx"):
        folder = world.folder()
        answer = exchange(world, head(world, "PUT", folder.file("a"), "Transfer-Encoding: chunked"), body)
        assert not answer or answer.startswith(b"HTTP/1.1 400"), answer[:200]
        assert is_settled(world)
        assert folder.names() == []


def test_lengths_that_make_no_sense_are_refused(world: World) -> None:
    folder = world.folder()
    for headers in (
        ("Content-Length: -3",),
        ("Content-Length: 3", "Content-Length: 5"),
        ("Content-Length: 3", "Transfer-Encoding: chunked"),
        ("Content-Length: 99999999999999999999999",),
        ("Content-Length: three",),
        ("Transfer-Encoding: gzip, nonsense",),
    ):
        answer = exchange(world, head(world, "PUT", folder.file("a"), *headers), b"5\r\nhello\r\n0\r\n\r\n")
        assert not answer or answer.startswith(b"HTTP/1.1 400"), (headers, answer[:200])
    assert folder.names() == []
    assert is_settled(world)


def test_a_file_beyond_the_limit_is_refused(world: World) -> None:
    folder = world.folder()
    with world.line() as line:
        line.sendall(head(world, "PUT", folder.file("a"), f"Content-Length: {1 << 50}") + b"x" * 3 * MIB)
        answer = line.recv(1 << 16)
    assert answer.startswith(b"HTTP/1.1 400"), answer
    check_no_leak(answer.decode())
    assert is_settled(world)


def test_bytes_that_are_no_request_are_refused(world: World) -> None:
    for text in (
        b"hello\r\n\r\n",
        b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"CONNECT localhost:80 HTTP/1.1\r\nHost: localhost\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nBad Header: x\r\n\r\n",
        b"GET /health HTTP/1.1\r\nHost: localhost\r\nX: a\x00b\r\n\r\n",
    ):
        answer = exchange(world, text)
        assert answer.startswith(b"HTTP/1.1 400"), (text, answer)
        check_no_leak(answer.decode())


def test_requests_in_a_row_on_one_connection_are_answered_in_order(world: World) -> None:
    folder = world.folder()
    requests: list[bytes] = []
    for number in range(50):
        body = b"%d" % number
        requests.append(head(world, "PUT", folder.file(f"f{number}"), f"Content-Length: {len(body)}") + body)
        requests.append(head(world, "GET", folder.file(f"f{number}")))
    requests.append(head(world, "GET", "/health", "Connection: close"))
    answer = exchange(world, b"".join(requests))
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"204", b"200"] * 50 + [b"200"]
    found = re.findall(rb"HTTP/1\.1 200 OK\r\n.*?content-length: (\d+)\r\n.*?\r\n\r\n(\d*)", answer, re.DOTALL)
    assert [body for _, body in found[:50]] == [b"%d" % number for number in range(50)]


def test_a_refused_upload_does_not_confuse_the_next_request(world: World) -> None:
    folder = world.folder()
    folder.put("a", b"kept").raise_for_status()
    smuggled = head(world, "DELETE", folder.file("a"))
    refused = head(world, "PUT", folder.file("a"), f"Content-Length: {len(smuggled)}") + smuggled
    last = head(world, "GET", "/health", "Connection: close")
    answer = exchange(world, refused, last)
    assert re.findall(rb"HTTP/1\.1 (\d+)", answer) == [b"409", b"200"]
    assert folder.get("a").content == b"kept"


# Constant memory


def peak(server: Server) -> int:
    """The most memory that the process has ever had, in bytes."""
    (line,) = [line for line in Path(f"/proc/{server.pid}/status").read_text().splitlines() if "VmHWM" in line]
    return int(line.split()[1]) * 1024


@pytest.fixture
def alone(start_server: Callable[..., Server]) -> Iterator[World]:
    """A server of one's own that has been asked something already."""
    shared = World(start_server())
    folder = shared.folder()
    folder.put("warm", b"x" * 3 * MIB).raise_for_status()
    shared.admin.post(CREATE, content=b'{"name": "' + b"a" * (3 * MIB) + b'"}')
    yield shared
    shared.close()


def pour(world: World, beginning: bytes, chunks: Iterator[bytes]) -> bytes:
    """Send until the server has had enough, or all is sent; what it says."""
    with world.line() as line:
        line.settimeout(20)
        with contextlib.suppress(OSError):
            line.sendall(beginning)
            for chunk in chunks:
                line.sendall(chunk)
            line.shutdown(socket.SHUT_WR)
        return b"".join(received(line))


def test_what_is_endless_takes_no_memory(alone: World) -> None:
    folder = Folder(alone.admin, alone.model(), 1)
    alone.version(folder.model)
    before = peak(alone.server)
    size = 200 * MIB
    block = b"a" * MIB
    huge = head(alone, "POST", CREATE, f"Content-Length: {size}") + b'{"name": "'
    answer = pour(alone, huge, itertools.repeat(block, 200))
    assert b"INVALID_PARAMETER_VALUE" in answer or not answer
    chunked = head(alone, "POST", CREATE, "Transfer-Encoding: chunked")
    pour(alone, chunked, itertools.repeat(b"100000\r\n" + block + b"\r\n", 100))
    pour(
        alone, b"GET /health HTTP/1.1\r\n", itertools.repeat(b"X-Many: aaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 1_000, 1_000)
    )
    pour(alone, b"GET /health HTTP/1.1\r\nX-Long: ", itertools.repeat(block, 100))
    pour(alone, b"GET /", itertools.repeat(block, 100))
    pour(
        alone, head(alone, "PUT", folder.file("a"), "Transfer-Encoding: chunked") + b"1;", itertools.repeat(block, 100)
    )
    grown = peak(alone.server) - before
    assert grown < 30 * MIB, f"{grown >> 20} MiB more"
    assert alone.admin.get("/health").is_success


def test_endless_trailers_take_no_memory(alone: World) -> None:
    folder = Folder(alone.admin, alone.model(), 1)
    alone.version(folder.model)
    before = peak(alone.server)
    upload = head(alone, "PUT", folder.file("a"), "Transfer-Encoding: chunked") + b"1\r\nx\r\n0\r\n"
    pour(alone, upload, itertools.repeat(b"X-Trailer: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n" * 1_000, 2_000))
    grown = peak(alone.server) - before
    assert grown < 30 * MIB, f"{grown >> 20} MiB more"
    assert alone.admin.get("/health").is_success


def test_a_large_file_takes_no_memory(alone: World) -> None:
    folder = alone.folder()
    before = peak(alone.server)
    block = secrets.token_bytes(MIB)
    alone.admin.put(folder.file("large"), content=itertools.repeat(block, 200), timeout=120).raise_for_status()
    with alone.admin.stream("GET", folder.file("large"), timeout=120) as answer:
        assert sum(len(chunk) for chunk in answer.iter_bytes()) == 200 * MIB
    grown = peak(alone.server) - before
    assert grown < 30 * MIB, f"{grown >> 20} MiB more"


def test_a_head_beyond_64_kib_is_refused_and_closed(world: World) -> None:
    bomb = b"GET /health HTTP/1.1\r\nHost: localhost\r\n" + b"X-A: " + b"a" * 70_000 + b"\r\nConnection: close\r\n"
    answer = exchange(world, bomb, b"X-B: " + b"b" * 200_000)
    assert answer.startswith(b"HTTP/1.1 400") or not answer
    assert b'{"status":"ok"}' not in answer
    fits = b"GET /health HTTP/1.1\r\nHost: localhost\r\nX-A: " + b"a" * 60_000 + b"\r\nConnection: close\r\n\r\n"
    assert b'{"status":"ok"}' in exchange(world, fits)


# Secrets


def test_no_secret_comes_into_the_log(start_server: Callable[..., Server]) -> None:
    shared = World(start_server(log_level="debug"))
    token = shared.server.token
    folder = shared.folder()
    folder.put("a", b"text").raise_for_status()
    made = shared.admin.post("/api/2.0/token/create", json={"comment": "c"}).json()["token_value"]
    link = shared.admin.post("/api/2.0/fs/create-download-url", params={"path": folder.at("a")}).json()["url"]
    signature = link.rpartition("signature=")[2]
    httpx.get(link, trust_env=False).raise_for_status()
    httpx.get(link.replace("/a?", "/b?"), trust_env=False)
    for shown in (token, made, made + "x"):
        with shared.server.client(shown) as client:
            client.get(f"{LEGACY}/registered-models/search", params={"page_token": "x"})
            client.post(CREATE, content=b"{")
            client.get(f"{FILES}/nowhere")
            client.get(f"{LEGACY}/model-versions/search", params={"filter": "x"})
    shared.admin.get(folder.file("a"), headers={"if-unmodified-since": "Thu, 01 Jan 99999999999999999999 00:00:00 GMT"})
    httpx.get(f"{shared.server.url}{folder.file('a')}?principal=x&expires=²&signature={signature}", trust_env=False)
    shared.close()
    shared.server.stop()
    log = (shared.server.data / "log").read_text()
    for secret in (token, made, signature):
        assert secret not in log
        assert secret[6:40] not in log
    database = b"".join(path.read_bytes() for path in shared.server.data.glob("modelyard.db*"))
    assert token.encode() not in database
    assert made.encode() not in database
