"""A batch job from its order to its report."""

from __future__ import annotations

import base64
import hashlib
import json
import time
from collections.abc import Callable
from contextlib import AbstractContextManager
from dataclasses import replace
from typing import Any, Final

from modelyard.batch import inputs, signature
from modelyard.batch.inputs import Source
from modelyard.batch.order import Existing, Form, Order, Report
from modelyard.batch.pool import Pool, Progress, cores
from modelyard.batch.target import Target
from modelyard.batch.worker.arrow import pa
from modelyard.errors import Invalid

FORMAT: Final = 1
"""Counted up when plans are made in another way, so that older ones are not gone on with."""

Bar = Callable[[int, bool], AbstractContextManager[Callable[[int], None]]]
"""What shows progress: it is told how much there is, and whether that is rows (else bytes)."""


def run(order: Order, bar: Bar) -> Report:
    """Score the input; nothing of the output is seen unless all of it is there."""
    begun = time.monotonic()
    if order.existing is Existing.APPEND and order.output_form is not Form.DELTA:
        raise Invalid("only Delta tables are appended to; say --output-format delta, or --overwrite.")
    source = inputs.look(order.input, order.input_form, order.delimiter)
    if not source.pieces or source.rows == 0:
        raise Invalid(f"the input {order.input} has no rows; nothing was written.")
    plan = _plan(order, source)
    target = Target(order, _id(plan, source, order))
    if order.restart:
        target.forget()
        target = Target(order, hashlib.sha256(f"{target.plan_id} {time.time_ns()}".encode()).hexdigest())
    done = target.done_before()
    if done:
        return _report(done, order, begun, resumed=len(done["parts"]))
    with target.held():
        return _work(plan, source, target, bar, begun)


def _plan(order: Order, source: Source) -> dict[str, Any]:
    """What processes need to know; where parts go and when they were scored comes later."""
    known = signature.of_model(order.model.folder)
    if source.form is Form.CSV:
        signature.check_text(known)
    features = signature.features(known, source, order.features)
    keep = signature.kept(order.keep, source)
    types = known.types if known else {}
    return {
        "format": FORMAT,
        "model": str(order.model.folder),
        "input": order.input,
        "form": "csv" if order.output_form is Form.CSV else "parquet",
        "columns": [name for name in source.columns if name in {*features, *keep}],
        "features": features,
        "keep": keep,
        "value_types": {name: types.get(name, kind) for name, kind in source.values.items()},
        "csv": {
            "types": {name: types[name] for name in features if name in types} if source.form is Form.CSV else {},
            "delimiter": order.delimiter,
            "nulls": list(order.nulls),
        },
        "batch_rows": order.batch_rows,
        "bad_rows": order.bad_rows.value,
        "prediction": order.prediction,
        "params": order.params,
    }


def _id(plan: dict[str, Any], source: Source, order: Order) -> str:
    """What tells a plan apart: the model, every file and every choice, but not how many processes work."""
    model = [order.model.digest, order.model.name, order.model.version]
    same = {name: value for name, value in plan.items() if name != "model"}
    told = [same, source.pieces, model, order.output, order.output_form, order.existing, order.prefix]
    return hashlib.sha256(json.dumps(told, sort_keys=True).encode()).hexdigest()


def _work(plan: dict[str, Any], source: Source, target: Target, bar: Bar, begun: float) -> Report:
    order = target.order
    settled = target.plan() or {"scored_at": time.time_ns() // 1_000}
    plan |= {"staging": target.staging, "notes": target.notes, "stamps": _stamps(order, settled["scored_at"])}
    pieces: list[dict[str, Any]] = [{**piece, "part": target.part(piece["index"])} for piece in source.pieces]
    before = target.journal() if "schema" in settled else {}
    left = [piece for piece in pieces if piece["part"] not in before]
    count = min(order.processes or cores(), max(1, len(left)))
    scored: list[dict[str, Any]] = []
    if left:
        with Pool(plan, order.python, count) as pool, bar(source.weight, source.form is not Form.CSV) as advance:
            if "schema" not in settled:
                settled |= {"schema": _probed(pool, pieces, order)}
                target.note_plan(settled)
            pool.use(settled["schema"])
            advance(source.weight - sum(piece["weight"] for piece in left))
            scored = pool.score(left, _progress(source, advance))
    noted = sorted((*before.values(), *scored), key=lambda each: each["part"])
    return _commit(target, settled, noted, begun, resumed=len(before))


def _probed(pool: Pool, pieces: list[dict[str, Any]], order: Order) -> str:
    schema = pool.probe(pieces)
    if not schema:
        raise Invalid(f"the input {order.input} has no rows that can be scored; nothing was written.")
    return schema


def _progress(source: Source, advance: Callable[[int], None]) -> Progress:
    """Rows of Parquet are counted; those of CSV stand for some of the bytes of their piece."""
    if source.form is not Form.CSV:
        return lambda _piece, rows: advance(rows)
    shown: dict[int, int] = {}

    def tell(piece: dict[str, Any], rows: int) -> None:
        said = shown.get(piece["index"], 0)
        more = min(rows * 100, piece["weight"] - said)
        shown[piece["index"]] = said + more
        advance(more)

    return tell


def _stamps(order: Order, scored_at: int) -> dict[str, Any]:
    """The columns that say which version scored a row, and when (microseconds)."""
    model, prefix = order.model, order.prefix
    version: object = int(model.version) if model.version.isdigit() else model.version
    return {
        f"{prefix}model_name": model.name,
        f"{prefix}model_version": version,
        f"{prefix}model_run_id": model.run_id,
        f"{prefix}scored_at": {"at": scored_at},
    }


def _commit(target: Target, settled: dict[str, Any], noted: list[dict[str, Any]], begun: float, resumed: int) -> Report:
    order = target.order
    rows = sum(each["rows"] for each in noted)
    if not rows:
        raise Invalid("no row of the input could be scored; nothing was written.")
    schema = pa.ipc.read_schema(pa.py_buffer(base64.b64decode(settled["schema"])))
    manifest: dict[str, Any] = {
        "plan": target.plan_id,
        "model": {"name": order.model.name, "version": order.model.version, "run_id": order.model.run_id,
                  "digest": order.model.digest},
        "input": order.input,
        "rows": rows,
        "rejected": sum(each["rejected"] for each in noted),
        "scored_at": settled["scored_at"] // 1_000,
        "parts": [{"part": each["part"], "rows": each["rows"], "size": each["size"]} for each in noted],
        "columns": {field.name: str(field.type) for field in schema},
    }  # fmt: skip
    version = target.commit(manifest, schema, noted)
    return replace(_report(manifest, order, begun, resumed), delta_version=version)


def _report(manifest: dict[str, Any], order: Order, begun: float, resumed: int) -> Report:
    return Report(
        output=order.output,
        form=order.output_form,
        rows=manifest["rows"],
        rejected=manifest["rejected"],
        size=sum(each["size"] for each in manifest["parts"]),
        parts=tuple(each["part"] for each in manifest["parts"]),
        resumed=resumed,
        seconds=time.monotonic() - begun,
        started_at=manifest["scored_at"],
        delta_version=manifest.get("delta_version"),
    )
