"""What destinations have beyond their protocol: signing secrets, the log of deliveries, sending again, a test."""

from __future__ import annotations

import json
from typing import Final

import msgspec

from modelyard.actions import deliveries, destinations
from modelyard.domain import pages
from modelyard.domain.deliveries import Delivery, State, Try
from modelyard.domain.destinations import Body, Destination
from modelyard.domain.pages import Page
from modelyard.surfaces.modelyard.words import at
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation

_DEFAULT, _MOST = 100, 1_000


class One(msgspec.Struct, frozen=True):
    """A destination or a delivery by its id."""

    id: str = ""


class Bodied(One, frozen=True):
    """Which body a destination gets."""

    body: Body = Body.DOCUMENTED


class Rotation(One, frozen=True):
    """A destination that is to be signed anew, and how long the former secret goes on."""

    keep_hours: int = 24


class Listing(One, frozen=True):
    """A page of a destination's deliveries."""

    state: State | None = None
    max_results: int | None = None
    page_token: str | None = None


def _list(said: Listing) -> AnyAction:
    query = f"deliveries {said.id} {said.state}"
    window = pages.window(said.max_results, said.page_token, query, default=_DEFAULT, most=_MOST)
    return deliveries.ListDeliveries(said.id, window, said.state)


def _destination(found: Destination, _here: Here) -> object:
    return {
        "id": found.id,
        "display_name": found.display_name,
        "destination_type": found.kind.value,
        "config": found.config,
        "body": found.body.value,
        "delivers": not found.hindrance,
        "hindrance": found.hindrance,
        "signed_since_at": found.signed_since,
        "former_secret_until_at": found.former_until,
        "created_at": found.created_at,
        "created_by": found.created_by,
        "updated_at": found.updated_at,
    }


def _secret(made: destinations.SigningSecret, _here: Here) -> object:
    return {"secret": made.secret, "former_secret_until_at": made.former_until}


def _delivery(found: Delivery) -> dict[str, object]:
    return {
        "id": found.id,
        "destination_id": found.destination_id,
        "event": found.event,
        "state": found.state.value,
        "tries": found.tries,
        "status": found.status,
        "error": found.error,
        "due_at": found.due_at if found.state is State.WAITING else None,
        "created_at": found.created_at,
        "ended_at": found.ended_at,
    }


def _deliveries(page: Page[Delivery], _here: Here) -> object:
    return {"deliveries": [_delivery(each) for each in page.items], "next_page_token": pages.token(page)}


def _whole(found: tuple[Delivery, tuple[Try, ...]], _here: Here) -> object:
    delivery, tries = found
    return {**_delivery(delivery), "body": json.loads(delivery.body), "log": msgspec.to_builtins(tries)}


_DESTINATION: Final = at("notification-destinations/{id}")
_DELIVERY: Final = at("deliveries/{id}")

ROWS: Final[tuple[Row, ...]] = (
    Translation(
        "GET", _DESTINATION, One, read=lambda said: destinations.InspectDestination(said.id), write=_destination
    ),
    Translation(
        "PATCH",
        _DESTINATION,
        Bodied,
        read=lambda said: destinations.UpdateDestination(said.id, body=said.body),
        write=_destination,
    ),
    Translation(
        "POST",
        f"{_DESTINATION}/signing-secret",
        Rotation,
        read=lambda said: destinations.RotateSigningSecret(said.id, said.keep_hours),
        write=_secret,
    ),
    Translation(
        "POST",
        f"{_DESTINATION}/test",
        One,
        read=lambda said: destinations.TryDestination(said.id),
        write=lambda id_, _here: {"delivery_id": id_},
    ),
    Translation("GET", f"{_DESTINATION}/deliveries", Listing, read=_list, write=_deliveries),
    Translation(
        "POST",
        f"{_DESTINATION}/redeliver",
        One,
        read=lambda said: deliveries.RedeliverDead(said.id),
        write=lambda count, _here: {"redelivered": count},
    ),
    Translation("GET", _DELIVERY, One, read=lambda said: deliveries.GetDelivery(said.id), write=_whole),
    Translation(
        "POST",
        f"{_DELIVERY}/redeliver",
        One,
        read=lambda said: deliveries.Redeliver(said.id),
        write=lambda found, _here: _delivery(found),
    ),
)
