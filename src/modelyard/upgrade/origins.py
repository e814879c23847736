"""Where a value comes from: from the place that uses it back to the literals, through names, functions and files.

Only what reaches a place that names a model, a stage or an address is ever changed; that keeps look-alikes as they are.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field, replace
from typing import Final

from tree_sitter import Node

from modelyard.upgrade import syntax
from modelyard.upgrade.modules import MODULE, Definition, Module, scopes
from modelyard.upgrade.project import Project
from modelyard.upgrade.syntax import text

_MOST_STEPS: Final = 25
_GET: Final = (1, 2)  # arguments of a dictionary's `get`


@dataclass(frozen=True, slots=True)
class Flow:
    """A key of configuration that a value comes from: a widget, an environment variable, an option, a key of a file."""

    kind: str
    key: str


@dataclass(frozen=True, slots=True)
class Origin:
    """An expression at which the way back ends."""

    module: Module
    node: Node
    crossed: bool = False
    """Whether the way led out of the cell or file."""
    named: tuple[tuple[Module, str, int], ...] = ()
    """The names that it led through: module, name, scope."""
    flows: tuple[Flow, ...] = ()
    unknown: str = ""
    """Why nothing more is known, in words for people; empty where it is."""


@dataclass(frozen=True, slots=True)
class _Step:
    """A point on the way back."""

    module: Module
    node: Node
    crossed: bool = False
    named: tuple[tuple[Module, str, int], ...] = ()
    flows: tuple[Flow, ...] = ()
    steps: int = 0

    def to(self, node: Node, module: Module | None = None) -> _Step:
        """The next point; it has crossed where that is in another cell or file."""
        there = module or self.module
        crossed = self.crossed or there is not self.module
        if not crossed:
            document = there.document
            crossed = document.cell(node.start_byte) != document.cell(self.node.start_byte)
        return replace(self, module=there, node=node, crossed=crossed, steps=self.steps + 1)

    def by(self, name: str, where: int) -> _Step:
        """The same point, by a name."""
        return replace(self, named=(*self.named, (self.module, name, where)))

    def out_of(self, flow: Flow) -> _Step:
        """The same point, out of configuration."""
        return replace(self, flows=(*self.flows, flow), crossed=True)

    def end(self, unknown: str = "") -> Origin:
        """The way ends here."""
        return Origin(self.module, self.node, self.crossed, self.named, self.flows, unknown)


@dataclass(eq=False)
class Resolver:
    """Follows values back in a project."""

    project: Project
    _seen: set[tuple[str, int, int]] = field(default_factory=set[tuple[str, int, int]])

    def origins(self, module: Module, node: Node) -> list[Origin]:
        """The expressions that a value may come from."""
        self._seen.clear()
        found = list(self._back(_Step(module, node)))
        return found or [Origin(module, node, unknown="it comes from itself")]

    def _back(self, step: _Step) -> Iterator[Origin]:
        node = syntax.bare(step.node)
        mark = (step.module.document.name, node.start_byte, node.end_byte)
        if step.steps > _MOST_STEPS or mark in self._seen:
            return
        self._seen.add(mark)
        follow = self._ways().get(node.type)
        yield from follow(replace(step, node=node)) if follow else (replace(step, node=node).end(),)

    def _ways(self) -> dict[str, Callable[[_Step], Iterator[Origin]]]:
        return {
            "identifier": self._identifier, "attribute": self._attribute, "subscript": self._subscript,
            "call": self._call, "conditional_expression": self._conditional, "boolean_operator": self._either,
        }  # fmt: skip

    def _all(self, step: _Step, nodes: list[Node], module: Module | None = None) -> Iterator[Origin]:
        for node in nodes:
            yield from self._back(step.to(node, module))

    # Names.

    def _identifier(self, step: _Step) -> Iterator[Origin]:
        name = text(step.node)
        for around in scopes(step.node):
            if found := step.module.names.get((around.start_byte, name)):
                yield from self._defined(step.by(name, around.start_byte), found)
                return
            if (given := _parameter(around, name)) is not None:
                yield from self._parameter(step.by(name, around.start_byte), around, name, given)
                return
        yield from self._global(step.by(name, MODULE), name)

    def _global(self, step: _Step, name: str) -> Iterator[Origin]:
        if found := step.module.names.get((MODULE, name)):
            yield from self._defined(step, found)
            return
        if (dotted := step.module.imports.get(name, "")) and "." in dotted:
            yield from self._imported(step, dotted)
            return
        for module in self.project.included(step.module.document):
            if found := module.names.get((MODULE, name)):
                yield from self._defined(replace(step, module=module, crossed=True), found)
                return
        yield step.end(f"`{name}` is not defined where it can be followed")

    def _defined(self, step: _Step, found: list[Definition]) -> Iterator[Origin]:
        for definition in found:
            elements = syntax.literals(definition.value) if definition.each and definition.value else None
            if definition.value is None or (definition.each and elements is None):
                yield step.to(definition.target).end("its value is made where it runs")
            else:
                yield from self._all(step, elements or [definition.value])

    def _imported(self, step: _Step, dotted: str) -> Iterator[Origin]:
        origin, _, name = dotted.rpartition(".")
        module = self.project.imported(step.module.document, origin)
        found = module.names.get((MODULE, name)) if module else None
        if module and found:
            yield from self._defined(replace(step, module=module, crossed=True).by(name, MODULE), found)
        else:
            yield step.end(f"`{name}` comes from `{origin}`, which is not here")

    # Parameters: their defaults, and what callers give.

    def _parameter(self, step: _Step, function: Node, name: str, given: tuple[int, Node | None]) -> Iterator[Origin]:
        position, default = given
        values = [(step.module, default)] if default and text(default) != "None" else []
        callers = list(self._callers(step.module, function))
        for module, call in callers:
            value = syntax.arguments(call).get(name, position)
            values += [(module, value)] if value else []
        for module, value in values:
            yield from self._back(step.to(value, module))
        if not callers or not values:
            yield step.end(f"`{name}` is a parameter: who calls decides it")

    def _callers(self, module: Module, function: Node) -> Iterator[tuple[Module, Node]]:
        """The calls of a function, or of the class whose maker it is, in its own file and in those that import it."""
        called = _called(function)
        is_method = _is_method(function)
        for call in module.callers.get(called, []) if called else ():
            owner = syntax.called(call)[0]
            if is_method == (owner is not None) and (owner is None or text(owner) in ("self", "cls")):
                yield module, call
        if called and not is_method:
            for other in self.project.callers(module, called):
                yield from ((other, call) for call in other.callers.get(called, []))

    # Attributes: of self, of classes, of modules, and options of the command line.

    def _attribute(self, step: _Step) -> Iterator[Origin]:
        name, owner = syntax.attribute(step.node), step.node.child_by_field_name("object")
        before = text(owner) if owner else ""
        kept = step.module.classes.get(before) or _class_of(step.node, before)
        if kept and (found := step.module.names.get((kept.start_byte, name))):
            yield from self._defined(step.by(name, kept.start_byte), found)
            return
        if before in ("self", "cls") and (found := step.module.attributes.get(name)):
            yield from self._all(step, found)
        elif options := _options(step.module, name):
            yield from self._all(step.out_of(Flow("option", name)), options)
        elif module := self._named(step.module, before):
            yield from self._elsewhere(step, module, name)
        else:
            yield step.end(f"`{text(step.node)}` is made where it runs")

    def _named(self, module: Module, name: str) -> Module | None:
        """The module of this project that a name stands for."""
        dotted = module.imports.get(name)
        return self.project.imported(module.document, dotted) if dotted else None

    def _elsewhere(self, step: _Step, module: Module, name: str) -> Iterator[Origin]:
        found = module.names.get((MODULE, name))
        if found:
            yield from self._defined(replace(step, module=module, crossed=True), found)
        else:
            yield step.end(f"`{name}` is not defined where it can be followed")

    # Items of dictionaries.

    def _subscript(self, step: _Step) -> Iterator[Origin]:
        owner, key = step.node.child_by_field_name("value"), step.node.child_by_field_name("subscript")
        said = syntax.string(key) if key else None
        if owner is None or key is None:
            yield step.end("it cannot be followed")
        elif said is not None and step.module.dotted(owner) in ("os.environ", "environ"):
            yield step.out_of(Flow("env", said)).end(f"the environment variable {said} says it")
        elif said is None:
            yield from self._values(step, owner, key)
        else:
            yield from self._item(step, text(owner), said)

    def _values(self, step: _Step, owner: Node, key: Node) -> Iterator[Origin]:
        """All values of a dictionary that is asked by a key that is not known."""
        dictionaries = [
            origin for origin in self._back(step.to(owner)) if not origin.unknown and origin.node.type == "dictionary"
        ]
        if not dictionaries or key.type == "integer":
            yield step.end(f"`{text(step.node)}` is made where it runs")
        for origin in dictionaries:
            values = [pair[1] for pair in pairs(origin.node)]
            yield from self._all(replace(step, crossed=step.crossed or origin.crossed), values, origin.module)

    def _item(self, step: _Step, owner: str, key: str) -> Iterator[Origin]:
        flow = step.out_of(Flow("key", key)).by(text(step.node), MODULE)
        for module in (step.module, *self.project.included(step.module.document)):
            if found := _items(module, owner, key):
                crossed = step.crossed or module is not step.module
                known = replace(step.by(text(step.node), MODULE), module=module, crossed=crossed)
                yield from self._all(known, found, module)
                return
        yield flow.end(f"the key {key} of `{owner}` says it")

    # Calls: configuration, and functions of this project.

    def _call(self, step: _Step) -> Iterator[Origin]:
        owner, name = syntax.called(step.node)
        said = syntax.arguments(step.node)
        dotted = step.module.dotted(step.node.child_by_field_name("function"))
        if dotted in ("os.getenv", "os.environ.get", "getenv", "environ.get"):
            yield from self._configured(step, "env", said)
        elif dotted.endswith("dbutils.widgets.get") or dotted in ("getArgument", "dbutils.widgets.getArgument"):
            yield from self._widget(step, said)
        elif dotted == "str" and said.positional:
            yield from self._all(step, [said.positional[0]])
        elif name == "format" and owner:
            yield step.end()
        elif dotted.endswith("taskValues.get"):
            yield step.end("a task before it says it")
        elif name == "get" and owner and len(said.positional) in _GET and not said.named:
            yield from self._got(step, owner, said)
        else:
            yield from self._returned(step, name, dotted)

    def _configured(self, step: _Step, kind: str, said: syntax.Arguments) -> Iterator[Origin]:
        key = syntax.string(said.positional[0]) if said.positional else None
        default = said.get("default", 1)
        flow = step.out_of(Flow(kind, key)) if key else step
        if default is not None:
            yield from self._all(flow, [default])
        else:
            yield flow.end(f"the environment variable {key} says it" if key else "the environment says it")

    def _widget(self, step: _Step, said: syntax.Arguments) -> Iterator[Origin]:
        key = syntax.string(said.positional[0]) if said.positional else None
        flow = step.out_of(Flow("widget", key)) if key else step
        for module in (step.module, *self.project.included(step.module.document)):
            if key and (found := _widgets(module, key)):
                yield from self._all(flow, found, module)
                return
        yield flow.end(f"the widget {key or ''} says it: a job's parameter")

    def _got(self, step: _Step, owner: Node, said: syntax.Arguments) -> Iterator[Origin]:
        """`config.get(key, default)`."""
        key = syntax.string(said.positional[0])
        default = said.get("default", 1)
        if key is None or not _is_plain(owner):
            yield step.end(f"`{text(step.node)}` is made where it runs")
            return
        found = _items(step.module, text(owner), key)
        nodes = [*found, *([default] if default else [])]
        yield from self._all(step.out_of(Flow("key", key)), nodes)
        if not nodes:
            yield step.out_of(Flow("key", key)).end(f"the key {key} of `{text(owner)}` says it")

    def _returned(self, step: _Step, name: str, dotted: str) -> Iterator[Origin]:
        module, functions = step.module, step.module.functions.get(name, [])
        if not functions and "." in dotted:
            origin = dotted.rpartition(".")[0]
            module = self.project.imported(step.module.document, origin) or step.module
            functions = module.functions.get(name, []) if module is not step.module else []
        if not functions:
            for included in self.project.included(step.module.document):
                if functions := included.functions.get(name, []):
                    module = included
                    break
        values = [value for function in functions for value in _returns(function)]
        yield from self._all(replace(step, crossed=True), values, module)
        if not values:
            yield step.end(f"`{name}(…)` says it")

    def _conditional(self, step: _Step) -> Iterator[Origin]:
        children = [child for child in step.node.named_children if child.type != "comment"]
        yield from self._all(step, [children[0], children[2]])

    def _either(self, step: _Step) -> Iterator[Origin]:
        sides = (step.node.child_by_field_name("left"), step.node.child_by_field_name("right"))
        yield from self._all(step, [side for side in sides if side])


def _is_plain(owner: Node) -> bool:
    """Whether something looks like a dictionary: a name, or an attribute or item of one."""
    return owner.type in ("identifier", "attribute", "subscript")


def pairs(dictionary: Node) -> list[tuple[Node, Node]]:
    """The keys and values of a dictionary that is written out."""
    found = [
        (pair.child_by_field_name("key"), pair.child_by_field_name("value"))
        for pair in dictionary.named_children
        if pair.type == "pair"
    ]
    return [(key, value) for key, value in found if key and value]


def _called(function: Node) -> str:
    name = function.child_by_field_name("name")
    called = text(name) if name else ""
    around = syntax.above(function, "class_definition", "function_definition")
    if called == "__init__" and around and (kept := around.child_by_field_name("name")):
        return text(kept)
    return called


def _parameter(function: Node, name: str) -> tuple[int, Node | None] | None:
    """The position of a function's parameter for its callers, and its default; `None` if it has none of the name."""
    parameters = function.child_by_field_name("parameters")
    children = [child for child in parameters.named_children if child.type != "comment"] if parameters else []
    shift = bool(children) and text(children[0]) in ("self", "cls")
    for position, child in enumerate(children):
        inner = child.named_children[0] if child.type == "typed_parameter" else child
        if text(child.child_by_field_name("name") or inner) == name:
            return position - shift, child.child_by_field_name("value")
    return None


def _is_method(function: Node) -> bool:
    """Whether a function is called on an object: the maker of a class is called as the class."""
    around = syntax.above(function, "class_definition", "function_definition")
    name = function.child_by_field_name("name")
    return around is not None and around.type == "class_definition" and name is not None and text(name) != "__init__"


def _class_of(node: Node, owner: str) -> Node | None:
    return syntax.above(node, "class_definition") if owner in ("self", "cls") else None


def _options(module: Module, name: str) -> list[Node]:
    """The defaults of the command line's option that becomes an attribute."""
    found: list[Node] = []
    for call in module.callers.get("add_argument", []):
        said = syntax.arguments(call)
        dest = said.get("dest")
        names = [syntax.string(flag) or "" for flag in (*said.positional, *((dest,) if dest else ()))]
        default = said.get("default")
        if default and name in [flag.lstrip("-").replace("-", "_") for flag in names]:
            found.append(default)
    return found


def _widgets(module: Module, key: str) -> list[Node]:
    """The defaults of a notebook's widget."""
    found: list[Node] = []
    for kind in ("text", "dropdown", "combobox", "multiselect"):
        for call in module.callers.get(kind, []):
            said = syntax.arguments(call)
            name, default = said.get("name", 0), said.get("defaultValue", 1)
            if name and default and syntax.string(name) == key:
                found.append(default)
    return found


def _items(module: Module, owner: str, key: str) -> list[Node]:
    """The values that a dictionary gets for a key, in any scope of the document."""
    found = list(module.items.get((owner, key), []))
    for (_, name), definitions in module.names.items():
        if name == owner:
            for definition in definitions:
                if definition.value and definition.value.type == "dictionary":
                    found += [value for said, value in pairs(definition.value) if syntax.string(said) == key]
    return found


def _returns(function: Node) -> list[Node]:
    """What a function returns, without what those inside it return."""
    found: list[Node] = []
    for node in syntax.walk(function):
        if node.type == "return_statement" and node.named_children:
            around = syntax.above(node, "function_definition", "lambda")
            if around and around.start_byte == function.start_byte:
                found.append(node.named_children[0])
    return found
