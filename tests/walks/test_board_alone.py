"""A board with a memory of its own goes on alone while the gateway is dead, and everything is told afterwards."""

from __future__ import annotations

import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import datetime
from pathlib import Path
from zoneinfo import ZoneInfo

import pytest

from tests.uplink.conftest import Mosquitto
from tests.walks.harness import LI, WANG, Centre, Machine, Person, Site, save_roster, until

with contextlib.suppress(ModuleNotFoundError):  # without the `devices` extra the peer mark skips all of this
    from uhppoted.codec import GET_EVENT

    from drivers.door.uhppote import Options, Simulator
    from drivers.door.uhppote.answers import Fields

pytestmark = [pytest.mark.peer("mosquitto"), pytest.mark.peer("uhppoted")]

SERIAL = 405_419_896
STRANGER = 20_599_999
KILLS = 6
ALONE = 40  # passages of the second night; 120 records


def number(person: Person) -> int:
    """The card as the board writes it."""
    return 205 * 100_000 + person.card


class Gate:
    """One board with one door, at the same port all along."""

    def __init__(self, folder: Path, broker: int) -> None:
        self._broker = broker
        self.board = Simulator(Options(serial=SERIAL, address="127.0.0.1", doors=1))
        self.board.set_wall(datetime.now(ZoneInfo("Asia/Shanghai")).replace(tzinfo=None, microsecond=0))
        self.site = Site(folder)
        self.killed = False

    @asynccontextmanager
    async def on(self) -> AsyncIterator[Gate]:
        """The board has power while the block runs."""
        port = await self.board.start()
        save_roster(self.site.roster, (WANG, LI))
        board = {"driver": "uhppote", "serial": SERIAL, "address": f"127.0.0.1:{port}", "doors": 1, "poll_s": 0.1}
        place = {"controller": "board", "door": 1}
        north = {"lock": {**place, "type": "fail_secure", "wiring": "no"}, "contact": place, "exit_button": place, "release_s": 3}
        points = {
            "north_in": {"door": "north", "direction": "in", "reader": {"controller": "board", "reader": 1}},
            "north_out": {"door": "north", "direction": "out", "reader": {"controller": "board", "reader": 2}},
        }
        self.site.write(self._broker, {"board": board}, {"north": north}, access_points=points)
        try:
            yield self
        finally:
            self.board.stop()

    def walks_in(self, person: Person, direction: int = 1) -> None:
        """Card, opening, closing; the board lets them in by itself."""
        assert self.board.swipe(number(person), 1, direction)
        self.board.open_leaf(1)
        self.board.close_leaf(1)

    def kill_after(self, machine: Machine, questions: int) -> None:
        """Kill the gateway the moment it asks the board for its so-many-th record from now; the answer goes to nobody."""
        answer, self.killed = self.board._answer, False

        def fatal(function: int, packet: bytes) -> Fields | None:
            nonlocal questions
            questions -= function == GET_EVENT
            if not questions:
                self.board._answer = answer  # type: ignore[method-assign]
                machine.kill()
                self.killed = True
            return answer(function, packet)

        self.board._answer = fatal  # type: ignore[method-assign]


@pytest.fixture
async def gate(tmp_path: Path, broker: Mosquitto) -> AsyncIterator[Gate]:
    """A board with power."""
    async with Gate(tmp_path, broker.port).on() as gate:
        yield gate


async def test_every_passage_of_the_night_is_told_once_and_in_order(gate: Gate, centre: Centre) -> None:
    """Killed, and back: who went in and out meanwhile is told by the board's clock, and the lock hears nothing of it."""
    machine, board = Machine(gate.site), gate.board
    async with machine.running():
        await centre.hears("roster.applied")
        await until(lambda: sum(card is not None for card in board.cards) == 2)
        gate.walks_in(WANG)
        wang = (await centre.hears("passage.entry"))["person_ref"]
        gate.walks_in(LI)
        li = (await centre.hears("passage.entry", 2))["person_ref"]
        await centre.hears("door.closed", 2)
        released = len(board.opened)
        machine.kill()

        gate.walks_in(LI)
        gate.walks_in(WANG, 2)
        assert not board.swipe(STRANGER, 1)
        board.press(1)
        board.press(1, pressed=False)
        board.open_leaf(1)
        board.close_leaf(1)
        gate.walks_in(WANG)
        night = len(board.opened)
        assert night == released + 4

        machine.start()
        await centre.hears("door.closed", 6)
        gate.walks_in(LI)  # and life goes on
        await centre.hears("passage.entry", 5)
    told = [
        (e["type"].split(".")[2], e["data"].get("person_ref"), e["data"]["time_source"])
        for e in centre.events("passage.entry", "passage.exit")
    ]
    assert told == [
        ("entry", wang, "gateway"),
        ("entry", li, "gateway"),
        ("entry", li, "controller"),
        ("exit", wang, "controller"),
        ("exit", None, "controller"),
        ("entry", wang, "controller"),
        ("entry", li, "gateway"),
    ]
    assert all(event["data"]["confirmed"] for event in centre.events("passage.entry", "passage.exit"))
    (denied,) = centre.events("access.denied")
    assert (denied["data"]["reason"], denied["data"]["time_source"]) == ("controller_refused", "controller")
    assert not centre.events("door.forced", "access.not_taken")
    assert len(board.opened) == night + 1


async def test_killed_again_and_again_while_catching_up(gate: Gate, centre: Centre) -> None:
    """At whatever record the gateway dies, the next life goes on behind it: none is told twice, none is left out."""
    machine, board = Machine(gate.site), gate.board
    async with machine.running():
        await centre.hears("roster.applied")
        await until(lambda: sum(card is not None for card in board.cards) == 2)
        machine.kill()
        people = [WANG if turn % 3 else LI for turn in range(ALONE)]
        for person in people:
            gate.walks_in(person)
        for kill in range(KILLS):
            gate.kill_after(machine, 2 + 5 * kill)
            machine.start()
            await until(lambda: gate.killed)
        machine.start()
        await centre.hears("passage.entry", ALONE)
        await centre.hears("door.closed", ALONE)
    entries = centre.events("passage.entry")
    li, wang = (event["data"]["person_ref"] for event in entries[:2])
    assert [event["data"]["person_ref"] for event in entries] == [wang if person is WANG else li for person in people]
    assert [len(centre.events(name)) for name in ("access.granted", "door.opened", "door.closed")] == [ALONE] * 3
    assert len({event["data"]["passage_id"] for event in entries}) == ALONE
    assert all(event["data"]["confirmed"] for event in entries)
    assert len(board.opened) == ALONE
