"""Where the code of a job comes from, if that is a git repository (protocol notes §1.9)."""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import Final

from modelyard.domain.git_credentials import provider_name
from modelyard.domain.jobs.reading import Said
from modelyard.errors import Invalid

_URL: Final = re.compile(r"(https|ssh)://[^\s\x00-\x1f]+|[\w.\-]+@[\w.\-]+:[^\s\x00-\x1f]+")
_USER: Final = re.compile(r"https://[^/]*@")
_REFERENCE: Final = re.compile(r"[^\s\x00-\x1f~^:?*\[\\]{1,255}")


@dataclass(frozen=True, slots=True)
class Git:
    """A repository, and what of it is taken: one of branch, tag and commit."""

    url: str
    provider: str
    branch: str = ""
    tag: str = ""
    commit: str = ""
    patterns: tuple[str, ...] = ()


def read_git(said: Said) -> Git:
    """A `git_source`, checked."""
    url, provider = said.needed("git_url", most=300), said.text("git_provider")
    provider_name(provider)
    if not _URL.fullmatch(url) or _USER.match(url):
        raise Invalid("git_url must be an https:// or ssh:// address, without a user or a password in it.")
    references = [name for name in ("git_branch", "git_tag", "git_commit") if said.text(name)]
    if len(references) != 1:
        raise Invalid("git_source has exactly one of git_branch, git_tag and git_commit.")
    for name in references:
        if not _REFERENCE.fullmatch(said.text(name)) or said.text(name).startswith("-"):
            raise said.wrong(name, "the name of a branch or tag, or a commit")
    patterns = said.within("sparse_checkout").texts("patterns", 200)
    return Git(url, provider, said.text("git_branch"), said.text("git_tag"), said.text("git_commit"), patterns)
