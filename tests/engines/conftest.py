from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engines.support import House


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return tmp_path / "d"


@pytest.fixture
def make(folder: Path) -> Iterator[Callable[..., House]]:
    """Makes engines, and ends them."""
    made: list[House] = []

    def a_house(**said: Any) -> House:  # noqa: ANN401  whatever a setting is
        made.append(House(folder, **said))
        return made[-1]

    yield a_house
    for each in made:
        each.close()


@pytest.fixture
def house(make: Callable[..., House]) -> House:
    return make()
