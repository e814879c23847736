"""What an engine is: it keeps processes that answer predictions, and says where they can be reached.

The control plane decides what is to be served; an engine decides where and how. Nothing here knows of endpoints, shares
of traffic or privileges. An engine on other machines has the same few methods, and addresses that its network reaches.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol, TypeAlias

from modelyard.domain.endpoints import Deployment
from modelyard.domain.files import Entry

State: TypeAlias = Deployment
"""How it stands with something that is to be served."""


@dataclass(frozen=True, slots=True)
class Served:
    """One model version that is to be served.

    `id` names it for good: whatever differs in another field has another id. `label` is for people and logs.
    """

    id: str
    label: str
    digest: str
    """SHA-256 of the version's manifest."""
    least: int = 1
    """Processes that are kept while it is awake."""
    most: int = 1
    """Processes at most, when many requests wait."""
    may_sleep: bool = False
    """Whether it keeps no process while nobody asks."""
    row_wise: bool | None = None
    """Whether rows of several requests may be given to the model at once; None leaves it to the model's flavor."""


@dataclass(frozen=True, slots=True)
class Load:
    """What a process of it needs: the version's files, and variables of the environment (which may be secrets)."""

    files: Sequence[Entry]
    variables: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)


Loader = Callable[[Served], Load]
"""Asked anew before each start of a process; a `Failure` says why it may not be started, and then it is not."""


@dataclass(frozen=True, slots=True)
class Standing:
    """How it stands with one `Served`: its state, why, and the addresses of the processes that answer now."""

    state: State
    message: str = ""
    addresses: tuple[str, ...] = ()
    is_asleep: bool = False
    """Whether it has no process and waits to be woken."""
    pids: tuple[int, ...] = ()
    """The ids of its processes that are on this machine."""


class Engine(Protocol):
    """Keeps processes; all methods return at once, and may be called from any thread."""

    def keep(self, wanted: Sequence[Served]) -> None:
        """Serve these, and nothing else: what is new is started, what is gone is drained and ended."""
        ...

    def standings(self) -> Mapping[str, Standing]:
        """How it stands with each of them, by id."""
        ...

    def wake(self, served_id: str) -> None:
        """Somebody asks something that sleeps."""
        ...

    def report(self, served_id: str, waiting: int) -> None:
        """So many requests are under way or wait, from time to time: whether more processes are needed, or none."""
        ...

    def suspect(self, address: str) -> None:
        """A request takes longer than any may at this address: its process is to show that it is well."""
        ...

    def linger(self, address: str) -> None:
        """Requests are still under way at an address that is not offered any more; said again each second."""
        ...

    def logs(self, served_id: str) -> str:
        """What its processes have printed lately."""
        ...

    def build_logs(self, served_id: str) -> str:
        """What was said while its environment was built."""
        ...

    def close(self) -> None:
        """End every process."""
        ...
