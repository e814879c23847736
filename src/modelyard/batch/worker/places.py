"""Where data is: on this machine, or in S3 with the credentials and the address of the environment."""

from __future__ import annotations

import os
from pathlib import Path
from typing import Any
from urllib.parse import unquote, urlsplit

from modelyard.batch.worker.arrow import filesystems

LOCAL = ("", "file")


def scheme_of(location: str) -> str:
    """The scheme of a location; paths have none."""
    scheme, found, _ = location.partition("://")
    return scheme.lower() if found else ""


def is_local(location: str) -> bool:
    """Whether it is on this machine."""
    return scheme_of(location) in LOCAL


def local_path(location: str) -> str:
    """The absolute path of a location on this machine."""
    path = unquote(urlsplit(location).path) if scheme_of(location) else location
    return str(Path(path).expanduser().absolute())


def opened(location: str) -> tuple[Any, str]:
    """What reads and writes there (a file system of Arrow), and the path that it knows the location by."""
    if is_local(location):
        return filesystems.LocalFileSystem(), local_path(location)
    if scheme_of(location) not in {"s3", "s3a"}:
        raise ValueError(f"{location} is neither a path nor in S3 (s3://bucket/folder).")
    place = urlsplit(location)
    return _s3(), f"{place.netloc}{place.path}".rstrip("/")


def _s3() -> Any:  # noqa: ANN401  pyarrow has no types
    said: dict[str, Any] = {"connect_timeout": 10.0, "request_timeout": 60.0}  # a busy store may take its time
    if endpoint := os.environ.get("AWS_ENDPOINT_URL_S3") or os.environ.get("AWS_ENDPOINT_URL"):
        # Few stores but Amazon's own understand checksums that come behind the body.
        os.environ.setdefault("AWS_REQUEST_CHECKSUM_CALCULATION", "when_required")
        said = {"endpoint_override": endpoint, "scheme": urlsplit(endpoint).scheme or "https"}
    if region := os.environ.get("AWS_REGION") or os.environ.get("AWS_DEFAULT_REGION"):
        said["region"] = region
    return filesystems.S3FileSystem(**said)
