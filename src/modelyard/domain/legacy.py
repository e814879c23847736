"""Old names: the flat names that models had in another registry, kept alive for code that was not changed yet.

An old name stands for one model; stages that the old code speaks of are mapped to aliases. The name `*` stands for the
schema in which models of new flat names are made. Whoever calls by an old name is remembered: a *sighting*.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import UTC, datetime
from typing import Final

from modelyard.domain import names
from modelyard.domain.models import Tag
from modelyard.domain.privileges import Kind
from modelyard.domain.stages import Stage, StageMove, stage
from modelyard.errors import Invalid, WrongState

PREFIX: Final = "old-names/"
"""What references by old names begin with; the gate puts the real name in their place."""
ANY: Final = "*"
"""The old name that stands for a schema: where models of flat names that nobody mapped are made."""
ALIASES: Final[Mapping[str, str]] = {Stage.PRODUCTION.value: "champion", Stage.STAGING.value: "challenger"}
"""The aliases that stages are mapped to, where nothing else is said."""
MAX_TAG_KEY: Final = 250
MAX_TAG_VALUE: Final = 5_000
"""Characters, as MLflow has always let them be."""
MAX_CLIENT: Final = 200
OTHERS: Final = "(other clients)"
"""What clients are called together once there are too many to tell apart."""

_LEVELS: Final = 3


@dataclass(frozen=True, slots=True)
class OldName:
    """An old name; times are epoch milliseconds.

    `target` is the full name of the model (or of the schema that `*` stands for) as it is called now, empty where it is
    gone. Calls are refused for good once it is retired, and before that from `refused_from` until `refused_until`.
    """

    name: str
    kind: Kind
    target: str
    aliases: tuple[tuple[Stage, str], ...]
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    retired_at: int | None = None
    refused_from: int | None = None
    refused_until: int | None = None

    def state(self, now: int) -> str:
        """How calls are answered at a time: `open`, `brown-out` or `retired`."""
        if self.retired_at is not None:
            return "retired"
        begun = self.refused_from is not None and self.refused_from <= now
        return "brown-out" if begun and now < (self.refused_until or 0) else "open"

    def check(self, now: int) -> None:
        """`WrongState` with the new name, where calls by the old one are refused at a time."""
        match self.state(now):
            case "retired":
                raise WrongState(f"The old name '{self.name}' is retired. {self._advice}")
            case "brown-out":
                until = datetime.fromtimestamp((self.refused_until or 0) / 1000, UTC).isoformat(timespec="seconds")
                raise WrongState(f"The old name '{self.name}' is refused until {until}, as a rehearsal. {self._advice}")
            case _:
                pass

    @property
    def _advice(self) -> str:
        aliases = ", ".join(f"`models:/{self.target}@{alias}` for {stage}" for stage, alias in self.aliases)
        return f"The model is called '{self.target}' now" + (f": use {aliases}." if aliases else ".")


@dataclass(frozen=True, slots=True)
class NameChange:
    """What an update of an old name says; None leaves a thing as it is."""

    aliases: tuple[tuple[Stage, str], ...] | None = None
    retired: bool | None = None
    refused: tuple[int, int] | None = None
    """From when until when calls are refused; two zeros end that."""


@dataclass(frozen=True, slots=True)
class Sighting:
    """Somebody who called by an old name: who, with which client, what for, and how often; times are as above.

    `refused` counts the calls that were not allowed, or came while the name was refused.
    """

    name: str
    principal_id: str
    principal: str
    client: str
    call: str
    stage: str
    first_at: int
    last_at: int
    times: int
    refused: int

    @property
    def key(self) -> tuple[str, ...]:
        """What tells it apart from others."""
        return (self.name, self.principal_id, self.client, self.call, self.stage)

    def joined(self, other: Sighting) -> Sighting:
        """Both this sighting and another of the same key, as one."""
        first, last = min(self.first_at, other.first_at), max(self.last_at, other.last_at)
        times, refused = self.times + other.times, self.refused + other.refused
        return replace(other, first_at=first, last_at=last, times=times, refused=refused)


def is_flat(name: str) -> bool:
    """Whether a name is none of a catalog: those have three levels."""
    return name.count(".") != _LEVELS - 1


def old_name(name: str) -> str:
    """A name that a model may have had in a flat registry, as written: case counts."""
    shown = "".join(letter if letter.isprintable() else "�" for letter in name[:60])
    if not name.strip() or len(name) > names.MAX_NAME or len(name.encode("utf-8", "replace")) > names.MAX_BYTES:
        raise Invalid(f"a model's name has 1 to {names.MAX_NAME} characters.")
    if "/" in name or ":" in name or not name.isprintable():
        raise Invalid(f'"{shown}" is no name of a model: it holds "/", ":" or characters that cannot be printed.')
    if not is_flat(name):
        raise Invalid(f'"{shown}" has three levels, so it means the model of that name in the catalog, and no other.')
    return names.text(name, "name")


def aliases(told: Mapping[str, str]) -> tuple[tuple[Stage, str], ...]:
    """Stages and the aliases that they are mapped to; an empty alias leaves a stage out."""
    found = {stage(word): names.alias(alias) for word, alias in told.items() if alias}
    if Stage.NONE in found:
        raise Invalid("versions in no stage have no alias; map Staging, Production and Archived.")
    if len({alias.lower() for alias in found.values()}) < len(found):
        raise Invalid("each stage needs an alias of its own.")
    return tuple(sorted(found.items()))


def window(begin: int, end: int) -> tuple[int, int]:
    """A time in which an old name is refused."""
    if (begin, end) != (0, 0) and begin >= end:
        raise Invalid("a brown-out ends after it begins.")
    return begin, end


def tag_key(key: str) -> str:
    """A tag's key as flat registries have them: also with periods, dashes and slashes."""
    if not 1 <= len(key) <= MAX_TAG_KEY or key != key.strip() or not key.isprintable():
        raise Invalid(f"a tag's key has 1 to {MAX_TAG_KEY} printable characters, without blanks at either end.")
    return names.text(key, "tag key")


def tag(key: str, value: str | None) -> Tag:
    """A tag, checked by the wider rules of flat registries."""
    told = names.text(value or "", "tag value")
    if len(told) > MAX_TAG_VALUE:
        raise Invalid(f"a tag's value has at most {MAX_TAG_VALUE} characters, this one has {len(told)}.")
    return Tag(tag_key(key), told)


# What a flat registry tells of the past

ORIGIN: Final = "flat_registry"
"""The kind of the end of a lineage that says which registry an imported version is from."""


def mark(registry: str) -> str:
    """How the name of somebody of another registry ends here."""
    return f"(imported from {registry})"


def imported(by: str, registry: str) -> str:
    """Somebody of another registry, in words that no principal's name is."""
    return f"{by or 'somebody'} {mark(registry)}"


@dataclass(frozen=True, slots=True)
class Past:
    """Where a model or a version was before, since when (epoch milliseconds), and who had made it there.

    People of another registry are words here: they are shown, and never looked up among principals.
    """

    registry: str
    name: str
    created_at: int
    created_by: str = ""
    stage: Stage = Stage.NONE
    moves: tuple[StageMove, ...] = ()

    def maker(self) -> str:
        """Who had made it, in words that nothing looks up."""
        return imported(self.created_by, self.registry)

    def origin(self, number: int) -> str:
        """What tells a version of a registry from all others."""
        return f"{self.registry}/{self.name}/{number}"


def label(text: str, what: str) -> str:
    """A short word of another registry, such as a user's name."""
    if len(text) > names.MAX_NAME or (text and not text.isprintable()):
        raise Invalid(f"the {what} has at most {names.MAX_NAME} printable characters.")
    return names.text(text, what)
