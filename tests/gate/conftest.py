"""Fixtures: a world that the tests of a run share, on each database."""

from tests.house.world import make_world, world

__all__ = ["make_world", "world"]
