"""Permissions on objects, named by their ids: `/api/2.0/permissions/<objects>/<id>` (protocol notes, serving §1.4)."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any, Final

import msgspec

from modelyard.action import Ref
from modelyard.actions.permissions import ChangePermissions, GetPermissions, Permissions, Permitted
from modelyard.domain.privileges import Privilege
from modelyard.errors import Failure, Invalid
from modelyard.surfaces.wire import AnyAction, Here, Reply, Row, Translation

_NAMES: Final = {"user": "user_name", "group": "group_name", "service_principal": "service_principal_name"}


class Item(msgspec.Struct, frozen=True):
    """Whom something is permitted to."""

    permission_level: Privilege
    user_name: str | None = None
    group_name: str | None = None
    service_principal_name: str | None = None

    def read(self) -> tuple[str, Privilege]:
        """The principal's name, and the level."""
        named = [each for each in (self.user_name, self.group_name, self.service_principal_name) if each]
        if len(named) != 1:
            raise Invalid("an item of access_control_list names one user, group or service principal.")
        return named[0], self.permission_level


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
        permission: dict[str, Any] = {"permission_level": each.level.value, "inherited": each.inherited}
        if each.inherited:
            permission["inherited_from_object"] = [f"/{self.objects}/"]
        return {_NAMES[each.kind]: each.principal, "display_name": each.principal, "all_permissions": [permission]}

    def _levels(self, levels: tuple[Privilege, ...], _here: Here) -> object:
        told = [{"permission_level": each.value, "description": self.meanings[each]} for each in levels]
        return {"permission_levels": told}
