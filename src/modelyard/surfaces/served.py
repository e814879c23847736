"""What runs here, as far as the tables of the protocols see it: whom to ask for predictions, and what is known."""

from __future__ import annotations

from collections.abc import AsyncGenerator
from typing import Protocol

from modelyard.domain.board import Answer, Board, Question, Target
from modelyard.domain.capture import Record
from modelyard.domain.metrics import Meters


class Serving(Protocol):
    """What serves; the composition root brings the real one. All but `logs` is called in the event loop."""

    @property
    def board(self) -> Board:
        """Whom to ask for what, as it is now."""
        ...

    @property
    def meters(self) -> Meters:
        """What served entities did."""
        ...

    def join(self) -> None:
        """The loop in which questions are asked is this one."""
        ...

    async def settled(self) -> None:
        """Wait until what was committed before is on the board."""
        ...

    async def ask(self, target: Target, question: Question) -> Answer:
        """The answer to a question; a `Failure` if there is none."""
        ...

    def stream(self, target: Target, question: Question) -> AsyncGenerator[bytes | Answer, None]:
        """The pieces of an answer as they come, and an `Answer` at the end."""
        ...

    def capture(self, record: Record) -> None:
        """Log a request and its answer; it never waits."""
        ...

    def logs(self, served_id: str) -> str:
        """What the processes of a served entity have printed lately."""
        ...

    def build_logs(self, served_id: str) -> str:
        """What was said while its environment was built."""
        ...

    def usage(self, served_id: str) -> tuple[float, float]:
        """How much of a processor, and of its memory, its processes take, in per cent."""
        ...
