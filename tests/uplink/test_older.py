"""Questions about epochs that are over."""

from __future__ import annotations

from edge.uplink.limits import Limits
from edge.uplink.older import Older


def test_events_that_are_all_too_large_do_not_end_the_answer() -> None:
    """Nothing of them is on its way, so nobody waits for an answer of the broker."""
    older = Older(Limits())
    older.ask("centre", "a", 3)
    asked = older.next(0.0)
    assert asked is not None
    older.sent(asked, 7, 0, 20, 0.0)
    assert older.next(0.0) is asked
    assert asked.after == 7
    older.sent(asked, 9, 2, 20, 0.0)
    assert older.next(60.0) is None
    older.settled()
    assert older.next(60.0) is asked
