"""The table of the flat registry, under both prefixes that MLflow's clients have known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from modelyard.action import Ref
from modelyard.actions import copies, files, finalize, flat, legacy, models, stages, versions
from modelyard.domain import flat_filters, names, pages
from modelyard.domain import legacy as rules
from modelyard.domain import stages as staging
from modelyard.domain.cards import Draft, Examined
from modelyard.domain.files import inner
from modelyard.domain.models import Version
from modelyard.domain.privileges import Kind
from modelyard.errors import Invalid
from modelyard.surfaces import finalizing
from modelyard.surfaces.registry import said, told
from modelyard.surfaces.wire import AnyAction, Bytes, Here, Joining, Reply, Row, Translation, text

PREFIXES: Final = ("/api/2.0/mlflow", "/api/2.0/preview/mlflow")
_MODELS_DEFAULT, _MODELS_MOST = 100, 1_000
_VERSIONS_MOST = 10_000
_FILES_MOST = 1_000


# Models


def _create_model(asked: said.NewModel, place: legacy.Place) -> AnyAction:
    comment, tags = text(asked.description), said.tags(asked.tags)
    return legacy.CreateFlatModel(Ref(Kind.SCHEMA, place.schema), place.name, asked.name, comment, tags)


def _rename_model(asked: said.RenamedModel) -> AnyAction:
    if rules.is_flat(asked.name) or rules.is_flat(asked.new_name):
        raise Invalid(
            "old names are not renamed: rename the model by its name of three levels, which keeps its old name, or "
            "let an admin add another old name with `modelyard legacy add`.",
        )
    return models.update(asked.ref, asked.new_name, models.ModelChange())


def _search_models(asked: said.Search) -> AnyAction:
    search = flat_filters.models(asked.filter or "", asked.order_by or ())
    window = pages.window(
        asked.max_results, asked.page_token, f"flat models {search}", default=_MODELS_DEFAULT, most=_MODELS_MOST
    )
    return flat.SearchFlatModels(search, window)


def _by_alias(asked: said.NamedAlias) -> AnyAction:
    if asked.alias.lower() == names.LATEST:
        return stages.GetLatestVersion(asked.ref)
    return models.GetVersionByAlias(asked.ref, names.alias(asked.alias))


# Versions


def _create_version(asked: said.NewVersion) -> AnyAction:
    if not asked.source:
        raise Invalid("source must say where the version comes from.")
    copied = asked.copied
    if copied is None:
        return flat.RegisterFromArtifacts(*asked.artifacts, asked.ref, asked.told)
    comment = None if asked.description is None else text(asked.description)
    return copies.CopyVersion(said.model_ref(copied[0]), copied[1], asked.ref, comment)


def _examine(store: Bytes, _asked: said.NewVersion, found: Draft | Version) -> tuple[int, Examined]:
    """Look into the files of a new version; those of a copy were looked into before."""
    draft = found if isinstance(found, Draft) else Draft(found)
    return draft.version.number, store.examine(draft)


def _finalize(asked: said.NewVersion, moved: tuple[int, Examined]) -> AnyAction:
    return finalize.FinalizeVersion(asked.ref, *moved)


def _created(asked: said.NewVersion, version: Version, here: Here) -> Reply:
    return finalizing.refused(version) or told.version(asked, version, here)


def _transition(asked: said.Transition) -> AnyAction:
    target = staging.stage(asked.stage)
    if asked.archive_existing_versions:
        staging.check_archive(target)
    return stages.TransitionVersion(asked.ref, asked.number, target, asked.archive_existing_versions)


def _search_versions(asked: said.Search) -> AnyAction:
    search = flat_filters.versions(asked.filter or "", asked.order_by or ())
    window = pages.window(
        asked.max_results, asked.page_token, f"flat versions {search}", default=_VERSIONS_MOST, most=_VERSIONS_MOST
    )
    return flat.SearchFlatVersions(search, window)


def _list_files(asked: said.NamedFile) -> AnyAction:
    ref, path = asked.ref, inner(asked.path.strip("/"))
    query = f"flat files {ref.name} {asked.number} {path}"
    window = pages.window(None, asked.page_token, query, default=_FILES_MOST, most=_FILES_MOST)
    return files.ListDirectory(ref, asked.number, path, window, must_be=False)


def _rows(at: str) -> Iterator[Row]:
    """The rows under one prefix."""
    yield from _of_models(f"{at}/registered-models", f"{at}/databricks/registered-models")
    yield from _of_aliases_and_tags(f"{at}/registered-models", f"{at}/model-versions")
    yield from _of_versions(f"{at}/model-versions", f"{at}/databricks/model-versions")


def _of_models(at: str, databricks: str) -> Iterator[Row]:
    yield Joining(
        "POST",
        f"{at}/create",
        said.NewModel,
        ask=lambda asked: legacy.FindPlace(asked.name),
        move=lambda _store, _asked, place: place,
        keep=_create_model,
        tell=told.model,
    )
    yield Translation(
        "GET", f"{at}/get", said.Named, lambda asked: stages.GetStagedModel(asked.ref), tell=told.staged_model
    )
    yield Translation(
        "GET",
        f"{databricks}/get",
        said.Named,
        lambda asked: stages.GetStagedModel(asked.ref),
        tell=told.databricks_model,
    )
    yield Translation(
        "PATCH",
        f"{at}/update",
        said.ChangedModel,
        read=lambda asked: models.UpdateModel(asked.ref, models.ModelChange(comment=text(asked.description))),
        tell=told.model,
    )
    yield Translation("POST", f"{at}/rename", said.RenamedModel, _rename_model, tell=told.model)
    yield Translation(
        "DELETE", f"{at}/delete", said.Named, lambda asked: models.DeleteModel(asked.ref), tell=told.nothing
    )
    for path in ("search", "list"):
        yield Translation("GET", f"{at}/{path}", said.Search, _search_models, told.model_page, repeats=("order_by",))
    for method in ("GET", "POST"):
        yield Translation(
            method,
            f"{at}/get-latest-versions",
            said.Staged,
            read=lambda asked: stages.ListLatestVersions(asked.ref, staging.stages(asked.stages or ())),
            tell=told.versions,
            repeats=("stages",),
        )


def _of_aliases_and_tags(at: str, versions_at: str) -> Iterator[Row]:
    yield Translation(
        "POST",
        f"{at}/alias",
        said.NamedAlias,
        read=lambda asked: models.SetAlias(asked.ref, names.alias(asked.alias), asked.number),
        tell=told.nothing,
    )
    yield Translation(
        "DELETE",
        f"{at}/alias",
        said.NamedAlias,
        read=lambda asked: models.DeleteAlias(asked.ref, names.alias(asked.alias)),
        tell=told.nothing,
    )
    yield Translation("GET", f"{at}/alias", said.NamedAlias, _by_alias, tell=told.version)
    yield Translation(
        "POST",
        f"{at}/set-tag",
        said.NamedTag,
        read=lambda asked: models.SetModelTag(asked.ref, asked.tag),
        tell=told.nothing,
    )
    yield Translation(
        "DELETE",
        f"{at}/delete-tag",
        said.NamedTag,
        read=lambda asked: models.DeleteModelTag(asked.ref, rules.tag_key(asked.key)),
        tell=told.nothing,
    )
    yield Translation(
        "POST",
        f"{versions_at}/set-tag",
        said.NamedTag,
        read=lambda asked: versions.SetVersionTag(asked.ref, asked.number, asked.tag),
        tell=told.nothing,
    )
    yield Translation(
        "DELETE",
        f"{versions_at}/delete-tag",
        said.NamedTag,
        read=lambda asked: versions.DeleteVersionTag(asked.ref, asked.number, rules.tag_key(asked.key)),
        tell=told.nothing,
    )


def _of_versions(at: str, databricks: str) -> Iterator[Row]:
    yield Joining(
        "POST",
        f"{at}/create",
        said.NewVersion,
        ask=_create_version,
        move=_examine,
        keep=_finalize,
        tell=_created,
    )
    yield Translation(
        "GET",
        f"{at}/get",
        said.NamedVersion,
        read=lambda asked: versions.GetVersion(asked.ref, asked.number),
        tell=told.version,
    )
    yield Translation(
        "PATCH",
        f"{at}/update",
        said.ChangedVersion,
        read=lambda asked: versions.UpdateVersion(asked.ref, asked.number, text(asked.description)),
        tell=told.version,
    )
    yield Translation(
        "DELETE",
        f"{at}/delete",
        said.NamedVersion,
        read=lambda asked: versions.DeleteVersion(asked.ref, asked.number),
        tell=told.nothing,
    )
    yield Translation("GET", f"{at}/search", said.Search, _search_versions, told.version_page, repeats=("order_by",))
    yield Translation("POST", f"{at}/transition-stage", said.Transition, _transition, tell=told.staged_version)
    yield Translation(
        "POST", f"{databricks}/transition-stage", said.Transition, _transition, tell=told.databricks_version
    )
    yield from _of_files(at)


def _of_files(at: str) -> Iterator[Row]:
    """Where the files of versions are: for MLflow's client, and for the one that takes this for a workspace."""
    yield Translation(
        "GET",
        f"{at}/get-download-uri",
        said.NamedVersion,
        read=lambda asked: versions.GetDownloadUri(asked.ref, asked.number),
        tell=told.uri,
    )
    yield Translation("GET", f"{at}/list-artifacts", said.NamedFile, _list_files, told.directory)
    yield Translation(
        "GET",
        f"{at}/get-signed-download-uri",
        said.NamedFile,
        read=lambda asked: files.LinkToFile(asked.ref, asked.number, inner(asked.path.strip("/"))),
        write=told.signed,
    )


ROWS: Final[tuple[Row, ...]] = tuple(row for prefix in PREFIXES for row in _rows(prefix))
