"""The catalog, as a move asks it: models and versions that come in, old names, aliases, and what is there already."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Final, cast
from urllib.parse import quote

from modelyard.cli import arriving
from modelyard.cli.client import MLFLOW, OURS, UNITY, Client, Told
from modelyard.cli.options import MODELS
from modelyard.domain import legacy
from modelyard.domain.names import MAX_TAGS
from modelyard.errors import Failure

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence

    from modelyard.cli.arriving import Place
    from modelyard.domain.files import Entry
    from modelyard.upgrade.moving.registry import FlatModel, FlatVersion

_MISSING: Final = {"RESOURCE_DOES_NOT_EXIST", "NOT_FOUND"}
_REASON: Final = "brought from a flat registry"


class Target:
    """A server, asked by several threads at once."""

    def __init__(self, server: Client, registry: str) -> None:
        self._server = server
        self._registry = registry
        self._opened = set[tuple[str, str]]()
        """Who may use which container by now, as this move has seen to."""

    @property
    def mark(self) -> str:
        """How what came from this registry ends its maker's name."""
        return legacy.mark(self._registry)

    # Models

    def model(self, full_name: str) -> dict[str, Any] | None:
        """A model with its aliases, if there is one."""
        return _if_there(lambda: MODELS.get(self._server, full_name))

    def make_model(self, full_name: str, told: FlatModel) -> list[str]:
        """Make a model as it was; what of it could not come along."""
        tags, lost = fitting(told.tags)
        said = {"name": told.name, "comment": told.description, "created_at": told.created_at}
        past = {"created_by": told.creator, "registry": self._registry}
        self._server.ask("POST", f"{OURS}/flat-models/import", full_name=full_name, tags=tags, **said, **past)
        return lost

    def delete_model(self, full_name: str) -> None:
        """Delete a model, into the trash."""
        self._server.ask("DELETE", f"{UNITY}/models/{quote(full_name, safe='')}")

    def numbers(self, full_name: str) -> set[int]:
        """The numbers of a model's versions."""
        path = f"{UNITY}/models/{quote(full_name, safe='')}/versions"
        return {int(each["version"]) for each in self._server.all(path, "model_versions")}

    # Versions

    def begin(self, place: Place, digest: str, name: str, told: FlatVersion) -> tuple[str, str, list[str]]:
        """Make a version that waits for its files, if it is not there: its status, why, and what did not come along."""
        tags, lost = fitting(told.tags)
        moved = {"to_stage": told.stage, "moved_at": told.updated_at}
        said = {
            "digest": digest,
            "registry": self._registry,
            "name": name,
            "source": told.source,
            "run_id": told.run_id,
            "run_link": told.run_link,
            "comment": told.description,
            "model_id": told.model_id,
            "tags": tags,
            "created_at": told.created_at,
            "created_by": told.creator,
            "stage": told.stage,
            "moves": [moved] if told.stage != "None" else [],
        }
        where = f"{OURS}/models/{quote(place.model, safe='')}/versions/import-flat"
        there = self._server.ask("POST", where, version=place.number, **said)
        return there["status"], there["status_message"], lost

    def version(self, place: Place) -> dict[str, Any] | None:
        """A version, if it is there."""
        found = _if_there(lambda: self._server.ask("GET", f"{place.at}/manifest", max_results=1))
        return found if found is None else {**found, "files": None}

    def files(self, place: Place) -> dict[str, str]:
        """The SHA-256 of each file of a version, as the server has it, by its path."""
        found = self._server.all(f"{place.at}/manifest", "files")
        return {file["path"]: file["sha256"] for file in found}

    def take(self, place: Place, wanted: Iterable[Entry]) -> set[str]:
        """Name bytes that other versions of the model have; the paths that need not be sent."""
        said = ({"path": each.path, "sha256": each.sha256, "size": each.size} for each in wanted)
        return arriving.take(self._server, place, said)

    def send(self, place: Place, path: str, pieces: Iterator[bytes], size: int) -> None:
        """Send a file."""
        self._server.send(place.file(path), pieces, size)

    def forget_file(self, place: Place, path: str) -> None:
        """Take a file out of a version that waits."""
        self._server.ask("DELETE", place.file(path))

    def finalize(self, place: Place) -> tuple[str, str]:
        """Make a version READY; its status then, and why it is not."""
        return arriving.finalize(self._server, place)

    def delete_version(self, place: Place) -> None:
        """Delete a version, into the trash."""
        path = f"{UNITY}/models/{quote(place.model, safe='')}/versions/{place.number}"
        self._server.ask("DELETE", path)

    # Names

    def old_name(self, name: str) -> dict[str, Any] | None:
        """What an old name stands for, if it does."""
        return _if_there(lambda: self._server.ask("GET", f"{OURS}/legacy-names/{quote(name, safe='')}"))

    def add_old_name(self, name: str, full_name: str, aliases: Mapping[str, str]) -> None:
        """Let an old name stand for a model."""
        said = {"name": name, "full_name": full_name, "aliases": dict(aliases)}
        self._server.ask("POST", f"{OURS}/legacy-names", **said)

    def remove_old_name(self, name: str) -> None:
        """Let it stand for nothing."""
        self._server.ask("DELETE", f"{OURS}/legacy-names/{quote(name, safe='')}")

    def set_alias(self, full_name: str, alias: str, number: int) -> None:
        """Point an alias that is not there yet at a version."""
        said = {"name": full_name, "alias": alias, "version": str(number), "reason": _REASON}
        self._server.ask("POST", f"{MLFLOW}/registered-models/alias", **said, expected_version=0)

    def delete_alias(self, full_name: str, alias: str) -> None:
        """Take an alias away."""
        said = {"name": full_name, "alias": alias, "reason": "the move was undone"}
        self._server.ask("DELETE", f"{MLFLOW}/registered-models/alias", **said)

    # Who may do what

    def grant(
        self, kind: str, full_name: str, principal: str, privileges: Sequence[str], *, take: bool = False
    ) -> None:
        """Grant privileges, or take them back."""
        change = {"principal": principal, "remove" if take else "add": list(privileges)}
        path = f"{UNITY}/permissions/{kind}/{quote(full_name, safe='')}"
        self._server.ask("PATCH", path, changes=[change])

    def open_the_way(self, full_name: str, principal: str) -> None:
        """Let a principal use what a model is in."""
        catalog, schema, _ = full_name.split(".")
        for kind, container in (("catalog", catalog), ("schema", f"{catalog}.{schema}")):
            if (container, principal) not in self._opened:
                self.grant(kind, container, principal, [f"USE_{kind.upper()}"])
                self._opened.add((container, principal))

    def take_back(self, full_name: str, principal: str, privilege: str) -> None:
        """Take a privilege back, from whoever is there still."""
        try:
            self.grant("function", full_name, principal, [privilege], take=True)
        except Told as refusal:
            if refusal.code not in _MISSING and "Could not find principal" not in refusal.message:
                raise

    def granted(self, full_name: str) -> dict[str, set[str]]:
        """What was granted on a model itself, by principals."""
        return self._assigned(f"{UNITY}/permissions/function/{quote(full_name, safe='')}")

    def effective(self, full_name: str) -> dict[str, set[str]]:
        """Who holds what on a model, containers included."""
        return self._assigned(f"{UNITY}/effective-permissions/function/{quote(full_name, safe='')}")

    def _assigned(self, path: str) -> dict[str, set[str]]:
        held: dict[str, set[str]] = {}
        for each in self._server.all(path, "privilege_assignments"):
            told = cast("list[object]", each.get("privileges") or [])
            held.setdefault(str(each["principal"]), set()).update(map(_privilege, told))
        return held

    def may_read(self, full_name: str, principal: str) -> tuple[bool, str]:
        """Whether a principal may load a model, and why or why not."""
        said = {"action": "EXECUTE", "securable_type": "function", "full_name": full_name, "principal": principal}
        found = self._server.ask("GET", f"{OURS}/explain", **said)
        return bool(found["allowed"]), str(found["reason"])


def fitting(tags: Mapping[str, str]) -> tuple[list[dict[str, str]], list[str]]:
    """The tags that the catalog can have, and a line about each other one."""
    kept, lost = list[dict[str, str]](), list[str]()
    for key, value in sorted(tags.items()):
        try:
            told = legacy.tag(key, value)
        except Failure as failure:
            lost.append(f"the tag {key[:60]!r} was left out: {failure.message}")
            continue
        if len(kept) == MAX_TAGS:
            lost.append(f"the tag {key[:60]!r} was left out: at most {MAX_TAGS} are kept.")
            continue
        kept.append({"key": told.key, "value": told.value})
    return kept, lost


def standing(model: Mapping[str, Any] | None) -> dict[str, int]:
    """Where the aliases of a model stand, folded."""
    told = cast("list[dict[str, Any]]", (model or {}).get("aliases") or [])
    return {str(each["alias_name"]).lower(): int(each["version_num"]) for each in told}


def _privilege(told: object) -> str:
    """A privilege by its name, or in an object that also says where it is inherited from."""
    return str(cast("dict[str, Any]", told)["privilege"] if isinstance(told, dict) else told)


def _if_there(ask: Callable[[], dict[str, Any]]) -> dict[str, Any] | None:
    try:
        return ask()
    except Told as refusal:
        if refusal.code in _MISSING:
            return None
        raise
