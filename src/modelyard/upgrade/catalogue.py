"""The rules by their ids: what each matches and what it writes, in a line, for reports and documentation."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Final


@dataclass(frozen=True, slots=True)
class Rule:
    """A pattern of the old registry: what it is, what it becomes, and why."""

    id: str
    matches: str
    writes: str
    why: str
    opt_in: bool = False
    """Whether it works only where it is asked for."""


def _rule(line: str) -> Rule:
    name, matches, writes, why = (part.strip() for part in line.split("|"))
    return Rule(name.rstrip("?"), matches, writes, why, opt_in=name.endswith("?"))


_LINES: Final = """
U01 | the registry's address | the catalog's address | names with three levels live in the catalog's registry
U02 | a tracking address that is the registry's too | nothing | runs stay where they are
U03 | a client with a registry address | the catalog's address | as U01
U04 | registered_model_name= of log_model | the full name | a flat name is refused or lands elsewhere
U05 | registered_model_name= of autolog | the full name | as U04
U06 | mlflow.register_model | the full name | as U04
U07 | calls about a registered model | the full name | as U04; deleting and renaming are only told
U08 | create_model_version | the full name | as U04; a source that is a location is only told
U09 | models:/name/Stage | models:/full.name@alias | the catalog has aliases instead of stages
U10 | models:/name/3 | models:/full.name/3 | numbers are kept by the import; a pinned version is told
U11 | models:/name/latest | nothing | the newest version may be one that nobody approved
U12 | an f-string of a model's address | its parts, where they are defined | as U09
U13 | an address put together by +, % or format | its parts, where they are defined | as U09
U14 | an address inside SQL or another expression | nothing | what it becomes is decided where it runs
U15 | an address taken apart by split("/") | nothing | an alias comes after @ and is not parted by a slash
U16 | a name or stage from configuration | the value there | code and configuration change together
U17 | get_latest_versions of one stage | get_model_version_by_alias | as U09
U18 | get_latest_versions of stage None, or of none | the highest number | new versions have no stage in the catalog
U19 | get_latest_versions of several stages | nothing | which of them counts has to be said
U20 | latest_versions, list_registered_models, searches for all | nothing | it is one a stage, in no order
U21 | transition_model_version_stage | set_registered_model_alias | as U09
U22 | archive the old, then promote the new | one move of the alias | an alias holds one version
U23 | transition to Archived | a tag, and its aliases taken off | that it was retired is kept
U24 | a stage from a variable or a dictionary | the alias there | as U09
U25 | current_stage | aliases | as U09
U26 | search_model_versions | the full name in the filter | as U04
U27 | calls about a model version | the full name | as U04
U28 | a feature store's log_model and score_batch | the full name | as U04
U29 | a registered model without signature | nothing | the catalog may refuse versions without one
U30? | what MLflow has deprecated or removed | its successor | not part of the move
U31 | the mlflow command in shells, images and CI | the new address | as U09
U32 | registry webhooks, transition requests, comments | nothing | the catalog has events and approvals
U33 | the registry's REST paths | nothing | stages have no REST path in the catalog
U34 | a bundle's models | registered_models | as U04
U35 | Terraform's databricks_mlflow_model | nothing | the state needs a plan of its own
U36 | served_models of an endpoint | served_entities | as U04
U37 | an address in the environment of a service or a workflow | the new address | as U09
U38 | keys of kedro and other frameworks | the alias's key | as U09
U39 | other languages | literal addresses | as U09
U40 | SQL on MLflow's own database | nothing | no log shows who reads it
U41 | a model loaded by its source or run | nothing | it goes around the catalog's privileges
U42 | what never worked: unknown stages, a missing f | nothing | the move brings it to light
U43? | comments, Markdown and docstrings | the new words | people read them
"""

RULES: Final = {rule.id: rule for rule in map(_rule, _LINES.strip().splitlines())}
