"""Words that nobody should send: what comes of them is a refusal that says why, never a crash."""

from __future__ import annotations

import contextlib

import pytest

from modelyard.action import Ref
from modelyard.actions import access, catalogs, files, grants, models, tokens, uploads, versions
from modelyard.domain import names
from modelyard.domain.access import PrincipalKind
from modelyard.domain.conditions import Attribute, Comparison, Operator
from modelyard.domain.filters import VersionFilter
from modelyard.domain.pages import Window
from modelyard.domain.privileges import GrantChange, Kind, Privilege
from modelyard.errors import Failure, Invalid
from tests.house.world import World, joining, leaving

USER, GROUP = PrincipalKind.USER, PrincipalKind.GROUP


@pytest.mark.parametrize("after", ["abc", "-1", "1.5", "", "9" * 30, "\x00", "\U0010ffff", "'; --"])
def test_a_page_after_a_made_up_key_is_a_page_or_a_refusal(world: World, after: str) -> None:
    model = world.model()
    number = world.ready(model)
    window = Window(10, after)
    for query in (
        catalogs.ListCatalogs(window),
        catalogs.ListSchemas(model.name.split(".")[0], window),
        models.SearchModels(window),
        versions.SearchVersions(VersionFilter(model=model.name), window),
        versions.SearchVersions(VersionFilter(run_id="x"), window),
        files.ListDirectory(model, number, "", window),
        access.ListPrincipals(USER),
    ):
        with contextlib.suppress(Failure):
            world.do(query, world.owner)


@pytest.mark.parametrize("word", ["\x00", "a\x00b", "'", "\\", "%", "\U0010ffff"])
def test_any_words_of_a_principal_are_taken_or_refused(world: World, word: str) -> None:
    model = world.model()
    number = world.register(model)
    group, _ = world.group()
    grant = GrantChange(word, add=frozenset({Privilege.EXECUTE}))
    for action in (
        tokens.CreateToken(word),
        tokens.CreateTokenFor(word),
        access.CreatePrincipal(USER, world.new_name(), word),
        access.CreatePrincipal(GROUP, world.new_name(), members=(word,)),
        access.GetPrincipal(USER, word),
        access.ListPrincipals(USER, condition=Comparison(Attribute.USER_NAME, Operator.CO, word)),
        joining(group, word),
        leaving(group, word),
        joining(word, group),
        access.DeletePrincipal(USER, word),
        tokens.RevokeToken(word),
        grants.GetGrants(model, word),
        grants.GetEffectiveGrants(model, word),
        grants.ChangeGrants(model, (grant,)),
        models.UpdateModel(model, models.ModelChange(owner=word)),
        uploads.FindUpload(model, number, "x", word),
        uploads.AbortUpload(model, number, "x", word),
    ):
        with contextlib.suppress(Failure):
            world.do(action)
        with contextlib.suppress(Failure):
            world.do(action, world.owner)


@pytest.mark.parametrize(
    "key", ["tx", "kind", "parent", "full_name", "comment", "id_", "properties", "self", "id", "owner_id", "a b", ""]
)
def test_properties_may_have_any_key(world: World, key: str) -> None:
    catalog, schema = world.new_name(), world.new_name()
    made = world.do(catalogs.CreateCatalog(catalog, catalogs.About(properties={key: "value"})), world.owner)
    assert made.properties == {key: "value"}
    inside = catalogs.CreateSchema(Ref(Kind.CATALOG, catalog), schema, catalogs.About(properties={key: "value"}))
    assert world.do(inside, world.owner).properties == {key: "value"}


@pytest.mark.parametrize("name", ["\U0010ffff", "\uffff", "~", "{", "-", "ß", "é", "模型", "😀"])
def test_whatever_has_a_valid_name_is_listed_renamed_and_found(world: World, name: str) -> None:
    try:
        name = names.new_simple(name)
    except Invalid:
        return
    catalog = Ref(Kind.CATALOG, name)
    with contextlib.suppress(Failure):
        world.do(catalogs.DeleteCatalog(catalog, force=True), world.owner)
    world.do(catalogs.CreateCatalog(name), world.owner)
    world.do(catalogs.CreateSchema(catalog, name), world.owner)
    made = world.do(models.CreateModel(Ref(Kind.SCHEMA, f"{name}.{name}"), name), world.owner)
    for inside in ("", name, f"{name}.{name}"):
        found = world.do(models.SearchModels(Window(10_000), inside), world.owner).items
        assert made in found, inside
    other = world.new_name()
    world.do(catalogs.RenameCatalog(catalog, other, catalogs.Change()), world.owner)
    renamed = Ref(Kind.MODEL, f"{other}.{name}.{name}")
    assert world.do(models.GetModel(renamed), world.owner).id == made.id


def test_a_rename_leaves_names_alone_that_begin_alike(world: World) -> None:
    first = world.new_name("like")
    for name in (first, first + "-a", first + "!", first + "0", first + "😀"):
        world.do(catalogs.CreateCatalog(name), world.owner)
        world.do(catalogs.CreateSchema(Ref(Kind.CATALOG, name), "s"), world.owner)
    world.do(catalogs.RenameCatalog(Ref(Kind.CATALOG, first), world.new_name(), catalogs.Change()), world.owner)
    for name in (first + "-a", first + "!", first + "0", first + "😀"):
        assert world.do(catalogs.GetSchema(Ref(Kind.SCHEMA, f"{name}.s")), world.owner).full_name == f"{name}.s"
