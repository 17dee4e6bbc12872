"""Does the measure of a face say whether a look will match? Over all looks at tenants of bench/conditions, by clarity.

`area`: the chance that of two looks, one that matches and one that does not, the first has the higher measure (1: always, .5: no power).
"""

from __future__ import annotations

from itertools import pairwise

import numpy as np
from numpy.typing import NDArray

from bench.conditions import STRICT, Looks, tell
from models.quality import ENROL, SIGHT

STEPS = (0.0, 0.17, 0.33, 0.5, 0.67, 0.83, 1.0, 1.01)


def main() -> None:
    """Print the table; with --json the figures on the last line."""
    tell("quality", __doc__, table)


def table(found: Looks) -> dict[str, float]:
    """Print FNIR by clarity, the area under the curve, and what the limits refuse."""
    every = np.concatenate(list(found.values()))
    every = every[every["tenant"] & every["found"]]
    hits, clear = every["after"], every["clarity"]
    print(f"{len(every)} looks at tenants in {len(found)} conditions; judged at the roster's own threshold for {STRICT:.1%} of strangers")
    for low, high in pairwise(STEPS):
        inside = (clear >= low) & (clear < high)
        print(f"  clarity {low:.2f} to {min(high, 1.0):.2f}: {inside.sum():6d} looks, {1 - hits[inside].mean():.3f} miss")
    figures = {"area": round(area(clear, hits), 4)}
    print(f"  area under the curve {figures['area']:.3f}")
    print("  share refused of looks that would match, and of the others:")
    gate, enrolment = clear < SIGHT.clarity, clear < ENROL.clarity
    for what, refused in (
        ("clarity at the gate", gate),
        ("clarity of a photo", enrolment),
        ("size, pose and light at the gate", every["poor"]),
    ):
        print(f"    {what:<34} {refused[hits].mean():.3f} {refused[~hits].mean():.3f}")
    return figures


def area(measure: NDArray[np.float64], hits: NDArray[np.bool_]) -> float:
    """The area under the curve: Mann and Whitney's count of pairs in order, ties half."""
    ordered = np.sort(measure[~hits])
    below = np.searchsorted(ordered, measure[hits], side="left") + np.searchsorted(ordered, measure[hits], side="right")
    return float(below.mean() / 2 / ordered.size)


if __name__ == "__main__":
    main()
