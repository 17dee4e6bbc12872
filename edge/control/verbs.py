"""What people on this machine may ask of the running daemon, and what comes back. Every answer is plain JSON."""

from __future__ import annotations

import asyncio
import base64
import json
import tempfile
from collections.abc import AsyncGenerator, Callable, Mapping
from contextlib import suppress
from dataclasses import asdict
from datetime import datetime
from pathlib import Path
from typing import TypeVar

from edge.access.events import Command
from edge.access.reasons import GuardReason
from edge.access.request import FaceShown
from edge.clock import Clock
from edge.control.examine import Examination
from edge.control.faces import FaceVerbs
from edge.control.peer import Actor
from edge.control.server import Verb
from edge.control.simulate import ASKS, Simulation
from edge.control.viewing import Viewing
from edge.control.whomay import who_may
from edge.errors import CommandRefused
from edge.gate.site import SiteGates
from edge.gate.view import Answer, Result
from edge.gate.wiring import Wiring
from edge.journal import Journal, Record
from edge.roster.faces.desk import Desk
from edge.roster.faults import RosterFaults
from edge.roster.outcomes import Applied, Outcome, Refused
from edge.roster.roster import Roster
from edge.roster.template import export
from edge.settings import Settings
from edge.uplink.messages import HealthBody
from edge.uplink.wire import Encoder

MOST_EVENTS = 10_000  # a week of a busy gate; the whole journal is read from the centre, or with `audit`
PAGE = 200  # events a read while following: 100 KB
DECIDED = frozenset({*ASKS, "face"}) - {"fire"}  # what is played and judged
LOOK_S = 0.05  # a decision is on disk within milliseconds
LOOKS = 40  # two seconds; a disk slower than this, or one that cannot be read, is told by `status`
NEW_EVENT_WAIT_S = 1.0  # how long a follower may be behind when a wake-up went astray
_T = TypeVar("_T")


class Verbs:
    """The daemon's side of every command."""

    def __init__(
        self,
        *,
        settings: Settings,
        journal: Journal,
        roster: Roster,
        gates: SiteGates,
        wiring: Wiring,
        simulation: Simulation,
        clock: Clock,
        health: Callable[[], HealthBody],
        desk: Desk,
        faces_off: Callable[[], tuple[str, ...]],
        examination: Examination | None = None,
    ) -> None:
        self._settings = settings
        self._journal = journal
        self._roster = roster
        self._gates = gates
        self._wiring = wiring
        self._simulation = simulation
        self._clock = clock
        self._health = health
        self._faces = FaceVerbs(desk, roster, wiring, journal, clock, faces_off)
        self._examination = examination
        self._viewing = Viewing(journal, clock)
        self._encoder = Encoder(settings.site.name, settings.gateway.name, disclose_person=True)
        self._loop: asyncio.AbstractEventLoop | None = None
        self._committed = asyncio.Event()
        journal.on_commit(self._wake)

    def table(self) -> Mapping[str, Verb]:
        """Every verb by name."""
        return {
            "ping": self._ping,
            "status": self._status,
            "waits": self._waits,
            "events": self._events,
            "why": self._why,
            "who_may": self._who_may,
            "unlock": self._unlock,
            "lock_down": self._lock_down,
            "release": self._release,
            "roster_diff": self._roster_diff,
            "roster_apply": self._roster_apply,
            "roster_rollback": self._roster_rollback,
            "roster_export": self._roster_export,
            "simulate": self._simulate,
            "verify": self._verify,
            **self._faces.table(),
            **(self._examination.table() if self._examination else {}),
        }

    # --- looking ---------------------------------------------------------------------------------------------------------------------

    async def _ping(self, _args: Mapping[str, object], _actor: Actor) -> object:
        return {"config_version": self._settings.version}

    async def _status(self, _args: Mapping[str, object], _actor: Actor) -> object:
        return self._health().model_dump(mode="json", exclude_none=True)

    async def _waits(self, _args: Mapping[str, object], _actor: Actor) -> object:
        """How long the disk kept people waiting, by door; times in seconds."""
        return {door: asdict(waits) for door, waits in self._gates.waits().items()}

    async def _events(self, args: Mapping[str, object], _actor: Actor) -> AsyncGenerator[object, None]:
        last = min(_argument(args, "last", int, 20), MOST_EVENTS)
        follow = _argument(args, "follow", bool, default=False)
        self._loop = asyncio.get_running_loop()
        after = self._journal.head()
        for record in await asyncio.to_thread(self._journal.latest, last) if last > 0 else []:
            after = record.seq
            yield self._shown(record)
        epoch = self._journal.epoch
        while follow:
            self._committed.clear()
            if epoch != self._journal.epoch:
                epoch, after = self._journal.epoch, 0
            for record in await asyncio.to_thread(self._journal.page, after, PAGE):
                after = record.seq
                yield self._shown(record)
            if after >= self._journal.head():
                try:
                    async with asyncio.timeout(NEW_EVENT_WAIT_S):
                        await self._committed.wait()
                except TimeoutError:
                    continue

    async def _why(self, args: Mapping[str, object], _actor: Actor) -> object:
        seq = _argument(args, "seq", int)
        epoch = _argument(args, "epoch", str, "")
        if epoch and epoch != self._journal.epoch:
            raise CommandRefused("other_epoch", self._journal.epoch)
        record = await asyncio.to_thread(self._journal.record, seq)
        if record is None:
            raise CommandRefused("no_such_event", f"{seq} ({self._journal.oldest()}-{self._journal.head()})")
        return self._shown(record)

    async def _who_may(self, args: Mapping[str, object], _actor: Actor) -> object:
        point = _argument(args, "access_point", str)
        self._known(point)
        said = _argument(args, "at", str, "")
        try:
            at = datetime.fromisoformat(said) if said else None
        except ValueError:
            raise CommandRefused("bad_time", said) from None
        return await asyncio.to_thread(who_may, point, self._roster.book, self._wiring.rules, self._clock.now(), at)

    async def _verify(self, _args: Mapping[str, object], _actor: Actor) -> object:
        try:
            report = await asyncio.to_thread(self._journal.verify)
        except OSError as why:
            raise CommandRefused("no_journal", str(why.strerror or why)) from why
        return {**asdict(report), "chain": report.chain.hex(), "ok": report.ok}

    # --- the guard -------------------------------------------------------------------------------------------------------------------

    async def _unlock(self, args: Mapping[str, object], actor: Actor) -> object:
        point = _argument(args, "access_point", str)
        self._known(point)
        said = _argument(args, "reason", str)
        try:
            reason = GuardReason(said)
        except ValueError:
            raise CommandRefused("bad_reason", ", ".join(GuardReason)) from None
        answer = await self._gates.unlock(point, reason, actor.command())
        if answer.result is not Result.UNCHANGED:
            return _answered(answer)
        door = self._settings.access_points[point].door
        return _answered(answer, mode=next(view.mode for view in self._gates.view() if view.door == door))

    async def _lock_down(self, args: Mapping[str, object], actor: Actor) -> object:
        return _answered(await self._gates.lock_down(self._door(args), actor.command()))

    async def _release(self, args: Mapping[str, object], actor: Actor) -> object:
        return _answered(await self._gates.release(self._door(args), actor.command()))

    # --- the manager -----------------------------------------------------------------------------------------------------------------

    async def _roster_diff(self, _args: Mapping[str, object], _actor: Actor) -> object:
        try:
            diff = await self._roster.compare()
        except RosterFaults as faults:
            return {"outcome": "refused", "why": "faults", "count": faults.count, "faults": self._words(faults.faults)}
        return {"outcome": "diff", "needs_yes": diff.needs_yes, "empty": diff.empty, **asdict(diff)}

    async def _roster_apply(self, args: Mapping[str, object], actor: Actor) -> object:
        return self._outcome(
            await self._roster.reload(yes=_argument(args, "yes", bool, default=False), asked=True, command=actor.command())
        )

    async def _roster_rollback(self, args: Mapping[str, object], actor: Actor) -> object:
        outcome = await self._roster.roll_back(actor.command(), yes=_argument(args, "yes", bool, default=False))
        if outcome is None:
            raise CommandRefused("nothing_before", "there is no earlier roster")
        return self._outcome(outcome)

    async def _roster_export(self, args: Mapping[str, object], actor: Actor) -> object:
        suffix = _argument(args, "suffix", str, ".csv")
        if suffix not in {".csv", ".xlsx"}:
            raise CommandRefused("bad_argument", ".csv, .xlsx")
        viewed = self._viewing.about("roster", args, actor)
        try:
            sheet = await asyncio.to_thread(self._exported, suffix)
        except OSError as why:
            raise CommandRefused("disk", why.strerror or str(why)) from why
        viewed()  # not before: an export that failed showed nothing
        return {"base64": sheet}

    def _exported(self, suffix: str) -> str:
        """The roster in force as the bytes of a sheet. It is written where only the daemon reads, and gone again at once."""
        with tempfile.TemporaryDirectory(dir=self._settings.state_dir) as folder:
            path = Path(folder, "roster" + suffix)
            export(path, self._roster.book, self._settings.roster, self._settings.locale)
            return base64.b64encode(path.read_bytes()).decode()

    def _outcome(self, outcome: Outcome) -> object:
        if isinstance(outcome, Refused):
            diff = asdict(outcome.diff) if outcome.diff else None
            return {
                "outcome": "refused",
                "why": outcome.why,
                "count": outcome.count,
                "faults": self._words(outcome.faults),
                "remarks": self._words(outcome.remarks),
                "diff": diff,
            }
        if isinstance(outcome, Applied):
            remarks = self._words(outcome.remarks)
            return {
                "outcome": "applied",
                "version": outcome.book.version,
                "diff": asdict(outcome.diff),
                "remarks": remarks,
                "kept": outcome.kept,
            }
        return {"outcome": "unchanged", "version": outcome.version}

    def _words(self, faults: tuple[object, ...]) -> list[str]:
        return [fault.text(self._settings.locale) for fault in faults]  # type: ignore[attr-defined]

    # --- the installer ---------------------------------------------------------------------------------------------------------------

    async def _simulate(self, args: Mapping[str, object], actor: Actor) -> object:
        what = _argument(args, "what", str)
        rest = {key: _argument(args, key, str) for key in args if key != "what"}
        command, before = actor.command(), self._journal.head()
        if what == "face":
            self._known(rest.get("access_point", ""))
            face = FaceShown(self._faces.ref_of(rest.get("tenant_id", "")), rest.get("alone", "yes") == "yes")
            with self._gates.commanded(command):
                self._gates.play_face(rest["access_point"], face, live=rest.get("live") == "yes")
        else:
            with self._gates.commanded(command):
                self._simulation.act(what, rest)
        decided = await self._decided(command, before) if what in DECIDED else {}
        return {"result": "accepted", **decided}

    async def _decided(self, command: Command, before: int) -> Mapping[str, object]:
        """The decision that followed from this command, once it is on disk; empty where none is there after LOOKS."""
        for _ in range(LOOKS):
            await asyncio.sleep(LOOK_S)
            for record in await asyncio.to_thread(self._journal.page, before, PAGE):
                before = record.seq
                if record.cls == "access" and record.name in {"granted", "denied"}:
                    said = json.loads(record.data)
                    if said.get("command_id") == command.command_id:
                        return {"decision": record.name, "reason": said["reason"], "sequence": record.seq}
        return {}

    # --- helpers ---------------------------------------------------------------------------------------------------------------------

    def _known(self, access_point: str) -> None:
        if access_point not in self._settings.access_points:
            raise CommandRefused("unknown_place", ", ".join(self._settings.access_points))

    def _door(self, args: Mapping[str, object]) -> str | None:
        door = _argument(args, "door", str, "")
        if door and door not in self._settings.doors:
            raise CommandRefused("unknown_place", ", ".join(self._settings.doors))
        return door or None

    def _shown(self, record: Record) -> object:
        return json.loads(self._encoder.event(record))

    def _wake(self, _head: int) -> None:
        """From the journal's thread."""
        if self._loop is not None:
            with suppress(RuntimeError):  # the loop closed meanwhile; the journal writes on until it is closed itself
                self._loop.call_soon_threadsafe(self._committed.set)


def _answered(answer: Answer, **why: str) -> object:
    if answer.result in {Result.UNKNOWN_PLACE, Result.BUSY, Result.FAILED}:
        raise CommandRefused(answer.result.value, "")
    more = ({} if answer.recorded else {"recorded": False}) | ({"waits": "fire"} if answer.waits else {})
    return {"result": answer.result.value, "passage_id": answer.passage_id, **more, **why}


def _argument(args: Mapping[str, object], name: str, kind: type[_T], default: _T | None = None) -> _T:
    value = args.get(name, default)
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise CommandRefused("bad_argument", name)
    return value
