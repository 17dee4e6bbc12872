"""What a controller decided and saw by itself at one door, told as events: pure, and never a reason to drive the lock.

A board that judges cards by its own table has opened before it tells. What it tells just now joins the door machine as a grant that needs
no order, so that the leaf's opening is a passage and no force. What it tells late, of the time when nobody asked, is history: told in the
board's order with the board's time, beside the machine; an alarm of then is over and is told as begun and ended.

A late grant waits for what the board recorded next: its opening makes it a passage, seen by the board's contact; the end of the release,
or of the records, makes it one that was not taken. How far the records were told, and what waits, is a fact in the same commit as the
events: killed at any moment, nothing is told twice or left out.
"""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import asdict, dataclass, replace
from datetime import datetime, timedelta

from drivers.readings import LoggedKind
from edge.access.crossing import Crossed, Evidence, Grant
from edge.access.events import (
    AccessNotTaken,
    DoorAlarm,
    DoorClosed,
    DoorForced,
    DoorHeld,
    DoorOpened,
    Event,
    PassageEntry,
    PassageExit,
)
from edge.access.reasons import Reason
from edge.access.terms import Book, Direction, Method, PersonKind
from edge.clock import Moment, Trust
from edge.gate.doorstep import Doorstep
from edge.gate.effects import Effects
from edge.gate.inputs import LineSaid, Recorded
from edge.gate.passage import Passage, Passages
from edge.gate.plan import DoorPlan
from edge.gate.recorder import Memory
from edge.gate.records import by_controller

SLACK_S = 2.0  # a board counts whole seconds, and a leaf pulled at the last moment reports after the lock has dropped
QUIET_S = 10.0  # a board that is catching up gives twenty records at least every other second
PENDING = 32  # as many as may wait at a door
OUTCOMES = (PassageEntry, PassageExit, AccessNotTaken)


@dataclass(frozen=True, slots=True)
class _Waiting:
    """A grant whose outcome is not known. `live`: the door machine waits for it; it is kept here for the case that we are killed."""

    passage: Passage
    direction: Direction
    at: datetime
    live: bool


class Chronicle:
    """The records of one door. Every method takes the moment and adds to `fx`."""

    def __init__(self, plan: DoorPlan, passages: Passages, step: Doorstep, memory: Memory, new_id: Callable[[], str]) -> None:
        self._plan = plan
        self._passages = passages
        self._step = step
        self._new_id = new_id
        self._memory = memory
        self._note = f"recorded.door.{plan.name}"
        self._first = memory.recall(self._note)
        self._last, self._waiting = _read(self._first)
        self._open = False
        self._quiet_at: float | None = None
        self._window = timedelta(seconds=max(plan.release_s, plan.extended_release_s) + SLACK_S)

    def recall(self) -> None:
        """What was remembered can be read only now."""
        former = self._memory.former(self._note)
        if former == self._first:  # it could be read by then
            return
        last, waiting = _read(former)
        known = {each.passage.passage_id for each in self._waiting}
        self._last = self._last or last
        self._waiting = [*(each for each in waiting if each.passage.passage_id not in known), *self._waiting][-PENDING:]

    def deadline(self) -> float | None:
        """When `due` must be called next (monotonic)."""
        return self._quiet_at

    def due(self, now: Moment, fx: Effects) -> None:
        """Let time pass: when the board has no more to tell, what still waits was not taken."""
        if self._quiet_at is not None and now.mono >= self._quiet_at:
            self._quiet_at = None
            self._not_taken([each for each in self._waiting if not each.live], now, fx)
            self.settle(fx)

    def line(self, said: LineSaid, now: Moment) -> None:
        """While the board is away nothing that it has yet to tell can be told from nothing."""
        if said.controller == self._plan.lock[0]:
            self._quiet_at = now.mono + QUIET_S if said.up and any(not each.live for each in self._waiting) else None

    def record(self, said: Recorded, book: Book, now: Moment, fx: Effects) -> None:
        """Take one record of the board; the one that was told last is not told again."""
        mark = f"{said.index} {said.what} {said.at}"
        if mark == self._last:
            return
        then, mine = _moment(said, now), Effects()
        if said.late:
            self._not_taken([each for each in self._waiting if not each.live and then.at > each.at + self._window], now, fx)
        match said.what:
            case LoggedKind.CARD_PASSED | LoggedKind.EXIT_BUTTON | LoggedKind.SUPERVISOR_CODE:
                self._passed(said, self._who(said, self._new_id(), book, then), then, now, mine)
            case LoggedKind.CARD_REFUSED:
                mine.events.append(self._passages.denied(replace(self._who(said, "", book, then), reason=Reason.CONTROLLER_REFUSED), then))
            case LoggedKind.REMOTE_OPENED:
                mine.events.append(self._passages.released(None, "confirmed", then))
                self._excuse(said, then, now, mine)
            case LoggedKind.OPENED:
                self._opened(then, mine)
            case LoggedKind.CLOSED:
                self._open = False
                mine.events.append(DoorClosed(at=then.at, clock=then.trust, door=self._plan.name))
            case LoggedKind.FORCED | LoggedKind.HELD if said.late or not said.seen:
                mine.events.extend(self._alarm(DoorForced if said.what is LoggedKind.FORCED else DoorHeld, then))
        fx.drives.extend(mine.drives)
        fx.events.extend(_by_controller(each) if said.late and said.at is not None else each for each in mine.events)
        if mine.events:
            self._last = mark
            self._keep(fx)
        if any(not each.live for each in self._waiting):
            self._quiet_at = now.mono + QUIET_S

    def moved(self, now: Moment, fx: Effects) -> None:
        """The contact spoke just now: an opening may answer a grant that the board recorded a moment before we came."""
        for place, event in enumerate(fx.events):
            if isinstance(event, DoorOpened) and event.passage_id is None:
                late = [each for each in self._waiting if not each.live and abs(now.at - each.at) <= self._window]
                if late:
                    fx.events[place] = self._passages.opened(self._passages.keep(late[0].passage).passage_id, now)
                    self._crossed(late, "contact", now, fx)
                    self.settle(fx)
                return

    def settle(self, fx: Effects) -> None:
        """What ended waits no longer, in the same commit as its end."""
        if self._waiting:
            ended = {event.passage_id for event in fx.events if isinstance(event, OUTCOMES)}
            left = [each for each in self._waiting if each.passage.passage_id not in ended]
            if left != self._waiting:
                self._waiting = left
                self._keep(fx)

    def _passed(self, said: Recorded, passage: Passage, then: Moment, now: Moment, fx: Effects) -> None:
        """The board let somebody pass."""
        if passage.direction is None:
            fx.events += [self._passages.granted(passage, then), self._passages.released(passage.passage_id, "confirmed", then)]
            self._excuse(said, then, now, fx)
            return
        seconds = self._plan.release_s
        who = f"{passage.access_point} {passage.person_ref or said.card or said.what}"
        if not said.late and (standing := self._step.machine.renews(who, now.mono)) is not None:
            self._step.let_pass(standing, now, fx, again=True)
            return
        self._passages.keep(passage)
        fx.events += [self._passages.granted(passage, then), self._passages.released(passage.passage_id, "confirmed", then)]
        waiting = _Waiting(passage, passage.direction, then.at, live=not said.late)
        if not said.late:
            self._waiting = [*self._waiting[1 - PENDING :], waiting]
            self._step.let_pass(Grant(passage.passage_id, passage.direction, seconds, who), now, fx)
            self.settle(fx)
        elif not said.seen:
            self._crossed([waiting], "no_contact", then, fx)
        elif self._open:
            self._crossed([waiting], "already_open", then, fx)
        else:
            self._waiting = [*self._waiting[1 - PENDING :], waiting]
            self._excuse(said, then, now, fx)

    def _opened(self, then: Moment, fx: Effects) -> None:
        late = [each for each in self._waiting if not each.live]
        self._open = True
        if late:
            self._passages.keep(late[0].passage)
        fx.events.append(self._passages.opened(late[0].passage.passage_id if late else None, then))
        self._crossed(late, "contact", then, fx)
        self.settle(fx)

    def _crossed(self, late: list[_Waiting], evidence: Evidence, then: Moment, fx: Effects) -> None:
        """One opening: the first went through the door as it opened, those behind through the open one."""
        for place, each in enumerate(late):
            self._passages.keep(each.passage)
            seen: Evidence = "already_open" if place and evidence == "contact" else evidence
            grant = Grant(each.passage.passage_id, each.direction, 0.0, "")
            fx.events.append(self._passages.crossed(Crossed(grant, seen), then))

    def _not_taken(self, late: list[_Waiting], now: Moment, fx: Effects) -> None:
        for each in late:
            self._passages.keep(each.passage)
            over = Moment(each.at + self._window, now.mono, now.trust)
            fx.events.append(_by_controller(self._passages.not_taken(each.passage.passage_id, each.direction, over)))
        if late:
            self.settle(fx)

    def _excuse(self, said: Recorded, then: Moment, now: Moment, fx: Effects) -> None:
        """The board's release may run still: the leaf that opens within it was not forced."""
        left = (then.at + self._window - now.at).total_seconds() if said.late else self._plan.release_s
        if 0 < left <= self._window.total_seconds():
            self._step.released_elsewhere(left, now, fx)

    def _alarm(self, kind: type[DoorAlarm], then: Moment) -> list[Event]:
        """An alarm that is over."""
        begin = kind(at=then.at, clock=then.trust, door=self._plan.name, alarm_id=self._new_id(), phase="begin")
        return [begin, replace(begin, phase="end")]

    def _who(self, said: Recorded, passage_id: str, book: Book, then: Moment) -> Passage:
        """Whom the board spoke of, as far as the book knows the card now."""
        method = {LoggedKind.EXIT_BUTTON: Method.REX, LoggedKind.SUPERVISOR_CODE: Method.PIN}.get(said.what, Method.CARD)
        rex = method is Method.REX
        point = self._plan.points.get((self._plan.way_out if rex else said.access_point) or "")
        ref = book.cards.get(said.card) if said.card is not None else None
        person = None if ref is None else book.tenants.get(ref)
        visitor = ref is not None and ref in book.visits
        kind = person.kind if person else PersonKind.VISITOR if visitor else PersonKind.UNKNOWN
        return Passage(
            passage_id,
            point.name if point else None,
            Direction.OUT if rex else point.direction if point else None,
            method,
            Reason.REX if rex else Reason.CONTROLLER,
            ref if person or visitor else None,
            None if rex else kind,
            roster_version=None if rex else book.version,
            roster_age_s=None if rex else max(0, int((then.at - book.loaded_at).total_seconds())),
        )

    def _keep(self, fx: Effects) -> None:
        waiting = [asdict(each.passage) | {"at": each.at.isoformat()} for each in self._waiting]
        fx.facts[self._note] = json.dumps({"last": self._last, "waiting": waiting})


def _moment(said: Recorded, now: Moment) -> Moment:
    """When it happened: by the board's clock if it is late, and then as far as that can be. Late and without a time: nobody knows."""
    if not said.late:
        return now
    return replace(now, trust=Trust.UNTRUSTED) if said.at is None else by_controller(said.at, now)


def _by_controller(event: Event) -> Event:
    return replace(event, time_source="controller")


def _read(note: str | None) -> tuple[str, list[_Waiting]]:
    """What an earlier run left; whatever it waited for is late by now. A note that cannot be read is as good as none."""
    try:
        found = json.loads(note or "{}")
        return str(found.get("last", "")), [_waiting(each) for each in found.get("waiting", [])]
    except (ValueError, TypeError, AttributeError, KeyError):
        return "", []


def _waiting(kept: dict[str, object]) -> _Waiting:
    at = datetime.fromisoformat(str(kept.pop("at")))
    words = {"direction": Direction, "method": Method, "reason": Reason, "person_kind": PersonKind}
    fields = {key: words[key](str(value)) if key in words and value is not None else value for key, value in kept.items()}
    passage = Passage(**fields)  # type: ignore[arg-type]  # the fields that asdict gave, their words as words again
    return _Waiting(passage, Direction(str(kept["direction"])), at, live=False)
