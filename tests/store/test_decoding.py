"""Rows are decoded by many threads at once, also the first ones: msgspec crashed on types that it met only then."""

from __future__ import annotations

import subprocess
import sys

import pytest

PROGRAM = """
import sys, threading
sys.setswitchinterval(1e-6)
import msgspec
from modelyard.domain.jobs.runs import Run, TaskRun
from modelyard.domain.jobs.settings import Settings
from modelyard.store.runs import READ_RUN, READ_TASK

run = msgspec.json.encode(Run(id=1, job=2, owner_id="o", settings=Settings(raw={})))
task = msgspec.json.encode(TaskRun(1, "a"))
together = threading.Barrier(8)

def decode():
    together.wait()
    for _ in range(20):
        READ_RUN.decode(run)
        READ_TASK.decode(task)

threads = [threading.Thread(target=decode) for _ in range(8)]
for thread in threads:
    thread.start()
for thread in threads:
    thread.join()
"""


@pytest.mark.parametrize("_time", range(4))
def test_threads_that_are_the_first_to_decode_a_run_do_not_crash_the_process(_time: int) -> None:
    assert subprocess.run([sys.executable, "-c", PROGRAM], check=False).returncode == 0
