"""Photos become embeddings in a process of its own: `python -m edge.roster.faces.examiner`.

A photo is a file somebody sent; what parses it holds no key, reads no file and opens no socket (edge/vision/confine.py). In: one JSON line
`{"engine", "runtime", "weights", "others", "photos": [bytes, ...]}`, then the photos' bytes. Out: one JSON line, for each photo either
`{"vector": [...], "space": ..., "quality": ...}` or `{"poor": reason}`.
"""

from __future__ import annotations

import json
import os
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge import slices

if TYPE_CHECKING:
    from models.contract import Engine, Face

NICE = 10
SECOND_FACE = 0.35  # of the largest face's width: what is smaller stands in the background
MAX_PHOTO = 16 * 2**20
MAX_SIDE = 8000  # px: a phone's camera has 8,000 at most


def main() -> int:
    """Examine what stdin brings."""
    os.nice(NICE)
    slices.ask_for(slices.LONG_NS)
    # Set before OpenCV is loaded: a photo that claims to be larger is refused by its header.
    os.environ["OPENCV_IO_MAX_IMAGE_PIXELS"] = str(MAX_SIDE * MAX_SIDE)
    import cv2

    import models
    from edge.vision.confine import confine, confine_files
    from models.contract import Options
    from models.weights import Weights

    cv2.setNumThreads(1)
    asked = json.loads(sys.stdin.buffer.readline())
    weights = Weights(Path(asked["weights"]), [Path(folder) for folder in asked["others"]])
    models.prepare(asked["engine"], weights, asked["runtime"])
    confine_files([weights.own, *map(Path, asked["others"])])
    # Exact: a template is made once and compared for years, on processors that round and on others.
    engine = models.make(asked["engine"], weights, Options(longest=1280, exact=True), asked["runtime"])
    if engine is None:
        return 2
    from models import quality  # noqa: F401 (from inside the cage it could not be loaded)

    confine(compiles=engine.runtime == "openvino")
    photos = [sys.stdin.buffer.read(min(size, MAX_PHOTO)) for size in asked["photos"]]
    sys.stdout.write(json.dumps([examine(engine, photo) for photo in photos]) + "\n")
    return 0


def examine(engine: Engine, photo: bytes) -> dict[str, Any]:
    """One photo: its embedding, or why it has none (`unreadable`, `no_face`, `several_faces`, or a reason of models.quality)."""
    import cv2
    import numpy as np

    from models.quality import ENROL, assess

    try:
        image = cv2.imdecode(np.frombuffer(photo, np.uint8), cv2.IMREAD_COLOR) if photo else None
    except cv2.error:
        image = None
    if image is None:
        return {"poor": "unreadable"}
    picture = np.asarray(image, dtype=np.uint8)
    faces = engine.detector.detect(picture)
    if not faces:
        return {"poor": "no_face"}
    if _second(faces):
        return {"poor": "several_faces"}
    found = assess(picture, faces[0], ENROL)
    if found.poor:
        return {"poor": str(found.poor[0])}
    embedding = engine.embedder.embed(picture, faces[0])
    return {"vector": embedding.vector.tolist(), "space": str(embedding.space), "quality": round(found.score, 3)}


def _second(faces: tuple[Face, ...]) -> bool:
    return len(faces) > 1 and faces[1].box.width > SECOND_FACE * faces[0].box.width


if __name__ == "__main__":
    sys.exit(main())
