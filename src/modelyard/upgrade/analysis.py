"""One document: its findings by all rules."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass, replace
from typing import Final

from modelyard.errors import Failure, Malformed
from modelyard.upgrade import addressed, entries, syntax
from modelyard.upgrade.catalogue import RULES
from modelyard.upgrade.documents import Document, Kind
from modelyard.upgrade.findings import Finding, Safety
from modelyard.upgrade.origins import Flow
from modelyard.upgrade.plan import Plan
from modelyard.upgrade.project import Project
from modelyard.upgrade.python import addresses, registering, registry, remains, stages, transitions, versions
from modelyard.upgrade.python.context import Context
from modelyard.upgrade.written import configuration
from modelyard.upgrade.written import texts as written
from modelyard.upgrade.written.sight import Sight

_FAMILIES: Final = (registry, registering, addresses, versions, transitions, stages, remains)
_CODE: Final = (Kind.PYTHON, Kind.DATABRICKS, Kind.NOTEBOOK)
_PYTHON: Final = ("python", "python3", "ipython")
_IGNORE: Final = re.compile(rb"upgrade: ignore(?:\[([A-Z0-9, ]+)\])?")
OF_STAGES: Final = frozenset(
    {"U09", "U12", "U13", "U17", "U18", "U19", "U20", "U21", "U22", "U23", "U24", "U25", "U27"}
)
"""Rules that put aliases where stages were."""
_DROPPED: Final = frozenset({"U30"})
"""Opt-in rules that say nothing where they are not asked for: there would be a line for most files."""


@dataclass(frozen=True, slots=True)
class Wanted:
    """Which rules work, and how far."""

    extra: frozenset[str] = frozenset()
    """Rules that are opt-in and were asked for."""
    without: frozenset[str] = frozenset()

    def judged(self, finding: Finding) -> Finding | None:
        """A finding as it counts: none, or only told, where its rule was not asked for."""
        if finding.rule in self.without:
            return None
        if RULES[finding.rule].opt_in and finding.rule not in self.extra:
            return None if finding.rule in _DROPPED else replace(finding, safety=Safety.REPORT, edits=(), todo=None)
        return finding


def python(project: Project, name: str, plan: Plan, flows: dict[Flow, set[str]]) -> list[Finding]:
    """The findings in the Python of a document; what it takes from configuration goes into `flows`."""
    module = project.module(name)
    if module is None or not module.roots:
        return []
    context = Context(plan, project, module, flows)
    found = [finding for family in _FAMILIES for finding in family.rules(context)]
    return [_waiting(finding) if _waits(context, finding) else finding for finding in found]


def _waits(context: Context, finding: Finding) -> bool:
    """Whether a change of stages is about a model without a new name: in the old registry no alias would be found."""
    is_of_stages = bool(finding.edits) and finding.rule in OF_STAGES
    return is_of_stages and any(start <= finding.start and finding.end <= end for start, end in context.nameless)


def statement(project: Project, finding: Finding) -> tuple[int, int]:
    """From where to where the statement goes that a finding in Python is in; elsewhere, the finding itself."""
    module = project.module(finding.document)
    for root in module.roots if module else ():
        node = root.descendant_for_byte_range(finding.start, finding.end)
        if node and root.start_byte <= finding.start < root.end_byte:
            around = syntax.statement(node)
            return around.start_byte, around.end_byte
    return finding.start, finding.end


def _waiting(finding: Finding) -> Finding:
    message = f"{finding.message.rstrip('.')}, once the model has a new name."
    return replace(finding, safety=Safety.REPORT, edits=(), todo=None, message=message)


def rest(document: Document, plan: Plan, flows: dict[Flow, set[str]]) -> list[Finding]:
    """The findings in all that is not Python."""
    sight = Sight(document, plan, flows)
    if document.kind in (Kind.YAML, Kind.JSON):
        return list(_structured(sight))
    return [
        finding
        for cell in document.cells
        if cell.language not in _PYTHON
        for finding in written.rules(sight, cell.start, cell.end, cell.language)
    ]


def _structured(sight: Sight) -> Iterator[Finding]:
    document = sight.document
    try:
        found = entries.read(document)
    except Failure:
        yield from addressed.addresses(document, sight.plan, 0, len(document.buffer), "U16", Safety.REVIEW)
        return
    yield from configuration.rules(sight, found)
    if document.kind is Kind.YAML:
        yield from _comments(sight)


def _comments(sight: Sight) -> Iterator[Finding]:
    for comment in re.finditer(rb"^[ \t]*#.*$|[ \t]#.*$", sight.document.buffer, re.MULTILINE):
        yield from addressed.prose(sight.document, sight.plan, *comment.span())


def is_ignored(document: Document, finding: Finding) -> bool:
    """Whether a comment on its line, or on the line before, says that the rule is to be left out here."""
    line = document.line_start(finding.start)
    before = document.line_start(max(0, line - 1))
    end = document.buffer.find(b"\n", max(finding.start, finding.end - 1))
    text = document.buffer[line : end if end >= 0 else len(document.buffer)]
    above = document.buffer[before:line].strip()
    said = [
        found for found in (_IGNORE.search(text), _IGNORE.search(above) if above.startswith(b"#") else None) if found
    ]
    return any(not found[1] or finding.rule in found[1].decode().replace(" ", "").split(",") for found in said)


def trouble(document: Document, project: Project) -> str | None:
    """Why a part of a document is not read, in words for people."""
    if document.kind in _CODE:
        module = project.module(document.name)
        broken = syntax.broken(module.roots) if module else []
        if not broken:
            return None
        places = [document.place(node.start_byte) for node in broken]
        lines = ", ".join(dict.fromkeys(str(place.line) for place in places[:5]))
        return f"does not parse at line {lines}: what stands around it is read as far as it makes sense."
    if document.kind in (Kind.YAML, Kind.JSON):
        try:
            entries.read(document)
        except Malformed as failure:
            return failure.message
    return None
