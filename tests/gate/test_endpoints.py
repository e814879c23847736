"""Serving endpoints: who may make them serve what, what becomes of updates, and what is refused at each start."""

from __future__ import annotations

import time
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest
from sqlalchemy import bindparam, select

from modelyard.action import Action, Ref
from modelyard.actions import access, catalogs, deployments, endpoints, models, permissions, rollouts, secrets, versions
from modelyard.domain.access import SERVER, Bearer, PrincipalChange, PrincipalKind, Server
from modelyard.domain.endpoints import (
    Deployment,
    Elsewhere,
    Endpoint,
    Entity,
    Level,
    RateLimit,
    Share,
    Standing,
    Update,
    path,
)
from modelyard.domain.journal import Origin
from modelyard.domain.models import Tag, TagChange
from modelyard.domain.plans import Plan
from modelyard.domain.privileges import Kind, Privilege
from modelyard.domain.rollouts import Phase, Rollout
from modelyard.domain.secrets import Hidden as HiddenValue
from modelyard.domain.secrets import Level as SecretLevel
from modelyard.domain.updates import ConfigChange
from modelyard.errors import AlreadyExists, Denied, Hidden, Invalid, NotFound, Updating, WrongState
from modelyard.store import schema
from tests.gate.threads import at_once, persistent
from tests.house.world import Person, World, containers

ORIGIN = Origin(uuid.uuid4().hex)
_EVENTS = select(schema.events.c.type).where(schema.events.c.securable == bindparam("securable"))
_SUBJECT = select(schema.audit.c.securable).where(schema.audit.c.request_id == bindparam("request"))
PLAN = Plan("challenger", (10, 100), bake_seconds=0, min_requests=1)


@pytest.fixture
def maker(world: World) -> Person:
    """Somebody who may run code, and nothing else."""
    made = world.person()
    world.entitle(made.id)
    return made


def let_load(world: World, who: Person, model: Ref) -> None:
    catalog, schema = containers(model)
    world.grant(catalog, who.name, Privilege.USE_CATALOG)
    world.grant(schema, who.name, Privilege.USE_SCHEMA)
    world.grant(model, who.name, Privilege.EXECUTE)


def served_model(world: World, who: Person) -> Ref:
    """A model with a version that somebody may load."""
    model = world.model()
    world.ready(model)
    let_load(world, who, model)
    return model


def create(world: World, who: Person, *entities: Entity) -> Ref:
    name = path(world.new_name("endpoint"))
    world.do(endpoints.CreateEndpoint(name, world.serving(*entities) if entities else None), who)
    return Ref(Kind.ENDPOINT, name)


def get(world: World, endpoint: Ref, who: Person | None = None) -> Endpoint:
    return world.do(endpoints.GetEndpoint(endpoint), who)


def rollout(world: World, endpoint: Ref) -> Rollout:
    return world.do(rollouts.GetRollout(endpoint))


def shares(endpoint: Endpoint) -> dict[str, int]:
    assert endpoint.active
    return {share.entity: share.percentage for share in endpoint.active.shares}


def load(world: World, endpoint: Ref, place: int = 0) -> Any:  # noqa: ANN401  a Provision
    found = get(world, endpoint)
    config = found.pending or found.active
    assert config
    return world.ask(deployments.LoadServed(found.id, config.entities[place].served_id(found.id)), Server())


def follow(world: World, endpoint: Ref) -> Endpoint | None:
    return world.ask(deployments.FollowAliases(get(world, endpoint).id), Server())


def split(**percentages: int) -> ConfigChange:
    return ConfigChange(shares=tuple(Share(name, each) for name, each in percentages.items()))


class TestWhoMakesIt:
    def test_is_entitled_itself_or_through_a_group(self, world: World) -> None:
        who = world.person()
        with pytest.raises(Denied, match="ALLOW CLUSTER CREATE"):
            create(world, who)
        group, _ = world.group(who.id)
        world.entitle(group, PrincipalKind.GROUP)
        assert get(world, create(world, who)).creator == who.name
        world.shut_out(group, PrincipalKind.GROUP)
        with pytest.raises(Denied):
            create(world, who)

    def test_needs_execute_and_the_way_there_on_every_model(self, world: World, maker: Person) -> None:
        mine, other = served_model(world, maker), world.model()
        entities = Entity("mine", mine.name, 1), Entity("other", other.name, world.ready(other))
        catalog, schema = containers(other)
        for privilege, on in (
            (Privilege.USE_CATALOG, catalog),
            (Privilege.USE_SCHEMA, schema),
            (Privilege.EXECUTE, other),
        ):
            with pytest.raises(Denied, match=f"does not have {privilege.words}"):
                create(world, maker, *entities)
            world.grant(on, maker.name, privilege)
        assert get(world, create(world, maker, *entities)).update is Update.IN_PROGRESS

    def test_finds_out_that_a_name_is_taken_and_nothing_else(self, world: World, maker: Person) -> None:
        taken = world.endpoint()
        with pytest.raises(AlreadyExists, match="already exists"):
            world.do(endpoints.CreateEndpoint(taken.name), maker)
        with pytest.raises(Hidden):
            get(world, taken, maker)

    def test_is_its_creator_for_good(self, world: World, maker: Person) -> None:
        made = create(world, maker)
        world.permit(made)
        assert get(world, made, maker).level is Level.CAN_MANAGE

    def test_one_of_many_at_once_gets_the_name(self, world: World, maker: Person) -> None:
        name = path(world.new_name("endpoint"))
        found = at_once([persistent(lambda: world.do(endpoints.CreateEndpoint(name), maker))] * 8)
        assert sorted(type(each).__name__ for each in found) == ["AlreadyExists"] * 7 + ["Endpoint"]


class TestUpdates:
    def test_are_decided_by_what_the_creator_holds_whoever_asks(self, world: World, maker: Person) -> None:
        """The owner may load its own model; but it is the creator who would load it."""
        made, secret = create(world, maker), world.model()
        world.ready(secret)
        world.permit(made, (world.owner.name, Level.CAN_MANAGE))
        change = world.serving(Entity("champion", secret.name, 1))
        with pytest.raises(Denied, match=f"{maker.name}, who made the endpoint.*does not have USE CATALOG"):
            world.do(endpoints.UpdateConfig(made, change), world.owner)
        with pytest.raises(Denied):
            world.do(endpoints.UpdateConfig(made, change))
        let_load(world, maker, secret)
        found = world.do(endpoints.UpdateConfig(made, change), world.owner)
        assert found.pending.entities[0].creator == world.owner.name

    def test_take_an_entitled_caller_and_an_entitled_creator(self, world: World, maker: Person) -> None:
        model, manager = served_model(world, maker), world.person()
        made = create(world, maker)
        world.permit(made, (manager.name, Level.CAN_MANAGE))
        change = endpoints.UpdateConfig(made, world.serving(Entity("champion", model.name, 1)))
        with pytest.raises(Denied, match="ALLOW CLUSTER CREATE"):
            world.do(change, manager)
        world.entitle(manager.id)
        world.shut_out(maker.id)
        with pytest.raises(Denied, match=f"{maker.name}, who made the endpoint"):
            world.do(change, manager)
        world.entitle(maker.id)
        assert world.do(change, manager).update is Update.IN_PROGRESS

    def test_look_at_the_creators_privileges_again(self, world: World, maker: Person) -> None:
        model = served_model(world, maker)
        made = create(world, maker, Entity("champion", model.name, 1))
        world.note(made, Deployment.READY)
        world.revoke(model, maker.name, Privilege.EXECUTE)
        with pytest.raises(Denied, match="does not have EXECUTE"):
            world.do(endpoints.UpdateConfig(made, split(champion=100)), maker)
        assert get(world, made).is_ready

    def test_wait_for_each_other(self, world: World) -> None:
        made = world.endpoint(world.entity())
        with pytest.raises(Updating, match="being updated"):
            world.do(endpoints.UpdateConfig(made, split(champion=100)), world.owner)
        world.note(made, Deployment.FAILED, "it does not load.")
        assert world.do(endpoints.UpdateConfig(made, split(champion=100)), world.owner).last_number == 2

    def test_at_once_are_accepted_one_after_the_other_or_refused(self, world: World) -> None:
        made, entity = world.served(), world.entity()
        changes = [world.serving(replace(entity, name=f"e{number}")) for number in range(8)]
        asked = [
            persistent(lambda c=change: world.do(endpoints.UpdateConfig(made, c), world.owner)) for change in changes
        ]
        found = at_once(asked)
        assert sorted(type(each).__name__ for each in found) == ["Endpoint"] + ["Updating"] * 7
        assert [config.number for config in world.do(endpoints.ListConfigs(made))] == [2, 1]

    def test_of_shares_alone_are_active_at_once(self, world: World) -> None:
        made = world.served()
        found = world.do(endpoints.UpdateConfig(made, split(champion=90, challenger=10)), world.owner)
        assert (found.update, found.pending, shares(found)) == (
            Update.NOT_UPDATING,
            None,
            {"champion": 90, "challenger": 10},
        )

    def test_of_shares_are_active_at_once_also_away_from_one_that_is_down(self, world: World) -> None:
        made = world.served()
        world.note(made, Deployment.FAILED, "it crashed.", only="champion")
        found = world.do(endpoints.UpdateConfig(made, split(champion=0, challenger=100)), world.owner)
        assert (found.update, shares(found)) == (Update.NOT_UPDATING, {"champion": 0, "challenger": 100})

    def test_that_fail_leave_what_serves(self, world: World) -> None:
        made, worse = world.served(), world.entity("worse")
        before = get(world, made)
        world.do(endpoints.UpdateConfig(made, world.serving(worse)), world.owner)
        assert get(world, made).active == before.active
        world.note(made, Deployment.FAILED, "no module named fraud.", only="worse")
        after = get(world, made)
        assert (after.update, after.is_ready, after.active) == (Update.UPDATE_FAILED, True, before.active)
        assert "no module named fraud" in after.message

    def test_that_come_up_serve_under_their_number(self, world: World) -> None:
        made = world.served()
        world.do(endpoints.UpdateConfig(made, world.serving(world.entity("better"))), world.owner)
        world.note(made, Deployment.READY)
        after = get(world, made)
        assert after.active
        assert (after.update, after.active.number, shares(after)) == (Update.NOT_UPDATING, 2, {"better": 100})

    def test_tell_those_who_listen_once(self, world: World) -> None:
        made = world.served()
        world.note(made, Deployment.READY)
        world.note(made, Deployment.READY)
        told = [type_ for type_ in events(world, made) if type_ == "serving_endpoint.ready"]
        assert told == ["serving_endpoint.ready"]

    def test_name_versions_by_alias(self, world: World) -> None:
        model = world.model()
        first, second = world.ready(model), world.ready(model)
        world.do(models.SetAlias(model, "Champion", second))
        made = world.endpoint(Entity("it", model.name, alias="champion"))
        found = get(world, made).pending
        assert found
        assert (found.entities[0].version, found.entities[0].alias) == (second, "champion")
        with pytest.raises(NotFound, match="has no alias 'gone'"):
            world.endpoint(Entity("it", model.name, alias="gone"))
        assert first != second

    def test_of_versions_that_are_not_there_or_not_ready_are_refused(self, world: World) -> None:
        model = world.model()
        pending = world.register(model)
        with pytest.raises(WrongState, match="served"):
            world.endpoint(Entity("it", model.name, pending))
        with pytest.raises(NotFound):
            world.endpoint(Entity("it", model.name, 99))
        with pytest.raises(NotFound, match="does not exist"):
            world.endpoint(Entity("it", model.name + "x", 1))

    def test_refer_to_secrets_that_the_creator_may_read(self, world: World, maker: Person) -> None:
        model, scope = served_model(world, maker), world.new_name("scope")
        world.do(secrets.CreateScope(scope), world.owner)
        world.do(secrets.PutSecret(scope, "token", HiddenValue(b"open sesame")), world.owner)
        entity = Entity("champion", model.name, 1, variables=(("TOKEN", f"{{{{secrets/{scope}/token}}}}"), ("A", "1")))
        with pytest.raises(NotFound, match="TOKEN"):
            create(world, maker, entity)
        world.do(secrets.PutAcl(scope, maker.name, SecretLevel.READ), world.owner)
        made = create(world, maker, entity)
        assert load(world, made).variables == {"TOKEN": "open sesame", "A": "1"}
        assert "open sesame" not in repr(load(world, made)) + repr(get(world, made))
        world.do(secrets.DeleteAcl(scope, maker.name), world.owner)
        with pytest.raises(NotFound, match="TOKEN"):
            load(world, made)

    def test_leave_a_mark_on_what_was_added_and_none_on_what_stayed(self, world: World, maker: Person) -> None:
        made, one = world.served(), world.entity("third")
        world.permit(made, (maker.name, Level.CAN_MANAGE))
        before = get(world, made).active
        assert before
        change = replace(world.serving(*before.entities, one), sticky="user")
        after = world.do(endpoints.UpdateConfig(made, change), maker).pending
        assert [each.creator for each in after.entities] == [world.owner.name, world.owner.name, maker.name]
        assert after.created_by == maker.name


def events(world: World, endpoint: Ref) -> list[str]:
    """The kinds of what was announced of an endpoint."""
    with world.inside.built.database.look() as tx:
        return [type_ for (type_,) in tx.rows(_EVENTS, securable=endpoint.name)]


class TestStopping:
    def test_ends_it_until_it_is_started_with_the_same_under_a_new_number(self, world: World) -> None:
        made = world.served()
        stopped = world.do(endpoints.StopEndpoint(made), world.owner)
        assert (stopped.stopped, stopped.is_ready, stopped.update) == (True, False, Update.NOT_UPDATING)
        with pytest.raises(WrongState, match="is stopped"):
            world.do(endpoints.UpdateConfig(made, split(champion=100)), world.owner)
        world.do(endpoints.StopEndpoint(made), world.owner)
        coming = world.do(endpoints.StartEndpoint(made), world.owner)
        assert (coming.stopped, coming.update, coming.pending.number) == (False, Update.IN_PROGRESS, 2)
        world.note(made, Deployment.READY)
        after = get(world, made)
        assert after.active
        assert (after.is_ready, after.active.number) == (True, 2)
        with pytest.raises(WrongState, match="is not stopped"):
            world.do(endpoints.StartEndpoint(made), world.owner)

    def test_cancels_what_comes_up(self, world: World) -> None:
        made = world.endpoint(world.entity())
        assert world.do(endpoints.StopEndpoint(made), world.owner).update is Update.UPDATE_CANCELED
        assert world.do(endpoints.StartEndpoint(made), world.owner).update is Update.IN_PROGRESS

    def test_what_has_nothing_to_serve_is_refused_as_it_could_not_be_started(self, world: World) -> None:
        made = world.endpoint()
        with pytest.raises(WrongState, match="nothing to serve yet"):
            world.do(endpoints.StopEndpoint(made), world.owner)
        assert world.do(endpoints.UpdateConfig(made, world.serving(world.entity())), world.owner).pending

    def test_is_undone_only_for_a_creator_who_may_still_load_it(self, world: World, maker: Person) -> None:
        model = served_model(world, maker)
        made = create(world, maker, Entity("champion", model.name, 1))
        world.do(endpoints.StopEndpoint(made), maker)
        world.revoke(model, maker.name, Privilege.EXECUTE)
        with pytest.raises(Denied, match="does not have EXECUTE"):
            world.do(endpoints.StartEndpoint(made))
        assert get(world, made).stopped


def _revoked(world: World, maker: Person, model: Ref) -> None:
    world.revoke(model, maker.name, Privilege.EXECUTE)


def _closed_way(world: World, maker: Person, model: Ref) -> None:
    world.revoke(containers(model)[1], maker.name, Privilege.USE_SCHEMA)


def _deactivated(world: World, maker: Person, _model: Ref) -> None:
    world.do(access.UpdatePrincipal(PrincipalKind.USER, maker.id, PrincipalChange(active=False)))


def _shut_out(world: World, maker: Person, _model: Ref) -> None:
    world.shut_out(maker.id)


def _version_deleted(world: World, _maker: Person, model: Ref) -> None:
    world.do(versions.DeleteVersion(model, 1), world.owner)


def _model_deleted(world: World, _maker: Person, model: Ref) -> None:
    world.do(models.DeleteModel(model), world.owner)


WITHDRAWN: list[tuple[Callable[[World, Person, Ref], None], type[Exception], str]] = [
    (_revoked, Denied, "does not have EXECUTE"),
    (_closed_way, Denied, "does not have USE SCHEMA"),
    (_deactivated, Denied, "is not active any more"),
    (_shut_out, Denied, "does not have ALLOW CLUSTER CREATE"),
    (_version_deleted, NotFound, "has no version"),
    (_model_deleted, NotFound, "does not exist"),
]


class TestEachStart:
    def test_is_given_the_files_of_the_version(self, world: World, maker: Person) -> None:
        model = served_model(world, maker)
        made = create(world, maker, Entity("champion", model.name, 1))
        assert [entry.path for entry in load(world, made).files] == ["MLmodel"]

    @pytest.mark.parametrize(("withdraw", "failure", "why"), WITHDRAWN, ids=[each[0].__name__ for each in WITHDRAWN])
    def test_is_refused_where_something_was_withdrawn_while_what_runs_goes_on_and_says_so(
        self,
        world: World,
        maker: Person,
        withdraw: Callable[[World, Person, Ref], None],
        failure: type[Exception],
        why: str,
    ) -> None:
        model = served_model(world, maker)
        made = create(world, maker, Entity("champion", model.name, 1))
        world.note(made, Deployment.READY)
        load(world, made)
        withdraw(world, maker, model)
        with pytest.raises(failure, match=why):
            load(world, made)
        found = get(world, made)
        assert found.active
        told = found.standing(found.active.entities[0])
        assert (found.is_ready, told.state) == (True, Deployment.READY)
        assert told.message.startswith("It runs on, but cannot be started again: ")
        assert why in told.message
        [wanted] = [each for each in world.ask(deployments.ListWanted(), Server()).endpoints if each.id == found.id]
        assert wanted.active.entities[0].digest
        assert wanted.is_serving

    def test_of_what_is_not_to_be_served_any_more_is_refused(self, world: World) -> None:
        made = world.served()
        found = get(world, made)
        assert found.active
        chore = deployments.LoadServed(found.id, found.active.entities[0].served_id(found.id))
        world.ask(chore, Server())
        world.do(endpoints.DeleteEndpoint(made), world.owner)
        with pytest.raises(NotFound, match="nothing of this id is to be served"):
            world.ask(chore, Server())

    def test_is_the_creators_affair_and_not_that_of_whoever_updated_it(self, world: World, maker: Person) -> None:
        model, manager = served_model(world, maker), world.person()
        made = create(world, maker)
        world.entitle(manager.id)
        world.permit(made, (manager.name, Level.CAN_MANAGE))
        world.do(endpoints.UpdateConfig(made, world.serving(Entity("champion", model.name, 1))), manager)
        _deactivated(world, manager, model)
        assert load(world, made).files


LEVELS: list[tuple[Callable[[Ref], Action[Any, Any]], Level]] = [
    (endpoints.GetEndpoint, Level.CAN_VIEW),
    (endpoints.ListConfigs, Level.CAN_VIEW),
    (endpoints.ListLevels, Level.CAN_VIEW),
    (endpoints.WatchEndpoint, Level.CAN_VIEW),
    (endpoints.Predict, Level.CAN_QUERY),
    (permissions.GetPermissions, Level.CAN_MANAGE),
    (lambda made: endpoints.SetRateLimits(made, (RateLimit(1),)), Level.CAN_MANAGE),
    (lambda made: endpoints.ChangeEndpointTags(made, TagChange((Tag("a", "b"),))), Level.CAN_MANAGE),
    (lambda made: endpoints.ReadServingLogs(made, "champion"), Level.CAN_MANAGE),
    (endpoints.StopEndpoint, Level.CAN_MANAGE),
    (endpoints.DeleteEndpoint, Level.CAN_MANAGE),
]


class TestPermissions:
    @pytest.mark.parametrize("held", Level)
    def test_a_level_may_do_what_it_includes_and_no_more(self, world: World, held: Level) -> None:
        made, who = world.served(), world.person()
        _, group = world.group(world.group(who.id)[0])
        world.permit(made, (group, held))
        order = list(Level)
        for make, needed in LEVELS:
            if order.index(held) >= order.index(needed):
                world.do(make(made), who)
            else:
                with pytest.raises(Denied, match=f"does not have {needed.value.replace('_', ' ')} on Endpoint"):
                    world.do(make(made), who)

    def test_without_a_level_there_is_nothing_also_not_in_lists(self, world: World) -> None:
        made, who = world.served(), world.person()
        name = made.name
        for make, _ in LEVELS:
            for ref in (made, Ref(made.kind, get(world, made).id)):
                with pytest.raises(Hidden):
                    world.do(make(ref), who)
        assert world.do(endpoints.ListEndpoints(), who) == []
        world.permit(made, (who.name, Level.CAN_VIEW))
        [found] = world.do(endpoints.ListEndpoints(), who)
        assert (path(found.name), found.level) == (name, Level.CAN_VIEW)
        world.permit(made)
        assert world.do(endpoints.ListEndpoints(), who) == []

    def test_are_merged_or_replaced(self, world: World) -> None:
        made, ann, bob = world.endpoint(), world.person(), world.person()

        def change(*levels: tuple[str, Level], replaces: bool = False) -> dict[str, Level]:
            told = world.do(permissions.ChangePermissions(made, levels, replaces=replaces), world.owner).permitted
            return {each.principal: each.level for each in told if each.principal not in {world.owner.name, "admins"}}

        assert change((ann.name, Level.CAN_MANAGE)) == {ann.name: Level.CAN_MANAGE}
        assert change((bob.name, Level.CAN_VIEW)) == {ann.name: Level.CAN_MANAGE, bob.name: Level.CAN_VIEW}
        assert change((ann.name, Level.CAN_QUERY))[ann.name] == Level.CAN_QUERY
        assert change((bob.name, Level.CAN_QUERY), replaces=True) == {bob.name: Level.CAN_QUERY}
        with pytest.raises(NotFound, match="Could not find principal"):
            change(("nobody", Level.CAN_VIEW), replaces=True)
        assert change() == {bob.name: Level.CAN_QUERY}
        assert change(replaces=True) == {}

    def test_are_recorded_and_announced_by_the_name_also_when_the_endpoint_was_named_by_its_id(
        self, world: World
    ) -> None:
        made, request = world.endpoint(), world.new_name("request")
        world.do(permissions.ChangePermissions(Ref(made.kind, get(world, made).id), ()), world.owner, request)
        assert sorted(events(world, made)) == ["grants.changed", "serving_endpoint.created"]
        with world.inside.built.database.look() as tx:
            [(securable,)] = tx.rows(_SUBJECT, request=request)
        assert securable == made.name

    def test_show_the_creator_and_the_admins_first(self, world: World) -> None:
        made = world.endpoint()
        told = world.do(permissions.GetPermissions(made), world.owner).permitted
        assert [(each.principal, each.level, each.inherited) for each in told] == [
            (world.owner.name, Level.CAN_MANAGE, False),
            ("admins", Level.CAN_MANAGE, True),
        ]

    def test_who_manages_may_shut_out_others_but_not_the_creator(self, world: World) -> None:
        made, manager = world.endpoint(), world.person()
        world.permit(made, (manager.name, Level.CAN_MANAGE))
        change = permissions.ChangePermissions(made, ((world.owner.name, Level.CAN_VIEW),), replaces=True)
        world.do(change, manager)
        with pytest.raises(Hidden):
            get(world, made, manager)
        assert get(world, made, world.owner).level is Level.CAN_MANAGE

    def test_reach_predictions_within_a_second(self, world: World) -> None:
        """What the gate remembers of an invocation, it forgets by itself; a denial it never remembers."""
        made, who = world.endpoint(), world.person()
        gate, predict = world.inside.gate, endpoints.Predict(made)
        with pytest.raises(Hidden):
            gate.permit(predict, who.credential, ORIGIN)
        world.permit(made, (who.name, Level.CAN_QUERY))
        assert gate.permitted(predict, who.credential) is None
        permit = gate.permit(predict, who.credential, ORIGIN)
        assert (permit.principal, permit.endpoint_id) == (who.name, get(world, made).id)
        assert gate.permitted(predict, who.credential) == permit
        assert gate.permitted(predict, Bearer("mypat_other")) is None
        world.permit(made)
        until = time.monotonic() + 1.5
        while gate.permitted(predict, who.credential) and time.monotonic() < until:
            time.sleep(0.02)
        assert gate.permitted(predict, who.credential) is None
        with pytest.raises(Hidden):
            gate.permit(predict, who.credential, ORIGIN)


class TestRollouts:
    def test_begin_with_their_first_step(self, world: World) -> None:
        made = world.served()
        begun = world.do(rollouts.StartRollout(made, PLAN), world.owner)
        assert (begun.phase, begun.percentage, begun.started_by) == (Phase.RUNNING, 10, world.owner.name)
        assert shares(get(world, made)) == {"champion": 90, "challenger": 10}
        with pytest.raises(Updating):
            world.do(rollouts.StartRollout(made, PLAN), world.owner)

    @pytest.mark.parametrize(
        ("plan", "failure"),
        [(replace(PLAN, entity="other"), NotFound), (replace(PLAN, steps=(50, 10)), Invalid)],
    )
    def test_of_nonsense_are_refused(self, world: World, plan: Plan, failure: type[Exception]) -> None:
        with pytest.raises(failure):
            world.do(rollouts.StartRollout(world.served(), plan), world.owner)

    def test_of_what_does_not_serve_are_refused(self, world: World) -> None:
        for made, failure in ((world.endpoint(), WrongState), (world.endpoint(world.entity("challenger")), Updating)):
            with pytest.raises(failure):
                world.do(rollouts.StartRollout(made, PLAN), world.owner)
            with pytest.raises(NotFound, match="has had no roll-out"):
                rollout(world, made)

    def advance(self, world: World, made: Ref, after: Rollout, request: str = "") -> Endpoint | None:
        chore = deployments.AdvanceRollout(get(world, made).id, rollout(world, made), after)
        return world.ask(chore, Server(), request)

    def test_go_on_to_the_end_and_every_step_is_recorded(self, world: World) -> None:
        made = world.served()
        begun = world.do(rollouts.StartRollout(made, PLAN), world.owner)
        request = world.new_name("request")
        self.advance(world, made, replace(begun, step=1, step_at=5), request)
        assert shares(get(world, made)) == {"champion": 0, "challenger": 100}
        [(_, principal, action, result, *_)] = world.recorded(request)
        assert (principal, action, result) == (SERVER.principal.name, "advanceRollout", "done")
        self.advance(world, made, replace(rollout(world, made), phase=Phase.COMPLETED, reason="every step."))
        assert rollout(world, made).phase is Phase.COMPLETED
        assert shares(get(world, made)) == {"champion": 0, "challenger": 100}
        assert world.do(rollouts.StartRollout(made, replace(PLAN, entity="champion")), world.owner)

    @pytest.mark.parametrize("state", [Deployment.READY, Deployment.RECOVERING, Deployment.FAILED])
    def test_are_taken_back_at_once_also_when_the_entity_is_down(self, world: World, state: Deployment) -> None:
        made = world.served()
        begun = world.do(rollouts.StartRollout(made, PLAN), world.owner)
        world.note(made, state, only="challenger")
        self.advance(world, made, replace(begun, phase=Phase.ROLLED_BACK, reason="too many errors."))
        after = get(world, made)
        assert (after.update, shares(after)) == (Update.NOT_UPDATING, {"champion": 100, "challenger": 0})
        assert rollout(world, made).reason == "too many errors."

    def test_that_have_moved_since_they_were_judged_are_left_alone(self, world: World) -> None:
        made = world.served()
        before = world.do(rollouts.StartRollout(made, PLAN), world.owner)
        stale = deployments.AdvanceRollout(get(world, made).id, before, replace(before, step=1))
        world.do(rollouts.EndRollout(made, back=True), world.owner)
        assert world.ask(stale, Server()) is None
        assert shares(get(world, made)) == {"champion": 100, "challenger": 0}

    @pytest.mark.parametrize(("back", "left"), [(True, 0), (False, 10)])
    def test_are_ended_by_people(self, world: World, back: bool, left: int) -> None:  # noqa: FBT001  a case of the test
        made = world.served()
        world.do(rollouts.StartRollout(made, PLAN), world.owner)
        ended = world.do(rollouts.EndRollout(made, back), world.owner)
        assert ended.phase is (Phase.ROLLED_BACK if back else Phase.CANCELED)
        assert world.owner.name in ended.reason
        assert shares(get(world, made)) == {"champion": 100 - left, "challenger": left}
        with pytest.raises(WrongState, match="has ended"):
            world.do(rollouts.EndRollout(made), world.owner)

    @pytest.mark.parametrize("what", ["update", "stop"])
    def test_are_canceled_by_whoever_changes_what_they_compare(self, world: World, what: str) -> None:
        made = world.served()
        world.do(rollouts.StartRollout(made, PLAN), world.owner)
        running = world.ask(deployments.ListWanted(), Server()).rollouts
        assert get(world, made).id in running
        world.do(
            endpoints.StopEndpoint(made)
            if what == "stop"
            else endpoints.UpdateConfig(made, split(champion=70, challenger=30)),
            world.owner,
        )
        ended = rollout(world, made)
        assert ended.phase is Phase.CANCELED
        assert ended.reason.startswith(world.owner.name)
        assert get(world, made).id not in world.ask(deployments.ListWanted(), Server()).rollouts
        assert events(world, made).count("rollout.canceled") == 1
        if what == "update":
            assert shares(get(world, made)) == {"champion": 70, "challenger": 30}

    def test_go_on_when_an_update_is_refused(self, world: World) -> None:
        made = world.served()
        world.do(rollouts.StartRollout(made, PLAN), world.owner)
        with pytest.raises(Invalid):
            world.do(endpoints.UpdateConfig(made, split(champion=70)), world.owner)
        assert rollout(world, made).phase is Phase.RUNNING

    def test_take_an_entitled_manager(self, world: World) -> None:
        made, who = world.served(), world.person()
        world.permit(made, (who.name, Level.CAN_MANAGE))
        with pytest.raises(Denied, match="ALLOW CLUSTER CREATE"):
            world.do(rollouts.StartRollout(made, PLAN), who)


class TestAliases:
    def following(self, world: World) -> tuple[Ref, Ref]:
        """A model, and an endpoint that serves what its champion is."""
        model = world.model()
        world.do(models.SetAlias(model, "champion", world.ready(model)))
        return model, world.served(Entity("it", model.name, alias="champion", follows=True))

    def version(self, world: World, made: Ref) -> tuple[int, int]:
        """What serves, and what comes up."""
        found = get(world, made)
        assert found.active
        config = found.pending or found.active
        return found.active.entities[0].version, config.entities[0].version

    def test_are_followed_and_what_serves_goes_on_meanwhile(self, world: World) -> None:
        model, made = self.following(world)
        assert follow(world, made) is None
        world.do(models.SetAlias(model, "champion", world.ready(model)))
        request = world.new_name("request")
        world.ask(deployments.FollowAliases(get(world, made).id), Server(), request)
        assert self.version(world, made) == (1, 2)
        [(_, principal, action, *_)] = world.recorded(request)
        assert (principal, action) == (SERVER.principal.name, "followAliases")
        world.note(made, Deployment.READY)
        assert self.version(world, made) == (2, 2)
        found = get(world, made)
        assert found.active
        assert found.active.entities[0].digest

    def test_are_not_followed_while_something_comes_up_or_nothing_serves(self, world: World) -> None:
        model, made = self.following(world)
        world.do(models.SetAlias(model, "champion", world.ready(model)))
        world.do(endpoints.StopEndpoint(made), world.owner)
        assert follow(world, made) is None

    @pytest.mark.parametrize("why", ["gone", "revoked"])
    def test_that_are_gone_or_closed_change_nothing(self, world: World, maker: Person, why: str) -> None:
        model = served_model(world, maker)
        world.do(models.SetAlias(model, "champion", 1))
        made = create(world, maker, Entity("it", model.name, alias="champion", follows=True))
        world.note(made, Deployment.READY)
        world.do(models.SetAlias(model, "champion", world.ready(model)))
        if why == "gone":
            world.do(models.DeleteAlias(model, "champion"))
        else:
            world.revoke(model, maker.name, Privilege.EXECUTE)
        assert follow(world, made) is None
        assert self.version(world, made) == (1, 1)

    def test_that_move_cancel_a_roll_out(self, world: World) -> None:
        model = world.model()
        world.do(models.SetAlias(model, "champion", world.ready(model)))
        first = Entity("champion", model.name, alias="champion", follows=True)
        made = world.served(first, Entity("challenger", model.name, 1))
        world.do(rollouts.StartRollout(made, PLAN), world.owner)
        world.do(models.SetAlias(model, "champion", world.ready(model)))
        assert follow(world, made)
        assert rollout(world, made).phase is Phase.CANCELED

    def test_that_are_pinned_are_not_followed(self, world: World) -> None:
        model = world.model()
        world.do(models.SetAlias(model, "champion", world.ready(model)))
        made = world.served(Entity("it", model.name, alias="champion"))
        world.do(models.SetAlias(model, "champion", world.ready(model)))
        assert follow(world, made) is None


TAKEOVER = Plan("", (10, 100), bake_seconds=0, min_requests=1)


class TestTakeover:
    """An alias that moves where the config says how the new version takes over."""

    @pytest.fixture
    def moved(self, world: World) -> tuple[Ref, Ref]:
        """A model, and an endpoint beside whose version the one comes up to which the alias has moved."""
        model = world.model()
        world.do(models.SetAlias(model, "champion", world.ready(model)))
        change = replace(world.serving(Entity("it", model.name, alias="champion", follows=True)), takeover=TAKEOVER)
        made = world.endpoint()
        world.do(endpoints.UpdateConfig(made, change), world.owner)
        world.note(made, Deployment.READY)
        world.do(models.SetAlias(model, "champion", world.ready(model)))
        assert follow(world, made)
        return model, made

    def test_begins_once_the_version_is_up_and_ends_with_it_alone(self, world: World, moved: tuple[Ref, Ref]) -> None:
        _, made = moved
        with pytest.raises(NotFound):
            rollout(world, made)
        world.note(made, Deployment.READY)
        begun = rollout(world, made)
        assert (begun.phase, shares(get(world, made))) == (Phase.RUNNING, {"it": 90, begun.plan.entity: 10})
        for after in (replace(begun, step=1), replace(begun, step=1, phase=Phase.COMPLETED, reason="passed.")):
            TestRollouts().advance(world, made, after)
        found = get(world, made)
        assert found.active
        assert [(each.version, each.follows) for each in found.active.entities] == [(2, True)]

    def test_that_was_taken_back_is_not_tried_again(self, world: World, moved: tuple[Ref, Ref]) -> None:
        _, made = moved
        world.note(made, Deployment.READY)
        begun = rollout(world, made)
        TestRollouts().advance(world, made, replace(begun, phase=Phase.ROLLED_BACK, reason="errors."))
        world.note(made, Deployment.RECOVERING)
        world.note(made, Deployment.READY)
        assert follow(world, made) is None
        assert rollout(world, made).phase is Phase.ROLLED_BACK
        assert shares(get(world, made)) == {"it": 100, begun.plan.entity: 0}

    def test_gives_way_to_the_next_version(self, world: World, moved: tuple[Ref, Ref]) -> None:
        model, made = moved
        world.note(made, Deployment.READY)
        world.do(models.SetAlias(model, "champion", world.ready(model)))
        assert follow(world, made)
        assert rollout(world, made).phase is Phase.CANCELED
        world.note(made, Deployment.READY)
        begun = rollout(world, made)
        found = get(world, made)
        assert found.active
        entity = found.active.entity(begun.plan.entity)
        assert entity
        assert (begun.phase, entity.version) == (Phase.RUNNING, 3)
        assert sum(shares(found).values()) == 100


class TestDeletion:
    def test_takes_everything_along(self, world: World) -> None:
        made, who = world.served(), world.person()
        world.permit(made, (who.name, Level.CAN_VIEW))
        world.do(rollouts.StartRollout(made, PLAN), world.owner)
        id_ = get(world, made).id
        world.do(endpoints.DeleteEndpoint(made), world.owner)
        for who_asks in (world.owner, who, None):
            with pytest.raises(NotFound) as missing:
                get(world, made, who_asks)
            assert not isinstance(missing.value, Hidden)
        wanted = world.ask(deployments.ListWanted(), Server())
        assert id_ not in {each.id for each in wanted.endpoints} | wanted.rollouts.keys()
        assert world.ask(deployments.NoteStandings(id_, (("x", Standing(Deployment.READY)),)), Server()) is None

    def test_gives_the_name_back_without_its_permissions(self, world: World) -> None:
        made, who = world.endpoint(), world.person()
        world.permit(made, (who.name, Level.CAN_MANAGE))
        world.do(endpoints.DeleteEndpoint(made), who)
        world.do(endpoints.CreateEndpoint(made.name), world.owner)
        with pytest.raises(Hidden):
            get(world, made, who)

    def test_of_a_served_model_is_allowed_and_a_change_says_what_is_missing(self, world: World) -> None:
        model = world.model()
        made = world.served(world.entity(model=model))
        world.do(catalogs.DeleteCatalog(containers(model)[0], force=True), world.owner)
        assert get(world, made).is_ready
        with pytest.raises(NotFound, match="does not exist"):
            world.do(endpoints.UpdateConfig(made, split(champion=100)), world.owner)
        found = world.do(endpoints.UpdateConfig(made, world.serving(world.entity("other"))), world.owner)
        assert found.update is Update.IN_PROGRESS


def test_a_url_elsewhere_needs_no_model_and_serves_once_it_was_noted(world: World) -> None:
    made = world.endpoint(Entity("there", elsewhere=Elsewhere("https://there.example/score")))
    found = get(world, made)
    assert found.update is Update.IN_PROGRESS
    world.ask(deployments.NoteStandings(found.id, ()), Server())
    assert get(world, made).is_ready


def test_what_a_process_printed_is_for_who_may_read_its_log(world: World, maker: Person) -> None:
    viewer, manager = world.person(), world.person()
    made = create(world, maker, Entity("one", model=served_model(world, maker).name, version=1))
    world.permit(made, (viewer.name, Level.CAN_VIEW), (manager.name, Level.CAN_MANAGE))
    found = get(world, made)
    config = found.pending or found.active
    assert config
    [entity] = config.entities
    said = "The model could not be loaded. ValueError: alice's salary is 1.5"
    failed = ((entity.served_id(found.id), Standing(Deployment.FAILED, said)),)
    world.ask(deployments.NoteStandings(found.id, failed), Server())
    for who, told in ((manager, said), (viewer, "The model could not be loaded.")):
        seen = get(world, made, who)
        assert seen.standing(entity).message == told
        assert seen.message == f'served entity "{entity.name}" cannot be served: {told}'
        [listed] = [each for each in world.do(endpoints.ListEndpoints(), who) if each.id == found.id]
        assert listed.message == seen.message
