"""What one input asks of the outside world."""

from __future__ import annotations

from dataclasses import dataclass, field

from drivers.orders import Indicate
from edge.access.events import Command, Event
from edge.gate.inputs import Drive
from edge.gate.view import Answer


@dataclass(slots=True)
class Effects:
    """In the order in which it happens: write down, drive the lock, tell the person, answer the guard."""

    events: list[Event] = field(default_factory=list)
    drives: list[Drive] = field(default_factory=list)
    tells: list[tuple[str, Indicate]] = field(default_factory=list)
    answers: list[tuple[int, Answer]] = field(default_factory=list)
    facts: dict[str, str] = field(default_factory=dict)  # remembered in one commit with the events
    mode_asked: bool = False  # the answers wait until the mode is on disk
    command: Command | None = None  # what the events follow from, where the input itself is a command
