"""What runs beside the model as one file, for the Python of another environment."""

from __future__ import annotations

import atexit
import functools
import shutil
import tempfile
import zipfile
from pathlib import Path
from typing import Final

_MAIN: Final = """\
import os
import sys

from modelyard.batch.worker.__main__ import main

status = main()
sys.stderr.flush()
os._exit(status)
"""


@functools.cache
def bundled() -> Path:
    """A zipapp with it, which is gone when this process ends."""
    folder = Path(tempfile.mkdtemp(prefix="modelyard-batch-"))
    atexit.register(shutil.rmtree, folder, ignore_errors=True)
    sources = sorted((Path(__file__).parent / "worker").glob("*.py"))
    files = {f"modelyard/batch/worker/{source.name}": source.read_text("utf-8") for source in sources}
    path = folder / "worker.pyz"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, text in {"modelyard/__init__.py": "", "modelyard/batch/__init__.py": "", **files}.items():
            archive.writestr(name, text)
        archive.writestr("__main__.py", _MAIN)
    return path
