"""The metastore, its assignment to the workspace, and the bindings of catalogs: constants of one server."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import metastore
from modelyard.domain.metastore import Metastore
from modelyard.domain.privileges import Kind
from modelyard.errors import Invalid, WrongState
from modelyard.surfaces.securables import ref
from modelyard.surfaces.unity.words import at
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation


class _Asked(msgspec.Struct, frozen=True):
    """The metastore by its id, and what somebody would like it to be."""

    id: str = ""
    new_name: str | None = None
    owner: str | None = None
    storage_root_credential_id: str | None = None
    delta_sharing_scope: str | None = None


class _Assigned(msgspec.Struct, frozen=True):
    """The metastore of a workspace."""

    workspace_id: int
    metastore_id: str = ""
    default_catalog_name: str = ""


class _Binding(msgspec.Struct, frozen=True):
    """A workspace that a catalog is bound to."""

    workspace_id: int
    binding_type: str = ""


class _Bound(msgspec.Struct, frozen=True):
    """The bindings of a catalog, in the older and in the newer form."""

    name: str = ""
    securable_type: str = "catalog"
    assign_workspaces: list[int] = []
    unassign_workspaces: list[int] = []
    add: list[_Binding] = []
    remove: list[_Binding] = []

    @property
    def catalog(self) -> Ref:
        """The catalog: nothing else is bound."""
        found = ref(self.securable_type, self.name)
        if found.kind is not Kind.CATALOG:
            raise Invalid("only catalogs are bound to workspaces here.")
        return found


def _update(said: _Asked) -> AnyAction:
    wishes = (said.new_name, said.owner, said.storage_root_credential_id, said.delta_sharing_scope)
    if any(wish is not None for wish in wishes):
        raise WrongState("the metastore was made with this server and cannot be changed; its owners are the admins.")
    return metastore.GetMetastore(said.id)


def _assign(said: _Assigned) -> AnyAction:
    if said.default_catalog_name:
        raise Invalid("there is no default catalog here: names of models always have three levels.")
    return metastore.AssignMetastore(said.workspace_id, said.metastore_id)


def _unassign(said: _Assigned) -> AnyAction:
    return metastore.AssignMetastore(said.workspace_id, "")


def _change_bindings(said: _Bound) -> AnyAction:
    if any(binding.binding_type not in {"", _READ_WRITE} for binding in said.add):
        raise WrongState("catalogs are bound for reading and writing; restrict a catalog by its grants instead.")
    add = (*said.assign_workspaces, *(binding.workspace_id for binding in said.add))
    remove = (*said.unassign_workspaces, *(binding.workspace_id for binding in said.remove))
    return metastore.ChangeBindings(said.catalog, add, remove)


_READ_WRITE: Final = "BINDING_TYPE_READ_WRITE"


def _metastore(found: Metastore, _here: Here) -> dict[str, Any]:
    return {
        "metastore_id": found.id,
        "name": "metastore",
        "owner": found.owner,
        "global_metastore_id": f"modelyard:local:{found.id}",
        "cloud": "modelyard",
        "region": "local",
        "privilege_model_version": "1.0",
        "delta_sharing_scope": "INTERNAL",
        "created_at": found.created_at,
        "created_by": found.created_by,
        "updated_at": found.updated_at,
        "updated_by": found.updated_by,
    }


def _assignment(found: Metastore, _here: Here) -> object:
    return {"metastore_id": found.id, "workspace_id": found.workspace_id, "default_catalog_name": ""}


def _workspaces(found: Metastore, _here: Here) -> object:
    return {"workspaces": [found.workspace_id]}


def _bindings(found: Metastore, _here: Here) -> object:
    return {"bindings": [{"workspace_id": found.workspace_id, "binding_type": _READ_WRITE}]}


def _get(said: _Asked) -> AnyAction:
    return metastore.GetMetastore(said.id)


def _get_bindings(said: _Bound) -> AnyAction:
    return metastore.GetBindings(said.catalog)


_ONE: Final = at("metastores/{id}")
_OF_WORKSPACE: Final = at("workspaces/{workspace_id}/metastore")
_OF_CATALOG: Final = at("workspace-bindings/catalogs/{name}")
_OF_SECURABLE: Final = at("bindings/{securable_type}/{name}")

ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", at("metastore_summary"), _Asked, _get, _metastore),
    Translation("GET", at("metastores"), _Asked, _get, lambda found, here: {"metastores": [_metastore(found, here)]}),
    Translation("GET", _ONE, _Asked, _get, _metastore),
    Translation("PATCH", _ONE, _Asked, _update, _metastore),
    Translation("GET", at("current-metastore-assignment"), _Asked, _get, _assignment),
    Translation("PUT", _OF_WORKSPACE, _Assigned, _assign),
    Translation("PATCH", _OF_WORKSPACE, _Assigned, _assign),
    Translation("DELETE", _OF_WORKSPACE, _Assigned, _unassign),
    Translation("GET", _OF_CATALOG, _Bound, _get_bindings, _workspaces),
    Translation("PATCH", _OF_CATALOG, _Bound, _change_bindings, _workspaces),
    Translation("GET", _OF_SECURABLE, _Bound, _get_bindings, _bindings),
    Translation("PATCH", _OF_SECURABLE, _Bound, _change_bindings, _bindings),
)
