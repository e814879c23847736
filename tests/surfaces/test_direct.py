"""Clients that bring and fetch files straight from the object store, at addresses that the server gave them."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from urllib.parse import quote, urlsplit

import httpx
import pytest

from tests.object_stores import ObjectStore, Place
from tests.support import LEGACY, Server, clean_environment

MODEL = "dev.team.model"
ROOT = "/Models/dev/team/model"


@dataclass
class Site:
    """A server whose store is an object store, and a model in it."""

    server: Server
    place: Place
    api: httpx.Client

    def post(self, route: str, **said: object) -> dict[str, object]:
        return self.api.post(route, json=said).raise_for_status().json()

    def register(self) -> int:
        said = {"name": MODEL, "source": "test"}
        return int(self.api.post(f"{LEGACY}/model-versions/create", json=said).json()["model_version"]["version"])

    def finalize(self, number: int) -> httpx.Response:
        return self.api.post(f"{LEGACY}/model-versions/finalize", json={"name": MODEL, "version": str(number)})

    def address(self, number: int, path: str, what: str = "upload") -> str:
        told = self.post(f"/api/2.0/fs/create-{what}-url", path=f"{ROOT}/{number}/{path}")
        assert told["headers"] == []
        return str(told["url"])

    def read(self, number: int, path: str) -> bytes:
        return self.api.get(f"/api/2.0/fs/files{ROOT}/{number}/{quote(path)}").raise_for_status().content

    def is_direct(self, url: str) -> bool:
        return urlsplit(url).netloc == urlsplit(self.place.options["endpoint"]).netloc

    @property
    def staged(self) -> set[str]:
        return {key for key in self.place.objects if key.startswith(("brought/", "staging/"))}


Starter = Callable[..., Server]


@contextlib.contextmanager
def open_site(start_server: Starter, object_store: ObjectStore, database: str = "", **settings: str) -> Iterator[Site]:
    place = object_store.place()
    server = start_server(
        database, storage=place.url, storage_options=json.dumps({place.url: place.options}), **settings
    )
    server.make_containers("dev.team")
    api = server.client()
    api.post(f"{LEGACY}/registered-models/create", json={"name": MODEL}).raise_for_status()
    with contextlib.closing(api):
        yield Site(server, place, api)


@pytest.fixture
def site(start_server: Starter, object_store: ObjectStore, database: str) -> Iterator[Site]:
    with open_site(start_server, object_store, database) as opened:
        yield opened


def put(url: str, content: bytes) -> httpx.Response:
    return httpx.put(url, content=content, trust_env=False, timeout=60).raise_for_status()


def get(url: str) -> bytes:
    return httpx.get(url, trust_env=False).raise_for_status().content


def test_files_that_were_put_into_the_store_are_the_versions_once_it_is_finalized(site: Site) -> None:
    number = site.register()
    content = {
        "MLmodel": b"flavors: {}\n",
        "data/model.bin": os.urandom(100_000),
        "data/ä b+c%20.txt": b"odd",
        "e": b"",
    }
    for path, body in content.items():
        url = site.address(number, path)
        assert site.is_direct(url)
        put(url, body)
    assert site.finalize(number).json()["model_version"]["status"] == "READY"
    for path, body in content.items():
        assert site.read(number, path) == body
        assert get(site.address(number, path, "download")) == body
    assert site.staged == set()


def test_what_comes_to_an_address_after_the_version_was_finalized_changes_nothing(site: Site) -> None:
    number = site.register()
    url = site.address(number, "MLmodel")
    put(url, b"flavors: {}\n")
    digest = site.finalize(number).json()["model_version"]["digest"]
    put(url, b"evil")
    assert site.read(number, "MLmodel") == b"flavors: {}\n"
    again = site.finalize(number).json()["model_version"]
    assert (again["status"], again["digest"]) == ("READY", digest)
    assert get(site.address(number, "MLmodel", "download")) == b"flavors: {}\n"


def test_no_address_for_uploads_names_an_object_of_a_model(site: Site) -> None:
    number = site.register()
    put(site.address(number, "MLmodel"), b"flavors: {}\n")
    site.finalize(number).raise_for_status()
    [blob] = [key for key in site.place.objects if key.startswith("blobs/")]
    fetched = site.address(number, "MLmodel", "download")
    assert blob in fetched
    assert httpx.put(fetched, content=b"evil", trust_env=False).status_code == 403
    assert site.read(number, "MLmodel") == b"flavors: {}\n"


def test_an_address_lives_for_five_minutes_whatever_is_asked(site: Site) -> None:
    number = site.register()
    said = {"path": f"{ROOT}/{number}/MLmodel", "expire_time": "2100-01-01T00:00:00Z"}
    url = str(site.post("/api/2.0/fs/create-upload-url", **said)["url"])
    assert "X-Amz-Expires=300&" in url + "&"


def begin(site: Site, number: int, path: str) -> str:
    where = f"/api/2.0/fs/files{ROOT}/{number}/{path}"
    begun = site.api.post(where, params={"action": "initiate-upload"}).raise_for_status().json()
    return begun["multipart_upload"]["session_token"]


def part_addresses(site: Site, number: int, path: str, token: str, count: int) -> list[str]:
    where = {"path": f"{ROOT}/{number}/{path}", "session_token": token, "start_part_number": 1, "count": count}
    told = site.api.post("/api/2.0/fs/create-upload-part-urls", json=where).raise_for_status().json()
    return [each["url"] for each in told["upload_part_urls"]]


def complete(site: Site, number: int, path: str, token: str, parts: list[tuple[int, str]]) -> httpx.Response:
    where = f"/api/2.0/fs/files{ROOT}/{number}/{path}"
    said = {"parts": [{"part_number": part, "etag": etag} for part, etag in parts]}
    return site.api.post(where, params={"action": "complete-upload", "session_token": token}, json=said)


def test_parts_that_were_put_into_the_store_are_joined_when_the_version_is_finalized(site: Site) -> None:
    number = site.register()
    put(site.address(number, "MLmodel"), b"flavors: {}\n")
    token = begin(site, number, "big")
    first, second, third = part_addresses(site, number, "big", token, 3)
    assert site.is_direct(first)
    big = os.urandom(3 << 20)
    put(second, b"replaced by a later attempt")
    [again] = part_addresses(site, number, "big", token, 2)[1:]
    etags = [put(first, big[: 1 << 20]), put(again, big[1 << 20 : 2 << 20]), put(third, big[2 << 20 :])]
    listed = [(count, response.headers["etag"]) for count, response in enumerate(etags, 1)]
    assert complete(site, number, "big", token, [*listed[:2], (3, "unknown")]).status_code == 400
    complete(site, number, "big", token, listed).raise_for_status()
    complete(site, number, "big", token, listed).raise_for_status()
    assert site.finalize(number).json()["model_version"]["status"] == "READY"
    assert site.read(number, "big") == big
    assert site.staged == set()


def test_parts_through_the_server_and_to_the_store_make_one_file(site: Site) -> None:
    number = site.register()
    put(site.address(number, "MLmodel"), b"flavors: {}\n")
    token = begin(site, number, "big")
    [direct] = part_addresses(site, number, "big", token, 1)
    where = f"/api/2.0/fs/files{ROOT}/{number}/big"
    through = site.api.put(
        where, params={"action": "upload-part", "session_token": token, "part_number": "2"}, content=b"two"
    )
    listed = [(1, put(direct, b"one").headers["etag"]), (2, through.headers["etag"])]
    complete(site, number, "big", token, listed).raise_for_status()
    site.finalize(number).raise_for_status()
    assert site.read(number, "big") == b"onetwo"


def test_paths_that_no_version_may_have_are_refused_when_they_were_brought(site: Site) -> None:
    number = site.register()
    put(site.address(number, "MLmodel"), b"flavors: {}\n")
    [brought] = site.staged
    site.place.put(brought.replace("MLmodel", "a\\b"), b"x")
    refused = site.finalize(number)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_PARAMETER_VALUE")


UPLOAD = """
import io, sys
from databricks.sdk import WorkspaceClient
from databricks.sdk.config import Config
config = Config()
config.files_ext_multipart_upload_min_stream_size = 1
WorkspaceClient(config=config).files.upload(sys.argv[1], io.BytesIO(sys.stdin.buffer.read()), overwrite=True)
"""
"""In a process of its own, since the SDK leaves connections open."""


def test_the_databricks_sdk_uploads_large_files_straight_to_the_store(site: Site) -> None:
    number = site.register()
    put(site.address(number, "MLmodel"), b"flavors: {}\n")
    content = os.urandom((11 << 20) + 3)
    environment = clean_environment(**site.server.environment())
    command = [sys.executable, "-c", UPLOAD, f"{ROOT}/{number}/big"]
    subprocess.run(command, input=content, env=environment, check=True)
    assert any(key.startswith("staging/") for key in site.staged)
    site.finalize(number).raise_for_status()
    assert hashlib.sha256(site.read(number, "big")).digest() == hashlib.sha256(content).digest()


def test_clients_stay_with_the_server_where_the_operator_says_so(
    start_server: Starter, object_store: ObjectStore
) -> None:
    with open_site(start_server, object_store, direct="false") as site:
        number = site.register()
        url = site.address(number, "MLmodel")
        assert url.startswith(site.server.url)
        put(url, b"flavors: {}\n")
        assert site.read(number, "MLmodel") == b"flavors: {}\n"
        site.finalize(number).raise_for_status()
        assert get(site.address(number, "MLmodel", "download")) == b"flavors: {}\n"


PART = 32 << 20


def until_it_is(ask: Callable[[], httpx.Response]) -> httpx.Response:
    """Ask as the SDK does, which repeats what takes too long: the store may read all parts to list them."""
    for _ in range(20):
        with contextlib.suppress(httpx.ReadTimeout):
            answer = ask()
            if answer.status_code != 503:
                return answer
            assert "object store" in answer.text
    raise AssertionError("the store did not list the parts")


def zeros(size: int) -> Iterator[bytes]:
    block = bytes(1 << 20)
    for _ in range(size >> 20):
        yield block


@pytest.mark.parametrize(
    ("parts", "patience"),
    [(3, 0.1), pytest.param(384, 20, marks=[pytest.mark.full, pytest.mark.timeout(1800)])],
    ids=["96 MiB", "12 GiB"],
)
def test_a_finalize_takes_longer_than_its_client_waits(
    start_server: Starter, object_store: ObjectStore, parts: int, patience: float
) -> None:
    with open_site(start_server, object_store) as site:
        number = site.register()
        put(site.address(number, "MLmodel"), b"flavors: {}\n")
        token = begin(site, number, "big")
        listed = []
        for part in range(1, parts + 1):
            where = {"path": f"{ROOT}/{number}/big", "session_token": token, "start_part_number": part, "count": 1}
            told = site.api.post("/api/2.0/fs/create-upload-part-urls", json=where).raise_for_status().json()
            headers = {"content-length": str(PART)}
            url = told["upload_part_urls"][0]["url"]
            sent = httpx.put(url, content=zeros(PART), headers=headers, trust_env=False, timeout=60).raise_for_status()
            listed.append((part, sent.headers["etag"]))
        until_it_is(lambda: complete(site, number, "big", token, listed)).raise_for_status()
        asked, answer = 0, None
        said = {"name": MODEL, "version": str(number)}
        while answer is None:
            asked += 1
            with contextlib.suppress(httpx.ReadTimeout):
                answer = site.api.post(f"{LEGACY}/model-versions/finalize", json=said, timeout=patience)
        assert answer.is_success, f"after {asked} times: {answer.text}"
        assert answer.json()["model_version"]["status"] == "READY"
        assert asked > 1
        assert len([key for key in site.place.objects if key.startswith("blobs/")]) == 2, "it was examined once"
        status = Path(f"/proc/{site.server.pid}/status").read_text().splitlines()
        peak = next(line for line in status if "VmHWM" in line)
        assert int(peak.split()[1]) < 300 << 10
        fetched = site.api.head(f"/api/2.0/fs/files{ROOT}/{number}/big")
        assert int(fetched.headers["content-length"]) == parts * PART
