"""The bounds of delivery."""

from __future__ import annotations

from dataclasses import dataclass

STALL_S = 3.0
"""CONTRACT section 4."""


@dataclass(frozen=True, slots=True)
class Limits:
    """Each bound with its reason."""

    window: int = 50  # messages without PUBACK; see UplinkSettings.window
    reserve: int = 8  # of these, kept free for live events: a turnstile rush makes no more in one round trip
    batch: int = 100  # events in one backlog message
    pull: int = 500  # events read from disk in one go: 0.25 MB, 5 ms
    far: int = 100  # backlog messages sent but not acknowledged: mosquitto keeps 1,000 for a slow centre and drops what is beyond
    live_again_s: float = 120.0  # twice the longest usual wait for a broker: what happened in it is still news
    live_burst: int = 1_000  # more than this waiting live is a backlog: singles go at 5,000/s, batches at 20,000/s
    default_rate: int = 20  # backlog events a second without credit; see UplinkSettings.backlog_per_s
    stall_s: float = STALL_S  # without progress, until what is unacknowledged goes again
    backoff_max_s: float = 600.0  # CONTRACT section 4
    credit_fresh_s: float = 180.0  # three health messages unanswered: what it granted once is no promise any more

    @property
    def outstanding(self) -> int:
        """Events of the backlog that may be sent but not acknowledged: 10,000 in batches of 100, half a second at 20,000/s."""
        return self.far * self.batch
