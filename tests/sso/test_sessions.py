"""A session is a cookie that proves who calls, and nothing more than a page of ours may ask with it."""

from __future__ import annotations

import uuid
from collections.abc import Callable
from pathlib import Path

import httpx
import pytest

from modelyard.action import Action
from modelyard.actions import access, sessions, tokens
from modelyard.domain.access import ADMINS, Bearer, PrincipalKind, ProvenIdentity, Server, Session, Unproven
from modelyard.domain.journal import Origin
from modelyard.domain.sessions import (
    IDLE_MILLISECONDS,
    LOGIN_MILLISECONDS,
    MAX_LOGINS,
    SESSION_MILLISECONDS,
    Login,
    NewSession,
    csrf_token,
)
from modelyard.errors import Unauthenticated
from modelyard.store import journal, schema
from modelyard.surfaces import cookies
from modelyard.surfaces.wire import Here
from tests.sso.conftest import Browser, Idp, Site, query_of
from tests.support import LEGACY, UNITY, InProcess
from tests.support import Server as ServerProcess

KEY = b"k" * 32


@pytest.fixture
def signed_in(site: Site) -> Browser:
    """The browser of somebody who is an admin."""
    who, browser = "s" + uuid.uuid4().hex[:12], site.browser()
    site.idp.is_to_vouch_for(who)
    browser.sign_in()
    with site.server.client() as admin:
        users = admin.get("/api/2.0/preview/scim/v2/Users", params={"filter": f'userName eq "{who}@example.com"'})
        join = {"op": "add", "path": "members", "value": [{"value": users.json()["Resources"][0]["id"]}]}
        admin.patch(f"/api/2.0/preview/scim/v2/Groups/{ADMINS}", json={"Operations": [join]}).raise_for_status()
    return browser


def make_catalog(browser: Browser, headers: dict[str, str]) -> httpx.Response:
    return browser.http.post(f"{UNITY}/catalogs", json={"name": "c" + uuid.uuid4().hex}, headers=headers)


SPOILT = ("no origin", "null", "another", "suffix", "scheme", "no header", "wrong header")


class TestAPage:
    def test_may_read_and_change_as_the_person_who_signed_in(self, signed_in: Browser) -> None:
        assert signed_in.http.get(f"{UNITY}/catalogs").status_code == 200
        made = make_catalog(signed_in, signed_in.page())
        assert made.status_code == 200
        assert made.json()["owner"] == signed_in.me()["user_name"]

    @pytest.mark.parametrize("spoilt", SPOILT)
    def test_of_another_site_changes_nothing(self, signed_in: Browser, spoilt: str) -> None:
        page = signed_in.page()
        origin = page["origin"]
        headers = {
            "no origin": {"x-modelyard-csrf": page["x-modelyard-csrf"]},
            "null": {**page, "origin": "null"},
            "another": {**page, "origin": "http://127.0.0.1:1"},
            "suffix": {**page, "origin": origin + ".evil.example"},
            "scheme": {**page, "origin": origin.replace("http", "https")},
            "no header": {"origin": origin},
            "wrong header": {**page, "x-modelyard-csrf": "0" * 64},
        }[spoilt]
        refused = make_catalog(signed_in, headers)
        assert refused.status_code == 401
        assert "A cookie alone changes nothing" in refused.json()["message"]

    def test_of_another_session_changes_nothing(self, signed_in: Browser, site: Site) -> None:
        other = site.browser()
        other.sign_in()
        assert make_catalog(signed_in, other.page()).status_code == 401

    def test_even_one_that_only_looks_does_not_post_without_proof(self, signed_in: Browser) -> None:
        path, said = f"{LEGACY}/model-versions/generate-temporary-credentials", {"name": "a.b.c", "version": "1"}
        assert signed_in.http.post(path, json=said).status_code == 401
        assert signed_in.http.post(path, json=said, headers=signed_in.page()).status_code == 404

    def test_gets_no_answer_that_another_site_could_read(self, signed_in: Browser) -> None:
        answer = signed_in.http.get("/session", headers={"origin": "https://evil.example"})
        assert not [name for name in answer.headers if name.startswith("access-control-")]


def test_the_cookie_is_for_this_server_and_not_for_scripts(site: Site) -> None:
    browser = site.browser()
    [session] = browser.sign_in().headers.get_list("set-cookie")
    name, *attributes = session.split("; ")
    assert name.startswith("modelyard-loopback=myses_")
    assert attributes == ["Path=/", f"Max-Age={SESSION_MILLISECONDS // 1000}", "HttpOnly", "SameSite=Lax"]


def test_over_https_the_cookie_is_bound_to_the_host(start_server: Callable[..., ServerProcess], idp: Idp) -> None:
    """Behind a proxy that speaks TLS: names, redirects and origins are those of the public URL."""
    server = start_server(
        oidc_issuer=idp.url, oidc_client_id="modelyard", oidc_client_secret="not-a-secret: only for tests/%",
        oidc_create_users="true", outbound_allowed="127.0.0.1", public_url="https://models.example.com/",
    )  # fmt: skip
    with httpx.Client(base_url=server.url, headers={"host": "models.example.com"}, trust_env=False) as proxy:
        sent = proxy.get("/login")
        assert query_of(sent.headers["location"])["redirect_uri"] == "https://models.example.com/login/callback"
        name, *attributes = sent.headers["set-cookie"].split("; ")
        assert name.startswith("__Host-modelyard-login=")
        assert attributes == ["Path=/", "Max-Age=600", "HttpOnly", "SameSite=Lax", "Secure"]
        back = httpx.get(sent.headers["location"], trust_env=False).headers["location"]
        entered = proxy.get(back.removeprefix("https://models.example.com"), headers={"cookie": name})
        assert entered.headers["location"] == "https://models.example.com/session"
        session = entered.headers["set-cookie"].split("; ")[0]
        assert session.startswith("__Host-modelyard=")
        me = proxy.get("/session", headers={"cookie": session}).json()
        page = {"cookie": session, "x-modelyard-csrf": me["csrf_token"]}
        for origin in (server.url, "http://models.example.com", "https://models.example.com:8443"):
            assert proxy.post("/logout", headers={**page, "origin": origin}).status_code == 401
        assert proxy.post("/logout", headers={**page, "origin": "https://models.example.com"}).status_code == 200
        assert proxy.get("/session", headers={"cookie": session}).status_code == 401


def test_signing_out_ends_the_session_here_and_in_the_browser(signed_in: Browser, site: Site) -> None:
    secret, page = signed_in.session, signed_in.page()
    assert signed_in.http.post("/logout").status_code == 401
    left = signed_in.http.post("/logout", headers=page)
    assert left.status_code == 200
    assert "Max-Age=0" in left.headers["set-cookie"]
    assert not signed_in.session
    stolen = {"cookie": f"modelyard-loopback={secret}"}
    assert httpx.get(f"{site.server.url}/session", headers=stolen, trust_env=False).status_code == 401


def test_a_token_is_no_cookie_and_a_session_is_no_token(signed_in: Browser, site: Site) -> None:
    with site.server.client(token=signed_in.session) as thief:
        assert thief.get("/session").status_code == 401
    for name in ("modelyard-loopback", "__Host-modelyard"):
        cookie = {"cookie": f"{name}={site.server.token}"}
        assert httpx.get(f"{site.server.url}/session", headers=cookie, trust_env=False).status_code == 401


def test_the_header_wins_over_the_cookie_even_when_it_proves_nothing(signed_in: Browser, site: Site) -> None:
    shown = {"authorization": f"Bearer {site.server.token}"}
    told = signed_in.http.get("/session", headers=shown).json()
    assert (told["user_name"], told["csrf_token"]) == ("admin", "")
    for wrong in ("Bearer no", "Basic bm8=", "Digest x"):
        assert signed_in.http.get("/session", headers={"authorization": wrong}).status_code == 401


def test_a_cookie_that_is_there_twice_is_none(signed_in: Browser) -> None:
    cookie = f"modelyard-loopback={signed_in.session}; modelyard-loopback=x"
    assert httpx.get(f"{signed_in.url}/session", headers={"cookie": cookie}, trust_env=False).status_code == 401


def test_sessions_are_not_among_the_tokens_of_a_person(signed_in: Browser) -> None:
    assert signed_in.http.get("/api/2.0/token/list").json() == {"token_infos": []}


def test_the_use_of_a_session_is_noted(site: Site) -> None:
    who, browser = "s" + uuid.uuid4().hex[:12], site.browser()
    site.idp.is_to_vouch_for(who)
    browser.sign_in()
    mine = "kind = 'session' AND principal_id = (SELECT principal_id FROM identities WHERE subject = :who)"
    earlier, used = "SET last_used_at = last_used_at - 100000", f"SELECT last_used_at FROM tokens WHERE {mine}"  # noqa: S608  our own words
    site.rows(f"UPDATE tokens {earlier} WHERE {mine}", who=who)
    [(before,)] = site.rows(used, who=who)
    browser.me()
    [(after,)] = site.rows(used, who=who)
    assert after - before >= 100_000


@pytest.mark.parametrize(
    ("url", "expected"),
    [
        ("https://a.example", "https://a.example:443"),
        ("https://A.example:443/x", "https://a.example:443"),
        ("http://a.example:8080", "http://a.example:8080"),
        ("http://[::1]:1", "http://::1:1"),
        ("null", ""),
        ("", ""),
        ("https://a.example@evil.example", ""),
        ("ftp://a.example", ""),
        ("https://a.example:x", ""),
    ],
)
def test_origins_are_compared_as_browsers_do(url: str, expected: str) -> None:
    assert cookies.origin(url) == expected


def test_only_a_page_can_know_what_it_must_show() -> None:
    here = Here("https://a.example", "", 0, KEY)
    shown = {"cookie": "__Host-modelyard=s", "origin": "https://a.example", "x-modelyard-csrf": csrf_token(KEY, "s")}
    assert cookies.session("POST", shown, here) == Session("s", confirmed=True)
    assert isinstance(cookies.session("POST", {**shown, "x-modelyard-csrf": "é"}, here), Unproven)
    assert cookies.session("GET", {"cookie": shown["cookie"]}, here) == Session("s", confirmed=False)


# Without HTTP


def ask(inside: InProcess, action: Action, credential: object, request: str = "") -> object:
    return inside.gate.do(action, credential, Origin(request or uuid.uuid4().hex, address=uuid.uuid4().hex))  # pyright: ignore[reportArgumentType]


def person(name: str, subject: str = "", *, may_join: bool = True, may_link: bool = True) -> ProvenIdentity:
    return ProvenIdentity("https://idp.example", subject or name, name, name, may_join, may_link)


@pytest.fixture
def session(inside: InProcess) -> Session:
    made = ask(inside, sessions.SignIn(), person("ann@example.com"))
    assert isinstance(made, NewSession)
    return Session(made.secret)


def at(inside: InProcess, milliseconds: int) -> None:
    """The gate's clock, so much later."""
    then = inside.gate.clock()
    inside.gate.clock = lambda: then + milliseconds / 1000


class TestASessionEnds:
    def test_when_it_is_not_used(self, inside: InProcess, session: Session) -> None:
        at(inside, IDLE_MILLISECONDS - 60_000)
        ask(inside, access.WhoAmI(), session)
        at(inside, 61_000)
        with pytest.raises(Unauthenticated, match="sign in again"):
            ask(inside, access.WhoAmI(), session)

    def test_at_last_however_much_it_is_used(self, inside: InProcess, session: Session) -> None:
        for _ in range(SESSION_MILLISECONDS // IDLE_MILLISECONDS * 2 - 1):
            at(inside, IDLE_MILLISECONDS // 2)
            ask(inside, sessions.NoteSessionUse(session), Server())
            ask(inside, access.WhoAmI(), session)
        at(inside, IDLE_MILLISECONDS // 2)
        with pytest.raises(Unauthenticated):
            ask(inside, access.WhoAmI(), session)

    @pytest.mark.usefixtures("session")
    def test_and_its_row_is_swept_away_with_late_sign_ins_but_no_token_is(self, inside: InProcess) -> None:
        ask(inside, sessions.RememberLogin(Login("s", "n", "v", "/")), Server())
        assert ask(inside, sessions.ForgetLogins(), Server()) == 0
        at(inside, LOGIN_MILLISECONDS)
        assert ask(inside, sessions.ForgetLogins(), Server()) == 1
        at(inside, IDLE_MILLISECONDS)
        assert ask(inside, sessions.ForgetLogins(), Server()) == 1
        ask(inside, access.WhoAmI(), inside.admin)


def test_a_session_that_nothing_confirms_changes_nothing_even_by_a_get(inside: InProcess, session: Session) -> None:
    with pytest.raises(Unauthenticated, match="A cookie alone changes nothing"):
        ask(inside, tokens.CreateToken(), session)
    ask(inside, tokens.CreateToken(), Session(session.secret, confirmed=True))


def test_strangers_cannot_fill_the_disk_with_sign_ins(inside: InProcess) -> None:
    begun = int(inside.gate.clock() * 1000) - MAX_LOGINS // 1000
    rows = [
        {
            "state": f"{number:064}",
            "nonce": "n",
            "verifier": "v",
            "return_to": "/",
            "created_at": begun + number // 1000,
        }
        for number in range(MAX_LOGINS)
    ]
    with inside.built.database.engine.begin() as connection:
        connection.execute(schema.logins.insert(), rows)
    for number in range(3):
        ask(inside, sessions.RememberLogin(Login(f"new{number}", "n", "v", "/")), Server())
    with inside.built.database.engine.connect() as connection:
        kept = [row.state for row in connection.execute(schema.logins.select())]
    assert len(kept) == MAX_LOGINS
    assert not {f"{number:064}" for number in range(3)} & set(kept), "the oldest are forgotten"
    assert ask(inside, sessions.TakeLogin("new0"), Server())


class TestWhoMayComeIn:
    def test_nobody_unknown_where_only_admins_make_users(self, inside: InProcess) -> None:
        with pytest.raises(Unauthenticated, match="is no user of this server yet"):
            ask(inside, sessions.SignIn(), person("bob@example.com", may_join=False))

    def test_nobody_by_name_where_that_is_not_wanted(self, inside: InProcess) -> None:
        inside.do(access.CreatePrincipal(PrincipalKind.USER, "bob@example.com"))
        with pytest.raises(Unauthenticated, match="is the name of somebody else here"):
            ask(inside, sessions.SignIn(), person("bob@example.com", may_link=False))

    def test_nobody_with_an_identity_that_only_looks(self, inside: InProcess) -> None:
        with pytest.raises(Unauthenticated):
            inside.gate.identify(person("bob@example.com"))

    def test_and_each_refusal_is_recorded_with_its_reason(self, inside: InProcess) -> None:
        for name in ("cid", "dora"):
            with pytest.raises(Unauthenticated):
                inside.gate.do(sessions.SignIn(), person(name, may_join=False), Origin(name, address="1.2.3.4"))
        with inside.built.database.look() as tx:
            told = [row[5] for row in journal.recent(tx, 10) if row[2] == "signIn"]
        assert [message.split()[0] for message in told] == ["dora", "cid"]


def test_only_what_has_checked_an_identity_makes_one() -> None:
    """A `ProvenIdentity` is believed by the gate, so its makers are few enough to read."""
    root = Path(sessions.__file__).parents[1]
    makers = {file.name for file in root.rglob("*.py") if "ProvenIdentity(\n" in file.read_text()}
    assert makers == {"oidc.py"}


def test_no_secret_is_shown_by_what_holds_it() -> None:
    shown = [
        Session("SECRET"),
        NewSession("id", 1, "SECRET"),
        Login("SECRET", "SECRET", "SECRET", "/"),
        Bearer("SECRET"),
    ]
    assert "SECRET" not in repr(shown)
