"""The standard engine on OpenVINO: YuNet and SFace as float32, a third of the time of OpenCV's own runtime."""

from __future__ import annotations

from collections import OrderedDict
from pathlib import Path

import cv2
import numpy as np

from models import yunet
from models.align import chip
from models.contract import Embedding, Engine, Face, Image, Options, Space
from models.liveness import liveness_if_there
from models.openvino_runtime import Model, Network, give_back
from models.spaces import SFACE
from models.weights import Weights

SHAPES = 4  # compiled sizes kept: cameras of a gate rarely have more; each costs about 5 MB


def make(weights: Weights, options: Options) -> Engine:
    """The engine. Raises WeightsMissing, and ImportError where openvino is not installed."""
    detector = OpenvinoDetector(weights.made("yunet_int8bq"), options)
    embedder = OpenvinoEmbedder(weights.made("sface_int8bq"), options)
    engine = Engine("standard", "openvino", detector, embedder, liveness_if_there(weights, "openvino", options))
    give_back()  # what was read is no longer needed once it is compiled
    return engine


class OpenvinoDetector:
    """YuNet, compiled once for each size of picture."""

    def __init__(self, model: Path, options: Options) -> None:
        self._model = Model(model)
        self._options = options
        self._networks: OrderedDict[tuple[int, int], Network] = OrderedDict()

    def detect(self, image: Image) -> tuple[Face, ...]:
        """See contract.Detector."""
        if image.size == 0:
            return ()
        small, factor = yunet.shrink(image, self._options.longest)
        height, width = small.shape[:2]
        high, wide = yunet.padded(height, width)
        blob = np.zeros((1, 3, high, wide), np.float32)
        blob[0, :, :height, :width] = small.transpose(2, 0, 1)
        outputs = self._network(high, wide)(blob)
        return yunet.faces(yunet.rows(outputs, wide, self._options.score, self._options.at_most), factor)

    def _network(self, height: int, width: int) -> Network:
        key = height, width
        if key not in self._networks:
            if len(self._networks) == SHAPES:
                self._networks.popitem(last=False)
            self._networks[key] = self._model.compiled(self._options, (1, 3, height, width))
        self._networks.move_to_end(key)
        return self._networks[key]


class OpenvinoEmbedder:
    """SFace. It wants red, green, blue, 0..255, as they are."""

    def __init__(self, model: Path, options: Options) -> None:
        self._network = Model(model).compiled(options)

    @property
    def space(self) -> Space:
        """See contract.Embedder."""
        return SFACE

    def embed(self, image: Image, face: Face) -> Embedding:
        """See contract.Embedder."""
        upright = cv2.cvtColor(chip(image, face.points), cv2.COLOR_BGR2RGB)
        blob = np.ascontiguousarray(upright.transpose(2, 0, 1)[None], dtype=np.float32)
        return Embedding.of(SFACE, next(iter(self._network(blob).values())))
