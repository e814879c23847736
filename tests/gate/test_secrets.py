"""Secrets: who may do what with a scope, what others learn of it, and where the values are to be found: nowhere."""

from __future__ import annotations

import base64
import contextlib
import shutil
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from sqlalchemy import text

from modelyard import app
from modelyard.action import Action
from modelyard.actions import access as principals
from modelyard.actions import backups, secrets
from modelyard.config import Settings
from modelyard.domain.access import ADMINS, Caller, PrincipalKind
from modelyard.domain.secrets import Hidden, Level
from modelyard.errors import AlreadyExists, Denied, Invalid, NotFound, TooMany, WrongState
from modelyard.store import access
from modelyard.store.vault import Vault
from tests.conftest import Postgres
from tests.gate.threads import at_once, persistent
from tests.house.world import Person, World, joining
from tests.support import InProcess, in_process

VALUE = b"correct horse battery staple"
READING = {Level.READ: True, Level.WRITE: True, Level.MANAGE: True}
WRITING = {**READING, Level.READ: False}
MANAGING = {**WRITING, Level.WRITE: False}

ASKED: list[tuple[Callable[[str, str], Action[Any, Any]], dict[Level, bool]]] = [
    (lambda scope, _: secrets.GetSecret(scope, "password"), READING),
    (lambda scope, _: secrets.ListSecretKeys(scope), READING),
    (lambda scope, _: secrets.PutSecret(scope, "password", Hidden(b"new")), WRITING),
    (lambda scope, _: secrets.RemoveSecret(scope, "password"), WRITING),
    (lambda scope, who: secrets.PutAcl(scope, who, Level.READ), MANAGING),
    (secrets.GetAcl, MANAGING),
    (lambda scope, _: secrets.ListAcls(scope), MANAGING),
    (secrets.DeleteAcl, MANAGING),
    (lambda scope, _: secrets.DeleteScope(scope), MANAGING),
]


def scope(world: World, **held: bytes) -> str:
    """A scope of the owner's, with secrets."""
    name = world.new_name("Scope")
    world.do(secrets.CreateScope(name), world.owner)
    for key, value in (held or {"password": VALUE}).items():
        world.do(secrets.PutSecret(name, key, Hidden(value)), world.owner)
    return name


def let(world: World, name: str, who: str, level: Level) -> None:
    world.do(secrets.PutAcl(name, who, level), world.owner)


def get(world: World, name: str, who: Person | None = None, key: str = "password") -> bytes:
    return world.do(secrets.GetSecret(name, key), who or world.owner)[1].reveal()


def speaking_for(world: World, who: Person) -> Caller:
    with world.inside.built.database.look() as tx:
        found = access.caller_by_id(tx, who.id)
    assert found is not None
    return found


def resolve(world: World, who: Person, **said: str) -> dict[str, str]:
    caller = speaking_for(world, who)
    with world.inside.built.database.look() as tx:
        return {name: value.text() for name, value in secrets.resolved(tx, caller, said).items()}


class TestWhoeverWasGiven:
    @pytest.mark.parametrize("level", Level)
    @pytest.mark.parametrize("asked", ASKED, ids=[str(number) for number in range(len(ASKED))])
    def test_a_level_may_do_what_it_includes_and_no_more(
        self, world: World, level: Level, asked: tuple[Callable[[str, str], Action[Any, Any]], dict[Level, bool]]
    ) -> None:
        make, allowed = asked
        who, name = world.person(), scope(world)
        let(world, name, who.name, level)
        request = world.new_name("request")
        if allowed[level]:
            world.do(make(name, who.name), who, request)
        else:
            with pytest.raises(Denied, match=f"you have {level}"):
                world.do(make(name, who.name), who, request)
            [(*_, result, error, _, _, _)] = world.recorded(request)
            assert (result, error) == ("refused", "Denied")

    def test_nothing_finds_nothing_and_does_not_see_that_it_is_there(self, world: World) -> None:
        who, name = world.person(), scope(world)
        for make, _ in ASKED:
            with pytest.raises(NotFound) as hidden:
                world.do(make(name, who.name), who)
            with pytest.raises(NotFound) as missing:
                world.do(make("nowhere", who.name), who)
            assert hidden.value.message.replace(name, "it") == missing.value.message.replace("nowhere", "it")
        assert world.do(secrets.ListScopes(), who) == []

    def test_a_level_through_a_group_has_the_most_of_all_that_reaches_it(self, world: World) -> None:
        who, name = world.person(), scope(world)
        inner, _ = world.group(who.id)
        _, outer = world.group(inner)
        let(world, name, outer, Level.WRITE)
        let(world, name, who.name, Level.READ)
        world.do(secrets.PutSecret(name, "password", Hidden(b"new")), who)
        assert get(world, name, who) == b"new"
        assert world.do(secrets.ListScopes(), who) == [name]
        world.do(secrets.DeleteAcl(name, outer), world.owner)
        with pytest.raises(Denied):
            world.do(secrets.PutSecret(name, "password", Hidden(b"newer")), who)

    def test_a_level_as_everybody_loses_it_with_everybody(self, world: World) -> None:
        who, name = world.person(), scope(world)
        let(world, name, "users", Level.READ)
        assert get(world, name, who) == VALUE
        [mine, everybody] = sorted(
            world.do(secrets.ListAcls(name), world.owner), key=lambda each: each.principal == "account users"
        )
        assert (mine.principal, mine.level) == (world.owner.name, Level.MANAGE)
        assert (everybody.principal, everybody.level) == ("account users", Level.READ)
        world.do(secrets.DeleteAcl(name, "users"), world.owner)
        with pytest.raises(NotFound):
            get(world, name, who)

    def test_a_level_that_is_lowered_has_the_lower_one(self, world: World) -> None:
        who, name = world.person(), scope(world)
        for level in (Level.MANAGE, Level.READ):
            let(world, name, who.name, level)
            assert world.do(secrets.GetAcl(name, who.name), world.owner).level is level
        with pytest.raises(Denied):
            world.do(secrets.ListAcls(name), who)


class TestAScope:
    def test_is_managed_by_who_has_made_it_or_by_everybody(self, world: World) -> None:
        who, other = world.person(), world.person()
        mine, ours = world.new_name("scope"), world.new_name("scope")
        world.do(secrets.CreateScope(mine), who)
        world.do(secrets.CreateScope(ours, for_everybody=True), who)
        assert world.do(secrets.ListScopes(), who) == [mine, ours]
        world.do(secrets.PutAcl(ours, other.name, Level.READ), other)
        with pytest.raises(NotFound):
            world.do(secrets.ListAcls(mine), other)
        world.do(secrets.DeleteScope(ours), other)

    def test_is_managed_by_admins(self, world: World) -> None:
        name, admin = scope(world), world.person()
        world.do(joining(ADMINS, admin.id))
        assert get(world, name, admin) == VALUE
        assert name in world.do(secrets.ListScopes(), admin)
        world.do(secrets.DeleteScope(name), admin)

    def test_has_a_name_of_its_own_whatever_the_case(self, world: World) -> None:
        name, other = scope(world), world.person()
        for taken in (name, name.lower(), name.upper()):
            with pytest.raises(AlreadyExists):
                world.do(secrets.CreateScope(taken), other)
        assert get(world, name.upper(), key="PassWord") == VALUE

    def test_that_is_deleted_is_gone_with_its_secrets(self, world: World) -> None:
        name = scope(world)
        world.do(secrets.DeleteScope(name), world.owner)
        world.do(secrets.CreateScope(name), world.owner)
        assert world.do(secrets.ListSecretKeys(name), world.owner) == []
        with pytest.raises(NotFound, match="has no secret 'password'"):
            get(world, name)

    def test_outlives_who_has_made_it(self, world: World) -> None:
        who, name = world.person(), world.new_name("scope")
        world.do(secrets.CreateScope(name), who)
        world.do(principals.DeletePrincipal(PrincipalKind.USER, who.id))
        assert world.do(secrets.ListAcls(name)) == []

    def test_is_given_to_principals_that_are_there_only(self, world: World) -> None:
        name, who = scope(world), world.person()
        with pytest.raises(Invalid, match="Could not find principal"):
            let(world, name, "nobody", Level.READ)
        for action in (secrets.GetAcl(name, "nobody"), secrets.DeleteAcl(name, "nobody")):
            with pytest.raises(NotFound):
                world.do(action, world.owner)
        for action in (secrets.GetAcl(name, who.name), secrets.DeleteAcl(name, who.name)):
            with pytest.raises(NotFound, match="was given nothing"):
                world.do(action, world.owner)

    def test_holds_so_many_secrets(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(secrets, "MAX_SECRETS", 2)
        name = scope(world, one=b"1", two=b"2")
        with pytest.raises(TooMany, match="has 2 secrets"):
            world.do(secrets.PutSecret(name, "three", Hidden(b"3")), world.owner)
        world.do(secrets.PutSecret(name, "TWO", Hidden(b"2!")), world.owner)
        assert [key.name for key in world.do(secrets.ListSecretKeys(name), world.owner)] == ["one", "two"]
        assert get(world, name, key="two") == b"2!"

    def test_holds_no_more_however_many_put_at_once(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        monkeypatch.setattr(secrets, "MAX_SECRETS", 3)
        name = scope(world, one=b"1")
        puts = [secrets.PutSecret(name, f"k{number}", Hidden(b"v")) for number in range(12)]
        found = at_once([persistent(partial(world.do, put, world.owner)) for put in puts], 6)
        assert found.count(None) == 2
        assert {type(each) for each in found} == {type(None), TooMany}
        assert len(world.do(secrets.ListSecretKeys(name), world.owner)) == 3

    def test_is_made_once_however_many_make_it_at_once(self, world: World) -> None:
        name = world.new_name("scope")
        found = at_once([persistent(partial(world.do, secrets.CreateScope(name), world.owner))] * 6, 6)
        assert found.count(None) == 1
        assert sum(isinstance(each, AlreadyExists) for each in found) == 5

    def test_is_one_of_so_many(self, world: World, monkeypatch: pytest.MonkeyPatch) -> None:
        scope(world)
        monkeypatch.setattr(secrets, "MAX_SCOPES", 1)
        with pytest.raises(TooMany, match="delete one"):
            scope(world)


class TestAValue:
    def test_is_any_bytes(self, world: World) -> None:
        everything = bytes(range(256)) * 512
        assert get(world, scope(world, password=everything)) == everything
        assert get(world, scope(world, password=b"")) == b""

    def test_is_in_no_table(self, world: World) -> None:
        """Neither in the audit nor in events, neither when it was kept nor when it was refused or shown."""
        name, who = scope(world), world.person()
        get(world, name)
        with pytest.raises(NotFound):
            world.do(secrets.PutSecret(name, "password", Hidden(VALUE)), who)
        let(world, name, who.name, Level.READ)
        with pytest.raises(Denied):
            world.do(secrets.PutSecret(name, "password", Hidden(VALUE)), who)
        dump = world.do(backups.DumpDatabase())
        with contextlib.closing(dump.open(dump.entry)) as reader:
            kept = reader.read(0, dump.entry.size)
        assert name.encode() in kept
        for shape in (VALUE, VALUE.hex().encode(), base64.b64encode(VALUE).rstrip(b"=")):
            assert shape not in kept

    def test_leaves_the_audit_with_scope_and_key_and_reading_it_is_recorded(self, world: World) -> None:
        name, request = scope(world), world.new_name("request")
        world.do(secrets.PutSecret(name, "password", Hidden(VALUE)), world.owner, request)
        world.do(secrets.GetSecret(name, "password"), world.owner, request)
        read, put = world.recorded(request)
        assert put[6] == f'{{"scope":"{name}","key":"password","value":{{}}}}'
        assert (read[2], read[3]) == ("getSecret", "done")

    def test_opens_in_its_own_row_only(self, world: World) -> None:
        name = scope(world, one=b"1", two=b"2")
        with world.inside.built.database.engine.begin() as raw:
            sealed = text(
                "UPDATE secrets SET sealed = (SELECT sealed FROM secrets AS other WHERE other.folded = 'one' "
                "AND other.scope_id = secrets.scope_id) WHERE folded = 'two' "
                "AND scope_id = (SELECT id FROM secret_scopes WHERE name = :name)"
            )
            assert raw.execute(sealed, {"name": name}).rowcount == 1
        assert get(world, name, key="one") == b"1"
        with pytest.raises(WrongState, match="another secret key"):
            get(world, name, key="two")

    def test_is_sealed_differently_each_time(self) -> None:
        vault = Vault(b"k" * 32)
        sealed = [vault.seal(VALUE, "here") for _ in range(20)]
        assert len(set(sealed)) == 20
        assert {vault.open(each, "here") for each in sealed} == {VALUE}
        assert {base64.b64decode(each)[0] for each in sealed} == {1}

    @pytest.mark.parametrize("place", [0, 1, 12, 13, -1])
    def test_that_was_changed_does_not_open(self, place: int) -> None:
        vault = Vault(b"k" * 32)
        raw = bytearray(base64.b64decode(vault.seal(VALUE, "here")))
        raw[place] ^= 1
        assert vault.open(base64.b64encode(raw).decode(), "here") is None
        sealed = vault.seal(VALUE, "here")
        assert vault.open(sealed, "there") is None
        assert Vault(b"K" * 32).open(sealed, "here") is None


def test_no_file_of_the_server_holds_a_value(tmp_path: Path) -> None:
    with in_process(tmp_path / "data") as inside:
        inside.do(secrets.CreateScope("s"))
        inside.do(secrets.PutSecret("s", "password", Hidden(VALUE)))
        assert inside.do(secrets.GetSecret("s", "password"))[1].reveal() == VALUE
        for file in (tmp_path / "data").rglob("*"):
            content = file.read_bytes() if file.is_file() else b""
            assert VALUE not in content
            assert base64.b64encode(VALUE).rstrip(b"=") not in content


def test_a_backup_brings_secrets_to_a_server_with_the_same_key_and_to_no_other(
    inside: InProcess, postgres: Postgres, tmp_path: Path
) -> None:
    inside.do(secrets.CreateScope("s", for_everybody=True))
    inside.do(secrets.PutSecret("s", "password", Hidden(VALUE)))
    dump = inside.do(backups.DumpDatabase())
    with contextlib.closing(dump.open(dump.entry)) as reader:
        (tmp_path / "database.jsonl").write_bytes(reader.read(0, dump.entry.size))
    for name, database in (("sqlite", ""), ("postgresql", postgres.make(empty=True))):
        data = tmp_path / name
        app.restore(Settings(data=data, database=database), tmp_path / "database.jsonl", None)
        shutil.copy(tmp_path / "data" / "admin-token", data / "admin-token")
        with in_process(data, database) as again:
            assert [key.name for key in again.do(secrets.ListSecretKeys("s"))] == ["password"]
            with pytest.raises(WrongState, match="bring that key back"):
                again.do(secrets.GetSecret("s", "password"))
        shutil.copytree(tmp_path / "data" / "keys", data / "keys", dirs_exist_ok=True)
        with in_process(data, database) as again:
            assert again.do(secrets.GetSecret("s", "password"))[1].reveal() == VALUE


class TestAReference:
    def test_is_resolved_for_who_may_read_it_and_other_texts_stay(self, world: World) -> None:
        name, who = scope(world), world.person()
        let(world, name, who.name, Level.READ)
        said = {"TOKEN": f"{{{{secrets/{name}/password}}}}", "LOUD": f" {{{{ secrets/{name.upper()}/PASSWORD }}}} "}
        found = resolve(world, who, **said, PLAIN="{{name}}", EMPTY="")
        assert found == {"TOKEN": VALUE.decode(), "LOUD": VALUE.decode(), "PLAIN": "{{name}}", "EMPTY": ""}

    def test_is_resolved_for_its_own_principal_whoever_asks(self, world: World) -> None:
        name, who = scope(world), world.person()
        for there, key in ((name, "password"), ("nowhere", "password")):
            with pytest.raises(NotFound) as refusal:
                resolve(world, who, TOKEN=f"{{{{secrets/{there}/{key}}}}}")
            assert refusal.value.message == (
                f"TOKEN: there is no secret {{{{secrets/{there}/{key}}}}} that {who.name} may read."
            )
        let(world, name, who.name, Level.READ)
        with pytest.raises(NotFound, match=r"TOKEN: there is no secret \{\{secrets/"):
            resolve(world, who, TOKEN=f"{{{{secrets/{name}/other}}}}")

    @pytest.mark.parametrize("value", [b"\xff\xfe", b"a\x00b"])
    def test_to_what_is_no_text_is_refused_without_showing_it(self, world: World, value: bytes) -> None:
        name = scope(world, password=value)
        with pytest.raises(Invalid, match="is no text") as refusal:
            resolve(world, world.owner, TOKEN=f"{{{{secrets/{name}/password}}}}")
        assert refusal.value.__cause__ is None
        assert refusal.value.__context__ is None

    def test_that_is_written_wrong_is_refused_with_the_name_of_its_text_only(self, world: World) -> None:
        with pytest.raises(Invalid, match=r"^TOKEN: ") as refusal:
            resolve(world, world.owner, TOKEN="Basic b64stuff {{secrets/a/b}}")
        assert "b64stuff" not in refusal.value.message
