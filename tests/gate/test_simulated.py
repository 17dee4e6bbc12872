"""What is only played: marked in everything that follows, and kept from real locks."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest

import drivers
from drivers.contract import Emit
from drivers.orders import HoldReleased, Order, Outcome, Secure
from drivers.readings import Back, CardRead, Contact, DoorPosition, InputChanged, Power, Reading, RequestToExit, Tamper
from edge.access.events import body
from edge.gate.settings import GateSettings
from edge.gate.view import Result
from tests.gate.house import NOBODY, SECOND, TENANT, VISITOR, name, settings
from tests.gate.test_site import House, two_doors

BOARD = {"driver": "modbus", "port": "/dev/serial/by-id/board", "unit": 1, "outputs": 2, "inputs": 4}


class Real:
    """A device that is there and does what it is told; `say` is what its wires say."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.say: Emit = lambda _reading: None

    async def run(self, emit: Emit) -> None:
        """Connect."""
        self.say = emit
        emit(Back())
        emit(InputChanged(1, Contact.CLOSED))
        emit(InputChanged(2, Contact.CLOSED))
        await asyncio.Event().wait()

    async def send(self, order: Order) -> Outcome:
        """Obey."""
        self.orders.append(order)
        return Outcome.CONFIRMED


def real_door() -> GateSettings:
    """North's lock, contact and fire input are a real board's; its readers are another real device's."""
    given = settings().model_dump()
    given["controllers"] = {
        "board": BOARD,
        "sim": {"driver": "wiegand_serial", "port": "/dev/serial/by-id/reader", "framing": "hex_cr", "format": "h10301"},
    }
    given["doors"]["north"] |= {
        "lock": {"controller": "board", "output": 1, "type": "fail_secure", "wiring": "no", "accept_latching": True},
        "contact": {"controller": "board", "input": 1},
        "exit_button": {"controller": "board", "input": 3},
    }
    given["fire"] = {"controller": "board", "input": 2, "active": "open"}
    return GateSettings.model_validate(given)


@pytest.fixture
def board(monkeypatch: pytest.MonkeyPatch) -> Real:
    """The board, and a reader beside it, both without wires."""
    made = Real()
    monkeypatch.setattr(drivers, "make", lambda kind, *_a, **_k: made if kind == "modbus" else Real())
    return made


def marks(house: House) -> dict[str, Any]:
    """What was written down since the last look, and whether it says that it was played."""
    found = [(name(event), body(event).get("simulated")) for event in house.notebook.events]
    house.notebook.events.clear()
    return dict(found)


@pytest.mark.peer("pymodbus")
async def test_a_played_card_moves_no_real_lock(board: Real) -> None:
    """Decision, actuation and outcome are told as simulated; the board, the real door and its alarms know nothing of it."""
    async with House(real_door()).running() as house:
        await house.clock.pass_time(2)
        house.new()
        before = list(board.orders)
        house.site.play("sim", CardRead(1, 26, TENANT))
        await house.clock.settle()
        assert marks(house) == {"access.granted": True, "door.released": True}
        assert house.state("north") == ("secured", "up")
        house.site.play("board", InputChanged(1, Contact.OPEN))
        await house.clock.settle()
        assert marks(house) == {"door.opened": True, "passage.entry": True}
        await house.clock.pass_time(60)
        assert marks(house) == {"door.held": True}
        assert house.site.alarms() == ()
        house.site.play("sim", CardRead(1, 26, NOBODY))
        house.site.play("board", InputChanged(1, Contact.CLOSED))
        await house.clock.settle()
        assert marks(house) == {"access.denied": True, "door.closed": True, "door.held": True}
        assert board.orders == before


@pytest.mark.peer("pymodbus")
async def test_a_real_force_is_not_hidden_by_a_played_release(board: Real) -> None:
    """Somebody breaks the door in while an installer plays a card at it."""
    async with House(real_door()).running() as house:
        await house.clock.pass_time(2)
        house.site.play("sim", CardRead(1, 26, TENANT))
        await house.clock.settle()
        house.new()
        board.say(InputChanged(1, Contact.OPEN))
        await house.clock.pass_time(1)
        assert marks(house) == {"door.opened": None, "door.forced": None}


@pytest.mark.peer("pymodbus")
async def test_played_in_earnest_it_moves_the_lock_and_says_so(board: Real) -> None:
    """With `live` the real door releases; what follows is marked, what a tenant does afterwards is not."""
    async with House(real_door()).running() as house:
        await house.clock.pass_time(2)
        house.new()
        house.site.play("sim", CardRead(1, 26, TENANT), live=True)
        await house.clock.settle()
        assert not isinstance(board.orders[-1], Secure)
        board.say(InputChanged(1, Contact.OPEN))
        await house.clock.settle()
        assert marks(house) == {"access.granted": True, "door.released": True, "door.opened": True, "passage.entry": True}
        board.say(InputChanged(1, Contact.CLOSED))
        house.site.reading("sim", CardRead(1, 26, SECOND))
        await house.clock.settle()
        assert marks(house) == {"door.closed": None, "access.granted": None, "door.released": None}


@pytest.mark.peer("pymodbus")
@pytest.mark.parametrize(
    "reading",
    [InputChanged(1, Contact.OPEN), Tamper(0, True), Power(ok=False), InputChanged(2, Contact.CLOSED)],
    ids=["contact", "tamper", "power", "fire"],
)
async def test_how_things_stand_is_the_wires_to_say(board: Real, reading: Reading) -> None:
    """A state that is played, live or not, begins and ends no alarm of the real door and moves no lock."""
    async with House(real_door()).running() as house:
        await house.clock.pass_time(2)
        board.say(Tamper(0, active=True))
        board.say(Power(ok=False))
        board.say(InputChanged(2, Contact.OPEN))
        await house.clock.settle()
        before, orders, state = house.site.alarms(), list(board.orders), house.state("north")
        assert {alarm.what for alarm in before} == {"door.tamper", "door.power", "site.fire", "door.locked_open"}
        for live in (False, True):
            house.site.play("board", reading, live=live)
            house.site.play("board", opposite(reading), live=live and not isinstance(reading, InputChanged))
            await house.clock.pass_time(3)
        assert house.site.alarms() == before
        assert board.orders == orders
        assert house.state("north") == state


def opposite(reading: Reading) -> Reading:
    """The same device says the contrary."""
    match reading:
        case InputChanged(number, state):
            return InputChanged(number, Contact.CLOSED if state is Contact.OPEN else Contact.OPEN)
        case Tamper(reader, active):
            return Tamper(reader, not active)
        case Power(ok):
            return Power(ok=not ok)
    return reading


@pytest.mark.peer("pymodbus")
async def test_a_drill_leaves_the_wires_word_alone(board: Real) -> None:
    """Played live, a fire holds real locks, marked. The wire's own fire is told unmarked beside it and outlives the drill's end."""
    async with House(real_door()).running() as house:
        await house.clock.pass_time(2)
        house.new()
        house.site.play("board", InputChanged(2, Contact.OPEN), live=True)
        await house.clock.settle()
        assert marks(house) == {"site.fire": True, "door.locked_open": True}
        assert isinstance(board.orders[-1], HoldReleased)
        house.site.play("board", InputChanged(2, Contact.CLOSED))
        await house.clock.settle()
        assert marks(house) == {"site.fire": True, "door.locked_open": True}
        assert isinstance(board.orders[-1], Secure)
        assert house.site.alarms() == ()

        house.site.play("board", InputChanged(2, Contact.OPEN), live=True)
        await house.clock.settle()
        house.notebook.events.clear()
        board.say(InputChanged(2, Contact.OPEN))
        await house.clock.settle()
        told = [(name(e), body(e)["phase"], body(e).get("simulated")) for e in house.notebook.events]
        assert sorted(told, key=str) == [
            ("door.locked_open", "begin", None),
            ("door.locked_open", "end", True),
            ("site.fire", "begin", None),
            ("site.fire", "end", True),
        ]
        for live in (False, True):
            house.site.play("board", InputChanged(2, Contact.CLOSED), live=live)
        await house.clock.pass_time(10)
        assert isinstance(board.orders[-1], HoldReleased)
        assert {alarm.what for alarm in house.site.alarms()} == {"site.fire", "door.locked_open"}


@pytest.mark.peer("pymodbus")
async def test_a_drill_over_an_unknown_wire(board: Real) -> None:
    """The line went down while it burned: a drill begun and ended meanwhile secures nothing."""
    async with House(real_door()).running() as house:
        await house.clock.pass_time(2)
        board.say(InputChanged(2, Contact.OPEN))
        board.say(InputChanged(2, Contact.CUT))
        await house.clock.settle()
        house.site.play("board", InputChanged(2, Contact.OPEN), live=True)
        house.site.play("board", InputChanged(2, Contact.CLOSED))
        await house.clock.pass_time(10)
        assert house.state("north")[0] == "locked_open"
        assert not any(isinstance(order, Secure) for order in board.orders[board.orders.index(HoldReleased(1)) :])


@pytest.mark.peer("pymodbus")
async def test_a_drill_ends_no_alarm_of_the_leaf(board: Real) -> None:
    """A door that stands open too long goes on doing so while a fire is played."""
    async with House(real_door()).running() as house:
        await house.clock.pass_time(2)
        house.site.reading("sim", CardRead(1, 26, TENANT))
        board.say(InputChanged(1, Contact.OPEN))
        await house.clock.pass_time(90)
        held = [alarm for alarm in house.site.alarms() if alarm.what == "door.held"]
        assert held
        house.site.play("board", InputChanged(2, Contact.OPEN), live=True)
        house.site.play("board", InputChanged(2, Contact.CLOSED))
        await house.clock.pass_time(90)
        assert [alarm for alarm in house.site.alarms() if alarm.what == "door.held"] == held
        board.say(InputChanged(1, Contact.CLOSED))
        await house.clock.settle()
        assert house.site.alarms() == ()


@pytest.mark.peer("pymodbus")
async def test_a_button_that_is_played_leaves_the_wires_level_alone(board: Real) -> None:
    """An exit button that is held down is no new press after another was played."""
    async with House(real_door()).running() as house:
        await house.clock.pass_time(2)
        board.say(InputChanged(3, Contact.CLOSED))
        await house.clock.pass_time(30)
        for state in (Contact.OPEN, Contact.CLOSED, Contact.OPEN):
            house.site.play("board", InputChanged(3, state), live=True)
        await house.clock.pass_time(30)
        house.new()
        board.say(InputChanged(3, Contact.CLOSED))
        await house.clock.settle()
        assert house.new() == []


@pytest.mark.peer("pymodbus")
async def test_a_card_played_live_is_nobodys_act(board: Real) -> None:
    """It uses no visit, and the person whose card it copies has a grant of their own beside it."""
    async with House(real_door()).running() as house:
        await house.clock.pass_time(2)
        house.site.play("sim", CardRead(1, 26, VISITOR), live=True)
        await house.clock.settle()
        board.say(InputChanged(1, Contact.OPEN))
        board.say(InputChanged(1, Contact.CLOSED))
        await house.clock.settle()
        assert "visits" not in house.notes.kept
        house.site.play("sim", CardRead(1, 26, TENANT), live=True)
        house.site.reading("sim", CardRead(1, 26, TENANT))
        await house.clock.settle()
        granted = [body(event).get("simulated") for event in house.notebook.events if name(event) == "access.granted"]
        assert granted[-2:] == [True, None]


@pytest.mark.peer("pymodbus")
async def test_a_played_fire_opens_nothing_real(board: Real) -> None:
    """The fire is told as played, begun and ended; no real lock is held, and nothing of it is remembered."""
    async with House(real_door()).running() as house:
        await house.clock.pass_time(2)
        house.new()
        before = list(board.orders)
        house.site.play("board", InputChanged(2, Contact.OPEN))
        await house.clock.settle()
        assert marks(house) == {"site.fire": True, "door.locked_open": True}
        house.site.play("board", InputChanged(2, Contact.CLOSED))
        await house.clock.settle()
        assert marks(house) == {"site.fire": True, "door.locked_open": True}
        assert board.orders == before
        assert house.site.alarms() == ()
        assert not any("fire" in note for note in house.notes.kept.values())


@pytest.mark.peer("pymodbus")
async def test_a_rehearsal_knows_the_mode_and_uses_no_visit_up(board: Real) -> None:
    """In lock-down a played card is refused; a visitor's entries are not used by playing."""
    async with House(real_door()).running() as house:
        await house.clock.pass_time(2)
        for _ in range(3):
            house.site.play("sim", CardRead(1, 26, VISITOR))
            await house.clock.pass_time(10)
        assert "visits" not in house.notes.kept
        assert (await house.site.lock_down()).result is Result.ACCEPTED
        house.new()
        house.site.play("sim", CardRead(1, 26, TENANT))
        await house.clock.settle()
        assert house.last()["reason"] == "locked_down"
        assert marks(house) == {"access.denied": True}
        house.site.play("board", InputChanged(3, Contact.OPEN))
        house.site.play("board", InputChanged(3, Contact.CLOSED))
        await house.clock.settle()
        assert marks(house) == {"access.granted": True, "door.released": True}


async def test_whatever_a_simulated_device_says_is_marked() -> None:
    """Its own lock moves, and every event of it says what it is."""
    async with House(two_doors()).running() as house:
        await house.clock.pass_time(2)
        house.new()
        house["sim"].present_card(1, 26, TENANT)
        await house.clock.settle()
        assert house["sim"].released(1)
        house["sim"].open_leaf(1)
        await house.clock.pass_time(60)
        house["sim"].close_leaf(1)
        house["io"].fire()
        await house.clock.settle()
        assert set(marks(house).values()) == {True}


@pytest.mark.peer("pymodbus")
async def test_a_simulated_reader_moves_no_real_lock(board: Real, monkeypatch: pytest.MonkeyPatch) -> None:
    """A door wired half to a board and half to nothing: what nothing says stays a rehearsal."""
    given = real_door().model_dump()
    given["controllers"] = {"board": BOARD, "sim": {"driver": "simulated"}}
    async with House(GateSettings.model_validate(given)).running() as house:
        await house.clock.pass_time(2)
        before = list(board.orders)
        house.new()
        told: list[Reading] = [CardRead(1, 26, TENANT), RequestToExit(1), DoorPosition(1, Contact.OPEN)]
        for reading in told:
            house.site.reading("sim", reading)
        await house.clock.settle()
        assert set(marks(house).items()) == {("access.granted", True), ("door.released", True)}
        assert board.orders == before
