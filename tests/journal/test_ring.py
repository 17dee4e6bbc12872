"""What waits in memory: bounded, in order, alarms last to go."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.journal.receipt import Receipt
from edge.journal.record import Draft
from edge.journal.ring import Entry, Ring, precious


def entry(turn: int, *, alarm: bool = False, events: int = 1) -> Entry:
    """One append."""
    drafts = tuple(Draft("", "door", "forced" if alarm else "opened", b"") for _ in range(events))
    return Entry(turn, drafts, Receipt(), precious(drafts))


def turns(entries: list[Entry]) -> list[int]:
    """Their places."""
    return [one.turn for one in entries]


def test_the_oldest_ordinary_goes_first() -> None:
    """Alarms stay while anything ordinary can go; then the oldest alarm goes; the new one never."""
    ring = Ring(3)
    for n, alarm in enumerate((True, False, True)):
        assert ring.put(entry(n, alarm=alarm)) == []
    assert turns(ring.put(entry(3))) == [1]
    assert turns(ring.put(entry(4, alarm=True))) == [3]
    assert turns(ring.put(entry(5, alarm=True))) == [0]
    assert turns(ring.put(entry(6))) == [2]
    assert turns(ring.take(10)) == [4, 5, 6]


@given(st.lists(st.tuples(st.booleans(), st.integers(1, 4)), max_size=60), st.integers(4, 20), st.integers(1, 9))
def test_order_and_bound_hold(appends: list[tuple[bool, int]], bound: int, limit: int) -> None:
    """Whatever is appended: never more than the bound, what is left comes out in order, and nothing is unaccounted for."""
    ring = Ring(bound)
    gone: list[Entry] = []
    for turn, (alarm, events) in enumerate(appends):
        gone += ring.put(entry(turn, alarm=alarm, events=events))
        assert len(ring) <= bound
    out: list[Entry] = []
    while taken := ring.take(limit):
        assert sum(len(one.drafts) for one in taken) <= max(limit, len(taken[0].drafts))
        if len(out) % 2:
            ring.put_back(taken)
            taken = ring.take(limit)
        out += taken
    assert turns(out) == sorted(turns(out))
    assert sorted(turns(out) + turns(gone)) == list(range(len(appends)))
    assert len(ring) == 0
