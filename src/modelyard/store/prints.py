"""What attempts at tasks have printed, and the notebooks that they have executed: compressed, and bounded."""

from __future__ import annotations

import base64
import zlib
from typing import TYPE_CHECKING, Final

from sqlalchemy import bindparam, delete, func, select

from modelyard.domain.jobs.runs import MOST_LOG
from modelyard.store import schema
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from modelyard.store.tx import Look, Write

_logs, _notebooks = schema.task_logs, schema.task_notebooks

_END: Final = select(func.max(_logs.c.start + _logs.c.size)).where(_logs.c.task_id == bindparam("task"))
_FROM: Final = (
    select(_logs.c.start, _logs.c.size, _logs.c.content)
    .where(_logs.c.task_id == bindparam("task"), _logs.c.start + _logs.c.size > bindparam("offset"))
    .order_by(_logs.c.start)
)
_ADD: Final = inserting(_logs)
_TRIM: Final = delete(_logs).where(
    _logs.c.task_id == bindparam("task"), _logs.c.start + _logs.c.size <= bindparam("before")
)
_NOTEBOOK: Final = select(_notebooks.c.content).where(_notebooks.c.task_id == bindparam("task"))
_ADD_NOTEBOOK: Final = inserting(_notebooks)
_DROP_NOTEBOOK: Final = delete(_notebooks).where(_notebooks.c.task_id == bindparam("task"))


def log_end(tx: Look, task_id: int) -> int:
    """How many bytes of what was printed are dealt with."""
    row = tx.row(_END, task=task_id)
    return (row[0] or 0) if row else 0


def keep_log(tx: Write, task_id: int, start: int, content: bytes) -> int:
    """Keep what was printed from a place on, and of all of it the last bytes; how many are dealt with now.

    What is kept already is not kept again, so that saying it twice does no harm.
    """
    end = log_end(tx, task_id)
    fresh = content[max(0, end - start) :]
    if fresh and start <= end:
        tx.run(_ADD, task_id=task_id, start=end, size=len(fresh), content=_packed(fresh))
        end += len(fresh)
        tx.run(_TRIM, task=task_id, before=end - MOST_LOG)
    return end


def skip_log(tx: Write, task_id: int, start: int, content: bytes) -> int:
    """Keep what was printed last, where what came before is too much to be kept at all."""
    tx.run(_TRIM, task=task_id, before=start)
    tx.run(_ADD, task_id=task_id, start=start, size=len(content), content=_packed(content))
    return start + len(content)


def log(tx: Look, task_id: int, offset: int) -> tuple[int, bytes]:
    """Where what is kept begins, from a place on, and the bytes."""
    rows = tx.rows(_FROM, task=task_id, offset=offset)
    if not rows:
        return offset, b""
    first = rows[0][0]
    whole = b"".join(_unpacked(content) for _, _, content in rows)
    return max(first, offset), whole[max(0, offset - first) :]


def keep_notebook(tx: Write, task_id: int, content: bytes) -> None:
    """Keep an executed notebook."""
    tx.run(_DROP_NOTEBOOK, task=task_id)
    tx.run(_ADD_NOTEBOOK, task_id=task_id, content=_packed(content))


def notebook(tx: Look, task_id: int) -> bytes | None:
    """The executed notebook of an attempt, if it left one."""
    row = tx.row(_NOTEBOOK, task=task_id)
    return _unpacked(row[0]) if row else None


def _packed(content: bytes) -> str:
    return base64.b64encode(zlib.compress(content, 3)).decode("ascii")


def _unpacked(content: str) -> bytes:
    return zlib.decompress(base64.b64decode(content))
