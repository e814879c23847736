"""The scorer as one file, which the Python of any environment runs."""

from __future__ import annotations

import os
import tempfile
import zipfile
from pathlib import Path
from typing import Final

_MAIN: Final = """\
from modelyard.scorer.__main__ import main

if __name__ == "__main__":
    raise SystemExit(main())
"""
_ALWAYS: Final = (1980, 1, 1, 0, 0, 0)
_FOR_EVERYBODY: Final = 0o644
"""There is no secret in it, and a model may run as another user."""


def bundle(path: Path) -> None:
    """Write the scorer to a zipapp that needs nothing of Modelyard: `python -I path --model DIR --listen FD`.

    Equal sources make equal files. A file that is there already is replaced in one step.
    """
    folder = Path(__file__).parent
    files = {f"modelyard/scorer/{source.name}": source.read_text("utf-8") for source in sorted(folder.glob("*.py"))}
    handle, unfinished = tempfile.mkstemp(dir=path.parent, suffix=".pyz")
    try:
        with os.fdopen(handle, "wb") as file, zipfile.ZipFile(file, "w", zipfile.ZIP_DEFLATED) as archive:
            for name, text in {"modelyard/__init__.py": "", **files, "__main__.py": _MAIN}.items():
                archive.writestr(zipfile.ZipInfo(name, _ALWAYS), text)
        Path(unfinished).chmod(_FOR_EVERYBODY)
        Path(unfinished).replace(path)
    except BaseException:
        Path(unfinished).unlink(missing_ok=True)
        raise
