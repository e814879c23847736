"""Inference tables: made for an endpoint that logs, read, compared, kept for some days, and deleted.

What people asked a model, and what it answered, is more than metadata: reading it takes SELECT, which nobody has by
looking after the metastore. An endpoint logs as the one who made it, who must be able to make tables in the schema
then and whenever rows are kept; without that it goes on to serve and logs nothing.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelyard.action import Chore, Command, Need, Query, Ref
from modelyard.actions.creators import of_creator
from modelyard.domain import tables as rules
from modelyard.domain.journal import Event
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Chain, Kind, Outcome, Privilege, Question, decide
from modelyard.domain.tables import Comparing, Filter, PayloadFile, Place, Placement, Reading, Table
from modelyard.errors import AlreadyExists, Denied, Invalid, NotFound
from modelyard.packer import parquet
from modelyard.store import access, catalogs, holdings, tables
from modelyard.store.tx import Look, Write

if TYPE_CHECKING:
    from modelyard.domain.access import Caller
    from modelyard.domain.endpoints import Capture
    from modelyard.domain.privileges import Node

_ALL = Filter()
_MOST_OLD = 200
"""Files that one transaction forgets, so that writers come in between."""


@dataclass(frozen=True)
class GetTable(Query[Look, Table]):
    """Show an inference table: how many rows it has, and how many could not be kept."""

    table: Ref

    needs = (Need(Privilege.SELECT, on="table", metadata=True),)

    def run(self, tx: Look) -> Table:
        """Show it."""
        return tables.get(tx, tx.at(self.table))


@dataclass(frozen=True)
class ListTableFiles(Query[Look, Page[PayloadFile]]):
    """List the files of an inference table, by their ids."""

    table: Ref
    window: Window

    needs = (Need(Privilege.SELECT, on="table"),)

    @property
    def is_brief(self) -> bool:
        """There may be thousands."""
        return False

    def run(self, tx: Look) -> Page[PayloadFile]:
        """List them."""
        return tables.files(tx, tx.at(self.table).id, self.window)


@dataclass(frozen=True)
class FindTableFile(Query[Look, PayloadFile]):
    """Find a file of an inference table, to be fetched; without an id, that with the newest rows."""

    table: Ref
    file: str = ""

    needs = (Need(Privilege.SELECT, on="table"),)

    def run(self, tx: Look) -> PayloadFile:
        """Find it."""
        return tables.file(tx, tx.at(self.table), self.file)


@dataclass(frozen=True)
class ReadRows(Query[Look, Reading]):
    """Read rows of an inference table, the newest first; `after` is the place behind which a page begins."""

    table: Ref
    asked: Filter
    most: int
    after: Place | None = None

    needs = (Need(Privilege.SELECT, on="table"),)

    def run(self, tx: Look) -> Reading:
        """What to read them from."""
        asked = self.asked
        if self.after:
            asked = replace(asked, until=min(asked.until, self.after.at // 1000 + 1))
        found = tables.between(tx, tx.at(self.table).id, asked, rules.MOST_FILES + 1)
        rest = found[rules.MOST_FILES].last_at if len(found) > rules.MOST_FILES else None
        files = tuple(found[: rules.MOST_FILES])
        return Reading(files, self.asked, self.after, self.most, rest)


@dataclass(frozen=True)
class CompareAnswers(Query[Look, Comparing]):
    """Compare what two served entities answered to the same requests, as far as a table has both."""

    table: Ref
    one: str
    other: str
    asked: Filter = _ALL

    needs = (Need(Privilege.SELECT, on="table"),)

    def run(self, tx: Look) -> Comparing:
        """What to compare."""
        if self.one == self.other or not self.one or not self.other:
            raise Invalid("name two served entities, a and b.")
        found = tables.between(tx, tx.at(self.table).id, self.asked, rules.MOST_FILES + 1)
        whole = len(found) <= rules.MOST_FILES
        return Comparing(tuple(found[: rules.MOST_FILES]), self.asked, self.one, self.other, whole)


@dataclass(frozen=True)
class RetainRows(Command[Write, Table]):
    """Say for how many days an inference table keeps its rows."""

    table: Ref
    days: int

    needs = (Need(Privilege.MANAGE, on="table"),)

    def run(self, tx: Write) -> Table:
        """The table afterwards."""
        node = tx.at(self.table)
        tables.retain(tx, node.id, rules.retention(self.days))
        catalogs.touch(tx, node.id)
        tx.announce(Event.TABLE_UPDATED, node.full_name, retention_days=self.days)
        return tables.get(tx, node)


@dataclass(frozen=True)
class DeleteTable(Command[Write, None]):
    """Delete an inference table with all its rows; an endpoint that logs there goes on without."""

    table: Ref

    needs = (Need(Privilege.MANAGE, on="table"),)

    def run(self, tx: Write) -> None:
        """Delete it; its files are collected."""
        node = tx.at(self.table)
        catalogs.remove(tx, node.id)
        tx.announce(Event.TABLE_DELETED, node.full_name)


# What the server does by itself


@dataclass(frozen=True)
class PlaceRows(Chore[Write, Placement | None]):
    """Say in which store rows of a table are kept, and which endpoints may still log there."""

    table_id: str
    endpoint_ids: tuple[str, ...]

    def run(self, tx: Write) -> Placement | None:
        """None if the table is gone."""
        place = tables.place(tx, self.table_id)
        if place is None:
            return None
        full_name, schema_id = place
        lets = (each for each in self.endpoint_ids if _may_log(tx, each, full_name))
        return Placement(holdings.store_of(tx, schema_id), frozenset(lets))


@dataclass(frozen=True)
class KeepRows(Chore[Write, bool]):
    """Name a file of rows that is in a store; done again, it changes nothing."""

    table_id: str
    file: PayloadFile

    def run(self, tx: Write) -> bool:
        """Whether the table is still there."""
        return tables.keep(tx, self.table_id, self.file)


@dataclass(frozen=True)
class NoteLostRows(Chore[Write, None]):
    """Note how many rows of some tables, by their ids, could not be kept."""

    lost: tuple[tuple[str, int], ...]

    def run(self, tx: Write) -> None:
        """Add them up."""
        for table_id, rows in self.lost:
            tables.lose(tx, table_id, rows)


@dataclass(frozen=True)
class ForgetOldRows(Chore[Write, bool]):
    """Forget files whose rows are older than their table keeps them; the bytes are collected."""

    def run(self, tx: Write) -> bool:
        """Whether there may be more of them."""
        return tables.forget_old(tx, _MOST_OLD) == _MOST_OLD


def _may_log(tx: Look, endpoint_id: str, table: str) -> bool:
    """Whether who made an endpoint may still log; rows of an endpoint that is gone were logged while it was there."""
    creator_id = tables.creator(tx, endpoint_id)
    if creator_id is None:
        return True
    creator = access.caller_by_id(tx, creator_id)
    return creator is not None and _writes(tx, creator, table)


def _writes(tx: Look, creator: Caller, table: str) -> bool:
    """Whether somebody manages a table, and may make one there."""
    chain = access.chain(tx, creator, Ref(Kind.TABLE, table))
    makes = decide(Question(Privilege.CREATE_TABLE, inside=True), Chain(chain.nodes[:-1]))
    return makes.allowed and decide(Question(Privilege.MANAGE), chain).allowed


# For endpoints


def prepared(tx: Write, creator: Caller, capture: Capture) -> Capture:
    """Where an endpoint logs, with the table's id: it is made for the endpoint's creator if there is none.

    A table that the creator manages goes on to be used; `AlreadyExists` for whatever else has the name, `Denied` if the
    creator may not make tables there.
    """
    if not parquet.is_there():
        raise Invalid("inference tables need pyarrow; the operator installs it with `pip install modelyard[serving]`.")
    schema = Ref(Kind.SCHEMA, f"{capture.catalog}.{capture.schema}")
    chain = access.chain(tx, creator, schema, capture.table.rpartition(".")[2])
    decision = decide(Question(Privilege.CREATE_TABLE, inside=True), Chain(chain.nodes, chain.missing))
    if not decision.allowed:
        raise (NotFound if decision.outcome is Outcome.MISSING else Denied)(of_creator(tx, creator, decision.reason))
    if chain.taken:
        return replace(capture, id=_taken(tx, creator, capture))
    return replace(capture, id=_made(tx, creator, chain.target, capture))


def _made(tx: Write, creator: Caller, schema: Node, capture: Capture) -> str:
    id_ = tables.add(tx, schema, capture.table, creator.principal.id)
    tx.announce(Event.TABLE_CREATED, capture.table)
    return id_


def _taken(tx: Look, creator: Caller, capture: Capture) -> str:
    chain = access.chain(tx, creator, Ref(Kind.TABLE, capture.table))
    if chain.missing or not decide(Question(Privilege.MANAGE), chain).allowed:
        raise AlreadyExists(
            f"'{capture.table}' exists already, and is no table of {creator.principal.name}; use another prefix.",
        )
    return chain.target.id
