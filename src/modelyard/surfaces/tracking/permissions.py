"""Permissions on experiments, which are named by the numbers that clients know them by."""

from __future__ import annotations

from typing import Final

from modelyard.action import Ref
from modelyard.actions.experiments import ListExperimentLevels
from modelyard.domain.experiments import PREFIX, Part
from modelyard.domain.privileges import Kind, Privilege
from modelyard.surfaces.permissions import Spoken
from modelyard.surfaces.wire import AnyAction, Row, blame


def _experiment(id_: str) -> Ref:
    return Ref(Kind.EXPERIMENT, Part.EXPERIMENT.path(id_))


def _levels(experiment: Ref) -> AnyAction:
    return ListExperimentLevels(experiment)


ROWS: Final[tuple[Row, ...]] = Spoken(
    "experiments",
    "mlflowExperiment",
    {
        Privilege.CAN_READ: "Can see the experiment, its runs and their artifacts",
        Privilege.CAN_EDIT: "Can see the experiment, and log runs, models and artifacts into it",
        Privilege.CAN_MANAGE: "Can see, change, rename and delete the experiment, and permit it to others",
    },
    _experiment,
    _levels,
    blame,
    id_of=lambda found: found.name.removeprefix(PREFIX),
).rows
