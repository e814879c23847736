"""What the rules for configuration and text are given, and how they say what they found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from typing import Final

from modelyard.upgrade.documents import Document
from modelyard.upgrade.findings import Edit, Finding, Safety
from modelyard.upgrade.jsons import Key
from modelyard.upgrade.origins import Flow
from modelyard.upgrade.plan import Plan, is_full

Found = Iterator[Finding]

_PLACES: Final = {
    "widget": frozenset({"base_parameters", "notebook_params", "job_parameters", "parameters"}),
    "env": frozenset({"env", "environment", "env_vars", "environment_vars", "spark_env_vars", "envs", "variables"}),
}


def _fits(kind: str, path: tuple[Key, ...]) -> bool:
    """Whether a key stands where widgets or environments are given; any other has to speak of a model."""
    return bool(_PLACES.get(kind, frozenset()) & set(path[:-1])) or "model" in str(path[-1]).lower()


@dataclass(frozen=True, slots=True)
class Sight:
    """One document under a plan, with what Python was found to take from configuration."""

    document: Document
    plan: Plan
    flows: Mapping[Flow, set[str]]

    def gives(self, path: tuple[Key, ...], meaning: str) -> bool:
        """Whether the key at the end of a path was found to give names, stages or addresses to code.

        A key such as `name` says many things in many files, so it must stand where such values are given.
        """
        key = path[-1] if path else ""
        found = {flow.kind for flow, meanings in self.flows.items() if flow.key == key and meaning in meanings}
        return any(_fits(kind, path) for kind in found)

    def edit(self, start: int, end: int, said: str) -> Edit:
        """A change of the text between two offsets."""
        return Edit(self.document.name, start, end, said.encode())

    def found(
        self,
        rule: str,
        safety: Safety,
        span: tuple[int, int],
        message: str,
        edits: Iterable[Edit] = (),
        subject: str = "",
    ) -> Finding:
        """A finding between two offsets; a comment can stand above its line where the format has comments."""
        todo = self.document.line_start(span[0]) if safety is Safety.PROPOSE else None
        return Finding(rule, safety, self.document.name, *span, message, tuple(edits), todo, subject)

    def told(self, rule: str, span: tuple[int, int], message: str, subject: str = "") -> Finding:
        """A finding that changes nothing."""
        return self.found(rule, Safety.REPORT, span, message, (), subject)

    def named(self, rule: str, span: tuple[int, int], flat: str) -> Found:
        """A flat name that is written between two offsets."""
        if not flat or is_full(flat) or "$" in flat or "{" in flat:
            return
        full = self.plan.full_name(flat)
        if full is None:
            message = f'"{flat}" has no new name: give it one with --map "{flat}=catalog.schema.model".'
            yield self.told(rule, span, message, flat)
        else:
            yield self.found(rule, Safety.REVIEW, span, f'"{flat}" becomes {full}.', [self.edit(*span, full)], flat)
