"""How long Modelyard takes to look into the files of a version, and to put versions into the trash and back.

MLflow's server does neither, so nothing stands beside; what is quoted are medians over `rounds`.
"""

import json
import pickle
import statistics
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
from sklearn.ensemble import RandomForestClassifier  # pyright: ignore[reportMissingTypeStubs]  there are none

from benchmarks import names, prepare, servers
from benchmarks.report import Table

OURS = "/api/2.0/modelyard"
UNITY_CATALOG = "/api/2.0/mlflow/unity-catalog"
VERSIONS = 1_000
"""Of the model that is deleted and restored."""


def measure(folder: Path, rounds: int, tell: Callable[[str], None]) -> Table:
    """Finalize versions of different files, then delete and restore a model of many versions."""
    with servers.modelyard_server(folder / "data") as server:
        administrator = prepare.Caller(server.address, servers.admin_token(folder / "data"))
        administrator.open_catalog()
        rows = [_scanned(administrator, what, content, rounds, tell) for what, content in _files(tell).items()]
        rows += _trashed(administrator, rounds, tell)
    return Table("Looking into files, and the trash", ("what", "median", "slowest"), tuple(rows))


def _files(tell: Callable[[str], None]) -> dict[str, dict[str, bytes]]:
    tell("training a large forest")
    dice = np.random.default_rng(7)
    forest = RandomForestClassifier(12, n_jobs=2, random_state=7)
    forest.fit(dice.random((50_000, 20)), dice.integers(0, 2, 50_000))  # pyright: ignore[reportUnknownMemberType]  as above
    pickled = pickle.dumps(forest)
    header = json.dumps({"weights": {"dtype": "U8", "shape": [1 << 29], "data_offsets": [0, 1 << 29]}}).encode()
    tensors = len(header).to_bytes(8, "little") + header + bytes(1 << 29)
    return {
        "finalize `MLmodel` alone": {},
        f"finalize a forest pickled to {len(pickled) >> 20} MiB": {"model.pkl": pickled},
        "finalize safetensors of 512 MiB": {"model.safetensors": tensors},
    }


def _scanned(
    administrator: prepare.Caller, what: str, content: dict[str, bytes], rounds: int, tell: Callable[[str], None]
) -> tuple[str, ...]:
    tell(what)
    model = f"{names.CATALOG}.{names.SCHEMA}.scanned{len(what)}"
    administrator.call("POST", f"{UNITY_CATALOG}/registered-models/create", {"name": model})
    seconds: list[float] = []
    for _ in range(rounds + 1):
        version = administrator.pending_version(model)
        for path, data in content.items():
            administrator.put_bytes(names.file_path(model, version, path), data)
        said = {"name": model, "version": version}
        seconds.append(_timed(lambda: administrator.call("POST", f"{UNITY_CATALOG}/model-versions/finalize", said)))  # noqa: B023  called at once
    return _row(what, seconds[1:])  # the first one has started the scanner


def _trashed(administrator: prepare.Caller, rounds: int, tell: Callable[[str], None]) -> list[tuple[str, ...]]:
    tell(f"making {VERSIONS} versions")
    model = f"{names.CATALOG}.{names.SCHEMA}.trashed"
    administrator.call("POST", f"{UNITY_CATALOG}/registered-models/create", {"name": model})
    for _ in range(VERSIONS):
        version = administrator.pending_version(model)
        administrator.call("POST", f"{UNITY_CATALOG}/model-versions/finalize", {"name": model, "version": version})
    gone: list[float] = []
    back: list[float] = []
    for number in range(rounds):
        tell(f"trash, round {number + 1}")
        gone.append(
            _timed(lambda: administrator.call("DELETE", f"{UNITY_CATALOG}/registered-models/delete", {"name": model}))
        )
        entry = administrator.call("GET", f"{OURS}/trash")["trash"][0]["id"]
        back.append(_timed(lambda: administrator.call("POST", f"{OURS}/trash/{entry}/restore")))  # noqa: B023  as above
    return [_row(f"delete a model of {VERSIONS:,} versions", gone), _row("restore it", back)]


def _timed(work: Callable[[], Any]) -> float:
    began = time.perf_counter()
    work()
    return time.perf_counter() - began


def _row(what: str, seconds: list[float]) -> tuple[str, ...]:
    return what, f"{statistics.median(seconds) * 1000:.1f} ms", f"{max(seconds) * 1000:.1f} ms"
