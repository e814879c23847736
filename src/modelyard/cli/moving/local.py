"""A flat registry in a database or a folder of this machine, read by MLflow's own client."""

from __future__ import annotations

import hashlib
import os
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import unquote, urlsplit

from modelyard.cli.moving import repositories
from modelyard.domain.files import MAX_FILES, inner
from modelyard.errors import Failure, NotFound, Unavailable
from modelyard.upgrade.moving.registry import FlatFile, FlatModel, FlatVersion, Permission, Webhook, host_of

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

_PAGE: Final = 200
_SQLITE: Final = "sqlite:///"


class LocalSource:
    """A store of MLflow on this machine; it is only read."""

    def __init__(self, uri: str) -> None:
        path = Path(unquote(uri.removeprefix(_SQLITE) if uri.startswith(_SQLITE) else _path(uri))).absolute()
        if not path.exists():  # MLflow would make one
            raise NotFound(f"there is no registry at {uri}.")
        self.uri = f"{_SQLITE}{path}" if uri.startswith(_SQLITE) else path.as_uri()
        self.id = "local-" + hashlib.sha256(str(path).encode()).hexdigest()[:16]
        self._client = self._opened()

    def _opened(self) -> Any:  # noqa: ANN401  MLflow's own
        os.environ.setdefault("MLFLOW_ALLOW_FILE_STORE", "true")  # it is read for the last time, and not written
        try:
            from mlflow import MlflowClient  # noqa: PLC0415  an extra, and slow to load
        except ImportError:
            raise Unavailable(
                'reading a registry without its server needs MLflow: pip install "modelyard[tracking]"'
            ) from None
        return _tried(lambda: MlflowClient(tracking_uri=self.uri, registry_uri=self.uri))

    def names(self) -> Iterator[str]:
        """The names of all registered models."""
        for each in self._pages(lambda token: self._client.search_registered_models(None, _PAGE, None, token)):
            yield each.name

    def _pages(self, ask: Callable[[str | None], Any]) -> Iterator[Any]:
        token: str | None = None
        while True:
            page = _tried(lambda token=token: ask(token))
            yield from page
            token = page.token
            if not token:
                return

    def model(self, name: str) -> FlatModel:
        """A model with its aliases and tags."""
        told = _tried(lambda: self._client.get_registered_model(name))
        return FlatModel(
            name,
            description=told.description or "",
            created_at=int(told.creation_timestamp or 0),
            updated_at=int(told.last_updated_timestamp or 0),
            tags=dict(told.tags),
            aliases={alias: int(number) for alias, number in told.aliases.items()},
        )

    def versions(self, name: str) -> Iterator[FlatVersion]:
        """The versions of a model."""
        quotes = "'" if "'" not in name else '"'
        asked = f"name={quotes}{name}{quotes}"
        for told in self._pages(lambda token: self._client.search_model_versions(asked, _PAGE, None, token)):
            yield FlatVersion(
                int(told.version),
                stage=told.current_stage or "None",
                status=str(told.status),
                description=told.description or "",
                creator=told.user_id or "",
                created_at=int(told.creation_timestamp or 0),
                updated_at=int(told.last_updated_timestamp or 0),
                source=told.source or "",
                run_id=told.run_id or "",
                run_link=told.run_link or "",
                model_id=getattr(told, "model_id", None) or "",
                tags=dict(told.tags),
            )

    def location(self, name: str, number: int) -> str:
        """Where the files of a version are."""
        return str(_tried(lambda: self._client.get_model_version_download_uri(name, str(number))))

    def files(self, location: str) -> tuple[FlatFile, ...]:
        """The files of a version."""
        if repositories.is_cloud(location):
            return repositories.files(location)
        return tuple(_walked(_folder(location)))

    def fetch(self, location: str, path: str, into: Path) -> Path:
        """Where a file is: on this machine already."""
        if repositories.is_cloud(location):
            return repositories.fetch(location, path, into)
        return _folder(location) / inner(path)

    def webhooks(self) -> tuple[Webhook, ...] | None:
        """What a server on this database notifies; None of stores that have no webhooks."""
        try:
            found = list(self._pages(lambda token: self._client.list_webhooks(page_token=token)))
        except Failure:
            return None
        return tuple(Webhook("", tuple(map(str, each.events)), host_of(each.url), str(each.status)) for each in found)

    def permissions(self) -> dict[str, list[Permission]] | None:
        """Nothing: whoever reads the database reads everything."""
        return None


def _path(uri: str) -> str:
    return urlsplit(uri).path if uri.startswith("file:") else uri


def _folder(location: str) -> Path:
    scheme = urlsplit(location).scheme
    if scheme not in {"", "file"}:
        raise Failure(f"its files are at {location[:200]}, behind a server: give that server's address instead")
    folder = Path(unquote(_path(location)))
    if not folder.is_absolute():
        raise Failure(f"its files are at {location[:200]}, which is no place without the folder it is seen from")
    if not folder.is_dir():
        raise Failure(f"there are no files at {location[:200]}")
    return folder


def _walked(folder: Path) -> Iterator[FlatFile]:
    count = 0
    for here, folders, found in os.walk(folder):
        for name in (*folders, *found):
            if (Path(here) / name).is_symlink():
                raise Failure(f"it holds a link, {name[:100]}, and links are not followed")
        for name in found:
            count += 1
            if count > MAX_FILES:
                raise Failure(f"it has more than {MAX_FILES} files.")
            path = Path(here) / name
            yield FlatFile(inner(path.relative_to(folder).as_posix()), path.stat().st_size)


def _tried(ask: Callable[[], Any]) -> Any:  # noqa: ANN401  MLflow's own
    try:
        return ask()
    except Exception as error:  # noqa: BLE001  MLflow and its database fail in many ways
        said = str(cast("Any", error)).strip().splitlines()
        raise Failure(f"MLflow cannot read it: {said[0][:300] if said else type(error).__name__}") from None
