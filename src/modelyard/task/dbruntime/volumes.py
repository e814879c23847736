"""Files of volumes, by the Files API of the task's server; paths begin with /Volumes."""

from __future__ import annotations

import os
import shutil
from typing import Any, Iterator, Tuple

from . import server

_FILES = "/api/2.0/fs/files"
_FOLDERS = "/api/2.0/fs/directories"
_Listed = Tuple[str, str, int, int]
"""Path, name (of a folder with a slash behind it), bytes, and when it was changed."""


def listed(path: str) -> Iterator[_Listed]:
    """What is in a folder."""
    token = ""
    while True:
        said = {"page_token": token} if token else {}
        page = server.asked("GET", _FOLDERS + server.quoted(path), **said)
        for each in page.get("contents", []):
            end = "/" if each.get("is_directory") else ""
            yield each["path"] + end, each["name"] + end, each.get("file_size", 0), each.get("last_modified", 0)
        token = page.get("next_page_token", "")
        if not token:
            return


def opened(path: str) -> Any:
    """A file, to be read."""
    return server.sent("GET", _FILES + server.quoted(path))


def write(path: str, content: bytes, overwrite: bool) -> None:
    """Keep some bytes as a file."""
    flag = "true" if overwrite else "false"
    server.sent("PUT", f"{_FILES}{server.quoted(path)}?overwrite={flag}", content).close()


def make_folder(path: str) -> None:
    """Make a folder, with those above it."""
    server.sent("PUT", _FOLDERS + server.quoted(path)).close()


def remove(path: str, recurse: bool) -> bool:
    """Remove a file, or a folder, of which everything goes if so said; whether it was there."""
    try:
        if not _is_folder(path):
            server.sent("DELETE", _FILES + server.quoted(path)).close()
            return True
        for inside, _, _, _ in listed(path) if recurse else ():
            remove(inside.rstrip("/"), recurse)
        server.sent("DELETE", _FOLDERS + server.quoted(path)).close()
    except FileNotFoundError:
        return False
    return True


def bring(path: str, place: str, recurse: bool) -> None:
    """Copy a file of a volume to this machine, or a folder."""
    if recurse and _is_folder(path):
        os.makedirs(place, exist_ok=True)
        for inside, name, _, _ in listed(path):
            bring(inside.rstrip("/"), os.path.join(place, name.rstrip("/")), recurse)
        return
    if os.path.isdir(place):
        place = os.path.join(place, os.path.basename(path))
    with opened(path) as answer, open(place, "wb") as file:
        shutil.copyfileobj(answer, file, 1 << 20)


def send(place: str, path: str, recurse: bool) -> None:
    """Copy a file of this machine to a volume, or a folder."""
    if recurse and os.path.isdir(place):
        make_folder(path)
        for name in sorted(os.listdir(place)):
            send(os.path.join(place, name), f"{path}/{name}", recurse)
        return
    if _is_folder(path):
        path = f"{path}/{os.path.basename(place)}"
    with open(place, "rb") as file:
        server.sent("PUT", f"{_FILES}{server.quoted(path)}?overwrite=true", file).close()


def _is_folder(path: str) -> bool:
    try:
        server.sent("HEAD", _FOLDERS + server.quoted(path)).close()
    except FileNotFoundError:
        return False
    return True
