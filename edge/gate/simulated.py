"""What is only played: marked in every event that follows from it, and kept from locks that are real.

A reading of a simulated device, or one that an installer plays, is judged as any other. Where the lock is simulated too, or the installer
wants it to move, the door's own gate judges it, and edge/gate/played.py marks what follows. Anywhere else a rehearsal does: a second gate
for the same door, people and mode, whose lock is nobody's, so that the real door's state, alarms and visits know nothing of it.
"""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Callable, Mapping
from dataclasses import replace

from drivers.orders import Order, Outcome
from drivers.readings import Contact
from edge.access.events import Event
from edge.clock import Clock
from edge.gate.core import GateCore
from edge.gate.gate import Gate
from edge.gate.inputs import ContactSaid, LineSaid
from edge.gate.plan import DoorPlan
from edge.gate.recorder import NO_FACTS, Memory, Receipt, Recorder
from edge.gate.view import DoorView


class Rehearsals:
    """One gate a door for what is only played, made when first asked for, and anew when the real door's mode is another."""

    def __init__(
        self,
        *,
        doors: Mapping[str, DoorPlan],
        core: Callable[[DoorPlan, Memory, bool], GateCore],
        view: Callable[[str], DoorView],
        recorder: Recorder,
        memory: Memory,
        clock: Clock,
    ) -> None:
        """`core` makes the judgement of a door, given its memory and whether it burns; `view` shows the real one."""
        self._doors, self._core, self._view = doors, core, view
        self._recorder, self._memory, self._clock = recorder, memory, clock
        self._made: dict[str, tuple[str, Gate]] = {}
        self._running: dict[str, asyncio.Task[None]] = {}

    def gate(self, door: str) -> Gate:
        """The gate that plays this door, running from the next turn of the loop on."""
        mode = self._view(door).mode
        if door not in self._made or self._made[door][0] != mode:
            self._made[door] = mode, self._make(self._doors[door], fire=mode == "fire")
            self._stop(door)
            self._running[door] = asyncio.get_running_loop().create_task(self._made[door][1].run(), name=f"rehearsal of {door}")
        return self._made[door][1]

    async def run(self) -> None:
        """Until cancelled; then nothing is played any more."""
        try:
            await asyncio.Event().wait()
        finally:
            for door in list(self._running):
                await self._ended(self._stop(door))

    def _make(self, plan: DoorPlan, *, fire: bool) -> Gate:
        recorder = _Marked(self._recorder)
        gate = Gate(self._core(plan, ReadOnly(self._memory), fire), lock=plan.lock, recorder=recorder, send=_nothing, clock=self._clock)
        for line in sorted(plan.lines):
            gate.post(LineSaid(line, up=True))
        if plan.senses.contact:
            gate.post(ContactSaid(Contact.CLOSED))
        gate.catch_up()
        recorder.open = True
        return gate

    def _stop(self, door: str) -> asyncio.Task[None] | None:
        task = self._running.pop(door, None)
        if task is not None:
            task.cancel()
        return task

    async def _ended(self, task: asyncio.Task[None] | None) -> None:
        if task is not None:
            with contextlib.suppress(asyncio.CancelledError):
                await task


class _Marked:
    """A recorder for what is played; closed, while a rehearsal is brought to where the real door is."""

    def __init__(self, recorder: Recorder) -> None:
        self._recorder = recorder
        self.open = False

    def append(self, *events: Event, facts: Mapping[str, str] = NO_FACTS) -> Receipt:
        """Write down as played; what a controller's records left to remember is not for a rehearsal."""
        del facts
        return self._recorder.append(*(replace(event, simulated=True) for event in events)) if self.open else _Done()


class ReadOnly:
    """The real memory, if any: a rehearsal knows the guard's mode and the visits of today, and changes neither."""

    def __init__(self, memory: Memory | None = None) -> None:
        self._memory = memory

    def recall(self, key: str) -> str | None:
        """Read what concerns the mode and visits; alarms are the real door's."""
        return self._memory.recall(key) if self._memory and (key.startswith("mode.") or key == "visits") else None

    def former(self, _key: str) -> str | None:
        """Nothing: a rehearsal begins with what is known when it is made."""
        return None

    def remember(self, key: str, value: str) -> None:
        """Forget it."""


class _Done:
    async def wait(self, timeout_s: float) -> bool:
        del timeout_s
        return True


async def _nothing(_controller: str, _order: Order) -> Outcome:
    """A lock and a reader that are nobody's."""
    return Outcome.COMMANDED
