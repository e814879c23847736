"""What the old words become: flat names → `catalog.schema.model`, stages → aliases. Pure, and read from YAML."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any, Final, cast

import yaml

from modelyard.domain import legacy, names
from modelyard.domain.stages import Stage
from modelyard.errors import Invalid, Malformed

STAGES: Final = tuple(stage.value.lower() for stage in Stage)
"""The registry's stages, folded: its API takes them in any case."""
ALIASES: Final[Mapping[str, str]] = {stage.lower(): alias for stage, alias in legacy.ALIASES.items()}
"""What stages become unless the plan says otherwise: the words of MLflow's and Databricks' documentation."""
LEVELS: Final = 3

_UNFIT: Final = re.compile(r"[\x00-\x20\x7f./]+")
_KEYS: Final = frozenset({"names", "schema", "stages", "registry_uri"})
_OF_MOVES: Final = frozenset({"format", "source", "models", "principals", "refused", "grant_use", "permissions_told"})
"""What else a plan for moving a registry has, which is the same file: `upgrade.moving.moves`."""


@dataclass(frozen=True, slots=True)
class Plan:
    """The name map, the schema for names without an entry, the stage map, and the registry's new address."""

    names: Mapping[str, str] = field(default_factory=dict[str, str])
    schema: str = ""
    aliases: Mapping[str, str] = field(default_factory=lambda: ALIASES)
    registry_uri: str = ""

    def full_name(self, flat: str) -> str | None:
        """The new name of a flat one; `None` where the plan has none, or it is a full name already."""
        if flat in self.names:
            return self.names[flat]
        if is_full(flat) or not self.schema or not flat.strip():
            return None
        return f"{self.schema}.{folded(flat)}"

    def alias(self, stage: str) -> str | None:
        """The alias that a stage becomes; `None` for what is not a stage, or has no alias (None, Archived)."""
        return self.aliases.get(stage.lower())


def is_stage(word: str) -> bool:
    """Whether the old registry takes the word for a stage."""
    return word.lower() in STAGES


def is_full(name: str) -> bool:
    """Whether a name has the three levels of the catalog already."""
    parts = name.split(".")
    return len(parts) == LEVELS and all(part and not _UNFIT.search(part) for part in parts)


def folded(flat: str) -> str:
    """The last level for a flat name: lower case, with an underscore for what the catalog forbids."""
    return _UNFIT.sub("_", flat.strip().lower())


def made(pairs: list[str], schema: str, stages: list[str], registry_uri: str, text: str = "") -> Plan:
    """The plan of a map file's text and of options, which win over it."""
    said = _read(text)
    mapped = {**_words(said, "names"), **dict(_pair(pair) for pair in pairs)}
    words = {**_words(said, "stages"), **dict(_pair(pair) for pair in stages)}
    container = schema or str(said.get("schema") or "")
    return Plan(
        {old: names.model(new) for old, new in mapped.items()},
        names.schema(container) if container else "",
        {**ALIASES, **{_stage(stage): names.alias(alias) for stage, alias in words.items()}},
        registry_uri or str(said.get("registry_uri") or ""),
    )


def _read(text: str) -> Mapping[str, object]:
    try:
        said = cast("Any", yaml.safe_load(text) or {})
    except yaml.YAMLError as error:
        raise Malformed("the map file is not YAML; write `names:` with a line `old: catalog.schema.model`.") from error
    if not isinstance(said, dict) or set(cast("dict[str, Any]", said)) - _KEYS - _OF_MOVES:
        raise Invalid(f"the map file has a key that is not known; it may have {', '.join(sorted(_KEYS))}.")
    return cast("dict[str, object]", said)


def _words(said: Mapping[str, object], key: str) -> dict[str, str]:
    found: object = said.get(key) or {}
    if not isinstance(found, Mapping):
        raise Invalid(f"`{key}` in the map file is not a mapping; write a line `old: new` for each.")
    return {str(old): str(new) for old, new in cast("Mapping[object, object]", found).items()}


def _pair(text: str) -> tuple[str, str]:
    old, equals, new = text.rpartition("=")
    if not equals or not old or not new:
        raise Invalid(f'"{text}" has no two sides; write old=new.')
    return old, new


def _stage(word: str) -> str:
    if not is_stage(word):
        raise Invalid(f'"{word}" is not a stage; the stages are None, Staging, Production and Archived.')
    return word.lower()
