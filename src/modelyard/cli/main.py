"""`modelyard`: the server's commands and, as clients of it, those of the registry."""

from __future__ import annotations

import sys
from typing import Annotated

import typer

from modelyard import __version__
from modelyard.cli import registry, server
from modelyard.cli.output import fail
from modelyard.errors import Failure

app = typer.Typer(
    help="Modelyard: a self-hosted, governed home for MLflow models.",
    epilog='Begin with `modelyard serve`, then, in another terminal, eval "$(modelyard env)".',
    no_args_is_help=True,
    rich_markup_mode="markdown",
    pretty_exceptions_enable=False,
)


def _version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"modelyard {__version__}")
        raise typer.Exit


@app.callback()
def _options(
    version: Annotated[
        bool,
        typer.Option("--version", callback=_version, is_eager=True, help="Show the version and exit."),
    ] = False,
) -> None:
    """Modelyard: a self-hosted, governed home for MLflow models."""


server.add_to(app)
registry.add_to(app)


def main() -> None:
    """Run a command; a failure is one sentence on the error stream and exit status 1."""
    try:
        app()
    except Failure as failure:
        fail(failure.message)
        sys.exit(1)
