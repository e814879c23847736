"""The one decision: every row of the privilege table, the order of checks, and the words of refusals."""

from __future__ import annotations

from dataclasses import dataclass

import pytest
from hypothesis import given
from hypothesis import strategies as st

from modelyard.domain.privileges import (
    APPLICABLE,
    NOT_IN_ALL,
    OBJECTS,
    PASSAGE,
    Chain,
    GrantChange,
    Kind,
    Node,
    Outcome,
    Privilege,
    Question,
    applicable,
    covers,
    decide,
    parse,
)
from modelyard.errors import Invalid

M, C, S, L = Kind.METASTORE, Kind.CATALOG, Kind.SCHEMA, Kind.MODEL
NAMES = {M: "", C: "main", S: "main.ml", L: "main.ml.churn"}
LEVELS = [M, C, S, L]

Held = dict[Kind, set[Privilege]]

USE_C = {C: {Privilege.USE_CATALOG}}
USE = {C: {Privilege.USE_CATALOG}, S: {Privilege.USE_SCHEMA}}


def plus(*parts: Held) -> Held:
    """Grants taken together."""
    return {kind: set().union(*(part.get(kind, set()) for part in parts)) for kind in LEVELS}


def at(kind: Kind, *privileges: Privilege) -> Held:
    return {kind: set(privileges)}


def chain(
    kind: Kind,
    held: Held | None = None,
    owned: set[Kind] | None = None,
    missing: Kind | None = None,
    taken: str = "",
) -> Chain:
    """The way to a securable, as somebody who holds and owns these sees it."""
    nodes = tuple(
        Node(level, level, NAMES[level], level in (owned or ()), frozenset((held or {}).get(level, ())))
        for level in LEVELS[: LEVELS.index(kind) + 1]
    )
    if missing:
        return Chain(nodes[: LEVELS.index(missing)], missing=Node(missing, "", NAMES[missing]))
    below = LEVELS[LEVELS.index(kind) + 1] if taken else None
    return Chain(nodes, taken=Node(below, "", f"{NAMES[kind]}.{taken}".lstrip(".")) if below else None)


@dataclass(frozen=True)
class Operation:
    """A row of the table: what is asked, on what."""

    name: str
    privilege: Privilege
    on: Kind
    metadata: bool = False
    inside: bool = False

    @property
    def question(self) -> Question:
        return Question(self.privilege, metadata=self.metadata, inside=self.inside)


CREATE_CATALOG = Operation("create a catalog", Privilege.CREATE_CATALOG, M, inside=True)
GET_CATALOG = Operation("get a catalog", Privilege.USE_CATALOG, C, metadata=True)
BROWSE_CATALOG = Operation("browse a catalog", Privilege.BROWSE, C, metadata=True)
MANAGE_CATALOG = Operation("update or delete a catalog", Privilege.MANAGE, C)
CREATE_SCHEMA = Operation("create a schema", Privilege.CREATE_SCHEMA, C, inside=True)
GET_SCHEMA = Operation("get a schema", Privilege.USE_SCHEMA, S, metadata=True)
BROWSE_SCHEMA = Operation("browse a schema", Privilege.BROWSE, S, metadata=True)
MANAGE_SCHEMA = Operation("update or delete a schema", Privilege.MANAGE, S)
CREATE_MODEL = Operation("create a model", Privilege.CREATE_MODEL, S, inside=True)
GET_MODEL = Operation("get a model or version", Privilege.EXECUTE, L, metadata=True)
DOWNLOAD = Operation("download", Privilege.EXECUTE, L)
MANAGE_MODEL = Operation("change, rename, delete, set an alias", Privilege.MANAGE, L)
NEW_VERSION = Operation("create or finalize a version", Privilege.CREATE_MODEL_VERSION, L)
TAG = Operation("set or delete tags", Privilege.APPLY_TAG, L)
SEE_GRANTS = Operation("see grants of a model", Privilege.BROWSE, L, metadata=True)

OPERATIONS = [
    CREATE_CATALOG, GET_CATALOG, BROWSE_CATALOG, MANAGE_CATALOG, CREATE_SCHEMA, GET_SCHEMA, BROWSE_SCHEMA,
    MANAGE_SCHEMA, CREATE_MODEL, GET_MODEL, DOWNLOAD, MANAGE_MODEL, NEW_VERSION, TAG, SEE_GRANTS,
]  # fmt: skip

ALLOWED: list[tuple[Operation, Held, set[Kind]]] = [
    # Catalogs
    (CREATE_CATALOG, at(M, Privilege.CREATE_CATALOG), set()),
    (CREATE_CATALOG, {}, {M}),
    (GET_CATALOG, USE_C, set()),
    (GET_CATALOG, at(C, Privilege.ALL_PRIVILEGES), set()),
    (GET_CATALOG, {}, {C}),
    (GET_CATALOG, {}, {M}),
    (BROWSE_CATALOG, at(C, Privilege.BROWSE), set()),
    (BROWSE_CATALOG, USE_C, set()),
    (BROWSE_CATALOG, at(C, Privilege.ALL_PRIVILEGES), set()),
    (BROWSE_CATALOG, {}, {C}),
    (BROWSE_CATALOG, {}, {M}),
    (MANAGE_CATALOG, at(C, Privilege.MANAGE), set()),
    (MANAGE_CATALOG, {}, {C}),
    (MANAGE_CATALOG, {}, {M}),
    # Schemas
    (CREATE_SCHEMA, at(C, Privilege.USE_CATALOG, Privilege.CREATE_SCHEMA), set()),
    (CREATE_SCHEMA, at(C, Privilege.ALL_PRIVILEGES), set()),
    (CREATE_SCHEMA, {}, {C}),
    (GET_SCHEMA, USE, set()),
    (GET_SCHEMA, at(C, Privilege.USE_CATALOG, Privilege.USE_SCHEMA), set()),
    (GET_SCHEMA, USE_C, {S}),
    (GET_SCHEMA, at(S, Privilege.USE_SCHEMA), {C}),
    (GET_SCHEMA, {}, {M}),
    (BROWSE_SCHEMA, at(C, Privilege.BROWSE), set()),
    (BROWSE_SCHEMA, USE, set()),
    (BROWSE_SCHEMA, {}, {M}),
    (MANAGE_SCHEMA, plus(USE_C, at(S, Privilege.MANAGE)), set()),
    (MANAGE_SCHEMA, plus(USE_C, at(C, Privilege.MANAGE)), set()),
    (MANAGE_SCHEMA, USE_C, {S}),
    (MANAGE_SCHEMA, {}, {C}),
    (MANAGE_SCHEMA, {}, {M}),
    # Registered models
    (CREATE_MODEL, plus(USE, at(S, Privilege.CREATE_MODEL)), set()),
    (CREATE_MODEL, plus(USE, at(C, Privilege.CREATE_MODEL)), set()),
    (CREATE_MODEL, at(C, Privilege.ALL_PRIVILEGES), set()),
    (CREATE_MODEL, USE_C, {S}),
    *(
        (operation, held, owned)
        for operation, privilege in (
            (GET_MODEL, Privilege.EXECUTE),
            (DOWNLOAD, Privilege.EXECUTE),
            (NEW_VERSION, Privilege.CREATE_MODEL_VERSION),
            (TAG, Privilege.APPLY_TAG),
            (MANAGE_MODEL, Privilege.MANAGE),
        )
        for held, owned in (
            (plus(USE, at(L, privilege)), set[Kind]()),
            (plus(USE, at(S, privilege)), set()),
            (plus(USE, at(C, privilege)), set()),
            (USE, {L}),
            (at(L, privilege), {C, S}),
        )
    ),
    *(
        (operation, plus(USE, at(level, Privilege.ALL_PRIVILEGES)), set())
        for operation in (GET_MODEL, DOWNLOAD, NEW_VERSION, TAG)
        for level in (C, S, L)
    ),
    (GET_MODEL, {}, {M}),
    (MANAGE_MODEL, {}, {C}),
    (MANAGE_MODEL, {}, {S}),
    (MANAGE_MODEL, {}, {M}),
    (SEE_GRANTS, at(C, Privilege.BROWSE), set()),
    (SEE_GRANTS, plus(USE, at(L, Privilege.EXECUTE)), set()),
    (SEE_GRANTS, {}, {M}),
]
"""What the protocol notes §3.2 and §3.1 say is enough: grants, and what is owned."""


def user_does_not_have(privilege: str, on: Kind) -> str:
    return f"User does not have {privilege} on {on.noun} '{NAMES[on]}'."


DENIED: list[tuple[Operation, Held, set[Kind], str]] = [
    (CREATE_CATALOG, {}, set(), user_does_not_have("CREATE CATALOG", M)),
    (GET_CATALOG, {}, set(), user_does_not_have("USE CATALOG", C)),
    (GET_CATALOG, at(C, Privilege.BROWSE), set(), user_does_not_have("USE CATALOG", C)),
    (MANAGE_CATALOG, at(C, Privilege.ALL_PRIVILEGES), set(), user_does_not_have("MANAGE", C)),
    (CREATE_SCHEMA, at(C, Privilege.CREATE_SCHEMA), set(), user_does_not_have("USE CATALOG", C)),
    (CREATE_SCHEMA, USE_C, set(), user_does_not_have("CREATE SCHEMA", C)),
    (CREATE_SCHEMA, {}, {M}, user_does_not_have("USE CATALOG", C)),
    (GET_SCHEMA, at(S, Privilege.USE_SCHEMA), set(), user_does_not_have("USE CATALOG", C)),
    (GET_SCHEMA, {}, {S}, user_does_not_have("USE CATALOG", C)),
    (GET_SCHEMA, USE_C, set(), user_does_not_have("USE SCHEMA", S)),
    (GET_SCHEMA, at(C, Privilege.BROWSE), set(), user_does_not_have("USE CATALOG", C)),
    (BROWSE_SCHEMA, {}, set(), user_does_not_have("USE CATALOG", C)),
    (BROWSE_SCHEMA, {}, {S}, user_does_not_have("USE CATALOG", C)),
    (MANAGE_SCHEMA, at(S, Privilege.MANAGE), set(), user_does_not_have("USE CATALOG", C)),
    (MANAGE_SCHEMA, {}, {S}, user_does_not_have("USE CATALOG", C)),
    (CREATE_MODEL, USE, set(), user_does_not_have("CREATE MODEL", S)),
    (CREATE_MODEL, USE_C, set(), user_does_not_have("USE SCHEMA", S)),
    (CREATE_MODEL, {}, {S}, user_does_not_have("USE CATALOG", C)),
    (CREATE_MODEL, {}, {M}, user_does_not_have("USE CATALOG", C)),
    *(
        (operation, held, owned, user_does_not_have(*told))
        for operation, privilege in (
            (GET_MODEL, Privilege.EXECUTE),
            (DOWNLOAD, Privilege.EXECUTE),
            (NEW_VERSION, Privilege.CREATE_MODEL_VERSION),
            (TAG, Privilege.APPLY_TAG),
            (MANAGE_MODEL, Privilege.MANAGE),
        )
        for held, owned, told in (
            (USE, set[Kind](), (privilege.words, L)),
            (plus(USE_C, at(L, privilege)), set(), ("USE SCHEMA", S)),
            (plus(at(S, Privilege.USE_SCHEMA), at(L, privilege)), set(), ("USE CATALOG", C)),
            ({}, {L}, ("USE CATALOG", C)),
            (USE_C, {L}, ("USE SCHEMA", S)),
            (plus(USE_C, at(C, Privilege.BROWSE)), {L}, ("USE SCHEMA", S)),
        )
    ),
    (DOWNLOAD, {}, {M}, user_does_not_have("USE CATALOG", C)),
    (DOWNLOAD, {}, {C}, user_does_not_have("USE SCHEMA", S)),
    (DOWNLOAD, {}, {C, S}, user_does_not_have("EXECUTE", L)),
    (GET_MODEL, {}, {C, S}, user_does_not_have("EXECUTE", L)),
    (GET_MODEL, plus(USE, at(L, Privilege.MANAGE)), set(), user_does_not_have("EXECUTE", L)),
    (MANAGE_MODEL, plus(USE, at(L, Privilege.ALL_PRIVILEGES)), set(), user_does_not_have("MANAGE", L)),
    (NEW_VERSION, plus(USE, at(S, Privilege.CREATE_MODEL)), set(), user_does_not_have("CREATE MODEL VERSION", L)),
    (SEE_GRANTS, at(L, Privilege.EXECUTE), set(), user_does_not_have("USE CATALOG", C)),
]  # fmt: skip


def told(case: tuple[object, ...]) -> str:
    operation, held, owned = case[:3]
    assert isinstance(operation, Operation)
    assert isinstance(held, dict)
    assert isinstance(owned, set)
    grants = "+".join(f"{each}@{kind}" for kind, some in held.items() for each in sorted(some))
    return f"{operation.name}:{grants or 'nothing'}:owns {'+'.join(sorted(owned)) or 'nothing'}"


@pytest.mark.parametrize("case", ALLOWED, ids=told)
def test_this_is_enough(case: tuple[Operation, Held, set[Kind]]) -> None:
    operation, held, owned = case
    decision = decide(operation.question, chain(operation.on, held, owned))
    assert decision.outcome is Outcome.ALLOWED
    assert decision.reason


@pytest.mark.parametrize("case", DENIED, ids=told)
def test_this_is_not_enough_and_the_first_missing_privilege_is_named(
    case: tuple[Operation, Held, set[Kind], str],
) -> None:
    operation, held, owned, message = case
    decision = decide(operation.question, chain(operation.on, held, owned))
    assert (decision.outcome, decision.reason) == (Outcome.DENIED, message)


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_whoever_holds_nothing_is_refused_everything(operation: Operation) -> None:
    assert decide(operation.question, chain(operation.on)).outcome is Outcome.DENIED


@pytest.mark.parametrize("operation", OPERATIONS, ids=lambda operation: operation.name)
def test_grants_on_the_metastore_are_inherited_by_nothing(operation: Operation) -> None:
    everything = {M: set(Privilege) - {Privilege.CREATE_CATALOG, Privilege.ALL_PRIVILEGES}}
    assert decide(operation.question, chain(operation.on, everything)).outcome is Outcome.DENIED


@pytest.mark.parametrize("container", [C, S])
def test_all_privileges_on_what_is_inside_opens_no_container(container: Kind) -> None:
    """`ALL PRIVILEGES` stands for what applies to its own securable, and BROWSE applies to catalogs only."""
    for operation in OPERATIONS:
        if LEVELS.index(operation.on) > LEVELS.index(container):
            inside = {kind: {Privilege.ALL_PRIVILEGES} for kind in LEVELS[LEVELS.index(container) + 1 :]}
            held = plus(inside, USE_C if container is S else {})
            decision = decide(operation.question, chain(operation.on, held))
            message = user_does_not_have(PASSAGE[container].words, container)
            assert (decision.outcome, decision.reason) == (Outcome.DENIED, message), operation.name


class TestTheOrderOfChecks:
    @pytest.mark.parametrize(
        ("missing", "held", "outcome", "message"),
        [
            (C, {}, Outcome.MISSING, "Catalog 'main' does not exist."),
            (S, {}, Outcome.DENIED, user_does_not_have("USE CATALOG", C)),
            (S, USE_C, Outcome.MISSING, "Schema 'main.ml' does not exist."),
            (L, {}, Outcome.DENIED, user_does_not_have("USE CATALOG", C)),
            (L, USE_C, Outcome.DENIED, user_does_not_have("USE SCHEMA", S)),
            (L, USE, Outcome.MISSING, "Routine or Model 'main.ml.churn' does not exist."),
        ],
    )
    @pytest.mark.parametrize("operation", [DOWNLOAD, GET_MODEL, NEW_VERSION, TAG, MANAGE_MODEL])
    def test_a_closed_container_comes_before_what_is_missing_inside(
        self, operation: Operation, missing: Kind, held: Held, outcome: Outcome, message: str
    ) -> None:
        decision = decide(operation.question, chain(L, held, missing=missing))
        assert (decision.outcome, decision.reason) == (outcome, message)

    def test_a_closed_container_answers_the_same_whether_or_not_something_is_inside(self) -> None:
        there = decide(DOWNLOAD.question, chain(L, USE_C))
        missing = decide(DOWNLOAD.question, chain(L, USE_C, missing=L))
        assert there == missing

    def test_a_taken_name_comes_before_the_privilege_to_make_it(self) -> None:
        decision = decide(CREATE_MODEL.question, chain(S, USE, taken="churn"))
        assert (decision.outcome, decision.reason) == (Outcome.TAKEN, "Routine or Model 'churn' already exists")

    def test_a_taken_name_is_not_told_behind_a_closed_container(self) -> None:
        for held, message in (
            ({}, user_does_not_have("USE CATALOG", C)),
            (USE_C, user_does_not_have("USE SCHEMA", S)),
            (plus(USE_C, at(S, Privilege.CREATE_MODEL)), user_does_not_have("USE SCHEMA", S)),
        ):
            decision = decide(CREATE_MODEL.question, chain(S, held, taken="churn"))
            assert (decision.outcome, decision.reason) == (Outcome.DENIED, message)

    def test_a_taken_name_is_told_to_whoever_may_make_it_too(self) -> None:
        decision = decide(CREATE_MODEL.question, chain(S, {}, {C, S}, taken="churn"))
        assert decision.outcome is Outcome.TAKEN

    def test_taken_names_of_catalogs_and_schemas_are_told_in_the_same_words(self) -> None:
        catalog = decide(CREATE_CATALOG.question, chain(M, taken="main"))
        schema = decide(CREATE_SCHEMA.question, chain(C, USE_C, taken="ml"))
        assert (catalog.outcome, catalog.reason) == (Outcome.TAKEN, "Catalog 'main' already exists")
        assert (schema.outcome, schema.reason) == (Outcome.TAKEN, "Schema 'ml' already exists")


class TestReasons:
    def test_name_the_grant_that_was_nearest(self) -> None:
        held = plus(USE, at(C, Privilege.EXECUTE), at(L, Privilege.EXECUTE))
        decision = decide(DOWNLOAD.question, chain(L, held))
        assert decision.reason == "EXECUTE is granted on Routine or Model 'main.ml.churn'"

    def test_name_the_owner_of_the_thing_and_of_its_container_and_the_admin(self) -> None:
        assert decide(DOWNLOAD.question, chain(L, USE, {L})).reason == "owns Routine or Model 'main.ml.churn'"
        reason = decide(MANAGE_MODEL.question, chain(L, {}, {S})).reason
        assert reason == "owns Schema 'main.ml'"
        assert decide(GET_MODEL.question, chain(L, {}, {M})).reason == "is a metastore admin"


_kinds = st.sampled_from([C, S, L])
_held = st.dictionaries(st.sampled_from(LEVELS), st.sets(st.sampled_from(list(Privilege))))
_owned = st.sets(st.sampled_from(LEVELS))
_operations = st.sampled_from(OPERATIONS)


@given(operation=_operations, held=_held, owned=_owned, more=_held, also=_owned)
def test_more_privileges_never_allow_less(
    operation: Operation, held: Held, owned: set[Kind], more: Held, also: set[Kind]
) -> None:
    if decide(operation.question, chain(operation.on, held, owned)).allowed:
        richer = chain(operation.on, plus(held, more), owned | also)
        assert decide(operation.question, richer).allowed


@given(operation=_operations, held=_held, owned=_owned)
def test_what_is_allowed_has_a_reason_and_what_is_not_names_a_privilege(
    operation: Operation, held: Held, owned: set[Kind]
) -> None:
    decision = decide(operation.question, chain(operation.on, held, owned))
    assert decision.reason
    if not decision.allowed:
        assert decision.reason.startswith("User does not have ")


@given(held=_held, owned=_owned)
def test_nobody_but_owners_and_admins_manages_without_the_grant(held: Held, owned: set[Kind]) -> None:
    granted = any(Privilege.MANAGE in held.get(kind, ()) for kind in (C, S, L))
    if decide(MANAGE_MODEL.question, chain(L, held, owned)).allowed:
        assert granted or owned


class TestGrantable:
    @pytest.mark.parametrize("kind", LEVELS)
    @pytest.mark.parametrize("privilege", list(Privilege))
    def test_only_what_applies_to_a_securable_can_be_granted_on_it(self, kind: Kind, privilege: Privilege) -> None:
        if privilege in APPLICABLE[kind]:
            assert applicable(privilege, kind) is privilege
        else:
            with pytest.raises(Invalid, match=f"Privilege {privilege.words} is not applicable to this entity"):
                applicable(privilege, kind)

    def test_the_table_is_that_of_unity_catalog(self) -> None:
        inner = {"APPLY_TAG", "CREATE_MODEL_VERSION", "EXECUTE", "MANAGE", "ALL_PRIVILEGES"}
        tables = {"CREATE_TABLE", "SELECT"}
        assert APPLICABLE[M] == {"CREATE_CATALOG"}
        assert APPLICABLE[L] == inner
        assert APPLICABLE[Kind.TABLE] == {"APPLY_TAG", "MANAGE", "SELECT", "ALL_PRIVILEGES"}
        files = {"READ_VOLUME", "WRITE_VOLUME"}
        assert APPLICABLE[Kind.VOLUME] == {"APPLY_TAG", "MANAGE", "ALL_PRIVILEGES"} | files
        schema = inner | tables | files | {"CREATE_MODEL", "CREATE_VOLUME", "USE_SCHEMA"}
        assert APPLICABLE[S] == schema
        assert APPLICABLE[C] == schema | {"BROWSE", "CREATE_SCHEMA", "USE_CATALOG"}

    @pytest.mark.parametrize("privilege", list(Privilege))
    def test_all_privileges_stands_for_each_that_applies_but_manage(self, privilege: Privilege) -> None:
        for kind, grantable in APPLICABLE.items():
            if kind in OBJECTS:
                continue
            stands = privilege in grantable - NOT_IN_ALL
            asked_itself = privilege is Privilege.ALL_PRIVILEGES
            assert covers(frozenset({Privilege.ALL_PRIVILEGES}), privilege, kind) == (stands or asked_itself)
            assert covers(frozenset({privilege}), privilege, kind)
            assert not covers(frozenset(), privilege, kind)

    @pytest.mark.parametrize("kind", sorted(OBJECTS))
    def test_a_level_includes_those_below_it_and_nothing_else(self, kind: Kind) -> None:
        of_jobs = [Privilege.CAN_VIEW, Privilege.CAN_MANAGE_RUN, Privilege.CAN_MANAGE]
        levels = {
            Kind.ENDPOINT: [Privilege.CAN_VIEW, Privilege.CAN_QUERY, Privilege.CAN_MANAGE],
            Kind.EXPERIMENT: [Privilege.CAN_READ, Privilege.CAN_EDIT, Privilege.CAN_MANAGE],
            Kind.JOB: of_jobs,
            Kind.RUN: of_jobs,
        }[kind]
        for privilege in Privilege:
            for place, level in enumerate(levels):
                assert covers(frozenset({level}), privilege, kind) == (privilege in levels[: place + 1])

    @pytest.mark.parametrize("text", ["USE_CATALOG", "USE CATALOG", "use catalog", " Use_Catalog "])
    def test_both_spellings_are_understood(self, text: str) -> None:
        assert parse(text) is Privilege.USE_CATALOG

    @given(st.text())
    def test_anything_else_is_no_privilege(self, text: str) -> None:
        if text.strip().upper().replace(" ", "_") in set(Privilege):
            assert parse(text) in Privilege
        else:
            with pytest.raises(Invalid, match="is not a privilege; the privileges are ALL_PRIVILEGES"):
                parse(text)

    def test_taking_all_privileges_away_clears_everything(self) -> None:
        change = GrantChange("alice", remove=frozenset({Privilege.ALL_PRIVILEGES}))
        assert change.applied(frozenset({Privilege.ALL_PRIVILEGES, Privilege.EXECUTE})) == frozenset()

    def test_a_change_adds_and_removes(self) -> None:
        change = GrantChange("a", frozenset({Privilege.EXECUTE}), frozenset({Privilege.BROWSE}))
        held = frozenset({Privilege.BROWSE, Privilege.MANAGE})
        assert change.applied(held) == {Privilege.EXECUTE, Privilege.MANAGE}

    def test_a_change_that_adds_and_removes_the_same_is_refused(self) -> None:
        both = frozenset({Privilege.EXECUTE})
        with pytest.raises(Invalid, match="EXECUTE is both added and removed for alice"):
            GrantChange("alice", both, both).checked(L)

    def test_a_change_of_what_does_not_apply_is_refused_also_when_it_is_removed(self) -> None:
        with pytest.raises(Invalid, match="USE CATALOG is not applicable"):
            GrantChange("alice", remove=frozenset({Privilege.USE_CATALOG})).checked(L)
