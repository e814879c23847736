"""Who has an attempt: the one process that was first, for as long as it lives.

A claim is a file that comes into being once, with a lock on it that the kernel lets go when its process ends, however
it ends. So there is never a second process for an attempt, and nobody has to guess whether the first one is alive.
"""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import signal
from pathlib import Path
from typing import Final

_NAME: Final = "claim"
_PRIVATE: Final = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC


def take(folder: Path, place: str = "") -> int | None:
    """The lock of a new claim, which is on disk by then; None if somebody has made one before, alive or not.

    `place` is the folder in it where the attempt runs: whoever comes too late has another one.
    """
    fresh = folder / f".{_NAME}.{os.getpid()}.{os.urandom(4).hex()}"
    descriptor = os.open(fresh, _PRIVATE, 0o600)
    try:
        fcntl.flock(descriptor, fcntl.LOCK_EX)
        told = {"pid": os.getpid(), "start": start_of(os.getpid()), "place": place}
        os.write(descriptor, json.dumps(told).encode())
        os.fsync(descriptor)
        (folder / _NAME).hardlink_to(fresh)
    except FileExistsError:
        os.close(descriptor)
        return None
    finally:
        fresh.unlink(missing_ok=True)
    sync(folder)
    return descriptor


def is_held(folder: Path) -> bool | None:
    """Whether who has made the claim lives; None if nobody has made one."""
    try:
        descriptor = os.open(folder / _NAME, os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        fcntl.flock(descriptor, fcntl.LOCK_SH | fcntl.LOCK_NB)
    except OSError:
        return True
    finally:
        os.close(descriptor)
    return False


def place_of(folder: Path) -> Path | None:
    """Where the attempt runs, or ran; None if it never has."""
    try:
        place = json.loads((folder / _NAME).read_bytes())["place"]
    except (OSError, ValueError, KeyError):
        return None
    return folder / place if place else None


def holder(folder: Path) -> int | None:
    """A descriptor (pidfd) of the process that has the claim, which is sure to be that one; None if it is gone."""
    try:
        told = json.loads((folder / _NAME).read_bytes())
        descriptor = os.pidfd_open(told["pid"])
    except (OSError, ValueError, KeyError):
        return None
    if is_held(folder) and start_of(told["pid"]) == told["start"]:
        return descriptor
    os.close(descriptor)
    return None


def ring(folder: Path) -> None:
    """Have the process that has the claim look whether something is wanted of it."""
    descriptor = holder(folder)
    if descriptor is None:
        return
    with contextlib.suppress(OSError):
        signal.pidfd_send_signal(descriptor, signal.SIGTERM)
    os.close(descriptor)


def start_of(pid: int) -> int:
    """When a process was started, in the kernel's ticks since the machine was; 0 if it is gone."""
    with contextlib.suppress(OSError, ValueError, IndexError):
        return int(Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()[19])
    return 0


def sync(folder: Path) -> None:
    """Have the names in a folder on disk."""
    descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        os.fsync(descriptor)
    finally:
        os.close(descriptor)


def write(path: Path, content: bytes) -> None:
    """Write a file in one step, durably, that only the server's user reads."""
    fresh = path.with_name(f".{path.name}.{os.getpid()}.{os.urandom(4).hex()}")
    descriptor = os.open(fresh, _PRIVATE, 0o600)
    try:
        with os.fdopen(descriptor, "wb") as file:
            file.write(content)
            file.flush()
            os.fsync(descriptor)
        fresh.replace(path)
    finally:
        fresh.unlink(missing_ok=True)
    sync(path.parent)
