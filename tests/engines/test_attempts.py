"""Attempts at tasks: scripts that run once, whatever happens around them, and leave a true result."""

from __future__ import annotations

import os
import shutil
import signal
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from modelyard.engines.attempts import Brief, Stage, Trouble, Work
from modelyard.engines.local.trouble import Trouble as Obstacle
from modelyard.errors import Denied, Invalid, NotFound, Unavailable
from tests.engines.attempts import HOME, Yard, gone, processes, starter
from tests.wheels import wheel

OWN_VIEW = pytest.mark.skipif(
    os.geteuid() != 0 or not shutil.which("bwrap") or not shutil.which("setpriv"),
    reason="it takes root, bubblewrap and setpriv",
)


@pytest.fixture(scope="module")
def yard(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    yard = Yard(tmp_path_factory.mktemp("yard") / "d")
    yield yard
    yard.close()


@pytest.fixture
def own(tmp_path: Path) -> Iterator[Yard]:
    """One that a test can break."""
    yard = Yard(tmp_path / "d")
    yield yard
    yard.close()


def test_a_script_runs_where_it_is_with_its_arguments_and_its_neighbours(yard: Yard) -> None:
    code = "import sys, os, helper\nprint(sys.argv, os.getcwd(), helper.ANSWER, __name__, __file__)"
    files = yard.files(helper_dot_py="ANSWER = 42")
    attempt = yard.script("plain", code, "--date", "today", files=files)
    look = yard.ended(attempt)
    assert look.outcome
    assert look.outcome.trouble is None, (look, yard.log(attempt))
    path = f"{HOME}/main.py"
    assert yard.log(attempt) == f"['{path}', '--date', 'today'] {HOME} 42 __main__ {path}\n"
    assert 0 < look.began_at <= look.ended_at <= time.time() * 1000


@pytest.mark.parametrize(
    ("code", "error"),
    [
        ("def f():\n    raise ValueError('no good')\nf()", "ValueError: no good"),
        ("import sys; sys.exit('leaving')", "SystemExit: leaving"),
        ("import sys; sys.exit(3)", "SystemExit: 3"),
        ("import os; os._exit(9)", "Its process ended with status 9."),
        ("import os; os.kill(os.getpid(), 11)", "Its process was ended by SIGSEGV."),
        ("def broken(:", "SyntaxError: invalid syntax"),
    ],
)
def test_a_script_that_fails_says_why(yard: Yard, code: str, error: str) -> None:
    attempt = yard.script(f"fails-{abs(hash(code))}", code)
    outcome = yard.ended(attempt).outcome
    assert outcome
    assert outcome.trouble is Trouble.RAISED
    assert error in outcome.error
    if error.startswith("ValueError"):
        assert outcome.trace.splitlines()[1:3] == [f'  File "{HOME}/main.py", line 3, in <module>', "    f()"]
        assert "raise ValueError('no good')" in yard.log(attempt)
        assert "begin.py" not in outcome.trace


def test_a_script_that_ends_itself_with_zero_is_well(yard: Yard) -> None:
    outcome = yard.ended(yard.script("zero", "import sys; print('all done'); sys.exit(0)")).outcome
    assert outcome
    assert outcome.trouble is None


def test_what_a_script_defines_can_be_pickled_in_processes_of_its_own(yard: Yard) -> None:
    code = (
        "import multiprocessing as m\n"
        "def double(x): return 2 * x\n"
        "if __name__ == '__main__':\n"
        "    with m.get_context('spawn').Pool(1) as pool:\n"
        "        print(pool.map(double, [21]))\n"
    )
    attempt = yard.script("pool", code)
    outcome = yard.ended(attempt).outcome
    assert outcome
    assert outcome.trouble is None, yard.log(attempt)
    assert "[42]" in yard.log(attempt)


def test_nobody_learns_a_secret_from_what_is_printed(yard: Yard) -> None:
    variables = {"DATABRICKS_TOKEN": "dapi-very-secret", "DATABRICKS_HOST": "http://127.0.0.1:1", "MODE": "plain-mode"}
    code = (
        "import os, sys\n"
        "print(os.environ['DATABRICKS_TOKEN'], os.environ['MODE'])\n"
        "sys.stdout.write(os.environ['DATABRICKS_TOKEN'][:7]); sys.stdout.flush()\n"
        "print(os.environ['DATABRICKS_TOKEN'][7:])\n"
        "raise ValueError(os.environ['DATABRICKS_TOKEN'])"
    )
    attempt = yard.script("secret", code, variables=variables)
    outcome = yard.ended(attempt).outcome
    assert outcome
    assert outcome.error == "ValueError: ******"
    assert yard.log(attempt).startswith("****** plain-mode\n******\n")
    left = [each for each in (yard.folder / "run" / "tasks" / "attempts" / attempt).iterdir() if each.is_file()]
    assert left
    assert not [each for each in left if b"very-secret" in each.read_bytes()]


def test_what_is_missing_or_forbidden_is_told_and_nothing_is_run(yard: Yard) -> None:
    path = f"{HOME}/none.py"
    yard.briefs["no-file"] = Brief(Work.SCRIPT, path)
    yard.executor.start("no-file")
    outcome = yard.ended("no-file").outcome
    assert outcome
    assert outcome.trouble is Trouble.NO_CODE
    assert outcome.error == f"There is no script {path}."
    yard.briefs["denied"] = Denied("ann may not run code any more.")
    yard.briefs["wrong"] = Invalid("a parameter has no value.")
    yard.briefs["gone"] = NotFound("Path (/Users/ann/train.py) doesn't exist.")
    yard.briefs["no-branch"] = Obstacle("there is no branch 'other'.")
    yard.briefs["away"] = Unavailable("the database is away.")
    for attempt, trouble in (
        ("denied", Trouble.NOT_ALLOWED),
        ("wrong", Trouble.MISCONFIGURED),
        ("gone", Trouble.NO_CODE),
        ("no-branch", Trouble.NO_CHECKOUT),
        ("away", Trouble.LOST),
    ):
        yard.executor.start(attempt)
        look = yard.ended(attempt)
        assert look.outcome
        assert look.outcome.trouble is trouble
        assert look.began_at == 0
    with pytest.raises(Invalid):
        yard.executor.look("../../etc")


def test_what_was_not_started_is_absent_and_stays_so_once_it_is_cancelled(yard: Yard) -> None:
    assert yard.executor.look("never").stage is Stage.ABSENT
    yard.executor.cancel("never")
    yard.script("never", "print('no')")
    look = yard.ended("never")
    assert look.outcome
    assert look.outcome.trouble is Trouble.CANCELED
    assert yard.log("never") == ""


# Ends


HANG = "import time\nprint('begun', flush=True)\ntime.sleep(600)"
STUBBORN = f"import signal\nsignal.signal(signal.SIGTERM, lambda *_: print('no', flush=True))\n{HANG}\ntime.sleep(600)"
DAEMONS = """
import os, subprocess, sys, time
for _ in range(3):
    if os.fork() == 0:
        os.setsid()
        if os.fork() == 0:
            time.sleep(600)
        os._exit(0)
subprocess.Popen([sys.executable, "-c", "import time; time.sleep(600)"], start_new_session=True)
print("begun", flush=True)
time.sleep(600)
"""


@pytest.mark.parametrize(("name", "code"), [("hang", HANG), ("stubborn", STUBBORN), ("daemons", DAEMONS)])
def test_whatever_is_cancelled_ends_with_all_that_it_has_started(yard: Yard, name: str, code: str) -> None:
    marker = f"mark-{name}-{os.urandom(4).hex()}"
    attempt = yard.script(name, code, variables={"MARK": marker})
    yard.said_by(attempt, "begun")
    assert processes(marker)
    yard.executor.cancel(attempt)
    yard.executor.cancel(attempt)
    look = yard.ended(attempt)
    assert look.outcome
    assert look.outcome.trouble is Trouble.CANCELED
    gone(marker)


def test_who_is_asked_to_end_may_tidy_up(yard: Yard) -> None:
    code = f"import signal, sys\nsignal.signal(signal.SIGTERM, lambda *_: (print('tidied'), sys.exit(0)))\n{HANG}"
    attempt = yard.script("tidy", code)
    yard.said_by(attempt, "begun")
    yard.executor.cancel(attempt)
    look = yard.ended(attempt)
    assert "tidied" in yard.log(attempt)
    assert look.outcome
    assert look.outcome.trouble is Trouble.CANCELED


def test_what_takes_too_long_is_ended(yard: Yard) -> None:
    marker = f"mark-{os.urandom(4).hex()}"
    look = yard.ended(yard.script("slow", STUBBORN, seconds=2, variables={"MARK": marker}))
    assert look.outcome
    assert look.outcome.trouble is Trouble.TIMED_OUT
    assert "within 2 seconds" in look.outcome.error
    gone(marker)


def test_what_a_script_leaves_running_ends_with_it(yard: Yard) -> None:
    marker = f"mark-{os.urandom(4).hex()}"
    look = yard.ended(yard.script("leaves", DAEMONS.removesuffix("time.sleep(600)\n"), variables={"MARK": marker}))
    assert look.outcome
    assert look.outcome.trouble is None
    gone(marker)


def test_what_takes_more_memory_than_it_may_fails_alone(tmp_path: Path) -> None:
    small = Yard(tmp_path / "d", {"jobs_memory": 512 << 20})
    code = "kept = bytearray(64 << 20)\nprint('so much is fine', flush=True)\nmore = bytearray(1 << 30)"
    try:
        outcome = small.ended(small.script("greedy", code)).outcome
        assert outcome
        assert (outcome.trouble, outcome.error) == (Trouble.RAISED, "MemoryError")
        assert small.log("greedy").startswith("so much is fine\n")
        after = small.ended(small.script("modest", "print('well')")).outcome
        assert after
        assert after.trouble is None
    finally:
        small.close()


def test_a_log_without_end_does_not_fill_the_disk(yard: Yard) -> None:
    code = (
        "import sys\n"
        "print('the very begin')\n"
        "for number in range(300_000):\n"
        "    print(number, 'x' * 90)\n"
        "print('the very end')\n"
    )
    attempt = yard.script("flood", code)
    outcome = yard.ended(attempt).outcome
    assert outcome
    assert outcome.trouble is None
    text = yard.log(attempt)
    assert text.startswith("the very begin\n0 xxx")
    assert text.endswith("the very end\n")
    assert "bytes are left out here" in text
    assert 7 << 20 < len(text) < (7 << 20) + 4096
    begin = yard.executor.log(attempt, 0, 100)
    assert begin + yard.executor.log(attempt, 100, 50) == text[:150].encode()


# What dies


def test_an_attempt_outlives_the_server_that_has_started_it(own: Yard) -> None:
    attempt = own.script("long", "import time\nprint('begun', flush=True)\ntime.sleep(3)\nprint('done')")
    own.said_by(attempt, "begun")
    own.restart()
    assert own.executor.look(attempt).stage is Stage.RUNNING
    own.executor.start(attempt)
    look = own.ended(attempt)
    assert look.outcome
    assert look.outcome.trouble is None
    assert own.log(attempt) == "begun\ndone\n"
    own.executor.forget([attempt])
    assert own.executor.look(attempt).stage is Stage.ABSENT


def test_the_starter_is_killed_while_it_asks_what_to_run(own: Yard) -> None:
    with starter(own.folder, "one", "print('once')", dies_when="asked") as process:
        assert process.wait(60) == -signal.SIGKILL
    assert own.executor.look("one").stage is Stage.ABSENT
    own.script("one", "print('once')")
    assert own.ended("one").outcome
    assert own.log("one") == "once\n"


@pytest.mark.parametrize("pause", [0.0, 0.1, 0.2, 0.4, 0.8])
def test_the_starter_is_killed_at_some_moment_and_the_code_runs_once(own: Yard, pause: float) -> None:
    """Whenever it dies, the next one starts what was not, adopts what was, and never does either twice."""
    code = "import os, time\nprint('once', flush=True)\ntime.sleep(1)"
    with starter(own.folder, "one", code) as process:
        assert process.stdout
        process.stdout.readline()
        time.sleep(pause)
        process.kill()
    own.script("one", code)
    other = own.another()
    other.start("one")
    look = own.ended("one")
    other.close()
    assert look.outcome
    assert look.outcome.trouble is None
    assert own.log("one") == "once\n"


def test_two_processes_start_the_same_attempt_at_once(own: Yard) -> None:
    others = [own.another() for _ in range(3)]
    for number in range(3):
        attempt = own.script(f"both-{number}", "import time\nprint('once')\ntime.sleep(0.3)")
        for each in others:
            each.start(attempt)
        assert own.ended(attempt).outcome
        assert own.log(attempt) == "once\n"
    for each in others:
        each.close()


@OWN_VIEW
def test_an_attempt_whose_supervisor_is_killed_is_lost_and_nothing_of_it_goes_on(tmp_path: Path) -> None:
    own = Yard(tmp_path / "d", {"shared_user": False})
    marker = f"mark-{os.urandom(4).hex()}"
    attempt = own.script("lost", DAEMONS, variables={"MARK": marker})
    own.said_by(attempt, "begun")
    claim = (own.folder / "run" / "tasks" / "attempts" / attempt / "claim").read_text()
    os.kill(int(claim.split(":")[1].split(",")[0]), signal.SIGKILL)
    look = own.ended(attempt)
    assert look.stage is Stage.LOST
    assert look.began_at
    gone(marker)
    own.executor.start(attempt)
    assert own.executor.look(attempt).stage is Stage.LOST
    own.close()


def test_no_more_attempts_run_at_once_than_may(tmp_path: Path) -> None:
    own = Yard(tmp_path / "d", {"jobs_at_once": 2})
    code = "import time\nprint('begun', flush=True)\ntime.sleep(1)"
    attempts = [own.script(f"many-{number}", code) for number in range(5)]
    most = 0
    while any(own.executor.look(each).stage is not Stage.ENDED for each in attempts):
        most = max(most, sum(own.executor.look(each).stage is Stage.RUNNING for each in attempts))
        time.sleep(0.05)
    assert most == 2
    own.close()


# What code can reach


@OWN_VIEW
def test_a_task_sees_its_own_files_and_nothing_of_the_server(tmp_path: Path) -> None:
    own = Yard(tmp_path / "d", {"shared_user": False})
    (own.folder).mkdir(mode=0o700)
    (own.folder / "modelyard.db").write_text("all secrets")
    (own.folder / "modelyard.db").chmod(0o644)
    code = f"""
import os, socket
folder = {str(own.folder)!r}
print("id", os.getresuid()[0], os.getgroups())
print("data", sorted(os.listdir(folder)), sorted(os.listdir(folder + "/run/tasks")))
print("attempts", os.listdir(folder + "/run/tasks/attempts"))
for path in ("/modelyard.db", "/admin-token"):
    print("file", os.path.exists(folder + path))
print("code", sorted(os.listdir("{HOME}")))
open("{HOME}/written", "w").write("fine")
print("variables", sorted(name for name in os.environ if name.startswith("MODELYARD")))
for path in ("/x", "/usr/x", folder + "/x"):
    try:
        open(path, "w")
    except OSError as error:
        print("refused")
try:
    os.kill({os.getpid()}, 0)
except OSError as error:
    print("kill", type(error).__name__)
socket.create_server(("127.0.0.1", 0))
print("home", os.environ["HOME"])
"""
    first = own.script("first", code, files=own.files(other_dot_txt="x"))
    own.ended(first)
    told = own.log(first)
    uid = int(told.split()[1])
    assert own.executor.confinement == "a user and a view of the files of its own"
    assert 64_700 < uid < 65_200
    assert "data ['run'] ['attempts', 'launcher.py', 'program-" in told
    assert "attempts ['first']" in told
    assert "file False\nfile False\n" in told
    assert "code ['main.py', 'other.txt']" in told
    assert "variables ['MODELYARD_TASK']" in told
    assert told.count("refused") == 3
    assert "kill ProcessLookupError" in told
    assert "home /tmp\n" in told
    own.close()


# Environments


@pytest.fixture(scope="module")
def builder(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Yard]:
    """One that builds environments from a folder of wheels, and from nowhere else."""
    place = tmp_path_factory.mktemp("builder")
    for name in ("links", "index"):
        (place / name).mkdir()
    for name in ("tinyone", "tinybase"):
        (place / "links" / f"{name}-1.0-py3-none-any.whl").write_bytes(wheel(name, f"ANSWER = '{name} is here'\n"))
    said = {"jobs_env": "isolated", "jobs_packages": ("tinybase",), "shared_user": False}
    where = {"package_find_links": str(place / "links"), "package_index": (place / "index").as_uri()}
    yard = Yard(place / "d", {**said, **where})
    yield yard
    yard.close()


def test_the_environment_has_what_the_task_asks_for_and_what_every_task_has(builder: Yard) -> None:
    files = builder.files(lib__requirements_dot_txt="# packages\ntinyone==1.0\n")
    code = "import tinyone, tinybase\nprint(tinyone.ANSWER, tinybase.ANSWER)"
    asked = (f"-r {HOME}/lib/requirements.txt",)
    built = builder.folder / "run" / "tasks" / "envs"
    before = len(list(built.glob("*.json")))
    for attempt in ("env-first", "env-again"):
        builder.script(attempt, code, files=files, requirements=asked)
        assert builder.ended(attempt).outcome
        assert builder.log(attempt) == "tinyone is here tinybase is here\n"
    assert len(list(built.glob("*.json"))) == before + 1


def test_a_wheel_of_the_workspace_is_installed_and_its_entry_point_runs(builder: Yard) -> None:
    code = "import sys\ndef run(): print('run', sys.argv)\ndef other(): print('other'); return 3\n"
    path = f"{HOME}/dist/mine-1.0-py3-none-any.whl"
    files = builder.file(path, wheel("mine", code, "go = mine:run"))
    for attempt, entry, trouble in (("wheel", "go", None), ("function", "other", Trouble.RAISED)):
        builder.briefs[attempt] = Brief(
            Work.WHEEL, "mine", entry, ("--x",), {"date": "today"}, files=files, requirements=(path,)
        )
        builder.executor.start(attempt)
        outcome = builder.ended(attempt).outcome
        assert outcome
        assert outcome.trouble is trouble, builder.log(attempt)
    assert builder.log("wheel") == "run ['go', '--x', '--date=today']\n"
    assert builder.log("function") == "other\n"
    builder.briefs["nothing"] = Brief(Work.WHEEL, "mine", "nope", files=files, requirements=(path,))
    builder.executor.start("nothing")
    outcome = builder.ended("nothing").outcome
    assert outcome
    assert outcome.trouble is Trouble.NO_CODE
    assert "no entry point 'nope'" in outcome.error


@pytest.mark.parametrize(
    ("line", "words"),
    [
        ("nosuchpackage==9", "could not be built"),
        ("-i https://elsewhere.example", "is refused"),
        ("git+https://github.com/x/y", "is refused"),
        ("-r /etc/passwd", "no requirements file"),
        ("/etc/x-1.0-py3-none-any.whl", "no wheel"),
        (f"-r {HOME}/../../../etc/passwd", "no requirements file"),
    ],
)
def test_what_cannot_or_may_not_be_installed_is_told(builder: Yard, line: str, words: str) -> None:
    attempt = builder.script(f"bad-{abs(hash(line))}", "print('no')", requirements=(line,))
    outcome = builder.ended(attempt).outcome
    assert outcome
    assert outcome.trouble is Trouble.NO_ENVIRONMENT
    assert words in outcome.error
