"""What processes take of the machine, with those that they have started."""

from __future__ import annotations

import os
import subprocess
import sys
import time

from modelyard.engines.usage import Usage

BUSY = "kept = b'x' * (100 << 20); print('ready', flush=True)\nwhile True: pass"
PARENT = f"import subprocess, sys; subprocess.run([sys.executable, '-c', {BUSY!r}])"


def test_a_child_counts_with_its_parent() -> None:
    process = subprocess.Popen([sys.executable, "-c", PARENT], stdout=subprocess.PIPE, start_new_session=True)
    assert process.stdout
    try:
        assert process.stdout.readline() == b"ready\n"
        usage = Usage(1 << 30)
        _, memory = usage.of("it", [process.pid])
        assert 9.5 < memory < 30  # of 1 GiB
        began = time.monotonic()
        time.sleep(1.5)
        processor, _ = usage.of("it", [process.pid])
        most = 100 / (os.cpu_count() or 1)
        assert 0.05 * most < processor <= 1.2 * most, time.monotonic() - began
        assert usage.of("it", [process.pid])[0] == processor  # a moment later
    finally:
        os.killpg(process.pid, 9)
        process.wait()
        process.stdout.close()


def test_who_is_gone_takes_nothing() -> None:
    assert Usage(0).of("it", [2**22 + 1]) == (0.0, 0.0)
    assert Usage(1 << 30).of("it", []) == (0.0, 0.0)
