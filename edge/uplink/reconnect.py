"""When to try the broker again. Pure; time and randomness come in."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

from edge.uplink.broker import TAKEN_OVER

STABLE_S = 60.0
"""A connection younger than this earned no trust: a broker that accepts and kicks is not hammered."""

MOST_LESSONS = 30
"""Quick attempts in a row: a batch of 120 KB is one event after nine halvings, and health and a few lone events come beside it."""

FLAPS, FLAPS_WITHIN_S = 3, 60.0
"""Connections ended by the broker that are no accident any more."""

REFUSED_MAX_S = 300.0
"""The bound after a refusal: only a person can cure it, but nobody should have to restart the gateway for that."""


@dataclass(slots=True)
class Backoff:
    """Full jitter: a wait drawn evenly from 0 to a bound that doubles from 1 s to `most_s`, or to 300 s while the broker refuses us."""

    rng: random.Random
    most_s: float = 60.0
    _failures: int = field(default=0, init=False)
    _lessons: int = field(default=0, init=False)

    def after(self, *, connected_s: float, refused: bool, lesson: bool = False) -> float:
        """The seconds to wait after a connection that lasted so long (0: never made); `lesson`: its end says what to do otherwise."""
        if connected_s >= STABLE_S:
            self._failures = self._lessons = 0
        if lesson and self._lessons < MOST_LESSONS:
            self._lessons += 1
            return self.rng.uniform(0.0, 1.0)
        # 2**16 s is beyond every bound, and beyond it the power only costs
        bound = min(max(REFUSED_MAX_S, self.most_s) if refused else self.most_s, float(2 ** min(self._failures, 16)))
        self._failures += 1
        return self.rng.uniform(0.0, bound)


@dataclass(slots=True)
class Flaps:
    """Connections that the broker ends one soon after the other."""

    flapping: bool = field(default=False, init=False)
    _cuts: list[tuple[float, bool]] = field(default_factory=list, init=False)

    def cut(self, code: int | None, *, idle: bool, now: float) -> str:
        """The broker ended a connection; `idle`: nothing was on its way. The word for it from the third within a minute on, else empty.

        A broker ends the older of two connections of one client id with TAKEN_OVER, on MQTT 3.1.1 without a reason.
        """
        taken_over = code == TAKEN_OVER or (code is None and idle)
        self._cuts = [*((at, was) for at, was in self._cuts if now - at <= FLAPS_WITHIN_S), (now, taken_over)][-FLAPS:]
        if len(self._cuts) < FLAPS:
            return ""
        self.flapping = True
        return "uplink.id_twice" if sum(was for _, was in self._cuts) >= 2 else "uplink.cut_off"

    def other(self) -> None:
        """A connection lasted, or ended otherwise."""
        self.flapping = False
        self._cuts.clear()
