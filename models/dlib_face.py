"""The network of the face_recognition library, for comparison and for sites that hold its enrolments.

dlib finds faces and five points; its ResNet runs as ONNX, at 1/25 of dlib's own time. Neither `face_recognition` (its loader ends the
process when a package is missing) nor the 68-point file (not for commercial use) is ever touched.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from models.boxes import Box
from models.contract import Embedding, Engine, Face, Image, Layout, Options, Space
from models.dlib_resnet import MEAN, SIDE
from models.liveness import Run, liveness_if_there
from models.spaces import DLIB
from models.weights import Weights
from models.yunet import shrink

PADDING = 0.25  # of the face around the chip, dlib's default
UPSAMPLE = 1  # doublings before the search, face_recognition's default: without, faces under 80 px are missed


def make(weights: Weights, options: Options, runtime: str) -> Engine:
    """The engine. Raises WeightsMissing, and ImportError where dlib is not installed."""
    detector = DlibDetector(weights.find("dlib_five_points"), options)
    embedder = DlibEmbedder(weights.made("dlib_resnet"), runtime, options)
    return Engine("dlib", runtime, detector, embedder, liveness_if_there(weights, runtime, options))


class DlibDetector:
    """Histograms of gradients, then five points."""

    def __init__(self, points: Path, options: Options) -> None:
        import dlib

        self._options = options
        self._find: Any = dlib.get_frontal_face_detector()
        self._points: Any = dlib.shape_predictor(str(points))

    def detect(self, image: Image) -> tuple[Face, ...]:
        """See contract.Detector. `score` is dlib's distance from the margin, 0 and up; the options' score is not for it."""
        if image.size == 0:
            return ()
        small, factor = shrink(image, self._options.longest)
        rgb = cv2.cvtColor(small, cv2.COLOR_BGR2RGB)
        boxes, scores, _ = self._find.run(rgb, UPSAMPLE, 0.0)
        faces = []
        for box, score in list(zip(boxes, scores, strict=True))[: self._options.at_most]:
            shape = self._points(rgb, box)
            points = np.array([(shape.part(i).x, shape.part(i).y) for i in range(5)], np.float32) / factor
            place = Box(*(value / factor for value in (box.left(), box.top(), box.width(), box.height())))
            faces.append(Face(place, points.astype(np.float32), float(score), Layout.EYE_CORNERS))
        return tuple(sorted(faces, key=lambda face: -face.box.area))


class DlibEmbedder:
    """dlib's ResNet on dlib's own chip."""

    def __init__(self, model: Path, runtime: str, options: Options) -> None:
        self._run = network(model, runtime, options)

    @property
    def space(self) -> Space:
        """See contract.Embedder."""
        return DLIB

    def embed(self, image: Image, face: Face) -> Embedding:
        """See contract.Embedder. Raises ValueError for a face that dlib's detector did not find."""
        import dlib

        if face.layout is not Layout.EYE_CORNERS:
            raise ValueError("dlib aligns by the corners of the eyes")
        rgb = np.ascontiguousarray(cv2.cvtColor(image, cv2.COLOR_BGR2RGB))
        left, top = round(face.box.x), round(face.box.y)
        box = dlib.rectangle(left, top, left + round(face.box.width) - 1, top + round(face.box.height) - 1)
        shape = dlib.full_object_detection(box, [dlib.point(round(float(x)), round(float(y))) for x, y in face.points])
        return Embedding.of(DLIB, self._run(blob(dlib.get_face_chip(rgb, shape, SIDE, PADDING))))


def blob(chip: Image) -> NDArray[np.float32]:
    """A 150 x 150 chip (red, green, blue) as the network wants it: (1, 3, 150, 150)."""
    return np.ascontiguousarray(((chip.astype(np.float32) - np.array(MEAN, np.float32)) / 256).transpose(2, 0, 1)[None])


def network(model: Path, runtime: str, options: Options) -> Run:
    """The ResNet on OpenVINO or on OpenCV."""
    if runtime == "openvino":
        from models.openvino_runtime import Model

        compiled = Model(model).compiled(options)
        return lambda given: next(iter(compiled(given).values()))
    read = cv2.dnn.readNetFromONNX(str(model))

    def run(given: NDArray[np.float32]) -> NDArray[np.float32]:
        read.setInput(given)
        return np.asarray(read.forward(), dtype=np.float32)

    return run
