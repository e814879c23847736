"""What commands print: tables for people, JSON for machines, one red sentence when something fails.

A column is the name of a field, or `title=field`. Whole numbers in fields of time are epoch milliseconds.
"""

from __future__ import annotations

import json
import re
from datetime import datetime
from typing import TYPE_CHECKING, Any, Final, cast

import typer
from rich.console import Console
from rich.table import Table
from rich.text import Text
from rich.tree import Tree

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

out: Final = Console(highlight=False)
err: Final = Console(stderr=True, highlight=False)

_UNLIMITED: Final = 100_000  # characters in a line that nobody looks at, so that `grep` finds whole names
_TIMES: Final = ("_at", "_time", "_timestamp")
_STYLES: Final = {"READY": "green", "PENDING_REGISTRATION": "yellow", "FAILED_REGISTRATION": "red"}
# What could move the cursor, recolour the screen or turn the writing direction: others may have written it.
_UNPRINTABLE: Final = re.compile("[\x00-\x08\x0b-\x1f\x7f-\x9f\u202a-\u202e\u2066-\u2069]")


def fail(message: str) -> None:
    """Say what went wrong."""
    err.print(Text.assemble(("error: ", "bold red"), harmless(message)), soft_wrap=True)


def say(message: str) -> None:
    """Say something on the error stream, so that what is piped on stays clean."""
    err.print(Text(harmless(message)), soft_wrap=True)


def show(found: object, *, as_json: bool, columns: Sequence[str]) -> None:
    """Print a list of objects as a table, or one object field by field; with `as_json`, all of it as JSON."""
    if as_json:
        _show_json(found)
    elif isinstance(found, list):
        _print(_table(cast("list[Mapping[str, object]]", found), columns))
    else:
        _print(_card(cast("Mapping[str, object]", found), columns))


def show_tree(title: str, branches: Sequence[tuple[bool, str]]) -> None:
    """Print a title, and under it what is so and what is not."""
    tree = Tree(Text(harmless(title), "bold"))
    for yes, branch in branches:
        tree.add(Text.assemble(("yes  ", "green") if yes else ("no   ", "bold red"), harmless(branch)))
    _print(tree)


def _show_json(found: object) -> None:
    if out.is_terminal:
        out.print_json(data=found)
    else:
        typer.echo(json.dumps(found, indent=2, ensure_ascii=False))


def _print(table: Table | Tree) -> None:
    (out if out.is_terminal else Console(file=out.file, width=_UNLIMITED)).print(table)


def _table(rows: Sequence[Mapping[str, object]], columns: Sequence[str]) -> Table:
    fields = [_column(column) for column in columns]
    table = Table(header_style="bold")
    for title, key in fields:
        table.add_column(title, overflow="fold", style="cyan" if (title, key) == fields[0] else "")
    for row in rows:
        table.add_row(*(_cell(key, row.get(key)) for _, key in fields))
    return table


def _card(row: Mapping[str, object], columns: Sequence[str]) -> Table:
    table = Table.grid("", "", padding=(0, 2))
    for title, key in map(_column, columns):
        table.add_row(Text(title, "bold"), _cell(key, row.get(key)))
    return table


def _column(column: str) -> tuple[str, str]:
    """Title and field."""
    title, _, key = column.partition("=")
    return title.replace("_", " "), key or title


def _cell(key: str, value: object) -> Text:
    match value:
        case None:
            return Text("")
        case bool():
            return Text("yes" if value else "no")
        case int() if key.endswith(_TIMES):
            return Text(moment(value))
        case list():
            return Text(", ".join(_brief(each) for each in cast("list[Any]", value)))
        case dict():
            return Text(json.dumps(value))
        case _:
            text = harmless(str(value))
            return Text(text, _STYLES.get(text, ""))


def moment(milliseconds: int) -> str:
    """A time in the words of this machine's time zone; before 1970 is never."""
    return "never" if milliseconds < 0 else f"{datetime.fromtimestamp(milliseconds / 1000).astimezone():%Y-%m-%d %H:%M}"


def _brief(value: object) -> str:
    """An alias as `Champion → 3`, a tag as `key=value`, a member by its name."""
    if not isinstance(value, dict):
        return harmless(str(value))
    match cast("dict[str, object]", value):
        case {"alias": alias, "version": version} | {"alias_name": alias, "version_num": version}:
            text = f"{alias} → {version}"
        case {"key": key, "value": said}:
            text = f"{key}={said}"
        case {"display": name}:
            text = str(name)
        case other:
            text = json.dumps(other)
    return harmless(text)


def harmless(text: str) -> str:
    """Text without what could move the cursor or recolour the screen."""
    return _UNPRINTABLE.sub("\N{REPLACEMENT CHARACTER}", text)
