"""Passages: what was decided, what the lock was told and what happened at the leaf, folded into one `passage_id`."""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass
from typing import Literal

from edge.access.crossing import Crossed
from edge.access.decision import Decision
from edge.access.events import (
    AccessDenied,
    AccessDuress,
    AccessGranted,
    AccessNotTaken,
    DoorOpened,
    DoorReleased,
    Event,
    PassageEntry,
    PassageExit,
    PassageUncredentialed,
)
from edge.access.reasons import Reason
from edge.access.terms import Book, Direction, Method, PersonKind
from edge.clock import Moment

KEPT = 128  # passages whose lock or leaf may still speak; four times as many as may wait at one door


@dataclass(frozen=True, slots=True)
class Passage:
    """Who was granted what, judged against which roster."""

    passage_id: str
    access_point: str | None
    direction: Direction | None
    method: Method | None = None
    reason: Reason | None = None
    person_ref: str | None = None
    person_kind: PersonKind | None = None
    visit: bool = False
    roster_version: str | None = None
    roster_age_s: int | None = None


class Passages:
    """The recent passages of one door, and every event that speaks of them."""

    def __init__(self, door: str) -> None:
        self._door = door
        self._recent: OrderedDict[str, Passage] = OrderedDict()

    def keep(self, passage: Passage) -> Passage:
        """A grant begins a passage."""
        self._recent[passage.passage_id] = passage
        while len(self._recent) > KEPT:
            self._recent.popitem(last=False)
        return passage

    def find(self, passage_id: str | None) -> Passage | None:
        """A recent passage by its id."""
        return self._recent.get(passage_id) if passage_id else None

    def decided(self, decision: Decision, passage_id: str | None, book: Book, now: Moment, *, played: bool = False) -> Passage:
        """A decision as a passage; a refusal has no id and is not kept. One that is `played` uses no visit."""
        passage = Passage(
            passage_id or "",
            decision.access_point,
            decision.direction,
            decision.method,
            decision.reason,
            decision.person_ref,
            decision.person_kind,
            decision.visit and not played and decision.direction is Direction.IN,
            book.version,
            max(0, int((now.at - book.loaded_at).total_seconds())),
        )
        return self.keep(passage) if passage_id else passage

    def granted(self, passage: Passage, now: Moment) -> Event:
        """The decision, as an event."""
        return self._of(AccessGranted, passage, now)

    def denied(self, passage: Passage, now: Moment) -> Event:
        """The refusal, as an event."""
        return self._of(AccessDenied, passage, now)

    def duress(self, passage: Passage, now: Moment) -> Event:
        """The cry for help, as an event."""
        return self._of(AccessDuress, passage, now)

    def crossed(self, crossed: Crossed, now: Moment) -> Event:
        """The outcome: somebody went."""
        passage = self._known(crossed.grant.passage_id, crossed.grant.direction)
        kind = PassageEntry if crossed.grant.direction is Direction.IN else PassageExit
        return self._of(kind, passage, now, confirmed=crossed.confirmed, evidence=crossed.evidence)

    def not_taken(self, passage_id: str, direction: Direction, now: Moment) -> Event:
        """The outcome: nobody went."""
        return self._of(AccessNotTaken, self._known(passage_id, direction), now)

    def released(self, passage_id: str | None, result: Literal["commanded", "confirmed", "failed"], now: Moment) -> Event:
        """The actuation: what the lock was told, or what its controller did by itself."""
        passage = self.find(passage_id)
        return DoorReleased(
            at=now.at,
            clock=now.trust,
            door=self._door,
            access_point=passage.access_point if passage else None,
            direction=passage.direction if passage else None,
            method=_one(passage.method) if passage else (),
            passage_id=passage_id,
            result=result,
        )

    def opened(self, passage_id: str | None, now: Moment) -> Event:
        """The contact opened, perhaps for somebody who was granted."""
        passage = self.find(passage_id)
        return DoorOpened(
            at=now.at,
            clock=now.trust,
            door=self._door,
            access_point=passage.access_point if passage else None,
            direction=passage.direction if passage else None,
            passage_id=passage_id,
        )

    def uncredentialed(self, direction: Direction, after: str | None, access_point: str | None, now: Moment) -> Event:
        """Somebody went whom nothing had granted it."""
        return PassageUncredentialed(
            at=now.at, clock=now.trust, door=self._door, access_point=access_point, direction=direction, after_passage_id=after
        )

    def _known(self, passage_id: str, direction: Direction) -> Passage:
        """A passage that was forgotten is still told, with what its grant knows."""
        return self.find(passage_id) or Passage(passage_id, None, direction)

    def _of(self, kind: type[Event], passage: Passage, now: Moment, **more: object) -> Event:
        fields: dict[str, object] = {
            "at": now.at,
            "clock": now.trust,
            "door": self._door,
            "access_point": passage.access_point,
            "direction": passage.direction,
            "passage_id": passage.passage_id or None,
            "person_ref": passage.person_ref,
            "person_kind": passage.person_kind,
            "method": _one(passage.method),
            "reason": passage.reason,
            "roster_version": passage.roster_version,
            "roster_age_s": passage.roster_age_s,
        }
        return kind(**fields, **more)  # type: ignore[arg-type]  # one set of fields for every event of a person; their tests hold it together


def _one(method: Method | None) -> tuple[Method, ...]:
    return () if method is None else (method,)
