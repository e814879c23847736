"""Quartz cron expressions, read by croniter after a translation (protocol notes §1.8).

Quartz counts weekdays from Sunday as 1, croniter from Sunday as 0; `?` is `*`; `6L` is the last Friday. What croniter
cannot say (`LW`, `L-3`) is refused, in words that say what to write instead.
"""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Final
from zoneinfo import ZoneInfo

from croniter import CroniterError, croniter

from modelyard.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterator

_FIELDS: Final = (6, 7)
_MOST: Final = 200
_WEEKDAYS: Final = ("SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT")
_DAY: Final = re.compile(r"\d")
_LONGEST: Final = 5 * 366
"""Days after which a cron that has not fired never does."""
_AROUND: Final = timedelta(hours=4)
"""More than clocks are ever set forward or back."""
_LEAST_GAP: Final = 10
"""Seconds between two fires, as Databricks has it."""


def zone(name: str) -> ZoneInfo:
    """A time zone by its name in the tz database, which are those of Java."""
    if not re.fullmatch(r"[A-Za-z0-9_+\-/]{1,64}", name) or name.startswith("/"):
        raise Invalid(f'"{name[:60]}" is not a time zone; use one as Europe/Berlin or UTC.')
    try:
        return ZoneInfo(name)
    except (OSError, ValueError, LookupError):
        raise Invalid(f'"{name[:60]}" is not a time zone; use one as Europe/Berlin or UTC.') from None


def translated(expression: str) -> str:
    """A Quartz expression in the words of croniter, seconds first; `Invalid` says what is wrong."""
    fields = expression.upper().split()
    if len(fields) not in _FIELDS or len(expression) > _MOST:
        raise _wrong(expression, "it has 6 fields (seconds, minutes, hours, day, month, weekday) and perhaps a year")
    if (fields[3] == "?") == (fields[5] == "?"):
        raise _wrong(expression, "one of day of month and day of week must be ?, and not both")
    day = _month_day(expression, fields[3])
    told = [*fields[:3], day, fields[4], _weekdays(expression, fields[5]), *fields[6:]]
    return " ".join("*" if field == "?" else field for field in told)


def _month_day(expression: str, field: str) -> str:
    if field == "LW" or field.startswith("L-"):
        raise _wrong(expression, f"{field} is not understood; use L, a weekday as 6L, or a day as 15W")
    return field


def _weekdays(expression: str, field: str) -> str:
    if field in {"?", "*"}:
        return "*"
    return ",".join(_weekday(expression, each) for each in field.split(","))


def _weekday(expression: str, said: str) -> str:
    """One item of the field of weekdays: a day, a range, a step, the last or the n-th one of the month."""
    if said == "L":
        return "6"
    if said.endswith("L"):
        return f"L{_number(expression, said[:-1])}"
    if "#" in said:
        day, _, place = said.partition("#")
        return f"{_number(expression, day)}#{place}"
    days, slash, step = said.partition("/")
    if days == "*":
        return f"*{slash}{step}"
    first, dash, last = days.partition("-")
    if slash and not dash:
        dash, last = "-", "7"
    numbered = str(_number(expression, first)) + (f"-{_number(expression, last)}" if dash else "")
    return f"{_wrapped(numbered)}{slash}{step}"


def _wrapped(days: str) -> str:
    """A range that goes over the end of the week, as croniter wants it: Sunday is 7 at its end."""
    first, dash, last = days.partition("-")
    return f"{first}-7" if dash and last == "0" and first != "0" else days


def _number(expression: str, day: str) -> int:
    if day in _WEEKDAYS:
        return _WEEKDAYS.index(day)
    if _DAY.fullmatch(day) and 1 <= int(day) <= len(_WEEKDAYS):
        return int(day) - 1
    raise _wrong(expression, "weekdays are 1 (Sunday) to 7 (Saturday), or SUN to SAT")


def _wrong(expression: str, why: str) -> Invalid:
    return Invalid(f'"{expression[:80]}" is not a Quartz cron expression: {why}.')


@lru_cache(maxsize=4_096)
def _checked(expression: str) -> str:
    told = translated(expression)
    try:
        croniter(told, datetime(2024, 1, 1, tzinfo=UTC), second_at_beginning=True)
    except (CroniterError, ValueError, KeyError, AttributeError, IndexError):
        raise _wrong(expression, "a field is out of its range, or is not understood") from None
    return told


def check(expression: str, timezone: str) -> None:
    """`Invalid` unless it is a cron expression that does not fire more often than is taken."""
    zone(timezone)
    told = _checked(expression)
    first = next_fire(expression, timezone, 1_704_067_200_000)
    second = next_fire(expression, timezone, first) if first else None
    if first is None and len(told.split()) < _FIELDS[1]:
        raise _wrong(expression, "it never fires")
    if first and second and second - first < _LEAST_GAP * 1000:
        raise _wrong(expression, f"it fires more often than every {_LEAST_GAP} seconds")


def next_fire(expression: str, timezone: str, after: int) -> int | None:
    """When it fires next after a moment, both in epoch milliseconds; None for never.

    Clocks that are set forward: what falls in the gap fires once, right behind it. Clocks that are set back: what
    names an hour fires the first time only, what does not goes on through both.
    """
    told, here = _checked(expression), zone(timezone)
    wall = datetime.fromtimestamp(after // 1000, here).replace(tzinfo=None, fold=0)
    if not _is_near_change(here, after):
        return _soonest(told, here, wall, after)
    # Wall clock times do not follow each other as moments do: look at all that are around.
    return _soonest(told, here, wall - _AROUND, after, span=2 * _AROUND)


def _soonest(told: str, here: ZoneInfo, wall: datetime, after: int, span: timedelta = timedelta()) -> int | None:
    """The first moment after one, among those of the wall clock times that follow; `span` is how far to look."""
    is_hourly = any(mark in told.split()[2] for mark in "*/")
    found: list[int] = []
    for each in _walking(told, wall):
        if found and each - wall > span:
            break
        found += [moment for moment in _moments(each, here, twice=is_hourly) if moment > after]
        if found and not span:
            break
        if (each - wall).days > _LONGEST:
            break
    return min(found, default=None)


def _walking(told: str, start: datetime) -> Iterator[datetime]:
    """The wall clock times after one at which an expression fires, without a zone."""
    walk = croniter(told, start, second_at_beginning=True, max_years_between_matches=8)
    while True:
        try:
            yield walk.get_next(datetime)
        except (CroniterError, ValueError):
            return


def _is_near_change(here: ZoneInfo, at: int) -> bool:
    """Whether clocks are set within some hours."""
    moment = datetime.fromtimestamp(at // 1000, here)
    around = [(moment.astimezone(UTC) + hours * _AROUND).astimezone(here) for hours in (-1, 1)]
    return around[0].utcoffset() != around[1].utcoffset()


def _moments(wall: datetime, here: ZoneInfo, *, twice: bool) -> list[int]:
    """The moments of a wall clock time; one that does not exist is the moment at which clocks are set forward."""
    first, second = (wall.replace(tzinfo=here, fold=fold) for fold in (0, 1))
    if first.utcoffset() == second.utcoffset():
        return [_milliseconds(first)]
    if first.astimezone(UTC).astimezone(here).replace(tzinfo=None) != wall:
        return [_change(wall, here)]
    return [_milliseconds(each) for each in ((first, second) if twice else (first,))]


def _milliseconds(moment: datetime) -> int:
    return int(moment.timestamp() * 1000)


def _change(wall: datetime, here: ZoneInfo) -> int:
    """The moment of the change in whose gap a wall clock time lies."""
    low, high = (int((wall + part * _AROUND).replace(tzinfo=here).timestamp()) for part in (-1, 1))
    offset = datetime.fromtimestamp(low, here).utcoffset()
    while high - low > 1:
        middle = (low + high) // 2
        is_before = datetime.fromtimestamp(middle, here).utcoffset() == offset
        low, high = (middle, high) if is_before else (low, middle)
    return high * 1000
