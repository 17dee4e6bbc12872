"""Turning a face upright: the similarity transform (turn, scale, shift) that brings five points to where a network expects them."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray

from models.contract import Image, Points

CHIP = 112  # px; ArcFace and SFace look at squares of this side

# Where ArcFace (and SFace after it) wants the eyes, the nose and the corners of the mouth in a 112 x 112 chip.
ARCFACE = np.array([(38.2946, 51.6963), (73.5318, 51.5014), (56.0252, 71.7366), (41.5493, 92.3655), (70.7299, 92.2041)], dtype=np.float64)

# Below this scale two pixels of the picture fall between the samples of a bilinear warp, so the picture is first shrunk by area.
FINE_ENOUGH = 0.5


def similarity(source: Points, target: NDArray[np.floating]) -> NDArray[np.float64]:
    """The least-squares similarity from source to target points (both (n, 2)), as a 2 x 3 matrix. It never mirrors.

    In the plane it is one complex number: with both sets about their means, target = a * source is solved by
    a = sum(conj(source) * target) / sum(|source|^2). Raises ValueError when all the source points are one.
    """
    here = source[:, 0].astype(np.float64) + 1j * source[:, 1]
    there = target[:, 0] + 1j * target[:, 1].astype(np.float64)
    mean_here, mean_there = here.mean(), there.mean()
    spread = float(np.sum(np.abs(here - mean_here) ** 2))
    if spread == 0.0:
        raise ValueError("five points in one place have no direction")
    turn = np.sum(np.conj(here - mean_here) * (there - mean_there)) / spread
    shift = mean_there - turn * mean_here
    return np.array([[turn.real, -turn.imag, shift.real], [turn.imag, turn.real, shift.imag]])


def chip(image: Image, points: Points) -> Image:
    """The face on ArcFace's five points: uint8 of shape (112, 112, 3), black where the picture ends."""
    return laid(image, points, ARCFACE, CHIP)


def laid(image: Image, points: Points, target: NDArray[np.floating], side: int) -> Image:
    """The picture turned, scaled and shifted so that its points come to the target's: uint8 of shape (side, side, 3)."""
    matrix = similarity(points, target)
    scale = math.hypot(matrix[0, 0], matrix[1, 0])
    if scale < FINE_ENOUGH:
        image, points = _shrunk(image, points, scale, side)
        matrix = similarity(points, target)
    return np.asarray(cv2.warpAffine(image, matrix, (side, side), flags=cv2.INTER_LINEAR), dtype=np.uint8)


def _shrunk(image: Image, points: Points, scale: float, side: int) -> tuple[Image, Points]:
    """The surroundings of the face, shrunk by area averaging to about the target's own scale, and the points in them."""
    centre, reach = points.mean(axis=0), side / scale  # the square's diagonal fits in twice its side
    left, top = (int(max(v, 0)) for v in centre - reach)
    right, low = (math.ceil(v) for v in centre + reach)
    part = image[top:low, left:right]
    size = max(1, round(part.shape[1] * scale)), max(1, round(part.shape[0] * scale))
    small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
    factor = np.array([size[0] / part.shape[1], size[1] / part.shape[0]])
    # Pixel centres, not corners, keep their place when an area is averaged.
    moved = (points - (left, top) + 0.5) * factor - 0.5
    return np.asarray(small, dtype=np.uint8), moved.astype(np.float32)
