"""Catalogs and schemas: the containers of models."""

from __future__ import annotations

from dataclasses import dataclass, field


@dataclass(frozen=True, slots=True)
class Container:
    """A catalog or a schema, told apart by the levels of `full_name`; times are epoch milliseconds."""

    id: str
    full_name: str
    owner: str
    comment: str
    created_at: int
    created_by: str
    updated_at: int
    updated_by: str
    properties: dict[str, str] = field(default_factory=dict[str, str])
    storage_root: str = ""
    """The URL of its own store, if it has one."""
    browse_only: bool = False
