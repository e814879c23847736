"""The transaction that an action works in: who calls, what its references mean, and rows in and out.

Statements are constants of the store's modules: each is compiled once, and then handed to the driver as it is.
"""

from __future__ import annotations

import json
import uuid
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, Protocol

from sqlalchemy import bindparam, insert

from modelyard.domain.access import ADMINS
from modelyard.domain.backups import Beside
from modelyard.domain.deliveries import SUBSCRIBABLE, told_body
from modelyard.domain.journal import Event
from modelyard.domain.privileges import Privilege, Question, decide
from modelyard.store import firing, schema
from modelyard.store.deploying import DEPLOY
from modelyard.store.fanout import FAN_OUT, levels
from modelyard.store.lists import texts

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from sqlalchemy import Insert, Table
    from sqlalchemy.sql.expression import Executable

    from modelyard.action import Ref
    from modelyard.domain.access import Caller
    from modelyard.domain.journal import Origin
    from modelyard.domain.legacy import OldName
    from modelyard.domain.privileges import Chain, Node
    from modelyard.store.vault import Vault

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
    spoken: list[OldName] = field(default_factory=list["OldName"])
    """The old names by which the action was asked for; one that finds others in a search adds them."""
    beside: Beside = field(default_factory=Beside)
    """MLflow's tracking database, for backups."""


class Look:
    """A transaction that only reads."""

    def __init__(self, cursor: Cursor, vault: Vault | None = None) -> None:
        self._cursor = cursor
        self._vault = vault
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
    def vault(self) -> Vault:
        """What seals values for the database, and opens them."""
        if self._vault is None:
            raise RuntimeError("only a server has the key to what is sealed")
        return self._vault

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
    has_mail: bool = False
    """Whether it has put something into the outbox, which the courier of this process may take at once."""

    def run(self, statement: Executable, **values: object) -> int:
        """Run a statement; returns how many rows it touched."""
        return self._cursor.run(statement, values)

    def announce(self, event: Event, securable: str, **payload: object) -> None:
        """Tell those who listen that something has happened, once this transaction has committed."""
        id_, told = new_id(), {**payload, "by": self.actor}
        written = json.dumps(told)
        self.run(
            _ANNOUNCE,
            id=id_,
            type=event.value,
            happened_at=self.now,
            request_id=self.context.origin.request_id,
            securable=securable,
            payload=written,
        )
        if event.value in firing.CONDITIONS:
            words = {"event": event.value, "securable": securable, "payload": written, "now": self.now}
            self.run(firing.NOTE, event_id=id_, around=firing.around(securable), **words)
        if event is Event.MODEL_VERSION_READY:
            self.run(DEPLOY, full_name=securable, version=payload["version"], now=self.now)
        if event in SUBSCRIBABLE and securable:
            self._fan_out(event, id_, securable, told_body(event, self.now, {"full_name": securable, **told}))

    def _fan_out(self, event: Event, event_id: str, securable: str, body: str) -> None:
        told = {"event": event.value, "event_id": event_id, "body": body, "now": self.now}
        found = self.run(FAN_OUT, **told, full_name=securable, levels=texts(levels(securable)))
        self.has_mail = self.has_mail or found > 0


def new_id() -> str:
    """A fresh id: 32 hex digits."""
    return uuid.uuid4().hex
