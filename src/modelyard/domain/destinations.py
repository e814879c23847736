"""Notification destinations: what their configs hold, what is shown of them, and what is sent to each kind.

Source: `/api/2.0/notification-destinations` as databricks-sdk speaks it (protocol notes, jobs §2.1). A URL may let
whoever knows it send as somebody else, so URLs are secrets as passwords are, and only told to be set.
"""

from __future__ import annotations

import base64
import json
from collections.abc import Mapping
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Final, cast
from urllib.parse import urlsplit

from modelyard.domain.notifications import compact
from modelyard.domain.secrets import Hidden
from modelyard.errors import Invalid

MAX_NAME: Final = 255
MAX_FIELD: Final = 8_192
MAX_ADDRESSES: Final = 100
MAX_DESTINATIONS: Final = 1_000


class DestinationKind(StrEnum):
    """What a destination is, in the words of the wire."""

    WEBHOOK = "WEBHOOK"
    SLACK = "SLACK"
    MICROSOFT_TEAMS = "MICROSOFT_TEAMS"
    PAGERDUTY = "PAGERDUTY"
    EMAIL = "EMAIL"


class Body(StrEnum):
    """Which body a generic webhook gets."""

    DOCUMENTED = "documented"
    """As the Jobs API documents it, and nothing else."""
    EXTENDED = "extended"
    """The same with one more key, `extension`."""


CONFIGS: Final = {
    "generic_webhook": DestinationKind.WEBHOOK,
    "slack": DestinationKind.SLACK,
    "microsoft_teams": DestinationKind.MICROSOFT_TEAMS,
    "pagerduty": DestinationKind.PAGERDUTY,
    "email": DestinationKind.EMAIL,
}
"""The configs that a client may say, of which it says exactly one."""

_NAMES: Final = {kind: name for name, kind in CONFIGS.items()}
_FIELDS: Final = {
    DestinationKind.WEBHOOK: ("url", "username", "password"),
    DestinationKind.SLACK: ("url", "oauth_token", "channel_id"),
    DestinationKind.MICROSOFT_TEAMS: ("url", "app_id", "auth_secret", "channel_url", "tenant_id"),
    DestinationKind.PAGERDUTY: ("integration_key",),
    DestinationKind.EMAIL: ("addresses",),
}
_NOT_DELIVERED: Final = {
    DestinationKind.PAGERDUTY: "PagerDuty is not called by this server; use a generic webhook.",
    DestinationKind.EMAIL: "this server sends no mail; use a generic webhook.",
}


@dataclass(frozen=True, slots=True)
class Config:
    """What a client says of a destination: its kind, and the fields with their values, as a JSON object."""

    kind: DestinationKind
    values: Hidden

    @property
    def fields(self) -> dict[str, object]:
        """The values by their names; they must reach no log, error or audit."""
        return cast("dict[str, object]", json.loads(self.values.reveal()))

    def over(self, before: Config) -> Config:
        """The same with what it leaves out as it was before; an empty text takes a field away."""
        if before.kind is not self.kind:
            raise Invalid(f"the type of a destination cannot be changed; this one is {before.kind}.")
        return checked(self.kind, {**before.fields, **self.fields})


@dataclass(frozen=True, slots=True)
class Destination:
    """A destination, without what is secret; times are epoch milliseconds."""

    id: str
    display_name: str
    kind: DestinationKind
    shown: Mapping[str, object] = field(default_factory=dict[str, object])
    """Its config as clients read it: which fields are set."""
    body: Body = Body.DOCUMENTED
    signed_since: int | None = None
    former_until: int | None = None
    created_at: int = 0
    created_by: str = ""
    updated_at: int = 0

    @property
    def config(self) -> dict[str, object]:
        """Its config under the name that tells its kind."""
        return {_NAMES[self.kind]: dict(self.shown)}

    @property
    def hindrance(self) -> str:
        """Why nothing is delivered to it; empty if something is."""
        return hindrance(self.kind, url_is_set=bool(self.shown.get("url_set")))


def hindrance(kind: DestinationKind, *, url_is_set: bool) -> str:
    """Why nothing is delivered to a destination; empty if something is."""
    if told := _NOT_DELIVERED.get(kind):
        return told
    return "" if url_is_set else "only webhook URLs are called; give it the url of an incoming webhook."


def name(told: str) -> str:
    """A name that a destination may be shown with."""
    stripped = told.strip()
    if not stripped or len(stripped) > MAX_NAME or not stripped.isprintable():
        raise Invalid(f"display_name has 1 to {MAX_NAME} printable characters.")
    return stripped


def config(said: Mapping[str, Mapping[str, object]]) -> Config:
    """The one config that a client says, with what it says of it; not checked for what it leaves out."""
    if len(said) != 1 or not said.keys() <= CONFIGS.keys():
        raise Invalid(f"config holds exactly one of {', '.join(CONFIGS)}.")
    [(named, values)] = said.items()
    kind = CONFIGS[named]
    told = {key: value for key, value in values.items() if key in _FIELDS[kind] and value is not None}
    return _sealed(kind, told)


def checked(kind: DestinationKind, values: Mapping[str, object]) -> Config:
    """A whole config, or `Invalid` for what cannot be used."""
    told = {key: value for key, value in values.items() if value not in ("", [])}
    if not told:
        raise Invalid(f"{_NAMES[kind]} needs {_FIELDS[kind][0]}.")
    for key, value in told.items():
        _check(key, value)
    if kind is DestinationKind.WEBHOOK and "url" not in told:
        raise Invalid("generic_webhook needs url.")
    return _sealed(kind, told)


def _sealed(kind: DestinationKind, values: Mapping[str, object]) -> Config:
    return Config(kind, Hidden(compact(values).encode()))


def _check(key: str, value: object) -> None:
    """Messages name the field and nothing of its value."""
    if key == "addresses":
        _check_addresses(value)
    elif not isinstance(value, str) or len(value) > MAX_FIELD or not value.isprintable():
        raise Invalid(f"{key} is a text of at most {MAX_FIELD} printable characters.")
    elif key in {"url", "channel_url"} and not _is_url(value):
        raise Invalid(f"{key} must be an http:// or https:// URL in plain ASCII, without a user or password in it.")
    elif key == "username" and ":" in value:
        raise Invalid("username must not hold a colon (RFC 7617).")


def _check_addresses(value: object) -> None:
    addresses = cast("list[object]", value) if isinstance(value, list) else []
    fine = all(isinstance(each, str) and "@" in each and len(each) <= MAX_NAME for each in addresses)
    if not addresses or not fine or len(addresses) > MAX_ADDRESSES:
        raise Invalid(f"addresses is a list of 1 to {MAX_ADDRESSES} mail addresses.")


def _is_url(text: str) -> bool:
    try:
        parts = urlsplit(text)
        port = parts.port
    except ValueError:
        return False
    plain = text.isascii() and " " not in text and "\\" not in text and "@" not in parts.netloc
    return plain and parts.scheme in {"http", "https"} and bool(parts.hostname) and port != 0


def shown(told: Config) -> dict[str, object]:
    """What clients read of a config: which fields are set, and mail addresses as they are."""
    return {
        key if key == "addresses" else f"{key}_set": value if key == "addresses" else True
        for key, value in told.fields.items()
    }


# What is sent


@dataclass(frozen=True, slots=True)
class Parcel:
    """What is sent where, but for the signature; where it goes is a secret."""

    url: Hidden
    body: bytes = field(repr=False)
    authorization: Hidden | None = None


def parcel(told: Config, body: str) -> Parcel:
    """A body as a destination of this kind takes it."""
    fields = told.fields
    url = Hidden(str(fields.get("url", "")).encode())
    match told.kind:
        case DestinationKind.SLACK:
            return Parcel(url, compact({"text": _escaped(sentence(body))}).encode())
        case DestinationKind.MICROSOFT_TEAMS:
            return Parcel(url, compact(_card(sentence(body))).encode())
        case _:
            return Parcel(url, body.encode(), _basic(fields))


def extended(body: str, extension: str) -> str:
    """A documented body with one more key."""
    return f'{body[:-1]},"extension":{extension}}}' if extension else body


def _basic(fields: Mapping[str, object]) -> Hidden | None:
    if not fields.get("username") and not fields.get("password"):
        return None
    pair = f"{fields.get('username', '')}:{fields.get('password', '')}"
    return Hidden(b"Basic " + base64.b64encode(pair.encode()))


_SAID: Final = {
    "jobs.on_start": "has started",
    "jobs.on_success": "has succeeded",
    "jobs.on_failure": "has failed",
    "jobs.on_duration_warning_threshold_exceeded": "takes longer than expected",
    "jobs.on_streaming_backlog_exceeded": "falls behind",
}


def sentence(body: str) -> str:
    """A body in a sentence, for people; no part of it is a contract."""
    told = cast("dict[str, dict[str, object]]", json.loads(body))
    event = str(told.get("event_type") or told.get("type"))
    if event.startswith("jobs."):
        task = f", task {told['task']['task_key']}," if "task" in told else ""
        run = told["run"].get("parent_run_id") or told["run"]["run_id"]
        return f"Job {told['job']['name']}{task} {_SAID.get(event, event)} (job {told['job']['job_id']}, run {run})."
    data = told.get("data", {})
    more = ", ".join(f"{key} {value}" for key, value in data.items() if key != "full_name" and value not in (None, ""))
    return f"{event}: {data.get('full_name', '')}" + (f" ({more})" if more else "")


def _escaped(text: str) -> str:
    """What Slack takes for its own marks is written as entities."""
    return text.replace("&", "&amp;").replace("<", "&lt;").replace(">", "&gt;")


def _card(text: str) -> dict[str, object]:
    """A message with a card, as Teams takes it by an incoming webhook."""
    block = {"type": "TextBlock", "text": text, "wrap": True}
    card = {"type": "AdaptiveCard", "version": "1.4", "body": [block]}
    kind = "application/vnd.microsoft.card.adaptive"
    return {"type": "message", "attachments": [{"contentType": kind, "content": card}]}
