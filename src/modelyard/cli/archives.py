"""Signed archives of models, which carry versions from one server to another, over a network or in a pocket.

An archive is a tar file. First comes `manifest.json`: models, versions, and the path, size and SHA-256 of every file.
Then `signature.json`, a DSSE signature over the manifest, and so over all that follows: `objects/<sha256>`, the bytes
of the files, equal ones once, in the order in which the manifest needs them. Nothing is ever unpacked to a disk, and
no object is held in memory.
"""

from __future__ import annotations

import hashlib
import tarfile
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Final, TypeVar, cast

import msgspec

from modelyard.cli.written import new_file
from modelyard.domain.files import Entry, digest
from modelyard.errors import Failure, Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Generator, Iterable, Iterator
    from pathlib import Path

    from modelyard.domain.keys import PrivateKey, PublicKey

FORMAT: Final = "modelyard-archive"
LAYOUT: Final = 1
PIECE: Final = 1 << 20
_KIND: Final = "application/vnd.modelyard.archive+json"
_MANIFEST: Final = "manifest.json"
_SIGNATURE: Final = "signature.json"
_OBJECTS: Final = "objects/"
_MOST: Final = 1 << 30
"""Bytes of a manifest: some millions of files."""
_CUT: Final = "the archive is cut short or damaged; fetch it again."

Shape = TypeVar("Shape", bound=msgspec.Struct)


class File(msgspec.Struct, frozen=True):
    """A file of a version."""

    path: str
    size: int
    sha256: str

    @property
    def entry(self) -> Entry:
        """The line of a version's manifest that it is."""
        return Entry(self.path, is_directory=False, size=self.size, sha256=self.sha256)


class Pair(msgspec.Struct, frozen=True):
    """A tag."""

    key: str
    value: str = ""


class Dependency(msgspec.Struct, frozen=True):
    """What a version depends on."""

    type: str
    name: str


class Version(msgspec.Struct, frozen=True):
    """A version, in the words of the server that it is from."""

    version: int
    digest: str
    files: list[File]
    source: str = ""
    run_id: str = ""
    run_tracking_server_id: str = ""
    comment: str = ""
    model_id: str = ""
    tags: list[Pair] = []
    dependencies: list[Dependency] = []


class Model(msgspec.Struct, frozen=True):
    """A registered model with some of its versions, and the aliases that point at those."""

    name: str
    versions: list[Version]
    comment: str = ""
    tags: list[Pair] = []
    aliases: dict[str, int] = {}


class Manifest(msgspec.Struct, frozen=True):
    """What an archive holds."""

    made_at: int
    models: list[Model]
    format: str = FORMAT
    layout: int = LAYOUT

    def sizes(self) -> dict[str, int]:
        """The objects by their hashes, in the order in which they are needed, with their sizes in bytes."""
        return {file.sha256: file.size for model in self.models for it in model.versions for file in it.files}


class Signature(msgspec.Struct, frozen=True):
    """Who vouches for a manifest."""

    keyid: str
    sig: str
    payload_type: str = msgspec.field(name="payloadType", default=_KIND)


def check(manifest: Manifest) -> None:
    """`Invalid` unless each version's files come to its digest."""
    for model in manifest.models:
        for version in model.versions:
            if digest(file.entry for file in version.files) != version.digest:
                raise Invalid(f"the files of version {version.version} of {model.name} do not come to its digest.")


# Writing


class Arriving:
    """Bytes that arrive piece by piece, as the file that `tarfile` reads, and what they hash to."""

    def __init__(self, pieces: Iterable[bytes]) -> None:
        self._pieces = iter(pieces)
        self._rest = b""
        self._digest = hashlib.sha256()

    @property
    def sha256(self) -> str:
        """Of all that was read."""
        return self._digest.hexdigest()

    def read(self, most: int) -> bytes:
        """Some bytes, at least one while there are any."""
        while len(self._rest) < most and (piece := next(self._pieces, b"")):
            self._rest += piece
        found, self._rest = self._rest[:most], self._rest[most:]
        self._digest.update(found)
        return found


def write(file: Path, manifest: Manifest, key: PrivateKey, fetch: Callable[[str], Iterable[bytes]]) -> None:
    """Write an archive that is there only once it is whole; `fetch` gives the bytes of an object, by its hash."""
    from modelyard.domain import keys  # noqa: PLC0415  cryptography takes long to load, and few commands need it

    check(manifest)
    body = msgspec.json.encode(manifest)
    signature = Signature(keys.name(key.public_key()), keys.sign(key, _KIND, body))
    with new_file(file) as out, tarfile.TarFile(fileobj=out, mode="w", copybufsize=PIECE) as tar:
        _add(tar, _MANIFEST, len(body), Arriving([body]))
        told = msgspec.json.encode(signature)
        _add(tar, _SIGNATURE, len(told), Arriving([told]))
        for sha256, size in manifest.sizes().items():
            _add_object(tar, sha256, size, fetch(sha256))


def _add_object(tar: tarfile.TarFile, sha256: str, size: int, pieces: Iterable[bytes]) -> None:
    arriving = Arriving(pieces)
    _add(tar, _OBJECTS + sha256, size, arriving)
    if arriving.read(1) or arriving.sha256 != sha256:
        raise Failure(f"the bytes of {sha256} came damaged; ask again, and look at the server's store.")


def _add(tar: tarfile.TarFile, name: str, size: int, content: Arriving) -> None:
    told = tarfile.TarInfo(name)
    told.size, told.mode = size, 0o600
    tar.addfile(told, cast("IO[bytes]", content))
    vars(tar)["members"] = []  # it would remember them all


# Reading


class Archive:
    """An archive whose manifest is signed by the owner of a key."""

    def __init__(self, tar: tarfile.TarFile, manifest: Manifest) -> None:
        self.manifest = manifest
        self._tar = tar

    def objects(self) -> Iterator[tuple[str, Callable[[], Iterator[bytes]]]]:
        """The objects: their hashes, and what reads each, from its beginning, as often as it is called."""
        expected = self.manifest.sizes()
        while member := _next(self._tar):
            sha256 = member.name.removeprefix(_OBJECTS)
            if not member.isreg() or expected.pop(sha256, None) != member.size:
                raise Invalid(f"the archive holds something that its manifest does not name: {member.name[:100]!r}.")
            yield sha256, lambda member=member, sha256=sha256: self._pieces(member, sha256)
        if expected:
            raise Invalid(f"the archive lacks {len(expected)} of its objects; fetch it again.")

    def _pieces(self, member: tarfile.TarInfo, sha256: str) -> Iterator[bytes]:
        """The bytes of an object; `Invalid` instead of the last of them where they are not those that were signed."""
        left, told = member.size, hashlib.sha256()
        content = self._tar.extractfile(member)
        while content and left and (piece := content.read(min(PIECE, left))):
            left -= len(piece)
            told.update(piece)
            if not left and told.hexdigest() != sha256:
                break
            yield piece
        if left or told.hexdigest() != sha256:
            raise Invalid("an object of the archive is not the one that was signed; fetch the archive again.")


@contextmanager
def opened(file: Path, key: PublicKey) -> Generator[Archive]:
    """An archive, once its signature is verified; `Invalid` for anything else."""
    try:
        with tarfile.open(file, "r:") as tar:
            body = _first(tar, _MANIFEST, _MOST)
            _verify(body, _read(_first(tar, _SIGNATURE, PIECE), Signature), key)
            manifest = _read(body, Manifest)
            if (manifest.format, manifest.layout) != (FORMAT, LAYOUT):
                raise Invalid("the archive was written by another version of Modelyard, in another layout.")
            check(manifest)
            yield Archive(tar, manifest)
    except tarfile.TarError:
        raise Invalid(f"{file} is no archive of models, or is cut short; fetch it again.") from None
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror or error}.") from None


def _verify(body: bytes, signature: Signature, key: PublicKey) -> None:
    from modelyard.domain import keys  # noqa: PLC0415  as above

    if signature.keyid != keys.name(key):
        raise Invalid(f"the archive is signed with another key, {signature.keyid[:64]}; nothing was imported.")
    if not keys.is_signed(key, _KIND, body, signature.sig):
        raise Invalid("the signature of the archive is not valid: it was changed. Nothing was imported.")


def _first(tar: tarfile.TarFile, name: str, most: int) -> bytes:
    member = _next(tar)
    if member is None or member.name != name or not member.isreg() or member.size > most:
        raise Invalid(f"this is no archive of models: {name} is not where it belongs.")
    content = tar.extractfile(member)
    found = content.read() if content else b""
    if len(found) != member.size:
        raise Invalid(_CUT)
    return found


def _next(tar: tarfile.TarFile) -> tarfile.TarInfo | None:
    vars(tar)["members"] = []  # as above
    return tar.next()


def _read(body: bytes, shape: type[Shape]) -> Shape:
    try:
        return msgspec.json.decode(body, type=shape)
    except msgspec.DecodeError:
        raise Invalid("this is no archive of models: what it says of itself cannot be read.") from None
