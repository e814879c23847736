"""A flat registry, by its address."""

from __future__ import annotations

from typing import TYPE_CHECKING
from urllib.parse import urlsplit

from modelyard.errors import Invalid

if TYPE_CHECKING:
    from modelyard.upgrade.moving.registry import Source


def opened(uri: str) -> Source:
    """What reads the registry at an address; no request is made yet."""
    scheme = urlsplit(uri).scheme.lower()
    if scheme in {"http", "https"}:
        from modelyard.cli.moving.rest import RestSource  # noqa: PLC0415  each kind has libraries of its own

        return RestSource(uri)
    if scheme in {"", "file"} or uri.startswith("sqlite:///"):
        from modelyard.cli.moving.local import LocalSource  # noqa: PLC0415  as above

        return LocalSource(uri)
    raise Invalid("a registry's address begins with http://, https:// or sqlite:///, or is a folder of this machine.")
