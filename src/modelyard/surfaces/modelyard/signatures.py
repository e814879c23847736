"""Signatures of versions."""

from __future__ import annotations

import json
from typing import Final

from modelyard.actions import signatures
from modelyard.domain.signing import Signature
from modelyard.surfaces.modelyard.versions import OneVersion
from modelyard.surfaces.modelyard.words import at
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation


class Signing(OneVersion, frozen=True):
    """A signature as its tool wrote it, in a text, and the public key (PEM) that it is to be verified with."""

    bundle: str = ""
    public_key: str = ""


def _add(said: Signing) -> AnyAction:
    return signatures.AddSignature(*said.where, said.bundle, said.public_key)


def _signatures(found: list[Signature], _here: Here) -> object:
    told = [
        {
            "key_id": each.key_id,
            "bundle": json.loads(each.bundle),
            "added_at": each.added_at,
            "added_by": each.added_by,
        }
        for each in found
    ]
    return {"signatures": told}


_SIGNATURES: Final = at("models/{full_name}/versions/{version}/signatures")

ROWS: Final[tuple[Row, ...]] = (
    Translation("POST", _SIGNATURES, Signing, _add, _signatures),
    Translation(
        "GET", _SIGNATURES, OneVersion, read=lambda said: signatures.ListSignatures(*said.where), write=_signatures
    ),
)
