"""Which actions a row leads to: read from the code of its functions, so that no list beside them can lie.

A row's functions are followed into the functions that they name, as far as those belong to a surface or to the actions.
An action's own methods are not: they run inside the gate, and ask for nothing more.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import partial
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeAlias

from modelyard.action import ACTIONS, Action
from modelyard.surfaces.wire import Arrival, Departure, Joining, Public, Row, Translation

Kind: TypeAlias = type[Action[Any, Any]]

_FOLLOWED = ("modelyard.surfaces", "modelyard.actions")


def actions_of(row: Row) -> tuple[Kind, ...]:
    """The actions that a row's functions name, directly or through functions that they call, as they were defined."""
    found: set[Kind] = set()
    for function in asking(row):
        _collect(function, found, set())
    return tuple(kind for kind in ACTIONS if kind in found)


def asking(row: Row) -> tuple[Callable[..., Any], ...]:
    """The functions of a row that make actions."""
    match row:
        case Translation() | Departure():
            return (row.read,)
        case Arrival() | Joining():
            return (row.ask, row.keep) if row.keep else (row.ask,)
        case Public():
            return ()


def _collect(thing: object, found: set[Kind], seen: set[int]) -> None:
    if isinstance(thing, type) and thing in ACTIONS:
        found.add(thing)
    if isinstance(thing, partial):
        _collect(thing.func, found, seen)
    if not isinstance(thing, FunctionType) or id(thing) in seen or not thing.__module__.startswith(_FOLLOWED):
        return
    seen.add(id(thing))
    for named in _named(thing):
        _collect(named, found, seen)


def _named(function: FunctionType) -> Iterator[object]:
    """Everything that a function's code names: what it closes over, in its module, or in modules that it names."""
    yield from (cell.cell_contents for cell in function.__closure__ or ())
    names = set(_names(function.__code__))
    values = [function.__globals__[name] for name in names if name in function.__globals__]
    yield from values
    for module in values:
        if isinstance(module, ModuleType):
            yield from (getattr(module, name) for name in names if hasattr(module, name))


def _names(code: CodeType) -> Iterator[str]:
    yield from code.co_names
    for constant in code.co_consts:
        if isinstance(constant, CodeType):
            yield from _names(constant)
