"""Permissions on jobs, which are named by their numbers here (protocol notes, jobs §1.10)."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from modelyard.action import Ref
from modelyard.actions.jobs import permissions as actions
from modelyard.actions.permissions import GetPermissions, Permissions, Permitted
from modelyard.domain.jobs.words import MAX_ID, PREFIX, Level
from modelyard.domain.privileges import Kind
from modelyard.errors import NotFound
from modelyard.surfaces.jobs.said import JobGrantee, levels
from modelyard.surfaces.permissions import levels_told, permission, permitted
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation

_AT: Final = "/api/2.0/permissions/jobs/{id}"
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
    access_control_list: list[JobGrantee] | None = None

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
    items = [permitted(owner.kind, owner.principal, [permission(Level.IS_OWNER)])]
    items += [_item(each) for each in others]
    return {"object_id": f"/{found.name}", "object_type": "job", "access_control_list": items}


def _item(each: Permitted) -> dict[str, Any]:
    return permitted(each.kind, each.principal, [permission(each.level, "/jobs/" if each.inherited else "")])


def _meanings(_found: object, _here: Here) -> object:
    return levels_told(_MEANINGS, _MEANINGS)


ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", _AT, Said, _get, _told),
    Translation("PUT", _AT, Said, _set, _told),
    Translation("PATCH", _AT, Said, _update, _told),
    Translation("GET", f"{_AT}/permissionLevels", Said, _levels, _meanings),
)
