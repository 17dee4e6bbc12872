"""What was remembered can be read only after the start: each owner takes it up, and what is over by then ends."""

from __future__ import annotations

import json

from drivers.readings import Contact
from edge.access.rules import Mode
from edge.access.terms import Book
from edge.gate.inputs import CoverSaid, LineSaid, Recalled
from edge.gate.view import Result
from edge.gate.visits import NOTE
from edge.gate.wiring import wire
from tests.gate.house import SECOND, SHANGHAI, TENANT, VISITOR, Notes, Play, settings


def late(before: Play, after: Play, *, fire: bool = False) -> list[str]:
    """The disk is back: what `before` left can be read, under what `after` remembered meanwhile."""
    after.notes.earlier = dict(before.notes.kept)
    after.notes.kept = before.notes.kept | after.notes.kept
    after.core._visits.recall()
    return after.post(Recalled(fire))


def test_a_lock_down_of_before_the_start_is_in_force_again() -> None:
    """Nobody set a mode since: the entry shuts, and the alarm goes on under its id."""
    before = Play().ready()
    before.mode(Mode.LOCK_DOWN)
    after = Play().ready()
    assert after.card(TENANT) == ["access.granted", "door.released"]
    assert late(before, after) == []
    assert after.card(SECOND) == ["access.denied"]
    assert after.last("access.denied")["reason"] == "locked_down"
    assert after.core.view().alarms == before.core.view().alarms
    assert after.mode(Mode.NORMAL) == ["door.lockdown"]
    assert after.last("door.lockdown")["alarm_id"] == before.last("door.lockdown")["alarm_id"]


def test_a_guards_word_since_the_start_goes_before_what_was_remembered() -> None:
    """Locked open meanwhile: it stays, and the lock-down's alarm of then ends."""
    before = Play().ready()
    before.mode(Mode.LOCK_DOWN)
    after = Play().ready()
    after.mode(Mode.LOCKED_OPEN)
    assert late(before, after) == ["door.lockdown"]
    assert (after.last("door.lockdown")["phase"], after.core.view().mode) == ("end", "locked_open")


def test_a_mode_that_seemed_in_force_and_was_said_again_counts() -> None:
    """A guard releases while the lock-down cannot be read: "it was so already", and it stays so, over a restart too."""
    before = Play().ready()
    before.mode(Mode.LOCK_DOWN)
    after = Play().ready()
    assert after.mode(Mode.NORMAL) == []
    assert after.answers[-1][1].result is Result.UNCHANGED
    assert late(before, after) == ["door.lockdown"]
    assert (after.last("door.lockdown")["phase"], after.core.view().mode) == ("end", "normal")
    assert after.card(TENANT) == ["access.granted", "door.released"]
    assert Play(notes=after.notes).core.view().mode == "normal"


def test_locked_open_again_under_another_id() -> None:
    """Both runs began it: the alarm of then ends, that of now stays open."""
    before = Play().ready()
    before.mode(Mode.LOCKED_OPEN)
    after = Play(notes=Notes())
    after.core._step._alarms._new_id = lambda: "now"
    after.ready()
    after.mode(Mode.LOCKED_OPEN)
    assert late(before, after) == ["door.locked_open"]
    assert after.last("door.locked_open")["alarm_id"] == before.last("door.locked_open")["alarm_id"]
    assert [alarm.alarm_id for alarm in after.core.view().alarms] == ["now"]


def test_a_fire_of_before_holds_until_the_line_speaks() -> None:
    """The fire line is silent: what was remembered counts. Where it has spoken since, its word does."""
    wiring = wire(settings(fire={"controller": "sim", "input": 8}), SHANGHAI)
    before = Play(wiring, fire_known=False).ready()
    before.fire(active=True)
    silent = Play(wiring, fire_known=False)
    silent.post(LineSaid("sim", True))
    late(before, silent, fire=True)
    assert silent.orders() == ["hold"]
    assert silent.core.view().mode == "fire"
    calm = Play(wiring, fire_known=False).ready()
    calm.fire(active=False)
    assert late(before, calm, fire=True) == ["door.locked_open"]
    assert (calm.last("door.locked_open")["phase"], calm.core.view().mode) == ("end", "normal")


def test_a_leaf_that_stood_open_then() -> None:
    """Shut by now: the alarm ends. Still open: it goes on."""
    before = Play().ready()
    before.card(TENANT)
    before.open()
    before.wait(60)
    shut, still = Play().ready(), Play()
    assert late(before, shut) == ["door.held"]
    assert (shut.last("door.held")["phase"], shut.core.view().alarms) == ("end", ())
    still.post(LineSaid("sim", True))
    still.open()
    assert late(before, still) == []
    assert still.core.view().alarms == before.core.view().alarms
    assert still.close() == ["door.closed", "door.held"]


def test_a_cut_wire_that_was_mended_meanwhile() -> None:
    """The contact has spoken since the start: what was wrong with it then is over."""
    before = Play().ready()
    before.contact(Contact.CUT)
    after = Play().ready()
    assert late(before, after) == ["door.fault"]
    assert (after.last("door.fault")["phase"], after.last("door.fault")["what"]) == ("end", "contact_cut")


def test_entries_of_visitors_are_added_up() -> None:
    """One before the start, one while it was not known: two of two are used, though both runs wrote down the same."""
    before, after = Play().ready(), Play().ready()
    before.card(VISITOR)
    after.card(VISITOR)
    assert before.notes.kept[NOTE] == after.notes.kept[NOTE]
    late(before, after)
    assert json.loads(after.notes.kept[NOTE]) == {"visit": 2}
    after.wait(3)
    assert after.card(VISITOR) == ["access.denied"]


def test_entries_are_not_forgotten_while_no_roster_is_in_force() -> None:
    """The sheet lies on the disk that failed, too: no visit is known when the entries come."""
    before, after = Play().ready(), Play().ready()
    before.card(VISITOR)
    known, after.book = after.book, Book("", after.book.loaded_at)
    late(before, after)
    after.book = known
    after.card(VISITOR)
    assert json.loads(after.notes.kept[NOTE]) == {"visit": 2}


def test_what_could_be_read_at_the_start_after_all_counts_once() -> None:
    """The disk came back between the start and the first look: nothing is added up twice, and no alarm comes back."""
    before = Play().ready()
    before.card(VISITOR)
    before.contact(Contact.CUT)
    after = Play(notes=Notes(**{key.replace(".", "__"): value for key, value in before.notes.kept.items()})).ready()
    assert late(before, after) == []
    assert json.loads(after.notes.kept[NOTE]) == {"visit": 1}
    assert after.core.view().alarms == ()


def test_an_alarm_that_began_and_ended_since_the_start_takes_the_older_one_along() -> None:
    """A cover was off then, and was off and on again while that could not be read: nothing is open."""
    before, after = Play().ready(), Play().ready()
    before.post(CoverSaid("sim", True))
    for off in (True, False):
        after.post(CoverSaid("sim", off))
    assert late(before, after) == ["door.tamper"]
    assert (after.last("door.tamper")["phase"], after.core.view().alarms) == ("end", ())
