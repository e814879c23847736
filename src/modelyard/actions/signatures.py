"""Signatures of versions: verified before they are kept, and shown to whoever may use the version."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final

from modelyard.action import Command, Need, Query, Ref
from modelyard.actions.admission import judge
from modelyard.domain import keys, signing
from modelyard.domain.journal import Event
from modelyard.domain.models import Status, Version
from modelyard.domain.privileges import Privilege
from modelyard.domain.signing import Signature
from modelyard.errors import Invalid, WrongState
from modelyard.store import admission, files, models, signatures
from modelyard.store.tx import Look, Write

MOST: Final = 20
"""How many signatures a version's files can have."""


@dataclass(frozen=True)
class AddSignature(Command[Write, list[Signature]]):
    """Keep a signature of a version's files, by a key that is shown with it. Asked again, it answers the same.

    A version that its schema kept back for want of just this signature is READY then.
    """

    model: Ref
    number: int
    bundle: str
    public_key: str

    needs = (Need(Privilege.CREATE_MODEL_VERSION, on="model"),)

    @property
    def is_brief(self) -> bool:
        """A version may have thousands of files."""
        return False

    def run(self, tx: Write) -> list[Signature]:
        """Keep it, once it is seen to hold; `Invalid` says why it does not."""
        key = keys.public_key(self.public_key.encode(), "public_key")
        version = models.locked_version(tx, tx.at(self.model), self.number)
        if version.status is not Status.READY and not admission.is_kept_back(tx, version.id):
            raise WrongState(f"Version {self.number} of '{version.model}' is {version.status}; finalize it first.")
        there = {file.path: file.sha256 for file in files.all_files(tx, version.manifest_id)}
        signing.verify(self.bundle.encode(), key, there)
        known = signatures.key_ids(tx, version.manifest_id)
        if len(known) >= MOST and keys.name(key) not in known:
            raise Invalid(f"a version has at most {MOST} signatures.")
        signatures.add(tx, version.manifest_id, keys.name(key), self.bundle)
        tx.announce(Event.MODEL_VERSION_SIGNED, version.model, version=self.number, key_id=keys.name(key))
        self._let_go(tx, version)
        return signatures.listing(tx, version.manifest_id)

    def _let_go(self, tx: Write, version: Version) -> None:
        """Make the version READY, if it was kept back and nothing speaks against it any more."""
        if version.status is Status.READY or judge(tx, tx.around(self.model), version.manifest_id):
            return
        admission.release(tx, version.id, "It was signed.")
        models.settle(tx, version.id, Status.READY, "", model_id=version.model_id, digest=version.digest)
        tx.announce(Event.MODEL_VERSION_READY, version.model, version=self.number, digest=version.digest)


@dataclass(frozen=True)
class ListSignatures(Query[Look, list[Signature]]):
    """Show the signatures of a version's files."""

    model: Ref
    number: int

    needs = (Need(Privilege.EXECUTE, on="model", metadata=True),)

    def run(self, tx: Look) -> list[Signature]:
        """Show them, oldest first."""
        version = models.version(tx, tx.at(self.model), self.number)
        return signatures.listing(tx, version.manifest_id)
