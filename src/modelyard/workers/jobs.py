"""Jobs on this host: the foreman, the site that it minds, and the executor behind that, put together."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from modelyard.engines.local.trouble import Trouble
from modelyard.engines.tasks import LocalExecutor
from modelyard.errors import Failure, Unavailable
from modelyard.workers.foreman import Foreman
from modelyard.workers.site import Lead, LocalSite

if TYPE_CHECKING:
    from modelyard.action import Chore
    from modelyard.config import Settings
    from modelyard.domain.git_credentials import Login
    from modelyard.domain.jobs.git import Git
    from modelyard.engines.local.files import OpenFile
    from modelyard.gate import Gate


class JobsWorker:
    """Everything that runs jobs, in one process of the server."""

    def __init__(self, settings: Settings, gate: Gate, open_file: OpenFile) -> None:
        self._settings = settings
        self._open_file = open_file
        self._executor: LocalExecutor | None = None
        self._site = LocalSite(
            Lead(settings.run_folder / "tasks"),
            self._make,
            settings.jobs_at_once,
            self._do,
            self._url,
            self._commit,
        )
        self._foreman = Foreman(gate, self._site)

    def start(self) -> None:
        """Begin."""
        self._foreman.start()

    def close(self) -> None:
        """Look after nothing any more; what runs goes on, and is found again."""
        self._foreman.close()
        self._site.close()

    def _do(self, chore: Chore[Any, Any]) -> Any:  # noqa: ANN401  the chore's own result
        return self._foreman.do(chore)

    def _make(self) -> LocalExecutor:
        ring = self._foreman.ring
        self._executor = LocalExecutor(self._settings, self._site.brief, self._open_file, on_change=ring)
        return self._executor

    def _url(self) -> str:
        """Where code on this host reaches the server."""
        if self._settings.public_url:
            return self._settings.public_url.rstrip("/")
        try:
            return (self._settings.folder / "address").read_text().strip()
        except OSError:
            raise Unavailable("the server does not say yet where it is reached.") from None

    def _commit(self, git: Git, login: Login | None) -> str:
        if self._executor is None:
            raise Unavailable("another process of this host runs its tasks.")
        try:
            return self._executor.resolve(git.url, branch=git.branch, tag=git.tag, commit=git.commit, login=login)
        except Failure as failure:  # no branch of this name, for example: the executor tells it as any failed checkout
            raise Trouble(failure.message) from None
