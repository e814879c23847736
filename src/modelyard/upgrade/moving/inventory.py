"""Looks at everything in a flat registry; what fails is a line of its own, and the rest goes on."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Callable, Collection, Generator, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import Any, Final

from modelyard.domain import names
from modelyard.errors import Failure, Invalid
from modelyard.upgrade.moving.registry import (
    EVERYTHING,
    MODEL_FILE,
    Contents,
    FlatModel,
    FlatVersion,
    Inventory,
    Permission,
    Source,
    Webhook,
    name_problem,
    shown,
)

MAX_MODEL_FILE: Final = 4 << 20
_SIGNATURE: Final = re.compile(rb"^signature: *(?!null\b|~|\{\}|[^\S\n])(?:\S|\n[ ])", re.MULTILINE)
_EXAMPLE: Final = re.compile(rb"^saved_input_example_info: *(?!null\b|~)(?:\S|\n[ ])", re.MULTILINE)
_UNASKED: Final = 1_024
"""Characters from which on a name is not even asked about."""


@dataclass(frozen=True)
class Wish:
    """What is looked at: models of some names, or all; with their files or without; so many at a time."""

    only: Collection[str] = ()
    with_files: bool = True
    jobs: int = 8
    advance: Callable[[int], None] = lambda _more: None


def inventory(source: Source, wish: Wish) -> Inventory:
    """Everything that a registry tells."""
    found, problems = _asked_for(source, wish)
    permissions, told = _permissions(source, problems)
    with ThreadPoolExecutor(wish.jobs) as pool, stopping(pool):
        models = list(pool.map(partial(_model, source), found))
        if wish.with_files:
            models = list(_filled(source, models, pool, wish.advance))
    whole = [replace(model, permissions=_of_model(permissions, model.name)) for model in models]
    webhooks = _webhooks(source, problems)
    return Inventory(source.uri, source.id, tuple(whole), told, tuple(problems), webhooks)


@contextmanager
def stopping(pool: ThreadPoolExecutor) -> Generator[None]:
    """Whoever interrupts a long list waits for what is under way, and not for all that would come."""
    try:
        yield
    except BaseException:
        pool.shutdown(wait=False, cancel_futures=True)
        raise


def _asked_for(source: Source, wish: Wish) -> tuple[list[str], list[str]]:
    """Those that are asked for, by name; and what went wrong on the way."""
    found: dict[str, None] = {}
    problems: list[str] = []
    try:
        for name in source.names():
            found[name] = None
    except Failure as failure:
        if not found:
            raise
        problems.append(f"the list of models broke off after {len(found)}: {failure.message}")
    if missing := sorted(set(wish.only) - found.keys()):
        raise Invalid(f"the registry has no model '{shown(missing[0])}'.")
    return sorted(set(wish.only) or found), problems


def _of_model(told: Mapping[str, list[Permission]], name: str) -> tuple[Permission, ...]:
    """What each user may do with a model: by a word about it, or else about all models."""
    found = {each.user: each for each in (*told.get(EVERYTHING, ()), *told.get(name, ()))}
    return tuple(found.values())


def _permissions(source: Source, problems: list[str]) -> tuple[dict[str, list[Permission]], bool]:
    try:
        told = source.permissions()
    except Failure as failure:
        problems.append(f"permissions could not be read: {failure.message}")
        return {}, False
    return told or {}, told is not None


def _webhooks(source: Source, problems: list[str]) -> tuple[Webhook, ...] | None:
    try:
        return source.webhooks()
    except Failure as failure:
        problems.append(f"webhooks could not be read: {failure.message}")
        return None


def _model(source: Source, name: str) -> FlatModel:
    if len(name) > _UNASKED:
        return FlatModel(name, problem=name_problem(name))
    try:
        model = source.model(name)
        versions = sorted(source.versions(name), key=lambda version: version.number)
    except Failure as failure:
        return FlatModel(name, problem=failure.message)
    return replace(model, versions=tuple(versions))


def _filled(
    source: Source, models: list[FlatModel], pool: ThreadPoolExecutor, advance: Callable[[int], None]
) -> Iterator[FlatModel]:
    """The models, with what is in their versions."""
    waiting = [[pool.submit(_look, source, model.name, version) for version in model.versions] for model in models]
    for model, versions in zip(models, waiting, strict=True):
        looked: list[FlatVersion] = []
        for each in versions:
            looked.append(each.result())
            advance(1)
        yield replace(model, versions=tuple(looked))


def _look(source: Source, name: str, version: FlatVersion) -> FlatVersion:
    try:
        return replace(version, contents=contents(source, name, version.number))
    except Failure as failure:
        return replace(version, problem=failure.message)


def lacks_signature(model_file: bytes) -> bool:
    """Whether an `MLmodel` has no signature, and an input example from which one could be made."""
    return not _SIGNATURE.search(model_file) and bool(_EXAMPLE.search(model_file))


def contents(source: Source, name: str, number: int) -> Contents:
    """Where the files of a version are, which there are, and what its `MLmodel` says."""
    location = source.location(name, names.version(number))
    files = source.files(location)
    found = Contents(location, files)
    if not found.has_model:
        return found
    with tempfile.TemporaryDirectory(prefix="modelyard-") as folder:
        at = source.fetch(location, MODEL_FILE, Path(folder) / "0")
        with at.open("rb") as file:
            said = file.read(MAX_MODEL_FILE)
    return replace(found, has_signature=bool(_SIGNATURE.search(said)), has_example=bool(_EXAMPLE.search(said)))


# As documents


def document(found: Inventory) -> dict[str, Any]:
    """A registry for machines."""
    versions = [version for model in found.models for version in model.versions]
    return {
        "uri": found.uri,
        "id": found.id,
        "summary": {
            "models": len(found.models),
            "versions": len(versions),
            "bytes": sum(version.contents.size for version in versions if version.contents),
            "names_that_change": sum(model.must_change for model in found.models),
            "versions_without_signature": sum(
                not each.contents.has_signature for each in versions if each.contents and each.contents.has_model
            ),
            "refused": sum(bool(model.problem) for model in found.models) + sum(bool(v.why_not) for v in versions),
        },
        "permissions_told": found.permissions_told,
        "webhooks": None if found.webhooks is None else [_told_webhook(each) for each in found.webhooks],
        "problems": list(found.problems),
        "models": [_told_model(model) for model in found.models],
    }


def _told_webhook(each: Webhook) -> dict[str, Any]:
    return {
        "model": each.model or None,
        "events": list(each.events),
        "to": each.to,
        "status": each.status or None,
        "new_events": list(each.new_events),
        "unheard": list(each.unheard),
    }


def _told_model(model: FlatModel) -> dict[str, Any]:
    return {
        "name": shown(model.name) if len(model.name) > _UNASKED else model.name,
        "new_name": model.new_name if len(model.name) <= _UNASKED else None,
        "must_change": model.must_change,
        "description": model.description,
        "creator": model.creator or None,
        "created_at": model.created_at,
        "updated_at": model.updated_at,
        "tags": dict(model.tags),
        "aliases": dict(model.aliases),
        "permissions": {each.user: each.level for each in model.permissions},
        "problem": model.problem or name_problem(model.name) or None,
        "versions": [_told_version(version) for version in model.versions],
    }


def _told_version(version: FlatVersion) -> dict[str, Any]:
    found = version.contents
    return {
        "version": version.number,
        "stage": version.stage,
        "status": version.status,
        "description": version.description,
        "creator": version.creator or None,
        "created_at": version.created_at,
        "updated_at": version.updated_at,
        "tags": dict(version.tags),
        "run_id": version.run_id or None,
        "run_link": version.run_link or None,
        "source": version.source,
        "location": found.location if found else None,
        "files": len(found.files) if found else None,
        "size": found.size if found else None,
        "has_mlmodel": found.has_model if found else None,
        "has_signature": found.has_signature if found else None,
        "has_input_example": found.has_example if found else None,
        "problem": version.why_not or None,
    }


def rows(found: Inventory) -> list[dict[str, Any]]:
    """A registry as the rows of a table: a model, or a version of it, each."""
    told: list[dict[str, Any]] = []
    for model in found.models:
        problem = model.problem or name_problem(model.name)
        if problem or not model.versions:
            told.append({"model": shown(model.name), "problem": problem or "it has no versions"})
        told += [{"model": shown(model.name), **_told_version(version)} for version in model.versions]
    return told
