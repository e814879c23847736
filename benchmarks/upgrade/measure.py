"""A run over public files that somebody has fetched, beside what a person expects of each."""

from __future__ import annotations

import ast
import hashlib
import json
import os
import sys
import time
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

from modelyard.upgrade import engine, plan, walk
from modelyard.upgrade.engine import Options, Outcome
from modelyard.upgrade.findings import Safety

EXPECTED = Path(__file__).with_name("expected.jsonl")
"""One line for each file of the list: its rules by what has to be rewritten and told, and whether it stays as it is."""
MANY = 1_000


@dataclass(frozen=True)
class Expected:
    """What a person expects of one file; a rule may be one of several, with `|` between."""

    n: int
    file: str
    sha256: str
    rewrite: list[str]
    flag: list[str]
    leave: bool


@dataclass
class Found:
    """The counts, and what was missed."""

    listed: int = 0
    fetched: int = 0
    same: int = 0
    """Files whose bytes are those that the list was made from: the others are of another commit, or excerpts."""
    rewrites: list[int] = field(default_factory=lambda: [0, 0])
    flags: list[int] = field(default_factory=lambda: [0, 0])
    negatives: int = 0
    touched: int = 0
    """Negatives that were changed."""
    written: int = 0
    broken: int = 0
    """Files that parsed before and do not parse now, or that another run would change again."""
    missed: list[str] = field(default_factory=list[str])


def measure(folder: Path) -> Found:
    """Run over each repository in the folder, `owner/name`, and count."""
    found = Found()
    expected = [Expected(**json.loads(line)) for line in EXPECTED.read_text().splitlines()]
    found.listed = len(expected)
    for repository in sorted({"/".join(each.file.split("/")[:2]) for each in expected}):
        place = folder / repository
        here = [each for each in expected if each.file.startswith(f"{repository}/") and (folder / each.file).exists()]
        if here:
            outcome = engine.run(walk.files([place, folder / here[0].file]), _plan(), _options())
            _prove(outcome, found)
            for each in here:
                _count(each, outcome, place, folder, found)
    return found


def _plan() -> plan.Plan:
    return plan.made([], "prod.ml", [], "")


def _options() -> Options:
    """As people run it: what a person decides is a comment, which is told and counts as no rewrite."""
    return Options(comments=False)


def _count(each: Expected, outcome: Outcome, place: Path, folder: Path, found: Found) -> None:
    found.fetched += 1
    data = (folder / each.file).read_bytes()
    found.same += hashlib.sha256(data).hexdigest() == each.sha256
    name = (folder / each.file).relative_to(place).as_posix()
    _tally(each, "rewrite", found.rewrites, list(_changed(outcome, name)), found)
    told = [reference.finding.rule for reference in outcome.references if reference.finding.document == name]
    _tally(each, "flag", found.flags, told, found)
    if each.leave:
        found.negatives += 1
        found.touched += name in {change.name for change in outcome.changes}


def _changed(outcome: Outcome, name: str) -> Iterator[str]:
    """The rules that change a file, or for whose sake another is changed."""
    for reference in outcome.references:
        finding = reference.finding
        if reference.is_changed and (finding.document == name or name in {edit.document for edit in finding.edits}):
            yield finding.rule


def _tally(each: Expected, kind: str, counts: list[int], rules: list[str], found: Found) -> None:
    for wanted in getattr(each, kind):
        counts[1] += 1
        if set(wanted.split("|")) & set(rules):
            counts[0] += 1
        else:
            found.missed.append(f"{kind} {wanted}: {each.n} {each.file}")


def _prove(outcome: Outcome, found: Found) -> None:
    for change in outcome.changes:
        found.written += 1
        again = engine.run(walk.Files(Path(), {change.name: change.after}), _plan(), _options())
        found.broken += bool(again.changes) or (
            _parses(change.name, change.before) > _parses(change.name, change.after)
        )


def _parses(name: str, data: bytes) -> bool:
    try:
        if name.endswith(".py"):
            ast.parse(data)
        elif name.endswith((".ipynb", ".json")):
            json.loads(data)
    except (SyntaxError, ValueError):
        return False
    return True


def seconds(folder: Path) -> dict[str, float]:
    """Seconds of processor for a thousand files: of the list, over and over, and of Python's own library."""
    data = [path.read_bytes() for path in sorted(folder.rglob("*.py"))]
    ours = {f"{number}/a.py": data[number % len(data)] for number in range(MANY)}
    library = Path(os.__file__).parent
    others = [path for path in sorted(library.rglob("*.py")) if "site-packages" not in path.parts][:MANY]
    read = {str(number): path.read_bytes() for number, path in enumerate(others)}
    return {
        "files of the list": _timed({f"{name}": text for name, text in ours.items()}),
        f"files of Python {sys.version_info.major}.{sys.version_info.minor}": _timed(
            {f"{name}.py": text for name, text in read.items()}
        ),
    }


def _timed(files: dict[str, bytes]) -> float:
    started = time.process_time()
    engine.run(walk.Files(Path(), files), _plan(), Options(safeties=frozenset(Safety)))
    return (time.process_time() - started) * MANY / len(files)
