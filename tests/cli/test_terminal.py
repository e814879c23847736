"""The command line as a process: what it loads, its help, and how it behaves in a terminal."""

from __future__ import annotations

import contextlib
import json
import os
import pty
import subprocess
import sys
from pathlib import Path

import pytest
from typer.main import get_command

from modelyard.cli import output
from modelyard.cli.main import app
from tests.support import Server, clean_environment

HEAVY = ("mlflow", "pandas", "sklearn", "sqlalchemy", "uvicorn")
GROUPS = (
    "catalogs", "schemas", "models", "versions", "aliases", "prompts", "grants", "principals", "token", "audit",
)  # fmt: skip


def run(*words: str, **variables: str) -> subprocess.CompletedProcess[str]:
    command = [sys.executable, "-m", "modelyard", *words]
    environment = clean_environment(**variables)
    return subprocess.run(command, env=environment, capture_output=True, text=True, check=False)


def in_terminal(*words: str, said: str = "", **variables: str) -> tuple[int, str]:
    """Status and screen of a command that runs in a terminal, in which somebody types."""
    ours, theirs = pty.openpty()
    command = [sys.executable, "-m", "modelyard", *words]
    environment = clean_environment(TERM="xterm-256color", **variables)
    process = subprocess.Popen(command, env=environment, stdin=theirs, stdout=theirs, stderr=theirs)
    os.close(theirs)
    os.write(ours, said.encode())
    seen = b""
    with contextlib.suppress(OSError):  # Linux says so when the other side is closed
        while piece := os.read(ours, 65_536):
            seen += piece
    os.close(ours)
    return process.wait(30), seen.decode()


def test_the_command_line_is_light() -> None:
    script = f"import sys, modelyard.cli; print([name for name in {HEAVY} if name in sys.modules])"
    loaded = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True)
    assert loaded.stdout == "[]\n"


def test_help_loads_nothing_heavy() -> None:
    script = (
        "import sys, runpy\n"
        "sys.argv = ['modelyard', '--help']\n"
        "try: runpy.run_module('modelyard', run_name='__main__')\n"
        f"except SystemExit: print('LOADED', [name for name in {HEAVY} if name in sys.modules])"
    )
    said = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, check=True).stdout
    assert said.endswith("LOADED []\n")
    assert all(name in said for name in GROUPS)


def _commands() -> list[tuple[str, str]]:
    root = get_command(app)
    groups = {name: getattr(root, "commands")[name].commands for name in GROUPS}  # noqa: B009  a class of click's
    return [(group, verb) for group, verbs in groups.items() for verb in verbs]


@pytest.mark.parametrize("words", _commands())
def test_the_help_of_every_command_has_an_example_of_it(words: tuple[str, str]) -> None:
    group, verb = words
    command = getattr(get_command(app), "commands")[group].commands[verb]  # noqa: B009  a class of click's
    if words != ("token", "recover"):
        assert f"`modelyard {group} {verb}" in command.help


def test_commands_are_pipes_for_machines(sqlite_server: Server) -> None:
    there = ("--data", str(sqlite_server.data))
    made = run("catalogs", "create", "prod", "--comment", "ü\n“x”", *there, "--json")
    assert (made.returncode, made.stderr, json.loads(made.stdout)["comment"]) == (0, "", "ü\n“x”")
    long = "x" * 200
    run("catalogs", "set", "prod", "--comment", long, *there)
    listed = run("catalogs", "list", *there).stdout
    assert long in listed
    assert "\x1b" not in listed
    refused = run("catalogs", "create", "prod", *there)
    assert (refused.returncode, refused.stdout, refused.stderr.count("\n")) == (1, "", 1)
    assert refused.stderr.startswith("error: ")
    assert run("catalogs", "list", "--what", *there).returncode == 2
    assert run("catalogs").returncode == 2
    asked = run("catalogs", "delete", "prod", *there)
    assert (asked.returncode, asked.stderr) == (0, "Deleted the catalog prod.\n")


def test_a_terminal_has_colours_and_questions(sqlite_server: Server) -> None:
    variables = sqlite_server.environment()
    run("catalogs", "create", "prod", **variables)
    status, seen = in_terminal("catalogs", "list", **variables)
    assert (status, "\x1b[36m" in seen, "prod" in seen) == (0, True, True)

    status, seen = in_terminal("catalogs", "delete", "prod", said="n\n", **variables)
    assert (status, "Delete the catalog prod?" in seen) == (1, True)
    assert run("catalogs", "get", "prod", **variables).returncode == 0

    status, seen = in_terminal("catalogs", "delete", "prod", "--yes", **variables)
    assert (status, "[y/N]" in seen) == (0, False)
    status, seen = in_terminal("catalogs", "get", "prod", **variables)
    assert (status, "\x1b[1;31merror: " in seen) == (1, True)

    run("catalogs", "create", "prod", **variables)
    assert in_terminal("catalogs", "delete", "prod", said="y\n", **variables)[0] == 0


def test_what_others_wrote_does_not_steer_the_terminal(capsys: pytest.CaptureFixture[str]) -> None:
    evil = "\x1b]0;title\x07\x9b2J[bold]\u202e"
    output.show([{"name": evil, "tags": [{"key": evil, "value": ""}]}], as_json=False, columns=("name", "tags"))
    output.show({"name": evil}, as_json=False, columns=("name",))
    output.say(evil)
    output.fail(evil)
    seen = "".join(capsys.readouterr())
    assert seen.count("[bold]") == 5
    assert not set(seen) & set("\x1b\x07\x9b\u202e")


def test_each_token_goes_to_its_own_server_and_a_folder_that_is_named_wins(sqlite_server: Server) -> None:
    usual = {"MODELYARD_DATA": str(sqlite_server.data)}
    away = run("catalogs", "list", **usual, DATABRICKS_HOST="http://127.0.0.1:9")
    assert (away.returncode, "no token for this server is known" in away.stderr) == (1, True)
    assert run("catalogs", "list", **usual, DATABRICKS_HOST=sqlite_server.url + "/").returncode == 0
    there = ("--data", str(sqlite_server.data))
    elsewhere = {"DATABRICKS_HOST": "http://127.0.0.1:9", "DATABRICKS_TOKEN": "another server's"}
    assert run("catalogs", "list", *there, **elsewhere).returncode == 0
    wrong = run("catalogs", "list", *there, DATABRICKS_TOKEN="nobody's")
    assert (wrong.returncode, "unknown, expired or revoked" in wrong.stderr) == (1, True)


def test_a_server_that_is_not_there_is_told_in_one_sentence(tmp_path: Path) -> None:
    away = run("catalogs", "list", DATABRICKS_HOST="http://127.0.0.1:9", DATABRICKS_TOKEN="x")
    assert (away.returncode, away.stderr.count("\n")) == (1, 1)
    assert "does not answer" in away.stderr
    none = run("catalogs", "list", "--data", str(tmp_path))
    assert (none.returncode, "no server is known" in none.stderr) == (1, True)
    (tmp_path / "address").write_text("http://127.0.0.1:9")
    restored = run("catalogs", "list", "--data", str(tmp_path))
    assert (restored.returncode, "modelyard token recover" in restored.stderr) == (1, True)
    wrong = run("catalogs", "list", DATABRICKS_HOST="http://a:b", DATABRICKS_TOKEN="x")
    assert (wrong.returncode, "no address" in wrong.stderr) == (1, True)


def test_times_are_those_of_this_place() -> None:
    assert output.moment(-1) == "never"
    assert len(output.moment(1_700_000_000_000)) == len("2023-11-14 22:13")
