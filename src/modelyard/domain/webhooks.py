"""How webhooks are signed: Standard Webhooks, symmetric (https://www.standardwebhooks.com).

A receiver verifies them with the library of that name in its own language. While a secret is exchanged, each request
has a signature by the new one and by the one before it.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
from collections.abc import Iterable
from typing import Final

from modelyard.domain.secrets import Hidden
from modelyard.errors import Invalid

PREFIX: Final = "whsec_"
SECRET_BYTES: Final = 32
MOST_HOURS: Final = 30 * 24
"""How long a secret may go on beside the one that follows it."""


def secret(random: bytes) -> Hidden:
    """A secret as it is shown and kept, made of random bytes."""
    return Hidden((PREFIX + base64.b64encode(random).decode()).encode())


def hours(told: int) -> int:
    """How many hours a former secret goes on."""
    if not 0 <= told <= MOST_HOURS:
        raise Invalid(f"keep_hours is 0 to {MOST_HOURS}.")
    return told


def headers(id_: str, seconds: int, body: bytes, secrets: Iterable[Hidden]) -> list[tuple[str, str]]:
    """The headers of a request at this time, signed by each secret."""
    signatures = " ".join(f"v1,{_signature(id_, seconds, body, each)}" for each in secrets)
    told = [("webhook-id", id_), ("webhook-timestamp", str(seconds))]
    return [*told, ("webhook-signature", signatures)] if signatures else told


def _signature(id_: str, seconds: int, body: bytes, by: Hidden) -> str:
    key = base64.b64decode(by.reveal().removeprefix(PREFIX.encode()))
    signed = f"{id_}.{seconds}.".encode() + body
    return base64.b64encode(hmac.digest(key, signed, hashlib.sha256)).decode()
