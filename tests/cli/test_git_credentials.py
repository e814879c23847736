from __future__ import annotations

from pathlib import Path

from tests.cli.conftest import CommandLine

TOKEN = "ghp_of-nobody"


def test_a_token_is_piped_in_listed_and_forgotten(modelyard: CommandLine, tmp_path: Path) -> None:
    said = modelyard.do("git-credentials", "create", "github", "--user", "ann", typed=f"{TOKEN}\n".encode())
    assert "for gitHub" in said.err
    assert TOKEN not in said.out + said.err
    (tmp_path / "token").write_text(TOKEN)
    modelyard.do("git-credentials", "create", "gitHub", "--default", "--file", str(tmp_path / "token"))
    first, second = modelyard.ask("git-credentials", "list")
    assert (first["git_username"], first["is_default_for_provider"]) == ("ann", False)
    assert second["is_default_for_provider"]
    assert "gitHub" in modelyard.do("git-credentials", "list").out
    modelyard.do("git-credentials", "delete", str(first["credential_id"]))
    assert "no git credential" in modelyard.refusal("git-credentials", "delete", str(first["credential_id"]))
    assert "one of gitHub" in modelyard.refusal("git-credentials", "create", "sourceForge", typed=b"x")
    assert "is empty" in modelyard.refusal("git-credentials", "create", "gitHub", typed=b"")


def test_an_admin_keeps_one_for_a_service_principal(modelyard: CommandLine) -> None:
    modelyard.do("principals", "create", "service-principal", "ci-of-git")
    modelyard.do("git-credentials", "create", "gitLab", "--for", "ci-of-git", typed=TOKEN.encode())
    [kept] = modelyard.ask("git-credentials", "list", "--for", "ci-of-git")
    assert kept["git_provider"] == "gitLab"
    assert kept["credential_id"] not in [each["credential_id"] for each in modelyard.ask("git-credentials", "list")]
    assert "no principal with name" in modelyard.refusal("git-credentials", "list", "--for", "nobody-of-git")
