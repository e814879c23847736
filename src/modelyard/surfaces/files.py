"""The Files API, `/api/2.0/fs/*`, for the files of model versions under `/Models` (protocol notes §1.c)."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import files, uploads
from modelyard.domain import pages
from modelyard.domain.files import MAX_PARTS, Address, Entry, Link, Location, Stored, Upload, location
from modelyard.domain.models import Version
from modelyard.domain.pages import Page
from modelyard.domain.privileges import Kind
from modelyard.errors import (
    AlreadyExists,
    Changed,
    Failure,
    Invalid,
    LinkExpired,
    NotFound,
    WrongState,
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
_PAGE: Final = 1_000
_NOT_EMPTY: Final = "FILES_API_DIRECTORY_IS_NOT_EMPTY"
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
    if isinstance(failure, WrongState) and failure.message.startswith(_NOT_EMPTY):
        return Reply(400, encode(_not_empty(failure.message)))
    return told(failure, _CODES)


def _not_empty(message: str) -> dict[str, object]:
    info = {
        "@type": "type.googleapis.com/google.rpc.ErrorInfo",
        "reason": _NOT_EMPTY,
        "domain": "filesystem.databricks.com",
    }
    return {"error_code": "INVALID_STATE", "message": message, "details": [info]}


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


class Completed(Place, frozen=True):
    """A multipart upload whose parts are all there."""

    session_token: str = ""
    parts: list[PartTag] = []

    @property
    def listed(self) -> list[tuple[int, str]]:
        """Numbers and tags of the parts."""
        return [(part.part_number, part.etag.strip('"')) for part in self.parts]


# How it is read and written


def _list(said: Listed) -> AnyAction:
    model, number, path = said.where
    query = f"directory {said.at}"
    window = pages.window(said.page_size, said.page_token, query, default=_PAGE, most=_PAGE)
    return files.ListDirectory(model, number, path, window)


def _link_to_parts(said: Session) -> AnyAction:
    return uploads.LinkToParts(*said.where, said.session_token, said.numbers, said.seconds)


def _link_to_abort(said: Session) -> AnyAction:
    return uploads.LinkToAbort(*said.where, said.session_token, said.seconds)


def _keep(said: Sent, stored: Stored) -> AnyAction:
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


def _listing(page: Page[Entry], _here: Here) -> object:
    root = page.query.removeprefix("directory ")
    answer: dict[str, object] = {"contents": [_content(entry, root) for entry in page.items]}
    if token := pages.token(page):
        answer["next_page_token"] = token
    return answer


def _where_to_get(store: Bytes, said: Timed, found: tuple[Link, Entry]) -> Link | Address:
    link, entry = found
    return store.address_of(entry, said.seconds) or link


def _where_to_put(store: Bytes, said: Timed, found: tuple[Link, Version]) -> Link | Address:
    link, version = found
    return store.address_for(version, said.at.path, said.seconds) or link


def _where_to_put_parts(
    store: Bytes, said: Session, found: tuple[tuple[Link, ...], Upload]
) -> list[tuple[int, Link | Address]]:
    links, upload = found
    addresses = store.addresses_for(upload, said.numbers, said.seconds)
    return list(zip(said.numbers, addresses or links, strict=True))


def _part_addresses(parts: list[tuple[int, Link | Address]], here: Here) -> object:
    return {"upload_part_urls": [{"part_number": number, **_url(where, here)} for number, where in parts]}


def _url(where: Link | Address, here: Here) -> dict[str, object]:
    if isinstance(where, Link):
        return {"url": here.url(where), "headers": []}
    return {"url": where.url, "headers": [{"name": name, "value": value} for name, value in where.headers]}


def _drop_joined(store: Bytes, upload: Upload, entry: Entry | None) -> None:
    """Remove the parts of a file, unless they are still to be joined."""
    if entry:
        store.drop(upload)


def _make_room(store: Bytes, _said: Sent, upload: Upload) -> Upload:
    store.begin(upload)
    return upload


_FILE: Final = FILES_PREFIX + "/{path:rest}"
_DIRECTORY: Final = DIRECTORIES + "/{path:rest}"
_NO_BODY: Final = Reply(200, b"", (("content-type", JSON),))

ROWS: Final[tuple[Row, ...]] = (
    Departure("GET", _FILE, Place, read=lambda said: files.FindFile(*said.where), blame=blame),
    Departure("HEAD", _FILE, Place, read=lambda said: files.FindFile(*said.where), blame=blame),
    Arrival(
        "PUT",
        _FILE,
        Sent,
        ask=lambda said: files.PrepareFile(*said.where, overwrite=said.overwrite),
        open=lambda store, _said, version, size: store.receive(version.store_id, size),
        keep=_keep,
        write=lambda _entry: EMPTY,
        blame=blame,
    ),
    Arrival(
        "PUT",
        _FILE,
        SentPart,
        ask=lambda said: uploads.FindUpload(*said.where, upload_id=said.session_token),
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
        ask=lambda said: uploads.BeginUpload(*said.where, overwrite=said.overwrite),
        move=_make_room,
        write=lambda upload, _here: {"multipart_upload": {"session_token": upload.id}},
        blame=blame,
        doing="initiate-upload",
    ),
    Joining(
        "POST",
        _FILE,
        Completed,
        ask=lambda said: uploads.FindUpload(*said.where, upload_id=said.session_token),
        move=lambda store, said, upload: store.complete(upload, said.listed),
        keep=_finish,
        after=_drop_joined,
        blame=blame,
        doing="complete-upload",
    ),
    Joining(
        "DELETE",
        _FILE,
        SentPart,
        ask=lambda said: uploads.AbortUpload(*said.where, upload_id=said.session_token),
        move=lambda store, _said, upload: store.drop(upload),
        blame=blame,
        doing="abort-upload",
    ),
    Translation(
        "DELETE",
        _FILE,
        Place,
        read=lambda said: files.DeleteFile(*said.where),
        write=lambda _nothing, _here: EMPTY,
        blame=blame,
    ),
    Translation(
        "HEAD",
        _DIRECTORY,
        Place,
        read=lambda said: files.FindDirectory(*said.where),
        write=lambda _entry, _here: _NO_BODY,
        blame=blame,
    ),
    Translation("GET", _DIRECTORY, Listed, read=_list, write=_listing, blame=blame),
    Translation(
        "PUT",
        _DIRECTORY,
        Place,
        read=lambda said: files.MakeDirectory(*said.where),
        write=lambda _nothing, _here: EMPTY,
        blame=blame,
    ),
    Translation(
        "DELETE",
        _DIRECTORY,
        Place,
        read=lambda said: files.DeleteDirectory(*said.where),
        write=lambda _nothing, _here: EMPTY,
        blame=blame,
    ),
    Joining(
        "POST",
        "/api/2.0/fs/create-download-url",
        Timed,
        ask=lambda said: files.LinkToFile(*said.where, seconds=said.seconds),
        move=_where_to_get,
        write=_url,
        blame=blame,
    ),
    Joining(
        "POST",
        "/api/2.0/fs/create-upload-url",
        Timed,
        ask=lambda said: files.LinkToUpload(*said.where, seconds=said.seconds),
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
