"""The trash: what was deleted, and can be put back for some days."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from modelyard.domain.models import Alias

DAY: Final = 24 * 3_600_000
"""Milliseconds."""
MOST_DAYS: Final = 3_650


@dataclass(frozen=True, slots=True)
class Discarded:
    """A model with its versions, or one version, in the trash; sizes are in bytes, times epoch milliseconds.

    `full_name` is the model's when it was deleted, `number` is that of a version. `model` and `schema` are the full
    names that those have now; they are empty where they are gone. `until` is when the collector may remove it.
    """

    id: str
    full_name: str
    number: int | None
    model_id: str
    owner_id: str
    owner: str
    size: int
    deleted_at: int
    deleted_by: str
    model: str
    schema_id: str
    schema: str
    until: int

    @property
    def kind(self) -> str:
        """What it is."""
        return "model" if self.number is None else "version"

    @property
    def name(self) -> str:
        """The name of the model inside its schema."""
        return self.full_name.rpartition(".")[2]

    def __str__(self) -> str:
        """What messages call it."""
        what = f"model '{self.full_name}'"
        return what if self.number is None else f"version {self.number} of {what}"


@dataclass(frozen=True, slots=True)
class Restored:
    """What was put back: a model with so many versions, or one version; `left_out` are aliases that stay away."""

    full_name: str
    number: int | None
    versions: int = 1
    aliases: tuple[Alias, ...] = ()
    left_out: tuple[str, ...] = ()
