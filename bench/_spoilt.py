"""What a gate does to a face: pictures of people made small, blurred, dark, turned or covered, each with a name. Shapes are uint8 BGR.

Each takes a picture of a face and its five points in it, and a generator of noise.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial

import cv2
import numpy as np
from numpy.random import Generator

from models.contract import Image, Points

Spoil = Callable[[Image, Points, Generator], Image]


def _bytes(picture: np.ndarray) -> Image:
    return np.clip(picture, 0, 255).astype(np.uint8)


def clean(image: Image, _points: Points, _noise: Generator) -> Image:
    """As it is."""
    return image


def far(image: Image, points: Points, noise: Generator, *, eyes: float, width: int, height: int) -> Image:
    """So far away that the eyes are `eyes` px apart, somewhere in a grey hall of width x height px."""
    scale = eyes / float(np.hypot(*(points[1] - points[0])))
    small = np.asarray(cv2.resize(image, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_CUBIC))
    small = small[:height, :width]
    scene = np.full((height, width, 3), 110, np.uint8)
    top, left = (int(noise.integers(0, free + 1)) for free in (height - small.shape[0], width - small.shape[1]))
    scene[top : top + small.shape[0], left : left + small.shape[1]] = small
    return scene


def blurred(image: Image, _points: Points, _noise: Generator, *, sigma: float) -> Image:
    """Out of focus."""
    return np.asarray(cv2.GaussianBlur(image, (0, 0), sigma), np.uint8)


def moved(image: Image, _points: Points, noise: Generator, *, length: int) -> Image:
    """Moving `length` px while the shutter is open, in any direction."""
    kernel = np.zeros((length, length), np.float32)
    kernel[length // 2] = 1.0
    turn = cv2.getRotationMatrix2D(((length - 1) / 2, (length - 1) / 2), float(noise.uniform(0, 180)), 1.0)
    kernel = np.asarray(cv2.warpAffine(kernel, turn, (length, length)), np.float32)
    return np.asarray(cv2.filter2D(image, -1, kernel / kernel.sum()), np.uint8)


def darker(image: Image, _points: Points, _noise: Generator, *, gamma: float) -> Image:
    """Dark tones lost."""
    return _bytes(255 * (image / 255.0) ** gamma)


def night(image: Image, points: Points, noise: Generator, *, sigma: float) -> Image:
    """By infrared: grey, dark, with noise of so many steps."""
    grey = cv2.cvtColor(darker(image, points, noise, gamma=2), cv2.COLOR_BGR2GRAY)
    return np.repeat(_bytes(grey + noise.normal(0, sigma, grey.shape))[:, :, None], 3, axis=2)


def lit(image: Image, _points: Points, noise: Generator, *, gain: float, sigma: float = 0.0) -> Image:
    """Too much or too little light."""
    return _bytes(image * gain + (noise.normal(0, sigma, image.shape) if sigma else 0.0))


def backlit(image: Image, points: Points, _noise: Generator, *, gain: float) -> Image:
    """The face in its own shadow before a bright door."""
    height, width = image.shape[:2]
    x, y = points.mean(axis=0)
    eyes = float(np.hypot(*(points[1] - points[0])))
    rows, columns = np.mgrid[:height, :width]
    inside = np.clip(2.2 - np.hypot((columns - x) / (1.3 * eyes), (rows - y) / (1.7 * eyes)), 0, 1)[:, :, None]
    return _bytes(image * gain * inside + np.maximum(image, 200.0) * (1 - inside))


def side_lit(image: Image, points: Points, _noise: Generator, *, gain: float) -> Image:
    """Light from one side: the other falls off to `gain`."""
    eyes = float(np.hypot(*(points[1] - points[0])))
    across = np.clip((np.arange(image.shape[1]) - points.mean(axis=0)[0]) / (1.2 * eyes) + 0.5, 0, 1)
    return _bytes(image * (gain + (1 - gain) * across)[None, :, None])


def leaning(image: Image, points: Points, noise: Generator, *, degrees: float) -> Image:
    """The head on one side."""
    x, y = map(float, points.mean(axis=0))
    turn = cv2.getRotationMatrix2D((x, y), degrees * float(noise.choice([-1, 1])), 1.0)
    return np.asarray(cv2.warpAffine(image, turn, image.shape[1::-1], borderMode=cv2.BORDER_REFLECT), np.uint8)


def pressed(image: Image, _points: Points, _noise: Generator, *, quality: int) -> Image:
    """As JPEG of a low quality."""
    data = cv2.imencode(".jpg", image, [cv2.IMWRITE_JPEG_QUALITY, quality])[1]
    return np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8)


def masked(image: Image, points: Points, _noise: Generator) -> Image:
    """A mask from the bridge of the nose to below the chin."""
    left, right, nose, mouth_left, mouth_right = points.astype(float)
    across, chin = right - left, (mouth_left + mouth_right) / 2
    down = chin - (left + right) / 2
    shape = [left - 0.35 * across + 0.35 * down, nose - 0.25 * down, right + 0.35 * across + 0.35 * down]
    shape += [mouth_right + 0.3 * across + 0.3 * down, chin + 0.75 * down, mouth_left - 0.3 * across + 0.3 * down]
    return np.asarray(cv2.fillPoly(image.copy(), [np.array(shape).round().astype(np.int32)], (215, 205, 190), cv2.LINE_AA), np.uint8)


def in_sunglasses(image: Image, points: Points, _noise: Generator) -> Image:
    """Two dark glasses."""
    drawn = image.copy()
    left, right = points[:2].astype(float)
    eyes = float(np.hypot(*(right - left)))
    angle = float(np.degrees(np.arctan2(*(right - left)[::-1])))
    for eye in (left, right):
        cv2.ellipse(drawn, (tuple(map(float, eye)), (0.85 * eyes, 0.6 * eyes), angle), (20, 20, 20), -1, cv2.LINE_AA)
    cv2.line(drawn, tuple(map(round, left)), tuple(map(round, right)), (20, 20, 20), max(1, round(0.08 * eyes)), cv2.LINE_AA)
    return drawn


SPOILT: Mapping[str, Spoil] = {
    "clean": clean,
    **{
        f"eyes {eyes} px in {width}x{height}": partial(far, eyes=eyes, width=width, height=height)
        for width, height, sizes in ((1280, 720, (16, 20, 30, 40, 60)), (1920, 1080, (20, 30, 40, 60)), (2560, 1440, (30, 40, 60)))
        for eyes in sizes
    },
    **{f"leans {degrees} degrees": partial(leaning, degrees=degrees) for degrees in (10, 20, 30)},
    **{f"out of focus, sigma {sigma}": partial(blurred, sigma=sigma) for sigma in (1, 2, 3, 4)},
    **{f"moves {length} px": partial(moved, length=length) for length in (7, 13, 19)},
    "gamma 2.5": partial(darker, gamma=2.5),
    **{f"night, noise {sigma}": partial(night, sigma=sigma) for sigma in (10, 25)},
    **{f"dark, gain {gain}": partial(lit, gain=gain, sigma=5) for gain in (0.25, 0.12)},
    **{f"bright, gain {gain}": partial(lit, gain=gain) for gain in (2.2, 3.5)},
    **{f"backlight, face at {gain}": partial(backlit, gain=gain) for gain in (0.35, 0.2)},
    **{f"side light to {gain}": partial(side_lit, gain=gain) for gain in (0.25, 0.1)},
    **{f"JPEG {quality}": partial(pressed, quality=quality) for quality in (30, 10)},
    "mask": masked,
    "sunglasses": in_sunglasses,
}
