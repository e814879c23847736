"""Settings of serving that are refused when the server starts."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.config import load
from modelyard.errors import Invalid


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("serving_env", "shared"),
        ("sandbox_uid", 0),
        ("sandbox_uid", (1 << 31) - 1),
        ("serving_start_seconds", 0),
        ("serving_request_seconds", 0),
        ("serving_idle_seconds", -1),
        ("serving_spares", -1),
        ("serving_memory", 1_000),
        ("serving_memory", -1),
        ("package_index", "ftp://packages.example"),
        ("package_proxy", "file:///x"),
    ],
)
def test_what_makes_no_sense_is_refused(name: str, value: object) -> None:
    with pytest.raises(Invalid, match=name):
        load({name: value}, {})


def test_the_folder_of_workers_is_in_the_data_folder_unless_it_is_said() -> None:
    assert load({"data": "/d"}, {}).run_folder == Path("/d/run")
    assert load({"data": "/d", "workers_folder": "/w"}, {}).run_folder == Path("/w")
