"""The files of versions, for MLflow's client of artifacts over HTTP: `get-download-uri` names these addresses."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import files
from modelyard.domain import names
from modelyard.domain.files import inner
from modelyard.domain.pages import Window
from modelyard.domain.privileges import Kind
from modelyard.errors import NotFound
from modelyard.surfaces.registry import told
from modelyard.surfaces.registry.told import FILES
from modelyard.surfaces.wire import AnyAction, Departure, Row, Translation

_MOST: Final = 100_000
"""Entries of a directory: this client asks for no second page, and no model has so many."""


class Folder(msgspec.Struct, frozen=True):
    """A directory: `<model>/<version>/<path>`."""

    path: str = ""


class File(msgspec.Struct, frozen=True):
    """A file of a version."""

    model: str = ""
    version: str = ""
    path: str = ""


def _list(said: Folder) -> AnyAction:
    model, _, rest = said.path.strip("/").partition("/")
    version, _, path = rest.partition("/")
    if not version:
        raise NotFound("No such file or directory.")
    where = Ref(Kind.MODEL, names.model(model)), names.version(version)
    return files.ListDirectory(*where, inner(path), Window(_MOST), must_be=False)


def _find(said: File) -> AnyAction:
    return files.FindFile(Ref(Kind.MODEL, names.model(said.model)), names.version(said.version), inner(said.path))


ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", FILES, Folder, read=_list, write=told.folder),
    Departure("GET", f"{FILES}/{{model}}/{{version}}/{{path:rest}}", File, read=_find),
)
