"""Registered models and their versions: what they are, and the life of a version."""

from __future__ import annotations

import re
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Final

from modelyard.domain.deployment_jobs import VersionDeployment
from modelyard.domain.lineage import RUN, End, bounded, end
from modelyard.domain.stages import Stage
from modelyard.errors import Invalid, WrongState

MODEL_FILE: Final = "MLmodel"
"""The file that makes a folder an MLflow model; a version without one is not finalized."""

_MODEL_ID = re.compile(rb"^model_id: *['\"]?(m-[0-9a-f]{32})['\"]? *\r?$", re.MULTILINE)


class Status(StrEnum):
    """The life of a version: it waits for its files, then it is ready for good, or has failed for good."""

    PENDING_REGISTRATION = "PENDING_REGISTRATION"
    READY = "READY"
    FAILED_REGISTRATION = "FAILED_REGISTRATION"


@dataclass(frozen=True, slots=True)
class Tag:
    """A key and a value on a securable or a version."""

    key: str
    value: str


@dataclass(frozen=True, slots=True)
class TagChange:
    """Tags to set and keys to take off; `Invalid` when one key is in both, as the order would matter."""

    add: tuple[Tag, ...] = ()
    remove: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        """Refuse what contradicts itself."""
        both = {tag.key for tag in self.add} & set(self.remove)
        if both:
            raise Invalid(f"a tag is either set or removed, not both: {', '.join(sorted(both))}.")


@dataclass(frozen=True, slots=True)
class Alias:
    """A name that points at one version of a model and can be moved."""

    name: str
    version: int


@dataclass(frozen=True, slots=True)
class AliasOf:
    """An alias, and the full name of the model that has it."""

    model: str
    alias: Alias


@dataclass(frozen=True, slots=True)
class RegisteredModel:
    """A registered model; times are epoch milliseconds, people are principal names."""

    id: str
    full_name: str
    owner: str
    comment: str
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    deployment_job_id: str = ""
    deployment_job_state: str = ""
    """How it stands with that job, where it was asked."""
    aliases: tuple[Alias, ...] = ()
    tags: tuple[Tag, ...] = ()
    browse_only: bool = False

    def browsed(self) -> RegisteredModel:
        """What BROWSE shows of it: its name, comment and tags, and nothing of how it is used."""
        return replace(self, aliases=(), deployment_job_id="", deployment_job_state="", browse_only=True)

    def shown(self, *, aliases: bool) -> RegisteredModel:
        """The model as it was asked for: with its aliases or without."""
        return self if aliases else replace(self, aliases=())


@dataclass(frozen=True, slots=True)
class Version:
    """A model version; `digest` is that of its manifest, and is there once the version is READY.

    `manifest_id` names the list of its files, which several versions may share; `store_id` the store of new ones.
    `announced` is the digest that the manifest of an imported version must come to, while it waits for its files.

    `dependencies` are pairs of a type and a name, as the client that registered it said them.
    """

    id: str
    model: str
    number: int
    status: Status
    status_message: str
    source: str
    run_id: str
    run_tracking_server_id: str
    comment: str
    model_id: str
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    digest: str = ""
    manifest_id: str = ""
    store_id: str = ""
    announced: str = ""
    dependencies: tuple[tuple[str, str], ...] = ()
    aliases: tuple[Alias, ...] = ()
    tags: tuple[Tag, ...] = ()
    stage: Stage = Stage.NONE
    run_link: str = ""
    deployment: VersionDeployment | None = None
    """How far its deployment is, where it was asked and the model has a deployment job."""

    def shown(self, *, aliases: bool) -> Version:
        """The version as it was asked for: with its aliases or without."""
        return self if aliases else replace(self, aliases=())


@dataclass(frozen=True, slots=True)
class Announced:
    """What is known beforehand of a version from another server: its number there, and the digest of its manifest."""

    number: int
    digest: str


@dataclass(frozen=True, slots=True)
class Registration:
    """What a client says of a version that it is about to upload; `source` is a label and is never opened."""

    source: str
    run_id: str = ""
    run_tracking_server_id: str = ""
    comment: str = ""
    model_id: str = ""
    tags: tuple[Tag, ...] = ()
    dependencies: tuple[tuple[str, str], ...] = ()
    sources: tuple[End, ...] = ()
    """What made it and what it was made from, besides its run and its dependencies."""
    run_link: str = ""
    """An address of the run, which is only told again."""

    def ends(self) -> tuple[End, ...]:
        """Everything upstream of the version, for its lineage."""
        run = [end(RUN, self.run_id, tracking_server=self.run_tracking_server_id)]
        needed = [end(kind.lower(), name) for kind, name in self.dependencies]
        return bounded([*run, *needed, *self.sources])


def ready(version: Version, wish: str) -> Version:
    """The version, if it is READY; `wish` completes the sentence "cannot …"."""
    if version.status is not Status.READY:
        raise WrongState(f"Version {version.number} of '{version.model}' is {version.status}, so cannot {wish}.")
    return version


def pending(version: Version) -> Version:
    """The version, if it still waits for its files; the files of any other never change."""
    if version.status is not Status.PENDING_REGISTRATION:
        raise WrongState(
            f"Version {version.number} of '{version.model}' is {version.status} and its files cannot change; "
            "register a new version instead.",
        )
    return version


def model_id_in(mlmodel: bytes) -> str | None:
    """The logged model's id (`m-` and 32 hex digits) that an `MLmodel` file names at its top level, if it does.

    A look at one line, not a parse: the server gives no file of a client to a YAML parser.
    """
    found = _MODEL_ID.search(mlmodel)
    return found[1].decode() if found else None


def referenced_version(source: str) -> tuple[str, str] | None:
    """Full model name and version of a source `models:/catalog.schema.model/1`; None for any other source."""
    scheme, _, rest = source.partition(":/")
    name, slash, number = rest.strip("/").partition("/")
    three_levels = name.count(".") == 2  # noqa: PLR2004  two dots part three levels
    return (name, number) if scheme == "models" and slash and three_levels and number.isdigit() else None
