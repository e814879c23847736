"""Pages of a list: how long they are, and the opaque token that leads to the next."""

from __future__ import annotations

import base64
import hashlib
from dataclasses import dataclass
from typing import Any, Final, Generic, TypeVar

from modelyard.errors import Invalid

_MAX_TOKEN: Final = 8_192
_MAX_DIGITS: Final = 18
_MARK: Final = 16
_FOREIGN: Final = "page_token is not one that this list gave; ask for the first page again, without it."

Item = TypeVar("Item")


@dataclass(frozen=True, slots=True)
class Page(Generic[Item]):
    """Some items of the list that a query gives, and the key after which the next page goes on (None: it does not)."""

    items: tuple[Item, ...]
    after: str | None = None
    query: str = ""


@dataclass(frozen=True, slots=True)
class Window:
    """Which page is asked for: at most `limit` items after the key `after`."""

    limit: int
    after: str = ""
    query: str = ""

    @property
    def number_after(self) -> int | None:
        """The key as a number, where keys are numbers; None on the first page."""
        if not self.after:
            return None
        if not (self.after.isascii() and self.after.isdigit()) or len(self.after) > _MAX_DIGITS:
            raise Invalid(_FOREIGN)
        return int(self.after)

    def cut(self, rows: list[Item], key: str | None) -> Page[Item]:
        """The page in a list of up to `limit + 1` rows; `key` is that of the last row that fits."""
        more = len(rows) > self.limit
        return Page(tuple(rows[: self.limit]), key if more else None, self.query)


def window(max_results: int | None, token: str | None, query: str, *, default: int, most: int) -> Window:
    """The window that a client asks for; more than `most` is clamped, a token of another query is refused."""
    if max_results is not None and max_results < 0:
        raise Invalid("max_results must not be negative; leave it out for the default.")
    limit = min(max_results or default, most)
    return Window(limit, _read(token, query) if token else "", query)


def token(page: Page[Any]) -> str:
    """The token for the page after this one, bound to its query; the empty string when there is none."""
    if page.after is None:
        return ""
    return base64.urlsafe_b64encode((_mark(page.query, page.after) + page.after).encode()).decode().rstrip("=")


def _read(token: str, query: str) -> str:
    try:
        padded = token[:_MAX_TOKEN] + "=" * (-len(token) % 4)
        said = base64.b64decode(padded.encode("ascii"), altchars=b"-_", validate=True).decode()
    except ValueError:
        raise Invalid(_FOREIGN) from None
    mark, after = said[:_MARK], said[_MARK:]
    if mark != _mark(query, after) or "\x00" in after:
        raise Invalid(_FOREIGN)
    return after


def _mark(query: str, after: str) -> str:
    """What binds a key to its query, and shows that a token is whole; it keeps nothing secret."""
    return hashlib.sha256(f"{query}\n{after}".encode("utf-8", "surrogatepass")).hexdigest()[:_MARK]
