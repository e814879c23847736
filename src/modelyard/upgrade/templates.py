"""Texts put together: f-strings, `+`, `%`, `.format` and strings side by side, as parts with their places."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from typing import Final

from tree_sitter import Node

from modelyard.upgrade import syntax
from modelyard.upgrade.syntax import text

_PLACE: Final = re.compile(r"\{(\w*)\}|%\((\w+)\)s|%s|%d")


@dataclass(frozen=True, slots=True)
class Words:
    """What is written out; its bytes in the document are the same."""

    said: str
    start: int

    @property
    def end(self) -> int:
        """Where it ends."""
        return self.start + len(self.said.encode())

    def at(self, index: int) -> int:
        """The offset of a character."""
        return self.start + len(self.said[:index].encode())

    def cut(self, begin: int, end: int | None = None) -> Words:
        """A part of it, by characters."""
        return Words(self.said[begin:end], self.at(begin))


@dataclass(frozen=True, slots=True)
class Hole:
    """What an expression fills in."""

    node: Node
    start: int
    end: int
    kind: str
    """How it stands there: `braces` (an f-string), `plus`, or `apart` (its value stands after the text)."""


Part = Words | Hole


def parts(node: Node) -> list[Part] | None:
    """The parts of a text; `None` where it is none, or has escapes that would shift places."""
    node = syntax.bare(node)
    match node.type:
        case "string":
            return _string(node)
        case "concatenated_string":
            return _joined([parts(child) for child in node.named_children if child.type == "string"])
        case "binary_operator":
            return _operator(node)
        case "call":
            return _format(node)
        case _:
            return None


def _joined(sides: list[list[Part] | None]) -> list[Part] | None:
    return None if any(side is None for side in sides) else [part for side in sides if side for part in side]


def _string(node: Node) -> list[Part] | None:
    children = node.named_children
    if not children or "b" in text(children[0]).lower():
        return None
    found: list[Part] = []
    for child in children[1:-1]:
        if child.type == "interpolation":
            inner = child.child_by_field_name("expression")
            if inner is None:
                return None
            found.append(Hole(inner, child.start_byte, child.end_byte, "braces"))
        elif child.type == "string_content" and "\\" not in text(child) and "{{" not in text(child):
            found.append(Words(text(child), child.start_byte))
        else:
            return None
    return found


def _operator(node: Node) -> list[Part] | None:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    sign = node.child_by_field_name("operator")
    if left is None or right is None or sign is None:
        return None
    if text(sign) == "+":
        sides = [_side(left), _side(right)]
        found = [part for side in sides for part in side]
        return found if any(isinstance(part, Words) for part in found) else None
    if text(sign) == "%":
        said = parts(left)
        given = syntax.literals(right) if syntax.bare(right).type == "tuple" else [syntax.bare(right)]
        return _filled(said, given or [], {})
    return None


def _side(node: Node) -> list[Part]:
    return parts(node) or [Hole(syntax.bare(node), node.start_byte, node.end_byte, "plus")]


def _format(node: Node) -> list[Part] | None:
    owner, name = syntax.called(node)
    said = syntax.arguments(node)
    if name != "format" or owner is None or said.spread:
        return None
    return _filled(parts(owner), list(said.positional), said.named)


def _filled(said: list[Part] | None, given: list[Node], named: dict[str, Node]) -> list[Part] | None:
    """The parts with their places filled; `None` where a place has no value."""
    if said is None or not all(isinstance(part, Words) for part in said):
        return None
    found: list[Part] = []
    count = 0
    for part in said:
        for piece in _pieces(part) if isinstance(part, Words) else ():
            if isinstance(piece, Words):
                found.append(piece)
                continue
            place, key = piece
            node = _value(key, count, given, named)
            if node is None:
                return None
            count += 1
            found.append(Hole(syntax.bare(node), place.start, place.end, "apart"))
    return found


def _value(key: str, count: int, given: list[Node], named: dict[str, Node]) -> Node | None:
    if key and not key.isdigit():
        return named.get(key)
    index = int(key) if key else count
    return given[index] if index < len(given) else None


def _pieces(words: Words) -> Iterator[Words | tuple[Words, str]]:
    """What is written out, and the places with the keys of what they show."""
    done = 0
    for found in _PLACE.finditer(words.said):
        if found.start() > done:
            yield words.cut(done, found.start())
        yield words.cut(found.start(), found.end()), found[1] or found[2] or ""
        done = found.end()
    if done < len(words.said):
        yield words.cut(done)


@dataclass(frozen=True, slots=True)
class Address:
    """A model's address in its parts: `models:/` name, a mark (`/` or `@`), and a stage, version or alias."""

    name: list[Part]
    mark: Words | None
    rest: list[Part]

    @property
    def end(self) -> int:
        """Where it ends."""
        return (self.rest or [self.mark or self.name[-1]])[-1].end


SCHEME: Final = "models:/"


def address(found: list[Part] | None) -> Address | None:
    """A text as a model's address; `None` where it is none."""
    if not found or not isinstance(found[0], Words) or not found[0].said.startswith(SCHEME):
        return None
    left: list[Part] = [found[0].cut(len(SCHEME)), *found[1:]]
    name: list[Part] = []
    for index, part in enumerate(left):
        if isinstance(part, Words) and (mark := re.search(r"[/@]", part.said)):
            name += _some(part.cut(0, mark.start()))
            rest = [*_some(part.cut(mark.end())), *left[index + 1 :]]
            return Address(name, part.cut(mark.start(), mark.end()), rest)
        name += _some(part)
    return Address(name, None, []) if name else None


def _some(part: Part) -> list[Part]:
    return [part] if not isinstance(part, Words) or part.said else []
