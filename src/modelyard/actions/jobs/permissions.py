"""Who may do what with a job: levels, and the one owner, whom only admins change."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import Command, Need, Query, Ref
from modelyard.actions.permissions import ChangePermissions, GetPermissions, Permissions
from modelyard.domain.access import PrincipalKind
from modelyard.domain.jobs.words import Level
from modelyard.domain.privileges import APPLICABLE, LEVELS, GrantChange, Kind, Node, Privilege
from modelyard.errors import Denied, Invalid
from modelyard.store import access, grants, jobs
from modelyard.store.tx import Look, Write

_ONE_OWNER = "The job must have exactly one owner."


@dataclass(frozen=True)
class ChangeJobPermissions(Command[Write, Permissions]):
    """Permit a job to principals; `replaces` takes it from all others first, and names the owner, too."""

    job: Ref
    levels: tuple[tuple[str, Level], ...]
    replaces: bool = False

    needs = (Need(Privilege.CAN_MANAGE, on="job"),)

    def run(self, tx: Write) -> Permissions:
        """Who may do what afterwards."""
        node = tx.at(self.job)
        owners = [name for name, level in self.levels if level is Level.IS_OWNER]
        if len(owners) > 1 or (self.replaces and not owners):
            raise Invalid(_ONE_OWNER)
        for name in owners:
            _own(tx, node, name)
        rest = tuple((name, level) for name, level in self.levels if level is not Level.IS_OWNER)
        ChangePermissions(self.job, rest, replaces=self.replaces).run(tx)
        return GetPermissions(self.job).run(tx)


@dataclass(frozen=True)
class ListJobLevels(Query[Look, tuple[Privilege, ...]]):
    """List the levels that may be permitted on a job."""

    job: Ref

    needs = (Need(Privilege.CAN_VIEW, on="job"),)

    def run(self, tx: Look) -> tuple[Privilege, ...]:  # noqa: ARG002  the same for every job that is there
        """List them."""
        return LEVELS[Kind.JOB]


def _own(tx: Write, node: Node, name: str) -> None:
    """Make somebody the owner; it is no change where that is the owner already."""
    principal = access.required(tx, name)
    if principal.id == grants.owner(tx, node):
        return
    if not tx.is_admin:
        raise Denied("Only admins make somebody else the owner of a job.")
    if principal.kind is PrincipalKind.GROUP:
        raise Invalid("a group cannot own a job; name a user or a service principal.")
    grants.change(tx, node.id, principal.id, GrantChange(principal.name, remove=APPLICABLE[Kind.JOB]))
    jobs.give(tx, node.id, principal.id)


def apply_levels(tx: Write, node: Node, levels: tuple[tuple[str, Level], ...]) -> None:
    """Permit a new job to others; its maker owns it, whoever else is named owner only if an admin says so."""
    if sum(level is Level.IS_OWNER for _, level in levels) > 1:
        raise Invalid(_ONE_OWNER)
    for name, level in levels:
        if level is Level.IS_OWNER:
            _own(tx, node, name)
        else:
            principal = access.required(tx, name)
            add = frozenset({Privilege(level.value)})
            grants.change(
                tx, node.id, principal.id, GrantChange(principal.name, add=add, remove=APPLICABLE[Kind.JOB] - add)
            )
