"""The packer: says which rows a file holds, and makes Parquet files of them."""

from __future__ import annotations

import contextlib
import os
import sys
from collections import defaultdict
from multiprocessing.connection import Connection
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from modelyard.packer import parquet
from modelyard.packer.frames import records
from modelyard.packer.words import Ask, Found, Packed

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from modelyard.domain.capture import Record

_MOST_ASKED: Final = 1 << 20
_NICE: Final = 10
"""How far it stands back behind what answers requests."""
_encode: Final = msgspec.json.Encoder().encode
_ASK: Final = msgspec.json.Decoder(Ask)

Rows = dict[str, list["Record"]]


class Packer:
    """Keeps the rows of the file that it has read last: it is asked for each table in turn."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._read = ("", Rows())

    def serve(self) -> None:
        """Answer until the parent is gone."""
        with contextlib.suppress(EOFError, BrokenPipeError, ConnectionResetError):
            while True:
                asked = _ASK.decode(self._connection.recv_bytes(_MOST_ASKED))
                if asked.join:
                    self._join(asked.join, asked.most)
                elif asked.table:
                    self._pack(self._rows(asked.path)[asked.table], asked.endpoints)
                else:
                    self._connection.send_bytes(_encode(_found(self._rows(asked.path))))

    def _rows(self, path: str) -> Rows:
        """The rows in a file, by table."""
        if self._read[0] != path:
            by_table = defaultdict[str, list["Record"]](list)
            for record in records(Path(path)):
                by_table[record.table].append(record)
            self._read = (path, by_table)
        return self._read[1]

    def _pack(self, rows: Sequence[Record], endpoints: Sequence[str]) -> None:
        """Tell, then send, a file of the rows of some endpoints."""
        wanted = frozenset(endpoints)
        kept = [row for row in rows if row.endpoint_id in wanted]
        times = [int(row.at * 1000) for row in kept]
        content = parquet.encoded(kept)
        self._connection.send_bytes(_encode(Packed(len(kept), min(times, default=0), max(times, default=0))))
        self._connection.send_bytes(content)

    def _join(self, count: int, most: int) -> None:
        """Take some files, and send one with all their rows."""
        several = [self._connection.recv_bytes(most) for _ in range(count)]
        self._connection.send_bytes(parquet.joined(several))


def _found(rows: Mapping[str, Sequence[Record]]) -> Found:
    return Found({table: tuple({row.endpoint_id for row in each}) for table, each in rows.items()})


if __name__ == "__main__":
    os.nice(_NICE)
    Packer(Connection(int(sys.argv[1]))).serve()
