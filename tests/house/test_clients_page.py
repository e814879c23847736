from __future__ import annotations

import subprocess
import sys
from pathlib import Path

from tests.house import clients_page
from tests.support import clean_environment


def test_the_page_of_clients_says_what_the_tests_see() -> None:
    """Every marked test passes in this run, or the run fails: so what they say together is what the page must say."""
    command = [sys.executable, "-m", "tests.house.clients_page", "--expected"]
    root = Path(clients_page.__file__).parents[2]
    asked = subprocess.run(command, cwd=root, check=True, capture_output=True, text=True, env=clean_environment())
    assert asked.stdout.endswith(clients_page.PAGE.read_text()), "run `make clients`"
