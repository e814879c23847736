"""What notebooks use besides Python: packages of the workspace, secrets, other notebooks, and files of volumes."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from typing import Any

import pytest
from databricks.sdk.service.catalog import VolumeType
from databricks.sdk.service.jobs import NotebookTask, SubmitTask
from databricks.sdk.service.workspace import ImportFormat, Language

from tests.jobs import SETTINGS, Client, ended, results, sdk
from tests.support import SCIM, Server
from tests.wheels import wheel

ANN = "ann@example.com"
HOME = f"/Users/{ANN}/helpers"
SCHEMA = "prod.ml_team"
VOLUME = "/Volumes/prod/ml_team/rows"
PASSWORD = "correct horse battery"

MAIN = """\
# Databricks notebook source
# MAGIC %pip install /Workspace/Users/ann@example.com/helpers/dist/tiny_helper-1.0-py3-none-any.whl

# COMMAND ----------

import tiny_helper
print(tiny_helper.ANSWER)

# COMMAND ----------

password = dbutils.secrets.get("fraud", "password")
print("the password is", password)
told = {"secret": len(password), "keys": [each.key for each in dbutils.secrets.list("fraud")]}

# COMMAND ----------

told["child"] = dbutils.notebook.run("./child", 300, {"day": "friday"})
try:
    dbutils.notebook.run("./child", 300, {"day": "sunday"})
except Exception as error:
    told["failed"] = str(error)

# COMMAND ----------

import os
from databricks.sdk import WorkspaceClient

volume = "/Volumes/prod/ml_team/rows"
dbutils.fs.cp(f"{volume}/in", "file:/tmp/in", recurse=True)
told["read"] = open("/tmp/in/a b.csv").read()
told["head"] = dbutils.fs.head(f"dbfs:{volume}/in/a b.csv", 3)
told["sdk"] = WorkspaceClient().files.download(f"{volume}/in/a b.csv").contents.read().decode()
dbutils.fs.put(f"{volume}/out/said.txt", "said", True)
dbutils.fs.cp("file:/tmp/in/a b.csv", f"{volume}/out")
dbutils.fs.mv(f"{volume}/out/a b.csv", f"{volume}/out/moved.csv")
told["listed"] = [[each.name, each.size] for each in dbutils.fs.ls(f"{volume}/out")]
told["removed"] = [dbutils.fs.rm(f"{volume}/in", True), dbutils.fs.rm(f"{volume}/in", True)]
for path in ("/Volumes/prod/ml_team/others/it", f"{volume}/none"):
    try:
        dbutils.fs.head(path)
    except Exception as error:
        told[path.split("/")[-1]] = f"{type(error).__name__}: {error}"

# COMMAND ----------

import json
dbutils.notebook.exit(json.dumps(told))
"""
CHILD = """\
# Databricks notebook source
dbutils.widgets.text("day", "monday")
day = dbutils.widgets.get("day")
assert day != "sunday", "nobody works on sundays"
dbutils.notebook.exit("it is " + day)
"""


@pytest.fixture(scope="module")
def server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Server]:
    made = Server(tmp_path_factory.mktemp("helpers") / "data", settings=SETTINGS).start()
    yield made
    made.stop()


@pytest.fixture(scope="module")
def ann(server: Server) -> Client:
    """Somebody who may run code, read one secret scope and use one volume, and no other."""
    token, admin = server.make_user(ANN), sdk(server)
    with server.client() as client:
        [found] = client.get(f"{SCIM}/Users", params={"filter": f'userName eq "{ANN}"'}).json()["Resources"]
        operation = {"op": "add", "path": "entitlements", "value": [{"value": "allow-cluster-create"}]}
        client.patch(f"{SCIM}/Users/{found['id']}", json={"Operations": [operation]}).raise_for_status()
    server.make_containers(SCHEMA)
    for name in ("rows", "others"):
        admin.volumes.create("prod", "ml_team", name, VolumeType.MANAGED)
    server.grant("catalog", "prod", ANN, "USE_CATALOG", "USE_SCHEMA")
    server.grant("volume", f"{SCHEMA}.rows", ANN, "READ_VOLUME", "WRITE_VOLUME")
    made = sdk(server, token)
    made.secrets.create_scope("fraud")
    made.secrets.put_secret("fraud", "password", string_value=PASSWORD)
    made.files.upload(f"{VOLUME}/in/a b.csv", io.BytesIO(b"a,b\n1,2\n"))
    made.workspace.mkdirs(f"{HOME}/dist")
    for name, source in (("main", MAIN), ("child", CHILD)):
        kind: dict[str, Any] = {"format": ImportFormat.SOURCE, "language": Language.PYTHON}
        made.workspace.upload(f"{HOME}/{name}", io.BytesIO(source.encode()), **kind)
    package = io.BytesIO(wheel("tiny_helper", "ANSWER = 'the helper is here'\n"))
    made.workspace.upload(f"{HOME}/dist/tiny_helper-1.0-py3-none-any.whl", package, format=ImportFormat.AUTO)
    return made


def test_a_notebook_installs_a_wheel_reads_secrets_runs_others_and_uses_volumes(ann: Client) -> None:
    task = SubmitTask(task_key="it", notebook_task=NotebookTask(f"{HOME}/main"))
    run: Any = ended(ann, ann.jobs.submit(run_name="helpers", tasks=[task]).run_id, 300)
    output = ann.jobs.get_run_output(run.tasks[0].run_id)
    assert results(run) == {"it": "SUCCESS"}, (output.error, output.error_trace)
    assert json.loads(output.notebook_output.result) == {
        "secret": len(PASSWORD),
        "keys": ["password"],
        "child": "it is friday",
        "failed": f"the notebook {HOME}/child failed: AssertionError: nobody works on sundays",
        "read": "a,b\n1,2\n",
        "head": "a,b",
        "sdk": "a,b\n1,2\n",
        "listed": [["moved.csv", 8], ["said.txt", 4]],
        "removed": [True, False],
        "it": "ServerSaysNo: User does not have READ VOLUME on Volume 'prod.ml_team.others'.",
        "none": "NotThere: " + json.loads(output.notebook_output.result)["none"].removeprefix("NotThere: "),
    }
    exported = ann.jobs.export_run(run.tasks[0].run_id).views[0].content
    assert "the helper is here" in exported
    assert "the password is [REDACTED]" in exported
    assert PASSWORD not in exported
