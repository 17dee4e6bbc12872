"""The sandbox of a process that parses what a stranger made: video, photos, sheets. It keeps nothing that a door could be opened with.

Two kernel mechanisms, both by plain system calls and both irrevocable:
- seccomp (Linux 3.17): an allow list of what engines, runtimes and camera drivers call once they are loaded. Every thread is bound.
- Landlock (5.13; truncation 6.2; TCP ports 6.7; device orders 6.10; signals and abstract sockets 6.12): no file beyond those named, no
  port beyond the cameras'. It binds the calling thread and those it starts: `confine_files` comes before a runtime starts its threads.

Call `confine` after the models are loaded and before the first byte of input. What the kernel cannot do is in the answer and reported as
degraded. What no kernel refuses: another host at a camera's own port (the unit's address rules do).

RLIMIT_NPROC is not used: it counts the threads of the whole account, and root is exempt. fork is refused by seccomp.
"""

from __future__ import annotations

import contextlib
import ctypes
import fcntl
import mmap
import os
import platform
import resource
import socket
import struct
import sys
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

from edge.vision import syscalls
from edge.vision.syscalls import Check, Rules

_libc = ctypes.CDLL(None, use_errno=True)

# prctl(2)
_PR_SET_NO_NEW_PRIVS, _PR_SET_DUMPABLE = 38, 4
_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA = 15, 16, 0x53564D41
# seccomp(2)
_SET_MODE_FILTER, _FLAG_TSYNC = 1, 1
# What pthread_create asks clone(2) for: VM FS FILES SIGHAND THREAD SYSVSEM SETTLS PARENT_SETTID CHILD_CLEARTID; musl adds DETACHED.
_THREAD, _DETACHED = 0x3D0F00, 0x400000
_PROT_EXEC = 4
_MAP_TYPE = 3  # mmap(2): MAP_SHARED 1, MAP_PRIVATE 2, MAP_SHARED_VALIDATE 3
# ioctl(2), the same on both machines: TCGETS, TIOCGWINSZ, FIONREAD, FIONBIO, FIONCLEX, FIOCLEX. Video4Linux's orders all have the type V.
_ORDERS = (0x5401, 0x5413, 0x541B, 0x5421, 0x5450, 0x5451)
_ORDER_TYPE, _VIDEO = 0xFF00, ord("V") << 8

# landlock(7): the same three numbers on every architecture
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH, _RULE_PORT = 1, 2
_FS_WRITE, _FS_READ, _FS_READ_DIR, _FS_IOCTL_DEV = 1 << 1, 1 << 2, 1 << 3, 1 << 15
_NET_BIND, _NET_CONNECT = 1 << 0, 1 << 1
_SCOPE_ABSTRACT_UNIX, _SCOPE_SIGNAL = 1 << 0, 1 << 1
_FS_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # number of file rights the kernel knows

MEMORY_MB = 4096  # address space, for whoever does not say: see edge/vision/task.py
OOM_SCORE = 500  # of 1000: the kernel's out-of-memory killer takes this process before the daemon, which is at -500

Missing = Literal["seccomp", "landlock", "landlock_truncate", "landlock_tcp_ports", "landlock_ioctl", "landlock_scope"]
"""What a kernel cannot do, one word a thing: scope is signals and abstract sockets. In `degraded` it is `vision.no_` and the word."""
_SINCE_ABI: tuple[tuple[int, Missing], ...] = (
    (1, "landlock"),
    (3, "landlock_truncate"),
    (4, "landlock_tcp_ports"),
    (5, "landlock_ioctl"),
    (6, "landlock_scope"),
)

# What loading Python modules and runtimes reads, besides the folders of Python itself. No device, nobody's data.
_SYSTEM = (
    "/usr/lib", "/usr/lib64", "/usr/local/lib", "/usr/share/zoneinfo", "/lib", "/lib64", "/etc/ld.so.cache", "/etc/localtime",
    "/proc/self", "/proc/cpuinfo", "/proc/meminfo", "/proc/stat", "/sys/devices/system", "/sys/fs/cgroup", "/dev/urandom", "/dev/null",
)  # fmt: skip

_files_held = False  # whether confine_files has bound the first thread of this process


@dataclass(frozen=True, slots=True)
class Confinement:
    """What holds from now on. `missing` names what this kernel could not do; empty is the good case."""

    seccomp: bool
    files: bool
    ports: bool
    missing: tuple[Missing, ...]


def confine_files(readable: Iterable[Path] = (), devices: Iterable[Path] = (), ports: Iterable[int] = ()) -> None:
    """Landlock's first half, before any thread is started: from now on only code, `readable`, `devices` and TCP `ports` can be reached.

    A runtime's own threads are started while models load; Landlock does not bind them later. Also makes this process the first that the
    out-of-memory killer takes. Raises nothing: `confine` tells what is missing.
    """
    global _files_held  # noqa: PLW0603 (a process is confined once, and for ever)
    with contextlib.suppress(OSError):
        Path("/proc/self/oom_score_adj").write_text(f"{OOM_SCORE}\n", encoding="ascii")
    code = [Path(place) for place in (*_SYSTEM, sys.prefix, sys.base_prefix, *sys.path) if place]
    _files_held = _threads() == 1 and _no_new_privileges() and _landlock([*code, *readable], list(devices), list(ports))


def confine(
    readable: Iterable[Path] = (),
    devices: Iterable[Path] = (),
    ports: Iterable[int] = (),
    memory_mb: int = MEMORY_MB,
    *,
    more_mb: int | None = None,
    compiles: bool = False,
) -> Confinement:
    """Give up, for ever and for every thread, all but reading `readable`, using `devices` and connecting to TCP `ports`.

    `memory_mb` bounds the address space, `more_mb` by how much memory of its own may grow from here (RLIMIT_DATA); `compiles` lets a
    runtime make machine code. Raises nothing; a mechanism that cannot be had is named in the answer. Where threads already run and
    `confine_files` was not called before them, Landlock counts as missing.
    """
    readable, devices, ports = list(readable), list(devices), list(ports)
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold faces
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    if more_mb is not None:
        heap = _heap() + (more_mb << 20)
        resource.setrlimit(resource.RLIMIT_DATA, (heap, heap))
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    privileges = _no_new_privileges()
    bound = _files_held or _threads() == 1
    files = privileges and _landlock(readable, devices, ports) and bound
    abi = _landlock_abi() if files else 0
    sealed = privileges and _seccomp(_rules(files=bool(readable), devices=bool(devices), tcp=bool(ports), compiles=compiles))
    missing: list[Missing] = [] if sealed else ["seccomp"]
    missing += [word for since, word in _SINCE_ABI if abi < since]
    return Confinement(sealed, files, abi >= 4, tuple(missing))


def _no_new_privileges() -> bool:
    return int(_libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)) == 0


def _heap() -> int:
    """Bytes that RLIMIT_DATA counts: private and writable, touched or not (proc(5), statm)."""
    return int(Path("/proc/self/statm").read_text(encoding="ascii").split()[5]) * resource.getpagesize()


def _threads() -> int:
    return len(list(Path("/proc/self/task").iterdir()))


def _seccomp(rules: Rules) -> bool:
    """Put the filter on every thread of this process."""
    program = syscalls.program(platform.machine(), rules)
    if program is None:
        return False
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in program))
    fprog = struct.pack("@HxxxxxxP", len(program), ctypes.addressof(code))
    number = syscalls.NUMBERS["seccomp"][syscalls.MACHINES.index(platform.machine())]
    return int(_libc.syscall(number, _SET_MODE_FILTER, _FLAG_TSYNC, ctypes.c_char_p(fprog))) == 0


def _rules(*, files: bool, devices: bool, tcp: bool, compiles: bool) -> Rules:
    """The calls that go on, with what their arguments may be. Recorded with strace for each engine, runtime and camera driver.

    Besides what was seen: what the C library does for a signal, a failed assertion and the end of a process.
    """
    rules: dict[str, tuple[tuple[Check, ...], ...]] = dict.fromkeys(syscalls.HARMLESS, ((),))
    itself, low = Check(0, (0,)), 0xFFFFFFFF
    code = () if compiles else (Check(2, (0,), _PROT_EXEC),)
    # Shared memory is counted by no limit (RLIMIT_DATA); only camera drivers need it, for the pictures of /dev/video*.
    own = () if devices else (Check(3, (mmap.MAP_PRIVATE,), _MAP_TYPE),)
    rules["mmap"], rules["mprotect"] = ((*code, *own),), (code,)
    rules["clone"] = ((Check(0, (_THREAD,), (1 << 64) - 1 - _DETACHED),),)
    rules["tgkill"] = ((Check(0, (os.getpid(),)),),)  # how abort() and pthread_kill() signal their own process
    rules["prlimit64"] = ((itself, Check(2, (0,), (1 << 64) - 1)),)  # to read one's own limits
    rules["sched_setaffinity"] = ((itself,),)
    rules["prctl"] = ((Check(0, (_PR_SET_NAME, _PR_GET_NAME, _PR_SET_VMA)),),)
    # Not F_SETOWN, F_SETSIG and O_ASYNC: with them the kernel signals another process.
    rules["fcntl"] = (
        (Check(1, (fcntl.F_GETFD, fcntl.F_SETFD, fcntl.F_GETFL, fcntl.F_DUPFD_CLOEXEC)),),
        (Check(1, (fcntl.F_SETFL,)), Check(2, (0,), os.O_ASYNC)),
    )
    rules["ioctl"] = ((Check(1, _ORDERS),), *(((Check(1, (_VIDEO,), _ORDER_TYPE),),) if devices else ()))
    if files or devices:
        harmless = os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY | os.O_NOFOLLOW | _large_file() | (os.O_RDWR if devices else 0)
        rules["openat"] = ((Check(2, (0,), low & ~harmless),),)  # never to create, to cut short, or to write alone
    if tcp:
        kind = low & ~(socket.SOCK_CLOEXEC | socket.SOCK_NONBLOCK)
        rules["socket"] = (
            (Check(0, (socket.AF_INET, socket.AF_INET6)), Check(1, (socket.SOCK_STREAM,), kind), Check(2, (0, socket.IPPROTO_TCP))),
        )
        # Without an address: TCP Fast Open would connect past Landlock. sendmsg and setsockopt, its other ways in, are not called.
        rules["sendto"] = ((Check(4, (0,), (1 << 64) - 1),),)
        rules |= dict.fromkeys(syscalls.CONNECTED, ((),))
    return rules


def _large_file() -> int:
    """O_LARGEFILE as the kernel knows it; the C library's own is 0 where files are always large."""
    return 0o400000 if platform.machine() == "aarch64" else 0o100000


def _landlock_abi() -> int:
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)))


def _landlock(readable: list[Path], devices: list[Path], ports: list[int]) -> bool:
    abi = _landlock_abi()
    if abi < 1:
        return False
    rights = (1 << _FS_RIGHTS_BY_ABI.get(abi, 16)) - 1
    net = _NET_BIND | _NET_CONNECT if abi >= 4 else 0
    scope = _SCOPE_ABSTRACT_UNIX | _SCOPE_SIGNAL if abi >= 6 else 0
    attributes = struct.pack("<QQQ", rights, net, scope)
    size = 8 if abi < 4 else 16 if abi < 6 else 24
    ruleset = int(_libc.syscall(_CREATE_RULESET, attributes, ctypes.c_size_t(size), 0))
    if ruleset < 0:
        return False
    try:
        beneath = _FS_READ | _FS_READ_DIR
        allowed = all(_allow_path(ruleset, path, beneath if path.is_dir() else _FS_READ) for path in readable)
        use = _FS_READ | _FS_WRITE | (_FS_IOCTL_DEV & rights)
        allowed = allowed and all(_allow_path(ruleset, path, use) for path in devices)
        if net:
            for port in ports:
                rule = struct.pack("<QQ", _NET_CONNECT, port)
                allowed = allowed and _libc.syscall(_ADD_RULE, ruleset, _RULE_PORT, rule, 0) == 0
        return allowed and _libc.syscall(_RESTRICT_SELF, ruleset, 0) == 0
    finally:
        os.close(ruleset)


def _allow_path(ruleset: int, path: Path, rights: int) -> bool:
    try:
        handle = os.open(path, os.O_PATH | os.O_CLOEXEC)
    except OSError:
        return True  # what is not there needs no permission, and stays forbidden
    try:
        rule = struct.pack("<Qi", rights, handle)
        return int(_libc.syscall(_ADD_RULE, ruleset, _RULE_PATH, rule, 0)) == 0
    finally:
        os.close(handle)
