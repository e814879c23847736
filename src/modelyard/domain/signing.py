"""Signatures of models as the OpenSSF's model signing writes them, with a key: a Sigstore bundle of version 0.3.

What is signed is an in-toto statement (v1) that lists each file with its SHA-256. Source: the specification of the OMS
signature format and the bundles of the `model-signing` library, which verifies ours in the tests.
"""

from __future__ import annotations

import base64
import hashlib
import json
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Final, cast

from cryptography.hazmat.primitives.asymmetric import ec

from modelyard.domain import keys
from modelyard.domain.keys import PrivateKey, PublicKey
from modelyard.errors import Invalid

MOST_BYTES: Final = 3 << 20
"""The largest bundle: it lists some twenty thousand files."""
SIGNATURE_FILE: Final = "model.sig"
"""A file of this name, beside the model's own, is the signature and not signed itself."""
_MEDIA: Final = "application/vnd.dev.sigstore.bundle.v0.3+json"
_PAYLOAD: Final = "application/vnd.in-toto+json"
_STATEMENT: Final = "https://in-toto.io/Statement/v1"
_PREDICATE: Final = "https://model_signing/signature/v1.0"
_TOLD: Final = 3


_Resource = dict[str, str]


@dataclass(frozen=True, slots=True)
class Signature:
    """A signature of a version's files: the id of its key, the bundle as it came, when and by whom it was added."""

    key_id: str
    bundle: str
    added_at: int
    added_by: str


def sign(key: PrivateKey, name: str, files: Mapping[str, str]) -> bytes:
    """A bundle that vouches for files, by their paths and SHA-256s, under a model's name."""
    signer = _curve(key.public_key())
    resources = [{"name": path, "algorithm": "sha256", "digest": files[path]} for path in sorted(files)]
    serialization = {"method": "files", "hash_type": "sha256", "allow_symlinks": False}
    statement = {
        "_type": _STATEMENT,
        "subject": [{"name": name, "digest": {"sha256": _root(resources)}}],
        "predicateType": _PREDICATE,
        "predicate": {"serialization": serialization, "resources": resources},
    }
    body = json.dumps(statement).encode()
    signature = {"sig": keys.sign(key, _PAYLOAD, body), "keyid": ""}
    bundle: dict[str, object] = {
        "mediaType": _MEDIA,
        "verificationMaterial": {"publicKey": {"hint": _hint(signer)}, "tlogEntries": []},
        "dsseEnvelope": {
            "payload": base64.b64encode(body).decode(),
            "payloadType": _PAYLOAD,
            "signatures": [signature],
        },
    }
    return json.dumps(bundle).encode()


def verify(bundle: bytes, key: PublicKey, files: Mapping[str, str]) -> None:
    """`Invalid`, with the reason, unless the bundle is a signature by this key of just these files."""
    signed = _signed(bundle, _curve(key))
    told = {path: sha256 for path, sha256 in files.items() if path != SIGNATURE_FILE}
    wrong = [
        *(f"{path} was changed" for path in sorted(told.keys() & signed.keys()) if told[path] != signed[path]),
        *(f"{path} is not signed" for path in sorted(told.keys() - signed.keys())),
        *(f"{path} is missing" for path in sorted(signed.keys() - told.keys() - {SIGNATURE_FILE})),
    ]
    if wrong:
        more = f", and {len(wrong) - _TOLD} more" if len(wrong) > _TOLD else ""
        raise Invalid(f"the signature is of other files: {', '.join(wrong[:_TOLD])}{more}.")


def _signed(bundle: bytes, key: ec.EllipticCurvePublicKey) -> dict[str, str]:
    """The files that a bundle vouches for, once it is seen to be by the key."""
    if len(bundle) > MOST_BYTES:
        raise Invalid(f"a signature has at most {MOST_BYTES} bytes.")
    told = _read(bundle)
    media, kind = _text(told, "mediaType"), _text(told, "dsseEnvelope", "payloadType")
    if (media, kind) != (_MEDIA, _PAYLOAD):
        raise Invalid("this is a bundle of another kind; sign with a key, as `modelyard sign` does.")
    hint = _inside(told, "verificationMaterial", "publicKey", "hint")
    if hint and hint != _hint(key):
        raise Invalid("the signature says that it is of another key.")
    body = _decoded(_text(told, "dsseEnvelope", "payload"))
    if not keys.is_signed(key, _PAYLOAD, body, _text(told, "dsseEnvelope", "signatures", 0, "sig")):
        raise Invalid("the signature does not hold: it is of another key, or was changed.")
    return _resources(body)


def _resources(body: bytes) -> dict[str, str]:
    """The files that a statement lists."""
    told = _read(body)
    if (_text(told, "_type"), _text(told, "predicateType")) != (_STATEMENT, _PREDICATE):
        raise Invalid("what is signed is a statement of another kind.")
    if _text(told, "predicate", "serialization", "method") != "files":
        raise Invalid("sign whole files; shards of files are not compared here.")
    resources = _inside(told, "predicate", "resources")
    listed = [_resource(each) for each in cast("list[object]", resources)] if isinstance(resources, list) else []
    if _text(told, "subject", 0, "digest", "sha256") != _root(listed) or _inside(told, "subject", 1):
        raise Invalid("the signed statement contradicts itself.")
    return {each["name"]: each["digest"] for each in listed}


def _resource(said: object) -> _Resource:
    if _text(said, "algorithm") != "sha256":
        raise Invalid("sign with SHA-256; other hashes are not compared here.")
    return {"name": _text(said, "name"), "digest": _text(said, "digest")}


def _inside(told: object, *path: str | int) -> object:
    """What is at a place inside a JSON value, or None."""
    for step in path:
        if isinstance(told, dict) and isinstance(step, str):
            told = cast("dict[str, object]", told).get(step)
        elif isinstance(told, list) and isinstance(step, int):
            told = next(iter(cast("list[object]", told)[step : step + 1]), None)
        else:
            return None
    return told


def _text(told: object, *path: str | int) -> str:
    """The text at such a place."""
    found = _inside(told, *path)
    if not isinstance(found, str):
        raise Invalid(f"this is no signature of a model with a key: {path[-1]} is missing.")
    return found


def _read(text: bytes) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        raise Invalid("this is no signature: it is no JSON.") from None


def _decoded(payload: str) -> bytes:
    try:
        return base64.b64decode(payload, validate=True)
    except ValueError:
        raise Invalid("this is no signature: what is signed is not in base64.") from None


def _root(resources: Iterable[_Resource]) -> str:
    """The SHA-256 of all digests in their order."""
    told = hashlib.sha256()
    for each in resources:
        try:
            told.update(bytes.fromhex(each["digest"]))
        except ValueError:
            raise Invalid("the signed statement has a digest that is none.") from None
    return told.hexdigest()


def _hint(key: ec.EllipticCurvePublicKey) -> str:
    """What bundles tell a key apart by: the SHA-256 of its PEM."""
    return hashlib.sha256(keys.pem_of(key).encode()).hexdigest()


def _curve(key: PublicKey) -> ec.EllipticCurvePublicKey:
    if not isinstance(key, ec.EllipticCurvePublicKey):
        raise Invalid(
            "models are signed with keys on elliptic curves; "
            "`openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256` makes one.",
        )
    return key
