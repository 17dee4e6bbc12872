"""Faces over time: which box in this frame is which face of the last one. Pure.

Boxes are matched greedily by overlap with where each track should be by now (constant velocity); faces at a gate are few (up to five
at once) and large, so the greedy order gives what an assignment solver would. A track keeps its number for life; none is used twice.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from models.boxes import Box

LOST_AFTER_S = 1.0  # a head turned away or a passing arm hides a face for less; a person walks out of view in more
CONFIRM_FRAMES = 2  # one detection alone is often a poster or a hand
MIN_OVERLAP = 0.2  # between prediction and box: at 10 fps a walking face moves about half its width between frames
MAX_TRACKS = 16  # per camera; a crowd beyond it is counted by the largest faces


@dataclass(frozen=True, slots=True)
class Track:
    """One face over time. `vx`, `vy` are pixels a second; `frames` counts the frames it was found in."""

    number: int
    box: Box
    began: float
    seen: float
    frames: int = 1
    vx: float = 0.0
    vy: float = 0.0

    @property
    def confirmed(self) -> bool:
        """Whether it was found often enough to be believed."""
        return self.frames >= CONFIRM_FRAMES

    def expected(self, now: float) -> Box:
        """Where the face should be at `now`."""
        return self.box._replace(x=self.box.x + self.vx * (now - self.seen), y=self.box.y + self.vy * (now - self.seen))


@dataclass(frozen=True, slots=True)
class Step:
    """What one frame did: for each box of the input its track, and the tracks that ended."""

    tracks: tuple[Track | None, ...]
    ended: tuple[Track, ...]


class Tracker:
    """The tracks of one camera."""

    def __init__(self) -> None:
        self._tracks: list[Track] = []
        self._next = 1

    def step(self, boxes: Sequence[Box], now: float) -> Step:
        """Take the boxes of one frame at monotonic `now` (never before the last); boxes beyond MAX_TRACKS, smallest first, get no track."""
        found: list[Track | None] = [None] * len(boxes)
        pairs = sorted(
            ((track.expected(now).overlap(box), t, b) for t, track in enumerate(self._tracks) for b, box in enumerate(boxes)),
            key=lambda pair: (-pair[0], pair[1], pair[2]),
        )
        taken: set[int] = set()
        for overlap, t, b in pairs:
            if overlap < MIN_OVERLAP:
                break
            if t not in taken and found[b] is None:
                taken.add(t)
                found[b] = _continued(self._tracks[t], boxes[b], now)
        kept = [track for t, track in enumerate(self._tracks) if t not in taken and now - track.seen <= LOST_AFTER_S]
        ended = tuple(track for t, track in enumerate(self._tracks) if t not in taken and now - track.seen > LOST_AFTER_S)
        room = MAX_TRACKS - len(kept) - len(taken)
        for b in sorted((b for b, track in enumerate(found) if track is None), key=lambda b: -boxes[b].area)[: max(0, room)]:
            found[b] = Track(self._next, boxes[b], now, now)
            self._next += 1
        self._tracks = kept + [track for track in found if track is not None]
        return Step(tuple(found), ended)

    def numbers(self) -> frozenset[int]:
        """The tracks in view, or a moment ago."""
        return frozenset(track.number for track in self._tracks)

    def active(self) -> int:
        """How many tracks are in view or were a moment ago."""
        return len(self._tracks)


def _continued(track: Track, box: Box, now: float) -> Track:
    elapsed = now - track.seen
    vx, vy = track.vx, track.vy
    if elapsed > 0:
        # Half old, half new: a detector's box jitters by some per cent of its size from frame to frame.
        (x, y), (was_x, was_y) = box.centre, track.box.centre
        vx, vy = 0.5 * vx + 0.5 * (x - was_x) / elapsed, 0.5 * vy + 0.5 * (y - was_y) / elapsed
    return Track(track.number, box, track.began, now, track.frames + 1, vx, vy)
