"""The evaluation faces as embeddings: read once, kept in the user's cache, never in the project."""

from __future__ import annotations

import hashlib
import os
import sys
import tempfile
import time
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from models import align, make, manifest_of, points, runtimes
from models.contract import Engine, Face, Image, Options
from models.points import refined
from models.weights import Weights

LABEL_NOISE = 0.70  # an SFace cosine with another identity from which an image is taken for mislabelled (said where it is used)


@dataclass(frozen=True)
class Faces:
    """Embeddings with whom they show: `vectors` (n, d) float32, `who` (n,) identity numbers, `missed` images without a face found."""

    vectors: NDArray[np.float32]
    who: NDArray[np.int64]
    missed: int

    def without(self, rows: NDArray[np.int64]) -> Faces:
        """The same without some rows."""
        return Faces(np.delete(self.vectors, rows, axis=0), np.delete(self.who, rows), self.missed)


def folder() -> Path | None:
    """The set in the folder that ANYU_FACES names (lfw-dev, or the first set there), or None where there is none on this machine."""
    base = Path(os.environ.get("ANYU_FACES", "/nonexistent"))
    sets = [base / "lfw-dev", *(sorted(base.iterdir()) if base.is_dir() else []), base]
    return next((place for place in sets if next(place.glob("*/*.jpg"), None) is not None), None)


def cache() -> Path:
    """Where benches keep what is slow to make."""
    base = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache") / "anyu-edge" / "bench"
    base.mkdir(parents=True, exist_ok=True)
    return base


def weights() -> Weights:
    """Weight files: ANYU_MODELS, the cache, installed packages."""
    return Weights.of(cache(), os.environ)


def load(engine: str, place: Path) -> Faces:
    """Every image of the set through one engine; the face nearest the middle counts."""
    images = sorted(place.glob("*/*.jpg"))
    told = repr((engine, runtimes(), Options(), manifest_of(engine), [(p.name, p.stat().st_size) for p in images]))
    code = [Path(module.__file__).read_bytes() for module in (align, points)]
    key = hashlib.sha256(b"".join([told.encode(), *code])).hexdigest()[:16]
    kept = cache() / f"faces-{engine}-{key}.npz"
    if kept.exists():
        with np.load(kept) as data:
            return Faces(data["vectors"], data["who"], int(data["missed"]))
    made = make(engine, weights(), Options())
    if made is None:
        raise ValueError("an engine is needed")
    found = _embed(made, images)
    with tempfile.NamedTemporaryFile(dir=kept.parent, suffix=".npz", delete=False) as stream:
        np.savez(stream, vectors=found.vectors, who=found.who, missed=found.missed)
    Path(stream.name).replace(kept)
    return found


def middle(image: Image, faces: tuple[Face, ...]) -> Face | None:
    """The face nearest the middle of the picture."""
    height, width = image.shape[:2]
    return min(faces, key=lambda f: (f.box.centre[0] - width / 2) ** 2 + (f.box.centre[1] - height / 2) ** 2, default=None)


def _embed(engine: Engine, images: list[Path]) -> Faces:
    names = {name: i for i, name in enumerate(sorted({path.parent.name for path in images}))}
    vectors, who, missed, told = [], [], 0, time.monotonic()
    for done, path in enumerate(images):
        image = np.asarray(cv2.imread(str(path)), np.uint8)
        face = middle(image, engine.detector.detect(image))
        if face is None:
            missed += 1
            continue
        vectors.append(engine.embedder.embed(image, refined(image, face, engine.detector)).vector)
        who.append(names[path.parent.name])
        if time.monotonic() - told > 10:
            told = time.monotonic()
            print(f"  {engine.name}: {done} of {len(images)} images", file=sys.stderr)
    return Faces(np.array(vectors, np.float32), np.array(who, np.int64), missed)
