"""A version with very many files: finalized in one go, and listed page by page by a real client."""

from __future__ import annotations

import time
from typing import Any

import pytest
from sqlalchemy import insert, select

from modelyard.actions import files
from modelyard.domain.pages import Window
from modelyard.store import schema
from tests.house.world import MLMODEL, World
from tests.support import InProcess

PAGE = 1_000
SECONDS = 600
"""Far more than it takes on a busy machine, and far less than if each file cost a look at the others."""

_ENTRIES = schema.entries


@pytest.mark.parametrize("count", [3_000, pytest.param(100_000, marks=pytest.mark.full)])
def test_a_version_of_many_files_is_finalized_and_listed_in_pages(inside: InProcess, count: int) -> None:
    world = World(inside)
    model = world.model()
    number = world.register(model)
    world.do(files.KeepFile(model, number, "MLmodel", world.blob(MLMODEL)), world.owner)
    world.do(files.KeepFile(model, number, "d/first", world.blob(b"equal")), world.owner)
    with inside.built.database.engine.begin() as connection:
        row = connection.execute(select(_ENTRIES).where(_ENTRIES.c.path == "d/first")).mappings().one()
        more = [{**row, "path": f"d/{at:06d}"} for at in range(count)]
        connection.execute(insert(_ENTRIES), more)
    began = time.monotonic()
    world.do(world.finalizing(model, number), world.owner)
    seen: list[str] = []
    after = ""
    while True:
        page: Any = world.do(files.ListDirectory(model, number, "d", Window(PAGE, after)), world.owner)
        seen += [entry.name for entry in page.items]
        if len(page.items) < PAGE:
            break
        after = page.items[-1].path
    assert time.monotonic() - began < SECONDS
    assert seen == [*(f"{at:06d}" for at in range(count)), "first"]
