"""A registry in a few dictionaries: what the real one must answer, whichever surface is asked.

Only the one pure decision is shared with the server (`domain.privileges.decide`, which has tests of its own) and the
declared needs of the actions. Everything else, from names to inheritance to version numbers, is written a second time,
as simply as it can be.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

from modelyard.action import Action
from modelyard.actions import catalogs, files, finalize, grants, models, versions
from modelyard.domain.privileges import (
    APPLICABLE,
    Chain,
    Kind,
    Node,
    Outcome,
    Privilege,
    Question,
    decide,
)

ROOT = "metastore"
LEVELS = (Kind.CATALOG, Kind.SCHEMA, Kind.MODEL)
Told = dict[str, Any]
ActionKind = type[Action[Any, Any]]


class Refused(Exception):
    """What is not done; the code is that of the wire."""

    def __init__(self, code: str) -> None:
        super().__init__(code)
        self.code = code


CODES = {
    Outcome.DENIED: "PERMISSION_DENIED",
    Outcome.MISSING: "RESOURCE_DOES_NOT_EXIST",
    Outcome.TAKEN: "RESOURCE_ALREADY_EXISTS",
}


@dataclass
class Version:
    creator: str
    ready: bool = False
    has_files: bool = False
    comment: str = ""
    tags: dict[str, str] = field(default_factory=dict)


@dataclass
class Thing:
    """A securable; `aliases` are by folded name, each as it was written and where it points."""

    kind: Kind
    owner: str
    comment: str = ""
    grants: dict[str, frozenset[Privilege]] = field(default_factory=dict)
    tags: dict[str, str] = field(default_factory=dict)
    aliases: dict[str, tuple[str, int]] = field(default_factory=dict)
    versions: dict[int, Version] = field(default_factory=dict)
    last: int = 0


@dataclass
class Memory:
    """All there is, by folded full name; the metastore is the empty one."""

    acts_as: dict[str, set[str]]
    """The names of principals, and of those whose grants count for them."""
    things: dict[str, Thing] = field(default_factory=dict)

    # Deciding

    def chain(self, who: str, name: str, child: str = "") -> Chain:
        """The way to a securable, as somebody sees it."""
        nodes = [self._node(who, "", Kind.METASTORE)]
        for depth, kind in zip(range(len(name.split(".")) if name else 0), LEVELS, strict=False):
            there = ".".join(name.split(".")[: depth + 1])
            if there not in self.things:
                return Chain(tuple(nodes), missing=Node(kind, "", there))
            nodes.append(self._node(who, there, kind))
        taken = f"{name}.{child}".lstrip(".") if child else None
        return Chain(tuple(nodes), taken=Node(nodes[-1].kind, "", taken) if taken in self.things else None)

    def _node(self, who: str, name: str, kind: Kind) -> Node:
        thing, names = self.things[name], self.acts_as[who]
        granted = frozenset(each for to, held in thing.grants.items() if to in names for each in held)
        return Node(kind, name, name, thing.owner in names, granted)

    def gate(self, who: str, kind: ActionKind, *names: str, child: str = "") -> None:
        """`Refused`, unless all needs of an action on these securables are met."""
        for need, name in zip(kind.needs, names, strict=True):
            chain = self.chain(who, name, child if need.naming else "")
            decision = decide(Question(need.privilege, metadata=need.metadata, inside=bool(need.naming)), chain)
            if not decision.allowed:
                raise Refused(CODES[decision.outcome])

    def sees(self, who: str, name: str, kind: ActionKind) -> bool:
        try:
            self.gate(who, kind, name)
        except Refused:
            return False
        return True

    def manages(self, who: str, name: str) -> bool:
        return decide(Question(Privilege.MANAGE), self.chain(who, name)).allowed

    # Catalogs, schemas and models alike

    def create(self, who: str, name: str, comment: str) -> Told:
        parent, leaf = up(name)
        action = (catalogs.CreateCatalog, catalogs.CreateSchema, models.CreateModel)[depth(name)]
        self.gate(who, action, parent, child=leaf)
        self.things[name] = Thing(LEVELS[depth(name)], who, comment)
        return self.shown(name)

    def get(self, who: str, name: str) -> Told:
        self.gate(who, (catalogs.GetCatalog, catalogs.GetSchema, models.GetModel)[depth(name)], name)
        return self.shown(name)

    def comment(self, who: str, name: str, comment: str) -> Told:
        self.gate(who, (catalogs.UpdateCatalog, catalogs.UpdateSchema, models.UpdateModel)[depth(name)], name)
        self.things[name].comment = comment
        return self.shown(name)

    def give(self, who: str, name: str, owner: str) -> Told:
        self.gate(who, (catalogs.UpdateCatalog, catalogs.UpdateSchema, models.UpdateModel)[depth(name)], name)
        self.things[name].owner = owner
        return self.shown(name)

    def rename(self, who: str, name: str, new: str) -> Told:
        """A new last level; one that is the old one changes nothing, and takes the right to change something."""
        parent, leaf = up(name)
        if new == leaf:
            action = (catalogs.UpdateCatalog, catalogs.UpdateSchema, models.UpdateModel)[depth(name)]
            self.gate(who, action, name)
            return self.shown(name)
        action = (catalogs.RenameCatalog, catalogs.RenameSchema, models.RenameModel)[depth(name)]
        self.gate(who, action, name, parent, child=new)
        wanted = f"{parent}.{new}".lstrip(".")
        for old in self.inside(name):
            self.things[wanted + old[len(name) :]] = self.things.pop(old)
        return self.shown(wanted)

    def delete(self, who: str, name: str, force: str) -> Told:
        self.gate(who, (catalogs.DeleteCatalog, catalogs.DeleteSchema, models.DeleteModel)[depth(name)], name)
        inside = self.inside(name)
        if depth(name) < len(LEVELS) - 1 and len(inside) > 1 and force != "true":
            raise Refused("INVALID_STATE")
        for each in inside:
            del self.things[each]
        return {}

    def inside(self, name: str) -> list[str]:
        return [each for each in self.things if each == name or each.startswith(name + ".")]

    def list(self, who: str, inside: str) -> list[str]:
        """The names in a container that somebody sees: catalogs in the metastore, schemas in a catalog, and so on."""
        level = depth(inside) + 1 if inside else 0
        action = (catalogs.GetCatalog, catalogs.GetSchema, models.GetModel)[level]
        there = [each for each in self.things if each and up(each)[0] == inside]
        return sorted(each for each in there if self.sees(who, each, action))

    def shown(self, name: str) -> Told:
        thing = self.things[name]
        told: Told = {"name": name, "owner": thing.owner, "comment": thing.comment}
        if thing.kind is Kind.MODEL:
            told |= {"tags": thing.tags, "aliases": dict(thing.aliases.values())}
        return told

    # Grants

    def grant(self, who: str, name: str, to: str, add: frozenset[Privilege], remove: frozenset[Privilege]) -> Told:
        self.gate(who, grants.ChangeGrants, name)
        thing = self.things[name]
        if not (add | remove) <= APPLICABLE[thing.kind] or add & remove:
            raise Refused("INVALID_PARAMETER_VALUE")
        held = thing.grants.get(to, frozenset())
        thing.grants[to] = add if Privilege.ALL_PRIVILEGES in remove else (held - remove) | add
        return {}

    # Tags and aliases of models

    def tag(self, who: str, name: str, key: str, value: str) -> Told:
        self.gate(who, models.SetModelTag, name)
        self.things[name].tags[key] = value
        return {}

    def untag(self, who: str, name: str, key: str) -> Told:
        self.gate(who, models.DeleteModelTag, name)
        self.things[name].tags.pop(key, None)
        return {}

    def point(self, who: str, name: str, alias: str, number: int) -> Told:
        self.gate(who, models.SetAlias, name)
        if not self._version(name, number).ready:
            raise Refused("INVALID_STATE")
        self.things[name].aliases[alias.lower()] = alias, number
        return {}

    def unpoint(self, who: str, name: str, alias: str) -> Told:
        self.gate(who, models.DeleteAlias, name)
        if self.things[name].aliases.pop(alias.lower(), None) is None:
            raise Refused("RESOURCE_DOES_NOT_EXIST")
        return {}

    def by_alias(self, who: str, name: str, alias: str) -> Told:
        self.gate(who, models.GetVersionByAlias, name)
        found = self.things[name].aliases.get(alias.lower())
        if found is None:
            raise Refused("RESOURCE_DOES_NOT_EXIST")
        return self.shown_version(name, found[1])

    # Versions

    def register(self, who: str, name: str) -> Told:
        self.gate(who, versions.RegisterVersion, name)
        model = self.things[name]
        model.last += 1
        model.versions[model.last] = Version(who)
        return self.shown_version(name, model.last)

    def upload(self, who: str, name: str, number: int) -> Told:
        self.gate(who, files.PrepareFile, name)
        version = self._version(name, number)
        self._bringing(who, name, version).has_files = True
        return {}

    def finalize(self, who: str, name: str, number: int) -> Told:
        self.gate(who, finalize.FinalizeVersion, name)
        version = self._version(name, number)
        if not version.ready and not self._bringing(who, name, version).has_files:
            raise Refused("INVALID_STATE")
        version.ready = True
        return self.shown_version(name, number)

    def _bringing(self, who: str, name: str, version: Version) -> Version:
        """The version, if it waits for files of this caller."""
        if version.ready:
            raise Refused("INVALID_STATE")
        if version.creator != who and not self.manages(who, name):
            raise Refused("PERMISSION_DENIED")
        return version

    def get_version(self, who: str, name: str, number: int) -> Told:
        self.gate(who, versions.GetVersion, name)
        self._version(name, number)
        return self.shown_version(name, number)

    def comment_version(self, who: str, name: str, number: int, comment: str) -> Told:
        self.gate(who, versions.UpdateVersion, name)
        self._version(name, number).comment = comment
        return self.shown_version(name, number)

    def delete_version(self, who: str, name: str, number: int) -> Told:
        self.gate(who, versions.DeleteVersion, name)
        self._version(name, number)
        model = self.things[name]
        del model.versions[number]
        model.aliases = {folded: at for folded, at in model.aliases.items() if at[1] != number}
        return {}

    def tag_version(self, who: str, name: str, number: int, key: str, value: str) -> Told:
        self.gate(who, versions.SetVersionTag, name)
        self._version(name, number).tags[key] = value
        return {}

    def untag_version(self, who: str, name: str, number: int, key: str) -> Told:
        self.gate(who, versions.DeleteVersionTag, name)
        self._version(name, number).tags.pop(key, None)
        return {}

    def list_versions(self, who: str, name: str) -> list[int]:
        """Newest first; of a model that somebody does not see, or that is not there, none."""
        if name not in self.things or not self.sees(who, name, models.GetModel):
            return []
        return sorted(self.things[name].versions, reverse=True)

    def _version(self, name: str, number: int) -> Version:
        try:
            return self.things[name].versions[number]
        except KeyError:
            raise Refused("RESOURCE_DOES_NOT_EXIST") from None

    def shown_version(self, name: str, number: int) -> Told:
        model = self.things[name]
        version = model.versions[number]
        return {
            "name": name,
            "version": number,
            "status": "READY" if version.ready else "PENDING_REGISTRATION",
            "comment": version.comment,
            "tags": version.tags,
            "aliases": sorted(alias for alias, at in model.aliases.values() if at == number),
        }


def depth(name: str) -> int:
    """0 for a catalog, 1 for a schema, 2 for a model."""
    return name.count(".")


def up(name: str) -> tuple[str, str]:
    """The container of a securable, and its last level."""
    container, _, leaf = name.rpartition(".")
    return container, leaf
