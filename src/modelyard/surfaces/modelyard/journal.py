"""The audit in the columns of Databricks' `system.access.audit`, and the seals over it.

Source of the columns: https://docs.databricks.com/aws/en/admin/system-tables/audit-logs
"""

from __future__ import annotations

from dataclasses import asdict
from datetime import UTC, datetime
from typing import Final, Literal

import msgspec

from modelyard.actions import journal, seals
from modelyard.domain import names, pages
from modelyard.domain.journal import AuditFilter, Entry, Result, moment, result
from modelyard.domain.pages import Page
from modelyard.errors import Invalid
from modelyard.surfaces.modelyard.words import at
from modelyard.surfaces.wire import STATUS, AnyAction, Here, Row, Translation, short

_DEFAULT, _MOST = 100, 1_000
_VERSION: Final = "2.0"
_DONE, _FAILED = 200, 500
_STATUS: Final = {kind.__name__: status for kind, (status, _) in STATUS.items()} | {"LinkExpired": 403}


class Asked(msgspec.Struct, frozen=True):
    """Which rows of the audit are asked for."""

    since: str = ""
    until: str = ""
    principal: str = ""
    securable: str = ""
    action: str = ""
    result: str = ""
    request_id: str = ""
    order: Literal["", "asc", "desc"] = ""
    max_results: int | None = None
    page_token: str | None = None

    def filter(self) -> AuditFilter:
        """The question, checked."""
        return AuditFilter(
            since=moment(self.since, "since") if self.since else None,
            until=moment(self.until, "until") if self.until else None,
            principal=short(self.principal),
            securable=names.securable(self.securable) if self.securable else "",
            action=short(self.action),
            result=result(self.result) if self.result else "",
            request_id=short(self.request_id),
        )


class Part(msgspec.Struct, frozen=True):
    """The seal after which the chain is verified, and the digest that somebody noted for it."""

    after_seal: int = 0
    digest: str = ""


def _list(said: Asked) -> AnyAction:
    asked, oldest_first = said.filter(), said.order == "asc"
    query = f"audit {asked} {oldest_first}"
    window = pages.window(said.max_results, said.page_token, query, default=_DEFAULT, most=_MOST)
    return journal.ListAudit(asked, window, oldest_first)


def _verify(said: Part) -> AnyAction:
    if not 0 <= said.after_seal <= names.MAX_VERSION:
        raise Invalid("after_seal must be the number of a seal, or 0 for the beginning.")
    return seals.VerifyJournal(said.after_seal, said.digest.strip().lower())


def _page(page: Page[Entry], here: Here) -> object:
    return {"events": [_event(entry, here) for entry in page.items], "next_page_token": pages.token(page)}


def _event(entry: Entry, here: Here) -> dict[str, object]:
    """A row of the audit, in the columns of `system.access.audit`, and after them what only this server has."""
    time = datetime.fromtimestamp(entry.event_time / 1000, UTC)
    return {
        "account_id": here.metastore_id,
        "workspace_id": str(here.workspace_id),
        "version": _VERSION,
        "event_time": time.strftime("%Y-%m-%dT%H:%M:%S.") + f"{entry.event_time % 1000:03}Z",
        "event_date": f"{time:%Y-%m-%d}",
        "source_ip_address": entry.source_ip_address,
        "user_agent": entry.user_agent,
        "session_id": entry.token_id,
        "user_identity": {"email": entry.principal, "subject_name": entry.principal_id},
        "service_name": entry.service_name,
        "action_name": entry.action_name,
        "request_id": entry.request_id,
        "request_params": msgspec.Raw(entry.request_params.encode()),
        "response": _response(entry),
        "audit_level": "WORKSPACE_LEVEL",
        "event_id": entry.event_id,
        "identity_metadata": {"run_by": entry.principal, "run_as": entry.principal},
        "securable": entry.securable,
        "reason": entry.message if entry.result == Result.DONE else "",
        "sequence": entry.seq,
        "seal": entry.seal,
    }


def _response(entry: Entry) -> dict[str, object]:
    if entry.result == Result.DONE:
        return {"status_code": _DONE, "error_message": None, "result": entry.result}
    status = _STATUS.get(entry.error, _FAILED)
    return {"status_code": status, "error_message": entry.message, "result": entry.result}


def _verified(found: seals.Verified, _here: Here) -> object:
    """What was verified; `more` says that the next part is to be asked for, after `through`."""
    stretch, newest = found.stretch, found.newest
    return {
        "through": stretch.end.number,
        "digest": stretch.end.digest,
        "rows": stretch.rows,
        "broken": asdict(stretch.broken) if stretch.broken else None,
        "more": not stretch.broken and stretch.end != newest,
        "newest": newest.number,
        "unsealed_late": found.late,
    }


ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", at("audit"), Asked, _list, _page),
    Translation("GET", at("audit/verify"), Part, _verify, _verified),
)
