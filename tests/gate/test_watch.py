"""What cameras see, folded into people: who asks, who is a stranger, and who is none of a camera's business."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest

from edge.access.events import PersonUncertain, PersonUnknown
from edge.access.terms import Direction
from edge.clock import Moment
from edge.gate.watch import CLAIM_S, CameraPlan, Lens, Seen, Watch
from edge.roster.gallery import Enrolled, Gallery, Thresholds
from edge.vision.settings import RecognitionSettings
from edge.vision.sighting import Ended, Message, Sighting
from models.contract import Embedding, Space

SPACE = Space("test", "1", 64)
BEGAN = datetime(2026, 11, 2, 18, 0, tzinfo=UTC)
JPEG = b"\xff\xd8canary\xff\xd9"


def face(seed: int, noise: float = 0.0, shot: int = 0) -> np.ndarray:
    """A person's vector; `noise` makes another shot of the same face."""
    vector = np.random.default_rng(seed).normal(size=64)
    vector += noise * np.random.default_rng(1000 * seed + shot).normal(size=64)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


class Gate:
    """A watch over two doors side by side, its hands turned by the test."""

    def __init__(self, *, alone: bool = True, enrolled: int = 5, **settings: object) -> None:
        people = [Enrolled(f"ref{seed}", (Embedding(SPACE, face(seed)),)) for seed in range(enrolled)]
        lens = Lens(Gallery.of(SPACE, people), Thresholds(0.6, 0.45, 0.05), alone)
        cameras = {
            "north": CameraPlan("north", ("north_in",), "north", Direction.IN),
            "south": CameraPlan("south", ("south_in",), "south", Direction.IN),
        }
        ids = itertools.count(1)
        self.watch = Watch(
            cameras, RecognitionSettings.model_validate(settings), lambda _: lens if enrolled else None, lambda: f"id{next(ids)}"
        )
        self.mono = 100.0
        self.seen = Seen()

    def now(self) -> Moment:
        """The moment."""
        return Moment(BEGAN + timedelta(seconds=self.mono - 100), self.mono)

    def _take(self, seen: Seen) -> Seen:
        self.seen.asks += seen.asks
        self.seen.events += seen.events
        self.seen.drops += seen.drops
        self.seen.crops += seen.crops
        return seen

    def look(self, seed: int, track: int = 1, frames: int = 3, camera: str = "north", size: float = 0.2, live: float | None = None) -> None:
        """Several frames of one person, a tenth of a second apart."""
        for shot in range(frames):
            self.mono += 0.1
            header = Sighting(
                camera=camera, track=track, at=self.mono, began=self.mono, box=(0.1, 0.1, size, size), frames=10,
                quality=0.8, space=str(SPACE), liveness=live,
            )  # fmt: skip
            self._take(self.watch.heard(Message(header=header, vector=face(seed, 0.1, shot), crop=JPEG), self.now()))

    def leave(self, track: int = 1, camera: str = "north") -> None:
        """The track ends."""
        self._take(
            self.watch.heard(Message(header=Ended(camera=camera, track=track, at=self.mono, began=self.mono, frames=30)), self.now())
        )

    def claim(self, access_point: str = "north_in") -> None:
        """Somebody showed a card."""
        self._take(self.watch.claimed(access_point, self.now()))

    def wait(self, seconds: float) -> None:
        """Let time pass."""
        self.mono += seconds
        self._take(self.watch.due(self.now()))


def test_a_tenant_asks_once() -> None:
    """Three frames that agree are one request; a tenant who lingers asks no second time and is no stranger later."""
    gate = Gate()
    gate.look(2, frames=2)
    assert gate.seen.asks == []
    gate.look(2, frames=20)
    gate.wait(CLAIM_S)
    assert [(ask.camera.place, ask.ref, ask.alone) for ask in gate.seen.asks] == [("north_in", "ref2", True)]
    assert gate.seen.events == []
    assert gate.seen.crops == []


def test_a_stranger_is_told_once_per_visit() -> None:
    """A stranger is one event after the claim window, at the time they came; coming back within ten minutes is the same visit."""
    gate = Gate()
    gate.look(77, frames=5)
    gate.leave()
    gate.wait(CLAIM_S - 1)
    assert gate.seen.events == []
    gate.wait(1)
    (event,) = gate.seen.events
    assert isinstance(event, PersonUnknown)
    assert event.at < BEGAN + timedelta(seconds=1)
    assert (event.access_point, event.direction, event.count) == ("north_in", Direction.IN, 30)
    assert gate.seen.crops == [(event.evidence, JPEG)]
    gate.wait(120)
    gate.look(77, track=2, frames=5)
    gate.wait(2 * CLAIM_S)
    assert len(gate.seen.events) == 1
    gate.wait(700)
    gate.look(77, track=3, frames=5)
    gate.wait(2 * CLAIM_S)
    assert len(gate.seen.events) == 2


@pytest.mark.parametrize("enrolled", [0, 5])
def test_who_shows_a_card_is_not_recognised(enrolled: int) -> None:
    """A resident without consent who shows a card within ten seconds leaves no event, no crop and no vector, before or after being seen."""
    gate = Gate(enrolled=enrolled)
    gate.look(88, frames=4)
    gate.wait(5)
    gate.claim()
    gate.look(88, frames=4)
    gate.wait(3 * CLAIM_S)
    gate.claim()
    gate.look(99, track=2, frames=5)
    gate.wait(3 * CLAIM_S)
    assert gate.seen.drops == [("north", 1), ("north", 2)]
    assert gate.seen.events == []
    assert gate.seen.crops == []
    assert all(track.vector is None and not track.crop for track in gate.watch._tracks.values())


def test_one_card_claims_one_person() -> None:
    """Of two strangers side by side the card claims the nearer; the other is told."""
    gate = Gate()
    gate.look(70, track=1, size=0.1)
    gate.look(71, track=2, size=0.3)
    gate.claim()
    gate.wait(CLAIM_S)
    assert gate.seen.drops == [("north", 2)]
    assert len(gate.seen.events) == 1


def test_a_card_at_the_other_gate_claims_nobody_here() -> None:
    """A card shown at the south gate does not hide a stranger at the north gate."""
    gate = Gate()
    gate.look(70)
    gate.claim("south_in")
    gate.wait(CLAIM_S)
    assert len(gate.seen.events) == 1


def test_two_gates_side_by_side_open_once() -> None:
    """A face in view of two gates asks at the one that sees it larger, and not at the other for a while."""
    gate = Gate()
    gate.look(3, frames=2, camera="south", size=0.3)
    gate.look(3, frames=5, camera="north", size=0.1)
    assert gate.seen.asks == []
    gate.look(3, frames=1, camera="south", size=0.3)
    gate.look(3, frames=5, camera="north", size=0.4)
    assert [ask.camera.place for ask in gate.seen.asks] == ["south_in"]


def test_too_few_frames_say_nothing() -> None:
    """Somebody seen in two frames is neither tenant nor stranger."""
    gate = Gate()
    gate.look(70, frames=2)
    gate.leave()
    gate.wait(3 * CLAIM_S)
    assert gate.seen.events == []


def test_frames_that_disagree_are_uncertain() -> None:
    """Frames that look like one tenant, then another, open nothing and are told as uncertain."""
    gate = Gate(agree=3, of=4)
    for seed in (0, 1, 0, 1):
        gate.look(seed, frames=1)
    gate.wait(CLAIM_S)
    assert gate.seen.asks == []
    assert [type(event) for event in gate.seen.events] == [PersonUncertain]


def test_liveness_may_veto() -> None:
    """With the veto a face that does not look alive asks nothing; without, liveness is a number in the event."""
    vetoed, scored = Gate(liveness="veto"), Gate()
    vetoed.look(1, frames=6, live=0.1)
    assert vetoed.seen.asks == []
    scored.look(1, frames=6, live=0.1)
    assert len(scored.seen.asks) == 1
    scored.look(70, track=2, frames=6, live=0.25)
    scored.wait(CLAIM_S)
    (event,) = scored.seen.events
    assert isinstance(event, PersonUnknown)
    assert event.liveness == 0.25


def test_a_card_is_still_needed_where_faces_alone_cannot_promise_enough() -> None:
    """The request says whether the face alone may open."""
    gate = Gate(alone=False)
    gate.look(2)
    assert [(ask.camera.place, ask.ref, ask.alone) for ask in gate.seen.asks] == [("north_in", "ref2", False)]


def test_a_worker_gone_mad_is_bounded() -> None:
    """A thousand tracks of a hundred tenants a minute give no more requests than the bound, and memory stays bounded."""
    gate = Gate(enrolled=100)
    for track in range(600):
        gate.look(track % 100, track=track + 1, frames=3)
        gate.mono -= 0.25
    assert len(gate.seen.asks) <= 40
    assert len(gate.watch._tracks) <= 256


def test_another_space_is_nobody() -> None:
    """A vector of another engine is compared with nobody."""
    gate = Gate()
    header = Sighting(camera="north", track=1, at=1.0, began=1.0, box=(0, 0, 0.1, 0.1), frames=3, quality=0.5, space="other/9")
    for _ in range(5):
        gate.mono += 0.1
        gate._take(gate.watch.heard(Message(header=header, vector=face(2)), gate.now()))
    assert gate.seen.asks == []
