"""Code from git: one commit, fetched from a real server, through checked connections only."""

from __future__ import annotations

import os
import subprocess
import threading
from collections.abc import Iterator
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest

from modelyard.engines.attempts import Brief, Checkout, Trouble, Work
from modelyard.errors import Invalid, NotFound, Unavailable
from tests.engines.attempts import Yard

HERE = "localhost"


class Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture(scope="module")
def repository(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, str]]:
    """The URL of a repository on loopback, and its newest commit."""
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
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(Quiet, directory=str(root)))
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://{HERE}:{server.server_address[1]}/repo.git", git("rev-parse", "HEAD")
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
