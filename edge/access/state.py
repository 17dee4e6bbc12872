"""What a decision must know of the moment before it: the mode, PINs and codes at rest, visits used; and the counting behind them."""

from __future__ import annotations

from collections import deque
from collections.abc import Mapping
from dataclasses import dataclass, field
from types import MappingProxyType

from edge.access.rules import Mode, PinLimits


@dataclass(frozen=True, slots=True)
class State:
    """A snapshot for one decision at one access point."""

    mode: Mode = Mode.NORMAL
    pins_rest: bool = False
    codes_rest: bool = False
    visits_used: Mapping[str, int] = field(default_factory=lambda: MappingProxyType({}))


class PinTally:
    """Wrong PINs (or QR codes) at one entry. A right one wipes none out: at a busy gate that would give a guesser new tries all day.

    Tries during the rest are refused and not counted, so that nobody can prolong it.
    """

    def __init__(self) -> None:
        self._wrong: deque[float] = deque(maxlen=20)  # PinSettings.max_wrong at most

    def wrong(self, mono: float) -> None:
        """Count one."""
        self._wrong.append(mono)

    def rests(self, limits: PinLimits, mono: float) -> bool:
        """Whether PINs are refused here now."""
        if len(self._wrong) < limits.max_wrong:
            return False
        oldest = self._wrong[-limits.max_wrong]
        return mono - self._wrong[-1] < limits.rest_s and mono - oldest < limits.within_s


REFUSALS = 5
"""So many refusals are more than one person trying the wrong card twice."""
WITHIN_S = 60
"""Within one minute, and told at most once a minute: a guard looks up once."""


class RefusalTally:
    """Refusals at one access point, for `access.repeated_refusals`."""

    def __init__(self) -> None:
        self._times: deque[float] = deque(maxlen=REFUSALS)
        self._told_at: float | None = None

    def refused(self, mono: float) -> int:
        """Count one; return how many there were lately when it is time to tell a person, else 0."""
        self._times.append(mono)
        if len(self._times) < REFUSALS or mono - self._times[0] > WITHIN_S:
            return 0
        if self._told_at is not None and mono - self._told_at < WITHIN_S:
            return 0
        self._told_at = mono
        return len(self._times)
