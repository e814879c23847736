"""What a model or a task says it needs: packages by their names, from the operator's index, and nothing else.

Tasks may also name wheels and further requirements, if they are files that are governed here.
"""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

import yaml

from modelyard.engines.local.trouble import Trouble

_MOST_BYTES: Final = 256 << 10
_MOST_LINES: Final = 2_000
_SHOWN: Final = 80
_NAME: Final = r"[A-Za-z0-9](?:[A-Za-z0-9._-]{0,98}[A-Za-z0-9])?"
_VERSION: Final = r"(?:===|==|~=|!=|<=|>=|<|>)\s*[A-Za-z0-9.*+!_-]{1,100}"
_PACKAGE: Final = re.compile(
    rf"(?P<name>{_NAME})\s*"
    rf"(?:\[\s*{_NAME}(?:\s*,\s*{_NAME})*\s*\]\s*)?"
    rf"(?:\(?\s*{_VERSION}(?:\s*,\s*{_VERSION})*\s*\)?\s*)?"
    r"(?:;[\w\s.'\"<>=!~()*+-]{1,500})?"
    r"(?:\s+--hash=sha(?:256|384|512):[0-9a-f]{64,128})*\Z",
    re.ASCII,
)
_LINK: Final = re.compile(
    rf"(?:--?(?:index-url|extra-index-url|find-links|i|f)[ =]\s*|(?:{_NAME}(?:\[[^\]]*\])?\s*@\s*)?"
    r"(?:git\+|hg\+|svn\+|bzr\+)?)(?:https?|ssh)://\S+\Z",
    re.ASCII,
)
_PYTHON: Final = re.compile(r"(3\.\d{1,2})(?:\.\d{1,3})?\Z", re.ASCII)
_COMMENT: Final = re.compile(r"(?:^|\s)#.*$")


_FURTHER: Final = re.compile(r"(?:-r|--requirement)[ =]?\s*(\S.*)\Z")
_WHEEL: Final = re.compile(rf"(\S.*/)?({_NAME})-([^/\[\]]+)\.whl(\[\s*{_NAME}(?:\s*,\s*{_NAME})*\s*\])?\Z", re.ASCII)
_DEEPEST: Final = 5


@dataclass(frozen=True, slots=True)
class Wheel:
    """A wheel that is a file on this machine; `extras` in brackets, or empty."""

    path: Path
    sha256: str
    extras: str = ""

    @property
    def name(self) -> str:
        """The package's name."""
        return self.path.name.partition("-")[0]


@dataclass(frozen=True, slots=True)
class Needs:
    """The packages that are needed, a line each and sorted, the minor version of Python that is wanted, and wheels."""

    lines: tuple[str, ...]
    python: str = ""
    wheels: tuple[Wheel, ...] = ()


Find = Callable[[str], Path | None]
"""Finds a governed file by its path as somebody has written it; None if it is none, or is not there."""


def of_model(folder: Path, *, may_link: bool) -> Needs:
    """What the files of a model say; trouble, where they ask for what the operator does not allow."""
    python_env = _yaml(folder / "python_env.yaml")
    text = _text(folder / "requirements.txt")
    conda = {} if text is not None else _yaml(folder / "conda.yaml")
    if text is None and not conda:
        raise Trouble("the model has no requirements.txt that says which packages it needs.", is_final=True)
    lines = _lines(text) if text is not None else _of_conda(conda)
    python = str(python_env.get("python", "")) or _python_of_conda(conda)
    kept = checked((*lines, *_setuptools(python_env, lines)), may_link=may_link)
    return Needs(kept, match[1] if (match := _PYTHON.match(python)) else "")


def of_task(lines: Iterable[str], find: Find, base: Iterable[str], *, may_link: bool, python: str = "") -> Needs:
    """What a task asks for, and what every task has besides unless it asks for another one of it."""
    asked, wheels = list[str](), dict[str, Wheel]()
    for line in _expanded(_lines("\n".join(lines)), find, 0):
        if (found := _WHEEL.match(line)) and "://" not in line:
            wheel = _wheel(line, found, find)
            wheels[normalized(wheel.name)] = wheel
        else:
            asked.append(line)
    named = {normalized(match["name"]) for line in asked if (match := _PACKAGE.match(line))} | wheels.keys()
    besides = (
        line for line in base if (match := _PACKAGE.match(line)) is None or normalized(match["name"]) not in named
    )
    minor = _PYTHON.match(python)
    kept = checked((*asked, *besides), may_link=may_link)
    return Needs(kept, minor[1] if minor else "", tuple(wheels[name] for name in sorted(wheels)))


def _expanded(lines: Iterable[str], find: Find, depth: int) -> Iterator[str]:
    for line in lines:
        further = _FURTHER.match(line)
        if not further:
            yield line
            continue
        path = find(further[1])
        if path is None:
            raise Trouble(f'there is no requirements file "{further[1][:_SHOWN]}" in the workspace.', is_final=True)
        if depth >= _DEEPEST:
            raise Trouble("requirements files name each other without end.", is_final=True)
        yield from _expanded(_lines(_text(path) or ""), find, depth + 1)


def _wheel(line: str, found: re.Match[str], find: Find) -> Wheel:
    extras = found[4] or ""
    path = find(line.removesuffix(extras))
    if path is None:
        raise Trouble(f'there is no wheel "{line[:_SHOWN]}" in the workspace.', is_final=True)
    with path.open("rb") as file:
        return Wheel(path, hashlib.file_digest(file, "sha256").hexdigest(), extras)


def normalized(name: str) -> str:
    """A package's name as indexes compare it (PEP 503)."""
    return re.sub(r"[-_.]+", "-", name).lower()


def checked(lines: Iterable[str], *, may_link: bool) -> tuple[str, ...]:
    """Lines, if each of them names a package and nothing else."""
    kept = sorted(set(lines))
    if len(kept) > _MOST_LINES:
        raise Trouble(f"more than {_MOST_LINES} packages are asked for.", is_final=True)
    for line in kept:
        if not (_PACKAGE.match(line) or (may_link and _LINK.match(line))):
            raise Trouble(_refusal(line), is_final=True)
    return tuple(kept)


def _refusal(line: str) -> str:
    shown = re.sub(r"//[^@/\s]*@", "//…@", line)[:_SHOWN]
    return (
        f'"{shown}" in the requirements is refused: each line names a package and its version. Index options '
        "and links are the operator's (settings package_index, package_find_links, package_links); paths and further "
        "files are never read."
    )


def _lines(text: str) -> tuple[str, ...]:
    whole = text.replace("\\\r\n", " ").replace("\\\n", " ")
    stripped = (_COMMENT.sub("", line).strip() for line in whole.splitlines())
    return tuple(" ".join(line.split()) for line in stripped if line)


def _of_conda(conda: Mapping[str, Any]) -> tuple[str, ...]:
    """The section of pip; conda's own packages but Python and pip itself are not to be had."""
    lines: list[str] = []
    for each in _list(conda.get("dependencies")):
        if isinstance(each, dict):
            lines += [str(line) for line in _list(cast("dict[str, Any]", each).get("pip"))]
        elif not re.match(r"(?:python|pip)(?:\W|\Z)", str(each)):
            raise Trouble(
                f'the model needs "{str(each)[:_SHOWN]}" from conda, which is not used here: log it again with '
                "pip_requirements.",
                is_final=True,
            )
    return _lines("\n".join(lines))


def _python_of_conda(conda: Mapping[str, Any]) -> str:
    found = (re.match(r"python\s*=+\s*(\S+)\Z", str(each)) for each in _list(conda.get("dependencies")))
    return next((match[1] for match in found if match), "")


def _setuptools(python_env: Mapping[str, Any], lines: Iterable[str]) -> Iterator[str]:
    """What old packages import without saying so; MLflow installs it too."""
    if any(re.match(r"setuptools\b", line) for line in lines):
        return
    for each in _list(python_env.get("build_dependencies")):
        if re.match(r"setuptools\b", str(each)):
            yield str(each)


def _list(value: object) -> list[Any]:
    return cast("list[Any]", value) if isinstance(value, list) else []


def _text(path: Path) -> str | None:
    if not path.is_file():
        return None
    if path.stat().st_size > _MOST_BYTES:
        raise Trouble(f"the {path.name} is too long.", is_final=True)
    return path.read_text(errors="replace")


def _yaml(path: Path) -> dict[str, Any]:
    try:
        found: object = yaml.safe_load(_text(path) or "")
    except (yaml.YAMLError, ValueError, RecursionError):
        raise Trouble(f"the model's {path.name} is no YAML.", is_final=True) from None
    return cast("dict[str, Any]", found) if isinstance(found, dict) else {}
