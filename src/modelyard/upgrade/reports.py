"""What a run found, for machines: one JSON document, and SARIF 2.1.0 for code hosts."""

from __future__ import annotations

import difflib
import hashlib
from collections import Counter, defaultdict
from collections.abc import Iterator
from typing import Any, Final

from modelyard import __version__
from modelyard.errors import Malformed
from modelyard.upgrade.catalogue import RULES
from modelyard.upgrade.engine import Outcome, Reference
from modelyard.upgrade.findings import Safety

_LEVELS: Final = {Safety.AUTOMATIC: "warning", Safety.REVIEW: "warning", Safety.PROPOSE: "warning"}
_SCHEMA: Final = "https://json.schemastore.org/sarif-2.1.0.json"


def document(outcome: Outcome) -> dict[str, Any]:
    """Everything, as one document; registries that are scanned will have a key of their own beside `code`."""
    return {
        "format": 1,
        "modelyard": __version__,
        "code": {
            "files_read": outcome.counted,
            "seconds": round(outcome.seconds, 3),
            "summary": summary(outcome),
            "names": names(outcome),
            "references": [_reference(outcome, reference) for reference in outcome.references],
            "changed": [change.name for change in outcome.changes],
            "not_read": [{"file": trouble.name, "why": trouble.message} for trouble in outcome.troubles],
        },
    }


def summary(outcome: Outcome) -> dict[str, dict[str, int]]:
    """How many references each rule has, by safety."""
    found: dict[str, Counter[str]] = defaultdict(Counter)
    for reference in outcome.references:
        found[reference.finding.rule][reference.finding.safety.value] += 1
    return {rule: dict(sorted(found[rule].items())) for rule in sorted(found)}


def names(outcome: Outcome) -> dict[str, dict[str, int]]:
    """The flat names that are written in code: how often, and in how many files."""
    found: dict[str, list[str]] = defaultdict(list)
    for reference in outcome.references:
        if reference.finding.subject:
            found[reference.finding.subject].append(reference.finding.document)
    return {name: {"references": len(files), "files": len(set(files))} for name, files in sorted(found.items())}


def _reference(outcome: Outcome, reference: Reference) -> dict[str, Any]:
    finding, place = reference.finding, reference.place
    return {
        "file": finding.document, "line": place.line, "column": place.column,
        "cell": place.cell, "cell_line": place.cell_line,
        "rule": finding.rule, "safety": finding.safety.value, "message": finding.message,
        "name": finding.subject or None, "text": reference.line, "is_changed": reference.is_changed,
        "edits": [
            {"file": edit.document, "line": _line(outcome, edit.document, edit.start), "text": edit.text.decode()}
            for edit in finding.edits
        ],
    }  # fmt: skip


def _line(outcome: Outcome, name: str, offset: int) -> int | None:
    found = outcome.project.document(name)
    return found.place(offset).line if found else None


def sarif(outcome: Outcome) -> dict[str, Any]:
    """SARIF 2.1.0, with what would change as fixes."""
    used = sorted({reference.finding.rule for reference in outcome.references})
    seen: Counter[str] = Counter()
    return {
        "$schema": _SCHEMA,
        "version": "2.1.0",
        "runs": [
            {
                "tool": {"driver": _driver(used)},
                "columnKind": "utf16CodeUnits",
                "results": [_result(outcome, reference, used, seen) for reference in outcome.references],
                "invocations": [{"executionSuccessful": True, "toolExecutionNotifications": list(_notes(outcome))}],
            }
        ],
    }  # fmt: skip


def _driver(used: list[str]) -> dict[str, Any]:
    return {"name": "modelyard upgrade", "version": __version__, "rules": [_rule(name) for name in used]}


def _rule(name: str) -> dict[str, Any]:
    rule = RULES[name]
    text = f"{rule.matches} → {rule.writes}"
    return {"id": name, "shortDescription": {"text": text}, "fullDescription": {"text": rule.why}}


def _notes(outcome: Outcome) -> Iterator[dict[str, Any]]:
    for trouble in outcome.troubles:
        where = {"physicalLocation": {"artifactLocation": {"uri": trouble.name}}}
        yield {"level": "warning", "message": {"text": trouble.message}, "locations": [where]}


def _result(outcome: Outcome, reference: Reference, used: list[str], seen: Counter[str]) -> dict[str, Any]:
    finding, place = reference.finding, reference.place
    key = f"{finding.rule}\0{finding.document}\0{reference.line}\0{finding.message}"
    seen[key] += 1
    digest = hashlib.sha256(f"{key}\0{seen[key]}".encode()).hexdigest()
    physical = {
        "artifactLocation": {"uri": finding.document},
        "region": {"startLine": place.line, "startColumn": place.column},
    }
    where: dict[str, Any] = {"physicalLocation": physical}
    if place.cell:
        where["logicalLocations"] = [{"name": f"cell {place.cell}", "kind": "module"}]
    result: dict[str, Any] = {
        "ruleId": finding.rule, "ruleIndex": used.index(finding.rule),
        "level": _LEVELS.get(finding.safety, "note"), "message": {"text": finding.message},
        "locations": [where], "partialFingerprints": {"modelyardUpgrade/v1": digest},
        "properties": {"safety": finding.safety.value},
    }  # fmt: skip
    fixes = _fixes(outcome, reference)
    return {**result, "fixes": fixes} if fixes else result


def _fixes(outcome: Outcome, reference: Reference) -> list[dict[str, Any]]:
    """What a finding proposes; nothing, where a file's encoding cannot say it."""
    try:
        return _replacements(outcome, reference)
    except Malformed:
        return []


def _replacements(outcome: Outcome, reference: Reference) -> list[dict[str, Any]]:
    files: dict[str, list[dict[str, Any]]] = defaultdict(list)
    for edit in reference.finding.edits:
        found = outcome.project.document(edit.document)
        for start, end, text in found.ways.back(edit.start, edit.end, edit.text) if found else ():
            region = {"byteOffset": start, "byteLength": end - start}
            files[edit.document].append({"deletedRegion": region, "insertedContent": {"text": text.decode()}})
    changes = [
        {"artifactLocation": {"uri": name}, "replacements": replacements} for name, replacements in files.items()
    ]
    return [{"description": {"text": reference.finding.message}, "artifactChanges": changes}] if changes else []


def diff(name: str, before: bytes, after: bytes) -> str:
    """A unified diff of one file."""
    old, new = (text.decode(errors="replace").splitlines(keepends=True) for text in (before, after))
    lines = difflib.unified_diff(old, new, f"a/{name}", f"b/{name}")
    return "".join(line if line.endswith("\n") else f"{line}\n\\ No newline at end of file\n" for line in lines)
