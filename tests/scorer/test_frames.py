"""The frames between the server and a scorer are read whole, however their bytes arrive."""

from __future__ import annotations

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.scorer.frames import HEADER, MOST_BYTES, Broken, Frame, Reading, packed

FRAMES = st.lists(
    st.builds(
        Frame,
        st.integers(0, 255),
        st.integers(0, 2**64 - 1),
        st.binary(max_size=40),
        st.binary(max_size=200),
    ),
    max_size=6,
)


def sent(frames: list[Frame]) -> bytes:
    return b"".join(packed(each.kind, each.number, each.head, each.body) for each in frames)


@given(FRAMES, st.data())
def test_any_split_of_the_bytes_gives_the_same_frames(frames: list[Frame], data: st.DataObject) -> None:
    stream, reading = sent(frames), Reading()
    cuts = sorted(data.draw(st.lists(st.integers(0, len(stream)), max_size=8)))
    pieces = [stream[start:end] for start, end in itertools.pairwise([0, *cuts, len(stream)])]
    assert [frame for piece in pieces for frame in reading.feed(piece)] == frames


@given(FRAMES)
def test_byte_by_byte(frames: list[Frame]) -> None:
    reading = Reading()
    assert [frame for byte in sent(frames) for frame in reading.feed(bytes([byte]))] == frames


@given(FRAMES)
def test_a_length_beyond_the_most_is_no_frame(frames: list[Frame]) -> None:
    reading = Reading().feed(sent(frames) + HEADER.pack(0, MOST_BYTES + 1, 2, 1))
    assert [next(reading) for _ in frames] == frames
    with pytest.raises(Broken):
        next(reading)
