"""The trash: what was deleted, listed, put back, or removed for good.

Who may put a thing back is decided where it would come to be: whoever manages its model may restore a version. A model
is restored by whoever manages its schema, or has owned it and may make models there. For others it is not there.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelyard.action import METASTORE, Command, Need, Query, Ref
from modelyard.domain.aliases import barrier
from modelyard.domain.journal import Event
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Kind, Privilege, Question, decide
from modelyard.domain.trash import Discarded, Restored
from modelyard.errors import AlreadyExists, NotFound, WrongState
from modelyard.store import access, aliases, catalogs, models, trash
from modelyard.store.tx import Contended, Look, Write

if TYPE_CHECKING:
    from modelyard.domain.privileges import Chain


@dataclass(frozen=True)
class ListTrash(Query[Look, Page[Discarded]]):
    """List what is in the trash and may be restored by the caller, the latest first."""

    window: Window

    open_to = "every principal: rows are filtered by its privileges in the database"

    def run(self, tx: Look) -> Page[Discarded]:
        """List it."""
        return trash.listing(tx, self.window)


@dataclass(frozen=True)
class RestoreFromTrash(Command[Write, Restored]):
    """Put a version back into its model, or a model back into its schema, as it was when it was deleted."""

    id: str

    open_to = "every principal: an entry is there only for those who may make what it holds, as it is now"

    def run(self, tx: Write) -> Restored:
        """Put it back; `NotFound` for those who may not, as for what is not there."""
        entry = _found(tx, self.id)
        return _restore_model(tx, entry) if entry.number is None else _restore_version(tx, entry)


@dataclass(frozen=True)
class PurgeTrash(Command[Write, None]):
    """Remove a thing from the trash for good, before its time; the collector removes its bytes."""

    id: str
    metastore: Ref = METASTORE

    needs = (Need(Privilege.MANAGE, on="metastore"),)

    def run(self, tx: Write) -> None:
        """Remove it; with a model also versions of it that were deleted before."""
        entry = _found(tx, self.id)
        tx.subject = entry.full_name
        trash.forget(tx, entry)
        if entry.number is None:
            tx.announce(Event.REGISTERED_MODEL_PURGED, entry.full_name)
        else:
            tx.announce(Event.MODEL_VERSION_PURGED, entry.full_name, version=entry.number)


def _found(tx: Write, id_: str) -> Discarded:
    entry = trash.find(tx, id_)
    if entry is None:
        raise _missing(id_)
    return entry


def _missing(id_: str) -> NotFound:
    return NotFound(f"there is nothing in the trash with id {id_[:60]} that you may restore.")


# Versions


def _restore_version(tx: Write, entry: Discarded) -> Restored:
    if not entry.model:
        _check_home(tx, entry)
        raise WrongState(f"the model of {entry} was deleted, too; restore that first, then this version.")
    models.ALIASES.lock(tx, entry.model_id)
    chain = _chain(tx, Ref(Kind.MODEL, entry.model), entry.model_id)
    if not decide(Question(Privilege.MANAGE), chain).allowed:
        raise _missing(entry.id)
    restored = trash.restore_version(tx, entry, chain.target)
    catalogs.touch(tx, entry.model_id)
    tx.subject = restored.full_name
    tx.announce(Event.MODEL_VERSION_RESTORED, restored.full_name, version=entry.number)
    return restored


# Models


def _restore_model(tx: Write, entry: Discarded) -> Restored:
    guarding = aliases.protections(tx, entry.schema_id)  # first, as whoever deletes its catalog locks the schema so
    home = _check_home(tx, entry)
    full_name = f"{entry.schema}.{entry.name}"
    if home.taken:
        raise AlreadyExists(f"'{full_name}' is taken by now; rename what has the name, then restore {entry}.")
    mine = tx.caller.identities
    restored = trash.restore_model(tx, entry, full_name, lambda alias: barrier(guarding, alias, mine) is None)
    tx.subject = full_name
    told = {"versions": restored.versions, "aliases": {each.name: each.version for each in restored.aliases}}
    tx.announce(Event.REGISTERED_MODEL_RESTORED, full_name, **told)
    return restored


def _check_home(tx: Write, entry: Discarded) -> Chain:
    """The chain of the schema to which a model would return, with what has taken its name; else why it cannot."""
    owned = entry.owner_id in tx.caller.identities
    if not entry.schema:
        if not owned and not tx.is_admin:
            raise _missing(entry.id)
        raise WrongState(f"the schema of {entry} is gone; make a schema of the same name first, then restore it.")
    found = _chain(tx, Ref(Kind.SCHEMA, entry.schema), entry.schema_id, entry.name)
    free = replace(found, taken=None)
    manages = decide(Question(Privilege.MANAGE), free).allowed
    if not manages and not (owned and decide(Question(Privilege.CREATE_MODEL, inside=True), free).allowed):
        raise _missing(entry.id)
    return found


def _chain(tx: Write, ref: Ref, id_: str, child: str = "") -> Chain:
    """The chain of a securable that was found by its id; somebody may rename or delete it in this very moment."""
    found = access.chain(tx, tx.caller, ref, child)
    if found.missing or found.target.id != id_:
        raise Contended
    return found
