"""Identity, told by the unmodified Databricks SDK and MLflow: people, teams, programs, and how they sign in."""

from __future__ import annotations

import base64
import itertools
from pathlib import Path
from typing import Any

import httpx
import pytest
from databricks.sdk import AccountClient, WorkspaceClient
from databricks.sdk.common.types.fieldmask import FieldMask
from databricks.sdk.errors import BadRequest, NotFound, ResourceConflict, Unauthenticated
from databricks.sdk.service.iam import ComplexValue, ListSortOrder, Name, Patch, PatchOp, PatchSchema
from databricks.sdk.service.settings import PublicTokenInfo

from tests.support import SCIM, Server

PATCH = [PatchSchema.URN_IETF_PARAMS_SCIM_API_MESSAGES_2_0_PATCH_OP]
MODEL = "prod.ml_team.churn"


@pytest.fixture(autouse=True)
def _no_other_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "no-config"))
    monkeypatch.chdir(tmp_path)


@pytest.fixture
def admin(server: Server) -> WorkspaceClient:
    return WorkspaceClient(host=server.url, token=server.token)


def some(value: Any) -> Any:  # noqa: ANN401  every field of the SDK's answers may be None
    assert value is not None
    return value


def robot(admin: WorkspaceClient) -> tuple[Any, Any]:
    """A service principal, and a secret of it."""
    made = admin.service_principals.create(display_name="nightly")
    return made, admin.service_principal_secrets_proxy.create(some(made.id))


@pytest.mark.client("databricks-sdk 0.156", "principals")
def test_people_come_change_and_go(admin: WorkspaceClient) -> None:
    assert admin.current_user.me().user_name == "admin"
    grace = admin.users.create(
        user_name="grace@example.com",
        display_name="Grace",
        external_id="e-17",
        name=Name(given_name="Grace", family_name="Hopper"),
        emails=[ComplexValue(value="grace@example.com", type="work", primary=True)],
        entitlements=[ComplexValue(value="allow-cluster-create")],
    )
    with pytest.raises(ResourceConflict):
        admin.users.create(user_name="GRACE@example.com")
    found = list(admin.users.list(filter='externalId eq "e-17"', attributes="id,userName"))
    assert [(each.id, each.user_name, each.display_name) for each in found] == [(grace.id, "grace@example.com", None)]
    shut_out = Patch(op=PatchOp.REPLACE, value={"active": False})
    admin.users.patch(some(grace.id), operations=[shut_out], schemas=PATCH)
    assert admin.users.get(some(grace.id)).active is False
    admin.users.update(some(grace.id), user_name="hopper@example.com", active=True)
    after = admin.users.get(some(grace.id))
    assert (after.user_name, after.active, after.external_id, after.entitlements) == (
        "hopper@example.com", True, None, [],
    )  # fmt: skip
    admin.users.delete(some(grace.id))
    with pytest.raises(NotFound):
        admin.users.get(some(grace.id))


def test_lists_end_however_long_their_pages_are(admin: WorkspaceClient) -> None:
    for number in range(5):
        admin.users.create(user_name=f"user{number}@example.com")
    for count in (1, 2, 5, 100):
        names = [each.user_name for each in admin.users.list(count=count, filter='userName sw "user"')]
        assert names == [f"user{number}@example.com" for number in range(5)]
    backwards = admin.users.list(sort_by="userName", sort_order=ListSortOrder.DESCENDING)
    assert [each.user_name for each in itertools.islice(backwards, 2)] == ["user4@example.com", "user3@example.com"]


def test_teams_hold_people_programs_and_teams(admin: WorkspaceClient) -> None:
    user = admin.users.create(user_name="alice@example.com")
    program, _ = robot(admin)
    inner = admin.groups.create(display_name="inner", members=[ComplexValue(value=user.id)])
    outer = admin.groups.create(display_name="outer", members=[ComplexValue(value=inner.id)])
    join = Patch(op=PatchOp.ADD, path="members", value=[{"value": program.id}])
    admin.groups.patch(some(outer.id), operations=[join], schemas=PATCH)
    members = {each.display for each in some(admin.groups.get(some(outer.id)).members)}
    assert members == {"inner", "nightly"}
    circle = Patch(op=PatchOp.ADD, path="members", value=[{"value": outer.id}])
    with pytest.raises(BadRequest, match="cannot hold each other"):
        admin.groups.patch(some(inner.id), operations=[circle], schemas=PATCH)
    leave = Patch(op=PatchOp.REMOVE, path=f'members[value eq "{user.id}"]')
    admin.groups.patch(some(inner.id), operations=[leave], schemas=PATCH)
    assert some(admin.groups.get(some(inner.id)).members) == []
    admin.groups.update(some(outer.id), display_name="programs", members=[ComplexValue(value=program.id)])
    assert [each.display_name for each in admin.groups.list(filter=f'members eq "{program.id}"')] == ["programs"]
    assert [each.display for each in some(admin.service_principals.get(some(program.id)).groups)] == ["programs"]
    assert {"admins", "account users"} <= {each.display_name for each in admin.groups.list()}
    admin.groups.delete(some(outer.id))


def test_the_account_knows_them_too(server: Server, admin: WorkspaceClient) -> None:
    account = AccountClient(host=server.url, token=server.token, account_id="any-account")
    made = account.service_principals.create(display_name="from the account")
    assert admin.service_principals.get(some(made.id)).display_name == "from the account"
    secret = account.service_principal_secrets.create(some(made.id), lifetime="3600s")
    assert [each.id for each in admin.service_principal_secrets_proxy.list(some(made.id))] == [secret.id]


@pytest.mark.client("databricks-sdk 0.156", "principals")
def test_tokens_are_made_renamed_found_and_revoked(server: Server, admin: WorkspaceClient) -> None:
    made = admin.tokens.create(comment="mine", lifetime_seconds=600)
    id_ = some(some(made.token_info).token_id)
    admin.tokens.update(id_, PublicTokenInfo(comment="renamed"), FieldMask(["comment"]))
    assert {each.token_id: each.comment for each in admin.tokens.list()}[id_] == "renamed"
    assert some(admin.token_management.get(id_).token_info).comment == "renamed"
    program, _ = robot(admin)
    theirs = admin.token_management.create_obo_token(some(program.application_id), lifetime_seconds=600)
    other = WorkspaceClient(host=server.url, token=theirs.token_value)
    assert other.current_user.me().user_name == program.application_id
    listed = {each.token_id for each in admin.token_management.list(created_by_username="admin")}
    assert {id_, some(theirs.token_info).token_id} <= listed
    admin.token_management.delete(some(some(theirs.token_info).token_id))
    with pytest.raises(Unauthenticated):
        other.current_user.me()
    admin.tokens.delete(id_)
    with pytest.raises(NotFound):
        admin.tokens.delete(id_)


def test_git_style_basic_authentication_keeps_working(server: Server) -> None:
    shown = base64.b64encode(f"token:{server.token}".encode()).decode()
    answer = httpx.get(f"{server.url}{SCIM}/Me", headers={"Authorization": f"Basic {shown}"}, trust_env=False)
    assert answer.json()["userName"] == "admin"


@pytest.mark.client("databricks-sdk 0.156", "machine login")
def test_a_program_signs_in_with_a_secret_and_rotates_it(server: Server, admin: WorkspaceClient) -> None:
    program, first = robot(admin)

    def signs_in(secret: str) -> WorkspaceClient:
        return WorkspaceClient(host=server.url, client_id=program.application_id, client_secret=secret)

    old = signs_in(first.secret)
    assert old.current_user.me().user_name == program.application_id
    second = old.service_principal_secrets_proxy.create(program.id)
    with pytest.raises(BadRequest, match="2 secrets already"):
        admin.service_principal_secrets_proxy.create(program.id)
    new = signs_in(some(second.secret))
    assert new.current_user.me().id == old.current_user.me().id == program.id
    new.service_principal_secrets_proxy.delete(program.id, first.id)
    with pytest.raises(Unauthenticated):
        old.current_user.me()
    with pytest.raises(ValueError, match="invalid_client"):
        signs_in(first.secret).current_user.me()
    assert [each.id for each in new.service_principal_secrets_proxy.list(program.id)] == [second.id]
    told = str([each.as_dict() for each in new.service_principal_secrets_proxy.list(program.id)])
    assert first.secret not in told
    assert some(second.secret) not in told


@pytest.mark.client("MLflow 3.17.2, `databricks-uc`", "machine login", "search")
def test_mlflow_signs_in_with_a_secret_and_no_secret_is_in_the_log_or_the_audit(
    server: Server, admin: WorkspaceClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    from mlflow import MlflowClient  # noqa: PLC0415  slow to import, and only this test needs it

    program, secret = robot(admin)
    server.make_containers("prod.ml_team")
    server.grant("catalog", "prod", program.application_id, "USE_CATALOG", "USE_SCHEMA", "CREATE_MODEL")
    monkeypatch.setenv("DATABRICKS_HOST", server.url)
    monkeypatch.setenv("DATABRICKS_CLIENT_ID", program.application_id)
    monkeypatch.setenv("DATABRICKS_CLIENT_SECRET", secret.secret)
    client = MlflowClient(tracking_uri="sqlite:///tracking.db", registry_uri="databricks-uc")
    client.create_registered_model(MODEL)
    assert [model.name for model in client.search_registered_models()] == [MODEL]
    with server.client() as asking:
        owner = asking.get(f"/api/2.1/unity-catalog/models/{MODEL}").json()["owner"]
    assert owner == program.application_id
    form = {"grant_type": "client_credentials", "scope": "all-apis"}
    shown = (program.application_id, secret.secret)
    given = httpx.post(f"{server.url}/oidc/v1/token", data=form, auth=shown, trust_env=False).json()["access_token"]
    server.stop()
    kept = (server.data / "log").read_bytes() + written(server)
    assert b"issueToken" in kept
    for word in (secret.secret, given, server.token):
        assert word.encode() not in kept


def written(server: Server) -> bytes:
    """Every row of the audit and of the events, as the database has them."""
    from sqlalchemy import create_engine, text  # noqa: PLC0415  only this test looks behind the server

    url = server.database.replace("postgresql://", "postgresql+psycopg://") or f"sqlite:///{server.data}/modelyard.db"
    engine = create_engine(url)
    try:
        with engine.connect() as connection:
            tables = [connection.execute(text(f"SELECT * FROM {table}")).all() for table in ("audit", "events")]  # noqa: S608  names of our own tables
        return repr(tables).encode()
    finally:
        engine.dispose()
