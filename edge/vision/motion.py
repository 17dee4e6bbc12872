"""Does anything move? A gate's camera sees nobody most of the time, and then nothing is searched for faces."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

WIDTH, HEIGHT = 320, 180  # a head at five metres is still 10 px wide; the comparison costs 0.02 ms
LEVELS = 18  # of 255: above a cheap sensor's noise at night, below a dark coat before a grey wall
SHARE = 0.003  # of the picture: about the head alone
SETTLE_S = 3.0  # without motion and without faces for this long: idle


class Motion:
    """The motion gate of one camera."""

    def __init__(self) -> None:
        self._last: NDArray[np.uint8] | None = None
        self._moved_at: float | None = None

    def moves(self, luma: NDArray[np.uint8], now: float) -> bool:
        """Whether this brightness picture, uint8 of (HEIGHT, WIDTH), differs from the one before, or one did within the last SETTLE_S.

        The very first picture counts as motion: somebody may stand there already.
        """
        moved = self._last is None or float(np.count_nonzero(cv2.absdiff(luma, self._last) > LEVELS)) > SHARE * luma.size
        self._last = luma
        if moved:
            self._moved_at = now
        return self._moved_at is not None and now - self._moved_at <= SETTLE_S
