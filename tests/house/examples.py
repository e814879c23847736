"""One example of every action: what is there, and what somebody asks for."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from modelyard.action import Action, Ref
from modelyard.actions import access, catalogs, credentials, files, models, tokens, uploads, versions
from modelyard.domain.access import PrincipalChange, PrincipalKind
from modelyard.domain.conditions import Attribute, Comparison, Operator
from modelyard.domain.filters import VersionFilter
from modelyard.domain.models import Tag
from modelyard.domain.pages import Window
from modelyard.domain.privileges import GrantChange, Privilege
from tests.house.world import Person, World, containers

USER, GROUP = PrincipalKind.USER, PrincipalKind.GROUP
SHA256 = "0" * 64


@dataclass(frozen=True)
class Stage:
    """What an example is built from; `who` is going to ask."""

    world: World
    who: Person

    def pending(self) -> tuple[Ref, int]:
        """A version that waits for files from whoever is going to ask."""
        model = self.world.model()
        with self.world.uploading(self.who, model):
            return model, self.world.register(model, self.who)

    def holding(self, path: str) -> tuple[Ref, int, str]:
        """Such a version, with a file in it."""
        model, number = self.pending()
        self.world.do(files.KeepFile(model, number, path, SHA256, 0), self.world.owner)
        return model, number, path

    def ready(self) -> tuple[Ref, int]:
        model = self.world.model()
        return model, self.world.ready(model)

    def upload(self) -> tuple[Ref, int, str, str]:
        """A multipart upload that whoever is going to ask has begun."""
        model, number = self.pending()
        with self.world.uploading(self.who, model):
            upload = self.world.do(uploads.BeginUpload(model, number, "big"), self.who)
        return model, number, "big", upload.id

    def alias(self) -> tuple[Ref, str]:
        model, number = self.ready()
        self.world.do(models.SetAlias(model, "champion", number))
        return model, "champion"


def _finalize(at: Stage) -> Action[Any, Any]:
    model, number = at.pending()
    with at.world.uploading(at.who, model):
        kept = files.KeepFile(model, number, "MLmodel", *at.world.blob(b"flavors: {}\n"))
        at.world.do(kept, at.who)
    return versions.FinalizeVersion(model, number)


def _directory(at: Stage) -> Action[Any, Any]:
    model, number = at.pending()
    at.world.do(files.MakeDirectory(model, number, "empty"), at.world.owner)
    return files.DeleteDirectory(model, number, "empty")


def _rename_schema(at: Stage) -> Action[Any, Any]:
    schema = at.world.schema()
    return catalogs.RenameSchema(schema, containers(schema)[0], at.world.new_name(), catalogs.Change())


def _rename_model(at: Stage) -> Action[Any, Any]:
    model = at.world.model()
    return models.RenameModel(model, containers(model)[1], at.world.new_name(), models.ModelChange())


def _search_versions(at: Stage) -> Action[Any, Any]:
    model, _ = at.ready()
    return versions.SearchVersions(VersionFilter(model=model.name), Window(100))


def _list_schemas(at: Stage) -> Action[Any, Any]:
    return catalogs.ListSchemas(containers(at.world.schema())[0].name, Window(100), browse=True)


def _set_alias(at: Stage) -> Action[Any, Any]:
    model, number = at.ready()
    return models.SetAlias(model, "champion", number)


def _everywhere(made: Ref, query: Action[Any, Any]) -> Action[Any, Any]:
    assert made.name
    return query


def _token(at: Stage) -> str:
    """The id of a token of the owner's."""
    return at.world.do(tokens.CreateToken("the owner's"), at.world.owner).token.id


def _secret(at: Stage) -> tuple[str, str]:
    """The ids of a service principal that the owner speaks for, and of a secret of it."""
    robot = at.world.robot()
    return robot.id, at.world.do(credentials.CreateSecret(robot.id)).secret.id


EXAMPLES: dict[type[Action[Any, Any]], Callable[[Stage], Action[Any, Any]]] = {
    # Principals, tokens, grants
    access.WhoAmI: lambda _at: access.WhoAmI(),
    access.CreatePrincipal: lambda at: access.CreatePrincipal(USER, at.world.new_name()),
    access.GetPrincipal: lambda at: access.GetPrincipal(USER, at.world.owner.id),
    access.ListPrincipals: lambda at: access.ListPrincipals(
        USER, condition=Comparison(Attribute.USER_NAME, Operator.EQ, at.world.owner.name)
    ),
    access.UpdatePrincipal: lambda at: access.UpdatePrincipal(
        USER, at.world.person().id, PrincipalChange(active=False)
    ),
    access.DeletePrincipal: lambda at: access.DeletePrincipal(USER, at.world.person().id),
    tokens.CreateToken: lambda _at: tokens.CreateToken("mine"),
    tokens.CreateTokenFor: lambda at: tokens.CreateTokenFor(at.world.owner.name),
    tokens.ListTokens: lambda _at: tokens.ListTokens(),
    tokens.FindTokens: lambda at: tokens.FindTokens(at.world.owner.name),
    tokens.GetToken: lambda at: tokens.GetToken(_token(at)),
    tokens.UpdateToken: lambda at: tokens.UpdateToken(_token(at), "better"),
    tokens.RevokeToken: lambda at: tokens.RevokeToken(_token(at)),
    tokens.NoteTokenUse: lambda at: tokens.NoteTokenUse(((_token(at), 60_000),)),
    tokens.ForgetExpiredTokens: lambda _at: tokens.ForgetExpiredTokens(),
    # Secrets of service principals
    credentials.CreateSecret: lambda at: credentials.CreateSecret(at.world.robot().id),
    credentials.ListSecrets: lambda at: credentials.ListSecrets(_secret(at)[0]),
    credentials.DeleteSecret: lambda at: credentials.DeleteSecret(*_secret(at)),
    credentials.IssueToken: lambda _at: credentials.IssueToken(),
    access.GetGrants: lambda at: access.GetGrants(at.world.model()),
    access.ChangeGrants: lambda at: access.ChangeGrants(
        at.world.model(), (GrantChange(at.who.name, add=frozenset({Privilege.EXECUTE})),)
    ),
    # Catalogs
    catalogs.CreateCatalog: lambda at: catalogs.CreateCatalog(at.world.new_name()),
    catalogs.GetCatalog: lambda at: catalogs.GetCatalog(at.world.catalog()),
    catalogs.BrowseCatalog: lambda at: catalogs.BrowseCatalog(at.world.catalog()),
    catalogs.ListCatalogs: lambda at: _everywhere(
        at.world.catalog(), catalogs.ListCatalogs(Window(10_000), browse=True)
    ),
    catalogs.UpdateCatalog: lambda at: catalogs.UpdateCatalog(at.world.catalog(), catalogs.Change(owner=at.who.name)),
    catalogs.RenameCatalog: lambda at: catalogs.RenameCatalog(
        at.world.catalog(), at.world.new_name(), catalogs.Change()
    ),
    catalogs.DeleteCatalog: lambda at: catalogs.DeleteCatalog(at.world.catalog()),
    # Schemas
    catalogs.CreateSchema: lambda at: catalogs.CreateSchema(at.world.catalog(), at.world.new_name()),
    catalogs.GetSchema: lambda at: catalogs.GetSchema(at.world.schema()),
    catalogs.BrowseSchema: lambda at: catalogs.BrowseSchema(at.world.schema()),
    catalogs.ListSchemas: _list_schemas,
    catalogs.UpdateSchema: lambda at: catalogs.UpdateSchema(at.world.schema(), catalogs.Change(owner=at.who.name)),
    catalogs.RenameSchema: _rename_schema,
    catalogs.DeleteSchema: lambda at: catalogs.DeleteSchema(at.world.schema()),
    # Registered models
    models.CreateModel: lambda at: models.CreateModel(at.world.schema(), at.world.new_name()),
    models.GetModel: lambda at: models.GetModel(at.world.model()),
    models.SearchModels: lambda at: _everywhere(at.world.model(), models.SearchModels(Window(10_000))),
    models.UpdateModel: lambda at: models.UpdateModel(at.world.model(), models.ModelChange(owner=at.who.name)),
    models.RenameModel: _rename_model,
    models.DeleteModel: lambda at: models.DeleteModel(at.world.model()),
    models.SetModelTag: lambda at: models.SetModelTag(at.world.model(), Tag("stage", "new")),
    models.DeleteModelTag: lambda at: models.DeleteModelTag(at.world.model(), "stage"),
    models.SetAlias: _set_alias,
    models.DeleteAlias: lambda at: models.DeleteAlias(*at.alias()),
    models.GetVersionByAlias: lambda at: models.GetVersionByAlias(*at.alias()),
    # Versions
    versions.RegisterVersion: lambda at: versions.RegisterVersion(at.world.model(), versions.Registration("here")),
    versions.RegisterCopy: lambda at: versions.RegisterCopy(
        *at.ready(), at.world.model(), versions.Registration("there")
    ),
    versions.FinalizeVersion: _finalize,
    versions.GetVersion: lambda at: versions.GetVersion(*at.ready()),
    versions.GetDownloadUri: lambda at: versions.GetDownloadUri(*at.ready()),
    versions.GetUploadLeave: lambda at: versions.GetUploadLeave(*at.pending()),
    versions.SearchVersions: _search_versions,
    versions.UpdateVersion: lambda at: versions.UpdateVersion(*at.ready(), "better"),
    versions.DeleteVersion: lambda at: versions.DeleteVersion(*at.ready()),
    versions.SetVersionTag: lambda at: versions.SetVersionTag(*at.ready(), Tag("stage", "new")),
    versions.DeleteVersionTag: lambda at: versions.DeleteVersionTag(*at.ready(), "stage"),
    versions.NoteLineage: lambda at: versions.NoteLineage(*at.ready()),
    # Files
    files.FindFile: lambda at: files.FindFile(*at.ready(), "MLmodel"),
    files.FindDirectory: lambda at: files.FindDirectory(*at.ready(), ""),
    files.ListDirectory: lambda at: files.ListDirectory(*at.ready(), "", Window(10)),
    files.LinkToFile: lambda at: files.LinkToFile(*at.ready(), "MLmodel"),
    files.PrepareFile: lambda at: files.PrepareFile(*at.pending(), "new"),
    files.LinkToUpload: lambda at: files.LinkToUpload(*at.pending(), "new"),
    files.KeepFile: lambda at: files.KeepFile(*at.pending(), "new", SHA256, 0),
    files.MakeDirectory: lambda at: files.MakeDirectory(*at.pending(), "new"),
    files.DeleteFile: lambda at: files.DeleteFile(*at.holding("old")),
    files.DeleteDirectory: _directory,
    # Multipart uploads
    uploads.BeginUpload: lambda at: uploads.BeginUpload(*at.pending(), "new"),
    uploads.LinkToParts: lambda at: uploads.LinkToParts(*at.upload(), (1, 2)),
    uploads.LinkToAbort: lambda at: uploads.LinkToAbort(*at.upload()),
    uploads.FindUpload: lambda at: uploads.FindUpload(*at.upload()),
    uploads.FinishUpload: lambda at: uploads.FinishUpload(*at.upload(), SHA256, 0),
    uploads.AbortUpload: lambda at: uploads.AbortUpload(*at.upload()),
}
