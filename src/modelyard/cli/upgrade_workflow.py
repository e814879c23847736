"""`modelyard upgrade workflow`: a job cloned, its code rewritten, both run, and what they give compared."""

from __future__ import annotations

import base64
import json
import tempfile
import uuid
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import TYPE_CHECKING, Annotated, Any, Final
from urllib.parse import quote

import typer

from modelyard.cli import job_sources, jobs, upgrade_compare
from modelyard.cli.client import OURS, Client
from modelyard.cli.endpoints import part
from modelyard.cli.options import AsJson, Server
from modelyard.cli.output import say, show
from modelyard.cli.upgrade_plan import MapFile, Maps, planned, ready
from modelyard.errors import Invalid, WrongState

if TYPE_CHECKING:
    from collections.abc import Iterator

    from modelyard.upgrade.engine import Outcome
    from modelyard.upgrade.plan import Plan

_API: Final = "/api/2.2/jobs"
_WORKSPACE: Final = "/api/2.0/workspace"
_NOTEBOOK: Final = "NOTEBOOK"
_SUCCESS: Final = "SUCCESS"
_FOR_PEOPLE: Final = frozenset({"C", "D"})
"""The classes of changes that a person decides on."""
_STEPS: Final = ("step", "result")


@dataclass(frozen=True, slots=True)
class Code:
    """Where the clone's code is: a folder of the workspace that it is copied to, or a branch of its repository."""

    folder: str = ""
    branch: str = ""


@dataclass(frozen=True, slots=True)
class _Text:
    """A notebook or file of the workspace, as it is kept there."""

    path: str
    type: str
    language: str
    is_large: bool
    """Whether nobody has written it by hand: it is not looked into."""

    def local(self, content: bytes) -> str:
        """A name by which the rules know what it is."""
        suffix = job_sources.suffix_of(content) if self.type == _NOTEBOOK else ""
        return f"{self.path.lstrip('/')}{suffix}"

    def form(self, content: bytes) -> dict[str, str]:
        """In which format it is imported, so that it stays what it is."""
        if self.type != _NOTEBOOK:
            return {"format": "RAW"}
        if job_sources.is_jupyter(content):
            return {"format": "JUPYTER"}
        return {"format": "SOURCE", "language": self.language}


def upgraded(server: Client, job: str, name: str, code: Code, plan: Plan) -> dict[str, Any]:
    """Clone a job for the catalog and rewrite the copy of its code; what was done, and what is left to people.

    Asked again, it goes on with the clone that is there.
    """
    old = jobs.number_of(server, job)
    made = _there(server, old, name, code) or _cloned(server, old, name, code, plan)
    if code.branch:
        return {**made, "rewritten": [], "left": [_in_git(code.branch)]}
    outcome, paths, large = _rewritten(server, code.folder, plan)
    changed = [{"path": paths[each.name], "rules": sorted(each.edits)} for each in outcome.changes]
    return {**made, "rewritten": changed, "left": [*_left(outcome, paths), *map(_unread, large)]}


def _there(server: Client, old: int, name: str, code: Code) -> dict[str, Any] | None:
    """The clone that an earlier try has made: another job, of this name, whose code is where it was to be.

    The old job's code must not be there, too, for what is there is rewritten.
    """
    found = server.all(f"{_API}/list", "jobs", name=name)
    if not found:
        return None
    if len(found) > 1 or found[0]["job_id"] == old or not _is_at(server, found[0]["job_id"], code):
        raise Invalid(f"there is a job {name} already, which is none of this way; choose another --name.")
    if code.folder and _is_at(server, old, code):
        raise Invalid(f"the old job's code is in {code.folder}; name another folder with --copy-notebooks.")
    return {"job_id": found[0]["job_id"], "report": {}, "was_there": True}


def _is_at(server: Client, job: int, code: Code) -> bool:
    """Whether the code of a job is in the folder, or comes from the branch."""
    settings = server.ask("GET", f"{_API}/get", job_id=job)["settings"]
    if code.branch:
        return part(settings, "git_source").get("git_branch") == code.branch
    return f"{code.folder}/" in json.dumps(settings)


def _cloned(server: Client, number: int, name: str, code: Code, plan: Plan) -> dict[str, Any]:
    copied = {"git_branch": code.branch or None, "copy_notebooks": code.folder or None}
    return server.ask("POST", f"{OURS}/jobs/{number}/clone", name=name, **copied, model_names=dict(plan.names) or None)


def _rewritten(server: Client, folder: str, plan: Plan) -> tuple[Outcome, dict[str, str], list[str]]:
    """Rewrite the code in a folder of the workspace by the rules that are sure.

    Also its paths, by local names; and those of files that are too large to be looked into.
    """
    # tree-sitter is an extra, and the other commands start without it.
    from modelyard.upgrade import engine, walk  # noqa: PLC0415

    found = list(_texts(server, folder))
    with tempfile.TemporaryDirectory(prefix="modelyard-workflow-") as room:
        texts = dict(_fetched(server, found, Path(room)))
        outcome = engine.run(walk.files([Path(room)]), plan, engine.Options())
    for change in outcome.changes:
        text = texts[change.name]
        content = base64.b64encode(change.after).decode()
        told = {"path": text.path, "content": content, "overwrite": True, **text.form(change.before)}
        server.ask("POST", f"{_WORKSPACE}/import", **told)
    paths = {local: text.path for local, text in texts.items()}
    return outcome, paths, [text.path for text in found if text.is_large]


def _fetched(server: Client, texts: list[_Text], room: Path) -> Iterator[tuple[str, _Text]]:
    for text in texts:
        if text.is_large:
            continue
        content = b"".join(server.pieces(f"{OURS}/workspace-files/{quote(text.path.lstrip('/'))}"))
        there = room / text.local(content)
        if ".." in PurePosixPath(text.path).parts:
            raise Invalid(f"the server names a file that is in no folder: {text.path}.")
        there.parent.mkdir(parents=True, exist_ok=True)
        there.write_bytes(content)
        yield text.local(content), text


def _texts(server: Client, folder: str) -> Iterator[_Text]:
    for each in server.ask("GET", f"{_WORKSPACE}/list", path=folder).get("objects", []):
        if each["object_type"] == "DIRECTORY":
            yield from _texts(server, each["path"])
        else:
            is_large = each.get("size", 0) > job_sources.MOST_BYTES
            yield _Text(each["path"], each["object_type"], each.get("language", ""), is_large)


def _left(outcome: Outcome, paths: dict[str, str]) -> list[dict[str, str]]:
    """What nobody may change without a person."""
    told = [
        {
            "place": f"{paths[each.finding.document]}:{each.place.line}",
            "text": each.line.strip(),
            "advice": f"{each.finding.message.rstrip('.')} ({each.finding.rule})",
        }
        for each in outcome.references
        if not each.is_changed and each.finding.safety in _FOR_PEOPLE
    ]
    troubles = ((paths.get(each.name, each.name), each.message) for each in outcome.troubles)
    return told + [{"place": place, "text": "", "advice": message} for place, message in troubles]


def _unread(path: str) -> dict[str, str]:
    advice = f"it was not looked into: it has more than {job_sources.MOST_BYTES} bytes"
    return {"place": path, "text": "", "advice": advice}


def _in_git(branch: str) -> dict[str, str]:
    advice = f"rewrite it in a checkout: `modelyard upgrade code . --branch {branch}`, then push"
    return {"place": f"branch {branch}", "text": "code in git", "advice": advice}


# Running both


def run_both(server: Client, old: int, new: int, seconds: int) -> dict[str, str]:
    """Run the old job and the new one, and wait for both; how each has ended."""
    started = {
        name: server.ask("POST", f"{_API}/run-now", job_id=number, idempotency_token=uuid.uuid4().hex)["run_id"]
        for name, number in (("old", old), ("new", new))
    }
    return {name: jobs.ended(server, run, seconds)["state"].get("result_state", "") for name, run in started.items()}


def workflow(  # noqa: PLR0913, PLR0917  each is an option of the command
    job: jobs.JobId,
    server: Server,
    name: Annotated[str, typer.Option(help="The name of the new job.")],
    copy_notebooks: Annotated[
        str, typer.Option(metavar="DIR", help="Copy its code in the workspace to this folder, and rewrite it there.")
    ] = "",
    git_branch: Annotated[
        str, typer.Option(metavar="BRANCH", help="Or take its code from this branch, which `upgrade code` has made.")
    ] = "",
    maps: Maps = None,
    map_file: MapFile = None,
    run: Annotated[bool, typer.Option("--run", help="Run the old job and the new one, and wait.")] = False,
    compare: Annotated[
        tuple[str, str] | None,
        typer.Option(metavar="OLD NEW", help="Then compare these outputs of theirs (with --run)."),
    ] = None,
    key: Annotated[
        list[str] | None, typer.Option(metavar="COLUMN", help="By which their rows belong together; may be repeated.")
    ] = None,
    timeout: jobs.Patience = 3_600,
    as_json: AsJson = False,
) -> None:
    """Take a job into the catalog beside the old one: cloned, its code rewritten, both run, and compared.

    The old job stays as it is. What a person has to decide is listed; status 1 says that something is not ready.

    Example: `modelyard upgrade workflow nightly --name nightly-uc --copy-notebooks /Shared/nightly-uc
    --map fraud=prod.ml.fraud --run --compare old-scores new-scores --key customer`
    """
    ready()
    if bool(copy_notebooks) == bool(git_branch):
        raise Invalid("say where the new code is: --copy-notebooks DIR, or --git-branch BRANCH.")
    if compare and not (run and key):
        raise Invalid("--compare needs --run, and --key by which rows belong together.")
    code = Code(copy_notebooks.rstrip("/").removeprefix("/Workspace"), git_branch)
    plan = planned(maps, map_file, "", None, "databricks-uc")
    found = upgraded(server, job, name, code, plan)
    may_run = run and not found["report"].get("missing_privileges")
    found["runs"] = run_both(server, jobs.number_of(server, job), found["job_id"], timeout) if may_run else {}
    if compare and all(result == _SUCCESS for result in found["runs"].values()) and may_run:
        found["verdict"] = upgrade_compare.judged(list(compare), key or [], server)
    _tell(found, as_json=as_json)
    _judge(found)


def _tell(found: dict[str, Any], *, as_json: bool) -> None:
    if as_json:
        show(found, as_json=True, columns=())
        return
    made = "went on with" if found.get("was_there") else "cloned as"
    rules = sorted({rule for each in found["rewritten"] for rule in each["rules"]})
    steps = [{"step": "job", "result": f"{made} {found['job_id']}"}]
    if rules:
        steps.append({"step": "code", "result": f"{len(found['rewritten'])} files rewritten ({', '.join(rules)})"})
    steps += [{"step": f"{name} run", "result": result} for name, result in found["runs"].items()]
    if verdict := found.get("verdict"):
        steps.append({"step": "outputs", "result": verdict["verdict"]})
    show(steps, as_json=False, columns=_STEPS)
    for each in found["left"]:
        say(f"{each['place']}: {each['text']}: {each['advice']}.")
    if not found["report"]:
        say("What the clone's principal lacks was told when it was cloned.")
        return
    for line in jobs.report_lines({"source_findings": (), **found["report"]}):
        say(line)


def _judge(found: dict[str, Any]) -> None:
    """`WrongState` where the next step must not be taken."""
    if missing := found["report"].get("missing_privileges"):
        raise WrongState(f"the new job may not do {len(missing)} things that it has to: grant them, and ask again.")
    if bad := {name: result for name, result in found["runs"].items() if result != _SUCCESS}:
        raise WrongState(f"not every run succeeded: {', '.join(f'{name} {result}' for name, result in bad.items())}.")
    if (verdict := found.get("verdict")) and not verdict["agrees"]:
        raise WrongState(f"the outputs do not agree: {' '.join(verdict['reasons'])}")
