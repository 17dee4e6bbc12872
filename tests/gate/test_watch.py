"""What cameras see, folded into people: who asks, who is a stranger, and who is none of a camera's business."""

from __future__ import annotations

import itertools
from datetime import UTC, datetime, timedelta

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from edge.access.events import PersonUncertain, PersonUnknown
from edge.access.terms import Direction
from edge.clock import Moment
from edge.gate.followed import CameraPlan, Lens, Seen
from edge.gate.guesses import PEOPLE, Guesses
from edge.gate.watch import CLAIM_S, Watch
from edge.roster.calibrate import CHANCE_A_DAY, GUESSES_EACH, LOOKS, SHARE, Alone
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


def between(one: int, other: int, shot: int) -> np.ndarray:
    """A face between two people: nearer to the first than a stranger, not near enough to be them."""
    vector = 0.55 * face(one) + 0.8 * face(other) + 0.01 * face(9000 + shot)
    return (vector / np.linalg.norm(vector)).astype(np.float32)


class Gate:
    """A watch over two doors side by side, its hands turned by the test."""

    def __init__(
        self, *, alone: bool = True, enrolled: int = 5, card_first: bool = False, sure: float | None = None, **settings: object
    ) -> None:
        people = [Enrolled(f"ref{seed}", (Embedding(SPACE, face(seed)),)) for seed in range(enrolled)]
        lens = Lens(Gallery.of(SPACE, people), Thresholds(0.6, 0.45, 0.05), alone, None if sure is None else Alone(sure, 0.0, 0.0, sure))
        cameras = {
            "north": CameraPlan("north", ("north_in",), "north", Direction.IN, card_first),
            "south": CameraPlan("south", ("south_in",), "south", Direction.IN),
        }
        ids = itertools.count(1)
        self.watch = Watch(
            cameras,
            RecognitionSettings.model_validate({"face_alone": "always", **settings}),
            lambda _: lens if enrolled else None,
            lambda: f"id{next(ids)}",
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

    def look(
        self,
        seed: int,
        track: int = 1,
        frames: int = 3,
        camera: str = "north",
        size: float = 0.2,
        live: float | None = None,
        left: float = 0.1,
        known: bool = True,
        like: int | None = None,
    ) -> None:
        """Several frames of one person, a tenth of a second apart; not `known`: somebody is there, and no face was looked at.

        `like`: the face is between that person's and this one's.
        """
        for shot in range(frames):
            self.mono += 0.1
            header = Sighting(
                camera=camera, track=track, at=self.mono, began=self.mono, box=(left, 0.1, size, size), frames=10,
                quality=0.8 if known else 0.0, space=str(SPACE) if known else "", liveness=live,
            )  # fmt: skip
            vector, crop = (face(seed, 0.1, shot), JPEG) if known else (None, b"")
            if like is not None:
                vector = between(like, seed, shot)
            self._take(self.watch.heard(Message(header=header, vector=vector, crop=crop), self.now()))

    def leave(self, track: int = 1, camera: str = "north", left: float = 0.1) -> None:
        """The track ends, a second after it was last seen."""
        self.mono += 1.0
        box = (left, 0.1, 0.2, 0.2)
        ended = Ended(camera=camera, track=track, at=self.mono, began=self.mono, frames=30, box=box)
        self._take(self.watch.heard(Message(header=ended), self.now()))

    def claim(self, access_point: str = "north_in", ref: str | None = None) -> None:
        """Somebody showed a card."""
        self._take(self.watch.claimed(access_point, self.now(), ref))

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


@pytest.mark.parametrize(("settings", "kept"), [({}, False), ({"evidence": "uncertain"}, False), ({"evidence": "all"}, True)])
def test_a_stranger_leaves_no_picture_where_none_is_asked_for(settings: dict[str, object], kept: bool) -> None:
    """Whatever the worker sends: a stranger's crop is kept only by `all`, and the event names none otherwise."""
    gate = Gate(**settings)
    gate.look(77, frames=5)
    gate.wait(CLAIM_S)
    (event,) = gate.seen.events
    assert isinstance(event, PersonUnknown)
    assert (event.evidence is not None, len(gate.seen.crops)) == (kept, int(kept))


@pytest.mark.parametrize(("evidence", "kept"), [("none", False), ("uncertain", True), ("all", True)])
def test_somebody_in_between_leaves_one_where_it_is(evidence: str, kept: bool) -> None:
    """Between known and unknown: kept by `uncertain` too."""
    gate = Gate(evidence=evidence)
    gate.look(77, frames=3, like=2)
    gate.wait(CLAIM_S)
    (event,) = gate.seen.events
    assert isinstance(event, PersonUncertain)
    assert (event.evidence is not None, len(gate.seen.crops)) == (kept, int(kept))


def test_a_stranger_is_told_once_per_visit() -> None:
    """A stranger is one event after the claim window, at the time they came; coming back within ten minutes is the same visit."""
    gate = Gate(evidence="all")
    gate.look(77, frames=5)
    gate.leave()
    gate.wait(CLAIM_S - 2)
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


def test_a_face_between_tenant_and_stranger_is_uncertain() -> None:
    """Frames that look like a tenant, but not enough, open nothing and are told as uncertain."""
    gate = Gate(agree=3, of=4)
    gate.look(77, frames=4, like=0)
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


# --- who shows a card, however the camera loses them -------------------------------------------------------------------------------------


def test_a_head_that_turned_away_before_the_card_is_the_same_person() -> None:
    """Lost from view while looking for the card and found as another track: the card drops both, and nobody is a stranger."""
    gate = Gate()
    gate.look(88, track=1, frames=4)
    gate.leave(1)
    gate.look(88, track=2, frames=4)
    gate.claim(ref="refX")
    gate.wait(3 * CLAIM_S)
    assert sorted(gate.seen.drops) == [("north", 1), ("north", 2)]
    assert gate.seen.events == []


@pytest.mark.parametrize("order", ["lost first", "found first"])
def test_a_head_that_turned_away_after_the_card_is_the_same_person(order: str) -> None:
    """Lost from view at the door after the card and found again there: dropped, whichever the worker says first."""
    gate = Gate()
    gate.look(88, track=1)
    gate.claim(ref="refX")
    if order == "lost first":
        gate.leave(1)
        gate.look(88, track=2, frames=4, left=0.2)
    else:
        gate.look(88, track=2, frames=4, left=0.2)
        gate.mono -= 0.4  # the end of a track is said a second after its last frame
        gate.leave(1)
    gate.wait(3 * CLAIM_S)
    assert gate.seen.events == []
    assert ("north", 2) in gate.seen.drops


def test_who_comes_later_or_elsewhere_is_somebody_else() -> None:
    """A claim is handed on for two seconds, beside the same place and once: a stranger after that, or across the picture, is told."""
    for left, pause in ((0.8, 0.5), (0.1, 5.0)):
        gate = Gate()
        gate.look(88, track=1)
        gate.claim(ref="refX")
        gate.leave(1)
        gate.wait(pause)
        gate.look(70, track=2, frames=4, left=left)
        gate.wait(2 * CLAIM_S)
        assert len(gate.seen.events) == 1


def test_the_camera_beside_sees_no_stranger_in_who_showed_a_card() -> None:
    """Somebody without consent in view of two gates shows a card at one of them: neither camera makes them a stranger."""
    gate = Gate()
    gate.look(88, track=1, camera="north")
    gate.look(88, track=1, camera="south")
    gate.look(70, track=2, camera="south", left=0.7)
    gate.claim("north_in", ref="refX")
    gate.wait(2 * CLAIM_S)
    assert sorted(gate.seen.drops) == [("north", 1), ("south", 1)]
    assert [event.camera for event in gate.seen.events] == ["south"]  # the stranger there, and only that one


def test_a_card_held_out_twice_claims_one_person() -> None:
    """A reader that reads one card again and again, before or after its bearer is seen, hides nobody else."""
    gate = Gate()
    for _ in range(3):
        gate.claim(ref="refX")
    gate.look(88, track=1)
    gate.claim(ref="refX")
    gate.look(70, track=2, left=0.7)
    gate.wait(2 * CLAIM_S)
    assert gate.seen.drops == [("north", 1)]
    assert len(gate.seen.events) == 1


def test_a_tenant_who_was_recognised_and_shows_a_card_hides_nobody() -> None:
    """Where a face alone may not open, its tenant's card follows: it claims no stranger who stands behind."""
    gate = Gate(alone=False)
    gate.look(2, track=1, size=0.1)
    gate.look(70, track=2, size=0.3, left=0.7)
    gate.claim(ref="ref2")
    gate.wait(2 * CLAIM_S)
    assert len(gate.seen.asks) == 1
    assert gate.seen.drops == []
    assert [type(event) for event in gate.seen.events] == [PersonUnknown]


def test_a_card_here_keeps_the_gate_beside_shut() -> None:
    """Who was let in by card at one gate is not let in by face at the gate beside it a moment later, and is no stranger there."""
    gate = Gate()
    gate.claim("north_in", ref="ref3")
    gate.look(3, camera="south", frames=5)
    gate.wait(2 * CLAIM_S)
    assert (gate.seen.asks, gate.seen.events) == ([], [])


def test_a_tenant_at_the_other_gate_is_not_uncertain() -> None:
    """A tenant whom one gate let in walks through the picture of the other: nothing is told of them there."""
    gate = Gate()
    gate.look(3, camera="north", frames=4, size=0.3)
    gate.look(3, camera="south", frames=4, size=0.1)
    gate.wait(2 * CLAIM_S)
    assert len(gate.seen.asks) == 1
    assert gate.seen.events == []


@pytest.mark.parametrize("shown", [-2.0, 0.5, 9.0, None])
def test_card_first(shown: float | None) -> None:
    """With `card_first` a card before or within the ten seconds leaves nothing, though faces come only after them; a stranger is told."""
    gate = Gate(card_first=True)
    if shown is not None and shown < 0:
        gate.claim(ref="refX")
        gate.wait(-shown)
    gate.look(88, frames=1, known=False)
    if shown is not None and shown > 0:
        gate.wait(shown)
        gate.claim(ref="refX")
    gate.wait(CLAIM_S - max(0.0, shown or 0.0))
    gate.look(88, frames=5)
    gate.wait(2 * CLAIM_S)
    assert len(gate.seen.events) == (shown is None)
    assert bool(gate.seen.drops) == (shown is not None)


# --- the worker ------------------------------------------------------------------------------------------------------------------------


def test_another_worker_begins_anew() -> None:
    """Track 1 of the next worker is somebody else: its frames are added to nobody, who was claimed stays so, and who was seen is told."""
    gate = Gate(agree=3, of=5)
    gate.look(70, track=1, frames=4)
    gate.look(88, track=2, left=0.7)
    gate.claim(ref="refX")
    assert gate.seen.drops == [("north", 1)]  # of two heads of one size the one that came first
    gate.wait(2)
    gate.watch.restarted(gate.now())
    gate.look(3, track=1, frames=3, left=0.4, camera="south")
    assert [ask.ref for ask in gate.seen.asks] == ["ref3"]
    gate.look(70, track=1, frames=4)
    assert gate.seen.drops[1:] == [("north", 1)]
    gate.wait(2 * CLAIM_S)
    assert len(gate.seen.events) == 1


def test_a_drop_that_the_worker_missed_is_said_again() -> None:
    """Frames of a claimed track that keep coming are not looked at, however long; the worker is told once a second."""
    gate = Gate()
    gate.look(88)
    gate.claim(ref="refX")
    gate.look(88, frames=150)
    gate.wait(2 * CLAIM_S)
    assert gate.seen.events == []
    assert 10 <= len(gate.seen.drops) <= 20


def test_who_is_seen_badly_at_first_is_told_when_seen() -> None:
    """Somebody who stands far off for longer than the window and then comes near is not overlooked, and a tenant still gets in."""
    gate = Gate()
    for _ in range(24):
        gate.look(70, frames=1, known=False)
        gate.look(2, track=2, frames=1, known=False, left=0.7)
        gate.wait(0.5)
    gate.look(70, frames=3)
    gate.look(2, track=2, frames=3, left=0.7)
    gate.wait(1)
    assert [type(event) for event in gate.seen.events] == [PersonUnknown]
    assert [ask.ref for ask in gate.seen.asks] == ["ref2"]


def test_strangers_are_forgotten_though_nobody_comes() -> None:
    """Ten minutes after the last look no vector of a stranger is left, and somebody is told when to see to that."""
    gate = Gate()
    gate.look(70, frames=4)
    gate.wait(3 * CLAIM_S)
    assert len(gate.watch._strangers) == 1
    assert len(gate.watch._guesses._people) == 1
    for _ in range(2):  # when they last tried, and when they were told of
        deadline = gate.watch.deadline()
        assert deadline is not None
        gate.wait(deadline - gate.mono)
    assert len(gate.watch._strangers) == len(gate.watch._guesses._people) == 0
    assert gate.watch.deadline() is None


def test_forged_strangers_are_bounded_and_said() -> None:
    """A worker taken over that invents a stranger every second is told of thirty times a minute, and `flooded` says so."""
    gate = Gate(enrolled=0)
    for track in range(120):
        gate.look(1000 + track, track=track + 1, frames=3)
        gate.wait(0.2)
    gate.wait(CLAIM_S)
    assert 30 <= len(gate.seen.events) <= 61
    assert gate.watch.flooded(gate.now())
    gate.wait(61)
    assert not gate.watch.flooded(gate.now())


def test_an_uncertain_person_is_told_once_per_visit() -> None:
    """Somebody between tenant and stranger who is found again and again by the camera is one event."""
    gate = Gate(agree=3, of=4)
    for track in (1, 2, 3):
        gate.look(77, frames=4, track=track, like=0)
        gate.leave(track)
        gate.wait(CLAIM_S)
    assert [type(event) for event in gate.seen.events] == [PersonUncertain]


# what a face alone is worth


def asked(gate: Gate) -> list[tuple[str, bool]]:
    """Who asked, and whether the face alone was enough."""
    return [(ask.ref, ask.alone) for ask in gate.seen.asks]


@pytest.mark.parametrize(
    ("face_alone", "liveness", "live", "alone"),
    [
        ("auto", "veto", 0.9, True),
        ("auto", "veto", None, False),  # the weights are not there
        ("auto", "score", 0.9, False),
        ("auto", "off", None, False),
        ("always", "score", None, True),
        ("always", "veto", None, False),
        ("always", "veto", 0.9, True),
        ("never", "veto", 0.9, False),
        ("never", "score", None, False),
    ],
)
def test_when_a_face_opens_by_itself(face_alone: str, liveness: str, live: float | None, alone: bool) -> None:
    """Where it does not, the tenant is asked for a card, once."""
    gate = Gate(face_alone=face_alone, liveness=liveness)
    gate.look(2, frames=8, live=live)
    assert asked(gate) == [("ref2", alone)]


def strangers(gate: Gate, count: int, first: int = 500, camera: str = "north", pause: float = 0.0) -> None:
    """So many people nobody knows, one after the other, each long enough to be granted."""
    for number in range(first, first + count):
        gate.look(number, track=number, camera=camera, left=0.3)
        gate.wait(pause)


def test_beyond_six_strangers_a_minute_the_card_opens_and_then_the_face_again() -> None:
    """The camera beside it goes on; it ends by itself after three minutes, and the words come and go with it."""
    gate = Gate()
    strangers(gate, 5)
    gate.look(0, track=1)
    strangers(gate, 1, first=600)
    gate.look(1, track=2, frames=8)
    gate.look(2, track=3, camera="south")
    assert asked(gate) == [("ref0", True), ("ref1", False), ("ref2", True)]
    assert gate.watch.not_alone(gate.now()) == ("north",)
    gate.wait(181)
    gate.look(3, track=4)
    assert asked(gate)[-1] == ("ref3", True)
    assert gate.watch.not_alone(gate.now()) == ()


def test_nobody_becomes_sure_while_faces_open_nothing() -> None:
    """Who waits before the camera until faces open again begins to guess then: what was looked at meanwhile was paid by nobody."""
    gate = Gate(sure=0.7)
    strangers(gate, 6)
    gate.look(3, track=4, left=0.6)
    (track,) = (one for one in gate.watch._tracks.values() if one.number == 4)
    while gate.watch.not_alone(gate.now()):
        assert track.sure_of is None
        gate.wait(1)
        gate.look(3, track=4, frames=1, left=0.6)
    assert [alone for _, alone in asked(gate)] == [False]
    gate.look(3, track=4, left=0.6)
    assert asked(gate)[-1] == ("ref3", True)


def test_nobody_becomes_sure_by_looks_beyond_those_that_were_paid() -> None:
    """A stranger's eighth look is the last that counts, until they are forgotten, however long they stand there."""
    gate = Gate(sure=0.9999)
    gate.look(3, frames=LOOKS)
    (track,) = gate.watch._tracks.values()
    gate.watch._lens = Gate(sure=0.7).watch._lens  # from now on they would be sure
    gate.look(3, frames=30)
    assert track.sure_of is None
    assert [alone for _, alone in asked(gate)] == [False]


def test_under_a_flood_the_card_opens() -> None:
    """More strangers than are told of: no face opens by itself at any camera for a minute."""
    gate = Gate()
    gate.watch._untold = gate.mono
    gate.look(2, frames=8, camera="south")
    assert asked(gate) == [("ref2", False)]
    gate.wait(61)
    gate.look(3, track=2, camera="south")
    assert asked(gate)[-1] == ("ref3", True)


def test_a_stranger_who_comes_back_pays_once_and_a_grant_nothing() -> None:
    """Two visits of five people within ten minutes, and all tenants, leave the budget as it was after the first."""
    gate = Gate()
    for first_track in (500, 500):
        strangers(gate, 5, first=first_track, pause=1)
    for seed in range(5):
        gate.look(seed, track=seed + 1)
    assert [alone for _, alone in asked(gate)] == [True] * 5
    assert gate.watch.not_alone(gate.now()) == ()


def test_somebody_turned_to_the_card_who_shows_it_was_no_stranger() -> None:
    """Their payment comes back; that of somebody unknown, claimed by the card of another, does not, though their vector goes."""
    gate = Gate(sure=0.9999)
    for seed in range(5):
        gate.look(seed, track=seed + 1, frames=5)
        assert gate.watch.tried()[0] == 1
        gate.claim(ref=f"ref{seed}")
        assert gate.watch.tried()[0] == 0
    assert asked(gate) == [(f"ref{seed}", False) for seed in range(5)]
    gate.look(77, track=9, left=0.6)
    gate.claim(ref="ref9")
    assert gate.watch.tried()[0] == 1
    assert len(gate.watch._guesses._people) == 0


def test_the_votes_of_one_track_are_one_face() -> None:
    """Two looks at one person and one at another never add up, in whatever order; three of one do."""
    gate = Gate(agree=3, of=5)
    for seed, frames in ((0, 2), (70, 1), (0, 1), (70, 2), (0, 2)):
        gate.look(seed, frames=frames)
    assert asked(gate) == []
    gate.look(0, frames=1, left=0.12)
    gate.look(1, frames=3)
    assert asked(gate) == [("ref0", True), ("ref1", True)]


def test_a_head_that_jumps_begins_anew() -> None:
    """Looks at places further apart than a head moves say nothing together."""
    gate = Gate()
    for left in (0.0, 0.5, 0.0, 0.5, 0.0):
        gate.look(0, frames=1, left=left)
    assert asked(gate) == []
    gate.look(0, frames=3, left=0.02)
    assert asked(gate) == [("ref0", True)]


@pytest.mark.parametrize("noise", [0.0, 1e-4])
def test_a_vector_that_comes_again_is_no_evidence(noise: float) -> None:
    """No camera gives one face twice to the bit, or nearly."""
    gate = Gate()
    for shot in range(20):
        gate.mono += 0.1
        header = Sighting(
            camera="north", track=1, at=gate.mono, began=gate.mono, box=(0.1, 0.1, 0.2, 0.2), frames=10, quality=0.8, space=str(SPACE)
        )
        gate.watch.heard(Message(header=header, vector=face(0, noise, shot)), gate.now())
    (track,) = gate.watch._tracks.values()
    assert len(track.votes) == 1


def test_many_looks_of_one_stranger_are_no_many_guesses() -> None:
    """After eight looks without a grant a face that passes for the same person opens nothing for ten minutes, in any track."""
    gate = Gate()
    for track in (2, 3, 4):
        gate.look(77, frames=LOOKS // 2, like=0, track=track)
    tenant, stranger = face(0), between(0, 77, 0)
    near = tenant + stranger  # still that stranger's face, and now the tenant's too
    near /= np.linalg.norm(near)
    assert min(near @ tenant, near @ stranger) > 0.6
    assert not gate.watch._guesses.may("north", near, str(SPACE), gate.mono)
    assert gate.watch._guesses.may("south", tenant, str(SPACE), gate.mono)
    gate.wait(601)
    assert gate.watch._guesses.may("north", near, str(SPACE), gate.mono)


@given(st.lists(st.tuples(st.sampled_from(["north", "south"]), st.integers(0, 400), st.floats(0.1, 20_000)), max_size=300))
def test_the_budget_holds_whatever_comes(tries: list[tuple[str, int, float]]) -> None:
    """What all of them risked is at most what had been saved, each risks a twentieth of it, and six pay in a minute at one camera."""
    guesses, now, paid = Guesses(("north", "south")), 0.0, []
    saved = guesses.rate(now) * GUESSES_EACH / SHARE
    for camera, who, pause in tries:
        now += pause
        saved += pause / 86_400 * CHANCE_A_DAY
        guesses.forget_old(now)
        before, offered = guesses.spent, guesses.rate(now)
        guesses.tried(camera, (face(who), "test/1", 3), now)
        if guesses.spent > before:
            paid.append((camera, now))
            assert guesses.spent - before == pytest.approx(offered * GUESSES_EACH)
    assert guesses.paid == len(paid)
    assert guesses.spent <= saved * (1 + 1e-9)
    for camera, at in paid:
        assert sum(name == camera and at - 60 < then <= at for name, then in paid) <= 6
    assert len(guesses._people) <= PEOPLE


def test_ten_years_of_strangers_without_a_pause_let_one_in_at_most() -> None:
    """Somebody new as often as the camera lets them, for ten years, and eight restarts: less than one wrong grant is expected."""
    spent = 0.0
    for part in range(8):
        guesses, now, stranger = Guesses(("north",)), 0.0, face(part)
        while now < 3653 / 8 * 86_400:
            now = max(now + 660, guesses._off["north"])
            guesses.forget_old(now)
            guesses.tried("north", (stranger, "test/1", 3), now)
        spent += guesses.spent
    assert 0.9 < spent <= 1


def test_a_quiet_gate_asks_for_less_and_a_month_is_the_most_that_it_saves() -> None:
    """The rate of a guess grows with quiet days, stops growing, and falls with every stranger."""
    guesses = Guesses(("north",))
    rates = [guesses.rate(day * 86_400.0) for day in (0, 1, 29, 100)]
    assert rates[0] < rates[1] < rates[2] == pytest.approx(rates[3])
    guesses.tried("north", (face(1), "test/1", 3), 100 * 86_400.0)
    assert guesses.rate(100 * 86_400.0) == pytest.approx(rates[3] * (1 - SHARE))


def test_a_tenant_who_stays_after_the_door_opened_is_no_stranger() -> None:
    """Found again and again by the camera within the ten seconds after a grant, they pay nothing and are let in the next time."""
    gate = Gate()
    for track in range(1, 8):
        gate.look(2, track=track, frames=8)
        gate.leave(track)
    assert gate.watch.tried()[0] == 0
    gate.wait(20)
    gate.look(2, track=9)
    assert asked(gate)[-1] == ("ref2", True)
    assert all(alone for _, alone in asked(gate))


def test_who_is_not_quite_sure_gets_five_looks_before_the_card() -> None:
    """Three say who it is, and none is sure enough for a face alone: only after five is the card asked for, once."""
    gate = Gate(sure=0.9999)
    gate.look(2, frames=4)
    assert asked(gate) == []
    gate.look(2, frames=1)
    assert asked(gate) == [("ref2", False)]
