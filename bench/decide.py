"""How long a decision takes with a whole town in the book: `decide` alone, and the gate's core from reading to order.

A book of 30,000 tenants with two cards each and a PIN for every third, 400 rules over 64 access points. Credentials come in random order,
so that the book is as cold in the processor's cache as at a real gate.
"""

from __future__ import annotations

import argparse
import gc
import json
import random
import statistics
import time
from collections.abc import Callable, Sequence
from datetime import UTC, date, datetime, timedelta
from types import MappingProxyType
from zoneinfo import ZoneInfo

from edge.access.crossing import Senses
from edge.access.decision import decide
from edge.access.request import CardShown, PinShown, Request
from edge.access.rules import AccessPoint, AccessRule, Rules, rules_of
from edge.access.schedule import Schedule, parse_span
from edge.access.state import State
from edge.access.terms import Book, Card, Direction, Tenant
from edge.clock import Moment
from edge.gate.core import GateCore
from edge.gate.inputs import Driven, LineSaid, Presented
from edge.gate.plan import DoorPlan, PointPlan
from edge.gate.visits import Visits

TENANTS = 30_000
POINTS = 64
GROUPS = 100
ROUNDS = 50_000
NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


class Forgetful:
    """A Memory that keeps nothing."""

    def remember(self, key: str, value: str) -> None:
        """Drop it."""

    def recall(self, key: str) -> str | None:
        """Know nothing."""
        del key
        return None


def book() -> Book:
    """The town."""
    tenants = {
        f"ref{n}": Tenant(f"ref{n}", f"t{n}", "", groups=frozenset({f"g{n % GROUPS}", f"g{n % 7}"}), valid_until=date(2027, 1, 1))
        for n in range(TENANTS)
    }
    cards = {Card(26 if n % 2 else 34, 1000 + n): f"ref{n // 2}" for n in range(2 * TENANTS)}
    pins = {n.to_bytes(32, "big"): f"ref{n}" for n in range(0, TENANTS, 3)}
    return Book("bench", NOON - timedelta(hours=1), tenants=tenants, cards=cards, pins=pins)


def rules() -> Rules:
    """Four hundred rules; every access point has entries and a schedule of its own."""
    points = [AccessPoint(f"ap{n}", f"door{n // 2}", Direction.IN if n % 2 == 0 else Direction.OUT) for n in range(POINTS)]
    day = Schedule("day", ((parse_span("06:00-23:00"),),) * 7)
    made = [AccessRule(frozenset({f"g{n % GROUPS}"}), frozenset({f"ap{n % POINTS}", f"ap{n * 7 % POINTS}"}), day) for n in range(400)]
    return rules_of(points, made, ZoneInfo("Asia/Shanghai"))


def timed(work: Callable[[int], object], rounds: int) -> list[float]:
    """Milliseconds of each round, the collector kept out as in any other bench."""
    out: list[float] = []
    gc.collect()
    gc.disable()
    try:
        for n in range(rounds):
            before = time.perf_counter_ns()
            work(n)
            out.append((time.perf_counter_ns() - before) / 1e6)
    finally:
        gc.enable()
    return out


def core(town: Book, law: Rules) -> GateCore:
    """A gate whose every card is an entry by a tenant who may pass."""
    points = {"ap0": PointPlan("ap0", Direction.IN, ("c", 1))}
    plan = DoorPlan("door0", "", "turnstile", ("c", 1), Senses(), 5.0, 15.0, MappingProxyType(points), lines=frozenset({"c"}))
    memory = Forgetful()
    numbers = iter(range(10**9))
    return GateCore(
        plan,
        book=lambda: town,
        rules=lambda: law,
        memory=memory,
        visits=Visits(memory, lambda: town),
        new_id=lambda: str(next(numbers)),
        pin_hash=lambda digits: digits.encode(),
    )


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
    parser = argparse.ArgumentParser(prog="python -m bench.decide", description=__doc__)
    parser.add_argument("--json", action="store_true", help="the figures as one object on the last line")
    asked = parser.parse_args(arguments)
    town, law, dice = book(), rules(), random.Random(1)
    now = Moment(NOON, 1000.0)
    cards, pins = list(town.cards), list(town.pins)
    shown = {
        "card": [Request(f"ap{dice.randrange(POINTS)}", CardShown(dice.choice(cards))) for _ in range(ROUNDS)],
        "PIN": [Request(f"ap{dice.randrange(POINTS)}", PinShown(dice.choice(pins))) for _ in range(ROUNDS)],
        "unknown card": [Request(f"ap{dice.randrange(POINTS)}", CardShown(Card(26, 10**7 + n))) for n in range(ROUNDS)],
    }
    rows = {name: timed(lambda n, of=asks: decide(of[n], town, law, State(), now), ROUNDS) for name, asks in shown.items()}  # type: ignore[misc]  # a default binds the loop's value
    every = [spent for name in shown for spent in rows[name]]

    gate = core(town, law)
    gate.handle(LineSaid("c", True), now)
    taken = [Presented("ap0", CardShown(dice.choice(cards))) for _ in range(ROUNDS // 5)]

    def swipe(n: int) -> None:
        at = Moment(NOON, 1000.0 + 10 * n)
        for drive in gate.handle(taken[n], at).drives:
            gate.handle(Driven(drive, "commanded"), at)

    rows["gate core: card to order to outcome"] = timed(swipe, len(taken))

    print(f"{TENANTS} tenants, {len(town.cards)} cards, {len(law.rules)} rules, {POINTS} access points; microseconds")
    print(f"{'':38}{'p50':>8}{'p99':>8}{'p99.9':>8}{'max':>9}  p99 over p50")
    for name, spent in rows.items():
        cut = statistics.quantiles(spent, n=1000)
        p50, p99, p999 = (1e3 * cut[i] for i in (499, 989, 998))
        print(f"{name:38}{p50:8.1f}{p99:8.1f}{p999:8.1f}{1e3 * max(spent):9.1f}  {p99 / p50:5.1f}x")
    if asked.json:
        core_p99 = statistics.quantiles(rows["gate core: card to order to outcome"], n=100)[98]
        p99 = statistics.quantiles(every, n=100)[98]
        print(json.dumps({"bench": "decide", "figures": {"p99_ms": round(p99, 4), "core_p99_ms": round(core_p99, 4)}}))


if __name__ == "__main__":
    main()
