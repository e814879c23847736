"""A flat registry that answers MLflow's REST protocol (1.30 and later), with the artifacts that its server hands out.

A location that such a registry tells is never opened on this machine, and credentials go to its own address only.
"""

from __future__ import annotations

import os
import time
import weakref
from http import HTTPStatus
from typing import TYPE_CHECKING, Any, BinaryIO, ClassVar, Final, cast
from urllib.parse import quote, urlsplit

import httpx

from modelyard.cli.client import Told
from modelyard.cli.moving import repositories
from modelyard.domain.files import MAX_FILES, inner
from modelyard.errors import Failure, Invalid, Unavailable
from modelyard.upgrade.moving.registry import (
    ADMIN,
    EVERYTHING,
    FlatFile,
    FlatModel,
    FlatVersion,
    Permission,
    Webhook,
    host_of,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager
    from pathlib import Path

_API: Final = "/api/2.0/mlflow"
_ARTIFACTS: Final = "/api/2.0/mlflow-artifacts/artifacts"
_PROXIED: Final = "mlflow-artifacts"
_PAGE: Final = 200
_FEW: Final = 100
"""As many as every server gives at once, of whatever it lists."""
_TRIES: Final = 4
_AGAIN: Final = {429, 500, 502, 503, 504}
_TIMEOUT: Final = httpx.Timeout(60, connect=15)
_PIECE: Final = 1 << 20
_MOST_BYTES: Final = 512 << 20
"""Of one answer: a page of models whose names have a megabyte each is half of that."""
_MOST_PAGES: Final = 100_000


class RestSource:
    """A server, as whoever the variables of MLflow's client name: a token, or a user and a password."""

    credentials: ClassVar[str] = (
        "set MLFLOW_TRACKING_TOKEN, or MLFLOW_TRACKING_USERNAME and MLFLOW_TRACKING_PASSWORD, to those of somebody who "
        "may read it."
    )
    """What to do where it asks who is calling."""

    def __init__(self, uri: str, token: str = "") -> None:
        self.uri = self._address = uri.rstrip("/")
        parts = urlsplit(self.uri)
        if parts.username or parts.password or parts.query or parts.fragment:
            raise Invalid(f"give the registry's address alone, and {self.credentials}")
        self.id = (parts.netloc + parts.path).lower()
        self._host = parts.netloc.lower()
        token = token or os.environ.get("MLFLOW_TRACKING_TOKEN", "")
        self._http = httpx.Client(
            headers={"authorization": f"Bearer {token}"} if token else {},
            auth=None if token else _password(),
            timeout=_TIMEOUT,
            follow_redirects=False,
            trust_env=parts.scheme == "https",
        )
        weakref.finalize(self, self._http.close)  # whoever opens a source never hands it back

    # Asking

    def _ask(self, path: str, /, **said: object) -> dict[str, Any]:
        """What a path answers; a server that is busy is asked again."""
        told = {key: value for key, value in said.items() if value not in {None, ""}}
        answer = self._patiently(path, told)
        if answer.status_code == HTTPStatus.UNAUTHORIZED:
            raise Told(f"the registry asks who is calling: {self.credentials}", "UNAUTHENTICATED")
        try:
            found = as_dict(_sound(answer.json()))
        except (ValueError, RecursionError):
            raise Told(
                f"the registry answered {answer.status_code} to {path}, and no JSON; is it MLflow's server?"
            ) from None
        if not answer.is_success:
            message = str(found.get("message") or f"the registry answered {answer.status_code}")
            raise Told(message, str(found.get("error_code") or answer.status_code))
        return found

    def _patiently(self, path: str, told: dict[str, object]) -> httpx.Response:
        for left in reversed(range(_TRIES)):
            try:
                answer = self._heard(self._address + path, told)
            except httpx.HTTPError as error:
                if not left:
                    raise self._silence(error) from None
            except httpx.InvalidURL:
                raise Invalid("the name is too long, or cannot be asked for.") from None
            else:
                if answer.status_code not in _AGAIN or not left:
                    return answer
            time.sleep(0.2 * 4 ** (_TRIES - 1 - left))
        raise AssertionError

    def _heard(self, url: str, told: dict[str, object]) -> httpx.Response:
        """A whole answer, if it is not without an end."""
        with self._http.stream("GET", url, params=cast("Any", told)) as answer:
            body = bytearray()
            for piece in answer.iter_bytes():
                body += piece
                if len(body) > _MOST_BYTES:
                    raise Failure(f"the registry answered more than {_MOST_BYTES} bytes to one question.")
            return httpx.Response(answer.status_code, content=bytes(body))

    def _silence(self, error: httpx.HTTPError) -> Unavailable:
        return Unavailable(f"the registry at {self._host} does not answer ({type(error).__name__}).")

    def _pages(self, path: str, key: str, most: int | None = _PAGE, /, **said: object) -> Iterator[dict[str, Any]]:
        token, seen = "", set[str]()
        for _ in range(_MOST_PAGES):
            page = self._ask(path, **said, max_results=most, page_token=token)
            yield from as_dicts(page.get(key))
            token = str(page.get("next_page_token") or "")
            if not token or token in seen:  # old servers give one page, and may give it again
                return
            seen.add(token)

    # What there is

    def names(self) -> Iterator[str]:
        """The names of all registered models."""
        for each in self._pages(f"{_API}/registered-models/search", "registered_models"):
            yield str(each.get("name", ""))

    def model(self, name: str) -> FlatModel:
        """A model with its aliases and tags."""
        told = as_dict(self._ask(f"{_API}/registered-models/get", name=name).get("registered_model"))
        aliases = {str(each["alias"]): as_number(each.get("version")) for each in as_dicts(told.get("aliases"))}
        return FlatModel(
            name,
            description=str(told.get("description") or ""),
            creator=str(told.get("user_id") or ""),
            created_at=as_number(told.get("creation_timestamp")),
            updated_at=as_number(told.get("last_updated_timestamp")),
            tags=_tags(told),
            aliases=aliases,
        )

    def versions(self, name: str) -> Iterator[FlatVersion]:
        """The versions of a model."""
        asked = _filter(name)
        for told in self._pages(f"{_API}/model-versions/search", "model_versions", filter=asked):
            if told.get("name") == name:
                yield version(told)

    def location(self, name: str, number: int) -> str:
        """Where the files of a version are."""
        told = self._ask(f"{_API}/model-versions/get-download-uri", name=name, version=str(number))
        return str(told.get("artifact_uri") or "")

    # Files

    def files(self, location: str) -> tuple[FlatFile, ...]:
        """The files of a version, as its server lists them, or as a cloud's store does."""
        if repositories.is_cloud(location):
            return repositories.files(location)
        return tuple(self._below(self._root(location), ""))

    def _below(self, root: str, folder: str) -> Iterator[FlatFile]:
        waiting, count = [folder], 0
        while waiting:
            here = waiting.pop()
            for told in as_dicts(self._ask(_ARTIFACTS, path=f"{root}/{here}".rstrip("/")).get("files")):
                name = str(told.get("path", "")).rpartition("/")[2]
                path = inner(f"{here}/{name}" if here else name)
                count += 1
                if not path or count > MAX_FILES:
                    raise Failure(f"a path in it has no name, or it has more than {MAX_FILES} files.")
                if told.get("is_dir"):
                    waiting.append(path)
                else:
                    size = told.get("file_size")
                    yield FlatFile(path, -1 if size is None else as_number(size))

    def _root(self, location: str) -> str:
        """The path of a version below this server's artifacts; `Failure` for whatever it does not hand out."""
        parts = urlsplit(location)
        if parts.scheme != _PROXIED:
            raise Failure(
                f"its files are at {location[:200]}, which the registry's server does not hand out: start that with "
                "--serve-artifacts, or run this where its database is and give the sqlite:/// address"
            )
        if parts.netloc and parts.netloc.lower() != self._host:
            raise Failure(f"its files are on another server, {parts.netloc[:100]}")
        return inner(parts.path.strip("/"))

    def fetch(self, location: str, path: str, into: Path) -> Path:
        """Bring a file to this machine."""
        if repositories.is_cloud(location):
            return repositories.fetch(location, path, into)
        where = quote(f"{self._root(location)}/{inner(path)}")
        self._fetched(lambda: self._http.stream("GET", f"{self._address}{_ARTIFACTS}/{where}"), path, into)
        return into

    def _fetched(self, ask: Callable[[], AbstractContextManager[httpx.Response]], path: str, into: Path) -> None:
        """Bring what is asked for to this machine; whoever is busy, or breaks off, is asked again."""
        for left in reversed(range(_TRIES)):
            try:
                with ask() as answer, into.open("wb") as out:
                    _written(answer, path, out)
            except httpx.HTTPError as error:
                if not left:
                    raise self._silence(error) from None
                time.sleep(0.2 * 4 ** (_TRIES - 1 - left))
            else:
                return

    # Who hears of it, and who may do what

    def webhooks(self) -> tuple[Webhook, ...] | None:
        """What MLflow's server notifies; None where it has no webhooks, as older ones, or does not tell this caller."""
        try:
            return tuple(_webhook(told) for told in self._pages(f"{_API}/webhooks", "webhooks", _FEW))
        except Told:
            return None

    def permissions(self) -> dict[str, list[Permission]] | None:
        """What MLflow's own access control tells; None where it is not on, or does not tell this caller."""
        try:
            users = as_dicts(self._ask(f"{_API}/users/list").get("users"))
        except Told:
            return None
        found: dict[str, list[Permission]] = {}
        for user in users:
            name = str(user.get("username", ""))
            if user.get("is_admin"):
                found.setdefault(EVERYTHING, []).append(Permission(name, ADMIN))
            for model, level in self._held(name):
                found.setdefault(model, []).append(Permission(name, level))
        return found

    def _held(self, user: str) -> Iterator[tuple[str, str]]:
        """The models and levels of a user: by roles, as MLflow 3 keeps them, or as older servers tell."""
        try:
            told = self._ask("/api/3.0/mlflow/users/permissions/list", username=user)
        except Told:
            told = as_dict(self._ask(f"{_API}/users/get", username=user).get("user"))
            for each in as_dicts(told.get("registered_model_permissions")):
                yield str(each.get("name", "")), str(each.get("permission", ""))
            return
        for each in as_dicts(told.get("permissions")):
            if each.get("resource_type") == "registered_model":
                pattern = str(each.get("resource_pattern") or each.get("resource_id") or "")
                yield pattern, str(each.get("permission", ""))


def _written(answer: httpx.Response, path: str, out: BinaryIO) -> None:
    if answer.status_code in _AGAIN:
        answer.raise_for_status()
    if answer.status_code != HTTPStatus.OK:
        raise Failure(f"a file cannot be fetched: the registry answered {answer.status_code} to {path[-200:]}")
    out.writelines(answer.iter_bytes(_PIECE))


def _webhook(told: dict[str, Any]) -> Webhook:
    events = (f"{each.get('entity')}.{each.get('action')}".lower() for each in as_dicts(told.get("events")))
    return Webhook("", tuple(events), host_of(str(told.get("url") or "")), str(told.get("status") or ""))


def version(told: dict[str, Any]) -> FlatVersion:
    """A version from its JSON."""
    return FlatVersion(
        as_number(told.get("version")),
        stage=str(told.get("current_stage") or "None"),
        status=str(told.get("status") or "READY"),
        description=str(told.get("description") or ""),
        creator=str(told.get("user_id") or ""),
        created_at=as_number(told.get("creation_timestamp")),
        updated_at=as_number(told.get("last_updated_timestamp")),
        source=str(told.get("source") or ""),
        run_id=str(told.get("run_id") or ""),
        run_link=str(told.get("run_link") or ""),
        model_id=str(told.get("model_id") or ""),
        tags=_tags(told),
    )


def _sound(said: object) -> object:
    """JSON without halves of characters, which nobody could print or send on."""
    match said:
        case str() if not said.isascii():
            return said.encode("utf-8", "replace").decode()
        case dict():
            told = cast("dict[str, object]", said)
            return {_sound(key): _sound(value) for key, value in told.items()}
        case list():
            return [_sound(each) for each in cast("list[object]", said)]
        case _:
            return said


def as_dict(said: object) -> dict[str, Any]:
    """An object of JSON; an empty one in place of anything else."""
    return cast("dict[str, Any]", said) if isinstance(said, dict) else {}


def as_dicts(said: object) -> list[dict[str, Any]]:
    """The objects of a list of JSON, and nothing else that a server may say."""
    return [as_dict(each) for each in cast("list[object]", said)] if isinstance(said, list) else []


def _tags(told: dict[str, Any]) -> dict[str, str]:
    return {str(each.get("key", "")): str(each.get("value", "")) for each in as_dicts(told.get("tags"))}


def as_number(said: object) -> int:
    """A whole number; 0 in place of anything else."""
    try:
        return int(cast("Any", said or 0))
    except (TypeError, ValueError):
        return 0


def _filter(name: str) -> str:
    """A search for one name; MLflow's filters know no escapes, and two kinds of quotes."""
    quotes = next((each for each in "'\"" if each not in name), "")
    if not quotes:
        raise Failure("its name holds both kinds of quotes, so the registry cannot be asked for its versions.")
    return f"name={quotes}{name}{quotes}"


def _password() -> tuple[str, str] | None:
    user = os.environ.get("MLFLOW_TRACKING_USERNAME", "")
    if not user:
        return None
    return user, os.environ.get("MLFLOW_TRACKING_PASSWORD", "")
