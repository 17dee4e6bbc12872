"""Why was I refused? One line an answer."""

from __future__ import annotations

from collections.abc import Callable

import pytest

from edge.access.decision import decide
from edge.access.reasons import Reason
from edge.access.request import CardShown, CardUnreadable, Credential, FaceShown, PinShown, Request
from edge.access.rules import Mode, PinLimits, Rules
from edge.access.state import REFUSALS, WITHIN_S, PinTally, RefusalTally, State
from edge.access.terms import Book, Method, PersonKind
from edge.clock import Moment, Trust
from tests.access.conftest import card

At = Callable[..., Moment]

RESIDENT, ENDED, COMING, STAFF, GUARD, PERMIT, VISITOR, OTHER, NOBODY, FORGOTTEN = (CardShown(card(n)) for n in (*range(1, 10), 99))


@pytest.mark.parametrize(
    ("credential", "point", "hours", "reason"),
    [
        (RESIDENT, "north_in", 0, Reason.GRANTED),
        (RESIDENT, "north_in", 11, Reason.WRONG_TIME),
        (RESIDENT, "back_in", 0, Reason.NO_RULE),
        (RESIDENT, "north_out", 0, Reason.GRANTED),
        (RESIDENT, "north_out", 11, Reason.EXIT_ALWAYS),
        (ENDED, "north_in", 0, Reason.EXPIRED),
        (ENDED, "north_in", -14, Reason.GRANTED),
        (ENDED, "north_out", 0, Reason.EXIT_ALWAYS),
        (COMING, "north_in", 0, Reason.NOT_YET_VALID),
        (COMING, "north_in", 19, Reason.GRANTED),
        (COMING, "north_out", 0, Reason.EXIT_ALWAYS),
        (STAFF, "back_in", 11, Reason.GRANTED),
        (GUARD, "back_in", 11, Reason.GRANTED),
        (PERMIT, "north_in", 0, Reason.GRANTED),
        (OTHER, "north_in", 0, Reason.NO_RULE),
        (NOBODY, "north_in", 0, Reason.UNKNOWN_CREDENTIAL),
        (NOBODY, "north_out", 0, Reason.EXIT_ALWAYS),
        (FORGOTTEN, "north_in", 0, Reason.UNKNOWN_CREDENTIAL),
        (CardUnreadable(), "north_in", 0, Reason.MISREAD),
        (CardUnreadable(), "north_out", 0, Reason.MISREAD),
        (VISITOR, "north_in", 0, Reason.GRANTED),
        (VISITOR, "north_in", 1, Reason.EXPIRED),
        (VISITOR, "north_in", -2, Reason.NOT_YET_VALID),
        (VISITOR, "back_in", 0, Reason.NO_RULE),
        (VISITOR, "north_out", 5, Reason.EXIT_ALWAYS),
        (PinShown(b"pin"), "north_in", 0, Reason.GRANTED),
        (PinShown(b"pin-of-ended"), "north_in", 0, Reason.EXPIRED),
        (PinShown(b"wrong"), "north_in", 0, Reason.UNKNOWN_CREDENTIAL),
        (PinShown(b"wrong"), "north_out", 0, Reason.EXIT_ALWAYS),
        (FaceShown("resident", alone=True), "north_in", 0, Reason.GRANTED),
        (FaceShown("resident", alone=False), "north_in", 0, Reason.NEEDS_SECOND_FACTOR),
        (FaceShown("resident", alone=True), "north_in", 11, Reason.WRONG_TIME),
        (FaceShown("resident", alone=False), "north_in", 11, Reason.WRONG_TIME),
        (FaceShown("resident", alone=True), "north_out", 11, Reason.EXIT_ALWAYS),
        (FaceShown("resident", alone=False), "north_out", 0, Reason.NEEDS_SECOND_FACTOR),
        (FaceShown("ended", alone=True), "north_in", 0, Reason.EXPIRED),
        (FaceShown("moved-out", alone=True), "north_in", 0, Reason.UNKNOWN_CREDENTIAL),
    ],
)
def test_reasons(book: Book, rules: Rules, moment: At, credential: Credential, point: str, hours: float, reason: Reason) -> None:
    """Monday noon, no mode, a clock that is believed."""
    answer = decide(Request(point, credential), book, rules, State(), moment(hours))
    assert answer.reason is reason
    assert answer.granted is reason.grants
    assert answer.access_point == point


@pytest.mark.parametrize(
    ("credential", "point", "reason"),
    [
        (RESIDENT, "north_in", Reason.LOCKED_DOWN),
        (GUARD, "north_in", Reason.LOCKED_DOWN),
        (ENDED, "north_in", Reason.LOCKED_DOWN),
        (VISITOR, "north_in", Reason.LOCKED_DOWN),
        (NOBODY, "north_in", Reason.UNKNOWN_CREDENTIAL),
        (RESIDENT, "north_out", Reason.GRANTED),
        (NOBODY, "north_out", Reason.EXIT_ALWAYS),
        (PinShown(b"pin"), "north_out", Reason.GRANTED),
        (PinShown(b"wrong"), "north_out", Reason.EXIT_ALWAYS),
    ],
)
def test_lock_down_refuses_every_entry_and_no_exit(
    book: Book, rules: Rules, moment: At, credential: Credential, point: str, reason: Reason
) -> None:
    """Guards too: a guard at the desk unlocks, a card may be in other hands."""
    assert decide(Request(point, credential), book, rules, State(Mode.LOCK_DOWN), moment()).reason is reason


@pytest.mark.parametrize(
    ("credential", "now", "last", "reason"),
    [
        (RESIDENT, 11, None, Reason.GRANTED),  # schedules do not refuse
        (RESIDENT, -24 * 365, 0, Reason.GRANTED),
        (COMING, -24 * 365, 0, Reason.GRANTED),  # a clock a year back: nobody valid is refused
        (ENDED, -24 * 365, 0, Reason.EXPIRED),  # had ended at the last trusted time
        (ENDED, 24, -24, Reason.GRANTED),  # had not ended then; a day forward proves nothing
        (ENDED, 24, None, Reason.GRANTED),  # unset at boot, nothing is known
        (VISITOR, 24, 0, Reason.GRANTED),
        (VISITOR, 0, 2, Reason.EXPIRED),
        (VISITOR, -24, 0, Reason.GRANTED),
    ],
)
def test_a_clock_that_is_not_believed_refuses_only_what_had_ended(
    book: Book, rules: Rules, moment: At, credential: Credential, now: float, last: float | None, reason: Reason
) -> None:
    """The last trusted time is all that calendar rules go by."""
    assert decide(Request("north_in", credential), book, rules, State(), moment(now, Trust.UNTRUSTED, last)).reason is reason


def test_a_coasting_clock_is_believed(book: Book, rules: Rules, moment: At) -> None:
    """Holdover is still time."""
    assert decide(Request("north_in", RESIDENT), book, rules, State(), moment(11, Trust.HOLDOVER)).reason is Reason.WRONG_TIME


def test_the_last_day_counts_to_its_end(book: Book, rules: Rules, moment: At) -> None:
    """valid_until is inclusive, by the calendar of the site: 23:59 on the day, not midnight in London."""
    assert decide(Request("north_out", ENDED), book, rules, State(), moment(-12.02)).reason is Reason.EXIT_ALWAYS  # 23:58: night, not ended
    assert decide(Request("north_in", ENDED), book, rules, State(), moment(-12.02)).reason is Reason.WRONG_TIME
    assert decide(Request("north_in", ENDED), book, rules, State(), moment(-11.98)).reason is Reason.EXPIRED


def test_a_duress_pin_opens_and_calls(book: Book, rules: Rules, moment: At) -> None:
    """The door behaves as for the ordinary PIN; the call goes out even where it may not open."""
    opened = decide(Request("north_in", PinShown(b"duress")), book, rules, State(), moment())
    assert (opened.reason, opened.duress, opened.person_ref, opened.method) == (Reason.GRANTED, True, "resident", Method.PIN)
    for state, point in ((State(Mode.LOCK_DOWN), "north_in"), (State(pins_rest=True), "north_in"), (State(), "back_in")):
        shut = decide(Request(point, PinShown(b"duress")), book, rules, state, moment())
        assert (shut.granted, shut.duress) == (False, True)


def test_pins_rest_at_entries_only(book: Book, rules: Rules, moment: At) -> None:
    """After too many wrong PINs the right one waits, cards go on, and nobody is kept inside."""
    rest = State(pins_rest=True)
    assert decide(Request("north_in", PinShown(b"pin")), book, rules, rest, moment()).reason is Reason.TOO_MANY_ATTEMPTS
    assert decide(Request("north_in", RESIDENT), book, rules, rest, moment()).reason is Reason.GRANTED
    assert decide(Request("north_out", PinShown(b"pin")), book, rules, rest, moment()).reason is Reason.GRANTED
    assert decide(Request("north_out", PinShown(b"wrong")), book, rules, rest, moment()).reason is Reason.EXIT_ALWAYS


def test_only_wrong_pins_at_entries_are_counted(book: Book, rules: Rules, moment: At) -> None:
    """Not cards, not exits, not tries during the rest, not the PIN of somebody whose time is over."""
    cases = (
        ("north_in", PinShown(b"wrong"), State(), True),
        ("north_in", PinShown(b"wrong"), State(pins_rest=True), False),
        ("north_out", PinShown(b"wrong"), State(), False),
        ("north_in", PinShown(b"pin-of-ended"), State(), False),
        ("north_in", NOBODY, State(), False),
    )
    for point, credential, state, counted in cases:
        assert decide(Request(point, credential), book, rules, state, moment()).wrong_pin is counted


@pytest.mark.parametrize(
    ("used", "reason"), [(0, Reason.GRANTED), (1, Reason.GRANTED), (2, Reason.VISIT_USED_UP), (3, Reason.VISIT_USED_UP)]
)
def test_a_visit_has_so_many_entries(book: Book, rules: Rules, moment: At, used: int, reason: Reason) -> None:
    """The third entry of a visit of two is refused; leaving is not."""
    state = State(visits_used={"visit": used})
    assert decide(Request("north_in", VISITOR), book, rules, state, moment()).reason is reason
    assert decide(Request("north_out", VISITOR), book, rules, state, moment()).granted


def test_what_the_decision_says_of_the_person(book: Book, rules: Rules, moment: At) -> None:
    """A reference and a kind, never a name; nothing of a person nobody knows."""
    known = decide(Request("north_in", PERMIT), book, rules, State(), moment())
    assert (known.person_ref, known.person_kind, known.extended, known.visit) == ("permit", PersonKind.RESIDENT, True, False)
    visitor = decide(Request("north_in", VISITOR), book, rules, State(), moment())
    assert (visitor.person_ref, visitor.person_kind, visitor.visit) == ("visit", PersonKind.VISITOR, True)
    nobody = decide(Request("north_out", NOBODY), book, rules, State(), moment())
    assert (nobody.person_ref, nobody.person_kind) == (None, PersonKind.UNKNOWN)
    assert "99" not in repr(Request("north_in", FORGOTTEN))


def test_wrong_pins_bring_a_rest_that_more_tries_do_not_prolong() -> None:
    """Five wrong PINs rest a minute; the next wrong one within ten minutes rests another."""
    limits, tally = PinLimits(), PinTally()
    for second in range(5):
        assert not tally.rests(limits, second)
        tally.wrong(second)
    assert tally.rests(limits, 4.1)
    assert tally.rests(limits, 63.9)
    assert not tally.rests(limits, 64.1)
    tally.wrong(70)
    assert tally.rests(limits, 71)
    assert not tally.rests(limits, 131)
    tally.wrong(1000)
    assert not tally.rests(limits, 1000)


def test_repeated_refusals_are_told_once_a_window() -> None:
    """The fifth within a minute tells, the ones after it do not, the next minute may again."""
    tally = RefusalTally()
    told = [second for second in range(0, 130, 5) if tally.refused(second)]
    assert told == [20, 80]
    assert (REFUSALS, WITHIN_S) == (5, 60)
    slow = RefusalTally()
    assert not any(slow.refused(second) for second in range(0, 600, 20))
