"""What a controller decided by itself: just now, and while nobody asked."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from drivers.readings import Contact, Logged, LoggedKind
from edge.access.events import body
from edge.clock import Trust
from edge.gate.core import GateCore
from edge.gate.inputs import LineSaid
from edge.gate.records import DeviceRecords, recorded
from edge.gate.wiring import wire
from tests.clock import START, HandClock
from tests.gate.house import NOBODY, SECOND, SHANGHAI, TENANT, Notebook, Notes, Play, name, settings

K = LoggedKind


class Board:
    """The board behind one door: numbers its records, and keeps local time."""

    def __init__(self, play: Play, *, index: int = 0) -> None:
        self.play = play
        self.index = index
        self.at = START.astimezone(SHANGHAI).replace(tzinfo=None) - timedelta(hours=1)

    def says(self, what: LoggedKind, after_s: float = 1, *, card: int = 0, reader: int = 1, late: bool = True) -> list[str]:
        """One record, so many seconds after the one before; gives what was written down."""
        self.index += 1
        self.at += timedelta(seconds=after_s)
        at_reader = reader if what in (K.CARD_PASSED, K.CARD_REFUSED) else 0
        return self.tell(Logged(self.index, what, 1, self.at, late, at_reader, 26 if card else 0, card))

    def tell(self, logged: Logged) -> list[str]:
        """Hand it over."""
        out: list[str] = []
        for _, item in recorded(self.play.wiring, "sim", logged):
            out += self.play.post(item)
        return out


@pytest.fixture
def play() -> Play:
    """A leaf with contact and button, ready."""
    return Play().ready()


def test_a_passage_of_then_is_told_with_the_boards_time(play: Play) -> None:
    """Card, opening, closing: decision, actuation, outcome of one passage_id, by the board's clock; the lock is told nothing."""
    board = Board(play)
    assert board.says(K.CARD_PASSED, card=TENANT) == ["access.granted", "door.released"]
    assert board.says(K.OPENED) == ["door.opened", "passage.entry"]
    assert board.says(K.CLOSED) == ["door.closed"]
    assert play.orders() == []
    assert {event.time_source for event in play.events} == {"controller"}
    assert [event.at - START for event in play.events] == [timedelta(hours=-1, seconds=s) for s in (1, 1, 2, 2, 3)]
    told = play.last("passage.entry")
    assert (told["person_ref"], told["person_kind"], told["access_point"]) == ("tenant", "resident", "north_in")
    assert (told["confirmed"], told["evidence"], told["reason"], told["method"]) == (True, "contact", "controller", ["card"])
    ids = {body(event).get("passage_id") for event in play.events if name(event) != "door.closed"}
    assert len(ids) == 1
    assert play.core.view().state == "secured"


def test_nobody_went_through_when_the_leaf_stayed_shut(play: Play) -> None:
    """A grant of then ends as not taken with the next record behind its time, or when the board has no more to tell."""
    board = Board(play)
    board.says(K.CARD_PASSED, card=TENANT)
    assert board.says(K.CARD_PASSED, 60, card=SECOND) == ["access.not_taken", "access.granted", "door.released"]
    assert play.last("access.not_taken")["person_ref"] == "tenant"
    assert play.wait(9) == []
    assert play.wait(2) == ["access.not_taken"]
    assert play.last("access.not_taken")["person_ref"] == "second"
    assert play.last("access.not_taken")["time_source"] == "controller"


def test_while_the_board_is_away_again_nothing_is_concluded(play: Play) -> None:
    """What it has yet to tell may be the opening."""
    board = Board(play)
    board.says(K.CARD_PASSED, card=TENANT)
    play.post(LineSaid("sim", False))
    assert "access.not_taken" not in play.wait(60)
    play.post(LineSaid("sim", True))
    assert board.says(K.OPENED) == ["door.opened", "passage.entry"]


def test_two_through_one_opening(play: Play) -> None:
    """The first is seen by the contact, the second went through the open door, and so does who swipes while it stands open."""
    board = Board(play)
    board.says(K.CARD_PASSED, card=TENANT)
    board.says(K.CARD_PASSED, card=SECOND)
    assert board.says(K.OPENED) == ["door.opened", "passage.entry", "passage.entry"]
    assert board.says(K.CARD_PASSED, card=NOBODY) == ["access.granted", "door.released", "passage.entry"]
    seen = [body(event)["evidence"] for event in play.events if name(event) == "passage.entry"]
    assert seen == ["contact", "already_open", "already_open"]
    assert play.last("passage.entry")["person_kind"] == "unknown"


def test_without_a_contact_a_grant_of_then_is_a_passage_that_nobody_saw() -> None:
    """No contact on the board: unconfirmed, at once."""
    play = Play(wire(settings({"contact": None}), SHANGHAI)).ready()
    assert Board(play).says(K.CARD_PASSED, card=TENANT) == ["access.granted", "door.released", "passage.entry"]
    assert (play.last("passage.entry")["confirmed"], play.last("passage.entry")["evidence"]) == (False, "no_contact")


def test_button_refusal_and_remote_opening_of_then(play: Play) -> None:
    """The exit button is an exit, a refused card a refusal, an opening by somebody else a release of nobody's passage."""
    board = Board(play)
    assert board.says(K.EXIT_BUTTON) == ["access.granted", "door.released"]
    assert board.says(K.OPENED) == ["door.opened", "passage.exit"]
    assert play.last("passage.exit")["method"] == ["rex"]
    assert board.says(K.CLOSED) == ["door.closed"]
    assert board.says(K.CARD_REFUSED, card=SECOND) == ["access.denied"]
    denied = play.last("access.denied")
    assert (denied["reason"], denied["person_ref"], denied.get("passage_id")) == ("controller_refused", "second", None)
    assert board.says(K.REMOTE_OPENED) == ["door.released"]
    assert play.last("door.released").get("passage_id") is None
    assert board.says(K.OPENED) == ["door.opened"]
    assert board.says(K.SUPERVISOR_CODE, 60) == ["access.granted", "door.released"]
    granted = play.last("access.granted")
    assert (granted["method"], granted["person_kind"], granted.get("direction")) == (["pin"], "unknown", None)
    assert play.orders() == []


def test_alarms_of_then_are_over(play: Play) -> None:
    """Forced and held are told as begun and ended, and none is open afterwards."""
    board = Board(play)
    for what in (K.FORCED, K.HELD):
        assert board.says(what) == [f"door.{what}"] * 2
        begin, end = play.events[-2:]
        assert (body(begin)["phase"], body(end)["phase"]) == ("begin", "end")
        assert body(begin)["alarm_id"] == body(end)["alarm_id"]
    assert play.core.view().alarms == ()


def test_what_the_board_forced_or_held_just_now_is_our_own_to_judge(play: Play) -> None:
    """The contact is heard live: the board's word would be a second alarm of the same opening."""
    assert Board(play).says(K.FORCED, late=False) == []
    assert Board(play).says(K.HELD, late=False) == []


def test_a_card_that_the_board_passes_while_we_watch(play: Play) -> None:
    """It joins the door machine: the opening is a passage and no force, by our own clock, and no release is ordered."""
    board = Board(play)
    assert board.says(K.CARD_PASSED, card=TENANT, late=False) == ["access.granted", "door.released"]
    assert play.core.view().state == "released"
    assert board.says(K.CARD_PASSED, 0.5, card=TENANT, late=False) == []
    assert play.wait(1) == []
    assert play.open() == ["door.opened", "passage.entry"]
    assert play.wait(5) == []
    assert "release" not in play.orders()
    assert {event.time_source for event in play.events} == {"gateway"}
    assert play.last("passage.entry")["confirmed"]


def test_a_card_that_nobody_follows_up_while_we_watch(play: Play) -> None:
    """The machine ends it, as any grant."""
    Board(play).says(K.CARD_PASSED, card=TENANT, late=False)
    assert play.wait(60) == ["access.not_taken"]


def test_what_others_open_remotely_is_no_force(play: Play) -> None:
    """An opening after it alarms nobody; one that comes later does."""
    Board(play).says(K.REMOTE_OPENED, late=False)
    assert play.open() == ["door.opened"]
    assert play.wait(5) == []
    play.close()
    play.wait(20)
    play.open()
    assert play.wait(5) == ["door.forced"]


def test_a_leaf_opened_just_after_we_came_answers_the_card_of_just_before(play: Play) -> None:
    """The board let somebody pass two seconds before we came: the opening that we see is that passage and no force."""
    board = Board(play)
    board.at = START.astimezone(SHANGHAI).replace(tzinfo=None) - timedelta(seconds=2)
    board.says(K.CARD_PASSED, 0, card=TENANT)
    assert play.wait(1) == []
    assert play.open() == ["door.opened", "passage.entry"]
    assert play.wait(20) == []
    assert play.last("passage.entry")["person_ref"] == "tenant"
    assert play.last("passage.entry")["time_source"] == "gateway"


def test_a_clock_that_was_never_set_is_not_believed(play: Play) -> None:
    """A board far ahead of us is told as it says, and as untrusted."""
    board = Board(play)
    board.at += timedelta(days=400)
    board.says(K.OPENED)
    assert play.events[-1].clock is Trust.UNTRUSTED


def test_a_record_told_twice_is_written_once_over_a_kill(play: Play) -> None:
    """The mark is committed with the events: a new life goes on exactly there, with what waited for its outcome."""
    board = Board(play)
    board.says(K.CARD_PASSED, card=TENANT)
    facts: dict[str, str] = {}
    for item in recorded(play.wiring, "sim", Logged(1, K.CARD_PASSED, 1, board.at, True, 1, 26, TENANT)):
        facts |= play.core.handle(item[1], play.clock.now()).facts
    assert facts == {}  # the same record again

    taken: dict[str, str] = {}
    first = Play()
    board = Board(first)
    for item in recorded(first.wiring, "sim", Logged(1, K.CARD_PASSED, 1, board.at, True, 1, 26, TENANT)):
        taken = first.core.handle(item[1], first.clock.now()).facts
    again = Play(notes=Notes(**{key.replace(".", "__"): value for key, value in taken.items()})).ready()
    board = Board(again)
    assert board.tell(Logged(1, K.CARD_PASSED, 1, board.at, True, 1, 26, TENANT)) == []
    assert board.tell(Logged(2, K.OPENED, 1, board.at + timedelta(seconds=1), True)) == ["door.opened", "passage.entry"]
    assert again.last("passage.entry")["passage_id"] == "id1"
    assert again.last("passage.entry")["person_ref"] == "tenant"


def test_a_passage_cut_short_by_a_kill_is_ended_by_the_boards_records() -> None:
    """Granted while we watched, killed before the leaf moved: the late opening is that passage, and is told once."""
    first = Play().ready()
    board = Board(first)
    logged = Logged(7, K.CARD_PASSED, 1, board.at, False, 1, 26, TENANT)
    ((_, item),) = recorded(first.wiring, "sim", logged)
    facts = first.core.handle(item, first.clock.now()).facts
    again = Play(notes=Notes(**{key.replace(".", "__"): value for key, value in facts.items()})).ready()
    board = Board(again, index=7)
    board.at = START.astimezone(SHANGHAI).replace(tzinfo=None)
    assert board.says(K.OPENED) == ["door.opened", "passage.entry"]
    assert again.wait(60) == []


def test_a_note_that_cannot_be_read_is_as_good_as_none() -> None:
    """A damaged fact keeps no gate from starting."""
    for note in ("", "[]", "{", '{"last": 1, "waiting": [{}]}', '{"waiting": 3}'):
        core: GateCore = Play(notes=Notes(recorded__door__north=note)).core
        assert core.view().alarms == ()


def test_an_inverted_contact_opens_when_the_board_says_closed() -> None:
    """The wiring decides what the board's words mean."""
    given = settings({"contact": {"controller": "sim", "door": 1, "inverted": True}})
    play = Play(wire(given, SHANGHAI)).ready()
    play.contact(Contact.CLOSED)
    assert Board(play).says(K.CLOSED) == ["door.opened"]


def test_what_a_controller_records_of_itself() -> None:
    """A restart of then is lost and back, lost records are told by their number, a fire only where its line is; each once."""
    notebook, notes, clock = Notebook(), Notes(), HandClock()

    def devices() -> DeviceRecords:
        return DeviceRecords(
            doors=lambda _: ("north",), tz=SHANGHAI, fire_line="sim", recorder=notebook, memory=notes, clock=clock, new_id=lambda: "a1"
        )

    made, at = devices(), datetime.fromisoformat("2026-03-02T15:00:00")
    told = (
        Logged(1, K.RESTARTED, 1, at, late=True),
        Logged(2, K.LOST, 0, None, late=True, count=40),
        Logged(42, K.FIRE, 0, at, late=True),
        Logged(43, K.OTHER, 0, at, late=True),
        Logged(44, K.RESTARTED, 1, at, late=False),
    )
    for logged in told:
        made.record("sim", logged)
        made.record("sim", logged)
    assert notebook.names() == ["gateway.device_lost", "gateway.device_back", "gateway.device_loss", "site.fire", "site.fire"]
    assert body(notebook.events[2]) == {"device": "sim", "doors": ["north"], "count": 40, "clock": "synced", "time_source": "gateway"}
    notes.kept |= notebook.facts
    devices().record("sim", told[2])
    assert len(notebook.events) == 5
