"""Load by `wrk`: one body posted again and again over some connections, for a bounded time."""

from __future__ import annotations

import json
import shutil
import subprocess
from collections.abc import Mapping
from dataclasses import dataclass, field
from pathlib import Path

SCRIPT = Path(__file__).with_name("load.lua")
PATIENCE_SECONDS = 30
"""How long wrk may take beyond the time that it was given."""
MARK = "RESULT "


class LoadError(Exception):
    """There is no wrk, or it failed."""


@dataclass(frozen=True)
class Address:
    """Where to post, and with which headers."""

    url: str
    headers: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


@dataclass(frozen=True)
class Seen:
    """What one run saw; seconds."""

    requests: int
    duration: float
    p50: float
    p99: float
    errors: int
    """Answers with a status that is not a success, and connections lost or timed out."""

    @property
    def rate(self) -> float:
        """Good answers per second."""
        return max(self.requests - self.errors, 0) / self.duration


def post(address: Address, body: Path, connections: int, seconds: float) -> Seen:
    """Ask for whole seconds, at least one."""
    length = max(1, round(seconds))
    command = [
        _program(),
        "-t1",
        f"-c{connections}",
        f"-d{length}s",
        "--timeout",
        "10s",
        "-s",
        str(SCRIPT),
        address.url,
    ]
    command += ["--", str(body), *(f"{name}: {value}" for name, value in address.headers.items())]
    done = subprocess.run(command, capture_output=True, text=True, check=False, timeout=length + PATIENCE_SECONDS)
    lines = [line for line in done.stdout.splitlines() if line.startswith(MARK)]
    if not lines:
        raise LoadError(f"wrk failed: {done.stderr.strip()[-500:] or done.stdout[-500:]}")
    return _read(json.loads(lines[-1].removeprefix(MARK)))


def _read(told: dict[str, int]) -> Seen:
    errors = told["status"] + told["lost"]
    return Seen(told["requests"], told["duration"] / 1e6, told["p50"] / 1e6, told["p99"] / 1e6, errors)


def _program() -> str:
    found = shutil.which("wrk")
    if found is None:
        raise LoadError("there is no wrk: install it (on Debian: apt-get install wrk)")
    return found
