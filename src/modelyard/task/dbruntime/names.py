"""The names that code has without importing them, such as `dbutils`, `display` and `spark`."""

from __future__ import annotations

from typing import Any, Dict

from .dbutils import DBUtils

_NO_SPARK = (
    "There is no Spark on this server. Read tables with pandas, pyarrow or deltalake; for distributed work use a "
    "cluster of your own."
)


class NoSpark:
    """Stands for `spark`, and says on its first use that there is none."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        raise RuntimeError(_NO_SPARK)

    def __call__(self, *_: object, **__: object) -> Any:  # noqa: D102  as above
        raise RuntimeError(_NO_SPARK)

    def __repr__(self) -> str:
        return "<no Spark>"


def display(value: Any = None, *_: object, **__: object) -> None:
    """Show a value: richly in a notebook, as text in a script."""
    try:
        import IPython.display
        from IPython.core.getipython import get_ipython
    except ImportError:
        print(value)
        return
    if get_ipython() is None:
        print(value)
    else:
        IPython.display.display(value)  # pyright: ignore[reportUnknownMemberType]


def displayHTML(html: str = "") -> None:
    """Show HTML in a notebook."""
    try:
        from IPython.display import HTML
    except ImportError:
        print(html)
    else:
        display(HTML(html))


def make() -> Dict[str, Any]:
    """All of them."""
    dbutils, missing = DBUtils(), NoSpark()
    return {
        "dbutils": dbutils,
        "display": display,
        "displayHTML": displayHTML,
        "getArgument": dbutils.widgets.getArgument,
        "spark": missing,
        "sc": missing,
        "sql": missing,
        "sqlContext": missing,
        "table": missing,
        "udf": missing,
    }
