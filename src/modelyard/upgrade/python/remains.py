"""U30, U32, U33, U36, U40 and U43: what has no counterpart of its own in the catalog, and endpoints."""

from __future__ import annotations

import re
from typing import Final

from tree_sitter import Node

from modelyard.upgrade import addressed, syntax
from modelyard.upgrade.findings import Safety
from modelyard.upgrade.origins import pairs
from modelyard.upgrade.python import naming
from modelyard.upgrade.python.context import Context, Found
from modelyard.upgrade.syntax import text

REST: Final = re.compile(
    r"(?:mlflow|api/2\.0(?:/preview)?)/(?:registered-models|model-versions|databricks/(?:registered-models|model-versions))/"
    r"|mlflow/endpoints-v2/|endpoints-v2/enable",
)
WEBHOOKS: Final = re.compile(
    r"registry-webhooks/|transition-requests/|(?:MODEL_VERSION|TRANSITION_REQUEST|REGISTERED_MODEL)_[A-Z_]{4,}|mlflow/comments/"
)
DATABASE: Final = re.compile(
    r"\bselect\b.*\bmodel_versions\b|\b(?:from|update|join)\s+model_versions\b|\bcurrent_stage\s*(?:=|in\b)",
    re.IGNORECASE | re.DOTALL,
)
_FRAMEWORKS: Final = re.compile(r"mlflow_provider|registry_model_stage|stage_or_version")
_SIZES: Final = frozenset({"workload_size", "scale_to_zero_enabled", "workload_type", "environment_vars", "env_vars"})
_KEYS: Final = {"model_name": "entity_name", "model_version": "entity_version"}


def rules(context: Context) -> Found:
    """What these ask for."""
    for node in context.module.strings:
        yield from _text(context, node)
    yield from _webhooks(context)
    yield from _served(context)
    yield from _comments(context)
    for call in context.calls("log_model"):
        yield from _deprecated(context, call)


def _text(context: Context, node: Node) -> Found:
    if node.parent and node.parent.type == "expression_statement":
        return
    said = text(node)
    if REST.search(said):
        message = "The old registry's REST path: its stages and its serving have no path in the catalog."
        yield context.found("U33", Safety.PROPOSE, node, message)
    elif WEBHOOKS.search(said):
        yield context.told("U32", node, "Webhooks and transition requests become events of aliases, and approvals.")
    elif DATABASE.search(said):
        yield context.told(
            "U40", node, "SQL on MLflow's database: no log shows it, and the catalog's tables are others."
        )
    elif _FRAMEWORKS.search(said):
        yield context.told("U38", node, "A framework's setting for stages: use its setting for aliases.")


def _webhooks(context: Context) -> Found:
    for call in context.calls("RegistryWebhooksClient"):
        yield context.told(
            "U32", call, "Registry webhooks become webhooks of events: an alias was set, a version created."
        )
    for name, dotted in context.module.imports.items():
        if dotted.startswith("databricks_registry_webhooks") and (used := context.module.references.get(name)):
            yield context.told("U32", used[0], "The package of registry webhooks knows the old registry only.")


def _served(context: Context) -> Found:
    for dictionary in context.module.dictionaries:
        found = pairs(dictionary)
        keys = {syntax.string(key): key for key, _ in found}
        if listed := keys.get("served_models"):
            edit = context.edit(*syntax.inside(listed), "served_entities")
            yield context.found(
                "U36", Safety.REVIEW, listed, "Endpoints serve entities: grant EXECUTE to who runs them.", [edit]
            )
        if set(_KEYS) <= set(keys) and _SIZES & set(keys):
            yield from _entity(context, found)
    for call in context.calls("ServedModelInput"):
        yield context.found("U36", Safety.PROPOSE, call, "Endpoints serve entities: use ServedEntityInput.")


def _entity(context: Context, found: list[tuple[Node, Node]]) -> Found:
    for key, value in found:
        said = syntax.string(key) or ""
        if said in _KEYS:
            edit = context.edit(*syntax.inside(key), _KEYS[said])
            yield context.found("U36", Safety.REVIEW, key, f"{said} becomes {_KEYS[said]}.", [edit])
        if said == "model_name":
            yield from naming.name(context, value, "U36")


def _comments(context: Context) -> Found:
    document = context.module.document
    for comment in context.module.comments:
        if not text(comment).startswith("# MAGIC"):
            yield from addressed.prose(document, context.plan, comment.start_byte, comment.end_byte)


def _deprecated(context: Context, call: Node) -> Found:
    value = syntax.arguments(call).named.get("artifact_path")
    keyword = value.parent if value else None
    name = keyword.child_by_field_name("name") if keyword else None
    if name and context.module.dotted(call.child_by_field_name("function")).startswith("mlflow."):
        message = "MLflow 3 calls artifact_path name."
        yield context.found("U30", Safety.REVIEW, call, message, [context.replaced(name, "name")])
