"""The ledger: how far the world has come from each old name, what is proven of that and what cannot be. Pure.

unseen → seen → rewritten → silent → brown-out → retired
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field
from datetime import UTC, datetime
from enum import StrEnum
from typing import Any, Final

from modelyard.domain.legacy import OTHERS
from modelyard.upgrade.callers.scans import Place, Scanned

DAY: Final = 86_400_000
"""Milliseconds."""
DOOR: Final = (
    "The door sees REST calls to this server only: direct SQL on the old registry's database, the old registry itself "
    "as long as it runs, and copies of a model's files are invisible to it."
)
_SOME: Final = 20


class State(StrEnum):
    """How far it is with an old name."""

    ABSENT = "absent"
    """A plan names it, and the server does not answer to it."""
    UNSEEN = "unseen"
    """Nobody has called by it yet."""
    SEEN = "seen"
    """Somebody calls by it."""
    REWRITTEN = "rewritten"
    """Somebody did lately, but no scanned code says it any more."""
    SILENT = "silent"
    """Nobody has called by it for so many days."""
    BROWN_OUT = "brown-out"
    """Calls are refused for a while."""
    RETIRED = "retired"
    """Calls are refused for good."""


@dataclass(frozen=True, slots=True)
class Caller:
    """Who called by an old name: with what, what for, how often; times are epoch milliseconds."""

    principal: str
    client: str
    call: str
    stage: str
    first_seen_at: int
    last_seen_at: int
    times: int
    refused: int


@dataclass(slots=True)
class Entry:
    """What is known of an old name. `callers` is None where the one who asks may not see them."""

    name: str
    full_name: str
    state: State
    days_silent: int | None = None
    """Whole days since somebody called by it or, if nobody has, since it was added."""
    last_seen_at: int | None = None
    created_at: int | None = None
    refused_from: int | None = None
    refused_until: int | None = None
    retired_at: int | None = None
    callers: list[Caller] | None = field(default_factory=list[Caller])
    code: list[Place] = field(default_factory=list[Place])
    prose: list[Place] = field(default_factory=list[Place])
    traffic: list[dict[str, Any]] = field(default_factory=list[dict[str, Any]])
    proven: list[str] = field(default_factory=list[str])
    unproven: list[str] = field(default_factory=list[str])
    blockers: list[str] = field(default_factory=list[str])
    """Why it should not be retired yet."""

    def told(self) -> dict[str, Any]:
        """For machines."""
        callers = None if self.callers is None else [asdict(each) for each in self.callers]
        places = {"code": [each.told() for each in self.code], "prose": [each.told() for each in self.prose]}
        return {**asdict(self), "state": self.state.value, "callers": callers, **places}


@dataclass(frozen=True, slots=True)
class Measure:
    """By what entries are judged: the time now, how many days are silence, and what was scanned."""

    now: int
    days: int
    scanned: Scanned


def entry(name: Mapping[str, Any], callers: Sequence[Mapping[str, Any]] | None, by: Measure) -> Entry:
    """The entry of a name as the server tells it, and of those who called by it."""
    last = name.get("last_seen_at")
    found = Entry(
        name=str(name["name"]),
        full_name=str(name.get("full_name") or ""),
        state=State.SEEN,
        last_seen_at=last,
        created_at=name.get("created_at"),
        refused_from=name.get("refused_from"),
        refused_until=name.get("refused_until"),
        retired_at=name.get("retired_at"),
        callers=None if callers is None else [_caller(each) for each in callers],
        code=by.scanned.code(str(name["name"])),
        prose=by.scanned.prose(str(name["name"])),
    )
    since = last if last is not None else found.created_at
    found.days_silent = None if since is None else max(0, (by.now - since) // DAY)
    found.state = _state(found, str(name.get("state") or "open"), by)
    found.proven, found.unproven = _proven(found, by), _unproven(found, by)
    found.blockers = _blockers(found, by)
    return found


def absent(name: str, full_name: str, by: Measure) -> Entry:
    """The entry of a name that only a plan has."""
    found = Entry(name, full_name, State.ABSENT, code=by.scanned.code(name), prose=by.scanned.prose(name))
    found.proven = [*_written(found, by)]
    found.unproven = ["The server does not answer to this name, so nobody who says it is seen.", *by.scanned.caveats()]
    found.blockers = ["The server does not answer to this name; `modelyard legacy add` lets it."]
    return found


def _caller(said: Mapping[str, Any]) -> Caller:
    return Caller(**{name: said[name] for name in Caller.__dataclass_fields__})


def _state(found: Entry, door: str, by: Measure) -> State:
    if door in {State.RETIRED.value, State.BROWN_OUT.value}:
        return State(door)
    if found.last_seen_at is None:
        return State.UNSEEN
    if (found.days_silent or 0) >= by.days:
        return State.SILENT
    return State.REWRITTEN if by.scanned.is_there and not found.code else State.SEEN


# What can be said of it


def _proven(found: Entry, by: Measure) -> list[str]:
    said: list[str] = []
    if found.retired_at is not None:
        said.append(f"Calls are refused since {day(found.retired_at)}.")
    if found.last_seen_at is None:
        since = f", since {day(found.created_at)}" if found.created_at else ""
        said.append(f"Nobody has called by it at this server{since}.")
    elif not found.days_silent:
        said.append(f"Somebody called by it within a day: {_latest(found)}.")
    else:
        said.append(f"No witness for {found.days_silent} days; the last was {_latest(found)}.")
    if found.refused_until and found.refused_from and found.refused_until <= by.now:
        said.append(_rehearsed(found))
    elif found.refused_from and found.refused_from > by.now:
        said.append(f"Calls will be refused from {minute(found.refused_from)} to {minute(found.refused_until or 0)}.")
    return [*said, *_written(found, by)]


def _rehearsed(found: Entry) -> str:
    """What a brown-out that is over has shown, as far as the latest call of each caller tells."""
    begin, end = found.refused_from or 0, found.refused_until or 0
    struck = [each for each in found.callers or () if each.refused and begin <= each.last_seen_at]
    who = ", ".join(sorted({each.principal for each in struck})[:_SOME])
    told = f"callers that were refused since then: {who}" if struck else "no caller was refused in it"
    return f"The last brown-out was from {minute(begin)} to {minute(end)}; {told}."


def _written(found: Entry, by: Measure) -> list[str]:
    if not by.scanned.is_there:
        return []
    files = len({each.file for each in found.code})
    told = (
        f"{_count(len(found.code), 'reference')} in {_count(files, 'file')} of scanned code say it."
        if found.code
        else f"No code says it in the {_count(by.scanned.files, 'file')} that were scanned."
    )
    more = [f"{_count(len(found.prose), 'reference')} remain in comments and texts."] if found.prose else []
    return [told, *more]


def _unproven(found: Entry, by: Measure) -> list[str]:
    said = [DOOR]
    if found.callers is None:
        said.append("Who calls is not shown to you: it takes MANAGE on the model.")
    elif any(each.client == OTHERS for each in found.callers):
        said.append("More than 1,000 kinds of callers are counted together; some of them may be anybody.")
    if found.state is State.UNSEEN:
        said.append("Code may still ask the old registry: that nobody came here does not say that nobody needs it.")
    if not by.scanned.is_there:
        said.append("No code was scanned: who says the name and has not run lately is not known (--scan).")
    else:
        said.append("Code outside of what was scanned is not known.")
    if found.days_silent is not None and found.state in {State.SILENT, State.UNSEEN, State.BROWN_OUT}:
        said.append(f"What runs more seldom than every {found.days_silent} days has not come by.")
    return [*said, *by.scanned.caveats()]


def _blockers(found: Entry, by: Measure) -> list[str]:
    """Why a name is not to be retired yet: somebody called lately, or code that was scanned still says it."""
    said: list[str] = []
    if found.state is State.RETIRED:
        return said
    if (found.days_silent or 0) < by.days:
        who = f"the last call was {_latest(found)}" if found.last_seen_at else "it is not here for so long"
        said.append(f"It has not been silent for {_count(by.days, 'day')}: {who}.")
    if found.code:
        places = ", ".join(f"{each.file}:{each.line}" for each in found.code[:3])
        said.append(f"{_count(len(found.code), 'reference')} in scanned code still say it: {places}.")
    return said


def _latest(found: Entry) -> str:
    when = minute(found.last_seen_at or 0)
    if not found.callers:
        return when
    last = max(found.callers, key=lambda each: each.last_seen_at)
    return f"{last.principal} with {last.client or 'an unnamed client'}, {last.call}, {when}"


def _count(number: int, noun: str) -> str:
    return f"{number} {noun}{'' if number == 1 else 's'}"


def day(at: int) -> str:
    """A date (UTC)."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d}"


def minute(at: int) -> str:
    """A time (UTC)."""
    return f"{datetime.fromtimestamp(at / 1000, UTC):%Y-%m-%d %H:%M} UTC"
