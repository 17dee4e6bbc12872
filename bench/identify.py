"""Open-set identification: tenants who should be found, strangers who should not, at several sizes of roster.

Six overlapping draws a size. FNIR is measured at the threshold that gives FPIR 1 % and 0.1 % on the strangers of the draw; beside it the
product's own threshold, set from the roster alone, and how often strangers pass it. Nothing is fitted to this set.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
from collections.abc import Iterable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from bench.faces import LABEL_NOISE, Faces, folder, load
from edge.roster.bounds import clopper_pearson
from edge.roster.calibrate import Calibration, calibrate
from edge.roster.gallery import Enrolled, likenesses, means
from models.contract import Embedding, Space
from models.spaces import DLIB, SFACE

SIZES = ((100, 1), (100, 3), (400, 3), (500, 1), (1000, 1))  # tenants, photos each
DRAWS = 6
MATES, STRANGERS = 3, 2  # pictures of one person at most, so that nobody's face dominates
RATES = (0.01, 0.001)
TOLERANCE = 1 - 0.6  # face_recognition's default distance, as a likeness
SEED = 2026


@dataclass(frozen=True)
class Draw:
    """One roster and what came of it; likenesses by picture."""

    mates: NDArray[np.float64]  # to the own template where it was the nearest, else -inf
    strangers: NDArray[np.float64]  # to the nearest template
    own: dict[float, Calibration]


def main() -> None:
    """Print the tables; with --json the figures on the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures on the last line")
    arguments = parser.parse_args()
    place = folder()
    if place is None:
        print("skipped: ANYU_FACES names no folder of faces")
        figures: dict[str, float] = {}
    else:
        faces = load("standard", place)
        noise = mislabelled(faces)
        print(
            f"standard (YuNet, SFace): {len(faces.who)} faces of {np.unique(faces.who).size} people, {faces.missed} images without a face;"
        )
        print(f"{noise.size} images left out as mislabelled (cosine with another identity >= {LABEL_NOISE})")
        figures = table(SFACE, faces.without(noise))
        if importlib.util.find_spec("dlib") is None:
            print("\ndlib: not installed")
        else:
            other = load("dlib", place)
            print(f"\ndlib (the network of face_recognition): {len(other.who)} faces, {other.missed} images without a face")
            table(DLIB, other, tolerance=True)
    if arguments.json:
        print(json.dumps({"bench": "identify", "figures": figures}))


def mislabelled(faces: Faces) -> NDArray[np.int64]:
    """Images whose best cosine with another identity is so high that one of the two labels must be wrong."""
    found = []
    for start in range(0, len(faces.who), 512):
        scores = faces.vectors[start : start + 512] @ faces.vectors.T
        scores[faces.who[start : start + 512, None] == faces.who[None, :]] = -1
        found += [start + int(i) for i in np.flatnonzero(scores.max(axis=1) >= LABEL_NOISE)]
    return np.array(found, np.int64)


def draw(space: Space, faces: Faces, size: int, photos: int, number: int) -> Draw:
    """One of the six rosters of `size` tenants with `photos` each; mates are those who have a picture to spare.

    One shuffle serves all six: each begins a sixth further on among the people, and with another picture of each, so that everybody is
    left out about equally often.
    """
    rng = np.random.default_rng(SEED)
    people: dict[int, list[int]] = {}
    for row in rng.permutation(len(faces.who)):
        people.setdefault(int(faces.who[row]), []).append(int(row))
    people = {who: list(np.roll(rows, number)) for who, rows in people.items()}
    able = rng.permutation([who for who in sorted(people) if len(people[who]) >= photos])
    tenants = [int(who) for who in np.roll(able, -(number * len(able) // DRAWS))[:size]]
    enrolled = np.array([row for who in tenants for row in people[who][:photos]])
    owners = np.repeat(np.arange(len(tenants)), photos)
    templates = means(space, faces.vectors[enrolled], owners, len(tenants))
    spare = [(i, row) for i, who in enumerate(tenants) for row in people[who][photos : photos + MATES]]
    away = [row for who, rows in people.items() if who not in set(tenants) for row in rows[:STRANGERS]]
    mine = likenesses(space, faces.vectors[[row for _, row in spare]], templates)
    first = mine.argmax(axis=1) == np.array([i for i, _ in spare])
    strangers = likenesses(space, faces.vectors[away], templates).max(axis=1).astype(np.float64)
    vectors = [tuple(Embedding.of(space, faces.vectors[row]) for row in enrolled[owners == i]) for i in range(len(tenants))]
    roster = [Enrolled(str(i), kept) for i, kept in enumerate(vectors)]
    own = {rate: calibrate(space, roster, rate) for rate in RATES}
    return Draw(np.where(first, mine.max(axis=1), -np.inf), strangers, own)


def table(space: Space, faces: Faces, *, tolerance: bool = False) -> dict[str, float]:
    """Print the rows of every size; returns the figures of N = 400 with three photos."""
    figures: dict[str, float] = {}
    for size, photos in SIZES:
        draws = [draw(space, faces, size, photos, number) for number in range(DRAWS)]
        mates, strangers = np.mean([d.mates.size for d in draws]), np.mean([d.strangers.size for d in draws])
        rank1 = np.mean([np.isfinite(d.mates).mean() for d in draws])
        print(f"\n  N = {size}, photos {photos}: {mates:.0f} looks at tenants, {strangers:.0f} at strangers a draw; rank-1 {rank1:.4f}")
        for rate in RATES:
            fnir, over = row(draws, rate)
            if (size, photos) == (400, 3):
                figures["fnir_fpir1_n400_k3" if rate == RATES[0] else "fnir_fpir01_n400_k3"] = round(fnir, 5)
                figures["fpir_over_target" if rate == RATES[0] else "fpir01_over_target"] = round(over, 3)
        if tolerance:
            taken = np.mean([(d.strangers >= TOLERANCE).mean() for d in draws])
            lost = np.mean([(d.mates < TOLERANCE).mean() for d in draws])
            print(
                f"    face_recognition's default tolerance 0.6 takes {taken:.1%} of strangers for tenants and misses {lost:.1%} of tenants"
            )
    return figures


def row(draws: list[Draw], rate: float) -> tuple[float, float]:
    """Print one size at one rate: FNIR at that FPIR, and what the product's own threshold gives. Returns FNIR and FPIR over target."""
    limits = [float(np.quantile(d.strangers, 1 - rate, method="higher")) for d in draws]
    mates, strangers = (float(np.mean([getattr(d, name).size for d in draws])) for name in ("mates", "strangers"))
    fnir = float(np.mean([(d.mates <= limit).mean() for d, limit in zip(draws, limits, strict=True)]))
    low, high = clopper_pearson(fnir * mates, mates)  # draws overlap: the bound is that of one draw, not of six
    print(
        f"    FPIR {rate:.1%}: threshold {np.mean(limits):.3f} ({min(limits):.3f} to {max(limits):.3f}), "
        f"FNIR {fnir:.4f} [{low:.4f}, {high:.4f}]"
    )
    own = [d.own[rate] for d in draws]
    accepts = [c.thresholds.accept for c in own]
    passed = [float((d.strangers >= accept).mean()) for d, accept in zip(draws, accepts, strict=True)]
    low, high = clopper_pearson(float(np.mean(passed)) * strangers, strangers)
    over = float(np.mean(passed)) / rate
    print(
        f"      own threshold {np.mean(accepts):.3f} ({min(accepts):.3f} to {max(accepts):.3f}), basis {_words(c.basis for c in own)}: "
        f"FPIR over target {over:.2f} [{low / rate:.2f}, {high / rate:.2f}], draws {' '.join(f'{p / rate:.2f}' for p in passed)}, "
        f"{sum(c.fpir.low <= p <= c.fpir.high for c, p in zip(own, passed, strict=True))} of {len(own)} within the bounds it states"
    )
    missed = np.mean([(d.mates < accept).mean() for d, accept in zip(draws, accepts, strict=True)])
    said = [c.fnir.expected for c in own if c.fnir is not None and c.fnir.expected is not None]
    told = f"it expects {np.mean(said):.4f} (with one photo fewer)" if said else "with one photo it cannot say"
    print(f"      FNIR there {missed:.4f}, {told}; a face allows: {_words(c.allows for c in own)}")
    return fnir, over


def _words(values: Iterable[str]) -> str:
    return "/".join(sorted({str(value) for value in values}))


if __name__ == "__main__":
    main()
