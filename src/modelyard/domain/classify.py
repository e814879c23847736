"""What a file of a model is, by what is in it first and by its name second, and what speaks against loading it.

The bytes come from whoever registers a version. They are looked at in a process of their own (`modelyard.scanner`);
this module only reads from the file that it is given, never writes, and keeps no more than a few pages of it.
"""

from __future__ import annotations

import bz2
import gzip
import json
import lzma
import re
import tarfile
import zipfile
import zlib
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from typing import IO, Any, Final, cast

from modelyard.domain.cards import Contents, Finding
from modelyard.domain.pickles import Walked, walk
from modelyard.domain.trusted import untrusted

MOST_FINDINGS: Final = 100
_HEAD: Final = 4_096
_MOST_MEMBERS: Final = 10_000
_DEEPEST: Final = 3
_MOST_JSON: Final = 16 << 20
_NAMES_TOLD: Final = 5

_PICKLE: Final = re.compile(rb"\x80[\x02-\x05]")
_NATIVE: Final = (b"\x7fELF", b"MZ", b"\xfe\xed\xfa", b"\xcf\xfa\xed\xfe", b"\xca\xfe\xba\xbe", b"\0asm", b"#!")
_DATA: Final = (b"PAR1", b"ARROW1", b"\x89PNG", b"\xff\xd8\xff", b"GIF8", b"GGUF", b"CBM1", b"%PDF", b"TFL3")
_Member = tuple[str, IO[bytes]]
_COMPRESSED: Final[tuple[tuple[bytes, Callable[[IO[bytes]], IO[bytes]]], ...]] = (
    (b"\x1f\x8b", lambda file: cast("IO[bytes]", gzip.GzipFile(fileobj=file))),
    (b"BZh", lambda file: cast("IO[bytes]", bz2.BZ2File(file))),
    (b"\xfd7zXZ\0", lambda file: cast("IO[bytes]", lzma.LZMAFile(file))),  # noqa: SIM115  closed by who reads it
)
_ZLIB: Final = re.compile(rb"\x78[\x01\x5e\x9c\xda]")
_ZIP: Final = (b"PK\x03\x04", b"PK\x05\x06")
_NPY: Final = b"\x93NUMPY"
_CODE_NAMES: Final = re.compile(r"\.(py|pyc|pyd|so|dll|dylib|sh|bat|ps1|jar|class|js|r|rb|jl|exe|whl|egg)(\.\d+)*\Z")
_DATA_NAMES: Final = re.compile(
    r"\.(json|jsonl|ya?ml|txt|csv|tsv|md|toml|cfg|ini|html|xml|safetensors|onnx|parquet|arrow|feather|npy|ubj|model|"
    r"bpe|vocab|merges|png|jpe?g|gif|svg|pdf|tflite|gguf|cbm)\Z"
)
_PLAIN: Final = frozenset({"MLmodel", "LICENSE", "NOTICE", "README"})


@dataclass(frozen=True, slots=True)
class Judged:
    """What a file is, and what speaks against it."""

    contents: Contents
    findings: tuple[Finding, ...] = ()


_DATA_ONLY: Final = Judged(Contents.DATA_ONLY)
_CODE: Final = Judged(Contents.CODE_BEARING)
_UNKNOWN: Final = Judged(Contents.UNKNOWN)
_RANKS: Final = (Contents.DATA_ONLY, Contents.UNKNOWN, Contents.CODE_BEARING)


def together(judged: Iterable[Judged]) -> Judged:
    """Several files as one: the most dangerous contents, and the first findings."""
    contents, findings = Contents.DATA_ONLY, list[Finding]()
    for each in judged:
        contents = max(contents, each.contents, key=_RANKS.index)
        findings += each.findings[: MOST_FINDINGS - len(findings)]
    return Judged(contents, tuple(findings))


@dataclass(frozen=True, slots=True)
class Judge:
    """Judges the files of a model of some flavors."""

    flavors: tuple[str, ...] = ()

    def file(self, path: str, file: IO[bytes], depth: int = 0) -> Judged:
        """A file, with everything that is packed in it."""
        head = file.read(_HEAD)
        file.seek(0)
        members = _members(path, head, file)
        if members:
            return self._packed(path, depth, members)
        if _PICKLE.match(head):
            return self._pickle(path, walk(file))
        if head.startswith(_NPY):
            return self._array(path, head, file)
        if head.startswith(_NATIVE) or _CODE_NAMES.search(path.lower()):
            return _CODE
        return self._unmarked(path, head, file)

    def _unmarked(self, path: str, head: bytes, file: IO[bytes]) -> Judged:
        """A file that does not say what it is: an old pickle is a text as any other, so see whether it works as one."""
        walked = walk(file)
        if walked.names and walked.calls:
            return self._pickle(path, walked)
        if _ZLIB.match(head):
            return Judged(Contents.UNKNOWN, (Finding(path, "It is compressed, and was not looked into."),))
        name = path.rpartition("/")[2]
        if path.endswith((".pkl", ".pickle", ".joblib")):
            return self._pickle(path, walked)
        known = not head or head.startswith(_DATA) or _DATA_NAMES.search(path.lower()) or name in _PLAIN
        return _DATA_ONLY if known or _is_text(head) else _UNKNOWN

    def _pickle(self, path: str, walked: Walked) -> Judged:
        problems = [Finding(path, f"As a pickle it cannot be followed: {problem}.") for problem in walked.problems]
        names = untrusted(walked.names, self.flavors)
        if names:
            more = f" and {len(names) - _NAMES_TOLD} more" if len(names) > _NAMES_TOLD else ""
            told = ", ".join(_shown(name) for name in names[:_NAMES_TOLD])
            problems.append(Finding(path, f"Loading it would import {told}{more}."))
        return Judged(Contents.CODE_BEARING, tuple(problems))

    def _packed(self, path: str, depth: int, members: Iterator[_Member]) -> Judged:
        """Everything in an archive, as far down as archives are usually packed into each other."""
        if depth == _DEEPEST:
            return Judged(Contents.UNKNOWN, (Finding(path, "It is packed too deep, and was not looked into."),))
        judged: list[Judged] = []
        try:
            for count, (name, member) in enumerate(members):
                if count == _MOST_MEMBERS:
                    raise _Unfollowed(f"it has more than {_MOST_MEMBERS} members")  # noqa: TRY301  told with the others
                with member:
                    judged.append(self._member(f"{path}/{name}", member, depth + 1))
        except (_Unfollowed, OSError, EOFError, ValueError, RuntimeError, NotImplementedError, *_BROKEN) as error:
            told = str(error) if isinstance(error, _Unfollowed) else "it is damaged, encrypted or of an unknown form"
            problem = Finding(path, f"It could not be unpacked: {told}.")
            judged.append(Judged(Contents.UNKNOWN, (problem,)))
        return together(judged)

    def _member(self, path: str, member: IO[bytes], depth: int) -> Judged:
        if path.endswith(".keras/config.json"):
            return _keras(path, member)
        return self.file(path, member, depth)

    def _array(self, path: str, head: bytes, file: IO[bytes]) -> Judged:
        """An array of numbers; one of objects holds a pickle behind its header."""
        length = int.from_bytes(head[8:10], "little") + 10
        if head[6:7] != b"\x01":
            length = int.from_bytes(head[8:12], "little") + 12
        header = head[:length]
        if length > _HEAD or b"'descr'" not in header:
            return Judged(Contents.UNKNOWN, (Finding(path, "The header of this array cannot be read."),))
        if not re.search(rb"'descr':\s*'\|?O", header) and b"|O" not in header:
            return _DATA_ONLY
        file.seek(length)
        return self._pickle(path, walk(file))


def _members(path: str, head: bytes, file: IO[bytes]) -> Iterator[_Member] | None:
    """What is packed in a file; None for one that is no archive."""
    if head.startswith(_ZIP):
        return _zipped(file)
    if head[257:262] == b"ustar":
        return _tarred(file)
    for magic, unpack in _COMPRESSED:
        if head.startswith(magic):
            return iter([(path.rpartition("/")[2].rpartition(".")[0] or "content", unpack(file))])
    return None


class _Unfollowed(Exception):
    """An archive that was not looked through, and why."""


_BROKEN: Final = (zipfile.BadZipFile, tarfile.TarError, lzma.LZMAError, zlib.error, UnicodeError)


def _zipped(file: IO[bytes]) -> Iterator[_Member]:
    with zipfile.ZipFile(file) as archive:
        for member in archive.infolist():
            if not member.is_dir():
                yield member.filename, archive.open(member)


def _tarred(file: IO[bytes]) -> Iterator[_Member]:
    with tarfile.open(fileobj=file, mode="r:") as archive:
        for member in archive:
            content = archive.extractfile(member) if member.isfile() else None
            if content:
                yield member.name, content
            elif not member.isdir():
                raise _Unfollowed("it has a link or a device in it")


def _keras(path: str, config: IO[bytes]) -> Judged:
    """The layers of a Keras model: one of the class Lambda carries Python code."""
    text = config.read(_MOST_JSON)
    try:
        told: Any = json.loads(text)
    except ValueError:
        return Judged(Contents.UNKNOWN, (Finding(path, "It is no JSON, or a very long one."),))
    waiting: list[Any] = [told]
    while waiting:
        found = waiting.pop()
        if isinstance(found, dict):
            inside = cast("dict[str, Any]", found)
            if inside.get("class_name") == "Lambda":
                return Judged(Contents.CODE_BEARING, (Finding(path, "A Lambda layer carries Python code."),))
            waiting += inside.values()
        elif isinstance(found, list):
            waiting += cast("list[Any]", found)
    return _DATA_ONLY


def _is_text(head: bytes) -> bool:
    try:
        head.decode()
    except UnicodeDecodeError as error:
        if error.start < len(head) - 4:  # else it is a letter that was cut in two
            return False
    return b"\0" not in head


def _shown(name: str) -> str:
    """A name that a stranger chose, without what could confuse a reader."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in name[:200])
