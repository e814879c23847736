"""Writes `docs/privileges.md` from the list of actions: `python -m tests.house.privileges_page`."""

from __future__ import annotations

import inspect
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

from modelyard.action import ACTIONS, METASTORE, Action, Chore, Need
from modelyard.app import ROWS
from modelyard.domain.privileges import APPLICABLE, Kind, Privilege
from modelyard.surfaces.reach import actions_of
from modelyard.surfaces.wire import Entrance, Public

PAGE = Path(__file__).parents[2] / "docs" / "privileges.md"

_HEAD = """\
# Privileges

Every request of every protocol is one of the actions below. This page is made from their definitions by
`python -m tests.house.privileges_page`, and a test compares the two.

Privileges are granted on a securable to users, service principals and groups, and are inherited by everything inside
it; only grants on the metastore are not. `ALL PRIVILEGES` stands for everything that its securable knows but `MANAGE`.

* **The way there.** Whatever is asked of a schema also needs `USE CATALOG` on its catalog, whatever is asked of a model
  also `USE SCHEMA` on its schema; and so does making something new inside. Owning a container opens it too.
* **Owners** may do with their own securable whatever needs a privilege on it. The metastore is owned by the group
  `admins`, whose members are the metastore admins.
* **`MANAGE`** is also held, without the way there, by the owners of containers above, and by metastore admins.
* **Metadata.** Where the last column says "admins look", metastore admins may read without any grant, as it shows
  nothing but metadata.
* **`BROWSE`** on a catalog stands in for the way there, where an action asks for nothing more than `BROWSE`; whoever
  may use something may browse it too.
"""


def page() -> str:
    """The whole page."""
    parts = [_HEAD, *_grantable(), *_guarded(), *_open()]
    return "\n".join(parts) + "\n"


def _grantable() -> Iterator[str]:
    yield "## What can be granted\n"
    kinds = list(APPLICABLE)
    yield "| privilege | " + " | ".join(_noun(kind).lower() for kind in kinds) + " |"
    yield "|---" * (len(kinds) + 1) + "|"
    for privilege in Privilege:
        marks = ["x" if privilege in APPLICABLE[kind] else "" for kind in kinds]
        yield f"| {privilege.words} | " + " | ".join(marks) + " |"
    yield ""


def _guarded() -> Iterator[str]:
    yield "## Actions and what they need\n"
    routes = routes_of_actions()
    for row, module in _by_module(kind for kind in ACTIONS if kind.needs):
        if module:
            yield f"\n### {module}\n"
            yield "| action | does | needs | besides owners | routes |\n|---|---|---|---|---|"
        needs = "<br>".join(_need(row, need) for need in row.needs)
        others = "<br>".join(dict.fromkeys(_others(need) for need in row.needs if _others(need)))
        yield f"| {row.__name__} | {_summary(row)} | {needs} | {others} | {_listed(routes[row])} |"
    yield ""


def _open() -> Iterator[str]:
    yield "## Actions that are open to every principal\n"
    yield "| action | does | why that is safe | routes |\n|---|---|---|---|"
    routes = routes_of_actions()
    for kind in ACTIONS:
        if kind.open_to:
            reason = kind.open_to.removeprefix("every principal: ")
            yield f"| {kind.__name__} | {_summary(kind)} | {reason} | {_listed(routes[kind])} |"
    public = [f"`{row.method} {row.path}`" for row in ROWS if isinstance(row, Public)]
    yield f"\nWithout any credential, and without any action, only these are answered: {', '.join(public)}."
    doors = [f"`{row.method} {row.path}`" for row in ROWS if isinstance(row, Entrance)]
    yield f"\nPeople who have yet to prove who they are come in by these: {', '.join(doors)}."


def _by_module(kinds: Iterable[type[Action[Any, Any]]]) -> Iterator[tuple[type[Action[Any, Any]], str]]:
    """Each action, with the heading before it where a new module begins."""
    before = ""
    for kind in sorted(kinds, key=lambda kind: _MODULES.index(kind.__module__.rpartition(".")[2])):
        module = kind.__module__.rpartition(".")[2]
        yield kind, "" if module == before else _HEADINGS[module]
        before = module


_HEADINGS = {
    "catalogs": "Catalogs and schemas",
    "models": "Registered models",
    "aliases": "The history and the protection of aliases",
    "versions": "Model versions",
    "finalize": "Finalizing versions",
    "copies": "Copies made by the server",
    "imports": "Versions from other servers",
    "cards": "Model cards",
    "lineage": "Lineage",
    "tagging": "Tags, several at once",
    "exchange": "The exchange, for MLflow's `uc:` client on the server's machine",
    "prompts": "Prompts",
    "tables": "Inference tables",
    "volumes": "Volumes",
    "volume_files": "Files of volumes",
    "outputs": "Published outputs of volumes",
    "files": "Files",
    "uploads": "Multipart uploads",
    "entity_tags": "Tags of any securable",
    "grants": "Grants",
    "explain": "Explanations",
    "metastore": "The metastore and its workspace",
    "stages": "Stages of model versions",
    "flat": "What MLflow's flat registry asks for",
    "legacy": "Old names of models",
    "endpoints": "Serving endpoints",
    "permissions": "Permissions on objects, such as endpoints and experiments",
    "experiments": "Experiments",
    "artifacts": "Artifacts of runs and logged models",
    "settings": "Jobs",
    "runs": "Runs of jobs",
    "results": "What runs leave",
    "clones": "Clones of jobs",
    "schemas": "What serving endpoints take",
    "rollouts": "Roll-outs of serving endpoints",
    "destinations": "Notification destinations",
    "deliveries": "Deliveries of notifications",
    "subscriptions": "Subscriptions to the registry",
    "deployment_jobs": "Deployment jobs",
    "approvals": "Approvals of deployments",
    "access": "Principals",
    "tokens": "Tokens",
    "credentials": "Secrets of service principals",
    "sessions": "Signing in and out",
    "workspace": "Files of the workspace",
    "backups": "Backups",
    "trash": "The trash",
    "signatures": "Signatures of versions",
    "admission": "What schemas admit",
    "collection": "Collecting what nobody names",
    "inspection": "Checking stored bytes",
    "journal": "The audit",
    "seals": "The seals over the audit",
    "stalled": "Versions whose files stopped coming",
}
_MODULES = list(_HEADINGS)


def _noun(kind: Kind) -> str:
    return {Kind.MODEL: "Model", Kind.PROMPT: "Prompt", Kind.TABLE: "Inference table"}.get(kind, kind.noun)


def _need(kind: type[Action[Any, Any]], need: Need) -> str:
    where = "metastore" if getattr(kind, need.on, None) == METASTORE else need.on
    return f"{need.privilege.words} on the {where}"


def _others(need: Need) -> str:
    if need.privilege is Privilege.MANAGE:
        return "admins" if need.on in {"metastore", "catalog"} else "owners of containers, admins"
    return "admins look" if need.metadata else ""


def _summary(kind: type[Action[Any, Any]]) -> str:
    return inspect.cleandoc(kind.__doc__ or "").splitlines()[0].replace("|", "\\|")


def _listed(routes: Iterable[str]) -> str:
    return "<br>".join(f"`{route}`" for route in routes)


# Which routes reach an action


def routes_of_actions() -> dict[type[Action[Any, Any]], list[str]]:
    """The routes that build each action."""
    found: dict[type[Action[Any, Any]], list[str]] = {kind: [] for kind in ACTIONS if not issubclass(kind, Chore)}
    for row in ROWS:
        for kind in actions_of(row):
            told = f"{row.method} {row.path}" + (f"?action={row.doing}" if row.doing else "")
            if kind in found and told not in found[kind]:
                found[kind].append(told)
    return found


if __name__ == "__main__":
    PAGE.parent.mkdir(exist_ok=True)
    PAGE.write_text(page())
