"""The web server's processes: one, or several behind one listening socket with a parent that looks after them.

The parent is Uvicorn's own supervisor. It starts a process again that has died or does not answer, and a whole new set
on SIGHUP, one after the other; SIGTERM and SIGINT let every process finish what it is answering (decision 0011).
"""

from __future__ import annotations

import gc
import logging
import multiprocessing
import os
import signal
import sys
import threading
import time
from functools import partial
from typing import TYPE_CHECKING, Any, Final

from uvicorn.config import STARTUP_FAILURE, Config
from uvicorn.supervisors import Multiprocess

from modelyard import app
from modelyard.cli import logs
from modelyard.errors import Failure, Unavailable
from modelyard.surfaces.bounded import BoundedProtocol

if TYPE_CHECKING:
    import socket

    from modelyard.config import Settings
    from modelyard.surfaces.http import Endpoint

log = logging.getLogger(__name__)

_HUNG_SECONDS: Final = 10
"""A worker that says nothing for so long is killed, and one that is to take another's place must serve by then.

The parent waits so long at most when a worker dies while it is asked; a busy machine needs more than Uvicorn's five.
"""


def configuration(chosen: Settings, endpoint: Any, **more: Any) -> Config:  # noqa: ANN401  Uvicorn's own types
    """How Uvicorn serves an ASGI application."""
    return Config(
        endpoint,
        http=BoundedProtocol,
        loop="uvloop",
        ws="none",
        lifespan="off",
        log_config=None,
        access_log=False,
        server_header=False,
        ssl_certfile=chosen.tls_certificate or None,
        ssl_keyfile=chosen.tls_key or None,
        proxy_headers=bool(chosen.trusted_proxies),
        forwarded_allow_ips=list(chosen.trusted_proxies),
        timeout_keep_alive=75,
        timeout_graceful_shutdown=10,
        **more,
    )


def settle() -> None:
    """What was put together stays: looking through it for garbage would stop all answers for a tenth of a second.

    What comes later, such as rows that wait for their table, is looked through as ever.
    """
    gc.collect()
    gc.freeze()


def supervise(chosen: Settings, listening: socket.socket) -> int:
    """Serve with several processes until a signal says stop; returns the exit status, 1 if one could not start."""
    built_there = partial(_endpoint, chosen)
    supervisor = Multiprocess(
        configuration(
            chosen,
            built_there,
            factory=True,
            workers=chosen.workers,
            timeout_worker_healthcheck=_HUNG_SECONDS,
        ),
        sockets=[listening],
    )
    supervisor.run()
    return int(any(process.exitcode == STARTUP_FAILURE for process in supervisor.processes))


def _endpoint(chosen: Settings) -> Endpoint:
    """A server that is put together in a process of its own."""
    logs.set_up(chosen.log_level, chosen.log_format)
    signal.signal(signal.SIGHUP, signal.SIG_IGN)  # the parent's, also where a terminal sends it to all
    threading.Thread(target=_leave_with_parent, name="orphan", daemon=True).start()
    try:
        built = app.build(chosen)
    except Unavailable as failure:
        # The parent has found the database well, so it will be again; meanwhile the parent starts one after another.
        log.warning("a worker waits: %s", failure.message)
        time.sleep(1)
        sys.exit(1)
    except Failure as failure:
        log.error("a worker cannot start: %s", failure.message)  # noqa: TRY400  a sentence for the operator
        sys.exit(STARTUP_FAILURE)
    except Exception:
        log.exception("a worker cannot start")
        sys.exit(STARTUP_FAILURE)
    built.start()
    settle()
    log.info("worker %d serves", os.getpid())
    return built.endpoint


def _leave_with_parent() -> None:
    """End, as if asked to, when the parent is gone: nobody would start or stop this process any more."""
    parent = multiprocessing.parent_process()
    if parent is not None:
        parent.join()
        os.kill(os.getpid(), signal.SIGTERM)
