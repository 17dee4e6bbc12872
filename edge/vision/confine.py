"""The worker's cage: the process that parses hostile video gives up everything a door could be opened with.

Two kernel mechanisms, both by plain system calls and both irrevocable:
- seccomp (Linux 3.5): no exec, no socket but TCP over IP, no ptrace, no other process's memory, no mounts, no keys, no io_uring.
- Landlock (5.13; TCP ports 6.7; signals and abstract sockets 6.12): no file beyond those named, no port beyond the cameras'.

Call `confine` after the models are loaded and before the first byte of video. What the kernel cannot do is listed in the answer and
reported as degraded; nothing is ever pretended.
"""

from __future__ import annotations

import ctypes
import errno
import os
import platform
import resource
import socket
import struct
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import Literal

_libc = ctypes.CDLL(None, use_errno=True)

# prctl(2)
_PR_SET_NO_NEW_PRIVS, _PR_SET_SECCOMP, _PR_SET_DUMPABLE = 38, 22, 4
_SECCOMP_MODE_FILTER = 2
_RET_ALLOW, _RET_ERRNO, _RET_KILL = 0x7FFF0000, 0x00050000, 0x80000000
# classic BPF: load word, jump if equal, and, return
_LD, _JEQ, _AND, _RET = 0x20, 0x15, 0x54, 0x06
# struct seccomp_data: nr, arch, instruction pointer, args[6]; the low halves of the first two arguments (little endian)
_NR, _ARCH, _ARG0, _ARG1 = 0, 4, 16, 24
_SOCK_TYPE_MASK = 0xF

_NUMBERS = {
    # asm/unistd_64.h and asm-generic/unistd.h
    "x86_64": (
        0xC000003E,
        {"socket": 41, "socketpair": 53, "execve": 59, "execveat": 322, "ptrace": 101, "process_vm_readv": 310, "process_vm_writev": 311,
         "mount": 165, "umount2": 166, "unshare": 272, "setns": 308, "bpf": 321, "perf_event_open": 298, "keyctl": 250, "add_key": 248,
         "request_key": 249, "io_uring_setup": 425, "pidfd_getfd": 438, "userfaultfd": 323, "kexec_load": 246, "init_module": 175,
         "finit_module": 313, "open_by_handle_at": 304, "fsopen": 430, "move_mount": 429, "open_tree": 428},
    ),
    "aarch64": (
        0xC00000B7,
        {"socket": 198, "socketpair": 199, "execve": 221, "execveat": 281, "ptrace": 117, "process_vm_readv": 270, "process_vm_writev": 271,
         "mount": 40, "umount2": 39, "unshare": 97, "setns": 268, "bpf": 280, "perf_event_open": 241, "keyctl": 219, "add_key": 217,
         "request_key": 218, "io_uring_setup": 425, "pidfd_getfd": 438, "userfaultfd": 282, "kexec_load": 104, "init_module": 105,
         "finit_module": 273, "open_by_handle_at": 265, "fsopen": 430, "move_mount": 429, "open_tree": 428},
    ),
}  # fmt: skip

# landlock(7): the same three numbers on every architecture
_CREATE_RULESET, _ADD_RULE, _RESTRICT_SELF = 444, 445, 446
_RULE_PATH, _RULE_PORT = 1, 2
_FS_EXECUTE, _FS_WRITE, _FS_READ, _FS_READ_DIR, _FS_IOCTL_DEV = 1 << 0, 1 << 1, 1 << 2, 1 << 3, 1 << 15
_NET_BIND, _NET_CONNECT = 1 << 0, 1 << 1
_SCOPE_ABSTRACT_UNIX, _SCOPE_SIGNAL = 1 << 0, 1 << 1
_FS_RIGHTS_BY_ABI = {1: 13, 2: 14, 3: 15, 4: 15, 5: 16}  # number of file rights the kernel knows

MEMORY_MB = 4096  # address space, for whoever does not say: see edge/vision/task.py


Missing = Literal["seccomp", "landlock", "landlock_truncate", "landlock_tcp_ports", "landlock_ioctl", "landlock_scope"]
"""What a kernel cannot do, one word a thing: scope is signals and abstract sockets. In `degraded` it is `vision.no_` and the word."""
_SINCE_ABI: tuple[tuple[int, Missing], ...] = (
    (1, "landlock"),
    (3, "landlock_truncate"),
    (4, "landlock_tcp_ports"),
    (5, "landlock_ioctl"),
    (6, "landlock_scope"),
)


@dataclass(frozen=True, slots=True)
class Confinement:
    """What holds from now on. `missing` names what this kernel could not do; empty is the good case."""

    seccomp: bool
    files: bool
    ports: bool
    missing: tuple[Missing, ...]


def confine(
    readable: Iterable[Path] = (), devices: Iterable[Path] = (), ports: Iterable[int] = (), memory_mb: int = MEMORY_MB
) -> Confinement:
    """Give up, for ever and for every thread started later, all but reading `readable`, using `devices` and connecting to TCP `ports`.

    Call it before the camera threads start: Landlock and this seccomp filter bind the calling thread and its descendants. Raises nothing; a
    mechanism that cannot be had is named in the answer.
    """
    resource.setrlimit(resource.RLIMIT_CORE, (0, 0))  # a core file would hold faces
    resource.setrlimit(resource.RLIMIT_AS, (memory_mb << 20, memory_mb << 20))
    _libc.prctl(_PR_SET_DUMPABLE, 0, 0, 0, 0)
    privileges = _libc.prctl(_PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0
    abi = _landlock_abi()
    files = privileges and abi >= 1 and _landlock(abi, list(readable), list(devices), list(ports))
    caged = privileges and _seccomp()
    missing: list[Missing] = [] if caged else ["seccomp"]
    missing += [word for since, word in _SINCE_ABI if not files or abi < since]
    return Confinement(caged, files, files and abi >= 4, tuple(missing))


def _seccomp() -> bool:
    known = _NUMBERS.get(platform.machine())
    if known is None:
        return False
    arch, numbers = known
    program = _program(arch, numbers)
    code = ctypes.create_string_buffer(b"".join(struct.pack("<HBBI", *step) for step in program))
    fprog = struct.pack("@HxxxxxxP", len(program), ctypes.addressof(code))
    return int(_libc.prctl(_PR_SET_SECCOMP, _SECCOMP_MODE_FILTER, ctypes.c_char_p(fprog), 0, 0)) == 0


def _program(arch: int, numbers: dict[str, int]) -> list[tuple[int, int, int, int]]:
    """The filter as (code, jump if true, jump if false, constant); every refusal is EACCES, a foreign architecture is killed."""
    refuse = _RET_ERRNO | errno.EACCES
    steps = [(_LD, 0, 0, _ARCH), (_JEQ, 1, 0, arch), (_RET, 0, 0, _RET_KILL), (_LD, 0, 0, _NR)]
    if platform.machine() == "x86_64":  # the x32 calls are the same numbers with bit 30 set
        steps += [(0x35, 0, 1, 0x40000000), (_RET, 0, 0, _RET_KILL)]  # 0x35: jump if greater or equal
    for name, number in numbers.items():
        if name != "socket":
            steps += [(_JEQ, 0, 1, number), (_RET, 0, 0, refuse)]
    steps += [
        (_JEQ, 1, 0, numbers["socket"]),
        (_RET, 0, 0, _RET_ALLOW),
        (_LD, 0, 0, _ARG0),
        (_JEQ, 2, 0, socket.AF_INET),
        (_JEQ, 1, 0, socket.AF_INET6),
        (_RET, 0, 0, refuse),
        (_LD, 0, 0, _ARG1),
        (_AND, 0, 0, _SOCK_TYPE_MASK),
        (_JEQ, 0, 1, socket.SOCK_STREAM),
        (_RET, 0, 0, _RET_ALLOW),
        (_RET, 0, 0, refuse),
    ]
    return steps


def _landlock_abi() -> int:
    return max(0, int(_libc.syscall(_CREATE_RULESET, None, ctypes.c_size_t(0), 1)))


def _landlock(abi: int, readable: list[Path], devices: list[Path], ports: list[int]) -> bool:
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
