"""The part of the picture that may be analysed. What lies outside is painted over before anything looks at it."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


class Area:
    """A polygon in parts of the picture; without points, all of it."""

    def __init__(self, points: Sequence[tuple[float, float]]) -> None:
        self._points = np.array(points, np.float64).reshape(-1, 2)
        self._size: tuple[int, int] = (0, 0)
        self._mask: Image | None = None
        self._corner = (0, 0, 0, 0)

    def cut(self, image: Image) -> tuple[Image, int, int]:
        """The smallest upright part that holds the area, black outside the polygon, with its left and top in the picture."""
        if not len(self._points):
            return image, 0, 0
        height, width = image.shape[:2]
        if self._size != (width, height):
            self._prepare(width, height)
        left, top, right, low = self._corner
        part = image[top:low, left:right]
        return np.asarray(cv2.bitwise_and(part, part, mask=self._mask), dtype=np.uint8), left, top

    def _prepare(self, width: int, height: int) -> None:
        corners = np.round(self._points * (width - 1, height - 1)).astype(np.int32)
        (left, top), (right, low) = corners.min(axis=0), corners.max(axis=0) + 1
        mask = np.zeros((int(low - top), int(right - left)), np.uint8)
        cv2.fillPoly(mask, [(corners - (left, top)).astype(np.int32)], 255)
        self._size, self._mask, self._corner = (width, height), mask, (int(left), int(top), int(right), int(low))
