"""What MLflow's own client deletes comes back byte by byte, and loads."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path
from typing import Any

import pytest

from tests.support import Server

README = Path(__file__).parents[2] / "README.md"
MODEL = "staging.ml_team.fraud_detection"
TRASH = "/api/2.0/modelyard/trash"


def digests(folder: Path) -> dict[str, str]:
    """The SHA-256 of every file below a folder, by its path."""
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in folder.rglob("*")
        if path.is_file()
    }


def restore(server: Server) -> dict[str, Any]:
    """Put back the one thing that is in the trash."""
    with server.client() as admin:
        [entry] = admin.get(TRASH).raise_for_status().json()["trash"]
        return admin.post(f"{TRASH}/{entry['id']}/restore").raise_for_status().json()


@pytest.mark.client("MLflow 3.17.2, `databricks-uc`", "change", "load")
def test_what_mlflow_deletes_is_restored_byte_by_byte(
    server: Server, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    import mlflow  # noqa: PLC0415  only stories need MLflow
    from mlflow.exceptions import MlflowException  # noqa: PLC0415  as above

    server.make_containers("staging.ml_team")
    monkeypatch.chdir(tmp_path)
    for name, value in server.environment().items():
        monkeypatch.setenv(name, value)
    words: dict[str, Any] = {}
    exec(re.findall(r"```python\n(.*?)```", README.read_text(), re.DOTALL)[0], words)  # noqa: S102  the README is ours
    client = mlflow.MlflowClient()
    client.set_registered_model_alias(MODEL, "Champion", "1")

    def fetched(name: str) -> dict[str, str]:
        return digests(Path(mlflow.artifacts.download_artifacts(f"models:/{MODEL}/1", dst_path=str(tmp_path / name))))

    before = fetched("before")
    client.delete_model_version(MODEL, "1")
    with pytest.raises(MlflowException, match="has no version 1"):
        client.get_model_version(MODEL, "1")
    assert restore(server)["version"] == 1
    assert fetched("version") == before
    client.set_registered_model_alias(MODEL, "Champion", "1")

    client.delete_registered_model(MODEL)
    with pytest.raises(MlflowException, match="does not exist"):
        client.get_registered_model(MODEL)
    assert restore(server)["aliases"] == [{"alias": "Champion", "version": 1}]
    assert fetched("model") == before
    loaded = mlflow.pyfunc.load_model(f"models:/{MODEL}@Champion")
    assert (loaded.predict(words["features"]) == words["model"].predict(words["features"])).all()
