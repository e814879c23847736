"""Credentials for git servers: which one is used, whose they are, and where their tokens are to be found: nowhere."""

from __future__ import annotations

import shutil
from functools import partial
from pathlib import Path

import pytest

from modelyard import config
from modelyard.actions import access as principals
from modelyard.actions import git_credentials
from modelyard.actions.git_credentials import CreateGitCredential, DeleteGitCredential, ListGitCredentials
from modelyard.domain.git_credentials import MAX_CREDENTIALS, GitCredential, Login, receives
from modelyard.domain.secrets import Hidden
from modelyard.errors import Invalid, TooMany, WrongState
from tests.gate.threads import at_once, persistent
from tests.house.world import Person, World
from tests.support import in_process

TOKEN = b"ghp_of-nobody"


def kept(world: World, who: Person, provider: str = "gitHub", *, is_default: bool = False, token: bytes = TOKEN) -> int:
    said = GitCredential(0, provider, "ann", is_default=is_default)
    return world.do(CreateGitCredential(said, Hidden(token)), who).id


def used(world: World, who: Person, provider: str = "gitHub") -> bytes | None:
    with world.inside.built.database.look() as tx:
        found = git_credentials.login(tx, who.id, provider)
    return found.token.reveal() if found else None


def test_the_first_of_a_provider_is_used_until_another_is_its_default(world: World) -> None:
    who = world.person()
    assert used(world, who) is None
    first = kept(world, who, token=b"first")
    kept(world, who, token=b"second")
    kept(world, who, "gitLab", token=b"elsewhere")
    assert used(world, who) == b"first"
    third = kept(world, who, is_default=True, token=b"third")
    assert used(world, who, "GITHUB") == b"third"
    assert [
        each.id for each in world.do(ListGitCredentials(), who) if each.is_default and each.provider == "gitHub"
    ] == [third]
    world.do(DeleteGitCredential(third), who)
    assert used(world, who) == b"first"
    world.do(DeleteGitCredential(first), who)
    assert used(world, who) == b"second"


def test_there_is_an_end_to_them_also_when_many_come_at_once(world: World) -> None:
    who = world.person()
    for _ in range(MAX_CREDENTIALS - 1):
        kept(world, who)
    results = at_once([persistent(partial(kept, world, who))] * 4)
    assert sum(isinstance(each, TooMany) for each in results) == 3
    assert len(world.do(ListGitCredentials(), who)) == MAX_CREDENTIALS


def test_no_token_is_in_the_audit_in_answers_or_on_disk(world: World) -> None:
    who, request = world.person(), world.new_name("request")
    made = world.do(CreateGitCredential(GitCredential(0, "gitHub", "ann"), Hidden(TOKEN)), who, request)
    [row] = world.recorded(request)
    assert TOKEN.decode() not in str(row)
    assert TOKEN.decode() not in repr(made)
    assert TOKEN.decode() not in repr(Login("id", "gitHub", "ann", Hidden(TOKEN)))


def test_they_open_with_the_key_alone_that_they_were_kept_with(tmp_path: Path) -> None:
    with in_process(tmp_path / "data") as inside:
        me = inside.do(principals.WhoAmI()).principal
        inside.do(CreateGitCredential(GitCredential(0, "gitHub"), Hidden(TOKEN)))
        for file in (tmp_path / "data").rglob("*"):
            assert not file.is_file() or TOKEN not in file.read_bytes()
    shutil.rmtree(tmp_path / "data" / "keys")
    with (
        in_process(tmp_path / "data") as inside,
        inside.built.database.look() as tx,
        pytest.raises(WrongState, match="bring that key back"),
    ):
        git_credentials.login(tx, me.id, "gitHub")


@pytest.mark.parametrize(
    ("url", "provider", "known", "may"),
    [
        ("https://github.com/a/b", "gitHub", (), True),
        ("https://GitHub.com/a/b.git", "github", (), True),
        ("http://github.com/a/b", "gitHub", (), False),
        ("https://github.com:8443/a/b", "gitHub", (), False),
        ("https://github.com.example.com/a/b", "gitHub", (), False),
        ("https://example.com/github.com", "gitHub", (), False),
        ("https://gitlab.com/a/b", "gitHub", (), False),
        ("https://github.com/a/b", "gitHub", ("gitHub=example.com",), True),
        ("https://example.com/a/b", "gitHub", ("gitHubEnterprise=example.com",), False),
        ("https://team.visualstudio.com/x", "azureDevOpsServices", (), True),
        ("https://a.b.visualstudio.com/x", "azureDevOpsServices", (), False),
        ("https://git-codecommit.eu-west-1.amazonaws.com/v1/repos/x", "awsCodeCommit", (), True),
        ("https://git-codecommit.mine.s3.amazonaws.com/x", "awsCodeCommit", (), False),
        ("https://git.example.com/x", "gitLabEnterpriseEdition", (), False),
        ("https://git.example.com/x", "gitLabEnterpriseEdition", ("gitLabEnterpriseEdition=git.example.com",), True),
        ("https://git.example.com:1/x", "gitLabEnterpriseEdition", ("gitLabEnterpriseEdition=git.example.com",), False),
        ("https://git.example.com/x", "bitbucketServer", ("gitLabEnterpriseEdition=git.example.com",), False),
        ("https://example.com/x", "sourceForge", ("sourceForge=example.com",), True),
    ],
)
def test_a_token_is_for_the_hosts_of_its_provider(url: str, provider: str, known: tuple[str, ...], may: bool) -> None:  # noqa: FBT001
    assert receives(url, provider, known) is may


@pytest.mark.parametrize(
    "entry", ["git.example.com", "gitHub=github.example.com", "gitHubEnterprise=", "x=y", "gitHubEnterprise=a/b"]
)
def test_an_operator_s_host_is_checked(entry: str) -> None:
    with pytest.raises(Invalid, match="is not PROVIDER=HOST"):
        config.load({"git_hosts": (entry,)}, {}, None)
