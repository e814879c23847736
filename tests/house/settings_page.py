"""Writes `docs/settings.md` from the class of settings: `python -m tests.house.settings_page`."""

from __future__ import annotations

import ast
import inspect
from pathlib import Path

import msgspec

from modelyard.config import PREFIX, Settings

PAGE = Path(__file__).parents[2] / "docs" / "settings.md"

_HEAD = f"""\
# Settings

A setting is taken from the first of these places that has it: a flag of the command, a variable of the environment, the
TOML file that `{PREFIX}CONFIG` names, the default. In a TOML file, names are written as here and lists are arrays;
variables are in capitals behind `{PREFIX}`, their lists are separated by commas, and their tables are JSON.

This page is made from the class `Settings` by `python -m tests.house.settings_page`, and a test compares the two.

| setting | variable | default | meaning |
|---|---|---|---|
"""


def page() -> str:
    """The whole page."""
    told = docstrings()
    rows = [
        f"| `{field.name}` | `{PREFIX}{field.name.upper()}` | {_default(field.default)} | {told[field.name]} |"
        for field in msgspec.structs.fields(Settings)
    ]
    return _HEAD + "\n".join(rows) + "\n"


def docstrings() -> dict[str, str]:
    """What stands under each field of the class."""
    [tree] = ast.parse(inspect.getsource(Settings)).body
    assert isinstance(tree, ast.ClassDef)
    found: dict[str, str] = {}
    for field, below in zip(tree.body, tree.body[1:], strict=False):
        if not (isinstance(field, ast.AnnAssign) and isinstance(field.target, ast.Name)):
            continue
        match below:
            case ast.Expr(value=ast.Constant(value=str(text))):
                found[field.target.id] = " ".join(text.split())
    return found


def _default(value: object) -> str:
    if isinstance(value, bool):
        return f"`{str(value).lower()}`"
    if value in ("", (), msgspec.NODEFAULT):  # a table's default is made anew each time, and is empty
        return "empty"
    return f"`{value}`"


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
