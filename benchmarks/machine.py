"""What a reader must know about the machine to read the numbers; nothing that says whose it is."""

import datetime as dt
import importlib.metadata
import os
import platform
from pathlib import Path

PACKAGES = ("modelyard", "mlflow", "databricks-sdk", "uvicorn", "sqlalchemy")


def facts() -> dict[str, str]:
    """Return the facts in the order they are read in; no host name, no path."""
    return {
        "date": dt.datetime.now(dt.UTC).date().isoformat(),
        "processor": _after_colon("/proc/cpuinfo", "model name"),
        "cores": str(len(os.sched_getaffinity(0))),
        "memory": f"{int(_after_colon('/proc/meminfo', 'MemTotal').split()[0]) / 1024**2:.0f} GiB",
        "kernel": f"{platform.system()} {platform.release()}",
        "python": platform.python_version(),
        **{package: _version(package) for package in PACKAGES},
    }


def _after_colon(path: str, name: str) -> str:
    for line in Path(path).read_text().splitlines():
        if line.startswith(name):
            return line.partition(":")[2].strip()
    return "0 unknown"


def _version(package: str) -> str:
    try:
        return importlib.metadata.version(package)
    except importlib.metadata.PackageNotFoundError:
        return "not installed"
