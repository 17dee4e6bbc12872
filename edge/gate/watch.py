"""What the cameras saw, folded into people: tenants who ask to pass, people nobody knows, and people who are none of a camera's business.

Pure: sightings, claims and moments in; requests, events and crops out. Who claims a passage by card, PIN, button or guard within ten
seconds is not recognised at all: the track is dropped here and in the worker, with no vector, crop or event left of it. So somebody who
never consented to recognition is never made a stranger by it.
"""

from __future__ import annotations

from collections import Counter, deque
from collections.abc import Callable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from edge.access.events import Event, PersonUncertain, PersonUnknown
from edge.access.terms import Direction
from edge.clock import Moment
from edge.roster.gallery import Answer, Gallery, Thresholds
from edge.vision.settings import RecognitionSettings
from edge.vision.sighting import Ended, Message, Sighting
from models.contract import Embedding

CLAIM_S = 10.0  # to find a card in a bag; CONTRACT's window
RELINK_S = 600.0  # a stranger's vector is forgotten after this
STRANGERS = 64  # remembered at once: more strangers in ten minutes than a gate should have
TRACKS = 256  # followed at once over all cameras, sixteen each
SPOKEN_FOR_S = 10.0  # after one gate let a face in, the gate beside it does not
NEAR_S = 1.0  # a face this recent at another camera may be the same person, standing there
CLAIMS = 16  # cards shown before their bearers came into view
ASKS_PER_MINUTE = 40  # of one camera: a rush is 80 people in ten minutes; a worker taken over gets no further
LIVE = 0.5  # mean liveness below this, over as many frames as must agree, vetoes where the site asks for it

Vector = NDArray[np.float32]


@dataclass(frozen=True, slots=True)
class CameraPlan:
    """One camera and the access points it watches; the first is the one a recognised face asks for.

    At a site that only captures there is no access point, and the camera's own name stands for the door.
    """

    name: str
    access_points: tuple[str, ...]
    door: str
    direction: Direction

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
class _Track:
    """One person before one camera."""

    camera: CameraPlan
    number: int
    first: Moment
    seen: float
    votes: deque[str | None]  # a person_ref, "" for unknown, None for uncertain
    size: float = 0.0
    quality: float = 0.0
    live: list[float] = field(default_factory=list)
    frames: int = 0
    crop: bytes = b""
    vector: Vector | None = None
    asked: str | None = None
    claimed: bool = False
    told: bool = False


@dataclass(slots=True)
class _Stranger:
    """An unknown person's visit, remembered by vector for RELINK_S and never written down."""

    vector: Vector
    seen: float


class Watch:
    """All cameras of the gateway. One owner calls it; moments do not go back."""

    def __init__(
        self,
        cameras: Mapping[str, CameraPlan],
        settings: RecognitionSettings,
        lens: Callable[[str], Lens | None],
        new_id: Callable[[], str],
    ) -> None:
        """`lens` gives what an access point ("" at a capture site) looks through now; None where nobody is enrolled."""
        self._cameras, self._settings, self._lens, self._new_id = cameras, settings, lens, new_id
        self._tracks: dict[tuple[str, int], _Track] = {}
        self._strangers: deque[_Stranger] = deque(maxlen=STRANGERS)
        self._claims: deque[tuple[str, float]] = deque(maxlen=CLAIMS)
        self._let_in: dict[str, float] = {}
        self._asked: dict[str, deque[float]] = {name: deque(maxlen=ASKS_PER_MINUTE) for name in cameras}

    def heard(self, message: Message, now: Moment) -> Seen:
        """Take one message of the worker."""
        out = self.due(now)
        header = message.header
        if isinstance(header, Sighting) and header.camera in self._cameras:
            self._sighted(header, message, now, out)
        elif isinstance(header, Ended):
            track = self._tracks.get((header.camera, header.track))
            if track is not None:
                track.frames = max(track.frames, header.frames)
        return out

    def claimed(self, access_point: str, now: Moment) -> Seen:
        """Somebody was decided about at this access point by card, PIN, exit button or guard: one track there is theirs."""
        out = self.due(now)
        here = [track for track in self._tracks.values() if access_point in track.camera.access_points and self._open(track, now)]
        if here:
            self._drop(max(here, key=lambda track: (now.mono - track.seen < NEAR_S, track.size)), out)
        else:
            self._claims.append((access_point, now.mono))
        return out

    def deadline(self) -> float | None:
        """When `due` must be called next; None while nobody is followed."""
        return min((track.first.mono + CLAIM_S for track in self._tracks.values()), default=None)

    def due(self, now: Moment) -> Seen:
        """Let time pass: whose claim window is over is told, and forgotten when out of view."""
        out = Seen()
        for key, track in list(self._tracks.items()):
            if now.mono - track.first.mono >= CLAIM_S:
                if not track.told and not track.claimed and track.asked is None:
                    self._tell(track, now, out)
                if now.mono - track.seen >= CLAIM_S:
                    del self._tracks[key]
        if any(now.mono - stranger.seen > RELINK_S for stranger in self._strangers):
            kept = [stranger for stranger in self._strangers if now.mono - stranger.seen <= RELINK_S]
            self._strangers = deque(kept, maxlen=STRANGERS)
        while self._claims and now.mono - self._claims[0][1] > CLAIM_S:
            self._claims.popleft()
        return out

    def _sighted(self, sighting: Sighting, message: Message, now: Moment, out: Seen) -> None:
        key = (sighting.camera, sighting.track)
        track = self._tracks.get(key)
        if track is None:
            if len(self._tracks) >= TRACKS:
                return
            track = _Track(self._cameras[sighting.camera], sighting.track, now, now.mono, deque(maxlen=self._settings.of))
            self._tracks[key] = track
            if self._claim_waiting(track):
                self._drop(track, out)
        if track.claimed:
            return
        track.seen, track.frames = now.mono, sighting.frames
        track.size = sighting.box[2] * sighting.box[3]
        if message.vector is None:
            return
        lens = self._lens(track.camera.place)
        if sighting.quality >= track.quality:
            track.quality, track.vector = sighting.quality, message.vector
            track.crop = message.crop or track.crop
        if sighting.liveness is not None:
            track.live.append(sighting.liveness)
        track.votes.append(_vote(lens, sighting.space, message.vector))
        self._recognise(track, lens, now, out)

    def _recognise(self, track: _Track, lens: Lens | None, now: Moment, out: Seen) -> None:
        """A face that enough frames agree on asks once for its track; the camera that sees it larger goes first."""
        if lens is None or track.asked is not None:
            return
        ref, votes = Counter(vote for vote in track.votes if vote).most_common(1)[0] if any(track.votes) else ("", 0)
        if votes < self._settings.agree or self._vetoed(track):
            return
        if now.mono - self._let_in.get(ref, -SPOKEN_FOR_S) < SPOKEN_FOR_S or self._larger_elsewhere(track, ref, now):
            return
        asked = self._asked[track.camera.name]
        if len(asked) == ASKS_PER_MINUTE and now.mono - asked[0] < 60:
            return
        asked.append(now.mono)
        track.asked = ref
        self._let_in[ref] = now.mono
        self._let_in = {one: at for one, at in self._let_in.items() if now.mono - at < SPOKEN_FOR_S}
        out.asks.append(FaceAsks(track.camera, ref, lens.alone))

    def _vetoed(self, track: _Track) -> bool:
        if self._settings.liveness != "veto":
            return False
        enough = len(track.live) >= self._settings.agree
        return not enough or sum(track.live) / len(track.live) < LIVE

    def _larger_elsewhere(self, track: _Track, ref: str, now: Moment) -> bool:
        return any(
            other.camera.door != track.camera.door and ref in other.votes and now.mono - other.seen < NEAR_S and other.size > track.size
            for other in self._tracks.values()
        )

    def _tell(self, track: _Track, now: Moment, out: Seen) -> None:
        """The window is over and nobody claimed this face."""
        track.told = True
        unknown = sum(vote == "" for vote in track.votes)
        if len(track.votes) < self._settings.agree or track.vector is None:
            return  # too little was seen to say anything of anybody
        if unknown >= self._settings.agree:
            if not self._seen_before(track.vector, self._lens(track.camera.place), now.mono):
                out.events.append(self._event(PersonUnknown, track, out))
        else:
            out.events.append(self._event(PersonUncertain, track, out))

    def _event(self, kind: type[PersonUnknown | PersonUncertain], track: _Track, out: Seen) -> Event:
        evidence = self._new_id() if track.crop else None
        if evidence is not None:
            out.crops.append((evidence, track.crop))
        return kind(
            at=track.first.at,
            clock=track.first.trust,
            door=track.camera.door,
            access_point=track.camera.place or None,
            direction=track.camera.direction,
            camera=track.camera.name,
            count=max(1, track.frames),
            quality=round(track.quality, 3),
            liveness=round(sum(track.live) / len(track.live), 3) if track.live else None,
            evidence=evidence,
        )

    def _seen_before(self, vector: Vector, lens: Lens | None, mono: float) -> bool:
        """Whether this stranger was told within the last ten minutes; remembers them either way."""
        same = lens.limits.accept if lens is not None else 0.6  # the engine card's conservative floor
        for stranger in self._strangers:
            if stranger.vector.shape == vector.shape and float(stranger.vector @ vector) >= same:
                stranger.seen, stranger.vector = mono, vector
                return True
        self._strangers.append(_Stranger(vector, mono))
        return False

    def _open(self, track: _Track, now: Moment) -> bool:
        return not track.claimed and not track.told and track.asked is None and now.mono - track.seen <= CLAIM_S

    def _claim_waiting(self, track: _Track) -> bool:
        for claim in self._claims:
            if claim[0] in track.camera.access_points:
                self._claims.remove(claim)
                return True
        return False

    def _drop(self, track: _Track, out: Seen) -> None:
        """Nothing is kept of a claimed track but that it is claimed."""
        track.claimed, track.vector, track.crop = True, None, b""
        track.votes.clear()
        track.live.clear()
        out.drops.append((track.camera.name, track.number))


def _vote(lens: Lens | None, space: str, vector: Vector) -> str | None:
    """What one frame says: a person_ref, "" for nobody known, None for in between. Without enrolled people everybody is unknown."""
    if lens is None or str(lens.gallery.space) != space:
        return ""
    verdict = lens.gallery.judge(Embedding(lens.gallery.space, vector), lens.limits)
    match verdict.answer:
        case Answer.TENANT:
            return verdict.match.ref
        case Answer.UNKNOWN:
            return ""
    return None
