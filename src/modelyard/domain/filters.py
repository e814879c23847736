"""The filters of searches: Unity Catalog knows two, by model name and by run."""

from __future__ import annotations

import re
from dataclasses import dataclass

from modelyard.domain import names
from modelyard.errors import Invalid

_FILTER = re.compile(r"\s*(?P<field>name|run_id)\s*=\s*(?P<quote>['\"])(?P<value>.{1,800})(?P=quote)\s*\Z")
_RUN = re.compile(r"[\w.\-]+\Z")


@dataclass(frozen=True, slots=True)
class VersionFilter:
    """Which versions are searched: those of one model, or those of one run."""

    model: str | None = None
    run_id: str | None = None


def versions(text: str) -> VersionFilter:
    """Read `name = 'catalog.schema.model'` or `run_id = '…'`; anything else is `Invalid`."""
    found = _FILTER.match(text)
    if not found or (found["field"] == "run_id" and not _RUN.match(found["value"])):
        raise Invalid(
            "Model versions can be searched by one model or one run: "
            "filter must be \"name = 'catalog.schema.model'\" or \"run_id = '<run id>'\".",
        )
    value = found["value"]
    if found["field"] == "run_id":
        return VersionFilter(run_id=value)
    return VersionFilter(model=names.model(value))
