"""Delivery in a whole world of simulated time: a broker that loses and delays, centres that die, are restored and come back."""

from __future__ import annotations

import heapq
import itertools
import random
from dataclasses import dataclass, field

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from edge.journal import Ack as Verdict
from edge.uplink.coverage import Coverage
from edge.uplink.delivery import Delivery, Lane, Send
from tests.uplink.test_delivery import LIMITS


@dataclass
class World:
    """A gateway, a broker that loses and delays, and centres that die, are restored and come back."""

    seed: int
    consumers: tuple[str, ...]
    loss: float
    now: float = 0.0
    head: int = 0
    online: bool = False
    acked: dict[str, int] = field(default_factory=dict)
    centres: dict[str, Coverage] = field(default_factory=dict)
    alive: dict[str, bool] = field(default_factory=dict)
    due: list[tuple[float, int, tuple[object, ...]]] = field(default_factory=list)
    tie: itertools.count[int] = field(default_factory=itertools.count)
    connection: int = 0
    flying: int = 0

    def __post_init__(self) -> None:
        self.rng = random.Random(self.seed)
        self.delivery = Delivery(LIMITS, self.consumers)
        self.acked = dict.fromkeys(self.consumers, 0)
        self.centres = {name: Coverage() for name in self.consumers}
        self.alive = dict.fromkeys(self.consumers, True)

    def at(self, delay: float, *what: object) -> None:
        """Something will happen after a delay."""
        heapq.heappush(self.due, (self.now + delay, next(self.tie), what))

    def connect(self) -> None:
        """A new connection; every centre answers its health, and speaks every 60 s."""
        self.online, self.flying = True, 0
        self.connection += 1
        self.delivery.connected(self.now, self.head, self.acked)
        self.at(0.1, "health", self.connection)

    def cut(self) -> None:
        """The connection ends."""
        self.online = False
        self.delivery.disconnected(self.now)

    def step(self, until: float, *, faithful: bool) -> None:
        """Let time pass; `faithful`: nothing is lost."""
        while self.now < until:
            self.delivery.tick(self.now)
            while self.online and (send := self.delivery.next(self.now)) is not None:
                self.carry(send, faithful=faithful)
            wake = self.delivery.wake_at(self.now) if self.online else None
            times = [until, *([wake] if wake is not None else []), *([self.due[0][0]] if self.due else [])]
            self.now = max(self.now + 0.001, min(times))
            while self.due and self.due[0][0] <= self.now:
                self.happen(heapq.heappop(self.due)[2], faithful=faithful)

    def carry(self, send: Send, *, faithful: bool) -> None:
        """Carry out a send through the broker."""
        size = 1 if send.lane is Lane.LIVE else LIMITS.batch
        pieces = [range(n, min(n + size, send.upto + 1)) for n in range(send.after + 1, send.upto + 1, size)]
        assert send.upto <= self.head, "only what is committed is sent"
        self.flying += len(pieces)
        assert self.flying <= LIMITS.window, "the window is kept"
        for piece in pieces:
            self.at(self.rng.uniform(0.0, 0.05), "puback", send.lane, self.connection)
            for name in self.consumers:
                if faithful or self.rng.random() >= self.loss:
                    self.at(self.rng.uniform(0.0, 0.3), "arrive", name, piece)
        self.delivery.sent(send, send.upto, send.upto - send.after, len(pieces), self.now)

    def happen(self, what: tuple[object, ...], *, faithful: bool) -> None:
        """One thing happens."""
        match what:
            case ("puback", Lane() as lane, int() as connection):
                if self.online and connection == self.connection:
                    self.flying -= 1
                    self.delivery.settled(lane, True, self.now)
            case ("health", int() as connection):
                if connection == self.connection:
                    for name in self.consumers:
                        self.at(0.1, "speak", name)
                    self.at(60.0, "health", connection)
            case ("arrive", str() as name, range() as piece):
                if self.alive[name]:
                    for seq in piece:
                        self.centres[name].add(seq, seq)
                    self.at(0.02, "speak", name)
            case ("speak", str() as name):
                if self.alive[name] and self.online and (faithful or self.rng.random() >= self.loss):
                    self.hear(name, self.centres[name].contiguous)

    def hear(self, name: str, seq: int) -> None:
        """The journal takes a centre's word."""
        known = self.acked[name]
        self.acked[name] = seq
        verdict = Verdict.ADVANCED if seq > known else Verdict.REPEATED if seq == known else Verdict.WENT_BACK
        self.delivery.acknowledged(name, seq, verdict, 2_000, self.now)


ACTIONS = st.sampled_from(["commit", "burst", "cut", "connect", "die", "live", "restore", "wait", "long"])


@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.too_slow])
@given(seed=st.integers(0, 2**32), loss=st.sampled_from([0.0, 0.1, 0.5]), two=st.booleans(), story=st.lists(ACTIONS, max_size=25))
def test_everything_reaches_every_centre_in_the_end(seed: int, loss: float, two: bool, story: list[str]) -> None:
    """Whatever is lost, cut, killed or restored meanwhile: when all is well again, every centre gets every number."""
    world = World(seed, ("centre", "auditor") if two else ("centre",), loss)
    for action in story:
        name = world.rng.choice(world.consumers)
        match action:
            case "commit" | "burst":
                world.head += 3 if action == "commit" else 200
                if world.online:
                    world.delivery.committed(world.head)
            case "cut":
                world.cut()
            case "connect":
                world.connect()
            case "die" | "live":
                world.alive[name] = action == "live"
            case "restore":
                world.centres[name] = Coverage(world.centres[name].contiguous // 2)
            case _:
                world.step(world.now + (1.0 if action == "wait" else 400.0), faithful=False)
    world.alive = dict.fromkeys(world.consumers, True)
    if not world.online:
        world.connect()
    # Both back-offs may stand at ten minutes; a centre that speaks again ends its own.
    world.step(world.now + 2_000.0, faithful=True)
    assert {name: centre.contiguous for name, centre in world.centres.items()} == dict.fromkeys(world.consumers, world.head)
    assert world.acked == dict.fromkeys(world.consumers, world.head)
