"""What may this engine promise with this roster? The threshold from the roster's own scores, and what a face alone is allowed to do.

The threshold for a rate p of strangers taken for tenants (the false-positive identification rate, FPIR, of one look) is the p-quantile of
the best likeness of a stranger to anybody here. The roster's own photos stand in for strangers (impostors.py); they met one tenant fewer,
so p (N - 1) / N is asked of them.

Where at least ten independent events lie beyond that quantile it is simply counted (`roster`). Otherwise the tail is modelled (`tail`):
best-of-many scores lie in the domain of attraction of the Gumbel law (likenesses of strangers fall off like a normal law or faster, and
none passes 1), for which excesses over a high level u are exponential (Pickands, Balkema and de Haan, with shape 0). So with a share z of
the photos above u and a mean excess s, FPIR(T) = z exp(-(T - u) / s). Of n photos the highest 2 sqrt(n) make the tail: deep enough to be
many, high enough to be a tail. Simulated populations (even, skewed, in groups, with families) of 100 to 1,000 tenants justify that level:
at 400 tenants with three photos it gives 1.1 to 1.2 times a 1 % target on average and 0.7 to 1.8 times 0.1 %; a shape that is estimated
too overshoots 0.1 % up to 2.3 times. It was not chosen blind, though: before it was settled, it had also been looked at on the faces of
LFW that bench/identify judges by, beside tails of a tenth and of a twentieth of the photos. What that bench says of the tail may
therefore be kinder than it would be on faces that nobody had looked at.

How many independent events are there? A pair of look-alikes is seen from both sides, and by several photos of each: the tenants that
exceed, not the photos, are counted, and halved. The bounds follow from that number.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace
from enum import StrEnum

import numpy as np
from numpy.typing import NDArray

from edge.roster.bounds import clopper_pearson
from edge.roster.gallery import Enrolled, Thresholds, stacked
from edge.roster.impostors import Own, own_scores, pair_threshold
from models.contract import Space
from models.spaces import CARDS, Card

TAIL = 2.0  # times the square root of the number of photos make the tail
HIGHEST = 0.05  # a rate beyond which no door should open by face at all
COUNTED = 10  # independent events beyond a threshold from which it is counted: the rate is then known to a factor of two
WITHIN = 10.0  # a tail is trusted if the upper bound stays within ten times the target, else the roster is too small to know
MISSES = 0.10  # beyond one passage in ten missed a queue forms at shift change, and people stop believing the gate
DOUBT = 10.0  # `uncertain` begins where ten times as many strangers arrive
LOOKS = 8  # a stranger's in ten minutes (the recogniser's BURST)
GUESSES_EACH = LOOKS // 3  # three looks that agree are one
CHANCE_A_DAY = 1 / 3690  # of one stranger let in by a face alone: once in ten years that begin with a month saved, or with 37 restarts
CHANCE_MOST = 30 * CHANCE_A_DAY  # what a quiet time saves up: all of it together is one chance in 123
SHARE = 0.05  # of what is left, for each stranger: fourteen of them halve it, which costs residents .02 of likeness
BUSY = 30  # strangers a day for whom `alone` is told; a gate where more try asks for more
NORMAL = 1.96  # standard deviations of a two-sided 95 % bound


class Basis(StrEnum):
    """What a threshold rests on."""

    ROSTER = "roster"
    TAIL = "tail"
    FLOOR = "floor"


class Allows(StrEnum):
    """What a face may do here by itself."""

    FACE_ALONE = "face_alone"
    CARD_AND_FACE = "card_and_face"
    GUARD = "guard"


class Why(StrEnum):
    """The reason for what is allowed."""

    MET = "met"  # the target is met
    VOUCHED = "vouched"  # too few tenants to know, few enough for the engine's card to vouch
    TOO_FEW = "too_few"  # too few tenants to know, and the card does not vouch
    TOO_MANY_MISSES = "too_many_misses"  # the threshold that keeps strangers out keeps tenants out too
    UNKNOWN_MISSES = "unknown_misses"  # one photo each, and an engine that must first show what it misses
    NOBODY = "nobody"  # no faces here


@dataclass(frozen=True, slots=True)
class Share:
    """An expected share with its 95 % bounds; `expected` is None where nothing but bounds is known."""

    expected: float | None
    low: float
    high: float


@dataclass(frozen=True, slots=True)
class Alone:
    """How like a face must be to open by itself.

    Strangers exceed `start` with a share of `share` at most (upper 95 % bound), which falls off by e every `length`; never below `floor`.
    """

    start: float
    share: float
    length: float
    floor: float

    def likeness(self, rate: float) -> float:
        """What strangers reach at most with this rate (0 < rate), a guess."""
        return max(self.floor, self.start + self.length * math.log(max(1.0, self.share / rate)))

    @property
    def busy(self) -> float:
        """At a gate where BUSY strangers try every day."""
        return self.likeness(CHANCE_A_DAY / BUSY / GUESSES_EACH)

    @property
    def quiet(self) -> float:
        """For the first stranger after a month without any."""
        return self.likeness(CHANCE_MOST * SHARE / GUESSES_EACH)


@dataclass(frozen=True, slots=True)
class Calibration:
    """The thresholds in force and what they promise.

    `fnir` is the share of looks at a tenant that are missed, each photo played against the tenant's others: a template of one photo fewer
    than at the gate, but photos of the office rather than of the gate's camera; None where nobody has two photos. `verify` is the
    threshold for card and face together. `alone` gives the likeness that a face must reach to open by itself, and `misses_alone` the share
    of looks at tenants below it, who are asked for a card: at a gate where BUSY strangers try every day, and after a quiet month.
    `lookalikes` are pairs of person_refs that look like one person and were set aside until somebody has looked.
    """

    space: Space
    tenants: int
    photos: int
    rate: float
    thresholds: Thresholds
    verify: float
    basis: Basis
    fpir: Share
    fnir: Share | None
    allows: Allows
    why: Why
    lookalikes: tuple[tuple[str, str], ...]
    alone: Alone
    misses_alone: tuple[Share | None, Share | None]


def calibrate(space: Space, people: Sequence[Enrolled], rate: float = 0.001) -> Calibration:
    """Set the thresholds for a gallery of these people.

    `rate` (0 < rate <= 0.05) is the share of looks at strangers that may end in somebody's name. Raises OtherSpace, KeyError for a space
    without a card, ValueError for a rate out of range.
    """
    if not 0 < rate <= HIGHEST:
        raise ValueError(f"a rate of {rate}, above 0 and at most {HIGHEST} expected")
    card = CARDS[space]
    photos, owners = stacked(space, people)
    own = own_scores(space, photos, owners, len(people), card.same)
    basis, thresholds, fpir = _threshold(own, card, rate)
    verify = pair_threshold(own, rate)
    verify = card.verify_floor if verify is None else verify
    fnir = _misses(own, thresholds)
    allows, why = _allowed(own, card, basis, fnir, verify)
    refs = tuple((people[a].ref, people[b].ref) for a, b in own.lookalikes)
    alone = _alone(own, card, thresholds.accept)
    misses = (_misses(own, replace(thresholds, accept=alone.busy)), _misses(own, replace(thresholds, accept=alone.quiet)))
    return Calibration(space, len(people), len(photos), rate, thresholds, verify, basis, fpir, fnir, allows, why, refs, alone, misses)


def _alone(own: Own, card: Card, floor: float) -> Alone:
    """The likeness for a face alone, from the roster's tail.

    Where the tail of the roster begins, and the upper 95 % bound of the share beyond it, are the roster's; how fast it falls off is the
    roster's own or the card's, whichever is slower. A roster too small for a tail takes the card's pairs, so many as there are tenants.
    """
    tail = tail_of(own)
    if tail is None:
        start, share = card.pairs[0], card.pairs[1] * max(own.tenants, 1)
        length = card.tail
    else:
        start, share = tail.start, clopper_pearson(tail.events, tail.events / tail.share)[1]
        length = max(tail.length, card.tail)
    return Alone(start, share, length, floor)


@dataclass(frozen=True, slots=True)
class Tail:
    """The top of the best scores: a share above a start, falling off by e every `length`, known from `events` independent events."""

    start: float
    share: float
    length: float
    events: float

    def threshold(self, rate: float) -> float:
        """The likeness exceeded with this rate (at most `share`)."""
        return self.start + self.length * math.log(self.share / rate)

    def factor(self, rate: float) -> float:
        """How far, as a factor, the true rate may lie from this one (95 %): the counted share and the length each add their noise."""
        reach = math.log(self.share / rate)
        return math.exp(NORMAL * math.sqrt((1 - self.share + reach**2) / self.events))


def tail_of(own: Own) -> Tail | None:
    """The tail of a roster's best scores; None where fewer than two events make it."""
    above = round(TAIL * math.sqrt(own.best.size))
    if above < 2 or above >= own.best.size:
        return None
    order = np.argsort(own.best)[::-1]
    start = float(own.best[order[above]])
    length = float((own.best[order[:above]] - start).mean())
    events = np.unique(own.owners[order[:above]]).size / 2
    return Tail(start, above / own.best.size, length, events) if length > 0 and events >= 2 else None


def _threshold(own: Own, card: Card, rate: float) -> tuple[Basis, Thresholds, Share]:
    events = np.unique(own.owners).size / 2
    asked = rate * (own.tenants - 1) / max(own.tenants, 1)
    tail = tail_of(own)
    counted = asked * events >= COUNTED
    if tail is None or (not counted and tail.factor(asked) > WITHIN):
        # No lower than what has been seen here: whoever is enrolled may be more alike than those the card was measured on.
        accept = max(card.floor, float(own.best.max(initial=-np.inf)))
        doubt = min(card.verify_floor, accept)
        bounds = Share(None, 0.0, clopper_pearson(0, events)[1])
        return Basis.FLOOR, Thresholds(accept, doubt, card.margin), bounds
    looser = _counted(own, DOUBT * asked) if DOUBT * asked >= tail.share or counted else tail.threshold(DOUBT * asked)
    if counted:
        accept = _counted(own, asked)
        return Basis.ROSTER, Thresholds(accept, min(looser, accept), card.margin), Share(rate, *clopper_pearson(rate * events, events))
    accept, factor = tail.threshold(asked), tail.factor(asked)
    return Basis.TAIL, Thresholds(accept, min(looser, accept), card.margin), Share(rate, rate / factor, min(1.0, rate * factor))


def _counted(own: Own, rate: float) -> float:
    """The likeness exceeded with this rate, counted: the j-th best of n is exceeded with j / (n + 1) on average."""
    return float(np.quantile(own.best, max(0.0, 1 - rate), method="weibull"))


def _misses(own: Own, limits: Thresholds) -> Share | None:
    return _share(own, (own.self < limits.accept) | (own.self - own.best < limits.margin))


def _share(own: Own, missed: NDArray[np.bool_]) -> Share | None:
    """The share of photos missed among those that could be found; None where nobody has two photos."""
    known = ~np.isnan(own.self)
    if not known.any():
        return None
    # Photos of one tenant succeed or fail together, so tenants are counted, with the share of their photos that is missed.
    tenants = np.unique(own.owners[known]).size
    expected = float(missed[known].mean())
    return Share(expected, *clopper_pearson(expected * tenants, tenants))


def _allowed(own: Own, card: Card, basis: Basis, fnir: Share | None, verify: float) -> tuple[Allows, Why]:
    if not own.tenants:
        return Allows.GUARD, Why.NOBODY
    refused = _share(own, own.self < verify)
    if refused is not None and refused.low > MISSES:
        return Allows.GUARD, Why.TOO_MANY_MISSES
    if fnir is not None and fnir.low > MISSES:
        return Allows.CARD_AND_FACE, Why.TOO_MANY_MISSES
    if basis is Basis.FLOOR:
        vouched = own.tenants <= card.floor_holds
        return (Allows.FACE_ALONE, Why.VOUCHED) if vouched else (Allows.CARD_AND_FACE, Why.TOO_FEW)
    if fnir is None and not card.floor_holds:
        return Allows.CARD_AND_FACE, Why.UNKNOWN_MISSES
    return Allows.FACE_ALONE, Why.MET
