"""What an upgrade has done already: a file of JSON lines beside the plan, written before and after each step.

A line that a killed process left half written is cut off. What the server keeps decides in the end; the ledger says
which things were made by this plan, so that `undo` touches no others.
"""

from __future__ import annotations

import fcntl
import json
import os
import threading
from dataclasses import dataclass, field
from typing import IO, TYPE_CHECKING, Any, Self

from modelyard.errors import Unavailable, WrongState

if TYPE_CHECKING:
    from pathlib import Path


@dataclass
class Standing:
    """What was done for one model: `made` if it was not there before, digests by the numbers of versions."""

    full_name: str
    made: bool = False
    begun: dict[int, str] = field(default_factory=dict[int, str])
    done: dict[int, str] = field(default_factory=dict[int, str])
    aliases: dict[str, int] = field(default_factory=dict[str, int])
    grants: list[tuple[str, str]] = field(default_factory=list[tuple[str, str]])
    named: bool = False


class Ledger:
    """The ledger of one plan, which one process holds at a time."""

    def __init__(self, path: Path) -> None:
        self.path = path
        self.models: dict[str, Standing] = {}
        self._writing = threading.Lock()
        self._file = self._opened()
        try:
            self._read()
        except BaseException:
            self._file.close()
            raise

    def __enter__(self) -> Self:
        return self

    def __exit__(self, *_: object) -> None:
        self._file.close()

    def _opened(self) -> IO[bytes]:
        try:
            file = self.path.open("a+b")
        except OSError as error:
            raise Unavailable(f"the ledger {self.path.name} cannot be written: {error.strerror}.") from error
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.close()
            raise Unavailable(
                f"another process is at work on this plan, with {self.path.name}; wait for it."
            ) from error
        return file

    def _read(self) -> None:
        self._file.seek(0)
        said = self._file.read()
        whole = said[: said.rfind(b"\n") + 1]
        if len(whole) < len(said):
            self._file.truncate(len(whole))
        for number, line in enumerate(whole.splitlines(), 1):
            try:
                self._take(json.loads(line))
            except (ValueError, KeyError, TypeError) as error:
                raise WrongState(f"line {number} of {self.path.name} makes no sense; was it edited?") from error

    def standing(self, old: str, full_name: str) -> Standing:
        """What was done for a model; `WrongState` if it was brought to another name before."""
        there = self.models.setdefault(old, Standing(full_name))
        if there.full_name != full_name:
            raise WrongState(f"it was brought to {there.full_name} by this plan; undo that first.")
        return there

    def note(self, step: str, old: str, full_name: str, **what: Any) -> None:  # noqa: ANN401  JSON values
        """Write a step down for good."""
        line = {"step": step, "model": old, "full_name": full_name, **what}
        with self._writing:
            self._take(line)
            self._file.write(json.dumps(line, ensure_ascii=True).encode() + b"\n")
            self._file.flush()
            os.fsync(self._file.fileno())

    def _take(self, line: dict[str, Any]) -> None:
        there = self.models.setdefault(line["model"], Standing(line["full_name"]))
        match line["step"]:
            case "model":
                there.made = line["made"]
            case "begun":
                there.begun[line["version"]] = line["digest"]
            case "done":
                there.done[line["version"]] = line["digest"]
            case "alias":
                there.aliases[line["alias"]] = line["version"]
            case "grant":
                there.grants.append((line["principal"], line["privilege"]))
            case "named":
                there.named = True
            case "undone":
                del self.models[line["model"]]
            case other:
                raise ValueError(other)
