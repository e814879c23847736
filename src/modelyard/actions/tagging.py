"""Tags of registered models and versions: several set and taken off at once, all or none."""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import Command, Need, Ref
from modelyard.actions.approvals import check_tags, hear_tags
from modelyard.domain.journal import Event
from modelyard.domain.models import TagChange
from modelyard.domain.names import MAX_TAGS
from modelyard.domain.privileges import Privilege
from modelyard.store import approvals, catalogs, models
from modelyard.store.catalogs import SECURABLE_TAGS, VERSION_TAGS
from modelyard.store.tx import Write


@dataclass(frozen=True)
class ChangeModelTags(Command[Write, None]):
    """Set tags on a registered model and take others off, all or none."""

    model: Ref
    change: TagChange

    needs = (Need(Privilege.APPLY_TAG, on="model"),)

    def run(self, tx: Write) -> None:
        """Take off what goes, which may be gone already, then set what comes."""
        id_ = tx.at(self.model).id
        catalogs.touch(tx, id_)  # first, so that tags of one model are counted one after the other
        SECURABLE_TAGS.change(tx, id_, self.change, MAX_TAGS)
        _announce(tx, self.model.name, self.change)


@dataclass(frozen=True)
class ChangeVersionTags(Command[Write, None]):
    """Set tags on a version and take others off, all or none."""

    model: Ref
    number: int
    change: TagChange

    needs = (Need(Privilege.APPLY_TAG, on="model"),)

    def run(self, tx: Write) -> None:
        """Take off what goes, which may be gone already, then set what comes."""
        model = tx.at(self.model)
        version = models.version(tx, model, self.number)
        check_tags(tx, model, approvals.creator(tx, model.id, self.number), self.change.add)
        models.touch_version(tx, version.id)  # first, so that tags of one version are counted one after the other
        VERSION_TAGS.change(tx, version.id, self.change, MAX_TAGS)
        _announce(tx, version.model, self.change, version=self.number)
        hear_tags(tx, model.id, version.number, self.change.add)


def _announce(tx: Write, securable: str, change: TagChange, **what: object) -> None:
    """Tell of each tag by itself."""
    for key in change.remove:
        tx.announce(Event.TAG_DELETED, securable, **what, key=key)
    for tag in change.add:
        tx.announce(Event.TAG_SET, securable, **what, key=tag.key, value=tag.value)
