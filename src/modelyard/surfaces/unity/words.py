"""What the tables of Unity Catalog's surface share: its prefix, its requests, its kinds of securable."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from modelyard.action import METASTORE, Ref
from modelyard.actions import catalogs
from modelyard.domain import names, pages
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Kind
from modelyard.errors import Invalid
from modelyard.surfaces.wire import Pair, text

PREFIX: Final = "/api/2.1/unity-catalog"
MOST: Final = 1_000
_KINDS: Final = {
    "metastore": Kind.METASTORE,
    "catalog": Kind.CATALOG,
    "schema": Kind.SCHEMA,
    "function": Kind.ROUTINE,
    "registered_model": Kind.ROUTINE,
    "model": Kind.ROUTINE,
    "prompt": Kind.PROMPT,
}


def at(path: str) -> str:
    """A path of this surface."""
    return f"{PREFIX}/{path}"


def ref(securable_type: str, full_name: str) -> Ref:
    """The securable of a type, in any of the spellings of clients, and a name."""
    kind = _KINDS.get(securable_type.lower().removeprefix("securabletype."))
    match kind:
        case Kind.METASTORE:
            return METASTORE
        case Kind.CATALOG:
            return Ref(kind, names.simple(full_name))
        case Kind.SCHEMA:
            return Ref(kind, names.schema(full_name))
        case Kind.ROUTINE:
            return Ref(kind, names.model(full_name))
        case Kind.PROMPT:
            return Ref(kind, names.prompt(full_name))
        case _:
            raise Invalid(f'"{securable_type[:60]}" is no securable type here; use {", ".join(_KINDS)}.')


class Listing(msgspec.Struct, frozen=True):
    """A page of catalogs, schemas or models."""

    catalog_name: str | None = None
    schema_name: str | None = None
    max_results: int | None = None
    page_token: str | None = None
    include_browse: bool = False

    def window(self, query: str, most: int = MOST) -> Window:
        """The page that is asked for."""
        return pages.window(self.max_results, self.page_token, query, default=most, most=most)


class One(msgspec.Struct, frozen=True):
    """A catalog, schema or model by the name in the path."""

    full_name: str = ""
    include_browse: bool = False
    include_aliases: bool = False
    force: bool = False

    @property
    def catalog(self) -> Ref:
        """The catalog."""
        return Ref(Kind.CATALOG, names.simple(self.full_name))

    @property
    def schema(self) -> Ref:
        """The schema."""
        return Ref(Kind.SCHEMA, names.schema(self.full_name))

    @property
    def model(self) -> Ref:
        """The model."""
        return Ref(Kind.MODEL, names.model(self.full_name))


class New(msgspec.Struct, frozen=True):
    """A new catalog, schema or model."""

    name: str = ""
    catalog_name: str = ""
    schema_name: str = ""
    comment: str | None = None
    properties: dict[str, str] | None = None
    storage_root: str | None = None
    storage_location: str | None = None
    tags: list[Pair] | None = None
    deployment_job_id: str | None = None


class Changed(One, frozen=True):
    """Changes to a catalog, schema or model."""

    new_name: str | None = None
    comment: str | None = None
    owner: str | None = None
    properties: dict[str, str] | None = None
    deployment_job_id: str | None = None

    @property
    def container(self) -> catalogs.Change:
        """What changes in a catalog or schema."""
        comment = None if self.comment is None else text(self.comment)
        return catalogs.Change(comment, self.owner, properties(self.properties))


def properties(given: dict[str, str] | None) -> dict[str, str] | None:
    """Properties, checked."""
    if given is None:
        return None
    if len(given) > names.MAX_TAGS:
        raise Invalid(f"at most {names.MAX_TAGS} properties are kept.")
    return {text(key): text(value) for key, value in given.items()}


def without_root(said: New) -> New:
    """The request, if it leaves the place of bytes to the server."""
    if said.storage_root or said.storage_location:
        raise Invalid("the server chooses where bytes are kept; leave storage_root and storage_location out.")
    return said


def paged(answer: dict[str, object], page: Page[Any]) -> dict[str, object]:
    """An answer with the token of the page after it."""
    token = pages.token(page)
    return {**answer, "next_page_token": token} if token else answer
