"""What principals show to git servers: a token for a provider, and the hosts that it may be sent to.

Fields and providers are those of the Databricks Git Credentials API 2.0.
"""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from modelyard.domain.secrets import Hidden
from modelyard.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

MAX_CREDENTIALS: Final = 100
"""Of one principal."""
MAX_TOKEN: Final = 8 << 10
"""Bytes of one token."""
MAX_TEXT: Final = 255
_TEXT: Final = re.compile(r"[^\x00-\x1f\x7f:]*")
_TOKEN: Final = re.compile(rb"[!-~]+")

_HOSTED: Final[Mapping[str, re.Pattern[str]]] = {
    "gitHub": re.compile(r"github\.com"),
    "gitLab": re.compile(r"gitlab\.com"),
    "bitbucketCloud": re.compile(r"bitbucket\.org"),
    "azureDevOpsServices": re.compile(r"dev\.azure\.com|[a-z0-9-]+\.visualstudio\.com"),
    "awsCodeCommit": re.compile(r"git-codecommit\.[a-z0-9-]+\.amazonaws\.com"),
}
SELF_HOSTED: Final = ("gitHubEnterprise", "gitLabEnterpriseEdition", "bitbucketServer")
"""Providers whose hosts only an operator knows."""
PROVIDERS: Final = (*_HOSTED, *SELF_HOSTED)
_FOLDED: Final = {each.lower(): each for each in PROVIDERS}


@dataclass(frozen=True, slots=True)
class GitCredential:
    """A credential without its token: what it is for, and whether it is the one that is used for its provider."""

    id: int
    provider: str
    username: str = ""
    email: str = ""
    name: str = ""
    is_default: bool = False


@dataclass(frozen=True, slots=True)
class Login:
    """What a principal shows to the hosts of a provider; it is said to nobody else."""

    holder: str
    """The principal's id: what was fetched with a credential is kept for its principal alone."""
    provider: str
    user: str = field(repr=False)
    token: Hidden


def provider_name(said: str) -> str:
    """A provider as it is written here; case makes no difference."""
    if said.lower() not in _FOLDED:
        raise Invalid(f"git_provider must be one of {', '.join(PROVIDERS)}.")
    return _FOLDED[said.lower()]


def text(said: str, what: str) -> str:
    """A user's name, an address or a credential's name: one line, without the colon that ends a user's name."""
    if len(said) > MAX_TEXT or not _TEXT.fullmatch(said):
        raise Invalid(f"{what} is one line of at most {MAX_TEXT} characters, without a colon.")
    return said


def token(said: str) -> Hidden:
    """A token, as a header can carry it."""
    content = said.encode()
    if not _TOKEN.fullmatch(content) or len(content) > MAX_TOKEN:
        raise Invalid(f"personal_access_token has 1 to {MAX_TOKEN} letters, digits and signs of ASCII, and no spaces.")
    return Hidden(content)


def chosen(credentials: Iterable[GitCredential], provider: str) -> GitCredential | None:
    """The credential that is used for a provider: its default, else the oldest one."""
    fitting = [each for each in credentials if each.provider.lower() == provider.lower()]
    return next((each for each in fitting if each.is_default), fitting[0] if fitting else None)


def receives(url: str, provider: str, known: Iterable[str]) -> bool:
    """Whether a repository's host is one of its provider, and may be sent a token.

    Whoever writes a job chooses the address, and not who it runs as: the hosts of public providers are fixed, and
    those of others are `known` to the operator, each as `provider=host` or `provider=host:port`.
    """
    address = urlsplit(url)
    hosted = _HOSTED.get(_FOLDED.get(provider.lower(), ""))
    if hosted:
        return address.scheme == "https" and hosted.fullmatch(address.netloc.lower()) is not None
    return f"{provider}={address.netloc}".lower() in {each.lower() for each in known}


def is_host(entry: str) -> bool:
    """Whether an operator's entry names a provider of whom only an operator knows the host, and the host."""
    provider, _, host = entry.partition("=")
    return provider in SELF_HOSTED and re.fullmatch(r"[A-Za-z0-9.-]+(:\d{1,5})?", host) is not None
