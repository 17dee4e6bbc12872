"""The simulated camera's subscriptions: what each has not pulled yet, and when it ends."""

from __future__ import annotations

import asyncio
import itertools
import re
import time
from collections import deque
from collections.abc import Callable, Mapping
from datetime import datetime, timedelta

from drivers.onvif.simulator import words
from drivers.onvif.simulator.state import Behaviour

KEPT = 100  # events a subscription that nobody pulls; the oldest go first, as in cameras
ASKED_S = 60.0  # where nothing sensible was asked for

State = tuple[str, tuple[str, str], tuple[str, str]]
"""A property: topic, source, data."""


class Subscription:
    """One pull point."""

    def __init__(self, ends: float) -> None:
        self.ends = ends
        self.waiting: deque[str] = deque(maxlen=KEPT)
        self.more = asyncio.Event()

    def put(self, message: str) -> None:
        """Add one event."""
        self.waiting.append(message)
        self.more.set()


class Events:
    """All subscriptions of a camera since it started."""

    def __init__(self, behaviour: Behaviour, now: Callable[[], datetime]) -> None:
        self._behaviour = behaviour
        self._now = now
        self._number = itertools.count(1)
        self._living: dict[str, Subscription] = {}
        self._properties: dict[tuple[str, str], State] = {}

    def living(self) -> int:
        """How many subscriptions there are."""
        self._bury()
        return len(self._living)

    def forget(self) -> None:
        """The camera restarts; numbers go on, so that an old address is never a new one."""
        self._living.clear()
        self._properties.clear()

    def tell(self, topic: str, source: tuple[str, str], data: tuple[str, str]) -> None:
        """A property has a value; an event where it has changed."""
        key = topic, source[1]
        if self._properties.get(key) == (topic, source, data):
            return
        self._properties[key] = topic, source, data
        for subscription in self._living.values():
            subscription.put(words.event(topic, source, data, "Changed", self._now()))

    def create(self, asked: str, address: str) -> str | None:
        """A new subscription as an answer; None where all are taken."""
        if self.living() >= self._behaviour.most_subscriptions:
            return None
        number, granted = str(next(self._number)), self._grant(asked)
        self._living[number] = Subscription(time.monotonic() + granted)
        if self._behaviour.synchronises:
            self.synchronise(number)
        where = address if self._behaviour.parameters else f"{address}?id={number}"
        now = self._now()
        return words.subscription(where, number if self._behaviour.parameters else "", now, now + timedelta(seconds=granted))

    def renew(self, number: str, asked: str) -> str | None:
        """A longer life as an answer; None where there is none to prolong."""
        if (subscription := self._find(number)) is None:
            return None
        granted = self._grant(asked)
        subscription.ends = time.monotonic() + granted
        now = self._now()
        return words.renewed(now, now + timedelta(seconds=granted))

    def drop(self, number: str) -> bool:
        """Unsubscribe."""
        return self._living.pop(number, None) is not None

    def synchronise(self, number: str) -> bool:
        """Tell one subscription every property anew."""
        if (subscription := self._find(number)) is None:
            return False
        for topic, source, data in self._properties.values():
            subscription.put(words.event(topic, source, data, "Initialized", self._now()))
        return True

    async def pull(self, number: str, wait_s: float, limit: int) -> str | None:
        """What one subscription has not heard yet, waiting for it; None where there is no such subscription."""
        if (subscription := self._find(number)) is None:
            return None
        if not subscription.waiting and self._behaviour.waits:
            subscription.more.clear()
            try:
                async with asyncio.timeout(wait_s):
                    await subscription.more.wait()
            except TimeoutError:
                pass
        taken = [subscription.waiting.popleft() for _ in range(min(limit, len(subscription.waiting)))]
        now = self._now()
        return words.pulled(taken, now, now + timedelta(seconds=subscription.ends - time.monotonic()))

    def _grant(self, asked: str) -> float:
        """Seconds: a duration such as PT60S, or a time."""
        if self._behaviour.grants_s is not None:
            return self._behaviour.grants_s
        if duration := re.fullmatch(r"PT(\d+)S", asked):
            return 1.0 if self._behaviour.absolute_only else float(duration[1])
        try:
            return max(0.0, (datetime.fromisoformat(asked) - self._now()).total_seconds())
        except (ValueError, TypeError):
            return ASKED_S

    def _find(self, number: str) -> Subscription | None:
        self._bury()
        return self._living.get(number)

    def _bury(self) -> None:
        for number in [number for number, one in self._living.items() if one.ends <= time.monotonic()]:
            del self._living[number]


def parse_timeout(duration: str) -> float:
    """Seconds of a PullMessages time-out, at most a minute."""
    found = re.fullmatch(r"PT(?:(\d+)M)?(?:([\d.]+)S)?", duration)
    return min(60.0, int(found[1] or 0) * 60 + float(found[2] or 0)) if found else 1.0


def number_in(path: str, headers: Mapping[str, str]) -> str:
    """Which subscription a request is for: by its address or by the reference parameter that it repeats."""
    return path.partition("?id=")[2] or headers.get("Id", "")
