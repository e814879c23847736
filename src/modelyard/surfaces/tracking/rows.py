"""What may be asked of MLflow's own tracking server; nothing else of it is reachable."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any, Final

from modelyard.action import Ref
from modelyard.actions.access import WhoAmI
from modelyard.actions.experiments import (
    CreateExperiment,
    DeleteExperiment,
    FindExperiment,
    ListExperiments,
    LogToExperiment,
    ReadExperiment,
    RenameExperiment,
    RestoreExperiment,
)
from modelyard.domain import experiments as rules
from modelyard.domain.files import inner
from modelyard.surfaces.tracking import said
from modelyard.surfaces.wire import AnyAction, Flow, Relay

PAGE: Final = "/mlflow"
"""Where MLflow's page is, which asks under its own path."""
_V2: Final = "2.0/mlflow"
_V3: Final = "3.0/mlflow"
_MODEL: Final = f"{_V2}/logged-models/{{model_id}}"
_TRACE: Final = f"{_V3}/traces/{{trace_id}}"
_OLD_TRACE: Final = f"{_V2}/traces/{{trace_id}}"


def _read(ref: Ref) -> AnyAction:
    return ReadExperiment(ref)


def _log(ref: Ref) -> AnyAction:
    return LogToExperiment(ref)


def _create(asked: said.NewExperiment) -> AnyAction:
    return CreateExperiment(rules.name(asked.name))


def _find(asked: said.NamedExperiment) -> AnyAction:
    return FindExperiment(asked.experiment_name)


def _list(_asked: said.Told) -> AnyAction:
    return ListExperiments()


def _rename(asked: said.RenamedExperiment, ref: Ref) -> AnyAction:
    return RenameExperiment(ref, rules.name(asked.new_name or ""))


def _delete(_asked: said.OfExperiment, ref: Ref) -> AnyAction:
    return DeleteExperiment(ref)


def _restore(_asked: said.OfExperiment, ref: Ref) -> AnyAction:
    return RestoreExperiment(ref)


def _rows(method: str, path: str, kind: type[said.Told], decide: Any, **more: Any) -> Iterator[Relay]:  # noqa: ANN401
    """A row for clients, and one for the page."""
    yield Relay(method, f"/api/{path}", kind, f"/api/{path}", decide, **more)
    yield Relay(method, f"{PAGE}/ajax-api/{path}", kind, f"/api/{path}", decide, **more)


def _of_page(method: str, path: str, kind: type[said.Told], decide: Any, **more: Any) -> Iterator[Relay]:  # noqa: ANN401
    """A row for the page alone."""
    yield Relay(method, f"{PAGE}/ajax-api/{path}", kind, f"/ajax-api/{path}", decide, **more)


def _look(asked: said.File) -> AnyAction:
    inner(asked.path or "")
    return WhoAmI()


ROWS: Final = (
    # MLflow's page
    Relay("GET", f"{PAGE}/", said.File, "/", _look, flow=Flow.PAGE),
    Relay("GET", f"{PAGE}/static-files/{{path:rest}}", said.File, "/static-files/{path}", _look, flow=Flow.PAGE),
    Relay("POST", f"{PAGE}/graphql", said.Graph, "/graphql", _read, flow=Flow.GRAPH),
    # Experiments
    *_rows("POST", f"{_V2}/experiments/create", said.NewExperiment, _create, flow=Flow.MADE),
    *_rows("GET", f"{_V2}/experiments/get", said.OfExperiment, _read),
    *_rows("GET", f"{_V2}/experiments/get-by-name", said.NamedExperiment, _find, flow=Flow.NAMED),
    *_rows("POST", f"{_V2}/experiments/search", said.SearchedExperiments, _list, flow=Flow.LISTED),
    *_rows("GET", f"{_V2}/experiments/search", said.SearchedExperiments, _list, flow=Flow.LISTED),
    *_rows("POST", f"{_V2}/experiments/update", said.RenamedExperiment, _log, command=_rename),
    *_rows(
        "POST",
        f"{_V2}/experiments/delete",
        said.OfExperiment,
        _log,
        command=_delete,
    ),
    *_rows(
        "POST",
        f"{_V2}/experiments/restore",
        said.OfExperiment,
        _log,
        command=_restore,
    ),
    *_rows("POST", f"{_V2}/experiments/set-experiment-tag", said.ExperimentTag, _log),
    *_rows("POST", f"{_V2}/experiments/delete-experiment-tag", said.ExperimentTag, _log),
    *_of_page("POST", f"{_V2}/experiments/search-datasets", said.Searched, _list, flow=Flow.NARROWED),
    # Runs
    *_rows("POST", f"{_V2}/runs/create", said.NewRun, _log, makes=("runs", "run", "info", "run_id")),
    *_rows("GET", f"{_V2}/runs/get", said.OfRun, _read),
    *_rows("POST", f"{_V2}/runs/update", said.ChangedRun, _log),
    *_rows("POST", f"{_V2}/runs/delete", said.OfRun, _log),
    *_rows("POST", f"{_V2}/runs/restore", said.OfRun, _log),
    *_rows("POST", f"{_V2}/runs/log-metric", said.LoggedMetric, _log),
    *_rows("POST", f"{_V2}/runs/log-parameter", said.RunEntry, _log),
    *_rows("POST", f"{_V2}/runs/set-tag", said.RunEntry, _log),
    *_rows("POST", f"{_V2}/runs/delete-tag", said.RunEntry, _log),
    *_rows("POST", f"{_V2}/runs/log-batch", said.Batch, _log),
    *_rows("POST", f"{_V2}/runs/log-model", said.LoggedByRun, _log),
    *_rows("POST", f"{_V2}/runs/log-inputs", said.Linked, _log),
    *_rows("POST", f"{_V2}/runs/outputs", said.Linked, _log),
    *_rows("POST", f"{_V2}/runs/search", said.SearchedRuns, _list, flow=Flow.NARROWED),
    *_rows("GET", f"{_V2}/metrics/get-history", said.History, _read),
    *_rows("GET", f"{_V2}/metrics/get-history-bulk-interval", said.Histories, _read),
    *_of_page("GET", f"{_V2}/metrics/get-history-bulk", said.Histories, _read),
    # Logged models
    *_rows(
        "POST",
        f"{_V2}/logged-models",
        said.NewModel,
        _log,
        makes=("logged-models", "model", "info", "model_id"),
    ),
    *_rows("POST", f"{_V2}/logged-models/search", said.SearchedModels, _list, flow=Flow.NARROWED),
    *_rows("GET", _MODEL, said.GotModel, _read),
    *_rows("PATCH", _MODEL, said.ChangedModel, _log),
    *_rows("DELETE", _MODEL, said.OfModel, _log),
    *_rows("PATCH", f"{_MODEL}/tags", said.ChangedModel, _log),
    *_rows("DELETE", f"{_MODEL}/tags/{{tag_key}}", said.ModelTag, _log),
    *_rows("POST", f"{_MODEL}/params", said.ChangedModel, _log),
    # Traces
    *_rows("POST", f"{_V3}/traces", said.NewTrace, _log),
    *_rows("POST", f"{_V3}/traces/search", said.SearchedTraces, _list, flow=Flow.NARROWED),
    *_rows("POST", f"{_V3}/traces/batchGetInfos", said.SomeTraces, _read),
    *_rows("POST", f"{_V3}/traces/delete-traces", said.DeletedTraces, _log),
    *_rows("POST", f"{_V2}/traces/delete-traces", said.DeletedTraces, _log),
    *_rows("POST", f"{_V2}/traces/link-to-run", said.TracesOfRun, _log),
    *_rows("GET", _TRACE, said.OfTrace, _read),
    *_rows("PATCH", f"{_TRACE}/tags", said.TraceTag, _log),
    *_rows("DELETE", f"{_TRACE}/tags", said.TraceTag, _log),
    *_rows("PATCH", f"{_OLD_TRACE}/tags", said.TraceTag, _log),
    *_rows("DELETE", f"{_OLD_TRACE}/tags", said.TraceTag, _log),
    *_rows("POST", f"{_TRACE}/assessments", said.Assessed, _log),
    *_rows("GET", f"{_TRACE}/assessments/{{assessment_id}}", said.Assessment, _read),
    *_rows("PATCH", f"{_TRACE}/assessments/{{assessment_id}}", said.Assessed, _log),
    *_rows("DELETE", f"{_TRACE}/assessments/{{assessment_id}}", said.Assessment, _log),
)
