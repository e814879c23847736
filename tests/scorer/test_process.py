"""A scorer in a process of its own: several ask at once, and everybody gets their own answer."""

from __future__ import annotations

import json
import os
import signal
import threading
from collections.abc import Callable

import pytest

from modelyard.scorer import loop
from modelyard.scorer.frames import ANSWER_HEAD, HEADER, MOST_BYTES, Frame, Kind, packed
from modelyard.scorer.model import Model
from tests.scorer.client import Connection, Running, Said, predict, split
from tests.scorer.models import DOUBLES
from tests.scorer.oracle import ours, text

# What a test starts is forked of a process in which libraries have threads; Python warns of it from 3.12 on.
pytestmark = pytest.mark.filterwarnings("ignore:.*multi-threaded, use of fork:DeprecationWarning")

Run = Callable[..., Running]


def row(number: int) -> bytes:
    return predict(number, split(DOUBLES, [number, number / 2, -1.0]))


def hello(running: Running) -> dict[str, object]:
    frame = running.open().receive()
    assert frame.kind == Kind.HELLO
    return json.loads(frame.body)


def say(number: int, what: str) -> bytes:
    return predict(number, {"inputs": [what]})


def ping(connection: Connection, number: int = 99) -> None:
    connection.send(packed(Kind.PING, number))
    assert connection.receive() == Frame(Kind.PONG, number)


def test_what_it_says_of_itself(run: Run) -> None:
    linear, speaker = run("linear"), run("speaker")
    said = hello(linear)
    assert said["flavors"] == ["python_function", "sklearn"]
    assert (said["row_wise"], said["streams"], said["pid"]) == (True, False, linear.process)
    assert {"mlflow", "python"} <= said.keys()
    said = hello(speaker)
    assert (said["row_wise"], said["streams"]) == (False, True)
    assert hello(run("linear", "no"))["row_wise"] is False


def test_waiting_questions_are_joined_and_everybody_gets_their_own(run: Run, loaded: Callable[..., Model]) -> None:
    running = run("proba")
    first, second = running.connect(), running.connect()
    with running.stopped():
        first.send(*map(row, range(40)))
        second.send(*map(row, range(40, 80)), predict(100, b"{"), predict(101, split(["a"], [1.0])))
    found = first.answers(40) | second.answers(42)
    assert (found.pop(100).status, found.pop(101).status) == (400, 400)
    assert len({said.microseconds for said in found.values()}) == 1  # one call
    bodies = [json.dumps(split(DOUBLES, [n, n / 2, -1.0])).encode() for n in range(80)]
    for number, body in enumerate(bodies):
        (alone,) = ours(loaded("proba"), body)
        (expected,), (given,) = alone.json["predictions"], found[number].json["predictions"]
        assert given == pytest.approx(expected, rel=1e-12)  # another routine of BLAS may compute the last bit


def test_questions_are_not_joined_where_that_is_not_wanted(run: Run) -> None:
    running = run("linear", "no")
    connection = running.connect()
    with running.stopped():
        connection.send(*map(row, range(20)))
    assert len({said.microseconds for said in connection.answers(20).values()}) > 1


def test_many_questions_on_one_connection(run: Run) -> None:
    connection = run("linear").connect()
    connection.send(*map(row, range(1000)))
    found = connection.answers(1000)
    for number in range(1, 1000):
        (value,) = found[number].json["predictions"]
        assert value == pytest.approx(number * 1.5 - 1)


def test_a_cancelled_question_is_dropped(run: Run) -> None:
    running = run("naughty")
    connection = running.connect()
    connection.send(say(1, "sleep"))
    connection.send(say(2, "shout"), say(3, "shout"), packed(Kind.CANCEL, 2))
    assert connection.answers(2).keys() == {1, 3}


def test_questions_that_waited_too_long_are_dropped(run: Run) -> None:
    connection = run("naughty", seconds=0.1).connect()
    connection.send(say(1, "sleep"), say(2, "shout"))
    assert connection.answers(1).keys() == {1}
    ping(connection)


def test_a_connection_that_vanishes_takes_its_questions_along(run: Run) -> None:
    running = run("naughty")
    first, second = running.connect(), running.connect()
    second.send(say(1, "sleep"))
    first.send(*(say(number, "sleep") for number in range(100)))
    first.stream.close()
    second.send(say(2, "shout"))
    assert second.answers(2).keys() == {1, 2}  # nobody waited half a minute


@pytest.mark.parametrize("broken", [HEADER.pack(0, MOST_BYTES + 1, 2, 1), packed(77, 1), packed(Kind.HELLO, 1)])
def test_what_is_no_question_ends_its_connection_only(run: Run, broken: bytes) -> None:
    running = run("linear")
    first, second = running.connect(), running.connect()
    first.send(row(1))
    first.answers(1)
    first.send(broken)
    assert first.closed()
    second.send(row(2))
    assert second.answers(1)[2].status == 200


def test_a_model_that_hangs_answers_no_ping(run: Run) -> None:
    running = run("naughty")
    connection = running.connect()
    ping(connection)
    connection.send(say(1, "hang"), packed(Kind.PING, 2))
    assert connection.silent()
    os.kill(running.process, signal.SIGTERM)
    assert connection.closed()
    assert running.wait() == -signal.SIGTERM


def test_a_model_that_ends_the_process_closes_its_connections(run: Run) -> None:
    running = run("naughty")
    connection = running.connect()
    connection.send(say(1, "leave"))
    assert connection.closed()
    assert running.wait() == 7


@pytest.mark.parametrize("what", ["system_exit", "interrupt", "unwritable", "deep", "unknown"])
def test_what_goes_wrong_in_a_model_is_a_bad_request(run: Run, what: str) -> None:
    connection = run("naughty").connect()
    connection.send(say(1, what), say(2, "shout"))
    found = connection.answers(2)
    assert found[1].status == 400
    assert found[1].json["error_code"] == "BAD_REQUEST"
    assert "stack_trace" not in found[1].json
    assert found[2].json == {"predictions": "shouted"}


@pytest.mark.parametrize(("what", "answer"), [("fork", "parent"), ("start", "started")])
def test_children_of_a_model_have_no_part_in_it(run: Run, what: str, answer: str) -> None:
    running = run("naughty")
    connection = running.connect()
    for number in range(3):
        connection.send(say(number, what))
        assert connection.answers(1)[number].json == {"predictions": answer}
    ping(connection)
    running.kill()
    assert connection.closed()  # no child keeps the sockets open
    with pytest.raises((ConnectionRefusedError, FileNotFoundError)):
        running.connect()


def events(*pieces: object) -> list[bytes]:
    return [b"data: " + json.dumps(piece).encode() + b"\n\n" for piece in pieces]


def stream(number: int, count: int, fail: str = "", pause: float = 0.0) -> bytes:
    question = {"dataframe_records": [{"count": count, "fail": fail, "pause": pause}]}
    return packed(Kind.STREAM, number, b"", json.dumps(question).encode())


def test_streams(run: Run) -> None:
    connection = run("speaker").connect()
    connection.send(stream(5, 3))
    frames = [connection.receive() for _ in range(5)]
    said = [{"n": number, "text": "é"} for number in range(3)]
    assert [frame.body for frame in frames] == [*events(*said), b"data: [DONE]\n\n", b""]
    assert [frame.kind for frame in frames] == [*[Kind.PIECE] * 4, Kind.LAST]
    assert ANSWER_HEAD.unpack(frames[-1].head)[0] == 200


def test_a_stream_that_fails_says_so(run: Run) -> None:
    connection = run("speaker").connect()
    connection.send(stream(1, 3, "1"), stream(2, 3, "0"), packed(Kind.STREAM, 3, b"", b"{"))
    frames = [connection.receive() for _ in range(4)]
    begun, lost = (frame for frame in frames if frame.number == 1)
    assert (begun.kind, lost.kind) == (Kind.PIECE, Kind.LAST)
    assert lost.body == b'data: {"error": "lost the thread"}\n\ndata: [DONE]\n\n'
    never = [frame for frame in frames if frame.number > 1]
    assert [frame.kind for frame in never] == [Kind.ANSWER, Kind.ANSWER]
    assert [Said.of(frame).status for frame in never] == [400, 400]


def test_streams_take_turns_with_each_other_and_with_everything_else(run: Run) -> None:
    connection = run("speaker").connect()
    connection.send(stream(1, 40, pause=0.02))
    connection.receive()
    connection.send(stream(2, 2, pause=0.02), predict(3, {"dataframe_records": [{"count": 1, "fail": ""}]}))
    connection.send(packed(Kind.PING, 4))
    ends = [frame.number for frame in (connection.receive() for _ in range(47)) if frame.kind != Kind.PIECE]
    assert set(ends) == {1, 2, 3, 4}
    assert ends[-1] == 1


def test_a_cancelled_stream_ends(run: Run) -> None:
    connection = run("speaker").connect()
    connection.send(stream(1, 10**6, pause=0.01))
    assert connection.receive().kind == Kind.PIECE
    connection.send(packed(Kind.CANCEL, 1), stream(2, 0))
    while (frame := connection.receive()).number == 1:
        assert frame.kind == Kind.PIECE
    assert frame.body == b"data: [DONE]\n\n"
    assert connection.receive().kind == Kind.LAST
    assert connection.silent()


def test_a_model_without_streams_says_so(run: Run) -> None:
    connection = run("linear").connect()
    connection.send(packed(Kind.STREAM, 1, b"", json.dumps(split(DOUBLES, [1.0, 2.0, 3.0])).encode()))
    assert connection.answers(1)[1].status == 400


def test_who_does_not_take_answers_stops_nobody(run: Run) -> None:
    running = run("mirror-any")
    slow, quick = running.connect(), running.connect()
    questions = [predict(number, {"inputs": ["x" * 1_000_000]}) for number in range(30)]
    sending = threading.Thread(target=slow.send, args=questions)
    sending.start()
    quick.send(predict(1, {"inputs": ["y"]}))
    assert quick.answers(1)[1].status == 200
    found = slow.answers(30)
    sending.join()
    assert len({text(said.json) for said in found.values()}) == 1


def test_it_ends_once_nobody_is_there_any_more(run: Run, monkeypatch: pytest.MonkeyPatch) -> None:
    """Where the server is killed in the moment in which it starts one, nobody else would end it."""
    monkeypatch.setattr(loop, "ALONE_SECONDS", 2.0)
    left = run("linear")
    connection = left.connect()
    never = run("linear")
    assert never.wait() == 1  # what tests start says so at its end
    ping(connection)
    connection.stream.close()
    assert left.wait() == 1
