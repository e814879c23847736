"""A flat registry, by its address."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from modelyard.errors import Invalid

if TYPE_CHECKING:
    from modelyard.upgrade.moving.registry import Source

_DATABRICKS: Final = "databricks"


def opened(uri: str) -> Source:
    """What reads the registry at an address; no request is made yet."""
    scheme = urlsplit(uri).scheme.lower()
    if scheme in {"http", "https"}:
        from modelyard.cli.moving.rest import RestSource  # noqa: PLC0415  each kind has libraries of its own

        return RestSource(uri)
    if _DATABRICKS in {scheme, uri}:
        from modelyard.cli.moving.workspace import WorkspaceSource  # noqa: PLC0415  as above

        return WorkspaceSource(uri)
    if scheme in {"", "file"} or uri.startswith("sqlite:///"):
        from modelyard.cli.moving.local import LocalSource  # noqa: PLC0415  as above

        return LocalSource(uri)
    raise Invalid(
        "a registry's address begins with http://, https://, sqlite:/// or databricks://, or is a folder of this "
        "machine."
    )
