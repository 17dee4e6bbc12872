"""Fire, lock-down, locked open: who wins, what is told, and what survives a restart."""

from __future__ import annotations

from edge.access.rules import Mode
from edge.gate.inputs import LineSaid
from edge.gate.view import Result
from edge.gate.wiring import wire
from tests.gate.house import SHANGHAI, TENANT, Notes, Play, settings

FIRE = {"fire": {"controller": "sim", "input": 8}}


def rush() -> Play:
    """A door that stands open from 17:00 to 18:00."""
    schedules = {"rush": {"weekly": {"mon-fri": ["17:00-18:00"]}}}
    return Play(wire(settings({"open_schedule": "rush"}, schedules=schedules), SHANGHAI)).ready()


def test_lock_down_secures_and_refuses() -> None:
    """A release that runs ends, cards are refused, the alarm is open until the guard releases."""
    play = Play().ready()
    play.card(TENANT)
    assert play.mode(Mode.LOCK_DOWN) == ["door.lockdown"]
    assert play.orders() == ["release", "secure"]
    assert play.answers[-1][1].result is Result.ACCEPTED
    assert play.wait(10) == ["access.not_taken"]
    assert play.card(TENANT) == ["access.denied"]
    assert play.last("access.denied")["reason"] == "locked_down"
    assert play.mode(Mode.LOCK_DOWN) == []
    assert play.answers[-1][1].result is Result.UNCHANGED
    begin = play.last("door.lockdown")
    assert play.mode(Mode.NORMAL) == ["door.lockdown"]
    end = play.last("door.lockdown")
    assert (begin["phase"], end["phase"], begin["by"]) == ("begin", "end", "guard")
    assert begin["alarm_id"] == end["alarm_id"]
    assert play.card(TENANT) == ["access.granted", "door.released"]


def test_locked_open_is_not_ended_by_a_card() -> None:
    """Who presents one is counted; the lock hears nothing that would secure it again."""
    play = Play().ready()
    assert play.mode(Mode.LOCKED_OPEN) == ["door.locked_open"]
    assert play.orders() == ["hold"]
    assert play.core.view().state == "locked_open"
    assert play.card(TENANT) == ["access.granted"]
    assert play.open() == ["door.opened", "passage.entry"]
    assert play.wait(600) == []
    assert play.orders() == []
    play.unlock()
    assert play.answers[-1][1].result is Result.UNCHANGED
    play.close()
    assert play.mode(Mode.NORMAL) == ["door.locked_open"]
    assert play.orders() == ["secure"]


def test_fire_goes_before_everything_and_leaves_what_was() -> None:
    """Released at once under lock-down too; when it is over, lock-down is there again, as a new alarm."""
    play = Play(wire(settings(**FIRE), SHANGHAI), fire_known=False)
    play.fire(active=False)
    play.ready()
    play.mode(Mode.LOCK_DOWN)
    play.orders()
    first = play.last("door.lockdown")["alarm_id"]
    assert play.fire(active=True) == ["door.lockdown", "door.locked_open"]
    assert play.core.view().waiting == "lock_down"
    assert play.last("door.locked_open")["why"] == "fire"
    assert play.orders() == ["hold"]
    assert play.card(TENANT) == ["access.granted"]
    assert play.open() == ["door.opened", "passage.entry"]
    assert play.close() == ["door.closed"]
    assert play.fire(active=True) == []
    assert play.fire(active=False) == ["door.locked_open", "door.lockdown"]
    assert play.orders() == ["secure", "secure"]
    assert play.last("door.lockdown")["alarm_id"] != first
    assert play.card(TENANT) == ["access.denied"]


def test_the_mode_is_read_before_anything_is_driven() -> None:
    """Locked open when the power went: held again at Back, and the alarm is the same one."""
    before = Play().ready()
    before.mode(Mode.LOCKED_OPEN)
    after = Play(notes=before.notes)
    assert after.orders() == []
    assert after.post(LineSaid("sim", True)) == []
    assert after.orders() == ["hold"]
    assert after.mode(Mode.NORMAL) == ["door.locked_open"]
    assert after.last("door.locked_open")["alarm_id"] == before.last("door.locked_open")["alarm_id"]


def test_lock_down_survives_a_restart() -> None:
    """Secured at Back and refused as before."""
    before = Play().ready()
    before.mode(Mode.LOCK_DOWN)
    after = Play(notes=before.notes)
    after.post(LineSaid("sim", True))
    assert after.orders() == ["secure"]
    assert after.card(TENANT) == ["access.denied"]


def test_the_fire_line_is_heard_before_a_lock_is_secured() -> None:
    """At start no lock is secured until the fire input has spoken, however long that takes: it may stand released because it burns."""
    wiring = wire(settings(**FIRE), SHANGHAI)
    burning = Play(wiring, fire_known=False)
    burning.post(LineSaid("sim", True))
    assert burning.orders() == []
    assert burning.fire(active=True) == ["door.locked_open"]
    assert set(burning.orders()) == {"hold"}

    calm = Play(wiring, fire_known=False)
    calm.post(LineSaid("sim", True))
    assert calm.fire(active=False) == []
    assert calm.orders() == ["secure"]

    silent = Play(wiring, fire_known=False)
    silent.post(LineSaid("sim", True))
    silent.wait(3600)
    silent.post(LineSaid("sim", False))
    silent.post(LineSaid("sim", True))
    assert silent.orders() == []
    silent.card(TENANT)
    assert silent.orders() == ["release"]
    silent.open()
    assert silent.orders() == []
    silent.mode(Mode.LOCK_DOWN)
    assert silent.orders() == ["secure"]  # a guard sees the place
    silent.mode(Mode.LOCKED_OPEN)
    silent.mode(Mode.NORMAL)
    assert silent.orders() == ["hold", "secure"]
    silent.fire(active=True)
    assert silent.orders() == ["hold"]

    remembered = Play(wiring, fire_known=False, notes=Notes(mode__north="lock_down"))
    remembered.post(LineSaid("sim", True))
    assert remembered.orders() == []
    remembered.mode(Mode.LOCK_DOWN)
    assert remembered.answers[-1][1].result is Result.UNCHANGED
    assert remembered.orders() == ["secure"]  # it is the guard's word, though the mode was in force


def test_a_fire_that_was_burning_goes_on_until_the_input_says_otherwise() -> None:
    """The remembered fire holds the door at Back; the input alone ends it."""
    wiring = wire(settings(**FIRE), SHANGHAI)
    before = Play(wiring, fire_known=False)
    before.ready()
    before.fire(active=True)
    after = Play(wiring, notes=before.notes, fire=True, fire_known=False)
    after.post(LineSaid("sim", True))
    assert after.orders() == ["hold"]
    assert after.wait(60) == []
    assert after.fire(active=False) == ["door.locked_open"]
    assert after.orders() == ["secure"]


def test_a_schedule_opens_and_closes_the_door() -> None:
    """It is 16:00; the rush begins at 17:00 and ends at 18:00."""
    play = rush()
    assert play.wait(3590) == []
    assert play.wait(30) == ["door.locked_open"]
    assert play.last("door.locked_open")["why"] == "schedule"
    assert play.orders() == ["hold"]
    assert play.wait(3600) == ["door.locked_open"]
    assert play.orders() == ["secure"]


def test_a_guard_goes_before_the_schedule() -> None:
    """Lock-down in the rush hour secures; released, the schedule holds again."""
    play = rush()
    play.wait(3700)
    play.orders()
    assert play.mode(Mode.LOCK_DOWN) == ["door.locked_open", "door.lockdown"]
    assert "secure" in play.orders()
    assert play.mode(Mode.NORMAL) == ["door.lockdown", "door.locked_open"]
    assert play.orders() == ["hold"]


def test_a_clock_that_is_not_believed_opens_no_door_for_hours() -> None:
    """Cards go on as ever."""
    play = rush()
    play.distrust()
    assert play.wait(3700) == []
    assert play.card(TENANT) == ["access.granted", "door.released"]


def test_a_mode_whose_reason_is_gone_ends_at_start() -> None:
    """Open by a schedule that was taken out of the settings meanwhile: the alarm of then is ended."""
    before = rush()
    before.wait(3700)
    after = Play(notes=Notes(**{"alarms.north": before.notes.kept["alarms.north"]}))
    assert [event.NAME for event in after.events] == ["locked_open"]
    assert after.last("door.locked_open")["phase"] == "end"
