"""The scanner: for each file that its parent names, what it is, what speaks against it, and what it says."""

from __future__ import annotations

import codecs
import contextlib
import io
import json
import os
import resource
import sys
from multiprocessing.connection import Connection
from typing import IO, Any, Final

from modelyard.domain.cards import Finding
from modelyard.domain.classify import Judge, Judged, together
from modelyard.scanner import facts
from modelyard.scanner.remote import STRETCH, RemoteFile

_MEMORY: Final = 1 << 30
_NOBODY: Final = 65_534
_MOST_ASKED: Final = 1 << 16


codecs.lookup("cp437")  # names in archives may need it, when nothing can be imported any more


def confine() -> None:
    """Give up whatever looking at bytes does not need: memory, files, processes, and being root."""
    for what, most in (
        (resource.RLIMIT_AS, _MEMORY),
        (resource.RLIMIT_CORE, 0),
        (resource.RLIMIT_FSIZE, 0),
        (resource.RLIMIT_NOFILE, 16),
    ):
        resource.setrlimit(what, (most, most))
    if os.geteuid() == 0:
        os.setgroups([])
        os.setresgid(_NOBODY, _NOBODY, _NOBODY)
        os.setresuid(_NOBODY, _NOBODY, _NOBODY)
    resource.setrlimit(resource.RLIMIT_NPROC, (0, 0))
    os.umask(0o777)


def serve(connection: Connection) -> None:
    """Answer until the parent is gone."""
    with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
        while True:
            asked: dict[str, Any] = json.loads(connection.recv_bytes(_MOST_ASKED))
            answer = _look(connection, asked["path"], asked["size"], tuple(asked["flavors"]))
            connection.send_bytes(json.dumps(answer).encode())


def _look(connection: Connection, path: str, size: int, flavors: tuple[str, ...]) -> dict[str, Any]:
    with io.BufferedReader(RemoteFile(connection, size), STRETCH if size > STRETCH else max(size, 1)) as file:
        judged = Judge(flavors).file(path, file)
        told, findings = _facts(path, file, size)
    whole = together((judged, Judged(judged.contents, findings)))
    return {
        "contents": whole.contents.value,
        "findings": [[each.path, each.problem] for each in whole.findings],
        "facts": told,
    }


def _facts(path: str, file: IO[bytes], size: int) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    if path not in {facts.MODEL_FILE, facts.REQUIREMENTS}:
        return {}, ()
    if size > facts.MOST:
        return {}, (Finding(path, f"It has more than {facts.MOST} bytes, and was not read."),)
    file.seek(0)
    content = file.read()
    return facts.of_model(path, content) if path == facts.MODEL_FILE else (facts.of_requirements(content), ())


if __name__ == "__main__":
    confine()
    serve(Connection(int(sys.argv[1])))
