"""Files of the workspace, as the Databricks SDK brings, shows, fetches, shares and deletes them."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Iterator

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import (
    BadRequest,
    DatabricksError,
    InvalidParameterValue,
    PermissionDenied,
    ResourceAlreadyExists,
)
from databricks.sdk.errors.platform import ResourceDoesNotExist
from databricks.sdk.service import workspace as sdk
from databricks.sdk.service.workspace import ExportFormat, ImportFormat, Language, ObjectType

from tests.support import Server

NOTEBOOK = "# Databricks notebook source\nprint(1)\n\n# COMMAND ----------\n\n# MAGIC %md\n# MAGIC # A title\n"


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    server = Server(tmp_path_factory.mktemp("workspace") / "data").start()
    yield server
    server.stop()


def client(server: Server, name: str) -> WorkspaceClient:
    return WorkspaceClient(host=server.url, token=server.make_user(name))


@pytest.fixture(scope="module")
def ann(server: Server) -> WorkspaceClient:
    return client(server, "ann@example.com")


@pytest.fixture(scope="module")
def bob(server: Server) -> WorkspaceClient:
    return client(server, "bob@example.com")


HOME = "/Users/ann@example.com"


def test_notebooks_come_and_go_in_every_form(ann: WorkspaceClient) -> None:
    ann.workspace.mkdirs(f"{HOME}/forms")
    ann.workspace.upload(f"{HOME}/forms/Train.py", io.BytesIO(NOTEBOOK.encode()), format=ImportFormat.AUTO)
    status = ann.workspace.get_status(f"/Workspace{HOME}/forms/Train")
    assert status.object_type is ObjectType.NOTEBOOK
    assert status.language is Language.PYTHON
    assert status.path == f"{HOME}/forms/Train"
    assert status.object_id
    assert ann.workspace.download(f"{HOME}/forms/Train").read().decode() == NOTEBOOK
    exported = ann.workspace.export(f"{HOME}/forms/Train", format=ExportFormat.JUPYTER)
    assert exported.file_type == "ipynb"
    jupyter = base64.b64decode(exported.content or "")
    assert [cell["cell_type"] for cell in json.loads(jupyter)["cells"]] == ["code", "markdown"]
    ann.workspace.upload(f"{HOME}/forms/Json.ipynb", jupyter, format=ImportFormat.AUTO)
    back = ann.workspace.download(f"{HOME}/forms/Json", format=ExportFormat.SOURCE).read().decode()
    assert back == NOTEBOOK
    page = ann.workspace.download(f"{HOME}/forms/Train", format=ExportFormat.HTML).read().decode()
    assert "A title" in page
    assert "<script" not in page
    content = base64.b64encode(b"x = 1\n").decode()
    ann.workspace.import_(f"{HOME}/forms/plain", content=content, format=ImportFormat.SOURCE, language=Language.PYTHON)
    assert ann.workspace.download(f"{HOME}/forms/plain").read() == b"# Databricks notebook source\nx = 1\n"


def test_files_keep_their_names_and_bytes(ann: WorkspaceClient, server: Server) -> None:
    folder = f"{HOME}/files"
    ann.workspace.mkdirs(folder)
    content = bytes(range(256)) * 100
    ann.workspace.upload(f"{folder}/data.bin", content, format=ImportFormat.AUTO)
    ann.workspace.upload(f"{folder}/deploy.py", b"def deploy(): ...\n", format=ImportFormat.AUTO)
    ann.workspace.upload(f"{folder}/raw.py", NOTEBOOK.encode(), format=ImportFormat.RAW)
    assert ann.workspace.download(f"{folder}/data.bin").read() == content
    listed = {each.path: each for each in ann.workspace.list(folder)}
    assert {
        path.rpartition("/")[2]: str(each.object_type and each.object_type.value)
        for path, each in listed.items()
        if path
    } == {
        "data.bin": "FILE",
        "deploy.py": "FILE",
        "raw.py": "FILE",
    }
    assert [each.path for each in ann.workspace.list(f"{folder}/data.bin")] == [f"{folder}/data.bin"]
    with server.client(str(ann.config.token)) as raw:
        large = b"x" * (12 << 20)
        sent = raw.post(f"/api/2.0/workspace-files/import-file{folder}/large", content=large)
        assert sent.status_code == 200, sent.text
        assert raw.get(f"/api/2.0/modelyard/workspace-files{folder}/large").content == large
        assert raw.get("/api/2.0/workspace/export", params={"path": f"{folder}/large"}).status_code == 400
    with pytest.raises(BadRequest, match="has at most"):
        ann.workspace.upload(f"{folder}/too-large", large, format=ImportFormat.RAW)


def test_what_is_there_is_not_replaced_by_accident(ann: WorkspaceClient) -> None:
    ann.workspace.mkdirs(f"{HOME}/over/deep")
    ann.workspace.mkdirs(f"{HOME}/over/deep")
    ann.workspace.upload(f"{HOME}/over/one", b"1", format=ImportFormat.RAW)
    with pytest.raises(ResourceAlreadyExists):
        ann.workspace.upload(f"{HOME}/over/one", b"2", format=ImportFormat.RAW)
    ann.workspace.upload(f"{HOME}/over/one", b"2", format=ImportFormat.RAW, overwrite=True)
    assert ann.workspace.download(f"{HOME}/over/one").read() == b"2"
    with pytest.raises(DatabricksError, match="delete it first"):
        ann.workspace.upload(
            f"{HOME}/over/one", b"2", format=ImportFormat.SOURCE, language=Language.PYTHON, overwrite=True
        )
    with pytest.raises(ResourceAlreadyExists):
        ann.workspace.mkdirs(f"{HOME}/over/one/two")
    with pytest.raises(ResourceDoesNotExist, match="parent folder"):
        ann.workspace.upload(f"{HOME}/missing/one", b"1", format=ImportFormat.RAW)
    with pytest.raises(BadRequest, match="not empty") as failure:
        ann.workspace.delete(f"{HOME}/over")
    assert failure.value.error_code == "DIRECTORY_NOT_EMPTY"
    ann.workspace.delete(f"{HOME}/over", recursive=True)
    with pytest.raises(ResourceDoesNotExist):
        ann.workspace.get_status(f"{HOME}/over/deep")


@pytest.mark.parametrize(
    "path", ["Users/x", "/Users/../etc", "/Users/ann@example.com/a//b", "/Users/a\x00b", "/" + "x" * 2000]
)
def test_paths_that_lead_elsewhere_are_refused(ann: WorkspaceClient, path: str) -> None:
    with pytest.raises(InvalidParameterValue):
        ann.workspace.get_status(path)


def test_a_home_folder_is_its_owners_and_shared_is_everybodys(
    ann: WorkspaceClient, bob: WorkspaceClient, server: Server
) -> None:
    ann.workspace.mkdirs(f"{HOME}/private")
    ann.workspace.upload(f"{HOME}/private/secret", b"1", format=ImportFormat.RAW)
    for ask in (bob.workspace.get_status, bob.workspace.download, bob.workspace.mkdirs, bob.workspace.delete):
        with pytest.raises(ResourceDoesNotExist):
            ask(f"{HOME}/private/secret/x" if ask == bob.workspace.mkdirs else f"{HOME}/private/secret")
    assert list(bob.workspace.list("/Users")) == []
    assert [each.path for each in ann.workspace.list("/Users")] == [HOME]
    assert [each.path for each in ann.workspace.list("/")] == ["/Shared", "/Users"]
    with pytest.raises(PermissionDenied):
        bob.workspace.mkdirs("/elsewhere")
    admin = WorkspaceClient(host=server.url, token=server.token)
    assert admin.workspace.download(f"{HOME}/private/secret").read() == b"1"
    ann.workspace.upload("/Shared/both", b"1", format=ImportFormat.RAW)
    bob.workspace.upload("/Shared/both", b"2", format=ImportFormat.RAW, overwrite=True)
    with pytest.raises(PermissionDenied, match="CAN_MANAGE"):
        bob.workspace.delete("/Shared/both")
    ann.workspace.delete("/Shared/both")
    with pytest.raises(InvalidParameterValue):
        admin.workspace.delete("/Shared", recursive=True)


def test_what_is_shared_is_seen_by_whom_it_is_shared_with(ann: WorkspaceClient, bob: WorkspaceClient) -> None:
    ann.workspace.mkdirs(f"{HOME}/team/deep")
    ann.workspace.upload(f"{HOME}/team/deep/file", b"1", format=ImportFormat.RAW)
    number = str(ann.workspace.get_status(f"{HOME}/team").object_id)
    reads = [
        sdk.WorkspaceObjectAccessControlRequest(
            user_name="bob@example.com", permission_level=sdk.WorkspaceObjectPermissionLevel.CAN_READ
        )
    ]
    told = ann.workspace.update_permissions("directories", number, access_control_list=reads)
    assert [each.user_name for each in told.access_control_list or []] == ["bob@example.com"]
    assert bob.workspace.download(f"{HOME}/team/deep/file").read() == b"1"
    assert [each.path for each in bob.workspace.list(f"{HOME}/team", recursive=True)] == [f"{HOME}/team/deep/file"]
    with pytest.raises(PermissionDenied, match="CAN_EDIT"):
        bob.workspace.upload(f"{HOME}/team/deep/file", b"2", format=ImportFormat.RAW, overwrite=True)
    inside = str(ann.workspace.get_status(f"{HOME}/team/deep/file").object_id)
    found = bob.workspace.get_permissions("files", inside)
    permissions = (found.access_control_list or [])[0].all_permissions or []
    assert permissions[0].inherited
    assert permissions[0].inherited_from_object == [f"{HOME}/team"]
    assert ann.workspace.get_permission_levels("files", inside).permission_levels
    ann.workspace.set_permissions("directories", number, access_control_list=[])
    with pytest.raises(ResourceDoesNotExist):
        bob.workspace.get_status(f"{HOME}/team/deep/file")


def test_bytes_of_the_workspace_survive_collecting_and_go_when_they_are_deleted(
    ann: WorkspaceClient, server: Server
) -> None:
    ann.workspace.mkdirs(f"{HOME}/kept")
    content = b"some quite unique bytes"
    ann.workspace.upload(f"{HOME}/kept/one", content, format=ImportFormat.RAW)
    before = _garbage(server)
    with server.client() as admin:
        admin.post("/api/2.0/modelyard/gc", json={"grace_hours": 0}).raise_for_status()
    assert ann.workspace.download(f"{HOME}/kept/one").read() == content
    assert _garbage(server) <= before
    before = _garbage(server)
    ann.workspace.delete(f"{HOME}/kept", recursive=True)
    assert _garbage(server) == before + 1


def _garbage(server: Server) -> int:
    """How many objects nobody names."""
    with server.client() as admin:
        told = admin.get("/api/2.0/modelyard/gc", params={"grace_hours": 0}).raise_for_status().json()
    return told["objects"] + told["waiting"]
