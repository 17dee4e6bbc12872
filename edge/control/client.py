"""The other end of the control socket, for commands: blocking, because a command has nothing else to do."""

from __future__ import annotations

import json
import os
import socket
from collections.abc import Iterator
from pathlib import Path

from edge.errors import CommandRefused, NoDaemon

ANSWER_S = 10.0  # the longest verb but one: a roster of 30,000 takes 5 s
LONG_ANSWER_S = 600.0  # walking the whole chain of a million events


def ask(path: Path, verb: str, *, timeout_s: float = ANSWER_S, **args: object) -> object:
    """Send one command and return its result. Raises NoDaemon where nobody answers, CommandRefused with the daemon's reason."""
    result: object = None
    for last, value in _lines(path, verb, timeout_s, args):
        if last:
            result = value
    return result


def follow(path: Path, verb: str, **args: object) -> Iterator[object]:
    """Send one command and hand on its items as they come; ends when the daemon does. Raises as `ask`."""
    for last, value in _lines(path, verb, None, args):
        if not last:
            yield value


def _lines(path: Path, verb: str, timeout_s: float | None, args: dict[str, object]) -> Iterator[tuple[bool, object]]:
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as there:
        there.settimeout(ANSWER_S)
        try:
            _connect(there, path)
            there.sendall(json.dumps({"verb": verb, "args": args}).encode() + b"\n")
            there.settimeout(timeout_s)
            with there.makefile("rb") as answers:
                for line in answers:
                    message = json.loads(line)
                    if "item" in message:
                        yield False, message["item"]
                    elif message.get("ok"):
                        yield True, message.get("result")
                        return
                    else:
                        raise CommandRefused(str(message.get("code")), str(message.get("message")))
        except PermissionError as why:
            raise CommandRefused("forbidden", f"{path}: only root and members of the groups with a role may command") from why
        except (OSError, ValueError) as why:
            raise NoDaemon(f"{path}: {why}") from why
        if timeout_s is not None:
            raise NoDaemon(f"{path}: closed without an answer")


def _connect(there: socket.socket, path: Path) -> None:
    """Connect to the socket at `path` and not to where a link there leads: root is often the one who asks. Raises OSError."""
    found = os.open(path, os.O_PATH | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        there.connect(f"/proc/self/fd/{found}")
    finally:
        os.close(found)
