"""The threshold from the roster's own strangers: right on average, honest about what it cannot know, and safe where it knows nothing."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from edge.roster.bounds import beta_quantile, clopper_pearson
from edge.roster.calibrate import COUNTED, Allows, Basis, Calibration, Why, calibrate, tail_of
from edge.roster.gallery import Enrolled, likenesses, means, stacked
from edge.roster.impostors import own_scores
from models.contract import Embedding
from models.spaces import CARDS, DLIB, SFACE

Faces = NDArray[np.float64]


def crowd(seed: int, people: int, photos: int, *, noise: float = 0.55, groups: int = 0) -> Faces:
    """Simulated people, (people, photos, 128): an uneven spectrum as embeddings have it, some blurrier than others, maybe in groups."""
    rng = np.random.default_rng(seed)
    spectrum = np.exp(-np.arange(128) / 80)
    faces = rng.normal(size=(people, 128)) * spectrum
    if groups:
        faces = 0.93 * faces + 0.37 * (rng.normal(size=(groups, 128)) * spectrum)[rng.integers(groups, size=people)]
    blur = noise * np.sqrt(rng.gamma(8, 1 / 8, size=(people, 1, 1)))
    return faces[:, None, :] + rng.normal(size=(people, photos, 128)) * spectrum * blur


def roster(faces: Faces) -> list[Enrolled]:
    """The crowd as tenants."""
    return [Enrolled(f"p{i}", tuple(Embedding.of(SFACE, photo) for photo in photos)) for i, photos in enumerate(faces)]


def false_positives(people: list[Enrolled], strangers: Faces, accept: float) -> float:
    """The share of strangers' faces that reach somebody."""
    photos, owners = stacked(SFACE, people)
    probes = np.stack([Embedding.of(SFACE, face[0]).vector for face in strangers])
    return float((likenesses(SFACE, probes, means(SFACE, photos, owners, len(people))).max(axis=1) >= accept).mean())


@pytest.mark.parametrize("groups", [0, 6])
def test_strangers_pass_as_often_as_asked_on_average(groups: int) -> None:
    """Over twelve simulated houses of 200, strangers pass between two thirds and one and a half times the 1 % asked."""
    shares = []
    for seed in range(12):
        faces = crowd(seed, 200 + 2000, 3, groups=groups)
        people = roster(faces[:200])
        shares.append(false_positives(people, faces[200:], calibrate(SFACE, people, 0.01).thresholds.accept))
    assert 0.67 < np.mean(shares) / 0.01 < 1.5


def test_stated_bounds_hold_the_truth() -> None:
    """Over thirty houses the true rate lies within the stated 95 % bounds, as often as it should but for chance (27 of 30: 0.3 %)."""
    held = 0
    for seed in range(30):
        faces = crowd(100 + seed, 150 + 3000, 2)
        people = roster(faces[:150])
        made = calibrate(SFACE, people, 0.01)
        assert made.basis is Basis.TAIL
        held += made.fpir.low <= false_positives(people, faces[150:], made.thresholds.accept) <= made.fpir.high
    assert held >= 26


def test_misses_are_stated_with_bounds() -> None:
    """FNIR by leaving a photo out is near what later looks at the same people give, and the bounds hold it."""
    faces = crowd(5, 300, 5, noise=0.9)
    people = roster(faces[:, :3])
    made = calibrate(SFACE, people, 0.01)
    assert made.fnir is not None
    assert made.fnir.expected is not None
    photos, owners = stacked(SFACE, people)
    templates = means(SFACE, photos, owners, 300)
    looks = np.stack([Embedding.of(SFACE, face[3]).vector for face in faces])
    missed = float(((looks * templates).sum(axis=1) < made.thresholds.accept).mean())
    assert missed > 0
    assert made.fnir.low <= made.fnir.expected <= made.fnir.high
    assert missed <= made.fnir.high  # a photo fewer in the template errs to the careful side


def test_lower_rate_asks_more() -> None:
    """The rarer a stranger may pass, the higher the threshold; doubt begins below it."""
    people = roster(crowd(7, 400, 3))
    thresholds = [calibrate(SFACE, people, rate).thresholds for rate in (0.05, 0.01, 0.003, 0.001)]
    assert [t.accept for t in thresholds] == sorted(t.accept for t in thresholds)
    assert all(t.doubt < t.accept for t in thresholds)


def test_large_roster_counts() -> None:
    """With ten independent events beyond the threshold nothing is modelled."""
    people = roster(crowd(8, 500, 1))
    made = calibrate(SFACE, people, 0.05)
    assert made.basis is Basis.ROSTER
    assert COUNTED <= 500 / 2 * 0.05
    assert made.fpir.expected == 0.05
    assert made.fnir is None


def test_roster_too_small_to_know_falls_back_to_the_floor_and_says_so() -> None:
    """Five tenants: the engine's card speaks, no expected rate is made up, and the bound is as wide as the ignorance."""
    made = calibrate(SFACE, roster(crowd(9, 5, 3)), 0.001)
    assert made.basis is Basis.FLOOR
    assert made.thresholds.accept == CARDS[SFACE].floor
    assert made.fpir.expected is None
    assert made.fpir.high > 0.5
    assert (made.allows, made.why) == (Allows.FACE_ALONE, Why.VOUCHED)


def test_floor_is_raised_by_what_is_seen_here() -> None:
    """Where two of few tenants are more alike than the floor allows, the floor is not enough."""
    faces = crowd(10, 4, 1)
    faces[1] = faces[0] + 1.15 * faces[1]
    people = roster(faces)
    alike = people[0].photos[0].likeness(people[1].photos[0])
    assert CARDS[SFACE].floor < alike < CARDS[SFACE].same
    assert calibrate(SFACE, people).thresholds.accept == pytest.approx(alike, abs=1e-5)


def test_nobody_and_one() -> None:
    """An empty house asks the guard; a single tenant is vouched for by the floor."""
    empty = calibrate(SFACE, [])
    assert (empty.allows, empty.why, empty.tenants) == (Allows.GUARD, Why.NOBODY, 0)
    one = calibrate(SFACE, roster(crowd(11, 1, 1)))
    assert (one.basis, one.allows) == (Basis.FLOOR, Allows.FACE_ALONE)
    assert one.fpir.high == 1.0


def test_same_person_enrolled_twice_is_named_and_does_not_move_the_threshold() -> None:
    """A duplicate is for the manager to settle; the rest of the house is calibrated as if it were not there."""
    faces = crowd(12, 300, 3)
    before = calibrate(SFACE, roster(faces), 0.001)
    faces[7] = faces[3] + 0.05 * faces[7]
    after = calibrate(SFACE, roster(faces), 0.001)
    assert before.lookalikes == ()
    assert after.lookalikes == (("p3", "p7"),)
    assert after.thresholds.accept == pytest.approx(before.thresholds.accept, abs=0.02)


def test_engine_that_cannot_promise_may_not_open_alone() -> None:
    """In dlib's space a small house and one with a photo each get card and face, whatever the numbers."""
    rng = np.random.default_rng(13)

    def house(size: int, photos: int) -> Calibration:
        faces = rng.normal(size=(size, 1, 128)) * 0.07 + rng.normal(size=(size, photos, 128)) * 0.02
        return calibrate(DLIB, [Enrolled(str(i), tuple(Embedding.of(DLIB, v) for v in face)) for i, face in enumerate(faces)], 0.01)

    small, single = house(10, 3), house(600, 1)
    assert (small.basis, small.allows, small.why) == (Basis.FLOOR, Allows.CARD_AND_FACE, Why.TOO_FEW)
    assert (single.allows, single.why) == (Allows.CARD_AND_FACE, Why.UNKNOWN_MISSES)


def test_too_many_misses_close_the_face_alone_and_worse_ones_the_pair() -> None:
    """Photos that hardly show their owner: the threshold that keeps strangers out keeps tenants out, and that is said."""
    poor = calibrate(SFACE, roster(crowd(14, 300, 3, noise=1.1)), 0.001)
    assert (poor.allows, poor.why) == (Allows.CARD_AND_FACE, Why.TOO_MANY_MISSES)
    hopeless = calibrate(SFACE, roster(crowd(15, 300, 3, noise=5)), 0.001)
    assert (hopeless.allows, hopeless.why) == (Allows.GUARD, Why.TOO_MANY_MISSES)


def test_card_and_face_needs_less_than_a_face_alone() -> None:
    """One to one: strangers reach one tenant's template as rarely as asked, at a lower threshold than anybody's."""
    faces = crowd(16, 400, 2)
    made = calibrate(SFACE, roster(faces), 0.001)
    assert made.verify < made.thresholds.accept
    photos, owners = stacked(SFACE, roster(faces))
    scores = likenesses(SFACE, photos, means(SFACE, photos, owners, 400))
    scores[np.arange(800), owners] = -1
    assert (scores >= made.verify).sum() / (800 * 399) == pytest.approx(0.001, rel=0.1)
    assert calibrate(SFACE, roster(faces[:20]), 0.001).verify == CARDS[SFACE].verify_floor


def test_tail_follows_an_exponential_it_is_given() -> None:
    """Scores with a known tail: the threshold is where the formula has it, within its stated factor."""
    rng = np.random.default_rng(17)
    photos, owners = stacked(SFACE, roster(crowd(17, 2, 1)))
    own = replace(own_scores(SFACE, photos, owners, 2, 0.9), tenants=4000, best=0.3 + rng.exponential(0.02, 4000), owners=np.arange(4000))
    tail = tail_of(own)
    assert tail is not None
    for rate in (0.01, 0.001, 0.0001):
        truth = np.exp(-(tail.threshold(rate) - 0.3) / 0.02)
        assert rate / tail.factor(rate) <= truth <= rate * tail.factor(rate)


@pytest.mark.parametrize("rate", [0.0, -0.1, 0.06, 1.0])
def test_rate_out_of_range_is_refused(rate: float) -> None:
    """One in twenty is the most that may be asked."""
    with pytest.raises(ValueError, match="rate"):
        calibrate(SFACE, [], rate)


@pytest.mark.parametrize(
    ("hits", "trials", "low", "high"),
    [
        (0, 10, 0.0, 0.30850),
        (10, 10, 0.69150, 1.0),
        (1, 20, 0.00127, 0.24873),
        (5, 100, 0.01643, 0.11284),
        (29, 2864, 0.00679, 0.01450),
        (0, 0, 0, 1),
    ],
)
def test_clopper_pearson_has_the_published_values(hits: int, trials: int, low: float, high: float) -> None:
    """The exact interval, as tables have it."""
    assert clopper_pearson(hits, trials) == pytest.approx((low, high), abs=2e-5)


@settings(deadline=None)
@given(st.floats(0.001, 0.999), st.floats(0.5, 3000), st.floats(0.5, 3000))
def test_beta_quantile_is_scipys(share: float, a: float, b: float) -> None:
    """Our few lines against scipy's library, where it is installed."""
    stats = pytest.importorskip("scipy.stats")
    assert beta_quantile(share, a, b) == pytest.approx(float(stats.beta.ppf(share, a, b)), abs=1e-7)
