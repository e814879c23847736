"""People sign in at a real provider, with all that can go wrong on the way there and back."""

from __future__ import annotations

import time
import uuid
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from modelyard.domain.sessions import challenge
from tests.sso.conftest import Site, query_of
from tests.support import SCIM, Server


def somebody() -> str:
    return "s" + uuid.uuid4().hex[:12]


def test_somebody_signs_in_and_is_who_the_provider_says(site: Site) -> None:
    who, browser = somebody(), site.browser()
    site.idp.is_to_vouch_for(who, name="Ann Other")
    back = browser.sign_in(return_to="/session?x=1%20y")
    assert back.status_code == 303
    assert back.headers["location"] == f"{site.server.url}/session?x=1%20y"
    assert back.headers["referrer-policy"] == "no-referrer"
    me = browser.me()
    assert (me["user_name"], me["display_name"], me["groups"]) == (f"{who}@example.com", "Ann Other", [])
    told = site.rows(
        "SELECT principal, result FROM audit WHERE action_name = 'signIn' AND principal = :name", name=me["user_name"]
    )
    assert [tuple(row) for row in told] == [(f"{who}@example.com", "done")]


def test_the_provider_is_asked_with_a_state_a_nonce_and_a_challenge_of_their_own(site: Site) -> None:
    first, second = (query_of(site.browser().begin()) for _ in range(2))
    assert first["client_id"] == "modelyard"
    assert first["redirect_uri"] == f"{site.server.url}/login/callback"
    assert first["scope"] == "openid email profile"
    assert first["tenant"] == "1", "what the endpoint's own query says is kept"
    for name in ("state", "nonce", "code_challenge"):
        assert len(first[name]) >= 32
        assert first[name] != second[name]


def test_the_challenge_is_that_of_rfc_7636() -> None:
    assert challenge("dBjftJeZ4CVP-mB92K27uhbUJU1p1r_wW1gFWFOEjXk") == "E9Melhoa2OwvFrEMTJguCHaoeK1t8URWbuGJSstw-cM"


def test_the_second_sign_in_is_the_same_person_even_under_a_new_name(site: Site) -> None:
    who = somebody()
    site.idp.is_to_vouch_for(who)
    first, second = site.browser(), site.browser()
    first.sign_in()
    site.idp.is_to_vouch_for(who, email=f"{somebody()}@example.com")
    second.sign_in()
    assert first.me()["user_name"] == second.me()["user_name"] == f"{who}@example.com"
    assert first.session != second.session


def test_a_user_whom_an_admin_has_added_is_found_by_name_whatever_its_case(site: Site) -> None:
    who = somebody()
    site.server.make_user(f"{who}@example.com")
    site.idp.is_to_vouch_for(who, email=f"{who.upper()}@Example.com")
    browser = site.browser()
    browser.sign_in()
    assert browser.me()["user_name"] == f"{who}@example.com"


def test_nobody_else_becomes_a_user_who_is_somebody_at_the_provider_already(site: Site) -> None:
    """A mailbox that was given to the next person is no way into the account of the last one."""
    who = somebody()
    site.idp.is_to_vouch_for(who)
    site.browser().sign_in()
    site.idp.is_to_vouch_for(somebody(), email=f"{who}@example.com")
    refused = site.browser().sign_in()
    assert refused.status_code == 401
    assert "is the name of somebody else here" in refused.json()["message"]


def test_a_group_or_a_service_principal_is_nobody_who_signs_in(site: Site) -> None:
    site.idp.is_to_vouch_for(somebody(), email="admins")
    assert "is the name of somebody else here" in site.browser().sign_in().json()["message"]


def test_keys_of_another_kind_work_too(site: Site) -> None:
    who, browser = somebody(), site.browser()
    site.idp.say(key="ec", claims={"sub": who, "email": f"{who}@example.com"})
    browser.sign_in()
    assert browser.me()["user_name"] == f"{who}@example.com"


LATE = int(time.time()) - 3600
WRONG: dict[str, tuple[dict[str, Any], str]] = {
    "a wrong nonce": ({"claims": {"nonce": "x"}}, "from another sign-in"),
    "no nonce": ({"without": ["nonce"]}, "lacks a claim"),
    "a wrong audience": ({"claims": {"aud": "another"}}, "for another application"),
    "an audience among others, without a party": ({"claims": {"aud": ["modelyard", "x"]}}, "for another application"),
    "a party that is not us": ({"claims": {"azp": "another"}}, "for another application"),
    "no audience": ({"without": ["aud"]}, "lacks a claim"),
    "a wrong issuer": ({"claims": {"iss": "https://evil.example"}}, "from another provider"),
    "no issuer": ({"without": ["iss"]}, "lacks a claim"),
    "an expired token": ({"claims": {"exp": LATE, "iat": LATE - 60}}, "has expired"),
    "no expiry": ({"without": ["exp"]}, "lacks a claim"),
    "a token of tomorrow": ({"claims": {"iat": LATE + 90_000, "exp": LATE + 99_000}}, "from the future"),
    "no time of issue": ({"without": ["iat"]}, "lacks a claim"),
    "no subject": ({"without": ["sub"]}, "lacks a claim"),
    "an empty subject": ({"claims": {"sub": ""}}, "nothing of who signed in"),
    "no signature at all": ({"algorithm": "none"}, "not allowed here"),
    "the public key as a secret": ({"algorithm": "HS256"}, "not allowed here"),
    "an algorithm that is not configured": ({"algorithm": "RS512"}, "not allowed here"),
    "a key that nobody knows": ({"kid": "unknown"}, "does not publish"),
    "another key under a known name": ({"forged": True}, "signature is wrong"),
    "a garbled signature": ({"garbled": True}, "signature is wrong"),
    "an email that was not verified": ({"claims": {"email_verified": False}}, "not verified your email"),
    "an email of which that is not said": ({"without": ["email_verified"]}, "not verified your email"),
    "no email": ({"without": ["email"]}, "does not tell a usable email"),
    "an email that is none": ({"claims": {"email": ["a@example.com"]}}, "does not tell a usable email"),
    "an email with a line in it": ({"claims": {"email": "a\nb@example.com"}}, "does not tell a usable email"),
    "an answer from another issuer": ({"answer": {"iss": "https://evil.example"}}, "than the one that was asked"),
    "an answer without a code": ({"answer": {"code": ""}}, "did not sign you in"),
    "an error": ({"answer": {"error": "access_denied", "error_description": "LEAK"}}, "did not sign you in"),
    "a code that was used": ({"answer": {"code": "used"}}, "did not accept the code"),
}


@pytest.mark.parametrize("case", WRONG)
def test_what_proves_nothing_is_refused_and_recorded(site: Site, case: str) -> None:
    how, reason = WRONG[case]
    site.idp.say(**how)
    browser = site.browser()
    refused = browser.sign_in()
    assert refused.status_code == 401
    assert reason in refused.json()["message"]
    assert not browser.session
    assert browser.http.get("/session").status_code == 401
    assert any(reason in message for message in site.refusals())
    assert "LEAK" not in refused.text + str(site.refusals())


@pytest.mark.parametrize(
    "how", [{"/token": each} for each in ("redirect", "huge", "gzip", "broken", "deep", 500)], ids=str
)
def test_a_provider_that_answers_badly_is_told_as_nothing_but_that(site: Site, how: dict[str, Any]) -> None:
    site.idp.say(**how)
    before = site.idp.asked("/elsewhere")
    failed = site.browser().sign_in()
    assert failed.status_code in {401, 503}
    assert "LEAK" not in failed.text
    assert site.idp.asked("/elsewhere") == before, "redirects are not followed"


class TestComingBack:
    def test_twice_is_refused_the_second_time(self, site: Site) -> None:
        browser = site.browser()
        back = browser.authorize(browser.begin())
        assert browser.http.get(back).status_code == 303
        again = browser.http.get(back)
        assert again.status_code == 401
        assert "begin at /login" in again.json()["message"]

    def test_in_another_browser_is_refused_and_does_no_harm_to_the_first(self, site: Site) -> None:
        """Else somebody could sign a victim in as themselves, and read what the victim does."""
        mine, victim = site.browser(), site.browser()
        back = mine.authorize(mine.begin())
        assert victim.http.get(back).status_code == 401
        victim.begin()
        assert victim.http.get(back).status_code == 401
        assert not victim.session
        assert mine.http.get(back).status_code == 303

    def test_with_a_cookie_in_the_address_is_refused(self, site: Site) -> None:
        mine, victim = site.browser(), site.browser()
        back = mine.authorize(mine.begin())
        [(name, secret)] = mine.http.cookies.items()
        assert victim.http.get(f"{back}&cookie={name}%3D{secret}").status_code == 401
        assert mine.http.get(back).status_code == 303

    def test_with_a_state_that_never_was_is_refused(self, site: Site) -> None:
        browser = site.browser()
        browser.begin()
        for state in ("", "x", "a.b", "0" * 64):
            assert browser.http.get("/login/callback", params={"state": state, "code": "x"}).status_code == 401

    def test_after_ten_minutes_is_refused(self, site: Site) -> None:
        browser = site.browser()
        back = browser.authorize(browser.begin())
        site.rows("UPDATE logins SET created_at = created_at - 600000")
        assert browser.http.get(back).status_code == 401

    def test_in_two_tabs_of_one_browser_works_in_both(self, site: Site) -> None:
        browser = site.browser()
        backs = [browser.authorize(there) for there in (browser.begin(), browser.begin())]
        assert [browser.http.get(back).status_code for back in backs] == [303, 303]


@pytest.mark.parametrize(
    "place",
    ["//evil.example", "/\\evil.example", "\\\\evil.example", "https://evil.example", "javascript:alert(1)", "evil",
     "/a\r\nset-cookie: x=y", "/a b", "/a\tb", "/\x00", "/é", "/" + "a" * 2_000, " /a", "/a\\b", "///evil"],
)  # fmt: skip
def test_nobody_is_sent_anywhere_else_afterwards(site: Site, place: str) -> None:
    refused = site.browser().http.get("/login", params={"return_to": place})
    assert refused.status_code == 400
    assert "return_to must be a path" in refused.json()["message"]


def test_the_answer_leads_nowhere_but_to_this_server(site: Site) -> None:
    for place in ("/", "/@evil.example", "/.evil.example", "/a?b=//c#d", "/%2f%2fevil"):
        back = site.browser().sign_in(return_to=place)
        assert urlsplit(back.headers["location"])[:2] == urlsplit(site.server.url)[:2], place


def test_login_answers_under_its_own_names_only(site: Site) -> None:
    refused = httpx.get(f"{site.server.url}/login", headers={"host": "evil.example"}, trust_env=False)
    assert refused.status_code == 400
    assert "set-cookie" not in refused.headers


def test_people_do_not_sign_in_over_plain_http_from_elsewhere(site: Site) -> None:
    refused = httpx.get(f"{site.server.url}/login", headers={"host": "models.example.com"}, trust_env=False)
    assert refused.status_code == 400
    assert "public_url" in refused.json()["message"]
    assert "set-cookie" not in refused.headers


def test_a_server_without_a_provider_says_so(sqlite_server: Server) -> None:
    for path in ("/login", "/login/callback?state=x&code=y"):
        refused = httpx.get(sqlite_server.url + path, trust_env=False)
        assert refused.status_code == 404
        assert "single sign-on is not set up" in refused.json()["message"]


def test_somebody_who_was_shut_out_cannot_sign_in_and_has_no_session_any_more(site: Site) -> None:
    who, browser = somebody(), site.browser()
    site.idp.is_to_vouch_for(who)
    browser.sign_in()
    assert browser.me()["user_name"] == f"{who}@example.com"
    with site.server.client() as admin:
        [user] = admin.get(f"{SCIM}/Users", params={"filter": f'userName eq "{who}@example.com"'}).json()["Resources"]
        shut_out = {"Operations": [{"op": "replace", "path": "active", "value": False}]}
        admin.patch(f"{SCIM}/Users/{user['id']}", json=shut_out).raise_for_status()
    assert browser.http.get("/session").status_code == 401
    refused = site.browser().sign_in()
    assert refused.status_code == 401
    assert "has been shut out" in refused.json()["message"]


def test_nothing_secret_is_kept_or_shown(site: Site) -> None:
    who, browser = somebody(), site.browser()
    site.idp.is_to_vouch_for(who)
    there = browser.begin()
    login = dict(browser.http.cookies)
    code = query_of(back := browser.authorize(there))["code"]
    answer = browser.http.get(back)
    secrets = [browser.session, *login.values(), query_of(there)["state"], code, "at-123"]
    tables = ("tokens", "logins", "audit", "events", "principals", "identities")
    kept = str([site.rows(f"SELECT * FROM {table}") for table in tables])  # noqa: S608  our own names
    log = (site.server.data / "log").read_text()
    page = browser.http.get("/session").text
    for secret in secrets:
        assert secret
        assert secret not in kept + log + page + answer.text
