"""What strangers may try at doors that a face alone opens: a chance of one wrong grant that is spent, so that ten years bring one at most.

Pure, and in memory only. The chance grows by CHANCE_A_DAY, up to a month's worth, and starts with a day's. Whoever tries is judged at the
rate that a SHARE of what is left pays for, and pays it: the more strangers try, the more alike a face must be, and a quiet gate asks for
less (docs/decisions has the table). What is paid is what was risked, so no order of tries brings more than was saved.

Each person pays once. Somebody seen again within RELINK_S pays nothing, but their looks are counted: after LOOKS without a grant their face
alone opens nothing until they are forgotten, since noise on one vector makes many. A grant neither pays nor refills: what a face paid
before it opened the door, or before its tenant showed the card, comes back, and nothing else does.

Beyond A_MINUTE people at a camera faces open nothing there for a while, and the guard is told. One worker speaks for all cameras, so the
chance is one for all.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import dataclass

from edge.gate.followed import RELINK_S, Vector, same
from edge.roster.calibrate import CHANCE_A_DAY, CHANCE_MOST, GUESSES_EACH, LOOKS, SHARE

DAY_S = 86_400.0
A_MINUTE = 6  # who pay at one camera: somebody goes through faces, or there is a crowd
OFF_S = 180.0  # whoever goes through faces has to stand there in sight of the guard who was told
PEOPLE = 256  # remembered at once: eight cameras let 160 pay within ten minutes


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
    price: float
    ref: str | None = None


class Guesses:
    """The budget of all cameras. Times are monotonic seconds and do not go back."""

    def __init__(self, cameras: Iterable[str]) -> None:
        self._paid: dict[str, deque[float]] = {name: deque(maxlen=A_MINUTE) for name in cameras}
        self._off: dict[str, float] = dict.fromkeys(self._paid, float("-inf"))
        self._people: deque[_Person] = deque(maxlen=PEOPLE)
        self._chance, self._at = CHANCE_A_DAY, float("inf")
        self.paid = 0
        """How many people paid since the start, and did not get it back."""
        self.spent = 0.0
        """Wrong grants that are to be expected of them, by the upper bound of the calibration."""

    def rate(self, now: float) -> float:
        """How often a stranger's guess may be taken for a tenant now, above 0."""
        self._save_up(now)
        return self._chance * SHARE / GUESSES_EACH

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
        if not self.off(camera, now):  # nobody guesses then: who comes meanwhile pays when they are still there afterwards
            price = self.rate(now) * GUESSES_EACH
            self._people.append(_Person(vector, space, now, count, camera, now, price, ref))
            self._chance, self.spent, self.paid = self._chance - price, self.spent + price, self.paid + 1
            self._paid[camera].append(now)
            if len(self._paid[camera]) == A_MINUTE and now - self._paid[camera][0] < 60:
                self._off[camera] = now + OFF_S

    def may(self, camera: str, vector: Vector, space: str, now: float) -> bool:
        """Whether this face alone may open at this camera now."""
        known = self._known(vector, space)
        return not self.off(camera, now) and (known is None or now - known.seen >= RELINK_S or known.looks < LOOKS)

    def off(self, camera: str, now: float) -> bool:
        """Whether a face alone opens nothing at this camera now."""
        return now < self._off[camera]

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
        """Forget vectors that nobody has shown for RELINK_S."""
        self._save_up(now)
        self._people = deque((one for one in self._people if now - one.seen < RELINK_S), maxlen=PEOPLE)

    def deadline(self) -> float | None:
        """When a vector is to be forgotten."""
        return min((one.seen + RELINK_S for one in self._people), default=None)

    def _save_up(self, now: float) -> None:
        self._chance = min(CHANCE_MOST, self._chance + max(0.0, now - self._at) / DAY_S * CHANCE_A_DAY)
        self._at = now

    def _was_none(self, people: list[_Person]) -> None:
        """These were no strangers."""
        for person in people:
            self._chance, self.spent, self.paid = self._chance + person.price, self.spent - person.price, self.paid - 1
            if person.paid_at in self._paid[person.camera]:
                self._paid[person.camera].remove(person.paid_at)
        self._people = deque((one for one in self._people if not any(one is person for person in people)), maxlen=PEOPLE)

    def _known(self, vector: Vector, space: str) -> _Person | None:
        return next((one for one in self._people if one.space == space and same(one.vector, vector, space)), None)
