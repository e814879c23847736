"""Published outputs: files that belong together, and the pointer to the current ones, which is moved as one.

Whoever makes an output opens it, brings its files and completes it; from then on it never changes. Consumers read
`current`, and see either all of one output or all of another.
"""

from __future__ import annotations

from dataclasses import dataclass

from modelyard.action import Command, Need, Query, Ref
from modelyard.domain import volumes as rules
from modelyard.domain.files import digest
from modelyard.domain.journal import Event
from modelyard.domain.pages import Page, Window
from modelyard.domain.privileges import Privilege
from modelyard.domain.volumes import Move, Output, State, Volume
from modelyard.errors import Changed, Denied, Invalid, NotFound, WrongState
from modelyard.store import files, outputs, volumes
from modelyard.store.tx import Look, Write


@dataclass(frozen=True)
class BeginOutput(Command[Write, Output]):
    """Begin an output in a volume; `about` says what makes it, as JSON."""

    volume: Ref
    about: str = "{}"

    needs = (Need(Privilege.WRITE_VOLUME, on="volume"),)

    def run(self, tx: Write) -> Output:
        """An output without files, to which only those come who may write."""
        volume = volumes.locked(tx, tx.at(self.volume))
        if not volume.publishes:
            _make_room(tx, volume)
        return outputs.add(tx, volume, rules.new_output(tx.now), self.about)


def _make_room(tx: Write, volume: Volume) -> None:
    """Reserve the names by which outputs are reached, if no file has one of them."""
    for name in sorted(rules.RESERVED):
        if files.get(tx, volume.manifest_id, name):
            raise WrongState(f"'{name}' is a file or directory of the volume; move it before publishing outputs here.")
    volumes.publish(tx, volume.id)


@dataclass(frozen=True)
class GetOutput(Query[Look, Output]):
    """Show an output; with the name `current`, that to which the pointer points."""

    volume: Ref
    output: str

    needs = (Need(Privilege.READ_VOLUME, on="volume"),)

    def run(self, tx: Look) -> Output:
        """Show it."""
        volume = volumes.get(tx, tx.at(self.volume))
        name = current(volume) if self.output == rules.CURRENT else self.output
        return outputs.get(tx, volume.id, name)


def current(volume: Volume) -> str:
    """The name of the current output of a volume, or `NotFound`."""
    if not volume.current:
        raise NotFound(f"Volume '{volume.full_name}' has no current output; `modelyard outputs move` names one.")
    return volume.current


@dataclass(frozen=True)
class ListOutputs(Query[Look, Page[Output]]):
    """List the outputs of a volume, newest first, with those to which files still come."""

    volume: Ref
    window: Window

    needs = (Need(Privilege.READ_VOLUME, on="volume"),)

    @property
    def is_brief(self) -> bool:
        """There may be thousands."""
        return False

    def run(self, tx: Look) -> Page[Output]:
        """List them."""
        return outputs.newest(tx, tx.at(self.volume).id, self.window)


@dataclass(frozen=True)
class CompleteOutput(Command[Write, Output]):
    """Say that an output is whole: from now on it never changes. Asked again, it answers the same.

    `expected` is the digest of its manifest as the client knows it; another one is `Changed`, and it stays open.
    """

    volume: Ref
    output: str
    expected: str = ""

    needs = (Need(Privilege.WRITE_VOLUME, on="volume"),)

    def run(self, tx: Write) -> Output:
        """The output, whole."""
        volume = volumes.locked(tx, tx.at(self.volume))
        found = outputs.get(tx, volume.id, self.output)
        if found.state is State.OPEN:
            self._freeze(tx, found)
            tx.announce(Event.OUTPUT_COMPLETED, volume.full_name, output=found.name)
            found = outputs.get(tx, volume.id, self.output)
        if self.expected and found.digest != self.expected:
            raise Changed("the files of the output are others than were brought; look at them, and begin a new output.")
        return found

    @staticmethod
    def _freeze(tx: Write, output: Output) -> None:
        there = files.all_files(tx, output.manifest_id)
        if not there:
            raise Invalid("the output has no files; bring some before completing it.")
        files.freeze(tx, output.manifest_id, digest(there), there)
        outputs.complete(tx, output)


@dataclass(frozen=True)
class DeleteOutput(Command[Write, None]):
    """Delete an output: one that is open, or, for those who manage the volume, one that is not current."""

    volume: Ref
    output: str

    needs = (Need(Privilege.WRITE_VOLUME, on="volume"),)

    def run(self, tx: Write) -> None:
        """Delete it; its bytes are collected later."""
        volume = volumes.locked(tx, tx.at(self.volume))
        found = outputs.get(tx, volume.id, self.output)
        if found.state is State.COMPLETE and not tx.may(self.volume, Privilege.MANAGE):
            raise Denied(
                f"The output is complete, and User does not have MANAGE on Volume '{volume.full_name}'; "
                "who may only write deletes outputs that are open.",
            )
        if found.is_current:
            raise WrongState("the output is current; move the pointer to another one first.")
        outputs.remove(tx, found)
        tx.announce(Event.OUTPUT_DELETED, volume.full_name, output=found.name)


# The pointer


@dataclass(frozen=True)
class PublishOutput(Command[Write, Output]):
    """Move the pointer to a complete output, so that all consumers see it at once; `reason` is for the history.

    `expected` makes it a compare-and-set: `Changed` when the pointer is at another output (empty: at none).
    """

    volume: Ref
    output: str
    expected: str | None = None
    reason: str = ""

    needs = (Need(Privilege.WRITE_VOLUME, on="volume"),)

    def run(self, tx: Write) -> Output:
        """The output that is current now."""
        volume = volumes.locked(tx, tx.at(self.volume))
        found = outputs.get(tx, volume.id, self.output)
        if found.state is not State.COMPLETE:
            raise WrongState("the output is not complete; bring its files, and complete it first.")
        _check_expected(volume, self.expected)
        _move(tx, volume, found.name, self.reason)
        return outputs.get(tx, volume.id, found.name)


@dataclass(frozen=True)
class UndoPublication(Command[Write, Volume]):
    """Move the pointer back to where it was before its last move; done twice, it is where it was.

    `expected` is as in `PublishOutput`.
    """

    volume: Ref
    expected: str | None = None
    reason: str = ""

    needs = (Need(Privilege.WRITE_VOLUME, on="volume"),)

    def run(self, tx: Write) -> Volume:
        """The volume afterwards."""
        node = tx.at(self.volume)
        volume = volumes.locked(tx, node)
        _check_expected(volume, self.expected)
        last = outputs.last_move(tx, volume.id)
        if last is None:
            raise WrongState("the pointer was never moved, so there is nothing to undo.")
        if last.from_output:
            self._check_there(tx, volume, last)
        _move(tx, volume, last.from_output, self.reason)
        return volumes.get(tx, node)

    @staticmethod
    def _check_there(tx: Look, volume: Volume, last: Move) -> None:
        try:
            outputs.get(tx, volume.id, last.from_output)
        except NotFound:
            raise WrongState(f"the output {last.from_output} was deleted; move the pointer to another one.") from None


def _check_expected(volume: Volume, expected: str | None) -> None:
    if expected is not None and volume.current != expected:
        where = f"at {volume.current}" if volume.current else "nowhere"
        raise Changed(f"the pointer of '{volume.full_name}' is {where}; look again before moving it.")


def _move(tx: Write, volume: Volume, to: str, reason: str) -> None:
    outputs.note_move(tx, volume, to, reason)
    volumes.point(tx, volume.id, to)
    tx.announce(Event.OUTPUT_PUBLISHED, volume.full_name, output=to, was=volume.current)


@dataclass(frozen=True)
class ListPublications(Query[Look, Page[Move]]):
    """List the moves of a volume's pointer, newest first."""

    volume: Ref
    window: Window

    needs = (Need(Privilege.READ_VOLUME, on="volume"),)

    @property
    def is_brief(self) -> bool:
        """It may have moved thousands of times."""
        return False

    def run(self, tx: Look) -> Page[Move]:
        """List them."""
        return outputs.moves(tx, tx.at(self.volume).id, self.window)
