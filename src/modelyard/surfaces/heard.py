"""What clients say of lineage, in the words of MLflow's protocol (notes §1.0.1, §1.a), on whichever surface."""

from __future__ import annotations

import base64
import binascii
from typing import Final

import msgspec

from modelyard.domain.lineage import End, bounded, end
from modelyard.errors import Invalid

HEADER: Final = (("x-databricks-lineage-identifier", "lineage_header"),)
"""Where registrations say which notebook or job makes a version, and from which tables."""


class Table(msgspec.Struct, frozen=True):
    """A table."""

    name: str = ""
    table_type: str | int = ""
    location: str = ""
    table_id: str = ""


class Securable(msgspec.Struct, frozen=True):
    """A securable that is no model."""

    table: Table | None = None

    def ends(self) -> list[End]:
        """The table, if it is one."""
        one = self.table
        if one is None:
            return []
        return [end("table", one.name or one.location or one.table_id, id=one.table_id, location=one.location)]


class Job(msgspec.Struct, frozen=True):
    """A job, and its run."""

    id: str = ""
    job_run_id: str = ""
    task_key: str = ""


class Notebook(msgspec.Struct, frozen=True):
    """A notebook."""

    id: str = ""


class Entity(msgspec.Struct, frozen=True):
    """Who reads or makes a version."""

    job: Job | None = None
    notebook: Notebook | None = None

    def ends(self) -> list[End]:
        """The job, the notebook."""
        job = [end("job", self.job.id, run=self.job.job_run_id, task=self.job.task_key)] if self.job else []
        return [*job, *([end("notebook", self.notebook.id)] if self.notebook else [])]


class Info(msgspec.Struct, frozen=True):
    """ModelVersionLineageInfo."""

    entities: list[Entity] = []
    direction: str = "DOWNSTREAM"


class _Lineage(msgspec.Struct, frozen=True):
    source_securables: list[Securable] = []


class _Header(msgspec.Struct, frozen=True):
    entities: list[Entity] = []
    lineages: list[_Lineage] = []


def ends(entities: list[Entity], securables: list[Securable]) -> tuple[End, ...]:
    """Everything that is named, once."""
    return bounded([found for each in (*entities, *securables) for found in each.ends()])


def from_header(value: str) -> tuple[End, ...]:
    """What `X-Databricks-Lineage-Identifier` says: base64 of a JSON object."""
    if not value:
        return ()
    try:
        said = msgspec.json.decode(base64.b64decode(value, validate=True), type=_Header, strict=False)
    except (binascii.Error, ValueError, RecursionError, msgspec.MsgspecError):
        raise Invalid("the header X-Databricks-Lineage-Identifier is not base64 of a JSON object.") from None
    return ends(said.entities, [each for one in said.lineages for each in one.source_securables])
