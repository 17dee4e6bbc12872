"""The standard engine on OpenCV alone, which reads the Zoo's files as they are."""

from __future__ import annotations

from pathlib import Path
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

from models import yunet
from models.align import chip
from models.contract import Embedding, Engine, Face, Image, Options, Space
from models.liveness import liveness_if_there
from models.spaces import SFACE
from models.weights import Weights

INPUT = "data"  # the one true input; the file lists its weights as inputs too
CANDIDATES = 512  # boxes looked at before overlapping ones are dropped; a crowd gives a few dozen


def make(weights: Weights, options: Options) -> Engine:
    """The engine. Raises WeightsMissing. Threads are OpenCV's own matter, one number for the process: `cv2.setNumThreads`."""
    detector = OpencvDetector(weights.find("yunet_int8bq"), options)
    embedder = OpencvEmbedder(weights.find("sface_int8bq"))
    return Engine("standard", "opencv", detector, embedder, liveness_if_there(weights, "opencv", options))


class OpencvDetector:
    """YuNet by OpenCV."""

    def __init__(self, model: Path, options: Options) -> None:
        self._options = options
        self._size = (320, 320)
        self._network = cv2.FaceDetectorYN.create(str(model), "", self._size, options.score, yunet.OVERLAP, CANDIDATES)

    def detect(self, image: Image) -> tuple[Face, ...]:
        """See contract.Detector."""
        if image.size == 0:
            return ()
        small, factor = yunet.shrink(image, self._options.longest)
        size = small.shape[1], small.shape[0]
        if size != self._size:
            self._network.setInputSize(size)
            self._size = size
        found = cast("NDArray[np.float32] | None", self._network.detect(np.ascontiguousarray(small))[1])  # None: no face
        return () if found is None else yunet.faces(found[: self._options.at_most], factor)


class OpencvEmbedder:
    """SFace by OpenCV, on our own alignment, so that both runtimes look at the same chip.

    This is what cv2.FaceRecognizerSF.feature does, but with the input named: OpenCV 5.0 refuses an unnamed one for this file, and forced
    back to its older engine it takes twice the time (30 ms for 15).
    """

    def __init__(self, model: Path) -> None:
        self._network = cv2.dnn.readNetFromONNX(str(model))

    @property
    def space(self) -> Space:
        """See contract.Embedder."""
        return SFACE

    def embed(self, image: Image, face: Face) -> Embedding:
        """See contract.Embedder."""
        upright = chip(image, face.points)
        self._network.setInput(cv2.dnn.blobFromImage(upright, swapRB=True), INPUT)
        return Embedding.of(SFACE, np.asarray(self._network.forward(), np.float32))
