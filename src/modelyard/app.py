"""The composition root: settings → store → gate → routes. It knows everybody and decides nothing."""

from __future__ import annotations

import os
import secrets
import time
from contextlib import contextmanager, suppress
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

from modelyard.actions.tokens import new_secret
from modelyard.config import LOOPBACK, Settings
from modelyard.domain import backups
from modelyard.domain.secrets import Hidden
from modelyard.engines.base import Load, Served
from modelyard.engines.elsewhere import Elsewhere
from modelyard.engines.local import SharedEngine
from modelyard.engines.outside import LARGEST, Outside
from modelyard.engines.switchboard import Switchboard
from modelyard.engines.tasks.html import html
from modelyard.engines.tracking import Tracker
from modelyard.engines.usage import Usage
from modelyard.errors import Invalid, NotFound, Unavailable
from modelyard.gate import Gate
from modelyard.outbound import Allowed, Outbound
from modelyard.store import holdings, installation, migrate, principals
from modelyard.store.backups import Gathered, check_empty, gather, load
from modelyard.store.disk import Disk
from modelyard.store.examiner import Examiner
from modelyard.store.exchange import Exchange
from modelyard.store.inspector import Inspector
from modelyard.store.installation import Installation
from modelyard.store.lock import Lock
from modelyard.store.places import open_place
from modelyard.store.session import Database
from modelyard.store.stores import Backend, Stores
from modelyard.store.trackers import beside, put_back, tracking_database
from modelyard.store.tx import Contended
from modelyard.store.vault import Vault
from modelyard.surfaces import artifacts as artifacts_surface
from modelyard.surfaces import (
    credentials,
    discovery,
    git_credentials,
    jobs,
    mlflow,
    modelyard,
    notifications,
    oauth,
    openapi,
    prompts,
    registry,
    scim,
    serving,
    sessions,
    tokens,
    tracking,
    unity,
)
from modelyard.surfaces import files as files_surface
from modelyard.surfaces import secrets as secrets_surface
from modelyard.surfaces import workspace as workspace_surface
from modelyard.surfaces.http import Endpoint, Site
from modelyard.surfaces.lanes import Lanes
from modelyard.surfaces.wire import Row, SignOn
from modelyard.workers.courier import THREADS, Courier
from modelyard.workers.duties import duties
from modelyard.workers.jobs import JobsWorker
from modelyard.workers.keeper import Keeper
from modelyard.workers.recorder import Recorder
from modelyard.workers.runner import Runner

if TYPE_CHECKING:
    from collections.abc import Generator

    from modelyard.store.cloud import Cloud

_TABLES: Final[tuple[Row, ...]] = (
    *discovery.ROWS,
    *mlflow.ROWS,
    *prompts.ROWS,
    *registry.ROWS,
    *unity.ROWS,
    *modelyard.ROWS,
    *files_surface.ROWS,
    *scim.ROWS,
    *sessions.ROWS,
    *tokens.ROWS,
    *credentials.ROWS,
    *oauth.ROWS,
    *serving.ROWS,
    *secrets_surface.ROWS,
    *git_credentials.ROWS,
    *notifications.ROWS,
    *jobs.ROWS,
    *workspace_surface.ROWS,
    *tracking.ROWS,
    *artifacts_surface.ROWS,
)
ROWS: Final[tuple[Row, ...]] = openapi.with_document(_TABLES)
"""Every route there is."""


class Storage(Stores):
    """The stores and the exchange, as the surfaces see them."""

    def __init__(self, settings: Settings, database: Database) -> None:
        examiner = Examiner(settings.scan_seconds)
        super().__init__(settings.upload_limit, addresses=settings.direct, examiner=examiner)
        self._settings = settings
        self._database = database
        exchange = Exchange(settings.folder / "exchange", self, room=settings.exchange_limit).open()
        self.place = exchange.place
        self.take = exchange.take
        self.forget = exchange.forget
        self.lend = exchange.lend
        self.page = html

    def backend(self, store_id: str) -> Backend:
        """A store by its id, opened if another process has made it."""
        if store_id not in self.known:
            with self._database.look() as tx:
                url, marker = holdings.place(tx, store_id)
            opened = open_place(self._settings, url)
            if opened.marker != marker:
                raise Unavailable("the store of these bytes is not where it was; the operator should look.")
            self.enter(store_id, opened)
        return super().backend(store_id)

    def enter(self, store_id: str, opened: Disk | Cloud) -> None:
        """Know an open store by its id in the database."""
        opened.store_id = store_id
        self.add(store_id, opened)


class Service:
    """What serves models: the engine that keeps processes, the switchboard that asks them, and what minds both."""

    def __init__(self, settings: Settings, gate: Gate, storage: Storage) -> None:
        self._recorder = Recorder(gate, storage, settings.folder / "inference", settings.inference_flush_seconds)
        allowed = Allowed.of(settings.outbound_allowed)
        outbound = Outbound(allowed, seconds=settings.serving_request_seconds, most=LARGEST)
        self._outside = Outside(outbound, self._key)
        self._engine = SharedEngine(settings, self._load, storage.open, self._ring)
        self.switchboard = Switchboard(
            self._engine,
            request_seconds=settings.serving_request_seconds,
            start_seconds=settings.serving_start_seconds,
            catch_up=self._catch_up,
            record=self._recorder.capture,
            outside=self._outside,
            usage=Usage(settings.serving_memory),
        )
        self._runner = Runner(gate, self._engine, self.switchboard.meters, self.switchboard.publish)

    def _load(self, served: Served) -> Load:
        return self._runner.load(served)

    def _key(self, served_id: str) -> Hidden | None:
        return self._runner.key(served_id)

    def _ring(self) -> None:
        self._runner.ring()

    def _catch_up(self) -> None:
        self._runner.catch_up()

    def start(self) -> None:
        """Begin to serve."""
        self._recorder.start()
        self._engine.start()
        self._runner.start()

    def close(self) -> None:
        """End every process."""
        self._runner.close()
        self.switchboard.close()
        self._outside.close()
        self._recorder.close()
        self._engine.close()


@dataclass(frozen=True, slots=True)
class App:
    """A server that is put together, and everything that must be closed when it ends."""

    endpoint: Endpoint
    gate: Gate
    database: Database
    storage: Storage
    lanes: Lanes
    outbound: Outbound
    keeper: Keeper
    service: Service
    courier: Courier
    jobs: JobsWorker
    tracker: Tracker | Elsewhere | None
    lock: Lock | None

    def start(self) -> None:
        """Begin with the server's own work."""
        self.keeper.start()
        self.service.start()
        self.courier.start()
        self.jobs.start()

    def close(self) -> None:
        """Wait for actions and chores under way, then let go of everything."""
        self.outbound.close()
        self.lanes.close()
        self.jobs.close()
        self.service.close()
        self.courier.close()
        if self.tracker:
            self.tracker.close()
        self.keeper.close()
        self.database.close()
        self.storage.close()
        if self.lock:
            self.lock.release()


def build(settings: Settings) -> App:
    """Put a server together; on an empty database, make the first admin."""
    make_private(settings.folder)
    database, lock = open_database(settings)
    there = _first_start(database, settings)
    storage = Storage(settings, database)
    store_id = _open_store(settings, database, storage, settings.storage_url)
    roots = {url: _open_store(settings, database, storage, url) for url in settings.location_urls}
    key = signing_key(settings)
    database.vault = Vault(key)
    gate = Gate(database, store_id, key, settings.trash_days, roots, beside(settings, is_sqlite=database.is_sqlite))
    lanes = Lanes(settings.threads, one_writer=database.is_sqlite)
    outbound = Outbound(Allowed.of(settings.outbound_allowed))
    site = _site(settings, there, key)
    service = Service(settings, gate, storage)
    tracker = _tracker(settings, database)
    provider = _provider(settings, outbound)
    endpoint = Endpoint(ROWS, gate, storage, site, lanes, provider, service.switchboard, tracker)
    keeper = Keeper(gate, storage, duties(settings))
    courier = Courier(
        gate, Outbound(Allowed.of(settings.outbound_allowed), resolvers=THREADS), alone=database.is_sqlite
    )
    running = JobsWorker(settings, gate, storage.open)
    return App(endpoint, gate, database, storage, lanes, outbound, keeper, service, courier, running, tracker, lock)


def _open_store(settings: Settings, database: Database, storage: Storage, url: str) -> str:
    """Open a store; its id in the database."""
    opened = open_place(settings, url)
    store_id = _enter_store(database, opened)
    storage.enter(store_id, opened)
    return store_id


def _enter_store(database: Database, opened: Backend) -> str:
    """The id of a store in the database; several servers that meet a new one there make one row for it."""
    try:
        with database.write() as tx:
            return holdings.enter(tx, opened.url, opened.marker, int(time.time() * 1000))
    except Contended:
        return _enter_store(database, opened)


def _tracker(settings: Settings, database: Database) -> Tracker | Elsewhere | None:
    """What keeps experiments: a child, or another server."""
    if settings.tracking_url:
        return Elsewhere(settings)
    return Tracker(settings, lambda: tracking_database(settings, database)) if settings.tracking else None


def _provider(settings: Settings, outbound: Outbound) -> SignOn | None:
    if not settings.oidc_issuer:
        return None
    from modelyard.oidc import Provider  # noqa: PLC0415  its cryptography is loaded only where people sign in

    return Provider(settings, outbound)


def make_private(folder: Path) -> Path:
    """A folder that only its owner may enter."""
    folder.mkdir(mode=0o700, parents=True, exist_ok=True)
    return folder


def open_database(settings: Settings) -> tuple[Database, Lock | None]:
    """The database with the schema of this code: SQLite is carried forward here, PostgreSQL is only looked at."""
    database = Database(settings.database_url, settings.threads)
    if not database.is_sqlite:
        migrate.check(database.engine)
        return database, None
    lock = lock_sqlite(database)
    migrate.upgrade_sqlite(database.engine)
    return database, lock


def lock_sqlite(database: Database) -> Lock:
    """The right to write a SQLite database, made private."""
    file = Path(str(database.engine.url.database)).absolute()
    make_private(file.parent)
    lock = Lock(file.with_name(file.name + ".lock"))
    file.touch(0o600)
    file.chmod(0o600)
    return lock


def _first_start(database: Database, settings: Settings) -> Installation:
    """The installation; several servers that meet in an empty database make one, and one admin's token."""
    with database.look() as tx:
        there = installation.get(tx)
    if there:
        return there
    try:
        return _install(database, settings)
    except Contended:
        return _first_start(database, settings)


def _install(database: Database, settings: Settings) -> Installation:
    secret = new_secret()
    with database.write() as tx:
        # It writes ids that are the same for everybody, so another server waits there, and then finds it done.
        there = installation.make(tx, settings.admin, secret, int(time.time() * 1000))
        # Before the commit: an installation without a readable token would be of no use to anybody.
        write_private(settings.folder / "admin-token", secret)
    return there


def recover_token(settings: Settings) -> tuple[str, Path]:
    """Make a new token for the first active admin, for somebody who has the host; returns who, and the file."""
    make_private(settings.folder)
    database, lock = open_database(settings)
    try:
        secret = new_secret()
        with database.write() as tx:
            admins = principals.active_admins(tx)
            if not admins:
                raise NotFound("there is no active admin; start the server once, or restore a backup.")
            installation.give_token(tx, admins[0], secret, "recovered on the host", int(time.time() * 1000))
            write_private(settings.folder / "admin-token", secret)
        return admins[0].name, settings.folder / "admin-token"
    finally:
        database.close()
        if lock:
            lock.release()


def write_private(path: Path, text: str, *, replace: bool = True) -> None:
    """Write a file of one line, durably, that only its owner may read; another reader sees the old or the new one.

    Without `replace`, whoever comes second gets a `FileExistsError` and leaves the first one's file as it is.
    """
    waiting = path.with_name(f".{path.name}.{secrets.token_hex(4)}")
    descriptor = os.open(waiting, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600)
    try:
        os.write(descriptor, text.encode() + b"\n")
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    try:
        if replace:
            waiting.replace(path)
        else:
            path.hardlink_to(waiting)
    finally:
        waiting.unlink(missing_ok=True)
    folder = os.open(path.parent, os.O_RDONLY | os.O_DIRECTORY)
    try:
        os.fsync(folder)
    finally:
        os.close(folder)


def signing_key(settings: Settings) -> bytes:
    """The key that signs URLs and seals secrets: from the settings, else one that this data folder keeps."""
    if settings.secret_key:
        return bytes.fromhex(settings.secret_key)
    file = make_private(settings.folder / "keys") / "signing"
    if not file.exists():
        with suppress(FileExistsError):  # another process starts at the same moment
            write_private(file, secrets.token_hex(32), replace=False)
    try:
        return bytes.fromhex(file.read_text().strip())
    except ValueError:
        raise Invalid(
            "keys/signing in the data folder is damaged; bring it back from where you keep it. Without it a new key is "
            "made, and the values of all secrets must be put anew.",
        ) from None


def _site(settings: Settings, there: Installation, key: bytes) -> Site:
    public = urlsplit(settings.public_url).hostname or ""
    hosts = {*LOOPBACK, "[::1]", settings.host, public, *settings.allowed_hosts}
    return Site(
        public_url=settings.public_url.rstrip("/"),
        allowed_hosts=frozenset(host.lower() for host in hosts if host),
        metastore_id=there.metastore_id,
        workspace_id=there.workspace_id,
        signing_key=key,
        presigned=settings.presigned,
        exchange=settings.exchange,
        lends=bool(settings.sts_role),
    )


def migrate_database(settings: Settings) -> tuple[str | None, str]:
    """Carry the database forward, whichever it is; returns the revisions before and after."""
    make_private(settings.folder)
    database = Database(settings.database_url, settings.threads)
    lock = lock_sqlite(database) if database.is_sqlite else None
    try:
        before = migrate.current(database.engine)
        if database.is_sqlite:
            migrate.upgrade_sqlite(database.engine)
        else:
            migrate.upgrade(database.engine)
        return before, migrate.head()
    finally:
        database.close()
        if lock:
            lock.release()


@contextmanager
def inspecting(settings: Settings, *, verify: bool) -> Generator[Inspector]:
    """What checks stored bytes while no server runs on a SQLite database; on PostgreSQL servers may go on."""
    database = Database(settings.database_url, settings.threads)
    lock = lock_sqlite(database) if database.is_sqlite else None
    storage = Storage(settings, database)
    try:
        migrate.check(database.engine)
        yield Inspector(database, storage, verify=verify)
    finally:
        storage.close()
        database.close()
        if lock:
            lock.release()


@dataclass(frozen=True, slots=True)
class Restored:
    """What was restored: rows of the database, objects of the store, and where MLflow's tracking database is.

    `used` says whether the server looks for it there; `elsewhere` how it is kept where the backup does not have it.
    """

    rows: int
    objects: int
    tracking: str = ""
    used: bool = False
    elsewhere: str = ""


def restore(settings: Settings, dump: Path, objects: Path | None) -> Restored:
    """Put a backup back into an empty database, and its objects, where it has them, into the storage folder.

    Everything is checked first. The rows are kept in one transaction: interrupted, it can be begun anew.
    """
    with dump.open("rb") as lines:
        header = backups.checked(lines)
    if header.revision != migrate.head():
        raise Invalid(
            f"the backup has the schema {header.revision}, and this version of Modelyard has {migrate.head()}. "
            "Restore it with the version that wrote it, then upgrade.",
        )
    make_private(settings.folder)
    database = Database(settings.database_url, settings.threads)
    lock = lock_sqlite(database) if database.is_sqlite else None
    try:
        if migrate.current(database.engine) is None:
            migrate.upgrade(database.engine)
        migrate.check(database.engine)
        with database.look() as tx:
            check_empty(tx)
        gathered = _gathered(settings, dump, objects) if objects else None
        with dump.open("rb") as lines:
            kept = put_back(settings, header, lines, is_sqlite=database.is_sqlite)
        with database.write() as tx, dump.open("rb") as lines:
            rows = load(tx, header, lines, gathered, counts=not database.is_sqlite)
        return Restored(rows, len(gathered.keys) if gathered else 0, *kept, header.elsewhere)
    except Contended:
        raise Invalid("somebody else uses the database; nothing was restored. Restore into an empty one.") from None
    finally:
        database.close()
        if lock:
            lock.release()


def _gathered(settings: Settings, dump: Path, objects: Path) -> Gathered:
    """Every object of a backup, in the storage folder."""
    disk = open_place(settings, settings.storage_url)
    try:
        with dump.open("rb") as lines:
            return gather(disk, lines, objects)
    finally:
        disk.close()
