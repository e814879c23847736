"""Governance, told by unmodified clients: the Databricks SDK, and the open-source client of Unity Catalog."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import NotFound, PermissionDenied
from databricks.sdk.service.catalog import (
    CatalogIsolationMode,
    EntityTagAssignment,
    PermissionsChange,
    Privilege,
    SecurableType,
    WorkspaceBinding,
    WorkspaceBindingBindingType,
)
from unitycatalog import client as opensource
from unitycatalog.client.exceptions import ForbiddenException

from tests.support import Server

MODEL = "prod.ml_team.fraud"
FUNCTION = SecurableType.FUNCTION.value


def client_of(server: Server, monkeypatch: pytest.MonkeyPatch, token: str | None = None) -> WorkspaceClient:
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", "/nonexistent")
    return WorkspaceClient(host=server.url, token=token or server.token, auth_type="pat")


def make_group(server: Server, name: str, *members: str) -> None:
    with server.client() as admin:
        users = admin.get("/api/2.0/preview/scim/v2/Users").json()["Resources"]
        ids = [{"value": user["id"]} for user in users if user["userName"] in members]
        admin.post("/api/2.0/preview/scim/v2/Groups", json={"displayName": name, "members": ids}).raise_for_status()


@pytest.mark.client("databricks-sdk 0.156", "containers", "grants", "change", "search")
def test_the_databricks_sdk_governs(server: Server, monkeypatch: pytest.MonkeyPatch) -> None:
    admin = client_of(server, monkeypatch)
    admin.catalogs.create("prod", comment="what customers see")
    admin.schemas.create("ml_team", "prod")
    admin.registered_models.create(catalog_name="prod", schema_name="ml_team", name="fraud", comment="a model")
    alice = client_of(server, monkeypatch, server.make_user("alice@example.com"))
    make_group(server, "ml-team", "alice@example.com")

    # Alice sees nothing, then browses, then reads: what she holds comes through her group.
    assert list(alice.catalogs.list()) == []
    with pytest.raises(PermissionDenied, match="User does not have USE CATALOG on Catalog 'prod'"):
        alice.registered_models.get(MODEL)
    change = PermissionsChange(principal="ml-team", add=[Privilege.BROWSE])
    admin.grants.update("catalog", "prod", changes=[change])
    assert [model.browse_only for model in alice.registered_models.list(include_browse=True)] == [True]
    assert alice.registered_models.get(MODEL, include_browse=True).comment == "a model"
    change = PermissionsChange(principal="ml-team", add=[Privilege.USE_CATALOG, Privilege.USE_SCHEMA])
    admin.grants.update("catalog", "prod", changes=[change])
    change = PermissionsChange(principal="ml-team", add=[Privilege.EXECUTE])
    quiet = admin.grants.update(FUNCTION, MODEL, changes=[change], omit_permissions_in_response=True)
    assert not quiet.privilege_assignments
    assert alice.registered_models.get(MODEL).full_name == MODEL

    # Who holds what
    [direct] = admin.grants.get(FUNCTION, MODEL).privilege_assignments or []
    assert (direct.principal, direct.privileges) == ("ml-team", [Privilege.EXECUTE])
    [found] = admin.grants.get_effective(FUNCTION, MODEL, principal="alice@example.com").privilege_assignments or []
    assert found.principal == "ml-team"
    assert [
        (held.privilege, held.inherited_from_type, held.inherited_from_name) for held in found.privileges or []
    ] == [
        (Privilege.EXECUTE, None, None),
        (Privilege.USE_CATALOG, SecurableType.CATALOG, "prod"),
        (Privilege.USE_SCHEMA, SecurableType.CATALOG, "prod"),
    ]
    assert [each.principal for each in admin.grants.list(FUNCTION, MODEL, page_size=150)] == ["ml-team"]
    assert [each.principal for each in admin.grants.list_effective(FUNCTION, MODEL)] == ["ml-team"]

    # Everything is given to the group, from the inside out, and alice may do what owners do.
    for folder, name in (("registered_models", MODEL), ("schemas", "prod.ml_team"), ("catalogs", "prod")):
        with pytest.raises(PermissionDenied, match="User does not have MANAGE on"):
            getattr(alice, folder).update(name, comment="mine")
        assert getattr(admin, folder).update(name, owner="ml-team").owner == "ml-team"
    assert alice.registered_models.update(MODEL, comment="ours").comment == "ours"
    assert alice.schemas.update("prod.ml_team", comment="ours").comment == "ours"
    isolated = alice.catalogs.update("prod", isolation_mode=CatalogIsolationMode.ISOLATED, comment="ours")
    assert (isolated.comment, isolated.isolation_mode) == ("ours", CatalogIsolationMode.OPEN)
    _rename_and_make_again(alice, admin)


def _rename_and_make_again(alice: WorkspaceClient, admin: WorkspaceClient) -> None:
    """A rename keeps grants; what is made again under an old name starts with none."""
    alice.registered_models.update(MODEL, new_name="scoring")
    [kept] = admin.grants.get(FUNCTION, "prod.ml_team.scoring").privilege_assignments or []
    assert kept.principal == "ml-team"
    alice.registered_models.create(catalog_name="prod", schema_name="ml_team", name="fraud")
    assert admin.grants.get(FUNCTION, MODEL).privilege_assignments == []
    alice.schemas.delete("prod.ml_team", force=True)
    with pytest.raises(NotFound):
        alice.registered_models.get(MODEL)


@pytest.mark.client("databricks-sdk 0.156", "tags")
def test_the_databricks_sdk_knows_its_metastore_bindings_and_tags(
    sqlite_server: Server, monkeypatch: pytest.MonkeyPatch
) -> None:
    admin = client_of(sqlite_server, monkeypatch)
    admin.catalogs.create("prod")
    current, summary = admin.metastores.current(), admin.metastores.summary()
    assert current.metastore_id == summary.metastore_id == admin.catalogs.get("prod").metastore_id
    assert [each.metastore_id for each in admin.metastores.list()] == [current.metastore_id]
    assert admin.metastores.get(current.metastore_id).owner == "admins"
    admin.metastores.assign(current.workspace_id, current.metastore_id, "")

    here = WorkspaceBinding(current.workspace_id, WorkspaceBindingBindingType.BINDING_TYPE_READ_WRITE)
    assert admin.workspace_bindings.get("prod").workspaces == [current.workspace_id]
    assert list(admin.workspace_bindings.get_bindings("catalog", "prod")) == [here]
    assert admin.workspace_bindings.update("prod", assign_workspaces=[current.workspace_id]).workspaces
    assert admin.workspace_bindings.update_bindings("catalog", "prod", add=[here]).bindings == [here]

    tags = admin.entity_tag_assignments
    tags.create(EntityTagAssignment(entity_name="prod", tag_key="tier", entity_type="catalogs", tag_value="gold"))
    silver = EntityTagAssignment(entity_name="prod", tag_key="tier", entity_type="catalogs", tag_value="silver")
    assert tags.update("catalogs", "prod", "tier", silver, update_mask="tag_value").tag_value == "silver"
    assert tags.get("catalogs", "prod", "tier").tag_value == "silver"
    assert [tag.tag_key for tag in tags.list("catalogs", "prod")] == ["tier"]
    tags.delete("catalogs", "prod", "tier")
    with pytest.raises(NotFound):
        tags.get("catalogs", "prod", "tier")


class OpenSource:
    """The open-source client of Unity Catalog for one token."""

    def __init__(self, api: opensource.ApiClient) -> None:
        self.catalogs, self.schemas = opensource.CatalogsApi(api), opensource.SchemasApi(api)
        self.models, self.grants = opensource.RegisteredModelsApi(api), opensource.GrantsApi(api)
        self.metastores = opensource.MetastoresApi(api)


def told_by(server: Server, token: str, story: Any) -> None:  # noqa: ANN401  a coroutine function
    async def tell() -> None:
        configuration = opensource.Configuration(host=f"{server.url}/api/2.1/unity-catalog")
        async with opensource.ApiClient(configuration) as api:
            api.set_default_header("Authorization", f"Bearer {token}")
            await story(OpenSource(api))

    asyncio.run(tell())


def grant(principal: str, *privileges: opensource.Privilege) -> opensource.UpdatePermissions:
    change = opensource.PermissionsChange(principal=principal, add=list(privileges), remove=[])
    return opensource.UpdatePermissions(changes=[change])


@pytest.mark.client("unitycatalog-client 0.7", "containers", "grants", "change", "search")
def test_the_open_source_client_governs(server: Server) -> None:
    reader = server.make_user("reader@example.com")

    async def admin(at: OpenSource) -> None:
        made = await at.catalogs.create_catalog(opensource.CreateCatalog(name="prod", comment="hello"))
        assert (made.name, made.owner) == ("prod", "admin")
        await at.schemas.create_schema(opensource.CreateSchema(name="ml_team", catalog_name="prod"))
        said = opensource.CreateRegisteredModel(name="fraud", catalog_name="prod", schema_name="ml_team")
        model = await at.models.create_registered_model(said)
        assert isinstance(model.created_at, int)
        assert (await at.metastores.summary()).metastore_id
        # Privileges that it does not know are granted beside those that it does, and it still reads the answer.
        server.grant("catalog", "prod", "reader@example.com", "BROWSE", "APPLY_TAG")
        use = grant("reader@example.com", opensource.Privilege.USE_CATALOG, opensource.Privilege.USE_SCHEMA)
        answer = await at.grants.update(opensource.SecurableType.CATALOG, "prod", use)
        [held] = answer.privilege_assignments or []
        assert held.privileges == [opensource.Privilege.USE_CATALOG, opensource.Privilege.USE_SCHEMA]
        execute = grant("reader@example.com", opensource.Privilege.EXECUTE)
        await at.grants.update(opensource.SecurableType.REGISTERED_MODEL, MODEL, execute)
        got = await at.grants.get(opensource.SecurableType.REGISTERED_MODEL, MODEL)
        assert [each.principal for each in got.privilege_assignments or []] == ["reader@example.com"]

    async def read(at: OpenSource) -> None:
        assert [each.name for each in (await at.catalogs.list_catalogs()).catalogs or []] == ["prod"]
        assert [each.name for each in (await at.schemas.list_schemas("prod")).schemas or []] == ["ml_team"]
        assert (await at.models.get_registered_model(MODEL)).full_name == MODEL
        [model] = (
            await at.models.list_registered_models(catalog_name="prod", schema_name="ml_team")
        ).registered_models or []
        assert model.name == "fraud"
        with pytest.raises(ForbiddenException, match="User does not have MANAGE on Routine or Model"):
            await at.models.update_registered_model(MODEL, opensource.UpdateRegisteredModel(comment="mine"))

    async def clean(at: OpenSource) -> None:
        change = opensource.UpdateRegisteredModel(comment="better", new_name="scoring")
        assert (await at.models.update_registered_model(MODEL, change)).comment == "better"
        await at.catalogs.delete_catalog("prod", force=True)

    told_by(server, server.token, admin)
    told_by(server, reader, read)
    told_by(server, server.token, clean)
