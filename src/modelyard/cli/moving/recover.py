"""Recovers the signature of a model from its saved input example: the model is loaded, and asked, in a child process.

A model's code runs there as whoever runs the command, so nobody does it unasked. The child has a stripped environment
without any token, a home of its own, and little time.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Final

from modelyard.errors import Failure
from modelyard.upgrade.moving.inventory import MAX_MODEL_FILE, lacks_signature
from modelyard.upgrade.moving.registry import MODEL_FILE

if TYPE_CHECKING:
    from collections.abc import Mapping

TAG: Final = ("signature", "recovered")
"""What marks a version whose signature nobody declared."""
_SECONDS: Final = 600
_KEPT: Final = ("PATH", "LANG", "LC_ALL", "TMPDIR", "LD_LIBRARY_PATH")
_CHILD: Final = """\
import sys, warnings
warnings.simplefilter("ignore")
import mlflow
from mlflow.models import Model, infer_signature
folder = sys.argv[1]
told = Model.load(folder)
example = told.load_input_example(folder)
if example is None:
    raise SystemExit("it has no input example that can be read")
told.signature = infer_signature(example, mlflow.pyfunc.load_model(folder).predict(example))
told.save(folder + "/MLmodel")
"""


def can_be_recovered(files: Mapping[str, Path]) -> bool:
    """Whether a model lacks a signature, and has an input example; files are by their paths inside it."""
    with files[MODEL_FILE].open("rb") as file:
        return lacks_signature(file.read(MAX_MODEL_FILE))


def recovered(files: Mapping[str, Path], folder: Path) -> Path:
    """An `MLmodel` with the signature that the model shows; `Failure` says why there is none."""
    whole = folder / "whole"
    for path, at in files.items():
        (whole / path).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(at, whole / path)
    kept = {name: os.environ[name] for name in _KEPT if name in os.environ}
    home = folder / "home"
    home.mkdir()
    try:
        done = subprocess.run(  # noqa: S603  this Python, and a folder of ours
            [sys.executable, "-I", "-c", _CHILD, str(whole)],
            env={**kept, "HOME": str(home)}, cwd=home, capture_output=True, timeout=_SECONDS, check=False,
        )  # fmt: skip
    except subprocess.TimeoutExpired:
        raise Failure(f"its signature could not be recovered: the model took more than {_SECONDS} seconds") from None
    if done.returncode:
        said = done.stderr.decode(errors="replace").strip().splitlines()
        raise Failure(f"its signature could not be recovered: {said[-1][:300] if said else 'the model ended'}")
    return whole / MODEL_FILE
