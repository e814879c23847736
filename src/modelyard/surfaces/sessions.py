"""Single sign-on for people: `/login`, `/login/callback`, `/session` and `/logout`."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from modelyard.actions import access, sessions
from modelyard.actions.access import PrincipalCard
from modelyard.domain.access import Credential, Server
from modelyard.domain.sessions import (
    LOGIN_MILLISECONDS,
    SESSION_MILLISECONDS,
    Arrived,
    Begun,
    Login,
    NewSession,
    is_state_of,
    local_path,
)
from modelyard.errors import Unauthenticated
from modelyard.surfaces import cookies
from modelyard.surfaces.wire import AnyAction, Entrance, Here, Nothing, Reply, Row, SignOn, Translation

CALLBACK: Final = "/login/callback"
_MAX_CODE: Final = 4_096
_STALE: Final = "This sign-in was not begun in this browser, took longer than ten minutes or is over; begin at /login."
_LOGIN_SECONDS: Final = LOGIN_MILLISECONDS // 1000
_SESSION_SECONDS: Final = SESSION_MILLISECONDS // 1000


class Begin(msgspec.Struct, frozen=True):
    """Somebody wants to sign in, and then to go on."""

    return_to: str = ""
    cookie: str = ""


class Back(msgspec.Struct, frozen=True):
    """What the provider sends back through the browser (RFC 6749 §4.1.2, RFC 9207)."""

    state: str = ""
    code: str = ""
    error: str = ""
    iss: str = ""
    cookie: str = ""


def _redirect(to: str, *headers: tuple[str, str]) -> Reply:
    return Reply(303, b"", (("location", to), ("referrer-policy", "no-referrer"), *headers))


# Going to the provider


def _begin(provider: SignOn, said: Begin, _before: object, here: Here) -> Begun:
    browser = cookies.value(cookies.LOGIN, said.cookie, here.base_url)
    return provider.begin(here.base_url + CALLBACK, local_path(said.return_to), browser)


def _remember(begun: Begun) -> tuple[AnyAction, Credential]:
    return sessions.RememberLogin(begun.login), Server()


def _go(begun: Begun, _result: None, here: Here) -> Reply:
    return _redirect(begun.url, cookies.setting(cookies.LOGIN, begun.browser, here.base_url, _LOGIN_SECONDS))


# Coming back


def _take(said: Back, here: Here) -> AnyAction:
    """Another browser's state is not even looked up: whoever sends somebody here cannot sign them in as anybody."""
    if not is_state_of(cookies.value(cookies.LOGIN, said.cookie, here.base_url), said.state):
        raise Unauthenticated(_STALE)
    return sessions.TakeLogin(said.state)


def _finish(provider: SignOn, said: Back, login: Login | None, here: Here) -> Arrived:
    if login is None:
        raise Unauthenticated(_STALE)
    if said.error or not 0 < len(said.code) <= _MAX_CODE:
        raise Unauthenticated("The provider did not sign you in; begin again at /login, or ask its operator.")
    return Arrived(provider.finish(login, here.base_url + CALLBACK, said.code, said.iss), login.return_to)


def _sign_in(arrived: Arrived) -> tuple[AnyAction, Credential]:
    return sessions.SignIn(), arrived.identity


def _enter(arrived: Arrived, made: NewSession, here: Here) -> Reply:
    """The sign-in's own cookie stays until it is over by itself: another tab may be on its way back too."""
    session = cookies.setting(cookies.SESSION, made.secret, here.base_url, _SESSION_SECONDS)
    return _redirect(here.base_url + arrived.return_to, session)


# In a session


def _who(card: PrincipalCard, here: Here) -> dict[str, Any]:
    return {
        "user_name": card.principal.name,
        "display_name": card.principal.display_name,
        "groups": sorted(group.name for group in card.groups),
        "csrf_token": here.csrf_token,
    }


def _leave(_result: None, here: Here) -> Reply:
    return Reply(headers=(*Reply().headers, cookies.setting(cookies.SESSION, "", here.base_url, 0)))


ROWS: Final[tuple[Row, ...]] = (
    Entrance("GET", "/login", Begin, before=None, call=_begin, after=_remember, write=_go, refused=sessions.SignIn),
    Entrance("GET", CALLBACK, Back, before=_take, call=_finish, after=_sign_in, write=_enter, refused=sessions.SignIn),
    Translation("GET", "/session", Nothing, read=lambda _said: access.WhoAmI(), write=_who),
    Translation("POST", "/logout", Nothing, read=lambda _said: sessions.SignOut(), write=_leave),
)
