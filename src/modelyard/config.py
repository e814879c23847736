"""One frozen `Settings`, read once: built-in defaults, then a TOML file, then MODELYARD_* variables, then flags."""

from __future__ import annotations

import tomllib
from pathlib import Path
from typing import TYPE_CHECKING, Final

import msgspec

from modelyard.errors import Invalid

if TYPE_CHECKING:
    from collections.abc import Mapping

PREFIX: Final = "MODELYARD_"
LOOPBACK: Final = ("127.0.0.1", "::1", "localhost")


class Settings(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """Everything an operator can set. `docs/settings.md` is made from this class.

    Names in a TOML file are those of the fields; variables are the same in capitals behind `MODELYARD_`.
    Lists are TOML arrays, or comma-separated in variables.
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
    """Where the bytes of model versions are kept, a folder or its `file://` URL; empty is the data folder's `blobs`."""
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
    """64 hex digits that sign URLs; empty keeps a key of its own in the data folder's `keys/`."""
    presigned: bool = False
    """Send MLflow's clients to presigned URLs instead of the Databricks SDK's Files API."""
    upload_limit: int = 1 << 40
    """The largest file that is taken, in bytes."""
    workers: int = 1
    """How many processes serve, behind one address; more than one needs PostgreSQL."""
    threads: int = 8
    """How many actions run at once in one process."""
    log_level: str = "info"
    """`debug`, `info`, `warning` or `error`; `debug` writes one line for each request."""
    log_format: str = "json"
    """`json` or `text`."""

    @property
    def folder(self) -> Path:
        """The data folder, absolute."""
        return self.data.expanduser().absolute()

    @property
    def database_url(self) -> str:
        """The database's URL, never empty."""
        return self.database or f"sqlite:///{self.folder / 'modelyard.db'}"

    @property
    def storage_folder(self) -> Path:
        """The folder of the bytes, absolute."""
        chosen = self.storage.removeprefix("file://")
        return Path(chosen).expanduser().absolute() if chosen else self.folder / "blobs"


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
    lists = {field.name for field in msgspec.structs.fields(Settings) if field.type == tuple[str, ...]}
    known = {PREFIX + name.upper(): name for name in Settings.__struct_fields__}
    found = {known[key]: value for key, value in environment.items() if key in known}
    return {
        name: [item.strip() for item in value.split(",") if item.strip()] if name in lists else value
        for name, value in found.items()
    }


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
    if "://" in settings.storage and not settings.storage.startswith("file:///"):
        raise Invalid("storage must be a folder, or its URL file:///…")
    if settings.log_format not in {"json", "text"} or settings.log_level not in {
        "debug",
        "info",
        "warning",
        "error",
    }:
        raise Invalid("log_format is json or text; log_level is debug, info, warning or error.")
    return settings


def _is_key(text: str) -> bool:
    return len(text) == 64 and all(digit in "0123456789abcdefABCDEF" for digit in text)  # noqa: PLR2004
