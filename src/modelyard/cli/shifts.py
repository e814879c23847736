"""A shift under way: roll-outs of the server, one after another, with what the server does not judge between them."""

from __future__ import annotations

import time
from collections.abc import Iterator
from contextlib import nullcontext
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final
from urllib.parse import quote

import msgspec

from modelyard.cli.client import OURS, Told
from modelyard.cli.endpoints import at, ours, part
from modelyard.cli.output import err, say
from modelyard.cli.shift_entities import Beginning
from modelyard.domain.endpoints import Capture, Share
from modelyard.domain.plans import WHOLE, Plan
from modelyard.domain.rollouts import Phase, split
from modelyard.errors import Invalid, TooLate, WrongState
from modelyard.upgrade import shifting

if TYPE_CHECKING:
    from contextlib import AbstractContextManager

_PAUSE: Final = 0.5
_UNTIL_MORE: Final = 2.0
"""Seconds until there may be more answers to compare, which stand in files."""
_LOOK: Final = 10.0
"""Seconds between two looks at how far answers agree."""
_LATEST: Final = 300_000
"""Milliseconds of answers that are also judged alone."""


@dataclass(slots=True)
class Shift:
    """What takes over, by which plan, and what else is asked before each step.

    `disagreement` is the share of paired answers that may differ; None asks nothing of them.
    """

    start: Beginning
    plan: Plan
    verdicts: tuple[Path, ...] = ()
    disagreement: float | None = None
    until: float | None = None
    """By the monotonic clock; None waits as long as it takes."""
    _looked: float = 0.0

    def run(self, *, wait: bool = True) -> dict[str, Any]:
        """The last roll-out, once all requests go where they should; `WrongState`, if they were taken back."""
        if self.disagreement is not None:
            self._table()
        if self._goes_on():
            say(f"{self.start.endpoint}: a roll-out to {self.plan.entity} is under way.")
            if wait:
                self._watch()
        if not self._goes_on():
            for steps in self._stretches():
                self._let()
                self._begin(steps)
                if wait:
                    self._watch()
        if self.disagreement is not None and self._share() == WHOLE:
            self._end_shadow()
        return self._rollout() or {}

    def _stretches(self) -> Iterator[tuple[int, ...]]:
        """The steps that are left: one by one where something is asked before each, else all in one roll-out."""
        left = tuple(step for step in self.plan.steps if step > self._share())
        if not left:
            say(f"{self.start.endpoint}: {self.plan.entity} has {self._share()} % of the requests.")
            return
        if self.disagreement is not None:
            self._shadow()
        if self.verdicts or self.disagreement is not None:
            yield from ((step,) for step in left)
        else:
            yield left

    # What is asked before a step

    def _let(self) -> None:
        """`WrongState`, unless every verdict agrees and answers agree well enough."""
        for file in self.verdicts:
            read_verdict(file).allow()
        if self.disagreement is None:
            return
        with _spinner(f"{self.plan.min_requests} answers of {self.plan.entity} are waited for, to compare them"):
            while (found := self._compared(self._changed()))["pairs"] < self.plan.min_requests:
                self._check_time("so many requests were not answered by both sides")
                time.sleep(_UNTIL_MORE)
        self._judge(found)

    def _judge(self, found: dict[str, Any]) -> None:
        """Take requests back, if too many answers differ."""
        if self.disagreement is None or found["pairs"] < self.plan.min_requests:
            return
        share = 1 - found["agreed"] / found["pairs"]
        if share > self.disagreement:
            count = found["pairs"] - found["agreed"]
            self._take_back(f"{count} of {found['pairs']} answers differ, more than {self.disagreement:.2%}")

    def _look(self) -> None:
        """Judge the answers since the last step, and the latest alone, which many before them would outweigh."""
        if self.disagreement is not None and time.monotonic() - self._looked >= _LOOK:
            self._looked = time.monotonic()
            changed = self._changed()
            for since in (changed, max(changed, int(time.time() * 1000) - _LATEST)):
                self._judge(self._compared(since))

    def _compared(self, since: int) -> dict[str, Any]:
        """How far the answers of old and new agree since a time."""
        table = quote(self._table(), safe="")
        path = f"{OURS}/tables/{table}/compare"
        return self.start.server.ask("GET", path, a=self._old(), b=self.plan.entity, since=since)

    def _shadow(self) -> None:
        """Let the new entity see what the old one is asked; its answers are recorded."""
        routes: list[dict[str, Any]] = self._config().get("shadow_routes") or []
        if self.plan.entity not in {each["served_entity_name"] for each in routes}:
            shadow = {"served_entity_name": self.plan.entity, "fraction": WHOLE}
            self.start.change(shadow_routes=[*routes, shadow])

    def _end_shadow(self) -> None:
        """What answers everything needs not be asked once more."""
        routes: list[dict[str, Any]] = self._config().get("shadow_routes") or []
        kept = [each for each in routes if each["served_entity_name"] != self.plan.entity]
        if kept != routes:
            self.start.change(shadow_routes=kept)

    def _table(self) -> str:
        capture = part(self._config(), "auto_capture_config")
        if not capture or not capture.get("enabled", True):
            raise Invalid(
                "answers are compared by the endpoint's inference table, and it has none: give --record, or compare "
                "with `modelyard upgrade compare` and give its --verdict."
            )
        return Capture(capture["catalog_name"], capture["schema_name"], capture["table_name_prefix"]).table

    # The roll-out

    def _begin(self, steps: tuple[int, ...]) -> None:
        plan: dict[str, Any] = msgspec.to_builtins(self.plan)
        said = {name: value for name, value in plan.items() if name != "entity"}
        path = ours(self.start.endpoint, "/rollout")
        self.start.server.ask("POST", path, **{**said, "steps": steps}, served_entity_name=self.plan.entity)
        say(f"{self.start.endpoint}: {self.plan.entity} gets {steps[0]} % of the requests.")

    def _watch(self) -> None:
        """Until the roll-out has ended: well, or with `WrongState`."""
        shown = -1
        with _spinner(f"{self.plan.entity} takes over"):
            while (found := self._rollout() or {}).get("state") == Phase.RUNNING:
                if found["percentage"] != shown:
                    shown = found["percentage"]
                    say(f"{self.start.endpoint}: {self.plan.entity} has {shown} %.")
                self._look()
                self._check_time("the roll-out goes on at the server; the same command watches it again")
                time.sleep(_PAUSE)
        if found.get("state") == Phase.ROLLED_BACK:
            self._take_back(str(found["reason"]).rstrip("."))
        if found.get("state") == Phase.CANCELED:
            raise WrongState(f"the roll-out was ended: {found['reason']}")

    def _take_back(self, why: str) -> None:
        """Give the new entity no request any more, and say why."""
        if self._goes_on():
            self.start.server.ask("DELETE", ours(self.start.endpoint, "/rollout"), rollback=True)
        if self._share():
            shares = split(self._shares(), self.plan.entity, 0)
            routes = [{"served_entity_name": each.entity, "traffic_percentage": each.percentage} for each in shares]
            self.start.server.ask("PUT", at(self.start.endpoint, "/config"), traffic_config={"routes": routes})
        raise WrongState(f"{self.plan.entity} was taken back: {why}. The old one answers all requests.")

    def _goes_on(self) -> bool:
        """Whether a roll-out of the entity is under way; `WrongState` where one of another is."""
        found = self._rollout()
        if not found or found["state"] != Phase.RUNNING:
            return False
        if found["served_entity_name"] != self.plan.entity:
            raise WrongState(f"{self.start.endpoint} is being rolled out to {found['served_entity_name']} already.")
        return True

    def _rollout(self) -> dict[str, Any] | None:
        try:
            return self.start.server.ask("GET", ours(self.start.endpoint, "/rollout"))
        except Told as told:
            if told.code != "RESOURCE_DOES_NOT_EXIST":
                raise
            return None

    # Shares

    def _changed(self) -> int:
        """When the endpoint changed last, by the server's clock: what was answered before is no evidence."""
        return int(self.start.server.ask("GET", at(self.start.endpoint))["last_updated_timestamp"])

    def _config(self) -> dict[str, Any]:
        return part(self.start.server.ask("GET", at(self.start.endpoint)), "config")

    def _shares(self) -> tuple[Share, ...]:
        routes = part(self._config(), "traffic_config")["routes"]
        return tuple(Share(each["served_entity_name"], each["traffic_percentage"]) for each in routes)

    def _share(self) -> int:
        return next((each.percentage for each in self._shares() if each.entity == self.plan.entity), 0)

    def _old(self) -> str:
        """The entity with the largest share beside the new one."""
        others = [each for each in self._shares() if each.entity != self.plan.entity]
        if not others:
            raise WrongState(f"{self.start.endpoint} serves {self.plan.entity} alone: there is nothing to shift from.")
        return max(others, key=lambda each: each.percentage).entity

    def _check_time(self, what: str) -> None:
        if self.until is not None and time.monotonic() > self.until:
            raise TooLate(f"this command's --timeout is over: {what}.")


def read_verdict(file: Path) -> shifting.Verdict:
    """The verdict in a file, as it is now."""
    try:
        return shifting.verdict(file.name, file.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError):
        raise Invalid(f"the verdict {file} cannot be read.") from None


def _spinner(words: str) -> AbstractContextManager[object]:
    return err.status(words) if err.is_terminal else nullcontext()
