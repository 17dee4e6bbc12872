"""How long people stood at a door because of the disk: the newest waits for a commit, and how many were given up."""

from __future__ import annotations

from collections import deque
from dataclasses import dataclass

KEPT = 512  # of a busy hour at one door; 4 KB


@dataclass(frozen=True, slots=True)
class WaitsView:
    """Since the start: releases that waited for their record, those driven before it was on disk, and the newest waits in seconds."""

    count: int
    late: int
    newest: tuple[float, ...]


class CommitWaits:
    """The waits of one door."""

    def __init__(self) -> None:
        self._newest: deque[float] = deque(maxlen=KEPT)
        self._count = 0
        self._late = 0

    def took(self, seconds: float, *, committed: bool) -> None:
        """One release waited so long; `committed` is whether its record was on disk then."""
        self._newest.append(seconds)
        self._count += 1
        self._late += not committed

    def view(self) -> WaitsView:
        """All of it."""
        return WaitsView(self._count, self._late, tuple(self._newest))
