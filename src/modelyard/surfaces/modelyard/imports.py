"""What moves versions between servers: the manifest of one, and versions that come in with numbers and a past."""

from __future__ import annotations

from dataclasses import replace
from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import files, imports
from modelyard.domain import legacy, names, pages
from modelyard.domain.files import inner
from modelyard.domain.models import Announced, RegisteredModel, Registration, Tag, Version, referenced_version
from modelyard.domain.privileges import Kind
from modelyard.domain.stages import Stage, StageMove, stage
from modelyard.errors import Invalid
from modelyard.surfaces.modelyard.versions import OneVersion, told_version
from modelyard.surfaces.modelyard.words import at, sha256
from modelyard.surfaces.wire import AnyAction, Here, Pair, Row, Translation, short, tag_dicts, tags, text

_MOST: Final = 1_000
_MOST_TAKEN: Final = 500
_MOST_MOVES: Final = 1_000
_LONGEST_LINK: Final = 2_048


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


class Move(msgspec.Struct, frozen=True):
    """A transition that another registry tells; times are epoch milliseconds."""

    from_stage: str = Stage.NONE
    to_stage: str = Stage.NONE
    moved_at: int = 0
    moved_by: str = ""

    @property
    def move(self) -> StageMove:
        """The same, checked."""
        by = legacy.label(self.moved_by, "name of who moved it")
        return StageMove(0, 0, stage(self.from_stage), stage(self.to_stage), _moment(self.moved_at), by, "")


class FlatVersion(Imported, frozen=True):
    """A version as a flat registry tells it: `registry` and `name` say which registry, and its name there."""

    registry: str = ""
    name: str = ""
    created_at: int = 0
    created_by: str = ""
    run_link: str = ""
    stage: str = Stage.NONE
    moves: tuple[Move, ...] = ()


class FlatModel(msgspec.Struct, frozen=True):
    """A model as a flat registry tells it, and the full name that it is to have."""

    full_name: str = ""
    registry: str = ""
    name: str = ""
    comment: str = ""
    created_at: int = 0
    created_by: str = ""
    tags: list[Pair] | None = None


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


def _import_flat(said: FlatVersion) -> AnyAction:
    model, number = said.where
    if len(said.moves) > _MOST_MOVES:
        raise Invalid(f"at most {_MOST_MOVES} transitions of a version are taken.")
    if len(said.run_link) > _LONGEST_LINK:
        raise Invalid(f"a run_link has at most {_LONGEST_LINK} characters.")
    told = Registration(
        source=_label(text(said.source)),
        run_id=short(said.run_id),
        comment=text(said.comment),
        model_id=short(said.model_id),
        tags=_wide_tags(said.tags),
        run_link=text(said.run_link),
    )
    past = replace(_past(said), stage=stage(said.stage), moves=tuple(each.move for each in said.moves))
    return imports.ImportFlatVersion(model, Announced(number, sha256(said.digest)), told, past)


def _import_model(said: FlatModel) -> AnyAction:
    schema, name = names.split(names.model(said.full_name))
    comment, given = text(said.comment), _wide_tags(said.tags)
    return imports.ImportFlatModel(Ref(Kind.SCHEMA, schema), names.new_simple(name), _past(said), comment, given)


def _past(said: FlatVersion | FlatModel) -> legacy.Past:
    registry, name = legacy.label(said.registry, "registry"), legacy.label(said.name, "name there")
    if not registry or not name:
        raise Invalid("registry and name must say which registry it is from, and what it is called there.")
    return legacy.Past(registry, name, _moment(said.created_at), legacy.label(said.created_by, "name of its maker"))


def _moment(milliseconds: int) -> int:
    if not 0 <= milliseconds < 10**15:
        raise Invalid("times are milliseconds since 1970.")
    return milliseconds


def _wide_tags(pairs: list[Pair] | None) -> tuple[Tag, ...]:
    """Tags by the rules of flat registries, each key once (the last one wins)."""
    return tuple({pair.key: legacy.tag(pair.key, pair.value) for pair in pairs or []}.values())


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


def _model(model: RegisteredModel, _here: Here) -> object:
    return {
        "full_name": model.full_name,
        "owner": model.owner,
        "comment": model.comment,
        "tags": tag_dicts(model.tags),
        "created_at": model.created_at,
        "created_by": model.created_by,
    }


_VERSIONS: Final = "models/{full_name}/versions"

ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", at(f"{_VERSIONS}/{{version}}/manifest"), ManifestPage, _list, _manifest),
    Translation("POST", at(f"{_VERSIONS}/import"), Imported, _import, _version),
    Translation("POST", at(f"{_VERSIONS}/import-flat"), FlatVersion, _import_flat, _version),
    Translation("POST", at("flat-models/import"), FlatModel, _import_model, _model),
    Translation(
        "POST",
        at(f"{_VERSIONS}/{{version}}/take"),
        Taken,
        read=_take,
        write=lambda taken, _here: {"taken": list(taken)},
    ),
)
