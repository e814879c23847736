from __future__ import annotations

from pathlib import Path

import pytest

from modelyard.cli.client import Client
from modelyard.cli.download import download
from modelyard.config import Settings
from modelyard.errors import Failure
from tests.cli.conftest import CommandLine, register

MODEL = "prod.ml_team.churn"


@pytest.fixture
def yard(modelyard: CommandLine) -> CommandLine:
    """A command line whose server has a model."""
    modelyard.server.make_containers("prod.ml_team", "prod.other")
    modelyard.do("models", "create", MODEL, "--comment", "Who leaves", "--tag", "team=ml", "--tag", "a=b=c")
    return modelyard


def test_a_model_is_made_looked_at_changed_renamed_and_deleted(yard: CommandLine) -> None:
    made = yard.ask("models", "get", MODEL)
    assert made["comment"] == "Who leaves"
    assert {tag["key"]: tag["value"] for tag in made["tags"]} == {"team": "ml", "a": "b=c"}
    assert "team=ml" in yard.do("models", "get", MODEL).out

    only_tags = yard.ask("models", "set", MODEL, "--untag", "team")
    assert (only_tags["tags"], only_tags["comment"]) == ([{"key": "a", "value": "b=c"}], "Who leaves")
    yard.server.make_user("alice")
    words = ("--untag", "a", "--tag", "team=ranking", "--owner", "alice", "--rename", "leavers")
    changed = yard.ask("models", "set", MODEL, *words)
    assert (changed["full_name"], changed["owner"]) == ("prod.ml_team.leavers", "alice")
    assert changed["tags"] == [{"key": "team", "value": "ranking"}]

    assert "prod.ml_team.leavers" in yard.do("models", "delete", "prod.ml_team.leavers").err
    assert yard.ask("models", "list") == []


def test_models_are_listed_everywhere_or_in_one_schema(yard: CommandLine) -> None:
    yard.do("models", "create", "prod.other.fraud")
    listed = {each["full_name"] for each in yard.ask("models", "list")}
    assert listed == {MODEL, "prod.other.fraud"}
    assert "fraud" not in yard.do("models", "list", "--schema", "prod.ml_team").out
    assert yard.ask("models", "list", token=yard.server.make_user("alice")) == []


def test_a_version_is_listed_looked_at_changed_and_deleted(yard: CommandLine) -> None:
    register(yard.server, MODEL)
    register(yard.server, MODEL)
    assert [each["version"] for each in yard.ask("versions", "list", MODEL)] == ["2", "1"]
    assert "READY" in yard.do("versions", "list", MODEL).out
    assert yard.ask("versions", "get", MODEL, "2")["source"] == "by hand"

    words = ("--comment", "Trained in May", "--tag", "checked=yes")
    changed = yard.ask("versions", "set", MODEL, "1", *words)
    assert changed["description"] == "Trained in May"
    assert changed["tags"] == [{"key": "checked", "value": "yes"}]
    assert yard.ask("versions", "set", MODEL, "1", "--untag", "checked")["tags"] == []

    assert yard.do("versions", "delete", MODEL, "1").err.startswith(f"Deleted version 1 of {MODEL}.\n")
    yard.refusal("versions", "get", MODEL, "1")


def test_an_alias_is_set_moved_looked_at_and_deleted(yard: CommandLine) -> None:
    register(yard.server, MODEL)
    register(yard.server, MODEL)
    yard.do("aliases", "set", MODEL, "Champion", "1", "--expected-version", "0")
    assert yard.ask("aliases", "get", MODEL, "Champion")["version"] == "1"

    refused = yard.refusal("aliases", "set", MODEL, "Champion", "2", "--expected-version", "2")
    assert "points at version 1" in refused
    moved = yard.do("aliases", "set", MODEL, "Champion", "2", "--expected-version", "1")
    assert (moved.out, moved.err) == ("", f"Champion of {MODEL} points at version 2.\n")
    assert yard.ask("aliases", "list", MODEL) == [{"alias": "Champion", "version": "2"}]
    assert "Champion → 2" in yard.do("models", "get", MODEL).out

    yard.do("aliases", "delete", MODEL, "Champion")
    yard.refusal("aliases", "delete", MODEL, "Champion")


def test_the_files_of_a_version_are_downloaded_as_a_whole(yard: CommandLine, tmp_path: Path) -> None:
    big = bytes(range(256)) * 20_000
    register(yard.server, MODEL, MLmodel=b"flavors: {}", data__deep__big=big, **{"a #1 ü%41?.txt": b"x", "empty": b""})
    folder = tmp_path / "new" / "churn"
    said = yard.do("versions", "download", MODEL, "1", str(folder))
    assert (said.out, "4 files" in said.err) == ("", True)
    found = {str(path.relative_to(folder)): path.read_bytes() for path in folder.rglob("*") if path.is_file()}
    expected = {"MLmodel": b"flavors: {}", "data/deep/big": big, "a #1 ü%41?.txt": b"x", "empty": b""}
    assert found == expected
    assert [path.name for path in folder.parent.iterdir()] == ["churn"]

    assert "is not empty" in yard.refusal("versions", "download", MODEL, "1", str(folder))
    yard.refusal("versions", "download", MODEL, "7", str(tmp_path / "none"))
    (tmp_path / "file").touch()
    assert yard.refusal("versions", "download", MODEL, "1", str(tmp_path / "file" / "churn"))


@pytest.mark.parametrize("name", ["..", ".", "", "/etc/passwd", "a/../../b"])
def test_no_server_leads_a_download_out_of_its_folder(
    nowhere: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, name: str
) -> None:
    said = [{"name": name, "is_directory": False, "file_size": 1}]
    monkeypatch.setattr(Client, "all", lambda *_asked: said)
    server = Client(Settings(data=nowhere.server.data))
    with pytest.raises(Failure, match="out of the folder"):
        download(server, "/Models/a/b/c/1", tmp_path / "there")


def test_a_download_that_breaks_leaves_nothing(
    yard: CommandLine, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    register(yard.server, MODEL, MLmodel=b"flavors: {}", data=b"x" * 100)
    monkeypatch.setattr(Client, "pieces", lambda _client, _path: iter([b"flavors: {}"]))
    assert "11 of its 100 bytes" in yard.refusal("versions", "download", MODEL, "1", str(tmp_path / "to" / "churn"))
    assert list((tmp_path / "to").iterdir()) == []


@pytest.mark.parametrize(
    "words",
    [
        ("models", "create", "churn"),
        ("models", "create", MODEL, "--tag", "team"),
        ("models", "set", MODEL),
        ("models", "set", MODEL, "--tag", "=ml"),
        ("models", "list", "--schema", "prod"),
        ("versions", "get", MODEL, "latest"),
        ("versions", "get", MODEL, "0"),
        ("versions", "set", MODEL, "1"),
        ("aliases", "set", MODEL, "Champion"),
    ],
)
def test_a_command_that_is_written_wrong_ends_with_2(nowhere: CommandLine, words: tuple[str, ...]) -> None:
    assert nowhere.misuse(*words)
