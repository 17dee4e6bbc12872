"""What may be asked of the running daemon about faces: what they are allowed, enrolment, forgetting, and "not this person"."""

from __future__ import annotations

import asyncio
import json
from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from dataclasses import asdict
from typing import NoReturn

from edge.access.events import GuardRejected
from edge.clock import Clock
from edge.control.peer import Actor
from edge.control.server import Verb
from edge.custody.vault import Unreadable
from edge.errors import CommandRefused
from edge.gate.wiring import Wiring
from edge.journal import Journal
from edge.printable import printable
from edge.roster.calibrate import Calibration
from edge.roster.faces.consent import Why
from edge.roster.faces.desk import Busy, Desk, PhotosStay
from edge.roster.faces.enrol import PhotoRefused
from edge.roster.roster import Roster

MOST_PAIRS = 100  # look-alikes in one answer: more than a manager looks at in a day


class FaceVerbs:
    """The daemon's side of the verbs about faces. Without recognition all but `forget` say so. Answers name tenants by tenant_id alone."""

    def __init__(
        self, desk: Desk, roster: Roster, wiring: Wiring, journal: Journal, clock: Clock, off: Callable[[], tuple[str, ...]]
    ) -> None:
        """`off`: the words for what keeps faces from being recognised now."""
        self._off = off
        self._desk, self._roster, self._wiring, self._journal, self._clock = desk, roster, wiring, journal, clock

    def table(self) -> Mapping[str, Verb]:
        """Every verb by name."""
        return {
            "calibrate": self._calibrate,
            "enrol_ask": self._ask,
            "enrol": self._enrol,
            "forget_ask": self._forget_ask,
            "forget": self._forget,
            "not_this_person": self._not_this_person,
        }

    def ref_of(self, tenant_id: str) -> str:
        """The person_ref of a tenant of the roster in force. Raises CommandRefused for nobody."""
        found = next((one.ref for one in self._roster.book.tenants.values() if one.tenant_id == tenant_id), None)
        return found if found is not None else _nobody()

    async def _calibrate(self, _args: Mapping[str, object], _actor: Actor) -> object:
        force = self._needed().faces.in_force
        return {
            "access_points": {name: self._plain(found) for name, found in force.calibrations.items() if name or not self._points()},
            "enrolled": len(force.enrolled),
            "waiting": dict(Counter(str(why) for why in force.waiting.values())),
            "unreadable": force.unreadable,
            "renew": self._ids(force.renew),
            "off": self._off(),
        }

    async def _ask(self, args: Mapping[str, object], _actor: Actor) -> object:
        """What the manager has to do before `enrol`: nothing is done yet. Where the card is needed, photos are judged; none is kept."""
        try:
            asked = await self._needed().ask(_word(args, "tenant_id"), judge_photos=True)
        except PhotosStay:
            raise CommandRefused("photos_would_stay", _word(args, "tenant_id")) from None
        except OSError as why:
            _unwell(why)
        if asked is None:
            _nobody()
        return {
            "why": str(asked.why),
            "photos": asked.photos,
            "notice": asked.notice,
            "access_points": self._points(),
            "refused": _refused(asked.refused),
            "paper_ended": asked.paper_ended,
            "keeps_photos": asked.keeps,
        }

    async def _enrol(self, args: Mapping[str, object], actor: Actor) -> object:
        """Enrol; where a card is the consent, `at` names its reader and `notice` the version of the notice that was shown."""
        desk, point = self._needed(), str(args.get("at") or "")
        tenant_id = _word(args, "tenant_id")
        points = self._points()
        if point and point not in points:
            raise CommandRefused("unknown_place", ", ".join(points))
        try:
            asked = await desk.ask(tenant_id)
            if asked is not None and asked.why is Why.NO_ACT:
                point = self._reader(point, points)
                if args.get("notice") != asked.notice:
                    raise CommandRefused("notice_first", asked.notice)
            done = await desk.enrol(tenant_id, point, actor.command())
        except TimeoutError:
            raise CommandRefused("no_card", "no card of this tenant was presented within a minute") from None
        except Busy:
            raise CommandRefused("card_awaited", "this tenant's card is awaited already") from None
        except PhotosStay:
            raise CommandRefused("photos_would_stay", tenant_id) from None
        except OSError as why:
            _unwell(why)
        if done is None:
            _nobody()
        refused = _refused(done.result.refused)
        taken = len(done.result.taken)
        twins = self._ids(done.result.twins)
        return {"why": str(done.why), "photos": done.photos, "taken": taken, "refused": refused, "twins": twins, "left": done.left}

    async def _forget_ask(self, args: Mapping[str, object], _actor: Actor) -> object:
        """What `forget` would destroy, for the question before it: nothing is done."""
        tenant_id = _word(args, "tenant_id")
        rows = await self._roster.rows_of(tenant_id)
        try:
            found = await self._desk.would_forget(tenant_id, rows)
        except OSError as why:
            _unwell(why)
        if found is None:
            _nobody()
        here = self._lives_here(tenant_id)
        return {**asdict(found), "refs": sorted({one.ref for one in rows}), "rosters": max(0, len(rows) - here), "lives_here": here}

    async def _forget(self, args: Mapping[str, object], actor: Actor) -> object:
        """Destroy what is kept of a resident's face for good. The answer is the receipt."""
        tenant_id = _word(args, "tenant_id")
        try:
            done = await self._desk.forget(tenant_id, await self._roster.rows_of(tenant_id), actor.command())
        except OSError as why:
            _unwell(why)
        if done is None:
            _nobody()
        rewritten, failed = await self._roster.forget(tenant_id)
        return {**asdict(done), "rosters": rewritten, "rosters_left": failed, "lives_here": self._lives_here(tenant_id)}

    async def _not_this_person(self, args: Mapping[str, object], actor: Actor) -> object:
        """A guard says of an event that somebody else was taken for this tenant."""
        seq = args.get("seq")
        if not isinstance(seq, int) or isinstance(seq, bool):
            raise CommandRefused("bad_argument", "seq")
        desk = self._needed()
        record = await asyncio.to_thread(self._journal.record, seq)
        if record is None:
            raise CommandRefused("no_such_event", f"{seq} ({self._journal.oldest()}-{self._journal.head()})")
        said = json.loads(record.data)
        if "face" not in said.get("method", ()) or "person_ref" not in said or said.get("simulated"):
            raise CommandRefused("no_face_event", "this event is no decision by face")
        # One passage is several events; whichever of them the guard names, it is one mistake.
        of = str(said.get("passage_id") or f"{record.epoch}-{seq}")
        try:
            raised = await desk.not_this_person(str(said["person_ref"]), of)
        except (OSError, Unreadable) as why:
            _unwell(why)
        now = self._clock.now()
        self._journal.append(
            GuardRejected(
                at=now.at,
                clock=now.trust,
                door=str(said["door"]),
                access_point=said.get("access_point"),
                passage_id=said.get("passage_id"),
                person_ref=str(said["person_ref"]),
                of_sequence=str(seq),
            ).after(actor.command())
        )
        return {"raised": raised}

    def _plain(self, found: Calibration) -> object:
        return {
            "space": str(found.space),
            "tenants": found.tenants,
            "photos": found.photos,
            "rate": found.rate,
            "threshold": round(found.thresholds.accept, 4),
            "doubt": round(found.thresholds.doubt, 4),
            "margin": found.thresholds.margin,
            "verify": round(found.verify, 4),
            "basis": str(found.basis),
            "allows": str(found.allows),
            "why": str(found.why),
            "fpir": asdict(found.fpir),
            "alone": round(found.alone.busy, 4),
            "misses_alone": None if found.misses_alone[0] is None else asdict(found.misses_alone[0]),
            "alone_quiet": round(found.alone.quiet, 4),
            "misses_alone_quiet": None if found.misses_alone[1] is None else asdict(found.misses_alone[1]),
            "fnir": None if found.fnir is None else asdict(found.fnir),
            "lookalikes": [pair for pair in map(self._ids, found.lookalikes[:MOST_PAIRS]) if len(pair) == 2],
        }

    def _reader(self, point: str, points: list[str]) -> str:
        """Where the card is to be shown. A simulated reader reads nobody's card, not even where the whole site is simulated."""
        if not point and len(points) > 1:
            raise CommandRefused("which_reader", ", ".join(points))
        point = point or next(iter(points), "")
        if not any(at.name == point and not self._wiring.simulated(name) for (name, _), at in self._wiring.readers.items()):
            raise CommandRefused("no_real_reader", point)
        return point

    def _lives_here(self, tenant_id: str) -> bool:
        return any(tenant.tenant_id == tenant_id for tenant in self._roster.book.tenants.values())

    def _points(self) -> list[str]:
        return list(self._wiring.rules.access_points)

    def _ids(self, refs: tuple[str, ...]) -> list[str]:
        tenants = self._roster.book.tenants
        return [tenants[ref].tenant_id for ref in refs if ref in tenants]

    def _needed(self) -> Desk:
        if not self._desk.enrols:
            why = self._off()
            raise CommandRefused("recognition_trouble" if why else "no_recognition", ", ".join(why))
        return self._desk


def _refused(photos: Iterable[PhotoRefused]) -> list[list[str]]:
    return [[printable(one.photo), one.why] for one in photos]


def _nobody() -> NoReturn:
    raise CommandRefused("unknown_tenant", "nobody in the roster in force has this tenant_id")


def _unwell(why: Exception) -> NoReturn:
    raise CommandRefused("disk", getattr(why, "strerror", None) or str(why)) from None


def _word(args: Mapping[str, object], name: str) -> str:
    value = args.get(name)
    if not isinstance(value, str) or not value:
        raise CommandRefused("bad_argument", name)
    return value
