"""How a version that becomes READY starts its model's deployment job: noted in the transaction in which it does."""

from __future__ import annotations

from typing import Final

from sqlalchemy import bindparam, insert, literal, null, select

from modelyard.store import schema
from modelyard.store.schema import Name, Number

_runs, _models, _securables = schema.deployment_runs, schema.models, schema.securables

DEPLOY: Final = insert(_runs).from_select(
    ["model_id", "version", "job", "run_id", "note", "happened_at"],
    select(
        _models.c.id,
        bindparam("version", type_=Number),
        _models.c.deployment_job_id,
        null(),
        literal("", Name),
        bindparam("now", type_=Number),
    )
    .join(_securables, _securables.c.id == _models.c.id)
    .where(_securables.c.full_name == bindparam("full_name"), _models.c.deployment_job_id != ""),
)
