"""`python -m modelyard.batch.worker`: is told a plan, then scores pieces, a JSON object a line in and out."""

from __future__ import annotations

import json
import os
import sys
import traceback
from typing import IO, Any

_LONGEST = 1_000
"""Characters of what is told of a failure."""
_PLAIN = ("Changed", "Wrong")
"""Failures that are told as they are; others with the type of the exception."""


def main() -> int:
    """Do what is asked until there is nothing more to read."""
    asked, answers = sys.stdin, _own_output()

    def tell(message: dict[str, Any]) -> None:
        answers.write(json.dumps(message) + "\n")
        answers.flush()

    try:
        from modelyard.batch.worker.arrow import pa  # noqa: PLC0415  what is missing is said below, to whoever asked
        from modelyard.batch.worker.work import Work  # noqa: PLC0415  as above

        pa.set_cpu_count(1)
        pa.set_io_thread_count(2)
        work = Work(json.loads(asked.readline()))
        tell({"ready": True})
    except (Exception, SystemExit) as problem:  # noqa: BLE001  it is the model's code, which can raise anything
        return _fail(tell, "the model cannot be loaded", problem)
    for line in asked:
        question = json.loads(line)
        try:
            tell(_answered(work, question, tell))
        except (Exception, SystemExit) as problem:  # noqa: BLE001  as above
            return _fail(tell, question.get("what", "a piece cannot be scored"), problem)
    return 0


def _answered(work: Any, question: dict[str, Any], tell: Any) -> dict[str, Any]:  # noqa: ANN401  made above
    if "probe" in question:
        return {"schema": work.probe(question["probe"])}
    if "schema" in question:
        work.use(question["schema"])
        return {"ready": True}
    return {"done": work.score(question["piece"], tell)}


def _own_output() -> IO[str]:
    """Standard output for answers alone: what the model prints goes to the error stream."""
    kept = os.dup(1)
    os.dup2(2, 1)
    return os.fdopen(kept, "w", encoding="utf-8")


def _fail(tell: Any, what: str, problem: BaseException) -> int:  # noqa: ANN401  as above
    traceback.print_exc()
    kind = type(problem).__name__
    told = str(problem) if kind in _PLAIN else f"{kind}: {problem}"
    tell({"failed": f"{what}: {' '.join(told.split())[:_LONGEST]}"})
    return 3


if __name__ == "__main__":
    status = main()
    sys.stderr.flush()
    os._exit(status)  # threads of the model's code do not keep the process
