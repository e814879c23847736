"""The switchboard: takes questions to the processes that answer them, over sockets that stay open.

It lives in the event loop of the web server. What is published to it from other threads takes effect in the loop's
next turn: new processes are connected, the routing table is replaced by one assignment, and connections that it no
longer names are closed once nothing is under way on them.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
import logging
import time
from collections.abc import AsyncGenerator, Callable, Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

from modelyard.domain.board import Answer, Board, Question, Target
from modelyard.domain.capture import Record
from modelyard.domain.endpoints import Deployment
from modelyard.domain.metrics import Meters
from modelyard.engines.base import Engine, State
from modelyard.engines.outside import Outside
from modelyard.engines.usage import Usage
from modelyard.errors import Exhausted, Replaced, TooLate, Unavailable
from modelyard.scorer.frames import ANSWER_HEAD, CONTENT_TYPES, Broken, Kind, Reading, packed

log = logging.getLogger(__name__)

_TURN_SECONDS: Final = 0.5
"""How often waiting questions are looked through for those that took too long, and load is reported."""
_MOST_WAITING: Final = 2_000
_MOST_BYTES: Final = 512 << 20
"""How much may wait for one served entity before more is refused."""
_NOT_READY: Final = 5
_LAST: Final = frozenset({int(Kind.ANSWER), int(Kind.LAST)})


class _Lost(Exception):
    """The process ended before it answered; `again` says whether another one may be asked the same."""


@dataclass(slots=True)
class _Waiting:
    """A question that a process has, and whom its answer is for."""

    future: asyncio.Future[Answer] | None
    pieces: asyncio.Queue[bytes | Answer | None] | None
    until: float
    size: int


class Line(asyncio.Protocol):
    """A connection to one process."""

    def __init__(self, address: str, closed: Callable[[Line], None]) -> None:
        self.address = address
        self.waiting: dict[int, _Waiting] = {}
        self.facts: dict[str, Any] = {}
        self.greeted: asyncio.Event = asyncio.Event()
        self.leaving = False
        self._closed = closed
        self._reading = Reading()
        self._number = 0
        self._transport: asyncio.Transport | None = None

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """Asyncio says that it is open."""
        self._transport = cast("asyncio.Transport", transport)

    def data_received(self, data: bytes) -> None:
        """Asyncio brings bytes."""
        try:
            for frame in self._reading.feed(data):
                self._heard(frame.kind, frame.number, frame.head, frame.body)
        except (Broken, ValueError):
            log.warning("a process that serves says what nobody understands; its connection is closed")
            self.close()

    def connection_lost(self, exc: Exception | None) -> None:  # noqa: ARG002  whatever the reason, it is over
        """Asyncio says that it is closed."""
        waiting, self.waiting = self.waiting, {}
        self.leaving = True
        for each in waiting.values():
            if each.future and not each.future.done():
                each.future.set_exception(_Lost())
            if each.pieces:
                each.pieces.put_nowait(None)
        self._closed(self)

    def _heard(self, kind: int, number: int, head: bytes, body: bytes) -> None:
        if kind in _LAST:
            found = self.waiting.pop(number, None)
            if found is not None:
                self._settle(found, _answer(head, body))
            if self.leaving and not self.waiting:
                self.close()
        elif kind == Kind.PIECE:
            found = self.waiting.get(number)
            if found and found.pieces:
                found.pieces.put_nowait(body)
        elif kind == Kind.HELLO:
            self.facts = json.loads(body)
            self.greeted.set()

    @staticmethod
    def _settle(found: _Waiting, answer: Answer) -> None:
        if found.pieces:
            found.pieces.put_nowait(answer)
        elif found.future and not found.future.done():
            found.future.set_result(answer)

    @property
    def is_open(self) -> bool:
        """Whether it takes questions."""
        return self._transport is not None and not self.leaving and self.greeted.is_set()

    def ask(self, question: Question, waiting: _Waiting) -> int:
        """Send a question; its number."""
        self._number = number = self._number + 1
        self.waiting[number] = waiting
        kind = Kind.STREAM if question.streams else Kind.PREDICT
        if self._transport:
            self._transport.write(packed(kind, number, question.content_type, question.body))
        return number

    def forget(self, number: int) -> None:
        """Nobody waits for an answer any more."""
        if self.waiting.pop(number, None) and self._transport and not self._transport.is_closing():
            self._transport.write(packed(Kind.CANCEL, number))

    def leave(self) -> None:
        """Take no more questions, and close once the last answer has come."""
        self.leaving = True
        if not self.waiting:
            self.close()

    def close(self) -> None:
        """Close it now."""
        if self._transport:
            self._transport.close()


@dataclass(slots=True)
class _Group:
    """The connections to the processes of one served entity."""

    lines: dict[str, Line] = field(default_factory=dict[str, Line])
    arrived: asyncio.Event = field(default_factory=asyncio.Event)
    waking: int = 0
    """How many questions wait for a process."""

    def best(self) -> Line | None:
        """The one with the least to do."""
        found: Line | None = None
        for line in self.lines.values():
            if line.is_open and (found is None or len(line.waiting) < len(found.waiting)):
                found = line
        return found

    @property
    def under_way(self) -> int:
        """How many questions its processes have, or wait for one."""
        return self.waking + sum(len(line.waiting) for line in self.lines.values())


class Switchboard:
    """Asks processes; but for `publish` and `close`, everything is called in the event loop."""

    def __init__(
        self,
        engine: Engine,
        *,
        request_seconds: float,
        start_seconds: float,
        catch_up: Callable[[], None] = lambda: None,
        record: Callable[[Record], None] = lambda _record: None,
        outside: Outside | None = None,
        usage: Usage | None = None,
    ) -> None:
        self.board = Board()
        self.meters = Meters()
        self.catch_up = catch_up
        """What waits until the board is as what was committed says."""
        self._record = record
        self._outside = outside
        self._usage = usage or Usage(0)
        self._engine = engine
        self._request_seconds = request_seconds
        self._start_seconds = start_seconds
        self._groups: dict[str, _Group] = {}
        self._loop: asyncio.AbstractEventLoop | None = None
        self._latest: Board | None = None
        self._tasks: set[asyncio.Task[None]] = set()

    # From other threads

    def publish(self, board: Board) -> None:
        """Replace the routing table."""
        self._latest = board
        loop = self._loop
        if loop is None:
            self.board = board  # nobody asks before the loop runs
            return
        with contextlib.suppress(RuntimeError):  # the loop has ended, and so has everybody who asks
            loop.call_soon_threadsafe(self._adopt)

    # In the loop

    def join(self) -> None:
        """Begin to work in the loop that runs now."""
        if self._loop is None:
            self._loop = asyncio.get_running_loop()
            self._adopt()
            self._spawn(self._watch())

    def _adopt(self) -> None:
        board, self._latest = self._latest, None
        if board is None:
            return
        wanted = _addresses(board)
        for served_id, addresses in wanted.items():
            group = self._groups.setdefault(served_id, _Group())
            for address in addresses:
                if address not in group.lines:
                    self._connect(group, address)
        self.board = board
        for served_id, group in list(self._groups.items()):
            for address, line in list(group.lines.items()):
                if address not in wanted.get(served_id, ()):
                    line.leave()
            if served_id not in wanted:
                group.arrived.set()  # whoever waits for it need not
                if not group.lines:
                    del self._groups[served_id]

    def _connect(self, group: _Group, address: str) -> None:
        def closed(line: Line) -> None:
            if group.lines.get(line.address) is line:
                del group.lines[line.address]

        line = group.lines[address] = Line(address, closed)
        self._spawn(self._open(group, line))

    async def _open(self, group: _Group, line: Line) -> None:
        try:
            await asyncio.get_running_loop().create_unix_connection(lambda: line, line.address)
            await asyncio.wait_for(line.greeted.wait(), self._start_seconds)
        except (OSError, TimeoutError):
            log.info("a process that serves cannot be reached; it is left to whoever started it")
            group.lines.pop(line.address, None)
            line.close()
            return
        group.arrived.set()

    async def _watch(self) -> None:
        """Give up what takes too long, connect again what was lost, and tell the engine of the load."""
        while True:
            await asyncio.sleep(_TURN_SECONDS)
            now = time.monotonic()
            wanted = _addresses(self.board)
            for served_id, group in list(self._groups.items()):
                for line in list(group.lines.values()):
                    self._look_after(line, now)
                for address in wanted.get(served_id, ()):
                    if address not in group.lines:
                        self._connect(group, address)
                self._engine.report(served_id, group.under_way)

    def _look_after(self, line: Line, now: float) -> None:
        if _expire(line, now):
            self._engine.suspect(line.address)
        if line.leaving and line.waiting:
            self._engine.linger(line.address)

    def _spawn(self, work: Any) -> None:  # noqa: ANN401  any coroutine
        task = asyncio.get_running_loop().create_task(work)
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def settled(self) -> None:
        """Wait until what was committed before is on the board."""
        loop = asyncio.get_running_loop()
        await loop.run_in_executor(None, self.catch_up)
        self._adopt()

    def logs(self, served_id: str) -> str:
        """What the processes of a served entity have printed lately."""
        return self._engine.logs(served_id)

    def build_logs(self, served_id: str) -> str:
        """What was said while its environment was built."""
        return self._engine.build_logs(served_id)

    def usage(self, served_id: str) -> tuple[float, float]:
        """How much of a processor, and of its memory, its processes take, in per cent."""
        try:
            standing = self._engine.standings().get(served_id)
        except Unavailable:  # it begins to serve
            standing = None
        return self._usage.of(served_id, standing.pids if standing else ())

    def capture(self, record: Record) -> None:
        """Log a request and its answer."""
        self._record(record)

    async def ask(self, target: Target, question: Question) -> Answer:
        """The answer to a question; a `Failure` if there is none."""
        if target.elsewhere:
            return await self._asked_outside(target, question)
        group = self._group(target)
        for attempt in range(2):
            line = group.best() or await self._awaited(group, target)
            future: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
            until = time.monotonic() + self._request_seconds
            number = line.ask(question, _Waiting(future, None, until, len(question.body)))
            try:
                return await future
            except _Lost:
                # What only computes may be asked again; of others it is not known whether they did anything.
                if attempt or not line.facts.get("pure"):
                    raise Unavailable("the model's process ended before it answered; ask again shortly.") from None
            except asyncio.CancelledError:
                line.forget(number)
                raise
        raise Unavailable("the model's processes end before they answer; ask again shortly.")

    async def stream(self, target: Target, question: Question) -> AsyncGenerator[bytes | Answer, None]:
        """The pieces of an answer as they come, then an `Answer` with what it took; that alone if it has no pieces."""
        if target.elsewhere:
            yield await self._asked_outside(target, question)
            return
        group = self._group(target)
        line = group.best() or await self._awaited(group, target)
        pieces: asyncio.Queue[bytes | Answer | None] = asyncio.Queue()
        until = time.monotonic() + self._request_seconds
        number = line.ask(question, _Waiting(None, pieces, until, len(question.body)))
        try:
            while True:
                piece = await pieces.get()
                if piece is None:
                    raise Unavailable("the model's process ended before it answered; ask again shortly.")
                yield piece
                if isinstance(piece, Answer):
                    return
        finally:
            line.forget(number)

    async def _asked_outside(self, target: Target, question: Question) -> Answer:
        if self._outside is None:
            raise Unavailable("this server asks no other servers.")
        return await self._outside.ask(target, question)

    def _group(self, target: Target) -> _Group:
        group = self._groups.get(target.served_id)
        if group is None:
            group = self._groups[target.served_id] = _Group()
        waiting = group.under_way
        if waiting >= _MOST_WAITING:
            raise Exhausted("too many requests wait for this model; ask again shortly.")
        if waiting and sum(each.size for line in group.lines.values() for each in line.waiting.values()) > _MOST_BYTES:
            raise Exhausted("requests that are too large in all wait for this model; ask again shortly.")
        return group

    async def _awaited(self, group: _Group, target: Target) -> Line:
        """A connection, once there is one: what sleeps is woken, what recovers is waited for."""
        if target.state is Deployment.FAILED:
            raise _unready(target)
        self._engine.wake(target.served_id)
        until = time.monotonic() + self._start_seconds
        group.waking += 1
        try:
            while (left := until - time.monotonic()) > 0:
                group.arrived.clear()
                with contextlib.suppress(TimeoutError):
                    await asyncio.wait_for(group.arrived.wait(), min(left, 1.0))
                if line := group.best():
                    return line
                if target.served_id not in _addresses(self.board):
                    raise Replaced("the version that was asked is not served any more; ask again.")
                if self._is_lost(target):
                    break
            raise _unready(target)
        finally:
            group.waking -= 1

    def _is_lost(self, target: Target) -> bool:
        """Whether it is no use to wait any longer.

        What nobody keeps now is about to leave the board, or to be kept by another process of the server.
        """
        standing = self._engine.standings().get(target.served_id)
        return standing is not None and standing.state is State.FAILED

    def under_way(self, served_id: str) -> int:
        """How many questions are under way to a served entity."""
        group = self._groups.get(served_id)
        return group.under_way if group else 0

    def close(self) -> None:
        """Close every connection."""
        for task in list(self._tasks):
            task.cancel()
        for group in self._groups.values():
            for line in list(group.lines.values()):
                line.close()


def _addresses(board: Board) -> Mapping[str, tuple[str, ...]]:
    return {
        target.served_id: target.addresses
        for route in board.routes.values()
        for target in route.targets.values()
        if not target.elsewhere
    }


def _answer(head: bytes, body: bytes) -> Answer:
    told: tuple[int, int, int, int] = ANSWER_HEAD.unpack(head)
    status, kind, model_us, queue_us = told
    return Answer(status, body, CONTENT_TYPES[kind], model_us, queue_us)


def _expire(line: Line, now: float) -> int:
    """Give up questions that took too long; how many they were."""
    late = [number for number, waiting in line.waiting.items() if waiting.until < now]
    for number in late:
        waiting = line.waiting[number]
        line.forget(number)
        told = TooLate("the model took too long to answer.")
        if waiting.future and not waiting.future.done():
            waiting.future.set_exception(told)
        if waiting.pieces:
            waiting.pieces.put_nowait(None)
    return len(late)


def _unready(target: Target) -> Unavailable:
    # What the process printed follows behind the first sentence, and is for those who may read its log.
    why = target.message.partition("\n")[0].partition(". ")[0].rstrip(".")
    told = f'served entity "{target.name}" does not answer yet{f": {why}" if why else ""}.'
    failure = Unavailable(told)
    failure.seconds = _NOT_READY
    return failure
