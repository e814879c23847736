"""Clients that are served in ways of their own, and how they are recognised."""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Mapping
from typing import Final

from modelyard.domain.journal import Origin

_MLFLOW: Final = re.compile(r"mlflow-python-client/(\d{1,4})\.(\d{1,4})\.", re.ASCII)
_FIRST_WITH_FILES: Final = (2, 13)
"""The first MLflow that uses the Files API for models of Unity Catalog."""
_OPEN_SOURCE_CLIENT: Final = "mlflow-python-client/"
_FORWARDED: Final = ("forwarded", "via", "x-forwarded-for", "x-real-ip")


def is_near(origin: Origin, headers: Mapping[str, str]) -> bool:
    """Whether MLflow's `uc:` client asks from this machine; a proxy on it that asks for others says so in a header."""
    if not origin.user_agent.startswith(_OPEN_SOURCE_CLIENT):
        return False
    return _is_loopback(origin.address) and not any(name in headers for name in _FORWARDED)


def is_old(origin: Origin) -> bool:
    """Whether it is an MLflow that knows no other way to files than those of clouds."""
    told = _MLFLOW.match(origin.user_agent)
    return told is not None and (int(told[1]), int(told[2])) < _FIRST_WITH_FILES


def _is_loopback(address: str) -> bool:
    try:
        found = ipaddress.ip_address(address)
    except ValueError:
        return False
    inner = found.ipv4_mapped if isinstance(found, ipaddress.IPv6Address) else None
    return (inner or found).is_loopback
