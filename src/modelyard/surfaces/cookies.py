"""Cookies: what a browser keeps for us, under which conditions it may show it, and how pages prove that they ask.

Over https a cookie has the prefix `__Host-`, so that only this very host can have set it, and goes over https only.
On a developer's own machine, where there is no TLS, it has another name.
"""

from __future__ import annotations

import hmac
from collections.abc import Mapping
from typing import Final
from urllib.parse import urlsplit

from modelyard.config import LOOPBACK
from modelyard.domain.access import Session, Unproven
from modelyard.domain.sessions import csrf_token
from modelyard.errors import WrongState
from modelyard.surfaces.wire import Here

SESSION: Final = "modelyard"
LOGIN: Final = "modelyard-login"
CSRF_HEADER: Final = "x-modelyard-csrf"

_SAFE: Final = frozenset({"GET", "HEAD", "OPTIONS"})
_PORTS: Final = {"http": 80, "https": 443}


def value(name: str, header: str, base_url: str) -> str:
    """The value of a cookie of ours; empty if it is missing, or there twice: then somebody else has set one."""
    wanted = _called(name, base_url)
    pairs = (item.strip().partition("=") for item in header.split(";"))
    found = [value for key, _, value in pairs if key == wanted]
    return found[0] if len(found) == 1 else ""


def setting(name: str, secret: str, base_url: str, seconds: int) -> tuple[str, str]:
    """The header that makes a browser keep a cookie; an empty one for no seconds makes it forget."""
    if not _may_keep(base_url):
        raise WrongState("people sign in over https only: an operator sets public_url to this server's https:// URL.")
    secure = "; Secure" if _is_secure(base_url) else ""
    told = f"{_called(name, base_url)}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Lax{secure}"
    return "set-cookie", told


def _called(name: str, base_url: str) -> str:
    return f"__Host-{name}" if _is_secure(base_url) else f"{name}-loopback"


def _is_secure(base_url: str) -> bool:
    return base_url.startswith("https://")


def _may_keep(base_url: str) -> bool:
    return _is_secure(base_url) or (urlsplit(base_url).hostname or "") in LOOPBACK


def session(method: str, headers: Mapping[str, str], here: Here) -> Session | Unproven | None:
    """The session that a request shows by its cookie, if it may.

    A browser sends cookies whoever makes it ask. Unsafe methods need proof that a page of ours does: the page's
    Origin, and in a header what only such a page can read.
    """
    secret = value(SESSION, headers.get("cookie", ""), here.base_url)
    if not secret:
        return None
    shown = headers.get(CSRF_HEADER, "")
    expected = csrf_token(here.signing_key, secret)
    is_ours = origin(headers.get("origin", "")) == origin(here.base_url) != ""
    confirmed = is_ours and hmac.compare_digest(shown.encode(), expected.encode())
    if method not in _SAFE and not confirmed:
        return Unproven(f"A cookie alone changes nothing: send the page's Origin, and {CSRF_HEADER} from GET /session.")
    return Session(secret, confirmed)


def origin(url: str) -> str:
    """Scheme, host and port of a URL, as browsers compare them (RFC 6454 §4); empty for what has none."""
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""
    if parts.scheme not in _PORTS or not parts.hostname or "@" in parts.netloc:
        return ""
    return f"{parts.scheme}://{parts.hostname}:{port or _PORTS[parts.scheme]}"
