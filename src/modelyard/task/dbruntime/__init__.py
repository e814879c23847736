"""What the code of tasks finds in its environment besides its own packages, as Databricks' runtime has it.

`from databricks.sdk.runtime import dbutils` looks for `UserNamespaceInitializer` here, and MLflow for
`databricks_repl_context`. Nothing is loaded before it is needed: every task begins with this package.
"""

from __future__ import annotations

from typing import Any, Dict, Optional


class UserNamespaceInitializer:
    """The names that notebooks have without importing them."""

    _only: Optional["UserNamespaceInitializer"] = None

    def __init__(self) -> None:
        from . import names

        self._names = names.make()

    @classmethod
    def getOrCreate(cls) -> "UserNamespaceInitializer":
        """The only one of the process."""
        if cls._only is None:
            cls._only = cls()
        return cls._only

    def get_namespace_globals(self) -> Dict[str, Any]:
        """All of them, with what they mean."""
        return dict(self._names)
