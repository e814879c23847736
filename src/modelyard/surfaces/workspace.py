"""Files of the workspace: `/api/2.0/workspace/*` and `/api/2.0/workspace-files/*`, as the Databricks SDK has them."""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping, Sequence
from functools import cached_property
from typing import Any, Final

import msgspec

from modelyard.actions import workspace
from modelyard.domain import workspace as rules
from modelyard.domain.access import ALSO_CALLED
from modelyard.domain.files import Entry, Stored
from modelyard.domain.workspace import Access, Draft, Level, Object, ObjectType
from modelyard.errors import Failure, Invalid, NotFound, TooLarge, WrongState
from modelyard.surfaces.permissions import Grantee, levels_told, permission, permitted
from modelyard.surfaces.wire import (
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
    told,
)
from modelyard.task.dbruntime import cells

_WORKSPACE: Final = "/api/2.0/workspace"
_FILES: Final = "/api/2.0/workspace-files"
_OURS: Final = "/api/2.0/modelyard/workspace-files"
_BODY: Final = 15 << 20
"""Bytes of a request with a file in it, which is longer there than it is."""
_EXTENSIONS: Final = {"PYTHON": "py", "SQL": "sql", "SCALA": "scala", "R": "r"}
_STATUS: Final = {**STATUS, WrongState: (400, "DIRECTORY_NOT_EMPTY"), TooLarge: (400, "MAX_NOTEBOOK_SIZE_EXCEEDED")}
_CALLED: Final = {name: alias for alias, name in ALSO_CALLED.items()}
_MEANINGS: Final = {
    Level.CAN_READ: "Can read, and fetch",
    Level.CAN_RUN: "Can read and run",
    Level.CAN_EDIT: "Can read, run and change",
    Level.CAN_MANAGE: "Can read, run, change, delete and share",
}


def blame(failure: Failure) -> Reply:
    """A failure in the codes that this API documents."""
    return told(failure, _STATUS)


# What is said


class Place(msgspec.Struct, frozen=True):
    """A path."""

    path: str = ""

    @property
    def at(self) -> str:
        """The path, checked."""
        return rules.path(self.path)


class Import(Place, frozen=True, dict=True):
    """Something that is to be kept, with its content in base64."""

    format: str = "SOURCE"
    language: str = ""
    content: str = ""
    overwrite: bool = False

    @cached_property
    def decided(self) -> tuple[Draft, bytes]:
        """What it is, and its bytes."""
        try:
            content = base64.b64decode(self.content, validate=True)
        except ValueError:
            raise Invalid("content is not base64.") from None
        if len(content) > rules.MOST_IMPORTED:
            raise TooLarge(
                f"content has at most {rules.MOST_IMPORTED} bytes here; send longer files to {_FILES}/import-file."
            )
        draft, kept = rules.decided(self.path, content, self.format or "SOURCE", self.language)
        return Draft(draft.path, draft.type, draft.language, self.overwrite), kept


class Export(Place, frozen=True):
    """Something that is to be fetched."""

    format: str = "SOURCE"
    direct_download: bool = False


class Listing(Place, frozen=True):
    """A directory."""

    notebooks_modified_after: int = 0


class Deletion(Place, frozen=True):
    """Something that is to be deleted."""

    recursive: bool = False


class Sent(Place, frozen=True):
    """A file that is streamed in."""

    overwrite: bool = False

    @property
    def draft(self) -> Draft:
        """What it becomes."""
        return Draft(rules.path("/" + self.path.lstrip("/")), ObjectType.FILE, overwrite=self.overwrite)


class Item(Grantee, frozen=True, kw_only=True):
    """Whom something is permitted to, and what."""

    permission_level: Level

    def read(self) -> tuple[str, Level]:
        """The principal's name, and the level."""
        return self.named, self.permission_level


class Sharing(msgspec.Struct, frozen=True):
    """Who may do what with an object."""

    id: str = ""
    access_control_list: list[Item] | None = None

    @property
    def number(self) -> int:
        """The object's id."""
        if not self.id.isascii() or not self.id.isdigit() or len(self.id) > 16:  # noqa: PLR2004  52 bits have no more
            raise NotFound(f"there is no workspace object {self.id[:60]}.")
        return int(self.id)

    @property
    def given(self) -> tuple[tuple[str, Level], ...]:
        """Whom it is permitted to."""
        return tuple(item.read() for item in self.access_control_list or ())


# Moving


def _prepare(said: Import) -> AnyAction:
    return workspace.PrepareObject(said.decided[0])


def _kept(store: Bytes, said: Import, store_id: str) -> Stored:
    return store.bring(store_id, said.decided[1])


def _exported(store: Bytes, said: Export, there: Object) -> tuple[bytes, str, bool]:
    """The content, its extension, and whether it goes out as it is."""
    entry = there.entry
    if entry.size > rules.MOST_IMPORTED:
        raise TooLarge(f"it has more than {rules.MOST_IMPORTED} bytes; fetch it from {_OURS}{there.path}.")
    reader = store.open(entry)
    try:
        content = reader.read(0, entry.size)
    finally:
        reader.close()
    if there.type is ObjectType.FILE:
        return content, "", said.direct_download
    return (*_formed(store, content, there.language, said.format or "SOURCE"), said.direct_download)


def _formed(store: Bytes, content: bytes, language: str, form: str) -> tuple[bytes, str]:
    """A notebook in the form that is wanted, and its extension."""
    text = content.decode(errors="replace")
    is_jupyter = cells.is_jupyter(text)
    match form:
        case "SOURCE":
            source = cells.source(cells.read(text), language) if is_jupyter else text
            return source.encode(), _EXTENSIONS[language]
        case "JUPYTER":
            return (content if is_jupyter else _jupyter(text, language)), "ipynb"
        case "AUTO" | "RAW":
            return content, "ipynb" if is_jupyter else _EXTENSIONS[language]
        case "HTML":
            return store.page(content if is_jupyter else _jupyter(text, language)).encode(), "html"
        case _:
            raise Invalid(f"format {form[:40]} is not exported here; use SOURCE, JUPYTER, HTML or AUTO.")


def _jupyter(text: str, language: str) -> bytes:
    return json.dumps(cells.jupyter(cells.read(text), language), indent=1).encode()


def _export(found: tuple[bytes, str, bool], _here: Here) -> object:
    content, extension, is_direct = found
    if is_direct:
        headers = (("content-type", "application/octet-stream"), ("content-disposition", "attachment"))
        return Reply(200, content, headers)
    return {"content": base64.b64encode(content).decode(), "file_type": extension}


# Telling


def _object(there: Object, _here: Here) -> dict[str, Any]:
    said: dict[str, Any] = {
        "object_type": there.type.value,
        "path": there.path,
        "object_id": there.id,
        "resource_id": str(there.id),
    }
    if there.language:
        said["language"] = there.language
    if there.is_kept:
        said |= {"created_at": there.created_at, "modified_at": there.modified_at}
    if there.type is ObjectType.FILE and there.stored:
        said["size"] = there.stored.size
    return said


def _objects(found: Sequence[Object], here: Here) -> object:
    return {"objects": [_object(each, here) for each in found]}


def _project(found: Mapping[str, Entry], _here: Here) -> object:
    files = [each for each in found.values() if not each.is_directory]
    return {"files": [{"path": each.path, "size": each.size, "sha256": each.sha256} for each in files]}


def _shared(found: tuple[Object, Sequence[Access]], _here: Here) -> object:
    there, given = found
    kind = there.type.value.lower()
    people: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for each in given:
        told = permission(each.level, each.path if each.path != there.path else "")
        people.setdefault((each.kind, each.principal), []).append(told)
    items = [permitted(who, _CALLED.get(name, name), each, name) for (who, name), each in people.items()]
    return {"object_id": f"/{_PLURALS[kind]}/{there.id}", "object_type": kind, "access_control_list": items}


_PLURALS: Final = {"notebook": "notebooks", "file": "files", "directory": "directories"}


def _levels(_found: object, _here: Here) -> object:
    return levels_told(_MEANINGS, Level)


def _get_access(said: Sharing) -> AnyAction:
    return workspace.GetObjectAccess(said.number)


def _set_access(said: Sharing) -> AnyAction:
    return workspace.ChangeObjectAccess(said.number, said.given, replaces=True)


def _change_access(said: Sharing) -> AnyAction:
    return workspace.ChangeObjectAccess(said.number, said.given)


def _sharing(kind: str) -> tuple[Row, ...]:
    at = f"/api/2.0/permissions/{kind}/{{id}}"
    return (
        Translation("GET", at, Sharing, _get_access, _shared, blame=blame),
        Translation("PUT", at, Sharing, _set_access, _shared, blame=blame),
        Translation("PATCH", at, Sharing, _change_access, _shared, blame=blame),
        Translation("GET", f"{at}/permissionLevels", Sharing, _get_access, _levels, blame=blame),
    )


ROWS: Final[tuple[Row, ...]] = (
    Joining(
        "POST",
        f"{_WORKSPACE}/import",
        Import,
        ask=_prepare,
        move=_kept,
        keep=lambda said, stored: workspace.KeepObject(said.decided[0], stored),
        blame=blame,
        most=_BODY,
    ),
    Joining(
        "GET",
        f"{_WORKSPACE}/export",
        Export,
        ask=lambda said: workspace.ReadObject(said.at),
        move=_exported,
        write=_export,
        blame=blame,
    ),
    Translation(
        "GET", f"{_WORKSPACE}/get-status", Place, lambda said: workspace.GetObject(said.at), _object, blame=blame
    ),
    Translation(
        "GET",
        f"{_WORKSPACE}/list",
        Listing,
        lambda said: workspace.ListObjects(said.at, said.notebooks_modified_after),
        _objects,
        blame=blame,
    ),
    Translation("POST", f"{_WORKSPACE}/mkdirs", Place, lambda said: workspace.MakeDirectories(said.at), blame=blame),
    Translation(
        "POST",
        f"{_WORKSPACE}/delete",
        Deletion,
        lambda said: workspace.DeleteObject(said.at, said.recursive),
        blame=blame,
    ),
    Arrival(
        "POST",
        f"{_FILES}/import-file/{{path:rest}}",
        Sent,
        ask=lambda said: workspace.PrepareObject(said.draft),
        open=lambda store, _said, store_id, size: store.receive(store_id, size),
        keep=lambda said, stored: workspace.KeepObject(said.draft, stored),
        write=lambda _there: Reply(),
        blame=blame,
    ),
    Departure(
        "GET",
        f"{_OURS}/{{path:rest}}",
        Place,
        read=lambda said: workspace.ReadObject(rules.path("/" + said.path.lstrip("/"))),
        entry=lambda there: there.entry,
        blame=blame,
    ),
    Translation(
        "GET",
        "/api/2.0/modelyard/workspace-project",
        Place,
        lambda said: workspace.ReadProject(said.at),
        _project,
        blame=blame,
    ),
    *(row for kind in _PLURALS.values() for row in _sharing(kind)),
)
