"""Every action there is: who is refused, what is necessary, and what suffices."""

from __future__ import annotations

import re
import uuid
from collections.abc import Callable
from dataclasses import replace
from typing import Any

import pytest

import modelyard.app  # noqa: F401  everything that defines actions is imported with it
from modelyard.action import ACTIONS, METASTORE, Action, Chore, Ref
from modelyard.actions import (
    access,
    approvals,
    catalogs,
    credentials,
    destinations,
    endpoints,
    experiments,
    explain,
    flat,
    git_credentials,
    journal,
    legacy,
    metastore,
    models,
    prompts,
    secrets,
    sessions,
    subscriptions,
    tokens,
    trash,
    versions,
    volumes,
    workspace,
)
from modelyard.actions.jobs import runs
from modelyard.actions.jobs import settings as jobs
from modelyard.domain.access import SERVER, Server, Session
from modelyard.domain.privileges import APPLICABLE, LEAVES, LEVELS, OBJECTS, Kind, Privilege, covers
from modelyard.domain.prompts import Link, LinkKind
from modelyard.domain.secrets import Level
from modelyard.errors import Denied, Hidden, Invalid, NotFound, Unauthenticated
from tests.house.examples import EXAMPLES, Stage
from tests.house.world import Person, World, containers

GUARDED = [kind for kind in ACTIONS if kind.needs]
OPEN = [kind for kind in ACTIONS if kind.open_to]
CHORES = [kind for kind in ACTIONS if issubclass(kind, Chore)]
SECRETS: set[type[Action[Any, Any]]] = {
    credentials.CreateSecret,
    credentials.ListSecrets,
    credentials.DeleteSecret,
    git_credentials.CreateGitCredential,
    git_credentials.ListGitCredentials,
    git_credentials.GetGitCredential,
    git_credentials.UpdateGitCredential,
    git_credentials.DeleteGitCredential,
}
"""Examples are about a service principal, whose secrets only itself or an admin governs."""
SCOPES: set[type[Action[Any, Any]]] = {
    secrets.DeleteScope,
    secrets.PutSecret,
    secrets.GetSecret,
    secrets.ListSecretKeys,
    secrets.RemoveSecret,
    secrets.PutAcl,
    secrets.GetAcl,
    secrets.ListAcls,
    secrets.DeleteAcl,
    workspace.GetObject,
    workspace.ListObjects,
    workspace.ReadObject,
    workspace.ReadProject,
    workspace.PrepareObject,
    workspace.KeepObject,
    workspace.MakeDirectories,
    workspace.DeleteObject,
    workspace.GetObjectAccess,
    workspace.ChangeObjectAccess,
}
OWN = (
    SECRETS
    | SCOPES
    | {experiments.FindExperiment, subscriptions.DeleteSubscription}
    | {tokens.UpdateToken, tokens.RevokeToken, trash.RestoreFromTrash}
)
"""Open to whoever it is about, and to admins; for others there is nothing."""


def by_name(kind: type[Action[Any, Any]]) -> str:
    return kind.__name__


def on_wire(kind: type[Action[Any, Any]]) -> str:
    """How the audit writes an action."""
    return kind.__name__[0].lower() + kind.__name__[1:]


def needed(action: Action[Any, Any]) -> list[tuple[Privilege, Ref]]:
    """Just the privileges that the action asks for, and those of the way there."""
    found: dict[tuple[Privilege, Ref], None] = {}
    for need in action.needs:
        ref: Ref = getattr(action, need.on)
        catalog, schema = containers(ref)
        if need.privilege is Privilege.BROWSE:
            found[need.privilege, catalog] = None
            continue
        found[need.privilege, ref] = None
        if ref.kind in {Kind.SCHEMA, *LEAVES} or (ref.kind is Kind.CATALOG and need.naming):
            found[Privilege.USE_CATALOG, catalog] = None
        if ref.kind in LEAVES or (ref.kind is Kind.SCHEMA and need.naming):
            found[Privilege.USE_SCHEMA, schema] = None
    return list(found)


def test_every_action_has_an_example() -> None:
    assert set(EXAMPLES) == set(ACTIONS)


def test_names_of_actions_differ_since_the_audit_tells_them_apart_by_name() -> None:
    assert len({kind.__name__ for kind in ACTIONS}) == len(ACTIONS)


@pytest.mark.parametrize("kind", ACTIONS, ids=by_name)
def test_an_anonymous_caller_is_refused_and_that_is_recorded(world: World, kind: type[Action[Any, Any]]) -> None:
    action = EXAMPLES[kind](Stage(world, world.owner))
    request = uuid.uuid4().hex
    with pytest.raises(Unauthenticated):
        world.ask(action, None, request)
    [(_, principal, name, result, error, *_)] = world.recorded(request)
    assert (principal, name, result, error) == ("", on_wire(kind), "refused", "Unauthenticated")


@pytest.mark.parametrize("kind", GUARDED, ids=by_name)
def test_a_stranger_is_refused_and_that_is_recorded(world: World, kind: type[Action[Any, Any]]) -> None:
    stranger = world.person()
    action = EXAMPLES[kind](Stage(world, stranger))
    request = uuid.uuid4().hex
    hidden = hides(action)
    with pytest.raises(Hidden if hidden else Denied) as refusal:
        world.do(action, stranger, request)
    [(_, principal, name, result, error, message, *_)] = world.recorded(request)
    told = "Hidden" if hidden else "Denied"
    assert (principal, name, result, error) == (stranger.name, on_wire(kind), "refused", told)
    assert message == refusal.value.message
    if hidden:
        assert re.fullmatch(r"((Endpoint|Experiment) '\w+'|(Job|Run) \d+) does not exist\.", message)
        assert message == not_there(world, action, stranger)
    else:
        assert message.startswith("User does not have ")


def hides(action: Action[Any, Any]) -> bool:
    """Whether it is first of all about an object, which is not there for whoever has no level of it."""
    return getattr(action, action.needs[0].on).kind in OBJECTS


def not_there(world: World, action: Action[Any, Any], who: Person) -> str:
    """What the same action is told of an object that is not there, as if it were called the same."""
    on = action.needs[0].on
    there: Ref = getattr(action, on)
    missing = Ref(there.kind, there.name + "-not-there")
    request = uuid.uuid4().hex
    with pytest.raises(NotFound) as failure:
        world.do(replace(action, **{on: missing}), who, request)  # pyright: ignore[reportArgumentType]
    assert not isinstance(failure.value, Hidden)
    assert all(result != "refused" for _, _, _, result, *_ in world.recorded(request))
    return failure.value.message.replace("-not-there", "")


@pytest.mark.parametrize("kind", [kind for kind in ACTIONS if kind not in CHORES], ids=by_name)
def test_the_owner_may_do_it(world: World, kind: type[Action[Any, Any]]) -> None:
    """Or an admin, where it is about the metastore itself, which the group of admins owns."""
    if kind is credentials.IssueToken:
        pytest.skip("only a client that shows its secret may; that has tests of its own")
    governing = any(need.privilege is Privilege.MANAGE and need.on == "metastore" for need in kind.needs)
    governing = governing or kind in SECRETS
    action = EXAMPLES[kind](Stage(world, world.owner))
    request = uuid.uuid4().hex
    world.do(action, None if governing else world.owner, request)
    told = [(name, result) for _, _, name, result, *_ in world.recorded(request)]
    assert told == ([(on_wire(kind), "done")] if kind.is_change else [])


@pytest.mark.parametrize("kind", CHORES, ids=by_name)
def test_a_chore_is_refused_to_everybody_but_the_server_and_that_is_recorded(
    world: World, kind: type[Action[Any, Any]]
) -> None:
    for who in (world.owner, None):
        action = EXAMPLES[kind](Stage(world, world.owner))
        request = uuid.uuid4().hex
        with pytest.raises(Denied, match="only the server itself"):
            world.do(action, who, request)
        [(_, principal, name, result, error, *_)] = world.recorded(request)
        assert (principal, name, result, error) == (who.name if who else "admin", on_wire(kind), "refused", "Denied")


@pytest.mark.parametrize("kind", CHORES, ids=by_name)
def test_the_server_does_its_chores_and_records_those_that_change_what_is_others(
    world: World, kind: type[Chore[Any, Any]]
) -> None:
    request = uuid.uuid4().hex
    world.ask(EXAMPLES[kind](Stage(world, world.owner)), Server(), request)
    told = [(principal, name, result) for _, principal, name, result, *_ in world.recorded(request)]
    assert told == ([(SERVER.principal.name, on_wire(kind), "done")] if kind.is_recorded else [])


@pytest.mark.parametrize("kind", [kind for kind in ACTIONS if kind not in CHORES], ids=by_name)
def test_the_server_itself_may_do_nothing_but_chores(world: World, kind: type[Action[Any, Any]]) -> None:
    with pytest.raises(Denied):
        world.ask(EXAMPLES[kind](Stage(world, world.owner)), Server())


@pytest.mark.parametrize("kind", GUARDED, ids=by_name)
def test_each_need_is_necessary_and_together_they_suffice(world: World, kind: type[Action[Any, Any]]) -> None:
    holder = world.person()
    action = EXAMPLES[kind](Stage(world, holder))
    wanted = needed(action)
    for privilege, on in wanted:
        world.let(holder, privilege, on)
    for privilege, on in wanted:
        world.forbid(holder, privilege, on)
        with pytest.raises(Hidden if on.kind in OBJECTS else Denied) as refusal:
            world.do(action, holder)
        if privilege is not Privilege.BROWSE and on.kind not in OBJECTS:
            assert refusal.value.message.startswith(f"User does not have {privilege.words} on {on.kind.noun}")
        world.let(holder, privilege, on)
    world.do(action, holder)


@pytest.mark.parametrize("kind", GUARDED, ids=by_name)
def test_all_other_privileges_together_do_not_stand_in_for_a_need(world: World, kind: type[Action[Any, Any]]) -> None:
    """Whoever holds every privilege there is, at every level, but for the needed one, is refused."""
    holder = world.person()
    action = EXAMPLES[kind](Stage(world, holder))
    levels = {level for need in kind.needs for level in chain(getattr(action, need.on))}
    for need in kind.needs:
        missing = {need.privilege, Privilege.ALL_PRIVILEGES}
        if need.privilege is Privilege.BROWSE:  # what lets somebody use it shows at least what BROWSE does
            missing |= {Privilege.USE_CATALOG, Privilege.USE_SCHEMA, Privilege.EXECUTE}
        if Privilege.ALLOW_CLUSTER_CREATE not in missing:
            world.entitle(holder.id)
        for level in levels:
            others = {
                each for each in APPLICABLE[level.kind] if not covers(frozenset({each}), need.privilege, level.kind)
            }
            world.grant(level, holder.name, *(others - missing))
        with pytest.raises((Denied, Hidden)) as refusal:
            world.do(action, holder)
        on: Ref = getattr(action, need.on)
        if on.kind in OBJECTS and need.privilege is not LEVELS[on.kind][0]:  # it may see the object, so it is told
            assert isinstance(refusal.value, Denied)
            assert refusal.value.message.startswith(f"User does not have {need.privilege.words} on {on.kind.noun}")
        for level in levels:
            world.revoke(level, holder.name, *APPLICABLE[level.kind])
        world.shut_out(holder.id)


def chain(ref: Ref) -> set[Ref]:
    """A securable and its containers; grants on the metastore reach nobody else's test, as they are taken back."""
    if ref.kind is Kind.METASTORE or ref.kind in OBJECTS:
        return {ref}
    return {*containers(ref)[: ref.name.count(".") + 1], ref}


# Actions that are open to everybody say why; here is what a stranger gets of them.


def _only_itself(at: Stage, found: Any) -> None:  # noqa: ANN401
    assert found.principal.id == at.who.id


def _the_names_of_principals(at: Stage, found: Any) -> None:  # noqa: ANN401
    assert found.principal.name == at.world.owner.name


def _a_page_of_names(at: Stage, found: Any) -> None:  # noqa: ANN401
    assert [card.principal.name for card in found.cards] == [at.world.owner.name]


def _its_own_token(at: Stage, made: Any) -> None:  # noqa: ANN401
    assert made.token.principal == at.who.name


def _its_own_tokens(at: Stage, found: Any) -> None:  # noqa: ANN401
    assert {token.principal for token in found} == {at.who.name}


def _a_session_of_its_own(at: Stage, made: Any) -> None:  # noqa: ANN401
    assert at.world.ask(access.WhoAmI(), Session(made.secret)).principal.id == at.who.id


def _no_end_of_a_token(at: Stage, _found: Any) -> None:  # noqa: ANN401
    assert at.world.do(access.WhoAmI(), at.who).principal.id == at.who.id


def _what_it_did_itself(at: Stage, found: Any) -> None:  # noqa: ANN401
    assert {entry.principal_id for entry in found.items} <= {at.who.id}


def _nothing(_at: Stage, found: Any) -> None:  # noqa: ANN401
    assert found.items == ()
    assert found.after is None


def _what_it_said(at: Stage, found: Any) -> None:  # noqa: ANN401
    """The place of a name of three levels is in the name itself."""
    assert at.world.do(legacy.FindPlace(f"{found.schema}.{found.name}"), at.who) == found


def _the_names_of_the_server(at: Stage, found: Any) -> None:  # noqa: ANN401
    assert (found.workspace_id, found.id) == at.assignment()


def _its_own_refusal(at: Stage, found: Any) -> None:  # noqa: ANN401
    assert found.principal == at.who.name
    assert not any(check.step.passed or check.step.on.id for check in found.checks[1:])


def _a_scope_of_its_own(at: Stage, _done: Any) -> None:  # noqa: ANN401
    [mine] = at.world.do(secrets.ListScopes(), at.who)
    [access] = at.world.do(secrets.ListAcls(mine), at.who)
    assert (access.principal_id, access.level) == (at.who.id, Level.MANAGE)


def _an_empty_list(_at: Stage, found: Any) -> None:  # noqa: ANN401
    assert found == []


def _a_page_of_nothing(at: Stage, found: Any) -> None:  # noqa: ANN401
    _nothing(at, found.page)


def _an_experiment_of_its_own(at: Stage, made: Any) -> None:  # noqa: ANN401
    assert made.owner_id == at.who.id


def _no_experiments(_at: Stage, found: Any) -> None:  # noqa: ANN401
    assert found == frozenset()


def _only_what_it_may_read(at: Stage, _done: Any) -> None:  # noqa: ANN401
    hidden = at.world.prompt()
    link = prompts.LinkPromptVersions(((hidden.name, at.world.draft(hidden)),), (Link(LinkKind.RUN, "r1"),))
    with pytest.raises(NotFound, match="or you may not read it"):
        at.world.do(link, at.who)


def _no_config(_at: Stage, found: Any) -> None:  # noqa: ANN401
    assert found.shown == {}


def _names_without_configs(_at: Stage, found: Any) -> None:  # noqa: ANN401
    assert found.items
    assert all(each.shown == {} for each in found.items)


GETS: dict[type[Action[Any, Any]], Callable[[Stage, Any], None]] = {
    access.WhoAmI: _only_itself,
    access.GetPrincipal: _the_names_of_principals,
    access.ListPrincipals: _a_page_of_names,
    tokens.CreateToken: _its_own_token,
    tokens.ListTokens: _its_own_tokens,
    secrets.CreateScope: _a_scope_of_its_own,
    secrets.ListScopes: _an_empty_list,
    sessions.SignIn: _a_session_of_its_own,
    sessions.SignOut: _no_end_of_a_token,
    explain.Explain: _its_own_refusal,
    explain.Preflight: _its_own_refusal,
    metastore.GetMetastore: _the_names_of_the_server,
    catalogs.ListCatalogs: _nothing,
    catalogs.ListSchemas: _nothing,
    journal.ListAudit: _what_it_did_itself,
    models.SearchModels: _nothing,
    flat.SearchFlatModels: _nothing,
    flat.SearchFlatVersions: _nothing,
    legacy.ListOldNames: _nothing,
    legacy.FindPlace: _what_it_said,
    prompts.SearchPrompts: _nothing,
    endpoints.ListEndpoints: _an_empty_list,
    destinations.ListDestinations: _names_without_configs,
    destinations.GetDestination: _no_config,
    subscriptions.ListSubscriptions: _nothing,
    approvals.ListApprovals: _nothing,
    jobs.ListJobs: _a_page_of_nothing,
    runs.ListRuns: _a_page_of_nothing,
    experiments.CreateExperiment: _an_experiment_of_its_own,
    experiments.ListExperiments: _no_experiments,
    trash.ListTrash: _nothing,
    prompts.LinkPromptVersions: _only_what_it_may_read,
    versions.SearchVersions: _nothing,
    volumes.ListVolumes: _nothing,
}


@pytest.mark.parametrize("kind", [kind for kind in OPEN if kind in GETS], ids=by_name)
def test_a_stranger_gets_nothing_of_an_open_action_that_is_not_its_own(
    world: World, kind: type[Action[Any, Any]]
) -> None:
    at = Stage(world, world.person())
    GETS[kind](at, world.do(EXAMPLES[kind](at), at.who))


def test_what_a_stranger_gets_of_every_open_action_is_tested() -> None:
    assert set(OPEN) == GETS.keys() | OWN | {credentials.IssueToken, approvals.DecideByToken}


@pytest.mark.parametrize("kind", sorted(OWN, key=by_name), ids=by_name)
def test_what_is_open_to_its_owner_is_not_there_for_a_stranger(world: World, kind: type[Action[Any, Any]]) -> None:
    stranger = world.person()
    with pytest.raises(NotFound):
        world.do(EXAMPLES[kind](Stage(world, stranger)), stranger)


def test_a_stranger_cannot_revoke_the_token_of_somebody_else_and_that_is_recorded(world: World) -> None:
    victim, stranger = world.person(), world.person()
    [token] = world.do(tokens.ListTokens(), victim)
    request = uuid.uuid4().hex
    with pytest.raises(NotFound):
        world.do(tokens.RevokeToken(token.id), stranger, request)
    [(_, principal, _, result, error, *_)] = world.recorded(request)
    assert (principal, result, error) == (stranger.name, "failed", "NotFound")
    assert world.do(access.WhoAmI(), victim).principal.id == victim.id


def test_a_revoked_token_is_refused_at_once(world: World) -> None:
    person = world.person()
    [token] = world.do(tokens.ListTokens(), person)
    world.do(tokens.RevokeToken(token.id), person)
    with pytest.raises(Unauthenticated):
        world.do(access.WhoAmI(), person)


def test_no_secret_of_a_new_token_reaches_the_audit(world: World) -> None:
    request = uuid.uuid4().hex
    made = world.do(tokens.CreateToken("mine"), world.owner, request)
    [row] = world.recorded(request)
    assert made.secret not in str(row)


def test_managing_the_metastore_cannot_be_granted_but_only_joined(world: World) -> None:
    with pytest.raises(Invalid, match="MANAGE is not applicable"):
        world.grant(METASTORE, world.owner.name, Privilege.MANAGE)
