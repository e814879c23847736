"""What keeps something from being served."""

from __future__ import annotations


class Trouble(Exception):
    """It could not be started; the message is for people, and holds no path and no secret.

    What is final would fail the same way again: something that has never answered is given up at once. Anything else is
    tried again, at the earliest after `pause` seconds.
    """

    def __init__(self, message: str, *, is_final: bool = False, pause: float = 0.0) -> None:
        super().__init__(message)
        self.message = message
        self.is_final = is_final
        self.pause = pause
