"""Making sure that a database's epoch may go on: a new one for what is new, came back from a copy, or is not what others know of it."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from secrets import randbelow

from edge.access.events import GatewayLoss, rfc3339
from edge.clock import Moment
from edge.journal.desk import LossCause
from edge.journal.mark import Holes
from edge.journal.record import Draft, draft
from edge.journal.store import Store

EPOCH_BEFORE = "before"
"""Cause of an epoch that is known only by name, of a database that is gone."""


LEFT_OUT = 1000
"""Fewest numbers left out after a start without a stop: three seconds of a gate with a hundred swipes a second, more than a disk forgets
that lost its power. Decision 0017.
"""

LEFT_OUT_A_SECOND = 1000
"""Numbers left out for each second since the newest record: another run may have begun from the same copy. No gate writes as many."""

LEFT_OUT_MOST = 10**9
"""The most for that time, eleven days: a clock that is years ahead uses up a thousandth of an epoch's numbers."""

LEFT_OUT_BY_LOT = 10**6
"""Where the clock is behind the newest record, or as far ahead as that, so many at most are drawn by lot: two runs seldom meet."""


AFTER_MARK = 10_000
"""Numbers that may have been given after a mark that tells of no stop: ten seconds of a thousand events."""


@dataclass(frozen=True, slots=True)
class Known:
    """What is known of the database from elsewhere: its epoch, the last number given, and the last that every consumer has.

    `after` more numbers may have been given since, and nothing else knows of them.

    `unwritten` events were in memory then; those that the database did not get after all went with the process.
    `holes` are numbers (first, last) that starts left out, in order: there is no event to lose.
    """

    epoch: str
    head: int
    deletable: int
    unwritten: int = 0
    holes: Holes = ()
    after: int = 0


def found(store: Store, known: Known | None, now: Moment, new_epoch: Callable[[], str], *, stopped: bool = True) -> Holes:
    """Give an empty database its first epoch, and one that was rolled back a new one. Gives the holes of the epoch that goes on.

    Where the last run is not known to have `stopped` in order, and left these very files, the numbers go on behind a hole: those given
    last may have been forgotten here and not elsewhere.
    """
    if not store.eras:
        _begin_first(store, known, now, new_epoch())
    elif known is None or _goes_on(store, known):
        if known is not None:
            _report_unwritten(store, known, now)
        holes = known.holes if known is not None and known.epoch == store.era.epoch else ()
        return holes if stopped else (*holes, _leave_out(store, now))
    elif known.epoch == store.era.epoch:
        renew(store, "rolled_back", known, now, new_epoch())
    else:
        _begin_after(store, known, now, new_epoch())
    return ()


def renew(store: Store, cause: LossCause, known: Known, now: Moment, epoch: str) -> None:
    """Begin a new epoch. Of the old one, everything held gets new numbers; what is known and not here is reported as lost.

    An acknowledgement does not shorten what goes over: who has a reason to renumber has a reason to doubt who acknowledged. Events so
    reach the centre under two ids: a repetition is repaired by its `passage_id`, a hole by nothing.
    """
    old, tip = store.era, store.tip
    with store.transaction():
        store.begin_era(epoch, rfc3339(now.at), cause)
        store.carry_over(old.number, old.base_seq, tip.seq)
        store.add(_losses(now, known, tip.seq + 1, cause))


def loss(now: Moment, epoch: str, first: int, last: int, cause: LossCause) -> Draft:
    """Write out a record of loss."""
    return draft(GatewayLoss(at=now.at, clock=now.trust, epoch=epoch, from_=str(first), to=str(last), cause=cause))


def _losses(now: Moment, known: Known, first: int, cause: LossCause) -> Iterator[Draft]:
    """Write out the loss of every number from `first` on. Those that no event is known to have had are told as left out."""
    for start, end in known.holes:
        if first < start:
            yield loss(now, known.epoch, first, start - 1, cause)
        if first <= end:
            yield loss(now, known.epoch, max(first, start), end, "left_out")
            first = end + 1
    if first <= known.head:
        yield loss(now, known.epoch, first, known.head, cause)
        first = known.head + 1
    if known.after:
        yield loss(now, known.epoch, first, first + known.after - 1, "left_out")


def parse_at(text: str | None) -> datetime | None:
    """Read back the time of a record; None where it is damaged."""
    try:
        return datetime.fromisoformat(text) if text else None
    except (TypeError, ValueError):
        return None


def _goes_on(store: Store, known: Known) -> bool:
    if known.epoch == store.era.epoch:
        return store.tip.seq >= known.head
    # The name of an older epoch is left behind when the power goes between beginning a new one and writing that down.
    return any(era.epoch == known.epoch for era in store.eras)


def _report_unwritten(store: Store, known: Known, now: Moment) -> None:
    """Give what went with the last process its numbers and its record of loss. Doing it twice does it once: the head has moved on."""
    missing = known.unwritten - (store.tip.seq - known.head)
    if known.epoch == store.era.epoch and known.unwritten and missing > 0:
        with store.transaction():
            hole = store.skip(missing)
            store.add([loss(now, known.epoch, hole[0], hole[-1], "disk_failed")])


def _leave_out(store: Store, now: Moment) -> tuple[int, int]:
    last = parse_at(store.last_at())
    away = int((now.at - last).total_seconds() * LEFT_OUT_A_SECOND) if last else 0
    count = LEFT_OUT + min(max(0, away), LEFT_OUT_MOST)
    if not 0 < away < LEFT_OUT_MOST:
        count += randbelow(LEFT_OUT_BY_LOT)
    with store.transaction():
        hole = store.skip(count)
        store.add([loss(now, store.era.epoch, hole[0], hole[-1], "left_out")])
    return hole[0], hole[-1]


def _begin_first(store: Store, known: Known | None, now: Moment, epoch: str) -> None:
    with store.transaction():
        if known:
            store.begin_era(known.epoch, rfc3339(now.at), EPOCH_BEFORE, ended_at=known.head)
        store.begin_era(epoch, rfc3339(now.at), "created")
        if known:
            store.add(_losses(now, known, known.deletable + 1, "corrupt"))


def _begin_after(store: Store, known: Known, now: Moment, epoch: str) -> None:
    """The last epoch that we know is not in this database: a copy from before it came back."""
    old, tip = store.era, store.tip
    with store.transaction():
        store.begin_era(known.epoch, rfc3339(now.at), EPOCH_BEFORE, ended_at=known.head)
        store.begin_era(epoch, rfc3339(now.at), "rolled_back")
        store.carry_over(old.number, old.base_seq, tip.seq)
        store.add(_losses(now, known, known.deletable + 1, "rolled_back"))
