"""The plan of a move: made from what a registry holds, edited by people, and read again before anything is done.

It is the map file of `modelyard upgrade code` with more in it: `names` and `stages` mean the same to both.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from typing import Any, Final, cast

import msgspec
import yaml

from modelyard.domain import names
from modelyard.domain.legacy import aliases as checked_aliases
from modelyard.domain.stages import Stage
from modelyard.domain.stages import stage as stage_of
from modelyard.errors import Failure, Invalid, Malformed
from modelyard.upgrade import plan
from modelyard.upgrade.moving.registry import (
    ADMIN,
    FlatModel,
    FlatVersion,
    Inventory,
    name_problem,
    place_problem,
    shown,
)

FORMAT: Final = 1
_READ: Final = ("EXECUTE",)
_EDIT: Final = (*_READ, "CREATE_MODEL_VERSION", "APPLY_TAG")
PRIVILEGES: Final[Mapping[str, tuple[str, ...]]] = {
    "READ": _READ,
    "USE": _READ,
    "EDIT": _EDIT,
    "MANAGE": (*_EDIT, "MANAGE"),
    "CAN_READ": _READ,
    "CAN_EDIT": _EDIT,
    "CAN_MANAGE_STAGING_VERSIONS": _EDIT,
    "CAN_MANAGE_PRODUCTION_VERSIONS": _EDIT,
    "CAN_MANAGE": (*_EDIT, "MANAGE"),
}
"""What levels of MLflow's own access control become, and a workspace's; each holds what is below it, as there."""
_TRANSITIONS: Final = {"CAN_MANAGE_STAGING_VERSIONS", "CAN_MANAGE_PRODUCTION_VERSIONS"}
_CATALOG: Final = "databricks-uc"
_FIRST: Final = ("format", "source", "schema", "registry_uri", "permissions_told")
_UNSAID: Final = {"NO_PERMISSIONS", ADMIN, ""}
_HEAD: Final = """\
# What becomes of a flat registry. Nothing was done yet: read this, change it, then run `modelyard upgrade apply` on it.
#
# names     the new name of each model; take a line out, and the model stays where it is
# stages    the alias of each stage; old code goes on to say stages, and new code says aliases
# models    what is brought of each model; take versions, aliases or grants out, and they are not brought
# principals  what users of the old registry are called here, where that differs
# refused   what cannot be brought, and why; take a line out to accept it, or `apply` tells it again
#
# `modelyard upgrade code . --map-file` takes this file, too.
"""


class Place(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """Which registry it is: `id` is how versions say where they are from, so it stays when the address changes."""

    uri: str
    id: str


class PlannedVersion(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is known of a version; only its number counts when the plan is carried out."""

    stage: str = Stage.NONE
    files: int | None = None
    size: int | None = None
    signature: bool | None = None


class PlannedModel(msgspec.Struct, frozen=True, omit_defaults=True, forbid_unknown_fields=True):
    """What is brought of a model: versions by their numbers, where aliases go, grants, and who could do what before."""

    versions: dict[int, PlannedVersion] = {}
    aliases: dict[str, int] = {}
    grants: dict[str, list[str]] = {}
    access: dict[str, str] = {}


class Refused(msgspec.Struct, frozen=True, omit_defaults=True):
    """What cannot be brought: a model, or a version, or a thing of it."""

    model: str
    why: str
    version: int | None = None


class MovePlan(msgspec.Struct, frozen=True):
    """A plan as its file says it; `grant_use` also grants the way there, which may let people see more."""

    source: Place
    names: dict[str, str] = {}
    stages: dict[str, str] = {}
    models: dict[str, PlannedModel] = {}
    principals: dict[str, str] = {}
    refused: list[Refused] = []
    grant_use: bool = False
    permissions_told: bool = False
    schema: str = ""
    registry_uri: str = ""
    format: int = FORMAT


@dataclass(frozen=True)
class Wanted:
    """What a person says before a plan is made: the schema, names, stages and their aliases."""

    schema: str
    names: Mapping[str, str]
    aliases: Mapping[str, str]


def made(found: Inventory, wanted: Wanted) -> MovePlan:
    """What becomes of a registry."""
    targets = {model.name: _target(model, wanted) for model in found.models}
    taken = Counter(targets.values())
    stages = {stage_of(stage).value: alias for stage, alias in wanted.aliases.items() if alias}
    mapped, models, refused = dict[str, str](), dict[str, PlannedModel](), list[Refused]()
    for model in found.models:
        why = _why_not(model, targets[model.name], taken)
        if why:
            refused.append(Refused(shown(model.name), why))
            continue
        planned = _planned(model)
        if planned.versions:
            mapped[model.name], models[model.name] = targets[model.name], planned
        else:
            refused.append(Refused(model.name, "none of its versions can be brought"))
        refused += _refusals(model, stages)
    place = Place(found.uri, found.id)
    return MovePlan(
        source=place,
        names=mapped,
        stages=stages,
        models=models,
        refused=refused,
        permissions_told=found.permissions_told,
        schema=wanted.schema,
        registry_uri=_CATALOG,
    )


def _target(model: FlatModel, wanted: Wanted) -> str:
    if model.name in wanted.names:
        return wanted.names[model.name]
    return model.name.lower() if plan.is_full(model.name) else f"{wanted.schema}.{model.new_name}"


def _why_not(model: FlatModel, target: str, taken: Counter[str]) -> str:
    why = model.problem or name_problem(model.name) or place_problem(target)
    if not why and taken[target] > 1:
        why = f"{taken[target]} models would be called {target}; give each a line of its own under `names`"
    return why or ("" if model.versions else "it has no versions")


def _planned(model: FlatModel) -> PlannedModel:
    known = [each for each in model.permissions if each.level in PRIVILEGES]
    grants: dict[str, list[str]] = {each.user: [*PRIVILEGES[each.level]] for each in known}
    versions = {each.number: _line(each) for each in model.versions if not each.why_not}
    aliases = {alias: number for alias, number in model.aliases.items() if number in versions and not _unfit(alias)}
    return PlannedModel(versions, aliases, grants, {each.user: each.level for each in model.permissions})


def _line(version: FlatVersion) -> PlannedVersion:
    found = version.contents
    if found is None:
        return PlannedVersion(version.stage)
    return PlannedVersion(version.stage, len(found.files), found.size, found.has_signature)


def _unfit(alias: str) -> str:
    try:
        names.alias(alias)
    except Failure as failure:
        return failure.message
    return ""


def _refusals(model: FlatModel, stages: Mapping[str, str]) -> Iterator[Refused]:
    """What of a model cannot be brought, or not so that everything means the same."""
    for version in model.versions:
        if version.why_not:
            yield Refused(model.name, version.why_not, version.number)
    for alias, number in model.aliases.items():
        if why := _unfit(alias):
            yield Refused(model.name, why)
        for stage, mapped in stages.items():
            highest = max((each.number for each in model.versions if each.stage == stage), default=None)
            if alias.lower() == mapped.lower() and highest not in {None, number}:
                yield Refused(
                    model.name,
                    f"its alias {alias} is at version {number}, and {stage} at version {highest}: the alias stays "
                    "where it is, and the stage answers as it did, until somebody moves one of them",
                )
    for each in model.permissions:
        if each.level not in PRIVILEGES and each.level not in _UNSAID:
            yield Refused(model.name, f"{each.user} has {each.level} there, and no grant here is like it")
        if each.level in _TRANSITIONS:
            yield Refused(
                model.name,
                f"{each.user} has {each.level} there, and gets here what CAN_EDIT gives: moving an alias asks for "
                "MANAGE, so let a deployment job move it for those who approve",
            )


# As a file


def text(move: MovePlan) -> str:
    """A plan as YAML, with a few words about it."""
    told: dict[str, Any] = msgspec.to_builtins(move, str_keys=False)
    order = (*_FIRST, "names", "stages", "grant_use", "principals")
    first = {key: told.pop(key) for key in order}
    body = {**first, **told}
    return _HEAD + yaml.dump(body, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=1_000)


class _Dumper(yaml.SafeDumper):
    """A version is one line, so that a person can take it out."""


def _represent(dumper: yaml.SafeDumper, data: dict[Any, Any]) -> yaml.Node:
    inline = bool(data) and not any(isinstance(value, (dict, list)) for value in data.values())
    brief = inline and set(data) <= {"stage", "files", "size", "signature", "model", "version", "why", "uri", "id"}
    return dumper.represent_mapping("tag:yaml.org,2002:map", data.items(), flow_style=brief)


_Dumper.add_representer(dict, _represent)


def read(text_: str) -> MovePlan:
    """A plan from its file; `Invalid` with the place where it makes no sense."""
    try:
        said: object = yaml.safe_load(text_)
    except yaml.YAMLError as error:
        raise Malformed(f"the plan is not YAML: {error}") from error
    if not isinstance(said, dict) or "source" not in said:
        raise Invalid("the plan names no `source`; make one with `modelyard upgrade plan`.")
    try:
        move = msgspec.convert(_with_text_keys(cast("dict[str, Any]", said)), MovePlan, strict=False)
    except msgspec.ValidationError as error:
        raise Invalid(f"the plan makes no sense: {error}.") from error
    if move.format != FORMAT:
        raise Invalid("the plan was written by another version of Modelyard; make it anew.")
    return _checked(move)


def _with_text_keys(said: dict[str, Any]) -> dict[str, Any]:
    """YAML takes a name such as 123 or yes for something else."""
    found = dict(said)
    for key in ("names", "models", "principals", "stages"):
        if isinstance(found.get(key), dict):
            found[key] = {str(old): value for old, value in found[key].items()}
        elif found.get(key) is None:
            found.pop(key, None)
    return found


def _checked(move: MovePlan) -> MovePlan:
    full = {old: names.model(new) for old, new in move.names.items()}
    twice = [name for name, times in Counter(full.values()).items() if times > 1]
    if twice:
        raise Invalid(f"two models of the plan would be called {twice[0]}; give one of them another name.")
    if unknown := sorted(full.keys() - move.models.keys()):
        raise Invalid(f"`models` says nothing of {shown(unknown[0])}, which `names` has.")
    checked_aliases(move.stages)
    for old, model in move.models.items():
        for alias in model.aliases:
            names.alias(alias)
        if bad := [number for number in model.versions if not 1 <= number <= names.MAX_VERSION]:
            raise Invalid(f"{shown(old)} has no version {bad[0]}.")
    return msgspec.structs.replace(move, names=full)
