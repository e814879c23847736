"""U21 to U24: versions that are moved between stages, and the dictionaries that say to which."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tree_sitter import Node

from modelyard.upgrade import modules, syntax
from modelyard.upgrade.findings import Edit, Finding, Safety
from modelyard.upgrade.origins import pairs
from modelyard.upgrade.python import naming
from modelyard.upgrade.python.context import Context, Found, edits_of, repeatable
from modelyard.upgrade.python.registering import is_client
from modelyard.upgrade.python.staging import ARCHIVED, NONE, Staged, stage
from modelyard.upgrade.syntax import text
from modelyard.upgrade.texts import newline as newline_at

TRANSITION: Final = "transition_model_version_stage"
TAG: Final = 'key="lifecycle", value="archived"'
"""The tag that keeps what the stage Archived said."""
_MAP: Final = re.compile(r"model.*stage|stage.*model|stage.*env|env.*stage", re.IGNORECASE)
_PAIR: Final = 2


def rules(context: Context) -> Found:
    """What transitions ask for."""
    moves = [move for call in context.calls(TRANSITION) if is_client(context, call) and (move := _move(context, call))]
    for move in moves:
        yield from _moved(context, move, moves)
    yield from _maps(context)


@dataclass(frozen=True, slots=True)
class _Move:
    """One call of `transition_model_version_stage`."""

    call: Node
    name: Node
    version: Node
    stage: Node
    archive: Node | None
    staged: Staged
    names: tuple[Finding, ...]

    @property
    def is_alone(self) -> bool:
        """Whether nobody looks at what it answers."""
        return self.call.parent is not None and self.call.parent.type == "expression_statement"


def _move(context: Context, call: Node) -> _Move | None:
    said = syntax.arguments(call)
    name, version, where = said.get("name", 0), said.get("version", 1), said.get("stage", 2)
    if name is None or version is None or where is None or said.spread:
        return None
    staged = stage(context, where)
    rule = "U23" if staged.words and staged.words <= ARCHIVED | NONE else "U21"
    archive = said.get("archive_existing_versions", 3)
    return _Move(call, name, version, where, archive, staged, tuple(naming.name(context, name, rule)))


def _moved(context: Context, move: _Move, moves: list[_Move]) -> Found:
    yield from move.names
    if not move.is_alone:
        yield _decide(
            context, "U21", move, "Somebody looks at the version that it answers: setting an alias answers nothing."
        )
    elif move.staged.words == ARCHIVED:
        yield _retired(context, move, moves)
    elif move.staged.is_known:
        yield _set(context, move)
    else:
        rule = "U24" if not move.staged.words else "U23"
        why = move.staged.unknown or "it becomes no alias"
        yield _decide(context, rule, move, f"Which alias does the stage become: {why}.")


def _decide(context: Context, rule: str, move: _Move, message: str) -> Finding:
    return context.found(rule, Safety.PROPOSE, move.call, message)


def _set(context: Context, move: _Move) -> Finding:
    edits = [*_renamed(context, move.call, "set_registered_model_alias"), *_alias(context, move), *move.staged.edits]
    edits += _without(context, move.archive) if move.archive else []
    is_exclusive = move.archive is not None and text(move.archive) == "True"
    safety = Safety.AUTOMATIC if is_exclusive and not move.staged.crossed else Safety.REVIEW
    message = "The alias moves to the version."
    if not is_exclusive:
        message += " The stage could hold several, and the highest served: the alias holds this one."
    return context.found("U21", safety, move.call, message, edits)


def _renamed(context: Context, call: Node, name: str) -> list[Edit]:
    function = call.child_by_field_name("function")
    last = function.child_by_field_name("attribute") if function else None
    return [context.replaced(last, name)] if last else []


def _alias(context: Context, move: _Move) -> list[Edit]:
    """The stage's argument becomes the alias's; what stands by position gets its name."""
    said = text(move.stage) if move.staged.edits else f'"{move.staged.alias}"'
    keyword = _keyword(move.stage)
    edits = [context.replaced(keyword or move.stage, f"alias={said}")]
    if _keyword(move.version) is None:
        edits.append(context.edit(move.version.start_byte, move.version.start_byte, "version="))
    return edits


def _keyword(node: Node) -> Node | None:
    """The keyword argument that a value belongs to."""
    return node.parent if node.parent and node.parent.type == "keyword_argument" else None


def _without(context: Context, value: Node) -> list[Edit]:
    """An argument taken out, with the comma before it; comments stay."""
    argument = _keyword(value) or value
    before = argument.prev_sibling
    if before and before.type == "," and before.prev_sibling and before.prev_sibling.type != "comment":
        return [context.edit(before.prev_sibling.end_byte, argument.end_byte, "")]
    after = argument.next_sibling
    end = after.end_byte if after and after.type == "," else argument.end_byte
    return [context.edit(argument.start_byte, end, "")]


def _retired(context: Context, move: _Move, moves: list[_Move]) -> Finding:
    edits = [
        *_renamed(context, move.call, "set_model_version_tag"),
        context.replaced(_keyword(move.stage) or move.stage, TAG),
        *(_without(context, move.archive) if move.archive else []),
    ]
    if _is_followed(move, moves):
        message = "Archived becomes a tag; the alias moves away by the promotion that follows."
        return context.found("U22", Safety.REVIEW, move.call, message, edits)
    if not all(map(repeatable, (move.name, syntax.called(move.call)[0]))) or not _is_repeatable(move.version):
        return _decide(
            context, "U23", move, "Archived becomes the tag lifecycle=archived, and its aliases are taken off."
        )
    message = "Archived becomes a tag, and the version's aliases are taken off."
    return context.found("U23", Safety.REVIEW, move.call, message, [*edits, _aliases_off(context, move)])


def _is_repeatable(version: Node) -> bool:
    return version.type == "integer" or repeatable(version)


def _aliases_off(context: Context, move: _Move) -> Edit:
    """A statement more, on a line of its own where the call has one."""
    document = context.module.document
    start = document.line_start(move.call.start_byte)
    lead = document.text(start, move.call.start_byte)
    client, version = text(syntax.called(move.call)[0] or move.call), text(move.version)
    name = context.within(move.name, edits_of(move.names))
    found = f"{client}.get_model_version({name}, {version}).aliases"
    inner = f"{client}.delete_registered_model_alias({name}, alias)"
    step = "\t" if "\t" in lead else "    "
    newline = newline_at(document.buffer, start).decode()
    said = f"{newline}{lead}for alias in {found}:{newline}{lead}{step}{inner}"
    if lead.strip():
        said = f"; [{inner} for alias in {found}]"
    return context.edit(move.call.end_byte, move.call.end_byte, said)


def _is_followed(move: _Move, moves: list[_Move]) -> bool:
    """Whether a promotion comes after it in the same function."""
    where = modules.scope(move.call)
    return any(
        other.call.start_byte > move.call.start_byte and other.staged.is_known and modules.scope(other.call) == where
        for other in moves
    )


def _maps(context: Context) -> Found:
    """A dictionary from environments to stages, by its name and values."""
    for dictionary in context.module.dictionaries:
        values = [value for _, value in pairs(dictionary)]
        words = [syntax.string(value) or "" for value in values]
        aliases = [context.plan.alias(word) for word in words]
        around = dictionary.parent
        left = around.child_by_field_name("left") if around and around.type == "assignment" else None
        if left is None or len(words) < _PAIR or not _MAP.search(text(left)) or not all(aliases):
            continue
        edits = [context.edit(*syntax.inside(value), alias or "") for value, alias in zip(values, aliases, strict=True)]
        yield context.found("U24", Safety.REVIEW, dictionary, "The stages become aliases.", edits)
