"""The only endpoint function: every request of every protocol comes in here, and leaves through the gate.

Bodies stream in the event loop, work runs in its lane; no transaction is open while bytes are under way.
"""

from __future__ import annotations

import logging
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, cast
from urllib.parse import parse_qsl

import msgspec

from modelyard.actions.sessions import NoteSessionUse
from modelyard.domain.access import Bearer, Credential, Server, Session, Signed, Unproven
from modelyard.domain.journal import Origin
from modelyard.domain.sessions import USE_SECONDS, csrf_token
from modelyard.errors import Denied, Failure, Invalid, Malformed, NoSuchRoute, TooLarge, Unauthenticated
from modelyard.gate import Gate
from modelyard.surfaces import clients, cookies, transfer
from modelyard.surfaces.lanes import Lanes
from modelyard.surfaces.once import UnderWay, leased
from modelyard.surfaces.routes import Routes
from modelyard.surfaces.wire import (
    FILES_PREFIX,
    PROOF,
    AnyAction,
    Arrival,
    Bytes,
    Departure,
    Entrance,
    Form,
    Here,
    Joining,
    Once,
    Public,
    Reply,
    Row,
    Said,
    SignOn,
    Translation,
    Writer,
    basic,
    blame,
    encode,
    signed_scope,
)
from modelyard.surfaces.zerocopy import EXTENSION

log = logging.getLogger(__name__)

Scope: TypeAlias = MutableMapping[str, Any]
Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]

MAX_BODY: Final = 4 << 20
_HOST: Final = re.compile(r"([\w.\-]+|\[[0-9A-Fa-f:.]+\])(?::\d{1,5})?\Z", re.ASCII)
_DIGITS: Final = re.compile(r"\d{1,15}\Z", re.ASCII)
_MAX_QUERY: Final = 16_384
_MAX_FIELDS: Final = 100
_MOST_SESSIONS: Final = 10_000
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
    exchange: bool = False
    lends: bool = False
    """Whether there is a token service, for clients that insist on credentials of the store."""

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
            near=self.exchange and clients.is_near(request.origin, request.headers),
            is_old=self.lends and clients.is_old(request.origin),
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

    __slots__ = ("headers", "method", "origin", "path", "query", "scheme", "zero_copy")

    def __init__(self, scope: Scope, request_id: str) -> None:
        self.method = cast("str", scope["method"])
        self.scheme = cast("str", scope["scheme"])
        self.path = _path(scope)
        self.zero_copy = EXTENSION in (scope.get("extensions") or ())
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


def _query(raw: bytes, what: str = "query") -> dict[str, str]:
    if not raw:
        return {}
    if len(raw) > _MAX_QUERY:
        raise TooLarge(f"the {what} has more than {_MAX_QUERY} bytes.")
    try:
        pairs = parse_qsl(raw.decode("ascii"), keep_blank_values=True, max_num_fields=_MAX_FIELDS, errors="strict")
    except ValueError:
        raise Invalid(f"the {what} cannot be read; percent-encode it as UTF-8, with at most 100 parameters.") from None
    return dict(pairs)


def credential(request: Request, said: Mapping[str, str], here: Here) -> Credential:
    """What a request shows of who calls: a token as Bearer or as Basic's password, else a signed URL or a cookie."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return Bearer(value.strip())
        case "basic":
            return _basic(value)
        case "":
            return _signed(request, said) or cookies.session(request.method, request.headers, here)
        case _:
            return _signed(request, said)


def _basic(value: str) -> Credential:
    user, password = basic(value)
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

    def __init__(
        self,
        rows: Iterable[Row],
        gate: Gate,
        store: Bytes,
        site: Site,
        lanes: Lanes,
        provider: SignOn | None = None,
    ) -> None:
        self.routes = Routes(rows)
        self._provider = provider
        self._used: dict[str, float] = {}
        self._gate = gate
        self._store = store
        self._site = site
        self._lanes = lanes
        self._under_way = UnderWay()

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
        if isinstance(row, Translation | Joining) and row.near and here.near:
            row = row.near
        elif isinstance(row, Translation) and row.old and here.is_old:
            row = row.old
        call = _Call(request, {**request.query, **_heard(row, request), **said}, credential(request, said, here))
        try:
            reply = await self._dispatch(row, call, _seen(here, call.credential), receive, send)
        except Failure as failure:
            reply = row.blame(failure)
        else:
            await self._note_use(call)
        if reply is not None:
            await _send(send, reply, request.origin.request_id)

    async def _public(self, row: Public, here: Here) -> Reply:
        if row.check:
            await self._lanes.run(self._gate.check)
        return Reply(200, encode(row.write(here)))

    async def _dispatch(
        self,
        row: Translation | Form | Arrival | Joining | Departure | Entrance,
        call: _Call,
        here: Here,
        receive: Receive,
        send: Send,
    ) -> Reply | None:
        if isinstance(row, Arrival):
            return await self._arrive(row, call, receive)
        if isinstance(row, Departure):
            return await self._depart(row, call, send)
        if isinstance(row, Entrance):
            return await self._enter(row, call, here)
        body = await _body(receive) if call.request.length != 0 else b""
        if isinstance(row, Joining):
            return _written(row.write(await self._join(row, call, body), here))
        if isinstance(row, Form):
            call, body = _filled(row, call, body), b""
        _, result = await self._asked(call, row.said, row.read, body)
        return _written(row.write(result, here))

    async def _arrive(self, row: Arrival, call: _Call, receive: Receive) -> Reply:
        said, asked = await self._asked(call, row.said, row.ask)

        def begin() -> Writer:
            return row.open(self._store, said, asked, call.request.length)

        def finish(stored: object) -> Reply:
            return row.write(self._through(call, row.keep(said, stored)) if row.keep else stored)

        return await transfer.take_in(receive, begin, finish, self._lanes.run)

    async def _depart(self, row: Departure, call: _Call, send: Send) -> None:
        _, found = await self._asked(call, row.said, row.read)
        asked, head = call.request, row.method == "HEAD"
        outgoing = transfer.Outgoing.of(row.entry(found), asked.headers, head=head, zero_copy=asked.zero_copy)
        await outgoing.send(send, row.source(self._store, found), self._lanes.run, asked.origin.request_id)

    async def _join(self, row: Joining, call: _Call, body: bytes) -> Any:  # noqa: ANN401  what the row writes
        said, asked = await self._asked(call, row.said, row.ask, body)
        key = row.once.key(asked) if row.once else ""
        if not row.once or not key:
            return (await self._worked(row, call, said, asked))[1]
        return await self._worked_once(row, row.once, key, _Joined(call, said, asked, body))

    async def _worked(self, row: Joining, call: _Call, said: Said, asked: object) -> tuple[Any, Any]:
        """What the work gave, and what came of keeping it."""
        run = self._lanes.run_long if row.once else self._lanes.run
        moved = await run(lambda: row.move(self._store, said, asked))
        kept = await self._do(call, row.keep(said, moved)) if row.keep else moved
        try:
            await self._lanes.run(lambda: row.after(self._store, asked, kept))
        except Failure as failure:
            log.warning("what was left could not be tidied up: %s", failure.message)  # what was asked is done
        return moved, kept

    async def _worked_once(self, row: Joining, once: Once, key: str, joined: _Joined) -> Any:  # noqa: ANN401  what the row writes
        """Join the work that is under way, or begin it; then keep what came of it as everybody does, by oneself."""
        mine = False

        async def work() -> tuple[Any, Any]:
            nonlocal mine
            mine = True
            return await self._alone(row, once, key, joined)

        try:
            moved, kept = await self._under_way.join(key, work)
        except Denied:
            if mine:
                raise
            return await self._worked_once(row, once, key, joined)  # who began it may not do what this caller may
        return await self._do(joined.call, row.keep(joined.said, moved)) if row.keep and not mine else kept

    async def _alone(self, row: Joining, once: Once, key: str, joined: _Joined) -> tuple[Any, Any]:
        """Work while no other process does; what one has done meanwhile is asked for anew."""
        call, said, asked = joined.call, joined.said, joined.asked
        if self._lanes.is_alone:
            return await self._worked(row, call, said, asked)
        server, holder = call.by(Server()), uuid.uuid4().hex

        async def claim() -> bool:
            return await self._do(server, once.claim(key, holder))

        async with leased(claim, lambda: self._do(server, once.release(key, holder))) as waited:
            if waited:
                said, asked = await self._asked(call, row.said, row.ask, joined.body)
            return await self._worked(row, call, said, asked)

    async def _enter(self, row: Entrance, call: _Call, here: Here) -> Reply:
        provider = self._provider
        if provider is None:
            raise NoSuchRoute("single sign-on is not set up on this server; an operator sets oidc_issuer.")
        said = _said(row.said, call.told, b"")
        try:
            begun = await self._do(call.by(Server()), row.before(said, here)) if row.before else None
            found = await self._lanes.run_outbound(lambda: row.call(provider, said, begun, here))
        except Unauthenticated as failure:
            return await self._do(call.by(Unproven(failure.message)), row.refused())
        action, proof = row.after(found)
        return row.write(found, await self._do(call.by(proof), action), here)

    async def _note_use(self, call: _Call) -> None:
        """Note that a session is in use, at most once a minute: it ends when it is not.

        What was asked is done already, so a failure here is only logged.
        """
        shown, now = call.credential, time.monotonic()
        if not isinstance(shown, Session) or now - self._used.get(shown.secret, -USE_SECONDS) < USE_SECONDS:
            return
        if len(self._used) >= _MOST_SESSIONS:
            self._used.clear()
        self._used[shown.secret] = now
        try:
            await self._do(call.by(Server()), NoteSessionUse(shown))
        except Failure as failure:
            log.warning("the use of a session could not be noted: %s", failure.message)

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

    def by(self, credential: Credential) -> _Call:
        """The same request, with another credential."""
        return replace(self, credential=credential)


@dataclass(frozen=True, slots=True)
class _Joined:
    """A call to work that is done once: what it says, and what the gate answered."""

    call: _Call
    said: Said
    asked: Any
    body: bytes


def _seen(here: Here, shown: Credential) -> Here:
    """The server as the page of this session sees it."""
    return replace(here, csrf_token=csrf_token(here.signing_key, shown.secret)) if isinstance(shown, Session) else here


def _written(answer: object) -> Reply:
    return answer if isinstance(answer, Reply) else Reply(200, encode(answer))


def _heard(row: Row, request: Request) -> dict[str, str]:
    """What a row takes from headers; neither query nor body can say it where the header is missing."""
    wanted = row.hears if isinstance(row, Translation | Form | Entrance) else ()
    return {name: request.headers.get(header, "") for header, name in wanted}


def _filled(row: Form, call: _Call, body: bytes) -> _Call:
    """A call as its form tells it, and with the proof that is in the form."""
    told = {**_query(body, "form"), **_heard(row, call.request)}
    return replace(call, told=told, credential=row.proof(_said(row.said, told, b"")))


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
