"""Commands of the registry, as HTTP clients of the server: catalogs and schemas, others beside it."""

from __future__ import annotations

from typing import TYPE_CHECKING

from modelyard.cli import (
    access,
    admission,
    approvals,
    backups,
    batch,
    care,
    credentials,
    destinations,
    endpoints,
    explain,
    exports,
    git_credentials,
    imports,
    jobs,
    journal,
    legacy,
    lineage,
    models,
    outputs,
    promote,
    prompts,
    secrets,
    signing,
    subscriptions,
    tables,
    trash,
    upgrade,
    volumes,
)
from modelyard.cli.options import (
    CATALOGS,
    RESTORABLE,
    SCHEMAS,
    AsJson,
    CatalogName,
    Comment,
    Force,
    Owner,
    Rename,
    Root,
    SchemaName,
    Server,
    Yes,
    confirm,
    group,
    need_one,
)
from modelyard.cli.output import say, show

if TYPE_CHECKING:
    import typer


def add_to(app: typer.Typer) -> None:
    """Put these commands on the command line."""
    group(
        app, "catalogs", "Catalogs: the outermost containers.",
        create=create_catalog, list=list_catalogs, get=get_catalog, set=set_catalog, delete=delete_catalog,
    )  # fmt: skip
    group(
        app, "schemas", "Schemas: what models are in, inside of a catalog.",
        create=create_schema, list=list_schemas, get=get_schema, set=set_schema, delete=delete_schema,
    )  # fmt: skip
    models.add_to(app)
    promote.add_to(app)
    trash.add_to(app)
    care.add_to(app)
    admission.add_to(app)
    signing.add_to(app)
    prompts.add_to(app)
    lineage.add_to(app)
    legacy.add_to(app)
    access.add_to(app)
    credentials.add_to(app)
    secrets.add_to(app)
    git_credentials.add_to(app)
    tables.add_to(app)
    upgrade.add_to(app)
    volumes.add_to(app)
    outputs.add_to(app)
    endpoints.add_to(app)
    destinations.add_to(app)
    subscriptions.add_to(app)
    approvals.add_to(app)
    jobs.add_to(app)
    explain.add_to(app)
    journal.add_to(app)
    app.command()(backups.backup)
    app.command()(backups.restore)
    app.command()(batch.batch)
    app.command("export")(exports.export)
    app.command("import")(imports.import_)


def create_catalog(
    name: CatalogName, server: Server, comment: Comment = None, storage_root: Root = None, as_json: AsJson = False
) -> None:
    """Make a catalog; it will be yours.

    Examples: `modelyard catalogs create prod --comment "What customers see"` ·
    `modelyard catalogs create eu --storage-root s3://models-eu`
    """
    show(
        CATALOGS.create(server, name, comment=comment, storage_root=storage_root),
        as_json=as_json,
        columns=CATALOGS.columns,
    )


def list_catalogs(server: Server, as_json: AsJson = False) -> None:
    """List the catalogs that you may see.

    Example: `modelyard catalogs list --json`
    """
    show(CATALOGS.list(server), as_json=as_json, columns=CATALOGS.columns)


def get_catalog(name: CatalogName, server: Server, as_json: AsJson = False) -> None:
    """Show a catalog.

    Example: `modelyard catalogs get prod`
    """
    show(CATALOGS.get(server, name), as_json=as_json, columns=CATALOGS.columns)


def set_catalog(
    name: CatalogName,
    server: Server,
    comment: Comment = None,
    owner: Owner = None,
    rename: Rename = None,
    as_json: AsJson = False,
) -> None:
    """Change a catalog's comment, owner or name.

    Example: `modelyard catalogs set prod --owner platform-team --rename production`
    """
    need_one(comment, owner, rename)
    changed = CATALOGS.change(server, name, comment=comment, owner=owner, new_name=rename)
    show(changed, as_json=as_json, columns=CATALOGS.columns)


def delete_catalog(name: CatalogName, server: Server, force: Force = False, yes: Yes = False) -> None:
    """Delete a catalog; with `--force`, also what is in it, of which models go into the trash.

    Example: `modelyard catalogs delete old --force`
    """
    confirm(f"Delete the catalog {name}" + (" and everything in it?" if force else "?"), yes=yes)
    CATALOGS.delete(server, name, force=force)
    if force:
        say(RESTORABLE)


def create_schema(
    name: SchemaName, server: Server, comment: Comment = None, storage_root: Root = None, as_json: AsJson = False
) -> None:
    """Make a schema in a catalog; it will be yours.

    Example: `modelyard schemas create prod.ml_team --comment "Models of the ML team"`
    """
    show(
        SCHEMAS.create(server, name, comment=comment, storage_root=storage_root),
        as_json=as_json,
        columns=SCHEMAS.columns,
    )


def list_schemas(catalog: CatalogName, server: Server, as_json: AsJson = False) -> None:
    """List the schemas of a catalog that you may see.

    Example: `modelyard schemas list prod`
    """
    show(SCHEMAS.list(server, catalog_name=catalog), as_json=as_json, columns=SCHEMAS.columns)


def get_schema(name: SchemaName, server: Server, as_json: AsJson = False) -> None:
    """Show a schema.

    Example: `modelyard schemas get prod.ml_team`
    """
    show(SCHEMAS.get(server, name), as_json=as_json, columns=SCHEMAS.columns)


def set_schema(
    name: SchemaName,
    server: Server,
    comment: Comment = None,
    owner: Owner = None,
    rename: Rename = None,
    as_json: AsJson = False,
) -> None:
    """Change a schema's comment, owner or name.

    Example: `modelyard schemas set prod.ml_team --owner ml-team --rename ranking`
    """
    need_one(comment, owner, rename)
    changed = SCHEMAS.change(server, name, comment=comment, owner=owner, new_name=rename)
    show(changed, as_json=as_json, columns=SCHEMAS.columns)


def delete_schema(name: SchemaName, server: Server, force: Force = False, yes: Yes = False) -> None:
    """Delete a schema; with `--force`, also the models, which go into the trash, and the prompts in it.

    Example: `modelyard schemas delete prod.old --force`
    """
    confirm(f"Delete the schema {name}" + (" and everything in it?" if force else "?"), yes=yes)
    SCHEMAS.delete(server, name, force=force)
    if force:
        say(RESTORABLE)
