"""Shows a notebook as a page: made by nbconvert in a process of its own, because notebooks are other people's."""

from __future__ import annotations

import re
import subprocess
import sys
from typing import Final

from modelyard.engines.local.sandbox import OUTER
from modelyard.errors import TooLarge, Unavailable

MOST: Final = 64 << 20
_SECONDS: Final = 60
_SCRIPT: Final = re.compile(r"<script\b.*?</script\s*>", re.DOTALL | re.IGNORECASE)
"""Those of the page itself, which load libraries from elsewhere."""
_MAKE: Final = """
import resource, sys
resource.setrlimit(resource.RLIMIT_AS, (4 << 30, 4 << 30))
import nbformat
from nbconvert import HTMLExporter
notebook = nbformat.reads(sys.stdin.buffer.read().decode("utf-8", "replace"), as_version=4)
exporter = HTMLExporter(template_name="lab", sanitize_html=True, require_js_url="", jquery_url="", mathjax_url="")
sys.stdout.buffer.write(exporter.from_notebook_node(notebook)[0].encode())
"""


def html(notebook: bytes) -> str:
    """A notebook (.ipynb) as one page, in which no script of the notebook is left."""
    if len(notebook) > MOST:
        raise TooLarge(f"a notebook of more than {MOST} bytes is not shown; fetch it as .ipynb.")
    try:
        done = subprocess.run(  # noqa: S603  our own Python
            (sys.executable, "-I", "-c", _MAKE),
            input=notebook,
            capture_output=True,
            check=True,
            env=OUTER,
            cwd="/",
            timeout=_SECONDS,
        )
    except subprocess.SubprocessError:
        raise Unavailable(
            "the notebook could not be made a page, for which the server needs modelyard[jobs]; fetch it as .ipynb."
        ) from None
    return _SCRIPT.sub("", done.stdout.decode())
