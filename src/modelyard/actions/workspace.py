"""Files of the workspace: kept, listed, read, deleted, shared, and brought to tasks.

They are no securables of the catalog. What somebody may do with one is said by `level_of` alone; what somebody may not
read is not there for them.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from modelyard.action import Command, Query
from modelyard.domain import workspace as rules
from modelyard.domain.access import ADMINS, Caller
from modelyard.domain.journal import Event
from modelyard.domain.workspace import Access, Draft, Level, Object, ObjectType
from modelyard.errors import AlreadyExists, Denied, Invalid, NoSuchPrincipal, NotFound, TooLarge, WrongState
from modelyard.store import access, workspace
from modelyard.store.tx import Look, Write

if TYPE_CHECKING:
    from collections.abc import Iterable

    from modelyard.domain.files import Entry, Stored

_OPEN: Final = "every principal: an object is there only for those who may read it, and more takes a higher level of it"


def level_of(tx: Look, caller: Caller, path: str) -> Level | None:
    """What a principal may do at a path, whether something is there or not: the one place that says so."""
    if ADMINS in caller.identities:
        return Level.CAN_MANAGE
    lineage = rules.lineage(path)
    found = workspace.levels(tx, lineage, caller.identities)
    home = rules.home_of(path)
    if home and home == rules.home(caller.principal.name) and _is_own(tx, caller, home):
        found.add(Level.CAN_MANAGE)
    if rules.SHARED in lineage:
        found.add(Level.CAN_EDIT)
    return rules.highest(found)


def _is_own(tx: Look, caller: Caller, home: str) -> bool:
    """Whether a home folder is this principal's, and not of somebody who had the name before."""
    there = workspace.get(tx, home)
    return there is None or there.owner_id == caller.principal.id


def _found(tx: Look, caller: Caller, path: str, level: Level) -> Object:
    """What is at a path, with a level; `NotFound` for those who may not even read it."""
    held = level_of(tx, caller, path)
    there = workspace.get(tx, path)
    if there is None and (rules.is_built_in(path) or path == rules.home(caller.principal.name)):
        there = rules.built_in(path)
    if there is None or (held is None and path not in rules.OPEN):
        raise NotFound(f"Path ({path}) doesn't exist.")
    if held is None and level is Level.CAN_READ:
        return there
    if held is None or not held.includes(level):
        raise Denied(f"User does not have {level} on {path}.")
    return there


def _writable(tx: Look, draft: Draft) -> Object | None:
    """What is there already at the path of a draft that the caller may keep; None if it is new."""
    there = workspace.get(tx, draft.path)
    if there and level_of(tx, tx.caller, draft.path):
        _found(tx, tx.caller, draft.path, Level.CAN_EDIT)
        if not draft.overwrite:
            raise AlreadyExists(f"Path ({draft.path}) already exists; say overwrite to replace it.")
        if there.type is not draft.type:
            raise Invalid(f"{draft.path} is a {there.type}, which a {draft.type} does not replace; delete it first.")
        return there
    if rules.is_built_in(draft.path) or draft.path == rules.home_of(draft.path):
        raise Invalid(f"{draft.path} is a directory.")
    above = rules.parent(draft.path)
    try:
        holder = _found(tx, tx.caller, above, Level.CAN_EDIT)
    except NotFound:
        raise NotFound(f"The parent folder ({above}) does not exist.") from None
    if not holder.is_directory:
        raise Invalid(f"{above} is no directory.")
    return None


# Looking


@dataclass(frozen=True)
class GetObject(Query[Look, Object]):
    """Show what is at a path of the workspace; it takes CAN_READ."""

    path: str

    open_to = _OPEN

    def run(self, tx: Look) -> Object:
        """Show it."""
        return _found(tx, tx.caller, self.path, Level.CAN_READ)


@dataclass(frozen=True)
class ListObjects(Query[Look, list[Object]]):
    """List what is directly in a directory of the workspace, as far as the caller may read it."""

    path: str
    notebooks_modified_after: int = 0

    open_to = _OPEN

    def run(self, tx: Look) -> list[Object]:
        """List it; something else than a directory is a list of itself."""
        there = _found(tx, tx.caller, self.path, Level.CAN_READ)
        if not there.is_directory:
            return [there]
        everything = level_of(tx, tx.caller, self.path) is not None
        home = rules.home(tx.actor)
        found = workspace.children(tx, self.path, home, rules.MOST_LISTED + 1, everything=everything)
        if len(found) > rules.MOST_LISTED:
            raise TooLarge(f"{self.path} has more than {rules.MOST_LISTED} objects; sort them into directories.")
        added = [rules.built_in(each) for each in (rules.SHARED, rules.USERS)] if self.path == rules.ROOT else []
        there_too = {each.path for each in found}
        return [each for each in added if each.path not in there_too] + [each for each in found if self._is_new(each)]

    def _is_new(self, each: Object) -> bool:
        return each.type is not ObjectType.NOTEBOOK or each.modified_at >= self.notebooks_modified_after


@dataclass(frozen=True)
class ReadObject(Query[Look, Object]):
    """Find a notebook or a file of the workspace, to be fetched; it takes CAN_READ."""

    path: str

    open_to = _OPEN

    def run(self, tx: Look) -> Object:
        """Find it."""
        there = _found(tx, tx.caller, self.path, Level.CAN_READ)
        if there.stored is None:
            raise Invalid(f"{self.path} is a directory; fetch what is in it one by one.")
        return there


@dataclass(frozen=True)
class ReadProject(Query[Look, "dict[str, Entry]"]):
    """Find the files that a task at a path needs: those of its project that the caller may read."""

    path: str
    also: tuple[str, ...] = ()

    open_to = _OPEN

    def run(self, tx: Look) -> dict[str, Entry]:
        """Their bytes, by their paths as tasks see them."""
        return project(tx, tx.caller, self.path, self.also)


# Changing


@dataclass(frozen=True)
class PrepareObject(Query[Look, str]):
    """Ask, before any byte is kept, whether something may be kept in the workspace."""

    draft: Draft

    open_to = _OPEN

    def run(self, tx: Look) -> str:
        """The id of the store for its bytes."""
        _writable(tx, self.draft)
        return tx.context.store_id


@dataclass(frozen=True)
class KeepObject(Command[Write, Object]):
    """Keep a notebook or a file in the workspace; it takes CAN_EDIT."""

    draft: Draft
    stored: Stored

    open_to = _OPEN

    def run(self, tx: Write) -> Object:
        """Keep it, unless the path was taken in the meantime."""
        workspace.lock(tx)
        there = _writable(tx, self.draft)
        if there:
            workspace.replace(tx, there, self.draft, self.stored)
        else:
            _make_home(tx, self.draft.path)
            there = _added(tx, self.draft, self.stored)
        tx.announce(Event.WORKSPACE_OBJECT_KEPT, "", path=self.draft.path, type=self.draft.type.value)
        return there


@dataclass(frozen=True)
class MakeDirectories(Command[Write, None]):
    """Make a directory of the workspace, with those above it; it takes CAN_EDIT where the first one is made."""

    path: str

    open_to = _OPEN

    def run(self, tx: Write) -> None:
        """Make what is missing."""
        workspace.lock(tx)
        if _made_directories(tx, self.path):
            tx.announce(Event.WORKSPACE_OBJECT_KEPT, "", path=self.path, type=ObjectType.DIRECTORY.value)


def _made_directories(tx: Write, path: str) -> bool:
    """Make a directory with those above it; whether one was missing."""
    missing = [each for each in rules.lineage(path) if not _is_directory(tx, each)]
    if not missing:
        return False
    if not rules.home_of(missing[0]) == missing[0] == rules.home(tx.actor):
        _found(tx, tx.caller, rules.parent(missing[0]), Level.CAN_EDIT)
    _make_home(tx, path)
    for each in missing:
        if not workspace.get(tx, each):
            _added(tx, Draft(each, ObjectType.DIRECTORY), None)
    return True


@dataclass(frozen=True)
class DeleteObject(Command[Write, None]):
    """Delete something in the workspace, and all that is below it if so said; it takes CAN_MANAGE."""

    path: str
    recursive: bool = False

    open_to = _OPEN

    def run(self, tx: Write) -> None:
        """Delete it; it cannot be restored."""
        workspace.lock(tx)
        there = _found(tx, tx.caller, self.path, Level.CAN_MANAGE)
        rules.check_deletable(self.path)
        if there.is_directory and not self.recursive and workspace.has_children(tx, self.path):
            raise WrongState(f"Folder ({self.path}) is not empty; say recursive to delete what is in it.")
        workspace.remove(tx, self.path)
        tx.announce(Event.WORKSPACE_OBJECT_DELETED, "", path=self.path)


def _is_directory(tx: Look, path: str) -> bool:
    """Whether a directory is there; `AlreadyExists` if it is something else."""
    if rules.is_built_in(path):
        return True
    there = workspace.get(tx, path)
    if there and not there.is_directory and level_of(tx, tx.caller, path):
        raise AlreadyExists(f"{path} is a {there.type}, and no directory.")
    return there is not None


def _make_home(tx: Write, path: str) -> None:
    """Make the home folder that a path is in, for whom it is."""
    home = rules.home_of(path)
    if not home or workspace.get(tx, home):
        return
    owner = access.principal_by_name(tx, home.rpartition("/")[2])
    if owner is None or rules.home(owner.name) != home:
        raise Invalid(f"{home} is the home folder of nobody; directories in {rules.USERS} are called as principals.")
    workspace.add(tx, Draft(home, ObjectType.DIRECTORY), None, owner.id)


def _added(tx: Write, draft: Draft, stored: Stored | None) -> Object:
    """Something new, which the caller manages."""
    manages = level_of(tx, tx.caller, draft.path) is Level.CAN_MANAGE
    made = workspace.add(tx, draft, stored, tx.caller.principal.id)
    if not manages:
        workspace.give(tx, made.id, tx.caller.principal.id, Level.CAN_MANAGE)
    return made


# Sharing


@dataclass(frozen=True)
class GetObjectAccess(Query[Look, tuple[Object, tuple[Access, ...]]]):
    """Show who may do what with something in the workspace; it takes CAN_READ."""

    number: int

    open_to = _OPEN

    def run(self, tx: Look) -> tuple[Object, tuple[Access, ...]]:
        """Who was given what on it, and on what is above it."""
        return _accesses(tx, _numbered(tx, self.number, Level.CAN_READ))


@dataclass(frozen=True)
class ChangeObjectAccess(Command[Write, tuple[Object, tuple[Access, ...]]]):
    """Let principals do things with something in the workspace; it takes CAN_MANAGE."""

    number: int
    given: tuple[tuple[str, Level], ...]
    replaces: bool = False

    open_to = _OPEN

    def run(self, tx: Write) -> tuple[Object, tuple[Access, ...]]:
        """Who may do what afterwards."""
        workspace.lock(tx)
        there = _numbered(tx, self.number, Level.CAN_MANAGE)
        if self.replaces:
            workspace.take_all(tx, there.id)
        for name, level in self.given:
            try:
                workspace.give(tx, there.id, access.required(tx, name).id, level)
            except NoSuchPrincipal as failure:
                raise Invalid(failure.message) from None
        tx.announce(Event.WORKSPACE_ACCESS_CHANGED, "", path=there.path)
        return _accesses(tx, there)


def _numbered(tx: Look, number: int, level: Level) -> Object:
    there = workspace.by_id(tx, number)
    if there is None or level_of(tx, tx.caller, there.path) is None:
        raise NotFound(f"there is no workspace object {number}.")
    return _found(tx, tx.caller, there.path, level)


def _accesses(tx: Look, there: Object) -> tuple[Object, tuple[Access, ...]]:
    return there, tuple(workspace.accesses(tx, rules.lineage(there.path)))


# For tasks


def project(tx: Look, caller: Caller, path: str, also: Iterable[str] = ()) -> dict[str, Entry]:
    """The files that a task gets a copy of, for the principal that it runs as, by their paths as it sees them.

    That is the widest folder around it, below the home folder or `/Shared`, that the principal may read and that is not
    too large; else the files beside it. `also` are further files that it names: requirements, wheels. `NotFound` if the
    file itself, or one of those, is not there for the principal.
    """
    wanted = [runnable(tx, caller, path), *(runnable(tx, caller, each) for each in also)]
    _, around = surroundings(tx, caller, wanted[0].path)
    return {each.entry.path: each.entry for each in (*around, *wanted)}


def named(tx: Look, caller: Caller, paths: Iterable[str]) -> dict[str, Entry]:
    """Files that a task names one by one; `NotFound` if one of them is not there for the principal."""
    found = [runnable(tx, caller, each) for each in paths]
    return {each.entry.path: each.entry for each in found}


def runnable(tx: Look, caller: Caller, named: str) -> Object:
    """A file as it is named; one with an extension may be named without it, as notebooks are."""
    path = rules.path(named)
    for each in (path, f"{path}.py", f"{path}.ipynb"):
        there = workspace.get(tx, each)
        if there and there.stored and level_of(tx, caller, each):
            return there
    raise NotFound(f"Path ({path}) doesn't exist, or {caller.principal.name} may not read it.")


def surroundings(tx: Look, caller: Caller, path: str) -> tuple[str, list[Object]]:
    """The project that a file is in: its folder, and what is in it; no folder, where those are the files beside it."""
    for root in rules.project_roots(path):
        if level_of(tx, caller, root) is None:
            continue
        count, size = workspace.weigh(tx, root)
        if count <= rules.MOST_FILES and size <= rules.MOST_BYTES:
            return root, workspace.tree(tx, root, rules.MOST_FILES)
    return "", _beside(tx, caller, path)


def _beside(tx: Look, caller: Caller, path: str) -> list[Object]:
    above = rules.parent(path)
    if level_of(tx, caller, above) is None:
        return []
    found = workspace.files_of(workspace.children(tx, above, "", rules.MOST_FILES, everything=True))
    size, kept = 0, list[Object]()
    for each in found:
        size += each.stored.size if each.stored else 0
        if size <= rules.MOST_BYTES:
            kept.append(each)
    return kept


# For clones


def copy_into(tx: Write, folder: str, paths: Iterable[str]) -> dict[str, str]:
    """Copy the projects of some files into a folder, as the caller; where each object and each project has gone.

    One project comes into the folder itself, several come as they lie to each other. Nothing that is there is replaced.
    """
    workspace.lock(tx)
    if rules.is_built_in(folder):
        raise Invalid(f"name a folder below {rules.USERS}/… or {rules.SHARED} for the copy, and not {folder}.")
    found, tops = _projects(tx, paths)
    base = rules.common(list(tops))
    _made_directories(tx, folder)
    moved = {top: rules.moved(top, base, folder) for top, is_whole in tops.items() if is_whole}
    for each in sorted(found.values(), key=lambda each: each.path):
        moved[each.path] = rules.moved(each.path, base, folder)
        _copied(tx, each, moved[each.path])
    tx.announce(Event.WORKSPACE_OBJECT_KEPT, "", path=folder, type=ObjectType.DIRECTORY.value)
    return moved


def _projects(tx: Look, paths: Iterable[str]) -> tuple[dict[str, Object], dict[str, bool]]:
    """Everything in the projects of some files, by path; their folders, and whether everything in those is among it."""
    found: dict[str, Object] = {}
    tops: dict[str, bool] = {}
    for path in paths:
        there = runnable(tx, tx.caller, path)
        root, around = surroundings(tx, tx.caller, there.path)
        tops[root or rules.parent(there.path)] = bool(root)
        found |= {each.path: each for each in (*around, there)}
    return found, tops


def _copied(tx: Write, each: Object, path: str) -> None:
    if each.is_directory:
        _made_directories(tx, path)
        return
    _made_directories(tx, rules.parent(path))
    draft = Draft(path, each.type, each.language)
    try:
        _writable(tx, draft)
    except AlreadyExists:
        raise AlreadyExists(f"{path} is there already; name another folder for the copy.") from None
    _added(tx, draft, each.stored)
