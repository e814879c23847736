"""Notification destinations; what could let somebody else send is encrypted."""

from __future__ import annotations

import json
import uuid
from typing import TYPE_CHECKING, Any, Final

from sqlalchemy import bindparam, delete, func, select, update

from modelyard.domain.destinations import Body, Config, Destination, DestinationKind, shown
from modelyard.domain.secrets import Hidden
from modelyard.errors import Invalid, NotFound, WrongState
from modelyard.store import schema
from modelyard.store.lists import is_in, texts
from modelyard.store.tx import inserting

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from modelyard.domain.pages import Page, Window
    from modelyard.store.tx import Look, Row, Write

_destinations = schema.destinations

_SHOWN: Final = (
    _destinations.c.id,
    _destinations.c.display_name,
    _destinations.c.kind,
    _destinations.c.shown,
    _destinations.c.body,
    _destinations.c.signed_since,
    _destinations.c.former_until,
    _destinations.c.created_at,
    _destinations.c.created_by,
    _destinations.c.updated_at,
)
_THIS: Final = _destinations.c.id == bindparam("destination")
_GET: Final = select(*_SHOWN).where(_THIS)
_LOCK: Final = select(_destinations.c.id).where(_THIS).with_for_update()
_LIST: Final = (
    select(_destinations.c.seq, *_SHOWN)
    .where(_destinations.c.seq > bindparam("after"))
    .order_by(_destinations.c.seq)
    .limit(bindparam("most"))
)
_COUNT: Final = select(func.count()).select_from(_destinations)
_ADD: Final = inserting(_destinations)
_CHANGE: Final = (
    update(_destinations)
    .where(_THIS)
    .values(
        display_name=bindparam("new_name"),
        shown=bindparam("new_shown"),
        sealed=bindparam("new_sealed"),
        body=bindparam("new_body"),
        updated_at=bindparam("now"),
    )
)
_SIGN: Final = (
    update(_destinations)
    .where(_THIS)
    .values(secrets=bindparam("new_secrets"), signed_since=bindparam("now"), former_until=bindparam("until"))
)
_DELETE: Final = delete(_destinations).where(_THIS)
_SEALED: Final = select(_destinations.c.kind, _destinations.c.sealed).where(_THIS)
_SECRETS: Final = select(_destinations.c.secrets, _destinations.c.former_until).where(_THIS)
_THERE: Final = select(_destinations.c.id).where(is_in(_destinations.c.id, "ids"))


def check_there(tx: Look, ids: Iterable[str]) -> None:
    """`Invalid` for the first of some ids that is no destination's."""
    wanted = set(ids)
    there = {id_ for (id_,) in tx.rows(_THERE, ids=texts(wanted))} if wanted else set[str]()
    if missing := sorted(wanted - there):
        raise Invalid(f"there is no notification destination with id {missing[0][:64]}.")


def get(tx: Look, id_: str) -> Destination:
    """A destination, or `NotFound`."""
    row = tx.row(_GET, destination=id_)
    if row is None:
        raise NotFound(f"there is no notification destination with id {id_[:64]}.")
    return _destination(row)


def locked(tx: Write, id_: str) -> Destination:
    """The same; nobody else changes it until this transaction ends."""
    tx.row(_LOCK, destination=id_)
    return get(tx, id_)


def page(tx: Look, window: Window) -> Page[Destination]:
    """Destinations, the oldest first."""
    rows = tx.rows(_LIST, after=window.number_after or 0, most=window.limit + 1)
    key = str(rows[window.limit - 1][0]) if len(rows) > window.limit else None
    return window.cut([_destination(row[1:]) for row in rows], key)


def count(tx: Look) -> int:
    """How many there are."""
    return tx.rows(_COUNT)[0][0]


def _destination(row: Row) -> Destination:
    id_, name, kind, told, body, *more = row
    return Destination(id_, name, DestinationKind(kind), json.loads(told), Body(body), *more)


def add(tx: Write, name: str, told: Config) -> str:
    """Keep a new destination; its id, a UUID as clients expect one."""
    id_ = str(uuid.uuid4())
    values: dict[str, Any] = {
        "id": id_,
        "display_name": name,
        "kind": told.kind.value,
        "shown": json.dumps(shown(told)),
        "sealed": tx.vault.seal(told.values.reveal(), _config_of(id_)),
        "secrets": "",
        "signed_since": None,
        "former_until": None,
        "body": Body.DOCUMENTED.value,
        "created_at": tx.now,
        "created_by": tx.actor,
        "updated_at": tx.now,
    }
    tx.run(_ADD, **values)
    return id_


def change(tx: Write, id_: str, name: str, told: Config, body: Body) -> None:
    """Keep what has become of a destination."""
    sealed = tx.vault.seal(told.values.reveal(), _config_of(id_))
    values = {"new_name": name, "new_shown": json.dumps(shown(told)), "new_sealed": sealed}
    tx.run(_CHANGE, destination=id_, **values, new_body=body.value, now=tx.now)


def remove(tx: Write, id_: str) -> None:
    """Forget a destination, with what is on its way there."""
    tx.run(_DELETE, destination=id_)


def config(tx: Look, id_: str) -> Config:
    """What a destination was told; `WrongState` where the server has not the key any more."""
    [(kind, sealed)] = tx.rows(_SEALED, destination=id_)
    return Config(DestinationKind(kind), Hidden(_opened(tx, sealed, _config_of(id_))))


# What signs


def set_secrets(tx: Write, id_: str, secrets: Sequence[Hidden], former_until: int | None) -> None:
    """Sign with these from now on, the newest first; the second one until that time."""
    told = json.dumps([each.text() for each in secrets]).encode()
    tx.run(_SIGN, destination=id_, new_secrets=tx.vault.seal(told, _secrets_of(id_)), now=tx.now, until=former_until)


def secrets(tx: Look, id_: str) -> tuple[Hidden, ...]:
    """What signs now, the newest first."""
    [(sealed, until)] = tx.rows(_SECRETS, destination=id_)
    if not sealed:
        return ()
    found = [Hidden(each.encode()) for each in json.loads(_opened(tx, sealed, _secrets_of(id_)))]
    return tuple(found[: 2 if until is not None and until > tx.now else 1])


def _opened(tx: Look, sealed: str, owner: str) -> bytes:
    value = tx.vault.open(sealed, owner)
    if value is None:
        raise WrongState(
            "this destination was encrypted with another secret key of the server. An operator can bring that key "
            "back; otherwise set its config anew.",
        )
    return value


def _config_of(id_: str) -> str:
    return f"destination/{id_}/config"


def _secrets_of(id_: str) -> str:
    return f"destination/{id_}/secrets"
