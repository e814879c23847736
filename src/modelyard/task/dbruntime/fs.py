"""`dbutils.fs`: files that the task sees by itself, and those of volumes, which it asks the server for.

Volumes are no folders of the task's machine: each call goes to the server, with the rights of the task's principal.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from typing import List, NamedTuple

from . import task, volumes


class FileInfo(NamedTuple):
    """A file or a folder."""

    path: str
    name: str
    size: int
    modificationTime: int

    def isDir(self) -> bool:
        """Whether it is a folder."""
        return self.name.endswith("/")

    def isFile(self) -> bool:
        """Whether it is a file."""
        return not self.isDir()


class Files:
    """Files of the task: /Workspace and /tmp; and of volumes: /Volumes."""

    def ls(self, path: str) -> List[FileInfo]:
        """What is in a folder."""
        volume = _volume(path)
        if volume:
            return [FileInfo(*each) for each in volumes.listed(volume)]
        place = _place(path)
        return [_info(path, place, name) for name in sorted(os.listdir(place))]

    def head(self, file: str, maxBytes: int = 65536) -> str:
        """The begin of a file."""
        volume = _volume(file)
        if volume:
            with volumes.opened(volume) as answer:
                return answer.read(maxBytes).decode(errors="replace")
        with open(_place(file), "rb") as opened:
            return opened.read(maxBytes).decode(errors="replace")

    def put(self, file: str, contents: str, overwrite: bool = False) -> bool:
        """Write a text."""
        volume = _volume(file)
        if volume:
            volumes.write(volume, contents.encode(), overwrite)
            return True
        os.makedirs(os.path.dirname(_place(file)), exist_ok=True)
        with open(_place(file), "w" if overwrite else "x", encoding="utf-8") as opened:
            opened.write(contents)
        return True

    def mkdirs(self, path: str) -> bool:
        """Make a folder, with those above it."""
        volume = _volume(path)
        if volume:
            volumes.make_folder(volume)
        else:
            os.makedirs(_place(path), exist_ok=True)
        return True

    def rm(self, path: str, recurse: bool = False) -> bool:
        """Remove something; whether it was there."""
        volume = _volume(path)
        if volume:
            return volumes.remove(volume, recurse)
        place = _place(path)
        if not os.path.lexists(place):
            return False
        if not os.path.isdir(place) or os.path.islink(place):
            os.remove(place)
        elif recurse:
            shutil.rmtree(place)
        else:
            os.rmdir(place)
        return True

    def cp(self, source: str, destination: str, recurse: bool = False) -> bool:
        """Copy a file, or a folder with all that is in it."""
        from_, to = _volume(source), _volume(destination)
        if from_ and to:
            with tempfile.TemporaryDirectory() as room:
                between = os.path.join(room, os.path.basename(from_))
                return self.cp(source, between, recurse) and self.cp(between, destination, recurse)
        if from_:
            volumes.bring(from_, _place(destination), recurse)
        elif to:
            volumes.send(_place(source), to, recurse)
        elif recurse and os.path.isdir(_place(source)):
            shutil.copytree(_place(source), _place(destination), dirs_exist_ok=True)
        else:
            shutil.copy(_place(source), _place(destination))
        return True

    def mv(self, source: str, destination: str, recurse: bool = False) -> bool:
        """Move something."""
        if _volume(source) or _volume(destination):
            return self.cp(source, destination, recurse) and self.rm(source, recurse)
        shutil.move(_place(source), _place(destination))
        return True


def _volume(path: str) -> str:
    """The path of something in a volume; empty for anything else."""
    scheme, _, rest = path.partition(":")
    whole = os.path.normpath(rest if scheme == "dbfs" else path)
    return whole if whole.startswith("/Volumes/") else ""


def _place(path: str) -> str:
    """Where a path is on this machine."""
    if path.startswith("dbfs:/Workspace/"):
        path = path[len("dbfs:") :]
    scheme, colon, rest = path.partition(":")
    if colon and scheme != "file":
        raise ValueError(f"{scheme}: is not here; tasks see /Workspace, /Volumes and files of their own (file:/tmp).")
    return task.real(os.path.abspath("/" + (rest if colon else path).lstrip("/")))


def _info(path: str, place: str, name: str) -> FileInfo:
    found = os.stat(os.path.join(place, name))
    shown = name + "/" if os.path.isdir(os.path.join(place, name)) else name
    return FileInfo(path.rstrip("/") + "/" + shown, shown, found.st_size, int(found.st_mtime * 1000))
