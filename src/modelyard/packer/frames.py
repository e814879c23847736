"""Rows as they are spooled: frames, each the length and the CRC-32 of a record, then the record."""

from __future__ import annotations

import struct
import zlib
from typing import TYPE_CHECKING, Final

import msgspec

from modelyard.domain.capture import Record

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

_FRAME: Final = struct.Struct("<II")
_encode: Final = msgspec.msgpack.Encoder().encode
_DECODE: Final = msgspec.msgpack.Decoder(Record)


def framed(records: Iterable[Record]) -> bytes:
    """The frames of some rows."""
    return b"".join(map(_frame, records))


def _frame(record: Record) -> bytes:
    content = _encode(record)
    return _FRAME.pack(len(content), zlib.crc32(content)) + content


def records(path: Path) -> Iterator[Record]:
    """The rows in a file, up to the first that is not whole."""
    content = memoryview(path.read_bytes())
    at = 0
    while at + _FRAME.size <= len(content):
        length, checksum = _FRAME.unpack_from(content, at)
        record = content[at + _FRAME.size : at + _FRAME.size + length]
        at += _FRAME.size + length
        if len(record) < length or zlib.crc32(record) != checksum:
            return
        try:
            yield _DECODE.decode(record)
        except msgspec.DecodeError:
            return
