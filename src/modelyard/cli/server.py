"""Commands of the host: serve, migrate, env, doctor, token recover."""

from __future__ import annotations

import json
import os
import shlex
import signal
import socket
import sys
from pathlib import Path
from typing import Annotated, Final

import typer
from rich.text import Text

from modelyard import config
from modelyard.cli import client, demo, health, logs
from modelyard.cli.output import out, say, show
from modelyard.config import Settings
from modelyard.errors import Invalid

Data = Annotated[Path | None, typer.Option("--data", help="The data folder [default: ~/.modelyard].")]
DatabaseUrl = Annotated[
    str | None,
    typer.Option("--database", help="postgresql://… or sqlite:///… [default: SQLite in the data folder]."),
]
Storage = Annotated[
    str | None,
    typer.Option("--storage", help="Folder of the bytes of models [default: blobs in the data folder]."),
]
ConfigFile = Annotated[Path | None, typer.Option("--config", help="A TOML file of settings.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]

token_app: Final = typer.Typer(help="Tokens: make, list, revoke, recover.", no_args_is_help=True)


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    app.command()(serve)
    app.command()(migrate)
    app.command()(env)
    app.command()(doctor)
    app.command()(openapi)
    app.command("demo")(demo.demo)
    app.add_typer(token_app, name="token")


def settings(file: Path | None = None, **flags: object) -> Settings:
    """The settings with the flags that were given."""
    return config.load({name: value for name, value in flags.items() if value is not None}, os.environ, file)


def serve(
    data: Data = None,
    host: Annotated[str | None, typer.Option(help="Address to listen on [default: 127.0.0.1].")] = None,
    port: Annotated[int | None, typer.Option(help="Port; 0 picks a free one [default: 8585].")] = None,
    database: DatabaseUrl = None,
    storage: Storage = None,
    workers: Annotated[int | None, typer.Option(help="Processes, on PostgreSQL [default: 1].")] = None,
    config_file: ConfigFile = None,
) -> None:
    """Start the server.

    The first start on an empty database makes an admin and writes its token to `<data>/admin-token`.

    Examples: `modelyard serve` · `modelyard serve --data /srv/modelyard --port 0` ·
    `modelyard serve --database postgresql://modelyard@db/modelyard --workers 4`
    """
    flags = {"data": data, "host": host, "port": port, "database": database, "storage": storage, "workers": workers}
    chosen = settings(config_file, **flags)
    if chosen.workers > 1 and chosen.database_url.startswith("sqlite"):
        raise Invalid("SQLite is served by one process; set --database to PostgreSQL for several --workers.")
    import uvicorn  # noqa: PLC0415  only this command needs the web server

    from modelyard import app  # noqa: PLC0415  likewise the database and everything on it
    from modelyard.cli import workers as processes  # noqa: PLC0415  likewise

    logs.set_up(chosen.log_level, chosen.log_format)
    built = app.build(chosen)
    listening = _listen(chosen)
    address = _address(chosen, listening)
    app.write_private(chosen.folder / "address", address)
    out.print(
        Text.assemble("Modelyard listens on ", (address, "bold"), f"  (data in {chosen.folder})"),
        soft_wrap=True,
    )
    if chosen.workers > 1:
        built.close()
        sys.exit(processes.supervise(chosen, listening))
    signal.signal(signal.SIGTERM, _leave)
    try:
        built.start()
        processes.settle()
        uvicorn.Server(processes.configuration(chosen, built.endpoint)).run(sockets=[listening])
    finally:
        built.close()


def _leave(_number: int, _frame: object) -> None:
    """End as if all was done: Uvicorn sends itself the signal again, once every request is answered."""
    sys.exit(0)


def _listen(chosen: Settings) -> socket.socket:
    family = socket.AF_INET6 if ":" in chosen.host else socket.AF_INET
    try:
        return socket.create_server((chosen.host, chosen.port), family=family, backlog=2048)
    except OSError as error:
        raise Invalid(
            f"cannot listen on {chosen.host}:{chosen.port}: {error.strerror}. Choose another --port."
        ) from None


def _address(chosen: Settings, listening: socket.socket) -> str:
    scheme = "https" if chosen.tls_certificate else "http"
    host = f"[{chosen.host}]" if ":" in chosen.host else chosen.host
    return f"{scheme}://{host}:{listening.getsockname()[1]}"


def migrate(data: Data = None, database: DatabaseUrl = None, config_file: ConfigFile = None) -> None:
    """Make the tables, or carry a database forward to this version's. Back it up first.

    Example: `modelyard migrate --database postgresql://modelyard@db/modelyard`
    """
    from modelyard import app  # noqa: PLC0415  only commands of the host need the database

    before, after = app.migrate_database(settings(config_file, data=data, database=database))
    say("The database is up to date." if before == after else f"The database went from {before or 'empty'} to {after}.")


def openapi() -> None:
    """Print the OpenAPI document of this version, for generators of clients; no server is needed.

    A server shows its own to anybody at `/api/2.0/modelyard/openapi.json`.

    Example: `modelyard openapi > modelyard.json`
    """
    from modelyard import app  # noqa: PLC0415  only commands of the host need the routes
    from modelyard.surfaces.openapi import document  # noqa: PLC0415  as above

    typer.echo(json.dumps(document(app.ROWS), indent=2, ensure_ascii=False))


def env(
    data: Data = None,
    token_file: Annotated[
        Path | None,
        typer.Option(help="A file with the token to use [default: the admin's in the data folder]."),
    ] = None,
) -> None:
    """Print the two variables that clients need, for `eval "$(modelyard env)"`.

    MLflow's client then needs `mlflow.set_registry_uri("databricks-uc")`, and nothing else.
    """
    folder = settings(data=data).folder
    address, token = client.read(folder / "address"), client.read(token_file or folder / "admin-token")
    if not address:
        raise Invalid("no address in the data folder: is the server running? Start it with `modelyard serve`.")
    typer.echo(f"export DATABRICKS_HOST={shlex.quote(address)}")
    typer.echo(f"export DATABRICKS_TOKEN={shlex.quote(token)}")


def doctor(
    data: Data = None,
    noted: Annotated[
        str | None,
        typer.Option(metavar="NUMBER:DIGEST", help="A seal of the audit that you noted from an earlier run."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Look whether the server, its data folder and its audit are well; exit status 1 if something is not.

    The audit is verified row by row. Whoever can write the database could make all its seals anew: note the newest
    one in another place, and show it next time.

    Examples: `modelyard doctor` · `modelyard doctor --noted 4711:9f2c…`
    """
    findings = health.examine(settings(data=data), noted or "")
    show([finding.told() for finding in findings], as_json=as_json, columns=("check", "well", "says"))
    if not all(finding.well for finding in findings):
        sys.exit(1)


@token_app.command("recover")
def recover(data: Data = None, database: DatabaseUrl = None, config_file: ConfigFile = None) -> None:
    """Make a new token for the admin, on the host itself, when the old one is lost. Stop a SQLite server first."""
    from modelyard import app  # noqa: PLC0415  only commands of the host need the database

    name, file = app.recover_token(settings(config_file, data=data, database=database))
    say(f"A new token of {name} is in {file}.")
