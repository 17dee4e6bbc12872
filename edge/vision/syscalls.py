"""System calls by name, and a seccomp filter made of rules about them: an allow list.

The numbers are those of Linux's arch/x86/entry/syscalls/syscall_64.tbl and include/uapi/asm-generic/unistd.h (aarch64, not yet run on such
a machine). None: this machine has no such call.
"""

from __future__ import annotations

import errno
from collections.abc import Mapping, Sequence
from dataclasses import dataclass

MACHINES = ("x86_64", "aarch64")
_ARCHES = (0xC000003E, 0xC00000B7)  # linux/audit.h
_X32 = 0x40000000  # its calls are those of x86_64 with this bit set

# classic BPF: load word, jump if equal, jump if greater or equal, and, return
_LD, _JEQ, _JGE, _AND, _RET = 0x20, 0x15, 0x35, 0x54, 0x06
_RET_ALLOW, _RET_ERRNO, _RET_KILL = 0x7FFF0000, 0x00050000, 0x80000000
# struct seccomp_data: nr, arch, instruction pointer, args[6]; both machines are little endian
_NR, _ARCH, _ARGS = 0, 4, 16
_FAIL = -1  # a jump to the end of its alternative
_LOW = 0xFFFFFFFF

NUMBERS: Mapping[str, tuple[int | None, int | None]] = {
    "read": (0, 63), "write": (1, 64), "close": (3, 57), "fstat": (5, 80), "poll": (7, None), "lseek": (8, 62), "mmap": (9, 222),
    "mprotect": (10, 226), "munmap": (11, 215), "brk": (12, 214), "rt_sigaction": (13, 134), "rt_sigprocmask": (14, 135),
    "rt_sigreturn": (15, 139), "ioctl": (16, 29), "pread64": (17, 67), "readv": (19, 65), "writev": (20, 66), "select": (23, None),
    "sched_yield": (24, 124), "mremap": (25, 216), "madvise": (28, 233), "nanosleep": (35, 101), "alarm": (37, None),
    "setitimer": (38, 103), "getpid": (39, 172), "socket": (41, 198), "connect": (42, 203), "sendto": (44, 206), "recvfrom": (45, 207),
    "shutdown": (48, 210), "getsockname": (51, 204), "getpeername": (52, 205), "getsockopt": (55, 209), "clone": (56, 220),
    "exit": (60, 93), "uname": (63, 160), "fcntl": (72, 25), "gettimeofday": (96, 169), "getrusage": (98, 165), "sysinfo": (99, 179),
    "times": (100, 153), "getuid": (102, 174), "getgid": (104, 176), "geteuid": (107, 175), "getegid": (108, 177), "getppid": (110, 173),
    "sigaltstack": (131, 132), "prctl": (157, 167), "gettid": (186, 178), "time": (201, None), "futex": (202, 98),
    "sched_setaffinity": (203, 122), "sched_getaffinity": (204, 123), "restart_syscall": (219, 128), "clock_gettime": (228, 113),
    "clock_getres": (229, 114), "clock_nanosleep": (230, 115), "exit_group": (231, 94), "tgkill": (234, 131), "mbind": (237, 235),
    "openat": (257, 56), "pselect6": (270, 72), "ppoll": (271, 73), "set_robust_list": (273, 99), "prlimit64": (302, 261),
    "getcpu": (309, 168), "seccomp": (317, 277), "getrandom": (318, 278), "statx": (332, 291), "rseq": (334, 293), "clone3": (435, 435),
    "close_range": (436, 436), "openat2": (437, 437), "faccessat2": (439, 439),
}  # fmt: skip

HARMLESS = (
    "read", "write", "close", "fstat", "poll", "lseek", "mmap", "mprotect", "munmap", "brk", "rt_sigaction", "rt_sigprocmask",
    "rt_sigreturn", "pread64", "readv", "writev", "select", "sched_yield", "mremap", "madvise", "nanosleep", "alarm", "setitimer", "getpid",
    "exit", "uname", "gettimeofday", "getrusage", "sysinfo", "times", "getuid", "getgid", "geteuid", "getegid", "getppid", "sigaltstack",
    "gettid", "time", "futex", "restart_syscall", "clock_gettime", "clock_getres", "clock_nanosleep", "exit_group", "mbind", "pselect6",
    "ppoll", "set_robust_list", "getcpu", "getrandom", "rseq", "sched_getaffinity",
)  # fmt: skip
"""They concern the caller's own memory, threads, clocks and open files only."""
CONNECTED = ("connect", "recvfrom", "shutdown", "getsockname", "getpeername", "getsockopt")
"""What goes with a TCP socket; which host and port is not seccomp's to see."""
_PROBED = ("clone3", "statx", "close_range", "openat2", "faccessat2")
"""The C library tries these and takes an older call where the kernel has none."""

Step = tuple[int, int, int, int]
"""An instruction: code, jump if true, jump if false, constant."""


@dataclass(frozen=True, slots=True)
class Check:
    """Argument `argument` (0..5), after `mask`, is one of `values` (32 bits each).

    A mask of 64 bits also asks that the high half be 0; a mask of 32 leaves it, as the kernel does with an int.
    """

    argument: int
    values: tuple[int, ...]
    mask: int = _LOW


Rules = Mapping[str, Sequence[tuple[Check, ...]]]
"""By call: alternatives, of which one must hold in all its checks; () always holds. A call that is not here is refused with EACCES."""


def program(machine: str, rules: Rules) -> list[Step] | None:
    """The filter for one machine; None for a machine that is not known. A foreign architecture kills the process."""
    if machine not in MACHINES:
        return None
    column = MACHINES.index(machine)
    steps: list[Step] = [(_LD, 0, 0, _ARCH), (_JEQ, 1, 0, _ARCHES[column]), (_RET, 0, 0, _RET_KILL), (_LD, 0, 0, _NR)]
    if machine == "x86_64":
        steps += [(_JGE, 0, 1, _X32), (_RET, 0, 0, _RET_KILL)]
    blocks = {name: [step for checks in alternatives for step in _alternative(checks)] for name, alternatives in rules.items()}
    blocks |= {name: [(_RET, 0, 0, _RET_ERRNO | errno.ENOSYS)] for name in _PROBED}
    for name, block in blocks.items():
        number = NUMBERS[name][column]
        if number is not None:
            refuse = [] if block[-1][0] == _RET and len(block) == 1 else [(_RET, 0, 0, _RET_ERRNO | errno.EACCES)]
            steps += [(_JEQ, 0, len(block) + len(refuse), number), *block, *refuse]
    return [*steps, (_RET, 0, 0, _RET_ERRNO | errno.EACCES)]


def _alternative(checks: tuple[Check, ...]) -> list[Step]:
    steps: list[Step] = []
    for check in checks:
        low, high = check.mask & _LOW, check.mask >> 32
        steps += [(_LD, 0, 0, _ARGS + 8 * check.argument), (_AND, 0, 0, low)]
        *others, last = check.values
        steps += [(_JEQ, len(others) - place, 0, value) for place, value in enumerate(others)]
        steps += [(_JEQ, 0, _FAIL, last)]
        if high:
            steps += [(_LD, 0, 0, _ARGS + 8 * check.argument + 4), (_AND, 0, 0, high), (_JEQ, 0, _FAIL, 0)]
    steps += [(_RET, 0, 0, _RET_ALLOW)]
    end = len(steps) - 1
    return [(code, true, end - place if false == _FAIL else false, value) for place, (code, true, false, value) in enumerate(steps)]
