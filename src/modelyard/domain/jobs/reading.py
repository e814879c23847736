"""Reads what clients wrote as JSON: a value of the wrong type is told with the path to it."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar, cast

from modelyard.domain.names import text as storable
from modelyard.errors import Invalid

Word = TypeVar("Word", bound=StrEnum)


@dataclass(frozen=True, slots=True)
class Said:
    """A JSON object, and where it stands in the request."""

    raw: Mapping[str, Any]
    where: str = ""

    def at(self, name: str) -> str:
        """The path of a field."""
        return f"{self.where}.{name}" if self.where else name

    def wrong(self, name: str, what: str) -> Invalid:
        """The failure that says what a field must be."""
        return Invalid(f"{self.at(name)} must be {what}.")

    def has(self, name: str) -> bool:
        """Whether a field is said at all."""
        return self.raw.get(name) is not None

    def text(self, name: str, default: str = "", most: int = 10_000) -> str:
        """A text."""
        value = self.raw.get(name)
        if value is None:
            return default
        if not isinstance(value, str):
            raise self.wrong(name, "a text")
        if len(value) > most:
            raise self.wrong(name, f"a text of at most {most} characters")
        return storable(value, self.at(name))

    def needed(self, name: str, most: int = 10_000) -> str:
        """A text that may not be left out."""
        value = self.text(name, most=most)
        if not value:
            raise Invalid(f"{self.at(name)} is missing.")
        return value

    def number(self, name: str, default: int = 0, least: int = 0, most: int = 2**53 - 1) -> int:
        """A whole number; digits in a text are one, too, as protobuf's JSON has it."""
        value = self.raw.get(name)
        if value is None:
            return default
        if isinstance(value, str) and value.removeprefix("-").isdigit() and value.isascii():
            value = int(value[:20])
        if isinstance(value, bool) or not isinstance(value, int) or not least <= value <= most:
            raise self.wrong(name, f"a whole number from {least} to {most}")
        return value

    def flag(self, name: str, *, default: bool = False) -> bool:
        """True or false."""
        value = self.raw.get(name)
        if value is None:
            return default
        if not isinstance(value, bool):
            raise self.wrong(name, "true or false")
        return value

    def word(self, name: str, words: type[Word], default: Word | None = None) -> Word:
        """One of some words."""
        value = self.raw.get(name)
        if value is None and default is not None:
            return default
        if not isinstance(value, str) or value not in set(words):
            raise self.wrong(name, f"one of {', '.join(words)}")
        return words(value)

    def within(self, name: str) -> Said:
        """An object inside; an empty one, if it is not said."""
        value = self.raw.get(name)
        if value is None:
            return Said({}, self.at(name))
        if not isinstance(value, dict):
            raise self.wrong(name, "an object")
        return Said(cast("dict[str, Any]", value), self.at(name))

    def each(self, name: str, most: int) -> list[Said]:
        """The objects of a list."""
        found: list[Said] = []
        for place, value in enumerate(self.items(name, most)):
            if not isinstance(value, dict):
                raise self.wrong(name, "a list of objects")
            found.append(Said(cast("dict[str, Any]", value), f"{self.at(name)}[{place}]"))
        return found

    def items(self, name: str, most: int) -> list[Any]:
        """The items of a list."""
        value = self.raw.get(name)
        if value is None:
            return []
        if not isinstance(value, list) or len(cast("list[Any]", value)) > most:
            raise self.wrong(name, f"a list of at most {most} items")
        return cast("list[Any]", value)

    def texts(self, name: str, most: int = 1_000) -> tuple[str, ...]:
        """The texts of a list."""
        found = self.items(name, most)
        if not all(isinstance(each, str) for each in found):
            raise self.wrong(name, "a list of texts")
        return tuple(storable(each, self.at(name)) for each in found)

    def pairs(self, name: str, most: int = 1_000) -> dict[str, str]:
        """An object of texts; numbers and booleans are written as JSON does."""
        inside = self.within(name).raw
        if len(inside) > most:
            raise self.wrong(name, f"an object of at most {most} fields")
        return {storable(key, self.at(name)): _plain(self, name, value) for key, value in inside.items()}


def _plain(said: Said, name: str, value: object) -> str:
    match value:
        case str():
            return storable(value, said.at(name))
        case bool():
            return str(value).lower()
        case int() | float():
            return str(value)
        case _:
            raise said.wrong(name, "an object of texts")
