"""The command for the lineage of a version."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer
from rich.text import Text
from rich.tree import Tree

from modelyard.cli.client import OURS
from modelyard.cli.options import AsJson, ModelName, Number, Server
from modelyard.cli.output import harmless, moment, out, show

if TYPE_CHECKING:
    from collections.abc import Sequence

_TITLES: Final = {"upstream": "made from", "downstream": "used by"}


def add_to(app: typer.Typer) -> None:
    """Put it on the command line."""
    app.command("lineage")(get_lineage)


def get_lineage(
    model: ModelName,
    version: Number,
    server: Server,
    depth: Annotated[int, typer.Option(min=1, max=10, help="How many steps to go.")] = 3,
    as_json: AsJson = False,
) -> None:
    """Show what a version was made from, and what uses it: runs, jobs, tables, other versions.

    Examples: `modelyard lineage prod.ml_team.fraud_detection 1` ·
    `modelyard lineage prod.ml_team.fraud_detection 1 --depth 10 --json`
    """
    path = f"{OURS}/models/{quote(model, safe='')}/versions/{version}/lineage"
    found = server.ask("GET", path, depth=depth)
    if as_json:
        show(found, as_json=True, columns=())
        return
    tree = Tree(Text(f"{model} version {version}", "bold"))
    for side, title in _TITLES.items():
        _grow(tree.add(Text(title, "bold")), found[side])
    out.print(tree)


def _grow(branch: Tree, edges: Sequence[dict[str, Any]]) -> None:
    for edge in edges:
        times = "once" if edge["times"] == 1 else f"{edge['times']} times"
        told = f"{times}, last {moment(edge['last_at'])} by {edge['noted_by']}"
        steps = f" ({edge['depth']} steps)" if edge["depth"] > 1 else ""
        name = harmless(str(edge["name"]))
        branch.add(Text.assemble((edge["kind"], "cyan"), " ", name, steps, "  ", (harmless(told), "dim")))
    if not edges:
        branch.add(Text("nothing that is known", "dim"))
