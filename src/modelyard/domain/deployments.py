"""What is to be served, as the control plane tells it to whoever runs it."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence

    from modelyard.domain.endpoints import Endpoint
    from modelyard.domain.files import Entry
    from modelyard.domain.rollouts import Rollout


@dataclass(frozen=True, slots=True)
class Wanted:
    """Everything that is to be served now: endpoints, and their roll-outs under way by the endpoints' ids."""

    endpoints: Sequence[Endpoint]
    rollouts: dict[str, Rollout]


@dataclass(frozen=True, slots=True)
class Provision:
    """What a process of a served entity is given: files, and variables, some of which may be secrets."""

    files: Sequence[Entry]
    variables: dict[str, str] = field(default_factory=dict[str, str], repr=False)
