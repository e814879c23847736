"""`modelyard import`: the versions in a signed archive, brought to a server with the numbers that they have.

Every request may be repeated: a version that is there is left alone, and of one that is half there only what is
missing is sent. Bytes that the server has in a model that the caller may read are named there, and not sent.
"""

from __future__ import annotations

from collections import defaultdict
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import msgspec
import typer

from modelyard.cli import archives, arriving
from modelyard.cli.arriving import PENDING, READY, Place
from modelyard.cli.client import MLFLOW, OURS, Client, Told
from modelyard.cli.options import MODELS, AsJson, Server
from modelyard.cli.output import show
from modelyard.cli.progress import bytes_bar, counted
from modelyard.domain import names
from modelyard.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from modelyard.cli.archives import Archive, File, Model, Version

_COLUMNS: Final = ("model", "version", "status", "was=was_there", "says")
_REASON: Final = "imported from an archive"


def import_(
    archive: Annotated[Path, typer.Argument(metavar="FILE", help="What `modelyard export` wrote.")],
    server: Server,
    public_key: Annotated[Path, typer.Option(metavar="PEM", help="The public key of whoever must have signed it.")],
    into: Annotated[
        str | None,
        typer.Option(metavar="CATALOG.SCHEMA", help="Put the models there [default: as they are named]."),
    ] = None,
    aliases: Annotated[bool, typer.Option("--aliases", help="Point the aliases at them, too.")] = False,
    as_json: AsJson = False,
) -> None:
    """Bring the versions in a signed archive to this server, with the numbers that they have.

    Nothing is done unless the signature is valid. Ask again after an interruption: it goes on where it stopped.
    Exit status 1 if the server did not admit a version.

    Examples: `modelyard import churn.tar --public-key build.pub` ·
    `modelyard import churn.tar --public-key build.pub --into prod.ml_team --aliases`
    """
    from modelyard.cli import keys  # noqa: PLC0415  cryptography takes long to load, and few commands need it

    target = None if into is None else names.schema(into)
    with archives.opened(archive, keys.public_key(public_key)) as opened:
        server.be_patient()
        coming = _Import(server, opened, target)
        done = coming.run()
        if aliases:
            coming.point_aliases()
    show([each.told() for each in done], as_json=as_json, columns=_COLUMNS)
    if any(each.status != READY for each in done):
        raise typer.Exit(1)


@dataclass
class _Coming:
    """A version on its way: where it goes, how it stands there, and which of its files are still to come."""

    model: str
    version: Version
    status: str
    says: str = ""
    was_there: bool = False
    missing: dict[str, File] = field(default_factory=dict[str, "File"])

    @property
    def place(self) -> Place:
        """Where it goes."""
        return Place(self.model, self.version.version)

    def told(self) -> dict[str, Any]:
        """As it is shown."""
        said = {"model": self.model, "version": self.version.version, "status": self.status}
        return {**said, "was_there": self.was_there, "digest": self.version.digest, "says": self.says}


class _Import:
    """One archive on its way to one server."""

    def __init__(self, server: Client, archive: Archive, into: str | None) -> None:
        self._server = server
        self._archive = archive
        self._names = _targets(archive, into)
        self._having = self._models_by_object()
        self._done: dict[tuple[str, int], _Coming] = {}
        self._wanted: dict[str, list[tuple[_Coming, File]]] = defaultdict(list)

    def run(self) -> list[_Coming]:
        """Bring everything; what became of each version."""
        for model in self._archive.manifest.models:
            self._bring_model(model)
        sizes = self._archive.manifest.sizes()
        with bytes_bar(sum(sizes[sha256] for sha256 in self._wanted)) as advance:
            for sha256, read in self._archive.objects():
                self._bring_object(sha256, read, advance)
        return list(self._done.values())

    def point_aliases(self) -> None:
        """Point the aliases of the archive at the versions that are READY."""
        for model in self._archive.manifest.models:
            name = self._names[model.name]
            for alias, number in model.aliases.items():
                coming = self._done.get((name, number))
                if coming and coming.status == READY:
                    said = {"name": name, "alias": alias, "version": str(number), "reason": _REASON}
                    self._server.ask("POST", f"{MLFLOW}/registered-models/alias", **said)

    def _models_by_object(self) -> dict[str, set[str]]:
        """Which models of the archive will have an object, where they are several."""
        having: dict[str, set[str]] = defaultdict(set)
        for model in self._archive.manifest.models:
            for sha256 in {file.sha256 for version in model.versions for file in version.files}:
                having[sha256].add(self._names[model.name])
        return {sha256: models for sha256, models in having.items() if len(models) > 1}

    def _bring_model(self, model: Model) -> None:
        name = self._names[model.name]
        if not _exists(self._server, name):
            MODELS.create(self._server, name, comment=model.comment, tags=msgspec.to_builtins(model.tags))
        for version in sorted(model.versions, key=lambda version: version.version):
            self._bring_version(name, version)

    def _bring_version(self, name: str, version: Version) -> None:
        said = {**msgspec.to_builtins(version), "files": None}
        there = self._server.ask("POST", f"{OURS}/models/{quote(name, safe='')}/versions/import", **said)
        coming = _Coming(name, version, there["status"], there["status_message"])
        coming.was_there = coming.status == READY
        self._done[name, version.version] = coming
        if coming.status != PENDING:
            return
        brought = dict(self._brought(coming))
        for path in brought.keys() - {file.path for file in version.files}:
            self._server.ask("DELETE", coming.place.file(path))
        coming.missing = {file.path: file for file in version.files if brought.get(file.path) != file.sha256}
        self._take_what_is_there(coming)
        for file in coming.missing.values():
            self._wanted[file.sha256].append((coming, file))
        self._finish(coming)

    def _brought(self, coming: _Coming) -> Iterator[tuple[str, str]]:
        """Paths and hashes of the files that came already, as far as the caller may look."""
        try:
            found = self._server.all(f"{coming.place.at}/manifest", "files")
        except Told:
            return
        for file in found:
            yield file["path"], file["sha256"]

    def _take_what_is_there(self, coming: _Coming) -> None:
        """Name bytes that the model has, or another model of the archive."""
        others = {name for file in coming.missing.values() for name in self._having.get(file.sha256, ())}
        self._take(coming, coming.model, coming.missing.values())
        for origin in sorted(others - {coming.model}):
            shared = (file for file in coming.missing.values() if origin in self._having.get(file.sha256, ()))
            self._take(coming, origin, shared)

    def _take(self, coming: _Coming, origin: str, files: Iterable[File]) -> None:
        for path in arriving.take(self._server, coming.place, map(msgspec.to_builtins, list(files)), origin):
            del coming.missing[path]

    def _bring_object(self, sha256: str, read: Callable[[], Iterator[bytes]], advance: Callable[[int], None]) -> None:
        """Send an object to the first version that lacks it, and name it in the others."""
        places = self._wanted.pop(sha256, [])
        for index, (coming, file) in enumerate(places):
            if index:
                self._take(coming, places[0][0].model, [file])
            if file.path in coming.missing:
                self._server.send(coming.place.file(file.path), counted(read(), advance), file.size)
                del coming.missing[file.path]
            self._finish(coming)

    def _finish(self, coming: _Coming) -> None:
        """Finalize a version once it has all its files."""
        if coming.missing or coming.status != PENDING:
            return
        coming.status, coming.says = arriving.finalize(self._server, coming.place)


def _targets(archive: Archive, into: str | None) -> dict[str, str]:
    """What the models of an archive will be called; `Invalid` where two would be one."""
    found: dict[str, str] = {}
    for model in archive.manifest.models:
        full_name = names.model(model.name)
        found[model.name] = full_name if into is None else f"{into}.{names.split(full_name)[1]}"
    if len(set(found.values())) < len(found):
        raise Invalid("two models of the archive would have one name there; import it without --into.")
    return found


def _exists(server: Client, name: str) -> bool:
    """Whether there is such a model, also one that the caller may not look at."""
    try:
        MODELS.get(server, name)
    except Told as refusal:
        return refusal.code != "RESOURCE_DOES_NOT_EXIST"
    return True
