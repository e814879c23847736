"""Machines that sign in: secrets of service principals, and the tokens that OAuth gives for them."""

from __future__ import annotations

import itertools
from dataclasses import dataclass
from typing import Any

import httpx
import pytest

from modelyard.actions import access, credentials, tokens
from modelyard.domain.access import Bearer, ClientSecret, NewSecret, PrincipalKind, Server
from modelyard.domain.journal import Origin
from modelyard.errors import Unauthenticated
from modelyard.store import journal
from tests.support import SCIM, InProcess
from tests.surfaces.world import World, refusal

TOKEN = "/oidc/v1/token"
FORM = {"grant_type": "client_credentials", "scope": "all-apis"}
_numbers = itertools.count()


@dataclass
class Robot:
    """A service principal with a secret."""

    world: World
    id: str
    name: str
    secret_id: str
    secret: str

    @property
    def secrets(self) -> str:
        return f"/api/2.0/accounts/servicePrincipals/{self.id}/credentials/secrets"

    def ask(self, secret: str = "", **form: str) -> httpx.Response:
        """A token by HTTP Basic; also what is wrong with the form."""
        with self.world.server.client("") as client:
            return client.post(TOKEN, data={**FORM, **form}, auth=(self.name, secret or self.secret))

    def token(self) -> str:
        return self.ask().raise_for_status().json()["access_token"]

    def comes_in(self, token: str) -> bool:
        with self.world.server.client(token) as client:
            return client.get(f"{SCIM}/Me").status_code == 200


@pytest.fixture
def robot(world: World) -> Robot:
    name = f"Robot-{next(_numbers)}"
    made = world.admin.post(f"{SCIM}/ServicePrincipals", json={"applicationId": name}).json()
    path = f"/api/2.0/accounts/servicePrincipals/{made['id']}/credentials/secrets"
    secret = world.admin.post(path, json={}).raise_for_status().json()
    return Robot(world, made["id"], name, secret["id"], secret["secret"])


def failure(answer: httpx.Response, status: int, error: str) -> str:
    told = answer.json()
    assert (answer.status_code, told["error"]) == (status, error), answer.text
    assert answer.headers["cache-control"] == "no-store"
    assert ("www-authenticate" in answer.headers) == (status == 401)
    return told["error_description"]


class TestAToken:
    def test_is_found_and_given_as_the_rfcs_say(self, robot: Robot) -> None:
        with robot.world.server.client("") as client:
            config = client.get("/.well-known/databricks-config").json()
            found = client.get(config["oidc_endpoint"] + "/.well-known/oauth-authorization-server").json()
            assert found["token_endpoint"] == robot.world.server.url + TOKEN
            answer = client.post(found["token_endpoint"], data=FORM, auth=(robot.name.lower(), robot.secret))
            in_body = {**FORM, "client_id": robot.name, "client_secret": robot.secret}
            other = client.post(TOKEN, data=in_body).raise_for_status()
        told = answer.raise_for_status().json()
        assert told.items() >= {"token_type": "Bearer", "expires_in": 3600, "scope": "all-apis"}.items()
        assert answer.headers["cache-control"] == "no-store"
        assert told["access_token"] != other.json()["access_token"]
        assert robot.comes_in(told["access_token"])

    def test_speaks_for_the_service_principal_and_is_no_personal_token(self, robot: Robot) -> None:
        with robot.world.server.client(robot.token()) as client:
            assert client.get(f"{SCIM}/Me").json()["userName"] == robot.name
            assert client.get("/api/2.0/token/list").json()["token_infos"] == []
        found = robot.world.admin.get("/api/2.0/token-management/tokens").json()["token_infos"]
        assert robot.name not in {each["owner"] for each in found}

    @pytest.mark.parametrize(
        ("form", "error"),
        [
            ({"grant_type": "authorization_code"}, "unsupported_grant_type"),
            ({"grant_type": "urn:ietf:params:oauth:grant-type:token-exchange"}, "unsupported_grant_type"),
            ({"grant_type": ""}, "unsupported_grant_type"),
            ({"scope": ""}, "invalid_scope"),
            ({"scope": "sql"}, "invalid_scope"),
            ({"authorization_details": "[]"}, "invalid_request"),
            ({"extra": "x" * 20_000}, "invalid_request"),
            ({"extra": "x" * (5 << 20)}, "invalid_request"),
            ({f"extra{each}": "x" for each in range(101)}, "invalid_request"),
        ],
        ids=lambda value: str(value)[:40],
    )
    def test_that_is_asked_for_wrongly_is_refused_with_a_reason(
        self, robot: Robot, form: dict[str, str], error: str
    ) -> None:
        assert failure(robot.ask(**form), 400, error)

    def test_is_not_given_for_what_is_in_an_address(self, robot: Robot) -> None:
        query = {**FORM, "client_id": robot.name, "client_secret": robot.secret}
        with robot.world.server.client("") as client:
            failure(client.post(TOKEN, params=query), 401, "invalid_client")

    @pytest.mark.parametrize("authorization", ["", "Basic", "Basic !", "Basic Og==", "Bearer x", "Basic //79/A=="])
    def test_is_not_given_to_strangers(self, robot: Robot, authorization: str) -> None:
        headers = {"Authorization": authorization} if authorization else {}
        with robot.world.server.client("") as client:
            told = failure(client.post(TOKEN, data=FORM, headers=headers), 401, "invalid_client")
        assert "application id" in told

    def test_is_not_given_to_another_client_or_for_another_secret(self, robot: Robot) -> None:
        failure(robot.ask(robot.secret[:-1] + "x"), 401, "invalid_client")
        failure(robot.ask(robot.token()), 401, "invalid_client")
        other = Robot(robot.world, "", "admin", "", robot.secret)
        failure(other.ask(), 401, "invalid_client")

    def test_is_not_given_for_a_token_nor_is_a_secret_a_token(self, robot: Robot) -> None:
        with robot.world.server.client() as client:
            failure(client.post(TOKEN, data=FORM), 401, "invalid_client")
        assert not robot.comes_in(robot.secret)

    def test_is_not_given_to_a_service_principal_that_is_shut_out(self, robot: Robot) -> None:
        token = robot.token()
        shut = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
        robot.world.admin.patch(f"{SCIM}/ServicePrincipals/{robot.id}", json=shut).raise_for_status()
        failure(robot.ask(), 401, "invalid_client")
        assert not robot.comes_in(token)


class TestSecrets:
    def test_are_exchanged_two_at_a_time_and_cut_off_with_their_tokens(self, robot: Robot) -> None:
        admin = robot.world.admin
        old = robot.token()
        second = admin.post(robot.secrets, json={"lifetime": "3600s"}).raise_for_status().json()
        third = refusal(admin.post(robot.secrets, json={}), 400, "INVALID_STATE")
        assert "2 secrets already" in third
        new = robot.ask(second["secret"]).raise_for_status().json()["access_token"]
        assert robot.comes_in(old)
        assert robot.comes_in(new)

        admin.delete(f"{robot.secrets}/{robot.secret_id}").raise_for_status()
        failure(robot.ask(), 401, "invalid_client")
        assert not robot.comes_in(old), "a token ends with the secret that it was given for"
        assert robot.comes_in(new)
        assert admin.post(robot.secrets, json={}).is_success
        refusal(admin.delete(f"{robot.secrets}/{robot.secret_id}"), 404, "RESOURCE_DOES_NOT_EXIST")

    def test_are_listed_without_their_values(self, robot: Robot) -> None:
        robot.token()
        for prefix in ("/api/2.0/accounts", "/api/2.0/accounts/any-account"):
            answer = robot.world.admin.get(f"{prefix}/servicePrincipals/{robot.id}/credentials/secrets")
            [secret] = answer.raise_for_status().json()["secrets"]
            assert (secret["id"], secret["status"]) == (robot.secret_id, "ACTIVE")
            assert {"create_time", "expire_time", "last_used_time"} <= secret.keys()
            assert "mysec_" not in answer.text

    def test_are_governed_by_admins_and_by_the_principal_itself(self, robot: Robot) -> None:
        _, stranger = robot.world.user()
        refusal(stranger.get(robot.secrets), 404, "RESOURCE_DOES_NOT_EXIST")
        refusal(stranger.post(robot.secrets, json={}), 404, "RESOURCE_DOES_NOT_EXIST")
        refusal(stranger.delete(f"{robot.secrets}/{robot.secret_id}"), 404, "RESOURCE_DOES_NOT_EXIST")
        with robot.world.server.client(robot.token()) as itself:
            assert itself.post(robot.secrets, json={}).is_success
            assert len(itself.get(robot.secrets).json()["secrets"]) == 2

    def test_are_not_for_users(self, robot: Robot) -> None:
        me = robot.world.admin.get(f"{SCIM}/Me").json()["id"]
        path = f"/api/2.0/accounts/servicePrincipals/{me}/credentials/secrets"
        refusal(robot.world.admin.post(path, json={}), 404, "RESOURCE_DOES_NOT_EXIST")

    @pytest.mark.parametrize("said", [{"lifetime": "soon"}, {"lifetime": "0s"}, {"scopes": ["sql"]}])
    def test_that_cannot_be_made_are_refused(self, robot: Robot, said: dict[str, object]) -> None:
        refusal(robot.world.admin.post(robot.secrets, json=said), 400, "INVALID_PARAMETER_VALUE")


class TestInside:
    """What takes an hour outside."""

    @pytest.fixture
    def client(self, inside: InProcess) -> ClientSecret:
        made = inside.do(access.CreatePrincipal(PrincipalKind.SERVICE_PRINCIPAL, "robot"))
        secret: NewSecret = inside.do(credentials.CreateSecret(made.principal.id, 7_200))
        return ClientSecret("robot", secret.value)

    def issue(self, inside: InProcess, client: ClientSecret) -> Bearer:
        made = inside.gate.do(credentials.IssueToken("robot"), client, Origin("issue"))
        return Bearer(made.secret)

    def kept(self, inside: InProcess) -> list[Any]:
        with inside.built.database.engine.connect() as connection:
            return list(connection.exec_driver_sql("SELECT id FROM tokens WHERE kind = 'oauth'"))

    def test_a_token_lives_an_hour_and_is_forgotten_then(self, inside: InProcess, client: ClientSecret) -> None:
        now = inside.gate.clock()
        inside.gate.clock = lambda: now
        token = self.issue(inside, client)
        now += 3_599
        assert inside.do(access.WhoAmI(), token).principal.name == "robot"
        inside.gate.do(tokens.ForgetExpiredTokens(), Server(), Origin("chore"))
        assert len(self.kept(inside)) == 1
        now += 1
        with pytest.raises(Unauthenticated):
            inside.do(access.WhoAmI(), token)
        inside.gate.do(tokens.ForgetExpiredTokens(), Server(), Origin("chore"))
        assert self.kept(inside) == []

    def test_an_expired_secret_gives_nothing_and_makes_room(self, inside: InProcess, client: ClientSecret) -> None:
        now = inside.gate.clock()
        robot = inside.do(access.ListPrincipals(PrincipalKind.SERVICE_PRINCIPAL)).cards[0].principal
        inside.do(credentials.CreateSecret(robot.id))
        now += 7_200
        inside.gate.clock = lambda: now
        with pytest.raises(Unauthenticated):
            self.issue(inside, client)
        inside.do(credentials.CreateSecret(robot.id))

    def test_a_token_is_given_only_for_a_secret(self, inside: InProcess) -> None:
        with pytest.raises(Unauthenticated, match="for the secrets of service principals"):
            inside.do(credentials.IssueToken("admin"))

    def test_attempts_are_recorded_without_secrets(self, inside: InProcess, client: ClientSecret) -> None:
        token = self.issue(inside, client)
        wrong = ClientSecret("robot", "mysec_wrong")
        with pytest.raises(Unauthenticated):
            inside.gate.do(credentials.IssueToken("robot"), wrong, Origin("wrong", address="10.0.0.1"))
        with inside.built.database.look() as tx:
            rows = journal.recent(tx, 100)
        told = {row[7]: row for row in rows}
        assert told["issue"][1:4] == ("robot", "issueToken", "done")
        assert told["wrong"][1:4] == ("", "issueToken", "refused")
        assert "robot" in told["wrong"][6]
        for secret in (client.secret, token.secret, wrong.secret):
            assert secret not in str(rows)
            assert secret not in repr((client, token, wrong))
