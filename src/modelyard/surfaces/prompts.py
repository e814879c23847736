"""MLflow's prompt registry: `/api/2.0/mlflow/unity-catalog/prompts*`, the same for all of its clients.

The shapes are those of MLflow's `UnityCatalogPromptService` (protocol notes §1.a): answers are bare messages, times are
RFC 3339, versions are strings, and what the path says is repeated in the body.
"""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import prompts
from modelyard.domain import filters, names, pages
from modelyard.domain.models import Alias, Tag
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Kind
from modelyard.domain.prompts import MAX_LINKS, Draft, Link, LinkKind, Prompt, PromptVersion, tag, template
from modelyard.errors import AlreadyExists, Failure, Invalid
from modelyard.surfaces.wire import STATUS, AnyAction, Here, Pair, Reply, Row, Translation, short, tag_dicts, text, told

PREFIX: Final = "/api/2.0/mlflow/unity-catalog"
_MOST: Final = 1_000
_DEFAULT: Final = 100
_EPOCH: Final = datetime(1970, 1, 1, tzinfo=UTC)


# What is said


class Named(msgspec.Struct, frozen=True):
    """A prompt's full name."""

    name: str = ""

    @property
    def ref(self) -> Ref:
        """The prompt."""
        return Ref(Kind.PROMPT, names.prompt(self.name))


class NamedVersion(Named, frozen=True):
    """A version of a prompt."""

    version: str | int = ""

    @property
    def number(self) -> int:
        """Its number."""
        return names.version(self.version)


class SaidPrompt(msgspec.Struct, frozen=True):
    """What is said of a prompt; MLflow's client knows no owner."""

    name: str = ""
    description: str | None = None
    tags: list[Pair] | None = None
    owner: str | None = None


class OnePrompt(Named, frozen=True):
    """CreatePrompt, UpdatePrompt."""

    prompt: SaidPrompt = SaidPrompt()


class SaidVersion(msgspec.Struct, frozen=True):
    """What is said of a version."""

    description: str | None = None
    template: str | None = None
    tags: list[Pair] | None = None


class OneVersion(NamedVersion, frozen=True):
    """CreatePromptVersion, UpdatePromptVersion."""

    prompt_version: SaidVersion = SaidVersion()


class CatalogSchema(msgspec.Struct, frozen=True):
    """Where prompts are searched."""

    catalog_name: str = ""
    schema_name: str = ""


class Search(msgspec.Struct, frozen=True):
    """SearchPrompts."""

    catalog_schema: CatalogSchema | None = None
    filter: str | None = None
    max_results: int | None = None
    page_token: str | None = None


class VersionPage(Named, frozen=True):
    """SearchPromptVersions."""

    max_results: int | None = None
    page_token: str | None = None


class NamedAlias(NamedVersion, frozen=True):
    """An alias of a prompt, and the version it will point at."""

    alias: str = ""


class NamedTag(NamedVersion, frozen=True):
    """A tag of a prompt or of a version."""

    key: str = ""
    value: str | None = None
    key_in_path: str = ""

    @property
    def tag(self) -> Tag:
        """The tag."""
        return tag(self.key, self.value or "")

    @property
    def key_to_delete(self) -> str:
        """The key of the body, where it is said: MLflow's client puts keys with `?` or `#` into paths as they are."""
        return names.tag_key(self.key or self.key_in_path)


class Links(msgspec.Struct, frozen=True):
    """LinkPromptVersionsToModels, LinkPromptsToTraces, LinkPromptVersionsToRuns."""

    prompt_versions: list[NamedVersion] = []
    model_ids: list[str] = []
    trace_ids: list[str] = []
    run_ids: list[str] = []


# How it is read


def _tags(pairs: list[Pair] | None) -> tuple[Tag, ...]:
    """Tags, checked, each key once (the last one wins)."""
    return tuple({pair.key: tag(pair.key, pair.value or "") for pair in pairs or []}.values())


def _create(said: OnePrompt) -> AnyAction:
    container, name = names.split(_same_name(said).name)
    return prompts.CreatePrompt(
        Ref(Kind.SCHEMA, container),
        names.new_simple(name),
        text(said.prompt.description),
        _tags(said.prompt.tags),
    )


def _same_name(said: OnePrompt) -> Ref:
    """The prompt, which is named twice."""
    if said.prompt.name and said.name and names.prompt(said.prompt.name) != said.ref.name:
        raise Invalid("the request names two prompts; name and prompt.name must be the same.")
    return said.ref if said.name else Ref(Kind.PROMPT, names.prompt(said.prompt.name))


def _update(said: OnePrompt) -> AnyAction:
    if said.prompt.tags:
        raise Invalid("tags are not changed here; use POST and DELETE on the prompt's tags.")
    comment = None if said.prompt.description is None else text(said.prompt.description)
    return prompts.UpdatePrompt(_same_name(said), prompts.PromptChange(comment, said.prompt.owner))


def _search(said: Search) -> AnyAction:
    inside = _inside(said.catalog_schema)
    terms = filters.prompts(said.filter or "")
    window = _window(said, f"prompts {inside} {terms}")
    return prompts.SearchPrompts(terms, window, inside)


def _inside(said: CatalogSchema | None) -> str:
    if said is None or not (said.catalog_name or said.schema_name):
        return ""
    return names.schema(f"{said.catalog_name}.{said.schema_name}")


def _window(said: Search | VersionPage, query: str) -> Window:
    return pages.window(said.max_results, said.page_token, query, default=_DEFAULT, most=_MOST)


def _create_version(said: OneVersion) -> AnyAction:
    new = said.prompt_version
    draft = Draft(template(new.template or ""), text(new.description), _tags(new.tags))
    return prompts.CreatePromptVersion(said.ref, draft)


def _update_version(said: OneVersion) -> AnyAction:
    if said.prompt_version.template or said.prompt_version.tags:
        raise Invalid(
            "only the description of a version changes here. Make a new version for another template, and use POST "
            "and DELETE on the version's tags.",
        )
    return prompts.UpdatePromptVersion(said.ref, said.number, text(said.prompt_version.description))


def _link(said: Links) -> AnyAction:
    ids = {LinkKind.MODEL: said.model_ids, LinkKind.TRACE: said.trace_ids, LinkKind.RUN: said.run_ids}
    links = dict.fromkeys(Link(kind, short(id_)) for kind, each in ids.items() for id_ in each if id_)
    versions = dict.fromkeys((each.ref.name, each.number) for each in said.prompt_versions)
    if not links or not versions:
        raise Invalid("name at least one of prompt_versions, and one id to link them to.")
    if len(links) * len(versions) > MAX_LINKS:
        raise Invalid(f"at most {MAX_LINKS} links are made at once; send fewer prompt_versions or ids.")
    return prompts.LinkPromptVersions(tuple(versions), tuple(links))


# How it is written


def _time(milliseconds: int) -> str:
    """RFC 3339, in UTC."""
    moment = _EPOCH + timedelta(milliseconds=milliseconds)
    return moment.isoformat(timespec="milliseconds").replace("+00:00", "Z")


def _aliases(given: tuple[Alias, ...]) -> list[dict[str, str]]:
    return [{"alias": alias.name, "version": str(alias.version)} for alias in given]


def _prompt(prompt: Prompt) -> dict[str, object]:
    return {
        "name": prompt.full_name,
        "creation_timestamp": _time(prompt.created_at),
        "last_updated_timestamp": _time(prompt.updated_at),
        "description": prompt.comment,
        "aliases": _aliases(prompt.aliases),
        "tags": tag_dicts(prompt.tags),
        "owner": prompt.owner,
    }


def _version(version: PromptVersion) -> dict[str, object]:
    return {
        "name": version.prompt,
        "version": str(version.number),
        "creation_timestamp": _time(version.created_at),
        "last_updated_timestamp": _time(version.updated_at),
        "description": version.comment,
        "template": version.template,
        "aliases": _aliases(version.aliases),
        "tags": tag_dicts(version.tags),
        "created_by": version.created_by,
    }


def _bare_prompt(prompt: Prompt, _here: Here) -> object:
    return _prompt(prompt)


def _bare_version(version: PromptVersion, _here: Here) -> object:
    return _version(version)


def _prompt_page(page: Page[Prompt], _here: Here) -> object:
    return {"prompts": [_prompt(prompt) for prompt in page.items], "next_page_token": pages.token(page)}


def _version_page(page: Page[PromptVersion], _here: Here) -> object:
    found = [_version(version) for version in page.items]
    return {"prompt_versions": found, "next_page_token": pages.token(page)}


def _blame(failure: Failure) -> Reply:
    """As everywhere, but for a taken name: only with this code goes `register_prompt` on to the next version."""
    return told(failure, {**STATUS, AlreadyExists: (409, "ALREADY_EXISTS")})


def _at(path: str) -> str:
    return f"{PREFIX}/{path}"


ROWS: Final[tuple[Row, ...]] = (
    Translation("POST", _at("prompts"), OnePrompt, _create, _bare_prompt, _blame),
    Translation("POST", _at("prompts/search"), Search, _search, _prompt_page),
    Translation("PATCH", _at("prompts/{name}"), OnePrompt, _update, _bare_prompt),
    Translation(
        "GET",
        _at("prompts/{name}"),
        Named,
        read=lambda said: prompts.GetPrompt(said.ref),
        write=_bare_prompt,
    ),
    Translation("DELETE", _at("prompts/{name}"), Named, read=lambda said: prompts.DeletePrompt(said.ref)),
    Translation("POST", _at("prompts/{name}/versions"), OneVersion, _create_version, _bare_version),
    Translation(
        "POST",
        _at("prompts/{name}/versions/search"),
        VersionPage,
        read=lambda said: prompts.ListPromptVersions(said.ref, _window(said, f"versions of prompt {said.ref.name}")),
        write=_version_page,
    ),
    Translation(
        "GET",
        _at("prompts/{name}/versions/by-alias/{alias}"),
        NamedAlias,
        read=lambda said: prompts.GetPromptVersionByAlias(said.ref, names.asked_alias(said.alias)),
        write=_bare_version,
    ),
    Translation(
        "GET",
        _at("prompts/{name}/versions/{version}"),
        NamedVersion,
        read=lambda said: prompts.GetPromptVersion(said.ref, said.number),
        write=_bare_version,
    ),
    Translation("PATCH", _at("prompts/{name}/versions/{version}"), OneVersion, _update_version, _bare_version),
    Translation(
        "DELETE",
        _at("prompts/{name}/versions/{version}"),
        NamedVersion,
        read=lambda said: prompts.DeletePromptVersion(said.ref, said.number),
    ),
    Translation(
        "POST",
        _at("prompts/{name}/aliases/{alias}"),
        NamedAlias,
        read=lambda said: prompts.SetPromptAlias(said.ref, names.alias(said.alias), said.number),
    ),
    Translation(
        "DELETE",
        _at("prompts/{name}/aliases/{alias}"),
        NamedAlias,
        read=lambda said: prompts.DeletePromptAlias(said.ref, names.alias(said.alias)),
    ),
    Translation(
        "POST",
        _at("prompts/{name}/tags"),
        NamedTag,
        read=lambda said: prompts.SetPromptTag(said.ref, said.tag),
    ),
    Translation(
        "DELETE",
        _at("prompts/{name}/tags/{key_in_path}"),
        NamedTag,
        read=lambda said: prompts.DeletePromptTag(said.ref, said.key_to_delete),
    ),
    Translation(
        "POST",
        _at("prompts/{name}/versions/{version}/tags"),
        NamedTag,
        read=lambda said: prompts.SetPromptVersionTag(said.ref, said.number, said.tag),
    ),
    Translation(
        "DELETE",
        _at("prompts/{name}/versions/{version}/tags/{key_in_path}"),
        NamedTag,
        read=lambda said: prompts.DeletePromptVersionTag(said.ref, said.number, said.key_to_delete),
    ),
    Translation("POST", _at("prompt-versions/links-to-models"), Links, _link),
    Translation("POST", _at("prompt-versions/links-to-traces"), Links, _link),
    Translation("POST", _at("prompt-versions/links-to-runs"), Links, _link),
)
