"""What is known of a manifest's files beyond their names."""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, select

from modelyard.domain.cards import Card, Contents, Finding, Verdict
from modelyard.store import schema
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from modelyard.store.tx import Look, Write

_cards = schema.cards
_ADD: Final = inserting(_cards)
_GET: Final = select(_cards.c.contents, _cards.c.verdict, _cards.c.findings, _cards.c.facts).where(
    _cards.c.manifest_id == bindparam("manifest")
)


def keep(tx: Write, manifest_id: str, card: Card) -> None:
    """Keep what an examination found, once and for all: a manifest that was examined never changes."""
    tx.run(
        _ADD,
        manifest_id=manifest_id,
        contents=card.contents.value,
        verdict=card.verdict.value,
        findings=json.dumps([asdict(finding) for finding in card.findings]),
        facts=json.dumps(card.facts),
        scanned_at=tx.now,
    )


def get(tx: Look, manifest_id: str) -> Card:
    """What was found; for a version from before there were examinations, that nothing is known."""
    row = tx.row(_GET, manifest=manifest_id)
    if row is None:
        return Card()
    contents, verdict, findings, facts = row
    found = tuple(Finding(**each) for each in json.loads(findings))
    return Card(Contents(contents), Verdict(verdict), found, json.loads(facts))
