"""What every rule for Python is given: the plan, the document's tables, and the words to say what was found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from functools import cached_property

from tree_sitter import Node

from modelyard.upgrade import syntax
from modelyard.upgrade.findings import Edit, Finding, Safety
from modelyard.upgrade.modules import Module
from modelyard.upgrade.origins import Flow, Origin, Resolver
from modelyard.upgrade.plan import Plan
from modelyard.upgrade.project import Project
from modelyard.upgrade.syntax import text
from modelyard.upgrade.texts import spliced

Found = Iterator[Finding]


@dataclass(eq=False)
class Context:
    """One document, in a project, under a plan."""

    plan: Plan
    project: Project
    module: Module
    flows: dict[Flow, set[str]]
    """Keys of configuration that values were found to come from, and what they are: a name, a stage, an address."""
    resolver: Resolver = field(init=False)
    nameless: list[tuple[int, int]] = field(default_factory=list[tuple[int, int]])
    """From where to where statements go in which a flat name stands that the plan says nothing of."""

    def __post_init__(self) -> None:
        self.resolver = Resolver(self.project)

    @cached_property
    def is_moved(self) -> bool:
        """Whether the document sets the catalog's registry already: then nothing is asked of people in it."""
        wanted = {"databricks-uc", self.plan.registry_uri} - {""}
        for call in self.module.callers.get("set_registry_uri", []):
            said = syntax.arguments(call).get("uri", 0)
            if said and syntax.string(said) in wanted:
                return True
        return False

    @cached_property
    def knows_mlflow(self) -> bool:
        """Whether the document has to do with MLflow at all."""
        return b"mlflow" in self.module.document.buffer.lower()

    def calls(self, *names: str) -> Iterator[Node]:
        """The calls of methods and functions with these names."""
        for name in names:
            yield from self.module.callers.get(name, [])

    def origins(self, node: Node, meaning: str) -> list[Origin]:
        """Where a value comes from; the configuration that it comes through is remembered with its meaning."""
        found = self.resolver.origins(self.module, node)
        for origin in found:
            for flow in origin.flows:
                self.flows.setdefault(flow, set()).add(meaning)
        return found

    def found(
        self, rule: str, safety: Safety, node: Node, message: str, edits: Iterable[Edit] = (), subject: str = ""
    ) -> Finding:
        """A finding at a node."""
        todo = None
        if safety is Safety.PROPOSE and not self.is_moved:
            todo = self._line(node)
        name = self.module.document.name
        return Finding(rule, safety, name, node.start_byte, node.end_byte, message, tuple(edits), todo, subject)

    def told(self, rule: str, node: Node, message: str, subject: str = "") -> Finding:
        """A finding that changes nothing."""
        return self.found(rule, Safety.REPORT, node, message, (), subject)

    def unnamed(self, rule: str, node: Node, flat: str) -> Finding:
        """A flat name that the plan says nothing of."""
        around = syntax.statement(node)
        self.nameless.append((around.start_byte, around.end_byte))
        message = f'"{flat}" has no new name: give it one with --map "{flat}=catalog.schema.model".'
        return self.told(rule, node, message, flat)

    def _line(self, node: Node) -> int | None:
        """Where a comment above the statement would begin; `None` where a line begins inside something else."""
        start = syntax.statement(node).start_byte
        line = self.module.document.line_start(start)
        cell = self.module.document.cells[self.module.document.cell(start)]
        begin = max(line, cell.start)
        return begin if not self.module.document.buffer[begin:start].strip() else None

    def edit(self, start: int, end: int, said: str, module: Module | None = None) -> Edit:
        """A change of the text between two offsets."""
        return Edit((module or self.module).document.name, start, end, said.encode())

    def replaced(self, node: Node, said: str) -> Edit:
        """A change of a whole node."""
        return self.edit(node.start_byte, node.end_byte, said)

    def within(self, node: Node, edits: Iterable[Edit]) -> str:
        """What a node says once the edits inside it are made."""
        base = node.start_byte
        inner = [
            (edit.start - base, edit.end - base, edit.text)
            for edit in set(edits)
            if edit.document == self.module.document.name and base <= edit.start and edit.end <= node.end_byte
        ]
        return spliced(text(node).encode(), inner).decode()

    def outside(self, node: Node, edits: Iterable[Edit]) -> list[Edit]:
        """The edits that are not inside a node."""
        here = self.module.document.name
        return [
            edit for edit in edits if edit.document != here or edit.end < node.start_byte or edit.start > node.end_byte
        ]


def repeatable(node: Node | None) -> bool:
    """Whether an expression may be written twice: it only looks something up."""
    if node is None:
        return False
    node = syntax.bare(node)
    if node.type in ("attribute", "subscript"):
        return repeatable(node.named_children[0])
    return node.type in ("identifier", "string") or (node.type == "call" and text(node).endswith("MlflowClient()"))


def edits_of(findings: Iterable[Finding]) -> list[Edit]:
    """All edits of findings."""
    return [edit for finding in findings for edit in finding.edits]
