"""People who sign in with a browser: what a sign-in remembers, how long a session lives, and what a page must show.

Sources: OpenID Connect Core 1.0 §3.1 (code flow), RFC 7636 (PKCE), RFC 9700 (best current practice).
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import re
from dataclasses import dataclass, field
from typing import Final

from modelyard.domain.access import ProvenIdentity
from modelyard.errors import Invalid

LOGIN_MILLISECONDS: Final = 10 * 60 * 1000
"""How long somebody has to sign in at the provider."""

SESSION_MILLISECONDS: Final = 12 * 3600 * 1000
"""How long a session lives, however much it is used."""

IDLE_MILLISECONDS: Final = 2 * 3600 * 1000
"""How long a session lives without being used."""

USE_SECONDS: Final = 60
"""How exactly it is known when a session was last used."""

MAX_LOGINS: Final = 10_000
"""How many sign-ins may be under way; beyond them the oldest are forgotten, so that strangers cannot fill the disk."""

MAX_RETURN: Final = 2_000
HOME: Final = "/session"
"""Where somebody goes who did not say where."""

_LOCAL_PATH: Final = re.compile(r"/(?![/\\])[!-\[\]-~]*\Z", re.ASCII)  # plain ASCII without blanks and backslashes


@dataclass(frozen=True, slots=True)
class Login:
    """A sign-in under way, under the state that the browser will bring back."""

    state: str = field(repr=False)
    nonce: str = field(repr=False)
    verifier: str = field(repr=False)
    return_to: str


@dataclass(frozen=True, slots=True)
class Begun:
    """A sign-in that has begun: what to remember, where to send the browser, and the secret that it keeps."""

    login: Login
    url: str = field(repr=False)
    browser: str = field(repr=False)


@dataclass(frozen=True, slots=True)
class Arrived:
    """Somebody who came back from the provider, and where they wanted to go."""

    identity: ProvenIdentity
    return_to: str


@dataclass(frozen=True, slots=True)
class NewSession:
    """A session just made, with the secret that only its cookie holds."""

    id: str
    expires_at: int
    secret: str = field(repr=False)


def local_path(path: str) -> str:
    """A path of ours to return to, or `Invalid`: nothing that a browser could read as another place."""
    if not path:
        return HOME
    if len(path) > MAX_RETURN or not _LOCAL_PATH.match(path):
        raise Invalid('return_to must be a path of this server, such as "/session", percent-encoded.')
    return path


def state_for(browser: str, random: str) -> str:
    """The state of a sign-in: random, and provably begun by the browser that keeps this secret."""
    return f"{random}.{_mac(browser, 'state', random)}"


def is_state_of(browser: str, state: str) -> bool:
    """Whether a state belongs to a sign-in that this browser has begun."""
    expected = state_for(browser, state.partition(".")[0])
    return bool(browser) and hmac.compare_digest(expected.encode(), state.encode())


def challenge(verifier: str) -> str:
    """What the provider learns of a PKCE verifier at first (RFC 7636 §4.2, S256)."""
    digest = hashlib.sha256(verifier.encode()).digest()
    return base64.urlsafe_b64encode(digest).rstrip(b"=").decode()


def csrf_token(key: bytes, secret: str) -> str:
    """What a page of ours shows beside its session's cookie: another site can send the cookie, but not learn this."""
    return _mac(key.hex(), "csrf", secret)


def _mac(key: str, purpose: str, text: str) -> str:
    return hmac.new(key.encode(), f"{purpose}\n{text}".encode(), hashlib.sha256).hexdigest()
