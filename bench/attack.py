"""What a face alone is worth: strangers' faces before an honest camera, a recogniser that was taken over, and an evening of residents.

The product's own Watch, Gallery and calibration, with `face_alone: auto` and `liveness: veto`; liveness is given away (every look passes
as alive), so nothing here rests on it. The gateway has had a quiet month, so it asks for as little as it ever does.
Time is the bench's own, so that thirty minutes take seconds. Three photos a tenant, one for
N = 1,000 (as many people as the evaluation faces have). A look is another vector of one picture, with noise; strangers are everybody else.

The worker says what the pipe allows (RATE_PER_S). It goes through strangers' faces, steps from face to face, adds noise, invents tracks
with boxes that move smoothly, and uses the names of all cameras. It has not seen a resident: who has, forges them (docs/decisions).
"""

from __future__ import annotations

import argparse
import json
from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import numpy as np
from numpy.typing import NDArray

from bench.faces import LABEL_NOISE, Faces, folder, load
from bench.identify import mislabelled
from edge.access.terms import Direction
from edge.clock import Moment, Trust
from edge.gate.followed import CameraPlan, Lens
from edge.gate.watch import Watch
from edge.roster.calibrate import BUSY, CHANCE_A_DAY, CHANCE_MOST, Allows, Alone, calibrate
from edge.roster.gallery import Enrolled, Gallery
from edge.vision.keeper import RATE_PER_S
from edge.vision.settings import RecognitionSettings
from edge.vision.sighting import Message, Sighting
from models.contract import Embedding
from models.spaces import SFACE

SIZES = ((50, 3), (200, 3), (400, 3), (1000, 1))
RUN_S = 1800.0
TABLET = 2000
RESIDENTS, RESIDENTS_S = 80, 600.0
PASSERS, PASSERS_S = 300, 1200.0
LOOKS, LOOK_S = 8, 0.1  # a track's at the pace of the recogniser
WANDER = 0.35  # noise between looks: consecutive looks are then .9 alike, as measured on a film of somebody walking up
CAMERAS = ("east", "west")
AT = datetime(2026, 11, 25, 18, tzinfo=UTC)
SEED = 2026
MONTH_S = 30 * 86_400.0

Vector = NDArray[np.float32]


@dataclass
class House:
    """One roster: its calibration, tenants' pictures that were not enrolled, and everybody else's."""

    lens: Lens
    alone: Alone
    mates: dict[str, Vector]
    strangers: list[Vector]
    left_out: int


@dataclass
class Gate:
    """A watch and its time; what it asked for."""

    watch: Watch
    mono: float = 0.0
    begun: float = 0.0
    track: int = 0
    alone: list[str] = field(default_factory=list)
    card: list[str] = field(default_factory=list)

    @classmethod
    def of(cls, house: House, quiet_s: float = MONTH_S) -> Gate:
        """A gateway that saw nobody since its start so long ago."""
        plans = {name: CameraPlan(name, (f"{name}_in",), name, Direction.IN) for name in CAMERAS}
        chosen = RecognitionSettings(liveness="veto")
        gate = cls(Watch(plans, chosen, lambda _place: house.lens, lambda: "id"))
        gate.look(house.strangers[-1], 0)
        gate.mono += quiet_s
        gate.watch.due(gate.now())
        gate.begun = gate.mono
        return gate

    def now(self) -> Moment:
        """The moment."""
        at = AT + timedelta(seconds=self.mono)
        return Moment(at, self.mono, Trust.SYNCED, at)

    def look(self, vector: Vector, track: int, camera: str = CAMERAS[0], left: float = 0.4) -> None:
        """One sighting."""
        header = Sighting(
            camera=camera, track=track, at=self.mono, began=self.mono, box=(left, 0.3, 0.2, 0.3), frames=9, quality=0.9, liveness=1.0,
            space=str(SFACE),
        )  # fmt: skip
        seen = self.watch.heard(Message(header=header, vector=vector), self.now())
        self.alone += [asks.ref for asks in seen.asks if asks.alone]
        self.card += [asks.ref for asks in seen.asks if not asks.alone]

    def visit(self, picture: Vector, rng: np.random.Generator, camera: str = CAMERAS[0]) -> None:
        """Somebody comes up to a camera and is looked at."""
        self.track += 1
        for _ in range(LOOKS):
            self.mono += LOOK_S
            self.look(wander(picture, rng), self.track, camera)


def wander(picture: Vector, rng: np.random.Generator, much: float = WANDER) -> Vector:
    """Another look at a face."""
    noise = rng.normal(size=picture.size)
    vector = picture + much * noise / np.linalg.norm(noise)
    return np.asarray(vector / np.linalg.norm(vector), np.float32)


def house_of(faces: Faces, size: int, photos: int) -> House:
    """A roster of so many tenants; a stranger nearer to a template than LABEL_NOISE counts as mislabelled and is left out, and counted."""
    rng = np.random.default_rng(SEED)
    people = {int(who): rng.permutation(np.flatnonzero(faces.who == who)) for who in np.unique(faces.who)}
    able = rng.permutation([who for who in people if people[who].size >= photos])[:size]
    tenants = [int(who) for who in able]
    roster = [Enrolled(str(who), tuple(Embedding.of(SFACE, faces.vectors[row]) for row in people[who][:photos])) for who in tenants]
    made, gallery = calibrate(SFACE, roster), Gallery.of(SFACE, roster)
    lens = Lens(gallery, made.thresholds, made.allows is Allows.FACE_ALONE, made.alone)
    away = [faces.vectors[row] for who in people if who not in set(tenants) for row in people[who][:2]]
    near = [gallery.search(Embedding.of(SFACE, vector)).score >= LABEL_NOISE for vector in away]
    mates = {str(who): faces.vectors[people[who][photos]] for who in tenants if people[who].size > photos}
    kept = [vector for vector, out in zip(away, near, strict=True) if not out]
    return House(lens, made.alone, mates, [kept[i] for i in rng.permutation(len(kept))], sum(near))


def tablet(house: House) -> Gate:
    """Thirty minutes of strangers' faces held before one camera, about one a second."""
    gate, rng = Gate.of(house), np.random.default_rng(SEED)
    for number in range(TABLET):
        gate.visit(house.strangers[number % len(house.strangers)], rng)
        gate.mono = max(gate.mono, gate.begun + (number + 1) * RUN_S / TABLET)
    return gate


def worker(house: House) -> Gate:
    """Thirty minutes of whatever the pipe allows."""
    gate, rng = Gate.of(house), np.random.default_rng(SEED)
    for turn, vector in enumerate(_forged(house, rng)):
        if gate.mono > gate.begun + RUN_S:
            break
        if turn % 6 == 0:
            gate.track += 1
        gate.mono += 1 / RATE_PER_S
        gate.look(vector, gate.track, CAMERAS[gate.track % 2], 0.4 + 0.001 * (turn % 6))
    return gate


def _forged(house: House, rng: np.random.Generator) -> Iterator[Vector]:
    """Six vectors a face: a stranger's; half way between two; the same stranger further off; a point of the distribution."""
    many = np.array(house.strangers)
    mean, spread = many.mean(axis=0), np.linalg.cholesky(np.cov(many.T) + 1e-6 * np.eye(many.shape[1]))
    while True:
        one, other = (house.strangers[i] for i in rng.integers(len(house.strangers), size=2))
        drawn = mean + spread @ rng.normal(size=mean.size)
        for base, much in ((one, 0.05), (one + other, 0.05), (one, float(rng.uniform(0.2, 1.0))), (drawn, 0.05)):
            start = base / np.linalg.norm(base)
            aim = wander(start, rng, much)
            for _ in range(6):
                yield wander(aim, rng, 0.05)


def evening(house: House, residents: int, passers: int, seconds: float, quiet_s: float = MONTH_S) -> tuple[int, int, int]:
    """So many of each within so long, in a random order: residents who entered by face, who were asked for a card, who got no answer."""
    gate, rng = Gate.of(house, quiet_s), np.random.default_rng(SEED)
    refs = [str(ref) for ref in rng.permutation(sorted(house.mates))[:residents]]
    who: list[tuple[str, Vector]] = [(ref, house.mates[ref]) for ref in refs]
    who += [("", vector) for vector in house.strangers[:passers]]
    entered = turned = silent = 0
    for place, number in enumerate(rng.permutation(len(who))):
        ref, picture = who[int(number)]
        gate.mono = max(gate.mono, gate.begun + place * seconds / len(who))
        alone, card = len(gate.alone), len(gate.card)
        gate.visit(picture, rng)
        if not ref:
            continue
        by_face, by_card = ref in gate.alone[alone:], ref in gate.card[card:]
        entered, turned, silent = entered + by_face, turned + (by_card and not by_face), silent + (not by_face and not by_card)
        if not by_face:  # a card is shown within the time there is for it
            gate.watch.claimed(f"{CAMERAS[0]}_in", gate.now(), ref)
    return entered, turned, silent


def main() -> None:
    """Print the table; with --json the figures on the last line."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--json", action="store_true", help="print the figures on the last line")
    arguments = parser.parse_args()
    place = folder()
    figures: dict[str, float] = {}
    if place is None:
        print("skipped: ANYU_FACES names no folder of faces")
    else:
        faces = load("standard", place)
        faces = faces.without(mislabelled(faces))
        figures = {"grants_tablet": 0, "grants_worker": 0, "strangers_per_min": 0.0}
        for size, photos in SIZES:
            house = house_of(faces, size, photos)
            shown, forged = tablet(house), worker(house)
            print(
                f"N = {size}, photos {photos}: a face alone from {house.alone.quiet:.3f} after a quiet month, from {house.alone.busy:.3f} "
                f"where {BUSY} strangers try every day (tenant from {house.lens.limits.accept:.3f}); "
                f"{house.left_out} pictures left out as mislabelled"
            )
            for what, gate in ((f"tablet of {TABLET}", shown), ("worker taken over", forged)):
                tried, expected = gate.watch.tried()
                print(
                    f"  {what}, 30 min: {len(gate.alone)} grants, {len(gate.card)} to the card, {tried} strangers paid "
                    f"({tried * 60 / RUN_S:.1f} a minute), {expected:.4f} grants expected at most"
                )
                figures["strangers_per_min"] = max(figures["strangers_per_min"], round(tried * 60 / RUN_S, 3))
            figures["grants_tablet"] += len(shown.alone)
            figures["grants_worker"] += len(forged.alone)
            if (size, photos) == (400, 3):
                for when, quiet_s in (("after a quiet month", MONTH_S), ("just started", 0.0)):
                    entered, turned, silent = evening(house, RESIDENTS, 0, RESIDENTS_S, quiet_s)
                    print(
                        f"  {RESIDENTS} residents in 10 min, {when}: {entered} entered by face, {turned} asked for a card, "
                        f"{silent} not recognised"
                    )
                    if quiet_s:
                        figures |= {"residents_entered": entered, "residents_to_card": turned, "residents_silent": silent}
                entered, turned, silent = evening(house, 400, PASSERS, PASSERS_S)
                print(
                    f"  {entered + turned + silent} residents and {PASSERS} passers-by in 20 min: {entered} entered by face, "
                    f"{turned} asked for a card, {silent} not recognised (their card opens)"
                )
                figures |= {"crowd_entered": entered, "crowd_to_card": turned, "crowd_silent": silent}
        ten_years = CHANCE_MOST + 3653 * CHANCE_A_DAY
        print(f"ten years without a pause, after a quiet month: {ten_years:.3f} grants expected at most by the upper bound")
    if arguments.json:
        print(json.dumps({"bench": "attack", "figures": figures}))


if __name__ == "__main__":
    main()
