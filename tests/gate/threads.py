"""Many threads that ask for something at once."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from modelyard.errors import Failure, Unavailable

THREADS = 16


def at_once(jobs: Sequence[Callable[[], Any]], threads: int = THREADS) -> list[Any]:
    """What each job returned, or the failure that it ended with; anything but a failure is raised."""

    def run(job: Callable[[], Any]) -> Any:  # noqa: ANN401
        try:
            return job()
        except Failure as failure:
            return failure

    with ThreadPoolExecutor(threads) as pool:
        return list(pool.map(run, jobs))


def persistent(job: Callable[[], Any]) -> Callable[[], Any]:
    """A job of a client that asks again where the server says that this may help."""

    def run() -> Any:  # noqa: ANN401
        for _ in range(20):
            try:
                return job()
            except Unavailable:
                continue
        return job()

    return run
