"""`dbutils`, as far as it makes sense here: widgets, task values, notebooks, secrets, files, libraries."""

from __future__ import annotations

import json
import os
from typing import Any, Dict, List, NamedTuple, Optional, Sequence

from . import redaction, server, task
from .fs import Files

_MOST_VALUES = 48 * 1024
_UNSET = object()


class InputWidgetNotDefined(Exception):
    """No widget of this name was made, and none was given a value."""


class NotebookExit(BaseException):
    """The notebook ends here, and well; code that catches exceptions does not catch this."""


class NotebookRestart(BaseException):
    """The rest of the notebook runs in a new process."""


class Widgets:
    """Parameters of the notebook: what the task says goes before what the notebook says."""

    def __init__(self) -> None:
        self._defaults: Dict[str, str] = {}

    def text(self, name: str, defaultValue: str, label: Optional[str] = None) -> None:
        """Make a widget."""
        self._defaults[name] = str(defaultValue)

    def dropdown(self, name: str, defaultValue: str, choices: Sequence[str], label: Optional[str] = None) -> None:
        """Make a widget with choices, of which the default is one."""
        if defaultValue not in choices:
            raise ValueError(f"the default of widget {name!r} is none of its choices.")
        self.text(name, defaultValue, label)

    def combobox(self, name: str, defaultValue: str, choices: Sequence[str], label: Optional[str] = None) -> None:
        """Make a widget with suggestions."""
        self.text(name, defaultValue, label)

    def multiselect(self, name: str, defaultValue: str, choices: Sequence[str], label: Optional[str] = None) -> None:
        """Make a widget whose value is several choices, with commas."""
        self.dropdown(name, defaultValue, choices, label)

    def get(self, name: str) -> str:
        """The value of a widget."""
        given = task.told()["widgets"]
        if name in given:
            return given[name]
        if name in self._defaults:
            return self._defaults[name]
        raise InputWidgetNotDefined(f"No input widget named {name} is defined")

    def getArgument(self, name: str, defaultValue: Any = _UNSET) -> Any:
        """The value of a widget, or else another one."""
        try:
            return self.get(name)
        except InputWidgetNotDefined:
            if defaultValue is _UNSET:
                raise
            return defaultValue

    def getAll(self) -> Dict[str, str]:
        """All values."""
        return {**self._defaults, **task.told()["widgets"]}

    def remove(self, name: str) -> None:
        """Take a widget away."""
        self._defaults.pop(name, None)

    def removeAll(self) -> None:
        """Take all away."""
        self._defaults.clear()


class TaskValues:
    """Values that tasks leave for those that depend on them."""

    def __init__(self) -> None:
        self._mine: Dict[str, Any] = {}

    def set(self, key: str, value: Any) -> None:
        """Leave a value that can be written as JSON, 48 KiB for the task in all."""
        kept = json.dumps({**self._left(), key: value})
        if len(kept.encode()) > _MOST_VALUES:
            raise ValueError("the values of a task have 48 KiB in all; keep larger things in files.")
        task.write("values.json", kept)

    def get(self, taskKey: str, key: str, default: Any = None, debugValue: Any = None) -> Any:
        """A value that another task has left, or the default."""
        found = task.told()["values"].get(taskKey, {})
        if key in found:
            return found[key]
        if default is None:
            raise ValueError(f"task {taskKey!r} has left no value {key!r} for this task, and there is no default.")
        return default

    def _left(self) -> Dict[str, Any]:
        try:
            with open(os.path.join(task.FOLDER, "values.json"), encoding="utf-8") as file:
                return json.load(file)
        except (OSError, ValueError):
            return {}


class Jobs:
    """What jobs are for."""

    def __init__(self) -> None:
        self.taskValues = TaskValues()


class Option:
    """A value that may be missing, as Scala has them."""

    def __init__(self, value: Optional[str]) -> None:
        self._value = value

    def get(self) -> str:
        """The value."""
        if self._value is None:
            raise ValueError("None.get")
        return self._value

    def getOrElse(self, other: Any) -> Any:
        """The value, or else another one."""
        return other if self._value is None else self._value

    def isDefined(self) -> bool:
        """Whether there is one."""
        return self._value is not None

    def isEmpty(self) -> bool:
        """Whether there is none."""
        return self._value is None


class Tags:
    """Facts of the run by their names."""

    def get(self, name: str) -> Option:
        """One of them."""
        return Option(task.context(name) or None)

    def apply(self, name: str) -> str:
        """One of them, which is there."""
        return self.get(name).get()


class Context:
    """What a notebook can ask about itself: each fact is a method that gives an `Option`."""

    def __getattr__(self, name: str) -> Any:
        if name.startswith("_"):
            raise AttributeError(name)
        return lambda: Option(_FACTS[name]() if name in _FACTS else task.context(name) or None)

    def tags(self) -> Tags:
        """All of them."""
        return Tags()

    def toJson(self) -> str:
        """All of them, as JSON."""
        return json.dumps({"tags": task.told()["context"], "extraContext": {}})

    safeToJson = toJson


_FACTS = {
    "apiUrl": lambda: os.environ.get("DATABRICKS_HOST"),
    "apiToken": lambda: os.environ.get("DATABRICKS_TOKEN"),
    "idInJob": lambda: task.context("jobRunId") or None,
    "currentRunId": lambda: task.context("taskRunId") or None,
}


class EntryPoint:
    """The way to the context that old notebooks take."""

    def getDbutils(self) -> "EntryPoint":
        """The same."""
        return self

    def notebook(self) -> "EntryPoint":
        """The same."""
        return self

    def getContext(self) -> Context:
        """The context."""
        return Context()


class Notebook:
    """What a notebook does with itself and with others."""

    def __init__(self) -> None:
        self.entry_point = EntryPoint()

    def getContext(self) -> Context:
        """What it can know about itself."""
        return Context()

    def exit(self, value: Any = "") -> None:
        """End it, and leave a text."""
        task.write("exit", str(value))
        raise NotebookExit(str(value))

    def run(self, path: str, timeout_seconds: int = 0, arguments: Optional[Dict[str, Any]] = None) -> str:
        """Run another notebook as a run of its own; what it exits with."""
        given = {name: str(value) for name, value in (arguments or {}).items()}
        return server.run_notebook(_absolute(path), timeout_seconds, given)


def _absolute(path: str) -> str:
    if path.startswith("/"):
        return path
    return os.path.normpath(os.path.join(os.path.dirname(task.context("notebookPath")), path))


class Secrets:
    """Values of secret scopes; they are not shown where they are printed."""

    def get(self, scope: str, key: str) -> str:
        """A secret as text."""
        return self.getBytes(scope, key).decode()

    def getBytes(self, scope: str, key: str) -> bytes:
        """A secret."""
        value = server.secret(scope, key)
        redaction.hide(value.decode(errors="replace"))
        return value

    def list(self, scope: str) -> List[Any]:
        """The secrets of a scope, without their values."""
        return [SecretMetadata(each["key"]) for each in server.secrets(scope)]

    def listScopes(self) -> List[Any]:
        """The scopes that can be read."""
        return [SecretScope(each["name"]) for each in server.scopes()]


class SecretMetadata(NamedTuple):
    """A secret without its value."""

    key: str


class SecretScope(NamedTuple):
    """A scope."""

    name: str


class Library:
    """The process, and what it has loaded."""

    def restartPython(self) -> None:
        """Go on with the next cell in a new process."""
        raise NotebookRestart

    def installPyPI(self, package: str, version: str = "", **_: Any) -> None:
        """Not any more, as on Databricks."""
        raise NotImplementedError("use %pip install instead.")


class DBUtils:
    """All of it."""

    def __init__(self, *_: object) -> None:
        self.widgets = Widgets()
        self.jobs = Jobs()
        self.notebook = Notebook()
        self.secrets = Secrets()
        self.fs = Files()
        self.library = Library()
        self.entry_point = self.notebook.entry_point

    def help(self, *_: object) -> None:
        """What there is."""
        print("dbutils has fs, jobs.taskValues, library.restartPython, notebook, secrets and widgets here.")
