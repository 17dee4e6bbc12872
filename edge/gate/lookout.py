"""The cameras' side of the gates: hears the vision worker, lets faces ask like any other credential, and tells of strangers.

Doors do not depend on any of it. The worker may be dead, hung or lying: then nobody is recognised, and that is said once.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass, replace

from drivers.errors import DriverError
from edge.access.events import (
    AccessDenied,
    AccessGranted,
    DeviceBack,
    DeviceLost,
    Event,
    PassageEntry,
    PassageExit,
)
from edge.access.reasons import Reason
from edge.access.request import FaceShown
from edge.access.terms import Book, Direction, Method
from edge.clock import Clock
from edge.custody.vault import Vault
from edge.errors import EdgeError
from edge.gate.followed import CameraPlan, FaceAsks, Seen
from edge.gate.recorder import Receipt, Recorder
from edge.gate.watch import Watch
from edge.supervisor import Unit
from edge.vision.confinement import NOT_SEEN
from edge.vision.keeper import NotConfined, Terms, Worker
from edge.vision.sighting import Beat, CameraSaid, Message, Started
from edge.vision.task import CameraTask, Task

log = logging.getLogger(__name__)

CLAIMING = frozenset({Method.CARD, Method.PIN, Method.QR, Method.GUARD, Method.REX})
NOT_CONFINED_AGAIN_S = 600.0  # no kernel changes meanwhile; a unit may be mended and started anew
NO_UNIT_AGAIN_S = 5.0  # at a start of the machine the unit may come after us
FIND_AGAIN_S = 60.0  # a camera that did not say where its stream is, is asked again; the others go dark for two seconds meanwhile
CROPS = 64  # waiting for the disk; the oldest is let go, the event is told all the same
CROP_DAYS = 7  # CONTRACT section 7
MOST_CROPS = 5000  # 50 MB: a stranger every two minutes for a week
EXPIRE_EVERY_S = 3600.0
TICK_S = 0.5  # how exactly the ten seconds of a claim are kept


class CameraNotAllowed(DriverError):
    """The unit that looks at cameras may not reach this one: `anyu-edge check --write-units` writes its address down."""


@dataclass(frozen=True, slots=True)
class VisionView:
    """How recognition is, for health and `status`."""

    engine: str
    runtime: str
    up: bool
    cameras: Mapping[str, bool]
    rss_mb: float


class Lookout:
    """All cameras of this gateway. Everything but the crops happens in the loop that runs it."""

    def __init__(
        self,
        *,
        task: Task,
        watch: Watch,
        cameras: Mapping[str, CameraPlan],
        present: Callable[[str, FaceShown], None],
        book: Callable[[], Book],
        recorder: Recorder,
        crops: Vault,
        clock: Clock,
        may_match: Callable[[str], bool] = lambda _ref: True,
        prepare: Callable[[], None] = lambda: None,
        find: Callable[[CameraTask], Awaitable[CameraTask]] | None = None,
        terms: Terms = Terms(),  # noqa: B008 (frozen)
    ) -> None:
        """`present` puts a face before an access point; where a camera watches none, the passage is only recorded.

        `may_match` says whether a tenant's face may be used at this moment. `prepare` makes what the worker reads (it may write nothing)
        and raises an OSError or EdgeError where that cannot be had; it runs in a thread, before each worker. `find` asks a camera where
        its stream is, which the confined worker could not; it raises a DriverError while the camera does not say, and CameraNotAllowed
        where the unit's address rules leave it out. `terms`: under which a worker may look.
        """
        self._sought, self._find = task.cameras, find or _as_it_is
        self._may_match, self._prepare = may_match, prepare
        self._watch, self._cameras, self._present, self._book = watch, cameras, present, book
        self._recorder, self._crops, self._clock = recorder, crops, clock
        self._worker = Worker(task, self._heard, self._lost, terms)
        self._not_allowed: set[str] = set()
        self._saving: asyncio.Queue[tuple[str, bytes]] = asyncio.Queue(CROPS)
        self._view = VisionView(task.engine, "", up=False, cameras=dict.fromkeys(cameras, False), rss_mb=0.0)
        self._said_lost: set[str] = set()

    def units(self, ready: asyncio.Event) -> tuple[Unit, ...]:
        """The worker, once the faces are loaded, and what goes on without it; none of it is essential: doors are."""

        async def look() -> None:
            await ready.wait()
            try:
                await asyncio.to_thread(self._prepare)
            except (OSError, EdgeError):
                self._lost("not ready")
                raise
            while True:
                try:
                    await self._look_once()
                except NotConfined:
                    log.warning("faces are off: the vision worker is not confined (%s)", ", ".join(self.words()))
                    await self._confined_again()

        return Unit("vision", look), Unit("lookout", self._tick), Unit("crops", self._save)

    async def _confined_again(self) -> None:
        """Wait until another worker might be confined."""
        if not self._worker.terms.spawns() or self._worker.terms.may_spawn:
            await self._clock.sleep(NOT_CONFINED_AGAIN_S)
        while self._worker.terms.spawns() and not self._worker.terms.may_spawn:
            await self._clock.sleep(NO_UNIT_AGAIN_S)

    async def _look_once(self) -> None:
        """Ask where the cameras' streams are, and look at those that answered; at all of them again after a while."""
        found = []
        self._not_allowed.clear()
        for camera in self._sought:
            try:
                found.append(await self._find(camera))
            except CameraNotAllowed:
                self._not_allowed.add(camera.name)
                self._device(camera.name, up=False)
            except DriverError:
                self._device(camera.name, up=False)
        self._worker.look_at(tuple(found))
        all_found = len(found) == len(self._sought)
        with contextlib.suppress(TimeoutError):
            async with asyncio.timeout(None if all_found else FIND_AGAIN_S):
                await (self._worker.run() if found else self._clock.sleep(FIND_AGAIN_S))

    def view(self) -> VisionView:
        """How recognition is now."""
        return self._view

    def words(self) -> tuple[str, ...]:
        """What the worker's confinement lacks, and whether it tells of more people than can be, as words for `degraded`."""
        found = self._worker.finding or (NOT_SEEN if self._view.up else None)
        not_allowed = ("vision.camera_not_allowed",) if self._not_allowed else ()
        now = self._clock.now()
        flood = ("vision.flood",) if self._watch.flooded(now) else ()
        off = tuple(f"vision.face_alone_off.{camera}" for camera in self._watch.not_alone(now))
        return (*(found.words() if found else ()), *not_allowed, *flood, *off)

    def lost(self) -> tuple[str, ...]:
        """The cameras, or the worker, that do not answer now."""
        return tuple(sorted(self._said_lost))

    def noticed(self, event: Event) -> None:
        """Hear what was decided at the doors just now: who was decided about by card, PIN, button or guard claims one face."""
        if not isinstance(event, AccessGranted | AccessDenied) or not event.live or event.access_point is None:
            return
        if CLAIMING.isdisjoint(event.method):
            return
        if isinstance(event, AccessGranted) or event.person_ref is not None:
            self._take(self._watch.claimed(event.access_point, self._clock.now(), event.person_ref))

    # the worker's side

    def _heard(self, message: Message) -> None:
        header = message.header
        if isinstance(header, Started):
            self._watch.restarted(self._clock.now())
            self._change(engine=header.engine, runtime=header.runtime)
        elif isinstance(header, CameraSaid):
            self._change(cameras={**self._view.cameras, header.camera: header.up})
            self._device(header.camera, up=header.up)
        elif isinstance(header, Beat):  # only now: Started is said before the threads that look are begun
            self._change(rss_mb=header.rss_mb, up=True)
            self._device("vision", up=True)
        else:
            self._take(self._watch.heard(message, self._clock.now()))

    def _lost(self, _why: str) -> None:
        self._change(up=False, cameras=dict.fromkeys(self._cameras, False))
        self._device("vision", up=False)

    def _take(self, seen: Seen) -> None:
        for camera, track in seen.drops:
            self._worker.drop(camera, track)
        for event in seen.events:
            self._recorder.append(event)
        for crop in seen.crops:
            if self._saving.full():
                self._saving.get_nowait()
            self._saving.put_nowait(crop)
        for asks in seen.asks:
            if not self._may_match(asks.ref):
                continue  # consent withdrawn, moved out, or over since midnight: the faces are loaded anew a little later
            if asks.camera.access_points:
                self._present(asks.camera.access_points[0], FaceShown(asks.ref, asks.alone))
            else:
                self._recorder.append(self._captured(asks))

    def _captured(self, asks: FaceAsks) -> Event:
        """At a site that only captures, a recognised face is a passage that nobody but the camera saw."""
        now, book = self._clock.now(), self._book()
        tenant = book.tenants.get(asks.ref)
        kind = PassageEntry if asks.camera.direction is Direction.IN else PassageExit
        return kind(
            at=now.at,
            clock=now.trust,
            door=asks.camera.door,
            direction=asks.camera.direction,
            person_ref=asks.ref,
            person_kind=tenant.kind if tenant else None,
            method=(Method.FACE,),
            reason=Reason.GRANTED if asks.alone else Reason.NEEDS_SECOND_FACTOR,
            roster_version=book.version,
            roster_age_s=max(0, int((now.at - book.loaded_at).total_seconds())),
            confirmed=False,
            evidence="camera",
        )

    async def _tick(self) -> None:
        """Let the claim windows end."""
        while True:
            await self._clock.sleep(TICK_S)
            deadline = self._watch.deadline()
            now = self._clock.now()
            if deadline is not None and deadline <= now.mono:
                self._take(self._watch.due(now))

    async def _save(self) -> None:
        """Let old crops go, at once and every hour, and seal new ones as they come."""
        expired_at = float("-inf")
        while True:
            if (now := self._clock.now().mono) - expired_at >= EXPIRE_EVERY_S:
                expired_at = now
                await asyncio.to_thread(_expire, self._crops)
            with contextlib.suppress(TimeoutError):
                async with asyncio.timeout(EXPIRE_EVERY_S):
                    name, jpeg = await self._saving.get()
                    await asyncio.to_thread(self._crops.put, name, jpeg)

    # what is said of it

    def _change(self, **fields: object) -> None:
        self._view = replace(self._view, **fields)  # type: ignore[arg-type]  # the fields of VisionView, by name

    def _device(self, device: str, *, up: bool) -> None:
        """Said once when it is lost and once when it is back; the first time a device comes up is no news."""
        if up == (device not in self._said_lost):
            return
        now = self._clock.now()
        doors = (self._cameras[device].door,) if device in self._cameras else ()
        if up:
            self._said_lost.discard(device)
            self._recorder.append(DeviceBack(at=now.at, clock=now.trust, device=device, doors=doors))
        else:
            self._said_lost.add(device)
            self._recorder.append(DeviceLost(at=now.at, clock=now.trust, device=device, doors=doors))


async def expire_crops(crops: Vault, clock: Clock) -> None:
    """Let old crops go where nobody looks any more: recognition was switched off, or cannot be had."""
    while True:
        await asyncio.to_thread(_expire, crops)
        await clock.sleep(EXPIRE_EVERY_S)


def _expire(crops: Vault) -> None:
    crops.expire(CROP_DAYS * 86_400, MOST_CROPS)


async def _as_it_is(camera: CameraTask) -> CameraTask:
    """A camera whose stream's address stands in the settings."""
    return camera


class Overheard:
    """A recorder that lets others hear what the gates write down; `listeners` are set once there are any."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.listeners: tuple[Callable[[Event], None], ...] = ()

    def append(self, *events: Event, facts: Mapping[str, str] | None = None) -> Receipt:
        """Write down, then tell."""
        receipt = self._recorder.append(*events, facts=facts or {})
        for event in events:
            for listener in self.listeners:
                listener(event)
        return receipt
