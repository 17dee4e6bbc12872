"""All gates of the site: runs the controllers, routes readings to gates and orders back, and tells what concerns more than one door."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import Callable, Coroutine, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import replace
from datetime import datetime
from functools import partial
from typing import Literal

from drivers.contract import DoorController
from drivers.orders import HoldReleased, Order, Outcome, Secure
from drivers.readings import Back, Contact, Logged, Lost, ReaderBack, ReaderLost, Reading
from edge.access.events import Command, DeviceBack, DeviceLost
from edge.access.reasons import GuardReason
from edge.access.request import FaceShown
from edge.access.rules import Mode
from edge.access.terms import Book
from edge.clock import Clock
from edge.gate.alarms import Alarms
from edge.gate.core import GateCore
from edge.gate.fire import FireLine
from edge.gate.gate import Gate
from edge.gate.inputs import (
    ContactSaid,
    CoverSaid,
    Edge,
    ExitPressed,
    FireSaid,
    Input,
    LineSaid,
    LockSaid,
    PassSeen,
    PinTyped,
    Presented,
    Recalled,
    SetMode,
    SupplySaid,
    Unlock,
)
from edge.gate.recorder import Memory, Recorder
from edge.gate.records import DeviceRecords, recorded
from edge.gate.simulated import ReadOnly, Rehearsals
from edge.gate.view import AlarmView, Answer, DoorView, Result
from edge.gate.visits import Visits
from edge.gate.waits import WaitsView, slow
from edge.gate.wiring import Wiring
from edge.supervisor import Unit

FIRST_BACK_S = 5.0  # a device that has not spoken by then is told as lost
LOOK_S = 1.0  # how often it is asked whether a fire is over: a second later is soon enough for locks to be secured
ANSWER_S = 5.0  # an unlock lives 3 s and its order another; who asks is answered before they give up
ORDERS = {Result.UNKNOWN_PLACE: 0, Result.UNCHANGED: 1, Result.ACCEPTED: 2, Result.BUSY: 3}  # no door may be left out unnoticed


class SiteGates:
    """Made once by the composition root, after the journal is open: modes, open alarms and the fire state are read in the constructor.

    Everything happens in one event loop: controllers emit in it, and commands are given in it.
    """

    def __init__(
        self,
        *,
        wiring: Wiring,
        controllers: Mapping[str, DoorController],
        book: Callable[[], Book],
        recorder: Recorder,
        memory: Memory,
        clock: Clock,
        new_id: Callable[[], str],
        pin_hash: Callable[[str], bytes],
    ) -> None:
        """`controllers` has one for each of `wiring.controllers`; `book` is the roster in force, asked anew for every decision."""
        self._wiring = wiring
        self._controllers = controllers
        self._recorder = recorder
        self._clock = clock
        self._alarms = Alarms(None, memory, new_id)
        self._fire = FireLine(self._alarms, recorder, clock, quiet_s=wiring.fire_quiet_s)
        self._command: Command | None = None
        self._up: set[str] = set()
        self._lost: set[str] = set()
        self._silent: set[tuple[str, int]] = set()
        self._records = DeviceRecords(
            doors=lambda name: wiring.controllers[name].doors,
            tz=wiring.tz,
            fire_line=wiring.fire_line,
            recorder=recorder,
            memory=memory,
            clock=clock,
            new_id=new_id,
        )
        self._listeners: tuple[Callable[[str, Reading], None], ...] = ()
        self._ready = asyncio.Event()
        self._tokens = itertools.count(1)
        self._asked: dict[int, asyncio.Future[Answer]] = {}
        self._fire.drill(active=False)  # nobody plays on over a restart
        if wiring.fire_line is None:
            self._fire.burns(active=False)  # a fire line that was taken out of the settings cannot end its alarm itself
        self._visits = visits = Visits(memory, book)
        core = partial(GateCore, book=book, rules=lambda: wiring.rules, new_id=new_id, pin_hash=pin_hash)
        burns, known = "fire" in self._alarms, wiring.fire_line is None
        self._gates = {
            name: Gate(
                core(plan, memory=memory, visits=visits, fire=burns, fire_known=known),
                lock=plan.lock,
                recorder=recorder,
                send=self._send,
                clock=clock,
                answer=self._answered,
            )
            for name, plan in wiring.doors.items()
        }
        self._rehearsals = Rehearsals(
            doors=wiring.doors,
            core=lambda plan, kept, fire: core(plan, memory=kept, visits=Visits(kept, book), fire=fire),
            view=lambda door: self._gates[door].view(),
            recorder=recorder,
            memory=memory,
            clock=clock,
        )
        self._played_fire = FireLine(Alarms(None, ReadOnly(), new_id), recorder, clock)

    def units(self) -> tuple[Unit, ...]:
        """Every gate (essential), then every controller (a device may be away for ever); controllers stop after the gates."""
        gates = (Unit(f"gate.{name}", gate.run, essential=True, progress=gate.progress) for name, gate in self._gates.items())
        devices = (Unit(f"controller.{name}", partial(self._run, name), stop_order=1) for name in self._controllers)
        fire = (Unit("fire", self._until_fires_end),) if self._wiring.fire_line else ()
        return (*gates, *devices, *fire, Unit("rehearsals", self._rehearsals.run))

    def view(self) -> tuple[DoorView, ...]:
        """One snapshot a door, in the order of site.yaml."""
        return tuple(gate.view() for gate in self._gates.values())

    def waits(self) -> Mapping[str, WaitsView]:
        """What releases waited for their records, by door."""
        return {name: gate.waits() for name, gate in self._gates.items()}

    def slow_disk(self) -> bool:
        """Whether releases run ahead of their records, again and again."""
        return slow((gate.commits for gate in self._gates.values()), self._clock.now().mono)

    def alarms(self) -> tuple[AlarmView, ...]:
        """Every alarm open at the site or at a door."""
        return (*self._alarms.view(), *itertools.chain.from_iterable(door.alarms for door in self.view()))

    def fire_ends_at(self) -> datetime | None:
        """When doors are secured again if the fire line stays quiet; None where nothing burns, or it is not quiet."""
        return self._fire.ends_at

    def lost(self) -> tuple[str, ...]:
        """The devices that do not answer now."""
        return tuple(sorted(self._lost))

    async def first_ready(self) -> None:
        """Wait until the first lock has been driven to where it belongs, or every controller has answered or is known to be away."""
        await self._ready.wait()

    def recall(self) -> None:
        """What was remembered of before the start can be read only now: every owner takes it up, and tells what follows."""
        self._visits.recall()
        fire = self._fire.recall()
        for gate in self._gates.values():
            gate.post(Recalled(fire))

    def overhear(self, listener: Callable[[str, Reading], None]) -> Callable[[], None]:
        """Hear every reading of every controller as it comes, never blocking; call what is returned to hear no more."""
        self._listeners = (*self._listeners, listener)
        return lambda: self._forget(listener)

    @contextmanager
    def commanded(self, command: Command) -> Iterator[None]:
        """What is read and played in this block, without waiting, follows from this command."""
        self._command = command
        try:
            yield
        finally:
            self._command = None

    async def unlock(self, access_point: str, reason: GuardReason, command: Command | None = None) -> Answer:
        """A guard opens for one passage; lock-down does not stop a guard at the desk."""
        if (point := self._wiring.rules.access_points.get(access_point)) is None:
            return Answer(Result.UNKNOWN_PLACE)
        return await self._ask(point.door, lambda token: Unlock(access_point, reason, token), command)

    async def lock_down(self, door: str | None = None, command: Command | None = None) -> Answer:
        """No entry by anybody at this door, or at all doors; exits go on."""
        return await self._set(Mode.LOCK_DOWN, door, command)

    async def lock_open(self, door: str | None = None, command: Command | None = None) -> Answer:
        """Keep this door, or all doors, released."""
        return await self._set(Mode.LOCKED_OPEN, door, command)

    async def release(self, door: str | None = None, command: Command | None = None) -> Answer:
        """End lock-down and locked open."""
        return await self._set(Mode.NORMAL, door, command)

    def present(self, access_point: str, face: FaceShown) -> None:
        """A face asks to pass, as a card would. Never blocks; an access point that is not here is the camera's misfortune."""
        if point := self._wiring.rules.access_points.get(access_point):
            self._gates[point.door].post(Presented(access_point, face))

    def play_face(self, access_point: str, face: FaceShown, *, live: bool = False) -> None:
        """The same, played and marked as such. Raises KeyError."""
        self._play(self._wiring.rules.access_points[access_point].door, Presented(access_point, face), live=live)

    def reading(self, controller: str, reading: Reading) -> None:
        """Take one reading of a controller: the `emit` of every controller, and of `simulate`."""
        for listener in self._listeners:
            listener(controller, reading)
        match reading:
            case Lost():
                self._line(controller, up=False)
            case Back():
                self._line(controller, up=True)
            case ReaderLost(reader):
                self._reader(controller, reader, up=False)
            case ReaderBack(reader):
                self._reader(controller, reader, up=True)
            case Logged():
                self._records.record(controller, reading)
                for door, record in recorded(self._wiring, controller, reading):
                    self._gates[door].record(record)
            case _:
                simulated = self._wiring.simulated(controller)
                if (fire := self._wiring.fire_state(controller, reading)) is not None:
                    self._fire_line(fire, simulated=simulated)
                for door, item in self._wiring.meaning(controller, reading):
                    self._post(door, item, simulated=simulated)

    def play(self, controller: str, reading: Reading, *, live: bool = False) -> None:
        """Act as if a controller had said this. Everything that follows is marked as simulated; real locks move only where `live`.

        Live is only what asks a lock to open. How something stands (contact, cover, supply, no fire) and who went through are the wire's
        to say: of those the real door hears nothing. A fire that is played live is a drill, until this plays that there is none.
        """
        if (fire := self._wiring.fire_state(controller, reading)) is not None:
            if live and fire is Contact.OPEN:
                self._drill(active=True)
            else:
                self._drill(active=False)
                burns = self._played_fire.said(fire, simulated=True, command=self._command)
                for door in self._gates if burns is not None else ():
                    self._play(door, FireSaid(burns is True), live=False)
        for door, item in self._wiring.meaning(controller, reading):
            self._play(door, item, live=live)

    def _drill(self, *, active: bool) -> None:
        """What follows at a door is the drill's, or the wire's again: the door marks which."""
        self._fire.drill(active=active, command=self._command)
        for gate in self._gates.values():
            gate.post(FireSaid(active, drill=True), command=self._command)

    def _play(self, door: str, item: Input, *, live: bool) -> None:
        if isinstance(item, Edge):  # the levels of inputs are the wire's; what is played is one press
            if not item.active:
                return
            item = item.means
        if not live or isinstance(item, ContactSaid | CoverSaid | SupplySaid | PassSeen):
            self._rehearsals.gate(door).post(item, simulated=True, command=self._command)
            return
        item = replace(item, played=True) if isinstance(item, Presented | PinTyped | ExitPressed) else item
        self._gates[door].post(item, simulated=True, command=self._command)

    def _forget(self, listener: Callable[[str, Reading], None]) -> None:
        self._listeners = tuple(other for other in self._listeners if other is not listener)

    async def _run(self, name: str) -> None:
        """Run one controller. If it fails by a bug, its line is as lost as by a pulled cable, until the supervisor has started it again."""
        missed = asyncio.ensure_future(self._missed(name))
        failed = True
        try:
            await self._controllers[name].run(partial(self.reading, name))
        except asyncio.CancelledError:
            failed = False
            raise
        finally:
            missed.cancel()
            if failed:
                self._line(name, up=False)

    async def _missed(self, name: str) -> None:
        await self._clock.sleep(FIRST_BACK_S)
        if name not in self._up:
            self._line(name, up=False)

    def _line(self, name: str, *, up: bool) -> None:
        doors = self._wiring.controllers[name].doors
        if name == self._wiring.fire_line:
            self._fire.silent()
        self._up.add(name) if up else self._up.discard(name)
        self._device(name, doors, up=up)
        for controller, reader in sorted(self._silent):
            if up and controller == name:  # a line that is up tells anew which of its readers are not
                self._silent.discard((controller, reader))
                self._device(f"{controller}_reader{reader}", self._wiring.behind(controller, reader), up=True)
        for door in doors:
            self._gates[door].post(LineSaid(name, up))
        if self._lost | self._up >= self._controllers.keys():
            self._ready.set()

    def _reader(self, controller: str, reader: int, *, up: bool) -> None:
        """One reader of a line that goes on: what hangs on it is told, and its own lock is driven where it belongs when it is back."""
        self._device(f"{controller}_reader{reader}", self._wiring.behind(controller, reader), up=up)
        (self._silent.discard if up else self._silent.add)((controller, reader))
        if (door := self._wiring.locks.get((controller, reader))) is not None:
            self._gates[door].post(LockSaid(up))

    def _device(self, device: str, doors: tuple[str, ...], *, up: bool) -> None:
        """Tell once that it is lost, and once that it is back."""
        if up == (device not in self._lost):
            return
        now = self._clock.now()
        if up:
            self._lost.discard(device)
            self._recorder.append(DeviceBack(at=now.at, clock=now.trust, device=device, doors=doors))
        else:
            self._lost.add(device)
            self._recorder.append(DeviceLost(at=now.at, clock=now.trust, device=device, doors=doors))

    def _fire_line(self, state: Contact, *, simulated: bool) -> None:
        """The fire input spoke."""
        burns = self._fire.said(state, simulated=simulated, command=self._command)
        for door in self._gates if burns is not None else ():
            self._post(door, FireSaid(burns is True), simulated=simulated)

    async def _until_fires_end(self) -> None:
        """Secure the doors again when a fire is over: nobody tells of quiet."""
        while True:
            await self._clock.sleep(LOOK_S)
            if self._fire.over():
                for door in self._gates:
                    self._post(door, FireSaid(False), simulated=self._wiring.simulated(str(self._wiring.fire_line)))

    def _post(self, door: str, item: Input, *, simulated: bool) -> None:
        """What is played moves no real lock; how things stand behind a simulated board is true of the real door all the same."""
        state = isinstance(item, ContactSaid | CoverSaid | SupplySaid)
        if not simulated or state or self._wiring.simulated(self._wiring.doors[door].lock[0]):
            self._gates[door].post(item, simulated=simulated, command=self._command)
        else:
            self._rehearsals.gate(door).post(item, command=self._command)

    async def _send(self, controller: str, order: Order) -> Outcome:
        outcome = await self._controllers[controller].send(order)
        if isinstance(order, Secure | HoldReleased):
            self._ready.set()
        return outcome

    async def _set(self, mode: Literal[Mode.NORMAL, Mode.LOCK_DOWN, Mode.LOCKED_OPEN], door: str | None, command: Command | None) -> Answer:
        """Set the mode of one door or of all; of several answers the one that says most."""
        doors = [door] if door is not None else list(self._gates)
        asked: list[Coroutine[None, None, Answer]] = [self._ask(name, partial(SetMode, mode), command) for name in doors]
        answers = await asyncio.gather(*asked)
        most = max(answers, key=lambda answer: ORDERS[answer.result], default=Answer(Result.UNKNOWN_PLACE))
        return replace(most, recorded=all(answer.recorded for answer in answers), waits=any(answer.waits for answer in answers))

    async def _ask(self, door: str, asked: Callable[[int], Input], command: Command | None) -> Answer:
        gate = self._gates.get(door)
        if gate is None:
            return Answer(Result.UNKNOWN_PLACE)
        token = next(self._tokens)
        answer: asyncio.Future[Answer] = asyncio.get_running_loop().create_future()
        self._asked[token] = answer
        try:
            gate.post(asked(token), command=command)
            async with asyncio.timeout(ANSWER_S):
                return await answer
        except TimeoutError:
            return Answer(Result.BUSY)
        finally:
            del self._asked[token]

    def _answered(self, token: int, answer: Answer) -> None:
        waiting = self._asked.get(token)
        if waiting is not None and not waiting.done():
            waiting.set_result(answer)
