"""What a gate does to faces, and what that costs: one look at each tenant and stranger in each condition, through the gate's own steps.

N = 400 tenants with three photos, at most two other pictures of each as looks, one picture of each stranger; people of the evaluation
faces. A face is found, its points are found a second time where that is worth it, it is measured, made a vector, and judged with the
thresholds that the product set from this roster. Beside it: the same look with the points of the first search.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import sys
import tempfile
import time
import zlib
from collections.abc import Callable, Mapping
from pathlib import Path

import cv2
import numpy as np
from numpy.typing import NDArray

from bench._spoilt import SPOILT, Spoil
from bench.faces import cache, folder, middle, weights
from edge.roster.calibrate import calibrate
from edge.roster.gallery import Answer, Enrolled, Gallery, Thresholds
from models import make, manifest_of, runtimes
from models.contract import Embedding, Engine, Face, Image, Options
from models.points import refined
from models.quality import SIGHT, assess, clarity
from models.spaces import SFACE

TENANTS, PHOTOS, MATES = 400, 3, 2
LOOKS = 200  # at tenants, and as many at strangers, in each condition: enough for one in a hundred, not for one in a thousand
STRICT, LOOSE = 0.001, 0.01  # rates of strangers taken
SEED = 2026

LOOK = np.dtype([("tenant", "?"), ("found", "?"), ("poor", "?"), ("clarity", "f8"), ("before", "?"), ("after", "?"), ("loose", "?")])
"""One look. `tenant`: at a tenant; `found`: by the detector; `poor`: refused by the measures of the gate, whatever its `clarity`.

Named rightly (a tenant), or named at all (a stranger), at the threshold for STRICT: `before` by the points of the first search, `after` by
those of the second; `loose`: after, at the threshold for LOOSE.
"""

Looks = Mapping[str, NDArray[np.void]]


def main() -> None:
    """Print the table; with --json the figures on the last line."""
    tell("conditions", __doc__, table)


def tell(bench: str, what: str | None, table: Callable[[Looks], dict[str, float]]) -> None:
    """Print a table of the looks, and with --json its figures on the last line."""
    parser = argparse.ArgumentParser(description=what)
    parser.add_argument("--json", action="store_true", help="print the figures on the last line")
    arguments = parser.parse_args()
    figures: dict[str, float] = {}
    if (place := folder()) is None:
        print("skipped: ANYU_FACES names no folder of faces")
    else:
        figures = table(looks(place))
    if arguments.json:
        print(json.dumps({"bench": bench, "figures": figures}))


def looks(place: Path) -> Looks:
    """The looks of each condition; made in minutes, kept in the user's cache."""
    images = sorted(place.glob("*/*.jpg"))
    own = [Path(str(module.__file__)).read_bytes() for module in (sys.modules[name] for name in (__name__, *_JUDGES))]
    told = repr((runtimes(), manifest_of("standard"), [(path.name, path.stat().st_size) for path in images]))
    kept = cache() / f"looks-{hashlib.sha256(b''.join([told.encode(), *own])).hexdigest()[:16]}.npz"
    if kept.exists():
        with np.load(kept) as data:
            return {name: data[name] for name in SPOILT}
    found = _look_at_all(images)
    with tempfile.NamedTemporaryFile(dir=kept.parent, suffix=".npz", delete=False) as stream:
        np.savez(stream, **found)
    Path(stream.name).replace(kept)
    return found


_JUDGES = ("bench._spoilt", "models.points", "models.quality", "models.spaces", "models.align")
"""What the kept looks depend on beside this file."""


class _Gate:
    """A roster as the product would have it, with the points of the first search or of the second."""

    def __init__(self, engine: Engine, people: list[list[Path]], *, second: bool) -> None:
        self._engine, self._second = engine, second
        enrolled = []
        for number, photos in enumerate(people):
            seen = [(picture, _found_in(engine, picture)) for picture in map(_picture, photos)]
            vectors = tuple(engine.embedder.embed(picture, self.face(picture, face)) for picture, face in seen if face is not None)
            if vectors:
                enrolled.append(Enrolled(str(number), vectors))
        self._gallery = Gallery.of(SFACE, enrolled)
        self.limits: dict[float, Thresholds] = {rate: calibrate(SFACE, enrolled, rate).thresholds for rate in (STRICT, LOOSE)}

    def face(self, picture: Image, face: Face) -> Face:
        """A face with the points that this gate goes by."""
        return refined(picture, face, self._engine.detector) if self._second else face

    def right(self, embedding: Embedding, tenant: int, rate: float) -> bool:
        """Whether the tenant is named, or, with -1, anybody."""
        verdict = self._gallery.judge(embedding, self.limits[rate])
        return verdict.answer is Answer.TENANT and (tenant < 0 or verdict.match.ref == str(tenant))


def _look_at_all(images: list[Path]) -> dict[str, NDArray[np.void]]:
    cv2.setNumThreads(1)
    engine = make("standard", weights(), Options())
    assert engine is not None
    people: dict[str, list[Path]] = {}
    for path in images:
        people.setdefault(path.parent.name, []).append(path)
    rng = np.random.default_rng(SEED)
    names = [str(name) for name in rng.permutation(sorted(people))]
    tenants = [name for name in names if len(people[name]) >= PHOTOS][:TENANTS]
    photos = [people[name][:PHOTOS] for name in tenants]
    before, after = (_Gate(engine, photos, second=second) for second in (False, True))
    at_tenants = [(number, path) for number, name in enumerate(tenants) for path in people[name][PHOTOS : PHOTOS + MATES]]
    at_strangers = [(-1, people[name][0]) for name in names if name not in set(tenants)]
    chosen = [[group[i] for i in rng.permutation(len(group))[:LOOKS]] for group in (at_tenants, at_strangers)]
    found: dict[str, NDArray[np.void]] = {}
    told = time.monotonic()
    for name, spoil in SPOILT.items():
        rows = [row for group in chosen for tenant, path in group if (row := _one(engine, (before, after), tenant, path, spoil))]
        found[name] = np.array(rows, LOOK)
        if time.monotonic() - told > 10:
            told = time.monotonic()
            print(f"  {len(found)} of {len(SPOILT)} conditions", file=sys.stderr)
    return found


def _one(engine: Engine, gates: tuple[_Gate, _Gate], tenant: int, path: Path, spoil: Spoil) -> tuple[object, ...] | None:
    """One look; None where the picture has no face as it is."""
    picture = _picture(path)
    face = _found_in(engine, picture)
    if face is None:
        return None
    scene = spoil(picture, face.points, np.random.default_rng(zlib.crc32(path.name.encode())))
    # In a hall of its own the picture may stand anywhere: its surest face; else who stands nearest to the middle.
    inside = engine.detector.detect(scene)
    seen = middle(scene, inside) if scene.shape == picture.shape else max(inside, key=lambda one: one.score, default=None)
    if seen is None:
        return tenant >= 0, False, True, 0.0, False, False, False
    before, after = gates
    again = after.face(scene, seen)
    first, second = engine.embedder.embed(scene, seen), engine.embedder.embed(scene, again)
    poor = bool(assess(scene, again, SIGHT).poor)
    strict, loose = (after.right(second, tenant, rate) for rate in (STRICT, LOOSE))
    return tenant >= 0, True, poor, clarity(second), before.right(first, tenant, STRICT), strict, loose


def _picture(path: Path) -> Image:
    return np.asarray(cv2.imread(str(path)), np.uint8)


def _found_in(engine: Engine, picture: Image) -> Face | None:
    """The face of a picture of somebody."""
    return middle(picture, engine.detector.detect(picture))


def table(found: Looks) -> dict[str, float]:
    """Print a row a condition; returns the figures of those that the product promises something about."""
    print(
        f"N = {TENANTS}, photos {PHOTOS}; of found faces: FNIR at the roster's own threshold for {STRICT:.1%} of strangers, by the points"
    )
    print("of the first search -> of the second; refused: by size, pose, light and clarity, of looks that would match / would not")
    print(f"{'condition':<28} {'found':>6} {'first':>7} {'second':>7} {'accepted':>9} {'refused':>14} {'strangers at 1 %':>17}")
    figures: dict[str, float] = {}
    for name, every in found.items():
        looked, strangers = every[every["tenant"] & every["found"]], every[~every["tenant"] & every["found"]]
        refused = looked["poor"] | (looked["clarity"] < SIGHT.clarity)
        hits = looked["after"]
        first, second, accepted = map(_missed, (looked["before"], hits, hits[~refused]))
        print(
            f"{name:<28} {every['found'][every['tenant']].mean():6.3f} {first} {second}  {accepted} "
            f"{_share(refused[hits])} /{_share(refused[~hits])} {_share(strangers['loose'])} of {len(strangers)}"
        )
        figures[f"fnir {name}"] = round(1 - float(hits.mean()), 4)
    return figures


def _missed(hits: NDArray[np.bool_]) -> str:
    return f"{1 - float(hits.mean()):7.3f}" if hits.size else "      -"


def _share(of: NDArray[np.bool_]) -> str:
    return f"{float(of.mean()):6.3f}" if of.size else "     -"


if __name__ == "__main__":
    main()
