"""How long the kernel lets a task run before it looks around: short for those who serve doors, long for those who look at pictures.

Since Linux 6.12 a waking task with a shorter slice may interrupt a running one at once; without it a card can wait for the rest of a
recogniser's slice. On older kernels, or where it is forbidden, nothing changes and nothing is said: nice values are there all the same.
"""

from __future__ import annotations

import ctypes
import os
import platform
import struct

SHORT_NS = 100_000  # the least the kernel takes: a door's work between two waits is shorter
LONG_NS = 20_000_000  # of the 100 ms it takes at most: one detection

# sched_setattr(2): the numbers of asm/unistd.h, and struct sched_attr as of its first version
_NUMBER = {"x86_64": 314, "aarch64": 274}
_ATTR = struct.Struct("<IIQiIQQQ")
_SCHED_OTHER = 0

_libc = ctypes.CDLL(None, use_errno=True)


def ask_for(slice_ns: int) -> bool:
    """Have this thread, and those it starts, run in slices of this length; whether the kernel agreed."""
    number = _NUMBER.get(platform.machine())
    if number is None:
        return False
    nice = os.getpriority(os.PRIO_PROCESS, 0)
    attr = _ATTR.pack(_ATTR.size, _SCHED_OTHER, 0, nice, 0, slice_ns, 0, 0)
    return int(_libc.syscall(number, 0, attr, 0)) == 0
