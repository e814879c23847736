"""Names of models: from where one is used back to where it is written, and the full name there."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from tree_sitter import Node

from modelyard.upgrade import modules, syntax, templates
from modelyard.upgrade.findings import Edit, Finding, Safety
from modelyard.upgrade.modules import Module
from modelyard.upgrade.origins import Origin
from modelyard.upgrade.plan import is_full
from modelyard.upgrade.python.context import Context, Found
from modelyard.upgrade.syntax import text
from modelyard.upgrade.templates import Hole, Part, Words

_EXPERIMENTS: Final = ("set_experiment", "create_experiment", "get_experiment_by_name")
_BRACES: Final = re.compile(r"\{[A-Za-z_][\w.]*\}")
_DOTS: Final = 2


def name(context: Context, node: Node, rule: str) -> list[Finding]:
    """What a use of a model's name asks for, wherever the name is written."""
    origins = context.origins(node, "name")
    if _is_given_back(node) and all(origin.unknown for origin in origins):
        return []
    return [found for origin in origins for found in _origin(context, node, rule, origin, alone=len(origins) == 1)]


def _is_given_back(node: Node) -> bool:
    """Whether it is the name of a model or version that the registry gave back: right by itself."""
    owner = node.child_by_field_name("object") if node.type == "attribute" else None
    return owner is not None and syntax.attribute(node) == "name" and text(owner) not in ("self", "cls")


def _origin(context: Context, node: Node, rule: str, origin: Origin, *, alone: bool) -> Found:
    if origin.unknown:
        yield context.told(rule, node, f"The model's name is not written here: {origin.unknown}.")
        return
    said = syntax.string(origin.node)
    found = templates.parts(origin.node)
    is_same = origin.node.start_byte == syntax.bare(node).start_byte and origin.module is context.module
    safety = Safety.AUTOMATIC if alone and not origin.crossed else Safety.REVIEW
    if said is not None:
        yield from _literal(context, node, rule, origin, said, safety, inline=alone and not is_same)
    elif found:
        yield from _mixed(context, node, rule, origin, found, inline=alone and not is_same)
    elif origin.node.type not in ("none", "integer", "false", "true"):
        yield context.told(rule, node, f"The model's name is made where it runs: `{_short(origin.node)}`.")


def _literal(
    context: Context, node: Node, rule: str, origin: Origin, said: str, safety: Safety, *, inline: bool
) -> Found:
    if is_full(said) or not said:
        return
    if said.isdigit():
        yield context.told("U42", node, f'"{said}" stands where a model\'s name belongs: is it a version?')
        return
    if _BRACES.search(said):
        yield context.told("U42", node, f'"{said}" has no f before it: the braces become part of the model\'s name.')
        return
    full = context.plan.full_name(said)
    if full is None:
        yield context.unnamed(rule, node, said)
        return
    if inline and _names_experiment(origin):
        message = f'"{said}" also names an experiment, which stays: the model becomes {full} here.'
        yield context.found(rule, Safety.REVIEW, node, message, [_inline(context, node, full)], said)
        return
    edit = context.edit(*syntax.inside(origin.node), full, origin.module)
    if any(_is_part_of_experiment(module, named) for module, named, _ in origin.named):
        message = f'An experiment\'s name has "{said}" in it, which changes: runs would go to a new experiment.'
        yield context.told(rule, node, message, said)
    yield context.found(rule, safety, node, f'"{said}" becomes {full}{_elsewhere(context, origin)}.', [edit], said)


def _mixed(context: Context, node: Node, rule: str, origin: Origin, found: Sequence[Part], *, inline: bool) -> Found:
    """A name that is put together: the schema comes before it."""
    if len(found) == 1 and isinstance(found[0], Hole) and origin.module is context.module:
        yield from name(context, found[0].node, rule)
        return
    written = "".join(part.said for part in found if isinstance(part, Words))
    if written.count(".") >= _DOTS:
        return
    schema = context.plan.schema
    if context.is_moved or "." in written:
        message = f"The name `{_short(origin.node)}` is put together, and may have its schema already."
        yield context.told(rule, node, message)
        return
    if not schema:
        yield context.told(rule, node, f"The name `{_short(origin.node)}` is put together: say where with --schema.")
        return
    if inline and _names_experiment(origin):
        message = f"The name is an experiment's too, which stays: the model is put into {schema} here."
        edit = context.replaced(node, f'f"{schema}.{{{text(node)}}}"')
        yield context.found(rule, Safety.REVIEW, node, message, [edit])
        return
    first = found[0]
    before = f'"{schema}." + ' if isinstance(first, Hole) and first.kind == "plus" else f"{schema}."
    edit = context.edit(first.start, first.start, before, origin.module)
    message = f"The name is put together: it is put into {schema}{_elsewhere(context, origin)}."
    yield context.found(rule, Safety.REVIEW, node, message, [edit])


def _inline(context: Context, node: Node, full: str) -> Edit:
    """The name written out at the place itself; in an f-string without the braces."""
    around = node.parent
    if around and around.type == "interpolation":
        return context.replaced(around, full)
    return context.replaced(node, f'"{full}"')


def _is_part_of_experiment(module: Module, named: str) -> bool:
    """Whether an experiment's name is made with a value."""
    whole = re.compile(rf"(?<![\w.]){re.escape(named)}(?!\w)")
    calls = (call for each in _EXPERIMENTS for call in module.callers.get(each, []))
    return any(whole.search(text(call)) for call in calls)


def _elsewhere(context: Context, origin: Origin) -> str:
    """Where the change is made, if not at the place itself."""
    said = ""
    if origin.module is not context.module:
        said = f" in {origin.module.document.name}"
    keys = ", ".join(f"{flow.kind} {flow.key}" for flow in origin.flows)
    return f"{said}; what is given at run time ({keys}) must change too" if keys else said


def _names_experiment(origin: Origin) -> bool:
    return any(_is_experiment(module, named, where) for module, named, where in origin.named)


def _is_experiment(module: Module, named: str, where: int) -> bool:
    for call in (call for each in _EXPERIMENTS for call in module.callers.get(each, [])):
        said = syntax.arguments(call)
        given = [*said.positional, *said.named.values()]
        if any(text(value) == named and where in (modules.MODULE, modules.scope(value)) for value in given):
            return True
    return False


def _short(node: Node) -> str:
    said = " ".join(text(node).split())
    return said if len(said) <= 60 else said[:57] + "…"  # noqa: PLR2004  as much as fits in a line of a report
