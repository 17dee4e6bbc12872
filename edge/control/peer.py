"""Who is at the other end of a local socket, by the kernel's word."""

from __future__ import annotations

import pwd
import secrets
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from grp import getgrnam

from edge.access.events import By, Command

_CREDENTIALS = struct.Struct("3i")  # struct ucred: pid, uid, gid
_SO_PEERGROUPS = 59  # <asm-generic/socket.h>; Python has no name for it
_GROUPS_BYTES = 1024  # the most that Python's getsockopt takes: 256 groups, more than any account of a gate has
_ID = struct.Struct("I")


@dataclass(frozen=True, slots=True)
class Actor:
    """An account and the process that speaks for it. `str()` is what is written down beside a command.

    `kind` is the role as which it gives this command, or `root`, or `service` for the daemon's own account.
    """

    uid: int
    pid: int
    groups: frozenset[int]
    kind: str = ""

    def command(self) -> Command:
        """What the events say that follow from this command."""
        return Command(secrets.token_hex(8), By(self.kind, self.name), "socket")

    @property
    def name(self) -> str:
        """The account's name; its number where it has none."""
        try:
            return pwd.getpwuid(self.uid).pw_name
        except KeyError:
            return str(self.uid)

    def __str__(self) -> str:
        """Like `guard1(uid=1001)`."""
        return f"{self.name}(uid={self.uid})"


def actor_of(connection: socket.socket) -> Actor:
    """The account that connected. Its groups are those it had at that moment."""
    pid, uid, gid = _CREDENTIALS.unpack(connection.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _CREDENTIALS.size))
    try:
        raw = connection.getsockopt(socket.SOL_SOCKET, _SO_PEERGROUPS, _GROUPS_BYTES)
    except OSError:  # a kernel before 4.13, or more groups than that: only the first group counts
        raw = b""
    return Actor(uid, pid, frozenset({gid, *(group for (group,) in _ID.iter_unpack(raw))}))


def group_ids(names: Iterable[str]) -> frozenset[int]:
    """The numbers of the groups that exist here."""
    found = set()
    for name in names:
        try:
            found.add(getgrnam(name).gr_gid)
        except KeyError:
            continue
    return frozenset(found)
