"""What a flat registry holds, for people: a part of a page."""

from __future__ import annotations

from collections import Counter
from html import escape
from typing import Final

from modelyard.upgrade import paper
from modelyard.upgrade.moving import inventory
from modelyard.upgrade.moving.registry import FlatModel, FlatVersion, Inventory, name_problem, shown
from modelyard.upgrade.paper import BAD, GOOD, NEW, OLD, WARN

_STAGES: Final = {"Production": GOOD, "Staging": NEW, "Archived": OLD}
_MOST: Final = 200
"""Versions of a model that are shown one by one."""


def body(found: Inventory) -> str:
    """Models, their versions, who may do what, and who hears of it."""
    summary = inventory.document(found)["summary"]
    cards = [(str(value), key.replace("_", " ")) for key, value in summary.items()]
    head = ("name there", "name here", "versions", "in stages", "without signature", "who may do what")
    parts = [
        f"<h2>The registry <code>{escape(found.uri)}</code></h2>{paper.cards(cards)}",
        paper.table(head, (_line(each, told=found.permissions_told) for each in found.models)),
        *(_versions(each) for each in found.models if each.versions),
        _webhooks(found),
        "".join(f"<p>{escape(problem)}</p>" for problem in found.problems),
    ]
    return "".join(parts)


def _line(model: FlatModel, *, told: bool) -> tuple[str, ...]:
    name, problem = f"<code>{escape(shown(model.name))}</code>", model.problem or name_problem(model.name)
    if problem:
        return name, f"{paper.tag('not brought', BAD)} {escape(problem)}", "", "", "", ""
    new = escape(model.new_name) + (f" {paper.tag('changes', WARN)}" if model.must_change else "")
    stages = Counter(version.stage for version in model.versions)
    lacking = sum(not each.contents.has_signature for each in model.versions if each.contents)
    held = ", ".join(f"{each.user}: {each.level}" for each in model.permissions)
    return (
        name,
        new,
        str(len(model.versions)),
        " ".join(paper.tag(f"{stage} {stages[stage]}", colour) for stage, colour in _STAGES.items() if stages[stage]),
        str(lacking or paper.NOTHING),
        escape(held) if told else "not told",
    )


def _versions(model: FlatModel) -> str:
    rows = [_version(each) for each in model.versions[:_MOST]]
    more = f"<p>… and {len(model.versions) - _MOST} more; --json has them all.</p>" if model.versions[_MOST:] else ""
    head = ("version", "stage", "signature", "files", "bytes", "maker", "why it is not brought")
    count = f"{len(model.versions)} version{'' if len(model.versions) == 1 else 's'}"
    title = f"<summary><code>{escape(shown(model.name))}</code> · {count}</summary>"
    return f"<details>{title}{paper.table(head, rows)}{more}</details>"


def _version(version: FlatVersion) -> tuple[str, ...]:
    found = version.contents
    files = (str(len(found.files)), str(found.size)) if found else (paper.NOTHING, paper.NOTHING)
    signature = ("yes" if found.has_signature else "no") if found else paper.NOTHING
    stage = paper.tag(version.stage, _STAGES[version.stage]) if version.stage in _STAGES else escape(version.stage)
    return (str(version.number), stage, signature, *files, escape(version.creator), escape(version.why_not))


def _webhooks(found: Inventory) -> str:
    rows = [
        tuple(map(escape, (each.model or "all", each.to, ", ".join(each.events), ", ".join(each.new_events))))
        for each in found.webhooks or ()
    ]
    head = ("model", "who hears", "of what", "which here is")
    return f"<h2>Webhooks</h2>{paper.table(head, rows)}" if rows else ""
