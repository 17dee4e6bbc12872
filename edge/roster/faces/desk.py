"""The enrolment desk: photos become templates once the resident has acted, and the faces in force follow the roster and the day.

One unit. Whatever takes long (photos, calibration) happens in a thread or another process; the faces in force are swapped whole.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path

from edge.access.events import AccessDenied, AccessGranted, Event
from edge.access.rules import Rules
from edge.access.terms import Book, Method, Tenant
from edge.clock import Clock
from edge.roster.faces.book import Faces
from edge.roster.faces.consent import Act, Why, may_use
from edge.roster.faces.enrol import Enrolment, Examiner, Photo, enrol, newest, photos_of
from edge.roster.faces.templates import Template

log = logging.getLogger(__name__)

ACT_S = 60.0  # to read the notice and present one's card
EVERY_S = 600.0  # how often the day and the photos are looked at when nothing is told
FIRST_ROSTER_S = 20.0  # the largest workbook is read in less; without any roster everybody is a stranger anyway
AT_ONCE = 50  # tenants enrolled between two rebuilds: a company's list of photos, with the first faces in force after minutes


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What came of enrolling one tenant; `why` is not MAY where nothing was examined."""

    why: Why
    result: Enrolment = field(default_factory=Enrolment)
    photos: int = 0


class Desk:
    """Enrols, forgets and recalibrates. Made with the roster; `run` is a unit of the supervisor."""

    def __init__(
        self,
        faces: Faces,
        *,
        folder: Path,
        examiner: Examiner,
        book: Callable[[], Book],
        rules: Callable[[], Rules],
        clock: Clock,
        notice: str,
        keep_photos: bool,
    ) -> None:
        """`folder` is the roster's; `notice` the version of the notice that residents are shown."""
        self._faces, self._folder, self._examiner = faces, folder, examiner
        self._book, self._rules, self._clock = book, rules, clock
        self._notice, self._keep = notice, keep_photos
        self._changed = asyncio.Event()
        self._one = asyncio.Lock()
        self._awaited: dict[str, asyncio.Future[Act]] = {}
        self._tried: dict[str, float] = {}
        self.ready = asyncio.Event()
        """Set once the faces were loaded and waiting photos enrolled: before that, every resident would look like a stranger."""

    @property
    def faces(self) -> Faces:
        """The faces and what is in force of them."""
        return self._faces

    def roster_changed(self) -> None:
        """A roster came into force. Call it in the loop."""
        self._changed.set()

    async def run(self) -> None:
        """Follow the roster, the day and the photos folder."""
        if not self._book().tenants:  # the very first start: the sheets are being read
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_ROSTER_S):
                    await self._changed.wait()
        while True:
            self._changed.clear()
            await self._rebuild()
            while await self._enrol_waiting():
                await self._rebuild()
            self.ready.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._changed.wait()

    def noticed(self, event: Event) -> None:
        """Hear of cards: one that belongs to a tenant who is awaited at the desk is that tenant's act."""
        if not isinstance(event, AccessGranted | AccessDenied) or event.person_ref is None or Method.CARD not in event.method:
            return
        waiting = self._awaited.get(event.person_ref)
        if waiting is not None and not waiting.done():
            waiting.set_result(Act(event.access_point or event.door, event.at, self._notice))

    async def enrol(self, tenant_id: str) -> Enrolled | None:
        """Enrol one tenant now, waiting for their own card where no signed paper stands in the roster; None for nobody of this name.

        Raises TimeoutError when no card came within ACT_S.
        """
        tenant = next((one for one in self._book().tenants.values() if one.tenant_id == tenant_id), None)
        if tenant is None:
            return None
        now = self._clock.now().at
        today = now.astimezone(self._rules().tz).date()
        act = None
        why = may_use(tenant, None, today)
        if why is Why.NO_ACT:
            act = await self._act_of(tenant.ref)
            why = may_use(tenant, act, today)
        if why is not Why.MAY:
            return Enrolled(why)
        async with self._one:
            done = await asyncio.to_thread(self._enrol, tenant, act)
        self._changed.set()
        return done

    async def forget(self, ref: str) -> bool:
        """Destroy a tenant's template and take it out of force at once."""
        async with self._one:
            was = await asyncio.to_thread(self._faces.forget, ref)
        await self._rebuild()
        return was

    async def not_this_person(self, ref: str) -> bool:
        """A guard's word on a wrong match."""
        async with self._one:
            was = await asyncio.to_thread(self._faces.not_this_person, ref)
        await self._rebuild()
        return was

    async def _act_of(self, ref: str) -> Act:
        waiting: asyncio.Future[Act] = asyncio.get_running_loop().create_future()
        self._awaited[ref] = waiting
        try:
            async with asyncio.timeout(ACT_S):
                return await waiting
        finally:
            self._awaited.pop(ref, None)

    async def _rebuild(self) -> None:
        async with self._one:
            force = await asyncio.to_thread(self._faces.rebuild, self._book(), self._clock.now().at)
        log.info("%d faces in force, %d waiting for their owner's consent", len(force.enrolled), len(force.waiting))

    async def _enrol_waiting(self) -> bool:
        """Enrol who has new photos in the folder and a signed paper in the roster; whether anybody had."""
        today = self._clock.now().at.astimezone(self._rules().tz).date()
        waiting = await asyncio.to_thread(self._with_photos)
        ready = [tenant for tenant in waiting if may_use(tenant, None, today) is Why.MAY]
        for tenant in ready[:AT_ONCE]:
            async with self._one:
                done = await asyncio.to_thread(self._enrol, tenant, None)
            if done.result.refused:
                log.warning("photos refused: %d of %d; anyu-edge roster enrol says why", len(done.result.refused), done.photos)
        return bool(ready)

    def _with_photos(self) -> list[Tenant]:
        """Tenants with new photos."""
        place = self._folder / "photos"
        if not place.is_dir():
            return []
        names = {path.name for path in place.iterdir() if path.is_dir()}
        return [tenant for tenant in self._book().tenants.values() if tenant.tenant_id in names and self._new_photos(tenant)]

    def _new_photos(self, tenant: Tenant) -> bool:
        """Photos are looked at once: those kept have a stamp beside them, those refused are remembered; a newer photo is new."""
        stamp = self._folder / "photos" / tenant.tenant_id / ".enrolled"
        since = stamp.stat().st_mtime if stamp.exists() else float("-inf")
        return newest(self._folder, tenant.tenant_id) > max(since, self._tried.get(tenant.tenant_id, float("-inf")))

    def _enrol(self, tenant: Tenant, act: Act | None) -> Enrolled:
        """In a thread: examine, seal, and leave no photo behind unless the site keeps them."""
        self._tried[tenant.tenant_id] = newest(self._folder, tenant.tenant_id)
        photos = photos_of(self._folder, tenant.tenant_id)
        others = [one for one in self._faces.in_force.enrolled if one.ref != tenant.ref]
        result = enrol(photos, self._examiner, others) if photos else Enrolment()
        if result.taken:
            self._faces.enrolled(Template(tenant.ref, result.taken, self._clock.now().at, act))
            self._put_away(tenant, photos, {refused.photo for refused in result.refused})
        return Enrolled(Why.MAY, result, len(photos))

    def _put_away(self, tenant: Tenant, photos: list[Photo], refused: set[str]) -> None:
        """Photos that were taken go; those that were refused stay for the manager to look at."""
        place = self._folder / "photos" / tenant.tenant_id
        if self._keep:
            (place / ".enrolled").touch()
            return
        for photo in photos:
            if photo.name not in refused:
                (place / photo.name).unlink(missing_ok=True)
