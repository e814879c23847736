"""What commands print: tables for people, JSON for machines, one red sentence when something fails."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Final

from rich.console import Console
from rich.table import Table
from rich.text import Text

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

out: Final = Console(highlight=False)
err: Final = Console(stderr=True, highlight=False)


def fail(message: str) -> None:
    """Say what went wrong."""
    err.print(Text.assemble(("error: ", "bold red"), message), soft_wrap=True)


def say(message: str) -> None:
    """Say something on the error stream, so that what is piped on stays clean."""
    err.print(message, soft_wrap=True)


def show(found: object, *, as_json: bool, columns: Sequence[str]) -> None:
    """Print one object or a list of them: as JSON, or as a table of the given columns."""
    if as_json:
        out.print_json(json.dumps(found))
        return
    rows: Iterable[Mapping[str, object]] = found if isinstance(found, list) else [found]  # pyright: ignore[reportAssignmentType, reportUnknownVariableType]
    table = Table(header_style="bold")
    for column in columns:
        table.add_column(column.replace("_", " "), overflow="fold")
    for row in rows:
        table.add_row(*(_cell(row.get(column)) for column in columns))
    out.print(table)


def _cell(value: object) -> Text:
    match value:
        case None:
            return Text("")
        case bool():
            return Text("yes" if value else "no")
        case list():
            return Text(", ".join(_brief(each) for each in value))  # pyright: ignore[reportUnknownVariableType, reportUnknownArgumentType]
        case dict():
            return Text(json.dumps(value))
        case _:
            return Text(str(value))


def _brief(value: object) -> str:
    """An alias as `Champion → 3`, a tag as `key=value`, a member by its name."""
    match value:
        case {"alias": alias, "version": version} | {"alias_name": alias, "version_num": version}:
            return f"{alias} → {version}"
        case {"key": key, "value": text}:
            return f"{key}={text}"
        case {"display": name}:
            return str(name)
        case _:
            return str(value)
