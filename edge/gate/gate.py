"""One gate, alive: one inbox, one task that judges, one that drives the lock.

The inbox is never held up: the judging task hands orders to the driving task, which waits for the commit (at most COMMIT_WAIT_S) and for
the controller (at most SEND_WAIT_S), and puts what came of them back into the inbox. So a disk that never commits costs 25 ms a grant and
a controller that never answers costs a second an order, while contacts, buttons and modes are followed as ever.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import replace
from typing import Literal

from drivers.errors import DriverError, LineLost, NoAnswer, Refused
from drivers.orders import HoldReleased, Indicate, Order, Outcome, Release, Secure
from edge.access.events import Command
from edge.clock import Clock, Moment
from edge.gate.core import GateCore
from edge.gate.effects import Effects
from edge.gate.inputs import ContactSaid, Drive, Driven, Failure, Input, PinTyped, Presented, Recorded, SetMode, Unlock
from edge.gate.played import Played
from edge.gate.recorder import Receipt, Recorder
from edge.gate.view import Answer, DoorView, Result
from edge.gate.waits import CommitWaits, WaitsView

Send = Callable[[str, Order], Awaitable[Outcome]]

COMMIT_WAIT_S = 0.025  # what a person at the door does not notice; the record is retried from memory, the person would leave
PATIENT_WAIT_S = 1.0  # a visitor whose entries are counted, and a guard who sets a mode, can wait for the disk
SEND_WAIT_S = 1.0  # every driver gives up on a silent device sooner than this
STOP_WAIT_S = 0.5  # the whole daemon has 5 s to stop
INBOX = 512  # a quarter of a second of work; more can only come from a device gone mad
ORDERS = 64  # twice what may wait at one door
TELLS = 4  # answers on their way to readers; a reader that takes none of them is not told the next
IDLE_S = 5.0  # how often an idle gate shows that it is alive


class Gate:
    """One door with its access points. `run` may be called again after it failed: what the door was is kept."""

    def __init__(
        self,
        core: GateCore,
        *,
        lock: tuple[str, int],
        recorder: Recorder,
        send: Send,
        clock: Clock,
        answer: Callable[[int, Answer], None] = lambda _token, _answer: None,
        send_wait_s: float = SEND_WAIT_S,
    ) -> None:
        """`lock` is the controller of the lock and its number there; `answer` takes the answers to guards' commands by their token."""
        self._core = core
        self._lock = lock
        self._recorder = recorder
        self._send = send
        self._clock = clock
        self._answer = answer
        self._send_wait_s = send_wait_s
        self._inbox: deque[tuple[Input, Moment, bool, Command | None]] = deque()
        self._arrived = asyncio.Event()
        self._orders: deque[tuple[Drive, Receipt | None]] = deque()
        self._ordered = asyncio.Event()
        self._telling: set[asyncio.Task[None]] = set()
        self._patient: set[asyncio.Task[None]] = set()
        self._dropped = 0
        self.commits = CommitWaits()
        self._played = Played()
        self._progress = clock.now().mono
        self._take(core.start(clock.now()))

    def post(self, item: Input, *, simulated: bool = False, command: Command | None = None) -> None:
        """Put something into the inbox, stamped with the time of its arrival. Never blocks; call it in the loop that runs the gate.

        `simulated` and `command` go into the events that follow.
        """
        if len(self._inbox) >= INBOX:
            self._dropped += 1
            if isinstance(item, Presented | PinTyped):
                return  # whoever it was will try again; a contact or a mode is not told twice
            lost, *_ = self._inbox.popleft()
            if isinstance(lost, SetMode | Unlock):
                self._answer(lost.token, Answer(Result.BUSY))
        self._inbox.append((item, self._clock.now(), simulated, command))
        self._arrived.set()

    def record(self, item: Recorded) -> None:
        """Take what a controller will not tell again: it is handed to the journal, behind all that came before it, before this returns."""
        self.catch_up()
        self.post(item)
        self.catch_up()

    async def run(self) -> None:
        """Judge and drive until cancelled; then leave the lock secured, unless the door is to stand released."""
        try:
            async with asyncio.TaskGroup() as tasks:
                tasks.create_task(self._judge())
                tasks.create_task(self._drive())
        except asyncio.CancelledError:
            if self._core.secures:
                await self._leave_secured()
            raise

    def view(self) -> DoorView:
        """The door now."""
        return self._core.view(self._dropped)

    def waits(self) -> WaitsView:
        """What releases waited for their records."""
        return self.commits.view()

    def progress(self) -> float:
        """When the gate last got somewhere (monotonic); an idle gate shows it every IDLE_S."""
        return self._progress

    async def _judge(self) -> None:
        while True:
            self.catch_up()
            now = self._clock.now()
            self._progress = now.mono
            deadline = self._core.deadline()
            if deadline is not None and deadline <= now.mono:
                self._take(self._core.due(now))
                continue
            self._arrived.clear()
            await self._wait(IDLE_S if deadline is None else min(IDLE_S, deadline - now.mono))

    def catch_up(self) -> None:
        """Judge everything that has arrived, now."""
        while self._inbox:
            item, at, simulated, command = self._inbox.popleft()
            if isinstance(item, ContactSaid):
                self._played.leaf(simulated=simulated)
            self._take(self._core.handle(item, at), simulated=simulated, command=command)

    async def _wait(self, seconds: float) -> None:
        """Until something arrives, or the time is over."""
        timer = asyncio.ensure_future(self._clock.sleep(seconds))
        timer.add_done_callback(lambda done: None if done.cancelled() else self._arrived.set())
        try:
            await self._arrived.wait()
        finally:
            timer.cancel()

    def _take(self, fx: Effects, *, simulated: bool = False, command: Command | None = None) -> None:
        """Write down, then order; answers to people wait for neither, but for that to a guard who sets a mode."""
        events = self._played.mark(fx.events, simulated=simulated, command=command or fx.command)
        patient = fx.mode_asked or any(drive.counted for drive in fx.drives)
        receipt = self._recorder.append(*events, facts=fx.facts) if events or patient else None
        for controller, indicate in fx.tells:
            self._tell(controller, indicate)
        for drive in fx.drives:
            if drive.counted and receipt is not None:
                self._wait_for(self._order_recorded(drive, receipt))
            else:
                self._order(drive, receipt)
        for token, answer in fx.answers:
            if fx.mode_asked and receipt is not None:
                self._wait_for(self._answer_recorded(token, answer, receipt))
            else:
                self._answer(token, answer)

    def _wait_for(self, what: Coroutine[None, None, None]) -> None:
        """Let somebody wait for the disk beside everybody else. Bounded: a guard asks once, and a door has so many visitors as may pass."""
        task = asyncio.ensure_future(what)
        self._patient.add(task)
        task.add_done_callback(self._patient.discard)

    async def _order_recorded(self, drive: Drive, receipt: Receipt) -> None:
        await self._committed(receipt, PATIENT_WAIT_S)
        if self._core.locked_down:
            self.post(Driven(drive, "failed", "stale"))
        else:
            self._order(drive, None)

    async def _answer_recorded(self, token: int, answer: Answer, receipt: Receipt) -> None:
        self._answer(token, replace(answer, recorded=await receipt.wait(PATIENT_WAIT_S)))

    def _order(self, drive: Drive, receipt: Receipt | None) -> None:
        """Queue an order. Of several for the same end only the last counts, and holding goes before everything."""
        if drive.what == "release":
            same = [queued for queued in self._orders if queued[0].passage_id == drive.passage_id]
            for queued in same:
                self._orders.remove(queued)
            if len(self._orders) >= ORDERS:
                self.post(Driven(drive, "failed", "stale"))
                return
            self._orders.append((drive, receipt))
        else:
            self._orders = deque(queued for queued in self._orders if queued[0].what == "release")
            if drive.what == "hold":
                self._orders.appendleft((drive, None))
            else:
                self._orders.append((drive, None))
        self._ordered.set()

    async def _drive(self) -> None:
        while True:
            while self._orders:
                drive, receipt = self._orders.popleft()
                done = Driven(drive, "failed", "stale")
                try:
                    done = await self._carry_out(drive, receipt)
                finally:
                    self.post(done)  # also when cancelled: a grant must not wait for ever for what came of it
            self._ordered.clear()
            await self._ordered.wait()

    async def _carry_out(self, drive: Drive, receipt: Receipt | None) -> Driven:
        controller, number = self._lock
        order: Order
        if drive.what == "release":
            if receipt is not None:
                await self._committed(receipt, COMMIT_WAIT_S)
            if self._core.holding:
                return Driven(drive, "commanded")  # it stands released; a timed release would only end that
            if self._clock.now().mono > drive.not_after:
                return Driven(drive, "failed", "stale")
            order = Release(number, drive.seconds, drive.not_after)
        else:
            order = HoldReleased(number) if drive.what == "hold" else Secure(number)
        try:
            async with asyncio.timeout(self._send_wait_s):
                outcome = await self._send(controller, order)
        except TimeoutError:
            return Driven(drive, "failed", "no_answer")
        except DriverError as error:
            return Driven(drive, "failed", _failure(error))
        result: Literal["commanded", "confirmed"] = "confirmed" if outcome is Outcome.CONFIRMED else "commanded"
        return Driven(drive, result)

    async def _leave_secured(self) -> None:
        controller, number = self._lock
        try:
            async with asyncio.timeout(STOP_WAIT_S):
                await self._send(controller, Secure(number))
        except (DriverError, TimeoutError):
            return  # what could not be reached is driven home at the next start

    async def _committed(self, receipt: Receipt, seconds: float) -> None:
        """Wait for the commit as long as this person may be kept waiting, whatever becomes of it."""
        begun, committed = self._clock.now().mono, False
        try:
            async with asyncio.timeout(2 * seconds):  # a recorder that does not keep its own time-out is a fault, not a closed door
                committed = await receipt.wait(seconds)
        except TimeoutError:
            return
        finally:
            now = self._clock.now().mono
            self.commits.took(now - begun, now, committed=committed)

    def _tell(self, controller: str, indicate: Indicate) -> None:
        """Show the answer at the reader, if it can; nothing depends on it."""
        if len(self._telling) >= TELLS:
            return
        task = asyncio.ensure_future(self._indicate(controller, indicate))
        self._telling.add(task)
        task.add_done_callback(self._telling.discard)

    async def _indicate(self, controller: str, indicate: Indicate) -> None:
        try:
            async with asyncio.timeout(self._send_wait_s):
                await self._send(controller, indicate)
        except (DriverError, TimeoutError):
            return


def _failure(error: DriverError) -> Failure:
    match error:
        case LineLost():
            return "lost"
        case NoAnswer():
            return "no_answer"
        case Refused():
            return "refused"
    return "stale"
