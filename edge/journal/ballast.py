"""Disk kept occupied so that it can be given up: first most of it, then, for the last words of an orderly stop, the rest."""

from __future__ import annotations

import os
from enum import StrEnum
from pathlib import Path

from edge.journal.faults import disk_free

MB = 1 << 20
RESERVE_PART = 16
"""One part in this many is kept for the last words: 4 of 64 MB, a full ring of events four times over."""


class Load(StrEnum):
    """How much of the ballast is on board."""

    WHOLE = "whole"
    RESERVE = "reserve"
    NONE = "none"


class Ballast:
    """The file `ballast`, really allocated. `size_mb` 0 keeps none and always reports itself whole."""

    def __init__(self, folder: Path, size_mb: int) -> None:
        self._path = folder / "ballast"
        self._size = size_mb * MB
        self._reserve = self._size // RESERVE_PART
        self.load = Load.NONE if size_mb else Load.WHOLE

    def restore(self) -> None:
        """Take it on board again where twice its size is free, so that it never causes what it is there against. Raises OSError."""
        if self.load is Load.WHOLE:
            return
        held = self._path.stat().st_size if self._path.exists() else 0
        if held < self._size and disk_free(self._path.parent) < 2 * self._size:
            self.load = Load.RESERVE if held >= self._reserve > 0 else Load.NONE
            return
        file = os.open(self._path, os.O_RDWR | os.O_CREAT | os.O_NOFOLLOW | os.O_CLOEXEC, 0o600)
        try:
            os.posix_fallocate(file, 0, self._size)
            os.ftruncate(file, self._size)
        finally:
            os.close(file)
        self.load = Load.WHOLE

    def give(self) -> bool:
        """Give up all but the reserve. False when there was nothing to give."""
        if self._size == 0 or self.load is not Load.WHOLE:
            return False
        try:
            os.truncate(self._path, self._reserve)
        except OSError:
            return False
        self.load = Load.RESERVE
        return True

    def give_all(self) -> bool:
        """Give up the rest as well. False when there was nothing to give."""
        if self._size == 0 or self.load is Load.NONE:
            return False
        try:
            self._path.unlink()
        except OSError:
            return False
        self.load = Load.NONE
        return True
