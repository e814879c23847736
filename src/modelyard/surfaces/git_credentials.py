"""Credentials for git servers: `/api/2.0/git-credentials`, as the Databricks Git Credentials API 2.0 has it."""

from __future__ import annotations

import re
from typing import Final

import msgspec

from modelyard.actions import git_credentials
from modelyard.domain.git_credentials import GitCredential, provider_name, text, token
from modelyard.errors import Invalid
from modelyard.surfaces.wire import Here, Row, Translation

_PATH: Final = "/api/2.0/git-credentials"
_ONE: Final = f"{_PATH}/{{credential_id}}"
_NUMBER: Final = re.compile(r"[0-9]{1,18}")


class Of(msgspec.Struct, frozen=True):
    """Whose credentials: a service principal's id, or nothing for the caller's own."""

    principal_id: str | int | None = None

    @property
    def whose(self) -> str:
        """The principal's id, as texts are."""
        return "" if self.principal_id is None else str(self.principal_id)


class One(Of, frozen=True):
    """A credential by its id."""

    credential_id: str | int = ""

    @property
    def number(self) -> int:
        """The id as a number that a database can hold."""
        written = str(self.credential_id)
        if not _NUMBER.fullmatch(written):
            raise Invalid("credential_id is a number of at most 18 digits.")
        return int(written)


class Said(One, frozen=True):
    """A credential that is made or changed."""

    git_provider: str = ""
    git_username: str | None = None
    git_email: str | None = None
    name: str | None = None
    is_default_for_provider: bool | None = None
    personal_access_token: str | None = None

    def __repr__(self) -> str:
        """Nothing of the token: it stays out of logs."""
        return f"Said({self.git_provider!r}, …)"


def _create(said: Said) -> git_credentials.CreateGitCredential:
    made = GitCredential(
        0,
        provider_name(said.git_provider),
        text(said.git_username or "", "git_username"),
        text(said.git_email or "", "git_email"),
        text(said.name or "", "name"),
        bool(said.is_default_for_provider),
    )
    return git_credentials.CreateGitCredential(made, token(said.personal_access_token or ""), said.whose)


def _update(said: Said) -> git_credentials.UpdateGitCredential:
    return git_credentials.UpdateGitCredential(
        said.number,
        provider_name(said.git_provider),
        None if said.personal_access_token is None else token(said.personal_access_token),
        None if said.git_username is None else text(said.git_username, "git_username"),
        None if said.git_email is None else text(said.git_email, "git_email"),
        None if said.name is None else text(said.name, "name"),
        said.is_default_for_provider,
        said.whose,
    )


def _told(found: GitCredential, _here: Here) -> dict[str, object]:
    said = {"git_username": found.username, "git_email": found.email, "name": found.name}
    return {
        "credential_id": found.id,
        "git_provider": found.provider,
        "is_default_for_provider": found.is_default,
        **{name: value for name, value in said.items() if value},
    }


def _listed(found: list[GitCredential], here: Here) -> object:
    return {"credentials": [_told(each, here) for each in found]}


ROWS: Final[tuple[Row, ...]] = (
    Translation("POST", _PATH, Said, read=_create, write=_told),
    Translation("GET", _PATH, Of, read=lambda said: git_credentials.ListGitCredentials(said.whose), write=_listed),
    Translation(
        "GET", _ONE, One, read=lambda said: git_credentials.GetGitCredential(said.number, said.whose), write=_told
    ),
    Translation("PATCH", _ONE, Said, read=_update),
    Translation("DELETE", _ONE, One, read=lambda said: git_credentials.DeleteGitCredential(said.number, said.whose)),
)
