"""What the cameras saw, folded into people: tenants who ask to pass, people nobody knows, and people who are none of a camera's business.

Pure: sightings, claims and moments in; requests, events and crops out. Who claims a passage by card, PIN, button or guard within ten
seconds is not recognised at all: the track is dropped here and in the worker, with no vector, crop or event left of it. So somebody who
never consented to recognition is never made a stranger by it, though a camera loses a head that turns away and finds it again as another.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Mapping

from edge.access.events import Event, PersonUncertain, PersonUnknown
from edge.clock import Moment
from edge.gate.followed import CameraPlan, Claim, FaceAsks, Left, Lens, Seen, Strangers, Track, near, vote
from edge.gate.guesses import Guesses
from edge.vision.settings import RecognitionSettings
from edge.vision.sighting import Ended, Message, Sighting
from edge.vision.track import LOST_AFTER_S

CLAIM_S = 10.0  # to find a card in a bag; CONTRACT's window
CARD_FIRST_S = 3.0  # more where faces come only after that window: three that agree take a quarter of a second, on a busy machine two
AGAIN_S = 2.0  # after a head was lost from view, one that comes up beside that place is the same person
CLAIMED_S = 60.0  # a claimed track that nobody tells the end of is forgotten after this
TRACKS = 256  # followed at once over all cameras, sixteen each
SPOKEN_FOR_S = 10.0  # after one gate let somebody in, the gate beside it does not let the same face in
NEAR_S = 1.0  # a face this recent at another camera may be the same person, standing there
CLAIMS = 16  # cards shown before their bearers came into view, and claimed people who just left it
ASKS_PER_MINUTE = 40  # of one camera: a rush is 80 people in ten minutes; a worker taken over gets no further
TOLD_PER_MINUTE = 30  # of one camera: the same rush, all of them strangers, three times over
LIVE = 0.5  # mean liveness below this, over as many frames as must agree, vetoes where the site asks for it


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
        self._worker = 0
        self._tracks: dict[tuple[int, str, int], Track] = {}
        self._strangers = Strangers()
        self._claims: deque[Claim] = deque(maxlen=CLAIMS)
        self._left: deque[Left] = deque(maxlen=CLAIMS)
        self._let_in: dict[str, float] = {}
        self._asked: dict[str, deque[float]] = {name: deque(maxlen=ASKS_PER_MINUTE) for name in cameras}
        self._told: dict[str, deque[float]] = {name: deque(maxlen=TOLD_PER_MINUTE) for name in cameras}
        self._untold = float("-inf")
        self._guesses = Guesses(cameras)

    def restarted(self, now: Moment) -> None:
        """Another worker numbers its tracks from one again: who was in view is told in time, who was claimed stays so when seen again."""
        self._worker += 1
        for key, track in list(self._tracks.items()):
            if track.claimed:
                self._left.append(Left(track.camera.name, track.box, now.mono, track.claimed_by))
                del self._tracks[key]

    def heard(self, message: Message, now: Moment) -> Seen:
        """Take one message of the worker."""
        out = self.due(now)
        header = message.header
        if isinstance(header, Sighting) and header.camera in self._cameras:
            self._sighted(header, message, now, out)
        elif isinstance(header, Ended):
            self._ended(header, now)
        return out

    def claimed(self, access_point: str, now: Moment, ref: str | None = None) -> Seen:
        """Somebody (`ref`, where known) was decided about at this access point by card, PIN, exit button or guard: one track is theirs."""
        out = self.due(now)
        here = [track for track in self._tracks.values() if access_point in track.camera.access_points]
        if ref is not None:
            self._spoken_for(ref, now.mono)
            self._guesses.proved(ref)
            waiting = next((claim for claim in self._claims if (claim.access_point, claim.ref) == (access_point, ref)), None)
            if waiting is not None:
                waiting.at = now.mono
            if waiting is not None or any(ref in {track.asked, track.claimed_by} for track in here):
                return out  # a card held out twice, or shown by somebody whose face was known already, claims nobody else
        mine = [track for track in here if self._open(track, now)]
        if mine:
            track = max(mine, key=lambda one: (ref is not None and ref in one.votes, now.mono - one.seen < NEAR_S, one.size))
            self._claim(track, ref, now, out)
        else:
            self._claims.append(Claim(access_point, now.mono, ref))
        return out

    def deadline(self) -> float | None:
        """When `due` must be called next; None while nobody is followed or remembered."""
        times = [self._tell_at(track) if self._untold_yet(track) else self._forget_at(track) for track in self._tracks.values()]
        forget = [at for at in (self._strangers.deadline(), self._guesses.deadline()) if at is not None]
        return min([*times, *forget], default=None)

    def due(self, now: Moment) -> Seen:
        """Let time pass: whose claim window is over is told, and forgotten when out of view."""
        out = Seen()
        for key, track in list(self._tracks.items()):
            over = now.mono >= self._tell_at(track)
            if over and self._untold_yet(track):
                self._tell(track, now, out)
            if over and now.mono >= self._forget_at(track):
                del self._tracks[key]
        self._strangers.forget_old(now.mono)
        self._guesses.forget_old(now.mono)
        while self._claims and now.mono - self._claims[0].at > CLAIM_S:
            self._claims.popleft()
        return out

    def flooded(self, now: Moment) -> bool:
        """Whether more strangers came within the last minute than are told: a worker gone mad or taken over, or a crowd."""
        return now.mono - self._untold < 60

    def not_alone(self, now: Moment) -> tuple[str, ...]:
        """The cameras at doors where no face opens by itself now, because too many strangers tried."""
        here = (name for name, camera in self._cameras.items() if camera.access_points)
        return tuple(name for name in here if self._guesses.off(name, now.mono))

    def tried(self) -> tuple[int, float]:
        """How many strangers tried since the start, at all cameras, and how many of them are expected to have been let in at most."""
        return self._guesses.paid, self._guesses.spent

    # people in view

    def _sighted(self, sighting: Sighting, message: Message, now: Moment, out: Seen) -> None:
        key = (self._worker, sighting.camera, sighting.track)
        track = self._tracks.get(key)
        if track is None:
            if len(self._tracks) >= TRACKS:
                self._untold = now.mono
                return
            votes: deque[str | None] = deque(maxlen=self._settings.of)
            track = Track(self._cameras[sighting.camera], sighting.track, self._worker, now, now.mono, votes, began_at=sighting.box)
            self._tracks[key] = track
            self._claim_at_once(track, now, out)
        track.seen, track.frames = now.mono, sighting.frames
        if message.vector is None:
            track.box = sighting.box
            return
        if track.claimed:
            track.box = sighting.box
            if now.mono - track.dropped_at >= 1:
                self._drop(track, now, out)  # the worker has not heard
            return
        evidence = track.looked(message.vector, sighting.space, sighting.box)
        track.box = sighting.box
        if not evidence:
            return
        lens = self._lens(track.camera.place)
        if self._untold_yet(track) and (sighting.quality >= track.quality or sighting.space != track.space):
            track.quality, track.vector, track.space = sighting.quality, message.vector, sighting.space
            if self._settings.evidence != "none":
                track.crop = message.crop or track.crop
        if sighting.liveness is not None:
            track.live = [*track.live, sighting.liveness][-self._settings.of :]
        track.votes.append(vote(lens, sighting.space, message.vector))
        if lens is not None and track.taken_for(self._settings.agree) is not None and self._may_guess(track, now):
            track.weigh(lens, self._settings.agree, self._guesses.rate(now.mono))
        self._recognise(track, lens, now, out)
        self._count(track, now)

    def _ended(self, ended: Ended, now: Moment) -> None:
        track = self._tracks.get((self._worker, ended.camera, ended.track))
        if track is None:
            return
        track.frames = max(track.frames, ended.frames)
        if track.claimed:
            self._left.append(Left(ended.camera, ended.box or track.box, now.mono - LOST_AFTER_S, track.claimed_by))
            del self._tracks[(self._worker, ended.camera, ended.track)]

    def _recognise(self, track: Track, lens: Lens | None, now: Moment, out: Seen) -> None:
        """A face that enough frames agree on asks once for its track; the camera that sees it larger goes first.

        One that is sure enough to open by itself asks at once. One that is not is given `of` frames to become so, and is then asked for
        a card; should it become sure after all, it asks again.
        """
        ref = track.taken_for(self._settings.agree)
        if lens is None or ref is None or track.asked_alone or self._vetoed(track):
            return
        alone = lens.alone and (not track.camera.access_points or self._may_open(track, ref, now))
        waits = lens.alone and len(track.votes) < self._settings.of and not self._guesses.off(track.camera.name, now.mono)
        if not alone and (track.asked is not None or (waits and self._opens_alone(track))):
            return
        spoken_for = now.mono - self._let_in.get(ref, -SPOKEN_FOR_S) < SPOKEN_FOR_S
        if (spoken_for and track.asked != ref) or self._larger_elsewhere(track, ref, now):
            return
        asked = self._asked[track.camera.name]
        if len(asked) == ASKS_PER_MINUTE and now.mono - asked[0] < 60:
            self._untold = now.mono
            return
        asked.append(now.mono)
        track.asked, track.asked_alone = ref, alone
        if alone and track.first_vector is not None:
            self._guesses.granted(track.first_vector, track.first_space)
        self._spoken_for(ref, now.mono)
        out.asks.append(FaceAsks(track.camera, ref, alone))

    def _may_open(self, track: Track, ref: str, now: Moment) -> bool:
        """Whether this face by itself may open the door now."""
        return not self.flooded(now) and self._opens_alone(track) and track.sure_of == ref and self._may_guess(track, now)

    def _may_guess(self, track: Track, now: Moment) -> bool:
        """Whether a look at this face is one of those that the budget pays for. Nobody may become sure by the others and wait."""
        return track.first_vector is not None and self._guesses.may(track.camera.name, track.first_vector, track.first_space, now.mono)

    def _opens_alone(self, track: Track) -> bool:
        """Whether the site lets a face open by itself; `auto` lets it where liveness was measured and vetoes."""
        if self._settings.liveness == "veto":
            return self._settings.face_alone != "never" and bool(track.live)
        return self._settings.face_alone == "always"

    def _count(self, track: Track, now: Moment) -> None:
        """Tell the budget who was looked at often enough to be granted, and was not."""
        if track.asked_alone or not track.camera.access_points or track.first_vector is None or len(track.votes) < self._settings.agree:
            return
        named = track.taken_for(self._settings.agree)
        if named is not None and track.sure_of == named:
            return  # no stranger, though they may not ask just now: let in a moment ago, or nearer to the gate beside
        looks, track.looks = track.looks, 0
        self._guesses.tried(track.camera.name, (track.first_vector, track.first_space, looks), now.mono, named)

    def _spoken_for(self, ref: str, mono: float) -> None:
        self._let_in[ref] = mono
        self._let_in = {one: at for one, at in self._let_in.items() if mono - at < SPOKEN_FOR_S}

    def _vetoed(self, track: Track) -> bool:
        if self._settings.liveness != "veto" or not track.live:
            return False  # without the weights a card is asked for
        enough = len(track.live) >= self._settings.agree
        return not enough or sum(track.live) / len(track.live) < LIVE

    def _larger_elsewhere(self, track: Track, ref: str, now: Moment) -> bool:
        return any(
            other.camera.door != track.camera.door and ref in other.votes and now.mono - other.seen < NEAR_S and other.size > track.size
            for other in self._tracks.values()
        )

    # people who are told of

    def _tell(self, track: Track, now: Moment, out: Seen) -> None:
        """The window is over and nobody claimed this face."""
        if self._left_again(track, now, out):
            return
        vector, space = track.vector, track.space
        if len(track.votes) < self._settings.agree or vector is None:
            return  # too little was seen so far to say anything of anybody
        track.told = True
        known = track.taken_for(self._settings.agree) is not None and not self._vetoed(track)
        # A tenant who did not ask here is on the way through the gate beside this one.
        if not known and not self._strangers.seen_before(vector, space, now.mono):
            self._tell_of(track, now, out)
        track.vector, track.crop = None, b""

    def _tell_of(self, track: Track, now: Moment, out: Seen) -> None:
        unknown = sum(said == "" for said in track.votes) >= self._settings.agree
        told = self._told[track.camera.name]
        if len(told) == TOLD_PER_MINUTE and now.mono - told[0] < 60:
            self._untold = now.mono
            return
        told.append(now.mono)
        out.events.append(self._event(PersonUnknown if unknown else PersonUncertain, track, out))

    def _event(self, kind: type[PersonUnknown | PersonUncertain], track: Track, out: Seen) -> Event:
        kept = kind is PersonUncertain or self._settings.evidence == "all"
        evidence = self._new_id() if track.crop and kept else None
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

    # people who claim their passage otherwise

    def _open(self, track: Track, now: Moment) -> bool:
        return self._untold_yet(track) and now.mono - track.seen <= CLAIM_S

    def _claim_at_once(self, track: Track, now: Moment, out: Seen) -> None:
        """Somebody new in view whose card was shown before, or who was claimed and only lost from view for a moment."""
        for claim in self._claims:
            if claim.access_point in track.camera.access_points:
                self._claims.remove(claim)
                self._claim(track, claim.ref, now, out)
                return
        self._left_again(track, now, out)

    def _left_again(self, track: Track, now: Moment, out: Seen) -> bool:
        """Whether this is somebody claimed who was lost at this camera, here, a moment before; then this track is claimed too."""
        for left in self._left:
            after = track.first.mono - left.seen
            if left.camera == track.camera.name and -LOST_AFTER_S <= after <= AGAIN_S and near(left.box, track.began_at):
                self._left.remove(left)
                track.claimed_by = left.ref
                self._drop(track, now, out)
                return True
        return False

    def _claim(self, track: Track, ref: str | None, now: Moment, out: Seen) -> None:
        """This track, and every other that is the same person: lost and found again before the card, or seen by the camera beside."""
        vector, space = track.vector, track.space
        one = [
            other for other in self._tracks.values() if vector is not None and self._open(other, now) and other.looks_like(vector, space)
        ]
        for mine in {id(each): each for each in (track, *one)}.values():
            mine.claimed_by = ref
            self._drop(mine, now, out)

    def _drop(self, track: Track, now: Moment, out: Seen) -> None:
        """Nothing is kept of a claimed track but that it is claimed."""
        track.claimed, track.dropped_at = True, now.mono
        if track.first_vector is not None:
            self._guesses.let_go(track.first_vector, track.first_space)
        track.let_go()
        if track.worker == self._worker:
            out.drops.append((track.camera.name, track.number))

    # time

    def _untold_yet(self, track: Track) -> bool:
        return not track.told and not track.claimed and track.asked is None

    def _tell_at(self, track: Track) -> float:
        return track.first.mono + CLAIM_S + (CARD_FIRST_S if track.camera.card_first else 0)

    def _forget_at(self, track: Track) -> float:
        return track.seen + (CLAIMED_S if track.claimed else CLAIM_S)
