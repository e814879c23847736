"""Published outputs of volumes: begun, completed, listed and deleted, and the pointer to the current one."""

from __future__ import annotations

from typing import Any, Final

import msgspec

from modelyard.action import Ref
from modelyard.actions import outputs
from modelyard.domain import names, pages
from modelyard.domain.pages import Page
from modelyard.domain.privileges import Kind
from modelyard.domain.volumes import CURRENT, Move, Output, Volume, about, output_name
from modelyard.surfaces.modelyard.words import at, sha256
from modelyard.surfaces.wire import AnyAction, Here, Row, Translation, text

_DEFAULT, _MOST = 100, 1_000


class InVolume(msgspec.Struct, frozen=True):
    """Something about the outputs of a volume."""

    full_name: str = ""
    output: str = ""
    about: dict[str, Any] | None = None
    digest: str = ""
    expected: str | None = None
    reason: str = ""
    max_results: int | None = None
    page_token: str | None = None

    @property
    def volume(self) -> Ref:
        """The volume."""
        return Ref(Kind.VOLUME, names.volume(self.full_name))

    @property
    def named(self) -> tuple[Ref, str]:
        """The volume, and the name of the output."""
        return self.volume, output_name(self.output)

    @property
    def before(self) -> str | None:
        """Where the pointer is expected to be: at an output, nowhere, or anywhere."""
        return output_name(self.expected) if self.expected else self.expected


def _get(said: InVolume) -> AnyAction:
    name = CURRENT if said.output == CURRENT else output_name(said.output)
    return outputs.GetOutput(said.volume, name)


def _list(said: InVolume) -> AnyAction:
    window = pages.window(
        said.max_results, said.page_token, f"outputs {said.volume.name}", default=_DEFAULT, most=_MOST
    )
    return outputs.ListOutputs(said.volume, window)


def _list_moves(said: InVolume) -> AnyAction:
    query = f"publications {said.volume.name}"
    window = pages.window(said.max_results, said.page_token, query, default=_DEFAULT, most=_MOST)
    return outputs.ListPublications(said.volume, window)


def _complete(said: InVolume) -> AnyAction:
    return outputs.CompleteOutput(*said.named, sha256(said.digest) if said.digest else "")


def _output(output: Output, _here: Here) -> dict[str, Any]:
    return {
        "name": output.name,
        "volume": output.volume,
        "path": output.path,
        "state": output.state.value,
        "is_current": output.is_current,
        "about": msgspec.json.decode(output.about),
        "digest": output.digest,
        "files": output.files,
        "size": output.size,
        "created_at": output.created_at,
        "created_by": output.created_by,
        "completed_at": output.completed_at,
    }


def _outputs(page: Page[Output], here: Here) -> object:
    return {"outputs": [_output(each, here) for each in page.items], "next_page_token": pages.token(page)}


def _move(move: Move) -> dict[str, Any]:
    return {
        "from_output": move.from_output,
        "to_output": move.to_output,
        "moved_at": move.moved_at,
        "moved_by": move.moved_by,
        "reason": move.reason,
        "request_id": move.request_id,
    }


def _moves(page: Page[Move], _here: Here) -> object:
    return {"moves": [_move(each) for each in page.items], "next_page_token": pages.token(page)}


def _pointer(volume: Volume, _here: Here) -> object:
    return {"volume": volume.full_name, "output": volume.current}


_OUTPUTS: Final = at("volumes/{full_name}/outputs")
_ONE: Final = at("volumes/{full_name}/outputs/{output}")
_POINTER: Final = at("volumes/{full_name}/current")

ROWS: Final[tuple[Row, ...]] = (
    Translation(
        "POST", _OUTPUTS, InVolume, read=lambda said: outputs.BeginOutput(said.volume, about(said.about)), write=_output
    ),
    Translation("GET", _OUTPUTS, InVolume, _list, _outputs),
    Translation("GET", _ONE, InVolume, _get, _output),
    Translation("POST", f"{_ONE}/complete", InVolume, _complete, _output),
    Translation("DELETE", _ONE, InVolume, read=lambda said: outputs.DeleteOutput(*said.named)),
    Translation(
        "PUT",
        _POINTER,
        InVolume,
        read=lambda said: outputs.PublishOutput(*said.named, expected=said.before, reason=text(said.reason)),
        write=_output,
    ),
    Translation(
        "POST",
        f"{_POINTER}/undo",
        InVolume,
        read=lambda said: outputs.UndoPublication(said.volume, said.before, text(said.reason)),
        write=_pointer,
    ),
    Translation("GET", f"{_POINTER}/history", InVolume, _list_moves, _moves),
)
