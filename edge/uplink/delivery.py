"""What to send next, and when to send it again. Pure: no I/O and no clock; time comes in as monotonic seconds.

Two lanes. *Live*: what was committed while connected, one event a message, at once. *Backlog*: what waited, in batches, at the rate the
centre grants. A consumer has an event when its acknowledgement says so; the broker's PUBACK only frees a place in the window. After
`stall_s` without progress a consumer's backlog begins again at its first unacknowledged event (go-back-N), then more and more rarely.
Consumers share one stream of messages, but each has its own place in the backlog, so a dead one delays nobody.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum

from edge.journal import Ack as Verdict
from edge.uplink.limits import Limits
from edge.uplink.pace import Pace

LEVELS = 4
"""From 500 events in a message to one: each level a quarter of the one before."""

HEARD_S = 60.0
"""Whoever lives answers `health` within this time."""

DRY = 2
"""Sendings alone after which an event that does not arrive is looked at."""

LEVEL_FIRST_S = 10.0
"""How long a smaller batch must have got through before a larger one is tried; twice as long each time that fails."""


class Lane(StrEnum):
    """Which way an event is sent."""

    LIVE = "live"
    BACKLOG = "backlog"


@dataclass(frozen=True, slots=True)
class Send:
    """Read the records after `after` up to `upto` and send them: singly on the live lane, in batches on the other."""

    lane: Lane
    after: int
    upto: int
    messages: int = field(default=1, compare=False)
    """The most messages that there is room for."""


@dataclass(slots=True)
class _Consumer:
    name: str
    acked: int = 0
    spoken: bool = False  # has it ever acknowledged?
    next: int = 1  # its backlog is next..end, empty when next > end
    end: int = 0
    allow: int = 0  # how far beyond `acked` its backlog may run; small after a stall, doubled by progress
    backoff: float = 0.0
    deadline: float | None = None
    stalls: int = 0
    credit: int | None = None
    heard_at: float = float("-inf")
    rewound_at: float = float("-inf")
    stopped_at: float | None = None  # since when it granted nothing, and none of its backlog was sent
    in_vain: bool = False  # it has spoken since something was sent, without advancing
    dry: int = 0  # how often that was so while each event was sent alone

    @property
    def waiting(self) -> int:
        return max(0, self.end - self.next + 1)


@dataclass(slots=True)
class Delivery:
    """The state of delivery of one gateway. Call `tick`, then `next` until it gives None; sleep until `wake_at`."""

    limits: Limits
    consumers: Sequence[str]
    _each: list[_Consumer] = field(init=False)
    _online: bool = field(default=False, init=False)
    _held: bool = field(default=False, init=False)
    _head: int = field(default=0, init=False)
    _live_next: int = field(default=1, init=False)
    _highest: int = field(default=0, init=False)  # the highest number sent on this connection
    _flying: dict[Lane, int] = field(init=False)
    _window: int = field(init=False)
    _reserve: int = field(init=False)
    _pace: Pace = field(default_factory=Pace, init=False)
    _tokens: float = field(default=0.0, init=False)
    _filled_at: float = field(default=0.0, init=False)
    _turn: int = field(default=0, init=False)
    _refused: set[Lane] = field(default_factory=set, init=False)
    _pause_s: float = field(init=False)
    _paused_until: float = field(default=float("-inf"), init=False)
    _cut_at: float = field(default=float("-inf"), init=False)
    _cut_live: int = field(default=1, init=False)  # the first live number that the broker had not answered then
    _level: int = field(default=0, init=False)
    _level_at: float = field(default=float("-inf"), init=False)
    _level_s: float = field(default=LEVEL_FIRST_S, init=False)
    _lowered: bool = field(default=False, init=False)
    _guessed: bool = field(default=False, init=False)
    _connected_at: float = field(default=float("-inf"), init=False)
    stalls: int = field(default=0, init=False)
    """How often any consumer has stalled."""

    def __post_init__(self) -> None:
        self._each = [_Consumer(name, backoff=self.limits.stall_s, allow=self.limits.outstanding) for name in self.consumers]
        self._flying = dict.fromkeys(Lane, 0)
        self._window, self._reserve = self.limits.window, self.limits.reserve
        self._pause_s = self.limits.stall_s

    # --- what happened ---------------------------------------------------------------------------------------------------------------

    def connected(self, now: float, head: int, acked: Mapping[str, int], window: int | None = None) -> None:
        """A new connection: what is unacknowledged is backlog again, what comes from now on is live. `window`: the broker's, if less.

        After a short interruption what was live stays live, so that what happens now does not stand behind the backlog.
        """
        self._online, self._connected_at = True, now
        self._window = max(1, min(self.limits.window, window or self.limits.window))
        self._reserve = min(self.limits.reserve, self._window // 2)
        self._flying, self._pace = dict.fromkeys(Lane, 0), Pace()
        self._tokens, self._filled_at = float(min(self.limits.batch, self.rate(now))), now
        self._paused_until = float("-inf")
        live = max(self._cut_live, min(acked.values(), default=0) + 1)
        short = now - self._cut_at <= self.limits.live_again_s and head - live < self.limits.window
        self.resync(now, head, acked, min(live, head + 1) if short else None)

    def resync(self, now: float, head: int, acked: Mapping[str, int], live: int | None = None) -> None:
        """Begin again from what the journal says (also after a new epoch). `live`: the first number that is not backlog."""
        self._head, self._live_next, self._highest = head, live or head + 1, 0
        for c in self._each:
            c.acked = acked.get(c.name, 0)
            c.spoken = c.spoken or c.acked > 0
            c.deadline = None
            self._rewind(c, now, gently=c.stalls > 0)

    def disconnected(self, now: float) -> None:
        """The connection has ended; nothing is sent and nothing expected."""
        if self._online:
            self._cut_at, self._cut_live = now, self._live_next - self._flying[Lane.LIVE]
        self._online = False

    def hold(self, held: bool, now: float) -> None:
        """While the journal is degraded nothing is sent, and nobody is blamed for not acknowledging."""
        if self._held and not held:
            for c in self._each:
                c.deadline = None
                self._arm(c, now)
        self._held = held

    def committed(self, head: int) -> None:
        """The journal has committed up to `head`."""
        self._head = max(self._head, head)

    def sent(self, send: Send, last: int, events: int, messages: int, now: float) -> None:
        """`send` was carried out up to `last`: so many events in so many messages.

        Numbers without an event take nobody's room: no consumer gets past a hole before it has the record that names it.
        """
        self._flying[send.lane] += messages
        if send.lane is Lane.LIVE:
            self._live_next = last + 1
        else:
            self._tokens -= events
            self._pace.sent(messages, now)
            for c in self._each:
                if send.after < c.next <= last:
                    c.next, c.stopped_at = last + 1, None
                    c.allow += max(0, last - send.after - events)
        if events:
            self._highest = max(self._highest, last)
        for c in self._each:
            self._arm(c, now)

    def settled(self, lane: Lane, accepted: bool, now: float) -> None:
        """The broker answered one message. Refused backlog is tried again from the start, after 3 s first, at last every 10 min."""
        self.answered(lane, now)
        if accepted:
            self._refused.discard(lane)
            if lane is Lane.BACKLOG:
                self._pause_s = self.limits.stall_s
            return
        self._refused.add(lane)
        if lane is Lane.BACKLOG and now >= self._paused_until:
            self._paused_until = now + self._pause_s
            self._pause_s = min(2 * self._pause_s, self.limits.backoff_max_s)
            for c in self._each:
                self._rewind(c, now, gently=True)

    def smaller(self, lane: Lane, now: float) -> None:
        """The broker found one message too large: its events go again, at once and in smaller ones."""
        self.answered(lane, now)
        self.again(now)

    def again(self, now: float) -> None:
        """Begin again at what each consumer lacks, at once."""
        for c in self._each:
            self._rewind(c, now, gently=True)

    def answered(self, lane: Lane, now: float) -> None:
        """The broker has one message less of ours."""
        self._flying[lane] = max(0, self._flying[lane] - 1)
        if lane is Lane.BACKLOG:
            self._pace.answered(now)

    def acknowledged(self, consumer: str, seq: int, verdict: Verdict, credit: int | None, now: float) -> None:
        """A consumer has committed everything up to `seq`. WENT_BACK: it was restored and is replayed."""
        c = next(each for each in self._each if each.name == consumer)
        long_silent = now - c.heard_at > self.limits.stall_s and now - c.rewound_at > self.limits.stall_s
        c.spoken, c.heard_at = True, now
        if self._guessed:
            self._guessed, self._level = False, 0
        if credit is not None:
            self._fill(now)
            c.credit = credit
            if credit == 0 and c.stopped_at is None:
                c.stopped_at = now
        if verdict is Verdict.REPEATED:
            c.in_vain = c.in_vain or self._highest > c.acked
            # Alive again after a silence: do not let it wait for the end of a back-off that may be ten minutes long. One that answers
            # every repetition without ever advancing is not "alive again", or it would be flooded.
            if c.stalls and long_silent:
                self._rewind(c, now, gently=True)
                c.deadline = now + self.limits.stall_s
            self._arm(c, now)
            return
        c.acked, c.stalls, c.backoff, c.in_vain = seq, 0, self.limits.stall_s, False
        c.dry = 0
        if self._level and now - self._level_at > self._level_s:
            self._level, self._level_at, self._lowered = self._level - 1, now, True
        if verdict is Verdict.WENT_BACK:
            self._rewind(c, now, gently=False)
        else:
            c.next = max(c.next, seq + 1)
            c.allow = min(self.limits.outstanding, 2 * c.allow)
        c.deadline = None
        self._arm(c, now)

    def unproven(self, consumer: str) -> None:
        """Something came that may be this consumer's word or not: until one is proven, it is sent everything, as one that never spoke."""
        c = next(each for each in self._each if each.name == consumer)
        c.spoken = False

    def tick(self, now: float) -> tuple[str, ...]:
        """Let time pass; the consumers that have just stalled (each said once until they advance)."""
        if not self._online or self._held:
            return ()
        stalled = []
        for c in self._each:
            if c.deadline is None or now < c.deadline:
                continue
            if self._credit(c, now) == 0:
                c.deadline = now + self.limits.stall_s  # it asked us to wait
                continue
            c.stalls += 1
            self.stalls += 1
            if c.stalls == 1:
                stalled.append(c.name)
            self._doubt(c, now)
            c.backoff = min(2 * c.backoff, self.limits.backoff_max_s)
            self._rewind(c, now, gently=True)
            c.deadline = now + c.backoff if c.spoken else None
        return tuple(stalled)

    # --- what to do ------------------------------------------------------------------------------------------------------------------

    def next(self, now: float) -> Send | None:
        """What to send now; None when there is nothing to send or no room for it."""
        if not self._online or self._held:
            return None
        free = self._window - sum(self._flying.values())
        waiting = self._head - self._live_next + 1
        if waiting > self.limits.live_burst:
            self._overflow()
        elif waiting > 0:
            return Send(Lane.LIVE, self._live_next - 1, self._live_next - 1 + min(waiting, free), free) if free > 0 else None
        slots = self._slots()
        if slots <= 0 or now < self._paused_until:
            return None
        self._fill(now)
        for turn in range(len(self._each)):
            c = self._each[(self._turn + turn) % len(self._each)]
            least = self._least(c, now)
            if not least or self._tokens < least:
                continue
            self._turn = (self._turn + turn + 1) % len(self._each)
            most = min(c.waiting, self._room(c), self.limits.pull, slots * self.limits.batch, int(self._tokens))
            return Send(Lane.BACKLOG, c.next - 1, c.next - 1 + max(least, most - most % least), slots)
        return None

    def wake_at(self, now: float) -> float | None:
        """When to look again even if nothing happens; None: only when something happens."""
        if not self._online or self._held:
            return None
        times = [c.deadline for c in self._each if c.deadline is not None]
        rate = self.rate(now)
        # where no message has room an answer of the broker wakes
        least = 0 if self._slots() <= 0 else min((least for c in self._each if (least := self._least(c, now))), default=0)
        if least and rate:
            times.append(max(now + max(0.0, least - self._tokens) / rate, self._paused_until))
        elif least:
            times.append(now + self.limits.stall_s)  # credit 0: it may grow stale
        return min(times, default=None)

    # --- what to say -----------------------------------------------------------------------------------------------------------------

    @property
    def backlog(self) -> int:
        """Events waiting in the longest backlog."""
        return max((c.waiting for c in self._each), default=0)

    @property
    def refused(self) -> frozenset[Lane]:
        """Lanes whose last message the broker refused."""
        return frozenset(self._refused)

    @property
    def silent(self) -> Mapping[str, bool]:
        """Consumers that do not advance, and whether each has ever acknowledged anything."""
        return {c.name: c.spoken for c in self._each if c.stalls}

    @property
    def all_heard(self) -> bool:
        """Whether every consumer has spoken on this connection."""
        return all(c.heard_at >= self._connected_at for c in self._each)

    def dry(self) -> tuple[int, ...]:
        """Numbers that were sent alone again and again, and that a consumer that speaks still lacks; each is told once a round of these."""
        found = tuple(c.acked + 1 for c in self._each if c.dry >= DRY)
        for c in self._each:
            c.dry = c.dry if c.dry < DRY else 0
        return found

    @property
    def batch(self) -> int:
        """Events in one message now. Fewer where the centre speaks and lacks what the broker took: it may be dropping what is large."""
        return max(1, self.limits.batch >> 2 * self._level)

    # --- the workings ----------------------------------------------------------------------------------------------------------------

    def _rewind(self, c: _Consumer, now: float, *, gently: bool) -> None:
        c.next, c.end, c.rewound_at = c.acked + 1, self._live_next - 1, now
        c.allow = self.limits.batch if gently else self.limits.outstanding

    def _arm(self, c: _Consumer, now: float) -> None:
        """Start the clock of a consumer that has something to acknowledge; for one that never spoke, once it has been sent everything."""
        if c.deadline is None and self._highest > c.acked and (c.spoken or (not c.waiting and self._live_next > self._head)):
            c.deadline = now + c.backoff

    def _doubt(self, c: _Consumer, now: float) -> None:
        """A broker on MQTT 3.1.1 acknowledges and drops what is too large. So it may be where a consumer speaks and does not advance.

        One that was never heard may not have got even our health: then it is a guess, taken back at its first word.
        """
        heard = c.in_vain or (self._level > 0 and now - c.heard_at <= HEARD_S)
        guess = c.heard_at < self._connected_at and c.stalls > 2
        c.dry += c.in_vain and self.batch == 1
        c.in_vain = False
        if (heard or guess) and self._level < LEVELS:
            soon = now - self._level_at < LEVEL_FIRST_S and self._level_at > self._connected_at
            self._level_s = min(2 * self._level_s, self.limits.backoff_max_s) if soon and self._lowered else LEVEL_FIRST_S
            self._level, self._level_at, self._lowered = self._level + 1, now, False
            self._guessed = guess and not heard
            c.backoff = self.limits.stall_s

    def _overflow(self) -> None:
        """Too many for the live lane: they join the backlog. A few that already went live go again; the centre knows them by number."""
        for c in self._each:
            if not c.waiting:
                c.next = self._live_next
            c.end = self._head
        self._live_next = self._head + 1

    def _slots(self) -> int:
        """Messages of the backlog that there is room for."""
        free = self._window - sum(self._flying.values())
        return min(free, min(self._window - self._reserve, self._pace.most) - self._flying[Lane.BACKLOG])

    def _room(self, c: _Consumer) -> int:
        return c.acked + c.allow - c.next + 1 if c.spoken else c.waiting

    def _least(self, c: _Consumer, now: float) -> int:
        """The fewest events worth a message: a second's worth at slow rates, else a batch; 0 when it has none, or no room for as many."""
        least = min(self.limits.batch, max(1, self.rate(now)), c.waiting)
        return least if least and self._room(c) >= least else 0

    def _credit(self, c: _Consumer, now: float) -> int | None:
        """What it granted lately. Nobody holds his backlog up for longer than `backoff_max_s`: then some of it goes, and so on."""
        if c.credit == 0 and c.stopped_at is not None and now - c.stopped_at > self.limits.backoff_max_s:
            return self.limits.default_rate
        return c.credit if now - c.heard_at <= self.limits.credit_fresh_s else None

    def rate(self, now: float) -> int:
        """Events a second: what the most modest consumer grants that has spoken lately."""
        return min((credit for c in self._each if (credit := self._credit(c, now)) is not None), default=self.limits.default_rate)

    def _fill(self, now: float) -> None:
        """The bucket holds a quarter of a second, or two batches: enough to bridge a busy loop, too little to be a burst."""
        rate = self.rate(now)
        most = max(2.0 * self.limits.batch, rate / 4)
        self._tokens = min(most, self._tokens + (now - self._filled_at) * rate)
        self._filled_at = now
