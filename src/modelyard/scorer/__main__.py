"""`python -m modelyard.scorer --model DIR --listen FD`: load a model and answer for it until the process is ended."""

from __future__ import annotations

import argparse
import gc
import os
import traceback
from pathlib import Path
from typing import TYPE_CHECKING, Final

from modelyard.scorer.notes import note

if TYPE_CHECKING:
    from collections.abc import Sequence

CANNOT_LOAD: Final = 3
"""The status with which the process ends if the model cannot be loaded: trying again is of no use."""


def main(arguments: Sequence[str] | None = None) -> int:
    """Serve a model; the status to end with, if it comes to that."""
    options = _options(arguments)
    try:
        # These need the model's libraries, and what is wrong with them is said below.
        from modelyard.scorer.loop import Loop, listener  # noqa: PLC0415  as above
        from modelyard.scorer.model import load  # noqa: PLC0415  as above
        from modelyard.scorer.spare import stand_by  # noqa: PLC0415  as above

        listening = listener(options.listen)
        if options.spare is not None:
            stand_by(listening, options.spare.split(","))
        model = load(options.model, options.row_wise)
    except (Exception, SystemExit) as problem:  # noqa: BLE001  it is the model's code, which can raise anything
        note(f"{traceback.format_exc()}The model cannot be loaded: {type(problem).__name__}: {problem}")
        return CANNOT_LOAD
    loop = Loop(listening, model, options.timeout)
    # What was loaded stays: looking through it again and again for garbage would stop answers for a tenth of a second.
    gc.collect()
    gc.freeze()
    loop.run()
    os._exit(0)  # threads of the model's code do not keep the process


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser("scorer", description="Answer predictions with one MLflow model.")
    parser.add_argument("--model", type=Path, required=True, metavar="DIR", help="the folder with the MLmodel file")
    parser.add_argument("--listen", type=int, required=True, metavar="FD", help="an inherited listening unix socket")
    parser.add_argument("--row-wise", choices=("yes", "no", "auto"), default="auto", help="whether calls may be shared")
    parser.add_argument("--spare", metavar="NAMES", help="import these modules, and load once somebody connects")
    parser.add_argument("--timeout", type=float, metavar="SECONDS", help="drop questions that waited longer")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
