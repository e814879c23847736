"""Principals and the credentials they show."""

from __future__ import annotations

import hashlib
import hmac
import re
from dataclasses import dataclass, field, replace
from enum import StrEnum
from typing import Final, TypeAlias

from modelyard.domain.names import text
from modelyard.errors import Invalid

ADMINS: Final = "admins"
"""Id and name of the group that owns the metastore: its members are metastore admins."""

EVERYBODY: Final = "account users"
"""Id and name of the group that every user and service principal is in."""

BUILT_IN: Final = frozenset({ADMINS, EVERYBODY})

ALSO_CALLED: Final = {"users": EVERYBODY}
"""Names that nobody else may take: the group of everybody is called `users` in a Databricks workspace."""

MAX_PRINCIPAL_NAME: Final = 255
MAX_LABEL: Final = 255
MAX_LABELS: Final = 100
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
class Email:
    """An address at which somebody is reached."""

    value: str
    type: str = "work"
    primary: bool = False


@dataclass(frozen=True, slots=True)
class Profile:
    """What a directory tells of a principal, besides its names."""

    external_id: str = ""
    given_name: str = ""
    family_name: str = ""
    emails: tuple[Email, ...] = ()
    roles: tuple[str, ...] = ()
    entitlements: tuple[str, ...] = ()

    def checked(self) -> Profile:
        """The same, or `Invalid` where something is too long, too much, or cannot be kept."""
        lists = (("emails", self.emails), ("roles", self.roles), ("entitlements", self.entitlements))
        for what, items in lists:
            if len(items) > MAX_LABELS:
                raise Invalid(f"a principal has at most {MAX_LABELS} {what}.")
        names = (self.external_id, self.given_name, self.family_name, *self.roles, *self.entitlements)
        for value in (*names, *(each for email in self.emails for each in (email.value, email.type))):
            label(value, "principal's profile")
        return self


NO_PROFILE: Final = Profile()
"""What is known of a principal of whom no directory has told."""


@dataclass(frozen=True, slots=True)
class ListChange:
    """How a list of texts changes: first it may be replaced as a whole, then some are taken away and some added."""

    whole: tuple[str, ...] | None = None
    add: tuple[str, ...] = ()
    remove: tuple[str, ...] = ()

    def adding(self, items: tuple[str, ...]) -> ListChange:
        """The same change, and after it one that adds."""
        return replace(self, add=(*self.add, *items), remove=tuple(each for each in self.remove if each not in items))

    def removing(self, items: tuple[str, ...]) -> ListChange:
        """The same change, and after it one that takes away."""
        return replace(self, remove=(*self.remove, *items), add=tuple(each for each in self.add if each not in items))

    def applied(self, held: tuple[str, ...]) -> tuple[str, ...]:
        """What is in the list afterwards, each item once."""
        kept = held if self.whole is None else self.whole
        taken = frozenset(self.remove)
        return tuple(dict.fromkeys((*(each for each in kept if each not in taken), *self.add)))


UNCHANGED: Final = ListChange()


@dataclass(frozen=True, slots=True)
class PrincipalChange:
    """What shall be different about a principal; None and an empty `ListChange` leave things as they are."""

    name: str | None = None
    display_name: str | None = None
    active: bool | None = None
    external_id: str | None = None
    given_name: str | None = None
    family_name: str | None = None
    emails: tuple[Email, ...] | None = None
    roles: ListChange = UNCHANGED
    entitlements: ListChange = UNCHANGED
    members: ListChange = UNCHANGED
    """The ids of a group's members."""

    def principal(self, held: Principal) -> Principal:
        """The principal afterwards; a group is shown by its name."""
        name = held.name if self.name is None else principal_name(self.name)
        shown = held.display_name if self.display_name is None else label(self.display_name, "display name")
        return replace(
            held,
            name=name,
            display_name=name if held.kind is PrincipalKind.GROUP else shown or name,
            active=held.active if self.active is None else self.active,
        )

    def profile(self, held: Profile) -> Profile:
        """The profile afterwards, checked."""
        return Profile(
            external_id=held.external_id if self.external_id is None else self.external_id,
            given_name=held.given_name if self.given_name is None else self.given_name,
            family_name=held.family_name if self.family_name is None else self.family_name,
            emails=held.emails if self.emails is None else self.emails,
            roles=self.roles.applied(held.roles),
            entitlements=self.entitlements.applied(held.entitlements),
        ).checked()


@dataclass(frozen=True, slots=True)
class Shown:
    """Which attributes of a principal are asked for: `only` these, if there are any, and `never` those.

    Names are in lower case; an attribute within another one is written with a dot.
    """

    only: frozenset[str] = frozenset()
    never: frozenset[str] = frozenset()

    def shows(self, attribute: str) -> bool:
        """Whether an attribute is asked for; ids always are (RFC 7644 §3.9)."""
        name = attribute.lower()
        if name in {"id", "schemas"}:
            return True
        wanted = not self.only or any(each.partition(".")[0] == name for each in self.only)
        return wanted and name not in self.never


EVERYTHING: Final = Shown()


@dataclass(frozen=True, slots=True)
class Caller:
    """The principal who calls, and the ids of everything it acts as: itself and its groups, nested ones too."""

    principal: Principal
    identities: frozenset[str]
    token_id: str = ""


class TokenKind(StrEnum):
    """Personal tokens are made by hand, OAuth's for a client that shows its secret, sessions by signing in.

    Those of jobs are given to code that runs for a principal, and end with it.
    """

    PERSONAL = "personal"
    OAUTH = "oauth"
    SESSION = "session"
    JOB = "job"


@dataclass(frozen=True, slots=True)
class Token:
    """A token without its secret; times are epoch milliseconds, `expires_at` is None for never."""

    id: str
    principal: str
    comment: str
    created_at: int
    expires_at: int | None
    created_by: str
    principal_id: str = ""
    last_used_at: int | None = None
    """To the minute, some minutes late; None until the first use."""


@dataclass(frozen=True, slots=True)
class NewToken:
    """A token just made, with the secret that is shown this once."""

    token: Token
    secret: str

    def __repr__(self) -> str:
        """The token without its secret: secrets stay out of logs."""
        return f"NewToken({self.token!r}, secret=…)"


@dataclass(frozen=True, slots=True)
class Secret:
    """What a service principal shows to get tokens, without its value; times as of a `Token`."""

    id: str
    created_at: int
    created_by: str
    expires_at: int | None
    last_used_at: int | None

    def is_live(self, now: int) -> bool:
        """Whether it has not expired."""
        return self.expires_at is None or self.expires_at > now


@dataclass(frozen=True, slots=True)
class NewSecret:
    """A secret just made, with the value that is shown this once."""

    secret: Secret
    value: str

    def __repr__(self) -> str:
        """The secret without its value: it stays out of logs."""
        return f"NewSecret({self.secret!r}, value=…)"


@dataclass(frozen=True, slots=True)
class Bearer:
    """A secret that a client showed in a header."""

    secret: str

    def __repr__(self) -> str:
        """Nothing of the secret."""
        return "Bearer(…)"


@dataclass(frozen=True, slots=True)
class ClientSecret:
    """A service principal's application id, and a secret of its own, as OAuth clients show them."""

    client_id: str
    secret: str

    def __repr__(self) -> str:
        """Nothing of the secret."""
        return f"ClientSecret({self.client_id!r}, …)"


@dataclass(frozen=True, slots=True)
class DecisionToken:
    """A secret that stands for whoever made it, to decide one request for approval and nothing else."""

    secret: str

    def __repr__(self) -> str:
        """Nothing of the secret."""
        return "DecisionToken(…)"


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


Credential: TypeAlias = (
    Bearer | ClientSecret | DecisionToken | Signed | Session | ProvenIdentity | Unproven | Server | None
)
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


def label(value: str, what: str) -> str:
    """A short text, as written."""
    if len(value) > MAX_LABEL:
        raise Invalid(f"a {what} has texts of at most {MAX_LABEL} characters, this one has {len(value)}.")
    return text(value, what)


def lifetime(seconds: int | None) -> int | None:
    """A token's lifetime in milliseconds; None, 0 and -1 mean that it does not expire."""
    if seconds is None or seconds in {0, -1}:
        return None
    if not 0 < seconds <= MAX_TOKEN_SECONDS:
        raise Invalid(f"lifetime_seconds must be from 1 to {MAX_TOKEN_SECONDS}, or -1 for a token without end.")
    return seconds * 1000
