"""U17 to U20 and U26: versions that are looked up, by stage, as the newest, or by a filter."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from tree_sitter import Node

from modelyard.upgrade import syntax, templates
from modelyard.upgrade.findings import Edit, Finding, Safety
from modelyard.upgrade.origins import Origin
from modelyard.upgrade.plan import is_full
from modelyard.upgrade.python import naming
from modelyard.upgrade.python.context import Context, Found, edits_of, repeatable
from modelyard.upgrade.python.registering import is_client
from modelyard.upgrade.python.staging import NONE, Staged, stage
from modelyard.upgrade.syntax import text
from modelyard.upgrade.templates import Hole, Words

_FILTER: Final = re.compile(r"""\bname\s*=\s*(['"])""")
_INDICES: Final = ("0", "-1")
_NEWEST: Final = "key=lambda version: int(version.version)"


def rules(context: Context) -> Found:
    """What look-ups of versions ask for."""
    for call in context.calls("get_latest_versions"):
        if is_client(context, call):
            yield from _latest(context, call)
    for call in context.calls("search_model_versions"):
        if is_client(context, call) or "mlflow" in context.module.dotted(call.child_by_field_name("function")):
            yield from _search(context, call)
    yield from _lists(context)


@dataclass(frozen=True, slots=True)
class _Lookup:
    """A call of `get_latest_versions`."""

    call: Node
    client: str
    name: Node
    keyword: bool
    stages: Node
    argument: Node
    """The whole argument that says the stages, with its keyword."""
    names: tuple[Finding, ...]
    indexed: Node | None
    """The subscript that takes the only one, if it is taken at once."""


def _latest(context: Context, call: Node) -> Found:
    said = syntax.arguments(call)
    name, stages = said.get("name", 0), said.get("stages", 1)
    if name is None or said.spread:
        return
    if stages is None or stages.type == "none":
        yield from naming.name(context, name, "U18")
        yield _decide(
            context, "U18", call, "One version for each stage, in no order: the newest is not among them for sure."
        )
        return
    elements = syntax.literals(stages)
    if elements is None or len(elements) != 1:
        yield from naming.name(context, name, "U19")
        yield _decide(context, "U19", call, "Which of several stages counts? The catalog finds one alias at a time.")
        return
    yield from _single(context, _lookup(context, call, name, stages), elements[0], said)


def _lookup(context: Context, call: Node, name: Node, stages: Node) -> _Lookup:
    owner = syntax.called(call)[0]
    rule = "U18" if re.search(r"none", text(stages), re.IGNORECASE) else "U17"
    parent = stages.parent
    argument = parent if parent and parent.type == "keyword_argument" else stages
    keyword = name.parent is not None and name.parent.type == "keyword_argument"
    names = tuple(naming.name(context, name, rule))
    return _Lookup(call, text(owner) if owner else "", name, keyword, stages, argument, names, _indexed(call))


def _indexed(call: Node) -> Node | None:
    around = call.parent
    if around is None or around.type != "subscript" or around.child_by_field_name("value") != call:
        return None
    index = around.child_by_field_name("subscript")
    return around if index and text(index) in _INDICES else None


def _single(context: Context, lookup: _Lookup, element: Node, said: syntax.Arguments) -> Found:
    staged = stage(context, element)
    if staged.words == NONE:
        yield from _newest(context, lookup)
    elif not staged.is_known:
        yield from lookup.names
        rule = "U17" if staged.is_written else "U24"
        why = staged.unknown or ("it becomes no alias" if staged.is_written else "it may be one of several")
        yield _decide(context, rule, lookup.call, f"Which alias does the stage become: {why}.")
    elif lookup.indexed:
        yield from lookup.names
        yield _by_alias(context, lookup, element, staged, said)
    else:
        yield from _listed(context, lookup, element, staged)


def _alias(element: Node, staged: Staged) -> str:
    """How the alias is said where the stage was: by the same expression, or written out."""
    return text(element) if staged.edits else f'"{staged.alias}"'


def _by_alias(context: Context, lookup: _Lookup, element: Node, staged: Staged, said: syntax.Arguments) -> Finding:
    function = lookup.call.child_by_field_name("function")
    last = function.child_by_field_name("attribute") if function else None
    alias = _alias(element, staged)
    is_positional = lookup.argument is lookup.stages and "name" not in said.named
    edits = [
        context.replaced(last or lookup.call, "get_model_version_by_alias"),
        context.replaced(lookup.argument, alias if is_positional else f"alias={alias}"),
        *staged.edits,
    ]
    if lookup.indexed:
        edits.append(context.edit(lookup.call.end_byte, lookup.indexed.end_byte, ""))
    safety = Safety.REVIEW if staged.crossed else Safety.AUTOMATIC
    message = "The version of the alias: where nobody has set it, this raises, as the index did."
    return context.found("U17", safety, lookup.call, message, edits)


def _listed(context: Context, lookup: _Lookup, element: Node, staged: Staged) -> Found:
    """As a list of at most one, so that tests for emptiness and loops mean what they meant."""
    inner = edits_of(lookup.names)
    owner = syntax.called(lookup.call)[0]
    if not repeatable(owner) or not repeatable(lookup.name):
        yield from lookup.names
        yield _decide(
            context, "U17", lookup.call, "A list of versions: an alias has one, and raises where it is not set."
        )
        return
    name, alias = context.within(lookup.name, inner), _alias(element, staged)
    client = lookup.client
    written = (
        f"[{client}.get_model_version({name}, number) "
        f"for alias, number in {client}.get_registered_model({name}).aliases.items() if alias == {alias}]"
    )
    edits = [context.replaced(lookup.call, written), *staged.edits, *context.outside(lookup.call, inner)]
    message = "The version of the alias, as a list that is empty where nobody has set it."
    yield context.found("U17", Safety.REVIEW, lookup.call, message, edits)
    yield from (found for found in lookup.names if not found.edits)


def _newest(context: Context, lookup: _Lookup) -> Found:
    inner = edits_of(lookup.names)
    wanted = filter_by(context.within(lookup.name, inner), lookup.name)
    if wanted is None:
        yield from lookup.names
        yield _decide(context, "U18", lookup.call, "The newest version: the highest number of search_model_versions.")
        return
    found = f"{lookup.client}.search_model_versions({wanted})"
    target = lookup.indexed or lookup.call
    written = f"max({found}, {_NEWEST})" if lookup.indexed else f"sorted({found}, {_NEWEST})[-1:]"
    edits = [context.replaced(target, written), *context.outside(lookup.call, inner)]
    message = "The highest number: new versions have no stage in the catalog."
    yield context.found("U18", Safety.AUTOMATIC, lookup.call, message, edits)
    yield from (found for found in lookup.names if not found.edits)


def filter_by(name: str, node: Node) -> str | None:
    """The filter for a name as it is written in Python; `None` where its quotes do not fit."""
    said = syntax.string(node)
    if said is not None:
        inner = name.strip("'\"")
        return f"\"name='{inner}'\"" if "'" not in inner and "\\" not in inner else None
    if '"' in name or "{" in name or "\n" in name or "\\" in name:
        return f"\"name='{{}}'\".format({name})"
    return f"f\"name='{{{name}}}'\""


def _search(context: Context, call: Node) -> Found:
    wanted = syntax.arguments(call).get("filter_string", 0)
    if wanted is None:
        yield _decide(context, "U20", call, "All versions of all models: the catalog lists those that may be seen.")
        return
    names = [found for origin in context.origins(wanted, "filter") for found in _origin(context, call, origin)]
    yield from names
    if (indexed := _indexed(call)) and "order_by" not in syntax.arguments(call).named:
        inner = edits_of(names)
        written = f"max({context.within(call, inner)}, {_NEWEST})"
        edits = [context.replaced(indexed, written), *context.outside(call, inner)]
        message = "The first found is not the newest: take the highest number."
        yield context.found("U26", Safety.PROPOSE, call, message, edits)


def _origin(context: Context, call: Node, origin: Origin) -> Found:
    if origin.module is not context.module or origin.unknown:
        why = origin.unknown or "another file says it"
        yield context.told("U26", call, f"The filter is not written here: {why}.")
    else:
        yield from _filter(context, call, origin.node)


def _filter(context: Context, call: Node, node: Node) -> Found:
    parts = templates.parts(node)
    for index, part in enumerate(parts or []):
        if isinstance(part, Words) and (found := _FILTER.search(part.said)):
            following = parts[index + 1] if parts and index + 1 < len(parts) else None
            if found.end() < len(part.said):
                yield from _literal(context, call, part, found)
            elif isinstance(following, Hole):
                yield from naming.name(context, following.node, "U26")
            return
    yield context.told("U26", call, "The filter's name is not found: change it where the filter is made.")


def _literal(context: Context, call: Node, part: Words, found: re.Match[str]) -> Found:
    end = part.said.find(found[1], found.end())
    flat = part.said[found.end() : end]
    if end < 0 or is_full(flat):
        return
    full = context.plan.full_name(flat)
    if full is None:
        yield context.unnamed("U26", call, flat)
        return
    edit: Edit = context.edit(part.at(found.end()), part.at(end), full)
    yield context.found("U26", Safety.AUTOMATIC, call, f'"{flat}" becomes {full}.', [edit], flat)


def _lists(context: Context) -> Found:
    for node in context.module.accesses:
        if syntax.attribute(node) == "latest_versions" and context.knows_mlflow and not _is_assigned(node):
            yield _decide(
                context, "U20", node, "One version for each stage, in no order: find it by alias, or the highest."
            )
    for call in context.calls("list_registered_models"):
        yield _decide(context, "U20", call, "MLflow 2 has taken it away: search_registered_models takes a filter.")
    for call in context.calls("search_registered_models"):
        said = syntax.arguments(call)
        if is_client(context, call) and not said.positional and "filter_string" not in said.named:
            yield _decide(context, "U20", call, "All models: the catalog lists those that may be seen; name a catalog.")


def _is_assigned(node: Node) -> bool:
    around = node.parent
    return around is not None and around.type == "assignment" and around.child_by_field_name("left") == node


def _decide(context: Context, rule: str, node: Node, message: str) -> Finding:
    return context.found(rule, Safety.PROPOSE, node, message)
