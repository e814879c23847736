"""What a schema admits: which files, and whether a clean scan and a signature are required."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass
from enum import StrEnum
from typing import Final

from modelyard.domain import keys
from modelyard.domain.cards import Card, Contents, Finding, Verdict
from modelyard.errors import Invalid

MAX_SIGNERS: Final = 20
_MOST_TOLD: Final = 3


class Admits(StrEnum):
    """Which files a schema takes."""

    ANYTHING = "anything"
    DATA_ONLY = "data_only"


@dataclass(frozen=True, slots=True)
class Policy:
    """What a schema asks of a version before it becomes READY there.

    `signers` are public keys in PEM; with any, one of them must have signed the version's files.
    """

    schema: str
    admits: Admits = Admits.ANYTHING
    clean_scan: bool = False
    signers: tuple[str, ...] = ()
    updated_at: int = 0
    updated_by: str = ""


@dataclass(frozen=True, slots=True)
class Quarantined:
    """A version that its schema does not admit: its model, its number, who registered it, why it is kept back."""

    model: str
    number: int
    created_by: str
    reasons: tuple[str, ...]
    since: int


def key_id(pem: str) -> str:
    """What a public key is told apart by, in hex."""
    return keys.name(keys.public_key(pem.encode(), "a signer"))


def checked(policy: Policy) -> Policy:
    """A policy whose keys are keys, each of them once."""
    found = {key_id(pem): f"{pem.strip()}\n" for pem in policy.signers}
    if len(found) > MAX_SIGNERS:
        raise Invalid(f"a schema has at most {MAX_SIGNERS} signers.")
    return Policy(policy.schema, policy.admits, policy.clean_scan, tuple(found.values()))


def refusals(policy: Policy | None, card: Card, signed_by: Collection[str]) -> tuple[str, ...]:
    """Why a version is not admitted, in sentences; none where it is. What is not known counts as bad."""
    if policy is None:
        return ()
    found: list[str] = []
    if policy.admits is Admits.DATA_ONLY and card.contents is not Contents.DATA_ONLY:
        found.append(_contents(policy, card))
    if policy.clean_scan and card.verdict is not Verdict.CLEAN:
        found.append(_verdict(policy, card))
    if policy.signers and not {key_id(pem) for pem in policy.signers} & set(signed_by):
        found.append(f"Schema '{policy.schema}' wants a signature of one of its {len(policy.signers)} signers.")
    return tuple(found)


def _contents(policy: Policy, card: Card) -> str:
    are = "may run code when they are loaded" if card.contents is Contents.CODE_BEARING else "are of an unknown kind"
    return f"Schema '{policy.schema}' admits data only, and these files {are}."


def _verdict(policy: Policy, card: Card) -> str:
    wants = f"Schema '{policy.schema}' wants a clean scan, and "
    if card.verdict is Verdict.UNSCANNED:
        return wants + "these files could not be scanned."
    return wants + f"the scan found: {_told(card.findings)}"


def _told(findings: tuple[Finding, ...]) -> str:
    more = f" (and {len(findings) - _MOST_TOLD} more)" if len(findings) > _MOST_TOLD else ""
    return " ".join(f"{each.path}: {each.problem}" for each in findings[:_MOST_TOLD]) + more
