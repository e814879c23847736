"""U01 to U03: where the registry is."""

from __future__ import annotations

from typing import Final

from tree_sitter import Node

from modelyard.upgrade import syntax
from modelyard.upgrade.findings import Safety
from modelyard.upgrade.python.context import Context, Found

CATALOG: Final = "databricks-uc"
_OLD: Final = ("databricks", "http://", "https://", "sqlite:", "postgresql:", "mysql:", "file:")
_SETTINGS: Final = ("MLFLOW_REGISTRY_URI", "spark.mlflow.modelRegistryUri")


def rules(context: Context) -> Found:
    """What addresses of registries ask for."""
    for call in context.calls("set_registry_uri"):
        if value := syntax.arguments(call).get("uri", 0):
            yield from _address(context, value, "U01")
    for call in context.calls("MlflowClient"):
        if value := syntax.arguments(call).get("registry_uri", 1):
            yield from _address(context, value, "U03")
    yield from _settings(context)
    yield from _tracking(context)


def _address(context: Context, value: Node, rule: str) -> Found:
    for origin in context.origins(value, "registry"):
        said = None if origin.unknown else syntax.string(origin.node)
        wanted = context.plan.registry_uri or (CATALOG if said and said.startswith("databricks") else "")
        if said is None or not said.startswith(_OLD) or said in (wanted, CATALOG):
            continue
        if not wanted:
            yield context.told(rule, value, "The old registry's address: say the catalog's with --registry-uri.")
            continue
        safety = Safety.REVIEW if origin.crossed else Safety.AUTOMATIC
        edit = context.edit(*syntax.inside(origin.node), wanted, origin.module)
        yield context.found(rule, safety, value, f"The registry becomes {wanted}.", [edit])


def _settings(context: Context) -> Found:
    """`os.environ["MLFLOW_REGISTRY_URI"] = …`, and Spark's setting."""
    for (_, key), values in context.module.items.items():
        if key == _SETTINGS[0]:
            for value in values:
                yield from _address(context, value, "U01")
    for call in context.calls("set"):
        said = syntax.arguments(call).positional
        if len(said) > 1 and syntax.string(said[0]) in _SETTINGS:
            yield from _address(context, said[1], "U01")


def _tracking(context: Context) -> Found:
    if context.module.callers.get("set_registry_uri"):
        return
    for call in context.calls("set_tracking_uri"):
        message = "Runs stay here. So does the registry, until MLFLOW_REGISTRY_URI or set_registry_uri names another."
        yield context.told("U02", call, message)
