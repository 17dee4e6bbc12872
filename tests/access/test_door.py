"""The door machine, told as it happens: what is done at which second, and what the machine says to it."""

from __future__ import annotations

from edge.access.crossing import (
    Closed,
    Crossed,
    DriveRelease,
    DriveSecure,
    Forced,
    Held,
    Leaf,
    Lock,
    NotTaken,
    Opened,
    Senses,
)
from edge.access.door import FORCED_AFTER_S, GRACE_S, REPEAT_S
from tests.access.doors import BLIND, LEAF, OUT, grant, let_in, quiet, ready


def test_in_by_card() -> None:
    """Released, opened, locked again on opening, closed: one confirmed passage."""
    door, one = ready(LEAF), grant("a")
    assert let_in(door, one, 10) == [DriveRelease("a", 5.0)]
    assert door.lock is Lock.RELEASED
    assert door.moved(Leaf.OPEN, 12) == [Opened("a"), Crossed(one, "contact"), DriveSecure()]
    door.secured()
    assert door.moved(Leaf.CLOSED, 14) == [Closed()]
    assert quiet(door, 100) == []
    assert (door.lock, door.leaf, door.deadline()) == (Lock.SECURED, Leaf.CLOSED, None)


def test_a_grant_that_nobody_takes() -> None:
    """Ends once, when the lock is secured again and the last late report could have come."""
    door, one = ready(LEAF), grant("a")
    let_in(door, one, 10)
    assert quiet(door, 15 + GRACE_S - 0.01) == []
    assert door.lock is Lock.SECURED
    assert quiet(door, 15 + GRACE_S) == [NotTaken(one)]
    assert door.moved(Leaf.OPEN, 17) == [Opened(None)]
    assert quiet(door, 18) == [Forced(begins=True)]


def test_the_last_moment_counts() -> None:
    """A leaf pulled as the lock dropped is a passage, not force."""
    door, one = ready(LEAF), grant("a")
    let_in(door, one, 10)
    assert Crossed(one, "contact") in door.moved(Leaf.OPEN, 15.9)


def test_without_relocking_the_lock_runs_its_time() -> None:
    """relock_on_open: false leaves the release to the device, and a second opening meanwhile alarms nobody."""
    door = ready(Senses(contact=True, relock_on_open=False))
    let_in(door, grant("a"), 10)
    assert DriveSecure() not in door.moved(Leaf.OPEN, 11)
    door.moved(Leaf.CLOSED, 12)
    assert door.moved(Leaf.OPEN, 14) == [Opened(None)]
    assert quiet(door, 20) == []


def test_several_at_an_open_leaf() -> None:
    """Whoever is granted while it stands open has passed; the first one was seen."""
    door, first, second, third = ready(LEAF), grant("a"), grant("b"), grant("c")
    let_in(door, first, 10)
    let_in(door, second, 10.5)
    assert door.moved(Leaf.OPEN, 11) == [Opened("a"), Crossed(first, "contact"), Crossed(second, "already_open"), DriveSecure()]
    assert let_in(door, third, 12) == [DriveRelease("c", 5.0), Crossed(third, "already_open")]
    assert quiet(door, 35) == []


def test_held_and_cleared() -> None:
    """Too long open begins an alarm once; closing ends it."""
    door = ready(LEAF)
    let_in(door, grant("a"), 10)
    door.moved(Leaf.OPEN, 11)
    assert quiet(door, 40.9) == []
    assert quiet(door, 41) == [Held(begins=True)]
    assert quiet(door, 500) == []
    assert door.moved(Leaf.CLOSED, 501) == [Closed(), Held(begins=False)]


def test_a_grant_at_an_open_leaf_starts_the_held_timer_anew() -> None:
    """Eighty people through a leaf that never closes are no alarm; the thirty seconds after the last of them are."""
    door = ready(LEAF)
    let_in(door, grant("p"), 0)
    door.moved(Leaf.OPEN, 1)
    for n in range(79):
        assert Held(begins=True) not in [*quiet(door, 8 + 7.5 * n), *let_in(door, grant(f"p{n}"), 8 + 7.5 * n)]
    last = 8 + 7.5 * 78
    assert quiet(door, last + 29) == []
    assert quiet(door, last + 30) == [Held(begins=True)]


def test_forced_open() -> None:
    """Opened against its lock: alarmed after a moment, held no longer matters, cleared by closing."""
    door = ready(LEAF)
    assert door.moved(Leaf.OPEN, 10) == [Opened(None)]
    assert quiet(door, 10 + FORCED_AFTER_S) == [Forced(begins=True)]
    assert quiet(door, 300) == []
    assert door.moved(Leaf.CLOSED, 301) == [Closed(), Forced(begins=False)]


def test_the_exit_button_may_be_heard_after_the_contact() -> None:
    """Its line may be slower: that is an exit which the contact saw, and no force."""
    door, out = ready(LEAF), grant("a", OUT, button=True)
    door.moved(Leaf.OPEN, 10)
    assert Crossed(out, "contact") in door.grant(out, 10.2)
    assert quiet(door, 12) == []


def test_a_card_does_not_excuse_force() -> None:
    """Whoever presents a card at a leaf that was just forced passes, and the alarm comes all the same."""
    door = ready(LEAF)
    door.moved(Leaf.OPEN, 10)
    assert Crossed(one := grant("a"), "already_open") in door.grant(one, 10.1)
    assert quiet(door, 11) == [Forced(begins=True)]


def test_a_rattle_is_no_force() -> None:
    """A leaf that the wind moves for a tenth of a second is told and alarms nobody."""
    door = ready(LEAF)
    assert door.moved(Leaf.OPEN, 10) == [Opened(None)]
    assert door.moved(Leaf.CLOSED, 10.1) == [Closed()]
    assert quiet(door, 100) == []


def test_where_people_leave_by_a_handle_nothing_is_force() -> None:
    """A free exit without a button looks like force and is none."""
    door = ready(Senses(contact=True, forced=False))
    door.moved(Leaf.OPEN, 10)
    assert quiet(door, 20) == []
    assert quiet(door, 41) == [Held(begins=True)]


def test_a_contact_without_history_is_not_force_and_may_be_held() -> None:
    """After a lost line an open leaf may have been opened by anybody with every right."""
    door = ready(LEAF)
    door.moved(Leaf.UNKNOWN, 10)
    assert quiet(door, 100) == []
    assert door.moved(Leaf.OPEN, 100) == [Opened(None)]
    assert quiet(door, 129) == []
    assert quiet(door, 130) == [Held(begins=True)]
    door.moved(Leaf.UNKNOWN, 131)
    assert door.held
    assert door.moved(Leaf.CLOSED, 200) == [Closed(), Held(begins=False)]


def test_a_lost_line_ends_no_alarm() -> None:
    """Nobody knows whether the leaf was closed meanwhile; the same alarm goes on when it is still open."""
    door = ready(LEAF)
    door.moved(Leaf.OPEN, 10)
    quiet(door, 11)
    assert door.moved(Leaf.UNKNOWN, 12) == []
    assert door.moved(Leaf.OPEN, 20) == []
    assert door.forced
    assert door.moved(Leaf.CLOSED, 21) == [Closed(), Forced(begins=False)]


def test_without_a_contact_the_order_is_all_that_is_known() -> None:
    """One event a grant: a passage that nobody saw once the lock was told, not taken if it could not be told."""
    door, one, two = ready(BLIND), grant("a"), grant("b")
    assert let_in(door, one, 10) == [DriveRelease("a", 5.0), Crossed(one, "no_contact")]
    assert let_in(door, two, 20, ok=False) == [DriveRelease("b", 5.0), NotTaken(two)]
    assert quiet(door, 100) == []


def test_a_contact_that_is_lost_meanwhile() -> None:
    """The grant ends with its time, as unseen: the lock was told, and nobody can say that nobody went."""
    door, one = ready(LEAF), grant("a")
    let_in(door, one, 10)
    door.moved(Leaf.UNKNOWN, 11)
    assert quiet(door, 30) == [Crossed(one, "no_contact")]


def test_a_lock_that_could_not_be_told() -> None:
    """With a contact watching, the grant waits for its time: perhaps the lock did release."""
    door, one = ready(LEAF), grant("a")
    let_in(door, one, 10, ok=False)
    assert door.lock is Lock.SECURED
    assert quiet(door, 30) == [NotTaken(one)]


def test_asking_again_is_the_same_passage() -> None:
    """A card held to the reader, a second try at a stiff leaf: released again, one passage."""
    door, one = ready(LEAF), grant("a", who="t")
    let_in(door, one, 10)
    assert door.renews("t", 14) is one
    assert door.renews("u", 14) is None
    assert door.renew(one, 14) == [DriveRelease("a", 5.0)]
    assert quiet(door, 19.9) == []
    assert Crossed(one, "contact") in door.moved(Leaf.OPEN, 19.9)
    assert door.renews("t", 20) is None


def test_a_card_still_held_while_the_leaf_opens_is_no_second_passage() -> None:
    """A quick hand opens within two seconds of the read, and the reader repeats the card at an open leaf."""
    door, one = ready(LEAF), grant("a", who="t")
    let_in(door, one, 10)
    assert Crossed(one, "contact") in door.moved(Leaf.OPEN, 10.5)
    assert door.renews("t", 10 + REPEAT_S - 0.1) is one
    assert door.renews("t", 10 + REPEAT_S) is None


def test_two_people_press_the_button_one_after_the_other() -> None:
    """A button repeats nothing: whoever presses it after the leaf has opened is somebody else."""
    door, one = ready(LEAF), grant("a", OUT, who="exit button", button=True)
    let_in(door, one, 10)
    assert Crossed(one, "contact") in door.moved(Leaf.OPEN, 10.5)
    assert door.renews("exit button", 10.6) is None


def test_a_repeating_reader_at_a_blind_door() -> None:
    """The passage is over at once; the same card within two seconds is still the same person."""
    door, one = ready(BLIND), grant("a", who="t")
    let_in(door, one, 10)
    assert door.renews("t", 10 + REPEAT_S - 0.1) is one
    assert door.renew(one, 11.9) == [DriveRelease("a", 5.0)]
    assert door.renews("t", 11.9 + REPEAT_S - 0.1) is one
    assert door.renews("t", 11.9 + REPEAT_S) is None
