"""What becomes of a flat registry, decided without one; and the ledger of what was done."""

from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.errors import Invalid, Malformed, Unavailable, WrongState
from modelyard.upgrade import plan
from modelyard.upgrade.moving import moves
from modelyard.upgrade.moving.ledger import Ledger
from modelyard.upgrade.moving.moves import MovePlan, Wanted
from modelyard.upgrade.moving.registry import Contents, FlatFile, FlatModel, FlatVersion, Inventory, Permission

WANTED = Wanted("prod.ml", {}, plan.ALIASES)
WHOLE = Contents("here", (FlatFile("MLmodel", 10), FlatFile("model.pkl", 20)), has_signature=True)


def model(name: str, *stages: str, **more: object) -> FlatModel:
    versions = tuple(FlatVersion(number, stage, contents=WHOLE) for number, stage in enumerate(stages, 1))
    return FlatModel(name, versions=versions or (FlatVersion(1, contents=WHOLE),), **more)  # pyright: ignore[reportArgumentType]


def made(*models: FlatModel, wanted: Wanted = WANTED) -> MovePlan:
    return moves.made(Inventory("http://old:5000", "old:5000", models, permissions_told=True), wanted)


def reasons(move: MovePlan) -> dict[tuple[str, int | None], str]:
    return {(each.model, each.version): each.why for each in move.refused}


def test_names_are_cleaned_and_clashes_are_told() -> None:
    move = made(*map(model, ("Iris LR.Model", "Fraud", "fraud", "a.b.C", "x" * 300)))
    assert move.names == {"Iris LR.Model": "prod.ml.iris_lr_model", "a.b.C": "a.b.c"}
    assert "2 models would be called prod.ml.fraud" in reasons(move)["Fraud", None]
    assert any("255 characters" in why for why in reasons(move).values())
    named = made(model("Fraud"), model("fraud"), wanted=Wanted("prod.ml", {"Fraud": "prod.ml.other"}, plan.ALIASES))
    assert named.names == {"Fraud": "prod.ml.other", "fraud": "prod.ml.fraud"}


def test_permissions_become_grants_and_what_has_no_like_is_told() -> None:
    levels = {"a": "READ", "b": "EDIT", "c": "MANAGE", "d": "DENY", "e": "NO_PERMISSIONS", "f": "ADMIN", "g": "USE"}
    move = made(model("fraud", permissions=tuple(Permission(user, level) for user, level in levels.items())))
    assert move.models["fraud"].grants == {
        "a": ["EXECUTE"],
        "b": ["EXECUTE", "CREATE_MODEL_VERSION", "APPLY_TAG"],
        "c": ["EXECUTE", "CREATE_MODEL_VERSION", "APPLY_TAG", "MANAGE"],
        "g": ["EXECUTE"],
    }
    assert move.models["fraud"].access == levels
    assert list(reasons(move).values()) == ["d has DENY there, and no grant here is like it"]


def test_an_alias_that_stands_elsewhere_than_its_stage_is_told() -> None:
    move = made(model("fraud", "Production", "Production", aliases={"Champion": 1, "v7": 2}))
    assert move.models["fraud"].aliases == {"Champion": 1}
    told = [each.why for each in move.refused]
    assert "Champion is at version 1, and Production at version 2" in told[0]
    assert "looks like a version number" in told[1]


def test_versions_that_cannot_be_brought_are_lines_and_not_in_the_plan() -> None:
    bare = FlatVersion(1, contents=Contents("here", (FlatFile("notes.txt", 1),)))
    gone = FlatVersion(2, contents=Contents("here"))
    wait = FlatVersion(3, status="PENDING_REGISTRATION")
    fine = FlatVersion(4, "Staging", contents=WHOLE)
    move = made(FlatModel("fraud", versions=(bare, gone, wait, fine)))
    assert list(move.models["fraud"].versions) == [4]
    assert {version for _, version in reasons(move)} == {1, 2, 3}


def test_a_plan_is_read_as_it_was_written_and_code_is_rewritten_by_it() -> None:
    move = made(model("fraud", "Production"), model("123"), model("yes"), model("ünï ©"))
    text = moves.text(move)
    assert moves.read(text) == move
    rewriting = plan.made([], "", [], "", text)
    assert rewriting.full_name("123") == "prod.ml.123"
    assert rewriting.full_name("fraud") == "prod.ml.fraud"
    assert rewriting.alias("Production") == "champion"


@pytest.mark.parametrize(
    ("edit", "says"),
    [
        (("prod.ml.fraud", "prod.fraud"), "three levels"),
        (("prod.ml.fraud", "prod.ml.churn"), "two models of the plan"),
        (("format: 1", "format: 9"), "another version"),
        (("      1: {", "      0: {"), "has no version 0"),
        (("versions:", "verzions:"), "verzions"),
        (("source:", "sauce:"), "names no `source`"),
        (("Production: champion", "Production: latest"), "reserved"),
    ],
)
def test_an_edit_that_makes_no_sense_is_told(edit: tuple[str, str], says: str) -> None:
    text = moves.text(made(model("fraud", "Production"), model("churn", "Production")))
    with pytest.raises(Invalid, match=says):
        moves.read(text.replace(*edit))


def test_what_is_not_yaml_is_malformed() -> None:
    with pytest.raises(Malformed):
        moves.read("names: [")


def test_the_ledger_goes_on_after_half_a_line_and_lets_one_process_in(tmp_path: Path) -> None:
    file = tmp_path / "ledger"
    with Ledger(file) as ledger:
        ledger.note("model", "fraud", "prod.ml.fraud", made=True)
        ledger.note("begun", "fraud", "prod.ml.fraud", version=1, digest="aa")
        with pytest.raises(Unavailable, match="another process"):
            Ledger(file)
    with file.open("ab") as torn:
        torn.write(b'{"step": "done", "model": "fr')
    with Ledger(file) as ledger:
        assert (ledger.models["fraud"].begun, ledger.models["fraud"].done) == ({1: "aa"}, {})
        ledger.note("done", "fraud", "prod.ml.fraud", version=1, digest="aa")
        with pytest.raises(WrongState, match="undo that first"):
            ledger.standing("fraud", "prod.ml.other")
    with Ledger(file) as ledger:
        assert ledger.models["fraud"].done == {1: "aa"}
        ledger.note("undone", "fraud", "prod.ml.fraud")
        assert ledger.models == {}
    file.write_bytes(b"nonsense\n")
    with pytest.raises(WrongState, match="line 1"):
        Ledger(file)
