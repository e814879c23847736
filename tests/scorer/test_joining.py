"""Which questions share a call of the model, and what becomes of them when that goes wrong."""

from __future__ import annotations

import json
from collections.abc import Callable, Sequence

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.scorer import frames, work
from modelyard.scorer.answers import shares
from modelyard.scorer.model import Model
from tests.scorer.client import split
from tests.scorer.models import DOUBLES, MIXED
from tests.scorer.oracle import JSON, ours, text
from tests.scorer.test_oracle import documents

pytestmark = pytest.mark.filterwarnings("ignore")  # what models and MLflow warn of is not what is tested here


def body(document: object) -> bytes:
    return json.dumps(document).encode()


def rows(*values: float) -> bytes:
    return body(split(["a"], *([value] for value in values)))


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> list[int]:
    """The number of questions of each joined call."""
    sizes: list[int] = []
    together = work.Work._together  # noqa: SLF001  what is joined is seen nowhere else

    def counted(self: work.Work, several: Sequence[work.Question]) -> None:
        sizes.append(len(several))
        together(self, list(several))

    monkeypatch.setattr(work.Work, "_together", counted)
    return sizes


@pytest.mark.parametrize(
    ("name", "kinds"),
    [("linear", dict.fromkeys(DOUBLES, "double")), ("mixed", MIXED), ("tensor", dict.fromkeys(DOUBLES, "double"))],
)
def test_joined_is_the_same_as_one_by_one(loaded: Callable[..., Model], name: str, kinds: dict[str, str]) -> None:
    @settings(max_examples=30, deadline=None, suppress_health_check=[HealthCheck.too_slow])
    @given(st.lists(documents(kinds), min_size=2, max_size=6))
    def check(several: list[JSON]) -> None:
        bodies = [body(each) for each in several]
        together = ours(loaded(name), *bodies)
        for single, said in zip(bodies, together, strict=True):
            (alone,) = ours(loaded(name, "no"), single)
            assert (said.status, said.content_type) == (alone.status, alone.content_type)
            assert close(said.json, alone.json)

    check()


def close(said: JSON, alone: JSON) -> bool:
    """Equal but for the last bits of numbers, which depend on how many rows BLAS has before it."""
    if isinstance(said, dict) and "predictions" in said and isinstance(said["predictions"][0], float):
        return said["predictions"] == pytest.approx(alone["predictions"], rel=1e-9)
    return text(said) == text(alone)


def test_a_failed_call_is_made_again_one_by_one(loaded: Callable[..., Model], calls: list[int]) -> None:
    good = dict.fromkeys("dfli", 1) | {"s": "x", "o": True}
    said = ours(loaded("mixed"), *(body({"dataframe_records": [good | {"s": letter}]}) for letter in "xzy"))
    assert calls == [3]
    assert [each.status for each in said] == [200, 400, 200]  # the encoder has never seen a z


def test_a_custom_model_is_joined_only_on_request(loaded: Callable[..., Model], calls: list[int]) -> None:
    assert [each.json for each in ours(loaded("rows"), rows(1, 2), rows(3))] == [
        {"predictions": [[1.0, 2], [2.0, 2]]},
        {"predictions": [[3.0, 1]]},
    ]
    assert not calls
    assert [each.json for each in ours(loaded("rows", "yes"), rows(1, 2), rows(3))] == [
        {"predictions": [[1.0, 3], [2.0, 3]]},
        {"predictions": [[3.0, 3]]},
    ]
    assert calls == [2]


def test_a_custom_model_is_not_asked_again(loaded: Callable[..., Model], calls: list[int]) -> None:
    said = ours(loaded("rows", "yes"), rows(1), rows(-1))
    assert calls == [2]
    assert [each.status for each in said] == [400, 400]


def test_a_model_that_does_not_answer_by_rows_is_not_joined_again(
    loaded: Callable[..., Model], calls: list[int], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(work, "MOST_QUESTIONS", 2)
    said = ours(loaded("rows", "yes"), *[rows(2000.0)] * 3, rows(5.0), rows(6.0))
    assert calls == [2]
    assert [each.status for each in said] == [400, 400, 200, 200, 200]


def test_calls_have_a_most_of_rows_and_questions(loaded: Callable[..., Model], calls: list[int]) -> None:
    many = body(split(DOUBLES, *[[1.0, 2.0, 3.0]] * (work.MOST_ROWS // 2 - 1)))
    assert {each.status for each in ours(loaded("linear"), *[many] * 5)} == {200}
    assert calls == [2, 2]
    calls.clear()
    few = body(split(DOUBLES, [1.0, 2.0, 3.0]))
    ours(loaded("linear"), *[few] * (work.MOST_QUESTIONS + 5))
    assert calls == [work.MOST_QUESTIONS, 5]


def test_what_does_not_fit_never_joins(loaded: Callable[..., Model], calls: list[int]) -> None:
    good, bad = split(DOUBLES, [1.0, 2.0, 3.0]), split(DOUBLES, [1.0, 2.0, None])
    said = ours(loaded("linear"), *map(body, [good, bad, good, {"params": {"a": 1}} | good, good]))
    assert calls == [3]
    assert text(said[0].json) == text(said[4].json)


def test_shares() -> None:
    assert shares([1, 2, 3], [1, 2]) == [[1], [2, 3]]
    assert shares({"a": 1}, [1]) is None
    assert shares("abc", [1, 2]) is None
    assert shares([1, 2], [1, 2]) is None


def test_an_answer_that_no_frame_can_hold_is_a_bad_request(
    loaded: Callable[..., Model], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(frames, "MOST_BYTES", 200)
    few, many = ours(loaded("rows"), rows(1), rows(*range(100)))
    assert (few.status, many.status) == (200, 400)
