"""U09 to U15, U41 and U42: addresses of models, `models:/name/Stage`, however they are put together."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from tree_sitter import Node

from modelyard.upgrade import syntax, templates
from modelyard.upgrade.findings import Edit, Finding, Safety
from modelyard.upgrade.plan import is_full, is_stage
from modelyard.upgrade.python import naming
from modelyard.upgrade.python.context import Context, Found
from modelyard.upgrade.python.staging import Staged, stage
from modelyard.upgrade.syntax import text
from modelyard.upgrade.templates import SCHEME, Address, Hole, Part, Words

_LITERAL: Final = re.compile(
    r"models:/[^/@\s'\"]+(?:/(?:none|staging|production|archived|latest|\d+)\b|@[\w-]+)", re.IGNORECASE
)
_DOTS: Final = 2  # in a name of three levels
_IS_ADDRESS: Final = re.compile(r"model_?uri|\buri\b", re.IGNORECASE)
_FROM_REGISTRY: Final = re.compile(r"get_latest_versions|get_model_version|search_model_versions|latest_versions")


def rules(context: Context) -> Found:
    """What the addresses in a document ask for."""
    for node in context.module.strings:
        yield from _text(context, node)
    for node in _outer_operators(context):
        yield from _address(context, node, "U13")
    yield from _splits(context)
    yield from _bypasses(context)


def _text(context: Context, node: Node) -> Found:
    if SCHEME not in text(node):
        return
    if _is_inside_operator(node):
        return
    found = templates.parts(_formatted(node) or node)
    if _is_docstring(node):
        yield from _prose(context, node)
    elif found and templates.address(found):
        rule = "U12" if any(isinstance(part, Hole) for part in found) else "U09"
        yield from _address(context, _formatted(node) or node, "U13" if _formatted(node) else rule)
    elif not _is_own(text(node)):
        yield context.told("U14", node, "An address inside another expression: change it where that is made.")


def _is_own(said: str) -> bool:
    """Whether a text only names the scheme, or speaks of it with places in angle brackets."""
    return bool(re.search(r"models:/(?:[\"'<\s]|$)", said))


def _formatted(node: Node) -> Node | None:
    """The `….format(…)` that a string is the beginning of."""
    around = node.parent
    if around and around.type == "attribute" and syntax.attribute(around) == "format":
        call = around.parent
        return call if call and call.type == "call" else None
    return None


def _is_inside_operator(node: Node) -> bool:
    around = node.parent
    while around and around.type in ("parenthesized_expression", "concatenated_string"):
        around = around.parent
    if around is None or around.type != "binary_operator":
        return False
    return templates.address(templates.parts(_outermost(around))) is not None


def _outermost(node: Node) -> Node:
    while node.parent and node.parent.type in ("binary_operator", "parenthesized_expression"):
        node = node.parent
    return syntax.bare(node)


def _outer_operators(context: Context) -> Iterator[Node]:
    seen: set[int] = set()
    for node in context.module.strings:
        if SCHEME in text(node) and _is_inside_operator(node) and node.parent:
            outer = _outermost(node.parent)
            if outer.start_byte not in seen:
                seen.add(outer.start_byte)
                yield outer


def _is_docstring(node: Node) -> bool:
    return node.parent is not None and node.parent.type == "expression_statement"


def _prose(context: Context, node: Node) -> Found:
    if _LITERAL.search(text(node)):
        yield context.told("U43", node, "Text for people speaks of an old address.")


def _address(context: Context, node: Node, rule: str) -> Found:
    found = templates.address(templates.parts(node))
    if found is None:
        return
    if found.mark is None:  # models:/m-123 is a logged model of MLflow 3, which has no place in a registry
        if any(isinstance(part, Hole) for part in found.name):
            yield context.told(rule, node, "The address comes whole from elsewhere: change it there.")
        return
    yield from _widget(context, node)
    yield from _name(context, node, found, _name_rule(rule, found))
    yield from _rest(context, node, found, rule)


def _widget(context: Context, node: Node) -> Found:
    """The default of a notebook's widget, which a job's parameter wins over."""
    call = syntax.above(node, "call")
    if call and "widgets" in text(call.child_by_field_name("function") or call):
        yield context.told("U16", node, "A job's parameter wins over this default: it must change, too.")


def _name_rule(rule: str, found: Address) -> str:
    """The rule that a name in a written address counts to: its version's, where it has one."""
    if rule == "U09" and len(found.rest) == 1 and isinstance(found.rest[0], Words):
        said = found.rest[0].said
        return "U10" if said.isdigit() else "U11" if said.lower() == "latest" else "U09"
    return rule


def _name(context: Context, node: Node, found: Address, rule: str) -> Found:
    match found.name:
        case [Words() as words]:
            yield from _written(context, node, words, rule)
        case [Hole() as hole]:
            yield from naming.name(context, hole.node, rule)
        case []:
            return
        case many:
            yield from _mixed(context, node, many, rule)


def _written(context: Context, node: Node, words: Words, rule: str) -> Found:
    if is_full(words.said):
        return
    if words.said.startswith("{"):
        yield context.told("U42", node, f'"{words.said}" has no f before it: the braces become part of the name.')
        return
    full = context.plan.full_name(words.said)
    if full is None:
        yield context.unnamed(rule, node, words.said)
        return
    edit = context.edit(words.start, words.end, full)
    yield context.found(rule, Safety.AUTOMATIC, node, f'"{words.said}" becomes {full}.', [edit], words.said)


def _mixed(context: Context, node: Node, many: list[Part], rule: str) -> Found:
    written = "".join(part.said for part in many if isinstance(part, Words))
    if written.count(".") >= _DOTS:
        return
    if context.is_moved or "." in written:
        yield context.told(rule, node, "The name in the address is put together, and may have its schema already.")
        return
    if not context.plan.schema:
        yield context.told(rule, node, "The name in the address is put together: say where with --schema.")
        return
    first = many[0]
    before = (
        f'"{context.plan.schema}." + '
        if isinstance(first, Hole) and first.kind == "plus"
        else f"{context.plan.schema}."
    )
    edit = context.edit(first.start, first.start, before)
    message = f"The name is put together: it is put into {context.plan.schema}."
    yield context.found(rule, Safety.REVIEW, node, message, [edit])


def _rest(context: Context, node: Node, found: Address, rule: str) -> Found:
    if found.mark is None or found.mark.said == "@" or not found.rest:
        return
    match found.rest:
        case [Words() as words]:
            yield from _suffix(context, node, found.mark, words, rule)
        case [Hole() as hole]:
            yield from _hole(context, node, found.mark, hole, rule)
        case _:
            yield context.told(rule, node, "What comes after the name is put together: a stage, or a version.")


def _suffix(context: Context, node: Node, mark: Words, words: Words, rule: str) -> Found:
    said = words.said
    if said.isdigit():
        yield context.told("U10", node, f"Version {said} is pinned: it stays, and no promotion reaches this.")
    elif said.lower() == "latest":
        yield _decide(context, "U11", node, "The newest version may be one that nobody approved: name an alias.")
    elif alias := context.plan.alias(said):
        edit = [context.edit(mark.start, mark.end, "@"), context.edit(words.start, words.end, alias)]
        yield context.found(rule, Safety.AUTOMATIC, node, f"{said} becomes the alias {alias}.", edit)
    elif is_stage(said):
        yield _decide(context, rule, node, f"The stage {said} becomes no alias: which version is meant?")
    elif "/" not in said and "$" not in said and "<" not in said:
        message = f'"{said}" is not a stage, and never was: if an alias is meant, write @{said.lower()}.'
        yield context.told("U42", node, message)


def _decide(context: Context, rule: str, node: Node, message: str) -> Finding:
    return context.found(rule, Safety.PROPOSE, node, message)


def _hole(context: Context, node: Node, mark: Words, hole: Hole, rule: str) -> Found:
    if syntax.attribute(hole.node) == "version":
        return
    staged = stage(context, hole.node)
    if staged.is_version:
        yield context.told("U10", node, "The version is said by a variable: it stays pinned to what that says.")
        return
    change = _change(context, hole, staged)
    if change is None:
        why = staged.unknown or "it has no alias"
        yield _decide(context, rule, node, f"What comes after the name is a stage or a version, and {why}.")
        return
    safety = Safety.REVIEW if staged.crossed else Safety.AUTOMATIC
    yield context.found(rule, safety, node, _becomes(staged), [context.edit(mark.start, mark.end, "@"), *change])


def _becomes(staged: Staged) -> str:
    return f"The stage becomes the alias {staged.alias}." if staged.alias else "The stage becomes an alias."


def _change(context: Context, hole: Hole, staged: Staged) -> list[Edit] | None:
    """The changes after which the hole says the alias; `None` where there are none."""
    if staged.edits:
        return list(staged.edits)
    if staged.alias is None or hole.kind == "apart":
        return None
    said = staged.alias if hole.kind == "braces" else f'"{staged.alias}"'
    return [context.edit(hole.start, hole.end, said)]


def _splits(context: Context) -> Found:
    if not context.knows_mlflow and SCHEME.encode() not in context.module.document.buffer:
        return
    for call in context.calls("split", "rsplit"):
        owner = syntax.called(call)[0]
        said = syntax.arguments(call).get("sep", 0)
        if owner and said and syntax.string(said) == "/" and _IS_ADDRESS.search(text(owner)):
            yield context.told(
                "U15", call, 'Parted by "/": an address with an alias, models:/name@alias, has one part less.'
            )


def _bypasses(context: Context) -> Found:
    for call in context.calls("load_model", "spark_udf"):
        said = syntax.arguments(call)
        given = [*said.positional, *said.named.values()]
        for value in given:
            if value.type == "attribute" and syntax.attribute(value) == "source":
                yield _decide(context, "U41", call, "Loaded by its source, around the catalog: use models:/name@alias.")
    for node in context.module.strings:
        if "runs:/" in text(node) and _is_from_registry(context, node):
            yield context.told("U41", node, "A version's run is loaded, around the catalog: use models:/name@alias.")


def _is_from_registry(context: Context, node: Node) -> bool:
    for part in templates.parts(node) or []:
        if isinstance(part, Hole) and syntax.attribute(part.node) == "run_id":
            owner = part.node.child_by_field_name("object")
            origins = context.origins(owner, "version") if owner else []
            if any(_FROM_REGISTRY.search(text(origin.node)) for origin in origins):
                return True
    return False
