"""What tests of jobs are made of: the real SDK, code that does what tests want, and looks at what is left."""

from __future__ import annotations

import contextlib
import threading
import time
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any, TypeAlias

import psutil
from databricks.sdk import WorkspaceClient
from databricks.sdk.service.jobs import PythonWheelTask, Run, Task, TaskDependency

from tests.support import Server

SETTINGS = {"jobs_env": "local", "shared_user": "true", "jobs_cancel_seconds": "2"}
"""Tasks run in the server's own environment, which has what the tests' code needs."""
API = "/api/2.2/jobs"


Client: TypeAlias = Any
"""The SDK's client, whose own types say that nothing is optional where it is."""


def sdk(server: Server, token: str = "") -> Client:
    """The real client."""
    return WorkspaceClient(host=server.url, token=token or server.token)


def code(python: str) -> PythonWheelTask:
    """A task that runs some Python: IPython is a package with an entry point that does."""
    parameters = ["--no-banner", "--colors=NoColor", "--HistoryManager.enabled=False", "-c", python]
    return PythonWheelTask(package_name="ipython", entry_point="ipython", parameters=parameters)


def task(key: str, python: str, *after: str, **said: Any) -> Task:  # noqa: ANN401  fields of a Task
    """A task that runs some Python, after others."""
    return Task(
        task_key=key, python_wheel_task=code(python), depends_on=[TaskDependency(each) for each in after], **said
    )


class Marks:
    """Hears from code that runs: each time that it begins, and each time that it ends."""

    def __init__(self) -> None:
        heard = self.heard = list[str]()

        class Handler(BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                heard.append(self.path.strip("/"))
                self.send_response(200)
                self.end_headers()

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        threading.Thread(target=self._server.serve_forever, daemon=True).start()

    def python(self, name: str, seconds: float = 0) -> str:
        """Code that says that it begins, sleeps, and says that it ends."""
        at = f"http://127.0.0.1:{self._server.server_port}"
        say = f"say = lambda word: u.urlopen('{at}/{name}-' + word).close()"
        end = f"print('{name}', flush=True); time.sleep({seconds}); say('ends')"
        return f"import time, urllib.request as u; {say}; say('begins'); {end}"

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@contextlib.contextmanager
def listening() -> Iterator[Marks]:
    made = Marks()
    yield made
    made.close()


def wait_for(holds: Callable[[], Any], seconds: float = 90) -> Any:  # noqa: ANN401  whatever holds
    """Wait until something holds; that."""
    until = time.monotonic() + seconds
    while not (found := holds()):
        assert time.monotonic() < until, "it did not happen in time"
        time.sleep(0.05)
    return found


def ended(client: Client, run_id: int, seconds: float = 120) -> Run:
    """A run once it has ended, asked for oneself: the waiter of the SDK raises where it has failed."""

    def look() -> Run | None:
        found = client.jobs.get_run(run_id, include_history=True)
        return found if found.end_time else None

    return wait_for(look, seconds)


def results(run: Run) -> dict[str, str]:
    """What became of each task."""
    return {
        each.task_key: each.state.result_state.value
        for each in run.tasks or ()
        if each.state and each.state.result_state
    }


def post(server: Server, path: str, **said: object) -> dict[str, Any]:
    """Ask the Jobs API as curl does."""
    with server.client() as client:
        return client.post(f"{API}/{path}", json=said).raise_for_status().json()


def supervisors(server: Server) -> Iterator[psutil.Process]:
    """The processes that look after attempts of a server."""
    for process in psutil.process_iter(["cmdline"]):
        line = " ".join(process.info["cmdline"] or ())
        if str(server.data) in line and "supervisor" in line:
            yield process
