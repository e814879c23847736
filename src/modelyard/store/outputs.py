"""Outputs of volumes, and the moves of the pointer to the current one."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, case, delete, select, update

from modelyard.domain.volumes import Move, Output, State
from modelyard.errors import NotFound
from modelyard.store import files, schema
from modelyard.store.tx import inserting, new_id

if TYPE_CHECKING:
    from modelyard.domain.pages import Page, Window
    from modelyard.domain.volumes import Volume
    from modelyard.store.tx import Look, Row, Write

_outputs, _moves, _manifests = schema.outputs, schema.output_moves, schema.manifests
_volumes, _securables = schema.volumes, schema.securables

_LAST_SEQ: Final = 2**62
_BEYOND: Final = "~"
"""Sorts behind the name of every output."""
_OUTPUTS: Final = (
    select(
        _outputs.c.id,
        _securables.c.full_name,
        _outputs.c.name,
        _outputs.c.manifest_id,
        _outputs.c.state,
        _outputs.c.about,
        _outputs.c.created_at,
        _outputs.c.created_by,
        _outputs.c.completed_at,
        _manifests.c.digest,
        _manifests.c.files,
        _manifests.c.size,
        case((_volumes.c.current_output == _outputs.c.name, 1), else_=0),
    )
    .select_from(
        _outputs.join(_volumes, _volumes.c.id == _outputs.c.volume_id)
        .join(_securables, _securables.c.id == _volumes.c.id)
        .join(_manifests, _manifests.c.id == _outputs.c.manifest_id)
    )
    .where(_outputs.c.volume_id == bindparam("volume"))
)
_GET: Final = _OUTPUTS.where(_outputs.c.name == bindparam("named"))
_NEWEST_FIRST: Final = (
    _OUTPUTS.where(_outputs.c.name < bindparam("before")).order_by(_outputs.c.name.desc()).limit(bindparam("most"))
)
_COMPLETE_AFTER: Final = (
    _OUTPUTS.where(_outputs.c.name > bindparam("after"), _outputs.c.state == State.COMPLETE.value)
    .order_by(_outputs.c.name)
    .limit(bindparam("most"))
)
_ADD: Final = inserting(_outputs)
_THIS: Final = _outputs.c.id == bindparam("output")
_COMPLETE: Final = update(_outputs).where(_THIS).values(state=State.COMPLETE.value, completed_at=bindparam("now"))
_REMOVE: Final = delete(_outputs).where(_THIS)


def get(tx: Look, volume_id: str, name: str) -> Output:
    """An output of a volume, or `NotFound`."""
    row = tx.row(_GET, volume=volume_id, named=name)
    if row is None:
        raise NotFound("No such output; `modelyard outputs list` shows those that there are.")
    return _output(row)


def newest(tx: Look, volume_id: str, window: Window) -> Page[Output]:
    """Outputs of a volume, newest first."""
    rows = tx.rows(_NEWEST_FIRST, volume=volume_id, before=window.after or _BEYOND, most=window.limit + 1)
    found = [_output(row) for row in rows]
    return window.cut(found, found[window.limit - 1].name if len(found) > window.limit else None)


def complete_after(tx: Look, volume_id: str, window: Window) -> Page[Output]:
    """Complete outputs of a volume, by name."""
    rows = tx.rows(_COMPLETE_AFTER, volume=volume_id, after=window.after, most=window.limit + 1)
    found = [_output(row) for row in rows]
    return window.cut(found, found[window.limit - 1].name if len(found) > window.limit else None)


def add(tx: Write, volume: Volume, name: str, about: str) -> Output:
    """Begin an output without files."""
    manifest_id = new_id()
    files.add_manifest(tx, manifest_id)
    tx.run(
        _ADD,
        id=new_id(),
        volume_id=volume.id,
        name=name,
        manifest_id=manifest_id,
        state=State.OPEN.value,
        about=about,
        created_at=tx.now,
        created_by=tx.actor,
        completed_at=None,
    )
    return get(tx, volume.id, name)


def complete(tx: Write, output: Output) -> None:
    """Note that an output is whole."""
    tx.run(_COMPLETE, output=output.id, now=tx.now)


def remove(tx: Write, output: Output) -> None:
    """Remove an output; its bytes are collected later."""
    tx.run(_REMOVE, output=output.id)


def _output(row: Row) -> Output:
    id_, volume, name, manifest_id, state, *told, is_current = row
    return Output(id_, volume, name, manifest_id, State(state), *told, is_current=bool(is_current))


# Moves

_MOVES: Final = (
    select(
        _moves.c.seq,
        _moves.c.from_output,
        _moves.c.to_output,
        _moves.c.moved_at,
        _moves.c.moved_by,
        _moves.c.reason,
        _moves.c.request_id,
    )
    .where(_moves.c.volume_id == bindparam("volume"), _moves.c.seq < bindparam("before"))
    .order_by(_moves.c.seq.desc())
    .limit(bindparam("most"))
)
_ADD_MOVE: Final = inserting(_moves)


def note_move(tx: Write, volume: Volume, to: str, reason: str) -> None:
    """Keep a move of the pointer in its history."""
    tx.run(
        _ADD_MOVE,
        volume_id=volume.id,
        volume=volume.full_name,
        from_output=volume.current,
        to_output=to,
        moved_at=tx.now,
        moved_by=tx.actor,
        request_id=tx.context.origin.request_id,
        reason=reason,
    )


def moves(tx: Look, volume_id: str, window: Window) -> Page[Move]:
    """Moves of the pointer of a volume, newest first."""
    before = window.number_after or _LAST_SEQ
    found = [Move(*row) for row in tx.rows(_MOVES, volume=volume_id, before=before, most=window.limit + 1)]
    return window.cut(found, str(found[window.limit - 1].seq) if len(found) > window.limit else None)


def last_move(tx: Look, volume_id: str) -> Move | None:
    """The last move of the pointer of a volume."""
    rows = tx.rows(_MOVES, volume=volume_id, before=_LAST_SEQ, most=1)
    return Move(*rows[0]) if rows else None
