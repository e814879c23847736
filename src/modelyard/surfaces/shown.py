"""What a request shows of who calls: a token, a signed URL, or a cookie. Nobody has looked yet whether it is good."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Final
from urllib.parse import unquote

from modelyard.domain.access import Bearer, Credential, Signed
from modelyard.surfaces import cookies
from modelyard.surfaces.wire import FILES_PREFIX, PROOF, Here, basic, signed_scope

if TYPE_CHECKING:
    from modelyard.surfaces.request import Request

_DIGITS: Final = re.compile(r"\d{1,15}\Z", re.ASCII)


def credential(request: Request, here: Here) -> Credential:
    """What a request shows of who calls: a token as Bearer or as Basic's password, else a signed URL or a cookie."""
    scheme, _, value = request.headers.get("authorization", "").partition(" ")
    match scheme.lower():
        case "bearer":
            return Bearer(value.strip())
        case "basic":
            return _basic(value)
        case "":
            return _signed(request) or cookies.session(request.method, request.headers, here)
        case _:
            return _signed(request)


def _basic(value: str) -> Credential:
    user, password = basic(value)
    return Bearer(password) if user == "token" else None


def _signed(request: Request) -> Credential:
    query = request.query
    signed = request.path.startswith(FILES_PREFIX + "/") and query.keys() >= PROOF
    if not signed or not _DIGITS.match(query["expires"]):
        return None
    others = tuple((name, value) for name, value in query.items() if name not in PROOF)
    path = unquote(request.path.removeprefix(FILES_PREFIX), errors="replace")
    scope = signed_scope(request.method, path, others)
    return Signed(query["principal"], scope, int(query["expires"]), query["signature"])
