"""Where a model version comes from, and what uses it, as clients say it: edges to runs, jobs, tables, versions."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final

from modelyard.domain.names import text
from modelyard.errors import Invalid

MAX_EDGES: Final = 100
"""How much one request may say, or one version may show in one direction at one step."""
MAX_NAME: Final = 1_024
MAX_DEPTH: Final = 10


class Direction(StrEnum):
    """Which side of a version an edge is on: what it was made from, or what was made from it."""

    UPSTREAM = "upstream"
    DOWNSTREAM = "downstream"


RUN: Final = "run"
EXPERIMENT: Final = "experiment"
LOGGED_MODEL: Final = "logged_model"
VERSION: Final = "model_version"
READER: Final = "reader"
"""A principal that read the version, where the client does not say for what."""


@dataclass(frozen=True, slots=True)
class End:
    """The other end of an edge; `details` is what else the client said of it."""

    kind: str
    name: str
    details: dict[str, str] = field(default_factory=dict[str, str])


@dataclass(frozen=True, slots=True)
class Edge:
    """A step from a version to what is upstream or downstream of it.

    `model` and `version` name the other end where it is a version here. Times are epoch milliseconds. `depth` counts
    steps from the version that was asked for, from 1 on.
    """

    direction: Direction
    end: End
    first_at: int
    last_at: int
    times: int
    noted_by: str
    model: str = ""
    version: int = 0
    depth: int = 1


def end(kind: str, name: str, **details: str) -> End:
    """A valid end: a name of at most 1,024 characters."""
    for said in (name, *details.values()):
        if len(said) > MAX_NAME:
            raise Invalid(f"a name in a lineage has at most {MAX_NAME} characters, this one has {len(said)}.")
    told = {key: text(value, "lineage") for key, value in details.items() if value}
    return End(kind, text(name, "lineage"), told)


def bounded(ends: list[End]) -> tuple[End, ...]:
    """The ends, each once, if they are not too many."""
    if len(ends) > MAX_EDGES:
        raise Invalid(f"at most {MAX_EDGES} lineage entries are taken at once, these are {len(ends)}.")
    return tuple({(each.kind, each.name): each for each in ends if each.name}.values())


def depth(asked: int | None) -> int:
    """How many steps to go: 1 unless more is asked for."""
    steps = 1 if asked is None else asked
    if not 1 <= steps <= MAX_DEPTH:
        raise Invalid(f"depth must be from 1 to {MAX_DEPTH}.")
    return steps
