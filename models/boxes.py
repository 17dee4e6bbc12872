"""Boxes of faces and the arithmetic on them. Units are pixels; arrays of boxes are float32 rows (x, y, width, height)."""

from __future__ import annotations

from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray


class Box(NamedTuple):
    """A rectangle: left upper corner, width, height. May reach outside its picture."""

    x: float
    y: float
    width: float
    height: float

    @property
    def area(self) -> float:
        """Square pixels."""
        return self.width * self.height

    @property
    def centre(self) -> tuple[float, float]:
        """(x, y) of the middle."""
        return self.x + self.width / 2, self.y + self.height / 2

    def overlap(self, other: Box) -> float:
        """Intersection over union, 0..1."""
        wide = min(self.x + self.width, other.x + other.width) - max(self.x, other.x)
        high = min(self.y + self.height, other.y + other.height) - max(self.y, other.y)
        if wide <= 0 or high <= 0:
            return 0.0
        return wide * high / (self.area + other.area - wide * high)


def survivors(boxes: NDArray[np.float32], scores: NDArray[np.float32], overlap: float, at_most: int) -> list[int]:
    """Greedy non-maximum suppression: indices of the boxes kept, best score first.

    A box is dropped when its intersection over union with a better one exceeds `overlap`.
    """
    order = np.argsort(-scores, kind="stable")
    right, low = boxes[:, 0] + boxes[:, 2], boxes[:, 1] + boxes[:, 3]
    area = boxes[:, 2] * boxes[:, 3]
    kept: list[int] = []
    while order.size and len(kept) < at_most:
        best, rest = int(order[0]), order[1:]
        kept.append(best)
        wide = np.minimum(right[best], right[rest]) - np.maximum(boxes[best, 0], boxes[rest, 0])
        high = np.minimum(low[best], low[rest]) - np.maximum(boxes[best, 1], boxes[rest, 1])
        shared = np.clip(wide, 0, None) * np.clip(high, 0, None)
        order = rest[shared <= overlap * (area[best] + area[rest] - shared)]
    return kept


def square_within(box: Box, scale: float, width: int, height: int) -> Box:
    """The square `scale` times as long as the box, about its centre, shrunk and then moved until it lies inside width x height."""
    side = min(scale * max(box.width, box.height), width, height)
    x, y = box.centre
    return Box(min(max(x - side / 2, 0.0), width - side), min(max(y - side / 2, 0.0), height - side), side, side)
