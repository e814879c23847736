"""Commits of git repositories: fetched by git in a sandbox, kept, and unpacked without anything of theirs being run.

A credential reaches git in its environment, and beyond that the repository's own host only; what was fetched
with one is kept for its principal alone.
"""

from __future__ import annotations

import base64
import hashlib
import os
import re
import shutil
import subprocess
import tarfile
import threading
from collections import defaultdict
from pathlib import Path
from types import MappingProxyType
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from modelyard.domain.git_credentials import receives
from modelyard.engines.attempts import Checkout
from modelyard.engines.local.files import remove
from modelyard.engines.local.sandbox import OUTER, Job, Sandbox
from modelyard.engines.local.trouble import Trouble
from modelyard.engines.tasks.gateway import Gateway
from modelyard.errors import Invalid, NotFound, Unavailable
from modelyard.outbound import Allowed

if TYPE_CHECKING:
    from collections.abc import Mapping

    from modelyard.config import Settings
    from modelyard.domain.git_credentials import Login

_SECONDS: Final = 600
_COMMIT: Final = re.compile(r"[0-9a-f]{40}\Z")
_NAME: Final = re.compile(r"(?!-)(?!.*(?:\.\.|//|@\{))[\w.\-/+#]{1,250}\Z")
_URL: Final = re.compile(r"https?://[!-~]+\Z")
_NOTHING: Final[Mapping[str, str]] = MappingProxyType({})
_SPARE: Final = 10
"""Repositories that are kept although nobody needs them now."""


def address(url: str, allowed: Allowed) -> str:
    """The URL of a repository, if it may be asked at all: https, or http where the operator lets the host through."""
    try:
        parts = urlsplit(url) if _URL.match(url) else None
    except ValueError:
        parts = None
    if parts is None or not parts.hostname:
        raise Invalid("git_url must be an https:// URL; ssh and local repositories are not fetched.")
    if "@" in parts.netloc:
        raise Invalid("git_url must hold no user and no password.")
    if parts.scheme != "https" and parts.hostname not in allowed.hosts:
        raise Invalid("git_url must be an https:// URL; http:// is only for hosts in outbound_allowed.")
    return url


class Checkouts:
    """Fetches commits, as the user that builds environments; safe for threads."""

    def __init__(self, folder: Path, settings: Settings, sandbox: Sandbox, uid: int) -> None:
        self._folder = folder
        self._git = shutil.which(settings.git_command) or settings.git_command
        self._allowed = Allowed.of(settings.outbound_allowed)
        self._hosts = settings.git_hosts
        self._sandbox = sandbox
        self._uid = uid
        self._turns = defaultdict[str, threading.Lock](threading.Lock)

    def resolve(
        self, url: str, *, branch: str = "", tag: str = "", commit: str = "", login: Login | None = None
    ) -> str:
        """The commit that a branch or a tag is at now; a commit is itself."""
        where = address(url, self._allowed)
        if sum(map(bool, (branch, tag, commit))) != 1:
            raise Invalid("name one of git_branch, git_tag and git_commit.")
        if commit:
            if not _COMMIT.match(commit):
                raise Invalid("git_commit must be all 40 digits of a commit.")
            return commit
        name = branch or tag
        if not _NAME.match(name):
            raise Invalid(f'"{name[:60]}" is no name of a branch or tag.')
        ref = f"refs/heads/{branch}" if branch else f"refs/tags/{tag}"
        try:
            told = self._run(["ls-remote", where, ref, f"{ref}^{{}}"], None, self._shown(where, login))
        except Trouble as trouble:
            raise Unavailable(f"the repository could not be asked: {trouble.message}") from None
        found = {name: sha for sha, _, name in (line.partition("\t") for line in told.splitlines()) if name}
        if sha := found.get(f"{ref}^{{}}") or found.get(ref):
            return sha
        raise NotFound(f"the repository has no {'branch' if branch else 'tag'} '{name}'.")

    def unpack(self, checkout: Checkout, place: Path) -> None:
        """Put the files of a commit into a folder."""
        if not _COMMIT.match(checkout.commit) or any(each.startswith((":", "-")) for each in checkout.patterns):
            raise Trouble("the checkout names no commit, or patterns that are none.", is_final=True)
        try:
            where = address(checkout.url, self._allowed)
        except Invalid as failure:
            raise Trouble(failure.message, is_final=True) from None
        shown = self._shown(where, checkout.login)
        holder = checkout.login.holder if checkout.login and shown else ""
        key = hashlib.sha256(f"{where} {holder}".rstrip().encode()).hexdigest()[:32]
        with self._turns[key]:
            self._unpack(where, checkout, self._kept(key), place, shown)
        self._tidy()

    def _shown(self, url: str, login: Login | None) -> Mapping[str, str]:
        """What git is told of a principal's credential, for this host alone; nothing if it may not receive it."""
        if login is None or not receives(url, login.provider, self._hosts):
            return {}
        pair = base64.b64encode(f"{login.user}:{login.token.text()}".encode()).decode()
        parts = urlsplit(url)
        return {f"http.{parts.scheme}://{parts.netloc}/.extraHeader": f"Authorization: Basic {pair}"}

    def _kept(self, key: str) -> Path:
        folder = self._folder / key
        if not folder.exists():
            folder.mkdir(mode=0o755)
            if self._sandbox.has_own_users:
                os.chown(folder, self._uid, self._uid)
            self._run(["init", "--quiet", "--bare", str(folder / "repo")], folder)
        os.utime(folder)
        return folder

    def _unpack(self, url: str, checkout: Checkout, folder: Path, place: Path, shown: Mapping[str, str]) -> None:
        git = ["-C", str(folder / "repo")]
        commit = checkout.commit
        if not self._has(git, commit, folder):
            self._fetch(git, url, commit, folder, shown)
        elif shown:  # a credential that was withdrawn opens nothing, also of what is here
            self._run(["ls-remote", url, "HEAD"], None, shown)
        archive = folder / f"{commit}.tar"
        patterns = ["--", *checkout.patterns] if checkout.patterns else []
        self._run([*git, "archive", "--format=tar", f"--output={archive}", commit, *patterns], folder)
        try:
            place.mkdir(parents=True, exist_ok=True)
            descriptor = os.open(archive, os.O_RDONLY | os.O_NOFOLLOW)
            with os.fdopen(descriptor, "rb") as file, tarfile.open(fileobj=file) as tar:
                tar.extractall(place, filter="data")
        except (OSError, tarfile.TarError):
            raise Trouble("the commit's files could not be unpacked.", is_final=True) from None
        finally:
            archive.unlink(missing_ok=True)

    def _has(self, git: list[str], commit: str, folder: Path) -> bool:
        try:
            self._run([*git, "cat-file", "-e", f"{commit}^{{commit}}"], folder)
        except Trouble:
            return False
        return True

    def _fetch(self, git: list[str], url: str, commit: str, folder: Path, shown: Mapping[str, str]) -> None:
        """The commit alone where the server gives it; else all branches and tags."""
        try:
            self._run([*git, "fetch", "--quiet", "--no-tags", "--depth=1", url, commit], folder, shown)
        except Trouble:
            everything = ["+refs/heads/*:refs/heads/*", "+refs/tags/*:refs/tags/*"]
            self._run([*git, "fetch", "--quiet", "--no-tags", url, *everything], folder, shown)
        if not self._has(git, commit, folder):
            raise Trouble("the repository has no such commit.", is_final=True)

    def _run(self, arguments: list[str], writes: Path | None, shown: Mapping[str, str] = _NOTHING) -> str:
        with Gateway(self._allowed) as gateway:
            prepared = self._sandbox.prepared(self._job(arguments, writes, gateway.url, shown))
            try:
                done = subprocess.run(  # noqa: S603  git, confined
                    prepared.command,
                    input=prepared.said,
                    capture_output=True,
                    check=False,
                    env=OUTER,
                    cwd="/",
                    timeout=_SECONDS,
                )
            except (OSError, subprocess.TimeoutExpired):
                raise Trouble("git could not be run, or took too long.") from None
            finally:
                prepared.tidy()
        if done.returncode:
            raise Trouble(_words(done.stderr.decode(errors="replace")))
        return done.stdout.decode(errors="replace")

    def _job(self, arguments: list[str], writes: Path | None, proxy: str, shown: Mapping[str, str]) -> Job:
        said = {
            **shown,
            "http.proxy": proxy,
            "http.followRedirects": "false",
            "protocol.allow": "never",
            "protocol.http.allow": "always",
            "protocol.https.allow": "always",
            "core.hooksPath": "/dev/null",
            "safe.directory": "*",
            "gc.auto": "0",
        }
        settings = {
            name: value
            for number, (key, each) in enumerate(said.items())
            for name, value in ((f"GIT_CONFIG_KEY_{number}", key), (f"GIT_CONFIG_VALUE_{number}", each))
        }
        quiet = {"GIT_TERMINAL_PROMPT": "0", "GIT_CONFIG_NOSYSTEM": "1", "GIT_CONFIG_GLOBAL": "/dev/null"}
        return Job(
            command=(self._git, *arguments),
            uid=self._uid,
            reads=(),
            writes=(writes,) if writes else (),
            variables={"PATH": OUTER["PATH"], "LANG": "C", "GIT_CONFIG_COUNT": str(len(said)), **settings, **quiet},
            umask=0o022,
            nice=5,
        )

    def _tidy(self) -> None:
        kept = sorted(self._folder.iterdir(), key=lambda each: each.stat().st_mtime, reverse=True)
        for each in kept[_SPARE:]:
            if self._turns[each.name].acquire(blocking=False):
                remove(each)
                self._turns[each.name].release()


def _words(said: str) -> str:
    """The last line that git has said, without what is nobody's business."""
    lines = [line for line in said.splitlines() if line.strip()]
    last = re.sub(r"//[^@/\s]*@", "//…@", lines[-1])[:300] if lines else "it said nothing"
    return f"git failed: {last}"
