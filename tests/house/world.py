"""A small world inside a server: people, groups, and securables that are made as they are needed."""

from __future__ import annotations

import contextlib
import itertools
import json
import uuid
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from modelyard.action import METASTORE, Action, Ref
from modelyard.actions import access, catalogs, files, finalize, grants, models, prompts, tokens, versions
from modelyard.domain.access import ADMINS, Bearer, Credential, ListChange, PrincipalChange, PrincipalKind
from modelyard.domain.files import Stored
from modelyard.domain.journal import Origin
from modelyard.domain.privileges import GrantChange, Kind, Privilege
from modelyard.domain.prompts import Draft
from modelyard.store import journal
from modelyard.store.tx import Row
from tests.support import InProcess, in_process

MLMODEL = b"flavors: {}\nmodel_id: m-0123456789abcdef0123456789abcdef\n"


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

    def let(self, who: Person, privilege: Privilege, on: Ref) -> None:
        """Give somebody a privilege; managing the metastore is being one of the admins."""
        if (privilege, on) == (Privilege.MANAGE, METASTORE):
            self.do(joining(ADMINS, who.id))
        else:
            self.grant(on, who.name, privilege)

    def forbid(self, who: Person, privilege: Privilege, on: Ref) -> None:
        if (privilege, on) == (Privilege.MANAGE, METASTORE):
            self.do(leaving(ADMINS, who.id))
        else:
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

    def blob(self, content: bytes) -> Stored:
        """Bytes in the metastore's store."""
        incoming = self.inside.built.storage.receive(self.inside.gate.store_id, len(content))
        incoming.write([content])
        return incoming.commit()

    def ready(self, model: Ref) -> int:
        """A version with an `MLmodel` file, finalized."""
        number = self.register(model)
        self.finish(model, number)
        return number

    def finish(self, model: Ref, number: int) -> None:
        """Bring an `MLmodel` file, and finalize."""
        self.do(files.KeepFile(model, number, "MLmodel", self.blob(MLMODEL)), self.owner)
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
) -> Iterator[Callable[[str], World]]:
    """One world on each database for the whole run, made when it is first asked for."""
    worlds: dict[str, World] = {}

    with contextlib.ExitStack() as open_worlds:

        def make(kind: str) -> World:
            if kind not in worlds:
                uri = "" if kind == "sqlite" else request.getfixturevalue("postgres").make()
                folder: Path = tmp_path_factory.mktemp(kind)
                worlds[kind] = World(open_worlds.enter_context(in_process(folder / "data", uri)))
            return worlds[kind]

        yield make


@pytest.fixture(params=["sqlite", "postgresql"])
def world(request: pytest.FixtureRequest, make_world: Callable[[str], World]) -> World:
    """The world that tests share, on each database."""
    return make_world(request.param)
