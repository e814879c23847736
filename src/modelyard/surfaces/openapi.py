"""The OpenAPI 3.1 document: every route there is, made from the tables of the surfaces and from nothing else.

`x-action` names the actions that a route leads to and `x-needs` what each of them needs, so that a client, and a test,
can know who is let through. Rows that share method and path are told apart by the query parameter `action`; they are
one operation here, as OpenAPI wants it, and `x-variants` says which value leads to which action.
"""

from __future__ import annotations

import inspect
import re
import sys
from collections.abc import Iterable, Mapping
from functools import cache
from types import ModuleType
from typing import Any, Final, TypeAlias, cast

import msgspec

from modelyard import __version__
from modelyard.errors import (
    AlreadyExists,
    Changed,
    Denied,
    Failure,
    Invalid,
    LinkExpired,
    NotFound,
    OutOfRange,
    Unauthenticated,
    Unavailable,
)
from modelyard.surfaces import wire
from modelyard.surfaces.reach import Kind, actions_of, functions_of
from modelyard.surfaces.wire import (
    JSON,
    Arrival,
    Consult,
    Departure,
    Entrance,
    Flow,
    Form,
    Joining,
    Prediction,
    Public,
    Relay,
    Reply,
    Row,
    Translation,
    encode,
)

Json: TypeAlias = dict[str, Any]

PATH: Final = "/api/2.0/modelyard/openapi.json"
BYTES: Final = "application/octet-stream"
FORM: Final = "application/x-www-form-urlencoded"
_REFERENCE: Final = "#/components/schemas/{name}"
_NOTES: Final = re.compile(r" \([^()]*§[^()]*\)")
_WORD: Final = re.compile(r"[A-Za-z0-9]+")
_FAILURES: Final = (Invalid, Unauthenticated, Denied, LinkExpired, NotFound, AlreadyExists, Changed, Unavailable)
_FAILURES_OF_FORMS: Final = (Invalid, Unauthenticated, Changed, Unavailable)
"""A form asks for nothing that could be denied or missing: it says who calls, or it does not."""

_BROUGHT: Final = frozenset({"authorization", "cookie"})
"""Headers that are no parameters: a security scheme describes one, and browsers bring the other by themselves."""

_ABOUT: Final = """\
Modelyard speaks the protocols of MLflow, Unity Catalog and Databricks, and has a few routes of its own.

Every route leads to the actions in `x-action`. What an action needs is in `x-needs`: the caller must hold each
privilege on the securable that the request names, and `USE CATALOG` and `USE SCHEMA` on the way there. Failures are
told in one envelope for each protocol. Fields that are not known are passed over, and what stands here as a query
parameter of DELETE may also be said in a JSON body, as MLflow's client does. In a path that names a file, slashes part
folders, percent-encoded or not.
"""


def with_document(rows: Iterable[Row]) -> tuple[Row, ...]:
    """The rows, and one more that shows anybody the document of them all."""

    @cache
    def written() -> msgspec.Raw:
        return msgspec.Raw(encode(document(described)))

    described = (*rows, Public("GET", PATH, lambda _here: written()))
    return described


def document(rows: Iterable[Row]) -> Json:
    """The document of some rows."""
    there = tuple(rows)
    shapes = _Shapes(there)
    paths: dict[str, Json] = {}
    for row in there:
        operations = paths.setdefault(path_of(row), {})
        operation, method = _operation(row, shapes), row.method.lower()
        operations[method] = _joined(operations[method], operation) if method in operations else operation
    return {
        "openapi": "3.1.0",
        "info": {
            "title": "Modelyard",
            "version": __version__,
            "summary": "A self-hosted, governed home for MLflow models.",
            "description": _ABOUT,
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "servers": [{"url": "/"}],
        "security": [{"bearer": []}, {"basic": []}],
        "tags": _tags(there),
        "paths": paths,
        "components": {
            "securitySchemes": {
                "bearer": {"type": "http", "scheme": "bearer", "description": "A token."},
                "basic": {"type": "http", "scheme": "basic", "description": "The user `token`, a token as password."},
                "client": {"type": "http", "scheme": "basic", "description": "A service principal's id and secret."},
            },
            "responses": shapes.responses,
            "schemas": {**shapes.used(paths), **shapes.failures},
        },
    }


def path_of(row: Row) -> str:
    """A row's path as OpenAPI writes it."""
    return row.path.replace(":rest}", "}")


# An operation


def _operation(row: Row, shapes: _Shapes) -> Json:
    kinds = actions_of(row)
    sentences = [_doc(kind) for kind in kinds] or [_doc(_own(row))]
    operation: Json = {
        "operationId": _operation_id(row),
        "tags": [_tag(row)],
        "summary": " / ".join(each.rstrip(".") for each in sentences),
        "description": "\n".join(f"* `{kind.__name__}`: {_passing(kind)}" for kind in kinds) or sentences[0],
        **_request(row, shapes),
        "responses": {**_successes(row), **shapes.refusals(row)},
        "x-action": [kind.__name__ for kind in kinds],
        "x-needs": {kind.__name__: _needs(kind) for kind in kinds},
    }
    if isinstance(row, Form):
        operation["security"] = [{"client": []}, {}]  # the form may say in its own words who calls
    elif isinstance(row, Public | Entrance):
        operation["security"] = []
    if row.doing:
        operation["x-variants"] = {row.doing: operation["x-action"]}
    return operation


def _doc(thing: object) -> str:
    """What something is, in one sentence; where that is noted is for those who read the code."""
    return _NOTES.sub("", (inspect.getdoc(thing) or "").partition("\n")[0])


def _passing(kind: Kind) -> str:
    """What lets a caller through, for people."""
    if kind.open_to:
        return f"open to {kind.open_to}."
    return "needs " + " and ".join(f"{need.privilege.words} on the {need.on}" for need in kind.needs) + "."


def _needs(kind: Kind) -> list[Json]:
    return [
        {"privilege": need.privilege.value, "on": need.on, "metadata": need.metadata, "creates": bool(need.naming)}
        for need in kind.needs
    ]


def _operation_id(row: Row) -> str:
    """Made of method and path, so that it stays when the code moves: `getUnityCatalogModelsByFullName`."""
    path = re.sub(r"^/api/(?:2\.\d|1\.0)", "", path_of(row)).replace("{", "by-")
    if path.endswith("/") and path != "/":
        path += "slash"  # the same address twice, for clients that write it so
    return row.method.lower() + "".join(word[0].upper() + word[1:] for word in _WORD.findall(path))


def _successes(row: Row) -> Json:
    """What goes well; with which status, and whether with a body, only a row's functions know."""
    if row.method == "HEAD":
        return {"2XX": {"description": "It is there; the headers tell the rest."}}
    if isinstance(row, Departure):
        whole = {"schema": {"type": "string", "contentMediaType": BYTES}}
        return {"2XX": {"description": "The bytes, whole or in part.", "content": {BYTES: whole}}}
    if isinstance(row, Entrance):
        location = {"location": {"description": "Where.", "schema": {"type": "string", "format": "uri"}}}
        return {"303": {"description": "The browser is sent on.", "headers": location}}
    if isinstance(row, Relay) and row.flow is Flow.PAGE:
        return {"2XX": {"description": "A file of MLflow's page.", "content": {"*/*": {"schema": {"type": "string"}}}}}
    if isinstance(row, Consult) and row.media != JSON:
        return {"2XX": {"description": "Done.", "content": {row.media: {"schema": {"type": "string"}}}}}
    done = {"2XX": {"description": "Done.", "content": {JSON: {"schema": {"type": "object"}}}}}
    return done if row.method == "GET" else {**done, "204": {"description": "Done, and nothing to tell."}}


def _joined(first: Json, second: Json) -> Json:
    """Two rows of one method and path, as one operation with a parameter that tells them apart."""
    plain = [each["x-action"] for each in (first, second) if "x-variants" not in each]
    variants = {**first.get("x-variants", {}), **second.get("x-variants", {})}
    bodies = [each["requestBody"] for each in (first, second) if "requestBody" in each]
    if bodies[1:] and bodies[0] != bodies[1]:
        raise ValueError(f"the rows of {first['operationId']} take different bodies, which one operation cannot say")
    joined = {
        **first,
        "summary": f"{first['summary']} / {second['summary']}",
        "description": f"{first['description']}\n{second['description']}",
        "parameters": _union(first["parameters"], second["parameters"]),
        "x-action": [*first["x-action"], *second["x-action"]],
        "x-needs": {**first["x-needs"], **second["x-needs"]},
        "x-variants": {**({"": plain[0]} if plain else {}), **variants},
    }
    return {**joined, "requestBody": bodies[0]} if bodies else joined


def _union(first: list[Json], second: list[Json]) -> list[Json]:
    """The parameters of either; what only one of them knows, or may be left out of one, is not required."""
    found: dict[str, Json] = {each["name"]: each for each in first}
    others = {each["name"]: each for each in second}
    for name in dict.fromkeys([*found, *others]):
        one, other = found.get(name), others.get(name)
        if one and other:
            found[name] = {**one, "schema": _either(one["schema"], other["schema"])}
        elif only := one or other:
            found[name] = {**only, "required": False}
    return list(found.values())


def _either(one: Json, other: Json) -> Json:
    return {"type": "string", "enum": [*one["enum"], *other["enum"]]} if "enum" in one and "enum" in other else one


# What a request says


def _request(row: Row, shapes: _Shapes) -> Json:
    """The parameters of a row, and its body, if it takes one."""
    if isinstance(row, Public):
        return {"parameters": []}
    hears = row.hears if isinstance(row, Translation | Form | Entrance) else ()
    heard = {name: header for header, name in hears}
    in_path = re.findall(r"\{(\w+)\}", path_of(row))
    said = shapes.fields(row.said)
    in_body = {name: schema for name, schema in said.items() if name not in heard and _in_body(row, schema)}
    parameters = [_parameter(name, "path", said.get(name, {"type": "string"})) for name in in_path]
    if row.doing:
        parameters.append({**_parameter("action", "query", {"type": "string", "enum": [row.doing]}), "required": True})
    for name, schema in said.items():
        if name in heard:
            if heard[name] not in _BROUGHT:
                parameters.append(_parameter(heard[name], "header", schema))
        elif name not in in_path and name not in in_body and _is_flat(schema):
            parameters.append(_parameter(name, "query", schema))
    body = {name: schema for name, schema in in_body.items() if name not in in_path}
    return {"parameters": parameters, **_body(row, body)}


def _in_body(row: Row, schema: Json) -> bool:
    """Whether a field is said in the body: of work on uploads only what a query cannot hold (notes §1.c)."""
    match row:
        case Translation():
            return row.method in {"POST", "PUT", "PATCH"}
        case Form():
            return True
        case Joining():
            return not _is_flat(schema)
        case _:
            return False


def _body(row: Row, properties: Json) -> Json:
    if isinstance(row, Arrival):
        whole = {"schema": {"type": "string", "contentMediaType": BYTES}}
        return {"requestBody": {"required": True, "content": {BYTES: whole}}}
    if isinstance(row, Prediction):
        return {"requestBody": {"required": True, "content": {JSON: {"schema": {"type": "object"}}}}}
    if not properties:
        return {}
    content = {FORM if isinstance(row, Form) else JSON: {"schema": {"type": "object", "properties": properties}}}
    return {"requestBody": {"required": isinstance(row, Translation | Form), "content": content}}


def _parameter(name: str, where: str, schema: Json) -> Json:
    return {"name": name, "in": where, "required": where == "path", "schema": _said(schema)}


def _said(schema: Json) -> Json:
    """A field's schema as text can say it: null is said by leaving it out."""
    options = [option for option in schema.get("anyOf", ()) if option.get("type") != "null"]
    kept = {name: value for name, value in schema.items() if not (name == "default" and value in (None, ""))}
    if not options:
        return kept
    del kept["anyOf"]
    return {**kept, **options[0]} if len(options) == 1 else {**kept, "anyOf": options}


def _is_flat(schema: Json) -> bool:
    """Whether text can say it."""
    options: list[Json] = schema.get("anyOf", [schema])
    return not any("$ref" in option or option.get("type") in {"array", "object"} for option in options)


# Protocols


def _own(row: Row) -> ModuleType:
    """The protocol that a row belongs to: the module, or the package, that its functions are from."""
    homes = (function.__module__ for function in functions_of(row))
    return sys.modules[".".join(next(home for home in homes if home != wire.__name__).split(".")[:3])]


def _tag(row: Row) -> str:
    return _own(row).__name__.rpartition(".")[2]


def _tags(rows: Iterable[Row]) -> list[Json]:
    found = {_tag(row): _doc(_own(row)) for row in rows}
    return [{"name": name, "description": text} for name, text in found.items()]


# Shapes that operations share


class _Shapes:
    """The types of the wire as JSON Schema, and the refusals of each protocol."""

    def __init__(self, rows: Iterable[Row]) -> None:
        kinds = list(dict.fromkeys(row.said for row in rows if not isinstance(row, Public)))
        schemas, self._components = msgspec.json.schema_components(kinds, ref_template=_REFERENCE)
        self._tops = dict(zip(kinds, schemas, strict=True))
        self.responses: dict[str, Json] = {}
        self.failures: dict[str, Json] = {}

    def fields(self, kind: type[msgspec.Struct]) -> dict[str, Json]:
        """The fields of a request, as the wire names them."""
        name = cast("str", self._tops[kind]["$ref"]).rpartition("/")[2]
        return {field: self._written_out(schema) for field, schema in self._components[name]["properties"].items()}

    def _written_out(self, schema: Json) -> Json:
        """A schema with its enumerations in place: a query can say one of their words."""
        if "anyOf" in schema:
            return {**schema, "anyOf": [self._written_out(option) for option in schema["anyOf"]]}
        there = self._components.get(schema.get("$ref", "").rpartition("/")[2], {})
        if "enum" not in there:
            return schema
        return {**there, **{name: value for name, value in schema.items() if name != "$ref"}}

    def used(self, paths: Mapping[str, Json]) -> dict[str, Json]:
        """The types that requests are made of, by name; a request's own fields stand with it."""
        found: dict[str, Json] = {}
        waiting = _references(encode(paths))
        while waiting:
            name = waiting.pop()
            if name in self._components and name not in found:
                found[name] = self._components[name]
                waiting |= _references(encode(found[name]))
        return dict(sorted(found.items()))

    def refusals(self, row: Row) -> dict[str, Json]:
        """The failures of a row by status; what several of them share is written once."""
        blame = wire.blame if isinstance(row, Public) else row.blame
        protocol = "" if blame.__module__ == wire.__name__ else blame.__module__.split(".")[2].title()
        by_status: dict[str, Json] = {}
        for failure in _failures(row):
            reply = blame(failure)
            name = f"{protocol}Refusal{reply.status}"
            there = self.responses.setdefault(name, {"description": _doc(type(failure)), "content": {}})
            there["content"][_media(reply)] = {"schema": self._envelope(f"{protocol}Error", reply)}
            by_status[str(reply.status)] = {"$ref": f"#/components/responses/{name}"}
        return by_status

    def _envelope(self, name: str, reply: Reply) -> Json:
        """The shape of a refusal, as the protocol itself writes it."""
        if _media(reply) != JSON or not reply.body:
            return {"type": "string"}
        told = cast("Json", msgspec.json.decode(reply.body))
        texts = {key: {"type": "string"} if isinstance(value, str) else {} for key, value in told.items()}
        self.failures[name] = {"type": "object", "properties": texts, "required": list(texts)}
        return {"$ref": _REFERENCE.format(name=name)}


def _failures(row: Row) -> Iterable[Failure]:
    if isinstance(row, Public):
        return (Invalid(""), Unavailable("")) if row.check else (Invalid(""),)
    found = (kind("") for kind in (_FAILURES_OF_FORMS if isinstance(row, Form) else _FAILURES))
    return (*found, OutOfRange("", 0)) if isinstance(row, Departure) else found


def _media(reply: Reply) -> str:
    return dict(reply.headers).get("content-type", JSON)


def _references(written: bytes) -> set[str]:
    return {name.decode() for name in re.findall(rb'"#/components/schemas/([^"]+)"', written)}
