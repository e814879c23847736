"""A version's files on this machine, checked against the digests that the server keeps of them."""

from __future__ import annotations

import hashlib
import re
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

from modelyard.cli.client import FILES, MLFLOW, OURS, Client, Told
from modelyard.cli.progress import bytes_bar
from modelyard.domain.files import Entry, digest, inner
from modelyard.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

_MODEL: Final = re.compile(r"(?:models:/)?([^@/]+)(?:@([^@/]+)|/(\d+))")


@dataclass(frozen=True, slots=True)
class Named:
    """A version, and the files that the server says it has."""

    model: str
    version: str
    run_id: str
    digest: str
    files: tuple[Entry, ...]


def found(server: Client, said: str) -> Named:
    """The version that `models:/catalog.schema.model@Alias` or `models:/catalog.schema.model/3` names."""
    told = _MODEL.fullmatch(said)
    if told is None:
        raise Invalid(f"{said} names no version; write models:/catalog.schema.model@Alias or …/3.")
    model, alias, version = told.groups()
    if alias and alias.isdecimal():
        alias, version = None, alias
    if alias:
        answer = server.ask("GET", f"{MLFLOW}/registered-models/alias", name=model, alias=alias)
        version = str(answer["model_version"]["version"])
    return _listed(server, model, version)


def _listed(server: Client, model: str, version: str) -> Named:
    path = f"{OURS}/models/{quote(model, safe='')}/versions/{version}/manifest"
    page: dict[str, Any] = server.ask("GET", path)
    if page["status"] != "READY":
        raise Invalid(f"version {version} of {model} is {page['status']}; only READY ones score.")
    files = [_entry(each) for each in page["files"]]
    told = page
    while token := told["next_page_token"]:
        told = server.ask("GET", path, page_token=token)
        files += [_entry(each) for each in told["files"]]
    return Named(page["model"], str(page["version"]), page["run_id"], page["digest"], tuple(files))


def _entry(told: dict[str, Any]) -> Entry:
    """A file, whose path stays in its folder, whatever the server says."""
    return Entry(inner(told["path"]), is_directory=False, size=told["size"], sha256=told["sha256"])


def fetch(server: Client, version: Named, folder: Path) -> Path:
    """Bring its files into a new folder; `Told` where they are not those that the digest is of."""
    root = f"/Models/{version.model.replace('.', '/')}/{version.version}"
    with bytes_bar(sum(entry.size for entry in version.files)) as advance:
        for entry in version.files:
            target = folder / entry.path
            target.parent.mkdir(parents=True, exist_ok=True)
            _fetch(server, f"{root}/{entry.path}", target, entry, advance)
    if digest(version.files) != version.digest:
        raise Told(f"the files of version {version.version} of {version.model} do not come to its digest.")
    return folder


def _fetch(server: Client, source: str, target: Path, entry: Entry, advance: Callable[[int], None]) -> None:
    hashed = hashlib.sha256()
    with target.open("wb") as file:
        for piece in server.pieces(f"{FILES}/files{quote(source)}"):
            file.write(piece)
            hashed.update(piece)
            advance(len(piece))
    if hashed.hexdigest() != entry.sha256:
        raise Told(f"{source} did not come as it is kept; ask again, and look at the server's store.")
