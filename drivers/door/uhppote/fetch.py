"""Events by index, in order, each handed over once: the live ones at once, those of an outage in the pauses between."""

from __future__ import annotations

import logging
from collections import defaultdict, deque
from collections.abc import Callable

from drivers.door.uhppote import wire
from drivers.door.uhppote.board import Board
from drivers.door.uhppote.meaning import RESTARTED, lost, meaning
from drivers.door.uhppote.options import EventMark, LateMark, Options
from drivers.door.uhppote.progress import Progress
from drivers.errors import Garbled
from drivers.readings import Logged, LoggedKind, Reading
from drivers.timing import Timing

log = logging.getLogger(__name__)

EVENTS_KEY = "events"
# An event that appeared between two polls no further apart than this just happened. Older ones are history: an unlock older than 3 s never
# acts, and neither may the swipe that would ask for it. The board's own clock is not asked; it may be anywhere.
FRESH_S = 3.0
LATE_AT_ONCE = 20  # some 0.2 s of catching up before the next look at what is live
OWN_OPENING_S = 10.0  # how long after our release the board may take to record it
UNREADABLE = 2  # answers that are another event's, each to a question of its own: this one cannot be had; the next ones can
OWN_OPENINGS = 8  # a door released more often within those seconds is being played with

Hand = Callable[[Reading], None]


class Fetch:
    """The position in one board's events.

    `restarted` says whether the last live round showed that the board came up anew; `used` are the doors at which something has just
    happened, for whoever takes them out.
    """

    def __init__(self, options: Options, mark: EventMark, timing: Timing) -> None:
        self._options = options
        self._mark = mark
        self._timing = timing
        self._progress = Progress.at(0)
        self._seen = (0, 0.0)  # the newest index at the last poll, and when
        self._garbled = (0, 0)  # the index that was answered by another event, and how often running
        self._met: int | None = None  # the board's newest event when we met it, knowing nothing of an earlier run
        self._own: defaultdict[int, deque[float]] = defaultdict(lambda: deque(maxlen=OWN_OPENINGS))
        self.restarted = False
        self.used: set[int] = set()

    def begin(self, newest: int) -> None:
        """The board was found, its newest event being `newest`.

        A board that stood still carries out late what it was asked just before: those openings are as if asked now.
        """
        now, silent_since = self._timing.now(), self._seen[1]
        for door, own in self._own.items():
            late = [now for at in own if at >= silent_since - OWN_OPENING_S]
            self._own[door] = deque(late, maxlen=OWN_OPENINGS)
        kept = Progress.parse(self._mark.get(EVENTS_KEY) or "")
        if kept is None:
            self._met = newest
        self._keep(Progress.at(newest) if kept is None else kept.back(newest))
        self._seen = (newest, now)
        self.restarted = False

    def opening(self, door: int) -> None:
        """We are about to release a door: the board will record that as a remote opening, which is no news."""
        self._own[door].append(self._timing.now())

    async def live(self, board: Board, newest: int, polled_at: float, hand: Hand) -> None:
        """Hand over everything up to `newest`, the board's newest event at `polled_at`. Raises as Board does."""
        if newest < self._progress.live:
            log.warning("board %d: its memory was cleared", self._options.serial)
            self._keep(self._progress.back(newest))
            self._seen = (newest, polled_at)
        seen, seen_at = self._seen
        recent = polled_at - seen_at <= FRESH_S
        while (index := self._progress.next_live(newest)) is not None:
            upto = await self._one(board, index, fresh=recent and index > seen, hand=hand)
            self._keep(self._progress.took_live(upto))
        self._seen = (newest, polled_at)

    async def late(self, board: Board, hand: Hand) -> bool:
        """Hand over some of what was missed; True while there is more. Raises as Board does."""
        self._look_back()
        for _ in range(LATE_AT_ONCE):
            index = self._progress.next_late()
            if index is None:
                return False
            upto = await self._one(board, index, fresh=False, hand=hand)
            self._keep(self._progress.took_late(min(upto, self._progress.floor)))
        return self._progress.next_late() is not None

    async def _one(self, board: Board, index: int, *, fresh: bool, hand: Hand) -> int:
        """Hand over the event at `index`; give the last index that this settles."""
        try:
            event = await board.event(index)
        except Garbled as error:
            self._garbled = index, self._garbled[1] + 1 if self._garbled[0] == index else 1
            if self._garbled[1] < UNREADABLE:
                raise
            log.warning("board %d: an event cannot be read: %s", self._options.serial, error)
            hand(lost(index, 1))
            return index
        if event is None or event.kind == wire.OVERWRITTEN:
            oldest = await board.event(wire.OLDEST)
            count = max(1, oldest.index - index) if event is not None and oldest is not None else 1
            hand(lost(index, count))
            return index + count - 1
        self.restarted = self.restarted or (fresh and event.reason in RESTARTED)
        if fresh:
            self.used.add(event.door)
        reading = meaning(event, fresh=fresh, notation=self._options.card_number)
        if not (isinstance(reading, Logged) and reading.what is LoggedKind.REMOTE_OPENED and self._ours(event.door)):
            hand(reading)
        return index

    def _look_back(self) -> None:
        """Catch up from where an earlier run stopped, if that can be read only now and nothing else is being caught up."""
        if self._met is None or not isinstance(self._mark, LateMark) or self._progress.next_late() is not None:
            return
        former = Progress.parse(self._mark.former(EVENTS_KEY) or "")
        if former is None:
            return
        met, self._met = self._met, None
        if met <= self._progress.live:
            self._keep(former.joined(met, self._progress.live))

    def _ours(self, door: int) -> bool:
        own = self._own[door]
        while own:
            if self._timing.now() - own.popleft() <= OWN_OPENING_S:
                return True
        return False

    def _keep(self, progress: Progress) -> None:
        if progress != self._progress or self._mark.get(EVENTS_KEY) is None:
            self._mark.set(EVENTS_KEY, str(progress))
        self._progress = progress
