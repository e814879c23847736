"""What several actions share about manifests: who may fill it, and how files come into it and out of it."""

from __future__ import annotations

from modelyard.action import Ref
from modelyard.domain.files import Entry, Stored, Upload, parents
from modelyard.domain.models import Version
from modelyard.domain.pages import Window
from modelyard.domain.privileges import Privilege
from modelyard.errors import AlreadyExists, Denied, Invalid, NotEmpty, NotFound
from modelyard.store import files, models
from modelyard.store.tx import Look, Write
from modelyard.store.uploads import Uploads


def uploader(tx: Look, model: Ref, version: Version) -> Version:
    """The version, if its files are the caller's to bring: the caller made it, or manages the model."""
    mine = models.creator(tx, version.id) == tx.caller.principal.id
    if not mine and not tx.may(model, Privilege.MANAGE):
        raise Denied(
            f"Version {version.number} of '{version.model}' is being uploaded by somebody else, "
            f"and User does not have MANAGE on Routine or Model '{version.model}'.",
        )
    return version


def check_place(tx: Look, manifest_id: str, path: str, *, overwrite: bool) -> None:
    """Whether a file may be put at a path: no directory is there, no file above it, and none at it to be kept."""
    if not path:
        raise Invalid("the path names the whole; name a file inside it.")
    there = files.get(tx, manifest_id, path)
    if there and there.is_directory:
        raise AlreadyExists(f"'{path}' is a directory.")
    if there and not overwrite:
        raise AlreadyExists(f"'{path}' is there already; send overwrite=true to replace it.")
    for above in parents(path):
        entry = files.get(tx, manifest_id, above)
        if entry and not entry.is_directory:
            raise AlreadyExists(f"'{above}' is a file, so nothing can be inside it.")


def file_at(tx: Look, manifest_id: str, path: str) -> Entry:
    """The file at a path, or `NotFound`."""
    entry = files.get(tx, manifest_id, path)
    if entry is None or entry.is_directory:
        raise NotFound("No such file.")
    return entry


def directory_at(tx: Look, manifest_id: str, path: str) -> Entry:
    """The directory at a path, or `NotFound`."""
    entry = files.get(tx, manifest_id, path)
    if entry is None or not entry.is_directory:
        raise NotFound("No such directory.")
    return entry


def make_directory(tx: Write, manifest_id: str, path: str) -> None:
    """Make a directory, with those above it; it may be there already."""
    there = files.get(tx, manifest_id, path)
    if there and there.is_directory:
        return
    check_place(tx, manifest_id, path, overwrite=False)
    files.put_whole(tx, manifest_id, Entry(path, is_directory=True))


def remove_file(tx: Write, manifest_id: str, path: str) -> None:
    """Take a file out, or `NotFound`."""
    file_at(tx, manifest_id, path)
    files.remove(tx, manifest_id, path)


def remove_directory(tx: Write, manifest_id: str, path: str) -> None:
    """Take an empty directory out, or say why not."""
    directory_at(tx, manifest_id, path)
    if files.listing(tx, manifest_id, path, Window(1)).items:
        raise NotEmpty
    files.remove(tx, manifest_id, path)


def under_way(tx: Look, kept: Uploads, into: str, path: str, upload_id: str) -> Upload:
    """The caller's own upload to a path of a version or an experiment, by its id; or `NotFound`."""
    upload = kept.get(tx, upload_id)
    mine = upload and upload.principal_id == tx.caller.principal.id
    if upload is None or not mine or (upload.version_id, upload.path) != (into, path):
        raise NotFound("No such upload is under way; start it again.")
    return upload


def put(tx: Write, version: Version, path: str, stored: Stored) -> Entry:
    """Name stored bytes in a version's manifest, with the directories above them."""
    return files.put_whole(tx, version.manifest_id, Entry.of(path, stored, tx.now))
