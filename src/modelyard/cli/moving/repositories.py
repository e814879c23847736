"""Files in clouds, read by MLflow's own client with the credentials of whoever runs the command."""

from __future__ import annotations

import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import urlsplit

from modelyard.domain.files import MAX_FILES, inner
from modelyard.errors import Failure, Unavailable
from modelyard.upgrade.moving.registry import FlatFile

if TYPE_CHECKING:
    from collections.abc import Callable

_CLOUDS: Final = {"s3", "gs", "wasbs", "wasb", "abfss", "abfs"}


def is_cloud(location: str) -> bool:
    """Whether files are in a cloud's store."""
    return urlsplit(location).scheme in _CLOUDS


def files(location: str) -> tuple[FlatFile, ...]:
    """The files of a version."""
    waiting, found = [""], list[FlatFile]()
    while waiting:
        here = waiting.pop() or None
        for told in _told(location, lambda store, here=here: store.list_artifacts(here)):
            path = inner(str(told.path).strip("/"))
            if told.is_dir:
                waiting.append(path)
            else:
                found.append(FlatFile(path, -1 if told.file_size is None else int(told.file_size)))
            if not path or len(found) + len(waiting) > MAX_FILES:
                raise Failure(f"a path in it has no name, or it has more than {MAX_FILES} files.")
    return tuple(found)


def fetch(location: str, path: str, into: Path) -> Path:
    """Bring a file to this machine."""
    with tempfile.TemporaryDirectory(dir=into.parent) as folder:
        came = Path(_told(location, lambda store: store.download_artifacts(path, folder)))
        return came.replace(into)


def _told(location: str, ask: Callable[[Any], Any]) -> Any:  # noqa: ANN401  MLflow's own
    try:
        from mlflow.store.artifact.artifact_repository_registry import (  # noqa: PLC0415  an extra, and slow to load
            get_artifact_repository,
        )
    except ImportError:
        raise Unavailable(f'files at {location[:100]} need MLflow: pip install "modelyard[tracking]"') from None
    try:
        return ask(cast("Any", get_artifact_repository)(location))
    except Exception as error:  # noqa: BLE001  each cloud's client fails in its own ways
        raise Failure(f"files at {location[:200]} cannot be read: {type(error).__name__}: {str(error)[:200]}") from None
