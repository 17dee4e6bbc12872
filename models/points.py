"""A face's points found a second time, in a picture of the face alone: upright, and large enough to see them well.

A picture is searched at 640 px. A small face lies there on a dozen pixels, and its points are off by one or two of them. Of a head that
leans they show a third of how much it does. bench/conditions prints what the second look brings.
"""

from __future__ import annotations

import math
from dataclasses import replace

import numpy as np

from models.align import laid, similarity
from models.contract import Detector, Face, Image, Layout, Points

SIDE = 192  # px: a face with the eyes 48 px apart is about 120 wide, and the detector wants some of what is around it
EYES_PX = 48.0
WELL_SEEN_PX = 29.0  # between the eyes where the face was searched: from here on a second look brings nothing,
LEVEL = 0.02  # if the line of the eyes rises by no more than this (radians)
LEANS = 3.0  # times what the points show: of looks at heads that lean by 30 degrees that misses 3 in 100 where once as much misses 8
FAR = 0.5  # of the distance between the eyes: points that moved further belong to something else,
ALIKE = 1.6  # and so do eyes so many times nearer to each other, or further apart, than before


def refined(image: Image, face: Face, detector: Detector) -> Face:
    """The face with the points of a second look, where that is worth it; as it is where a second look finds another face or none.

    A face that seems to lean is looked at twice: turned by as much as its points show, and by LEANS times as much. The surer one counts.
    Layouts without a mouth stay as they are: their embedder has its own way to the chip.
    """
    across, rise = (face.points[1] - face.points[0]).astype(float)
    eyes, roll = math.hypot(across, rise), math.atan2(rise, across)
    level = abs(roll) <= LEVEL
    if face.layout is not Layout.ARCFACE or eyes == 0.0 or (level and eyes * face.scale >= WELL_SEEN_PX):
        return face
    turns = (0.0,) if level else (0.0, (LEANS - 1) * roll)
    found = [seen for turn in turns if (seen := _look(image, face.points, turn, detector)) is not None]
    return replace(face, points=max(found, key=lambda seen: seen[1])[0]) if found else face


def _look(image: Image, points: Points, turn: float, detector: Detector) -> tuple[Points, float] | None:
    """The points of the same face, turned upright and by `turn` (radians) more, and how sure the detector is; None for none."""
    plane = points[:, 0].astype(float) + 1j * points[:, 1]
    middle = SIDE / 2 * (1 + 1j)
    laid_out = (plane - plane.mean()) * EYES_PX / (plane[1] - plane[0]) * np.exp(-1j * turn) + middle
    target = np.stack([laid_out.real, laid_out.imag], axis=1)
    faces = detector.detect(laid(image, points, target, SIDE))
    near = min(faces, key=lambda face: _off(face.points), default=None)
    if near is None or _off(near.points) > FAR * EYES_PX:
        return None
    apart = float(np.hypot(*(near.points[1] - near.points[0])))
    if not EYES_PX / ALIKE < apart < EYES_PX * ALIKE:
        return None
    back = similarity(target.astype(np.float32), points)
    return (near.points @ back[:, :2].T + back[:, 2]).astype(np.float32), near.score


def _off(points: Points) -> float:
    """How far the middle of the points lies from that of the square, px."""
    return float(np.hypot(*(points.mean(axis=0) - SIDE / 2)))
