from __future__ import annotations

from pathlib import Path

from modelyard.upgrade.catalogue import RULES

PAGE = Path(__file__).parents[2] / "docs" / "upgrade.md"


def test_the_page_has_every_rule_as_it_is() -> None:
    text = PAGE.read_text()
    for rule in RULES.values():
        assert f"| {rule.id} | {rule.matches} | {rule.writes} | {rule.why}" in text
    assert len(RULES) == 43
