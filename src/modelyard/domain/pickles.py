"""Pickles, walked opcode by opcode without being loaded: which names they would import, and whether they call them.

A walk keeps a stack and a memo as the unpickler does, but of texts only: a text may become the name of what is
imported, anything else is unknown. Whatever cannot be followed is a problem, never a guess. Large arguments are
skipped, so the memory that a walk takes depends on the number of opcodes and not on the size of arrays. The table of
opcodes is that of Python's own `pickletools`.
"""

from __future__ import annotations

import pickletools
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Final, Protocol

MOST_TEXT: Final = 4_096
"""Bytes of a text that could be a name; a longer one names nothing."""
_MOST_LINE: Final = 65_536
_LONGEST: Final = 1 << 60
"""Bytes that no file has."""
_MOST_GLOBALS: Final = 10_000
_CODES: Final = {ord(opcode.code): opcode for opcode in pickletools.opcodes}
_CALLS: Final = frozenset({"REDUCE", "INST", "OBJ", "NEWOBJ", "NEWOBJ_EX", "BUILD"})
_TEXTS: Final = frozenset(
    {"UNICODE", "BINUNICODE", "SHORT_BINUNICODE", "BINUNICODE8", "STRING", "BINSTRING", "SHORT_BINSTRING"}
)
_PUTS: Final = frozenset({"PUT", "BINPUT", "LONG_BINPUT"})
_GETS: Final = frozenset({"GET", "BINGET", "LONG_BINGET"})
_LENGTHS: Final = {
    pickletools.TAKEN_FROM_ARGUMENT1: 1,
    pickletools.TAKEN_FROM_ARGUMENT4: 4,
    pickletools.TAKEN_FROM_ARGUMENT4U: 4,
    pickletools.TAKEN_FROM_ARGUMENT8U: 8,
}


class Source(Protocol):
    """Where the bytes of a pickle come from."""

    def read(self, size: int, /) -> bytes:
        """The next bytes, fewer only at the end."""
        ...

    def readline(self, size: int, /) -> bytes:
        """The rest of a line with its end, or so many bytes of it."""
        ...

    def seek(self, offset: int, whence: int, /) -> int:
        """Go on from another place."""
        ...


class Unreadable(Exception):
    """The bytes are no pickle, or not a whole one; says why in a few words."""


@dataclass(slots=True)
class Walked:
    """What a walk met: names, whether any of it is called, and what could not be followed.

    A name is written `module.name`, and `module:name` where the name itself has several levels.
    """

    names: set[str] = field(default_factory=set[str])
    calls: bool = False
    problems: list[str] = field(default_factory=list[str])


_Mark: Final = object()
_Value = object | str | None
"""A text, a mark, or None for whatever else."""


class _Walk:
    """One pickle, from its first opcode to STOP."""

    def __init__(self, source: Source, walked: Walked) -> None:
        self._source = source
        self._walked = walked
        self._stack: list[_Value] = []
        self._memo: dict[int, _Value] = {}

    def run(self) -> None:
        """Walk to STOP; `Unreadable` where there is no way."""
        while True:
            code = self._exactly(1)[0]
            opcode = _CODES.get(code)
            if opcode is None:
                raise Unreadable(f"it has an unknown opcode {code:#04x}")
            argument = self._argument(opcode)
            if opcode.name == "STOP":
                return
            self._follow(opcode, argument)

    def _follow(self, opcode: pickletools.OpcodeInfo, argument: bytes | None) -> None:
        name = opcode.name
        if name in _CALLS:
            self._walked.calls = True
        special = _SPECIAL.get(name)
        if special:
            special(self, argument)
        elif name in _PUTS:
            self._memo[_number(name, argument)] = self._top()
        elif name in _GETS:
            self._stack.append(self._memo.get(_number(name, argument)))
        else:
            self._pop(opcode)
            text = _text(name, argument) if name in _TEXTS else None
            self._stack += [_Mark if kind is pickletools.markobject else text for kind in opcode.stack_after]

    def _pop(self, opcode: pickletools.OpcodeInfo) -> None:
        """Take off what an opcode takes, down to the mark if it wants one."""
        before = list(opcode.stack_before)
        if pickletools.markobject in before:
            while self._taken() is not _Mark:
                pass
            before = before[: before.index(pickletools.markobject)]
        for _ in before:
            self._taken()

    def _taken(self) -> _Value:
        if not self._stack:
            raise Unreadable("it takes more from the stack than is there")
        return self._stack.pop()

    def _top(self) -> _Value:
        if not self._stack:
            raise Unreadable("it takes more from the stack than is there")
        return self._stack[-1]

    def memoize(self, _argument: bytes | None) -> None:
        """MEMOIZE: the top of the stack, under the next number."""
        self._memo[len(self._memo)] = self._top()

    def duplicate(self, _argument: bytes | None) -> None:
        """DUP: the top of the stack once more."""
        self._stack.append(self._top())

    def import_line(self, argument: bytes | None) -> None:
        """GLOBAL: a module and a name, in two lines."""
        self._import(*_pair(argument))
        self._stack.append(None)

    def construct_line(self, argument: bytes | None) -> None:
        """INST: as GLOBAL, then called with everything down to the mark."""
        self._import(*_pair(argument))
        while self._taken() is not _Mark:
            pass
        self._stack.append(None)

    def import_stacked(self, _argument: bytes | None) -> None:
        """STACK_GLOBAL: a module and a name that are on the stack."""
        name, module = self._taken(), self._taken()
        if isinstance(name, str) and isinstance(module, str):
            self._import(module, name)
        else:
            self._problem("it imports something whose name is computed")
        self._stack.append(None)

    def import_numbered(self, _argument: bytes | None) -> None:
        """EXT1, EXT2, EXT4: what this is depends on a table of the process that loads it."""
        self._problem("it imports something by a number (an extension code)")
        self._stack.append(None)

    def _import(self, module: str, name: str) -> None:
        # A name with a period goes through attributes of what is imported: it is told apart, and never trusted.
        self._walked.names.add(f"{module}:{name}" if "." in name else f"{module}.{name}")
        if len(self._walked.names) > _MOST_GLOBALS:
            raise Unreadable(f"it imports more than {_MOST_GLOBALS} names")

    def _problem(self, text: str) -> None:
        if text not in self._walked.problems:
            self._walked.problems.append(text)

    def _argument(self, opcode: pickletools.OpcodeInfo) -> bytes | None:
        """An opcode's argument; None for one that is too long to be a name."""
        if opcode.arg is None:
            return b""
        if opcode.arg.n >= 0:
            return self._exactly(opcode.arg.n)
        if opcode.arg.n == pickletools.UP_TO_NEWLINE:
            lines = 2 if opcode.name in {"GLOBAL", "INST"} else 1
            return b"".join(self._line() for _ in range(lines))
        return self._counted(_LENGTHS[opcode.arg.n])

    def _line(self) -> bytes:
        line = self._source.readline(_MOST_LINE)
        if not line.endswith(b"\n"):
            raise Unreadable("a line of it has no end")
        return line

    def _counted(self, digits: int) -> bytes | None:
        length = int.from_bytes(self._exactly(digits), "little")
        if length <= MOST_TEXT:
            return self._exactly(length)
        if length > _LONGEST:
            raise Unreadable("it ends before its end")
        self._source.seek(length - 1, 1)
        self._exactly(1)  # fails where the file ends before the argument does
        return None

    def _exactly(self, count: int) -> bytes:
        found = self._source.read(count)
        if len(found) != count:
            raise Unreadable("it ends before its end")
        return found


_SPECIAL: Final[dict[str, Callable[[_Walk, bytes | None], None]]] = {
    "MEMOIZE": _Walk.memoize,
    "DUP": _Walk.duplicate,
    "GLOBAL": _Walk.import_line,
    "INST": _Walk.construct_line,
    "STACK_GLOBAL": _Walk.import_stacked,
    "EXT1": _Walk.import_numbered,
    "EXT2": _Walk.import_numbered,
    "EXT4": _Walk.import_numbered,
}


def walk(source: Source) -> Walked:
    """Walk a pickle, and those that follow it in the same file."""
    walked = Walked()
    try:
        while True:
            _Walk(source, walked).run()
            following = source.read(1)
            if not following:
                return walked
            source.seek(-1, 1)
            if following != b"\x80":
                walked.problems.append("other bytes follow its end")
                return walked
    except Unreadable as error:
        walked.problems.append(str(error))
        return walked


def _text(name: str, argument: bytes | None) -> str | None:
    """A text that an opcode pushes, as the unpickler reads it."""
    if argument is None:
        return None
    try:
        if name == "STRING":
            return argument.strip()[1:-1].decode("ascii")
        if name == "UNICODE":
            return argument[:-1].decode("raw-unicode-escape")
        return argument.decode("utf-8", "surrogatepass")
    except UnicodeDecodeError:
        return None


def _pair(argument: bytes | None) -> tuple[str, str]:
    module, name, *_ = (argument or b"\n\n").decode("utf-8", "replace").split("\n")
    return module, name


def _number(name: str, argument: bytes | None) -> int:
    """The number of a place in the memo."""
    if name in {"PUT", "GET"}:
        try:
            return int(argument or b"")
        except ValueError:
            raise Unreadable("it has a number that is none") from None
    return int.from_bytes(argument or b"", "little")
