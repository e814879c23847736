"""What runs the tasks of jobs: attempts at them are started once, looked at, and ended.

The control plane decides what is to be run, when and as whom; an executor decides where and how. An attempt's id is
fixed, and written to the database, before it is started: to start it twice is to start it once. Nothing here knows of
jobs, schedules or privileges.
"""

from __future__ import annotations

import enum
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from typing import Protocol

from modelyard.domain.files import Entry
from modelyard.domain.git_credentials import Login


class Work(enum.Enum):
    """What kind of code is run."""

    NOTEBOOK = "notebook"
    SCRIPT = "script"
    WHEEL = "wheel"


@dataclass(frozen=True, slots=True)
class Checkout:
    """One commit of a git repository; credentials are never part of the address."""

    url: str
    commit: str
    patterns: tuple[str, ...] = ()
    """Which of its files are needed; none says all."""
    login: Login | None = None
    """What the provider's hosts are shown."""


@dataclass(frozen=True, slots=True)
class Brief:
    """What an attempt needs to run: code, environment, parameters.

    Paths of code are absolute (`/Workspace/…`, `/Volumes/…`), or relative to the checkout where there is one.
    """

    work: Work
    path: str
    """The notebook or the script; for a wheel its package."""
    entry_point: str = ""
    positional: tuple[str, ...] = ()
    named: Mapping[str, str] = field(default_factory=dict[str, str])
    """Widgets of a notebook, `--name=value` of a wheel."""
    files: Mapping[str, Entry] = field(default_factory=dict[str, Entry])
    """Workspace files by absolute path, which are there for the code as they are at the start."""
    checkout: Checkout | None = None
    requirements: tuple[str, ...] = ()
    """Lines for the environment, as pip reads them; workspace wheels by their path."""
    python: str = ""
    """The version of Python, such as `3.11`; empty is the server's own."""
    variables: Mapping[str, str] = field(default_factory=dict[str, str], repr=False)
    """The environment's variables, with the address and the token of the principal that it runs as."""
    context: Mapping[str, str] = field(default_factory=dict[str, str])
    """What code may know of its run: `jobId`, `jobRunId`, `taskKey`, `notebookPath`, `workspaceId`, `userName` …"""
    values: Mapping[str, Mapping[str, object]] = field(default_factory=dict[str, Mapping[str, object]])
    """Values that tasks before it have left, by task key and name."""
    seconds: int = 0
    """Within how long it must end; 0 is no bound."""


class Trouble(enum.Enum):
    """Why an attempt has failed; the values are what the Jobs API calls it in `termination_details.code`."""

    RAISED = "RUN_EXECUTION_ERROR"
    NO_ENVIRONMENT = "LIBRARY_INSTALLATION_ERROR"
    NO_CODE = "RESOURCE_NOT_FOUND"
    NO_CHECKOUT = "REPOSITORY_CHECKOUT_FAILED"
    NOT_ALLOWED = "UNAUTHORIZED_ERROR"
    MISCONFIGURED = "INVALID_RUN_CONFIGURATION"
    TIMED_OUT = "RUN_EXECUTION_TIMEOUT"
    CANCELED = "USER_CANCELED"
    LOST = "INTERNAL_ERROR"


@dataclass(frozen=True, slots=True)
class Outcome:
    """How an attempt ended; no trouble is success."""

    trouble: Trouble | None = None
    error: str = ""
    """One line for people: of an exception its last line."""
    trace: str = ""
    result: str = ""
    """What a notebook said with `dbutils.notebook.exit`."""
    values: Mapping[str, object] = field(default_factory=dict[str, object])
    """What it left for later tasks: JSON, 48 KiB in all."""


class Stage(enum.Enum):
    """How far an attempt is."""

    ABSENT = "absent"
    """It was never started here, for certain."""
    PREPARING = "preparing"
    """Its environment is built and its code is fetched."""
    RUNNING = "running"
    """The code runs."""
    ENDED = "ended"
    LOST = "lost"
    """It was started, and nobody can say how it ended: its process is gone and left no result."""


@dataclass(frozen=True, slots=True)
class Look:
    """What is seen of an attempt; times are milliseconds since the epoch, 0 where it has not come to that."""

    stage: Stage
    outcome: Outcome | None = None
    began_at: int = 0
    """When the code itself began."""
    ended_at: int = 0


Briefing = Callable[[str], Brief]
"""Asked by attempt id right before its start; a `Failure` says why it may not be started, and then it is not."""


class Executor(Protocol):
    """Runs attempts; all methods return soon, are safe to repeat, and may be called from any thread."""

    def start(self, attempt_id: str) -> None:
        """Start it, unless it was started before, by whichever process of this host, also one that is gone."""
        ...

    def look(self, attempt_id: str) -> Look:
        """How far it is."""
        ...

    def cancel(self, attempt_id: str) -> None:
        """End it and everything that it has started: politely, then at once; it is `ENDED` as CANCELED then."""
        ...

    def log(self, attempt_id: str, offset: int, most: int) -> bytes:
        """What it has printed, from a byte on."""
        ...

    def notebook(self, attempt_id: str) -> bytes | None:
        """The executed notebook (.ipynb), as far as it got; None if it is not one."""
        ...

    def forget(self, attempt_ids: Sequence[str]) -> None:
        """Remove what is kept of attempts that have ended, and of which all that matters is kept elsewhere."""
        ...

    def close(self) -> None:
        """Look after nothing any more; attempts go on, and are found again."""
        ...
