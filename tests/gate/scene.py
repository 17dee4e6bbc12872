"""One gate on the real loop, over a lock that behaves as the test tells it to."""

from __future__ import annotations

import asyncio
import itertools
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager

from drivers.orders import Indicate, Order, Outcome, Secure
from drivers.readings import Contact
from edge.access.request import CardShown
from edge.access.terms import Card
from edge.clock import Clock, PlainClock
from edge.gate.core import GateCore
from edge.gate.gate import Gate
from edge.gate.inputs import ContactSaid, LineSaid, Presented
from edge.gate.view import Answer
from edge.gate.visits import Visits
from edge.gate.wiring import wire
from tests.gate.house import SHANGHAI, Notebook, Notes, book, settings

Behaviour = Callable[[Order], Awaitable[Outcome]]


class Lock:
    """A controller as a function: keeps every order that reached it, and behaves as told."""

    def __init__(self) -> None:
        self.orders: list[Order] = []
        self.arrived = asyncio.Event()
        self.behave: Behaviour = self.obey

    async def obey(self, order: Order) -> Outcome:
        """Do it."""
        return Outcome.CONFIRMED

    async def hang(self, order: Order) -> Outcome:
        """Never answer."""
        await asyncio.Event().wait()
        raise AssertionError

    async def __call__(self, controller: str, order: Order) -> Outcome:
        """The gate's `send`."""
        assert controller == "sim"
        self.orders.append(order)
        self.arrived.set()
        return await self.behave(order)

    def kinds(self, *, told: bool = False) -> list[type[Order]]:
        """What came, Indicate left out."""
        return [type(order) for order in self.orders if told or not isinstance(order, Indicate)]

    async def until(self, kind: type[Order], count: int = 1) -> None:
        """Wait for the `count`-th order of a kind."""
        async with asyncio.timeout(20):
            while self.kinds(told=True).count(kind) < count:
                self.arrived.clear()
                await self.arrived.wait()


class Scene:
    """A gate with its notebook, lock and answers."""

    def __init__(self, *, commits: bool = True, clock: Clock | None = None, contact: bool = True) -> None:
        wiring = wire(settings() if contact else settings({"contact": None}), SHANGHAI)
        ids = (f"id{n}" for n in itertools.count(1))
        notes = Notes()
        core = GateCore(
            wiring.doors["north"],
            book=book,
            rules=lambda: wiring.rules,
            memory=notes,
            visits=Visits(notes, book),
            new_id=lambda: next(ids),
            pin_hash=lambda digits: digits.encode(),
        )
        self.notebook = Notebook(commits=commits)
        self.lock = Lock()
        self.answers: dict[int, Answer] = {}
        self.gate = Gate(
            core,
            lock=("sim", 1),
            recorder=self.notebook,
            send=self.lock,
            clock=clock or PlainClock(),
            answer=self.answers.__setitem__,
            send_wait_s=0.2,
        )

    @asynccontextmanager
    async def running(self) -> AsyncIterator[Scene]:
        """Run the gate, every line up, the leaf closed."""
        task = asyncio.create_task(self.gate.run())
        self.gate.post(LineSaid("sim", True))
        self.gate.post(ContactSaid(Contact.CLOSED))
        await self.lock.until(Secure)
        try:
            yield self
        finally:
            task.cancel()
            await asyncio.gather(task, return_exceptions=True)

    def card(self, number: int, point: str = "north_in") -> None:
        """A card is shown."""
        self.gate.post(Presented(point, CardShown(Card(26, number))))
