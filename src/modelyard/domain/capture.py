"""What an inference table keeps of a request (protocol notes §2.6)."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

LARGEST: Final = 1 << 20
"""Bytes of a request or an answer that are kept; of larger ones it is kept that they were."""
_REQUEST_TOO_LARGE: Final = "MAX_REQUEST_SIZE_EXCEEDED"
_RESPONSE_TOO_LARGE: Final = "MAX_RESPONSE_SIZE_EXCEEDED"


@dataclass(frozen=True, slots=True)
class Record:
    """A request and its answer. `at` is in Unix seconds, `milliseconds` how long it took.

    `table` is the id of the table, `fraction` the sample in per cent. `shadow` marks an answer that nobody got.
    `codes` say why a body is missing.
    """

    table: str
    endpoint_id: str
    request_id: str
    client_request_id: str
    at: float
    status: int
    fraction: float
    milliseconds: float
    request: bytes | None
    response: bytes | None
    entity: str
    served_id: str
    model: str
    version: int
    requester: str
    shadow: bool = False
    model_milliseconds: float = 0.0
    queue_milliseconds: float = 0.0
    codes: tuple[str, ...] = ()

    @property
    def size(self) -> int:
        """Bytes of both bodies."""
        return len(self.request or b"") + len(self.response or b"")

    def clipped(self) -> Record:
        """The same without what is too large to be kept."""
        if len(self.request or b"") <= LARGEST and len(self.response or b"") <= LARGEST:
            return self
        found, codes = self, list(self.codes)
        if len(self.request or b"") > LARGEST:
            found = replace(found, request=None)
            codes.append(_REQUEST_TOO_LARGE)
        if len(self.response or b"") > LARGEST:
            found = replace(found, response=None)
            codes.append(_RESPONSE_TOO_LARGE)
        return replace(found, codes=tuple(codes))
