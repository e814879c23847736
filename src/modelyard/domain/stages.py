"""Stages of versions, as MLflow's flat registry has them: several versions may be in one, and the highest number wins.

The rules are those of MLflow's own store (`transition_model_version_stage`, `get_latest_versions`). Aliases stand
beside stages: a transition moves the alias that a stage is mapped to, and moving an alias never changes a stage.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from modelyard.errors import Invalid


class Stage(StrEnum):
    """Where a version stands; the value is MLflow's own spelling."""

    NONE = "None"
    STAGING = "Staging"
    PRODUCTION = "Production"
    ARCHIVED = "Archived"


ACTIVE: Final = (Stage.STAGING, Stage.PRODUCTION)
"""The stages out of which others can be archived."""

_BY_WORD: Final = {stage.value.lower(): stage for stage in Stage}


def stage(word: str) -> Stage:
    """The stage of a word, in any case; `Invalid` in MLflow's words for any other."""
    found = _BY_WORD.get(word.lower())
    if found is None:
        shown = "".join(letter if letter.isprintable() else "�" for letter in word[:60])
        raise Invalid(f"Invalid Model Version stage: {shown}. Value must be one of {', '.join(Stage)}.")
    return found


def stages(words: Iterable[str]) -> tuple[Stage, ...]:
    """The stages of some words, each once; all of them where nothing is said."""
    return tuple(dict.fromkeys(map(stage, words))) or tuple(Stage)


def check_archive(target: Stage) -> None:
    """`Invalid`, where a stage is not one out of which others are archived."""
    if target not in ACTIVE:
        raise Invalid(
            "Model version transition cannot archive existing model versions because "
            f"'{target}' is not an Active stage. Valid stages are {[str(each) for each in ACTIVE]}",
        )


@dataclass(frozen=True, slots=True)
class StageMove:
    """One transition of a version, at epoch milliseconds."""

    seq: int
    version: int
    from_stage: Stage
    to_stage: Stage
    moved_at: int
    moved_by: str
    request_id: str


@dataclass(frozen=True, slots=True)
class Transition:
    """What a transition changes: `before` has the stage of each version of the model that is in one."""

    before: Mapping[int, Stage]
    after: Mapping[int, Stage]

    @property
    def changed(self) -> dict[int, tuple[Stage, Stage]]:
        """The versions whose stage changes, and from which to which."""
        told = ((number, self.before.get(number, Stage.NONE), stage) for number, stage in self.after.items())
        return {number: (was, becomes) for number, was, becomes in told if was is not becomes}

    def left(self, place: Stage) -> set[int]:
        """The versions that leave a stage."""
        return {number for number, (was, _) in self.changed.items() if was is place}

    def highest(self, place: Stage) -> int | None:
        """The highest number in a stage afterwards."""
        return max((number for number, stage in self.after.items() if stage is place), default=None)


def transition(before: Mapping[int, Stage], number: int, target: Stage, *, archive: bool) -> Transition:
    """A version goes into a stage; with `archive`, all others there are archived."""
    if archive:
        check_archive(target)
    archived = {each: Stage.ARCHIVED for each, stage in before.items() if archive and stage is target}
    return Transition(before, {**before, **archived, number: target})


@dataclass(frozen=True, slots=True)
class Pointing:
    """Where a mapped alias goes: to a version, or away (None)."""

    alias: str
    version: int | None


def pointings(
    change: Transition, target: Stage, mapped: Mapping[Stage, Iterable[str]], points_at: Mapping[str, int]
) -> list[Pointing]:
    """What a transition does to aliases, of which `points_at` says (folded) where each stands.

    The alias of the stage that a version enters goes to the highest one there, wherever it was. That of a stage that
    it leaves follows only where it pointed at a version that left: somebody may have moved it by hand.
    """
    entered = {target} | {becomes for _, becomes in change.changed.values()}
    left = {was for was, _ in change.changed.values()} - entered
    found: list[Pointing] = []
    for place in Stage:
        for alias in mapped.get(place, ()):
            at, highest = points_at.get(alias.lower()), change.highest(place)
            if place in entered or (place in left and at in change.left(place)):
                found += [Pointing(alias, highest)] if at != highest else []
    return found


def touched_aliases(touched: Iterable[Stage], mapped: Mapping[Stage, Iterable[str]]) -> list[str]:
    """The aliases that stand for stages: those that they are mapped to, and any that is called like one."""
    among = sorted(set(touched) - {Stage.NONE})
    return [alias for stage in among for alias in (stage.value.lower(), *mapped.get(stage, ()))]
