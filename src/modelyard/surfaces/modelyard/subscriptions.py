"""Subscriptions to what happens in the registry."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import subscriptions
from modelyard.domain import names, pages
from modelyard.domain import subscriptions as rules
from modelyard.domain.pages import Page
from modelyard.domain.privileges import Kind
from modelyard.domain.subscriptions import Subscription
from modelyard.surfaces.modelyard.words import at
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation

_DEFAULT, _MOST = 100, 1_000


class Wish(msgspec.Struct, frozen=True):
    """What somebody wants to be told, and where: the full name of a model, a schema or a catalog."""

    full_name: str = ""
    destination_id: str = ""
    events: tuple[str, ...] = ()


class One(msgspec.Struct, frozen=True):
    """A subscription by its id."""

    id: str = ""


class Listing(msgspec.Struct, frozen=True):
    """A page of subscriptions."""

    full_name: str = ""
    max_results: int | None = None
    page_token: str | None = None


def _subscribe(said: Wish) -> subscriptions.SubscribeToModel | subscriptions.SubscribeInside:
    events = rules.events(said.events)
    match said.full_name.count("."):
        case 0:
            inside = Ref(Kind.CATALOG, names.simple(said.full_name))
        case 1:
            inside = Ref(Kind.SCHEMA, names.schema(said.full_name))
        case _:
            model = Ref(Kind.MODEL, names.model(said.full_name))
            return subscriptions.SubscribeToModel(model, said.destination_id, events)
    return subscriptions.SubscribeInside(inside, said.destination_id, events)


def _list(said: Listing) -> AnyAction:
    query = f"subscriptions {said.full_name}"
    window = pages.window(said.max_results, said.page_token, query, default=_DEFAULT, most=_MOST)
    return subscriptions.ListSubscriptions(window, said.full_name)


def _subscription(found: Subscription, _here: Here) -> object:
    return {
        "id": found.id,
        "full_name": found.full_name,
        "destination_id": found.destination_id,
        "destination": found.destination,
        "events": [event.value for event in found.events],
        "principal": found.principal,
        "created_at": found.created_at,
    }


def _page(page: Page[Subscription], here: Here) -> object:
    told = [_subscription(each, here) for each in page.items]
    return {"subscriptions": told, "next_page_token": pages.token(page)}


ROWS: Final[tuple[Row, ...]] = (
    Translation("POST", at("subscriptions"), Wish, read=_subscribe, write=_subscription),
    Translation("GET", at("subscriptions"), Listing, read=_list, write=_page),
    Translation("DELETE", at("subscriptions/{id}"), One, read=lambda said: subscriptions.DeleteSubscription(said.id)),
)
