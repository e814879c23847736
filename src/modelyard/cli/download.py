"""The files of a model version, fetched by the Files API into a folder that appears once it is whole."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import quote

from modelyard.cli.client import FILES, Client, Told
from modelyard.cli.progress import bytes_bar
from modelyard.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Callable


def download(server: Client, location: str, folder: Path) -> int:
    """Fetch everything below a location into a new or an empty folder; the number of files."""
    if folder.exists() and (not folder.is_dir() or any(folder.iterdir())):
        raise Invalid(f"{folder} is not empty; name a new folder.")
    files = _files(server, location)
    try:
        folder.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(prefix=f".{folder.name}-", dir=folder.parent) as room:
            whole = Path(room) / "whole"
            whole.mkdir()
            _fetch_all(server, location, files, whole)
            whole.rename(folder)
    except OSError as error:
        raise Invalid(f"{folder} cannot be written: {error.strerror}.") from None
    return len(files)


def bring(server: Client, location: str, folder: Path) -> None:
    """Fetch what is at a location into a new folder: all files below a directory, or one file."""
    above, _, name = location.rpartition("/")
    beside = server.all(f"{FILES}/directories{quote(above)}", "contents")
    size = next((each["file_size"] for each in beside if each["name"] == name and not each["is_directory"]), None)
    if size is None:
        download(server, location, folder)
        return
    folder.mkdir()
    _fetch_all(server, above, {_safe(name): size}, folder)


def _files(server: Client, location: str, inside: str = "") -> dict[str, int]:
    """Relative paths and sizes in bytes of all files below a directory."""
    found: dict[str, int] = {}
    for entry in server.all(f"{FILES}/directories{quote(location)}", "contents"):
        path = inside + _safe(entry["name"])
        if entry["is_directory"]:
            found |= _files(server, f"{location}/{entry['name']}", f"{path}/")
        else:
            found[path] = entry["file_size"]
    return found


def _safe(name: str) -> str:
    """A name that stays where it is put, whatever the server says."""
    if name in {"", ".", ".."} or "/" in name or "\0" in name:
        raise Told(f"the server names a file {name!r}, which could lead out of the folder.")
    return name


def _fetch_all(server: Client, location: str, files: dict[str, int], folder: Path) -> None:
    with bytes_bar(sum(files.values())) as advance:
        for path, size in files.items():
            (folder / path).parent.mkdir(parents=True, exist_ok=True)
            _fetch(server, f"{location}/{path}", folder / path, size, advance)


def _fetch(server: Client, source: str, target: Path, size: int, advance: Callable[[int], None]) -> None:
    with target.open("wb") as file:
        for piece in server.pieces(f"{FILES}/files{quote(source)}"):
            file.write(piece)
            advance(len(piece))
        if file.tell() != size:
            raise Told(f"{source} came with {file.tell()} of its {size} bytes; ask again.")
