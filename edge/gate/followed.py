"""What is remembered of the people before the cameras: one person's track, what its frames say, and the strangers of the last minutes.

Pure, and in memory only.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Mapping
from dataclasses import dataclass, field, replace
from types import MappingProxyType

import numpy as np
from numpy.typing import NDArray

from edge.access.events import Event
from edge.access.terms import Direction
from edge.clock import Moment
from edge.roster.calibrate import Alone
from edge.roster.gallery import Answer, Gallery, Thresholds
from models.contract import Embedding
from models.spaces import CARDS

RELINK_S = 600.0  # a stranger's vector is forgotten after this (CONTRACT section 7)
STRANGERS = 64  # remembered at once: more strangers in ten minutes than a gate should have
REPEATED = 0.9999  # likeness of two looks that no camera gives: consecutive looks at a moving picture were at most .988 alike
CAUTIOUS = 0.6  # likeness of one face to itself in a space without a card

Vector = NDArray[np.float32]
Place = tuple[float, float, float, float]
"""Left, top, width, height as parts of the picture."""

SAME: Mapping[str, float] = MappingProxyType({str(space): card.verify_floor for space, card in CARDS.items()})
"""From which likeness on two looks are one person, by space: one pair of strangers in 10,000 passes it."""


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """One camera and the access points it watches; the first is the one a recognised face asks for.

    At a site that only captures there is no access point, and the camera's own name stands for the door. With `card_first` faces come only
    when the time to show a card is over.
    """

    name: str
    access_points: tuple[str, ...]
    door: str
    direction: Direction
    card_first: bool = False

    @property
    def place(self) -> str:
        """What a lens is asked for: the first access point, or nothing."""
        return self.access_points[0] if self.access_points else ""


@dataclass(frozen=True, slots=True)
class Lens:
    """Through what an access point looks at faces: its own people, the limits calibrated for them, and whether a face alone may open."""

    gallery: Gallery
    limits: Thresholds
    alone: bool
    worth: Alone | None = None
    """The likeness that a face alone must reach; None: `limits.accept`."""

    def sure(self, vector: Vector, rate: float) -> str | None:
        """The tenant of whom a vector is enough for a face alone, where a guess may be wrong with this rate; None for nobody."""
        accept = self.limits.accept if self.worth is None else self.worth.likeness(rate)
        verdict = self.gallery.judge(Embedding(self.gallery.space, vector), replace(self.limits, accept=accept))
        return verdict.match.ref if verdict.answer is Answer.TENANT else None


@dataclass(frozen=True, slots=True)
class FaceAsks:
    """A tenant's face asks to pass before this camera; `alone` says whether a face by itself may open here."""

    camera: CameraPlan
    ref: str
    alone: bool


@dataclass(slots=True)
class Seen:
    """What came of one input."""

    asks: list[FaceAsks] = field(default_factory=list)
    events: list[Event] = field(default_factory=list)
    drops: list[tuple[str, int]] = field(default_factory=list)
    crops: list[tuple[str, bytes]] = field(default_factory=list)


@dataclass(slots=True)
class Claim:
    """A card (PIN, button, guard) whose bearer is not in view yet."""

    access_point: str
    at: float
    ref: str | None


@dataclass(frozen=True, slots=True)
class Left:
    """Somebody claimed, just lost from view: where, when, and whose claim it was."""

    camera: str
    box: Place
    seen: float
    ref: str | None


@dataclass(slots=True)
class Track:
    """One person before one camera. `worker` counts the workers that were started: another one numbers its tracks anew."""

    camera: CameraPlan
    number: int
    worker: int
    first: Moment
    seen: float
    votes: deque[str | None]  # a person_ref, "" for unknown, None for uncertain
    box: Place = (0.0, 0.0, 0.0, 0.0)
    began_at: Place = (0.0, 0.0, 0.0, 0.0)
    quality: float = 0.0
    live: list[float] = field(default_factory=list)
    frames: int = 0
    crop: bytes = b""
    vector: Vector | None = None
    space: str = ""
    asked: str | None = None
    asked_alone: bool = False
    first_vector: Vector | None = None  # of the face that the votes are about
    first_space: str = ""
    last_vector: Vector | None = None
    looks: int = 0  # at that face, not yet reported to the budget
    total: Vector | None = None  # the sum of the looks at that face
    evidence: int = 0  # how many they are
    sure_of: str | None = None  # the tenant of whom their mean was enough for a face alone, when it was last asked
    claimed: bool = False
    claimed_by: str | None = None
    told: bool = False
    dropped_at: float = float("-inf")

    @property
    def size(self) -> float:
        """The part of the picture that the face fills."""
        return self.box[2] * self.box[3]

    def looks_like(self, other: Vector, space: str) -> bool:
        """Whether this is the person of that vector."""
        return self.vector is not None and self.space == space and same(self.vector, other, space)

    def taken_for(self, agree: int) -> str | None:
        """The tenant on whom enough frames agree."""
        named = Counter(vote for vote in self.votes if vote)
        ref, votes = named.most_common(1)[0] if named else ("", 0)
        return ref if votes >= agree else None

    def weigh(self, lens: Lens, agree: int, rate: float) -> None:
        """Ask at every `agree`-th look whether the mean of all of them is enough for a face alone, `rate` being that of one guess.

        The mean, because a single look at the gate is noisier than the photos that the likeness was calibrated on. Not at every look:
        each asking is a guess, and GUESSES_EACH of them are paid for.
        """
        if self.total is not None and self.evidence % agree == 0:
            self.sure_of = lens.sure(np.asarray(self.total / np.linalg.norm(self.total), np.float32), rate)

    def looked(self, vector: Vector, space: str, box: Place) -> bool:
        """Take a look at a face, and whether it is evidence: not where a vector comes again to the bit or nearly.

        Another face, or a head that is suddenly elsewhere, begins anew: the votes of one track are about one face.
        """
        if self.last_vector is not None and self.last_vector.shape == vector.shape and float(self.last_vector @ vector) >= REPEATED:
            return False
        first = self.first_vector
        if first is not None and (self.first_space != space or not same(first, vector, space) or not near(self.box, box)):
            self.forget_votes()
            self.asked, self.asked_alone = None, False
        if self.first_vector is None:
            self.first_vector, self.first_space = vector, space
        self.last_vector, self.looks = vector, self.looks + 1
        self.total, self.evidence = vector if self.total is None else self.total + vector, self.evidence + 1
        return True

    def forget_votes(self) -> None:
        """Begin anew: what was seen so far says nothing of who is there now."""
        self.votes.clear()
        self.live.clear()
        self.first_vector = self.last_vector = self.vector = self.total = None
        self.crop, self.space, self.quality, self.looks = b"", "", 0.0, 0
        self.evidence, self.sure_of = 0, None

    def let_go(self) -> None:
        """Keep nothing but that there was somebody."""
        self.forget_votes()


class Strangers:
    """People whom nobody knows, remembered by vector for RELINK_S, so that a visit is told once. Nothing of them is written down."""

    def __init__(self) -> None:
        self._known: deque[tuple[Vector, str, float]] = deque(maxlen=STRANGERS)

    def seen_before(self, vector: Vector, space: str, mono: float) -> bool:
        """Whether this stranger was seen within the last ten minutes; they are remembered either way."""
        for index, (known, known_space, _) in enumerate(self._known):
            if known_space == space and same(known, vector, space):
                self._known[index] = vector, space, mono
                return True
        self._known.append((vector, space, mono))
        return False

    def forget_old(self, mono: float) -> None:
        """Forget whom nobody has seen for RELINK_S."""
        if any(mono - seen >= RELINK_S for _, _, seen in self._known):
            self._known = deque((one for one in self._known if mono - one[2] < RELINK_S), maxlen=STRANGERS)

    def deadline(self) -> float | None:
        """When somebody is to be forgotten."""
        return min((seen + RELINK_S for _, _, seen in self._known), default=None)

    def __len__(self) -> int:
        return len(self._known)


def same(one: Vector, other: Vector, space: str) -> bool:
    """Whether two looks show one person. Both vectors have unit length (the pipe sees to it)."""
    return one.shape == other.shape and float(one @ other) >= SAME.get(space, CAUTIOUS)


def near(one: Place, other: Place) -> bool:
    """Whether a head that was at one place may be at the other two seconds later: within one and a half of its own size."""
    wide, high = max(one[2], other[2]), max(one[3], other[3])
    aside = abs(one[0] + one[2] / 2 - other[0] - other[2] / 2)
    above = abs(one[1] + one[3] / 2 - other[1] - other[3] / 2)
    return aside <= 1.5 * wide and above <= 1.5 * high


def vote(lens: Lens | None, space: str, vector: Vector) -> str | None:
    """What one frame says: a person_ref, "" for nobody known, None for in between. Without enrolled people everybody is unknown."""
    if lens is None or str(lens.gallery.space) != space or vector.shape != (lens.gallery.space.dimensions,):
        return ""
    verdict = lens.gallery.judge(Embedding(lens.gallery.space, vector), lens.limits)
    match verdict.answer:
        case Answer.TENANT:
            return verdict.match.ref
        case Answer.UNKNOWN:
            return ""
    return None
