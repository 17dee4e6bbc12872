"""What a roster knows of itself: how like its tenants are to each other, and to themselves.

Every enrolled photo is played as a stranger: its owner's template is taken out and the best likeness among the others is kept. A stranger's
face meets the gallery in just that way, one picture against everybody's mean template, so the distribution of these best scores is the
distribution from which a false match comes, with one tenant fewer.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from edge.roster.gallery import Matrix, Owners, likenesses, means
from models.contract import Space

PROBES = 10_000  # photos played as strangers at most: enough for a rate of 0.1 %, and 30,000 tenants are then done in seconds
CHUNK = 256  # photos a product: 256 x 30,000 scores are 30 MB
LOOKALIKES = 100  # named at most: more than a manager settles in a day, and something else is wrong then
BINS, LOWEST = 4000, -3.0  # likenesses in steps of 0.001, from below any that occurs (distance 4) to 1


@dataclass(frozen=True, slots=True)
class Own:
    """The roster's own scores; one entry a photo played.

    `best`: highest likeness to another tenant. `self`: likeness to the owner's template made without this photo, NaN where there is no
    other photo. `owners`: index of the tenant. `pairs`: counts of all likenesses between a photo and another tenant's template, from
    LOWEST in steps of 0.001. `lookalikes`: pairs of tenants at `same` or above, set aside from all of that.
    """

    tenants: int
    best: NDArray[np.float64]
    self: NDArray[np.float64]
    owners: Owners
    pairs: NDArray[np.int64]
    lookalikes: tuple[tuple[int, int], ...]


def own_scores(space: Space, photos: Matrix, owners: Owners, tenants: int, same: float) -> Own:
    """Play the photos as strangers. `photos` (n, dimensions) with the index of each one's tenant, ascending."""
    templates = means(space, photos, owners, tenants)
    rows = _played(owners, tenants)
    best = np.full(rows.size, -np.inf)
    pairs = np.zeros(BINS, np.int64)
    alike: set[tuple[int, int]] = set()
    for start in range(0, rows.size, CHUNK):
        part = rows[start : start + CHUNK]
        scores = likenesses(space, photos[part], templates)
        scores[np.arange(part.size), owners[part]] = -np.inf
        for photo, other in np.argwhere(scores >= same):
            one = int(owners[part[photo]])
            alike.add((min(one, int(other)), max(one, int(other))))
        scores[scores >= same] = -np.inf
        if tenants > 1:
            best[start : start + CHUNK] = scores.max(axis=1)
        pairs += np.histogram(scores[np.isfinite(scores)], BINS, (LOWEST, 1.0))[0]
    keep = np.isfinite(best)
    return Own(
        tenants, best[keep], _selves(space, photos, owners, rows)[keep], owners[rows][keep], pairs, tuple(sorted(alike)[:LOOKALIKES])
    )


def pair_threshold(own: Own, rate: float) -> float | None:
    """The likeness that one face reaches to one other tenant with this rate; None where there are too few pairs to say."""
    seen = int(own.pairs.sum())
    # A pair of tenants is seen from both sides and by several photos, but it is one pair. Ten beyond the threshold are wanted.
    if own.tenants * (own.tenants - 1) / 2 * rate < 10:
        return None
    beyond = np.cumsum(own.pairs[::-1])
    place = int(np.searchsorted(beyond, rate * seen, side="right"))
    return 1.0 - place * (1.0 - LOWEST) / BINS


def _played(owners: Owners, tenants: int) -> Owners:
    """The rows to play: all, or those of every n-th tenant where there are too many."""
    if owners.size <= PROBES:
        return np.arange(owners.size, dtype=np.int64)
    step = -(-owners.size // PROBES)
    chosen = np.zeros(tenants, bool)
    chosen[::step] = True
    return np.flatnonzero(chosen[owners]).astype(np.int64)


def _selves(space: Space, photos: Matrix, owners: Owners, rows: Owners) -> NDArray[np.float64]:
    """Each photo's likeness to the mean of its owner's others."""
    found = np.full(rows.size, np.nan)
    first = np.searchsorted(owners, owners[rows], side="left")
    after = np.searchsorted(owners, owners[rows], side="right")
    for place, (row, begin, end) in enumerate(zip(rows, first, after, strict=True)):
        if end - begin > 1:
            others = np.delete(photos[begin:end], row - begin, axis=0)
            template = means(space, others, np.zeros(len(others), np.int64), 1)
            found[place] = likenesses(space, photos[row : row + 1], template)[0, 0]
    return found
