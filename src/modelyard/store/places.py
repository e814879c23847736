"""Where stores are: from a URL that an operator has written to the store there."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING
from urllib.parse import unquote, urlsplit

from modelyard.errors import Invalid
from modelyard.store.disk import Disk

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelyard.config import Settings
    from modelyard.store.direct import DirectCloud
    from modelyard.store.sts import TokenService


def open_place(settings: Settings, url: str) -> Disk | DirectCloud:
    """Make the empty place a store, or enter the store that it is; `Invalid` says why it cannot be one."""
    parts = urlsplit(url)
    if parts.scheme == "file":
        return Disk(_private(Path(unquote(parts.path)))).open_store()
    if not parts.netloc:
        raise Invalid(f"the storage {url} names no bucket.")
    from modelyard.store.direct import DirectCloud  # noqa: PLC0415  its library is loaded only where there is such a store

    options = settings.options(url)
    return DirectCloud(url, options, _token_service(settings, options, parts.scheme)).open_store()


def _token_service(settings: Settings, options: Mapping[str, str], scheme: str) -> TokenService | None:
    if not settings.sts_role or scheme != "s3":
        return None
    from modelyard.store.sts import TokenService  # noqa: PLC0415  as above

    return TokenService.of(settings, options)


def _private(folder: Path) -> Path:
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder
