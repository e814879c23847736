"""How values are encrypted before they reach the database: AES-256-GCM with a key made of the server's secret key.

A sealed value is base64 of a version (one byte), a random nonce (12 bytes), and the ciphertext with its tag. The
version says how, and by which key, the rest was made, so that another way can stand beside this one when keys are
exchanged. It is authenticated together with what the value belongs to: moved to another row, a value does not open.
"""

from __future__ import annotations

import base64
import os
from typing import Final

from cryptography.exceptions import InvalidTag
from cryptography.hazmat.primitives.ciphers.aead import AESGCM
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.kdf.hkdf import HKDF

_VERSION: Final = b"\x01"
_NONCE: Final = 12
_PURPOSE: Final = b"modelyard secrets 1"
"""Tells this key apart from others that are made of the same secret key (RFC 5869 §3.2)."""


class Vault:
    """Seals values, and opens them again; nothing shows its key."""

    __slots__ = ("_cipher",)

    def __init__(self, secret_key: bytes) -> None:
        self._cipher = AESGCM(HKDF(SHA256(), 32, None, _PURPOSE).derive(secret_key))

    def seal(self, value: bytes, owner: str) -> str:
        """A value that only opens for the same owner, whatever that text says."""
        nonce = os.urandom(_NONCE)
        return base64.b64encode(_VERSION + nonce + self._cipher.encrypt(nonce, value, _bound(owner))).decode()

    def open(self, sealed: str, owner: str) -> bytes | None:
        """The value; None if it was sealed with another key or for another owner, or was changed."""
        raw = base64.b64decode(sealed)
        if raw[:1] != _VERSION:
            return None
        nonce, ciphertext = raw[1 : 1 + _NONCE], raw[1 + _NONCE :]
        try:
            return self._cipher.decrypt(nonce, ciphertext, _bound(owner))
        except InvalidTag:
            return None


def _bound(owner: str) -> bytes:
    return _VERSION + owner.encode()
