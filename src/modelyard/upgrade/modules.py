"""What a Python document defines and uses: its names by scope, its imports, attributes, items, functions and calls."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from tree_sitter import Node

from modelyard.upgrade import syntax
from modelyard.upgrade.documents import Document
from modelyard.upgrade.syntax import text

MODULE: Final = -1
"""The scope of what stands outside functions and classes; all cells of a notebook share it."""

_SCOPES: Final = ("function_definition", "class_definition", "lambda")


@dataclass(frozen=True, slots=True)
class Definition:
    """A value that a name gets; `value` is `None` where no expression says it, `each` where it is one of many."""

    target: Node
    value: Node | None
    each: bool = False


@dataclass(eq=False)
class Module:
    """The tables of one document."""

    document: Document
    roots: list[Node]
    names: dict[tuple[int, str], list[Definition]] = field(default_factory=lambda: defaultdict(list))
    imports: dict[str, str] = field(default_factory=dict[str, str])
    attributes: dict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))
    items: dict[tuple[str, str], list[Node]] = field(default_factory=lambda: defaultdict(list))
    functions: dict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))
    classes: dict[str, Node] = field(default_factory=dict[str, Node])
    calls: list[Node] = field(default_factory=list[Node])
    strings: list[Node] = field(default_factory=list[Node])
    accesses: list[Node] = field(default_factory=list[Node])
    comparisons: list[Node] = field(default_factory=list[Node])
    dictionaries: list[Node] = field(default_factory=list[Node])
    comments: list[Node] = field(default_factory=list[Node])
    references: dict[str, list[Node]] = field(default_factory=lambda: defaultdict(list))

    @cached_property
    def callers(self) -> dict[str, list[Node]]:
        """The calls of each function, by the last part of what is called."""
        found: dict[str, list[Node]] = defaultdict(list)
        for call in self.calls:
            found[syntax.called(call)[1]].append(call)
        return found

    def dotted(self, node: Node | None) -> str:
        """An expression's full name by the imports: `mlflow.sklearn.log_model`; empty where it has none."""
        if node is None:
            return ""
        if node.type == "identifier":
            return self.imports.get(text(node), text(node))
        if node.type == "attribute":
            before = self.dotted(node.child_by_field_name("object"))
            last = node.child_by_field_name("attribute")
            return f"{before}.{text(last)}" if before and last else ""
        if node.type == "call":
            return f"{self.dotted(node.child_by_field_name('function'))}()"
        return ""


def scope(node: Node) -> int:
    """The scope that a node stands in: where its function, lambda or class begins."""
    around = syntax.above(node, *_SCOPES)
    return MODULE if around is None else around.start_byte


def scopes(node: Node) -> Iterator[Node]:
    """The functions and lambdas around a node, from inside out, and the class that it stands in directly."""
    around = syntax.above(node, *_SCOPES)
    is_first = True
    while around:
        if around.type != "class_definition" or is_first:
            yield around
        is_first = False
        around = syntax.above(around, *_SCOPES)


def read(document: Document) -> Module:
    """The tables of a document."""
    module = Module(document, syntax.trees(document))
    for root in module.roots:
        waiting = [(root, MODULE)]
        while waiting:
            node, where = waiting.pop()
            _VISITS.get(node.type, _pass)(module, node, where)
            inner = node.start_byte if node.type in _SCOPES else where
            waiting += [(child, inner) for child in reversed(_below(node))]
    return module


def _below(node: Node) -> list[Node]:
    """The children that are expressions or statements: not the names of attributes and of keyword arguments."""
    if node.type == "attribute":
        return [child for child in (node.child_by_field_name("object"),) if child]
    if node.type == "keyword_argument":
        return [child for child in (node.child_by_field_name("value"),) if child]
    return node.named_children


def _pass(module: Module, node: Node, where: int) -> None:
    """Most nodes define nothing."""


def _assignment(module: Module, node: Node, where: int) -> None:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left is None:
        return
    if left.type in ("pattern_list", "tuple_pattern"):
        _unpacked(module, left, right, where)
        return
    _define(module, left, right, where)


def _unpacked(module: Module, left: Node, right: Node | None, where: int) -> None:
    values = right.named_children if right and right.type in ("expression_list", "tuple") else []
    targets = left.named_children
    for index, target in enumerate(targets):
        _define(module, target, values[index] if len(values) == len(targets) else None, where)


def _define(module: Module, left: Node, right: Node | None, where: int) -> None:
    if left.type == "identifier":
        module.names[where, text(left)].append(Definition(left, right))
    elif left.type == "attribute" and right:
        module.attributes[syntax.attribute(left)].append(right)
    elif left.type == "subscript" and right:
        value, key = left.child_by_field_name("value"), left.child_by_field_name("subscript")
        said = syntax.string(key) if key else None
        if value and said is not None:
            module.items[text(value), said].append(right)


def _loop(module: Module, node: Node, where: int) -> None:
    left, right = node.child_by_field_name("left"), node.child_by_field_name("right")
    if left and left.type == "identifier":
        module.names[where, text(left)].append(Definition(left, right, each=True))


def _augmented(module: Module, node: Node, where: int) -> None:
    left = node.child_by_field_name("left")
    if left and left.type == "identifier":
        module.names[where, text(left)].append(Definition(left, None))


def _import(module: Module, node: Node, where: int) -> None:
    del where
    for child in node.named_children:
        name, alias = _imported(child)
        module.imports[alias or name.split(".")[0]] = name if alias else name.split(".")[0]


def _import_from(module: Module, node: Node, where: int) -> None:
    del where
    origin = node.child_by_field_name("module_name")
    for child in node.children_by_field_name("name"):
        name, alias = _imported(child)
        module.imports[alias or name] = f"{text(origin) if origin else ''}.{name}"


def _imported(child: Node) -> tuple[str, str]:
    """What is imported, and its other name here."""
    if child.type != "aliased_import":
        return text(child), ""
    name, alias = child.child_by_field_name("name"), child.child_by_field_name("alias")
    return text(name) if name else "", text(alias) if alias else ""


def _function(module: Module, node: Node, where: int) -> None:
    del where
    if name := node.child_by_field_name("name"):
        module.functions[text(name)].append(node)


def _class(module: Module, node: Node, where: int) -> None:
    del where
    if name := node.child_by_field_name("name"):
        module.classes[text(name)] = node


def _string(module: Module, node: Node, where: int) -> None:
    del where
    if node.parent is None or node.parent.type != "concatenated_string":
        module.strings.append(node)


def _identifier(module: Module, node: Node, where: int) -> None:
    del where
    module.references[text(node)].append(node)


def _call(module: Module, node: Node, where: int) -> None:
    del where
    module.calls.append(node)


def _access(module: Module, node: Node, where: int) -> None:
    del where
    module.accesses.append(node)


def _comparison(module: Module, node: Node, where: int) -> None:
    del where
    module.comparisons.append(node)


def _dictionary(module: Module, node: Node, where: int) -> None:
    del where
    module.dictionaries.append(node)


def _comment(module: Module, node: Node, where: int) -> None:
    del where
    module.comments.append(node)


_VISITS: Final = {
    "assignment": _assignment, "augmented_assignment": _augmented,
    "for_statement": _loop, "for_in_clause": _loop,
    "import_statement": _import, "import_from_statement": _import_from,
    "function_definition": _function, "class_definition": _class,
    "string": _string, "concatenated_string": _string, "identifier": _identifier,
    "call": _call, "attribute": _access, "comparison_operator": _comparison,
    "dictionary": _dictionary, "comment": _comment,
}  # fmt: skip
