"""Exact bounds for a share that was counted: Clopper and Pearson's, in plain Python (scipy is 100 MB for this one function)."""

from __future__ import annotations

import math

STEPS = 60  # halvings of the interval 0..1: beyond the last bit of a float


def clopper_pearson(hits: float, trials: float, confidence: float = 0.95) -> tuple[float, float]:
    """The interval that holds the true share with at least this confidence, from `hits` in `trials`.

    Both may be fractions, as effective counts are. Without trials nothing is known: (0, 1).
    """
    if trials <= 0:
        return 0.0, 1.0
    rest = (1 - confidence) / 2
    low = 0.0 if hits <= 0 else beta_quantile(rest, hits, trials - hits + 1)
    high = 1.0 if hits >= trials else beta_quantile(1 - rest, hits + 1, trials - hits)
    return low, high


def beta_quantile(share: float, a: float, b: float) -> float:
    """The x where the beta distribution's cumulative is `share`, by bisection."""
    low, high = 0.0, 1.0
    for _ in range(STEPS):
        middle = (low + high) / 2
        if beta_cumulative(middle, a, b) < share:
            low = middle
        else:
            high = middle
    return (low + high) / 2


def beta_cumulative(x: float, a: float, b: float) -> float:
    """The regularised incomplete beta function I_x(a, b), by its continued fraction (Abramowitz and Stegun 26.5.8)."""
    if x <= 0.0:
        return 0.0
    if x >= 1.0:
        return 1.0
    front = math.exp(math.lgamma(a + b) - math.lgamma(a) - math.lgamma(b) + a * math.log(x) + b * math.log1p(-x))
    # The fraction converges fast left of the mean; right of it the other tail is taken.
    if x < (a + 1) / (a + b + 2):
        return front * _fraction(x, a, b) / a
    return 1.0 - front * _fraction(1 - x, b, a) / b


def _fraction(x: float, a: float, b: float) -> float:
    """Lentz's evaluation from the front, until a step changes nothing."""
    tiny = 1e-300
    c, d = 1.0, 1.0 / (1.0 - (a + b) * x / (a + 1) or tiny)
    value = d
    for m in range(1, 10_000):
        for term in (m * (b - m) * x / ((a + 2 * m - 1) * (a + 2 * m)), -(a + m) * (a + b + m) * x / ((a + 2 * m) * (a + 2 * m + 1))):
            d = 1.0 / (1.0 + term * d or tiny)
            c = 1.0 + term / c or tiny
            value *= c * d
        if abs(c * d - 1.0) < 1e-14:
            break
    return value
