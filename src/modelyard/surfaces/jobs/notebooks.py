"""An executed notebook as a page that stands by itself."""

from __future__ import annotations

from typing import Any

from modelyard.errors import Unavailable


def page(notebook: bytes, name: str) -> str:
    """HTML of an executed notebook (.ipynb)."""
    try:
        import nbformat  # noqa: PLC0415  only where runs of notebooks are looked at
        from nbconvert import HTMLExporter  # noqa: PLC0415  as above, and slow to load
    except ImportError:
        raise Unavailable("notebooks cannot be shown here; an operator installs modelyard[jobs].") from None
    reader: Any = nbformat  # it has no types
    read = reader.reads(notebook.decode("utf-8", "replace"), as_version=4)
    exporter = HTMLExporter(sanitize_html=True, embed_images=False)
    body, _ = exporter.from_notebook_node(read, resources={"metadata": {"name": name}})
    return str(body)
