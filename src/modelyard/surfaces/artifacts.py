"""Artifacts of runs and logged models: by the Files API, and by MLflow's own service for clients that speak plain http.

The Files API has them under `/WorkspaceInternal/Mlflow/Artifacts` (protocol notes §1.c). MLflow's service has the same
ones under `/api/2.0/mlflow-artifacts/artifacts/<experiment>/…`.
"""

from __future__ import annotations

from typing import Any, Final

from modelyard.action import Ref
from modelyard.actions import artifacts
from modelyard.domain import experiments as rules
from modelyard.domain import pages
from modelyard.domain.experiments import ROOT, Artifact, Part
from modelyard.domain.files import Entry, Stored
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Kind
from modelyard.errors import Invalid
from modelyard.surfaces.files import (
    DIRECTORIES,
    NO_BODY,
    PAGE,
    PartTag,
    Place,
    blame,
    drop_joined,
    experiment,
    listing,
    make_room,
)
from modelyard.surfaces.wire import (
    EMPTY,
    FILES_PREFIX,
    AnyAction,
    Arrival,
    Departure,
    Here,
    Joining,
    Reply,
    Row,
    Translation,
)

_FILE: Final = f"{FILES_PREFIX}{ROOT}/{{experiment}}/{{path:rest}}"
_DIRECTORY: Final = f"{DIRECTORIES}{ROOT}/{{experiment}}/{{path:rest}}"
_SERVICE: Final = "/api/2.0/mlflow-artifacts/artifacts"
_PROXIED: Final = f"{_SERVICE}/{{experiment}}/{{path:rest}}"
_MLFLOW: Final = "/api/2.0/mlflow"
_AJAX: Final = "/mlflow/ajax-api/2.0/mlflow"


class Inside(Place, frozen=True):
    """A path among the artifacts of an experiment."""

    experiment: str = ""

    @property
    def artifact(self) -> Artifact:
        """Where it points."""
        return rules.artifact(f"{ROOT}/{self.experiment}/{self.path}")

    @property
    def there(self) -> tuple[Ref, str]:
        """The experiment, and the path."""
        return experiment(self.artifact), self.artifact.path


class SentInside(Inside, frozen=True):
    """An artifact that is sent, or whose parts are going to be."""

    overwrite: bool = False


class ListedInside(Inside, frozen=True):
    """A page of a directory."""

    page_size: int | None = None
    page_token: str | None = None


class PartInside(Inside, frozen=True):
    """A part that is sent."""

    session_token: str = ""
    part_number: int = 0


class CompletedInside(Inside, frozen=True):
    """An upload whose parts are all there."""

    session_token: str = ""
    parts: tuple[PartTag, ...] = ()


class Proxied(Inside, frozen=True):
    """A path as MLflow's own service has it."""

    @property
    def artifact(self) -> Artifact:
        """Where it points."""
        return rules.proxied(f"{self.experiment}/{self.path}")


class ProxiedListing(Proxied, frozen=True):
    """A directory there, of which the path says also the experiment."""

    @property
    def artifact(self) -> Artifact:
        """Where it points."""
        return rules.proxied(self.path)


class OfRun(Place, frozen=True):
    """What a run has at a path."""

    run_id: str = ""
    run_uuid: str = ""
    page_token: str | None = None

    @property
    def run(self) -> str:
        """The run's id."""
        return self.run_id or self.run_uuid

    @property
    def there(self) -> tuple[Ref, str]:
        """The run, and the path among the artifacts of its experiment."""
        found = rules.of_run("0", self.run, self.path)
        return Ref(Kind.EXPERIMENT, Part.RUN.path(self.run)), found.path


class OfModel(Place, frozen=True):
    """What a logged model has at a path."""

    model_id: str = ""
    artifact_directory_path: str = ""
    artifact_file_path: str = ""
    page_token: str | None = None

    @property
    def there(self) -> tuple[Ref, str]:
        """The model, and the path among the artifacts of its experiment."""
        found = rules.of_model("0", self.model_id, self.artifact_file_path or self.artifact_directory_path)
        return Ref(Kind.EXPERIMENT, Part.MODEL.path(self.model_id)), found.path


def _list(said: ListedInside) -> AnyAction:
    window = pages.window(said.page_size, said.page_token, f"directory {said.artifact}", default=PAGE, most=PAGE)
    return artifacts.ListArtifacts(*said.there, window)


def _keep(said: SentInside, stored: Stored) -> AnyAction:
    return artifacts.KeepArtifact(*said.there, stored, said.overwrite)


def _finish(said: CompletedInside, become: Stored | tuple[tuple[int, str], ...]) -> AnyAction:
    if not isinstance(become, Stored):
        raise Invalid("parts of artifacts are sent to the server; begin the upload again.")
    return artifacts.FinishArtifactUpload(*said.there, said.session_token, become)


# MLflow's own service


def _list_proxied(said: ProxiedListing) -> AnyAction:
    return artifacts.ListArtifacts(*said.there, Window(PAGE), must_be=False)


def _keep_proxied(said: Proxied, stored: Stored) -> AnyAction:
    return artifacts.KeepArtifact(*said.there, stored, overwrite=True)


def _in_folder(page: Page[Entry], _here: Here) -> object:
    """Names of files relative to the folder that was asked for, as MLflow's client reads them."""
    return {"files": [_info(each, each.name) for each in page.items]}


def _info(entry: Entry, path: str) -> dict[str, Any]:
    told: dict[str, Any] = {"path": path, "is_dir": entry.is_directory}
    return told if entry.is_directory else {**told, "file_size": entry.size}


def _list_of_run(said: OfRun) -> AnyAction:
    ref, path = said.there
    return artifacts.ListArtifacts(ref, path, _window(said.page_token, path), must_be=False)


def _list_of_model(said: OfModel) -> AnyAction:
    ref, path = said.there
    return artifacts.ListArtifacts(ref, path, _window(said.page_token, path), must_be=False)


def _window(token: str | None, path: str) -> Window:
    return pages.window(None, token, f"artifacts {path}", default=PAGE, most=PAGE)


def _of_thing(page: Page[Entry], _here: Here) -> object:
    """Files with their paths inside the run or model: behind `<run>/artifacts`, or `models/<id>/artifacts`."""
    told: dict[str, Any] = {"files": [_info(each, each.path.partition("artifacts/")[2]) for each in page.items]}
    if token := pages.token(page):
        told["next_page_token"] = token
    return told


_DONE: Final = Reply()

ROWS: Final[tuple[Row, ...]] = (
    Departure("GET", _FILE, Inside, read=lambda said: artifacts.FindArtifact(*said.there), blame=blame),
    Departure("HEAD", _FILE, Inside, read=lambda said: artifacts.FindArtifact(*said.there), blame=blame),
    Arrival(
        "PUT",
        _FILE,
        SentInside,
        ask=lambda said: artifacts.PrepareArtifact(*said.there, overwrite=said.overwrite),
        open=lambda store, _said, found, size: store.receive(found.store_id, size),
        keep=_keep,
        write=lambda _entry: EMPTY,
        blame=blame,
    ),
    Arrival(
        "PUT",
        _FILE,
        PartInside,
        ask=lambda said: artifacts.FindArtifactUpload(*said.there, upload_id=said.session_token),
        open=lambda store, said, upload, size: store.receive_part(upload, said.part_number, size),
        keep=None,
        write=lambda part: Reply(200, b"", (("etag", f'"{part.etag}"'),)),
        blame=blame,
        doing="upload-part",
    ),
    Joining(
        "POST",
        _FILE,
        SentInside,
        ask=lambda said: artifacts.BeginArtifactUpload(*said.there, overwrite=said.overwrite),
        move=make_room,
        write=lambda upload, _here: {"multipart_upload": {"session_token": upload.id}},
        blame=blame,
        doing="initiate-upload",
    ),
    Joining(
        "POST",
        _FILE,
        CompletedInside,
        ask=lambda said: artifacts.FindArtifactUpload(*said.there, upload_id=said.session_token),
        move=lambda store, said, upload: store.complete(upload, [part.listed for part in said.parts]),
        keep=_finish,
        after=drop_joined,
        blame=blame,
        doing="complete-upload",
    ),
    Joining(
        "DELETE",
        _FILE,
        PartInside,
        ask=lambda said: artifacts.AbortArtifactUpload(*said.there, upload_id=said.session_token),
        move=lambda store, _said, upload: store.drop(upload),
        blame=blame,
        doing="abort-upload",
    ),
    Translation(
        "DELETE",
        _FILE,
        Inside,
        read=lambda said: artifacts.DeleteArtifact(*said.there),
        write=lambda _nothing, _here: EMPTY,
        blame=blame,
    ),
    Translation(
        "HEAD",
        _DIRECTORY,
        Inside,
        read=lambda said: artifacts.FindArtifactDirectory(*said.there),
        write=lambda _entry, _here: NO_BODY,
        blame=blame,
    ),
    Translation("GET", _DIRECTORY, ListedInside, read=_list, write=listing, blame=blame),
    Translation(
        "PUT",
        _DIRECTORY,
        Inside,
        read=lambda said: artifacts.MakeArtifactDirectory(*said.there),
        write=lambda _nothing, _here: EMPTY,
        blame=blame,
    ),
    Translation(
        "DELETE",
        _DIRECTORY,
        Inside,
        read=lambda said: artifacts.DeleteArtifactDirectory(*said.there),
        write=lambda _nothing, _here: EMPTY,
        blame=blame,
    ),
    # MLflow's own service
    Translation("GET", _SERVICE, ProxiedListing, read=_list_proxied, write=_in_folder),
    Departure("GET", _PROXIED, Proxied, read=lambda said: artifacts.FindArtifact(*said.there)),
    Arrival(
        "PUT",
        _PROXIED,
        Proxied,
        ask=lambda said: artifacts.PrepareArtifact(*said.there, overwrite=True),
        open=lambda store, _said, found, size: store.receive(found.store_id, size),
        keep=_keep_proxied,
        write=lambda _entry: _DONE,
    ),
    Translation(
        "DELETE",
        _PROXIED,
        Proxied,
        read=lambda said: artifacts.DeleteArtifactDirectory(*said.there, is_deep=True),
    ),
    # What MLflow's page lists and fetches, and some clients do, too
    Translation("GET", f"{_MLFLOW}/artifacts/list", OfRun, read=_list_of_run, write=_of_thing),
    Translation("GET", f"{_AJAX}/artifacts/list", OfRun, read=_list_of_run, write=_of_thing),
    Departure("GET", "/mlflow/get-artifact", OfRun, read=lambda said: artifacts.FindArtifact(*said.there)),
    *(
        Translation(
            "GET",
            f"{at}/logged-models/{{model_id}}/artifacts/directories",
            OfModel,
            read=_list_of_model,
            write=_of_thing,
        )
        for at in (_MLFLOW, _AJAX)
    ),
    Departure(
        "GET",
        f"{_AJAX}/logged-models/{{model_id}}/artifacts/files",
        OfModel,
        read=lambda said: artifacts.FindArtifact(*said.there),
    ),
)
