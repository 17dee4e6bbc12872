"""What may be asked of the running daemon about faces: what they are allowed, enrolment, forgetting, and "not this person"."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Mapping
from dataclasses import asdict

from edge.access.events import GuardRejected
from edge.clock import Clock
from edge.control.peer import Actor
from edge.control.server import Verb
from edge.errors import CommandRefused
from edge.journal import Journal
from edge.roster.calibrate import Calibration
from edge.roster.faces.desk import Desk
from edge.roster.roster import Roster


class FaceVerbs:
    """The daemon's side of the verbs about faces. Without recognition each of them says so."""

    def __init__(self, desk: Desk | None, roster: Roster, journal: Journal, clock: Clock) -> None:
        self._desk, self._roster, self._journal, self._clock = desk, roster, journal, clock

    def table(self) -> Mapping[str, Verb]:
        """Every verb by name."""
        return {
            "calibrate": self._calibrate,
            "enrol": self._enrol,
            "forget": self._forget,
            "not_this_person": self._not_this_person,
        }

    async def _calibrate(self, _args: Mapping[str, object], _actor: Actor) -> object:
        force = self._needed().faces.in_force
        return {
            "access_points": {name: _plain(found) for name, found in force.calibrations.items() if name},
            "enrolled": len(force.enrolled),
            "waiting": len(force.waiting),
            "unreadable": force.unreadable,
        }

    async def _enrol(self, args: Mapping[str, object], _actor: Actor) -> object:
        try:
            done = await self._needed().enrol(_word(args, "tenant_id"))
        except TimeoutError:
            raise CommandRefused("no_card", "no card of this tenant was presented within a minute") from None
        if done is None:
            raise CommandRefused("unknown_tenant", "nobody in the roster in force has this tenant_id")
        taken, refused = len(done.result.taken), [[one.photo, one.why] for one in done.result.refused]
        return {"why": str(done.why), "photos": done.photos, "taken": taken, "refused": refused, "twins": len(done.result.twins)}

    async def _forget(self, args: Mapping[str, object], _actor: Actor) -> object:
        return {"forgotten": await self._needed().forget(self._ref(_word(args, "tenant_id")))}

    async def _not_this_person(self, args: Mapping[str, object], _actor: Actor) -> object:
        """A guard says of an event that somebody else was taken for this tenant."""
        seq = args.get("seq")
        if not isinstance(seq, int):
            raise CommandRefused("bad_argument", "seq: expected int")
        record = await asyncio.to_thread(self._journal.record, seq)
        said = json.loads(record.data) if record is not None else {}
        if "face" not in said.get("method", ()) or "person_ref" not in said:
            raise CommandRefused("no_face_event", "this event is no decision by face")
        raised = await self._needed().not_this_person(str(said["person_ref"]))
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
            )
        )
        return {"raised": raised}

    def _needed(self) -> Desk:
        if self._desk is None:
            raise CommandRefused("no_recognition", "recognition is off here")
        return self._desk

    def _ref(self, tenant_id: str) -> str:
        ref = next((one.ref for one in self._roster.book.tenants.values() if one.tenant_id == tenant_id), None)
        if ref is None:
            raise CommandRefused("unknown_tenant", "nobody in the roster in force has this tenant_id")
        return ref


def _plain(found: Calibration) -> object:
    """A calibration without names: who looks alike is for the manager's own screen."""
    return {
        "tenants": found.tenants,
        "photos": found.photos,
        "rate": found.rate,
        "threshold": round(found.thresholds.accept, 4),
        "basis": str(found.basis),
        "allows": str(found.allows),
        "why": str(found.why),
        "fpir": asdict(found.fpir),
        "fnir": None if found.fnir is None else asdict(found.fnir),
        "lookalikes": len(found.lookalikes),
    }


def _word(args: Mapping[str, object], name: str) -> str:
    value = args.get(name)
    if not isinstance(value, str) or not value:
        raise CommandRefused("bad_argument", f"{name}: expected text")
    return value
