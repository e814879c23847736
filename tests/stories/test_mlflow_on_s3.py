"""MLflow 2.8, the first that copies versions, does the main job on S3 with temporary credentials.

It knows no Files API: it takes credentials of the store for one folder at a time, and opens the folder by itself.
"""

from __future__ import annotations

import json
import shutil
import socket
import subprocess
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from modelyard.store.sts import policy
from tests.object_stores import await_port
from tests.stories.test_oldest_mlflow import STORY
from tests.support import LEGACY, Server, clean_environment

PYTHON = Path(sys.prefix) / "mlflow-2.8" / "bin" / "python"
ROLE = "arn:aws:iam::123456789012:role/models"
CREDENTIALS = {"access_key_id": "AKIAMODELYARDTESTS00", "secret_access_key": "a-secret-of-ordinary-length"}
OLD, NEW = {"User-Agent": "mlflow-python-client/2.8.1"}, {"User-Agent": "mlflow-python-client/3.5.0"}


@pytest.fixture(scope="session")
def aws(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """S3 and STS on loopback; the URL of both."""
    program = shutil.which("moto_server", path=str(Path(sys.executable).parent))
    assert program is not None, "moto is one of the development requirements"
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    with (tmp_path_factory.mktemp("aws") / "log").open("wb") as log:
        process = subprocess.Popen(
            [program, "-H", "127.0.0.1", "-p", str(port)], stdout=log, stderr=log, env=clean_environment()
        )
    await_port(port)
    url = f"http://127.0.0.1:{port}"
    s3(url).create_bucket(Bucket="models")
    yield url
    process.terminate()
    process.wait(10)


def s3(url: str) -> Any:  # noqa: ANN401  boto3 has no types
    secret = {"aws_access_key_id": "x", "aws_secret_access_key": "x"}
    return boto3.client("s3", endpoint_url=url, region_name="us-east-1", **secret)


def keys(url: str, prefix: str) -> list[str]:
    found = s3(url).list_objects_v2(Bucket="models", Prefix=prefix)
    return [each["Key"] for each in found.get("Contents", [])]


@pytest.fixture
def server(start_server: Callable[..., Server], aws: str, tmp_path: Path, database: str) -> Server:
    """A server with a place of its own in the bucket."""
    place = f"s3://models/{tmp_path.name}"
    options = {"endpoint": aws, "region": "us-east-1", "allow_http": "true", **CREDENTIALS}
    told = {"storage": place, "storage_options": json.dumps({place: options})}
    return start_server(database, sts_role=ROLE, sts_endpoint=aws, **told)


@pytest.mark.client("MLflow 2.8.1, `databricks-uc` on S3", "register", "promote", "aliases", "load", "tags", "search")
def test_mlflow_of_2023_registers_promotes_and_loads_on_s3(server: Server, aws: str, tmp_path: Path) -> None:
    assert PYTHON.exists(), "`make test` makes this environment"
    server.make_containers("staging.ml_team", "prod.ml_team")
    environment = clean_environment(
        **server.environment(),
        MLFLOW_S3_ENDPOINT_URL=aws,
        AWS_DEFAULT_REGION="us-east-1",
        AWS_EC2_METADATA_DISABLED="1",
    )
    environment.pop("PYTHONPATH", None)
    command = [PYTHON, "-W", "ignore", STORY]
    done = subprocess.run(command, cwd=tmp_path, env=environment, check=False, capture_output=True, text=True)
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout.splitlines()[-1]) == {
        "version": "2.8.1",
        "predicted": [0.5, 1.0],
        "tags": {"stage": "checked"},
        "listed": ["prod.ml_team.half", "staging.ml_team.half"],
    }
    assert keys(aws, f"{tmp_path.name}/brought/") == []


def test_only_old_clients_get_credentials_and_only_with_leave(server: Server) -> None:
    server.make_containers("dev.team")
    stranger = server.make_user("stranger@example.com")
    one = {"name": "dev.team.model", "version": "1"}
    ask = f"{LEGACY}/model-versions/generate-temporary-credentials"
    writing = {**one, "operation": "MODEL_VERSION_OPERATION_READ_WRITE"}
    with server.client() as admin, server.client(stranger) as nobody:
        admin.post(f"{LEGACY}/registered-models/create", json={"name": one["name"]}).raise_for_status()
        said = {"name": one["name"], "source": "test"}
        made = admin.post(f"{LEGACY}/model-versions/create", json=said, headers=OLD).json()["model_version"]
        assert made["storage_location"].startswith("s3://models/")
        given = admin.post(ask, json=writing, headers=OLD).json()["credentials"]
        assert set(given["aws_temp_credentials"]) == {"access_key_id", "secret_access_key", "session_token"}
        assert "aws_temp_credentials" not in admin.post(ask, json=writing, headers=NEW).json()["credentials"]
        for operation in ("MODEL_VERSION_OPERATION_READ_WRITE", "MODEL_VERSION_OPERATION_READ"):
            refused = nobody.post(ask, json={**one, "operation": operation}, headers=OLD)
            assert (refused.status_code, refused.json()["error_code"]) == (403, "PERMISSION_DENIED")


def test_credentials_are_for_one_folder_and_either_for_reading_or_for_writing() -> None:
    reading = policy("s3://models/our/lent/0a", write=False)
    writing = policy("s3://models/our/brought/0a", write=True)
    assert reading["Statement"] == [
        {"Effect": "Allow", "Action": "s3:GetBucketLocation", "Resource": "arn:aws:s3:::models"},
        {"Effect": "Allow", "Action": ("s3:GetObject",), "Resource": "arn:aws:s3:::models/our/lent/0a/*"},
        {
            "Effect": "Allow",
            "Action": "s3:ListBucket",
            "Resource": "arn:aws:s3:::models",
            "Condition": {"StringLike": {"s3:prefix": ["our/lent/0a/*"]}},
        },
    ]
    assert writing["Statement"] == [
        {"Effect": "Allow", "Action": "s3:GetBucketLocation", "Resource": "arn:aws:s3:::models"},
        {
            "Effect": "Allow",
            "Action": ("s3:PutObject", "s3:AbortMultipartUpload"),
            "Resource": "arn:aws:s3:::models/our/brought/0a/*",
        },
    ]
