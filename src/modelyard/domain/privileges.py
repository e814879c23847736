"""Who may do what: privileges, the hierarchy they are inherited along, and the one pure decision.

Source: Unity Catalog's privilege model for registered models (protocol notes §3). A chain runs from the metastore
over catalog and schema to the model. Grants on a catalog or schema are inherited by everything inside; grants on the
metastore are not. USE CATALOG and USE SCHEMA are the *passage*: without them nothing below is reachable or revealed.

Beside catalogs the metastore holds *objects*, such as serving endpoints. They have levels of permission instead of
privileges: each includes the lower ones, admins have them all, and to who has none the object is not there.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING, Final

from modelyard.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Sequence


class Kind(StrEnum):
    """The kinds of securable, from the outermost container to the leaf."""

    METASTORE = "METASTORE"
    CATALOG = "CATALOG"
    SCHEMA = "SCHEMA"
    MODEL = "FUNCTION"
    """A registered model is a sub-type of FUNCTION in Unity Catalog, and is called so in its grants."""
    PROMPT = "PROMPT"
    """A prompt shares the names, privileges and words of models, and is another thing."""
    TABLE = "TABLE"
    """An inference table: what endpoints were asked, and what they answered."""
    VOLUME = "VOLUME"
    """Files that people and jobs bring and take, and the outputs that they publish."""
    ENDPOINT = "SERVING_ENDPOINT"
    """A serving endpoint: an object of the metastore."""
    EXPERIMENT = "EXPERIMENT"
    """An experiment with its runs, logged models and traces, each of which may stand for it: likewise an object."""
    JOB = "JOB"
    """A job, or a run that was submitted without one: an object of the metastore."""
    RUN = "JOB_RUN"
    """Only in references: a run, or an attempt at a task of one. It is permitted on its job."""
    ROUTINE = "ROUTINE"
    """Only in references: the model or prompt of this name. Grants and tags are spoken of so, never one thing alone."""

    @property
    def noun(self) -> str:
        """What messages call it, word for word as Databricks does."""
        return _NOUNS[self]


_NOUNS: Final = {
    Kind.METASTORE: "Metastore",
    Kind.CATALOG: "Catalog",
    Kind.SCHEMA: "Schema",
    Kind.MODEL: "Routine or Model",
    Kind.PROMPT: "Routine or Model",
    Kind.TABLE: "Table",
    Kind.VOLUME: "Volume",
    Kind.ENDPOINT: "Endpoint",
    Kind.EXPERIMENT: "Experiment",
    Kind.JOB: "Job",
    Kind.RUN: "Run",
    Kind.ROUTINE: "Routine or Model",
}

_PARTS: Final = {"runs": "Run", "logged-models": "Logged model", "traces": "Trace"}
"""What may stand for the experiment that it is in, by the begin of its reference."""

ROUTINES: Final = frozenset({Kind.MODEL, Kind.PROMPT})
"""What is spoken of as one thing in grants and tags."""

LEAVES: Final = ROUTINES | {Kind.TABLE, Kind.VOLUME}
"""What a schema holds: all of them share one space of names."""

NUMBERED: Final = frozenset({Kind.JOB, Kind.RUN})
"""Objects that have numbers for names."""


class Privilege(StrEnum):
    """Everything that can be granted; the value is the spelling of the wire, `words` that of messages."""

    ALL_PRIVILEGES = "ALL_PRIVILEGES"
    ALLOW_CLUSTER_CREATE = "ALLOW_CLUSTER_CREATE"
    """The entitlement to run code, which admins give to principals; it is not granted on anything."""
    APPLY_TAG = "APPLY_TAG"
    BROWSE = "BROWSE"
    CAN_EDIT = "CAN_EDIT"
    CAN_MANAGE = "CAN_MANAGE"
    CAN_MANAGE_RUN = "CAN_MANAGE_RUN"
    CAN_QUERY = "CAN_QUERY"
    CAN_READ = "CAN_READ"
    CAN_VIEW = "CAN_VIEW"
    CREATE_CATALOG = "CREATE_CATALOG"
    CREATE_MODEL = "CREATE_MODEL"
    CREATE_MODEL_VERSION = "CREATE_MODEL_VERSION"
    CREATE_SCHEMA = "CREATE_SCHEMA"
    CREATE_TABLE = "CREATE_TABLE"
    CREATE_VOLUME = "CREATE_VOLUME"
    EXECUTE = "EXECUTE"
    MANAGE = "MANAGE"
    READ_VOLUME = "READ_VOLUME"
    SELECT = "SELECT"
    USE_CATALOG = "USE_CATALOG"
    USE_SCHEMA = "USE_SCHEMA"
    WRITE_VOLUME = "WRITE_VOLUME"

    @property
    def words(self) -> str:
        """The spelling of messages and of SQL: words with blanks."""
        return self.value.replace("_", " ")


_OF_JOBS: Final = (Privilege.CAN_VIEW, Privilege.CAN_MANAGE_RUN, Privilege.CAN_MANAGE)

LEVELS: Final[dict[Kind, tuple[Privilege, ...]]] = {
    Kind.ENDPOINT: (Privilege.CAN_VIEW, Privilege.CAN_QUERY, Privilege.CAN_MANAGE),
    Kind.EXPERIMENT: (Privilege.CAN_READ, Privilege.CAN_EDIT, Privilege.CAN_MANAGE),
    Kind.JOB: _OF_JOBS,
    Kind.RUN: _OF_JOBS,
}
"""The levels of each kind of object, from the lowest, which is that of whoever sees it at all."""

OBJECTS: Final = frozenset(LEVELS)
"""What the metastore holds beside catalogs, with levels of permission."""

_INNER: Final = frozenset(
    {
        Privilege.APPLY_TAG,
        Privilege.CREATE_MODEL,
        Privilege.CREATE_MODEL_VERSION,
        Privilege.CREATE_TABLE,
        Privilege.CREATE_VOLUME,
        Privilege.EXECUTE,
        Privilege.MANAGE,
        Privilege.READ_VOLUME,
        Privilege.SELECT,
        Privilege.USE_SCHEMA,
        Privilege.WRITE_VOLUME,
        Privilege.ALL_PRIVILEGES,
    },
)

_ROUTINE: Final = _INNER - {
    Privilege.CREATE_MODEL,
    Privilege.CREATE_TABLE,
    Privilege.CREATE_VOLUME,
    Privilege.READ_VOLUME,
    Privilege.SELECT,
    Privilege.USE_SCHEMA,
    Privilege.WRITE_VOLUME,
}

APPLICABLE: Final[dict[Kind, frozenset[Privilege]]] = {
    Kind.METASTORE: frozenset({Privilege.CREATE_CATALOG}),
    Kind.CATALOG: _INNER | {Privilege.BROWSE, Privilege.CREATE_SCHEMA, Privilege.USE_CATALOG},
    Kind.SCHEMA: _INNER,
    Kind.MODEL: _ROUTINE,
    Kind.PROMPT: _ROUTINE,
    Kind.TABLE: frozenset({Privilege.APPLY_TAG, Privilege.MANAGE, Privilege.SELECT, Privilege.ALL_PRIVILEGES}),
    Kind.VOLUME: frozenset(
        {Privilege.APPLY_TAG, Privilege.MANAGE, Privilege.READ_VOLUME, Privilege.WRITE_VOLUME, Privilege.ALL_PRIVILEGES}
    ),
    **{kind: frozenset(levels) for kind, levels in LEVELS.items()},
}
"""Which privileges may be granted on which kind of securable."""

ENTITLEMENTS: Final = {"allow-cluster-create": Privilege.ALLOW_CLUSTER_CREATE}
"""What directories call the entitlements that the gate asks for (SCIM's `entitlements`)."""

NOT_IN_ALL: Final = frozenset({Privilege.ALL_PRIVILEGES, Privilege.MANAGE})
"""What ALL PRIVILEGES does not stand for; else it stands for all that applies to its own securable."""

PASSAGE: Final = {Kind.CATALOG: Privilege.USE_CATALOG, Kind.SCHEMA: Privilege.USE_SCHEMA}
"""The gate of each container."""

_LOOK: Final = {
    Kind.CATALOG: Privilege.USE_CATALOG,
    Kind.SCHEMA: Privilege.USE_SCHEMA,
    Kind.MODEL: Privilege.EXECUTE,
    Kind.PROMPT: Privilege.EXECUTE,
    Kind.TABLE: Privilege.SELECT,
    Kind.VOLUME: Privilege.READ_VOLUME,
}
"""What lets a principal read the metadata of each kind; BROWSE shows it too, where a question says so."""


def parse(text: str) -> Privilege:
    """A privilege in either spelling, `USE_CATALOG` or `USE CATALOG`, in any case."""
    try:
        return Privilege(text.strip().upper().replace(" ", "_"))
    except ValueError:
        known = ", ".join(privilege.value for privilege in Privilege)
        raise Invalid(f'"{text[:60]}" is not a privilege; the privileges are {known}.') from None


def applicable(privilege: Privilege, kind: Kind) -> Privilege:
    """The privilege, if it may be granted on that kind of securable."""
    if privilege not in APPLICABLE[kind]:
        allowed = ", ".join(sorted(APPLICABLE[kind]))
        raise Invalid(f"Privilege {privilege.words} is not applicable to this entity [{kind}]; use one of {allowed}.")
    return privilege


def covers(granted: frozenset[Privilege], wanted: Privilege, kind: Kind) -> bool:
    """Whether privileges granted on one securable of that kind include the wanted one."""
    if levels := LEVELS.get(kind):
        return wanted in levels and any(level in granted for level in levels[levels.index(wanted) :])
    by_all = Privilege.ALL_PRIVILEGES in granted and wanted not in NOT_IN_ALL
    return wanted in granted or (by_all and wanted in APPLICABLE[kind])


def highest(granted: frozenset[Privilege], kind: Kind) -> Privilege:
    """The highest level of an object that some permissions include."""
    return next(level for level in reversed(LEVELS[kind]) if level in granted)


def giving(wanted: Privilege, kind: Kind) -> frozenset[Privilege]:
    """The privileges that include the wanted one, each by itself, where they are granted on that kind of securable."""
    return frozenset(each for each in APPLICABLE[kind] if covers(frozenset({each}), wanted, kind))


@dataclass(frozen=True, slots=True)
class Node:
    """One securable on a chain, as one caller sees it.

    `owned` says whether the caller, or a group it is in, owns it; `granted` are the privileges granted on this very
    securable to the caller or its groups.
    """

    kind: Kind
    id: str
    full_name: str
    owned: bool = False
    granted: frozenset[Privilege] = frozenset()

    def __str__(self) -> str:
        """`Catalog 'main'`, as messages write it; what stands for an experiment is called what it is.

        Jobs and runs have numbers: `Job 7`, as their clients look for it in messages.
        """
        noun = _PARTS.get(self.full_name.partition("/")[0]) if self.kind is Kind.EXPERIMENT else None
        if self.kind in NUMBERED:
            return f"{self.kind.noun} {self.shown}"
        return f"{noun or self.kind.noun} '{self.shown}'"

    @property
    def shown(self) -> str:
        """Its name as people know it; those of objects without containers stand behind what tells them apart."""
        return self.full_name.rpartition("/")[2] if self.kind in OBJECTS else self.full_name


@dataclass(frozen=True, slots=True)
class Chain:
    """The securable that was asked for, behind its containers from the metastore on.

    `missing` is the first level that is not there (then `nodes` are only the containers above it); `taken` is the
    child that already has the name that a new one would take.
    """

    nodes: tuple[Node, ...]
    missing: Node | None = None
    taken: Node | None = None

    @property
    def target(self) -> Node:
        """The securable that was asked for."""
        return self.nodes[-1]


@dataclass(frozen=True, slots=True)
class Question:
    """What is asked about a chain.

    `metadata` marks questions that reveal nothing but metadata, which a metastore admin may always ask. `inside`
    marks those about a new child of the target: then the target's own gate is to be passed too.
    """

    privilege: Privilege
    metadata: bool = False
    inside: bool = False


class Outcome(StrEnum):
    """What a decision may come to."""

    ALLOWED = "allowed"
    DENIED = "denied"
    HIDDEN = "hidden"
    MISSING = "missing"
    TAKEN = "taken"


class Basis(StrEnum):
    """What a passed check rests on."""

    OWNER = "owner"
    CONTAINER_OWNER = "container owner"
    METASTORE_ADMIN = "metastore admin"
    GRANT = "grant"
    ENTITLEMENT = "entitlement"


@dataclass(frozen=True, slots=True)
class Ground:
    """Why a check was passed: the securable that is owned, or on which the privilege was granted."""

    basis: Basis
    on: Node
    privilege: Privilege | None = None

    def __str__(self) -> str:
        """The reason in words, for the audit."""
        if self.basis is Basis.METASTORE_ADMIN:
            return "is a metastore admin"
        if self.basis is Basis.ENTITLEMENT:
            return f"is entitled to {self.privilege.words}" if self.privilege else "is entitled"
        return f"{self.privilege.words} is granted on {self.on}" if self.privilege else f"owns {self.on}"


@dataclass(frozen=True, slots=True)
class Step:
    """One check on the way to a decision: what was asked on which securable, and what it came to."""

    privilege: Privilege
    on: Node
    outcome: Outcome
    ground: Ground | None = None

    @property
    def passed(self) -> bool:
        """Whether the way goes on."""
        return self.outcome is Outcome.ALLOWED

    @property
    def reason(self) -> str:
        """Why, in words for the refused and for the audit; those of refusals are Databricks' own."""
        match self.outcome:
            case Outcome.ALLOWED:
                return str(self.ground)
            case Outcome.DENIED if self.privilege in ENTITLEMENTS.values():
                return f"User does not have {self.privilege.words} on {self.on}; an admin can entitle it to that."
            case Outcome.DENIED:
                return f"User does not have {self.privilege.words} on {self.on}."
            case Outcome.MISSING | Outcome.HIDDEN:
                return f"{self.on} does not exist."
            case Outcome.TAKEN:
                return f"{self.on.kind.noun} '{self.on.shown.rpartition('.')[2]}' already exists"


@dataclass(frozen=True, slots=True)
class Decision:
    """What was decided, and why, in words for the refused and for the audit."""

    outcome: Outcome
    reason: str

    @property
    def allowed(self) -> bool:
        """Whether the question was answered with yes."""
        return self.outcome is Outcome.ALLOWED


def decide(question: Question, chain: Chain) -> Decision:
    """The one decision: the first step that is not passed, or else the last one."""
    taken = steps(question, chain)
    last = next((step for step in taken if not step.passed), taken[-1])
    return Decision(last.outcome, last.reason)


def steps(question: Question, chain: Chain) -> list[Step]:
    """Every check of a question, in order: passage from the top, existence, a taken name, the privilege itself.

    A taken name is told before the privilege is looked at, to whoever passes the gates: clients create a model
    before each copy, and go on when it is there (protocol notes §0.3-3).
    """
    nodes, asked = chain.nodes, question.privilege
    gates = nodes if chain.missing or question.inside else nodes[:-1]
    waiver = _waiver(question, gates)
    taken = [
        _step(PASSAGE[node.kind], node, waiver or _opened(question, nodes, depth))
        for depth, node in enumerate(gates)
        if node.kind in PASSAGE
    ]
    if chain.missing:
        return [*taken, Step(asked, chain.missing, Outcome.MISSING)]
    if chain.taken:
        return [*taken, Step(asked, chain.taken, Outcome.TAKEN)]
    ground = holds(asked, nodes) or _admin_look(question, nodes)
    levels = LEVELS.get(nodes[-1].kind)
    if ground is None and levels and holds(levels[0], nodes) is None:
        return [*taken, Step(asked, nodes[-1], Outcome.HIDDEN)]
    return [*taken, _step(asked, nodes[-1], ground)]


def _step(privilege: Privilege, on: Node, ground: Ground | None) -> Step:
    return Step(privilege, on, Outcome.ALLOWED if ground else Outcome.DENIED, ground)


def _waiver(question: Question, gates: Sequence[Node]) -> Ground | None:
    """Why the gates are open whatever was granted, if they are.

    They are to metastore admins who look, and to owners of a container who manage what is inside (§3.1).
    """
    if question.privilege is Privilege.MANAGE:
        return _owned(gates)
    return _admin_look(question, gates) if gates else None


def _opened(question: Question, nodes: Sequence[Node], depth: int) -> Ground | None:
    """Why the gate at this depth is open, if it is: by ownership, by USE, or to who only browses by BROWSE."""
    node = nodes[depth]
    if node.owned:
        return Ground(Basis.OWNER, node)
    use = _inherited(PASSAGE[node.kind], nodes[: depth + 1])
    if use is None and question.privilege is Privilege.BROWSE:
        return _inherited(Privilege.BROWSE, nodes)
    return use


def holds(privilege: Privilege, nodes: Sequence[Node]) -> Ground | None:
    """Why the caller holds the privilege on the last node, if it does."""
    target = nodes[-1]
    if target.owned:
        return Ground(Basis.OWNER, target)
    if (privilege is Privilege.MANAGE or target.kind in OBJECTS) and (container := _owned(nodes[:-1])):
        return container
    if privilege in ENTITLEMENTS.values():
        return Ground(Basis.ENTITLEMENT, target, privilege) if privilege in target.granted else None
    if privilege is Privilege.BROWSE and (look := _LOOK.get(target.kind)):
        return _inherited(Privilege.BROWSE, nodes) or _inherited(look, nodes)
    return _inherited(privilege, nodes)


def _owned(containers: Sequence[Node]) -> Ground | None:
    """The outermost container that the caller owns: the metastore's owners are the metastore admins."""
    node = next((node for node in containers if node.owned), None)
    if node is None:
        return None
    return Ground(Basis.METASTORE_ADMIN if node.kind is Kind.METASTORE else Basis.CONTAINER_OWNER, node)


def _inherited(privilege: Privilege, nodes: Sequence[Node]) -> Ground | None:
    """The nearest grant that gives the privilege on the last node, if there is one."""
    for node in reversed(nodes):
        if node.kind is Kind.METASTORE and len(nodes) > 1:
            break
        if covers(node.granted, privilege, node.kind):
            return Ground(Basis.GRANT, node, privilege)
    return None


def _admin_look(question: Question, nodes: Sequence[Node]) -> Ground | None:
    return Ground(Basis.METASTORE_ADMIN, nodes[0]) if question.metadata and nodes[0].owned else None


@dataclass(frozen=True, slots=True)
class GrantChange:
    """Privileges to add and to remove for one principal on one securable."""

    principal: str
    add: frozenset[Privilege] = frozenset()
    remove: frozenset[Privilege] = frozenset()

    def checked(self, kind: Kind) -> GrantChange:
        """The same change, if it can be made on that kind of securable."""
        for privilege in sorted(self.add | self.remove):
            applicable(privilege, kind)
        if both := sorted(self.add & self.remove):
            raise Invalid(f"{both[0].words} is both added and removed for {self.principal}; say one of the two.")
        return self

    def applied(self, held: frozenset[Privilege]) -> frozenset[Privilege]:
        """What the principal holds afterwards; taking ALL PRIVILEGES away clears everything."""
        if Privilege.ALL_PRIVILEGES in self.remove:
            return self.add
        return (held - self.remove) | self.add
