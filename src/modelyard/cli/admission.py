"""Commands for what schemas admit, and for versions in quarantine."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from modelyard.cli.client import OURS
from modelyard.cli.options import AsJson, ModelName, Number, SchemaName, Server, Yes, confirm, group
from modelyard.cli.output import say, show
from modelyard.domain.admission import Admits
from modelyard.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable

_POLICY: Final = ("schema", "admits", "clean_scan", "signers", "changed=updated_at", "by=updated_by")
_QUARANTINED: Final = ("model", "version=number", "by=created_by", "since=since_at", "reasons")


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "admission", "What schemas ask of versions before they are READY.",
        get=get_policy, set=set_policy, remove=remove_policy,
    )  # fmt: skip
    group(app, "quarantine", "Versions that a schema keeps back.", list=list_quarantined, release=release)


def _at(schema: str, what: str = "admission") -> str:
    return f"{OURS}/schemas/{quote(schema, safe='')}/{what}"


def _show(policy: dict[str, Any], *, as_json: bool) -> None:
    told = policy if as_json else {**policy, "signers": f"one of {len(policy['signers'])}" if policy["signers"] else ""}
    show(told, as_json=as_json, columns=_POLICY)


def get_policy(schema: SchemaName, server: Server, as_json: AsJson = False) -> None:
    """Show what a schema asks.

    Example: `modelyard admission get prod.ml_team`
    """
    _show(server.ask("GET", _at(schema)), as_json=as_json)


def set_policy(
    schema: SchemaName,
    server: Server,
    admits: Annotated[Admits, typer.Option(help="Any files, or only those that run no code.")] = Admits.ANYTHING,
    clean_scan: Annotated[bool, typer.Option("--clean-scan", help="Nothing suspicious may be found.")] = False,
    signer: Annotated[
        list[Path] | None,
        typer.Option(metavar="FILE", help="A public key (PEM), one of which must have signed; may be repeated."),
    ] = None,
    as_json: AsJson = False,
) -> None:
    """Let a schema ask just this, from now on, of versions that are finalized or copied there.

    A version that does not comply becomes FAILED_REGISTRATION with the reasons, and is kept in quarantine.

    Examples: `modelyard admission set prod.ml_team --clean-scan` ·
    `modelyard admission set prod.ml_team --admits data_only --signer release.pub`
    """
    signers = list(_keys(signer or ()))
    policy = server.ask("PUT", _at(schema), admits=admits.value, clean_scan=clean_scan, signers=signers)
    _show(policy, as_json=as_json)


def _keys(files: Iterable[Path]) -> Iterable[str]:
    for file in files:
        try:
            yield file.read_text()
        except (OSError, ValueError):
            raise Invalid(f"{file} cannot be read; name a file with a public key in PEM.") from None


def remove_policy(schema: SchemaName, server: Server, yes: Yes = False) -> None:
    """Let a schema admit anything again.

    Example: `modelyard admission remove dev.ml_team`
    """
    confirm(f"Let {schema} admit anything?", yes=yes)
    server.ask("DELETE", _at(schema))
    say(f"{schema} admits anything.")


def list_quarantined(schema: SchemaName, server: Server, as_json: AsJson = False) -> None:
    """List the versions that a schema keeps back, and why.

    Example: `modelyard quarantine list prod.ml_team`
    """
    found = server.all(_at(schema, "quarantine"), "versions")
    rows = (
        found
        if as_json
        else [{**each, "since_at": each["since"], "reasons": "\n".join(each["reasons"])} for each in found]
    )
    show(rows, as_json=as_json, columns=_QUARANTINED)


def release(
    name: ModelName,
    number: Number,
    server: Server,
    comment: Annotated[str, typer.Option(help="Why it may be used after all; it is kept.")],
) -> None:
    """Let a version out of quarantine; it is READY then. Not for who has registered it.

    Example: `modelyard quarantine release prod.ml_team.churn 7 --comment "Looked at the pickle: NumPy only"`
    """
    path = f"{OURS}/models/{quote(name, safe='')}/versions/{number}/release"
    server.ask("POST", path, comment=comment)
    say(f"Version {number} of {name} is READY.")
