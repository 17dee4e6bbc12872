"""Photos become embeddings in a process of its own: `python -m edge.roster.faces.examiner`.

A photo is a file somebody sent; what parses it holds no key, reads no file and opens no socket (edge/vision/confine.py). In: one JSON line
`{"engine", "runtime", "weights", "others", "embed", "photos": [bytes, ...]}`, then the photos' bytes. Out: one JSON line, for each photo
`{"vector": [...], "space": ..., "quality": ...}`, or `{"good": true}` where `embed` is false, or `{"poor": reason}`.
"""

from __future__ import annotations

import json
import os
import struct
import sys
from pathlib import Path
from typing import TYPE_CHECKING, Any

from edge import slices

if TYPE_CHECKING:
    from models.contract import Engine, Face

NICE = 10
SECOND_FACE = 0.35  # of the largest face's width: what is smaller stands in the background
KINDS = (b"\xff\xd8", b"\x89PNG\r\n\x1a\n")  # and WebP, by what the file begins with and not by its name
MAX_PHOTO = 16 * 2**20
MAX_SIDE = 8200  # px: a phone's 50 megapixels are 8,160 wide
MAX_PIXELS = 16_000_000  # decoded at once, 48 MB: no photo of a face needs more. A larger JPEG is decoded at a half or a quarter.
LONGEST = 1024  # px: at which faces are searched; a whole person who fills the height has 37 px between the eyes then
# MB of heap over the loaded engine. Resident are then 270 MB without a photo, 365 for a JPEG of 50 megapixels, 398 for a progressive one.
MORE_MB = 250


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
    engine = models.make(asked["engine"], weights, Options(longest=LONGEST, exact=True), asked["runtime"])
    if engine is None:
        return 2
    import numpy as np

    from models import points, quality, upright  # noqa: F401 (from inside the cage they could not be loaded)

    engine.detector.detect(np.zeros((points.SIDE, points.SIDE, 3), np.uint8))  # its network is compiled outside of the photo's memory
    confine(more_mb=MORE_MB, compiles=engine.runtime == "openvino")
    photos = (sys.stdin.buffer.read(min(size, MAX_PHOTO)) for size in asked["photos"])  # one at a time
    sys.stdout.write(json.dumps([examine(engine, photo, embed=asked["embed"]) for photo in photos]) + "\n")
    return 0


def examine(engine: Engine, photo: bytes, *, embed: bool = True) -> dict[str, Any]:
    """One photo: its embedding, or why it has none; only whether it is good, where none is to be made.

    That is `other_kind`, `unreadable`, `too_many_pixels`, `no_face`, `several_faces`, or a reason of models.quality.
    """
    import cv2
    import numpy as np

    from models.points import refined
    from models.quality import ENROL, Poor, assess, clarity
    from models.upright import upright

    if not photo.startswith(KINDS) and not (photo.startswith(b"RIFF") and photo[8:12] == b"WEBP"):
        return {"poor": "other_kind"}
    try:
        size = picture_size(photo)
    except (IndexError, struct.error):
        size = None
    if size is None:
        return {"poor": "unreadable"}
    pixels, jpeg = size[0] * size[1], photo.startswith(b"\xff\xd8")
    way = next(
        (
            way
            for part, way in ((1, cv2.IMREAD_COLOR), (2, cv2.IMREAD_REDUCED_COLOR_2), (4, cv2.IMREAD_REDUCED_COLOR_4))
            if pixels <= MAX_PIXELS * part * part and (jpeg or part == 1)
        ),
        None,
    )
    if way is None or max(size) > MAX_SIDE:
        return {"poor": "too_many_pixels"}
    try:
        image = cv2.imdecode(np.frombuffer(photo, np.uint8), way)
    except cv2.error:
        image = None
    except MemoryError:
        return {"poor": "too_many_pixels"}
    if image is None:
        return {"poor": "unreadable"}
    way_up = upright(np.asarray(image, dtype=np.uint8), engine.detector, LONGEST)
    if way_up is None:
        return {"poor": str(Poor.TILTED)}
    picture, faces = way_up
    if not faces:
        return {"poor": "no_face"}
    if _second(faces):
        return {"poor": "several_faces"}
    face = refined(picture, faces[0], engine.detector)
    found = assess(picture, face, ENROL)
    if found.poor:
        return {"poor": str(found.poor[0])}
    if not embed:
        return {"good": True}
    embedding = engine.embedder.embed(picture, face)
    clear = clarity(embedding)
    if clear < ENROL.clarity:
        return {"poor": str(found.unclear())}
    return {"vector": embedding.vector.tolist(), "space": str(embedding.space), "quality": round(clear, 3)}


def picture_size(photo: bytes) -> tuple[int, int] | None:
    """Width and height that a JPEG, PNG or WebP says it has; None for anything else.

    Raises IndexError or struct.error where it is cut off.
    """
    if photo.startswith(b"\x89PNG\r\n\x1a\n"):
        return struct.unpack_from(">II", photo, 16)
    if photo.startswith(b"RIFF") and photo[8:12] == b"WEBP":
        return _webp_size(photo)
    if not photo.startswith(b"\xff\xd8"):
        return None
    at = 2
    while photo[at] == 0xFF:  # ITU-T T.81 B.1.1.4: segments, each with its length
        kind = photo[at + 1]
        if kind == 0xFF:  # fill
            at += 1
        elif 0xC0 <= kind <= 0xCF and kind not in {0xC4, 0xC8, 0xCC}:
            height, width = struct.unpack_from(">HH", photo, at + 5)
            return width, height
        else:
            at += 2 + struct.unpack_from(">H", photo, at + 2)[0]
    return None


def _webp_size(photo: bytes) -> tuple[int, int] | None:
    """RFC 9649, sections 2.5 to 2.7."""
    kind = photo[12:16]
    if kind == b"VP8X":
        return 1 + int.from_bytes(photo[24:27], "little"), 1 + int.from_bytes(photo[27:30], "little")
    if kind == b"VP8L":
        bits = struct.unpack_from("<I", photo, 21)[0]
        return 1 + (bits & 0x3FFF), 1 + (bits >> 14 & 0x3FFF)
    if kind == b"VP8 ":
        width, height = struct.unpack_from("<HH", photo, 26)
        return width & 0x3FFF, height & 0x3FFF
    return None


def _second(faces: tuple[Face, ...]) -> bool:
    return len(faces) > 1 and faces[1].box.width > SECOND_FACE * faces[0].box.width


if __name__ == "__main__":
    sys.exit(main())
