"""Versions: copied and promoted by the server itself, and their model cards."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import cards, copies
from modelyard.domain import names
from modelyard.domain.aliases import reason
from modelyard.domain.models import Version
from modelyard.domain.privileges import Kind
from modelyard.surfaces.modelyard.words import at
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation, tag_dicts, text, with_digest


class OneVersion(msgspec.Struct, frozen=True):
    """A version by the name of its model and its number."""

    full_name: str = ""
    version: str | int = ""

    @property
    def where(self) -> tuple[Ref, int]:
        """The model, and the version's number."""
        return Ref(Kind.MODEL, names.model(self.full_name)), names.version(self.version)


class Copied(OneVersion, frozen=True):
    """A copy: the model that it goes to, and an alias there, if one is to point at it."""

    destination: str = ""
    alias: str = ""
    comment: str | None = None
    expected_version: int | None = None
    reason: str = ""


def _copy(said: Copied) -> AnyAction:
    there = Ref(Kind.MODEL, names.model(said.destination))
    comment = None if said.comment is None else text(said.comment)
    if not said.alias:
        return copies.CopyVersion(*said.where, there, comment)
    alias = names.alias(said.alias)
    return copies.PromoteVersion(*said.where, there, alias, comment, said.expected_version, reason(said.reason))


def told_version(version: Version) -> dict[str, object]:
    """A version as this surface writes it."""
    return {
        "model": version.model,
        "version": version.number,
        "status": version.status.value,
        "status_message": version.status_message,
        "source": version.source,
        "run_id": version.run_id,
        "run_tracking_server_id": version.run_tracking_server_id,
        "comment": version.comment,
        "model_id": version.model_id,
        "digest": version.digest,
        "aliases": [alias.name for alias in version.aliases],
        "tags": tag_dicts(version.tags),
        "dependencies": [{"type": kind, "name": name} for kind, name in version.dependencies],
        "created_at": version.created_at,
        "created_by": version.created_by,
    }


def _version(version: Version, _here: Here) -> object:
    return with_digest(told_version(version), version)


def _card(sheet: cards.Sheet, here: Here) -> object:
    version, card = sheet.version, sheet.card
    told = {
        "model": version.model,
        "version": version.number,
        "status": version.status.value,
        "status_message": version.status_message,
        "digest": version.digest,
        "model_id": version.model_id,
        "files": sheet.files,
        "size": sheet.size,
        "contents": card.contents.value,
        "verdict": card.verdict.value,
        "findings": [{"path": each.path, "problem": each.problem} for each in card.findings],
        "facts": card.facts,
        "files_at": f"{here.base_url}/api/2.0/fs/directories/Models/{version.model.replace('.', '/')}/{version.number}",
    }
    return with_digest(told, version)


_VERSION: Final = "models/{full_name}/versions/{version}"

ROWS: Final[tuple[Row, ...]] = (
    Translation("POST", at(f"{_VERSION}/copy"), Copied, _copy, _version),
    Translation("GET", at(f"{_VERSION}/card"), OneVersion, read=lambda said: cards.GetCard(*said.where), write=_card),
)
