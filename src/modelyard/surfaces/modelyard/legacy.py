"""Old names of models, who still calls by them, and the history of stages."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import legacy, stages
from modelyard.domain import legacy as rules
from modelyard.domain import names, pages
from modelyard.domain.journal import moment
from modelyard.domain.legacy import ANY, NameChange, OldName, Sighting
from modelyard.domain.pages import Page
from modelyard.domain.privileges import Kind
from modelyard.domain.stages import StageMove
from modelyard.surfaces.modelyard.words import at
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation

_DEFAULT, _MOST = 100, 1_000


class Listed(msgspec.Struct, frozen=True):
    """A page of old names."""

    max_results: int | None = None
    page_token: str | None = None


class Called(msgspec.Struct, frozen=True):
    """An old name."""

    name: str = ""
    max_results: int | None = None
    page_token: str | None = None

    @property
    def where(self) -> tuple[Ref, str]:
        """The model that it stands for, and the name."""
        name = rules.old_name(self.name)
        return Ref(Kind.MODEL, rules.PREFIX + name), name


class Added(msgspec.Struct, frozen=True):
    """An old name, the model (or the schema, for `*`) that it is to stand for, and how its stages are mapped."""

    name: str = ""
    full_name: str = ""
    aliases: dict[str, str] | None = None


class Changed(Called, frozen=True):
    """What is to change about an old name; a brown-out is a time in which calls are refused."""

    aliases: dict[str, str] | None = None
    retired: bool | None = None
    refused_from: str | None = None
    refused_until: str | None = None


class Moved(msgspec.Struct, frozen=True):
    """Which transitions of a model's versions are asked for."""

    full_name: str = ""
    version: str | int = ""
    max_results: int | None = None
    page_token: str | None = None


def _add(said: Added) -> AnyAction:
    if said.name == ANY:
        return legacy.AddOldName(ANY, names.schema(said.full_name))
    mapped = rules.ALIASES if said.aliases is None else said.aliases
    return legacy.AddOldName(rules.old_name(said.name), names.model(said.full_name), rules.aliases(mapped))


def _remove(said: Called) -> AnyAction:
    return legacy.RemoveOldName(said.name if said.name == ANY else rules.old_name(said.name))


def _change(said: Changed) -> AnyAction:
    refused = None
    if said.refused_from is not None or said.refused_until is not None:
        refused = rules.window(_time(said.refused_from, "refused_from"), _time(said.refused_until, "refused_until"))
    aliases = None if said.aliases is None else rules.aliases(said.aliases)
    return legacy.UpdateOldName(*said.where, NameChange(aliases, said.retired, refused))


def _time(told: str | None, what: str) -> int:
    return moment(told, what) if told else 0


def _list(said: Listed) -> AnyAction:
    return legacy.ListOldNames(
        pages.window(said.max_results, said.page_token, "old names", default=_DEFAULT, most=_MOST)
    )


def _sightings(said: Called) -> AnyAction:
    query = f"sightings {said.name}"
    window = pages.window(said.max_results, said.page_token, query, default=_DEFAULT, most=_MOST)
    return legacy.ListSightings(*said.where, window)


def _moves(said: Moved) -> AnyAction:
    model = names.model(said.full_name)
    number = names.version(said.version) if said.version else None
    query = f"stages {model} {number}"
    window = pages.window(said.max_results, said.page_token, query, default=_DEFAULT, most=_MOST)
    return stages.ListStageMoves(Ref(Kind.MODEL, model), window, number)


def _name(name: OldName) -> dict[str, object]:
    return {
        "name": name.name,
        "full_name": name.target,
        "aliases": {stage.value: alias for stage, alias in name.aliases},
        "created_at": name.created_at,
        "created_by": name.created_by,
        "updated_at": name.updated_at,
        "updated_by": name.updated_by,
        "retired_at": name.retired_at,
        "refused_from": name.refused_from,
        "refused_until": name.refused_until,
    }


def _seen(found: legacy.Seen, _here: Here) -> dict[str, object]:
    return {**_name(found.name), "state": found.name.state(found.now), "last_seen_at": found.last_at}


def _seen_page(page: Page[legacy.Seen], here: Here) -> object:
    return {"legacy_names": [_seen(each, here) for each in page.items], "next_page_token": pages.token(page)}


def _sighting(seen: Sighting) -> dict[str, object]:
    return {
        "name": seen.name,
        "principal": seen.principal,
        "principal_id": seen.principal_id,
        "client": seen.client,
        "call": seen.call,
        "stage": seen.stage,
        "first_seen_at": seen.first_at,
        "last_seen_at": seen.last_at,
        "times": seen.times,
        "refused": seen.refused,
    }


def _sighting_page(page: Page[Sighting], _here: Here) -> object:
    return {"witnesses": [_sighting(each) for each in page.items], "next_page_token": pages.token(page)}


def _move(move: StageMove) -> dict[str, object]:
    return {
        "version": move.version,
        "from_stage": move.from_stage.value,
        "to_stage": move.to_stage.value,
        "moved_at": move.moved_at,
        "moved_by": move.moved_by,
        "request_id": move.request_id,
    }


def _move_page(page: Page[StageMove], _here: Here) -> object:
    return {"moves": [_move(each) for each in page.items], "next_page_token": pages.token(page)}


_ONE: Final = at("legacy-names/{name}")

ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", at("legacy-names"), Listed, _list, _seen_page),
    Translation("POST", at("legacy-names"), Added, _add, write=lambda name, _here: _name(name)),
    Translation("GET", _ONE, Called, read=lambda said: legacy.GetOldName(*said.where), write=_seen),
    Translation("PATCH", _ONE, Changed, _change, write=lambda name, _here: _name(name)),
    Translation("DELETE", _ONE, Called, _remove),
    Translation("GET", at("legacy-names/{name}/witnesses"), Called, _sightings, _sighting_page),
    Translation("GET", at("models/{full_name}/stage-history"), Moved, _moves, _move_page),
)
