"""The gate: identify, decide, do, record. Every question and every change goes through `Gate.do`.

One transaction proves who calls, resolves what the action's references name, decides, does the work and writes the
audit row. If the work fails, everything is undone, and the attempt is recorded in a second transaction.
"""

from __future__ import annotations

import contextlib
import logging
import threading
import time
from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING, Any, Final, TypeVar, cast

import msgspec

from modelyard.action import Chore, Invocation, Ref
from modelyard.actions.sessions import admitted
from modelyard.domain.access import (
    SERVER,
    Bearer,
    Caller,
    ClientSecret,
    Credential,
    DecisionToken,
    ProvenIdentity,
    Server,
    Session,
    Signed,
    Unproven,
    is_genuine,
)
from modelyard.domain.approvals import UNUSABLE
from modelyard.domain.backups import Beside
from modelyard.domain.journal import Result
from modelyard.domain.legacy import MAX_CLIENT, OTHERS, OldName, Sighting
from modelyard.domain.privileges import Outcome, decide
from modelyard.domain.stages import Stage
from modelyard.errors import (
    AlreadyExists,
    Denied,
    Failure,
    Hidden,
    LinkExpired,
    NotFound,
    Unauthenticated,
    Unavailable,
    Undecided,
    WrongState,
)
from modelyard.store import access, approvals, credentials, journal, legacy
from modelyard.store.session import CommitLost, Unreachable
from modelyard.store.tx import Contended, Context, Write, new_id

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from modelyard.action import Action, Need
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
_FAILURES: Final = {
    Outcome.DENIED: Denied,
    Outcome.MISSING: NotFound,
    Outcome.HIDDEN: Hidden,
    Outcome.TAKEN: AlreadyExists,
}
_SNAPSHOT_SECONDS: Final = 1.0
"""How long what an invocation was allowed counts: revoked tokens and grants are refused a second later."""
_MOST_PERMITS: Final = 10_000
_MOST_SIGHTINGS: Final = 1_000
"""How many callers by old names are told apart between two notes of them."""


@dataclass(slots=True)
class _Attempt:
    """What is known so far of one attempt, for the record."""

    action: Action[Any, Any]
    origin: Origin
    caller: Caller | None = None
    reason: str = ""
    event_id: str = field(default_factory=new_id)
    spoken: list[OldName] = field(default_factory=list["OldName"])
    """The old names by which it was asked for."""
    is_settled: bool = False
    """Whether its record, or why there is none, is known already."""

    @property
    def is_recorded(self) -> bool:
        """Whether it is recorded when it is done: what the server does for itself mostly is not."""
        return self.caller is not SERVER or (isinstance(self.action, Chore) and self.action.is_recorded)


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
class Witnesses:
    """Who called by old names: kept in memory, as reads shall not wait for a transaction to write.

    Each process has its own; what it has seen since the last time is taken, and written down by `NoteSightings`.
    """

    _seen: dict[tuple[str, ...], Sighting] = field(default_factory=dict[tuple[str, ...], "Sighting"])
    _lock: threading.Lock = field(default_factory=threading.Lock)

    def note(self, seen: Sighting) -> None:
        """Somebody called; what is the same but for its time is counted."""
        with self._lock:
            if len(self._seen) >= _MOST_SIGHTINGS and seen.key not in self._seen:
                seen = replace(seen, client=OTHERS)
            there = self._seen.get(seen.key)
            self._seen[seen.key] = there.joined(seen) if there else seen

    def take(self) -> tuple[Sighting, ...]:
        """What was seen, and no more of it."""
        with self._lock:
            seen, self._seen = self._seen, {}
        return tuple(seen.values())


@dataclass(slots=True)
class Gate:
    """Decides and records; shared by all threads of the process."""

    database: Database
    store_id: str
    signing_key: bytes
    trash_days: int
    roots: Mapping[str, str] = field(default_factory=dict[str, str])
    beside: Beside = field(default_factory=Beside)
    clock: Callable[[], float] = time.time
    uses: Uses = field(default_factory=Uses)
    witnesses: Witnesses = field(default_factory=Witnesses)
    committed: list[Callable[[Action[Any, Any]], None]] = field(
        default_factory=list["Callable[[Action[Any, Any]], None]"]
    )
    """Who is told, in this process, of each change that was committed; they must not fail or wait."""
    posted: list[Callable[[], None]] = field(default_factory=list["Callable[[], None]"])
    """Who is told when something was put into the outbox; likewise."""
    _strangers: dict[tuple[str, str], float] = field(default_factory=dict[tuple[str, str], float])
    _permits: dict[tuple[Invocation[Any, Any], Credential], tuple[float, Any]] = field(
        default_factory=dict[tuple["Invocation[Any, Any]", Credential], tuple[float, Any]]
    )

    def do(self, action: Action[Any, Done], credential: Credential, origin: Origin) -> Done:
        """Do an action for whoever shows this credential, or raise the `Failure` that says why not."""
        for _ in range(_TRIES):
            attempt = _Attempt(action, origin, SERVER if isinstance(credential, Server) else None)
            try:
                done = self._once(attempt, credential)
            except Contended:
                continue
            except Exception as error:
                self._witness(attempt, refused=isinstance(error, Denied | WrongState))
                self._record_failure(attempt, error)
                raise
            self._witness(attempt, refused=False)
            return done
        raise Unavailable("others changed the same thing at the same time; nothing was done. Ask again shortly.")

    def permitted(self, invocation: Invocation[Any, Done], credential: Credential) -> Done | None:
        """What the gate answered to this invocation with this credential within the last second; None if nothing."""
        until, found = self._permits.get((invocation, credential), (0.0, None))
        return found if time.monotonic() < until else None

    def permit(self, invocation: Invocation[Any, Done], credential: Credential, origin: Origin) -> Done:
        """Decide an invocation anew, and remember what was allowed; raises the `Failure` that says why not."""
        until = time.monotonic() + _SNAPSHOT_SECONDS
        found = self.do(invocation, credential, origin)
        if len(self._permits) >= _MOST_PERMITS:
            self._permits.clear()
        self._permits[invocation, credential] = (until, found)
        return found

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
        has_mail = False
        try:
            with self.database.write() as tx:
                result = self._decided(tx, attempt, credential)
                if attempt.is_recorded and (attempt.caller is not SERVER or tx.subject):
                    self._record(tx, attempt, Result.DONE, "", attempt.reason)
                has_mail = tx.has_mail
        except CommitLost:
            if not attempt.is_recorded:
                raise
            self._settle(attempt)
        for tell in self.committed:
            tell(attempt.action)
        for ring in self.posted if has_mail else ():
            ring()
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
        action = self._called(tx, attempt)
        chains: dict[Ref, Chain] = {}
        reasons: list[str] = []
        for need in action.needs:
            ref = cast("Ref", getattr(action, need.on))
            chain = access.chain(tx, caller, ref, getattr(action, need.naming) if need.naming else "")
            reasons.append(_allowed(need, chain).reason)
            chains[ref] = chain
        for name in attempt.spoken:
            name.check(self._now())
        attempt.reason = "; ".join(reasons) or action.open_to
        tx.enter(self._context(attempt, caller, chains))
        return action.run(tx)

    def _called(self, tx: Look, attempt: _Attempt) -> Action[Any, Any]:
        """The action with the real names of whatever it calls by old ones: they alone are decided and recorded."""
        refs = {need.on: cast("Ref", getattr(attempt.action, need.on)) for need in attempt.action.needs}
        named = {on: legacy.named(tx, ref) for on, ref in refs.items() if legacy.is_old(ref)}
        if named:
            if attempt.action.by_old_name:
                attempt.spoken += named.values()
            real = {on: Ref(name.kind, name.target) for on, name in named.items()}
            attempt.action = cast("Action[Any, Any]", replace(cast("Any", attempt.action), **real))
        return attempt.action

    def _witness(self, attempt: _Attempt, *, refused: bool) -> None:
        """Keep in mind who called by old names."""
        caller, now = attempt.caller, self._now()
        for name in {each.name for each in attempt.spoken} if caller else ():
            client = attempt.origin.user_agent[:MAX_CLIENT]
            about = (client, _call(attempt.action), _stages(attempt.action))
            who = (name, caller.principal.id, caller.principal.name) if caller else ("", "", "")
            self.witnesses.note(Sighting(*who, *about, now, now, 1, int(refused)))

    def _context(self, attempt: _Attempt, caller: Caller, chains: dict[Ref, Chain]) -> Context:
        origin, spoken = attempt.origin, attempt.spoken
        known = (self.store_id, self.trash_days, self.roots)
        return Context(caller, chains, self._now(), origin, *known, spoken, self.beside)

    def _caller(self, tx: Look, credential: Credential) -> Caller:
        caller, wrong = None, _STRANGER
        match credential:
            case Bearer(secret):
                caller = self._bearer(tx, secret)
            case ClientSecret(client_id, secret):
                caller, wrong = credentials.client(tx, client_id, secret, self._now()), _STRANGE_CLIENT
            case DecisionToken(secret):
                caller, wrong = approvals.caller_by_token(tx, secret, self._now()), UNUSABLE
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
        told = journal.Attempt(
            event_id=attempt.event_id,
            action=_call(action),
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
        refused = isinstance(failure, Denied | Unauthenticated | Hidden)
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


def _call(action: Action[Any, Any]) -> str:
    """What the audit, and who watches old names, call an action."""
    name = type(action).__name__
    return name[0].lower() + name[1:]


def _stages(action: Action[Any, Any]) -> str:
    """The stages that an action speaks of, in words; empty where it speaks of none, or of all of them."""
    told = getattr(action, "stage", None) or getattr(action, "stages", ())
    several: tuple[Stage, ...] = (told,) if isinstance(told, Stage) else told
    return "" if len(several) == len(Stage) else ", ".join(several)


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
