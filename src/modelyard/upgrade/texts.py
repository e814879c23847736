"""Bytes of files as text that rules can read, and the way back: offsets stay those of the file wherever they can."""

from __future__ import annotations

import codecs
import re
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final, Protocol

from modelyard.errors import Malformed

BOM: Final = codecs.BOM_UTF8
WIDE: Final = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE, codecs.BOM_UTF32_LE, codecs.BOM_UTF32_BE)
_COOKIE: Final = re.compile(rb"^[ \t\f]*#.*?coding[:=][ \t]*([-\w.]+)")

Splice = tuple[int, int, bytes]
"""Bytes of a file, from the first to before the second offset, that become others."""


class Ways(Protocol):
    """How a change of what rules read becomes changes of the file."""

    def back(self, start: int, end: int, text: bytes) -> Iterable[Splice]:
        """The splices of the file that a change means."""
        ...

    def at(self, offset: int) -> int:
        """The file's offset of an offset of what rules read."""
        ...


class Same:
    """The file is what rules read: offsets are the file's own."""

    def back(self, start: int, end: int, text: bytes) -> Iterable[Splice]:
        """The same splice."""
        return ((start, end, text),)

    def at(self, offset: int) -> int:
        """The same offset."""
        return offset


@dataclass(frozen=True, slots=True)
class Narrow:
    """The file has a byte for each character, in an encoding that is not UTF-8."""

    text: str
    encoding: str

    def back(self, start: int, end: int, text: bytes) -> Iterable[Splice]:
        """The splice in the file's encoding; `Malformed` for what it cannot say."""
        try:
            said = text.decode().encode(self.encoding)
        except UnicodeEncodeError as error:
            raise Malformed(f"the new text cannot be written in {self.encoding}; save the file as UTF-8.") from error
        return ((self.at(start), self.at(end), said),)

    def at(self, offset: int) -> int:
        """As many bytes as there are characters before."""
        return len(self.text.encode()[:offset].decode(errors="ignore"))


def read(data: bytes, *, cookie: bool = False) -> tuple[bytes, Ways]:
    """What rules read of a file, in UTF-8, and the way back; `Malformed` where it is no text."""
    if data.startswith(WIDE):
        raise Malformed("it is written in UTF-16 or UTF-32; save it as UTF-8.")
    if b"\0" in data:
        raise Malformed("it is not text: it has NUL bytes.")
    encoding = (_declared(data) if cookie else None) or "utf-8"
    try:
        text = data.decode(encoding)
    except UnicodeDecodeError:
        encoding, text = "latin-1", data.decode("latin-1")
    if encoding == "utf-8":
        return data, Same()
    if len(text) != len(data):
        raise Malformed(f"it is written in {encoding}, which has more than a byte for a character; save it as UTF-8.")
    return text.encode(), Narrow(text, encoding)


def _declared(data: bytes) -> str | None:
    """The encoding that a Python file declares in its first two lines, where it is not UTF-8."""
    for line in data.removeprefix(BOM).split(b"\n", 2)[:2]:
        if found := _COOKIE.match(line):
            return _known(found[1].decode())
    return None


def _known(name: str) -> str | None:
    """Python's name for an encoding of text, where it is not UTF-8 or a part of it."""
    try:
        b"".decode(name)
    except LookupError:
        return None
    known = codecs.lookup(name).name
    return None if known in {"utf-8", "utf-8-sig", "ascii"} else known


def begins(data: bytes) -> int:
    """Where the text begins: after the byte order mark, if there is one."""
    return len(BOM) if data.startswith(BOM) else 0


def newline(data: bytes, offset: int) -> bytes:
    """The line ending in use around an offset: of its line, or else of the file's first."""
    end = data.find(b"\n", offset)
    if end < 0:
        end = data.find(b"\n")
    return b"\r\n" if end > 0 and data[end - 1 : end] == b"\r" else b"\n"


def spliced(data: bytes, splices: Iterable[Splice]) -> bytes:
    """The bytes with the splices made; they must not overlap, and all that is outside them stays as it is."""
    pieces: list[bytes] = []
    done = 0
    for start, end, text in sorted(splices):
        if start < done:
            raise Malformed("two changes of the same bytes.")
        pieces += (data[done:start], text)
        done = end
    return b"".join((*pieces, data[done:]))
