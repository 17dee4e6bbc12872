"""Is this a person or a picture of one? The MiniFASNet pair looks at the face with some, and with much, of what surrounds it.

A signal, never a gate: on a tiny set of fakes 6 in 15 passed at 0.5 (docs/models/minifasnet.md).
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models.boxes import square_within
from models.contract import Face, Image, Liveness, Options
from models.weights import Weights, WeightsMissing

SIDE = 80  # px
PAIR = (("minifasnet_v2", 2.7), ("minifasnet_v1se", 4.0))  # weights, and how many faces wide the crop is
LIVE = 1  # the class of a live face among the three

Run = Callable[[NDArray[np.float32]], NDArray[np.float32]]


def liveness_if_there(weights: Weights, runtime: str, options: Options) -> Liveness | None:
    """The pair, or None where its weights were not imported."""
    try:
        found = [weights.find(name) for name, _ in PAIR]
    except WeightsMissing:
        return None
    return MiniFasNets([_openvino(path, options) if runtime == "openvino" else _opencv(path) for path in found])


class MiniFasNets:
    """Mean of the two networks' probability of a live face."""

    def __init__(self, networks: Sequence[Run]) -> None:
        self._networks = tuple(networks)

    def live(self, image: Image, face: Face) -> float:
        """See contract.Liveness. Crops are squares kept inside the picture; blue, green, red, 0..255, as they are."""
        height, width = image.shape[:2]
        sure = []
        for run, (_, scale) in zip(self._networks, PAIR, strict=True):
            box = square_within(face.box, scale, width, height)
            x, y, side = round(box.x), round(box.y), max(1, round(box.width))
            crop = cv2.resize(image[y : y + side, x : x + side], (SIDE, SIDE))
            raw = run(np.ascontiguousarray(crop.transpose(2, 0, 1)[None], dtype=np.float32)).reshape(-1)
            odds = np.exp(raw - raw.max())
            sure.append(float(odds[LIVE] / odds.sum()))
        return sum(sure) / len(sure)


def _openvino(model: Path, options: Options) -> Run:
    from models.openvino_runtime import Model

    network = Model(model).compiled(options, (1, 3, SIDE, SIDE))
    return lambda blob: next(iter(network(blob).values()))


def _opencv(model: Path) -> Run:
    network = cv2.dnn.readNetFromONNX(str(model))

    def run(blob: NDArray[np.float32]) -> NDArray[np.float32]:
        network.setInput(blob)
        return np.asarray(network.forward(), dtype=np.float32)

    return run
