"""What tests of serving are made of: small models, the processes that answer for them, and people who ask."""

# ruff: noqa: ANN001, ANN201, ARG002  MLflow makes signatures of the annotations of `predict`, and gives what it gives

from __future__ import annotations

import contextlib
import ctypes
import http.client
import itertools
import json
import os
import sys
import threading
import time
import warnings
from collections import Counter
from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Self
from urllib.parse import urlsplit

import httpx
import mlflow
import numpy as np
import pandas as pd
import psutil
from mlflow.models import ModelSignature
from mlflow.pyfunc import PythonModel
from mlflow.types import ColSpec, Schema
from sklearn.linear_model import LinearRegression

from tests.faults.tale import file
from tests.support import LEGACY, Server

ENDPOINTS = "/api/2.0/serving-endpoints"
OURS = "/api/2.0/modelyard/serving-endpoints"
SCHEMA = "main.ml"
NUMBERS = ModelSignature(Schema([ColSpec("double", "x")]))
WORDS = ModelSignature(Schema([ColSpec("string", "do")]))
_JSON = {"Content-Type": "application/json"}


class Times(PythonModel):
    """Multiplies; it can be made slow, or wrong."""

    def __init__(self, factor: float, seconds: float = 0.0, *, raises: bool = False) -> None:
        self.factor = factor
        self.seconds = seconds
        self.raises = raises

    def predict(self, context, model_input, params=None):
        if self.raises:
            raise ValueError("this version is broken")
        time.sleep(self.seconds)
        return (model_input["x"] * self.factor).tolist()


class Speaker(PythonModel):
    """Streams."""

    def predict(self, context, model_input, params=None):
        return ["whole"]

    def predict_stream(self, context, model_input, params=None):
        for number in range(3):
            yield {"n": number}


class Naughty(PythonModel):
    """Does what the first row says."""

    def predict(self, context, model_input, params=None):
        asked = str(model_input["do"].iloc[0])
        if asked.startswith("echo "):
            return [asked]
        return getattr(self, asked)()

    def fail(self) -> None:
        raise ValueError("as asked")

    def hang(self) -> None:
        time.sleep(1000)

    def nap(self) -> list[str]:
        time.sleep(3)
        return ["slept"]

    def leave(self) -> None:
        os._exit(7)

    def crash(self) -> None:
        ctypes.string_at(0)

    def hoard(self) -> None:
        kept = self.__dict__.setdefault("kept", [])
        while True:  # asks for what it may have, and does not touch it: that would take long on some machines
            kept.append(np.empty(16 << 20, dtype=np.uint8))

    def shout(self) -> list[str]:
        print("quite a lot\n" * 10_000, flush=True)  # noqa: T201  what models do
        sys.stderr.write("and more\n")
        os.write(1, b"\x00\xff" * 1000)
        return ["shouted"]

    def fork(self) -> list[str]:
        if os.fork() == 0:
            return ["child"]
        return ["parent"]


def save_linear(folder: Path, factor: float) -> None:
    """Save a regression that multiplies `x`: a flavor that answers row by row."""
    table = pd.DataFrame({"x": [0.0, 1.0, 2.0]})
    model = LinearRegression(fit_intercept=False).fit(table, table["x"] * factor)
    with _quiet():
        mlflow.sklearn.save_model(
            model, folder, signature=NUMBERS, serialization_format="cloudpickle", pip_requirements=[]
        )


def save_python(
    folder: Path, model: PythonModel, signature: ModelSignature | None = NUMBERS, *requirements: str
) -> None:
    """Save a model of its own kind, with its class inside."""
    import cloudpickle  # noqa: PLC0415  only here

    module = sys.modules[type(model).__module__]
    cloudpickle.register_pickle_by_value(module)  # the process that loads it does not have the tests
    try:
        with _quiet():
            said: dict[str, Any] = {"signature": signature, "pip_requirements": list(requirements)}
            mlflow.pyfunc.save_model(folder, python_model=model, **said)
    finally:
        cloudpickle.unregister_pickle_by_value(module)


@contextlib.contextmanager
def _quiet() -> Iterator[None]:
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # MLflow recommends this and that
        yield


def register(server: Server, name: str, folder: Path) -> int:
    """Register a folder as a version of a model below `SCHEMA`; its number. Also without a signature."""
    model = f"{SCHEMA}.{name}"
    with server.client() as client:
        client.post(f"{LEGACY}/registered-models/create", json={"name": model})  # it may be there
        told = {"name": model, "source": "a test"}
        made = client.post(f"{LEGACY}/model-versions/create", json=told).raise_for_status().json()
        number = int(made["model_version"]["version"])
        for path in sorted(each for each in folder.rglob("*") if each.is_file()):
            where = file(model, number, str(path.relative_to(folder)))
            client.put(where, content=path.read_bytes(), params={"overwrite": "true"}).raise_for_status()
        told = {"name": model, "version": str(number)}
        client.post(f"{LEGACY}/model-versions/finalize", json=told).raise_for_status()
    return number


def entity(model: str, version: int | str, name: str = "", **more: object) -> dict[str, Any]:
    """A served entity as clients say it."""
    told = {"entity_name": f"{SCHEMA}.{model}", "entity_version": str(version), "workload_size": "Small", **more}
    return {**told, "name": name} if name else told


def shares(**percentages: int) -> dict[str, Any]:
    """A traffic config; underscores stand for dashes."""
    routes = [
        {"served_entity_name": name.replace("_", "-"), "traffic_percentage": share}
        for name, share in percentages.items()
    ]
    return {"routes": routes}


def make(server: Server, name: str, *entities: dict[str, Any], **config: object) -> dict[str, Any]:
    """Make an endpoint, and wait until it serves."""
    with server.client() as client:
        told = {"name": name, "config": {"served_entities": list(entities), **config}}
        client.post(ENDPOINTS, json=told).raise_for_status()
    return settled(server, name)


def change(server: Server, name: str, **config: object) -> dict[str, Any]:
    """Change an endpoint's config, and wait until it serves or failed."""
    with server.client() as client:
        client.put(f"{ENDPOINTS}/{name}/config", json=config).raise_for_status()
    return settled(server, name)


def settled(server: Server, name: str, seconds: float = 120) -> dict[str, Any]:
    """An endpoint once no update is under way."""
    until = time.monotonic() + seconds
    with server.client() as client:
        while True:
            found = client.get(f"{ENDPOINTS}/{name}").raise_for_status().json()
            if found["state"]["config_update"] != "IN_PROGRESS":
                return found
            assert time.monotonic() < until, found
            time.sleep(0.1)


def drop(server: Server, *names: str) -> None:
    """Delete endpoints."""
    with server.client() as client:
        for name in names:
            client.delete(f"{ENDPOINTS}/{name}").raise_for_status()


def wait_for(holds: Callable[[], Any], seconds: float = 60) -> Any:  # noqa: ANN401  whatever holds
    """Wait until something holds; that."""
    until = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)
    return found


def invocations(name: str, served: str = "") -> str:
    """The path where predictions are asked for."""
    middle = f"/served-models/{served}" if served else ""
    return f"/serving-endpoints/{name}{middle}/invocations"


def numbers(*values: float, **more: object) -> dict[str, Any]:
    """A question to a model that multiplies."""
    return {"dataframe_split": {"columns": ["x"], "data": [[value] for value in values]}, **more}


def words(do: str) -> dict[str, Any]:
    """A question to a naughty model."""
    return {"dataframe_split": {"columns": ["do"], "data": [[do]]}}


def ask(client: httpx.Client, name: str, said: object, served: str = "", **headers: str) -> httpx.Response:
    """Ask an endpoint, whatever it answers."""
    sent = {key.replace("_", "-"): value for key, value in headers.items()}
    return client.post(invocations(name, served), json=said, headers=sent)


def scorers(server: Server) -> set[int]:
    """The processes below a server's own that answer for models."""
    found: set[int] = set()
    for child in psutil.Process(server.pid).children(recursive=True):
        with contextlib.suppress(psutil.Error):
            line = child.cmdline()
            if "--model" in line and "python" in Path(line[0]).name:
                found.add(child.pid)
    return found


@dataclass
class Heard:
    """One answer under load."""

    at: float
    seconds: float
    status: int
    served: str
    asked: float
    body: bytes

    @property
    def factor(self) -> float:
        """By what the answer multiplied."""
        return json.loads(self.body)["predictions"][0] / self.asked


@dataclass
class Load:
    """People who ask an endpoint one thing after another over connections that stay open, none of them twice.

    They stop at the end of the `with` block, and after so many questions or seconds at the latest.
    """

    server: Server
    name: str
    people: int = 4
    most: int = 20_000
    seconds: float = 120
    token: str = ""
    heard: list[Heard] = field(default_factory=list)
    broken: list[str] = field(default_factory=list)
    _over: threading.Event = field(default_factory=threading.Event)
    _threads: list[threading.Thread] = field(default_factory=list)

    def __enter__(self) -> Self:
        self._numbers = itertools.count(1)
        self._until = time.monotonic() + self.seconds
        self._threads = [threading.Thread(target=self._ask, daemon=True) for _ in range(self.people)]
        for thread in self._threads:
            thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._over.set()
        self.wait()

    def wait(self) -> None:
        """Until all that was to be asked is answered."""
        for thread in self._threads:
            thread.join(120)
            assert not thread.is_alive(), "somebody was never answered"

    def go_on(self, count: int = 50, seconds: float = 60) -> None:
        """Wait for so many more answers."""
        wanted = len(self.heard) + count
        wait_for(lambda: len(self.heard) >= wanted, seconds)

    @property
    def bad(self) -> list[Any]:
        """What went wrong: connections that broke, and answers other than 200."""
        assert self.heard or self.broken, "nobody was answered"
        return [*self.broken, *((each.status, each.body[:300]) for each in self.heard if each.status != 200)]

    @property
    def served(self) -> Counter[str]:
        """How many answers each served entity gave."""
        return Counter(each.served for each in self.heard)

    @property
    def slowest(self) -> float:
        """How many seconds the slowest answer took."""
        return max(each.seconds for each in self.heard)

    def _ask(self) -> None:
        place = urlsplit(self.server.url)
        connection = http.client.HTTPConnection(place.hostname or "", place.port, timeout=100)
        headers = {**_JSON, "Authorization": f"Bearer {self.token or self.server.token}"}
        while not self._over.is_set() and time.monotonic() < self._until:
            if (number := next(self._numbers)) > self.most:
                break
            try:
                self._ask_once(connection, headers, float(number))
            except (OSError, http.client.HTTPException) as error:
                self.broken.append(repr(error))
                connection.close()
        connection.close()

    def _ask_once(self, connection: http.client.HTTPConnection, headers: dict[str, str], number: float) -> None:
        begun = time.monotonic()
        connection.request("POST", invocations(self.name), json.dumps(numbers(number)), headers)
        answer = connection.getresponse()
        body, served = answer.read(), answer.headers.get("Served-Model-Name", "")
        now = time.monotonic()
        self.heard.append(Heard(now, now - begun, answer.status, served, number, body))
