"""Lists of texts as one value of a statement, so that a statement stays a constant however long the list is."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
from sqlalchemy import bindparam
from sqlalchemy.ext.compiler import compiles
from sqlalchemy.sql.functions import FunctionElement

from modelyard.store.schema import Name

if TYPE_CHECKING:
    from collections.abc import Iterable

    from sqlalchemy import ColumnElement
    from sqlalchemy.sql.compiler import SQLCompiler


class _Texts(FunctionElement[str]):
    """The texts in a JSON list, as rows."""

    inherit_cache = True
    name = "texts"


@compiles(_Texts, "sqlite")
def _on_sqlite(element: _Texts, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401  SQLAlchemy's own
    rows = compiler.process(element.clause_expr, **how)  # a bound value in parentheses
    return f"(SELECT value FROM json_each{rows})"  # noqa: S608  no text of a client is in it


@compiles(_Texts, "postgresql")
def _on_postgresql(element: _Texts, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401  SQLAlchemy's own
    return f"(SELECT json_array_elements_text({compiler.process(element.clauses, **how)}::json))"


class _Numbers(FunctionElement[int]):
    """The whole numbers in a JSON list, as rows."""

    inherit_cache = True
    name = "numbers"


@compiles(_Numbers, "sqlite")
def _numbers_on_sqlite(element: _Numbers, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401  SQLAlchemy's own
    rows = compiler.process(element.clause_expr, **how)
    return f"(SELECT value FROM json_each{rows})"  # noqa: S608  no text of a client is in it


@compiles(_Numbers, "postgresql")
def _numbers_on_postgresql(element: _Numbers, compiler: SQLCompiler, **how: Any) -> str:  # noqa: ANN401  SQLAlchemy's own
    return f"(SELECT json_array_elements_text({compiler.process(element.clauses, **how)}::json)::bigint)"


def is_in(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether a column is one of the texts in the value of this name, which `texts` writes."""
    return column.op("IN", is_comparison=True)(_Texts(bindparam(name, type_=Name)))


def is_number_in(column: ColumnElement[Any], name: str) -> ColumnElement[bool]:
    """Whether a column is one of the numbers in the value of this name, which `numbers` writes."""
    return column.op("IN", is_comparison=True)(_Numbers(bindparam(name, type_=Name)))


def numbers(items: Iterable[int]) -> str:
    """Whole numbers as the value of a statement."""
    return msgspec.json.encode(list(items)).decode()


def texts(items: Iterable[str]) -> str:
    """Texts as the value of a statement."""
    return msgspec.json.encode(list(items)).decode()
