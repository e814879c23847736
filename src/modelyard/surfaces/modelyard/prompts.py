"""What the prompt registry knows and MLflow's protocol has no question for: what used a version of a prompt."""

from __future__ import annotations

from typing import Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import prompts
from modelyard.domain import names, pages
from modelyard.domain.pages import Page
from modelyard.domain.privileges import Kind
from modelyard.domain.prompts import Link, LinkKind
from modelyard.surfaces.modelyard.words import at
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation

_MOST: Final = 1_000


class LinkPage(msgspec.Struct, frozen=True):
    """A page of the links of one kind."""

    name: str = ""
    version: str | int = ""
    kind: LinkKind = LinkKind.RUN
    max_results: int | None = None
    page_token: str | None = None


def _list(said: LinkPage) -> AnyAction:
    prompt, number = names.prompt(said.name), names.version(said.version)
    query = f"links {prompt} {number} {said.kind.value}"
    window = pages.window(said.max_results, said.page_token, query, default=_MOST, most=_MOST)
    return prompts.ListPromptLinks(Ref(Kind.PROMPT, prompt), number, said.kind, window)


def _links(page: Page[Link], _here: Here) -> object:
    found = [{"kind": link.kind.value, "id": link.target} for link in page.items]
    return {"links": found, "next_page_token": pages.token(page)}


ROWS: Final[tuple[Row, ...]] = (
    Translation("GET", at("prompts/{name}/versions/{version}/links"), LinkPage, _list, _links),
)
