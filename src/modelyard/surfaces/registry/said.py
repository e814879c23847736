"""What is said to the flat registry."""

from __future__ import annotations

import msgspec

from modelyard.action import Ref
from modelyard.domain import experiments as tracking
from modelyard.domain import legacy, names
from modelyard.domain.experiments import Part
from modelyard.domain.models import Registration, Tag
from modelyard.domain.privileges import Kind
from modelyard.errors import Invalid
from modelyard.surfaces.wire import Pair, short, text

_LONGEST_LINK = 2_048


def model_ref(name: str) -> Ref:
    """A model by the name of three levels that it has, or by an old one."""
    if legacy.is_flat(name):
        return Ref(Kind.MODEL, legacy.PREFIX + legacy.old_name(name))
    return Ref(Kind.MODEL, names.model(name))


def tags(pairs: list[Pair] | None) -> tuple[Tag, ...]:
    """Tags, checked, each key once (the last one wins)."""
    return tuple({pair.key: legacy.tag(pair.key, pair.value) for pair in pairs or []}.values())


class Named(msgspec.Struct, frozen=True):
    """A registered model's name."""

    name: str = ""

    @property
    def ref(self) -> Ref:
        """The model."""
        return model_ref(self.name)


class NamedVersion(Named, frozen=True):
    """A model version."""

    version: str | int = ""

    @property
    def number(self) -> int:
        """Its number."""
        return names.version(self.version)


class NewModel(Named, frozen=True):
    """CreateRegisteredModel."""

    tags: list[Pair] | None = None
    description: str | None = None


class ChangedModel(Named, frozen=True):
    """UpdateRegisteredModel."""

    description: str | None = None


class RenamedModel(Named, frozen=True):
    """RenameRegisteredModel."""

    new_name: str = ""


class Staged(Named, frozen=True):
    """GetLatestVersions."""

    stages: list[str] | None = None


class NewVersion(Named, frozen=True):
    """CreateModelVersion."""

    source: str | None = None
    run_id: str | None = None
    run_link: str | None = None
    description: str | None = None
    tags: list[Pair] | None = None
    model_id: str | None = None

    @property
    def copied(self) -> tuple[str, int] | None:
        """The model and the number of the version that this one is a copy of, if it is one."""
        scheme, _, rest = (self.source or "").partition(":/")
        name, slash, number = rest.strip("/").rpartition("/")
        return (name, names.version(number)) if scheme == "models" and slash and number.isdigit() else None

    @property
    def artifacts(self) -> tuple[Ref, str]:
        """The experiment, or what in it stands for it, and the path of the model among its artifacts."""
        scheme, _, rest = (self.source or "").partition(":/")
        first, _, path = rest.strip("/").partition("/")
        if scheme == "runs":
            return Ref(Kind.EXPERIMENT, Part.RUN.path(first)), tracking.of_run("0", first, path).path
        if scheme == "models" and first.startswith("m-"):
            return Ref(Kind.EXPERIMENT, Part.MODEL.path(first)), tracking.of_model("0", first, path).path
        place = _proxied(self.source or "")
        if place is None:
            raise Invalid(
                "This server opens no place that a client names. Log the model to experiments of this server "
                "(MLFLOW_TRACKING_URI), name a version as models:/name/version, or bring the files with the registry "
                "URI databricks-uc.",
            )
        found = tracking.proxied(place)
        return Ref(Kind.EXPERIMENT, Part.EXPERIMENT.path(found.experiment)), found.path

    @property
    def told(self) -> Registration:
        """What is kept of it."""
        link = text(self.run_link)
        if len(link) > _LONGEST_LINK:
            raise Invalid(f"run_link has at most {_LONGEST_LINK} characters.")
        return Registration(
            source=text(self.source),
            run_id=short(self.run_id),
            comment=text(self.description),
            model_id=short(self.model_id),
            tags=tags(self.tags),
            run_link=link,
        )


def _proxied(source: str) -> str | None:
    """The path among the artifacts of all experiments, where the source is one that this server has told."""
    for begin in ("mlflow-artifacts:/", tracking.LOCATION + "/"):
        rest = source.removeprefix(begin)
        if rest != source and not rest.startswith("/"):
            return rest
    return None


class ChangedVersion(NamedVersion, frozen=True):
    """UpdateModelVersion."""

    description: str | None = None


class Transition(NamedVersion, frozen=True):
    """TransitionModelVersionStage."""

    stage: str = ""
    archive_existing_versions: bool = False


class Search(msgspec.Struct, frozen=True):
    """A page of a search."""

    filter: str | None = None
    order_by: list[str] | None = None
    max_results: int | None = None
    page_token: str | None = None


class NamedAlias(NamedVersion, frozen=True):
    """An alias of a model, and the version it will point at."""

    alias: str = ""


class NamedTag(NamedVersion, frozen=True):
    """A tag of a model or of a version."""

    key: str = ""
    value: str | None = None

    @property
    def tag(self) -> Tag:
        """The tag, checked."""
        return legacy.tag(self.key, self.value)


class NamedFile(NamedVersion, frozen=True):
    """A file or directory of a version."""

    path: str = ""
    page_token: str | None = None
