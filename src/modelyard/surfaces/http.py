"""The only endpoint function: every request of every protocol comes in here, and leaves through the gate.

Bodies stream in the event loop, work runs in its lane; no transaction is open while bytes are under way.
"""

from __future__ import annotations

import base64
import binascii
import logging
import re
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, TypeAlias, cast
from urllib.parse import parse_qsl

import msgspec

from modelyard.domain.access import Bearer, Credential, Signed
from modelyard.domain.journal import Origin
from modelyard.errors import Failure, Invalid, Malformed, TooLarge
from modelyard.gate import Gate
from modelyard.surfaces import transfer
from modelyard.surfaces.lanes import Lanes
from modelyard.surfaces.routes import Routes
from modelyard.surfaces.wire import (
    FILES_PREFIX,
    PROOF,
    AnyAction,
    Arrival,
    Bytes,
    Departure,
    Here,
    Joining,
    Public,
    Reply,
    Row,
    Said,
    Translation,
    Writer,
    blame,
    encode,
    signed_scope,
)

log = logging.getLogger(__name__)

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]

MAX_BODY: Final = 4 << 20
_HOST: Final = re.compile(r"([\w.\-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?\Z", re.ASCII)
_DIGITS: Final = re.compile(r"\d{1,15}\Z", re.ASCII)
_MAX_QUERY: Final = 16_384
_MAX_FIELDS: Final = 100
_INTERNAL: Final = (
    b'{"error_code":"INTERNAL_ERROR","message":"The server failed; nothing was changed. Its log says why."}'
)


@dataclass(frozen=True, slots=True)
class Site:
    """What every request shares: where the server is reached, its ids and keys, and who may name it in Host."""

    public_url: str
    allowed_hosts: frozenset[str]
    metastore_id: str
    workspace_id: int
    signing_key: bytes
    presigned: bool

    def here(self, request: Request) -> Here:
        """The server as the client of this request sees it; `Invalid` for a Host that it does not have."""
        host = request.headers.get("host", "")
        if _host_name(host) not in self.allowed_hosts:
            raise Invalid("this server has another name; an operator can add this one to allowed_hosts.")
        return Here(
            base_url=self.public_url or f"{request.scheme}://{host}",
            metastore_id=self.metastore_id,
            workspace_id=self.workspace_id,
            signing_key=self.signing_key,
            presigned=self.presigned,
            user_agent=request.origin.user_agent,
            address=request.origin.address,
        )


def _host_name(host: str) -> str:
    """The name in a Host header (RFC 9110 §7.2), or the empty string for what is none."""
    found = _HOST.match(host)
    return found[1].lower() if found else ""


def _path(scope: Scope) -> str:
    """The path as it was sent, still encoded."""
    return cast("bytes", scope["raw_path"]).decode("ascii", "replace")


class Request:
    """One request: its headers, its query, and where it came from."""

    __slots__ = ("headers", "method", "origin", "path", "query", "scheme")

    def __init__(self, scope: Scope, request_id: str) -> None:
        self.method = cast("str", scope["method"])
        self.scheme = cast("str", scope["scheme"])
        self.path = _path(scope)
        raw = cast("Iterable[tuple[bytes, bytes]]", scope["headers"])
        self.headers = {name.decode("latin-1"): value.decode("latin-1") for name, value in raw}
        self.query = _query(cast("bytes", scope["query_string"]))
        client = cast("tuple[str, int] | None", scope.get("client"))
        self.origin = Origin(
            request_id=request_id,
            address=client[0] if client else "",
            user_agent=self.headers.get("user-agent", ""),
        )

    @property
    def length(self) -> int | None:
        """The body's size in bytes, where the client says it."""
        told = self.headers.get("content-length", "")
        return int(told) if told.isascii() and told.isdigit() else None


def _query(raw: bytes) -> dict[str, str]:
    if not raw:
        return {}
    if len(raw) > _MAX_QUERY:
        raise TooLarge(f"the query has more than {_MAX_QUERY} bytes.")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
    except ValueError:
        raise Invalid("the query cannot be read; percent-encode it as UTF-8, with at most 100 parameters.") from None
    return dict(pairs)


def credential(request: Request, said: Mapping[str, str]) -> Credential:
    """What a request shows of who calls: a token as Bearer or as Basic's password, or a signed URL."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return Bearer(value.strip())
        case "basic":
            return _basic(value)
        case _:
            return _signed(request, said)


def _basic(value: str) -> Credential:
    try:
        user, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except (binascii.Error, ValueError):
        return None
    return Bearer(password) if user == "token" else None


def _signed(request: Request, said: Mapping[str, str]) -> Credential:
    query = request.query
    signed = request.path.startswith(FILES_PREFIX + "/") and query.keys() >= PROOF
    if not signed or not _DIGITS.match(query["expires"]):
        return None
    others = tuple((name, value) for name, value in query.items() if name not in PROOF)
    scope = signed_scope(request.method, "/" + said["path"], others)
    return Signed(query["principal"], scope, int(query["expires"]), query["signature"])


class Endpoint:
    """The ASGI application."""

    def __init__(self, rows: Iterable[Row], gate: Gate, store: Bytes, site: Site, lanes: Lanes) -> None:
        self.routes = Routes(rows)
        self._gate = gate
        self._store = store
        self._site = site
        self._lanes = lanes

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; other kinds of connection are not served."""
        if scope["type"] != "http":
            return
        request_id = uuid.uuid4().hex
        sure = transfer.sure(send)
        try:
            await self._answer(Request(scope, request_id), receive, sure)
        except transfer.ClientGone:
            return
        except Failure as failure:
            await _send(sure, self._refusal(scope, failure), request_id)
        except Exception:
            log.exception("a request failed", extra={"request_id": request_id})
            await _send(sure, Reply(500, _INTERNAL), request_id)

    def _refusal(self, scope: Scope, failure: Failure) -> Reply:
        """A failure from before the request was read, in the words of the protocol that its path belongs to."""
        try:
            row, _ = self.routes.find(cast("str", scope["method"]), _path(scope), "")
        except Failure:
            return blame(failure)
        return blame(failure) if isinstance(row, Public) else row.blame(failure)

    async def _answer(self, request: Request, receive: Receive, send: Send) -> None:
        here = self._site.here(request)
        row, said = self.routes.find(request.method, request.path, request.query.get("action", ""))
        if isinstance(row, Public):
            await _send(send, await self._public(row, here), request.origin.request_id)
            return
        call = _Call(request, {**request.query, **_heard(row, request), **said}, credential(request, said))
        try:
            reply = await self._dispatch(row, call, here, receive, send)
        except Failure as failure:
            reply = row.blame(failure)
        if reply is not None:
            await _send(send, reply, request.origin.request_id)

    async def _public(self, row: Public, here: Here) -> Reply:
        if row.check:
            await self._lanes.run(self._gate.check)
        return Reply(200, encode(row.write(here)))

    async def _dispatch(
        self,
        row: Translation | Arrival | Joining | Departure,
        call: _Call,
        here: Here,
        receive: Receive,
        send: Send,
    ) -> Reply | None:
        if isinstance(row, Arrival):
            return await self._arrive(row, call, receive)
        if isinstance(row, Departure):
            return await self._depart(row, call, send)
        body = await _body(receive) if call.request.length != 0 else b""
        if isinstance(row, Joining):
            return await self._join(row, call, body)
        _, result = await self._asked(call, row.said, row.read, body)
        answer = row.write(result, here)
        return answer if isinstance(answer, Reply) else Reply(200, encode(answer))

    async def _arrive(self, row: Arrival, call: _Call, receive: Receive) -> Reply:
        said, _ = await self._asked(call, row.said, row.ask)

        def begin() -> Writer:
            return row.open(self._store, said, call.request.length)

        def finish(stored: object) -> Reply:
            return row.write(self._through(call, row.keep(said, stored)) if row.keep else stored)

        return await transfer.take_in(receive, begin, finish, self._lanes.run)

    async def _depart(self, row: Departure, call: _Call, send: Send) -> None:
        _, entry = await self._asked(call, row.said, row.read)
        outgoing = transfer.Outgoing.of(entry, call.request.headers, head=row.method == "HEAD")
        await outgoing.send(send, self._store, self._lanes.run, call.request.origin.request_id)

    async def _join(self, row: Joining, call: _Call, body: bytes) -> Reply:
        said, asked = await self._asked(call, row.said, row.ask, body)
        moved = await self._lanes.run(lambda: row.move(self._store, said, asked))
        kept = await self._do(call, row.keep(said, moved)) if row.keep else moved
        await self._lanes.run(lambda: row.after(self._store, said))
        return row.write(kept)

    async def _asked(
        self, call: _Call, kind: type[msgspec.Struct], read: Callable[[Said], AnyAction], body: bytes = b""
    ) -> tuple[Said, Any]:
        """What the request says, and what the gate answers to the action that it asks for.

        A stranger's bad request is answered as a stranger's, not as a bad one.
        """
        try:
            said = _said(kind, call.told, body)
            action = read(said)
        except Failure:
            await self._lanes.run(lambda: self._gate.identify(call.credential))
            raise
        return said, await self._do(call, action)

    async def _do(self, call: _Call, action: AnyAction) -> Any:  # noqa: ANN401  the action's own result
        return await self._lanes.do(action, lambda: self._through(call, action))

    def _through(self, call: _Call, action: AnyAction) -> Any:  # noqa: ANN401  the action's own result
        return self._gate.do(action, call.credential, call.request.origin)


@dataclass(frozen=True, slots=True)
class _Call:
    """A request, what its path and query say, and what it shows of who calls."""

    request: Request
    told: dict[str, str]
    credential: Credential


def _heard(row: Row, request: Request) -> dict[str, str]:
    """What a row takes from headers."""
    wanted = row.hears if isinstance(row, Translation) else ()
    return {name: request.headers[header] for header, name in wanted if header in request.headers}


def _said(kind: type[msgspec.Struct], told: dict[str, str], body: bytes) -> Said:
    try:
        whole = {**_object(body), **told} if body else told
        return msgspec.convert(whole, kind, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(f"the request has a field of a wrong type: {error}") from None


def _object(body: bytes) -> dict[str, Any]:
    try:
        found = msgspec.json.decode(body)
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Malformed("the body is not JSON.") from None
    if not isinstance(found, dict):
        raise Malformed("the body must be a JSON object.")
    return cast("dict[str, Any]", found)


async def _body(receive: Receive) -> bytes:
    """A JSON body, whole, of at most 4 MiB."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in transfer.chunks(receive):
        size += len(chunk)
        if size > MAX_BODY:
            raise TooLarge(f"a JSON body has at most {MAX_BODY} bytes.")
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _send(send: Send, reply: Reply, request_id: str) -> None:
    headers = [(name.encode(), value.encode()) for name, value in reply.headers]
    headers += transfer.common_headers(request_id, len(reply.body))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
