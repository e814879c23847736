"""U16, U34, U36 to U38 and U01 in YAML and JSON: jobs, endpoints, bundles, workflows, services, catalogs of kedro."""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Sequence
from typing import Final

from modelyard.upgrade import addressed
from modelyard.upgrade.documents import Kind
from modelyard.upgrade.entries import Entry
from modelyard.upgrade.findings import Edit, Safety
from modelyard.upgrade.jsons import Key
from modelyard.upgrade.written.sight import Found, Sight

_VOLUMES: Final = frozenset({"volumes", "volumeMounts", "binds", "mounts"})
_COMMANDS: Final = frozenset(
    {"run", "command", "commands", "cmd", "script", "args", "entrypoint", "bash_command", "before_script"}
)
_PROSE: Final = frozenset({"description", "comment", "summary", "title"})
_KEYS: Final = {"model_name": "entity_name", "model_version": "entity_version"}
_VARIABLE: Final = re.compile(r"models:/\$\{var\.(\w+)\}(?:(/)\$\{var\.(\w+)\})?")
_URI_INPUT: Final = re.compile(r"model_?uri", re.IGNORECASE)
_STAGE_KEY: Final = re.compile(r"(?:^|_)model_?stage$|^mlflow_.*stage$", re.IGNORECASE)
_REGISTRY: Final = frozenset({"MLFLOW_REGISTRY_URI", "spark.mlflow.modelRegistryUri"})
_STARTS_ADDRESS: Final = "models:/"


def rules(sight: Sight, entries: Sequence[Entry]) -> Found:
    """What the entries of a document ask for."""
    tables = _tables(entries)
    for entry in entries:
        if entry.is_scalar:
            yield from _addresses(sight, entry)
            yield from _variables(sight, entry, tables)
            yield from _flowing(sight, entry)
            yield from _registry(sight, entry, tables)
        yield from _served(sight, entry)
        yield from _kedro(sight, entry, tables)
        yield from _bundle(sight, entry, tables)


_Tables = dict[tuple[Key, ...], dict[Key, Entry]]


def _tables(entries: Sequence[Entry]) -> _Tables:
    """The entries of each mapping and list by its path."""
    tables: _Tables = defaultdict(dict)
    for entry in entries:
        if entry.path:
            tables[entry.path[:-1]][entry.path[-1]] = entry
    return tables


def _addresses(sight: Sight, entry: Entry) -> Found:
    if _STARTS_ADDRESS not in entry.value or _VOLUMES & set(entry.path):
        return
    is_value = entry.value.startswith(_STARTS_ADDRESS)
    if entry.name in _PROSE and not is_value:
        yield from addressed.prose(sight.document, sight.plan, entry.start, entry.end)
        return
    is_command = entry.name in _COMMANDS or any(key in _COMMANDS for key in entry.path)
    rule = "U31" if is_command and not is_value else "U37" if entry.name.isupper() else "U16"
    safety = Safety.AUTOMATIC if is_value else Safety.REVIEW
    yield from addressed.addresses(sight.document, sight.plan, entry.start, entry.end, rule, safety)


def _variables(sight: Sight, entry: Entry, tables: _Tables) -> Found:
    """A bundle's `models:/${var.name}/${var.version}`: the variables' defaults say the rest."""
    found = _VARIABLE.search(entry.value)
    if not found or not entry.is_exact:
        return
    name = _default(tables, found[1])
    if name:
        yield from sight.named("U16", (name.start, name.end), name.value)
    else:
        yield sight.told(
            "U16", (entry.start, entry.end), f"The variable {found[1]} says the name: change it where it is set."
        )
    rest = _default(tables, found[3]) if found[3] else None
    alias = sight.plan.alias(rest.value) if rest else None
    if rest and alias and found[2]:
        at = entry.start + found.start(2)
        edits = [sight.edit(at, at + 1, "@"), sight.edit(rest.start, rest.end, alias)]
        yield sight.found(
            "U16", Safety.REVIEW, (entry.start, entry.end), f"{rest.value} becomes the alias {alias}.", edits
        )
    elif found[3]:
        message = f"The variable {found[3]} says the stage or version; a bundle's targets may set it, too."
        yield sight.told("U16", (entry.start, entry.end), message)


def _default(tables: _Tables, variable: str) -> Entry | None:
    found = tables.get(("variables", variable), {}).get("default") or tables.get(("variables",), {}).get(variable)
    return found if found and found.is_scalar and found.is_exact else None


def _flowing(sight: Sight, entry: Entry) -> Found:
    """A key that gives code a model's name, or a stage."""
    key, value = entry.path[-1] if entry.path else "", entry.value
    if not isinstance(key, str) or not value or not entry.is_exact:
        return
    if key == "registered_model_name" or sight.gives(entry.path, "name"):
        if not value.startswith(_STARTS_ADDRESS):
            yield from sight.named("U16", (entry.start, entry.end), value)
    elif sight.plan.alias(value) and (sight.gives(entry.path, "stage") or _STAGE_KEY.search(key)):
        yield sight.told("U16", (entry.start, entry.end), f"A stage for code that reads {key}: change both together.")


def _registry(sight: Sight, entry: Entry, tables: _Tables) -> Found:
    key = entry.path[-1] if entry.path else ""
    wanted = sight.plan.registry_uri or ("databricks-uc" if entry.value.startswith("databricks") else "")
    span = (entry.start, entry.end)
    if key in _REGISTRY and entry.value not in (wanted, "databricks-uc") and entry.is_exact and "$" not in entry.value:
        if wanted:
            edit = sight.edit(*span, wanted)
            yield sight.found("U01", Safety.REVIEW, span, f"The registry becomes {wanted}.", [edit])
        else:
            yield sight.told("U01", span, "The old registry's address: say the catalog's with --registry-uri.")
    elif key == "MLFLOW_TRACKING_URI" and not _REGISTRY & set(map(str, tables[entry.path[:-1]])):
        yield sight.told("U01", span, "Runs stay here; set MLFLOW_REGISTRY_URI beside it to name the catalog.")
    elif (
        isinstance(key, str)
        and "inputs" in entry.path
        and "description" in key
        and _URI_INPUT.search(str(entry.path[-2]))
    ):
        yield sight.told(
            "U37", span, "People give an address here: tell them the new form, models:/catalog.schema.model@alias."
        )


def _served(sight: Sight, entry: Entry) -> Found:
    key = entry.path[-1] if entry.path else ""
    if key == "served_models" and entry.key and not entry.is_scalar:
        edit = sight.edit(*entry.key, "served_entities")
        yield sight.found(
            "U36", Safety.REVIEW, entry.key, "Endpoints serve entities: grant EXECUTE to who runs them.", [edit]
        )
    if "served_models" not in entry.path[:-1] or key not in _KEYS or not entry.key:
        return
    message = f"{key} becomes {_KEYS[str(key)]}."
    yield sight.found("U36", Safety.REVIEW, entry.key, message, [sight.edit(*entry.key, _KEYS[str(key)])])
    if key == "model_name" and entry.is_exact:
        yield from sight.named("U36", (entry.start, entry.end), entry.value)


def _kedro(sight: Sight, entry: Entry, tables: _Tables) -> Found:
    if not entry.path or entry.path[-1] != "stage_or_version" or not entry.key or not entry.is_exact:
        return
    table = tables[entry.path[:-1]]
    alias = sight.plan.alias(entry.value)
    if alias:
        edits = [sight.edit(*entry.key, "alias"), sight.edit(entry.start, entry.end, alias)]
        yield sight.found("U38", Safety.AUTOMATIC, entry.key, f"{entry.value} becomes the alias {alias}.", edits)
    else:
        yield sight.told("U38", entry.key, "A pinned version, or newest: name an alias instead.")
    name = table.get("model_name")
    if name and name.is_exact:
        yield from sight.named("U38", (name.start, name.end), name.value)


def _bundle(sight: Sight, entry: Entry, tables: _Tables) -> Found:
    """`resources.models` becomes `resources.registered_models`, each with its catalog and schema."""
    match entry.path:
        case ("resources", "models") | ("targets", _, "resources", "models") if entry.key and not entry.is_scalar:
            edits = [sight.edit(*entry.key, "registered_models")]
            models = [tables[(*entry.path, each)] for each in tables[entry.path]]
            done = [change for model in models if (change := _model(sight, model)) is not None]
            is_whole = len(done) == len(models) and sight.document.kind is Kind.YAML
            safety = Safety.REVIEW if is_whole else Safety.PROPOSE
            message = "Models of the catalog are registered_models: permissions become grants."
            yield sight.found(
                "U34",
                safety,
                entry.key,
                message,
                [*edits, *(edit for each in done for edit in each)] if is_whole else [],
            )
        case _:
            return


def _model(sight: Sight, model: dict[Key, Entry]) -> list[Edit] | None:
    """The changes of one model of a bundle; `None` where a person has to say more."""
    name = model.get("name")
    if name is None or not name.is_exact or "permissions" in model or "catalog_name" in model or name.key is None:
        return None
    full = sight.plan.full_name(name.value)
    if full is None:
        return None
    catalog, schema, leaf = full.split(".")
    indent = sight.document.text(name.line, name.key[0])
    if indent.strip():
        return None
    lines = f"catalog_name: {catalog}\n{indent}schema_name: {schema}\n{indent}"
    return [sight.edit(name.key[0], name.key[0], lines), sight.edit(name.start, name.end, leaf)]
