"""The spaces this product knows, and the card of each: what may be said of its scores before any roster is known.

The numbers are measured on LFW and its East-Asian part (docs/models/); they are set so that they err against opening.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from types import MappingProxyType

from models.contract import Measure, Space

SFACE = Space("sface", "2021dec-int8bq", 128)
DLIB = Space("dlib-resnet", "v1", 128, Measure.EUCLIDEAN)


@dataclass(frozen=True, slots=True)
class Card:
    """What is known of a space beforehand. Scores are likenesses of the space's measure.

    `floor`: the threshold for a roster that is too small to know its own; it keeps strangers below 0.1 % up to `floor_holds` tenants
    (0: never enough for a face alone). `verify_floor`: the same for one face against one tenant. `margin`: by how much the best tenant
    must lead the second, about what one face's score wanders from frame to frame. `same`: from here on two tenants look like one
    person, enrolled twice or twins, until somebody has looked. `tail`: over this much likeness the share of strangers that reaches it
    falls to 1/e, at most. `pairs`: (likeness, share of pairs of strangers that reach it, at most). `lengths`: the network's output before
    it is normalised is so long for a face of which nobody can be told, and for one that is seen as well as can be; None where its length
    says nothing.
    """

    floor: float
    floor_holds: int
    verify_floor: float
    margin: float
    same: float
    tail: float
    pairs: tuple[float, float]
    lengths: tuple[float, float] | None


CARDS: Mapping[Space, Card] = MappingProxyType(
    {
        # Strangers above a gallery of 1,000: 0.1 % at .534. East-Asian stranger pairs pass 2.5 to 7 times as often as others at one
        # threshold; .60 is three more tail lengths (.022 each: a twentieth) above. One pair in 10,000 passes at .42, of East-Asian faces
        # 7 in 10,000; hence .50 for one to one.
        # Mean excess over the level of a tail, 50 to 1,000 tenants: .025 to .030; upper 95 % bounds .027 to .031 (people drawn anew, LFW).
        # Of 14,551 looks at 400 tenants in 38 conditions those shorter than 7 missed all, those longer than 13 nine in a thousand, at the
        # likeness that one stranger in a thousand reaches (bench/quality).
        SFACE: Card(0.60, 1000, verify_floor=0.50, margin=0.05, same=0.70, tail=0.031, pairs=(0.42, 0.0007), lengths=(7.0, 13.0)),
        # At distance .40 a gallery of 100 takes 0.04 % of Western strangers for tenants, but 9 % of East-Asian ones, and misses two
        # tenants in three: never alone at the floor. Its tail was not measured: a high guess, and of distance .40 one pair in a thousand.
        DLIB: Card(0.60, 0, verify_floor=0.60, margin=0.03, same=0.70, tail=0.05, pairs=(0.60, 0.001), lengths=None),
    }
)
