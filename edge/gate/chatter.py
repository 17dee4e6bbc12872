"""Inputs and readers of one door that say more than anybody can do there: a fault for a person, and counted from then on.

A state (contact, cover, supply) that chatters is unknown, and its last word counts when that is over. An act is told no more: the desk
button opens nothing, and a pass is nobody's. What must go on although it is only counted, an exit button and valid cards, is the core's to
see to.
"""

from __future__ import annotations

from drivers.readings import Contact
from edge.access.events import AccessDenied
from edge.access.reasons import Reason
from edge.access.terms import Direction, PersonKind
from edge.clock import Moment
from edge.gate.budget import STRANGERS, WORDS, Budget
from edge.gate.chronicle import Chronicle
from edge.gate.doorstep import Doorstep
from edge.gate.effects import Effects
from edge.gate.inputs import ContactSaid, CoverSaid, LineSaid, SupplySaid
from edge.gate.plan import DoorPlan

State = ContactSaid | CoverSaid | SupplySaid
CONTACT = "chatter.contact"
GONE = "chatter.pass."
EXIT = "chatter.exit"
DESK = "chatter.desk"
READER = "chatter.reader."
STRANGE = "unknown_cards."


class Chatter:
    """Owned by the core of one gate. Bounded: there are only as many keys as inputs and readers."""

    def __init__(self, plan: DoorPlan, step: Doorstep, chronicle: Chronicle) -> None:
        self._plan, self._step, self._chronicle = plan, step, chronicle
        self._budgets: dict[str, Budget] = {}
        self._over: dict[str, Budget] = {}
        self._held_back: dict[str, State] = {}

    @property
    def counting(self) -> frozenset[str]:
        """The keys of what is counted only, now."""
        return frozenset(self._over)

    def deadline(self) -> float | None:
        """When `due` must be called next (monotonic)."""
        return min(budget.look_at for budget in self._over.values()) if self._over else None

    def due(self, now: Moment, fx: Effects) -> None:
        """Let time pass: tell how many strangers were counted; and where it is over, how things stand."""
        for key, budget in [*self._over.items()]:
            if budget.look_at > now.mono:
                continue
            if count := budget.look(now.mono):
                self._counted(key.removeprefix(STRANGE), count, now, fx)
            if not budget.over:
                self._ends(key, budget.counted, now, fx)

    def stranger(self, access_point: str, now: Moment, fx: Effects) -> bool:
        """An unknown card, code or PIN; whether it is only counted."""
        return self._spend(STRANGE + access_point, STRANGERS, now, fx)

    def act(self, key: str, now: Moment, fx: Effects) -> bool:
        """Somebody presses or passes; whether it is only counted."""
        return self._spend(key, WORDS, now, fx)

    def passed(self, direction: Direction, now: Moment, fx: Effects) -> None:
        """A pass contact saw one person."""
        if not self.act(GONE + direction, now, fx):
            self._step.passed(direction, now, fx)

    def state(self, item: State, now: Moment, fx: Effects) -> None:
        """How something stands."""
        match item:
            case ContactSaid(state):
                key, news = CONTACT, state is not Contact.CLOSED
            case CoverSaid(source, active):
                key, news = f"chatter.tamper.{source}", active
            case SupplySaid(source, ok):
                key, news = f"chatter.power.{source}", not ok
        if self._spend(key, WORDS, now, fx) if news else key in self._over:
            self._held_back[key] = item
        else:
            self._stands(item, now, fx)

    def line(self, said: LineSaid) -> None:
        """What a contact said last is worth nothing once its line is down."""
        if not said.up and said.controller == self._plan.contact_line:
            self._held_back.pop(CONTACT, None)
        if any(key.startswith(GONE) for key in self._over):
            self._step.believe_passes(False)

    def _spend(self, key: str, most: int, now: Moment, fx: Effects) -> bool:
        budget = self._budgets.setdefault(key, Budget(most))
        if budget.spend(now.mono) and key not in self._over:
            self._over[key] = budget
            self._step.fault(key, now, fx, begins=True)
            if key.startswith(GONE):
                self._step.believe_passes(False)
            elif key == CONTACT:
                self._step.contact(Contact.UNKNOWN, now, fx)
        return budget.over

    def _ends(self, key: str, count: int, now: Moment, fx: Effects) -> None:
        del self._over[key]
        self._step.fault(key, now, fx, begins=False, count=count)
        if key.startswith(GONE):
            self._step.believe_passes(not any(other.startswith(GONE) for other in self._over))
        if (item := self._held_back.pop(key, None)) is not None:
            self._stands(item, now, fx)

    def _stands(self, item: State, now: Moment, fx: Effects) -> None:
        match item:
            case ContactSaid(state):
                self._step.contact(state, now, fx)
                self._chronicle.moved(now, fx)
            case CoverSaid():
                self._step.cover(item, now, fx)
            case SupplySaid():
                self._step.supply(item, now, fx)

    def _counted(self, access_point: str, count: int, now: Moment, fx: Effects) -> None:
        """So many refusals as one. Who asked for the way out was let go; and what is no reader's has its fault alone."""
        point = self._plan.points.get(access_point)
        if point is None or point.direction is Direction.OUT:
            return
        fx.events.append(
            AccessDenied(
                at=now.at,
                clock=now.trust,
                door=self._plan.name,
                access_point=access_point,
                direction=point.direction,
                person_kind=PersonKind.UNKNOWN,
                reason=Reason.UNKNOWN_CREDENTIAL,
                count=count,
            )
        )
