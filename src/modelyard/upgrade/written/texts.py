"""U31, U35, U39, U40 and U43: shells, images, Terraform, other languages and text for people."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from modelyard.upgrade import addressed
from modelyard.upgrade.documents import Kind
from modelyard.upgrade.findings import Edit, Finding, Safety
from modelyard.upgrade.python.remains import DATABASE, REST, WEBHOOKS
from modelyard.upgrade.written.sight import Found, Sight

_COMMENT: Final = re.compile(rb"^[ \t]*(?:#(?! MAGIC)|//|--|rem\b).*$", re.MULTILINE | re.IGNORECASE)
_SHELL_ADDRESS: Final = re.compile(
    rb"(?<![\w./-])models:/(?:\$\{?(?P<name>\w+)\}?|(?P<flat>[\w-]+))(?P<mark>/)(?:(?P<var>\$\{?(?P<stage>\w+)\}?)|(?P<word>\w+))",
)
_SET: Final = (
    rb"^[ \t]*(?:export[ \t]+|ENV[ \t]+|ARG[ \t]+|set[ \t]+|local[ \t]+)?%s[ \t]*[:?]?=[ \t]*[\"']?([^\s\"']+)"
)
_ASSIGNED: Final = re.compile(rb"^[ \t]*(?:export[ \t]+|ENV[ \t]+|ARG[ \t]+)?(\w+)=[\"']?([^\s\"'#]+)", re.MULTILINE)
_OTHER: Final = re.compile(
    r"mlflow_(?:transition_model_version_stage|get_latest_versions|create_registered_model|create_model_version|set_model_version_tag)"
    r"|\b(?:transitionModelVersionStage|getLatestVersions|createRegisteredModel|createModelVersion|TransitionModelVersionStage"
    r"|GetLatestVersions)\b|model-versions/transition-stage|registered-models/get-latest-versions",
)
_SHOWN: Final = re.compile(
    rb"\bregister_model\(|transition_model_version_stage|get_latest_versions|models:/\{[^@\n]*/|registered_model_name="
)
_RESOURCE: Final = re.compile(
    rb'^[ \t]*resource[ \t]+"(databricks_mlflow_model|databricks_mlflow_webhook)"[ \t]+"([^"]+)"', re.MULTILINE
)
_PERMISSIONS: Final = re.compile(rb"^[ \t]*registered_model_id[ \t]*=", re.MULTILINE)
_ATTRIBUTE: Final = re.compile(rb'^([ \t]*)name([ \t]*=[ \t]*)"([^"$]+)"', re.MULTILINE)


def rules(sight: Sight, start: int, end: int, language: str) -> Found:
    """What text in a language asks for, between two offsets."""
    if language in ("markdown", Kind.PROSE):
        yield from _prose(sight, start, end)
    elif language == Kind.TERRAFORM:
        yield from _terraform(sight, start, end)
        yield from _code(sight, start, end, "U35", Safety.REVIEW)
    elif language in (Kind.SHELL, "shell"):
        yield from _code(sight, start, end, "U31", Safety.AUTOMATIC)
        yield from _variables(sight, start, end)
        yield from _settings(sight, start, end)
    else:
        yield from _code(sight, start, end, "U39", Safety.REVIEW)
    yield from _told(sight, start, end)


def _prose(sight: Sight, start: int, end: int) -> Found:
    """Addresses in text for people; where there are none, that it shows code for the old registry."""
    found = list(addressed.prose(sight.document, sight.plan, start, end))
    yield from found
    shown = _SHOWN.search(sight.document.buffer, start, end)
    if shown and not found:
        yield sight.told("U43", shown.span(), "Text for people shows code for the old registry.")


def _code(sight: Sight, start: int, end: int, rule: str, safety: Safety) -> Found:
    """Addresses in what runs; those in comments are for people."""
    done = start
    for comment in _COMMENT.finditer(sight.document.buffer, start, end):
        yield from addressed.addresses(sight.document, sight.plan, done, comment.start(), rule, safety)
        yield from addressed.prose(sight.document, sight.plan, comment.start(), comment.end())
        done = comment.end()
    yield from addressed.addresses(sight.document, sight.plan, done, end, rule, safety)


def _told(sight: Sight, start: int, end: int) -> Found:
    said = sight.document.text(start, end)
    for pattern, rule, message in (
        (_OTHER, "U39", "A client of the old registry in another language: its stages become aliases."),
        (REST, "U33", "The old registry's REST path: its stages have no path in the catalog."),
        (WEBHOOKS, "U32", "Webhooks and transition requests become events of aliases, and approvals."),
        (DATABASE, "U40", "SQL on MLflow's database: no log shows it, and the catalog's tables are others."),
    ):
        if found := pattern.search(said):
            at = start + len(said[: found.start()].encode())
            yield sight.told(rule, (at, at + len(found[0].encode())), message)


def _variables(sight: Sight, start: int, end: int) -> Found:
    """`models:/$NAME/$STAGE`, where the variables are set in the same text."""
    buffer = sight.document.buffer
    for found in _SHELL_ADDRESS.finditer(buffer, start, end):
        if found["name"]:
            yield from _variable(sight, found)
        elif found["var"]:
            yield from sight.named("U31", found.span("flat"), found["flat"].decode())
        if found["var"] or found["name"]:
            yield from _stage(sight, found)


def _set(sight: Sight, variable: bytes) -> re.Match[bytes] | None:
    return re.compile(_SET % re.escape(variable), re.MULTILINE).search(sight.document.buffer)


def _variable(sight: Sight, found: re.Match[bytes]) -> Found:
    place = _set(sight, found["name"])
    if place is None:
        message = f"The variable {found['name'].decode()} says the name: change it where it is set."
        yield sight.told("U31", found.span(), message)
        return
    yield from sight.named("U31", place.span(1), place[1].decode(errors="replace"))


def _stage(sight: Sight, found: re.Match[bytes]) -> Iterator[Finding]:
    place = _set(sight, found["stage"]) if found["stage"] else None
    word = (place[1] if place else found["word"] or b"").decode(errors="replace")
    alias = sight.plan.alias(word)
    if alias:
        group = "var" if found["var"] else "word"
        edits = [sight.edit(*found.span("mark"), "@"), sight.edit(*found.span(group), alias)]
        yield sight.found("U31", Safety.REVIEW, found.span(), f"{word} becomes the alias {alias}.", edits)
    elif not word.isdigit():
        yield sight.told("U31", found.span(), "A variable says the stage or version: change it where it is set.")


def _settings(sight: Sight, start: int, end: int) -> Found:
    """Environment variables that give code names, and the registry's address."""
    for found in _ASSIGNED.finditer(sight.document.buffer, start, end):
        key, value = found[1].decode(), found[2].decode(errors="replace")
        if sight.gives(("env", key), "name") and "models:/" not in value:
            yield from sight.named("U16", found.span(2), value)
        elif key == "MLFLOW_REGISTRY_URI" and sight.plan.registry_uri not in ("", value):
            message = f"The registry becomes {sight.plan.registry_uri}."
            edit = sight.edit(*found.span(2), sight.plan.registry_uri)
            yield sight.found("U01", Safety.REVIEW, found.span(2), message, [edit])
        elif key == "MLFLOW_TRACKING_URI" and b"MLFLOW_REGISTRY_URI" not in sight.document.buffer:
            yield sight.told(
                "U01", found.span(1), "Runs stay here; set MLFLOW_REGISTRY_URI beside it to name the catalog."
            )


def _terraform(sight: Sight, start: int, end: int) -> Found:
    for found in _RESOURCE.finditer(sight.document.buffer, start, end):
        if found[1] == b"databricks_mlflow_webhook":
            yield sight.told("U32", found.span(1), "Registry webhooks become webhooks of events.")
            continue
        message = "Add a databricks_registered_model beside it; take this one out of the state only after the cut-over."
        yield sight.found("U35", Safety.PROPOSE, found.span(1), message, _resource(sight, found))
    for found in _PERMISSIONS.finditer(sight.document.buffer, start, end):
        message = "Permissions of a model become databricks_grants: CAN_READ is EXECUTE, with USE of its containers."
        yield sight.found("U35", Safety.PROPOSE, (found.start(), found.end()), message)


def _resource(sight: Sight, found: re.Match[bytes]) -> list[Edit]:
    """The proposal: the other type, with the name in its three parts."""
    buffer = sight.document.buffer
    stop = buffer.find(b"\n}", found.end())
    named = _ATTRIBUTE.search(buffer, found.end(), stop if stop > 0 else len(buffer))
    full = sight.plan.full_name(named[3].decode(errors="replace")) if named else None
    if named is None or full is None:
        return []
    catalog, schema, leaf = full.split(".")
    indent = named[1].decode()
    lines = f'{indent}catalog_name = "{catalog}"\n{indent}schema_name = "{schema}"\n'
    return [
        sight.edit(*found.span(1), "databricks_registered_model"),
        sight.edit(named.start(), named.start(), lines),
        sight.edit(*named.span(3), leaf),
    ]
