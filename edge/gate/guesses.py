"""How many strangers may try a door that a face alone opens: a budget, so that the rate of the calibration is met so often and no more.

Pure, and in memory only. Each person pays once. Somebody seen again within RELINK_S pays nothing, but their looks are counted: after LOOKS
without a grant their face alone opens nothing until they are forgotten, since noise on one vector makes many. A grant neither pays nor
refills: what a face paid before it opened the door, or before its tenant showed the card, comes back, and nothing else does.

Minute and hour are a camera's own; the day belongs to all of them, because one worker speaks for all. The threshold for a face alone is
set for what ten years of it come to (GUESSES in edge/roster/calibrate.py; docs/decisions has the table).
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from edge.gate.followed import RELINK_S, Vector, same
from edge.roster.calibrate import GUESSES_A_DAY, LOOKS

WINDOWS = ((60.0, 6), (3600.0, 12))  # of one camera: a rush of visitors; half a day's budget stays for the evening
DAY = (86_400.0, GUESSES_A_DAY)
OFF_S = 180.0  # at least: whoever goes through faces has to stand there in sight of the guard who was told
PEOPLE = 256  # remembered at once: six times what the hours of eight cameras let pay within ten minutes


@dataclass(slots=True)
class _Person:
    """Somebody who tried, and how often they were looked at.

    `vector` stays the first one: a later one would let a chain of small steps go anywhere.
    """

    vector: Vector
    space: str
    seen: float
    looks: int
    camera: str
    paid_at: float
    ref: str | None = None


class Guesses:
    """The budget of all cameras. Times are monotonic seconds and do not go back."""

    def __init__(self, cameras: Iterable[str]) -> None:
        self._paid: dict[str, deque[float]] = {name: deque() for name in cameras}
        self._off: dict[str, float] = dict.fromkeys(self._paid, float("-inf"))
        self._people: deque[_Person] = deque(maxlen=PEOPLE)

    def tried(self, camera: str, looks: tuple[Vector, str, int], now: float, ref: str | None = None) -> None:
        """Somebody was looked at often enough to be granted, and was not: first vector, its space, looks since the last call.

        `ref`: whom the frames named, though not surely enough.
        """
        vector, space, count = looks
        self.forget_old(now)
        known = self._known(vector, space)
        if known is not None:
            known.looks, known.seen, known.ref = known.looks + count, now, ref or known.ref
            return
        if not self.off(camera, now):  # beyond the budget nobody guesses: who comes then pays when it holds again
            self._people.append(_Person(vector, space, now, count, camera, now, ref))
            self._paid[camera].append(now)
            self._check(now)

    def may(self, camera: str, vector: Vector, space: str, now: float) -> bool:
        """Whether this face alone may open at this camera now."""
        known = self._known(vector, space)
        return not self.off(camera, now) and (known is None or now - known.seen >= RELINK_S or known.looks < LOOKS)

    def off(self, camera: str, now: float) -> bool:
        """Whether a face alone opens nothing at this camera now."""
        return now < self._off[camera]

    def paid(self) -> int:
        """How many people paid within the last day."""
        return sum(map(len, self._paid.values()))

    def proved(self, ref: str) -> None:
        """A tenant showed a card: what their face paid within the last minutes comes back, and they are forgotten."""
        self._was_none([one for one in self._people if one.ref == ref])

    def granted(self, vector: Vector, space: str) -> None:
        """This face opened the door: whatever it paid on the way there comes back. Nobody else's does."""
        known = self._known(vector, space)
        self._was_none([] if known is None else [known])

    def let_go(self, vector: Vector, space: str) -> None:
        """Somebody claimed their passage otherwise: their vector is forgotten, what they paid stays paid."""
        if (known := self._known(vector, space)) is not None:
            self._people = deque((one for one in self._people if one is not known), maxlen=PEOPLE)

    def forget_old(self, now: float) -> None:
        """Forget vectors that nobody has shown for RELINK_S, and payments older than a day."""
        self._people = deque((one for one in self._people if now - one.seen < RELINK_S), maxlen=PEOPLE)
        for paid in self._paid.values():
            while paid and now - paid[0] >= DAY[0]:
                paid.popleft()

    def deadline(self) -> float | None:
        """When a vector is to be forgotten."""
        return min((one.seen + RELINK_S for one in self._people), default=None)

    def _was_none(self, people: list[_Person]) -> None:
        """These were no strangers."""
        for person in people:
            if person.paid_at in self._paid[person.camera]:
                self._paid[person.camera].remove(person.paid_at)
        self._people = deque((one for one in self._people if not any(one is person for person in people)), maxlen=PEOPLE)

    def _known(self, vector: Vector, space: str) -> _Person | None:
        return next((one for one in self._people if one.space == space and same(one.vector, vector, space)), None)

    def _check(self, now: float) -> None:
        """Switch off where a window is full: for OFF_S, and until every window has room again."""
        whole = _room_at(sorted(at for paid in self._paid.values() for at in paid), *DAY, now)
        for camera, paid in self._paid.items():
            room = max(whole, *(_room_at(list(paid), *window, now) for window in WINDOWS))
            if room > now:
                self._off[camera] = max(self._off[camera], room, now + OFF_S)


def _room_at(paid: list[float], length: float, most: int, now: float) -> float:
    """When fewer than `most` of these ascending times lie within the last `length` seconds."""
    return paid[-most] + length if len(paid) >= most and paid[-most] + length > now else now
