"""The door machine for leaf, turnstile and barrier. No I/O and no clock: every call brings `now` (monotonic seconds) and returns effects.

What tells one door from another is not its name but what it can sense:

* pass contacts (turnstile, barrier with a loop): each grant ends in a pass of its own direction, first come first served; a pass without
  a grant is `Uncredentialed`. While people queue, each pass gives those behind it a new window.
* a door contact: a grant ends with the opening; whoever else holds a grant at that moment, or is granted one while the door stands open,
  ends as `already_open`, which restarts the held timer.
* neither, or nothing that can be believed now: a grant ends as `no_contact` as soon as the lock is known to have been told, and as
  `NotTaken` if it could not be told.

Every grant ends exactly once, in `Crossed` or `NotTaken`. A contact that was unknown before has no history: it can begin `Held`, never
`Forced`. An opening without a grant is `Forced` only after FORCED_AFTER_S, because the exit button may speak on a slower line than the
contact; a rattle shorter than that is told as opened and closed and alarms nobody.
"""

from __future__ import annotations

from collections import deque

from edge.access.crossing import (
    Closed,
    Crossed,
    DriveHold,
    DriveRelease,
    DriveSecure,
    Effect,
    Evidence,
    Forced,
    Grant,
    Held,
    Leaf,
    Lock,
    NotTaken,
    Opened,
    Senses,
    Uncredentialed,
    Waiting,
)
from edge.access.terms import Direction

GRACE_S = 1.0  # a leaf pulled at the last moment reports after the lock has dropped: travel of the leaf, polling of the input
FORCED_AFTER_S = 0.3  # two lines polled every 100 ms may tell contact and button in the wrong order
REPEAT_S = 2.0  # a reader repeats a card that is held to it for up to 2 s
FOLLOW_S = 10.0  # who passes so soon after somebody else followed them
QUEUE_S = 60.0  # a queue at a turnstile that moved nobody for a minute has gone
PENDING = 32  # more people than can stand before one gate with their cards already shown


class Door:
    """One door. `leaf`, `lock`, `forced`, `held` and `holding` may be read at any time; only the methods change them."""

    def __init__(self, senses: Senses, *, forced: bool = False, held: bool = False) -> None:
        """`forced` and `held` are alarms that were open when the daemon last stopped."""
        self._senses = senses
        self.leaf = Leaf.UNKNOWN
        self.lock = Lock.UNKNOWN
        self.forced = forced
        self.held = held
        self.holding = False
        self._told: Leaf | None = Leaf.OPEN if forced or held else None
        self._passes_known = senses.passes
        self._waiting: deque[Waiting] = deque()
        self._released_until: float | None = None
        self._excused_until = float("-inf")
        self._held_at: float | None = None
        self._forced_at: float | None = None
        self._last: dict[Direction, tuple[str, float]] = {}
        self._just_used: tuple[Grant, float] | None = None

    def deadline(self) -> float | None:
        """When `due` must be called next."""
        times = [w.until for w in self._waiting]
        times.extend(t for t in (self._released_until, self._held_at, self._forced_at) if t is not None and t != float("inf"))
        return min(times, default=None)

    def due(self, now: float) -> list[Effect]:
        """Let time pass."""
        out: list[Effect] = []
        if self._forced_at is not None and now >= self._forced_at:
            self._forced_at = self._held_at = None
            self.forced = True
            out.append(Forced(begins=True))
        if self._held_at is not None and now >= self._held_at:
            self._held_at = None
            if not self.held:
                self.held = True
                out.append(Held(begins=True))
        if self._released_until is not None and now >= self._released_until:
            self._released_until = None
            if self.lock is Lock.RELEASED:
                self.lock = Lock.SECURED
        for waiting in [w for w in self._waiting if now >= w.until]:
            self._waiting.remove(waiting)
            unseen = waiting.driven and self._sight() is None
            out.append(self._crossed(waiting.grant, "no_contact", now) if unseen else NotTaken(waiting.grant))
        return out

    def renews(self, who: str, now: float) -> Grant | None:
        """The grant that this person still has here, or has just used: a card still held to the reader is no second passage."""
        for waiting in self._waiting:
            if waiting.grant.who == who and now < waiting.until:
                return waiting.grant
        if self._just_used is not None and self._just_used[0].who == who and now - self._just_used[1] < REPEAT_S:
            return self._just_used[0]
        return None

    def renew(self, grant: Grant, now: float) -> list[Effect]:
        """The same person asks again: release once more for the same passage."""
        out = self.due(now)
        for waiting in self._waiting:
            if waiting.grant is grant:
                waiting.asked, waiting.until = now, max(waiting.until, now + grant.seconds + GRACE_S)
        if self._just_used is not None and self._just_used[0] is grant:
            self._just_used = (grant, now)
        self._watch_open(now)
        if not self.holding:
            out.append(DriveRelease(grant.passage_id, grant.seconds))
        return out

    def grant(self, grant: Grant, now: float) -> list[Effect]:
        """Somebody may pass."""
        out = self.due(now)
        if not self.holding:
            out.append(DriveRelease(grant.passage_id, grant.seconds))
        sight = self._sight()
        if sight == "contact" and self.leaf is Leaf.OPEN:
            explains = grant.button and self._forced_at is not None
            out.append(self._crossed(grant, "contact" if explains else "already_open", now))
            if explains:
                self._forced_at = None
            self._watch_open(now)
            return out
        if sight is None and self.holding:
            out.append(self._crossed(grant, "no_contact", now))
            return out
        if len(self._waiting) >= PENDING:
            out.append(NotTaken(self._waiting.popleft().grant))
        self._waiting.append(Waiting(grant, now, now, now + grant.seconds + GRACE_S, driven=self.holding))
        self._watch_open(now)
        return out

    def driven(self, passage_id: str, seconds: float, now: float, *, ok: bool) -> list[Effect]:
        """What came of a DriveRelease."""
        out = self.due(now)
        if ok and not self.holding:
            self.lock = Lock.RELEASED
            self._released_until = max(self._released_until or now, now + seconds)
            self._excused_until = self._released_until + GRACE_S
        for waiting in self._waiting:
            if waiting.grant.passage_id != passage_id:
                continue
            if ok:
                waiting.driven = True
                waiting.until = max(waiting.until, now + seconds + GRACE_S)
            if self._sight() is None:
                self._waiting.remove(waiting)
                out.append(self._crossed(waiting.grant, "no_contact", now) if ok else NotTaken(waiting.grant))
            break
        return out

    def moved(self, leaf: Leaf, now: float) -> list[Effect]:
        """The contact says something, or can no longer be believed (UNKNOWN)."""
        out = self.due(now)
        before, self.leaf = self.leaf, leaf
        if leaf is before:
            return out
        if leaf is Leaf.OPEN:
            out.extend(self._opened(before, now))
            return out
        self._held_at = self._forced_at = None
        if leaf is Leaf.CLOSED:
            if self._told is Leaf.OPEN:
                out.append(Closed())
            self._told = Leaf.CLOSED
            out.extend(self.calm())
        return out

    def calm(self) -> list[Effect]:
        """End the alarms of an open leaf: it is closed, or there is no contact any more that could say so."""
        out: list[Effect] = []
        if self.forced:
            self.forced = False
            out.append(Forced(begins=False))
        if self.held:
            self.held = False
            out.append(Held(begins=False))
        return out

    def recall(self, *, forced: bool, held: bool) -> list[Effect]:
        """Alarms that were open when the daemon last stopped, known only now; they end at once where the leaf is closed."""
        self.forced, self.held = self.forced or forced, self.held or held
        if self.leaf is Leaf.CLOSED or not self._senses.contact:
            return self.calm()
        if self.forced or self.held:
            self._forced_at = self._held_at = None
            self._told = Leaf.OPEN
        return []

    def passed(self, direction: Direction, now: float) -> list[Effect]:
        """A pass contact saw one person."""
        out = self.due(now)
        mine = next((w for w in self._waiting if w.grant.direction is direction), None)
        if mine is None:
            last = self._last.get(direction)
            out.append(Uncredentialed(direction, last[0] if last is not None and now - last[1] < FOLLOW_S else None))
            return out
        self._waiting.remove(mine)
        out.append(self._crossed(mine.grant, "turnstile", now))
        self._watch_open(now)
        for behind in self._waiting:
            if behind.grant.direction is direction:
                behind.until = max(behind.until, min(now + behind.grant.seconds + GRACE_S, behind.since + QUEUE_S))
        return out

    def passes_known(self, known: bool) -> None:
        """The line of the pass contacts went down, or is up."""
        self._passes_known = known and self._senses.passes

    def lock_known(self, known: bool) -> None:
        """The line of the lock went down, or is up. What it does meanwhile nobody knows; a release that ran may still run."""
        if not known:
            if self.lock in {Lock.RELEASED, Lock.HELD_RELEASED}:
                self._released_until = self._excused_until = float("inf")
            self.lock = Lock.UNKNOWN

    def hold(self, holding: bool, now: float, *, drill: bool = False) -> list[Effect]:
        """Keep the lock released (fire, locked open), or end that. A `drill` ends no alarm that the leaf began."""
        out = self.due(now)
        was, self.holding = self.holding, holding
        if holding == was:
            return out
        out.extend(self.home())
        if holding:
            self._held_at = None
            if drill:
                return out
            self._forced_at = None
            if self.held:
                self.held = False
                out.append(Held(begins=False))
            return out
        self._watch_open(now)
        out.extend(DriveRelease(w.grant.passage_id, w.grant.seconds) for w in self._waiting)  # granted while it stood released
        return out

    def home(self) -> list[Effect]:
        """Drive the lock to where it belongs: at start, when its line is back, and when the mode changes."""
        if self.holding:
            return [DriveHold()]
        if self.lock is not Lock.UNKNOWN:
            self._ended()
        return [DriveSecure()]

    def secure_entries(self, now: float) -> list[Effect]:
        """Lock-down begins: end a running release, unless somebody on their way out still needs it."""
        out = self.due(now)
        if not self.holding and not any(w.grant.direction is Direction.OUT for w in self._waiting):
            out.extend(self.home())
        return out

    def secured(self) -> None:
        """A DriveSecure was carried out."""
        self.lock = Lock.SECURED
        self._ended()

    def kept_released(self) -> None:
        """A DriveHold was carried out."""
        self.lock = Lock.HELD_RELEASED

    def _ended(self) -> None:
        """No release runs any more: from here on an opening needs a grant."""
        self._released_until = None
        self._excused_until = float("-inf")

    def _sight(self) -> str | None:
        """What would see the next passage, now."""
        if self._passes_known:
            return "turnstile"
        return "contact" if self._senses.contact and self.leaf is not Leaf.UNKNOWN else None

    def _opened(self, before: Leaf, now: float) -> list[Effect]:
        out: list[Effect] = []
        waiting = list(self._waiting)
        by_contact = self._sight() == "contact"
        legitimate = bool(waiting) or self.holding or now <= self._excused_until
        if self._told is not Leaf.OPEN:
            out.append(Opened(waiting[0].grant.passage_id if waiting and by_contact else None))
        self._told = Leaf.OPEN
        if by_contact:
            self._waiting.clear()
            for n, one in enumerate(waiting):
                seen = n == 0 and before is Leaf.CLOSED
                out.append(self._crossed(one.grant, "contact" if seen else "already_open", now))
                if seen and not one.grant.button:
                    self._just_used = one.grant, one.asked  # a quick hand opens the leaf while the other still holds the card
            if self._senses.relock_on_open and not self.holding and before is Leaf.CLOSED and legitimate:
                out.extend(self.home())
        if not legitimate and before is Leaf.CLOSED and self._senses.forced:
            self._forced_at = now + FORCED_AFTER_S
        self._watch_open(now)
        return out

    def _watch_open(self, now: float) -> None:
        """Start the held timer anew, where it makes sense."""
        standing = self.leaf is Leaf.OPEN and not self.holding and not self.held and not self.forced
        self._held_at = now + self._senses.held_after_s if standing else None

    def _crossed(self, grant: Grant, evidence: Evidence, now: float) -> Crossed:
        self._last[grant.direction] = (grant.passage_id, now)
        if evidence in {"already_open", "no_contact"}:
            self._just_used = grant, now
        return Crossed(grant, evidence)
