"""Processes that look into files for the store, and share nothing with it but a connection."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Sequence
from multiprocessing import Pipe
from multiprocessing.connection import Connection


def spawned(command: Sequence[str]) -> tuple[subprocess.Popen[bytes], Connection]:
    """A new process, and the connection to it, whose number is the last word of its command.

    It inherits no variable of ours, and no file but that connection.
    """
    ours, theirs = Pipe()
    try:
        process = subprocess.Popen(  # noqa: S603  our own Python
            [*command, str(theirs.fileno())],
            pass_fds=(theirs.fileno(),),
            env={"PATH": os.defpath, "PYTHONDONTWRITEBYTECODE": "1"},
            cwd="/",
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            start_new_session=True,
        )
    finally:
        theirs.close()
    return process, ours
