"""The last step before a confined process: it sets its limits, takes its variables, and becomes the command.

It runs as the unprivileged user already, by itself (`python -I -S launcher.py`), and imports the standard library only.
What it is told stands in the file that is its standard input: variables may be secrets, and arguments are seen by all.
"""

from __future__ import annotations

import json
import os
import resource
from typing import Any


def main() -> None:
    """Become what standard input says."""
    with open(0, "rb", closefd=False) as file:
        told: dict[str, Any] = json.load(file)
    nothing = os.open(os.devnull, os.O_RDONLY)
    os.dup2(nothing, 0)
    os.close(nothing)
    for name, most in told["limits"].items():
        kind = getattr(resource, name)
        hard = resource.getrlimit(kind)[1]
        least = most if hard == resource.RLIM_INFINITY else min(most, hard)
        resource.setrlimit(kind, (least, least))
    os.nice(told["nice"])
    os.umask(told["umask"])
    os.chdir(told["folder"])
    command: list[str] = told["command"]
    os.execve(command[0], command, told["variables"])  # noqa: S606  the command is the engine's


if __name__ == "__main__":
    main()
