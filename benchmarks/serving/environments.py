"""A Python environment of its own for each peer, in a folder that is kept from one run to the next."""

from __future__ import annotations

import hashlib
import os
import subprocess
import venv
from collections.abc import Callable
from pathlib import Path

REQUIREMENTS = Path(__file__).parents[2] / "requirements" / "peers"


class InstallError(Exception):
    """A peer could not be installed."""


def default_folder() -> Path:
    """Where environments are kept: in the user's cache."""
    cache = os.environ.get("XDG_CACHE_HOME") or str(Path.home() / ".cache")
    return Path(cache) / "modelyard-benchmarks" / "peers"


def python(folder: Path, peer: str, tell: Callable[[str], None]) -> Path:
    """The interpreter of a peer's environment, which is made anew when its requirements have changed."""
    place, wanted = folder / peer, REQUIREMENTS / f"{peer}.in"
    stamp, digest = place / ".installed", hashlib.sha256(wanted.read_bytes()).hexdigest()
    if not stamp.exists() or stamp.read_text() != digest:
        tell(f"installing {peer}, once: this takes some minutes")
        venv.create(place, with_pip=True, clear=True)
        _install(place, wanted)
        stamp.write_text(digest)
    return place / "bin" / "python"


def _install(place: Path, wanted: Path) -> None:
    command = [str(place / "bin" / "python"), "-m", "pip", "install", "--quiet", "-r", str(wanted)]
    done = subprocess.run(command, cwd=place, capture_output=True, text=True, check=False)
    if done.returncode:
        raise InstallError(f"could not install {wanted.name}:\n{done.stderr[-2000:]}")
