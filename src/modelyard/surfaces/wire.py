"""What the tables of all protocols are made of: rows, replies, and how failures are told.

A row has no handler. It says how a request is read into an action and how a result is written; `http` does the rest.
"""

from __future__ import annotations

import base64
import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import Annotated, Any, Final, Protocol, TypeAlias
from urllib.parse import quote, urlencode

import msgspec

from modelyard.action import Action, Ref
from modelyard.domain.access import Credential, ProvenIdentity, sign
from modelyard.domain.deployment_jobs import VersionDeployment
from modelyard.domain.files import Entry, Link
from modelyard.domain.models import Tag, Version
from modelyard.domain.names import MAX_NAME, comment, tag_key, tag_value
from modelyard.domain.sessions import Begun, Login
from modelyard.errors import (
    AlreadyExists,
    Changed,
    Denied,
    Exhausted,
    Failure,
    Invalid,
    Malformed,
    NoSuchPrincipal,
    NoSuchRoute,
    NotFound,
    OutOfRange,
    TooLarge,
    TooLate,
    Unauthenticated,
    Unavailable,
    Undecided,
    WrongState,
)
from modelyard.surfaces.served import Serving
from modelyard.surfaces.stored import Bytes, Source, Writer

JSON: Final = "application/json"
FILES_PREFIX: Final = "/api/2.0/fs/files"
MAX_BODY: Final = 4 << 20
"""Bytes of a body of JSON, where a row does not say more."""
CREDENTIALS_MILLISECONDS: Final = 3_600_000
Number: TypeAlias = Annotated[int, msgspec.Meta(ge=0, le=2**53 - 1)]
"""A number of ours, or a time, which JSON and every database can hold."""
encode: Final = msgspec.json.encode


@dataclass(frozen=True, slots=True)
class Reply:
    """What goes back: a status, bytes, and headers besides Content-Length."""

    status: int = 200
    body: bytes = b"{}"
    headers: tuple[tuple[str, str], ...] = (("content-type", JSON),)


EMPTY: Final = Reply(204, b"", ())


@dataclass(frozen=True, slots=True)
class Here:
    """The server as the client sees it: its base URL, its ids, and the key of its signed URLs."""

    base_url: str
    metastore_id: str
    workspace_id: int
    signing_key: bytes
    presigned: bool = False
    user_agent: str = ""
    address: str = ""
    """Where the request came from, as far as the server can tell."""
    near: bool = False
    """Whether MLflow's `uc:` client asks from this very machine: it brings and fetches files through the exchange."""
    is_old: bool = False
    """Whether MLflow from before the Files API asks, and the server has a token service for such clients."""
    csrf_token: str = ""
    """What the page in this session shows beside its cookie; empty where no cookie proves who calls."""

    def url(self, link: Link) -> str:
        """A link's address, signed."""
        scope = signed_scope(link.method, link.path, link.query)
        signature = sign(self.signing_key, link.principal_id, scope, link.expires_at)
        proof = (
            ("principal", link.principal_id),
            ("expires", str(link.expires_at)),
            ("signature", signature),
        )
        return f"{self.base_url}{FILES_PREFIX}{quote(link.path)}?{urlencode([*link.query, *proof])}"


PROOF: Final = frozenset({"principal", "expires", "signature"})
"""The parameters that a signed URL has besides its own."""


def signed_scope(method: str, path: str, query: tuple[tuple[str, str], ...]) -> str:
    """What a signature covers: the method, the file's path under its prefix, and what else the URL says, in order."""
    return f"{method} {FILES_PREFIX}{path}?{urlencode(query)}"


# How failures are told

STATUS: Final[dict[type[Failure], tuple[int, str]]] = {
    Failure: (500, "INTERNAL_ERROR"),
    Invalid: (400, "INVALID_PARAMETER_VALUE"),
    Malformed: (400, "MALFORMED_REQUEST"),
    WrongState: (400, "INVALID_STATE"),
    Unauthenticated: (401, "UNAUTHENTICATED"),
    Denied: (403, "PERMISSION_DENIED"),
    NotFound: (404, "RESOURCE_DOES_NOT_EXIST"),
    NoSuchPrincipal: (404, "PRINCIPAL_DOES_NOT_EXIST"),
    NoSuchRoute: (404, "ENDPOINT_NOT_FOUND"),
    AlreadyExists: (400, "RESOURCE_ALREADY_EXISTS"),
    Changed: (409, "ABORTED"),
    TooLarge: (400, "INVALID_PARAMETER_VALUE"),
    OutOfRange: (416, "INVALID_PARAMETER_VALUE"),
    Undecided: (409, "UNKNOWN"),
    Unavailable: (503, "TEMPORARILY_UNAVAILABLE"),
    Exhausted: (429, "RESOURCE_EXHAUSTED"),
    TooLate: (504, "DEADLINE_EXCEEDED"),
}
"""The status and code of each failure; one that is not here is told as its nearest ancestor.

MLflow's client repeats every status outside {400, 401, 403, 404, 409, 499, 501} for minutes, so no other 4xx is sent
but 412 and 416, which only readers of files ask for (protocol notes §1.0.3), and 429 to those who ask for predictions.
"""


def told_as(failure: Failure, table: Mapping[type[Failure], tuple[int, str]]) -> tuple[int, str]:
    """The status and code of a failure."""
    return next(table[kind] for kind in type(failure).__mro__ if kind in table)


def blame(failure: Failure) -> Reply:
    """`{"error_code", "message"}`, as Databricks and Unity Catalog tell failures."""
    return told(failure, STATUS)


def told(failure: Failure, table: Mapping[type[Failure], tuple[int, str]]) -> Reply:
    """A failure in the common envelope, by a protocol's own table of codes."""
    status, code = told_as(failure, table)
    headers: tuple[tuple[str, str], ...] = (("content-type", JSON),)
    if isinstance(failure, Unauthenticated):
        headers += (("www-authenticate", "Bearer"),)
    if isinstance(failure, Unavailable) and not isinstance(failure, TooLate):
        headers += (("retry-after", str(failure.seconds)),)
    if isinstance(failure, OutOfRange):
        headers += (("content-range", f"bytes */{failure.size}"),)
    return Reply(status, encode({"error_code": code, "message": failure.message}), headers)


EXPIRED: Final = Reply(
    403,
    b"<Error><Code>AccessDenied</Code><Message>Request has expired</Message></Error>",
    (("content-type", "application/xml"),),
)
"""What the Databricks SDK reads as "ask for a fresh URL", word for word."""


# Rows

Said: TypeAlias = Any
"""A typed model of the wire: an instance of the row's `said`."""

AnyAction: TypeAlias = Action[Any, Any]


@dataclass(frozen=True, slots=True)
class Translation:
    """A request that is read into one action, and its result that is written as JSON (or as a whole `Reply`)."""

    method: str
    path: str
    said: type[msgspec.Struct]
    read: Callable[[Said], AnyAction]
    write: Callable[[Any, Here], object] = lambda _result, _here: {}
    blame: Callable[[Failure], Reply] = blame
    doing: str = ""
    """The value of the query parameter `action` that tells rows of one path apart."""
    hears: tuple[tuple[str, str], ...] = ()
    """Headers that say something: their names in lower case, and the fields of `said` that they fill."""
    older: tuple[str, ...] = ()
    """Addresses of the same in older versions of the protocol; `said` may hear of it as `is_older`."""
    settles: bool = False
    """Whether what serves follows the change before the answer goes out."""
    near: Joining | None = None
    """The row for a client whose `Here` is near, where that client is served in another way."""
    old: Joining | None = None
    """The row for a client whose `Here` is old, likewise."""
    tell: Callable[[Said, Any, Here], object] | None = None
    """In place of `write`, where the answer also depends on what was said: on the name by which a thing was called."""
    repeats: tuple[str, ...] = ()
    """Fields that are lists, which a query says by naming them again and again."""


@dataclass(frozen=True, slots=True)
class Form:
    """A form (`application/x-www-form-urlencoded`) that says itself who calls, as OAuth's clients do.

    The query of its address says nothing, since addresses are kept in logs.
    """

    method: str
    path: str
    said: type[msgspec.Struct]
    proof: Callable[[Said], Credential]
    """What it shows of who calls."""
    read: Callable[[Said], AnyAction]
    write: Callable[[Any, Here], object]
    blame: Callable[[Failure], Reply] = blame
    hears: tuple[tuple[str, str], ...] = ()
    """As of a `Translation`."""
    doing: str = ""


@dataclass(frozen=True, slots=True)
class Public:
    """A constant that anybody may read: discovery and health, and nothing that depends on data."""

    method: str
    path: str
    write: Callable[[Here], object]
    check: bool = False
    """Whether the database is asked first, so that a failure is told."""
    doing: str = ""


@dataclass(frozen=True, slots=True)
class Arrival:
    """Bytes that stream in: asked for first, then brought into the store, then kept by a second action."""

    method: str
    path: str
    said: type[msgspec.Struct]
    ask: Callable[[Said], AnyAction]
    open: Callable[[Bytes, Said, Any, int | None], Writer]
    """What takes the bytes in; it also gets what `ask` gave, and their number where the client says it."""
    keep: Callable[[Said, Any], AnyAction] | None
    write: Callable[[Any], Reply]
    blame: Callable[[Failure], Reply] = blame
    doing: str = ""


@dataclass(frozen=True, slots=True)
class Once:
    """How work is done once, however often it is asked for while it is under way."""

    key: Callable[[Any], str]
    """What the work is about, from what `ask` gave; empty where nothing is left to do."""
    claim: Callable[[str, str], AnyAction]
    """Takes the lease on a key, or holds it for longer, for the holder that is named; it gives whether it could."""
    release: Callable[[str, str], AnyAction]
    """Gives the lease back."""


@dataclass(frozen=True, slots=True)
class Joining:
    """Work on bytes that are here already, between an action that allows it and one that keeps it."""

    method: str
    path: str
    said: type[msgspec.Struct]
    ask: Callable[[Said], AnyAction]
    move: Callable[[Bytes, Said, Any], Any]
    """The work; it also gets what `ask` gave."""
    keep: Callable[[Said, Any], AnyAction] | None = None
    after: Callable[[Bytes, Any, Any], None] = lambda _bytes, _asked, _result: None
    """What is tidied up once all is committed; it gets what `ask` gave, and what is going to be written."""
    write: Callable[[Any, Here], object] = lambda _result, _here: {}
    blame: Callable[[Failure], Reply] = blame
    doing: str = ""
    most: int = MAX_BODY
    """Bytes of the body."""
    once: Once | None = None
    """For work that may take longer than clients wait: whoever asks again joins what is under way."""
    near: Joining | None = None
    """As of a `Translation`."""
    tell: Callable[[Said, Any, Here], object] | None = None
    """As of a `Translation`."""
    older: tuple[str, ...] = ()
    """As of a `Translation`."""


@dataclass(frozen=True, slots=True)
class Departure:
    """Bytes that stream out: the action finds the `Entry`, `http` sends it, whole or in part."""

    method: str
    path: str
    said: type[msgspec.Struct]
    read: Callable[[Said], Action[Any, Any]]
    entry: Callable[[Any], Entry] = lambda found: found
    """The entry, where the action gives something that has one."""
    source: Callable[[Bytes, Any], Source] = lambda store, _found: store
    """What opens it; it also gets what the action gave."""
    blame: Callable[[Failure], Reply] = blame
    doing: str = ""


@dataclass(frozen=True, slots=True)
class Consult:
    """A question that the gate allows, and that what runs here answers: metrics, logs."""

    method: str
    path: str
    said: type[msgspec.Struct]
    read: Callable[[Said], AnyAction]
    look: Callable[[Serving, Any], object]
    """The answer as JSON values (or as a whole `Reply`); it also gets what the action gave."""
    blame: Callable[[Failure], Reply] = blame
    doing: str = ""
    media: str = JSON
    """What a `Reply` holds, for the OpenAPI document."""


@dataclass(frozen=True, slots=True)
class Prediction:
    """Bytes that a model answers, once an invocation was allowed: `invocations` takes them there and back."""

    method: str
    path: str
    said: type[msgspec.Struct]
    read: Callable[[Said], AnyAction]
    blame: Callable[[Failure], Reply] = blame
    doing: str = ""


class Flow(StrEnum):
    """How a request to MLflow's own server is handled, once it is read."""

    PLAIN = "plain"
    """Decided on everything that it names, and sent on."""
    NARROWED = "narrowed"
    """A search, which is limited to the experiments that the caller sees."""
    LISTED = "listed"
    """A search for experiments, of which those that the caller sees are told."""
    MADE = "made"
    """A new experiment, which is kept here first."""
    NAMED = "named"
    """An experiment that is asked for by its name."""
    PAGE = "page"
    """A file of MLflow's page, which is the same for everybody who is somebody here."""
    GRAPH = "graph"
    """A question of that page in GraphQL."""


@dataclass(frozen=True, slots=True)
class Relay:
    """A request that MLflow's own server answers: `relays` takes it there, as far as the gate lets it through."""

    method: str
    path: str
    said: type[msgspec.Struct]
    target: str
    """The path on that server, with the same parameters in braces."""
    decide: Callable[[Any], AnyAction]
    """What is decided on each experiment that a plain request touches; for other flows, what is asked of the gate."""
    flow: Flow = Flow.PLAIN
    command: Callable[[Said, Ref], AnyAction] | None = None
    """What changes here, before it does there."""
    makes: tuple[str, ...] = ()
    """Where the answer has the id of something new: the begin of its reference, and keys one inside the other."""
    blame: Callable[[Failure], Reply] = blame
    doing: str = ""


@dataclass(frozen=True, slots=True)
class Entrance:
    """A door for people who have yet to prove who they are, by way of the sign-in provider.

    First a chore of the server, then a question to the provider while no transaction is open, then an action with
    the credential that came of it. Whatever proves nothing is handed to the gate as `refused`, which records it.
    """

    method: str
    path: str
    said: type[msgspec.Struct]
    before: Callable[[Said, Here], AnyAction] | None
    call: Callable[[SignOn, Said, Any, Here], Any]
    """The question; it also gets what `before` gave."""
    after: Callable[[Any], tuple[AnyAction, Credential]]
    write: Callable[[Any, Any, Here], Reply]
    refused: Callable[[], AnyAction]
    blame: Callable[[Failure], Reply] = blame
    doing: str = ""
    hears: tuple[tuple[str, str], ...] = (("cookie", "cookie"),)


Row: TypeAlias = Translation | Form | Public | Arrival | Joining | Departure | Consult | Prediction | Relay | Entrance


class SignOn(Protocol):
    """The sign-in provider, as far as rows see it; the composition root brings the real one."""

    def begin(self, redirect_uri: str, return_to: str, browser: str) -> Begun:
        """Begin a sign-in of a browser."""
        ...

    def finish(self, login: Login, redirect_uri: str, code: str, issuer: str) -> ProvenIdentity:
        """Who came back with a code; `Unauthenticated` for what proves nothing."""
        ...


# Words that several protocols share


class Pair(msgspec.Struct, frozen=True):
    """A tag as the wire writes it."""

    key: str
    value: str | None = None

    def tag(self) -> Tag:
        """The tag, checked."""
        return Tag(tag_key(self.key), tag_value(self.value or ""))


class Nothing(msgspec.Struct, frozen=True):
    """A request that says nothing."""


def tags(pairs: list[Pair] | None) -> tuple[Tag, ...]:
    """Tags, checked, each key once (the last one wins)."""
    return tuple({pair.key: pair.tag() for pair in pairs or []}.values())


def text(value: str | None) -> str:
    """A comment, checked; left out is empty."""
    return comment(value or "")


def basic(value: str) -> tuple[str, str]:
    """The name and the password in HTTP Basic (RFC 7617), or two empty texts for what is none."""
    try:
        name, _, password = base64.b64decode(value.strip(), validate=True).decode().partition(":")
    except ValueError:
        return "", ""
    return name, password


def short(value: str | None) -> str:
    """An id that somebody else has made: any text of at most 255 characters; left out is empty."""
    if value and len(value) > MAX_NAME:
        raise Invalid(f"an id has at most {MAX_NAME} characters, this one has {len(value)}.")
    return text(value)


def with_digest(told: Mapping[str, object], version: Version) -> Reply:
    """An answer about one version, with its manifest's digest as entity tag (RFC 9110 §8.8.3) once it is READY."""
    headers = (("content-type", JSON),)
    if version.digest:
        headers += (("etag", f'"{version.digest}"'),)
    return Reply(200, encode(told), headers)


def tag_dicts(given: tuple[Tag, ...]) -> list[dict[str, str]]:
    """Tags as the wire writes them."""
    return [{"key": tag.key, "value": tag.value} for tag in given]


def deployment_dict(found: VersionDeployment) -> dict[str, str]:
    """How far a version's deployment is, as the wire writes it."""
    return {
        "job_id": found.job_id,
        "run_id": found.run_id,
        "job_state": found.job_state.value,
        "run_state": found.run_state.value,
        "current_task_name": found.task,
    }


def stored_by_default() -> dict[str, object]:
    """Temporary credentials of no cloud: the client is to use signed URLs of the Files API, for an hour."""
    until = int(time.time() * 1000) + CREDENTIALS_MILLISECONDS
    return {"storage_mode": "DEFAULT_STORAGE", "expiration_time": until}
