"""The composition root: the only file that makes things, in the order of the data flow. It reads as a wiring diagram.

site.yaml -> settings
journal   (events on disk, before anything can happen)
clock     (believed as far as the journal remembers)
roster    (the last good one, from this machine's disk alone)
gates     (controllers, doors: each lock is driven to where it belongs before anything else is tried)
uplink    (what the journal has, to the centre)
control   (people on this machine)
"""

from __future__ import annotations

import asyncio
import logging
import os
import secrets
import time
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import drivers
from drivers.contract import DoorController
from drivers.errors import DriverError
from drivers.timing import MACHINE, Timing
from edge import __version__, recognition
from edge.access.events import ConfigApplied, GatewayStarted, GatewayStopping
from edge.access.reasons import GuardReason, ViewReason
from edge.clock import Clock, SystemClock, local_time
from edge.condition import Condition
from edge.control.examine import Examination, Lines
from edge.control.server import ControlServer
from edge.control.simulate import STATES, WHAT, Simulation
from edge.control.verbs import Verbs
from edge.control.viewing import Viewing
from edge.custody.master import KeyUnusable, master_key
from edge.errors import EdgeError
from edge.gate.cards import CardTables
from edge.gate.lookout import Overheard
from edge.gate.recorder import Mark
from edge.gate.site import SiteGates
from edge.gate.wiring import wire
from edge.journal import Journal, last_certain_time, last_leap, last_trusted_time, last_written_time
from edge.roster.folder import Known
from edge.roster.outcomes import Applied, Refused
from edge.roster.roster import Roster
from edge.roster.watch import RosterWatch
from edge.settings import Settings
from edge.supervisor import Ended, Notify, Supervisor, Unit
from edge.timekeeper import Timekeeper
from edge.uplink.messages import AlarmHealth, ClockHealth, DoorHealth, HealthBody, InfoBody, RosterHealth
from edge.uplink.uplink import Uplink

log = logging.getLogger(__name__)

_CONFIG = "config.version"
RECALL_EVERY_S = 1.0  # as often as the journal tries the disk
DOORS_FIRST_S = 10.0  # how long the centre waits for the doors at a start; they need 5 s where every device is away


class Daemon:
    """A gateway, put together and not yet running. `clock` is the machine's unless a test turns the hands.

    Made on the main thread before the loop runs: opening the journal and reading the roster block, for a second at most. `close` must
    follow, whether or not it ran. Raises JournalInUse when another daemon has this state directory.
    `degraded`: words for what is wrong with the settings themselves (`Loaded.degraded`), until the next start.
    """

    def __init__(
        self, settings: Settings, *, clock: Clock | None = None, environ: Mapping[str, str] = os.environ, degraded: tuple[str, ...] = ()
    ) -> None:
        self.settings = settings
        journal_dir = settings.state_dir / "journal"
        consumers = settings.uplink.consumers if settings.uplink else ()

        self.timekeeper = Timekeeper() if clock is None else None
        self.clock: Clock = clock or SystemClock(
            last_trusted=last_trusted_time(journal_dir),
            not_before=last_written_time(journal_dir),
            certain=last_certain_time(journal_dir),
            leap=last_leap(journal_dir),
            synced=self.timekeeper.synced if self.timekeeper else None,
        )
        self.journal = Journal(journal_dir, settings.journal, self.clock, consumers=consumers)
        self.opened = self.journal.open()
        self._facts_known = self.journal.facts_known
        self._tell_start()

        self.roster = Roster(
            settings.roster,
            state_dir=settings.state_dir,
            zone=settings.site.tz,
            clock=self.clock,
            known=Known(settings.ruled, frozenset(settings.access_points)),
            told=self._roster_told,
            master=_master(settings.state_dir, environ),
        )
        self.roster.start()

        self.wiring = wire(settings, settings.site.tz)
        timing = MACHINE if clock is None else Timing(lambda: self.clock.now().mono, self.clock.sleep)
        self.controllers: Mapping[str, DoorController] = {
            name: drivers.make(
                plan.kind,
                plan.options,
                plan.secured,
                timing=timing,
                **drivers.taken(plan.kind, mark=Mark(self.journal, name), wall=partial(local_time, self.clock, settings.site.tz)),
            )
            for name, plan in self.wiring.controllers.items()
        }
        overheard = Overheard(self.journal)
        self.gates = SiteGates(
            wiring=self.wiring,
            controllers=self.controllers,
            book=lambda: self.roster.book,
            recorder=overheard,
            memory=self.journal,
            clock=self.clock,
            new_id=new_id,
            pin_hash=self.roster.pin_hash,
        )
        lines = Lines(self.controllers)
        self.gates.overhear(lines.heard)
        self.cards = CardTables(
            wiring=self.wiring,
            keepers={name: keeps for name, made in self.controllers.items() if (keeps := drivers.keeper(self._kind(name), made))},
            book=lambda: self.roster.book,
            view=self.gates.view,
            clock=self.clock,
        )
        self.gates.overhear(self.cards.heard)
        self.recognition = recognition.make(
            settings,
            present=self.gates.present,
            book=lambda: self.roster.book,
            rules=lambda: self.wiring.rules,
            recorder=self.journal,
            clock=self.clock,
            new_id=new_id,
            environ=environ,
            in_step=lambda: self.roster.view().state == "good",
        )
        overheard.listeners = (self.recognition.noticed, self.cards.noticed)
        self.condition = Condition(
            journal=self.journal.health,
            roster=self.roster.view,
            clock=self.clock,
            take_step=self.clock.take_step if isinstance(self.clock, SystemClock) else lambda: None,
            recorder=self.journal,
            memory=self.journal,
            new_id=new_id,
            changed=self._changed,
            others=lambda: (
                *degraded,
                *(("journal.slow",) if self.gates.slow_disk() else ()),
                *self.recognition.words(),
                *self.cards.words(),
            ),
            slowly=lambda: self.uplink.complaints() if self.uplink else (),
        )
        way = None if settings.uplink is None or settings.uplink.not_allowed else settings.uplink
        self.uplink = way and Uplink(
            way,
            site=settings.site.name,
            gateway=settings.gateway.name,
            boot_id=self.opened.boot_id,
            journal=self.journal,
            health=self.health,
            info=self.info,
            clock=self.clock,
        )
        self.control = ControlServer(
            settings.run_dir / "control.sock",
            Verbs(
                settings=settings,
                journal=self.journal,
                roster=self.roster,
                gates=self.gates,
                wiring=self.wiring,
                simulation=Simulation(settings, self.controllers, self.gates.play),
                clock=self.clock,
                health=self.health,
                desk=self.recognition.desk,
                faces_off=self.recognition.off,
                examination=Examination(
                    self.controllers,
                    {name: self._kind(name) for name in self.controllers},
                    lines,
                    Viewing(self.journal, self.clock).viewed,
                    self.recognition.cameras,
                ),
            ).table(),
            settings.control.members,
            {*settings.doors, *settings.access_points, *self.controllers, *GuardReason, *ViewReason, *WHAT, "face", *STATES},
        )
        self.supervisor = Supervisor(
            self._units(), known=(OSError, EdgeError, DriverError), notify=Notify(environ), mono=time.monotonic, sleep=self.clock.sleep
        )
        self._stopping = False
        self.ready = asyncio.Event()
        """Set when the first door is where it belongs, or every controller is known to be away."""

    async def run(self) -> Ended:
        """Run until `stop`, or until an essential unit is given up. The journal stays open: `close` follows."""
        log.info("%s %s, version %s, %d doors", self.settings.site.name, self.settings.gateway.name, __version__, len(self.settings.doors))
        return await self.supervisor.run()

    def stop(self) -> None:
        """Ask for an orderly end; `run` then returns within 2 s."""
        if not self._stopping:
            self._stopping = True
            now = self.clock.now()
            self.journal.append(GatewayStopping(at=now.at, clock=now.trust))
        self.supervisor.stop()

    def close(self) -> int:
        """Write out what waits and mark the stop as clean; blocks for 3 s at most. Gives the number of events that could not be written."""
        return self.journal.close()

    # --- what is told of it ----------------------------------------------------------------------------------------------------------

    def health(self) -> HealthBody:
        """How the gateway is, from memory alone."""
        now = self.clock.now()
        roster = self.roster.view()
        lost = (f"device.{name}" for name in (*self.gates.lost(), *self.recognition.lost()))
        down = (f"unit.{unit.name}" for unit in self.supervisor.views() if unit.state == "waiting")
        wire = ("fire_line",) if any(alarm.what == "gateway.degraded" for alarm in self.gates.alarms()) else ()
        return HealthBody(
            doors=tuple(DoorHealth.of(door) for door in self.gates.view()),
            alarms=tuple(AlarmHealth.of(alarm) for alarm in (*self.gates.alarms(), *self.condition.alarms())),
            fire_ends_at=self.gates.fire_ends_at(),
            roster=RosterHealth(version=roster.version, age_s=roster.age_s(now.at), tenants=roster.tenants) if roster.version else None,
            recognition=self.recognition.health(),
            clock=ClockHealth(trust=now.trust, last_trusted=now.last_trusted),
            degraded=tuple(dict.fromkeys((*self.condition.words(), *wire, *lost, *down, *(self.uplink.words() if self.uplink else ())))),
        )

    def info(self) -> InfoBody:
        """What the gateway is."""
        points = self.settings.access_points
        return InfoBody(
            version=__version__,
            label=self.settings.site.label,
            drivers={name: plan.kind for name, plan in self.wiring.controllers.items()},
            access_points={name: f"{point.door}/{point.direction}" for name, point in points.items()},
            config_version=self.settings.version,
        )

    # --- wiring ----------------------------------------------------------------------------------------------------------------------

    def _units(self) -> tuple[Unit, ...]:
        """Doors first; at the end gates, then their controllers, and the uplink last, so that it can tell of the rest."""
        return (
            *self.gates.units(),
            Unit("ready", self._get_ready),
            *(() if self._facts_known else (Unit("memory", self._recall),)),
            Unit("cards", self.cards.run),
            *self.recognition.units(),
            Unit("condition", self.condition.run, essential=True, progress=self.condition.pulse.last),
            Unit("journal", self.journal.keep_writing, essential=True),
            Unit("roster", RosterWatch(self.roster, self.settings.roster, self.clock).run),
            Unit("control", self.control.run),
            *((Unit("timekeeper", partial(self.timekeeper.run, self.clock)),) if self.timekeeper else ()),
            *((Unit("uplink", self._run_uplink, stop_order=2),) if self.uplink else ()),
        )

    async def _get_ready(self) -> None:
        if self.controllers:
            await self.gates.first_ready()
        self.ready.set()
        self.supervisor.ready(self._status())

    async def _recall(self) -> None:
        """Hand what the disk did not give at the start to those whose it is, as soon as it does."""
        while not self.journal.facts_known:
            await self.clock.sleep(RECALL_EVERY_S)
        self.gates.recall()
        self.condition.recall()

    async def _run_uplink(self) -> None:
        """The uplink, once the doors are where they belong."""
        try:
            async with asyncio.timeout(DOORS_FIRST_S):
                await self.ready.wait()
        except TimeoutError:
            log.warning("no door is ready yet, connecting all the same")
        if self.uplink:
            await self.uplink.run()

    def _tell_start(self) -> None:
        now = self.clock.now()
        told = self.opened
        self.journal.append(
            GatewayStarted(
                at=now.at,
                clock=now.trust,
                cause=told.cause,
                clean=told.clean,
                boot_id=told.boot_id,
                version=__version__,
                blind_from=told.blind_from,
                blind_to=told.blind_to,
            )
        )
        if self.journal.recall(_CONFIG) != self.settings.version:
            self.journal.append(ConfigApplied(at=now.at, clock=now.trust, config_version=self.settings.version))
            self.journal.remember(_CONFIG, self.settings.version)

    def _kind(self, controller: str) -> str:
        return self.wiring.controllers[controller].kind

    def _status(self) -> str:
        words = self.condition.words()
        return f"{len(self.settings.doors)} doors" + (f"; degraded: {', '.join(words)}" if words else "")

    def _changed(self) -> None:
        """Something about the gateway itself changed: systemd's line and the centre's health follow."""
        self.supervisor.say(self._status())
        if self.uplink:
            self.uplink.touch()

    def _roster_told(self, outcome: Applied | Refused) -> None:
        self.journal.append(outcome.event(self.clock.now()))
        if isinstance(outcome, Applied):
            self.cards.roster_changed()
            self.recognition.desk.roster_changed()
        self._changed()


def _master(state_dir: Path, environ: Mapping[str, str]) -> bytes | None:
    """The master key; None where it cannot be had, which is no reason to keep anybody outside."""
    try:
        return master_key(state_dir / "custody", environ)
    except (KeyUnusable, OSError) as why:
        log.warning("the roster is kept in the clear: %s", why)
        return None


def new_id() -> str:
    """A random name for an alarm or a passage: 64 bits, which a gate of 1,500 events a day repeats in no lifetime."""
    return secrets.token_hex(8)
