"""Everything that can be asked of Modelyard, one class for each; importing this package fills `ACTIONS`."""

from modelyard.actions import access, catalogs, files, models, uploads, versions

__all__ = ["access", "catalogs", "files", "models", "uploads", "versions"]
