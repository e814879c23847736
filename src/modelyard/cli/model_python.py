"""The Python environment of a model, built by uv on the machine of whoever calls, and kept for the next time."""

from __future__ import annotations

import fcntl
import hashlib
import json
import os
import shutil
import subprocess
import sys
from typing import TYPE_CHECKING, Final

from modelyard.cli.output import say
from modelyard.engines.local import interpreters, requirements
from modelyard.engines.local.trouble import Trouble
from modelyard.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from modelyard.config import Settings

_FORM: Final = 1
_ALWAYS: Final = ("--no-config", "--no-python-downloads", "--quiet", "--color", "never")
_TAIL: Final = 2_000


def built(model: Path, settings: Settings, cache: Path) -> str:
    """The interpreter of the environment that a model in a folder needs; it is built if it is not there."""
    try:
        needs = requirements.of_model(model, may_link=settings.package_links)
        base, notes = interpreters.of_version(needs.python)
        uv = interpreters.uv()
    except Trouble as trouble:
        raise Invalid(str(trouble)) from None
    for note in notes:
        say(note)
    told = [_FORM, needs.lines, str(base.python), sys.platform, settings.package_index, settings.build_from_source]
    place = cache / hashlib.sha256(json.dumps(told).encode()).hexdigest()[:32]
    cache.mkdir(parents=True, exist_ok=True)
    with place.with_suffix(".lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        if not place.with_suffix(".json").exists():
            _build(uv, place, str(base.python), needs.lines, settings)
    return str(place / "bin" / "python")


def _build(uv: str, place: Path, python: str, lines: Sequence[str], settings: Settings) -> None:
    say("Building the Python environment of the model; it is kept for the next time.")
    shutil.rmtree(place, ignore_errors=True)
    wanted = place.with_suffix(".txt")
    wanted.write_text("\n".join((*lines, "")))
    _step([uv, "venv", *_ALWAYS, "--no-project", "--python", python, str(place)], settings)
    source = () if settings.build_from_source else ("--only-binary", ":all:")
    install = ("pip", "install", *_ALWAYS, "--python", str(place / "bin" / "python"), "--requirements", str(wanted))
    _step([uv, *install, *source], settings)
    place.with_suffix(".json").write_text(json.dumps({"lines": lines}))


def _step(command: list[str], settings: Settings) -> None:
    done = subprocess.run(  # noqa: S603  uv, with requirements that were checked
        command, env=_environment(settings), capture_output=True, text=True, check=False
    )
    if done.returncode:
        raise Invalid(f"the environment of the model could not be built. {done.stderr.strip()[-_TAIL:]}")


def _environment(settings: Settings) -> dict[str, str]:
    """What uv is told: the settings for packages win over what whoever calls has set for uv."""
    said = {
        "UV_DEFAULT_INDEX": settings.package_index,
        "UV_FIND_LINKS": settings.package_find_links,
        "ALL_PROXY": settings.package_proxy,
    }
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("DATABRICKS_", "MODELYARD_"))}
    return {**kept, **{name: value for name, value in said.items() if value}}
