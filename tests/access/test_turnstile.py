"""Turnstiles and gates that see each pass."""

from __future__ import annotations

from edge.access.crossing import (
    Crossed,
    DriveRelease,
    Effect,
    Held,
    Leaf,
    NotTaken,
    Opened,
    Senses,
    Uncredentialed,
)
from edge.access.door import PENDING, QUEUE_S
from tests.access.doors import IN, OUT, TURNSTILE, grant, let_in, quiet, ready


def test_a_turnstile_in_a_rush() -> None:
    """Each grant ends in its own pass, in order, however long the queue before it took."""
    door = ready(TURNSTILE)
    crowd = [grant(f"p{n}") for n in range(8)]
    for n, one in enumerate(crowd):
        let_in(door, one, 10 + 0.5 * n)
    for n, one in enumerate(crowd):
        assert [*quiet(door, 15 + 4 * n), *door.passed(IN, 15 + 4 * n)] == [Crossed(one, "turnstile")]
    assert quiet(door, 200) == []


def test_nobody_keeps_a_queue_alive_for_ever() -> None:
    """A grant that was passed over for a minute has gone; its successors' passes do not keep it."""
    door, leaver = ready(TURNSTILE), grant("z", OUT)
    let_in(door, leaver, 10)
    let_in(door, grant("a"), 10)
    door.passed(IN, 12)
    assert quiet(door, 16.1) == [NotTaken(leaver)]
    slow = [grant(f"s{n}") for n in range(30)]
    for one in slow:
        let_in(door, one, 20)
    ended: list[Effect] = []
    for second in range(23, 23 + 90, 4):
        ended += [*quiet(door, second), *door.passed(IN, second)]
    ended += quiet(door, 200)
    assert [e.grant for e in ended if isinstance(e, NotTaken)]
    assert all(e.grant.passage_id.startswith("s") for e in ended if isinstance(e, NotTaken | Crossed))
    assert sum(isinstance(e, NotTaken | Crossed) for e in ended) == len(slow)
    assert QUEUE_S == 60


def test_a_pass_without_a_grant() -> None:
    """Who follows somebody is told with the passage they followed; the other direction's grant is not theirs."""
    door, out = ready(TURNSTILE), grant("a", OUT)
    let_in(door, out, 10)
    assert door.passed(IN, 11) == [Uncredentialed(IN, None)]
    assert door.passed(OUT, 12) == [Crossed(out, "turnstile")]
    assert door.passed(OUT, 13) == [Uncredentialed(OUT, "a")]
    assert door.passed(OUT, 60) == [Uncredentialed(OUT, None)]


def test_a_turnstile_whose_pass_line_is_down() -> None:
    """It is blind for the moment, and says so in the evidence."""
    door, one = ready(TURNSTILE), grant("a")
    door.passes_known(False)
    assert Crossed(one, "no_contact") in let_in(door, one, 10)


def test_a_swing_gate_with_contact_and_passes() -> None:
    """The contact tells open and held, the passes tell who went; passing restarts the held timer."""
    door, one, two = ready(Senses(contact=True, passes=True)), grant("a"), grant("b")
    let_in(door, one, 10)
    assert door.moved(Leaf.OPEN, 11) == [Opened(None)]
    assert door.passed(IN, 12) == [Crossed(one, "turnstile")]
    assert let_in(door, two, 13) == [DriveRelease("b", 5.0)]
    assert door.passed(IN, 14) == [Crossed(two, "turnstile")]
    assert quiet(door, 43) == []
    assert quiet(door, 44) == [Held(begins=True)]


def test_more_grants_than_people_could_stand_there() -> None:
    """The queue is bounded; the oldest ends as not taken."""
    door = ready(TURNSTILE)
    ended = [e for n in range(PENDING + 3) for e in let_in(door, grant(f"p{n}"), 10) if isinstance(e, NotTaken)]
    assert [e.grant.passage_id for e in ended] == ["p0", "p1", "p2"]
