"""Wheels that tests make, so that nothing is fetched."""

from __future__ import annotations

import io
import zipfile


def wheel(name: str, code: str, entry: str = "") -> bytes:
    """A wheel with one module, and perhaps an entry point."""
    content, info = io.BytesIO(), f"{name}-1.0.dist-info"
    with zipfile.ZipFile(content, "w") as file:
        file.writestr(f"{name}.py", code)
        file.writestr(f"{info}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1.0\n")
        file.writestr(f"{info}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        if entry:
            file.writestr(f"{info}/entry_points.txt", f"[packages]\n{entry}\n")
        file.writestr(f"{info}/RECORD", "")
    return content.getvalue()
