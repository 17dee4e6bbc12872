"""A clock whose hands the test turns: nothing waits for real, sleepers wake in the order of their times."""

from __future__ import annotations

import asyncio
import heapq
import itertools
from datetime import UTC, datetime, timedelta

from edge.clock import Moment, Trust

START = datetime(2026, 3, 2, 8, 0, tzinfo=UTC)
"""A Monday, 16:00 in Shanghai."""

SETTLE = 50
"""Turns of the loop given to woken tasks between two steps of `pass_time`: more than any chain of awaits in the daemon needs."""


class HandClock:
    """An edge.clock.Clock that stands still until told. `now()` may be called from any thread; the rest only from the loop's."""

    def __init__(self, wall: datetime = START, mono: float = 1000.0, trust: Trust = Trust.SYNCED) -> None:
        self._wall = wall
        self._mono = mono
        self._trust = trust
        self._last_trusted: datetime | None = wall if trust is not Trust.UNTRUSTED else None
        self._certain = self._last_trusted, mono
        self._number = itertools.count()
        self._sleepers: list[tuple[float, int, asyncio.Future[None]]] = []

    def now(self) -> Moment:
        """Read the hands."""
        if self._trust is not Trust.UNTRUSTED:
            self._last_trusted = self._wall
            self._certain = self._wall, self._mono
        certain, at = self._certain
        passed = timedelta(seconds=self._mono - at)
        return Moment(self._wall, self._mono, self._trust, self._last_trusted, certain and certain + passed)

    async def sleep(self, seconds: float) -> None:
        """Wait until the hands have been moved that far; zero or less is one turn of the loop."""
        if seconds <= 0:
            await asyncio.sleep(0)
            return
        woken = asyncio.get_running_loop().create_future()
        heapq.heappush(self._sleepers, (self._mono + seconds, next(self._number), woken))
        await woken

    @property
    def mono(self) -> float:
        """The monotonic hand, in seconds."""
        return self._mono

    def sleeping(self) -> int:
        """How many sleep now."""
        return sum(not woken.done() for _, _, woken in self._sleepers)

    def advance(self, seconds: float) -> None:
        """Move both hands at once and wake whoever is due, earliest first. Who sleeps again is counted from the new time."""
        assert seconds >= 0, "monotonic time does not go back; use set_wall"
        self._move(self._mono + seconds)
        self._wake()

    async def pass_time(self, seconds: float) -> None:
        """Let time go by: stop at every sleeper's moment and let tasks run there, so that periodic tasks tick as often as they would."""
        until = self._mono + seconds
        await self.settle()
        while self._sleepers and self._sleepers[0][0] <= until:
            self._move(max(self._mono, self._sleepers[0][0]))
            self._wake()
            await self.settle()
        self._move(until)
        await self.settle()

    async def settle(self) -> None:
        """Let every task that can run do so, without moving the hands."""
        for _ in range(SETTLE):
            await asyncio.sleep(0)

    def set_wall(self, wall: datetime) -> None:
        """Step the wall clock; monotonic time and sleepers do not notice."""
        self._wall = wall

    def set_trust(self, trust: Trust) -> None:
        """Say how far the wall clock may be believed from now on."""
        self._trust = trust

    def _move(self, mono: float) -> None:
        self._wall += timedelta(seconds=mono - self._mono)
        self._mono = mono

    def _wake(self) -> None:
        while self._sleepers and self._sleepers[0][0] <= self._mono:
            _, _, woken = heapq.heappop(self._sleepers)
            if not woken.done():
                woken.set_result(None)
