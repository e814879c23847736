"""The Files API, `/api/2.0/fs/*`: files of model versions under `/Models`, of volumes under `/Volumes` (notes §1.c)."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime
from typing import Final, cast

import msgspec

from modelyard.action import Ref
from modelyard.actions import artifacts, files, uploads
from modelyard.actions import volume_files as in_volumes
from modelyard.actions.volume_files import Spot
from modelyard.domain import pages, volumes
from modelyard.domain.experiments import Artifact, Part, artifact, is_artifact
from modelyard.domain.files import MAX_PARTS, Address, Entry, Link, Location, Stored, Upload, location
from modelyard.domain.models import Version
from modelyard.domain.pages import Page
from modelyard.domain.privileges import Kind
from modelyard.errors import (
    AlreadyExists,
    Changed,
    Denied,
    Failure,
    Invalid,
    LinkExpired,
    NotEmpty,
    NotFound,
)
from modelyard.surfaces.wire import (
    EMPTY,
    EXPIRED,
    FILES_PREFIX,
    JSON,
    STATUS,
    AnyAction,
    Arrival,
    Bytes,
    Departure,
    Here,
    Joining,
    Reply,
    Row,
    Translation,
    encode,
    told,
)

DIRECTORIES: Final = "/api/2.0/fs/directories"
PAGE: Final = 1_000
_NOT_EMPTY: Final = "FILES_API_DIRECTORY_IS_NOT_EMPTY"
_NOT_ENABLED: Final = "FILES_API_API_IS_NOT_ENABLED"
_WHOLE: Final = "whole"
"""The session token of what is not brought in parts."""
_CODES: Final = {
    **STATUS,
    NotFound: (404, "NOT_FOUND"),
    AlreadyExists: (409, "ALREADY_EXISTS"),
    Changed: (412, "ABORTED"),
}


def blame(failure: Failure) -> Reply:
    """Failures in the Files API's own codes; a signed URL that came too late in those of S3."""
    if isinstance(failure, LinkExpired):
        return EXPIRED
    if isinstance(failure, NotEmpty):
        return Reply(400, encode(_with_reason("INVALID_STATE", failure.message, _NOT_EMPTY)))
    if isinstance(failure, Whole):
        return Reply(403, encode(_with_reason("PERMISSION_DENIED", failure.message, _NOT_ENABLED)))
    return told(failure, _CODES)


class Whole(Denied):
    """Files of volumes come whole: the Databricks SDK understands this as "send it in one request"."""

    def __init__(self) -> None:
        super().__init__(f"{_NOT_ENABLED}: files of volumes are sent whole, in one request of any size.")


def _with_reason(code: str, message: str, reason: str) -> dict[str, object]:
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": reason,
        "domain": "filesystem.databricks.com",
    }
    return {"error_code": code, "message": message, "details": [info]}


# What is said


class Place(msgspec.Struct, frozen=True):
    """A path of the Files API, decoded once."""

    path: str = ""

    @property
    def at(self) -> Location:
        """Where it points."""
        return location(self.path)

    @property
    def model(self) -> Ref:
        """The model that it is in."""
        return Ref(Kind.MODEL, self.at.model)

    @property
    def where(self) -> tuple[Ref, int, str]:
        """Model, version and path inside."""
        at = self.at
        return Ref(Kind.MODEL, at.model), at.version, at.path

    @property
    def is_in_volume(self) -> bool:
        """Whether it points into a volume."""
        return volumes.is_in_volume(self.path)

    @property
    def in_volume(self) -> tuple[Ref, str]:
        """Volume and path inside."""
        at = volumes.location(self.path)
        return Ref(Kind.VOLUME, at.volume), at.path


class Sent(Place, frozen=True):
    """A file that is sent, or a multipart upload that begins."""

    overwrite: bool = False


class Listed(Place, frozen=True):
    """A page of a directory."""

    page_size: int | None = None
    page_token: str | None = None


class Timed(Place, frozen=True):
    """A request for a signed URL; `expire_time` is RFC 3339."""

    expire_time: str | None = None

    @property
    def seconds(self) -> int:
        """How long the URL shall live."""
        if not self.expire_time:
            return files.MAX_LINK_SECONDS
        try:
            until = datetime.fromisoformat(self.expire_time)
        except ValueError:
            raise Invalid("expire_time must be a time such as 2030-01-31T12:00:00Z.") from None
        aware = until if until.tzinfo else until.replace(tzinfo=UTC)
        return max(1, int((aware - datetime.now(UTC)).total_seconds()))


class Session(Timed, frozen=True):
    """A multipart upload under way."""

    session_token: str = ""
    start_part_number: int = 1
    count: int = 1

    @property
    def numbers(self) -> tuple[int, ...]:
        """The parts that URLs are asked for."""
        last = self.start_part_number + self.count - 1
        if not 1 <= self.start_part_number <= last <= MAX_PARTS:
            raise Invalid(f"parts are numbered from 1 to {MAX_PARTS}, and count must be at least 1.")
        return tuple(range(self.start_part_number, last + 1))


class SentPart(Place, frozen=True):
    """A part that is sent."""

    session_token: str = ""
    part_number: int = 0


class PartTag(msgspec.Struct, frozen=True):
    """A part as completion names it."""

    part_number: int
    etag: str = ""

    @property
    def listed(self) -> tuple[int, str]:
        """Its number and its tag."""
        return self.part_number, self.etag.strip('"')


class Completed(Place, frozen=True):
    """A multipart upload whose parts are all there."""

    session_token: str = ""
    parts: list[PartTag] = []

    @property
    def listed(self) -> list[tuple[int, str]]:
        """Numbers and tags of the parts."""
        return [part.listed for part in self.parts]


# How it is read and written


def _either(of_version: Callable[..., AnyAction], of_volume: Callable[..., AnyAction]) -> Callable[[Place], AnyAction]:
    """What reads a path into an action on the file of a version, or on that of a volume."""

    def read(said: Place) -> AnyAction:
        return of_volume(*said.in_volume) if said.is_in_volume else of_version(*said.where)

    return read


def _list(said: Listed) -> AnyAction:
    root = volumes.location(said.path) if said.is_in_volume else said.at
    window = pages.window(said.page_size, said.page_token, f"directory {root}", default=PAGE, most=PAGE)
    if said.is_in_volume:
        return in_volumes.ListVolumeDirectory(*said.in_volume, window)
    return files.ListDirectory(*said.where, window)


def _prepare(said: Sent) -> AnyAction:
    if said.is_in_volume:
        return in_volumes.PrepareVolumeFile(*said.in_volume, overwrite=said.overwrite)
    return files.PrepareFile(*said.where, overwrite=said.overwrite)


def _begin(said: Sent) -> AnyAction:
    if said.is_in_volume:
        return in_volumes.PrepareVolumeFile(*said.in_volume, overwrite=said.overwrite)
    return uploads.BeginUpload(*said.where, overwrite=said.overwrite)


def _in_parts(said: Place) -> tuple[Ref, int, str]:
    """Where a file of a version is, or why there are no parts."""
    if said.is_in_volume:
        raise Whole
    return said.where


def experiment(place: Artifact) -> Ref:
    """The experiment that an artifact is in."""
    return Ref(Kind.EXPERIMENT, Part.EXPERIMENT.path(place.experiment))


def _link_to_get(said: Timed) -> AnyAction:
    if is_artifact(said.path):
        at = artifact(said.path)
        return artifacts.LinkToArtifact(experiment(at), at.path, said.seconds)
    if said.is_in_volume:
        return in_volumes.LinkToVolumeFile(*said.in_volume, seconds=said.seconds)
    return files.LinkToFile(*said.where, seconds=said.seconds)


def _link_to_put(said: Timed) -> AnyAction:
    if is_artifact(said.path):
        at = artifact(said.path)
        return artifacts.LinkToArtifactUpload(experiment(at), at.path, said.seconds)
    return files.LinkToUpload(*_in_parts(said), seconds=said.seconds)


def _link_to_parts(said: Session) -> AnyAction:
    if is_artifact(said.path):
        at = artifact(said.path)
        asked = (said.session_token, said.numbers, said.seconds)
        return artifacts.LinkToArtifactParts(experiment(at), at.path, *asked)
    return uploads.LinkToParts(*_in_parts(said), said.session_token, said.numbers, said.seconds)


def _link_to_abort(said: Session) -> AnyAction:
    if is_artifact(said.path):
        at = artifact(said.path)
        return artifacts.LinkToArtifactAbort(experiment(at), at.path, said.session_token, said.seconds)
    return uploads.LinkToAbort(*_in_parts(said), said.session_token, said.seconds)


def _keep(said: Sent, stored: Stored) -> AnyAction:
    if said.is_in_volume:
        return in_volumes.KeepVolumeFile(*said.in_volume, stored, said.overwrite)
    return files.KeepFile(*said.where, stored, said.overwrite)


def _finish(said: Completed, become: Stored | tuple[tuple[int, str], ...]) -> AnyAction:
    if isinstance(become, Stored):
        return uploads.FinishUpload(*said.where, said.session_token, become)
    return uploads.StageUpload(*said.where, said.session_token, become)


def _content(entry: Entry, root: str) -> dict[str, object]:
    told_: dict[str, object] = {
        "path": f"{root}/{entry.name}",
        "name": entry.name,
        "is_directory": entry.is_directory,
    }
    if not entry.is_directory:
        told_ |= {"file_size": entry.size, "last_modified": entry.modified_at}
    return told_


def listing(page: Page[Entry], _here: Here) -> object:
    """A page of a directory."""
    root = page.query.removeprefix("directory ")
    answer: dict[str, object] = {"contents": [_content(entry, root) for entry in page.items]}
    if token := pages.token(page):
        answer["next_page_token"] = token
    return answer


def _where_to_get(store: Bytes, said: Timed, found: tuple[Link, Entry]) -> Link | Address:
    link, entry = found
    return store.address_of(entry, said.seconds) or link


def _where_to_put(store: Bytes, said: Timed, found: Link | tuple[Link, Version]) -> Link | Address:
    if isinstance(found, Link):
        return found  # artifacts come by the server, which names them as soon as they are there
    link, version = found
    return store.address_for(version, said.at.path, said.seconds) or link


def _where_to_put_parts(
    store: Bytes, said: Session, found: tuple[Link, ...] | tuple[tuple[Link, ...], Upload]
) -> list[tuple[int, Link | Address]]:
    if len(found) == 2 and isinstance(found[1], Upload):  # noqa: PLR2004  the links, and the upload
        links, upload = cast("tuple[tuple[Link, ...], Upload]", found)
        addresses = store.addresses_for(upload, said.numbers, said.seconds)
    else:
        links, addresses = cast("tuple[Link, ...]", found), ()
    return list(zip(said.numbers, addresses or links, strict=True))


def _part_addresses(parts: list[tuple[int, Link | Address]], here: Here) -> object:
    return {"upload_part_urls": [{"part_number": number, **_url(where, here)} for number, where in parts]}


def _url(where: Link | Address, here: Here) -> dict[str, object]:
    if isinstance(where, Link):
        return {"url": here.url(where), "headers": []}
    return {"url": where.url, "headers": [{"name": name, "value": value} for name, value in where.headers]}


def drop_joined(store: Bytes, upload: Upload, entry: Entry | None) -> None:
    """Remove the parts of a file, unless they are still to be joined."""
    if entry:
        store.drop(upload)


def make_room(store: Bytes, _said: Place, upload: Upload) -> Upload:
    """Let the parts of an upload come."""
    store.begin(upload)
    return upload


def _begun(store: Bytes, said: Sent, begun: Upload | Spot) -> str:
    """The session token."""
    return _WHOLE if isinstance(begun, Spot) else make_room(store, said, begun).id


_FILE: Final = FILES_PREFIX + "/{path:rest}"
_DIRECTORY: Final = DIRECTORIES + "/{path:rest}"
NO_BODY: Final = Reply(200, b"", (("content-type", JSON),))

ROWS: Final[tuple[Row, ...]] = (
    Departure("GET", _FILE, Place, read=_either(files.FindFile, in_volumes.FindVolumeFile), blame=blame),
    Departure("HEAD", _FILE, Place, read=_either(files.FindFile, in_volumes.FindVolumeFile), blame=blame),
    Arrival(
        "PUT",
        _FILE,
        Sent,
        ask=_prepare,
        open=lambda store, _said, place, size: store.receive(place.store_id, size),
        keep=_keep,
        write=lambda _entry: EMPTY,
        blame=blame,
    ),
    Arrival(
        "PUT",
        _FILE,
        SentPart,
        ask=lambda said: uploads.FindUpload(*_in_parts(said), upload_id=said.session_token),
        open=lambda store, said, upload, size: store.receive_part(upload, said.part_number, size),
        keep=None,
        write=lambda part: Reply(200, b"", (("etag", f'"{part.etag}"'),)),
        blame=blame,
        doing="upload-part",
    ),
    Joining(
        "POST",
        _FILE,
        Sent,
        ask=_begin,
        move=_begun,
        write=lambda token, _here: {"multipart_upload": {"session_token": token}},
        blame=blame,
        doing="initiate-upload",
    ),
    Joining(
        "POST",
        _FILE,
        Completed,
        ask=lambda said: uploads.FindUpload(*_in_parts(said), upload_id=said.session_token),
        move=lambda store, said, upload: store.complete(upload, said.listed),
        keep=_finish,
        after=drop_joined,
        blame=blame,
        doing="complete-upload",
    ),
    Joining(
        "DELETE",
        _FILE,
        SentPart,
        ask=lambda said: uploads.AbortUpload(*_in_parts(said), upload_id=said.session_token),
        move=lambda store, _said, upload: store.drop(upload),
        blame=blame,
        doing="abort-upload",
    ),
    Translation(
        "DELETE",
        _FILE,
        Place,
        read=_either(files.DeleteFile, in_volumes.DeleteVolumeFile),
        write=lambda _nothing, _here: EMPTY,
        blame=blame,
    ),
    Translation(
        "HEAD",
        _DIRECTORY,
        Place,
        read=_either(files.FindDirectory, in_volumes.FindVolumeDirectory),
        write=lambda _entry, _here: NO_BODY,
        blame=blame,
    ),
    Translation("GET", _DIRECTORY, Listed, read=_list, write=listing, blame=blame),
    Translation(
        "PUT",
        _DIRECTORY,
        Place,
        read=_either(files.MakeDirectory, in_volumes.MakeVolumeDirectory),
        write=lambda _nothing, _here: EMPTY,
        blame=blame,
    ),
    Translation(
        "DELETE",
        _DIRECTORY,
        Place,
        read=_either(files.DeleteDirectory, in_volumes.DeleteVolumeDirectory),
        write=lambda _nothing, _here: EMPTY,
        blame=blame,
    ),
    Joining(
        "POST",
        "/api/2.0/fs/create-download-url",
        Timed,
        ask=_link_to_get,
        move=_where_to_get,
        write=_url,
        blame=blame,
    ),
    Joining(
        "POST",
        "/api/2.0/fs/create-upload-url",
        Timed,
        ask=_link_to_put,
        move=_where_to_put,
        write=_url,
        blame=blame,
    ),
    Joining(
        "POST",
        "/api/2.0/fs/create-upload-part-urls",
        Session,
        ask=_link_to_parts,
        move=_where_to_put_parts,
        write=_part_addresses,
        blame=blame,
    ),
    Translation(
        "POST",
        "/api/2.0/fs/create-abort-upload-url",
        Session,
        read=_link_to_abort,
        write=lambda link, here: {"abort_upload_url": _url(link, here)},
        blame=blame,
    ),
)
