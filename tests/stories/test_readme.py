"""The README's shell commands, typed by a newcomer with an empty home folder."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.support import clean_environment

README = Path(__file__).parents[2] / "README.md"


def shell_blocks() -> list[str]:
    return re.findall(r"```sh\n(.*?)```", README.read_text(), re.DOTALL)


@pytest.fixture
def home(tmp_path: Path) -> Iterator[dict[str, str]]:
    """A newcomer's environment, with the server of the README running in it (on a free port)."""
    folder = Path(sys.executable).parent
    environment = clean_environment(HOME=str(tmp_path), MODELYARD_PORT="0", PATH=f"{folder}:{os.environ['PATH']}")
    with subprocess.Popen(["modelyard", "serve"], env=environment, start_new_session=True) as server:
        until = time.monotonic() + 20
        while not (tmp_path / ".modelyard" / "address").exists() and time.monotonic() < until:
            time.sleep(0.05)
        yield environment
        server.send_signal(signal.SIGTERM)


@pytest.mark.client("`modelyard` on the command line", "containers", "grants", "search", "principals")
def test_the_commands_of_the_readme_work_as_they_are_written(home: dict[str, str]) -> None:
    _demo, _test, serve, begin, share = shell_blocks()
    assert "modelyard serve" in serve
    begin = begin.replace(". .venv/bin/activate\n", "")  # the tests run in it already
    register = "modelyard models create staging.ml_team.fraud_detection\n"
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", begin + register + share],
        env=home, capture_output=True, text=True, timeout=120, check=False,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert re.search(r"^mypat_[0-9a-f]{64}$", done.stdout, re.MULTILINE)
