"""Everything that can be asked of Modelyard, one class for each; importing this package fills `ACTIONS`."""

from modelyard.actions import access, catalogs, exchange, files, models, tagging, uploads, versions

__all__ = ["access", "catalogs", "exchange", "files", "models", "tagging", "uploads", "versions"]
