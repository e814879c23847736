"""What several actions share about manifests: who may fill it, and how a file comes into it."""

from __future__ import annotations

from modelyard.action import Ref
from modelyard.domain.files import Entry, Stored, parents
from modelyard.domain.models import Version
from modelyard.domain.privileges import Privilege
from modelyard.errors import AlreadyExists, Denied, Invalid
from modelyard.store import files, models
from modelyard.store.tx import Look, Write


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


def put(tx: Write, version: Version, path: str, stored: Stored) -> Entry:
    """Name stored bytes in a version's manifest, with the directories above them."""
    return files.put_whole(tx, version.manifest_id, Entry.of(path, stored, tx.now))
