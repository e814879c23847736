"""Prompts, their versions, aliases and links."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING, Final

from sqlalchemy import and_, bindparam, delete, exists, func, insert, select, update

from modelyard.domain.filters import MAX_TERMS, Part
from modelyard.domain.names import MAX_VERSION
from modelyard.domain.pages import Page
from modelyard.domain.privileges import Kind
from modelyard.domain.prompts import Link, LinkKind, Prompt, PromptVersion, within
from modelyard.errors import NotFound
from modelyard.store import catalogs, schema
from modelyard.store.alias_table import AliasTable
from modelyard.store.catalogs import (
    LAST_LEVEL,
    LOCATED,
    PROMPT_VERSION_TAGS,
    SECURABLE_TAGS,
    VISIBLE,
    bounds,
    seen_by,
    shown,
)
from modelyard.store.patterns import matches, pattern
from modelyard.store.tx import inserting, new_id

if TYPE_CHECKING:
    from collections.abc import Sequence

    from sqlalchemy import ColumnElement, Select

    from modelyard.domain.filters import Term
    from modelyard.domain.pages import Window
    from modelyard.domain.privileges import Node
    from modelyard.domain.prompts import Draft
    from modelyard.store.tx import Look, Row, Write

_MAX_PAGE_CHARACTERS: Final = 4 << 20
"""Characters of templates in one page of versions; a single template always fits."""

_securables, _principals, _tags = schema.securables, schema.principals, schema.securable_tags
_prompts, _versions, _links = schema.prompts, schema.prompt_versions, schema.prompt_links

ALIASES: Final = AliasTable(schema.prompt_aliases, _prompts, "prompt_id", _versions)

_PROMPT: Final = shown(_securables, _principals)
_OWNER: Final = _principals.c.id == _securables.c.owner_id
_GET: Final = select(*_PROMPT).join(_principals, _OWNER).where(_securables.c.id == bindparam("prompt"))
_ALL: Final = (
    select(*_PROMPT)
    .select_from(LOCATED.join(_principals, _OWNER))
    .where(_securables.c.kind == Kind.PROMPT.value, _securables.c.full_name > bindparam("after"), VISIBLE)
    .where(_securables.c.full_name >= bindparam("first"), _securables.c.full_name < bindparam("beyond"))
    .order_by(_securables.c.full_name)
    .limit(bindparam("most"))
)
_ADD: Final = inserting(_prompts)


def add(tx: Write, container: Node, full_name: str, comment: str) -> str:
    """Make a prompt that the caller owns; returns its id."""
    id_ = catalogs.add(tx, Kind.PROMPT, container, full_name, comment, {})
    tx.run(_ADD, id=id_, last_version=0)
    return id_


def get(tx: Look, prompt_id: str) -> Prompt:
    """A prompt that is there, with its aliases and tags."""
    row = tx.row(_GET, prompt=prompt_id)
    if row is None:
        raise NotFound("somebody else deleted the prompt just now.")
    return _prompts_of(tx, [row])[0]


def search(tx: Look, terms: Sequence[Term], window: Window, inside: str) -> Page[Prompt]:
    """The prompts that the caller may see and that match all terms, by full name, in one schema or in all."""
    ordered = sorted(terms, key=lambda term: term.part)
    values = {key: value for place, term in enumerate(ordered) for key, value in _values(place, term).items()}
    asked = {**seen_by(tx), **bounds(inside), **values, "after": window.after, "most": window.limit + 1}
    rows = tx.rows(_searching(tuple(term.part for term in ordered)), **asked)
    return window.cut(_prompts_of(tx, rows), rows[window.limit - 1][1] if len(rows) > window.limit else None)


def _values(place: int, term: Term) -> dict[str, str]:
    key = {f"key{place}": term.key} if term.key else {}
    return {**key, **pattern(f"pattern{place}", term.pattern)}


@cache
def _searching(parts: tuple[Part, ...]) -> Select[Row]:
    """The statement for terms on these parts, in order: there are few, as few terms are taken."""
    if len(parts) > MAX_TERMS:
        raise ValueError(parts)
    return _ALL.where(*(_term(place, part) for place, part in enumerate(parts)))  # pyright: ignore[reportReturnType]


def _term(place: int, part: Part) -> ColumnElement[bool]:
    name = f"pattern{place}"
    match part:
        case Part.NAME:
            return matches(LAST_LEVEL, name)
        case Part.FULL_NAME:
            return matches(_securables.c.full_name, name)
        case Part.TAG | Part.TAG_WITHOUT_CASE:
            value = func.lower(_tags.c.value) if part is Part.TAG_WITHOUT_CASE else _tags.c.value
            mine = and_(_tags.c.owner_id == _securables.c.id, _tags.c.key == bindparam(f"key{place}"))
            return exists().where(mine, matches(value, name))


def _prompts_of(tx: Look, rows: Sequence[Row]) -> list[Prompt]:
    ids = [row[0] for row in rows]
    names, tags = ALIASES.of_owners(tx, ids), SECURABLE_TAGS.of_many(tx, ids)
    return [Prompt(*row, aliases=names.get(row[0], ()), tags=tags.get(row[0], ())) for row in rows]


# Versions

_IN_PROMPT: Final = _securables.c.id == _versions.c.prompt_id
_MINE: Final = _versions.c.prompt_id == bindparam("prompt")
_VERSIONS: Final = select(
    _versions.c.id,
    _securables.c.full_name,
    _versions.c.number,
    _versions.c.template,
    _versions.c.comment,
    _versions.c.created_at,
    _versions.c.created_by,
    _versions.c.updated_at,
    _versions.c.updated_by,
).join(_securables, _IN_PROMPT)
_GET_VERSION: Final = _VERSIONS.where(_MINE, _versions.c.number == bindparam("number"))
_LOCK_VERSION: Final = _GET_VERSION.with_for_update(of=_versions)
_LATEST: Final = select(_versions.c.number).where(_MINE).order_by(_versions.c.number.desc()).limit(1)
_SIZES: Final = (
    select(_versions.c.number, func.length(_versions.c.template))
    .where(_MINE, _versions.c.number < bindparam("before"))
    .order_by(_versions.c.number.desc())
    .limit(bindparam("most"))
)
_BETWEEN: Final = _VERSIONS.where(
    _MINE, _versions.c.number >= bindparam("low"), _versions.c.number <= bindparam("high")
).order_by(_versions.c.number.desc())
_NEXT: Final = (
    update(_prompts)
    .where(_prompts.c.id == bindparam("prompt"))
    .values(last_version=_prompts.c.last_version + 1)
    .returning(_prompts.c.last_version)
)
_ADD_VERSION: Final = inserting(_versions)
_COMMENT: Final = (
    update(_versions)
    .where(_versions.c.id == bindparam("version"))
    .values(comment=bindparam("new_comment"), updated_at=bindparam("now"), updated_by=bindparam("actor"))
)
_TOUCH: Final = (
    update(_versions)
    .where(_versions.c.id == bindparam("version"))
    .values(updated_at=bindparam("now"), updated_by=bindparam("actor"))
)
_REMOVE: Final = delete(_versions).where(_versions.c.id == bindparam("version"))


def version(tx: Look, prompt: Node, number: int) -> PromptVersion:
    """One version with its aliases and tags, or `NotFound`."""
    return _found(tx, tx.row(_GET_VERSION, prompt=prompt.id, number=number), prompt, number)


def locked_version(tx: Write, prompt: Node, number: int) -> PromptVersion:
    """One version, which nobody else changes or deletes until this transaction ends."""
    return _found(tx, tx.row(_LOCK_VERSION, prompt=prompt.id, number=number), prompt, number)


def _found(tx: Look, row: Row | None, prompt: Node, number: int) -> PromptVersion:
    if row is None:
        raise NotFound(f"{prompt} has no version {number}.")
    return _versions_of(tx, [row])[0]


def latest(tx: Look, prompt: Node) -> int | None:
    """The number of the highest version, if there is one."""
    row = tx.row(_LATEST, prompt=prompt.id)
    return row[0] if row else None


def list_versions(tx: Look, prompt: Node, window: Window) -> Page[PromptVersion]:
    """The versions of a prompt, newest first; a page is shorter where templates are long."""
    before = window.number_after or MAX_VERSION + 1
    sizes = tx.rows(_SIZES, prompt=prompt.id, before=before, most=window.limit + 1)
    count = within((size for _, size in sizes[: window.limit]), _MAX_PAGE_CHARACTERS)
    if not count:
        return window.cut([], None)
    last = sizes[count - 1][0]
    rows = tx.rows(_BETWEEN, prompt=prompt.id, low=last, high=sizes[0][0])
    return Page(tuple(_versions_of(tx, rows)), str(last) if count < len(sizes) else None, window.query)


def _versions_of(tx: Look, rows: Sequence[Row]) -> list[PromptVersion]:
    ids = [row[0] for row in rows]
    names, tags = ALIASES.of_versions(tx, ids), PROMPT_VERSION_TAGS.of_many(tx, ids)
    return [PromptVersion(*row, aliases=names.get(row[0], ()), tags=tags.get(row[0], ())) for row in rows]


def add_version(tx: Write, prompt: Node, draft: Draft) -> PromptVersion:
    """Make the next version; its tags are for the caller to set."""
    row = tx.row(_NEXT, prompt=prompt.id)
    if row is None:
        raise NotFound(f"{prompt} does not exist.")
    by, now = tx.actor, tx.now
    made = PromptVersion(
        id=new_id(),
        prompt=prompt.full_name,
        number=row[0],
        template=draft.template,
        comment=draft.comment,
        created_at=now,
        created_by=by,
        updated_at=now,
        updated_by=by,
        tags=draft.tags,
    )
    tx.run(
        _ADD_VERSION,
        id=made.id,
        prompt_id=prompt.id,
        number=made.number,
        template=made.template,
        comment=made.comment,
        created_at=now,
        created_by=by,
        updated_at=now,
        updated_by=by,
    )
    return made


def set_comment(tx: Write, version_id: str, comment: str) -> None:
    """Change a version's comment."""
    tx.run(_COMMENT, version=version_id, new_comment=comment, now=tx.now, actor=tx.actor)


def touch_version(tx: Write, version_id: str) -> None:
    """Note that the caller has changed something about a version now."""
    tx.run(_TOUCH, version=version_id, now=tx.now, actor=tx.actor)


def remove_version(tx: Write, version_id: str) -> None:
    """Remove a version with its aliases, tags and links; its number is not used again."""
    tx.run(_REMOVE, version=version_id)


# Links

_LINKABLE: Final = (
    select(_versions.c.id)
    .select_from(LOCATED.join(_versions, _IN_PROMPT))
    .where(_securables.c.full_name == bindparam("full_name"), _versions.c.number == bindparam("number"), VISIBLE)
)
_LINKED: Final = and_(
    _links.c.version_id == bindparam("version"),
    _links.c.kind == bindparam("link_kind"),
    _links.c.target == bindparam("link_target"),
)
_ADD_LINK: Final = insert(_links).from_select(
    ["version_id", "kind", "target"],
    select(
        bindparam("version", type_=schema.Name),
        bindparam("link_kind", type_=schema.Name),
        bindparam("link_target", type_=schema.Name),
    ).where(~exists().where(_LINKED)),
)
_LINKS: Final = (
    select(_links.c.kind, _links.c.target)
    .where(_links.c.version_id == bindparam("version"), _links.c.kind == bindparam("link_kind"))
    .where(_links.c.target > bindparam("after"))
    .order_by(_links.c.target)
    .limit(bindparam("most"))
)


def visible_version(tx: Look, full_name: str, number: int) -> str | None:
    """The id of a version that the caller may see, if there is one of this prompt and number."""
    row = tx.row(_LINKABLE, full_name=full_name, number=number, **seen_by(tx))
    return row[0] if row else None


def link(tx: Write, version_id: str, to: Link) -> None:
    """Note a version's use; it may be noted already."""
    tx.run(_ADD_LINK, version=version_id, link_kind=to.kind.value, link_target=to.target)


def links(tx: Look, version_id: str, kind: LinkKind, window: Window) -> Page[Link]:
    """What uses a version, of one kind, by its id."""
    rows = tx.rows(_LINKS, version=version_id, link_kind=kind.value, after=window.after, most=window.limit + 1)
    found = [Link(LinkKind(kind), target) for kind, target in rows]
    return window.cut(found, found[window.limit - 1].target if len(found) > window.limit else None)
