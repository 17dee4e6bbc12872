"""How long people stood at a door because of the disk: the newest waits for a commit, and how many were given up."""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

KEPT = 512  # of a busy hour at one door; 4 KB
LOOKED_AT = 20  # newest releases; five late ones of the last hour among them are a slow disk: a good one is late with one in a hundred
SLOW_LATE = 5
SLOW_WITHIN_S = 3600.0


@dataclass(frozen=True, slots=True)
class WaitsView:
    """Since the start: releases that waited for their record, those driven before it was on disk, and the newest waits in seconds."""

    count: int
    late: int
    newest: tuple[float, ...]


class CommitWaits:
    """The waits of one door. `outcomes` are the newest with their time (monotonic): True was late."""

    def __init__(self) -> None:
        self._newest: deque[float] = deque(maxlen=KEPT)
        self.outcomes: deque[tuple[float, bool]] = deque(maxlen=LOOKED_AT)
        self._count = 0
        self._late = 0

    def took(self, seconds: float, now: float, *, committed: bool) -> None:
        """One release waited so long; `committed` is whether its record was on disk then."""
        self.outcomes.append((now, not committed))
        self._newest.append(seconds)
        self._count += 1
        self._late += not committed

    def view(self) -> WaitsView:
        """All of it."""
        return WaitsView(self._count, self._late, tuple(self._newest))


def slow(doors: Iterable[CommitWaits], now: float) -> bool:
    """Whether the disk is slow, by the newest releases of all doors."""
    newest = sorted(outcome for door in doors for outcome in door.outcomes)[-LOOKED_AT:]
    return sum(late for at, late in newest if now - at <= SLOW_WITHIN_S) >= SLOW_LATE
