"""The gate: identify, decide, do, record. Every question and every change goes through `Gate.do`.

One transaction proves who calls, resolves what the action's references name, decides, does the work and writes the
audit row. If the work fails, everything is undone, and the attempt is recorded in a second transaction.
"""

from __future__ import annotations

import contextlib
import logging
import time
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import msgspec

from modelyard.action import Chore
from modelyard.actions.sessions import admitted
from modelyard.domain.access import (
    SERVER,
    Bearer,
    Caller,
    ClientSecret,
    Credential,
    ProvenIdentity,
    Server,
    Session,
    Signed,
    Unproven,
    is_genuine,
)
from modelyard.domain.journal import Result
from modelyard.domain.privileges import Outcome, decide
from modelyard.errors import (
    AlreadyExists,
    Denied,
    Failure,
    LinkExpired,
    NotFound,
    Unauthenticated,
    Unavailable,
    Undecided,
)
from modelyard.store import access, credentials, journal
from modelyard.store.session import CommitLost, Unreachable
from modelyard.store.tx import Contended, Context, Write, new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelyard.action import Action, Need, Ref
    from modelyard.domain.journal import Origin
    from modelyard.domain.privileges import Chain, Decision
    from modelyard.store.session import Database
    from modelyard.store.tx import Look

log = logging.getLogger(__name__)

Done = TypeVar("Done")

_TRIES: Final = 5
_MINUTE: Final = 60_000
_PATIENCE_SECONDS: Final = 30
"""How long a caller waits at most to learn what became of a COMMIT: less than clients wait for an answer (60, 120)."""
_PAUSE_SECONDS: Final = 0.25
_NOT_DONE: Final = "the database did not answer; nothing was changed. Ask again shortly."
_COALESCED_SECONDS: Final = 60
_MOST_ADDRESSES: Final = 10_000
_STRANGER: Final = (
    "The token is missing, unknown, expired or revoked. Send `Authorization: Bearer <token>`; "
    "an admin makes tokens with `modelyard token create`."
)
_STRANGE_CLIENT: Final = (
    "The client id or its secret is missing, unknown, expired or deleted. Send a service principal's application id "
    "and a secret of it by HTTP Basic; an admin makes secrets with `modelyard secrets create`."
)
_FAILURES: Final = {Outcome.DENIED: Denied, Outcome.MISSING: NotFound, Outcome.TAKEN: AlreadyExists}


@dataclass(slots=True)
class _Attempt:
    """What is known so far of one attempt, for the record."""

    action: Action[Any, Any]
    origin: Origin
    caller: Caller | None = None
    reason: str = ""
    event_id: str = field(default_factory=new_id)
    is_settled: bool = False
    """Whether its record, or why there is none, is known already."""


@dataclass(slots=True)
class Uses:
    """When tokens were last used, to the minute: kept in memory, as a read shall not wait for a transaction to write.

    Each process has its own; what it has seen since the last time is taken, and written down by `NoteTokenUse`.
    """

    _seen: dict[str, int] = field(default_factory=dict[str, int])

    def note(self, token_id: str, now: int) -> None:
        """A token was shown just now."""
        self._seen[token_id] = now - now % _MINUTE

    def take(self) -> tuple[tuple[str, int], ...]:
        """Ids of tokens and epoch milliseconds, and no more of them."""
        seen, self._seen = self._seen, {}
        return tuple(sorted(seen.items()))


@dataclass(slots=True)
class Gate:
    """Decides and records; shared by all threads of the process."""

    database: Database
    store_id: str
    signing_key: bytes
    trash_days: int
    roots: Mapping[str, str] = field(default_factory=dict[str, str])
    clock: Callable[[], float] = time.time
    uses: Uses = field(default_factory=Uses)
    _strangers: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])

    def do(self, action: Action[Any, Done], credential: Credential, origin: Origin) -> Done:
        """Do an action for whoever shows this credential, or raise the `Failure` that says why not."""
        for _ in range(_TRIES):
            attempt = _Attempt(action, origin, SERVER if isinstance(credential, Server) else None)
            try:
                return self._once(attempt, credential)
            except Contended:
                continue
            except Failure as failure:
                self._record_failure(attempt, failure)
                raise
            except Exception as error:
                self._record_failure(attempt, error)
                raise
        raise Unavailable("others changed the same thing at the same time; nothing was done. Ask again shortly.")

    def identify(self, credential: Credential) -> Caller:
        """Who shows this credential, or `Unauthenticated`."""
        with self.database.look() as tx:
            return self._caller(tx, credential)

    def check(self) -> None:
        """Whether a transaction begins, or `Unavailable`."""
        with self.database.look():
            pass

    def _once(self, attempt: _Attempt, credential: Credential) -> Any:  # noqa: ANN401  the action's own result
        if not attempt.action.is_change:
            with self.database.look() as tx:
                return self._decided(tx, attempt, credential)
        result: Any = None
        try:
            with self.database.write() as tx:
                result = self._decided(tx, attempt, credential)
                if attempt.caller is not SERVER:
                    self._record(tx, attempt, Result.DONE, "", attempt.reason)
        except CommitLost:
            if attempt.caller is SERVER:
                raise
            self._settle(attempt)
        return result

    def _decided(self, tx: Look, attempt: _Attempt, credential: Credential) -> Any:  # noqa: ANN401  as above
        action = attempt.action
        # Until it is known who calls, the server acts: it may have to make the user whom a provider has proved.
        tx.enter(self._context(attempt, SERVER, {}))
        attempt.caller = caller = self._caller(tx, credential)
        if action.is_change and isinstance(credential, Session) and not credential.confirmed:
            raise Unauthenticated("A cookie alone changes nothing; send the page's Origin and its CSRF header too.")
        if isinstance(action, Chore) != (caller is SERVER):
            raise Denied("only the server itself does this work, and no other.")
        chains: dict[Ref, Chain] = {}
        reasons: list[str] = []
        for need in action.needs:
            ref = cast("Ref", getattr(action, need.on))
            chain = access.chain(tx, caller, ref, getattr(action, need.naming) if need.naming else "")
            reasons.append(_allowed(need, chain).reason)
            chains[ref] = chain
        attempt.reason = "; ".join(reasons) or action.open_to
        tx.enter(self._context(attempt, caller, chains))
        return action.run(tx)

    def _context(self, attempt: _Attempt, caller: Caller, chains: dict[Ref, Chain]) -> Context:
        return Context(caller, chains, self._now(), attempt.origin, self.store_id, self.trash_days, self.roots)

    def _caller(self, tx: Look, credential: Credential) -> Caller:
        caller, wrong = None, _STRANGER
        match credential:
            case Bearer(secret):
                caller = self._bearer(tx, secret)
            case ClientSecret(client_id, secret):
                caller, wrong = credentials.client(tx, client_id, secret, self._now()), _STRANGE_CLIENT
            case Signed():
                caller = access.caller_by_id(tx, self._checked(credential).principal_id)
            case Session(secret):
                caller = self._in_session(tx, secret)
            case ProvenIdentity() if isinstance(tx, Write):
                caller = admitted(tx, credential)
            case Unproven(reason):
                raise Unauthenticated(reason)
            case Server():
                caller = SERVER
            case _:
                pass
        if caller is None:
            raise Unauthenticated(wrong)
        return caller

    def _bearer(self, tx: Look, secret: str) -> Caller | None:
        now = self._now()
        caller = access.caller_by_secret(tx, secret, now)
        if caller is not None:
            self.uses.note(caller.token_id, now)
        return caller

    def _in_session(self, tx: Look, secret: str) -> Caller:
        caller = access.caller_in_session(tx, secret, self._now())
        if caller is None:
            raise Unauthenticated("You are not signed in any more; sign in again at /login.")
        return caller

    def _checked(self, shown: Signed) -> Signed:
        if not is_genuine(self.signing_key, shown):
            raise Unauthenticated("The signature of this URL is not valid; ask for a new one.")
        if shown.expires_at <= self._now():
            raise LinkExpired("Request has expired")
        return shown

    def _now(self) -> int:
        return int(self.clock() * 1000)

    # The journal

    def _record(self, tx: Write, attempt: _Attempt, result: Result, error: str, message: str) -> None:
        action = attempt.action
        name = type(action).__name__
        told = journal.Attempt(
            event_id=attempt.event_id,
            action=name[0].lower() + name[1:],
            securable=tx.subject or _subject(action),
            params=msgspec.json.encode(action).decode(),
            caller=attempt.caller,
            origin=attempt.origin,
            result=result,
            error=error,
            message=message,
        )
        journal.record(tx, told, self._now())

    def _record_failure(self, attempt: _Attempt, failure: Exception) -> None:
        refused = isinstance(failure, Denied | Unauthenticated)
        if not (refused or attempt.action.is_change) or attempt.caller is SERVER:
            return
        if attempt.is_settled or isinstance(failure, Unreachable):
            return
        message = failure.message if isinstance(failure, Failure) else "internal error"
        if attempt.caller is None and not self._is_news(attempt.origin, message):
            return
        result = Result.REFUSED if refused else Result.FAILED
        try:
            with self.database.write() as tx:
                self._record(tx, attempt, result, type(failure).__name__, message)
        except Exception:
            log.exception("an attempt could not be recorded", extra={"request_id": attempt.origin.request_id})

    def _is_news(self, origin: Origin, message: str) -> bool:
        """Whether no stranger from this address was refused for the same reason within the last minute."""
        now, key = self.clock(), (origin.address, message)
        if now - self._strangers.get(key, 0.0) < _COALESCED_SECONDS:
            return False
        if len(self._strangers) >= _MOST_ADDRESSES:
            self._strangers.clear()
        self._strangers[key] = now
        return True

    # Lost commits

    def _settle(self, attempt: _Attempt) -> None:
        """Find out whether a COMMIT without an answer happened; return if it did, and raise if not, or if none can say.

        Whoever adds another audit row with the same event id waits in the database until the lost transaction has
        ended. It then finds that row, or has taken its place, and nothing can be committed any more.
        """
        attempt.is_settled = True
        until = time.monotonic() + _PATIENCE_SECONDS
        while time.monotonic() < until:
            try:
                result = self._outcome(attempt)
            except (Unavailable, Contended):
                time.sleep(_PAUSE_SECONDS)
                continue
            if result is Result.DONE:
                return
            raise Unavailable(_NOT_DONE)
        raise Undecided(
            "the database was lost while it kept this change: whether it did is not known. Look before asking again.",
        )

    def _outcome(self, attempt: _Attempt) -> Result:
        with contextlib.suppress(Contended), self.database.write() as tx:
            self._record(tx, attempt, Result.FAILED, Unavailable.__name__, _NOT_DONE)
        with self.database.look() as tx:
            found = journal.result_of(tx, attempt.event_id)
        if found is None:
            raise Contended
        return found


def _subject(action: Action[Any, Any]) -> str:
    """The full name of what an action is about: the deepest securable that it names, the last of several.

    Something new is told by the name that it takes, what is renamed by the name that it had.
    """
    named = [cast("Ref", getattr(action, need.on)).name for need in action.needs]
    new = [f"{getattr(action, need.on).name}.{getattr(action, need.naming)}" for need in action.needs if need.naming]
    told = [name.lstrip(".") for name in new] + named
    return max(reversed(told), key=_depth, default="")


def _depth(full_name: str) -> int:
    return len(full_name.split(".")) if full_name else 0


def _allowed(need: Need, chain: Chain) -> Decision:
    decision = decide(need.question, chain)
    if not decision.allowed:
        raise _FAILURES[decision.outcome](decision.reason)
    return decision
