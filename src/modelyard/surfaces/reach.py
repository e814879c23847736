"""Which actions a row leads to: read from the code of its functions, so that no list beside them can lie.

A row's functions are followed into the functions that they name, as far as those belong to a surface or to the actions.
An action's own methods are not: they run inside the gate, and ask for nothing more. Kinds of rows need not be known
here: only functions that make actions name any.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields
from functools import partial
from types import CodeType, FunctionType, ModuleType
from typing import Any, TypeAlias

from modelyard.action import ACTIONS, Action, Chore
from modelyard.surfaces.wire import Row

Kind: TypeAlias = type[Action[Any, Any]]

_FOLLOWED = ("modelyard.surfaces", "modelyard.actions")


def actions_of(row: Row) -> tuple[Kind, ...]:
    """The actions that a row's functions name, directly or through functions that they call, as they were defined.

    Chores are left out: they are the server's own work, whoever asks.
    """
    found: set[Kind] = set()
    seen: set[int] = set()
    for function in functions_of(row):
        _collect(function, found, seen)
    return tuple(kind for kind in ACTIONS if kind in found and not issubclass(kind, Chore))


def functions_of(row: Row) -> Iterator[FunctionType]:
    """The functions of a row, and of the rows that it holds, in the order in which it names them."""
    for field in fields(row):
        held = getattr(row, field.name)
        if isinstance(held, partial):
            held = held.func
        if isinstance(held, FunctionType):
            yield held
        elif isinstance(held, Row):
            yield from functions_of(held)


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
