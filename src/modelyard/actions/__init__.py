"""Everything that can be asked of Modelyard, one class for each; importing this package fills `ACTIONS`."""

from modelyard.actions import access, catalogs, exchange, files, models, tags, uploads, versions

__all__ = ["access", "catalogs", "exchange", "files", "models", "tags", "uploads", "versions"]
