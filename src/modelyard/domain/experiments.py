"""Experiments: their names, what may stand for them, and where the artifacts of their runs and models are.

MLflow's own server keeps runs, logged models and traces, each in one experiment for good. Who may do what is decided on
that experiment, whichever of them a request names.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from modelyard.domain import names
from modelyard.domain.files import inner
from modelyard.errors import Invalid, NotFound

PREFIX: Final = "experiments/"
"""What the full names of experiments begin with; the number that MLflow's server gave it follows."""
UNBOUND: Final = "experiments/~"
"""What that of an experiment begins with which that server is yet to make."""
ROOT: Final = "/WorkspaceInternal/Mlflow/Artifacts"
"""Where clients of the Files API look for artifacts: `<ROOT>/<experiment>/Runs/<run>/…` or `…/LoggedModels/<id>/…`."""
LOCATION: Final = "dbfs:/databricks/mlflow-tracking"
"""What MLflow's server keeps as the place of artifacts, as clients of Databricks expect it."""
TAG: Final = "modelyard.experiment"
"""The tag by which an experiment there is known to be one of ours."""
RESERVED: Final = "modelyard."
"""No client sets tags of experiments that begin so."""
MAX_NAME: Final = 500
NOBODYS: Final = "0"
"""What clients call the experiment to use where they name none: here each principal has one of its own."""

_NUMBER: Final = re.compile(r"[0-9]{1,20}\Z", re.ASCII)
_ID: Final = re.compile(r"[A-Za-z0-9_\-]{1,100}\Z", re.ASCII)
_RUNS, _MODELS = "Runs", "LoggedModels"


class Part(StrEnum):
    """What may stand for the experiment that it is in; the value begins its reference."""

    EXPERIMENT = "experiments"
    RUN = "runs"
    MODEL = "logged-models"
    TRACE = "traces"

    def path(self, id_: str) -> str:
        """The reference to one of an id; `NotFound` for what can be no id."""
        allowed = _NUMBER if self is Part.EXPERIMENT else _ID
        if not allowed.match(id_):
            raise NotFound(f"{_NOUNS[self]} '{shown(id_)}' does not exist.")
        return f"{self.value}/{id_}"


_NOUNS: Final = {Part.EXPERIMENT: "Experiment", Part.RUN: "Run", Part.MODEL: "Logged model", Part.TRACE: "Trace"}


@dataclass(frozen=True, slots=True)
class Experiment:
    """An experiment: `number` is its id on MLflow's server, empty until it was made there.

    `manifest_id` and `store_id` say where its artifacts are named, and where new ones are kept.
    """

    id: str
    name: str
    number: str
    manifest_id: str
    store_id: str
    owner_id: str


@dataclass(frozen=True, slots=True)
class Artifact:
    """Where a path of the Files API points: an experiment, and a path among its artifacts (`""` is their root)."""

    experiment: str
    path: str

    def __str__(self) -> str:
        """The absolute path, as clients know it."""
        return f"{ROOT}/{self.experiment}/{_RUNS}/{self.path}" if self.path else f"{ROOT}/{self.experiment}"


def name(text: str) -> str:
    """A valid name of an experiment, as written."""
    if not text.strip() or len(text) > MAX_NAME or len(text.encode("utf-8", "replace")) > names.MAX_BYTES:
        raise Invalid(f"an experiment's name has 1 to {MAX_NAME} characters, and not only blanks.")
    return names.text(text, "experiment's name")


def home(principal: str) -> str:
    """The name of the experiment of a principal that names none."""
    return f"/Users/{principal}/Default"


def of_job(principal: str, job: str) -> str:
    """The name of the experiment of what a job logs that names none, as whoever it runs as."""
    return f"/Users/{principal}/Jobs/{job}"[:MAX_NAME]


def tag_key(key: str) -> str:
    """A tag's key that clients may set on an experiment."""
    if key.startswith(RESERVED):
        raise Invalid(f"tags that begin with {RESERVED} are the server's own.")
    return key


def is_artifact(path: str) -> bool:
    """Whether a path of the Files API is about artifacts, and not about models."""
    return path.strip("/").startswith(ROOT.strip("/") + "/")


def artifact(path: str) -> Artifact:
    """Read an absolute path of the Files API, decoded once; `NotFound` for what is nowhere, `Invalid` for a trick."""
    rest = path.strip("/").removeprefix(ROOT.strip("/")).strip("/").split("/")
    if not is_artifact(path) or not _NUMBER.match(rest[0]) or (len(rest) > 1 and rest[1] not in {_RUNS, _MODELS}):
        raise NotFound("No such file or directory.")
    inside = rest[2:]
    if len(rest) > 1 and rest[1] == _MODELS:
        inside = ["models", *inside]
    return Artifact(rest[0], inner("/".join(inside)))


def proxied(path: str) -> Artifact:
    """Read a path `<experiment>/<path>` of MLflow's own service of artifacts, decoded once."""
    number, _, rest = path.strip("/").partition("/")
    if not _NUMBER.match(number):
        raise NotFound("No such file or directory.")
    return Artifact(number, inner(rest.strip("/")))


def of_run(number: str, run: str, path: str) -> Artifact:
    """An artifact of a run."""
    return Artifact(number, inner("/".join(part for part in (run, "artifacts", path.strip("/")) if part)))


def of_model(number: str, model: str, path: str) -> Artifact:
    """An artifact of a logged model."""
    return Artifact(number, inner("/".join(part for part in ("models", model, "artifacts", path.strip("/")) if part)))


def source_of(source: str, run_id: str, model_id: str) -> tuple[str, ...]:
    """The references that a registered version's source, run and logged model are to things that may be ours."""
    scheme, _, rest = source.partition(":/")
    first = rest.strip("/").partition("/")[0]
    found = [Part.RUN.value + "/" + run_id] if _ID.match(run_id) else []
    if _ID.match(model_id):
        found.append(Part.MODEL.value + "/" + model_id)
    if scheme == "runs" and _ID.match(first):
        found.append(Part.RUN.value + "/" + first)
    if scheme == "models" and first.startswith("m-") and _ID.match(first):
        found.append(Part.MODEL.value + "/" + first)
    return tuple(dict.fromkeys(found))


def shown(text: str) -> str:
    """What an error repeats of an id."""
    return "".join(letter if letter.isprintable() else "�" for letter in text[:60])
