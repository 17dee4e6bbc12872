"""UHPPOTE boards against our own simulated one, and that one against the independent client of uhppoted."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import socket
import struct
import time
from collections.abc import AsyncIterator, Callable
from dataclasses import replace
from datetime import date, datetime
from functools import partial

import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from drivers.errors import LineLost, NoAnswer, Refused, Stale
from drivers.examine import Mark
from drivers.orders import HoldReleased, Indicate, Level, Outcome, Release, Secure, Signal
from drivers.readings import Back, CardRead, Contact, DoorPosition, InputChanged, Logged, LoggedKind, Lost, Reading, RequestToExit
from tests.drivers.door.heard import Heard, running
from tests.drivers.harness import eventually

with contextlib.suppress(ModuleNotFoundError):  # without the `devices` extra the peer mark skips all of this
    from uhppoted import encode
    from uhppoted.codec import GET_STATUS, SET_LISTENER
    from uhppoted.uhppote_async import UhppoteAsync

    from drivers.door.uhppote import BoardCard, Controller, MemoryMark, Options, Simulator, discover
    from drivers.door.uhppote.device import BUTTON_CARD, CLOSED_CARD, CONTROLLED, NORMALLY_CLOSED, NORMALLY_OPEN, OPENED_CARD, REMOTE_CARD
    from drivers.door.uhppote.driver import SILENT_POLLS
    from drivers.door.uhppote.meaning import card_of, number_of
    from drivers.door.uhppote.progress import Progress
    from drivers.door.uhppote.wire import Slot, Stored

pytestmark = pytest.mark.peer("uhppoted")

SERIAL = 405_419_896
NUMBER = 10_058_400  # facility 100, card 58400
VALUE = 100 << 16 | 58_400
DAYS = (date(2020, 1, 1), date(2099, 12, 31))
SECURED = {1: Level.DEENERGISED, 2: Level.DEENERGISED, 3: Level.DEENERGISED, 4: Level.DEENERGISED}


def soon(seconds: float = 3.0) -> float:
    """A `not_after` that will not be met by accident."""
    return time.monotonic() + seconds + 20


class Site:
    """One simulated board and controllers for it."""

    def __init__(self, board: Simulator, port: int) -> None:
        self.board = board
        self.port = port
        self.mark = MemoryMark()

    def options(self, **more: object) -> Options:
        """Settings for the board, polling fast."""
        return Options(**{"serial": SERIAL, "address": f"127.0.0.1:{self.port}", "poll_s": 0.1, "timeout_s": 0.3} | more)

    def controller(self, **more: object) -> Controller:
        """A controller with this site's memory."""
        return Controller(self.options(**more), SECURED, mark=self.mark)


@pytest.fixture
async def site() -> AsyncIterator[Site]:
    """A board with four doors and nothing in it."""
    board = Simulator(Options(serial=SERIAL, address="127.0.0.1"))
    port = await board.start()
    yield Site(board, port)
    board.stop()


async def settled(heard: Heard) -> None:
    """Wait for Back and what follows it: four contacts and the fire input."""
    await heard.take(Back)
    await heard.take(InputChanged)


def logged(what: LoggedKind, *, late: bool | None = None) -> Callable[[Reading], bool]:
    """A test for one kind of record."""
    return lambda reading: isinstance(reading, Logged) and reading.what is what and late in (None, reading.late)


# --- the simulated board, as an independent client sees it ----------------------------------------------------------------------------


async def test_the_simulated_board_speaks_as_the_independent_client_expects(site: Site) -> None:
    """Every answer of the simulator decodes with uhppoted's own client and says what was set."""
    client, board = UhppoteAsync(), (SERIAL, f"127.0.0.1:{site.port}")
    assert (await client.get_controller(board)).version == "v8.92"
    await client.set_time(board, datetime.fromisoformat("2026-03-04T05:06:07"))
    assert (await client.get_time(board)).datetime.isoformat()[:16] == "2026-03-04T05:06"
    assert (await client.set_door_control(board, 2, 3, 7)).delay == 7
    assert (await client.put_card(board, NUMBER, *DAYS, 0, 1, 0, 1, 0)).stored
    assert (await client.get_card_record(board, NUMBER)).permissions == {1: 0, 2: 1, 3: 0, 4: 1}
    assert (await client.get_cards(board)).cards == 1
    assert (await client.get_card_record_by_index(board, 1)).card == NUMBER
    assert (await client.record_special_events(board, True)).updated
    assert site.board.swipe(NUMBER, 2)
    site.board.open_leaf(2)
    site.board.open_leaf(1)
    records = [await client.get_event_record(board, index) for index in (1, 2, 3, 4)]
    assert [(record.kind, record.reason, record.card) for record in records] == [
        (2, 1, NUMBER),
        (2, 23, OPENED_CARD),
        (2, 23, OPENED_CARD),
        (3, 38, 4),
    ]
    status = await client.get_status_record(board)
    assert [status.doors[door].open for door in (1, 2, 3, 4)] == [True, True, False, False]
    assert status.doors[2].unlocked
    assert status.event.index == 4
    assert (await client.open_door(board, 3)).opened
    assert (await client.set_pc_control(board, True)).ok
    assert not site.board.swipe(NUMBER, 2)
    assert (await client.get_event_record(board, 6)).reason == 5
    assert (await client.delete_card(board, NUMBER)).deleted


async def test_the_simulated_board_judges_alone_when_the_pc_is_silent() -> None:
    """Thirty seconds after the last word of the PC a known card passes again by the board's own table."""
    now = [0.0]
    board = Simulator(Options(serial=SERIAL, address="127.0.0.1"), now=lambda: now[0])
    board.put(Slot(NUMBER, *DAYS, frozenset({1})))
    board.pc_control = True
    assert not board.swipe(NUMBER, 1)
    now[0] = 31.0
    assert board.swipe(NUMBER, 1)


async def test_a_search_finds_every_board_and_takes_no_forgery(site: Site) -> None:
    """Discovery reports serial, address, firmware and MAC of what answers."""
    found = await discover(("127.0.0.1", site.port), seconds=0.3)
    assert [(board.serial, board.address, board.firmware, board.mac) for board in found] == [
        (SERIAL, "127.0.0.1", "v8.92", "00:12:23:34:45:56")
    ]


# --- meeting the board -----------------------------------------------------------------------------------------------------------------


async def test_a_board_is_set_up_before_back_is_said(site: Site) -> None:
    """Time, door events and listener are set; then Back, then every contact and the fire input."""
    at = datetime.fromisoformat("2031-02-03T04:05:06")
    async with running(Controller(site.options(), SECURED, wall=lambda: at)) as heard:
        await settled(heard)
        assert site.board.records_doors
        assert not site.board.pc_control
        assert site.board.listener[0] == "127.0.0.1"
        assert site.board.wall().isoformat()[:16] == "2031-02-03T04:05"
        assert heard.readings == [
            Back(),
            *(DoorPosition(door, Contact.CLOSED) for door in (1, 2, 3, 4)),
            InputChanged(1, Contact.OPEN),
        ]
        assert site.board.opened == []


async def test_an_unbelieved_clock_is_not_given_to_the_board(site: Site) -> None:
    """While the machine's time cannot be trusted the board keeps its own."""
    controller = Controller(site.options(), SECURED, wall=lambda: None)
    async with running(controller) as heard:
        await settled(heard)
        assert site.board.wall().year == 2026
        assert 0x30 not in site.board.requests


async def test_a_board_with_another_serial_number_is_never_driven(site: Site) -> None:
    """What answers at the address but is not the configured board counts as absent, and orders meet LineLost."""
    controller = site.controller(serial=SERIAL + 1)
    async with running(controller) as heard:
        lost = await heard.take(Lost)
        assert str(SERIAL + 1) in lost.why
        with pytest.raises(LineLost):
            await controller.send(Release(1, 3, soon()))
        assert site.board.opened == []


async def test_the_former_listener_is_kept_and_told_before_it_is_taken(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """A vendor's program that listened before is named once in the log and remembered across restarts."""
    site.board.listener = ("192.0.2.7", 60001)
    controller = site.controller()
    with caplog.at_level(logging.WARNING):
        async with running(controller) as heard:
            await settled(heard)
    assert controller.former_listener == "192.0.2.7:60001"
    assert site.mark.get("listener") == "192.0.2.7:60001"
    assert sum("192.0.2.7:60001" in message for message in caplog.messages) == 1
    assert site.controller().former_listener == "192.0.2.7:60001"


async def test_a_listener_that_must_stay_is_left_alone(site: Site) -> None:
    """With take_listener off the board keeps telling the other program, and events are still found by polling."""
    site.board.listener = ("192.0.2.7", 60001)
    async with running(site.controller(take_listener=False)) as heard:
        await settled(heard)
        site.board.swipe(NUMBER, 1)
        assert await heard.take(CardRead) == CardRead(1, 26, VALUE)
    assert site.board.listener == ("192.0.2.7", 60001)


# --- readings --------------------------------------------------------------------------------------------------------------------------


async def test_each_reading_of_a_door(site: Site) -> None:
    """Unknown card, passed card, button, contact, forced and held become their own readings, and no number of a door event a card."""
    site.board.put(Slot(NUMBER, *DAYS, frozenset({2})))
    async with running(site.controller()) as heard:
        await settled(heard)
        site.board.swipe(NUMBER + 1, 1, direction=2)
        assert await heard.take(CardRead) == CardRead(2, 26, VALUE + 1)
        site.board.swipe(NUMBER, 2)
        passed = await heard.take(logged(LoggedKind.CARD_PASSED))
        assert (passed.reader, passed.door, passed.bits, passed.value, passed.late) == (3, 2, 26, VALUE, False)
        site.board.open_leaf(2)
        assert await heard.take(DoorPosition) == DoorPosition(2, Contact.OPEN)
        site.board.held_too_long(2)
        assert (await heard.take(logged(LoggedKind.HELD))).door == 2
        site.board.close_leaf(2)
        assert await heard.take(DoorPosition) == DoorPosition(2, Contact.CLOSED)
        site.board.press(3)
        assert await heard.take(RequestToExit) == RequestToExit(3)
        site.board.press(3, pressed=False)
        assert await heard.take(RequestToExit) == RequestToExit(3, active=False)
        site.board.open_leaf(4)
        assert (await heard.take(logged(LoggedKind.FORCED))).door == 4
        site.board.fire = True
        assert await heard.take(InputChanged) == InputChanged(1, Contact.CLOSED)
        assert len(heard.of(CardRead)) == 1


async def test_a_leaf_that_opens_and_shuts_between_two_polls_is_not_missed(site: Site) -> None:
    """Contact events fill in what a poll of the level cannot see."""
    async with running(site.controller(poll_s=1.0, take_listener=False)) as heard:
        await settled(heard)
        site.board.open_leaf(1)
        site.board.close_leaf(1)
        assert await heard.take(DoorPosition) == DoorPosition(1, Contact.OPEN)
        assert await heard.take(DoorPosition) == DoorPosition(1, Contact.CLOSED)


@pytest.mark.parametrize("trouble", ["lose_events", "hold_events"])
async def test_lost_and_overtaking_datagrams_change_nothing(site: Site, trouble: str) -> None:
    """Events are fetched by index: each once and in the board's order, whatever becomes of the datagrams that tell of them."""
    async with running(site.controller()) as heard:
        await settled(heard)
        setattr(site.board.weather, trouble, True)
        for card in range(5):
            site.board.swipe(NUMBER + card, 1)
        if trouble == "hold_events":
            site.board.let_go()
        await eventually(lambda: len(heard.of(CardRead)) == 5)
        site.board.weather.lose_events = site.board.weather.hold_events = False
        site.board.swipe(NUMBER + 9, 1)
        await eventually(lambda: len(heard.of(CardRead)) == 6)
        assert [reading.value - VALUE for reading in heard.of(CardRead)] == [0, 1, 2, 3, 4, 9]


async def test_a_forged_event_is_refused_and_a_forged_reply_never_read(site: Site, caplog: pytest.LogCaptureFixture) -> None:
    """Datagrams from another address or serial wake nobody, and what they claim is never believed."""
    async with running(site.controller()) as heard:
        await settled(heard)
        forged = bytearray(64)
        forged[0], forged[1] = 0x17, 0x20
        struct.pack_into("<LLBBBBL", forged, 4, SERIAL, 1, 1, 1, 1, 1, NUMBER)
        with socket.socket(socket.AF_INET, socket.SOCK_DGRAM) as stranger:
            for packet in (bytes(forged), b"\x17\x20" + b"\xff" * 62, b"", b"x" * 64):
                stranger.sendto(packet, site.board.listener)
        await eventually(lambda: any("refused" in message for message in caplog.messages))
        site.board.swipe(NUMBER + 1, 1)
        assert await heard.take(CardRead) == CardRead(1, 26, VALUE + 1)
        assert len(heard.of(CardRead)) == 1


# --- events across outages -------------------------------------------------------------------------------------------------------------


async def test_what_happened_while_nobody_asked_is_told_once_in_order_and_never_acted_upon(site: Site) -> None:
    """After an outage, and after a restart of the program, every event is there once, marked late, and none looks like a card now."""
    site.board.records_doors = True
    site.board.swipe(NUMBER, 1)  # its former owner's
    async with running(site.controller()) as heard:
        await settled(heard)
        site.board.swipe(NUMBER + 1, 1)
        await heard.take(CardRead)
    for _ in range(30):
        site.board.swipe(NUMBER + 2, 1)
        site.board.open_leaf(1)
        site.board.close_leaf(1)
    async with running(site.controller()) as heard:
        await eventually(lambda: len(heard.of(Logged)) == 30 * 4)
        site.board.swipe(NUMBER + 3, 1)
        assert await heard.take(CardRead) == CardRead(1, 26, VALUE + 3)
        assert [reading.index for reading in heard.of(Logged)] == list(range(3, 123))
        assert all(reading.late for reading in heard.of(Logged))
        kinds = {reading.what for reading in heard.of(Logged)}
        assert kinds == {LoggedKind.CARD_REFUSED, LoggedKind.OPENED, LoggedKind.CLOSED, LoggedKind.FORCED}
    async with running(site.controller()) as heard:
        await settled(heard)
        site.board.swipe(NUMBER + 4, 1)
        await heard.take(CardRead)
        assert heard.of(Logged) == []


async def test_where_an_earlier_run_stopped_is_known_only_later(site: Site) -> None:
    """The disk cannot be read at the start: who comes now is told at once, and what happened before as soon as it can, each once."""

    class LateMark(MemoryMark):
        earlier: str | None = None

        def former(self, key: str) -> str | None:
            return self.earlier if key == "events" else None

    async with running(site.controller()) as heard:
        await settled(heard)
        site.board.swipe(NUMBER, 1)
        await heard.take(CardRead)
    before, site.mark = site.mark, LateMark()
    for _ in range(25):
        site.board.swipe(NUMBER, 2)
    async with running(site.controller()) as heard:
        await settled(heard)
        site.board.swipe(NUMBER, 1)
        await heard.take(CardRead)
        assert heard.of(Logged) == []
        site.mark.earlier = before.get("events")
        for _ in range(25):
            assert (await heard.take(Logged)).late
        site.board.swipe(NUMBER, 1)
        await heard.take(CardRead)
        assert len(heard.of(Logged)) == 25
    async with running(site.controller()) as heard:
        await settled(heard)
        site.board.swipe(NUMBER, 1)
        await heard.take(CardRead)
        assert heard.of(Logged) == []


async def test_somebody_at_the_door_does_not_wait_for_an_outage_to_be_told(site: Site) -> None:
    """Live events overtake the catching up, each still exactly once, also when that is cut short."""
    async with running(site.controller()) as heard:
        await settled(heard)
    for _ in range(400):
        site.board.swipe(NUMBER, 1)
    async with running(site.controller()) as heard:
        await settled(heard)
        site.board.swipe(NUMBER + 1, 1)
        await heard.take(CardRead)
        first = [reading.index for reading in heard.of(Logged)]
        assert len(first) < 400
    first = [reading.index for reading in heard.of(Logged)]
    async with running(site.controller()) as heard:
        await eventually(lambda: len(heard.of(Logged)) + len(first) >= 400)
        await asyncio.sleep(0.3)  # nothing more may come, and silence has no event to wait for
        assert first + [reading.index for reading in heard.of(Logged)] == list(range(1, 401))
        assert heard.of(CardRead) == []


async def test_events_that_the_board_wrote_over_are_reported_as_lost() -> None:
    """A ring that overflowed during an outage leaves one record that says how many are gone."""
    options = Options(serial=SERIAL, address="127.0.0.1", poll_s=0.1)
    board = Simulator(options, ring=50)
    site = Site(board, await board.start())
    try:
        async with running(site.controller()) as heard:
            await settled(heard)
        for _ in range(120):
            board.swipe(NUMBER, 1)
        async with running(site.controller()) as heard:
            gone = await heard.take(logged(LoggedKind.LOST))
            assert (gone.index, gone.count) == (1, 70)
            await eventually(lambda: len(heard.of(Logged)) == 51)
    finally:
        board.stop()


async def test_a_board_whose_memory_was_cleared_starts_over(site: Site) -> None:
    """Counting from 1 again is noticed, and the new events are told."""
    async with running(site.controller()) as heard:
        await settled(heard)
        for _ in range(5):
            site.board.swipe(NUMBER, 1)
        await eventually(lambda: len(heard.of(CardRead)) == 5)
        site.board.forget_events()
        site.board.swipe(NUMBER + 1, 1)
        await eventually(lambda: any(isinstance(r, Logged | CardRead) and r.value == VALUE + 1 for r in heard.readings))


# --- orders ----------------------------------------------------------------------------------------------------------------------------


async def test_a_release_is_timed_by_the_board_and_its_record_is_no_news(site: Site) -> None:
    """Seconds are rounded up on the board, the board's own record of our release stays silent, somebody else's is told."""
    controller = site.controller()
    async with running(controller) as heard:
        await settled(heard)
        assert await controller.send(Release(2, 4.2, soon())) is Outcome.CONFIRMED
        assert site.board.doors[2].seconds == 5
        assert site.board.released(2)
        assert not site.board.released(1)
        site.board.open_remotely(3)
        assert (await heard.take(logged(LoggedKind.REMOTE_OPENED))).door == 3
        assert len(heard.of(Logged)) == 1


async def test_hold_and_secure(site: Site) -> None:
    """Hold keeps a door released; Secure ends that and a running release, and cards are judged again afterwards."""
    controller = site.controller()
    async with running(controller) as heard:
        await settled(heard)
        await controller.send(HoldReleased(1))
        assert site.board.released(1)
        await controller.send(Secure(1))
        assert not site.board.released(1)
        await controller.send(Release(1, 60, soon()))
        assert site.board.released(1)
        await controller.send(Secure(1))
        assert not site.board.released(1)
        assert site.board.doors[1].mode == 3


async def test_orders_that_cannot_be_carried_out(site: Site) -> None:
    """A stale release, a door too many and an Indicate are refused by name; nothing moves."""
    controller = site.controller()
    with pytest.raises(LineLost):
        await controller.send(Secure(1))
    async with running(controller) as heard:
        await settled(heard)
        with pytest.raises(Stale):
            await controller.send(Release(1, 3, time.monotonic() - 0.001))
        with pytest.raises(Refused):
            await controller.send(Release(5, 3, soon()))
        with pytest.raises(Refused):
            await controller.send(Indicate(1, Signal.OK))
        assert site.board.opened == []
    with pytest.raises(Refused):
        Controller(site.options(), {1: Level.ENERGISED})


async def test_a_lost_datagram_does_not_keep_somebody_outside(site: Site) -> None:
    """A release whose first datagram is lost is sent again within its time."""
    controller = site.controller(poll_s=1.0)
    async with running(controller) as heard:
        await settled(heard)
        site.board.weather.lose_next_requests = 1
        assert await controller.send(Release(1, 3, soon())) is Outcome.CONFIRMED


async def test_loss_and_return_of_the_line(site: Site) -> None:
    """A silent board is lost once and back once; an unlock ordered while it was silent is never carried out afterwards."""
    controller = site.controller()
    async with running(controller) as heard:
        await settled(heard)
        site.board.weather.silent = True
        with pytest.raises((NoAnswer, LineLost)):
            await controller.send(Release(1, 3, soon()))
        await heard.take(Lost)
        with pytest.raises(LineLost):
            await controller.send(Release(1, 3, soon()))
        site.board.weather.silent = False
        await settled(heard)
        assert site.board.opened == []
        assert [type(reading) for reading in heard.of(Lost, Back)] == [Back, Lost, Back]


def test_a_board_is_reported_lost_within_five_seconds_at_its_defaults() -> None:
    """Three polls and their time-outs, behind one question of somebody else, add up to less than five seconds."""
    options = Options(serial=SERIAL, address="127.0.0.1")
    assert SILENT_POLLS * (options.poll_s + options.timeout_s) + options.timeout_s < 5.0


async def test_a_board_that_restarts_is_set_up_again(site: Site) -> None:
    """Power gone and back within a poll: Lost and Back tell the gate that the board's state is new."""
    async with running(site.controller(pc_control=True)) as heard:
        await settled(heard)
        site.board.restart()
        assert (await heard.take(logged(LoggedKind.RESTARTED))).what is LoggedKind.RESTARTED
        await heard.take(Lost)
        await settled(heard)
        assert site.board.pc_control


async def test_pc_control_asks_us_and_is_given_back_at_the_end(site: Site) -> None:
    """With pc_control a card the board knows comes to us as a card, the board is spoken to, and it judges alone once we leave."""
    site.board.put(Slot(NUMBER, *DAYS, frozenset({1})))
    async with running(site.controller(pc_control=True)) as heard:
        await settled(heard)
        assert site.board.pc_control
        assert not site.board.swipe(NUMBER, 1)
        assert await heard.take(CardRead) == CardRead(1, 26, VALUE)
    await eventually(lambda: not site.board.pc_control)
    assert site.board.swipe(NUMBER, 1)


@pytest.mark.parametrize("ends", [True, False], ids=["another mode ends a release", "a release runs to its end"])
async def test_secure_is_confirmed_only_when_the_relay_is_off(site: Site, *, ends: bool) -> None:
    """Whichever habit a board has: after Secure the relay is off, and the door lets cards pass again once the release would have ended."""
    site.board.ends_releases = ends
    controller = site.controller()
    async with running(controller) as heard:
        await settled(heard)
        await controller.send(Release(1, 2, soon()))
        assert site.board.released(1)
        assert await controller.send(Secure(1)) is Outcome.CONFIRMED
        assert not site.board.released(1)
        await eventually(lambda: site.board.doors[1].mode == CONTROLLED)
        assert not site.board.released(1)
        await controller.send(Release(1, 1, soon()))
        assert site.board.released(1)
        assert not heard.of(Lost)


@pytest.mark.parametrize("secured", [False, True], ids=["in a release", "in a release that was secured"])
@pytest.mark.parametrize("ends", [True, False], ids=["another mode ends a release", "a release runs to its end"])
async def test_a_stop_leaves_no_door_released_and_none_shut(site: Site, *, ends: bool, secured: bool) -> None:
    """After a stop the relay is off, and the board lets its own cards pass again."""
    site.board.ends_releases = ends
    site.board.put(Slot(NUMBER, *DAYS, frozenset({1})))
    controller = site.controller()
    async with running(controller) as heard:
        await settled(heard)
        await controller.send(Release(1, 20, soon()))
        if secured:
            await controller.send(Secure(1))
    assert not site.board.released(1)
    assert site.board.swipe(NUMBER, 1)
    assert site.board.released(1)


async def test_a_stop_that_may_not_wait_gives_every_door_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A driver that has no time for answers says its last words: the board judges its own cards again, and nothing was opened."""
    site.board.ends_releases = False
    site.board.put(Slot(NUMBER, *DAYS, frozenset({1})))
    controller = site.controller()
    async with running(controller) as heard:
        await settled(heard)
        await controller.send(Release(1, 20, soon()))
        await controller.send(Secure(1))
        await controller.send(Release(2, 20, soon()))
        opened = len(site.board.opened)
        monkeypatch.setattr("drivers.door.uhppote.driver.FINISH_S", 0.0)
    await eventually(lambda: site.board.doors[1].mode == site.board.doors[2].mode == CONTROLLED)
    assert len(site.board.opened) == opened
    assert site.board.swipe(NUMBER, 1)


async def test_a_person_who_comes_while_a_door_is_kept_shut_is_let_in(site: Site) -> None:
    """A release that follows a Secure which had to hold the door shut gives the door back first."""
    site.board.ends_releases = False
    controller = site.controller()
    async with running(controller) as heard:
        await settled(heard)
        await controller.send(Release(1, 20, soon()))
        await controller.send(Secure(1))
        assert site.board.doors[1].mode == NORMALLY_CLOSED
        await controller.send(Release(1, 3, soon()))
        assert site.board.released(1)


@pytest.mark.parametrize(("mode", "hold"), [("NORMALLY_OPEN", False), ("CONTROLLED", True)], ids=["opened for good", "a hold was ended"])
async def test_a_door_that_somebody_else_drives_is_told(site: Site, mode: str, *, hold: bool) -> None:
    """The board has no password. A relay that is not as it was ordered is a lost line, so that the door is set anew."""
    controller = site.controller()
    async with running(controller) as heard:
        await settled(heard)
        if hold:
            await controller.send(HoldReleased(2))
        site.board.control(2, {"NORMALLY_OPEN": NORMALLY_OPEN, "CONTROLLED": CONTROLLED}[mode], 1)
        assert await heard.take(Lost) == Lost("door 2 is not as it was set: somebody else drives this board")
        await heard.take(Back)


async def test_a_door_that_is_not_ours_is_told_once(site: Site) -> None:
    """Another system may drive a door of the same board: one outage, not one after the other, until we give that door an order."""
    controller = site.controller()
    async with running(controller) as heard:
        await settled(heard)
        site.board.control(4, NORMALLY_OPEN, 3)
        await heard.take(Lost)
        await settled(heard)
        asked = site.board.requests[GET_STATUS]
        await eventually(lambda: site.board.requests[GET_STATUS] > asked + 5)
        assert len(heard.of(Lost)) == 1
        await controller.send(HoldReleased(4))
        site.board.control(4, CONTROLLED, 3)
        await heard.take(Lost)


class SaysYes(Simulator if "Simulator" in globals() else object):  # type: ignore[misc]  # without the `devices` extra
    """A board that says that it opens whatever it does, as the other maker's simulator. `again`: somebody shuts the door again at once."""

    again = False

    def open_remotely(self, door: int) -> bool:
        """See Device."""
        if self.again:
            self.control(door, NORMALLY_CLOSED, 3)
        return super().open_remotely(door) or True


@pytest.mark.parametrize("says_yes", [True, False], ids=["a board that says yes", "a board that says no"])
async def test_whoever_has_a_valid_card_gets_through_a_door_that_somebody_else_shut(*, says_yes: bool) -> None:
    """The door is set back for the release, and `confirmed` is said of a relay that is on."""
    board = (SaysYes if says_yes else Simulator)(Options(serial=SERIAL, address="127.0.0.1"))
    controller = Site(board, await board.start()).controller()
    async with running(controller) as heard:
        await settled(heard)
        board.control(3, NORMALLY_CLOSED, 3)
        assert await controller.send(Release(3, 3, soon())) is Outcome.CONFIRMED
        assert board.released(3)
    board.stop()


async def test_a_door_that_somebody_else_keeps_shut_refuses_a_release() -> None:
    """`confirmed` is not said of a relay that stays off."""
    board = SaysYes(Options(serial=SERIAL, address="127.0.0.1"))
    board.again = True
    controller = Site(board, await board.start()).controller()
    async with running(controller) as heard:
        await settled(heard)
        with pytest.raises(Refused, match="stays shut"):
            await controller.send(Release(3, 3, soon()))
    board.stop()


async def test_people_at_the_board_s_own_button_are_nobody_else(site: Site) -> None:
    """A relay that the board keeps on for one person after another is as it should be."""
    controller = site.controller()
    async with running(controller) as heard:
        await settled(heard)
        for door in site.board.doors.values():
            door.seconds = 1
        for _ in range(12):
            site.board.press(1)
            await asyncio.sleep(0.4)
        assert not heard.of(Lost)


async def test_replies_that_come_twice_answer_nothing_else(site: Site) -> None:
    """A loop in the network doubles every reply: no event is told as lost, no order refused, every card told once."""
    async with running(site.controller()) as heard:
        await settled(heard)
    for step in range(30):
        site.board.swipe(NUMBER + step, 1)
    site.board.weather.replies_twice = True
    controller = site.controller()
    async with running(controller) as heard:
        for _ in range(30):
            assert await heard.take(logged(LoggedKind.CARD_REFUSED, late=True))
        for seconds in (3, 4, 5):
            await controller.send(Release(1, seconds, soon()))
            await controller.send(Secure(1))
        assert not [reading for reading in heard.of(Logged) if logged(LoggedKind.LOST)(reading)]


@pytest.mark.parametrize("late", [False, True], ids=["live", "of an outage"])
async def test_an_event_that_cannot_be_had_costs_itself(site: Site, monkeypatch: pytest.MonkeyPatch, *, late: bool) -> None:
    """A board that answers one question for an event with another event: that one is told as lost, the next are told, no line is lost."""
    event = site.board.event

    def other(index: int) -> Stored | None:
        told = event(index)
        return event(index + 1) if told is not None and told.number == NUMBER + 1 else told

    monkeypatch.setattr(site.board, "event", other)
    if late:
        async with running(site.controller()) as heard:
            await settled(heard)
        for step in range(3):
            site.board.swipe(NUMBER + step, 1)
    controller = site.controller()
    async with running(controller) as heard:
        if not late:
            await settled(heard)
            for step in range(3):
                site.board.swipe(NUMBER + step, 1)
        await heard.take(logged(LoggedKind.LOST))
        await heard.take(logged(LoggedKind.CARD_REFUSED, late=True) if late else CardRead)
        await controller.send(Release(1, 3, soon()))
        assert heard.news() == [Back]


async def test_a_board_that_keeps_its_listener_works_by_polling(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """A board that refuses to tell us its events is up all the same, and its cards are read."""
    monkeypatch.setattr(site.board, "_answer", partial(refuse_listener, site.board._answer))
    async with running(site.controller()) as heard:
        await settled(heard)
        site.board.swipe(NUMBER, 1)
        await heard.take(CardRead)


def refuse_listener(answer: Callable[[int, bytes], object], function: int, packet: bytes) -> object:
    """A board's answer to anything; no to a new listener."""
    return [(8, b"\0")] if function == SET_LISTENER else answer(function, packet)


async def test_events_from_another_port_are_hints_all_the_same(site: Site) -> None:
    """A router, and some boards, send events from another port than they answer from: a card does not wait for the next poll."""
    site.board.weather.events_port = True
    async with running(site.controller(poll_s=1.0)) as heard:
        await settled(heard)
        asked = site.board.requests[GET_STATUS]
        site.board.swipe(NUMBER, 1)
        await heard.take(CardRead)
        assert site.board.requests[GET_STATUS] <= asked + 2


async def test_a_listener_that_was_taken_away_is_said_and_won_back(site: Site, monkeypatch: pytest.MonkeyPatch) -> None:
    """Another program took the board's events: `examine` says whom it tells now, and it is told to tell us again."""
    controller = site.controller()
    async with running(controller) as heard:
        await settled(heard)
        site.board.listener = ("127.0.0.9", 60_055)
        told = [finding for finding in await controller.examine() if finding.code.startswith("listener")]
        assert [(finding.code, finding.mark) for finding in told] == [("listener_other", Mark.WARN)]
        monkeypatch.setattr("drivers.door.uhppote.driver.LISTENER_EVERY_S", 0.0)
        monkeypatch.setattr("drivers.door.uhppote.driver.RETAKE_APART_S", 0.0)
        await eventually(lambda: site.board.listener[0] == "127.0.0.1")


async def test_what_a_thawed_board_does_late_is_nobody_else(site: Site) -> None:
    """A board that stood still carries out our release when it goes on, twice as it was asked twice; a third one is somebody else's."""
    controller = site.controller()
    async with running(controller) as heard:
        await settled(heard)
        site.board.weather.frozen = True
        with pytest.raises(NoAnswer):
            await controller.send(Release(2, 3, soon()))
        await heard.take(Lost)
        site.board.thaw()
        assert len(site.board.opened) == 2
        await settled(heard)
        await eventually(lambda: site.mark.get("events") == "2 2 2")
        assert heard.of(Logged) == []
        site.board.open_remotely(2)
        assert await heard.take(logged(LoggedKind.REMOTE_OPENED))


async def test_cancelling_an_order_in_flight_leaves_the_line_usable(site: Site) -> None:
    """A caller that gives up while waiting neither blocks nor confuses the next question."""
    controller = site.controller()
    async with running(controller) as heard:
        await settled(heard)
        site.board.weather.lose_next_requests = 1
        order = asyncio.create_task(controller.send(Release(1, 3, soon())))
        await asyncio.sleep(0)
        order.cancel()
        with pytest.raises(asyncio.CancelledError):
            await order
        assert await controller.send(Release(2, 3, soon())) is Outcome.CONFIRMED


# --- the board's own table -------------------------------------------------------------------------------------------------------------


async def test_the_card_table_is_made_equal_and_only_changes_are_written(site: Site) -> None:
    """New and changed cards are put, others deleted, equal ones left; what the board cannot hold is counted."""
    controller = site.controller()
    site.board.put(Slot(99, *DAYS, frozenset({1})))
    async with running(controller) as heard:
        await settled(heard)
        cards = [BoardCard(26, VALUE + step, frozenset({1, 2}), None, date(2030, 1, 31)) for step in range(20)]
        done = await controller.sync_cards([*cards, BoardCard(34, 1 << 30, frozenset({1}))])
        assert (done.put, done.deleted, done.unchanged, done.left_out) == (20, 1, 0, 1)
        done = await controller.sync_cards(cards[1:])
        assert (done.put, done.deleted, done.unchanged, done.left_out) == (0, 1, 19, 0)
        assert site.board.swipe(NUMBER + 1, 2)
        assert not site.board.swipe(NUMBER, 2)
        assert "100" not in repr(cards[0])


async def test_a_full_card_table_is_counted_and_said(site: Site) -> None:
    """What fits is stored, the others are counted, `examine` says both numbers; with room for all it says nothing more."""
    site.board.most_cards = 30
    controller = site.controller()
    cards = [BoardCard(26, VALUE + step, frozenset({1})) for step in range(100)]
    async with running(controller) as heard:
        await settled(heard)
        done = await controller.sync_cards(cards)
        assert (done.stored, done.over) == (30, 70)
        told = [dict(finding.values) for finding in await controller.examine() if finding.code == "card_table_full"]
        assert told == [{"stored": "30", "wanted": "100"}]
        done = await controller.sync_cards(cards[20:50])
        assert (done.put, done.unchanged, done.over) == (20, 10, 0)
        assert not [finding for finding in await controller.examine() if finding.code == "card_table_full"]


# --- pure ------------------------------------------------------------------------------------------------------------------------------


async def test_a_time_profile_of_other_software_is_put_right(site: Site) -> None:
    """A card that the board holds under a time profile opens at its hours only while we are dead: it is written anew, once."""
    card = BoardCard(26, VALUE, frozenset({1}), *DAYS)
    controller = site.controller()
    async with running(controller) as heard:
        await settled(heard)
        assert (await controller.sync_cards([card])).put == 1
        held = site.board.cards[0]
        assert held is not None
        site.board.cards[0] = replace(held, doors=frozenset(), profiles=frozenset({1}))
        assert (await controller.sync_cards([card])).put == 1
        assert (await controller.sync_cards([card])).unchanged == 1


@given(value=st.integers(1, (1 << 24) - 1))
def test_card_numbers_go_both_ways(value: int) -> None:
    """FFFNNNNN of a 26-bit card, and the plain number of a 34-bit one, are inverse to their reading."""
    number = number_of(26, value, "wg26")
    assert number is not None
    assert card_of(number, "wg26") == (26, value)
    assert card_of(number_of(34, value, "wg34") or 0, "wg34") == (34, value)


def test_numbers_of_door_events_are_in_no_notation_cards_by_reason(site: Site) -> None:
    """The published card fields of special events are recorded for what they are."""
    assert {OPENED_CARD, CLOSED_CARD, BUTTON_CARD, REMOTE_CARD} == {8, 9, 1, 3_922_570_474}
    assert card_of(REMOTE_CARD, "wg26") is None


@given(st.lists(st.sampled_from(["event", "live", "late", "outage"]), max_size=60))
def test_progress_hands_over_every_index_once(steps: list[str]) -> None:
    """Whatever the interleaving of events, outages and both lanes, in the end each index was handed over exactly once."""
    newest, done = 0, []
    progress = Progress.at(0)
    for step in steps:
        if step == "event":
            newest += 1
        elif step == "outage":
            progress = (Progress.parse(str(progress)) or Progress.at(0)).back(newest)
        elif step == "live" and (index := progress.next_live(newest)) is not None:
            done.append(index)
            progress = progress.took_live(index)
        elif step == "late" and (index := progress.next_late()) is not None:
            done.append(index)
            progress = progress.took_late(index)
    while (index := progress.next_live(newest)) is not None:
        done.append(index)
        progress = progress.took_live(index)
    while (index := progress.next_late()) is not None:
        done.append(index)
        progress = progress.took_late(index)
    assert sorted(done) == list(range(1, newest + 1))


def test_settings_name_what_is_wrong() -> None:
    """A host name, a bad port and an unknown key are refused by pydantic."""
    for wrong in ({"address": "board.local"}, {"address": "192.0.2.1:0"}, {"address": "192.0.2.1", "colour": 1}):
        with pytest.raises(ValidationError):
            Options(serial=SERIAL, **wrong)


@given(st.binary(max_size=80))
def test_no_datagram_escapes_as_an_exception(data: bytes) -> None:
    """Whatever arrives, a reply decodes, is passed over, or is Garbled."""
    from drivers.door.uhppote import wire
    from drivers.errors import Garbled

    for function in wire.DECODERS:
        packet = bytes((0x17, function)) + data[:62].ljust(62, b"\xee")
        assert wire.is_reply(packet, function, wire.EVERY_BOARD)
        with contextlib.suppress(Garbled):
            wire.read_reply(packet)
    wire.is_event(data, SERIAL)
    wire.is_reply(data, 0x20, SERIAL)
    assert encode.get_status_request(SERIAL)[0] == 0x17
