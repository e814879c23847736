"""What MLflow's clients say to a tracking server (protocol notes §1.d): typed as far as it names things.

What is sent on is written anew from these types. So what was decided is what is done: no second spelling of a field, no
field that is not known here and no second value of one reaches the tracking server. Whatever names nothing passes as it
came.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

import msgspec

from modelyard.domain import experiments as rules
from modelyard.domain.experiments import Part
from modelyard.errors import Invalid

Whatever = Any
"""What names nothing that is ours."""


class Told(msgspec.Struct, frozen=True, omit_defaults=True):
    """A request: what it touches and what it only reads, by references."""

    def touches(self) -> Iterable[str]:
        """The references that the action of the row is decided on."""
        return ()

    def reads(self) -> Iterable[str]:
        """The references that the caller must be able to read besides."""
        return ()


def _some(part: Part, *ids: str | None) -> tuple[str, ...]:
    return tuple(part.path(id_) for id_ in ids if id_)


def _one(part: Part, id_: str | None, what: str) -> tuple[str, ...]:
    if not id_:
        raise Invalid(f"Missing value for required parameter '{what}'.")
    return (part.path(id_),)


class OfRun(Told, frozen=True, omit_defaults=True):
    """A run, under either of its names."""

    run_id: str | None = None
    run_uuid: str | None = None

    def touches(self) -> Iterable[str]:
        """The run, which both must name where both are said."""
        if self.run_id and self.run_uuid and self.run_id != self.run_uuid:
            raise Invalid("run_id and run_uuid name different runs; send run_id alone.")
        return _one(Part.RUN, self.run_id or self.run_uuid, "run_id")


class OfExperiment(Told, frozen=True, omit_defaults=True):
    """An experiment."""

    experiment_id: str | None = None

    def touches(self) -> Iterable[str]:
        """The experiment."""
        return _one(Part.EXPERIMENT, self.experiment_id, "experiment_id")


class OfModel(Told, frozen=True, omit_defaults=True):
    """A logged model."""

    model_id: str | None = None

    def touches(self) -> Iterable[str]:
        """The model."""
        return _one(Part.MODEL, self.model_id, "model_id")


class OfTrace(Told, frozen=True, omit_defaults=True):
    """A trace."""

    trace_id: str | None = None

    def touches(self) -> Iterable[str]:
        """The trace."""
        return _one(Part.TRACE, self.trace_id, "trace_id")


class Graph(Told, frozen=True, omit_defaults=True):
    """A question in GraphQL."""

    query: str = ""
    operationName: str | None = None  # noqa: N815  as the wire has it
    variables: dict[str, Whatever] | None = None


class File(Told, frozen=True, omit_defaults=True):
    """A file of MLflow's page."""

    path: str | None = None


# Experiments


class NewExperiment(Told, frozen=True, omit_defaults=True):
    """CreateExperiment."""

    name: str = ""
    artifact_location: str | None = None
    tags: list[dict[str, str | None]] | None = None


class NamedExperiment(Told, frozen=True, omit_defaults=True):
    """GetExperimentByName."""

    experiment_name: str = ""


class RenamedExperiment(OfExperiment, frozen=True, omit_defaults=True):
    """UpdateExperiment."""

    new_name: str | None = None


class ExperimentTag(OfExperiment, frozen=True, omit_defaults=True):
    """SetExperimentTag, DeleteExperimentTag."""

    key: str | None = None
    value: str | None = None

    def touches(self) -> Iterable[str]:
        """The experiment; the server's own tags stay."""
        rules.tag_key(self.key or "")
        return super().touches()


class SearchedExperiments(Told, frozen=True, omit_defaults=True):
    """SearchExperiments."""

    max_results: int | None = None
    page_token: str | None = None
    filter: str | None = None
    order_by: list[str] | None = None
    view_type: str | int | None = None


class Searched(Told, frozen=True, omit_defaults=True):
    """A search in experiments: those that the caller may not see are passed over."""

    experiment_ids: list[str] | None = None


# Runs


class NewRun(OfExperiment, frozen=True, omit_defaults=True):
    """CreateRun."""

    user_id: str | None = None
    run_name: str | None = None
    start_time: Whatever = None
    tags: Whatever = None


class ChangedRun(OfRun, frozen=True, omit_defaults=True):
    """UpdateRun."""

    status: Whatever = None
    end_time: Whatever = None
    run_name: str | None = None


class RunEntry(OfRun, frozen=True, omit_defaults=True):
    """A parameter or a tag of a run."""

    key: str | None = None
    value: Whatever = None


class LoggedMetric(RunEntry, frozen=True, omit_defaults=True):
    """LogMetric."""

    timestamp: Whatever = None
    step: Whatever = None
    model_id: str | None = None
    dataset_name: str | None = None
    dataset_digest: str | None = None

    def touches(self) -> Iterable[str]:
        """The run, and the logged model."""
        return (*super().touches(), *_some(Part.MODEL, self.model_id))


class Metric(msgspec.Struct, frozen=True, omit_defaults=True):
    """One metric of a batch."""

    key: str | None = None
    value: Whatever = None
    timestamp: Whatever = None
    step: Whatever = None
    dataset_name: str | None = None
    dataset_digest: str | None = None
    model_id: str | None = None
    run_id: str | None = None


class Batch(OfRun, frozen=True, omit_defaults=True):
    """LogBatch."""

    metrics: list[Metric] | None = None
    params: Whatever = None
    tags: Whatever = None

    def touches(self) -> Iterable[str]:
        """The run, and whatever single metrics name."""
        metrics = self.metrics or ()
        models = {metric.model_id for metric in metrics if metric.model_id}
        runs = {metric.run_id for metric in metrics if metric.run_id}
        return (*super().touches(), *_some(Part.MODEL, *models), *_some(Part.RUN, *runs))


class LoggedByRun(OfRun, frozen=True, omit_defaults=True):
    """LogModel."""

    model_json: str | None = None


class ModelOf(msgspec.Struct, frozen=True, omit_defaults=True):
    """A logged model that a run took or made."""

    model_id: str | None = None
    step: Whatever = None


class Linked(OfRun, frozen=True, omit_defaults=True):
    """LogInputs, LogOutputs."""

    datasets: Whatever = None
    models: list[ModelOf] | None = None

    def reads(self) -> Iterable[str]:
        """The models."""
        return _some(Part.MODEL, *(model.model_id for model in self.models or ()))


class SearchedRuns(Searched, frozen=True, omit_defaults=True):
    """SearchRuns."""

    filter: str | None = None
    run_view_type: Whatever = None
    max_results: int | None = None
    order_by: list[str] | None = None
    page_token: str | None = None


class History(OfRun, frozen=True, omit_defaults=True):
    """GetMetricHistory."""

    metric_key: str | None = None
    page_token: str | None = None
    max_results: int | None = None


class Histories(Told, frozen=True, omit_defaults=True):
    """Histories of a metric in several runs, as MLflow's page asks for them."""

    run_id: list[str] | None = None
    run_ids: list[str] | None = None
    metric_key: str | None = None
    start_step: int | None = None
    end_step: int | None = None
    max_results: int | None = None

    def touches(self) -> Iterable[str]:
        """Each run."""
        return _some(Part.RUN, *(self.run_id or ()), *(self.run_ids or ()))


# Logged models


class NewModel(OfExperiment, frozen=True, omit_defaults=True):
    """CreateLoggedModel."""

    name: str | None = None
    model_type: str | None = None
    source_run_id: str | None = None
    params: Whatever = None
    tags: Whatever = None

    def reads(self) -> Iterable[str]:
        """The run that it comes from."""
        return _some(Part.RUN, self.source_run_id)


class GotModel(OfModel, frozen=True, omit_defaults=True):
    """GetLoggedModel."""

    allow_deleted: bool | None = None


class ChangedModel(OfModel, frozen=True, omit_defaults=True):
    """FinalizeLoggedModel, SetLoggedModelTags, LogLoggedModelParams."""

    status: Whatever = None
    tags: Whatever = None
    params: Whatever = None


class ModelTag(OfModel, frozen=True, omit_defaults=True):
    """DeleteLoggedModelTag."""

    tag_key: str | None = None


class SearchedModels(Searched, frozen=True, omit_defaults=True):
    """SearchLoggedModels."""

    filter: str | None = None
    datasets: Whatever = None
    max_results: int | None = None
    order_by: Whatever = None
    page_token: str | None = None


# Traces


class InExperiment(msgspec.Struct, frozen=True, omit_defaults=True):
    """An experiment as the place of traces."""

    experiment_id: str = ""


class Place(msgspec.Struct, frozen=True, omit_defaults=True):
    """Where traces are: in an experiment, and nowhere else."""

    type: str | int | None = None
    mlflow_experiment: InExperiment | None = None

    @property
    def experiment(self) -> str:
        """The experiment's number."""
        if self.mlflow_experiment is None:
            raise Invalid("traces are kept in experiments here: name one in mlflow_experiment.")
        return self.mlflow_experiment.experiment_id


class TraceInfo(msgspec.Struct, frozen=True, omit_defaults=True):
    """A trace, as StartTraceV3 tells it."""

    trace_id: str = ""
    client_request_id: str | None = None
    trace_location: Place = Place()
    request: Whatever = None
    response: Whatever = None
    request_preview: Whatever = None
    response_preview: Whatever = None
    request_time: Whatever = None
    execution_duration: Whatever = None
    execution_duration_ms: Whatever = None
    state: Whatever = None
    trace_metadata: Whatever = None
    tags: Whatever = None


class Trace(msgspec.Struct, frozen=True, omit_defaults=True):
    """A trace."""

    trace_info: TraceInfo = TraceInfo()


class NewTrace(Told, frozen=True, omit_defaults=True):
    """StartTraceV3; assessments and spans come by themselves."""

    trace: Trace = Trace()

    def touches(self) -> Iterable[str]:
        """The experiment that it will be in."""
        return _one(Part.EXPERIMENT, self.trace.trace_info.trace_location.experiment, "experiment_id")

    def claims(self) -> str:
        """The reference of what will be, as the client names it itself."""
        return _one(Part.TRACE, self.trace.trace_info.trace_id, "trace_id")[0]


class TraceTag(OfTrace, frozen=True, omit_defaults=True):
    """SetTraceTag, DeleteTraceTag."""

    key: str | None = None
    value: str | None = None


class SearchedTraces(Told, frozen=True, omit_defaults=True):
    """SearchTracesV3."""

    locations: list[Place] | None = None
    filter: str | None = None
    max_results: int | None = None
    order_by: list[str] | None = None
    page_token: str | None = None


class DeletedTraces(OfExperiment, frozen=True, omit_defaults=True):
    """DeleteTraces, which deletes nothing outside of the experiment."""

    max_timestamp_millis: Whatever = None
    max_traces: Whatever = None
    request_ids: list[str] | None = None

    def touches(self) -> Iterable[str]:
        """The experiment, and each trace."""
        return (*super().touches(), *_some(Part.TRACE, *(self.request_ids or ())))


class TracesOfRun(OfRun, frozen=True, omit_defaults=True):
    """LinkTracesToRun."""

    trace_ids: list[str] | None = None

    def touches(self) -> Iterable[str]:
        """The run, and each trace."""
        return (*super().touches(), *_some(Part.TRACE, *(self.trace_ids or ())))


class SomeTraces(Told, frozen=True, omit_defaults=True):
    """BatchGetTraceInfos."""

    trace_ids: list[str] | None = None

    def touches(self) -> Iterable[str]:
        """Each trace."""
        return _some(Part.TRACE, *(self.trace_ids or ()))


class Assessment(OfTrace, frozen=True, omit_defaults=True):
    """GetAssessment, DeleteAssessment."""

    assessment_id: str | None = None


class Assessed(Assessment, frozen=True, omit_defaults=True):
    """CreateAssessment, UpdateAssessment: what is said of the assessment names the trace once more."""

    assessment: dict[str, Whatever] | None = None
    update_mask: str | None = None

    def touches(self) -> Iterable[str]:
        """The trace, which what is said of the assessment must name too, if it names any."""
        inner = self.assessment or {}
        named = {inner.get(name) for name in ("trace_id", "traceId")} - {None, "", self.trace_id}
        if named:
            raise Invalid("the assessment names another trace than the path does.")
        return super().touches()
