"""What a pickle may import: whatever is not listed here is a finding.

Lists are by flavor, since a name that one library needs is a surprise in a model of another. A pattern of a library
admits its classes only (names that begin with a capital letter): functions are named one by one, because some would
open files, import modules or evaluate texts. Sources: what the libraries' own `__reduce__` methods and
`copyreg` write, seen in pickles of their releases, and Python's documentation of `pickle`.
"""

from __future__ import annotations

import re
from collections.abc import Iterable
from typing import Final

_BUILTINS: Final = "bool bytearray bytes complex dict float frozenset int list object range set slice str tuple"
_NAMES: Final = frozenset(
    {
        *(f"{module}.{name}" for module in ("builtins", "__builtin__") for name in _BUILTINS.split()),
        *(f"datetime.{name}" for name in ("date", "datetime", "time", "timedelta", "timezone")),
        *(f"collections.{name}" for name in ("Counter", "OrderedDict", "defaultdict", "deque")),
        "_codecs.encode",
        "copyreg._reconstructor",
        "copy_reg._reconstructor",
        "decimal.Decimal",
        "fractions.Fraction",
        "uuid.UUID",
        "pathlib.Path",
        "pathlib.PosixPath",
        "pathlib.PurePosixPath",
    }
)
_NUMPY: Final = re.compile(
    r"""numpy\.(
        (ndarray|dtype|bool_|float32|float64|int32|int64)
        | (_?core)\.(
            multiarray\.(_reconstruct|scalar)
            | numeric\._frombuffer
          )
        | random\._pickle\.__(randomstate|generator|bit_generator)_ctor
        | random\._(mt19937|pcg64|philox|sfc64)\.[A-Z]\w*
        | random\.bit_generator\.(SeedSequence|__pyx_unpickle_SeedSequence)
        | ma\.(core\.)?(MaskedArray|_mareconstruct)
        | dtypes\.[A-Z]\w*
    )""",
    re.VERBOSE | re.ASCII,
)


def _classes(*modules: str) -> re.Pattern[str]:
    """Every class of some modules, and of those inside them."""
    return re.compile(rf"({'|'.join(map(re.escape, modules))})(\.\w+)*\._*[A-Z]\w*", re.ASCII)


_SCIPY: Final = _classes("scipy.sparse", "scipy.interpolate", "scipy.spatial", "scipy.stats._distn_infrastructure")
_PANDAS: Final = (
    _classes(
        "pandas.core.arrays",
        "pandas.core.dtypes",
        "pandas.core.frame",
        "pandas.core.indexes",
        "pandas.core.internals",
        "pandas.core.series",
        "pandas._libs.tslibs",
    ),
    re.compile(
        r"pandas\.(core\.indexes\.base\._new_Index|core\.indexes\.datetimes\._new_DatetimeIndex"
        r"|_libs\.internals\._unpickle_block|_libs\.tslibs\.timestamps\._unpickle_timestamp"
        r"|_libs\.arrays\.__pyx_unpickle_\w+|arrays\.[A-Z]\w*|[A-Z]\w*Dtype|DataFrame|Series|Index|RangeIndex)",
        re.ASCII,
    ),
    re.compile(r"pyarrow\.lib\.(_restore_array|py_buffer|type_for_alias|chunked_array)", re.ASCII),
)
_SKLEARN_PARTS: Final = """
    _loss base calibration cluster compose cross_decomposition decomposition discriminant_analysis dummy ensemble
    feature_extraction feature_selection gaussian_process impute isotonic kernel_approximation kernel_ridge linear_model
    manifold metrics mixture model_selection multiclass multioutput naive_bayes neighbors neural_network pipeline
    preprocessing random_projection semi_supervised svm tree utils._bunch utils._tags
"""
_SKLEARN: Final = (
    _classes(*(f"sklearn.{part}" for part in _SKLEARN_PARTS.split())),
    re.compile(
        r"sklearn\.((neighbors|metrics)\._dist_metrics\.newObj|(tree\._tree|_loss\._loss)\.__pyx_unpickle_\w+)",
        re.ASCII,
    ),
)
_TORCH: Final = (
    _classes("torch.nn.modules", "torch.nn.parameter"),
    re.compile(
        r"torch\.(_utils\._rebuild_(tensor|tensor_v2|parameter|qtensor|device_tensor_from_numpy)"
        r"|[A-Z][A-Za-z0-9]*Storage|storage\.[A-Z]\w*Storage|device|Size|dtype|Tensor|float16|float32|float64|bfloat16"
        r"|int8|int16|int32|int64|uint8|bool|_tensor\._rebuild_from_type_v2)",
        re.ASCII,
    ),
)
_OF_FLAVORS: Final[dict[str, tuple[re.Pattern[str], ...]]] = {
    "sklearn": _SKLEARN,
    "pytorch": _TORCH,
    "xgboost": (*_SKLEARN, _classes("xgboost.core", "xgboost.sklearn")),
    "lightgbm": (*_SKLEARN, _classes("lightgbm.basic", "lightgbm.sklearn")),
    "statsmodels": (_classes("statsmodels.base", "statsmodels.genmod", "statsmodels.regression", "statsmodels.tsa"),),
}
_ALWAYS: Final = (_NUMPY, _SCIPY, *_PANDAS)


def untrusted(names: Iterable[str], flavors: Iterable[str]) -> list[str]:
    """Those names that a pickle of a model of these flavors has no reason to import, in order."""
    patterns = [*_ALWAYS, *(pattern for flavor in flavors for pattern in _OF_FLAVORS.get(flavor, ()))]
    return sorted(
        name for name in names if name not in _NAMES and not any(pattern.fullmatch(name) for pattern in patterns)
    )
