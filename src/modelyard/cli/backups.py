"""`modelyard backup` and `modelyard restore`: the whole of a server, kept elsewhere, and put back into an empty one."""

from __future__ import annotations

import hashlib
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Final

import typer

from modelyard.cli.client import OURS, Client
from modelyard.cli.options import Server
from modelyard.cli.output import say
from modelyard.cli.progress import bytes_bar, counted
from modelyard.cli.server import ConfigFile, Data, DatabaseUrl, Storage, settings
from modelyard.cli.written import new_file
from modelyard.domain import backups
from modelyard.errors import Failure, Invalid

if TYPE_CHECKING:
    from collections.abc import Callable

    from modelyard.domain.backups import Header

_DUMP: Final = "database.jsonl"
_OBJECTS: Final = "objects"


def backup(
    destination: Annotated[
        Path, typer.Argument(metavar="FILE|FOLDER", help="A new file; with --with-bytes a folder, new or used before.")
    ],
    server: Server,
    with_bytes: Annotated[
        bool, typer.Option("--with-bytes", help="Keep the bytes of models, too: those that the folder lacks.")
    ] = False,
) -> None:
    """Keep the whole database as it is at one moment, while the server goes on; only for admins.

    MLflow's tracking database comes along where it is a file of SQLite. Without the bytes of models, keep the storage
    folder or the bucket by other means. The server's own key (`keys/` in the data folder) is in no backup. What is
    written opens the server to whoever can read it: keep it as a secret.

    Examples: `modelyard backup monday.jsonl` · `modelyard backup /mnt/backup --with-bytes`
    """
    server.be_patient()
    if not with_bytes:
        header = _keep_dump(server, destination)
        say(f"{destination} holds the database{_with_tracking(header)}.")
        _say_elsewhere(header.elsewhere)
        return
    folder = _folder(destination)
    latest = folder / f"{_DUMP}.new"
    latest.unlink(missing_ok=True)
    header = _keep_dump(server, latest)
    kept, new = _keep_objects(server, latest, folder / _OBJECTS)
    latest.replace(folder / _DUMP)
    say(f"{destination} holds the database{_with_tracking(header)} and its {kept} objects, {new} of them new.")
    _say_elsewhere(header.elsewhere)


def _with_tracking(header: Header) -> str:
    return ", MLflow's tracking database" if header.tracking else ""


def _say_elsewhere(elsewhere: str) -> None:
    if elsewhere:
        say(elsewhere)


def restore(
    source: Annotated[Path, typer.Argument(metavar="FILE|FOLDER", help="What `modelyard backup` wrote.")],
    data: Data = None,
    database: DatabaseUrl = None,
    storage: Storage = None,
    config_file: ConfigFile = None,
) -> None:
    """Put a backup back into an empty database, on the host itself, while no server uses it.

    SQLite and PostgreSQL take each other's backups. Everything is checked before anything is kept. A backup with bytes
    fills the storage folder. Afterwards the tokens of before are good again; `modelyard token recover` makes one more.

    Examples: `modelyard restore monday.jsonl --data /srv/new` ·
    `modelyard restore /mnt/backup --database postgresql://modelyard@db/modelyard`
    """
    from modelyard import app  # noqa: PLC0415  only commands of the host need the database

    chosen = settings(config_file, data=data, database=database, storage=storage)
    is_folder = source.is_dir()
    dump, objects = (source / _DUMP, source / _OBJECTS) if is_folder else (source, None)
    if not dump.is_file():
        raise Invalid(f"{source} is no backup: {dump} is not there.")
    try:
        done = app.restore(chosen, dump, objects)
    except OSError as error:
        raise Invalid(f"{source} cannot be restored: {error.strerror or error}.") from None
    say(f"Restored {done.rows} rows" + (f" and {done.objects} objects." if is_folder else "."))
    if done.tracking:
        say(f"MLflow's tracking database is in {done.tracking}.")
        if not done.used:
            say(f"The server does not look for it there: set tracking_database to sqlite:///{done.tracking}")
    if done.elsewhere:
        say(done.elsewhere.replace("is not in it", "was not in the backup"))
    if not is_folder:
        say("The bytes of models were not in it: bring them to where `storage` points before you start the server.")


def _folder(folder: Path) -> Path:
    """A folder that is empty, or holds an earlier backup."""
    try:
        folder.mkdir(0o700, parents=True, exist_ok=True)
        strange = {path.name for path in folder.iterdir()} - {_DUMP, _OBJECTS, f"{_DUMP}.new", f".{_DUMP}.new.partial"}
    except OSError as error:
        raise Invalid(f"{folder} cannot be used: {error.strerror}. Name a folder.") from None
    if strange:
        raise Invalid(f"{folder} holds something else than a backup; name an empty folder.")
    return folder


def _keep_dump(server: Client, file: Path) -> Header:
    with new_file(file) as out:
        for piece in server.pieces(f"{OURS}/backup"):
            out.write(piece)
        out.seek(0)
        return backups.checked(out)


def _keep_objects(server: Client, dump: Path, folder: Path) -> tuple[int, int]:
    """Fetch the objects that the folder lacks; how many it must have, and how many were fetched."""
    with dump.open("rb") as lines:
        wanted = dict(backups.objects(lines))
    lacking = [(sha256, size) for sha256, size in wanted.items() if not _is_there(_place(folder, sha256), size)]
    with bytes_bar(sum(size for _, size in lacking)) as advance:
        for sha256, _ in lacking:
            _keep_object(server, sha256, _place(folder, sha256), advance)
    return len(wanted), len(lacking)


def _place(folder: Path, sha256: str) -> Path:
    return folder / sha256[:2] / sha256


def _is_there(file: Path, size: int) -> bool:
    return file.is_file() and file.stat().st_size == size


def _keep_object(server: Client, sha256: str, file: Path, advance: Callable[[int], None]) -> None:
    file.parent.mkdir(0o700, parents=True, exist_ok=True)
    told = hashlib.sha256()
    with new_file(file, replace=True) as out:
        for piece in counted(server.pieces(f"{OURS}/backup/objects/{sha256}"), advance):
            told.update(piece)
            out.write(piece)
        if told.hexdigest() != sha256:
            raise Failure(f"the bytes of {sha256} came damaged; look at the server's store, then ask again.")
