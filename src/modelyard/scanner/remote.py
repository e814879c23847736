"""A file that is read from somebody else, stretch by stretch."""

from __future__ import annotations

import io
import json
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from multiprocessing.connection import Connection

    from typing_extensions import Buffer

STRETCH: Final = 256 * 1024
"""The most bytes that are asked for at once."""


class RemoteFile(io.RawIOBase):
    """A file at the other end of a connection, which answers a request for bytes with just those."""

    def __init__(self, connection: Connection, size: int) -> None:
        super().__init__()
        self._connection = connection
        self._size = size
        self._at = 0

    def readable(self) -> bool:
        """It is."""
        return True

    def seekable(self) -> bool:
        """It is, and skipping costs nothing."""
        return True

    def seek(self, offset: int, whence: int = io.SEEK_SET, /) -> int:
        """Go on from another place; what lies beyond the end is as if it were the end."""
        start = {io.SEEK_SET: 0, io.SEEK_CUR: self._at, io.SEEK_END: self._size}[whence]
        self._at = max(0, start + offset)
        return self._at

    def tell(self) -> int:
        """Where the next byte comes from."""
        return self._at

    def readinto(self, buffer: Buffer, /) -> int:
        """The next bytes."""
        view = memoryview(buffer).cast("B")
        count = min(len(view), STRETCH, max(0, self._size - self._at))
        if count:
            self._connection.send_bytes(json.dumps({"read": [self._at, count]}).encode())
            found = self._connection.recv_bytes(STRETCH)
            if len(found) != count:
                raise EOFError("the other end gave fewer bytes than there are")
            view[:count] = found
            self._at += count
        return count
