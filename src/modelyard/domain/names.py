r"""Names of securables, aliases and tags: what is allowed, and how each is folded.

Rules from the Unity Catalog documentation, as collected in the protocol notes: names are at most 255 characters,
hold no period, space, slash or control character, are stored in lower case and compared without case. Aliases are
checked by MLflow's client too (`^[\w\-]*$`, not `latest`, not `v1`); tags hold at most 50 keys a securable.
"""

from __future__ import annotations

import re
from typing import Final

from modelyard.errors import Invalid

MAX_NAME: Final = 255
MAX_BYTES: Final = 800
"""Bytes of one level in UTF-8: three levels fit in an index of PostgreSQL."""
MAX_COMMENT: Final = 65_536
MAX_TAG_KEY: Final = 255
MAX_TAG_VALUE: Final = 1_000
MAX_TAGS: Final = 50
MAX_VERSION: Final = 2**31 - 1
LATEST: Final = "latest"
"""No alias that can be set: where it is understood, it is the highest version."""

_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f ./]")
_ALIAS = re.compile(r"[\w\-]{1,255}\Z")
_VERSION_ALIAS = re.compile(r"[vV]\d+\Z")
_TAG_FORBIDDEN = re.compile(r"[\x00-\x1f\x7f.,\-=/:]")
_RESERVED: Final = frozenset({"system", "information_schema", "__databricks_internal"})
_LEVELS: Final = ("catalog", "schema", "model")


def simple(name: str) -> str:
    """One level of a name, folded to lower case; `Invalid` in Databricks' words when it is not one."""
    folded = name.lower()
    unstable = folded.lower() != folded or _has_surrogate(folded)
    if not 1 <= len(folded) <= MAX_NAME or unstable or _FORBIDDEN.search(folded) or len(folded.encode()) > MAX_BYTES:
        raise Invalid(
            f'name "{_shown(name)}" is not a valid name. Valid names cannot contain spaces, periods, '
            f"forward slashes, or control characters, and have 1 to {MAX_NAME} characters.",
        )
    return folded


def new_simple(name: str) -> str:
    """A name that somebody gives to something new: `simple`, and not reserved."""
    folded = simple(name)
    if folded in _RESERVED:
        raise Invalid(f'name "{folded}" is reserved; choose another one.')
    return folded


def model(full_name: str) -> str:
    """A registered model's full name `catalog.schema.model`, folded."""
    return _leaf(full_name, "registered model", "model")


def prompt(full_name: str) -> str:
    """A prompt's full name `catalog.schema.prompt`, folded."""
    return _leaf(full_name, "prompt", "prompt")


def table(full_name: str) -> str:
    """An inference table's full name `catalog.schema.table`, folded."""
    return _leaf(full_name, "table", "table")


def volume(full_name: str) -> str:
    """A volume's full name `catalog.schema.volume`, folded."""
    return _leaf(full_name, "volume", "volume")


def _leaf(full_name: str, what: str, noun: str) -> str:
    parts = full_name.split(".")
    if len(parts) != len(_LEVELS):
        raise Invalid(
            f'"{_shown(full_name)}" is not a valid {what} name. Please specify all three levels of '
            f"the {noun} name in the form `<catalog_name>.<schema_name>.<{noun}_name>`.",
        )
    return ".".join(simple(part) for part in parts)


def schema(full_name: str) -> str:
    """A schema's full name `catalog.schema`, folded."""
    parts = full_name.split(".")
    if len(parts) != len(_LEVELS) - 1:
        raise Invalid(f'"{_shown(full_name)}" is not a valid schema name; it has the form `<catalog>.<schema>`.')
    return ".".join(simple(part) for part in parts)


def securable(full_name: str) -> str:
    """The full name of a catalog, a schema, or what is in one, folded."""
    parts = full_name.split(".")
    if len(parts) > len(_LEVELS):
        raise Invalid(f'"{_shown(full_name)}" is not a valid name; it has at most three levels, parted by periods.')
    return ".".join(simple(part) for part in parts)


def split(full_name: str) -> tuple[str, str]:
    """The container's full name and the last level: `a.b.c` gives `("a.b", "c")`, `a` gives `("", "a")`."""
    container, _, leaf = full_name.rpartition(".")
    return container, leaf


def stays_in(full_name: str, container: str) -> None:
    """`Invalid`, if a rename would carry something out of its container."""
    if split(full_name)[0] != container:
        raise Invalid(f"'{full_name}' cannot leave its container by a rename; make a new one there and copy to it.")


def alias(text: str) -> str:
    """A valid alias as written; aliases keep their case and are compared without it."""
    if not _ALIAS.match(text):
        raise Invalid(
            f'alias "{_shown(text)}" is not valid; use 1 to {MAX_NAME} letters, digits, underscores and dashes.',
        )
    if text.lower() == LATEST:
        raise Invalid('alias "latest" is reserved; choose another one.')
    if _VERSION_ALIAS.match(text):
        raise Invalid(f'alias "{text}" looks like a version number; choose another one.')
    return text


def asked_alias(text: str) -> str:
    """An alias by which something is looked up: one that was set, or `latest`, which never is."""
    return text if text.lower() == LATEST else alias(text)


def version(text: str | int) -> int:
    """A model version's number, from 1 on, written as digits or as a number."""
    digits = str(text)
    if not digits.isascii() or not digits.isdigit() or len(digits) > len(str(MAX_VERSION)):
        raise Invalid(f'version "{_shown(digits)}" is not a version number; use a whole number from 1 on.')
    number = int(digits)
    if not 1 <= number <= MAX_VERSION:
        raise Invalid(f"version {number} is not a version number; use a whole number from 1 on.")
    return number


def tag_key(key: str) -> str:
    """A valid tag key, as written: tag keys keep their case and are compared with it."""
    if not 1 <= len(key) <= MAX_TAG_KEY or key != key.strip() or _TAG_FORBIDDEN.search(key) or _has_surrogate(key):
        raise Invalid(
            f'tag key "{_shown(key)}" is not valid; use 1 to {MAX_TAG_KEY} characters without . , - = / : '
            "and without blanks at either end.",
        )
    return key


def tag_value(value: str) -> str:
    """A valid tag value, as written; the empty string is one."""
    if len(value) > MAX_TAG_VALUE:
        raise Invalid(f"a tag's value has at most {MAX_TAG_VALUE} characters, this one has {len(value)}.")
    return text(value, "tag value")


def comment(value: str) -> str:
    """A comment or description of at most 64 Ki characters."""
    if len(value) > MAX_COMMENT:
        raise Invalid(f"a comment has at most {MAX_COMMENT} characters, this one has {len(value)}.")
    return text(value, "comment")


def text(value: str, what: str) -> str:
    """Text that every database can hold: no NUL and no lone surrogate."""
    if "\x00" in value or _has_surrogate(value):
        raise Invalid(f"the {what} holds characters that cannot be stored; use Unicode text without NUL.")
    return value


def _has_surrogate(value: str) -> bool:
    return not value.isascii() and any("\ud800" <= letter <= "\udfff" for letter in value)


def _shown(value: str) -> str:
    """What an error repeats of bad input: printable, and short."""
    short = value if len(value) <= MAX_NAME else value[:60] + "…"
    return "".join(letter if letter.isprintable() else "�" for letter in short)
