"""A small world inside a server: people, groups, and securables that are made as they are needed."""

from __future__ import annotations

import contextlib
import itertools
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from enum import StrEnum
from pathlib import Path
from typing import Any

import pytest

from modelyard.action import METASTORE, Action, Ref
from modelyard.actions import (
    access,
    artifacts,
    catalogs,
    deployments,
    endpoints,
    experiments,
    files,
    finalize,
    grants,
    models,
    permissions,
    prompts,
    tokens,
    versions,
)
from modelyard.actions.jobs import permissions as job_permissions
from modelyard.actions.jobs import runs
from modelyard.domain.access import (
    ADMINS,
    Bearer,
    Credential,
    ListChange,
    PrincipalChange,
    PrincipalKind,
    Server,
)
from modelyard.domain.endpoints import PREFIX, Deployment, Entity, Share, Standing
from modelyard.domain.experiments import Part
from modelyard.domain.files import Stored
from modelyard.domain.jobs import words
from modelyard.domain.journal import Origin
from modelyard.domain.privileges import OBJECTS, GrantChange, Kind, Privilege
from modelyard.domain.prompts import Draft
from modelyard.domain.updates import ConfigChange
from modelyard.store import journal
from modelyard.store.tx import Row
from tests.support import InProcess, in_process

MLMODEL = b"""\
flavors: {}
model_id: m-0123456789abcdef0123456789abcdef
signature:
  inputs: '[{"type": "double", "name": "amount", "required": true}]'
  outputs: '[{"type": "double", "required": true}]'
"""
ENTITLEMENT = "allow-cluster-create"


@dataclass(frozen=True)
class Person:
    """Somebody with a token."""

    id: str
    name: str
    credential: Bearer


class World:
    """Everything has a name of its own, so that many tests share one database."""

    def __init__(self, inside: InProcess) -> None:
        self.inside = inside
        self._numbers = itertools.count(1)
        self.owner = self.person()
        self.grant(METASTORE, self.owner.name, Privilege.CREATE_CATALOG)
        self.entitle(self.owner.id)

    def new_name(self, what: str = "it") -> str:
        return f"{what}{next(self._numbers)}"

    # Asking

    def do(self, action: Action[Any, Any], who: Person | None = None, request: str = "") -> Any:  # noqa: ANN401
        """As this person, or as the admin."""
        return self.ask(action, who.credential if who else self.inside.admin, request)

    def ask(self, action: Action[Any, Any], credential: Credential, request: str = "") -> Any:  # noqa: ANN401
        """With any credential, from an address that was not heard of before."""
        origin = Origin(request or uuid.uuid4().hex, address=uuid.uuid4().hex)
        return self.inside.gate.do(action, credential, origin)

    def recorded(self, request: str) -> list[Row]:
        """The audit rows of a request, in the columns of `journal.recent`."""
        with self.inside.built.database.look() as tx:
            return [row for row in journal.recent(tx, 20) if row[7] == request]

    # People

    def person(self) -> Person:
        made = self.do(access.CreatePrincipal(PrincipalKind.USER, self.new_name("user") + "@example.com"))
        token = self.do(tokens.CreateTokenFor(made.principal.name))
        return Person(made.principal.id, made.principal.name, Bearer(token.secret))

    def robot(self) -> Person:
        """A service principal with a token."""
        made = self.do(access.CreatePrincipal(PrincipalKind.SERVICE_PRINCIPAL, self.new_name("robot")))
        token = self.do(tokens.CreateTokenFor(made.principal.name))
        return Person(made.principal.id, made.principal.name, Bearer(token.secret))

    def group(self, *members: str) -> tuple[str, str]:
        """A group of members, by their ids; returns its id and name."""
        action = access.CreatePrincipal(PrincipalKind.GROUP, self.new_name("group"), members=members)
        made = self.do(action)
        return made.principal.id, made.principal.name

    def grant(self, on: Ref, to: str, *privileges: Privilege) -> None:
        self.do(grants.ChangeGrants(on, (GrantChange(to, add=frozenset(privileges)),)))

    def revoke(self, on: Ref, to: str, *privileges: Privilege) -> None:
        self.do(grants.ChangeGrants(on, (GrantChange(to, remove=frozenset(privileges)),)))

    def entitle(self, id_: str, kind: PrincipalKind = PrincipalKind.USER) -> None:
        """Entitle a principal, or the members of a group, to run code."""
        change = PrincipalChange(entitlements=ListChange(add=(ENTITLEMENT,)))
        self.do(access.UpdatePrincipal(kind, id_, change))

    def shut_out(self, id_: str, kind: PrincipalKind = PrincipalKind.USER) -> None:
        """Take that away again."""
        change = PrincipalChange(entitlements=ListChange(remove=(ENTITLEMENT,)))
        self.do(access.UpdatePrincipal(kind, id_, change))

    def permit(self, target: Ref, *levels: tuple[str, StrEnum]) -> None:
        """Permit an object to these, and to nobody else."""
        self.do(permissions.ChangePermissions(target, levels, replaces=True))

    def permit_job(self, on: Ref, *levels: tuple[str, words.Level]) -> None:
        """Permit a job, or that of a run, to these, and to nobody else but its owner."""
        if on.kind is Kind.RUN:
            number = self.do(runs.GetRun(on)).job_run.job
            on = Ref(Kind.JOB, f"{words.PREFIX}{number}")
        mine = (self.owner.name, words.Level.IS_OWNER)
        self.do(job_permissions.ChangeJobPermissions(on, (mine, *levels), replaces=True))

    def let(self, who: Person, privilege: Privilege, on: Ref) -> None:
        """Give somebody a privilege; managing the metastore is being one of the admins."""
        match privilege, on:
            case Privilege.MANAGE, Ref(Kind.METASTORE):
                self.do(joining(ADMINS, who.id))
            case Privilege.ALLOW_CLUSTER_CREATE, _:
                self.entitle(who.id)
            case _, Ref(Kind.JOB | Kind.RUN):
                self.permit_job(on, (who.name, words.Level(privilege.value)))
            case _, Ref(kind) if kind in OBJECTS:
                self.permit(on, (who.name, privilege))
            case _:
                self.grant(on, who.name, privilege)

    def forbid(self, who: Person, privilege: Privilege, on: Ref) -> None:
        match privilege, on:
            case Privilege.MANAGE, Ref(Kind.METASTORE):
                self.do(leaving(ADMINS, who.id))
            case Privilege.ALLOW_CLUSTER_CREATE, _:
                self.shut_out(who.id)
            case _, Ref(Kind.JOB | Kind.RUN):
                self.permit_job(on)
            case _, Ref(kind) if kind in OBJECTS:
                self.permit(on)
            case _:
                self.revoke(on, who.name, privilege)

    @contextlib.contextmanager
    def uploading(self, who: Person, model: Ref) -> Iterator[None]:
        """For a while, somebody may bring versions of a model."""
        catalog, schema = containers(model)
        leave = (
            (Privilege.USE_CATALOG, catalog),
            (Privilege.USE_SCHEMA, schema),
            (Privilege.CREATE_MODEL_VERSION, model),
        )
        for privilege, on in leave:
            self.grant(on, who.name, privilege)
        yield
        for privilege, on in leave:
            self.revoke(on, who.name, privilege)

    # Securables, all of them the owner's

    def catalog(self) -> Ref:
        name = self.new_name("catalog")
        self.do(catalogs.CreateCatalog(name), self.owner)
        return Ref(Kind.CATALOG, name)

    def schema(self, catalog: Ref | None = None) -> Ref:
        catalog = catalog or self.catalog()
        name = self.new_name("schema")
        self.do(catalogs.CreateSchema(catalog, name), self.owner)
        return Ref(Kind.SCHEMA, f"{catalog.name}.{name}")

    def model(self, schema: Ref | None = None) -> Ref:
        schema = schema or self.schema()
        name = self.new_name("model")
        self.do(models.CreateModel(schema, name), self.owner)
        return Ref(Kind.MODEL, f"{schema.name}.{name}")

    def register(self, model: Ref, who: Person | None = None) -> int:
        """A version that waits for its files."""
        action = versions.RegisterVersion(model, versions.Registration(source="here"))
        return self.do(action, who or self.owner).number

    def prompt(self, schema: Ref | None = None) -> Ref:
        schema = schema or self.schema()
        name = self.new_name("prompt")
        self.do(prompts.CreatePrompt(schema, name), self.owner)
        return Ref(Kind.PROMPT, f"{schema.name}.{name}")

    def draft(self, prompt: Ref, words: str = "Hello") -> int:
        """A version of a prompt."""
        return self.do(prompts.CreatePromptVersion(prompt, Draft(json.dumps(words))), self.owner).number

    # Endpoints, likewise

    def endpoint(self, *entities: Entity) -> Ref:
        """An endpoint that comes up with these, of which the first gets every request; or one without a config."""
        name = PREFIX + self.new_name("endpoint")
        self.do(endpoints.CreateEndpoint(name, self.serving(*entities) if entities else None), self.owner)
        return Ref(Kind.ENDPOINT, name)

    @staticmethod
    def serving(*entities: Entity) -> ConfigChange:
        """What serves these, so that the first gets every request."""
        shares = (Share(each.name, 0 if place else 100) for place, each in enumerate(entities))
        return ConfigChange(entities, tuple(shares))

    def entity(self, name: str = "champion", model: Ref | None = None, number: int = 0) -> Entity:
        """What serves a version: of a new model, if none is named."""
        model = model or self.model()
        return Entity(name, model.name, number or self.ready(model))

    def served(self, *entities: Entity) -> Ref:
        """An endpoint that serves these; without any, one version under two names."""
        if not entities:
            one = self.entity()
            entities = (one, replace(one, name="challenger"))
        made = self.endpoint(*entities)
        self.note(made, Deployment.READY)
        return made

    def note(self, endpoint: Ref, state: Deployment, message: str = "", only: str = "") -> None:
        """Say that all that an endpoint serves, and is going to serve, stands so; or only what has this name."""
        found = self.do(endpoints.GetEndpoint(endpoint))
        standings = dict(found.standings)
        for config in (found.active, found.pending):
            for entity in config.entities if config else ():
                if only in {"", entity.name}:
                    standings[entity.served_id(found.id)] = Standing(state, message)
        self.ask(deployments.NoteStandings(found.id, tuple(standings.items())), Server())

    # Experiments, likewise

    def experiment(self, *paths: str) -> Ref:
        """An experiment that MLflow's server has made, with artifacts at these paths."""
        made = self.do(experiments.CreateExperiment(self.new_name("experiment")), self.owner)
        number = str(1_000_000 + next(self._numbers))
        self.ask(experiments.BindExperiment(made.id, number), Server())
        ref = Ref(Kind.EXPERIMENT, Part.EXPERIMENT.path(number))
        for path in paths:
            self.do(artifacts.KeepArtifact(ref, path, self.blob(b"")), self.owner)
        return ref

    def inside_of(self, experiment: Ref, part: Part) -> Ref:
        """A run, logged model or trace of it, which stands for it."""
        name = part.path(self.new_name("thing"))
        found = self.do(experiments.ReadExperiment(experiment))
        self.ask(experiments.NoteTracked(name, found.id), Server())
        return Ref(Kind.EXPERIMENT, name)

    def blob(self, content: bytes) -> Stored:
        """Bytes in the metastore's store."""
        incoming = self.inside.built.storage.receive(self.inside.gate.store_id, len(content))
        incoming.write([content])
        return incoming.commit()

    def ready(self, model: Ref, mlmodel: bytes = MLMODEL) -> int:
        """A version with an `MLmodel` file, finalized."""
        number = self.register(model)
        self.finish(model, number, mlmodel)
        return number

    def finish(self, model: Ref, number: int, mlmodel: bytes = MLMODEL) -> None:
        """Bring an `MLmodel` file, and finalize."""
        self.do(files.KeepFile(model, number, "MLmodel", self.blob(mlmodel)), self.owner)
        self.do(self.finalizing(model, number), self.owner)

    def finalizing(self, model: Ref, number: int, who: Person | None = None) -> finalize.FinalizeVersion:
        """What finalizes a version, once its files are examined as they are now: by its owner, if nobody else."""
        draft = self.do(finalize.PrepareFinalize(model, number), who or self.owner)
        return finalize.FinalizeVersion(model, number, self.inside.built.storage.examine(draft))


def joining(group: str, *members: str) -> access.UpdatePrincipal:
    """What puts principals in a group, all by their ids."""
    return access.UpdatePrincipal(PrincipalKind.GROUP, group, PrincipalChange(members=ListChange(add=members)))


def leaving(group: str, *members: str) -> access.UpdatePrincipal:
    """What takes them out again."""
    return access.UpdatePrincipal(PrincipalKind.GROUP, group, PrincipalChange(members=ListChange(remove=members)))


def containers(ref: Ref) -> tuple[Ref, Ref]:
    """The catalog and the schema of a model or schema."""
    parts = ref.name.split(".")
    return Ref(Kind.CATALOG, parts[0]), Ref(Kind.SCHEMA, ".".join(parts[:2]))


@pytest.fixture(scope="session")
def make_world(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Iterator[Callable[..., World]]:
    """One world on each database for the whole run, made when it is first asked for; some have a name of their own."""
    worlds: dict[tuple[str, str], World] = {}

    with contextlib.ExitStack() as open_worlds:

        def make(kind: str, name: str = "") -> World:
            if (kind, name) not in worlds:
                uri = "" if kind == "sqlite" else request.getfixturevalue("postgres").make()
                folder: Path = tmp_path_factory.mktemp(kind)
                worlds[kind, name] = World(open_worlds.enter_context(in_process(folder / "data", uri)))
            return worlds[kind, name]

        yield make


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, make_world: Callable[..., World]) -> World:
    """The world that tests share, on each database."""
    return make_world(request.param)
