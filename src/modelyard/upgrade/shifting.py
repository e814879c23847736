"""A shift: how its steps and times are written, and whether a verdict lets the next step begin. Pure."""

from __future__ import annotations

import json
import re
from dataclasses import dataclass
from typing import Any, Final, cast

from modelyard.domain.plans import Plan
from modelyard.errors import Invalid, Malformed, WrongState

_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_TIME: Final = re.compile(r"(\d{1,9})([smhd]?)\Z", re.ASCII)
_DIGEST: Final = "digest"


def seconds(said: str) -> int:
    """A time as `90`, `90s`, `30m`, `2h` or `1d`, in seconds."""
    found = _TIME.match(said.strip())
    if found is None:
        raise Invalid(f'"{said[:40]}" is no time; write 90s, 30m, 2h or 1d.')
    return int(found[1]) * _UNITS[found[2]]


def plan(entity: str, steps: str, bake: str, error_rate: float, latency_ratio: float, requests: int) -> Plan:
    """The plan of a roll-out, checked."""
    try:
        rising = tuple(int(each) for each in steps.split(","))
    except ValueError:
        raise Invalid(f'"{steps[:60]}" are no steps; write them as 1,10,50,100.') from None
    return Plan(entity, rising, seconds(bake), error_rate, latency_ratio, requests).checked()


@dataclass(frozen=True, slots=True)
class Verdict:
    """A verdict of `modelyard upgrade compare`, as far as it gates something."""

    name: str
    agrees: bool
    made_at: str
    reasons: tuple[str, ...]
    digest: str
    """Of the new side's files; empty where answers were compared."""

    def allow(self) -> None:
        """`WrongState`, if it does not agree."""
        if not self.agrees:
            why = "; ".join(self.reasons) or "no reason is given"
            raise WrongState(f"the verdict in {self.name} is that old and new do not agree: {why}.")

    def allow_output(self, output: str, digest: str) -> None:
        """`WrongState`, if it does not agree, or is about other bytes than this output's."""
        self.allow()
        if not self.digest:
            raise WrongState(f"the verdict in {self.name} is about answers of endpoints, and not about {output}.")
        if self.digest != digest:
            raise WrongState(
                f"the verdict in {self.name} is about other bytes than {output} has; compare that, as a whole folder."
            )


def verdict(name: str, text: str) -> Verdict:
    """A verdict, read."""
    try:
        said: Any = json.loads(text)
    except (ValueError, RecursionError):
        raise Malformed(f"{name} is not JSON; write it with `modelyard upgrade compare … --verdict {name}`.") from None
    told = cast("dict[str, Any]", said) if isinstance(said, dict) else {}
    if not isinstance(told.get("agrees"), bool) or not isinstance(told.get("new"), dict):
        raise Invalid(f"{name} is no verdict; write it with `modelyard upgrade compare … --verdict {name}`.")
    reasons = tuple(str(each) for each in told.get("reasons") or ())
    digest = str(told["new"].get(_DIGEST) or "")
    return Verdict(name, told["agrees"] is True, str(told.get("made_at") or ""), reasons, digest)
