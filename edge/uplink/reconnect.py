"""When to try the broker again. Pure; time and randomness come in."""

from __future__ import annotations

import random
from dataclasses import dataclass, field

STABLE_S = 60.0
"""A connection younger than this earned no trust: a broker that accepts and kicks is not hammered."""

REFUSED_MAX_S = 300.0
"""The bound after a refusal: only a person can cure it, but nobody should have to restart the gateway for that."""


@dataclass(slots=True)
class Backoff:
    """Full jitter: a wait drawn evenly from 0 to a bound that doubles from 1 s to `most_s`, or to 300 s while the broker refuses us."""

    rng: random.Random
    most_s: float = 60.0
    _failures: int = field(default=0, init=False)

    def after(self, *, connected_s: float, refused: bool) -> float:
        """The seconds to wait after a connection that lasted so long (0: never made)."""
        if connected_s >= STABLE_S:
            self._failures = 0
        # 2**16 s is beyond every bound, and beyond it the power only costs
        bound = min(max(REFUSED_MAX_S, self.most_s) if refused else self.most_s, float(2 ** min(self._failures, 16)))
        self._failures += 1
        return self.rng.uniform(0.0, bound)
