"""Changes as a branch of a git repository: one commit for each rule, and nothing of the checkout is touched."""

from __future__ import annotations

import os
import re
import subprocess
import tempfile
from collections.abc import Callable, Generator, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Final

from modelyard.errors import AlreadyExists, Invalid, NotFound
from modelyard.upgrade.catalogue import RULES
from modelyard.upgrade.engine import Outcome
from modelyard.upgrade.walk import root

_SECONDS: Final = 600
_IDENTITY: Final = ("-c", "user.name=modelyard upgrade", "-c", "user.email=upgrade@modelyard.invalid")


def branched(paths: list[Path], name: str, work: Callable[[list[Path]], Outcome]) -> tuple[Outcome, list[str]]:
    """Do the work on what is committed, on a new branch; the outcome, and the commits' titles."""
    top = _top(paths)
    _refuse_taken(top, name)
    with _worktree(top, name) as tree:
        inside = [tree / path.resolve().relative_to(top) for path in paths]
        missing = [path for path, there in zip(paths, inside, strict=True) if not there.exists()]
        if missing:
            raise NotFound(f"{missing[0]} is not committed: commit it, and then make the branch.")
        outcome = work(inside)
        return outcome, list(_commits(outcome, tree, root(inside)))


def _top(paths: list[Path]) -> Path:
    """The repository that all paths are in."""
    folder = paths[0] if paths[0].is_dir() else paths[0].parent
    try:
        top = Path(_git(folder, "rev-parse", "--show-toplevel").strip())
    except Invalid as failure:
        raise Invalid(f"{folder} is not in a git repository; leave --branch out to change files in place.") from failure
    if not all(path.resolve().is_relative_to(top) for path in paths):
        raise Invalid("the paths are in more than one git repository; make a branch in each.")
    return top


def _refuse_taken(top: Path, name: str) -> None:
    _git(top, "check-ref-format", "--branch", name)
    if _git(top, "branch", "--list", name).strip():
        raise AlreadyExists(f"there is a branch {name} already; choose another name, or delete it.")


@contextmanager
def _worktree(top: Path, name: str) -> Generator[Path]:
    """A checkout beside the user's, on a new branch; the branch goes again if the work fails."""
    with tempfile.TemporaryDirectory(prefix="modelyard-upgrade-") as folder:
        tree = Path(folder).resolve() / "tree"
        _git(top, "worktree", "add", "--quiet", "-b", name, str(tree), "HEAD")
        try:
            yield tree
        except BaseException:
            _git(top, "worktree", "remove", "--force", str(tree))
            _git(top, "branch", "-D", name)
            raise
        _git(top, "worktree", "remove", "--force", str(tree))


def _commits(outcome: Outcome, tree: Path, folder: Path) -> Iterator[str]:
    for rule, step in outcome.steps():
        for name, _, after in step:
            (folder / name).write_bytes(after)
            _git(tree, "add", "--", str(folder / name))
        title = f"{rule}: {RULES[rule].matches} becomes {RULES[rule].writes}"
        if RULES[rule].writes == "nothing":
            title = f"{rule}: mark where a person decides: {RULES[rule].matches}"
        _git(tree, *_identity(tree), "commit", "--quiet", "--no-verify", "-m", title, "-m", f"Why: {RULES[rule].why}.")
        yield title


def _identity(tree: Path) -> tuple[str, ...]:
    """The user's own name where git knows it."""
    try:
        _git(tree, "config", "user.email")
    except Invalid:
        return _IDENTITY
    return ()


def _git(folder: Path, *words: str) -> str:
    """What git answers; `Invalid` with its own last words where it refuses."""
    environment = {key: value for key, value in os.environ.items() if not key.startswith("GIT_")}
    command = ("git", "-c", "core.hooksPath=/dev/null", *words)
    try:
        done = subprocess.run(  # noqa: S603  the words are ours, and git is the user's
            command, cwd=folder, env=environment, capture_output=True, text=True, timeout=_SECONDS, check=False
        )
    except FileNotFoundError as error:
        raise NotFound("git is not installed; leave --branch out to change files in place.") from error
    if done.returncode:
        last = re.sub(r"^(?:fatal|error): ", "", (done.stderr.strip().splitlines() or ["it says nothing"])[-1])
        raise Invalid(f"git {words[0]} failed: {last}")
    return done.stdout
