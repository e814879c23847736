"""`modelyard demo` as a newcomer gives it, with a folder; and what it says to try next."""

from __future__ import annotations

import os
import re
import shlex
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.jobs import wait_for
from tests.support import clean_environment

TOLD = (
    "User does not have USE CATALOG on Catalog 'staging'.",
    "so it was rolled back",
    '"event_type":"jobs.on_success"',
    "its Standard Webhooks signature is right",
    "somebody else must look at it (four eyes)",
    "Champion is version 4 now",
    "(trigger MODEL). It published 143 rows",
)


def run(line: str, environment: dict[str, str], folder: Path) -> str:
    done = subprocess.run(
        shlex.split(line), env=environment, cwd=folder, capture_output=True, text=True, timeout=600, check=False
    )
    assert done.returncode == 0, done.stdout + done.stderr
    return done.stdout


def listens(address: Path, old: str, server: subprocess.Popen[bytes]) -> bool:
    assert server.poll() is None, "the server has ended"
    return address.exists() and address.read_text() != old


@pytest.mark.full
@pytest.mark.timeout(1_200)
def test_the_demo_tells_its_story_and_what_it_suggests_can_be_done(tmp_path: Path) -> None:
    folder = Path(sys.executable).parent
    environment = clean_environment(HOME=str(tmp_path), PATH=f"{folder}:{os.environ['PATH']}", MODELYARD_PORT="0")
    said = run("modelyard demo --data try-it", environment, tmp_path)
    for told in TOLD:
        assert told in said

    start, *looks = re.findall(r"^  (\S.* --data \S+)$", said, re.MULTILINE)
    assert len(looks) == 5
    address = tmp_path / "try-it" / "data" / "address"
    old = address.read_text() if address.exists() else ""
    with subprocess.Popen(["env", *shlex.split(start)], env=environment, start_new_session=True) as server:
        try:
            wait_for(lambda: listens(address, old, server))
            for look in looks:
                assert run(look, environment, tmp_path).strip(), look
        finally:
            server.send_signal(signal.SIGTERM)
