"""Bytes on their way: bodies that stream into the store, and files that stream out of it, with constant memory."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, MutableMapping, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from email.utils import format_datetime, parsedate_to_datetime
from typing import Any, Final, Protocol, TypeAlias, TypeVar, runtime_checkable

from modelyard.domain.files import Entry, byte_range
from modelyard.errors import Changed
from modelyard.surfaces.wire import Reply, Source, Writer
from modelyard.surfaces.zerocopy import EXTENSION

Receive: TypeAlias = Callable[[], Awaitable[MutableMapping[str, Any]]]
Send: TypeAlias = Callable[[Mapping[str, Any]], Awaitable[None]]
Write: TypeAlias = Callable[[Sequence[bytes]], None]
Value = TypeVar("Value")

BATCH: Final = 1 << 20
"""Bytes that are handed to a worker thread, or read from disk, at once."""


class ClientGone(Exception):
    """The client has closed the connection; there is nobody to answer."""


@runtime_checkable
class OnDisk(Protocol):
    """Bytes that the kernel can send by itself."""

    def fileno(self) -> int:
        """The descriptor of an open file."""
        ...


class InThread(Protocol):
    """Runs work that may wait for the disk or the database in a worker thread."""

    async def __call__(self, work: Callable[[], Value]) -> Value:
        """Run it, and give back what it gives."""
        ...


@runtime_checkable
class Pourable(Protocol):
    """A body that need not pass through the event loop."""

    async def pour(self, write: Write, in_thread: InThread) -> None:
        """Hand the rest of the body to `write`, in a worker thread; `ClientGone` when the client gives up half-way."""
        ...


def sure(send: Send) -> Send:
    """`send`, with one word for every way in which a connection may have gone."""

    async def sending(message: Mapping[str, Any]) -> None:
        try:
            await send(message)
        except (OSError, RuntimeError) as error:
            raise ClientGone from error

    return sending


async def chunks(receive: Receive) -> AsyncIterator[bytes]:
    """The body's chunks as they come; `ClientGone` when the client gives up half-way."""
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            raise ClientGone
        if body := message.get("body"):
            yield body
        if not message.get("more_body"):
            return


async def _batches(receive: Receive) -> AsyncIterator[list[bytes]]:
    """The body's chunks in batches of about `BATCH` bytes."""
    batch: list[bytes] = []
    size = 0
    async for chunk in chunks(receive):
        batch.append(chunk)
        size += len(chunk)
        if size >= BATCH:
            yield batch
            batch, size = [], 0
    if batch:
        yield batch


async def take_in(
    receive: Receive,
    begin: Callable[[], Writer],
    finish: Callable[[object], Reply],
    in_thread: InThread,
) -> Reply:
    """Bring a body into the store, one batch being written while the next one arrives; a small one in one go.

    Whatever goes wrong, nothing is left behind but what `finish` has acknowledged.
    """
    batches = aiter(_batches(receive))
    first = await anext(batches, None)
    second = await anext(batches, None) if first is not None else None
    if second is None:
        return await in_thread(lambda: _all_at_once(begin, finish, first or []))
    writer = await in_thread(begin)
    try:
        early = [*(first or []), *second]
        if isinstance(receive, Pourable):
            await in_thread(lambda: writer.write(early))
            await receive.pour(writer.write, in_thread)
        else:
            await _pump(writer, early, batches, in_thread)
        return await in_thread(lambda: finish(writer.commit()))
    finally:
        await asyncio.shield(in_thread(writer.abort))


async def _pump(
    writer: Writer,
    early: list[bytes],
    batches: AsyncIterator[list[bytes]],
    in_thread: InThread,
) -> None:
    writing = asyncio.ensure_future(in_thread(lambda: writer.write(early)))
    try:
        async for batch in batches:
            await writing
            writing = asyncio.ensure_future(in_thread(lambda now=batch: writer.write(now)))
    finally:
        await asyncio.wait([writing])
    await writing


def _all_at_once(begin: Callable[[], Writer], finish: Callable[[object], Reply], batch: list[bytes]) -> Reply:
    writer = begin()
    try:
        writer.write(batch)
        return finish(writer.commit())
    finally:
        writer.abort()


def common_headers(request_id: str, size: int) -> list[tuple[bytes, bytes]]:
    """The headers of every answer."""
    return [
        (b"content-length", b"%d" % size),
        (b"x-content-type-options", b"nosniff"),
        (b"cache-control", b"no-store"),
        (b"x-request-id", request_id.encode()),
    ]


@dataclass(frozen=True, slots=True)
class Outgoing:
    """A file, or a part of it, on its way out."""

    entry: Entry
    start: int
    end: int
    partial: bool
    head: bool
    zero_copy: bool = False
    """Whether the connection can send a file by itself."""

    @classmethod
    def of(cls, entry: Entry, headers: Mapping[str, str], *, head: bool, zero_copy: bool = False) -> Outgoing:
        """What a request's headers ask of a file (RFC 9110 §13 and §14)."""
        _check_unchanged(entry, headers.get("if-unmodified-since"))
        asked = None if head else byte_range(headers.get("range"), entry.size)
        start, end = asked or (0, entry.size)
        return cls(entry, start, end, partial=asked is not None, head=head, zero_copy=zero_copy)

    async def send(self, send: Send, store: Source, in_thread: InThread, request_id: str) -> None:
        """Send it: the kernel does so where it can, else the next batch is read while one goes out."""
        if self.head:
            await self._start(send, request_id)
            await send({"type": "http.response.body", "body": b""})
            return
        blob = await in_thread(lambda: store.open(self.entry))
        try:
            await self._start(send, request_id)
            if self.zero_copy and isinstance(blob, OnDisk) and self.end - self.start > BATCH:
                await send({"type": EXTENSION, "file": blob, "offset": self.start, "count": self.end - self.start})
            else:
                await self._pump(send, blob.read, in_thread)
        finally:
            blob.close()

    async def _pump(self, send: Send, read: Callable[[int, int], bytes], in_thread: InThread) -> None:
        at = self.start

        def batch() -> bytes:
            return read(at, min(BATCH, self.end - at))

        body = await in_thread(batch) if at < self.end else b""
        while body:
            at += len(body)
            reading = asyncio.ensure_future(in_thread(batch)) if at < self.end else None
            try:
                await send({"type": "http.response.body", "body": body, "more_body": reading is not None})
            finally:
                body = await reading if reading else b""
        if self.start == self.end:
            await send({"type": "http.response.body", "body": b""})

    async def _start(self, send: Send, request_id: str) -> None:
        entry = self.entry
        headers = [
            (b"content-type", b"application/octet-stream"),
            (b"content-disposition", b"attachment"),
            (b"content-security-policy", b"sandbox"),
            (b"accept-ranges", b"bytes"),
            (b"last-modified", http_date(entry.modified_at).encode()),
            (b"etag", b'"%s"' % entry.sha256.encode()),
            *common_headers(request_id, self.end - self.start),
        ]
        if self.partial:
            headers.append((b"content-range", b"bytes %d-%d/%d" % (self.start, self.end - 1, entry.size)))
        await send({"type": "http.response.start", "status": 206 if self.partial else 200, "headers": headers})


def _check_unchanged(entry: Entry, since: str | None) -> None:
    try:
        until = parsedate_to_datetime(since).timestamp() if since else None
    except (ValueError, OverflowError):
        return  # a date that cannot be read is passed over (RFC 9110 §13.1.4)
    if until is not None and entry.modified_at // 1000 > until:
        raise Changed("the file has changed since then; fetch it again from its beginning.")


def http_date(milliseconds: int) -> str:
    """A time as headers write it (RFC 9110 §5.6.7)."""
    return format_datetime(datetime.fromtimestamp(milliseconds // 1000, UTC), usegmt=True)
