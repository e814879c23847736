"""Where an output goes: parts gather where nobody looks, and all of them are seen at once, or none.

A folder on this machine appears by a rename. In S3, which has none, the files `_manifest.json` and `_SUCCESS` come
last, as Spark's do. The parts of a Delta table are named by its log in one commit.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import json
import os
import shutil
from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Final, cast

from modelyard.batch import delta
from modelyard.batch.order import Existing, Form, Order
from modelyard.batch.worker import places
from modelyard.batch.worker.arrow import filesystems
from modelyard.batch.worker.writing import put, synced
from modelyard.errors import Invalid, WrongState

MANIFEST: Final = "_manifest.json"
_SUCCESS: Final = "_SUCCESS"
_JOURNAL: Final = "_journal"
_PLAN: Final = "_plan.json"
_CURRENT_FOLDER: Final = -100
_EXCHANGE: Final = 2


@dataclass(frozen=True, slots=True)
class Target:
    """Where the output of one plan goes: `staging` is where parts are written, `notes` where the journal is."""

    order: Order
    plan_id: str

    @property
    def output(self) -> str:
        """The place of the output."""
        location = self.order.output.rstrip("/") or "/"
        return places.local_path(location) if places.is_local(location) else location

    @property
    def _renames(self) -> bool:
        return places.is_local(self.output) and self.order.output_form is not Form.DELTA

    @property
    def staging(self) -> str:
        """Where parts are written."""
        if not self._renames:
            return self.output
        place = Path(self.output)
        return str(place.with_name(f".{place.name}.batch-{self.plan_id[:16]}"))

    @property
    def notes(self) -> str:
        """Where the journal and the rows that could not be scored are."""
        return self.staging if self._renames else f"{self.output}/_batch-{self.plan_id[:16]}"

    def part(self, number: int) -> str:
        """The name of a part; in a table it also tells the plan, as others' parts are there, too."""
        if self.order.output_form is Form.DELTA:
            return f"part-{number:05}-{self.plan_id[:16]}.parquet"
        return f"part-{number:05}.{self.order.output_form.value}"

    # Before

    def done_before(self) -> dict[str, Any] | None:
        """What the manifest of an output says that this very plan made; None where it did not. `Invalid` for others."""
        if self.order.output_form is Form.DELTA:
            version = delta.committed(self.output, self.plan_id)
            if version is None:
                delta.check(self.output, self.order.existing)
                return None
            return {**self._read(f"{self.notes}/{MANIFEST}"), "delta_version": version}
        found = self._read(f"{self.output}/{MANIFEST}")
        if found.get("plan") == self.plan_id and self._is_there(f"{self.output}/{_SUCCESS}"):
            return found
        if self.order.existing is Existing.REFUSE and self._is_in_use():
            raise Invalid(f"{self.output} is there already; name a new place, or say --overwrite.")
        return None

    def _is_in_use(self) -> bool:
        """Whether something is there that is not of this plan."""
        files, path = places.opened(self.output)
        kind = files.get_file_info(path).type
        if kind == filesystems.FileType.NotFound:
            return False
        if kind == filesystems.FileType.File:
            return True
        mine = Path(self.notes).name
        inside = files.get_file_info(filesystems.FileSelector(path))
        begun = any(each.base_name == mine for each in inside)
        return bool(inside) and not (begun and not self._is_there(f"{self.output}/{_SUCCESS}"))

    @contextlib.contextmanager
    def held(self) -> Generator[None]:
        """Keep others from working at the same plan on this machine."""
        if not places.is_local(self.notes):
            yield
            return
        notes = Path(self.notes)
        notes.mkdir(parents=True, exist_ok=True)
        with (notes / ".lock").open("w") as lock:
            try:
                fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
            except BlockingIOError:
                raise WrongState("the same batch job is running already; wait for it, or end it.") from None
            yield

    def forget(self) -> None:
        """Throw away what an interrupted run has done."""
        files, notes = places.opened(self.notes)
        if files.get_file_info(notes).type == filesystems.FileType.Directory:
            _clear(self.notes)

    # The journal

    def plan(self) -> dict[str, Any]:
        """What an interrupted run had settled; empty for a new one."""
        return self._read(f"{self.notes}/{_PLAN}")

    def note_plan(self, settled: dict[str, Any]) -> None:
        """Settle what must be the same when the work goes on."""
        files, notes = places.opened(self.notes)
        put(files, f"{notes}/{_PLAN}", json.dumps(settled).encode())

    def journal(self) -> dict[str, dict[str, Any]]:
        """What is done, by part."""
        files, folder = places.opened(f"{self.notes}/{_JOURNAL}")
        if files.get_file_info(folder).type != filesystems.FileType.Directory:
            return {}
        inside = files.get_file_info(filesystems.FileSelector(folder))
        found = [self._read_at(files, each.path) for each in inside if each.path.endswith(".json")]
        return {each["part"]: each for each in found if each and self._has(each)}

    def _has(self, noted: dict[str, Any]) -> bool:
        """Whether a part of the journal is there, whole."""
        files, folder = places.opened(self.staging)
        return files.get_file_info(f"{folder}/{noted['part']}").size == noted["size"]

    def _read(self, location: str) -> dict[str, Any]:
        return self._read_at(*places.opened(location))

    @staticmethod
    def _read_at(files: Any, path: str) -> dict[str, Any]:  # noqa: ANN401  pyarrow has no types
        try:
            with files.open_input_stream(path) as file:
                found: object = json.loads(file.read())
        except (OSError, ValueError):
            return {}
        return cast("dict[str, Any]", found) if isinstance(found, dict) else {}

    @staticmethod
    def _is_there(location: str) -> bool:
        files, path = places.opened(location)
        kind = files.get_file_info(path).type
        return kind == filesystems.FileType.File

    # After

    def commit(self, manifest: dict[str, Any], schema: Any, parts: Sequence[dict[str, Any]]) -> int | None:  # noqa: ANN401  as above
        """Let everybody see the output; the version of the table, where it is one."""
        if self.order.output_form is Form.DELTA:
            files, notes = places.opened(self.notes)
            put(files, f"{notes}/{MANIFEST}", json.dumps(manifest).encode())
            version = delta.commit(self.output, schema, parts, self.order.existing, self.plan_id)
            _clear(f"{self.notes}/{_JOURNAL}")
            return version
        if self._renames:
            self._appear(manifest)
        else:
            self._succeed(manifest, parts)
        return None

    def _appear(self, manifest: dict[str, Any]) -> None:
        staging, output = Path(self.staging), Path(self.output)
        files, path = places.opened(self.staging)
        put(files, f"{path}/{MANIFEST}", json.dumps(manifest, indent=1).encode())
        put(files, f"{path}/{_SUCCESS}", b"")
        shutil.rmtree(staging / _JOURNAL, ignore_errors=True)
        for name in (_PLAN, ".lock"):
            (staging / name).unlink(missing_ok=True)
        for left in staging.glob("*.unfinished"):
            left.unlink()
        if output.exists() and not (output.is_dir() and not any(output.iterdir())):
            _exchange(staging, output)
            synced(output.parent)
            shutil.rmtree(staging) if staging.is_dir() else staging.unlink()
        else:
            staging.rename(output)
            synced(output.parent)

    def _succeed(self, manifest: dict[str, Any], parts: Sequence[dict[str, Any]]) -> None:
        files, output = places.opened(self.output)
        _, notes = places.opened(self.notes)
        mine = {f"{output}/{part['part']}" for part in parts}
        inside = files.get_file_info(filesystems.FileSelector(output, recursive=True))
        there = [each.path for each in inside if each.type == filesystems.FileType.File]
        others = [path for path in there if path not in mine and not path.startswith(f"{notes}/_")]
        ready = f"{output}/{_SUCCESS}"
        if ready in others:
            remove_objects([ready])  # first of all, the old output is ready no more
        remove_objects([path for path in others if path != ready])
        put(files, f"{output}/{MANIFEST}", json.dumps(manifest, indent=1).encode())
        put(files, ready, b"")
        _clear(f"{self.notes}/{_JOURNAL}")
        remove_objects([f"{notes}/{_PLAN}"])


def _clear(location: str) -> None:
    """Remove a folder with all that is in it."""
    if places.is_local(location):
        shutil.rmtree(places.local_path(location))
        return
    files, folder = places.opened(location)
    inside = files.get_file_info(filesystems.FileSelector(folder, recursive=True))
    remove_objects([each.path for each in inside if each.type == filesystems.FileType.File])


def remove_objects(paths: Sequence[str]) -> None:
    """Remove objects of S3, each named `bucket/key`; pyarrow would leave objects in place of empty folders."""
    import obstore  # noqa: PLC0415  only jobs in S3 need it
    from obstore.store import S3Store  # noqa: PLC0415  as above

    by_bucket: dict[str, list[str]] = {}
    for path in paths:
        bucket, _, key = path.partition("/")
        by_bucket.setdefault(bucket, []).append(key)
    for bucket, keys in by_bucket.items():
        obstore.delete(S3Store(bucket, client_options={"allow_http": True}), keys)


def _exchange(one: Path, other: Path) -> None:
    """Give two folders each other's names in one step (renameat2 of Linux)."""
    library = ctypes.CDLL(None, use_errno=True)
    done = library.renameat2(_CURRENT_FOLDER, os.fsencode(one), _CURRENT_FOLDER, os.fsencode(other), _EXCHANGE)
    if done:
        number = ctypes.get_errno()
        raise WrongState(f"{other} could not be replaced: {os.strerror(number)}. The new output is in {one}.")
