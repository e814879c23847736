"""Schemas admit what their policy says; what they keep back can be let go by somebody else only."""

from __future__ import annotations

import base64
import os
import pickle
from dataclasses import replace

import pytest
from sqlalchemy import text

from modelyard.action import Ref
from modelyard.actions import admission, copies, exchange, files, imports, models, versions
from modelyard.domain.admission import Admits, Policy, key_id, refusals
from modelyard.domain.cards import Card, Contents, Verdict
from modelyard.domain.models import Status, Version
from modelyard.domain.pages import Window
from modelyard.domain.privileges import Privilege
from modelyard.errors import Denied, Failure, Invalid, WrongState
from tests.house.examples import PUBLIC_KEY, Stage
from tests.house.world import MLMODEL, Person, World, containers
from tests.scan.test_pickles import Calling

HOSTILE = pickle.dumps(Calling(os.system, "true"))
CLEAN, DATA = Policy("", clean_scan=True), Policy("", admits=Admits.DATA_ONLY)


def ask(world: World, model: Ref, policy: Policy) -> Ref:
    schema = containers(model)[1]
    world.do(admission.SetPolicy(schema, policy), world.owner)
    return schema


def bring(world: World, model: Ref, who: Person | None = None, **held: bytes) -> Version:
    number = world.register(model, who)
    for path, content in {"MLmodel": MLMODEL, **held}.items():
        world.do(files.KeepFile(model, number, path, world.blob(content)), who or world.owner)
    return world.do(world.finalizing(model, number, who), who or world.owner)


class TestThePolicy:
    """What a schema asks."""

    def test_is_asked_when_a_version_is_finalized(self, world: World) -> None:
        model = world.model()
        ask(world, model, CLEAN)
        kept = bring(world, model, weights=HOSTILE)
        assert kept.status is Status.FAILED_REGISTRATION
        assert "weights: Loading it would import posix.system." in kept.status_message
        assert "release" in kept.status_message
        assert bring(world, model, weights=pickle.dumps([1])).status is Status.READY
        ask(world, model, DATA)
        assert "may run code" in bring(world, model, weights=pickle.dumps([1])).status_message
        assert bring(world, model, weights=b"{}").status is Status.READY

    def test_binds_owners_and_leaves_what_is_ready(self, world: World) -> None:
        model = world.model()
        before = bring(world, model, weights=HOSTILE)
        ask(world, model, CLEAN)
        assert world.do(versions.GetVersion(model, before.number)).status is Status.READY
        assert bring(world, model, weights=HOSTILE).status is Status.FAILED_REGISTRATION

    def test_of_the_destination_is_asked_when_a_version_is_copied(self, world: World) -> None:
        origin, model = world.model(), world.model()
        number = bring(world, origin, weights=HOSTILE).number
        ask(world, model, CLEAN)
        kept = world.do(copies.CopyVersion(origin, number, model), world.owner)
        assert kept.status is Status.FAILED_REGISTRATION
        before = len(world.do(versions.ListVersions(model, Window(10)), world.owner).items)
        with pytest.raises(WrongState, match="Nothing was promoted"):
            world.do(copies.PromoteVersion(origin, number, model, "champion"), world.owner)
        assert len(world.do(versions.ListVersions(model, Window(10)), world.owner).items) == before

    def test_wants_a_signature_of_one_of_its_signers(self, world: World) -> None:
        model = world.model()
        schema = ask(world, model, Policy("", signers=(PUBLIC_KEY, PUBLIC_KEY)))
        assert world.do(admission.GetPolicy(schema), world.owner).signers == (PUBLIC_KEY,)
        assert "signature of one of its 1 signers" in bring(world, model).status_message

    def test_can_be_taken_away(self, world: World) -> None:
        model = world.model()
        schema = ask(world, model, CLEAN)
        world.do(admission.RemovePolicy(schema), world.owner)
        world.do(admission.RemovePolicy(schema), world.owner)
        assert world.do(admission.GetPolicy(schema), world.owner) == Policy(schema.name)
        assert bring(world, model, weights=HOSTILE).status is Status.READY

    @pytest.mark.parametrize("key", ["", "ssh-rsa AAAA", "-----BEGIN PUBLIC KEY-----\n!!\n-----END PUBLIC KEY-----"])
    def test_takes_only_keys_for_signers(self, world: World, key: str) -> None:
        with pytest.raises(Invalid, match="no public key in PEM"):
            ask(world, world.model(), Policy("", signers=(key,)))

    def test_counts_what_is_not_known_as_bad(self) -> None:
        strict = Policy("a.b", Admits.DATA_ONLY, clean_scan=True, signers=(PUBLIC_KEY,))
        assert len(refusals(strict, Card(), ())) == 3
        known = Card(Contents.DATA_ONLY, Verdict.CLEAN)
        assert refusals(strict, known, {key_id(PUBLIC_KEY)}) == ()
        assert len(refusals(strict, known, {"0" * 64})) == 1
        assert len(refusals(strict, replace(known, contents=Contents.UNKNOWN), {key_id(PUBLIC_KEY)})) == 1
        assert refusals(None, Card(), ()) == ()


def test_a_key_is_told_apart_by_its_bytes_however_they_are_wrapped() -> None:
    der = base64.b64decode("".join(PUBLIC_KEY.splitlines()[1:-1]))
    wrapped = base64.b64encode(der).decode()
    once = f"-----BEGIN PUBLIC KEY-----\n{wrapped}\n-----END PUBLIC KEY-----"
    assert key_id(once) == key_id(PUBLIC_KEY)


class TestQuarantine:
    """A version that is kept back."""

    def test_is_answered_as_it_is_when_it_is_finalized_again(self, world: World) -> None:
        model = world.model()
        ask(world, model, CLEAN)
        kept = bring(world, model, weights=HOSTILE)
        again = world.do(world.finalizing(model, kept.number), world.owner)
        assert (again.status, again.digest) == (Status.FAILED_REGISTRATION, kept.digest)
        with pytest.raises(WrongState):
            world.do(files.KeepFile(model, kept.number, "more", world.blob(b"")), world.owner)

    def test_is_used_by_nobody(self, world: World) -> None:
        model, other = world.model(), world.model()
        ask(world, model, CLEAN)
        number = bring(world, model, weights=HOSTILE).number
        for action in (
            models.SetAlias(model, "champion", number),
            copies.CopyVersion(model, number, other),
        ):
            with pytest.raises(WrongState):
                world.do(action, world.owner)
        assert world.do(exchange.HandOver(model, number), world.owner).files == ()

    def test_is_read_by_those_who_manage_it_only(self, world: World) -> None:
        model, maker = world.model(), world.person()
        ask(world, model, CLEAN)
        with world.uploading(maker, model):
            world.grant(model, maker.name, Privilege.EXECUTE)
            number = bring(world, model, maker, weights=HOSTILE).number
            for action in (
                files.FindFile(model, number, "weights"),
                files.LinkToFile(model, number, "weights"),
                files.ListFiles(model, number, Window(10)),
                files.ListDirectory(model, number, "", Window(10)),
            ):
                with pytest.raises(Denied, match="MANAGE"):
                    world.do(action, maker)
                world.do(action, world.owner)
            wanted = (imports.Wanted("weights", world.blob(HOSTILE).sha256, len(HOSTILE)),)
            mine = world.register(model, maker)
            assert world.do(imports.TakeFiles(model, model, mine, wanted), maker) == ()

    def test_is_listed_with_its_reasons(self, world: World) -> None:
        model = world.model()
        schema = ask(world, model, CLEAN)
        numbers = [bring(world, model, weights=HOSTILE).number for _ in range(3)]
        first = world.do(admission.ListQuarantined(schema, Window(2)), world.owner)
        rest = world.do(admission.ListQuarantined(schema, replace(Window(2), after=first.after or "")), world.owner)
        found = [*first.items, *rest.items]
        assert sorted(each.number for each in found) == numbers
        assert all(each.model == model.name and "posix.system" in each.reasons[0] for each in found)

    def test_is_let_go_by_somebody_else_who_manages_the_schema(self, world: World) -> None:
        schema, model, number = Stage(world, world.owner).quarantined()
        with pytest.raises(Invalid, match="comment"):
            world.do(admission.ReleaseVersion(schema, model.name, number, " "), world.owner)
        freed = world.do(admission.ReleaseVersion(schema, model.name, number, "looked at it"), world.owner)
        assert (freed.status, freed.status_message) == (Status.READY, "")
        assert world.do(models.SetAlias(model, "champion", number), world.owner)
        assert world.do(admission.ListQuarantined(schema, Window(10)), world.owner).items == ()
        with pytest.raises(WrongState, match="not in quarantine"):
            world.do(admission.ReleaseVersion(schema, model.name, number, "again"), world.owner)
        with world.inside.built.database.engine.begin() as raw:
            found = text(
                "SELECT quarantines.comment, released_by FROM quarantines JOIN versions ON versions.id = version_id "
                "JOIN securables ON securables.id = model_id WHERE full_name = :name",
            )
            assert raw.execute(found, {"name": model.name}).one() == ("looked at it", world.owner.name)

    def test_is_not_let_go_by_who_has_registered_it(self, world: World) -> None:
        model = world.model()
        schema = ask(world, model, CLEAN)
        number = bring(world, model, weights=HOSTILE).number
        with pytest.raises(Denied, match="somebody else"):
            world.do(admission.ReleaseVersion(schema, model.name, number, "trust me"), world.owner)
        assert world.do(admission.ReleaseVersion(schema, model.name, number, "looked at it")).status is Status.READY

    def test_is_released_through_its_own_schema_only(self, world: World) -> None:
        _, model, number = Stage(world, world.owner).quarantined()
        with pytest.raises(Failure):
            world.do(admission.ReleaseVersion(world.schema(), model.name, number, "by another door"), world.owner)
        assert world.do(versions.GetVersion(model, number)).status is Status.FAILED_REGISTRATION
