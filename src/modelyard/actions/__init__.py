"""Everything that can be asked of Modelyard, one class for each; importing this package fills `ACTIONS`."""

from modelyard.actions import (
    access,
    catalogs,
    credentials,
    exchange,
    files,
    models,
    tagging,
    tokens,
    uploads,
    versions,
)

__all__ = [
    "access",
    "catalogs",
    "credentials",
    "exchange",
    "files",
    "models",
    "tagging",
    "tokens",
    "uploads",
    "versions",
]
