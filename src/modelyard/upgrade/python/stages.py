"""U25: what asks a version for its stage."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from modelyard.upgrade import syntax
from modelyard.upgrade.findings import Edit, Safety
from modelyard.upgrade.modules import MODULE, Definition, scopes
from modelyard.upgrade.python.context import Context, Found, repeatable
from modelyard.upgrade.python.staging import ARCHIVED, Staged, stage
from modelyard.upgrade.syntax import text

_CASES: Final = ("lower", "upper", "title", "capitalize", "strip")
_SPOKEN: Final = ("print", "debug", "info", "warning", "display", "interpolation")
_LOOPS: Final = ("for_statement", "for_in_clause", "list_comprehension", "generator_expression", "set_comprehension")
_SIDES: Final = 2
_WITH: Final = ("get_model_version", "get_model_version_by_alias", "get_latest_versions")
_WITHOUT: Final = ("search_model_versions",)
_DEEP: Final = 6  # names that a version is followed through


def rules(context: Context) -> Found:
    """What comparisons with `current_stage`, and showings of it, ask for."""
    if not context.knows_mlflow:
        return
    compared: set[int] = set()
    for node in context.module.comparisons:
        sides = [syntax.bare(side) for side in node.named_children]
        owners = [_owner(side) for side in sides]
        if len(sides) == _SIDES and any(owners):
            index = 0 if owners[0] else 1
            compared.add(_access(sides[index]).start_byte)
            yield from _compared(context, node, owners[index] or node, sides[1 - index])
    for node in context.module.accesses:
        if syntax.attribute(node) == "current_stage" and node.start_byte not in compared and not _is_assigned(node):
            yield from _shown(context, node)


def _access(side: Node) -> Node:
    """The access to `current_stage` itself, without what changes its case."""
    while side.type == "call":
        owner = syntax.called(side)[0]
        if owner is None:
            return side
        side = owner
    return side


def _owner(side: Node) -> Node | None:
    """Whose stage is asked for; `None` where none is."""
    if side.type == "call" and syntax.called(side)[1] not in _CASES:
        return None
    access = _access(side)
    is_stage = access.type == "attribute" and syntax.attribute(access) == "current_stage"
    return access.child_by_field_name("object") if is_stage else None


def _compared(context: Context, node: Node, owner: Node, other: Node) -> Found:
    sign = next((child.type for child in node.children if not child.is_named), "")
    staged = stage(context, other if other.type != "call" else _access(other))
    aliases = _aliases(context, owner)
    if sign not in ("==", "!=") or not (staged.is_known or staged.words == ARCHIVED) or aliases is None:
        yield context.found("U25", Safety.PROPOSE, node, _question(text(owner), staged, aliases))
        return
    said = text(other) if staged.edits else f'"{staged.alias}"'
    before, after = f"{said} {'in' if sign == '==' else 'not in'} ", aliases.removeprefix(text(owner))
    if staged.words == ARCHIVED:
        before, after = "", f'.tags.get("lifecycle") {sign} "archived"'
    safety = Safety.REVIEW if staged.crossed or _is_looped(node) else Safety.AUTOMATIC
    message = "Whether the alias is the version's; a stage could hold several versions, an alias holds one."
    edits = [*_around(context, node, owner, before, after), *staged.edits]
    yield context.found("U25", safety, node, message, edits)


def _around(context: Context, node: Node, owner: Node, before: str, after: str) -> list[Edit]:
    """What stands around the version in an expression, changed; the version itself stays as it is."""
    if not after.startswith("."):
        return [context.replaced(node, before + after)]
    return [
        context.edit(node.start_byte, owner.start_byte, before),
        context.edit(owner.end_byte, node.end_byte, after),
    ]


def _question(owner: str, staged: Staged, aliases: str | None) -> str:
    """What a person decides, and why it is not clear."""
    why = staged.unknown or "it is compared with more than one, or becomes no alias"
    if aliases is None:
        why = "where it comes from is not clear, and versions that are searched for have no aliases"
    return f"Compared with a stage: ask whether an alias is in `{owner}.aliases` ({why})."


def _aliases(context: Context, owner: Node) -> str | None:
    """The expression for a version's aliases, by where the version comes from; `None` where that is not clear.

    The registry gives them with a version that is asked for, and not with those that it searches for.
    """
    calls = list(_made_by(context, owner, 0))
    methods = {syntax.called(call)[1] for call in calls}
    if methods and methods <= set(_WITH):
        return f"{text(owner)}.aliases"
    client = syntax.called(calls[0])[0] if calls else None
    if methods and methods <= set(_WITHOUT) and client and repeatable(client) and repeatable(owner):
        return f"{text(client)}.get_model_version({text(owner)}.name, {text(owner)}.version).aliases"
    return None


def _made_by(context: Context, node: Node, depth: int) -> Iterator[Node]:
    """The calls that a value comes from, through names, loops and indices; a target where there is no value."""
    node = syntax.bare(node)
    if node.type == "call" and syntax.called(node)[1] in ("list", "sorted", "max", "min", "reversed", "next", "iter"):
        given = syntax.arguments(node).positional
        node = given[0] if given else node
    if node.type == "subscript":
        node = node.child_by_field_name("value") or node
    if node.type == "call":
        yield node
    elif node.type == "identifier" and depth < _DEEP:
        for definition in _definitions(context, node):
            if definition.value is None:
                yield definition.target
            elif text(definition.value) != "None":
                yield from _made_by(context, definition.value, depth + 1)


def _definitions(context: Context, node: Node) -> list[Definition]:
    places = [*(around.start_byte for around in scopes(node)), MODULE]
    for place in places:
        if found := context.module.names.get((place, text(node))):
            return found
    return []


def _is_looped(node: Node) -> bool:
    return syntax.above(node, *_LOOPS) is not None


def _is_assigned(node: Node) -> bool:
    around = node.parent
    return around is not None and around.type == "assignment" and around.child_by_field_name("left") == node


def _shown(context: Context, node: Node) -> Found:
    around = syntax.above(node, "call", "interpolation", "assignment", "expression_statement")
    direct = node.parent
    is_spoken = around is not None and (
        (around.type == "interpolation" and direct == around)
        or (
            around.type == "call"
            and syntax.called(around)[1] in _SPOKEN
            and direct == around.child_by_field_name("arguments")
        )
    )
    owner = node.child_by_field_name("object")
    aliases = _aliases(context, owner) if owner else None
    if is_spoken and aliases and owner:
        edits = _around(context, node, owner, "", aliases.removeprefix(text(owner)))
        yield context.found("U25", Safety.REVIEW, node, "Its aliases are shown instead of its stage.", edits)
    else:
        message = "A version has aliases, a list, instead of a stage."
        yield context.found("U25", Safety.PROPOSE, node, message)
