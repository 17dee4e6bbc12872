"""YuNet's outputs as faces: for every cell of three grids, how likely a face is centred there, its box and five points."""

from __future__ import annotations

from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from models.boxes import Box, survivors
from models.contract import Face, Image

STRIDES = (8, 16, 32)  # px between the cells of a grid
DIVISOR = 32  # a picture's sides must be multiples of the coarsest grid
OVERLAP = 0.3  # intersection over union from which two boxes are one face, as OpenCV's detector has it


def shrink(image: Image, longest: int) -> tuple[Image, float]:
    """The picture with its longer side at most `longest`, and the factor it was shrunk by (1.0: the picture itself)."""
    height, width = image.shape[:2]
    factor = longest / max(height, width, 1)
    if factor >= 1.0:
        return image, 1.0
    size = max(1, round(width * factor)), max(1, round(height * factor))
    return np.asarray(cv2.resize(image, size, interpolation=cv2.INTER_AREA), dtype=np.uint8), factor


def padded(height: int, width: int) -> tuple[int, int]:
    """The sides with what is missing to multiples of 32, added below and to the right."""
    return -(-height // DIVISOR) * DIVISOR, -(-width // DIVISOR) * DIVISOR


def rows(outputs: Mapping[str, NDArray[np.float32]], width: int, score: float, at_most: int) -> NDArray[np.float32]:
    """The faces as rows (x, y, w, h, ten coordinates of points, score), best first, from the outputs for a padded picture."""
    found = []
    for stride in STRIDES:
        sure = np.sqrt(np.clip(outputs[f"cls_{stride}"], 0, 1) * np.clip(outputs[f"obj_{stride}"], 0, 1)).reshape(-1)
        cells = np.flatnonzero(sure >= score)
        if not cells.size:
            continue
        corner = np.stack([cells % (width // stride), cells // (width // stride)], axis=1).astype(np.float32)
        box = outputs[f"bbox_{stride}"].reshape(-1, 4)[cells]
        points = outputs[f"kps_{stride}"].reshape(-1, 5, 2)[cells]
        size = np.exp(box[:, 2:]) * stride
        start = (corner + box[:, :2]) * stride - size / 2
        places = (points + corner[:, None, :]) * stride
        found.append(np.concatenate([start, size, places.reshape(-1, 10), sure[cells, None]], axis=1))
    if not found:
        return np.empty((0, 15), np.float32)
    every = np.concatenate(found).astype(np.float32)
    return every[survivors(every[:, :4], every[:, 14], OVERLAP, at_most)]


def faces(found: NDArray[np.float32], factor: float) -> tuple[Face, ...]:
    """Rows in the shrunk picture as faces in the whole one, largest first."""
    made = []
    for row in found:
        points = (row[4:14] / factor).reshape(5, 2).astype(np.float32)
        made.append(Face(Box(*map(float, row[:4] / factor)), points, float(row[14]), scale=factor))
    return tuple(sorted(made, key=lambda face: -face.box.area))
