"""The scorer as one file: it runs where nothing of Modelyard is installed, and says so when a model does not load."""

from __future__ import annotations

import json
import os
import socket
import subprocess
import sys
import sysconfig
from collections.abc import Callable
from pathlib import Path

import pytest

from modelyard.scorer.__main__ import CANNOT_LOAD
from modelyard.scorer.bundle import bundle
from tests.scorer.client import Connection, predict, split
from tests.scorer.models import DOUBLES

# Without `site`, whose files say where Modelyard is, there is nothing but MLflow and what it needs.
PLAIN = """
import runpy, sys
sys.path.append(sys.argv.pop(1))
sys.argv.pop(0)
sys.path.insert(0, sys.argv[0])
try:
    runpy.run_path(sys.argv[0], run_name="__main__")
finally:
    ours = [name for name in sys.modules if name.startswith("modelyard")]
    assert all(sys.argv[0] in sys.modules[name].__file__ for name in ours), ours
    print(sorted(ours))
"""


@pytest.fixture(scope="module")
def archive(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("bundle") / "scorer.pyz"
    bundle(path)
    return path


@pytest.fixture
def start(archive: Path, tmp_path: Path) -> Callable[..., subprocess.Popen[bytes]]:
    """Starts the file on a socket, in an empty environment."""

    def starting(model: Path, *more: str) -> subprocess.Popen[bytes]:
        listening = socket.socket(socket.AF_UNIX)
        with listening:
            listening.bind(str(tmp_path / "s"))
            listening.listen()
            number = str(listening.fileno())
            plain = ["-I", "-S", "-c", PLAIN, sysconfig.get_path("purelib"), str(archive)]
            return subprocess.Popen(
                [sys.executable, *plain, "--model", str(model), "--listen", number, *more],
                pass_fds=(listening.fileno(),),
                env={"PATH": os.defpath},
                cwd=tmp_path,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
            )

    return starting


def test_equal_sources_make_equal_files(archive: Path, tmp_path: Path) -> None:
    again = tmp_path / "scorer.pyz"
    again.write_bytes(b"older")
    bundle(again)
    assert again.read_bytes() == archive.read_bytes()
    assert [path.name for path in tmp_path.iterdir()] == ["scorer.pyz"]


def test_it_answers_without_modelyard(
    start: Callable[..., subprocess.Popen[bytes]], folder: Path, tmp_path: Path
) -> None:
    with start(folder / "linear", "--row-wise", "no", "--timeout", "20") as process:
        connection = Connection(str(tmp_path / "s"))
        with connection.stream:
            hello = json.loads(connection.receive().body)
            assert (hello["row_wise"], hello["pid"]) == (False, process.pid)
            connection.send(predict(3, split(DOUBLES, [1.0, 2.0, 3.0])))
            (value,) = connection.answers(1)[3].json["predictions"]
            assert value == pytest.approx(6.0)
        process.kill()


def test_a_model_that_cannot_be_loaded_has_a_status_of_its_own(
    start: Callable[..., subprocess.Popen[bytes]], tmp_path: Path
) -> None:
    with start(tmp_path / "nowhere") as process:
        said, told = process.communicate(timeout=60)
    assert process.returncode == CANNOT_LOAD == 3
    assert told.decode().splitlines()[-1].startswith("The model cannot be loaded: ")
    assert b"modelyard.scorer.loop" in said  # all of ours came out of the file: see PLAIN
