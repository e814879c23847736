from __future__ import annotations

import httpx
import pytest

from tests.cli.conftest import CommandLine


def gives_token(modelyard: CommandLine, secret: str) -> bool:
    form = {"grant_type": "client_credentials", "scope": "all-apis"}
    url = f"{modelyard.server.url}/oidc/v1/token"
    return httpx.post(url, data=form, auth=("ci", secret), trust_env=False).is_success


def test_a_secret_is_made_used_listed_and_deleted(modelyard: CommandLine) -> None:
    modelyard.do("principals", "create", "service-principal", "ci")
    made = modelyard.do("secrets", "create", "ci", "--days", "90")
    secret = made.out.removesuffix("\n")
    assert secret.startswith("mysec_")
    assert secret not in made.err
    assert "of ci" in made.err
    assert gives_token(modelyard, secret)

    [listed] = modelyard.ask("secrets", "list", "ci")
    assert listed["status"] == "ACTIVE"
    assert "mysec_" not in modelyard.do("secrets", "list", "ci").out
    modelyard.do("secrets", "create", "ci")
    assert "2 secrets already" in modelyard.refusal("secrets", "create", "ci")

    modelyard.do("secrets", "delete", "ci", listed["id"])
    assert not gives_token(modelyard, secret)
    assert "no secret with id" in modelyard.refusal("secrets", "delete", "ci", listed["id"])


def test_only_service_principals_have_secrets_and_others_do_not_see_them(modelyard: CommandLine) -> None:
    alice = modelyard.server.make_user("alice")
    assert "Make a token for it" in modelyard.refusal("secrets", "create", "alice")
    assert "no principal with name" in modelyard.refusal("secrets", "list", "nobody")
    modelyard.do("principals", "create", "service-principal", "ci")
    assert "yours to see" in modelyard.refusal("secrets", "list", "ci", token=alice)


def test_an_admin_lists_everybodys_tokens(modelyard: CommandLine) -> None:
    alice = modelyard.server.make_user("alice")
    assert {each["owner"] for each in modelyard.ask("token", "list", "--all")} == {"admin", "alice"}
    assert "alice" in modelyard.do("token", "list", "--all").out
    modelyard.refusal("token", "list", "--all", token=alice)
    assert [each["owner"] for each in modelyard.ask("token", "list", token=alice)] == ["alice"]


@pytest.mark.parametrize("words", [("secrets", "create", "ci", "--days", "0"), ("secrets", "delete", "ci")])
def test_a_command_that_is_written_wrong_ends_with_2(nowhere: CommandLine, words: tuple[str, ...]) -> None:
    assert nowhere.misuse(*words)
