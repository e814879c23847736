"""Predictions: from the request to the process that answers it, and back (protocol notes §2).

This is the way that must be short: in the steady state a request costs a few look-ups, and no SQL. What is decided, in
this order: who asks (401), whether the endpoint is there and may be asked (404, 403), whether it has the served entity
(404), whether the body is not too large (413), whether it is not too much (429). Then the model is asked.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import random
import re
import time
import uuid
from collections.abc import Awaitable, Callable, Iterable, Iterator, Mapping, MutableMapping
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec

from modelyard.action import Ref
from modelyard.actions.endpoints import Permit, Predict
from modelyard.domain import traffic
from modelyard.domain.access import Bearer, Credential
from modelyard.domain.board import Answer, Question, Route, Target
from modelyard.domain.capture import LARGEST, Record
from modelyard.domain.endpoints import PREFIX, Deployment
from modelyard.domain.limits import Limiter
from modelyard.domain.privileges import Kind
from modelyard.errors import (
    Exhausted,
    Failure,
    NoSuchRoute,
    NotFound,
    Replaced,
    TooLarge,
    Unavailable,
    WrongState,
)
from modelyard.surfaces import transfer
from modelyard.surfaces.served import Serving
from modelyard.surfaces.together import send_whole
from modelyard.surfaces.vigil import Vigil
from modelyard.surfaces.wire import Reply

log = logging.getLogger(__name__)

Headers = Mapping[bytes, bytes]
Scope = MutableMapping[str, Any]
Blame = Callable[[Failure], Reply]

WAY: Final = b"/serving-endpoints/"
_PATH: Final = re.compile(rb"/serving-endpoints/([^/]+)(?:/served-models/([^/]+))?/invocations\Z")
_LONGEST: Final = 200
_BEARER: Final = b"bearer "
_MOST_PLACES: Final = 10_000
_MOST_SHADOWS: Final = 64
"""How many copies for shadows may be under way; more are left out, so that they never slow what is answered."""
_JSON: Final = b"application/json"
_SERVER_ERROR: Final = 500
_CLIENT_GONE: Final = 499
"""How requests are counted whose clients did not wait: nobody gets this status."""
_INTERNAL: Final = Reply(500, b'{"error_code":"INTERNAL_ERROR","message":"The server failed; its log says why."}')
_draw: Final = random.random


class _Said(msgspec.Struct):
    """What a body says beside the question itself."""

    client_request_id: str | int | None = None
    stream: bool = False


_READ: Final = msgspec.json.Decoder(_Said, strict=False)
_NOTHING: Final = _Said()


@dataclass(frozen=True, slots=True)
class Asking:
    """How the endpoint asks the gate."""

    admit: Callable[[Predict, Credential, Scope, str], Awaitable[Permit]]
    """Anew, for a request with an id."""
    recall: Callable[[Predict, Credential], Permit | None]
    """What it answered within the last second."""
    shown: Callable[[Scope], Credential]
    """What a request shows of who calls, where it is not simply a bearer token."""
    check_host: Callable[[str], None]
    """`Invalid` for a name that the server does not have."""


class Invoker:
    """The ASGI application of the paths below `WAY`."""

    def __init__(self, serving: Serving, asking: Asking, blame: Blame, most: int) -> None:
        self._serving = serving
        self._asking = asking
        self._blame = blame
        self._most = most
        self._hosts: set[bytes] = set()
        self._places: dict[bytes, tuple[Predict, str]] = {}
        self._limiter = Limiter()
        self._shadows: set[asyncio.Task[None]] = set()

    async def __call__(self, scope: Scope, receive: transfer.Receive, send: transfer.Send) -> None:
        """Answer one request."""
        request_id = uuid.uuid4().hex
        try:
            reply = await self._answered(scope, receive, send, request_id)
        except transfer.ClientGone:
            return
        except Failure as failure:
            reply = self._blame(failure)
        except Exception:
            log.exception("a prediction failed", extra={"request_id": request_id})
            reply = _INTERNAL
        if reply is not None:
            await _send(scope, send, reply, request_id)

    async def _answered(
        self, scope: Scope, receive: transfer.Receive, send: transfer.Send, request_id: str
    ) -> Reply | None:
        self._serving.join()
        headers: dict[bytes, bytes] = dict(cast("Iterable[tuple[bytes, bytes]]", scope["headers"]))
        self._check_host(headers.get(b"host", b""))
        predict, served = self._place(scope)
        permit = await self._permit(predict, headers, scope, request_id)
        route = self._route(permit, predict)
        if served:
            self._named(route, served)
        body = await self._body(headers, receive)
        route = self._route(permit, predict)  # a body may take long to come: what serves may be another version now
        self._limit(route, permit)
        call = _Call(route, permit, request_id, headers, body)
        with Vigil(receive):
            try:
                return await self._sent(call, served, send)
            except Replaced:
                call.route = self._route(permit, predict)
                return await self._sent(call, served, send)

    async def _sent(self, call: _Call, served: str, send: transfer.Send) -> Reply | None:
        """What the entity that is named, or whose turn it is, answers; nothing where that was sent already."""
        target = self._named(call.route, served) if served else self._chosen(call)
        if call.said.stream:
            return await self._streamed(call, target, send)
        reply = await self._asked(call, target)
        self._shadow(call, target)
        return reply

    def _check_host(self, host: bytes) -> None:
        if host not in self._hosts:
            self._asking.check_host(host.decode("latin-1"))
            if len(self._hosts) < _MOST_PLACES:
                self._hosts.add(host)

    def _place(self, scope: Scope) -> tuple[Predict, str]:
        """What a path asks for: the invocation, and the served entity, if it names one."""
        raw = cast("bytes", scope["raw_path"])
        found = self._places.get(raw) if scope["method"] == "POST" else None
        if found is None:
            matched = _PATH.match(raw)
            if matched is None or scope["method"] != "POST":
                raise NoSuchRoute(f"there is no {raw[:200].decode('ascii', 'replace')} here.")
            # A name that none can have is told as one that nobody has, and to strangers nothing of either.
            name, served = ((each or b"")[:_LONGEST].decode("ascii", "replace") for each in matched.groups())
            if len(self._places) >= _MOST_PLACES:
                self._places.clear()
            found = self._places[raw] = (Predict(Ref(Kind.ENDPOINT, PREFIX + name)), served)
        return found

    async def _permit(self, predict: Predict, headers: Headers, scope: Scope, request_id: str) -> Permit:
        shown = headers.get(b"authorization", b"")
        if shown[:7].lower() == _BEARER:
            credential: Credential = Bearer(shown[7:].strip().decode("latin-1"))
        else:
            credential = self._asking.shown(scope)
        known = self._asking.recall(predict, credential)
        return known or await self._asking.admit(predict, credential, scope, request_id)

    def _route(self, permit: Permit, predict: Predict) -> Route:
        name = predict.endpoint.name.removeprefix(PREFIX)
        route = self._serving.board.routes.get(name)
        if route is None or route.endpoint_id != permit.endpoint_id:
            failure = Unavailable(f"endpoint '{name}' does not serve yet; look at its state, and ask again shortly.")
            failure.seconds = 5
            raise failure
        if route.stopped:
            raise WrongState(f"Endpoint '{name}' is stopped; start it first.")
        return route

    @staticmethod
    def _named(route: Route, served: str) -> Target:
        target = route.targets.get(served)
        if target is None:
            raise NotFound(f"Endpoint '{route.name}' has no served entity '{served}'.")
        return target

    async def _body(self, headers: Headers, receive: transfer.Receive) -> bytes:
        told = headers.get(b"content-length", b"")
        if told.isdigit() and int(told) > self._most:
            raise self._too_large()
        message = await receive()
        body: bytes = message.get("body", b"")
        if not message.get("more_body", False) and message["type"] == "http.request":
            if len(body) > self._most:
                raise self._too_large()
            return body
        chunks, size = [body], len(body)
        while message.get("more_body", False):
            message = await receive()
            if message["type"] == "http.disconnect":
                raise transfer.ClientGone
            chunks.append(message.get("body", b""))
            size += len(chunks[-1])
            if size > self._most:
                raise self._too_large()
        if message["type"] == "http.disconnect":
            raise transfer.ClientGone
        return b"".join(chunks)

    def _too_large(self) -> TooLarge:
        return TooLarge(f"a request for predictions has at most {self._most} bytes; send fewer rows at once.")

    def _limit(self, route: Route, permit: Permit) -> None:
        if route.limits:
            names = {permit.principal, *permit.groups}
            left = self._limiter.admit(route.endpoint_id, route.limits, permit.principal, names, time.time())
            if left:
                raise Exhausted("the endpoint takes no more requests in this minute; ask again in the next.", left)

    def _chosen(self, call: _Call) -> Target:
        """The entity that a request goes to: by a header, by its key, or by lot."""
        route = call.route
        if route.headers:
            named = traffic.by_header(route.headers, _Decoded(call.headers))
            if named:
                return route.targets[named]
        shares = route.shares
        if len(shares) == 1:
            return route.targets[shares[0][0]]
        key = self._key(call) if route.sticky else ""
        name = traffic.kept(shares, key, route.endpoint_id) if key else traffic.drawn(shares, _draw())
        return route.targets[name]

    @staticmethod
    def _key(call: _Call) -> str:
        sticky = call.route.sticky
        if sticky == "user":
            return call.permit.principal_id
        if sticky == "client_request_id":
            return str(call.said.client_request_id or "")
        return call.headers.get(sticky.removeprefix("header:").encode(), b"").decode("latin-1")

    async def _asked(self, call: _Call, target: Target) -> Reply:
        answer = await self._answer(call, target)
        return Reply(
            answer.status,
            answer.body,
            (("content-type", answer.content_type), ("served-model-name", target.name)),
        )

    async def _answer(self, call: _Call, target: Target, *, shadow: bool = False) -> Answer:
        """The answer of an entity, counted and logged whatever became of it."""
        meter = self._serving.meters.of(call.route.endpoint_id, target.name)
        begun = time.perf_counter()
        meter.under_way += 1
        answer, is_counted = Answer(_SERVER_ERROR, b""), True
        try:
            answer = await self._serving.ask(target, Question(call.body, call.content_type))
        except Replaced:
            is_counted = False
            raise
        except Failure as failure:
            reply = self._blame(failure)
            answer = Answer(reply.status, reply.body)
            raise
        except asyncio.CancelledError:
            answer = Answer(_CLIENT_GONE, b"")
            raise
        finally:
            meter.under_way -= 1
            if is_counted:  # not where another one is asked the same
                took = (time.perf_counter() - begun) * 1000
                meter.note(time.time(), answer.status, took, answer.model_us / 1000, answer.queue_us / 1000)
                self._log(call, target, answer, took, shadow=shadow)
        return answer

    def _log(self, call: _Call, target: Target, answer: Answer, took: float, *, shadow: bool) -> None:
        capture = call.route.capture
        if capture is None or not capture.enabled or not capture.id or call.draw * 100 >= capture.fraction:
            return
        self._serving.capture(
            Record(
                table=capture.id,
                endpoint_id=call.route.endpoint_id,
                request_id=call.request_id,
                client_request_id=str(call.said.client_request_id or ""),
                at=time.time(),
                status=answer.status,
                fraction=capture.fraction,
                milliseconds=took,
                request=call.body,
                response=answer.body,
                entity=target.name,
                served_id=target.served_id,
                model=target.model,
                version=target.version,
                requester=call.permit.principal,
                shadow=shadow,
                model_milliseconds=answer.model_us / 1000,
                queue_milliseconds=answer.queue_us / 1000,
            )
        )

    # Shadows

    def _shadow(self, call: _Call, answered: Target) -> None:
        """Give copies of a request to the shadows, whose answers nobody gets."""
        for name, fraction in call.route.shadows:
            if name == answered.name or _draw() * 100 >= fraction or len(self._shadows) >= _MOST_SHADOWS:
                continue
            target = call.route.targets[name]
            if target.state is not Deployment.READY:
                continue
            task = asyncio.get_running_loop().create_task(self._in_the_shadow(call, target))
            self._shadows.add(task)
            task.add_done_callback(self._shadows.discard)

    async def _in_the_shadow(self, call: _Call, target: Target) -> None:
        try:
            await self._answer(call, target, shadow=True)
        except Failure as failure:
            log.info("a shadow gave no answer: %s", failure.message)

    # Streams

    async def _streamed(self, call: _Call, target: Target, send: transfer.Send) -> Reply | None:
        """Send the pieces of an answer as they come; an answer without pieces is an ordinary one."""
        meter = self._serving.meters.of(call.route.endpoint_id, target.name)
        begun, started, status = time.perf_counter(), False, _SERVER_ERROR
        sure, heard = transfer.sure(send), bytearray()
        meter.under_way += 1
        question = Question(call.body, call.content_type, streams=True)
        try:
            async with contextlib.aclosing(self._serving.stream(target, question)) as pieces:
                async for piece in pieces:
                    if len(heard) <= LARGEST and call.route.capture:
                        heard += piece.body if isinstance(piece, Answer) else piece
                    if not isinstance(piece, Answer):
                        if not started:
                            await _begin_stream(sure, target.name, call.request_id)
                        started = True
                        await sure({"type": "http.response.body", "body": piece, "more_body": True})
                        continue
                    status = piece.status
                    if not started:
                        told = (("content-type", piece.content_type), ("served-model-name", target.name))
                        return Reply(piece.status, piece.body, told)
                    await sure({"type": "http.response.body", "body": piece.body})
        except Failure as failure:
            status = self._blame(failure).status
            if not started:
                raise
            await sure({"type": "http.response.body", "body": _event(failure)})
        except (asyncio.CancelledError, transfer.ClientGone):
            status = _CLIENT_GONE
            raise
        finally:
            meter.under_way -= 1
            took = (time.perf_counter() - begun) * 1000
            meter.note(time.time(), status, took, 0.0, 0.0)
            self._log(call, target, Answer(status, bytes(heard)), took, shadow=False)
        return None


class _Call:
    """A request that was let through."""

    __slots__ = ("_said", "body", "draw", "headers", "permit", "request_id", "route")

    def __init__(self, route: Route, permit: Permit, request_id: str, headers: Headers, body: bytes) -> None:
        self.route = route
        self.permit = permit
        self.request_id = request_id
        self.headers = headers
        self.body = body
        self.draw = _draw() if route.capture else 0.0
        """By which it is in the sample or not, together with what its shadows answer."""
        self._said: _Said | None = None

    @property
    def content_type(self) -> bytes:
        """What the body is; nothing for JSON, which is what most are."""
        told = self.headers.get(b"content-type", b"")
        return b"" if told == _JSON else told[:1024]

    @property
    def said(self) -> _Said:
        """What the body says beside the question; read only where something of it can be there and is asked for."""
        if self._said is None:
            self._said = _NOTHING
            if b'"stream"' in self.body or b'"client_request_id"' in self.body:
                try:
                    self._said = _READ.decode(self.body)
                except (msgspec.MsgspecError, UnicodeDecodeError, RecursionError):
                    self._said = _NOTHING  # the model's own process says what is wrong with it
        return self._said


class _Decoded(Mapping[str, str]):
    """Headers as texts."""

    def __init__(self, headers: Headers) -> None:
        self._headers = headers

    def __getitem__(self, name: str) -> str:
        return self._headers[name.encode("latin-1")].decode("latin-1")

    def __iter__(self) -> Iterator[str]:
        return (name.decode("latin-1") for name in self._headers)

    def __len__(self) -> int:
        return len(self._headers)


def _event(failure: Failure) -> bytes:
    told = msgspec.json.encode({"error_code": "TEMPORARILY_UNAVAILABLE", "message": failure.message})
    return b"data: " + told + b"\n\n"


async def _begin_stream(send: transfer.Send, name: str, request_id: str) -> None:
    headers = [
        (b"content-type", b"text/event-stream; charset=utf-8"),
        (b"cache-control", b"no-cache"),
        (b"served-model-name", name.encode()),
        *_ids(request_id),
    ]
    await send({"type": "http.response.start", "status": 200, "headers": headers})


def _ids(request_id: str) -> list[tuple[bytes, bytes]]:
    told = request_id.encode()
    return [
        (b"x-request-id", told),
        (b"databricks-request-id", told),
        (b"x-content-type-options", b"nosniff"),
    ]


async def _send(scope: Scope, send: transfer.Send, reply: Reply, request_id: str) -> None:
    headers = [(name.encode(), value.encode()) for name, value in reply.headers]
    headers += _ids(request_id)
    headers.append((b"content-length", str(len(reply.body)).encode()))
    start = {"type": "http.response.start", "status": reply.status, "headers": headers}
    await send_whole(scope, send, start, reply.body)
