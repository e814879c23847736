"""Which row answers a method and a path: a tree of path segments, so that the number of routes does not matter."""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING
from urllib.parse import unquote_to_bytes

from modelyard.errors import Invalid, NoSuchRoute
from modelyard.surfaces.wire import Joining, Translation

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelyard.surfaces.wire import Row


@dataclass(slots=True)
class _Branch:
    """What follows a segment: named segments, one that may be anything, and rows that end or swallow the rest."""

    named: dict[str, _Branch] = field(default_factory=dict[str, "_Branch"])
    any_name: str = ""
    any: _Branch | None = None
    rest_name: str = ""
    rows: dict[tuple[str, str], Row] = field(default_factory=dict[tuple[str, str], "Row"])
    has_variants: bool = False
    """Whether `action` tells rows apart here: a value that none of them knows then is no request for another one."""


class Routes:
    """The rows of all tables, by method, path and `action` parameter."""

    def __init__(self, rows: Iterable[Row]) -> None:
        self._root = _Branch()
        self._fixed: dict[tuple[str, str], Row] = {}
        self._paths: set[str] = set()
        for row in rows:
            self._add(row)

    def _add(self, row: Row) -> None:
        if "{" not in row.path and not row.doing:
            for path in (row.path, *(row.older if isinstance(row, Translation | Joining) else ())):
                _put(self._fixed, (row.method, path), row)
                self._paths.add(path)
            return
        branch = self._root
        for segment in row.path.strip("/").split("/"):
            branch = _grown(branch, segment)
        branch.has_variants |= bool(row.doing)
        _put(branch.rows, (row.method, row.doing), row)

    def find(self, method: str, path: str, doing: str) -> tuple[Row, dict[str, str]]:
        """The row for a raw (still encoded) path, and its path parameters, decoded once; else `NoSuchRoute`."""
        fixed = self._fixed.get((method, path))
        if fixed is not None:
            return fixed, {"is_older": "true"} if path != fixed.path else {}
        if path in self._paths and not doing:
            raise NoSuchRoute(f"there is no {method} {path} here.")  # and no `{name}` in a tree is meant
        branch, said = self._walk(path)
        row = branch.rows.get((method, doing))
        if row is None and not branch.has_variants:
            row = branch.rows.get((method, ""))
        if row is None:
            raise NoSuchRoute(f"there is no {method} {_shown(path)} here.")
        return row, said

    def _walk(self, path: str) -> tuple[_Branch, dict[str, str]]:
        branch, said = self._root, dict[str, str]()
        swallowing: tuple[_Branch, str, int] | None = None
        segments = path.lstrip("/").split("/")
        for depth, segment in enumerate(segments):
            if branch.rest_name:
                if segment not in branch.named:
                    said[branch.rest_name] = _decoded("/".join(segments[depth:]))
                    return branch, said
                swallowing = (branch, branch.rest_name, depth)  # unless what is named more closely ends nowhere
            following = branch.named.get(segment)
            if following is None and branch.any is not None:
                said[branch.any_name] = _decoded(segment)
                following = branch.any
            if following is None:
                break
            branch = following
        else:
            if branch.rows or swallowing is None:
                return branch, said
        if swallowing:
            branch, name, depth = swallowing
            return branch, {name: _decoded("/".join(segments[depth:]))}
        raise NoSuchRoute(f"there is no {_shown(path)} here.")


def _put(rows: dict[tuple[str, str], Row], key: tuple[str, str], row: Row) -> None:
    if key in rows:
        raise ValueError(f"two rows answer {row.method} {row.path} {row.doing}")
    rows[key] = row


def _grown(branch: _Branch, segment: str) -> _Branch:
    name = segment[1:-1] if segment.startswith("{") else ""
    if not name:
        return branch.named.setdefault(segment, _Branch())
    if name.endswith(":rest"):
        branch.rest_name = name.removesuffix(":rest")
        return branch
    branch.any_name = name
    branch.any = branch.any or _Branch()
    return branch.any


def _decoded(segment: str) -> str:
    try:
        return unquote_to_bytes(segment).decode("utf-8")
    except UnicodeDecodeError:
        raise Invalid("the path is not UTF-8; percent-encode it as UTF-8.") from None


def _shown(path: str) -> str:
    return path[:200]
