"""Tracks: one number per face for as long as it is in view."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from edge.vision.track import LOST_AFTER_S, MAX_TRACKS, Tracker
from models.boxes import Box


def walk(start: float, speed: float, i: int) -> Box:
    """A face 80 pixels wide after `i` tenths of a second."""
    return Box(start + speed * i / 10, 100, 80, 100)


def test_two_people_walking_past_each_other_keep_their_numbers() -> None:
    """Two faces side by side, moving apart and together, are two tracks throughout."""
    tracker = Tracker()
    for i in range(20):
        step = tracker.step([walk(100, 120, i), Box(600 - 12 * i, 250, 80, 100)], i / 10)
        assert [track.number for track in step.tracks if track] == [1, 2]
        assert step.ended == ()


def test_order_of_boxes_does_not_matter() -> None:
    """A detector that lists faces in another order changes nothing."""
    tracker = Tracker()
    for i in range(10):
        boxes = [walk(100, 100, i), walk(500, 100, i)]
        step = tracker.step(boxes[:: -1 if i % 2 else 1], i / 10)
        numbers = [track.number for track in step.tracks if track]
        assert numbers == ([2, 1] if i % 2 else [1, 2])


def test_hidden_for_a_moment_is_the_same_face() -> None:
    """A face hidden for less than the bound goes on under its number, longer begins anew."""
    tracker = Tracker()
    for i in range(5):
        tracker.step([walk(100, 60, i)], i / 10)
    tracker.step([], 0.5)
    again = tracker.step([walk(100, 60, 9)], 0.9)
    assert again.tracks[0] is not None
    assert again.tracks[0].number == 1
    gone = tracker.step([], 0.9 + LOST_AFTER_S + 0.01)
    assert [track.number for track in gone.ended] == [1]
    anew = tracker.step([walk(100, 60, 9)], 2.5)
    assert anew.tracks[0] is not None
    assert anew.tracks[0].number == 2


def test_one_detection_is_not_believed() -> None:
    """A single detection is unconfirmed, the second confirms it."""
    tracker = Tracker()
    first = tracker.step([walk(0, 0, 0)], 0.0).tracks[0]
    second = tracker.step([walk(0, 0, 0)], 0.1).tracks[0]
    assert first is not None
    assert not first.confirmed
    assert second is not None
    assert second.confirmed


BOX = st.builds(Box, *[st.floats(0, 2000)] * 2, *[st.floats(1, 500)] * 2)


@given(st.lists(st.lists(BOX, max_size=30), max_size=12))
def test_bounded_and_unambiguous(frames: list[list[Box]]) -> None:
    """Whatever a detector says: no more than the bound, no number twice in a frame, no number reused, each ended once."""
    tracker = Tracker()
    ended: list[int] = []
    for i, boxes in enumerate(frames):
        step = tracker.step(boxes, i * 0.3)
        numbers = [track.number for track in step.tracks if track]
        assert len(set(numbers)) == len(numbers)
        assert not set(numbers) & set(ended)
        assert tracker.active() <= MAX_TRACKS
        ended += [track.number for track in step.ended]
    assert len(set(ended)) == len(ended)
