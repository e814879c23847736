"""The OpenAPI document: valid, whole, and the same wherever it is read."""

from __future__ import annotations

import json
import re
import subprocess
import sys
from collections import Counter
from enum import StrEnum
from typing import Any

import msgspec
import pytest
import schemathesis

from modelyard import app
from modelyard.action import ACTIONS
from modelyard.actions import access
from modelyard.surfaces.openapi import PATH, document, path_of
from modelyard.surfaces.reach import actions_of
from modelyard.surfaces.wire import Entrance, Form, Public, Row, Translation
from tests.support import Server, clean_environment

DOCUMENT = document(app.ROWS)
OPERATIONS = [(path, method, told) for path, at in DOCUMENT["paths"].items() for method, told in at.items()]


def operation(row: Row) -> dict[str, Any]:
    return DOCUMENT["paths"][path_of(row)][row.method.lower()]


def test_it_is_valid_by_the_schema_of_openapi() -> None:
    schemathesis.openapi.from_dict(DOCUMENT).validate()


def test_every_reference_in_it_leads_somewhere() -> None:
    for reference in re.findall(r'"\$ref": "#/([^"]+)"', json.dumps(DOCUMENT)):
        at = DOCUMENT
        for key in reference.split("/"):
            at = at[key]


def test_it_holds_every_row_and_nothing_else() -> None:
    told = {(method.upper(), path, doing) for path, method, op in OPERATIONS for doing in op.get("x-variants", [""])}
    assert told == {(row.method, path_of(row), row.doing) for row in app.ROWS}


def test_every_operation_has_a_name_of_its_own() -> None:
    counted = Counter(told["operationId"] for _, _, told in OPERATIONS)
    assert [name for name, times in counted.items() if times > 1] == []


@pytest.mark.parametrize("row", app.ROWS, ids=lambda row: f"{row.method} {row.path} {row.doing}")
def test_an_operation_tells_its_actions_and_what_each_of_them_needs(row: Row) -> None:
    told = operation(row)
    if "x-variants" in told:
        assert told["x-variants"][row.doing] == [kind.__name__ for kind in actions_of(row)]
    for kind in actions_of(row):
        assert kind.__name__ in told["x-action"]
        needs = [(need["privilege"], need["on"]) for need in told["x-needs"][kind.__name__]]
        assert needs == [(need.privilege.value, need.on) for need in kind.needs]
    assert told["summary"]
    assert (told.get("security") == []) == isinstance(row, Public | Entrance)


@pytest.mark.parametrize(
    "row", [row for row in app.ROWS if isinstance(row, Translation)], ids=lambda row: f"{row.method} {row.path}"
)
def test_an_operation_tells_every_field_that_it_understands(row: Translation) -> None:
    told = operation(row)
    said = {each["name"] for each in told["parameters"] if each["in"] != "header"}
    for content in told.get("requestBody", {}).get("content", {}).values():
        said |= content["schema"]["properties"].keys()
    said |= {field for header, field in row.hears if any(each["name"] == header for each in told["parameters"])}
    fields = {field.encode_name: str(field.type) for field in msgspec.structs.fields(row.said)}
    if row.method in {"GET", "HEAD", "DELETE"}:  # no query can say lists; some requests share a type with a PATCH
        fields = {name: kind for name, kind in fields.items() if not re.search(r"list\[|dict\[|tuple\[", kind)}
    assert fields.keys() <= said


class Colour(StrEnum):
    RED = "red"
    BLUE = "blue"


class Painted(msgspec.Struct):
    colour: Colour = Colour.RED
    other: Colour | None = None


def test_an_enumeration_is_a_parameter_with_its_words() -> None:
    row = Translation("GET", "/painted", Painted, read=lambda _said: access.WhoAmI())
    parameters = document([row])["paths"]["/painted"]["get"]["parameters"]
    assert {each["name"]: each["schema"]["enum"] for each in parameters} == {
        "colour": ["blue", "red"],
        "other": ["blue", "red"],
    }


@pytest.mark.parametrize("row", [row for row in app.ROWS if isinstance(row, Form)], ids=lambda row: row.path)
def test_a_form_is_described_as_a_form_that_says_itself_who_calls(row: Form) -> None:
    told = operation(row)
    assert told["parameters"] == []
    assert told["security"] == [{"client": []}, {}]
    [(media, content)] = told["requestBody"]["content"].items()
    assert media == "application/x-www-form-urlencoded"
    heard = {name for _, name in row.hears}
    assert (
        content["schema"]["properties"].keys()
        == {each.encode_name for each in msgspec.structs.fields(row.said)} - heard
    )


def test_the_refusals_of_oauth_are_described_as_rfc_6749_says() -> None:
    told = DOCUMENT["paths"]["/oidc/v1/token"]["post"]["responses"]
    assert told.keys() == {"2XX", "204", "400", "401", "409", "503"}
    for status in ("400", "401"):
        name = told[status]["$ref"].rpartition("/")[2]
        schema = DOCUMENT["components"]["responses"][name]["content"]["application/json"]["schema"]
        envelope = DOCUMENT["components"]["schemas"][schema["$ref"].rpartition("/")[2]]
        assert envelope["required"] == ["error", "error_description"]


@pytest.mark.parametrize("row", [row for row in app.ROWS if isinstance(row, Entrance)], ids=lambda row: row.path)
def test_an_entrance_is_described_as_open_and_sends_the_browser_on(row: Entrance) -> None:
    told = operation(row)
    assert told["security"] == []
    assert [status for status in told["responses"] if status < "4"] == ["303"]
    assert "location" in told["responses"]["303"]["headers"]
    assert "requestBody" not in told
    assert {each["name"] for each in told["parameters"]} == {each.name for each in msgspec.structs.fields(row.said)} - {
        "cookie"
    }


def test_the_actions_of_the_document_are_all_actions_but_the_servers_own_chores() -> None:
    told = {name for _, _, operation in OPERATIONS for name in operation["x-action"]}
    assert told == {kind.__name__ for kind in ACTIONS if kind.needs or kind.open_to}


def test_it_is_shown_to_anybody_and_is_what_the_command_prints(sqlite_server: Server) -> None:
    with sqlite_server.client("") as nobody:
        shown = nobody.get(PATH).raise_for_status().json()
    done = subprocess.run(
        [sys.executable, "-m", "modelyard", "openapi"], check=True, capture_output=True, env=clean_environment()
    )
    assert shown == json.loads(done.stdout) == json.loads(json.dumps(DOCUMENT))


def test_it_says_nothing_of_the_notes_and_places_of_its_makers() -> None:
    assert re.findall(r"§|/tmp|/root|/home|Traceback", json.dumps(DOCUMENT, ensure_ascii=False)) == []
