"""The server dies at any moment of a run: what runs goes on, is started once, and is never left hanging."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator

import pytest
from databricks.sdk.service.jobs import QueueSettings

from tests.jobs import SETTINGS, Marks, ended, listening, results, sdk, task, wait_for
from tests.support import Server

MOMENTS = (0.0, 0.3, 1.2)
"""Seconds after the answer to `run-now`: before the attempt is taken, while it is prepared, and while it runs."""


@pytest.fixture
def marks() -> Iterator[Marks]:
    with listening() as made:
        yield made


def die_at_each(server: Server, marks: Marks, moments: tuple[float, ...]) -> None:
    """Kill the server at each moment of a run with two tasks; each time all of it must come to its end, once."""
    client = sdk(server)
    for place, moment in enumerate(moments):
        one, two = f"one{place}", f"two{place}"
        tasks = [task("one", marks.python(one, 1.5)), task("two", marks.python(two), "one")]
        job = client.jobs.create(name=f"dies {place}", tasks=tasks).job_id
        assert job
        run_id = client.jobs.run_now(job).run_id
        time.sleep(moment)
        server.kill()
        server.start()
        client = sdk(server)
        run = ended(client, run_id)
        assert results(run) == {"one": "SUCCESS", "two": "SUCCESS"}, run.state
        for name in (one, two):
            assert [marks.heard.count(f"{name}-{word}") for word in ("begins", "ends")] == [1, 1], marks.heard
        assert (client.jobs.get_run_output((run.tasks or [])[0].run_id or 0).logs or "").split() == [one]


def test_whenever_the_server_is_killed_each_task_is_started_once_and_ends(
    start_server: Callable[..., Server], marks: Marks
) -> None:
    die_at_each(start_server(**SETTINGS), marks, MOMENTS)


def test_the_same_on_postgresql(
    start_server: Callable[..., Server], marks: Marks, request: pytest.FixtureRequest
) -> None:
    database = request.getfixturevalue("postgres").make()
    die_at_each(start_server(database, **SETTINGS), marks, (0.3,))


def test_what_ends_while_no_server_is_there_is_collected_and_what_is_canceled_ends(
    start_server: Callable[..., Server], marks: Marks
) -> None:
    server = start_server(**SETTINGS)
    client = sdk(server)
    job = client.jobs.create(name="a", tasks=[task("a", marks.python("a", 1))], max_concurrent_runs=2).job_id
    long = client.jobs.create(name="b", tasks=[task("b", marks.python("b", 600))]).job_id
    assert job
    assert long
    first, second = client.jobs.run_now(job).run_id, client.jobs.run_now(long).run_id
    wait_for(lambda: {"a-begins", "b-begins"} <= set(marks.heard))
    client.jobs.cancel_run(second)
    server.kill()
    wait_for(lambda: "a-ends" in marks.heard)
    server.start()
    client = sdk(server)
    assert results(ended(client, first)) == {"a": "SUCCESS"}
    assert results(ended(client, second)) == {"b": "CANCELED"}
    assert marks.heard.count("a-begins") == 1
    assert "b-ends" not in marks.heard


def test_a_queue_is_drained_without_loss_although_the_server_dies_meanwhile(
    start_server: Callable[..., Server], marks: Marks
) -> None:
    server = start_server(**SETTINGS)
    client = sdk(server)
    queued = QueueSettings(enabled=True)
    tasks = [task("a", marks.python("a"))]
    job = client.jobs.create(name="queue", tasks=tasks, queue=queued, max_concurrent_runs=3).job_id
    assert job
    runs = [client.jobs.run_now(job, idempotency_token=str(number)).run_id for number in range(8)]
    wait_for(lambda: "a-begins" in marks.heard)
    server.kill()
    assert marks.heard.count("a-begins") < len(runs), "some wait in the queue"
    server.start()
    client = sdk(server)
    assert {str(results(ended(client, run_id))) for run_id in runs} == {"{'a': 'SUCCESS'}"}
    assert marks.heard.count("a-begins") == len(runs)
