"""The OpenID Connect provider that people sign in with: code flow with PKCE, and every check of its ID tokens.

Sources: OpenID Connect Core 1.0 §3.1, Discovery 1.0, RFC 7636 (PKCE), RFC 9207 (issuer in the answer), RFC 8725 (JWT).
Nothing of a token is believed before its signature is checked with a key of the provider and an algorithm of ours.
"""

from __future__ import annotations

import base64
import hmac
import logging
import secrets
import threading
import time
from typing import TYPE_CHECKING, Any, Final, TypeVar
from urllib.parse import quote_plus, urlencode, urlsplit

import jwt
import msgspec

from modelyard.domain.access import ProvenIdentity, principal_name
from modelyard.domain.sessions import Begun, Login, challenge, state_for
from modelyard.errors import Invalid, Unauthenticated
from modelyard.outbound import Outbound, Unreachable

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelyard.config import Settings

log = logging.getLogger(__name__)

Document = TypeVar("Document")
Claims = dict[str, Any]

_KEEP_SECONDS: Final = 3600.0
"""How long the provider's documents are believed without asking again."""

_PAUSE_SECONDS: Final = 60.0
"""How long the provider's keys are not asked for again, whatever unknown keys tokens name."""

_RETRY_SECONDS: Final = 5.0
"""How long a provider that did not answer is left alone."""

_LEEWAY_SECONDS: Final = 60
"""How far the provider's clock may be off."""

_MAX_SUBJECT: Final = 255  # OpenID Connect Core §2
_MAX_KEYS: Final = 100
_REQUIRED: Final = ("iss", "sub", "aud", "exp", "iat", "nonce")
_BROWSER_SECRET: Final = 64
_OK: Final = 200
_SERVER_ERROR: Final = 500

_WRONG: Final[tuple[tuple[type[jwt.PyJWTError], str], ...]] = (
    (jwt.ExpiredSignatureError, "it has expired"),
    (jwt.ImmatureSignatureError, "it is from the future"),
    (jwt.InvalidAudienceError, "it is for another application"),
    (jwt.InvalidIssuerError, "it is from another provider"),
    (jwt.MissingRequiredClaimError, "it lacks a claim"),
    (jwt.InvalidAlgorithmError, "it is signed in a way that is not allowed here"),
    (jwt.InvalidSignatureError, "its signature is wrong"),
    (jwt.InvalidKeyError, "its key cannot be used"),
)


class _Metadata(msgspec.Struct, frozen=True):
    """What is needed of a discovery document."""

    issuer: str
    authorization_endpoint: str
    token_endpoint: str
    jwks_uri: str
    userinfo_endpoint: str = ""
    token_endpoint_auth_methods_supported: tuple[str, ...] = ("client_secret_basic",)
    authorization_response_iss_parameter_supported: bool = False


class _KeySet(msgspec.Struct, frozen=True):
    keys: list[dict[str, Any]]


class _Tokens(msgspec.Struct, frozen=True):
    id_token: str
    access_token: str = ""


class Provider:
    """One provider; shared by all threads of the process."""

    def __init__(self, settings: Settings, outbound: Outbound, clock: Callable[[], float] = time.monotonic) -> None:
        self._settings = settings
        self._secret = settings.client_secret
        self._outbound = outbound
        self._clock = clock
        self._lock = threading.Lock()
        self._metadata: _Metadata | None = None
        self._keys: list[dict[str, Any]] = []
        self._metadata_until = self._keys_until = self._keys_pause = self._retry_at = float("-inf")

    def begin(self, redirect_uri: str, return_to: str, browser: str) -> Begun:
        """Begin a sign-in of the browser that keeps this secret; one without gets a new one."""
        endpoint = self._discovered().authorization_endpoint
        browser = browser if len(browser) == _BROWSER_SECRET else secrets.token_hex(_BROWSER_SECRET // 2)
        state = state_for(browser, secrets.token_hex(16))
        login = Login(state, secrets.token_urlsafe(32), secrets.token_urlsafe(48), return_to)
        said = {
            "response_type": "code",
            "client_id": self._settings.oidc_client_id,
            "redirect_uri": redirect_uri,
            "scope": " ".join(self._settings.oidc_scopes),
            "state": login.state,
            "nonce": login.nonce,
            "code_challenge": challenge(login.verifier),
            "code_challenge_method": "S256",
        }
        return Begun(login, f"{endpoint}{'&' if '?' in endpoint else '?'}{urlencode(said)}", browser)

    def finish(self, login: Login, redirect_uri: str, code: str, issuer: str) -> ProvenIdentity:
        """Who came back with this code; `Unauthenticated` says what does not fit."""
        metadata = self._discovered()
        told = bool(issuer) or metadata.authorization_response_iss_parameter_supported
        if told and issuer != self._settings.oidc_issuer:
            raise Unauthenticated("The answer is from another provider than the one that was asked; sign in again.")
        tokens = self._exchanged(metadata, login, redirect_uri, code)
        claims = self._verified(metadata, tokens.id_token, login.nonce)
        return self._identity(self._completed(metadata, claims, tokens.access_token))

    # The provider's documents

    def _discovered(self) -> _Metadata:
        with self._lock:
            now = self._clock()
            if self._metadata is None or now >= self._metadata_until:
                if now < self._retry_at:
                    raise Unreachable("the provider did not answer a moment ago")
                self._retry_at = now + _RETRY_SECONDS
                url = self._settings.oidc_issuer.rstrip("/") + "/.well-known/openid-configuration"
                self._metadata = self._checked(_read(self._fetched(url), _Metadata))
                self._metadata_until, self._retry_at = now + _KEEP_SECONDS, now
            return self._metadata

    def _checked(self, found: _Metadata) -> _Metadata:
        if found.issuer != self._settings.oidc_issuer:
            raise Unreachable("the discovery document names another issuer than oidc_issuer does")
        endpoints = (found.authorization_endpoint, found.token_endpoint, found.jwks_uri, found.userinfo_endpoint)
        scheme = urlsplit(self._settings.oidc_issuer).scheme
        for endpoint in filter(None, endpoints):
            parts = urlsplit(endpoint)
            if parts.scheme not in {scheme, "https"} or not parts.netloc or not endpoint.isascii():
                raise Unreachable("the discovery document names an endpoint that is no https URL")
            if not endpoint.isprintable() or parts.fragment:
                raise Unreachable("the discovery document names an endpoint that is no plain URL")
        return found

    def _key(self, metadata: _Metadata, header: Mapping[str, Any]) -> Mapping[str, Any]:
        """The provider's key that a token names; unknown ones are asked for at most once a minute."""
        with self._lock:
            now = self._clock()
            found = _chosen(self._keys, header) if now < self._keys_until else None
            if found is None and now >= self._keys_pause:
                self._keys_pause = now + _RETRY_SECONDS
                self._keys = _read(self._fetched(metadata.jwks_uri), _KeySet).keys[:_MAX_KEYS]
                self._keys_pause, self._keys_until = now + _PAUSE_SECONDS, now + _KEEP_SECONDS
                found = _chosen(self._keys, header)
        if found is None:
            raise Unauthenticated("The provider's ID token is signed with a key that the provider does not publish.")
        return found

    def _fetched(self, url: str, *headers: tuple[str, str]) -> bytes:
        answer = self._outbound.get(url, [("accept", "application/json"), *headers])
        if answer.status != _OK:
            raise _noted(f"the provider answered a question with status {answer.status}")
        return answer.body

    # Tokens

    def _exchanged(self, metadata: _Metadata, login: Login, redirect_uri: str, code: str) -> _Tokens:
        form = {
            "grant_type": "authorization_code",
            "code": code,
            "redirect_uri": redirect_uri,
            "code_verifier": login.verifier,
        }
        headers = [("accept", "application/json"), ("content-type", "application/x-www-form-urlencoded")]
        client, secret = self._settings.oidc_client_id, self._secret
        if secret and "client_secret_basic" in metadata.token_endpoint_auth_methods_supported:
            pair = f"{quote_plus(client)}:{quote_plus(secret)}"  # RFC 6749 §2.3.1
            headers.append(("authorization", "Basic " + base64.b64encode(pair.encode()).decode()))
        else:
            form |= {"client_id": client, **({"client_secret": secret} if secret else {})}
        answer = self._outbound.post(metadata.token_endpoint, urlencode(form).encode(), headers)
        if answer.status >= _SERVER_ERROR:
            raise _noted(f"the provider answered an exchange with status {answer.status}")
        if answer.status != _OK:
            log.warning("the provider refused to exchange a code, with status %s", answer.status)
            raise Unauthenticated("The provider did not accept the code that came back; sign in again.")
        return _read(answer.body, _Tokens)

    def _verified(self, metadata: _Metadata, token: str, nonce: str) -> Claims:
        try:
            header = jwt.get_unverified_header(token)
            algorithm = header.get("alg")
            if algorithm not in self._settings.oidc_algorithms:
                raise jwt.InvalidAlgorithmError
            claims = self._decoded(token, jwt.PyJWK({**self._key(metadata, header)}, algorithm))
        except jwt.PyJWTError as error:
            reason = next((words for kind, words in _WRONG if isinstance(error, kind)), "it cannot be read")
            raise Unauthenticated(f"The provider's ID token is not valid: {reason}.") from None
        if not hmac.compare_digest(str(claims["nonce"]).encode(), nonce.encode()):
            raise Unauthenticated("The provider's ID token is not valid: it is from another sign-in.")
        if not self._is_for_us(claims):
            raise Unauthenticated("The provider's ID token is not valid: it is for another application.")
        return claims

    def _decoded(self, token: str, key: jwt.PyJWK) -> Claims:
        return jwt.decode(
            token,
            key,
            algorithms=[key.algorithm_name],
            audience=self._settings.oidc_client_id,
            issuer=self._settings.oidc_issuer,
            leeway=_LEEWAY_SECONDS,
            options={"require": list(_REQUIRED), "enforce_minimum_key_length": True},
        )

    def _is_for_us(self, claims: Claims) -> bool:
        """OpenID Connect Core §3.1.3.7, items 3 to 5: of several audiences, we must be the authorized party."""
        audience, party = claims["aud"], claims.get("azp")
        if party is None:
            return isinstance(audience, str) or len(audience) == 1
        return party == self._settings.oidc_client_id

    def _completed(self, metadata: _Metadata, claims: Claims, access_token: str) -> Claims:
        """The claims, with those that the provider only tells at its userinfo endpoint (Core §5.3)."""
        known = self._settings.oidc_name_claim in claims
        if known or not metadata.userinfo_endpoint or not access_token.isascii() or not access_token.isprintable():
            return claims
        told = _read(self._fetched(metadata.userinfo_endpoint, ("authorization", f"Bearer {access_token}")), Claims)
        return {**told, **claims} if told.get("sub") == claims["sub"] else claims

    def _identity(self, claims: Claims) -> ProvenIdentity:
        claim, subject = self._settings.oidc_name_claim, claims["sub"]
        if not isinstance(subject, str) or not 0 < len(subject) <= _MAX_SUBJECT:
            raise Unauthenticated("The provider's ID token is not valid: it says nothing of who signed in.")
        if not (name := _name(claims.get(claim))):
            raise Unauthenticated(f"The provider does not tell a usable {claim}; an operator chooses oidc_name_claim.")
        verified = claims.get("email_verified") in (True, "true")
        if claim == "email" and self._settings.oidc_verified_email and not verified:
            raise Unauthenticated("The provider has not verified your email address; verify it there first.")
        return ProvenIdentity(
            issuer=self._settings.oidc_issuer,
            subject=subject,
            name=name,
            display_name=_name(claims.get("name")) or name,
            may_join=self._settings.oidc_create_users,
            may_link=self._settings.oidc_link_users,
        )


def _name(claim: object) -> str:
    """A claim that can be the name of a principal, or the empty string."""
    try:
        return principal_name(claim) if isinstance(claim, str) else ""
    except Invalid:
        return ""


def _chosen(keys: list[dict[str, Any]], header: Mapping[str, Any]) -> dict[str, Any] | None:
    """The signing key that a token's header names; without a name, the only one there is."""
    signing = [key for key in keys if key.get("use", "sig") == "sig" and key.get("alg", header["alg"]) == header["alg"]]
    if "kid" not in header:
        return signing[0] if len(signing) == 1 else None
    return next((key for key in signing if key.get("kid") == header["kid"]), None)


def _read(body: bytes, kind: type[Document]) -> Document:
    try:
        return msgspec.json.decode(body, type=kind)
    except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
        raise _noted("the provider's answer is not the JSON that was expected") from None


def _noted(reason: str) -> Unreachable:
    log.warning("single sign-on: %s", reason)
    return Unreachable(reason)
