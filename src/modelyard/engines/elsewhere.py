"""Another MLflow tracking server, which an operator has named instead of the child: asked as it is, not governed."""

from __future__ import annotations

import asyncio
import logging
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Final

from modelyard.domain.relays import Asked, Heard
from modelyard.engines.wire import MOST
from modelyard.errors import Unavailable
from modelyard.outbound import Allowed, Outbound

if TYPE_CHECKING:
    from modelyard.config import Settings

log = logging.getLogger(__name__)

_SECONDS: Final = 110.0
_AT_ONCE: Final = 8


class Elsewhere:
    """Passes requests on."""

    def __init__(self, settings: Settings) -> None:
        self._url = settings.tracking_url.rstrip("/")
        self._headers = (("authorization", f"Bearer {settings.tracking_token}"),) if settings.tracking_token else ()
        self._outbound = Outbound(Allowed.of(settings.outbound_allowed), seconds=_SECONDS, most=MOST)
        self._threads = ThreadPoolExecutor(_AT_ONCE, thread_name_prefix="tracking")
        log.warning("experiments are those of another tracking server; who may see and change them is not decided here")

    @property
    def is_ours(self) -> bool:
        """It is not."""
        return False

    async def ask(self, asked: Asked) -> Heard:
        """Its answer."""
        return await asyncio.get_running_loop().run_in_executor(self._threads, lambda: self._asked(asked))

    def _asked(self, asked: Asked) -> Heard:
        headers = (*asked.headers, *self._headers)
        try:
            answer = self._outbound.ask(asked.method, self._url + asked.target, asked.body, headers)
        except Unavailable:
            raise Unavailable("the tracking server that this server asks does not answer; ask again shortly.") from None
        return Heard(answer.status, ((b"content-type", answer.content_type.encode()),), answer.body)

    def close(self) -> None:
        """Ask no more."""
        self._outbound.close()
        self._threads.shutdown(wait=False, cancel_futures=True)
