"""The enrolment desk: photos become templates once the resident has acted, and the faces in force follow the roster and the day.

One unit. Whatever takes long (photos, calibration) happens in a thread or another process; the faces in force are swapped whole.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from edge.access.events import AccessGranted, Event
from edge.access.rules import Rules
from edge.access.terms import Book, Method, Tenant
from edge.clock import Clock
from edge.roster.calibrate import Allows
from edge.roster.faces.book import Faces, FacesInForce
from edge.roster.faces.consent import Act, Day, Why, may_use
from edge.roster.faces.disposal import Disposal
from edge.roster.faces.enrol import Enrolment, Examiner, enrol, files_of, newest, photos_of
from edge.roster.faces.templates import Template

log = logging.getLogger(__name__)

ACT_S = 60.0  # to read the notice and present one's card
EVERY_S = 600.0  # how often the day and the photos are looked at when nothing is told
FIRST_ROSTER_S = 20.0  # the largest workbook is read in less; without any roster everybody is a stranger anyway
AT_ONCE = 50  # tenants enrolled between two rebuilds: a company's list of photos, with the first faces in force after minutes


_ACTED = Act("", datetime.min.replace(tzinfo=UTC), "")  # stands for an act that was judged before


class Busy(Exception):
    """This tenant's card is awaited already: let that end first."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What enrolling a tenant would need: NO_ACT asks for their card, MAY for nothing. `notice` is the version they are to be shown."""

    why: Why
    photos: int
    notice: str


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What came of enrolling one tenant; `why` is not MAY where nothing was examined. `left` photos could not be deleted."""

    why: Why
    result: Enrolment = field(default_factory=Enrolment)
    photos: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was destroyed: whether there was a template, how many photos, and how many photos could not be deleted."""

    template: bool
    photos: int
    left: int


@dataclass(slots=True)
class _Awaited:
    """A tenant whose card is awaited at one access point, since the notice was shown."""

    card: asyncio.Future[Act]
    access_point: str
    since: datetime


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
        self._awaited: dict[str, _Awaited] = {}
        self._looked: dict[str, float] = {}
        self._complained: set[str] = set()
        self._said: dict[str, Allows] = {}
        self._disposal = Disposal()
        self.ready = asyncio.Event()
        """Set once the faces were loaded and waiting photos enrolled: before that, every resident would look like a stranger."""

    @property
    def faces(self) -> Faces:
        """The faces and what is in force of them."""
        return self._faces

    @property
    def undeleted(self) -> bool:
        """Whether photos that should be gone could not be deleted."""
        return bool(self._disposal)

    def roster_changed(self) -> None:
        """A roster came into force. Call it in the loop."""
        self._changed.set()

    def may_match(self, ref: str) -> bool:
        """Whether this tenant's face may be used at this moment, whatever was loaded: the roster may have changed a second ago."""
        tenant = self._book().tenants.get(ref)
        # The act was judged when the template was loaded; what the sheet and the calendar say is judged again.
        return tenant is not None and may_use(tenant, _ACTED, self._day()) is Why.MAY

    async def run(self) -> None:
        """Follow the roster, the day and the photos folder."""
        if not self._book().version:  # the very first start: the sheets are being read
            with suppress(TimeoutError):
                async with asyncio.timeout(FIRST_ROSTER_S):
                    await self._changed.wait()
        while True:
            self._changed.clear()
            await self._rebuild()
            while await self._enrol_waiting():
                await self._rebuild()
                self.ready.set()  # with hundreds of photos waiting, those at hand are enough to begin with
            self.ready.set()
            with suppress(TimeoutError):
                async with asyncio.timeout(EVERY_S):
                    await self._changed.wait()

    def noticed(self, event: Event) -> None:
        """Hear of cards: one that is an awaited tenant's, granted at the reader they were asked at and after that, is that tenant's act.

        It must be live: a played card, a simulated controller's, and a controller's late record are nobody's act. A refusal is none either.
        """
        if not isinstance(event, AccessGranted) or not event.live or event.person_ref is None or Method.CARD not in event.method:
            return
        waiting = self._awaited.get(event.person_ref)
        if waiting is None or waiting.card.done() or waiting.access_point != event.access_point or event.at < waiting.since:
            return
        waiting.card.set_result(Act(waiting.access_point, event.at, self._notice))

    async def ask(self, tenant_id: str) -> Asked | None:
        """What enrolling this tenant would need; None for nobody of this name. Raises OSError."""
        tenant = self._tenant(tenant_id)
        if tenant is None:
            return None
        photos = await asyncio.to_thread(files_of, self._folder, tenant_id)
        return Asked(may_use(tenant, None, self._day()), len(photos), self._notice)

    async def enrol(self, tenant_id: str, access_point: str = "") -> Enrolled | None:
        """Enrol one tenant now, waiting for their own card where no signed paper stands in the roster; None for nobody of this name.

        Only a card shown at `access_point` counts: somebody who passes another gate meanwhile has agreed to nothing. Call it once the
        notice was shown. Raises Busy, OSError, TimeoutError when no card came within ACT_S.
        """
        tenant = self._tenant(tenant_id)
        if tenant is None:
            return None
        act = None
        why = may_use(tenant, None, self._day())
        if why is Why.NO_ACT:
            act = await self._act_of(tenant.ref, access_point)
            tenant = self._tenant(tenant_id)  # as the roster has them now: a minute may have passed
            if tenant is None:
                return None
            why = may_use(tenant, act, self._day())
        if why is not Why.MAY:
            return Enrolled(why)
        async with self._one:
            done = await asyncio.to_thread(self._enrol, tenant, act)
        await self._rebuild()
        self._changed.set()
        return done

    async def forget(self, tenant_id: str) -> Forgotten | None:
        """Destroy a tenant's template and photos and take the face out of force; None for nobody of this name. Raises OSError."""
        tenant = self._tenant(tenant_id)
        if tenant is None:
            return None
        async with self._one:
            was = await asyncio.to_thread(self._faces.forget, tenant.ref)
            gone, left = await asyncio.to_thread(lambda: self._disposal.delete(files_of(self._folder, tenant.tenant_id)))
        await self._rebuild()
        return Forgotten(was, gone, left)

    async def not_this_person(self, ref: str, of: str) -> bool:
        """A guard's word on a wrong match in the decision `of`; whether it raised what is asked of this face. Raises OSError."""
        async with self._one:
            was = await asyncio.to_thread(self._faces.not_this_person, ref, of)
        await self._rebuild()
        return was

    async def _act_of(self, ref: str, access_point: str) -> Act:
        if ref in self._awaited:
            raise Busy
        waiting = _Awaited(asyncio.get_running_loop().create_future(), access_point, self._clock.now().at)
        self._awaited[ref] = waiting
        try:
            async with asyncio.timeout(ACT_S):
                return await waiting.card
        finally:
            del self._awaited[ref]

    async def _rebuild(self) -> None:
        async with self._one:
            force = await asyncio.to_thread(self._faces.rebuild, self._book(), self._day())
        log.info("%d faces in force, %d waiting for their owner's consent", len(force.enrolled), len(force.waiting))
        self._say_what_faces_may(force)

    def _say_what_faces_may(self, force: FacesInForce) -> None:
        """Once, and again only when it changes: what a face by itself may do at each access point."""
        allows = {name: found.allows for name, found in force.calibrations.items() if name}
        for name, found in force.calibrations.items():
            if name and self._said.get(name) is not found.allows:
                level = logging.INFO if found.allows is Allows.FACE_ALONE else logging.WARNING
                log.log(level, "faces at %s: %s (%s), %d tenants, basis %s", name, found.allows, found.why, found.tenants, found.basis)
        self._said = allows

    async def _enrol_waiting(self) -> bool:
        """Enrol who has new photos in the folder and a signed paper in the roster; whether there may be more of them."""
        day = self._day()
        waiting = await asyncio.to_thread(self._with_photos)
        ready = [tenant for tenant in waiting if may_use(tenant, None, day) is Why.MAY]
        for tenant in ready[:AT_ONCE]:
            async with self._one:
                try:
                    done = await asyncio.to_thread(self._enrol, tenant, None)
                except OSError as why:  # one photo or a full disk is no reason to forget the others; looked at again when it changes
                    self._complain("photos", "photos of a tenant could not be used (%s)", why.strerror or type(why).__name__)
                    continue
            if done.result.refused:
                log.warning("photos refused: %d of %d; anyu-edge roster enrol says why", len(done.result.refused), done.photos)
            if done.result.twins:
                log.warning(
                    "a tenant looks like %d others, enrolled twice or twins; anyu-edge calibrate names them", len(done.result.twins)
                )
        return bool(ready)

    def _with_photos(self) -> list[Tenant]:
        """Tenants with new photos."""
        place = self._folder / "photos"
        tenants = self._book().tenants.values()
        self._disposal.again()
        ids = {tenant.tenant_id for tenant in tenants}
        self._looked = {tenant_id: at for tenant_id, at in self._looked.items() if tenant_id in ids}
        if not place.is_dir():
            return []
        names = {path.name for path in place.iterdir() if path.is_dir()}
        return [tenant for tenant in tenants if tenant.tenant_id in names and self._new_photos(tenant)]

    def _new_photos(self, tenant: Tenant) -> bool:
        """Photos are looked at once, before a restart and after it: what was refused beside a good one must not count alone later."""
        try:
            saved = newest(self._folder, tenant.tenant_id)
            return saved > max(self._looked.get(tenant.tenant_id, float("-inf")), self._faces.looked(tenant.ref))
        except OSError as why:
            self._complain("photos", "photos of a tenant could not be used (%s)", why.strerror or type(why).__name__)
            return False

    def _enrol(self, tenant: Tenant, act: Act | None) -> Enrolled:
        """In a thread: examine, seal, and leave no photo behind unless the site keeps them. Raises OSError."""
        looked = newest(self._folder, tenant.tenant_id)
        self._looked[tenant.tenant_id] = looked
        photos = photos_of(self._folder, tenant.tenant_id)
        others = [one for one in self._faces.in_force.enrolled if one.ref != tenant.ref]
        result = enrol(photos, self._examiner, others) if photos else Enrolment()
        left = 0
        if result.taken:
            self._faces.enrolled(Template(tenant.ref, result.taken, self._clock.now().at, act, looked=looked))
            if not self._keep:
                # Those beyond the fifth go too; those that were refused stay for the manager to look at.
                refused = {one.photo for one in result.refused}
                served = [path for path in files_of(self._folder, tenant.tenant_id) if path.name not in refused]
                _, left = self._disposal.delete(served)
        return Enrolled(Why.MAY, result, len(photos), left)

    def _complain(self, what: str, text: str, detail: str) -> None:
        """Once a run: a folder that cannot be used stays so until somebody acts."""
        if what not in self._complained:
            self._complained.add(what)
            log.warning(text, detail)

    def _tenant(self, tenant_id: str) -> Tenant | None:
        return next((one for one in self._book().tenants.values() if one.tenant_id == tenant_id), None)

    def _day(self) -> Day:
        return Day.of(self._clock.now(), self._rules().tz)
