"""Makes an IPython kernel one for notebooks as Databricks has them: names, magics, paths."""

from __future__ import annotations

import os
import re
import shlex
import subprocess
import sys
from typing import Any, Dict, List

from . import UserNamespaceInitializer, cells, redaction, task
from .dbutils import NotebookRestart

_PACKAGES = os.path.join(os.environ.get("HOME", "/tmp"), "packages")  # noqa: S108  the sandbox has one of its own
_CELLS = re.compile(r"%(sql|scala|r|fs|sh|python|md)\b(.*)", re.IGNORECASE)
_PARAMETER = re.compile(r"\$(\w+)=(\"[^\"]*\"|\S+)")
_TRUSTED = ("install", "uninstall", "list", "freeze", "show")


def load_ipython_extension(shell: Any) -> None:
    """Do it; IPython asks for it when the kernel starts."""
    here = os.getcwd()
    sys.path[:] = [_PACKAGES, here, "", *[each for each in sys.path if each not in {"", here, _PACKAGES}]]
    shell.push(UserNamespaceInitializer.getOrCreate().get_namespace_globals(), interactive=False)
    shell.input_transformers_cleanup.append(_translated)
    magics = Magics(shell)
    for name in ("cd", "pip", "run", "restart_python", "uv"):
        shell.register_magic_function(getattr(magics, name), "line", name)
    for name in ("sql", "scala", "r", "fs", "md"):
        shell.register_magic_function(getattr(magics, name), "cell", name)
    _redact(shell)


def _translated(lines: List[str]) -> List[str]:
    """A cell that begins with a magic of a language, as IPython writes them."""
    first = next((number for number, line in enumerate(lines) if line.strip()), None)
    found = _CELLS.match(lines[first].strip()) if first is not None else None
    if first is None or found is None or lines[first].lstrip().startswith("%%"):
        return lines
    name, rest = found[1].lower(), found[2].strip()
    body = ([rest + "\n"] if rest and name != "sh" else []) + lines[first + 1 :]
    if name == "python":
        return body
    if name == "sh":
        strict = rest.split()[:1] == ["-e"]
        line = rest[2:].strip() if strict else rest
        head = "%%bash -e\n" if strict else "%%bash --no-raise-error\n"
        return [head, *([line + "\n"] if line else []), *lines[first + 1 :]]
    return [f"%%{name}\n", *(body or ["\n"])]


def _redact(shell: Any) -> None:
    """Hide secrets in what cells show, too."""
    inner = shell.display_formatter.format

    def format_(*arguments: Any, **said: Any) -> Any:
        data, about = inner(*arguments, **said)
        return {kind: redaction.shown(each) if isinstance(each, str) else each for kind, each in data.items()}, about

    shell.display_formatter.format = format_


class Magics:
    """What `%name` does."""

    def __init__(self, shell: Any) -> None:
        self._shell = shell
        self._ipython_cd = shell.find_line_magic("cd")
        self._folders = [os.path.dirname(task.told()["path"]) or os.getcwd()]

    def cd(self, line: str) -> Any:
        """Go to a folder; those of the workspace are found wherever they are."""
        path = self._shell.var_expand(line.strip()).strip("'\"")
        return self._ipython_cd(task.real(path) if path.startswith("/") else line)

    def pip(self, line: str) -> None:
        """Install packages for this notebook only."""
        words = shlex.split(self._shell.var_expand(line))
        if not words or words[0] not in _TRUSTED:
            raise ValueError("use %pip install, uninstall, list, freeze or show.")
        if words[0] == "install":
            install(words[1:])
        else:
            _call([_uv(), "pip", *words, "--no-config", "--python", sys.executable])

    uv = pip

    def run(self, line: str) -> None:
        """Run the cells of another notebook here."""
        path, _, rest = line.strip().partition(" ")
        path = path.strip("'\"")
        given: Dict[str, str] = {name: value.strip('"') for name, value in _PARAMETER.findall(rest)}
        place = _notebook(path, self._folders[-1])
        task.told()["widgets"].update(given)
        self._folders.append(os.path.dirname(place))
        try:
            with open(place, encoding="utf-8-sig") as file:
                for cell in cells.read(file.read()):
                    if not cell.is_text:
                        self._shell.run_cell(cell.source, store_history=False).raise_error()
        finally:
            self._folders.pop()

    def restart_python(self, _line: str = "") -> None:
        """Go on in a new process."""
        raise NotebookRestart

    def sql(self, _line: str, _cell: str = "") -> None:
        """Nothing that could be done here."""
        raise RuntimeError("%sql needs a SQL engine, which this server does not have; read tables in Python instead.")

    def scala(self, _line: str, _cell: str = "") -> None:
        """Nothing that could be done here."""
        raise RuntimeError("cells in Scala and R cannot be run here; notebooks are Python.")

    r = scala

    def fs(self, _line: str, cell: str = "") -> Any:
        """A command of `dbutils.fs`."""
        name, *arguments = shlex.split(cell)
        found = getattr(self._shell.user_ns["dbutils"].fs, name)(*arguments)
        return self._shell.user_ns["display"](found)

    def md(self, _line: str, _cell: str = "") -> None:
        """A text says nothing to a kernel."""


def _notebook(path: str, folder: str) -> str:
    """The file of another notebook."""
    whole = task.real(path) if path.startswith("/") else os.path.normpath(os.path.join(folder, path))
    if path.startswith("/") and not path.startswith(("/Workspace/", "/Volumes/")):
        whole = task.real("/Workspace" + path)
    for suffix in ("", ".py", ".ipynb"):
        if os.path.isfile(whole + suffix):
            return whole + suffix
    raise FileNotFoundError(f"there is no notebook {path} beside this one; %run finds what is in the task's folder.")


def install(words: List[str]) -> None:
    """Install packages where this notebook finds them before those of its environment."""
    told = task.told()["packages"]
    names = [each for each in words if each not in {"-q", "--quiet", "--no-cache-dir", "--disable-pip-version-check"}]
    command = [_uv(), "pip", "install", "--no-config", "--python", sys.executable, "--target", _PACKAGES]
    if told.get("index"):
        command += ["--default-index", told["index"]]
    if told.get("links"):
        command += ["--find-links", told["links"]]
    if not told.get("from_source"):
        command += ["--only-binary", ":all:"]
    _call([*command, *(_named(each) for each in names)])
    import importlib

    importlib.invalidate_caches()
    print("Note: you may need to restart the kernel using %restart_python or dbutils.library.restartPython().")


def _named(word: str) -> str:
    """A word as uv takes it; files of the workspace are found wherever they are."""
    return "--upgrade" if word == "-U" else task.real(word) if word.startswith("/") else word


def _uv() -> str:
    return task.told()["uv"]


def _call(command: List[str]) -> None:
    done = subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, check=False)  # noqa: S603  the notebook's own wish
    sys.stdout.write(done.stdout.decode(errors="replace"))
    if done.returncode:
        raise RuntimeError(f"%pip failed with status {done.returncode}; what it said stands above.")
