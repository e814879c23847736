"""The HTTP client of the commands: they see the server as any other client does."""

from __future__ import annotations

import os
import weakref
from typing import TYPE_CHECKING, Any, Final, cast

import httpx

from modelyard.errors import Failure, Invalid, Unavailable

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from pathlib import Path

    from modelyard.config import Settings

MLFLOW: Final = "/api/2.0/mlflow/unity-catalog"
UNITY: Final = "/api/2.1/unity-catalog"
SCIM: Final = "/api/2.0/preview/scim/v2"
FILES: Final = "/api/2.0/fs"
OURS: Final = "/api/2.0/modelyard"
TOKENS: Final = "/api/2.0"
_TIMEOUT_SECONDS: Final = 60
_PATIENT_SECONDS: Final = 3_600
"""How long an answer is waited for where the server has gigabytes to hash or to make durable first."""


class Told(Failure):
    """The server has refused, in its own words; `code` is its name for the kind of refusal."""

    def __init__(self, message: str, code: str = "") -> None:
        super().__init__(message)
        self.code = code


def read(file: Path) -> str:
    """The line in a file, or the empty string."""
    try:
        return file.read_text().strip()
    except OSError:
        return ""


def known(folder: Path, *, named: bool = False) -> tuple[str, str]:
    """Address and token: of a data folder that was named, else from the environment, else of the usual folder.

    A token goes to its own server and to no other address: the folder's, which is the admin's, and that of the
    environment beside another DATABRICKS_HOST.
    """
    here = read(folder / "address")
    host = os.environ.get("DATABRICKS_HOST", "").rstrip("/")
    token = os.environ.get("DATABRICKS_TOKEN", "")
    if host in {"", here}:
        return here, token or read(folder / "admin-token")
    return (here, read(folder / "admin-token")) if named else (host, token)


class Client:
    """One server, reached with one token, as `known` finds them."""

    def __init__(self, settings: Settings, *, named: bool = False) -> None:
        self.host, token = known(settings.folder, named=named)
        if not self.host:
            raise Invalid(
                "no server is known. Start one with `modelyard serve`, name its --data, "
                "or set DATABRICKS_HOST and DATABRICKS_TOKEN.",
            )
        if not token:
            raise Invalid(
                "no token for this server is known. Set DATABRICKS_TOKEN, or, on its host and as after a restore, make "
                "the admin's anew with `modelyard token recover`."
            )
        self._http = httpx.Client(
            base_url=_address(self.host),
            headers={b"authorization": f"Bearer {token}".encode()},
            timeout=_TIMEOUT_SECONDS,
            trust_env=self.host.startswith("https"),
        )
        weakref.finalize(self, self._http.close)  # commands take a client and never hand it back

    def ask(self, method: str, path: str, /, **said: object) -> dict[str, Any]:
        """Send a request: GET and DELETE say it in the query, others as JSON; refusals are `Told`."""
        told = {key: value for key, value in said.items() if value is not None}
        in_query = method in {"GET", "DELETE"}
        query = {key: _text(value) for key, value in told.items()} if in_query else None
        try:
            answer = self._http.request(method, path, params=query, json=None if in_query else told)
        except httpx.HTTPError:
            raise self._silence() from None
        return _read(answer)

    def all(self, path: str, key: str, **said: object) -> list[dict[str, Any]]:
        """Every item of a paged list."""
        return self._pages("GET", path, key, said)

    def search(self, path: str, key: str, **said: object) -> list[dict[str, Any]]:
        """Every item of a paged list that is asked for with POST."""
        return self._pages("POST", path, key, said)

    def _pages(self, method: str, path: str, key: str, said: dict[str, object]) -> list[dict[str, Any]]:
        found: list[dict[str, Any]] = []
        token = None
        while True:
            page = self.ask(method, path, **said, page_token=token)
            found += page.get(key, [])
            token = page.get("next_page_token")
            if not token:
                return found

    def pieces(self, path: str) -> Iterator[bytes]:
        """The bytes of a file, piece by piece."""
        try:
            with self._http.stream("GET", path) as answer:
                if not answer.is_success:
                    answer.read()
                    _read(answer)
                yield from answer.iter_bytes()
        except httpx.HTTPError:
            raise self._silence() from None

    def send_json(self, path: str, body: bytes) -> dict[str, Any]:
        """Post JSON as it is."""
        try:
            answer = self._http.post(path, content=body, headers={"content-type": "application/json"})
        except httpx.HTTPError:
            raise self._silence() from None
        return _read(answer)

    def be_patient(self) -> None:
        """From now on, wait long for an answer; not for the connection."""
        self._http.timeout = httpx.Timeout(_TIMEOUT_SECONDS, read=_PATIENT_SECONDS)

    def send(self, path: str, pieces: Iterable[bytes], size: int) -> None:
        """Send a file of so many bytes, piece by piece, in place of any that is there."""
        told = {"content-length": str(size)}
        try:
            answer = self._http.put(path, params={"overwrite": "true"}, content=iter(pieces), headers=told)
        except httpx.HTTPError:
            raise self._silence() from None
        _read(answer)

    def _silence(self) -> Unavailable:
        return Unavailable(f"{self.host} does not answer. Is the server running? `modelyard doctor` looks.")


def _address(host: str) -> httpx.URL:
    try:
        return httpx.URL(host)
    except httpx.InvalidURL:
        raise Invalid(f"{host} is no address; it is written like http://127.0.0.1:8585.") from None


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _read(answer: httpx.Response) -> dict[str, Any]:
    try:
        body: object = answer.json() if answer.content else {}
    except ValueError:
        body = None
    if not isinstance(body, dict):
        raise Told(f"the server answered {answer.status_code}, and no JSON; is it Modelyard?") from None
    told = cast("dict[str, Any]", body)
    if answer.is_success:
        return told
    message = str(told.get("message") or told.get("detail") or f"the server answered {answer.status_code}")
    raise Told(message, str(told.get("error_code") or ""))
