"""Notification destinations: `/api/2.0/notification-destinations`, as databricks-sdk speaks it."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from modelyard.actions import destinations
from modelyard.domain import destinations as rules
from modelyard.domain import pages
from modelyard.domain.destinations import Config, Destination
from modelyard.domain.pages import Page
from modelyard.errors import Invalid
from modelyard.surfaces.wire import Here, Row, Translation

_DESTINATIONS: Final = "/api/2.0/notification-destinations"
_DEFAULT, _MOST = 100, 1_000

_Said = dict[str, dict[str, Any]]


class One(msgspec.Struct, frozen=True):
    """A destination by its id."""

    id: str = ""


class Asked(msgspec.Struct, frozen=True):
    """A destination as it is to be."""

    display_name: str | None = None
    config: _Said | None = None

    def __repr__(self) -> str:
        """Nothing of the config: URLs and passwords stay out of logs."""
        return f"{type(self).__name__}({self.display_name!r}, …)"


class Change(Asked, frozen=True):
    """What of a destination is to change."""

    id: str = ""

    def __repr__(self) -> str:
        """As above."""
        return f"Change({self.id!r}, {self.display_name!r}, …)"


class Listing(msgspec.Struct, frozen=True):
    """A page of destinations."""

    page_size: int | None = None
    page_token: str | None = None


def _create(said: Asked) -> destinations.CreateDestination:
    if said.config is None:
        raise Invalid('config says where to send, such as {"generic_webhook": {"url": "https://…"}}.')
    return destinations.CreateDestination(rules.name(said.display_name or ""), rules.config(said.config))


def _update(said: Change) -> destinations.UpdateDestination:
    if said.display_name is None and said.config is None:
        raise Invalid("say a display_name or a config to change.")
    name = None if said.display_name is None else rules.name(said.display_name)
    return destinations.UpdateDestination(said.id, name, _config(said.config))


def _config(said: _Said | None) -> Config | None:
    return None if said is None else rules.config(said)


def _list(said: Listing) -> destinations.ListDestinations:
    window = pages.window(said.page_size, said.page_token, "notification-destinations", default=_DEFAULT, most=_MOST)
    return destinations.ListDestinations(window)


def _brief(found: Destination) -> dict[str, object]:
    return {"id": found.id, "display_name": found.display_name, "destination_type": found.kind.value}


def _whole(found: Destination, _here: Here) -> object:
    return {**_brief(found), **({"config": found.config} if found.shown else {})}


def _page(found: Page[Destination], _here: Here) -> object:
    return {"results": [_brief(each) for each in found.items], "next_page_token": pages.token(found)}


ROWS: Final[tuple[Row, ...]] = (
    Translation("POST", _DESTINATIONS, Asked, read=_create, write=_whole),
    Translation("GET", _DESTINATIONS, Listing, read=_list, write=_page),
    Translation(
        "GET", f"{_DESTINATIONS}/{{id}}", One, read=lambda said: destinations.GetDestination(said.id), write=_whole
    ),
    Translation("PATCH", f"{_DESTINATIONS}/{{id}}", Change, read=_update, write=_whole),
    Translation("DELETE", f"{_DESTINATIONS}/{{id}}", One, read=lambda said: destinations.DeleteDestination(said.id)),
)
