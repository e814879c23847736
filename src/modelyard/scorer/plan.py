"""How the usual questions become what a model takes, without MLflow's column by column conversion.

A plan is made once of a model's signature. It reads a question only where it is certain to make of it what MLflow makes
of it: the very same names, types, index and memory layout. It knows that from the types of the values, all of which it
sees; whatever else is asked, it leaves to MLflow. What MLflow does stands in its `proto_json_utils.py`
(`dataframe_from_parsed_json`, `parse_tf_serving_input`) and `models/utils.py` (`_enforce_schema`).
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import chain
from operator import itemgetter
from typing import TYPE_CHECKING, Any, Final, Protocol, cast

import numpy as np

from modelyard.scorer import documents

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    Array = NDArray[Any]
    Cells = Array | list[str]
    Rows = Sequence[Sequence[object]]

_WHOLE: Final = 2.0**53
"""Below it every integer is a double; from it on conversions may round, and may round differently."""


@dataclass(frozen=True, slots=True)
class Given:
    """What a question gives a model: its number of rows and the checked values, an array or columns by name."""

    rows: int
    values: Array | dict[str, Cells]
    index: list[int] | None = None


class Plan(Protocol):
    """The way from a question's JSON to the argument of the model's `predict`."""

    joinable: bool
    """Whether the rows of several questions may stand in one argument."""

    def read(self, key: str, value: object) -> Given | None:
        """What stands under the only key of a question; None where it is not certain what MLflow makes of it."""
        ...

    def argument(self, given: Given) -> object:
        """What the model is called with for one question."""
        ...

    def joined(self, several: Sequence[Given]) -> object:
        """What the model is called with for several questions at once, in their order."""
        ...

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns, if all are numbers of one type; else none."""
        ...

    def array(self, several: Sequence[Given]) -> Array:
        """The rows of some questions in one array, laid out as a frame of `columns` is."""
        ...


@dataclass(frozen=True, slots=True)
class _Kind:
    """A type of the signature: of which JSON values it is certain, and how they become cells."""

    types: frozenset[type]
    cells: Callable[[Sequence[Any], bool], Cells | None]
    block: bool = True
    """Whether columns of this type stand in one array."""
    number: bool = True
    """Whether scikit-learn computes with the values as they are."""

    def read(self, values: Sequence[object]) -> Cells | None:
        """The cells of some values, None where one does not fit."""
        types = set(map(type, values))
        return self.cells(values, int in types) if types <= self.types else None


def _doubles(values: Sequence[float], integers: bool) -> Array | None:  # noqa: FBT001  `_Kind.cells`
    try:
        cells = np.array(values, np.float64)
    except OverflowError:
        return None
    if not np.isfinite(cells).all() or (integers and np.abs(cells).max() >= _WHOLE):
        return None
    return cells


def _floats(values: Sequence[float], integers: bool) -> Array | None:  # noqa: FBT001  `_Kind.cells`
    cells = _doubles(values, integers)
    if cells is None:
        return None
    with np.errstate(over="ignore"):
        narrow = cells.astype(np.float32)
    return narrow if np.isfinite(narrow).all() else None


def _longs(values: Sequence[int], _integers: bool) -> Array | None:  # noqa: FBT001  `_Kind.cells`
    try:
        return np.array(values, np.int64)
    except OverflowError:
        return None


def _integers(values: Sequence[int], _integers: bool) -> Array | None:  # noqa: FBT001  `_Kind.cells`
    cells, limits = _longs(values, _integers), np.iinfo(np.int32)
    if cells is None or cells.min() < limits.min or cells.max() > limits.max:
        return None
    return cells.astype(np.int32)


def _booleans(values: Sequence[bool], _integers: bool) -> Array:  # noqa: FBT001  `_Kind.cells`
    return np.array(values, np.bool_)


def _strings(values: Sequence[str], _integers: bool) -> list[str] | None:  # noqa: FBT001  `_Kind.cells`
    try:
        "".join(values).encode()
    except UnicodeEncodeError:  # pandas keeps half of a surrogate pair in another type of column
        return None
    return list(values)


_KINDS: Final = {
    "double": _Kind(frozenset({float, int}), _doubles),
    "float": _Kind(frozenset({float, int}), _floats),
    "long": _Kind(frozenset({int}), _longs),
    "integer": _Kind(frozenset({int}), _integers),
    "boolean": _Kind(frozenset({bool}), _booleans, number=False),
    "string": _Kind(frozenset({str}), _strings, block=False, number=False),
}
"""By the names of MLflow's `DataType`."""


class Columns:
    """The plan of a signature of named columns of simple types: DataFrames out of rows."""

    joinable = True

    def __init__(self, names: list[str], kinds: list[str], pandas: Any) -> None:  # noqa: ANN401  a module without types
        self._names = names
        self._known = set(names)
        self._kinds = [_KINDS[kind] for kind in kinds]
        self._one = self._kinds[0] if self._kinds[0].block and len(set(kinds)) == 1 else None
        self._pandas = pandas
        self._header: Any = pandas.DataFrame({name: [] for name in names}).columns
        self._pick = _picking(names)

    def read(self, key: str, value: object) -> Given | None:
        """The rows of `dataframe_split` or `dataframe_records` with exactly the signature's columns."""
        index: list[int] | None = None
        if key == "dataframe_split":
            rows = self._split(value)
            if rows is not None and (given := cast("dict[str, object]", value).get("index")) is not None:
                index = _index(given, len(rows))
                if index is None:
                    return None
        elif key == "dataframe_records":
            rows = self._records(value)
        else:
            return None
        values = None if rows is None else self._values(rows)
        return None if rows is None or values is None else Given(len(rows), values, index)

    def argument(self, given: Given) -> object:
        """A DataFrame of one question's rows."""
        return self._frame(given.values, given.index)

    def joined(self, several: Sequence[Given]) -> object:
        """A DataFrame of all questions' rows, counted from 0."""
        if self._one:
            return self._frame(_stacked(several), None)
        columns = [cast("dict[str, Cells]", given.values) for given in several]
        return self._frame({name: _after_another([each[name] for each in columns]) for name in self._names}, None)

    @property
    def columns(self) -> Sequence[str]:
        """The names of its columns, if all are numbers of one type; else none."""
        return self._names if self._one and self._one.number else ()

    def array(self, several: Sequence[Given]) -> Array:
        """The rows of some questions in one array, laid out as a frame of `columns` is."""
        return np.asfortranarray(_stacked(several))

    def _frame(self, values: Array | dict[str, Cells], index: list[int] | None) -> object:
        if isinstance(values, dict):
            return self._pandas.DataFrame(values, index=index)
        # By columns in memory, as the frame that MLflow puts together of columns: the order decides which routine of
        # BLAS computes, and with it the last bit of an answer.
        return self._pandas.DataFrame(np.asfortranarray(values), columns=self._header, index=index, copy=False)

    def _split(self, value: object) -> Rows | None:
        if type(value) is not dict:
            return None
        table = cast("dict[str, object]", value)
        rows, columns = table.get("data"), table.get("columns")
        if not table.keys() <= {"columns", "data", "index"} or not _even(rows, list, len(self._names)):
            return None
        return self._ordered(cast("Rows", rows), columns)

    def _ordered(self, rows: Rows, columns: object) -> Rows | None:
        if columns == self._names:
            return rows
        if not _even([columns], list, len(self._names)):
            return None
        named = cast("list[object]", columns)
        if set(map(type, named)) != {str} or set(named) != self._known:
            return None
        return list(map(_picking([named.index(name) for name in self._names]), rows))

    def _records(self, value: object) -> Rows | None:
        if not _even(value, dict, len(self._names)):
            return None
        try:
            return list(map(self._pick, cast("list[object]", value)))
        except KeyError:
            return None

    def _values(self, rows: Rows) -> Array | dict[str, Cells] | None:
        if self._one:
            cells = self._one.read(list(chain.from_iterable(rows)))
            return None if cells is None else cast("Array", cells).reshape(len(rows), -1)
        columns = dict[str, "Cells"]()
        for name, kind, column in zip(self._names, self._kinds, zip(*rows, strict=True), strict=True):
            cells = kind.read(column)
            if cells is None:
                return None
            columns[name] = cells
        return columns


class Tensor:
    """The plan of a signature of one tensor without a name: an array out of nested lists.

    MLflow makes it with the same call of NumPy, so every value becomes the same one.
    """

    def __init__(self, dtype: np.dtype[Any], shape: tuple[int, ...]) -> None:
        self._dtype = dtype
        self._shape = shape
        self.joinable = shape[0] == -1

    def read(self, key: str, value: object) -> Given | None:
        """The tensor of `inputs` or `instances`, if its shape is the signature's."""
        if key not in {"inputs", "instances"} or type(value) is not list or not value:
            return None
        try:
            with np.errstate(all="ignore"):
                array: Array = np.array(value, self._dtype)
        except (TypeError, ValueError, OverflowError):
            return None
        return Given(len(array), array) if self._fits(array.shape) else None

    def argument(self, given: Given) -> object:
        """The array itself."""
        return given.values

    def joined(self, several: Sequence[Given]) -> object:
        """The arrays one after the other."""
        return _stacked(several)

    @property
    def columns(self) -> Sequence[str]:
        """A tensor has none."""
        return ()

    def array(self, several: Sequence[Given]) -> Array:
        """The arrays one after the other."""
        return _stacked(several)

    def _fits(self, shape: tuple[int, ...]) -> bool:
        pairs = zip(self._shape, shape, strict=False)
        return len(shape) == len(self._shape) and all(wanted in (-1, size) for wanted, size in pairs)


def plan_of(metadata: Any, pandas: Any) -> Plan | None:  # noqa: ANN401  MLflow and pandas have no types
    """The plan of a model (its `mlflow.models.Model`), None where its signature is not of a kind that has one."""
    from_hints = getattr(metadata, "_is_signature_from_type_hint", None)
    schema = metadata.get_input_schema()
    if schema is None or not schema.inputs or (from_hints and from_hints()):
        return None
    if schema.is_tensor_spec():
        return _tensor(schema.inputs)
    names = [each.name for each in schema.inputs]
    kinds = [each.type.name if isinstance(each.type, Enum) else "" for each in schema.inputs]
    if set(map(type, names)) != {str} or len(set(names)) != len(names) or not _KINDS.keys() >= set(kinds):
        return None
    return Columns(names, kinds, pandas)


def _tensor(inputs: list[Any]) -> Tensor | None:
    dtype, shape = np.dtype(inputs[0].type), tuple(inputs[0].shape)
    certain = "fiub" if documents.EXACT else "f"
    if len(inputs) > 1 or inputs[0].name is not None or not shape or dtype.kind not in certain:
        return None
    return Tensor(dtype, shape)


def _stacked(several: Sequence[Given]) -> Array:
    arrays = [cast("Array", given.values) for given in several]
    return arrays[0] if len(arrays) == 1 else np.concatenate(arrays)


def _picking(places: Sequence[Any]) -> Callable[[Any], tuple[object, ...]]:
    if len(places) > 1:
        return itemgetter(*places)
    only = places[0]
    return lambda row: (row[only],)


def _even(rows: object, kind: type, width: int) -> bool:
    """Whether it is a list of at least one row, all of one kind and of one width."""
    if type(rows) is not list or not rows:
        return False
    several = cast("list[Any]", rows)
    return set(map(type, several)) == {kind} and set(map(len, several)) == {width}


def _index(given: object, rows: int) -> list[int] | None:
    if type(given) is not list or len(cast("list[object]", given)) != rows:
        return None
    labels = cast("list[object]", given)
    if set(map(type, labels)) != {int}:
        return None
    numbers, limits = cast("list[int]", labels), np.iinfo(np.int64)
    return numbers if min(numbers) >= limits.min and max(numbers) <= limits.max else None


def _after_another(parts: list[Cells]) -> Cells:
    if isinstance(parts[0], list):
        return list(chain.from_iterable(cast("list[list[str]]", parts)))
    return np.concatenate(cast("list[Array]", parts))
