"""A door machine to play with: grants, a lock that obeys at once, and quiet times."""

from __future__ import annotations

from edge.access.crossing import (
    Effect,
    Grant,
    Leaf,
    Senses,
)
from edge.access.door import Door
from edge.access.terms import Direction

IN, OUT = Direction.IN, Direction.OUT
LEAF = Senses(contact=True)
BLIND = Senses()
TURNSTILE = Senses(passes=True)


def grant(passage: str, direction: Direction = IN, *, who: str = "", button: bool = False) -> Grant:
    """Five seconds for somebody."""
    return Grant(passage, direction, 5.0, who or passage, button=button)


def ready(senses: Senses) -> Door:
    """A door that is closed and secured, every line up."""
    door = Door(senses)
    door.passes_known(True)
    door.lock_known(True)
    door.home()
    door.secured()
    if senses.contact:
        door.moved(Leaf.CLOSED, 0.0)
    return door


def let_in(door: Door, one: Grant, now: float, *, ok: bool = True) -> list[Effect]:
    """Grant, and the lock does as it is told at once (or not)."""
    return [*door.grant(one, now), *door.driven(one.passage_id, one.seconds, now, ok=ok)]


def quiet(door: Door, until: float) -> list[Effect]:
    """Nothing happens until then but time."""
    out: list[Effect] = []
    while (due := door.deadline()) is not None and due <= until:
        out.extend(door.due(due))
    return [*out, *door.due(until)]
