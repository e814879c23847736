"""`python -m benchmarks moving`: a registry's versions into the catalog, beside the stock client in a loop.

The peer does what `copy_model_version` does between registries: it downloads a version, and registers the folder. Ours
is the whole command, with the start of its process; the peer's clock starts once MLflow is imported.
"""

from __future__ import annotations

import os
import random
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path
from typing import Annotated, Any

import httpx
import typer

from benchmarks import machine
from benchmarks.servers import Server, admin_token, mlflow_server, modelyard_server

API = "/api/2.0/mlflow"
UNITY = "/api/2.1/unity-catalog"
MODEL = """\
flavors:
  python_function:
    loader_module: none
signature:
  inputs: '[{"type": "double", "name": "x", "required": true}]'
  outputs: '[{"type": "double", "required": true}]'
"""
STOCK = Path(__file__).with_name("stock.py")


@dataclass(frozen=True)
class Load:
    """So many versions of so many bytes each, besides the small files that every model has."""

    versions: int
    size: int

    @property
    def label(self) -> str:
        """What the table calls it."""
        return f"{self.versions} versions of {self.size >> 20} MiB" if self.size >= 1 << 20 else (
            f"{self.versions} versions of {self.size >> 10} KiB"
        )  # fmt: skip


def moving_command(
    rounds: Annotated[int, typer.Option(min=1, help="Trials of each, in turn; medians are quoted.")] = 3,
    small: Annotated[int, typer.Option(help="How many small versions.")] = 60,
    large: Annotated[int, typer.Option(help="How many versions of 64 MiB.")] = 6,
    jobs: Annotated[int, typer.Option(help="Versions that our command has under way at once.")] = 4,
) -> None:
    """Measure how fast versions come from MLflow's server into the catalog."""
    print("| load | modelyard upgrade apply | stock client in a loop | ratio |")
    print("| --- | ---: | ---: | ---: |")
    for load in (Load(small, 16 << 10), Load(large, 64 << 20)):
        with tempfile.TemporaryDirectory(prefix="benchmark-") as place:
            ours, theirs = _measure(Path(place), load, rounds, jobs)
        print(f"| {load.label} | {_rate(load, ours)} | {_rate(load, theirs)} | {theirs / ours:.1f} |", flush=True)
    print("\n" + ", ".join(f"{name} {fact}" for name, fact in machine.facts().items()))
    print("load before and after: " + ", ".join(f"{each:.1f}" for each in os.getloadavg()))


def _rate(load: Load, seconds: float) -> str:
    return f"{load.versions / seconds:.1f} versions/s, {load.versions * load.size / seconds / 1e6:.1f} MB/s"


def _measure(place: Path, load: Load, rounds: int, jobs: int) -> tuple[float, float]:
    """The median seconds of both, each round into a schema of its own."""
    data = place / "data"
    (place / "old").mkdir()
    with mlflow_server(place / "old") as old, modelyard_server(data) as new:
        _fill(old, place / "old" / "artifacts", load)
        ours, theirs = list[float](), list[float]()
        for number in range(rounds):
            _make_schemas(new, admin_token(data), f"a{number}", f"b{number}")
            ours.append(_ours(old, data, f"bench.a{number}", place / f"{number}.yaml", jobs))
            theirs.append(_theirs(old, new, admin_token(data), f"bench.b{number}.many"))
    return statistics.median(ours), statistics.median(theirs)


def _fill(old: Server, artifacts: Path, load: Load) -> None:
    """Versions with bytes of their own, put where the server keeps artifacts."""
    made = random.Random(7)
    with httpx.Client(base_url=old.address, timeout=60) as client:
        client.post(f"{API}/registered-models/create", json={"name": "many"}).raise_for_status()
        for _ in range(load.versions):
            run = client.post(f"{API}/runs/create", json={"experiment_id": "0", "start_time": 1}).raise_for_status()
            info: dict[str, Any] = run.json()["run"]["info"]
            folder = artifacts / info["artifact_uri"].removeprefix("mlflow-artifacts:/") / "model"
            folder.mkdir(parents=True)
            (folder / "MLmodel").write_text(MODEL)
            for name in ("conda.yaml", "python_env.yaml", "requirements.txt"):
                (folder / name).write_text("# nothing\n")
            (folder / "model.bin").write_bytes(made.randbytes(load.size))
            said = {"name": "many", "source": f"{info['artifact_uri']}/model", "run_id": info["run_id"]}
            client.post(f"{API}/model-versions/create", json=said).raise_for_status()


def _make_schemas(new: Server, token: str, *names: str) -> None:
    with httpx.Client(base_url=new.address, headers={"authorization": f"Bearer {token}"}, timeout=60) as client:
        client.post(f"{UNITY}/catalogs", json={"name": "bench"})  # it may be there
        for name in names:
            said = {"name": name, "catalog_name": "bench"}
            client.post(f"{UNITY}/schemas", json=said).raise_for_status()


def _ours(old: Server, data: Path, schema: str, plan: Path, jobs: int) -> float:
    """Seconds of `apply`; an old name stands for one model, so it is taken away again for the next round."""
    command = [sys.executable, "-m", "modelyard"]
    planning = ["upgrade", "plan", old.address, "--schema", schema, "--output", str(plan)]
    subprocess.run([*command, *planning], check=True, capture_output=True)
    began = time.perf_counter()
    applying = ["upgrade", "apply", str(plan), "--jobs", str(jobs), "--data", str(data)]
    subprocess.run([*command, *applying], check=True, capture_output=True)
    took = time.perf_counter() - began
    removing = ["legacy", "remove", "many", "--yes", "--data", str(data)]
    subprocess.run([*command, *removing], check=True, capture_output=True)
    shutil.rmtree(plan.with_name(plan.name + ".coming"), ignore_errors=True)
    return took


def _theirs(old: Server, new: Server, token: str, full_name: str) -> float:
    """Seconds of the loop, as it says them."""
    environment = {**os.environ, "DATABRICKS_HOST": new.address, "DATABRICKS_TOKEN": token}
    done = subprocess.run(
        [sys.executable, "-W", "ignore", str(STOCK), old.address, "many", full_name],
        env=environment, check=True, capture_output=True, text=True,
    )  # fmt: skip
    return float(done.stdout.splitlines()[-1])
