"""What an action is: everything about one use case in one place, checked when it is defined.

A *Query* looks and is recorded when refused. A *Command* changes and is always recorded, in the same transaction.
A *Chore* is the server's own work, done for nobody else. An *Invocation* uses what is running: predictions.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Any, ClassVar, Final, Generic, TypeVar

from modelyard.domain.privileges import Kind, Privilege, Question

_REF: Final = re.compile(r"\bRef\b")

_SAID_BY_CLASSES: Final = frozenset({"needs", "open_to", "is_change", "is_brief", "by_old_name"})

Tx = TypeVar("Tx")
Result = TypeVar("Result")


@dataclass(frozen=True, slots=True)
class Ref:
    """A securable by its full name; only the gate turns it into a row."""

    kind: Kind
    name: str


METASTORE: Final = Ref(Kind.METASTORE, "")
"""The metastore, of which there is one."""


@dataclass(frozen=True, slots=True)
class Need:
    """A privilege that the caller must hold on the `Ref` in the field `on`.

    `metadata` lets metastore admins pass, where nothing but metadata is revealed. `naming` is the field with the name
    that a new child of `on` will take; whoever passes the gates learns that it is taken before anything else.
    """

    privilege: Privilege
    on: str
    metadata: bool = False
    naming: str = ""

    @property
    def question(self) -> Question:
        """What the gate asks about the chain of the securable."""
        return Question(self.privilege, metadata=self.metadata, inside=bool(self.naming))


class Action(Generic[Tx, Result]):
    """A use case: its fields are what the caller says, its needs what the gate asks, `run` what is done.

    `open_to` is the written reason why an action without needs is safe for every authenticated principal.
    """

    needs: ClassVar[tuple[Need, ...]] = ()
    open_to: ClassVar[str] = ""
    is_change: ClassVar[bool]
    by_old_name: ClassVar[bool] = True
    """Whether a model that is named by its old name is called by it; not so where the action is about that name."""

    @property
    def is_brief(self) -> bool:
        """Whether it only reads a few rows: a question about securables that it names does, a list may read many."""
        return not self.is_change and bool(self.needs)

    def run(self, tx: Tx) -> Result:
        """Do it inside the gate's transaction; raise a `Failure` to undo everything."""
        raise NotImplementedError

    def __init_subclass__(cls, *, abstract: bool = False) -> None:
        """Refuse an action that forgets a check, or guards one thing and touches another."""
        super().__init_subclass__()
        if abstract:
            return
        if shadowed := cls.__annotations__.keys() & _SAID_BY_CLASSES:
            raise TypeError(f"{cls.__name__}: a field would hide what the class says: {sorted(shadowed)}")
        refs = {name for name, kind in cls.__annotations__.items() if kind in {"Ref", Ref}}
        hidden = {name for name, kind in cls.__annotations__.items() if _REF.search(str(kind))} - refs
        if hidden:
            raise TypeError(f"{cls.__name__}: a `Ref` inside another type cannot be guarded: {sorted(hidden)}")
        guarded = {need.on for need in cls.needs}
        if refs != guarded:
            raise TypeError(f"{cls.__name__}: fields {sorted(refs)} are touched, but {sorted(guarded)} are guarded")
        unknown = {need.naming for need in cls.needs if need.naming} - cls.__annotations__.keys()
        if unknown:
            raise TypeError(f"{cls.__name__}: there is no field {sorted(unknown)} with the name of something new")
        if issubclass(cls, Chore):
            if cls.needs or cls.open_to:
                raise TypeError(f"{cls.__name__} is the server's own work and needs nothing")
        elif bool(cls.needs) == bool(cls.open_to):
            raise TypeError(f"{cls.__name__} must say either its needs or why it is open_to everybody")
        ACTIONS.append(cls)


class Query(Action[Tx, Result], abstract=True):
    """Looks, and changes nothing."""

    is_change = False


class Command(Action[Tx, Result], abstract=True):
    """Changes something, or everything that it does is undone."""

    is_change = True


class Chore(Action[Tx, Result], abstract=True):
    """The server's own work, such as sealing the journal; it is not recorded when the server does it.

    But for what `is_recorded`, as somebody else's things change by it: then it is if it names what it changed.
    """

    is_change = True
    is_recorded: ClassVar[bool] = False


class Invocation(Query[Tx, Result], abstract=True):
    """Asks to use what is running. What the gate allowed stays allowed for a second without another question."""


ACTIONS: Final[list[type[Action[Any, Any]]]] = []
"""Every action that was defined, in the order of definition."""
