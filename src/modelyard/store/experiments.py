"""Experiments, and what stands for them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, or_, select, update

from modelyard.domain.experiments import PREFIX, UNBOUND, Experiment
from modelyard.domain.privileges import APPLICABLE, Kind
from modelyard.errors import NotFound
from modelyard.store import files, schema
from modelyard.store.catalogs import IS_ADMIN, seen_by
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import inserting, new_id

if TYPE_CHECKING:
    from modelyard.store.tx import Look, Row, Write

_securables, _grants = schema.securables, schema.grants
_experiments, _tracked = schema.experiments, schema.tracked

_SHOWN: Final = (
    _experiments.c.id,
    _experiments.c.name,
    _experiments.c.number,
    _experiments.c.manifest_id,
    _experiments.c.store_id,
    _securables.c.owner_id,
)
_THERE: Final = select(*_SHOWN).select_from(_experiments.join(_securables, _securables.c.id == _experiments.c.id))
_GET: Final = _THERE.where(_experiments.c.id == bindparam("experiment"))
_BY_NAME: Final = _THERE.where(_experiments.c.name == bindparam("called"))
_LEVELS: Final = texts(sorted(APPLICABLE[Kind.EXPERIMENT]))
_PERMITTED: Final = select(_grants.c.securable_id).where(
    is_in(_grants.c.principal_id, "mine"), is_in(_grants.c.privilege, "levels")
)
_VISIBLE: Final = (
    select(_experiments.c.number)
    .select_from(_experiments.join(_securables, _securables.c.id == _experiments.c.id))
    .where(_experiments.c.number.is_not(None))
    .where(or_(IS_ADMIN, is_in(_securables.c.owner_id, "mine"), _securables.c.id.in_(_PERMITTED)))
)
_ADD: Final = inserting(_experiments)
_BIND: Final = update(_experiments).where(_experiments.c.id == bindparam("experiment"))
_NUMBER: Final = _BIND.values(number=bindparam("new_number"))
_RENAME: Final = _BIND.values(name=bindparam("new_name"))
_NAME_SECURABLE: Final = (
    update(_securables)
    .where(_securables.c.id == bindparam("experiment"), _securables.c.full_name == bindparam("before"))
    .values(full_name=bindparam("new_full_name"))
)
_DROP: Final = delete(_securables).where(
    _securables.c.id == bindparam("experiment"), _securables.c.full_name == bindparam("before")
)
_TRACKED: Final = select(_tracked.c.experiment_id).where(_tracked.c.name == bindparam("called"))
_TRACK: Final = inserting(_tracked)


def unbound(id_: str) -> str:
    """The full name of an experiment that MLflow's server is yet to make."""
    return f"{UNBOUND}{id_}"


def get(tx: Look, id_: str) -> Experiment:
    """An experiment that is there."""
    row = tx.row(_GET, experiment=id_)
    if row is None:
        raise NotFound("The experiment does not exist.")
    return _experiment(row)


def by_name(tx: Look, name: str) -> Experiment | None:
    """The experiment of a name, whoever may see it."""
    row = tx.row(_BY_NAME, called=name)
    return _experiment(row) if row else None


def _experiment(row: Row) -> Experiment:
    id_, name, number, *rest = row
    return Experiment(id_, name, number or "", *rest)


def visible(tx: Look) -> frozenset[str]:
    """The numbers of the experiments that the caller may see."""
    return frozenset(row[0] for row in tx.rows(_VISIBLE, levels=_LEVELS, **seen_by(tx)))


def add(tx: Write, id_: str, name: str) -> None:
    """Make an experiment of a securable, with no artifacts yet."""
    manifest = new_id()
    files.add_manifest(tx, manifest)
    tx.run(_ADD, id=id_, name=name, number=None, manifest_id=manifest, store_id=tx.context.store_id)


def bind(tx: Write, id_: str, number: str) -> None:
    """Note the number that MLflow's server gave to an experiment."""
    if tx.run(_NAME_SECURABLE, experiment=id_, before=unbound(id_), new_full_name=PREFIX + number):
        tx.run(_NUMBER, experiment=id_, new_number=number)


def drop(tx: Write, id_: str) -> None:
    """Forget an experiment that MLflow's server did not make."""
    tx.run(_DROP, experiment=id_, before=unbound(id_))


def rename(tx: Write, id_: str, name: str) -> None:
    """Give an experiment another name."""
    tx.run(_RENAME, experiment=id_, new_name=name)


def tracked(tx: Look, name: str) -> str:
    """The id of the experiment that something is in, by its reference; empty for what is in none of ours."""
    row = tx.row(_TRACKED, called=name)
    return row[0] if row else ""


def track(tx: Write, name: str, experiment_id: str) -> None:
    """Note which experiment something is in, for good."""
    tx.run(_TRACK, name=name, experiment_id=experiment_id)
