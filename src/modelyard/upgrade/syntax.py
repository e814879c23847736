"""Python's syntax trees: parsed a cell at a time, tolerant of what is broken, with offsets of the document."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from typing import Final

import tree_sitter_python
from tree_sitter import Language, Node, Parser, Range

from modelyard.upgrade.documents import Document, Kind
from modelyard.upgrade.notebooks import Cell, masked

_LANGUAGE: Final = Language(tree_sitter_python.language())
_PYTHON: Final = frozenset({"python", "python3", "ipython"})
_SIMPLE: Final = re.compile(r"[^\\{}]*\Z")


def trees(document: Document) -> list[Node]:
    """The root of each Python cell; offsets are the document's."""
    if document.kind not in (Kind.PYTHON, Kind.DATABRICKS, Kind.NOTEBOOK):
        return []
    buffer = document.buffer if document.kind is Kind.PYTHON else masked(document.buffer)
    return [_root(buffer, cell) for cell in document.cells if cell.language in _PYTHON]


def _root(buffer: bytes, cell: Cell) -> Node:
    return Parser(_LANGUAGE, included_ranges=[_range(cell.start, cell.end)]).parse(buffer).root_node


def _range(start: int, end: int) -> Range:
    return Range((0, 0), (0xFFFFFFFF, 0xFFFFFFFF), start, end)


def broken(roots: Sequence[Node]) -> list[Node]:
    """The places that do not parse."""
    found: list[Node] = []
    for root in roots:
        if root.has_error:
            found += [node for node in walk(root, errors=True) if node.is_error or node.is_missing]
    return found


def walk(node: Node, *, errors: bool = False) -> Iterator[Node]:
    """A node and all named ones below it, in the order of the text."""
    waiting = [node]
    while waiting:
        this = waiting.pop()
        yield this
        if not errors or this.has_error:
            waiting += reversed(this.children if errors else this.named_children)


def text(node: Node) -> str:
    """What a node says."""
    return (node.text or b"").decode(errors="replace")


def bare(node: Node) -> Node:
    """An expression without the parentheses around it."""
    while node.type == "parenthesized_expression" and node.named_child_count == 1:
        node = node.named_children[0]
    return node


def above(node: Node, *types: str) -> Node | None:
    """The nearest node around that has one of the types."""
    parent = node.parent
    while parent and parent.type not in types:
        parent = parent.parent
    return parent


def string(node: Node) -> str | None:
    """What a plain string says; `None` for f-strings, bytes, and strings with escapes."""
    node = bare(node)
    if node.type != "string" or not node.named_children:
        return None
    prefix = text(node.named_children[0]).rstrip("'\"").lower()
    inside = node.named_children[1:-1]
    if "b" in prefix or any(child.type != "string_content" for child in inside):
        return None
    said = "".join(text(child) for child in inside)
    return said if "\\" not in said and ("f" not in prefix or _SIMPLE.match(said)) else None


def inside(node: Node) -> tuple[int, int]:
    """Where the text of a string stands, without its quotes."""
    node = bare(node)
    return node.named_children[0].end_byte, node.named_children[-1].start_byte


def quotes(node: Node) -> str:
    """The quotes that end a string."""
    return text(bare(node).named_children[-1])


@dataclass(frozen=True, slots=True)
class Arguments:
    """The arguments of a call, by position and by name."""

    positional: tuple[Node, ...]
    named: dict[str, Node]
    spread: bool
    """Whether there are `*` or `**` in it, which hide what is given."""

    def get(self, name: str, position: int | None = None) -> Node | None:
        """The argument with a name, or else at a position."""
        if name in self.named:
            return self.named[name]
        if position is None or self.spread or position >= len(self.positional):
            return None
        return self.positional[position]


def arguments(call: Node) -> Arguments:
    """What a call is given."""
    given = call.child_by_field_name("arguments")
    children = [] if given is None else [child for child in given.named_children if child.type != "comment"]
    named = {text(pair[0]): pair[1] for child in children if (pair := _pair(child))}
    spread = any(child.type in ("list_splat", "dictionary_splat") for child in children)
    plain = [child for child in children if child.type not in ("keyword_argument", "list_splat", "dictionary_splat")]
    return Arguments(tuple(plain), named, spread)


def _pair(child: Node) -> tuple[Node, Node] | None:
    name, value = child.child_by_field_name("name"), child.child_by_field_name("value")
    return (name, value) if child.type == "keyword_argument" and name and value else None


def called(call: Node) -> tuple[Node | None, str]:
    """What a call is made on (`None` for a bare function), and the last part of what is called."""
    function = call.child_by_field_name("function")
    if function is None:
        return None, ""
    attribute = function.child_by_field_name("attribute")
    if function.type != "attribute" or attribute is None:
        return None, text(function)
    return function.child_by_field_name("object"), text(attribute)


def attribute(node: Node) -> str:
    """The last part of `a.b.c`."""
    last = node.child_by_field_name("attribute")
    return text(last) if last else ""


def literals(node: Node) -> list[Node] | None:
    """The elements of a list, tuple or set that is written out."""
    node = bare(node)
    if node.type not in ("list", "tuple", "set"):
        return None
    return [child for child in node.named_children if child.type != "comment"]


def statement(node: Node) -> Node:
    """The statement that a node is in, which begins its line where it can."""
    this = node
    while this.parent and this.parent.type not in ("module", "block"):
        this = this.parent
    return this
