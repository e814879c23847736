"""What can go wrong, as a small closed tree. There is no HTTP in it: each surface says how it blames.

Failure
├── Invalid               the request makes no sense as it stands
│   ├── Malformed         its bytes could not even be read
│   ├── UnknownGrant      OAuth: tokens are not given that way here
│   ├── UnknownScope      OAuth: tokens are not given for that here
│   └── WrongState        it makes sense, but not for the object as it is now
│       ├── Updating      the object is being changed already
│       └── NotEmpty      the directory holds something
├── Unauthenticated       nobody proved who is calling
├── Denied                the caller is known and lacks a privilege
│   └── LinkExpired       a signed URL of ours was used too late
├── NotFound              the object is not there
│   ├── Hidden            it is, but not for this caller, who is told the same
│   ├── NoSuchPrincipal   nobody has this name
│   └── NoSuchRoute       no surface has this address
├── AlreadyExists         the name is taken
├── Changed               the object is no longer the one the caller saw
├── OutOfRange            the byte range lies outside the file
├── TooLarge              a bound was passed
│   └── TooMany           of so many things there are no more
├── Undecided             whether it was committed is not known
└── Unavailable           nothing was committed; asking again may help
    ├── Exhausted         too much is asked at once
    ├── Replaced          what was asked has just given way to something else
    └── TooLate           what was asked took too long
"""

from __future__ import annotations


class Failure(Exception):
    """The root of the tree; `message` tells a person what to do next and never holds a secret, a path or SQL."""

    def __init__(self, message: str) -> None:
        super().__init__(message)
        self.message = message


class Invalid(Failure):
    """The request makes no sense as it stands: a wrong name, number, filter, page token."""


class Malformed(Invalid):
    """The request's bytes could not be read, for example JSON that does not parse."""


class UnknownGrant(Invalid):
    """OAuth's client asks for a token in a way that this server does not know."""


class UnknownScope(Invalid):
    """OAuth's client asks for a token that may do less, or other things, than the tokens of this server."""


class WrongState(Invalid):
    """The request makes sense, but not for the object as it is now."""


class Updating(WrongState):
    """The object is being changed already; the change has to end first."""


class NotEmpty(WrongState):
    """A directory is deleted alone, and holds something."""

    def __init__(self) -> None:
        super().__init__("FILES_API_DIRECTORY_IS_NOT_EMPTY: delete what is in the directory first.")


class Unauthenticated(Failure):
    """No credential, or one that is unknown, expired or revoked."""


class Denied(Failure):
    """The caller is known and lacks a privilege; the message names the first missing one."""


class LinkExpired(Denied):
    """A signed URL was used after its time; the client asks for a fresh one."""


class NotFound(Failure):
    """The object is not there (or may not be known to be)."""


class Hidden(NotFound):
    """The object is there, but the caller may not know it; a refusal, in the words for what is not there."""


class NoSuchPrincipal(NotFound):
    """Nobody has the name that a grant, a group or a transfer names."""


class NoSuchRoute(NotFound):
    """No surface has this method and path."""


class AlreadyExists(Failure):
    """The name is taken."""


class Changed(Failure):
    """A precondition failed: the object is no longer the one the caller saw."""


class OutOfRange(Failure):
    """The byte range asked for lies outside the file."""

    def __init__(self, message: str, size: int) -> None:
        super().__init__(message)
        self.size = size


class TooLarge(Failure):
    """A bound on size or number was passed."""


class TooMany(TooLarge):
    """There are as many of a kind as there may be."""


class Undecided(Failure):
    """The database was lost while it committed, and for too long after: whether the change was made is not known."""


class Unavailable(Failure):
    """Nothing was committed; asking again may help, after so many `seconds`."""

    seconds: int = 1


class Exhausted(Unavailable):
    """More is asked at once than there is room for, or than a limit lets through."""

    def __init__(self, message: str, seconds: int = 1) -> None:
        super().__init__(message)
        self.seconds = seconds


class Replaced(Unavailable):
    """What was asked has given way to something else before it answered: that can be asked the same at once."""


class TooLate(Unavailable):
    """What was asked for took longer than it may; whether it was done is not known."""
