"""Films of a person walking up to a gate, made of the two public-domain photographs that packages carry."""

from __future__ import annotations

from pathlib import Path

import av
import cv2
import numpy as np
from numpy.typing import NDArray

Image = NDArray[np.uint8]
SIZE = (1280, 720)
WALL = (90, 100, 110)


def hopper() -> Image:
    """Grace Hopper, from matplotlib's sample data (US Navy, public domain), BGR."""
    from matplotlib.cbook import get_sample_data

    image = cv2.imread(str(get_sample_data("grace_hopper.jpg", asfileobj=False)))
    assert image is not None
    return np.asarray(image, dtype=np.uint8)


def collins() -> Image:
    """Eileen Collins, from skimage's data (NASA, public domain), BGR."""
    from skimage import data

    return np.ascontiguousarray(data.astronaut()[:, :, ::-1])


def walk_up(path: Path, people: list[Image], seconds: float = 3.0, empty: float = 1.0) -> Path:
    """Film people side by side coming nearer before a grey wall, then the wall alone."""
    frames = [_scene(people, i / (25 * seconds)) for i in range(int(25 * seconds))] + [_wall()] * int(25 * empty)
    with av.open(str(path), "w") as film:
        stream = film.add_stream("libx264", rate=25, options={"preset": "ultrafast", "tune": "zerolatency", "g": "25"})
        stream.width, stream.height, stream.pix_fmt = *SIZE, "yuv420p"
        for frame in frames:
            film.mux(stream.encode(av.VideoFrame.from_ndarray(frame, format="bgr24")))
        film.mux(stream.encode())
    return path


def _wall() -> Image:
    return np.full((SIZE[1], SIZE[0], 3), WALL, np.uint8)


def _scene(people: list[Image], part: float) -> Image:
    frame = _wall()
    for i, person in enumerate(people):
        scale = (0.45 + 0.4 * part) * 600 / person.shape[0]
        near = cv2.resize(person, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
        centre = int(SIZE[0] * (i + 1) / (len(people) + 1) + 60 * (part - 0.5))
        left, top = max(0, centre - near.shape[1] // 2), max(0, SIZE[1] - near.shape[0])
        part_seen = near[: SIZE[1] - top, : SIZE[0] - left]
        frame[top : top + part_seen.shape[0], left : left + part_seen.shape[1]] = part_seen
    return frame
