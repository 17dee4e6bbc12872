"""One door as the gate sees it: the door machine with its lines, mode and alarms. It knows passages, and nobody's name."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from datetime import tzinfo

from drivers.readings import Contact
from edge.access import crossing
from edge.access.crossing import Grant, Leaf, Lock
from edge.access.door import Door
from edge.access.events import (
    DoorAlarm,
    DoorClosed,
    DoorFault,
    DoorForced,
    DoorHeld,
    DoorLockdown,
    DoorLockedOpen,
    DoorPower,
    DoorTamper,
    Event,
)
from edge.access.rules import Mode
from edge.access.terms import Direction, Method
from edge.clock import Moment
from edge.gate.alarms import Alarms
from edge.gate.effects import Effects
from edge.gate.inputs import CoverSaid, Drive, Driven, LineSaid, SupplySaid
from edge.gate.modes import Modes
from edge.gate.passage import Passages
from edge.gate.plan import DoorPlan
from edge.gate.view import ContactState, DoorState, DoorView
from edge.gate.visits import Visits

ORDER_LIVES_S = 3.0  # after that the person has walked away or found another way, and nobody expects the door to open any more
PROLONG_S = 1.0  # a release that is asked for without end is prolonged so often, or at half of its time
RETRY_S = 2.0  # a lock that should be secured and did not answer is asked again; more often would only fill its line
LOCKDOWN = "lockdown"
LOCKED_OPEN = "locked_open."  # and whose it is
COUNTED = ("chatter", "unknown_cards")  # faults that say of whom behind a dot


class Doorstep:
    """Owned by the core of one gate. Every method takes the moment and adds to `fx`."""

    def __init__(self, plan: DoorPlan, modes: Modes, alarms: Alarms, passages: Passages, visits: Visits) -> None:
        self._plan = plan
        self._passages = passages
        self._visits = visits
        self._alarms = alarms
        self.modes = modes
        self.machine = Door(plan.senses, forced="forced" in alarms, held="held" in alarms)
        self.machine.passes_known(False)
        self.machine.holding = modes.mode.held
        self._applied = modes.mode
        self._contact = Contact.UNKNOWN
        self._up = dict.fromkeys(plan.lines, False)
        self._lock_up = False
        self._owed = False  # the lock is to be secured as soon as the fire line has been heard
        self._ordered = False  # a guard, who sees the place, sets the mode
        self._retry_at: float | None = None
        self._again_at = float("-inf")

    def start(self, now: Moment, fx: Effects) -> None:
        """Bring what was remembered in line with what is configured now."""
        if not self._plan.senses.contact:
            self._machine(self.machine.calm(), now, fx)
        self.forget_counted(frozenset(), now, fx)
        self._mode(now, fx)
        self._mode_alarms(now, fx)

    def deadline(self) -> float | None:
        """When `due` must be called next (monotonic)."""
        times = (self.machine.deadline(), self._retry_at, self.modes.look_at())
        return min((t for t in times if t is not None), default=None)

    def due(self, now: Moment, fx: Effects, tz: tzinfo) -> None:
        """Let time pass."""
        self._machine(self.machine.due(now.mono), now, fx)
        if self._retry_at is not None and now.mono >= self._retry_at:
            self._retry_at = None
            self._machine(self.machine.home(), now, fx)
        self.modes.look(now, tz)
        self._mode(now, fx)

    def grant(self, grant: Grant, now: Moment, fx: Effects) -> None:
        """Somebody may pass."""
        self._machine(self.machine.grant(grant, now.mono), now, fx)

    def renew(self, grant: Grant, now: Moment, fx: Effects) -> None:
        """Somebody who may pass already asks again."""
        self._machine(self.machine.renew(grant, now.mono), now, fx)

    def prolong(self, grant: Grant, now: Moment, fx: Effects) -> None:
        """The same where it is only counted: the lock stays released, and nothing is told."""
        effects = self.machine.renew(grant, now.mono)
        if now.mono >= self._again_at:
            self._again_at = now.mono + min(PROLONG_S, grant.seconds / 2)
            before = len(fx.drives)
            self._machine(effects, now, fx)
            fx.drives[before:] = [replace(drive, again=drive.what == "release") for drive in fx.drives[before:]]
        else:
            self._machine((effect for effect in effects if not isinstance(effect, crossing.DriveRelease)), now, fx)

    def let_pass(self, grant: Grant, now: Moment, fx: Effects, *, again: bool = False) -> None:
        """The controller has let somebody pass by itself: a grant, or one asked for again, whose lock needs no order."""
        told = self.machine.renew(grant, now.mono) if again else self.machine.grant(grant, now.mono)
        self._machine((effect for effect in told if not isinstance(effect, crossing.DriveRelease)), now, fx)
        self._machine(self.machine.driven(grant.passage_id, grant.seconds, now.mono, ok=True), now, fx)

    def released_elsewhere(self, seconds: float, now: Moment, fx: Effects) -> None:
        """The controller has released by itself, for nobody that is known: an opening within that time is no force."""
        self._machine(self.machine.driven("", seconds, now.mono, ok=True), now, fx)

    def passed(self, direction: Direction, now: Moment, fx: Effects) -> None:
        """A pass contact saw one person."""
        self._machine(self.machine.passed(direction, now.mono), now, fx)

    def contact(self, state: Contact, now: Moment, fx: Effects) -> None:
        """The door contact said something."""
        self._contact = state
        for fault in (Contact.CUT, Contact.SHORT):
            self._alarm(f"contact_{fault}", DoorFault, now, fx, begins=state is fault, what=f"contact_{fault}")
        leaf = {Contact.OPEN: Leaf.OPEN, Contact.CLOSED: Leaf.CLOSED}.get(state, Leaf.UNKNOWN)
        self._machine(self.machine.moved(leaf, now.mono), now, fx)

    def line(self, said: LineSaid, now: Moment, fx: Effects) -> None:
        """A line behind this door went down or is up; what hangs on it is unknown until it speaks."""
        self._up[said.controller] = said.up
        if said.controller == self._plan.passes_line:
            self.machine.passes_known(said.up)
        if said.controller == self._plan.contact_line:
            self._contact = Contact.UNKNOWN
            self._machine(self.machine.moved(Leaf.UNKNOWN, now.mono), now, fx)
        if said.controller == self._plan.lock[0]:
            self.lock(said.up, now, fx)

    def lock(self, up: bool, now: Moment, fx: Effects) -> None:
        """What drives the lock fell silent, or is up: then the lock is driven to where it belongs."""
        self._lock_up = up
        self.machine.lock_known(up)
        self._retry_at = None
        if up:
            self._machine(self.machine.home(), now, fx)

    def drill(self, active: bool, now: Moment, fx: Effects) -> None:
        """A fire is played, or no longer. What the wire said last stays as it was."""
        self.modes.drill = active
        self._mode(now, fx)

    def fire(self, active: bool, now: Moment, fx: Effects) -> None:
        """The fire input is known. That ends a drill."""
        self.modes.fire, self.modes.fire_known, self.modes.drill = active, True, False
        self._mode(now, fx)
        if self._owed:
            self._machine(self.machine.home(), now, fx)

    def recall(self, fire: bool, counting: frozenset[str], now: Moment, fx: Effects) -> None:
        """What was remembered can be read only now: the mode, and alarms of before the start. Of a fire the line's own word goes first."""
        self.modes.recall()
        if not self.modes.fire_known:
            self.modes.fire = fire
        for key in self._alarms.recall():
            self._over(key, now, fx)
        self.forget_counted(counting, now, fx)
        self._machine(self.machine.recall(forced="forced" in self._alarms, held="held" in self._alarms), now, fx)
        self._mode(now, fx)
        self._mode_alarms(now, fx)

    def fault(self, key: str, now: Moment, fx: Effects, *, begins: bool, count: int | None = None) -> None:
        """An input, or a reader's unknown cards (COUNTED, a dot, and whose), are counted only, or are told again."""
        what, _, source = key.partition(".")
        where = {"input": source} if what == "chatter" else {"access_point": source}
        self._alarm(key, DoorFault, now, fx, begins=begins, what=what, count=count, **where)

    def forget_counted(self, counting: frozenset[str], now: Moment, fx: Effects) -> None:
        """End such faults but these: nobody counts any more what an earlier run did."""
        for key in self._alarms.open():
            if key.partition(".")[0] in COUNTED and key not in counting:
                self.fault(key, now, fx, begins=False)

    def believe_passes(self, believed: bool) -> None:
        """Whether the pass contacts may be believed, as far as their line is up."""
        self.machine.passes_known(believed and self._up.get(self._plan.passes_line or "", False))

    def set_mode(self, mode: Mode, now: Moment, fx: Effects) -> None:
        """A guard set the mode, or one that is in force: it goes before what is read later, and secures what is owed."""
        self.modes.set(mode)
        self._ordered = True
        self._mode(now, fx)
        if self._owed:
            self._machine(self.machine.home(), now, fx)
        self._ordered = False

    def cover(self, said: CoverSaid, now: Moment, fx: Effects) -> None:
        """A tamper switch spoke."""
        self._alarm(f"tamper.{said.source}", DoorTamper, now, fx, begins=said.active)

    def supply(self, said: SupplySaid, now: Moment, fx: Effects) -> None:
        """A controller spoke of its supply."""
        self._alarm(f"power.{said.source}", DoorPower, now, fx, begins=not said.ok)

    def driven(self, done: Driven, now: Moment, fx: Effects) -> None:
        """What came of an order to the lock."""
        ok = done.result != "failed"
        drive = done.drive
        if drive.what == "release" and not drive.again:
            fx.events.append(self._passages.released(drive.passage_id, done.result, now))
        for failure in ("no_answer", "refused"):
            if ok or done.failure == failure:
                self._alarm(f"lock_{failure}", DoorFault, now, fx, begins=not ok, what=f"lock_{failure}")
        if drive.what == "release":
            self._machine(self.machine.driven(drive.passage_id, drive.seconds, now.mono, ok=ok), now, fx)
        elif not ok:
            # A line that was lost says Back, and is driven home then; a lock that was only silent is asked again.
            self._retry_at = now.mono + RETRY_S if self._lock_up and done.failure != "refused" else None
        elif drive.what == "secure":
            self.machine.secured()
        else:
            self.machine.kept_released()

    @property
    def lines_up(self) -> bool:
        """Whether every line behind the door is up."""
        return self._lock_up and all(self._up.values())

    def view(self, dropped: int) -> DoorView:
        """The door now."""
        machine, plan = self.machine, self._plan
        contact: ContactState = self._contact.value if plan.senses.contact else "none"
        unknown = machine.lock is Lock.UNKNOWN or (plan.senses.contact and machine.leaf is Leaf.UNKNOWN)
        state: DoorState
        if machine.forced or machine.held:
            state = "forced" if machine.forced else "held"
        elif unknown:
            state = "unknown"
        elif machine.lock is Lock.HELD_RELEASED:
            state = "locked_open"
        elif machine.leaf is Leaf.OPEN:
            state = "open"
        else:
            state = "released" if machine.lock is Lock.RELEASED else "secured"
        return DoorView(
            door=plan.name,
            label=plan.label,
            kind=plan.kind,
            state=state,
            contact=contact,
            lock=machine.lock.value,
            mode=self.modes.mode.value,
            line="up" if self.lines_up else "unknown",
            alarms=self._alarms.view(),
            dropped=dropped,
            waiting=self.modes.waiting,
        )

    def _mode(self, now: Moment, fx: Effects) -> None:
        """Let a changed mode take effect."""
        mode = self.modes.mode
        if mode is self._applied:
            if mode.held:
                self._mode_alarms(now, fx)  # still released, but perhaps for another reason
            return
        self._applied = mode
        self._mode_alarms(now, fx)
        self._machine(self.machine.hold(mode.held, now.mono, drill=self.modes.drill), now, fx)
        if mode is Mode.LOCK_DOWN:
            self._machine(self.machine.secure_entries(now.mono), now, fx)

    def _mode_alarms(self, now: Moment, fx: Effects) -> None:
        """Exactly the alarm of the mode in force is open."""
        mode = self.modes.mode
        wanted = LOCKDOWN if mode is Mode.LOCK_DOWN else LOCKED_OPEN + self.modes.why if mode.held else None
        for key in self._alarms.open():
            if key.startswith(LOCKED_OPEN) and key != wanted:
                self._locked_open(key, now, fx, begins=False)
            elif key == LOCKDOWN and key != wanted:
                self._alarm(key, DoorLockdown, now, fx, begins=False)
        if wanted == LOCKDOWN:
            self._alarm(wanted, DoorLockdown, now, fx, begins=True, by=Method.GUARD)
        elif wanted is not None:
            self._locked_open(wanted, now, fx, begins=True)

    def _locked_open(self, key: str, now: Moment, fx: Effects, *, begins: bool) -> None:
        """A drill is told as a fire that is simulated."""
        why = key.removeprefix(LOCKED_OPEN)
        drill: dict[str, object] = {"why": "fire", "simulated": True}
        self._alarm(key, DoorLockedOpen, now, fx, begins=begins, **(drill if why == "drill" else {"why": why}))

    def _machine(self, effects: Iterable[crossing.Effect], now: Moment, fx: Effects) -> None:
        """Carry what the door machine says outward."""
        for effect in effects:
            match effect:
                case crossing.DriveRelease(passage_id, seconds):
                    passage = self._passages.find(passage_id)
                    counted = passage is not None and passage.visit
                    fx.drives.append(Drive("release", passage_id, seconds, now.mono + ORDER_LIVES_S, counted=counted))
                case crossing.DriveHold():
                    self._owed = False
                    if self._lock_up:
                        fx.drives.append(Drive("hold"))
                case crossing.DriveSecure():
                    # It may burn behind a fire line that has not spoken since the start: what stands released stays so.
                    self._owed = not (self.modes.fire_known or self._ordered)
                    self._again_at = float("-inf")  # whoever asks for the way out next is not to wait for PROLONG_S
                    if self._lock_up and not self._owed:
                        fx.drives.append(Drive("secure"))
                case crossing.Opened(passage_id):
                    fx.events.append(self._passages.opened(passage_id, now))
                case crossing.Closed():
                    fx.events.append(DoorClosed(at=now.at, clock=now.trust, door=self._plan.name))
                case crossing.Crossed():
                    fx.events.append(self._passages.crossed(effect, now))
                case crossing.NotTaken(grant):
                    fx.events.append(self._passages.not_taken(grant.passage_id, grant.direction, now))
                    passage = self._passages.find(grant.passage_id)
                    if passage is not None and passage.visit and passage.person_ref is not None:
                        self._visits.give_back(passage.person_ref)
                case crossing.Uncredentialed(direction, after):
                    fx.events.append(self._passages.uncredentialed(direction, after, self._point(direction), now))
                case crossing.Forced(begins):
                    self._alarm("forced", DoorForced, now, fx, begins=begins)
                case crossing.Held(begins):
                    self._alarm("held", DoorHeld, now, fx, begins=begins)

    def _point(self, direction: Direction) -> str | None:
        return next((p.name for p in self._plan.points.values() if p.direction is direction), None)

    def _over(self, key: str, now: Moment, fx: Effects) -> None:
        """End an alarm of before the start by its key."""
        kinds: dict[str, type[DoorAlarm]] = {"forced": DoorForced, "held": DoorHeld, LOCKDOWN: DoorLockdown}
        if key.startswith(LOCKED_OPEN):
            self._locked_open(key, now, fx, begins=False)
        elif key.partition(".")[0] in COUNTED:
            self.fault(key, now, fx, begins=False)
        elif kind := kinds.get(key) or {"tamper": DoorTamper, "power": DoorPower}.get(key.partition(".")[0]):
            self._alarm(key, kind, now, fx, begins=False)
        else:
            self._alarm(key, DoorFault, now, fx, begins=False, what=key)

    def _alarm(self, key: str, kind: type[DoorAlarm], now: Moment, fx: Effects, *, begins: bool, **more: object) -> None:
        """Begin or end an alarm, and tell it if that is news."""
        alarm_id = self._alarms.begin(key, f"{kind.CLASS}.{kind.NAME}", now.at) if begins else self._alarms.end(key)
        if alarm_id is None:
            return
        event: Event = kind(
            at=now.at,
            clock=now.trust,
            door=self._plan.name,
            alarm_id=alarm_id,
            phase="begin" if begins else "end",
            **more,  # type: ignore[arg-type]  # the fields that an alarm has of its own
        )
        fx.events.append(event)
