"""The transaction that an action works in: who calls, what its references mean, and rows in and out.

Statements are constants of the store's modules: each is compiled once, and then handed to the driver as it is.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy import bindparam, insert

from modelyard.domain.access import ADMINS
from modelyard.domain.privileges import Privilege, Question, decide
from modelyard.store import schema

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Insert, Table
    from sqlalchemy.sql.expression import Executable

    from modelyard.action import Ref
    from modelyard.domain.access import Caller
    from modelyard.domain.journal import Event, Origin
    from modelyard.domain.privileges import Chain, Node

Row = tuple[Any, ...]


class Contended(Exception):
    """Two transactions met; nothing was done, and doing it again will see what the other did."""


def inserting(table: Table) -> Insert:
    """A statement that inserts one row with a value for every column but a serial `seq`."""
    return insert(table).values({column.name: bindparam(column.name) for column in table.c if column.name != "seq"})


_ANNOUNCE: Final = inserting(schema.events)


class Cursor(Protocol):
    """What runs compiled statements; `store.session` has the one that counts."""

    def rows(self, statement: Executable, values: Mapping[str, object]) -> Sequence[Row]:
        """Run a statement that gives rows."""
        ...

    def run(self, statement: Executable, values: Mapping[str, object]) -> int:
        """Run a statement that gives none; returns how many rows it touched."""
        ...


@dataclass(frozen=True, slots=True)
class Context:
    """What the gate knows when it lets an action run."""

    caller: Caller
    chains: Mapping[Ref, Chain]
    now: int
    origin: Origin
    store_id: str
    """The store of new versions where neither schema nor catalog names one."""
    trash_days: int
    """How long what is deleted can be restored; 0 keeps nothing."""
    roots: Mapping[str, str]
    """The ids of the stores that catalogs and schemas may have as their own, by their URLs."""


class Look:
    """A transaction that only reads."""

    def __init__(self, cursor: Cursor) -> None:
        self._cursor = cursor
        self._context: Context | None = None

    def enter(self, context: Context) -> None:
        """Called by the gate: before it knows who calls, for the server, and after it has decided, for the caller."""
        self._context = context

    @property
    def context(self) -> Context:
        """Who calls, and when."""
        if self._context is None:
            raise RuntimeError("only the gate starts an action")
        return self._context

    @property
    def caller(self) -> Caller:
        """Who calls."""
        return self.context.caller

    @property
    def actor(self) -> str:
        """The name of who calls, for `created_by` and its like."""
        return self.context.caller.principal.name

    @property
    def now(self) -> int:
        """The time of this action, in epoch milliseconds."""
        return self.context.now

    def at(self, ref: Ref) -> Node:
        """The securable that a guarded field of the action names."""
        return self.context.chains[ref].target

    def around(self, ref: Ref) -> Node:
        """The container of the securable that a guarded field of the action names."""
        return self.context.chains[ref].nodes[-2]

    def may(self, ref: Ref, privilege: Privilege) -> bool:
        """Whether the caller also has another privilege on a guarded field's securable, passage included."""
        return decide(Question(privilege), self.context.chains[ref]).allowed

    @property
    def is_admin(self) -> bool:
        """Whether the caller is a metastore admin."""
        return ADMINS in self.context.caller.identities

    def rows(self, statement: Executable, **values: object) -> Sequence[Row]:
        """All rows of a statement."""
        return self._cursor.rows(statement, values)

    def row(self, statement: Executable, **values: object) -> Row | None:
        """The first row of a statement, if there is one."""
        found = self._cursor.rows(statement, values)
        return found[0] if found else None


class Write(Look):
    """A transaction that also changes; what it announces is written before the commit (an outbox)."""

    subject: str = ""
    """The full name of what the action is about, where only the action itself finds that out; for the audit."""

    def run(self, statement: Executable, **values: object) -> int:
        """Run a statement; returns how many rows it touched."""
        return self._cursor.run(statement, values)

    def announce(self, event: Event, securable: str, **payload: object) -> None:
        """Tell those who listen that something has happened, once this transaction has committed."""
        self.run(
            _ANNOUNCE,
            id=new_id(),
            type=event.value,
            happened_at=self.now,
            request_id=self.context.origin.request_id,
            securable=securable,
            payload=json.dumps({**payload, "by": self.actor}),
        )


def new_id() -> str:
    """A fresh id: 32 hex digits."""
    return uuid.uuid4().hex
