"""Keys in PEM: those that sign, and those that verify. DSSE says what is signed.

Ed25519 and ECDSA are understood. A signature covers the kind of what is signed (DSSE v1, "PAE"), so that it can never
be taken for one of something else.
"""

from __future__ import annotations

import base64
import hashlib
from typing import Final

from cryptography.exceptions import InvalidSignature, UnsupportedAlgorithm
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec, ed25519

from modelyard.errors import Invalid

_HASHES: Final = {256: hashes.SHA256, 384: hashes.SHA384, 521: hashes.SHA512}
"""What a curve's signatures hash with, by the size of its numbers in bits."""
_HOW: Final = "use a key such as `openssl genpkey -algorithm ed25519` makes."

PrivateKey = ed25519.Ed25519PrivateKey | ec.EllipticCurvePrivateKey
PublicKey = ed25519.Ed25519PublicKey | ec.EllipticCurvePublicKey


def private_key(pem: bytes, where: str) -> PrivateKey:
    """A private key; `where` it is from is said of one that is none."""
    try:
        key = serialization.load_pem_private_key(pem, None)
    except (ValueError, TypeError, UnsupportedAlgorithm):
        raise Invalid(f"{where} holds no private key in PEM, or an encrypted one; {_HOW}") from None
    if isinstance(key, ed25519.Ed25519PrivateKey) or (
        isinstance(key, ec.EllipticCurvePrivateKey) and key.curve.key_size in _HASHES
    ):
        return key
    raise Invalid(f"{where} holds a key of another kind; {_HOW}")


def public_key(pem: bytes, where: str) -> PublicKey:
    """A public key; `where` it is from is said of one that is none."""
    try:
        key = serialization.load_pem_public_key(pem)
    except (ValueError, UnsupportedAlgorithm):
        raise Invalid(f"{where} holds no public key in PEM; `openssl pkey -in key.pem -pubout` makes one.") from None
    if isinstance(key, ed25519.Ed25519PublicKey) or (
        isinstance(key, ec.EllipticCurvePublicKey) and key.curve.key_size in _HASHES
    ):
        return key
    raise Invalid(f"{where} holds a key of another kind; {_HOW}")


def name(key: PublicKey) -> str:
    """The SHA-256 of a public key (its SubjectPublicKeyInfo, RFC 5280), by which signatures say whose they are."""
    told = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    return hashlib.sha256(told).hexdigest()


def pem_of(key: PublicKey) -> str:
    """A public key in PEM, written in the one usual way."""
    told = key.public_bytes(serialization.Encoding.PEM, serialization.PublicFormat.SubjectPublicKeyInfo)
    return told.decode()


def sign(key: PrivateKey, kind: str, body: bytes) -> str:
    """A signature, in base64."""
    said = _said(kind, body)
    made = key.sign(said) if isinstance(key, ed25519.Ed25519PrivateKey) else key.sign(said, _ecdsa(key.curve.key_size))
    return base64.b64encode(made).decode()


def is_signed(key: PublicKey, kind: str, body: bytes, signature: str) -> bool:
    """Whether it is a signature of just this, by the owner of the key."""
    try:
        shown, said = base64.b64decode(signature, validate=True), _said(kind, body)
        if isinstance(key, ed25519.Ed25519PublicKey):
            key.verify(shown, said)
        else:
            key.verify(shown, said, _ecdsa(key.curve.key_size))
    except (InvalidSignature, ValueError):
        return False
    return True


def _ecdsa(bits: int) -> ec.ECDSA:
    return ec.ECDSA(_HASHES[bits]())


def _said(kind: str, body: bytes) -> bytes:
    """What is signed (DSSE's pre-authentication encoding)."""
    return b"DSSEv1 %d %s %d %s" % (len(kind), kind.encode(), len(body), body)
