"""Code from git: one commit, fetched from a real server, through checked connections only."""

from __future__ import annotations

import base64
import contextlib
import os
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import ClassVar

import pytest

from modelyard.domain.git_credentials import Login
from modelyard.domain.secrets import Hidden
from modelyard.engines.attempts import Brief, Checkout, Trouble, Work
from modelyard.errors import Invalid, NotFound, Unavailable
from tests.engines.attempts import Yard

HERE = "localhost"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


class Private(Quiet):
    """Answers those who show a user and a token, while the token is good."""

    good = f"Basic {base64.b64encode(b'robot:open-sesame').decode()}"
    shown: ClassVar[list[str | None]] = []

    def do_GET(self) -> None:
        said = self.headers.get("Authorization")
        self.shown.append(said)
        if said == type(self).good:
            super().do_GET()
        else:
            self.send_response(401)
            self.send_header("WWW-Authenticate", 'Basic realm="private"')
            self.send_header("Content-Length", "0")
            self.end_headers()


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A folder with a repository, and its newest commit."""
    root = tmp_path_factory.mktemp("git")
    work = root / "work"

    def git(*words: str) -> str:
        about = {
            "GIT_AUTHOR_NAME": "a",
            "GIT_AUTHOR_EMAIL": "a@b",
            "GIT_COMMITTER_NAME": "a",
            "GIT_COMMITTER_EMAIL": "a@b",
        }
        environment = {**os.environ, **about, "GIT_CONFIG_GLOBAL": "/dev/null"}
        return subprocess.run(
            ["git", *words], cwd=work, env=environment, check=True, capture_output=True, text=True
        ).stdout.strip()

    (work / "jobs").mkdir(parents=True)
    (work / "jobs" / "main.py").write_text("import helper, os\nprint(helper.SAID, os.getcwd())\n")
    (work / "jobs" / "helper.py").write_text("SAID = 'first'\n")
    git("init", "--quiet", "--initial-branch", "main")
    git("add", ".")
    git("commit", "--quiet", "--message", "one")
    git("tag", "--annotate", "v1", "--message", "v1")
    (work / "jobs" / "helper.py").write_text("SAID = 'second'\n")
    git("commit", "--quiet", "--all", "--message", "two")
    git("clone", "--quiet", "--bare", ".", str(root / "repo.git"))
    git("--git-dir", str(root / "repo.git"), "update-server-info")
    return root, git("rev-parse", "HEAD")


@pytest.fixture(scope="module")
def repository(made: tuple[Path, str]) -> Iterator[tuple[str, str]]:
    """The URL of a repository on loopback, and its newest commit."""
    root, newest = made
    with served(root, Quiet) as url:
        yield f"{url}/repo.git", newest


@contextlib.contextmanager
def served(root: Path, handler: type[Quiet]) -> Iterator[str]:
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(handler, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    try:
        yield f"http://{HERE}:{server.server_address[1]}"
    finally:
        server.shutdown()
        server.server_close()


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    yard = Yard(tmp_path_factory.mktemp("yard") / "d", {"shared_user": False, "outbound_allowed": (HERE,)})
    yield yard
    yard.close()


def test_a_task_runs_the_code_of_one_commit(yard: Yard, repository: tuple[str, str]) -> None:
    url, newest = repository
    assert yard.executor.resolve(url, branch="main") == newest
    tagged = yard.executor.resolve(url, tag="v1")
    assert tagged != newest
    assert yard.executor.resolve(url, commit=tagged) == tagged
    for attempt, commit, said in (("new", newest, "second"), ("old", tagged, "first")):
        yard.briefs[attempt] = Brief(Work.SCRIPT, "jobs/main.py", checkout=Checkout(url, commit))
        yard.executor.start(attempt)
        outcome = yard.ended(attempt).outcome
        assert outcome
        assert outcome.trouble is None, (outcome, yard.log(attempt))
        assert yard.log(attempt) == f"{said} /Workspace/Repos/.internal/{commit}/jobs\n"
    with pytest.raises(NotFound, match="no branch 'other'"):
        yard.executor.resolve(url, branch="other")


def test_what_cannot_be_checked_out_is_told(yard: Yard, repository: tuple[str, str]) -> None:
    url, _ = repository
    for attempt, place in (("no-commit", Checkout(url, "0" * 40)), ("no-repository", Checkout(url + "x", "0" * 40))):
        yard.briefs[attempt] = Brief(Work.SCRIPT, "jobs/main.py", checkout=place)
        yard.executor.start(attempt)
        outcome = yard.ended(attempt).outcome
        assert outcome
        assert outcome.trouble is Trouble.NO_CHECKOUT


@pytest.mark.parametrize(
    "url",
    [
        "file:///etc",
        "ssh://git@github.com/x/y",
        "git@github.com:x/y",
        "http://example.com/x",
        "https://a:b@example.com/x",
        "ext::sh",
    ],
)
def test_other_ways_to_a_repository_are_refused(yard: Yard, url: str) -> None:
    with pytest.raises(Invalid, match="git_url"):
        yard.executor.resolve(url, branch="main")


def test_addresses_that_are_not_public_are_not_asked(tmp_path: Path, repository: tuple[str, str]) -> None:
    own = Yard(tmp_path / "d", {"shared_user": False})
    port = repository[0].rpartition(":")[2].partition("/")[0]
    with pytest.raises(Unavailable, match="could not be asked"):
        own.executor.resolve(f"https://127.0.0.1:{port}/repo.git", branch="main")
    own.close()


class TestPrivate:
    """What is only for those who show a credential."""

    @pytest.fixture
    def private(self, made: tuple[Path, str], tmp_path: Path) -> Iterator[tuple[Yard, str, str]]:
        """A yard whose operator knows the server, the repository's URL, and its newest commit."""
        root, newest = made
        Private.shown.clear()
        with served(root, Private) as url:
            known = (f"gitLabEnterpriseEdition={url.removeprefix('http://')}",)
            yard = Yard(tmp_path / "d", {"shared_user": False, "outbound_allowed": (HERE,), "git_hosts": known})
            yield yard, f"{url}/repo.git", newest
            yard.close()

    def run(self, yard: Yard, attempt: str, checkout: Checkout) -> Trouble | None:
        yard.briefs[attempt] = Brief(Work.SCRIPT, "jobs/main.py", checkout=checkout)
        yard.executor.start(attempt)
        outcome = yard.ended(attempt).outcome
        assert outcome
        assert "open-sesame" not in outcome.error
        return outcome.trouble

    def test_a_credential_opens_it_and_what_it_opened_is_for_its_principal_alone(
        self, private: tuple[Yard, str, str], monkeypatch: pytest.MonkeyPatch
    ) -> None:
        yard, url, newest = private
        assert yard.executor.resolve(url, branch="main", login=login()) == newest
        assert self.run(yard, "mine", Checkout(url, newest, login=login())) is None
        assert "second" in yard.log("mine")
        assert self.run(yard, "nobody", Checkout(url, newest)) is Trouble.NO_CHECKOUT
        wrong = login("another", b"wrong")
        assert self.run(yard, "another", Checkout(url, newest, login=wrong)) is Trouble.NO_CHECKOUT
        assert self.run(yard, "mine-again", Checkout(url, newest, login=login())) is None
        monkeypatch.setattr(Private, "good", "another one by now")
        withdrawn = Checkout(url, newest, login=login())
        assert self.run(yard, "withdrawn", withdrawn) is Trouble.NO_CHECKOUT, "also of what is kept here"

    @pytest.mark.parametrize("provider", ["gitHub", "bitbucketServer", "gitLab"])
    def test_a_host_that_is_not_the_provider_s_is_shown_nothing(
        self, private: tuple[Yard, str, str], provider: str
    ) -> None:
        yard, url, _ = private
        with pytest.raises(Unavailable, match="could not be asked") as failure:
            yard.executor.resolve(url, branch="main", login=login(provider=provider))
        assert set(Private.shown) == {None}
        assert "open-sesame" not in str(failure.value)


def login(holder: str = "me", token: bytes = b"open-sesame", provider: str = "gitLabEnterpriseEdition") -> Login:
    return Login(holder, provider, "robot", Hidden(token))
