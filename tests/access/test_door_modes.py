"""Doors held open, locked down, or with a lock nobody can reach."""

from __future__ import annotations

import pytest

from edge.access.crossing import (
    Crossed,
    DriveHold,
    DriveRelease,
    DriveSecure,
    Forced,
    Held,
    Leaf,
    Lock,
    Opened,
)
from tests.access.doors import LEAF, OUT, grant, let_in, quiet, ready


def test_held_open_by_order() -> None:
    """No alarm, no timed release that would end it; who presents a card still passes and is counted."""
    door, one = ready(LEAF), grant("a")
    assert door.hold(True, 10) == [DriveHold()]
    door.kept_released()
    assert door.grant(one, 11) == []
    assert door.moved(Leaf.OPEN, 12) == [Opened("a"), Crossed(one, "contact")]
    assert quiet(door, 500) == []
    assert door.lock is Lock.HELD_RELEASED
    assert door.hold(True, 500) == []
    assert door.hold(False, 501) == [DriveSecure()]
    assert quiet(door, 531) == [Held(begins=True)]


def test_who_was_granted_before_the_hold_ended_still_gets_in() -> None:
    """Securing would shut the leaf before them: it is released once more."""
    door, one = ready(LEAF), grant("a")
    door.hold(True, 10)
    door.grant(one, 11)
    assert door.hold(False, 12) == [DriveSecure(), DriveRelease("a", 5.0)]


def test_lock_down_ends_a_release_unless_somebody_is_leaving() -> None:
    """An entry that was released a second ago is secured; an exit is not."""
    door = ready(LEAF)
    let_in(door, grant("a"), 10)
    assert door.secure_entries(11) == [DriveSecure()]
    let_in(door, grant("b", OUT), 12)
    assert door.secure_entries(13) == []


@pytest.mark.parametrize("lock", [Lock.RELEASED, Lock.HELD_RELEASED])
def test_a_lock_lost_while_released_excuses_an_opening(lock: Lock) -> None:
    """A board that dies with its coil on leaves the door released: that is no force. Secured again, it would be."""
    door = ready(LEAF)
    if lock is Lock.RELEASED:
        let_in(door, grant("a"), 10)
        quiet(door, 10.5)
    else:
        door.hold(True, 10)
        door.kept_released()
    door.lock_known(False)
    assert door.lock is Lock.UNKNOWN
    door.hold(False, 100)
    quiet(door, 100)
    door.moved(Leaf.OPEN, 101)
    door.moved(Leaf.CLOSED, 105)
    assert not door.forced
    door.lock_known(True)
    assert door.home() == [DriveSecure()]
    door.secured()
    door.moved(Leaf.OPEN, 110)
    assert Forced(begins=True) in quiet(door, 111)
