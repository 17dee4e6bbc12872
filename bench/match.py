"""Searching a gallery: every row compared, against what the memory can deliver and against a loop over a list, as face_recognition does.

The limit is the time to read the matrix once; it is measured in the same run by summing as many bytes.
"""

from __future__ import annotations

import argparse
import json
import time
from collections.abc import Callable

import numpy as np
from numpy.typing import NDArray

from edge.roster.gallery import Gallery
from models.contract import Embedding
from models.spaces import SFACE

SIZES = (1_000, 30_000, 1_000_000)
LISTED = 30_000  # beyond that a list is not worth the wait


def main() -> None:
    """Print the table; with --json the figures on the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures on the last line")
    arguments = parser.parse_args()
    figures: dict[str, float] = {}
    rng = np.random.default_rng(1)
    probe = Embedding.of(SFACE, rng.normal(size=SFACE.dimensions))
    for size in SIZES:
        rows = rng.normal(size=(size, SFACE.dimensions)).astype(np.float32)
        rows /= np.linalg.norm(rows, axis=1, keepdims=True)
        gallery = Gallery(SFACE, [str(i) for i in range(size)], rows, [0.0] * size)
        ours = best(lambda gallery=gallery: gallery.search(probe))  # type: ignore[misc]  # a default binds the loop's variable
        limit = best(lambda rows=rows: read_once(rows))  # type: ignore[misc]
        line = (
            f"  {size:>9,} x {SFACE.dimensions}: search {ours:8.3f} ms, reading it once {limit:8.3f} ms, over bandwidth {ours / limit:5.2f}"
        )
        if size <= LISTED:
            listed = list(rows)
            slow = best(lambda listed=listed: compare_list(listed, probe.vector), rounds=3)  # type: ignore[misc]
            line += f", compare_faces over a list {slow:8.1f} ms ({slow / ours:.0f} x)"
        print(line)
        if size == 30_000:
            figures["n30000_ms"] = round(ours, 3)
        if size == 1_000_000:
            figures["over_bandwidth_1m"] = round(ours / limit, 3)
    if arguments.json:
        print(json.dumps({"bench": "match", "figures": figures}))


def best(run: Callable[[], object], rounds: int = 15) -> float:
    """The shortest of some rounds in ms: what the machine can do, whoever else is on it."""
    times = []
    for _ in range(rounds):
        begun = time.perf_counter()
        run()
        times.append((time.perf_counter() - begun) * 1000)
    return min(times)


def read_once(rows: NDArray[np.float32]) -> float:
    """Read every byte once, on one thread: a dot product of the two halves is bound by memory alone."""
    flat = rows.reshape(-1)
    half = flat.size // 2
    return float(np.vecdot(flat[:half], flat[half : 2 * half]))


def compare_list(listed: list[NDArray[np.float32]], probe: NDArray[np.float32]) -> list[bool]:
    """face_recognition.compare_faces: norm of the differences of a list of vectors, one bool each."""
    return list(np.linalg.norm(np.asarray(listed) - probe, axis=1) <= 0.6)


if __name__ == "__main__":
    main()
