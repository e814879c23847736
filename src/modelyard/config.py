"""One frozen `Settings`, read once: built-in defaults, then a TOML file, then MODELYARD_* variables, then flags."""

from __future__ import annotations

import ipaddress
import re
import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final
from urllib.parse import urlsplit

import msgspec

from modelyard.domain.git_credentials import SELF_HOSTED, is_host
from modelyard.domain.trash import MOST_DAYS
from modelyard.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "MODELYARD_"
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")
ALGORITHMS: Final = ("RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA")
"""How an ID token may be signed at all: never `none`, and never with a secret that both sides know."""

_FIRST_UID: Final = 1_000
_LAST_UID: Final = (1 << 31) - 2_000
_LEAST_MEMORY: Final = 64 << 20
_PLACES: Final = ("file:///", "s3://", "gs://", "az://")
_HOST: Final = re.compile(r"[A-Za-z0-9_][A-Za-z0-9_.\-]{0,252}\Z", re.ASCII)


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything an operator can set. `docs/settings.md` is made from this class.

    Names in a TOML file are those of the fields; variables are the same in capitals behind `MODELYARD_`.
    Lists are TOML arrays, or comma-separated in variables; tables are TOML tables, or JSON in variables.
    """

    data: Path = Path("~/.modelyard")
    """The data folder: database, bytes, keys."""
    host: str = "127.0.0.1"
    """The address to listen on."""
    port: int = 8585
    """The port to listen on; 0 picks a free one."""
    database: str = ""
    """The database's URL, `postgresql://…` or `sqlite:///…`; empty is `modelyard.db` in the data folder."""
    storage: str = ""
    """Where the bytes of model versions are kept: a folder, its `file://` URL, or a place in an object store as
    `s3://bucket/prefix`, `gs://bucket/prefix` or `az://container/prefix`; empty is the data folder's `blobs`."""
    storage_locations: tuple[str, ...] = ()
    """Other such places, which admins can give to single catalogs and schemas as their storage root."""
    storage_options: dict[str, dict[str, str]] = {}
    """How object stores are reached: for each URL prefix a table of `endpoint`, `region`, `access_key_id`,
    `secret_access_key`, `allow_http` and the like, as JSON in a variable; what is not said comes from the
    environment (AWS_*, GOOGLE_*, AZURE_*)."""
    trash_days: int = 7
    """How many days what is deleted stays in the trash, from where it can be restored; 0 keeps nothing."""
    public_url: str = ""
    """The URL under which clients reach the server; empty takes it from the Host header."""
    allowed_hosts: tuple[str, ...] = ()
    """Host names that requests may name besides the listening address, loopback and the public URL's."""
    tls_certificate: str = ""
    """A PEM file with the certificate chain; set together with `tls_key`."""
    tls_key: str = ""
    """A PEM file with the certificate's private key."""
    trusted_proxies: tuple[str, ...] = ()
    """Addresses of reverse proxies whose X-Forwarded-* headers are believed."""
    admin: str = "admin"
    """The name of the admin that the first start on an empty database makes."""
    secret_key: str = ""
    """64 hex digits that sign URLs and encrypt secrets; empty keeps a key of its own in the data folder's `keys/`.
    Keep it: under another key the values of secrets cannot be read."""
    presigned: bool = False
    """Send MLflow's clients to presigned URLs instead of the Databricks SDK's Files API."""
    direct: bool = True
    """Send clients that ask for URLs straight to the object store, for five minutes at most; turn it off where they
    cannot reach it."""
    sts_role: str = ""
    """The role whose temporary credentials MLflow before 2.13 gets for one folder of the store, which must be on S3;
    empty gives none, and those clients cannot bring or load models."""
    sts_endpoint: str = ""
    """The URL of the token service; empty is that of AWS."""
    exchange: bool = True
    """Let MLflow's `uc:` client, on this machine and as the server's user, hand files over in the data folder."""
    exchange_limit: int = 100 << 30
    """How many bytes the copies of models that are lent to such clients take together; each lives for an hour."""
    upload_limit: int = 1 << 40
    """The largest file that is taken, in bytes."""
    collect: bool = True
    """Remove by itself, from hour to hour, stored bytes that no version names; else only `modelyard gc` does."""
    scan_seconds: int = 60
    """How long looking into the files of a version may take when it is finalized; after that it counts as unscanned."""
    pending_hours: int = 48
    """How long a version waits for its next file before it is given up, and failed."""
    workers_folder: str = ""
    """Where what serves models keeps its files on this machine: copies of models, Python environments, logs, sockets;
    empty is `run` in the data folder. Each data folder needs one of its own."""
    sandbox_uid: int = 64_200
    """The first of 1001 user ids under which models and tasks run where the server is root: some build environments,
    each process has another one, and the last one is MLflow's tracking server's. No account may have them; servers
    beside each other need ranges of their own."""
    shared_user: bool = False
    """Run models and tasks although nothing keeps them from reading what the server keeps: where the server is not
    root and bubblewrap is not installed. Only for what is trusted like the server itself."""
    serving_env: str = "isolated"
    """`isolated` builds a Python environment for each model's requirements; `local` takes that of the server, which is
    fast, and right only where it has what the models need."""
    serving_memory: int = 16 << 30
    """How many bytes of address space a process that serves a model may have; 0 is no bound."""
    serving_network: bool = True
    """Whether models that are served may use the network."""
    serving_start_seconds: int = 300
    """How long a model may take to load."""
    serving_request_seconds: int = 297
    """How long a prediction may take; a process that does not answer for longer is ended."""
    serving_idle_seconds: int = 1_800
    """After how long without requests the processes end of what may sleep."""
    jobs_env: str = "isolated"
    """`isolated` builds a Python environment for each task's packages; `local` takes that of the server for all."""
    jobs_packages: tuple[str, ...] = ("databricks-sdk", "ipykernel", "mlflow")
    """What the environment of each task has besides what the task asks for; notebooks need ipykernel."""
    jobs_at_once: int = 8
    """How many attempts at tasks run at once on one machine, at most 490; the others wait for their turn."""
    jobs_memory: int = 16 << 30
    """How many bytes of address space each process of a task may have; 0 is no bound."""
    jobs_cancel_seconds: int = 30
    """How long what is cancelled, or has taken too long, has to end by itself before it is killed."""
    jobs_days: int = 60
    """How many days runs are kept, with what they have printed."""
    git_command: str = "git"
    """The git program, with which code of tasks is fetched."""
    serving_spares: int = 1
    """How many processes wait with libraries loaded and no model while something sleeps: what has that environment, no
    variables and no `row_wise` wakes sooner. Each is for one environment, of what fell asleep last, and takes about as
    much memory as a small model's process; 0 is none."""
    inference_flush_seconds: int = 60
    """How often rows of inference tables are written to their catalog's storage; until then they wait in the data
    folder's `inference/`, where they survive the end of a process."""
    tracking: bool = True
    """Whether experiments and runs are kept, by MLflow's own server, which is started when it is first asked; it takes
    `pip install "modelyard[tracking]"`."""
    tracking_database: str = ""
    """The URL of that server's database, best with a user of its own; empty is a file in the data folder's `tracking/`,
    or, beside PostgreSQL, the schema `modelyard_tracking` in the same database."""
    tracking_workers: int = 1
    """How many processes of it answer at once."""
    tracking_start_seconds: int = 300
    """How long its start may take."""
    tracking_url: str = ""
    """The URL of another MLflow tracking server to ask instead. Requests of whoever has a token here are passed on as
    they are: nothing of that server is governed here, and clients reach its artifacts by themselves."""
    tracking_token: str = ""
    """The token that is shown to that server; empty shows it nothing."""
    package_index: str = ""
    """The index from which packages of models come; empty is PyPI."""
    package_find_links: str = ""
    """A folder or page with further packages for models."""
    package_proxy: str = ""
    """The URL of a proxy through which packages of models are fetched."""
    package_links: bool = False
    """Whether the requirements of a model may name links and indexes of their own."""
    build_from_source: bool = False
    """Whether packages without wheels are built, which runs their code while an environment is made."""
    outbound_allowed: tuple[str, ...] = ()
    """Host names, addresses and networks (`10.1.0.0/16`) that the server may ask although they are not public."""
    git_hosts: tuple[str, ...] = ()
    """Hosts of git servers that are not public ones, where people's credentials for their provider may be sent: each as
    `gitLabEnterpriseEdition=git.example.com`; `gitHubEnterprise` and `bitbucketServer` likewise."""
    oidc_issuer: str = ""
    """The URL of the OpenID Connect provider that people sign in with, exactly as it names itself; empty is none."""
    oidc_client_id: str = ""
    """What the provider calls this server."""
    oidc_client_secret: str = ""
    """The secret that the provider gave this server; empty for a public client."""
    oidc_client_secret_file: str = ""
    """A file with that secret, instead."""
    oidc_scopes: tuple[str, ...] = ("openid", "email", "profile")
    """What is asked of the provider."""
    oidc_algorithms: tuple[str, ...] = ("RS256", "ES256")
    """How ID tokens may be signed; whatever the token itself says of that is not believed."""
    oidc_name_claim: str = "email"
    """The claim with the name of the user; people must not be able to choose it freely at the provider."""
    oidc_verified_email: bool = True
    """Whether the provider must say that it has verified the email, where that is the name."""
    oidc_create_users: bool = False
    """Make a user of whoever signs in for the first time, instead of refusing people that no admin has added."""
    oidc_link_users: bool = True
    """Let whoever signs in for the first time be the user who has that name already."""
    workers: int = 1
    """How many processes serve, behind one address; more than one needs PostgreSQL."""
    threads: int = 8
    """How many actions run at once in one process."""
    log_level: str = "info"
    """`debug`, `info`, `warning` or `error`; `debug` writes one line for each request."""
    log_format: str = "json"
    """`json` or `text`."""

    def __repr__(self) -> str:
        """Nothing but the data folder: several settings are secrets."""
        return f"Settings(data={str(self.data)!r}, …)"

    @property
    def client_secret(self) -> str:
        """The provider's secret for this server, from the setting or its file."""
        if not self.oidc_client_secret_file:
            return self.oidc_client_secret
        try:
            return Path(self.oidc_client_secret_file).expanduser().read_text().strip()
        except (OSError, ValueError):
            raise Invalid("oidc_client_secret_file cannot be read.") from None

    @property
    def folder(self) -> Path:
        """The data folder, absolute."""
        return self.data.expanduser().absolute()

    @property
    def run_folder(self) -> Path:
        """Where what serves models keeps its files on this machine."""
        return Path(self.workers_folder).expanduser().absolute() if self.workers_folder else self.folder / "run"

    @property
    def database_url(self) -> str:
        """The database's URL, never empty."""
        return self.database or f"sqlite:///{self.folder / 'modelyard.db'}"

    @property
    def storage_url(self) -> str:
        """The URL of the metastore's own store."""
        return _place_url(self.storage or str(self.folder / "blobs"))

    @property
    def location_urls(self) -> tuple[str, ...]:
        """The URLs of the places that catalogs and schemas can have as their own."""
        return tuple(_place_url(place) for place in self.storage_locations)

    def options(self, url: str) -> dict[str, str]:
        """How the object store at a URL is reached; the longest prefix counts."""
        meant = [prefix for prefix in self.storage_options if is_below(url, prefix)]
        return self.storage_options[max(meant, key=len)] if meant else {}


def _place_url(place: str) -> str:
    return place.rstrip("/") if "://" in place else Path(place).expanduser().absolute().as_uri()


def is_below(url: str, prefix: str) -> bool:
    """Whether a URL is that of a place or of something inside it."""
    return f"{url.rstrip('/')}/".startswith(f"{prefix.rstrip('/')}/")


def load(flags: Mapping[str, object], environment: Mapping[str, str], file: Path | None = None) -> Settings:
    """Settings from all places; `Invalid` names the setting that is wrong."""
    path = file or (Path(environment[PREFIX + "CONFIG"]) if environment.get(PREFIX + "CONFIG") else None)
    said = {**(_toml(path) if path else {}), **_variables(environment), **flags}
    try:
        settings = msgspec.convert(said, Settings, strict=False, dec_hook=_path)
    except msgspec.ValidationError as error:
        raise Invalid(f"a setting is wrong: {error}") from None
    return _checked(settings)


def _path(kind: type, value: object) -> object:
    """Paths, which msgspec does not read by itself."""
    if kind is Path and isinstance(value, str | Path):
        return Path(value)
    raise NotImplementedError


def _toml(path: Path) -> dict[str, object]:
    try:
        return tomllib.loads(path.read_text())
    except (OSError, ValueError) as error:
        raise Invalid(f"the settings file cannot be read: {error}") from None


def _variables(environment: Mapping[str, str]) -> dict[str, object]:
    types = {field.name: field.type for field in msgspec.structs.fields(Settings)}
    known = {PREFIX + name.upper(): name for name in types}
    return {known[key]: _said(types[known[key]], value) for key, value in environment.items() if key in known}


def _said(kind: object, value: str) -> object:
    """What a variable says: lists are separated by commas, tables are JSON."""
    if kind == tuple[str, ...]:
        return [item.strip() for item in value.split(",") if item.strip()]
    if kind == dict[str, dict[str, str]]:
        try:
            return msgspec.json.decode(value)
        except msgspec.DecodeError:
            raise Invalid("a setting is wrong: storage_options is not JSON.") from None
    return value


def _checked(settings: Settings) -> Settings:
    if bool(settings.tls_certificate) != bool(settings.tls_key):
        raise Invalid("tls_certificate and tls_key belong together; set both.")
    safe = settings.host in LOOPBACK or settings.tls_certificate or settings.trusted_proxies
    if not safe:
        raise Invalid(
            f"plain HTTP on {settings.host} would show tokens to the network. Set tls_certificate and tls_key, or "
            "name the reverse proxy that speaks TLS in trusted_proxies.",
        )
    if settings.secret_key and not _is_key(settings.secret_key):
        raise Invalid("secret_key must be 64 hex digits; `openssl rand -hex 32` makes one.")
    if not 0 <= settings.port < 1 << 16 or not 1 <= settings.threads <= 256:  # noqa: PLR2004  said in the message
        raise Invalid("port must be from 0 to 65535, and threads from 1 to 256.")
    if not 1 <= settings.workers <= 64:  # noqa: PLR2004  said in the message
        raise Invalid("workers must be from 1 to 64.")
    _check_places(settings)
    if settings.pending_hours < 1 or settings.scan_seconds < 1:
        raise Invalid("pending_hours and scan_seconds must be at least 1.")
    if not 0 <= settings.trash_days <= MOST_DAYS:
        raise Invalid(f"trash_days must be from 0 to {MOST_DAYS}.")
    if settings.log_format not in {"json", "text"} or settings.log_level not in {
        "debug",
        "info",
        "warning",
        "error",
    }:
        raise Invalid("log_format is json or text; log_level is debug, info, warning or error.")
    _check_hosts(settings)
    _check_sign_in(settings)
    _check_serving(settings)
    _check_jobs(settings)
    return settings


def _check_hosts(settings: Settings) -> None:
    if wrong := [entry for entry in settings.outbound_allowed if not _is_place(entry)]:
        raise Invalid(f'outbound_allowed: "{wrong[0][:100]}" is neither a host name, an address nor a network.')
    if wrong := [entry for entry in settings.git_hosts if not is_host(entry)]:
        raise Invalid(f'git_hosts: "{wrong[0][:100]}" is not PROVIDER=HOST, with one of {", ".join(SELF_HOSTED)}.')


def _check_places(settings: Settings) -> None:
    urls = (settings.storage_url, *settings.location_urls)
    for url in urls:
        if not url.startswith(_PLACES):
            raise Invalid("storage and storage_locations are folders, or URLs: file:///…, s3://…, gs://… or az://…")
        if any(is_below(url, other) for other in urls if other is not url):
            raise Invalid(f"{url} lies inside another place of storage or storage_locations; name separate ones.")


def _check_serving(settings: Settings) -> None:
    if settings.serving_env not in {"isolated", "local"}:
        raise Invalid("serving_env is isolated or local.")
    if not _FIRST_UID <= settings.sandbox_uid <= _LAST_UID:
        raise Invalid(
            f"sandbox_uid must be from {_FIRST_UID} to {_LAST_UID}: models never run as a user of the system."
        )
    if min(settings.serving_start_seconds, settings.serving_request_seconds, settings.serving_idle_seconds) < 1:
        raise Invalid("serving_start_seconds, serving_request_seconds and serving_idle_seconds must be at least 1.")
    if settings.serving_spares < 0:
        raise Invalid("serving_spares must not be negative.")
    if not 1 <= settings.inference_flush_seconds <= 3_600:  # noqa: PLR2004  said in the message
        raise Invalid("inference_flush_seconds must be from 1 to 3600.")
    if settings.serving_memory < 0 or 0 < settings.serving_memory < _LEAST_MEMORY:
        raise Invalid(f"serving_memory must be 0, or at least {_LEAST_MEMORY} bytes: Python needs as much by itself.")
    for name in ("package_index", "package_proxy"):
        url: str = getattr(settings, name)
        if url and urlsplit(url).scheme not in {"https", "http", *(("file",) if name == "package_index" else ())}:
            raise Invalid(f"{name} must be an http:// or https:// URL.")


def _check_jobs(settings: Settings) -> None:
    if settings.jobs_env not in {"isolated", "local"}:
        raise Invalid("jobs_env is isolated or local.")
    if not 1 <= settings.jobs_at_once <= 490 or settings.jobs_cancel_seconds < 0:  # noqa: PLR2004  said in the message
        raise Invalid("jobs_at_once must be from 1 to 490, and jobs_cancel_seconds at least 0.")
    if not 1 <= settings.jobs_days <= 3_650:  # noqa: PLR2004  said in the message
        raise Invalid("jobs_days must be from 1 to 3650.")
    if settings.jobs_memory < 0 or 0 < settings.jobs_memory < _LEAST_MEMORY:
        raise Invalid(f"jobs_memory must be 0, or at least {_LEAST_MEMORY} bytes: Python needs as much by itself.")


def _is_place(entry: str) -> bool:
    try:
        ipaddress.ip_network(entry)
    except ValueError:
        return bool(_HOST.match(entry)) and not entry.replace(".", "").isdigit()
    return True


def _check_sign_in(settings: Settings) -> None:
    """Whatever is wrong with single sign-on is told when the server starts, not to the first who signs in."""
    if not settings.oidc_issuer:
        return
    issuer = urlsplit(settings.oidc_issuer)
    known = {*LOOPBACK, *settings.outbound_allowed}
    safe = issuer.scheme == "https" or (issuer.scheme == "http" and issuer.hostname in known)
    if not safe or not issuer.hostname or issuer.query or issuer.fragment:
        raise Invalid("oidc_issuer must be an https:// URL; http:// only for loopback or a host in outbound_allowed.")
    if not settings.oidc_client_id:
        raise Invalid("oidc_client_id is missing; the provider gave it to this server when it was registered there.")
    if "openid" not in settings.oidc_scopes or not settings.oidc_name_claim:
        raise Invalid("oidc_scopes must hold openid, and oidc_name_claim must name a claim.")
    if not settings.oidc_algorithms or not set(settings.oidc_algorithms) <= set(ALGORITHMS):
        raise Invalid(f"oidc_algorithms are some of {', '.join(ALGORITHMS)}.")
    if settings.oidc_client_secret and settings.oidc_client_secret_file:
        raise Invalid("oidc_client_secret and oidc_client_secret_file exclude each other.")


def _is_key(text: str) -> bool:
    return len(text) == 64 and all(digit in "0123456789abcdefABCDEF" for digit in text)  # noqa: PLR2004
