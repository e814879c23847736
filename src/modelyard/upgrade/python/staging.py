"""Stages: from where one is used back to where it is written, and the alias that it becomes there."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Final

from tree_sitter import Node

from modelyard.upgrade import modules, syntax
from modelyard.upgrade.findings import Edit
from modelyard.upgrade.modules import MODULE, Module
from modelyard.upgrade.origins import Origin
from modelyard.upgrade.plan import is_stage
from modelyard.upgrade.python.context import Context
from modelyard.upgrade.syntax import text

NONE: Final = frozenset({"none"})
ARCHIVED: Final = frozenset({"archived"})

_CALLS: Final = frozenset({"transition_model_version_stage", "get_latest_versions"})
_SPOKEN: Final = frozenset({"print", "debug", "info", "warning", "error", "exception", "log", "display"})


@dataclass(frozen=True, slots=True)
class Staged:
    """What is known of a stage."""

    words: frozenset[str] = frozenset()
    """The stages that it may be, folded; empty where they are not all known."""
    alias: str | None = None
    """The alias, if there is one for all of them."""
    edits: tuple[Edit, ...] = field(default=())
    """Changes at the definitions after which the same expression says the alias."""
    is_written: bool = False
    """Whether it is written out where it is used."""
    crossed: bool = False
    is_version: bool = False
    unknown: str = ""

    @property
    def is_known(self) -> bool:
        """Whether every stage that it may be has an alias, and that alias can be said."""
        return bool(self.edits) or self.alias is not None


def stage(context: Context, node: Node) -> Staged:
    """What is known of the stage that an expression says."""
    origins = context.origins(node, "stage")
    said = [None if origin.unknown else syntax.string(origin.node) for origin in origins]
    words = [word for word in said if word is not None]
    if len(words) < len(origins) or not words:
        return Staged(is_version=_is_version(node), unknown=_why(origins))
    if all(word.isdigit() for word in words):
        return Staged(is_version=True)
    if not all(is_stage(word) for word in words):
        return Staged(unknown=f'"{next(word for word in words if not is_stage(word))}" is not a stage')
    return _known(context, node, origins, words)


def _known(context: Context, node: Node, origins: list[Origin], words: list[str]) -> Staged:
    aliases = [context.plan.alias(word) for word in words]
    folded = frozenset(word.lower() for word in words)
    alias = aliases[0] if len(set(aliases)) == 1 else None
    crossed = any(origin.crossed for origin in origins) or len(origins) > 1
    is_written = (
        len(origins) == 1 and origins[0].module is context.module and origins[0].node.id == syntax.bare(node).id
    )
    if is_written or None in aliases:
        return Staged(folded, alias, (), is_written, crossed)
    if not all(_is_only_stage(*named) for origin in origins for named in origin.named):
        return Staged(folded, alias, (), crossed=crossed, unknown="" if alias else "it is used for other things too")
    edits = [
        context.edit(*syntax.inside(origin.node), said or "", origin.module)
        for origin, said in zip(origins, aliases, strict=True)
    ]
    return Staged(folded, alias, tuple(dict.fromkeys(edits)), is_written=False, crossed=crossed)


def _why(origins: list[Origin]) -> str:
    unknown = next((origin.unknown for origin in origins if origin.unknown), "")
    return unknown or "it is made where it runs"


def _is_version(node: Node) -> bool:
    """Whether an expression that is not known is a version's number by its name."""
    return "version" in text(node).lower().rpartition(".")[2]


def _is_only_stage(module: Module, named: str, where: int) -> bool:
    """Whether a name is used for nothing but the stage of models, so that its value can change."""
    return all(
        _is_stage_place(reference)
        for reference in module.references.get(named, [])
        if where == MODULE or where in {around.start_byte for around in modules.scopes(reference)}
    )


def _is_stage_place(reference: Node) -> bool:
    """Whether a name stands where the stage of a model is said, or where people read it."""
    node, parent = reference, reference.parent
    while parent:
        verdict = _place(node, parent, is_direct=node == reference)
        if verdict is not None:
            return verdict
        node, parent = parent, parent.parent
    return False


def _place(node: Node, parent: Node, *, is_direct: bool) -> bool | None:  # noqa: PLR0911  a table
    """The verdict that what is around gives; `None` where what is around that gives it."""
    match parent.type:
        case "assignment" | "return_statement" | "default_parameter" | "typed_default_parameter" | "parameters":
            return is_direct
        case "keyword_argument":
            return True if _keyword(parent) in ("stage", "stages") else None
        case "call":
            return syntax.called(parent)[1] in _CALLS | _SPOKEN
        case "comparison_operator":
            return "current_stage" in text(parent)
        case "subscript":
            return parent.child_by_field_name("value") == node
        case "string" | "binary_operator" | "concatenated_string" if "models:/" in text(parent):
            return True
        case "expression_statement" | "block" | "module":
            return False
        case _:
            return None


def _keyword(node: Node) -> str:
    named = node.child_by_field_name("name")
    return text(named) if named else ""
