"""Paths, manifests and byte ranges, and what is read from models and sources."""

from __future__ import annotations

import hashlib
import random

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.files import Entry, Location, byte_range, digest, inner, location, parents
from modelyard.domain.models import model_id_in, referenced_version
from modelyard.errors import Invalid, NotFound, OutOfRange

anything = st.text(st.characters(exclude_categories=[]))
segments = st.text(
    st.characters(exclude_categories=["Cs"], exclude_characters="/\\\x7f", min_codepoint=32), min_size=1, max_size=60
).filter(lambda text: text not in {".", ".."})


class TestALocation:
    @pytest.mark.parametrize(
        ("path", "there"),
        [
            ("/Models/main/ml/churn/1", Location("main.ml.churn", 1, "")),
            ("/Models/main/ml/churn/1/", Location("main.ml.churn", 1, "")),
            ("Models/main/ml/churn/12/MLmodel", Location("main.ml.churn", 12, "MLmodel")),
            ("/Models/Main/ML/Churn/1/Data/X.bin", Location("main.ml.churn", 1, "Data/X.bin")),
            ("/Models/main/ml/churn/1/a b/ü%2F", Location("main.ml.churn", 1, "a b/ü%2F")),
        ],
    )
    def test_names_a_version_and_a_path_inside(self, path: str, there: Location) -> None:
        assert location(path) == there

    @pytest.mark.parametrize(
        "path",
        [
            "", "/", "/Models", "/Models/main", "/Models/main/ml/churn", "/Models/main/ml/churn/", "/models/a/b/c/1",
            "/Volumes/a/b/c/1", "/Models/main/ml/churn/latest/x", "/Models/main/ml/churn/-1/x", "/etc/passwd",
            "/../Models/a/b/c/1",
        ],
    )  # fmt: skip
    def test_outside_a_version_is_not_found(self, path: str) -> None:
        with pytest.raises(NotFound):
            location(path)

    @pytest.mark.parametrize(
        "path",
        [
            "/Models/a/b/c/0/x", "/Models/a/b/c/²/x", "/Models/a b/b/c/1/x", "/Models/a.b/b/c/1/x", "/Models//b/c/1/x",
            "/Models/a/b/c/1/../2/x", "/Models/a/b/c/1/./x", "/Models/a/b/c/1//x", "/Models/a/b/c/1/x\\y",
            "/Models/a/b/c/1/\x00", "/Models/a/b/c/1/x\n", "/Models/a/b/c/99999999999/x",
        ],
    )  # fmt: skip
    def test_that_no_file_may_have_is_invalid(self, path: str) -> None:
        with pytest.raises(Invalid):
            location(path)

    @given(st.lists(segments, max_size=5), st.integers(1, 2**31 - 1))
    def test_is_written_as_it_is_read(self, path: list[str], number: int) -> None:
        there = Location("main.ml.churn", number, "/".join(path))
        assert location(str(there)) == there

    @given(anything)
    def test_of_any_text_is_read_or_refused(self, text: str) -> None:
        try:
            there = location("/Models/a/b/c/1/" + text)
        except Invalid:
            return
        assert ".." not in there.path.split("/")
        assert "\x00" not in there.path
        there.path.encode()

    @given(anything)
    def test_of_any_path_is_read_or_refused(self, text: str) -> None:
        try:
            location(text)
        except (Invalid, NotFound) as failure:
            failure.message.encode()


class TestAPathInside:
    @pytest.mark.parametrize(
        "good", ["", "a", "a/b", "...", "a..b", ".hidden", "x" * 255, "/".join("a" * 64), "ü" * 127]
    )
    def test_is_kept_as_written(self, good: str) -> None:
        assert inner(good) == good

    @pytest.mark.parametrize(
        "bad",
        ["/", "/a", "a/", "a//b", ".", "..", "a/..", "../a", "a\\b", "a\x1fb", "x" * 256, "ü" * 128, "/".join("a" * 65),
         "/".join(["x" * 200] * 6), "\ud800", "\x7f"],
    )  # fmt: skip
    def test_is_refused(self, bad: str) -> None:
        with pytest.raises(Invalid):
            inner(bad)

    def test_has_directories_above_it(self) -> None:
        assert parents("a/b/c") == ["a", "a/b"]
        assert parents("a") == []


class TestAByteRange:
    """RFC 9110 §14: examples of the RFC first (a representation of 10,000 bytes)."""

    @pytest.mark.parametrize(
        ("header", "expected"),
        [
            ("bytes=0-499", (0, 500)),
            ("bytes=500-999", (500, 1000)),
            ("bytes=-500", (9500, 10000)),
            ("bytes=9500-", (9500, 10000)),
            ("bytes=0-0", (0, 1)),
            ("bytes=-1", (9999, 10000)),
            ("bytes=9999-9999", (9999, 10000)),
            ("bytes=9999-99999", (9999, 10000)),
            ("bytes=0-", (0, 10000)),
            ("bytes=-10000", (0, 10000)),
            ("bytes=-20000", (0, 10000)),
            ("  bytes=0-499  ", (0, 500)),
            (f"bytes=0-{10**18}", (0, 10000)),
        ],
    )
    def test_is_half_open(self, header: str, expected: tuple[int, int]) -> None:
        assert byte_range(header, 10_000) == expected

    @pytest.mark.parametrize("header", ["bytes=10000-", "bytes=10000-10001", "bytes=-0", f"bytes={10**18}-"])
    def test_outside_the_file_is_told_with_its_size(self, header: str) -> None:
        with pytest.raises(OutOfRange) as refusal:
            byte_range(header, 10_000)
        assert refusal.value.size == 10_000

    @pytest.mark.parametrize(
        "header",
        [
            None, "", "bytes", "bytes=", "bytes=-", "bytes=a-b", "bytes=1", "items=0-1", "bytes=0-0,-1",
            "bytes=500-600,601-999", "bytes=5-3", "bytes=1-2-3", "bytes=--1", "bytes=+1-2", "bytes=\u0661-\u0662",
            "bytes = 0-1", "bytes=0x0-0x1", "bytes=" + "9" * 5000 + "-",
        ],
    )  # fmt: skip
    def test_of_another_form_is_the_whole_file(self, header: str | None) -> None:
        assert byte_range(header, 10_000) is None

    @pytest.mark.parametrize("header", ["bytes=0-", "bytes=0-0", "bytes=-0"])
    def test_of_an_empty_file_has_nothing_to_give(self, header: str) -> None:
        with pytest.raises(OutOfRange):
            byte_range(header, 0)

    @given(st.one_of(st.none(), st.text(), st.from_regex(r"bytes=\d*-\d*", fullmatch=True)), st.integers(0, 10**6))
    def test_lies_within_the_file_or_is_refused(self, header: str | None, size: int) -> None:
        try:
            found = byte_range(header, size)
        except OutOfRange:
            return
        if found is not None:
            assert 0 <= found[0] < found[1] <= size


class TestADigest:
    def test_is_that_of_one_line_for_each_file_in_the_order_of_bytes(self) -> None:
        files = [
            Entry("b", is_directory=False, size=2, sha256="bb"),
            Entry("a/ü", is_directory=False, size=1, sha256="aa"),
            Entry("a", is_directory=True),
            Entry("B", is_directory=False, size=3, sha256="cc"),
        ]
        lines = "cc 3 B\naa 1 a/ü\nbb 2 b\n"
        assert digest(files) == hashlib.sha256(lines.encode()).hexdigest()

    def test_does_not_depend_on_the_order_in_which_files_came(self) -> None:
        files = [Entry(f"f{number}", is_directory=False, size=number, sha256=f"{number:064x}") for number in range(20)]
        shuffled = random.Random(1).sample(files, 20)  # noqa: S311  nothing secret
        assert digest(shuffled) == digest(files)

    @given(
        st.lists(st.tuples(segments, st.integers(0, 9), st.sampled_from(["a" * 64, "b" * 64])), max_size=4),
        st.lists(st.tuples(segments, st.integers(0, 9), st.sampled_from(["a" * 64, "b" * 64])), max_size=4),
    )
    def test_tells_any_two_manifests_apart(
        self, one: list[tuple[str, int, str]], other: list[tuple[str, int, str]]
    ) -> None:
        first, second = (
            {path: Entry(path, is_directory=False, size=size, sha256=sha) for path, size, sha in each}
            for each in (one, other)
        )
        assert (digest(first.values()) == digest(second.values())) == (first == second)


class TestTheLoggedModelOfAnMLmodelFile:
    ID = "m-0123456789abcdef0123456789abcdef"

    @pytest.mark.parametrize(
        "text",
        [
            f"model_id: {ID}\n", f"flavors: {{}}\nmodel_id: {ID}\nrun_id: x\n", f"model_id: '{ID}'",
            f'model_id: "{ID}"', f"model_id:   {ID}  \r\n", f"a: b\r\nmodel_id: {ID}\r\n",
        ],
    )  # fmt: skip
    def test_is_read_at_the_top_level(self, text: str) -> None:
        assert model_id_in(text.encode()) == self.ID

    @pytest.mark.parametrize(
        "text",
        [
            "", "model_id: null", f"  model_id: {ID}", f"x_model_id: {ID}", f"# model_id: {ID}", f"model_id: {ID}0",
            "model_id: m-XYZ", f"model_id: {ID.upper()}", f"model_id: !!python/object {ID}",
        ],
    )  # fmt: skip
    def test_is_nothing_else(self, text: str) -> None:
        assert model_id_in(text.encode()) is None

    @given(st.binary())
    def test_of_any_bytes_is_an_id_or_nothing(self, raw: bytes) -> None:
        assert model_id_in(raw) is None or raw


class TestASource:
    @pytest.mark.parametrize(
        ("source", "there"),
        [
            ("models:/a.b.c/1", ("a.b.c", "1")),
            ("models:/A.B.C/12", ("A.B.C", "12")),
            ("models:///a.b.c/1", ("a.b.c", "1")),
            ("models:/a.b.c/1/", ("a.b.c", "1")),
        ],
    )
    def test_that_names_a_version_of_ours_is_seen(self, source: str, there: tuple[str, str]) -> None:
        assert referenced_version(source) == there

    @pytest.mark.parametrize(
        "source",
        [
            "", "models:/", "models:/c/1", "models:/a.b.c", "models:/a.b.c/Production", "models:/a.b.c@champion",
            "models:/m-0123", "runs:/x/model", "s3://a.b.c/1", "file:///models:/a.b.c/1", "dbfs:/a.b.c/1",
            "/models/a.b.c/1",
        ],
    )  # fmt: skip
    def test_of_any_other_kind_is_a_label(self, source: str) -> None:
        assert referenced_version(source) is None

    @given(anything)
    def test_of_any_text_is_read(self, text: str) -> None:
        referenced_version(text)
        referenced_version("models:/" + text)
