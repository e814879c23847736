"""Files are judged by what is in them, whatever they are called and however they are packed."""

from __future__ import annotations

import bz2
import gzip
import io
import json
import lzma
import pickle
import tarfile
import zipfile
import zlib
from collections.abc import Callable

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from modelyard.domain.cards import Contents
from modelyard.domain.classify import Judge, Judged
from tests.scan.test_pickles import Calling

HOSTILE = pickle.dumps(Calling(print, "loaded"))
FINDING = "Loading it would import builtins.print."


def judged(path: str, content: bytes, *flavors: str) -> Judged:
    return Judge(flavors).file(path, io.BytesIO(content))


def zipped(**members: bytes) -> bytes:
    file = io.BytesIO()
    with zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("__", "/"), content)
    return file.getvalue()


def tarred(**members: bytes) -> bytes:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        for name, content in members.items():
            info = tarfile.TarInfo(name)
            info.size = len(content)
            archive.addfile(info, io.BytesIO(content))
    return file.getvalue()


def array(value: object) -> bytes:
    file = io.BytesIO()
    np.save(file, np.array(value), allow_pickle=True)
    return file.getvalue()


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("MLmodel", b"flavors: {}\n"),
        ("config.json", b'{"a": 1}'),
        ("tokens.txt", b"city\nparis\nlondon\n"),
        ("table.csv", b"category,price\n1,2\n"),
        ("model.safetensors", (2).to_bytes(8, "little") + b"{}"),
        ("model.onnx", b"\x08\x07\x12\x07pytorch"),
        ("numbers.npy", array([1.0, 2.0])),
        ("numbers.npz", zipped(**{"a.npy": array([1, 2])})),
        ("data.csv.gz", gzip.compress(b"a,b\n1,2\n")),
        ("empty", b""),
        ("anything", "Grüße\n".encode() * 1_000),
    ],
)
def test_data_is_only_data(path: str, content: bytes) -> None:
    assert judged(path, content) == Judged(Contents.DATA_ONLY)


@pytest.mark.parametrize(
    ("path", "content"),
    [
        ("code/predict.py", b"print(1)"),
        ("lib.so.1", b"\x7fELF\x02\x01"),
        ("weights.txt", b"\x7fELF\x02\x01"),
        ("run", b"#!/bin/sh\n"),
        ("model.pkl", pickle.dumps([1, 2])),
    ],
)
def test_code_is_told_without_a_finding(path: str, content: bytes) -> None:
    assert judged(path, content) == Judged(Contents.CODE_BEARING)


def test_bytes_of_no_known_kind_are_unknown() -> None:
    assert judged("model.dat", b"\x01\x02\x03\0\xff\xfe") == Judged(Contents.UNKNOWN)


PACKINGS: dict[str, Callable[[bytes], bytes]] = {
    "plain": lambda content: content,
    "gzip": gzip.compress,
    "bzip2": bz2.compress,
    "xz": lzma.compress,
    "zip": lambda content: zipped(archive__data=content),
    "tar": lambda content: tarred(member=content),
    "zip in tar in gzip": lambda content: gzip.compress(tarred(member=zipped(data=content))),
}


@pytest.mark.parametrize("packing", PACKINGS)
@pytest.mark.parametrize("path", ["model.pkl", "notes.txt", "config.json", "weights.safetensors", "MLmodel", "x"])
def test_a_hostile_pickle_is_found_under_any_name_and_in_any_packing(path: str, packing: str) -> None:
    for protocol in range(6):
        content = PACKINGS[packing](pickle.dumps(Calling(print, "loaded"), protocol))
        found = judged(path, content, "sklearn")
        assert found.contents is Contents.CODE_BEARING
        assert len(found.findings) == 1
        assert found.findings[0].problem.startswith("Loading it would import ")
        assert ".print" in found.findings[0].problem


def test_an_array_of_objects_is_a_pickle() -> None:
    content = array([Calling(print, 1), None])
    assert judged("x.npy", content).findings[0].problem == FINDING
    assert judged("x.npz", zipped(**{"arr_0.npy": content})).findings[0].path == "x.npz/arr_0.npy"


def test_a_saved_torch_model_is_looked_into() -> None:
    harmless = b"\x80\x02ccollections\nOrderedDict\n)R."
    content = zipped(model__data=harmless, model__version=b"3\n", model__byteorder=b"little")
    assert judged("model.pth", content, "pytorch").findings == ()
    hostile = zipped(model__data=HOSTILE, model__version=b"3\n")
    assert judged("model.pth", hostile, "pytorch").findings[0].path == "model.pth/model/data"


def test_a_lambda_layer_of_keras_is_code() -> None:
    for name, contents in (("Dense", Contents.DATA_ONLY), ("Lambda", Contents.CODE_BEARING)):
        config = json.dumps({"config": {"layers": [{"class_name": name}]}}).encode()
        assert judged("model.keras", zipped(**{"config.json": config})).contents is contents


@pytest.mark.parametrize(
    "content",
    [
        b"PK\x03\x04 no zip at all",
        zipped(a=b"x" * 1000)[:-30],
        gzip.compress(b"x" * 1000)[:-9],
        zlib.compress(HOSTILE),
        b"\x93NUMPY\x01\0\xff\xff",
        b"\xfd7zXZ\0broken",
        tarred(a=b"x" * 2000)[:600],
    ],
)
def test_what_cannot_be_looked_into_is_a_finding(content: bytes) -> None:
    assert judged("model.dat", content).findings


def test_links_in_archives_are_findings() -> None:
    file = io.BytesIO()
    with tarfile.open(fileobj=file, mode="w") as archive:
        link = tarfile.TarInfo("link")
        link.type, link.linkname = tarfile.SYMTYPE, "/etc/passwd"
        archive.addfile(link)
    assert "link" in judged("x.tar", file.getvalue()).findings[0].problem


def test_archives_are_opened_only_so_deep_and_so_wide() -> None:
    content = HOSTILE
    for _ in range(5):
        content = zipped(a=content)
    assert "too deep" in judged("x", content).findings[0].problem
    many = zipped(**{str(number): b"" for number in range(10_001)})
    assert "more than 10000 members" in judged("x", many).findings[0].problem


@settings(max_examples=300)
@given(
    st.sampled_from([b"", b"PK\x03\x04", b"\x1f\x8b", b"BZh9", b"\x93NUMPY", b"\x80\x04", b"\xfd7zXZ\0"]),
    st.binary(max_size=600),
    st.sampled_from(["MLmodel", "a.npy", "b.pkl", "c.keras", "d"]),
)
def test_no_bytes_break_a_judge(head: bytes, rest: bytes, path: str) -> None:
    judged(path, head + rest)
