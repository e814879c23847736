"""What is ordered: a model, the input, where the output goes, and how."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Any


class Form(StrEnum):
    """Forms of data."""

    PARQUET = "parquet"
    CSV = "csv"
    DELTA = "delta"


class BadRows(StrEnum):
    """What becomes of rows that cannot be scored."""

    FAIL = "fail"
    """Nothing is written."""
    SKIP = "skip"
    """They are left out, counted, and kept with the reason under `_rejected`."""


class Existing(StrEnum):
    """What becomes of an output that is there already."""

    REFUSE = "refuse"
    REPLACE = "replace"
    APPEND = "append"
    """Only for Delta tables."""


@dataclass(frozen=True, slots=True)
class Scored:
    """The version that scores: a folder with its files, their digest, and what the output says of it."""

    folder: Path
    digest: str
    name: str
    version: str
    run_id: str = ""


@dataclass(frozen=True, slots=True)
class Order:
    """A batch job. `keep` are the columns of the input that the output has, too (None: all of them)."""

    model: Scored
    input: str
    output: str
    input_form: Form | None = None
    output_form: Form = Form.PARQUET
    keep: tuple[str, ...] | None = None
    features: tuple[str, ...] | None = None
    """Columns that the model is given, where its signature names none."""
    prediction: str = "prediction"
    prefix: str = ""
    """Of the columns that say which version scored the row, and when."""
    batch_rows: int = 10_000
    processes: int = 0
    """How many; 0 is one for each core."""
    bad_rows: BadRows = BadRows.FAIL
    existing: Existing = Existing.REFUSE
    delimiter: str = ","
    nulls: tuple[str, ...] = ("",)
    """Texts that stand for nothing in CSV."""
    params: dict[str, Any] = field(default_factory=dict[str, Any])
    restart: bool = False
    """Whether what an interrupted run has done already is thrown away."""
    python: str = ""
    """The interpreter that loads the model; the empty string is this one."""


@dataclass(frozen=True, slots=True)
class Report:
    """What was done; `resumed` of the parts were there from an interrupted run."""

    output: str
    form: Form
    rows: int
    rejected: int
    size: int
    parts: tuple[str, ...]
    resumed: int
    seconds: float
    started_at: int
    delta_version: int | None = None
