"""Requests to MLflow's own tracking server: read, decided on all experiments that they touch, and taken there and back.

A request is never sent on as it came: it is written anew from what was read, so that what is done is what was decided.
Answers come back without what they must not tell, and name the places of artifacts as the client understands them.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from typing import Any, Final, Protocol, TypeVar, cast
from urllib.parse import parse_qsl, quote, urlencode

import msgspec

from modelyard.action import Ref
from modelyard.actions.experiments import (
    BindExperiment,
    CreateExperiment,
    DropExperiment,
    FindExperiment,
    ListExperiments,
    NoteTracked,
    ReadExperiment,
)
from modelyard.domain import experiments as rules
from modelyard.domain.access import Caller
from modelyard.domain.experiments import LOCATION, NOBODYS, TAG, Experiment
from modelyard.domain.privileges import Kind
from modelyard.domain.relays import Asked, Heard
from modelyard.errors import AlreadyExists, Failure, Invalid, Malformed, NotFound, TooLarge, Unavailable
from modelyard.surfaces import transfer
from modelyard.surfaces.graphs import question
from modelyard.surfaces.tracked import Tracking
from modelyard.surfaces.tracking.said import (
    Graph,
    InExperiment,
    NewExperiment,
    NewTrace,
    Searched,
    SearchedExperiments,
    SearchedTraces,
    Told,
)
from modelyard.surfaces.wire import JSON, AnyAction, Flow, Relay, Reply, encode

Done = TypeVar("Done")
Json = dict[str, Any]

_SEGMENTS: Final = re.compile(r"\{(\w+)(?::rest)?\}")
"""What is named in a path."""
MOST: Final = 16 << 20
"""Bytes of a request."""
_MOST_FIELDS: Final = 1_000
_AT_ONCE: Final = 1_000
"""How many experiments are asked for at once."""
_SERVER_ERROR: Final = 500
_PASSED: Final = frozenset({200, 400, 401, 403, 404, 409, 501})
"""Statuses that MLflow's clients do not repeat for minutes (protocol notes §1.0.3), and success."""
_HEADERS: Final = (("content-type", JSON),)
_SQL: Final = re.compile(rb"\[SQL|sqlalchemy|sqlite3|psycopg|Traceback", re.IGNORECASE)
_PLACES: Final = re.compile(
    rb'("(?:artifact_uri|artifact_location|mlflow\.artifactLocation)":\s*"|'
    rb'"key": "mlflow\.artifactLocation",\s*"value": ")' + re.escape(LOCATION).encode() + rb"/"
)
_TROUBLE: Final = encode(
    {"error_code": "INTERNAL_ERROR", "message": "The tracking server failed; the server's log says why."}
)
_KEPT: Final = frozenset({b"content-security-policy"})
_POLICY: Final = (
    b"default-src 'self' data: blob:; script-src 'self' 'unsafe-inline' 'unsafe-eval'; "
    b"style-src 'self' 'unsafe-inline'; "
    b"frame-ancestors 'none'; form-action 'self'; base-uri 'self'"
)
_PROVING: Final = b"""<script>
(() => {
  const shown = fetch("/session").then((answer) => answer.json()).then((found) => found.csrf_token || "");
  const ask = window.fetch;
  window.fetch = async (what, how = {}) => {
    const request = new Request(what, how);
    if (new URL(request.url).origin === location.origin) {
      request.headers.set("x-modelyard-csrf", await shown);
    }
    return ask(request);
  };
})();
</script>"""
"""What the page needs so that a cookie counts: the header that only a page of this very server can send."""
_EXISTS: Final = "RESOURCE_ALREADY_EXISTS"


class Asking(Protocol):
    """How the endpoint asks the gate, in the lane where it belongs."""

    async def do(self, action: AnyAction) -> Any:  # noqa: ANN401  the action's own result
        """What the gate answers to whoever has sent the request."""
        ...

    async def by_itself(self, chore: AnyAction) -> Any:  # noqa: ANN401  as above
        """What it answers to the server."""
        ...

    async def permit(self, invocation: AnyAction) -> Any:  # noqa: ANN401  as above
        """The same for an invocation, which counts for a second."""
        ...

    async def caller(self) -> Caller:
        """Who has sent it."""
        ...


@dataclass(frozen=True, slots=True)
class Call:
    """A request: what stands in its path and its query, who its client is, and how the gate is asked."""

    told: Mapping[str, str]
    query: str
    user_agent: str
    workspace_id: int
    gate: Asking

    @property
    def is_plain(self) -> bool:
        """Whether the client speaks to any MLflow server, and does not take this one for Databricks."""
        return self.user_agent.startswith("mlflow-") and "databricks-sdk" not in self.user_agent


class Relayer:
    """Answers relays."""

    def __init__(self, tracking: Tracking) -> None:
        self._tracking = tracking

    async def answer(self, row: Relay, call: Call, receive: transfer.Receive) -> Reply:
        """The answer to a request."""
        body = await _body(receive) if row.method != "GET" else b""
        try:
            said = _read(row, call, body)
            heard = await (self._handled(row, said, call) if self._tracking.is_ours else self._passed(row, said, call))
        except (Invalid, NotFound, TooLarge):
            await call.gate.caller()  # a stranger's bad request is answered as a stranger's
            raise
        return _told(heard, call)

    async def _passed(self, row: Relay, said: Told, call: Call) -> Heard:
        """The answer of a server whose things are not governed here, to anybody who is somebody here."""
        await call.gate.caller()
        return await self._tracking.ask(_written(row, said))

    async def _handled(self, row: Relay, said: Told, call: Call) -> Heard:
        match row.flow:
            case Flow.MADE:
                return await self._made(row, cast("NewExperiment", said), call)
            case Flow.NAMED:
                found: Experiment = await call.gate.do(row.decide(said))
                return await self._got(found.number)
            case Flow.LISTED:
                return await self._listed(row, cast("SearchedExperiments", said), call)
            case Flow.PAGE:
                await call.gate.do(row.decide(said))
                return _paged(await self._tracking.ask(_written(row, said)))
            case Flow.GRAPH:
                return await self._answered(row, cast("Graph", said), call)
            case _:
                return await self._decided(row, await self._at_home(said, call), call)

    async def _decided(self, row: Relay, said: Told, call: Call) -> Heard:
        if row.flow is Flow.NARROWED:
            narrowed = _narrowed(said, await call.gate.do(row.decide(said)))
            return await self._tracking.ask(_written(row, narrowed)) if narrowed else _EMPTY
        touched = list(dict.fromkeys(said.touches()))
        if not touched:
            await call.gate.caller()
            return _EMPTY
        refs = [Ref(Kind.EXPERIMENT, each) for each in touched]
        for ref in refs[1:] if row.command else refs:
            await call.gate.permit(row.decide(ref))
        for each in dict.fromkeys(said.reads()):
            await call.gate.permit(ReadExperiment(Ref(Kind.EXPERIMENT, each)))
        if row.command:
            await call.gate.do(row.command(said, refs[0]))
        home = await call.gate.permit(row.decide(refs[0])) if row.makes or isinstance(said, NewTrace) else None
        if isinstance(said, NewTrace) and home:
            await call.gate.by_itself(NoteTracked(said.claims(), home.id))
        heard = await self._tracking.ask(_written(row, said))
        if row.makes and home and heard.status == 200:  # noqa: PLR2004  as HTTP has it
            await call.gate.by_itself(NoteTracked(_reference(row, heard), home.id))
        return heard

    async def _answered(self, row: Relay, graph: Graph, call: Call) -> Heard:
        """The answer to a question of the page, decided as the same question in the words of clients."""
        asked = question(graph)
        said: Told | None = await self._at_home(asked.said, call)
        if isinstance(said, Searched):
            said = _narrowed(said, await call.gate.do(ListExperiments()))
        else:
            touched = list(dict.fromkeys(said.touches()))
            if not touched:
                raise Invalid("the question names nothing.")
            for each in touched:
                await call.gate.permit(row.decide(Ref(Kind.EXPERIMENT, each)))
        if said is None:
            return Heard(200, _JSON_HEAD, b'{"data":{"mlflowSearchRuns":{"runs":[]}}}')
        told = msgspec.structs.replace(graph, variables=asked.variables(said))
        return await self._tracking.ask(_written(row, told))

    # Experiments

    async def _at_home(self, said: Told, call: Call) -> Told:
        """What is said, with the caller's own experiment where it means the one of whoever names none."""
        if getattr(said, "experiment_id", None) == NOBODYS:
            return msgspec.structs.replace(said, experiment_id=await self._home(call))
        several: list[str] = getattr(said, "experiment_ids", None) or []
        if NOBODYS in several:
            home = await self._home(call)
            return msgspec.structs.replace(said, experiment_ids=[home if each == NOBODYS else each for each in several])
        if isinstance(said, NewTrace) and said.trace.trace_info.trace_location.experiment == NOBODYS:
            return _moved(said, await self._home(call))
        return said

    async def _home(self, call: Call) -> str:
        name = rules.home((await call.gate.caller()).principal.name)
        try:
            return (await call.gate.do(FindExperiment(name))).number
        except NotFound:
            return await self._make(CreateExperiment(name), NewExperiment(name), call)

    async def _made(self, row: Relay, said: NewExperiment, call: Call) -> Heard:
        if said.artifact_location:
            raise Invalid("artifacts are kept by this server: leave artifact_location out.")
        for tag in said.tags or ():
            rules.tag_key(tag.get("key") or "")
        return Heard(200, _JSON_HEAD, encode({"experiment_id": await self._make(row.decide(said), said, call)}))

    async def _make(self, create: AnyAction, said: NewExperiment, call: Call) -> str:
        """Make an experiment under a name that was taken here first; its number."""
        kept: Experiment = await call.gate.do(create)
        tags = [*(said.tags or ()), {"key": TAG, "value": kept.id}]
        heard = await self._tracking.ask(_posted("experiments/create", {"name": said.name, "tags": tags}))
        number = _field(heard, "experiment_id")
        if not number and _field(heard, "error_code") == _EXISTS:
            number = await self._left_behind(said.name, kept)
        if not number:
            await call.gate.by_itself(DropExperiment(kept.id))
            raise _failure(heard, f"Experiment '{rules.shown(said.name)}' already exists.")
        await call.gate.by_itself(BindExperiment(kept.id, number))
        return number

    async def _left_behind(self, name: str, kept: Experiment) -> str:
        """The number of an experiment that was made for the same keeping, whose answer nobody has got."""
        target = f"/api/2.0/mlflow/experiments/get-by-name?{urlencode({'experiment_name': name})}"
        found = _json(await self._tracking.ask(Asked("GET", target))).get("experiment", {})
        tags = {tag["key"]: tag["value"] for tag in found.get("tags", ())}
        return found["experiment_id"] if tags.get(TAG) == kept.id else ""

    async def _got(self, number: str) -> Heard:
        target = f"/api/2.0/mlflow/experiments/get?{urlencode({'experiment_id': number})}"
        return await self._tracking.ask(Asked("GET", target))

    async def _listed(self, row: Relay, said: SearchedExperiments, call: Call) -> Heard:
        """Those that the caller sees, with page tokens that count nothing else."""
        visible: frozenset[str] = await call.gate.do(row.decide(said))
        most, skipped = _page(said)
        found: list[Json] = []
        asked = msgspec.structs.replace(said, max_results=_AT_ONCE, page_token=None)
        while len(found) <= skipped + most:
            heard = await self._tracking.ask(_posted("experiments/search", msgspec.to_builtins(asked)))
            if heard.status != 200:  # noqa: PLR2004  as HTTP has it
                return heard
            page = _json(heard)
            found += [each for each in page.get("experiments", ()) if each["experiment_id"] in visible]
            if not page.get("next_page_token"):
                break
            asked = msgspec.structs.replace(asked, page_token=page["next_page_token"])
        told: Json = {"experiments": found[skipped : skipped + most]}
        if len(found) > skipped + most:
            told["next_page_token"] = str(skipped + most)
        return Heard(200, _JSON_HEAD, msgspec.json.format(encode(told), indent=2))


_JSON_HEAD: Final = ((b"content-type", JSON.encode()),)
_EMPTY: Final = Heard(200, _JSON_HEAD, b"{}")


def _narrowed(said: Told, visible: frozenset[str]) -> Told | None:
    """A search in those of the experiments that the caller sees; None where there are none."""
    if isinstance(said, SearchedTraces):
        places = [each for each in said.locations or () if each.experiment in visible]
        return msgspec.structs.replace(said, locations=places) if places else None
    several: list[str] = cast("Searched", said).experiment_ids or []
    left = [each for each in several if each in visible]
    return msgspec.structs.replace(said, experiment_ids=left) if left else None


def _moved(said: NewTrace, number: str) -> NewTrace:
    """A new trace in another experiment."""
    info = said.trace.trace_info
    place = msgspec.structs.replace(info.trace_location, mlflow_experiment=InExperiment(number))
    trace = msgspec.structs.replace(said.trace, trace_info=msgspec.structs.replace(info, trace_location=place))
    return msgspec.structs.replace(said, trace=trace)


def _page(said: SearchedExperiments) -> tuple[int, int]:
    """How many are asked for, and how many were told before."""
    most, token = said.max_results or _AT_ONCE, said.page_token or "0"
    if not 1 <= most <= 50_000 or not (token.isascii() and token.isdigit() and len(token) < 10):  # noqa: PLR2004
        raise Invalid("max_results must be from 1 to 50000, and page_token one that a page before has told.")
    return most, int(token)


# Reading and writing


async def _body(receive: transfer.Receive) -> bytes:
    pieces: list[bytes] = []
    size = 0
    async for piece in transfer.chunks(receive):
        size += len(piece)
        if size > MOST:
            raise TooLarge(f"a request to the tracking server has at most {MOST} bytes; send it in smaller batches.")
        pieces.append(piece)
    return b"".join(pieces)


def _read(row: Relay, call: Call, body: bytes) -> Told:
    """What a request says in its body, or in the query of a GET, and in any case in its path."""
    in_path = {name: call.told[name] for name in _SEGMENTS.findall(row.path)}
    try:
        if body and row.method != "GET":
            said = msgspec.json.decode(body, type=row.said, strict=False)
        else:
            said = msgspec.convert(_queried(row.said, call.query), row.said, strict=False)
        return cast("Told", msgspec.structs.replace(said, **in_path))
    except msgspec.ValidationError as error:
        raise Invalid(f"the request has a field of a wrong type: {error}") from None
    except (msgspec.DecodeError, RecursionError, UnicodeDecodeError):
        raise Malformed("the body is not JSON.") from None


def _queried(kind: type[msgspec.Struct], query: str) -> dict[str, Any]:
    """The fields in a query; those that are lists may be said several times."""
    try:
        pairs = parse_qsl(query, keep_blank_values=True, max_num_fields=_MOST_FIELDS, errors="strict")
    except ValueError:
        raise Invalid("the query cannot be read; percent-encode it as UTF-8.") from None
    found: dict[str, Any] = {}
    lists = _lists(kind)
    for name, value in pairs:
        if name in lists:
            found.setdefault(name, []).append(value)
        else:
            found[name] = value
    return found


def _lists(kind: type[msgspec.Struct]) -> frozenset[str]:
    return frozenset(each.name for each in msgspec.structs.fields(kind) if "list" in str(each.type))


def _written(row: Relay, said: Told) -> Asked:
    """The request as it is sent on."""
    told: Json = msgspec.to_builtins(said) if row.method == "GET" else {}
    target = row.target
    for name in re.findall(r"\{(\w+)\}", row.target):
        target = target.replace(
            f"{{{name}}}", quote(str(getattr(said, name)), safe="/" if row.flow is Flow.PAGE else "")
        )
        told.pop(name, None)
    if row.method == "GET":
        pairs = [(name, _text(each)) for name, value in told.items() for each in _many(value)]
        return Asked("GET", f"{target}?{urlencode(pairs)}" if pairs else target)
    return Asked(row.method, target, _HEADERS, encode(said))


def _many(value: object) -> Iterable[object]:
    return cast("list[object]", value) if isinstance(value, list) else (value,)


def _text(value: object) -> str:
    return str(value).lower() if isinstance(value, bool) else str(value)


def _posted(what: str, told: Json) -> Asked:
    return Asked("POST", f"/api/2.0/mlflow/{what}", _HEADERS, encode(told))


# Answers


def _json(heard: Heard) -> Json:
    try:
        found = msgspec.json.decode(heard.body)
    except msgspec.DecodeError:
        return {}
    return cast("Json", found) if isinstance(found, dict) else {}


def _field(heard: Heard, name: str) -> str:
    return str(_json(heard).get(name) or "")


def _failure(heard: Heard, exists: str) -> Failure:
    """Why an experiment was not made."""
    if heard.status >= _SERVER_ERROR:
        return Unavailable("the tracking server failed; ask again shortly.")
    if _field(heard, "error_code") == _EXISTS:
        return AlreadyExists(exists)
    return Invalid(_field(heard, "message") or "the tracking server refused it.")


def _reference(row: Relay, heard: Heard) -> str:
    """The reference of what an answer says is new."""
    begin, *keys = row.makes
    found: Any = _json(heard)
    for key in keys:
        found = found[key]
    return f"{begin}/{found}"


def _paged(heard: Heard) -> Heard:
    """A file of the page; the page itself learns how to prove that it asks, and runs in no other one's frame."""
    if heard.status == 404:  # noqa: PLR2004  as HTTP has it
        raise NotFound("MLflow's page has no such file.")
    kind = heard.header(b"content-type")
    if not kind.startswith(b"text/html"):
        return Heard(heard.status, ((b"content-type", kind), (b"cache-control", b"private, max-age=3600")), heard.body)
    headers = ((b"content-type", kind), (b"content-security-policy", _POLICY), (b"cache-control", b"no-store"))
    return Heard(heard.status, headers, heard.body.replace(b"<head>", b"<head>" + _PROVING, 1))


def _told(heard: Heard, call: Call) -> Reply:
    """An answer as the client gets it."""
    status, body = heard.status, heard.body
    if status not in _PASSED and status < _SERVER_ERROR:
        status = 400
    if status != 200 and (status >= _SERVER_ERROR or _SQL.search(body)):  # noqa: PLR2004  as HTTP has it
        body = _TROUBLE
    elif call.is_plain and LOCATION.encode() in body:
        body = _PLACES.sub(rb"\1mlflow-artifacts:/", body)
    kind = heard.header(b"content-type").decode("latin-1") or JSON
    kept = [(name.decode(), value.decode("latin-1")) for name, value in heard.headers if name in _KEPT]
    return Reply(status, body, (("content-type", kind), *kept, ("x-databricks-org-id", str(call.workspace_id))))
