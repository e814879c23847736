"""What the rows that finalize a version share: its files are examined once at a time."""

from __future__ import annotations

from typing import Final

from modelyard.actions import finalize
from modelyard.domain.cards import Draft
from modelyard.domain.models import Status
from modelyard.surfaces.wire import Once


def _version(draft: Draft) -> str:
    version = draft.version
    return version.id if version.status is Status.PENDING_REGISTRATION else ""


ONCE: Final = Once(_version, finalize.ClaimFinalization, finalize.ReleaseFinalization)
