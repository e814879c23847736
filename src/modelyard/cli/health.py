"""What `modelyard doctor` looks at, from outside: the data folder, the address, the server, the token."""

from __future__ import annotations

from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING

import httpx

from modelyard.cli import seals
from modelyard.cli.client import SCIM, Client, read
from modelyard.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from modelyard.config import Settings

_ONLY_OWNER = 0o077


@dataclass(frozen=True, slots=True)
class Finding:
    """One thing that was looked at: whether it is well, and what to know or do."""

    check: str
    well: bool
    says: str

    def told(self) -> dict[str, object]:
        """As JSON."""
        return asdict(self)


def examine(settings: Settings, noted: str = "") -> list[Finding]:
    """Look at everything, in the order in which one thing needs the other; `noted` is a seal as `seals` takes it."""
    folder = settings.folder
    return [
        _private(folder),
        *(_private(folder / name) for name in ("admin-token", "keys", "modelyard.db") if (folder / name).exists()),
        _told("address", lambda: read(folder / "address") or _lost("is missing; start the server")),
        _told("server", lambda: _well(settings)),
        _told("token", lambda: _who(settings)),
        _told("audit", lambda: seals.verify(Client(settings), noted)),
    ]


def _private(path: Path) -> Finding:
    if not path.exists():
        return Finding(path.name, well=False, says="is missing; start the server once")
    mode = path.stat().st_mode & 0o777
    open_to_others = bool(mode & _ONLY_OWNER)
    return Finding(path.name, not open_to_others, f"mode {mode:o}" + ("; others can read it" if open_to_others else ""))


def _told(check: str, look: Callable[[], str]) -> Finding:
    try:
        return Finding(check, well=True, says=look())
    except Failure as failure:
        return Finding(check, well=False, says=failure.message)


def _lost(message: str) -> str:
    raise Failure(message)


def _well(settings: Settings) -> str:
    host = Client(settings).host
    try:
        answer = httpx.get(f"{host}/ready", timeout=5, trust_env=False)
    except httpx.HTTPError:
        return _lost(f"{host} does not answer")
    return f"{host} is ready" if answer.is_success else _lost(f"{host} answers {answer.status_code}")


def _who(settings: Settings) -> str:
    return f"belongs to {Client(settings).ask('GET', f'{SCIM}/Me')['userName']}"
