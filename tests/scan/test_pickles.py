"""A walk finds whatever a pickle would import, follows no argument, and never fails on hostile bytes."""

from __future__ import annotations

import contextlib
import io
import pickle
import pickletools
import struct
from typing import Any

import cloudpickle
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.domain.pickles import walk
from modelyard.domain.trusted import untrusted

PROTOCOLS = range(pickle.HIGHEST_PROTOCOL + 1)
PLAIN = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.binary(),
    lambda inner: st.lists(inner) | st.tuples(inner, inner) | st.dictionaries(st.text(), inner),
    max_leaves=20,
)


class Calling:
    """Says what a pickle of it calls."""

    def __init__(self, function: Any, *arguments: Any) -> None:  # noqa: ANN401  anything that can be called
        self.call = (function, arguments)

    def __reduce__(self) -> Any:  # noqa: ANN401  as above
        return self.call


def names(content: bytes) -> set[str]:
    return walk(io.BytesIO(content)).names


@given(PLAIN, st.sampled_from(PROTOCOLS))
def test_plain_values_are_walked_to_their_end(value: object, protocol: int) -> None:
    walked = walk(io.BytesIO(pickle.dumps(value, protocol)))
    assert walked.problems == []
    assert untrusted(walked.names, ()) == []


@settings(max_examples=500)
@given(st.binary(max_size=300), st.sampled_from((b"", b"\x80\x04", b"(", b"\x80\x02]q\x00(")))
def test_no_bytes_break_a_walk(content: bytes, beginning: bytes) -> None:
    walk(io.BytesIO(beginning + content))


@given(PLAIN, st.sampled_from(PROTOCOLS), st.data())
def test_a_pickle_that_is_cut_off_is_told(value: object, protocol: int, data: st.DataObject) -> None:
    whole = pickle.dumps(value, protocol)
    length = data.draw(st.integers(0, len(whole) - 1))
    assert walk(io.BytesIO(whole[:length])).problems


@given(st.lists(st.sampled_from([opcode.code for opcode in pickletools.opcodes]), max_size=40), st.randoms())
def test_whatever_the_unpickler_would_import_is_found(codes: list[str], dice: Any) -> None:  # noqa: ANN401  a random.Random
    """Opcodes in any order: what `pickle` itself looks up, in Python, is among the names of the walk."""
    arguments = {"c": b"os\nsystem\n", "i": b"os\nsystem\n", "\x8c": b"\x02os", "X": b"\x02\0\0\0os", "p": b"0\n"}
    content = b"".join(code.encode("latin-1") + (arguments.get(code) or dice.randbytes(1)) for code in codes) + b"."
    looked_up: set[str] = set()

    class Watching(pickle._Unpickler):  # noqa: SLF001  the one that is written in Python
        def find_class(self, module: str, name: str) -> object:
            looked_up.add(f"{module}:{name}" if "." in name else f"{module}.{name}")
            return list

    with contextlib.suppress(Exception):  # most of this is no pickle; only what it looked up counts
        Watching(io.BytesIO(content), fix_imports=False).load()
    walked = walk(io.BytesIO(content))
    assert looked_up <= walked.names or walked.problems


@pytest.mark.parametrize("protocol", PROTOCOLS)
def test_calls_of_the_system_are_found(protocol: int) -> None:
    import os  # noqa: PLC0415  its functions are only named

    content = pickle.dumps({"harmless": [1, Calling(os.system, "true")]}, protocol)
    walked = walk(io.BytesIO(content))
    assert walked.calls
    assert untrusted(walked.names, ("sklearn",)) == ["posix.system"]


@pytest.mark.parametrize(
    "content",
    [
        b"\x80\x04\x8c\x02os\x94\x8c\x06system\x94\x93.",
        b"\x80\x04\x8c\x06system\x94\x8c\x02os\x94h\x01h\x00\x93.",
        b"\x80\x04\x8c\x02os\x8c\x06system\x94q\x050\x8c\x02os0\x8c\x02osh\x05\x93.",
        b"\x80\x04\x8c\x02os22\x30\x30\x8c\x06system\x93.",
        b"(S'true'\nios\nsystem\n.",
        b"cos\nsystem\n(S'true'\ntR.",
        b"\x80\x04X\x02\0\0\0os\x8d\x06\0\0\0\0\0\0\0system\x93.",
        b"Vos\nVsystem\n\x93.",
        b"S'os'\nS'system'\n\x93.",
        b"\x80\x04(\x8c\x02os\x8c\x06system1\x8c\x02os\x8c\x06system\x93.",
    ],
)
def test_names_are_found_however_they_are_put_together(content: bytes) -> None:
    assert names(content) == {"os.system"}


@pytest.mark.parametrize("content", [b"\x80\x02\x82\x01.", b"\x80\x04]\x8c\x01a\x93.", b"\x80\x04\x8c\x02osN\x93."])
def test_what_cannot_be_named_is_a_problem(content: bytes) -> None:
    assert walk(io.BytesIO(content)).problems


def test_a_name_of_several_levels_is_never_trusted() -> None:
    content = b"\x80\x04\x8c\x0csklearn.base\x8c\x0eos.ClassLike.X\x93."
    assert untrusted(names(content), ("sklearn",)) == ["sklearn.base:os.ClassLike.X"]


def test_every_pickle_of_a_file_is_walked_and_what_follows_is_told() -> None:
    harmless, hostile = pickle.dumps([1]), b"\x80\x04cos\nsystem\n."
    assert names(harmless + hostile) == {"os.system"}
    assert walk(io.BytesIO(harmless + b"raw bytes")).problems == ["other bytes follow its end"]


def test_large_arguments_are_not_read() -> None:
    class Sparse(io.BytesIO):
        """Its bytes in the middle are only pretended."""

        longest = 0

        def read(self, size: int | None = -1, /) -> bytes:
            self.longest = max(self.longest, size or 0)
            return super().read(size)

    file = Sparse(b"\x80\x04\x8e" + struct.pack("<Q", 50_000_000) + bytes(50_000_000) + b".")
    assert walk(file).problems == []
    assert file.longest < 5_000


def test_what_libraries_write_is_trusted_for_their_flavor_only() -> None:
    from sklearn.ensemble import GradientBoostingClassifier, RandomForestRegressor  # noqa: PLC0415  slow to import
    from sklearn.linear_model import LogisticRegression  # noqa: PLC0415  likewise
    from sklearn.pipeline import make_pipeline  # noqa: PLC0415  likewise
    from sklearn.preprocessing import StandardScaler  # noqa: PLC0415  likewise

    inputs, outputs = np.random.default_rng(1).random((40, 3)), np.arange(40) % 2
    for model in (
        RandomForestRegressor(3),
        GradientBoostingClassifier(n_estimators=3),
        make_pipeline(StandardScaler(), LogisticRegression()),
    ):
        for dumps in (pickle.dumps, cloudpickle.dumps):
            found = names(dumps(model.fit(inputs, outputs)))
            assert untrusted(found, ("python_function", "sklearn")) == []
            assert untrusted(found, ("pytorch",)), "nobody expects this there"


def test_tables_and_arrays_are_trusted_everywhere() -> None:
    import pandas as pd  # noqa: PLC0415  slow to import

    table = pd.DataFrame({"n": [1, 2], "t": ["x", "y"], "d": pd.to_datetime(["2020-01-01", "2021-01-01"])})
    for value in (table, table["n"], np.zeros(3), np.float64(1), np.random.default_rng(1), np.ma.masked_array([1])):
        for protocol in PROTOCOLS[2:]:
            assert untrusted(names(pickle.dumps(value, protocol)), ()) == []


def test_functions_that_cloudpickle_carries_along_are_not_trusted() -> None:
    assert "cloudpickle.cloudpickle._make_function" in untrusted(names(cloudpickle.dumps(lambda: 1)), ("sklearn",))
