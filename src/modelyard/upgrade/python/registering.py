"""U04 to U08, U27, U28 and the names in them: everything that is given a model's name."""

from __future__ import annotations

import re
from typing import Final

from tree_sitter import Node

from modelyard.upgrade import syntax
from modelyard.upgrade.findings import Safety
from modelyard.upgrade.python import naming
from modelyard.upgrade.python.context import Context, Found
from modelyard.upgrade.syntax import Arguments, text

KEYWORD: Final = "registered_model_name"

# Where `registered_model_name` stands among the parameters of each flavour's `log_model`, by MLflow 3.17's signatures.
_POSITIONS: Final = {
    **dict.fromkeys(("xgboost", "lightgbm", "catboost", "onnx", "prophet", "spacy", "statsmodels", "h2o"), 4),
    **dict.fromkeys(("pmdarima", "langchain"), 4),
    **dict.fromkeys(("sklearn", "pytorch", "spark", "paddle", "sentence_transformers", "shap", "openai"), 5),
    **dict.fromkeys(("llama_index", "johnsnowlabs"), 5),
    **dict.fromkeys(("keras", "diffusers"), 6),
    **dict.fromkeys(("tensorflow", "transformers"), 7),
    **dict.fromkeys(("pyfunc", "dspy"), 8),
    "models.Model": 2,
}
_STORES: Final = re.compile(
    r"(?:^|[._])(?:fs|fe|feature_store|feature_engineering)(?:_client)?$|Feature(?:Store|Engineering)Client\(\)$"
)
_OF_MODELS: Final = {
    "create_registered_model": "name", "get_registered_model": "name", "update_registered_model": "name",
    "set_registered_model_tag": "name", "delete_registered_model_tag": "name",
    "set_registered_model_alias": "name", "delete_registered_model_alias": "name",
}  # fmt: skip
_DESTRUCTIVE: Final = ("delete_registered_model", "rename_registered_model")
_OF_VERSIONS: Final = (
    "get_model_version", "update_model_version", "delete_model_version", "get_model_version_download_uri",
    "get_model_version_by_alias", "set_model_version_tag", "delete_model_version_tag",
)  # fmt: skip


def rules(context: Context) -> Found:
    """What calls that are given a model's name ask for."""
    for call in context.module.calls:
        yield from _logging(context, call)
    yield from _register(context)
    yield from _models(context)
    yield from _versions(context)


def is_client(context: Context, call: Node) -> bool:
    """Whether a call is a method's of something that is not this document's own."""
    owner, method = syntax.called(call)
    return owner is not None and not (text(owner) in ("self", "cls") and method in context.module.functions)


def _logging(context: Context, call: Node) -> Found:
    owner, method = syntax.called(call)
    said = syntax.arguments(call)
    dotted = context.module.dotted(call.child_by_field_name("function"))
    value = said.get(KEYWORD, _position(dotted) if method == "log_model" else None)
    if value is None or (owner is None and not dotted.startswith("mlflow")) or value.type == "none":
        return
    if method not in ("log_model", "autolog", "add_libraries_to_model", "save_model"):
        return
    is_store = owner is not None and bool(_STORES.search(context.module.dotted(owner) or text(owner)))
    rule = "U05" if method == "autolog" else "U28" if is_store else "U04"
    yield from naming.name(context, value, rule)
    if rule == "U04":
        yield from _signature(context, call, said)


def _position(dotted: str) -> int | None:
    for flavour, position in _POSITIONS.items():
        if dotted == f"mlflow.{flavour}.log_model":
            return position
    return None


def _signature(context: Context, call: Node, said: Arguments) -> Found:
    if said.spread or {"signature", "input_example"} & set(said.named):
        return
    name = _fitted(context, call)
    proposal = f", for example input_example={name}[:5]" if name else ""
    message = (
        f"The version will have no signature, which a schema may require: give signature=infer_signature(…){proposal}."
    )
    yield context.found("U29", Safety.PROPOSE, call, message)


def _fitted(context: Context, call: Node) -> str:
    """The data that something was fitted with before the call."""
    found = ""
    for fit in context.calls("fit", "fit_transform"):
        given = syntax.arguments(fit).positional
        if fit.start_byte < call.start_byte and given and given[0].type == "identifier":
            found = text(given[0])
    return found


def _register(context: Context) -> Found:
    for call in context.calls("register_model"):
        owner, _ = syntax.called(call)
        dotted = context.module.dotted(call.child_by_field_name("function"))
        said = syntax.arguments(call)
        name = said.get("name", 1)
        if dotted.startswith("mlflow.") and name and (owner or "." in dotted):
            yield from naming.name(context, name, "U06")


def _models(context: Context) -> Found:
    for method, keyword in _OF_MODELS.items():
        for call in context.calls(method):
            yield from _named(context, call, keyword, "U07")
            if method == "create_registered_model":
                yield from _swallowed(context, call)
    for method in _DESTRUCTIVE:
        for call in context.calls(method):
            if is_client(context, call):
                yield context.told("U07", call, f"`{method}` changes what others may still use: decide by hand.")
    yield from _created(context)


def _named(context: Context, call: Node, keyword: str, rule: str) -> Found:
    name = syntax.arguments(call).get(keyword, 0)
    if name and is_client(context, call):
        yield from naming.name(context, name, rule)


def _swallowed(context: Context, call: Node) -> Found:
    around = syntax.above(call, "try_statement", "function_definition")
    if (
        around
        and around.type == "try_statement"
        and re.search(r"except(?:\s+Exception)?(?:\s+as\s+\w+)?\s*:", text(around))
    ):
        yield context.told("U07", call, "Every failure is passed over here: a missing CREATE MODEL would be, too.")


def _created(context: Context) -> Found:
    for call in context.calls("create_model_version"):
        if not is_client(context, call) or not syntax.arguments(call).get("source", 1):
            continue
        yield from _named(context, call, "name", "U08")
        source = syntax.arguments(call).get("source", 1)
        said = syntax.string(source) if source else None
        if said and not said.startswith(("runs:/", "models:/")):
            yield context.told("U08", call, "The source is a location: the catalog takes runs:/… and models:/… only.")


def _versions(context: Context) -> Found:
    for method in _OF_VERSIONS:
        for call in context.calls(method):
            yield from _named(context, call, "name", "U27")
            if "stage" in syntax.arguments(call).named:
                message = "The version is found by its stage: find it by its alias before."
                yield context.found("U27", Safety.PROPOSE, call, message)
    for call in context.calls("get_model_version_stages"):
        yield context.told("U27", call, "The catalog has no stages to list.")
