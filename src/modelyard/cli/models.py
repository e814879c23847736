"""Commands for registered models, their versions and their aliases."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Any, Final

import typer

from modelyard.cli import aliases
from modelyard.cli.client import MLFLOW, Client
from modelyard.cli.download import download
from modelyard.cli.options import (
    MODELS,
    RESTORABLE,
    SCHEMAS,
    AliasName,
    AsJson,
    Comment,
    ModelName,
    Number,
    Owner,
    Rename,
    Server,
    Tags,
    Untags,
    Yes,
    confirm,
    group,
    need_one,
    pairs,
)
from modelyard.cli.output import say, show

if TYPE_CHECKING:
    from collections.abc import Iterable

_VERSION: Final = (
    "version", "status", "aliases", "tags", "comment=description", "by=user_id", "created=creation_timestamp",
)  # fmt: skip
_WHOLE_VERSION: Final = ("model=name", *_VERSION, "run=run_id", "source", "files=storage_location")
_ALIAS: Final = ("alias", "version")

Expected = Annotated[
    int | None,
    typer.Option(
        "--expected-version", "--expected", min=0, metavar="VERSION", help="Only if it points there now; 0 is nowhere."
    ),
]
Reason = Annotated[str | None, typer.Option(metavar="TEXT", help="Why, for the history of the alias.")]


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "models", "Registered models.",
        create=create_model, list=list_models, get=get_model, set=set_model, delete=delete_model,
    )  # fmt: skip
    group(
        app, "versions", "Versions of registered models.",
        list=list_versions, get=get_version, set=set_version, delete=delete_version,
        download=download_version,
    )  # fmt: skip
    group(
        app, "aliases", "Aliases: names that point at one version of a model.",
        list=list_aliases, get=get_alias, set=set_alias, delete=delete_alias, history=aliases.alias_history,
        protect=aliases.protect_alias, unprotect=aliases.unprotect_alias, protected=aliases.list_protected,
    )  # fmt: skip


def _retag(server: Client, folder: str, tags: list[str] | None, untags: Iterable[str] | None, **what: object) -> None:
    """Set and take off tags of a model or of a version; all are read before the first is sent."""
    for pair in pairs(tags):
        server.ask("POST", f"{MLFLOW}/{folder}/set-tag", **what, **pair)
    for key in untags or ():
        server.ask("DELETE", f"{MLFLOW}/{folder}/delete-tag", **what, key=key)


# Models


def create_model(
    name: ModelName,
    server: Server,
    comment: Comment = None,
    tag: Tags = None,
    as_json: AsJson = False,
) -> None:
    """Make a registered model without versions; it will be yours.

    Example: `modelyard models create prod.ml_team.churn --comment "Who leaves" --tag team=ml`
    """
    made = MODELS.create(server, name, comment=comment, tags=pairs(tag))
    show(made, as_json=as_json, columns=MODELS.columns)


def list_models(
    server: Server,
    schema: Annotated[str | None, typer.Option(metavar="CATALOG.SCHEMA", help="Only the models in it.")] = None,
    as_json: AsJson = False,
) -> None:
    """List the models that you may see.

    Examples: `modelyard models list` · `modelyard models list --schema prod.ml_team --json`
    """
    where = SCHEMAS.split(schema) if schema else {}
    found = MODELS.list(server, catalog_name=where.get("catalog_name"), schema_name=where.get("name"))
    show(found, as_json=as_json, columns=[column for column in MODELS.columns if column != "aliases"])


def get_model(name: ModelName, server: Server, as_json: AsJson = False) -> None:
    """Show a model with its aliases and tags.

    Example: `modelyard models get prod.ml_team.churn`
    """
    show(MODELS.get(server, name), as_json=as_json, columns=MODELS.columns)


def set_model(
    name: ModelName,
    server: Server,
    comment: Comment = None,
    owner: Owner = None,
    rename: Rename = None,
    tag: Tags = None,
    untag: Untags = None,
    as_json: AsJson = False,
) -> None:
    """Change a model's comment, owner, name or tags.

    Example: `modelyard models set prod.ml_team.churn --owner ml-team --tag team=ml --untag draft`
    """
    need_one(comment, owner, rename, tag, untag)
    _retag(server, "registered-models", tag, untag, name=name)
    changed = MODELS.change(server, name, comment=comment, owner=owner, new_name=rename)
    show(changed, as_json=as_json, columns=MODELS.columns)


def delete_model(name: ModelName, server: Server, yes: Yes = False) -> None:
    """Delete a model with all its versions; `modelyard trash` brings them back for some days.

    Example: `modelyard models delete prod.ml_team.churn --yes`
    """
    confirm(f"Delete the model {name} with all its versions?", yes=yes)
    MODELS.delete(server, name)
    say(RESTORABLE)


# Versions


def _version(server: Client, name: str, version: int) -> dict[str, Any]:
    return server.ask("GET", f"{MLFLOW}/model-versions/get", name=name, version=version)["model_version"]


def list_versions(name: ModelName, server: Server, as_json: AsJson = False) -> None:
    """List the versions of a model, newest first.

    Example: `modelyard versions list prod.ml_team.churn`
    """
    found = server.all(f"{MLFLOW}/model-versions/search", "model_versions", filter=f"name = '{name}'")
    show(found, as_json=as_json, columns=_VERSION)


def get_version(name: ModelName, version: Number, server: Server, as_json: AsJson = False) -> None:
    """Show a version.

    Example: `modelyard versions get prod.ml_team.churn 3`
    """
    show(_version(server, name, version), as_json=as_json, columns=_WHOLE_VERSION)


def set_version(
    name: ModelName,
    version: Number,
    server: Server,
    comment: Comment = None,
    tag: Tags = None,
    untag: Untags = None,
    as_json: AsJson = False,
) -> None:
    """Change a version's comment or tags.

    Example: `modelyard versions set prod.ml_team.churn 3 --comment "Trained on May" --tag checked=yes`
    """
    need_one(comment, tag, untag)
    _retag(server, "model-versions", tag, untag, name=name, version=str(version))
    if comment is not None:
        server.ask("PATCH", f"{MLFLOW}/model-versions/update", name=name, version=str(version), description=comment)
    show(_version(server, name, version), as_json=as_json, columns=_WHOLE_VERSION)


def delete_version(name: ModelName, version: Number, server: Server, yes: Yes = False) -> None:
    """Delete a version with its files; `modelyard trash` brings it back for some days.

    Example: `modelyard versions delete prod.ml_team.churn 3`
    """
    confirm(f"Delete version {version} of {name}?", yes=yes)
    server.ask("DELETE", f"{MLFLOW}/model-versions/delete", name=name, version=version)
    say(f"Deleted version {version} of {name}.")
    say(RESTORABLE)


def download_version(
    name: ModelName,
    version: Number,
    folder: Annotated[Path, typer.Argument(metavar="DIR", help="A new or an empty folder.")],
    server: Server,
) -> None:
    """Download the files of a version into a folder, which is there only once all of them are.

    Example: `modelyard versions download prod.ml_team.churn 3 ./churn-3`
    """
    count = download(server, _version(server, name, version)["storage_location"], folder)
    say(f"{folder} holds the {count} files of version {version} of {name}.")


# Aliases


def list_aliases(name: ModelName, server: Server, as_json: AsJson = False) -> None:
    """List the aliases of a model.

    Example: `modelyard aliases list prod.ml_team.churn`
    """
    model = server.ask("GET", f"{MLFLOW}/registered-models/get", name=name)["registered_model"]
    show(model["aliases"], as_json=as_json, columns=_ALIAS)


def get_alias(name: ModelName, alias: AliasName, server: Server, as_json: AsJson = False) -> None:
    """Show the version that an alias points at.

    Example: `modelyard aliases get prod.ml_team.churn Champion`
    """
    found = server.ask("GET", f"{MLFLOW}/registered-models/alias", name=name, alias=alias)["model_version"]
    show(found, as_json=as_json, columns=_WHOLE_VERSION)


def set_alias(
    name: ModelName,
    alias: AliasName,
    version: Number,
    server: Server,
    expected_version: Expected = None,
    reason: Reason = None,
) -> None:
    """Point an alias at a version, wherever it pointed before.

    Example: `modelyard aliases set prod.ml_team.churn Champion 4 --expected 3 --reason "fewer false alarms"`
    """
    told = {"name": name, "alias": alias, "version": str(version), "expected_version": expected_version}
    server.ask("POST", f"{MLFLOW}/registered-models/alias", **told, reason=reason)
    say(f"{alias} of {name} points at version {version}.")


def delete_alias(
    name: ModelName,
    alias: AliasName,
    server: Server,
    expected_version: Expected = None,
    reason: Reason = None,
    yes: Yes = False,
) -> None:
    """Take an alias away; the version stays.

    Example: `modelyard aliases delete prod.ml_team.churn Challenger --reason "the trial is over"`
    """
    confirm(f"Delete the alias {alias} of {name}?", yes=yes)
    told = {"name": name, "alias": alias, "expected_version": expected_version}
    server.ask("DELETE", f"{MLFLOW}/registered-models/alias", **told, reason=reason)
    say(f"Deleted the alias {alias} of {name}.")
