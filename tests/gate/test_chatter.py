"""Cards guessed without end, and inputs that chatter: counted and told as a fault, while valid cards and the exit button go on."""

from __future__ import annotations

import itertools
from collections.abc import Callable

import pytest

from drivers.readings import Contact
from edge.access.events import body
from edge.access.terms import Direction
from edge.gate.budget import STRANGERS, WORDS
from edge.gate.inputs import CoverSaid, DeskPressed, Edge, ExitPressed, LineSaid, LockSaid, PassSeen, SupplySaid
from edge.gate.wiring import wire
from tests.gate.house import ENDED, NOBODY, SECOND, SHANGHAI, TENANT, VISITOR, Notes, Play, name, settings

NUMBERS = itertools.count(1000)


def made(**door: object) -> Play:
    """North with the guard's button; `door` changes it."""
    desk = {"controller": "sim", "input": 5, "access_point": "north_in"}
    play = Play(wire(settings(door, guard_button=desk), SHANGHAI)).ready()
    play.wait(2)  # what a board says within a second of its return is a state, not an act
    return play


@pytest.fixture
def play() -> Play:
    """North, ready."""
    return made()


def told(play: Play, wanted: str) -> list[dict[str, object]]:
    """The bodies of all events of that name."""
    return [body(event) for event in play.events if name(event) == wanted]


def faults(play: Play) -> list[tuple[object, ...]]:
    """Every fault that was told: what, of whom, phase."""
    return [(one["what"], one.get("input") or one.get("access_point"), one["phase"]) for one in told(play, "door.fault")]


GUESSES: dict[str, Callable[[Play], list[str]]] = {
    "cards": lambda play: play.card(next(NUMBERS)),
    "codes": lambda play: play.code(next(NUMBERS)),
    "PINs": lambda play: play.pin(f"{next(NUMBERS):06}"),
    "cards and PINs": lambda play: play.pin("000000") if next(NUMBERS) % 2 else play.card(next(NUMBERS)),
}


@pytest.mark.parametrize("kind", GUESSES)
@pytest.mark.parametrize("every_s", [0.001, 0.5, 2.0])
def test_guesses_are_counted_and_valid_cards_go_on(play: Play, kind: str, every_s: float) -> None:
    """Twenty a minute are told one by one, then one event in ten seconds holds their number; nobody registered notices."""
    for _ in range(20 * STRANGERS):
        GUESSES[kind](play)
        play.wait(every_s)
        play.signals()
    assert faults(play) == [("unknown_cards", "north_in", "begin")]
    assert [alarm.what for alarm in play.core.view().alarms] == ["door.fault"]
    for card in (TENANT, SECOND, VISITOR):
        assert play.card(card) == ["access.granted", "door.released"]
        assert play.signals() == ["ok"]
    assert play.card(ENDED)[0] == "access.denied"
    assert play.last("access.denied")["reason"] == "expired"
    assert play.card(next(NUMBERS), "north_out") == ["access.granted", "door.released"]
    play.wait(120)
    assert faults(play)[-1] == ("unknown_cards", "north_in", "end")
    denied = [one for one in told(play, "access.denied") if one["reason"] != "expired"]
    counted = [one["count"] for one in denied if "count" in one]
    alone = len(denied) - len(counted)
    assert alone == STRANGERS
    assert sum(map(int, counted)) + alone == 20 * STRANGERS  # type: ignore[call-overload]  # counts
    assert told(play, "door.fault")[-1]["count"] == sum(map(int, counted))  # type: ignore[call-overload]
    assert len(counted) <= 20 * STRANGERS * every_s / 10 + 2
    assert play.card(next(NUMBERS)) == ["access.denied"]
    assert "count" not in play.last("access.denied")


def test_twenty_new_people_in_a_minute_are_told_one_by_one(play: Play) -> None:
    """A group whose cards are not in the roster yet; and a card that is held to the reader is one try."""
    for _ in range(STRANGERS - 1):
        play.card(next(NUMBERS))
    for _ in range(100):
        play.wait(0.4)
        play.card(NOBODY)
    assert faults(play) == []
    assert len(told(play, "access.denied")) == STRANGERS


def test_a_cry_for_help_is_told_while_pins_are_guessed(play: Play) -> None:
    """The duress PIN opens or rests like any other, and is told at once."""
    for _ in range(5 * STRANGERS):
        play.pin(f"{next(NUMBERS):06}")
    assert "access.duress" in play.pin("654321")


def test_two_cards_that_are_refused_in_turn_are_counted_too() -> None:
    """Known and ended, a thousand times: a fault of the reader, and the disk does not fill."""
    play = made()
    for _ in range(1000):
        play.wait(0.01)
        play.card(ENDED)
        play.card(next(NUMBERS))
    assert len(play.events) < 2 * WORDS + STRANGERS
    assert ("chatter", "reader.north_in", "begin") in faults(play)
    assert play.card(TENANT) == ["access.granted", "door.released"]


def test_guesses_at_an_exit_keep_it_released_and_are_counted() -> None:
    """An exit releases for any card: the lock stays released, and not each card is an event."""
    for contact in (True, False):
        play = made() if contact else made(contact=None)
        for _ in range(3000):
            play.wait(0.01)
            play.card(next(NUMBERS), "north_out")
        assert len(play.events) < 4 * STRANGERS
        assert faults(play) == [("unknown_cards", "north_out", "begin")]
        assert play.core.view().lock == "released"
        assert play.card(TENANT, "north_out")[0] == "access.granted"
        play.wait(120)
        assert not [one for one in told(play, "access.denied") if "count" in one]
        assert faults(play)[-1] == ("unknown_cards", "north_out", "end")


def press(play: Play, number: int, means: ExitPressed | DeskPressed | PassSeen) -> list[str]:
    """An input on a board closes and opens."""
    return play.post(Edge("sim", number, True, means)) + play.post(Edge("sim", number, False, means))


def test_a_contact_that_chatters_is_unknown_until_it_is_quiet(play: Play) -> None:
    """After a minute's budget nothing is told but the fault, with its number; valid cards open, and its last word counts in the end."""
    for between in (0.05, 0.45):
        for _ in range(200):
            play.open()
            play.wait(between)
            play.close()
            play.wait(0.15)
        assert len(play.events) < 5 * WORDS
        assert faults(play)[-1] == ("chatter", "contact", "begin")
        assert (play.core.view().contact, play.core.view().state) == ("unknown", "unknown")
        assert play.card(TENANT) == ["access.granted", "door.released", "passage.entry"]
        assert play.last("passage.entry")["evidence"] == "no_contact"
        play.open()
        play.wait(80)
        fault = play.last("door.fault")
        assert (fault["phase"], fault["input"], int(str(fault["count"])) > 100) == ("end", "contact", True)
        assert play.core.view().contact == "open"
        play.close()
        play.wait(120)
        assert [alarm.what for alarm in play.core.view().alarms] == []
        play.events.clear()


def test_a_cut_wire_that_chatters(play: Play) -> None:
    """Cut and closed, cut and short: one fault more than the budget."""
    for other in (Contact.CLOSED, Contact.SHORT):
        for _ in range(300):
            play.contact(Contact.CUT)
            play.contact(other)
            play.wait(0.2)
    assert len(play.events) < 6 * WORDS
    assert ("chatter", "contact", "begin") in faults(play)


def test_an_exit_button_that_chatters_is_never_refused(play: Play) -> None:
    """The lock stays released as long as it goes on; it is one grant and a fault, not a thousand events."""
    for _ in range(1000):
        press(play, 2, ExitPressed())
        play.wait(0.3)
        assert play.core.view().lock == "released"
    assert told(play, "access.granted")[0]["reason"] == "rex"
    assert len(play.events) < 3 * WORDS
    assert faults(play) == [("chatter", "exit", "begin")]
    play.wait(120)
    assert faults(play)[-1] == ("chatter", "exit", "end")
    assert press(play, 2, ExitPressed()) == ["access.granted", "door.released"]


def test_an_exit_button_that_chatters_after_people_went_out(play: Play) -> None:
    """Each who goes out is a grant of their own again: the button is not theirs alone."""
    for _ in range(2 * WORDS):
        press(play, 2, ExitPressed())
        play.wait(0.3)
    play.open()
    play.close()
    assert press(play, 2, ExitPressed()) == ["access.granted", "door.released"]
    assert play.core.view().lock == "released"


def test_a_lock_that_was_secured_meanwhile_is_released_at_the_next_press(play: Play) -> None:
    """Its reader fell silent for a moment: whoever presses then does not wait until the release is prolonged again."""
    for _ in range(2 * WORDS):
        press(play, 2, ExitPressed())
        play.wait(0.3)
    play.wait(0.6)
    press(play, 2, ExitPressed())
    for up in (False, True):
        play.post(LockSaid(up))
    assert play.core.view().lock == "secured"
    press(play, 2, ExitPressed())
    assert play.core.view().lock == "released"


def test_a_desk_button_that_chatters_opens_nothing_more(play: Play) -> None:
    """Sixty presses are carried out, then the guard is told; valid cards and the guard's command go on."""
    for _ in range(1000):
        press(play, 5, DeskPressed("north_in"))
        play.wait(0.3)
    assert len(told(play, "guard.opened")) == WORDS
    assert faults(play) == [("chatter", "desk", "begin")]
    assert "guard.opened" in play.unlock()
    play.wait(120)
    assert "guard.opened" in press(play, 5, DeskPressed("north_in"))


def test_pass_contacts_covers_and_supplies() -> None:
    """Whatever has a wire has a budget of its own, and what it said last counts when it is quiet."""
    play = made(passes={"controller": "sim", "inward": 3, "outward": 4})
    for _ in range(500):
        press(play, 3, PassSeen(Direction.IN))
        play.post(CoverSaid("sim.1", True))
        play.post(CoverSaid("sim.1", False))
        play.post(SupplySaid("sim", False))
        play.post(SupplySaid("sim", True))
        play.wait(0.2)
    assert len(play.events) < 6 * WORDS
    assert {one[1] for one in faults(play)} == {"pass.in", "tamper.sim.1", "power.sim"}
    play.post(CoverSaid("sim.1", True))
    assert play.card(TENANT) == ["access.granted", "door.released"]
    assert play.open() == ["door.opened", "passage.entry"], "seen by the contact while the pass contacts are not believed"
    play.close()
    play.wait(120)
    assert {alarm.what for alarm in play.core.view().alarms} == {"door.tamper"}
    play.card(SECOND)
    assert press(play, 3, PassSeen(Direction.IN)) == ["passage.entry"]


def test_a_line_lost_while_its_contact_chatters(play: Play) -> None:
    """What the contact said before is not what it says after: nothing is told of it at the end of the fault."""
    for _ in range(200):
        play.open()
        play.close()
        play.wait(0.2)
    play.open()
    play.post(LineSaid("sim", False))
    play.wait(120)
    assert faults(play)[-1] == ("chatter", "contact", "end")
    assert play.core.view().contact == "unknown"


def test_a_fault_does_not_outlive_who_counted() -> None:
    """After a restart nobody counts: the fault ends, and begins anew with the next minute of chatter."""
    before = made()
    for _ in range(200):
        before.open()
        before.close()
        before.card(next(NUMBERS))
        before.wait(0.2)
    assert len(before.core.view().alarms) == 2
    after = Play(notes=Notes(**{key.replace(".", "__"): value for key, value in before.notes.kept.items()}))
    assert sorted(faults(after)) == [("chatter", "contact", "end"), ("unknown_cards", "north_in", "end")]
    assert after.core.view().alarms == ()
