"""The model registry of a Databricks workspace: MLflow's protocol, with files, permissions and webhooks of its own.

As MLflow's `DatabricksModelsArtifactRepository` and the SDK's `model_registry` and `permissions` ask for them.
"""

from __future__ import annotations

import configparser
import os
import weakref
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar, Final, cast
from urllib.parse import quote, urlsplit

import httpx

from modelyard.cli.moving.rest import RestSource, as_dict, as_dicts, as_number
from modelyard.domain.files import MAX_FILES, inner
from modelyard.errors import Failure, Invalid, NotFound
from modelyard.upgrade.moving.registry import FlatFile, Permission, Webhook, host_of

if TYPE_CHECKING:
    from collections.abc import Generator, Iterator

_API: Final = "/api/2.0/mlflow"
_VERSION: Final = "models:/"
_LEVELS: Final = (
    "CAN_READ", "CAN_EDIT", "CAN_MANAGE_STAGING_VERSIONS", "CAN_MANAGE_PRODUCTION_VERSIONS", "CAN_MANAGE",
)  # fmt: skip
"""Each holds those before it."""
_SECONDS: Final = 60


class WorkspaceSource(RestSource):
    """A workspace, as whoever a profile of Databricks' configuration file names: a host and a token."""

    credentials: ClassVar[str] = "write host and token of somebody who may read it into its profile."

    def __init__(self, uri: str) -> None:
        profile = urlsplit(uri).netloc or "DEFAULT"
        super().__init__(*_profile(profile))
        self.uri = f"databricks://{profile}"
        self._cloud = httpx.Client(timeout=_SECONDS)  # signed addresses are asked without anybody's token
        weakref.finalize(self, self._cloud.close)

    # Files

    def location(self, name: str, number: int) -> str:
        """The version itself: the workspace hands its files out by name and number."""
        return f"{_VERSION}{name}/{number}"

    def files(self, location: str) -> tuple[FlatFile, ...]:
        """The files of a version, as the workspace lists them."""
        return tuple(self._listed(_named(location)))

    def _listed(self, version: dict[str, str]) -> Iterator[FlatFile]:
        waiting, count = [""], 0
        while waiting:
            folder = waiting.pop()
            path = f"{_API}/model-versions/list-artifacts"
            for told in self._pages(path, "files", None, **version, path=folder):
                found = inner(str(told.get("path", "")))
                count += 1
                if not found or not found.startswith(f"{folder}/" if folder else ""):
                    raise Failure("a path in it has no name, or is not in the folder that is listed.")
                if count > MAX_FILES:
                    raise Failure(f"it has more than {MAX_FILES} files.")
                if told.get("is_dir"):
                    waiting.append(found)
                else:
                    yield FlatFile(found, as_number(told.get("file_size")))

    def fetch(self, location: str, path: str, into: Path) -> Path:
        """Bring a file to this machine, from the cloud's signed address that the workspace gives."""
        version = _named(location)
        self._fetched(lambda: self._signed({**version, "path": inner(path)}), path, into)
        return into

    @contextmanager
    def _signed(self, asked: dict[str, str]) -> Generator[httpx.Response]:
        told = self._ask(f"{_API}/model-versions/get-signed-download-uri", **asked)
        url = str(told.get("signed_uri") or "")
        place = host_of(url)
        if not place.startswith("https://") and place != host_of(self._address):
            raise Failure("the workspace gave no https address for a file.")
        headers = {str(each.get("name")): str(each.get("value")) for each in as_dicts(told.get("headers"))}
        try:
            with self._cloud.stream("GET", url, headers=headers) as answer:
                yield answer
        except httpx.InvalidURL:
            raise Failure("the workspace gave an address for a file that is none.") from None

    # Who hears of it, and who may do what

    def webhooks(self) -> tuple[Webhook, ...] | None:
        """Its registry webhooks, and the jobs that they start."""
        return tuple(_webhook(told) for told in self._pages(f"{_API}/registry-webhooks/list", "webhooks", None))

    def permissions(self) -> dict[str, list[Permission]] | None:
        """Who holds which level on each model, also by a group, and also what is inherited."""
        return {name: list(self._held_on(name)) for name in self.names()}

    def _held_on(self, name: str) -> Iterator[Permission]:
        model = self._ask(f"{_API}/databricks/registered-models/get", name=name).get("registered_model_databricks")
        told = self._ask(f"/api/2.0/permissions/registered-models/{quote(str(as_dict(model).get('id')), safe='')}")
        for each in as_dicts(told.get("access_control_list")):
            levels = [str(held.get("permission_level")) for held in as_dicts(each.get("all_permissions"))]
            yield Permission(_who(each), max(levels, key=_height, default=""))


def _webhook(told: dict[str, Any]) -> Webhook:
    url, job = as_dict(told.get("http_url_spec")).get("url"), as_dict(told.get("job_spec")).get("job_id")
    events = told.get("events")
    return Webhook(
        str(told.get("model_name") or ""),
        tuple(map(str, cast("list[object]", events))) if isinstance(events, list) else (),
        f"job {job}" if job else host_of(str(url or "")),
        str(told.get("status") or ""),
    )


def _who(told: dict[str, Any]) -> str:
    return next((str(told[key]) for key in ("user_name", "group_name", "service_principal_name") if told.get(key)), "")


def _height(level: str) -> int:
    """How much a level gives; one that nobody knows is told rather than hidden by another."""
    return _LEVELS.index(level) if level in _LEVELS else len(_LEVELS)


def _named(location: str) -> dict[str, str]:
    name, slash, number = location.removeprefix(_VERSION).rpartition("/")
    if not slash or not location.startswith(_VERSION):
        raise Failure(f"its files are at {location[:200]}, which is no version of the workspace.")
    return {"name": name, "version": number}


def _profile(name: str) -> tuple[str, str]:
    """The host and the token of a profile."""
    file = Path(os.environ.get("DATABRICKS_CONFIG_FILE") or "~/.databrickscfg").expanduser()
    said = configparser.ConfigParser(interpolation=None, default_section="")
    try:
        said.read(file, encoding="utf-8")
        host, token = (said.get(name, key, fallback="") for key in ("host", "token"))
    except (configparser.Error, UnicodeDecodeError):
        raise Invalid(f"{file} is no configuration file of Databricks.") from None
    if not said.has_section(name):
        raise NotFound(f"{file} has no profile {name}; write one with `host = https://…` and `token = …`.")
    if not host or not token:
        raise Invalid(f"the profile {name} in {file} needs a host and a token; other ways to sign in are not read.")
    return host, token
