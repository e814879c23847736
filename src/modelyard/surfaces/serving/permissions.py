"""Permissions on endpoints, which are named by their ids here (protocol notes §1.4)."""

from __future__ import annotations

from typing import Final

from modelyard.action import Ref
from modelyard.actions import endpoints
from modelyard.domain.privileges import Kind, Privilege
from modelyard.errors import NotFound
from modelyard.surfaces.permissions import Spoken
from modelyard.surfaces.serving.blame import blame
from modelyard.surfaces.wire import AnyAction, Row

_ID: Final = 32


def _endpoint(id_: str) -> Ref:
    """The endpoint, by its id and nothing else."""
    if len(id_) != _ID or not all(digit in "0123456789abcdef" for digit in id_):
        raise NotFound(f"Endpoint '{id_[:60]}' does not exist.")
    return Ref(Kind.ENDPOINT, id_)


def _levels(endpoint: Ref) -> AnyAction:
    return endpoints.ListLevels(endpoint)


ROWS: Final[tuple[Row, ...]] = Spoken(
    "serving-endpoints",
    "serving-endpoint",
    {
        Privilege.CAN_VIEW: "Can see the endpoint",
        Privilege.CAN_QUERY: "Can see and query the endpoint",
        Privilege.CAN_MANAGE: "Can see, query, change and delete the endpoint",
    },
    _endpoint,
    _levels,
    blame,
).rows
