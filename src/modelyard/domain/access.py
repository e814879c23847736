"""Principals and the credentials they show."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, TypeAlias

from modelyard.domain.names import text
from modelyard.errors import Invalid

ADMINS: Final = "admins"
"""Id and name of the group that owns the metastore: its members are metastore admins."""

EVERYBODY: Final = "account users"
"""Id and name of the group that every user and service principal is in."""

BUILT_IN: Final = frozenset({ADMINS, EVERYBODY})

MAX_PRINCIPAL_NAME: Final = 255
MAX_TOKEN_COMMENT: Final = 1_000
MAX_TOKEN_SECONDS: Final = 10 * 366 * 24 * 3600

_BAD_NAME = re.compile(r"[\x00-\x1f\x7f]|^\s|\s$")


class PrincipalKind(StrEnum):
    """Users are people, service principals are programs, groups hold both and other groups."""

    USER = "user"
    SERVICE_PRINCIPAL = "service_principal"
    GROUP = "group"


@dataclass(frozen=True, slots=True)
class Principal:
    """Somebody who can hold privileges.

    `name` is what grants and owners say: a user's name, a group's display name, a service principal's application id.
    """

    id: str
    kind: PrincipalKind
    name: str
    display_name: str
    active: bool = True
    groups: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal who calls, and the ids of everything it acts as: itself and its groups, nested ones too."""

    principal: Principal
    identities: frozenset[str]
    token_id: str = ""


@dataclass(frozen=True, slots=True)
class Token:
    """A personal access token without its secret; `expires_at` is epoch milliseconds, or None for never."""

    id: str
    principal: str
    comment: str
    created_at: int
    expires_at: int | None
    created_by: str


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made, with the secret that is shown this once."""

    token: Token
    secret: str

    def __repr__(self) -> str:
        """The token without its secret: secrets stay out of logs."""
        return f"NewToken({self.token!r}, secret=…)"


@dataclass(frozen=True, slots=True)
class Bearer:
    """A secret that a client showed in a header."""

    secret: str

    def __repr__(self) -> str:
        """Nothing of the secret."""
        return "Bearer(…)"


@dataclass(frozen=True, slots=True)
class Signed:
    """A signed URL of ours: whom it names, what it is for, until when (epoch milliseconds), and the proof."""

    principal_id: str
    scope: str
    expires_at: int
    signature: str


@dataclass(frozen=True, slots=True)
class Session:
    """The secret in a browser's cookie.

    `confirmed` says that the request also showed, by its Origin and by a header, that a page of ours sent it. Without
    that it changes nothing: any site can make a browser send its cookies.
    """

    secret: str = field(repr=False)
    confirmed: bool = False


@dataclass(frozen=True, slots=True)
class ProvenIdentity:
    """Who somebody is to a sign-in provider that the operator trusts; only `oidc` makes one, after it has checked.

    `name` is the name of a user here. `may_join` lets somebody unknown become a user, `may_link` lets them be the
    user who has that name already.
    """

    issuer: str
    subject: str
    name: str
    display_name: str
    may_join: bool
    may_link: bool


@dataclass(frozen=True, slots=True)
class Unproven:
    """Somebody who showed what proves nothing, and why: it is refused, and the refusal is recorded."""

    reason: str


@dataclass(frozen=True, slots=True)
class Server:
    """The server itself, which asks for its own chores; nothing that a request says makes one."""


Credential: TypeAlias = Bearer | Signed | Session | ProvenIdentity | Unproven | Server | None
"""What is handed to the gate; None is an anonymous caller."""

SERVER: Final = Caller(Principal("", PrincipalKind.SERVICE_PRINCIPAL, "modelyard", "Modelyard"), frozenset())
"""Who does the server's chores: nobody who could hold a privilege."""


def sign(key: bytes, principal_id: str, scope: str, expires_at: int) -> str:
    """The proof (HMAC-SHA-256, hex) that this server let the principal do what the scope says, until then."""
    text = "\n".join((principal_id, str(expires_at), scope))
    return hmac.new(key, text.encode(), hashlib.sha256).hexdigest()


def is_genuine(key: bytes, shown: Signed) -> bool:
    """Whether a signed URL is ours; says nothing of its time."""
    proof = sign(key, shown.principal_id, shown.scope, shown.expires_at)
    return hmac.compare_digest(proof.encode(), shown.signature.encode())


def principal_name(name: str) -> str:
    """A valid principal name, as written; names are compared without case."""
    if not name or len(name) > MAX_PRINCIPAL_NAME or _BAD_NAME.search(name):
        raise Invalid(
            f"a principal's name has 1 to {MAX_PRINCIPAL_NAME} characters, without control characters "
            "and without blanks at either end.",
        )
    return text(name, "principal's name")


def lifetime(seconds: int | None) -> int | None:
    """A token's lifetime in milliseconds; None, 0 and -1 mean that it does not expire."""
    if seconds is None or seconds in {0, -1}:
        return None
    if not 0 < seconds <= MAX_TOKEN_SECONDS:
        raise Invalid(f"lifetime_seconds must be from 1 to {MAX_TOKEN_SECONDS}, or -1 for a token without end.")
    return seconds * 1000
