"""What the `MLmodel` file of a model says of it, and what its requirements name."""

from __future__ import annotations

import json
import math
from collections.abc import Mapping
from typing import Any, Final, cast

import yaml

from modelyard.domain.cards import Finding

MODEL_FILE: Final = "MLmodel"
REQUIREMENTS: Final = "requirements.txt"
MOST: Final = 1 << 20
"""Bytes of such a file that are read; a longer one is not looked into."""
_MOST_REQUIREMENTS: Final = 1_000
_LONGEST: Final = 500
_DEEPEST: Final = 30
_TEXTS: Final = ("model_id", "model_uuid", "run_id", "mlflow_version", "utc_time_created", "artifact_path")


class _Loader(yaml.SafeLoader):
    """Plain values only. Aliases are refused: a few lines of them would become gigabytes of JSON."""

    def compose_node(self, parent: Any, index: Any) -> Any:  # noqa: ANN401  as in PyYAML
        """A value that is no alias."""
        if self.check_event(yaml.AliasEvent):  # pyright: ignore[reportUnknownMemberType]  PyYAML has no types
            raise yaml.YAMLError("it has aliases")
        return super().compose_node(parent, index)


def of_model(path: str, content: bytes) -> tuple[dict[str, Any], tuple[Finding, ...]]:
    """Flavors, signature and the like; what cannot be read is a finding."""
    try:
        told: Any = yaml.load(content, _Loader)  # noqa: S506  the loader is a safe one
        if not isinstance(told, dict):
            return {}, (Finding(path, "It is no mapping of names to values."),)
        return _facts(cast("dict[str, Any]", told)), ()
    except (yaml.YAMLError, ValueError, RecursionError, UnicodeError):
        return {}, (Finding(path, "It is no YAML that can be read safely."),)


def of_requirements(content: bytes) -> dict[str, Any]:
    """The packages that are needed, a line each, as `pip` reads them."""
    lines = (line.partition("#")[0].strip() for line in content.decode(errors="replace").splitlines())
    return {"dependencies": [line[:_LONGEST] for line in lines if line][:_MOST_REQUIREMENTS]}


def _facts(told: Mapping[str, Any]) -> dict[str, Any]:
    facts: dict[str, Any] = {name: str(told[name])[:_LONGEST] for name in _TEXTS if told.get(name) is not None}
    flavors = told.get("flavors")
    if isinstance(flavors, dict):
        facts["flavors"] = _plain(cast("dict[str, Any]", flavors))
    signature = told.get("signature")
    if isinstance(signature, dict):
        facts["signature"] = {str(part): _schema(text) for part, text in cast("dict[str, Any]", signature).items()}
    return facts


def _schema(text: object) -> Any:  # noqa: ANN401  whatever JSON holds
    """A part of a signature, which is JSON in a text."""
    return _plain(json.loads(text)) if isinstance(text, str) else _plain(text)


def _plain(value: object, depth: int = 0) -> Any:  # noqa: ANN401  whatever JSON holds
    """A value as JSON can say it."""
    if depth > _DEEPEST:
        raise ValueError("too deep")
    if isinstance(value, dict):
        return {str(key): _plain(each, depth + 1) for key, each in cast("dict[object, object]", value).items()}
    if isinstance(value, list | tuple):
        return [_plain(each, depth + 1) for each in cast("list[object]", value)]
    if value is None or isinstance(value, bool | int | str) or (isinstance(value, float) and math.isfinite(value)):
        return value
    return str(value)
