"""All documents of a run, and how they find each other: imports, `%run`, and the tables of each."""

from __future__ import annotations

import posixpath
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from functools import cached_property
from typing import Final

from modelyard.errors import Failure
from modelyard.upgrade import documents, modules, notebooks
from modelyard.upgrade.documents import Document
from modelyard.upgrade.modules import Module

_CALL: Final = re.compile(rb"\b([A-Za-z_]\w*)\(")


@dataclass(eq=False)
class Project:
    """The files of a run by name; they are read when somebody asks."""

    files: Mapping[str, bytes]
    _documents: dict[str, Document | None] = field(default_factory=dict[str, Document | None])
    repositories: Sequence[str] = ()
    """Folders that are git repositories of their own: nothing in one is imported from another."""
    _callers: dict[tuple[str, str], list[Module]] = field(default_factory=dict[tuple[str, str], list[Module]])
    _modules: dict[str, Module] = field(default_factory=dict[str, Module])

    def document(self, name: str) -> Document | None:
        """The document of a file; `None` where it makes no sense."""
        if name not in self._documents:
            try:
                self._documents[name] = documents.read(name, self.files[name])
            except Failure:
                self._documents[name] = None
        return self._documents[name]

    def module(self, name: str) -> Module | None:
        """The tables of a file."""
        if name not in self._modules:
            document = self.document(name)
            if document is None:
                return None
            self._modules[name] = modules.read(document)
        return self._modules[name]

    def imported(self, asker: Document, dotted: str) -> Module | None:
        """The module of this project that an import names: the one nearest to who asks."""
        levels = len(dotted) - len(dotted.lstrip("."))
        path = dotted.lstrip(".").replace(".", "/")
        if levels:
            folder = posixpath.normpath(posixpath.join(posixpath.dirname(asker.name), *[".."] * (levels - 1)))
            return self._first([f"{folder}/{path}.py", f"{folder}/{path}/__init__.py"])
        found = self._ending.get(posixpath.basename(path), [])
        ends = (f"/{path}.py", f"/{path}/__init__.py")
        home = self._repository(asker.name)
        fitting = [name for name in found if f"/{name}".endswith(ends) and self._repository(name) == home]
        return self._first(sorted(fitting, key=lambda name: (-_common(name, asker.name), len(name), name)))

    def callers(self, module: Module, name: str) -> list[Module]:
        """The other files that import something from a module, and call it."""
        if (module.document.name, name) not in self._callers:
            found = [self.module(file) for file in self._calling.get(name.encode(), [])]
            self._callers[module.document.name, name] = [
                other for other in found if other and other is not module and self._imports(other, module, name)
            ]
        return self._callers[module.document.name, name]

    def _imports(self, other: Module, module: Module, name: str) -> bool:
        origin, _, last = other.imports.get(name, "").rpartition(".")
        return last == name and self.imported(other.document, origin) is module

    def included(self, document: Document) -> list[Module]:
        """The notebooks that a notebook runs into itself."""
        found: list[Module] = []
        for path in notebooks.included(document.buffer):
            whole = posixpath.normpath(posixpath.join(posixpath.dirname(document.name), path))
            if module := self._first([whole, f"{whole}.py", f"{whole}.ipynb"]):
                found.append(module)
        return found

    @cached_property
    def _calling(self) -> dict[bytes, list[str]]:
        """Python files by the names that they call."""
        found: dict[bytes, list[str]] = {}
        for file, data in self.files.items():
            if file.endswith(".py"):
                for name in set(_CALL.findall(data)):
                    found.setdefault(name, []).append(file)
        return found

    def _repository(self, name: str) -> str:
        """The innermost repository that a file is in."""
        return max((each for each in self.repositories if name.startswith(f"{each}/")), key=len, default="")

    @cached_property
    def _ending(self) -> dict[str, list[str]]:
        """Python files by the last part of their module's name."""
        found: dict[str, list[str]] = {}
        for name in self.files:
            if name.endswith(".py"):
                path = name.removesuffix(".py").removesuffix("/__init__")
                found.setdefault(posixpath.basename(path), []).append(name)
        return found

    def _first(self, candidates: list[str]) -> Module | None:
        for name in candidates:
            if posixpath.normpath(name) in self.files:
                return self.module(posixpath.normpath(name))
        return None


def _common(one: str, other: str) -> int:
    return len(posixpath.commonpath([f"/{one}", f"/{other}"]))
