"""What schemas admit, and the versions that they keep back."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import admission
from modelyard.domain import names, pages
from modelyard.domain.admission import Admits, Policy, Quarantined
from modelyard.domain.models import Version
from modelyard.domain.pages import Page
from modelyard.domain.privileges import Kind
from modelyard.surfaces.modelyard.words import at
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation, text, with_digest

_DEFAULT, _MOST = 100, 1_000


class OneSchema(msgspec.Struct, frozen=True):
    """A schema by its name."""

    full_name: str = ""

    @property
    def schema(self) -> Ref:
        """The schema."""
        return Ref(Kind.SCHEMA, names.schema(self.full_name))


class Asking(OneSchema, frozen=True):
    """What a schema is to ask."""

    admits: Admits = Admits.ANYTHING
    clean_scan: bool = False
    signers: tuple[str, ...] = ()


class Listing(OneSchema, frozen=True):
    """A page of what a schema keeps back."""

    max_results: int | None = None
    page_token: str | None = None


class Release(msgspec.Struct, frozen=True):
    """A version, and why it may be used after all."""

    full_name: str = ""
    version: str | int = ""
    comment: str = ""


def _set(said: Asking) -> AnyAction:
    policy = Policy(said.schema.name, said.admits, said.clean_scan, said.signers)
    return admission.SetPolicy(said.schema, policy)


def _list(said: Listing) -> AnyAction:
    query = f"quarantine {said.schema.name}"
    window = pages.window(said.max_results, said.page_token, query, default=_DEFAULT, most=_MOST)
    return admission.ListQuarantined(said.schema, window)


def _release(said: Release) -> AnyAction:
    model = names.model(said.full_name)
    schema = Ref(Kind.SCHEMA, model.rpartition(".")[0])
    return admission.ReleaseVersion(schema, model, names.version(said.version), text(said.comment))


def _policy(policy: Policy, _here: Here) -> object:
    return msgspec.to_builtins(policy)


def _quarantined(page: Page[Quarantined], _here: Here) -> object:
    versions = [msgspec.to_builtins(each) for each in page.items]
    return {"versions": versions, "next_page_token": pages.token(page)}


def _version(version: Version, _here: Here) -> object:
    told = {"model": version.model, "version": version.number, "status": version.status.value}
    return with_digest({**told, "digest": version.digest}, version)


_ADMISSION: Final = at("schemas/{full_name}/admission")

ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", _ADMISSION, OneSchema, read=lambda said: admission.GetPolicy(said.schema), write=_policy),
    Translation("PUT", _ADMISSION, Asking, read=_set, write=_policy),
    Translation("DELETE", _ADMISSION, OneSchema, read=lambda said: admission.RemovePolicy(said.schema)),
    Translation("GET", at("schemas/{full_name}/quarantine"), Listing, read=_list, write=_quarantined),
    Translation("POST", at("models/{full_name}/versions/{version}/release"), Release, read=_release, write=_version),
)
