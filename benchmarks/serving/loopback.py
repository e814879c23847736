"""Puts this process and all that it starts where there is no network but loopback.

Some peers open ports on every address whatever they are told; nobody else is to reach them.
"""

from __future__ import annotations

import ctypes
import fcntl
import os
import socket
import struct

_NEW_NETWORK = 0x4000_0000
"""CLONE_NEWNET of Linux."""
_SET_FLAGS = 0x8914
"""SIOCSIFFLAGS."""
_UP = 1


class NotIsolatedError(Exception):
    """The kernel refused a network of our own; it takes root."""


def isolate() -> None:
    """Leave every network but a loopback of our own."""
    if ctypes.CDLL(None, use_errno=True).unshare(_NEW_NETWORK):
        raise NotIsolatedError(os.strerror(ctypes.get_errno()))
    with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as control:
        fcntl.ioctl(control, _SET_FLAGS, struct.pack("16sh14x", b"lo", _UP))
