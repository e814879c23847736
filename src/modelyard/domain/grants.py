"""Grants as they are shown: who was granted what, where it is inherited from, and through which groups."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass
from typing import Final

from modelyard.domain.privileges import APPLICABLE, PASSAGE, Kind, Node, Privilege

MOST: Final = 1_000
"""Grantees on one page, at most."""

_PASSAGE: Final = frozenset(PASSAGE.values())


@dataclass(frozen=True, slots=True)
class Held:
    """A privilege that was granted: on the securable itself, or on the container that it is inherited from."""

    privilege: Privilege
    inherited_from: Node | None = None


@dataclass(frozen=True, slots=True)
class Assignment:
    """What one principal was granted; `through` leads from the principal that was asked about to this one."""

    principal: str
    privileges: tuple[Held, ...]
    through: tuple[str, ...] = ()


def bears_on(privilege: Privilege, node: Node, target: Node) -> bool:
    """Whether a privilege granted on `node` is shown on `target`.

    Everything is where it was granted. From a container come passage, what applies to the target and
    ALL PRIVILEGES; never BROWSE, and nothing from the metastore (protocol notes §3.1).
    """
    if node.id == target.id:
        return True
    if node.kind is Kind.METASTORE or privilege is Privilege.BROWSE:
        return False
    return privilege in APPLICABLE[target.kind] or privilege in _PASSAGE


def ways(start: str, memberships: Iterable[tuple[str, str]]) -> dict[str, tuple[str, ...]]:
    """The shortest way from a member up to each group that it is in: its id, then groups, the last one at the end."""
    above: dict[str, list[str]] = {}
    for member, group in sorted(memberships):
        above.setdefault(member, []).append(group)
    found: dict[str, tuple[str, ...]] = {start: (start,)}
    waiting = deque([start])
    while waiting:
        at = waiting.popleft()
        for group in above.get(at, ()):
            if group not in found:
                found[group] = (*found[at], group)
                waiting.append(group)
    return found
