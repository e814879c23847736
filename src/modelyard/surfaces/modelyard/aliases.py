"""The history of aliases, and the protection of aliases in schemas."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import aliases
from modelyard.domain import names, pages
from modelyard.domain.aliases import Move, Protection, pattern
from modelyard.domain.journal import moment
from modelyard.domain.pages import Page
from modelyard.domain.privileges import Kind
from modelyard.surfaces.modelyard.words import at
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation

_DEFAULT, _MOST = 100, 1_000


class Asked(msgspec.Struct, frozen=True):
    """Which moves of a model's aliases are asked for."""

    full_name: str = ""
    alias: str = ""
    at: str = ""
    max_results: int | None = None
    page_token: str | None = None


class Guarded(msgspec.Struct, frozen=True):
    """A schema, a pattern of aliases, and who may move them."""

    full_name: str = ""
    pattern: str = ""
    principals: tuple[str, ...] = ()

    @property
    def schema(self) -> Ref:
        """The schema."""
        return Ref(Kind.SCHEMA, names.schema(self.full_name))


def _moves(said: Asked) -> AnyAction:
    model = names.model(said.full_name)
    alias = names.alias(said.alias) if said.alias else ""
    time = moment(said.at, "at") if said.at else None
    query = f"moves {model} {alias} {time}"
    window = pages.window(said.max_results, said.page_token, query, default=_DEFAULT, most=_MOST)
    return aliases.ListAliasMoves(Ref(Kind.MODEL, model), window, alias, time)


def _move(move: Move) -> dict[str, object]:
    return {
        "alias": move.alias,
        "from_version": move.from_version,
        "to_version": move.to_version,
        "moved_at": move.moved_at,
        "moved_by": move.moved_by,
        "reason": move.reason,
        "request_id": move.request_id,
    }


def _page(page: Page[Move], _here: Here) -> object:
    return {"moves": [_move(move) for move in page.items], "next_page_token": pages.token(page)}


def _protections(found: list[Protection], _here: Here) -> object:
    return {"protected_aliases": [_protection(each) for each in found]}


def _protection(found: Protection) -> dict[str, object]:
    return {
        "schema": found.schema,
        "pattern": found.pattern,
        "principals": [mover.name for mover in found.movers],
        "created_at": found.created_at,
        "created_by": found.created_by,
    }


_PROTECTED: Final = at("schemas/{full_name}/protected-aliases")

ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", at("models/{full_name}/alias-history"), Asked, _moves, _page),
    Translation(
        "GET", _PROTECTED, Guarded, read=lambda said: aliases.ListProtectedAliases(said.schema), write=_protections
    ),
    Translation(
        "PUT",
        _PROTECTED,
        Guarded,
        read=lambda said: aliases.ProtectAlias(said.schema, pattern(said.pattern), said.principals),
        write=_protections,
    ),
    Translation(
        "DELETE",
        _PROTECTED,
        Guarded,
        read=lambda said: aliases.UnprotectAlias(said.schema, pattern(said.pattern)),
    ),
)
