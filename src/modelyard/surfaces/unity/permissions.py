"""Permissions: who was granted what."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import access
from modelyard.domain.privileges import GrantChange, Privilege, parse
from modelyard.surfaces.unity.words import at, ref
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation


class PermissionChange(msgspec.Struct, frozen=True):
    """Privileges to add and remove for one principal."""

    principal: str = ""
    add: list[str] | None = None
    remove: list[str] | None = None

    def checked(self) -> GrantChange:
        """The change, with both spellings of privileges understood."""
        return GrantChange(
            self.principal,
            add=frozenset(parse(each) for each in self.add or ()),
            remove=frozenset(parse(each) for each in self.remove or ()),
        )


class Permissions(msgspec.Struct, frozen=True):
    """The permissions of one securable."""

    securable_type: str = ""
    full_name: str = ""
    principal: str = ""
    changes: list[PermissionChange] = []

    @property
    def ref(self) -> Ref:
        """The securable."""
        return ref(self.securable_type, self.full_name)


def _change_permissions(said: Permissions) -> AnyAction:
    return access.ChangeGrants(said.ref, tuple(change.checked() for change in said.changes))


def _assignments(found: dict[str, list[Privilege]], _here: Here) -> object:
    return {
        "privilege_assignments": [
            {"principal": principal, "privileges": [privilege.value for privilege in privileges]}
            for principal, privileges in found.items()
        ],
    }


ROWS: Final[tuple[Row, ...]] = (
    Translation(
        "GET",
        at("permissions/{securable_type}/{full_name}"),
        Permissions,
        read=lambda said: access.GetGrants(said.ref, said.principal),
        write=_assignments,
    ),
    Translation(
        "PATCH",
        at("permissions/{securable_type}/{full_name}"),
        Permissions,
        read=_change_permissions,
        write=_assignments,
    ),
)
