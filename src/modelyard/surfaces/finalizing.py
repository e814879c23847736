"""What the rows that finalize a version share: its files are examined once at a time, and a refusal is told."""

from __future__ import annotations

from typing import Final

from modelyard.actions import finalize
from modelyard.domain.cards import Draft
from modelyard.domain.models import Status, Version
from modelyard.errors import WrongState
from modelyard.surfaces.wire import Once, Reply, blame


def _version(draft: Draft) -> str:
    version = draft.version
    return version.id if version.status is Status.PENDING_REGISTRATION else ""


def refused(version: Version) -> Reply | None:
    """The answer about a version that its schema keeps back, for clients that look at no status but that of HTTP.

    The version is frozen and kept nevertheless: asked again, the answer is the same until somebody has released it.
    """
    if version.status is not Status.FAILED_REGISTRATION:
        return None
    return blame(
        WrongState(f"version {version.number} of '{version.model}' is {version.status}. {version.status_message}")
    )


ONCE: Final = Once(_version, finalize.ClaimFinalization, finalize.ReleaseFinalization)
