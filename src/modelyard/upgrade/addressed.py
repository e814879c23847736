"""Addresses written out in text that is not parsed: shells, images, CI, other languages and prose."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from modelyard.upgrade.documents import Document
from modelyard.upgrade.findings import Edit, Finding, Safety
from modelyard.upgrade.plan import Plan, is_full, is_stage

# A name, and then a stage, a version, `latest` or an alias. Not a volume (`models:/app/models`), not a longer path.
ADDRESS: Final = re.compile(
    rb"(?<![\w./-])models:/(?P<name>[^\s/@'\"`$<>{}(),;|:]+)"
    rb"(?:(?P<mark>/)(?P<rest>[A-Za-z]+|\d+)|@(?P<alias>[\w-]+))(?![\w/:-]|\.\w)",
)
"""In a volume of containers the part before the colon would be one more word, so none may touch it."""


def addresses(document: Document, plan: Plan, start: int, end: int, rule: str, safety: Safety) -> Iterator[Finding]:
    """What the addresses between two offsets ask for."""
    for found in ADDRESS.finditer(document.buffer, start, end):
        yield from _address(document, plan, found, rule, safety)


def prose(document: Document, plan: Plan, start: int, end: int) -> Iterator[Finding]:
    """As `addresses`, in text for people."""
    yield from addresses(document, plan, start, end, "U43", Safety.REVIEW)


def _address(document: Document, plan: Plan, found: re.Match[bytes], rule: str, safety: Safety) -> Iterator[Finding]:
    name, rest = found["name"].decode(errors="replace"), (found["rest"] or b"").decode()
    if rest and not (is_stage(rest) or rest.isdigit() or rest.lower() == "latest"):
        if name in plan.names:  # else it may be a volume of a container
            yield _told(document, found, "U42", f'"{rest}" is not a stage, and never was; an alias is written @{rest}.')
        return
    full = name if is_full(name) else plan.full_name(name)
    if full is None:
        message = f'"{name}" has no new name: give it one with --map "{name}=catalog.schema.model".'
        yield _told(document, found, rule, message)
        return
    alias = plan.alias(rest) if rest else None
    edits = tuple(_edits(document, found, name, full, alias))
    if edits:
        message = f"{found[0].decode(errors='replace')} becomes models:/{full}{'@' + alias if alias else '…'}."
        yield Finding(rule, safety, document.name, *found.span(), message, edits, subject="" if is_full(name) else name)
    if rest and not alias:
        yield from _kept(document, found, rest)


def _edits(document: Document, found: re.Match[bytes], name: str, full: str, alias: str | None) -> Iterator[Edit]:
    if full != name:
        yield Edit(document.name, *found.span("name"), full.encode())
    if alias:
        yield Edit(document.name, *found.span("mark"), b"@")
        yield Edit(document.name, *found.span("rest"), alias.encode())


def _kept(document: Document, found: re.Match[bytes], rest: str) -> Iterator[Finding]:
    if rest.isdigit():
        yield _told(document, found, "U10", f"Version {rest} is pinned: it stays, and no promotion reaches this.")
    elif rest.lower() == "latest":
        yield _told(document, found, "U11", "The newest version may be one that nobody approved: name an alias.")
    else:
        yield _told(document, found, "U09", f"The stage {rest} becomes no alias: which version is meant?")


def _told(document: Document, found: re.Match[bytes], rule: str, message: str) -> Finding:
    name = found["name"].decode(errors="replace")
    subject = "" if is_full(name) else name
    return Finding(rule, Safety.REPORT, document.name, *found.span(), message, subject=subject)
