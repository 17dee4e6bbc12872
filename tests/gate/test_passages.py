"""Whole stories at one door, told as inputs and the events they leave."""

from __future__ import annotations

from dataclasses import replace

import pytest

from edge.access.rules import Mode
from edge.access.terms import Card, Direction, Tenant
from edge.gate.view import Result
from edge.gate.wiring import wire
from tests.gate.house import ENDED, NOBODY, SECOND, SHANGHAI, TENANT, VISITOR, Play, settings


@pytest.fixture
def play() -> Play:
    """North, ready."""
    return Play().ready()


def turnstile() -> Play:
    """A turnstile with pass contacts and nothing else."""
    door = {"kind": "turnstile", "contact": None, "passes": {"controller": "sim", "door": 1}}
    return Play(wire(settings(door), SHANGHAI)).ready()


def blind() -> Play:
    """A door without a contact."""
    return Play(wire(settings({"contact": None}), SHANGHAI)).ready()


def test_a_granted_entry_is_one_story_with_one_id(play: Play) -> None:
    """Decision, actuation, opening and passage carry the same passage_id; the lock is secured as the leaf opens."""
    assert play.card(TENANT) == ["access.granted", "door.released"]
    assert play.wait(2) == []
    assert play.open() == ["door.opened", "passage.entry"]
    assert play.wait(2) == []
    assert play.close() == ["door.closed"]
    assert play.orders() == ["release", "secure"]
    assert play.signals() == ["ok"]
    assert {play.last(n)["passage_id"] for n in ("access.granted", "door.released", "door.opened", "passage.entry")} == {"id1"}
    assert play.last("passage.entry") == {
        "clock": "synced",
        "time_source": "gateway",
        "door": "north",
        "access_point": "north_in",
        "direction": "in",
        "passage_id": "id1",
        "person_ref": "tenant",
        "person_kind": "resident",
        "method": ["card"],
        "reason": "granted",
        "roster_version": "r1",
        "roster_age_s": 120,
        "confirmed": True,
        "evidence": "contact",
    }
    assert play.last("door.released")["result"] == "commanded"
    assert play.last("door.released")["method"] == ["card"]


def test_a_grant_nobody_takes(play: Play) -> None:
    """Told once, with the person and the id, when the time is over."""
    play.card(TENANT)
    assert play.wait(60) == ["access.not_taken"]
    assert play.last("access.not_taken")["passage_id"] == "id1"
    assert play.last("access.not_taken")["person_ref"] == "tenant"


@pytest.mark.parametrize(("number", "reason", "ref"), [(NOBODY, "unknown_credential", None), (ENDED, "expired", "ended")])
def test_a_refused_card(play: Play, number: int, reason: str, ref: str | None) -> None:
    """The reason and, where known, the person; the lock hears nothing, the person does."""
    assert play.card(number) == ["access.denied"]
    assert play.last("access.denied")["reason"] == reason
    assert play.last("access.denied").get("person_ref") == ref
    assert play.orders() == []
    assert play.signals() == ["refused"]


@pytest.mark.parametrize("number", [NOBODY, ENDED, TENANT])
@pytest.mark.parametrize("mode", [Mode.NORMAL, Mode.LOCK_DOWN])
def test_exits_release_for_whoever_asks(play: Play, number: int, mode: Mode) -> None:
    """Card of a tenant, of a former one, of nobody; under lock-down too; and any PIN."""
    play.mode(mode)
    play.orders()
    assert play.card(number, "north_out") == ["access.granted", "door.released"]
    assert play.open() == ["door.opened", "passage.exit"]
    assert play.orders() == ["release", "secure"]
    play.close()
    assert play.pin("999999", "north_out") == ["access.granted", "door.released"]


def test_noise_at_an_exit_releases_nothing(play: Play) -> None:
    """What gave no number is no card; repeated noise is one refusal."""
    assert play.misread("north_out") == ["access.denied"]
    play.wait(0.5)
    assert play.misread("north_out") == []
    assert play.orders() == []


def test_the_exit_button(play: Play) -> None:
    """An exit by nobody in particular; pressing again while waiting is the same exit."""
    assert play.rex() == ["access.granted", "door.released"]
    play.wait(1)
    assert play.rex() == ["door.released"]
    assert play.open() == ["door.opened", "passage.exit"]
    exit_ = play.last("passage.exit")
    assert (exit_["method"], exit_["reason"], exit_["access_point"], exit_["direction"]) == (["rex"], "rex", "north_out", "out")
    assert "person_ref" not in exit_


def test_a_grant_at_an_open_leaf(play: Play) -> None:
    """A passage that nobody saw, as CONTRACT says, and the lock is told all the same."""
    play.card(TENANT)
    play.open()
    play.orders()
    assert play.card(SECOND) == ["access.granted", "passage.entry", "door.released"]
    entry = play.last("passage.entry")
    assert (entry["confirmed"], entry["evidence"], entry["person_ref"]) == (False, "already_open", "second")
    assert play.orders() == ["release"]


def test_a_door_without_a_contact_tells_one_outcome() -> None:
    """The order was given: a passage that nobody saw. It was not: not taken."""
    play = blind()
    assert play.card(TENANT) == ["access.granted", "door.released", "passage.entry"]
    assert play.last("passage.entry")["evidence"] == "no_contact"
    play.wait(30)
    play.failure = "lost"
    assert play.card(TENANT) == ["access.granted", "door.released", "access.not_taken"]
    assert play.last("door.released")["result"] == "failed"
    assert play.signals()[-1] == "wait"


def test_eighty_people_in_ten_minutes() -> None:
    """Every grant ends in its own pass, however the pairs come; nobody is left over, nobody is uncredentialed."""
    play = turnstile()
    people = {n: f"p{n}" for n in range(100, 180)}
    play.book = replace(
        play.book,
        tenants={ref: Tenant(ref, ref, "n") for ref in people.values()},
        cards={Card(26, n): ref for n, ref in people.items()},
    )
    told: list[str] = []
    for n in range(100, 180, 4):
        for step in range(4):
            told += play.card(n + step)
            told += play.wait(1)
        for _ in range(4):
            told += play.wait(1.5)
            told += play.passes(Direction.IN)
        told += play.wait(20)
    assert told.count("access.granted") == told.count("passage.entry") == 80
    assert "access.not_taken" not in told
    assert "passage.uncredentialed" not in told
    entries = [e for e in play.events if (e.CLASS, e.NAME) == ("passage", "entry")]
    assert [e.person_ref for e in entries] == list(people.values())  # type: ignore[attr-defined]  # entries have one


def test_the_one_who_follows() -> None:
    """A pass without a grant names the passage it followed."""
    play = turnstile()
    play.card(TENANT)
    assert play.passes(Direction.IN) == ["passage.entry"]
    play.wait(1)
    assert play.passes(Direction.IN) == ["passage.uncredentialed"]
    followed = play.last("passage.uncredentialed")
    assert (followed["after_passage_id"], followed["access_point"], followed["sensed_by"]) == ("id1", "north_in", "turnstile")


def test_pins(play: Play) -> None:
    """Right, wrong, at rest, and a call for help that the door does not show."""
    assert play.pin("123456") == ["access.granted", "door.released"]
    play.open()
    play.close()
    for _ in range(4):
        assert play.pin("000000") == ["access.denied"]
        play.wait(5)
    assert play.pin("000000") == ["access.denied", "access.repeated_refusals"]
    play.signals()
    assert play.pin("123456") == ["access.denied"]
    assert play.last("access.denied")["reason"] == "too_many_attempts"
    assert play.signals() == ["use_card"]
    assert play.card(TENANT) == ["access.granted", "door.released"]
    play.wait(61)
    assert play.pin("654321") == ["access.duress", "access.granted", "door.released"]
    assert play.signals()[-1] == "ok"
    assert play.last("access.duress")["passage_id"] == play.last("access.granted")["passage_id"]


def test_guessed_codes(play: Play) -> None:
    """After five different wrong codes the entry takes no code for a minute, not even a right one; cards, PINs and the exit go on."""
    for guess in range(5):
        assert play.code(70_000 + guess)[0] == "access.denied"
        play.wait(15)
    assert play.last("access.denied")["reason"] == "unknown_credential"
    play.signals()
    assert play.code(TENANT) == ["access.denied"]
    assert play.last("access.denied")["reason"] == "too_many_attempts"
    assert play.signals() == ["use_card"]
    assert play.card(TENANT) == ["access.granted", "door.released"]
    assert play.pin("123456") == ["door.released"], "the same person once more"
    play.wait(20)
    assert "access.granted" in play.code(71_000, "north_out")
    play.wait(81)
    assert "access.granted" in play.code(TENANT)


def test_a_wrong_code_shown_again_is_one_guess(play: Play) -> None:
    """Somebody who holds the wrong code to the reader time and again, and unknown cards, put nothing at rest."""
    for _ in range(8):
        assert play.code(70_000)[0] == "access.denied"
        play.wait(5)
    for number in range(8):
        assert play.card(80_000 + number)[0] == "access.denied"
        play.wait(5)
    assert "access.granted" in play.code(TENANT)


def test_a_card_that_stays_at_the_reader(play: Play) -> None:
    """Refused once, granted once, however often it is read in that second."""
    told: list[str] = []
    for _ in range(6):
        told += [*play.card(NOBODY), *play.wait(0.4)]
    assert told == ["access.denied"]
    for _ in range(3):
        told += [*play.card(TENANT), *play.wait(0.4)]
    assert told.count("access.granted") == 1
    assert told.count("door.released") == 3
    assert play.open() == ["door.opened", "passage.entry"]


def test_repeated_refusals_are_told_once(play: Play) -> None:
    """Five in a minute at one access point, and not again in that minute."""
    told: list[str] = []
    for n in range(12):
        told += [*play.card(NOBODY + n % 2), *play.wait(3)]
    assert told.count("access.denied") == 12
    assert told.count("access.repeated_refusals") == 1
    refusals = play.last("access.repeated_refusals")
    assert (refusals["count"], refusals["within_s"], refusals["access_point"]) == (5, 60, "north_in")


def test_a_visitor_with_two_entries(play: Play) -> None:
    """A grant that is not taken does not count; the third entry is refused, over a restart too."""
    play.card(VISITOR)
    assert play.wait(30) == ["access.not_taken"]
    for _ in range(2):
        assert play.card(VISITOR) == ["access.granted", "door.released"]
        play.open()
        play.close()
        play.wait(5)
    assert play.card(VISITOR) == ["access.denied"]
    assert play.last("access.denied")["reason"] == "visit_used_up"
    again = Play(notes=play.notes).ready()
    assert again.card(VISITOR) == ["access.denied"]
    assert again.card(VISITOR, "north_out") == ["access.granted", "door.released"]


def test_a_guard_unlocks(play: Play) -> None:
    """Under lock-down too; the reason is written beside the grant, and the guard hears what the lock was told."""
    play.mode(Mode.LOCK_DOWN)
    assert play.unlock() == ["access.granted", "guard.opened", "door.released"]
    assert play.answers[-1][1].result is Result.COMMANDED
    assert play.last("access.granted")["reason"] == "guard"
    assert play.last("guard.opened")["reason_code"] == "forgot_card"
    assert play.open() == ["door.opened", "passage.entry"]
    play.failure = "no_answer"
    play.unlock()
    assert play.answers[-1][1].result is Result.FAILED


def test_nothing_shows_a_card_or_pin(play: Play) -> None:
    """Neither events nor notes nor the view of a door hold what was presented."""
    play.card(NOBODY, "north_out")
    play.pin("777777")
    shown = repr(play.events) + repr(play.notes.kept) + repr(play.core.view()) + repr(play.drives)
    assert "777777" not in shown
    assert "26:99" not in shown
