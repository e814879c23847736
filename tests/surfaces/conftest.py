"""One server for each database, shared by the whole folder: tests keep apart by making catalogs of their own."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from tests.support import Server
from tests.surfaces.world import World


@pytest.fixture(scope="session", params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A server that is shared: nobody may stop it, or rely on being alone on it."""
    database = "" if request.param == "sqlite" else request.getfixturevalue("postgres").make()
    server = Server(tmp_path_factory.mktemp("shared") / "data", database).start()
    shared = World(server)
    yield shared
    shared.close()
    server.stop()
