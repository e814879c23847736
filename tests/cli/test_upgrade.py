"""`modelyard upgrade` as a user types it, on files and on a git repository; no server is asked."""

from __future__ import annotations

import html.parser
import json
import subprocess
from pathlib import Path

import pytest

from tests.cli.conftest import Answer, CommandLine

TRAIN = """\
import mlflow

NAME = "fraud"
with mlflow.start_run():
    mlflow.sklearn.log_model(m, "model", registered_model_name=NAME)
"""
SCORE = """\
import mlflow
model = mlflow.pyfunc.load_model("models:/fraud/Production")
latest = client.get_latest_versions("fraud")
"""
MAP = ("--map", "fraud=prod.ml.fraud")


@pytest.fixture
def project(tmp_path: Path) -> Path:
    """A git repository with code that has not moved."""
    folder = tmp_path / "project"
    (folder / "src").mkdir(parents=True)
    (folder / "src" / "train.py").write_text(TRAIN)
    (folder / "src" / "score.py").write_text(SCORE)
    (folder / "job.yml").write_text("base_parameters:\n  model_uri: models:/fraud/3\n")
    _git(folder, "init", "--quiet", "--initial-branch=main")
    _git(folder, "config", "user.name", "A Person")
    _git(folder, "config", "user.email", "person@example.com")
    _git(folder, "add", ".")
    _git(folder, "commit", "--quiet", "-m", "Begin")
    return folder


def _git(folder: Path, *words: str) -> str:
    return subprocess.run(("git", *words), cwd=folder, check=True, capture_output=True, text=True).stdout


def _upgrade(command_line: CommandLine, *words: str | Path) -> Answer:
    """A command of the group; it takes no `--data`, which the fixture puts after every other."""
    return command_line.alone("upgrade", *map(str, words))


def test_scan_lists_every_reference_and_writes_nothing(nowhere: CommandLine, project: Path, tmp_path: Path) -> None:
    sarif, page = tmp_path / "a.sarif", tmp_path / "a.html"
    answer = _upgrade(nowhere, "scan", project, *MAP, "--json", "--sarif", sarif, "--html", page)
    assert answer.status == 0, answer.err
    found = answer.json["code"]
    told = [(each["file"], each["line"], each["rule"], each["safety"]) for each in found["references"]]
    assert told == [
        ("job.yml", 2, "U10", "D"),
        ("job.yml", 2, "U16", "A"),
        ("src/score.py", 2, "U09", "A"),
        ("src/score.py", 2, "U09", "A"),
        ("src/score.py", 3, "U18", "C"),
        ("src/score.py", 3, "U18", "A"),
        ("src/train.py", 5, "U29", "C"),
        ("src/train.py", 5, "U04", "A"),
    ]
    assert found["names"] == {"fraud": {"references": 5, "files": 3}}
    assert _git(project, "status", "--porcelain") == ""
    _check_sarif(json.loads(sarif.read_text()), project)
    _check_page(page.read_text())


def _check_sarif(document: dict, project: Path) -> None:
    (run,) = document["runs"]
    assert (document["version"], len(run["results"])) == ("2.1.0", 8)
    ids = [rule["id"] for rule in run["tool"]["driver"]["rules"]]
    prints = set()
    for result in run["results"]:
        assert ids[result["ruleIndex"]] == result["ruleId"]
        prints.add(result["partialFingerprints"]["modelyardUpgrade/v1"])
    assert len(prints) == 8
    (replacement,) = run["results"][1]["fixes"][0]["artifactChanges"][0]["replacements"]
    region = replacement["deletedRegion"]
    data = (project / "job.yml").read_bytes()
    assert data[region["byteOffset"] :][: region["byteLength"]] == b"fraud"
    assert replacement["insertedContent"]["text"] == "prod.ml.fraud"


class _Balanced(html.parser.HTMLParser):
    """Complains about tags that are not closed, and notes what is loaded from elsewhere."""

    def __init__(self) -> None:
        super().__init__()
        self.open: list[str] = []
        self.loaded: list[str] = []

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.loaded += [value or "" for name, value in attrs if name in ("src", "href")]
        if tag not in ("meta", "br"):
            self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag


def _check_page(text: str) -> None:
    parser = _Balanced()
    parser.feed(text)
    assert (parser.open, parser.loaded) == ([], [])
    assert "models:/fraud/Production" in text
    assert "<svg" in text


def test_code_is_rewritten_in_place_once(nowhere: CommandLine, project: Path) -> None:
    (project / "src" / "score.py").chmod(0o755)
    assert _upgrade(nowhere, "code", project, *MAP, "--check").status == 1
    assert _git(project, "diff", "--stat", "HEAD", "--", "src/train.py") == ""
    done = _upgrade(nowhere, "code", project, *MAP)
    assert done.status == 0, done.err
    assert 'NAME = "prod.ml.fraud"' in (project / "src" / "train.py").read_text()
    assert (project / "src" / "score.py").read_text().splitlines()[1:3] == [
        'model = mlflow.pyfunc.load_model("models:/prod.ml.fraud@champion")',
        "# TODO(upgrade U18): One version for each stage, in no order: the newest is not among them for sure.",
    ]
    assert (project / "job.yml").read_text() == "base_parameters:\n  model_uri: models:/prod.ml.fraud/3\n"
    assert (project / "src" / "score.py").stat().st_mode & 0o777 == 0o755
    before = _git(project, "diff")
    again = _upgrade(nowhere, "code", project, *MAP)
    assert "0 files change" in again.err
    assert _upgrade(nowhere, "code", project, *MAP, "--check").status == 0
    assert _git(project, "diff") == before


def test_a_branch_has_a_commit_for_each_rule_and_the_checkout_stays(nowhere: CommandLine, project: Path) -> None:
    (project / "src" / "train.py").write_text(TRAIN + "# not committed\n")
    before = _git(project, "status", "--porcelain")
    done = _upgrade(nowhere, "code", project / "src", project / "job.yml", *MAP, "--branch", "upgrade/fraud")
    assert done.status == 0, done.err
    titles = _git(project, "log", "--format=%s", "--reverse", "main..upgrade/fraud").splitlines()
    assert [title.split(":")[0] for title in titles] == ["U04", "U09", "U16", "U18", "U29"]
    assert _git(project, "log", "-1", "--format=%an", "upgrade/fraud").strip() == "A Person"
    assert 'NAME = "prod.ml.fraud"' in _git(project, "show", "upgrade/fraud:src/train.py")
    assert "models:/prod.ml.fraud/3" in _git(project, "show", "upgrade/fraud:job.yml")
    assert (_git(project, "status", "--porcelain"), _git(project, "branch", "--show-current").strip()) == (
        before,
        "main",
    )
    assert len(_git(project, "worktree", "list").splitlines()) == 1

    again = _upgrade(nowhere, "code", project, *MAP, "--branch", "upgrade/fraud")
    assert (again.status, "already" in again.err) == (1, True)
    bad = _upgrade(nowhere, "code", project, *MAP, "--branch", "a..b")
    assert (bad.status, "git check-ref-format failed" in bad.err) == (1, True)
    assert "upgrade" in _git(project, "branch", "--list", "upgrade/fraud")


def test_a_branch_needs_a_repository(nowhere: CommandLine, tmp_path: Path) -> None:
    (tmp_path / "a.py").write_text(TRAIN)
    answer = _upgrade(nowhere, "code", tmp_path / "a.py", *MAP, "--branch", "x")
    assert (answer.status, "not in a git repository" in answer.err) == (1, True)


def test_a_diff_is_told_rule_by_rule_and_can_be_applied(nowhere: CommandLine, project: Path, tmp_path: Path) -> None:
    answer = _upgrade(nowhere, "code", project, *MAP, "--diff")
    assert [line.split(":")[0] for line in answer.out.splitlines() if line.startswith("# U")] == [
        "# U04", "# U09", "# U16", "# U18", "# U29",
    ]  # fmt: skip
    assert _git(project, "status", "--porcelain") == ""
    patch = tmp_path / "a.patch"
    patch.write_text(answer.out)
    _git(project, "apply", str(patch))
    applied = _git(project, "diff")
    _git(project, "checkout", "--quiet", ".")
    _upgrade(nowhere, "code", project, *MAP)
    assert _git(project, "diff") == applied


def test_options_say_how_far_to_go(nowhere: CommandLine, project: Path) -> None:
    _upgrade(nowhere, "code", project, *MAP, "--no-comments", "--without", "U09", "--stage", "Production=live")
    text = (project / "src" / "score.py").read_text()
    assert text == SCORE.replace('get_latest_versions("fraud")', 'get_latest_versions("prod.ml.fraud")')
    for words, message in (
        (("code", project, "--map", "fraud"), "write old=new"),
        (("code", project, *MAP, "--with", "U99"), "is not a rule"),
        (("code", project), "say what models are called in the catalog"),
        (("scan", project / "missing"), "does not exist"),
        (("scan", project, "--map-file", project / "missing.yml"), "cannot be read"),
        (("code", project, "--branch", "x", "--diff"), "give one of them"),
    ):
        answer = _upgrade(nowhere, *words)
        assert (answer.status, message in answer.err) == (1, True), answer.err


def test_a_map_file(nowhere: CommandLine, project: Path, tmp_path: Path) -> None:
    (tmp_path / "plan.yml").write_text("names:\n  fraud: main.risk.fraud\nstages:\n  Production: live\n")
    _upgrade(nowhere, "code", project, "--map-file", tmp_path / "plan.yml")
    assert "models:/main.risk.fraud@live" in (project / "src" / "score.py").read_text()


def test_rules_are_listed(nowhere: CommandLine) -> None:
    listed = _upgrade(nowhere, "rules", "--json").json
    assert [rule["rule"] for rule in listed] == [f"U{number:02}" for number in range(1, 44)]
    assert [rule["rule"] for rule in listed if rule["opt_in"]] == ["U30", "U43"]


def test_without_its_libraries_it_says_what_to_install(
    nowhere: CommandLine, project: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("modelyard.cli.upgrade_plan.find_spec", lambda _: None)
    answer = _upgrade(nowhere, "scan", project)
    assert (answer.status, 'pip install "modelyard[upgrade]"' in answer.err) == (1, True)
