"""The governed files that an attempt needs: its project in the workspace, and what its packages name there."""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import replace
from typing import TYPE_CHECKING, Final

from modelyard.actions import workspace
from modelyard.domain.jobs.words import TaskKind
from modelyard.domain.workspace import PREFIX
from modelyard.errors import Invalid

if TYPE_CHECKING:
    from modelyard.domain.access import Caller
    from modelyard.domain.jobs.duties import Duty
    from modelyard.store.tx import Look

_NAMED: Final = re.compile(rf"(?:-r\s+|--requirement[=\s]\s*)?({PREFIX}/[^\[\s]+)")
"""A file in the lines of requirements, with or without extras behind it."""


def with_code(tx: Look, caller: Caller, duty: Duty) -> Duty:
    """The duty with its files, as far as the principal that it runs as may read them; `NotFound` if one is missing."""
    also = tuple(_named(duty))
    if duty.git or duty.kind is TaskKind.WHEEL:
        return replace(duty, files=workspace.named(tx, caller, also))
    if duty.path.startswith("/Volumes/"):
        raise Invalid(f"{duty.path[:200]} is in a volume: keep code in the workspace, in git or in a wheel.")
    files = workspace.project(tx, caller, duty.path, also)
    path = duty.path if duty.path.startswith(f"{PREFIX}/") else PREFIX + duty.path
    return replace(duty, path=path, files=files)


def _named(duty: Duty) -> Iterator[str]:
    for line in duty.requirements:
        if found := _NAMED.match(line.strip()):
            yield found[1]
