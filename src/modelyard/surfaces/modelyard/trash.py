"""The trash: what was deleted, listed, restored, or removed for good."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.actions import trash
from modelyard.domain import pages
from modelyard.domain.pages import Page
from modelyard.domain.trash import Discarded, Restored
from modelyard.surfaces.modelyard.words import at
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation

_DEFAULT, _MOST = 100, 1_000


class Asked(msgspec.Struct, frozen=True):
    """Which page of the trash is asked for."""

    max_results: int | None = None
    page_token: str | None = None


class Named(msgspec.Struct, frozen=True):
    """An entry of the trash."""

    id: str = ""


def _list(said: Asked) -> AnyAction:
    return trash.ListTrash(pages.window(said.max_results, said.page_token, "trash", default=_DEFAULT, most=_MOST))


def _page(page: Page[Discarded], _here: Here) -> object:
    return {"trash": [_entry(each) for each in page.items], "next_page_token": pages.token(page)}


def _entry(entry: Discarded) -> dict[str, object]:
    return {
        "id": entry.id,
        "kind": entry.kind,
        "full_name": entry.full_name,
        "version": entry.number,
        "owner": entry.owner,
        "size": entry.size,
        "deleted_at": entry.deleted_at,
        "deleted_by": entry.deleted_by,
        "kept_until_time": entry.until,
    }


def _restored(restored: Restored, _here: Here) -> object:
    return {
        "kind": "model" if restored.number is None else "version",
        "full_name": restored.full_name,
        "version": restored.number,
        "versions": restored.versions,
        "aliases": [{"alias": each.name, "version": each.version} for each in restored.aliases],
        "aliases_left_out": list(restored.left_out),
    }


ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", at("trash"), Asked, _list, _page),
    Translation(
        "POST", at("trash/{id}/restore"), Named, read=lambda said: trash.RestoreFromTrash(said.id), write=_restored
    ),
    Translation("DELETE", at("trash/{id}"), Named, read=lambda said: trash.PurgeTrash(said.id)),
)
