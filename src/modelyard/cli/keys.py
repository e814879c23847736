"""The files of keys on the command line."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelyard.domain import keys
from modelyard.errors import Invalid

if TYPE_CHECKING:
    from pathlib import Path

    from modelyard.domain.keys import PrivateKey, PublicKey


def private_key(file: Path) -> PrivateKey:
    """The private key in a PEM file."""
    return keys.private_key(_content(file), str(file))


def public_key(file: Path) -> PublicKey:
    """The public key in a PEM file."""
    return keys.public_key(_content(file), str(file))


def _content(file: Path) -> bytes:
    try:
        return file.read_bytes()
    except OSError as error:
        raise Invalid(f"{file} cannot be read: {error.strerror}.") from None
