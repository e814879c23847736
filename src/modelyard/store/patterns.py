"""Text that matches a pattern, with case, on both databases: LIKE takes no notice of case in SQLite, GLOB does."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement
from sqlalchemy.types import Boolean

from modelyard.domain.filters import ESCAPE
from modelyard.store.schema import Name

if TYPE_CHECKING:
    from sqlalchemy import ColumnElement
    from sqlalchemy.sql.compiler import SQLCompiler

_SPECIAL: Final = re.compile(rf"{ESCAPE}(?P<letter>.)|(?P<wildcard>[%_])|(?P<glob>[*?\[])", re.DOTALL)
_WILDCARDS: Final = {"%": "*", "_": "?"}


class _Matches(FunctionElement[bool]):
    """Whether the first text matches the pattern that is written like the second (PostgreSQL) or third (SQLite)."""

    inherit_cache = True
    name = "matches"
    type = Boolean()


@compiles(_Matches, "sqlite")
def _on_sqlite(element: _Matches, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401  SQLAlchemy's own
    value, _, glob = element.clauses
    return f"({compiler.process(value, **how)} GLOB {compiler.process(glob, **how)})"


@compiles(_Matches, "postgresql")
def _on_postgresql(element: _Matches, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401  SQLAlchemy's own
    value, like, _ = element.clauses
    return f"({compiler.process(value, **how)} LIKE {compiler.process(like, **how)} ESCAPE '{ESCAPE}')"


def matches(value: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether a text matches the pattern of this name, which `pattern` writes."""
    return _Matches(value, bindparam(f"{name}_like", type_=Name), bindparam(f"{name}_glob", type_=Name))


def pattern(name: str, text: str) -> dict[str, str]:
    """A pattern as the values of a statement: `%` and `_` are wildcards, unless `ESCAPE` stands before them."""
    return {f"{name}_like": text, f"{name}_glob": _SPECIAL.sub(_globbed, text)}


def _globbed(found: re.Match[str]) -> str:
    if found["wildcard"]:
        return _WILDCARDS[found["wildcard"]]
    letter = found["letter"] or found["glob"]
    return f"[{letter}]" if letter in "*?[" else letter
