"""A run: files in, findings and changes out. What is written was parsed again; every other byte is the file's own."""

from __future__ import annotations

import ast
import time
import warnings
from collections import defaultdict
from collections.abc import Collection, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Final

from modelyard.errors import Failure
from modelyard.upgrade import analysis, documents, entries, syntax, texts
from modelyard.upgrade.analysis import Wanted
from modelyard.upgrade.choice import Chosen
from modelyard.upgrade.documents import Document, Kind, Place
from modelyard.upgrade.findings import Edit, Finding, Safety
from modelyard.upgrade.origins import Flow
from modelyard.upgrade.plan import Plan
from modelyard.upgrade.project import Project
from modelyard.upgrade.walk import Files, Trouble

MARK: Final = "TODO(upgrade "
"""How comments begin that are left where a person decides."""
_MADE: Final = (Safety.AUTOMATIC, Safety.REVIEW)
_COMMENTED: Final = (Kind.PYTHON, Kind.DATABRICKS, Kind.NOTEBOOK, Kind.YAML, Kind.SHELL, Kind.TERRAFORM)


@dataclass(frozen=True, slots=True)
class Options:
    """How far a run goes."""

    wanted: Wanted = field(default_factory=Wanted)
    safeties: frozenset[Safety] = frozenset(_MADE)
    """Which changes are made; PROPOSE among them makes proposals, too."""
    comments: bool = True
    """Whether a comment is left where a person decides."""


@dataclass(frozen=True, slots=True)
class Reference:
    """A finding with its place, and whether it is changed by this run."""

    finding: Finding
    place: Place
    line: str
    is_changed: bool


@dataclass(frozen=True, slots=True)
class Change:
    """A file before and after, and the edits by rule."""

    name: str
    before: bytes
    after: bytes
    edits: Mapping[str, tuple[Edit, ...]]


@dataclass(frozen=True, slots=True)
class Outcome:
    """All that a run found, would change, and could not read."""

    references: tuple[Reference, ...]
    changes: tuple[Change, ...]
    troubles: tuple[Trouble, ...]
    counted: int
    seconds: float
    project: Project

    def steps(self) -> Iterator[tuple[str, list[tuple[str, bytes, bytes]]]]:
        """The changes a rule at a time, each on top of those before: rule, and files before and after."""
        done: dict[str, list[Edit]] = defaultdict(list)
        states = {change.name: change.before for change in self.changes}
        for rule in sorted({rule for change in self.changes for rule in change.edits}):
            step: list[tuple[str, bytes, bytes]] = []
            for change in self.changes:
                if edits := change.edits.get(rule):
                    done[change.name] += edits
                    document = self.project.document(change.name)
                    after = document.rewritten(tuple(done[change.name])) if document else change.before
                    step.append((change.name, states[change.name], after))
                    states[change.name] = after
            yield rule, step


def run(files: Files, plan: Plan, options: Options) -> Outcome:
    """Find what is in files, and what they become."""
    started = time.perf_counter()
    project = Project(files.bytes, repositories=files.repositories)
    troubles = list(files.troubles)
    findings = _findings(project, files, plan, troubles)
    judged = _judged(project, findings, options.wanted)
    changes, made, withdrawn = _settled(project, judged, options)
    references = tuple(_referred(project, judged, made))
    seconds = time.perf_counter() - started
    return Outcome(references, tuple(changes), (*troubles, *withdrawn), files.counted, seconds, project)


def _settled(
    project: Project, judged: list[Finding], options: Options
) -> tuple[list[Change], set[Finding], list[Trouble]]:
    """The changes, the findings that they make, and the documents that stay as they are since a change cannot be made.

    What a finding changes, it changes in all its documents or in none.
    """
    withdrawn: dict[str, Trouble] = {}
    while True:
        left = _left(project, judged, withdrawn.keys())
        chosen, made = _chosen([each for each in judged if each not in left], options)
        _comment(project, judged, made, chosen, options, withdrawn.keys())
        troubles: list[Trouble] = []
        changes = list(_changes(project, chosen, troubles))
        if not troubles:
            return changes, made, list(withdrawn.values())
        withdrawn |= {trouble.name: trouble for trouble in troubles}


def _findings(project: Project, files: Files, plan: Plan, troubles: list[Trouble]) -> list[Finding]:
    flows: dict[Flow, set[str]] = {}
    found: list[Finding] = []
    relevant = files.relevant()
    for name in relevant:
        found += _guarded(name, troubles, lambda name=name: _python(project, name, plan, flows, troubles))
    keys = {flow.key.encode() for flow in flows}
    for name in sorted({*relevant, *_keyed(files, keys)}):
        found += _guarded(name, troubles, lambda name=name: _rest(project, name, plan, flows))
    return found


def _keyed(files: Files, keys: set[bytes]) -> list[str]:
    """Configuration that has a key from which code takes something."""
    kinds = (Kind.YAML, Kind.JSON, Kind.SHELL)
    return [
        name
        for name, data in files.bytes.items()
        if documents.kind_of(name) in kinds and any(key in data for key in keys)
    ]


def _guarded(name: str, troubles: list[Trouble], work: object) -> list[Finding]:
    """One file that upsets a rule is told, and the others go on."""
    try:
        return work()  # type: ignore[operator]
    except Failure as failure:
        troubles.append(Trouble(name, failure.message))
    except Exception as error:  # noqa: BLE001  whatever a stranger's file does to a rule must not stop the others
        troubles.append(Trouble(name, f"could not be read to its end ({type(error).__name__}): report this."))
    return []


def _python(
    project: Project, name: str, plan: Plan, flows: dict[Flow, set[str]], troubles: list[Trouble]
) -> list[Finding]:
    document = project.document(name)
    if document is None:
        documents.read(name, project.files[name])  # says why
        return []
    if message := analysis.trouble(document, project):
        troubles.append(Trouble(name, message))
    return analysis.python(project, name, plan, flows)


def _rest(project: Project, name: str, plan: Plan, flows: dict[Flow, set[str]]) -> list[Finding]:
    document = project.document(name)
    return analysis.rest(document, plan, flows) if document else []


def _judged(project: Project, findings: list[Finding], wanted: Wanted) -> list[Finding]:
    """What counts, once each, in the order of files and places."""
    kept: dict[Finding, None] = {}
    for finding in findings:
        judged = wanted.judged(finding)
        document = project.document(finding.document)
        if judged and document and not analysis.is_ignored(document, judged):
            kept[judged] = None
    return sorted(kept, key=lambda found: (found.document, found.start, -found.end, found.rule, found.message))


def _left(project: Project, judged: list[Finding], withdrawn: Collection[str]) -> set[Finding]:
    """What is not changed since a document stays as it is: also the stages of a model whose name stays."""
    left = {each for each in judged if any(edit.document in withdrawn for edit in each.edits)}
    around = [(each.document, analysis.statement(project, each)) for each in left]
    return left | {
        each
        for each in judged
        if each.rule in analysis.OF_STAGES
        and any(name == each.document and start <= each.start and each.end <= end for name, (start, end) in around)
    }


def _chosen(judged: list[Finding], options: Options) -> tuple[dict[str, Chosen], set[Finding]]:
    """The edits that are made, by document; and the findings whose edits are all among them."""
    chosen: dict[str, Chosen] = defaultdict(Chosen)
    made: set[Finding] = set()
    for finding in sorted(judged, key=_reach, reverse=True):
        if not finding.edits or finding.safety not in options.safeties:
            continue
        if all(chosen[edit.document].has_room(edit) for edit in finding.edits):
            made.add(finding)
            for edit in finding.edits:
                chosen[edit.document].add(edit, finding.rule)
        elif all(chosen[edit.document].covers(edit) for edit in finding.edits):
            made.add(finding)
    return chosen, made


def _reach(finding: Finding) -> tuple[int, int]:
    """How much a finding changes: what changes much has what is inside it changed already."""
    return sum(edit.end - edit.start for edit in finding.edits), len(finding.edits)


def _comment(
    project: Project,
    judged: list[Finding],
    made: set[Finding],
    chosen: dict[str, Chosen],
    options: Options,
    withdrawn: Collection[str],
) -> None:
    """Leave a comment where a person decides, unless it is there already."""
    for finding in judged:
        document = project.document(finding.document)
        if not options.comments or finding.safety is not Safety.PROPOSE or finding.todo is None or finding in made:
            continue
        if document is None or document.kind not in _COMMENTED or document.name in withdrawn:
            continue
        if _is_said(document, finding):
            continue
        chosen[document.name].comment(_comment_edit(document, finding), finding.rule)


def _is_said(document: Document, finding: Finding) -> bool:
    """Whether the comment stands above already."""
    line = finding.todo or 0
    while line > 0:
        above = document.line_start(line - 1)
        text = document.buffer[above:line].strip()
        if not text.startswith(b"#"):
            return False
        if f"{MARK}{finding.rule})".encode() in text:
            return True
        line = above
    return False


def _comment_edit(document: Document, finding: Finding) -> Edit:
    line = finding.todo or 0
    text = document.buffer[line:]
    indent = text[: len(text) - len(text.lstrip(b" \t"))]
    said = f"# {MARK}{finding.rule}): {finding.message}".encode()
    return Edit(document.name, line, line, indent + said + texts.newline(document.buffer, line))


def _changes(project: Project, chosen: Mapping[str, Chosen], troubles: list[Trouble]) -> Iterator[Change]:
    for name, choice in sorted(chosen.items()):
        document, edits = project.document(name), choice.by_rule()
        if document is None or not edits:
            continue
        try:
            after = document.rewritten(tuple(edit for each in edits.values() for edit in each))
            _proved(document, after)
        except Failure as failure:
            troubles.append(Trouble(name, f"changes withdrawn: {failure.message}"))
            continue
        if after != document.data:
            yield Change(name, document.data, after, edits)


def _proved(document: Document, after: bytes) -> None:
    """`Failure`, if what parsed before does not parse any more."""
    new = documents.read(document.name, after)
    if document.kind in (Kind.YAML, Kind.JSON):
        if _parses(document):
            entries.read(new)
        return
    if len(syntax.broken(syntax.trees(new))) > len(syntax.broken(syntax.trees(document))):
        raise texts.Malformed("they would not parse.")
    if document.kind is Kind.PYTHON and _compiles(document.data) and not _compiles(after):
        raise texts.Malformed("they would not compile.")


def _parses(document: Document) -> bool:
    try:
        entries.read(document)
    except Failure:
        return False
    return True


def _compiles(data: bytes) -> bool:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            ast.parse(data)
        except (SyntaxError, ValueError, RecursionError, MemoryError):
            return False
    return True


def _referred(project: Project, judged: Sequence[Finding], made: set[Finding]) -> Iterator[Reference]:
    for finding in judged:
        document = project.document(finding.document)
        if document:
            start = document.line_start(finding.start)
            end = document.buffer.find(b"\n", finding.start)
            line = document.text(start, end if end >= 0 else len(document.buffer)).strip()[:200]
            yield Reference(finding, document.place(finding.start), line, finding in made)
