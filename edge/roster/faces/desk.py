"""The enrolment desk: photos become templates once the resident has acted, and the faces in force follow the roster and the day.

One unit. Whatever takes long (photos, calibration) happens in a thread or another process; the faces in force are swapped whole.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import UTC, datetime
from pathlib import Path

from edge.access.events import AccessGranted, Command, CustodyConsented, CustodyForgotten, Event
from edge.access.rules import Rules
from edge.access.terms import Book, Method, Tenant
from edge.clock import Clock
from edge.errors import EdgeError
from edge.roster.calibrate import Allows
from edge.roster.faces.book import Faces, FacesInForce
from edge.roster.faces.consent import Act, Day, Why, may_use, with_other_way
from edge.roster.faces.disposal import Disposal
from edge.roster.faces.enrol import Enrolment, Examiner, PhotoRefused, enrol, judge
from edge.roster.faces.photos import Photos
from edge.roster.faces.templates import Template
from edge.roster.faces.unused import Unused

log = logging.getLogger(__name__)

ACT_S = 60.0  # to read the notice and present one's card
EVERY_S = 600.0  # how often the day and the photos are looked at when nothing is told
FIRST_ROSTER_S = 20.0  # the largest workbook is read in less; without any roster everybody is a stranger anyway
AT_ONCE = 50  # tenants enrolled between two rebuilds: a company's list of photos, with the first faces in force after minutes


_ACTED = Act("", datetime.min.replace(tzinfo=UTC), "")  # stands for an act that was judged before


class Busy(Exception):
    """This tenant's card is awaited already: let that end first."""


class PhotosStay(EdgeError):
    """Photos in this tenant's folder could not be deleted afterwards: nobody is enrolled from it."""


@dataclass(frozen=True, slots=True)
class Asked:
    """What enrolling a tenant would need: NO_ACT asks for their card, MAY for nothing. `notice` is the version they are to be shown.

    `refused`: photos that would be, where that was asked. `paper_ended`: it is of before they withdrew or were forgotten. `keeps`: whether
    photos stay after the enrolment.
    """

    why: Why
    photos: int
    notice: str
    refused: tuple[PhotoRefused, ...] = ()
    paper_ended: bool = False
    keeps: bool = False


@dataclass(frozen=True, slots=True)
class Enrolled:
    """What came of enrolling one tenant; `why` is not MAY where nothing was examined. `left` photos could not be deleted."""

    why: Why
    result: Enrolment = field(default_factory=Enrolment)
    photos: int = 0
    left: int = 0


@dataclass(frozen=True, slots=True)
class Forgotten:
    """What was destroyed: whether there was a template, how many files in the photos folder, and how many of them could not be deleted.

    `ended`: whether it is on disk that consent given before has ended.
    """

    template: bool
    photos: int
    left: int
    ended: bool = True


@dataclass(slots=True)
class _Awaited:
    """A tenant whose card is awaited at one access point, since the notice was shown."""

    card: asyncio.Future[Act]
    access_point: str
    since: datetime


class Desk:
    """Enrols, forgets and recalibrates. Made with the roster; `run` is a unit of the supervisor.

    Where recognition is off it enrols nobody; forgetting, and the ends of templates and photos, need no engine.
    """

    def __init__(
        self,
        faces: Faces,
        *,
        folder: Path,
        examiner: Examiner | None,
        book: Callable[[], Book],
        rules: Callable[[], Rules],
        clock: Clock,
        notice: str,
        keep_photos: bool,
        unused_days: int,
        first_seen: Path,
        in_step: Callable[[], bool],
        tell: Callable[[Event], object] = lambda _event: None,
    ) -> None:
        """`folder` is the roster's; `notice` the version of the notice that residents are shown. `examiner` None: recognition is off.

        Photos nobody uses go after `unused_days`; `first_seen` remembers since when they are there.
        `in_step`: whether the sheets are what is in force. `tell` writes events down.
        """
        self._faces, self._photos, self._examiner = faces, Photos(folder), examiner
        self._book, self._rules, self._clock = book, rules, clock
        self._notice, self._keep, self._tell = notice, keep_photos, tell
        self._changed = asyncio.Event()
        self._one = asyncio.Lock()
        self._awaited: dict[str, _Awaited] = {}
        self._looked: dict[str, float] = {}
        self._complained: set[str] = set()
        self._said: dict[str, Allows] = {}
        self._disposal = Disposal(self._photos)
        self._unused, self._days, self._in_step = Unused(first_seen, self._photos, unused_days), unused_days, in_step
        self._stay: set[str] = set()
        self._others: tuple[Book | None, frozenset[str]] = None, frozenset()
        self._unusable = False
        self.ready = asyncio.Event()
        """Set once the faces were loaded and waiting photos enrolled: before that, every resident would look like a stranger."""

    @property
    def faces(self) -> Faces:
        """The faces and what is in force of them."""
        return self._faces

    @property
    def enrols(self) -> bool:
        """Whether faces can be enrolled here; not where recognition is off."""
        return self._examiner is not None

    def words(self) -> tuple[str, ...]:
        """What is wrong with the photos folder, as words for `degraded`."""
        found = {
            "photos_not_deleted": self._disposal,
            "photos_would_stay": self._stay,
            "photos_unusable": self._unusable,
            "photos_astray": self._unused.astray,
            "photos_of_nobody": self._unused.nobodys,
        }
        return tuple(word for word, wrong in found.items() if wrong)

    def roster_changed(self) -> None:
        """A roster came into force. Call it in the loop."""
        self._changed.set()

    def may_match(self, ref: str) -> bool:
        """Whether this tenant's face may be used at this moment, whatever was loaded: the roster may have changed a second ago."""
        tenant = self._book().tenants.get(ref)
        # The act was judged when the template was loaded; what the sheet and the calendar say is judged again.
        return tenant is not None and self._judged(tenant, _ACTED) is Why.MAY

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
            async with self._one:
                await asyncio.to_thread(self._delete_unused)
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

    async def ask(self, tenant_id: str, *, judge_photos: bool = False) -> Asked | None:
        """What enrolling this tenant would need; None for nobody of this name. Raises PhotosStay, OSError.

        `judge_photos`: where their card is needed, look at the photos first, so that nobody is sent to the reader for nothing.
        """
        tenant = self._tenant(tenant_id)
        if tenant is None:
            return None
        photos = await asyncio.to_thread(self._photos.laid, tenant_id)
        why = self._judged(tenant, None)
        refused: tuple[PhotoRefused, ...] = ()
        if judge_photos and why is Why.NO_ACT and self._examiner is not None:
            if not await asyncio.to_thread(self._may_use_photos, tenant_id):
                raise PhotosStay
            async with self._one:
                laid = await asyncio.to_thread(self._photos.read, tenant_id)
                refused = await asyncio.to_thread(judge, laid, self._examiner)
            photos = [photo.name for photo in laid]
        ended = bool(tenant.consent_ref) and not self._faces.consent(tenant).consent_ref
        return Asked(why, len(photos), self._notice, refused, ended, self._keep)

    async def enrol(self, tenant_id: str, access_point: str = "", command: Command | None = None) -> Enrolled | None:
        """Enrol one tenant now, waiting for their own card where no signed paper stands in the roster; None for nobody of this name.

        Only a card shown at `access_point` counts: somebody who passes another gate meanwhile has agreed to nothing. Call it once the
        notice was shown. `command`: for the record. Raises Busy, PhotosStay, OSError, TimeoutError when no card came within ACT_S.
        """
        tenant = self._tenant(tenant_id)
        if tenant is None:
            return None
        act = None
        times = self._faces.times_forgotten(tenant_id)
        why = self._judged(tenant, None)
        if why in {Why.NO_ACT, Why.MAY} and not await asyncio.to_thread(self._may_use_photos, tenant_id):
            raise PhotosStay
        if why is Why.NO_ACT:
            act = await self._act_of(tenant.ref, access_point)
            tenant = self._tenant(tenant_id)  # as the roster has them now: a minute may have passed
            if tenant is None:
                return None
            why = self._judged(tenant, act)
        if why is not Why.MAY:
            return Enrolled(why)
        async with self._one:
            done = await asyncio.to_thread(self._enrol, tenant, act, times)
        self._tell_consent(tenant, act, done, command)
        await self._rebuild()
        self._changed.set()
        return done

    async def would_forget(self, tenant_id: str, earlier: Iterable[Tenant] = ()) -> Forgotten | None:
        """What `forget` would destroy, and what of it could not be deleted; nothing is done. None: there is nothing of this name."""
        tenant = self._tenant(tenant_id)
        return await asyncio.to_thread(self._would_forget, tenant_id, [*earlier, *([tenant] if tenant else [])])

    async def forget(self, tenant_id: str, earlier: Iterable[Tenant] = (), command: Command | None = None) -> Forgotten | None:
        """Destroy a tenant's template and photos for good, and take the face out of force. Raises OSError.

        `earlier`: what earlier rosters say of them. It works for somebody who left the roster too; None: there is nothing of this name.
        Only a new act, or a paper with another consent_ref, lets them be enrolled again. `command`: for the record.
        """
        tenant = self._tenant(tenant_id)
        if tenant is not None and (waiting := self._awaited.get(tenant.ref)) is not None and not waiting.card.done():
            waiting.card.set_exception(TimeoutError())
        async with self._one:
            done = await asyncio.to_thread(self._forget, tenant_id, [*earlier, *([tenant] if tenant else [])])
        if done is not None:
            now = self._clock.now()
            event = CustodyForgotten(at=now.at, clock=now.trust, template=done.template, photos=done.photos, left=done.left)
            self._tell(event.after(command))
        await self._rebuild()
        return done

    async def not_this_person(self, ref: str, of: str) -> bool:
        """A guard's word on a wrong match in the decision `of`; whether it raised what is asked of this face. Raises OSError."""
        async with self._one:
            was = await asyncio.to_thread(self._faces.not_this_person, ref, of)
        await self._rebuild()
        return was

    def _tell_consent(self, tenant: Tenant, act: Act | None, done: Enrolled, command: Command | None) -> None:
        if not done.result.taken:
            return
        now = self._clock.now()
        event = CustodyConsented(
            at=now.at,
            clock=now.trust,
            person_ref=tenant.ref,
            consent="card" if act is not None else "paper",
            notice=act.notice if act is not None else None,
        )
        self._tell(event.after(command))

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
        if self.enrols:
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
        ready = await asyncio.to_thread(self._with_photos)
        for tenant, times in ready[:AT_ONCE]:
            async with self._one:
                try:
                    done = await asyncio.to_thread(self._enrol, tenant, None, times)
                except OSError as why:  # one photo or a full disk is no reason to forget the others; looked at again when it changes
                    self._complain("photos", "photos of a tenant could not be used (%s)", why.strerror or type(why).__name__)
                    continue
            self._tell_consent(tenant, None, done, None)
            if done.result.refused:
                log.warning("photos refused: %d of %d; anyu-edge roster enrol says why", len(done.result.refused), done.photos)
            if done.result.twins:
                log.warning(
                    "a tenant looks like %d others, enrolled twice or twins; anyu-edge calibrate names them", len(done.result.twins)
                )
        return bool(ready)

    def _with_photos(self) -> list[tuple[Tenant, int]]:
        """Tenants with new photos whose paper allows their use, and how often each was forgotten when that was judged."""
        tenants = self._book().tenants.values()
        self._disposal.again()
        ids = {tenant.tenant_id for tenant in tenants}
        self._looked = {tenant_id: at for tenant_id, at in self._looked.items() if tenant_id in ids}
        try:
            names = set(self._photos.folders())
        except OSError as why:
            self._unusable = True
            self._complain("folder", "the photos folder cannot be used (%s); it may be no link", why.strerror or type(why).__name__)
            return []
        self._unusable = False
        if not self.enrols:
            return []
        self._stay &= names
        for tenant_id in tuple(self._stay):
            with suppress(OSError):
                self._may_use_photos(tenant_id)
        found = []
        for tenant in tenants:
            if tenant.tenant_id in names:
                times = self._faces.times_forgotten(tenant.tenant_id)
                if self._judged(tenant, None) is Why.MAY and self._new_photos(tenant):
                    found.append((tenant, times))
        return found

    def _new_photos(self, tenant: Tenant) -> bool:
        """Photos are looked at once, before a restart and after it: what was refused beside a good one must not count alone later."""
        try:
            saved = self._photos.newest(tenant.tenant_id)
            new = saved > max(self._looked.get(tenant.tenant_id, float("-inf")), self._faces.looked(tenant.ref))
            return new and self._may_use_photos(tenant.tenant_id)
        except OSError as why:
            self._complain("photos", "photos of a tenant could not be used (%s)", why.strerror or type(why).__name__)
            return False

    def _may_use_photos(self, tenant_id: str) -> bool:
        """Whether they can be deleted afterwards, as the notice promises; a site that keeps photos does not need that. Raises OSError."""
        if self._keep or not self._photos.pictures(tenant_id) or self._photos.may_delete(tenant_id):
            self._stay.discard(tenant_id)
            return True
        self._stay.add(tenant_id)
        self._complain("stay", "photos are not used while their folder does not let us delete them%s", "")
        return False

    def _enrol(self, tenant: Tenant, act: Act | None, times: int) -> Enrolled:
        """In a thread: examine, seal, and leave no photo behind unless the site keeps them. Raises OSError.

        Consent was judged when the tenant had been forgotten so many `times`: where that is another number now, it ended meanwhile.
        """
        if self._faces.times_forgotten(tenant.tenant_id) != times:
            return Enrolled(Why.NO_ACT)
        looked = self._photos.newest(tenant.tenant_id)
        self._looked[tenant.tenant_id] = looked
        photos = self._photos.read(tenant.tenant_id)
        others = [one for one in self._faces.in_force.enrolled if one.ref != tenant.ref]
        result = enrol(photos, self._examiner, others) if photos and self._examiner is not None else Enrolment()
        left = 0
        if result.taken:
            now = self._clock.now().at
            paper = tenant.consent_ref if act is None else ""
            self._faces.enrolled(Template(tenant.ref, result.taken, now, act, looked=looked, forgotten=times, paper=paper))
            if not self._keep:
                # Those beyond the fifth go too; those that were refused stay for the manager to look at.
                refused = {one.photo for one in result.refused}
                files = self._photos.files(tenant.tenant_id)
                served = [file.name for file in files if file.picture and file.name not in refused]
                served += [file.name for file in files if file.beside(served)]
                inside = self._photos.inside(tenant.tenant_id)  # a NAS's @eaDir/1.jpg/small.jpg
                served += [file.name for file in inside if not file.counts and not set(file.name.split("/")).isdisjoint(served)]
                _, left = self._disposal.delete(tenant.tenant_id, served)
        return Enrolled(Why.MAY, result, len(photos), left)

    def _delete_unused(self) -> None:
        """In a thread: let photos go that nobody uses. Without a roster in force nothing is known of anybody, and nothing goes."""
        now, book = self._clock.now().certain, self._book()
        if not book.version:
            return
        refs = {tenant.tenant_id: ref for ref, tenant in book.tenants.items()}

        def spared(tenant_id: str) -> bool:
            """A site that keeps photos keeps those of whom it enrolled."""
            return self._keep and tenant_id in refs and self._faces.has(refs[tenant_id])

        try:
            due = self._unused.due(now, lives_here=refs.__contains__, spared=spared, in_step=self._in_step())
        except OSError as why:
            self._complain("unused", "photos that nobody uses cannot be told (%s)", why.strerror or type(why).__name__)
            return
        gone = {True: 0, False: 0}
        for one in due:
            gone[one.nobodys] += self._disposal.delete(one.tenant_id, one.names)[0]
            if one.nobodys and one.tenant_id is not None:
                with suppress(OSError):
                    self._photos.remove(one.tenant_id)
        if any(gone.values()):
            log.info("photos deleted: %d not used in %d days, %d of nobody in the roster", gone[False], self._days, gone[True])

    def _forget(self, tenant_id: str, known: list[Tenant]) -> Forgotten | None:
        """In a thread: the tombstone first, so that a cut at any moment leaves nothing that could be enrolled again. Raises OSError."""
        names, unseen = self._photos_of(tenant_id)
        if not known and not names and not unseen:
            return None
        papers, refs = {one.consent_ref for one in known if one.consent_ref}, {one.ref for one in known}
        gone = self._faces.forget(tenant_id, papers, refs, self._clock.now().at)
        deleted, left = self._disposal.delete(tenant_id, names)
        with suppress(OSError):
            self._photos.remove(tenant_id)
            left = max(left, self._photos.folders_in(tenant_id))  # deeper than we look, or of another account
        return Forgotten(gone > 0, deleted, left + unseen, self._faces.lays_tombstones)

    def _would_forget(self, tenant_id: str, known: list[Tenant]) -> Forgotten | None:
        names, unseen = self._photos_of(tenant_id)
        if not known and not names and not unseen:
            return None
        return Forgotten(any(self._faces.has(one.ref) for one in known), len(names), unseen, self._faces.lays_tombstones)

    def _photos_of(self, tenant_id: str) -> tuple[list[str], int]:
        """The files in a tenant's photos folder and in folders inside it, and how many things there `forget` cannot delete."""
        try:
            return [file.name for file in (*self._photos.files(tenant_id), *self._photos.inside(tenant_id))], 0
        except OSError:  # a link, or not to be read: what lies there is not ours to delete, and the word says so
            return [], 1

    def _complain(self, what: str, text: str, detail: str) -> None:
        """Once a run: a folder that cannot be used stays so until somebody acts."""
        if what not in self._complained:
            self._complained.add(what)
            log.warning(text, detail)

    def _tenant(self, tenant_id: str) -> Tenant | None:
        return next((one for one in self._book().tenants.values() if one.tenant_id == tenant_id), None)

    def _judged(self, tenant: Tenant, act: Act | None) -> Why:
        """Whether their face may be used now, with this act or the paper in the roster."""
        book, (of, others) = self._book(), self._others
        if of is not book:
            others = with_other_way(book)
            self._others = book, others
        return may_use(self._faces.consent(tenant), act, self._day(), other_way=tenant.ref in others)

    def _day(self) -> Day:
        return Day.of(self._clock.now(), self._rules().tz)
