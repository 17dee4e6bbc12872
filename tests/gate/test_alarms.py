"""Alarms of a door: begun once, ended once, the same over a restart; and lines that go and come."""

from __future__ import annotations

import pytest

from drivers.readings import Contact
from edge.access.rules import Mode
from edge.gate.inputs import CoverSaid, LineSaid, SupplySaid
from tests.gate.house import TENANT, Notes, Play


@pytest.fixture
def play() -> Play:
    """North, ready."""
    return Play().ready()


def test_forced_and_cleared_keep_one_alarm_id(play: Play) -> None:
    """Begin and end are one alarm; between them it is open in the view."""
    assert play.open() == ["door.opened"]
    assert play.wait(1) == ["door.forced"]
    begin = play.last("door.forced")
    assert play.core.view().state == "forced"
    assert [alarm.what for alarm in play.core.view().alarms] == ["door.forced"]
    assert play.close() == ["door.closed", "door.forced"]
    end = play.last("door.forced")
    assert (begin["phase"], end["phase"]) == ("begin", "end")
    assert begin["alarm_id"] == end["alarm_id"]
    assert play.core.view().alarms == ()


def test_held_and_cleared(play: Play) -> None:
    """The leaf stands open after a passage."""
    play.card(TENANT)
    play.open()
    assert play.wait(29) == []
    assert play.wait(2) == ["door.held"]
    assert play.core.view().state == "held"
    assert play.close() == ["door.closed", "door.held"]


def test_an_alarm_outlives_a_restart() -> None:
    """Forced before the power cut, closed after it: the end has the id of the begin."""
    before = Play().ready()
    before.open()
    before.wait(1)
    after = Play(notes=before.notes)
    assert after.post(LineSaid("sim", True)) == []
    assert after.core.view().state == "forced"
    assert after.close() == ["door.closed", "door.forced"]
    assert after.last("door.forced")["alarm_id"] == before.last("door.forced")["alarm_id"]


def test_a_line_lost_and_back(play: Play) -> None:
    """Unknown while it is down, secured when it is back, and nothing is alarmed by the silence."""
    assert play.post(LineSaid("sim", False)) == []
    view = play.core.view()
    assert (view.state, view.contact, view.lock, view.line) == ("unknown", "unknown", "unknown", "unknown")
    play.failure = "lost"
    assert play.card(TENANT) == ["access.granted", "door.released", "access.not_taken"]
    play.failure = None
    play.orders()
    assert play.post(LineSaid("sim", True)) == []
    assert play.orders() == ["secure"]
    assert play.close() == []
    view = play.core.view()
    assert (view.state, view.contact, view.lock, view.line) == ("secured", "closed", "secured", "up")


def test_open_at_back_is_not_forced_but_may_be_held(play: Play) -> None:
    """Nobody knows how it came to be open."""
    play.post(LineSaid("sim", False))
    play.post(LineSaid("sim", True))
    assert play.open() == ["door.opened"]
    assert play.wait(29) == []
    assert play.wait(2) == ["door.held"]


def test_a_cut_contact_is_a_fault_of_the_wire(play: Play) -> None:
    """Begin and end of one alarm; meanwhile the leaf is unknown."""
    assert play.contact(Contact.CUT) == ["door.fault"]
    assert play.last("door.fault")["what"] == "contact_cut"
    assert play.core.view().contact == "cut"
    assert play.contact(Contact.SHORT) == ["door.fault", "door.fault"]
    assert play.close() == ["door.fault"]
    assert play.core.view().alarms == ()


def test_a_lock_that_does_not_answer_is_asked_again(play: Play) -> None:
    """A fault begins, securing is tried every two seconds, and the fault ends when it answers."""
    play.failure = "no_answer"
    play.mode(Mode.LOCK_DOWN)
    assert play.last("door.fault")["what"] == "lock_no_answer"
    play.orders()
    assert play.wait(5) == []
    assert play.orders() == ["secure", "secure"]
    play.failure = None
    assert play.wait(2) == ["door.fault"]
    assert play.wait(60) == []
    assert play.last("door.fault")["phase"] == "end"


def test_covers_and_supply(play: Play) -> None:
    """Each switch and each supply is an alarm of its own."""
    assert play.post(CoverSaid("sim.1", True)) == ["door.tamper"]
    assert play.post(CoverSaid("sim.1", True)) == []
    assert play.post(CoverSaid("sim.0", True)) == ["door.tamper"]
    assert play.post(SupplySaid("sim", False)) == ["door.power"]
    assert len(play.core.view().alarms) == 3
    assert play.post(CoverSaid("sim.1", False)) == ["door.tamper"]
    assert play.post(SupplySaid("sim", True)) == ["door.power"]
    assert len(play.core.view().alarms) == 1


def test_a_note_that_cannot_be_read_shuts_nobody_out() -> None:
    """Garbage in the durable facts is as good as none."""
    notes = Notes(mode__north="??", alarms__north="[1", visits='{"visit": "x"}')
    play = Play(notes=notes).ready()
    assert play.card(TENANT) == ["access.granted", "door.released"]
    assert play.core.view().mode == "normal"
