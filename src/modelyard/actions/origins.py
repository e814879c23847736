"""Where a version says that it comes from, as far as that is an experiment here: checked, and told as lineage."""

from __future__ import annotations

from collections.abc import Iterator

from modelyard.action import Ref
from modelyard.domain.experiments import Part, source_of
from modelyard.domain.lineage import EXPERIMENT, LOGGED_MODEL, End
from modelyard.domain.models import Registration
from modelyard.domain.privileges import Kind, Privilege, Question, decide
from modelyard.errors import Hidden
from modelyard.store import access, experiments
from modelyard.store.tx import Look


def origins(tx: Look, told: Registration) -> tuple[End, ...]:
    """The experiments and logged models that a version is made from; `Hidden` for what the caller may not read.

    Runs and models of other tracking servers are labels here, and are not looked for.
    """
    return tuple({(each.kind, each.name): each for each in _found(tx, told)}.values())


def _found(tx: Look, told: Registration) -> Iterator[End]:
    for name in source_of(told.source, told.run_id, told.model_id):
        id_ = experiments.tracked(tx, name)
        if not id_:
            continue
        decision = decide(Question(Privilege.CAN_READ), access.chain(tx, tx.caller, Ref(Kind.EXPERIMENT, name)))
        if not decision.allowed:
            raise Hidden(decision.reason)
        part, _, thing = name.partition("/")
        if part == Part.MODEL.value:
            yield End(LOGGED_MODEL, thing)
        yield End(EXPERIMENT, experiments.get(tx, id_).number)
