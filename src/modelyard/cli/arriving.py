"""Versions that arrive at a server from elsewhere: where they are asked about, and how their bytes come."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING, Final
from urllib.parse import quote

from modelyard.cli.client import FILES, MLFLOW, OURS, Client, Told

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

READY: Final = "READY"
PENDING: Final = "PENDING_REGISTRATION"
_TAKEN_AT_ONCE: Final = 500


@dataclass(frozen=True)
class Place:
    """A version in the catalog: its model's full name, and its number."""

    model: str
    number: int

    @property
    def at(self) -> str:
        """Where it is asked about."""
        return f"{OURS}/models/{quote(self.model, safe='')}/versions/{self.number}"

    def file(self, path: str) -> str:
        """Where a file of it is sent."""
        return quote(f"{FILES}/files/Models/{self.model.replace('.', '/')}/{self.number}/{path}")


def take(server: Client, place: Place, files: Iterable[Mapping[str, object]], origin: str | None = None) -> set[str]:
    """Name bytes that versions of the model have, or of `origin`; the paths of files that need not be sent.

    `files` say their path, sha256 and size.
    """
    left, taken = iter(files), set[str]()
    while some := list(islice(left, _TAKEN_AT_ONCE)):
        try:
            taken.update(server.ask("POST", f"{place.at}/take", origin=origin, files=some)["taken"])
        except Told:  # whoever may not read the model sends what it has
            break
    return taken


def finalize(server: Client, place: Place) -> tuple[str, str]:
    """Make a version READY; its status then, and why it is not."""
    said = {"name": place.model, "version": str(place.number)}
    found = server.ask("POST", f"{MLFLOW}/model-versions/finalize", **said)["model_version"]
    return found["status"], found.get("status_message") or ""
