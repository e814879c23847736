"""Approvals: which tasks of a job hold a deployment, who may let it go on, and what is known of each decision.

By Databricks' convention a task whose key begins with `approval` asks for one: it fails until a tag of the model
version says Approved, and is then repaired (protocol notes, jobs §3). What this server adds are tags of the job, which
travel with it and mean nothing elsewhere: `approval.mode=wait` holds the task before it starts, `approval.timeout`,
`approval.approvers`, `approval.four_eyes` and `approval.auto_repair` say how.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from modelyard.errors import Invalid

MAX_REASON: Final = 2_000
MOST_TOKEN_SECONDS: Final = 7 * 24 * 3600
TOKEN_PREFIX: Final = "myapproval_"  # noqa: S105  what these tokens begin with, so that scanners find leaked ones
UNUSABLE: Final = "This token for a decision is unknown, was used, or has expired; ask for a new one."
APPROVED: Final = "Approved"
REJECTED: Final = "Rejected"
MODEL, VERSION = "model_name", "model_version"
"""The job parameters that say what a run deploys."""

_PREFIX: Final = "approval"
_OWN_NAME: Final = "{{task.name}}"
_UNITS: Final = {"": 1, "s": 1, "m": 60, "h": 3_600, "d": 86_400}
_DURATION: Final = re.compile(r"([0-9]{1,9})\s*([smhd]?)")
_MOST_SECONDS: Final = 365 * 86_400


class Mode(StrEnum):
    """How an approval task asks."""

    FAIL = "fail"
    """It runs, and fails until it is approved; approving repairs the run."""
    WAIT = "wait"
    """It does not start before it is approved."""


class Decision(StrEnum):
    """What became of a request."""

    APPROVED = "APPROVED"
    REJECTED = "REJECTED"
    TIMED_OUT = "TIMED_OUT"
    WITHDRAWN = "WITHDRAWN"
    """The run ended, or was repaired, without a decision."""

    @property
    def tag(self) -> str:
        """What the tag of the version says then."""
        return APPROVED if self is Decision.APPROVED else REJECTED


class Staleness(StrEnum):
    """Why nobody can decide a request any more; the words are told."""

    NO_VERSION = "The version was deleted."
    NO_RUN = "Its run was deleted."
    NO_JOB = "The job was deleted."
    DISCONNECTED = "The deployment job was disconnected from the model."
    CANCELED = "The run was cancelled."


class Source(StrEnum):
    """How a decision came."""

    API = "api"
    TAG = "tag"
    TOKEN = "token"  # noqa: S105  a word, no secret
    SERVER = "server"


@dataclass(frozen=True, slots=True)
class Policy:
    """How a task asks, and who may answer; kept with the request as it was then."""

    mode: Mode = Mode.FAIL
    four_eyes: bool = True
    """Whether who registered the version, and the principal that the run runs as, may not approve it."""
    approvers: tuple[str, ...] = ()
    """Names of principals of which one must approve; none says whoever holds the privileges."""
    seconds: int = 0
    """Within what time; 0 is no bound."""
    repairs: bool = True
    """Whether approving repairs the run."""


@dataclass(frozen=True, slots=True)
class Verdict:
    """A decision with who made it, and why; `on_behalf` is in the words of whoever had a token."""

    decision: Decision
    actor: str
    reason: str
    source: Source
    on_behalf: str
    decided_at: int


@dataclass(frozen=True, slots=True)
class Approval:
    """A request for approval; times are epoch milliseconds."""

    id: str
    model_id: str
    model: str
    version: int
    digest: str
    job: int
    run_id: int
    task_id: int
    task_key: str
    tag: str
    policy: Policy
    requested_at: int
    expires_at: int | None
    verdict: Verdict | None = None

    def has_expired(self, now: int) -> bool:
        """Whether its time is over."""
        return self.expires_at is not None and self.expires_at <= now


def is_gate(task_key: str) -> bool:
    """Whether a task asks for approval."""
    return task_key.lower().startswith(_PREFIX)


def tag_name(task_key: str, said: str) -> str:
    """The tag that a task reads: what its parameter `approval_tag_name` says, or its own key."""
    return said if said and said != _OWN_NAME and "{{" not in said else task_key


def is_approval(value: str) -> bool:
    """Whether a tag's value says so, as Databricks' notebook reads it."""
    return value.strip().lower() == APPROVED.lower()


def is_rejection(value: str) -> bool:
    """Whether a tag's value says the contrary."""
    return value.strip().lower() == REJECTED.lower()


def policy(tags: Mapping[str, str] | None, task_key: str) -> Policy:
    """What a job's tags say of one of its approval tasks; `Invalid` for what makes no sense."""
    said = tags or {}
    names = said.get(f"approval.approvers.{task_key}", said.get("approval.approvers", ""))
    return Policy(
        mode=_mode(said.get("approval.mode", Mode.FAIL)),
        four_eyes=_flag(said, "approval.four_eyes"),
        approvers=tuple(each.strip() for each in names.split(",") if each.strip()),
        seconds=_seconds(said.get("approval.timeout", "")),
        repairs=_flag(said, "approval.auto_repair"),
    )


def _mode(said: str) -> Mode:
    try:
        return Mode(said.strip().lower())
    except ValueError:
        raise Invalid(f"the tag approval.mode is {' or '.join(Mode)}.") from None


def _flag(said: Mapping[str, str], name: str) -> bool:
    value = said.get(name, "true").strip().lower()
    if value not in {"true", "false"}:
        raise Invalid(f"the tag {name} is true or false.")
    return value == "true"


def _seconds(said: str) -> int:
    if not said.strip():
        return 0
    found = _DURATION.fullmatch(said.strip().lower())
    seconds = int(found[1]) * _UNITS[found[2]] if found else 0
    if not 0 < seconds <= _MOST_SECONDS:
        raise Invalid("the tag approval.timeout is a time such as 30m, 24h or 7d, of a year at most.")
    return seconds


def subject(parameters: Mapping[str, str]) -> tuple[str, int] | None:
    """The model and the version that a run's job parameters name."""
    name, number = parameters.get(MODEL, ""), parameters.get(VERSION, "")
    plain = number.isascii() and number.isdigit() and len(number) <= 15  # noqa: PLR2004  more is no version
    return (name.lower(), int(number)) if name.count(".") == 2 and plain else None  # noqa: PLR2004  three levels


def reason(told: str) -> str:
    """Why somebody decides so, in its own words."""
    if len(told) > MAX_REASON:
        raise Invalid(f"a reason has at most {MAX_REASON} characters.")
    return told.strip()


def token_seconds(told: int) -> int:
    """How long a token for one decision may be used."""
    if not 0 < told <= MOST_TOKEN_SECONDS:
        raise Invalid(f"seconds is 1 to {MOST_TOKEN_SECONDS}.")
    return told


def barrier(held: Policy, caller: str, acts_as: frozenset[str], makers: frozenset[str]) -> str:
    """Why a caller with the privileges may not decide all the same; empty if it may.

    `acts_as` are the names of the caller and its groups, `makers` of who registered the version and of the principal
    that the run runs as, without case.
    """
    if held.four_eyes and caller.lower() in makers:
        return (
            "whoever registered the version, and the principal that the job runs as, may not approve it: somebody else "
            "must look at it (four eyes)."
        )
    wanted = {name.lower() for name in held.approvers}
    if wanted and not wanted & {name.lower() for name in acts_as}:
        return f"only {', '.join(held.approvers)} may decide this."
    return ""
