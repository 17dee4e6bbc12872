"""The door machine under any order of events: what must hold always, checked after every step against a lock that only does as told."""

from __future__ import annotations

import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule, run_state_machine_as_test

from edge.access.crossing import (
    Closed,
    Crossed,
    DriveHold,
    DriveRelease,
    DriveSecure,
    Effect,
    Forced,
    Grant,
    Held,
    Leaf,
    Lock,
    NotTaken,
    Opened,
    Senses,
)
from edge.access.door import FORCED_AFTER_S, Door
from edge.access.terms import Direction

KINDS = [(True, False), (True, False), (True, False), (False, False), (False, True), (True, True)]
"""Contact and pass contacts; the plain leaf most often, because most can happen there."""


class LockModel:
    """A lock that does exactly what it is told, and nothing while its line is down."""

    def __init__(self) -> None:
        self.until = float("-inf")
        self.held = False
        self.up = True

    def released(self, now: float) -> bool:
        """Whether one could push the leaf open now."""
        return self.held or now < self.until


class DoorMachine(RuleBasedStateMachine):
    """One door of any kind, its lock, and everything that can happen at it."""

    @initialize(kind=st.sampled_from(KINDS), relock=st.booleans(), forced=st.booleans(), slow=st.booleans())
    def build(self, kind: tuple[bool, bool], relock: bool, forced: bool, slow: bool) -> None:
        """A door of any kind; a slow controller carries its orders out when time passes, in their order."""
        contact, passes = kind
        self.slow = slow
        self.orders: list[DriveRelease | DriveSecure | DriveHold] = []
        self.senses = Senses(contact=contact, passes=passes, forced=forced, relock_on_open=relock, held_after_s=10.0)
        self.door = Door(self.senses)
        self.lock = LockModel()
        self.now = 0.0
        self.number = 0
        self.open_grants: dict[str, Grant] = {}
        self.ended: set[str] = set()
        self.forced = self.held = False
        self.leaf_told: Leaf | None = None
        self.door.passes_known(True)
        self.door.lock_known(True)
        self.take(self.door.home())

    def take(self, effects: list[Effect]) -> None:
        """The world does what the machine says, and keeps its books."""
        for effect in effects:
            match effect:
                case DriveRelease() | DriveSecure() | DriveHold():
                    assert not (isinstance(effect, DriveRelease) and self.door.holding), "a timed release would end the hold"
                    if self.slow:
                        self.orders.append(effect)
                    else:
                        self.carry_out(effect)
                case Crossed(grant) | NotTaken(grant):
                    assert grant.passage_id in self.open_grants, "ended twice, or never granted"
                    del self.open_grants[grant.passage_id]
                    self.ended.add(grant.passage_id)
                case Forced(begins):
                    assert self.senses.forced or not begins
                    assert begins is not self.forced
                    assert not (begins and self.door.holding)
                    self.forced = begins
                case Held(begins):
                    assert begins is not self.held
                    self.held = begins
                case Opened():
                    assert self.leaf_told is not Leaf.OPEN
                    self.leaf_told = Leaf.OPEN
                case Closed():
                    assert self.leaf_told is Leaf.OPEN
                    self.leaf_told = Leaf.CLOSED

    def carry_out(self, order: DriveRelease | DriveSecure | DriveHold) -> None:
        """What the gate does with an order."""
        match order:
            case DriveRelease(passage_id, seconds):
                if self.lock.up and not self.door.holding:
                    self.lock.until = max(self.lock.until, self.now + seconds)
                self.take(self.door.driven(passage_id, seconds, self.now, ok=self.lock.up))
            case DriveSecure() if self.lock.up:
                self.lock.until, self.lock.held = float("-inf"), False
                self.door.secured()
            case DriveHold() if self.lock.up:
                self.lock.held = True
                self.door.kept_released()

    @rule(seconds=st.sampled_from([0.1, 0.5, 1.0, 3.0, 6.0, 15.0]))
    def time_passes(self, seconds: float) -> None:
        """Deadlines come due one by one; a slow controller gets through with its orders."""
        while self.orders:
            self.carry_out(self.orders.pop(0))
        until = self.now + seconds
        while (due := self.door.deadline()) is not None and due <= until:
            self.now = max(self.now, due)
            self.take(self.door.due(self.now))
        self.now = until
        self.take(self.door.due(self.now))

    @rule(direction=st.sampled_from(Direction), who=st.integers(0, 3), button=st.booleans())
    def somebody_asks(self, direction: Direction, who: int, button: bool) -> None:
        """A card, PIN, guard or button that was granted: the lock is told, unless it stands released anyway."""
        standing = self.door.renews(f"{direction}{who}", self.now)
        if standing is not None:
            effects = self.door.renew(standing, self.now)
        else:
            self.number += 1
            one = Grant(f"p{self.number}", direction, 5.0, f"{direction}{who}", button=button)
            self.open_grants[one.passage_id] = one
            effects = self.door.grant(one, self.now)
        drives = [e for e in effects if isinstance(e, DriveRelease)]
        assert len(drives) == (0 if self.door.holding else 1), "who may pass is let pass"
        self.take(effects)
        if self.lock.up and not self.slow:
            assert self.lock.released(self.now)

    @precondition(lambda self: self.senses.contact)
    @rule(direction=st.sampled_from(Direction), who=st.integers(0, 3), wait=st.sampled_from([0.1, 4.0, 5.5]), close=st.booleans())
    def somebody_goes_through(self, direction: Direction, who: int, wait: float, close: bool) -> None:
        """Asks, opens a little later, and perhaps lets it fall shut."""
        self.leaf_moves(Leaf.CLOSED)
        self.somebody_asks(direction, who, button=False)
        self.time_passes(wait)
        self.leaf_moves(Leaf.OPEN)
        if self.senses.passes:
            self.somebody_passes(direction)
        if close:
            self.time_passes(1.0)
            self.leaf_moves(Leaf.CLOSED)

    @precondition(lambda self: self.senses.contact)
    @rule()
    def somebody_forces(self) -> None:
        """Closed long ago, opened by nobody who may."""
        self.leaf_moves(Leaf.CLOSED)
        self.time_passes(15.0)
        self.time_passes(15.0)
        expected = self.senses.forced and not self.door.holding and self.lock.up and not self.open_grants
        self.leaf_moves(Leaf.OPEN)
        self.time_passes(FORCED_AFTER_S)
        assert self.forced or not expected

    @precondition(lambda self: self.senses.contact)
    @rule(leaf=st.sampled_from(Leaf))
    def leaf_moves(self, leaf: Leaf) -> None:
        """The contact speaks, or goes silent; nobody who may open forces."""
        excused = bool(self.open_grants) or self.door.holding or (self.lock.released(self.now) and not self.slow)
        was_forced = self.forced
        self.take(self.door.moved(leaf, self.now))
        if leaf is Leaf.OPEN and excused:
            self.time_passes(FORCED_AFTER_S)
            assert not self.forced or was_forced
        if leaf is Leaf.CLOSED:
            assert not self.forced
            assert not self.held

    @precondition(lambda self: self.senses.passes)
    @rule(direction=st.sampled_from(Direction))
    def somebody_passes(self, direction: Direction) -> None:
        """A pass contact speaks, granted or not."""
        self.take(self.door.passed(direction, self.now))

    @rule(holding=st.booleans())
    def mode_changes(self, holding: bool) -> None:
        """Held released, or no longer."""
        self.take(self.door.hold(holding, self.now))

    @rule()
    def locked_down(self) -> None:
        """Lock-down begins: whoever is leaving keeps their release."""
        if self.number % 2:
            self.somebody_asks(Direction.OUT, 0, button=True)
        leaving = [p for p, g in self.open_grants.items() if g.direction is Direction.OUT]
        before = self.lock.released(self.now)
        self.take(self.door.secure_entries(self.now))
        if any(p in self.open_grants for p in leaving) and not self.slow:
            assert self.lock.released(self.now) == before

    @rule(up=st.booleans())
    def lock_line(self, up: bool) -> None:
        """The lock's line goes and comes."""
        if up == self.lock.up:
            return
        self.lock.up = up
        self.door.lock_known(up)
        if up:
            self.take(self.door.home())

    @rule(up=st.booleans())
    def pass_line(self, up: bool) -> None:
        """The pass contacts' line goes and comes."""
        self.door.passes_known(up)

    @invariant()
    def never_released_longer_than_ordered(self) -> None:
        """What the machine believes of the lock is never more secure than the lock is."""
        if not hasattr(self, "door") or not self.lock.up:
            return
        if self.door.lock is Lock.SECURED:
            assert not self.lock.released(self.now)
        if self.door.lock is Lock.RELEASED:
            assert self.now <= self.lock.until
        assert self.slow or self.lock.held is self.door.holding

    @invariant()
    def alarms_are_what_was_told(self) -> None:
        """Begin and end in pairs."""
        if hasattr(self, "door"):
            assert (self.door.forced, self.door.held) == (self.forced, self.held)

    def teardown(self) -> None:
        """When all is quiet every grant has ended, once."""
        if hasattr(self, "door"):
            self.time_passes(15.0)
            for _ in range(10):
                self.time_passes(15.0)
            assert not self.open_grants
            assert len(self.ended) == self.number


@pytest.mark.parametrize("examples", [150])
def test_the_door_machine_keeps_its_promises(examples: int) -> None:
    """Every grant ends exactly once, nothing is released longer than ordered, who may pass is let pass, alarms begin and end in pairs."""
    run_state_machine_as_test(DoorMachine, settings=settings(max_examples=examples, stateful_step_count=40, deadline=None))
