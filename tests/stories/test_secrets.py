"""Secrets, told by the unmodified Databricks SDK: a team keeps a password, lends it to a program, and takes it back."""

from __future__ import annotations

import base64
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, InvalidParameterValue, NotFound, PermissionDenied, ResourceAlreadyExists
from databricks.sdk.service.workspace import AclPermission, ScopeBackendType

from tests.support import Server

PASSWORD = "correct horse battery staple"


@pytest.fixture(autouse=True)
def _no_other_settings(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    for name in ("DATABRICKS_HOST", "DATABRICKS_TOKEN"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("DATABRICKS_CONFIG_FILE", str(tmp_path / "no-config"))


@pytest.fixture
def sign_in(server: Server) -> Callable[[str], WorkspaceClient]:
    """Makes a user, and gives the SDK that speaks for it."""
    return lambda name: WorkspaceClient(host=server.url, token=server.make_user(name))


@pytest.fixture
def admin(server: Server) -> WorkspaceClient:
    return WorkspaceClient(host=server.url, token=server.token)


def some(value: Any) -> Any:  # noqa: ANN401  every field of the SDK's answers may be None
    assert value is not None
    return value


@pytest.mark.client("databricks-sdk 0.156", "secrets")
def test_a_team_keeps_a_password_and_lends_it(
    server: Server, sign_in: Callable[[str], WorkspaceClient], admin: WorkspaceClient
) -> None:
    ada, bob = sign_in("ada@example.com"), sign_in("bob@example.com")
    ada.secrets.create_scope("fraud", scope_backend_type=ScopeBackendType.DATABRICKS)
    with pytest.raises(ResourceAlreadyExists):
        bob.secrets.create_scope("Fraud")
    ada.secrets.put_secret("fraud", "password", string_value=PASSWORD)
    ada.secrets.put_secret("fraud", "key.pem", bytes_value=base64.b64encode(b"\x00\xff").decode())
    assert ada.dbutils.secrets.get("fraud", "password") == PASSWORD
    assert ada.dbutils.secrets.getBytes("fraud", "key.pem") == b"\x00\xff"
    assert [each.key for each in ada.secrets.list_secrets("fraud")] == ["key.pem", "password"]
    assert all(some(each.last_updated_timestamp) > 0 for each in ada.secrets.list_secrets("fraud"))
    assert [(each.name, each.backend_type) for each in ada.secrets.list_scopes()] == [
        ("fraud", ScopeBackendType.DATABRICKS)
    ]

    assert list(bob.secrets.list_scopes()) == []
    with pytest.raises(NotFound):
        bob.secrets.get_secret("fraud", "password")
    ada.secrets.put_acl("fraud", "bob@example.com", AclPermission.READ)
    assert base64.b64decode(some(bob.secrets.get_secret("fraud", "password").value)).decode() == PASSWORD
    with pytest.raises(PermissionDenied, match="WRITE"):
        bob.secrets.put_secret("fraud", "password", string_value="mine")
    with pytest.raises(PermissionDenied, match="MANAGE"):
        bob.secrets.list_acls("fraud")
    assert ada.secrets.get_acl("fraud", "bob@example.com").permission is AclPermission.READ
    assert {(each.principal, each.permission) for each in ada.secrets.list_acls("fraud")} == {
        ("ada@example.com", AclPermission.MANAGE),
        ("bob@example.com", AclPermission.READ),
    }

    program = admin.service_principals.create(display_name="nightly")
    ada.secrets.put_acl("fraud", some(program.application_id), AclPermission.WRITE)
    secret = admin.service_principal_secrets_proxy.create(some(program.id))
    nightly = WorkspaceClient(
        host=server.url, client_id=program.application_id, client_secret=secret.secret, auth_type="oauth-m2m"
    )
    nightly.secrets.put_secret("fraud", "password", string_value="a new one")
    assert ada.dbutils.secrets.get("fraud", "password") == "a new one"

    ada.secrets.delete_acl("fraud", "bob@example.com")
    with pytest.raises(NotFound):
        bob.secrets.get_secret("fraud", "password")
    with pytest.raises(NotFound):
        ada.secrets.delete_acl("fraud", "bob@example.com")
    ada.secrets.delete_secret("fraud", "password")
    with pytest.raises(NotFound):
        ada.secrets.get_secret("fraud", "password")
    ada.secrets.delete_scope("fraud")
    assert list(admin.secrets.list_scopes()) == []


@pytest.mark.client("databricks-sdk 0.156", "secrets")
def test_everybody_and_admins_manage_what_is_theirs_to_manage(
    sign_in: Callable[[str], WorkspaceClient], admin: WorkspaceClient
) -> None:
    ada, bob = sign_in("ada@example.com"), sign_in("bob@example.com")
    ada.secrets.create_scope("ours", initial_manage_principal="users")
    bob.secrets.put_secret("ours", "k", string_value="v")
    assert [(each.principal, each.permission) for each in bob.secrets.list_acls("ours")] == [
        ("users", AclPermission.MANAGE)
    ]
    ada.secrets.create_scope("mine")
    assert [each.name for each in bob.secrets.list_scopes()] == ["ours"]
    assert [each.name for each in admin.secrets.list_scopes()] == ["mine", "ours"]
    admin.secrets.put_acl("mine", "bob@example.com", AclPermission.MANAGE)
    bob.secrets.delete_scope("mine")


@pytest.mark.client("databricks-sdk 0.156", "secrets")
def test_what_makes_no_sense_is_refused_as_databricks_does(sign_in: Callable[[str], WorkspaceClient]) -> None:
    ada = sign_in("ada@example.com")
    with pytest.raises(InvalidParameterValue):
        ada.secrets.create_scope("a b")
    with pytest.raises(BadRequest, match="by this server only"):
        ada.secrets.create_scope("it", scope_backend_type=ScopeBackendType.AZURE_KEYVAULT)
    ada.secrets.create_scope("it")
    with pytest.raises(InvalidParameterValue, match="131072 bytes"):
        ada.secrets.put_secret("it", "k", string_value="x" * (128 * 1024 + 1))
    with pytest.raises(InvalidParameterValue):
        ada.secrets.put_acl("it", "nobody@example.com", AclPermission.READ)
    with pytest.raises(NotFound):
        ada.secrets.get_acl("it", "users")


def test_no_value_is_in_the_log_or_in_the_database(server: Server, admin: WorkspaceClient) -> None:
    admin.secrets.create_scope("s")
    admin.secrets.put_secret("s", "password", string_value=PASSWORD)
    with pytest.raises(NotFound):
        admin.secrets.put_secret("nowhere", "password", string_value=PASSWORD)
    assert admin.dbutils.secrets.get("s", "password") == PASSWORD
    server.stop()
    for file in server.data.rglob("*"):
        content = file.read_bytes() if file.is_file() else b""
        assert PASSWORD.encode() not in content
        assert base64.b64encode(PASSWORD.encode()).rstrip(b"=") not in content
