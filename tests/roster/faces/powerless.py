"""Root without root's rights, so that the modes of a folder hold for a test that root runs."""

from __future__ import annotations

import ctypes
from collections.abc import Iterator
from contextlib import contextmanager

_VERSION = 0x20080522  # _LINUX_CAPABILITY_VERSION_3 of linux/capability.h: two triples of effective, permitted, inheritable


@contextmanager
def powerless() -> Iterator[None]:
    """No capability is effective in this thread and in those it starts meanwhile. For an ordinary account nothing changes."""
    libc = ctypes.CDLL(None, use_errno=True)
    header, held = (ctypes.c_uint32 * 2)(_VERSION, 0), (ctypes.c_uint32 * 6)()
    if libc.capget(header, held):
        raise OSError(ctypes.get_errno(), "capget")
    less = (ctypes.c_uint32 * 6)(0, held[1], held[2], 0, held[4], held[5])
    if libc.capset(header, less):
        raise OSError(ctypes.get_errno(), "capset")
    try:
        yield
    finally:
        libc.capset(header, held)
