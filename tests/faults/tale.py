"""The main job told request by request, with a memory of what the server has acknowledged."""

from __future__ import annotations

import hashlib
import random
import threading
from collections.abc import Callable, Iterator
from collections.abc import Set as AbstractSet
from dataclasses import dataclass, field
from urllib.parse import quote

import httpx

from tests.support import LEGACY, Server

OURS = "/api/2.0/modelyard"
FILES = "/api/2.0/fs/files"
DIRECTORIES = "/api/2.0/fs/directories"
SOURCE, TARGET = "dev.s.model", "prod.s.model"
STEPS = 23
"""How many requests of a tale change something."""


class Killed(Exception):
    """The server is gone."""


def contents(seed: int) -> dict[str, bytes]:
    """Seven files of a model, one of them of 3 MiB."""
    made = random.Random(seed)  # noqa: S311  contents, nothing secret
    return {
        "MLmodel": b"model_id: m-%032x\n" % seed,
        "python_env.yaml": b"python: 3.11\n",
        "empty": b"",
        "data/weights.bin": made.randbytes(3 << 20),
        "data/a b#%.txt": made.randbytes(100),
        "data/deep/er/é": made.randbytes(70_000),
        "requirements.txt": b"skops\n",
    }


def digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()


@dataclass
class Memory:
    """What was acknowledged so far, and what was asked without an answer."""

    files: dict[tuple[str, int], dict[str, str]] = field(default_factory=dict)
    wanted: dict[tuple[str, int], dict[str, str]] = field(default_factory=dict)
    ready: set[tuple[str, int]] = field(default_factory=set)
    perhaps_ready: set[tuple[str, int]] = field(default_factory=set)
    alias: int = 0
    perhaps_alias: set[int] = field(default_factory=set)
    perhaps_versions: int = 0
    perhaps_copies: list[dict[str, str]] = field(default_factory=list)
    """The files of versions that the server was asked to copy; a database may commit after its client was killed."""
    deleted: set[tuple[str, int]] = field(default_factory=set)
    perhaps_deleted: set[tuple[str, int]] = field(default_factory=set)
    whole: set[tuple[str, int]] = field(default_factory=set)
    """READY versions whose bytes were all looked at already."""


class Tale:
    """One telling: a version, its files, copies by a client and by the server, an alias, a deletion and its end."""

    def __init__(self, server: Server, memory: Memory, seed: int) -> None:
        self.server = server
        self.memory = memory
        self.contents = contents(seed)
        self.acknowledged = 0
        self.before: Callable[[int], None] = lambda _number: None
        self.after: Callable[[int], None] = lambda _number: None

    def tell(self) -> int:
        """Tell it to its end; returns the number of the copy."""
        with self.server.client() as client:
            try:
                return self._tell(client)
            except httpx.TransportError:
                raise Killed from None

    def _tell(self, client: httpx.Client) -> int:
        number = self._version(client, SOURCE, "somewhere")
        self._bring(client, SOURCE, number, self.contents)
        copy = self._version(client, TARGET, f"models:/{SOURCE}/{number}")
        found = {path: client.get(file(SOURCE, number, path)).raise_for_status().content for path in self.contents}
        self._bring(client, TARGET, copy, found)
        self.memory.perhaps_alias.add(copy)
        told = {"name": TARGET, "alias": "champion", "version": str(copy)}
        self._ask(client, "POST", f"{LEGACY}/registered-models/alias", json=told)
        self.memory.alias, self.memory.perhaps_alias = copy, set()
        self._copy(client, number)
        self._delete(client, number)
        self._restore(client, number)
        self._delete(client, number)
        return copy

    def _copy(self, client: httpx.Client, number: int) -> None:
        files = self.memory.wanted[SOURCE, number]
        self.memory.perhaps_versions += 1
        self.memory.perhaps_copies.append(files)
        made = self._ask(client, "POST", f"{OURS}/models/{SOURCE}/versions/{number}/copy", json={"destination": TARGET})
        key = (TARGET, int(made.json()["version"]))
        self.memory.perhaps_versions -= 1
        self.memory.perhaps_copies.remove(files)
        self.memory.files[key] = self.memory.wanted[key] = files
        self.memory.ready.add(key)

    def _delete(self, client: httpx.Client, number: int) -> None:
        self.memory.perhaps_deleted.add((SOURCE, number))
        told = {"name": SOURCE, "version": str(number)}
        self._ask(client, "DELETE", f"{LEGACY}/model-versions/delete", json=told)
        self.memory.deleted.add((SOURCE, number))

    def _restore(self, client: httpx.Client, number: int) -> None:
        found = client.get(f"{OURS}/trash").raise_for_status().json()["trash"]
        [id_] = [each["id"] for each in found if (each["full_name"], each["version"]) == (SOURCE, number)]
        self.memory.deleted.discard((SOURCE, number))
        self._ask(client, "POST", f"{OURS}/trash/{id_}/restore")
        self.memory.perhaps_deleted.discard((SOURCE, number))
        self.memory.whole.discard((SOURCE, number))

    def _version(self, client: httpx.Client, model: str, source: str) -> int:
        self.memory.perhaps_versions += 1
        made = self._ask(client, "POST", f"{LEGACY}/model-versions/create", json={"name": model, "source": source})
        number = int(made.json()["model_version"]["version"])
        self.memory.perhaps_versions -= 1
        self.memory.files[model, number] = {}
        self.memory.wanted[model, number] = {path: digest(content) for path, content in self.contents.items()}
        return number

    def _bring(self, client: httpx.Client, model: str, number: int, files: dict[str, bytes]) -> None:
        for path, content in files.items():
            where = file(model, number, path)
            self._ask(client, "PUT", where, content=content, params={"overwrite": "true"})
            self.memory.files[model, number][path] = digest(content)
        self.memory.perhaps_ready.add((model, number))
        told = {"name": model, "version": str(number)}
        done = self._ask(client, "POST", f"{LEGACY}/model-versions/finalize", json=told)
        assert done.json()["model_version"]["status"] == "READY"
        self.memory.ready.add((model, number))

    def _ask(self, client: httpx.Client, method: str, path: str, **said: object) -> httpx.Response:
        self.before(self.acknowledged + 1)
        answer = client.request(method, path, **said)  # pyright: ignore[reportArgumentType]
        assert answer.is_success, f"{method} {path}: {answer.status_code} {answer.text}"
        self.acknowledged += 1
        self.after(self.acknowledged)
        return answer


def kill_after(tale: Tale, number: int) -> None:
    """Let the server die as soon as it has acknowledged so many changes."""

    def strike(acknowledged: int) -> None:
        if acknowledged == number:
            tale.server.kill()
            raise Killed

    tale.after = strike


def kill_during(tale: Tale, number: int, seconds: float) -> None:
    """Let the server die so long after the request of that number was sent, be it answered or not."""

    def aim(asked: int) -> None:
        if asked == number:
            threading.Timer(seconds, tale.server.kill).start()

    tale.before = aim


def file(model: str, number: int, path: str) -> str:
    return FILES + quote(f"/Models/{model.replace('.', '/')}/{number}/{path}")


def listed(client: httpx.Client, model: str, number: int, path: str = "") -> Iterator[str]:
    """Every file of a version, by its path inside."""
    where = DIRECTORIES + quote(f"/Models/{model.replace('.', '/')}/{number}/{path}".rstrip("/"))
    for entry in client.get(where).raise_for_status().json()["contents"]:
        inside = f"{path}/{entry['name']}".lstrip("/")
        if entry["is_directory"]:
            yield from listed(client, model, number, inside)
        else:
            yield inside


def check(server: Server, memory: Memory, reader: httpx.Client) -> None:
    """All that was acknowledged is there, and nothing is there by halves."""
    with server.client() as client:
        unknown = sum(_check_model(client, memory, reader, model) for model in (SOURCE, TARGET))
        assert unknown <= memory.perhaps_versions
        _check_alias(client, memory)
        is_sound(client)


def is_sound(client: httpx.Client) -> None:
    """Every byte that the database speaks of is there and is what it was, and every list of files is as it was."""
    for path, finding in (("objects", "damage"), ("manifests", "wrong")):
        after: str | None = ""
        while after is not None:
            told = {"after": after, "verify": True}
            part = client.post(f"{OURS}/fsck/{path}", json=told).raise_for_status().json()
            assert part[finding] == []
            after = part["after"]


def _check_model(client: httpx.Client, memory: Memory, reader: httpx.Client, model: str) -> int:
    query = {"filter": f"name = '{model}'"}
    found = client.get(f"{LEGACY}/model-versions/search", params=query).raise_for_status().json()["model_versions"]
    status = {int(version["version"]): version["status"] for version in found}
    _check_numbers(memory, model, status.keys())
    for number, state in status.items():
        _check_version(client, memory, reader, (model, number), state)
    return len(status.keys() - {number for name, number in memory.files if name == model})


def _check_numbers(memory: Memory, model: str, there: AbstractSet[int]) -> None:
    gone = {number for name, number in memory.deleted if name == model}
    perhaps_gone = {number for name, number in memory.perhaps_deleted if name == model}
    known = {number for name, number in memory.files if name == model}
    assert sorted(there | perhaps_gone) == list(range(1, len(there | perhaps_gone) + 1)), "numbers have a gap"
    assert known - perhaps_gone <= there, "an acknowledged version is lost"
    assert not gone & there, "a deleted version is back"


def _check_version(
    client: httpx.Client, memory: Memory, reader: httpx.Client, key: tuple[str, int], state: str
) -> None:
    if key not in memory.files | memory.wanted and state == "READY" and memory.perhaps_copies:
        there = {path: digest(client.get(file(*key, path)).content) for path in listed(client, *key)}
        memory.wanted[key] = next((files for files in memory.perhaps_copies if files == there), {})
        memory.perhaps_ready.add(key)
    assert state in {"READY", "PENDING_REGISTRATION"}
    assert state == "READY" or key not in memory.ready, f"{key} was READY"
    assert state != "READY" or key in memory.ready | memory.perhaps_ready, f"{key} cannot be READY"
    if key not in memory.whole:
        _check_files(client, memory, key, is_ready=state == "READY")
    if state == "READY":
        memory.whole.add(key)
    else:
        _check_hidden(client, reader, key)


def _check_files(client: httpx.Client, memory: Memory, key: tuple[str, int], *, is_ready: bool) -> None:
    wanted = memory.wanted.get(key, {})
    there = {path: client.get(file(*key, path)).raise_for_status().content for path in listed(client, *key)}
    digests = {path: digest(content) for path, content in there.items()}
    assert digests.items() <= wanted.items(), f"{key} holds a file by halves"
    assert digests.keys() >= memory.files.get(key, {}).keys(), f"{key} lost an acknowledged file"
    assert not is_ready or digests == wanted, f"{key} is READY and not whole"


def _check_hidden(client: httpx.Client, reader: httpx.Client, key: tuple[str, int]) -> None:
    model, number = key
    assert reader.get(file(model, number, "MLmodel")).status_code == 403
    told = {"name": model, "alias": "early", "version": str(number)}
    refused = client.post(f"{LEGACY}/registered-models/alias", json=told)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_STATE")
    told = {"name": TARGET, "source": f"models:/{model}/{number}"}
    refused = client.post(f"{LEGACY}/model-versions/create", json=told)
    assert (refused.status_code, refused.json()["error_code"]) == (400, "INVALID_STATE")


def _check_alias(client: httpx.Client, memory: Memory) -> None:
    answer = client.get(f"{LEGACY}/registered-models/alias", params={"name": TARGET, "alias": "champion"})
    if answer.status_code == 404:
        assert memory.alias == 0, "the acknowledged alias is lost"
        return
    version = answer.raise_for_status().json()["model_version"]
    assert int(version["version"]) in {memory.alias, *memory.perhaps_alias}
    assert version["status"] == "READY"
    memory.alias, memory.perhaps_alias = int(version["version"]), set()
