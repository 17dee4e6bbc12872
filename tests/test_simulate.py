"""What an installer plays, as the readings that the wired device would give."""

from __future__ import annotations

import pytest

from drivers.readings import Contact, InputChanged, Passed, Reading
from edge.control.simulate import Simulation
from edge.errors import CommandRefused
from edge.gate.settings import GateSettings
from edge.settings import Settings

BOARD = {"driver": "modbus", "port": "/dev/null", "unit": 1, "outputs": 2, "inputs": 8}
LOCK = {"controller": "board", "type": "fail_secure", "wiring": "no", "accept_latching": True}


class Played:
    """Remembers what was played, and whether it may move locks."""

    def __init__(self) -> None:
        self.said: list[tuple[str, Reading, bool]] = []

    def __call__(self, controller: str, reading: Reading, *, live: bool) -> None:
        """Be SiteGates.play."""
        self.said.append((controller, reading, live))


@pytest.fixture
def settings() -> Settings:
    """Two turnstiles, one whose device knows doors; the guard's button on input 8."""
    gate = {
        "controllers": {"board": BOARD, "sim": {"driver": "simulated"}},
        "doors": {
            "arm": {"kind": "turnstile", "lock": LOCK | {"output": 1}, "passes": {"controller": "board", "inward": 1, "outward": 2}},
            "half": {"kind": "turnstile", "lock": LOCK | {"output": 2}, "passes": {"controller": "board", "inward": 3, "active": "open"}},
            "knows": {
                "kind": "turnstile",
                "lock": {"controller": "sim", "door": 1, "type": "fail_secure", "wiring": "no"},
                "passes": {"controller": "board", "door": 1, "swapped": True},
            },
        },
        "access_points": {"arm_in": {"door": "arm", "direction": "in"}},
        "guard_button": {"controller": "board", "input": 8, "access_point": "arm_in"},
    }
    GateSettings.model_validate(gate)
    return Settings.model_validate({"site": {"name": "anting_01"}, **gate})


@pytest.mark.peer("pymodbus")
def test_passes_and_the_desk(settings: Settings) -> None:
    """A contact closes and opens again; a device that knows doors says it in its own sense of direction; nothing is live unasked."""
    played = Played()
    simulation = Simulation(settings, {"board": object()}, played)  # type: ignore[dict-item]  # no device is moved
    simulation.act("pass", {"door": "arm", "state": "out"})
    simulation.act("pass", {"door": "half", "state": "in"})
    simulation.act("pass", {"door": "knows", "state": "in"})
    simulation.act("desk", {})
    closed, opened = Contact.CLOSED, Contact.OPEN
    wanted = [
        *(("board", InputChanged(2, state), False) for state in (opened, closed, opened)),
        *(("board", InputChanged(3, state), False) for state in (closed, opened, closed)),
        ("board", Passed(1, inward=False), False),
        *(("board", InputChanged(8, state), False) for state in (opened, closed, opened)),
    ]
    assert played.said == wanted
    with pytest.raises(CommandRefused, match="in this direction"):
        simulation.act("pass", {"door": "half", "state": "out"})


@pytest.mark.peer("pymodbus")
@pytest.mark.parametrize("what", ["contact", "tamper", "power", "pass", "fire"])
def test_how_things_stand_is_not_played_live(settings: Settings, what: str) -> None:
    """Whatever else is said of it: only the wire says it of a real door."""
    played = Played()
    simulation = Simulation(settings, {"board": object()}, played)  # type: ignore[dict-item]  # no device is moved
    for state in ("off",) if what == "fire" else ("on", "off", "open", "closed", "in", "ok", "failed"):
        with pytest.raises(CommandRefused) as refused:
            simulation.act(what, {"door": "arm", "controller": "board", "state": state, "live": "yes"})
        assert refused.value.code == "not_live"
    assert played.said == []
