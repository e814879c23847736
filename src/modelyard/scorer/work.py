"""What is to be answered, one call of the model at a time: waiting questions that allow it share a call.

There is no timer: a question is never kept for others to come. Those that arrived while the model was busy are joined.
"""

from __future__ import annotations

import json
from collections import deque
from dataclasses import dataclass, field
from functools import partial
from time import perf_counter_ns
from typing import TYPE_CHECKING, Final, NamedTuple, NoReturn, cast

from modelyard.scorer import answers, documents, frames, scoring
from modelyard.scorer.frames import ANSWER_HEAD, Kind, packed
from modelyard.scorer.notes import note
from modelyard.scorer.streams import Stream

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelyard.scorer.answers import Answer
    from modelyard.scorer.frames import Frame
    from modelyard.scorer.model import Model
    from modelyard.scorer.plan import Given, Plan

MOST_ROWS: Final = 10_000
MOST_BYTES: Final = 8 << 20
MOST_QUESTIONS: Final = 256
"""No call has more than these."""

_JSON_TYPES: Final = frozenset(
    f"application/json{charset}" for charset in ("", "; charset=utf-8", ";charset=utf-8", "; charset=UTF-8")
)
_MICROSECOND: Final = 1000
_LONGEST: Final = (1 << 32) - 1


@dataclass(frozen=True, slots=True)
class _Read:
    """A question that a plan has read."""

    plan: Plan
    given: Given
    params: object
    key: str | None
    """Questions share a call only under the same key; None for one that shares with nobody."""


class _Asked(NamedTuple):
    """What a question holds: its data under a key, and params."""

    key: str
    value: object
    params: object


@dataclass(slots=True, eq=False)
class Question:
    """One question, and whom it came from (anything hashable)."""

    sender: int
    frame: Frame
    arrived: int = field(default_factory=perf_counter_ns)
    dropped: bool = False
    looked: bool = False
    read: _Read | None = None
    waited: int = 0

    @property
    def content_type(self) -> str:
        """What the body is."""
        return self.frame.head.decode("latin-1") or "application/json"


class Work:
    """The questions of all connections, and their answers: `send` takes a sender and a frame for it.

    A question that has waited longer than `seconds` is dropped: nobody waits for it any more.
    """

    def __init__(self, model: Model, send: Callable[[int, bytes], None], seconds: float | None = None) -> None:
        self._model = model
        self._send = send
        self._patience = None if seconds is None else int(seconds * 1e9)
        self._waiting = deque[Question]()
        self._known = dict[tuple[int, int], Question]()
        self._streams = deque[tuple[Question, Stream]]()
        self._joins = model.row_wise and model.plan is not None and model.plan.joinable

    def add(self, sender: int, frame: Frame) -> None:
        """Take a question."""
        question = Question(sender, frame)
        self._waiting.append(question)
        self._known[sender, frame.number] = question

    def cancel(self, sender: int, number: int) -> None:
        """Drop a question; one that is being answered already is answered."""
        question = self._known.get((sender, number))
        if question:
            question.dropped = True

    def forget(self, sender: int) -> None:
        """Drop all questions of a connection."""
        for (whose, _), question in self._known.items():
            if whose == sender:
                question.dropped = True

    def turn(self, held: Callable[[int], bool] = lambda _: False) -> bool:
        """One call of the model for waiting questions, and one more piece of each stream that is not `held` back.

        Whether there was anything to do.
        """
        question = self._first()
        if question and question.frame.kind == Kind.STREAM:
            self._open(question)
        elif question:
            self._answer(question)
        advanced = [self._advance(held) for _ in range(len(self._streams))]
        return question is not None or any(advanced)

    def _first(self) -> Question | None:
        while self._waiting:
            question = self._waiting.popleft()
            if self._wanted(question):
                return question
        return None

    def _wanted(self, question: Question) -> bool:
        """Whether anybody still waits for it; says how long it has waited, too."""
        question.waited = perf_counter_ns() - question.arrived
        late = self._patience is not None and question.waited > self._patience
        if question.dropped or late:
            self._done(question)
            return False
        return True

    def _done(self, question: Question) -> None:
        if self._known.get((question.sender, question.frame.number)) is question:
            del self._known[question.sender, question.frame.number]

    def _answer(self, question: Question) -> None:
        read = self._look(question)
        if read is None:
            frame, self._model.microseconds = question.frame, 0
            answer = scoring.answer(self._model, frame.number, question.content_type, frame.body, self._model.predict)
            self._tell(question, answer, self._model.microseconds)
            return
        several = self._company(question, read)
        if len(several) > 1:
            self._together(several)
        else:
            self._alone(question, read)

    def _look(self, question: Question) -> _Read | None:
        if not question.looked:
            question.looked = True
            question.read = self._reading(question)
        return question.read

    def _reading(self, question: Question) -> _Read | None:
        """The question as the plan reads it, None where MLflow has to."""
        plan = self._model.plan
        if plan is None or question.content_type not in _JSON_TYPES:
            return None
        try:
            asked = _asked(question.frame.body)
            given = asked and plan.read(asked.key, asked.value)
            if not asked or not given:
                return None
            return _Read(plan, given, asked.params, self._key(asked.params))
        except Exception:  # noqa: BLE001  whatever is odd about it, MLflow has words for it
            return None

    def _key(self, params: object) -> str | None:
        if not self._joins:
            return None
        return "" if params is None else json.dumps(params)

    def _company(self, question: Question, read: _Read) -> list[Question]:
        """The question and those that can share its call, which wait no longer."""
        company, rows, size = [question], read.given.rows, len(question.frame.body)
        if read.key is None or not self._joins:
            return company
        stay = deque[Question]()
        while self._waiting and len(company) < MOST_QUESTIONS and rows < MOST_ROWS and size < MOST_BYTES:
            other = self._waiting.popleft()
            more = self._alike(other, read)
            if more and rows + more <= MOST_ROWS and size + len(other.frame.body) <= MOST_BYTES:
                company.append(other)
                rows, size = rows + more, size + len(other.frame.body)
            elif self._wanted(other):
                stay.append(other)
        stay.extend(self._waiting)
        self._waiting = stay
        return company

    def _alike(self, other: Question, read: _Read) -> int:
        """The number of rows of a question that can share a call; 0 if it cannot."""
        if other.frame.kind != Kind.PREDICT or not self._wanted(other):
            return 0
        theirs = self._look(other)
        return theirs.given.rows if theirs and theirs.key == read.key else 0

    def _alone(self, question: Question, read: _Read) -> None:
        try:
            predictions = self._model.predict_given([read.given], read.params)
        except Exception as problem:  # noqa: BLE001  whatever it is, MLflow has words for it
            self._replay(question, partial(_raise, problem))
        else:
            self._success(question, predictions)

    def _together(self, several: list[Question]) -> None:
        """One call for several questions; where it does not work they are asked one by one, or told so."""
        model, reads = self._model, [cast("_Read", question.read) for question in several]
        try:
            whole = model.predict_given([read.given for read in reads], reads[0].params)
        except Exception as problem:  # noqa: BLE001  as above
            self._apart(several, problem)
            return
        shares = answers.shares(whole, [read.given.rows for read in reads])
        if shares is None:
            self._joins = False
            note("The model does not answer row by row: questions are not joined any more.")
            self._apart(several, ValueError("The model was said to answer row by row, and does not."))
            return
        took = model.microseconds
        for question, share in zip(several, shares, strict=True):
            model.microseconds = took
            self._success(question, share)

    def _apart(self, several: list[Question], problem: Exception) -> None:
        """Models of known flavors are asked one by one: they have no side effects. Others are not asked again."""
        for question in several:
            if self._model.pure:
                self._alone(question, cast("_Read", question.read))
            else:
                self._replay(question, partial(_raise, problem))

    def _success(self, question: Question, predictions: object) -> None:
        try:
            answer = answers.success(predictions, self._model.server)
        except Exception:  # noqa: BLE001  MLflow has words for it
            self._replay(question, lambda _data, _params: predictions)
        else:
            self._tell(question, answer, self._model.microseconds)

    def _replay(self, question: Question, said: Callable[[object, object], object]) -> None:
        """Answer as MLflow answers what the model has said already."""
        frame, took = question.frame, self._model.microseconds
        self._tell(question, scoring.answer(self._model, frame.number, question.content_type, frame.body, said), took)

    def _tell(self, question: Question, answer: Answer, took: int, kind: Kind = Kind.ANSWER) -> None:
        self._done(question)
        if question.dropped:
            return
        if len(answer.body) > frames.MOST_BYTES:
            answer = scoring.invalid("The prediction is larger than 1 GiB: ask about fewer rows at once.")
        waited = min(question.waited // _MICROSECOND, _LONGEST)
        head = ANSWER_HEAD.pack(answer.status, answer.content_type, min(took, _LONGEST), waited)
        self._send(question.sender, packed(kind, question.frame.number, head, answer.body))

    def _open(self, question: Question) -> None:
        stream = Stream(self._model, question.frame.number)
        answer = stream.open(question.content_type, question.frame.body)
        if answer:
            self._tell(question, answer, stream.microseconds)
        else:
            self._streams.append((question, stream))

    def _advance(self, held: Callable[[int], bool]) -> bool:
        """One piece more of the stream whose turn it is; whether it could be taken."""
        question, stream = self._streams.popleft()
        if question.dropped:
            stream.close()
            self._done(question)
        elif held(question.sender):
            self._streams.append((question, stream))
            return False
        else:
            self._piece(question, stream)
        return True

    def _piece(self, question: Question, stream: Stream) -> None:
        event = stream.advance()
        if stream.failed:
            self._tell(question, answers.Answer(400, answers.JSON, event), stream.microseconds, Kind.LAST)
            return
        self._send(question.sender, packed(Kind.PIECE, question.frame.number, b"", event))
        if stream.ended:
            self._tell(question, answers.Answer(200, answers.JSON, b""), stream.microseconds, Kind.LAST)
        else:
            self._streams.append((question, stream))


def _asked(body: bytes) -> _Asked | None:
    """The only data of a question, without what is for the server; None where it is not that simple."""
    document = documents.load(body)
    if type(document) is not dict:
        return None
    asked, params = cast("dict[str, object]", document), None
    if len(asked) > 1:
        asked = {key: each for key, each in asked.items() if key not in scoring.ASIDE}
        params = asked.pop("params", None)
    if len(asked) != 1:
        return None
    ((key, value),) = asked.items()
    return _Asked(key, value, params)


def _raise(problem: Exception, _data: object, _params: object) -> NoReturn:
    raise problem
