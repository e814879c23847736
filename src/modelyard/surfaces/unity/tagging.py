"""Tags of models and of their versions, several at once, as MLflow's native store changes them."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions.tagging import ChangeModelTags, ChangeVersionTags
from modelyard.domain import names
from modelyard.domain.models import TagChange
from modelyard.domain.privileges import Kind
from modelyard.errors import Invalid
from modelyard.surfaces.securables import ref
from modelyard.surfaces.unity.words import at
from modelyard.surfaces.wire import Pair, Row, Translation, tags


class Changes(msgspec.Struct, frozen=True):
    """TagAssignmentsChange: tags to set, and keys to take off."""

    add_tags: list[Pair] | None = None
    remove: list[str] | None = None


class Tagging(msgspec.Struct, frozen=True):
    """UpdateTagSecurableAssignments, and UpdateTagSubentityAssignments with a version."""

    securable_type: str = ""
    full_name: str = ""
    version: str = ""
    changes: Changes = Changes()

    @property
    def model(self) -> Ref:
        """The model: a sub-type of FUNCTION to those who tag it."""
        found = ref(self.securable_type, self.full_name)
        if found.kind is not Kind.ROUTINE:
            raise Invalid("only models and their versions are tagged here; the securable type is FUNCTION.")
        return Ref(Kind.MODEL, found.name)

    @property
    def change(self) -> TagChange:
        """What changes, checked."""
        removed = (names.tag_key(key) for key in self.changes.remove or ())
        return TagChange(tags(self.changes.add_tags), tuple(dict.fromkeys(removed)))


ROWS: Final[tuple[Row, ...]] = (
    Translation(
        "PATCH",
        at("securable-tags/{securable_type}/{full_name}"),
        Tagging,
        read=lambda said: ChangeModelTags(said.model, said.change),
    ),
    Translation(
        "PATCH",
        at("subentity-tags/{securable_type}/{full_name}/{version}"),
        Tagging,
        read=lambda said: ChangeVersionTags(said.model, names.version(said.version), said.change),
    ),
)
