"""Recognition, put together: the cameras' settings and the roster's faces into a lookout and an enrolment desk. Called by daemon.py.

Everything here may be missing, be switched off or fail; doors and cards do not know it exists. What must be forgotten is forgotten all the
same: the desk, and the end of crops, are there without an engine, without its packages and without the key.
"""

from __future__ import annotations

import asyncio
import hashlib
import logging
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from functools import partial
from importlib.util import find_spec
from pathlib import Path
from typing import TYPE_CHECKING

import models
from drivers.errors import NoAnswer
from edge.access.request import FaceShown
from edge.access.rules import Rules
from edge.access.terms import Book, Direction
from edge.clock import Clock
from edge.custody.master import KEY_BYTES, KeyUnusable, master_key
from edge.custody.tombstones import Tombstones, TombstonesUnusable
from edge.custody.vault import Vault
from edge.errors import EdgeError
from edge.gate.followed import CameraPlan, Lens
from edge.gate.lookout import CameraNotAllowed, Lookout, expire_crops
from edge.gate.recorder import Recorder
from edge.gate.watch import Watch
from edge.roster.faces.book import Faces
from edge.roster.faces.desk import Desk
from edge.roster.faces.enrol import Examiner
from edge.roster.faces.templates import Templates
from edge.settings import Settings
from edge.supervisor import Unit
from edge.uplink.messages import RecognitionHealth
from edge.vision import addresses
from edge.vision.keeper import Terms
from edge.vision.link import WEIGHTS
from edge.vision.task import CameraTask, Task
from models.weights import Weights, WeightsMissing, WrongHash, manifest

if TYPE_CHECKING:
    from edge.access.events import Event

log = logging.getLogger(__name__)


class NoWeights(EdgeError):
    """The engine's files are not on this machine: nobody is recognised until somebody brings them."""


@dataclass(frozen=True, slots=True)
class Recognition:
    """What recognises, or the word for why nothing does. `crops` ends pictures of strangers where no lookout does."""

    engine: str
    desk: Desk
    lookout: Lookout | None = None
    crops: Unit | None = None
    trouble: str = ""
    prints_open: bool = False

    def units(self) -> tuple[Unit, ...]:
        """None of them essential."""
        faces = Unit("faces", self.desk.run)
        if self.lookout is not None:
            return (*self.lookout.units(self.desk.ready), faces)
        return (faces, self.crops) if self.crops is not None else (faces,)

    def noticed(self, event: Event) -> None:
        """What the gates wrote down."""
        if self.lookout is not None:
            self.lookout.noticed(event)
            self.desk.noticed(event)

    def words(self) -> tuple[str, ...]:
        """What is wrong, as words for `degraded`."""
        trouble = (f"recognition.{self.trouble}",) if self.trouble else ()
        photos = tuple(f"recognition.{word}" for word in self.desk.words())
        if self.lookout is None:
            return (*trouble, *photos)
        unreadable = ("recognition.unreadable_templates",) if self.desk.faces.in_force.unreadable else ()
        prints = ("recognition.prints_open",) if self.prints_open else ()
        return (*trouble, *self.lookout.words(), *unreadable, *photos, *prints)

    def off(self) -> tuple[str, ...]:
        """Words for what keeps faces from being recognised now, everywhere or at a camera."""
        if self.lookout is None:
            return self.words()
        return (*self.lookout.words(), *(f"device.{name}" for name in self.lost()))

    def lost(self) -> tuple[str, ...]:
        """The cameras that do not answer."""
        return self.lookout.lost() if self.lookout is not None else ()

    def cameras(self) -> Mapping[str, bool]:
        """Each camera that is looked at, and whether there is a picture now."""
        return self.lookout.view().cameras if self.lookout is not None else {}

    def health(self) -> RecognitionHealth:
        """For the centre: which engine, how many faces, and what a face by itself may do where."""
        if self.lookout is None:
            return RecognitionHealth(engine=self.engine, state="degraded" if self.trouble else "off")
        force, view = self.desk.faces.in_force, self.lookout.view()
        return RecognitionHealth(
            engine=self.engine,
            state="ok" if view.up and not self.words() else "degraded",
            runtime=view.runtime,
            enrolled=len(force.enrolled),
            allows={name: str(found.allows) for name, found in force.calibrations.items() if name},
            basis={name: str(found.basis) for name, found in force.calibrations.items() if name},
        )


def make(
    settings: Settings,
    *,
    present: Callable[[str, FaceShown], None],
    book: Callable[[], Book],
    rules: Callable[[], Rules],
    recorder: Recorder,
    clock: Clock,
    new_id: Callable[[], str],
    environ: Mapping[str, str],
    in_step: Callable[[], bool],
) -> Recognition:
    """Put it together for these settings; what cannot be had is a word in `trouble`, never an error."""
    chosen, custody = settings.recognition, settings.state_dir / "custody"
    engine = chosen.engine if settings.cameras else "none"
    trouble = ""
    if engine != "none" and (models.missing(engine) or find_spec("av") is None):
        log.warning("recognition is off: install the extra '%s'", models.ENGINES[engine].extra)
        trouble = "not_installed"
    try:
        master = master_key(custody, environ)
    except (KeyUnusable, OSError) as why:
        master = os.urandom(KEY_BYTES)  # opens nothing: what is sealed can still be destroyed
        if engine != "none":
            log.warning("recognition is off: %s", why)
            trouble = trouble or "no_key"
    tombstones = None
    try:
        tombstones = Tombstones(custody / "forgotten")
    except (TombstonesUnusable, OSError) as why:
        log.warning("recognition is off: %s", why)
        trouble = trouble or "no_tombstones"
    on = engine != "none" and not trouble
    runtime = "" if chosen.runtime == "auto" else chosen.runtime
    weights, others = _weights(settings, environ)
    crops = Vault(custody / "crops", master, "crops", partial(_latest, clock))
    desk = Desk(
        Faces(Templates(Vault(custody / "faces", master, "faces")), tombstones, rules, chosen.false_positive_rate if on else None),
        folder=settings.roster.folder,
        examiner=Examiner(engine, runtime, weights, others) if on else None,
        book=book,
        rules=rules,
        clock=clock,
        notice=chosen.notice,
        keep_photos=settings.roster.keep_photos,
        unused_days=settings.roster.unused_photos_days,
        first_seen=custody / "photos.json",
        in_step=in_step,
        tell=recorder.append,
    )
    if not on:
        return Recognition(engine, desk, crops=Unit("crops", partial(expire_crops, crops, clock)), trouble=trouble)

    def lens(place: str) -> Lens | None:
        force = desk.faces.in_force
        gallery = force.galleries.get(place)
        if gallery is None:
            return None
        found = force.calibrations[place]
        return Lens(gallery, found.thresholds, force.alone(place), found.alone if place else None)  # a capture site opens no door

    cameras = _plans(settings, rules())
    tasks = tuple(
        CameraTask(name=name, driver=one.driver, options=one.secrets(), area=one.area, card_first=one.card_first)
        for name, one in settings.cameras.items()
    )
    terms = Terms(
        where=chosen.worker,
        may_spawn=chosen.accept_spawned or not drives_a_lock(settings),
        require_sandbox=chosen.require_sandbox,
    )
    lookout = Lookout(
        task=Task(engine=engine, runtime=runtime, weights=weights, others=others, cameras=tasks, crops=chosen.evidence != "none"),
        watch=Watch(cameras, chosen, lens, new_id),
        cameras=cameras,
        present=present,
        book=book,
        recorder=recorder,
        crops=crops,
        clock=clock,
        may_match=desk.may_match,
        find=partial(_find, terms=terms),
        prepare=partial(_prepare, engine, settings, environ, runtime),
        terms=terms,
    )
    doors = any(camera.access_points for camera in cameras.values())
    return Recognition(engine, desk, lookout, prints_open=chosen.prints_open and doors)


def _latest(clock: Clock) -> float:
    """Seconds since 1970 by the wall clock, or by certain time where that is later: a clock that fell back keeps no crop for longer."""
    now = clock.now()
    return max(now.at, now.certain or now.at).timestamp()


def drives_a_lock(settings: Settings) -> bool:
    """Whether a lock hangs at a controller that is not played."""
    return any(settings.controllers[door.lock.controller].driver != "simulated" for door in settings.doors.values())


def _prepare(engine: str, settings: Settings, environ: Mapping[str, str], runtime: str) -> None:
    """Make what the worker reads, in our folder and the unit's. Raises OSError, and NoWeights where there is nothing to make it of."""
    weights = Weights.of(settings.state_dir, environ)
    try:
        models.prepare(engine, weights, runtime)
    except (WeightsMissing, WrongHash) as why:
        raise NoWeights(f"{why}; anyu-edge models import or pull brings them") from why
    if settings.recognition.worker != "spawned" and os.access(WEIGHTS, os.W_OK):
        named = environ.get("ANYU_MODELS", "")
        _lay_out([weights.own, *([Path(named)] if named else [])], WEIGHTS)


def _lay_out(folders: Sequence[Path], unit: Path) -> None:
    """Copy the files that the manifest knows to where the unit's account reads them: good ones, over bad ones. Raises OSError."""
    known = {entry.file: entry.sha256 for entry in manifest().values()}
    known |= {entry.made.file: entry.made.sha256 for entry in manifest().values() if entry.made}
    for name, sha256 in known.items():
        target = unit / name
        if _sha256(target) == sha256:
            continue
        source = next((folder / name for folder in folders if _sha256(folder / name) == sha256), None)
        if source is None:
            continue
        new = target.with_suffix(".new")
        new.write_bytes(source.read_bytes())
        new.chmod(0o640)  # the folder's set-group bit gives it the unit's group
        new.replace(target)


def _sha256(path: Path) -> str | None:
    """The hash of a file; None where there is none that can be read."""
    try:
        with path.open("rb") as file:
            return hashlib.file_digest(file, "sha256").hexdigest()
    except OSError:
        return None


async def _find(camera: CameraTask, terms: Terms) -> CameraTask:
    """The camera as the worker needs it. Raises DriverError, CameraNotAllowed.

    An ONVIF camera says itself where its stream is. For the unit, which may ask no name service, a host is given by number.
    """
    if camera.driver == "onvif":
        from drivers.camera.onvif import Options, resolve

        stream = await resolve(Options.model_validate(camera.options))
        found = {"url": stream.url, "username": stream.username, "password": stream.password.get_secret_value()}
        camera = camera.model_copy(update={"driver": "rtsp", "options": found})
    if camera.driver != "rtsp" or terms.spawns():
        return camera
    from drivers.camera.rtsp import Options as Address  # with it comes ssl, which a gate without RTSP cameras need not load

    try:
        chosen = Address.model_validate(camera.options)
        host, _ = chosen.address()
        number, *_ = await asyncio.to_thread(addresses.resolve, host)
    except (OSError, ValueError) as why:
        raise NoAnswer("its host has no address") from why
    if number not in addresses.allowed():
        raise CameraNotAllowed("not among the unit's addresses")
    if host == number:
        return camera
    there = chosen.at(number)
    named = {"url": there.url, "tls_name": there.tls_name, "username": there.username, "password": there.password.get_secret_value()}
    return camera.model_copy(update={"options": {**camera.options, **named}})


def _plans(settings: Settings, rules: Rules) -> dict[str, CameraPlan]:
    plans = {}
    for name, camera in settings.cameras.items():
        points = tuple(camera.access_points)
        first = rules.access_points.get(points[0]) if points else None
        door, direction = (first.door, first.direction) if first else (name, Direction(camera.direction))
        plans[name] = CameraPlan(name, points, door, direction, camera.card_first)
    return plans


def _weights(settings: Settings, environ: Mapping[str, str]) -> tuple[str, tuple[str, ...]]:
    """Our own folder of weights, and the one ANYU_MODELS names."""
    named = environ.get("ANYU_MODELS", "")
    return str(Weights.of(settings.state_dir, environ).own), ((named,) if named else ())
