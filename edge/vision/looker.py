"""One camera's frames, from picture to sightings: motion, area, detect, track, choose, embed. The engine and the pipe are handed in."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import cv2
import numpy as np

from drivers.camera.contract import Frame
from edge.vision.area import Area
from edge.vision.motion import HEIGHT, WIDTH, Motion
from edge.vision.sighting import MAX_CROP, Ended, Message, Poor, Sighting
from edge.vision.track import Track, Tracker
from models.boxes import Box
from models.contract import Engine, Face, Image
from models.points import refined
from models.quality import SIGHT, assess, clarity

EMBED_EVERY_S = 0.08  # a face hardly changes faster; three frames that agree take a quarter of a second
BURST = 8  # embeddings of a new track at that pace; somebody who stands there longer is looked at
LINGER_S = 1.0  # this often
POOR_EVERY_S = 0.5  # a face too poor to be judged is mentioned this often, so that a person can be told to come closer
CARD_FIRST_S = 10.0  # who presents a card within this time is not recognised at all
CROP_PX = 192  # side of an evidence crop: enough for a guard to know a face, too little for more


@dataclass(slots=True)
class _Kept:
    """What is remembered of one track."""

    best: float = 0.0
    embedded: int = 0
    last: float = -1e9
    mentioned: float = -1e9
    dropped: bool = False


class Looker:
    """The eyes behind one camera. One thread calls it."""

    def __init__(
        self,
        name: str,
        engine: Engine,
        say: Callable[[Message], None],
        *,
        area: Area,
        card_first: bool = False,
        crops: bool = False,
    ) -> None:
        """`crops`: whether pictures of faces are cut and said; without, none is made."""
        self._name, self._engine, self._say, self._area, self._card_first, self._crops = name, engine, say, area, card_first, crops
        self._motion, self._tracker = Motion(), Tracker()
        self._kept: dict[int, _Kept] = {}
        self.faces = 0

    def look(self, frame: Frame) -> bool:
        """Take one frame, say what it shows; False when nothing moves and the camera may idle."""
        moving = self._motion.moves(frame.picture.luma(WIDTH, HEIGHT), frame.at)
        if not moving and not self._tracker.active():
            return False
        image = frame.picture.bgr()
        part, left, top = self._area.cut(image)
        found = self._engine.detector.detect(part)
        self.faces += len(found)
        step = self._tracker.step([face.box for face in found], frame.at)
        for face, track in zip(found, step.tracks, strict=True):
            if track is not None and track.confirmed:
                self._consider(part, face, track, frame.at, image.shape, (left, top))
        for track in step.ended:
            if track.confirmed:
                box = _parts(track.box, image.shape, (left, top))
                ended = Ended(camera=self._name, track=track.number, at=track.seen, began=track.began, frames=track.frames, box=box)
                self._say(Message(header=ended))
        if step.ended:
            here = self._tracker.numbers()
            self._kept = {number: kept for number, kept in self._kept.items() if number in here}
        return True

    def drop(self, track: int) -> None:
        """Somebody claimed this track by card, PIN or guard: no embedding and no crop of it from now on."""
        self._kept.setdefault(track, _Kept()).dropped = True

    def _consider(self, part: Image, face: Face, track: Track, now: float, shape: tuple[int, ...], corner: tuple[int, int]) -> None:
        kept = self._kept.setdefault(track.number, _Kept())
        pace = EMBED_EVERY_S if kept.embedded < BURST else LINGER_S
        if kept.dropped or now - kept.last < pace:
            return
        if self._card_first and now - track.began < CARD_FIRST_S:
            self._mention(self._sighting(track, now, shape, corner, 0.0), kept)  # so that a card shown meanwhile is theirs
            return
        face = refined(part, face, self._engine.detector)
        quality = assess(part, face, SIGHT)
        if quality.poor:
            self._mention(self._sighting(track, now, shape, corner, 0.0, poor=tuple(reason.value for reason in quality.poor)), kept)
            return
        embedding = self._engine.embedder.embed(part, face)
        clear = clarity(embedding)
        if clear < SIGHT.clarity:
            self._mention(self._sighting(track, now, shape, corner, clear, poor=(quality.unclear().value,)), kept)
            return
        header = self._sighting(track, now, shape, corner, clear, space=str(embedding.space))
        if self._engine.liveness is not None:
            header = header.model_copy(update={"liveness": float(min(1.0, max(0.0, self._engine.liveness.live(part, face))))})
        crop = _crop(part, track.box) if self._crops and clear > kept.best else b""
        kept.best, kept.embedded, kept.last = max(kept.best, clear), kept.embedded + 1, now
        self._say(Message(header=header, vector=embedding.vector, crop=crop))

    def _mention(self, sighting: Sighting, kept: _Kept) -> None:
        """Say now and then that somebody is there of whom there is no vector."""
        if sighting.at - kept.mentioned >= POOR_EVERY_S:
            kept.mentioned = sighting.at
            self._say(Message(header=sighting))

    def _sighting(
        self,
        track: Track,
        now: float,
        shape: tuple[int, ...],
        corner: tuple[int, int],
        quality: float,
        poor: tuple[Poor, ...] = (),
        space: str = "",
    ) -> Sighting:
        return Sighting(
            camera=self._name,
            track=track.number,
            at=now,
            began=track.began,
            box=_parts(track.box, shape, corner),
            frames=track.frames,
            quality=_ratio(quality),
            poor=poor,
            space=space,
        )


def _parts(box: Box, shape: tuple[int, ...], corner: tuple[int, int]) -> tuple[float, float, float, float]:
    """A box as parts of the whole picture, of which the corner is where its own picture begins."""
    height, width = shape[:2]
    left, top = (box.x + corner[0]) / width, (box.y + corner[1]) / height
    return _ratio(left), _ratio(top), _ratio(box.width / width), _ratio(box.height / height)


def _ratio(value: float) -> float:
    return float(min(1.0, max(0.0, value)))


def _crop(image: Image, box: Box) -> bytes:
    """The face with a third of its size around it as JPEG; empty where nothing of it is inside."""
    pad = max(box.width, box.height) / 3
    left, top = int(max(0, box.x - pad)), int(max(0, box.y - pad))
    part = image[top : int(box.y + box.height + pad), left : int(box.x + box.width + pad)]
    if part.size == 0:
        return b""
    scale = min(1.0, CROP_PX / max(part.shape[:2]))
    small = cv2.resize(part, None, fx=scale, fy=scale, interpolation=cv2.INTER_AREA)
    data = bytes(np.asarray(cv2.imencode(".jpg", small, [cv2.IMWRITE_JPEG_QUALITY, 85])[1]).tobytes())
    return data if len(data) <= MAX_CROP else b""
