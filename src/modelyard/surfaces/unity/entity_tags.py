"""Entity tag assignments: the tags of catalogs and schemas, and as an extension those of models."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import entity_tags
from modelyard.actions.entity_tags import Tagged
from modelyard.domain import names, pages
from modelyard.domain.models import Tag
from modelyard.domain.pages import Page
from modelyard.domain.privileges import Kind
from modelyard.errors import Invalid
from modelyard.surfaces.securables import ref
from modelyard.surfaces.unity.words import at, paged
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation

_TYPES: Final = {Kind.METASTORE: "metastores", Kind.CATALOG: "catalogs", Kind.SCHEMA: "schemas"}
_MUTABLE: Final = "tag_value"


class _Entity(msgspec.Struct, frozen=True):
    """A tag of an entity, or all of them; types are written in the plural here."""

    entity_type: str = ""
    entity_name: str = ""
    tag_key: str = ""
    tag_value: str = ""
    update_mask: str = _MUTABLE
    max_results: int | None = None
    page_token: str | None = None

    @property
    def ref(self) -> Ref:
        """The securable."""
        return ref(self.entity_type.lower().removesuffix("s"), self.entity_name)

    @property
    def tag(self) -> Tag:
        """The tag, checked."""
        return Tag(names.tag_key(self.tag_key), names.tag_value(self.tag_value))


def _change(said: _Entity) -> AnyAction:
    if {_MUTABLE, "*"}.isdisjoint(said.update_mask.split(",")):
        raise Invalid('nothing of a tag changes but its value; send update_mask "tag_value".')
    return entity_tags.ChangeTag(said.ref, said.tag)


def _list(said: _Entity) -> AnyAction:
    most = names.MAX_TAGS
    window = pages.window(said.max_results, said.page_token, f"tags {said.ref.name}", default=most, most=most)
    return entity_tags.ListTags(said.ref, window)


def _tag(found: Tagged, _here: Here) -> dict[str, str]:
    return {
        "entity_type": _TYPES.get(found.on.kind, "models"),
        "entity_name": found.on.full_name,
        "tag_key": found.tag.key,
        "tag_value": found.tag.value,
    }


def _tags(page: Page[Tagged], here: Here) -> object:
    return paged({"tag_assignments": [_tag(found, here) for found in page.items]}, page)


_ALL: Final = at("entity-tag-assignments")
_OF_ENTITY: Final = f"{_ALL}/{{entity_type}}/{{entity_name}}/tags"
_ONE: Final = f"{_OF_ENTITY}/{{tag_key}}"

ROWS: Final[tuple[Row, ...]] = (
    Translation("POST", _ALL, _Entity, read=lambda said: entity_tags.AssignTag(said.ref, said.tag), write=_tag),
    Translation("GET", _OF_ENTITY, _Entity, _list, _tags),
    Translation("GET", _ONE, _Entity, read=lambda said: entity_tags.GetTag(said.ref, said.tag_key), write=_tag),
    Translation("PATCH", _ONE, _Entity, _change, _tag),
    Translation("DELETE", _ONE, _Entity, read=lambda said: entity_tags.RemoveTag(said.ref, said.tag_key)),
)
