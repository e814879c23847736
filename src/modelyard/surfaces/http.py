"""The only endpoint function: every request of every protocol comes in here, and leaves through the gate.

Bodies stream in the event loop, work runs in its lane; no transaction is open while bytes are under way.
"""

from __future__ import annotations

import logging
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Mapping, MutableMapping
from dataclasses import dataclass, replace
from typing import Any, Final, TypeAlias, cast

import msgspec

from modelyard.actions.endpoints import Permit, Predict
from modelyard.actions.sessions import NoteSessionUse
from modelyard.domain.access import Caller, Credential, Server, Session, Unproven
from modelyard.domain.sessions import USE_SECONDS, csrf_token
from modelyard.errors import Denied, Failure, Invalid, Malformed, NoSuchRoute, TooLarge, Unauthenticated, Unavailable
from modelyard.gate import Gate
from modelyard.surfaces import transfer
from modelyard.surfaces.invoke import WAY, Asking, Invoker
from modelyard.surfaces.lanes import Lanes
from modelyard.surfaces.multipart import FORM, as_json
from modelyard.surfaces.once import UnderWay, leased
from modelyard.surfaces.relays import Call as Relayed
from modelyard.surfaces.relays import Relayer
from modelyard.surfaces.request import Request, Scope, Site, path_of, query_of
from modelyard.surfaces.routes import Routes
from modelyard.surfaces.served import Serving
from modelyard.surfaces.shown import credential
from modelyard.surfaces.tracked import Tracking
from modelyard.surfaces.wire import (
    MAX_BODY,
    AnyAction,
    Arrival,
    Bytes,
    Consult,
    Departure,
    Entrance,
    Form,
    Here,
    Joining,
    Once,
    Prediction,
    Public,
    Relay,
    Reply,
    Row,
    Said,
    SignOn,
    Translation,
    Writer,
    blame,
    encode,
)

log = logging.getLogger(__name__)

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]

_MOST_SESSIONS: Final = 10_000
_INTERNAL: Final = (
    b'{"error_code":"INTERNAL_ERROR","message":"The server failed; nothing was changed. Its log says why."}'
)


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
        serving: Serving | None = None,
        tracking: Tracking | None = None,
    ) -> None:
        there = tuple(rows)
        self.routes = Routes(there)
        self._serving = serving
        self._provider = provider
        self._used: dict[str, float] = {}
        self._gate = gate
        self._store = store
        self._site = site
        self._lanes = lanes
        self._under_way = UnderWay()
        self._relayer = Relayer(tracking) if tracking else None
        predicting = next((row for row in there if isinstance(row, Prediction)), None)
        self._invoker = self._invoking(serving, predicting) if serving and predicting else None

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer one request; other kinds of connection are not served."""
        if scope["type"] != "http":
            return
        if self._invoker and scope["raw_path"].startswith(WAY):
            await self._invoker(scope, receive, send)
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

    def _invoking(self, serving: Serving, row: Prediction) -> Invoker:
        """What answers predictions, for whom the gate lets through."""

        async def admit(predict: Predict, shown: Credential, scope: Scope, request_id: str) -> Permit:
            request = Request(scope, request_id)
            asked = lambda: self._gate.permit(predict, shown, request.origin)  # noqa: E731  it is one expression
            return await self._lanes.do(predict, asked)

        def shown(scope: Scope) -> Credential:
            request = Request(scope, "")
            return credential(request, self._site.here(request))

        def named(host: str) -> None:
            self._site.check(host)

        asking = Asking(admit, self._gate.permitted, shown, named)
        return Invoker(serving, asking, row.blame, self._site.payload_limit)

    def _refusal(self, scope: Scope, failure: Failure) -> Reply:
        """A failure from before the request was read, in the words of the protocol that its path belongs to."""
        try:
            row, _ = self.routes.find(cast("str", scope["method"]), path_of(scope), "")
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
        query = {**request.query, **request.lists(row.repeats if isinstance(row, Translation) else ())}
        call = _Call(request, {**query, **_heard(row, request), **said}, credential(request, here))
        try:
            if isinstance(row, Relay):
                reply: Reply | None = await self._relay(row, call, receive)
            else:
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
        row: Translation | Form | Arrival | Joining | Departure | Consult | Prediction | Entrance,
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
        if isinstance(row, Prediction):
            raise Unavailable("this server does not serve models.")
        most = row.most if isinstance(row, Joining) else MAX_BODY
        body = await _body(receive, most) if call.request.length != 0 else b""
        if isinstance(row, Joining):
            if body and (kind := call.request.headers.get("content-type", "")).startswith(FORM):
                body = as_json(body, kind)
            said, result = await self._join(row, call, body)
            return _told(row, said, result, here)
        if isinstance(row, Form):
            call, body = _filled(row, call, body), b""
        said, result = await self._asked(call, row.said, row.read, body)
        if isinstance(row, Consult):
            return _written(await self._looked(row, result))
        if isinstance(row, Translation) and row.settles and self._serving:
            self._serving.join()
            await self._serving.settled()
        return _told(row, said, result, here)

    async def _looked(self, row: Consult, found: object) -> object:
        serving = self._serving
        if serving is None:
            raise Unavailable("this server does not serve models.")
        return await self._lanes.run(lambda: row.look(serving, found))

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

    async def _join(self, row: Joining, call: _Call, body: bytes) -> tuple[Said, Any]:
        """What was said, and what the row writes."""
        said, asked = await self._asked(call, row.said, row.ask, body)
        key = row.once.key(asked) if row.once else ""
        if not row.once or not key:
            return said, (await self._worked(row, call, said, asked))[1]
        return said, await self._worked_once(row, row.once, key, _Joined(call, said, asked, body))

    async def _worked(self, row: Joining, call: _Call, said: Said, asked: object) -> tuple[Any, Any]:
        """What the work gave, and what came of keeping it."""
        run = self._lanes.run_long if row.once else self._lanes.run
        moved = await run(lambda: row.move(self._store, said, asked))
        kept = await self.do(call, row.keep(said, moved)) if row.keep else moved
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
        return await self.do(joined.call, row.keep(joined.said, moved)) if row.keep and not mine else kept

    async def _alone(self, row: Joining, once: Once, key: str, joined: _Joined) -> tuple[Any, Any]:
        """Work while no other process does; what one has done meanwhile is asked for anew."""
        call, said, asked = joined.call, joined.said, joined.asked
        if self._lanes.is_alone:
            return await self._worked(row, call, said, asked)
        server, holder = call.by(Server()), uuid.uuid4().hex

        async def claim() -> bool:
            return await self.do(server, once.claim(key, holder))

        async with leased(claim, lambda: self.do(server, once.release(key, holder))) as waited:
            if waited:
                said, asked = await self._asked(call, row.said, row.ask, joined.body)
            return await self._worked(row, call, said, asked)

    async def _relay(self, row: Relay, call: _Call, receive: Receive) -> Reply:
        if self._relayer is None:
            raise NoSuchRoute("experiments are not kept by this server; an operator sets tracking = true.")
        asked, gate = call.request, _Asking(self, call)
        query = asked.raw_query.decode("ascii", "replace")
        workspace_id = self._site.workspace_id
        return await self._relayer.answer(
            row, Relayed(call.told, query, asked.origin.user_agent, workspace_id, gate), receive
        )

    async def _enter(self, row: Entrance, call: _Call, here: Here) -> Reply:
        provider = self._provider
        if provider is None:
            raise NoSuchRoute("single sign-on is not set up on this server; an operator sets oidc_issuer.")
        said = _said(row.said, call.told, b"")
        try:
            begun = await self.do(call.by(Server()), row.before(said, here)) if row.before else None
            found = await self._lanes.run_outbound(lambda: row.call(provider, said, begun, here))
        except Unauthenticated as failure:
            return await self.do(call.by(Unproven(failure.message)), row.refused())
        action, proof = row.after(found)
        return row.write(found, await self.do(call.by(proof), action), here)

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
            await self.do(call.by(Server()), NoteSessionUse(shown))
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
        return said, await self.do(call, action)

    async def permit(self, call: _Call, invocation: Any) -> Any:  # noqa: ANN401  the action's own result
        """What the gate answers to an invocation, or did within the last second."""
        known = self._gate.permitted(invocation, call.credential)
        if known is not None:
            return known
        origin = call.request.origin
        return await self._lanes.do(invocation, lambda: self._gate.permit(invocation, call.credential, origin))

    async def identify(self, call: _Call) -> Caller:
        """Who sends a request."""
        return await self._lanes.run(lambda: self._gate.identify(call.credential))

    async def do(self, call: _Call, action: AnyAction) -> Any:  # noqa: ANN401  the action's own result
        """What the gate answers to an action."""
        return await self._lanes.do(action, lambda: self._through(call, action))

    def _through(self, call: _Call, action: AnyAction) -> Any:  # noqa: ANN401  the action's own result
        return self._gate.do(action, call.credential, call.request.origin)


@dataclass(frozen=True, slots=True)
class _Call:
    """A request, what its path and query say, and what it shows of who calls."""

    request: Request
    told: dict[str, Any]
    credential: Credential

    def by(self, credential: Credential) -> _Call:
        """The same request, with another credential."""
        return replace(self, credential=credential)


@dataclass(frozen=True, slots=True)
class _Asking:
    """How a relay asks the gate, for whoever has sent the request or for the server."""

    endpoint: Endpoint
    call: _Call

    async def do(self, action: AnyAction) -> Any:  # noqa: ANN401  the action's own result
        return await self.endpoint.do(self.call, action)

    async def by_itself(self, chore: AnyAction) -> Any:  # noqa: ANN401  as above
        return await self.endpoint.do(self.call.by(Server()), chore)

    async def permit(self, invocation: AnyAction) -> Any:  # noqa: ANN401  as above
        return await self.endpoint.permit(self.call, invocation)

    async def caller(self) -> Caller:
        return await self.endpoint.identify(self.call)


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


def _told(row: Translation | Form | Joining, said: Said, result: object, here: Here) -> Reply:
    tell = None if isinstance(row, Form) else row.tell
    return _written(tell(said, result, here) if tell else row.write(result, here))


def _written(answer: object) -> Reply:
    return answer if isinstance(answer, Reply) else Reply(200, encode(answer))


def _heard(row: Row, request: Request) -> dict[str, str]:
    """What a row takes from headers; neither query nor body can say it where the header is missing."""
    wanted = row.hears if isinstance(row, Translation | Form | Entrance) else ()
    return {name: request.headers.get(header, "") for header, name in wanted}


def _filled(row: Form, call: _Call, body: bytes) -> _Call:
    """A call as its form tells it, and with the proof that is in the form."""
    told = {**query_of(body, "form"), **_heard(row, call.request)}
    return replace(call, told=told, credential=row.proof(_said(row.said, told, b"")))


def _said(kind: type[msgspec.Struct], told: dict[str, Any], body: bytes) -> Said:
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


async def _body(receive: Receive, most: int) -> bytes:
    """A JSON body, whole, of so many bytes at most."""
    chunks: list[bytes] = []
    size = 0
    async for chunk in transfer.chunks(receive):
        size += len(chunk)
        if size > most:
            raise TooLarge(f"a JSON body has at most {most} bytes.")
        chunks.append(chunk)
    return chunks[0] if len(chunks) == 1 else b"".join(chunks)


async def _send(send: Send, reply: Reply, request_id: str) -> None:
    headers = [(name.encode(), value.encode()) for name, value in reply.headers]
    headers += transfer.common_headers(request_id, len(reply.body))
    await send({"type": "http.response.start", "status": reply.status, "headers": headers})
    await send({"type": "http.response.body", "body": reply.body})
