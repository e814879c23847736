"""One registry, whichever way in: random work by several people through random surfaces, against a small memory.

Every answer is compared, refusals included, and at the end all that each person can list.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from hypothesis import HealthCheck, Phase, settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, rule, run_state_machine_as_test

from modelyard.domain.privileges import Kind, Privilege
from tests.support import HOST_VARIABLES, SCIM, UNITY, Server
from tests.surfaces.doors import Databricks, Door, Legacy, Mlflow, Native, mlflow_clients, sdk_clients
from tests.surfaces.memory import Memory, Refused, Thing, depth

ADMIN, OWNER, READER, STRANGER = "admin", "owner@example.com", "reader@example.com", "stranger@example.com"
TEAM = "team"
"""A group with the reader in it."""
ACTS_AS = {
    ADMIN: {ADMIN, "admins"},
    OWNER: {OWNER},
    READER: {READER, TEAM},
    STRANGER: {STRANGER},
}
READING = frozenset({Privilege.USE_CATALOG, Privilege.USE_SCHEMA, Privilege.EXECUTE})

_numbers = itertools.count(1)

WHO = st.sampled_from([OWNER, OWNER, OWNER, OWNER, READER, READER, ADMIN, STRANGER])


@dataclass(frozen=True)
class Pick:
    """A securable of a depth: mostly one that is there, the nth of them, else whatever has or may have this name."""

    name: str
    nth: int | None

    def among(self, there: list[str]) -> str:
        alike = [each for each in there if depth(each) == depth(self.name)]
        return self.name if self.nth is None or not alike else alike[self.nth % len(alike)]


def picks(*names: str) -> st.SearchStrategy[Pick]:
    """Securables of the depths of these names."""
    return st.builds(Pick, st.sampled_from(names), st.one_of(st.integers(0, 5), st.integers(0, 5), st.none()))


CATALOGS = picks("a", "b")
SCHEMAS = picks("a.s", "a.t", "b.s")
MODELS = picks("a.s.m", "a.s.n", "a.t.m", "b.s.m")
ANYTHING = st.one_of(CATALOGS, SCHEMAS, MODELS, MODELS)
NEW = st.sampled_from(["a", "b", "a.s", "a.t", "b.s", "a.s.m", "a.s.n", "a.t.m", "b.s.m"]).map(partial(Pick, nth=None))
ROOT = Pick("", None)
LEAVES = st.sampled_from(["a", "b", "s", "t", "m", "n"])
NUMBERS = st.sampled_from([1, 1, 2, 3])
ALIASES = st.sampled_from(["champion", "Champion", "prod"])
KEYS = st.sampled_from(["stage", "Stage"])
TEXTS = st.sampled_from(["", "one", "zwei · 二"])
SOME = st.frozensets(st.sampled_from(sorted(Privilege)), max_size=3)
FEW = st.frozensets(st.sampled_from(sorted(Privilege)), max_size=1)
WAY = st.integers(0, 23)
"""Which of the doors that know an operation is taken, and how names are spelled."""


class Agreement(RuleBasedStateMachine):
    """Everything is done twice: through some door of the server, and in the memory."""

    def __init__(self, server: Server, doors: list[Door]) -> None:
        super().__init__()
        self.server = server
        self.doors = doors
        self.number = next(_numbers)
        self.memory = Memory(ACTS_AS)
        held = {OWNER: frozenset({Privilege.CREATE_CATALOG})}
        self.memory.things[""] = Thing(Kind.METASTORE, "admins", grants=held)

    def agree(self, way: int, op: str, who: str, pick: Pick, *args: Any) -> None:  # noqa: ANN401  as the operation says
        """Do it both ways, and compare what is answered."""
        name = pick.among(self.there())
        there = self.own(name)
        spelled = there.upper() if way % 2 else there
        able = [door for door in self.doors if door.knows(op, there, args)]
        door = able[way // 2 % len(able)]
        expected = outcome(lambda: self.remembered(door, op, who, there, args))
        found = outcome(lambda: door.ask(op, who, spelled, args))
        if op == "list" and not name:
            found = [each for each in found if each.endswith(f"_{self.number}")]
        told = f"{type(door).__name__} {op} {spelled} {args} by {who}: answered {found}, but it should be {expected}"
        if isinstance(found, dict) and isinstance(expected, dict):
            assert found == {key: expected.get(key) for key in found}, told
        else:
            assert found == expected, told

    def remembered(self, door: Door, op: str, who: str, name: str, args: tuple[Any, ...]) -> Any:  # noqa: ANN401  as above
        """What the memory answers, where the client of the door asks nothing else before it."""
        if op in door.reads_first:
            self.memory.get(who, name)
        return getattr(self.memory, op)(who, name, *args)

    def own(self, name: str) -> str:
        """A name in catalogs of this run."""
        catalog, *levels = name.split(".")
        return ".".join([f"{catalog}_{self.number}", *levels]) if name else ""

    @initialize()
    def begin(self) -> None:
        """A model with a version, somebody who may read it, and somebody who lacks one step of the way there."""
        for way, name in enumerate(("a", "a.s", "a.s.m")):
            self.agree(way, "create", OWNER, Pick(name, None), "")
        for to, held in (READER, READING), (STRANGER, READING - {Privilege.USE_SCHEMA}):
            self.agree(0, "grant", OWNER, Pick("a", None), to, held, frozenset())
        model = Pick("a.s.m", None)
        self.agree(0, "register", OWNER, model)
        self.agree(0, "upload", OWNER, model, 1)
        self.agree(0, "finalize", OWNER, model, 1)
        self.agree(0, "point", OWNER, model, "champion", 1)

    @rule(way=WAY, who=WHO, name=NEW, comment=TEXTS)
    def create(self, way: int, who: str, name: Pick, comment: str) -> None:
        self.agree(way, "create", who, name, comment)

    @rule(way=WAY, who=WHO, name=ANYTHING)
    def get(self, way: int, who: str, name: Pick) -> None:
        self.agree(way, "get", who, name)

    @rule(way=WAY, who=WHO, name=ANYTHING, comment=TEXTS.filter(bool))
    def comment(self, way: int, who: str, name: Pick, comment: str) -> None:
        self.agree(way, "comment", who, name, comment)

    @rule(way=WAY, who=WHO, name=ANYTHING, owner=st.sampled_from([OWNER, READER, TEAM, ADMIN]))
    def give(self, way: int, who: str, name: Pick, owner: str) -> None:
        self.agree(way, "give", who, name, owner)

    @rule(way=WAY, who=WHO, name=ANYTHING, new=LEAVES)
    def rename(self, way: int, who: str, name: Pick, new: str) -> None:
        self.agree(way, "rename", who, name, new if "." in name.name else self.own(new))

    @rule(
        way=WAY, who=WHO, name=st.one_of(MODELS, ANYTHING), force=st.sampled_from(["false", "false", "false", "true"])
    )
    def delete(self, way: int, who: str, name: Pick, force: str) -> None:
        self.agree(way, "delete", who, name, force)

    @rule(way=WAY, who=WHO, name=st.one_of(st.just(ROOT), CATALOGS, SCHEMAS))
    def list(self, way: int, who: str, name: Pick) -> None:
        self.agree(way, "list", who, name)

    @rule(way=WAY, who=WHO, name=ANYTHING, to=st.sampled_from([READER, TEAM, STRANGER, OWNER]), add=SOME, remove=FEW)
    def grant(
        self, way: int, who: str, name: Pick, to: str, add: frozenset[Privilege], remove: frozenset[Privilege]
    ) -> None:
        self.agree(way, "grant", who, name, to, add, remove)

    @rule(way=WAY, who=WHO, name=MODELS, key=KEYS, value=TEXTS)
    def tag(self, way: int, who: str, name: Pick, key: str, value: str) -> None:
        self.agree(way, "tag", who, name, key, value)

    @rule(way=WAY, who=WHO, name=MODELS, key=KEYS)
    def untag(self, way: int, who: str, name: Pick, key: str) -> None:
        self.agree(way, "untag", who, name, key)

    @rule(way=WAY, who=WHO, name=MODELS, alias=ALIASES, number=NUMBERS)
    def point(self, way: int, who: str, name: Pick, alias: str, number: int) -> None:
        self.agree(way, "point", who, name, alias, number)

    @rule(way=WAY, who=WHO, name=MODELS, alias=ALIASES)
    def unpoint(self, way: int, who: str, name: Pick, alias: str) -> None:
        self.agree(way, "unpoint", who, name, alias)

    @rule(way=WAY, who=WHO, name=MODELS, alias=ALIASES)
    def by_alias(self, way: int, who: str, name: Pick, alias: str) -> None:
        self.agree(way, "by_alias", who, name, alias)

    @rule(way=WAY, who=WHO, name=MODELS)
    def register(self, way: int, who: str, name: Pick) -> None:
        self.agree(way, "register", who, name)

    @rule(way=WAY, who=WHO, name=MODELS, number=NUMBERS)
    def upload(self, way: int, who: str, name: Pick, number: int) -> None:
        self.agree(way, "upload", who, name, number)

    @rule(way=WAY, who=WHO, name=MODELS, number=NUMBERS)
    def finalize(self, way: int, who: str, name: Pick, number: int) -> None:
        self.agree(way, "finalize", who, name, number)

    @rule(way=WAY, who=WHO, name=MODELS, number=NUMBERS)
    def get_version(self, way: int, who: str, name: Pick, number: int) -> None:
        self.agree(way, "get_version", who, name, number)

    @rule(way=WAY, who=WHO, name=MODELS, number=NUMBERS, comment=TEXTS.filter(bool))
    def comment_version(self, way: int, who: str, name: Pick, number: int, comment: str) -> None:
        self.agree(way, "comment_version", who, name, number, comment)

    @rule(way=WAY, who=WHO, name=MODELS, number=NUMBERS)
    def delete_version(self, way: int, who: str, name: Pick, number: int) -> None:
        self.agree(way, "delete_version", who, name, number)

    @rule(way=WAY, who=WHO, name=MODELS, number=NUMBERS, key=KEYS, value=TEXTS)
    def tag_version(self, way: int, who: str, name: Pick, number: int, key: str, value: str) -> None:
        self.agree(way, "tag_version", who, name, number, key, value)

    @rule(way=WAY, who=WHO, name=MODELS, number=NUMBERS, key=KEYS)
    def untag_version(self, way: int, who: str, name: Pick, number: int, key: str) -> None:
        self.agree(way, "untag_version", who, name, number, key)

    @rule(way=WAY, who=WHO, name=MODELS)
    def list_versions(self, way: int, who: str, name: Pick) -> None:
        self.agree(way, "list_versions", who, name)

    def teardown(self) -> None:
        """Compare all that everybody sees, then leave nothing behind."""
        try:
            for who in ACTS_AS:
                for way, name in enumerate(["", *self.there()]):
                    for op in ["list"] if depth(name) < 2 else ["list_versions", "get"]:
                        self.agree(way, op, who, Pick(name, None))
        finally:
            with self.server.client() as admin:
                for name in [name for name in self.memory.things if name and "." not in name]:
                    admin.delete(f"{UNITY}/catalogs/{name}", params={"force": "true"})

    def there(self) -> list[str]:
        """The names of everything, without the number of this run."""
        return sorted(name.replace(f"_{self.number}", "", 1) for name in self.memory.things if name)


def outcome(work: Callable[[], Any]) -> Any:  # noqa: ANN401  what it gives, or how it is refused
    try:
        return work()
    except Refused as refused:
        return refused.code


@pytest.fixture(scope="module")
def doors_of(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[Server], list[Door]]]:
    """The doors of a server, with everybody's clients."""
    folder: Path = tmp_path_factory.mktemp("profiles")
    with pytest.MonkeyPatch.context() as patch:
        for name in HOST_VARIABLES:
            patch.delenv(name, raising=False)
        patch.setenv("DATABRICKS_CONFIG_FILE", str(folder / "databrickscfg"))

        def doors(server: Server) -> list[Door]:
            tokens = {ADMIN: server.token} | {who: server.make_user(who) for who in (OWNER, READER, STRANGER)}
            profiles = {who: who.partition("@")[0] for who in tokens}
            written = [f"[{profiles[who]}]\nhost = {server.url}\ntoken = {tokens[who]}\n" for who in tokens]
            (folder / "databrickscfg").write_text("\n".join(written))
            found = {who: server.client(token) for who, token in tokens.items()}
            with server.client() as admin:
                [reader] = admin.get(f"{SCIM}/Users", params={"filter": f'userName eq "{READER}"'}).json()["Resources"]
                group = {"displayName": TEAM, "members": [{"value": reader["id"]}]}
                admin.post(f"{SCIM}/Groups", json=group).raise_for_status()
            server.grant("metastore", "metastore", OWNER, "CREATE_CATALOG")
            clients.extend(found.values())
            return [
                Legacy(found),
                Native(found),
                Mlflow(mlflow_clients(profiles)),
                Databricks(sdk_clients(server, tokens)),
            ]

        clients: list[Any] = []
        yield doors
        for client in clients:
            client.close()


@pytest.mark.parametrize(
    ("runs", "steps"), [(16, 50), pytest.param(150, 80, marks=[pytest.mark.full, pytest.mark.timeout(3600)])]
)
def test_no_two_surfaces_disagree(
    server: Server, doors_of: Callable[[Server], list[Door]], runs: int, steps: int
) -> None:
    doors = doors_of(server)
    machine: Any = partial(Agreement, server, doors)
    run_state_machine_as_test(
        machine,
        settings=settings(
            max_examples=runs,
            stateful_step_count=steps,
            derandomize=runs < 100,
            phases=[Phase.generate, Phase.shrink] if runs > 100 else [Phase.generate],
            database=None,
            deadline=None,
            suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much],
        ),
    )
