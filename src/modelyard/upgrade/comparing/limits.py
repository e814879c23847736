"""What is asked of a comparison: when two numbers are the same, and how much may differ. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from modelyard.errors import Invalid


@dataclass(frozen=True, slots=True)
class Tolerance:
    """How far two numbers may lie apart: absolutely, or in relation to the larger of them."""

    absolute: float = 1e-9
    relative: float = 1e-6

    def __post_init__(self) -> None:
        if not (self.absolute >= 0 and self.relative >= 0):
            raise Invalid("a tolerance is not negative.")


@dataclass(frozen=True, slots=True)
class Limits:
    """What must hold; None asks for nothing. Shares and rates are fractions."""

    agreement: float = 0.99
    """Of the pairs of a column, at least."""
    psi: float | None = 0.1
    ks: float | None = 0.1
    rank: float | None = None
    missing: float = 0.0
    """Of all keys, those that one side lacks, at most."""
    latency_ratio: float | None = None
    errors: float = 0.0
    """Of the requests, those that only the new side failed at, at most."""

    def __post_init__(self) -> None:
        for value in (self.agreement, self.missing, self.errors):
            if not 0 <= value <= 1:
                raise Invalid("a share goes from 0 to 1: 0.99 is 99 per cent.")
        for value in (self.psi, self.ks, self.latency_ratio):
            if value is not None and not value >= 0:
                raise Invalid("a limit is not negative.")


@dataclass(frozen=True, slots=True)
class Match:
    """A column of the old side, and the one of the new side that it is compared with."""

    old: str
    new: str

    @classmethod
    def read(cls, said: str) -> Match:
        """`OLD` or `OLD=NEW`."""
        old, equals, new = said.partition("=")
        if not old or (equals and not new):
            raise Invalid(
                f'"{said[:60]}" names no columns; write COLUMN, or OLD=NEW where they are called differently.'
            )
        return cls(old, new or old)


@dataclass(frozen=True, slots=True)
class Check:
    """One thing that was asked, and what came of it."""

    name: str
    subject: str
    found: float | str | None
    limit: float | str | None
    passed: bool
    said: str


def chosen(old: Sequence[str], new: Sequence[str], keys: Sequence[str]) -> list[Match]:
    """The columns to compare where none are named.

    Those that batch jobs write predictions to, else all that both sides have but the key and what says who scored.
    """
    both = [name for name in old if name in new and name not in keys]
    predictions = [name for name in both if name == "prediction" or name.startswith("prediction_")]
    aside = {"model_name", "model_version", "model_run_id", "scored_at"}
    found = predictions or [name for name in both if name not in aside]
    if not found:
        raise Invalid("both sides have no column in common to compare; name them with --column OLD=NEW.")
    return [Match(name, name) for name in found]
