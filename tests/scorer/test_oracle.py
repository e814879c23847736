"""Whatever is asked, the answer is the one of MLflow's own scoring server."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st

from modelyard.scorer.model import Model
from tests.scorer.models import DOUBLES, MIXED
from tests.scorer.oracle import JSON, same

pytestmark = pytest.mark.filterwarnings("ignore")  # what models and MLflow warn of is not what is tested here

EXAMPLES = settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow])
SWEEP = settings(EXAMPLES, max_examples=1000)

INTEGERS = st.one_of(st.integers(-3, 3), st.integers(-(2**31), 2**31 - 1), st.integers(-(2**63), 2**63 - 1))
FINITE = st.one_of(st.floats(-10, 10), st.floats(allow_nan=False, allow_infinity=False))
GOOD = {
    "double": st.one_of(FINITE, st.integers(-9, 9)),
    "float": st.one_of(st.floats(-10, 10), st.integers(-9, 9)),
    "long": INTEGERS,
    "integer": st.integers(-(2**31), 2**31 - 1),
    "string": st.one_of(st.sampled_from(["x", "y", ""]), st.text(max_size=4)),
    "boolean": st.booleans(),
}
ODD = st.one_of(
    st.none(),
    st.booleans(),
    INTEGERS,
    st.sampled_from([2**53, 2**53 + 1, -(2**53), 2**31, 2**63, 2**64, 10**30, -(10**400), 1e300, 1e39, -0.0]),
    st.sampled_from(["1", "1.5", "x", "true", "nan", "2020-01-01", "\ud800", "\x00"]),
    st.floats(),
    st.lists(st.integers(0, 2), max_size=2),
    st.dictionaries(st.sampled_from(["a", "d"]), st.integers(0, 2), max_size=2),
)
ASIDE = st.fixed_dictionaries({}, optional={"client_request_id": st.just("q-1"), "usage_context": st.just({"a": "b"})})


@st.composite
def tables(draw: st.DrawFn, kinds: dict[str, str]) -> tuple[list[str], list[list[Any]]]:
    """Columns and rows: mostly as the signature has them, in part with something odd."""
    columns = draw(st.one_of(st.just([*kinds]), st.permutations([*kinds])))
    if draw(st.integers(0, 5)) == 0:
        columns = draw(st.lists(st.sampled_from([*kinds, "extra"]), max_size=len(kinds) + 1))
    cell = {name: GOOD.get(kinds.get(name, ""), ODD) for name in columns}
    rows = draw(st.lists(st.tuples(*(cell[name] for name in columns)).map(list), min_size=0, max_size=4))
    if rows and columns and draw(st.integers(0, 2)) == 0:
        row = draw(st.sampled_from(rows))
        row[draw(st.integers(0, len(row) - 1))] = draw(ODD)
    if rows and draw(st.integers(0, 9)) == 0:
        rows[0] = rows[0][:-1]
    return columns, rows


@st.composite
def documents(draw: st.DrawFn, kinds: dict[str, str]) -> JSON:
    """Questions in all formats, and some in none."""
    columns, rows = draw(tables(kinds))
    records = [dict(zip(columns, row, strict=False)) for row in rows]
    splits: dict[str, Any] = {"columns": columns, "data": rows}
    if draw(st.integers(0, 3)) == 0:
        splits["index"] = draw(st.one_of(st.just([*range(len(rows))]), st.lists(ODD, max_size=4), st.none()))
    if draw(st.integers(0, 19)) == 0:
        splits.pop(draw(st.sampled_from(["columns", "data"])))
    forms = {
        "dataframe_split": splits,
        "dataframe_records": records,
        "instances": draw(st.sampled_from([rows, records])),
        "inputs": draw(st.sampled_from([rows, {name: [row.get(name) for row in records] for name in columns}])),
    }
    names = draw(st.sampled_from([["dataframe_split"]] * 6 + [["dataframe_records"]] * 3 + [[each] for each in forms]))
    if draw(st.integers(0, 19)) == 0:
        names = draw(st.lists(st.sampled_from([*forms, "something"]), max_size=2))
    return {name: forms.get(name, 1) for name in names}


def _asked(base: JSON, aside: JSON, more: dict[str, Any], *, ascii_only: bool) -> bytes:
    # MLflow hands what it does not know to a model for chats: only there our own keys would make a difference.
    document = {**base, **more, **aside}
    return json.dumps(document, ensure_ascii=ascii_only).encode("utf-8", "surrogatepass")


def compared(model: Model, document: JSON, more: dict[str, Any], aside: dict[str, Any], *, ascii_only: bool) -> None:
    """The answer is MLflow's, and what stands aside makes no difference."""
    said = same(model, _asked(document, {}, more, ascii_only=ascii_only))
    if aside:
        other = same(model, _asked(document, aside, more, ascii_only=ascii_only)) if said.status == 200 else said
        assert other.body == said.body


CASES = {
    "linear": dict.fromkeys(DOUBLES, "double"),
    "proba": dict.fromkeys(DOUBLES, "double"),
    "mixed": MIXED,
    "mirror": MIXED,
    "mirror-floats": dict.fromkeys("ab", "float"),
    "mirror-strings": {"a": "string"},
    "mirror-any": {"a": "double", "b": "string"},
    "unsigned": dict.fromkeys(DOUBLES, "double"),
}


@pytest.mark.parametrize("name", CASES)
def test_tables(loaded: Callable[..., Model], name: str) -> None:
    @EXAMPLES
    @given(documents(CASES[name]), ASIDE, st.booleans())
    def check(document: JSON, aside: JSON, ascii_only: bool) -> None:  # noqa: FBT001  drawn
        compared(loaded(name), document, {}, aside, ascii_only=ascii_only)

    check()


@pytest.mark.full
@pytest.mark.parametrize("name", CASES)
def test_many_tables(loaded: Callable[..., Model], name: str) -> None:
    @SWEEP
    @given(documents(CASES[name]), ASIDE, st.booleans())
    def check(document: JSON, aside: JSON, ascii_only: bool) -> None:  # noqa: FBT001  drawn
        compared(loaded(name), document, {}, aside, ascii_only=ascii_only)

    check()


PARAMS = st.one_of(
    st.none(),
    st.just({}),
    st.fixed_dictionaries({}, optional={"factor": ODD, "raise": st.sampled_from(["mlflow", "x"]), "other": ODD}),
    ODD,
)


@EXAMPLES
@given(documents(dict.fromkeys(DOUBLES, "double")), PARAMS)
def test_params(loaded: Callable[..., Model], document: JSON, params: JSON) -> None:
    compared(loaded("weighted"), document, {"params": params}, {}, ascii_only=True)


@pytest.mark.parametrize("name", ["linear", "mirror-floats", "mirror-any"])
@pytest.mark.parametrize("params", [None, {}, {"a": 1}, [1]])
def test_params_of_a_model_that_has_none(loaded: Callable[..., Model], name: str, params: JSON) -> None:
    compared(loaded(name), {"dataframe_records": [dict.fromkeys("abc", 1.5)]}, {"params": params}, {}, ascii_only=True)


NESTED = st.one_of(
    st.lists(st.lists(FINITE, min_size=3, max_size=3), min_size=1, max_size=4),
    st.lists(st.lists(st.integers(-(2**31), 2**31 - 1), min_size=2, max_size=2), min_size=1, max_size=4),
    st.lists(st.lists(ODD, min_size=1, max_size=3), max_size=3),
    st.recursive(ODD, lambda inner: st.lists(inner, max_size=3)),
)


@pytest.mark.parametrize("name", ["tensor", "mirror-integers"])
def test_tensors(loaded: Callable[..., Model], name: str) -> None:
    @EXAMPLES
    @given(st.sampled_from(["inputs", "instances", "dataframe_split"]), NESTED)
    def check(key: str, value: JSON) -> None:
        compared(loaded(name), {key: {"data": value} if key == "dataframe_split" else value}, {}, {}, ascii_only=True)

    check()


ODD_BODIES = [
    b"", b"{", b"[]", b"1", b"null", b'"x"', b"{}", b"\xff", b"\xef\xbb\xbf{}", b'{"inputs": NaN}', b'{"a": 1} x',
    b'{"dataframe_split": {"columns": ["a", "b", "c"], "data": [[1, 2, 3]]}, "dataframe_split": 1}',
    b'{"dataframe_split": {"columns": ["a", "b", "c"], "data": [[1, 2, 3e400]]}}',
    b'{"dataframe_split": {"columns": ["a", "b", "c"], "data": [[1, 2, -0]]}}',
    b'{"dataframe_split": {"columns": ["a", "b", "c"], "data": [[1, 2, 3]]}, "something": 1}',
    b'{"dataframe_split": {"columns": ["a", "b", "c"], "data": [[1, 2, 3]]}, "messages": []}',
    b'{"dataframe_split": {"columns": ["a", "b", "c"], "data": [[1, 2, 3]], "more": 1}}',
    b'{"dataframe_split": {"columns": ["a", "b", "c"], "data": {"a": [1], "b": [2], "c": [3]}}}',
    '{"dataframe_split": {"columns": ["a", "b", "c"], "data": [[1, 2, 3]]}}'.encode("utf-16"),
    b'{"messages": [{"role": "user", "content": "hi"}]}', b'{"prompt": "hi"}', b'{"input": ["x"]}',
    b'{"inputs": ' + b"[" * 100_000 + b"]" * 100_000 + b"}",
    b'{"inputs": ' + b"9" * 5000 + b"}",
]  # fmt: skip
CONTENT_TYPES = [
    "application/json", "application/json; charset=utf-8", "application/json;charset=UTF-8", "Application/JSON",
    "application/json; charset=latin-1", "application/json; version=1", "text/csv", "text/plain", "image/png",
]  # fmt: skip


@pytest.mark.parametrize("name", ["linear", "unsigned", "tensor", "mirror-any"])
def test_odd_bodies(loaded: Callable[..., Model], name: str) -> None:
    for body in ODD_BODIES:
        same(loaded(name), body)


@pytest.mark.parametrize("content_type", CONTENT_TYPES)
@pytest.mark.parametrize("body", [b'{"dataframe_records": [{"a": 1, "b": 2, "c": 3}]}', b"a,b,c\n1,2,3\n", b"\xff\n"])
def test_content_types(loaded: Callable[..., Model], content_type: str, body: bytes) -> None:
    same(loaded("linear"), body, content_type)


@EXAMPLES
@given(st.binary(max_size=60), st.integers(0, 60))
def test_broken_json(loaded: Callable[..., Model], noise: bytes, place: int) -> None:
    body = b'{"dataframe_records": [{"a": 1.0, "b": 2, "c": 3}]}'
    assume(noise)
    same(loaded("linear"), body[:place] + noise + body[place:])
