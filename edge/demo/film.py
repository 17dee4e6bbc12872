"""Films of people walking up to a gate, made on the spot: moved, scaled, blurred and relit as a camera would see them.

Both faces are in the public domain and come with packages: Grace Hopper (US Navy) with matplotlib, Eileen Collins (NASA) with
scikit-image.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
WIDTH, HEIGHT, FPS = 1280, 720, 25
WALL = (90, 100, 110)


@dataclass(frozen=True, slots=True)
class Scene:
    """For `seconds` these people come nearer, side by side; nobody is the bare wall."""

    seconds: float
    people: tuple[Image, ...] = ()


def hopper() -> Image:
    """Grace Hopper, blue first."""
    from matplotlib.cbook import get_sample_data

    image = cv2.imread(str(get_sample_data("grace_hopper.jpg", asfileobj=False)))
    if image is None:
        raise FileNotFoundError("matplotlib's sample data")
    return np.asarray(image, dtype=np.uint8)


def collins() -> Image:
    """Eileen Collins, blue first."""
    from skimage import data

    return np.ascontiguousarray(data.astronaut()[:, :, ::-1])  # type: ignore[no-untyped-call]  # scikit-image has no types


def shoot(path: Path, scenes: Sequence[Scene]) -> Path:
    """Film the scenes one after the other; a keyframe every second."""
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=FPS, options={"preset": "ultrafast", "tune": "zerolatency", "g": str(FPS)})
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for scene in scenes:
            for frame in _frames(scene):
                film.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        film.mux(stream.encode())
    return path


def _frames(scene: Scene) -> Iterator[Image]:
    total = int(FPS * scene.seconds)
    for i in range(total):
        frame = np.full((HEIGHT, WIDTH, 3), WALL, np.uint8)
        for place, person in enumerate(scene.people):
            _paint(frame, person, i / total, (place + 1) / (len(scene.people) + 1))
        yield frame


def _paint(frame: Image, person: Image, part: float, across: float) -> None:
    """One person, `part` (0..1) of the way to the camera: larger, sharper and better lit with every step, swaying a little."""
    scale = (0.45 + 0.4 * part) * 600 / person.shape[0]
    near = cv2.resize(person, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    near = cv2.GaussianBlur(near, (0, 0), 0.3 + 0.7 * (1 - part))
    near = cv2.convertScaleAbs(near, alpha=0.75 + 0.25 * part, beta=6 * np.sin(12 * part))
    centre = int(WIDTH * across + 60 * (part - 0.5) + 12 * np.sin(20 * part))
    left, top = max(0, centre - near.shape[1] // 2), max(0, HEIGHT - near.shape[0])
    seen = near[: HEIGHT - top, : WIDTH - left]
    frame[top : top + seen.shape[0], left : left + seen.shape[1]] = seen
