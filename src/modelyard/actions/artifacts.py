"""Artifacts of runs and logged models: found, listed, read, and brought in whole or in parts.

They may be replaced and deleted by whoever may log into their experiment, and are kept as the files of models are.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import Command, Need, Query, Ref
from modelyard.actions.files import MAX_LINK_SECONDS, link_to
from modelyard.actions.manifests import (
    check_place,
    directory_at,
    file_at,
    make_directory,
    remove_directory,
    remove_file,
    under_way,
)
from modelyard.domain.experiments import Artifact, Experiment
from modelyard.domain.files import Entry, Link, Stored, Upload
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Privilege
from modelyard.errors import Invalid, NotFound
from modelyard.store import catalogs, experiments, files, uploads
from modelyard.store.tx import Look, Write, new_id

_READ = (Need(Privilege.CAN_READ, on="experiment"),)
_WRITE = (Need(Privilege.CAN_EDIT, on="experiment"),)
_MOST = 1_000
"""How many files and folders one request deletes."""


def _of(tx: Look, experiment: Ref) -> Experiment:
    return experiments.get(tx, tx.at(experiment).id)


def _held(tx: Write, experiment: Ref) -> Experiment:
    """The experiment, to whose artifacts nobody else adds until this transaction ends."""
    catalogs.lock(tx, tx.at(experiment).id)
    return _of(tx, experiment)


@dataclass(frozen=True)
class FindArtifact(Query[Look, Entry]):
    """Find an artifact to be read, or told about."""

    experiment: Ref
    path: str

    needs = _READ

    def run(self, tx: Look) -> Entry:
        """The file, or `NotFound`."""
        return file_at(tx, _of(tx, self.experiment).manifest_id, self.path)


@dataclass(frozen=True)
class FindArtifactDirectory(Query[Look, Entry]):
    """Find out whether a path among the artifacts of an experiment is a directory."""

    experiment: Ref
    path: str

    needs = _READ

    def run(self, tx: Look) -> Entry:
        """The directory, or `NotFound`."""
        return directory_at(tx, _of(tx, self.experiment).manifest_id, self.path)


@dataclass(frozen=True)
class ListArtifacts(Query[Look, Page[Entry]]):
    """List the artifacts directly in a directory, by path; in one that is not there are none, unless it `must_be`."""

    experiment: Ref
    path: str
    window: Window
    must_be: bool = True

    needs = _READ

    def run(self, tx: Look) -> Page[Entry]:
        """A page of it."""
        if self.must_be:
            directory_at(tx, _of(tx, self.experiment).manifest_id, self.path)
        return files.listing(tx, _of(tx, self.experiment).manifest_id, self.path, self.window)


@dataclass(frozen=True)
class LinkToArtifact(Query[Look, tuple[Link, Entry]]):
    """Make an address from which one artifact can be fetched without a token, for a while."""

    experiment: Ref
    path: str
    seconds: int = MAX_LINK_SECONDS

    needs = _READ

    def run(self, tx: Look) -> tuple[Link, Entry]:
        """Leave for the caller to GET it, and the file."""
        entry = file_at(tx, _of(tx, self.experiment).manifest_id, self.path)
        return link_to(tx, "GET", _place(tx, self.experiment, self.path), self.seconds), entry


def _place(tx: Look, experiment: Ref, path: str) -> str:
    return str(Artifact(_of(tx, experiment).number, path))


@dataclass(frozen=True)
class PrepareArtifact(Query[Look, Experiment]):
    """Ask, before any byte is read, whether an artifact may be brought."""

    experiment: Ref
    path: str
    overwrite: bool = False

    needs = _WRITE

    def run(self, tx: Look) -> Experiment:
        """The experiment, if it may."""
        return _placed(tx, _of(tx, self.experiment), self.path, overwrite=self.overwrite)


def _placed(tx: Look, experiment: Experiment, path: str, *, overwrite: bool) -> Experiment:
    if "/" not in path:
        raise Invalid("an artifact is inside a run or a logged model; name a file in there.")
    check_place(tx, experiment.manifest_id, path, overwrite=overwrite)
    return experiment


@dataclass(frozen=True)
class LinkToArtifactUpload(Query[Look, Link]):
    """Make an address to which one artifact can be sent without a token, for a while."""

    experiment: Ref
    path: str
    seconds: int = MAX_LINK_SECONDS

    needs = _WRITE

    def run(self, tx: Look) -> Link:
        """Leave for the caller to PUT it."""
        _placed(tx, _of(tx, self.experiment), self.path, overwrite=True)
        place = _place(tx, self.experiment, self.path)
        return link_to(tx, "PUT", place, self.seconds, ("overwrite", "true"))


@dataclass(frozen=True)
class KeepArtifact(Command[Write, Entry]):
    """Name bytes that came as an artifact."""

    experiment: Ref
    path: str
    stored: Stored
    overwrite: bool = False

    needs = _WRITE

    def run(self, tx: Write) -> Entry:
        """The file, unless the path was taken in the meantime."""
        experiment = _placed(tx, _held(tx, self.experiment), self.path, overwrite=self.overwrite)
        return files.put_whole(tx, experiment.manifest_id, Entry.of(self.path, self.stored, tx.now))


@dataclass(frozen=True)
class MakeArtifactDirectory(Command[Write, None]):
    """Make a directory for artifacts, with those above it; it may be there already."""

    experiment: Ref
    path: str

    needs = _WRITE

    def run(self, tx: Write) -> None:
        """Make it."""
        manifest = _held(tx, self.experiment).manifest_id
        make_directory(tx, manifest, self.path)


@dataclass(frozen=True)
class DeleteArtifact(Command[Write, None]):
    """Delete an artifact; its bytes are collected later, if nothing else has the same."""

    experiment: Ref
    path: str

    needs = _WRITE

    def run(self, tx: Write) -> None:
        """Delete it, or `NotFound`."""
        remove_file(tx, _held(tx, self.experiment).manifest_id, self.path)


@dataclass(frozen=True)
class DeleteArtifactDirectory(Command[Write, None]):
    """Delete a directory of artifacts: an empty one, or one with all that is in it where it `is_deep`."""

    experiment: Ref
    path: str
    is_deep: bool = False

    needs = _WRITE

    def run(self, tx: Write) -> None:
        """Delete it, or say why not."""
        if not self.path:
            raise Invalid("the path names all artifacts of the experiment; delete those of a run or model.")
        manifest = _held(tx, self.experiment).manifest_id
        if self.is_deep:
            _delete_all(tx, manifest, self.path)
            return
        remove_directory(tx, manifest, self.path)


def _delete_all(tx: Write, manifest: str, path: str) -> None:
    found = files.tree(tx, manifest, path, _MOST + 1)
    if not found:
        raise NotFound("No such file or directory.")
    if len(found) > _MOST:
        raise Invalid(f"more than {_MOST} files are in the directory; delete the directories in it first.")
    files.remove_tree(tx, manifest, path)


# In parts


def _under_way(tx: Look, experiment: Experiment, path: str, upload_id: str) -> Upload:
    return under_way(tx, uploads.OF_EXPERIMENTS, experiment.id, path, upload_id)


@dataclass(frozen=True)
class BeginArtifactUpload(Command[Write, Upload]):
    """Begin to bring an artifact in parts."""

    experiment: Ref
    path: str
    overwrite: bool = False

    needs = _WRITE

    def run(self, tx: Write) -> Upload:
        """An upload, whose id is the client's session token."""
        experiment = _placed(tx, _of(tx, self.experiment), self.path, overwrite=self.overwrite)
        mine = tx.caller.principal.id
        upload = Upload(new_id(), experiment.id, self.path, self.overwrite, mine, experiment.store_id)
        uploads.OF_EXPERIMENTS.add(tx, upload)
        return upload


@dataclass(frozen=True)
class LinkToArtifactParts(Query[Look, tuple[Link, ...]]):
    """Make addresses to which parts of an artifact can be sent without a token, for a while."""

    experiment: Ref
    path: str
    upload_id: str
    parts: tuple[int, ...]
    seconds: int = MAX_LINK_SECONDS

    needs = _WRITE

    def run(self, tx: Look) -> tuple[Link, ...]:
        """Leave for the caller to PUT each part."""
        _under_way(tx, _of(tx, self.experiment), self.path, self.upload_id)
        place = _place(tx, self.experiment, self.path)
        told = (("action", "upload-part"), ("session_token", self.upload_id))
        return tuple(link_to(tx, "PUT", place, self.seconds, *told, ("part_number", str(part))) for part in self.parts)


@dataclass(frozen=True)
class LinkToArtifactAbort(Query[Look, Link]):
    """Make an address that gives an upload of an artifact up without a token."""

    experiment: Ref
    path: str
    upload_id: str
    seconds: int = MAX_LINK_SECONDS

    needs = _WRITE

    def run(self, tx: Look) -> Link:
        """Leave to give it up, for the caller."""
        _under_way(tx, _of(tx, self.experiment), self.path, self.upload_id)
        told = (("action", "abort-upload"), ("session_token", self.upload_id))
        return link_to(tx, "DELETE", _place(tx, self.experiment, self.path), self.seconds, *told)


@dataclass(frozen=True)
class FindArtifactUpload(Query[Look, Upload]):
    """Ask, before any byte is read or joined, whether parts of an artifact may come."""

    experiment: Ref
    path: str
    upload_id: str

    needs = _WRITE

    def run(self, tx: Look) -> Upload:
        """The upload, or `NotFound`."""
        return _under_way(tx, _of(tx, self.experiment), self.path, self.upload_id)


@dataclass(frozen=True)
class FinishArtifactUpload(Command[Write, Entry]):
    """Name the joined bytes of an upload as an artifact. Asked again, it answers the same."""

    experiment: Ref
    path: str
    upload_id: str
    stored: Stored

    needs = _WRITE

    def run(self, tx: Write) -> Entry:
        """The file, unless the path was taken in the meantime."""
        experiment = _held(tx, self.experiment)
        upload = _under_way(tx, experiment, self.path, self.upload_id)
        if upload.stored:
            return Entry.of(self.path, upload.stored)
        _placed(tx, experiment, self.path, overwrite=upload.overwrite)
        uploads.OF_EXPERIMENTS.finish(tx, upload.id, self.stored)
        return files.put_whole(tx, experiment.manifest_id, Entry.of(self.path, self.stored, tx.now))


@dataclass(frozen=True)
class AbortArtifactUpload(Command[Write, Upload]):
    """Give an upload of an artifact up; its parts are removed once this is committed."""

    experiment: Ref
    path: str
    upload_id: str

    needs = _WRITE

    def run(self, tx: Write) -> Upload:
        """The upload that is no more."""
        upload = _under_way(tx, _of(tx, self.experiment), self.path, self.upload_id)
        uploads.OF_EXPERIMENTS.remove(tx, upload.id)
        return upload
