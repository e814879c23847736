"""`docs/clients.md`, made by the tests: `python -m tests.house.clients_page` runs those that are marked, and writes it.

A test says `@pytest.mark.client(name, *what)`: this client was seen to do that. A cell is "yes" where every such test
passed on every database it ran on, and "no" where one failed.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from pathlib import Path

import pytest

PAGE = Path(__file__).parents[2] / "docs" / "clients.md"
CAPABILITIES = {
    "containers": "catalogs, schemas",
    "register": "register",
    "promote": "promote (copy)",
    "aliases": "aliases",
    "load": "load, download",
    "tags": "tags",
    "search": "search, list",
    "change": "change, rename, delete",
    "prompts": "prompts",
    "grants": "grants",
    "principals": "principals, tokens",
    "machine login": "OAuth M2M login",
    "secrets": "secrets",
    "serving": "model serving",
    "track": "runs, experiments",
    "autolog": "autologging",
    "artifacts": "artifacts of runs",
    "log models": "logged models",
    "traces": "traces",
    "jobs": "jobs, runs",
    "volumes": "volumes",
    "files of volumes": "files of volumes",
    "published outputs": "published outputs",
}
_HEAD = """# Clients

What each client was seen to do, unchanged, against a real server on SQLite and on PostgreSQL. This page is written by
the tests that saw it (`make clients`); a blank cell is something that the client does not have, or that no test of ours
has seen it do.

"""


class Seen:
    """A plugin of pytest that notes which marked tests there are, and which of them failed."""

    def __init__(self) -> None:
        self._cells: dict[str, set[tuple[str, str]]] = {}
        self.failed: set[str] = set()

    def pytest_collection_modifyitems(self, items: list[pytest.Item]) -> None:
        for item in items:
            for mark in item.iter_markers("client"):
                name, *what = mark.args
                assert set(what) <= CAPABILITIES.keys(), f"{item.nodeid}: add {what} to CAPABILITIES"
                self._cells.setdefault(item.nodeid, set()).update((name, each) for each in what)

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        if report.outcome != "passed":
            self.failed.add(report.nodeid)

    def page(self) -> str:
        """The page, as far as these tests know."""
        seen = {cell for cells in self._cells.values() for cell in cells}
        wrong = {cell for test in self.failed for cell in self._cells.get(test, ())}
        clients = sorted({client for client, _ in seen}, key=str.lower)
        rows = [[client, *(_cell(client, what, seen, wrong) for what in CAPABILITIES)] for client in clients]
        lines = [["client", *CAPABILITIES.values()], ["---"] * (len(CAPABILITIES) + 1), *rows]
        return _HEAD + "".join(f"| {' | '.join(line)} |\n" for line in lines)


def _cell(client: str, what: str, seen: set[tuple[str, str]], wrong: set[tuple[str, str]]) -> str:
    if (client, what) in wrong:
        return "no"
    return "yes" if (client, what) in seen else ""


def look(options: Iterable[str]) -> tuple[int, Seen]:
    """Run pytest over the marked tests, and see; returns its exit status too."""
    seen = Seen()
    return pytest.main(["-m", "client", "-p", "no:randomly", *options], plugins=[seen]), seen


def main() -> int:
    """Run every marked test, and write the page."""
    status, seen = look(["-q"])
    PAGE.write_text(seen.page())
    return status


if __name__ == "__main__":
    if "--expected" in sys.argv:
        _, all_seen = look(["-qq", "--collect-only", "--no-header", "--no-summary"])
        sys.stdout.write("\n" + all_seen.page())
    else:
        sys.exit(main())
