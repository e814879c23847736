"""Grants as they are shown, explained and advised: always what the gate then does."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from modelyard.action import METASTORE, Action, Ref
from modelyard.actions import access, catalogs, entity_tags, explain, files, grants, models, prompts, versions
from modelyard.domain.access import EVERYBODY, PrincipalChange, PrincipalKind
from modelyard.domain.explain import Explanation, Readiness, Role
from modelyard.domain.grants import Assignment
from modelyard.domain.models import Tag
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import APPLICABLE, NOT_IN_ALL, PASSAGE, GrantChange, Kind, Privilege
from modelyard.errors import Denied, Failure, Invalid, NotFound
from tests.gate.test_visibility import MOST, Arrangement, Tree, arrangements, tree_of
from tests.house.world import MLMODEL, Person, World, containers

U_C, U_S = Privilege.USE_CATALOG, Privilege.USE_SCHEMA
EXECUTE, MANAGE = Privilege.EXECUTE, Privilege.MANAGE


def effective(world: World, on: Ref, principal: str, who: Person | None = None) -> tuple[Assignment, ...]:
    page: Page[Assignment] = world.do(grants.GetEffectiveGrants(on, principal), who)
    return page.items


def shown(page: Page[Assignment]) -> dict[str, list[tuple[str, str]]]:
    """Privileges by principals, with the container that each is inherited from."""
    return {
        each.principal: [
            (held.privilege.value, held.inherited_from.full_name if held.inherited_from else "")
            for held in each.privileges
        ]
        for each in page.items
    }


def explained(world: World, principal: str, action: str, on: Ref, who: Person | None = None) -> Explanation:
    return world.do(explain.Explain(action, on.name, principal), who)


class TestEffectiveGrants:
    def test_say_where_each_privilege_is_inherited_from(self, world: World) -> None:
        model, alice = world.model(), world.person()
        catalog, schema = containers(model)
        world.grant(catalog, alice.name, U_C, Privilege.BROWSE, Privilege.CREATE_SCHEMA, Privilege.APPLY_TAG)
        world.grant(schema, alice.name, Privilege.ALL_PRIVILEGES)
        world.grant(model, alice.name, EXECUTE)
        found = shown(world.do(grants.GetEffectiveGrants(model), world.owner))
        assert found == {
            alice.name: [
                ("EXECUTE", ""),
                ("ALL_PRIVILEGES", schema.name),
                ("APPLY_TAG", catalog.name),
                ("USE_CATALOG", catalog.name),
            ],
        }
        on_catalog = shown(world.do(grants.GetEffectiveGrants(catalog), world.owner))
        assert ("BROWSE", "") in on_catalog[alice.name]
        assert shown(world.do(grants.GetGrants(model), world.owner)) == {alice.name: [("EXECUTE", "")]}

    def test_of_one_principal_say_through_which_groups_it_holds(self, world: World) -> None:
        model, alice = world.model(), world.person()
        inner, inner_name = world.group(alice.id)
        _, outer_name = world.group(inner)
        world.grant(model, outer_name, EXECUTE)
        world.grant(containers(model)[0], EVERYBODY, U_C)
        world.grant(model, world.person().name, EXECUTE)
        found = {each.principal: each.through for each in effective(world, model, alice.name, world.owner)}
        assert found == {outer_name: (alice.name, inner_name, outer_name), EVERYBODY: (alice.name, EVERYBODY)}

    def test_those_without_manage_see_their_own_and_strangers_nothing(self, world: World) -> None:
        model, alice, bob = world.model(), world.person(), world.person()
        catalog, schema = containers(model)
        for who in (alice, bob):
            world.grant(catalog, who.name, U_C)
            world.grant(schema, who.name, U_S)
        world.grant(model, alice.name, EXECUTE)
        world.grant(model, bob.name, EXECUTE)
        for ask in (grants.GetGrants, grants.GetEffectiveGrants):
            assert set(shown(world.do(ask(model), alice))) == {alice.name}
            assert shown(world.do(ask(model, bob.name), alice)) == {}
            assert set(shown(world.do(ask(model)))) == {alice.name, bob.name}
            with pytest.raises(Denied):
                world.do(ask(model), world.person())
        world.grant(model, alice.name, MANAGE)
        assert set(shown(world.do(grants.GetGrants(model), alice))) == {alice.name, bob.name}

    def test_pages_hold_each_grantee_once(self, world: World) -> None:
        model = world.model()
        names = sorted(world.person().name for _ in range(5))
        for name in names:
            world.grant(model, name, EXECUTE)
            world.grant(containers(model)[0], name, U_C)
        for ask, each in ((grants.GetGrants, 1), (grants.GetEffectiveGrants, 2)):
            found: list[str] = []
            window = Window(2)
            while True:
                page = world.do(ask(model, window=window), world.owner)
                found += [assignment.principal for assignment in page.items]
                assert all(len(assignment.privileges) == each for assignment in page.items)
                if page.after is None:
                    break
                window = Window(2, page.after)
            assert found == names

    def test_a_revocation_is_seen_at_once_by_everybody(self, world: World) -> None:
        model, alice = world.model(), world.person()
        _, team = world.group(alice.id)
        for privilege, on in ((U_C, containers(model)[0]), (U_S, containers(model)[1]), (EXECUTE, model)):
            world.grant(on, team, privilege)
        world.do(models.GetModel(model), alice)
        world.revoke(model, team, EXECUTE)
        with pytest.raises(Denied, match="EXECUTE"):
            world.do(models.GetModel(model), alice)
        assert not explained(world, alice.name, "EXECUTE", model).allowed
        left = {held.privilege for each in effective(world, model, alice.name) for held in each.privileges}
        assert left == {U_C, U_S}

    def test_a_rename_keeps_what_is_inherited(self, world: World) -> None:
        model, alice = world.model(), world.person()
        catalog = containers(model)[0]
        world.grant(catalog, alice.name, U_C, U_S, EXECUTE)
        before = shown(world.do(grants.GetEffectiveGrants(model)))
        name = world.new_name("renamed")
        world.do(catalogs.RenameCatalog(catalog, name, catalogs.Change()))
        moved = Ref(Kind.MODEL, name + model.name.removeprefix(catalog.name))
        after = shown(world.do(grants.GetEffectiveGrants(moved)))
        assert after == {alice.name: [(privilege, name) for privilege, _ in before[alice.name]]}
        world.do(models.GetModel(moved), alice)

    def test_a_silent_change_answers_nothing(self, world: World) -> None:
        model, alice = world.model(), world.person()
        change = (GrantChange(alice.name, add=frozenset({EXECUTE})),)
        assert world.do(grants.ChangeGrants(model, change, silent=True), world.owner) is None
        assert shown(world.do(grants.ChangeGrants(model, ()), world.owner)) == {alice.name: [("EXECUTE", "")]}


def _gives(assignments: tuple[Assignment, ...], wanted: Privilege, on: Ref, place: Ref) -> bool:
    """Whether what is shown on a securable gives a privilege at a place: itself, or a container of it."""
    for held in (held for each in assignments for held in each.privileges):
        source = held.inherited_from
        name, kind = (source.full_name, source.kind) if source else (on.name, on.kind)
        all_of = held.privilege is Privilege.ALL_PRIVILEGES and wanted in APPLICABLE[kind] - NOT_IN_ALL
        if (held.privilege is wanted or all_of) and place.name.startswith(name):
            return True
    return False


def _predicted(tree: Tree, assignments: tuple[Assignment, ...], wanted: Privilege, on: Ref, owned: set[str]) -> bool:
    """The rule of the protocol notes, told once more from what is shown: passage, then a grant or ownership."""
    *above, place = [each for each in tree.refs.values() if on.name == each.name or on.name.startswith(each.name + ".")]
    if wanted is MANAGE and owned & {"", *(each.name for each in above)}:
        return True
    passed = all(each.name in owned or _gives(assignments, PASSAGE[each.kind], on, each) for each in above)
    return passed and (place.name in owned or _gives(assignments, wanted, on, place))


def _owned(tree: Tree, wanted: Arrangement, person: int) -> set[str]:
    acting = {person}
    for _ in tree.ids:
        acting |= {group for group, member in wanted.members if member in acting}
    names = {tree.refs[place].name for place, owner in wanted.owners.items() if owner in acting}
    return names | ({""} if wanted.admin == person else set())


@settings(
    max_examples=MOST,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
@given(wanted=arrangements, person=st.integers(0, 2))
def test_effective_grants_and_explanations_are_what_the_gate_does(
    world: World, wanted: Arrangement, person: int
) -> None:
    tree = tree_of(world)
    undo = tree.arrange(wanted)
    try:
        who, owned = tree.people[person], _owned(tree, wanted, person)
        for on in tree.refs.values():
            found = effective(world, on, who.name)
            for privilege, ask in _asked(on).items():
                done = _is_done(world, ask, who)
                assert done == _predicted(tree, found, privilege, on, owned), (privilege, on)
                told = explained(world, who.name, type(ask).__name__, on)
                assert told.allowed == done
                mine = explained(world, "", type(ask).__name__, on, who)
                assert (mine.allowed, mine.reason) == (done, told.reason)
    finally:
        undo()


def _asked(on: Ref) -> dict[Privilege, Action[Any, Any]]:
    """Actions without a metastore admin's look, and what they need."""
    apply = Privilege.APPLY_TAG
    if on.kind is Kind.MODEL:
        return {
            MANAGE: models.UpdateModel(on, models.ModelChange()),
            EXECUTE: versions.GetDownloadUri(on, 1),
            apply: models.SetModelTag(on, Tag("k", "v")),
        }
    if on.kind is Kind.PROMPT:
        return {
            MANAGE: prompts.UpdatePrompt(on, prompts.PromptChange()),
            EXECUTE: prompts.GetPromptVersion(on, 1),
            apply: prompts.SetPromptTag(on, Tag("k", "v")),
        }
    change = {Kind.CATALOG: catalogs.UpdateCatalog, Kind.SCHEMA: catalogs.UpdateSchema}[on.kind]
    return {MANAGE: change(on, catalogs.Change()), apply: entity_tags.RemoveTag(on, "k")}


def _is_done(world: World, action: Action[Any, Any], who: Person) -> bool:
    try:
        world.do(action, who)
    except Denied:
        return False
    except Failure:
        pass  # it passed the gate, and failed for what the test's tree lacks
    return True


class TestExplanations:
    def test_name_the_grant_and_the_way_of_groups_to_it(self, world: World) -> None:
        model, alice = world.model(), world.person()
        inner, inner_name = world.group(alice.id)
        _, outer_name = world.group(inner)
        world.grant(containers(model)[0], outer_name, Privilege.ALL_PRIVILEGES)
        found = explained(world, alice.name, "execute", model, world.owner)
        assert found.allowed
        assert [check.step.privilege for check in found.checks] == [U_C, U_S, EXECUTE]
        assert {check.through for check in found.checks} == {(alice.name, inner_name, outer_name)}
        assert {check.granted for check in found.checks} == {Privilege.ALL_PRIVILEGES}

    def test_name_owners_of_containers_and_metastore_admins(self, world: World) -> None:
        model, alice = world.model(), world.person()
        _, schema = containers(model)
        _, team = world.group(alice.id)
        world.do(catalogs.UpdateSchema(schema, catalogs.Change(owner=team)))
        checks = explained(world, alice.name, "SetAlias", model).checks
        bases = [(str(check.step.ground.basis), check.through) for check in checks if check.step.ground]
        assert bases == [("container owner", (alice.name, team))] * 3
        admin = world.person()
        world.let(admin, MANAGE, METASTORE)
        checks = explained(world, admin.name, "GetModel", model).checks
        assert {check.through for check in checks} == {(admin.name, "admins")}
        world.forbid(admin, MANAGE, METASTORE)

    @pytest.mark.parametrize("action", ["SetAlias", "set alias", "set_alias", "SET-ALIAS"])
    def test_understand_names_however_they_are_written(self, world: World, action: str) -> None:
        assert explained(world, "", action, world.model(), world.owner).action == "SetAlias"

    @pytest.mark.parametrize("action", ["Fly", "", "CreateCatalog", "USE_CATALOG", "UpdateSchema"])
    def test_refuse_what_is_no_action_on_such_a_securable(self, world: World, action: str) -> None:
        with pytest.raises(Invalid):
            explained(world, "", action, world.model())

    def test_of_others_are_for_those_who_manage(self, world: World) -> None:
        model, alice, bob = world.model(), world.person(), world.person()
        for who in (alice, bob):
            world.grant(containers(model)[0], who.name, U_C, U_S, EXECUTE)
        for ask in (
            explain.Explain("EXECUTE", model.name, bob.name),
            explain.Preflight(Role.INFERENCE, model.name, principal=bob.name),
        ):
            with pytest.raises(Denied, match="User does not have MANAGE on Routine or Model"):
                world.do(ask, alice)
            world.do(ask, world.owner)
            world.grant(model, alice.name, MANAGE)
            world.do(ask, alice)
            world.revoke(model, alice.name, MANAGE)

    def test_of_a_copy_take_both_models_and_the_right_to_ask_of_both(self, world: World) -> None:
        origin, model, alice = world.model(), world.model(), world.person()
        ask = explain.Explain("RegisterCopy", model.name, alice.name, origin.name)
        found = world.do(ask, world.owner)
        assert [check.step.on.full_name for check in found.checks][2::3] == [origin.name, model.name]
        boss = world.person()
        world.grant(containers(model)[0], boss.name, U_C, U_S, MANAGE)
        with pytest.raises(Denied, match=f"USE CATALOG on Catalog '{containers(origin)[0].name}'"):
            world.do(ask, boss)

    def test_of_oneself_tell_nothing_behind_a_closed_gate(self, world: World) -> None:
        model, alice = world.model(), world.person()
        world.grant(containers(model)[0], alice.name, U_C)
        world.grant(model, alice.name, EXECUTE)
        nothing = Ref(Kind.MODEL, model.name + "_not")
        for role, source in ((Role.INFERENCE, ""), (Role.TRAINING, ""), (Role.PROMOTION, model.name)):
            answers = [world.do(explain.Preflight(role, name, source), alice) for name in (model.name, nothing.name)]
            told = [
                [(check.step.privilege, check.step.on.kind, check.step.passed) for check in answer.checks]
                for answer in answers
            ]
            assert told[0] == told[1] or role is Role.PROMOTION
            assert all(answer.absent == () for answer in answers)
        answers = [explained(world, "", "EXECUTE", on, alice) for on in (model, nothing)]
        assert answers[0].checks == answers[1].checks
        assert not answers[0].whole
        assert answers[0].reason == f"User does not have USE SCHEMA on Schema '{containers(model)[1].name}'."

    def test_of_somebody_shut_out_say_so(self, world: World) -> None:
        model, alice = world.model(), world.person()
        world.grant(containers(model)[0], alice.name, U_C, U_S, EXECUTE)
        world.do(access.UpdatePrincipal(PrincipalKind.USER, alice.id, PrincipalChange(active=False)))
        found = explained(world, alice.name, "EXECUTE", model)
        assert (found.allowed, "not active" in found.reason) == (False, True)


# Preflight: applying what is printed makes the role's own actions succeed, and each grant of it is necessary.


def train(world: World, who: Person, model: str, _source: str) -> None:
    """As MLflow does: make the model unless it is there, then register a version with its files."""
    ref = Ref(Kind.MODEL, model)
    try:
        world.do(models.GetModel(ref))
    except NotFound:
        world.do(models.CreateModel(containers(ref)[1], model.rpartition(".")[2]), who)
    number = world.register(ref, who)
    world.do(files.KeepFile(ref, number, "MLmodel", world.blob(MLMODEL)), who)
    world.do(world.finalizing(ref, number, who), who)


def promote(world: World, who: Person, model: str, source: str) -> None:
    origin, ref = Ref(Kind.MODEL, source), Ref(Kind.MODEL, model)
    world.do(files.FindFile(origin, 1, "MLmodel"), who)
    try:
        world.do(models.GetModel(ref))
    except NotFound:
        world.do(models.CreateModel(containers(ref)[1], model.rpartition(".")[2]), who)
    copy = world.do(versions.RegisterCopy(origin, 1, ref, versions.Registration(f"models:/{source}/1")), who)
    world.do(files.KeepFile(ref, copy.number, "MLmodel", world.blob(MLMODEL)), who)
    world.do(world.finalizing(ref, copy.number, who), who)


def deploy(world: World, who: Person, model: str, _source: str) -> None:
    ref = Ref(Kind.MODEL, model)
    world.do(models.GetModel(ref), who)
    world.do(models.SetAlias(ref, "champion", 1), who)
    world.do(files.FindFile(ref, 1, "MLmodel"), who)


def infer(world: World, who: Person, model: str, _source: str) -> None:
    ref = Ref(Kind.MODEL, model)
    world.do(models.GetModel(ref), who)
    world.do(versions.GetVersion(ref, 1), who)
    world.do(files.FindFile(ref, 1, "MLmodel"), who)


WORK: dict[Role, Callable[[World, Person, str, str], None]] = {
    Role.TRAINING: train,
    Role.PROMOTION: promote,
    Role.DEPLOYMENT: deploy,
    Role.INFERENCE: infer,
}


def _ready(world: World) -> Ref:
    model = world.model()
    world.ready(model)
    return model


MAKERS = (Role.TRAINING, Role.PROMOTION)
CASES = [*((role, what) for role in Role for what in ("model", "schema")), *((role, "new") for role in MAKERS)]


@pytest.mark.parametrize(("role", "what"), CASES, ids=str)
def test_the_printed_grants_are_enough_for_a_role_and_each_is_necessary(world: World, role: Role, what: str) -> None:
    source = _ready(world).name if role is Role.PROMOTION else ""
    model = _ready(world)
    schema = containers(model)[1].name
    named = {"model": model.name, "schema": schema, "new": f"{schema}.fresh"}[what]
    made = f"{schema}.fresh" if role in MAKERS else model.name  # what is done where a whole schema is named
    done_with = made if what == "schema" else named
    who = world.person()
    ask = explain.Preflight(role, named, source, who.name)

    def lacking() -> list[tuple[Ref, Privilege]]:
        found: Readiness = world.do(ask)
        assert found.ready == (not found.remedies)
        return [
            (Ref(remedy.on.kind, remedy.on.full_name), privilege)
            for remedy in found.remedies
            for privilege in remedy.privileges
        ]

    printed = lacking()
    for on, privilege in printed:
        world.grant(on, who.name, privilege)
    assert lacking() == []
    for on, privilege in printed:
        world.revoke(on, who.name, privilege)
        assert lacking() == [(on, privilege)]
        with pytest.raises(Denied):
            WORK[role](world, who, done_with, source)
        world.grant(on, who.name, privilege)
    WORK[role](world, who, done_with, source)


def test_what_is_not_there_cannot_be_granted(world: World) -> None:
    schema = world.schema()
    found: Readiness = world.do(explain.Preflight(Role.INFERENCE, f"{schema.name}.nothing"), world.owner)
    assert found.absent == (f"Routine or Model '{schema.name}.nothing' does not exist.",)
    assert (found.ready, found.remedies) == (False, ())


def test_who_owns_a_schema_manages_without_passage_and_still_needs_it_to_deploy(world: World) -> None:
    model, alice = _ready(world), world.person()
    catalog, schema = containers(model)
    world.do(catalogs.UpdateSchema(schema, catalogs.Change(owner=alice.name)))
    found: Readiness = world.do(explain.Preflight(Role.DEPLOYMENT, model.name, principal=alice.name))
    assert [(remedy.on.full_name, remedy.privileges) for remedy in found.remedies] == [
        (catalog.name, (U_C,)),
        (model.name, (EXECUTE,)),
    ]
    for remedy in found.remedies:
        world.grant(Ref(remedy.on.kind, remedy.on.full_name), alice.name, *remedy.privileges)
    deploy(world, alice, model.name, "")


def test_only_a_promotion_has_a_source(world: World) -> None:
    model = world.model().name
    for role in Role:
        with pytest.raises(Invalid, match="source"):
            world.do(explain.Preflight(role, model, "" if role is Role.PROMOTION else model))


def test_advice_is_written_as_sql_and_as_a_command(world: World) -> None:
    model, _ = world.model(), world.person()
    _, team = world.group()
    found: Readiness = world.do(explain.Preflight(Role.INFERENCE, model.name, principal=team))
    catalog, schema, name = model.name.split(".")
    assert [remedy.sql for remedy in found.remedies] == [
        f"GRANT USE CATALOG ON CATALOG `{catalog}` TO `{team}`",
        f"GRANT USE SCHEMA ON SCHEMA `{catalog}`.`{schema}` TO `{team}`",
        f"GRANT EXECUTE ON FUNCTION `{catalog}`.`{schema}`.`{name}` TO `{team}`",
    ]
    assert found.remedies[2].command == f"modelyard grants set model {model.name} {team} EXECUTE"
