"""A scorer that does what the model's folder says: it loads, fails, hangs, and answers what an expression tells it."""

from __future__ import annotations

import argparse
import json
import os
import selectors
import socket
import sys
import time
from pathlib import Path

from frames import ANSWER_HEAD, Frame, Kind, Reading, packed  # pyright: ignore[reportMissingImports]  in the zipapp


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--model", type=Path)
    parser.add_argument("--listen", type=int)
    parser.add_argument("--row-wise")
    parser.add_argument("--timeout")
    asked = parser.parse_args()
    told = json.loads((asked.model / "model.json").read_text())
    for name in told.get("print", ()):
        sys.stdout.write(f"{name} {os.environ.get(name)}\n")
        sys.stdout.flush()
    if told.get("fails"):
        sys.stderr.write(f"ValueError: {told['fails']}\n")
        sys.exit(3)
    if told.get("ends"):
        os._exit(9)
    time.sleep(told.get("loads", 0))
    serve(socket.socket(fileno=asked.listen), asked)


def serve(listening: socket.socket, asked: argparse.Namespace) -> None:
    selector = selectors.DefaultSelector()
    selector.register(listening, selectors.EVENT_READ)
    while True:
        for key, _ in selector.select():
            if key.fileobj is listening:
                connection, _ = listening.accept()
                selector.register(connection, selectors.EVENT_READ, Reading())
                connection.sendall(packed(Kind.HELLO, 0, body=json.dumps({"pid": os.getpid()}).encode()))
                continue
            connection = key.fileobj
            assert isinstance(connection, socket.socket)
            more = connection.recv(65_536)
            if not more:
                selector.unregister(connection)
                connection.close()
            for frame in key.data.feed(more):
                connection.sendall(answer(frame, asked))


def answer(frame: Frame, asked: argparse.Namespace) -> bytes:
    if frame.kind == Kind.PING:
        return packed(Kind.PONG, frame.number)
    try:
        told, status = eval(frame.body, {"asked": asked}), 200  # noqa: S307  tests say what it does
    except Exception as error:  # noqa: BLE001  whatever it is, the test wants to know it
        told, status = f"{type(error).__name__}: {error}", 500
    return packed(Kind.ANSWER, frame.number, ANSWER_HEAD.pack(status, 0, 0, 0), json.dumps(told).encode())


if __name__ == "__main__":
    main()
