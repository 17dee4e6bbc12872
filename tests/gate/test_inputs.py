"""What an input of any board can mean: exit button, contact, pass contacts, the guard's desk button and the fire line, over real wires."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any

import pytest

import drivers
from drivers.errors import LineLost
from drivers.line import open_pty_pair
from drivers.readings import Contact
from edge.access.events import body
from edge.access.terms import Direction
from edge.clock import PlainClock
from edge.gate.inputs import DeskPressed, Edge, LineSaid
from edge.gate.settings import GateSettings
from edge.gate.site import SiteGates
from edge.gate.wiring import wire
from tests.gate.house import SHANGHAI, Notebook, Notes, Play, book, settings

CONTACT, BUTTON, INWARD, OUTWARD, DESK, FIRE = range(1, 7)
BOARDS: dict[str, dict[str, object]] = {
    "modbus": {"unit": 1, "outputs": 1, "inputs": 6, "poll_s": 0.02},
    "numato": {"outputs": 1, "inputs": 6, "poll_s": 0.02},
}
boards = pytest.mark.parametrize("kind", [pytest.param("modbus", marks=pytest.mark.peer("pymodbus")), "numato"])


def desk_site() -> GateSettings:
    """North with the guard's button on input 5 of its controller."""
    return settings(guard_button={"controller": "sim", "input": DESK, "access_point": "north_in"})


class Board:
    """A turnstile whose lock, contacts and buttons, and the site's fire line and desk button, are all on one board behind a pty."""

    def __init__(self, kind: str, folder: Path) -> None:
        port = str(folder / "port")
        on = {"controller": "board"}
        given = GateSettings.model_validate(
            {
                "controllers": {"board": {"driver": kind, "port": port, **BOARDS[kind]}},
                "doors": {
                    "gate": {
                        "kind": "turnstile",
                        "lock": on | {"output": 1, "type": "fail_secure", "wiring": "no", "accept_latching": True},
                        "passes": on | {"inward": INWARD, "outward": OUTWARD},
                        "exit_button": on | {"input": BUTTON},
                        "release_s": 1,
                    }
                },
                "access_points": {
                    "gate_in": {"door": "gate", "direction": "in"},
                    "gate_out": {"door": "gate", "direction": "out"},
                },
                "guard_button": on | {"input": DESK, "access_point": "gate_in"},
                "fire": on | {"input": FIRE, "active": "open", "quiet_s": 1},
            }
        )
        wiring = wire(given, SHANGHAI)
        plan = wiring.controllers["board"]
        self.folder = folder
        self.far = drivers.simulator(kind)(plan.options)
        self.far.inputs[FIRE] = True
        self.notebook = Notebook()
        ids = (f"id{n}" for n in itertools.count(1))
        self.site = SiteGates(
            wiring=wiring,
            controllers={"board": drivers.make(kind, plan.options, plan.secured)},
            book=book,
            recorder=self.notebook,
            memory=Notes(),
            clock=PlainClock(),
            new_id=lambda: next(ids),
            pin_hash=lambda digits: digits.encode(),
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Board]:
        """The board plugged in and the gate on it, its lock secured."""
        pair = open_pty_pair(self.folder / "port")

        async def live() -> None:
            with contextlib.suppress(LineLost):
                await self.far.run(pair.line)

        tasks = [asyncio.create_task(live()), *(asyncio.create_task(unit.run()) for unit in self.site.units())]
        try:
            await until(lambda: len(self.far.history) > 0)
            await asyncio.sleep(1.1)  # what a board tells of its inputs within a second of its return is a state, not an act
            yield self
        finally:
            for task in reversed(tasks):
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)
            await pair.line.close()

    async def press(self, number: int) -> None:
        """A contact closes for half a second, the shortest press of a person in no hurry."""
        self.far.inputs[number] = True
        await asyncio.sleep(0.5)
        self.far.inputs[number] = False

    def last(self, wanted: str) -> dict[str, Any]:
        """The body of the last event of that name."""
        return body(next(event for event in reversed(self.notebook.events) if f"{event.CLASS}.{event.NAME}" == wanted))


async def until(holds: Callable[[], bool]) -> None:
    """Wait until the board is so."""
    async with asyncio.timeout(20):
        while not holds():  # noqa: ASYNC110 - the board lies outside this loop's reach
            await asyncio.sleep(0.01)


@boards
async def test_the_guards_button_opens_once(kind: str, tmp_path: Path) -> None:
    """A press at the desk releases the lock for one passage in that direction, with its own reason code."""
    async with Board(kind, tmp_path).running() as board:
        await board.press(DESK)
        await board.notebook.until("guard.opened")
        assert board.last("guard.opened")["reason_code"] == "desk_button"
        assert board.last("access.granted")["access_point"] == "gate_in"
        await until(lambda: board.far.coils[1])
        await board.press(INWARD)
        await board.notebook.until("passage.entry")
        entry = board.last("passage.entry")
        assert (entry["method"], entry["confirmed"], entry["passage_id"]) == (["guard"], True, board.last("guard.opened")["passage_id"])
        await until(lambda: not board.far.coils[1])


@boards
async def test_pass_contacts_of_a_turnstile(kind: str, tmp_path: Path) -> None:
    """The exit button and an outward pass are one exit; a pass that nobody was granted is told as such, by its direction."""
    async with Board(kind, tmp_path).running() as board:
        await board.press(BUTTON)
        await board.notebook.until("access.granted")
        await until(lambda: board.far.coils[1])
        await board.press(OUTWARD)
        await board.notebook.until("passage.exit")
        assert board.last("passage.exit")["method"] == ["rex"]
        await until(lambda: not board.far.coils[1])
        await board.press(INWARD)
        await board.notebook.until("passage.uncredentialed")
        assert board.last("passage.uncredentialed")["direction"] == "in"


@boards
async def test_the_fire_line_on_a_board(kind: str, tmp_path: Path) -> None:
    """A fire line that opens releases the lock until it closes, and both are told."""
    async with Board(kind, tmp_path).running() as board:
        board.far.inputs[FIRE] = False
        await board.notebook.until("site.fire")
        await until(lambda: board.far.coils[1])
        board.far.inputs[FIRE] = True
        await board.notebook.until("site.fire", 2)
        await until(lambda: not board.far.coils[1])


def test_a_button_that_was_held_at_a_return_opens_nothing() -> None:
    """What a board tells right after Back is how its inputs stand; only a press that comes later is a press."""
    play = Play(wire(desk_site(), SHANGHAI)).ready()
    play.post(LineSaid("sim", False))
    play.post(LineSaid("sim", True))
    pressed = Edge("sim", DESK, True, DeskPressed("north_in"))
    assert play.post(pressed) == []
    assert play.post(Edge("sim", DESK, False, DeskPressed("north_in"))) == []
    play.contact(Contact.CLOSED)
    assert play.post(pressed) == ["access.granted", "guard.opened", "door.released"]
    assert play.post(pressed) == []
    assert play.last("guard.opened")["reason_code"] == "desk_button"
    assert play.last("guard.opened")["direction"] == Direction.IN
    assert {token for token, _ in play.answers} <= {0}  # nobody waits for it
    assert play.contact(Contact.OPEN) == ["door.opened", "passage.entry"]
