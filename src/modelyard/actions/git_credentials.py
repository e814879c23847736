"""Credentials for git servers: each principal's own, with which the code of its jobs is fetched.

Their tokens are kept encrypted, and given out to nobody but the git server.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Final

from modelyard.action import Command, Query
from modelyard.actions.credentials import governed
from modelyard.domain.git_credentials import MAX_CREDENTIALS, GitCredential, Login, chosen
from modelyard.domain.secrets import Hidden
from modelyard.errors import NotFound, TooMany, WrongState
from modelyard.store import git_credentials, principals
from modelyard.store.jobs import new_number
from modelyard.store.tx import Look, Write

_OPEN: Final = "every principal: only about its own, or as an admin about a service principal's"


def _whose(tx: Look, principal_id: str) -> str:
    """Whose credentials are meant: the caller's own, or for an admin those of a service principal."""
    mine = tx.caller.principal.id
    return mine if principal_id in {"", mine} else governed(tx, principal_id).id


def _one(tx: Look, principal_id: str, number: int) -> GitCredential:
    for each in git_credentials.of(tx, principal_id):
        if each.id == number:
            return each
    raise NotFound(f"there is no git credential with id {number} that is yours.")


@dataclass(frozen=True)
class CreateGitCredential(Command[Write, GitCredential]):
    """Keep a credential for a git provider; the first one for a provider is its default."""

    credential: GitCredential
    """As it is to be; its id is made here."""
    token: Hidden
    principal_id: str = ""

    open_to = _OPEN

    def run(self, tx: Write) -> GitCredential:
        """Encrypt and keep it."""
        whose = _whose(tx, self.principal_id)
        principals.lock(tx, whose)
        before = git_credentials.of(tx, whose)
        if len(before) >= MAX_CREDENTIALS:
            raise TooMany(f"there are {MAX_CREDENTIALS} git credentials already; delete one that is not used.")
        is_first = chosen(before, self.credential.provider) is None
        made = replace(self.credential, id=new_number(), is_default=self.credential.is_default or is_first)
        git_credentials.add(tx, whose, made, self.token)
        return made


@dataclass(frozen=True)
class ListGitCredentials(Query[Look, list[GitCredential]]):
    """List git credentials, without their tokens."""

    principal_id: str = ""

    open_to = _OPEN

    def run(self, tx: Look) -> list[GitCredential]:
        """List them, oldest first."""
        return git_credentials.of(tx, _whose(tx, self.principal_id))


@dataclass(frozen=True)
class GetGitCredential(Query[Look, GitCredential]):
    """Get a git credential, without its token."""

    id: int
    principal_id: str = ""

    open_to = _OPEN

    def run(self, tx: Look) -> GitCredential:
        """Get it."""
        return _one(tx, _whose(tx, self.principal_id), self.id)


@dataclass(frozen=True)
class UpdateGitCredential(Command[Write, None]):
    """Change what is said of a git credential; what is None stays. Another provider takes another token."""

    id: int
    provider: str
    token: Hidden | None = None
    username: str | None = None
    email: str | None = None
    name: str | None = None
    is_default: bool | None = None
    principal_id: str = ""

    open_to = _OPEN

    def run(self, tx: Write) -> None:
        """Change it. A token is never shown to another provider than it was given for."""
        whose = _whose(tx, self.principal_id)
        principals.lock(tx, whose)
        before = _one(tx, whose, self.id)
        if before.provider != self.provider and self.token is None:
            raise WrongState(f"the token is one for {before.provider}; give personal_access_token for {self.provider}.")
        said = {"username": self.username, "email": self.email, "name": self.name, "is_default": self.is_default}
        changes = {name: value for name, value in said.items() if value is not None}
        git_credentials.change(tx, whose, replace(before, provider=self.provider, **changes), self.token)


@dataclass(frozen=True)
class DeleteGitCredential(Command[Write, None]):
    """Forget a git credential."""

    id: int
    principal_id: str = ""

    open_to = _OPEN

    def run(self, tx: Write) -> None:
        """Forget it; what was fetched with it stays with the runs that have it."""
        whose = _whose(tx, self.principal_id)
        if not git_credentials.remove(tx, whose, self.id):
            raise NotFound(f"there is no git credential with id {self.id} that is yours.")


def login(tx: Look, principal_id: str, provider: str) -> Login | None:
    """What a principal shows to a provider's hosts, if it has a credential for it."""
    found = chosen(git_credentials.of(tx, principal_id), provider)
    if found is None:
        return None
    token = git_credentials.opened(tx, principal_id, found.id)
    if token is None:
        raise WrongState(
            f"the git credential for {found.provider} was encrypted with another secret key of the server. "
            "An operator can bring that key back; otherwise give its token anew.",
        )
    return Login(principal_id, found.provider, found.username or found.email or "oauth2", token)
