"""What upgrade commands say of new names of models and stages, and whether the libraries are there that they need."""

from __future__ import annotations

from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from modelyard.errors import NotFound, Unavailable

if TYPE_CHECKING:
    from modelyard.upgrade.plan import Plan

Maps = Annotated[
    list[str] | None,
    typer.Option("--map", metavar="OLD=CATALOG.SCHEMA.MODEL", help="The new name of a model; may be repeated."),
]
MapFile = Annotated[Path | None, typer.Option("--map-file", metavar="FILE", help="A YAML file with names and stages.")]


def planned(
    maps: list[str] | None, map_file: Path | None, schema: str, stages: list[str] | None, registry_uri: str
) -> Plan:
    """What options and a map file say of names and stages."""
    from modelyard.upgrade import plan  # noqa: PLC0415  it reads YAML, and other commands do without

    try:
        text = map_file.read_text(encoding="utf-8") if map_file else ""
    except (OSError, UnicodeDecodeError) as error:
        raise NotFound(f"the map file {map_file} cannot be read as text.") from error
    return plan.made(maps or [], schema, stages or [], registry_uri, text)


def ready() -> None:
    """`Unavailable`, if the libraries that read code are not installed."""
    if find_spec("tree_sitter") is None or find_spec("tree_sitter_python") is None:
        raise Unavailable('reading code needs more libraries: pip install "modelyard[upgrade]"')
