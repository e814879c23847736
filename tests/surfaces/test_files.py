"""The Files API: by hand, by signed URLs, in parts, and by the real Databricks SDK."""

from __future__ import annotations

import hashlib
import io
import random
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from email.utils import format_datetime, parsedate_to_datetime
from urllib.parse import parse_qsl, quote, urlencode, urlsplit

import httpx
import pytest
from databricks.sdk import WorkspaceClient

from tests.support import SCIM, Server
from tests.surfaces.world import FILES, MLMODEL, Folder, World, refusal

NAMES = [
    "plain.txt",
    "with blank",
    "hash#tag",
    "100%",
    "%41",
    "%2e%2e",
    "plus+plus",
    "é",
    "e\u0301",
    "日本語",
    "🙂",
    "question?x=1",
    "a&b=c;d",
    "quote'\"",
    "~tilde",
    "...",
    "-rf",
    ":colon*star|<>",
    "x" * 255,
]
MIB = 1 << 20
FS = "/api/2.0/fs"


@pytest.fixture
def folder(world: World) -> Folder:
    """The files of a new version."""
    return world.folder()


@pytest.fixture
def nobody(world: World) -> Iterator[httpx.Client]:
    """A client without a token."""
    with world.server.client("") as client:
        yield client


def noise(seed: int, count: int) -> bytes:
    return random.Random(seed).randbytes(count)  # noqa: S311  contents, nothing secret


def finalize(folder: Folder) -> None:
    folder.put("MLmodel", MLMODEL, overwrite="true").raise_for_status()
    said = {"name": folder.model, "version": str(folder.number)}
    folder.client.post("/api/2.0/mlflow/unity-catalog/model-versions/finalize", json=said).raise_for_status()


# Files


def test_every_name_comes_back_as_it_was_sent(folder: Folder) -> None:
    for number, name in enumerate(NAMES):
        assert folder.put(f"in here/{name}", b"%d" % number).status_code == 204, name
    assert sorted(folder.names("in here")) == sorted(NAMES)
    for number, name in enumerate(NAMES):
        path = f"in here/{name}"
        assert folder.get(path).content == b"%d" % number, name
        head = folder.client.head(folder.file(path))
        assert (head.status_code, head.headers["content-length"]) == (200, str(len(str(number))))
        link = folder.client.post(f"{FS}/create-download-url", params={"path": folder.at(path)}).json()["url"]
        assert httpx.get(link, trust_env=False).content == b"%d" % number, name
        assert folder.client.delete(folder.file(path)).status_code == 204
        refusal(folder.get(path), 404, "NOT_FOUND")
    assert folder.names("in here") == []


def test_a_file_has_the_headers_that_clients_need(folder: Folder) -> None:
    before = int(time.time())
    folder.put("a.bin", b"0123456789").raise_for_status()
    for answer in (folder.get("a.bin"), folder.client.head(folder.file("a.bin"))):
        assert answer.status_code == 200
        assert answer.headers["content-length"] == "10"
        assert answer.headers["content-type"] == "application/octet-stream"
        assert answer.headers["content-disposition"] == "attachment"
        assert answer.headers["x-content-type-options"] == "nosniff"
        modified = parsedate_to_datetime(answer.headers["last-modified"])
        assert before <= modified.timestamp() <= time.time()
    assert folder.client.head(folder.file("a.bin")).content == b""


def test_an_empty_file_comes_in_chunks_without_a_length(folder: Folder) -> None:
    sent = folder.client.put(folder.file("empty"), content=iter(()), params={"overwrite": "true"})
    assert sent.request.headers["transfer-encoding"] == "chunked"
    assert sent.status_code == 204
    assert folder.put("empty too", b"").status_code == 204
    for path in ("empty", "empty too"):
        read = folder.get(path)
        assert (read.status_code, read.content, read.headers["content-length"]) == (200, b"", "0")
        assert folder.client.get(folder.file(path), headers={"range": "bytes=0-"}).status_code == 416


def test_a_file_in_many_chunks_is_whole(folder: Folder) -> None:
    content = noise(7, 3 * MIB + 17)
    chunks = (content[at : at + 50_001] for at in range(0, len(content), 50_001))
    assert folder.client.put(folder.file("big"), content=chunks).status_code == 204
    assert hashlib.sha256(folder.get("big").content).digest() == hashlib.sha256(content).digest()


def test_a_file_is_replaced_only_when_asked(folder: Folder) -> None:
    folder.put("a", b"one").raise_for_status()
    message = refusal(folder.put("a", b"two"), 409, "ALREADY_EXISTS")
    assert "overwrite=true" in message
    refusal(folder.put("a", b"two", overwrite="false"), 409, "ALREADY_EXISTS")
    refusal(folder.put("a", b"two", overwrite="perhaps"), 400, "INVALID_PARAMETER_VALUE")
    assert folder.get("a").content == b"one"
    assert folder.put("a", b"two", overwrite="true").status_code == 204
    assert folder.get("a").content == b"two"


def test_what_is_not_there_is_not_found(world: World, folder: Folder) -> None:
    schema = "/Models/" + folder.model.replace(".", "/")
    for target in (
        folder.file("nothing"),
        f"{FILES}{schema}/99/a",
        FILES + "/Volumes/a/b/c",
        FILES + "/",
        FILES + "/x",
    ):
        refusal(world.admin.get(target), 404, "NOT_FOUND")
        assert world.admin.head(target).status_code == 404
    for model in ("missing.s.m", folder.model.rpartition(".")[0] + ".missing"):
        refusal(world.admin.get(f"{FILES}/Models/{model.replace('.', '/')}/1/a"), 404, "NOT_FOUND")
    refusal(folder.client.delete(folder.file("nothing")), 404, "NOT_FOUND")
    refusal(folder.client.get(folder.directory("nothing")), 404, "NOT_FOUND")
    refusal(folder.client.delete(folder.directory("nothing")), 404, "NOT_FOUND")
    for call in ("create-download-url", "create-upload-url"):
        told = {"path": f"{schema}/99/a"}
        refusal(folder.client.post(f"{FS}/{call}", params=told), 404, "NOT_FOUND")


def test_paths_are_found_in_any_case_of_the_model_but_not_of_the_file(folder: Folder) -> None:
    folder.put("Readme", b"text").raise_for_status()
    shouted = folder.root.replace("/cat", "/CAT").replace("/model/", "/MODEL/")
    assert folder.client.get(FILES + shouted + "/Readme").content == b"text"
    refusal(folder.get("readme"), 404, "NOT_FOUND")


@pytest.mark.parametrize(
    ("asked", "start", "end"),
    [
        ("bytes=0-0", 0, 1),
        ("bytes=2-4", 2, 5),
        ("bytes=5-", 5, 10),
        ("bytes=-3", 7, 10),
        ("bytes=-100", 0, 10),
        ("bytes=8-99999999999999", 8, 10),
        ("bytes=0-9", 0, 10),
    ],
)
def test_a_range_is_answered_with_its_bytes(folder: Folder, asked: str, start: int, end: int) -> None:
    folder.put("digits", b"0123456789").raise_for_status()
    part = folder.get("digits", range=asked)
    assert (part.status_code, part.content) == (206, b"0123456789"[start:end])
    assert part.headers["content-range"] == f"bytes {start}-{end - 1}/10"
    assert part.headers["content-length"] == str(end - start)


def test_ranges_outside_a_file_and_those_that_make_no_sense(folder: Folder) -> None:
    folder.put("digits", b"0123456789").raise_for_status()
    for asked in ("bytes=10-", "bytes=10-20", "bytes=-0", "bytes=9999999999999999999-"):
        outside = folder.get("digits", range=asked)
        refusal(outside, 416, "INVALID_PARAMETER_VALUE")
        assert outside.headers["content-range"] == "bytes */10"
    for asked in ("bytes=4-2", "bytes=0-1,3-4", "items=0-1", "bytes=x-y", "bytes=-", "bytes=" + "1" * 500 + "-"):
        whole = folder.get("digits", range=asked)
        assert (whole.status_code, whole.content) == (200, b"0123456789"), asked


def test_a_large_range_is_whole(folder: Folder) -> None:
    content = noise(8, 5 * MIB)
    folder.put("big", content).raise_for_status()
    part = folder.get("big", range=f"bytes={MIB - 1}-{4 * MIB}")
    assert part.content == content[MIB - 1 : 4 * MIB + 1]


def test_a_file_that_changed_since_then_is_refused(folder: Folder) -> None:
    folder.put("a", b"text").raise_for_status()
    modified = folder.get("a").headers["last-modified"]
    assert folder.get("a", if_unmodified_since=modified).status_code == 200
    later = format_datetime(datetime.now(UTC) + timedelta(days=1), usegmt=True)
    assert folder.get("a", if_unmodified_since=later, range="bytes=1-2").content == b"ex"
    refusal(folder.get("a", if_unmodified_since="Thu, 01 Jan 2015 00:00:00 GMT"), 412, "ABORTED")
    for unreadable in ("yesterday", "0", "Thu, 99 Foo 2015"):
        assert folder.get("a", if_unmodified_since=unreadable).status_code == 200, unreadable


@pytest.mark.parametrize(
    "since",
    [
        "Thu, 01 Jan 99999999999999999999 00:00:00 GMT",
        "Thu, 01 Jan 0001 00:00:00 -0000",
        "Thu, 01 Jan 2020 00:00:00 +99999999999999999999",
        "Thu, 01 Jan 9999 23:59:59 -2359",
    ],
)
def test_a_date_out_of_bounds_is_no_failure(folder: Folder, since: str) -> None:
    folder.put("a", b"text").raise_for_status()
    assert folder.get("a", if_unmodified_since=since).status_code in {200, 412}


def test_files_of_a_ready_version_never_change(world: World, folder: Folder) -> None:
    folder.put("kept/a", b"text").raise_for_status()
    begun = begin(folder, "b")
    link = folder.client.post(f"{FS}/create-upload-url", json={"path": folder.at("c")}).json()["url"]
    part = part_url(folder, "b", begun, 1)
    finalize(folder)
    client = folder.client
    for refused in (
        folder.put("kept/a", b"else", overwrite="true"),
        folder.put("new", b"else"),
        client.delete(folder.file("kept/a")),
        client.put(folder.directory("new")),
        client.delete(folder.directory("kept")),
        client.post(folder.file("d"), params={"action": "initiate-upload"}),
        client.post(f"{FS}/create-upload-url", json={"path": folder.at("d")}),
        httpx.put(link, content=b"late", trust_env=False),
        httpx.put(part, content=b"late", trust_env=False),
        complete(folder, "b", begun, []),
    ):
        refusal(refused, 400, "INVALID_STATE")
    assert folder.get("kept/a").content == b"text"
    assert sorted(folder.names()) == ["MLmodel", "kept"]
    assert world.legacy("POST", "model-versions/finalize", name=folder.model, version=folder.number).is_success


# Directories


def test_directories_are_made_found_and_removed(folder: Folder) -> None:
    client = folder.client
    assert client.head(folder.directory()).status_code == 200
    assert client.head(folder.directory("a")).status_code == 404
    for _ in range(2):
        assert client.put(folder.directory("a/b/c")).status_code == 204
    assert client.put(folder.directory()).status_code == 204
    assert [client.head(folder.directory(path)).status_code for path in ("a", "a/b", "a/b/c")] == [200, 200, 200]
    assert folder.names("a/b/c") == []
    refused = client.delete(folder.directory("a"))
    refusal(refused, 400, "INVALID_STATE")
    detail = refused.json()["details"][0]
    assert detail["reason"] == "FILES_API_DIRECTORY_IS_NOT_EMPTY"
    assert detail["@type"] == "type.googleapis.com/google.rpc.ErrorInfo"
    for path in ("a/b/c", "a/b", "a"):
        assert client.delete(folder.directory(path)).status_code == 204
    assert client.head(folder.directory("a")).status_code == 404
    refusal(client.delete(folder.directory()), 400, "INVALID_PARAMETER_VALUE")


def test_parents_appear_with_a_file(folder: Folder) -> None:
    folder.put("a/b/c.txt", b"text").raise_for_status()
    listed = folder.client.get(folder.directory("a")).json()
    assert listed == {"contents": [{"path": folder.at("a/b"), "name": "b", "is_directory": True}]}
    (file,) = folder.client.get(folder.directory("a/b") + "/").json()["contents"]
    assert (file["path"], file["is_directory"], file["file_size"]) == (folder.at("a/b/c.txt"), False, 4)
    assert abs(file["last_modified"] - time.time() * 1000) < 60_000


def test_a_directory_is_listed_in_pages(folder: Folder) -> None:
    for name in "edcba":
        folder.put(f"d/{name}", b"x").raise_for_status()
    seen: list[str] = []
    token, sizes = "", list[int]()
    while True:
        query = {"page_size": "2"} | ({"page_token": token} if token else {})
        page = folder.client.get(folder.directory("d") + "/", params=query).raise_for_status().json()
        seen += [entry["name"] for entry in page["contents"]]
        sizes.append(len(page["contents"]))
        token = page.get("next_page_token", "")
        if not token:
            break
    assert (seen, sizes) == (list("abcde"), [2, 2, 1])
    assert folder.names("d") == list("abcde")
    token = folder.client.get(folder.directory("d"), params={"page_size": "2"}).json()["next_page_token"]
    for where, query in (
        (folder.directory(), {"page_token": token}),
        (folder.directory("d"), {"page_token": token[:-3]}),
        (folder.directory("d"), {"page_token": "abc"}),
        (folder.directory("d"), {"page_size": "-1"}),
        (folder.directory("d"), {"page_size": "many"}),
    ):
        refusal(folder.client.get(where, params=query), 400, "INVALID_PARAMETER_VALUE")


def test_files_and_directories_do_not_take_each_others_place(folder: Folder) -> None:
    client = folder.client
    folder.put("file", b"x").raise_for_status()
    folder.put("dir/x", b"x").raise_for_status()
    for refused in (
        folder.put("dir", b"y", overwrite="true"),
        folder.put("file/below", b"y", overwrite="true"),
        folder.put("file/far/below", b"y"),
        client.put(folder.directory("file")),
        client.put(folder.directory("file/below")),
        client.post(folder.file("dir"), params={"action": "initiate-upload", "overwrite": "true"}),
        client.post(f"{FS}/create-upload-url", json={"path": folder.at("file/below")}),
    ):
        refusal(refused, 409, "ALREADY_EXISTS")
    for refused in (
        folder.get("dir"),
        client.delete(folder.file("dir")),
        client.get(folder.directory("file")),
        client.delete(folder.directory("file")),
    ):
        refusal(refused, 404, "NOT_FOUND")
    for refused in (client.put(folder.file("")), client.post(f"{FS}/create-upload-url", json={"path": folder.root})):
        refusal(refused, 400, "INVALID_PARAMETER_VALUE")
    assert (folder.get("file").content, folder.get("dir/x").content) == (b"x", b"x")


@pytest.mark.parametrize(
    "tail",
    [
        "../x",
        "a/../../x",
        "a/./x",
        "%2e%2e/x",
        "a/%2e%2e/%2e%2e/x",
        "..%2fx",
        "a%2f..%2fx",
        "a//x",
        "%00",
        "a%00b",
        "%0a",
        "a%5cb",
        "..%5cx",
        "%7f",
        "%ff%fe",
        "%c0%ae%c0%ae/x",
        "a" * 5000,
        "/".join(["a"] * 100),
        "é" * 150,
        "x" * 300,
        "%ed%a0%80",
    ],
)
def test_a_path_that_no_file_may_have_is_refused(world: World, folder: Folder, tail: str) -> None:
    target = f"{folder.root}/{quote(tail, safe='%/')}"
    for method, where in (("PUT", FILES), ("GET", FILES), ("DELETE", FILES), ("PUT", "/api/2.0/fs/directories")):
        body = b"x" if (method, where) == ("PUT", FILES) else b""
        refusal(world.raw(method, where + target, body), 400, "INVALID_PARAMETER_VALUE")
    assert folder.names() == []


@pytest.mark.parametrize("up", ["..", "%2e%2e", "%2E."])
def test_no_path_leads_to_another_model(world: World, folder: Folder, up: str) -> None:
    other = world.folder()
    other.put("secret", b"secret").raise_for_status()
    _, client = world.user_of(folder.model, "EXECUTE", "CREATE_MODEL_VERSION")
    token = client.headers["authorization"].removeprefix("Bearer ")
    climbing = f"{FILES}{folder.root}/{'/'.join([up] * 4)}/{other.root.removeprefix('/Models/')}/secret"
    answer = world.raw("GET", climbing, token=token)
    refusal(answer, 400, "INVALID_PARAMETER_VALUE")
    assert b"secret" not in world.raw("GET", f"{FILES}/{up}/{up}/{up}/etc/passwd", token=token).content


def test_what_is_encoded_twice_is_decoded_once(world: World, folder: Folder) -> None:
    assert world.raw("PUT", f"{FILES}{folder.root}/%252e%252e%252fx", b"x").status_code == 204
    assert folder.names() == ["%2e%2e%2fx"]
    assert folder.names() != ["x"]


def test_the_longest_path_that_is_allowed_can_be_kept(folder: Folder) -> None:
    letters = random.Random(9)  # noqa: S311  file names, nothing secret
    levels = ["".join(chr(letters.randrange(0x20000, 0x2A000)) for _ in range(60)) for _ in range(16)]
    path = "/".join(levels)
    assert len(path) <= 1_024
    answer = folder.put(path, b"deep")
    assert answer.status_code in {204, 400}, answer.text
    if answer.status_code == 204:
        assert folder.get(path).content == b"deep"


# Who may


def test_reading_and_writing_need_their_privileges(world: World) -> None:
    model = world.model()
    pending, number = world.folder(model), world.ready(model, {"a": b"text"})
    ready = Folder(world.admin, model, number)
    pending.put("a", b"text").raise_for_status()
    noun = f"Routine or Model '{model}'"
    _, stranger = world.user()
    catalog = model.split(".")[0]
    message = refusal(ready.seen_by(stranger).get("a"), 403, "PERMISSION_DENIED")
    assert message == f"User does not have USE CATALOG on Catalog '{catalog}'."
    _, passer = world.user_of(model)
    assert refusal(ready.seen_by(passer).get("a"), 403, "PERMISSION_DENIED") == f"User does not have EXECUTE on {noun}."
    lacks = f"User does not have CREATE MODEL VERSION on {noun}."
    assert refusal(pending.seen_by(passer).put("b", b""), 403, "PERMISSION_DENIED") == lacks
    _, reader = world.user_of(model, "EXECUTE")
    assert ready.seen_by(reader).get("a").content == b"text"
    refusal(pending.seen_by(reader).get("a"), 403, "PERMISSION_DENIED")
    refusal(reader.get(pending.directory()), 403, "PERMISSION_DENIED")
    _, maker = world.user_of(model, "EXECUTE", "CREATE_MODEL_VERSION")
    assert pending.seen_by(maker).get("a").content == b"text"
    message = refusal(pending.seen_by(maker).put("b", b"x"), 403, "PERMISSION_DENIED")
    assert f"User does not have MANAGE on {noun}." in message
    refusal(begin_call(pending.seen_by(maker), "b"), 403, "PERMISSION_DENIED")
    own = Folder(maker, model, world.version(model, maker))
    assert own.put("a", b"mine").status_code == 204


# Signed URLs


def test_a_download_url_works_without_a_token(world: World, folder: Folder, nobody: httpx.Client) -> None:
    folder.put("a b#é", b"0123456789").raise_for_status()
    made = folder.client.post(f"{FS}/create-download-url", params={"path": folder.at("a b#é")}).json()
    assert made["headers"] == []
    assert made["url"].startswith(world.server.url)
    assert nobody.get(made["url"]).content == b"0123456789"
    part = nobody.get(made["url"], headers={"range": "bytes=3-5"})
    assert (part.status_code, part.content) == (206, b"345")
    again = folder.client.post(f"{FS}/create-download-url", json={"path": folder.at("a b#é")}).json()["url"]
    assert nobody.get(again).content == b"0123456789"
    told = {"path": folder.at("missing")}
    refusal(folder.client.post(f"{FS}/create-download-url", params=told), 404, "NOT_FOUND")
    assert folder.client.headers["authorization"].split()[1] not in made["url"]


def test_an_upload_url_works_without_a_token(folder: Folder, nobody: httpx.Client) -> None:
    made = folder.client.post(f"{FS}/create-upload-url", json={"path": folder.at("x/y")}).json()
    for content in (b"one", b"two"):
        assert nobody.put(made["url"], content=content).is_success
        assert folder.get("x/y").content == content


def changed(url: str, **query: str) -> str:
    """A URL with other values in its query."""
    parts = urlsplit(url)
    return parts._replace(query=urlencode({**dict(parse_qsl(parts.query)), **query})).geturl()


def test_a_signed_url_that_was_tampered_with_is_refused(world: World, folder: Folder, nobody: httpx.Client) -> None:
    folder.put("a", b"text").raise_for_status()
    folder.put("b", b"other").raise_for_status()
    other_name, _ = world.user_of(folder.model, "ALL_PRIVILEGES")
    found = world.admin.get(f"{SCIM}/Users", params={"filter": f'userName eq "{other_name}"'}).json()["Resources"]
    get = folder.client.post(f"{FS}/create-download-url", params={"path": folder.at("a")}).json()["url"]
    put = folder.client.post(f"{FS}/create-upload-url", json={"path": folder.at("a")}).json()["url"]
    signature = dict(parse_qsl(urlsplit(get).query))["signature"]
    hours = str(int(time.time() * 1000) + 7_200_000)
    for method, url in (
        ("GET", get.replace("/a?", "/b?")),
        ("GET", changed(get, expires=hours)),
        ("GET", changed(get, expires="9" * 30)),
        ("GET", changed(get, principal=found[0]["id"])),
        ("GET", changed(get, principal="")),
        ("GET", changed(get, signature=signature[:-1] + ("0" if signature[-1] != "0" else "1"))),
        ("GET", changed(get, signature="é")),
        ("GET", changed(get, signature="")),
        ("GET", changed(get, more="query")),
        ("GET", put),
        ("PUT", get),
        ("DELETE", get),
        ("DELETE", put),
        ("HEAD", get),
        ("PUT", put.replace("/a?", "/c?")),
        ("PUT", changed(put, overwrite="false")),
        ("POST", changed(put, action="initiate-upload")),
    ):
        answer = nobody.request(method, url, content=b"evil" if method == "PUT" else b"")
        assert answer.status_code in {401, 403}, (method, url, answer.text)
    assert (folder.get("a").content, sorted(folder.names())) == (b"text", ["a", "b"])


@pytest.mark.parametrize("expires", ["²", "x", "", "-1", "1e9", "\uff19", "0"])
def test_a_signed_url_with_a_strange_time_is_refused(folder: Folder, nobody: httpx.Client, expires: str) -> None:
    query = {"principal": "somebody", "expires": expires, "signature": "00"}
    assert nobody.get(folder.file("a"), params=query).status_code == 401


def test_a_signed_url_is_for_files_and_not_for_directories(folder: Folder, nobody: httpx.Client) -> None:
    put = folder.client.post(f"{FS}/create-upload-url", json={"path": folder.at("a")}).json()["url"]
    assert nobody.put(put.replace("/fs/files/", "/fs/directories/")).status_code in {401, 403}
    session = begin(folder, "d")
    told = {"path": folder.at("d"), "session_token": session}
    abort = folder.client.post(f"{FS}/create-abort-upload-url", json=told).json()["abort_upload_url"]["url"]
    folder.client.put(folder.directory("d")).raise_for_status()
    assert nobody.delete(abort.replace("/fs/files/", "/fs/directories/")).status_code in {401, 403}
    assert folder.names() == ["d"]


def test_a_signed_url_that_came_too_late_says_so_as_s3_does(folder: Folder, nobody: httpx.Client) -> None:
    folder.put("a", b"text").raise_for_status()
    soon = (datetime.now(UTC) + timedelta(seconds=1)).isoformat()
    told = {"path": folder.at("a"), "expire_time": soon}
    get = folder.client.post(f"{FS}/create-download-url", params=told).json()["url"]
    put = folder.client.post(f"{FS}/create-upload-url", json=told).json()["url"]
    time.sleep(1.3)
    for late in (nobody.get(get), nobody.put(put, content=b"late")):
        assert late.status_code == 403
        assert late.text == "<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>"
        assert late.headers["content-type"] == "application/xml"
    assert folder.get("a").content == b"text"


def test_a_signed_url_lives_an_hour_at_most(folder: Folder) -> None:
    folder.put("a", b"text").raise_for_status()
    for wish in ("9999-12-31T23:59:59Z", "2999-01-01T00:00:00+02:00", "2999-01-01"):
        told = {"path": folder.at("a"), "expire_time": wish}
        url = folder.client.post(f"{FS}/create-download-url", params=told).json()["url"]
        expires = int(dict(parse_qsl(urlsplit(url).query))["expires"])
        assert expires <= time.time() * 1000 + 3_600_000
    for bad in ("soon", "\x00", "2030-13-01T00:00:00Z", "9" * 40):
        told = {"path": folder.at("a"), "expire_time": bad}
        refusal(folder.client.post(f"{FS}/create-download-url", params=told), 400, "INVALID_PARAMETER_VALUE")


def test_a_signed_url_is_decided_again_when_it_is_used(world: World, nobody: httpx.Client) -> None:
    model = world.model()
    number = world.ready(model, {"a": b"text"})
    name, reader = world.user_of(model, "EXECUTE")
    path = Folder(reader, model, number).at("a")
    url = reader.post(f"{FS}/create-download-url", params={"path": path}).json()["url"]
    assert nobody.get(url).content == b"text"
    world.take("function", model, name, "EXECUTE")
    message = refusal(nobody.get(url), 403, "PERMISSION_DENIED")
    assert message == f"User does not have EXECUTE on Routine or Model '{model}'."
    world.server.grant("function", model, name, "EXECUTE")
    assert nobody.get(url).content == b"text"
    (found,) = world.admin.get(f"{SCIM}/Users", params={"filter": f'userName eq "{name}"'}).json()["Resources"]
    shut = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
    world.admin.patch(f"{SCIM}/Users/{found['id']}", json=shut).raise_for_status()
    refusal(nobody.get(url), 401, "UNAUTHENTICATED")
    refusal(reader.get(FILES + path), 401, "UNAUTHENTICATED")


# In parts


def begin_call(folder: Folder, path: str, **query: str) -> httpx.Response:
    return folder.client.post(folder.file(path), params={"action": "initiate-upload", **query})


def begin(folder: Folder, path: str, **query: str) -> str:
    return begin_call(folder, path, **query).raise_for_status().json()["multipart_upload"]["session_token"]


def part_urls(folder: Folder, path: str, session: str, start: int, count: int) -> list[str]:
    told = {
        "path": folder.at(path),
        "session_token": session,
        "start_part_number": start,
        "count": count,
        "expire_time": (datetime.now(UTC) + timedelta(hours=1)).isoformat(),
    }
    made = folder.client.post(f"{FS}/create-upload-part-urls", json=told).raise_for_status().json()
    assert [each["part_number"] for each in made["upload_part_urls"]] == list(range(start, start + count))
    return [each["url"] for each in made["upload_part_urls"]]


def part_url(folder: Folder, path: str, session: str, number: int) -> str:
    return part_urls(folder, path, session, number, 1)[0]


def send_part(folder: Folder, path: str, session: str, number: int, content: bytes) -> str:
    sent = httpx.put(part_url(folder, path, session, number), content=content, trust_env=False)
    return sent.raise_for_status().headers["etag"]


def complete(folder: Folder, path: str, session: str, parts: list[tuple[int, str]]) -> httpx.Response:
    query = {"action": "complete-upload", "upload_type": "multipart", "session_token": session}
    listed = [{"part_number": number, "etag": etag} for number, etag in parts]
    return folder.client.post(folder.file(path), params=query, json={"parts": listed})


def test_parts_come_in_any_order(folder: Folder) -> None:
    contents = {number: bytes([number]) * (MIB if number < 4 else 77) for number in (1, 2, 3, 4)}
    session = begin(folder, "big file#1")
    etags = {number: send_part(folder, "big file#1", session, number, contents[number]) for number in (4, 2, 3, 1)}
    refusal(folder.get("big file#1"), 404, "NOT_FOUND")
    assert folder.names() == []
    assert complete(folder, "big file#1", session, sorted(etags.items())).is_success
    assert folder.get("big file#1").content == b"".join(contents.values())


def test_a_part_that_is_sent_again_replaces_the_first(folder: Folder) -> None:
    session = begin(folder, "a")
    old = send_part(folder, "a", session, 1, b"old" * 1000)
    last = send_part(folder, "a", session, 2, b"end")
    new = send_part(folder, "a", session, 1, b"new" * 1000)
    assert new != old
    refusal(complete(folder, "a", session, [(1, old), (2, last)]), 400, "INVALID_PARAMETER_VALUE")
    assert complete(folder, "a", session, [(1, new), (2, last)]).is_success
    assert folder.get("a").content == b"new" * 1000 + b"end"


def test_a_list_of_parts_that_is_wrong_completes_nothing(folder: Folder) -> None:
    session = begin(folder, "a")
    one, two = (send_part(folder, "a", session, number, bytes([number]) * 1000) for number in (1, 2))
    for wrong in (
        [],
        [(1, one), (3, two)],
        [(1, two), (2, one)],
        [(2, two), (1, one)],
        [(1, one), (1, one)],
        [(1, "x")],
    ):
        refusal(complete(folder, "a", session, wrong), 400, "INVALID_PARAMETER_VALUE")
    for strange in ({"parts": "x"}, {"parts": [{"part_number": "one"}]}, {"parts": [{"etag": one}]}, {"parts": [None]}):
        query = {"action": "complete-upload", "session_token": session}
        refusal(folder.client.post(folder.file("a"), params=query, json=strange), 400, "INVALID_PARAMETER_VALUE")
    refusal(folder.get("a"), 404, "NOT_FOUND")
    assert complete(folder, "a", session, [(1, one), (2, two)]).is_success
    assert folder.get("a").content == b"\x01" * 1000 + b"\x02" * 1000


def test_completing_twice_does_no_harm(folder: Folder) -> None:
    session = begin(folder, "a")
    etag = send_part(folder, "a", session, 1, b"text")
    assert complete(folder, "a", session, [(1, etag)]).is_success
    again = complete(folder, "a", session, [(1, etag)])
    assert again.status_code == 200, again.text
    assert folder.get("a").content == b"text"
    refusal(complete(folder, "a", "0" * 32, [(1, etag)]), 404, "NOT_FOUND")


def test_an_upload_that_is_given_up_leaves_nothing(world: World, folder: Folder, nobody: httpx.Client) -> None:
    session = begin(folder, "a")
    etag = send_part(folder, "a", session, 1, b"text" * 100_000)
    part = part_url(folder, "a", session, 2)
    told = {"path": folder.at("a"), "session_token": session}
    abort = folder.client.post(f"{FS}/create-abort-upload-url", json=told).json()["abort_upload_url"]
    assert abort["headers"] == []
    assert nobody.delete(abort["url"]).is_success
    assert nobody.delete(abort["url"]).status_code == 404
    assert nobody.put(part, content=b"late").status_code == 404
    refusal(complete(folder, "a", session, [(1, etag)]), 404, "NOT_FOUND")
    refusal(folder.client.post(f"{FS}/create-upload-part-urls", json=told), 404, "NOT_FOUND")
    assert folder.put("a", b"whole").status_code == 204
    assert not [name for name in (world.server.data / "blobs/incoming").iterdir() if session in name.name]


def test_an_upload_in_parts_respects_what_is_there(folder: Folder) -> None:
    folder.put("a", b"one").raise_for_status()
    refusal(begin_call(folder, "a"), 409, "ALREADY_EXISTS")
    session = begin(folder, "a", overwrite="true")
    etag = send_part(folder, "a", session, 1, b"two")
    assert complete(folder, "a", session, [(1, etag)]).is_success
    assert folder.get("a").content == b"two"
    late = begin(folder, "b")
    etag = send_part(folder, "b", late, 1, b"late")
    folder.put("b", b"early").raise_for_status()
    refusal(complete(folder, "b", late, [(1, etag)]), 409, "ALREADY_EXISTS")
    assert folder.get("b").content == b"early"


def test_an_upload_in_parts_is_for_its_path_and_its_principal(world: World, folder: Folder) -> None:
    session = begin(folder, "a")
    etag = send_part(folder, "a", session, 1, b"text")
    refusal(complete(folder, "b", session, [(1, etag)]), 404, "NOT_FOUND")
    _, manager = world.user_of(folder.model, "CREATE_MODEL_VERSION", "MANAGE", "EXECUTE")
    refusal(complete(folder.seen_by(manager), "a", session, [(1, etag)]), 404, "NOT_FOUND")
    told = {"path": folder.at("a"), "session_token": session}
    refusal(manager.post(f"{FS}/create-upload-part-urls", json=told), 404, "NOT_FOUND")
    for start, count in ((0, 1), (1, 0), (1, -1), (10_000, 2), (10_001, 1), (1, 10**30), (-(10**30), 1)):
        wrong = {**told, "start_part_number": start, "count": count}
        refusal(folder.client.post(f"{FS}/create-upload-part-urls", json=wrong), 400, "INVALID_PARAMETER_VALUE")
    url = part_url(folder, "a", session, 1)
    assert httpx.put(changed(url, part_number="2"), content=b"x", trust_env=False).status_code in {401, 403}
    assert httpx.put(changed(url, session_token="0" * 32), content=b"x", trust_env=False).status_code in {401, 403}


@pytest.mark.parametrize("session", ["", "x", "../..", "\x00", "0" * 32, "a" * 5000])
def test_a_session_that_nobody_began_is_not_found(folder: Folder, session: str) -> None:
    refusal_codes = {400, 404}
    assert complete(folder, "a", session, [(1, "x")]).status_code in refusal_codes
    told = {"path": folder.at("a"), "session_token": session}
    assert folder.client.post(f"{FS}/create-upload-part-urls", json=told).status_code in refusal_codes
    assert folder.client.post(f"{FS}/create-abort-upload-url", json=told).status_code in refusal_codes
    query = {"action": "upload-part", "session_token": session, "part_number": "1"}
    assert folder.client.put(folder.file("a"), params=query, content=b"x").status_code in refusal_codes


# The real client


@pytest.fixture
def workspace(world: World, monkeypatch: pytest.MonkeyPatch) -> WorkspaceClient:
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", "/nowhere")
    return WorkspaceClient(host=world.server.url, token=world.server.token, auth_type="pat")


def test_the_databricks_sdk_brings_and_fetches_a_large_file(workspace: WorkspaceClient, folder: Folder) -> None:
    half = noise(10, 30 * MIB + 5)
    content = half + bytes(30 * MIB)
    workspace.files.upload(folder.at("large é.bin"), io.BytesIO(content), overwrite=True)
    told = workspace.files.download(folder.at("large é.bin"))
    assert told.content_length == len(content)
    assert told.contents is not None
    fetched = hashlib.sha256()
    while chunk := told.contents.read(MIB):
        fetched.update(chunk)
    told.contents.close()
    assert fetched.hexdigest() == hashlib.sha256(content).hexdigest()


def test_the_databricks_sdk_brings_small_files_and_lists_them(workspace: WorkspaceClient, folder: Folder) -> None:
    for path, content in {"d/empty": b"", "d/a b#%": b"text", "top": b"x"}.items():
        workspace.files.upload(folder.at(path), io.BytesIO(content), overwrite=True)
    listed = [entry.path for entry in workspace.files.list_directory_contents(folder.at("d"), page_size=1)]
    assert listed == [folder.at("d/a b#%"), folder.at("d/empty")]
    told = workspace.files.get_metadata(folder.at("d/a b#%"))
    assert told.content_length == 4
    workspace.files.delete(folder.at("top"))
    workspace.files.create_directory(folder.at("new"))
    workspace.files.get_directory_metadata(folder.at("new"))
    workspace.files.delete_directory(folder.at("new"))
    assert folder.names() == ["d"]


def test_links_lead_to_the_public_url(start_server) -> None:  # noqa: ANN001  a fixture
    server: Server = start_server(public_url="https://models.example.com/")
    shared = World(server)
    folder = shared.folder()
    made = shared.admin.post(f"{FS}/create-upload-url", json={"path": folder.at("a")}).json()
    assert made["url"].startswith("https://models.example.com/api/2.0/fs/files/Models/")
    shared.close()
