"""What starts runs of a job by itself: cron, periods, and what happens to models (protocol notes §1.8)."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from modelyard.domain import names
from modelyard.domain.jobs import quartz
from modelyard.domain.jobs.reading import Said
from modelyard.errors import Invalid

GRACE: Final = 5 * 60_000
"""Milliseconds that a fire may be late; what was missed by more is left out."""
_LEAST_WAIT: Final = 60
_MOST_ALIASES: Final = 10
_MOST_TRIGGERS: Final = 10
_UNITS: Final = {"MINUTES": 60_000, "HOURS": 3_600_000, "DAYS": 86_400_000, "WEEKS": 7 * 86_400_000}
_NOT_HERE: Final = ("continuous", "file_arrival", "table_update", "sql_condition")


class Condition(StrEnum):
    """What happens to a model."""

    MODEL_CREATED = "MODEL_CREATED"
    MODEL_VERSION_READY = "MODEL_VERSION_READY"
    MODEL_ALIAS_SET = "MODEL_ALIAS_SET"


@dataclass(frozen=True, slots=True)
class Change:
    """Something that happened to a model, and when."""

    condition: Condition
    model: str
    version: int = 0
    alias: str = ""
    at: int = 0

    @property
    def told(self) -> dict[str, object]:
        """As `{{job.trigger.model.updates}}` says it."""
        told: dict[str, object] = {"full_name": self.model}
        if self.version:
            told["version"] = self.version
        return {**told, "alias_name": self.alias} if self.alias else told


@dataclass(frozen=True, slots=True)
class Trigger:
    """One thing that starts runs: by cron, each so many milliseconds, or when something happens to a model."""

    paused: bool = False
    cron: str = ""
    timezone: str = ""
    period: int = 0
    condition: Condition | None = None
    securable: str = ""
    aliases: tuple[str, ...] = ()
    least_milliseconds: int = 0
    """Between two runs that changes of models start."""
    wait_milliseconds: int = 0
    """After the last change, so that changes which belong together start one run."""

    def next_fire(self, anchor: int, after: int) -> int | None:
        """When it fires next after a moment; periods are counted from `anchor`."""
        if self.paused:
            return None
        if self.cron:
            return quartz.next_fire(self.cron, self.timezone, after)
        if self.period:
            return anchor + ((max(after, anchor) - anchor) // self.period + 1) * self.period
        return None

    def missed(self, anchor: int, since: int, now: int) -> int | None:
        """The latest fire since a moment that has come, and is not too late."""
        found, at = None, max(since, now - GRACE)
        while (moment := self.next_fire(anchor, at)) is not None and moment <= now:
            found = at = moment
        return found

    def wants(self, change: Change) -> bool:
        """Whether a change of a model starts a run."""
        if self.paused or self.condition is not change.condition:
            return False
        inside = not self.securable or f"{change.model}.".startswith(f"{self.securable}.")
        named = not self.aliases or change.alias.lower() in {each.lower() for each in self.aliases}
        return inside and named


def next_of(triggers: Iterable[Trigger], anchor: int, after: int) -> int | None:
    """When the first of them fires."""
    fires = [each.next_fire(anchor, after) for each in triggers]
    return min((fire for fire in fires if fire is not None), default=None)


def read_triggers(said: Said) -> tuple[Trigger, ...]:
    """Everything that starts runs by itself, from a job's settings."""
    ways = [name for name in ("schedule", "continuous", "trigger", "triggers") if said.has(name)]
    if len(ways) > 1:
        raise Invalid(f"a job has one of schedule, continuous, trigger and triggers, not {' and '.join(ways)}.")
    if said.has("schedule"):
        return (_schedule(said.within("schedule")),)
    if said.has("trigger"):
        return (_trigger(said.within("trigger")),)
    if said.has("continuous"):
        _refuse(said, said.within("continuous"))
    return tuple(_trigger(each) for each in said.each("triggers", _MOST_TRIGGERS))


def _paused(said: Said) -> bool:
    status = said.text("pause_status", "UNPAUSED")
    if status not in {"PAUSED", "UNPAUSED"}:
        raise said.wrong("pause_status", "PAUSED or UNPAUSED")
    return status == "PAUSED"


def _schedule(said: Said, *, paused: bool | None = None) -> Trigger:
    cron, timezone = said.needed("quartz_cron_expression"), said.text("timezone_id", "UTC")
    quartz.check(cron, timezone)
    return Trigger(_paused(said) if paused is None else paused, cron=cron, timezone=timezone)


def _trigger(said: Said) -> Trigger:
    paused = _paused(said)
    if said.has("schedule"):
        return _schedule(said.within("schedule"), paused=paused)
    if said.has("periodic"):
        return _periodic(said.within("periodic"), paused=paused)
    if said.has("model"):
        return _model(said.within("model"), paused=paused)
    _refuse(said, said)
    return Trigger(paused=True)


def _refuse(said: Said, status: Said) -> None:
    """Say that a kind of trigger never fires here; one that is paused does no harm, and is kept."""
    if _paused(status):
        return
    named = [name for name in _NOT_HERE if said.has(name)]
    what = named[0] if named else "this trigger"
    raise Invalid(f"{said.at(what)} does not start runs here; use a schedule, periodic or model, or keep it PAUSED.")


def _periodic(said: Said, *, paused: bool) -> Trigger:
    unit = said.needed("unit")
    if unit not in _UNITS:
        raise said.wrong("unit", f"one of {', '.join(_UNITS)}")
    return Trigger(paused, period=said.number("interval", least=1, most=10_000) * _UNITS[unit])


def _model(said: Said, *, paused: bool) -> Trigger:
    condition = said.word("condition", Condition)
    aliases = said.texts("aliases", _MOST_ALIASES)
    if aliases and condition is not Condition.MODEL_ALIAS_SET:
        raise Invalid(f"{said.at('aliases')} goes with the condition MODEL_ALIAS_SET only.")
    waits = [
        said.number(name, least=0 if not said.raw.get(name) else _LEAST_WAIT, most=86_400) * 1000
        for name in ("min_time_between_triggers_seconds", "wait_after_last_change_seconds")
    ]
    securable = names.securable(said.text("securable_name")) if said.text("securable_name") else ""
    return Trigger(
        paused,
        condition=condition,
        securable=securable,
        aliases=tuple(names.alias(each) for each in aliases),
        least_milliseconds=waits[0],
        wait_milliseconds=waits[1],
    )
