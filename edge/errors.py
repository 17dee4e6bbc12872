"""What can go wrong with the machine, named after what the caller does next. A refusal to a person is a value, never one of these."""

from __future__ import annotations


class EdgeError(Exception):
    """Base of everything edge raises on purpose; anything else is a bug."""


class TryAgain(EdgeError):
    """Something outside is away for now: back off and try again. The supervisor does so without a traceback."""


class NoDaemon(EdgeError):
    """Nobody answers at the control socket: start the daemon, or do what can be done without one."""


class CommandRefused(EdgeError):
    """The daemon understood the command and says no: tell the person, in words and with a code for programs."""

    def __init__(self, code: str, message: str) -> None:
        super().__init__(message)
        self.code = code
