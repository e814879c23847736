"""Tokens on the wire, and what the server keeps of their use."""

from __future__ import annotations

from typing import Any

import pytest

from modelyard.actions import access, tokens
from modelyard.domain.access import Bearer, PrincipalKind, Server
from modelyard.domain.journal import Origin
from modelyard.errors import Unauthenticated
from tests.support import SCIM, InProcess
from tests.surfaces.world import World, refusal

MANAGED = "/api/2.0/token-management/tokens"
MINUTE = 60_000


def make(world: World, **said: object) -> tuple[str, dict[str, Any]]:
    """A new user's name, and its token's description."""
    name, client = world.user()
    made = client.post("/api/2.0/token/create", json=said).raise_for_status().json()
    return name, made["token_info"]


def test_an_admin_finds_everybodys_tokens_and_one_of_them(world: World) -> None:
    name, token = make(world, comment="mine", lifetime_seconds=60)
    assert token["expiry_time"] - token["creation_time"] == MINUTE
    found = world.admin.get(MANAGED).raise_for_status().json()["token_infos"]
    assert token["token_id"] in {each["token_id"] for each in found}
    by_name = world.admin.get(MANAGED, params={"created_by_username": name}).json()["token_infos"]
    by_id = world.admin.get(MANAGED, params={"created_by_id": token["principal_id"]}).json()["token_infos"]
    assert [each["token_id"] for each in by_name] == [each["token_id"] for each in by_id] == [token["token_id"]]
    one = world.admin.get(f"{MANAGED}/{token['token_id']}").json()["token_info"]
    assert (one["comment"], one["owner"], one["created_by_username"]) == ("mine", name, name)
    assert "token_value" not in one


def test_others_see_and_change_only_their_own(world: World) -> None:
    _, token = make(world)
    _, stranger = world.user()
    path = f"/api/2.0/token/{token['token_id']}"
    refusal(stranger.get(MANAGED), 403, "PERMISSION_DENIED")
    refusal(stranger.get(f"{MANAGED}/{token['token_id']}"), 403, "PERMISSION_DENIED")
    change = {"token": {"comment": "theirs"}, "update_mask": "comment"}
    refusal(stranger.patch(path, json=change), 404, "RESOURCE_DOES_NOT_EXIST")
    refusal(stranger.delete(f"{MANAGED}/{token['token_id']}"), 404, "RESOURCE_DOES_NOT_EXIST")
    for route in (path, f"{MANAGED}/{token['token_id']}"):
        world.admin.patch(route, json={"token": {"comment": route}, "update_mask": "comment"}).raise_for_status()
        assert world.admin.get(f"{MANAGED}/{token['token_id']}").json()["token_info"]["comment"] == route


@pytest.mark.parametrize(
    "said",
    [{"token": {"comment": "x"}, "update_mask": "owner"}, {"token": {}}, {"token": {"comment": "x" * 1001}}],
)
def test_only_a_comment_is_changed(world: World, said: dict[str, object]) -> None:
    _, token = make(world)
    answer = world.admin.patch(f"/api/2.0/token/{token['token_id']}", json=said)
    refusal(answer, 400, "INVALID_PARAMETER_VALUE")


def test_a_token_that_should_do_less_is_refused_rather_than_made_to_do_all(world: World) -> None:
    create = "/api/2.0/token/create"
    assert "narrower" in refusal(world.admin.post(create, json={"scopes": ["sql"]}), 400, "INVALID_PARAMETER_VALUE")
    world.admin.post(create, json={"scopes": ["all-apis"]}).raise_for_status()


def test_a_token_of_somebody_inactive_is_refused_at_once(world: World) -> None:
    _, client = world.user()
    me = client.get(f"{SCIM}/Me").json()["id"]
    shut = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
    world.admin.patch(f"{SCIM}/Users/{me}", json=shut).raise_for_status()
    assert client.get(f"{SCIM}/Me").status_code == 401


class TestTheUseOfATokenIs:
    def as_server(self, inside: InProcess, chore: tokens.NoteTokenUse | tokens.ForgetExpiredTokens) -> None:
        inside.gate.do(chore, Server(), Origin("chore"))

    def last_used(self, inside: InProcess) -> int | None:
        [token] = inside.do(tokens.ListTokens())
        return token.last_used_at

    def test_kept_in_memory_until_it_is_written_down_to_the_minute(self, inside: InProcess) -> None:
        inside.gate.clock = lambda: 1_000_000.5 * 60
        assert self.last_used(inside) is None
        self.as_server(inside, tokens.NoteTokenUse(inside.gate.uses.take()))
        assert self.last_used(inside) == 1_000_000 * MINUTE

    def test_never_earlier_than_another_process_wrote(self, inside: InProcess) -> None:
        inside.do(tokens.ListTokens())
        [(id_, used_at)] = inside.gate.uses.take()
        for noted in (used_at + MINUTE, used_at, used_at):
            self.as_server(inside, tokens.NoteTokenUse(((id_, noted), ("gone", noted))))
        assert self.last_used(inside) == used_at + MINUTE

    def test_not_noted_when_it_is_refused(self, inside: InProcess) -> None:
        with pytest.raises(Unauthenticated):
            inside.do(access.WhoAmI(), Bearer("mypat_" + "0" * 64))
        assert inside.gate.uses.take() == ()

    def test_over_at_the_millisecond_at_which_it_expires(self, inside: InProcess) -> None:
        now = 1_000_000.0
        inside.gate.clock = lambda: now
        inside.do(access.CreatePrincipal(PrincipalKind.USER, "ann"))
        made = inside.do(tokens.CreateTokenFor("ann", seconds=60))
        now += 59.999
        inside.do(access.WhoAmI(), Bearer(made.secret))
        now += 0.001
        with pytest.raises(Unauthenticated):
            inside.do(access.WhoAmI(), Bearer(made.secret))
