"""What is believed of a real provider's documents and keys, and for how long."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import httpx
import pytest

from modelyard import config
from modelyard.domain.access import ProvenIdentity
from modelyard.errors import Invalid, Unauthenticated
from modelyard.oidc import Provider
from modelyard.outbound import Allowed, Outbound, Unreachable
from tests.sso.conftest import CLIENT_ID, CLIENT_SECRET, Idp, query_of

CALLBACK = "http://here.example/login/callback"


class Clock:
    now = 1_000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def outbound() -> Iterator[Outbound]:
    made = Outbound(Allowed.of(("127.0.0.1",)), seconds=2)
    yield made
    made.close()


class Asking:
    """Signs in again and again, at a time of its own."""

    def __init__(self, idp: Idp, outbound: Outbound, data: Path, **settings: Any) -> None:  # noqa: ANN401  any setting
        self.clock = Clock()
        self.provider = Provider(idp.settings(data, **settings), outbound, self.clock)

    def sign_in(self) -> ProvenIdentity:
        begun = self.provider.begin(CALLBACK, "/", "")
        back = query_of(httpx.get(begun.url, trust_env=False).headers["location"])
        return self.provider.finish(begun.login, CALLBACK, back["code"], back.get("iss", ""))


@pytest.fixture
def asking(idp: Idp, outbound: Outbound, tmp_path: Path) -> Asking:
    return Asking(idp, outbound, tmp_path)


def test_documents_are_asked_for_once_an_hour(asking: Asking, idp: Idp) -> None:
    paths = ("/.well-known/openid-configuration", "/jwks")
    before = [idp.asked(path) for path in paths]
    for _ in range(3):
        asking.sign_in()
    assert [idp.asked(path) for path in paths] == [number + 1 for number in before]
    asking.clock.now += 3_601
    asking.sign_in()
    assert [idp.asked(path) for path in paths] == [number + 2 for number in before]


@pytest.mark.parametrize("kind", ["rsa", "ec"])
def test_a_key_that_was_rotated_is_found_at_once(asking: Asking, idp: Idp, kind: str) -> None:
    asking.sign_in()
    asking.clock.now += 61
    idp.say(rotate=kind, key=kind)
    assert asking.sign_in().subject == "anybody"


def test_unknown_keys_make_the_server_ask_once_a_minute_at_most(asking: Asking, idp: Idp) -> None:
    asking.sign_in()
    asking.clock.now += 61
    idp.say(kid="unknown")
    before = idp.asked("/jwks")
    for _ in range(3):
        with pytest.raises(Unauthenticated, match="does not publish"):
            asking.sign_in()
    assert idp.asked("/jwks") == before + 1
    idp.say()
    assert asking.sign_in().subject == "anybody"


def test_a_key_that_the_provider_took_back_is_refused_within_the_hour(asking: Asking, idp: Idp) -> None:
    asking.sign_in()
    asking.clock.now += 3_601
    idp.say(published=["ec"])
    with pytest.raises(Unauthenticated, match="does not publish"):
        asking.sign_in()


def test_a_short_key_is_refused(asking: Asking, idp: Idp) -> None:
    idp.say(rotate="weak", key="weak")
    with pytest.raises(Unauthenticated, match="its key cannot be used"):
        asking.sign_in()


@pytest.mark.parametrize("how", ["redirect", "huge", "slow", "gzip", "broken", "deep", 404, 500])
@pytest.mark.parametrize("path", ["/.well-known/openid-configuration", "/jwks"])
def test_documents_that_cannot_be_had_end_the_sign_in(asking: Asking, idp: Idp, path: str, how: str | int) -> None:
    idp.say(**{path: how})
    elsewhere = idp.asked("/elsewhere")
    with pytest.raises(Unreachable) as failure:
        asking.sign_in()
    assert "LEAK" not in failure.value.message
    assert idp.asked("/elsewhere") == elsewhere
    idp.say()
    asking.clock.now += 6
    assert asking.sign_in().subject == "anybody"


def test_a_provider_that_does_not_answer_is_left_alone_for_a_while(asking: Asking, idp: Idp) -> None:
    path = "/.well-known/openid-configuration"
    idp.say(**{path: 500})
    before = idp.asked(path)
    for _ in range(5):
        with pytest.raises(Unreachable):
            asking.provider.begin(CALLBACK, "/", "")
    assert idp.asked(path) == before + 1


@pytest.mark.parametrize(
    "metadata",
    [
        {"issuer": "https://evil.example"},
        {"issuer": None},
        {"token_endpoint": "file:///etc/passwd"},
        {"token_endpoint": ""},
        {"jwks_uri": "ftp://a.example"},
        {"authorization_endpoint": "javascript:alert(1)"},
        {"authorization_endpoint": "http://a.example/\r\nset-cookie: x=y"},
        {"authorization_endpoint": "http://a.example/#x"},
        {"jwks_uri": 7},
    ],
    ids=str,
)
def test_documents_that_lead_elsewhere_are_refused(asking: Asking, idp: Idp, metadata: dict[str, Any]) -> None:
    idp.say(metadata=metadata)
    with pytest.raises(Unreachable):
        asking.sign_in()


def test_the_servers_own_network_is_closed_to_what_a_document_names(asking: Asking, idp: Idp) -> None:
    port = urlsplit(idp.url).port
    idp.say(metadata={"jwks_uri": f"http://[::1]:{port}/jwks", "token_endpoint": f"{idp.url}/token"})
    with pytest.raises(Unreachable) as failure:
        asking.sign_in()
    assert "no address that may be connected to" in failure.value.reason


def test_a_provider_that_promises_to_name_itself_must_do_so(asking: Asking, idp: Idp) -> None:
    promise = {"authorization_response_iss_parameter_supported": True}
    idp.say(metadata=promise)
    with pytest.raises(Unauthenticated, match="than the one that was asked"):
        asking.sign_in()
    idp.say(metadata=promise, answer={"iss": idp.url})
    assert asking.sign_in().subject == "anybody"


def test_the_secret_is_sent_in_the_form_where_the_provider_wants_it_there(asking: Asking, idp: Idp) -> None:
    idp.say(metadata={"token_endpoint_auth_methods_supported": ["client_secret_post"]})
    assert asking.sign_in().subject == "anybody"


def test_a_wrong_secret_is_refused_by_the_provider(idp: Idp, outbound: Outbound, tmp_path: Path) -> None:
    (tmp_path / "secret").write_text("wrong\n")
    settings = config.load(
        {
            "oidc_issuer": idp.url,
            "oidc_client_id": CLIENT_ID,
            "oidc_client_secret_file": str(tmp_path / "secret"),
        },
        {},
    )
    provider = Provider(settings, outbound)
    begun = provider.begin(CALLBACK, "/", "")
    code = query_of(httpx.get(begun.url, trust_env=False).headers["location"])["code"]
    with pytest.raises(Unauthenticated, match="did not accept the code"):
        provider.finish(begun.login, CALLBACK, code, "")
    (tmp_path / "secret").write_text(CLIENT_SECRET + "\n")
    provider = Provider(settings, outbound)
    begun = provider.begin(CALLBACK, "/", "")
    code = query_of(httpx.get(begun.url, trust_env=False).headers["location"])["code"]
    assert provider.finish(begun.login, CALLBACK, code, "").subject == "anybody"


def test_a_code_without_its_verifier_is_worth_nothing(asking: Asking) -> None:
    mine, other = (asking.provider.begin(CALLBACK, "/", "") for _ in range(2))
    code = query_of(httpx.get(mine.url, trust_env=False).headers["location"])["code"]
    with pytest.raises(Unauthenticated, match="did not accept the code"):
        asking.provider.finish(other.login, CALLBACK, code, "")


class TestTheName:
    def test_is_asked_for_where_the_token_does_not_tell_it(self, asking: Asking, idp: Idp) -> None:
        metadata = {"userinfo_endpoint": f"{idp.url}/userinfo"}
        told = {"email": "told@example.com", "email_verified": True}
        idp.say(metadata=metadata, userinfo=told, without=["email", "email_verified"])
        assert asking.sign_in().name == "told@example.com"
        idp.say(metadata=metadata, userinfo={**told, "sub": "somebody else"}, without=["email"])
        with pytest.raises(Unauthenticated, match="does not tell a usable email"):
            asking.sign_in()

    def test_is_the_claim_that_the_operator_chose(self, idp: Idp, outbound: Outbound, tmp_path: Path) -> None:
        idp.say(claims={"preferred_username": "ann", "email_verified": False, "name": "Ann Other"})
        asked = Asking(idp, outbound, tmp_path, oidc_name_claim="preferred_username", oidc_link_users=False)
        assert asked.sign_in() == ProvenIdentity(idp.url, "anybody", "ann", "Ann Other", may_join=False, may_link=False)

    def test_may_be_an_unverified_email_if_the_operator_says_so(
        self, idp: Idp, outbound: Outbound, tmp_path: Path
    ) -> None:
        idp.say(without=["email_verified"])
        assert Asking(idp, outbound, tmp_path, oidc_verified_email=False).sign_in().name == "anybody@example.com"


COMPLETE = {"oidc_issuer": "https://idp.example", "oidc_client_id": "modelyard"}


@pytest.mark.parametrize(
    ("settings", "blamed"),
    [
        ({"oidc_issuer": "http://idp.example"}, "https://"),
        ({"oidc_issuer": "https://"}, "oidc_issuer"),
        ({"oidc_issuer": "https://idp.example/?a=b"}, "oidc_issuer"),
        ({"oidc_client_id": ""}, "oidc_client_id"),
        ({"oidc_algorithms": ["none"]}, "oidc_algorithms"),
        ({"oidc_algorithms": ["HS256", "RS256"]}, "oidc_algorithms"),
        ({"oidc_algorithms": []}, "oidc_algorithms"),
        ({"oidc_scopes": ["email"]}, "openid"),
        ({"oidc_name_claim": ""}, "oidc_name_claim"),
        ({"oidc_client_secret": "a", "oidc_client_secret_file": "b"}, "exclude"),
    ],
    ids=str,
)
def test_settings_that_cannot_work_are_told_at_start(settings: dict[str, Any], blamed: str) -> None:
    assert config.load(COMPLETE, {}).oidc_issuer == "https://idp.example"
    with pytest.raises(Invalid, match=blamed):
        config.load({**COMPLETE, **settings}, {})


def test_no_setting_is_shown_by_accident() -> None:
    assert "SECRET" not in repr(config.load({**COMPLETE, "oidc_client_secret": "SECRET"}, {}))
