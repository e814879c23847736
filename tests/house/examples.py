"""One example of every action: what is there, and what somebody asks for."""

from __future__ import annotations

import hashlib
from collections.abc import Callable
from dataclasses import dataclass, replace
from typing import Any

from cryptography.hazmat.primitives.asymmetric import ec

from modelyard.action import Action, Ref
from modelyard.actions import (
    access,
    admission,
    aliases,
    artifacts,
    backups,
    cards,
    catalogs,
    collection,
    copies,
    credentials,
    deliveries,
    deployments,
    destinations,
    endpoints,
    entity_tags,
    exchange,
    experiments,
    explain,
    files,
    finalize,
    flat,
    git_credentials,
    grants,
    imports,
    inspection,
    journal,
    legacy,
    lineage,
    metastore,
    models,
    permissions,
    prompts,
    rollouts,
    schemas,
    seals,
    secrets,
    sessions,
    signatures,
    stages,
    stalled,
    subscriptions,
    tables,
    tagging,
    tokens,
    trash,
    uploads,
    versions,
    workspace,
)
from modelyard.domain import endpoints as serving
from modelyard.domain import flat_filters, keys, signing
from modelyard.domain import stages as staging
from modelyard.domain.access import PrincipalChange, PrincipalKind, Session
from modelyard.domain.admission import Policy
from modelyard.domain.collection import Helping, Shelved
from modelyard.domain.conditions import Attribute, Comparison, Operator
from modelyard.domain.deliveries import SUBSCRIBABLE, Outcome
from modelyard.domain.destinations import Config
from modelyard.domain.destinations import config as destination_config
from modelyard.domain.endpoints import Deployment, RateLimit, Standing
from modelyard.domain.explain import Role
from modelyard.domain.filters import Part, Term, VersionFilter
from modelyard.domain.git_credentials import GitCredential
from modelyard.domain.inspection import Looked
from modelyard.domain.journal import AuditFilter
from modelyard.domain.legacy import NameChange, Past, Sighting
from modelyard.domain.models import Announced, Registration, Tag, TagChange
from modelyard.domain.pages import Window
from modelyard.domain.plans import Plan
from modelyard.domain.privileges import GrantChange, Privilege
from modelyard.domain.prompts import Draft, Link, LinkKind
from modelyard.domain.rollouts import Phase
from modelyard.domain.secrets import Hidden, Level
from modelyard.domain.sessions import Login
from modelyard.domain.tables import Filter
from tests.house import approvals, jobs
from tests.house.files import draft, shared, written
from tests.house.tables import made_table, payload
from tests.house.volumes import VOLUMES
from tests.house.world import MLMODEL, Person, World, containers

USER, GROUP = PrincipalKind.USER, PrincipalKind.GROUP
PRIVATE_KEY = ec.generate_private_key(ec.SECP256R1())
PUBLIC_KEY = keys.pem_of(PRIVATE_KEY.public_key())
HOOK: Config = destination_config({"generic_webhook": {"url": "https://ci.example.com/hook"}})
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

    def artifact(self) -> tuple[Ref, str]:
        """An experiment with an artifact."""
        return self.world.experiment("r/artifacts/it"), "r/artifacts/it"

    def artifact_upload(self) -> tuple[Ref, str, str]:
        """A multipart upload that whoever is going to ask has begun."""
        experiment = self.world.experiment()
        self.world.permit(experiment, (self.who.name, Privilege.CAN_EDIT))
        upload = self.world.do(artifacts.BeginArtifactUpload(experiment, "r/big"), self.who)
        self.world.permit(experiment)
        return experiment, "r/big", upload.id

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

    def destination(self) -> str:
        """The id of a notification destination, to which nothing gets."""
        return self.world.do(destinations.CreateDestination(self.world.new_name("hook"), HOOK)).id

    def delivery(self) -> str:
        """The id of something that is on its way there."""
        return self.world.do(destinations.TryDestination(self.destination()))

    def prompt_alias(self) -> tuple[Ref, str]:
        prompt, number = self.drafted()
        self.world.do(prompts.SetPromptAlias(prompt, "production", number))
        return prompt, "production"


def _subscription(at: Stage) -> str:
    """The id of a subscription of the owner's."""
    wish = subscriptions.SubscribeToModel(at.world.model(), at.destination(), SUBSCRIBABLE)
    return at.world.do(wish, at.world.owner).id


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


def table_id(at: Stage) -> str:
    """The id of an inference table."""
    return at.world.do(tables.GetTable(made_table(at.world))).id


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


_GIT = GitCredential(0, "gitHub", "robot")


def _git(at: Stage) -> tuple[int, str]:
    """A credential of a service principal that the owner speaks for, and the principal's id."""
    robot = at.world.robot()
    made = at.world.do(git_credentials.CreateGitCredential(_GIT, Hidden(b"open-sesame"), robot.id))
    return made.id, robot.id


def _git_update(number: int, robot_id: str) -> Action[Any, Any]:
    return git_credentials.UpdateGitCredential(number, "gitHub", name="a name", principal_id=robot_id)


def _scope(at: Stage) -> str:
    """A scope of the owner's, with a secret."""
    name = at.world.new_name("scope")
    at.world.do(secrets.CreateScope(name), at.world.owner)
    at.world.do(secrets.PutSecret(name, "password", Hidden(b"open sesame")), at.world.owner)
    return name


def _list_scopes(at: Stage) -> Action[Any, Any]:
    """With one that is not for everybody."""
    _scope(at)
    return secrets.ListScopes()


def _shared(at: Stage) -> tuple[str, str]:
    """Such a scope, and somebody who may read it."""
    scope, reader = _scope(at), at.world.person()
    at.world.do(secrets.PutAcl(scope, reader.name, Level.READ), at.world.owner)
    return scope, reader.name


PLAN = Plan("challenger", (10, 100), bake_seconds=0, min_requests=1)


def _stopped(at: Stage) -> Ref:
    """An endpoint that was stopped."""
    made = at.world.served()
    at.world.do(endpoints.StopEndpoint(made), at.world.owner)
    return made


def _rolling(at: Stage) -> Ref:
    """An endpoint with a roll-out under way."""
    made = at.world.served()
    at.world.do(rollouts.StartRollout(made, PLAN), at.world.owner)
    return made


def _load(at: Stage) -> Action[Any, Any]:
    found = at.world.do(endpoints.GetEndpoint(at.world.endpoint(at.world.entity())))
    return deployments.LoadServed(found.id, found.pending.entities[0].served_id(found.id))


def _standings(at: Stage) -> Action[Any, Any]:
    found = at.world.do(endpoints.GetEndpoint(at.world.endpoint(at.world.entity())))
    served = found.pending.entities[0].served_id(found.id)
    return deployments.NoteStandings(found.id, ((served, Standing(Deployment.READY)),))


def _advance(at: Stage) -> Action[Any, Any]:
    made = _rolling(at)
    before = at.world.do(rollouts.GetRollout(made))
    after = replace(before, phase=Phase.ROLLED_BACK, reason="too many errors.")
    return deployments.AdvanceRollout(at.world.do(endpoints.GetEndpoint(made)).id, before, after)


def _follow(at: Stage) -> Action[Any, Any]:
    """Of an endpoint whose alias has moved."""
    model = at.world.model()
    at.world.do(models.SetAlias(model, "champion", at.world.ready(model)))
    entity = serving.Entity("champion", model.name, alias="champion", follows=True)
    made = at.world.served(entity)
    at.world.do(models.SetAlias(model, "champion", at.world.ready(model)))
    return deployments.FollowAliases(at.world.do(endpoints.GetEndpoint(made)).id)


def _unbound(at: Stage) -> str:
    """The id of an experiment that MLflow's server is yet to make."""
    return at.world.do(experiments.CreateExperiment(at.world.new_name("experiment")), at.world.owner).id


def _bound(at: Stage) -> str:
    return at.world.do(experiments.ReadExperiment(at.world.experiment())).id


def _artifact_directory(at: Stage) -> Action[Any, Any]:
    experiment = at.world.experiment()
    at.world.do(artifacts.MakeArtifactDirectory(experiment, "r/artifacts"), at.world.owner)
    return artifacts.DeleteArtifactDirectory(experiment, "r/artifacts")


def _old_name(at: Stage) -> tuple[Ref, str]:
    """A model of the owner's, and a flat name that stands for it."""
    model, name = at.ready()[0], at.world.new_name("flat")
    at.world.do(legacy.AddOldName(name, model.name, ((staging.Stage.PRODUCTION, "champion"),)))
    return model, name


def _logged(at: Stage) -> tuple[Ref, str]:
    """An experiment with an MLflow model among its artifacts."""
    experiment = at.world.experiment()
    at.world.do(artifacts.KeepArtifact(experiment, "r/artifacts/m/MLmodel", at.world.blob(MLMODEL)), at.world.owner)
    return experiment, "r/artifacts/m"


def _from_artifacts(at: Stage) -> Action[Any, Any]:
    experiment, path = _logged(at)
    source = f"mlflow-artifacts:/{experiment.name.rpartition('/')[2]}/{path}"
    return flat.RegisterFromArtifacts(experiment, path, at.world.model(), versions.Registration(source))


def _sighting(at: Stage) -> Sighting:
    return Sighting(at.world.new_name("flat"), at.who.id, at.who.name, "a test", "getVersion", "", 1, 1, 1, 0)


def _flat_model(at: Stage) -> Action[Any, Any]:
    schema, name = at.world.schema(), at.world.new_name()
    return legacy.CreateFlatModel(schema, name, f"{schema.name}.{name}")


def _flat_versions(at: Stage) -> Action[Any, Any]:
    return flat.SearchFlatVersions(flat_filters.versions(f"name='{_old_name(at)[1]}'", ()), Window(10_000))


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
    # Credentials for git servers, of service principals
    git_credentials.CreateGitCredential: lambda at: git_credentials.CreateGitCredential(
        _GIT, Hidden(b"open-sesame"), at.world.robot().id
    ),
    git_credentials.ListGitCredentials: lambda at: git_credentials.ListGitCredentials(_git(at)[1]),
    git_credentials.GetGitCredential: lambda at: git_credentials.GetGitCredential(*_git(at)),
    git_credentials.UpdateGitCredential: lambda at: _git_update(*_git(at)),
    git_credentials.DeleteGitCredential: lambda at: git_credentials.DeleteGitCredential(*_git(at)),
    # Files of the workspace
    workspace.GetObject: lambda at: workspace.GetObject(written(at.world).path),
    workspace.ListObjects: lambda at: workspace.ListObjects(written(at.world).path),
    workspace.ReadObject: lambda at: workspace.ReadObject(written(at.world).path),
    workspace.ReadProject: lambda at: workspace.ReadProject(written(at.world).path),
    workspace.PrepareObject: lambda at: workspace.PrepareObject(draft(at.world)),
    workspace.KeepObject: lambda at: workspace.KeepObject(draft(at.world), at.world.blob(b"some bytes")),
    # With a file in it the home folder is there, which a stranger would be told of otherwise.
    workspace.MakeDirectories: lambda at: workspace.MakeDirectories(f"{written(at.world).path}-folder"),
    workspace.DeleteObject: lambda at: workspace.DeleteObject(written(at.world).path),
    workspace.GetObjectAccess: lambda at: workspace.GetObjectAccess(written(at.world).id),
    workspace.ChangeObjectAccess: lambda at: workspace.ChangeObjectAccess(written(at.world).id, shared(at.world)),
    # Secrets in scopes
    secrets.CreateScope: lambda at: secrets.CreateScope(at.world.new_name("scope")),
    secrets.ListScopes: _list_scopes,
    secrets.DeleteScope: lambda at: secrets.DeleteScope(_scope(at)),
    secrets.PutSecret: lambda at: secrets.PutSecret(_scope(at), "password", Hidden(b"a better one")),
    secrets.GetSecret: lambda at: secrets.GetSecret(_scope(at), "password"),
    secrets.ListSecretKeys: lambda at: secrets.ListSecretKeys(_scope(at)),
    secrets.RemoveSecret: lambda at: secrets.RemoveSecret(_scope(at), "password"),
    secrets.PutAcl: lambda at: secrets.PutAcl(_scope(at), at.world.person().name, Level.WRITE),
    secrets.GetAcl: lambda at: secrets.GetAcl(*_shared(at)),
    secrets.ListAcls: lambda at: secrets.ListAcls(_scope(at)),
    secrets.DeleteAcl: lambda at: secrets.DeleteAcl(*_shared(at)),
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
    # Inference tables
    tables.GetTable: lambda at: tables.GetTable(made_table(at.world)),
    tables.ListTableFiles: lambda at: tables.ListTableFiles(made_table(at.world), Window(1_000)),
    tables.FindTableFile: lambda at: tables.FindTableFile(made_table(at.world)),
    tables.ReadRows: lambda at: tables.ReadRows(made_table(at.world), Filter(), 100),
    tables.CompareAnswers: lambda at: tables.CompareAnswers(made_table(at.world), "one", "two"),
    tables.RetainRows: lambda at: tables.RetainRows(made_table(at.world), 7),
    tables.DeleteTable: lambda at: tables.DeleteTable(made_table(at.world)),
    tables.PlaceRows: lambda at: tables.PlaceRows(table_id(at), ()),
    tables.KeepRows: lambda at: tables.KeepRows(table_id(at), payload(at.world)),
    tables.NoteLostRows: lambda at: tables.NoteLostRows(((table_id(at), 1),)),
    deployments.RevealKey: lambda _at: deployments.RevealKey("0" * 32, "0" * 32),
    tables.ForgetOldRows: lambda _at: tables.ForgetOldRows(),
    stalled.GiveUpStalled: lambda _at: stalled.GiveUpStalled(48),
    collection.ForgetGarbage: lambda _at: collection.ForgetGarbage(Helping(0, 0, (), more=False), ()),
    inspection.ListBlobs: lambda _at: inspection.ListBlobs("", 200),
    inspection.NameDamage: lambda _at: inspection.NameDamage(Looked(0, 0, (), None)),
    inspection.CompareManifests: lambda _at: inspection.CompareManifests(""),
    # Imports
    imports.ImportVersion: lambda at: imports.ImportVersion(
        at.world.model(), Announced(7, "0" * 64), Registration("there")
    ),
    imports.ImportFlatModel: lambda at: imports.ImportFlatModel(
        at.world.schema(), at.world.new_name("flat"), Past("old:5000", "fraud", 1)
    ),
    imports.ImportFlatVersion: lambda at: imports.ImportFlatVersion(
        at.world.model(), Announced(7, "0" * 64), Registration("there"), Past("old:5000", "fraud", 1)
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
    # Stages, old names, and what the flat registry knows
    stages.GetStagedModel: lambda at: stages.GetStagedModel(at.ready()[0]),
    stages.ListLatestVersions: lambda at: stages.ListLatestVersions(at.ready()[0]),
    stages.GetLatestVersion: lambda at: stages.GetLatestVersion(at.ready()[0]),
    stages.ListStageMoves: lambda at: stages.ListStageMoves(at.ready()[0], Window(100)),
    stages.TransitionVersion: lambda at: stages.TransitionVersion(*at.ready(), staging.Stage.PRODUCTION),
    legacy.AddOldName: lambda at: legacy.AddOldName(at.world.new_name("flat"), at.world.model().name),
    legacy.RemoveOldName: lambda at: legacy.RemoveOldName(_old_name(at)[1]),
    legacy.UpdateOldName: lambda at: legacy.UpdateOldName(*_old_name(at), NameChange(retired=True)),
    legacy.GetOldName: lambda at: legacy.GetOldName(*_old_name(at)),
    legacy.ListOldNames: lambda at: _everywhere(_old_name(at)[0], legacy.ListOldNames(Window(100))),
    legacy.ListSightings: lambda at: legacy.ListSightings(*_old_name(at), Window(100)),
    legacy.NoteSightings: lambda at: legacy.NoteSightings((_sighting(at),)),
    legacy.FindPlace: lambda at: legacy.FindPlace(f"{at.world.schema().name}.{at.world.new_name()}"),
    legacy.CreateFlatModel: _flat_model,
    flat.SearchFlatModels: lambda at: _everywhere(
        _old_name(at)[0], flat.SearchFlatModels(flat_filters.models("", ()), Window(100))
    ),
    flat.SearchFlatVersions: _flat_versions,
    flat.RegisterFromArtifacts: _from_artifacts,
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
    # Serving endpoints
    endpoints.CreateEndpoint: lambda at: endpoints.CreateEndpoint(serving.path(at.world.new_name("endpoint"))),
    endpoints.GetEndpoint: lambda at: endpoints.GetEndpoint(at.world.endpoint(at.world.entity())),
    endpoints.ListEndpoints: lambda at: _everywhere(at.world.endpoint(), endpoints.ListEndpoints()),
    endpoints.ListConfigs: lambda at: endpoints.ListConfigs(at.world.endpoint(at.world.entity())),
    endpoints.UpdateConfig: lambda at: endpoints.UpdateConfig(at.world.endpoint(), at.world.serving(at.world.entity())),
    endpoints.ChangeEndpointTags: lambda at: endpoints.ChangeEndpointTags(
        at.world.endpoint(), TagChange((Tag("team", "ml"),))
    ),
    endpoints.SetRateLimits: lambda at: endpoints.SetRateLimits(at.world.endpoint(), (RateLimit(100),)),
    endpoints.SetGateway: lambda at: endpoints.SetGateway(at.world.endpoint(), "", ()),
    endpoints.SetExtras: lambda at: endpoints.SetExtras(at.world.endpoint(), ""),
    endpoints.StopEndpoint: lambda at: endpoints.StopEndpoint(at.world.served()),
    endpoints.StartEndpoint: lambda at: endpoints.StartEndpoint(_stopped(at)),
    endpoints.DeleteEndpoint: lambda at: endpoints.DeleteEndpoint(at.world.served()),
    permissions.GetPermissions: lambda at: permissions.GetPermissions(at.world.endpoint()),
    permissions.ChangePermissions: lambda at: permissions.ChangePermissions(
        at.world.endpoint(), ((at.world.person().name, serving.Level.CAN_QUERY),)
    ),
    endpoints.ListLevels: lambda at: endpoints.ListLevels(at.world.endpoint()),
    endpoints.Predict: lambda at: endpoints.Predict(at.world.endpoint()),
    endpoints.WatchEndpoint: lambda at: endpoints.WatchEndpoint(at.world.endpoint(at.world.entity())),
    endpoints.ReadServingLogs: lambda at: endpoints.ReadServingLogs(at.world.endpoint(at.world.entity()), "champion"),
    endpoints.WatchServer: lambda _at: endpoints.WatchServer(),
    schemas.ShowSchema: lambda at: schemas.ShowSchema(at.world.served()),
    # Experiments, and artifacts
    experiments.CreateExperiment: lambda at: experiments.CreateExperiment(at.world.new_name("experiment")),
    experiments.BindExperiment: lambda at: experiments.BindExperiment(_unbound(at), at.world.new_name("1")),
    experiments.DropExperiment: lambda at: experiments.DropExperiment(_unbound(at)),
    experiments.FindExperiment: lambda at: experiments.FindExperiment(
        at.world.do(experiments.ReadExperiment(at.world.experiment())).name
    ),
    experiments.ListExperiments: lambda at: _everywhere(at.world.experiment(), experiments.ListExperiments()),
    **{
        kind: (lambda at, kind=kind: kind(at.world.experiment()))
        for kind in (
            experiments.ReadExperiment,
            experiments.LogToExperiment,
            experiments.DeleteExperiment,
            experiments.RestoreExperiment,
            experiments.ListExperimentLevels,
        )
    },
    experiments.RenameExperiment: lambda at: experiments.RenameExperiment(
        at.world.experiment(), at.world.new_name("experiment")
    ),
    experiments.NoteTracked: lambda at: experiments.NoteTracked("runs/" + at.world.new_name("r"), _bound(at)),
    experiments.ForgetArtifactUploads: lambda _at: experiments.ForgetArtifactUploads(7),
    artifacts.FindArtifact: lambda at: artifacts.FindArtifact(*at.artifact()),
    artifacts.FindArtifactDirectory: lambda at: artifacts.FindArtifactDirectory(at.artifact()[0], "r/artifacts"),
    artifacts.ListArtifacts: lambda at: artifacts.ListArtifacts(at.artifact()[0], "r/artifacts", Window(10)),
    artifacts.LinkToArtifact: lambda at: artifacts.LinkToArtifact(*at.artifact()),
    artifacts.PrepareArtifact: lambda at: artifacts.PrepareArtifact(at.world.experiment(), "r/new"),
    artifacts.LinkToArtifactUpload: lambda at: artifacts.LinkToArtifactUpload(at.world.experiment(), "r/new"),
    artifacts.KeepArtifact: lambda at: artifacts.KeepArtifact(at.world.experiment(), "r/new", at.world.blob(b"")),
    artifacts.MakeArtifactDirectory: lambda at: artifacts.MakeArtifactDirectory(at.world.experiment(), "r/new"),
    artifacts.DeleteArtifact: lambda at: artifacts.DeleteArtifact(*at.artifact()),
    artifacts.DeleteArtifactDirectory: _artifact_directory,
    artifacts.BeginArtifactUpload: lambda at: artifacts.BeginArtifactUpload(at.world.experiment(), "r/new"),
    artifacts.LinkToArtifactParts: lambda at: artifacts.LinkToArtifactParts(*at.artifact_upload(), (1, 2)),
    artifacts.LinkToArtifactAbort: lambda at: artifacts.LinkToArtifactAbort(*at.artifact_upload()),
    artifacts.FindArtifactUpload: lambda at: artifacts.FindArtifactUpload(*at.artifact_upload()),
    artifacts.FinishArtifactUpload: lambda at: artifacts.FinishArtifactUpload(
        *at.artifact_upload(), at.world.blob(b"")
    ),
    artifacts.AbortArtifactUpload: lambda at: artifacts.AbortArtifactUpload(*at.artifact_upload()),
    # What the server does so that they serve
    deployments.ListWanted: lambda at: _everywhere(at.world.endpoint(), deployments.ListWanted()),
    deployments.LoadServed: _load,
    deployments.NoteStandings: _standings,
    deployments.AdvanceRollout: _advance,
    deployments.FollowAliases: _follow,
    # Roll-outs
    rollouts.StartRollout: lambda at: rollouts.StartRollout(at.world.served(), PLAN),
    rollouts.GetRollout: lambda at: rollouts.GetRollout(_rolling(at)),
    rollouts.EndRollout: lambda at: rollouts.EndRollout(_rolling(at), back=True),
    **jobs.EXAMPLES,
    **approvals.EXAMPLES,
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
    # Notifications
    destinations.CreateDestination: lambda at: destinations.CreateDestination(at.world.new_name("hook"), HOOK),
    destinations.ListDestinations: lambda at: (at.destination(), destinations.ListDestinations(Window(100)))[1],
    destinations.GetDestination: lambda at: destinations.GetDestination(at.destination()),
    destinations.InspectDestination: lambda at: destinations.InspectDestination(at.destination()),
    destinations.UpdateDestination: lambda at: destinations.UpdateDestination(at.destination(), "another name"),
    destinations.DeleteDestination: lambda at: destinations.DeleteDestination(at.destination()),
    destinations.RotateSigningSecret: lambda at: destinations.RotateSigningSecret(at.destination()),
    destinations.TryDestination: lambda at: destinations.TryDestination(at.destination()),
    deliveries.ListDeliveries: lambda at: deliveries.ListDeliveries(at.destination(), Window(100)),
    deliveries.GetDelivery: lambda at: deliveries.GetDelivery(at.delivery()),
    deliveries.Redeliver: lambda at: deliveries.Redeliver(at.delivery()),
    deliveries.RedeliverDead: lambda at: deliveries.RedeliverDead(at.destination()),
    deliveries.ListDue: lambda _at: deliveries.ListDue(),
    deliveries.GiveBackDeliveries: lambda _at: deliveries.GiveBackDeliveries(),
    deliveries.TakeDeliveries: lambda at: deliveries.TakeDeliveries(at.destination(), 1),
    deliveries.NoteTry: lambda at: deliveries.NoteTry(at.delivery(), 1, 12, Outcome(0, 1, 200)),
    deliveries.ForgetDeliveries: lambda _at: deliveries.ForgetDeliveries(),
    subscriptions.SubscribeToModel: lambda at: subscriptions.SubscribeToModel(
        at.world.model(), at.destination(), SUBSCRIBABLE
    ),
    subscriptions.SubscribeInside: lambda at: subscriptions.SubscribeInside(
        at.world.schema(), at.destination(), SUBSCRIBABLE
    ),
    subscriptions.ListSubscriptions: lambda at: (_subscription(at), subscriptions.ListSubscriptions(Window(100)))[1],
    subscriptions.DeleteSubscription: lambda at: subscriptions.DeleteSubscription(_subscription(at)),
    # Multipart uploads
    uploads.BeginUpload: lambda at: uploads.BeginUpload(*at.pending(), "new"),
    uploads.LinkToParts: lambda at: uploads.LinkToParts(*at.upload(), (1, 2)),
    exchange.Borrow: lambda at: exchange.Borrow(*at.ready()),
    uploads.StageUpload: lambda at: uploads.StageUpload(*at.upload(), ((1, "tag"),)),
    uploads.LinkToAbort: lambda at: uploads.LinkToAbort(*at.upload()),
    uploads.FindUpload: lambda at: uploads.FindUpload(*at.upload()),
    uploads.FinishUpload: lambda at: uploads.FinishUpload(*at.upload(), at.world.blob(b"")),
    uploads.AbortUpload: lambda at: uploads.AbortUpload(*at.upload()),
    # Volumes, their files and outputs
    **VOLUMES,
}
