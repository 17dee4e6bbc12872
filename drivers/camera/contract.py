"""What every camera is: threads of its own that drain a stream, and one slot with the newest frame.

Cameras live in the vision worker, which is synchronous; nothing here knows asyncio.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]


class Picture(Protocol):
    """A decoded frame that is turned into an array only when somebody looks at it."""

    def bgr(self) -> Image:
        """The frame as (height, width, 3) uint8, blue first."""
        ...

    def luma(self, width: int, height: int) -> Image:
        """The frame's brightness scaled to (height, width) uint8, for the motion gate."""
        ...


WRONG_PASSWORD = "wrong user or password"  # noqa: S105 (why a camera is down; it is then left alone for a while)


@dataclass(frozen=True, slots=True)
class Frame:
    """One frame. `number` counts from 1 per camera and never goes back; `at` is time.monotonic() when its packet arrived."""

    number: int
    at: float
    picture: Picture


@dataclass(frozen=True, slots=True)
class CameraState:
    """How a camera is. `why` is a word for a person (never a URL); `packet_age_s` is None before the first packet."""

    up: bool
    why: str
    packet_age_s: float | None
    frames: int
    dropped: int


class Camera(Protocol):
    """One camera. `start` once, then `newest` as often as wanted, `stop` at the end."""

    def start(self) -> None:
        """Begin draining; returns at once, and reconnects by itself for ever."""
        ...

    def newest(self, after: int, timeout_s: float) -> Frame | None:
        """The newest frame numbered beyond `after`, waiting at most `timeout_s`; None when there is none."""
        ...

    def idle(self, on: bool) -> None:
        """Idle: decode keyframes only (ten times cheaper) until somebody moves; waking catches up at once."""
        ...

    def state(self) -> CameraState:
        """A snapshot, from any thread."""
        ...

    def stop(self, timeout_s: float = 3.0) -> bool:
        """Ask the threads to end; False when one is stuck in a native read (the process has to go then)."""
        ...
