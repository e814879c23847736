"""Whether what many clients saw at once can be told as one story, in which each operation happens at one moment.

Wing and Gong, "Testing and Verifying Concurrent Objects" (1993), with a memory of what was looked at already (Lowe,
"Testing for linearizability", 2017). Objects are independent, so each is looked at alone. An operation without an
answer may have happened at any moment after it was asked, or never.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Hashable, Iterable, Iterator
from dataclasses import dataclass
from typing import Any

NEVER = math.inf


@dataclass(frozen=True)
class Operation:
    """What was asked of one object, when (seconds), and what was answered; `ended` is `NEVER` without an answer."""

    key: str
    kind: str
    said: tuple[int, ...]
    answer: Any
    started: float
    ended: float = NEVER

    @property
    def is_answered(self) -> bool:
        return self.ended != NEVER


Step = Callable[[Any, Operation], "Hashable | None"]
"""The state after an operation, or None where the operation cannot have this answer in that state."""


def register(state: int, operation: Operation) -> int | None:
    """An alias: the number of a version, 0 for nowhere. `True` and `False` are answers of what changes it."""
    match operation.kind:
        case "read":
            return state if operation.answer == state else None
        case "set":
            return operation.said[0]
        case "swap":
            after, succeeds = operation.said[1], state == operation.said[0]
        case "delete":
            after, succeeds = 0, state != 0
        case kind:
            raise ValueError(kind)
    if not operation.is_answered:
        return after if succeeds else state
    if operation.answer is not succeeds:
        return None
    return after if succeeds else state


def counter(state: int, operation: Operation) -> int | None:
    """The last version of a model; each answer is the next number."""
    return state + 1 if not operation.is_answered or operation.answer == state + 1 else None


def broken(history: Iterable[Operation], step: Step, initial: Hashable) -> list[str]:
    """The objects whose operations make no story."""
    by_key: dict[str, list[Operation]] = {}
    for operation in history:
        by_key.setdefault(operation.key, []).append(operation)
    return sorted(key for key, operations in by_key.items() if not _has_story(operations, step, initial))


def _has_story(history: list[Operation], step: Step, initial: Hashable) -> bool:
    operations = sorted(history, key=lambda operation: operation.started)
    answered = sum(1 << place for place, operation in enumerate(operations) if operation.is_answered)
    waiting = [(0, initial)]
    seen = set(waiting)
    while waiting:
        told, state = waiting.pop()
        if told & answered == answered:
            return True
        for place in _next(operations, told):
            after = step(state, operations[place])
            further = (told | 1 << place, after)
            if after is not None and further not in seen:
                seen.add(further)
                waiting.append(further)
    return False


def _next(operations: list[Operation], told: int) -> Iterator[int]:
    """The operations that can be told next: those that began before any other that is untold had ended."""
    untold = [place for place in range(len(operations)) if not told >> place & 1]
    first_end = min(operations[place].ended for place in untold)
    for place in reversed(untold):
        if operations[place].started <= first_end:
            yield place
