"""What a flat registry holds, as it is told by whatever reads it; times are epoch milliseconds."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path
from typing import Final, Protocol
from urllib.parse import urlsplit

from modelyard.domain import legacy, names
from modelyard.domain.journal import Event
from modelyard.errors import Failure
from modelyard.upgrade import plan

MODEL_FILE: Final = "MLmodel"
EVERYTHING: Final = "*"
"""What permissions name that are for all models."""
ADMIN: Final = "ADMIN"
"""The level of those who may do everything there: they are told, and nothing is granted to them."""
_SHOWN: Final = 60


@dataclass(frozen=True, slots=True)
class FlatFile:
    """A file of a version, by its path inside it; the size in bytes is -1 where nobody says it."""

    path: str
    size: int


@dataclass(frozen=True, slots=True)
class Contents:
    """Where the files of a version are, what they are, and what its `MLmodel` has."""

    location: str
    files: tuple[FlatFile, ...] = ()
    has_signature: bool = False
    has_example: bool = False

    @property
    def has_model(self) -> bool:
        """Whether they make an MLflow model."""
        return any(file.path == MODEL_FILE for file in self.files)

    @property
    def size(self) -> int:
        """Bytes of all files, as far as they are told."""
        return sum(max(0, file.size) for file in self.files)


@dataclass(frozen=True, slots=True)
class FlatVersion:
    """A version; `contents` are there once somebody looked, and `problem` says why they are not."""

    number: int
    stage: str = "None"
    status: str = "READY"
    description: str = ""
    creator: str = ""
    created_at: int = 0
    updated_at: int = 0
    source: str = ""
    run_id: str = ""
    run_link: str = ""
    model_id: str = ""
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    contents: Contents | None = None
    problem: str = ""

    @property
    def why_not(self) -> str:
        """Why it cannot be brought into the catalog, as far as that is known; empty if it can."""
        if self.problem:
            return self.problem
        if self.status != "READY":
            return f"it is {self.status} there"
        if self.contents and not self.contents.files:
            return f"there are no files at {shown(self.contents.location, 200)}"
        if self.contents and not self.contents.has_model:
            return f"it has no {MODEL_FILE} file, so it is no MLflow model"
        return ""


@dataclass(frozen=True, slots=True)
class Permission:
    """What a user of the old registry may do with a model there."""

    user: str
    level: str


@dataclass(frozen=True, slots=True)
class FlatModel:
    """A registered model with its versions; `problem` says why it could not be looked at."""

    name: str
    description: str = ""
    creator: str = ""
    created_at: int = 0
    updated_at: int = 0
    tags: Mapping[str, str] = field(default_factory=dict[str, str])
    aliases: Mapping[str, int] = field(default_factory=dict[str, int])
    versions: tuple[FlatVersion, ...] = ()
    permissions: tuple[Permission, ...] = ()
    problem: str = ""

    @property
    def new_name(self) -> str:
        """The last level of its name in the catalog."""
        return plan.folded(self.name)

    @property
    def must_change(self) -> bool:
        """Whether its name changes beyond getting three levels."""
        return not plan.is_full(self.name) and self.new_name != self.name


@dataclass(frozen=True, slots=True)
class Webhook:
    """Who hears of what happens there: of one model, or of all (`model` ""); `to` is a host, or a job."""

    model: str
    events: tuple[str, ...]
    to: str
    status: str = ""

    @property
    def new_events(self) -> tuple[str, ...]:
        """The events here that tell the same, each once."""
        return tuple(dict.fromkeys(new for each in self.events if (new := _NEW_EVENTS.get(each.lower()))))

    @property
    def unheard(self) -> tuple[str, ...]:
        """The events that nothing here is like."""
        return tuple(each for each in self.events if each.lower() not in _NEW_EVENTS)


_NEW_EVENTS: Final[Mapping[str, str]] = {
    # of MLflow's server
    "registered_model.created": Event.REGISTERED_MODEL_CREATED,
    "model_version.created": Event.MODEL_VERSION_READY,
    "model_version_alias.created": Event.ALIAS_SET,
    "model_version_alias.deleted": Event.ALIAS_DELETED,
    # of a Databricks workspace
    "registered_model_created": Event.REGISTERED_MODEL_CREATED,
    "model_version_created": Event.MODEL_VERSION_READY,
    "model_version_transitioned_stage": Event.ALIAS_SET,
    "model_version_transitioned_to_staging": Event.ALIAS_SET,
    "model_version_transitioned_to_production": Event.ALIAS_SET,
    "model_version_transitioned_to_archived": Event.ALIAS_DELETED,
    "transition_request_created": Event.APPROVAL_REQUESTED,
    "transition_request_to_staging_created": Event.APPROVAL_REQUESTED,
    "transition_request_to_production_created": Event.APPROVAL_REQUESTED,
}
"""What people subscribe to here instead; a version is worth hearing of once it is READY."""


@dataclass(frozen=True, slots=True)
class Inventory:
    """A registry: `permissions_told` says whether it answered who may do what."""

    uri: str
    id: str
    models: tuple[FlatModel, ...]
    permissions_told: bool = False
    problems: tuple[str, ...] = ()
    webhooks: tuple[Webhook, ...] | None = None
    """None where the registry does not tell."""


class Source(Protocol):
    """What reads a flat registry; each method raises a `Failure` for the one thing that it was asked for."""

    uri: str
    id: str

    def names(self) -> Iterator[str]:
        """The names of all registered models."""
        ...

    def model(self, name: str) -> FlatModel:
        """A model with its aliases and tags, without versions."""
        ...

    def versions(self, name: str) -> Iterator[FlatVersion]:
        """The versions of a model, without what is in them."""
        ...

    def location(self, name: str, number: int) -> str:
        """Where the files of a version are."""
        ...

    def files(self, location: str) -> tuple[FlatFile, ...]:
        """The files at such a place."""
        ...

    def fetch(self, location: str, path: str, into: Path) -> Path:
        """Bring a file to this machine, at `into` if it is not there already; where it is."""
        ...

    def permissions(self) -> dict[str, list[Permission]] | None:
        """Who may do what, by the names of models; None where the registry does not tell."""
        ...

    def webhooks(self) -> tuple[Webhook, ...] | None:
        """Who hears of what happens there; None where the registry does not tell."""
        ...


def host_of(url: str) -> str:
    """Where an address leads, without what may let somebody in: user, password, parameters, and paths as Slack's."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return ""
    return f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}"


def shown(text: str, most: int = _SHOWN) -> str:
    """What a report repeats of text that somebody else has made: short and printable."""
    short = text if len(text) <= most else f"{text[:most]}… ({len(text)} characters)"
    return "".join(letter if letter.isprintable() else "�" for letter in short)


def name_problem(name: str) -> str:
    """Why a flat name cannot be kept alive as an old name; empty if it can, or is none."""
    if plan.is_full(name):
        return ""
    try:
        legacy.old_name(name)
    except Failure as failure:
        return failure.message
    return ""


def place_problem(full_name: str) -> str:
    """Why a name cannot be one of the catalog; empty if it can."""
    try:
        names.model(full_name)
    except Failure as failure:
        return failure.message
    return ""
