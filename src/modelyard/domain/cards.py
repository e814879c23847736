"""What is known of a version's files beyond their names: what they hold, whether that is safe, what `MLmodel` says."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from modelyard.domain.files import Entry, Upload
from modelyard.domain.models import Version


class Contents(StrEnum):
    """Whether files are only data, or may run as code when they are loaded."""

    DATA_ONLY = "data_only"
    CODE_BEARING = "code_bearing"
    UNKNOWN = "unknown"


class Verdict(StrEnum):
    """What the scan of the files found."""

    CLEAN = "clean"
    SUSPICIOUS = "suspicious"
    UNSCANNED = "unscanned"


@dataclass(frozen=True, slots=True)
class Finding:
    """Something in a file that speaks against loading it, in a sentence."""

    path: str
    problem: str


@dataclass(frozen=True, slots=True)
class Card:
    """What an examination found; `facts` is what the `MLmodel` file says, as JSON values."""

    contents: Contents = Contents.UNKNOWN
    verdict: Verdict = Verdict.UNSCANNED
    findings: tuple[Finding, ...] = ()
    facts: dict[str, Any] = field(default_factory=dict[str, Any])


@dataclass(frozen=True, slots=True)
class Draft:
    """A version that is about to be finalized, with the files that its manifest names."""

    version: Version
    files: tuple[Entry, ...] = ()
    staged: tuple[Upload, ...] = ()
    """Uploads whose parts are still to be joined."""


@dataclass(frozen=True, slots=True)
class Examined:
    """What came of examining a draft.

    `digest` is that of the manifest that was examined: another one is not to be frozen. `taken` are files that are not
    named in the manifest yet. `model_id` is the logged model's, where the files say it.
    """

    digest: str = ""
    card: Card = field(default_factory=Card)
    model_id: str = ""
    taken: tuple[Entry, ...] = ()


def with_taken(files: Iterable[Entry], taken: Iterable[Entry]) -> tuple[Entry, ...]:
    """The files of a draft once those that were taken in are among them, in place of others of the same path."""
    return tuple({entry.path: entry for entry in (*files, *taken)}.values())
