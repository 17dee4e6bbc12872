"""The socket between the daemon and its vision worker, and the two ways to get one.

*spawned*: a child of the daemon, under its account: the demo, the tests, a machine without the unit. *unit*: the process of
systemd/anyu-edge-vision.service (edge/vision/service.py) starts the worker under an account of its own and hands it the connection.
Either way the worker has one socket as its stdin and its stdout, and the kernel says who is at the other end (SO_PEERCRED and
SCM_CREDENTIALS, unix(7)).

Standard library only: the service's process stays small.
"""

from __future__ import annotations

import contextlib
import logging
import os
import pwd
import signal
import socket
import struct
import subprocess
import sys
import threading
from dataclasses import dataclass
from pathlib import Path
from typing import IO

import edge
from edge.printable import printable

log = logging.getLogger(__name__)

# Nothing of the daemon's own environment: it may hold secrets. One arena keeps a threaded worker's memory small.
ENVIRONMENT = {"LANG": "C.UTF-8", "PATH": "/usr/bin:/bin", "MALLOC_ARENA_MAX": "1", "OMP_NUM_THREADS": "1", "PYTHONDONTWRITEBYTECODE": "1"}
DAEMON, ACCOUNT = "anyu-edge", "anyu-vision"  # systemd/anyu-edge.sysusers
SOCKET = Path("/run/anyu-edge-vision/worker.sock")  # RuntimeDirectory= of the unit
WEIGHTS = Path("/var/lib/anyu-edge-vision")  # systemd/anyu-edge.tmpfiles: the daemon writes, the unit's account reads
_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid


@dataclass(frozen=True, slots=True)
class Unit:
    """Where the service listens, under which account it must run, and where that account reads its weights."""

    path: Path = SOCKET
    account: str = ACCOUNT
    weights: Path = WEIGHTS

    def there(self) -> bool:
        """Whether the service is running, as far as its socket tells."""
        return self.path.is_socket()

    def is_peer(self, link: socket.socket) -> bool:
        """Whether the account at the other end is the unit's; False where there is no such account."""
        return peer(link)[1] == uid_of(self.account)


LAST_WORDS = 1024  # one line when it ends, and what a library says before that
LAST_LINES = 8  # of a thousand line feeds nobody needs a thousand lines


def uid_of(account: str) -> int | None:
    """The number of an account, or None."""
    try:
        return pwd.getpwnam(account).pw_uid
    except KeyError:
        return None


def peer(link: socket.socket) -> tuple[int, int, int]:
    """Process, user and group of whoever connected, or listened, at the other end."""
    found: tuple[int, int, int] = _CREDENTIALS.unpack(link.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    return found


def start(theirs: socket.socket) -> subprocess.Popen[bytes]:
    """Start a worker with this socket, in a session of its own so that it is ended with all its children.

    It does not hold our stderr, which may be the system log's own socket: it could shut it down for us, or write lines as ours.
    """
    worker = subprocess.Popen(
        [sys.executable, "-P", "-m", "edge.vision.worker"],
        stdin=theirs.fileno(),
        stdout=theirs.fileno(),
        stderr=subprocess.PIPE,
        env={**ENVIRONMENT, "PYTHONPATH": str(Path(edge.__file__).parents[1])},
        start_new_session=True,
    )
    assert worker.stderr is not None  # asked for above
    threading.Thread(target=_last_words, args=(worker.stderr,), name="words of the vision worker", daemon=True).start()
    return worker


def _last_words(said: IO[bytes]) -> None:
    """Log the first LAST_WORDS bytes, at most LAST_LINES lines, of a worker's stderr, marked as its; read the rest: it must not block."""
    left = LAST_WORDS
    with said:
        for _ in range(LAST_LINES):
            if not (line := said.readline(left)):
                break
            left -= len(line)
            log.warning("vision worker: %s", printable(line.decode("utf-8", "replace").rstrip("\n")))
        while said.read(4096):
            pass


def spawn() -> tuple[socket.socket, subprocess.Popen[bytes]]:
    """A worker as a child of this process, and our end of its socket."""
    ours, theirs = socket.socketpair()
    with theirs:
        try:
            return ours, start(theirs)
        except OSError:
            ours.close()
            raise


def sender(link: socket.socket) -> int | None:
    """The process that wrote the bytes that wait in the socket, as the kernel knows it; None at the end of the stream.

    They stay in the socket. SO_PASSCRED must have been set before they were written.
    """
    data, said, _, _ = link.recvmsg(1, socket.CMSG_SPACE(_CREDENTIALS.size), socket.MSG_PEEK)
    for level, kind, content in said:
        if data and level == socket.SOL_SOCKET and kind == socket.SCM_CREDENTIALS:
            return int(_CREDENTIALS.unpack(content[: _CREDENTIALS.size])[0])
    return None


def kill_session(leader: subprocess.Popen[bytes]) -> None:
    """Kill a worker and every child in its process group. Call it before the leader is waited for: until then its number is its own."""
    if leader.returncode is None:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(leader.pid, signal.SIGKILL)
