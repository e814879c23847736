"""Fixtures: a world that the tests of a run share, on each database; and what of them only the long sweep tells."""

from __future__ import annotations

from zlib import crc32

import pytest

from tests.house.world import make_world, world

__all__ = ["make_world", "world"]

_SAMPLE = 4


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Every action is tried on SQLite; on PostgreSQL one test in four, the others in the long sweep.

    What an action needs is decided by the same code on both; the tests of each action's own file run on both.
    """
    for item in items:
        if item.path.name == "test_actions.py" and "postgresql" in item.name and crc32(item.name.encode()) % _SAMPLE:
            item.add_marker(pytest.mark.full)
