"""Multipart uploads: big files brought in parts, in any order, and then named in a version's manifest at once.

The database knows which file an upload will become and whose it is; its parts are on disk until then.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import Command, Need, Query, Ref
from modelyard.actions.files import MAX_LINK_SECONDS, link, writable, writing
from modelyard.actions.manifests import check_place, put, under_way
from modelyard.domain.files import Entry, Link, Location, Stored, Upload
from modelyard.domain.models import Version
from modelyard.domain.privileges import Privilege
from modelyard.store import uploads
from modelyard.store.tx import Look, Write, new_id


def _under_way(tx: Look, version: Version, path: str, upload_id: str) -> Upload:
    return under_way(tx, uploads.OF_VERSIONS, version.id, path, upload_id)


@dataclass(frozen=True)
class BeginUpload(Command[Write, Upload]):
    """Begin to bring a file in parts."""

    model: Ref
    number: int
    path: str
    overwrite: bool = False

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Write) -> Upload:
        """An upload, whose id is the client's session token."""
        version = writing(tx, self.model, self.number)
        check_place(tx, version.manifest_id, self.path, overwrite=self.overwrite)
        upload = Upload(new_id(), version.id, self.path, self.overwrite, tx.caller.principal.id, version.store_id)
        uploads.OF_VERSIONS.add(tx, upload)
        return upload


@dataclass(frozen=True)
class LinkToParts(Query[Look, tuple[tuple[Link, ...], Upload]]):
    """Make addresses to which parts can be sent without a token, for a while."""

    model: Ref
    number: int
    path: str
    upload_id: str
    parts: tuple[int, ...]
    seconds: int = MAX_LINK_SECONDS

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Look) -> tuple[tuple[Link, ...], Upload]:
        """Leave for the caller to PUT each part, and the upload."""
        upload = _under_way(tx, writable(tx, self.model, self.number), self.path, self.upload_id)
        place = Location(self.model.name, self.number, self.path)
        told = (("action", "upload-part"), ("session_token", self.upload_id))
        links = [link(tx, "PUT", place, self.seconds, *told, ("part_number", str(part))) for part in self.parts]
        return tuple(links), upload


@dataclass(frozen=True)
class LinkToAbort(Query[Look, Link]):
    """Make an address that gives an upload up without a token."""

    model: Ref
    number: int
    path: str
    upload_id: str
    seconds: int = MAX_LINK_SECONDS

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Look) -> Link:
        """Leave to give it up, for the caller."""
        _under_way(tx, writable(tx, self.model, self.number), self.path, self.upload_id)
        place = Location(self.model.name, self.number, self.path)
        told = (("action", "abort-upload"), ("session_token", self.upload_id))
        return link(tx, "DELETE", place, self.seconds, *told)


@dataclass(frozen=True)
class FindUpload(Query[Look, Upload]):
    """Ask, before any byte is read or joined, whether parts of an upload may come."""

    model: Ref
    number: int
    path: str
    upload_id: str

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Look) -> Upload:
        """The upload, or `NotFound`."""
        return _under_way(tx, writable(tx, self.model, self.number), self.path, self.upload_id)


@dataclass(frozen=True)
class FinishUpload(Command[Write, Entry]):
    """Name the joined bytes of an upload in the version's manifest. Asked again, it answers the same."""

    model: Ref
    number: int
    path: str
    upload_id: str
    stored: Stored

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Write) -> Entry:
        """The file, unless the version became READY, or the path was taken, in the meantime."""
        version = writing(tx, self.model, self.number)
        upload = _under_way(tx, version, self.path, self.upload_id)
        if upload.stored:
            return Entry.of(self.path, upload.stored)
        check_place(tx, version.manifest_id, self.path, overwrite=upload.overwrite)
        uploads.OF_VERSIONS.finish(tx, upload.id, self.stored)
        return put(tx, version, self.path, self.stored)


@dataclass(frozen=True)
class StageUpload(Command[Write, None]):
    """Note of which parts a file is to be made, where its client sent them to an object store by itself.

    They are joined, and the file is named in the manifest, when the version is finalized.
    """

    model: Ref
    number: int
    path: str
    upload_id: str
    parts: tuple[tuple[int, str], ...]

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Write) -> None:
        """Note it, unless the version became READY, or the path was taken, in the meantime."""
        version = writing(tx, self.model, self.number)
        upload = _under_way(tx, version, self.path, self.upload_id)
        check_place(tx, version.manifest_id, self.path, overwrite=upload.overwrite)
        uploads.stage(tx, upload.id, self.parts)


@dataclass(frozen=True)
class AbortUpload(Command[Write, Upload]):
    """Give an upload up; its parts are removed once this is committed."""

    model: Ref
    number: int
    path: str
    upload_id: str

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    def run(self, tx: Write) -> Upload:
        """The upload that is no more."""
        upload = _under_way(tx, writing(tx, self.model, self.number), self.path, self.upload_id)
        uploads.OF_VERSIONS.remove(tx, upload.id)
        return upload
