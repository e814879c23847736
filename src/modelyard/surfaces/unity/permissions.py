"""Permissions: who was granted what, and who holds what.

Clients understand privileges in their own spelling only: the open-source one knows fewer of them, and fails on a whole
answer that holds another, so it is told those that it knows (protocol notes §0.3-5).
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import grants
from modelyard.domain import pages
from modelyard.domain.grants import MOST, Assignment, Held
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import APPLICABLE, OBJECTS, GrantChange, Privilege, parse
from modelyard.errors import Invalid
from modelyard.surfaces.securables import ref
from modelyard.surfaces.unity.words import at, paged
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation

_OPEN_SOURCE: Final = "OpenAPI-Generator/"
"""How the User-Agent of the open-source client of Unity Catalog begins."""

_OPEN_SOURCE_KNOWS: Final = frozenset(
    {
        Privilege.CREATE_CATALOG,
        Privilege.CREATE_MODEL,
        Privilege.CREATE_SCHEMA,
        Privilege.EXECUTE,
        Privilege.USE_CATALOG,
        Privilege.USE_SCHEMA,
    },
)
_MOST: Final = max(len(applicable) for kind, applicable in APPLICABLE.items() if kind not in OBJECTS)
"""Privileges that one principal may have on a securable."""
_LEAST: Final = 150
"""No page is shorter than this many privileges, so that one principal's always fit."""

_UNPAGED: Final = 10_000
_LEVELS: Final = 3


class PermissionChange(msgspec.Struct, frozen=True):
    """Privileges to add and remove for one principal."""

    principal: str = ""
    add: list[str] | None = None
    remove: list[str] | None = None

    def checked(self) -> GrantChange:
        """The change, with both spellings of privileges understood."""
        return GrantChange(
            self.principal,
            add=frozenset(parse(each) for each in self.add or ()),
            remove=frozenset(parse(each) for each in self.remove or ()),
        )


class Permissions(msgspec.Struct, frozen=True):
    """The permissions of one securable; both names of the page's length are of Databricks."""

    securable_type: str = ""
    full_name: str = ""
    principal: str = ""
    max_results: int | None = None
    page_size: int | None = None
    page_token: str | None = None
    changes: list[PermissionChange] = []
    omit_permissions_in_response: bool = False

    @property
    def ref(self) -> Ref:
        """The securable."""
        return ref(self.securable_type, self.full_name)

    def window(self, query: str, each: int, default: int = MOST) -> Window:
        """The page that is asked for, in grantees, of whom one has at most `each` privileges to show."""
        length = self.max_results if self.max_results is not None else self.page_size
        if length and 0 < length < _LEAST:
            raise Invalid(
                f"a page holds at least {_LEAST} privileges; ask for more, or leave its length to the server."
            )
        whole = f"{query} {self.ref.name} {self.principal}"
        most = default if length is None else MOST
        return pages.window(length and length // each, self.page_token, whole, default=most, most=most)


def _get(said: Permissions) -> AnyAction:
    return grants.GetGrants(said.ref, said.principal, said.window("grants", _MOST, _UNPAGED))


def _list(said: Permissions) -> AnyAction:
    return grants.GetGrants(said.ref, said.principal, said.window("grants", _MOST))


def _effective(said: Permissions) -> AnyAction:
    window = said.window("effective grants", _LEVELS * _MOST)
    return grants.GetEffectiveGrants(said.ref, said.principal, window)


def _change(said: Permissions) -> AnyAction:
    changes = tuple(change.checked() for change in said.changes)
    return grants.ChangeGrants(said.ref, changes, said.omit_permissions_in_response)


def _known(held: Iterable[Held], here: Here) -> list[tuple[str, Held]]:
    """Privileges in the client's spelling, without those that would make it fail."""
    if not here.user_agent.startswith(_OPEN_SOURCE):
        return [(each.privilege.value, each) for each in held]
    return [(each.privilege.words, each) for each in held if each.privilege in _OPEN_SOURCE_KNOWS]


def _assigned(assignment: Assignment, here: Here) -> list[object]:
    return [privilege for privilege, _ in _known(assignment.privileges, here)]


def _inherited(assignment: Assignment, here: Here) -> list[object]:
    return [{"privilege": privilege, **_source(held)} for privilege, held in _known(assignment.privileges, here)]


def _source(held: Held) -> dict[str, str]:
    above = held.inherited_from
    return {"inherited_from_type": above.kind.value, "inherited_from_name": above.full_name} if above else {}


def _written(
    key: str, privileges: Callable[[Assignment, Here], list[object]]
) -> Callable[[Page[Assignment] | None, Here], object]:
    """How assignments are written under a key; `through` is ours, and says by which groups one reaches somebody."""

    def write(page: Page[Assignment] | None, here: Here) -> object:
        if page is None:
            return {}
        told = [
            {
                "principal": each.principal,
                "privileges": privileges(each, here),
                **({"through": each.through} if each.through else {}),
            }
            for each in page.items
            if _known(each.privileges, here)
        ]
        return paged({key: told}, page)

    return write


_ASSIGNMENTS: Final = "privilege_assignments"


def _on(what: str) -> str:
    return at(what + "/{securable_type}/{full_name}")


ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", _on("permissions"), Permissions, _get, _written(_ASSIGNMENTS, _assigned)),
    Translation("PATCH", _on("permissions"), Permissions, _change, _written(_ASSIGNMENTS, _assigned)),
    Translation("GET", _on("privilege-assignments"), Permissions, _list, _written(_ASSIGNMENTS, _assigned)),
    Translation("GET", _on("effective-permissions"), Permissions, _effective, _written(_ASSIGNMENTS, _inherited)),
    Translation(
        "GET",
        _on("effective-privilege-assignments"),
        Permissions,
        _effective,
        _written("effective_privilege_assignments", _inherited),
    ),
)
