"""What schemas admit: their policies, versions in quarantine, and their release by somebody else."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from modelyard.action import Command, Need, Query, Ref
from modelyard.domain.admission import Policy, Quarantined, checked, refusals
from modelyard.domain.journal import Event
from modelyard.domain.models import Status, Version
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Privilege
from modelyard.errors import Denied, Invalid, NotFound, WrongState
from modelyard.store import admission, cards, models, signatures
from modelyard.store.tx import Look, Write

if TYPE_CHECKING:
    from modelyard.domain.privileges import Node


def judge(tx: Look, schema: Node, manifest_id: str) -> tuple[str, ...]:
    """What a schema has against files that were examined."""
    policy = admission.get(tx, schema.id)
    signed_by = signatures.key_ids(tx, manifest_id) if policy and policy.signers else ()
    return refusals(policy, cards.get(tx, manifest_id), signed_by)


def keep_back(tx: Write, version: Version, reasons: tuple[str, ...]) -> None:
    """Let a version fail for what its schema has against it; its files are frozen, and stay."""
    told = " ".join(reasons) + " Somebody else who manages the schema can release it from quarantine."
    models.settle(tx, version.id, Status.FAILED_REGISTRATION, told, model_id=version.model_id, digest=version.digest)
    admission.keep_back(tx, version.id, reasons)
    tx.announce(Event.MODEL_VERSION_FAILED, version.model, version=version.number, reasons=list(reasons))


@dataclass(frozen=True)
class GetPolicy(Query[Look, Policy]):
    """Show what a schema asks of versions before they become READY."""

    schema: Ref

    needs = (Need(Privilege.USE_SCHEMA, on="schema", metadata=True),)

    def run(self, tx: Look) -> Policy:
        """Show it; a schema that was never told anything admits anything."""
        node = tx.at(self.schema)
        return admission.get(tx, node.id) or Policy(node.full_name)


@dataclass(frozen=True)
class SetPolicy(Command[Write, Policy]):
    """Let a schema ask something of versions that become READY from now on; those that are READY stay so."""

    schema: Ref
    policy: Policy

    needs = (Need(Privilege.MANAGE, on="schema"),)

    def run(self, tx: Write) -> Policy:
        """Set it in place of what was asked before."""
        node = tx.at(self.schema)
        policy = checked(replace(self.policy, schema=node.full_name))
        admission.put(tx, node.id, policy)
        told = {"admits": policy.admits.value, "clean_scan": policy.clean_scan, "signers": len(policy.signers)}
        tx.announce(Event.ADMISSION_CHANGED, node.full_name, **told)
        return admission.get(tx, node.id) or policy


@dataclass(frozen=True)
class RemovePolicy(Command[Write, None]):
    """Let a schema admit anything again."""

    schema: Ref

    needs = (Need(Privilege.MANAGE, on="schema"),)

    def run(self, tx: Write) -> None:
        """Remove what it asks, if it asks anything."""
        node = tx.at(self.schema)
        if admission.remove(tx, node.id):
            tx.announce(Event.ADMISSION_CHANGED, node.full_name, admits="anything", clean_scan=False, signers=0)


@dataclass(frozen=True)
class ListQuarantined(Query[Look, Page[Quarantined]]):
    """List the versions that a schema keeps back, and why."""

    schema: Ref
    window: Window

    needs = (Need(Privilege.MANAGE, on="schema"),)

    def run(self, tx: Look) -> Page[Quarantined]:
        """List them."""
        return admission.listing(tx, tx.at(self.schema).id, self.window)


@dataclass(frozen=True)
class ReleaseVersion(Command[Write, Version]):
    """Let a version out of quarantine: for somebody who manages the schema and has not registered the version."""

    schema: Ref
    model: str
    number: int
    comment: str

    needs = (Need(Privilege.MANAGE, on="schema"),)

    def run(self, tx: Write) -> Version:
        """Make it READY, with the files that were examined."""
        if not self.comment.strip():
            raise Invalid("say in the comment why this version may be used after all.")
        schema = tx.at(self.schema)
        model = admission.model_in(tx, schema.id, self.model)
        if model is None:
            raise NotFound(f"{schema} has no model '{self.model}'.")
        version = models.locked_version(tx, model, self.number)
        if models.creator(tx, version.id) == tx.caller.principal.id:
            raise Denied("who has registered a version cannot release it; ask somebody else who manages the schema.")
        if not admission.release(tx, version.id, self.comment):
            raise WrongState(f"Version {self.number} of '{model.full_name}' is not in quarantine.")
        models.settle(tx, version.id, Status.READY, "", model_id=version.model_id, digest=version.digest)
        tx.announce(Event.MODEL_VERSION_RELEASED, model.full_name, version=self.number, comment=self.comment)
        tx.announce(Event.MODEL_VERSION_READY, model.full_name, version=self.number, digest=version.digest)
        return models.version(tx, model, self.number)
