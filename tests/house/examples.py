"""One example of every action: what is there, and what somebody asks for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from modelyard.action import Action, Ref
from modelyard.actions import (
    access,
    admission,
    aliases,
    backups,
    cards,
    catalogs,
    collection,
    copies,
    credentials,
    entity_tags,
    exchange,
    explain,
    files,
    finalize,
    grants,
    imports,
    inspection,
    journal,
    lineage,
    metastore,
    models,
    prompts,
    seals,
    sessions,
    signatures,
    stalled,
    tagging,
    tokens,
    trash,
    uploads,
    versions,
)
from modelyard.domain import keys, signing
from modelyard.domain.access import PrincipalChange, PrincipalKind, Session
from modelyard.domain.admission import Policy
from modelyard.domain.collection import Helping, Shelved
from modelyard.domain.conditions import Attribute, Comparison, Operator
from modelyard.domain.explain import Role
from modelyard.domain.filters import Part, Term, VersionFilter
from modelyard.domain.inspection import Looked
from modelyard.domain.journal import AuditFilter
from modelyard.domain.models import Announced, Registration, Tag, TagChange
from modelyard.domain.pages import Window
from modelyard.domain.privileges import GrantChange, Privilege
from modelyard.domain.prompts import Draft, Link, LinkKind
from modelyard.domain.sessions import Login
from tests.house.world import MLMODEL, Person, World, containers

USER, GROUP = PrincipalKind.USER, PrincipalKind.GROUP
PRIVATE_KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_KEY = keys.pem_of(PRIVATE_KEY.public_key())
MLMODEL_SHA256 = hashlib.sha256(MLMODEL).hexdigest()


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

    def pending_id(self) -> str:
        """The id of such a version."""
        return self.world.do(versions.GetVersion(*self.pending())).id

    def holding(self, path: str) -> tuple[Ref, int, str]:
        """Such a version, with a file in it."""
        model, number = self.pending()
        self.world.do(files.KeepFile(model, number, path, self.world.blob(b"")), self.world.owner)
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

    def assignment(self) -> tuple[int, str]:
        """The workspace and the metastore that the server has."""
        found = self.world.do(metastore.GetMetastore())
        return found.workspace_id, found.id

    def tagged(self) -> Ref:
        """A schema with a tag `team`."""
        schema = self.world.schema()
        self.world.do(entity_tags.AssignTag(schema, Tag("team", "")), self.world.owner)
        return schema

    def quarantined(self) -> tuple[Ref, Ref, int]:
        """A schema, a model, and a version of somebody else's that the schema keeps back."""
        model, somebody = self.world.model(), self.world.person()
        _, schema = containers(model)
        policy = Policy(schema.name, signers=(PUBLIC_KEY,))
        self.world.do(admission.SetPolicy(schema, policy), self.world.owner)
        with self.world.uploading(somebody, model):
            number = self.world.register(model, somebody)
            self.world.do(files.KeepFile(model, number, "MLmodel", self.world.blob(MLMODEL)), somebody)
            self.world.do(self.world.finalizing(model, number, somebody), somebody)
        return schema, model, number

    def alias(self) -> tuple[Ref, str]:
        model, number = self.ready()
        self.world.do(models.SetAlias(model, "champion", number))
        return model, "champion"

    def drafted(self) -> tuple[Ref, int]:
        """A prompt and its version."""
        prompt = self.world.prompt()
        return prompt, self.world.draft(prompt)

    def prompt_alias(self) -> tuple[Ref, str]:
        prompt, number = self.drafted()
        self.world.do(prompts.SetPromptAlias(prompt, "production", number))
        return prompt, "production"


def _in_trash(at: Stage) -> str:
    """The id of a deleted version of the owner's."""
    model, number = at.ready()
    at.world.do(versions.DeleteVersion(model, number), at.world.owner)
    found = at.world.do(trash.ListTrash(Window(1_000)), at.world.owner).items
    return next(entry.id for entry in found if entry.full_name == model.name)


def _sign(at: Stage) -> Action[Any, Any]:
    model, number = at.ready()
    bundle = signing.sign(PRIVATE_KEY, "it", {"MLmodel": MLMODEL_SHA256}).decode()
    return signatures.AddSignature(model, number, bundle, PUBLIC_KEY)


def _release(at: Stage) -> Action[Any, Any]:
    schema, model, number = at.quarantined()
    return admission.ReleaseVersion(schema, model.name, number, "looked at it")


def _login(at: Stage) -> Login:
    return Login(at.world.new_name("state"), "nonce", "verifier", "/session")


def _finalize(at: Stage) -> Action[Any, Any]:
    model, number = at.pending()
    with at.world.uploading(at.who, model):
        kept = files.KeepFile(model, number, "MLmodel", at.world.blob(b"flavors: {}\n"))
        at.world.do(kept, at.who)
        return at.world.finalizing(model, number, at.who)


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


def _set_prompt_alias(at: Stage) -> Action[Any, Any]:
    prompt, number = at.drafted()
    return prompts.SetPromptAlias(prompt, "production", number)


def _link_prompts(at: Stage) -> Action[Any, Any]:
    """To a version that whoever asks may read: nothing else is linked."""
    prompt, number = at.drafted()
    catalog, schema = containers(prompt)
    for privilege, on in (
        (Privilege.USE_CATALOG, catalog),
        (Privilege.USE_SCHEMA, schema),
        (Privilege.EXECUTE, prompt),
    ):
        at.world.let(at.who, privilege, on)
    return prompts.LinkPromptVersions(((prompt.name, number),), (Link(LinkKind.RUN, "r1"),))


def _protected(at: Stage) -> Ref:
    """A schema in which whoever is going to ask may move champions."""
    schema = at.world.schema()
    at.world.do(aliases.ProtectAlias(schema, "champion", (at.who.name, at.world.owner.name)))
    return schema


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
    grants.GetGrants: lambda at: grants.GetGrants(at.world.model()),
    grants.GetEffectiveGrants: lambda at: grants.GetEffectiveGrants(at.world.model()),
    grants.ChangeGrants: lambda at: grants.ChangeGrants(
        at.world.model(), (GrantChange(at.who.name, add=frozenset({Privilege.EXECUTE})),)
    ),
    # Explanations
    explain.Explain: lambda at: explain.Explain("SetAlias", at.world.model().name, at.who.name),
    explain.Preflight: lambda at: explain.Preflight(Role.INFERENCE, at.world.model().name, principal=at.who.name),
    # The metastore and its workspace
    metastore.GetMetastore: lambda _at: metastore.GetMetastore(),
    metastore.AssignMetastore: lambda at: metastore.AssignMetastore(*at.assignment()),
    metastore.GetBindings: lambda at: metastore.GetBindings(at.world.catalog()),
    metastore.ChangeBindings: lambda at: metastore.ChangeBindings(at.world.catalog(), at.assignment()[:1]),
    # Tags of any securable
    entity_tags.ListTags: lambda at: entity_tags.ListTags(at.world.schema(), Window(10)),
    entity_tags.GetTag: lambda at: entity_tags.GetTag(at.tagged(), "team"),
    entity_tags.AssignTag: lambda at: entity_tags.AssignTag(at.world.catalog(), Tag("team", "ml")),
    entity_tags.ChangeTag: lambda at: entity_tags.ChangeTag(at.tagged(), Tag("team", "ml")),
    entity_tags.RemoveTag: lambda at: entity_tags.RemoveTag(at.tagged(), "team"),
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
    models.BrowseModel: lambda at: models.BrowseModel(at.world.model()),
    models.SearchModels: lambda at: _everywhere(at.world.model(), models.SearchModels(Window(10_000), browse=True)),
    models.UpdateModel: lambda at: models.UpdateModel(at.world.model(), models.ModelChange(owner=at.who.name)),
    models.RenameModel: _rename_model,
    models.DeleteModel: lambda at: models.DeleteModel(at.world.model()),
    models.SetModelTag: lambda at: models.SetModelTag(at.world.model(), Tag("stage", "new")),
    models.DeleteModelTag: lambda at: models.DeleteModelTag(at.world.model(), "stage"),
    models.SetAlias: _set_alias,
    models.DeleteAlias: lambda at: models.DeleteAlias(*at.alias()),
    models.GetVersionByAlias: lambda at: models.GetVersionByAlias(*at.alias()),
    # The history and the protection of aliases
    aliases.ListAliasMoves: lambda at: aliases.ListAliasMoves(at.alias()[0], Window(10)),
    aliases.ListProtectedAliases: lambda at: aliases.ListProtectedAliases(_protected(at)),
    aliases.ProtectAlias: lambda at: aliases.ProtectAlias(at.world.schema(), "champion", (at.world.owner.name,)),
    aliases.UnprotectAlias: lambda at: aliases.UnprotectAlias(_protected(at), "champion"),
    # Versions
    versions.RegisterVersion: lambda at: versions.RegisterVersion(at.world.model(), versions.Registration("here")),
    versions.RegisterCopy: lambda at: versions.RegisterCopy(
        *at.ready(), at.world.model(), versions.Registration("there")
    ),
    # Copies and cards
    copies.CopyVersion: lambda at: copies.CopyVersion(*at.ready(), at.world.model()),
    copies.PromoteVersion: lambda at: copies.PromoteVersion(*at.ready(), at.world.model(), "champion"),
    cards.GetCard: lambda at: cards.GetCard(*at.ready()),
    # Signatures
    signatures.AddSignature: _sign,
    signatures.ListSignatures: lambda at: signatures.ListSignatures(*at.ready()),
    # What schemas admit
    admission.GetPolicy: lambda at: admission.GetPolicy(at.world.schema()),
    admission.SetPolicy: lambda at: admission.SetPolicy(at.world.schema(), Policy("", clean_scan=True)),
    admission.RemovePolicy: lambda at: admission.RemovePolicy(at.world.schema()),
    admission.ListQuarantined: lambda at: admission.ListQuarantined(at.world.schema(), Window(10)),
    admission.ReleaseVersion: _release,
    # Backups
    backups.DumpDatabase: lambda _at: backups.DumpDatabase(),
    backups.FindObject: lambda at: _everywhere(at.ready()[0], backups.FindObject(MLMODEL_SHA256)),
    # The trash
    trash.ListTrash: lambda at: _everywhere(at.ready()[0], trash.ListTrash(Window(100))),
    trash.RestoreFromTrash: lambda at: trash.RestoreFromTrash(_in_trash(at)),
    trash.PurgeTrash: lambda at: trash.PurgeTrash(_in_trash(at)),
    # The care of stored bytes
    collection.WeighGarbage: lambda _at: collection.WeighGarbage(24),
    collection.CollectGarbage: lambda _at: collection.CollectGarbage(24),
    collection.ListStores: lambda _at: collection.ListStores(),
    collection.CountOrphans: lambda _at: collection.CountOrphans(Shelved()),
    collection.DiscardOrphans: lambda _at: collection.DiscardOrphans(Shelved()),
    collection.CollectByItself: lambda _at: collection.CollectByItself(),
    collection.ForgetByItself: lambda _at: collection.ForgetByItself(Helping(0, 0, (), more=False), ()),
    collection.DiscardByItself: lambda _at: collection.DiscardByItself(Shelved()),
    stalled.GiveUpStalled: lambda _at: stalled.GiveUpStalled(48),
    collection.ForgetGarbage: lambda _at: collection.ForgetGarbage(Helping(0, 0, (), more=False), ()),
    inspection.ListBlobs: lambda _at: inspection.ListBlobs("", 200),
    inspection.NameDamage: lambda _at: inspection.NameDamage(Looked(0, 0, (), None)),
    inspection.CompareManifests: lambda _at: inspection.CompareManifests(""),
    # Imports
    imports.ImportVersion: lambda at: imports.ImportVersion(
        at.world.model(), Announced(7, "0" * 64), Registration("there")
    ),
    imports.TakeFiles: lambda at: imports.TakeFiles(
        at.ready()[0], *at.pending(), (imports.Wanted("MLmodel", MLMODEL_SHA256, len(MLMODEL)),)
    ),
    # Finalizing
    finalize.ClaimFinalization: lambda at: finalize.ClaimFinalization(at.pending_id(), "somebody"),
    finalize.ReleaseFinalization: lambda at: finalize.ReleaseFinalization(at.pending_id(), "somebody"),
    finalize.PrepareFinalize: lambda at: finalize.PrepareFinalize(*at.holding("MLmodel")[:2]),
    finalize.FinalizeVersion: _finalize,
    versions.GetVersion: lambda at: versions.GetVersion(*at.ready()),
    versions.GetDownloadUri: lambda at: versions.GetDownloadUri(*at.ready()),
    versions.GetUploadLeave: lambda at: versions.GetUploadLeave(*at.pending()),
    versions.SearchVersions: _search_versions,
    versions.UpdateVersion: lambda at: versions.UpdateVersion(*at.ready(), "better"),
    versions.DeleteVersion: lambda at: versions.DeleteVersion(*at.ready()),
    versions.SetVersionTag: lambda at: versions.SetVersionTag(*at.ready(), Tag("stage", "new")),
    versions.DeleteVersionTag: lambda at: versions.DeleteVersionTag(*at.ready(), "stage"),
    lineage.NoteLineage: lambda at: lineage.NoteLineage(*at.ready()),
    lineage.GetLineage: lambda at: lineage.GetLineage(*at.ready()),
    versions.ListVersions: lambda at: versions.ListVersions(at.ready()[0], Window(10)),
    # Tags, several at once
    tagging.ChangeModelTags: lambda at: tagging.ChangeModelTags(at.world.model(), TagChange((Tag("stage", "new"),))),
    tagging.ChangeVersionTags: lambda at: tagging.ChangeVersionTags(*at.ready(), TagChange(remove=("stage",))),
    # The exchange
    exchange.HandOver: lambda at: exchange.HandOver(*at.ready()),
    # Prompts
    prompts.CreatePrompt: lambda at: prompts.CreatePrompt(at.world.schema(), at.world.new_name()),
    prompts.GetPrompt: lambda at: prompts.GetPrompt(at.world.prompt()),
    prompts.SearchPrompts: lambda at: _everywhere(
        at.world.prompt(), prompts.SearchPrompts((Term(Part.NAME, "%"),), Window(10_000))
    ),
    prompts.UpdatePrompt: lambda at: prompts.UpdatePrompt(at.world.prompt(), prompts.PromptChange(owner=at.who.name)),
    prompts.DeletePrompt: lambda at: prompts.DeletePrompt(at.world.prompt()),
    prompts.CreatePromptVersion: lambda at: prompts.CreatePromptVersion(at.world.prompt(), Draft('"Hello"')),
    prompts.GetPromptVersion: lambda at: prompts.GetPromptVersion(*at.drafted()),
    prompts.GetPromptVersionByAlias: lambda at: prompts.GetPromptVersionByAlias(*at.prompt_alias()),
    prompts.ListPromptVersions: lambda at: prompts.ListPromptVersions(at.drafted()[0], Window(100)),
    prompts.UpdatePromptVersion: lambda at: prompts.UpdatePromptVersion(*at.drafted(), "better"),
    prompts.DeletePromptVersion: lambda at: prompts.DeletePromptVersion(*at.drafted()),
    prompts.SetPromptTag: lambda at: prompts.SetPromptTag(at.world.prompt(), Tag("stage", "new")),
    prompts.DeletePromptTag: lambda at: prompts.DeletePromptTag(at.world.prompt(), "stage"),
    prompts.SetPromptVersionTag: lambda at: prompts.SetPromptVersionTag(*at.drafted(), Tag("stage", "new")),
    prompts.DeletePromptVersionTag: lambda at: prompts.DeletePromptVersionTag(*at.drafted(), "stage"),
    prompts.SetPromptAlias: _set_prompt_alias,
    prompts.DeletePromptAlias: lambda at: prompts.DeletePromptAlias(*at.prompt_alias()),
    prompts.LinkPromptVersions: _link_prompts,
    prompts.ListPromptLinks: lambda at: prompts.ListPromptLinks(*at.drafted(), LinkKind.RUN, Window(100)),
    # Files
    files.FindFile: lambda at: files.FindFile(*at.ready(), "MLmodel"),
    files.FindDirectory: lambda at: files.FindDirectory(*at.ready(), ""),
    files.ListDirectory: lambda at: files.ListDirectory(*at.ready(), "", Window(10)),
    files.ListFiles: lambda at: files.ListFiles(*at.ready(), Window(1_000)),
    files.LinkToFile: lambda at: files.LinkToFile(*at.ready(), "MLmodel"),
    files.PrepareFile: lambda at: files.PrepareFile(*at.pending(), "new"),
    files.LinkToUpload: lambda at: files.LinkToUpload(*at.pending(), "new"),
    files.KeepFile: lambda at: files.KeepFile(*at.pending(), "new", at.world.blob(b"")),
    files.MakeDirectory: lambda at: files.MakeDirectory(*at.pending(), "new"),
    files.DeleteFile: lambda at: files.DeleteFile(*at.holding("old")),
    files.DeleteDirectory: _directory,
    # Signing in and out
    sessions.RememberLogin: lambda at: sessions.RememberLogin(_login(at)),
    sessions.TakeLogin: lambda at: sessions.TakeLogin(_login(at).state),
    sessions.ForgetLogins: lambda _at: sessions.ForgetLogins(),
    sessions.NoteSessionUse: lambda _at: sessions.NoteSessionUse(Session("unknown")),
    sessions.SignIn: lambda _at: sessions.SignIn(),
    sessions.SignOut: lambda _at: sessions.SignOut(),
    # The audit and its seals
    journal.ListAudit: lambda _at: journal.ListAudit(AuditFilter(), Window(10)),
    seals.SealJournal: lambda _at: seals.SealJournal(),
    seals.VerifyJournal: lambda _at: seals.VerifyJournal(),
    # Multipart uploads
    uploads.BeginUpload: lambda at: uploads.BeginUpload(*at.pending(), "new"),
    uploads.LinkToParts: lambda at: uploads.LinkToParts(*at.upload(), (1, 2)),
    exchange.Borrow: lambda at: exchange.Borrow(*at.ready()),
    uploads.StageUpload: lambda at: uploads.StageUpload(*at.upload(), ((1, "tag"),)),
    uploads.LinkToAbort: lambda at: uploads.LinkToAbort(*at.upload()),
    uploads.FindUpload: lambda at: uploads.FindUpload(*at.upload()),
    uploads.FinishUpload: lambda at: uploads.FinishUpload(*at.upload(), at.world.blob(b"")),
    uploads.AbortUpload: lambda at: uploads.AbortUpload(*at.upload()),
}
