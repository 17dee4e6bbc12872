"""What every recogniser is: a picture in; boxes, points, vectors and scores out.

Pictures are arrays of uint8, height x width x 3, in the order blue, green, red, as cameras and OpenCV deliver them.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import StrEnum
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from models.boxes import Box

Image = NDArray[np.uint8]
Points = NDArray[np.float32]
Vector = NDArray[np.float32]


class OtherSpace(ValueError):
    """Two embeddings of different spaces met. The caller enrols again; the numbers have nothing to say about each other."""


class Measure(StrEnum):
    """How likeness is read from two vectors of a space. Always: the higher, the more alike, and 1.0 for the same vector."""

    COSINE = "cosine"  # cosine of the angle, -1..1; vectors have unit length
    EUCLIDEAN = "euclidean"  # 1 minus the distance; vectors as the network gives them


@dataclass(frozen=True, slots=True)
class Space:
    """Where an embedding lives. Two embeddings are comparable only if name, version, length and measure are all the same.

    `version` names the weights, not the runtime: two runtimes of one file share a space.
    """

    name: str
    version: str
    dimensions: int
    measure: Measure = Measure.COSINE

    def __str__(self) -> str:
        return f"{self.name}/{self.version}"


@dataclass(frozen=True, slots=True, eq=False)
class Embedding:
    """A face as a vector. `vector` is float32 of shape (space.dimensions,), read-only, of unit length in a cosine space.

    `length` is that of the network's output before: of a face that it sees badly it is short. 0.0 where it is not known.
    """

    space: Space
    vector: Vector = field(repr=False)
    length: float = 0.0

    @classmethod
    def of(cls, space: Space, raw: NDArray[np.floating]) -> Embedding:
        """The embedding of a network's raw output (any shape holding `dimensions` numbers).

        Raises ValueError for a wrong count, for a number that is not finite, and for a null vector in a cosine space.
        """
        vector = np.array(raw, dtype=np.float32).reshape(-1)
        if vector.shape != (space.dimensions,) or not np.isfinite(vector).all():
            raise ValueError(f"{space}: {vector.size} numbers, {space.dimensions} finite ones expected")
        length = float(np.linalg.norm(vector))
        if space.measure is Measure.COSINE:
            if length == 0.0:
                raise ValueError(f"{space}: a null vector has no direction")
            vector /= length
        vector.setflags(write=False)
        return cls(space, vector, length)

    def likeness(self, other: Embedding) -> float:
        """How alike two faces are, by the space's measure. Raises OtherSpace."""
        if self.space != other.space:
            raise OtherSpace(f"{self.space} and {other.space} are not comparable")
        if self.space.measure is Measure.COSINE:
            return float(self.vector @ other.vector)
        return 1.0 - float(np.linalg.norm(self.vector - other.vector))


class Layout(StrEnum):
    """What a face's five points are, each row (x, y) in pixels of the picture; "left" and "right" as seen in the picture."""

    ARCFACE = "arcface"  # left eye, right eye, tip of the nose, left and right corner of the mouth
    EYE_CORNERS = "eye_corners"  # right eye outer and inner corner, left eye outer and inner corner, base of the nose


@dataclass(frozen=True, slots=True, eq=False)
class Face:
    """A face in a picture. `points` is float32 of shape (5, 2); `score` is the detector's confidence (its own scale).

    `scale` (0 < scale <= 1): the picture was searched shrunk by this factor.
    """

    box: Box
    points: Points
    score: float
    layout: Layout = Layout.ARCFACE
    scale: float = 1.0

    def eyes(self) -> Points:
        """The centres of the left and the right eye as seen in the picture, shape (2, 2)."""
        if self.layout is Layout.ARCFACE:
            return self.points[:2]
        return np.stack([self.points[2:4].mean(axis=0), self.points[0:2].mean(axis=0)])


class Detector(Protocol):
    """Finds faces."""

    def detect(self, image: Image) -> tuple[Face, ...]:
        """The faces of a picture, largest first, at most as many as the options allow. An empty picture has none."""
        ...


class Embedder(Protocol):
    """Turns a face into a vector."""

    @property
    def space(self) -> Space:
        """Where its vectors live."""
        ...

    def embed(self, image: Image, face: Face) -> Embedding:
        """The embedding of a face that this engine's detector found in this picture."""
        ...


class Liveness(Protocol):
    """Says how much a face looks like a person rather than a print or a screen. A signal, never a guarantee."""

    def live(self, image: Image, face: Face) -> float:
        """0 (a fake) to 1 (a person)."""
        ...


@dataclass(frozen=True, slots=True)
class Options:
    """How an engine runs. The defaults are for a gate on a small computer that has doors to serve first."""

    threads: int = 1  # one core a worker; the other stays free for cards
    score: float = 0.6  # a detector's confidence from which a shape counts as a face; small false ones fall to `quality`
    longest: int = 640  # pictures are searched at most this long (px): a face of 60 px in 1280x720 is still found at 30 px
    # OpenVINO rounds to bfloat16 on processors that have it: a third less time, vectors within a cosine of 0.999 of the exact ones for the
    # same points, 0.98 with points that were found rounded (docs/decisions/0010). Exact, both runtimes give the same within 1e-4.
    exact: bool = False
    at_most: int = 16  # faces of a picture: more than a rush at a turnstile shows, so that a poster of faces costs little


@dataclass(frozen=True, slots=True)
class Engine:
    """One detector, the embedder that takes its faces, and liveness where its weights are there."""

    name: str
    runtime: str
    detector: Detector
    embedder: Embedder
    liveness: Liveness | None = None
