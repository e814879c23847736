"""What moves versions between servers: the manifest of one, and the versions that come in with their numbers."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import files, imports
from modelyard.domain import names, pages
from modelyard.domain.files import inner
from modelyard.domain.models import Announced, Registration, Version, referenced_version
from modelyard.domain.privileges import Kind
from modelyard.errors import Invalid
from modelyard.surfaces.modelyard.versions import OneVersion, told_version
from modelyard.surfaces.modelyard.words import at, sha256
from modelyard.surfaces.wire import AnyAction, Here, Pair, Row, Translation, short, tags, text

_MOST: Final = 1_000
_MOST_TAKEN: Final = 500


class ManifestPage(OneVersion, frozen=True):
    """A page of the files of a version."""

    max_results: int | None = None
    page_token: str | None = None


class Dependency(msgspec.Struct, frozen=True):
    """What a version depends on."""

    type: str
    name: str


class Imported(OneVersion, frozen=True):
    """A version as another server tells it, with its number and its digest there."""

    digest: str = ""
    source: str = ""
    run_id: str = ""
    run_tracking_server_id: str = ""
    comment: str = ""
    model_id: str = ""
    tags: list[Pair] | None = None
    dependencies: tuple[Dependency, ...] = ()


class File(msgspec.Struct, frozen=True):
    """A file that a version is to have."""

    path: str
    sha256: str
    size: int

    @property
    def wanted(self) -> imports.Wanted:
        """The same, checked."""
        if not self.path:
            raise Invalid("each file needs a path inside the version.")
        return imports.Wanted(inner(self.path), sha256(self.sha256), self.size)


class Taken(OneVersion, frozen=True):
    """Files whose bytes the versions of a model may have: `origin`, or the model itself."""

    origin: str = ""
    files: tuple[File, ...] = ()


def _list(said: ManifestPage) -> AnyAction:
    model, number = said.where
    query = f"manifest {model.name} {number}"
    window = pages.window(said.max_results, said.page_token, query, default=_MOST, most=_MOST)
    return files.ListFiles(model, number, window)


def _import(said: Imported) -> AnyAction:
    model, number = said.where
    told = Registration(
        source=_label(text(said.source)),
        run_id=short(said.run_id),
        run_tracking_server_id=short(said.run_tracking_server_id),
        comment=text(said.comment),
        model_id=short(said.model_id),
        tags=tags(said.tags),
        dependencies=tuple((each.type, each.name) for each in said.dependencies),
    )
    return imports.ImportVersion(model, Announced(number, sha256(said.digest)), told)


def _label(source: str) -> str:
    """What another server calls the source of a version; a version there is none of ours, whatever its name."""
    return f"imported:{source}" if referenced_version(source) else source


def _take(said: Taken) -> AnyAction:
    if len(said.files) > _MOST_TAKEN:
        raise Invalid(f"at most {_MOST_TAKEN} files are taken at once; ask again for the others.")
    model, number = said.where
    origin = Ref(Kind.MODEL, names.model(said.origin)) if said.origin else model
    return imports.TakeFiles(origin, model, number, tuple(file.wanted for file in said.files))


def _manifest(found: files.Listing, _here: Here) -> object:
    page = found.page
    return {
        **told_version(found.version),
        "files": [{"path": entry.path, "size": entry.size, "sha256": entry.sha256} for entry in page.items],
        "next_page_token": pages.token(page),
    }


def _version(version: Version, _here: Here) -> object:
    return told_version(version)


_VERSIONS: Final = "models/{full_name}/versions"

ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", at(f"{_VERSIONS}/{{version}}/manifest"), ManifestPage, _list, _manifest),
    Translation("POST", at(f"{_VERSIONS}/import"), Imported, _import, _version),
    Translation(
        "POST",
        at(f"{_VERSIONS}/{{version}}/take"),
        Taken,
        read=_take,
        write=lambda taken, _here: {"taken": list(taken)},
    ),
)
