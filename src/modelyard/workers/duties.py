"""What a server does by itself, and how often."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from modelyard.actions.approvals import AreApprovalsDue, ExpireApprovals
from modelyard.actions.collection import CollectByItself, DiscardByItself, ForgetByItself
from modelyard.actions.deliveries import ForgetDeliveries
from modelyard.actions.deployment_jobs import IsDeploymentDue, StartDeployment
from modelyard.actions.experiments import ForgetArtifactUploads
from modelyard.actions.jobs.work import ForgetRuns
from modelyard.actions.legacy import NoteSightings
from modelyard.actions.seals import SealJournal
from modelyard.actions.sessions import ForgetLogins
from modelyard.actions.stalled import GiveUpStalled
from modelyard.actions.tables import ForgetOldRows
from modelyard.actions.tokens import ForgetExpiredTokens, NoteTokenUse
from modelyard.domain.collection import GRACE_HOURS, shelf_after
from modelyard.workers.keeper import Desk, Duty

if TYPE_CHECKING:
    from modelyard.config import Settings

_HOUR: Final = 3600.0
_DAY: Final = 24 * _HOUR
_KEPT_DAYS: Final = 7
_ABANDONED: Final = _KEPT_DAYS * _DAY
"""After a week without a byte, what is left of an upload is removed."""


def duties(settings: Settings) -> tuple[Duty, ...]:
    """Everything there is to do."""
    return (
        Duty("SealJournal", lambda desk: desk.do(SealJournal()), 1),
        Duty("NoteTokenUse", _note_token_use, 60),
        Duty("NoteSightings", _note_sightings, 5),
        Duty("ForgetExpiredTokens", lambda desk: desk.do(ForgetExpiredTokens()), 300),
        Duty("ForgetLogins", lambda desk: desk.do(ForgetLogins()), 600),
        Duty("SweepUploads", lambda desk: desk.stores.sweep(_ABANDONED), _DAY),
        Duty("GiveUpStalled", lambda desk: desk.do(GiveUpStalled(settings.pending_hours)), 600),
        Duty("ForgetRuns", lambda desk: desk.do(ForgetRuns(settings.jobs_days)), _HOUR, first=120),
        Duty("ForgetArtifactUploads", lambda desk: desk.do(ForgetArtifactUploads(_KEPT_DAYS)), _DAY),
        Duty("ForgetOldRows", lambda desk: desk.do(ForgetOldRows()), _HOUR, first=60),
        Duty("ForgetDeliveries", lambda desk: desk.do(ForgetDeliveries()), _HOUR, first=90),
        Duty("StartDeployments", _start_deployment, 1),
        Duty("ExpireApprovals", _expire_approvals, 5),
        *(_collecting() if settings.collect else ()),
    )


def _note_token_use(desk: Desk) -> None:
    used = desk.gate.uses.take()
    if used:
        desk.do(NoteTokenUse(used))


def _start_deployment(desk: Desk) -> bool:
    """Start one deployment that is due; whether there may be more."""
    return desk.do(IsDeploymentDue()) and desk.do(StartDeployment())


def _expire_approvals(desk: Desk) -> bool:
    """Conclude some requests whose time is over; whether there may be more."""
    return desk.do(AreApprovalsDue()) and desk.do(ExpireApprovals())


def _note_sightings(desk: Desk) -> None:
    """Write down who called by old names; where that fails, it is kept in mind for the next time."""
    seen = desk.gate.witnesses.take()
    if not seen:
        return
    try:
        desk.do(NoteSightings(seen))
    except Exception:
        for each in seen:
            desk.gate.witnesses.note(each)
        raise


def _collect(desk: Desk) -> bool:
    """Take one helping of what nobody names out of the database and the stores; whether there is more."""
    helping = desk.do(CollectByItself())
    return desk.do(ForgetByItself(helping, desk.stores.clear(helping.garbage))).more


class _Hunt:
    """Looks through the stores for objects of which the database knows nothing, a shelf at a time."""

    def __init__(self) -> None:
        self._after = ""

    def __call__(self, desk: Desk) -> bool:
        """Look through the next shelf; whether there is another one."""
        shelf = shelf_after(desk.stores.known, self._after)
        if shelf is None:
            self._after = ""
            return False
        self._after = str(shelf)  # first, so that a store that fails does not keep us here
        desk.do(DiscardByItself(desk.stores.shelved(shelf, GRACE_HOURS * _HOUR)))
        return True


def _collecting() -> tuple[Duty, ...]:
    return (
        Duty("HuntOrphans", _Hunt(), _DAY, first=_HOUR),
        Duty("CollectGarbage", _collect, _HOUR, first=_HOUR / 12),
    )
