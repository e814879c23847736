"""What a model takes, by the signature in its `MLmodel` file, and whether an input has it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, cast

import yaml

from modelyard.errors import Invalid

if TYPE_CHECKING:
    from modelyard.batch.inputs import Source

_SHOWN: Final = 12


@dataclass(frozen=True, slots=True)
class Signature:
    """The inputs of a model that have names: their types in the words of MLflow, and which may be missing."""

    types: dict[str, str]
    optional: frozenset[str] = frozenset()


def of_model(folder: Path) -> Signature | None:
    """The signature of a model in a folder; None where it has none, or where its inputs have no names."""
    try:
        found: Any = yaml.safe_load((folder / "MLmodel").read_text())
        signature: dict[str, Any] = found.get("signature", {})
        inputs: Any = json.loads(signature.get("inputs") or "[]")
    except (OSError, ValueError, TypeError, AttributeError, yaml.YAMLError):
        raise Invalid(
            "the files of the version hold no MLmodel file that can be read; is it a model of MLflow?"
        ) from None
    specs = [cast("dict[str, Any]", each) for each in cast("list[object]", inputs) if isinstance(each, dict)]
    if not specs or any(not each.get("name") for each in specs):
        return None
    types = {str(each["name"]): str(each.get("type", "")) for each in specs}
    return Signature(types, frozenset(str(each["name"]) for each in specs if each.get("required") is False))


def features(signature: Signature | None, source: Source, wanted: tuple[str, ...] | None) -> list[str]:
    """The columns that the model is given; `Invalid` where the input lacks one that it needs."""
    if signature is None:
        asked = list(wanted) if wanted is not None else list(source.columns)
    elif wanted is not None:
        raise Invalid("the model's signature says which columns it takes; leave --feature out.")
    else:
        asked = [name for name in signature.types if name in source.columns or name not in signature.optional]
    if missing := [name for name in asked if name not in source.columns]:
        raise Invalid(
            f"the input lacks {_some(missing)}, which the model needs. Its columns are {_some(source.columns)}."
        )
    return asked


def kept(wanted: tuple[str, ...] | None, source: Source) -> list[str]:
    """The columns of the input that go into the output."""
    if wanted is None:
        return list(source.columns)
    if missing := [name for name in wanted if name not in source.columns]:
        raise Invalid(f"the input has no column {_some(missing)} to keep. Its columns are {_some(source.columns)}.")
    return list(dict.fromkeys(wanted))


def check_text(signature: Signature | None) -> None:
    """`Invalid`, if the model needs values that no CSV can hold."""
    for name, kind in (signature.types if signature else {}).items():
        if kind in {"array", "object", "map", "binary", "any", "tensor"}:
            raise Invalid(f"the model needs {name!r} as {kind}, which CSV cannot hold; bring the input as Parquet.")


def _some(names: list[str]) -> str:
    shown = ", ".join(repr(name) for name in names[:_SHOWN])
    return shown if len(names) <= _SHOWN else f"{shown} and {len(names) - _SHOWN} more"
