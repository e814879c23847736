"""OAuth 2.0 for machines: `/oidc/*`, where a service principal's secret buys a token for an hour (notes §1.d).

Failures are told as RFC 6749 §5.2 says. Only `client_credentials` is known, and only the scope `all-apis`.
"""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.actions import credentials
from modelyard.actions.credentials import TOKEN_SECONDS
from modelyard.domain.access import ClientSecret, NewToken
from modelyard.errors import Failure, Invalid, Unauthenticated, Unavailable, UnknownGrant, UnknownScope
from modelyard.surfaces.wire import JSON, STATUS, Form, Here, Public, Reply, Row, basic, encode, told_as

PREFIX: Final = "/oidc"
GRANT: Final = "client_credentials"
SCOPE: Final = "all-apis"
_ERRORS: Final[dict[type[Failure], tuple[int, str]]] = {
    **{kind: (status, "server_error") for kind, (status, _) in STATUS.items()},
    **{kind: (status, "invalid_request") for kind, (status, _) in STATUS.items() if status == 400},  # noqa: PLR2004
    Unauthenticated: (401, "invalid_client"),
    UnknownGrant: (400, "unsupported_grant_type"),
    UnknownScope: (400, "invalid_scope"),
    Unavailable: (503, "temporarily_unavailable"),
}


def blame(failure: Failure) -> Reply:
    """Failures as OAuth tells them."""
    status, error = told_as(failure, _ERRORS)
    headers: tuple[tuple[str, str], ...] = (("content-type", JSON),)
    if isinstance(failure, Unauthenticated):
        headers += (("www-authenticate", 'Basic realm="modelyard"'),)
    if isinstance(failure, Unavailable):
        headers += (("retry-after", "1"),)
    return Reply(status, encode({"error": error, "error_description": failure.message}), headers)


class Asked(msgspec.Struct, frozen=True):
    """What a client asks for, and shows of itself."""

    grant_type: str = ""
    scope: str = ""
    client_id: str = ""
    client_secret: str = ""
    authorization: str = ""
    authorization_details: str = ""
    assume_group: str = ""

    def __repr__(self) -> str:
        """Nothing of the secret."""
        return f"Asked({self.grant_type!r}, {self.scope!r}, …)"


def _proof(said: Asked) -> ClientSecret:
    """The client's id and secret: by HTTP Basic, else in the form (RFC 6749 §2.3.1)."""
    scheme, _, value = said.authorization.partition(" ")
    if scheme.lower() == "basic":
        return ClientSecret(*basic(value))
    return ClientSecret(said.client_id, said.client_secret)


def _issue(said: Asked) -> credentials.IssueToken:
    if said.grant_type != GRANT:
        raise UnknownGrant(f"grant_type must be {GRANT}; people sign in with tokens of their own.")
    if said.scope.split() != [SCOPE]:
        raise UnknownScope(f"scope must be {SCOPE}; no narrower tokens are given.")
    if said.authorization_details or said.assume_group:
        raise Invalid("authorization_details and assume_group are not known here; leave them out.")
    return credentials.IssueToken(_proof(said).client_id)


def _token(made: NewToken, _here: Here) -> object:
    return {"access_token": made.secret, "token_type": "Bearer", "expires_in": TOKEN_SECONDS, "scope": SCOPE}


def _metadata(here: Here) -> object:
    """What OAuth's clients look up first (RFC 8414)."""
    issuer = f"{here.base_url}{PREFIX}"
    return {
        "issuer": issuer,
        "token_endpoint": f"{issuer}/v1/token",
        "grant_types_supported": [GRANT],
        "response_types_supported": [],
        "scopes_supported": [SCOPE],
        "token_endpoint_auth_methods_supported": ["client_secret_basic", "client_secret_post"],
    }


ROWS: Final[tuple[Row, ...]] = (
    Public("GET", f"{PREFIX}/.well-known/oauth-authorization-server", _metadata),
    Public("GET", f"{PREFIX}/.well-known/openid-configuration", _metadata),
    Form(
        "POST",
        f"{PREFIX}/v1/token",
        Asked,
        proof=_proof,
        read=_issue,
        write=_token,
        blame=blame,
        hears=(("authorization", "authorization"),),
    ),
)
