"""Permissions on objects, named by their ids: `/api/2.0/permissions/<objects>/<id>` (protocol notes, serving §1.4)."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from dataclasses import dataclass
from enum import Enum
from typing import Any, Final, TypeVar

import msgspec

from modelyard.action import Ref
from modelyard.actions.permissions import ChangePermissions, GetPermissions, Permissions, Permitted
from modelyard.domain.privileges import Privilege
from modelyard.errors import Failure, Invalid
from modelyard.surfaces.wire import AnyAction, Here, Reply, Row, Translation

_Level = TypeVar("_Level", bound=Enum)
_NAMES: Final = {"user": "user_name", "group": "group_name", "service_principal": "service_principal_name"}


class Grantee(msgspec.Struct, frozen=True, kw_only=True):
    """Whom something is permitted to, by name."""

    user_name: str | None = None
    group_name: str | None = None
    service_principal_name: str | None = None

    @property
    def named(self) -> str:
        """The principal's name; `Invalid` unless there is just one."""
        named = [each for each in (self.user_name, self.group_name, self.service_principal_name) if each]
        if len(named) != 1:
            raise Invalid("an item of access_control_list names one user, group or service principal.")
        return named[0]


def permission(level: Enum, inherited_from: str = "") -> dict[str, Any]:
    """One permission as an answer tells it; where it comes from above, from which object."""
    told: dict[str, Any] = {"permission_level": level.value, "inherited": bool(inherited_from)}
    return {**told, "inherited_from_object": [inherited_from]} if inherited_from else told


def permitted(kind: str, name: str, permissions: list[dict[str, Any]], display_name: str = "") -> dict[str, Any]:
    """What a principal of a kind (user, group, service_principal) is permitted, as an answer tells it."""
    return {_NAMES[kind]: name, "display_name": display_name or name, "all_permissions": permissions}


def levels_told(meanings: Mapping[_Level, str], levels: Iterable[_Level]) -> dict[str, Any]:
    """The levels of a kind of object, and what they mean."""
    return {"permission_levels": [{"permission_level": each.value, "description": meanings[each]} for each in levels]}


class Item(Grantee, frozen=True, kw_only=True):
    """Whom something is permitted to, and what."""

    permission_level: Privilege

    def read(self) -> tuple[str, Privilege]:
        """The principal's name, and the level."""
        return self.named, self.permission_level


class Said(msgspec.Struct, frozen=True):
    """Permissions on an object."""

    id: str = ""
    access_control_list: list[Item] | None = None

    @property
    def levels(self) -> tuple[tuple[str, Privilege], ...]:
        """Whom it is permitted to."""
        return tuple(item.read() for item in self.access_control_list or ())


@dataclass(frozen=True, slots=True)
class Spoken:
    """How permissions on one kind of object are spoken of."""

    objects: str
    """In paths."""
    type: str
    meanings: Mapping[Privilege, str]
    ref: Callable[[str], Ref]
    """The object of an id; `NotFound` for what cannot be one."""
    levels: Callable[[Ref], AnyAction]
    """What lists the levels."""
    blame: Callable[[Failure], Reply]
    id_of: Callable[[Permissions], str] = lambda found: found.id

    @property
    def rows(self) -> tuple[Row, ...]:
        """The rows of its table."""
        at, ref, levels = f"/api/2.0/permissions/{self.objects}/{{id}}", self.ref, self.levels
        return (
            Translation("GET", at, Said, lambda said: GetPermissions(ref(said.id)), self._told, blame=self.blame),
            Translation(
                "PUT",
                at,
                Said,
                lambda said: ChangePermissions(ref(said.id), said.levels, replaces=True),
                self._told,
                blame=self.blame,
            ),
            Translation(
                "PATCH",
                at,
                Said,
                lambda said: ChangePermissions(ref(said.id), said.levels),
                self._told,
                blame=self.blame,
            ),
            Translation(
                "GET",
                f"{at}/permissionLevels",
                Said,
                lambda said: levels(ref(said.id)),
                self._levels,
                blame=self.blame,
            ),
        )

    def _told(self, found: Permissions, _here: Here) -> object:
        return {
            "object_id": f"/{self.objects}/{self.id_of(found)}",
            "object_type": self.type,
            "access_control_list": [self._item(each) for each in found.permitted],
        }

    def _item(self, each: Permitted) -> dict[str, Any]:
        above = f"/{self.objects}/" if each.inherited else ""
        return permitted(each.kind, each.principal, [permission(each.level, above)])

    def _levels(self, levels: tuple[Privilege, ...], _here: Here) -> object:
        return levels_told(self.meanings, levels)
