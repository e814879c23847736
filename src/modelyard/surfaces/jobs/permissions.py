"""Permissions on jobs, which are named by their numbers here (protocol notes, jobs §1.10)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from modelyard.action import Ref
from modelyard.actions.jobs import permissions as actions
from modelyard.actions.permissions import GetPermissions, Permissions
from modelyard.domain.jobs.words import MAX_ID, PREFIX, Level
from modelyard.domain.privileges import Kind
from modelyard.errors import NotFound
from modelyard.surfaces.jobs.said import Grantee, levels
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation

_AT: Final = "/api/2.0/permissions/jobs/{id}"
_NAMES: Final = {"user": "user_name", "group": "group_name", "service_principal": "service_principal_name"}
_DIGITS: Final = 16
_MEANINGS: Final = {
    Level.CAN_VIEW: "Can see the job, its runs and what they leave",
    Level.CAN_MANAGE_RUN: "Can see the job, and start, cancel and repair its runs",
    Level.CAN_MANAGE: "Can do all that, change what the job runs, and delete it",
    Level.IS_OWNER: "Owns the job; its code runs as the owner where nobody else is named",
}


class Said(msgspec.Struct, frozen=True):
    """Permissions on a job."""

    id: str = ""
    access_control_list: list[Grantee] | None = None

    @property
    def job(self) -> Ref:
        """The job, by its number and nothing else."""
        if not (self.id.isascii() and self.id.isdigit() and len(self.id) <= _DIGITS and int(self.id) <= MAX_ID):
            raise NotFound(f"Job {self.id[:60]} does not exist.")
        return Ref(Kind.JOB, f"{PREFIX}{int(self.id)}")


def _get(said: Said) -> AnyAction:
    return GetPermissions(said.job)


def _set(said: Said) -> AnyAction:
    return actions.ChangeJobPermissions(said.job, levels(said.access_control_list), replaces=True)


def _update(said: Said) -> AnyAction:
    return actions.ChangeJobPermissions(said.job, levels(said.access_control_list))


def _levels(said: Said) -> AnyAction:
    return actions.ListJobLevels(said.job)


def _told(found: Permissions, _here: Here) -> object:
    owner, *others = found.permitted
    items = [_item(owner.kind, owner.principal, Level.IS_OWNER.value, inherited=False)]
    items += [_item(each.kind, each.principal, each.level.value, inherited=each.inherited) for each in others]
    return {"object_id": f"/{found.name}", "object_type": "job", "access_control_list": items}


def _item(kind: str, name: str, level: str, *, inherited: bool) -> dict[str, Any]:
    permission: dict[str, Any] = {"permission_level": level, "inherited": inherited}
    if inherited:
        permission["inherited_from_object"] = ["/jobs/"]
    return {_NAMES[kind]: name, "display_name": name, "all_permissions": [permission]}


def _meanings(_found: object, _here: Here) -> object:
    told = [{"permission_level": level.value, "description": meaning} for level, meaning in _MEANINGS.items()]
    return {"permission_levels": told}


ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", _AT, Said, _get, _told),
    Translation("PUT", _AT, Said, _set, _told),
    Translation("PATCH", _AT, Said, _update, _told),
    Translation("GET", f"{_AT}/permissionLevels", Said, _levels, _meanings),
)
