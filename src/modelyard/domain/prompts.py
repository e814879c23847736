"""Prompts and their versions: templates that are kept as they were written, and what may be said of them.

A template arrives JSON-encoded, as MLflow's client writes it: a string, or a list of chat messages.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, Final, cast

from modelyard.domain import names
from modelyard.domain.models import Alias, Tag
from modelyard.errors import Invalid

MAX_TEMPLATE: Final = 512 * 1024
"""Characters of a template, JSON-encoded: several times the longest prompts that people write."""
MAX_LINKS: Final = 1_000
"""Links that one request may make."""

_OWN_PREFIX: Final = "_mlflow_"


class LinkKind(StrEnum):
    """What a prompt version can be linked to; the tracking server knows these, not this one."""

    MODEL = "model"
    TRACE = "trace"
    RUN = "run"


@dataclass(frozen=True, slots=True)
class Prompt:
    """A prompt; times are epoch milliseconds, people are principal names."""

    id: str
    full_name: str
    owner: str
    comment: str
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    aliases: tuple[Alias, ...] = ()
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True)
class PromptVersion:
    """A version of a prompt; its template never changes."""

    id: str
    prompt: str
    number: int
    template: str
    comment: str
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    aliases: tuple[Alias, ...] = ()
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True)
class Draft:
    """What a client says of a version that it makes."""

    template: str
    comment: str = ""
    tags: tuple[Tag, ...] = ()


@dataclass(frozen=True, slots=True)
class Link:
    """A version's use by something that the tracking server knows by this id."""

    kind: LinkKind
    target: str


def template(text: str) -> str:
    """A valid template, as written; `Invalid` for one that the clients who load it could not read."""
    if len(text) > MAX_TEMPLATE:
        raise Invalid(f"a template has at most {MAX_TEMPLATE} characters as JSON, this one has {len(text)}.")
    names.text(text, "template")
    if not _is_template(_parsed(text)):
        raise Invalid(
            "template must be JSON: a string, or a list of chat messages such as "
            '[{"role": "user", "content": "Hello {{name}}"}].',
        )
    return text


def _parsed(text: str) -> object:
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None


def _is_template(said: object) -> bool:
    if isinstance(said, list):
        messages = cast("list[object]", said)
        return bool(messages) and all(_is_message(message) for message in messages)
    return isinstance(said, str)


def _is_message(said: object) -> bool:
    return isinstance(said, dict) and isinstance(cast("dict[str, Any]", said).get("role"), str)


def tag(key: str, value: str) -> Tag:
    """A valid tag of a prompt or of its version.

    MLflow's client keeps response formats and model configurations, which are JSON, in tags of its own; these may be
    as long as comments.
    """
    checked = names.tag_key(key)
    return Tag(checked, names.comment(value) if key.startswith(_OWN_PREFIX) else names.tag_value(value))


def within(lengths: Iterable[int], most: int) -> int:
    """How many of the first items fit together in a page of `most` characters; the first one always does."""
    total = count = 0
    for length in lengths:
        total += length
        if count and total > most:
            break
        count += 1
    return count
