"""Credentials for git servers, by the SDK and on the wire."""

from __future__ import annotations

import pytest
from databricks.sdk import WorkspaceClient
from databricks.sdk.errors import BadRequest, NotFound

from tests.surfaces.world import World, refusal

PATH = "/api/2.0/git-credentials"
TOKEN = "ghp_of-nobody"
ORDINARY = {"git_provider": "gitHub", "personal_access_token": TOKEN}


@pytest.fixture
def sdk(world: World) -> WorkspaceClient:
    return WorkspaceClient(host=world.server.url, token=world.server.token)


def test_the_sdk_makes_lists_changes_and_deletes_them(world: World, sdk: WorkspaceClient) -> None:
    made = sdk.git_credentials.create("github", git_username="ann", personal_access_token=TOKEN, name="work")
    assert (made.git_provider, made.git_username, made.name) == ("gitHub", "ann", "work")
    assert made.is_default_for_provider, "the first of a provider"
    other = sdk.git_credentials.create("gitHub", personal_access_token=TOKEN)
    assert not other.is_default_for_provider
    sdk.git_credentials.update(other.credential_id, "gitHub", is_default_for_provider=True, git_email="ann@example.com")
    found = {each.credential_id: each for each in sdk.git_credentials.list()}
    assert found.keys() == {made.credential_id, other.credential_id}
    assert not found[made.credential_id].is_default_for_provider, "there is one default"
    assert found[other.credential_id].is_default_for_provider
    assert sdk.git_credentials.get(other.credential_id).git_email == "ann@example.com"
    sdk.git_credentials.delete(made.credential_id)
    with pytest.raises(NotFound):
        sdk.git_credentials.get(made.credential_id)
    shown = world.admin.get(PATH).text
    assert TOKEN not in shown
    sdk.git_credentials.delete(other.credential_id)


def test_an_admin_sets_those_of_a_service_principal_and_nobody_those_of_a_person(world: World) -> None:
    said = {"displayName": "robot", "applicationId": "robot-of-git"}
    robot = world.admin.post("/api/2.0/preview/scim/v2/ServicePrincipals", json=said).raise_for_status().json()["id"]
    world.admin.post(PATH, json={**ORDINARY, "principal_id": robot}).raise_for_status()
    [theirs] = world.admin.get(PATH, params={"principal_id": robot}).raise_for_status().json()["credentials"]
    assert world.admin.get(f"{PATH}/{theirs['credential_id']}").status_code == 404, "it is not the admin's own"
    _, client = world.user()
    assert client.get(PATH, params={"principal_id": robot}).status_code == 404
    assert client.get(PATH).json() == {"credentials": []}
    person = client.get("/api/2.0/preview/scim/v2/Me").json()["id"]
    assert world.admin.post(PATH, json={**ORDINARY, "principal_id": person}).status_code == 404


@pytest.mark.parametrize(
    ("said", "why"),
    [
        ({**ORDINARY, "git_provider": "sourceForge"}, "git_provider must be one of gitHub"),
        ({"git_provider": "gitHub"}, "personal_access_token has 1 to"),
        ({**ORDINARY, "personal_access_token": "two words"}, "no spaces"),
        ({**ORDINARY, "personal_access_token": "a\r\nX-Other: b"}, "no spaces"),
        ({**ORDINARY, "personal_access_token": "x" * 9000}, "personal_access_token has 1 to 8192"),
        ({**ORDINARY, "git_username": "a:b"}, "git_username is one line"),
        ({**ORDINARY, "git_email": "a\nb"}, "git_email is one line"),
    ],
)
def test_what_is_none_is_refused(world: World, said: dict[str, str], why: str) -> None:
    answer = world.admin.post(PATH, json=said)
    assert why in refusal(answer, 400, "INVALID_PARAMETER_VALUE")
    assert said.get("personal_access_token", "?") not in answer.text


@pytest.mark.parametrize("written", ["1" * 30, "-1", "one", "٣"])
def test_what_is_no_number_is_told(world: World, written: str) -> None:
    assert "at most 18 digits" in refusal(world.admin.get(f"{PATH}/{written}"), 400, "INVALID_PARAMETER_VALUE")


def test_another_provider_takes_another_token(sdk: WorkspaceClient) -> None:
    made = sdk.git_credentials.create("gitHub", personal_access_token=TOKEN)
    with pytest.raises(BadRequest, match="the token is one for gitHub"):
        sdk.git_credentials.update(made.credential_id, "gitLab")
    sdk.git_credentials.update(made.credential_id, "gitLab", personal_access_token=TOKEN)
    assert sdk.git_credentials.get(made.credential_id).git_provider == "gitLab"
    sdk.git_credentials.delete(made.credential_id)
