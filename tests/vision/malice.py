"""A malicious body for the sandbox: `python -m tests.vision.malice JSON`. It prints, as JSON, what it was able to do.

The JSON names what there is to harm: `state` (a folder), `tty`, `control` (a UNIX socket), `victim` (a process of the same account),
`camera` and `other` (TCP ports of 127.0.0.1), `decoy` (another host, or null; with one the numbers of calls are left out), `readable`
(files the sandbox leaves) and `abi` (null: the kernel's own).
"""

from __future__ import annotations

import ctypes
import errno
import json
import os
import select
import signal
import socket
import sys
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

from edge.vision import confine as sandbox

CALLS = 471  # Linux 6.18 has none above 470
FAMILIES, KINDS, PROTOCOLS = 47, 11, 263  # AF_MAX is 46; types end with SOCK_PACKET; the highest protocol is Multipath TCP, 262
RELEASE = bytes((0xA0, 0x01, 0x01, 0xA2))  # what an LCUS board releases a lock at
MSG_FASTOPEN, AT_FDCWD, O_TMPFILE = 0x20000000, -100, 0o20200000
PATIENCE_S = 0.1  # then a child that sleeps is in a call that waits

libc = ctypes.CDLL(None, use_errno=True)
libc.syscall.restype = ctypes.c_long


def call(number: int, *given: object) -> int:
    """A system call; raises OSError as Python's own wrappers do."""
    words = [one if isinstance(one, (bytes, ctypes.Array)) or one is None else ctypes.c_long(int(str(one))) for one in given]
    ctypes.set_errno(0)
    got = int(libc.syscall(ctypes.c_long(number), *words))
    if got == -1:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))
    return got


def numbered(it: dict[str, Any]) -> list[int]:
    """Every number with arguments of several shapes, in children that may die of it or wait; those that were not refused."""
    journal = ctypes.create_string_buffer(f"{it['state']}/journal.db".encode())
    other = ctypes.create_string_buffer(f"{it['state']}/other".encode())
    path, second, zeroes = ctypes.addressof(journal), ctypes.addressof(other), ctypes.addressof(ctypes.create_string_buffer(4096))
    victim = it["victim"]
    shapes = (
        (0, 0, 0, 0, 0, 0),
        (-1, -1, -1, -1, -1, -1),
        (path, second, 0, 0, 0, 0),
        (path, os.O_RDWR | os.O_TRUNC, 0, zeroes, 0, 0),
        (AT_FDCWD, path, AT_FDCWD, second, 0, 0),
        (AT_FDCWD, path, os.O_RDWR | os.O_TRUNC, 0, 0, 0),
        (victim, signal.SIGKILL, 0, 0, 0, 0),
        (victim, victim, signal.SIGKILL, zeroes, 0, 0),
        (0, victim, 19, zeroes, 0, 0),
        (signal.SIGCHLD, 0, 0, 0, 0, 0),
        (socket.AF_INET, socket.SOCK_STREAM, 0, 0, 0, 0),
    )
    answering: set[int] = set()
    for shape in shapes:
        number = 0
        while number < CALLS:
            number = _some(it, number, shape, answering) + 1
    return sorted(answering)


def _some(it: dict[str, Any], first: int, shape: tuple[int, ...], answering: set[int]) -> int:
    """Call from `first` on in a confined child; the last number that was called."""
    told, say = os.pipe()
    child = os.fork()
    if child == 0:
        os.dup2(say, 200)
        confined(it)
        for number in range(first, CALLS):
            os.write(200, number.to_bytes(2, "little") + b"?")
            got = int(libc.syscall(ctypes.c_long(number), *map(ctypes.c_long, shape)))
            refused = got == -1 and ctypes.get_errno() in {errno.EACCES, errno.ENOSYS}
            os.write(200, number.to_bytes(2, "little") + (b"n" if refused else b"y"))
        os._exit(0)
    os.close(say)
    said = b""
    while True:
        if not select.select([told], [], [], PATIENCE_S)[0]:
            if Path(f"/proc/{child}/stat").read_text(encoding="ascii").rpartition(") ")[2].startswith("S"):
                break  # it sleeps in a call that waits
            continue
        more = os.read(told, 65536)
        if not more:
            break
        said += more
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    os.close(told)
    marks = [(int.from_bytes(said[at : at + 2], "little"), said[at + 2 : at + 3]) for at in range(0, len(said) - 2, 3)]
    answering |= {number for number, mark in marks if mark == b"y"}
    last, mark = marks[-1]
    if mark != b"?":
        return last
    if last > first:
        return last - 1  # it may be the call before that broke this child's memory: again, in a fresh one
    answering.add(last)  # it ended the child or waits
    return last


def sockets() -> list[tuple[int, int, int]]:
    """Every family, type and protocol number; those that give a socket."""
    made = []
    for family in range(FAMILIES):
        for kind in range(KINDS):
            for protocol in range(PROTOCOLS):
                got = libc.syscall(ctypes.c_long(41 if os.uname().machine == "x86_64" else 198), family, kind, protocol)
                if got >= 0:
                    os.close(got)
                    made.append((family, kind, protocol))
    return made


def attempts(it: dict[str, Any]) -> Iterator[tuple[str, Callable[[], object]]]:
    """What would do harm, by name."""
    state, victim = Path(it["state"]), it["victim"]

    def tcp(port: int, protocol: int = 0, host: str = "127.0.0.1") -> None:
        with socket.socket(socket.AF_INET, socket.SOCK_STREAM, protocol) as there:
            there.settimeout(2)
            there.connect((host, port))
            there.sendall(RELEASE)

    def fast_open(port: int) -> None:
        with socket.socket() as there:
            there.sendto(RELEASE, MSG_FASTOPEN, ("127.0.0.1", port))

    def fast_open_message(port: int) -> None:
        with socket.socket() as there:
            there.sendmsg([RELEASE], [], MSG_FASTOPEN, ("127.0.0.1", port))

    def option(level: int, name: int) -> None:
        with socket.socket() as there:
            there.setsockopt(level, name, 1)

    def listen() -> None:
        with socket.socket() as here:
            here.listen()

    def control() -> None:
        with socket.socket(socket.AF_UNIX) as there:
            there.connect(it["control"])

    def release_by_tty() -> None:
        os.write(os.open(it["tty"], os.O_RDWR | os.O_NOCTTY), RELEASE)

    def signal_by_owner() -> None:
        import fcntl

        fcntl.fcntl(0, fcntl.F_SETOWN, victim)

    def signal_on_input() -> None:
        import fcntl

        fcntl.fcntl(0, fcntl.F_SETFL, os.O_ASYNC)

    for file in sorted(state.rglob("*")):
        name = file.relative_to(state)
        yield f"read {name}", lambda file=file: os.close(os.open(file, os.O_RDONLY))
        yield f"write {name}", lambda file=file: os.close(os.open(file, os.O_WRONLY))
        yield f"cut {name}", lambda file=file: os.close(os.open(file, os.O_RDONLY | os.O_TRUNC))
        yield f"stat {name}", lambda file=file: file.stat()
        yield f"remove {name}", lambda file=file: file.unlink()
    for one in it["readable"]:
        yield "cut a readable file", lambda one=one: os.close(os.open(one, os.O_RDONLY | os.O_TRUNC))
    yield "make a file", lambda: os.close(os.open(state / "new", os.O_WRONLY | os.O_CREAT, 0o600))
    yield "make a nameless file", lambda: os.close(os.open(state, os.O_RDWR | O_TMPFILE, 0o600))
    yield "list", lambda: list(state.iterdir())
    yield "tty", release_by_tty
    yield "control socket", control
    yield "tcp, other port", lambda: tcp(it["other"])
    yield "multipath tcp, other port", lambda: tcp(it["other"], 262)
    yield "fast open, other port", lambda: fast_open(it["other"])
    yield "fast open by sendmsg, other port", lambda: fast_open_message(it["other"])
    yield "fast open by connect", lambda: option(socket.IPPROTO_TCP, 30)
    yield "another protocol on a connection", lambda: option(socket.IPPROTO_TCP, 31)
    yield "program on a socket", lambda: option(socket.SOL_SOCKET, 26)
    yield "listen", listen
    if it["decoy"]:
        yield "another host, other port", lambda: tcp(it["other"], host=it["decoy"])
        yield "another host, the camera's port", lambda: tcp(it["camera"], host=it["decoy"])
    yield "signal by owner of a descriptor", signal_by_owner
    yield "signal on input", signal_on_input
    yield "kill", lambda: os.kill(victim, 0)
    yield "fork", os.fork
    yield "run", lambda: os.execv("/bin/true", ["true"])
    if os.uname().machine == "x86_64":
        thread = 0x3D0F00
        yield "thread in a new user namespace", lambda: call(56, thread | 0x10000000, 0, 0, 0, 0)
        yield "thread by flags above 32 bits", lambda: call(56, thread | 1 << 33, 0, 0, 0, 0)
        yield "signal to another's thread", lambda: call(234, victim, victim, 0)
        yield "limit of another", lambda: call(302, victim, 7, 0, ctypes.create_string_buffer(16))
        yield "limit of its own", lambda: call(302, 0, 7, ctypes.create_string_buffer(16), 0)
        yield "core of another", lambda: call(203, victim, 8, ctypes.create_string_buffer(b"\1" + bytes(7)))
        yield "machine code", lambda: call(9, 0, 4096, 7, 0x22, -1, 0)
        yield "typing into a terminal", lambda: call(16, 0, 0x5412, b"x")
        yield "owner of a descriptor by ioctl", lambda: call(16, 0, 0x8901, ctypes.create_string_buffer(4))
        yield "another filter", lambda: call(157, 22, 2, ctypes.create_string_buffer(16))
        yield "its memory for others to see", lambda: call(157, 4, 1, 0, 0, 0)


def confined(it: dict[str, Any]) -> sandbox.Confinement:
    """The real sandbox, as for a camera at `camera`."""
    if it["abi"] is not None:
        sandbox._landlock_abi = lambda: int(it["abi"])
    return sandbox.confine([Path(one) for one in it["readable"]], [], [it["camera"]])


def main() -> None:
    """Try everything."""
    it = json.loads(sys.argv[1])
    answering = numbered(it) if it["decoy"] is None else []
    things = list(attempts(it))
    held = confined(it)
    done = []
    for name, act in things:
        try:
            act()
        except OSError:
            continue
        done.append(name)
    print(json.dumps({"missing": held.missing, "done": done, "sockets": sockets(), "calls": answering}))


if __name__ == "__main__":
    main()
